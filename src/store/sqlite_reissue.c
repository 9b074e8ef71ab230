/* Purses out of use and the ones that replace them: hotlist, re-issues, kept keys, moves between both. */
#include "store/sqlite_row.h"

/* ---- hotlist ---- */

static struct kc_result one_number(sqlite3_stmt *statement, uint64_t *out)
{
    struct row row = {.statement = statement};
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
        return result;
    }
    *out = next_number(&row);
    return end_row(&row);
}

struct kc_result kc_sqlite_hotlist_add(void *context, uint64_t *version, uint64_t purse,
                                       uint64_t time_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_HOTLIST_ADD);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, time_ms);
    return one_number(statement, version);
}

struct kc_result kc_sqlite_hotlist_version(void *context, uint64_t *version)
{
    return one_number(get(context, STATEMENT_HOTLIST_VERSION), version);
}

void kc_sqlite_read_hotlist(struct row *row, struct kc_hotlist_row *out)
{
    out->version = next_number(row);
    out->purse.number = next_number(row);
    out->time_ms = next_number(row);
    out->reason = kc_error_from_number(next_number(row));
    out->ends_ms = next_number(row);
}

/* ---- re-issues ---- */

struct kc_result kc_sqlite_reissue_add(void *context, const struct kc_reissue_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_REISSUE_ADD);
    bind_number(statement, 1, row->purse.number);
    bind_bytes(statement, 2, row->id, KC_OPEN_ID_SIZE);
    bind_number(statement, 3, row->account.number);
    bind_number(statement, 4, row->old.number);
    bind_number(statement, 5, row->suite);
    bind_number(statement, 6, row->temporary_until_ms);
    return step_done(statement);
}

static struct kc_result get_reissue(struct kc_reissue_row *out, sqlite3_stmt *statement)
{
    struct row row = {.statement = statement};
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
        return result;
    }
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(&row);
    next_fixed(&row, out->id, KC_OPEN_ID_SIZE);
    out->account.number = next_number(&row);
    out->old.number = next_number(&row);
    out->suite = (enum kc_suite)next_enum(&row, KC_SUITE_RS3072);
    out->temporary_until_ms = next_number(&row);
    return end_row(&row);
}

struct kc_result kc_sqlite_reissue_by_id(void *context, struct kc_reissue_row *out,
                                         const uint8_t id[KC_OPEN_ID_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_REISSUE_BY_ID);
    bind_bytes(statement, 1, id, KC_OPEN_ID_SIZE);
    return get_reissue(out, statement);
}

struct kc_result kc_sqlite_reissue_of_purse(void *context, struct kc_reissue_row *out,
                                            uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_REISSUE_OF_PURSE);
    bind_number(statement, 1, purse);
    return get_reissue(out, statement);
}

struct kc_result kc_sqlite_reissue_last(void *context, struct kc_reissue_row *out, uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_REISSUE_LAST);
    bind_number(statement, 1, account);
    return get_reissue(out, statement);
}

/* ---- kept keys ---- */

static struct kc_result write_purse_key(sqlite3_stmt *statement, const struct kc_purse_key_row *row)
{
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->account.number);
    bind_bytes(statement, 3, row->signer, KC_SIGNER_SIZE);
    bind_number(statement, 4, row->expires_ms);
    bind_bytes(statement, 5, row->sign_key, row->sign_size);
    bind_bytes(statement, 6, row->encrypt_key, row->encrypt_size);
    bind_bytes(statement, 7, row->pair, KC_PAIR_SIZE);
    return step_done(statement);
}

struct kc_result kc_sqlite_purse_key_add(void *context, const struct kc_purse_key_row *row)
{
    return write_purse_key(get(context, STATEMENT_PURSE_KEY_ADD), row);
}

struct kc_result kc_sqlite_purse_key_put(void *context, const struct kc_purse_key_row *row)
{
    return write_purse_key(get(context, STATEMENT_PURSE_KEY_PUT), row);
}

static struct kc_result get_purse_key(struct kc_purse_key_row *out, sqlite3_stmt *statement)
{
    struct row row = {.statement = statement};
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
        return result;
    }
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(&row);
    out->account.number = next_number(&row);
    next_fixed(&row, out->signer, KC_SIGNER_SIZE);
    out->expires_ms = next_number(&row);
    next_bytes(&row, out->sign_key, &out->sign_size, 1, sizeof out->sign_key);
    next_bytes(&row, out->encrypt_key, &out->encrypt_size, 1, sizeof out->encrypt_key);
    next_fixed(&row, out->pair, KC_PAIR_SIZE);
    return end_row(&row);
}

struct kc_result kc_sqlite_purse_key_get(void *context, struct kc_purse_key_row *out,
                                         uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_PURSE_KEY_GET);
    bind_number(statement, 1, purse);
    return get_purse_key(out, statement);
}

struct kc_result kc_sqlite_purse_key_by_signer(void *context, struct kc_purse_key_row *out,
                                               const uint8_t signer[KC_SIGNER_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_PURSE_KEY_BY_SIGNER);
    bind_bytes(statement, 1, signer, KC_SIGNER_SIZE);
    return get_purse_key(out, statement);
}

/* ---- moves ---- */

struct kc_result kc_sqlite_move_add(void *context, const struct kc_move_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_MOVE_ADD);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->other);
    bind_number(statement, 3, row->kind);
    bind_amount(statement, 4, row->amount);
    bind_amount(statement, 5, row->fee_fixed);
    bind_number(statement, 6, row->fee_permille);
    bind_number(statement, 7, row->time_ms);
    return step_done(statement);
}

void kc_sqlite_read_move(struct row *row, struct kc_move_row *out)
{
    out->purse.number = next_number(row);
    out->other = next_number(row);
    out->kind = (enum kc_move_kind)next_enum(row, KC_MOVE_FEE);
    out->amount = next_amount(row);
    out->fee_fixed = next_amount(row);
    out->fee_permille = next_number(row);
    out->time_ms = next_number(row);
}
