#include "stand_in.h"

#include <string.h>

#define PIN_SALT_SIZE 16u

static void sha256_start(void *context, struct kc_sha256 *hash)
{
    const struct stand_in *self = context;
    self->real.sha256_start(self->real.context, hash);
}

static void sha256_add(void *context, struct kc_sha256 *hash, struct kc_view bytes)
{
    const struct stand_in *self = context;
    self->real.sha256_add(self->real.context, hash, bytes);
}

static void sha256_end(void *context, struct kc_sha256 *hash, uint8_t digest[KC_DIGEST_SIZE])
{
    const struct stand_in *self = context;
    self->real.sha256_end(self->real.context, hash, digest);
}

static void mac(const struct stand_in *self, uint8_t out[KC_DIGEST_SIZE], struct kc_view key,
                struct kc_view message)
{
    self->real.hmac_sha256(self->real.context, out, key, message);
}

static void hmac_sha256(void *context, uint8_t out[KC_DIGEST_SIZE], struct kc_view key,
                        struct kc_view message)
{
    struct stand_in *self = context;
    self->compared += key.size == PIN_SALT_SIZE ? 1 : 0;
    mac(self, out, key, message);
}

static struct kc_result random_bytes(void *context, uint8_t *out, size_t size)
{
    struct stand_in *self = context;
    for (size_t at = 0; at < size; at += KC_DIGEST_SIZE) {
        uint8_t count[8];
        uint8_t digest[KC_DIGEST_SIZE];
        kc_be64_store(count, ++self->draws);
        kc_digest(&self->real, digest, kc_view(count, sizeof count));
        memcpy(out + at, digest, size - at < KC_DIGEST_SIZE ? size - at : KC_DIGEST_SIZE);
    }
    return kc_ok();
}

static struct kc_result derive_public(void *context, struct kc_public_key *out,
                                      const struct kc_private_key *key)
{
    const struct stand_in *self = context;
    memset(out, 0, sizeof *out);
    out->type = KC_KEY_P256;
    kc_digest(&self->real, out->p256.x, kc_view(key->p256.d, KC_P256_COORDINATE_SIZE));
    kc_digest(&self->real, out->p256.y, kc_view(out->p256.x, KC_P256_COORDINATE_SIZE));
    return kc_result(key->type == KC_KEY_P256 ? KC_OK : KC_CRYPTO_FAILED);
}

static struct kc_result generate(void *context, struct kc_private_key *private_key,
                                 struct kc_public_key *public_key, enum kc_key_type type)
{
    memset(private_key, 0, sizeof *private_key);
    private_key->type = type;
    struct kc_result result = random_bytes(context, private_key->p256.d, KC_P256_COORDINATE_SIZE);
    return kc_failed(result) ? result : derive_public(context, public_key, private_key);
}

static void sign_with(const struct stand_in *self, uint8_t signature[64],
                      const struct kc_public_key *key, const uint8_t digest[KC_DIGEST_SIZE])
{
    mac(self, signature, kc_view(key->p256.x, KC_P256_COORDINATE_SIZE),
        kc_view(digest, KC_DIGEST_SIZE));
    mac(self, signature + 32, kc_view(key->p256.y, KC_P256_COORDINATE_SIZE),
        kc_view(digest, KC_DIGEST_SIZE));
    /* In the lower half, as every signature is. */
    signature[32] &= 0x3f;
}

static struct kc_result sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX], size_t *size,
                             const struct kc_private_key *key, const uint8_t digest[KC_DIGEST_SIZE])
{
    struct kc_public_key public_key;
    struct kc_result result = derive_public(context, &public_key, key);
    *size = 64;
    sign_with(context, signature, &public_key, digest);
    return result;
}

static struct kc_result verify(void *context, const struct kc_public_key *key,
                               const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    uint8_t wanted[64];
    sign_with(context, wanted, key, digest);
    return kc_result(kc_view_equal(signature, kc_view(wanted, 64)) ? KC_OK : KC_BAD_SIGNATURE);
}

/* The same for both sides: a digest of the sum of the two public keys. */
static struct kc_result agree(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                              const struct kc_private_key *key, const struct kc_public_key *peer)
{
    const struct stand_in *self = context;
    struct kc_public_key own;
    uint8_t both[KC_P256_COORDINATE_SIZE];
    struct kc_result result = derive_public(context, &own, key);
    for (size_t i = 0; i < sizeof both; i++) {
        both[i] = own.p256.x[i] ^ peer->p256.x[i];
    }
    kc_digest(&self->real, shared, kc_view(both, sizeof both));
    return result;
}

static void make_tag(const struct stand_in *self, uint8_t tag[KC_GCM_TAG_SIZE], const uint8_t *text,
                     size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                     const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    struct kc_sha256 hash;
    uint8_t digest[KC_DIGEST_SIZE];
    const struct kc_crypto *real = &self->real;
    real->sha256_start(real->context, &hash);
    real->sha256_add(real->context, &hash, kc_view(iv, KC_GCM_IV_SIZE));
    real->sha256_add(real->context, &hash, aad);
    real->sha256_add(real->context, &hash, kc_view(text, size));
    real->sha256_end(real->context, &hash, digest);
    mac(self, digest, kc_view(key, KC_GCM_KEY_SIZE), kc_view(digest, sizeof digest));
    memcpy(tag, digest, KC_GCM_TAG_SIZE);
}

static struct kc_result gcm_seal(void *context, uint8_t tag[KC_GCM_TAG_SIZE], uint8_t *text,
                                 size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    make_tag(context, tag, text, size, key, iv, aad);
    return kc_ok();
}

static struct kc_result gcm_open(void *context, uint8_t *text, size_t size,
                                 const uint8_t tag[KC_GCM_TAG_SIZE],
                                 const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    uint8_t wanted[KC_GCM_TAG_SIZE];
    make_tag(context, wanted, text, size, key, iv, aad);
    return kc_result(memcmp(tag, wanted, sizeof wanted) == 0 ? KC_OK : KC_CANNOT_UNSEAL);
}

struct kc_crypto stand_in_open(struct stand_in *state, const struct kc_crypto *real)
{
    *state = (struct stand_in){.real = *real};
    return (struct kc_crypto){.context = state,
                              .sha256_start = sha256_start,
                              .sha256_add = sha256_add,
                              .sha256_end = sha256_end,
                              .hmac_sha256 = hmac_sha256,
                              .random = random_bytes,
                              .generate = generate,
                              .derive_public = derive_public,
                              .sign = sign,
                              .verify = verify,
                              .agree = agree,
                              .gcm_seal = gcm_seal,
                              .gcm_open = gcm_open};
}
