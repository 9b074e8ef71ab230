/* Management charges: how each account is charged, and one row a period that was notified. */
#include "store/sqlite_row.h"

static void read_charging(struct row *row, struct kc_charging_row *out)
{
    memset(out, 0, sizeof *out);
    out->account.number = next_number(row);
    out->source = (enum kc_charge_source)next_enum(row, KC_CHARGE_SOURCE_INCLUDED);
    out->period = next_number(row);
    out->due_ms = next_number(row);
    out->act_ms = next_number(row);
}

static void read_charge(struct row *row, struct kc_charge_row *out)
{
    memset(out, 0, sizeof *out);
    out->account.number = next_number(row);
    out->period = next_number(row);
    out->purse.number = next_number(row);
    out->step = (enum kc_charge_step)next_enum(row, KC_CHARGE_DROPPED);
    out->source = (enum kc_charge_source)next_enum(row, KC_CHARGE_SOURCE_INCLUDED);
    out->amount = next_amount(row);
    out->due_ms = next_number(row);
    out->notified_ms = next_number(row);
    out->told_ms = next_number(row);
    out->since_ms = next_number(row);
    out->suspended_ms = next_number(row);
    out->ended_ms = next_number(row);
    out->attempt = next_number(row);
    out->sent = next_bool(row);
    out->reason = kc_error_from_number(next_number(row));
}

static struct kc_result charging_get(void *context, struct kc_charging_row *out, uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_CHARGING_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, account);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_charging(&row, out);
    return end_row(&row);
}

static struct kc_result charging_put(void *context, const struct kc_charging_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_CHARGING_PUT);
    bind_number(statement, 1, row->account.number);
    bind_number(statement, 2, row->source);
    bind_number(statement, 3, row->period);
    bind_number(statement, 4, row->due_ms);
    bind_number(statement, 5, row->act_ms);
    return step_done(statement);
}

static struct kc_result charge_get(void *context, struct kc_charge_row *out, uint64_t account,
                                   uint64_t period)
{
    sqlite3_stmt *statement = get(context, STATEMENT_CHARGE_GET);
    struct row row = {.statement = statement};
    bind_number(statement, 1, account);
    bind_number(statement, 2, period);
    struct kc_result result = first_row(statement);
    if (kc_failed(result)) {
        return result;
    }
    read_charge(&row, out);
    return end_row(&row);
}

static struct kc_result charge_put(void *context, const struct kc_charge_row *row)
{
    sqlite3_stmt *statement = get(context, STATEMENT_CHARGE_PUT);
    const uint64_t numbers[] = {
        row->account.number, row->period,       row->purse.number,
        row->step,           row->source,       kc_amount_minor(row->amount),
        row->due_ms,         row->notified_ms,  row->told_ms,
        row->since_ms,       row->suspended_ms, row->ended_ms,
        row->attempt,        row->sent,         row->reason};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        bind_number(statement, (int)i + 1, numbers[i]);
    }
    return step_done(statement);
}

static bool give_charging(struct row *row, const struct kc_store_scan *scan)
{
    struct kc_charging_row found;
    read_charging(row, &found);
    return !row->failed && scan->charging(scan->owner, &found);
}

static bool give_charge(struct row *row, const struct kc_store_scan *scan)
{
    struct kc_charge_row found;
    read_charge(row, &found);
    return !row->failed && scan->charge(scan->owner, &found);
}

static struct kc_result scan_charging(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_CHARGING);
    bind_number(statement, 1, until_ms);
    return scan_each(statement, scan, give_charging);
}

static struct kc_result scan_uncharged(void *context, const struct kc_store_scan *scan,
                                       uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_UNCHARGED);
    bind_number(statement, 1, account);
    return scan_each(statement, scan, give_charging);
}

static struct kc_result scan_charges(void *context, const struct kc_store_scan *scan,
                                     uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_CHARGES);
    bind_number(statement, 1, account);
    bind_number(statement, 2, account == 0 ? KC_AMOUNT_MAX : account);
    return scan_each(statement, scan, give_charge);
}

static struct kc_result scan_charges_sent(void *context, const struct kc_store_scan *scan,
                                          uint64_t account)
{
    sqlite3_stmt *statement = get(context, STATEMENT_SCAN_CHARGES_SENT);
    bind_number(statement, 1, account);
    return scan_each(statement, scan, give_charge);
}

void kc_sqlite_charge_calls(struct kc_store *out)
{
    out->charging_get = charging_get;
    out->charging_put = charging_put;
    out->scan_charging = scan_charging;
    out->scan_uncharged = scan_uncharged;
    out->charge_get = charge_get;
    out->charge_put = charge_put;
    out->scan_charges = scan_charges;
    out->scan_charges_sent = scan_charges_sent;
    kc_sqlite_close_calls(out);
}
