/* Question: is a batch there as a whole or not at all, whatever the store does, and does the ledger
 * know which? */
#include "expect.h"

#include <string.h>

#include "store/sqlite.h"

/* How the store under the ledger behaves. */
static struct {
    struct kc_store real;
    enum kc_error commit_fails;   /* nothing was committed */
    enum kc_error commit_unheard; /* committed, and still an error */
    enum kc_error posting_fails;
    enum kc_error totals_get_fails;
    unsigned totals_written;
} fault;

static struct kc_result spoiled_commit(void *context)
{
    if (fault.commit_fails != KC_OK) {
        return kc_result(fault.commit_fails);
    }
    struct kc_result result = fault.real.commit(context);
    return kc_failed(result) ? result : kc_result(fault.commit_unheard);
}

static struct kc_result spoiled_posting(void *context, const struct kc_posting_row *row)
{
    return fault.posting_fails != KC_OK ? kc_result(fault.posting_fails)
                                        : fault.real.posting_add(context, row);
}

static struct kc_result spoiled_totals_get(void *context, struct kc_totals_row *out)
{
    return fault.totals_get_fails != KC_OK ? kc_result(fault.totals_get_fails)
                                           : fault.real.totals_get(context, out);
}

static struct kc_result counted_totals_put(void *context, const struct kc_totals_row *row)
{
    fault.totals_written += 1;
    return fault.real.totals_put(context, row);
}

static void spoil(struct world *world)
{
    memset(&fault, 0, sizeof fault);
    fault.real = world->store;
    world->spoiled.commit = spoiled_commit;
    world->spoiled.posting_add = spoiled_posting;
    world->spoiled.totals_get = spoiled_totals_get;
    world->spoiled.totals_put = counted_totals_put;
}

static int spoiled_setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    world_close(world);
    world->spoil = spoil;
    return world_open(world).code == KC_OK ? 0 : -1;
}

/* Items refused one by one leave the others of their batch alone. */
static void a_batch_holds_many_items_each_with_its_own_result(void **state)
{
    struct world *world = *state;
    struct toy toys[8];
    struct toy_message message;
    struct toy_reply replies[8];
    for (unsigned i = 0; i < 8; i++) {
        toy_rich(&toys[i], world, i, 100, 0);
    }
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    for (unsigned i = 0; i < 8; i++) {
        toy_cash(&message, &toys[i], world, KC_CASH_KIND_WITHDRAW, i % 2 == 0 ? 60 : 101);
        world_item(world, &replies[i], &message);
        EXPECT(replies[i].result, i % 2 == 0 ? KC_OK : KC_INSUFFICIENT_ACCOUNT);
    }
    for (unsigned i = 0; i < 8; i += 2) {
        struct toy_reply reply;
        toy_answer(&message, &toys[i], world, &replies[i].quote, KC_ANSWER_OK);
        world_item(world, &reply, &message);
        EXPECT(reply.result, KC_OK);
        assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    }
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    for (unsigned i = 0; i < 8; i++) {
        expect_amounts(world, &toys[i], i % 2 == 0 ? 40 : 100, i % 2 == 0 ? 60 : 0);
    }
    assert_int_equal(world_ask(world, "SELECT count(*) FROM journal WHERE batch ="
                                      " (SELECT max(id) FROM batches)"),
                     4);
}

static void a_batch_that_was_not_committed_never_was(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_ledger_order order;
    toy_rich(&toy, world, 1, 100, 0);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 50);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    order = reply.order;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_fund_settle(&reply.outcome, &world->ledger, order.purse, order.time_ms, KC_OK),
           KC_OK);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    expect_amounts(world, &toy, 100, 0);
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    expect_amounts(world, &toy, 150, 0);
}

static void a_failed_commit_leaves_the_ledger_as_it_was(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&message, &toy, world, &reply.quote, KC_ANSWER_OK);
    struct kc_totals_row before = world->ledger.totals;
    fault.commit_fails = KC_DISK_FULL;
    EXPECT(world_send(world, &reply, &message), KC_DISK_FULL);
    fault.commit_fails = KC_OK;
    assert_memory_equal(&before, &world->ledger.totals, sizeof before);
    expect_amounts(world, &toy, 100, 0);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_amounts(world, &toy, 70, 30);
}

static void a_commit_that_was_made_and_not_heard_of_is_found(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&message, &toy, world, &reply.quote, KC_ANSWER_OK);
    fault.commit_unheard = KC_STORE_FAILED;
    EXPECT(world_send(world, &reply, &message), KC_STORE_FAILED);
    fault.commit_unheard = KC_OK;
    expect_amounts(world, &toy, 70, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_amounts(world, &toy, 70, 30);
    toy_take(&toy, world, &reply.outcome);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 30, &reply), KC_OK);
    expect_amounts(world, &toy, 100, 0);
}

