/* Question: when a purse has lost part of its history and tells only its totals, does every unit of them end with who truly owns
 * it, whoever reports what later, and is nobody honest accused or charged for it? */
#include "exchange.h"
#include "expect.h"

#include <stdio.h>
#include <string.h>

static struct kc_gap_row gap_of(struct world *world, const struct toy *toy)
{
    struct kc_gap_row row;
    EXPECT(world->store.gap_get(world->store.context, &row, toy->purse.number, 0), KC_OK);
    return row;
}

/* Alerts with this reason; all for KC_OK. */
static uint64_t alerts_for(const struct world *world, enum kc_error reason)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM alerts WHERE reason = %d OR %d = 0",
                   (int)reason, (int)reason);
    return world_ask(world, sql);
}

/* Shadow, certified value, and what is owed. */
static void expect_purse(struct world *world, const struct toy *toy, int64_t shadow, uint64_t value,
                         uint64_t owed)
{
    struct kc_purse_row row = world_purse(world, toy->purse);
    expect_clean(world);
    assert_int_equal(world_signed_shadow(world, toy->purse), shadow);
    assert_int_equal(kc_amount_minor(row.value), value);
    assert_int_equal(kc_amount_minor(row.owed), owed);
}

static void expect_in_flight(struct world *world, uint64_t minor)
{
    assert_int_equal(kc_amount_minor(world->ledger.totals.in_flight), minor);
}

static void report_one(struct world *world, struct toy *toy)
{
    struct toy_reply reply;
    EXPECT(toy_report(toy, world, &reply), KC_OK);
    expect_clean(world);
}

