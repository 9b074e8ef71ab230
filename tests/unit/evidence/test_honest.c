/* Does any pair of things that an honest purse signed prove anything against it, whatever was lost, repeated, declined or cut?
 * Three purses live at random, with power cuts at any write, and renew their keys; then all that each let out is held against all
 * else, under the key that signed it. */
#include "evidence_world.h"

#include <stdlib.h>

#define LIVES 6u
#define STEPS 100u
#define SAID_MAX 48u
#define KEYS_MAX 4u

struct honest {
    struct side side;
    size_t count;
    struct said said[SAID_MAX];
    size_t keys[SAID_MAX]; /* which of its keys signed it */
    size_t key;            /* the one in force */
    bool shown;            /* it reported where the one before ended */
    struct said closes[KEYS_MAX];
    struct side
        held[KEYS_MAX]; /* the purse as it held that key; of these only the identity counts */
};

static struct honest people[3];
static struct kept message;
static struct kept reply;
static uint64_t seed;
static unsigned renewals;
static unsigned crossed;

static unsigned draw(unsigned count)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(seed >> 33) % count;
}

static struct said *next_of(struct honest *who)
{
    return &who->said[who->count < SAID_MAX ? who->count++ : draw(SAID_MAX)];
}

/* Half of the time the power goes at one of the next writes. */
static void threaten(struct honest *who)
{
    who->side.mode = (enum cut_mode)draw(CUT_MODES);
    who->side.steps_left = draw(2) == 0 ? NO_CUT : (int)draw(14) + 1;
}

static bool has_failed(struct honest *who, enum kc_error error)
{
    bool off = who->side.steps_left == 0;
    who->side.steps_left = NO_CUT;
    if (off) {
        side_power(&who->side);
    }
    return off || error != KC_OK;
}

/* One side may have forgotten the other: at times the payee shows its identity although they have met. */
static enum kc_error new_payment(struct honest *payer, struct honest *payee)
{
    enum kc_error error = offer(&message, &payer->side, &payee->side, draw(2) == 0, 0);
    return error == KC_OK ? pay_offer(&message, &payer->side, 1 + draw(20), kept_view(&message))
                          : error;
}

/* A payment, new or the open one again; then perhaps an answer, perhaps heard. */
static void deal(struct honest *payer, struct honest *payee)
{
    threaten(payer);
    enum kc_error error =
        draw(3) == 0 ? open_payment(&message, &payer->side, 0) : new_payment(payer, payee);
    if (has_failed(payer, error)) {
        return;
    }
    said_order(next_of(payer), kept_view(&message));
    if (order_of(kept_view(&message)).payee_purse.number != payee->side.number.number ||
        draw(4) == 0) {
        return;
    }
    threaten(payee);
    error = answer(&reply, &payee->side, kept_view(&message),
                   draw(3) == 0 ? KC_ANSWER_NG : KC_ANSWER_OK);
    if (has_failed(payee, error)) {
        return;
    }
    said_answer(next_of(payee), kept_view(&reply));
    if (draw(4) != 0) {
        threaten(payer);
        (void)has_failed(payer, conclude(&payer->side, kept_view(&reply)));
    }
}

/* The keys in the purse, in force or waiting. */
static struct keys keys_of(struct honest *who, unsigned item, uint64_t key_set)
{
    struct keys keys;
    const struct kc_crypto *crypto = exchange_crypto();
    must(kc_purse_load_private(&keys.private_key, &who->side.purse,
                               kc_purse_static_place(item, key_set)));
    must(crypto->derive_public(crypto->context, &keys.public_key, &keys.private_key));
    return keys;
}

