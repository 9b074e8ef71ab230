/* Setting up: root, issuing key, own keys, configuration; and opening all that again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/emergency.h"
#include "authority/issuers.h"
#include "authority/own.h"
#include "authority/roots.h"
#include "authority/setup.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/libcrypto.h"
#include "service/config.h"
#include "service/files.h"
#include "service/keys.h"

#define DAY_MS UINT64_C(86400000)
#define ROOT_MS (7300 * DAY_MS)
#define ISSUER_MS (5475 * DAY_MS)

#define TEXT(section, name, member, min, fallback)                                                 \
    {                                                                                              \
        section, name, KC_CONFIG_TEXT, offsetof(struct kc_authority_config, member), min,          \
            sizeof((struct kc_authority_config){0}.member) - 1, fallback                           \
    }
#define UINT(section, name, member, min, max, fallback)                                            \
    {                                                                                              \
        section, name, KC_CONFIG_UINT, offsetof(struct kc_authority_config, member), min, max,     \
            fallback                                                                               \
    }

static const struct kc_config_key keys[] = {
    UINT("authority", "bank", bank, 1, UINT32_MAX, NULL),
    TEXT("authority", "currency", currency, 1, NULL),
    TEXT("authority", "address", address, 1, "127.0.0.1"),
    UINT("authority", "port", port, 1, 65535, NULL),
    TEXT("directory", "url", directory_url, 1, NULL),
    UINT("times", "crl_ms", crl_ms, 500, DAY_MS, "60000"),
    UINT("times", "clock_ms", clock_ms, 1000, DAY_MS, "300000"),
    UINT("times", "outside_ms", outside_ms, 50, 60000, "3000"),
    UINT("times", "account_ms", account_ms, 1000, 3660 * DAY_MS, "94608000000"),
    UINT("times", "keys_ms", keys_ms, 100, 366 * DAY_MS, "2592000000"),
    TEXT("keys", "issuing", keys.issuing, 0, ""),
    TEXT("keys", "sign", keys.sign, 0, ""),
    TEXT("keys", "encrypt", keys.encrypt, 0, ""),
    TEXT("keys", "module", keys.module, 0, ""),
    TEXT("keys", "pin", keys.pin, 1, "token.pin"),
    UINT("cmp", "serve", cmp, 0, 1, "1"),
    UINT("cmp", "users", cmp_users, 0, 1, "0"),
    TEXT("debug", "capture", capture, 0, ""),
};

struct kc_result kc_authority_make_serial(uint8_t out[KC_SERIAL_SIZE],
                                          const struct kc_crypto *crypto)
{
    struct kc_result result = crypto->random(crypto->context, out, KC_SERIAL_SIZE);
    out[0] = (uint8_t)((out[0] & 0x7fu) | 0x40u);
    return result;
}

static struct kc_result make_ca(struct kc_buffer *der, const struct kc_crypto *crypto,
                                const char *subject, const struct kc_public_key *key,
                                const struct kc_view *issuer,
                                const struct kc_private_key *issuer_key, uint64_t after_ms)
{
    uint8_t serial[KC_SERIAL_SIZE];
    uint64_t now_ms = kc_clock_now_ms();
    bool root = issuer == NULL;
    struct kc_certificate_order order = {.profile = root ? KC_PROFILE_ROOT : KC_PROFILE_ISSUER,
                                         .serial = serial,
                                         .subject = subject,
                                         .key = key,
                                         .not_before_ms = now_ms - KC_BEFORE_MS,
                                         .not_after_ms = now_ms + (root ? ROOT_MS : ISSUER_MS)};
    struct kc_certificate above;
    if (order.not_before_ms < after_ms + 1000u) {
        order.not_before_ms = after_ms + 1000u;
    }
    struct kc_result result = order.not_before_ms > now_ms
                                  ? kc_result(KC_CERT_EXPIRED)
                                  : kc_authority_make_serial(serial, crypto);
    if (!kc_failed(result) && !root) {
        result = kc_certificate_read(&above, *issuer);
        if (!kc_failed(result) && above.not_after_ms < order.not_after_ms) {
            order.not_after_ms = above.not_after_ms;
            result = kc_result(order.not_after_ms > now_ms ? KC_OK : KC_CERT_EXPIRED);
        }
    }
    return kc_failed(result) ? result : kc_certificate_make(der, &order, issuer, issuer_key);
}

struct kc_result kc_authority_make_issuer(struct kc_buffer *der, const struct kc_crypto *crypto,
                                          const char *subject, const struct kc_public_key *key,
                                          struct kc_view root,
                                          const struct kc_private_key *root_key, uint64_t after_ms)
{
    return make_ca(der, crypto, subject, key, &root, root_key, after_ms);
}

struct kc_result kc_authority_make_root(struct kc_buffer *der, const struct kc_crypto *crypto,
                                        const char *subject, const struct kc_public_key *key,
                                        const struct kc_private_key *private_key, uint64_t after_ms)
{
    return make_ca(der, crypto, subject, key, NULL, private_key, after_ms);
}

/* Root and issuing certificate, in two folders. The root's key is used here and nowhere else. An issuing key in a token has to be
 * a P-256 one, as kc_certificate_make wants it. */
