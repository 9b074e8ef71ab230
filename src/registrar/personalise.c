/* Writing a UIM (EP1221669 [0110]). */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "message/notice.h"
#include "message/roll.h"
#include "purse/apdu.h"
#include "reader/reader.h"
#include "registrar/registrar.h"
#include "service/keys.h"
#include "service/message_client.h"

static struct kc_result put_settings(struct kc_registrar *registrar, struct kc_slot *uim,
                                     const struct kc_application *application,
                                     const struct kc_open_reply *opened, const char *url,
                                     uint64_t decimals)
{
    uint8_t encoded[320];
    struct kc_buffer buffer = KC_BUFFER(encoded);
    struct kc_purse_settings settings = {.bank = registrar->realm.bank,
                                         .currency = kc_view_text(registrar->realm.currency),
                                         .decimals = decimals,
                                         .purse_type = application->type,
                                         .account = opened->account,
                                         .purse = opened->purse,
                                         .url = kc_view_text(url),
                                         .user_id = kc_view_text(application->name)};
    struct kc_result result = kc_shape_encode(&buffer, &kc_purse_settings_shape, &settings);
    return kc_failed(result) ? result : kc_slot_put(uim, KC_TAG_SETTINGS, kc_buffer_view(&buffer));
}

static enum kc_key_type key_type(enum kc_suite suite)
{
    return suite == KC_SUITE_ES256    ? KC_KEY_P256
           : suite == KC_SUITE_RS2048 ? KC_KEY_RSA2048
                                      : KC_KEY_RSA3072;
}

/* A key made before, of the suite asked for, or one made here. */
static struct kc_result find_key(struct kc_private_key *out, struct kc_registrar *registrar,
                                 const struct kc_application *application, uint8_t use)
{
    struct kc_public_key public_key;
    enum kc_key_type type = key_type(application->suite);
    if (application->keys_folder == NULL) {
        return registrar->crypto.generate(registrar->crypto.context, out, &public_key, type);
    }
    struct kc_result result = kc_key_file_load(out, application->keys_folder,
                                               use == KC_KEY_USE_SIGN ? "sign.key" : "encrypt.key");
    return !kc_failed(result) && out->type != type ? kc_result(KC_WRONG_ALGORITHM) : result;
}

/* Brings in one key that was made outside the purse (EP1221669 [0110], [0241]). */
static struct kc_result bring_key(struct kc_registrar *registrar, struct kc_slot *uim,
                                  const struct kc_application *application, uint8_t use)
{
    enum kc_suite suite = application->suite;
    struct kc_private_key key;
    uint8_t encoded[1024];
    struct kc_buffer buffer = KC_BUFFER(encoded);
    struct kc_view out;
    size_t part = kc_rsa_size(key_type(suite)) / 2;
    struct kc_private_key_record record = {.suite = suite};
    struct kc_result result = find_key(&key, registrar, application, use);
    if (kc_failed(result)) {
        return result;
    }
    if (suite == KC_SUITE_ES256) {
        record.parts.count = 1;
        record.parts.items[0] = kc_view(key.p256.d, sizeof key.p256.d);
    } else {
        const uint8_t *parts[] = {key.rsa.p, key.rsa.q, key.rsa.dp, key.rsa.dq, key.rsa.iq};
        record.parts.count = 5;
        for (size_t i = 0; i < 5; i++) {
            record.parts.items[i] = kc_view(parts[i], part);
        }
    }
    result = kc_shape_encode(&buffer, &kc_private_key_record_shape, &record);
    if (!kc_failed(result)) {
        result = kc_slot_send(&out, uim, KC_CLA_KINCHAKU, KC_INS_PUT_KEY, use, 0,
                              kc_buffer_view(&buffer));
    }
    kc_wipe(&key, sizeof key);
    kc_wipe(encoded, sizeof encoded);
    return result;
}

struct kc_result kc_personalise_keys(struct kc_view *proof, struct kc_registrar *registrar,
                                     struct kc_slot *uim, const struct kc_application *application,
                                     const struct kc_open_reply *opened, const char *url,
                                     uint64_t decimals)
{
    struct kc_view out;
    struct kc_view nothing = kc_view(NULL, 0);
    struct kc_result result = put_settings(registrar, uim, application, opened, url, decimals);
    if (kc_failed(result)) {
        return result;
    }
    if (application->type == KC_PURSE_TYPE_BEARER) {
        *proof = nothing;
        return result;
    }
    if (application->bring_keys) {
        result = bring_key(registrar, uim, application, KC_KEY_USE_SIGN);
        if (!kc_failed(result)) {
            result = bring_key(registrar, uim, application, KC_KEY_USE_ENCRYPT);
        }
    } else {
        result = kc_slot_send(&out, uim, KC_CLA_KINCHAKU, KC_INS_GENERATE,
                              (uint8_t)application->suite, 0, nothing);
    }
    return kc_failed(result)
               ? result
               : kc_slot_send(proof, uim, KC_CLA_KINCHAKU, KC_INS_PROVE, 0, 0, nothing);
}