/* The bank's idle time, after `ms` more. */
static size_t sweep(struct world *world, uint64_t ms)
{
    size_t count = 0;
    world->now_ms += ms;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_end_waiting(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    expect_clean(world);
    return count;
}

/* A with 100, B with nothing. */
static void two(struct world *world, struct toy *a, struct toy *b)
{
    toy_rich(a, world, 1, 900, 100);
    toy_rich(b, world, 2, 0, 0);
}

/* ---- what was paid ---- */

/* shows: R-LOG-2 R-XCHG-11 */
static void spending_that_the_payee_reports_later(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    struct toy_order order = toy_exchange(&a, &b, world, 40);
    toy_forget(&a, 1);
    report_one(world, &a);
    assert_int_equal(a.value, 60);
    expect_purse(world, &a, 60, 60, 0);
    expect_in_flight(world, 40);
    assert_int_equal(alerts_for(world, KC_ASK_BANK), 1);
    report_one(world, &b);
    expect_purse(world, &a, 60, 60, 0);
    expect_purse(world, &b, 40, 40, 0);
    expect_in_flight(world, 0);
    assert_true(payment_of(world, &order).payer_counted);
    assert_int_equal(sweep(world, 2 * WORLD_SETTLE_MS), 1);
    assert_int_equal(gap_of(world, &a).state, KC_GAP_ENDED);
    report_one(world, &a);
    expect_purse(world, &a, 60, 60, 0);
    assert_int_equal(alerts_for(world, KC_OK), 1);
}

/* The payee was first: nothing waits. */
/* shows: R-LOG-2 R-XCHG-11 */
static void spending_that_the_payee_reported_before(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    (void)toy_exchange(&a, &b, world, 10);
    EXPECT(toy_report_all(&b, world), KC_OK);
    (void)toy_exchange(&a, &b, world, 5);
    toy_forget(&a, 2);
    report_one(world, &a);
    expect_purse(world, &a, 45, 45, 0);
    expect_purse(world, &b, 55, 50, 0);
    expect_in_flight(world, 0);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_purse(world, &b, 55, 55, 0);
}

/* Both sides lost it: not made, once the settlement time has passed. */
/* shows: R-LOG-2 R-LOG-4 */
static void what_nobody_reports_comes_back(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    toy_forget(&a, 1);
    toy_forget(&b, 1);
    report_one(world, &a);
    report_one(world, &b);
    /* What nobody showed left B's value with the report, and A has not got it back yet. */
    expect_purse(world, &a, 60, 60, 0);
    expect_purse(world, &b, 0, 0, 0);
    assert_int_equal(b.value, 0);
    expect_in_flight(world, 40);
    assert_int_equal(sweep(world, WORLD_SETTLE_MS), 0);
    assert_int_equal(sweep(world, 1), 2);
    assert_int_equal(sweep(world, 1), 0);
    expect_in_flight(world, 0);
    expect_purse(world, &a, 100, 100, 0);
    expect_purse(world, &b, 0, 0, 0);
    assert_int_equal(alerts_for(world, KC_EXPIRED), 2);
    /* Both are told until they have taken a certified value that came with the word; here another answer brings it without. */
    struct toy_message message;
    toy_settle(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_fund(&message, &a, world, KC_FUND_KIND_FUND, 10);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&a, world, &reply.outcome);
    for (int i = 0; i < 3; i++) {
        EXPECT(toy_report(&a, world, &reply), KC_OK);
        assert_int_equal(reply.settled.objection_count, i == 0 ? 1 : 0);
        if (i == 0) {
            assert_int_equal(reply.settled.objections[0].counter, 1);
            assert_int_equal(reply.settled.objections[0].reason, KC_EXPIRED);
        }
    }
    assert_int_equal(a.value, 100);
    assert_int_equal(gap_of(world, &a).state, KC_GAP_ENDED);
    expect_clean(world);
}

/* A payer that deletes only what it paid has it back after the settlement time, spends it, and the payee reports at last. */
/* shows: R-LOG-5 R-SEC-1 */
static void deleting_only_what_was_paid_gains_nothing(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    struct toy_reply reply;
    toy_rich(&a, world, 1, 15, 100);
    toy_rich(&b, world, 2, 0, 0);
    toy_rich(&c, world, 3, 0, 0);
    struct toy_order order = toy_exchange(&a, &b, world, 40);
    toy_forget(&a, 1);
    report_one(world, &a);
    assert_int_equal(sweep(world, WORLD_SETTLE_MS + 1), 1);
    report_one(world, &a);
    assert_int_equal(a.value, 100);
    (void)toy_exchange(&a, &c, world, 80);
    /* The late order: the payee is paid, the payer owes. */
    report_one(world, &b);
    expect_purse(world, &b, 40, 40, 0);
    expect_purse(world, &a, 60, 100, 40);
    assert_int_equal(alerts_for(world, KC_DEBT), 1);
    assert_int_equal(world_ask(world, "SELECT counter FROM alerts WHERE reason = 90"),
                     order.order.payer_counter);
    /* 20 are left in the purse and 15 in the account, 5 stay a debt. */
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    expect_purse(world, &a, -5, 0, 5);
    assert_int_equal(world_balance(world, a.account), 0);
    assert_int_equal(kc_amount_minor(reply.settled.certified.payment_most), 0);
    assert_int_equal(kc_amount_minor(reply.settled.certified.spend_most), 0);
    assert_int_equal(reply.settled.certified.spend_count, 0);
    assert_int_equal(reply.settled.objections[reply.settled.objection_count - 1].reason, KC_DEBT);
    assert_int_equal(world_purse(world, a.purse).state, KC_PURSE_ACTIVE);
    EXPECT(toy_report_all(&c, world), KC_OK);
    expect_purse(world, &c, 80, 80, 0);
    /* Funding pays it, and the limits come back. */
    EXPECT(toy_fund_whole(&a, world, KC_FUND_KIND_FUND, 3, &reply), KC_OK);
    expect_purse(world, &a, -2, 0, 2);
    assert_int_equal(world_balance(world, a.account), 0);
    EXPECT(toy_cash_whole(&a, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_DEBT);
    toy_take(&a, world, &reply.outcome);
    EXPECT(toy_fund_whole(&a, world, KC_FUND_KIND_REDEEM, 1, &reply), KC_DEBT);
    EXPECT(toy_fund_whole(&a, world, KC_FUND_KIND_FUND, 10, &reply), KC_OK);
    expect_purse(world, &a, 0, 0, 0);
    assert_int_equal(world_balance(world, a.account), 8);
    assert_true(kc_amount_minor(a.certified.payment_most) > 0);
    EXPECT(toy_cash_whole(&a, world, KC_CASH_KIND_WITHDRAW, 8, &reply), KC_OK);
    expect_purse(world, &a, 8, 8, 0);
    assert_int_equal(alerts_for(world, KC_OVERSPENT) + alerts_for(world, KC_COPIED_OR_RESTORED), 0);
}

/* ---- what was received ---- */

/* shows: R-LOG-2 R-XCHG-11 */
static void receipts_that_the_payer_shows_later(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    toy_forget(&b, 1);
    report_one(world, &b);
    expect_purse(world, &b, 0, 0, 0);
    assert_int_equal(b.value, 0);
    report_one(world, &a);
    expect_purse(world, &a, 60, 60, 0);
    expect_purse(world, &b, 40, 40, 0);
    report_one(world, &b);
    assert_int_equal(b.value, 40);
    assert_int_equal(alerts_for(world, KC_OK), 1);
}

/* What was paid on already stays in the books until the payer shows it; or until the settlement time has passed, and then it is
 * owed. */
/* shows: R-LOG-2 R-LOG-4 R-SEC-1 */
static void receipts_that_were_paid_on(void **state)
{
    for (int shown = 0; shown < 2; shown++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        struct toy c;
        toy_rich(&a, world, 10 + (unsigned)shown, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)shown, 0, 0);
        toy_rich(&c, world, 30 + (unsigned)shown, 0, 0);
        (void)toy_exchange(&a, &b, world, 40);
        (void)toy_exchange(&b, &c, world, 30);
        toy_forget(&b, 1);
        report_one(world, &b);
        expect_purse(world, &b, -30, 0, 0);
        expect_purse(world, &c, 30, 0, 0);
        EXPECT(toy_report_all(&c, world), KC_OK);
        if (shown) {
            report_one(world, &a);
            expect_purse(world, &b, 10, 10, 0);
            assert_int_equal(sweep(world, WORLD_SETTLE_MS + 1), 1);
            expect_purse(world, &b, 10, 10, 0);
        } else {
            assert_int_equal(sweep(world, WORLD_SETTLE_MS + 1), 1);
            expect_purse(world, &b, -30, 0, 30);
            report_one(world, &b);
            expect_purse(world, &b, -30, 0, 30);
            /* The payer's late word gives it back, and the debt is paid from it. */
            report_one(world, &a);
            expect_purse(world, &b, 10, 40, 30);
            report_one(world, &b);
            expect_purse(world, &b, 10, 10, 0);
        }
        assert_int_equal(world_purse(world, b.purse).state, KC_PURSE_ACTIVE);
    }
}

/* The reply that took the unexplained receipt was lost, and the purse spent it: no proof of anything. */
/* shows: R-LOG-4 R-SEC-1 */
static void spending_what_the_bank_took_unheard_accuses_nobody(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    struct toy_message lost;
    struct toy_reply reply;
    toy_rich(&a, world, 1, 0, 100);
    toy_rich(&b, world, 2, 0, 0);
    toy_rich(&c, world, 3, 0, 0);
    (void)toy_exchange(&a, &b, world, 40);
    toy_forget(&b, 1);
    toy_settle(&lost, &b, world);
    EXPECT(world_send(world, &reply, &lost), KC_OK);
    expect_purse(world, &b, 0, 0, 0);
    (void)toy_exchange(&b, &c, world, 40);
    report_one(world, &b);
    expect_purse(world, &b, -40, 0, 0);
    assert_int_equal(world_purse(world, b.purse).state, KC_PURSE_ACTIVE);
    report_one(world, &a);
    report_one(world, &c);
    expect_purse(world, &a, 60, 60, 0);
    expect_purse(world, &b, 0, 0, 0);
    expect_purse(world, &c, 40, 40, 0);
    assert_int_equal(alerts_for(world, KC_OK), 1);
}

/* ---- noted payments into a gap ---- */

/* shows: R-LOG-2 R-XCHG-11 */
static void a_noted_payment_that_the_gap_holds_counts_as_made(void **state)
{
    for (int payer_first = 0; payer_first < 2; payer_first++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        toy_rich(&a, world, 10 + (unsigned)payer_first, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)payer_first, 0, 0);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        (void)toy_receive(&b, world, &order);
        toy_forget(&b, 1);
        report_one(world, payer_first ? &a : &b);
        report_one(world, payer_first ? &b : &a);
        assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_BOOKED);
        assert_true(payment_of(world, &order).inferred);
        expect_purse(world, &a, 60, 60, 0);
        expect_purse(world, &b, 40, 40, 0);
        expect_in_flight(world, 0);
        EXPECT(toy_report_all(&b, world), KC_OK);
        assert_int_equal(b.value, 40);
    }
}

