/* Keys that the authority makes for purses. */
#include "store/sqlite_row.h"

static struct kc_result key_offer_put(void *context, const struct kc_key_offer_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_KEY_OFFER_PUT);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->account.number);
    bind_number(statement, 3, row->state);
    bind_number(statement, 4, row->ordered_ms);
    bind_number(statement, 5, row->ready_ms);
    bind_bytes(statement, 6, row->signer, KC_SIGNER_SIZE);
    bind_bytes(statement, 7, row->sign_key, row->sign_size);
    bind_bytes(statement, 8, row->encrypt_key, row->encrypt_size);
    return step_done(statement);
}

static struct kc_result get_key_offer(struct kc_key_offer_row *out, sqlite3_stmt *statement)
{
    struct row row = {.statement = statement};
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(&row);
    out->account.number = next_number(&row);
    out->state = (enum kc_key_offer_state)next_enum(&row, KC_KEY_OFFER_ENDED);
    out->ordered_ms = next_number(&row);
    out->ready_ms = next_number(&row);
    next_fixed(&row, out->signer, KC_SIGNER_SIZE);
    next_bytes(&row, out->sign_key, &out->sign_size, 0, sizeof out->sign_key);
    next_bytes(&row, out->encrypt_key, &out->encrypt_size, 0, sizeof out->encrypt_key);
    return end_row(&row);
}

static struct kc_result key_offer_get(void *context, struct kc_key_offer_row *out, uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_KEY_OFFER_GET);
    bind_number(statement, 1, purse);
    return get_key_offer(out, statement);
}

static struct kc_result key_offer_due(void *context, struct kc_key_offer_row *out, uint64_t after)
{
    sqlite3_stmt *statement = get(context, STATEMENT_KEY_OFFER_DUE);
    bind_number(statement, 1, after);
    return get_key_offer(out, statement);
}

static struct kc_result key_offer_wanted(void *context, struct kc_purse_id *out, uint64_t until_ms,
                                         uint64_t after)
{
    sqlite3_stmt *statement = get(context, STATEMENT_KEY_OFFER_WANTED);
    struct row row = {.statement = statement};
    bind_number(statement, 1, after);
    bind_number(statement, 2, until_ms);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    out->number = next_number(&row);
    return end_row(&row);
}

void kc_sqlite_key_offer_calls(struct kc_store *out)
{
    out->key_offer_put = key_offer_put;
    out->key_offer_get = key_offer_get;
    out->key_offer_due = key_offer_due;
    out->key_offer_wanted = key_offer_wanted;
}
