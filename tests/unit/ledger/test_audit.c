/* Question: does the audit pass a good ledger and find every corruption that we plant in the
 * database? */
#include "expect.h"

#include <string.h>

#include "ledger/inside.h"

/* A ledger with all kinds of postings, two batches with several of them, orders in doubt, an order that
 * was refused after it was sent, an open quote, and a purse that was found to be a copy. */
static void refuse_order(struct world *world, struct toy *toy)
{
    struct toy_message message;
    struct toy_reply reply;
    toy_fund(&message, toy, world, KC_FUND_KIND_REDEEM, 11);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_NO_BANK_ACCOUNT), KC_OK);
    toy_take(toy, world, &reply.outcome);
}

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
    struct toy copy = toys[2];
    refuse_order(world, &toys[0]);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    for (unsigned i = 0; i < 3; i++) {
        toy_fund(&message, &toys[i], world, KC_FUND_KIND_REDEEM, 7);
        world_item(world, &reply, &message);
        EXPECT(reply.result, KC_OK);
    }
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    toy_cash(&message, &toys[1], world, KC_CASH_KIND_WITHDRAW, 1);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    copy.counter = 0;
    copy.entry_count = 0;
    copy.certified.counter = 0;
    world->now_ms += 5000;
    toy_state(&message, &copy, world);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
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
    assert_int_equal(audit.postings, 3 * 5 + 2 + 3);
    assert_int_equal(audit.transactions, 3 * 4 + 1 + 3 + 1);
    assert_int_equal(audit.evidence, 3 * 8 + 1 + 3 + 1 + 1);
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
                            " WHERE id = 20"},
    {"journal row in the middle gone", "DELETE FROM journal WHERE id = 9"},
    {"first journal row gone", "DELETE FROM journal WHERE id = 1"},
    {"last journal row gone", "DELETE FROM journal WHERE id = 20"},
    {"journal empty", "DELETE FROM journal"},
    {"journal rows swapped",
     "UPDATE journal SET id = CASE id WHEN 18 THEN 1019 ELSE 1018 END WHERE id IN (18, 19);"
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
                         " transaction_time, time FROM journal WHERE id = 20"},
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
     " password_hash, randomblob(16), created, temporary_until, expires, 5, purse, type, owner"
     " FROM accounts LIMIT 1"},
    {"next account", "UPDATE totals SET next_account = next_account - 1"},
    {"transaction done that was not",
     "UPDATE transactions SET state = 3, certified = (SELECT certified FROM purses WHERE purse ="
     " transactions.purse) WHERE state = 2 AND purse = (SELECT min(purse) FROM purses)"},
    {"transaction not done that was", "UPDATE transactions SET state = 4 WHERE state = 3 AND time ="
                                      " (SELECT max(time) FROM transactions WHERE state = 3)"},
    {"amount of a transaction", "UPDATE transactions SET amount = amount + 1 WHERE state = 3 AND"
                                " kind = 2"},
    {"kind of a transaction", "UPDATE transactions SET kind = 3 WHERE state = 3 AND kind = 1"},
    {"transaction gone", "DELETE FROM transactions WHERE state = 3 AND kind = 3 AND purse ="
                         " (SELECT max(purse) FROM purses)"},
    {"transaction of nobody", "INSERT INTO transactions SELECT 60, time, kind, 4, reason, amount,"
                              " account_before, purse_before, counter, quoted, expires,"
                              " request_digest, answer_digest, certified, other, other_purse, "
                              "machine, reference FROM transactions LIMIT 1"},
    {"offer of what is no transfer",
     "UPDATE transactions SET machine = 26, reference = zeroblob(32) WHERE kind = 1"},
    {"receiver of what is no transfer", "UPDATE transactions SET other = 10000008 WHERE kind = 1"},
    {"refused order that was not paid back",
     "UPDATE transactions SET certified = x'' WHERE state = 6"},
    {"sequence of a transaction's certified value",
     "UPDATE purses SET sequence = 1, certified = (SELECT certified FROM transactions WHERE"
     " transactions.purse = purses.purse AND state = 3 ORDER BY time LIMIT 1)"},
    {"open quote not named by its purse", "UPDATE purses SET open = 0 WHERE open > 0"},
    {"quote that is not there", "UPDATE purses SET open = 5 WHERE open = 0"},
    {"what a purse paid", "UPDATE purses SET paid = paid + 1"},
    {"what a purse gave back", "UPDATE purses SET returned = returned + 1"},
    {"amount at the last access", "UPDATE purses SET purse_at_access = purse_at_access + 1"},
    {"account at the last access", "UPDATE purses SET account_at_access = account_at_access + 1"},
    {"time of the last access", "UPDATE purses SET access = access + 1"},
    {"counter of a purse set back", "UPDATE purses SET counter = 0"},
    {"head of a purse", "UPDATE purses SET head = zeroblob(32)"},
    {"account of a purse", "UPDATE purses SET account = account + 20 WHERE purse ="
                           " (SELECT min(purse) FROM purses)"},
    {"message that showed a counter", "UPDATE purses SET counted = counted + 1 WHERE counter > 0"},
    {"request gone", "DELETE FROM evidence WHERE kind = 1 AND purse ="
                     " (SELECT max(purse) FROM purses)"},
    {"answer gone", "DELETE FROM evidence WHERE kind = 2 AND purse ="
                    " (SELECT min(purse) FROM purses)"},
    {"funding request gone", "DELETE FROM evidence WHERE kind = 4"},
    {"evidence changed", "UPDATE evidence SET bytes = CAST(bytes || x'00' AS BLOB) WHERE kind = 5"},
    {"evidence of nobody", "INSERT INTO evidence SELECT 60, time, digest, kind, bytes FROM evidence"
                           " LIMIT 1"},
    {"proof gone", "DELETE FROM evidence WHERE kind = 3"},
    {"half a proof", "UPDATE alerts SET against = against + 1"},
    {"negative number", "UPDATE transactions SET amount = -1 WHERE time ="
                        " (SELECT min(time) FROM transactions)"},
    {"state out of range", "UPDATE purses SET state = 4 WHERE rowid ="
                           " (SELECT max(rowid) FROM purses)"},
    {"head too short", "UPDATE purses SET head = zeroblob(31) WHERE rowid ="
                       " (SELECT max(rowid) FROM purses)"},
};

