#include "crypto/bearssl.h"

#include <string.h>

#include "crypto/bearssl_keys.h"

#define SEED_SIZE_MIN 32u
/* What HMAC_DRBG gives at most in one request (NIST SP 800-90A rev. 1 table 2: 2^19 bits). */
#define RANDOM_REQUEST_MAX 65536u

_Static_assert(sizeof(br_sha256_context) <= sizeof(struct kc_sha256), "the running hash fits");

/* BearSSL copies from its arguments even when there is nothing to copy; a NULL of no bytes becomes a real address. */
static struct kc_view real(struct kc_view bytes)
{
    static const uint8_t nothing[1] = {0};
    return bytes.size == 0 ? kc_view(nothing, 0) : bytes;
}

static const br_prng_class **random_of(void *context)
{
    struct kc_bearssl *state = context;
    return &state->drbg.vtable;
}

static void sha256_start(void *context, struct kc_sha256 *hash)
{
    br_sha256_context running;
    (void)context;
    memset(hash, 0, sizeof *hash);
    br_sha256_init(&running);
    memcpy(hash->opaque, &running, sizeof running);
}

static void sha256_add(void *context, struct kc_sha256 *hash, struct kc_view bytes)
{
    br_sha256_context running;
    (void)context;
    memcpy(&running, hash->opaque, sizeof running);
    br_sha256_update(&running, real(bytes).data, bytes.size);
    memcpy(hash->opaque, &running, sizeof running);
}

static void sha256_end(void *context, struct kc_sha256 *hash, uint8_t digest[KC_DIGEST_SIZE])
{
    br_sha256_context running;
    (void)context;
    memcpy(&running, hash->opaque, sizeof running);
    br_sha256_out(&running, digest);
    kc_wipe(&running, sizeof running);
    kc_wipe(hash, sizeof *hash);
}

static void hmac_sha256(void *context, uint8_t mac[KC_DIGEST_SIZE], struct kc_view key,
                        struct kc_view message)
{
    br_hmac_key_context pads;
    br_hmac_context running;
    (void)context;
    br_hmac_key_init(&pads, &br_sha256_vtable, real(key).data, key.size);
    br_hmac_init(&running, &pads, 0);
    br_hmac_update(&running, real(message).data, message.size);
    (void)br_hmac_out(&running, mac);
    kc_wipe(&pads, sizeof pads);
    kc_wipe(&running, sizeof running);
}

static struct kc_result get_random(void *context, uint8_t *out, size_t size)
{
    struct kc_bearssl *state = context;
    while (size > 0) {
        size_t part = size < RANDOM_REQUEST_MAX ? size : RANDOM_REQUEST_MAX;
        br_hmac_drbg_generate(&state->drbg, out, part);
        out += part;
        size -= part;
    }
    return kc_ok();
}

static struct kc_result generate(void *context, struct kc_private_key *private_key,
                                 struct kc_public_key *public_key, enum kc_key_type type)
{
    bool good = false;
    if (type == KC_KEY_P256) {
        good = kc_bearssl_p256_generate(random_of(context), private_key, public_key);
    } else if (kc_rsa_size(type) != 0) {
        good = kc_bearssl_rsa_generate(random_of(context), private_key, public_key, type);
    }
    if (!good) {
        kc_wipe(private_key, sizeof *private_key);
    }
    return kc_result(good ? KC_OK : KC_CRYPTO_FAILED);
}

static struct kc_result derive_public(void *context, struct kc_public_key *out,
                                      const struct kc_private_key *key)
{
    bool good = false;
    (void)context;
    if (key->type == KC_KEY_P256) {
        good = kc_bearssl_p256_public(out, key);
    } else if (kc_rsa_size(key->type) != 0) {
        good = kc_bearssl_rsa_public(out, key);
    }
    return kc_result(good ? KC_OK : KC_CRYPTO_FAILED);
}

static struct kc_result sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX], size_t *size,
                             const struct kc_private_key *key, const uint8_t digest[KC_DIGEST_SIZE])
{
    bool good = false;
    if (key->type == KC_KEY_P256) {
        good = kc_bearssl_p256_sign(signature, key, digest);
    } else if (kc_rsa_size(key->type) != 0) {
        good = kc_bearssl_rsa_sign(random_of(context), signature, key, digest);
    }
    if (!good) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    *size = kc_signature_size(key->type);
    return kc_ok();
}

static struct kc_result verify(void *context, const struct kc_public_key *key,
                               const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    bool good = false;
    (void)context;
    if (signature.size == 0 || signature.size != kc_signature_size(key->type)) {
        return kc_result(KC_BAD_SIGNATURE);
    }
    if (key->type == KC_KEY_P256) {
        good = kc_bearssl_p256_verify(key, digest, signature.data);
    } else {
        good = kc_bearssl_rsa_verify(key, digest, signature.data);
    }
    return kc_result(good ? KC_OK : KC_BAD_SIGNATURE);
}

