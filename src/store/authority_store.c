#include "store/authority_store.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_statements.h"

#define SCHEMA_VERSION 2

enum query {
    QUERY_BEGIN,
    QUERY_COMMIT,
    QUERY_ROLLBACK,
    QUERY_ADD,
    QUERY_OF_REQUEST,
    QUERY_OF_HOLDER,
    QUERY_OF_SERIAL,
    QUERY_REVOKED,
    QUERY_ALL,
    QUERY_REVOKE,
    QUERY_RETIRE,
    QUERY_REVOKE_ONE,
    QUERY_NUMBER,
    QUERY_REVOKE_PAIR,
    QUERY_WITH,
    QUERY_MADE_PUT,
    QUERY_MADE_GET,
    QUERY_MADE_REMOVE,
    QUERY_MADE_DUE,
    QUERY_NEXT,
    QUERY_REPLACE,
    QUERY_FORMER_ADD,
    QUERY_FORMER_BY,
    QUERY_FORMER_OF_SERIAL,
    QUERY_TAKEN_ADD,
    QUERY_TAKEN,
    QUERY_COUNT
};

#define COLUMNS "serial, holder, use, expires, revoked, reason, der"
#define MADE_COLUMNS "account, sign, encrypt, made, given, keys"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS certificates (serial BLOB PRIMARY KEY, holder INTEGER NOT NULL,"
    " use INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL,"
    " reason INTEGER NOT NULL, der BLOB NOT NULL, request BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS certificates_holder ON certificates (holder);"
    "CREATE INDEX IF NOT EXISTS certificates_request ON certificates (request);"
    "CREATE INDEX IF NOT EXISTS certificates_revoked ON certificates (expires) WHERE revoked > 0;"
    "CREATE TABLE IF NOT EXISTS numbers (one INTEGER PRIMARY KEY CHECK (one = 1),"
    " crl INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS made (account INTEGER PRIMARY KEY, sign BLOB NOT NULL,"
    " encrypt BLOB NOT NULL, made INTEGER NOT NULL, given INTEGER NOT NULL,"
    " keys BLOB NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS made_due ON made (made) WHERE length(keys) > 0 OR given = 0;"
    "CREATE TABLE IF NOT EXISTS former (digest BLOB PRIMARY KEY, serial BLOB NOT NULL,"
    " holder INTEGER NOT NULL, use INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " revoked INTEGER NOT NULL, reason INTEGER NOT NULL, der BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS former_serial ON former (serial);"
    "CREATE TABLE IF NOT EXISTS taken (issuer BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;"
    "INSERT OR IGNORE INTO numbers VALUES (1, 0);";