/* Chained anew, a journal that was changed still differs from the transactions: the chain alone is no proof. */
static void a_journal_chained_anew_differs_from_the_transactions(void **state)
{
    struct world *world = *state;
    struct toy toys[2];
    uint64_t faults = 0;
    char first[160];
    for (unsigned i = 0; i < 2; i++) {
        toy_rich(&toys[i], world, i, 100, 0);
    }
    /* One more funding, posted for an account as if there had been an order. */
    struct kc_transaction_row invented = {.purse = toys[0].purse, .time_ms = 77};
    struct kc_account_row row;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(world->store.account_get(world->store.context, &row, toys[0].account.number), KC_OK);
    EXPECT(kc_amount_add(&row.balance, row.balance, world_amount(5)), KC_OK);
    EXPECT(world->store.account_put(world->store.context, &row), KC_OK);
    EXPECT(kc_ledger_post(&world->ledger, KC_BOOK_OUTSIDE, row.account.number, world_amount(5),
                          &invented, NULL),
           KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    EXPECT(world_audit(world, &faults, first), KC_STORE_CORRUPT);
    assert_int_equal(faults, 1);
    assert_non_null(strstr(first, "transactions and journal differ"));
    world_close(world);
}

/* ---- signatures ---- */

static bool refuse_kind(void *owner, const struct kc_evidence_row *row,
                        struct kc_account_id account)
{
    const uint64_t *expected = owner;
    return row->kind != KC_EVIDENCE_CONFIRM || account.number != *expected;
}

/* Who can verify is asked for every message that is kept, and told whose it must be. */
static void a_signature_that_does_not_verify_is_a_fault(void **state)
{
    struct world *world = *state;
    struct toy toys[2];
    for (unsigned i = 0; i < 2; i++) {
        toy_rich(&toys[i], world, i, 100, 0);
    }
    struct kc_audit audit = {.owner = &toys[1].account.number, .verify = refuse_kind};
    EXPECT(kc_ledger_audit(&audit, &world->store, &world->crypto), KC_STORE_CORRUPT);
    assert_int_equal(audit.faults, 1);
}

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
        TEST(a_journal_chained_anew_differs_from_the_transactions),
        TEST(a_signature_that_does_not_verify_is_a_fault),
        TEST(every_planted_corruption_is_found),
    };
    return cmocka_run_group_tests_name("ledger: audit", tests, NULL, NULL);
}
