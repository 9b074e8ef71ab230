#include "store/sqlite.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "store/sqlite_row.h"

/* For an UPDATE of a row that must be there: SQLite is content when it is not. */
static struct kc_result step_update(void *context, sqlite3_stmt *statement)
{
    struct kc_sqlite *sqlite = context;
    struct kc_result result = step_done(statement);
    bool there = kc_failed(result) || sqlite3_changes(sqlite->db) == 1;
    return there ? result : kc_result(KC_STORE_CORRUPT);
}

static struct kc_result store_begin(void *context)
{
    return step_done(get(context, STATEMENT_BEGIN));
}

static struct kc_result store_commit(void *context)
{
    return step_done(get(context, STATEMENT_COMMIT));
}

static void store_rollback(void *context)
{
    struct kc_sqlite *sqlite = context;
    memset(sqlite->signers, 0, sizeof sqlite->signers);
    if (sqlite3_get_autocommit(sqlite->db) == 0) {
        (void)step_done(get(context, STATEMENT_ROLLBACK));
    }
}

/* ---- accounts ---- */

static void read_account(struct row *row, struct kc_account_row *out)
{
    memset(out, 0, sizeof *out);
    out->account.number = next_number(row);
    out->state = (enum kc_account_state)next_enum(row, KC_ACCOUNT_CLOSED);
    out->suite = (enum kc_suite)next_enum(row, KC_SUITE_RS3072);
    next_text(row, out->name, KC_NAME_SIZE_MAX);
    next_text(row, out->address, KC_ADDRESS_SIZE_MAX);
    next_text(row, out->phone, KC_PHONE_SIZE_MAX);
    next_text(row, out->bank_account, KC_BANK_ACCOUNT_SIZE_MAX);
    next_text(row, out->password_hash, KC_SECRET_HASH_SIZE_MAX);
    next_fixed(row, out->open_id, KC_OPEN_ID_SIZE);
    out->created_ms = next_number(row);
    out->temporary_until_ms = next_number(row);
    out->expires_ms = next_number(row);
    out->balance = next_amount(row);
    out->purse.number = next_number(row);
    out->type = (enum kc_purse_type)next_enum(row, KC_PURSE_TYPE_BEARER);
    out->owner.number = next_number(row);
    row->failed = row->failed || (out->owner.number != 0) != (out->type == KC_PURSE_TYPE_MACHINE);
}

static struct kc_result get_account(struct kc_account_row *out, sqlite3_stmt *statement)
{
    struct row row = {.statement = statement};
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_account(&row, out);
    return end_row(&row);
}

static struct kc_result account_get(void *context, struct kc_account_row *out, uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_ACCOUNT_GET);
    bind_number(statement, 1, account);
    return get_account(out, statement);
}

static struct kc_result account_by_open_id(void *context, struct kc_account_row *out,
                                           const uint8_t id[KC_OPEN_ID_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_ACCOUNT_BY_OPEN_ID);
    bind_bytes(statement, 1, id, KC_OPEN_ID_SIZE);
    return get_account(out, statement);
}

static struct kc_result account_put(void *context, const struct kc_account_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_ACCOUNT_PUT);
    bind_number(statement, 1, row->account.number);
    bind_number(statement, 2, row->state);
    bind_number(statement, 3, row->suite);
    bind_text(statement, 4, row->name);
    bind_text(statement, 5, row->address);
    bind_text(statement, 6, row->phone);
    bind_text(statement, 7, row->bank_account);
    bind_text(statement, 8, row->password_hash);
    bind_bytes(statement, 9, row->open_id, KC_OPEN_ID_SIZE);
    bind_number(statement, 10, row->created_ms);
    bind_number(statement, 11, row->temporary_until_ms);
    bind_number(statement, 12, row->expires_ms);
    bind_amount(statement, 13, row->balance);
    bind_number(statement, 14, row->purse.number);
    bind_number(statement, 15, row->type);
    bind_number(statement, 16, row->owner.number);
    return step_done(statement);
}

static struct kc_result account_balance_put(void *context, uint64_t account,
                                            struct kc_amount balance)
{
    sqlite3_stmt *statement = get(context, STATEMENT_ACCOUNT_BALANCE);
    bind_amount(statement, 1, balance);
    bind_number(statement, 2, account);
    return step_update(context, statement);
}