static struct kc_result ensure_issuer(const struct kc_crypto *crypto, const char *root_folder,
                                      const char *folder, const struct kc_key_places *places)
{
    uint8_t root_bytes[KC_CERTIFICATE_SIZE_MAX];
    uint8_t issuer_bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer root = KC_BUFFER(root_bytes);
    struct kc_buffer issuer = KC_BUFFER(issuer_bytes);
    struct kc_private_key root_key;
    struct kc_private_key issuing_key = {0};
    struct kc_public_key root_public;
    struct kc_public_key issuing_public;
    struct kc_result result = kc_certificate_file_load(&issuer, folder, "issuing.crt");
    if (result.code != KC_FILE_MISSING) {
        return result;
    }
    result = kc_key_file_ensure(&root_key, crypto, root_folder, "root.key", KC_KEY_P256);
    if (!kc_failed(result)) {
        result = crypto->derive_public(crypto->context, &root_public, &root_key);
    }
    if (!kc_failed(result)) {
        result = kc_key_place_ensure(&issuing_key, &issuing_public, crypto, folder, "issuing",
                                     places, KC_KEY_P256);
    }
    if (!kc_failed(result) && issuing_key.held != NULL && issuing_key.type != KC_KEY_P256) {
        result = kc_result(KC_WRONG_ALGORITHM);
    }
    if (!kc_failed(result)) {
        result = make_ca(&root, crypto, "Kinchaku root", &root_public, NULL, &root_key, 0);
    }
    if (!kc_failed(result)) {
        struct kc_view root_view = kc_buffer_view(&root);
        result =
            make_ca(&issuer, crypto, "Kinchaku issuer", &issuing_public, &root_view, &root_key, 0);
    }
    kc_wipe(&root_key, sizeof root_key);
    kc_key_close(&issuing_key);
    if (!kc_failed(result)) {
        result = kc_certificate_file_save(root_folder, "root.crt", kc_buffer_view(&root));
    }
    if (!kc_failed(result)) {
        result = kc_certificate_file_save(folder, "root.crt", kc_buffer_view(&root));
    }
    return kc_failed(result)
               ? result
               : kc_certificate_file_save(folder, "issuing.crt", kc_buffer_view(&issuer));
}

/* The parts of the configuration are checked by the command line. */
static struct kc_result write_config(const char *folder, uint64_t bank, const char *currency,
                                     unsigned port, const char *directory_url, const char *token)
{
    static const char *const names[] = {"issuing", "sign", "encrypt"};
    char path[KC_PATH_SIZE_MAX];
    char text[1024];
    char lines[3 * (KC_TOKEN_URI_SIZE_MAX + 16)] = "";
    size_t used = 0;
    struct kc_result result = kc_path_join(path, folder, "authority.ini", NULL);
    if (kc_failed(result) || kc_file_exists(path)) {
        return result;
    }
    for (size_t i = 0; token != NULL && i < 3; i++) {
        char object[32];
        char uri[KC_TOKEN_URI_SIZE_MAX + 1];
        (void)snprintf(object, sizeof object, "authority-%s", names[i]);
        result = kc_token_uri_object(uri, token, object);
        if (kc_failed(result)) {
            return result;
        }
        int size = snprintf(lines + used, sizeof lines - used, "%s = %s\n", names[i], uri);
        used += size > 0 ? (size_t)size : 0;
    }
    int size =
        snprintf(text, sizeof text,
                 "[authority]\nbank = %" PRIu64 "\ncurrency = %s\nport = %u\n\n"
                 "[directory]\nurl = %s\n%s%s",
                 bank, currency, port, directory_url, token == NULL ? "" : "\n[keys]\n", lines);
    return kc_file_write_text(path, text, size, sizeof text);
}

