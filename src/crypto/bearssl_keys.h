/* Public-key operations of the BearSSL backend, one group a key type. Internal to this room. */
#ifndef KC_CRYPTO_BEARSSL_KEYS_H
#define KC_CRYPTO_BEARSSL_KEYS_H

#include <bearssl.h>

#include "crypto/port.h"

/* P-256. `key` must be of that type in all of these. False: the key is none, or the operation failed. */
bool kc_bearssl_p256_generate(const br_prng_class **random, struct kc_private_key *private_key,
                              struct kc_public_key *public_key);
bool kc_bearssl_p256_public(struct kc_public_key *out, const struct kc_private_key *key);
bool kc_bearssl_p256_sign(uint8_t signature[64], const struct kc_private_key *key,
                          const uint8_t digest[KC_DIGEST_SIZE]);
bool kc_bearssl_p256_verify(const struct kc_public_key *key, const uint8_t digest[KC_DIGEST_SIZE],
                            const uint8_t signature[64]);
bool kc_bearssl_p256_agree(uint8_t shared[KC_P256_COORDINATE_SIZE],
                           const struct kc_private_key *key, const struct kc_public_key *peer);

/* RSA. `key` must be of an RSA type in all of these. A signature has the size of the modulus. */
bool kc_bearssl_rsa_generate(const br_prng_class **random, struct kc_private_key *private_key,
                             struct kc_public_key *public_key, enum kc_key_type type);
bool kc_bearssl_rsa_public(struct kc_public_key *out, const struct kc_private_key *key);
bool kc_bearssl_rsa_sign(const br_prng_class **random, uint8_t signature[KC_RSA_SIZE_MAX],
                         const struct kc_private_key *key, const uint8_t digest[KC_DIGEST_SIZE]);
bool kc_bearssl_rsa_verify(const struct kc_public_key *key, const uint8_t digest[KC_DIGEST_SIZE],
                           const uint8_t *signature);
bool kc_bearssl_rsa_wrap(const br_prng_class **random, uint8_t out[KC_RSA_SIZE_MAX],
                         const struct kc_public_key *key, struct kc_view secret);
/* Opens where it lies: *size is the size of the modulus before and of the secret after. */
bool kc_bearssl_rsa_unwrap(uint8_t text[KC_RSA_SIZE_MAX], size_t *size,
                           const struct kc_private_key *key);

#endif
