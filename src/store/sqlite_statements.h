/* The schema and the statements of the SQLite store. Internal to this room. */
#ifndef KC_STORE_SQLITE_STATEMENTS_H
#define KC_STORE_SQLITE_STATEMENTS_H

#include "base/result.h"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_ACCOUNT_GET,
    STATEMENT_ACCOUNT_BY_OPEN_ID,
    STATEMENT_ACCOUNT_PUT,
    STATEMENT_ACCOUNT_BALANCE,
    STATEMENT_PURSE_GET,
    STATEMENT_PURSE_PUT,
    STATEMENT_PURSE_AHEAD,
    STATEMENT_PAYMENT_GET,
    STATEMENT_PAYMENT_PUT,
    STATEMENT_RECORD_GET,
    STATEMENT_RECORD_PUT,
    STATEMENT_TRANSACTION_GET,
    STATEMENT_TRANSACTION_PUT,
    STATEMENT_POSTING_ADD,
    STATEMENT_BATCH_ADD,
    STATEMENT_BATCH_LAST,
    STATEMENT_TOTALS_GET,
    STATEMENT_TOTALS_PUT,
    STATEMENT_ALERT_ADD,
    STATEMENT_EVIDENCE_ADD,
    STATEMENT_EVIDENCE_FIND,
    STATEMENT_SIGNER_ADD,
    STATEMENT_SIGNER_GET,
    STATEMENT_SIGNER_SCAN,
    STATEMENT_SCAN_ACCOUNTS,
    STATEMENT_SCAN_TEMPORARY,
    STATEMENT_SCAN_PURSES,
    STATEMENT_SCAN_TRANSACTIONS,
    STATEMENT_SCAN_LATE,
    STATEMENT_SCAN_SENT,
    STATEMENT_SCAN_POSTINGS,
    STATEMENT_SCAN_BATCHES,
    STATEMENT_SCAN_ALERTS,
    STATEMENT_SCAN_EVIDENCE,
    STATEMENT_SCAN_PAYMENTS,
    STATEMENT_SCAN_PAID,
    STATEMENT_SCAN_TAKEN,
    STATEMENT_SCAN_OPEN,
    STATEMENT_SCAN_RECORDS,
    STATEMENT_HOTLIST_ADD,
    STATEMENT_HOTLIST_VERSION,
    STATEMENT_SCAN_HOTLIST,
    STATEMENT_REISSUE_ADD,
    STATEMENT_REISSUE_BY_ID,
    STATEMENT_REISSUE_OF_PURSE,
    STATEMENT_REISSUE_LAST,
    STATEMENT_PURSE_KEY_ADD,
    STATEMENT_PURSE_KEY_GET,
    STATEMENT_PURSE_KEY_BY_SIGNER,
    STATEMENT_MOVE_ADD,
    STATEMENT_SCAN_MOVES,
    STATEMENT_SCAN_DUE,
    STATEMENT_GAP_GET,
    STATEMENT_GAP_PUT,
    STATEMENT_SCAN_GAPS,
    STATEMENT_SCAN_GAPS_OPEN,
    STATEMENT_SCAN_GAPS_DUE,
    STATEMENT_CHARGING_GET,
    STATEMENT_CHARGING_PUT,
    STATEMENT_SCAN_CHARGING,
    STATEMENT_SCAN_UNCHARGED,
    STATEMENT_CHARGE_GET,
    STATEMENT_CHARGE_PUT,
    STATEMENT_SCAN_CHARGES,
    STATEMENT_SCAN_CHARGES_SENT,
    STATEMENT_CHECK,
    STATEMENT_COUNT
};

extern const char *const kc_sqlite_statements[STATEMENT_COUNT];
/* In parts, for the sake of the compiler's limit; ends with NULL. */
extern const char *const kc_sqlite_schema[];

/* The version of the schema, kept in the file's user_version. A file of another version is not opened. */
#define KC_SQLITE_SCHEMA_VERSION 5

struct kc_result kc_sqlite_error(int status);

struct sqlite3;
/* Refuses a database of a later schema, KC_STORE_VERSION, before anything in it is touched; with `write`, marks one that has no
 * version yet. */
struct kc_result kc_sqlite_version(struct sqlite3 *db, int version, bool write);

/* Settings, and for a writer the tables of the ledger in an empty file. KC_STORE_VERSION, KC_STORE_CORRUPT (no tables),
 * KC_STORE_FAILED when SQLite does not keep a setting that commits rest on. page_count_max 0: no limit. */
struct kc_result kc_sqlite_set_up(struct sqlite3 *db, bool write, uint64_t page_count_max);

#endif
