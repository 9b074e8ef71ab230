#include "bank/rolls.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/config.h"
#include "service/files.h"
#include "service/keys.h"

#define DAY_MS UINT64_C(86400000)
#define DAYS_MAX 3660u
#define BASE "roll"

/* ---- the plan ---- */

struct plan {
    uint64_t days;
    char token[KC_TOKEN_URI_SIZE_MAX + 1];
};

static const struct kc_config_key plan_keys[] = {
    {"roll", "days", KC_CONFIG_UINT, offsetof(struct plan, days), 0, DAYS_MAX, NULL},
    {"roll", "token", KC_CONFIG_TEXT, offsetof(struct plan, token), 0, KC_TOKEN_URI_SIZE_MAX, ""},
};

static struct kc_result read_plan(struct plan *out, const char *folder, uint64_t number)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_numbered(path, folder, BASE, number, ".plan");
    return kc_failed(result)
               ? result
               : kc_config_read(out, plan_keys, sizeof plan_keys / sizeof plan_keys[0], path);
}

static struct kc_result write_plan(const char *folder, uint64_t number,
                                   const struct kc_roll_wish *wish)
{
    char path[KC_PATH_SIZE_MAX];
    char text[KC_TOKEN_URI_SIZE_MAX + 64];
    const char *token = wish->token == NULL ? "" : wish->token;
    int size =
        snprintf(text, sizeof text, "[roll]\ndays = %" PRIu64 "\n%s%s%s", wish->days,
                 wish->token == NULL ? "" : "token = ", token, wish->token == NULL ? "" : "\n");
    struct kc_result result = kc_path_numbered(path, folder, BASE, number, ".plan");
    return kc_failed(result) ? result : kc_file_write_text(path, text, size, sizeof text);
}

/* Where the keys of a generation are: as configured those of the first, as planned any other's. */
static struct kc_result places_of(struct kc_key_places *out, const struct kc_key_places *configured,
                                  const char *folder, uint64_t generation)
{
    struct plan plan;
    char object[KC_FILE_NAME_SIZE];
    *out = *configured;
    if (generation == 0) {
        return kc_ok();
    }
    out->sign[0] = '\0';
    out->encrypt[0] = '\0';
    struct kc_result result = read_plan(&plan, folder, generation);
    if (kc_failed(result) || plan.token[0] == '\0') {
        return result;
    }
    kc_file_numbered(object, "bank-sign", generation, "");
    result = kc_token_uri_object(out->sign, plan.token, object);
    kc_file_numbered(object, "bank-encrypt", generation, "");
    return kc_failed(result) ? result : kc_token_uri_object(out->encrypt, plan.token, object);
}

/* ---- opening ---- */

static uint64_t count_generations(const char *folder)
{
    uint64_t count = 0;
    while (count < KC_ROLLS_MAX && kc_file_numbered_exists(folder, BASE, count + 1, ".cose")) {
        count++;
    }
    return count;
}

static struct kc_result open_pair(struct kc_private_key *private_key,
                                  struct kc_public_key *public_key, const struct kc_crypto *crypto,
                                  const char *folder, const char *base, uint64_t generation,
                                  const struct kc_key_places *configured)
{
    char name[KC_FILE_NAME_SIZE];
    struct kc_key_places places;
    struct kc_result result = places_of(&places, configured, folder, generation);
    kc_file_numbered(name, base, generation, "");
    return kc_failed(result)
               ? result
               : kc_key_pair_open(private_key, public_key, crypto, folder, name, &places);
}

/* The record that ends a generation. */
static struct kc_result load_roll(struct kc_roll *out, struct kc_bank_keys *keys,
                                  const struct kc_crypto *crypto, const struct kc_realm *realm,
                                  const char *folder, uint64_t number)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer bytes = KC_BUFFER(keys->rolls[number - 1]);
    struct kc_result result = kc_path_numbered(path, folder, BASE, number, ".cose");
    if (!kc_failed(result)) {
        result = kc_file_read(&bytes, path);
    }
    if (!kc_failed(result)) {
        keys->roll_sizes[number - 1] = bytes.size;
        result = kc_roll_open(out, crypto, realm, kc_buffer_view(&bytes));
    }
    if (!kc_failed(result) && out->number != number) {
        result = kc_result(KC_CONFIG_INVALID);
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "roll-%" PRIu64 ".cose: %s", number, kc_error_name(result.code));
    }
    return result;
}

/* A key whose time is over may have been destroyed. */
static struct kc_result open_former_encrypt(struct kc_former_keys *former,
                                            const struct kc_crypto *crypto, const char *folder,
                                            uint64_t generation,
                                            const struct kc_key_places *configured, bool all)
{
    bool counts = kc_clock_now_ms() < former->until_ms;
    if (!counts && !all) {
        return kc_ok();
    }
    struct kc_result result =
        open_pair(&former->encrypt_key, NULL, crypto, folder, "encrypt", generation, configured);
    if (kc_failed(result) && !counts) {
        kc_log(KC_LOG_WARN, "the encryption key of generation %" PRIu64 " is kept no more: %s",
               generation, kc_error_name(result.code));
        memset(&former->encrypt_key, 0, sizeof former->encrypt_key);
        return kc_ok();
    }
    return result;
}

