/* The crypto port: everything Kinchaku asks of a cryptographic library, as one table of functions.
 *
 * Two backends implement it: crypto/libcrypto.c (servers, fleets of purses in benchmarks) and crypto/bearssl.c
 * (purse core: constant time, no heap). Keys are plain bytes, so that a purse can keep them in its own
 * storage and either backend can use them. Nothing here allocates on behalf of the caller.
 *
 * Signatures are over a SHA-256 digest: ES256 (RFC 9053 §2.1, r || s) or PS256 (RFC 8230 §2, salt of
 * 32 bytes); the type of the key decides.
 */
#ifndef KC_CRYPTO_PORT_H
#define KC_CRYPTO_PORT_H

#include "base/bytes.h"

enum kc_key_type {
    KC_KEY_NONE = 0,
    KC_KEY_P256 = 1,
    KC_KEY_RSA2048 = 2,
    KC_KEY_RSA3072 = 3,
};

#define KC_DIGEST_SIZE 32
#define KC_P256_COORDINATE_SIZE 32
#define KC_RSA_SIZE_MAX 384
#define KC_RSA_FACTOR_SIZE_MAX (KC_RSA_SIZE_MAX / 2)
#define KC_SIGNATURE_SIZE_MAX KC_RSA_SIZE_MAX
#define KC_GCM_KEY_SIZE 32
#define KC_GCM_IV_SIZE 12
#define KC_GCM_TAG_SIZE 16
/* The public exponent of every RSA key: 65537. Other exponents are refused. */
#define KC_RSA_EXPONENT 65537u

/* Big-endian. P-256: x and y. RSA: n, exactly 256 or 384 bytes with its top bit set. */
struct kc_public_key {
    enum kc_key_type type;
    union {
        struct {
            uint8_t x[KC_P256_COORDINATE_SIZE];
            uint8_t y[KC_P256_COORDINATE_SIZE];
        } p256;
        struct {
            uint8_t n[KC_RSA_SIZE_MAX];
        } rsa;
    };
};

/* A private key that stays where it is, such as in a token: what it does, instead of its bytes. Every function may be called
 * from several threads. Beside the errors named with the port's function of the same name each gives KC_TOKEN_UNAVAILABLE. */
struct kc_held_key {
    void *context;
    struct kc_public_key public_key; /* KC_KEY_NONE when its place does not tell */
    /* Whether it can be used now; nothing is computed. KC_TOKEN_UNAVAILABLE. */
    struct kc_result (*ready)(void *context);
    struct kc_result (*sign)(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX], size_t *size,
                             const uint8_t digest[KC_DIGEST_SIZE]);
    /* The peer is a point of the curve: the caller saw to it. */
    struct kc_result (*agree)(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                              const struct kc_public_key *peer);
    struct kc_result (*unwrap)(void *context, uint8_t *secret, size_t *size, size_t capacity,
                               struct kc_view wrapped);
};

/* Big-endian, each RSA part filled to half the size of the modulus (128 or 192 bytes). Secret: wipe it. With `held` there are no
 * bytes; only the libcrypto backend takes such a key. */
struct kc_private_key {
    const struct kc_held_key *held;
    enum kc_key_type type;
    union {
        struct {
            uint8_t d[KC_P256_COORDINATE_SIZE];
        } p256;
        struct {
            uint8_t p[KC_RSA_FACTOR_SIZE_MAX];
            uint8_t q[KC_RSA_FACTOR_SIZE_MAX];
            uint8_t dp[KC_RSA_FACTOR_SIZE_MAX];
            uint8_t dq[KC_RSA_FACTOR_SIZE_MAX];
            uint8_t iq[KC_RSA_FACTOR_SIZE_MAX];
        } rsa;
    };
};

/* A running SHA-256; opaque, big enough for either backend. May be copied while running. */
struct kc_sha256 {
    uint64_t opaque[32];
};

struct kc_crypto {
    /* The backend's own state; one context belongs to one thread. */
    void *context;