/* From the bank, sealed for the key that the purse has now. */
static struct kc_view bank_tells(struct kept *out, struct honest *who, const struct kc_shape *shape,
                                 const void *said)
{
    static struct kc_envelope_work work;
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    struct kc_signer bank = {.key = &exchange_bank()->private_key};
    struct keys keys = keys_of(who, KC_STATIC_ENCRYPT_KEY, who->side.purse.state.key_set);
    kc_signer_id_make(&bank.id, exchange_crypto(), KC_SERVER_BANK, &exchange_bank()->public_key);
    must(kc_envelope_make(&buffer, &work, exchange_crypto(), &bank, &keys.public_key,
                          exchange_realm(), NOW_MS, shape, said));
    out->size = buffer.size;
    return kept_view(out);
}

static struct kc_view settles(struct honest *who, uint64_t uncovered)
{
    struct kept certified;
    struct kc_settle_reply word = {.purse = who->side.number, .time_ms = NOW_MS};
    memcpy(word.request, who->side.purse.state.settle_request, KC_DIGEST_SIZE);
    word.certified = bank_certifies(&certified, &who->side, uncovered, value_of(&who->side));
    return bank_tells(&message, who, &kc_settle_reply_shape, &word);
}

/* What it reports first under a key shows where the one before ended. */
static void said_settle(struct honest *who)
{
    said_envelope(next_of(who), kept_view(&message));
    if (who->key > 0 && !who->shown) {
        said_envelope(&who->closes[who->key - 1], kept_view(&message));
        who->shown = true;
    }
}

/* A report, and perhaps the bank's word over all of it. */
static void sync_with_bank(struct honest *who, bool answered, bool threatened)
{
    if (threatened) {
        threaten(who);
    }
    if (has_failed(who, settle_request(&message, &who->side))) {
        return;
    }
    said_settle(who);
    uint64_t uncovered = who->side.purse.state.counter - who->side.purse.certified.counter;
    if (!answered || uncovered > KC_LIST_COUNT_MAX) {
        return;
    }
    struct kc_view word = settles(who, uncovered);
    if (threatened) {
        threaten(who);
    }
    (void)has_failed(who, take(&who->side, word));
}

/* The purse holds the key that waited. */
static void note_change_over(struct honest *who, const struct keys *keys, struct kc_view identity)
{
    struct side *side = &who->side;
    side->sign = *keys;
    memcpy(side->identity_bytes, identity.data, identity.size);
    side->identity = kc_view(side->identity_bytes, identity.size);
    who->key += 1;
    who->shown = false;
    who->held[who->key] = *side;
    who->held[who->key].identity = kc_view(who->held[who->key].identity_bytes, identity.size);
}

/* New keys, where the purse lets itself be asked for them: everything is covered. Any step may be cut; then the old ones stay. */
static void renew(struct honest *who)
{
    struct kept signed_bytes;
    struct side *side = &who->side;
    const uint64_t now = NOW_MS;
    uint64_t key_set = side->purse.state.key_set;
    if (who->key + 1 == KEYS_MAX ||
        has_failed(who, side_run(side, KC_INS_RENEW_REQUEST, 0, 1, &now, kc_view(NULL, 0)))) {
        return;
    }
    struct keys keys = keys_of(who, KC_STATIC_SIGN_KEY, key_set ^ 1u);
    struct kc_identity identity = identity_of(side);
    identity.key = keys.public_key;
    identity.issued_s += who->key + 1;
    const struct kc_view certificate = kc_view_text("a certificate, which a purse only keeps");
    struct kc_renew_reply word = {
        .purse = side->number,
        .identity = sign_identity(&signed_bytes, &identity, exchange_bank(), exchange_realm()),
        .sign_certificate = certificate,
        .encrypt_certificate = certificate,
        .time_ms = NOW_MS};
    memcpy(word.request, side->purse.state.renew_request, KC_DIGEST_SIZE);
    struct kc_view reply_bytes = bank_tells(&message, who, &kc_renew_reply_shape, &word);
    threaten(who);
    (void)has_failed(who, take(side, reply_bytes));
    if (side->purse.state.key_set != key_set) {
        note_change_over(who, &keys, word.identity);
        renewals += 1;
    }
}

