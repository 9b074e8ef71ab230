/* Question: does an answer that comes after its pay entry was counted end the payment as it would have before, is it the proof
 * that it is, do words that a purse ignores keep the others from being told, and do sums at the end of what can be counted stop
 * nobody else? */
#include "exchange.h"
#include "expect.h"

#include <stdio.h>

static void expect_shadows(struct world *world, const struct toy *a, int64_t of_a,
                           const struct toy *b, int64_t of_b)
{
    assert_int_equal(world_signed_shadow(world, a->purse), of_a);
    assert_int_equal(world_signed_shadow(world, b->purse), of_b);
    expect_clean(world);
}

static void expect_out(struct world *world, const struct toy *toy, bool out)
{
    assert_int_equal(world_purse(world, toy->purse).state == KC_PURSE_OUT, out);
    assert_int_equal(alerts(world), out ? 1 : 0);
}

static void two(struct world *world, struct toy *a, struct toy *b)
{
    toy_rich(a, world, 1, 0, 100);
    toy_rich(b, world, 2, 0, 0);
}

/* A report whose reply is lost. */
static void report_lost(struct toy *toy, struct world *world)
{
    struct toy_message message;
    struct toy_reply reply;
    toy_settle(&message, toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
}

/* shows: R-XCHG-6 R-XCHG-11 */
static void a_receipt_heard_later_books_what_was_noted(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    report_lost(&a, world);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_NOTED);
    struct toy_word word = toy_receive(&b, world, &order);
    toy_hear(&a, world, &order, &word);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_BOOKED);
    assert_int_equal(reply.settled.release_count, 0);
    expect_shadows(world, &a, 60, &b, 40);
    EXPECT(toy_report_all(&b, world), KC_OK);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_shadows(world, &a, 60, &b, 40);
    expect_out(world, &b, false);
}

/* The payee's chain went past the payment, and its receipt comes to light then. */
/* shows: R-SEC-1 R-XCHG-11 */
static void a_receipt_heard_later_is_a_proof(void **state)
{
    for (unsigned refused = 0; refused < 2; refused++) {
        struct world *world = *state;
        struct toy a;
        struct toy b;
        struct toy c;
        struct toy_reply reply;
        toy_rich(&a, world, 10 + refused, 0, 100);
        toy_rich(&b, world, 20 + refused, 0, 0);
        toy_rich(&c, world, 30 + refused, 0, 100);
        struct toy copy = b;
        uint64_t before = alerts(world);
        struct toy_order order = toy_pay(&a, world, &b, 40);
        report_lost(&a, world);
        if (refused) {
            (void)toy_refuse(&copy, world, &order);
        } else {
            (void)toy_exchange(&c, &copy, world, 7);
        }
        EXPECT(toy_report_all(&copy, world), KC_OK);
        assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
        struct toy_word word = toy_receive(&b, world, &order);
        toy_hear(&a, world, &order, &word);
        EXPECT(toy_report(&a, world, &reply), KC_OK);
        assert_int_equal(reply.settled.release_count, 0);
        assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_BOOKED);
        assert_int_equal(alerts(world), before + 1);
        assert_int_equal(world_purse(world, b.purse).state, KC_PURSE_OUT);
        expect_shadows(world, &a, 60, &b, refused ? 40 : 47);
        assert_int_equal(a.value, 60);
        /* Once. */
        EXPECT(toy_report(&a, world, &reply), KC_OK);
        assert_int_equal(alerts(world), before + 1);
        expect_shadows(world, &a, 60, &b, refused ? 40 : 47);
    }
}

/* The payer took the release already: it keeps that, and the receipt is a proof all the same. */
/* shows: R-SEC-1 R-XCHG-11 */
static void a_receipt_after_the_void_moves_nothing(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    two(world, &a, &b);
    toy_rich(&c, world, 3, 0, 100);
    struct toy copy = b;
    struct toy_order order = toy_pay(&a, world, &b, 40);
    (void)toy_exchange(&c, &copy, world, 7);
    EXPECT(toy_report_all(&copy, world), KC_OK);
    report_lost(&a, world);
    toy_void(&a, world, order.order.payer_counter, 40);
    report_lost(&a, world);
    assert_true(payment_of(world, &order).returned);
    struct toy_word word = toy_receive(&b, world, &order);
    toy_hear(&a, world, &order, &word);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_out(world, &b, true);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
    expect_shadows(world, &a, 100, &b, 7);
}

/* shows: R-XCHG-6 R-XCHG-11 */
static void a_decline_heard_later_releases_what_was_noted(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    report_lost(&a, world);
    struct toy_word word = toy_refuse(&b, world, &order);
    toy_hear(&a, world, &order, &word);
    EXPECT(toy_report_all(&a, world), KC_OK);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
    assert_true(payment_of(world, &order).returned);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &a, 100, &b, 0);
    expect_out(world, &b, false);
}

