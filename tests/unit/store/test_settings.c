/* Question: does the store promise only what SQLite does, and refuse what would take a row's place or
 * change nothing? */
#include "expect.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "store/sqlite.h"
#include "store/sqlite_statements.h"

/* A database in memory has no log, so no commit of it is durable: SQLite keeps silent about that. */
static void what_cannot_be_durable_is_not_opened(void **state)
{
    struct kc_store store;
    (void)state;
    EXPECT(kc_sqlite_open(&store, ":memory:", true, 0), KC_STORE_FAILED);
}

static void a_file_has_a_log_and_a_version(void **state)
{
    struct world *world = *state;
    world_close(world);
    assert_int_equal(world_ask(world, "PRAGMA user_version"), 8);
    assert_int_equal(world_ask(world, "SELECT 1 FROM pragma_journal_mode WHERE journal_mode ="
                                      " 'wal'"),
                     1);
    EXPECT(world_open(world), KC_OK);
}

static void another_version_is_refused_and_left_alone(void **state)
{
    struct world *world = *state;
    struct kc_store store;
    static const char *const versions[] = {"PRAGMA user_version = 7; UPDATE totals SET one = 1",
                                           "PRAGMA user_version = 0; UPDATE totals SET one = 1"};
    world_close(world);
    for (size_t i = 0; i < 2; i++) {
        assert_true(world_plant(world, versions[i]));
        EXPECT(kc_sqlite_open(&store, world->path, true, 0), KC_STORE_VERSION);
        EXPECT(kc_sqlite_open(&store, world->path, false, 0), KC_STORE_VERSION);
    }
    assert_int_equal(world_ask(world, "PRAGMA user_version"), 0);
    assert_true(world_plant(world, "PRAGMA user_version = 8; UPDATE totals SET one = 1"));
    EXPECT(world_open(world), KC_OK);
}

static void a_reader_makes_no_tables(void **state)
{
    struct world *world = *state;
    struct kc_store store;
    world_close(world);
    world_unlink(world);
    FILE *file = fopen(world->path, "wb");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    EXPECT(kc_sqlite_open(&store, world->path, false, 0), KC_STORE_CORRUPT);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM sqlite_schema"), 0);
}

/* ---- rows ---- */

static void an_account_never_takes_anothers_place(void **state)
{
    struct world *world = *state;
    struct toy toys[2];
    struct kc_account_row row;
    struct kc_account_row other;
    struct kc_store *store = &world->store;
    toy_rich(&toys[0], world, 1, 100, 0);
    toy_rich(&toys[1], world, 2, 50, 0);
    EXPECT(store->account_get(store->context, &row, toys[0].account.number), KC_OK);
    EXPECT(store->account_get(store->context, &other, toys[1].account.number), KC_OK);
    memcpy(other.open_id, row.open_id, sizeof other.open_id);
    EXPECT(store->account_put(store->context, &other), KC_STORE_FAILED);
    expect_amounts(world, &toys[0], 100, 0);
    expect_amounts(world, &toys[1], 50, 0);
    other.account = kc_account_nth(77);
    EXPECT(store->account_put(store->context, &other), KC_STORE_FAILED);
    expect_amounts(world, &toys[0], 100, 0);
}

static void a_row_is_kept_whole(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_account_row account;
    struct kc_account_row account_again;
    struct kc_purse_row purse;
    struct kc_purse_row purse_again;
    struct kc_store *store = &world->store;
    toy_rich(&toy, world, 1, 100, 40);
    EXPECT(store->account_get(store->context, &account, toy.account.number), KC_OK);
    account.state = KC_ACCOUNT_LAPSED;
    account.suite = KC_SUITE_RS3072;
    memset(account.name, 'n', KC_NAME_SIZE_MAX);
    memset(account.address, 'a', KC_ADDRESS_SIZE_MAX);
    memset(account.phone, 'p', KC_PHONE_SIZE_MAX);
    memset(account.bank_account, 'b', KC_BANK_ACCOUNT_SIZE_MAX);
    memset(account.password_hash, 'h', KC_SECRET_HASH_SIZE_MAX);
    memset(account.open_id, 9, sizeof account.open_id);
    account.created_ms = 1;
    account.temporary_until_ms = 2;
    account.expires_ms = KC_AMOUNT_MAX;
    EXPECT(store->account_put(store->context, &account), KC_OK);
    EXPECT(store->account_get(store->context, &account_again, toy.account.number), KC_OK);
    assert_memory_equal(&account, &account_again, sizeof account);
    EXPECT(store->purse_get(store->context, &purse, toy.purse.number), KC_OK);
    purse.counted_ms = 3;
    memset(purse.counted_digest, 4, sizeof purse.counted_digest);
    memset(purse.certified, 5, sizeof purse.certified);
    purse.certified_size = sizeof purse.certified;
    EXPECT(store->purse_put(store->context, &purse), KC_OK);
    EXPECT(store->purse_get(store->context, &purse_again, toy.purse.number), KC_OK);
    assert_memory_equal(&purse, &purse_again, sizeof purse);
    world_close(world);
}