/* A request for cash or for its state, which the bank never answers. */
static void ask_bank(struct honest *who)
{
    const uint64_t now = NOW_MS;
    threaten(who);
    enum kc_error error = side_run(&who->side, KC_INS_STATE_REQUEST, 0, 1, &now, kc_view(NULL, 0));
    keep(&message, who->side.out);
    if (!has_failed(who, error)) {
        said_envelope(next_of(who), kept_view(&message));
    }
}

static void live(void)
{
    for (unsigned i = 0; i < 3; i++) {
        side_plain(&people[i].side, i + 1, 300);
        people[i].count = 0;
        people[i].key = 0;
        people[i].shown = false;
        people[i].held[0] = people[i].side;
        people[i].held[0].identity =
            kc_view(people[i].held[0].identity_bytes, people[i].side.identity.size);
    }
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned who = draw(3);
        switch (draw(8)) {
        case 0:
            sync_with_bank(&people[who], draw(2) != 0, true);
            break;
        case 1:
            ask_bank(&people[who]);
            break;
        case 2:
        case 3:
            sync_with_bank(&people[who], true, false);
            if (draw(2) == 0) {
                renew(&people[who]);
            }
            break;
        default:
            deal(&people[who], &people[(who + 1 + draw(2)) % 3]);
            break;
        }
    }
}

/* Under which key it verifies, and accuses nobody: an open payment made again after a renewal is still of the older one. */
static void find_keys(struct honest *one)
{
    struct kc_evidence_finding finding;
    for (size_t i = 0; i < one->count; i++) {
        one->keys[i] = KEYS_MAX;
        for (size_t key = 0; key <= one->key && one->keys[i] == KEYS_MAX; key++) {
            enum kc_error error = accuse(&finding, &one->held[key], &one->said[i], NULL);
            assert_true(error != KC_OK);
            one->keys[i] = error == KC_NOT_PROVEN ? key : KEYS_MAX;
        }
        assert_true(one->keys[i] < KEYS_MAX);
    }
}

/* Both under one key; or under two, with the report that ended the older one where the purse made it. */
static enum kc_error hold_against(struct honest *one, size_t i, size_t j)
{
    struct kc_evidence_finding finding;
    size_t older = one->keys[i] < one->keys[j] ? i : j;
    size_t newer = older == i ? j : i;
    size_t key = one->keys[older];
    if (one->keys[i] == one->keys[j]) {
        return accuse(&finding, &one->held[key], &one->said[i], &one->said[j]);
    }
    bool shown = key + 1 < one->key || one->shown;
    bool apart = one->keys[newer] != key + 1;
    crossed += 1;
    return accuse_over(&finding, &one->held[key], &one->held[one->keys[newer]], &one->said[older],
                       &one->said[newer], shown ? &one->closes[key] : NULL,
                       shown && apart ? &one->held[key + 1] : NULL);
}

/* shows: R-SEC-1 R-RENEW-7 */
static void nothing_an_honest_purse_signed_accuses_it(void **state)
{
    unsigned pairs = 0;
    (void)state;
    for (unsigned life = 0; life < LIVES; life++) {
        live();
        for (unsigned who = 0; who < 3; who++) {
            struct honest *one = &people[who];
            assert_true(one->count > 3);
            find_keys(one);
            for (size_t i = 0; i < one->count; i++) {
                for (size_t j = 0; j < i; j++) {
                    assert_error(hold_against(one, i, j), NOT_PROVEN);
                    pairs += 1;
                }
            }
        }
    }
    print_message("%u pairs, %u of two keys, %u renewals\n", pairs, crossed, renewals);
    assert_true(pairs > 1000 && crossed > 100 && renewals > LIVES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_an_honest_purse_signed_accuses_it),
    };
    const char *given = getenv("KINCHAKU_SEED");
    seed = given == NULL ? 1 : strtoull(given, NULL, 10);
    print_message("# KINCHAKU_SEED=%llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests_name("evidence: honest", tests, exchange_open, exchange_close);
}
