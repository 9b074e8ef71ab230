#include "service/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "crypto/libcrypto.h"
#include "crypto/pem.h"
#include "service/files.h"

struct kc_result kc_key_file_load(struct kc_private_key *out, const char *folder, const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    struct kc_result result = kc_path_join(path, folder, name, NULL);
    if (!kc_failed(result)) {
        result = kc_file_read_secret(&buffer, path);
    }
    if (!kc_failed(result)) {
        result = kc_pem_read_private(out, kc_buffer_view(&buffer));
    }
    kc_wipe(text, sizeof text);
    return result;
}

static struct kc_result make_key(struct kc_private_key *out, const struct kc_crypto *crypto,
                                 const char *path, enum kc_key_type type)
{
    struct kc_public_key public_key;
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    struct kc_result result = crypto->generate(crypto->context, out, &public_key, type);
    if (!kc_failed(result)) {
        result = kc_pem_write_private(&buffer, out);
    }
    if (!kc_failed(result)) {
        result = kc_file_write(path, kc_buffer_view(&buffer), 0600);
    }
    kc_wipe(text, sizeof text);
    return result;
}

struct kc_result kc_key_file_ensure(struct kc_private_key *out, const struct kc_crypto *crypto,
                                    const char *folder, const char *name, enum kc_key_type type)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_key_file_load(out, folder, name);
    if (result.code != KC_FILE_MISSING) {
        return result;
    }
    result = kc_path_join(path, folder, name, NULL);
    return kc_failed(result) ? result : make_key(out, crypto, path, type);
}

struct kc_result kc_certificate_file_load(struct kc_buffer *der, const char *folder,
                                          const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    struct kc_result result = kc_path_join(path, folder, name, NULL);
    if (!kc_failed(result)) {
        result = kc_file_read(&buffer, path);
    }
    return kc_failed(result) ? result : kc_certificate_from_pem(der, kc_buffer_view(&buffer));
}

struct kc_result kc_certificate_file_save(const char *folder, const char *name, struct kc_view der)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    struct kc_result result = kc_path_join(path, folder, name, NULL);
    if (!kc_failed(result)) {
        result = kc_certificate_to_pem(&buffer, der);
    }
    return kc_failed(result) ? result : kc_file_write(path, kc_buffer_view(&buffer), 0644);
}

struct kc_result kc_root_words(struct kc_root_words *out, struct kc_view der)
{
    struct kc_crypto crypto;
    struct kc_certificate root;
    uint8_t digest[KC_DIGEST_SIZE];
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_certificate_read(&root, der);
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&crypto, 1);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(&crypto, digest, der);
    kc_libcrypto_close(&crypto);
    kc_hex_write(out->fingerprint, kc_view(digest, sizeof digest));
    kc_clock_format(out->from, root.not_before_ms);
    kc_clock_format(out->until, root.not_after_ms);
    return result;
}

struct kc_result kc_root_file_keep(void *folder, struct kc_view root)
{
    struct kc_root_words words;
    struct kc_result result = kc_certificate_file_save(folder, "root.crt", root);
    (void)kc_failed(kc_root_words(&words, root));
    kc_log(kc_failed(result) ? KC_LOG_ERROR : KC_LOG_INFO,
           "the authority's next root is pinned: %s root=%s from=%s until=%s",
           kc_error_name(result.code), words.fingerprint, words.from, words.until);
    return result;
}

static struct kc_result list_path(char out[KC_PATH_SIZE_MAX], const char *folder,
                                  const uint8_t root[KC_SERIAL_SIZE])
{
    char serial[2 * KC_SERIAL_SIZE + 1];
    char name[KC_FILE_NAME_SIZE];
    kc_hex_write(serial, kc_view(root, KC_SERIAL_SIZE));
    (void)snprintf(name, sizeof name, "root-%s.crl", serial);
    return kc_path_join(out, folder, name, NULL);
}

