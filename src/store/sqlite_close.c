/* Accounts that were given up, and what was paid out of them. */
#include "store/sqlite_row.h"

static void read_closing(struct row *row, struct kc_closing_row *out)
{
    memset(out, 0, sizeof *out);
    out->account.number = next_number(row);
    out->purse.number = next_number(row);
    out->by = (enum kc_closing_by)next_enum(row, KC_CLOSING_BY_CHARGE);
    out->early = next_bool(row);
    out->begun_ms = next_number(row);
    out->due_ms = next_number(row);
    out->closed_ms = next_number(row);
    out->act_ms = next_number(row);
    out->payouts = next_number(row);
    out->revoked_ms = next_number(row);
}

static void read_payout(struct row *row, struct kc_payout_row *out)
{
    memset(out, 0, sizeof *out);
    out->account.number = next_number(row);
    out->number = next_number(row);
    out->purse.number = next_number(row);
    out->state = (enum kc_payout_state)next_enum(row, KC_PAYOUT_REFUSED);
    out->amount = next_amount(row);
    out->ordered_ms = next_number(row);
    out->ended_ms = next_number(row);
    out->reason = kc_error_from_number(next_number(row));
}

static struct kc_result closing_get(void *context, struct kc_closing_row *out, uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_CLOSING_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, account);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_closing(&row, out);
    return end_row(&row);
}

static struct kc_result put(sqlite3_stmt *statement, const uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bind_number(statement, (int)i + 1, numbers[i]);
    }
    return step_done(statement);
}

static struct kc_result closing_put(void *context, const struct kc_closing_row *row)
{
    const uint64_t numbers[] = {row->account.number, row->purse.number, row->by,        row->early,
                                row->begun_ms,       row->due_ms,       row->closed_ms, row->act_ms,
                                row->payouts,        row->revoked_ms};
    return put(get(context, STATEMENT_CLOSING_PUT), numbers, sizeof numbers / sizeof numbers[0]);
}

static struct kc_result payout_get(void *context, struct kc_payout_row *out, uint64_t account,
                                   uint64_t number)
{
    sqlite3_stmt *statement = get(context, STATEMENT_PAYOUT_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, account);
    bind_number(statement, 2, number);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_payout(&row, out);
    return end_row(&row);
}

static struct kc_result payout_put(void *context, const struct kc_payout_row *row)
{
    const uint64_t numbers[] = {
        row->account.number,          row->number,     row->purse.number, row->state,
        kc_amount_minor(row->amount), row->ordered_ms, row->ended_ms,     row->reason};
    return put(get(context, STATEMENT_PAYOUT_PUT), numbers, sizeof numbers / sizeof numbers[0]);
}

static bool give_closing(struct row *row, const struct kc_store_scan *scan)
{
    struct kc_closing_row found;
    read_closing(row, &found);
    return !row->failed && scan->closing(scan->owner, &found);
}

static bool give_payout(struct row *row, const struct kc_store_scan *scan)
{
    struct kc_payout_row found;
    read_payout(row, &found);
    return !row->failed && scan->payout(scan->owner, &found);
}

static struct kc_result scan_closings(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_CLOSINGS);
    bind_number(statement, 1, until_ms);
    return scan_each(statement, scan, give_closing);
}

static struct kc_result scan_unrevoked(void *context, const struct kc_store_scan *scan,
                                       uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_UNREVOKED);
    bind_number(statement, 1, account);
    return scan_each(statement, scan, give_closing);
}

static struct kc_result scan_owned(void *context, const struct kc_store_scan *scan, uint64_t owner)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_OWNED);
    bind_number(statement, 1, owner);
    return scan_each(statement, scan, give_closing);
}

static struct kc_result scan_payouts(void *context, const struct kc_store_scan *scan,
                                     uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_PAYOUTS);
    bind_number(statement, 1, account);
    bind_number(statement, 2, account == 0 ? KC_AMOUNT_MAX : account);
    return scan_each(statement, scan, give_payout);
}

static struct kc_result scan_payouts_sent(void *context, const struct kc_store_scan *scan,
                                          uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_PAYOUTS_SENT);
    bind_number(statement, 1, account);
    return scan_each(statement, scan, give_payout);
}

void kc_sqlite_close_calls(struct kc_store *out)
{
    out->closing_get = closing_get;
    out->closing_put = closing_put;
    out->scan_closings = scan_closings;
    out->scan_unrevoked = scan_unrevoked;
    out->scan_owned = scan_owned;
    out->payout_get = payout_get;
    out->payout_put = payout_put;
    out->scan_payouts = scan_payouts;
    out->scan_payouts_sent = scan_payouts_sent;
}
