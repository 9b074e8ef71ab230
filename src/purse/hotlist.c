/* The hotlist: purses that the bank put out of use, as far as room allows, told by the bank or passed on by another purse. It
 * is a base and one delta that adds to it; or a base alone, or a delta that adds to none.
 *
 *  1. In force is what has the highest version of all that is whole: each base, and each delta whose base is there.
 *  2. A write goes to a place of which nothing is in force. So a power cut at any byte leaves in force what was, or what was
 *     written.
 *  3. What is in force changes to a higher version only, unless the memory is damaged.
 *
 * Two places for bases, two for deltas. A base whose version is not the higher one waits in its place for its delta. A list of
 * the older form is a base like any other.
 *
 * The places are those of places.c. */
#include <string.h>

#include "base/assert.h"
#include "message/listed.h"
#include "purse/inside.h"

#define NUMBER_SIZE_MAX 10u /* of 64 bits, 7 a byte */
/* Every part may turn out to be damaged, one after the other. */
#define TRIES_MAX (2u * KC_HOTLIST_COUNT + 1u)

_Static_assert(KC_HOTLIST_SIZE_MAX + KC_PLACE_EXTRA <= KC_MESSAGE_SIZE_MAX,
               "a place fits purse->scratch");

/* ---- what the bank signs: three forms of one thing ---- */

struct list {
    uint64_t bank;
    uint64_t version;
    uint64_t base;
    bool is_delta;
    bool older; /* `listed` is of the older form */
    struct kc_listed listed;
};

/* The form is told by the domain word, which is verified or was; of another one it is the older form, which then fails. */
static struct kc_result decode(struct list *out, const struct kc_signed *parsed,
                               const struct kc_shape *shape)
{
    union {
        struct kc_hotlist list;
        struct kc_hotlist_base base;
        struct kc_hotlist_delta delta;
    } record;
    struct kc_result result = kc_shape_decode(&record, shape, parsed->payload);
    if (kc_failed(result)) {
        return result;
    }
    if (shape == &kc_hotlist_delta_shape) {
        const struct kc_hotlist_delta *delta = &record.delta;
        *out = (struct list){.bank = delta->bank,
                             .version = delta->version,
                             .base = delta->base,
                             .is_delta = true,
                             .listed = {delta->count, delta->least, delta->bits, delta->listed}};
    } else if (shape == &kc_hotlist_base_shape) {
        const struct kc_hotlist_base *base = &record.base;
        *out = (struct list){.bank = base->bank,
                             .version = base->version,
                             .listed = {base->count, base->least, base->bits, base->listed}};
    } else {
        *out = (struct list){.bank = record.list.bank,
                             .version = record.list.version,
                             .older = true,
                             .listed = {record.list.count, 0, 0, record.list.listed}};
    }
    return kc_ok();
}

static const struct kc_shape *shape_of(const struct kc_signed *parsed)
{
    const struct kc_shape *shape = kc_signed_shape(parsed);
    return shape == &kc_hotlist_base_shape || shape == &kc_hotlist_delta_shape ? shape
                                                                               : &kc_hotlist_shape;
}

/* ---- places ---- */

static struct kc_place place_of(bool delta, unsigned place)
{
    KC_ASSERT(place < KC_HOTLIST_COUNT);
    return delta ? (struct kc_place){KC_NVM_DELTAS_AT + (size_t)place * KC_HOTLIST_DELTA_ROOM,
                                     KC_HOTLIST_DELTA_SIZE_MAX}
                 : (struct kc_place){KC_NVM_HOTLISTS_AT + (size_t)place * KC_HOTLIST_ROOM,
                                     KC_HOTLIST_SIZE_MAX};
}

/* Reads and decodes what stands in a place. KC_NOT_FOUND also for what is whole and of no use. */
static struct kc_result read_list(struct list *out, struct kc_purse *purse, bool delta,
                                  unsigned place)
{
    struct kc_view bytes;
    struct kc_signed parsed;
    struct kc_result result = kc_purse_place_read(&bytes, purse, place_of(delta, place));
    if (kc_failed(result)) {
        return result;
    }
    if (kc_failed(kc_signed_parse(&parsed, bytes)) ||
        kc_failed(decode(out, &parsed, shape_of(&parsed))) || out->is_delta != delta) {
        return kc_result(KC_NOT_FOUND);
    }
    return kc_ok();
}