/* shows: R-LOG-2 R-XCHG-11 */
static void a_noted_payment_that_the_gap_does_not_hold_comes_back(void **state)
{
    for (int payer_first = 0; payer_first < 2; payer_first++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        struct toy c;
        toy_rich(&a, world, 10 + (unsigned)payer_first, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)payer_first, 0, 0);
        toy_rich(&c, world, 30 + (unsigned)payer_first, 0, 100);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        (void)toy_exchange(&c, &b, world, 39);
        toy_forget(&b, 1);
        report_one(world, payer_first ? &a : &b);
        report_one(world, payer_first ? &b : &a);
        assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
        assert_int_equal(payment_of(world, &order).reason, KC_OUT_OF_ORDER);
        EXPECT(toy_report_all(&a, world), KC_OK);
        EXPECT(toy_report_all(&a, world), KC_OK);
        expect_purse(world, &a, 100, 100, 0);
        assert_int_equal(a.value, 100);
        report_one(world, &c);
        expect_purse(world, &b, 39, 39, 0);
    }
}

/* The gap's one receipt was somebody else's: what was only inferred is taken back when that one shows it. */
/* shows: R-LOG-2 R-SEC-1 */
static void what_was_inferred_makes_room_for_a_receipt(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    toy_rich(&a, world, 1, 0, 100);
    toy_rich(&b, world, 2, 0, 0);
    toy_rich(&c, world, 3, 0, 100);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    (void)toy_refuse(&b, world, &order);
    (void)toy_exchange(&c, &b, world, 40);
    toy_forget(&b, 2);
    report_one(world, &a);
    report_one(world, &b);
    assert_true(payment_of(world, &order).inferred);
    expect_purse(world, &a, 60, 60, 0);
    report_one(world, &c);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
    expect_purse(world, &b, 40, 40, 0);
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_purse(world, &a, 100, 100, 0);
    assert_int_equal(a.value, 100);
    assert_int_equal(world_purse(world, b.purse).state, KC_PURSE_ACTIVE);
}