/* ---- purses ---- */

static void read_purse(struct row *row, struct kc_purse_row *out)
{
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(row);
    out->account.number = next_number(row);
    out->type = (enum kc_purse_type)next_enum(row, KC_PURSE_TYPE_BEARER);
    out->state = (enum kc_purse_standing)next_enum(row, KC_PURSE_OUT);
    out->account_at_access = next_amount(row);
    out->purse_at_access = next_amount(row);
    out->access_ms = next_number(row);
    out->value = next_amount(row);
    out->value_ms = next_number(row);
    out->sequence = next_number(row);
    out->counter = next_number(row);
    next_fixed(row, out->head, KC_DIGEST_SIZE);
    out->counted_ms = next_number(row);
    next_fixed(row, out->counted_digest, KC_DIGEST_SIZE);
    out->last_ms = next_number(row);
    next_fixed(row, out->last_digest, KC_DIGEST_SIZE);
    out->open_ms = next_number(row);
    out->paid = next_amount(row);
    out->received = next_amount(row);
    out->returned = next_amount(row);
    next_fixed(row, out->identity_digest, KC_DIGEST_SIZE);
    next_bytes(row, out->certified, &out->certified_size, 0, KC_CERTIFIED_SIZE_MAX);
    out->ahead_in = next_amount(row);
    out->ahead_out = next_amount(row);
    out->objected = next_amount(row);
    out->owed = next_amount(row);
    out->log_policy = (enum kc_log_policy)next_enum(row, KC_LOG_POLICY_REPORT);
    out->out_reason = kc_error_from_number(next_number(row));
    out->out_ms = next_number(row);
    out->claimed = next_amount(row);
    out->withheld = next_amount(row);
    out->withheld_sequence = next_number(row);
    struct kc_amount sum;
    row->failed = row->failed || kc_failed(kc_amount_add(&sum, out->value, out->ahead_in));
}

static struct kc_result purse_get(void *context, struct kc_purse_row *out, uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_PURSE_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, purse);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_purse(&row, out);
    return end_row(&row);
}

static struct kc_result purse_put(void *context, const struct kc_purse_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_PURSE_PUT);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->account.number);
    bind_number(statement, 3, row->type);
    bind_number(statement, 4, row->state);
    bind_amount(statement, 5, row->account_at_access);
    bind_amount(statement, 6, row->purse_at_access);
    bind_number(statement, 7, row->access_ms);
    bind_amount(statement, 8, row->value);
    bind_number(statement, 9, row->value_ms);
    bind_number(statement, 10, row->sequence);
    bind_number(statement, 11, row->counter);
    bind_bytes(statement, 12, row->head, KC_DIGEST_SIZE);
    bind_number(statement, 13, row->counted_ms);
    bind_bytes(statement, 14, row->counted_digest, KC_DIGEST_SIZE);
    bind_number(statement, 15, row->last_ms);
    bind_bytes(statement, 16, row->last_digest, KC_DIGEST_SIZE);
    bind_number(statement, 17, row->open_ms);
    bind_amount(statement, 18, row->paid);
    bind_amount(statement, 19, row->received);
    bind_amount(statement, 20, row->returned);
    bind_bytes(statement, 21, row->identity_digest, KC_DIGEST_SIZE);
    bind_bytes(statement, 22, row->certified, row->certified_size);
    bind_amount(statement, 23, row->ahead_in);
    bind_amount(statement, 24, row->ahead_out);
    bind_amount(statement, 25, row->objected);
    bind_amount(statement, 26, row->owed);
    bind_number(statement, 27, row->log_policy);
    bind_number(statement, 28, row->out_reason);
    bind_number(statement, 29, row->out_ms);
    bind_amount(statement, 30, row->claimed);
    bind_amount(statement, 31, row->withheld);
    bind_number(statement, 32, row->withheld_sequence);
    return step_done(statement);
}

