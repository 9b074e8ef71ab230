/* SHA256_Init and its like are deprecated in OpenSSL 3 in favour of EVP contexts, which live on the heap and cannot be
 * copied by value. The port needs a running hash as a plain value, and these remain in every OpenSSL 3. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/libcrypto.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "crypto/libcrypto_keys.h"
#include "crypto/libcrypto_p256.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct kc_sha256), "the running hash fits");

/* r and s as DER integers of at most 33 bytes in a sequence. */
#define ECDSA_DER_SIZE_MAX 72

struct backend {
    struct kc_key_cache keys;
    struct kc_p256 p256;
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *cipher;
};

static void sha256_start(void *context, struct kc_sha256 *hash)
{
    (void)context;
    KC_ASSERT(SHA256_Init((SHA256_CTX *)hash->opaque) == 1);
}

static void sha256_add(void *context, struct kc_sha256 *hash, struct kc_view bytes)
{
    (void)context;
    KC_ASSERT(SHA256_Update((SHA256_CTX *)hash->opaque, bytes.data, bytes.size) == 1);
}

static void sha256_end(void *context, struct kc_sha256 *hash, uint8_t digest[KC_DIGEST_SIZE])
{
    (void)context;
    KC_ASSERT(SHA256_Final(digest, (SHA256_CTX *)hash->opaque) == 1);
    kc_wipe(hash->opaque, sizeof(SHA256_CTX));
}

static void hmac_sha256(void *context, uint8_t mac[KC_DIGEST_SIZE], struct kc_view key,
                        struct kc_view message)
{
    static const uint8_t nothing[1] = {0};
    unsigned size = KC_DIGEST_SIZE;
    (void)context;
    /* OpenSSL fails when key and message are both NULL, as the data of empty views may be. */
    KC_ASSERT(HMAC(EVP_sha256(), key.size == 0 ? nothing : key.data, (int)key.size, message.data,
                   message.size, mac, &size) != NULL);
}

static struct kc_result get_random(void *context, uint8_t *out, size_t size)
{
    (void)context;
    return kc_result(RAND_bytes(out, (int)size) == 1 ? KC_OK : KC_CRYPTO_FAILED);
}

static struct kc_result generate(void *context, struct kc_private_key *private_key,
                                 struct kc_public_key *public_key, enum kc_key_type type)
{
    struct backend *backend = context;
    if (type == KC_KEY_P256) {
        return kc_p256_generate(&backend->p256, private_key, public_key);
    }
    EVP_PKEY *key =
        type == KC_KEY_NONE ? NULL : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", 8 * kc_rsa_size(type));
    if (key == NULL) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    struct kc_result result = kc_pkey_to_private(private_key, key);
    if (!kc_failed(result)) {
        result = kc_pkey_to_public(public_key, key);
    }
    EVP_PKEY_free(key);
    return kc_result(kc_failed(result) ? KC_CRYPTO_FAILED : KC_OK);
}

static struct kc_result derive_public(void *context, struct kc_public_key *out,
                                      const struct kc_private_key *key)
{
    (void)context;
    if (key->held != NULL) {
        *out = key->held->public_key;
        return kc_result(out->type == key->type ? KC_OK : KC_CRYPTO_FAILED);
    }
    EVP_PKEY *made = kc_pkey_from_private(key);
    if (made == NULL) {
        ERR_clear_error();
        return kc_result(KC_CRYPTO_FAILED);
    }
    struct kc_result result = kc_pkey_to_public(out, made);
    EVP_PKEY_free(made);
    return result;
}

static bool der_to_raw(uint8_t raw[64], const uint8_t *der, size_t size)
{
    const uint8_t *at = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
    bool good = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32) == 32 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32) == 32;
    ECDSA_SIG_free(signature);
    return good;
}

static size_t write_der_integer(uint8_t *out, const uint8_t number[32])
{
    size_t skip = 0;
    while (skip < 31 && number[skip] == 0) {
        skip++;
    }
    size_t pad = (number[skip] & 0x80u) != 0 ? 1 : 0;
    size_t size = 32 - skip + pad;
    out[0] = 0x02;
    out[1] = (uint8_t)size;
    out[2] = 0;
    memcpy(out + 2 + pad, number + skip, 32 - skip);
    return size + 2;
}

/* SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 §2.2.3). */
static size_t raw_to_der(uint8_t der[ECDSA_DER_SIZE_MAX], const uint8_t raw[64])
{
    size_t size = 2;
    size += write_der_integer(der + size, raw);
    size += write_der_integer(der + size, raw + 32);
    der[0] = 0x30;
    der[1] = (uint8_t)(size - 2);
    return size;
}

static struct kc_result sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX], size_t *size,
                             const struct kc_private_key *key, const uint8_t digest[KC_DIGEST_SIZE])
{
    struct backend *backend = context;
    if (key->held != NULL) {
        return key->held->sign(key->held->context, signature, size, digest);
    }
    EVP_PKEY_CTX *operation = kc_key_cache_private(&backend->keys, key, KC_USE_SIGN);
    uint8_t der[ECDSA_DER_SIZE_MAX + 8];
    bool is_p256 = key->type == KC_KEY_P256;
    size_t made = is_p256 ? sizeof der : KC_SIGNATURE_SIZE_MAX;
    bool good = operation != NULL && EVP_PKEY_sign(operation, is_p256 ? der : signature, &made,
                                                   digest, KC_DIGEST_SIZE) == 1;
    if (good && is_p256) {
        good = der_to_raw(signature, der, made);
        made = 64;
    }
    if (!good || made != kc_signature_size(key->type)) {
        ERR_clear_error();
        return kc_result(KC_CRYPTO_FAILED);
    }
    *size = made;
    return kc_ok();
}

static struct kc_result verify(void *context, const struct kc_public_key *key,
                               const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    struct backend *backend = context;
    uint8_t der[ECDSA_DER_SIZE_MAX];
    if (signature.size == 0 || signature.size != kc_signature_size(key->type)) {
        return kc_result(KC_BAD_SIGNATURE);
    }
    EVP_PKEY_CTX *operation = kc_key_cache_public(&backend->keys, key, KC_USE_VERIFY);
    if (key->type == KC_KEY_P256) {
        signature = kc_view(der, raw_to_der(der, signature.data));
    }
    if (operation == NULL ||
        EVP_PKEY_verify(operation, signature.data, signature.size, digest, KC_DIGEST_SIZE) != 1) {
        ERR_clear_error();
        return kc_result(KC_BAD_SIGNATURE);
    }
    return kc_ok();
}

static struct kc_result agree(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                              const struct kc_private_key *key, const struct kc_public_key *peer)
{
    struct backend *backend = context;
    if (key->type != KC_KEY_P256 || peer->type != KC_KEY_P256) {
        return kc_result(KC_CANNOT_UNSEAL);
    }
    if (key->held != NULL) {
        return kc_p256_is_point(&backend->p256, peer)
                   ? key->held->agree(key->held->context, shared, peer)
                   : kc_result(KC_CANNOT_UNSEAL);
    }
    return kc_p256_agree(&backend->p256, shared, key, peer);
}

static struct kc_result wrap(void *context, uint8_t out[KC_RSA_SIZE_MAX], size_t *size,
                             const struct kc_public_key *key, struct kc_view secret)
{
    struct backend *backend = context;
    *size = KC_RSA_SIZE_MAX;
    if (kc_rsa_size(key->type) == 0) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    EVP_PKEY_CTX *operation = kc_key_cache_public(&backend->keys, key, KC_USE_WRAP);
    if (operation == NULL ||
        EVP_PKEY_encrypt(operation, out, size, secret.data, secret.size) != 1) {
        ERR_clear_error();
        return kc_result(KC_CRYPTO_FAILED);
    }
    return kc_ok();
}

