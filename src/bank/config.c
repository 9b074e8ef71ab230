#include "bank/config.h"

#include <stddef.h>

#include "service/config.h"

#define TEXT(section, name, member, min, fallback)                                                 \
    {                                                                                              \
        section, name, KC_CONFIG_TEXT, offsetof(struct kc_bank_config, member), min,               \
            sizeof((struct kc_bank_config){0}.member) - 1, fallback                                \
    }
#define UINT(section, name, member, min, max, fallback)                                            \
    {                                                                                              \
        section, name, KC_CONFIG_UINT, offsetof(struct kc_bank_config, member), min, max, fallback \
    }

#define DAY_MS UINT64_C(86400000)

static const struct kc_config_key keys[] = {
    UINT("bank", "id", id, 1, UINT32_MAX, NULL),
    TEXT("bank", "currency", currency, 1, NULL),
    UINT("bank", "decimals", decimals, 0, 8, "0"),
    TEXT("bank", "address", address, 1, "127.0.0.1"),
    UINT("bank", "port", port, 1, 65535, NULL),
    TEXT("bank", "url", url, 1, NULL),
    TEXT("directory", "url", directory_url, 1, NULL),
    TEXT("ordinary-bank", "url", ordinary_url, 1, NULL),
    TEXT("authority", "url", authority_url, 0, ""),
    TEXT("authority", "protocol", authority.protocol, 1, "kinchaku"),
    TEXT("authority", "path", authority.path, 1, "/cmp"),
    TEXT("authority", "name", authority.name, 1, "authority"),
    UINT("times", "quote_ms", quote_ms, 100, DAY_MS, "120000"),
    UINT("times", "temporary_ms", temporary_ms, 100, 30 * DAY_MS, "86400000"),
    UINT("times", "account_ms", account_ms, 1000, 3660 * DAY_MS, "63072000000"),
    UINT("times", "settle_ms", settle_ms, 100, 366 * DAY_MS, "2592000000"),
    UINT("hotlist", "step", hotlist_step, 1, UINT32_MAX, "128"),
    TEXT("offline", "purse_most", purse_most, 0, ""),
    TEXT("offline", "payment_most", payment_most, 0, ""),
    TEXT("offline", "spend_most", spend_most, 0, ""),
    UINT("offline", "spend_count", spend_count, 0, UINT32_MAX, "4294967295"),
    UINT("offline", "valid_ms", valid_ms, 100, 3660 * DAY_MS, "31536000000"),
    TEXT("merchant", "fee_fixed", fee_fixed, 0, ""),
    UINT("merchant", "fee_permille", fee_permille, 0, 1000, "0"),
    TEXT("merchant", "keep", keep, 0, ""),
    TEXT("bearer", "purse_most", bearer_purse_most, 0, "100"),
    TEXT("bearer", "payment_most", bearer_payment_most, 0, "20"),
    UINT("bearer", "valid_ms", bearer_valid_ms, 100, 3660 * DAY_MS, "31536000000"),
    TEXT("charge", "amount", charge_amount, 0, ""),
    UINT("charge", "first_due", charge_first_days, 0, 3660, "365"),
    UINT("charge", "period", charge_period_days, 1, 3660, "365"),
    UINT("charge", "notice", charge_notice_days, 1, 366, "30"),
    UINT("charge", "grace", charge_grace_days, 0, 366, "30"),
    UINT("charge", "day_ms", charge_day_ms, 1000, DAY_MS, "86400000"),
    UINT("charge", "close", charge_close_days, 0, 3660, "0"),
    UINT("renewal", "before", renewal_before_days, 0, 3660, "0"),
    UINT("times", "crl_ms", crl_ms, 100, DAY_MS, "5000"),
    UINT("times", "outside_ms", outside_ms, 50, 60000, "3000"),
    UINT("times", "clock_ms", clock_ms, 1000, DAY_MS, "300000"),
    UINT("limits", "work_threads", work_threads, 0, 32, "0"),
    UINT("limits", "items", items, 4, 16384, "1024"),
    UINT("limits", "people", people, 16, 4194304, "65536"),
    UINT("limits", "database_pages", page_count_max, 0, UINT32_MAX, "0"),
    TEXT("revocation", "mode", revocation_mode, 0, "crl"),
    TEXT("revocation", "url", revocation_url, 0, ""),
    UINT("revocation", "fresh_ms", revocation_fresh_ms, 0, DAY_MS, "0"),
    TEXT("keys", "sign", keys.sign, 0, ""),
    TEXT("keys", "encrypt", keys.encrypt, 0, ""),
    TEXT("keys", "module", keys.module, 0, ""),
    TEXT("keys", "pin", keys.pin, 1, "token.pin"),
    TEXT("debug", "capture", capture, 0, ""),
};

struct kc_result kc_bank_config_open(struct kc_bank_config *out, char folder[KC_PATH_SIZE_MAX],
                                     const char *dir)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(folder, dir, "bank", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "bank.ini", NULL);
    }
    return kc_failed(result) ? result
                             : kc_config_read(out, keys, sizeof keys / sizeof keys[0], path);
}