static struct kc_result purse_ahead_put(void *context, const struct kc_purse_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_PURSE_AHEAD);
    bind_number(statement, 1, row->state);
    bind_amount(statement, 2, row->value);
    bind_amount(statement, 3, row->ahead_in);
    bind_amount(statement, 4, row->ahead_out);
    bind_amount(statement, 5, row->objected);
    bind_amount(statement, 6, row->owed);
    bind_number(statement, 7, row->out_reason);
    bind_number(statement, 8, row->out_ms);
    bind_number(statement, 9, row->purse.number);
    return step_update(context, statement);
}

/* ---- transactions ---- */

static void read_transaction(struct row *row, struct kc_transaction_row *out)
{
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(row);
    out->time_ms = next_number(row);
    out->kind = (enum kc_transaction_kind)next_enum(row, KC_TRANSACTION_TRANSFER_ACCOUNT);
    out->state = (enum kc_transaction_state)next_enum(row, KC_STATE_REFUSED);
    out->reason = kc_error_from_number(next_number(row));
    out->amount = next_amount(row);
    out->account_before = next_amount(row);
    out->purse_before = next_amount(row);
    out->counter = next_number(row);
    out->quoted_ms = next_number(row);
    out->expires_ms = next_number(row);
    next_fixed(row, out->request_digest, KC_DIGEST_SIZE);
    next_fixed(row, out->answer_digest, KC_DIGEST_SIZE);
    next_bytes(row, out->certified, &out->certified_size, 0, KC_CERTIFIED_SIZE_MAX);
    out->other.number = next_number(row);
    out->other_purse.number = next_number(row);
    out->machine.number = next_number(row);
    next_fixed(row, out->reference, out->machine.number == 0 ? 0 : KC_DIGEST_SIZE);
}

static struct kc_result one_transaction(sqlite3_stmt *statement, struct kc_transaction_row *out)
{
    struct row row = {.statement = statement};
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_transaction(&row, out);
    return end_row(&row);
}

static struct kc_result transaction_get(void *context, struct kc_transaction_row *out,
                                        uint64_t purse, uint64_t time_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_TRANSACTION_GET);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, time_ms);
    return one_transaction(statement, out);
}

static struct kc_result transaction_by_reference(void *context, struct kc_transaction_row *out,
                                                 const uint8_t reference[KC_DIGEST_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_TRANSACTION_BY_REFERENCE);
    bind_bytes(statement, 1, reference, KC_DIGEST_SIZE);
    return one_transaction(statement, out);
}

static struct kc_result transaction_put(void *context, const struct kc_transaction_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_TRANSACTION_PUT);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->time_ms);
    bind_number(statement, 3, row->kind);
    bind_number(statement, 4, row->state);
    bind_number(statement, 5, row->reason);
    bind_amount(statement, 6, row->amount);
    bind_amount(statement, 7, row->account_before);
    bind_amount(statement, 8, row->purse_before);
    bind_number(statement, 9, row->counter);
    bind_number(statement, 10, row->quoted_ms);
    bind_number(statement, 11, row->expires_ms);
    bind_bytes(statement, 12, row->request_digest, KC_DIGEST_SIZE);
    bind_bytes(statement, 13, row->answer_digest, KC_DIGEST_SIZE);
    bind_bytes(statement, 14, row->certified, row->certified_size);
    bind_number(statement, 15, row->other.number);
    bind_number(statement, 16, row->other_purse.number);
    bind_number(statement, 17, row->machine.number);
    bind_bytes(statement, 18, row->reference, row->machine.number == 0 ? 0 : KC_DIGEST_SIZE);
    return step_done(statement);
}

/* ---- journal, totals, alerts, evidence ---- */

static struct kc_result posting_add(void *context, const struct kc_posting_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_POSTING_ADD);
    bind_number(statement, 1, row->id);
    bind_number(statement, 2, row->batch);
    bind_number(statement, 3, row->debit);
    bind_number(statement, 4, row->credit);
    bind_amount(statement, 5, row->amount);
    bind_number(statement, 6, row->purse.number);
    bind_number(statement, 7, row->transaction_ms);
    bind_number(statement, 8, row->time_ms);
    return step_done(statement);
}

static struct kc_result batch_add(void *context, const struct kc_batch_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_BATCH_ADD);
    bind_number(statement, 1, row->id);
    bind_number(statement, 2, row->last_posting);
    bind_bytes(statement, 3, row->chain, KC_DIGEST_SIZE);
    return step_done(statement);
}

