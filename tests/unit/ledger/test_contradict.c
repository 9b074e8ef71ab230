/* Question: is everybody found who signs two things that exclude each other or pays what he never had, with both kept and no
 * honest purse the poorer for it; and does a record that shows nothing move nothing? */
#include "exchange.h"
#include "expect.h"

#include <stdio.h>
#include <string.h>

static uint64_t alerts_of(const struct world *world, const struct toy *toy, enum kc_error reason)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM alerts WHERE purse = %llu AND reason = %u",
                   (unsigned long long)toy->purse.number, (unsigned)reason);
    return world_ask(world, sql);
}

/* Messages that are kept and that alerts name as proof against a purse. */
static uint64_t proofs(const struct world *world, const struct toy *toy)
{
    char sql[320];
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(DISTINCT e.digest) FROM evidence e, alerts a"
                   " WHERE e.purse = %llu AND a.purse = e.purse AND"
                   " ((e.time = a.evidence AND e.digest = a.evidence_digest) OR"
                   " (e.time = a.against AND e.digest = a.against_digest))",
                   (unsigned long long)toy->purse.number);
    return world_ask(world, sql);
}

static bool is_out(struct world *world, const struct toy *toy)
{
    return world_purse(world, toy->purse).state == KC_PURSE_OUT;
}

static void expect_only_out(struct world *world, const struct toy *guilty, enum kc_error reason)
{
    assert_int_equal(alerts_of(world, guilty, reason), 1);
    assert_int_equal(alerts(world), 1);
    assert_true(is_out(world, guilty));
    expect_clean(world);
}

/* A with 100; B, C with nothing. */
static void three(struct world *world, struct toy toys[3])
{
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&toys[i], world, i + 1, 0, i == 0 ? 100 : 0);
    }
}

/* ---- the payer ---- */

/* shows: R-SEC-1 R-XCHG-7 R-XCHG-11 */
static void two_orders_with_one_counter(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    three(world, toys);
    struct toy copy = toys[0];
    (void)toy_exchange(&toys[0], &toys[1], world, 80);
    (void)toy_exchange(&copy, &toys[2], world, 70);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    assert_int_equal(alerts(world), 0);
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    expect_only_out(world, &toys[0], KC_COPIED_OR_RESTORED);
    assert_int_equal(proofs(world, &toys[0]), 2);
    /* Both payees keep what they were paid; the bank claims the rest. */
    assert_int_equal(world_signed_shadow(world, toys[0].purse), -50);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 80);
    assert_int_equal(world_signed_shadow(world, toys[2].purse), 70);
    assert_int_equal(kc_amount_minor(world->ledger.totals.claims), 50);
    EXPECT(toy_report_all(&toys[0], world), KC_PURSE_BLOCKED);
    assert_false(is_out(world, &toys[1]) || is_out(world, &toys[2]));
}

/* The payer's own report came first: its entry stands against the order. */
/* shows: R-SEC-1 R-XCHG-11 */
static void an_order_against_a_counted_entry(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    three(world, toys);
    struct toy copy = toys[0];
    (void)toy_exchange(&toys[0], &toys[1], world, 80);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    (void)toy_exchange(&copy, &toys[2], world, 70);
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    expect_only_out(world, &toys[0], KC_COPIED_OR_RESTORED);
    assert_int_equal(proofs(world, &toys[0]), 2);
    assert_int_equal(world_signed_shadow(world, toys[0].purse), -50);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    expect_clean(world);
    assert_int_equal(kc_amount_minor(world_purse(world, toys[1].purse).value), 80);
}

/* The payer reports an entry with a counter that it gave to a payment already. */
/* shows: R-SEC-1 R-XCHG-11 */
static void an_entry_against_a_known_order(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    struct toy copy = toys[0];
    (void)toy_exchange(&toys[0], &toys[1], world, 80);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    copy.last_ms = toys[0].last_ms;
    (void)toy_exchange(&copy, &toys[2], world, 70);
    EXPECT(toy_report(&copy, world, &reply), KC_COPIED_OR_RESTORED);
    expect_only_out(world, &toys[0], KC_COPIED_OR_RESTORED);
    /* The receipt was good, so C is paid by the report. */
    assert_int_equal(world_signed_shadow(world, toys[2].purse), 70);
    assert_int_equal(world_signed_shadow(world, toys[0].purse), -50);
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    expect_clean(world);
}

