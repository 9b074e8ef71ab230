/* One payment from purse to purse: the sizes of its messages, what it takes on a line, and the time that two purse cores need,
 * with the cryptography that is shipped in purses, beside the signature operations that it needs.
 *
 *   exchange [--pairs N] es256|rs2048
 *
 * Prints one JSON object. Purses stand in memory; numbers and amounts have the lengths that they have in life. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "link/frame.h"
#include "tests/unit/purse/exchange_world.h"

#define NTH UINT32_C(1000000)
#define MUCH UINT64_C(50000000)
#define SOME UINT64_C(1000000)
#define MESSAGES 4u
#define LATER_PER_PAIR 20u
#define SESSION UINT32_C(0x5a3c96e1)

enum { PAYER, PAYEE, SIDES };

/* Nanoseconds and signature operations of one side in one exchange. */
struct work {
    uint64_t total_ns;
    uint64_t sign_ns;
    uint64_t verify_ns;
    unsigned signs;
    unsigned verifies;
};

struct exchange {
    struct kept messages[MESSAGES]; /* identify, payee-identity, payment, payment-answer */
    struct work work[SIDES];
};

static struct side start[SIDES];
static struct side sides[SIDES];
static struct work *counting;
static struct kc_crypto real;

/* ---- the purse's cryptography, watched ---- */

static struct kc_result watched_sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX],
                                     size_t *size, const struct kc_private_key *key,
                                     const uint8_t digest[KC_DIGEST_SIZE])
{
    uint64_t start_ns = kc_clock_monotonic_ns();
    struct kc_result result = real.sign(context, signature, size, key, digest);
    counting->sign_ns += kc_clock_monotonic_ns() - start_ns;
    counting->signs += 1;
    return result;
}

static struct kc_result watched_verify(void *context, const struct kc_public_key *key,
                                       const uint8_t digest[KC_DIGEST_SIZE],
                                       struct kc_view signature)
{
    uint64_t start_ns = kc_clock_monotonic_ns();
    struct kc_result result = real.verify(context, key, digest, signature);
    counting->verify_ns += kc_clock_monotonic_ns() - start_ns;
    counting->verifies += 1;
    return result;
}

static void watch(struct side *side)
{
    real = side->crypto;
    side->purse.crypto.sign = watched_sign;
    side->purse.crypto.verify = watched_verify;
}

/* ---- one exchange ---- */

static struct kc_view run(struct exchange *exchange, int who, uint8_t ins, uint8_t p1,
                          size_t number_count, const uint64_t *numbers, struct kc_view data)
{
    counting = &exchange->work[who];
    uint64_t start_ns = kc_clock_monotonic_ns();
    enum kc_error error = side_run(&sides[who], ins, p1, number_count, numbers, data);
    counting->total_ns += kc_clock_monotonic_ns() - start_ns;
    if (error != KC_OK) {
        (void)fprintf(stderr, "exchange: command %02x: %s\n", ins, kc_error_name(error));
        exit(4);
    }
    return sides[who].out;
}

static void pay_once(struct exchange *out, uint64_t amount)
{
    static uint64_t now = NOW_MS;
    const uint64_t asked[] = {amount};
    const uint64_t pay[] = {amount, ++now};
    const uint64_t time[] = {++now};
    struct kept *messages = out->messages;
    memset(out->work, 0, sizeof out->work);
    (void)keep(&messages[0], run(out, PAYER, KC_INS_IDENTIFY, 0, 0, NULL, kc_view(NULL, 0)));
    (void)keep(&messages[1], run(out, PAYEE, KC_INS_OFFER, 0, 1, asked, kept_view(&messages[0])));
    (void)keep(&messages[2], run(out, PAYER, KC_INS_PAY, 0, 2, pay, kept_view(&messages[1])));
    (void)run(out, PAYEE, KC_INS_EXAMINE, 0, 1, time, kept_view(&messages[2]));
    (void)keep(&messages[3],
               run(out, PAYEE, KC_INS_DECIDE, KC_ANSWER_OK, 1, time, kc_view(NULL, 0)));
    (void)run(out, PAYER, KC_INS_CONCLUDE, 0, 0, NULL, kept_view(&messages[3]));
}

static void make_pair(enum kc_suite suite)
{
    for (unsigned i = 0; i < SIDES; i++) {
        const struct making making = {.nth = NTH + i,
                                      .suite = suite,
                                      .value = i == PAYER ? MUCH : 7,
                                      .expires_s = EXPIRES_S,
                                      .type = KC_PURSE_TYPE_UIM,
                                      .bearssl = true};
        side_make(&start[i], &making);
    }
}

/* As if they had never met. */
static void renew_pair(void)
{
    for (int i = 0; i < SIDES; i++) {
        side_copy(&sides[i], &start[i]);
        watch(&sides[i]);
    }
}

/* ---- on the line ---- */