static void read_batch(struct row *row, struct kc_batch_row *out)
{
    memset(out, 0, sizeof *out);
    out->id = next_number(row);
    out->last_posting = next_number(row);
    next_fixed(row, out->chain, KC_DIGEST_SIZE);
}

static struct kc_result batch_last(void *context, struct kc_batch_row *out)
{
    sqlite3_stmt *statement = get(context, STATEMENT_BATCH_LAST);
    struct row row = {.statement = statement};
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_batch(&row, out);
    return end_row(&row);
}

static struct kc_result totals_get(void *context, struct kc_totals_row *out)
{
    sqlite3_stmt *statement = get(context, STATEMENT_TOTALS_GET);
    struct row row = {.statement = statement};
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
        return result.code == KC_NOT_FOUND ? kc_result(KC_STORE_CORRUPT) : result;
    }
    out->next_account = next_number(&row);
    out->next_posting = next_number(&row);
    out->outside = next_amount(&row);
    out->accounts = next_amount(&row);
    out->shadows = next_amount(&row);
    out->in_flight = next_amount(&row);
    out->fees = next_amount(&row);
    out->claims = next_amount(&row);
    return end_row(&row);
}

static struct kc_result totals_put(void *context, const struct kc_totals_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_TOTALS_PUT);
    bind_number(statement, 1, row->next_account);
    bind_number(statement, 2, row->next_posting);
    bind_amount(statement, 3, row->outside);
    bind_amount(statement, 4, row->accounts);
    bind_amount(statement, 5, row->shadows);
    bind_amount(statement, 6, row->in_flight);
    bind_amount(statement, 7, row->fees);
    bind_amount(statement, 8, row->claims);
    return step_update(context, statement);
}

static struct kc_result alert_add(void *context, const struct kc_alert_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_ALERT_ADD);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->time_ms);
    bind_number(statement, 3, row->reason);
    bind_number(statement, 4, row->evidence_ms);
    bind_bytes(statement, 5, row->evidence_digest, KC_DIGEST_SIZE);
    bind_number(statement, 6, row->against_ms);
    bind_bytes(statement, 7, row->against_digest, KC_DIGEST_SIZE);
    bind_number(statement, 8, row->counter);
    return step_done(statement);
}

static struct kc_result evidence_add(void *context, uint64_t purse, uint64_t time_ms,
                                     enum kc_evidence_kind kind,
                                     const uint8_t digest[KC_DIGEST_SIZE], struct kc_view bytes)
{
    sqlite3_stmt *statement = get(context, STATEMENT_EVIDENCE_ADD);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, time_ms);
    bind_number(statement, 3, kind);
    bind_bytes(statement, 4, digest, KC_DIGEST_SIZE);
    bind_bytes(statement, 5, bytes.data, bytes.size);
    return step_done(statement);
}

static struct kc_result evidence_find(void *context, uint64_t purse, uint64_t time_ms,
                                      const uint8_t digest[KC_DIGEST_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_EVIDENCE_FIND);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, time_ms);
    bind_bytes(statement, 3, digest, KC_DIGEST_SIZE);
    struct kc_result result = step_row(statement);
    (void)sqlite3_reset(statement);
    return result;
}

static struct kc_result signer_add(void *context, const uint8_t signer[KC_SIGNER_SIZE],
                                   struct kc_view key)
{
    struct kc_sqlite *sqlite = context;
    /* A signer's id ends with the beginning of a digest. */
    uint8_t *place = sqlite->signers[kc_be32_load(signer + KC_SIGNER_SIZE - 4) % KC_SQLITE_SIGNERS];
    if (memcmp(place, signer, KC_SIGNER_SIZE) == 0) {
        return kc_ok();
    }
    sqlite3_stmt *statement = get(context, STATEMENT_SIGNER_ADD);
    bind_bytes(statement, 1, signer, KC_SIGNER_SIZE);
    bind_bytes(statement, 2, key.data, key.size);
    struct kc_result result = step_done(statement);
    if (!kc_failed(result)) {
        memcpy(place, signer, KC_SIGNER_SIZE);
    }
    return result;
}

