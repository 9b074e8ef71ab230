#include "store/authority_store.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_statements.h"

#define SCHEMA_VERSION 1

enum query {
    QUERY_BEGIN,
    QUERY_COMMIT,
    QUERY_ROLLBACK,
    QUERY_ADD,
    QUERY_OF_REQUEST,
    QUERY_OF_HOLDER,
    QUERY_REVOKED,
    QUERY_ALL,
    QUERY_REVOKE,
    QUERY_RETIRE,
    QUERY_NUMBER,
    QUERY_COUNT
};

#define COLUMNS "serial, holder, use, expires, revoked, reason, der"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS certificates (serial BLOB PRIMARY KEY, holder INTEGER NOT NULL,"
    " use INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL,"
    " reason INTEGER NOT NULL, der BLOB NOT NULL, request BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS certificates_holder ON certificates (holder);"
    "CREATE INDEX IF NOT EXISTS certificates_request ON certificates (request);"
    "CREATE INDEX IF NOT EXISTS certificates_revoked ON certificates (expires) WHERE revoked > 0;"
    "CREATE TABLE IF NOT EXISTS numbers (one INTEGER PRIMARY KEY CHECK (one = 1),"
    " crl INTEGER NOT NULL) STRICT;"
    "INSERT OR IGNORE INTO numbers VALUES (1, 0);";

static const char *const queries[QUERY_COUNT] = {
    [QUERY_BEGIN] = "BEGIN IMMEDIATE",
    [QUERY_COMMIT] = "COMMIT",
    [QUERY_ROLLBACK] = "ROLLBACK",
    [QUERY_ADD] = "INSERT INTO certificates (" COLUMNS ", request) VALUES (?,?,?,?,?,?,?,?)",
    [QUERY_OF_REQUEST] = "SELECT " COLUMNS " FROM certificates WHERE request = ? ORDER BY use",
    [QUERY_OF_HOLDER] = "SELECT " COLUMNS " FROM certificates WHERE holder = ? ORDER BY use",
    [QUERY_REVOKED] = "SELECT " COLUMNS " FROM certificates WHERE revoked > 0 AND expires > ?",
    [QUERY_ALL] = "SELECT " COLUMNS " FROM certificates ORDER BY holder, use",
    [QUERY_REVOKE] =
        "UPDATE certificates SET revoked = ?, reason = ? WHERE holder = ? AND revoked = 0",
    [QUERY_RETIRE] = "UPDATE certificates SET revoked = ?, reason = ? WHERE holder = ?"
                     " AND revoked = 0 AND serial NOT IN (?,?)",
    [QUERY_NUMBER] = "UPDATE numbers SET crl = crl + 1 WHERE one = 1 RETURNING crl",
};

struct kc_authority_store {
    sqlite3 *db;
    sqlite3_stmt *statements[QUERY_COUNT];
};

static struct kc_result step_done(sqlite3_stmt *statement)
{
    int status = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return kc_sqlite_error(status);
}

static struct kc_result set_up(struct kc_authority_store *store)
{
    /* Without these a failed write cannot be told from other I/O errors. */
    (void)sqlite3_extended_result_codes(store->db, 1);
    (void)sqlite3_busy_timeout(store->db, 5000);
    struct kc_result result = kc_sqlite_version(store->db, SCHEMA_VERSION, true);
    if (kc_failed(result)) {
        return result;
    }
    int status = sqlite3_exec(store->db,
                              "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                              "PRAGMA trusted_schema=OFF;",
                              NULL, NULL, NULL);
    if (status == SQLITE_OK) {
        status = sqlite3_exec(store->db, schema, NULL, NULL, NULL);
    }
    for (size_t i = 0; i < QUERY_COUNT && status == SQLITE_OK; i++) {
        status = sqlite3_prepare_v3(store->db, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &store->statements[i], NULL);
    }
    return kc_sqlite_error(status);
}

struct kc_result kc_authority_store_open(struct kc_authority_store **out, const char *path)
{
    struct kc_authority_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    struct kc_result result = kc_sqlite_error(sqlite3_open_v2(path, &store->db, flags, NULL));
    if (!kc_failed(result)) {
        result = set_up(store);
    }
    if (kc_failed(result)) {
        kc_authority_store_close(store);
        return result;
    }
    *out = store;
    return result;
}

void kc_authority_store_close(struct kc_authority_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < QUERY_COUNT; i++) {
        (void)sqlite3_finalize(store->statements[i]);
    }
    (void)sqlite3_close(store->db);
    free(store);
}

struct kc_result kc_authority_store_begin(struct kc_authority_store *store)
{
    return step_done(store->statements[QUERY_BEGIN]);
}

struct kc_result kc_authority_store_commit(struct kc_authority_store *store)
{
    return step_done(store->statements[QUERY_COMMIT]);
}

void kc_authority_store_rollback(struct kc_authority_store *store)
{
    if (sqlite3_get_autocommit(store->db) == 0) {
        (void)kc_failed(step_done(store->statements[QUERY_ROLLBACK]));
    }
}

