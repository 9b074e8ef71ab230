/* A P-256 key that is held elsewhere in libcrypto's form, so that it can sign CMP messages. The interface to do that is an older
 * one of libcrypto, which is marked as such; a provider would be the way after it. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/ec.h>
#include <openssl/err.h>
#include <pthread.h>
#include <string.h>

#include "crypto/cmp_parts.h"
#include "crypto/libcrypto_keys.h"

static int held_place = -1;
static EC_KEY_METHOD *held_method;

static ECDSA_SIG *sign_held(const unsigned char *digest, int size, const BIGNUM *k_inverse,
                            const BIGNUM *r, EC_KEY *key)
{
    const struct kc_held_key *held = EC_KEY_get_ex_data(key, held_place);
    uint8_t raw[KC_SIGNATURE_SIZE_MAX];
    size_t raw_size = 0;
    (void)k_inverse;
    (void)r;
    if (held == NULL || size != KC_DIGEST_SIZE ||
        kc_failed(held->sign(held->context, raw, &raw_size, digest)) || raw_size != 64) {
        return NULL;
    }
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *first = BN_bin2bn(raw, 32, NULL);
    BIGNUM *second = BN_bin2bn(raw + 32, 32, NULL);
    if (signature == NULL || first == NULL || second == NULL ||
        ECDSA_SIG_set0(signature, first, second) != 1) {
        BN_free(first);
        BN_free(second);
        ECDSA_SIG_free(signature);
        return NULL;
    }
    return signature;
}

static int sign_der(int type, const unsigned char *digest, int size, unsigned char *out,
                    unsigned int *out_size, const BIGNUM *k_inverse, const BIGNUM *r, EC_KEY *key)
{
    ECDSA_SIG *signature = sign_held(digest, size, k_inverse, r, key);
    (void)type;
    int written = signature == NULL ? -1 : i2d_ECDSA_SIG(signature, &out);
    ECDSA_SIG_free(signature);
    *out_size = written > 0 ? (unsigned int)written : 0;
    return written > 0 ? 1 : 0;
}

static void make_method(void)
{
    held_place = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    held_method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    if (held_method != NULL) {
        EC_KEY_METHOD_set_sign(held_method, sign_der, NULL, sign_held);
    }
}

/* Made once, by whichever thread asks or answers first. */
static bool have_method(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_method);
    return held_method != NULL && held_place >= 0;
}

static EVP_PKEY *wrap_held(const struct kc_private_key *private_key)
{
    const struct kc_held_key *held = private_key->held;
    union {
        const void *in;
        void *out;
    } owner = {.in = held};
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    BIGNUM *x = BN_bin2bn(held->public_key.p256.x, KC_P256_COORDINATE_SIZE, NULL);
    BIGNUM *y = BN_bin2bn(held->public_key.p256.y, KC_P256_COORDINATE_SIZE, NULL);
    EVP_PKEY *wrapped = EVP_PKEY_new();
    bool good = key != NULL && x != NULL && y != NULL && wrapped != NULL && have_method() &&
                EC_KEY_set_public_key_affine_coordinates(key, x, y) == 1 &&
                EC_KEY_set_method(key, held_method) == 1 &&
                EC_KEY_set_ex_data(key, held_place, owner.out) == 1 &&
                EVP_PKEY_set1_EC_KEY(wrapped, key) == 1;
    BN_free(x);
    BN_free(y);
    EC_KEY_free(key);
    if (!good) {
        EVP_PKEY_free(wrapped);
        return NULL;
    }
    return wrapped;
}

EVP_PKEY *kc_cmp_key(const struct kc_private_key *key)
{
    if (key->held == NULL) {
        return kc_pkey_from_private(key);
    }
    return key->held->public_key.type == KC_KEY_P256 ? wrap_held(key) : NULL;
}
