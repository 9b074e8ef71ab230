#include "bank/closings.h"

#include <inttypes.h>

#include "bank/words.h"
#include "base/clock.h"
#include "service/json_out.h"

struct showing {
    FILE *out;
    const struct kc_store *store;
    const struct kc_bank_config *config;
    bool json;
    struct kc_result result;
};

static const char *by_word(enum kc_closing_by by)
{
    switch (by) {
    case KC_CLOSING_BY_HOLDER:
        return "holder";
    case KC_CLOSING_BY_OPERATOR:
        return "operator";
    case KC_CLOSING_BY_CHARGE:
        return "charge";
    }
    return "?";
}

static const char *payout_word(enum kc_payout_state state)
{
    switch (state) {
    case KC_PAYOUT_SENT:
        return "asked";
    case KC_PAYOUT_PAID:
        return "paid";
    case KC_PAYOUT_REFUSED:
        return "refused";
    }
    return "?";
}

static void format_time(char out[KC_CLOCK_TEXT_SIZE], uint64_t time_ms)
{
    out[0] = '\0';
    if (time_ms != 0) {
        kc_clock_format(out, time_ms);
    }
}

static bool show_payout(void *owner, const struct kc_payout_row *row)
{
    const struct showing *showing = owner;
    struct kc_json_out json;
    char amount[KC_AMOUNT_TEXT_SIZE];
    char ordered[KC_CLOCK_TEXT_SIZE];
    char ended[KC_CLOCK_TEXT_SIZE];
    const char *reason = row->reason == KC_OK ? "" : kc_error_name(row->reason);
    kc_amount_format(amount, row->amount, (unsigned)showing->config->decimals);
    format_time(ordered, row->ordered_ms);
    format_time(ended, row->ended_ms);
    if (!showing->json) {
        (void)fprintf(showing->out, "pay-out %" PRIu64 "-%" PRIu64 "  %-7s  %s  ordered %s%s%s\n",
                      row->account.number, row->number, payout_word(row->state), amount, ordered,
                      reason[0] == '\0' ? "" : "  ", reason);
        return true;
    }
    kc_json_open(&json, showing->out);
    kc_json_number(&json, "payout", row->number);
    kc_json_number(&json, "account", row->account.number);
    kc_json_text(&json, "state", payout_word(row->state));
    kc_json_text(&json, "amount", amount);
    kc_json_text(&json, "ordered", ordered);
    kc_json_text(&json, "ended", ended);
    kc_json_text(&json, "reason", reason);
    kc_json_close(&json);
    return true;
}

/* The bank asks the authority by itself, if it knows where that is, until it has said so. */
static const char *revocation_word(const struct showing *showing, const struct kc_closing_row *row)
{
    if (row->revoked_ms != 0) {
        return "done";
    }
    return showing->config->authority_url[0] == '\0' ? "not asked" : "pending";
}

static void write_closing(const struct showing *showing, const struct kc_closing_row *row)
{
    struct kc_json_out json;
    char begun[KC_CLOCK_TEXT_SIZE];
    char due[KC_CLOCK_TEXT_SIZE];
    char closed[KC_CLOCK_TEXT_SIZE];
    char revoked[KC_CLOCK_TEXT_SIZE];
    enum kc_account_state state = row->closed_ms == 0 ? KC_ACCOUNT_CLOSING : KC_ACCOUNT_CLOSED;
    const char *word = kc_bank_account_state_word(state);
    format_time(begun, row->begun_ms);
    format_time(due, row->due_ms);
    format_time(closed, row->closed_ms);
    format_time(revoked, row->revoked_ms);
    if (!showing->json) {
        (void)fprintf(showing->out, "closing %" PRIu64 "  %-7s  by %s on %s, until %s%s%s%s\n",
                      row->account.number, word, by_word(row->by), begun, due,
                      row->early ? "  purse empty" : "",
                      row->revoked_ms == 0 ? "  revocation " : "",
                      row->revoked_ms == 0 ? revocation_word(showing, row) : "");
        return;
    }
    kc_json_open(&json, showing->out);
    kc_json_number(&json, "closing", row->account.number);
    kc_json_text(&json, "state", word);
    kc_json_text(&json, "by", by_word(row->by));
    kc_json_number(&json, "purse", row->purse.number);
    kc_json_bool(&json, "empty", row->early);
    kc_json_text(&json, "begun", begun);
    kc_json_text(&json, "due", due);
    kc_json_text(&json, "closed", closed);
    kc_json_text(&json, "revoked", revoked);
    kc_json_text(&json, "revocation", revocation_word(showing, row));
    kc_json_close(&json);
}

static bool show_closing(void *owner, const struct kc_closing_row *row)
{
    struct showing *showing = owner;
    const struct kc_store *store = showing->store;
    struct kc_store_scan scan = {.owner = showing, .payout = show_payout};
    write_closing(showing, row);
    showing->result = row->payouts == 0
                          ? kc_ok()
                          : store->scan_payouts(store->context, &scan, row->account.number);
    return !kc_failed(showing->result);
}

struct kc_result kc_closings_show(FILE *out, const struct kc_store *store, uint64_t account,
                                  bool json, const struct kc_bank_config *config)
{
    struct kc_closing_row row;
    struct showing showing = {
        .out = out, .store = store, .config = config, .json = json, .result = kc_ok()};
    const struct kc_store_scan scan = {.owner = &showing, .closing = show_closing};
    if (account == 0) {
        struct kc_result result = store->scan_closings(store->context, &scan, KC_AMOUNT_MAX);
        return kc_failed(result) ? result : showing.result;
    }
    struct kc_result result = store->closing_get(store->context, &row, account);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    (void)show_closing(&showing, &row);
    return showing.result;
}
