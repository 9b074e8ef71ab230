#include "service/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "crypto/libcrypto.h"
#include "crypto/pem.h"
#include "crypto/x509.h"
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

static struct kc_result ensure_pair(const struct kc_crypto *crypto, const char *folder,
                                    const char *key_name, const char *public_name)
{
    char path[KC_PATH_SIZE_MAX];
    uint8_t text[KC_PEM_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(text);
    struct kc_private_key key;
    struct kc_public_key public_key;
    struct kc_result result = kc_key_file_ensure(&key, crypto, folder, key_name, KC_KEY_P256);
    if (!kc_failed(result)) {
        result = crypto->derive_public(crypto->context, &public_key, &key);
    }
    kc_wipe(&key, sizeof key);
    if (!kc_failed(result)) {
        result = kc_pem_write_public(&buffer, &public_key);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, public_name, NULL);
    }
    return kc_failed(result) ? result : kc_file_write(path, kc_buffer_view(&buffer), 0644);
}

struct kc_result kc_server_keys_ensure(const char *folder)
{
    struct kc_crypto crypto;
    struct kc_result result = kc_folder_make(folder);
    if (!kc_failed(result)) {
        result = kc_libcrypto_open(&crypto, 8);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = ensure_pair(&crypto, folder, "sign.key", "sign.pub");
    if (!kc_failed(result)) {
        result = ensure_pair(&crypto, folder, "encrypt.key", "encrypt.pub");
    }
    kc_libcrypto_close(&crypto);
    return result;
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
