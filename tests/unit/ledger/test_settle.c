/* Question: does one side's report move a payment between two shadows exactly once, whichever side reports, how often and in
 * which order, and does every payment that was never taken come back? */
#include "exchange.h"
#include "expect.h"

#include <string.h>

static void expect_shadows(struct world *world, const struct toy *a, int64_t of_a,
                           const struct toy *b, int64_t of_b)
{
    assert_int_equal(world_signed_shadow(world, a->purse), of_a);
    assert_int_equal(world_signed_shadow(world, b->purse), of_b);
    expect_clean(world);
}

/* Nothing is uncovered, ahead or told any more: purse and shadow are one. */
static void expect_settled(struct world *world, struct toy *toy, uint64_t value)
{
    struct kc_purse_row row = world_purse(world, toy->purse);
    assert_int_equal(toy->value, value);
    assert_int_equal(kc_amount_minor(row.value), value);
    assert_int_equal(kc_amount_minor(row.ahead_in), 0);
    assert_int_equal(kc_amount_minor(row.ahead_out), 0);
    assert_int_equal(row.counter, toy->counter);
    assert_memory_equal(row.head, toy->head, KC_DIGEST_SIZE);
    assert_int_equal(toy->entry_count, 0);
}

/* A with 100, B with nothing. */
static void two(struct world *world, struct toy *a, struct toy *b)
{
    toy_rich(a, world, 1, 900, 100);
    toy_rich(b, world, 2, 0, 0);
}

/* ---- who reports ---- */

/* shows: R-XCHG-6 R-XCHG-8 R-XCHG-9 R-XCHG-11 */
static void the_payees_report_suffices(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &a, 60, &b, 40);
    expect_settled(world, &b, 40);
    assert_int_equal(kc_amount_minor(world_purse(world, a.purse).value), 100);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_shadows(world, &a, 60, &b, 40);
    expect_settled(world, &a, 60);
    assert_int_equal(alerts(world), 0);
}

/* shows: R-XCHG-6 R-XCHG-8 R-XCHG-9 R-XCHG-11 */
static void the_payers_report_with_a_receipt_suffices(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    struct toy_order order = toy_exchange(&a, &b, world, 40);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_shadows(world, &a, 60, &b, 40);
    expect_settled(world, &a, 60);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_BOOKED);
    assert_false(payment_of(world, &order).payee_counted);
    assert_int_equal(kc_amount_minor(world_purse(world, b.purse).value), 0);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &a, 60, &b, 40);
    expect_settled(world, &b, 40);
    assert_int_equal(alerts(world), 0);
}

/* shows: R-XCHG-6 R-XCHG-11 */
static void the_payers_report_without_a_receipt_is_noted_and_waits(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_shadows(world, &a, 60, &b, 0);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_NOTED);
    assert_int_equal(kc_amount_minor(world->ledger.totals.in_flight), 40);
    (void)toy_receive(&b, world, &order);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &a, 60, &b, 40);
    expect_settled(world, &b, 40);
    /* The payer is told that it was taken, until it has taken a certified value that came with the word. */
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 1);
    assert_int_equal(reply.settled.releases[0].reason, 0);
    assert_int_equal(reply.settled.releases[0].counter, order.order.payer_counter);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 0);
    expect_settled(world, &a, 60);
    assert_int_equal(alerts(world), 0);
}

/* shows: R-XCHG-6 R-XCHG-11 */
static void a_word_that_was_lost_is_told_again(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message lost;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    (void)toy_receive(&b, world, &order);
    EXPECT(toy_report_all(&b, world), KC_OK);
    toy_settle(&lost, &a, world);
    EXPECT(world_send(world, &reply, &lost), KC_OK);
    assert_int_equal(reply.settled.release_count, 1);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 1);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 0);
    expect_settled(world, &a, 60);
    expect_shadows(world, &a, 60, &b, 40);
}