static void a_store_error_in_one_item_takes_the_batch_back(void **state)
{
    struct world *world = *state;
    struct toy toys[2];
    struct toy_message messages[2];
    struct toy_reply reply;
    for (unsigned i = 0; i < 2; i++) {
        toy_rich(&toys[i], world, i, 100, 0);
        toy_cash(&messages[i], &toys[i], world, KC_CASH_KIND_WITHDRAW, 30);
        EXPECT(world_send(world, &reply, &messages[i]), KC_OK);
        toy_answer(&messages[i], &toys[i], world, &reply.quote, KC_ANSWER_OK);
    }
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    world_item(world, &reply, &messages[0]);
    EXPECT(reply.result, KC_OK);
    fault.posting_fails = KC_DISK_FULL;
    world_item(world, &reply, &messages[1]);
    EXPECT(reply.result, KC_DISK_FULL);
    fault.posting_fails = KC_OK;
    EXPECT(kc_ledger_commit(&world->ledger), KC_DISK_FULL);
    for (unsigned i = 0; i < 2; i++) {
        expect_amounts(world, &toys[i], 100, 0);
        EXPECT(world_send(world, &reply, &messages[i]), KC_OK);
        assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    }
}

/* When neither the commit nor the look at what stands there succeeds, nothing may be written over
 * it. */
static void a_ledger_that_lost_sight_of_its_totals_reads_them_again(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&message, &toy, world, &reply.quote, KC_ANSWER_OK);
    fault.commit_fails = KC_STORE_FAILED;
    fault.totals_get_fails = KC_STORE_FAILED;
    EXPECT(world_send(world, &reply, &message), KC_STORE_FAILED);
    fault.commit_fails = KC_OK;
    EXPECT(world_send(world, &reply, &message), KC_STORE_FAILED);
    fault.totals_get_fails = KC_OK;
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_amounts(world, &toy, 70, 30);
    assert_int_equal(kc_amount_minor(world->ledger.totals.shadows), 30);
}

static void an_empty_batch_leaves_no_trace(void **state)
{
    struct world *world = *state;
    struct toy toy;
    for (int i = 0; i < 5; i++) {
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    }
    assert_int_equal(world_ask(world, "SELECT count(*) FROM batches"), 0);
    assert_int_equal(fault.totals_written, 0);
    toy_rich(&toy, world, 1, 100, 40);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM batches"), 2);
}

static void a_journal_without_its_end_is_not_opened(void **state)
{
    struct world *world = *state;
    struct toy toy;
    toy_rich(&toy, world, 1, 100, 40);
    world_close(world);
    assert_true(world_plant(world, "UPDATE totals SET next_posting = next_posting + 1"));
    EXPECT(world_open(world), KC_STORE_CORRUPT);
    assert_true(world_plant(world, "UPDATE totals SET next_posting = next_posting - 1"));
    EXPECT(world_open(world), KC_OK);
    world_close(world);
    assert_true(world_plant(world, "DELETE FROM batches WHERE id = (SELECT max(id) FROM batches)"));
    EXPECT(world_open(world), KC_STORE_CORRUPT);
}

static void totals_that_do_not_balance_are_not_opened(void **state)
{
    struct world *world = *state;
    struct toy toy;
    toy_rich(&toy, world, 1, 100, 40);
    world_close(world);
    assert_true(world_plant(world, "UPDATE totals SET accounts = accounts + 1"));
    EXPECT(world_open(world), KC_STORE_CORRUPT);
    assert_true(world_plant(world, "DELETE FROM totals"));
    assert_true(world_plant(world, "INSERT INTO totals VALUES (1, 1000000, 1, 5, 0, 0, 0, 0, 0)"));
    EXPECT(world_open(world), KC_STORE_CORRUPT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, spoiled_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_holds_many_items_each_with_its_own_result),
        TEST(a_batch_that_was_not_committed_never_was),
        TEST(a_failed_commit_leaves_the_ledger_as_it_was),
        TEST(a_commit_that_was_made_and_not_heard_of_is_found),
        TEST(a_store_error_in_one_item_takes_the_batch_back),
        TEST(a_ledger_that_lost_sight_of_its_totals_reads_them_again),
        TEST(an_empty_batch_leaves_no_trace),
        TEST(a_journal_without_its_end_is_not_opened),
        TEST(totals_that_do_not_balance_are_not_opened),
    };
    return cmocka_run_group_tests_name("ledger: batches", tests, NULL, NULL);
}
