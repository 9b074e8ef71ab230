/* What every database of ours begins with: errors by our names, the version of the schema, settings that make commits durable. */
#include <sqlite3.h>
#include <string.h>

#include "store/sqlite_statements.h"

struct kc_result kc_sqlite_error(int status)
{
    switch (status & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return kc_ok();
    case SQLITE_FULL:
        return kc_result(KC_DISK_FULL);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return kc_result(KC_STORE_CORRUPT);
    case SQLITE_CANTOPEN:
        return kc_result(KC_FILE_MISSING);
    case SQLITE_NOMEM:
        return kc_result(KC_NO_MEMORY);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return kc_result(KC_BUSY);
    case SQLITE_IOERR:
        /* A full disk during a write or the growth of the log shows as an I/O error in some file systems. */
        return kc_result(status == SQLITE_IOERR_WRITE ? KC_DISK_FULL : KC_STORE_FAILED);
    default:
        return kc_result(KC_STORE_FAILED);
    }
}

struct kc_result kc_sqlite_version(sqlite3 *db, int version, bool write)
{
    char order[48];
    sqlite3_stmt *statement = NULL;
    /* Before the first read, which would leave files beside the database that may only be read either. */
    if (write && sqlite3_db_readonly(db, "main") != 0) {
        return kc_result(KC_STORE_FAILED);
    }
    int status = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
    if (status == SQLITE_OK) {
        status = sqlite3_step(statement);
    }
    int found = status == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    (void)sqlite3_finalize(statement);
    if (status != SQLITE_ROW) {
        return kc_sqlite_error(status);
    }
    if (found > version) {
        return kc_result(KC_STORE_VERSION);
    }
    if (found == version || !write) {
        return kc_ok();
    }
    (void)sqlite3_snprintf(sizeof order, order, "PRAGMA user_version = %d", version);
    return kc_sqlite_error(sqlite3_exec(db, order, NULL, NULL, NULL));
}

static struct kc_result execute(sqlite3 *db, const char *sql)
{
    return kc_sqlite_error(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* The first column of the first row of a query, as text. */
static struct kc_result ask(sqlite3 *db, char out[32], const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int status = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (status == SQLITE_OK) {
        status = sqlite3_step(statement);
    }
    const unsigned char *text = status == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
    (void)sqlite3_snprintf(32, out, "%s", text == NULL ? "" : (const char *)text);
    (void)sqlite3_finalize(statement);
    return status == SQLITE_ROW || status == SQLITE_DONE ? kc_ok() : kc_sqlite_error(status);
}

/* SQLite keeps what it had when it cannot do what a pragma asks, and says no word; what the bank promises rests on these. */
static struct kc_result expect(sqlite3 *db, const char *sql, const char *wanted)
{
    char found[32];
    struct kc_result result = ask(db, found, sql);
    bool same = kc_failed(result) || strcmp(found, wanted) == 0;
    return same ? result : kc_result(KC_STORE_FAILED);
}

static struct kc_result make_durable(sqlite3 *db)
{
    struct kc_result result = expect(db, "PRAGMA journal_mode=WAL", "wal");
    if (!kc_failed(result)) {
        result = execute(db, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=16000;"
                             "PRAGMA cache_size=-65536;");
    }
    return kc_failed(result) ? result : expect(db, "PRAGMA synchronous", "2");
}

/* Makes the tables in an empty file; a file of another version is left alone. */
static struct kc_result check_version(sqlite3 *db, bool write)
{
    char version[32];
    char wanted[32];
    char tables[32];
    char close[64];
    (void)sqlite3_snprintf(sizeof wanted, wanted, "%d", KC_SQLITE_SCHEMA_VERSION);
    struct kc_result result = ask(db, version, "PRAGMA user_version");
    if (!kc_failed(result)) {
        result = ask(db, tables, "SELECT count(*) FROM sqlite_schema");
    }
    if (kc_failed(result) || strcmp(version, wanted) == 0) {
        return result;
    }
    if (strcmp(version, "0") != 0 || strcmp(tables, "0") != 0) {
        return kc_result(KC_STORE_VERSION);
    }
    if (!write) {
        return kc_result(KC_STORE_CORRUPT);
    }
    (void)sqlite3_snprintf(sizeof close, close, "PRAGMA user_version=%d; COMMIT;",
                           KC_SQLITE_SCHEMA_VERSION);
    result = execute(db, "BEGIN IMMEDIATE;");
    for (size_t i = 0; kc_sqlite_schema[i] != NULL && !kc_failed(result); i++) {
        result = execute(db, kc_sqlite_schema[i]);
    }
    return kc_failed(result) ? result : execute(db, close);
}

struct kc_result kc_sqlite_set_up(sqlite3 *db, bool write, uint64_t page_count_max)
{
    char limit[64];
    struct kc_result result = execute(db, "PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF;");
    /* SQLite opens a file that may only be read without a word. */
    if (!kc_failed(result) && write && sqlite3_db_readonly(db, "main") != 0) {
        result = kc_result(KC_STORE_FAILED);
    }
    if (!kc_failed(result) && write) {
        result = make_durable(db);
    }
    if (!kc_failed(result) && write && page_count_max > 0) {
        (void)sqlite3_snprintf(sizeof limit, limit, "PRAGMA max_page_count=%llu;",
                               (unsigned long long)page_count_max);
        result = execute(db, limit);
    }
    if (!kc_failed(result)) {
        result = check_version(db, write);
    }
    return result;
}