/* The recovery call after a lost reply brings a certified value without the word, and the word still comes. */
/* shows: R-XCHG-11 */
static void a_word_that_recovery_passed_over_is_told_again(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply reply;
    two(world, &a, &b);
    for (unsigned i = 0; i < KC_LIST_COUNT_MAX; i++) {
        struct toy_order order = toy_pay(&a, world, &b, 5);
        (void)toy_receive(&b, world, &order);
    }
    EXPECT(toy_report_all(&b, world), KC_OK);
    toy_settle(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.settled.release_count, KC_LIST_COUNT_MAX);
    toy_state(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&a, world, &reply.outcome);
    assert_int_equal(a.entry_count, 0);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, KC_LIST_COUNT_MAX);
    for (unsigned i = 0; i < KC_LIST_COUNT_MAX; i++) {
        assert_int_equal(reply.settled.releases[i].reason, 0);
    }
    /* Once is enough after that, also over another recovery. */
    toy_state(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&a, world, &reply.outcome);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 0);
    expect_settled(world, &a, 60);
}

/* The registrar gives up an account whose UIM was never made; of one that was paid already somebody holds the UIM. */
static void an_account_that_was_paid_is_not_given_up(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct world_letter letter;
    two(world, &a, &b);
    EXPECT(toy_open(&b, world, 9), KC_OK);
    (void)toy_pay(&a, world, &b, 40);
    EXPECT(toy_report_all(&a, world), KC_OK);
    const struct kc_cancel_request request = {
        .account = b.account, .purse = b.purse, .time_ms = world->now_ms};
    world_write(&letter, world, "cancel", 9, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_cancel_account(&world->ledger, &request, &letter.source), KC_NOT_ALLOWED);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* shows: R-XCHG-11 */
static void a_report_sent_twice_counts_once(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply first;
    struct toy_reply again;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    (void)toy_receive(&b, world, &order);
    (void)toy_exchange(&b, &a, world, 15);
    toy_settle(&message, &b, world);
    message.slots[1].record.objection = KC_BAD_SIGNATURE;
    EXPECT(world_send(world, &first, &message), KC_OK);
    uint64_t posted = postings(world);
    world->now_ms += 1000;
    EXPECT(world_send(world, &again, &message), KC_OK);
    assert_memory_equal(&first.settled, &again.settled, sizeof first.settled);
    assert_int_equal(first.settled.objection_count, 1);
    assert_int_equal(postings(world), posted);
    assert_int_equal(alerts(world), 1);
    /* A new report of the same entries says the same again and counts nothing. */
    toy_settle(&message, &b, world);
    EXPECT(world_send(world, &again, &message), KC_OK);
    assert_int_equal(again.settled.certified.sequence, first.settled.certified.sequence + 1);
    assert_int_equal(again.settled.objection_count, 1);
    assert_int_equal(postings(world), posted);
    assert_int_equal(alerts(world), 1);
    expect_clean(world);
}

/* ---- several hops, every order ---- */

/* A pays B 50, B pays C 30 of it, C pays A 20 back, and B pays C 15 more without hearing of it. */
static void hop(struct world *world, struct toy toys[3])
{
    (void)toy_exchange(&toys[0], &toys[1], world, 50);
    (void)toy_exchange(&toys[1], &toys[2], world, 30);
    (void)toy_exchange(&toys[2], &toys[0], world, 20);
    struct toy_order order = toy_pay(&toys[1], world, &toys[2], 15);
    (void)toy_receive(&toys[2], world, &order);
}

/* shows: R-XCHG-6 R-XCHG-9 R-XCHG-11 */
static void hops_settle_in_every_order(void **state)
{
    static const unsigned orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct world *world = *state;
    struct toy toys[3];
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&toys[i], world, i + 1, 0, i == 0 ? 1000 : 0);
    }
    for (size_t round = 0; round < 6; round++) {
        hop(world, toys);
        for (size_t i = 0; i < 3; i++) {
            EXPECT(toy_report_all(&toys[orders[round][i]], world), KC_OK);
            expect_clean(world);
        }
        uint64_t paid = 30 * (round + 1);
        EXPECT(toy_report_all(&toys[1], world), KC_OK);
        expect_settled(world, &toys[0], 1000 - paid);
        expect_settled(world, &toys[1], 5 * (round + 1));
        expect_settled(world, &toys[2], 25 * (round + 1));
    }
    assert_int_equal(alerts(world), 0);
    assert_int_equal(kc_amount_minor(world->ledger.totals.claims), 0);
}

