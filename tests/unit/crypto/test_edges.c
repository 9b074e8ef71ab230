/* Do both backends hold where other implementations have failed?
 *
 * Values and classes of cases from Project Wycheproof (github.com/C2SP/wycheproof, Apache-2.0, testvectors_v1); the number
 * of a case is its tcId in the file that is named. Paddings that must be refused are built here, by raw RSA with the key of
 * those files, so that they are refused for their padding alone. */
#include "backends.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "crypto/libcrypto_keys.h"

#define MODULUS 256
#define HALF (MODULUS / 2)

/* ecdsa_secp256r1_sha256_p1363_test.json; every message is "123400". */
static const struct {
    const char *x, *y, *signature;
    enum kc_error wanted;
} ecdsa_cases[] = {
    /* 1: s and n - s are both signatures. */
    {"2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838",
     "c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e",
     "2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18"
     "4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76",
     KC_OK},
    /* 4: n - r. */
    {"2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838",
     "c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e",
     "d45c5740946b2a147f59262ee6f5bc90bd01ed280528b62b3aed5fc93f06f739"
     "b329f479a2bbd0a5c384ee1493b1f5186a87139cac5df4087c134b49156847db",
     KC_BAD_SIGNATURE},
    /* 126, 128, 130, 132, 134: small r and s. */
    {"cbe0c29132cd738364fedd603152990c048e5e2fff996d883fa6caca7978c737",
     "70af6a8ce44cb41224b2603606f4c04d188e80bff7cc31ad5189d4ab0d70e8c1",
     "0000000000000000000000000000000000000000000000000000000000000005"
     "0000000000000000000000000000000000000000000000000000000000000006",
     KC_OK},
    {"2ef747671c97d9c7f9cb2f6a30d678c3d84757ba241ef7183d51a29f52d87c2e",
     "a8fb2ea635b761baefc1c4ded2099281b844e13e044c328553bbbafa337d8a76",
     "0000000000000000000000000000000000000000000000000000000000000006"
     "0000000000000000000000000000000000000000000000000000000000000001",
     KC_OK},
    {"931cc49cda4d87d25b1601c56c3b83b4f45e44971998f2d3e7d3c55152214edf",
     "058dc140abbba42fc1ddbf30dab8eb9b46ee7338b3f7ee96242bf45e1df5e995",
     "0000000000000000000000000000000000000000000000000000000000000006"
     "0000000000000000000000000000000000000000000000000000000000000003",
     KC_OK},
    {"899a4af61867e3f3c190dbb48f8bc9fc74b70a467a4a1f06477b3af2f39ab8ed",
     "47ac000f9ea8a3034939bf48ad5d061a69fc8495ae4df2dbec7effa03a0062b3",
     "0000000000000000000000000000000000000000000000000000000000000006"
     "0000000000000000000000000000000000000000000000000000000000000006",
     KC_OK},
    {"d03eb09913cc20c6a8d0070f0d8d2a7f63527fafa44117fce6bd1ef2aa4ae3c4",
     "6d5df3f45ac58fa334c6d102381b3120b7a2455600dcaff3d1a845514f12bf46",
     "0000000000000000000000000000000000000000000000000000000000000006"
     "0000000000000000000000000000000000000000000000000000000000000007",
     KC_OK},
    /* 136, 137: the same with r + n; s larger than n. */
    {"d03eb09913cc20c6a8d0070f0d8d2a7f63527fafa44117fce6bd1ef2aa4ae3c4",
     "6d5df3f45ac58fa334c6d102381b3120b7a2455600dcaff3d1a845514f12bf46",
     "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632557"
     "0000000000000000000000000000000000000000000000000000000000000007",
     KC_BAD_SIGNATURE},
    {"3a72476291571193b4d109b2c37b59f2807e8fe9cffd804eacded903e77ca0da",
     "592dbc74fee0ca7508cc7bc282b0c51a143286ff53c60131668e7a0929e4ed04",
     "0000000000000000000000000000000000000000000000000000000000000006"
     "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc75fbd8",
     KC_BAD_SIGNATURE},
    /* 138: small r and inverse of s. */
    {"d0f73792203716afd4be4329faa48d269f15313ebbba379d7783c97bf3e890d9",
     "971f4a3206605bec21782bf5e275c714417e8f566549e6bc68690d2363c89cc1",
     "0000000000000000000000000000000000000000000000000000000000000100"
     "8f1e3c7862c58b16bb76eddbb76eddbb516af4f63f2d74d76e0d28c9bb75ea88",
     KC_OK},
};

