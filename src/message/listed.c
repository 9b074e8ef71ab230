/* Purse numbers in few bytes: Rice code of ascending numbers. */
#include "message/listed.h"

#include "base/assert.h"

/* No number without its check digit reaches it. */
#define NTH_END UINT64_C(100000000000000000)

/* ---- writing ---- */

static uint64_t step_at(const uint64_t *ascending, size_t i)
{
    return ascending[i] / 10 - ascending[i - 1] / 10 - 1;
}

/* Bits of all steps; more than `most` is told as most + 1. */
static uint64_t size_with(unsigned bits, const uint64_t *ascending, size_t count, uint64_t most)
{
    uint64_t size = 0;
    for (size_t i = 1; i < count && size <= most; i++) {
        uint64_t upper = step_at(ascending, i) >> bits;
        size = upper > most ? most + 1 : size + upper + 1 + bits;
    }
    return size > most ? most + 1 : size;
}

static void put_bit(struct kc_buffer *out, size_t *at, bool bit)
{
    uint8_t *byte = &out->data[*at / 8];
    if (*at % 8 == 0) {
        *byte = 0;
    }
    *byte = (uint8_t)(*byte | (bit ? 0x80u >> *at % 8 : 0u));
    *at += 1;
}

static void put_step(struct kc_buffer *out, size_t *at, uint64_t step, unsigned bits)
{
    for (uint64_t upper = step >> bits; upper > 0; upper--) {
        put_bit(out, at, true);
    }
    put_bit(out, at, false);
    for (unsigned i = bits; i > 0; i--) {
        put_bit(out, at, (step >> (i - 1) & 1u) != 0);
    }
}

static bool all_good(const uint64_t *ascending, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!kc_number_checks(ascending[i]) || (i > 0 && ascending[i] <= ascending[i - 1])) {
            return false;
        }
    }
    return true;
}

struct kc_result kc_listed_write(struct kc_listed *out, struct kc_buffer *bytes,
                                 const uint64_t *ascending, size_t count)
{
    uint64_t most = (uint64_t)bytes->capacity * 8;
    uint64_t best = most + 1;
    unsigned bits = 0;
    size_t at = 0;
    if (!all_good(ascending, count)) {
        return kc_result(KC_MALFORMED);
    }
    for (unsigned tried = 0; tried <= KC_LISTED_BITS_MAX; tried++) {
        uint64_t size = size_with(tried, ascending, count, most);
        if (size < best) {
            best = size;
            bits = tried;
        }
    }
    if (best > most) {
        return kc_result(KC_BUFFER_SMALL);
    }
    for (size_t i = 1; i < count; i++) {
        put_step(bytes, &at, step_at(ascending, i), bits);
    }
    KC_ASSERT(at == best);
    bytes->size = (at + 7) / 8;
    *out = (struct kc_listed){.count = count,
                              .least = count > 0 ? ascending[0] / 10 : 0,
                              .bits = bits,
                              .bytes = kc_buffer_view(bytes)};
    return kc_ok();
}

/* ---- reading ---- */

struct walk {
    const struct kc_listed *listed;
    size_t at;     /* in bits */
    uint64_t left; /* numbers after this one */
    uint64_t nth;
};

static bool start(struct walk *out, const struct kc_listed *listed)
{
    *out = (struct walk){.listed = listed, .left = listed->count, .nth = listed->least};
    if (listed->count == 0) {
        return false;
    }
    out->left -= 1;
    return listed->least > 0 && listed->least < NTH_END && listed->bits <= KC_LISTED_BITS_MAX;
}

static unsigned bit_at(const struct walk *walk)
{
    return (unsigned)walk->listed->bytes.data[walk->at / 8] >> (7 - walk->at % 8) & 1u;
}

/* The next number; false when the bytes end before it or it is none. */
static bool next(struct walk *walk)
{
    size_t end = walk->listed->bytes.size * 8;
    size_t bits = (size_t)walk->listed->bits;
    uint64_t upper = 0;
    uint64_t lower = 0;
    for (; walk->at < end && bit_at(walk) == 1; walk->at++) {
        upper++;
    }
    if (end - walk->at < bits + 1 || upper > (NTH_END >> bits)) {
        return false;
    }
    walk->at++;
    for (size_t i = 0; i < bits; i++, walk->at++) {
        lower = lower << 1 | bit_at(walk);
    }
    uint64_t step = (upper << bits) + lower;
    if (step >= NTH_END - walk->nth - 1) {
        return false;
    }
    walk->nth += step + 1;
    walk->left -= 1;
    return true;
}

struct kc_result kc_listed_check(const struct kc_listed *listed)
{
    struct walk walk;
    if (listed->count == 0) {
        bool nothing = listed->least == 0 && listed->bits == 0 && listed->bytes.size == 0;
        return kc_result(nothing ? KC_OK : KC_MALFORMED);
    }
    bool good = start(&walk, listed);
    while (good && walk.left > 0) {
        good = next(&walk);
    }
    /* What fills the last byte. */
    good = good && (walk.at + 7) / 8 == listed->bytes.size;
    for (; good && walk.at < listed->bytes.size * 8; walk.at++) {
        good = bit_at(&walk) == 0;
    }
    return kc_result(good ? KC_OK : KC_MALFORMED);
}

bool kc_listed_has(const struct kc_listed *listed, struct kc_purse_id purse)
{
    struct walk walk;
    uint64_t wanted = purse.number / 10;
    if (!kc_number_checks(purse.number) || !start(&walk, listed)) {
        return false;
    }
    while (walk.nth < wanted && walk.left > 0) {
        if (!next(&walk)) {
            return false;
        }
    }
    return walk.nth == wanted;
}
