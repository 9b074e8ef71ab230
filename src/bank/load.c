/* What the bank needs before it can serve: configuration, keys, certificates, database. */
#include <string.h>

#include "bank/bank.h"
#include "bank/cmp.h"
#include "base/log.h"
#include "crypto/libcrypto.h"
#include "crypto/x509.h"
#include "service/files.h"
#include "service/keys.h"
#include "store/sqlite.h"

/* Signatures remembered: 2 MiB, and some minutes of the traffic that one machine can take. */
#define KNOWN_COUNT 65536u

static struct kc_result load_keys(struct kc_bank *bank, const char *folder)
{
    struct kc_result result = kc_bank_keys_open(&bank->keys, &bank->crypto, &bank->realm, folder,
                                                &bank->config.keys, false);
    if (!kc_failed(result)) {
        bank->sign_key = bank->keys.sign_key;
        bank->encrypt_key = bank->keys.encrypt_key;
        bank->sign_public = bank->keys.sign_public;
        kc_signer_id_make(&bank->signer_id, &bank->crypto, KC_SERVER_BANK, &bank->sign_public);
    }
    return result;
}

static struct kc_result open_notice(struct kc_bank *bank, const char *folder)
{
    const struct kc_notice_maker by = {
        .crypto = &bank->crypto, .realm = &bank->realm, .keys = &bank->keys};
    return kc_bank_notice_open(&bank->notice, &by, folder);
}

/* The operator's token is made at the first start. */
static struct kc_result load_tokens(struct kc_bank *bank, const char *folder)
{
    struct kc_result result = kc_token_file_load(bank->ordinary_token, sizeof bank->ordinary_token,
                                                 folder, "ordinary-bank.token");
    if (!kc_failed(result)) {
        result = kc_token_file_ensure(&bank->crypto, folder, KC_ADMIN_TOKEN_FILE);
    }
    return kc_failed(result) ? result
                             : kc_token_file_load(bank->admin_token, sizeof bank->admin_token,
                                                  folder, KC_ADMIN_TOKEN_FILE);
}

static struct kc_result load_people(struct kc_bank *bank, const char *folder)
{
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(der);
    struct kc_result result = kc_certificate_file_load(&buffer, folder, "root.crt");
    if (!kc_failed(result)) {
        result = kc_people_open(&bank->people, bank->config.people, kc_buffer_view(&buffer));
    }
    if (!kc_failed(result)) {
        result = kc_path_join(bank->folder, folder, NULL, NULL);
        kc_people_follow_roots(&bank->people, kc_root_file_keep, bank->folder);
        kc_people_keep_lists(&bank->people, kc_root_list_file_keep, kc_root_list_file_load,
                             bank->folder);
    }
    if (!kc_failed(result) && pthread_mutex_init(&bank->hotlist.lock, NULL) != 0) {
        result = kc_result(KC_NO_MEMORY);
    }
    return kc_failed(result) ? result : kc_holders_open(&bank->holders, bank->config.people);
}

static struct kc_result read_limit(struct kc_amount *out, const struct kc_bank *bank,
                                   const char *section, const char *name, const char *text)
{
    struct kc_result result =
        text[0] == '\0' ? kc_ok() : kc_amount_parse(out, text, (unsigned)bank->config.decimals);
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "config bank.ini: [%s] %s is no amount", section, name);
    }
    return result;
}

/* What purses may do without the bank, from the section [offline]. */
static struct kc_result read_limits(struct kc_offline_limits *out, const struct kc_bank *bank)
{
    const struct kc_bank_config *config = &bank->config;
    *out = kc_offline_limits_none();
    out->spend_count = config->spend_count;
    out->valid_ms = config->valid_ms;
    struct kc_result result =
        read_limit(&out->purse_most, bank, "offline", "purse_most", config->purse_most);
    if (!kc_failed(result)) {
        result =
            read_limit(&out->payment_most, bank, "offline", "payment_most", config->payment_most);
    }
    if (!kc_failed(result)) {
        result = read_limit(&out->spend_most, bank, "offline", "spend_most", config->spend_most);
    }
    return kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
}

/* What dealers pay, from the section [merchant]. */
static struct kc_result read_merchant(struct kc_merchant_rule *out, const struct kc_bank *bank)
{
    const struct kc_bank_config *config = &bank->config;
    out->fee_fixed = kc_amount_zero();
    out->fee_permille = config->fee_permille;
    out->keep = kc_amount_zero();
    struct kc_result result =
        read_limit(&out->fee_fixed, bank, "merchant", "fee_fixed", config->fee_fixed);
    if (!kc_failed(result)) {
        result = read_limit(&out->keep, bank, "merchant", "keep", config->keep);
    }
    return kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
}

/* What cards without keys may do, from the section [bearer]: whoever takes from a copied one bears the loss, so it is small. */
static struct kc_result read_bearer(struct kc_offline_limits *out, const struct kc_bank *bank)
{
    const struct kc_bank_config *config = &bank->config;
    struct kc_offline_limits limits = kc_offline_limits_none();
    struct kc_result result =
        read_limit(&limits.purse_most, bank, "bearer", "purse_most", config->bearer_purse_most);
    if (!kc_failed(result)) {
        result = read_limit(&limits.payment_most, bank, "bearer", "payment_most",
                            config->bearer_payment_most);
    }
    *out =
        kc_offline_limits_bearer(limits.purse_most, limits.payment_most, config->bearer_valid_ms);
    return kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
}