static void read_signer(struct row *row, struct kc_signer_row *out)
{
    memset(out, 0, sizeof *out);
    next_fixed(row, out->signer, KC_SIGNER_SIZE);
    next_bytes(row, out->key, &out->size, 1, sizeof out->key);
}

static struct kc_result signer_get(void *context, struct kc_signer_row *out,
                                   const uint8_t signer[KC_SIGNER_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_SIGNER_GET);
    struct row row = {.statement = statement};
    bind_bytes(statement, 1, signer, KC_SIGNER_SIZE);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_signer(&row, out);
    return end_row(&row);
}

/* ---- scans ---- */

enum scanned {
    SCAN_ACCOUNT,
    SCAN_PURSE,
    SCAN_TRANSACTION,
    SCAN_POSTING,
    SCAN_BATCH,
    SCAN_ALERT,
    SCAN_EVIDENCE,
    SCAN_PAYMENT,
    SCAN_RECORD,
    SCAN_SIGNER,
    SCAN_HOTLIST,
    SCAN_MOVE,
    SCAN_GAP
};

/* Room for one row of any kind. */
union any_row {
    struct kc_account_row account;
    struct kc_purse_row purse;
    struct kc_transaction_row transaction;
    struct kc_posting_row posting;
    struct kc_batch_row batch;
    struct kc_alert_row alert;
    struct kc_evidence_row evidence;
    struct kc_payment_row payment;
    struct kc_record_row record;
    struct kc_signer_row signer;
    struct kc_hotlist_row hotlist;
    struct kc_move_row move;
    struct kc_gap_row gap;
};

static void read_posting(struct row *row, struct kc_posting_row *out)
{
    memset(out, 0, sizeof *out);
    out->id = next_number(row);
    out->batch = next_number(row);
    out->debit = next_number(row);
    out->credit = next_number(row);
    out->amount = next_amount(row);
    out->purse.number = next_number(row);
    out->transaction_ms = next_number(row);
    out->time_ms = next_number(row);
}

static void read_alert(struct row *row, struct kc_alert_row *out)
{
    memset(out, 0, sizeof *out);
    out->id = next_number(row);
    out->purse.number = next_number(row);
    out->time_ms = next_number(row);
    out->reason = kc_error_from_number(next_number(row));
    out->evidence_ms = next_number(row);
    next_fixed(row, out->evidence_digest, KC_DIGEST_SIZE);
    out->against_ms = next_number(row);
    next_fixed(row, out->against_digest, KC_DIGEST_SIZE);
    out->counter = next_number(row);
}

static void read_evidence(struct row *row, struct kc_evidence_row *out)
{
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(row);
    out->time_ms = next_number(row);
    out->kind = (enum kc_evidence_kind)next_enum(row, KC_EVIDENCE_COUNTER);
    next_fixed(row, out->digest, KC_DIGEST_SIZE);
    next_bytes(row, out->bytes, &out->size, 0, sizeof out->bytes);
}

/* Reads the present row and calls back; false ends the scan. */
static bool visit(struct row *row, union any_row *any, enum scanned kind,
                  const struct kc_store_scan *scan)
{
    switch (kind) {
    case SCAN_ACCOUNT:
        read_account(row, &any->account);
        return !row->failed && scan->account(scan->owner, &any->account);
    case SCAN_PURSE:
        read_purse(row, &any->purse);
        return !row->failed && scan->purse(scan->owner, &any->purse);
    case SCAN_TRANSACTION:
        read_transaction(row, &any->transaction);
        return !row->failed && scan->transaction(scan->owner, &any->transaction);
    case SCAN_POSTING:
        read_posting(row, &any->posting);
        return !row->failed && scan->posting(scan->owner, &any->posting);
    case SCAN_BATCH:
        read_batch(row, &any->batch);
        return !row->failed && scan->batch(scan->owner, &any->batch);
    case SCAN_ALERT:
        read_alert(row, &any->alert);
        return !row->failed && scan->alert(scan->owner, &any->alert);
    case SCAN_EVIDENCE:
        read_evidence(row, &any->evidence);
        return !row->failed && scan->evidence(scan->owner, &any->evidence);
    case SCAN_PAYMENT:
        kc_sqlite_read_payment(row, &any->payment);
        return !row->failed && scan->payment(scan->owner, &any->payment);
    case SCAN_RECORD:
        kc_sqlite_read_record(row, &any->record);
        return !row->failed && scan->record(scan->owner, &any->record);
    case SCAN_GAP:
        kc_sqlite_read_gap(row, &any->gap);
        return !row->failed && scan->gap(scan->owner, &any->gap);
    case SCAN_SIGNER:
        read_signer(row, &any->signer);
        return !row->failed && scan->signer(scan->owner, &any->signer);
    case SCAN_HOTLIST:
        kc_sqlite_read_hotlist(row, &any->hotlist);
        return !row->failed && scan->hotlist(scan->owner, &any->hotlist);
    case SCAN_MOVE:
        kc_sqlite_read_move(row, &any->move);
        return !row->failed && scan->move(scan->owner, &any->move);
    }
    return false;
}

