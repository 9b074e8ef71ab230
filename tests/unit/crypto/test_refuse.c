/* Does each backend refuse what is no key, no signature and no seal, with the error that crypto/port.h names? */
#include "backends.h"

#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

static void sign_something(struct backends *both, struct test_key *key, uint8_t *signature,
                           size_t *size)
{
    static const uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
    assert_ok(both->port[LIBCRYPTO].sign(both->port[LIBCRYPTO].context, signature, size,
                                         &key->private_key, digest));
}

static void expect_bad_signature(struct backends *both, const struct kc_public_key *key,
                                 const uint8_t *digest, struct kc_view signature)
{
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        assert_code(crypto->verify(crypto->context, key, digest, signature), KC_BAD_SIGNATURE);
    }
}

/* One flipped bit in every byte of the signature, then in every byte of the digest. */
static void test_flipped_bits(void **state)
{
    struct backends *both = *state;
    for (size_t type = 0; type < KEY_TYPES; type++) {
        struct test_key *key = &both->keys[type][1];
        uint8_t signature[KC_SIGNATURE_SIZE_MAX];
        uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
        size_t size = 0;
        sign_something(both, key, signature, &size);
        for (size_t i = 0; i < size; i++) {
            signature[i] ^= (uint8_t)(1u << (i % 8));
            expect_bad_signature(both, &key->public_key, digest, kc_view(signature, size));
            signature[i] ^= (uint8_t)(1u << (i % 8));
        }
        for (size_t i = 0; i < sizeof digest; i++) {
            digest[i] ^= (uint8_t)(1u << (i % 8));
            expect_bad_signature(both, &key->public_key, digest, kc_view(signature, size));
            digest[i] ^= (uint8_t)(1u << (i % 8));
        }
        assert_ok(both->port[BEARSSL].verify(both->port[BEARSSL].context, &key->public_key, digest,
                                             kc_view(signature, size)));
    }
}

static void test_wrong_size_and_key(void **state)
{
    struct backends *both = *state;
    uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
    for (size_t type = 0; type < KEY_TYPES; type++) {
        uint8_t signature[KC_SIGNATURE_SIZE_MAX + 1] = {0};
        size_t size = 0;
        sign_something(both, &both->keys[type][0], signature, &size);
        const struct kc_public_key *key = &both->keys[type][0].public_key;
        expect_bad_signature(both, key, digest, kc_view(signature, size - 1));
        expect_bad_signature(both, key, digest, kc_view(signature, size + 1));
        expect_bad_signature(both, key, digest, kc_view(signature + 1, size - 1));
        expect_bad_signature(both, key, digest, kc_view(NULL, 0));
        for (size_t other = 0; other < KEY_TYPES; other++) {
            expect_bad_signature(both, &both->keys[other][1].public_key, digest,
                                 kc_view(signature, size));
        }
        struct kc_public_key none = *key;
        none.type = KC_KEY_NONE;
        expect_bad_signature(both, &none, digest, kc_view(signature, size));
        expect_bad_signature(both, &none, digest, kc_view(NULL, 0));
    }
}

/* The point (0, 0), a point beside the curve, coordinates not below the prime: x + p of the point whose x is 5 would be the same
 * number to a careless reader. */
static void test_points_off_the_curve(void **state)
{
    struct backends *both = *state;
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
    size_t size = 0;
    struct test_key *key = &both->keys[0][0];
    struct kc_public_key bad[5];
    sign_something(both, key, signature, &size);
    memset(bad, 0, sizeof bad);
    bad[0].type = KC_KEY_P256;
    bad[1] = key->public_key;
    bad[1].p256.y[31] ^= 1;
    bad[2] = key->public_key;
    memset(bad[2].p256.x, 0xff, sizeof bad[2].p256.x);
    /* x = 5 is on the curve with this y; the second one has x + p. */
    p256_public_from(&bad[3], "ffffffff00000001000000000000000000000001000000000000000000000004",
                     "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc");
    bad[4] = key->public_key;
    memset(bad[4].p256.y, 0, sizeof bad[4].p256.y);
    for (size_t i = 0; i < 5; i++) {
        expect_bad_signature(both, &bad[i], digest, kc_view(signature, size));
        for (size_t b = 0; b < BACKENDS; b++) {
            const struct kc_crypto *crypto = &both->port[b];
            uint8_t shared[KC_P256_COORDINATE_SIZE];
            assert_code(crypto->agree(crypto->context, shared, &key->private_key, &bad[i]),
                        KC_CANNOT_UNSEAL);
        }
    }
}