struct kc_result kc_authority_store_add(struct kc_authority_store *store,
                                        const struct kc_issued *issued,
                                        const uint8_t request[KC_DIGEST_SIZE])
{
    sqlite3_stmt *statement = store->statements[QUERY_ADD];
    (void)sqlite3_bind_blob(statement, 1, issued->serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)issued->holder);
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)issued->use);
    (void)sqlite3_bind_int64(statement, 4, (sqlite3_int64)issued->expires_ms);
    (void)sqlite3_bind_int64(statement, 5, (sqlite3_int64)issued->revoked_ms);
    (void)sqlite3_bind_int64(statement, 6, (sqlite3_int64)issued->reason);
    (void)sqlite3_bind_blob(statement, 7, issued->der, (int)issued->der_size, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 8, request, KC_DIGEST_SIZE, SQLITE_STATIC);
    return step_done(statement);
}

static bool read_issued(struct kc_issued *out, sqlite3_stmt *statement)
{
    int serial_size = sqlite3_column_bytes(statement, 0);
    int der_size = sqlite3_column_bytes(statement, 6);
    memset(out, 0, sizeof *out);
    if (serial_size != KC_SERIAL_SIZE || der_size <= 0 || (size_t)der_size > sizeof out->der) {
        return false;
    }
    memcpy(out->serial, sqlite3_column_blob(statement, 0), KC_SERIAL_SIZE);
    out->holder = (uint64_t)sqlite3_column_int64(statement, 1);
    out->use = (uint64_t)sqlite3_column_int64(statement, 2);
    out->expires_ms = (uint64_t)sqlite3_column_int64(statement, 3);
    out->revoked_ms = (uint64_t)sqlite3_column_int64(statement, 4);
    out->reason = (uint64_t)sqlite3_column_int64(statement, 5);
    memcpy(out->der, sqlite3_column_blob(statement, 6), (size_t)der_size);
    out->der_size = (size_t)der_size;
    return true;
}

static struct kc_result visit_all(sqlite3_stmt *statement, kc_issued_visit visit, void *owner)
{
    struct kc_issued issued;
    int status;
    bool corrupt = false;
    bool more = true;
    while (more && (status = sqlite3_step(statement)) == SQLITE_ROW) {
        corrupt = !read_issued(&issued, statement);
        more = !corrupt && visit(owner, &issued);
    }
    (void)sqlite3_reset(statement);
    return corrupt ? kc_result(KC_STORE_CORRUPT) : more ? kc_sqlite_error(status) : kc_ok();
}

struct kc_result kc_authority_store_of_request(struct kc_authority_store *store,
                                               const uint8_t request[KC_DIGEST_SIZE],
                                               kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_OF_REQUEST];
    (void)sqlite3_bind_blob(statement, 1, request, KC_DIGEST_SIZE, SQLITE_STATIC);
    return visit_all(statement, visit, owner);
}

struct kc_result kc_authority_store_of_holder(struct kc_authority_store *store, uint64_t holder,
                                              kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_OF_HOLDER];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)holder);
    return visit_all(statement, visit, owner);
}

struct kc_result kc_authority_store_revoked(struct kc_authority_store *store, uint64_t now_ms,
                                            kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_REVOKED];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)now_ms);
    return visit_all(statement, visit, owner);
}

struct kc_result kc_authority_store_all(struct kc_authority_store *store, kc_issued_visit visit,
                                        void *owner)
{
    return visit_all(store->statements[QUERY_ALL], visit, owner);
}

struct kc_result kc_authority_store_revoke(struct kc_authority_store *store, size_t *count,
                                           uint64_t holder, uint64_t time_ms, uint64_t reason)
{
    sqlite3_stmt *statement = store->statements[QUERY_REVOKE];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)time_ms);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)reason);
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)holder);
    struct kc_result result = step_done(statement);
    *count = kc_failed(result) ? 0 : (size_t)sqlite3_changes(store->db);
    return result;
}

struct kc_result kc_authority_store_retire(struct kc_authority_store *store, size_t *count,
                                           uint64_t holder, const uint8_t sign[KC_SERIAL_SIZE],
                                           const uint8_t encrypt[KC_SERIAL_SIZE], uint64_t time_ms,
                                           uint64_t reason)
{
    sqlite3_stmt *statement = store->statements[QUERY_RETIRE];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)time_ms);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)reason);
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)holder);
    (void)sqlite3_bind_blob(statement, 4, sign, KC_SERIAL_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 5, encrypt, KC_SERIAL_SIZE, SQLITE_STATIC);
    struct kc_result result = step_done(statement);
    *count = kc_failed(result) ? 0 : (size_t)sqlite3_changes(store->db);
    return result;
}

struct kc_result kc_authority_store_crl_number(struct kc_authority_store *store, uint64_t *out)
{
    sqlite3_stmt *statement = store->statements[QUERY_NUMBER];
    int status = sqlite3_step(statement);
    *out = status == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    if (status == SQLITE_ROW) {
        status = sqlite3_step(statement);
    }
    (void)sqlite3_reset(statement);
    return kc_sqlite_error(status);
}
