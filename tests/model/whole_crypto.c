#include "whole_crypto.h"

#include <string.h>

#include "base/assert.h"

#define K0 UINT64_C(0xa0761d6478bd642f)
#define K1 UINT64_C(0xe7037ed1a0b428db)
#define K2 UINT64_C(0x8ebc6af09c88c6e3)
#define K3 UINT64_C(0x589965cc75374cc3)
#define BLOCK 32u

/* What stands in the opaque words of a running digest. */
struct mixer {
    uint64_t lanes[4];
    uint64_t size;
    uint8_t block[BLOCK];
};

_Static_assert(sizeof(struct mixer) <= sizeof(struct kc_sha256), "the mixer fits the port's room");

/* Known to this file alone: without it nobody can make a tag. */
static const uint8_t secret[KC_DIGEST_SIZE] = {
    0x4b, 0x1d, 0xe2, 0x77, 0x90, 0x3c, 0xa5, 0x08, 0x6f, 0xb4, 0x52, 0xc9, 0x1a, 0x8d, 0xf3, 0x26,
    0x7e, 0x05, 0xd8, 0x61, 0xbb, 0x94, 0x2f, 0xe0, 0x13, 0xca, 0x58, 0x87, 0x3d, 0xf6, 0x40, 0xa9};

static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

__extension__ typedef unsigned __int128 wide;

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t turn(uint64_t word, unsigned by)
{
    return word << by | word >> (64 - by);
}

static void mix_words(uint64_t lanes[4], uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
    uint64_t a = fold(lanes[0] ^ w0, w1 ^ K1);
    uint64_t b = fold(lanes[1] ^ w2, w3 ^ K2);
    uint64_t c = turn(lanes[2] ^ w1, 23) + w2 * K3;
    uint64_t d = turn(lanes[3] ^ w3, 29) + w0 * K0;
    lanes[0] = a + c;
    lanes[1] = b + d;
    lanes[2] = c ^ turn(b, 17);
    lanes[3] = d ^ turn(a, 41);
}

static void mix(uint64_t lanes[4], const uint8_t block[BLOCK])
{
    mix_words(lanes, load(block), load(block + 8), load(block + 16), load(block + 24));
}

static void mixer_start(struct mixer *mixer, uint64_t kind)
{
    *mixer = (struct mixer){.lanes = {K0 ^ kind, K1, K2, K3}};
}

static void mixer_add(struct mixer *mixer, const uint8_t *bytes, size_t size)
{
    size_t at = (size_t)(mixer->size % BLOCK);
    mixer->size += size;
    if (at > 0) {
        size_t part = size < BLOCK - at ? size : BLOCK - at;
        memcpy(mixer->block + at, bytes, part);
        bytes += part;
        size -= part;
        if (at + part < BLOCK) {
            return;
        }
        mix(mixer->lanes, mixer->block);
    }
    for (; size >= BLOCK; size -= BLOCK, bytes += BLOCK) {
        mix(mixer->lanes, bytes);
    }
    if (size > 0) {
        memcpy(mixer->block, bytes, size);
    }
}

static void mixer_end(struct mixer *mixer, uint8_t digest[KC_DIGEST_SIZE])
{
    size_t at = (size_t)(mixer->size % BLOCK);
    uint64_t *lanes = mixer->lanes;
    if (at > 0) {
        memset(mixer->block + at, 0, BLOCK - at);
        mix(lanes, mixer->block);
    }
    for (uint64_t i = 0; i < 4; i++) {
        mix_words(lanes, mixer->size, i, K3, lanes[0]);
    }
    memcpy(digest, lanes, KC_DIGEST_SIZE);
}

