#include "secret_port.h"

#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

void secret_key(struct kc_private_key *key)
{
    if (key->type == KC_KEY_P256) {
        (void)VALGRIND_MAKE_MEM_UNDEFINED(&key->p256, sizeof key->p256);
    } else {
        (void)VALGRIND_MAKE_MEM_UNDEFINED(&key->rsa, sizeof key->rsa);
    }
}

static struct kc_private_key known(const struct kc_private_key *key)
{
    struct kc_private_key copy = *key;
    (void)VALGRIND_MAKE_MEM_DEFINED(&copy, sizeof copy);
    return copy;
}

static void sha256_start(void *context, struct kc_sha256 *hash)
{
    const struct secret_port *self = context;
    self->real.sha256_start(self->real.context, hash);
}

static void sha256_add(void *context, struct kc_sha256 *hash, struct kc_view bytes)
{
    const struct secret_port *self = context;
    self->real.sha256_add(self->real.context, hash, bytes);
}

static void sha256_end(void *context, struct kc_sha256 *hash, uint8_t digest[KC_DIGEST_SIZE])
{
    const struct secret_port *self = context;
    self->real.sha256_end(self->real.context, hash, digest);
}

static void hmac_sha256(void *context, uint8_t mac[KC_DIGEST_SIZE], struct kc_view key,
                        struct kc_view message)
{
    const struct secret_port *self = context;
    self->real.hmac_sha256(self->real.context, mac, key, message);
}

static struct kc_result get_random(void *context, uint8_t *out, size_t size)
{
    const struct secret_port *self = context;
    struct kc_result result = self->real.random(self->real.context, out, size);
    /* A nonce goes out with its message; everything else that is drawn stays inside. */
    if (size != KC_GCM_IV_SIZE) {
        (void)VALGRIND_MAKE_MEM_UNDEFINED(out, size);
    }
    return result;
}

static struct kc_result generate(void *context, struct kc_private_key *private_key,
                                 struct kc_public_key *public_key, enum kc_key_type type)
{
    const struct secret_port *self = context;
    struct kc_result result =
        self->real.generate(self->real.context, private_key, public_key, type);
    secret_key(private_key);
    return result;
}

/* Whether a private key is in its range is told by the status word of PUT KEY. */
static struct kc_result derive_public(void *context, struct kc_public_key *out,
                                      const struct kc_private_key *key)
{
    const struct secret_port *self = context;
    struct kc_private_key copy = known(key);
    return self->real.derive_public(self->real.context, out, &copy);
}

static struct kc_result sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX], size_t *size,
                             const struct kc_private_key *key, const uint8_t digest[KC_DIGEST_SIZE])
{
    const struct secret_port *self = context;
    struct kc_private_key copy = known(key);
    return self->real.sign(self->real.context, signature, size, &copy, digest);
}

static struct kc_result verify(void *context, const struct kc_public_key *key,
                               const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    const struct secret_port *self = context;
    return self->real.verify(self->real.context, key, digest, signature);
}

static struct kc_result agree(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                              const struct kc_private_key *key, const struct kc_public_key *peer)
{
    const struct secret_port *self = context;
    struct kc_private_key copy = known(key);
    struct kc_result result = self->real.agree(self->real.context, shared, &copy, peer);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(shared, KC_P256_COORDINATE_SIZE);
    return result;
}

static struct kc_result wrap(void *context, uint8_t out[KC_RSA_SIZE_MAX], size_t *size,
                             const struct kc_public_key *key, struct kc_view secret)
{
    const struct secret_port *self = context;
    uint8_t copy[KC_GCM_KEY_SIZE];
    if (secret.size != sizeof copy) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    memcpy(copy, secret.data, sizeof copy);
    (void)VALGRIND_MAKE_MEM_DEFINED(copy, sizeof copy);
    return self->real.wrap(self->real.context, out, size, key, kc_view(copy, sizeof copy));
}

/* Whether a message opens is told by the status word. */
static struct kc_result unwrap(void *context, uint8_t *secret, size_t *size, size_t capacity,
                               const struct kc_private_key *key, struct kc_view wrapped)
{
    const struct secret_port *self = context;
    struct kc_private_key copy = known(key);
    struct kc_result result =
        self->real.unwrap(self->real.context, secret, size, capacity, &copy, wrapped);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(secret, capacity);
    return result;
}

static struct kc_result gcm_seal(void *context, uint8_t tag[KC_GCM_TAG_SIZE], uint8_t *text,
                                 size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    const struct secret_port *self = context;
    struct kc_result result =
        self->real.gcm_seal(self->real.context, tag, text, size, key, iv, aad);
    (void)VALGRIND_MAKE_MEM_DEFINED(tag, KC_GCM_TAG_SIZE);
    (void)VALGRIND_MAKE_MEM_DEFINED(text, size);
    return result;
}

/* What was opened is the bank's message, which the purse reads and hands to its host for display. Whether the tag fits is public,
 * so the cipher gets a defined key here. */
static struct kc_result gcm_open(void *context, uint8_t *text, size_t size,
                                 const uint8_t tag[KC_GCM_TAG_SIZE],
                                 const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    const struct secret_port *self = context;
    uint8_t copy[KC_GCM_KEY_SIZE];
    memcpy(copy, key, sizeof copy);
    (void)VALGRIND_MAKE_MEM_DEFINED(copy, sizeof copy);
    return self->real.gcm_open(self->real.context, text, size, tag, copy, iv, aad);
}

struct kc_crypto secret_port_open(struct secret_port *state)
{
    if (kc_failed(kc_bearssl_open_system(&state->real, &state->bearssl))) {
        abort();
    }
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
