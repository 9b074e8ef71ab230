/* The hotlist of a large fleet: how many bytes its parts have as the bank signs them, how many purses fit, and what a purse core
 * needs to take it and to look a purse up in it, with the cryptography that is shipped in purses, beside the bare verification of
 * one ES256 signature.
 *
 *   hotlist [--purses N] [--listed N] [--day N]
 *
 * Prints one JSON object. Listed purses are drawn at random from N whose numbers follow each other, as the bank gives them out.
 * The purse stands in memory. */
#include <stdio.h>
#include <stdlib.h>

#include "bank/hotlist.h"
#include "base/clock.h"
#include "tests/unit/purse/exchange_world.h"

#define FIRST UINT64_C(1000000)
#define STEP 128u /* as [hotlist] step stands at first */
#define LOOK_UPS 4000u
#define CHECKS 400u

struct wish {
    uint64_t purses;
    uint64_t listed;
    uint64_t day;
};

static struct side purse;
static uint64_t *
    drawn; /* nths, in the order in which they were listed; those after `listed` to see what fits */
static uint64_t mix = 20261127;

static uint64_t next_random(uint64_t below)
{
    mix = mix * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (mix >> 24) % below;
}

static void stop(const char *what)
{
    (void)fprintf(stderr, "hotlist: %s\n", what);
    exit(4);
}

/* All of them in some order. */
static void draw(uint64_t purses)
{
    drawn = calloc(purses, sizeof *drawn);
    if (drawn == NULL) {
        stop("no memory");
    }
    for (uint64_t i = 0; i < purses; i++) {
        drawn[i] = kc_purse_nth(FIRST + i).number;
    }
    for (uint64_t i = purses - 1; i > 0; i--) {
        uint64_t other = next_random(i + 1);
        uint64_t number = drawn[i];
        drawn[i] = drawn[other];
        drawn[other] = number;
    }
}

/* ---- the bank ---- */

static struct kc_listed write_listed(struct kc_buffer *bytes, const uint64_t *numbers, size_t count)
{
    struct kc_listed listed;
    if (kc_failed(kc_bank_hotlist_write(&listed, bytes, numbers, count))) {
        stop("the list cannot be written");
    }
    return listed;
}

static size_t sign_base(struct kept *out, size_t *bare, size_t count)
{
    static uint8_t room[KC_BANK_BASE_SIZE_MAX];
    struct kc_buffer bytes = KC_BUFFER(room);
    const struct kc_listed listed = write_listed(&bytes, drawn, count);
    const struct kc_hotlist_base base = {.bank = exchange_realm()->bank,
                                         .version = count - count % STEP,
                                         .time_ms = NOW_MS,
                                         .complete = listed.count == count,
                                         .count = listed.count,
                                         .least = listed.least,
                                         .bits = listed.bits,
                                         .listed = listed.bytes};
    *bare = listed.bytes.size;
    (void)bank_signs_part(out, &kc_hotlist_base_shape, &base, exchange_bank(), exchange_realm(),
                          kc_hotlist_base_shape.domain);
    return (size_t)listed.count;
}

static size_t sign_delta(struct kept *out, const struct wish *wish, size_t count)
{
    static uint8_t room[KC_BANK_DELTA_SIZE_MAX];
    struct kc_buffer bytes = KC_BUFFER(room);
    const struct kc_listed listed = write_listed(&bytes, drawn + wish->listed, count);
    uint64_t on = wish->listed - wish->listed % STEP;
    const struct kc_hotlist_delta delta = {.bank = exchange_realm()->bank,
                                           .base = on,
                                           .version = on + count,
                                           .time_ms = NOW_MS,
                                           .complete = listed.count == count,
                                           .count = listed.count,
                                           .least = listed.least,
                                           .bits = listed.bits,
                                           .listed = listed.bytes};
    (void)bank_signs_part(out, &kc_hotlist_delta_shape, &delta, exchange_bank(), exchange_realm(),
                          kc_hotlist_delta_shape.domain);
    return (size_t)listed.count;
}

/* What the older form needs for the same purses, without envelope and signature. */
static size_t older_size(size_t count)
{
    static uint8_t room[1u << 20];
    struct kc_buffer bytes = KC_BUFFER(room);
    size_t listed = 0;
    if (kc_failed(kc_bank_hotlist_encode(&bytes, &listed, drawn, count)) || listed != count) {
        stop("the older form cannot be written");
    }
    return bytes.size;
}

/* ---- the purse ---- */

