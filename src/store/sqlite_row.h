/* Binding values to statements and reading rows: what the files of the SQLite store share. Internal to this room. */
#ifndef KC_STORE_SQLITE_ROW_H
#define KC_STORE_SQLITE_ROW_H

#include <sqlite3.h>
#include <string.h>

#include "base/assert.h"
#include "ledger/store.h"
#include "store/sqlite_statements.h"

/* Signers that are in the table, so that nobody has to look there; a place is taken over by whoever falls on it. */
#define KC_SQLITE_SIGNERS 4096u

struct kc_sqlite {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint8_t signers[KC_SQLITE_SIGNERS][KC_SIGNER_SIZE];
};

static inline struct kc_result step_done(sqlite3_stmt *statement)
{
    int status = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return status == SQLITE_ROW ? kc_ok() : kc_sqlite_error(status);
}

static inline sqlite3_stmt *get(void *context, enum statement which)
{
    struct kc_sqlite *sqlite = context;
    return sqlite->statements[which];
}

static inline void bind_number(sqlite3_stmt *statement, int at, uint64_t value)
{
    KC_ASSERT(value <= KC_AMOUNT_MAX);
    (void)sqlite3_bind_int64(statement, at, (sqlite3_int64)value);
}

static inline void bind_amount(sqlite3_stmt *statement, int at, struct kc_amount amount)
{
    bind_number(statement, at, kc_amount_minor(amount));
}

static inline void bind_bytes(sqlite3_stmt *statement, int at, const void *data, size_t size)
{
    (void)sqlite3_bind_blob64(statement, at, data, size, SQLITE_STATIC);
}

static inline void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

/* A row being read; stays failed. */
struct row {
    sqlite3_stmt *statement;
    int at;
    bool failed;
};

static inline uint64_t next_number(struct row *row)
{
    int at = row->at++;
    sqlite3_int64 value = sqlite3_column_int64(row->statement, at);
    if (value < 0 || sqlite3_column_type(row->statement, at) != SQLITE_INTEGER) {
        row->failed = true;
        return 0;
    }
    return (uint64_t)value;
}

static inline uint64_t next_enum(struct row *row, uint64_t most)
{
    uint64_t value = next_number(row);
    if (value == 0 || value > most) {
        row->failed = true;
        return 1;
    }
    return value;
}

static inline struct kc_amount next_amount(struct row *row)
{
    struct kc_amount amount = kc_amount_zero();
    if (kc_failed(kc_amount_from_minor(&amount, next_number(row)))) {
        row->failed = true;
    }
    return amount;
}

static inline void next_bytes(struct row *row, void *out, size_t *size, size_t min, size_t max)
{
    int at = row->at++;
    const void *data = sqlite3_column_blob(row->statement, at);
    size_t found = (size_t)sqlite3_column_bytes(row->statement, at);
    if (found < min || found > max) {
        row->failed = true;
        found = 0;
    }
    if (found > 0) {
        memcpy(out, data, found);
    }
    if (size != NULL) {
        *size = found;
    }
}

static inline void next_fixed(struct row *row, void *out, size_t size)
{
    next_bytes(row, out, NULL, size, size);
}

static inline void next_text(struct row *row, char *out, size_t max)
{
    size_t size = 0;
    next_bytes(row, out, &size, 0, max);
    out[size] = '\0';
}

/* Steps a bound statement that gives at most one row. */
static inline struct kc_result step_row(sqlite3_stmt *statement)
{
    int status = sqlite3_step(statement);
    if (status == SQLITE_DONE) {
        return kc_result(KC_NOT_FOUND);
    }
    return status == SQLITE_ROW ? kc_ok() : kc_sqlite_error(status);
}

/* The same for a statement that gives one row, which is ready again when there is none. */
static inline struct kc_result first_row(sqlite3_stmt *statement)
{
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
    }
    return result;
}

static inline struct kc_result end_row(const struct row *row)
{
    bool failed = row->failed;
    (void)sqlite3_reset(row->statement);
    return kc_result(failed ? KC_STORE_CORRUPT : KC_OK);
}

/* Gives a row to the scan; false: no more, or it could not be read. */
typedef bool (*give_row)(struct row *row, const struct kc_store_scan *scan);