static void test_ecdsa_edges(void **state)
{
    struct backends *both = *state;
    for (size_t i = 0; i < sizeof ecdsa_cases / sizeof ecdsa_cases[0] * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        struct kc_public_key key;
        uint8_t digest[KC_DIGEST_SIZE], signature[64];
        p256_public_from(&key, ecdsa_cases[i / 2].x, ecdsa_cases[i / 2].y);
        from_hex(signature, sizeof signature, ecdsa_cases[i / 2].signature);
        kc_digest(crypto, digest, kc_view_text("123400"));
        assert_code(crypto->verify(crypto->context, &key, digest, kc_view(signature, 64)),
                    ecdsa_cases[i / 2].wanted);
    }
}

/* The same file, 11 to 66: every pair of r and s from 0, 1, n - 1, n, n + 1, p, p + 1, none of which is a signature. */
static void test_ecdsa_special_values(void **state)
{
    struct backends *both = *state;
    static const char *const values[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000001",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
        "ffffffff00000001000000000000000000000001000000000000000000000000"};
    struct kc_public_key key;
    p256_public_from(&key, "2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838",
                     "c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e");
    for (size_t i = 0; i < 7 * 7 * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        uint8_t digest[KC_DIGEST_SIZE], signature[64];
        from_hex(signature, 32, values[i / 2 % 7]);
        from_hex(signature + 32, 32, values[i / 14]);
        kc_digest(crypto, digest, kc_view_text("123400"));
        assert_code(crypto->verify(crypto->context, &key, digest, kc_view(signature, 64)),
                    KC_BAD_SIGNATURE);
    }
}