struct kc_result kc_root_list_file_keep(void *folder, const uint8_t root[KC_SERIAL_SIZE],
                                        struct kc_view list, size_t ended)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = list_path(path, folder, root);
    if (!kc_failed(result)) {
        result = kc_file_write(path, list, 0644);
    }
    if (ended == 0) {
        kc_log(kc_failed(result) ? KC_LOG_ERROR : KC_LOG_INFO,
               "a root's list, which names no issuer, is kept: %s", kc_error_name(result.code));
    } else {
        kc_log(kc_failed(result) ? KC_LOG_ERROR : KC_LOG_WARN,
               "a newer list of the root's, of issuers that ended, is kept: %s ended=%zu",
               kc_error_name(result.code), ended);
    }
    return result;
}

struct kc_result kc_root_list_file_load(void *folder, const uint8_t root[KC_SERIAL_SIZE],
                                        struct kc_buffer *list)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = list_path(path, folder, root);
    return kc_failed(result) ? result : kc_file_read(list, path);
}

struct kc_result kc_token_file_load(char *out, size_t capacity, const char *folder,
                                    const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_buffer buffer = {.data = (uint8_t *)out, .capacity = capacity - 1};
    struct kc_result result = kc_path_join(path, folder, name, NULL);
    if (!kc_failed(result)) {
        result = kc_file_read_secret(&buffer, path);
    }
    while (buffer.size > 0 && (out[buffer.size - 1] == '\n' || out[buffer.size - 1] == '\r')) {
        buffer.size -= 1;
    }
    for (size_t i = 0; i < buffer.size && !kc_failed(result); i++) {
        result = kc_result(out[i] > ' ' && out[i] <= '~' ? KC_OK : KC_CONFIG_INVALID);
    }
    if (!kc_failed(result) && buffer.size == 0) {
        result = kc_result(KC_CONFIG_INVALID);
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "%s: %s", name, kc_error_name(result.code));
        kc_wipe(out, capacity);
    }
    out[kc_failed(result) ? 0 : buffer.size] = '\0';
    return result;
}

struct kc_result kc_token_file_ensure(const struct kc_crypto *crypto, const char *folder,
                                      const char *name)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t bytes[32];
    char text[2 * sizeof bytes + 1];
    struct kc_result result = kc_path_join(path, folder, name, NULL);
    if (kc_failed(result) || kc_file_exists(path)) {
        return result;
    }
    result = crypto->random(crypto->context, bytes, sizeof bytes);
    if (!kc_failed(result)) {
        kc_hex_write(text, kc_view(bytes, sizeof bytes));
        result = kc_file_write(path, kc_view(text, 2 * sizeof bytes), 0600);
    }
    kc_wipe(bytes, sizeof bytes);
    kc_wipe(text, sizeof text);
    return result;
}

/* ---- keys in files or in a token ---- */

/* Names of later keys go on with a number: encrypt-1. */
static bool is_encrypt(const char *name)
{
    return strncmp(name, "encrypt", 7) == 0;
}

static const char *uri_of(const struct kc_key_places *places, const char *name)
{
    const char *uri = strncmp(name, "sign", 4) == 0 ? places->sign
                      : is_encrypt(name)            ? places->encrypt
                                                    : places->issuing;
    return uri[0] == '\0' ? NULL : uri;
}

static struct kc_token_place place_of(const struct kc_key_places *places, const char *folder,
                                      const char *name)
{
    return (struct kc_token_place){.uri = uri_of(places, name),
                                   .module = places->module,
                                   .pin_file = places->pin,
                                   .folder = folder,
                                   .read_secret = kc_file_read_secret};
}

bool kc_token_uri_fits(const char *uri)
{
    char with_object[KC_TOKEN_URI_SIZE_MAX + 1];
    bool good = strncmp(uri, "pkcs11:", 7) == 0 && strstr(uri, "object=") == NULL &&
                strstr(uri, "pin-value=") == NULL &&
                !kc_failed(kc_token_uri_object(with_object, uri, "authority-encrypt"));
    for (const char *at = uri; good && *at != '\0'; at++) {
        good = *at > ' ' && *at <= '~';
    }
    return good;
}

struct kc_result kc_token_uri_object(char out[KC_TOKEN_URI_SIZE_MAX + 1], const char *uri,
                                     const char *name)
{
    size_t path = strcspn(uri, "?");
    int size = snprintf(out, KC_TOKEN_URI_SIZE_MAX + 1, "%.*s;object=%s%s", (int)path, uri, name,
                        uri + path);
    return kc_result(size > 0 && size <= KC_TOKEN_URI_SIZE_MAX ? KC_OK : KC_CONFIG_INVALID);
}