static void a_change_of_what_is_not_there_is_told(void **state)
{
    struct world *world = *state;
    struct kc_totals_row totals;
    struct kc_store *store = &world->store;
    EXPECT(store->account_balance_put(store->context, 12345, world_amount(1)), KC_STORE_CORRUPT);
    EXPECT(store->totals_get(store->context, &totals), KC_OK);
    world_close(world);
    assert_true(world_plant(world, "DELETE FROM totals"));
    EXPECT(world_open_store(world), KC_OK);
    EXPECT(store->totals_put(store->context, &totals), KC_STORE_CORRUPT);
    world_close(world);
}

static void evidence_is_found_by_its_digest(void **state)
{
    struct world *world = *state;
    struct kc_store *store = &world->store;
    const uint8_t first[KC_DIGEST_SIZE] = {1};
    const uint8_t second[KC_DIGEST_SIZE] = {2};
    const struct kc_view bytes = kc_view_text("bytes");
    for (int i = 0; i < 2; i++) {
        EXPECT(store->evidence_add(store->context, 8, 5, KC_EVIDENCE_ANSWER, first, bytes), KC_OK);
        EXPECT(store->evidence_add(store->context, 8, 5, KC_EVIDENCE_ANSWER, second, bytes), KC_OK);
    }
    EXPECT(store->evidence_find(store->context, 8, 5, first), KC_OK);
    EXPECT(store->evidence_find(store->context, 8, 5, second), KC_OK);
    EXPECT(store->evidence_find(store->context, 8, 6, first), KC_NOT_FOUND);
    EXPECT(store->evidence_find(store->context, 9, 5, first), KC_NOT_FOUND);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM evidence"), 2);
    world_close(world);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

/* ---- paths ---- */

/* Whether SQLite goes to the rows by all of these columns; what it does instead goes to stderr. */
static bool goes_by(const struct world *world, enum statement which, const char *columns)
{
    char sql[2048];
    char plan[256] = "";
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", kc_sqlite_statements[which]);
    if (sqlite3_open_v2(world->path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        (void)snprintf(plan, sizeof plan, "%s", (const char *)sqlite3_column_text(statement, 3));
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    bool good = strstr(plan, columns) != NULL;
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", kc_sqlite_statements[which], plan);
    }
    return good;
}

/* A purse that has paid for years must not make its next report slower. */
static void no_step_of_a_report_walks_over_a_history(void **state)
{
    static const struct {
        enum statement which;
        const char *columns;
    } paths[] = {
        {STATEMENT_PAYMENT_GET, "(payer=? AND payer_counter=? AND digest=?)"},
        {STATEMENT_RECORD_GET, "(purse=? AND counter=?)"},
        {STATEMENT_TRANSACTION_GET, "(purse=? AND time=?)"},
        {STATEMENT_EVIDENCE_FIND, "(purse=? AND time=? AND digest=?)"},
        {STATEMENT_SCAN_PAID, "(payer=? AND payer_counter>? AND payer_counter<?)"},
        {STATEMENT_SCAN_TAKEN, "(payee=? AND payee_counter>? AND payee_counter<?)"},
        {STATEMENT_SCAN_OPEN, "payments_open (payer=?)"},
        {STATEMENT_SCAN_LATE, "transactions_late"},
        {STATEMENT_SCAN_SENT, "transactions_sent"},
        {STATEMENT_SCAN_TEMPORARY, "accounts_temporary"},
    };
    const struct world *world = *state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_true(goes_by(world, paths[i].which, paths[i].columns));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_be_durable_is_not_opened),      TEST(a_file_has_a_log_and_a_version),
        TEST(another_version_is_refused_and_left_alone), TEST(a_reader_makes_no_tables),
        TEST(an_account_never_takes_anothers_place),     TEST(a_row_is_kept_whole),
        TEST(a_change_of_what_is_not_there_is_told),     TEST(evidence_is_found_by_its_digest),
        TEST(no_step_of_a_report_walks_over_a_history),
    };
    return cmocka_run_group_tests_name("store: settings and rows", tests, NULL, NULL);
}