/* Counters that differ do not hide a fork: the heads before them differ. */
/* shows: R-SEC-1 */
static void a_fork_is_found_by_its_heads(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    three(world, toys);
    struct toy copy = toys[0];
    (void)toy_exchange(&toys[0], &toys[1], world, 10);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    /* The copy's first entry never reaches the bank; its second has a counter that is free. */
    (void)toy_pay(&copy, world, &toys[1], 1);
    (void)toy_exchange(&copy, &toys[2], world, 70);
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    expect_only_out(world, &toys[0], KC_COPIED_OR_RESTORED);
    assert_int_equal(world_signed_shadow(world, toys[0].purse), 20);
    assert_int_equal(world_signed_shadow(world, toys[2].purse), 70);
}

/* A purse restored from an old copy reports another history. */
/* shows: R-SEC-1 */
static void a_report_against_the_counted_chain(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    struct toy copy = toys[0];
    for (unsigned i = 0; i < 3; i++) {
        (void)toy_exchange(&toys[0], &toys[1], world, 10);
    }
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    copy.last_ms = toys[0].last_ms;
    for (unsigned i = 0; i < 5; i++) {
        (void)toy_exchange(&copy, &toys[2], world, 10);
    }
    EXPECT(toy_report(&copy, world, &reply), KC_COPIED_OR_RESTORED);
    expect_only_out(world, &toys[0], KC_COPIED_OR_RESTORED);
    assert_int_equal(proofs(world, &toys[0]), 2);
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    assert_int_equal(world_signed_shadow(world, toys[0].purse), 20);
    assert_int_equal(alerts(world), 1);
    expect_clean(world);
}

/* shows: R-SEC-1 R-XCHG-7 */
static void an_overspend_is_proved_at_the_report(void **state)
{
    for (unsigned receipt = 0; receipt < 2; receipt++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        struct toy_reply reply;
        toy_rich(&a, world, 10 + receipt, 0, 100);
        toy_rich(&b, world, 20 + receipt, 0, 0);
        (void)toy_exchange(&a, &b, world, 60);
        a.value += 1000;
        struct toy_order order = toy_pay(&a, world, &b, 70);
        struct toy_word word = toy_receive(&b, world, &order);
        if (receipt) {
            toy_hear(&a, world, &order, &word);
        }
        a.value = 0;
        EXPECT(toy_report(&a, world, &reply), KC_OVERSPENT);
        assert_int_equal(alerts_of(world, &a, KC_OVERSPENT), 1);
        assert_true(is_out(world, &a));
        assert_int_equal(world_signed_shadow(world, b.purse), receipt ? 130 : 60);
        EXPECT(toy_report_all(&b, world), KC_OK);
        assert_int_equal(world_signed_shadow(world, b.purse), 130);
        assert_int_equal(world_signed_shadow(world, a.purse), -30);
        assert_int_equal(kc_amount_minor(world_purse(world, b.purse).value), 130);
        assert_false(is_out(world, &b));
        expect_clean(world);
    }
    assert_int_equal(kc_amount_minor(((struct world *)*state)->ledger.totals.claims), 60);
}

/* ---- the payee ---- */

/* The payee's receipt is known, and then its chain has something else there. */
/* shows: R-SEC-1 */
static void a_receipt_against_the_payees_chain(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    struct toy copy = toys[1];
    (void)toy_exchange(&toys[0], &toys[1], world, 40);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    EXPECT(toy_cash_whole(&toys[0], world, KC_CASH_KIND_DEPOSIT, 10, &reply), KC_OK);
    struct toy_order order = toy_pay(&toys[0], world, &copy, 5);
    (void)toy_refuse(&copy, world, &order);
    EXPECT(toy_report(&copy, world, &reply), KC_COPIED_OR_RESTORED);
    expect_only_out(world, &toys[1], KC_COPIED_OR_RESTORED);
    assert_int_equal(proofs(world, &toys[1]), 2);
    assert_false(is_out(world, &toys[0]));
    /* What the refusal was about comes back. */
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    assert_int_equal(toys[0].value, 50);
    expect_clean(world);
}

