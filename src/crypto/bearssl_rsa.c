/* BearSSL 0.6 has RSAES-OAEP and RSA key generation but no RSASSA-PSS: its encoding (RFC 8017 §9.1) stands here, over
 * BearSSL's RSA primitive and SHA-256. */
#include <string.h>

#include "crypto/bearssl_keys.h"

#define SALT_SIZE KC_DIGEST_SIZE
#define PSS_TRAILER 0xbc

static uint8_t exponent[] = {0x01, 0x00, 0x01};

/* BearSSL's view of a private key, over a copy because BearSSL's pointers are not const. Wiped by close_key. */
struct open_key {
    struct kc_private_key copy;
    br_rsa_private_key key;
    uint8_t n[KC_RSA_SIZE_MAX];
};

static void close_key(struct open_key *open)
{
    kc_wipe(open, sizeof *open);
}

/* n has its full size only if both halves have theirs: a factor without its top bit makes the product too short. */
static bool factor_fits(const uint8_t *factor, size_t half)
{
    return (factor[0] & 0x80u) != 0 && (factor[half - 1] & 1u) != 0;
}

static bool open_key(struct open_key *out, const struct kc_private_key *key)
{
    size_t size = kc_rsa_size(key->type);
    size_t half = size / 2;
    out->copy = *key;
    out->key = (br_rsa_private_key){.n_bitlen = (uint32_t)(8 * size),
                                    .p = out->copy.rsa.p,
                                    .plen = half,
                                    .q = out->copy.rsa.q,
                                    .qlen = half,
                                    .dp = out->copy.rsa.dp,
                                    .dplen = half,
                                    .dq = out->copy.rsa.dq,
                                    .dqlen = half,
                                    .iq = out->copy.rsa.iq,
                                    .iqlen = half};
    return factor_fits(key->rsa.p, half) && factor_fits(key->rsa.q, half) &&
           br_rsa_compute_modulus_get_default()(out->n, &out->key) == size &&
           (out->n[0] & 0x80u) != 0;
}

bool kc_bearssl_rsa_public(struct kc_public_key *out, const struct kc_private_key *key)
{
    struct open_key open;
    memset(out, 0, sizeof *out);
    bool good = open_key(&open, key);
    if (good) {
        out->type = key->type;
        memcpy(out->rsa.n, open.n, kc_rsa_size(key->type));
    }
    close_key(&open);
    return good;
}

/* BearSSL may give a number without its leading zeros; the port wants it filled. */
static void put_part(uint8_t *out, size_t half, const uint8_t *part, size_t size)
{
    memcpy(out + half - size, part, size);
}

bool kc_bearssl_rsa_generate(const br_prng_class **random, struct kc_private_key *private_key,
                             struct kc_public_key *public_key, enum kc_key_type type)
{
    uint8_t private_bytes[BR_RSA_KBUF_PRIV_SIZE(8 * KC_RSA_SIZE_MAX)];
    br_rsa_private_key made;
    unsigned bits = (unsigned)(8 * kc_rsa_size(type));
    size_t half = kc_rsa_size(type) / 2;
    memset(private_key, 0, sizeof *private_key);
    bool good = br_rsa_keygen_get_default()(random, &made, private_bytes, NULL, NULL, bits,
                                            KC_RSA_EXPONENT) == 1 &&
                made.n_bitlen == bits && made.plen <= half && made.qlen <= half &&
                made.dplen <= half && made.dqlen <= half && made.iqlen <= half;
    if (good) {
        private_key->type = type;
        put_part(private_key->rsa.p, half, made.p, made.plen);
        put_part(private_key->rsa.q, half, made.q, made.qlen);
        put_part(private_key->rsa.dp, half, made.dp, made.dplen);
        put_part(private_key->rsa.dq, half, made.dq, made.dqlen);
        put_part(private_key->rsa.iq, half, made.iq, made.iqlen);
        good = kc_bearssl_rsa_public(public_key, private_key);
    }
    kc_wipe(private_bytes, sizeof private_bytes);
    return good;
}

/* RSAEP: text^65537 mod n where it lies. `n` is a copy that BearSSL does not change. */
static bool apply_public(uint8_t *text, uint8_t n[KC_RSA_SIZE_MAX], size_t size)
{
    br_rsa_public_key key = {.n = n, .nlen = size, .e = exponent, .elen = sizeof exponent};
    return size > 0 && (n[0] & 0x80u) != 0 && (n[size - 1] & 1u) != 0 &&
           br_rsa_public_get_default()(text, size, &key) == 1;
}

/* MGF1 with SHA-256 (RFC 8017 §B.2.1), added to `text`. */
static void mask(uint8_t *text, size_t size, const uint8_t seed[KC_DIGEST_SIZE])
{
    uint8_t counter[4];
    uint8_t block[KC_DIGEST_SIZE];
    for (size_t at = 0; at < size; at++) {
        if (at % KC_DIGEST_SIZE == 0) {
            br_sha256_context hash;
            kc_be32_store(counter, (uint32_t)(at / KC_DIGEST_SIZE));
            br_sha256_init(&hash);
            br_sha256_update(&hash, seed, KC_DIGEST_SIZE);
            br_sha256_update(&hash, counter, sizeof counter);
            br_sha256_out(&hash, block);
        }
        text[at] ^= block[at % KC_DIGEST_SIZE];
    }
}