/* ---- what is in force ---- */

static void consider(struct kc_hotlist_held *held, uint64_t version, uint64_t base,
                     unsigned base_place, unsigned delta_place)
{
    if (version > held->version) {
        held->version = version;
        held->base = base;
        held->base_place = base_place;
        held->delta_place = delta_place;
    }
}

static void choose(struct kc_hotlist_held *held)
{
    held->version = 0;
    held->base = 0;
    held->base_place = KC_HOTLIST_COUNT;
    held->delta_place = KC_HOTLIST_COUNT;
    for (unsigned i = 0; i < KC_HOTLIST_COUNT; i++) {
        consider(held, held->bases[i], held->bases[i], i, KC_HOTLIST_COUNT);
    }
    for (unsigned delta = 0; delta < KC_HOTLIST_COUNT; delta++) {
        uint64_t of_base = held->of_base[delta];
        if (of_base == 0) {
            consider(held, held->deltas[delta], 0, KC_HOTLIST_COUNT, delta);
        }
        for (unsigned i = 0; i < KC_HOTLIST_COUNT && of_base > 0; i++) {
            if (held->bases[i] == of_base) {
                consider(held, held->deltas[delta], of_base, i, delta);
            }
        }
    }
}

struct kc_result kc_purse_hotlist_load(struct kc_purse *purse)
{
    struct kc_hotlist_held *held = &purse->hotlist;
    memset(held, 0, sizeof *held);
    choose(held);
    for (unsigned i = 0; i < 2 * KC_HOTLIST_COUNT; i++) {
        bool delta = i >= KC_HOTLIST_COUNT;
        unsigned place = i % KC_HOTLIST_COUNT;
        struct list list = {.version = 0};
        struct kc_result result = read_list(&list, purse, delta, place);
        if (kc_failed(result) && result.code != KC_NOT_FOUND) {
            return result;
        }
        if (!kc_failed(result) && delta) {
            held->deltas[place] = list.version;
            held->of_base[place] = list.base;
        } else if (!kc_failed(result)) {
            held->bases[place] = list.version;
        }
    }
    choose(held);
    return kc_ok();
}

struct kc_result kc_purse_hotlist_get(struct kc_view *out, struct kc_purse *purse, bool delta)
{
    /* When something was damaged since the power-up, what is left still tells something. */
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        unsigned place = delta ? purse->hotlist.delta_place : purse->hotlist.base_place;
        if (place == KC_HOTLIST_COUNT) {
            return kc_result(KC_NOT_FOUND);
        }
        struct kc_result result = kc_purse_place_read(out, purse, place_of(delta, place));
        if (result.code != KC_NOT_FOUND) {
            return result;
        }
        result = kc_purse_hotlist_load(purse);
        if (kc_failed(result)) {
            return result;
        }
    }
    return kc_result(KC_NOT_FOUND);
}

/* ---- the older form: each number as the difference to the one before, lowest 7 bits first ---- */

/* Reads the next number of the list. KC_MALFORMED: it is not greater than the one before, not in its shortest form, or cut. */
static struct kc_result next_number(uint64_t *number, size_t *at, struct kc_view listed)
{
    uint64_t step = 0;
    for (size_t i = 0; i < NUMBER_SIZE_MAX && *at < listed.size; i++) {
        uint8_t byte = listed.data[(*at)++];
        bool fits = i < NUMBER_SIZE_MAX - 1 || byte <= 1;
        step |= (uint64_t)(byte & 0x7fu) << (7 * i);
        if ((byte & 0x80u) != 0 && fits) {
            continue;
        }
        if (!fits || byte == 0 || step > UINT64_MAX - *number) {
            return kc_result(KC_MALFORMED);
        }
        *number += step;
        return kc_ok();
    }
    return kc_result(KC_MALFORMED);
}

static struct kc_result check_numbers(const struct list *list)
{
    uint64_t number = 0;
    uint64_t count = 0;
    size_t at = 0;
    struct kc_view bytes = list->listed.bytes;
    if (!list->older) {
        return kc_listed_check(&list->listed);
    }
    while (at < bytes.size) {
        struct kc_result result = next_number(&number, &at, bytes);
        if (kc_failed(result)) {
            return result;
        }
        count++;
    }
    return kc_result(count == list->listed.count ? KC_OK : KC_MALFORMED);
}