void kc_key_close(struct kc_private_key *key)
{
    kc_token_key_close(key);
}

struct kc_result kc_key_place_ensure(struct kc_private_key *private_key,
                                     struct kc_public_key *public_key,
                                     const struct kc_crypto *crypto, const char *folder,
                                     const char *name, const struct kc_key_places *places,
                                     enum kc_key_type type)
{
    char file[64];
    struct kc_result result;
    memset(private_key, 0, sizeof *private_key);
    if (uri_of(places, name) != NULL) {
        const struct kc_token_place place = place_of(places, folder, name);
        bool opens = is_encrypt(name);
        result = kc_token_key_ensure(private_key, &place, type,
                                     opens ? KC_TOKEN_DECRYPT : KC_TOKEN_SIGN);
    } else {
        (void)snprintf(file, sizeof file, "%s.key", name);
        result = kc_key_file_ensure(private_key, crypto, folder, file, type);
    }
    if (!kc_failed(result)) {
        result = crypto->derive_public(crypto->context, public_key, private_key);
        if (kc_failed(result) && private_key->held != NULL) {
            kc_log(KC_LOG_ERROR, "%s: the token holds no public key beside the private one", name);
            result = kc_result(KC_CONFIG_INVALID);
        }
    }
    if (kc_failed(result)) {
        kc_key_close(private_key);
    }
    return result;
}

struct kc_result kc_key_pair_ensure(const struct kc_crypto *crypto, const char *folder,
                                    const char *name, const struct kc_key_places *places)
{
    char path[KC_PATH_SIZE_MAX];
    char file[64];
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    struct kc_private_key key;
    struct kc_public_key public_key;
    (void)snprintf(file, sizeof file, "%s.crt", name);
    struct kc_result certified = kc_path_join(path, folder, file, NULL);
    if (kc_failed(certified) || kc_file_exists(path)) {
        return certified; /* a certified key that is gone is nothing to be replaced in silence */
    }
    struct kc_result result =
        kc_key_place_ensure(&key, &public_key, crypto, folder, name, places, KC_KEY_P256);
    kc_key_close(&key);
    if (!kc_failed(result)) {
        result = kc_pem_write_public(&buffer, &public_key);
    }
    (void)snprintf(file, sizeof file, "%s.pub", name);
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, file, NULL);
    }
    return kc_failed(result) ? result : kc_file_write(path, kc_buffer_view(&buffer), 0644);
}

struct kc_result kc_server_keys_ensure_at(const char *folder, const struct kc_key_places *places)
{
    struct kc_crypto crypto;
    struct kc_result result = kc_folder_make(folder);
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&crypto, 8);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_key_pair_ensure(&crypto, folder, "sign", places);
    if (!kc_failed(result)) {
        result = kc_key_pair_ensure(&crypto, folder, "encrypt", places);
    }
    kc_libcrypto_close(&crypto);
    return result;
}

struct kc_result kc_server_keys_ensure(const char *folder)
{
    static const struct kc_key_places files = {0};
    return kc_server_keys_ensure_at(folder, &files);
}

static struct kc_result load_certified_key(struct kc_public_key *out, const char *folder,
                                           const char *name)
{
    char file[64];
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(der);
    struct kc_certificate certificate;
    (void)snprintf(file, sizeof file, "%s.crt", name);
    struct kc_result result = kc_certificate_file_load(&buffer, folder, file);
    if (!kc_failed(result)) {
        result = kc_certificate_read(&certificate, kc_buffer_view(&buffer));
    }
    if (!kc_failed(result)) {
        *out = certificate.key;
    }
    return result;
}

static bool same_key(const struct kc_public_key *a, const struct kc_public_key *b)
{
    if (a->type != b->type) {
        return false;
    }
    return a->type == KC_KEY_P256 ? memcmp(&a->p256, &b->p256, sizeof a->p256) == 0
                                  : memcmp(a->rsa.n, b->rsa.n, kc_rsa_size(a->type)) == 0;
}

