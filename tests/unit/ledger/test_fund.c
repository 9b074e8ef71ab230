/* Question: is money between the ordinary bank and an account booked once, whenever the ordinary
 * bank's word comes? */
#include "expect.h"

#include <string.h>

static uint64_t in_flight(const struct world *world)
{
    return kc_amount_minor(world->ledger.totals.in_flight);
}

static uint64_t outside(const struct world *world)
{
    return kc_amount_minor(world->ledger.totals.outside);
}

/* shows: R-CASH-11 R-NODE-5 */
static void funding_books_at_the_ordinary_banks_word(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 0, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 700);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_true(reply.order.ask);
    assert_int_equal(kc_amount_minor(reply.order.amount), 700);
    assert_int_equal(reply.order.kind, KC_FUND_KIND_FUND);
    assert_string_equal(reply.order.bank_account, "0001-1234567");
    expect_amounts(world, &toy, 0, 0);
    assert_int_equal(postings(world), 0);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    assert_int_equal(kc_amount_minor(reply.outcome.certified.account_amount), 700);
    expect_amounts(world, &toy, 700, 0);
    assert_int_equal(outside(world), 700);
    struct kc_ledger_outcome first = reply.outcome;
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    assert_memory_equal(&reply.outcome, &first, sizeof first);
    EXPECT(world_settle(world, &reply, &order, KC_NO_ABILITY_TO_PAY), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_false(reply.order.ask);
    assert_memory_equal(&reply.outcome, &first, sizeof first);
    assert_int_equal(postings(world), 1);
}

/* shows: R-CASH-11 */
static void a_refused_funding_books_nothing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 0, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 700);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_NO_ABILITY_TO_PAY), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_REFUSED);
    assert_int_equal(reply.outcome.reason, KC_NO_ABILITY_TO_PAY);
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_REFUSED);
    assert_int_equal(postings(world), 0);
    expect_amounts(world, &toy, 0, 0);
}

/* shows: R-CASH-11 */
static void redeeming_holds_the_amount_in_flight(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 300);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    expect_amounts(world, &toy, 700, 0);
    assert_int_equal(in_flight(world), 300);
    assert_int_equal(outside(world), 1000);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    toy_take(&toy, world, &reply.outcome);
    assert_int_equal(in_flight(world), 0);
    assert_int_equal(outside(world), 700);
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 200);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_NO_BANK_ACCOUNT), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_REFUSED);
    expect_amounts(world, &toy, 700, 0);
    assert_int_equal(in_flight(world), 0);
    assert_int_equal(outside(world), 700);
}

/* shows: R-CASH-9 R-CASH-11 */
static void in_doubt_is_asked_again_until_it_is_known(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_ledger_order orders[4];
    size_t count = 0;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 300);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_IN_DOUBT), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_IN_DOUBT);
    toy_take(&toy, world, &reply.outcome);
    assert_int_equal(toy.pending_ms, order.time_ms);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    EXPECT(kc_ledger_in_doubt(orders, &count, 4, &world->ledger, (struct kc_purse_id){0}, 0),
           KC_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(&orders[0].purse, &order.purse, sizeof order.purse);
    assert_int_equal(orders[0].time_ms, order.time_ms);
    assert_int_equal(kc_amount_minor(orders[0].amount), 300);
    assert_int_equal(orders[0].kind, KC_FUND_KIND_REDEEM);
    assert_string_equal(orders[0].bank_account, "0001-1234567");
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_true(reply.order.ask);
    assert_int_equal(reply.order.time_ms, order.time_ms);
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_IN_DOUBT);
    toy_take(&toy, world, &reply.outcome);
    EXPECT(world_settle(world, &reply, &orders[0], KC_OK), KC_OK);
    EXPECT(kc_ledger_in_doubt(orders, &count, 4, &world->ledger, (struct kc_purse_id){0}, 0),
           KC_OK);
    assert_int_equal(count, 0);
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_amounts(world, &toy, 700, 0);
    assert_int_equal(outside(world), 700);
}

static void orders_in_doubt_come_in_bounded_parts(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct toy_message message;
    struct toy_reply reply;
    struct kc_ledger_order orders[2];
    size_t count = 0;
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&toys[i], world, i, 0, 0);
        toy_fund(&message, &toys[i], world, KC_FUND_KIND_FUND, 10 + i);
        EXPECT(world_send(world, &reply, &message), KC_OK);
    }
    for (size_t left = 3; left > 0; left -= count) {
        EXPECT(kc_ledger_in_doubt(orders, &count, 2, &world->ledger, (struct kc_purse_id){0}, 0),
               KC_OK);
        assert_int_equal(count, left > 2 ? 2 : left);
        for (size_t i = 0; i < count; i++) {
            EXPECT(world_settle(world, &reply, &orders[i], KC_OK), KC_OK);
        }
    }
    assert_int_equal(outside(world), 33);
}