static struct kc_result scan_rows(sqlite3_stmt *statement, enum scanned kind,
                                  const struct kc_store_scan *scan)
{
    union any_row *any = malloc(sizeof *any);
    int status = SQLITE_DONE;
    bool corrupt = false;
    bool more = any != NULL;
    while (more && (status = sqlite3_step(statement)) == SQLITE_ROW) {
        struct row row = {.statement = statement};
        more = visit(&row, any, kind, scan);
        corrupt = corrupt || row.failed;
    }
    (void)sqlite3_reset(statement);
    if (any == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    free(any);
    return corrupt ? kc_result(KC_STORE_CORRUPT) : kc_sqlite_error(status);
}

static struct kc_result scan_accounts(void *context, const struct kc_store_scan *scan)
{
    return scan_rows(get(context, STATEMENT_SCAN_ACCOUNTS), SCAN_ACCOUNT, scan);
}

static struct kc_result scan_temporary(void *context, const struct kc_store_scan *scan,
                                       uint64_t until_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_TEMPORARY);
    bind_number(statement, 1, until_ms);
    return scan_rows(statement, SCAN_ACCOUNT, scan);
}

static struct kc_result scan_purses(void *context, const struct kc_store_scan *scan,
                                    uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_PURSES);
    bind_number(statement, 1, account);
    return scan_rows(statement, SCAN_PURSE, scan);
}

static struct kc_result scan_transactions(void *context, const struct kc_store_scan *scan,
                                          uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_TRANSACTIONS);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, purse == 0 ? INT64_MAX : purse);
    return scan_rows(statement, SCAN_TRANSACTION, scan);
}

static struct kc_result scan_late(void *context, const struct kc_store_scan *scan,
                                  uint64_t until_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_LATE);
    bind_number(statement, 1, until_ms);
    return scan_rows(statement, SCAN_TRANSACTION, scan);
}

static struct kc_result scan_sent(void *context, const struct kc_store_scan *scan, uint64_t purse,
                                  uint64_t time_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_SENT);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, time_ms);
    return scan_rows(statement, SCAN_TRANSACTION, scan);
}

static struct kc_result scan_postings(void *context, const struct kc_store_scan *scan)
{
    return scan_rows(get(context, STATEMENT_SCAN_POSTINGS), SCAN_POSTING, scan);
}

static struct kc_result scan_batches(void *context, const struct kc_store_scan *scan)
{
    return scan_rows(get(context, STATEMENT_SCAN_BATCHES), SCAN_BATCH, scan);
}

static struct kc_result scan_alerts(void *context, const struct kc_store_scan *scan)
{
    return scan_rows(get(context, STATEMENT_SCAN_ALERTS), SCAN_ALERT, scan);
}

static struct kc_result scan_evidence(void *context, const struct kc_store_scan *scan,
                                      uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_EVIDENCE);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, purse == 0 ? INT64_MAX : purse);
    return scan_rows(statement, SCAN_EVIDENCE, scan);
}

static struct kc_result scan_paid(void *context, const struct kc_store_scan *scan, uint64_t payer,
                                  uint64_t first, uint64_t last)
{
    bool all = payer == 0;
    sqlite3_stmt *statement = get(context, all ? STATEMENT_SCAN_PAYMENTS : STATEMENT_SCAN_PAID);
    int at = 1;
    if (!all) {
        bind_number(statement, at++, payer);
    }
    bind_number(statement, at++, first);
    bind_number(statement, at, last);
    return scan_rows(statement, SCAN_PAYMENT, scan);
}

