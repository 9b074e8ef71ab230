/* Does a purse whose power goes at any write or sync of an exchange or a settlement hold the state before or after, no value lost
 * or doubled, and can the exchange always be ended afterwards? What is not synced survives by half, not at all, or in part. */
#include "exchange_world.h"

#include <stdio.h>

#define A_VALUE 500u
#define B_VALUE 7u
#define PAID 100u
#define STEPS_MAX 200

static struct side a;
static struct side b;
static struct side a_before;
static struct side b_before;
static struct kept payment;
static struct kept answered;
static struct kept message;

/* Remembers both purses; every cut starts from here. */
static void remember(void)
{
    side_copy(&a_before, &a);
    side_copy(&b_before, &b);
}

static void restore(void)
{
    side_copy(&a, &a_before);
    side_copy(&b, &b_before);
}

static void two(void)
{
    side_plain(&a, 1, A_VALUE);
    side_plain(&b, 2, B_VALUE);
}

/* What is in both purses and on the way between them. */
static uint64_t total(void)
{
    return value_of(&a) + kc_amount_minor(info_of(&a).open) + value_of(&b) +
           kc_amount_minor(info_of(&b).open);
}

/* Ends whatever is open at A towards B, as often as it takes, as two stations would. */
static void end_open(uint8_t said)
{
    while (open_payment(&payment, &a, 0) == KC_OK) {
        assert_error(answer(&answered, &b, kept_view(&payment), said), OK);
        assert_error(conclude(&a, kept_view(&answered)), OK);
    }
}

typedef enum kc_error (*operation)(void);

/* Cuts `run` on `side` at every step in every mode; `after` judges the purse that came back. */
static void cut_everywhere(const char *what, struct side *side, operation run,
                           void (*after)(bool done))
{
    unsigned cuts = 0;
    for (unsigned mode = 0; mode < CUT_MODES; mode++) {
        bool done = false;
        for (int steps = 1; !done; steps++) {
            assert_in_range(steps, 1, STEPS_MAX);
            restore();
            side->mode = (enum cut_mode)mode;
            side->steps_left = steps;
            done = run() == KC_OK;
            assert_true(done || side->steps_left == 0);
            side_power(side);
            after(done);
            cuts += done ? 0 : 1;
        }
    }
    assert_in_range(cuts, 3 * CUT_MODES, 100000);
    printf("# %s: %u cuts\n", what, cuts);
}

/* ---- PAY ---- */

static enum kc_error run_pay(void)
{
    return pay(&payment, &a, &b, PAID);
}

static void after_pay(bool done)
{
    uint64_t open = kc_amount_minor(info_of(&a).open);
    assert_true(open == 0 || open == PAID);
    assert_true(!done || open == PAID);
    assert_int_equal(value_of(&a), A_VALUE - open);
    assert_int_equal(a.purse.state.counter, open == 0 ? 0 : 1);
    assert_int_equal(total(), A_VALUE + B_VALUE);
    end_open(KC_ANSWER_OK);
    if (open == 0) {
        exchange(&a, &b, PAID);
    }
    assert_int_equal(value_of(&a), A_VALUE - PAID);
    assert_int_equal(value_of(&b), B_VALUE + PAID);
}

/* shows: R-XCHG-4 */
static void a_cut_while_paying(void **state)
{
    (void)state;
    two();
    remember();
    cut_everywhere("PAY", &a, run_pay, after_pay);
}

/* What an order of a cut-off PAY left in the log is not taken for the entry that comes in its place. */
static void a_cut_payment_is_not_the_next_one(void **state)
{
    (void)state;
    two();
    remember();
    restore();
    a.mode = CUT_HALF;
    /* The slot is written and synced, the image by half. */
    assert_error(offer(&message, &a, &b, false, 0), OK);
    for (int steps = 1; a.purse.state.counter == 0; steps++) {
        struct kc_log_slot slot;
        restore();
        a.mode = CUT_HALF;
        a.steps_left = steps;
        (void)pay_offer(&payment, &a, PAID, kept_view(&message));
        side_power(&a);
        if (a.purse.state.counter == 0 && !kc_failed(kc_purse_log_get(&slot, &a.purse, 1))) {
            assert_error(open_payment(&payment, &a, 0), NOT_FOUND);
            exchange(&a, &b, 30);
            assert_int_equal(kc_amount_minor(entry_of(&a, 1).amount), 30);
            assert_int_equal(value_of(&a), A_VALUE - 30);
            return;
        }
    }
    fail_msg("no cut left a slot without its image");
}