/* Only the last of three reports: the one in between has nothing by the bank's knowledge and has paid. */
/* shows: R-XCHG-6 R-SEC-1 */
static void an_honest_shadow_below_zero_accuses_nobody(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&toys[i], world, i + 1, 0, i == 0 ? 100 : 0);
    }
    (void)toy_exchange(&toys[0], &toys[1], world, 100);
    (void)toy_exchange(&toys[1], &toys[2], world, 40);
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    expect_shadows(world, &toys[1], -40, &toys[2], 40);
    assert_int_equal(kc_amount_minor(world->ledger.totals.claims), 40);
    assert_int_equal(alerts(world), 0);
    assert_int_equal(world_purse(world, toys[1].purse).state, KC_PURSE_ACTIVE);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    expect_shadows(world, &toys[0], 0, &toys[1], 60);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    expect_settled(world, &toys[0], 0);
    expect_settled(world, &toys[1], 60);
    assert_int_equal(kc_amount_minor(world->ledger.totals.claims), 0);
    assert_int_equal(alerts(world), 0);
}

/* A history longer than one report. */
/* shows: R-XCHG-11 */
static void a_long_history_is_covered_report_by_report(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    for (unsigned i = 0; i < 20; i++) {
        (void)toy_exchange(&a, &b, world, 3);
    }
    EXPECT(toy_report(&b, world, &reply), KC_OK);
    assert_int_equal(reply.settled.certified.counter, 8);
    assert_int_equal(b.entry_count, 12);
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_settled(world, &a, 40);
    expect_settled(world, &b, 60);
    expect_clean(world);
}

/* ---- what was never taken ---- */

/* shows: R-XCHG-6 */
static void a_refusal_releases_what_was_noted(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 0);
    (void)toy_refuse(&b, world, &order);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &a, 100, &b, 0);
    assert_int_equal(a.value, 60);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 1);
    assert_int_equal(reply.settled.releases[0].reason, KC_DECLINED);
    assert_int_equal(kc_amount_minor(reply.settled.releases[0].amount), 40);
    assert_int_equal(a.value, 100);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 0);
    expect_settled(world, &a, 100);
    expect_settled(world, &b, 0);
    expect_clean(world);
}

/* shows: R-XCHG-6 */
static void a_refusal_known_before_releases_at_once(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    (void)toy_refuse(&b, world, &order);
    EXPECT(toy_report_all(&b, world), KC_OK);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_REFUSED);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 1);
    expect_shadows(world, &a, 100, &b, 0);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_settled(world, &a, 100);
}

/* The payee's counter went to somebody else's payment: whoever reports first. */
/* shows: R-XCHG-6 */
static void a_payee_that_moved_on_releases(void **state)
{
    for (int payee_first = 0; payee_first < 2; payee_first++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        struct toy c;
        struct toy_reply reply;
        toy_rich(&a, world, 10 + (unsigned)payee_first, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)payee_first, 0, 0);
        toy_rich(&c, world, 30 + (unsigned)payee_first, 0, 100);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        (void)toy_exchange(&c, &b, world, 7);
        if (payee_first) {
            EXPECT(toy_report_all(&b, world), KC_OK);
        }
        EXPECT(toy_report(&a, world, &reply), KC_OK);
        EXPECT(toy_report_all(&b, world), KC_OK);
        EXPECT(toy_report(&a, world, &reply), KC_OK);
        assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
        EXPECT(toy_report_all(&a, world), KC_OK);
        EXPECT(toy_report_all(&c, world), KC_OK);
        expect_settled(world, &a, 100);
        expect_settled(world, &b, 7);
        expect_settled(world, &c, 93);
        expect_clean(world);
    }
}

/* The payee's counter went to a deposit of its own, which the bank counted without any report. */
/* shows: R-XCHG-6 R-CASH-6 */
static void a_deposit_of_the_payee_releases_too(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    toy_rich(&a, world, 1, 0, 100);
    toy_rich(&b, world, 2, 0, 50);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    EXPECT(toy_cash_whole(&b, world, KC_CASH_KIND_DEPOSIT, 20, &reply), KC_OK);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
    expect_shadows(world, &a, 100, &b, 30);
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_settled(world, &a, 100);
}

