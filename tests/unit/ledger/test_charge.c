/* Question: is the management charge taken once a period, by what was notified and not before its day, whatever fails or comes
 * in between; and does an account that does not pay come to a stop, and go on as soon as it pays? */
#include "expect.h"

#include <string.h>

#include "ledger/inside.h"

#define DAY_MS UINT64_C(86400000)
#define FIRST 10u
#define PERIOD 30u
#define NOTICE 5u
#define GRACE 3u

static void set_rule(struct world *world, uint64_t amount)
{
    world->ledger.options.charge = (struct kc_charge_rule){.amount = world_amount(amount),
                                                           .first_ms = FIRST * DAY_MS,
                                                           .period_ms = PERIOD * DAY_MS,
                                                           .notice_ms = NOTICE * DAY_MS,
                                                           .grace_ms = GRACE * DAY_MS};
    EXPECT(kc_charge_load(&world->ledger), KC_OK);
}

/* The scheduler's turns, until there is nothing left to do; how many accounts they were. */
static size_t run(struct world *world)
{
    size_t all = 0;
    size_t count = 1;
    for (unsigned i = 0; i < 100 && count > 0; i++) {
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_charge(&world->ledger, &count), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
        all += count;
    }
    assert_int_equal(count, 0);
    return all;
}

/* Days go by with the bank at work. */
static void pass(struct world *world, unsigned days)
{
    for (unsigned i = 0; i < days; i++) {
        world->now_ms += DAY_MS;
        (void)run(world);
    }
}

/* The bank is away meanwhile. */
static void pass_away(struct world *world, unsigned days)
{
    world->now_ms += days * DAY_MS;
    (void)run(world);
}

static uint64_t fees(const struct world *world)
{
    return kc_amount_minor(world->ledger.totals.fees);
}

static struct kc_charge_row charge_of(struct world *world, const struct toy *toy, uint64_t period)
{
    struct kc_charge_row row;
    EXPECT(world->store.charge_get(world->store.context, &row, toy->account.number, period), KC_OK);
    return row;
}

static bool has_charge(struct world *world, const struct toy *toy, uint64_t period)
{
    struct kc_charge_row row;
    return !kc_failed(
        world->store.charge_get(world->store.context, &row, toy->account.number, period));
}