static const char *const queries[QUERY_COUNT] = {
    [QUERY_BEGIN] = "BEGIN IMMEDIATE",
    [QUERY_COMMIT] = "COMMIT",
    [QUERY_ROLLBACK] = "ROLLBACK",
    [QUERY_ADD] = "INSERT INTO certificates (" COLUMNS ", request) VALUES (?,?,?,?,?,?,?,?)",
    [QUERY_OF_REQUEST] = "SELECT " COLUMNS " FROM certificates WHERE request = ? ORDER BY use",
    [QUERY_OF_HOLDER] = "SELECT " COLUMNS " FROM certificates WHERE holder = ? ORDER BY use",
    [QUERY_OF_SERIAL] = "SELECT " COLUMNS " FROM certificates WHERE serial = ?",
    [QUERY_REVOKED] = "SELECT " COLUMNS " FROM certificates WHERE revoked > 0 AND expires > ?",
    [QUERY_ALL] = "SELECT " COLUMNS " FROM certificates WHERE holder > ? ORDER BY holder, use",
    [QUERY_REVOKE] =
        "UPDATE certificates SET revoked = ?, reason = ? WHERE holder = ? AND revoked = 0",
    [QUERY_RETIRE] = "UPDATE certificates SET revoked = ?, reason = ? WHERE holder = ?"
                     " AND revoked = 0 AND serial NOT IN (?,?)",
    [QUERY_REVOKE_PAIR] = "UPDATE certificates SET revoked = ?, reason = ? WHERE serial IN (?,?)"
                          " AND revoked = 0",
    [QUERY_WITH] = "SELECT " COLUMNS " FROM certificates WHERE holder = ? AND request ="
                   " (SELECT request FROM certificates WHERE serial = ?) ORDER BY use",
    [QUERY_MADE_PUT] = "INSERT OR REPLACE INTO made (" MADE_COLUMNS ") VALUES (?,?,?,?,?,?)",
    [QUERY_MADE_GET] = "SELECT " MADE_COLUMNS " FROM made WHERE account = ?",
    [QUERY_MADE_REMOVE] = "DELETE FROM made WHERE account = ?",
    [QUERY_MADE_DUE] = "SELECT " MADE_COLUMNS " FROM made WHERE (length(keys) > 0 OR given = 0)"
                       " AND made < ?"
                       " ORDER BY made LIMIT 1",
    [QUERY_REVOKE_ONE] =
        "UPDATE certificates SET revoked = ?, reason = ? WHERE serial = ? AND revoked = 0",
    [QUERY_NEXT] = "SELECT " COLUMNS " FROM certificates WHERE serial > ? AND revoked = 0"
                   " AND expires > ? ORDER BY serial LIMIT 1",
    [QUERY_REPLACE] = "UPDATE certificates SET expires = ?, der = ? WHERE serial = ?",
    [QUERY_FORMER_ADD] = "INSERT OR IGNORE INTO former (" COLUMNS ", digest)"
                         " VALUES (?,?,?,?,?,?,?,?)",
    [QUERY_FORMER_BY] = "SELECT " COLUMNS " FROM former WHERE digest = ?",
    [QUERY_FORMER_OF_SERIAL] = "SELECT " COLUMNS " FROM former WHERE serial = ?",
    [QUERY_TAKEN_ADD] = "INSERT OR IGNORE INTO taken (issuer) VALUES (?)",
    [QUERY_TAKEN] = "SELECT 1 FROM taken WHERE issuer = ?",
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
                              "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON;",
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

/* `last` is the digest of a request, or of the certificate. */
static struct kc_result add(sqlite3_stmt *statement, const struct kc_issued *issued,
                            const uint8_t last[KC_DIGEST_SIZE])
{
    (void)sqlite3_bind_blob(statement, 1, issued->serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)issued->holder);
    (void)sqlite3_bind_int64(statement, 3, (sqlite3_int64)issued->use);
    (void)sqlite3_bind_int64(statement, 4, (sqlite3_int64)issued->expires_ms);
    (void)sqlite3_bind_int64(statement, 5, (sqlite3_int64)issued->revoked_ms);
    (void)sqlite3_bind_int64(statement, 6, (sqlite3_int64)issued->reason);
    (void)sqlite3_bind_blob(statement, 7, issued->der, (int)issued->der_size, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 8, last, KC_DIGEST_SIZE, SQLITE_STATIC);
    return step_done(statement);
}

struct kc_result kc_authority_store_add(struct kc_authority_store *store,
                                        const struct kc_issued *issued,
                                        const uint8_t request[KC_DIGEST_SIZE])
{
    return add(store->statements[QUERY_ADD], issued, request);
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

struct kc_result kc_authority_store_of_serial(struct kc_authority_store *store,
                                              const uint8_t serial[KC_SERIAL_SIZE],
                                              kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_OF_SERIAL];
    (void)sqlite3_bind_blob(statement, 1, serial, KC_SERIAL_SIZE, SQLITE_STATIC);
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
    return kc_authority_store_behind(store, 0, visit, owner);
}

struct kc_result kc_authority_store_behind(struct kc_authority_store *store, uint64_t holder,
                                           kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_ALL];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)holder);
    return visit_all(statement, visit, owner);
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