static void test_point_of_x_5_is_one(void **state)
{
    struct backends *both = *state;
    struct kc_public_key good;
    uint8_t shared[BACKENDS][KC_P256_COORDINATE_SIZE];
    p256_public_from(&good, "0000000000000000000000000000000000000000000000000000000000000005",
                     "459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc");
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        assert_ok(crypto->agree(crypto->context, shared[b], &both->keys[0][0].private_key, &good));
    }
    assert_memory_equal(shared[0], shared[1], KC_P256_COORDINATE_SIZE);
}

/* r and s each from 0, n, n + 1, p, and all ones, beside a good other half. */
static void test_r_and_s_out_of_range(void **state)
{
    struct backends *both = *state;
    static const char *const values[] = {
        "0000000000000000000000000000000000000000000000000000000000000000", ORDER,
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
    struct test_key *key = &both->keys[0][0];
    for (size_t i = 0; i < 5; i++) {
        for (size_t half = 1; half <= 3; half++) {
            uint8_t signature[KC_SIGNATURE_SIZE_MAX];
            size_t size = 0;
            sign_something(both, key, signature, &size);
            if ((half & 1u) != 0) {
                from_hex(signature, 32, values[i]);
            }
            if ((half & 2u) != 0) {
                from_hex(signature + 32, 32, values[i]);
            }
            expect_bad_signature(both, &key->public_key, digest, kc_view(signature, size));
        }
    }
}

static void expect_useless(struct backends *both, const struct kc_private_key *key)
{
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        struct kc_public_key derived;
        uint8_t bytes[KC_RSA_SIZE_MAX] = {0};
        uint8_t digest[KC_DIGEST_SIZE] = {1};
        size_t size = 0;
        assert_code(crypto->derive_public(crypto->context, &derived, key), KC_CRYPTO_FAILED);
        assert_code(crypto->sign(crypto->context, bytes, &size, key, digest), KC_CRYPTO_FAILED);
        assert_code(crypto->agree(crypto->context, bytes, key, &both->keys[0][0].public_key),
                    KC_CANNOT_UNSEAL);
        assert_code(crypto->unwrap(crypto->context, bytes, &size, sizeof bytes, key,
                                   kc_view(bytes, kc_rsa_size(key->type))),
                    KC_CANNOT_UNSEAL);
        assert_int_equal(size, 0);
    }
}

static void test_private_keys_out_of_range(void **state)
{
    struct backends *both = *state;
    static const char *const values[] = {
        "0000000000000000000000000000000000000000000000000000000000000000", ORDER,
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    struct kc_private_key key;
    for (size_t i = 0; i < 4; i++) {
        p256_private_from(&key, values[i]);
        expect_useless(both, &key);
    }
    memset(&key, 0, sizeof key);
    expect_useless(both, &key);
}

/* The ends of the range are keys: 1 and n - 1 have the generator's x and opposite y. */
static void test_private_keys_at_the_ends(void **state)
{
    struct backends *both = *state;
    struct kc_private_key keys[2];
    struct kc_public_key derived[2];
    p256_private_from(&keys[0], "0000000000000000000000000000000000000000000000000000000000000001");
    p256_private_from(&keys[1], "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550");
    uint8_t generator[32];
    from_hex(generator, 32, "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        for (size_t i = 0; i < 2; i++) {
            assert_ok(crypto->derive_public(crypto->context, &derived[i], &keys[i]));
            assert_memory_equal(derived[i].p256.x, generator, 32);
        }
        assert_memory_not_equal(derived[0].p256.y, derived[1].p256.y, 32);
    }
}