/* The payer hears the decline after the bank inferred that the payment was taken. */
/* shows: R-LOG-2 R-SEC-1 */
static void a_decline_undoes_what_was_inferred(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    toy_rich(&a, world, 1, 0, 100);
    toy_rich(&b, world, 2, 0, 0);
    toy_rich(&c, world, 3, 0, 100);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    struct toy_word word = toy_refuse(&b, world, &order);
    (void)toy_exchange(&c, &b, world, 40);
    toy_forget(&b, 2);
    report_one(world, &b);
    report_one(world, &a);
    assert_true(payment_of(world, &order).inferred);
    toy_hear(&a, world, &order, &word);
    report_one(world, &a);
    expect_purse(world, &a, 100, 100, 0);
    expect_purse(world, &b, 0, 40, 0);
    report_one(world, &b);
    expect_purse(world, &b, 0, 0, 0);
    report_one(world, &c);
    expect_purse(world, &b, 40, 40, 0);
    assert_int_equal(alerts_for(world, KC_COPIED_OR_RESTORED), 0);
}

/* ---- voids ---- */

/* A payment and its void, both lost, are nothing to the purse; the payee's word changes nothing either. */
/* shows: R-LOG-2 */
static void a_payment_and_its_void_are_netted(void **state)
{
    for (int covered = 0; covered < 2; covered++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        toy_rich(&a, world, 10 + (unsigned)covered, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)covered, 0, 0);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        if (covered) {
            report_one(world, &a);
            expect_in_flight(world, 40);
        }
        struct toy_word word = toy_refuse(&b, world, &order);
        toy_hear(&a, world, &order, &word);
        toy_forget(&a, 2);
        report_one(world, &a);
        expect_purse(world, &a, covered ? 60 : 100, covered ? 60 : 100, 0);
        report_one(world, &b);
        report_one(world, &a);
        report_one(world, &a);
        expect_purse(world, &a, 100, 100, 0);
        assert_int_equal(a.value, 100);
        expect_in_flight(world, 0);
        assert_int_equal(alerts_for(world, KC_DEBT), 0);
    }
}