/* The authority's own two certificates, and those that it makes in the place of what ended issuers had made. */
static struct kc_result ensure_own(const char *dir)
{
    struct kc_authority *authority = calloc(1, sizeof *authority);
    struct kc_result result =
        authority == NULL ? kc_result(KC_NO_MEMORY) : kc_authority_open(authority, dir);
    if (!kc_failed(result)) {
        result = kc_own_certify(authority, dir);
    }
    if (!kc_failed(result)) {
        result = kc_emergency_take_over(authority);
    }
    if (authority != NULL) {
        kc_authority_close(authority);
    }
    free(authority);
    return result;
}

/* The root's list, wherever the root's key is at hand. Where it is not, only a list that names somebody is missed. */
static struct kc_result ensure_list(const struct kc_crypto *crypto, const char *root_folder,
                                    const char *folder)
{
    struct kc_revoked ended[KC_ISSUER_ROLLS_MAX];
    struct kc_result result = kc_emergency_list(crypto, root_folder, folder);
    /* A root that has ended signs nothing, and nothing below it counts. */
    bool waits = result.code == KC_FILE_MISSING || result.code == KC_CERT_EXPIRED;
    if (waits && kc_issuers_ended(ended, folder) > 0) {
        kc_log(KC_LOG_ERROR, "the root's list of ended issuers waits: %s",
               kc_error_name(result.code));
    }
    return waits ? kc_ok() : result;
}

/* The next issuer of a root in force may have to wait until there is room for it: those that there are go on meanwhile. */
static struct kc_result finish_issuers(const struct kc_crypto *crypto,
                                       const struct kc_key_places *places, const char *root_folder,
                                       const char *folder)
{
    struct kc_result result = kc_issuers_finish(crypto, places, root_folder, folder);
    if (result.code != KC_PENDING) {
        return result;
    }
    kc_log(KC_LOG_ERROR, "the newest root's issuing key waits until another one has ended");
    return kc_ok();
}

/* The authority's keys, certificates and secrets as the configuration wants them. A certified key that is gone is nothing to be
 * replaced in silence. */
static struct kc_result ensure_keys(const char *root_folder, const char *folder,
                                    const struct kc_key_places *places)
{
    static const char *const names[] = {"sign", "encrypt"};
    char path[KC_PATH_SIZE_MAX];
    char file[32];
    struct kc_crypto crypto;
    struct kc_private_key key;
    struct kc_public_key public_key;
    struct kc_result result = kc_libcrypto_open(&crypto, 8);
    if (!kc_failed(result)) {
        result = ensure_issuer(&crypto, root_folder, folder, places);
    }
    if (!kc_failed(result)) {
        result = kc_roots_finish(&crypto, root_folder, folder);
    }
    if (!kc_failed(result)) {
        result = finish_issuers(&crypto, places, root_folder, folder);
    }
    if (!kc_failed(result)) {
        result = ensure_list(&crypto, root_folder, folder);
    }
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        (void)snprintf(file, sizeof file, "%s.crt", names[i]);
        result = kc_path_join(path, folder, file, NULL);
        if (!kc_failed(result) && !kc_file_exists(path)) {
            result = kc_key_place_ensure(&key, &public_key, &crypto, folder, names[i], places,
                                         KC_KEY_P256);
            kc_key_close(&key);
        }
    }
    if (!kc_failed(result)) {
        result = kc_token_file_ensure(&crypto, folder, "directory.secret");
    }
    kc_libcrypto_close(&crypto);
    return result;
}

