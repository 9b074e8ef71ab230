#include "crypto/libcrypto_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#define POINT_SIZE (1 + 2 * KC_P256_COORDINATE_SIZE)

static EVP_PKEY *from_params(const char *type, int selection, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = build == NULL ? NULL : OSSL_PARAM_BLD_to_param(build);
    if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, selection, params) != 1) {
        key = NULL;
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *public_p256(const struct kc_public_key *key)
{
    uint8_t point[POINT_SIZE];
    point[0] = 0x04;
    memcpy(point + 1, key->p256.x, KC_P256_COORDINATE_SIZE);
    memcpy(point + 1 + KC_P256_COORDINATE_SIZE, key->p256.y, KC_P256_COORDINATE_SIZE);
    EVP_PKEY *made = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
            1) {
        made = from_params("EC", EVP_PKEY_PUBLIC_KEY, build);
    }
    OSSL_PARAM_BLD_free(build);
    return made;
}

static EVP_PKEY *public_rsa(const struct kc_public_key *key)
{
    EVP_PKEY *made = NULL;
    BIGNUM *n = BN_bin2bn(key->rsa.n, (int)kc_rsa_size(key->type), NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (n != NULL && build != NULL && BN_num_bits(n) == 8 * (int)kc_rsa_size(key->type) &&
        BN_is_odd(n) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_uint32(build, OSSL_PKEY_PARAM_RSA_E, KC_RSA_EXPONENT) == 1) {
        made = from_params("RSA", EVP_PKEY_PUBLIC_KEY, build);
    }
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    return made;
}

EVP_PKEY *kc_pkey_from_public(const struct kc_public_key *key)
{
    switch (key->type) {
    case KC_KEY_P256:
        return public_p256(key);
    case KC_KEY_RSA2048:
    case KC_KEY_RSA3072:
        return public_rsa(key);
    case KC_KEY_NONE:
        break;
    }
    return NULL;
}

/* The public point of a private number in [1, n-1], or false. */
static bool derive_point(uint8_t point[POINT_SIZE], const BIGNUM *d)
{
    bool good = false;
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *at = group == NULL ? NULL : EC_POINT_new(group);
    if (at != NULL && !BN_is_zero(d) && BN_cmp(d, EC_GROUP_get0_order(group)) < 0 &&
        EC_POINT_mul(group, at, d, NULL, NULL, NULL) == 1) {
        good = EC_POINT_point2oct(group, at, POINT_CONVERSION_UNCOMPRESSED, point, POINT_SIZE,
                                  NULL) == POINT_SIZE;
    }
    EC_POINT_free(at);
    EC_GROUP_free(group);
    return good;
}

static EVP_PKEY *private_p256(const struct kc_private_key *key)
{
    uint8_t point[POINT_SIZE];
    EVP_PKEY *made = NULL;
    BIGNUM *d = BN_secure_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (d != NULL && build != NULL && BN_bin2bn(key->p256.d, KC_P256_COORDINATE_SIZE, d) != NULL) {
        BN_set_flags(d, BN_FLG_CONSTTIME);
        if (derive_point(point, d) &&
            OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
                1 &&
            OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1) {
            made = from_params("EC", EVP_PKEY_KEYPAIR, build);
        }
    }
    OSSL_PARAM_BLD_free(build);
    BN_clear_free(d);
    return made;
}

struct rsa_numbers {
    BIGNUM *p, *q, *dp, *dq, *iq, *n, *d, *e;
};

static bool load_factors(struct rsa_numbers *numbers, const struct kc_private_key *key)
{
    int size = (int)kc_rsa_size(key->type) / 2;
    numbers->p = BN_bin2bn(key->rsa.p, size, BN_secure_new());
    numbers->q = BN_bin2bn(key->rsa.q, size, BN_secure_new());
    numbers->dp = BN_bin2bn(key->rsa.dp, size, BN_secure_new());
    numbers->dq = BN_bin2bn(key->rsa.dq, size, BN_secure_new());
    numbers->iq = BN_bin2bn(key->rsa.iq, size, BN_secure_new());
    numbers->n = BN_secure_new();
    numbers->d = BN_secure_new();
    numbers->e = BN_new();
    bool good = numbers->p != NULL && numbers->q != NULL && numbers->dp != NULL &&
                numbers->dq != NULL && numbers->iq != NULL && numbers->n != NULL &&
                numbers->d != NULL && numbers->e != NULL &&
                BN_set_word(numbers->e, KC_RSA_EXPONENT);
    return good && BN_is_odd(numbers->p) && BN_is_odd(numbers->q);
}

/* n = pq and d = e^-1 mod (p-1)(q-1), which the port does not carry because CRT does not need them. */
static bool complete(struct rsa_numbers *numbers, size_t size)
{
    BN_CTX *context = BN_CTX_secure_new();
    BIGNUM *p1 = BN_dup(numbers->p);
    BIGNUM *q1 = BN_dup(numbers->q);
    BIGNUM *phi = BN_secure_new();
    bool good = context != NULL && p1 != NULL && q1 != NULL && phi != NULL && BN_sub_word(p1, 1) &&
                BN_sub_word(q1, 1) && BN_mul(numbers->n, numbers->p, numbers->q, context) &&
                BN_mul(phi, p1, q1, context);
    if (good) {
        BN_set_flags(phi, BN_FLG_CONSTTIME);
        good = BN_mod_inverse(numbers->d, numbers->e, phi, context) != NULL &&
               BN_num_bits(numbers->n) == 8 * (int)size;
    }
    BN_clear_free(p1);
    BN_clear_free(q1);
    BN_clear_free(phi);
    BN_CTX_free(context);
    return good;
}

static bool push_rsa(OSSL_PARAM_BLD *build, const struct rsa_numbers *numbers)
{
    return OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, numbers->n) == 1 &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, numbers->e) == 1 &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_D, numbers->d) == 1 &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR1, numbers->p) == 1 &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_FACTOR2, numbers->q) == 1 &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers->dp) == 1 &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers->dq) == 1 &&
           OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers->iq) == 1;
}

