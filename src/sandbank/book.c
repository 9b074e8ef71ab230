#include "sandbank/book.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum query {
    QUERY_BEGIN,
    QUERY_COMMIT,
    QUERY_ROLLBACK,
    QUERY_ADD,
    QUERY_PAID_IN,
    QUERY_BALANCE,
    QUERY_SET_BALANCE,
    QUERY_SETTLEMENT,
    QUERY_SET_SETTLEMENT,
    QUERY_FIND,
    QUERY_KEEP,
    QUERY_TOTALS,
    QUERY_COUNT
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS accounts (account TEXT PRIMARY KEY, holder TEXT NOT NULL,"
    " balance INTEGER NOT NULL CHECK (balance >= 0)) STRICT;"
    "CREATE TABLE IF NOT EXISTS transfers (key TEXT PRIMARY KEY, account TEXT NOT NULL,"
    " fund INTEGER NOT NULL, amount INTEGER NOT NULL, outcome INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS settlement (one INTEGER PRIMARY KEY CHECK (one = 1),"
    " balance INTEGER NOT NULL CHECK (balance >= 0), paid_in INTEGER NOT NULL) STRICT;"
    "INSERT OR IGNORE INTO settlement VALUES (1, 0, 0);"
    "PRAGMA user_version = 1;";

static const char *const queries[QUERY_COUNT] = {
    [QUERY_BEGIN] = "BEGIN IMMEDIATE",
    [QUERY_COMMIT] = "COMMIT",
    [QUERY_ROLLBACK] = "ROLLBACK",
    [QUERY_ADD] = "INSERT INTO accounts (account, holder, balance) VALUES (?,?,?)",
    [QUERY_PAID_IN] = "UPDATE settlement SET paid_in = paid_in + ? WHERE one = 1",
    [QUERY_BALANCE] = "SELECT balance FROM accounts WHERE account = ?",
    [QUERY_SET_BALANCE] = "UPDATE accounts SET balance = ? WHERE account = ?",
    [QUERY_SETTLEMENT] = "SELECT balance FROM settlement WHERE one = 1",
    [QUERY_SET_SETTLEMENT] = "UPDATE settlement SET balance = ? WHERE one = 1",
    [QUERY_FIND] = "SELECT account, fund, amount, outcome FROM transfers WHERE key = ?",
    [QUERY_KEEP] = "INSERT INTO transfers (key, account, fund, amount, outcome) VALUES (?,?,?,?,?)",
    [QUERY_TOTALS] = ("SELECT settlement.balance, (SELECT ifnull(sum(balance), 0) FROM accounts),"
                      " paid_in FROM settlement WHERE one = 1"),
};

/* The server's threads share one book: what is bound to a statement, and the one transaction of the
 * connection, belong to the holder of the lock. */
struct kc_book {
    sqlite3 *db;
    sqlite3_stmt *statements[QUERY_COUNT];
    pthread_mutex_t lock;
};

/* The schema below; a database of a later one is not touched. */
#define SCHEMA_VERSION 1

static struct kc_result from_sqlite(int status)
{
    switch (status & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return kc_ok();
    case SQLITE_CONSTRAINT:
        return kc_result(KC_ALREADY_EXISTS);
    case SQLITE_FULL:
        return kc_result(KC_DISK_FULL);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return kc_result(KC_STORE_CORRUPT);
    case SQLITE_BUSY:
        return kc_result(KC_BUSY);
    case SQLITE_IOERR:
        return kc_result(status == SQLITE_IOERR_WRITE ? KC_DISK_FULL : KC_STORE_FAILED);
    default:
        return kc_result(KC_STORE_FAILED);
    }
}

static struct kc_result run(struct kc_book *book, enum query query)
{
    int status = sqlite3_step(book->statements[query]);
    (void)sqlite3_reset(book->statements[query]);
    return from_sqlite(status);
}

static void bind_text(struct kc_book *book, enum query query, int at, const char *text)
{
    (void)sqlite3_bind_text(book->statements[query], at, text, -1, SQLITE_TRANSIENT);
}

static void bind_amount(struct kc_book *book, enum query query, int at, struct kc_amount amount)
{
    (void)sqlite3_bind_int64(book->statements[query], at, (sqlite3_int64)kc_amount_minor(amount));
}

static struct kc_result column_amount(struct kc_amount *out, sqlite3_stmt *statement, int at)
{
    sqlite3_int64 value = sqlite3_column_int64(statement, at);
    return value < 0 ? kc_result(KC_STORE_CORRUPT) : kc_amount_from_minor(out, (uint64_t)value);
}

/* A query that gives one amount. */
static struct kc_result get_amount(struct kc_book *book, struct kc_amount *out, enum query query)
{
    sqlite3_stmt *statement = book->statements[query];
    int status = sqlite3_step(statement);
    struct kc_result result = status == SQLITE_ROW    ? column_amount(out, statement, 0)
                              : status == SQLITE_DONE ? kc_result(KC_NOT_FOUND)
                                                      : from_sqlite(status);
    (void)sqlite3_reset(statement);
    return result;
}

/* Version 0 is an empty file. */
static struct kc_result check_version(struct kc_book *book)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_db_readonly(book->db, "main") != 0) {
        return kc_result(KC_STORE_FAILED);
    }
    int status = sqlite3_prepare_v2(book->db, "PRAGMA user_version", -1, &statement, NULL);
    if (status == SQLITE_OK) {
        status = sqlite3_step(statement);
    }
    int version = status == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    (void)sqlite3_finalize(statement);
    if (status != SQLITE_ROW) {
        return from_sqlite(status);
    }
    return kc_result(version <= SCHEMA_VERSION ? KC_OK : KC_STORE_VERSION);
}