/* ecdh_secp256r1_ecpoint_test.json: 1, then shared secrets with special bit patterns: 3 to 8, 15, 21. */
static void test_ecdh_edges(void **state)
{
    struct backends *both = *state;
    static const char first_key[] =
        "0612465c89a023ab17855b0a6bcebfd3febb53aef84138647b5352e02c10c346";
    static const char other_key[] =
        "0a0d622a47e48f6bc1038ace438c6f528aa00ad2bd1da5f13ee46bf5f633d71a";
    static const struct {
        const char *x, *y, *shared;
    } cases[] = {
        {"62d5bd3372af75fe85a040715d0f502428e07046868b0bfdfa61d731afe44f26",
         "ac333a93a9e70a81cd5a95b5bf8d13990eb741c8c38872b4a07d275a014e30cf",
         "53020d908b0219328b658b525f26780e3ae12bcd952bb25a93bc0895e1714285"},
        {"58fd4168a87795603e2b04390285bdca6e57de6027fe211dd9d25e2212d29e62",
         "080d36bd224d7405509295eed02a17150e03b314f96da37445b0d1d29377d12c",
         "0000000000000000000000000000000000000000000000000000000000000000"},
        {"a1ecc24bf0d0053d23f5fd80ddf1735a1925039dc1176c581a7e795163c8b9ba",
         "2cb5a4e4d5109f4527575e3137b83d79a9bcb3faeff90d2aca2bed71bb523e7e",
         "ffffffff00000001000000000000000000000000fffffffffffffffffffffffc"},
        {"1b0e7437c33d379929430d3ec10df59bed7fe2a1d950c5791e1e9ddeef1f4d70",
         "fbdb0e3bbce63a27f27838c685207f2ccaf689d25eb622744db1168ac92619e8",
         "0000000000000000000000000000000000000000000000000000000000010000"},
        {"08d6148d0244d243b3d0d1777de6375fa7ebeab477f19915d05994db04df2197",
         "27737d4f8ce0a7f390becce92b2bcd5c054f18ecb58e5dd59baf88b4ed6abea8",
         "0000000000000000000000000000000000000000000000000000000100000000"},
        {"2424f9d7ba0a89ce3c7c1e8f15dfd83004d86680967a82cbf9bb6b11dae5fd72",
         "e05c3687187b1cf28438a17a7469fa3b094b7d6f36cccc3492c0b0a61fab2a38",
         "0000000000000000000000000000000000000000000000010000000000000000"},
        {"4c9695b7668434fc85769acb10f0edcf87a96b7d5dc347b46bb304b0b1d3267f",
         "cf5d993bff2a8c774808231a34f41b33667d8ebeafd00689fa3a9bfa05a40c1c",
         "0000000000000000000000000000000000000001000000000000000000000000"},
        {"e25ead8342888d1fbd2bd211e9db5bc761da9cfa1e805078b53606df9e544440",
         "3d3421fa70f940dba104d842034d2efec9332161ccfb654a8e9f2ec42fc1a837",
         "5555555555555555555555555555555555555555555555555555555555555554"},
        {"924fb33985c8a687fc04c9dd05e531ca0e0223aa58d58351e922ef482043d30c",
         "f504745e769b6dcbefe404da37f717b3109d2af23450fcfe2f075c2dabbe7194",
         "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00f9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        struct kc_private_key key;
        struct kc_public_key peer;
        uint8_t wanted[KC_P256_COORDINATE_SIZE], shared[KC_P256_COORDINATE_SIZE];
        p256_private_from(&key, i < 2 ? first_key : other_key);
        p256_public_from(&peer, cases[i / 2].x, cases[i / 2].y);
        from_hex(wanted, sizeof wanted, cases[i / 2].shared);
        assert_ok(crypto->agree(crypto->context, shared, &key, &peer));
        assert_memory_equal(shared, wanted, sizeof shared);
    }
}

/* The key of rsa_oaep_2048_sha256_mgf1sha256_test.json and rsa_pss_2048_sha256_mgf1_32_test.json. */
static void wycheproof_key(struct kc_private_key *key, struct kc_public_key *public_key,
                           const struct kc_crypto *crypto)
{
    memset(key, 0, sizeof *key);
    key->type = KC_KEY_RSA2048;
    from_hex(key->rsa.p, HALF,
             "dc431050f782e894fb5248247d98cb7d58b8d1e24f3b55d041c56e4de086b0d5"
             "bb028bda42eeb5d234d5681e5809d415e6a289ad4cfbf78f978f6c35814f50ee"
             "bff1c5b80a69f788e81e6bab5ddaa78369d659d143ec6f17e79813a575cfad9c"
             "569156b90113e2e9110ad9e7b48a1c9348a6e653321191290ea36cfb3a5b18f1");
    from_hex(key->rsa.q, HALF,
             "bd1a81e7977f9898122273ae3222b598ea5fb19eb4eabc38308a5e32196603b2"
             "e500ffb79f5b886816611debc472fac45544070beb057c941378a6868af3b7a0"
             "3d3f9880ec47d5e089b94fbde542aba9ae8d72c57088d7abf5b131f39098f7bc"
             "160f90536abc9492fd4e06f3ed7299d4b97bb03677207d95669f140cfbc20f25");
    from_hex(key->rsa.dp, HALF,
             "a94b528b28f291599121d91952ffd1c7f21d7c1479d99d478885fb161870ee12"
             "18bf08472612dbe5497e8d9c650688e09c786961ae3e2c354dc48ae34514759c"
             "4c23c4588488961dc06b414e61c0e1e7fbbd2923d31532fe289f96da220711e5"
             "8c14019808e00414276933bb07e4efb9b4a9b37656917205209f33f09515d7c1");
    from_hex(key->rsa.dq, HALF,
             "3af0e72a933aef09ff2503df78bafed531c02ff1a2bc437c540cdcbd4ad35435"
             "cf511763596543480629b114ca7f780ff7efa32ea0cb6e000d6d9ea1f2ef71fd"
             "9cf9948422a165557e37e755edfe70d90b920502eb478bc98a63f788ce3a0f85"
             "6d6ede7251a383bfa8fa480a81a925af7b3cc538c4bab8c9f7597ffb68011d8d");
    from_hex(key->rsa.iq, HALF,
             "2640fbfbcfefb163ee7a87b6483a66ee41f956d90fa8a7939bfc042ee0924b1b"
             "7993d0445f758d51933e85179c0320b0c968b48a91c38b5be923e1097c0c562f"
             "88d42294b6a2759bafa5428a74f1270874e45f6fcc60f21602de5eccd143cf31"
             "241f5921b5ad3983fb54ef17be3b285367e50c999c67247b552fe4bfce945f7b");
    assert_ok(crypto->derive_public(crypto->context, public_key, key));
}

/* x^d or x^e modulo n, without padding. */
static void raw_rsa(uint8_t out[MODULUS], const uint8_t in[MODULUS],
                    const struct kc_private_key *key, bool secret)
{
    size_t size = MODULUS;
    EVP_PKEY *made = kc_pkey_from_private(key);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(made, NULL);
    assert_non_null(context);
    if (secret) {
        assert_int_equal(EVP_PKEY_decrypt_init(context), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
        assert_int_equal(EVP_PKEY_decrypt(context, out, &size, in, MODULUS), 1);
    } else {
        assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
        assert_int_equal(EVP_PKEY_encrypt(context, out, &size, in, MODULUS), 1);
    }
    assert_int_equal(size, MODULUS);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(made);
}

/* MGF1 with SHA-256 (RFC 8017 §B.2.1), added to `text`. */
static void mask(uint8_t *text, size_t size, const uint8_t *seed, size_t seed_size,
                 const struct kc_crypto *crypto)
{
    uint8_t block[KC_DIGEST_SIZE], counter[4];
    for (size_t i = 0; i < size; i++) {
        if (i % KC_DIGEST_SIZE == 0) {
            struct kc_sha256 hash;
            kc_be32_store(counter, (uint32_t)(i / KC_DIGEST_SIZE));
            crypto->sha256_start(crypto->context, &hash);
            crypto->sha256_add(crypto->context, &hash, kc_view(seed, seed_size));
            crypto->sha256_add(crypto->context, &hash, kc_view(counter, sizeof counter));
            crypto->sha256_end(crypto->context, &hash, block);
        }
        text[i] ^= block[i % KC_DIGEST_SIZE];
    }
}

/* One change to a padding before it is masked: size bytes at a place become a value. Size 0 changes nothing. */
struct change {
    const char *what;
    size_t at;
    size_t size;
    uint8_t value;
    bool valid;
};

/* Y || seed || lHash || zeros || 01 || message of 32 bytes (RFC 8017 §7.1.1), with one change. */
static void oaep_encode(uint8_t encoded[MODULUS], const struct change *change,
                        const struct kc_crypto *crypto)
{
    uint8_t *seed = encoded + 1, *block = encoded + 33;
    memset(encoded, 0, MODULUS);
    memset(seed, 0x3c, 32);
    kc_digest(crypto, block, kc_view(NULL, 0));
    encoded[MODULUS - 33] = 0x01;
    memset(encoded + MODULUS - 32, 0x99, 32);
    memset(encoded + change->at, change->value, change->size);
    mask(block, MODULUS - 33, seed, 32, crypto);
    mask(seed, 32, block, MODULUS - 33, crypto);
}

/* The classes of InvalidOaepPadding and Constructed: one byte of lHash, all of it, of the zeros; another end of the zeros, no
 * end at all; a first byte other than 0. The masks make the first byte of a number below n in every case. */
static void test_oaep_paddings(void **state)
{
    struct backends *both = *state;
    static const struct change changes[] = {
        {"none", 0, 0, 0, true},
        {"first byte of lHash", 33, 1, 0x00, false},
        {"last byte of lHash", 64, 1, 0x00, false},
        {"lHash all 0", 33, 32, 0x00, false},
        {"lHash all 1", 33, 32, 0xff, false},
        {"first byte of the zeros", 65, 1, 0x02, false},
        {"last byte of the zeros", MODULUS - 34, 1, 0x02, false},
        {"zeros end with 2", MODULUS - 33, 1, 0x02, false},
        {"zeros end with ff", MODULUS - 33, 1, 0xff, false},
        {"zeros all ff", 65, MODULUS - 33 - 65, 0xff, false},
        {"zeros to the end", 65, MODULUS - 65, 0x00, false},
        {"end of zeros is early", 100, 1, 0x01, true},
        {"first byte is 1", 0, 1, 0x01, false},
        {"first byte is 80", 0, 1, 0x80, false},
        {"seed all 0", 1, 32, 0x00, true},
        {"seed all 1", 1, 32, 0xff, true},
        {"message all 0", MODULUS - 32, 32, 0x00, true},
        {"message all 1", MODULUS - 32, 32, 0xff, true},
    };
    struct kc_private_key key;
    struct kc_public_key public_key;
    wycheproof_key(&key, &public_key, &both->port[LIBCRYPTO]);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0] * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        const struct change *change = &changes[i / 2];
        uint8_t encoded[MODULUS], wrapped[MODULUS], opened[MODULUS];
        size_t size = 0;
        oaep_encode(encoded, change, crypto);
        raw_rsa(wrapped, encoded, &key, false);
        struct kc_result result = crypto->unwrap(crypto->context, opened, &size, sizeof opened,
                                                 &key, kc_view(wrapped, MODULUS));
        if (result.code != (change->valid ? KC_OK : KC_CANNOT_UNSEAL)) {
            fail_msg("%s: %s", change->what, kc_error_name(result.code));
        }
        assert_int_equal(size, !change->valid ? 0 : change->at == 100 ? MODULUS - 101 : 32);
    }
}

