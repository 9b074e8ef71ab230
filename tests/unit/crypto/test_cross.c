/* Does each backend understand what the other one made: keys, signatures, agreements, wrapped and sealed bytes? */
#include "backends.h"

#include "message/cose.h"

static void hash_up(uint8_t digest[KC_DIGEST_SIZE], unsigned round)
{
    for (unsigned i = 0; i < KC_DIGEST_SIZE; i++) {
        digest[i] = (uint8_t)(round * 37u + i * 11u);
    }
}

/* shows: R-SEC-3 */
static void test_sign_and_verify(void **state)
{
    struct backends *both = *state;
    for (size_t i = 0; i < KEY_TYPES * BACKENDS * BACKENDS * BACKENDS; i++) {
        struct test_key *key = &both->keys[i / 8][i % 2];
        const struct kc_crypto *signer = &both->port[(i / 2) % 2];
        const struct kc_crypto *verifier = &both->port[(i / 4) % 2];
        for (unsigned round = 0; round < 3; round++) {
            uint8_t digest[KC_DIGEST_SIZE];
            uint8_t signature[KC_SIGNATURE_SIZE_MAX];
            size_t size = 0;
            hash_up(digest, round);
            assert_ok(signer->sign(signer->context, signature, &size, &key->private_key, digest));
            assert_int_equal(size, kc_signature_size(key->public_key.type));
            assert_ok(verifier->verify(verifier->context, &key->public_key, digest,
                                       kc_view(signature, size)));
        }
    }
}