/* The same, the payee's chain first. */
/* shows: R-SEC-1 */
static void a_receipt_for_a_counter_that_was_counted(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    three(world, toys);
    struct toy copy = toys[1];
    struct toy_order order = toy_pay(&toys[0], world, &copy, 5);
    (void)toy_refuse(&copy, world, &order);
    EXPECT(toy_report_all(&copy, world), KC_OK);
    struct toy_word word = toy_receive(&toys[1], world, &order);
    toy_hear(&toys[0], world, &order, &word);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    expect_only_out(world, &toys[1], KC_COPIED_OR_RESTORED);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    /* The payer's purse knows it as taken, and would take no release. */
    assert_int_equal(world_signed_shadow(world, toys[0].purse), 95);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 5);
}

/* The payee takes the payment, denies it, and reports only one of both. */
/* shows: R-SEC-1 */
static void a_decline_against_a_counted_receive(void **state)
{
    for (unsigned covered = 0; covered < 2; covered++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        toy_rich(&a, world, 10 + covered, 0, 100);
        toy_rich(&b, world, 20 + covered, 0, 0);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        (void)toy_receive(&b, world, &order);
        struct toy_word lie = toy_moved_on(&b, &order);
        EXPECT(toy_report_all(&b, world), KC_OK);
        if (covered) {
            EXPECT(toy_report_all(&a, world), KC_OK);
        }
        toy_hear(&a, world, &order, &lie);
        EXPECT(toy_report_all(&a, world), KC_OK);
        assert_int_equal(alerts_of(world, &b, KC_COPIED_OR_RESTORED), 1);
        assert_true(is_out(world, &b));
        assert_false(is_out(world, &a));
        assert_int_equal(world_signed_shadow(world, a.purse), 100);
        assert_int_equal(world_signed_shadow(world, b.purse), 0);
        assert_int_equal(kc_amount_minor(world_purse(world, a.purse).value), 100);
        assert_int_equal(a.entry_count, 0);
        expect_clean(world);
    }
}

/* The decline is known first, and then the payee reports that it took the payment. */
/* shows: R-SEC-1 */
static void a_receive_against_a_known_decline(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    struct toy_order order = toy_pay(&toys[0], world, &toys[1], 40);
    (void)toy_receive(&toys[1], world, &order);
    struct toy_word lie = toy_moved_on(&toys[1], &order);
    toy_hear(&toys[0], world, &order, &lie);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    EXPECT(toy_report(&toys[1], world, &reply), KC_COPIED_OR_RESTORED);
    expect_only_out(world, &toys[1], KC_COPIED_OR_RESTORED);
    assert_int_equal(proofs(world, &toys[1]), 2);
    assert_int_equal(world_signed_shadow(world, toys[0].purse), 100);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 0);
}

/* A receipt in one hand and the refusal in the other. */
/* shows: R-SEC-1 */
static void a_receipt_against_a_decline_in_the_chain(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    struct toy_order order = toy_pay(&toys[0], world, &toys[1], 40);
    struct toy copy = toys[1];
    struct toy_word word = toy_receive(&copy, world, &order);
    toy_hear(&toys[0], world, &order, &word);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 40);
    (void)toy_refuse(&toys[1], world, &order);
    EXPECT(toy_report(&toys[1], world, &reply), KC_COPIED_OR_RESTORED);
    expect_only_out(world, &toys[1], KC_COPIED_OR_RESTORED);
}

/* ---- records that show nothing ---- */