/* rsa_oaep_2048_sha256_mgf1sha256_test.json, 6 and 7. */
static void test_oaep_values(void **state)
{
    struct backends *both = *state;
    static const char *const wrapped_texts[] = {
        "7ae8e4f5494393be144d81517f11baf4b634bb68b2f0ea9b30731035e8cbf4283c0ca99120f60b75ef685e989f"
        "ecd7a5dc524cb66292a0ab87ebc61e67baca1a8aed99350edee045dfdd029406acb707d85dec9555169cf7ec51"
        "18d8f29d182f205e2859a8dcc5122bed640ad0ef128deb21785efaa20f92067dc216cf40c15bd7130e2c094131"
        "917950a816da814c5990fa6beed709a0218f4ddca2473796e1b44cff6d7ed601c574a784d0865d3afe5fec023e"
        "be71bca881da5637e3d1d17238c20a5bd0075bac018f07898f74b9e6dc0fa3d5f8d0b274dfef3e6720d8396b34"
        "a81ac2e64da5b3e5d7666323ed7c56e8bdd179f3c6b2cf05bcac402513dd87",
        "096958786ee7972050d67a9e4b69d6c6af7db7cc674386df725770dd29129b826e39552330104c8d71e6cc3a30"
        "14dd2f61b54153af51b0438d447ee939f9e3c13bb8b00a37dea6a068f6c9d27e848b1be7a1eeeb3ee50b78036f"
        "ba95ae46948ca5b13f356ea24db10f60dc09e4b8bad8f766b668ef72524432080a0ce00ed676d6d5e354984b10"
        "78520412525848156d06f0652469f95791baa3d9a798ae537094f76f976faecd5c9ce0c930a75910c63dacf634"
        "85cb4b5e7bdbcf4d80e74037eaa1a8fe4b52930bec6be99cf6ac88cf5878dbf6859d456a95dbc34654eec425de"
        "84ca2a535d517403a9aada827e7d0093ecfc97ed056a7652825e9a45cb2dcb"};
    struct kc_private_key key;
    struct kc_public_key public_key;
    wycheproof_key(&key, &public_key, &both->port[BEARSSL]);
    for (size_t i = 0; i < 2 * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        uint8_t wrapped[MODULUS], opened[32], wanted[32] = {'a'};
        size_t size = 0;
        from_hex(wrapped, MODULUS, wrapped_texts[i / 2]);
        for (size_t k = 0; i / 2 == 1 && k < 32; k++) {
            wanted[k] = (uint8_t)(0xe0 + k);
        }
        assert_ok(crypto->unwrap(crypto->context, opened, &size, sizeof opened, &key,
                                 kc_view(wrapped, MODULUS)));
        assert_int_equal(size, i / 2 == 0 ? 1 : 32);
        assert_memory_equal(opened, wanted, size);
    }
}

