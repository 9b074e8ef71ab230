/* Does any pair of things that an honest purse signed prove anything against it, whatever was lost, repeated, declined or cut?
 * Three purses live at random, with power cuts at any write; then all that each let out is held against all else. */
#include "evidence_world.h"

#include <stdlib.h>

#define LIVES 6u
#define STEPS 100u
#define SAID_MAX 48u

struct honest {
    struct side side;
    size_t count;
    struct said said[SAID_MAX];
};

static struct honest people[3];
static struct kept message;
static struct kept reply;
static uint64_t seed;

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

/* A report, and perhaps the bank's word over all of it. */
static void sync_with_bank(struct honest *who)
{
    threaten(who);
    if (has_failed(who, settle_request(&message, &who->side))) {
        return;
    }
    said_envelope(next_of(who), kept_view(&message));
    uint64_t uncovered = who->side.purse.state.counter - who->side.purse.certified.counter;
    if (draw(2) == 0 || uncovered > 8) {
        return;
    }
    struct kc_view word =
        bank_settles(&message, &who->side, uncovered, value_of(&who->side), NULL, 0);
    threaten(who);
    (void)has_failed(who, take(&who->side, word));
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
    }
    for (unsigned i = 0; i < STEPS; i++) {
        unsigned who = draw(3);
        switch (draw(6)) {
        case 0:
            sync_with_bank(&people[who]);
            break;
        case 1:
            ask_bank(&people[who]);
            break;
        default:
            deal(&people[who], &people[(who + 1 + draw(2)) % 3]);
            break;
        }
    }
}

/* shows: R-SEC-1 */
static void nothing_an_honest_purse_signed_accuses_it(void **state)
{
    struct kc_evidence_finding finding;
    unsigned pairs = 0;
    (void)state;
    for (unsigned life = 0; life < LIVES; life++) {
        live();
        for (unsigned who = 0; who < 3; who++) {
            const struct honest *one = &people[who];
            assert_true(one->count > 3);
            for (size_t i = 0; i < one->count; i++) {
                assert_error(accuse(&finding, &one->side, &one->said[i], NULL), NOT_PROVEN);
                for (size_t j = 0; j < i; j++) {
                    assert_error(accuse(&finding, &one->side, &one->said[i], &one->said[j]),
                                 NOT_PROVEN);
                    pairs += 1;
                }
            }
        }
    }
    print_message("%u pairs\n", pairs);
    assert_true(pairs > 1000);
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
