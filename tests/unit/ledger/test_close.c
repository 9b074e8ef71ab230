/* Question: is an account that is given up paid out to the last unit and no unit more, whatever its purse held, whatever others
 * report late, and however often the ordinary bank fails; and does nothing else move it? */
#include "expect.h"

#include <string.h>

#include "ledger/inside.h"

#define DAY_MS UINT64_C(86400000)

static struct kc_result ask(struct kc_ledger_closed *out, struct world *world,
                            struct kc_account_id account, enum kc_close_kind kind)
{
    struct world_letter letter;
    const struct kc_close_request request = {
        .account = account, .kind = kind, .time_ms = world->now_ms};
    world_write(&letter, world, "close", (unsigned)(account.number % 100000 + kind),
                request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_close_request(out, &world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result close_kind(struct world *world, const struct toy *toy,
                                   enum kc_close_kind kind)
{
    struct kc_ledger_closed closed;
    return ask(&closed, world, toy->account, kind);
}

static struct kc_result operate(struct world *world, const struct toy *toy)
{
    struct kc_ledger_closed closed;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_close_account(&closed, &world->ledger, toy->account);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* The scheduler's turns, until there is nothing left to do. */
static void run(struct world *world)
{
    size_t count = 1;
    for (unsigned i = 0; i < 100 && count > 0; i++) {
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_closings(&world->ledger, &count), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    }
    assert_int_equal(count, 0);
}

static size_t payouts(struct kc_payout *out, struct world *world)
{
    size_t count = 0;
    EXPECT(kc_ledger_payouts(out, &count, 4, &world->ledger, 0), KC_OK);
    return count;
}

static void answer(struct world *world, const struct kc_payout *payout, enum kc_error with)
{
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_payout_settle(&world->ledger, payout, with), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* The ordinary bank does what it is asked; how much that is. */
static uint64_t pay_all(struct world *world)
{
    struct kc_payout out[4];
    uint64_t sum = 0;
    for (unsigned i = 0; i < 10; i++) {
        run(world);
        size_t count = payouts(out, world);
        if (count == 0) {
            break;
        }
        for (size_t k = 0; k < count; k++) {
            sum += kc_amount_minor(out[k].amount);
            answer(world, &out[k], KC_OK);
        }
    }
    return sum;
}

static enum kc_account_state state_of(struct world *world, const struct toy *toy)
{
    struct kc_account_row row;
    EXPECT(world->store.account_get(world->store.context, &row, toy->account.number), KC_OK);
    return row.state;
}

static uint64_t outside(const struct world *world)
{
    return kc_amount_minor(world->ledger.totals.outside);
}

/* shows: R-OPEN-3 */
static void an_empty_purse_is_closed_and_paid_out_at_once(void **state)
{
    struct world *world = *state;
    struct kc_ledger_closed closed;
    struct toy toy;
    struct toy other;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_payout out[4];
    toy_rich(&toy, world, 1, 100, 0);
    toy_rich(&other, world, 2, 50, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 5);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    EXPECT(ask(&closed, world, toy.account, KC_CLOSE_KIND_FOLLOW), KC_OUT_OF_ORDER);
    EXPECT(ask(&closed, world, toy.account, KC_CLOSE_KIND_EMPTY), KC_OK);
    assert_int_equal(kc_amount_minor(closed.amount), 100);
    assert_int_equal(closed.due_ms, world->now_ms + WORLD_SETTLE_MS);
    assert_int_equal(state_of(world, &toy), KC_ACCOUNT_CLOSING);
    struct kc_purse_row row = world_purse(world, toy.purse);
    assert_int_equal(row.state, KC_PURSE_OUT);
    assert_int_equal(row.out_reason, KC_CLOSED);
    assert_int_equal(row.open_ms, 0);
    assert_int_equal(world->ledger.hotlist_version, 1);
    /* Nothing else moves it: by its own purse, or by others. */
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_CLOSED);
    EXPECT(toy_transfer_asked(&other, world, KC_TRANSFER_SOURCE_ACCOUNT, toy.account, 5),
           KC_ACCOUNT_NOT_OPEN);
    /* Said again it is the same, and follows what was done. */
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_EMPTY), KC_OK);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_FOLLOW), KC_OK);
    EXPECT(operate(world, &toy), KC_OK);
    run(world);
    assert_int_equal(payouts(out, world), 1);
    assert_int_equal(kc_amount_minor(out[0].amount), 100);
    assert_string_equal(out[0].bank_account, "0001-1234567");
    expect_amounts(world, &toy, 0, 0);
    expect_clean(world);
    /* The ordinary bank is silent: it is asked the same again, and nothing moves meanwhile. */
    answer(world, &out[0], KC_IN_DOUBT);
    world->now_ms += 30 * DAY_MS;
    run(world);
    assert_int_equal(state_of(world, &toy), KC_ACCOUNT_CLOSED);
    assert_int_equal(payouts(out, world), 1);
    assert_int_equal(out[0].number, 1);
    assert_int_equal(outside(world), 150);
    answer(world, &out[0], KC_OK);
    assert_int_equal(outside(world), 50);
    answer(world, &out[0], KC_OK);
    answer(world, &out[0], KC_NO_BANK_ACCOUNT);
    assert_int_equal(pay_all(world), 0);
    assert_int_equal(outside(world), 50);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_FOLLOW), KC_OK);
}

