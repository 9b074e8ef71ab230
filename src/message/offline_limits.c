#include "message/offline_limits.h"

#include <string.h>

#include "base/assert.h"

struct kc_offline_limits kc_offline_limits_none(void)
{
    struct kc_amount most = kc_amount_zero();
    struct kc_result result = kc_amount_from_minor(&most, KC_AMOUNT_MAX);
    KC_ASSERT(!kc_failed(result));
    return (struct kc_offline_limits){.purse_most = most,
                                      .payment_most = most,
                                      .spend_most = most,
                                      .spend_count = UINT32_MAX,
                                      .valid_ms = UINT32_MAX * UINT64_C(1000)};
}

struct kc_offline_limits kc_offline_limits_bearer(struct kc_amount purse_most,
                                                  struct kc_amount payment_most, uint64_t valid_ms)
{
    struct kc_offline_limits limits = kc_offline_limits_none();
    limits.purse_most = purse_most;
    limits.payment_most = payment_most;
    limits.valid_ms = valid_ms;
    return limits;
}

void kc_offline_limits_certify(struct kc_certified *out, const struct kc_offline_limits *limits,
                               uint64_t end_ms)
{
    uint64_t until_ms = out->time_ms + limits->valid_ms;
    out->purse_most = limits->purse_most;
    out->payment_most = limits->payment_most;
    out->spend_most = limits->spend_most;
    out->spend_count = limits->spend_count;
    out->valid_until_ms = until_ms < end_ms ? until_ms : end_ms;
}

bool kc_log_policy_take(enum kc_log_policy *out, const char *word)
{
    static const char *const words[] = {[KC_LOG_POLICY_REFUSE] = "refuse",
                                        [KC_LOG_POLICY_OVERWRITE] = "overwrite",
                                        [KC_LOG_POLICY_REPORT] = "report"};
    for (unsigned i = KC_LOG_POLICY_REFUSE; i <= KC_LOG_POLICY_REPORT; i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = (enum kc_log_policy)i;
            return true;
        }
    }
    return false;
}

bool kc_charge_source_take(enum kc_charge_source *out, const char *word)
{
    static const char *const words[] = {[KC_CHARGE_SOURCE_ACCOUNT] = "account",
                                        [KC_CHARGE_SOURCE_ORDINARY] = "ordinary",
                                        [KC_CHARGE_SOURCE_INCLUDED] = "included"};
    for (unsigned i = KC_CHARGE_SOURCE_ACCOUNT; i <= KC_CHARGE_SOURCE_INCLUDED; i++) {
        if (strcmp(word, words[i]) == 0) {
            *out = (enum kc_charge_source)i;
            return true;
        }
    }
    return false;
}