/* Orders that stay in doubt must not keep the others from being asked. */
static void every_order_in_doubt_has_its_turn(void **state)
{
    struct world *world = *state;
    struct toy toys[5];
    struct toy_message message;
    struct toy_reply reply;
    struct kc_ledger_order orders[2];
    struct kc_ledger_order last = {.ask = false};
    size_t count = 0;
    uint64_t seen = 0;
    for (unsigned i = 0; i < 5; i++) {
        toy_rich(&toys[i], world, i, 0, 0);
        toy_fund(&message, &toys[i], world, KC_FUND_KIND_FUND, UINT64_C(1) << i);
        EXPECT(world_send(world, &reply, &message), KC_OK);
    }
    for (unsigned round = 0; round < 3; round++) {
        EXPECT(kc_ledger_in_doubt(orders, &count, 2, &world->ledger, last.purse, last.time_ms),
               KC_OK);
        assert_int_equal(count, round < 2 ? 2 : 1);
        for (size_t i = 0; i < count; i++) {
            seen += kc_amount_minor(orders[i].amount);
            EXPECT(world_settle(world, &reply, &orders[i], KC_IN_DOUBT), KC_OK);
        }
        last = orders[count - 1];
    }
    assert_int_equal(seen, 31);
    EXPECT(kc_ledger_in_doubt(orders, &count, 2, &world->ledger, last.purse, last.time_ms), KC_OK);
    assert_int_equal(count, 0);
}

/* What an account holds changes with the order, so the record's present amounts are of that time. */
/* shows: R-DATA-2 */
static void a_redemption_dates_the_present_amounts(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_purse_row row;
    toy_rich(&toy, world, 1, 100, 40);
    uint64_t access_ms = world->now_ms;
    world->now_ms += 5000;
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    EXPECT(world->store.purse_get(world->store.context, &row, toy.purse.number), KC_OK);
    assert_int_equal(row.value_ms, world->now_ms);
    assert_int_equal(row.access_ms, access_ms);
    assert_int_equal(kc_amount_minor(row.account_at_access), 100);
    assert_int_equal(kc_amount_minor(row.purse_at_access), 40);
    expect_amounts(world, &toy, 70, 40);
}

static void an_order_that_was_changed_in_the_store_is_corrupt(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 0, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order order = reply.order;
    world_close(world);
    assert_true(world_plant(world, "UPDATE transactions SET amount = 0 WHERE state = 2"));
    EXPECT(world_open(world), KC_OK);
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_STORE_CORRUPT);
    expect_amounts(world, &toy, 0, 0);
}

/* shows: R-CASH-11 */
static void amounts_that_cannot_be_are_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 0);
    EXPECT(world_send(world, &reply, &message), KC_AMOUNT_ZERO);
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 1001);
    EXPECT(world_send(world, &reply, &message), KC_INSUFFICIENT_ACCOUNT);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, KC_AMOUNT_MAX - 999);
    EXPECT(world_send(world, &reply, &message), KC_AMOUNT_TOO_LARGE);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, KC_AMOUNT_MAX - 1000);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    expect_amounts(world, &toy, KC_AMOUNT_MAX, 0);
}

/* Two orders that each fit, but not together: the second waits, and nobody else's item is lost with
 * it. */
static void a_funding_that_does_not_fit_any_more_waits(void **state)
{
    struct world *world = *state;
    struct toy toys[2];
    struct toy_message message;
    struct toy_reply reply;
    struct kc_ledger_order orders[2];
    for (unsigned i = 0; i < 2; i++) {
        toy_rich(&toys[i], world, i, 0, 0);
        toy_fund(&message, &toys[i], world, KC_FUND_KIND_FUND, KC_AMOUNT_MAX - i);
        EXPECT(world_send(world, &reply, &message), KC_OK);
        orders[i] = reply.order;
    }
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct kc_result result = kc_ledger_fund_settle(&reply.outcome, &world->ledger,
                                                        orders[i].purse, orders[i].time_ms, KC_OK);
        EXPECT(result, KC_OK);
        assert_int_equal(reply.outcome.outcome,
                         i == 0 ? KC_OUTCOME_COMPLETED : KC_OUTCOME_IN_DOUBT);
        if (i == 0) {
            toy_take(&toys[0], world, &reply.outcome);
        }
    }
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    expect_amounts(world, &toys[0], KC_AMOUNT_MAX, 0);
    expect_amounts(world, &toys[1], 0, 0);
    EXPECT(toy_fund_whole(&toys[0], world, KC_FUND_KIND_REDEEM, KC_AMOUNT_MAX, &reply), KC_OK);
    EXPECT(world_settle(world, &reply, &orders[1], KC_OK), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_amounts(world, &toys[1], KC_AMOUNT_MAX - 1, 0);
}

static void a_fund_request_ends_an_open_quote(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 10);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct toy copy = toy;
    toy_answer(&answer, &copy, world, &reply.quote, KC_ANSWER_OK);
    toy.last_ms = copy.last_ms;
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 5);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    expect_amounts(world, &toy, 1005, 0);
}

static void a_settlement_needs_its_order(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    const struct kc_ledger_order order = {.purse = toy.purse, .time_ms = 5};
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_UNKNOWN_TRANSACTION);
    expect_amounts(world, &toy, 1000, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(funding_books_at_the_ordinary_banks_word),
        TEST(a_refused_funding_books_nothing),
        TEST(redeeming_holds_the_amount_in_flight),
        TEST(in_doubt_is_asked_again_until_it_is_known),
        TEST(orders_in_doubt_come_in_bounded_parts),
        TEST(every_order_in_doubt_has_its_turn),
        TEST(a_redemption_dates_the_present_amounts),
        TEST(an_order_that_was_changed_in_the_store_is_corrupt),
        TEST(amounts_that_cannot_be_are_refused),
        TEST(a_funding_that_does_not_fit_any_more_waits),
        TEST(a_fund_request_ends_an_open_quote),
        TEST(a_settlement_needs_its_order),
    };
    return cmocka_run_group_tests_name("ledger: funding and redeeming", tests, NULL, NULL);
}
