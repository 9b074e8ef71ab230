#include "crypto/libcrypto_p256.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <string.h>

#define POINT_SIZE (1 + 2 * KC_P256_COORDINATE_SIZE)
/* A random number below the order is zero once in 2^256 tries. */
#define DRAWS_MAX 8

struct kc_result kc_p256_open(struct kc_p256 *out)
{
    out->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    out->numbers = BN_CTX_secure_new();
    return kc_result(out->group == NULL || out->numbers == NULL ? KC_CRYPTO_FAILED : KC_OK);
}

void kc_p256_close(struct kc_p256 *p256)
{
    EC_GROUP_free(p256->group);
    BN_CTX_free(p256->numbers);
    *p256 = (struct kc_p256){.group = NULL};
}

static bool draw(struct kc_p256 *p256, BIGNUM *d)
{
    const BIGNUM *order = EC_GROUP_get0_order(p256->group);
    for (int i = 0; i < DRAWS_MAX; i++) {
        if (BN_priv_rand_range_ex(d, order, 0, p256->numbers) != 1) {
            return false;
        }
        if (!BN_is_zero(d)) {
            return true;
        }
    }
    return false;
}

struct kc_result kc_p256_generate(struct kc_p256 *p256, struct kc_private_key *private_key,
                                  struct kc_public_key *public_key)
{
    uint8_t bytes[POINT_SIZE];
    BIGNUM *d = BN_secure_new();
    EC_POINT *point = EC_POINT_new(p256->group);
    memset(private_key, 0, sizeof *private_key);
    memset(public_key, 0, sizeof *public_key);
    bool good = d != NULL && point != NULL && draw(p256, d);
    if (good) {
        BN_set_flags(d, BN_FLG_CONSTTIME);
        good = EC_POINT_mul(p256->group, point, d, NULL, NULL, p256->numbers) == 1 &&
               EC_POINT_point2oct(p256->group, point, POINT_CONVERSION_UNCOMPRESSED, bytes,
                                  sizeof bytes, p256->numbers) == sizeof bytes &&
               BN_bn2binpad(d, private_key->p256.d, KC_P256_COORDINATE_SIZE) ==
                   KC_P256_COORDINATE_SIZE;
    }
    if (good) {
        private_key->type = KC_KEY_P256;
        public_key->type = KC_KEY_P256;
        memcpy(public_key->p256.x, bytes + 1, KC_P256_COORDINATE_SIZE);
        memcpy(public_key->p256.y, bytes + 1 + KC_P256_COORDINATE_SIZE, KC_P256_COORDINATE_SIZE);
    } else {
        ERR_clear_error();
    }
    EC_POINT_free(point);
    BN_clear_free(d);
    return kc_result(good ? KC_OK : KC_CRYPTO_FAILED);
}

/* EC_POINT_oct2point refuses coordinates that are no point of the curve. */
static bool load_point(struct kc_p256 *p256, EC_POINT *point, const struct kc_public_key *key)
{
    uint8_t bytes[POINT_SIZE];
    bytes[0] = 0x04;
    memcpy(bytes + 1, key->p256.x, KC_P256_COORDINATE_SIZE);
    memcpy(bytes + 1 + KC_P256_COORDINATE_SIZE, key->p256.y, KC_P256_COORDINATE_SIZE);
    return EC_POINT_oct2point(p256->group, point, bytes, sizeof bytes, p256->numbers) == 1;
}

bool kc_p256_is_point(struct kc_p256 *p256, const struct kc_public_key *key)
{
    EC_POINT *point = EC_POINT_new(p256->group);
    bool good = point != NULL && load_point(p256, point, key);
    if (!good) {
        ERR_clear_error();
    }
    EC_POINT_free(point);
    return good;
}

struct kc_result kc_p256_agree(struct kc_p256 *p256, uint8_t shared[KC_P256_COORDINATE_SIZE],
                               const struct kc_private_key *key, const struct kc_public_key *peer)
{
    uint8_t bytes[POINT_SIZE];
    BIGNUM *d = BN_secure_new();
    EC_POINT *point = EC_POINT_new(p256->group);
    EC_POINT *product = EC_POINT_new(p256->group);
    bool good = d != NULL && point != NULL && product != NULL && load_point(p256, point, peer) &&
                BN_bin2bn(key->p256.d, KC_P256_COORDINATE_SIZE, d) != NULL;
    if (good) {
        BN_set_flags(d, BN_FLG_CONSTTIME);
        /* The product is not the point at infinity, whose encoding is shorter, when d is in range: the order is prime. */
        good = !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(p256->group)) < 0 &&
               EC_POINT_mul(p256->group, product, NULL, point, d, p256->numbers) == 1 &&
               EC_POINT_point2oct(p256->group, product, POINT_CONVERSION_UNCOMPRESSED, bytes,
                                  sizeof bytes, p256->numbers) == sizeof bytes;
    }
    if (good) {
        memcpy(shared, bytes + 1, KC_P256_COORDINATE_SIZE);
    } else {
        ERR_clear_error();
    }
    kc_wipe(bytes, sizeof bytes);
    EC_POINT_free(point);
    EC_POINT_clear_free(product);
    BN_clear_free(d);
    return kc_result(good ? KC_OK : KC_CANNOT_UNSEAL);
}