static EVP_PKEY *private_rsa(const struct kc_private_key *key)
{
    struct rsa_numbers numbers = {0};
    EVP_PKEY *made = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (build != NULL && load_factors(&numbers, key) &&
        complete(&numbers, kc_rsa_size(key->type)) && push_rsa(build, &numbers)) {
        made = from_params("RSA", EVP_PKEY_KEYPAIR, build);
    }
    OSSL_PARAM_BLD_free(build);
    BIGNUM *all[] = {numbers.p,  numbers.q, numbers.dp, numbers.dq,
                     numbers.iq, numbers.n, numbers.d,  numbers.e};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        BN_clear_free(all[i]);
    }
    return made;
}

EVP_PKEY *kc_pkey_from_private(const struct kc_private_key *key)
{
    if (key->held != NULL) {
        return NULL;
    }
    switch (key->type) {
    case KC_KEY_P256:
        return private_p256(key);
    case KC_KEY_RSA2048:
    case KC_KEY_RSA3072:
        return private_rsa(key);
    case KC_KEY_NONE:
        break;
    }
    return NULL;
}

/* The type of a key we speak, or KC_KEY_NONE. */
static enum kc_key_type type_of(const EVP_PKEY *key)
{
    char group[32];
    size_t size = 0;
    if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1) {
        bool p256 = strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0;
        return p256 ? KC_KEY_P256 : KC_KEY_NONE;
    }
    if (!EVP_PKEY_is_a(key, "RSA")) {
        return KC_KEY_NONE;
    }
    int bits = EVP_PKEY_get_bits(key);
    return bits == 2048 ? KC_KEY_RSA2048 : bits == 3072 ? KC_KEY_RSA3072 : KC_KEY_NONE;
}

static bool get_number(const EVP_PKEY *key, const char *name, uint8_t *out, size_t size)
{
    BIGNUM *number = NULL;
    bool good = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                BN_bn2binpad(number, out, (int)size) == (int)size;
    BN_clear_free(number);
    return good;
}

static bool exponent_is_ours(const EVP_PKEY *key)
{
    BIGNUM *e = NULL;
    bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
                BN_is_word(e, KC_RSA_EXPONENT);
    BN_free(e);
    return good;
}

