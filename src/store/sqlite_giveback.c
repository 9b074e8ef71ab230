/* What machines owed and the bank paid. */
#include "store/sqlite_row.h"

static void read_give_back(struct row *row, struct kc_give_back_row *out)
{
    memset(out, 0, sizeof *out);
    out->purse.number = next_number(row);
    out->sale = next_number(row);
    out->counter = next_number(row);
    out->owner.number = next_number(row);
    out->to.number = next_number(row);
    out->card.number = next_number(row);
    out->amount = next_amount(row);
    out->time_ms = next_number(row);
    next_fixed(row, out->reference, KC_DIGEST_SIZE);
    next_fixed(row, out->digest, KC_DIGEST_SIZE);
}

struct kc_result kc_sqlite_give_back_get(void *context, struct kc_give_back_row *out,
                                         uint64_t purse, uint64_t sale)
{
    sqlite3_stmt *statement = get(context, STATEMENT_GIVE_BACK_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, purse);
    bind_number(statement, 2, sale);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_give_back(&row, out);
    return end_row(&row);
}

struct kc_result kc_sqlite_give_back_add(void *context, const struct kc_give_back_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_GIVE_BACK_ADD);
    bind_number(statement, 1, row->purse.number);
    bind_number(statement, 2, row->sale);
    bind_number(statement, 3, row->counter);
    bind_number(statement, 4, row->owner.number);
    bind_number(statement, 5, row->to.number);
    bind_number(statement, 6, row->card.number);
    bind_amount(statement, 7, row->amount);
    bind_number(statement, 8, row->time_ms);
    bind_bytes(statement, 9, row->reference, KC_DIGEST_SIZE);
    bind_bytes(statement, 10, row->digest, KC_DIGEST_SIZE);
    return step_done(statement);
}

static bool give_give_back(struct row *row, const struct kc_store_scan *scan)
{
    struct kc_give_back_row found;
    read_give_back(row, &found);
    return !row->failed && scan->give_back(scan->owner, &found);
}

struct kc_result kc_sqlite_scan_give_backs(void *context, const struct kc_store_scan *scan,
                                           uint64_t purse, uint64_t counter)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_GIVE_BACKS);
    bind_number(statement, 1, purse);
    bind_number(statement, 2, purse == 0 ? KC_AMOUNT_MAX : purse);
    bind_number(statement, 3, counter);
    bind_number(statement, 4, counter == 0 ? KC_AMOUNT_MAX : counter);
    return scan_each(statement, scan, give_give_back);
}