/* The newest former key is always opened as far as it is kept, so that what comes too late for it is refused by name; and
 * so is one that an emergency ended before its time. */
static struct kc_result open_formers(struct kc_bank_keys *out, const struct kc_crypto *crypto,
                                     const struct kc_realm *realm, const char *folder,
                                     const struct kc_key_places *configured, bool all)
{
    struct kc_result result = kc_ok();
    for (uint64_t i = 0; i < out->generation && !kc_failed(result); i++) {
        struct kc_roll roll;
        struct kc_former_keys *former = &out->formers[i];
        result = load_roll(&roll, out, crypto, realm, folder, i + 1);
        if (kc_failed(result)) {
            break;
        }
        bool linked = i == 0 || kc_key_equal(&roll.former_key, &former->sign_public);
        bool last = i + 1 == out->generation;
        former->sign_public = roll.former_key;
        former->until_ms = last ? roll.until_ms : 0;
        kc_signer_id_make(&former->id, crypto, KC_SERVER_BANK, &former->sign_public);
        const struct kc_public_key *next = &out->sign_public;
        if (!last) {
            out->formers[i + 1].sign_public = roll.sign_key;
        }
        if (!linked || (last && !kc_key_equal(&roll.sign_key, next))) {
            kc_log(KC_LOG_ERROR, "roll-%" PRIu64 ".cose does not lead from key to key", i + 1);
            return kc_result(KC_CONFIG_INVALID);
        }
        bool named = last || kc_clock_now_ms() < roll.until_ms;
        result = open_former_encrypt(former, crypto, folder, i, configured, all || named);
    }
    return result;
}

struct kc_result kc_bank_keys_open(struct kc_bank_keys *out, const struct kc_crypto *crypto,
                                   const struct kc_realm *realm, const char *folder,
                                   const struct kc_key_places *places, bool all)
{
    memset(out, 0, sizeof *out);
    out->generation = count_generations(folder);
    struct kc_result result = open_pair(&out->sign_key, &out->sign_public, crypto, folder, "sign",
                                        out->generation, places);
    if (!kc_failed(result)) {
        result =
            open_pair(&out->encrypt_key, NULL, crypto, folder, "encrypt", out->generation, places);
    }
    return kc_failed(result) ? result : open_formers(out, crypto, realm, folder, places, all);
}

void kc_bank_keys_close(struct kc_bank_keys *keys)
{
    for (size_t i = 0; i < KC_ROLLS_MAX; i++) {
        kc_key_close(&keys->formers[i].encrypt_key);
    }
    kc_key_close(&keys->encrypt_key);
    kc_key_close(&keys->sign_key);
    kc_wipe(keys, sizeof *keys);
}

/* ---- using them ---- */

struct kc_result kc_bank_keys_roll(struct kc_view *out, const struct kc_bank_keys *keys,
                                   uint64_t number)
{
    number = number == 0 ? keys->generation : number;
    if (number == 0 || number > keys->generation) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = kc_view(keys->rolls[number - 1], keys->roll_sizes[number - 1]);
    return kc_ok();
}

const struct kc_public_key *kc_bank_keys_former(const struct kc_bank_keys *keys,
                                                const struct kc_signer_id *id)
{
    for (uint64_t i = 0; i < keys->generation; i++) {
        if (memcmp(&keys->formers[i].id, id, sizeof *id) == 0) {
            return &keys->formers[i].sign_public;
        }
    }
    return NULL;
}

struct kc_result kc_bank_keys_unseal(struct kc_buffer *plain, const struct kc_bank_keys *keys,
                                     const struct kc_crypto *crypto, const struct kc_realm *realm,
                                     const char *domain, struct kc_view sealed, uint64_t now_ms)
{
    struct kc_result result = kc_unseal(plain, crypto, &keys->encrypt_key, realm, domain, sealed);
    for (uint64_t i = keys->generation; i > 0; i--) {
        const struct kc_former_keys *former = &keys->formers[i - 1];
        if (result.code != KC_CANNOT_UNSEAL && result.code != KC_WRONG_ALGORITHM) {
            break;
        }
        if (former->encrypt_key.type == KC_KEY_NONE) {
            continue;
        }
        struct kc_result again =
            kc_unseal(plain, crypto, &former->encrypt_key, realm, domain, sealed);
        if (!kc_failed(again)) {
            return kc_result(now_ms < former->until_ms ? KC_OK : KC_BANK_KEY_ENDED);
        }
        result = again.code == KC_TOKEN_UNAVAILABLE ? again : result;
    }
    return result;
}

/* ---- making new ones ---- */