/* A modulus that is too short or even, by a public key or by its factors. */
static void test_rsa_keys_of_wrong_size(void **state)
{
    struct backends *both = *state;
    uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
    for (size_t type = 1; type < KEY_TYPES; type++) {
        size_t modulus = kc_rsa_size((enum kc_key_type)(type + 1));
        uint8_t signature[KC_SIGNATURE_SIZE_MAX], wrapped[KC_RSA_SIZE_MAX];
        size_t size = 0;
        sign_something(both, &both->keys[type][0], signature, &size);
        for (size_t which = 0; which < 3; which++) {
            struct kc_public_key bad = both->keys[type][0].public_key;
            bad.rsa.n[0] = which == 0 ? bad.rsa.n[0] & 0x7fu : bad.rsa.n[0];
            bad.rsa.n[modulus - 1] ^= which == 1 ? 1u : 0u;
            if (which == 2) {
                memset(bad.rsa.n, 0, sizeof bad.rsa.n);
            }
            expect_bad_signature(both, &bad, digest, kc_view(signature, size));
            for (size_t b = 0; b < BACKENDS; b++) {
                const struct kc_crypto *crypto = &both->port[b];
                assert_code(
                    crypto->wrap(crypto->context, wrapped, &size, &bad, kc_view(digest, 32)),
                    KC_CRYPTO_FAILED);
            }
        }
        for (size_t which = 0; which < 4; which++) {
            struct kc_private_key bad = both->keys[type][0].private_key;
            bad.rsa.p[0] = which == 0 ? 0 : bad.rsa.p[0];
            bad.rsa.q[0] = which == 1 ? 0 : bad.rsa.q[0];
            bad.rsa.p[modulus / 2 - 1] ^= which == 2 ? 1u : 0u;
            bad.rsa.q[modulus / 2 - 1] ^= which == 3 ? 1u : 0u;
            expect_useless(both, &bad);
        }
    }
}

/* A key whose parts do not belong together signs nothing: what its exponents gave would tell its factors. libcrypto finds
 * the right result another way. */
static void test_rsa_damaged_key_gives_nothing_away(void **state)
{
    struct backends *both = *state;
    const struct kc_crypto *crypto = &both->port[BEARSSL];
    for (size_t which = 0; which < 3; which++) {
        struct kc_private_key bad = both->keys[1][0].private_key;
        uint8_t signature[KC_SIGNATURE_SIZE_MAX], untouched[KC_SIGNATURE_SIZE_MAX];
        uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
        size_t size = 0;
        uint8_t *part = which == 0 ? bad.rsa.dp : which == 1 ? bad.rsa.dq : bad.rsa.iq;
        part[100] ^= 4u;
        memset(signature, 0x77, sizeof signature);
        memset(untouched, 0x77, sizeof untouched);
        assert_code(crypto->sign(crypto->context, signature, &size, &bad, digest),
                    KC_CRYPTO_FAILED);
        assert_memory_equal(signature, untouched, sizeof signature);
        assert_int_equal(size, 0);
    }
}

static void test_wrap_refuses(void **state)
{
    struct backends *both = *state;
    for (size_t i = 0; i < (KEY_TYPES - 1) * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        struct test_key *key = &both->keys[1 + i / 2][0];
        size_t modulus = kc_rsa_size(key->public_key.type);
        uint8_t secret[KC_RSA_SIZE_MAX] = {0}, out[KC_RSA_SIZE_MAX];
        size_t size = 0;
        assert_code(crypto->wrap(crypto->context, out, &size, &key->public_key,
                                 kc_view(secret, modulus - 65)),
                    KC_CRYPTO_FAILED);
        assert_code(crypto->wrap(crypto->context, out, &size, &both->keys[0][0].public_key,
                                 kc_view(secret, 32)),
                    KC_CRYPTO_FAILED);
    }
}

static void expect_not_unwrapped(struct backends *both, const struct kc_private_key *key,
                                 size_t capacity, struct kc_view wrapped)
{
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        uint8_t out[KC_RSA_SIZE_MAX];
        size_t size = 99;
        assert_code(crypto->unwrap(crypto->context, out, &size, capacity, key, wrapped),
                    KC_CANNOT_UNSEAL);
        assert_int_equal(size, 0);
    }
}

static void test_unwrap_refuses(void **state)
{
    struct backends *both = *state;
    for (size_t type = 1; type < KEY_TYPES; type++) {
        const struct kc_crypto *crypto = &both->port[LIBCRYPTO];
        struct test_key *key = &both->keys[type][0];
        size_t modulus = kc_rsa_size(key->public_key.type);
        uint8_t secret[32] = {9}, wrapped[KC_RSA_SIZE_MAX + 1] = {0};
        size_t size = 0;
        assert_ok(crypto->wrap(crypto->context, wrapped, &size, &key->public_key,
                               kc_view(secret, sizeof secret)));
        expect_not_unwrapped(both, &key->private_key, 31, kc_view(wrapped, modulus));
        expect_not_unwrapped(both, &key->private_key, 0, kc_view(wrapped, modulus));
        expect_not_unwrapped(both, &key->private_key, 384, kc_view(wrapped, modulus - 1));
        expect_not_unwrapped(both, &key->private_key, 384, kc_view(wrapped, modulus + 1));
        expect_not_unwrapped(both, &key->private_key, 384, kc_view(NULL, 0));
        expect_not_unwrapped(both, &both->keys[type][1].private_key, 384,
                             kc_view(wrapped, modulus));
        expect_not_unwrapped(both, &both->keys[0][0].private_key, 384, kc_view(wrapped, modulus));
        for (size_t i = 0; i < modulus; i += 37) {
            wrapped[i] ^= 0x10u;
            expect_not_unwrapped(both, &key->private_key, 384, kc_view(wrapped, modulus));
            wrapped[i] ^= 0x10u;
        }
        /* The modulus itself and all ones: numbers that are none modulo n. */
        memcpy(wrapped, key->public_key.rsa.n, modulus);
        expect_not_unwrapped(both, &key->private_key, 384, kc_view(wrapped, modulus));
        memset(wrapped, 0xff, modulus);
        expect_not_unwrapped(both, &key->private_key, 384, kc_view(wrapped, modulus));
    }
}