/* The payee's signed decline, in the pay record or in the void's, before any word of the payee's own. */
/* shows: R-XCHG-6 */
static void a_signed_decline_releases_without_the_payee(void **state)
{
    for (int covered = 0; covered < 2; covered++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        toy_rich(&a, world, 10 + (unsigned)covered, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)covered, 0, 0);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        if (covered) {
            EXPECT(toy_report_all(&a, world), KC_OK);
        }
        struct toy_word word = toy_refuse(&b, world, &order);
        toy_hear(&a, world, &order, &word);
        assert_int_equal(a.value, 100);
        EXPECT(toy_report_all(&a, world), KC_OK);
        expect_settled(world, &a, 100);
        expect_shadows(world, &a, 100, &b, 0);
        EXPECT(toy_report_all(&b, world), KC_OK);
        expect_settled(world, &b, 0);
        expect_clean(world);
    }
    assert_int_equal(alerts(*state), 0);
}

/* Without the payee's word the void waits, and so does all behind it. */
/* shows: R-XCHG-6 R-SEC-1 */
static void a_void_that_nothing_shows_waits(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    toy_void(&a, world, order.order.payer_counter, 40);
    (void)toy_exchange(&a, &b, world, 5);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.certified.counter, 1);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(reply.settled.objections[0].reason, KC_PENDING);
    assert_int_equal(reply.settled.objections[0].counter, 2);
    assert_int_equal(alerts(world), 0);
    /* The payee's other entry with that counter is the word. */
    EXPECT(toy_report_all(&b, world), KC_OK);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_settled(world, &a, 95);
    expect_settled(world, &b, 5);
    expect_clean(world);
}

/* Both records lost: the payer never reports, the payee never took it; the payment was never made. */
/* shows: R-LOG-4 */
static void what_nobody_reports_was_never_made(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy before;
    two(world, &a, &b);
    before = a;
    (void)toy_pay(&a, world, &b, 40);
    a = before;
    a.last_ms = world->now_ms + 10;
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_settled(world, &a, 100);
    expect_settled(world, &b, 0);
    expect_shadows(world, &a, 100, &b, 0);
}

/* ---- with withdrawals, deposits and recovery in between ---- */

/* shows: R-XCHG-6 R-CASH-6 */
static void a_cash_request_waits_for_the_report(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply reply;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    struct toy saved = a;
    toy_cash(&message, &a, world, KC_CASH_KIND_WITHDRAW, 10);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    saved.last_ms = a.last_ms;
    a = saved;
    EXPECT(toy_fund_whole(&a, world, KC_FUND_KIND_FUND, 5, &reply), KC_OK);
    assert_int_equal(a.value, 60);
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(toy_cash_whole(&a, world, KC_CASH_KIND_WITHDRAW, 10, &reply), KC_OK);
    assert_int_equal(a.value, 70);
    expect_settled(world, &a, 70);
    EXPECT(toy_report_all(&b, world), KC_OK);
    EXPECT(toy_cash_whole(&b, world, KC_CASH_KIND_DEPOSIT, 40, &reply), KC_OK);
    expect_settled(world, &b, 0);
    expect_clean(world);
}

/* The recovery call certifies up to the first entry that it cannot decide. */
/* shows: R-CASH-9 R-XCHG-6 */
static void recovery_leaves_payments_uncovered(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply reply;
    two(world, &a, &b);
    for (unsigned i = 0; i < 11; i++) {
        (void)toy_exchange(&a, &b, world, 2);
    }
    toy_state(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&a, world, &reply.outcome);
    assert_int_equal(reply.outcome.certified.counter, 0);
    assert_int_equal(a.entry_count, 11);
    assert_int_equal(a.value, 78);
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_settled(world, &a, 78);
    expect_settled(world, &b, 22);
}

/* A cash-out whose deposit came to nothing, payments on top of it, and its void. */
/* shows: R-CASH-8 R-XCHG-6 */
static void payments_on_top_of_a_deposit_that_came_to_nothing(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    two(world, &a, &b);
    toy_cash(&message, &a, world, KC_CASH_KIND_DEPOSIT, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&answer, &a, world, &reply.quote, KC_ANSWER_OK);
    for (unsigned i = 0; i < 9; i++) {
        (void)toy_exchange(&a, &b, world, 1);
    }
    /* While the quote is open the bank cannot say. */
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.certified.counter, 0);
    assert_int_equal(reply.settled.objections[0].reason, KC_PENDING);
    toy_state(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&a, world, &reply.outcome);
    assert_int_equal(a.value, 91);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_settled(world, &a, 91);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &a, 91, &b, 9);
    assert_int_equal(alerts(world), 0);
}