/* What accounts pay for being kept, from the section [charge]. */
static struct kc_result read_charge(struct kc_charge_rule *out, const struct kc_bank *bank)
{
    const struct kc_bank_config *config = &bank->config;
    *out = (struct kc_charge_rule){.amount = kc_amount_zero(),
                                   .first_ms = config->charge_first_days * config->charge_day_ms,
                                   .period_ms = config->charge_period_days * config->charge_day_ms,
                                   .notice_ms = config->charge_notice_days * config->charge_day_ms,
                                   .grace_ms = config->charge_grace_days * config->charge_day_ms,
                                   .close_ms = config->charge_close_days * config->charge_day_ms};
    struct kc_result result =
        read_limit(&out->amount, bank, "charge", "amount", config->charge_amount);
    return kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
}

static struct kc_result open_known(struct kc_bank *bank, const char *folder)
{
    (void)folder;
    struct kc_result result = kc_counter_open(&bank->counter);
    return kc_failed(result) ? result : kc_known_open(&bank->known, KNOWN_COUNT);
}

/* Whom the bank asks about revocation, from the section [revocation]. */
static struct kc_result open_revocation(struct kc_bank *bank, const char *folder)
{
    const struct kc_bank_config *config = &bank->config;
    enum kc_revocation_mode mode;
    (void)folder;
    if (!kc_revocation_mode_read(&mode, config->revocation_mode)) {
        kc_log(KC_LOG_ERROR, "config bank.ini: [revocation] mode is crl, both or ocsp");
        return kc_result(KC_CONFIG_INVALID);
    }
    bank->people.list_may_be_old = mode == KC_REVOCATION_OCSP;
    struct kc_result result =
        kc_revocation_open(&bank->revocation, mode, config->revocation_url, config->authority_url,
                           config->revocation_fresh_ms, config->clock_ms, config->people);
    if (result.code == KC_CONFIG_INVALID) {
        kc_log(KC_LOG_ERROR, "config bank.ini: [revocation] mode %s wants a url",
               config->revocation_mode);
    }
    return result;
}

static struct kc_result open_ledger(struct kc_bank *bank, const char *folder)
{
    char *path = bank->database;
    struct kc_ledger_options options = {.realm = bank->realm,
                                        .quote_ms = bank->config.quote_ms,
                                        .temporary_ms = bank->config.temporary_ms,
                                        .account_ms = bank->config.account_ms,
                                        .settle_ms = bank->config.settle_ms,
                                        .retire_each =
                                            kc_cmp_place_speaks(&bank->config.authority)};
    struct kc_result result = read_limits(&options.limits, bank);
    if (!kc_failed(result)) {
        result = read_merchant(&options.merchant, bank);
    }
    if (!kc_failed(result)) {
        result = read_bearer(&options.bearer, bank);
    }
    if (!kc_failed(result)) {
        result = read_charge(&options.charge, bank);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "bank.db", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_database_expect(path);
    }
    if (!kc_failed(result)) {
        result = kc_sqlite_open(&bank->store, path, true, bank->config.page_count_max);
    }
    if (!kc_failed(result)) {
        result = kc_database_made(path);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_open(&bank->ledger, &bank->store, &bank->crypto, &options);
    }
    bank->hotlist.step = bank->config.hotlist_step;
    atomic_init(&bank->hotlist.newest, kc_failed(result) ? 0 : bank->ledger.hotlist_version);
    return result;
}

struct kc_result kc_bank_load(struct kc_bank *bank, int *lock, const char *dir)
{
    char folder[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_bank_config_open(&bank->config, folder, dir);
    if (!kc_failed(result)) {
        result = kc_realm_set(&bank->realm, bank->config.id, bank->config.currency);
        result = kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
    }
    if (!kc_failed(result)) {
        result = kc_folder_lock(lock, dir, "bank");
    }
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&bank->crypto, 64);
    }
    struct kc_result (*const parts[])(struct kc_bank *, const char *) = {
        load_keys,  open_notice,     load_tokens,      load_people,
        open_known, open_revocation, kc_bank_cmp_load, open_ledger};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !kc_failed(result); i++) {
        result = parts[i](bank, folder);
    }
    return result;
}

struct kc_result kc_bank_init(const char *dir)
{
    struct kc_bank_config config;
    char folder[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_bank_config_open(&config, folder, dir);
    if (!kc_failed(result)) {
        result = kc_server_keys_ensure_at(folder, &config.keys);
    }
    return kc_failed(result) ? result : kc_bank_finish_roll(&config, folder);
}

void kc_bank_unload(struct kc_bank *bank)
{
    kc_people_close(&bank->people);
    kc_bank_notice_close(&bank->notice);
    kc_known_close(&bank->known);
    kc_counter_close(&bank->counter);
    kc_revocation_close(&bank->revocation);
    kc_holders_close(&bank->holders);
    kc_sqlite_close(&bank->store);
    kc_bank_keys_close(&bank->keys);
    kc_libcrypto_close(&bank->crypto);
    kc_wipe(bank, sizeof *bank);
}