/* H = SHA-256(eight zeros || digest || salt) (RFC 8017 §9.1.1 steps 5, 6). */
static void hash_salted(uint8_t out[KC_DIGEST_SIZE], const uint8_t digest[KC_DIGEST_SIZE],
                        const uint8_t salt[SALT_SIZE])
{
    static const uint8_t zeros[8] = {0};
    br_sha256_context hash;
    br_sha256_init(&hash);
    br_sha256_update(&hash, zeros, sizeof zeros);
    br_sha256_update(&hash, digest, KC_DIGEST_SIZE);
    br_sha256_update(&hash, salt, SALT_SIZE);
    br_sha256_out(&hash, out);
}

/* EMSA-PSS-ENCODE (RFC 8017 §9.1.1) for a modulus of 8 * size bits. */
static void pss_encode(uint8_t *encoded, size_t size, const uint8_t digest[KC_DIGEST_SIZE],
                       const uint8_t salt[SALT_SIZE])
{
    size_t block_size = size - KC_DIGEST_SIZE - 1;
    uint8_t *hash = encoded + block_size;
    memset(encoded, 0, block_size);
    encoded[block_size - SALT_SIZE - 1] = 0x01;
    memcpy(encoded + block_size - SALT_SIZE, salt, SALT_SIZE);
    hash_salted(hash, digest, salt);
    mask(encoded, block_size, hash);
    encoded[0] &= 0x7fu;
    encoded[size - 1] = PSS_TRAILER;
}

/* EMSA-PSS-VERIFY (RFC 8017 §9.1.2); changes `encoded`, which is public. */
static bool pss_matches(uint8_t *encoded, size_t size, const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t expected[KC_DIGEST_SIZE];
    size_t block_size = size - KC_DIGEST_SIZE - 1;
    const uint8_t *hash = encoded + block_size;
    size_t salt_at = block_size - SALT_SIZE;
    if (encoded[size - 1] != PSS_TRAILER || (encoded[0] & 0x80u) != 0) {
        return false;
    }
    mask(encoded, block_size, hash);
    encoded[0] &= 0x7fu;
    uint8_t wrong = encoded[salt_at - 1] ^ 0x01u;
    for (size_t i = 0; i < salt_at - 1; i++) {
        wrong |= encoded[i];
    }
    hash_salted(expected, digest, encoded + salt_at);
    return wrong == 0 && kc_equal_secret(expected, hash, KC_DIGEST_SIZE);
}

/* The result is checked with the public key before it leaves: one wrong result of the Chinese remainder, by a fault
 * or by a damaged key, could give the factors away (Boneh, DeMillo, Lipton 1997). */
bool kc_bearssl_rsa_sign(const br_prng_class **random, uint8_t signature[KC_RSA_SIZE_MAX],
                         const struct kc_private_key *key, const uint8_t digest[KC_DIGEST_SIZE])
{
    struct open_key open;
    uint8_t salt[SALT_SIZE];
    uint8_t made[KC_RSA_SIZE_MAX];
    uint8_t check[KC_RSA_SIZE_MAX];
    size_t size = kc_rsa_size(key->type);
    bool good = open_key(&open, key);
    if (good) {
        (*random)->generate(random, salt, sizeof salt);
        pss_encode(made, size, digest, salt);
        good = br_rsa_private_get_default()(made, &open.key) == 1;
    }
    if (good) {
        memcpy(check, made, size);
        good = apply_public(check, open.n, size) && pss_matches(check, size, digest);
    }
    if (good) {
        memcpy(signature, made, size);
    }
    kc_wipe(made, sizeof made);
    close_key(&open);
    return good;
}

bool kc_bearssl_rsa_verify(const struct kc_public_key *key, const uint8_t digest[KC_DIGEST_SIZE],
                           const uint8_t *signature)
{
    uint8_t n[KC_RSA_SIZE_MAX];
    uint8_t text[KC_RSA_SIZE_MAX];
    size_t size = kc_rsa_size(key->type);
    memcpy(n, key->rsa.n, size);
    memcpy(text, signature, size);
    return apply_public(text, n, size) && pss_matches(text, size, digest);
}

bool kc_bearssl_rsa_wrap(const br_prng_class **random, uint8_t out[KC_RSA_SIZE_MAX],
                         const struct kc_public_key *key, struct kc_view secret)
{
    uint8_t n[KC_RSA_SIZE_MAX];
    size_t size = kc_rsa_size(key->type);
    br_rsa_public_key made = {.n = n, .nlen = size, .e = exponent, .elen = sizeof exponent};
    memcpy(n, key->rsa.n, size);
    return size > 0 && (n[0] & 0x80u) != 0 && (n[size - 1] & 1u) != 0 &&
           br_rsa_oaep_encrypt_get_default()(random, &br_sha256_vtable, NULL, 0, &made, out, size,
                                             secret.data, secret.size) == size;
}

bool kc_bearssl_rsa_unwrap(uint8_t text[KC_RSA_SIZE_MAX], size_t *size,
                           const struct kc_private_key *key)
{
    struct open_key open;
    bool good = open_key(&open, key) && br_rsa_oaep_decrypt_get_default()(
                                            &br_sha256_vtable, NULL, 0, &open.key, text, size) == 1;
    close_key(&open);
    return good;
}