/* Nothing is ahead any more, and the purse holds what the bank says. */
static void expect_settled(struct world *world, const struct toy *toy, uint64_t value)
{
    struct kc_purse_row row = world_purse(world, toy->purse);
    expect_purse(world, toy, (int64_t)value, value, 0);
    assert_int_equal(toy->value, value);
    assert_int_equal(kc_amount_minor(row.ahead_in), 0);
    assert_int_equal(kc_amount_minor(row.ahead_out), 0);
}

/* The bank released the payment, and the void for it was lost. */
/* shows: R-LOG-2 R-XCHG-11 */
static void a_void_that_was_lost_is_counted_once(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    report_one(world, &a);
    (void)toy_refuse(&b, world, &order);
    report_one(world, &b);
    report_one(world, &a);
    assert_int_equal(a.entry_count, 1);
    toy_forget(&a, 1);
    report_one(world, &a);
    expect_settled(world, &a, 100);
    report_one(world, &a);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 0);
    expect_settled(world, &a, 100);
}

/* Of two payments of one amount the void in the gap belongs to the one that is heard of last. */
/* shows: R-LOG-2 R-SEC-1 */
static void a_void_that_was_taken_for_another_is_put_right(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    toy_rich(&a, world, 1, 0, 100);
    toy_rich(&b, world, 2, 0, 0);
    toy_rich(&c, world, 3, 0, 0);
    struct toy_order first = toy_pay(&a, world, &b, 40);
    struct toy_order second = toy_pay(&a, world, &c, 40);
    report_one(world, &a);
    struct toy_word word = toy_refuse(&c, world, &second);
    toy_hear(&a, world, &second, &word);
    toy_forget(&a, 1);
    report_one(world, &a);
    expect_purse(world, &a, 20, 20, 0);
    (void)toy_refuse(&b, world, &first);
    report_one(world, &b);
    assert_true(payment_of(world, &first).inferred);
    report_one(world, &c);
    for (int i = 0; i < 4; i++) {
        report_one(world, &a);
    }
    expect_settled(world, &a, 100);
    assert_true(payment_of(world, &first).returned && payment_of(world, &second).returned);
    assert_int_equal(alerts_for(world, KC_DEBT) + alerts_for(world, KC_MISMATCH), 0);
}

/* A void after the gap, of a payment in it: the payee's decline stands beside it. */
/* shows: R-LOG-2 R-LOG-4 R-SEC-1 */
static void a_void_of_a_payment_in_a_gap(void **state)
{
    for (int late = 0; late < 2; late++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        struct toy c;
        toy_rich(&a, world, 10 + (unsigned)late, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)late, 0, 0);
        toy_rich(&c, world, 30 + (unsigned)late, 0, 0);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        toy_forget(&a, 1);
        report_one(world, &a);
        if (late) {
            assert_true(sweep(world, WORLD_SETTLE_MS + 1) > 0);
            report_one(world, &a);
            assert_int_equal(a.value, 100);
        }
        struct toy_word word = toy_refuse(&b, world, &order);
        toy_hear(&a, world, &order, &word);
        /* Spent twice in good faith, where it had come back before. */
        (void)toy_exchange(&a, &c, world, late ? 140 : 100);
        report_one(world, &a);
        expect_purse(world, &a, late ? -40 : 0, 0, late ? 40 : 0);
        report_one(world, &c);
        report_one(world, &b);
        expect_purse(world, &a, late ? -40 : 0, 0, late ? 40 : 0);
        assert_int_equal(world_purse(world, a.purse).state, KC_PURSE_ACTIVE);
    }
}

/* The void of a lost payment is counted before its payee reports the refusal: that gives nothing back a second time, although
 * the gap holds enough of another payment. */
