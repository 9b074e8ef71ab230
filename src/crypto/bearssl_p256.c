#include <string.h>

#include "crypto/bearssl_keys.h"

#define COORDINATE KC_P256_COORDINATE_SIZE
#define POINT_SIZE (1 + 2 * COORDINATE)

/* The one curve of the port; the implementation for a single curve is smaller and faster than the general one, and it
 * checks that a point it is given lies on the curve. */
static const br_ec_impl *const curve = &br_ec_p256_m31;
#define CURVE BR_EC_secp256r1

/* True for a number in [1, n-1], in a time that does not depend on it. BearSSL leaves this check to its callers for
 * products, and its ECDSA takes an r of zero as far as the last comparison. */
static bool is_scalar(const uint8_t number[COORDINATE])
{
    size_t size = 0;
    const uint8_t *order = curve->order(CURVE, &size);
    uint32_t borrow = 0;
    uint32_t bits = 0;
    for (size_t i = COORDINATE; i > 0; i--) {
        bits |= number[i - 1];
        borrow = ((uint32_t)number[i - 1] - order[i - 1] - borrow) >> 31;
    }
    return size == COORDINATE && (borrow & ((0u - bits) >> 31)) == 1;
}

static void point_of(uint8_t point[POINT_SIZE], const struct kc_public_key *key)
{
    point[0] = 0x04;
    memcpy(point + 1, key->p256.x, COORDINATE);
    memcpy(point + 1 + COORDINATE, key->p256.y, COORDINATE);
}

bool kc_bearssl_p256_public(struct kc_public_key *out, const struct kc_private_key *key)
{
    uint8_t point[POINT_SIZE];
    memset(out, 0, sizeof *out);
    if (!is_scalar(key->p256.d) ||
        curve->mulgen(point, key->p256.d, COORDINATE, CURVE) != POINT_SIZE) {
        return false;
    }
    out->type = KC_KEY_P256;
    memcpy(out->p256.x, point + 1, COORDINATE);
    memcpy(out->p256.y, point + 1 + COORDINATE, COORDINATE);
    return true;
}

bool kc_bearssl_p256_generate(const br_prng_class **random, struct kc_private_key *private_key,
                              struct kc_public_key *public_key)
{
    memset(private_key, 0, sizeof *private_key);
    private_key->type = KC_KEY_P256;
    return br_ec_keygen(random, curve, NULL, private_key->p256.d, CURVE) == COORDINATE &&
           kc_bearssl_p256_public(public_key, private_key);
}

/* Deterministic (RFC 6979), so a weak source of random bytes cannot give the key away. */
bool kc_bearssl_p256_sign(uint8_t signature[64], const struct kc_private_key *key,
                          const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t d[COORDINATE];
    br_ec_private_key private_key = {.curve = CURVE, .x = d, .xlen = sizeof d};
    memcpy(d, key->p256.d, sizeof d);
    bool good = is_scalar(d) && br_ecdsa_i31_sign_raw(curve, &br_sha256_vtable, digest,
                                                      &private_key, signature) == 64;
    kc_wipe(d, sizeof d);
    return good;
}

bool kc_bearssl_p256_verify(const struct kc_public_key *key, const uint8_t digest[KC_DIGEST_SIZE],
                            const uint8_t signature[64])
{
    uint8_t point[POINT_SIZE];
    br_ec_public_key public_key = {.curve = CURVE, .q = point, .qlen = sizeof point};
    point_of(point, key);
    return is_scalar(signature) && is_scalar(signature + COORDINATE) &&
           br_ecdsa_i31_vrfy_raw(curve, digest, KC_DIGEST_SIZE, &public_key, signature, 64) == 1;
}

bool kc_bearssl_p256_agree(uint8_t shared[KC_P256_COORDINATE_SIZE],
                           const struct kc_private_key *key, const struct kc_public_key *peer)
{
    uint8_t point[POINT_SIZE];
    point_of(point, peer);
    bool good = is_scalar(key->p256.d) &&
                curve->mul(point, sizeof point, key->p256.d, COORDINATE, CURVE) == 1;
    if (good) {
        memcpy(shared, point + 1, COORDINATE);
    }
    kc_wipe(point, sizeof point);
    return good;
}