/* Steps through a bound statement whose rows are of one kind. */
static inline struct kc_result scan_each(sqlite3_stmt *statement, const struct kc_store_scan *scan,
                                         give_row give)
{
    int status = SQLITE_DONE;
    bool corrupt = false;
    bool more = true;
    while (more && (status = sqlite3_step(statement)) == SQLITE_ROW) {
        struct row row = {.statement = statement};
        more = give(&row, scan);
        corrupt = row.failed;
    }
    (void)sqlite3_reset(statement);
    return corrupt ? kc_result(KC_STORE_CORRUPT) : kc_sqlite_error(status);
}

static inline bool next_bool(struct row *row)
{
    uint64_t value = next_number(row);
    row->failed = row->failed || value > 1;
    return value == 1;
}

/* ---- payments, records and gaps (sqlite_settle.c) ---- */

void kc_sqlite_read_payment(struct row *row, struct kc_payment_row *out);
void kc_sqlite_read_record(struct row *row, struct kc_record_row *out);
struct kc_result kc_sqlite_payment_get(void *context, struct kc_payment_row *out, uint64_t payer,
                                       uint64_t payer_counter,
                                       const uint8_t digest[KC_DIGEST_SIZE]);
struct kc_result kc_sqlite_payment_put(void *context, const struct kc_payment_row *row);
struct kc_result kc_sqlite_record_get(void *context, struct kc_record_row *out, uint64_t purse,
                                      uint64_t counter);
struct kc_result kc_sqlite_record_put(void *context, const struct kc_record_row *row);
void kc_sqlite_read_gap(struct row *row, struct kc_gap_row *out);
struct kc_result kc_sqlite_gap_get(void *context, struct kc_gap_row *out, uint64_t purse,
                                   uint64_t counter);
struct kc_result kc_sqlite_gap_put(void *context, const struct kc_gap_row *row);

/* ---- purses out of use and their successors (sqlite_reissue.c) ---- */

void kc_sqlite_read_hotlist(struct row *row, struct kc_hotlist_row *out);
void kc_sqlite_read_move(struct row *row, struct kc_move_row *out);
struct kc_result kc_sqlite_hotlist_add(void *context, uint64_t *version, uint64_t purse,
                                       uint64_t time_ms);
struct kc_result kc_sqlite_hotlist_version(void *context, uint64_t *version);
struct kc_result kc_sqlite_reissue_add(void *context, const struct kc_reissue_row *row);
struct kc_result kc_sqlite_reissue_by_id(void *context, struct kc_reissue_row *out,
                                         const uint8_t id[KC_OPEN_ID_SIZE]);
struct kc_result kc_sqlite_reissue_of_purse(void *context, struct kc_reissue_row *out,
                                            uint64_t purse);
struct kc_result kc_sqlite_reissue_last(void *context, struct kc_reissue_row *out,
                                        uint64_t account);
struct kc_result kc_sqlite_purse_key_add(void *context, const struct kc_purse_key_row *row);
struct kc_result kc_sqlite_purse_key_get(void *context, struct kc_purse_key_row *out,
                                         uint64_t purse);
struct kc_result kc_sqlite_purse_key_by_signer(void *context, struct kc_purse_key_row *out,
                                               const uint8_t signer[KC_SIGNER_SIZE]);
struct kc_result kc_sqlite_purse_key_put(void *context, const struct kc_purse_key_row *row);
struct kc_result kc_sqlite_move_add(void *context, const struct kc_move_row *row);

/* ---- what machines owed (sqlite_giveback.c) ---- */

struct kc_result kc_sqlite_give_back_get(void *context, struct kc_give_back_row *out,
                                         uint64_t purse, uint64_t sale);
struct kc_result kc_sqlite_give_back_add(void *context, const struct kc_give_back_row *row);
struct kc_result kc_sqlite_scan_give_backs(void *context, const struct kc_store_scan *scan,
                                           uint64_t purse, uint64_t counter);

/* ---- management charges (sqlite_charge.c) ---- */

/* Puts the calls for them and for closings into the port. */
void kc_sqlite_charge_calls(struct kc_store *out);

/* ---- accounts that were given up (sqlite_close.c) ---- */

void kc_sqlite_close_calls(struct kc_store *out);

/* ---- keys of purses and their renewals (sqlite_renew.c, sqlite_reissue.c) ---- */

void kc_sqlite_renewal_calls(struct kc_store *out);
/* sqlite_ending.c */
void kc_sqlite_ending_calls(struct kc_store *out);
/* sqlite_key_offer.c */
void kc_sqlite_key_offer_calls(struct kc_store *out);

#endif