static void sync(struct toy *toy, struct world *world)
{
    struct toy_message message;
    struct toy_reply reply;
    toy_state(&message, toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    EXPECT(reply.result, KC_OK);
    toy_take(toy, world, &reply.outcome);
}

static struct kc_result word(struct world *world, const struct toy *toy,
                             enum kc_charge_source source, bool included)
{
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = included
                                  ? kc_ledger_charge_included(&world->ledger, toy->account)
                                  : kc_ledger_charge_from(&world->ledger, toy->account, source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result answer(struct world *world, const struct kc_charge_debit *order,
                               enum kc_error with)
{
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_charge_settle(&world->ledger, order, with);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static size_t orders(struct kc_charge_debit *out, struct world *world)
{
    size_t count = 0;
    EXPECT(kc_ledger_charge_orders(out, &count, 4, &world->ledger, 0), KC_OK);
    return count;
}

/* shows: R-RENEW-1 */
static void a_charge_is_notified_told_and_taken_on_its_day(void **state)
{
    struct world *world = *state;
    struct toy toy;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 50);
    assert_false(toy.certified.has_charge);
    pass(world, FIRST - NOTICE - 1);
    assert_false(has_charge(world, &toy, 1));
    pass(world, 1);
    struct kc_charge_row row = charge_of(world, &toy, 1);
    assert_int_equal(row.step, KC_CHARGE_NOTIFIED);
    assert_int_equal(row.due_ms, WORLD_START_MS + FIRST * DAY_MS);
    assert_int_equal(row.told_ms, 0);
    sync(&toy, world);
    assert_true(toy.certified.has_charge && toy.certified.charge == KC_CHARGE_STATE_NOTIFIED);
    assert_int_equal(toy.certified.charge_due_ms, row.due_ms);
    assert_int_equal(kc_amount_minor(toy.certified.charge_amount), 12);
    assert_int_equal(charge_of(world, &toy, 1).told_ms, world->now_ms);
    pass(world, NOTICE - 1);
    expect_amounts(world, &toy, 100, 50);
    pass(world, 1);
    expect_amounts(world, &toy, 88, 50);
    assert_int_equal(fees(world), 12);
    row = charge_of(world, &toy, 1);
    assert_int_equal(row.step, KC_CHARGE_PAID);
    assert_int_equal(row.source, KC_CHARGE_SOURCE_ACCOUNT);
    assert_int_equal(run(world), 0);
    sync(&toy, world);
    assert_false(toy.certified.has_charge);
    pass(world, PERIOD);
    expect_amounts(world, &toy, 76, 50);
    assert_int_equal(charge_of(world, &toy, 2).due_ms, WORLD_START_MS + (FIRST + PERIOD) * DAY_MS);
    assert_int_equal(postings(world), 4);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void what_was_notified_is_what_is_taken(void **state)
{
    struct world *world = *state;
    struct toy toy;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    pass(world, FIRST - NOTICE);
    set_rule(world, 40);
    world->ledger.options.charge.notice_ms = DAY_MS;
    world->ledger.options.charge.first_ms = 1;
    pass(world, NOTICE);
    expect_amounts(world, &toy, 88, 0);
    pass(world, PERIOD);
    expect_amounts(world, &toy, 48, 0);
    /* No charges any more: what was not notified is not taken. */
    set_rule(world, 0);
    pass(world, PERIOD);
    expect_amounts(world, &toy, 48, 0);
    assert_false(has_charge(world, &toy, 3));
    set_rule(world, 1);
    pass(world, PERIOD);
    assert_int_equal(fees(world), 12 + 40 + 1);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void down_time_charges_no_period_twice_and_none_without_notice(void **state)
{
    struct world *world = *state;
    struct toy toy;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    pass(world, FIRST - NOTICE);
    /* Two more days went by: the one that was notified is taken, and no other. */
    pass_away(world, NOTICE + 2 * PERIOD + 1);
    expect_amounts(world, &toy, 88, 0);
    assert_false(has_charge(world, &toy, 2) || has_charge(world, &toy, 3));
    struct kc_charging_row charging;
    EXPECT(world->store.charging_get(world->store.context, &charging, toy.account.number), KC_OK);
    assert_int_equal(charging.period, 4);
    assert_int_equal(charging.due_ms, WORLD_START_MS + (FIRST + 3 * PERIOD) * DAY_MS);
    /* A notice that comes late puts its day off. */
    pass_away(world, PERIOD - 2);
    struct kc_charge_row row = charge_of(world, &toy, 4);
    assert_int_equal(row.due_ms, world->now_ms + NOTICE * DAY_MS);
    pass(world, NOTICE - 1);
    expect_amounts(world, &toy, 88, 0);
    pass(world, 1);
    expect_amounts(world, &toy, 76, 0);
    expect_clean(world);
}

static struct kc_result no_commit(void *context)
{
    (void)context;
    return kc_result(KC_DISK_FULL);
}

static void refuse_commit(struct world *world)
{
    world->spoiled = world->store;
    world->spoiled.commit = no_commit;
    world->ledger.store = &world->spoiled;
}

static void accounts_from_before_are_taken_up_and_cards_and_machines_are_not(void **state)
{
    struct world *world = *state;
    struct toy toys[70];
    struct toy card;
    struct toy machine;
    for (unsigned i = 0; i < 70; i++) {
        EXPECT(toy_open(&toys[i], world, i + 1), KC_OK);
    }
    EXPECT(toy_open_kind(&card, world, 80, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(toy_open_kind(&machine, world, 81, KC_PURSE_TYPE_MACHINE, &toys[0].account), KC_OK);
    assert_int_equal(run(world), 0);
    set_rule(world, 3);
    size_t count = 0;
    refuse_commit(world);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_charge(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_DISK_FULL);
    world->ledger.store = &world->store;
    assert_int_equal(run(world), 70);
    assert_int_equal(run(world), 0);
    EXPECT(kc_charge_load(&world->ledger), KC_OK);
    assert_int_equal(run(world), 0);
    pass(world, FIRST - NOTICE);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM charges WHERE step = 1"), 70);
}

/* shows: R-RENEW-1 */
static void who_cannot_pay_has_a_grace_time_then_nothing_leaves_until_he_pays(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy_reply reply;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 10, 50);
    toy_rich(&other, world, 2, 100, 0);
    pass(world, FIRST);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_GRACE);
    assert_int_equal(charge_of(world, &toy, 1).reason, KC_INSUFFICIENT_ACCOUNT);
    sync(&toy, world);
    assert_int_equal(toy.certified.charge, KC_CHARGE_STATE_GRACE);
    assert_int_equal(toy.certified.valid_until_ms, world->now_ms + GRACE * DAY_MS);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_OK);
    pass(world, GRACE - 1);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_GRACE);
    pass(world, 1);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_SUSPENDED);
    sync(&toy, world);
    assert_int_equal(toy.certified.charge, KC_CHARGE_STATE_SUSPENDED);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_SUSPENDED);
    EXPECT(toy_transfer_asked(&toy, world, KC_TRANSFER_SOURCE_ACCOUNT, other.account, 1),
           KC_SUSPENDED);
    EXPECT(toy_transfer_asked(&toy, world, KC_TRANSFER_SOURCE_PURSE, other.account, 1),
           KC_SUSPENDED);
    /* What comes in or goes home works, and does not reach yet. */
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_REDEEM, 4, &reply), KC_OK);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 2, &reply), KC_OK);
    expect_amounts(world, &toy, 7, 49);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_SUSPENDED);
    /* With this it does. */
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 6, &reply), KC_OK);
    expect_amounts(world, &toy, 1, 43);
    assert_false(toy.certified.has_charge);
    assert_int_equal(kc_amount_minor(toy.certified.account_amount), 1);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_OK);
    assert_int_equal(fees(world), 24);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_PAID);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void funding_and_the_next_day_lift_it_too(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 0, 0);
    pass(world, FIRST + GRACE + 10);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_SUSPENDED);
    /* Not before its day, should the clock be set back. */
    uint64_t back = (GRACE + 11) * DAY_MS;
    world->now_ms -= back;
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 15, &reply), KC_OK);
    assert_int_equal(run(world), 0);
    expect_amounts(world, &toy, 15, 0);
    world->now_ms += back;
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_REDEEM, 15, &reply), KC_OK);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 15, &reply), KC_OK);
    expect_amounts(world, &toy, 3, 0);
    pass(world, PERIOD);
    assert_int_equal(charge_of(world, &toy, 2).step, KC_CHARGE_SUSPENDED);
    world->ledger.options.charge.grace_ms = 0;
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 9, &reply), KC_OK);
    expect_amounts(world, &toy, 0, 0);
    assert_int_equal(charge_of(world, &toy, 2).step, KC_CHARGE_PAID);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void the_ordinary_bank_is_asked_once_and_in_doubt_again_with_the_same_number(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_charge_debit order[4];
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ORDINARY, false), KC_OK);
    pass(world, FIRST);
    assert_int_equal(orders(order, world), 1);
    assert_int_equal(order[0].attempt, 1);
    assert_int_equal(kc_amount_minor(order[0].amount), 12);
    assert_true(order[0].bank_account[0] != '\0');
    EXPECT(answer(world, &order[0], KC_IN_DOUBT), KC_OK);
    /* However long that takes, there is no second order, no grace, and nothing taken from the account. */
    pass(world, GRACE + 2);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 1, &reply), KC_OK);
    struct kc_charge_debit again[4];
    assert_int_equal(orders(again, world), 1);
    assert_memory_equal(&again[0].account, &order[0].account, sizeof again[0].account);
    assert_int_equal(again[0].attempt, 1);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_NOTIFIED);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ACCOUNT, true), KC_IN_DOUBT);
    expect_clean(world);
    EXPECT(answer(world, &again[0], KC_OK), KC_OK);
    EXPECT(answer(world, &again[0], KC_OK), KC_OK);
    EXPECT(answer(world, &again[0], KC_NO_ABILITY_TO_PAY), KC_OK);
    expect_amounts(world, &toy, 101, 0);
    assert_int_equal(fees(world), 12);
    assert_int_equal(kc_amount_minor(world->ledger.totals.outside), 113);
    assert_int_equal(orders(order, world), 0);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void the_ordinary_bank_s_no_is_grace_and_a_new_order_the_next_day(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_charge_debit order[4];
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 0, 0);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ORDINARY, false), KC_OK);
    pass(world, FIRST);
    for (unsigned day = 0; day < GRACE; day++) {
        assert_int_equal(orders(order, world), 1);
        assert_int_equal(order[0].attempt, day + 1);
        /* While it is asked, what comes in is not taken; and its no is its last word. */
        EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 12, &reply), KC_OK);
        EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_REDEEM, 12, &reply), KC_OK);
        EXPECT(answer(world, &order[0], KC_NO_ABILITY_TO_PAY), KC_OK);
        EXPECT(answer(world, &order[0], KC_OK), KC_OK);
        assert_int_equal(fees(world), 0);
        struct kc_charge_debit none[4];
        assert_int_equal(orders(none, world), 0);
        assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_GRACE);
        pass(world, 1);
    }
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_SUSPENDED);
    assert_int_equal(orders(order, world), 1);
    /* An answer to an order before it changes nothing. */
    order[0].attempt -= 1;
    EXPECT(answer(world, &order[0], KC_OK), KC_OK);
    assert_int_equal(fees(world), 0);
    order[0].attempt += 1;
    EXPECT(answer(world, &order[0], KC_OK), KC_OK);
    assert_int_equal(fees(world), 12);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_PAID);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void a_period_that_a_sale_paid_is_not_taken(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_INCLUDED, false), KC_OK);
    /* Said again it is the same sale, until its day. */
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(word(world, &toy, KC_CHARGE_SOURCE_INCLUDED, true), KC_OK);
        pass(world, 1);
    }
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_PAID);
    assert_false(has_charge(world, &toy, 2));
    pass(world, FIRST + PERIOD - 1 - 3);
    expect_amounts(world, &toy, 100, 0);
    /* Nobody paid the second one: nothing is taken from the account in its place. */
    pass(world, GRACE + 1);
    assert_int_equal(charge_of(world, &toy, 2).step, KC_CHARGE_SUSPENDED);
    expect_amounts(world, &toy, 100, 0);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_SUSPENDED);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 1, &reply), KC_OK);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_INCLUDED, true), KC_OK);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_OK);
    assert_int_equal(fees(world), 0);
    /* Set back to the account, what is overdue is taken at once. */
    pass(world, PERIOD);
    assert_int_equal(charge_of(world, &toy, 3).step, KC_CHARGE_SUSPENDED);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ACCOUNT, false), KC_OK);
    assert_int_equal(run(world), 1);
    expect_amounts(world, &toy, 88, 1);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void the_registrar_s_signed_word_is_kept(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct world_letter letter;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    struct kc_charge_order order = {.account = toy.account,
                                    .has_source = true,
                                    .source = KC_CHARGE_SOURCE_ORDINARY,
                                    .time_ms = world->now_ms};
    for (unsigned i = 0; i < 4; i++) {
        order.has_source = i < 2;
        order.account = i == 3 ? kc_account_nth(99) : toy.account;
        world_write(&letter, world, "charge", i, order.time_ms);
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_charge_order(&world->ledger, &order, &letter.source),
               i == 3 ? KC_UNKNOWN_ACCOUNT : KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    }
    assert_int_equal(world_ask(world, "SELECT count(*) FROM evidence WHERE kind = 15"), 3);
    assert_int_equal(world_ask(world, "SELECT source FROM charging"), KC_CHARGE_SOURCE_ORDINARY);
    assert_int_equal(charge_of(world, &toy, 1).source, KC_CHARGE_SOURCE_INCLUDED);
    expect_clean(world);
}