/* shows: R-LOG-2 R-XCHG-11 */
static void a_refusal_after_the_void_gives_back_once(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    two(world, &a, &b);
    toy_rich(&c, world, 3, 0, 0);
    struct toy_order refused = toy_pay(&a, world, &b, 5);
    (void)toy_exchange(&a, &c, world, 40);
    toy_forget(&a, 2);
    report_one(world, &a);
    struct toy_word word = toy_refuse(&b, world, &refused);
    toy_hear(&a, world, &refused, &word);
    report_one(world, &a);
    expect_purse(world, &a, 60, 60, 0);
    expect_in_flight(world, 40);
    report_one(world, &b);
    expect_purse(world, &a, 60, 60, 0);
    expect_in_flight(world, 40);
    assert_int_equal(payment_of(world, &refused).state, KC_PAYMENT_REFUSED);
    report_one(world, &c);
    expect_purse(world, &a, 60, 60, 0);
    expect_purse(world, &c, 40, 40, 0);
    expect_in_flight(world, 0);
    assert_int_equal(alerts_for(world, KC_MISMATCH) + alerts_for(world, KC_DEBT), 0);
}

/* ---- deposits ---- */

/* A cash-out that was booked ahead of its chain, in a gap. */
/* shows: R-LOG-2 R-CASH-6 */
static void a_deposit_in_a_gap_is_counted_once(void **state)
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
    toy_take(&a, world, &reply.outcome);
    (void)toy_exchange(&a, &b, world, 1);
    toy_forget(&a, 2);
    report_one(world, &a);
    expect_purse(world, &a, 49, 49, 0);
    expect_in_flight(world, 20);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_purse(world, &a, 49, 49, 0);
    expect_purse(world, &b, 21, 21, 0);
    assert_int_equal(world_balance(world, a.account), 930);
}

/* ---- time ---- */

/* shows: R-XCHG-11 R-LOG-4 R-SEC-1 */
static void a_noted_payment_is_given_up_when_its_payee_cannot_speak_any_more(void **state)
{
    for (int spent = 0; spent < 2; spent++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        struct toy c;
        struct toy_reply reply;
        char sql[128];
        toy_rich(&a, world, 10 + (unsigned)spent, 0, 100);
        toy_rich(&b, world, 20 + (unsigned)spent, 0, 0);
        toy_rich(&c, world, 30 + (unsigned)spent, 0, 0);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        (void)toy_receive(&b, world, &order);
        report_one(world, &a);
        uint64_t due = payment_of(world, &order).due_ms;
        assert_int_equal(due, world->now_ms + WORLD_ACCOUNT_MS + WORLD_SETTLE_MS);
        uint64_t now = world->now_ms;
        assert_int_equal(sweep(world, due - now), 0);
        assert_int_equal(sweep(world, 1), 1);
        assert_int_equal(payment_of(world, &order).reason, KC_EXPIRED);
        expect_purse(world, &a, 100, 60, 0);
        world->now_ms = now;
        EXPECT(toy_report(&a, world, &reply), KC_OK);
        assert_int_equal(reply.settled.releases[0].reason, KC_EXPIRED);
        EXPECT(toy_report_all(&a, world), KC_OK);
        expect_purse(world, &a, 100, 100, 0);
        /* Its keys were renewed, say, and it reports after all. */
        (void)snprintf(sql, sizeof sql, "UPDATE accounts SET expires = %llu",
                       (unsigned long long)(due + WORLD_ACCOUNT_MS));
        world_close(world);
        assert_true(world_plant(world, sql));
        EXPECT(world_open(world), KC_OK);
        if (spent) {
            (void)toy_exchange(&b, &c, world, 25);
        }
        EXPECT(toy_report(&b, world, &reply), KC_OK);
        assert_int_equal(reply.settled.objections[0].reason, KC_EXPIRED);
        expect_purse(world, &b, spent ? -25 : 0, 0, spent ? 25 : 0);
        assert_int_equal(world_purse(world, b.purse).state, KC_PURSE_ACTIVE);
        expect_in_flight(world, 0);
    }
}

/* ---- proofs ---- */