/* shows: R-XCHG-7 R-SEC-4 */
static void an_objection_touches_nobody_else(void **state)
{
    static const enum kc_error reasons[] = {KC_BAD_SIGNATURE, KC_UNKNOWN_SIGNER, KC_CERT_REVOKED,
                                            KC_CERT_EXPIRED,  KC_MISMATCH,       KC_MALFORMED,
                                            KC_AMOUNT_ZERO};
    struct world *world = *state;
    for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        for (unsigned side = 0; side < 2; side++) {
            struct toy a;
            struct toy b;
            struct toy_reply reply;
            toy_rich(&a, world, 100 + 10 * i + side, 0, 100);
            toy_rich(&b, world, 500 + 10 * i + side, 0, 50);
            (void)toy_exchange(&a, &b, world, 40);
            struct toy *reporter = side == 0 ? &a : &b;
            struct toy *partner = side == 0 ? &b : &a;
            int64_t before = world_signed_shadow(world, partner->purse);
            int64_t own = world_signed_shadow(world, reporter->purse);
            reporter->slots[0].record.objection = reasons[i];
            EXPECT(toy_report(reporter, world, &reply), KC_OK);
            assert_int_equal(reply.settled.objection_count, 1);
            assert_int_equal(reply.settled.objections[0].reason, reasons[i]);
            assert_int_equal(reply.settled.objections[0].counter, 1);
            assert_int_equal(alerts_of(world, reporter, reasons[i]), 1);
            assert_int_equal(world_signed_shadow(world, partner->purse), before);
            assert_int_equal(world_signed_shadow(world, reporter->purse), own);
            assert_int_equal(reporter->value, own);
            assert_int_equal(reporter->entry_count, 0);
            assert_false(is_out(world, reporter) || is_out(world, partner));
            expect_clean(world);
        }
    }
}

/* shows: R-XCHG-7 */
static void a_partner_that_is_not_there_or_not_the_holder(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    static const enum kc_error expected[] = {KC_UNKNOWN_PURSE, KC_MISMATCH};
    three(world, toys);
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        (void)toy_exchange(&toys[0], &toys[1], world, 5);
        struct toy_slot *slot = &toys[1].slots[toys[1].entry_count - 1];
        if (wrong == 0) {
            slot->record.order.payer_purse = kc_purse_nth(999);
        } else {
            slot->record.order.payer = toys[2].account;
        }
        EXPECT(toy_report(&toys[1], world, &reply), KC_OK);
        assert_int_equal(reply.settled.objection_count, 1);
        assert_int_equal(reply.settled.objections[0].reason, expected[wrong]);
        assert_int_equal(toys[1].value, 0);
        assert_int_equal(world_signed_shadow(world, toys[0].purse), 100);
        expect_clean(world);
    }
    assert_int_equal(alerts(world), 2);
}

/* A receipt by somebody else than the payee is none: the payment waits for the payee. */
/* shows: R-XCHG-7 */
static void a_bad_receipt_books_nothing(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    struct toy_order order = toy_pay(&toys[0], world, &toys[1], 40);
    toys[0].slots[0].record.answer_objection = KC_BAD_SIGNATURE;
    EXPECT(toy_report(&toys[0], world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(alerts_of(world, &toys[0], KC_BAD_SIGNATURE), 1);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 0);
    assert_int_equal(kc_amount_minor(world->ledger.totals.in_flight), 40);
    (void)toy_receive(&toys[1], world, &order);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 40);
    expect_clean(world);
}

/* What the bank could not verify is left out while the purse still has it; and the payer's word heals it. */
/* shows: R-SEC-1 R-XCHG-9 */
static void an_unverified_receipt_is_left_out_and_heals(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    (void)toy_exchange(&toys[0], &toys[1], world, 40);
    toys[1].slots[0].record.objection = KC_UNKNOWN_SIGNER;
    EXPECT(toy_report(&toys[1], world, &reply), KC_OK);
    assert_int_equal(reply.settled.objections[0].reason, KC_UNKNOWN_SIGNER);
    assert_int_equal(toys[1].value, 0);
    assert_int_equal(toys[1].entry_count, 0);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 40);
    assert_int_equal(kc_amount_minor(world_purse(world, toys[1].purse).objected), 0);
    assert_int_equal(kc_amount_minor(world_purse(world, toys[1].purse).value), 40);
    struct toy_message message;
    toy_settle(&message, &toys[1], world);
    message.information.information.value = world_amount(0);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take_settled(&toys[1], world, &reply.settled);
    assert_int_equal(toys[1].value, 40);
    assert_int_equal(alerts(world), 1);
    expect_clean(world);
}