static void the_clerk_s_word_is_for_accounts_that_are_charged(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy card;
    EXPECT(toy_open(&toy, world, 1), KC_OK);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ACCOUNT, false), KC_NOT_ALLOWED);
    set_rule(world, 12);
    EXPECT(toy_open_kind(&card, world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(word(world, &card, KC_CHARGE_SOURCE_ACCOUNT, false), KC_NOT_ALLOWED);
    card.account = kc_account_nth(99);
    EXPECT(word(world, &card, KC_CHARGE_SOURCE_ACCOUNT, false), KC_UNKNOWN_ACCOUNT);
}

static struct kc_result move_paid(struct world *world, const struct toy *toy, unsigned id)
{
    struct kc_ledger_opened opened;
    struct world_letter letter;
    uint64_t due_ms = 0;
    struct kc_move_request request = {.account = toy->account,
                                      .suite = KC_SUITE_ES256,
                                      .log_policy = KC_LOG_POLICY_REFUSE,
                                      .paid = true,
                                      .time_ms = world->now_ms};
    kc_be32_store(request.id, id);
    world_write(&letter, world, "move", id, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_move(&opened, &due_ms, &world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* shows: R-RENEW-1 R-RENEW-6 */
static void a_move_whose_price_would_pay_nothing_moves_nothing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_charge_debit order[4];
    const char *waiting = "SELECT count(*) FROM purses WHERE state = 1";
    toy_rich(&toy, world, 1, 100, 0);
    uint64_t before = world_ask(world, waiting);
    EXPECT(move_paid(world, &toy, 1), KC_NOT_ALLOWED);
    set_rule(world, 12);
    (void)run(world);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ORDINARY, false), KC_OK);
    pass(world, FIRST);
    assert_int_equal(orders(order, world), 1);
    EXPECT(move_paid(world, &toy, 2), KC_IN_DOUBT);
    assert_int_equal(world_ask(world, waiting), before);
    EXPECT(answer(world, &order[0], KC_OK), KC_OK);
    /* It is the registrar's charge-order that pays, when the new purse is there. */
    EXPECT(move_paid(world, &toy, 3), KC_OK);
    assert_int_equal(world_ask(world, waiting), before + 1);
    assert_false(has_charge(world, &toy, 2));
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_INCLUDED, true), KC_OK);
    EXPECT(move_paid(world, &toy, 4), KC_OK);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void a_batch_that_fails_leaves_nothing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    size_t count = 0;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    pass(world, FIRST - NOTICE);
    world->now_ms += NOTICE * DAY_MS;
    refuse_commit(world);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_charge(&world->ledger, &count), KC_OK);
    assert_int_equal(count, 1);
    EXPECT(kc_ledger_commit(&world->ledger), KC_DISK_FULL);
    world->ledger.store = &world->store;
    expect_amounts(world, &toy, 100, 0);
    assert_int_equal(fees(world), 0);
    (void)run(world);
    expect_amounts(world, &toy, 88, 0);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void every_corruption_of_a_charge_is_found(void **state)
{
    static const char *const plants[] = {
        "DELETE FROM charges WHERE step = 4",
        "UPDATE charges SET amount = amount + 1 WHERE step = 4",
        "UPDATE charges SET ended = ended + 1 WHERE step = 4",
        "UPDATE charges SET ended = 0 WHERE step = 4",
        "UPDATE charges SET source = 2 WHERE step = 4",
        "UPDATE charges SET source = 3 WHERE step = 4",
        "UPDATE charges SET step = 1, ended = 0 WHERE step = 4",
        "UPDATE charges SET notified = 0 WHERE step = 4",
        "UPDATE charges SET notified = due + 1",
        "UPDATE charges SET due = ended + 1 WHERE step = 4",
        "UPDATE charges SET sent = 1",
        "UPDATE charges SET step = 3 WHERE step = 1",
        "UPDATE charges SET account = (SELECT max(account) FROM accounts)",
        "UPDATE charges SET purse = (SELECT max(purse) FROM purses)",
        "UPDATE charging SET period = 1 WHERE period > 1",
        "UPDATE charging SET period = period + 1 WHERE period > 1",
        "DELETE FROM charging",
        "UPDATE accounts SET balance = balance + 12 WHERE balance = 88",
    };
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    pass(world, FIRST + PERIOD - NOTICE);
    EXPECT(toy_open_kind(&other, world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    expect_clean(world);
    expect_found(world, plants, sizeof plants / sizeof plants[0]);
}

/* shows: R-RENEW-1 */
static void a_day_that_was_put_off_puts_off_those_after_it(void **state)
{
    struct world *world = *state;
    struct toy toy;
    set_rule(world, 12);
    world->ledger.options.charge.first_ms = 0;
    toy_rich(&toy, world, 1, 100, 0);
    (void)run(world);
    struct kc_charge_row first = charge_of(world, &toy, 1);
    assert_int_equal(first.due_ms, WORLD_START_MS + NOTICE * DAY_MS);
    pass(world, NOTICE);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_PAID);
    pass(world, PERIOD);
    assert_int_equal(charge_of(world, &toy, 2).due_ms, first.due_ms + PERIOD * DAY_MS);
    assert_int_equal(charge_of(world, &toy, 2).step, KC_CHARGE_PAID);
    assert_int_equal(fees(world), 24);
}

/* shows: R-RENEW-1 */
static void an_account_that_nobody_pays_for_is_closed_and_paid_out(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy ordinary;
    struct toy saved;
    struct kc_charge_debit order[4];
    struct kc_account_row row;
    set_rule(world, 12);
    world->ledger.options.charge.close_ms = 7 * DAY_MS;
    toy_rich(&toy, world, 1, 5, 3);
    toy_rich(&ordinary, world, 2, 100, 0);
    toy_rich(&saved, world, 3, 5, 0);
    EXPECT(word(world, &ordinary, KC_CHARGE_SOURCE_ORDINARY, false), KC_OK);
    for (unsigned day = 0; day < FIRST + GRACE + 6; day++) {
        pass(world, 1);
        size_t count = orders(order, world);
        for (size_t i = 0; i < count; i++) {
            EXPECT(answer(world, &order[i], KC_NO_ABILITY_TO_PAY), KC_OK);
        }
    }
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_SUSPENDED);
    assert_int_equal(charge_of(world, &toy, 1).suspended_ms,
                     WORLD_START_MS + (FIRST + GRACE) * DAY_MS);
    /* The operator hears of each suspension once. */
    assert_int_equal(alerts(world), 3);
    struct toy_reply reply;
    EXPECT(toy_fund_whole(&saved, world, KC_FUND_KIND_FUND, 10, &reply), KC_OK);
    assert_int_equal(charge_of(world, &saved, 1).step, KC_CHARGE_PAID);
    EXPECT(world->store.account_get(world->store.context, &row, toy.account.number), KC_OK);
    assert_int_equal(row.state, KC_ACCOUNT_OPEN);
    pass(world, 1);
    EXPECT(world->store.account_get(world->store.context, &row, toy.account.number), KC_OK);
    assert_int_equal(row.state, KC_ACCOUNT_CLOSING);
    EXPECT(world->store.account_get(world->store.context, &row, ordinary.account.number), KC_OK);
    assert_int_equal(row.state, KC_ACCOUNT_CLOSING);
    EXPECT(world->store.account_get(world->store.context, &row, saved.account.number), KC_OK);
    assert_int_equal(row.state, KC_ACCOUNT_OPEN);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_DROPPED);
    assert_int_equal(alerts(world), 5);
    expect_amounts(world, &toy, 5, 3);
    assert_int_equal(fees(world), 12);
    /* Nothing is taken of what comes to light, and no clerk can turn that. */
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ACCOUNT, true), KC_CLOSED);
    pass(world, 40);
    assert_false(has_charge(world, &toy, 2));
}