struct kc_result kc_authority_store_revoke_pair(struct kc_authority_store *store,
                                                const uint8_t sign[KC_SERIAL_SIZE],
                                                const uint8_t encrypt[KC_SERIAL_SIZE],
                                                uint64_t time_ms, uint64_t reason)
{
    sqlite3_stmt *statement = store->statements[QUERY_REVOKE_PAIR];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)time_ms);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)reason);
    (void)sqlite3_bind_blob(statement, 3, sign, KC_SERIAL_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 4, encrypt, KC_SERIAL_SIZE, SQLITE_STATIC);
    return step_done(statement);
}

struct kc_result kc_authority_store_with(struct kc_authority_store *store, uint64_t holder,
                                         const uint8_t serial[KC_SERIAL_SIZE],
                                         kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_WITH];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)holder);
    (void)sqlite3_bind_blob(statement, 2, serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    return visit_all(statement, visit, owner);
}

/* ---- certificates made anew ---- */

static bool take_first(void *owner, const struct kc_issued *issued)
{
    *(struct kc_issued *)owner = *issued;
    return true;
}

struct kc_result kc_authority_store_next(struct kc_authority_store *store, struct kc_issued *out,
                                         const uint8_t after[KC_SERIAL_SIZE], uint64_t now_ms)
{
    sqlite3_stmt *statement = store->statements[QUERY_NEXT];
    (void)sqlite3_bind_blob(statement, 1, after, KC_SERIAL_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)now_ms);
    out->der_size = 0;
    struct kc_result result = visit_all(statement, take_first, out);
    return !kc_failed(result) && out->der_size == 0 ? kc_result(KC_NOT_FOUND) : result;
}

struct kc_result kc_authority_store_replace(struct kc_authority_store *store,
                                            const struct kc_issued *anew,
                                            const struct kc_issued *old,
                                            const uint8_t digest[KC_DIGEST_SIZE], uint64_t time_ms,
                                            uint64_t reason)
{
    struct kc_issued former = *old;
    sqlite3_stmt *statement = store->statements[QUERY_REPLACE];
    former.revoked_ms = time_ms;
    former.reason = reason;
    struct kc_result result = add(store->statements[QUERY_FORMER_ADD], &former, digest);
    if (kc_failed(result)) {
        return result;
    }
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)anew->expires_ms);
    (void)sqlite3_bind_blob(statement, 2, anew->der, (int)anew->der_size, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 3, anew->serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    return step_done(statement);
}

struct kc_result kc_authority_store_former_by(struct kc_authority_store *store,
                                              const uint8_t digest[KC_DIGEST_SIZE],
                                              kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_FORMER_BY];
    (void)sqlite3_bind_blob(statement, 1, digest, KC_DIGEST_SIZE, SQLITE_STATIC);
    return visit_all(statement, visit, owner);
}