/* One, the order of P-256 less and more one, and all ones, which is more than the order. */
static void test_extreme_digests(void **state)
{
    struct backends *both = *state;
    static const char *const texts[] = {
        "0000000000000000000000000000000000000000000000000000000000000001",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
    for (size_t i = 0; i < 4 * BACKENDS * BACKENDS; i++) {
        const struct kc_crypto *signer = &both->port[i % 2];
        const struct kc_crypto *verifier = &both->port[(i / 2) % 2];
        struct test_key *key = &both->keys[0][0];
        uint8_t digest[KC_DIGEST_SIZE];
        uint8_t signature[KC_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        from_hex(digest, sizeof digest, texts[i / 4]);
        assert_ok(signer->sign(signer->context, signature, &size, &key->private_key, digest));
        assert_ok(verifier->verify(verifier->context, &key->public_key, digest,
                                   kc_view(signature, size)));
    }
}

/* What crypto/bearssl.h says of a digest that is zero modulo the order: it signs, and never verifies. */
static void test_digest_of_zero(void **state)
{
    struct backends *both = *state;
    struct test_key *key = &both->keys[0][0];
    for (size_t i = 0; i < 2 * BACKENDS; i++) {
        const struct kc_crypto *signer = &both->port[i % 2];
        const struct kc_crypto *bearssl = &both->port[BEARSSL];
        const struct kc_crypto *libcrypto = &both->port[LIBCRYPTO];
        uint8_t digest[KC_DIGEST_SIZE] = {0};
        uint8_t signature[KC_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        if (i / 2 == 1) {
            from_hex(digest, sizeof digest,
                     "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        }
        assert_ok(signer->sign(signer->context, signature, &size, &key->private_key, digest));
        struct kc_view view = kc_view(signature, size);
        assert_ok(libcrypto->verify(libcrypto->context, &key->public_key, digest, view));
        assert_code(bearssl->verify(bearssl->context, &key->public_key, digest, view),
                    KC_BAD_SIGNATURE);
    }
}

/* PS256 is randomised, ES256 of the purse's backend is not (RFC 6979). */
static void test_randomness_of_signatures(void **state)
{
    struct backends *both = *state;
    uint8_t digest[KC_DIGEST_SIZE] = {7};
    uint8_t signatures[2][KC_SIGNATURE_SIZE_MAX];
    const struct kc_crypto *bearssl = &both->port[BEARSSL];
    for (size_t type = 0; type < 2; type++) {
        size_t size = 0;
        for (size_t i = 0; i < 2; i++) {
            assert_ok(bearssl->sign(bearssl->context, signatures[i], &size,
                                    &both->keys[type][0].private_key, digest));
        }
        bool same = memcmp(signatures[0], signatures[1], size) == 0;
        assert_int_equal(same, type == 0);
    }
}

static void test_agree(void **state)
{
    struct backends *both = *state;
    struct test_key *pair = both->keys[0];
    uint8_t shared[4][KC_P256_COORDINATE_SIZE];
    for (size_t i = 0; i < 4; i++) {
        const struct kc_crypto *crypto = &both->port[i / 2];
        assert_ok(crypto->agree(crypto->context, shared[i], &pair[i % 2].private_key,
                                &pair[1 - i % 2].public_key));
        assert_memory_equal(shared[i], shared[0], KC_P256_COORDINATE_SIZE);
    }
}

static void test_derive_public(void **state)
{
    struct backends *both = *state;
    for (size_t i = 0; i < KEY_TYPES * BACKENDS * BACKENDS; i++) {
        struct test_key *key = &both->keys[i / 4][i % 2];
        const struct kc_crypto *crypto = &both->port[(i / 2) % 2];
        struct kc_public_key derived;
        assert_ok(crypto->derive_public(crypto->context, &derived, &key->private_key));
        assert_int_equal(derived.type, i / 4 + 1);
        assert_memory_equal(&derived, &key->public_key, sizeof derived);
    }
}

/* shows: R-SEC-3 */
static void test_generated_keys_are_well_formed(void **state)
{
    struct backends *both = *state;
    for (size_t i = 0; i < KEY_TYPES * BACKENDS; i++) {
        struct test_key *key = &both->keys[i / 2][i % 2];
        struct test_key *other = &both->keys[i / 2][1 - i % 2];
        size_t size = kc_rsa_size(key->public_key.type);
        assert_int_equal(key->private_key.type, i / 2 + 1);
        assert_int_equal(key->public_key.type, i / 2 + 1);
        assert_memory_not_equal(&key->public_key, &other->public_key, sizeof key->public_key);
        if (size != 0) {
            assert_true((key->public_key.rsa.n[0] & 0x80u) != 0);
            assert_true((key->public_key.rsa.n[size - 1] & 1u) != 0);
            assert_memory_not_equal(key->private_key.rsa.p, key->private_key.rsa.q, size / 2);
        }
    }
}

static void test_wrap_and_unwrap(void **state)
{
    struct backends *both = *state;
    for (size_t i = 0; i < (KEY_TYPES - 1) * BACKENDS * BACKENDS * BACKENDS; i++) {
        struct test_key *key = &both->keys[1 + i / 8][i % 2];
        const struct kc_crypto *from = &both->port[(i / 2) % 2];
        const struct kc_crypto *to = &both->port[(i / 4) % 2];
        size_t modulus = kc_rsa_size(key->public_key.type);
        /* Nothing, one byte, a content key, and the most that fits: the modulus less two hashes and two bytes. */
        const size_t sizes[] = {0, 1, 32, modulus - 66};
        for (size_t s = 0; s < 4; s++) {
            uint8_t secret[KC_RSA_SIZE_MAX];
            uint8_t wrapped[KC_RSA_SIZE_MAX];
            uint8_t opened[KC_RSA_SIZE_MAX];
            size_t size = 0;
            memset(secret, (int)(0x40 + s), sizeof secret);
            assert_ok(from->wrap(from->context, wrapped, &size, &key->public_key,
                                 kc_view(s == 0 ? NULL : secret, sizes[s])));
            assert_int_equal(size, modulus);
            assert_ok(to->unwrap(to->context, opened, &size, sizeof opened, &key->private_key,
                                 kc_view(wrapped, modulus)));
            assert_int_equal(size, sizes[s]);
            assert_memory_equal(opened, secret, size);
        }
    }
}

/* Every size of text around the block, with and without associated data. */
static void test_gcm(void **state)
{
    struct backends *both = *state;
    uint8_t key[KC_GCM_KEY_SIZE], iv[KC_GCM_IV_SIZE], plain[70], text[70], aad[40];
    uint8_t tags[BACKENDS][KC_GCM_TAG_SIZE], texts[BACKENDS][70];
    assert_ok(both->port[0].random(both->port[0].context, key, sizeof key));
    assert_ok(both->port[1].random(both->port[1].context, iv, sizeof iv));
    memset(plain, 0x5a, sizeof plain);
    memset(aad, 0xa5, sizeof aad);
    for (size_t i = 0; i <= sizeof plain * 3; i++) {
        size_t size = i / 3;
        struct kc_view extra = kc_view(i % 3 == 0 ? NULL : aad, (i % 3) * 20);
        for (size_t b = 0; b < BACKENDS; b++) {
            const struct kc_crypto *crypto = &both->port[b];
            memcpy(texts[b], plain, sizeof plain);
            assert_ok(crypto->gcm_seal(crypto->context, tags[b], texts[b], size, key, iv, extra));
        }
        assert_memory_equal(tags[0], tags[1], KC_GCM_TAG_SIZE);
        assert_memory_equal(texts[0], texts[1], sizeof plain);
        for (size_t b = 0; b < BACKENDS; b++) {
            const struct kc_crypto *crypto = &both->port[b];
            memcpy(text, texts[1 - b], sizeof text);
            assert_ok(crypto->gcm_open(crypto->context, text, size, tags[1 - b], key, iv, extra));
            assert_memory_equal(text, plain, sizeof plain);
        }
    }
}

/* Sizes around the block of 64 bytes, given in uneven pieces, one of them empty; the running hash is copied half way. */
static void test_sha256_in_pieces(void **state)
{
    struct backends *both = *state;
    uint8_t bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    for (size_t size = 0; size <= sizeof bytes; size++) {
        uint8_t digests[BACKENDS][2][KC_DIGEST_SIZE];
        for (size_t b = 0; b < BACKENDS; b++) {
            const struct kc_crypto *crypto = &both->port[b];
            struct kc_sha256 hash, copy;
            crypto->sha256_start(crypto->context, &hash);
            crypto->sha256_add(crypto->context, &hash, kc_view(bytes, size / 3));
            crypto->sha256_add(crypto->context, &hash, kc_view(NULL, 0));
            memcpy(&copy, &hash, sizeof copy);
            struct kc_view rest = kc_view(bytes + size / 3, size - size / 3);
            crypto->sha256_add(crypto->context, &hash, rest);
            crypto->sha256_end(crypto->context, &hash, digests[b][0]);
            crypto->sha256_add(crypto->context, &copy, rest);
            crypto->sha256_end(crypto->context, &copy, digests[b][1]);
        }
        assert_memory_equal(digests[0][0], digests[0][1], KC_DIGEST_SIZE);
        assert_memory_equal(digests[0][0], digests[1][0], KC_DIGEST_SIZE);
        assert_memory_equal(digests[0][0], digests[1][1], KC_DIGEST_SIZE);
    }
}

static void test_hmac(void **state)
{
    struct backends *both = *state;
    uint8_t key[130], message[90];
    memset(key, 0x31, sizeof key);
    memset(message, 0x42, sizeof message);
    for (size_t i = 0; i <= sizeof key; i++) {
        uint8_t macs[BACKENDS][KC_DIGEST_SIZE];
        for (size_t b = 0; b < BACKENDS; b++) {
            size_t size = i % (sizeof message + 1);
            both->port[b].hmac_sha256(both->port[b].context, macs[b],
                                      kc_view(i == 0 ? NULL : key, i),
                                      kc_view(size == 0 ? NULL : message, size));
        }
        assert_memory_equal(macs[0], macs[1], KC_DIGEST_SIZE);
    }
}

/* shows: R-SEC-2 R-SEC-3 */
static void test_seal_and_unseal(void **state)
{
    struct backends *both = *state;
    struct kc_realm realm;
    assert_ok(kc_realm_set(&realm, 7, "JPY"));
    for (size_t i = 0; i < KEY_TYPES * BACKENDS * BACKENDS; i++) {
        struct test_key *key = &both->keys[i / 4][i % 2];
        const struct kc_crypto *from = &both->port[(i / 2) % 2];
        const struct kc_crypto *to = &both->port[1 - (i / 2) % 2];
        uint8_t sealed_bytes[1024], opened_bytes[256];
        struct kc_buffer sealed = KC_BUFFER(sealed_bytes);
        struct kc_buffer opened = KC_BUFFER(opened_bytes);
        struct kc_view plain = kc_view_text("ten pieces of silver");
        assert_ok(kc_seal(&sealed, from, &key->public_key, &realm, "test/1", plain));
        assert_ok(
            kc_unseal(&opened, to, &key->private_key, &realm, "test/1", kc_buffer_view(&sealed)));
        assert_true(kc_view_equal(kc_buffer_view(&opened), plain));
    }
}

static void test_random(void **state)
{
    struct backends *both = *state;
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        static uint8_t bytes[2][70000];
        size_t ones = 0;
        assert_ok(crypto->random(crypto->context, bytes[0], sizeof bytes[0]));
        assert_ok(crypto->random(crypto->context, bytes[1], sizeof bytes[1]));
        assert_memory_not_equal(bytes[0], bytes[1], sizeof bytes[0]);
        assert_memory_not_equal(bytes[0], bytes[0] + 65536, sizeof bytes[0] - 65536);
        for (size_t i = 0; i < sizeof bytes[0] * 8; i++) {
            ones += ((unsigned)bytes[0][i / 8] >> (i % 8)) & 1u;
        }
        /* 560000 fair bits have a standard deviation of 374; this allows eleven of them. */
        assert_in_range(ones, 280000 - 4200, 280000 + 4200);
    }
}

static void test_seed(void **state)
{
    static const uint8_t seed[33] = {1, 2, 3};
    struct kc_bearssl states[3];
    struct kc_crypto ports[3];
    uint8_t bytes[3][32];
    (void)state;
    assert_code(kc_bearssl_open(&ports[0], &states[0], kc_view(seed, 31)), KC_CRYPTO_FAILED);
    assert_ok(kc_bearssl_open(&ports[0], &states[0], kc_view(seed, 32)));
    assert_ok(kc_bearssl_open(&ports[1], &states[1], kc_view(seed, 32)));
    assert_ok(kc_bearssl_open(&ports[2], &states[2], kc_view(seed, 33)));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(ports[i].random(ports[i].context, bytes[i], sizeof bytes[i]));
    }
    assert_memory_equal(bytes[0], bytes[1], sizeof bytes[0]);
    assert_memory_not_equal(bytes[0], bytes[2], sizeof bytes[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_and_verify),
        cmocka_unit_test(test_extreme_digests),
        cmocka_unit_test(test_digest_of_zero),
        cmocka_unit_test(test_randomness_of_signatures),
        cmocka_unit_test(test_agree),
        cmocka_unit_test(test_derive_public),
        cmocka_unit_test(test_generated_keys_are_well_formed),
        cmocka_unit_test(test_wrap_and_unwrap),
        cmocka_unit_test(test_gcm),
        cmocka_unit_test(test_sha256_in_pieces),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_seal_and_unseal),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_seed),
    };
    return cmocka_run_group_tests(tests, open_backends_with_keys, close_backends);
}