    void (*sha256_start)(void *context, struct kc_sha256 *hash);
    void (*sha256_add)(void *context, struct kc_sha256 *hash, struct kc_view bytes);
    void (*sha256_end)(void *context, struct kc_sha256 *hash, uint8_t digest[KC_DIGEST_SIZE]);

    void (*hmac_sha256)(void *context, uint8_t mac[KC_DIGEST_SIZE], struct kc_view key,
                        struct kc_view message);

    /* Fills with random bytes. KC_CRYPTO_FAILED when the source fails. */
    struct kc_result (*random)(void *context, uint8_t *out, size_t size);

    /* A fresh key pair. KC_CRYPTO_FAILED. */
    struct kc_result (*generate)(void *context, struct kc_private_key *private_key,
                                 struct kc_public_key *public_key, enum kc_key_type type);

    /* The public key of a private key. KC_CRYPTO_FAILED when the private key is out of range. */
    struct kc_result (*derive_public)(void *context, struct kc_public_key *out,
                                      const struct kc_private_key *key);

    /* Signs a digest; *size becomes 64 (P-256) or the size of the modulus. KC_CRYPTO_FAILED. */
    struct kc_result (*sign)(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX], size_t *size,
                             const struct kc_private_key *key,
                             const uint8_t digest[KC_DIGEST_SIZE]);

    /* KC_BAD_SIGNATURE for a wrong signature and for a public key that is none (point off the curve). */
    struct kc_result (*verify)(void *context, const struct kc_public_key *key,
                               const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature);

    /* ECDH on P-256: the x coordinate. KC_CANNOT_UNSEAL for a peer that is no point of the curve. */
    struct kc_result (*agree)(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                              const struct kc_private_key *key, const struct kc_public_key *peer);

    /* RSAES-OAEP with SHA-256 and an empty label (RFC 8230 §3, alg -41). `out` takes the size of the
     * modulus. wrap: KC_CRYPTO_FAILED. unwrap: KC_CANNOT_UNSEAL; *size is the size of the secret, which
     * is at most `capacity`. */
    struct kc_result (*wrap)(void *context, uint8_t out[KC_RSA_SIZE_MAX], size_t *size,
                             const struct kc_public_key *key, struct kc_view secret);
    struct kc_result (*unwrap)(void *context, uint8_t *secret, size_t *size, size_t capacity,
                               const struct kc_private_key *key, struct kc_view wrapped);

    /* AES-256-GCM in place. open: KC_CANNOT_UNSEAL when the tag does not fit; text is wiped then. */
    struct kc_result (*gcm_seal)(void *context, uint8_t tag[KC_GCM_TAG_SIZE], uint8_t *text,
                                 size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad);
    struct kc_result (*gcm_open)(void *context, uint8_t *text, size_t size,
                                 const uint8_t tag[KC_GCM_TAG_SIZE],
                                 const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad);
};

/* Whether a private key can be used now: always, unless it is held elsewhere. KC_TOKEN_UNAVAILABLE. */
KC_MUST_USE static inline struct kc_result kc_key_ready(const struct kc_private_key *key)
{
    return key->held == NULL ? kc_ok() : key->held->ready(key->held->context);
}

/* Bytes of the modulus, or 0 for a key that is not RSA. */
static inline size_t kc_rsa_size(enum kc_key_type type)
{
    return type == KC_KEY_RSA2048 ? 256u : type == KC_KEY_RSA3072 ? 384u : 0u;
}

/* Bytes of a signature by a key of this type, or 0. */
static inline size_t kc_signature_size(enum kc_key_type type)
{
    return type == KC_KEY_P256 ? 64u : kc_rsa_size(type);
}

/* SHA-256 of one piece. */
static inline void kc_digest(const struct kc_crypto *crypto, uint8_t out[KC_DIGEST_SIZE],
                             struct kc_view bytes)
{
    struct kc_sha256 hash;
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, bytes);
    crypto->sha256_end(crypto->context, &hash, out);
}

#endif