/* zeros || 01 || salt || H || bc (RFC 8017 §9.1.1) with a salt of any size and one change before H is the mask. A change from the
 * place of H on is made after the mask. */
static void pss_encode(uint8_t encoded[MODULUS], const uint8_t digest[KC_DIGEST_SIZE],
                       size_t salt_size, const struct change *change,
                       const struct kc_crypto *crypto)
{
    static const uint8_t zeros[8];
    const size_t block = MODULUS - 33;
    struct kc_sha256 hash;
    memset(encoded, 0, MODULUS);
    encoded[block - salt_size - 1] = 0x01;
    memset(encoded + block - salt_size, 0x6b, salt_size);
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(zeros, sizeof zeros));
    crypto->sha256_add(crypto->context, &hash, kc_view(digest, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, kc_view(encoded + block - salt_size, salt_size));
    crypto->sha256_end(crypto->context, &hash, encoded + block);
    encoded[MODULUS - 1] = 0xbc;
    if (change->at < block) {
        memset(encoded + change->at, change->value, change->size);
    }
    mask(encoded, block, encoded + block, 32, crypto);
    encoded[0] &= 0x7f;
    if (change->at >= block) {
        memset(encoded + change->at, change->value, change->size);
    }
}

static void expect_pss(struct backends *both, const struct kc_private_key *key,
                       const struct kc_public_key *public_key, size_t salt_size,
                       const struct change *change)
{
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        uint8_t digest[KC_DIGEST_SIZE] = {0x21}, encoded[MODULUS], signature[MODULUS];
        pss_encode(encoded, digest, salt_size, change, crypto);
        raw_rsa(signature, encoded, key, true);
        struct kc_result result =
            crypto->verify(crypto->context, public_key, digest, kc_view(signature, MODULUS));
        if (result.code != (change->valid ? KC_OK : KC_BAD_SIGNATURE)) {
            fail_msg("%s, salt of %zu: %s", change->what, salt_size, kc_error_name(result.code));
        }
    }
}