static struct kc_result scan_taken(void *context, const struct kc_store_scan *scan, uint64_t payee,
                                   uint64_t first, uint64_t last)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_TAKEN);
    bind_number(statement, 1, payee);
    bind_number(statement, 2, first);
    bind_number(statement, 3, last);
    return scan_rows(statement, SCAN_PAYMENT, scan);
}

static struct kc_result scan_open(void *context, const struct kc_store_scan *scan, uint64_t payer)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_OPEN);
    bind_number(statement, 1, payer);
    return scan_rows(statement, SCAN_PAYMENT, scan);
}

static struct kc_result scan_records(void *context, const struct kc_store_scan *scan,
                                     uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_RECORDS);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, purse == 0 ? INT64_MAX : purse);
    return scan_rows(statement, SCAN_RECORD, scan);
}

static struct kc_result scan_hotlist(void *context, const struct kc_store_scan *scan)
{
    return scan_rows(get(context, STATEMENT_SCAN_HOTLIST), SCAN_HOTLIST, scan);
}

static struct kc_result scan_moves(void *context, const struct kc_store_scan *scan)
{
    return scan_rows(get(context, STATEMENT_SCAN_MOVES), SCAN_MOVE, scan);
}

static struct kc_result scan_due(void *context, const struct kc_store_scan *scan, uint64_t until_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_DUE);
    bind_number(statement, 1, until_ms);
    return scan_rows(statement, SCAN_PAYMENT, scan);
}

static struct kc_result scan_gaps(void *context, const struct kc_store_scan *scan, uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_GAPS);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, purse == 0 ? INT64_MAX : purse);
    return scan_rows(statement, SCAN_GAP, scan);
}

static struct kc_result scan_gaps_open(void *context, const struct kc_store_scan *scan,
                                       uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_GAPS_OPEN);
    bind_number(statement, 1, purse);
    return scan_rows(statement, SCAN_GAP, scan);
}

static struct kc_result scan_gaps_due(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_GAPS_DUE);
    bind_number(statement, 1, until_ms);
    return scan_rows(statement, SCAN_GAP, scan);
}

/* A signer's id begins with its account. */
static struct kc_result scan_signers(void *context, const struct kc_store_scan *scan,
                                     uint64_t account)
{
    uint8_t first[KC_SIGNER_SIZE] = {0};
    uint8_t last[KC_SIGNER_SIZE];
    sqlite3_stmt *statement = get(context, STATEMENT_SIGNER_SCAN);
    memset(last, 0xff, sizeof last);
    kc_be64_store(first, account);
    kc_be64_store(last, account);
    bind_bytes(statement, 1, first, sizeof first);
    bind_bytes(statement, 2, last, sizeof last);
    return scan_rows(statement, SCAN_SIGNER, scan);
}

static struct kc_result check(void *context)
{
    sqlite3_stmt *statement = get(context, STATEMENT_CHECK);
    int status = sqlite3_step(statement);
    const unsigned char *text = status == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
    bool good = text != NULL && strcmp((const char *)text, "ok") == 0;
    (void)sqlite3_reset(statement);
    return status == SQLITE_ROW ? kc_result(good ? KC_OK : KC_STORE_CORRUPT)
                                : kc_sqlite_error(status);
}

/* ---- opening ---- */

static struct kc_result prepare_all(struct kc_sqlite *sqlite, bool write)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        /* A reader's transaction is a snapshot; it must not ask for the right to write. */
        const char *sql = i == STATEMENT_BEGIN && !write ? "BEGIN" : kc_sqlite_statements[i];
        int status = sqlite3_prepare_v3(sqlite->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                        &sqlite->statements[i], NULL);
        if (status != SQLITE_OK) {
            bool schema = (status & 0xff) == SQLITE_ERROR;
            return schema ? kc_result(KC_STORE_CORRUPT) : kc_sqlite_error(status);
        }
    }
    return kc_ok();
}