/* shows: R-SEC-1 R-XCHG-11 */
static void a_decline_heard_later_of_what_was_taken_is_a_proof(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    report_lost(&a, world);
    (void)toy_receive(&b, world, &order);
    EXPECT(toy_report_all(&b, world), KC_OK);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_BOOKED);
    struct toy_word lie = toy_moved_on(&b, &order);
    toy_hear(&a, world, &order, &lie);
    EXPECT(toy_report_all(&a, world), KC_OK);
    expect_out(world, &b, true);
    expect_shadows(world, &a, 100, &b, 0);
}

/* A receipt that could not be verified when its entry was counted, and can be now. */
/* shows: R-XCHG-11 */
static void a_receipt_that_could_not_be_verified_is_heard_later(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_message message;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_exchange(&a, &b, world, 40);
    a.slots[0].record.answer = KC_ANSWER_NONE;
    a.slots[0].record.answer_objection = KC_UNKNOWN_SIGNER;
    toy_settle(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_NOTED);
    a.slots[0].record.answer = KC_ANSWER_RECEIPT;
    a.slots[0].record.answer_objection = KC_OK;
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_BOOKED);
    assert_int_equal(reply.settled.objection_count, 0);
    expect_shadows(world, &a, 60, &b, 40);
}

#define IGNORED 20u

/* A purse that concluded its payments never writes the voids for which the bank waits. */
/* shows: R-XCHG-6 R-XCHG-11 */
static void words_that_are_ignored_do_not_block_the_others(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    struct toy_message message;
    unsigned told[64] = {0};
    two(world, &a, &b);
    for (unsigned i = 0; i < IGNORED; i++) {
        struct toy_order order = toy_pay(&a, world, &b, 2);
        (void)toy_refuse(&b, world, &order);
    }
    EXPECT(toy_report_all(&b, world), KC_OK);
    for (unsigned round = 0; round < 9; round++) {
        toy_settle(&message, &a, world);
        EXPECT(world_send(world, &reply, &message), KC_OK);
        toy_conform(&a, &reply.settled.certified);
        assert_true(reply.settled.release_count > 0);
        for (size_t i = 0; i < reply.settled.release_count; i++) {
            assert_true(reply.settled.releases[i].counter < 64);
            told[reply.settled.releases[i].counter] += 1;
        }
    }
    /* 72 words for 20 payments. */
    for (unsigned i = 0; i < 64; i++) {
        assert_true(told[i] == 0 || (told[i] >= 3 && told[i] <= 5));
    }
    struct toy_order order = toy_pay(&a, world, &b, 2);
    (void)toy_receive(&b, world, &order);
    EXPECT(toy_report_all(&b, world), KC_OK);
    toy_settle(&message, &a, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.settled.releases[0].counter, order.order.payer_counter);
    assert_int_equal(reply.settled.releases[0].reason, 0);
    /* The same report again gets the same words. */
    struct kc_ledger_settled first = reply.settled;
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.settled.release_count, first.release_count);
    for (size_t i = 0; i < first.release_count; i++) {
        bool same = false;
        for (size_t j = 0; j < first.release_count; j++) {
            same = same || reply.settled.releases[j].counter == first.releases[i].counter;
        }
        assert_true(same);
    }
    expect_clean(world);
}

/* Words of a reply that was lost do not count as heard by a later certified value that came with others. */
/* shows: R-XCHG-11 */
static void words_of_a_lost_reply_are_told_though_others_were_heard(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    bool told[64] = {false};
    unsigned count = 0;
    two(world, &a, &b);
    for (unsigned i = 0; i < IGNORED; i++) {
        struct toy_order order = toy_pay(&a, world, &b, 2);
        (void)toy_receive(&b, world, &order);
    }
    EXPECT(toy_report_all(&b, world), KC_OK);
    for (unsigned round = 0; round < 12; round++) {
        if (round % 2 == 0) {
            report_lost(&a, world);
            continue;
        }
        EXPECT(toy_report(&a, world, &reply), KC_OK);
        for (size_t i = 0; i < reply.settled.release_count; i++) {
            uint64_t counter = reply.settled.releases[i].counter;
            assert_true(counter < 64);
            count += told[counter] ? 0 : 1;
            told[counter] = true;
        }
    }
    assert_int_equal(count, IGNORED);
    expect_clean(world);
}

