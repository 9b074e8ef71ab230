/* Question: does the audit pass a good ledger and find every corruption that we plant in the
 * database? */
#include "expect.h"

#include <string.h>

/* A ledger with all kinds of postings, two batches with several of them, and an order in doubt. */
static void fill(struct world *world)
{
    struct toy toys[3];
    struct toy_message message;
    struct toy_reply reply;
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&toys[i], world, i, 1000, 200);
        EXPECT(toy_cash_whole(&toys[i], world, KC_CASH_KIND_DEPOSIT, 30 + i, &reply), KC_OK);
        EXPECT(toy_fund_whole(&toys[i], world, KC_FUND_KIND_REDEEM, 5, &reply), KC_OK);
    }
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    for (unsigned i = 0; i < 3; i++) {
        toy_fund(&message, &toys[i], world, KC_FUND_KIND_REDEEM, 7);
        world_item(world, &reply, &message);
        EXPECT(reply.result, KC_OK);
    }
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* shows: R-SEC-1 */
static void a_good_ledger_is_clean(void **state)
{
    struct world *world = *state;
    struct kc_audit audit = {.fault = NULL};
    EXPECT(kc_ledger_audit(&audit, &world->store, &world->crypto), KC_OK);
    assert_int_equal(audit.postings, 0);
    fill(world);
    audit = (struct kc_audit){.fault = NULL};
    EXPECT(kc_ledger_audit(&audit, &world->store, &world->crypto), KC_OK);
    assert_int_equal(audit.faults, 0);
    assert_int_equal(audit.accounts, 3);
    assert_int_equal(audit.purses, 3);
    assert_int_equal(audit.postings, postings(world));
    assert_int_equal(audit.postings, 3 * 5 + 3);
    assert_int_equal(kc_amount_minor(audit.totals.in_flight), 21);
    assert_int_equal(kc_amount_minor(audit.totals.outside), 3 * 1195);
}

struct plant {
    const char *name;
    const char *sql;
};

static const struct plant plants[] = {
    {"balance up", "UPDATE accounts SET balance = balance + 1 WHERE rowid ="
                   " (SELECT max(rowid) FROM accounts)"},
    {"balance down", "UPDATE accounts SET balance = balance - 1 WHERE rowid ="
                     " (SELECT min(rowid) FROM accounts)"},
    {"value moved between accounts",
     "UPDATE accounts SET balance = balance + CASE WHEN account ="
     " (SELECT min(account) FROM accounts) THEN 1 ELSE -1 END WHERE account IN"
     " (SELECT account FROM accounts ORDER BY account LIMIT 2)"},
    {"stored shadow", "UPDATE purses SET value = value + 1 WHERE rowid ="
                      " (SELECT max(rowid) FROM purses)"},
    {"value moved from account to purse",
     "UPDATE purses SET value = value - 1 WHERE rowid = (SELECT max(rowid) FROM purses)"},
    {"journal amount", "UPDATE journal SET amount = amount + 1 WHERE id = 4"},
    {"journal debit", "UPDATE journal SET debit = 3 WHERE id = 2"},
    {"journal purse", "UPDATE journal SET purse = purse + 10 WHERE id = 5"},
    {"journal time", "UPDATE journal SET time = time + 1 WHERE id = 1"},
    {"journal transaction", "UPDATE journal SET transaction_time = transaction_time + 1"
                            " WHERE id = 18"},
    {"journal row in the middle gone", "DELETE FROM journal WHERE id = 9"},
    {"first journal row gone", "DELETE FROM journal WHERE id = 1"},
    {"last journal row gone", "DELETE FROM journal WHERE id = 18"},
    {"journal empty", "DELETE FROM journal"},
    {"journal rows swapped",
     "UPDATE journal SET id = CASE id WHEN 16 THEN 1017 ELSE 1016 END WHERE id IN (16, 17);"
     "UPDATE journal SET id = id - 1000 WHERE id > 1000"},
    {"journal row moved to another batch", "UPDATE journal SET batch = batch + 1 WHERE id = 3"},
    {"chain bytes",
     "UPDATE batches SET chain = CAST(substr(chain, 2) || substr(chain, 1, 1) AS BLOB)"
     " WHERE id = (SELECT max(id) FROM batches)"},
    {"chain bytes of the first batch", "UPDATE batches SET chain = zeroblob(32)"
                                       " WHERE id = (SELECT min(id) FROM batches)"},
    {"batch gone", "DELETE FROM batches WHERE id = (SELECT max(id) FROM batches)"},
    {"first batch gone", "DELETE FROM batches WHERE id = (SELECT min(id) FROM batches)"},
    {"batch invented", "INSERT INTO batches VALUES (9999, 9999, zeroblob(32))"},
    {"posting invented", "INSERT INTO journal SELECT id + 1, batch, debit, credit, amount, purse,"
                         " transaction_time, time FROM journal WHERE id = 18"},
    {"totals moved", "UPDATE totals SET accounts = accounts - 1, shadows = shadows + 1"},
    {"totals raised", "UPDATE totals SET accounts = accounts + 1, outside = outside + 1"},
    {"next posting", "UPDATE totals SET next_posting = next_posting + 1"},
    {"sequence of a purse", "UPDATE purses SET sequence = sequence + 1 WHERE rowid ="
                            " (SELECT max(rowid) FROM purses)"},
    {"kept certified value", "UPDATE purses SET certified = substr(certified, 2) WHERE rowid ="
                             " (SELECT max(rowid) FROM purses)"},
    {"certified value of a completed transaction",
     "UPDATE transactions SET certified = x'' WHERE state = 3"},
    {"account gone", "DELETE FROM accounts WHERE rowid = (SELECT max(rowid) FROM accounts)"},
    {"purse gone", "DELETE FROM purses WHERE rowid = (SELECT max(rowid) FROM purses)"},
    {"account and its purse's posting invented",
     "INSERT INTO accounts SELECT 50, state, suite, name, address, phone, bank_account,"
     " password_hash, randomblob(16), created, temporary_until, expires, 5 FROM accounts LIMIT 1"},
    {"negative number", "UPDATE transactions SET amount = -1 WHERE time ="
                        " (SELECT min(time) FROM transactions)"},
    {"state out of range", "UPDATE purses SET state = 4 WHERE rowid ="
                           " (SELECT max(rowid) FROM purses)"},
    {"head too short", "UPDATE purses SET head = zeroblob(31) WHERE rowid ="
                       " (SELECT max(rowid) FROM purses)"},
};

/* shows: R-SEC-1 */
static void every_planted_corruption_is_found(void **state)
{
    struct world *world = *state;
    fill(world);
    world_close(world);
    size_t missed = 0;
    for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
        struct world spoiled = {.crypto = world->crypto};
        struct kc_audit audit = {.fault = NULL};
        assert_true(world_copy(&spoiled, world));
        assert_true(world_plant(&spoiled, plants[i].sql));
        EXPECT(world_open_store(&spoiled), KC_OK);
        struct kc_result result = kc_ledger_audit(&audit, &spoiled.store, &world->crypto);
        if (result.code != KC_STORE_CORRUPT) {
            print_error("the audit missed: %s (%s)\n", plants[i].name, kc_error_name(result.code));
            missed += 1;
        }
        world_close(&spoiled);
        world_unlink(&spoiled);
    }
    assert_int_equal(missed, 0);
    EXPECT(world_open(world), KC_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_ledger_is_clean),
        TEST(every_planted_corruption_is_found),
    };
    return cmocka_run_group_tests_name("ledger: audit", tests, NULL, NULL);
}
