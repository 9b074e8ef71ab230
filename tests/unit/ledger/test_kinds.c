/* Question: do cards and machines stand in the books like purses of nobody and of their dealer, and does what a machine takes
 * come to its owner once, less the fee, whatever comes in between? */
#include "expect.h"

#include <string.h>

#include "ledger/inside.h"

static void set_rule(struct world *world, uint64_t fixed, uint64_t permille, uint64_t keep)
{
    world->ledger.options.merchant = (struct kc_merchant_rule){
        .fee_fixed = world_amount(fixed), .fee_permille = permille, .keep = world_amount(keep)};
}

static uint64_t fees(const struct world *world)
{
    return kc_amount_minor(world->ledger.totals.fees);
}

static struct kc_result try_open(struct world *world, const struct kc_open_request *request,
                                 unsigned n)
{
    struct kc_ledger_opened opened;
    struct world_letter letter;
    world_write(&letter, world, "open", n, request->time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_open_account(&opened, &world->ledger, request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result order(struct world *world, const struct toy *toy, bool lose)
{
    struct world_letter letter;
    const struct kc_lost_request lost = {
        .account = toy->account, .purse = toy->purse, .time_ms = world->now_ms};
    const struct kc_cancel_request cancel = {
        .account = toy->account, .purse = toy->purse, .time_ms = world->now_ms};
    world_write(&letter, world, lose ? "lost" : "cancel", (unsigned)(toy->purse.number % 100000),
                world->now_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        lose ? kc_ledger_lost(&world->ledger, &lost, &letter.source)
             : kc_ledger_cancel_account(&world->ledger, &cancel, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* A new purse for an account whose purse is lost, after the settlement time. */
static void replace(struct toy *fresh, struct world *world, const struct toy *old, unsigned id)
{
    struct world_letter letter;
    struct kc_ledger_opened opened;
    uint64_t due_ms = 0;
    world->now_ms += WORLD_SETTLE_MS;
    struct kc_reissue_request request = {.account = old->account,
                                         .suite = KC_SUITE_ES256,
                                         .log_policy = KC_LOG_POLICY_REFUSE,
                                         .time_ms = world->now_ms};
    kc_be32_store(request.id, id);
    world_write(&letter, world, "reissue", id, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_reissue(&opened, &due_ms, &world->ledger, &request, &letter.source), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    memset(fresh, 0, sizeof *fresh);
    fresh->type = old->type;
    fresh->account = opened.account;
    fresh->purse = opened.purse;
    kc_be64_store(fresh->identity_digest, opened.purse.number);
    const struct kc_confirm_request confirm = {
        .account = opened.account, .purse = opened.purse, .time_ms = world->now_ms};
    world_write(&letter, world, "confirm", id, confirm.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_confirm_account(&fresh->certified, &world->ledger, &confirm,
                                     fresh->identity_digest, &letter.source),
           KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    fresh->value = kc_amount_minor(fresh->certified.purse_amount);
}

/* A dealer with a machine, and somebody with `purse` to spend. */
static void make_shop(struct world *world, struct toy *dealer, struct toy *machine,
                      struct toy *buyer, uint64_t purse)
{
    toy_rich(dealer, world, 1, 0, 0);
    toy_rich(buyer, world, 2, 0, purse);
    EXPECT(toy_open_kind(machine, world, 3, KC_PURSE_TYPE_MACHINE, &dealer->account), KC_OK);
}

/* shows: R-NODE-9 */
static void only_a_machine_has_an_owner_and_that_is_a_person(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy card;
    toy_rich(&dealer, world, 1, 100, 0);
    EXPECT(toy_open_kind(&card, world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    const struct kc_account_id unknown = kc_account_nth(77);
    struct kc_open_request request = world_application_kind(3, KC_PURSE_TYPE_MACHINE, NULL);
    EXPECT(try_open(world, &request, 3), KC_MALFORMED);
    request = world_application_kind(3, KC_PURSE_TYPE_CARD, &dealer.account);
    EXPECT(try_open(world, &request, 3), KC_MALFORMED);
    request = world_application(3);
    request.has_owner = true;
    request.owner = dealer.account;
    EXPECT(try_open(world, &request, 3), KC_MALFORMED);
    request = world_application_kind(3, KC_PURSE_TYPE_MACHINE, &unknown);
    EXPECT(try_open(world, &request, 3), KC_UNKNOWN_ACCOUNT);
    request = world_application_kind(3, KC_PURSE_TYPE_MACHINE, &card.account);
    EXPECT(try_open(world, &request, 3), KC_NOT_ALLOWED);
    request = world_application_kind(3, KC_PURSE_TYPE_MACHINE, &dealer.account);
    EXPECT(try_open(world, &request, 3), KC_OK);
    EXPECT(try_open(world, &request, 3), KC_OK);
    request.purse_type = KC_PURSE_TYPE_CARD;
    request.has_owner = false;
    EXPECT(try_open(world, &request, 3), KC_MISMATCH);
    request = world_application_kind(4, KC_PURSE_TYPE_MACHINE, &dealer.account);
    world->now_ms = WORLD_START_MS + WORLD_ACCOUNT_MS + 1;
    EXPECT(try_open(world, &request, 4), KC_ACCOUNT_EXPIRED);
}

static void an_owner_that_is_not_open_owns_nothing(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    toy_rich(&dealer, world, 1, 0, 0);
    EXPECT(order(world, &dealer, false), KC_OK);
    const struct kc_open_request request =
        world_application_kind(3, KC_PURSE_TYPE_MACHINE, &dealer.account);
    EXPECT(try_open(world, &request, 3), KC_ACCOUNT_NOT_OPEN);
}

/* shows: R-DATA-3 R-DATA-8 R-NODE-8 */
static void a_card_has_no_account_to_move_value_from_or_to(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy toys[2];
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&dealer, world, 1, 500, 0);
    EXPECT(toy_open_kind(&toys[0], world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(toy_open_kind(&toys[1], world, 3, KC_PURSE_TYPE_MACHINE, &dealer.account), KC_OK);
    assert_int_equal(kc_amount_minor(toys[0].certified.account_amount), 0);
    assert_int_equal(kc_amount_minor(toys[1].certified.account_amount), 500);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(toy_fund_whole(&toys[i], world, KC_FUND_KIND_FUND, 10, &reply), KC_NOT_ALLOWED);
        EXPECT(toy_fund_whole(&toys[i], world, KC_FUND_KIND_REDEEM, 10, &reply), KC_NOT_ALLOWED);
        toy_cash(&message, &toys[i], world, KC_CASH_KIND_WITHDRAW, 10);
        EXPECT(world_send(world, &reply, &message), KC_NOT_ALLOWED);
        toy_cash(&message, &toys[i], world, KC_CASH_KIND_DEPOSIT, 10);
        EXPECT(world_send(world, &reply, &message), KC_NOT_ALLOWED);
        expect_amounts(world, &toys[i], 0, 0);
    }
}

/* shows: R-XCHG-10 */
static void a_card_pays_and_is_paid_and_both_reports_agree(void **state)
{
    struct world *world = *state;
    struct toy user;
    struct toy card;
    toy_rich(&user, world, 1, 0, 300);
    EXPECT(toy_open_kind(&card, world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    (void)toy_exchange(&user, &card, world, 200);
    (void)toy_exchange(&card, &user, world, 50);
    EXPECT(toy_report_all(&card, world), KC_OK);
    expect_amounts(world, &card, 0, 150);
    EXPECT(toy_report_all(&user, world), KC_OK);
    expect_amounts(world, &user, 0, 150);
    assert_int_equal(alerts(world), 0);
}

/* shows: R-VEND-5 R-NODE-9 */
static void what_a_machine_took_comes_to_its_owner_less_the_fee(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    set_rule(world, 3, 25, 40);
    make_shop(world, &dealer, &machine, &buyer, 1000);
    (void)toy_exchange(&buyer, &machine, world, 30);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &dealer, 0, 0);
    (void)toy_exchange(&buyer, &machine, world, 529);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    /* 519 are swept; 3 + floor(12.975) are the fee. */
    expect_amounts(world, &dealer, 504, 0);
    expect_amounts(world, &machine, 0, 40);
    assert_int_equal(fees(world), 15);
    assert_int_equal(machine.value, 40);
    assert_int_equal(kc_amount_minor(machine.certified.account_amount), 504);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &dealer, 504, 0);
    assert_int_equal(fees(world), 15);
    EXPECT(toy_report_all(&buyer, world), KC_OK);
    assert_int_equal(alerts(world), 0);
}

static void a_report_is_swept_once(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    struct toy_message message;
    struct toy_reply reply;
    set_rule(world, 1, 0, 0);
    make_shop(world, &dealer, &machine, &buyer, 1000);
    (void)toy_exchange(&buyer, &machine, world, 100);
    toy_settle(&message, &machine, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    expect_amounts(world, &dealer, 99, 0);
    assert_int_equal(kc_amount_minor(reply.settled.certified.purse_amount), 0);
    /* The reply was lost: the next report is counted from what the machine knows. */
    for (unsigned i = 0; i < 3; i++) {
        (void)toy_exchange(&buyer, &machine, world, 10);
        toy_settle(&message, &machine, world);
        EXPECT(world_send(world, &reply, &message), KC_OK);
        expect_clean(world);
    }
    expect_amounts(world, &dealer, 99 + 3 * 9, 0);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    assert_int_equal(machine.value, 0);
    expect_amounts(world, &dealer, 126, 0);
    assert_int_equal(fees(world), 4);
}

static void what_a_machine_paid_meanwhile_its_owner_pays(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    struct toy_message message;
    struct toy_reply reply;
    struct toy_reply last;
    set_rule(world, 0, 100, 0);
    make_shop(world, &dealer, &machine, &buyer, 1000);
    (void)toy_exchange(&buyer, &machine, world, 100);
    toy_settle(&message, &machine, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    expect_amounts(world, &dealer, 90, 0);
    (void)toy_exchange(&machine, &buyer, world, 30);
    toy_take_settled(&machine, world, &reply.settled);
    assert_int_equal(machine.value, 70);
    EXPECT(toy_report(&machine, world, &last), KC_OK);
    expect_amounts(world, &dealer, 60, 0);
    expect_amounts(world, &machine, 0, 0);
    assert_int_equal(machine.value, 0);
    assert_int_equal(fees(world), 10);
    EXPECT(toy_report_all(&buyer, world), KC_OK);
    expect_amounts(world, &buyer, 0, 930);
    assert_int_equal(alerts(world), 0);
}

static void what_the_owner_has_not_got_any_more_the_machine_owes(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    struct toy_message message;
    struct toy_reply reply;
    make_shop(world, &dealer, &machine, &buyer, 1000);
    (void)toy_exchange(&buyer, &machine, world, 100);
    toy_settle(&message, &machine, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    EXPECT(toy_fund_whole(&dealer, world, KC_FUND_KIND_REDEEM, 100, &reply), KC_OK);
    (void)toy_exchange(&machine, &buyer, world, 100);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    assert_int_equal(world_signed_shadow(world, machine.purse), -100);
    assert_int_equal(kc_amount_minor(machine.certified.spend_most), 0);
    (void)toy_exchange(&buyer, &machine, world, 130);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &dealer, 30, 0);
    expect_amounts(world, &machine, 0, 0);
    EXPECT(toy_report_all(&buyer, world), KC_OK);
}

static void the_machine_of_a_dealer_who_lost_the_uim_goes_on(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    make_shop(world, &dealer, &machine, &buyer, 1000);
    EXPECT(order(world, &dealer, true), KC_OK);
    (void)toy_exchange(&buyer, &machine, world, 100);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &dealer, 100, 0);
}

/* The dealer's UIM never spoke, but there is value in the account. */
static void an_account_with_swept_value_is_not_given_up(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    make_shop(world, &dealer, &machine, &buyer, 1000);
    (void)toy_exchange(&buyer, &machine, world, 100);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    EXPECT(order(world, &dealer, false), KC_NOT_ALLOWED);
    expect_amounts(world, &dealer, 100, 0);
}

static void nothing_is_swept_to_an_owner_who_was_given_up(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    make_shop(world, &dealer, &machine, &buyer, 1000);
    EXPECT(order(world, &dealer, false), KC_OK);
    (void)toy_exchange(&buyer, &machine, world, 100);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &dealer, 0, 0);
    expect_amounts(world, &machine, 0, 100);
}

/* shows: R-NODE-8 */
static void a_lost_card_is_replaced_with_what_was_left(void **state)
{
    struct world *world = *state;
    struct toy user;
    struct toy card;
    struct toy fresh;
    toy_rich(&user, world, 1, 0, 300);
    EXPECT(toy_open_kind(&card, world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    (void)toy_exchange(&user, &card, world, 200);
    EXPECT(toy_report_all(&user, world), KC_OK);
    (void)toy_exchange(&user, &card, world, 25);
    EXPECT(order(world, &card, true), KC_OK);
    replace(&fresh, world, &card, 9);
    assert_int_equal(fresh.value, 200);
    /* The late record finds no account: its value waits for the new card. */
    EXPECT(toy_report_all(&user, world), KC_OK);
    expect_amounts(world, &card, 0, 25);
    expect_clean(world);
    EXPECT(toy_report_all(&fresh, world), KC_OK);
    expect_amounts(world, &fresh, 0, 225);
    expect_amounts(world, &card, 0, 0);
    assert_int_equal(fresh.value, 225);
}

/* A card without keys can report nothing, so that nothing would ever empty a history that refuses.
 *
 * shows: R-NODE-8 R-LOG-2 */
static void a_card_without_keys_overwrites_also_in_the_place_of_a_lost_one(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy fresh;
    EXPECT(toy_open_kind(&card, world, 1, KC_PURSE_TYPE_BEARER, NULL), KC_OK);
    assert_int_equal(card.certified.log_policy, KC_LOG_POLICY_OVERWRITE);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_set_policy(&world->ledger, card.purse, KC_LOG_POLICY_REFUSE), KC_NOT_ALLOWED);
    EXPECT(kc_ledger_set_policy(&world->ledger, card.purse, KC_LOG_POLICY_OVERWRITE), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    EXPECT(order(world, &card, true), KC_OK);
    replace(&fresh, world, &card, 9);
    assert_int_equal(fresh.certified.log_policy, KC_LOG_POLICY_OVERWRITE);
    expect_clean(world);
}

/* Whoever found the old purse pays the new one with it: the debt is that of the reporter. */
static void what_the_old_purse_paid_to_the_new_one_is_owed_by_the_new_one(void **state)
{
    static const enum kc_purse_type types[] = {KC_PURSE_TYPE_UIM, KC_PURSE_TYPE_CARD};
    struct world *world = *state;
    for (unsigned i = 0; i < 2; i++) {
        struct toy user;
        struct toy old;
        struct toy fresh;
        toy_rich(&user, world, 10 + i, 0, 300);
        EXPECT(i == 0 ? toy_open(&old, world, 20) : toy_open_kind(&old, world, 21, types[i], NULL),
               KC_OK);
        (void)toy_exchange(&user, &old, world, 100);
        EXPECT(toy_report_all(&old, world), KC_OK);
        EXPECT(order(world, &old, true), KC_OK);
        replace(&fresh, world, &old, 30 + i);
        assert_int_equal(fresh.value, 100);
        (void)toy_exchange(&old, &fresh, world, 40);
        EXPECT(toy_report_all(&fresh, world), KC_OK);
        expect_clean(world);
        expect_amounts(world, &fresh, 0, 100);
        expect_amounts(world, &old, 0, 0);
        assert_int_equal(fresh.value, 100);
    }
}

static void a_lost_machine_is_replaced_and_its_rest_swept(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    struct toy fresh;
    set_rule(world, 0, 0, 50);
    make_shop(world, &dealer, &machine, &buyer, 1000);
    (void)toy_exchange(&buyer, &machine, world, 80);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &machine, 0, 50);
    (void)toy_exchange(&buyer, &machine, world, 7);
    EXPECT(order(world, &machine, true), KC_OK);
    replace(&fresh, world, &machine, 9);
    assert_int_equal(fresh.value, 50);
    EXPECT(toy_report_all(&buyer, world), KC_OK);
    expect_amounts(world, &dealer, 37, 0);
    set_rule(world, 0, 0, 0);
    EXPECT(toy_report_all(&fresh, world), KC_OK);
    expect_amounts(world, &dealer, 87, 0);
    expect_amounts(world, &fresh, 0, 0);
}

/* shows: R-VEND-5 */
static void the_fee_is_rounded_down_and_never_more_than_the_amount(void **state)
{
    static const struct {
        uint64_t fixed;
        uint64_t permille;
        uint64_t amount;
        uint64_t fee;
    } rows[] = {{0, 0, 1000, 0},
                {0, 1, 999, 0},
                {0, 1, 1000, 1},
                {0, 1, 1999, 1},
                {7, 25, 100, 9},
                {7, 0, 5, 5},
                {7, 1000, 5, 5},
                {0, 1000, KC_AMOUNT_MAX, KC_AMOUNT_MAX},
                {KC_AMOUNT_MAX, 1000, KC_AMOUNT_MAX, KC_AMOUNT_MAX},
                {KC_AMOUNT_MAX, 0, 1, 1},
                {0, 999, KC_AMOUNT_MAX, UINT64_C(9214148664817921031)}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct kc_merchant_rule rule = {.fee_fixed = world_amount(rows[i].fixed),
                                              .fee_permille = rows[i].permille};
        assert_int_equal(kc_amount_minor(kc_merchant_fee(&rule, world_amount(rows[i].amount))),
                         rows[i].fee);
    }
}

static void a_fee_may_take_all_and_a_huge_amount_is_swept(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    const uint64_t all = KC_AMOUNT_MAX / 2;
    set_rule(world, 1000, 0, 0);
    make_shop(world, &dealer, &machine, &buyer, all);
    (void)toy_exchange(&buyer, &machine, world, 10);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &dealer, 0, 0);
    expect_amounts(world, &machine, 0, 0);
    assert_int_equal(fees(world), 10);
    set_rule(world, 0, 999, 0);
    (void)toy_exchange(&buyer, &machine, world, all - 10);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_amounts(world, &machine, 0, 0);
    assert_int_equal(fees(world) + world_balance(world, dealer.account), all);
}

/* shows: R-VEND-5 */
static void every_corruption_of_a_sweep_is_found(void **state)
{
    static const char *const plants[] = {
        "DELETE FROM moves WHERE kind = 5",
        "DELETE FROM moves WHERE kind = 6",
        "UPDATE moves SET permille = 20 WHERE kind = 5",
        "UPDATE moves SET permille = 20",
        "UPDATE moves SET fixed = fixed + 1 WHERE kind = 6",
        "UPDATE moves SET amount = amount + 1 WHERE kind = 5",
        "UPDATE moves SET amount = amount - 1 WHERE kind = 6",
        "UPDATE moves SET other = (SELECT max(account) FROM accounts WHERE type = 1)",
        "UPDATE moves SET time = time + 1",
        "UPDATE accounts SET owner = (SELECT max(account) FROM accounts WHERE type=1) WHERE type=3",
        "UPDATE accounts SET owner = 12 WHERE type = 3",
        "UPDATE accounts SET type = 2, owner = 0 WHERE type = 3",
        "UPDATE purses SET type = 2 WHERE type = 3",
        "UPDATE purses SET withheld = 0, value = 1 WHERE type = 3",
    };
    struct world *world = *state;
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    set_rule(world, 1, 10, 0);
    make_shop(world, &dealer, &machine, &buyer, 1000);
    (void)toy_exchange(&buyer, &machine, world, 500);
    EXPECT(toy_report_all(&machine, world), KC_OK);
    expect_clean(world);
    expect_found(world, plants, sizeof plants / sizeof plants[0]);
    EXPECT(world_open(world), KC_OK);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(only_a_machine_has_an_owner_and_that_is_a_person),
        WITH_WORLD(an_owner_that_is_not_open_owns_nothing),
        WITH_WORLD(a_card_has_no_account_to_move_value_from_or_to),
        WITH_WORLD(a_card_pays_and_is_paid_and_both_reports_agree),
        WITH_WORLD(what_a_machine_took_comes_to_its_owner_less_the_fee),
        WITH_WORLD(a_report_is_swept_once),
        WITH_WORLD(what_a_machine_paid_meanwhile_its_owner_pays),
        WITH_WORLD(what_the_owner_has_not_got_any_more_the_machine_owes),
        WITH_WORLD(the_machine_of_a_dealer_who_lost_the_uim_goes_on),
        WITH_WORLD(an_account_with_swept_value_is_not_given_up),
        WITH_WORLD(nothing_is_swept_to_an_owner_who_was_given_up),
        WITH_WORLD(a_lost_card_is_replaced_with_what_was_left),
        WITH_WORLD(a_card_without_keys_overwrites_also_in_the_place_of_a_lost_one),
        WITH_WORLD(what_the_old_purse_paid_to_the_new_one_is_owed_by_the_new_one),
        WITH_WORLD(a_lost_machine_is_replaced_and_its_rest_swept),
        cmocka_unit_test(the_fee_is_rounded_down_and_never_more_than_the_amount),
        WITH_WORLD(a_fee_may_take_all_and_a_huge_amount_is_swept),
        WITH_WORLD(every_corruption_of_a_sweep_is_found),
    };
    return cmocka_run_group_tests_name("cards, machines and sweeps", tests, NULL, NULL);
}