struct kc_result kc_authority_init(const char *dir, uint64_t bank, const char *currency,
                                   unsigned port, const char *directory_url, const char *token)
{
    char root_folder[KC_PATH_SIZE_MAX];
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    struct kc_authority_config config;
    struct kc_result result = kc_path_join(root_folder, dir, "root", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(folder, dir, "authority", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_folder_make(root_folder);
    }
    if (!kc_failed(result)) {
        result = kc_folder_make(folder);
    }
    if (!kc_failed(result)) {
        result = write_config(folder, bank, currency, port, directory_url, token);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "authority.ini", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_config_read(&config, keys, sizeof keys / sizeof keys[0], path);
    }
    if (!kc_failed(result)) {
        result = ensure_keys(root_folder, folder, &config.keys);
    }
    return kc_failed(result) ? result : ensure_own(dir);
}

static struct kc_result open_keys(struct kc_authority *authority, const char *folder)
{
    struct kc_result result = kc_roots_load(authority, folder);
    if (!kc_failed(result)) {
        result = kc_issuers_open(authority, folder);
    }
    return kc_failed(result) ? result : kc_own_open(authority, folder);
}

/* What a roll-over works with. */
struct roll {
    char root_folder[KC_PATH_SIZE_MAX];
    char folder[KC_PATH_SIZE_MAX];
    struct kc_authority_config config;
    struct kc_crypto crypto;
    const char *dir;
    const char *token;
    uint64_t until_ms;
};

/* Under the authority's own lock: a server would go on under the old key, and put its issuer alone into the directory. */
static struct kc_result locked(uint64_t *number, const char *dir, struct roll *roll,
                               struct kc_result (*work)(uint64_t *, const struct roll *))
{
    char path[KC_PATH_SIZE_MAX];
    int lock = -1;
    struct kc_result result = kc_path_join(roll->root_folder, dir, "root", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(roll->folder, dir, "authority", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, roll->folder, "authority.ini", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_config_read(&roll->config, keys, sizeof keys / sizeof keys[0], path);
    }
    if (!kc_failed(result)) {
        result = kc_folder_lock(&lock, dir, "authority");
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_libcrypto_open(&roll->crypto, 8);
    if (!kc_failed(result)) {
        result = work(number, roll);
        kc_libcrypto_close(&roll->crypto);
    }
    kc_file_unlock(lock);
    return result;
}

static struct kc_result roll_issuer(uint64_t *number, const struct roll *roll)
{
    struct kc_result result = kc_issuers_roll(number, &roll->crypto, &roll->config.keys,
                                              roll->root_folder, roll->folder, roll->token, false);
    /* What it went on with may have been planned in an emergency. */
    return kc_failed(result) ? result
                             : kc_emergency_list(&roll->crypto, roll->root_folder, roll->folder);
}

/* A roll-over that was planned before comes to its end first: its key may be stolen, too. When that was to be in a token that is
 * not there, the key that is made here takes its place. */
static struct kc_result finish_planned(const struct roll *roll)
{
    struct kc_result result =
        kc_issuers_finish(&roll->crypto, &roll->config.keys, roll->root_folder, roll->folder);
    return result.code == KC_TOKEN_UNAVAILABLE ? kc_issuers_plan_anew(roll->folder, roll->token)
                                               : result;
}

/* The issuer that a newer root still wants is the one that is made here. */
static struct kc_result roll_emergency(uint64_t *number, const struct roll *roll)
{
    struct kc_result result = kc_roots_finish(&roll->crypto, roll->root_folder, roll->folder);
    if (!kc_failed(result) && kc_issuers_are_planned(roll->folder)) {
        result = finish_planned(roll);
    }
    *number = kc_issuers_emergency(roll->folder);
    if (!kc_failed(result) && !kc_emergency_is_open(roll->folder)) {
        result = kc_issuers_roll(number, &roll->crypto, &roll->config.keys, roll->root_folder,
                                 roll->folder, roll->token, true);
    }
    if (!kc_failed(result)) {
        result = kc_emergency_list(&roll->crypto, roll->root_folder, roll->folder);
    }
    /* It may have been forgotten because it lay beside the stolen key. */
    if (!kc_failed(result)) {
        result = kc_token_file_ensure(&roll->crypto, roll->folder, "directory.secret");
    }
    return kc_failed(result) ? result : ensure_own(roll->dir);
}

struct kc_result kc_authority_roll_emergency(uint64_t *number, const char *dir, const char *token)
{
    struct roll roll = {.token = token, .dir = dir};
    return locked(number, dir, &roll, roll_emergency);
}

struct kc_result kc_authority_roll(uint64_t *number, const char *dir, const char *token)
{
    struct roll roll = {.token = token};
    return locked(number, dir, &roll, roll_issuer);
}

/* A root in force without an issuer of its own is a roll-over that was cut: only that is made then. */
static struct kc_result roll_root(uint64_t *number, const struct roll *roll)
{
    struct kc_root_plan plan;
    uint64_t issuer = 0;
    struct kc_result result = kc_ok();
    *number = kc_roots_newest(roll->folder);
    if (!kc_issuers_wait_for_root(roll->folder)) {
        result = kc_result(kc_issuers_have_room(roll->folder) ? KC_OK : KC_PENDING);
        if (!kc_failed(result)) {
            result = kc_roots_roll(number, &roll->crypto, roll->root_folder, roll->folder,
                                   roll->until_ms, roll->token);
        }
    }
    if (!kc_failed(result)) {
        result = kc_roots_plan(&plan, roll->folder);
    }
    if (!kc_failed(result)) {
        result = kc_issuers_roll(&issuer, &roll->crypto, &roll->config.keys, roll->root_folder,
                                 roll->folder, plan.token[0] == '\0' ? NULL : plan.token, false);
    }
    return kc_failed(result) ? result
                             : kc_emergency_list(&roll->crypto, roll->root_folder, roll->folder);
}

struct kc_result kc_authority_roll_root(uint64_t *number, const char *dir, uint64_t days,
                                        const char *token)
{
    struct roll roll = {.token = token,
                        .until_ms = days == 0 ? 0 : kc_clock_now_ms() + days * DAY_MS};
    return locked(number, dir, &roll, roll_root);
}

bool kc_authority_lacks_root(char path[KC_PATH_SIZE_MAX], const char *dir)
{
    static const char *const ends[] = {".crt", ".key"};
    char folder[KC_PATH_SIZE_MAX];
    char file[KC_FILE_NAME_SIZE];
    if (kc_failed(kc_path_join(folder, dir, "authority", NULL))) {
        return false;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        kc_file_numbered(file, KC_ROOT_BASE, kc_roots_newest(folder), ends[i]);
        if (!kc_failed(kc_path_join(path, dir, "root", file)) && !kc_file_exists(path)) {
            return true;
        }
    }
    return false;
}

struct kc_result kc_authority_roll_ends(struct kc_roll_ends *out, const char *dir, bool root)
{
    char folder[KC_PATH_SIZE_MAX];
    struct kc_roll_ends issuers = {.most = KC_ISSUERS_MAX};
    struct kc_roll_ends roots = {.most = KC_ROOTS_MAX, .roots = true};
    struct kc_result result = kc_path_join(folder, dir, "authority", NULL);
    if (!kc_failed(result)) {
        result = kc_issuers_ends(&issuers, folder);
    }
    if (!kc_failed(result) && root) {
        result = kc_roots_ends(&roots, folder);
    }
    if (kc_failed(result) || !root) {
        *out = issuers;
        return result;
    }
    *out = roots;
    if (!kc_issuers_have_room(folder)) {
        out->next_ms = issuers.next_ms;
        out->most = issuers.most;
        out->roots = false;
    }
    return result;
}

/* The configuration. */
static struct kc_result open_config(struct kc_authority *authority, const char *dir)
{
    char path[KC_PATH_SIZE_MAX];
    memset(authority, 0, sizeof *authority);
    (void)pthread_mutex_init(&authority->lock, NULL);
    struct kc_result result = kc_path_join(authority->folder, dir, "authority", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(path, authority->folder, "authority.ini", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_config_read(&authority->config, keys, sizeof keys / sizeof keys[0], path);
    }
    if (!kc_failed(result)) {
        result =
            kc_realm_set(&authority->realm, authority->config.bank, authority->config.currency);
        result = kc_failed(result) ? kc_result(KC_CONFIG_INVALID) : result;
    }
    return result;
}

static struct kc_result open_database(struct kc_authority *authority)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(path, authority->folder, "authority.db", NULL);
    if (!kc_failed(result)) {
        result = kc_database_expect(path);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_open(&authority->store, path);
        authority->unclean = !kc_failed(result);
    }
    return kc_failed(result) ? result : kc_database_made(path);
}

struct kc_result kc_authority_open_database(struct kc_authority *authority, const char *dir)
{
    struct kc_result result = open_config(authority, dir);
    return kc_failed(result) ? result : open_database(authority);
}

struct kc_result kc_authority_open(struct kc_authority *authority, const char *dir)
{
    char secret[128];
    struct kc_result result = open_config(authority, dir);
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&authority->crypto, 64);
    }
    if (!kc_failed(result)) {
        result = open_keys(authority, authority->folder);
    }
    if (!kc_failed(result)) {
        result = kc_token_file_load(secret, sizeof secret, authority->folder, "directory.secret");
    }
    if (!kc_failed(result)) {
        result = kc_directory_open(&authority->directory, authority->config.directory_url, secret,
                                   (unsigned)authority->config.outside_ms);
    }
    kc_wipe(secret, sizeof secret);
    return kc_failed(result) ? result : open_database(authority);
}

void kc_authority_close(struct kc_authority *authority)
{
    kc_cmp_server_close(authority->cmp);
    kc_authority_store_close(authority->store);
    kc_directory_close(authority->directory);
    kc_own_close(authority);
    kc_issuers_close(authority);
    kc_libcrypto_close(&authority->crypto);
    (void)pthread_mutex_destroy(&authority->lock);
    kc_wipe(authority, sizeof *authority);
}