static struct kc_result unwrap(void *context, uint8_t *secret, size_t *size, size_t capacity,
                               const struct kc_private_key *key, struct kc_view wrapped)
{
    struct backend *backend = context;
    uint8_t opened[KC_RSA_SIZE_MAX];
    size_t made = sizeof opened;
    *size = 0;
    if (wrapped.size == 0 || wrapped.size != kc_rsa_size(key->type)) {
        return kc_result(KC_CANNOT_UNSEAL);
    }
    if (key->held != NULL) {
        return key->held->unwrap(key->held->context, secret, size, capacity, wrapped);
    }
    EVP_PKEY_CTX *operation = kc_key_cache_private(&backend->keys, key, KC_USE_UNWRAP);
    bool good = operation != NULL &&
                EVP_PKEY_decrypt(operation, opened, &made, wrapped.data, wrapped.size) == 1 &&
                made <= capacity;
    if (good) {
        memcpy(secret, opened, made);
        *size = made;
    } else {
        ERR_clear_error();
    }
    kc_wipe(opened, sizeof opened);
    return kc_result(good ? KC_OK : KC_CANNOT_UNSEAL);
}

static struct kc_result gcm_seal(void *context, uint8_t tag[KC_GCM_TAG_SIZE], uint8_t *text,
                                 size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    struct backend *backend = context;
    EVP_CIPHER_CTX *cipher = backend->cipher;
    int done = 0;
    bool good = EVP_EncryptInit_ex2(cipher, backend->gcm, key, iv, NULL) == 1 &&
                EVP_EncryptUpdate(cipher, NULL, &done, aad.data, (int)aad.size) == 1 &&
                EVP_EncryptUpdate(cipher, text, &done, text, (int)size) == 1 &&
                EVP_EncryptFinal_ex(cipher, text + done, &done) == 1 &&
                EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, KC_GCM_TAG_SIZE, tag) == 1;
    return kc_result(good ? KC_OK : KC_CRYPTO_FAILED);
}

static struct kc_result gcm_open(void *context, uint8_t *text, size_t size,
                                 const uint8_t tag[KC_GCM_TAG_SIZE],
                                 const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    struct backend *backend = context;
    EVP_CIPHER_CTX *cipher = backend->cipher;
    uint8_t expected[KC_GCM_TAG_SIZE];
    int done = 0;
    memcpy(expected, tag, sizeof expected);
    bool good =
        EVP_DecryptInit_ex2(cipher, backend->gcm, key, iv, NULL) == 1 &&
        EVP_DecryptUpdate(cipher, NULL, &done, aad.data, (int)aad.size) == 1 &&
        EVP_DecryptUpdate(cipher, text, &done, text, (int)size) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, KC_GCM_TAG_SIZE, expected) == 1 &&
        EVP_DecryptFinal_ex(cipher, text + done, &done) == 1;
    if (!good) {
        kc_wipe(text, size);
        ERR_clear_error();
    }
    return kc_result(good ? KC_OK : KC_CANNOT_UNSEAL);
}

struct kc_result kc_libcrypto_open(struct kc_crypto *out, size_t key_slots)
{
    struct backend *backend = calloc(1, sizeof *backend);
    if (backend == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    *out = (struct kc_crypto){.context = backend,
                              .sha256_start = sha256_start,
                              .sha256_add = sha256_add,
                              .sha256_end = sha256_end,
                              .hmac_sha256 = hmac_sha256,
                              .random = get_random,
                              .generate = generate,
                              .derive_public = derive_public,
                              .sign = sign,
                              .verify = verify,
                              .agree = agree,
                              .wrap = wrap,
                              .unwrap = unwrap,
                              .gcm_seal = gcm_seal,
                              .gcm_open = gcm_open};
    backend->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    backend->cipher = EVP_CIPHER_CTX_new();
    struct kc_result result = kc_key_cache_open(&backend->keys, key_slots);
    if (!kc_failed(result)) {
        result = kc_p256_open(&backend->p256);
    }
    if (!kc_failed(result) && (backend->gcm == NULL || backend->cipher == NULL)) {
        result = kc_result(KC_CRYPTO_FAILED);
    }
    if (kc_failed(result)) {
        kc_libcrypto_close(out);
    }
    return result;
}

void kc_libcrypto_close(struct kc_crypto *crypto)
{
    struct backend *backend = crypto->context;
    if (backend == NULL) {
        return;
    }
    kc_key_cache_close(&backend->keys);
    kc_p256_close(&backend->p256);
    EVP_CIPHER_CTX_free(backend->cipher);
    EVP_CIPHER_free(backend->gcm);
    free(backend);
    crypto->context = NULL;
}
