/* Renewals of purses' keys. */
#include "store/sqlite_row.h"

static struct kc_result renewal_put(void *context, const struct kc_renewal_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_RENEWAL_PUT);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->number);
    bind_number(statement, 3, row->account.number);
    bind_number(statement, 4, row->state);
    bind_number(statement, 5, row->counter);
    bind_number(statement, 6, row->asked_ms);
    bind_number(statement, 7, row->done_ms);
    bind_number(statement, 8, row->old_expires_ms);
    bind_number(statement, 9, row->expires_ms);
    bind_bytes(statement, 10, row->old_signer, KC_SIGNER_SIZE);
    bind_bytes(statement, 11, row->signer, KC_SIGNER_SIZE);
    bind_bytes(statement, 12, row->identity_digest, KC_DIGEST_SIZE);
    bind_bytes(statement, 13, row->certificate, KC_DIGEST_SIZE);
    bind_bytes(statement, 14, row->old_sign_key, row->old_sign_size);
    bind_bytes(statement, 15, row->sign_key, row->sign_size);
    bind_bytes(statement, 16, row->encrypt_key, row->encrypt_size);
    bind_bytes(statement, 17, row->old_pair, KC_PAIR_SIZE);
    bind_bytes(statement, 18, row->pair, KC_PAIR_SIZE);
    return step_done(statement);
}

static struct kc_result get_renewal(struct kc_renewal_row *out, sqlite3_stmt *statement)
{
    struct row row = {.statement = statement};
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(&row);
    out->number = next_number(&row);
    out->account.number = next_number(&row);
    out->state = (enum kc_renewal_state)next_enum(&row, KC_RENEWAL_RETIRED);
    out->counter = next_number(&row);
    out->asked_ms = next_number(&row);
    out->done_ms = next_number(&row);
    out->old_expires_ms = next_number(&row);
    out->expires_ms = next_number(&row);
    next_fixed(&row, out->old_signer, KC_SIGNER_SIZE);
    next_fixed(&row, out->signer, KC_SIGNER_SIZE);
    next_fixed(&row, out->identity_digest, KC_DIGEST_SIZE);
    next_fixed(&row, out->certificate, KC_DIGEST_SIZE);
    next_bytes(&row, out->old_sign_key, &out->old_sign_size, 1, sizeof out->old_sign_key);
    next_bytes(&row, out->sign_key, &out->sign_size, 1, sizeof out->sign_key);
    next_bytes(&row, out->encrypt_key, &out->encrypt_size, 1, sizeof out->encrypt_key);
    next_fixed(&row, out->old_pair, KC_PAIR_SIZE);
    next_fixed(&row, out->pair, KC_PAIR_SIZE);
    return end_row(&row);
}

static struct kc_result renewal_last(void *context, struct kc_renewal_row *out, uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_RENEWAL_LAST);
    bind_number(statement, 1, purse);
    return get_renewal(out, statement);
}

static struct kc_result renewal_by_signer(void *context, struct kc_renewal_row *out,
                                          const uint8_t signer[KC_SIGNER_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_RENEWAL_BY_SIGNER);
    bind_bytes(statement, 1, signer, KC_SIGNER_SIZE);
    return get_renewal(out, statement);
}

static struct kc_result renewal_at(void *context, struct kc_renewal_row *out, uint64_t purse,
                                   uint64_t counter)
{
    sqlite3_stmt *statement = get(context, STATEMENT_RENEWAL_AT);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, counter);
    return get_renewal(out, statement);
}

static struct kc_result renewal_left(void *context, struct kc_renewal_row *out, uint64_t purse,
                                     uint64_t number)
{
    sqlite3_stmt *statement = get(context, STATEMENT_RENEWAL_LEFT);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, number);
    return get_renewal(out, statement);
}

static struct kc_result renewal_due(void *context, struct kc_renewal_row *out, uint64_t after)
{
    sqlite3_stmt *statement = get(context, STATEMENT_RENEWAL_DUE);
    bind_number(statement, 1, after);
    return get_renewal(out, statement);
}

void kc_sqlite_renewal_calls(struct kc_store *out)
{
    out->purse_key_add = kc_sqlite_purse_key_add;
    out->purse_key_get = kc_sqlite_purse_key_get;
    out->purse_key_by_signer = kc_sqlite_purse_key_by_signer;
    out->purse_key_put = kc_sqlite_purse_key_put;
    out->renewal_put = renewal_put;
    out->renewal_last = renewal_last;
    out->renewal_by_signer = renewal_by_signer;
    out->renewal_at = renewal_at;
    out->renewal_left = renewal_left;
    out->renewal_due = renewal_due;
}
