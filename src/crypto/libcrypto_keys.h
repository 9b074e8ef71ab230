/* Keys in libcrypto's own form, kept in a small cache because making them from bytes costs as much as using them.
 * Internal to this room. */
#ifndef KC_CRYPTO_LIBCRYPTO_KEYS_H
#define KC_CRYPTO_LIBCRYPTO_KEYS_H

#include <openssl/evp.h>

#include "crypto/port.h"

#define KC_KEY_WAYS 4u

/* What a cached key is used for; each keeps one initialised operation beside the key. */
enum kc_key_use { KC_USE_SIGN, KC_USE_VERIFY, KC_USE_WRAP, KC_USE_UNWRAP };

struct kc_cached_key {
    EVP_PKEY *key;
    EVP_PKEY_CTX *operation;
    enum kc_key_use use;
    bool is_private;
    size_t size; /* bytes of the copy below */
    union {
        struct kc_public_key public_key;
        struct kc_private_key private_key;
    } copy;
};

struct kc_key_cache {
    size_t buckets;
    size_t next_victim;
    struct kc_cached_key *slots; /* buckets * KC_KEY_WAYS */
};

KC_MUST_USE struct kc_result kc_key_cache_open(struct kc_key_cache *cache, size_t slots);
void kc_key_cache_close(struct kc_key_cache *cache);

/* The operation for a key, made when it is not cached; NULL when the bytes are no key. Owned by the cache and valid
 * until its next call. */
EVP_PKEY_CTX *kc_key_cache_private(struct kc_key_cache *cache, const struct kc_private_key *key,
                                   enum kc_key_use use);
EVP_PKEY_CTX *kc_key_cache_public(struct kc_key_cache *cache, const struct kc_public_key *key,
                                  enum kc_key_use use);

/* libcrypto's form of a key, owned by the caller; NULL when the bytes are no key. */
EVP_PKEY *kc_pkey_from_public(const struct kc_public_key *key);
EVP_PKEY *kc_pkey_from_private(const struct kc_private_key *key);

/* Our form of a key; KC_WRONG_ALGORITHM for a key of another kind or size. */
KC_MUST_USE struct kc_result kc_pkey_to_public(struct kc_public_key *out, const EVP_PKEY *key);
KC_MUST_USE struct kc_result kc_pkey_to_private(struct kc_private_key *out, const EVP_PKEY *key);

#endif
