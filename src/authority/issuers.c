#include "authority/issuers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "authority/own.h"
#include "authority/record.h"
#include "authority/roots.h"
#include "authority/setup.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/config.h"
#include "service/files.h"

struct plan {
    uint64_t number;
    uint64_t emergency;
    char token[KC_TOKEN_URI_SIZE_MAX + 1];
};

static const struct kc_config_key plan_keys[] = {
    {"roll", "number", KC_CONFIG_UINT, offsetof(struct plan, number), 1, KC_ISSUER_ROLLS_MAX, NULL},
    {"roll", "emergency", KC_CONFIG_UINT, offsetof(struct plan, emergency), 0, 1, "0"},
    {"roll", "token", KC_CONFIG_TEXT, offsetof(struct plan, token), 0, KC_TOKEN_URI_SIZE_MAX, ""},
};

#define BASE "issuing"

uint64_t kc_issuers_newest(const char *folder)
{
    uint64_t number = 0;
    while (number < KC_ISSUER_ROLLS_MAX &&
           kc_file_numbered_exists(folder, BASE, number + 1, ".crt")) {
        number++;
    }
    return number;
}

static struct kc_result read_plan(struct plan *out, const char *folder, uint64_t number)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_numbered(path, folder, BASE, number, ".plan");
    if (!kc_failed(result)) {
        result = kc_config_read(out, plan_keys, sizeof plan_keys / sizeof plan_keys[0], path);
    }
    return !kc_failed(result) && out->number != number ? kc_result(KC_CONFIG_INVALID) : result;
}

bool kc_issuers_is_emergency(const char *folder, uint64_t number)
{
    struct plan plan;
    return !kc_failed(read_plan(&plan, folder, number)) && plan.emergency != 0;
}

uint64_t kc_issuers_emergency(const char *folder)
{
    uint64_t number = kc_issuers_newest(folder);
    while (number > 0 && !kc_issuers_is_emergency(folder, number)) {
        number--;
    }
    return number;
}

static struct kc_result write_plan(const char *folder, uint64_t number, const char *token,
                                   bool emergency)
{
    char path[KC_PATH_SIZE_MAX];
    char text[KC_TOKEN_URI_SIZE_MAX + 64];
    int size = snprintf(text, sizeof text, "[roll]\nnumber = %" PRIu64 "\n%s%s%s%s", number,
                        emergency ? "emergency = 1\n" : "",
                        token == NULL ? "" : "token = ", token == NULL ? "" : token,
                        token == NULL ? "" : "\n");
    struct kc_result result = kc_path_numbered(path, folder, BASE, number, ".plan");
    return kc_failed(result) ? result : kc_file_write_text(path, text, size, sizeof text);
}

struct kc_result kc_issuers_places(struct kc_key_places *out,
                                   const struct kc_key_places *configured, const char *folder,
                                   uint64_t number)
{
    struct plan plan;
    *out = *configured;
    if (number == 0) {
        return kc_ok();
    }
    out->issuing[0] = '\0';
    out->sign[0] = '\0';
    out->encrypt[0] = '\0';
    struct kc_result result = read_plan(&plan, folder, number);
    if (kc_failed(result) || plan.token[0] == '\0') {
        return result;
    }
    const struct {
        const char *name;
        char *uri;
    } objects[] = {{"authority-issuing", out->issuing},
                   {"authority-sign", out->sign},
                   {"authority-encrypt", out->encrypt}};
    for (size_t i = 0; i < 3 && !kc_failed(result); i++) {
        char object[KC_FILE_NAME_SIZE];
        kc_file_numbered(object, objects[i].name, number, "");
        result = kc_token_uri_object(objects[i].uri, plan.token, object);
    }
    return result;
}

/* ---- opening ---- */

struct kc_result kc_issuers_load(struct kc_issuer *out, const char *folder, uint64_t number)
{
    struct kc_buffer der = {.data = out->der, .capacity = sizeof out->der};
    struct kc_certificate certificate;
    char file[KC_FILE_NAME_SIZE];
    memset(out, 0, sizeof *out);
    kc_file_numbered(file, BASE, number, ".crt");
    struct kc_result result = kc_certificate_file_load(&der, folder, file);
    if (!kc_failed(result)) {
        result = kc_certificate_read(&certificate, kc_buffer_view(&der));
    }
    if (!kc_failed(result)) {
        out->der_size = der.size;
        out->from_ms = certificate.not_before_ms;
        out->expires_ms = certificate.not_after_ms;
    }
    return result;
}