static size_t frame_size(enum kc_link_kind_of_frame kind, unsigned sequence, struct kc_view payload)
{
    static uint8_t bytes[KC_LINK_STUFFED_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    const struct kc_link_frame frame = {
        .kind = kind, .sequence = (uint8_t)sequence, .session = SESSION, .payload = payload};
    if (kc_failed(kc_link_frame_write(&out, &frame))) {
        exit(4);
    }
    return out.size;
}

/* Bytes on the line for the whole exchange, both directions, one after the other as stop-and-wait has it: greeting
 * (HELLO, WELCOME, ACK), each message with its acknowledgement, and a BYE from either side. */
static size_t line_size(const struct exchange *exchange)
{
    const struct kc_view none = kc_view(NULL, 0);
    size_t size = frame_size(KC_LINK_HELLO, 0, none) + frame_size(KC_LINK_WELCOME, 0, none) +
                  frame_size(KC_LINK_ACK, 0, none) + 2 * frame_size(KC_LINK_BYE, 0, none);
    for (unsigned i = 0; i < MESSAGES; i++) {
        size += frame_size(KC_LINK_DATA, i / 2, kept_view(&exchange->messages[i])) +
                frame_size(KC_LINK_ACK, 0, none);
    }
    return size;
}

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
    uint64_t left;
    uint64_t right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

/* What one side needed, the middle of all exchanges of a kind. */
struct middle {
    uint64_t *total_ns[SIDES];
    uint64_t *bare_ns[SIDES];
    size_t count;
};

static void note(struct middle *middle, const struct exchange *exchange, unsigned verifies)
{
    for (int i = 0; i < SIDES; i++) {
        const struct work *work = &exchange->work[i];
        if (work->signs != 1 || work->verifies != verifies) {
            (void)fprintf(stderr, "exchange: %u signatures and %u verifications\n", work->signs,
                          work->verifies);
            exit(4);
        }
        middle->total_ns[i][middle->count] = work->total_ns;
        middle->bare_ns[i][middle->count] = work->sign_ns + work->verify_ns;
    }
    middle->count += 1;
}

static double middle_us(uint64_t *all, size_t count)
{
    qsort(all, count, sizeof *all, compare);
    return (double)all[count / 2] / 1000;
}

static void open_middle(struct middle *middle, size_t most)
{
    middle->count = 0;
    for (int i = 0; i < SIDES; i++) {
        middle->total_ns[i] = calloc(most, sizeof(uint64_t));
        middle->bare_ns[i] = calloc(most, sizeof(uint64_t));
        if (middle->total_ns[i] == NULL || middle->bare_ns[i] == NULL) {
            exit(4);
        }
    }
}

static void print_contact(const char *name, const struct exchange *exchange, struct middle *middle)
{
    (void)printf("\"%s\": {\"messages\": [", name);
    for (unsigned i = 0; i < MESSAGES; i++) {
        (void)printf("%s%zu", i == 0 ? "" : ", ", exchange->messages[i].size);
    }
    (void)printf("], \"line\": %zu", line_size(exchange));
    for (int i = 0; i < SIDES; i++) {
        (void)printf(", \"%s\": {\"total_us\": %.1f, \"bare_us\": %.1f}",
                     i == PAYER ? "payer" : "payee", middle_us(middle->total_ns[i], middle->count),
                     middle_us(middle->bare_ns[i], middle->count));
        free(middle->total_ns[i]);
        free(middle->bare_ns[i]);
    }
    (void)printf("}");
}

int main(int argc, char **argv)
{
    static struct exchange first;
    static struct exchange later;
    struct middle firsts;
    struct middle laters;
    size_t pairs = argc == 4 ? strtoul(argv[2], NULL, 10) : 20;
    const char *suite = argc > 1 ? argv[argc - 1] : "";
    bool rsa = strcmp(suite, "rs2048") == 0;
    if ((!rsa && strcmp(suite, "es256") != 0) || pairs == 0 || pairs > 100000) {
        (void)fprintf(stderr, "usage: exchange [--pairs N] es256|rs2048\n");
        return 2;
    }
    (void)exchange_open(NULL);
    open_middle(&firsts, pairs);
    open_middle(&laters, pairs * LATER_PER_PAIR);
    make_pair(rsa ? KC_SUITE_RS2048 : KC_SUITE_ES256);
    for (size_t i = 0; i < pairs; i++) {
        renew_pair();
        pay_once(&first, SOME);
        note(&firsts, &first, 2);
        for (unsigned k = 0; k < LATER_PER_PAIR; k++) {
            pay_once(&later, SOME + k);
            note(&laters, &later, 1);
        }
    }
    (void)printf("{");
    print_contact("first", &first, &firsts);
    (void)printf(", ");
    print_contact("later", &later, &laters);
    (void)printf("}\n");
    (void)exchange_close(NULL);
    return 0;
}
