#include "authority/own.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/issuers.h"
#include "authority/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/files.h"

static const char *const bases[] = {"sign", "encrypt"};

struct kc_result kc_own_make(const struct kc_crypto *crypto, const char *folder,
                             const struct kc_key_places *places, uint64_t number)
{
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        char name[KC_FILE_NAME_SIZE];
        kc_file_numbered(name, bases[i], number, "");
        result = kc_key_pair_ensure(crypto, folder, name, places);
    }
    return result;
}

/* ---- opening ---- */

/* The pair of a number that was begun and not put in force does not count, and an issuing key may have none beside it. */
static uint64_t newest_below(const char *folder, uint64_t number)
{
    while (number > 0 && !(kc_file_numbered_exists(folder, bases[0], number, ".pub") &&
                           kc_file_numbered_exists(folder, bases[1], number, ".pub"))) {
        number--;
    }
    return number;
}

static struct kc_result open_key(struct kc_private_key *key, struct kc_public_key *public_key,
                                 const struct kc_authority *authority, const char *folder,
                                 const char *base, uint64_t number)
{
    struct kc_key_places places;
    char name[KC_FILE_NAME_SIZE];
    struct kc_result result = kc_issuers_places(&places, &authority->config.keys, folder, number);
    kc_file_numbered(name, base, number, "");
    if (kc_failed(result)) {
        return result;
    }
    /* Its certificate is still to be made when the authority opens for the first time with it. */
    return kc_file_numbered_exists(folder, base, number, ".crt")
               ? kc_key_pair_open(key, public_key, &authority->crypto, folder, name, &places)
               : kc_key_place_ensure(key, public_key, &authority->crypto, folder, name, &places,
                                     KC_KEY_P256);
}

static struct kc_result open_pair(struct kc_private_key *sign_key,
                                  struct kc_private_key *encrypt_key, struct kc_signer_id *id,
                                  const struct kc_authority *authority, const char *folder,
                                  uint64_t number)
{
    struct kc_public_key sign_public;
    struct kc_public_key encrypt_public;
    struct kc_result result = open_key(sign_key, &sign_public, authority, folder, bases[0], number);
    if (!kc_failed(result)) {
        result = open_key(encrypt_key, &encrypt_public, authority, folder, bases[1], number);
    }
    if (!kc_failed(result)) {
        kc_signer_id_make(id, &authority->crypto, KC_SERVER_AUTHORITY, &sign_public);
    }
    return result;
}

/* How long those before a pair count yet: from the time on when it was certified. */
static uint64_t end_of_former(const struct kc_authority *authority, const char *folder,
                              uint64_t next)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    struct kc_certificate certificate;
    char file[KC_FILE_NAME_SIZE];
    uint64_t from_ms = kc_clock_now_ms();
    kc_file_numbered(file, bases[0], next, ".crt");
    if (!kc_failed(kc_certificate_file_load(&der, folder, file)) &&
        !kc_failed(kc_certificate_read(&certificate, kc_buffer_view(&der)))) {
        from_ms = certificate.not_before_ms + KC_BEFORE_MS;
    }
    return from_ms + authority->config.keys_ms;
}

/* A former key that is gone is missed by nobody but those who still go by it; and one that ended in an emergency, in whatever way
 * it cannot be opened: the token that held it may be what was stolen. */
static bool is_missed_by_few(struct kc_result result, bool ended)
{
    return ended || result.code == KC_FILE_MISSING || result.code == KC_TOKEN_KEY_MISSING;
}

static struct kc_result open_formers(struct kc_authority *authority, const char *folder)
{
    uint64_t number = authority->own_generation;
    uint64_t emergency = kc_issuers_emergency(folder);
    while (number > 0 && authority->former_count < KC_OWN_FORMERS_MAX) {
        struct kc_own_keys *former = &authority->formers[authority->former_count];
        memset(former, 0, sizeof *former);
        former->until_ms = end_of_former(authority, folder, number);
        number = newest_below(folder, number - 1);
        bool gone = !kc_file_numbered_exists(folder, bases[0], number, ".crt") ||
                    !kc_file_numbered_exists(folder, bases[1], number, ".crt");
        if (former->until_ms <= kc_clock_now_ms() || gone) {
            return kc_ok();
        }
        authority->former_count += 1;
        struct kc_result result = open_pair(&former->sign_key, &former->encrypt_key,
                                            &former->signer_id, authority, folder, number);
        if (!kc_failed(result)) {
            continue;
        }
        if (!is_missed_by_few(result, number < emergency)) {
            return result;
        }
        kc_log(KC_LOG_WARN, "own keys of generation %" PRIu64 " are kept no more: %s", number,
               kc_error_name(result.code));
        kc_key_close(&former->sign_key);
        kc_key_close(&former->encrypt_key);
        authority->former_count -= 1;
    }
    return kc_ok();
}

struct kc_result kc_own_open(struct kc_authority *authority, const char *folder)
{
    authority->former_count = 0;
    authority->own_generation = newest_below(folder, kc_issuers_newest(folder));
    struct kc_result result =
        open_pair(&authority->sign_key, &authority->encrypt_key, &authority->signer_id, authority,
                  folder, authority->own_generation);
    return kc_failed(result) ? result : open_formers(authority, folder);
}