static struct kc_result open_key(struct kc_issuer *issuer, const struct kc_authority *authority,
                                 const char *folder, uint64_t number)
{
    struct kc_key_places places;
    char name[KC_FILE_NAME_SIZE];
    kc_file_numbered(name, BASE, number, "");
    struct kc_result result = kc_issuers_places(&places, &authority->config.keys, folder, number);
    if (!kc_failed(result)) {
        result = kc_key_pair_open(&issuer->key, NULL, &authority->crypto, folder, name, &places);
    }
    if (kc_failed(result)) {
        kc_key_close(&issuer->key);
        /* Of one that ended the key may be destroyed: `serve` says how many those are, and it is no fault. */
        if (!issuer->ended || result.code != KC_FILE_MISSING) {
            kc_log(issuer->ended ? KC_LOG_INFO : KC_LOG_ERROR, "%s: %s", name,
                   kc_error_name(result.code));
        }
    }
    return result;
}

/* Of one that ended the certificate is enough. */
static struct kc_result open_one(struct kc_authority *authority, const char *folder,
                                 uint64_t number, const struct kc_issuer *loaded)
{
    if (authority->issuer_count < KC_ISSUERS_MAX) {
        struct kc_issuer *issuer = &authority->issuers[authority->issuer_count];
        *issuer = *loaded;
        struct kc_result result = open_key(issuer, authority, folder, number);
        authority->issuer_count += kc_failed(result) ? 0 : 1;
        if (!kc_failed(result) || !loaded->ended) {
            return result;
        }
    }
    if (loaded->ended && authority->ended_count < KC_ISSUERS_MAX) {
        struct kc_ended_issuer *ended = &authority->ended[authority->ended_count++];
        memcpy(ended->der, loaded->der, loaded->der_size);
        ended->der_size = loaded->der_size;
    }
    return kc_ok();
}

struct kc_result kc_issuers_open(struct kc_authority *authority, const char *folder)
{
    struct kc_issuer issuer;
    uint64_t last = kc_issuers_newest(folder);
    uint64_t emergency = kc_issuers_emergency(folder);
    uint64_t now_ms = kc_clock_now_ms();
    authority->issuer_count = 0;
    authority->ended_count = 0;
    for (uint64_t i = 0; i <= last; i++) {
        struct kc_result result = kc_issuers_load(&issuer, folder, last - i);
        issuer.ended = last - i < emergency;
        if (kc_failed(result)) {
            kc_log(KC_LOG_ERROR, "issuing certificate %" PRIu64 ": %s", last - i,
                   kc_error_name(result.code));
            return result;
        }
        if (i > 0 && issuer.expires_ms <= now_ms) {
            continue;
        }
        result = open_one(authority, folder, last - i, &issuer);
        if (kc_failed(result)) {
            return result;
        }
    }
    return kc_ok();
}

void kc_issuers_close(struct kc_authority *authority)
{
    for (size_t i = 0; i < authority->issuer_count; i++) {
        kc_key_close(&authority->issuers[i].key);
    }
    authority->issuer_count = 0;
    authority->ended_count = 0;
}

size_t kc_issuers_ended(struct kc_revoked out[KC_ISSUER_ROLLS_MAX], const char *folder)
{
    struct kc_issuer issuer;
    struct kc_certificate read;
    size_t count = 0;
    uint64_t ended_ms = 0;
    for (uint64_t i = kc_issuers_emergency(folder) + 1; i > 0; i--) {
        uint64_t number = i - 1;
        if (kc_failed(kc_issuers_load(&issuer, folder, number)) ||
            kc_failed(kc_certificate_read(&read, kc_view(issuer.der, issuer.der_size)))) {
            continue;
        }
        if (ended_ms != 0 && issuer.expires_ms > kc_clock_now_ms()) {
            out[count] = (struct kc_revoked){.time_ms = ended_ms, .reason = KC_CRL_CA_COMPROMISE};
            memcpy(out[count++].serial, read.serial, KC_SERIAL_SIZE);
        }
        /* Those before one that was made in an emergency ended when it began to count. */
        ended_ms = number > 0 && kc_issuers_is_emergency(folder, number)
                       ? issuer.from_ms + KC_BEFORE_MS
                       : ended_ms;
    }
    return count;
}