static enum kc_error run_pay_less(void)
{
    return pay(&payment, &a, &b, 30);
}

static void after_pay_less(bool done)
{
    uint64_t open = kc_amount_minor(info_of(&a).open);
    assert_true(open == 0 || open == 30);
    assert_true(!done || open == 30);
    assert_int_equal(value_of(&a), A_VALUE - open);
    end_open(KC_ANSWER_OK);
    assert_int_equal(total(), A_VALUE + B_VALUE);
}

/* Of the first image everything may have been written but its head, which is that of the next one, too. Whatever comes of that
 * one before the power goes again, it does not make the first one whole. Of a card, which writes nothing for a PIN between. */
static void what_one_cut_left_is_not_ended_by_the_next(void **state)
{
    static struct side fresh;
    const struct making making = {.nth = 1,
                                  .suite = KC_SUITE_ES256,
                                  .value = A_VALUE,
                                  .expires_s = EXPIRES_S,
                                  .type = KC_PURSE_TYPE_CARD};
    bool done = false;
    (void)state;
    side_make(&a, &making);
    side_plain(&b, 2, B_VALUE);
    side_copy(&fresh, &a);
    for (int steps = 1; !done; steps++) {
        assert_in_range(steps, 1, STEPS_MAX);
        side_copy(&a, &fresh);
        a.mode = CUT_OLDEST;
        a.steps_left = steps;
        done = run_pay() == KC_OK;
        side_power(&a);
        if (a.purse.state.counter == 0) {
            remember();
            cut_everywhere("PAY after a cut", &a, run_pay_less, after_pay_less);
            side_copy(&b, &b_before);
        }
    }
}

/* ---- DECIDE ---- */

static uint8_t decision;
static struct kept sent;

static enum kc_error run_decide(void)
{
    return answer(&answered, &b, kept_view(&sent), decision);
}

static void after_decide(bool done)
{
    bool moved = b.purse.state.counter == 1;
    assert_true(!done || moved);
    assert_true(moved || b.purse.state.counter == 0);
    bool credited = moved && decision == KC_ANSWER_OK;
    assert_int_equal(value_of(&b), credited ? B_VALUE + PAID : B_VALUE);
    /* The other answer now: whatever was decided stands. */
    end_open(decision == KC_ANSWER_OK ? KC_ANSWER_NG : KC_ANSWER_OK);
    bool taken = moved ? decision == KC_ANSWER_OK : decision != KC_ANSWER_OK;
    assert_int_equal(value_of(&a), taken ? A_VALUE - PAID : A_VALUE);
    assert_int_equal(value_of(&b), taken ? B_VALUE + PAID : B_VALUE);
    assert_int_equal(b.purse.state.counter, 1);
}

/* shows: R-XCHG-3 R-XCHG-4 */
static void a_cut_while_deciding(void **state)
{
    (void)state;
    two();
    assert_error(pay(&sent, &a, &b, PAID), OK);
    remember();
    decision = KC_ANSWER_OK;
    cut_everywhere("DECIDE ok", &b, run_decide, after_decide);
    decision = KC_ANSWER_NG;
    cut_everywhere("DECIDE ng", &b, run_decide, after_decide);
}

/* What an answer of a cut-off DECIDE left in the log does not count beside the entry that comes in its place. */
static void a_cut_answer_is_not_the_next_ones(void **state)
{
    struct kc_log_slot slot;
    (void)state;
    two();
    assert_error(pay(&sent, &a, &b, PAID), OK);
    remember();
    decision = KC_ANSWER_OK;
    for (int steps = 1; b.purse.state.counter == 0; steps++) {
        restore();
        b.mode = CUT_HALF;
        b.steps_left = steps;
        (void)run_decide();
        side_power(&b);
        if (b.purse.state.counter == 0 && !kc_failed(kc_purse_log_get(&slot, &b.purse, 1)) &&
            slot.answer.size > 0) {
            assert_error(offer(&message, &b, &a, true, 0), OK);
            assert_error(pay_offer(&message, &b, 5, kept_view(&message)), OK);
            must(kc_purse_log_get(&slot, &b.purse, 1));
            assert_int_equal(slot.answer.size, 0);
            return;
        }
    }
    fail_msg("no cut left an answer without its image");
}