static void mix_two(uint8_t out[KC_DIGEST_SIZE], uint64_t kind, struct kc_view first,
                    struct kc_view second)
{
    struct mixer mixer;
    uint64_t size = first.size;
    mixer_start(&mixer, kind);
    mixer_add(&mixer, (const uint8_t *)&size, sizeof size);
    mixer_add(&mixer, first.data, first.size);
    mixer_add(&mixer, second.data, second.size);
    mixer_end(&mixer, out);
}

/* ---- the port ---- */

enum kind { KIND_DIGEST, KIND_MAC, KIND_PUBLIC, KIND_SIGN, KIND_SHARE, KIND_SEAL, KIND_KEY };

static void sha256_start(void *context, struct kc_sha256 *hash)
{
    (void)context;
    mixer_start((struct mixer *)(void *)hash->opaque, KIND_DIGEST);
}

static void sha256_add(void *context, struct kc_sha256 *hash, struct kc_view bytes)
{
    (void)context;
    if (bytes.size > 0) {
        mixer_add((struct mixer *)(void *)hash->opaque, bytes.data, bytes.size);
    }
}

static void sha256_end(void *context, struct kc_sha256 *hash, uint8_t digest[KC_DIGEST_SIZE])
{
    (void)context;
    mixer_end((struct mixer *)(void *)hash->opaque, digest);
}

static void hmac_sha256(void *context, uint8_t mac[KC_DIGEST_SIZE], struct kc_view key,
                        struct kc_view message)
{
    (void)context;
    mix_two(mac, KIND_MAC, key, message);
}

static struct kc_result random_bytes(void *context, uint8_t *out, size_t size)
{
    struct ideal *self = context;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t z = self->seed + (self->fixed ? at : ++self->draws) * K0;
        z = (z ^ (z >> 30)) * K1;
        z = (z ^ (z >> 27)) * K2;
        z ^= z >> 31;
        memcpy(out + at, &z, size - at < 8 ? size - at : 8);
    }
    return kc_ok();
}

static void public_of(struct kc_public_key *out, const uint8_t d[KC_P256_COORDINATE_SIZE])
{
    memset(out, 0, sizeof *out);
    out->type = KC_KEY_P256;
    mix_two(out->p256.x, KIND_PUBLIC, kc_view(secret, sizeof secret),
            kc_view(d, KC_P256_COORDINATE_SIZE));
    mix_two(out->p256.y, KIND_PUBLIC, kc_view(out->p256.x, KC_P256_COORDINATE_SIZE),
            kc_view(d, KC_P256_COORDINATE_SIZE));
}

static struct kc_result derive_public(void *context, struct kc_public_key *out,
                                      const struct kc_private_key *key)
{
    (void)context;
    public_of(out, key->p256.d);
    return kc_result(key->type == KC_KEY_P256 ? KC_OK : KC_CRYPTO_FAILED);
}

static struct kc_result generate(void *context, struct kc_private_key *private_key,
                                 struct kc_public_key *public_key, enum kc_key_type type)
{
    memset(private_key, 0, sizeof *private_key);
    private_key->type = KC_KEY_P256;
    struct kc_result result = random_bytes(context, private_key->p256.d, KC_P256_COORDINATE_SIZE);
    public_of(public_key, private_key->p256.d);
    return type == KC_KEY_P256 ? result : kc_result(KC_CRYPTO_FAILED);
}

static void tag(uint8_t signature[64], const struct kc_public_key *key,
                const uint8_t digest[KC_DIGEST_SIZE])
{
    uint8_t bound[KC_DIGEST_SIZE];
    mix_two(bound, KIND_SIGN, kc_view(secret, sizeof secret),
            kc_view(key->p256.x, KC_P256_COORDINATE_SIZE));
    mix_two(signature, KIND_SIGN, kc_view(bound, sizeof bound), kc_view(digest, KC_DIGEST_SIZE));
    mix_two(signature + 32, KIND_SIGN, kc_view(key->p256.y, KC_P256_COORDINATE_SIZE),
            kc_view(signature, 32));
    /* In the lower half, as every signature is. */
    signature[32] &= 0x3f;
}