/* ---- rolling over ---- */

static size_t count_open(const char *folder, uint64_t last)
{
    struct kc_issuer issuer;
    size_t count = 0;
    for (uint64_t i = kc_issuers_emergency(folder); i <= last; i++) {
        bool open = !kc_failed(kc_issuers_load(&issuer, folder, i)) &&
                    issuer.expires_ms > kc_clock_now_ms();
        count += open ? 1 : 0;
    }
    return count;
}

struct kc_result kc_issuers_ends(struct kc_roll_ends *out, const char *folder)
{
    struct kc_issuer issuer;
    uint64_t last = kc_issuers_newest(folder);
    uint64_t emergency = kc_issuers_emergency(folder);
    out->next_ms = UINT64_MAX;
    for (uint64_t i = 0; i <= last; i++) {
        struct kc_result result = kc_issuers_load(&issuer, folder, i);
        if (kc_failed(result) && i == last) {
            return result;
        }
        if (kc_failed(result)) {
            continue;
        }
        out->until_ms = i + 1 == last || last == 0 ? issuer.expires_ms : out->until_ms;
        out->from_ms = issuer.from_ms;
        if (i >= emergency && issuer.expires_ms > kc_clock_now_ms() &&
            issuer.expires_ms < out->next_ms) {
            out->next_ms = issuer.expires_ms;
        }
    }
    if (last > 0 && emergency == last) {
        out->until_ms = out->from_ms;
    }
    return kc_ok();
}

bool kc_issuers_have_room(const char *folder)
{
    return count_open(folder, kc_issuers_newest(folder)) < KC_ISSUERS_MAX;
}

bool kc_issuers_are_planned(const char *folder)
{
    return kc_file_numbered_exists(folder, BASE, kc_issuers_newest(folder) + 1, ".plan");
}

bool kc_issuers_wait_for_root(const char *folder)
{
    struct kc_issuer issuer;
    return !kc_failed(kc_issuers_load(&issuer, folder, kc_issuers_newest(folder))) &&
           !kc_roots_is_by_newest(folder, kc_view(issuer.der, issuer.der_size));
}

/* The newest root and its key. */
static struct kc_result open_root(struct kc_buffer *root, struct kc_private_key *key,
                                  const struct kc_crypto *crypto, const char *root_folder,
                                  const char *folder)
{
    char name[KC_FILE_NAME_SIZE];
    char file[KC_FILE_NAME_SIZE];
    kc_file_numbered(name, KC_ROOT_BASE, kc_roots_newest(folder), "");
    kc_file_numbered(file, KC_ROOT_BASE, kc_roots_newest(folder), ".crt");
    struct kc_result result = kc_certificate_file_load(root, root_folder, file);
    return kc_failed(result) ? result : kc_key_pair_load(key, NULL, crypto, root_folder, name);
}

/* Not without the root's key: nothing is to be planned that a later start would go on with unasked. */
static struct kc_result plan(const struct kc_crypto *crypto, const char *root_folder,
                             const char *folder, uint64_t number, const char *token, bool emergency)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer root = KC_BUFFER(bytes);
    struct kc_private_key root_key = {0};
    if (kc_file_numbered_exists(folder, BASE, number, ".plan")) {
        return kc_ok();
    }
    if (number > KC_ISSUER_ROLLS_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    if (!emergency && !kc_issuers_have_room(folder)) {
        return kc_result(KC_PENDING);
    }
    struct kc_result result = open_root(&root, &root_key, crypto, root_folder, folder);
    kc_wipe(&root_key, sizeof root_key);
    return kc_failed(result) ? result : write_plan(folder, number, token, emergency);
}