/* shows: R-OPEN-3 */
static void what_is_left_in_a_purse_is_paid_out_after_the_settlement_time(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy third;
    struct toy_reply reply;
    struct kc_payout out[4];
    toy_rich(&toy, world, 1, 100, 50);
    toy_rich(&other, world, 2, 0, 30);
    toy_rich(&third, world, 3, 0, 30);
    (void)toy_exchange(&toy, &other, world, 20);
    (void)toy_exchange(&third, &toy, world, 7);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_EMPTY), KC_NOT_EMPTY);
    assert_int_equal(state_of(world, &toy), KC_ACCOUNT_OPEN);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_WRITE_OFF), KC_OK);
    run(world);
    assert_int_equal(payouts(out, world), 0);
    /* In time: what it paid. */
    EXPECT(toy_report_all(&other, world), KC_OK);
    expect_amounts(world, &toy, 100, 30);
    world->now_ms += WORLD_SETTLE_MS - 1;
    run(world);
    assert_int_equal(payouts(out, world), 0);
    world->now_ms += 1;
    run(world);
    assert_int_equal(state_of(world, &toy), KC_ACCOUNT_CLOSED);
    expect_clean(world);
    assert_int_equal(pay_all(world), 130);
    expect_amounts(world, &toy, 0, 0);
    /* Late: what it was paid, with its receipt; the account is closed, and its holder's all the same. */
    EXPECT(toy_report(&third, world, &reply), KC_OK);
    assert_int_equal(pay_all(world), 7);
    expect_amounts(world, &toy, 0, 0);
    assert_int_equal(state_of(world, &toy), KC_ACCOUNT_CLOSED);
}

/* A purse that has been closed for so long says nothing any more, and nobody waits for its identity to end. */
/* shows: R-OPEN-3 R-XCHG-9 */
static void what_was_paid_to_it_and_is_reported_late_comes_back(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy_reply reply;
    size_t count = 0;
    toy_rich(&toy, world, 1, 100, 50);
    toy_rich(&other, world, 2, 0, 30);
    (void)toy_pay(&other, world, &toy, 20);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_WRITE_OFF), KC_OK);
    world->now_ms += WORLD_SETTLE_MS;
    assert_int_equal(pay_all(world), 150);
    EXPECT(toy_report(&other, world, &reply), KC_OK);
    assert_int_equal(kc_amount_minor(world->ledger.totals.in_flight), 20);
    EXPECT(kc_ledger_begin(&world->ledger, ++world->now_ms), KC_OK);
    EXPECT(kc_ledger_end_waiting(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(count, 1);
    EXPECT(toy_report_all(&other, world), KC_OK);
    expect_amounts(world, &other, 0, 30);
    assert_int_equal(pay_all(world), 0);
    expect_clean(world);
}

/* shows: R-OPEN-3 */
static void what_a_purse_lacks_comes_from_the_account_first(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy third;
    toy_rich(&toy, world, 1, 10, 5);
    toy_rich(&other, world, 2, 0, 30);
    toy_rich(&third, world, 3, 0, 30);
    /* It spent what a silent purse had paid it. */
    (void)toy_exchange(&third, &toy, world, 20);
    (void)toy_exchange(&toy, &other, world, 23);
    EXPECT(operate(world, &toy), KC_OK);
    EXPECT(toy_report_all(&other, world), KC_OK);
    /* Of a purse out of use the account answers at once. */
    assert_int_equal(world_balance(world, toy.account), 0);
    assert_int_equal(world_signed_shadow(world, toy.purse), -8);
    world->now_ms += WORLD_SETTLE_MS;
    assert_int_equal(pay_all(world), 0);
    assert_int_equal(world_balance(world, toy.account), 0);
    assert_int_equal(world_signed_shadow(world, toy.purse), -8);
    expect_clean(world);
    EXPECT(toy_report_all(&third, world), KC_OK);
    assert_int_equal(pay_all(world), 12);
    expect_amounts(world, &toy, 0, 0);
}

/* shows: R-OPEN-3 */
static void a_refused_pay_out_is_tried_again_under_another_number(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_payout out[4];
    struct kc_payout first;
    toy_rich(&toy, world, 1, 100, 0);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_EMPTY), KC_OK);
    run(world);
    assert_int_equal(payouts(out, world), 1);
    first = out[0];
    answer(world, &first, KC_NO_BANK_ACCOUNT);
    expect_amounts(world, &toy, 100, 0);
    assert_int_equal(alerts(world), 1);
    expect_clean(world);
    run(world);
    assert_int_equal(payouts(out, world), 0);
    world->now_ms += DAY_MS;
    run(world);
    assert_int_equal(payouts(out, world), 1);
    assert_int_equal(out[0].number, 2);
    /* A late word about the first changes nothing. */
    answer(world, &first, KC_OK);
    assert_int_equal(outside(world), 100);
    answer(world, &out[0], KC_NO_BANK_ACCOUNT);
    assert_int_equal(alerts(world), 1);
    world->now_ms += DAY_MS;
    assert_int_equal(pay_all(world), 100);
    assert_int_equal(outside(world), 0);
}

