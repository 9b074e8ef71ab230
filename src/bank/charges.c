#include "bank/charges.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "message/generated/names.h"
#include "message/offline_limits.h"
#include "service/json_out.h"

struct showing {
    FILE *out;
    const struct kc_store *store;
    const struct kc_bank_config *config;
    bool json;
    struct kc_result result;
};

bool kc_charge_word_take(enum kc_charge_source *out, const char *word)
{
    if (strcmp(word, "paid") == 0) {
        *out = KC_CHARGE_SOURCE_INCLUDED;
        return true;
    }
    return kc_charge_source_take(out, word);
}

static const char *step_word(const struct kc_charge_row *row)
{
    switch (row->step) {
    case KC_CHARGE_NOTIFIED:
        return "notified";
    case KC_CHARGE_GRACE:
        return "grace";
    case KC_CHARGE_SUSPENDED:
        return "suspended";
    case KC_CHARGE_PAID:
        return "paid";
    case KC_CHARGE_DROPPED:
        return "dropped";
    }
    return "?";
}

/* ---- sums ---- */

struct summing {
    struct kc_charges *out;
    struct kc_result result;
};

static bool add(void *owner, const struct kc_charge_row *row)
{
    struct summing *summing = owner;
    struct kc_charges *out = summing->out;
    bool taken = row->step == KC_CHARGE_PAID && row->source != KC_CHARGE_SOURCE_INCLUDED;
    out->notified += row->step == KC_CHARGE_NOTIFIED ? 1 : 0;
    out->grace += row->step == KC_CHARGE_GRACE ? 1 : 0;
    out->suspended += row->step == KC_CHARGE_SUSPENDED ? 1 : 0;
    summing->result = taken ? kc_amount_add(&out->taken, out->taken, row->amount) : summing->result;
    return !kc_failed(summing->result);
}

struct kc_result kc_charges_sum(struct kc_charges *out, const struct kc_store *store)
{
    struct summing summing = {.out = out, .result = kc_ok()};
    const struct kc_store_scan scan = {.owner = &summing, .charge = add};
    *out = (struct kc_charges){.taken = kc_amount_zero()};
    struct kc_result result = store->scan_charges(store->context, &scan, 0);
    return kc_failed(result) ? result
                             : kc_result(kc_failed(summing.result) ? KC_STORE_CORRUPT : KC_OK);
}

/* ---- lines ---- */

struct line {
    uint64_t account;
    uint64_t period;
    const char *source;
    const char *state;
    char amount[KC_AMOUNT_TEXT_SIZE];
    char due[KC_CLOCK_TEXT_SIZE];
    char notified[KC_CLOCK_TEXT_SIZE];
    char told[KC_CLOCK_TEXT_SIZE];
    char since[KC_CLOCK_TEXT_SIZE];
    char ended[KC_CLOCK_TEXT_SIZE];
    const char *reason; /* of the last attempt, or "" */
};

static void format_time(char out[KC_CLOCK_TEXT_SIZE], uint64_t time_ms)
{
    out[0] = '\0';
    if (time_ms != 0) {
        kc_clock_format(out, time_ms);
    }
}

static void describe(struct line *out, const struct showing *showing,
                     const struct kc_charge_row *row)
{
    *out = (struct line){.account = row->account.number,
                         .period = row->period,
                         .source = kc_charge_source_word(row->source),
                         .state = row->sent ? "asked" : step_word(row),
                         .reason = row->reason == KC_OK ? "" : kc_error_name(row->reason)};
    kc_amount_format(out->amount, row->amount, (unsigned)showing->config->decimals);
    format_time(out->due, row->due_ms);
    format_time(out->notified, row->notified_ms);
    format_time(out->told, row->told_ms);
    format_time(out->since, row->since_ms);
    format_time(out->ended, row->ended_ms);
}