static struct kc_result sign(void *context, uint8_t signature[KC_SIGNATURE_SIZE_MAX], size_t *size,
                             const struct kc_private_key *key, const uint8_t digest[KC_DIGEST_SIZE])
{
    struct kc_public_key public_key;
    struct kc_result result = derive_public(context, &public_key, key);
    *size = 64;
    tag(signature, &public_key, digest);
    return result;
}

static struct kc_result verify(void *context, const struct kc_public_key *key,
                               const uint8_t digest[KC_DIGEST_SIZE], struct kc_view signature)
{
    uint8_t wanted[64];
    (void)context;
    tag(wanted, key, digest);
    bool same = key->type == KC_KEY_P256 && kc_view_equal(signature, kc_view(wanted, 64));
    return kc_result(same ? KC_OK : KC_BAD_SIGNATURE);
}

/* The same for both sides: mixed from what the two public keys differ in. */
static struct kc_result agree(void *context, uint8_t shared[KC_P256_COORDINATE_SIZE],
                              const struct kc_private_key *key, const struct kc_public_key *peer)
{
    struct kc_public_key own;
    uint8_t both[KC_P256_COORDINATE_SIZE];
    struct kc_result result = derive_public(context, &own, key);
    for (size_t i = 0; i < sizeof both; i++) {
        both[i] = own.p256.x[i] ^ peer->p256.x[i];
    }
    mix_two(shared, KIND_SHARE, kc_view(secret, sizeof secret), kc_view(both, sizeof both));
    return result;
}

static void seal_tag(uint8_t out[KC_GCM_TAG_SIZE], const uint8_t *text, size_t size,
                     const uint8_t key[KC_GCM_KEY_SIZE], const uint8_t iv[KC_GCM_IV_SIZE],
                     struct kc_view aad)
{
    uint8_t digest[KC_DIGEST_SIZE];
    uint64_t aad_size = aad.size;
    struct mixer mixer;
    mixer_start(&mixer, KIND_SEAL);
    mixer_add(&mixer, key, KC_GCM_KEY_SIZE);
    mixer_add(&mixer, iv, KC_GCM_IV_SIZE);
    mixer_add(&mixer, (const uint8_t *)&aad_size, sizeof aad_size);
    mixer_add(&mixer, aad.data, aad.size);
    mixer_add(&mixer, text, size);
    mixer_end(&mixer, digest);
    memcpy(out, digest, KC_GCM_TAG_SIZE);
}

static struct kc_result gcm_seal(void *context, uint8_t out[KC_GCM_TAG_SIZE], uint8_t *text,
                                 size_t size, const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    (void)context;
    seal_tag(out, text, size, key, iv, aad);
    return kc_ok();
}

static struct kc_result gcm_open(void *context, uint8_t *text, size_t size,
                                 const uint8_t given[KC_GCM_TAG_SIZE],
                                 const uint8_t key[KC_GCM_KEY_SIZE],
                                 const uint8_t iv[KC_GCM_IV_SIZE], struct kc_view aad)
{
    uint8_t wanted[KC_GCM_TAG_SIZE];
    (void)context;
    seal_tag(wanted, text, size, key, iv, aad);
    return kc_result(memcmp(given, wanted, sizeof wanted) == 0 ? KC_OK : KC_CANNOT_UNSEAL);
}

struct kc_crypto ideal_open(struct ideal *state, uint64_t seed)
{
    *state = (struct ideal){.seed = seed};
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

void ideal_key(struct kc_private_key *private_key, struct kc_public_key *public_key,
               uint64_t number)
{
    memset(private_key, 0, sizeof *private_key);
    private_key->type = KC_KEY_P256;
    mix_two(private_key->p256.d, KIND_KEY, kc_view(secret, sizeof secret),
            kc_view(&number, sizeof number));
    public_of(public_key, private_key->p256.d);
}
