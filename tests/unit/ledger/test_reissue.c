/* Question: does a lost purse stop at once, and does its holder get what was left of it, no more and no less, whatever order the
 * late records come in? */
#include "keys.h"

#include <string.h>

#include "exchange.h"
#include "ledger/inside.h"

static struct kc_result lose_as(struct world *world, struct kc_account_id account,
                                struct kc_purse_id purse)
{
    struct world_letter letter;
    const struct kc_lost_request request = {
        .account = account, .purse = purse, .time_ms = world->now_ms};
    world_write(&letter, world, "lost", (unsigned)(purse.number % 100000), request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_lost(&world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result lose(struct world *world, const struct toy *toy)
{
    return lose_as(world, toy->account, toy->purse);
}

static struct kc_result reissue(struct kc_ledger_opened *out, uint64_t *due_ms, struct world *world,
                                const struct toy *old, unsigned id)
{
    struct world_letter letter;
    struct kc_reissue_request request = {.account = old->account,
                                         .suite = KC_SUITE_RS2048,
                                         .log_policy = KC_LOG_POLICY_OVERWRITE,
                                         .time_ms = world->now_ms};
    kc_be32_store(request.id, id);
    world_write(&letter, world, "reissue", id, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_reissue(out, due_ms, &world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result confirm(struct toy *fresh, struct world *world,
                                const struct kc_ledger_opened *opened)
{
    struct world_letter letter;
    memset(fresh, 0, sizeof *fresh);
    fresh->account = opened->account;
    fresh->purse = opened->purse;
    kc_be64_store(fresh->identity_digest, opened->purse.number);
    const struct kc_confirm_request request = {
        .account = opened->account, .purse = opened->purse, .time_ms = world->now_ms};
    world_write(&letter, world, "confirm", (unsigned)(opened->purse.number % 100000),
                request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_confirm_account(&fresh->certified, &world->ledger, &request,
                                                        fresh->identity_digest, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    if (!kc_failed(result)) {
        fresh->value = kc_amount_minor(fresh->certified.purse_amount);
    }
    return result;
}

static struct kc_result cancel(struct world *world, const struct kc_ledger_opened *opened)
{
    struct world_letter letter;
    const struct kc_cancel_request request = {
        .account = opened->account, .purse = opened->purse, .time_ms = world->now_ms};
    world_write(&letter, world, "cancel", (unsigned)(opened->purse.number % 100000),
                request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_cancel_account(&world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* Lost, waited for, issued anew and confirmed. */
static void replace(struct toy *fresh, struct world *world, const struct toy *old, unsigned id)
{
    struct kc_ledger_opened opened;
    uint64_t due_ms = 0;
    EXPECT(lose(world, old), KC_OK);
    world->now_ms += WORLD_SETTLE_MS;
    EXPECT(reissue(&opened, &due_ms, world, old, id), KC_OK);
    EXPECT(confirm(fresh, world, &opened), KC_OK);
}

/* Of the versions above `after` up to `upto` alone. */
static size_t between(struct world *world, uint64_t purses[4], uint64_t after, uint64_t upto)
{
    size_t count = 0;
    bool complete = false;
    EXPECT(kc_ledger_hotlist(purses, &count, &complete, &world->ledger, after, upto, 4), KC_OK);
    assert_true(complete);
    return count;
}

static size_t hotlist(struct world *world, uint64_t purses[4], bool *complete, size_t max)
{
    size_t count = 0;
    EXPECT(kc_ledger_hotlist(purses, &count, complete, &world->ledger, 0, UINT64_MAX, max), KC_OK);
    return count;
}

/* ---- out of use ---- */

/* shows: R-SEC-4 */
static void a_lost_purse_is_out_and_listed_at_once(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy_message message;
    struct toy_reply reply;
    uint64_t purses[4];
    bool complete = false;
    toy_rich(&toy, world, 1, 100, 40);
    toy_rich(&other, world, 2, 100, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 5);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    quote.user_name = kc_view_text(reply.name);
    assert_int_equal(world->ledger.hotlist_version, 0);
    EXPECT(lose_as(world, other.account, toy.purse), KC_UNKNOWN_ACCOUNT);
    EXPECT(lose_as(world, toy.account, kc_purse_nth(5)), KC_UNKNOWN_ACCOUNT);
    EXPECT(lose(world, &toy), KC_OK);
    struct kc_purse_row row = world_purse(world, toy.purse);
    assert_int_equal(row.state, KC_PURSE_OUT);
    assert_int_equal(row.out_reason, KC_REPORTED_LOST);
    assert_int_equal(row.out_ms, world->now_ms);
    assert_int_equal(row.open_ms, 0);
    assert_int_equal(world->ledger.hotlist_version, 1);
    assert_int_equal(hotlist(world, purses, &complete, 4), 1);
    assert_int_equal(purses[0], toy.purse.number);
    assert_true(complete);
    assert_int_equal(between(world, purses, 0, 1), 1);
    assert_int_equal(between(world, purses, 0, 0), 0);
    assert_int_equal(between(world, purses, 1, 9), 0);
    /* Its quote has ended, and whoever has it gets nothing more. */
    toy_answer(&message, &toy, world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_REPORTED_LOST);
    toy_cash(&message, &toy, world, KC_CASH_KIND_DEPOSIT, 5);
    EXPECT(world_send(world, &reply, &message), KC_REPORTED_LOST);
    toy_settle(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_REPORTED_LOST);
    /* Said again, nothing is listed twice; and it is there after a restart. */
    world->now_ms += 1000;
    EXPECT(lose(world, &toy), KC_OK);
    assert_int_equal(world_purse(world, toy.purse).out_ms, row.out_ms);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    assert_int_equal(world->ledger.hotlist_version, 1);
    expect_amounts(world, &toy, 100, 40);
}

/* shows: R-SEC-4 */
static void a_proof_lists_and_nothing_less_does(void **state)
{
    struct world *world = *state;
    struct toy honest;
    struct toy payee;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&honest, world, 1, 100, 40);
    toy_rich(&payee, world, 2, 0, 10);
    struct toy copy = honest;
    (void)toy_exchange(&honest, &payee, world, 15);
    /* A record that shows nothing is an alert, no more. */
    struct toy_order order = toy_pay(&honest, world, &payee, 5);
    (void)toy_receive(&payee, world, &order);
    toy_slot_of(&payee, 2)->record.objection = KC_BAD_SIGNATURE;
    EXPECT(toy_report_all(&payee, world), KC_OK);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM alerts"), 1);
    assert_int_equal(world->ledger.hotlist_version, 0);
    /* Two orders with one counter are a proof, and whose they are is listed. */
    struct toy_order twin = toy_pay(&copy, world, &payee, 7);
    (void)toy_receive(&payee, world, &twin);
    EXPECT(toy_report_all(&payee, world), KC_OK);
    assert_int_equal(world->ledger.hotlist_version, 1);
    struct kc_purse_row row = world_purse(world, honest.purse);
    assert_int_equal(row.state, KC_PURSE_OUT);
    assert_int_equal(row.out_reason, KC_COPIED_OR_RESTORED);
    assert_int_equal(row.out_ms, world->now_ms);
    toy_state(&message, &honest, world);
    EXPECT(world_send(world, &reply, &message), KC_PURSE_BLOCKED);
    /* Proved against the sender of a request, the reason survives what the refusal saves. */
    toy_rich(&honest, world, 3, 100, 40);
    copy = honest;
    EXPECT(toy_cash_whole(&honest, world, KC_CASH_KIND_DEPOSIT, 5, &reply), KC_OK);
    world->now_ms += 1000;
    toy_cash(&message, &copy, world, KC_CASH_KIND_WITHDRAW, 5);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
    row = world_purse(world, honest.purse);
    assert_int_equal(row.out_reason, KC_COPIED_OR_RESTORED);
    assert_int_equal(row.out_ms, world->now_ms);
    assert_int_equal(world->ledger.hotlist_version, 2);
}

/* The holder's word is no proof; a proof that comes later is an alert, and says more. */
static void a_proof_against_a_lost_purse_is_an_alert(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy payees[3];
    toy_rich(&toy, world, 1, 100, 40);
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&payees[i], world, 2 + i, 0, 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct toy copy = toy;
        (void)toy_exchange(&copy, &payees[i], world, 10 + i);
    }
    EXPECT(lose(world, &toy), KC_OK);
    uint64_t lost_ms = world->now_ms;
    world->now_ms += 1000;
    static const uint64_t alerts[] = {0, 1, 1};
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(toy_report_all(&payees[i], world), KC_OK);
        struct kc_purse_row row = world_purse(world, toy.purse);
        assert_int_equal(world_ask(world, "SELECT count(*) FROM alerts"), alerts[i]);
        assert_int_equal(row.out_reason, i == 0 ? KC_REPORTED_LOST : KC_COPIED_OR_RESTORED);
        assert_int_equal(row.out_ms, lost_ms);
    }
    assert_int_equal(world->ledger.hotlist_version, 1);
}

static void the_hotlist_gives_the_newest_first(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    uint64_t purses[4];
    bool complete = true;
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&toys[i], world, i, 0, 0);
        EXPECT(lose(world, &toys[i]), KC_OK);
    }
    assert_int_equal(hotlist(world, purses, &complete, 2), 2);
    assert_false(complete);
    assert_int_equal(purses[0], toys[2].purse.number);
    assert_int_equal(purses[1], toys[1].purse.number);
    assert_int_equal(hotlist(world, purses, &complete, 3), 3);
    assert_true(complete);
    /* A batch that is not committed listed nobody. */
    toy_rich(&toys[0], world, 3, 0, 0);
    const struct kc_lost_request request = {.account = toys[0].account, .purse = toys[0].purse};
    struct world_letter letter;
    world_write(&letter, world, "lost", 9, 9);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_lost(&world->ledger, &request, &letter.source), KC_OK);
    assert_int_equal(world->ledger.hotlist_version, 4);
    world->ledger.broken = KC_DISK_FULL;
    EXPECT(kc_ledger_commit(&world->ledger), KC_DISK_FULL);
    assert_int_equal(world->ledger.hotlist_version, 3);
}

/* ---- the new purse ---- */

/* shows: R-SEC-4 */
static void a_new_purse_waits_for_the_settlement_time(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy fresh;
    struct toy_reply reply;
    struct kc_ledger_opened opened;
    struct kc_ledger_opened again;
    uint64_t due_ms = 0;
    toy_rich(&old, world, 1, 100, 40);
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_OUT_OF_ORDER);
    EXPECT(lose(world, &old), KC_OK);
    uint64_t lost_ms = world->now_ms;
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_SETTLEMENT_RUNS);
    assert_int_equal(due_ms, lost_ms + WORLD_SETTLE_MS);
    world->now_ms = due_ms - 1;
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_SETTLEMENT_RUNS);
    world->now_ms = due_ms;
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_OK);
    assert_int_not_equal(opened.purse.number, old.purse.number);
    assert_true(kc_number_checks(opened.purse.number));
    assert_int_equal(opened.expires_ms, WORLD_START_MS + WORLD_ACCOUNT_MS);
    world->now_ms += 5000;
    EXPECT(reissue(&again, &due_ms, world, &old, 1), KC_OK);
    assert_memory_equal(&opened, &again, sizeof opened);
    /* While one waits, its predecessor cannot be lost once more: that would revoke the new keys. */
    EXPECT(lose(world, &old), KC_PURSE_BLOCKED);
    /* Another application gives up the one that waits. */
    EXPECT(reissue(&again, &due_ms, world, &old, 2), KC_OK);
    assert_int_not_equal(again.purse.number, opened.purse.number);
    EXPECT(confirm(&fresh, world, &opened), KC_ALREADY_EXISTS);
    EXPECT(confirm(&fresh, world, &again), KC_OK);
    assert_int_equal(fresh.value, 40);
    assert_int_equal(kc_amount_minor(fresh.certified.account_amount), 100);
    assert_int_equal(fresh.certified.log_policy, KC_LOG_POLICY_OVERWRITE);
    expect_amounts(world, &fresh, 100, 40);
    expect_amounts(world, &old, 100, 0);
    struct toy repeated;
    EXPECT(confirm(&repeated, world, &again), KC_OK);
    assert_memory_equal(&repeated.certified, &fresh.certified, sizeof fresh.certified);
    EXPECT(lose(world, &old), KC_PURSE_BLOCKED);
    EXPECT(toy_cash_whole(&fresh, world, KC_CASH_KIND_WITHDRAW, 60, &reply), KC_OK);
    EXPECT(toy_cash_whole(&fresh, world, KC_CASH_KIND_DEPOSIT, 10, &reply), KC_OK);
    expect_amounts(world, &fresh, 50, 90);
    /* And again: the new one can be lost like any other. */
    struct toy third;
    replace(&third, world, &fresh, 3);
    assert_int_equal(third.value, 90);
    expect_amounts(world, &third, 50, 90);
}

static void a_new_purse_is_not_confirmed_too_late(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy fresh;
    struct kc_ledger_opened opened;
    uint64_t due_ms = 0;
    toy_rich(&old, world, 1, 100, 40);
    EXPECT(lose(world, &old), KC_OK);
    world->now_ms += WORLD_SETTLE_MS;
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_OK);
    world->now_ms = opened.temporary_until_ms + 1;
    EXPECT(confirm(&fresh, world, &opened), KC_ACCOUNT_EXPIRED);
    EXPECT(reissue(&opened, &due_ms, world, &old, 2), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    assert_int_equal(fresh.value, 40);
    world->now_ms = WORLD_START_MS + WORLD_ACCOUNT_MS + 1;
    EXPECT(lose(world, &fresh), KC_OK);
    world->now_ms += WORLD_SETTLE_MS;
    EXPECT(reissue(&opened, &due_ms, world, &fresh, 3), KC_ACCOUNT_EXPIRED);
}

/* Its UIM could not be written: nobody has the keys, so the next one need not wait, and nothing is lost. */
static void a_new_purse_that_was_not_written_is_given_up(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy fresh;
    struct kc_ledger_opened opened;
    uint64_t due_ms = 0;
    toy_rich(&old, world, 1, 100, 40);
    EXPECT(lose(world, &old), KC_OK);
    world->now_ms += WORLD_SETTLE_MS;
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_ALREADY_EXISTS);
    expect_amounts(world, &old, 100, 40);
    EXPECT(reissue(&opened, &due_ms, world, &old, 2), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    expect_amounts(world, &fresh, 100, 40);
    assert_int_equal(world->ledger.hotlist_version, 1);
    EXPECT(reissue(&opened, &due_ms, world, &fresh, 3), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    assert_int_equal(fresh.value, 40);
    /* Once it has spoken it is in somebody's hands. */
    struct toy_reply reply;
    EXPECT(toy_cash_whole(&fresh, world, KC_CASH_KIND_WITHDRAW, 5, &reply), KC_OK);
    EXPECT(cancel(world, &opened), KC_NOT_ALLOWED);
    expect_amounts(world, &fresh, 95, 45);
}

/* ---- late records ---- */

/* shows: R-SEC-4 R-XCHG-8 */
static void late_records_before_the_new_purse_are_booked_as_usual(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy shop;
    struct toy friend;
    struct toy fresh;
    struct kc_ledger_opened opened;
    uint64_t due_ms = 0;
    toy_rich(&old, world, 1, 100, 40);
    toy_rich(&shop, world, 2, 0, 0);
    toy_rich(&friend, world, 3, 0, 30);
    (void)toy_exchange(&old, &shop, world, 15);
    (void)toy_exchange(&friend, &old, world, 9);
    EXPECT(lose(world, &old), KC_OK);
    EXPECT(toy_report_all(&shop, world), KC_OK);
    expect_amounts(world, &old, 100, 25);
    EXPECT(toy_report_all(&friend, world), KC_OK);
    expect_amounts(world, &old, 100, 34);
    world->now_ms += WORLD_SETTLE_MS;
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    assert_int_equal(fresh.value, 34);
    expect_amounts(world, &shop, 0, 15);
    expect_amounts(world, &friend, 0, 21);
}

/* shows: R-SEC-4 R-XCHG-8 */
static void late_records_after_it_go_to_the_account(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy shop;
    struct toy friend;
    struct toy fresh;
    toy_rich(&old, world, 1, 20, 70);
    toy_rich(&shop, world, 2, 0, 0);
    toy_rich(&friend, world, 3, 0, 30);
    (void)toy_exchange(&old, &shop, world, 15);
    (void)toy_exchange(&friend, &old, world, 9);
    (void)toy_exchange(&old, &shop, world, 25);
    replace(&fresh, world, &old, 1);
    assert_int_equal(fresh.value, 70);
    /* What somebody paid to it is credited to the account. */
    EXPECT(toy_report_all(&friend, world), KC_OK);
    expect_amounts(world, &fresh, 29, 70);
    /* What it paid costs the account 40, which reaches for 29 of it: the new purse owes 11. */
    EXPECT(toy_report_all(&shop, world), KC_OK);
    expect_amounts(world, &shop, 0, 40);
    expect_amounts(world, &fresh, 0, 59);
    expect_amounts(world, &old, 0, 0);
    struct kc_purse_row row = world_purse(world, fresh.purse);
    assert_int_equal(kc_amount_minor(row.value), 70);
    assert_int_equal(kc_amount_minor(row.owed), 11);
    assert_int_equal(kc_amount_minor(row.ahead_out), 11);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM alerts"), 0);
    assert_int_equal(kc_amount_minor(world->ledger.totals.claims), 0);
}

/* The scheduler's turns on a day. */
static void look_after_charges(struct world *world)
{
    size_t count = 1;
    for (unsigned i = 0; i < 8 && count > 0; i++) {
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_charge(&world->ledger, &count), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    }
    assert_int_equal(count, 0);
}

/* What comes to the account for a purse that was replaced pays what is overdue of it, as anything that comes in does. */
static void what_comes_late_pays_an_overdue_charge(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy friend;
    struct toy fresh;
    struct kc_charge_row row;
    const uint64_t day_ms = UINT64_C(86400000);
    toy_rich(&old, world, 1, 0, 20);
    toy_rich(&friend, world, 2, 0, 30);
    (void)toy_exchange(&friend, &old, world, 9);
    world->ledger.options.charge = (struct kc_charge_rule){.amount = world_amount(5),
                                                           .first_ms = day_ms,
                                                           .period_ms = 3650 * day_ms,
                                                           .notice_ms = day_ms,
                                                           .grace_ms = 365 * day_ms};
    EXPECT(kc_charge_load(&world->ledger), KC_OK);
    look_after_charges(world);
    world->now_ms += day_ms;
    look_after_charges(world);
    replace(&fresh, world, &old, 1);
    const struct kc_store *store = &world->store;
    EXPECT(store->charge_get(store->context, &row, old.account.number, 1), KC_OK);
    assert_int_equal(row.step, KC_CHARGE_GRACE);
    EXPECT(toy_report_all(&friend, world), KC_OK);
    EXPECT(store->charge_get(store->context, &row, old.account.number, 1), KC_OK);
    assert_int_equal(row.step, KC_CHARGE_PAID);
    expect_amounts(world, &fresh, 4, 20);
    expect_clean(world);
}

/* A payment of the old purse that waits for its payee stays in flight, and comes back to the account. */
static void what_was_on_its_way_comes_to_the_account(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy shop;
    struct toy other;
    struct toy fresh;
    toy_rich(&old, world, 1, 0, 50);
    toy_rich(&shop, world, 2, 0, 0);
    toy_rich(&other, world, 3, 0, 5);
    struct toy_order order = toy_pay(&old, world, &shop, 20);
    (void)toy_pay(&old, world, &other, 3);
    EXPECT(toy_report_all(&old, world), KC_OK);
    replace(&fresh, world, &old, 1);
    assert_int_equal(fresh.value, 27);
    (void)toy_refuse(&shop, world, &order);
    EXPECT(toy_report_all(&shop, world), KC_OK);
    expect_amounts(world, &fresh, 20, 27);
    /* The other payee gave that counter to something else. */
    (void)toy_pay(&other, world, &shop, 1);
    EXPECT(toy_report_all(&other, world), KC_OK);
    expect_amounts(world, &fresh, 23, 27);
    expect_amounts(world, &old, 23, 0);
}

/* What somebody paid to the old purse without hearing an answer waits for nobody once that purse is settled. */
static void what_waited_for_the_old_purse_goes_back(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy payers[20];
    struct toy fresh;
    struct toy_reply reply;
    toy_rich(&old, world, 1, 0, 50);
    for (unsigned i = 0; i < 20; i++) {
        toy_rich(&payers[i], world, 2 + i, 0, 30);
        (void)toy_pay(&payers[i], world, &old, 1 + i);
        EXPECT(toy_report_all(&payers[i], world), KC_OK);
    }
    assert_int_equal(kc_amount_minor(world->ledger.totals.in_flight), 210);
    replace(&fresh, world, &old, 1);
    assert_int_equal(fresh.value, 50);
    assert_int_equal(kc_amount_minor(world->ledger.totals.in_flight), 0);
    for (unsigned i = 0; i < 20; i++) {
        EXPECT(toy_report(&payers[i], world, &reply), KC_OK);
        assert_int_equal(reply.settled.release_count, 1);
        assert_int_equal(reply.settled.releases[0].reason, KC_EXPIRED);
        EXPECT(toy_report_all(&payers[i], world), KC_OK);
        expect_amounts(world, &payers[i], 0, 30);
        assert_int_equal(payers[i].value, 30);
    }
}

/* A copy of the old purse paid more than it held: the account pays, and the new purse owes the rest. */
static void what_the_old_purse_lacks_is_owed(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy shops[2];
    struct toy fresh;
    struct toy_reply reply;
    struct kc_ledger_opened opened;
    uint64_t due_ms = 0;
    toy_rich(&old, world, 1, 10, 40);
    toy_rich(&shops[0], world, 2, 0, 0);
    toy_rich(&shops[1], world, 3, 0, 0);
    struct toy copy = old;
    (void)toy_exchange(&old, &shops[0], world, 35);
    (void)toy_exchange(&copy, &shops[1], world, 30);
    EXPECT(toy_report_all(&shops[0], world), KC_OK);
    EXPECT(toy_report_all(&shops[1], world), KC_OK);
    /* The proof claims from the account what that holds. */
    assert_int_equal(world_signed_shadow(world, old.purse), -15);
    assert_int_equal(world->ledger.hotlist_version, 1);
    world->now_ms += WORLD_SETTLE_MS;
    EXPECT(reissue(&opened, &due_ms, world, &old, 1), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    assert_int_equal(fresh.value, 0);
    assert_int_equal(world_balance(world, fresh.account), 0);
    assert_int_equal(world_signed_shadow(world, old.purse), 0);
    assert_int_equal(world_signed_shadow(world, fresh.purse), -15);
    assert_int_equal(kc_amount_minor(world_purse(world, fresh.purse).owed), 15);
    /* What comes into the account pays it first. */
    EXPECT(toy_cash_whole(&fresh, world, KC_CASH_KIND_WITHDRAW, 20, &reply), KC_DEBT);
    EXPECT(toy_transfer_asked(&fresh, world, KC_TRANSFER_SOURCE_ACCOUNT, shops[0].account, 20),
           KC_DEBT);
    EXPECT(toy_fund_whole(&fresh, world, KC_FUND_KIND_FUND, 100, &reply), KC_OK);
    assert_int_equal(kc_amount_minor(world_purse(world, fresh.purse).owed), 0);
    assert_int_equal(world_balance(world, fresh.account), 85);
    assert_int_equal(world_signed_shadow(world, fresh.purse), 0);
    EXPECT(toy_cash_whole(&fresh, world, KC_CASH_KIND_WITHDRAW, 20, &reply), KC_OK);
}

/* Whoever has the old purse can sign with its key still: not for the new one. */
static void the_old_key_speaks_for_the_old_purse_alone(void **state)
{
    struct world *world = *state;
    struct toy old;
    struct toy payer;
    struct toy fresh;
    struct toy_reply reply;
    toy_rich(&old, world, 1, 0, 40);
    toy_rich(&payer, world, 2, 0, 30);
    replace(&fresh, world, &old, 1);
    struct toy_order order = toy_exchange(&payer, &fresh, world, 10);
    EXPECT(toy_report_all(&payer, world), KC_OK);
    const struct toy_word lie = {.kind = KC_ANSWER_DECLINE, .signer = old.account.number};
    struct toy_word word = lie;
    word.purse = old.purse;
    memcpy(word.order, order.digest, KC_DIGEST_SIZE);
    toy_void(&payer, world, 1, 10);
    struct toy_slot *slot = toy_slot_of(&payer, 2);
    slot->record.answer = word.kind;
    slot->record.partner = word.signer;
    slot->record.answerer = word.purse;
    memcpy(slot->record.answered, word.order, KC_DIGEST_SIZE);
    EXPECT(toy_report(&payer, world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(world_purse(world, fresh.purse).state, KC_PURSE_ACTIVE);
    expect_amounts(world, &payer, 0, 20);
    assert_int_equal(world->ledger.hotlist_version, 1);
}

/* ---- policy ---- */

/* shows: R-LOG-1 R-LOG-2 R-LOG-3 */
static void a_policy_comes_with_the_next_certified_value(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 40);
    assert_int_equal(toy.certified.log_policy, KC_LOG_POLICY_REFUSE);
    for (unsigned i = KC_LOG_POLICY_REPORT; i >= KC_LOG_POLICY_REFUSE; i--) {
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_set_policy(&world->ledger, toy.purse, (enum kc_log_policy)i), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
        EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &reply), KC_OK);
        assert_int_equal(toy.certified.log_policy, i);
    }
    EXPECT(lose(world, &toy), KC_OK);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_set_policy(&world->ledger, toy.purse, KC_LOG_POLICY_REPORT), KC_PURSE_BLOCKED);
    EXPECT(kc_ledger_set_policy(&world->ledger, kc_purse_nth(5), KC_LOG_POLICY_REPORT),
           KC_UNKNOWN_PURSE);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* ---- audit ---- */

static const struct {
    const char *name;
    const char *sql;
} plants[] = {
    {"remainder", "UPDATE moves SET amount = amount + 1 WHERE kind = 1"},
    {"credit gone", "DELETE FROM moves WHERE kind = 2"},
    {"debit is a credit", "UPDATE moves SET kind = 2 WHERE kind = 3"},
    {"debt of another", "UPDATE moves SET other = other + 1 WHERE kind = 4"},
    {"move in time", "UPDATE moves SET time = time + 1 WHERE kind = 3"},
    {"move invented",
     "INSERT INTO moves SELECT 99, purse, other, kind, amount, fixed, permille, time FROM moves"
     " WHERE kind = 2"},
    {"not listed", "DELETE FROM hotlist"},
    {"listed for nothing", "UPDATE purses SET state = 2 WHERE state = 3"},
    {"old purse in use", "UPDATE accounts SET purse = (SELECT old FROM reissues)"
                         " WHERE account = (SELECT account FROM reissues)"},
};

/* shows: R-SEC-1 */
static void the_audit_finds_what_was_changed(void **state)
{
    struct world *world = *state;
    late_records_after_it_go_to_the_account(state);
    world_close(world);
    for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
        struct world spoiled = {.crypto = world->crypto};
        struct kc_audit audit = {.fault = NULL};
        assert_true(world_copy(&spoiled, world));
        assert_true(world_plant(&spoiled, plants[i].sql));
        EXPECT(world_open_store(&spoiled), KC_OK);
        struct kc_result result = kc_ledger_audit(&audit, &spoiled.store, &world->crypto);
        if (result.code != KC_STORE_CORRUPT) {
            fail_msg("the audit missed: %s", plants[i].name);
        }
        world_close(&spoiled);
        world_unlink(&spoiled);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

/* ---- moved ---- */

static struct kc_result move(struct kc_ledger_opened *out, uint64_t *due_ms, struct world *world,
                             const struct toy *old, unsigned id)
{
    struct world_letter letter;
    struct kc_move_request request = {.account = old->account,
                                      .suite = KC_SUITE_RS2048,
                                      .log_policy = KC_LOG_POLICY_OVERWRITE,
                                      .time_ms = world->now_ms};
    kc_be32_store(request.id, id);
    world_write(&letter, world, "move", id, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_move(out, due_ms, &world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* What waits when the old purse gives way, certified since the registrar had its other certificates revoked, is owed; what does
 * not wait is not. */
/* shows: R-RENEW-6 R-SEC-4 */
static void a_pair_that_waits_is_owed_when_the_next_purse_is_confirmed(void **state)
{
    struct world *world = *state;
    struct toy olds[2];
    for (unsigned i = 0; i < 2; i++) {
        struct kc_ledger_opened opened;
        struct kc_renewal_row renewal;
        struct kc_ending_row owed;
        struct toy fresh;
        struct toy_reply reply;
        uint64_t due_ms = 0;
        bool waits = i > 0;
        begin(&olds[i], world, 1 + i);
        EXPECT(toy_cash_whole(&olds[i], world, KC_CASH_KIND_DEPOSIT, 40, &reply), KC_OK);
        EXPECT(ask(&renewal, &olds[i], world, 'b'), KC_OK);
        EXPECT(move(&opened, &due_ms, world, &olds[i], 1 + i), KC_OK);
        if (waits) {
            name_certified(&renewal);
            EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
            EXPECT(kc_ledger_renew_certified(&world->ledger, &renewal), KC_OK);
            EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
        }
        EXPECT(confirm(&fresh, world, &opened), KC_OK);
        struct kc_result result =
            world->store.ending_get(world->store.context, &owed, olds[i].purse.number);
        EXPECT(result, waits ? KC_OK : KC_NOT_FOUND);
        if (waits) {
            assert_int_equal(owed.ended_ms, 0);
            assert_int_equal(owed.act_ms, world->now_ms);
        }
    }
}

/* shows: R-RENEW-6 */
static void an_empty_purse_at_hand_gives_way_when_the_new_one_is_confirmed(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_ledger_opened again;
    struct toy old;
    struct toy fresh;
    struct toy_message message;
    struct toy_reply reply;
    uint64_t due_ms = 0;
    toy_rich(&old, world, 1, 100, 40);
    EXPECT(move(&opened, &due_ms, world, &old, 1), KC_NOT_EMPTY);
    EXPECT(toy_cash_whole(&old, world, KC_CASH_KIND_DEPOSIT, 40, &reply), KC_OK);
    EXPECT(move(&opened, &due_ms, world, &old, 2), KC_OK);
    EXPECT(move(&again, &due_ms, world, &old, 2), KC_OK);
    assert_int_equal(again.purse.number, opened.purse.number);
    /* Until then it is what it was. */
    EXPECT(toy_cash_whole(&old, world, KC_CASH_KIND_WITHDRAW, 5, &reply), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_NOT_EMPTY);
    assert_int_equal(world_purse(world, old.purse).state, KC_PURSE_ACTIVE);
    EXPECT(toy_cash_whole(&old, world, KC_CASH_KIND_DEPOSIT, 5, &reply), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    struct kc_purse_row row = world_purse(world, old.purse);
    assert_int_equal(row.state, KC_PURSE_OUT);
    assert_int_equal(row.out_reason, KC_KEY_RENEWED);
    assert_int_equal(world->ledger.hotlist_version, 1);
    toy_state(&message, &old, world);
    EXPECT(world_send(world, &reply, &message), KC_PURSE_BLOCKED);
    assert_int_equal(fresh.value, 0);
    EXPECT(toy_cash_whole(&fresh, world, KC_CASH_KIND_WITHDRAW, 60, &reply), KC_OK);
    expect_amounts(world, &fresh, 80, 60);
    /* Said again nothing changes. */
    EXPECT(confirm(&fresh, world, &opened), KC_ALREADY_EXISTS);
}

/* shows: R-RENEW-6 */
static void a_purse_that_is_lost_while_it_is_moved_is_waited_for(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct toy old;
    struct toy fresh;
    struct toy payer;
    struct toy card;
    struct toy_reply reply;
    uint64_t due_ms = 0;
    toy_rich(&old, world, 1, 100, 0);
    toy_rich(&payer, world, 2, 0, 50);
    EXPECT(toy_open_kind(&card, world, 3, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(move(&opened, &due_ms, world, &card, 9), KC_NOT_ALLOWED);
    EXPECT(move(&opened, &due_ms, world, &old, 1), KC_OK);
    EXPECT(lose(world, &old), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_SETTLEMENT_RUNS);
    EXPECT(move(&opened, &due_ms, world, &old, 2), KC_SETTLEMENT_RUNS);
    assert_int_equal(due_ms, world->now_ms + WORLD_SETTLE_MS);
    world->now_ms += WORLD_SETTLE_MS;
    EXPECT(move(&opened, &due_ms, world, &old, 3), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    /* What a purse took that was moved then: its payer has the receipt. */
    toy_rich(&old, world, 4, 10, 0);
    (void)toy_exchange(&payer, &old, world, 20);
    EXPECT(move(&opened, &due_ms, world, &old, 4), KC_OK);
    EXPECT(confirm(&fresh, world, &opened), KC_OK);
    EXPECT(toy_report(&payer, world, &reply), KC_OK);
    expect_amounts(world, &old, 30, 0);
    assert_int_equal(world_shadow(world, payer.purse), 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lost_purse_is_out_and_listed_at_once),
        TEST(a_pair_that_waits_is_owed_when_the_next_purse_is_confirmed),
        TEST(an_empty_purse_at_hand_gives_way_when_the_new_one_is_confirmed),
        TEST(a_purse_that_is_lost_while_it_is_moved_is_waited_for),
        TEST(a_proof_lists_and_nothing_less_does),
        TEST(a_proof_against_a_lost_purse_is_an_alert),
        TEST(the_hotlist_gives_the_newest_first),
        TEST(a_new_purse_waits_for_the_settlement_time),
        TEST(a_new_purse_is_not_confirmed_too_late),
        TEST(a_new_purse_that_was_not_written_is_given_up),
        TEST(late_records_before_the_new_purse_are_booked_as_usual),
        TEST(late_records_after_it_go_to_the_account),
        TEST(what_comes_late_pays_an_overdue_charge),
        TEST(what_was_on_its_way_comes_to_the_account),
        TEST(what_waited_for_the_old_purse_goes_back),
        TEST(what_the_old_purse_lacks_is_owed),
        TEST(the_old_key_speaks_for_the_old_purse_alone),
        TEST(a_policy_comes_with_the_next_certified_value),
        TEST(the_audit_finds_what_was_changed),
    };
    return cmocka_run_group_tests_name("ledger: lost purses and their successors", tests, NULL,
                                       NULL);
}