static struct kc_result agree(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                              const struct kc_private_key *key, const struct kc_public_key *peer)
{
    (void)context;
    bool good = key->type == KC_KEY_P256 && peer->type == KC_KEY_P256 &&
                kc_bearssl_p256_agree(shared, key, peer);
    return kc_result(good ? KC_OK : KC_CANNOT_UNSEAL);
}

static struct kc_result wrap(void *context, uint8_t out[KC_RSA_SIZE_MAX], size_t *size,
                             const struct kc_public_key *key, struct kc_view secret)
{
    if (kc_rsa_size(key->type) == 0 ||
        !kc_bearssl_rsa_wrap(random_of(context), out, key, real(secret))) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    *size = kc_rsa_size(key->type);
    return kc_ok();
}

static struct kc_result unwrap(void *context, uint8_t *secret, size_t *size, size_t capacity,
                               const struct kc_private_key *key, struct kc_view wrapped)
{
    uint8_t text[KC_RSA_SIZE_MAX];
    size_t made = wrapped.size;
    (void)context;
    *size = 0;
    if (made == 0 || made != kc_rsa_size(key->type)) {
        return kc_result(KC_CANNOT_UNSEAL);
    }
    memcpy(text, wrapped.data, made);
    bool good = kc_bearssl_rsa_unwrap(text, &made, key) && made <= capacity;
    if (good && made > 0) {
        memcpy(secret, text, made);
        *size = made;
    }
    kc_wipe(text, sizeof text);
    return kc_result(good ? KC_OK : KC_CANNOT_UNSEAL);
}

/* Runs AES-256-GCM over the text; the caller takes or checks the tag. The AES and GHASH that need no special instruction
 * of the processor and no table look-up: purse messages are small. */
static void run_gcm(br_gcm_context *gcm, br_aes_ct64_ctr_keys *cipher, bool encrypt, uint8_t *text,
                    size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                    const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    br_aes_ct64_ctr_init(cipher, key, KC_GCM_KEY_SIZE);
    br_gcm_init(gcm, &cipher->vtable, br_ghash_ctmul64);
    br_gcm_reset(gcm, iv, KC_GCM_IV_SIZE);
    if (aad.size > 0) {
        br_gcm_aad_inject(gcm, aad.data, aad.size);
    }
    br_gcm_flip(gcm);
    if (size > 0) {
        br_gcm_run(gcm, encrypt ? 1 : 0, text, size);
    }
}

static struct kc_result gcm_seal(void *context, uint8_t tag[KC_GCM_TAG_SIZE], uint8_t *text,
                                 size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    br_gcm_context gcm;
    br_aes_ct64_ctr_keys cipher;
    (void)context;
    run_gcm(&gcm, &cipher, true, text, size, key, iv, aad);
    br_gcm_get_tag(&gcm, tag);
    kc_wipe(&gcm, sizeof gcm);
    kc_wipe(&cipher, sizeof cipher);
    return kc_ok();
}

static struct kc_result gcm_open(void *context, uint8_t *text, size_t size,
                                 const uint8_t tag[KC_GCM_TAG_SIZE],
                                 const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    br_gcm_context gcm;
    br_aes_ct64_ctr_keys cipher;
    (void)context;
    run_gcm(&gcm, &cipher, false, text, size, key, iv, aad);
    bool good = br_gcm_check_tag(&gcm, tag) == 1;
    kc_wipe(&gcm, sizeof gcm);
    kc_wipe(&cipher, sizeof cipher);
    if (!good) {
        kc_wipe(text, size);
    }
    return kc_result(good ? KC_OK : KC_CANNOT_UNSEAL);
}

static struct kc_crypto table(struct kc_bearssl *state)
{
    return (struct kc_crypto){.context = state,
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
}

struct kc_result kc_bearssl_open(struct kc_crypto *out, struct kc_bearssl *state,
                                 struct kc_view seed)
{
    if (seed.size < SEED_SIZE_MIN) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    br_hmac_drbg_init(&state->drbg, &br_sha256_vtable, seed.data, seed.size);
    *out = table(state);
    return kc_ok();
}

struct kc_result kc_bearssl_open_system(struct kc_crypto *out, struct kc_bearssl *state)
{
    br_prng_seeder seeder = br_prng_seeder_system(NULL);
    br_hmac_drbg_init(&state->drbg, &br_sha256_vtable, NULL, 0);
    if (seeder == 0 || seeder(&state->drbg.vtable) != 1) {
        kc_wipe(state, sizeof *state);
        return kc_result(KC_CRYPTO_FAILED);
    }
    *out = table(state);
    return kc_ok();
}