/* shows: R-SEC-1 R-LOG-2 */
static void totals_that_pay_more_than_was_held_are_a_proof(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    a.value += 20;
    (void)toy_exchange(&a, &b, world, 120);
    toy_forget(&a, 1);
    EXPECT(toy_report(&a, world, &reply), KC_OVERSPENT);
    assert_int_equal(world_purse(world, a.purse).state, KC_PURSE_OUT);
    report_one(world, &b);
    expect_purse(world, &b, 120, 120, 0);
    /* What it lacks comes from the account at once. */
    assert_int_equal(world_signed_shadow(world, a.purse), 0);
    assert_int_equal(world_balance(world, a.account), 880);
}

/* An order or a receipt that the totals do not hold, before or after the gap was reported. */
/* shows: R-SEC-1 R-LOG-5 */
static void what_was_signed_and_is_not_in_the_totals_is_a_proof(void **state)
{
    for (int before = 0; before < 2; before++) {
        for (int receipt = 0; receipt < 2; receipt++) {
            struct world *world = *state;
            struct toy a;
            struct toy b;
            struct toy_reply reply;
            unsigned n = 10 + 2 * (unsigned)before + (unsigned)receipt;
            toy_rich(&a, world, n, 100, 100);
            toy_rich(&b, world, n + 10, 0, 0);
            (void)toy_exchange(&a, &b, world, 40);
            struct toy *liar = receipt ? &b : &a;
            struct toy *other = receipt ? &a : &b;
            toy_forget(liar, 1);
            *(receipt ? &liar->totals[1].received : &liar->totals[1].paid) = 39;
            *(receipt ? &liar->received : &liar->paid) = 39;
            liar->value = receipt ? 39 : 61;
            if (before) {
                report_one(world, other);
            }
            EXPECT(toy_report(liar, world, &reply), before ? KC_COPIED_OR_RESTORED : KC_OK);
            report_one(world, other);
            assert_int_equal(world_purse(world, liar->purse).state, KC_PURSE_OUT);
            assert_int_equal(world_purse(world, other->purse).state, KC_PURSE_ACTIVE);
            expect_clean(world);
        }
    }
}

/* A copied purse with a gap: what it lacks comes from its account, and what is shown of its gap later is explained as ever. */
/* shows: R-SEC-1 R-LOG-5 */
static void a_purse_out_of_use_with_a_gap(void **state)
{
    struct world *world = *state;
    struct toy toys[4];
    for (unsigned i = 0; i < 4; i++) {
        toy_rich(&toys[i], world, i + 1, 0, 0);
    }
    struct toy a;
    toy_rich(&a, world, 9, 30, 50);
    struct toy copy = a;
    (void)toy_exchange(&a, &toys[0], world, 40);
    (void)toy_exchange(&a, &toys[1], world, 5);
    toy_forget(&a, 2);
    report_one(world, &a);
    (void)toy_exchange(&copy, &toys[2], world, 30);
    report_one(world, &toys[2]);
    assert_int_equal(alerts_for(world, KC_COPIED_OR_RESTORED), 0);
    report_one(world, &toys[0]);
    assert_int_equal(alerts_for(world, KC_COPIED_OR_RESTORED), 1);
    assert_int_equal(world_signed_shadow(world, a.purse), -5);
    assert_int_equal(world_balance(world, a.account), 0);
    report_one(world, &toys[1]);
    expect_in_flight(world, 10);
    assert_int_equal(world_signed_shadow(world, a.purse), -5);
    assert_int_equal(sweep(world, WORLD_SETTLE_MS + 1), 1);
    assert_int_equal(world_signed_shadow(world, a.purse), 5);
    for (unsigned i = 0; i < 3; i++) {
        expect_purse(world, &toys[i],
                     i == 0   ? 40
                     : i == 1 ? 5
                              : 30,
                     i == 0   ? 40
                     : i == 1 ? 5
                              : 30,
                     0);
    }
}

/* The payee signed a decline that the payer's void shows, and reports that it took the payment: not the payer's fault. */
/* shows: R-SEC-1 R-LOG-2 */
static void a_payee_that_denied_is_found_also_over_a_gap(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    struct toy_word word = toy_receive(&b, world, &order);
    word.kind = KC_ANSWER_DECLINE;
    toy_hear(&a, world, &order, &word);
    toy_forget(&a, 1);
    report_one(world, &a);
    expect_purse(world, &a, 100, 100, 0);
    EXPECT(toy_report(&b, world, &reply), KC_COPIED_OR_RESTORED);
    expect_purse(world, &a, 100, 100, 0);
    assert_int_equal(world_purse(world, a.purse).state, KC_PURSE_ACTIVE);
    assert_int_equal(world_purse(world, b.purse).state, KC_PURSE_OUT);
}