/* shows: R-OPEN-3 */
static void an_order_to_the_ordinary_bank_ends_after_the_closing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    struct toy_reply end;
    toy_rich(&toy, world, 1, 100, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 40);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_true(reply.order.ask);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_EMPTY), KC_OK);
    assert_int_equal(pay_all(world), 100);
    EXPECT(world_settle(world, &end, &reply.order, KC_OK), KC_OK);
    assert_int_equal(pay_all(world), 40);
    assert_int_equal(outside(world), 0);
    /* Where the purse holds something it is kept with the rest until the settlement time is over. */
    toy_rich(&toy, world, 2, 100, 5);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 40);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_WRITE_OFF), KC_OK);
    EXPECT(world_settle(world, &end, &reply.order, KC_OK), KC_OK);
    assert_int_equal(pay_all(world), 0);
    world->now_ms += WORLD_SETTLE_MS;
    assert_int_equal(pay_all(world), 145);
}

struct shop {
    struct toy owner;
    struct toy buyer;
    struct toy machine;
};

/* 10 in the owner's account, and 20 in a machine that is closed and waits for what comes late. */
static void make_closing_shop(struct shop *shop, struct world *world)
{
    toy_rich(&shop->owner, world, 1, 10, 0);
    toy_rich(&shop->buyer, world, 2, 0, 50);
    EXPECT(toy_open_kind(&shop->machine, world, 3, KC_PURSE_TYPE_MACHINE, &shop->owner.account),
           KC_OK);
    EXPECT(close_kind(world, &shop->owner, KC_CLOSE_KIND_WRITE_OFF), KC_NOT_EMPTY);
    (void)toy_exchange(&shop->buyer, &shop->machine, world, 20);
    EXPECT(toy_report_all(&shop->buyer, world), KC_OK);
    EXPECT(close_kind(world, &shop->machine, KC_CLOSE_KIND_EMPTY), KC_NOT_EMPTY);
    EXPECT(close_kind(world, &shop->machine, KC_CLOSE_KIND_WRITE_OFF), KC_OK);
}