/* shows: R-RENEW-1 */
static void only_what_comes_in_pays_what_the_ordinary_bank_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_charge_debit order[4];
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 100, 0);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ORDINARY, false), KC_OK);
    pass(world, FIRST);
    assert_int_equal(orders(order, world), 1);
    EXPECT(answer(world, &order[0], KC_NO_ABILITY_TO_PAY), KC_OK);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_GRACE);
    /* What leaves the account, or never came, does not. */
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_REDEEM, 20, &reply), KC_OK);
    expect_amounts(world, &toy, 80, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order asked = reply.order;
    EXPECT(world_settle(world, &reply, &asked, KC_NO_ABILITY_TO_PAY), KC_OK);
    toy_take(&toy, world, &reply.outcome);
    expect_amounts(world, &toy, 80, 0);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_GRACE);
    /* What comes back does. */
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 20);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    asked = reply.order;
    EXPECT(world_settle(world, &reply, &asked, KC_NO_ABILITY_TO_PAY), KC_OK);
    toy_take(&toy, world, &reply.outcome);
    expect_amounts(world, &toy, 68, 0);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_PAID);
    assert_int_equal(fees(world), 12);
    expect_clean(world);
}

/* shows: R-RENEW-1 */
static void a_grace_time_that_ran_out_meanwhile_ends_at_the_next_turn(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_charge_debit order[4];
    set_rule(world, 12);
    toy_rich(&toy, world, 1, 0, 0);
    EXPECT(word(world, &toy, KC_CHARGE_SOURCE_ORDINARY, false), KC_OK);
    pass(world, FIRST);
    assert_int_equal(orders(order, world), 1);
    EXPECT(answer(world, &order[0], KC_NO_ABILITY_TO_PAY), KC_OK);
    /* The second order has no answer until after the grace time. */
    pass(world, GRACE + 2);
    assert_int_equal(orders(order, world), 1);
    assert_int_equal(order[0].attempt, 2);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_GRACE);
    EXPECT(answer(world, &order[0], KC_NO_ABILITY_TO_PAY), KC_OK);
    assert_int_equal(run(world), 1);
    assert_int_equal(charge_of(world, &toy, 1).step, KC_CHARGE_SUSPENDED);
    assert_int_equal(charge_of(world, &toy, 1).suspended_ms, world->now_ms);
    expect_clean(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_account_that_nobody_pays_for_is_closed_and_paid_out),
        TEST(a_day_that_was_put_off_puts_off_those_after_it),
        TEST(a_charge_is_notified_told_and_taken_on_its_day),
        TEST(what_was_notified_is_what_is_taken),
        TEST(down_time_charges_no_period_twice_and_none_without_notice),
        TEST(accounts_from_before_are_taken_up_and_cards_and_machines_are_not),
        TEST(who_cannot_pay_has_a_grace_time_then_nothing_leaves_until_he_pays),
        TEST(funding_and_the_next_day_lift_it_too),
        TEST(the_ordinary_bank_is_asked_once_and_in_doubt_again_with_the_same_number),
        TEST(the_ordinary_bank_s_no_is_grace_and_a_new_order_the_next_day),
        TEST(only_what_comes_in_pays_what_the_ordinary_bank_refused),
        TEST(a_grace_time_that_ran_out_meanwhile_ends_at_the_next_turn),
        TEST(a_period_that_a_sale_paid_is_not_taken),
        TEST(the_registrar_s_signed_word_is_kept),
        TEST(the_clerk_s_word_is_for_accounts_that_are_charged),
        TEST(a_move_whose_price_would_pay_nothing_moves_nothing),
        TEST(a_batch_that_fails_leaves_nothing),
        TEST(every_corruption_of_a_charge_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