struct kc_result kc_authority_store_former_of_serial(struct kc_authority_store *store,
                                                     const uint8_t serial[KC_SERIAL_SIZE],
                                                     kc_issued_visit visit, void *owner)
{
    sqlite3_stmt *statement = store->statements[QUERY_FORMER_OF_SERIAL];
    (void)sqlite3_bind_blob(statement, 1, serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    return visit_all(statement, visit, owner);
}

/* ---- keys that were made ---- */

struct kc_result kc_authority_store_made_put(struct kc_authority_store *store,
                                             const struct kc_made *made)
{
    sqlite3_stmt *statement = store->statements[QUERY_MADE_PUT];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)made->account);
    (void)sqlite3_bind_blob(statement, 2, made->sign_serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_blob(statement, 3, made->encrypt_serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_int64(statement, 4, (sqlite3_int64)made->made_ms);
    (void)sqlite3_bind_int64(statement, 5, (sqlite3_int64)made->given_ms);
    (void)sqlite3_bind_blob(statement, 6, made->keys, (int)made->keys_size, SQLITE_STATIC);
    struct kc_result result = step_done(statement);
    (void)sqlite3_clear_bindings(statement);
    return result;
}

static struct kc_result read_made(struct kc_made *out, sqlite3_stmt *statement)
{
    int status = sqlite3_step(statement);
    memset(out, 0, sizeof *out);
    if (status != SQLITE_ROW) {
        (void)sqlite3_reset(statement);
        return status == SQLITE_DONE ? kc_result(KC_NOT_FOUND) : kc_sqlite_error(status);
    }
    int size = sqlite3_column_bytes(statement, 5);
    bool whole = sqlite3_column_bytes(statement, 1) == KC_SERIAL_SIZE &&
                 sqlite3_column_bytes(statement, 2) == KC_SERIAL_SIZE && size >= 0 &&
                 (size_t)size <= sizeof out->keys;
    if (whole) {
        out->account = (uint64_t)sqlite3_column_int64(statement, 0);
        memcpy(out->sign_serial, sqlite3_column_blob(statement, 1), KC_SERIAL_SIZE);
        memcpy(out->encrypt_serial, sqlite3_column_blob(statement, 2), KC_SERIAL_SIZE);
        out->made_ms = (uint64_t)sqlite3_column_int64(statement, 3);
        out->given_ms = (uint64_t)sqlite3_column_int64(statement, 4);
        out->keys_size = (size_t)size;
        if (size > 0) {
            memcpy(out->keys, sqlite3_column_blob(statement, 5), (size_t)size);
        }
    }
    (void)sqlite3_reset(statement);
    return kc_result(whole ? KC_OK : KC_STORE_CORRUPT);
}

struct kc_result kc_authority_store_made_get(struct kc_authority_store *store, struct kc_made *out,
                                             uint64_t account)
{
    sqlite3_stmt *statement = store->statements[QUERY_MADE_GET];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)account);
    return read_made(out, statement);
}

struct kc_result kc_authority_store_made_remove(struct kc_authority_store *store, uint64_t account)
{
    sqlite3_stmt *statement = store->statements[QUERY_MADE_REMOVE];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)account);
    return step_done(statement);
}

struct kc_result kc_authority_store_made_due(struct kc_authority_store *store, struct kc_made *out,
                                             uint64_t before_ms)
{
    sqlite3_stmt *statement = store->statements[QUERY_MADE_DUE];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)before_ms);
    return read_made(out, statement);
}

struct kc_result kc_authority_store_clean(struct kc_authority_store *store)
{
    int status = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return status == SQLITE_BUSY ? kc_result(KC_BUSY) : kc_sqlite_error(status);
}

struct kc_result kc_authority_store_revoke_one(struct kc_authority_store *store,
                                               const uint8_t serial[KC_SERIAL_SIZE],
                                               uint64_t time_ms, uint64_t reason)
{
    sqlite3_stmt *statement = store->statements[QUERY_REVOKE_ONE];
    (void)sqlite3_bind_int64(statement, 1, (sqlite3_int64)time_ms);
    (void)sqlite3_bind_int64(statement, 2, (sqlite3_int64)reason);
    (void)sqlite3_bind_blob(statement, 3, serial, KC_SERIAL_SIZE, SQLITE_STATIC);
    return step_done(statement);
}

struct kc_result kc_authority_store_take(struct kc_authority_store *store,
                                         const uint8_t issuer[KC_SERIAL_SIZE])
{
    sqlite3_stmt *statement = store->statements[QUERY_TAKEN_ADD];
    (void)sqlite3_bind_blob(statement, 1, issuer, KC_SERIAL_SIZE, SQLITE_STATIC);
    return step_done(statement);
}

struct kc_result kc_authority_store_taken(struct kc_authority_store *store, bool *out,
                                          const uint8_t issuer[KC_SERIAL_SIZE])
{
    sqlite3_stmt *statement = store->statements[QUERY_TAKEN];
    (void)sqlite3_bind_blob(statement, 1, issuer, KC_SERIAL_SIZE, SQLITE_STATIC);
    int status = sqlite3_step(statement);
    *out = status == SQLITE_ROW;
    (void)sqlite3_reset(statement);
    return kc_sqlite_error(status);
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
