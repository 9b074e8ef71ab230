#include "bank/risk.h"

#include <string.h>

struct adding {
    const struct kc_store *store;
    struct kc_risk *out;
    struct kc_result result;
};

bool kc_risk_is_bearer(const struct kc_store *store, const struct kc_alert_row *alert)
{
    struct kc_purse_row purse;
    return alert->reason == KC_CARD_EXHAUSTED ||
           (!kc_failed(store->purse_get(store->context, &purse, alert->purse.number)) &&
            purse.type == KC_PURSE_TYPE_BEARER);
}

/* A record that could not be counted is told again with each report, and counted with the one that it came with. */
static void add_taking(struct adding *adding, const struct kc_alert_row *alert)
{
    struct kc_record_row record;
    const struct kc_store *store = adding->store;
    struct kc_result result =
        store->record_get(store->context, &record, alert->purse.number, alert->counter);
    if (kc_failed(result)) {
        adding->result = result.code == KC_NOT_FOUND ? kc_ok() : result;
        return;
    }
    if (record.objection != KC_CARD_EXHAUSTED || record.shown_ms != alert->evidence_ms ||
        memcmp(record.shown_digest, alert->evidence_digest, KC_DIGEST_SIZE) != 0) {
        return;
    }
    adding->out->takings += 1;
    if (kc_failed(kc_amount_add(&adding->out->lost, adding->out->lost, record.amount))) {
        adding->result = kc_result(KC_STORE_CORRUPT);
    }
}

static bool add_alert(void *owner, const struct kc_alert_row *row)
{
    struct adding *adding = owner;
    if (kc_risk_is_bearer(adding->store, row)) {
        adding->out->alerts += 1;
        if (row->reason == KC_CARD_EXHAUSTED) {
            add_taking(adding, row);
        }
    }
    return !kc_failed(adding->result);
}

struct kc_result kc_risk_bearer(struct kc_risk *out, const struct kc_store *store)
{
    struct adding adding = {.store = store, .out = out, .result = kc_ok()};
    const struct kc_store_scan scan = {.owner = &adding, .alert = add_alert};
    *out = (struct kc_risk){.lost = kc_amount_zero()};
    struct kc_result result = store->scan_alerts(store->context, &scan);
    return kc_failed(result) ? result : adding.result;
}