static void expect_wiped(struct backends *both, const uint8_t *text, size_t size,
                         const uint8_t *tag, const uint8_t *key, const uint8_t *iv,
                         struct kc_view aad)
{
    static const uint8_t zeros[64];
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        uint8_t copy[64];
        memcpy(copy, text, size);
        assert_code(crypto->gcm_open(crypto->context, copy, size, tag, key, iv, aad),
                    KC_CANNOT_UNSEAL);
        assert_memory_equal(copy, zeros, size);
    }
}

/* Every bit of the tag, every byte of text, associated data, key and vector; a shorter text and shorter associated data. */
static void test_gcm_refuses(void **state)
{
    struct backends *both = *state;
    const struct kc_crypto *crypto = &both->port[LIBCRYPTO];
    uint8_t key[KC_GCM_KEY_SIZE] = {3}, iv[KC_GCM_IV_SIZE] = {4}, aad[13] = {5}, text[50] = {6};
    uint8_t tag[KC_GCM_TAG_SIZE];
    struct kc_view extra = kc_view(aad, sizeof aad);
    assert_ok(crypto->gcm_seal(crypto->context, tag, text, sizeof text, key, iv, extra));
    for (size_t i = 0; i < 8 * sizeof tag; i++) {
        tag[i / 8] ^= (uint8_t)(1u << (i % 8));
        expect_wiped(both, text, sizeof text, tag, key, iv, extra);
        tag[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    struct kc_buffer parts[] = {KC_BUFFER(text), KC_BUFFER(aad), KC_BUFFER(key), KC_BUFFER(iv)};
    for (size_t part = 0; part < 4; part++) {
        for (size_t i = 0; i < parts[part].capacity; i++) {
            parts[part].data[i] ^= 0x80u;
            expect_wiped(both, text, sizeof text, tag, key, iv, extra);
            parts[part].data[i] ^= 0x80u;
        }
    }
    expect_wiped(both, text, sizeof text - 1, tag, key, iv, extra);
    expect_wiped(both, text, sizeof text, tag, key, iv, kc_view(aad, sizeof aad - 1));
    expect_wiped(both, text, sizeof text, tag, key, iv, kc_view(NULL, 0));
    expect_wiped(both, text, 0, tag, key, iv, extra);
    for (size_t b = 0; b < BACKENDS; b++) {
        uint8_t copy[sizeof text];
        memcpy(copy, text, sizeof text);
        assert_ok(
            both->port[b].gcm_open(both->port[b].context, copy, sizeof copy, tag, key, iv, extra));
    }
}

static void test_generate_refuses_no_type(void **state)
{
    struct backends *both = *state;
    for (size_t b = 0; b < BACKENDS; b++) {
        struct test_key key;
        const struct kc_crypto *crypto = &both->port[b];
        assert_code(
            crypto->generate(crypto->context, &key.private_key, &key.public_key, KC_KEY_NONE),
            KC_CRYPTO_FAILED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_wrong_size_and_key),
        cmocka_unit_test(test_points_off_the_curve),
        cmocka_unit_test(test_point_of_x_5_is_one),
        cmocka_unit_test(test_r_and_s_out_of_range),
        cmocka_unit_test(test_private_keys_out_of_range),
        cmocka_unit_test(test_private_keys_at_the_ends),
        cmocka_unit_test(test_rsa_keys_of_wrong_size),
        cmocka_unit_test(test_rsa_damaged_key_gives_nothing_away),
        cmocka_unit_test(test_wrap_refuses),
        cmocka_unit_test(test_unwrap_refuses),
        cmocka_unit_test(test_gcm_refuses),
        cmocka_unit_test(test_generate_refuses_no_type),
    };
    return cmocka_run_group_tests(tests, open_backends_with_keys, close_backends);
}