static bool is_certified(const char *folder, uint64_t number)
{
    return kc_file_numbered_exists(folder, "sign", number, ".crt") &&
           kc_file_numbered_exists(folder, "encrypt", number, ".crt");
}

static struct kc_result make_keys(const struct kc_crypto *crypto,
                                  const struct kc_key_places *configured, const char *folder,
                                  uint64_t number)
{
    char name[KC_FILE_NAME_SIZE];
    struct kc_key_places places;
    struct kc_result result = places_of(&places, configured, folder, number);
    kc_file_numbered(name, "sign", number, "");
    if (!kc_failed(result)) {
        result = kc_key_pair_ensure(crypto, folder, name, &places);
    }
    kc_file_numbered(name, "encrypt", number, "");
    return kc_failed(result) ? result : kc_key_pair_ensure(crypto, folder, name, &places);
}

/* Both keys are opened, which shows that they are the certified ones; the record is the last thing written. */
static struct kc_result write_record(uint64_t *until_ms, const struct kc_bank_keys *keys,
                                     const struct kc_crypto *crypto, const struct kc_realm *realm,
                                     const struct kc_key_places *configured, const char *folder)
{
    struct plan plan;
    struct kc_private_key sign_key = {0};
    struct kc_private_key encrypt_key = {0};
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_roll roll = {.bank = realm->bank,
                           .number = keys->generation + 1,
                           .from_ms = kc_clock_now_ms(),
                           .former_key = keys->sign_public};
    struct kc_result result = read_plan(&plan, folder, roll.number);
    if (!kc_failed(result)) {
        result =
            open_pair(&sign_key, &roll.sign_key, crypto, folder, "sign", roll.number, configured);
    }
    if (!kc_failed(result)) {
        result = open_pair(&encrypt_key, &roll.encrypt_key, crypto, folder, "encrypt", roll.number,
                           configured);
    }
    if (!kc_failed(result)) {
        struct kc_roll_signers signers = {.former = {.key = &keys->sign_key},
                                          .signer = {.key = &sign_key}};
        roll.until_ms = roll.from_ms + plan.days * DAY_MS;
        kc_signer_id_make(&signers.former.id, crypto, KC_SERVER_BANK, &roll.former_key);
        kc_signer_id_make(&signers.signer.id, crypto, KC_SERVER_BANK, &roll.sign_key);
        result = kc_roll_make(&out, crypto, &signers, realm, &roll);
    }
    if (!kc_failed(result)) {
        result = kc_path_numbered(path, folder, BASE, roll.number, ".cose");
    }
    if (!kc_failed(result)) {
        result = kc_file_write(path, kc_buffer_view(&out), 0644);
    }
    *until_ms = roll.until_ms;
    kc_key_close(&encrypt_key);
    kc_key_close(&sign_key);
    return result;
}

static struct kc_result begin(const struct kc_bank_keys *keys, const char *folder,
                              const struct kc_roll_wish *wish)
{
    uint64_t generation = keys->generation;
    if (generation == KC_ROLLS_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    if (generation > 0 && !wish->emergency &&
        kc_clock_now_ms() < keys->formers[generation - 1].until_ms) {
        return kc_result(KC_PENDING);
    }
    return write_plan(folder, generation + 1, wish);
}

/* The next step of a roll-over, from how far it came. */
static struct kc_result go_on(struct kc_roll_state *out, const struct kc_bank_keys *keys,
                              const struct kc_crypto *crypto, const struct kc_realm *realm,
                              const struct kc_bank_config *config, const char *folder,
                              const struct kc_roll_wish *wish)
{
    struct kc_result result = kc_ok();
    out->number = keys->generation + 1;
    if (!kc_file_numbered_exists(folder, BASE, out->number, ".plan")) {
        if (wish == NULL) {
            return kc_ok();
        }
        result = begin(keys, folder, wish);
    }
    if (!kc_failed(result)) {
        result = make_keys(crypto, &config->keys, folder, out->number);
        out->planned = !kc_failed(result);
    }
    if (kc_failed(result) || !is_certified(folder, out->number)) {
        return result;
    }
    result = write_record(&out->until_ms, keys, crypto, realm, &config->keys, folder);
    out->done = !kc_failed(result);
    return result;
}

struct kc_result kc_bank_roll(struct kc_roll_state *out, const struct kc_crypto *crypto,
                              const struct kc_bank_config *config, const char *folder,
                              const struct kc_roll_wish *wish)
{
    struct kc_realm realm;
    struct kc_bank_keys *keys = calloc(1, sizeof *keys);
    *out = (struct kc_roll_state){.number = 0};
    if (keys == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    struct kc_result result = kc_realm_set(&realm, config->id, config->currency);
    if (!kc_failed(result)) {
        result = kc_bank_keys_open(keys, crypto, &realm, folder, &config->keys, false);
    }
    if (!kc_failed(result)) {
        result = go_on(out, keys, crypto, &realm, config, folder, wish);
    }
    kc_bank_keys_close(keys);
    free(keys);
    return result;
}