struct kc_result kc_pkey_to_public(struct kc_public_key *out, const EVP_PKEY *key)
{
    bool good = false;
    memset(out, 0, sizeof *out);
    out->type = type_of(key);
    if (out->type == KC_KEY_P256) {
        good = get_number(key, OSSL_PKEY_PARAM_EC_PUB_X, out->p256.x, KC_P256_COORDINATE_SIZE) &&
               get_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, out->p256.y, KC_P256_COORDINATE_SIZE);
    } else if (out->type != KC_KEY_NONE) {
        good = exponent_is_ours(key) &&
               get_number(key, OSSL_PKEY_PARAM_RSA_N, out->rsa.n, kc_rsa_size(out->type));
    }
    return kc_result(good ? KC_OK : KC_WRONG_ALGORITHM);
}

struct kc_result kc_pkey_to_private(struct kc_private_key *out, const EVP_PKEY *key)
{
    bool good = false;
    memset(out, 0, sizeof *out);
    out->type = type_of(key);
    size_t half = kc_rsa_size(out->type) / 2;
    if (out->type == KC_KEY_P256) {
        good = get_number(key, OSSL_PKEY_PARAM_PRIV_KEY, out->p256.d, KC_P256_COORDINATE_SIZE);
    } else if (out->type != KC_KEY_NONE) {
        good = exponent_is_ours(key) &&
               get_number(key, OSSL_PKEY_PARAM_RSA_FACTOR1, out->rsa.p, half) &&
               get_number(key, OSSL_PKEY_PARAM_RSA_FACTOR2, out->rsa.q, half) &&
               get_number(key, OSSL_PKEY_PARAM_RSA_EXPONENT1, out->rsa.dp, half) &&
               get_number(key, OSSL_PKEY_PARAM_RSA_EXPONENT2, out->rsa.dq, half) &&
               get_number(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, out->rsa.iq, half);
    }
    if (!good) {
        kc_wipe(out, sizeof *out);
    }
    return kc_result(good ? KC_OK : KC_WRONG_ALGORITHM);
}

/* ---- the cache ---- */

struct kc_result kc_key_cache_open(struct kc_key_cache *cache, size_t slots)
{
    size_t buckets = slots < 2 * KC_KEY_WAYS ? 2 : slots / KC_KEY_WAYS;
    *cache = (struct kc_key_cache){.buckets = buckets};
    cache->slots = calloc(buckets * KC_KEY_WAYS, sizeof *cache->slots);
    return kc_result(cache->slots == NULL ? KC_NO_MEMORY : KC_OK);
}

static void clear_slot(struct kc_cached_key *slot)
{
    EVP_PKEY_CTX_free(slot->operation);
    EVP_PKEY_free(slot->key);
    kc_wipe(slot, sizeof *slot);
}

void kc_key_cache_close(struct kc_key_cache *cache)
{
    for (size_t i = 0; cache->slots != NULL && i < cache->buckets * KC_KEY_WAYS; i++) {
        clear_slot(&cache->slots[i]);
    }
    free(cache->slots);
    *cache = (struct kc_key_cache){.buckets = 0};
}

/* Bytes of a key that matter; the rest of the union is not looked at. */
static size_t used_size(enum kc_key_type type, bool is_private)
{
    size_t head =
        is_private ? offsetof(struct kc_private_key, rsa) : offsetof(struct kc_public_key, rsa);
    if (type == KC_KEY_P256) {
        return head + (is_private ? 1u : 2u) * KC_P256_COORDINATE_SIZE;
    }
    return head + (is_private ? 5u * KC_RSA_FACTOR_SIZE_MAX : kc_rsa_size(type));
}

static struct kc_cached_key *bucket_of(struct kc_key_cache *cache, const void *bytes, size_t size)
{
    uint32_t hash = 2166136261u;
    const uint8_t *at = (const uint8_t *)bytes;
    size_t most = size < 64 ? size : 64;
    for (size_t i = 0; i < most; i++) {
        hash = (hash ^ at[i]) * 16777619u;
    }
    return &cache->slots[(hash % cache->buckets) * KC_KEY_WAYS];
}

