/* Question: does the audit notice when gaps, what is owed or what was claimed are not what payments and journal say? */
#include "exchange.h"
#include "expect.h"

#include <stdio.h>
#include <string.h>

static void sweep(struct world *world)
{
    size_t count = 0;
    world->now_ms += WORLD_SETTLE_MS + 1;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_end_waiting(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_true(count > 0);
}

/* The first purse owes and paid a part from its account; the second holds something in flight for the third; the third paid on
 * what nobody showed; the fourth has both, one for the other, and a deposit in its gap, and the bank inferred one payment. */
static void fill(struct world *world)
{
    struct toy toys[5];
    struct toy_reply reply;
    struct toy_message message;
    struct toy_message answer;
    for (unsigned i = 0; i < 5; i++) {
        toy_rich(&toys[i], world, i + 1, i == 0 ? 5 : 0, i == 2 ? 0 : 100);
    }
    (void)toy_exchange(&toys[0], &toys[4], world, 40);
    toy_forget(&toys[0], 1);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    sweep(world);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    (void)toy_exchange(&toys[0], &toys[4], world, 90);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    EXPECT(toy_report_all(&toys[4], world), KC_OK);
    EXPECT(toy_report_all(&toys[0], world), KC_OK);
    (void)toy_exchange(&toys[1], &toys[4], world, 1);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    (void)toy_exchange(&toys[1], &toys[2], world, 31);
    toy_forget(&toys[1], 1);
    EXPECT(toy_report_all(&toys[1], world), KC_OK);
    (void)toy_exchange(&toys[2], &toys[4], world, 29);
    toy_forget(&toys[2], 1);
    EXPECT(toy_report_all(&toys[2], world), KC_OK);
    toy_cash(&message, &toys[3], world, KC_CASH_KIND_DEPOSIT, 7);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    struct toy_order order = toy_pay(&toys[4], world, &toys[3], 3);
    (void)toy_receive(&toys[3], world, &order);
    (void)toy_exchange(&toys[4], &toys[3], world, 9);
    (void)toy_exchange(&toys[1], &toys[3], world, 6);
    (void)toy_exchange(&toys[3], &toys[2], world, 8);
    toy_answer(&answer, &toys[3], world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    toy_take(&toys[3], world, &reply.outcome);
    toy_forget(&toys[3], 5);
    EXPECT(toy_report(&toys[3], world, &reply), KC_OK);
    toys[4].slots[1].record.answer = KC_ANSWER_NONE;
    EXPECT(toy_report(&toys[4], world, &reply), KC_OK);
}

/* shows: R-LOG-4 R-LOG-5 */
static void gaps_and_debts_are_clean(void **state)
{
    struct world *world = *state;
    uint64_t faults = 0;
    char first[160];
    fill(world);
    struct kc_result result = world_audit(world, &faults, first);
    if (kc_failed(result)) {
        print_error("audit: %s\n", first);
    }
    EXPECT(result, KC_OK);
    static const char *const needed[] = {
        "SELECT count(*) FROM gaps WHERE state = 1 AND unexplained_out > netted",
        "SELECT count(*) FROM gaps WHERE state = 1 AND advance > 0",
        "SELECT count(*) FROM gaps WHERE netted > 0",
        "SELECT count(*) FROM gaps WHERE inferred_in > 0",
        "SELECT count(*) FROM records WHERE state = 6",
        "SELECT count(*) FROM purses WHERE owed > 0 AND claimed > 0"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        print_message("%s\n", needed[i]);
        assert_true(world_ask(world, needed[i]) > 0);
    }
}

static const char *const plants[] = {
    "DELETE FROM gaps WHERE advance > 0",
    "DELETE FROM gaps WHERE netted > 0",
    "UPDATE gaps SET received = received + 1 WHERE advance > 0",
    "UPDATE gaps SET paid = paid + 1 WHERE advance > 0",
    "UPDATE gaps SET returned = returned + 1 WHERE advance > 0",
    "UPDATE gaps SET unexplained_in = unexplained_in + 1 WHERE advance > 0",
    "UPDATE gaps SET unexplained_out = unexplained_out - 1 WHERE unexplained_out > netted",
    ("UPDATE gaps SET unexplained_out = unexplained_out - 1, given_back = given_back + 1"
     " WHERE unexplained_out > netted"),
    "UPDATE gaps SET unexplained_back = 1 WHERE returned = 0",
    "UPDATE gaps SET inferred_in = inferred_in + 1",
    "UPDATE gaps SET given_back = given_back + 1 WHERE unexplained_out > netted",
    "UPDATE gaps SET netted = netted - 1 WHERE netted > 0",
    "UPDATE gaps SET netted = netted + 1 WHERE netted > 0",
    "UPDATE gaps SET advance = advance - 1 WHERE advance > 0",
    "UPDATE gaps SET state = 2 WHERE advance > 0",
    "UPDATE gaps SET state = 4",
    "UPDATE gaps SET first = last + 1",
    "UPDATE gaps SET head_before = zeroblob(32) WHERE first > 1",
    "UPDATE gaps SET shown = shown + 1",
    "UPDATE purses SET owed = owed + 1 WHERE owed > 0",
    "UPDATE purses SET owed = owed - 1, value = value + 1 WHERE owed > 0",
    "UPDATE purses SET claimed = claimed + 1 WHERE claimed > 0",
    "UPDATE records SET state = 2 WHERE state = 6",
    "DELETE FROM records WHERE state = 6",
    "UPDATE payments SET inferred = 0 WHERE inferred = 1",
    "UPDATE payments SET payee_counted = 0 WHERE inferred = 1",
};

/* shows: R-SEC-1 */
static void every_planted_corruption_is_found(void **state)
{
    struct world *world = *state;
    size_t missed = 0;
    fill(world);
    world_close(world);
    for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
        struct world spoiled = {.crypto = world->crypto};
        uint64_t faults = 0;
        char first[160];
        (void)snprintf(spoiled.folder, sizeof spoiled.folder, "%s", world->folder);
        assert_true(world_copy(&spoiled, world));
        print_message("%s\n", plants[i]);
        assert_true(world_plant(&spoiled, plants[i]));
        EXPECT(world_open_store(&spoiled), KC_OK);
        if (world_audit(&spoiled, &faults, first).code != KC_STORE_CORRUPT) {
            print_error("not found: %s\n", plants[i]);
            missed += 1;
        }
        world_close(&spoiled);
        world_unlink(&spoiled);
    }
    assert_int_equal(missed, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gaps_and_debts_are_clean),
        TEST(every_planted_corruption_is_found),
    };
    return cmocka_run_group_tests_name("ledger: audit of gaps", tests, NULL, NULL);
}