static const struct kc_store calls = {.begin = store_begin,
                                      .commit = store_commit,
                                      .rollback = store_rollback,
                                      .account_get = account_get,
                                      .account_by_open_id = account_by_open_id,
                                      .account_put = account_put,
                                      .account_balance_put = account_balance_put,
                                      .purse_get = purse_get,
                                      .purse_put = purse_put,
                                      .purse_ahead_put = purse_ahead_put,
                                      .payment_get = kc_sqlite_payment_get,
                                      .payment_put = kc_sqlite_payment_put,
                                      .record_get = kc_sqlite_record_get,
                                      .record_put = kc_sqlite_record_put,
                                      .transaction_get = transaction_get,
                                      .transaction_by_reference = transaction_by_reference,
                                      .transaction_put = transaction_put,
                                      .posting_add = posting_add,
                                      .batch_add = batch_add,
                                      .batch_last = batch_last,
                                      .totals_get = totals_get,
                                      .totals_put = totals_put,
                                      .alert_add = alert_add,
                                      .evidence_add = evidence_add,
                                      .evidence_find = evidence_find,
                                      .signer_add = signer_add,
                                      .signer_get = signer_get,
                                      .scan_signers = scan_signers,
                                      .scan_accounts = scan_accounts,
                                      .scan_temporary = scan_temporary,
                                      .scan_purses = scan_purses,
                                      .scan_transactions = scan_transactions,
                                      .scan_late = scan_late,
                                      .scan_sent = scan_sent,
                                      .scan_postings = scan_postings,
                                      .scan_batches = scan_batches,
                                      .scan_alerts = scan_alerts,
                                      .scan_evidence = scan_evidence,
                                      .scan_paid = scan_paid,
                                      .scan_taken = scan_taken,
                                      .scan_open = scan_open,
                                      .scan_records = scan_records,
                                      .hotlist_add = kc_sqlite_hotlist_add,
                                      .hotlist_version = kc_sqlite_hotlist_version,
                                      .reissue_add = kc_sqlite_reissue_add,
                                      .reissue_by_id = kc_sqlite_reissue_by_id,
                                      .reissue_of_purse = kc_sqlite_reissue_of_purse,
                                      .reissue_last = kc_sqlite_reissue_last,
                                      .move_add = kc_sqlite_move_add,
                                      .scan_hotlist = scan_hotlist,
                                      .scan_moves = scan_moves,
                                      .scan_due = scan_due,
                                      .gap_get = kc_sqlite_gap_get,
                                      .gap_put = kc_sqlite_gap_put,
                                      .scan_gaps = scan_gaps,
                                      .scan_gaps_open = scan_gaps_open,
                                      .scan_gaps_due = scan_gaps_due,
                                      .give_back_get = kc_sqlite_give_back_get,
                                      .give_back_add = kc_sqlite_give_back_add,
                                      .scan_give_backs = kc_sqlite_scan_give_backs,
                                      .check = check};

struct kc_result kc_sqlite_open(struct kc_store *out, const char *path, bool write,
                                uint64_t page_count_max)
{
    int flags = write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    struct kc_sqlite *sqlite = calloc(1, sizeof *sqlite);
    if (sqlite == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    *out = calls;
    out->context = sqlite;
    kc_sqlite_charge_calls(out);
    kc_sqlite_renewal_calls(out);
    kc_sqlite_key_offer_calls(out);
    kc_sqlite_ending_calls(out);
    struct kc_result result =
        kc_sqlite_error(sqlite3_open_v2(path, &sqlite->db, flags | SQLITE_OPEN_NOMUTEX, NULL));
    if (!kc_failed(result)) {
        /* Without these a failed write cannot be told from other I/O errors. */
        (void)sqlite3_extended_result_codes(sqlite->db, 1);
        result = kc_sqlite_set_up(sqlite->db, write, page_count_max);
    }
    if (!kc_failed(result)) {
        result = prepare_all(sqlite, write);
    }
    if (kc_failed(result)) {
        kc_sqlite_close(out);
    }
    return result;
}

void kc_sqlite_close(struct kc_store *store)
{
    struct kc_sqlite *sqlite = store->context;
    if (sqlite == NULL) {
        return;
    }
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(sqlite->statements[i]);
    }
    (void)sqlite3_close(sqlite->db);
    free(sqlite);
    store->context = NULL;
}
