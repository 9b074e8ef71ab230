/* Payments between purses, the records that show them, and the gaps that hide them. */
#include "store/sqlite_row.h"

void kc_sqlite_read_payment(struct row *row, struct kc_payment_row *out)
{
    memset(out, 0, sizeof *out);
    out->payer.number = next_number(row);
    out->payer_counter = next_number(row);
    next_fixed(row, out->digest, KC_DIGEST_SIZE);
    out->state = (enum kc_payment_state)next_enum(row, KC_PAYMENT_REFUSED);
    out->reason = kc_error_from_number(next_number(row));
    out->payee.number = next_number(row);
    out->payee_counter = next_number(row);
    out->amount = next_amount(row);
    out->time_ms = next_number(row);
    out->payer_counted = next_bool(row);
    out->payee_counted = next_bool(row);
    out->taken = next_bool(row);
    out->returned = next_bool(row);
    out->open = next_bool(row);
    out->told_sequence = next_number(row);
    out->due_ms = next_number(row);
    out->inferred = next_bool(row);
    uint64_t again = next_number(row);
    row->failed = row->failed || again > KC_AGAIN_TAKEN;
    out->again = again > KC_AGAIN_TAKEN ? KC_AGAIN_NOT : (enum kc_payment_again)again;
}

struct kc_result kc_sqlite_payment_get(void *context, struct kc_payment_row *out, uint64_t payer,
                                       uint64_t payer_counter, const uint8_t digest[KC_DIGEST_SIZE])
{
    sqlite3_stmt *statement = get(context, STATEMENT_PAYMENT_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, payer);
    bind_number(statement, 2, payer_counter);
    bind_bytes(statement, 3, digest, KC_DIGEST_SIZE);
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
        return result;
    }
    kc_sqlite_read_payment(&row, out);
    return end_row(&row);
}

struct kc_result kc_sqlite_payment_put(void *context, const struct kc_payment_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_PAYMENT_PUT);
    bind_number(statement, 1, row->payer.number);
    bind_number(statement, 2, row->payer_counter);
    bind_bytes(statement, 3, row->digest, KC_DIGEST_SIZE);
    bind_number(statement, 4, row->state);
    bind_number(statement, 5, row->reason);
    bind_number(statement, 6, row->payee.number);
    bind_number(statement, 7, row->payee_counter);
    bind_amount(statement, 8, row->amount);
    bind_number(statement, 9, row->time_ms);
    bind_number(statement, 10, row->payer_counted);
    bind_number(statement, 11, row->payee_counted);
    bind_number(statement, 12, row->taken);
    bind_number(statement, 13, row->returned);
    bind_number(statement, 14, row->open);
    bind_number(statement, 15, row->told_sequence);
    bind_number(statement, 16, row->due_ms);
    bind_number(statement, 17, row->inferred);
    bind_number(statement, 18, row->again);
    return step_done(statement);
}

void kc_sqlite_read_record(struct row *row, struct kc_record_row *out)
{
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(row);
    out->counter = next_number(row);
    out->kind = (enum kc_entry_kind)next_enum(row, KC_ENTRY_KIND_CLOSE);
    out->state = (enum kc_record_state)next_enum(row, KC_RECORD_PASSED);
    out->objection = kc_error_from_number(next_number(row));
    out->amount = next_amount(row);
    next_fixed(row, out->digest, KC_DIGEST_SIZE);
    next_fixed(row, out->order, KC_DIGEST_SIZE);
    next_fixed(row, out->head, KC_DIGEST_SIZE);
    out->shown_ms = next_number(row);
    next_fixed(row, out->shown_digest, KC_DIGEST_SIZE);
    next_bytes(row, out->bytes, &out->size, 0, sizeof out->bytes);
}

struct kc_result kc_sqlite_record_get(void *context, struct kc_record_row *out, uint64_t purse,
                                      uint64_t counter)
{
    sqlite3_stmt *statement = get(context, STATEMENT_RECORD_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, purse);
    bind_number(statement, 2, counter);
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
        return result;
    }
    kc_sqlite_read_record(&row, out);
    return end_row(&row);
}

struct kc_result kc_sqlite_record_put(void *context, const struct kc_record_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_RECORD_PUT);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->counter);
    bind_number(statement, 3, row->kind);
    bind_number(statement, 4, row->state);
    bind_number(statement, 5, row->objection);
    bind_amount(statement, 6, row->amount);
    bind_bytes(statement, 7, row->digest, KC_DIGEST_SIZE);
    bind_bytes(statement, 8, row->order, KC_DIGEST_SIZE);
    bind_bytes(statement, 9, row->head, KC_DIGEST_SIZE);
    bind_number(statement, 10, row->shown_ms);
    bind_bytes(statement, 11, row->shown_digest, KC_DIGEST_SIZE);
    bind_bytes(statement, 12, row->bytes, row->size);
    return step_done(statement);
}

void kc_sqlite_read_gap(struct row *row, struct kc_gap_row *out)
{
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(row);
    out->last = next_number(row);
    out->first = next_number(row);
    out->state = (enum kc_gap_state)next_enum(row, KC_GAP_ENDED);
    next_fixed(row, out->before, KC_DIGEST_SIZE);
    next_fixed(row, out->after, KC_DIGEST_SIZE);
    out->in = next_amount(row);
    out->out = next_amount(row);
    out->back = next_amount(row);
    out->unexplained_in = next_amount(row);
    out->unexplained_out = next_amount(row);
    out->unexplained_back = next_amount(row);
    out->inferred_in = next_amount(row);
    out->given_back = next_amount(row);
    out->netted = next_amount(row);
    out->advance = next_amount(row);
    out->reported_ms = next_number(row);
    out->due_ms = next_number(row);
    out->told_sequence = next_number(row);
    out->shown_ms = next_number(row);
    next_fixed(row, out->shown_digest, KC_DIGEST_SIZE);
}

struct kc_result kc_sqlite_gap_get(void *context, struct kc_gap_row *out, uint64_t purse,
                                   uint64_t counter)
{
    sqlite3_stmt *statement = get(context, STATEMENT_GAP_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, purse);
    bind_number(statement, 2, counter);
    struct kc_result result = step_row(statement);
    if (kc_failed(result)) {
        (void)sqlite3_reset(statement);
        return result;
    }
    kc_sqlite_read_gap(&row, out);
    return end_row(&row);
}

struct kc_result kc_sqlite_gap_put(void *context, const struct kc_gap_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_GAP_PUT);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->last);
    bind_number(statement, 3, row->first);
    bind_number(statement, 4, row->state);
    bind_bytes(statement, 5, row->before, KC_DIGEST_SIZE);
    bind_bytes(statement, 6, row->after, KC_DIGEST_SIZE);
    bind_amount(statement, 7, row->in);
    bind_amount(statement, 8, row->out);
    bind_amount(statement, 9, row->back);
    bind_amount(statement, 10, row->unexplained_in);
    bind_amount(statement, 11, row->unexplained_out);
    bind_amount(statement, 12, row->unexplained_back);
    bind_amount(statement, 13, row->inferred_in);
    bind_amount(statement, 14, row->given_back);
    bind_amount(statement, 15, row->netted);
    bind_amount(statement, 16, row->advance);
    bind_number(statement, 17, row->reported_ms);
    bind_number(statement, 18, row->due_ms);
    bind_number(statement, 19, row->told_sequence);
    bind_number(statement, 20, row->shown_ms);
    bind_bytes(statement, 21, row->shown_digest, KC_DIGEST_SIZE);
    return step_done(statement);
}