/* The reply with the word is lost, and the answer to a transaction brings a later certified value. */
/* shows: R-XCHG-8 R-XCHG-9 */
static void a_word_that_another_answer_overtook_is_told_again(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    EXPECT(toy_report_all(&a, world), KC_OK);
    (void)toy_receive(&b, world, &order);
    EXPECT(toy_report_all(&b, world), KC_OK);
    /* Began before the report, and ends after it. */
    struct toy_message message;
    toy_fund(&message, &a, world, KC_FUND_KIND_FUND, 10);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order fund = reply.order;
    report_lost(&a, world);
    EXPECT(world_settle(world, &reply, &fund, KC_OK), KC_OK);
    toy_take(&a, world, &reply.outcome);
    /* Refused, and asked again: the newest certified value, without its words. */
    report_lost(&a, world);
    toy_fund(&message, &a, world, KC_FUND_KIND_FUND, 10);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&a, world, &reply.outcome);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 1);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.release_count, 0);
}

/* A payment that is too late and was spent is owed; where that cannot be counted the report stops, and no part of it stays. */
/* shows: R-LOG-5 R-XCHG-11 */
static void what_is_too_much_to_be_owed_changes_nothing(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy c;
    struct toy_reply reply;
    two(world, &a, &b);
    toy_rich(&c, world, 3, 0, 10);
    a.value = KC_AMOUNT_MAX;
    struct toy_order order = toy_pay(&a, world, &c, KC_AMOUNT_MAX - 15);
    (void)toy_receive(&c, world, &order);
    c.slots[0].record.objection = KC_EXPIRED;
    (void)toy_exchange(&c, &b, world, 20);
    (void)toy_pay(&c, world, &a, KC_AMOUNT_MAX - 40);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_shadows(world, &c, -10, &b, 20);
    EXPECT(toy_report(&c, world, &reply), KC_OK);
    assert_int_equal(reply.settled.objections[0].reason, KC_EXPIRED);
    assert_int_equal(kc_amount_minor(world_purse(world, c.purse).value), 10);
    expect_shadows(world, &c, -10, &b, 20);
}

/* Orders that were refused stand in no sum of the books: more of them than can be counted contradict any totals. */
/* shows: R-SEC-1 R-LOG-5 */
static void more_than_can_be_counted_in_a_gap_is_a_proof(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    two(world, &a, &b);
    for (unsigned i = 0; i < 3; i++) {
        struct toy_order order = toy_pay(&a, world, &b, 2);
        (void)toy_refuse(&b, world, &order);
    }
    EXPECT(toy_report_all(&b, world), KC_OK);
    world_close(world);
    assert_true(world_plant(world, "UPDATE payments SET amount = 4000000000000000000"));
    EXPECT(world_open(world), KC_OK);
    toy_forget(&a, 3);
    EXPECT(toy_report(&a, world, &reply), KC_COPIED_OR_RESTORED);
    assert_int_equal(world_purse(world, a.purse).state, KC_PURSE_OUT);
    world_close(world);
    assert_true(world_plant(world, "UPDATE payments SET amount = 2"));
    EXPECT(world_open(world), KC_OK);
}

static size_t sweep(struct world *world)
{
    size_t count = 0;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_end_waiting(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return count;
}

/* A payment that the payer's books have no room for is not found by every sweep, before all others. */
/* shows: R-LOG-4 */
static void what_cannot_be_given_back_blocks_no_sweep(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    two(world, &a, &b);
    struct toy_order order = toy_pay(&a, world, &b, 40);
    report_lost(&a, world);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET ahead_out = 9223372036854775800"
                                   " WHERE value = 60"));
    EXPECT(world_open(world), KC_OK);
    world->now_ms = payment_of(world, &order).due_ms + 1;
    assert_int_equal(sweep(world), 1);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_NOTED);
    assert_int_equal(sweep(world), 0);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET ahead_out = 0 WHERE value = 60"));
    EXPECT(world_open(world), KC_OK);
    world->now_ms = payment_of(world, &order).due_ms + 1;
    assert_int_equal(sweep(world), 1);
    assert_int_equal(payment_of(world, &order).state, KC_PAYMENT_RELEASED);
    expect_shadows(world, &a, 100, &b, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_receipt_heard_later_books_what_was_noted),
        TEST(a_receipt_heard_later_is_a_proof),
        TEST(a_receipt_after_the_void_moves_nothing),
        TEST(a_decline_heard_later_releases_what_was_noted),
        TEST(a_decline_heard_later_of_what_was_taken_is_a_proof),
        TEST(a_receipt_that_could_not_be_verified_is_heard_later),
        TEST(words_that_are_ignored_do_not_block_the_others),
        TEST(words_of_a_lost_reply_are_told_though_others_were_heard),
        TEST(a_word_that_another_answer_overtook_is_told_again),
        TEST(what_is_too_much_to_be_owed_changes_nothing),
        TEST(more_than_can_be_counted_in_a_gap_is_a_proof),
        TEST(what_cannot_be_given_back_blocks_no_sweep),
    };
    return cmocka_run_group_tests_name("ledger: late answers", tests, NULL, NULL);
}
