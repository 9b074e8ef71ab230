/* What prepaid cards without keys cost: a class of risk of its own, because nobody signed for what a copy of one paid, and the
 * loss is the taker's. Derived from alerts and records each time; nothing is added up anywhere. */
#ifndef KC_BANK_RISK_H
#define KC_BANK_RISK_H

#include "ledger/store.h"

struct kc_risk {
    uint64_t alerts;       /* of this class */
    uint64_t takings;      /* payments that takers showed and that were not booked */
    struct kc_amount lost; /* their sum: what takers lost */
};

/* Whether an alert is about a card without keys, or about what one paid. */
bool kc_risk_is_bearer(const struct kc_store *store, const struct kc_alert_row *alert);

/* Errors of the store; KC_STORE_CORRUPT when the sum does not fit. */
KC_MUST_USE struct kc_result kc_risk_bearer(struct kc_risk *out, const struct kc_store *store);

#endif