struct kc_result kc_key_pair_load(struct kc_private_key *private_key,
                                  struct kc_public_key *public_key, const struct kc_crypto *crypto,
                                  const char *folder, const char *name)
{
    char file[64];
    struct kc_public_key derived;
    struct kc_public_key certified;
    (void)snprintf(file, sizeof file, "%s.key", name);
    struct kc_result result = kc_key_file_load(private_key, folder, file);
    if (!kc_failed(result)) {
        result = crypto->derive_public(crypto->context, &derived, private_key);
    }
    if (!kc_failed(result)) {
        result = load_certified_key(&certified, folder, name);
    }
    if (!kc_failed(result) && !same_key(&derived, &certified)) {
        kc_log(KC_LOG_ERROR, "%s.key is not the key in %s.crt", name, name);
        result = kc_result(KC_CONFIG_INVALID);
    }
    if (!kc_failed(result) && public_key != NULL) {
        *public_key = derived;
    }
    return result;
}

/* Whether a key in a token signs as the public key wants it, or opens what is sealed to it. */
static struct kc_result try_key(const struct kc_private_key *key,
                                const struct kc_public_key *public_key,
                                const struct kc_crypto *crypto, bool signs)
{
    uint8_t random[KC_DIGEST_SIZE];
    uint8_t out[KC_SIGNATURE_SIZE_MAX];
    uint8_t other[KC_RSA_SIZE_MAX];
    size_t size = 0;
    size_t other_size = 0;
    struct kc_private_key ephemeral;
    struct kc_public_key peer;
    const bool rsa = key->type != KC_KEY_P256;
    struct kc_result result = crypto->random(crypto->context, random, sizeof random);
    if (kc_failed(result) || key->type != public_key->type) {
        return kc_failed(result) ? result : kc_result(KC_MISMATCH);
    }
    if (signs) {
        result = crypto->sign(crypto->context, out, &size, key, random);
        return kc_failed(result)
                   ? result
                   : crypto->verify(crypto->context, public_key, random, kc_view(out, size));
    }
    if (rsa) {
        result =
            crypto->wrap(crypto->context, out, &size, public_key, kc_view(random, sizeof random));
        if (!kc_failed(result)) {
            result = crypto->unwrap(crypto->context, other, &other_size, sizeof other, key,
                                    kc_view(out, size));
        }
        return !kc_failed(result) && (other_size != sizeof random ||
                                      !kc_equal_secret(other, random, sizeof random))
                   ? kc_result(KC_MISMATCH)
                   : result;
    }
    result = crypto->generate(crypto->context, &ephemeral, &peer, KC_KEY_P256);
    if (!kc_failed(result)) {
        result = crypto->agree(crypto->context, out, &ephemeral, public_key);
    }
    if (!kc_failed(result)) {
        result = crypto->agree(crypto->context, other, key, &peer);
    }
    return !kc_failed(result) && !kc_equal_secret(out, other, KC_P256_COORDINATE_SIZE)
               ? kc_result(KC_MISMATCH)
               : result;
}

struct kc_result kc_key_pair_open(struct kc_private_key *private_key,
                                  struct kc_public_key *public_key, const struct kc_crypto *crypto,
                                  const char *folder, const char *name,
                                  const struct kc_key_places *places)
{
    struct kc_public_key certified;
    memset(private_key, 0, sizeof *private_key);
    if (uri_of(places, name) == NULL) {
        return kc_key_pair_load(private_key, public_key, crypto, folder, name);
    }
    const struct kc_token_place place = place_of(places, folder, name);
    struct kc_result result = load_certified_key(&certified, folder, name);
    if (!kc_failed(result)) {
        result = kc_token_key_open(private_key, &place);
    }
    if (!kc_failed(result)) {
        result = try_key(private_key, &certified, crypto, !is_encrypt(name));
        if (kc_failed(result) && result.code != KC_TOKEN_UNAVAILABLE) {
            kc_log(KC_LOG_ERROR, "the key in the token is not the key in %s.crt", name);
            result = kc_result(KC_CONFIG_INVALID);
        }
    }
    if (kc_failed(result)) {
        kc_key_close(private_key);
    } else if (public_key != NULL) {
        *public_key = certified;
    }
    return result;
}