static bool has(const struct list *list, struct kc_purse_id number)
{
    uint64_t listed = 0;
    size_t at = 0;
    struct kc_view bytes = list->listed.bytes;
    if (!list->older) {
        return kc_listed_has(&list->listed, number);
    }
    while (at < bytes.size && listed < number.number) {
        if (kc_failed(next_number(&listed, &at, bytes))) {
            return false;
        }
    }
    return listed != 0 && listed == number.number;
}

/* Looks through what is in force. KC_NOT_FOUND: a part of it is damaged. */
static struct kc_result look(bool *listed, struct kc_purse *purse, struct kc_purse_id number)
{
    const unsigned places[2] = {purse->hotlist.base_place, purse->hotlist.delta_place};
    *listed = false;
    for (unsigned i = 0; i < 2 && !*listed; i++) {
        struct list list;
        if (places[i] == KC_HOTLIST_COUNT) {
            continue;
        }
        struct kc_result result = read_list(&list, purse, i == 1, places[i]);
        if (kc_failed(result)) {
            return result;
        }
        *listed = has(&list, number);
    }
    return kc_ok();
}

bool kc_purse_is_listed(struct kc_purse *purse, struct kc_purse_id number)
{
    bool listed = false;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        struct kc_result result = look(&listed, purse, number);
        if (result.code != KC_NOT_FOUND) {
            return !kc_failed(result) && listed;
        }
        if (kc_failed(kc_purse_hotlist_load(purse))) {
            return false;
        }
    }
    return false;
}

/* ---- TAKE HOTLIST ---- */

/* It comes from anybody, so everything in it is the bank's signed word or refused. */
static struct kc_result verify(struct list *out, struct kc_purse *purse, struct kc_view bytes)
{
    struct kc_signed parsed;
    if (bytes.size > KC_HOTLIST_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_shape *shape = shape_of(&parsed);
    result = kc_purse_verify_bank(purse, &parsed, shape->domain);
    if (!kc_failed(result)) {
        result = decode(out, &parsed, shape);
    }
    if (!kc_failed(result) && out->bank != purse->settings.bank) {
        result = kc_result(KC_WRONG_DOMAIN);
    }
    if (!kc_failed(result) && bytes.size > place_of(out->is_delta, 0).max) {
        result = kc_result(KC_TOO_LARGE);
    }
    return kc_failed(result) ? result : check_numbers(out);
}

static unsigned other_place(unsigned place)
{
    return place == 0 ? 1u : 0u;
}

static bool has_base(const struct kc_hotlist_held *held, uint64_t base)
{
    return base == 0 || held->bases[0] == base || held->bases[1] == base;
}

/* A base that is newer than every one held is taken even when it says less than what is in force: a delta will add to it. */
static struct kc_result take_base(struct kc_purse *purse, uint64_t version, struct kc_view bytes)
{
    struct kc_hotlist_held *held = &purse->hotlist;
    if (version <= held->bases[0] || version <= held->bases[1]) {
        return kc_result(KC_STALE_STATE);
    }
    unsigned place = other_place(held->base_place);
    held->bases[place] = 0;
    struct kc_result result = kc_purse_place_write(purse, place_of(false, place), bytes);
    if (!kc_failed(result)) {
        held->bases[place] = version;
    }
    return result;
}

static struct kc_result take_delta(struct kc_purse *purse, const struct list *list,
                                   struct kc_view bytes)
{
    struct kc_hotlist_held *held = &purse->hotlist;
    if (list->version <= held->version) {
        return kc_result(KC_STALE_STATE);
    }
    if (!has_base(held, list->base)) {
        return kc_result(KC_BASE_NEEDED);
    }
    unsigned place = other_place(held->delta_place);
    held->deltas[place] = 0;
    struct kc_result result = kc_purse_place_write(purse, place_of(true, place), bytes);
    if (!kc_failed(result)) {
        held->deltas[place] = list->version;
        held->of_base[place] = list->base;
    }
    return result;
}

struct kc_result kc_purse_take_hotlist(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct list list;
    struct kc_result result = verify(&list, purse, apdu->data);
    if (!kc_failed(result)) {
        result = list.is_delta ? take_delta(purse, &list, apdu->data)
                               : take_base(purse, list.version, apdu->data);
    }
    choose(&purse->hotlist);
    return result;
}