/* A decline for a counter that passed has no entry; its time stamp alone is kept. */
static void after_decline(bool done)
{
    (void)done;
    assert_int_equal(b.purse.state.counter, 1);
    end_open(KC_ANSWER_OK);
    assert_int_equal(value_of(&a), A_VALUE);
    assert_int_equal(value_of(&b), B_VALUE + 5);
}

static void a_cut_while_declining_what_passed(void **state)
{
    static struct side c;
    (void)state;
    two();
    side_plain(&c, 3, 50);
    assert_error(pay(&sent, &a, &b, PAID), OK);
    exchange(&c, &b, 5);
    remember();
    decision = KC_ANSWER_OK;
    cut_everywhere("DECIDE passed", &b, run_decide, after_decline);
}

/* ---- CONCLUDE ---- */

static struct kept last_answer;

static enum kc_error run_conclude(void)
{
    return conclude(&a, kept_view(&last_answer));
}

static void after_receipt(bool done)
{
    bool ended = a.purse.state.open.count == 0;
    assert_true(!done || ended);
    assert_int_equal(value_of(&a), A_VALUE - PAID);
    assert_int_equal(a.purse.state.counter, 1);
    assert_error(conclude(&a, kept_view(&last_answer)), OK);
    assert_int_equal(a.purse.state.open.count, 0);
    assert_int_equal(total(), A_VALUE + B_VALUE);
    exchange(&a, &b, 1);
}

static void after_void(bool done)
{
    bool ended = a.purse.state.open.count == 0;
    assert_true(!done || ended);
    assert_int_equal(value_of(&a), ended ? A_VALUE : A_VALUE - PAID);
    assert_int_equal(a.purse.state.counter, ended ? 2 : 1);
    assert_error(conclude(&a, kept_view(&last_answer)), OK);
    assert_error(conclude(&a, kept_view(&last_answer)), OK);
    assert_int_equal(value_of(&a), A_VALUE);
    assert_int_equal(a.purse.state.counter, 2);
    assert_int_equal(value_of(&b), B_VALUE);
    exchange(&a, &b, 1);
}

/* shows: R-XCHG-4 */
static void a_cut_while_concluding(void **state)
{
    (void)state;
    two();
    assert_error(pay(&payment, &a, &b, PAID), OK);
    assert_error(answer(&last_answer, &b, kept_view(&payment), KC_ANSWER_OK), OK);
    remember();
    cut_everywhere("CONCLUDE receipt", &a, run_conclude, after_receipt);
    two();
    assert_error(pay(&payment, &a, &b, PAID), OK);
    assert_error(answer(&last_answer, &b, kept_view(&payment), KC_ANSWER_NG), OK);
    remember();
    cut_everywhere("CONCLUDE decline", &a, run_conclude, after_void);
}

/* ---- settlement ---- */

static enum kc_error run_request(void)
{
    return settle_request(&message, &a);
}

static void after_request(bool done)
{
    (void)done;
    assert_int_equal(value_of(&a), A_VALUE - PAID);
    assert_error(settle_request(&message, &a), OK);
    assert_error(take(&a, bank_settles(&message, &a, 1, A_VALUE - PAID, NULL, 0)), OK);
    assert_int_equal(info_of(&a).uncovered, 0);
}

static struct kept reply;

static enum kc_error run_take(void)
{
    return take(&a, kept_view(&reply));
}

static void after_take(bool done)
{
    bool taken = a.purse.state.open.count == 0;
    assert_true(!done || taken);
    assert_int_equal(value_of(&a), taken ? A_VALUE - 5 : A_VALUE - PAID - 5);
    assert_int_equal(info_of(&a).uncovered, taken ? 1 : 2);
    assert_int_equal(a.purse.state.counter, taken ? 3 : 2);
    if (!taken) {
        assert_error(take(&a, kept_view(&reply)), OK);
    }
    assert_error(take(&a, kept_view(&reply)), MISMATCH);
    assert_int_equal(value_of(&a), A_VALUE - 5);
    assert_int_equal(a.purse.state.counter, 3);
    exchange(&a, &b, 1);
}