static void write_line(const struct showing *showing, const struct line *line)
{
    struct kc_json_out json;
    if (!showing->json) {
        (void)fprintf(showing->out, "charge %" PRIu64 "-%" PRIu64 "  %-9s  %-9s  %s  due %s%s%s\n",
                      line->account, line->period, line->state, line->source, line->amount,
                      line->due, line->reason[0] == '\0' ? "" : "  ", line->reason);
        return;
    }
    kc_json_open(&json, showing->out);
    kc_json_number(&json, "charge", line->period);
    kc_json_number(&json, "account", line->account);
    kc_json_text(&json, "state", line->state);
    kc_json_text(&json, "source", line->source);
    kc_json_text(&json, "amount", line->amount);
    kc_json_text(&json, "due", line->due);
    kc_json_text(&json, "notified", line->notified);
    kc_json_text(&json, "told", line->told);
    kc_json_text(&json, "since", line->since);
    kc_json_text(&json, "paid", line->ended);
    kc_json_text(&json, "reason", line->reason);
    kc_json_close(&json);
}

/* A period that is not notified yet has no amount. */
static void write_ahead(const struct showing *showing, const struct kc_charging_row *row)
{
    struct line line = {.account = row->account.number,
                        .period = row->period,
                        .source = kc_charge_source_word(row->source),
                        .state = "ahead",
                        .amount = "-",
                        .reason = ""};
    format_time(line.due, row->due_ms);
    write_line(showing, &line);
}

/* Nothing is charged any more, and nothing of it is under way. */
static struct kc_result is_over(bool *over, const struct kc_store *store, uint64_t number)
{
    struct kc_account_row account;
    struct kc_result result = store->account_get(store->context, &account, number);
    *over = !kc_failed(result) &&
            (account.state == KC_ACCOUNT_CLOSING || account.state == KC_ACCOUNT_CLOSED);
    return kc_result(result.code == KC_NOT_FOUND ? KC_STORE_CORRUPT : result.code);
}

static bool take_charging(void *owner, const struct kc_charging_row *row)
{
    struct showing *showing = owner;
    const struct kc_store *store = showing->store;
    struct kc_charge_row charge = {.sent = false};
    struct line line;
    bool over = false;
    struct kc_result result =
        store->charge_get(store->context, &charge, row->account.number, row->period);
    bool known = !kc_failed(result);
    if (known || result.code == KC_NOT_FOUND) {
        showing->result = is_over(&over, store, row->account.number);
        if (kc_failed(showing->result)) {
            return false;
        }
    }
    if (over && !(known && charge.sent)) {
        return true;
    }
    if (result.code == KC_NOT_FOUND) {
        write_ahead(showing, row);
    } else if (kc_failed(result)) {
        showing->result = result;
    } else {
        describe(&line, showing, &charge);
        write_line(showing, &line);
    }
    return !kc_failed(showing->result);
}

static bool take_charge(void *owner, const struct kc_charge_row *row)
{
    struct line line;
    describe(&line, owner, row);
    write_line(owner, &line);
    return true;
}

struct kc_result kc_charges_show(FILE *out, const struct kc_store *store, bool json,
                                 const struct kc_bank_config *config)
{
    struct showing showing = {
        .out = out, .store = store, .config = config, .json = json, .result = kc_ok()};
    const struct kc_store_scan scan = {.owner = &showing, .charging = take_charging};
    struct kc_result result = store->scan_charging(store->context, &scan, KC_AMOUNT_MAX);
    return kc_failed(result) ? result : showing.result;
}

struct kc_result kc_charges_show_account(FILE *out, const struct kc_store *store,
                                         struct kc_account_id account, bool json,
                                         const struct kc_bank_config *config)
{
    struct showing showing = {
        .out = out, .store = store, .config = config, .json = json, .result = kc_ok()};
    const struct kc_store_scan scan = {.owner = &showing, .charge = take_charge};
    struct kc_charging_row row;
    struct kc_charge_row now;
    struct kc_result result = store->scan_charges(store->context, &scan, account.number);
    if (!kc_failed(result)) {
        result = store->charging_get(store->context, &row, account.number);
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    result = store->charge_get(store->context, &now, account.number, row.period);
    if (result.code == KC_NOT_FOUND) {
        write_ahead(&showing, &row);
        return kc_ok();
    }
    return result;
}