/* The classes of rsa_pss_2048_sha256_mgf1_32_test.json: other sizes of the salt, a changed hash, zeros, end of zeros, last
 * byte. */
static void test_pss_paddings(void **state)
{
    struct backends *both = *state;
    static const struct change changes[] = {
        {"none", 0, 0, 0, true},
        {"first byte of the zeros, in the masked bit", 0, 1, 0x80, true},
        {"first byte of the zeros", 0, 1, 0x01, false},
        {"second byte of the zeros", 1, 1, 0x01, false},
        {"last byte of the zeros", MODULUS - 33 - 34, 1, 0x01, false},
        {"zeros end with 0", MODULUS - 33 - 33, 1, 0x00, false},
        {"zeros end with 2", MODULUS - 33 - 33, 1, 0x02, false},
        {"zeros end with 81", MODULUS - 33 - 33, 1, 0x81, false},
        {"first byte of the salt", MODULUS - 33 - 32, 1, 0x00, false},
        {"last byte of the salt", MODULUS - 34, 1, 0x00, false},
        {"all of the hash 0", MODULUS - 33, 32, 0x00, false},
        {"all of the hash 1", MODULUS - 33, 32, 0xff, false},
        {"last byte is cc", MODULUS - 1, 1, 0xcc, false},
        {"last byte is 0", MODULUS - 1, 1, 0x00, false},
    };
    static const size_t salts[] = {0, 20, 31, 33, MODULUS - 34};
    static const struct change other_salt = {"other salt", 0, 0, 0, false};
    struct kc_private_key key;
    struct kc_public_key public_key;
    wycheproof_key(&key, &public_key, &both->port[LIBCRYPTO]);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        expect_pss(both, &key, &public_key, 32, &changes[i]);
    }
    for (size_t i = 0; i < sizeof salts / sizeof salts[0]; i++) {
        expect_pss(both, &key, &public_key, salts[i], &other_salt);
    }
}

/* The top bit of an encoded message must be clear. A digest is searched whose message with that bit is still below n, which
 * begins with a2. */