static void after_take_at_payee(bool done)
{
    uint64_t uncovered = info_of(&b).uncovered;
    assert_true(!done || uncovered == 0);
    assert_int_equal(value_of(&b), B_VALUE + 5);
    if (uncovered > 0) {
        assert_error(take(&b, kept_view(&reply)), OK);
    }
    assert_int_equal(info_of(&b).uncovered, 0);
    exchange(&b, &a, B_VALUE + 5);
}

static enum kc_error run_take_at_payee(void)
{
    return take(&b, kept_view(&reply));
}

/* shows: R-XCHG-8 */
static void a_cut_while_settling(void **state)
{
    static struct side c;
    struct kc_release release = release_of(1, PAID, KC_OUT_OF_ORDER);
    (void)state;
    two();
    exchange(&a, &b, PAID);
    remember();
    cut_everywhere("SETTLE REQUEST", &a, run_request, after_request);
    /* A's payment to C was never taken; its payment to B was. */
    two();
    side_plain(&c, 3, 0);
    assert_error(pay(&payment, &a, &c, PAID), OK);
    exchange(&a, &b, 5);
    assert_error(settle_request(&message, &a), OK);
    bank_settles(&reply, &a, 2, A_VALUE - PAID - 5, &release, 1);
    remember();
    cut_everywhere("TAKE settle-reply with a release", &a, run_take, after_take);
    two();
    exchange(&a, &b, 5);
    assert_error(settle_request(&message, &b), OK);
    bank_settles(&reply, &b, 1, B_VALUE + 5, NULL, 0);
    remember();
    cut_everywhere("TAKE settle-reply", &b, run_take_at_payee, after_take_at_payee);
}

/* ---- damage ---- */

static bool is_corrupt(struct side *side)
{
    static const uint8_t aid[] = KC_AID;
    struct side *copy = &a_before;
    memcpy(copy, side, sizeof *copy);
    struct kc_nvm nvm = side->purse.nvm;
    nvm.context = copy;
    kc_purse_open(&copy->purse, &nvm, &copy->crypto);
    return side_send(copy, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid)) ==
           KC_PURSE_CORRUPT;
}

/* The log is part of the value: an entry that counts and was damaged stops the purse, one that is covered costs a line. */
static void a_damaged_entry_that_counts_stops_the_purse(void **state)
{
    struct kc_log_slot slot;
    (void)state;
    two();
    exchange(&a, &b, PAID);
    size_t at = KC_NVM_LOG_AT + KC_LOG_ROOM + 30;
    assert_false(is_corrupt(&a));
    a.nvm[at] ^= 1;
    assert_true(is_corrupt(&a));
    a.nvm[at] ^= 1;
    side_power(&a);
    assert_error(settle_request(&message, &a), OK);
    assert_error(take(&a, bank_settles(&message, &a, 1, A_VALUE - PAID, NULL, 0)), OK);
    a.nvm[at] ^= 1;
    assert_false(is_corrupt(&a));
    side_power(&a);
    assert_int_equal(value_of(&a), A_VALUE - PAID);
    assert_true(kc_purse_log_get(&slot, &a.purse, 1).code == KC_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_while_paying),
        cmocka_unit_test(a_cut_payment_is_not_the_next_one),
        cmocka_unit_test(what_one_cut_left_is_not_ended_by_the_next),
        cmocka_unit_test(a_cut_while_deciding),
        cmocka_unit_test(a_cut_answer_is_not_the_next_ones),
        cmocka_unit_test(a_cut_while_declining_what_passed),
        cmocka_unit_test(a_cut_while_concluding),
        cmocka_unit_test(a_cut_while_settling),
        cmocka_unit_test(a_damaged_entry_that_counts_stops_the_purse),
    };
    return cmocka_run_group_tests_name("tear", tests, exchange_open, exchange_close);
}