/* Once it is spent the counting stops before it: nobody is accused, and later the bank can verify it. */
/* shows: R-SEC-1 R-XCHG-7 */
static void an_unverified_receipt_that_was_spent_waits(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_message message;
    struct toy_reply reply;
    three(world, toys);
    (void)toy_exchange(&toys[0], &toys[1], world, 40);
    toys[1].slots[0].record.objection = KC_UNKNOWN_SIGNER;
    (void)toy_exchange(&toys[1], &toys[2], world, 30);
    toy_settle(&message, &toys[1], world);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(world_send(world, &reply, &message), KC_OK);
        assert_int_equal(reply.settled.objection_count, 1);
        assert_int_equal(reply.settled.objections[0].reason, KC_UNKNOWN_SIGNER);
        assert_int_equal(reply.settled.certified.counter, 0);
    }
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), -30);
    toys[1].slots[0].record.objection = KC_OK;
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    assert_int_equal(toys[1].value, 10);
    assert_int_equal(kc_amount_minor(world_purse(world, toys[1].purse).value), 10);
    assert_int_equal(alerts(world), 1);
    assert_false(is_out(world, &toys[1]));
    expect_clean(world);
}

/* shows: R-SEC-1 */
static void sums_that_do_not_follow_are_refused(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_message message;
    struct toy_reply reply;
    three(world, toys);
    (void)toy_exchange(&toys[0], &toys[1], world, 40);
    for (unsigned wrong = 0; wrong < 4; wrong++) {
        toy_settle(&message, &toys[0], world);
        struct kc_value_information *told = &message.information.information;
        told->value = world_amount(wrong == 0 ? 61 : 60);
        told->paid = world_amount(wrong == 1 ? 39 : 40);
        told->received = world_amount(wrong == 2 ? 1 : 0);
        told->returned = world_amount(wrong == 3 ? 1 : 0);
        EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
        EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
        assert_int_equal(world_purse(world, toys[0].purse).counter, 0);
    }
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    assert_int_equal(alerts(world), 0);
}