static struct kc_result put_key(struct kc_slot *uim, uint8_t tag, const struct kc_public_key *key)
{
    uint8_t encoded[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(encoded);
    struct kc_result result = kc_key_encode(&buffer, key);
    return kc_failed(result) ? result : kc_slot_put(uim, tag, kc_buffer_view(&buffer));
}

/* SZ8: the bank's certificates and the issuer's, fresh from the directory. */
static struct kc_result put_servers(struct kc_registrar *registrar, struct kc_slot *uim)
{
    struct kc_directory_entry entry;
    struct kc_certificate certificate;
    struct kc_result result = kc_directory_server(&entry, registrar->directory, "bank");
    for (size_t i = 0; i < entry.count && !kc_failed(result); i++) {
        result = kc_certificate_read(&certificate, entry.certificates[i]);
        if (!kc_failed(result)) {
            uint8_t tag = certificate.profile == KC_PROFILE_SIGN ? KC_TAG_BANK_SIGN_CERTIFICATE
                                                                 : KC_TAG_BANK_ENCRYPT_CERTIFICATE;
            result = kc_slot_put(uim, tag, entry.certificates[i]);
        }
    }
    kc_directory_entry_free(&entry);
    if (!kc_failed(result)) {
        result = kc_slot_put(uim, KC_TAG_AUTHORITY_CERTIFICATE,
                             kc_view(registrar->issuer, registrar->issuer_size));
    }
    if (!kc_failed(result)) {
        result = put_key(uim, KC_TAG_BANK_VERIFY_KEY, &registrar->bank.sign_key);
    }
    return kc_failed(result) ? result
                             : put_key(uim, KC_TAG_BANK_ENCRYPT_KEY, &registrar->bank.encrypt_key);
}

/* The record that led to the bank's keys: with it the purse verifies what the old key signed, and tells other purses. It is the
 * same wherever it comes from, so a purse that goes without learns it at its first contact. */
static void put_roll(struct kc_registrar *registrar, struct kc_slot *uim)
{
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    char url[KC_URL_SIZE_MAX + 16];
    struct kc_buffer roll = KC_BUFFER(bytes);
    int size = snprintf(url, sizeof url, "%s/v1/roll", registrar->config.bank_url);
    if (size > 0 && (size_t)size < sizeof url &&
        !kc_failed(kc_message_get(&roll, registrar->client, url))) {
        (void)kc_failed(kc_slot_take_roll(uim, kc_buffer_view(&roll)));
    }
}

/* What the bank tells of the authority's keys, unless it has not heard yet of the issuer that the purse was given. */
static void put_notice(struct kc_registrar *registrar, struct kc_slot *uim)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    char url[KC_URL_SIZE_MAX + 16];
    struct kc_buffer notice = KC_BUFFER(bytes);
    struct kc_noticed_keys told;
    struct kc_signed parsed;
    int size = snprintf(url, sizeof url, "%s/v1/notice", registrar->config.bank_url);
    if (size > 0 && (size_t)size < sizeof url &&
        !kc_failed(kc_message_get(&notice, registrar->client, url)) &&
        !kc_failed(kc_notice_read(&told, &parsed, kc_buffer_view(&notice))) &&
        kc_view_equal(told.issuer, kc_view(registrar->issuer, registrar->issuer_size))) {
        (void)kc_failed(kc_slot_take_notice(uim, kc_buffer_view(&notice)));
    }
}

struct kc_result kc_personalise_rest(struct kc_registrar *registrar, struct kc_slot *uim,
                                     const struct kc_application *application,
                                     const struct kc_certify_reply *certificates,
                                     const struct kc_confirm_reply *confirmed)
{
    const struct {
        uint8_t tag;
        struct kc_view content;
    } parts[] = {{KC_TAG_SIGN_CERTIFICATE, certificates->sign_certificate},
                 {KC_TAG_ENCRYPT_CERTIFICATE, certificates->encrypt_certificate},
                 {KC_TAG_IDENTITY, confirmed->identity},
                 {KC_TAG_CERTIFIED, confirmed->certified},
                 {KC_TAG_PIN, kc_view_text(application->pin)}};
    struct kc_view out;
    struct kc_result result = put_servers(registrar, uim);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !kc_failed(result); i++) {
        if (parts[i].content.size == 0 && application->type == KC_PURSE_TYPE_BEARER) {
            /* It has neither keys nor certificates of its own. */
            continue;
        }
        if (parts[i].tag == KC_TAG_PIN && application->type != KC_PURSE_TYPE_UIM) {
            continue;
        }
        result = kc_slot_put(uim, parts[i].tag, parts[i].content);
    }
    if (!kc_failed(result)) {
        result = kc_slot_send(&out, uim, KC_CLA_KINCHAKU, KC_INS_ACTIVATE, 0, 0, kc_view(NULL, 0));
    }
    if (!kc_failed(result)) {
        put_roll(registrar, uim);
        put_notice(registrar, uim);
    }
    return result;
}