static void test_pss_top_bit(void **state)
{
    struct backends *both = *state;
    static const struct change none = {"none", 0, 0, 0, true};
    struct kc_private_key key;
    struct kc_public_key public_key;
    uint8_t digest[KC_DIGEST_SIZE] = {0}, encoded[MODULUS] = {0xff}, signature[MODULUS];
    wycheproof_key(&key, &public_key, &both->port[LIBCRYPTO]);
    for (unsigned i = 0; i < 200 && encoded[0] >= 0x22; i++) {
        digest[0] = (uint8_t)i;
        pss_encode(encoded, digest, 32, &none, &both->port[LIBCRYPTO]);
    }
    assert_true(encoded[0] < 0x22);
    for (size_t i = 0; i < 2 * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        encoded[0] |= i / 2 == 1 ? 0x80 : 0x00;
        raw_rsa(signature, encoded, &key, true);
        assert_code(
            crypto->verify(crypto->context, &public_key, digest, kc_view(signature, MODULUS)),
            i / 2 == 1 ? KC_BAD_SIGNATURE : KC_OK);
    }
}

/* A PKCS #1 v1.5 signature of the same digest by the same key is none (class WrongPrimitive). */
static void test_pss_is_not_pkcs1(void **state)
{
    struct backends *both = *state;
    static const uint8_t info[] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                   0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    struct kc_private_key key;
    struct kc_public_key public_key;
    uint8_t digest[KC_DIGEST_SIZE] = {0x21}, encoded[MODULUS], signature[MODULUS];
    wycheproof_key(&key, &public_key, &both->port[LIBCRYPTO]);
    memset(encoded, 0xff, MODULUS);
    encoded[0] = 0x00;
    encoded[1] = 0x01;
    encoded[MODULUS - 32 - sizeof info - 1] = 0x00;
    memcpy(encoded + MODULUS - 32 - sizeof info, info, sizeof info);
    memcpy(encoded + MODULUS - 32, digest, 32);
    raw_rsa(signature, encoded, &key, true);
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        assert_code(
            crypto->verify(crypto->context, &public_key, digest, kc_view(signature, MODULUS)),
            KC_BAD_SIGNATURE);
    }
}

/* rsa_pss_2048_sha256_mgf1_32_test.json, 4: the message is "123400". */
static void test_pss_value(void **state)
{
    struct backends *both = *state;
    struct kc_private_key key;
    struct kc_public_key public_key;
    uint8_t digest[KC_DIGEST_SIZE], signature[MODULUS];
    from_hex(
        signature, MODULUS,
        "68caf07e71ee654ffabf07d342fc4059deb4f7e5970746c423b1e8f668d5332275cc35eb61270aebd27855b1e8"
        "0d59def47fe8882867fd33c2308c91976baa0b1df952caa78db4828ab81e79949bf145cbdfd1c4987ed036f81e"
        "8442081016f20fa4b587574884ca6f6045959ce3501ae7c02b1902ec1d241ef28dee356c0d30d28a950f1fbc68"
        "3ee7d9aad26b048c13426fe3975d5638afeb5b9c1a99d162d3a5810e8b074d7a2eae2be52b577151f76e1f734b"
        "0a956ef4f22be64dc20a81ad1316e4f79dff5fc41fc08a20bc612283a88415d41595bfea66d59de7ac12e230f7"
        "2244ad9905aef0ead3fa41ed70bf4218863d5f041292f2d14ce0a7271c6d36");
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        wycheproof_key(&key, &public_key, crypto);
        kc_digest(crypto, digest, kc_view_text("123400"));
        assert_ok(
            crypto->verify(crypto->context, &public_key, digest, kc_view(signature, MODULUS)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecdsa_edges), cmocka_unit_test(test_ecdsa_special_values),
        cmocka_unit_test(test_ecdh_edges),  cmocka_unit_test(test_oaep_paddings),
        cmocka_unit_test(test_oaep_values), cmocka_unit_test(test_pss_paddings),
        cmocka_unit_test(test_pss_top_bit), cmocka_unit_test(test_pss_is_not_pkcs1),
        cmocka_unit_test(test_pss_value),
    };
    return cmocka_run_group_tests(tests, open_backends, close_backends);
}