/* A gap that was reported is reported again, with the same head or with another. */
/* shows: R-SEC-1 R-XCHG-11 */
static void a_gap_reported_again(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply first;
    struct toy_reply reply;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    (void)toy_exchange(&a, &b, world, 5);
    toy_forget(&a, 1);
    toy_settle(&message, &a, world);
    EXPECT(world_send(world, &first, &message), KC_OK);
    uint64_t posted = postings(world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_memory_equal(&first.settled, &reply.settled, sizeof first.settled);
    assert_int_equal(postings(world), posted);
    /* More is lost meanwhile: what was counted by records, and what came after. */
    toy_forget(&a, 1);
    toy_settle(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(postings(world), posted);
    (void)toy_exchange(&a, &b, world, 6);
    toy_forget(&a, 1);
    toy_settle(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    expect_purse(world, &a, 49, 49, 0);
    toy_stamp(&message, world, "again");
    message.settle_ms = toy_next_time(&a, world);
    message.information.gap.head[0] ^= 1;
    message.information.information.head[0] ^= 1;
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
}

/* shows: R-SEC-1 */
static void a_gap_that_cannot_be_changes_nothing(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply reply;
    two(world, &a, &b);
    (void)toy_exchange(&a, &b, world, 40);
    EXPECT(toy_report_all(&a, world), KC_OK);
    (void)toy_exchange(&a, &b, world, 10);
    toy_forget(&a, 1);
    toy_settle(&message, &a, world);
    message.information.gap.paid = world_amount(39);
    EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
    toy_settle(&message, &a, world);
    message.information.gap.received = world_amount(KC_AMOUNT_MAX / 2);
    message.information.information.received = world_amount(KC_AMOUNT_MAX / 2);
    message.information.gap.paid = world_amount(KC_AMOUNT_MAX / 2);
    message.information.information.paid = world_amount(KC_AMOUNT_MAX / 2);
    message.information.information.value = world_amount(100);
    EXPECT(world_send(world, &reply, &message), KC_AMOUNT_TOO_LARGE);
    toy_settle(&message, &a, world);
    message.information.information.value = world_amount(51);
    EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
    expect_purse(world, &a, 60, 60, 0);
    assert_int_equal(alerts_for(world, KC_OK), 0);
    report_one(world, &a);
    expect_purse(world, &a, 50, 50, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(spending_that_the_payee_reports_later),
        TEST(spending_that_the_payee_reported_before),
        TEST(what_nobody_reports_comes_back),
        TEST(deleting_only_what_was_paid_gains_nothing),
        TEST(receipts_that_the_payer_shows_later),
        TEST(receipts_that_were_paid_on),
        TEST(spending_what_the_bank_took_unheard_accuses_nobody),
        TEST(a_noted_payment_that_the_gap_holds_counts_as_made),
        TEST(a_noted_payment_that_the_gap_does_not_hold_comes_back),
        TEST(what_was_inferred_makes_room_for_a_receipt),
        TEST(a_decline_undoes_what_was_inferred),
        TEST(a_payment_and_its_void_are_netted),
        TEST(a_void_that_was_lost_is_counted_once),
        TEST(a_void_that_was_taken_for_another_is_put_right),
        TEST(a_void_of_a_payment_in_a_gap),
        TEST(a_refusal_after_the_void_gives_back_once),
        TEST(a_deposit_in_a_gap_is_counted_once),
        TEST(a_noted_payment_is_given_up_when_its_payee_cannot_speak_any_more),
        TEST(totals_that_pay_more_than_was_held_are_a_proof),
        TEST(what_was_signed_and_is_not_in_the_totals_is_a_proof),
        TEST(a_purse_out_of_use_with_a_gap),
        TEST(a_payee_that_denied_is_found_also_over_a_gap),
        TEST(a_gap_reported_again),
        TEST(a_gap_that_cannot_be_changes_nothing),
    };
    return cmocka_run_group_tests_name("ledger: gaps", tests, NULL, NULL);
}
