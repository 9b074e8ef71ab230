/* Do both backends give the values that the standards publish? */
#include "backends.h"

struct bytes {
    uint8_t data[256];
    size_t size;
};

static struct bytes hex(const char *text)
{
    struct bytes out = {.size = strlen(text) / 2};
    assert_true(out.size <= sizeof out.data);
    from_hex(out.data, out.size, text);
    return out;
}

static struct kc_view view(const struct bytes *bytes)
{
    return kc_view(bytes->data, bytes->size);
}

/* FIPS 180-4's examples, as published with FIPS 180-2 appendix B.1, B.2, B.3, and the digest of nothing. */
static void test_sha256(void **state)
{
    struct backends *both = *state;
    static uint8_t million[1000000];
    const struct {
        struct kc_view message;
        const char *digest;
    } cases[] = {
        {kc_view_text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {kc_view_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {kc_view(million, sizeof million),
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
        {kc_view(NULL, 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    memset(million, 'a', sizeof million);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] * BACKENDS; i++) {
        uint8_t digest[KC_DIGEST_SIZE];
        struct bytes wanted = hex(cases[i / 2].digest);
        kc_digest(&both->port[i % 2], digest, cases[i / 2].message);
        assert_memory_equal(digest, wanted.data, sizeof digest);
    }
}

static const char *repeat(char *out, const char *digits, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        memcpy(out + 2 * i, digits, 2);
    }
    out[2 * times] = '\0';
    return out;
}

/* RFC 4231 §4.2 to §4.5, §4.7, §4.8. */
static void test_hmac(void **state)
{
    struct backends *both = *state;
    char key1[41], key3[41], key6[263], text3[101], text4[101];
    const struct {
        const char *key;
        struct bytes message;
        const char *mac;
    } cases[] = {
        {repeat(key1, "0b", 20), hex("4869205468657265"),
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", hex("7768617420646f2079612077616e7420666f72206e6f7468696e673f"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {repeat(key3, "aa", 20), hex(repeat(text3, "dd", 50)),
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f10111213141516171819", hex(repeat(text4, "cd", 50)),
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {repeat(key6, "aa", 131),
         hex("54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617"
             "368"
             "204b6579204669727374"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {key6,
         hex("5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d736"
             "97a"
             "65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546"
             "865"
             "206b6579206e6565647320746f20626520686173686564206265666f7265206265696e672075736564206"
             "279"
             "2074686520484d414320616c676f726974686d2e"),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        uint8_t mac[KC_DIGEST_SIZE];
        struct bytes key = hex(cases[i / 2].key);
        struct bytes wanted = hex(cases[i / 2].mac);
        crypto->hmac_sha256(crypto->context, mac, view(&key), view(&cases[i / 2].message));
        assert_memory_equal(mac, wanted.data, sizeof mac);
    }
}

/* RFC 5869 §A.1 and §A.3: the two HMACs that message/seal.c strings together to HKDF, as far as the first 32 bytes of output,
 * which are all that it takes. */
static void test_hkdf(void **state)
{
    struct backends *both = *state;
    const struct {
        const char *salt, *info, *prk, *okm;
    } cases[] = {
        {"000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f901",
         "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"},
        {"0000000000000000000000000000000000000000000000000000000000000000", "01",
         "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"},
    };
    for (size_t i = 0; i < 2 * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        char ikm_text[45];
        uint8_t prk[KC_DIGEST_SIZE], okm[KC_DIGEST_SIZE];
        struct bytes ikm = hex(repeat(ikm_text, "0b", 22));
        struct bytes salt = hex(cases[i / 2].salt), info = hex(cases[i / 2].info);
        struct bytes wanted_prk = hex(cases[i / 2].prk), wanted_okm = hex(cases[i / 2].okm);
        crypto->hmac_sha256(crypto->context, prk, view(&salt), view(&ikm));
        assert_memory_equal(prk, wanted_prk.data, sizeof prk);
        crypto->hmac_sha256(crypto->context, okm, kc_view(prk, sizeof prk), view(&info));
        assert_memory_equal(okm, wanted_okm.data, sizeof okm);
    }
}

#define GCM_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_TEXT                                                                                   \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6" \
    "b525b16aedf5aa0de657ba637b39"
#define GCM_CIPHER                                                                                 \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b105682" \
    "8838c5f61e6393ba7a0abcc9f662"

/* McGrew and Viega, The Galois/Counter Mode of Operation (2005), appendix B, test cases 13 to 16. */
static void test_gcm(void **state)
{
    struct backends *both = *state;
    char zero_key[65], zero_iv[25];
    repeat(zero_key, "00", 32);
    repeat(zero_iv, "00", 12);
    const struct {
        const char *key, *iv, *aad, *plain, *cipher, *tag;
    } cases[] = {
        {zero_key, zero_iv, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {zero_key, zero_iv, "", "00000000000000000000000000000000",
         "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919"},
        {GCM_KEY, "cafebabefacedbaddecaf888", "", GCM_TEXT "1aafd255", GCM_CIPHER "898015ad",
         "b094dac5d93471bdec1a502270e3cc6c"},
        {GCM_KEY, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", GCM_TEXT,
         GCM_CIPHER, "76fc6ece0f4e1768cddf8853bb2d551b"},
    };
    for (size_t i = 0; i < 4 * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        struct bytes key = hex(cases[i / 2].key), iv = hex(cases[i / 2].iv);
        struct bytes aad = hex(cases[i / 2].aad), plain = hex(cases[i / 2].plain);
        struct bytes cipher = hex(cases[i / 2].cipher), wanted = hex(cases[i / 2].tag);
        struct bytes text = plain;
        uint8_t tag[KC_GCM_TAG_SIZE];
        assert_ok(crypto->gcm_seal(crypto->context, tag, text.data, text.size, key.data, iv.data,
                                   view(&aad)));
        assert_memory_equal(text.data, cipher.data, text.size);
        assert_memory_equal(tag, wanted.data, sizeof tag);
        assert_ok(crypto->gcm_open(crypto->context, text.data, text.size, tag, key.data, iv.data,
                                   view(&aad)));
        assert_memory_equal(text.data, plain.data, text.size);
    }
}

/* RFC 6979 §A.2.5, curve P-256 with SHA-256. BearSSL signs deterministically and must give the very values. */
static void test_ecdsa(void **state)
{
    struct backends *both = *state;
    struct kc_private_key key;
    struct kc_public_key wanted_key, derived;
    const struct {
        const char *message, *signature;
    } cases[] = {
        {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                   "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
        {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
                 "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
    };
    p256_private_from(&key, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    p256_public_from(&wanted_key,
                     "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
                     "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    for (size_t i = 0; i < 2 * BACKENDS; i++) {
        const struct kc_crypto *crypto = &both->port[i % 2];
        struct bytes signature = hex(cases[i / 2].signature);
        uint8_t digest[KC_DIGEST_SIZE], made[KC_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        assert_ok(crypto->derive_public(crypto->context, &derived, &key));
        assert_memory_equal(&derived, &wanted_key, sizeof derived);
        kc_digest(crypto, digest, kc_view_text(cases[i / 2].message));
        assert_ok(crypto->verify(crypto->context, &wanted_key, digest, view(&signature)));
        if (i % 2 == BEARSSL) {
            assert_ok(crypto->sign(crypto->context, made, &size, &key, digest));
            assert_int_equal(size, 64);
            assert_memory_equal(made, signature.data, 64);
        }
    }
}

/* RFC 5903 §8.1. */
static void test_ecdh(void **state)
{
    struct backends *both = *state;
    struct kc_private_key i_private, r_private;
    struct kc_public_key i_public, r_public;
    p256_private_from(&i_private,
                      "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
    p256_public_from(&i_public, "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
                     "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3");
    p256_private_from(&r_private,
                      "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53");
    p256_public_from(&r_public, "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63",
                     "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab");
    struct bytes wanted = hex("d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
    for (size_t b = 0; b < BACKENDS; b++) {
        const struct kc_crypto *crypto = &both->port[b];
        uint8_t shared[KC_P256_COORDINATE_SIZE];
        assert_ok(crypto->agree(crypto->context, shared, &i_private, &r_public));
        assert_memory_equal(shared, wanted.data, sizeof shared);
        assert_ok(crypto->agree(crypto->context, shared, &r_private, &i_public));
        assert_memory_equal(shared, wanted.data, sizeof shared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256), cmocka_unit_test(test_hmac),  cmocka_unit_test(test_hkdf),
        cmocka_unit_test(test_gcm),    cmocka_unit_test(test_ecdsa), cmocka_unit_test(test_ecdh),
    };
    return cmocka_run_group_tests(tests, open_backends, close_backends);
}