/* Payments made between the request and its OK: the cash-out is not the bank's next counter. */
/* shows: R-CASH-6 R-XCHG-11 */
static void a_cash_out_ahead_of_its_chain_is_booked_once(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    two(world, &a, &b);
    toy_cash(&message, &a, world, KC_CASH_KIND_DEPOSIT, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    (void)toy_exchange(&a, &b, world, 20);
    toy_answer(&answer, &a, world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_shadows(world, &a, 70, &b, 0);
    assert_int_equal(world_balance(world, a.account), 930);
    toy_take(&a, world, &reply.outcome);
    assert_int_equal(a.value, 50);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &a, 50, &b, 20);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_settled(world, &a, 50);
    assert_int_equal(world_balance(world, a.account), 930);
    expect_clean(world);
}

/* More than is left by what others reported goes to no account. */
/* shows: R-CASH-6 R-SEC-1 */
static void a_deposit_counts_what_others_reported(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    two(world, &a, &b);
    toy_cash(&message, &a, world, KC_CASH_KIND_DEPOSIT, 90);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    struct toy forged = a;
    (void)toy_exchange(&a, &b, world, 20);
    EXPECT(toy_report_all(&b, world), KC_OK);
    a.value += 10;
    toy_answer(&answer, &a, world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    assert_int_equal(reply.outcome.reason, KC_INSUFFICIENT_VALUE);
    expect_shadows(world, &a, 80, &b, 20);
    /* And a copy that gives the same counter to the bank is found before anything is booked. */
    forged.last_ms = a.last_ms;
    toy_conform(&forged, &reply.outcome.certified);
    toy_cash(&message, &forged, world, KC_CASH_KIND_DEPOSIT, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    quote = reply.quote;
    toy_answer(&answer, &forged, world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &answer), KC_COPIED_OR_RESTORED);
    assert_int_equal(world_balance(world, a.account), 900);
    expect_shadows(world, &a, 80, &b, 20);
}

/* shows: R-NODE-1 R-XCHG-11 */
static void a_restart_in_between_changes_nothing(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply reply;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    toy_settle(&message, &b, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_settled first = reply.settled;
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_memory_equal(&first, &reply.settled, sizeof first);
    toy_take_settled(&b, world, &reply.settled);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    toy_settle(&message, &a, world);
    world_item(world, &reply, &message);
    EXPECT(reply.result, KC_OK);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    expect_shadows(world, &a, 60, &b, 40);
    assert_int_equal(kc_amount_minor(world_purse(world, a.purse).ahead_out), 40);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_settled(world, &a, 60);
    expect_settled(world, &b, 40);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_payees_report_suffices),
        TEST(the_payers_report_with_a_receipt_suffices),
        TEST(the_payers_report_without_a_receipt_is_noted_and_waits),
        TEST(a_word_that_was_lost_is_told_again),
        TEST(a_word_that_recovery_passed_over_is_told_again),
        TEST(an_account_that_was_paid_is_not_given_up),
        TEST(a_report_sent_twice_counts_once),
        TEST(hops_settle_in_every_order),
        TEST(an_honest_shadow_below_zero_accuses_nobody),
        TEST(a_long_history_is_covered_report_by_report),
        TEST(a_refusal_releases_what_was_noted),
        TEST(a_refusal_known_before_releases_at_once),
        TEST(a_payee_that_moved_on_releases),
        TEST(a_deposit_of_the_payee_releases_too),
        TEST(a_signed_decline_releases_without_the_payee),
        TEST(a_void_that_nothing_shows_waits),
        TEST(what_nobody_reports_was_never_made),
        TEST(a_cash_request_waits_for_the_report),
        TEST(recovery_leaves_payments_uncovered),
        TEST(payments_on_top_of_a_deposit_that_came_to_nothing),
        TEST(a_cash_out_ahead_of_its_chain_is_booked_once),
        TEST(a_deposit_counts_what_others_reported),
        TEST(a_restart_in_between_changes_nothing),
    };
    return cmocka_run_group_tests_name("ledger: settlement", tests, NULL, NULL);
}