static int compare(const void *a, const void *b)
{
    uint64_t left;
    uint64_t right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

static double middle_us(uint64_t *all_ns, size_t count)
{
    qsort(all_ns, count, sizeof *all_ns, compare);
    return (double)all_ns[count / 2] / 1000;
}

static double take_us(struct kc_view part)
{
    uint64_t start_ns = kc_clock_monotonic_ns();
    enum kc_error error = take_hotlist(&purse, part);
    uint64_t ns = kc_clock_monotonic_ns() - start_ns;
    if (error != KC_OK) {
        stop(kc_error_name(error));
    }
    return (double)ns / 1000;
}

/* Purses drawn from first to end, all of which are listed or none is. */
static double look_up_us(uint64_t first, uint64_t end, bool listed)
{
    static uint64_t times[LOOK_UPS];
    for (size_t i = 0; i < LOOK_UPS; i++) {
        const struct kc_purse_id wanted = {drawn[first + next_random(end - first)]};
        uint64_t start_ns = kc_clock_monotonic_ns();
        bool found = kc_purse_is_listed(&purse.purse, wanted);
        times[i] = kc_clock_monotonic_ns() - start_ns;
        if (found != listed) {
            stop("a look-up was wrong");
        }
    }
    return middle_us(times, LOOK_UPS);
}

static double verify_us(void)
{
    static uint64_t times[CHECKS];
    const struct kc_crypto *signing = exchange_crypto();
    const struct kc_crypto *crypto = &purse.purse.crypto;
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    for (size_t i = 0; i < CHECKS; i++) {
        size_t size = sizeof signature;
        memset(digest, 0x5a, sizeof digest);
        digest[0] = (uint8_t)i;
        must(signing->sign(signing->context, signature, &size, &exchange_bank()->private_key,
                           digest));
        uint64_t start_ns = kc_clock_monotonic_ns();
        struct kc_result good = crypto->verify(crypto->context, &exchange_bank()->public_key,
                                               digest, kc_view(signature, size));
        times[i] = kc_clock_monotonic_ns() - start_ns;
        must(good);
    }
    return middle_us(times, CHECKS);
}

/* ---- figures ---- */

static void print_times(const struct wish *wish, const struct kept *base, const struct kept *delta,
                        size_t delta_count)
{
    uint64_t listed_end = wish->listed + delta_count;
    (void)printf(", \"take_base_us\": %.1f", take_us(kept_view(base)));
    (void)printf(", \"take_delta_us\": %.1f", take_us(kept_view(delta)));
    (void)printf(", \"look_up_us\": %.2f", look_up_us(listed_end, wish->purses, false));
    (void)printf(", \"look_up_listed_us\": %.2f", look_up_us(0, wish->listed, true));
    (void)printf(", \"look_up_in_delta_us\": %.2f", look_up_us(wish->listed, listed_end, true));
    (void)printf(", \"verify_us\": %.1f", verify_us());
}

static bool read_wish(struct wish *out, int argc, char **argv)
{
    *out = (struct wish){.purses = 1000000, .listed = 1000, .day = 3};
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t *field = strcmp(argv[i], "--purses") == 0   ? &out->purses
                          : strcmp(argv[i], "--listed") == 0 ? &out->listed
                          : strcmp(argv[i], "--day") == 0    ? &out->day
                                                             : NULL;
        if (field == NULL) {
            return false;
        }
        *field = strtoull(argv[i + 1], NULL, 10);
    }
    return argc % 2 == 1 && out->purses <= 10000000 && out->listed >= STEP && out->day > 0 &&
           out->day < STEP && out->listed + 2 * KC_BANK_LISTED_MAX < out->purses;
}

int main(int argc, char **argv)
{
    static struct kept base;
    static struct kept delta;
    static struct kept most;
    struct wish wish;
    size_t bare = 0;
    if (!read_wish(&wish, argc, argv)) {
        (void)fprintf(stderr, "usage: hotlist [--purses N] [--listed N] [--day N]\n");
        return 2;
    }
    (void)exchange_open(NULL);
    draw(wish.purses);
    const struct making making = {.nth = (unsigned)(FIRST + wish.purses + 1),
                                  .suite = KC_SUITE_ES256,
                                  .value = 7,
                                  .expires_s = EXPIRES_S,
                                  .type = KC_PURSE_TYPE_UIM,
                                  .bearssl = true};
    side_make(&purse, &making);
    size_t limit = sign_base(&most, &bare, KC_BANK_LISTED_MAX);
    (void)printf("{\"limit\": %zu", limit);
    (void)printf(", \"limit_in_delta\": %zu", sign_delta(&most, &wish, KC_BANK_LISTED_MAX));
    (void)sign_delta(&most, &wish, STEP - 1);
    size_t count = sign_base(&base, &bare, wish.listed);
    (void)printf(", \"listed\": %zu, \"base\": %zu, \"numbers\": %zu", count, base.size, bare);
    (void)printf(", \"older_numbers\": %zu", older_size(wish.listed));
    if (count != wish.listed) {
        stop("they do not fit");
    }
    (void)printf(", \"largest_delta\": %zu", most.size);
    size_t day = sign_delta(&delta, &wish, wish.day);
    (void)printf(", \"day\": %zu, \"delta\": %zu", day, delta.size);
    print_times(&wish, &base, &delta, day);
    (void)printf("}\n");
    free(drawn);
    (void)exchange_close(NULL);
    return 0;
}
