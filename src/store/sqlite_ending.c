/* Purses out of use whose certificates are to end. */
#include "store/sqlite_row.h"

static void read_ending(struct row *row, struct kc_ending_row *out)
{
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(row);
    out->account.number = next_number(row);
    out->number = next_number(row);
    out->owed_ms = next_number(row);
    out->act_ms = next_number(row);
    out->tries = next_number(row);
    out->ended_ms = next_number(row);
    out->reason = kc_error_from_number(next_number(row));
}

static struct kc_result ending_get(void *context, struct kc_ending_row *out, uint64_t purse)
{
    sqlite3_stmt *statement = get(context, STATEMENT_ENDING_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, purse);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_ending(&row, out);
    return end_row(&row);
}

static struct kc_result ending_put(void *context, const struct kc_ending_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_ENDING_PUT);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->account.number);
    bind_number(statement, 3, row->number);
    bind_number(statement, 4, row->owed_ms);
    bind_number(statement, 5, row->act_ms);
    bind_number(statement, 6, row->tries);
    bind_number(statement, 7, row->ended_ms);
    bind_number(statement, 8, row->reason);
    return step_done(statement);
}

static bool give_ending(struct row *row, const struct kc_store_scan *scan)
{
    struct kc_ending_row found;
    read_ending(row, &found);
    return !row->failed && scan->ending(scan->owner, &found);
}

static struct kc_result scan_endings(void *context, const struct kc_store_scan *scan,
                                     uint64_t until_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_ENDINGS);
    bind_number(statement, 1, until_ms);
    return scan_each(statement, scan, give_ending);
}

void kc_sqlite_ending_calls(struct kc_store *out)
{
    out->ending_get = ending_get;
    out->ending_put = ending_put;
    out->scan_endings = scan_endings;
}