static struct kc_cached_key *find(struct kc_cached_key *bucket, const void *bytes, size_t size,
                                  bool is_private, enum kc_key_use use)
{
    for (size_t i = 0; i < KC_KEY_WAYS; i++) {
        struct kc_cached_key *slot = &bucket[i];
        if (slot->key != NULL && slot->use == use && slot->is_private == is_private &&
            slot->size == size && kc_equal_secret(&slot->copy, bytes, size)) {
            return slot;
        }
    }
    return NULL;
}

static bool start_operation(EVP_PKEY_CTX *operation, enum kc_key_use use, bool is_rsa)
{
    switch (use) {
    case KC_USE_SIGN:
        if (EVP_PKEY_sign_init(operation) != 1) {
            return false;
        }
        break;
    case KC_USE_VERIFY:
        if (EVP_PKEY_verify_init(operation) != 1) {
            return false;
        }
        break;
    case KC_USE_WRAP:
    case KC_USE_UNWRAP:
        return (use == KC_USE_WRAP ? EVP_PKEY_encrypt_init(operation)
                                   : EVP_PKEY_decrypt_init(operation)) == 1 &&
               EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(operation, EVP_sha256()) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(operation, EVP_sha256()) == 1;
    }
    if (EVP_PKEY_CTX_set_signature_md(operation, EVP_sha256()) != 1) {
        return false;
    }
    return !is_rsa || (EVP_PKEY_CTX_set_rsa_padding(operation, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(operation, KC_DIGEST_SIZE) == 1 &&
                       EVP_PKEY_CTX_set_rsa_mgf1_md(operation, EVP_sha256()) == 1);
}

/* Takes over the key, in place of what was in the slot; NULL and nothing changed when it cannot be used so. */
static EVP_PKEY_CTX *fill_slot(struct kc_cached_key *slot, EVP_PKEY *key, const void *bytes,
                               size_t size, bool is_private, enum kc_key_use use)
{
    EVP_PKEY_CTX *operation = key == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (operation == NULL || !start_operation(operation, use, EVP_PKEY_is_a(key, "RSA") == 1)) {
        EVP_PKEY_CTX_free(operation);
        EVP_PKEY_free(key);
        return NULL;
    }
    clear_slot(slot);
    slot->key = key;
    slot->operation = operation;
    slot->use = use;
    slot->is_private = is_private;
    slot->size = size;
    memcpy(&slot->copy, bytes, size);
    return operation;
}

static EVP_PKEY_CTX *insert(struct kc_key_cache *cache, struct kc_cached_key *bucket, EVP_PKEY *key,
                            const void *bytes, size_t size, bool is_private, enum kc_key_use use)
{
    struct kc_cached_key *slot = &bucket[cache->next_victim++ % KC_KEY_WAYS];
    for (size_t i = 0; i < KC_KEY_WAYS; i++) {
        slot = bucket[i].key == NULL ? &bucket[i] : slot;
    }
    return fill_slot(slot, key, bytes, size, is_private, use);
}

EVP_PKEY_CTX *kc_key_cache_private(struct kc_key_cache *cache, const struct kc_private_key *key,
                                   enum kc_key_use use)
{
    size_t size = used_size(key->type, true);
    struct kc_cached_key *bucket = bucket_of(cache, key, size);
    struct kc_cached_key *slot = find(bucket, key, size, true, use);
    if (slot != NULL) {
        return slot->operation;
    }
    return insert(cache, bucket, kc_pkey_from_private(key), key, size, true, use);
}

EVP_PKEY_CTX *kc_key_cache_public(struct kc_key_cache *cache, const struct kc_public_key *key,
                                  enum kc_key_use use)
{
    size_t size = used_size(key->type, false);
    struct kc_cached_key *bucket = bucket_of(cache, key, size);
    struct kc_cached_key *slot = find(bucket, key, size, false, use);
    if (slot != NULL) {
        return slot->operation;
    }
    return insert(cache, bucket, kc_pkey_from_public(key), key, size, false, use);
}