/* Invented voids, cash-outs and closes have no effect. */
/* shows: R-SEC-1 R-XCHG-7 */
static void invented_entries_have_no_effect(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    three(world, toys);
    (void)toy_exchange(&toys[0], &toys[1], world, 40);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    toy_void(&toys[0], world, 1, 40);
    toy_void(&toys[0], world, 1, 30);
    const struct kc_entry cash_out = {.kind = KC_ENTRY_KIND_CASH_OUT,
                                      .counter = 4,
                                      .time_ms = toy_next_time(&toys[0], world),
                                      .amount = world_amount(5),
                                      .has_transaction = true,
                                      .transaction_ms = 12345};
    (void)toy_add_entry(&toys[0], world, &cash_out, NULL);
    toys[0].value -= 5;
    toys[0].paid += 5;
    const struct kc_entry closing = {
        .kind = KC_ENTRY_KIND_CLOSE, .counter = 5, .time_ms = toy_next_time(&toys[0], world)};
    (void)toy_add_entry(&toys[0], world, &closing, NULL);
    EXPECT(toy_report(&toys[0], world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 4);
    assert_int_equal(reply.settled.certified.counter, 5);
    assert_int_equal(toys[0].value, 60);
    assert_int_equal(world_signed_shadow(world, toys[0].purse), 60);
    assert_int_equal(alerts(world), 4);
    expect_clean(world);
}

/* An amount that never can have been is objected to; one that could is a claim, and the ordinary bank is not made to pay it. */
/* shows: R-SEC-1 */
static void amounts_that_cannot_be(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_reply reply;
    struct toy_message message;
    three(world, toys);
    toys[0].value = KC_AMOUNT_MAX;
    struct toy_order order = toy_pay(&toys[0], world, &toys[1], 101);
    (void)toy_receive(&toys[1], world, &order);
    order = toy_pay(&toys[0], world, &toys[1], 100);
    (void)toy_receive(&toys[1], world, &order);
    order = toy_pay(&toys[0], world, &toys[1], KC_AMOUNT_MAX / 2);
    (void)toy_receive(&toys[1], world, &order);
    order = toy_pay(&toys[0], world, &toys[1], 90);
    (void)toy_receive(&toys[1], world, &order);
    /* What it lacks already is nothing that others could have given it. */
    order = toy_pay(&toys[0], world, &toys[1], 11);
    (void)toy_receive(&toys[1], world, &order);
    EXPECT(toy_report(&toys[1], world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 3);
    assert_int_equal(reply.settled.objections[2].counter, 5);
    assert_int_equal(reply.settled.objections[2].reason, KC_AMOUNT_TOO_LARGE);
    assert_int_equal(reply.settled.objections[0].counter, 1);
    assert_int_equal(reply.settled.objections[0].reason, KC_AMOUNT_TOO_LARGE);
    assert_int_equal(reply.settled.objections[1].counter, 3);
    assert_int_equal(toys[1].value, 190);
    assert_int_equal(kc_amount_minor(world->ledger.totals.claims), 90);
    expect_clean(world);
    EXPECT(toy_cash_whole(&toys[1], world, KC_CASH_KIND_DEPOSIT, 190, &reply), KC_OK);
    toy_fund(&message, &toys[1], world, KC_FUND_KIND_REDEEM, 101);
    EXPECT(world_send(world, &reply, &message), KC_NO_ABILITY_TO_PAY);
    EXPECT(toy_fund_whole(&toys[1], world, KC_FUND_KIND_REDEEM, 100, &reply), KC_OK);
    expect_clean(world);
}

/* A batch whose commit fails leaves nothing; the same report counts afterwards. */
static struct kc_store real_store;
static bool commit_fails;

static struct kc_result failing_commit(void *context)
{
    return commit_fails ? kc_result(KC_DISK_FULL) : real_store.commit(context);
}

static void spoil(struct world *world)
{
    real_store = world->store;
    world->spoiled.commit = failing_commit;
}

/* shows: R-NODE-1 R-XCHG-11 */
static void a_batch_that_fails_counts_nothing(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_message message;
    struct toy_reply reply;
    three(world, toys);
    world_close(world);
    world->spoil = spoil;
    EXPECT(world_open(world), KC_OK);
    (void)toy_exchange(&toys[0], &toys[1], world, 40);
    toy_settle(&message, &toys[1], world);
    commit_fails = true;
    EXPECT(world_send(world, &reply, &message), KC_DISK_FULL);
    commit_fails = false;
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 0);
    assert_int_equal(world_signed_shadow(world, toys[0].purse), 100);
    expect_clean(world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(world_signed_shadow(world, toys[1].purse), 40);
    expect_clean(world);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_orders_with_one_counter),
        TEST(an_order_against_a_counted_entry),
        TEST(an_entry_against_a_known_order),
        TEST(a_fork_is_found_by_its_heads),
        TEST(a_report_against_the_counted_chain),
        TEST(an_overspend_is_proved_at_the_report),
        TEST(a_receipt_against_the_payees_chain),
        TEST(a_receipt_for_a_counter_that_was_counted),
        TEST(a_decline_against_a_counted_receive),
        TEST(a_receive_against_a_known_decline),
        TEST(a_receipt_against_a_decline_in_the_chain),
        TEST(an_objection_touches_nobody_else),
        TEST(a_partner_that_is_not_there_or_not_the_holder),
        TEST(a_bad_receipt_books_nothing),
        TEST(an_unverified_receipt_is_left_out_and_heals),
        TEST(an_unverified_receipt_that_was_spent_waits),
        TEST(sums_that_do_not_follow_are_refused),
        TEST(invented_entries_have_no_effect),
        TEST(amounts_that_cannot_be),
        TEST(a_batch_that_fails_counts_nothing),
    };
    return cmocka_run_group_tests_name("ledger: contradictions", tests, NULL, NULL);
}