/* The planned key, made where it is to be unless it is there. */
static struct kc_result make_key(struct kc_public_key *out, const struct kc_crypto *crypto,
                                 const struct kc_key_places *configured, const char *folder,
                                 uint64_t number)
{
    struct kc_key_places places;
    struct kc_private_key key = {0};
    char name[KC_FILE_NAME_SIZE];
    kc_file_numbered(name, BASE, number, "");
    struct kc_result result = kc_issuers_places(&places, configured, folder, number);
    if (!kc_failed(result)) {
        result = kc_key_place_ensure(&key, out, crypto, folder, name, &places, KC_KEY_P256);
    }
    if (!kc_failed(result) && key.type != KC_KEY_P256) {
        result = kc_result(KC_WRONG_ALGORITHM);
    }
    kc_key_close(&key);
    return result;
}

/* By the newest root. */
static struct kc_result certify(struct kc_buffer *out, const struct kc_crypto *crypto,
                                const char *root_folder, const char *folder, uint64_t number,
                                const struct kc_public_key *key)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer root = KC_BUFFER(bytes);
    struct kc_private_key root_key = {0};
    struct kc_issuer before;
    char subject[KC_FILE_NAME_SIZE];
    /* Another name for each, so that a list says by its issuer's name whose it is. */
    (void)snprintf(subject, sizeof subject, "Kinchaku issuer %" PRIu64, number + 1);
    struct kc_result result = open_root(&root, &root_key, crypto, root_folder, folder);
    if (!kc_failed(result)) {
        result = kc_issuers_load(&before, folder, number - 1);
    }
    if (!kc_failed(result)) {
        struct kc_view root_view = kc_buffer_view(&root);
        result = kc_authority_make_issuer(out, crypto, subject, key, root_view, &root_key,
                                          before.from_ms);
    }
    kc_wipe(&root_key, sizeof root_key);
    return result;
}

struct kc_result kc_issuers_roll(uint64_t *number, const struct kc_crypto *crypto,
                                 const struct kc_key_places *configured, const char *root_folder,
                                 const char *folder, const char *token, bool emergency)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    struct kc_public_key key;
    struct kc_key_places places;
    char file[KC_FILE_NAME_SIZE];
    *number = kc_issuers_newest(folder) + 1;
    struct kc_result result = plan(crypto, root_folder, folder, *number, token, emergency);
    if (!kc_failed(result)) {
        result = make_key(&key, crypto, configured, folder, *number);
    }
    if (!kc_failed(result)) {
        result = kc_issuers_places(&places, configured, folder, *number);
    }
    if (!kc_failed(result)) {
        result = kc_own_make(crypto, folder, &places, *number);
    }
    if (!kc_failed(result)) {
        result = certify(&der, crypto, root_folder, folder, *number, &key);
    }
    kc_file_numbered(file, BASE, *number, ".crt");
    if (kc_failed(result)) {
        return result;
    }
    kc_record_add(root_folder, kc_buffer_view(&der));
    return kc_certificate_file_save(folder, file, kc_buffer_view(&der));
}

struct kc_result kc_issuers_plan_anew(const char *folder, const char *token)
{
    uint64_t number = kc_issuers_newest(folder) + 1;
    kc_log(KC_LOG_WARN,
           "issuing key %" PRIu64 ": the token that it was planned in is not there, "
           "and another one is made in its place",
           number);
    return write_plan(folder, number, token, true);
}

struct kc_result kc_issuers_finish(const struct kc_crypto *crypto,
                                   const struct kc_key_places *configured, const char *root_folder,
                                   const char *folder)
{
    struct kc_root_plan plan;
    uint64_t number = 0;
    struct kc_result result = kc_roots_plan(&plan, folder);
    bool open = kc_issuers_are_planned(folder) || kc_issuers_wait_for_root(folder);
    if (kc_failed(result) || !open) {
        return result;
    }
    bool here = kc_file_numbered_exists(root_folder, KC_ROOT_BASE, kc_roots_newest(folder), ".key");
    kc_log(KC_LOG_WARN,
           here ? "issuing key %" PRIu64 ": its roll-over was planned and is gone on with"
                : "issuing key %" PRIu64 ": its roll-over is planned and waits for the root's key",
           kc_issuers_newest(folder) + 1);
    if (!here) {
        return result;
    }
    return kc_issuers_roll(&number, crypto, configured, root_folder, folder,
                           plan.token[0] == '\0' ? NULL : plan.token, false);
}