void kc_own_close(struct kc_authority *authority)
{
    for (size_t i = 0; i < authority->former_count; i++) {
        kc_key_close(&authority->formers[i].sign_key);
        kc_key_close(&authority->formers[i].encrypt_key);
    }
    authority->former_count = 0;
    kc_key_close(&authority->encrypt_key);
    kc_key_close(&authority->sign_key);
}

/* ---- certificates ---- */

/* The pair of the keys in force. */
static struct kc_result certify(struct kc_pair *pair, struct kc_authority *authority)
{
    const struct kc_crypto *crypto = &authority->crypto;
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    struct kc_result result = crypto->derive_public(crypto->context, &sign, &authority->sign_key);
    if (!kc_failed(result)) {
        result = crypto->derive_public(crypto->context, &encrypt, &authority->encrypt_key);
    }
    return kc_failed(result)
               ? result
               : kc_authority_certify_server(pair, authority, KC_SERVER_AUTHORITY, &sign, &encrypt);
}

static struct kc_result save(const char *folder, const char *base, uint64_t number,
                             const struct kc_issued *issued)
{
    char file[KC_FILE_NAME_SIZE];
    kc_file_numbered(file, base, number, ".crt");
    return kc_certificate_file_save(folder, file, kc_view(issued->der, issued->der_size));
}

struct kc_result kc_own_certify(struct kc_authority *authority, const char *dir)
{
    char folder[KC_PATH_SIZE_MAX];
    struct kc_pair *pair = calloc(1, sizeof *pair);
    struct kc_result result =
        pair == NULL ? kc_result(KC_NO_MEMORY) : kc_path_join(folder, dir, "authority", NULL);
    if (!kc_failed(result)) {
        result = certify(pair, authority);
    }
    if (!kc_failed(result)) {
        result = save(folder, bases[0], authority->own_generation, &pair->sign);
    }
    if (!kc_failed(result)) {
        result = save(folder, bases[1], authority->own_generation, &pair->encrypt);
    }
    free(pair);
    return result;
}

struct kc_result kc_own_retire(struct kc_authority *authority)
{
    struct kc_certificate certificate;
    size_t count = 0;
    if (authority->own_generation == 0) {
        return kc_ok();
    }
    struct kc_pair *pair = calloc(1, sizeof *pair);
    struct kc_result result = pair == NULL
                                  ? kc_result(KC_NO_MEMORY)
                                  : kc_authority_pair(pair, authority, KC_SERVER_AUTHORITY);
    if (!kc_failed(result) && pair->sign_count > 0 && pair->encrypt_count > 0) {
        result = kc_certificate_read(&certificate, kc_view(pair->sign.der, pair->sign.der_size));
        /* The former ones lay beside an issuing key that was stolen. */
        bool at_once = kc_issuers_emergency(authority->folder) == authority->own_generation;
        uint64_t wait_ms = at_once ? 0 : KC_BEFORE_MS + authority->config.keys_ms;
        if (!kc_failed(result) && kc_clock_now_ms() > certificate.not_before_ms + wait_ms) {
            result = kc_authority_store_retire(authority->store, &count, KC_SERVER_AUTHORITY,
                                               pair->sign.serial, pair->encrypt.serial,
                                               kc_clock_now_ms(), KC_CRL_SUPERSEDED);
        }
    }
    if (count > 0) {
        kc_log(KC_LOG_INFO, "own certificates before the newest revoked count=%zu", count);
    }
    free(pair);
    return result;
}

/* ---- using them ---- */

/* It was sealed for somebody else, who may be a former one. */
static bool tries_formers(struct kc_result result)
{
    return result.code == KC_CANNOT_UNSEAL || result.code == KC_WRONG_ALGORITHM;
}

struct kc_result kc_own_open_request(const struct kc_own_keys **by, void *message,
                                     struct kc_buffer *plain, struct kc_authority *authority,
                                     const struct kc_signed *envelope,
                                     const struct kc_public_key *sender,
                                     const struct kc_shape *shape)
{
    *by = NULL;
    struct kc_result result = kc_envelope_open(message, plain, envelope, &authority->crypto, sender,
                                               &authority->encrypt_key, &authority->realm, shape);
    for (size_t i = 0; i < authority->former_count && tries_formers(result); i++) {
        const struct kc_own_keys *former = &authority->formers[i];
        struct kc_result again = kc_result(KC_CANNOT_UNSEAL);
        if (kc_clock_now_ms() < former->until_ms) {
            again = kc_envelope_open(message, plain, envelope, &authority->crypto, sender,
                                     &former->encrypt_key, &authority->realm, shape);
        }
        if (!tries_formers(again)) {
            *by = former;
            result = again;
        }
    }
    return result;
}

struct kc_result kc_own_unseal(struct kc_buffer *plain, struct kc_authority *authority,
                               const char *domain, struct kc_view sealed)
{
    struct kc_result result = kc_unseal(plain, &authority->crypto, &authority->encrypt_key,
                                        &authority->realm, domain, sealed);
    for (size_t i = 0; i < authority->former_count && tries_formers(result); i++) {
        result = kc_unseal(plain, &authority->crypto, &authority->formers[i].encrypt_key,
                           &authority->realm, domain, sealed);
    }
    return result;
}
