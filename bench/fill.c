/* Opens N accounts in a bank's database, straight through the ledger: what a bank of that size has on its disk.
 *
 *   fill DATABASE N */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/libcrypto.h"
#include "ledger/ledger.h"
#include "store/sqlite.h"

#define BATCH 500u
/* A registrar's letter with P-256, so that an account takes the room on the disk that it really takes. */
#define LETTER_SIZE 640u

static struct kc_result open_one(struct kc_ledger *ledger, const struct kc_crypto *crypto,
                                 uint64_t number)
{
    char name[64];
    char account[32];
    static const char hash[] = "$scrypt$ln=15,r=8,p=1$ABCDEFGHIJKLMNOPQRSTUV$"
                               "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    uint8_t identity[KC_DIGEST_SIZE] = {0};
    struct kc_ledger_opened opened;
    struct kc_certified certified;
    (void)snprintf(name, sizeof name, "Person %llu of many", (unsigned long long)number);
    (void)snprintf(account, sizeof account, "%llu", (unsigned long long)number);
    struct kc_open_request request = {.name = kc_view_text(name),
                                      .address = kc_view_text("1-2-3 Marunouchi, Chiyoda, Tokyo"),
                                      .phone = kc_view_text("03-1234-5678"),
                                      .bank_account = kc_view_text(account),
                                      .password_hash = kc_view_text(hash),
                                      .suite = KC_SUITE_ES256,
                                      .log_policy = KC_LOG_POLICY_REFUSE,
                                      .purse_type = KC_PURSE_TYPE_UIM,
                                      .time_ms = kc_clock_now_ms()};
    uint8_t letter[LETTER_SIZE] = {0};
    struct kc_ledger_source source = {.bytes = kc_view(letter, sizeof letter)};
    struct kc_result result = crypto->random(crypto->context, request.id, sizeof request.id);
    if (!kc_failed(result)) {
        memcpy(letter, request.id, sizeof request.id);
        kc_digest(crypto, source.digest, source.bytes);
        result = kc_ledger_open_account(&opened, ledger, &request, &source);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(identity, request.id, sizeof request.id);
    const struct kc_confirm_request confirm = {
        .account = opened.account, .purse = opened.purse, .time_ms = request.time_ms};
    letter[LETTER_SIZE - 1] = 1;
    kc_digest(crypto, source.digest, source.bytes);
    return kc_ledger_confirm_account(&certified, ledger, &confirm, identity, &source);
}

static struct kc_result fill(struct kc_ledger *ledger, const struct kc_crypto *crypto,
                             uint64_t count)
{
    struct kc_result result = kc_ok();
    for (uint64_t i = 0; i < count && !kc_failed(result); i += BATCH) {
        result = kc_ledger_begin(ledger, kc_clock_now_ms());
        for (uint64_t k = i; k < count && k < i + BATCH && !kc_failed(result); k++) {
            result = open_one(ledger, crypto, k);
        }
        if (!kc_failed(result)) {
            result = kc_ledger_commit(ledger);
        }
    }
    return result;
}

int main(int argc, char **argv)
{
    struct kc_crypto crypto;
    struct kc_store store;
    struct kc_ledger ledger;
    struct kc_ledger_options options = {.quote_ms = 120000,
                                        .temporary_ms = 86400000,
                                        .account_ms = UINT64_C(63072000000),
                                        .settle_ms = UINT64_C(2592000000),
                                        .limits = kc_offline_limits_none()};
    if (argc != 3) {
        (void)fprintf(stderr, "usage: fill DATABASE N\n");
        return 2;
    }
    struct kc_result result = kc_realm_set(&options.realm, 1, "JPY");
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&crypto, 8);
    }
    if (!kc_failed(result)) {
        result = kc_sqlite_open(&store, argv[1], true, 0);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_open(&ledger, &store, &crypto, &options);
    }
    if (!kc_failed(result)) {
        result = fill(&ledger, &crypto, strtoull(argv[2], NULL, 10));
        kc_sqlite_close(&store);
        kc_libcrypto_close(&crypto);
    }
    if (kc_failed(result)) {
        (void)fprintf(stderr, "fill: %s\n", kc_error_name(result.code));
        return 4;
    }
    return 0;
}