/* shows: R-OPEN-3 */
static void machines_are_closed_before_their_owner_and_cards_not_at_all(void **state)
{
    struct world *world = *state;
    struct shop shop;
    struct toy card;
    make_closing_shop(&shop, world);
    EXPECT(toy_open_kind(&card, world, 4, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(close_kind(world, &card, KC_CLOSE_KIND_EMPTY), KC_NOT_ALLOWED);
    /* What the machine turns out to lack would be the owner's to pay. */
    EXPECT(close_kind(world, &shop.owner, KC_CLOSE_KIND_EMPTY), KC_NOT_EMPTY);
    EXPECT(operate(world, &shop.owner), KC_NOT_EMPTY);
    assert_int_equal(pay_all(world), 0);
    world->now_ms += WORLD_SETTLE_MS;
    assert_int_equal(pay_all(world), 0);
    EXPECT(close_kind(world, &shop.owner, KC_CLOSE_KIND_EMPTY), KC_OK);
    assert_int_equal(pay_all(world), 30);
    expect_amounts(world, &shop.machine, 0, 0);
    expect_amounts(world, &shop.owner, 0, 0);
}

/* shows: R-VEND-5 */
static void the_last_takings_of_a_machine_pay_the_fee(void **state)
{
    static const char *const plants[] = {
        "DELETE FROM moves WHERE kind = 6",
        "UPDATE moves SET permille = 0, fixed = 0 WHERE kind = 2",
        "UPDATE moves SET fixed = fixed + 1",
        "UPDATE moves SET permille = 200",
        "UPDATE moves SET amount = amount - 1 WHERE kind = 6",
    };
    struct world *world = *state;
    struct shop shop;
    world->ledger.options.merchant =
        (struct kc_merchant_rule){.fee_fixed = world_amount(1), .fee_permille = 100};
    make_closing_shop(&shop, world);
    world->now_ms += WORLD_SETTLE_MS;
    assert_int_equal(pay_all(world), 0);
    assert_int_equal(kc_amount_minor(world->ledger.totals.fees), 3);
    expect_amounts(world, &shop.machine, 0, 0);
    expect_amounts(world, &shop.owner, 10 + 20 - 3, 0);
    expect_clean(world);
    expect_found(world, plants, sizeof plants / sizeof plants[0]);
    EXPECT(world_open(world), KC_OK);
}

/* shows: R-SEC-4 */
static void a_lost_purse_does_not_keep_its_account_open(void **state)
{
    struct world *world = *state;
    struct toy toy;
    toy_rich(&toy, world, 1, 100, 50);
    toy_lose(&toy, world);
    world->now_ms += WORLD_SETTLE_MS + 1;
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_WRITE_OFF), KC_OK);
    /* Its time ran out before. */
    assert_int_equal(pay_all(world), 150);
    assert_int_equal(state_of(world, &toy), KC_ACCOUNT_CLOSED);
}

/* Closings and pay-outs that say otherwise than the journal, or that stand for nothing. */
static void the_audit_finds_closings_that_do_not_fit(void **state)
{
    static const char *const plants[] = {
        "UPDATE payouts SET amount = amount + 1 WHERE state = 2",
        "UPDATE payouts SET state = 1, ended = 0 WHERE state = 2",
        "UPDATE payouts SET state = 2, reason = 0 WHERE state = 3",
        "UPDATE payouts SET ended = ended + 1 WHERE state = 2",
        "UPDATE payouts SET ordered = ordered - 1 WHERE state = 2",
        "UPDATE payouts SET number = number + 10 WHERE state = 2",
        "UPDATE payouts SET account = (SELECT max(account) FROM accounts)",
        "DELETE FROM payouts WHERE state = 2",
        "DELETE FROM closings",
        "UPDATE accounts SET state = 2 WHERE state = 5",
        "UPDATE accounts SET state = 4 WHERE state = 5",
        "UPDATE accounts SET state = 5 WHERE state = 2",
        "UPDATE closings SET closed = 0",
        "UPDATE closings SET due = closed + 1",
        "UPDATE closings SET payouts = 0",
        "UPDATE closings SET purse = (SELECT max(purse) FROM purses)",
        "DELETE FROM hotlist",
        "UPDATE alerts SET reason = 88",
        "UPDATE alerts SET counter = 1",
    };
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct kc_payout out[4];
    toy_rich(&toy, world, 1, 100, 0);
    toy_rich(&other, world, 2, 100, 0);
    EXPECT(close_kind(world, &toy, KC_CLOSE_KIND_EMPTY), KC_OK);
    run(world);
    assert_int_equal(payouts(out, world), 1);
    answer(world, &out[0], KC_NO_BANK_ACCOUNT);
    world->now_ms += WORLD_SETTLE_MS;
    assert_int_equal(pay_all(world), 100);
    expect_clean(world);
    expect_found(world, plants, sizeof plants / sizeof plants[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_purse_is_closed_and_paid_out_at_once, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(
            what_is_left_in_a_purse_is_paid_out_after_the_settlement_time, world_setup,
            world_teardown),
        cmocka_unit_test_setup_teardown(what_was_paid_to_it_and_is_reported_late_comes_back,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(what_a_purse_lacks_comes_from_the_account_first,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_refused_pay_out_is_tried_again_under_another_number,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_order_to_the_ordinary_bank_ends_after_the_closing,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(machines_are_closed_before_their_owner_and_cards_not_at_all,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(the_last_takings_of_a_machine_pay_the_fee, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(the_audit_finds_closings_that_do_not_fit, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_lost_purse_does_not_keep_its_account_open, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("ledger: accounts that are given up", tests, NULL, NULL);
}