struct kc_result kc_book_open(struct kc_book **out, const char *path)
{
    struct kc_book *book = calloc(1, sizeof *book);
    if (book == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    (void)pthread_mutex_init(&book->lock, NULL);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    int status = sqlite3_open_v2(path, &book->db, flags, NULL);
    /* Without these a failed write cannot be told from other I/O errors. */
    (void)sqlite3_extended_result_codes(book->db, 1);
    (void)sqlite3_busy_timeout(book->db, 5000);
    struct kc_result version = status == SQLITE_OK ? check_version(book) : from_sqlite(status);
    if (kc_failed(version)) {
        kc_book_close(book);
        return version;
    }
    status = sqlite3_exec(book->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", NULL, NULL,
                          NULL);
    if (status == SQLITE_OK) {
        status = sqlite3_exec(book->db, schema, NULL, NULL, NULL);
    }
    for (size_t i = 0; i < QUERY_COUNT && status == SQLITE_OK; i++) {
        status = sqlite3_prepare_v2(book->db, queries[i], -1, &book->statements[i], NULL);
    }
    if (status != SQLITE_OK) {
        kc_book_close(book);
        return from_sqlite(status);
    }
    *out = book;
    return kc_ok();
}

void kc_book_close(struct kc_book *book)
{
    if (book == NULL) {
        return;
    }
    for (size_t i = 0; i < QUERY_COUNT; i++) {
        (void)sqlite3_finalize(book->statements[i]);
    }
    (void)sqlite3_close(book->db);
    (void)pthread_mutex_destroy(&book->lock);
    free(book);
}

/* Ends a transaction: commits on success, else rolls back and keeps the error. */
static struct kc_result end(struct kc_book *book, struct kc_result result)
{
    if (!kc_failed(result)) {
        result = run(book, QUERY_COMMIT);
    }
    if (kc_failed(result) && sqlite3_get_autocommit(book->db) == 0) {
        (void)kc_failed(run(book, QUERY_ROLLBACK));
    }
    return result;
}

static struct kc_result add(struct kc_book *book, const char *account, const char *holder,
                            struct kc_amount paid_in)
{
    struct kc_result result = run(book, QUERY_BEGIN);
    if (kc_failed(result)) {
        return result;
    }
    bind_text(book, QUERY_ADD, 1, account);
    bind_text(book, QUERY_ADD, 2, holder);
    bind_amount(book, QUERY_ADD, 3, paid_in);
    bind_amount(book, QUERY_PAID_IN, 1, paid_in);
    result = run(book, QUERY_ADD);
    if (!kc_failed(result)) {
        result = run(book, QUERY_PAID_IN);
    }
    return end(book, result);
}

static struct kc_result balance(struct kc_book *book, struct kc_amount *out, const char *account)
{
    bind_text(book, QUERY_BALANCE, 1, account);
    return get_amount(book, out, QUERY_BALANCE);
}

static struct kc_result find(struct kc_book *book, struct kc_transfer *out, const char *key)
{
    sqlite3_stmt *statement = book->statements[QUERY_FIND];
    bind_text(book, QUERY_FIND, 1, key);
    int status = sqlite3_step(statement);
    struct kc_result result = status == SQLITE_DONE ? kc_result(KC_NOT_FOUND) : from_sqlite(status);
    if (status == SQLITE_ROW) {
        memset(out, 0, sizeof *out);
        (void)sqlite3_snprintf(sizeof out->key, out->key, "%s", key);
        (void)sqlite3_snprintf(sizeof out->account, out->account, "%s",
                               sqlite3_column_text(statement, 0));
        out->fund = sqlite3_column_int(statement, 1) != 0;
        result = column_amount(&out->amount, statement, 2);
        out->outcome = kc_error_from_number((uint64_t)sqlite3_column_int64(statement, 3));
    }
    (void)sqlite3_reset(statement);
    return result;
}

/* Both balances after the transfer, or why it is refused. */
static enum kc_error judge(struct kc_amount *account, struct kc_amount *settlement,
                           const struct kc_transfer *transfer)
{
    if (kc_amount_is_zero(transfer->amount)) {
        return KC_AMOUNT_ZERO;
    }
    struct kc_amount *from = transfer->fund ? account : settlement;
    struct kc_amount *to = transfer->fund ? settlement : account;
    if (kc_failed(kc_amount_sub(from, *from, transfer->amount))) {
        return KC_NO_ABILITY_TO_PAY;
    }
    return kc_failed(kc_amount_add(to, *to, transfer->amount)) ? KC_AMOUNT_TOO_LARGE : KC_OK;
}

static struct kc_result keep(struct kc_book *book, const struct kc_transfer *transfer)
{
    bind_text(book, QUERY_KEEP, 1, transfer->key);
    bind_text(book, QUERY_KEEP, 2, transfer->account);
    (void)sqlite3_bind_int(book->statements[QUERY_KEEP], 3, transfer->fund ? 1 : 0);
    bind_amount(book, QUERY_KEEP, 4, transfer->amount);
    (void)sqlite3_bind_int64(book->statements[QUERY_KEEP], 5, (sqlite3_int64)transfer->outcome);
    return run(book, QUERY_KEEP);
}

static struct kc_result carry_out(struct kc_book *book, struct kc_transfer *transfer)
{
    struct kc_amount account = kc_amount_zero();
    struct kc_amount settlement = kc_amount_zero();
    struct kc_result result = balance(book, &account, transfer->account);
    if (result.code == KC_NOT_FOUND) {
        transfer->outcome = KC_NO_BANK_ACCOUNT;
        return keep(book, transfer);
    }
    if (!kc_failed(result)) {
        result = get_amount(book, &settlement, QUERY_SETTLEMENT);
    }
    if (kc_failed(result)) {
        return result;
    }
    transfer->outcome = judge(&account, &settlement, transfer);
    if (transfer->outcome == KC_OK) {
        bind_amount(book, QUERY_SET_BALANCE, 1, account);
        bind_text(book, QUERY_SET_BALANCE, 2, transfer->account);
        bind_amount(book, QUERY_SET_SETTLEMENT, 1, settlement);
        result = run(book, QUERY_SET_BALANCE);
        if (!kc_failed(result)) {
            result = run(book, QUERY_SET_SETTLEMENT);
        }
    }
    return kc_failed(result) ? result : keep(book, transfer);
}

static struct kc_result transfer_once(struct kc_book *book, struct kc_transfer *transfer)
{
    struct kc_transfer stored = {.key = ""};
    struct kc_result result = run(book, QUERY_BEGIN);
    if (kc_failed(result)) {
        return result;
    }
    result = find(book, &stored, transfer->key);
    if (!kc_failed(result)) {
        bool same = strcmp(stored.account, transfer->account) == 0 &&
                    stored.fund == transfer->fund &&
                    kc_amount_compare(stored.amount, transfer->amount) == 0;
        transfer->outcome = stored.outcome;
        return end(book, kc_result(same ? KC_OK : KC_MISMATCH));
    }
    return end(book, result.code == KC_NOT_FOUND ? carry_out(book, transfer) : result);
}

static struct kc_result totals(struct kc_book *book, struct kc_amount *settlement,
                               struct kc_amount *accounts, struct kc_amount *paid_in)
{
    sqlite3_stmt *statement = book->statements[QUERY_TOTALS];
    int status = sqlite3_step(statement);
    struct kc_result result =
        status == SQLITE_ROW ? column_amount(settlement, statement, 0) : kc_result(KC_STORE_FAILED);
    if (!kc_failed(result)) {
        result = column_amount(accounts, statement, 1);
    }
    if (!kc_failed(result)) {
        result = column_amount(paid_in, statement, 2);
    }
    (void)sqlite3_reset(statement);
    return result;
}

struct kc_result kc_book_add(struct kc_book *book, const char *account, const char *holder,
                             struct kc_amount paid_in)
{
    (void)pthread_mutex_lock(&book->lock);
    struct kc_result result = add(book, account, holder, paid_in);
    (void)pthread_mutex_unlock(&book->lock);
    return result;
}

struct kc_result kc_book_balance(struct kc_book *book, struct kc_amount *out, const char *account)
{
    (void)pthread_mutex_lock(&book->lock);
    struct kc_result result = balance(book, out, account);
    (void)pthread_mutex_unlock(&book->lock);
    return result;
}

struct kc_result kc_book_find(struct kc_book *book, struct kc_transfer *out, const char *key)
{
    (void)pthread_mutex_lock(&book->lock);
    struct kc_result result = find(book, out, key);
    (void)pthread_mutex_unlock(&book->lock);
    return result;
}

struct kc_result kc_book_transfer(struct kc_book *book, struct kc_transfer *transfer)
{
    (void)pthread_mutex_lock(&book->lock);
    struct kc_result result = transfer_once(book, transfer);
    (void)pthread_mutex_unlock(&book->lock);
    return result;
}

struct kc_result kc_book_totals(struct kc_book *book, struct kc_amount *settlement,
                                struct kc_amount *accounts, struct kc_amount *paid_in)
{
    (void)pthread_mutex_lock(&book->lock);
    struct kc_result result = totals(book, settlement, accounts, paid_in);
    (void)pthread_mutex_unlock(&book->lock);
    return result;
}
