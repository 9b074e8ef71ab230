/* Does a signature verify for anything but the bytes, the purpose, the bank and the key it was made for? */
#include "message/generated/messages.h"
#include "message/identity.h"
#include "parties.h"

#define DOMAIN "kinchaku/1-payment"

static uint8_t signed_bytes[KC_MESSAGE_SIZE_MAX];
static const char payload_text[] = "what is signed";

static struct kc_view payload(void)
{
    return kc_view(payload_text, sizeof payload_text);
}

static struct kc_view make(size_t suite, uint64_t time_ms)
{
    struct kc_buffer out = KC_BUFFER(signed_bytes);
    struct kc_signer signer = signer_of(key_of(suite, "sign"));
    assert_ok(kc_sign(&out, &crypto, &signer, &keys.realm, DOMAIN, time_ms, payload()));
    return kc_buffer_view(&out);
}

static enum kc_error verify(struct kc_view bytes, const struct kc_public_key *key,
                            const struct kc_realm *realm, const char *domain)
{
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    return kc_failed(result) ? result.code
                             : kc_signed_verify(&parsed, &crypto, key, realm, domain).code;
}

/* shows: R-SEC-2 R-SEC-3 R-DATA-9 */
static void every_suite_signs_and_says_who_and_when(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        const struct kc_vector_key *key = key_of(suite, "sign");
        struct kc_signed parsed;
        for (uint64_t time_ms = 0; time_ms <= TIME_MS; time_ms += TIME_MS) {
            struct kc_view bytes = make(suite, time_ms);
            assert_int_equal(verify(bytes, &key->public_key, &keys.realm, DOMAIN), KC_OK);
            assert_ok(kc_signed_parse(&parsed, bytes));
            assert_int_equal(parsed.has_time, time_ms != 0);
            assert_true(parsed.time_ms == time_ms);
            assert_true(kc_signer_id_holder(&parsed.signer) == key->holder);
            assert_true(kc_view_equal(parsed.payload, payload()));
            assert_true(kc_view_equal(parsed.domain, kc_view_text(DOMAIN)));
            assert_int_equal(parsed.alg_family, suite == 0 ? KC_KEY_P256 : KC_KEY_RSA2048);
            assert_int_equal(parsed.signature.size, suite == 0 ? 64 : suite == 1 ? 256 : 384);
        }
    }
}

static void another_purpose_or_version_is_refused(void **state)
{
    static const char *const domains[] = {"kinchaku/2-payment", "kinchaku/1-receipt",
                                          "kinchaku/1-paymen",  "kinchaku/1-payments",
                                          "Kinchaku/1-payment", ""};
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view bytes = make(suite, TIME_MS);
        for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
            assert_int_equal(
                verify(bytes, &key_of(suite, "sign")->public_key, &keys.realm, domains[i]),
                KC_WRONG_DOMAIN);
        }
    }
}

/* The domain word in the header is signed as well: rewriting it does not help. */
static void a_rewritten_domain_is_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view bytes = make(suite, TIME_MS);
        for (size_t i = 0; i + sizeof DOMAIN - 1 <= bytes.size; i++) {
            if (memcmp(signed_bytes + i, DOMAIN, sizeof DOMAIN - 1) == 0) {
                memcpy(signed_bytes + i, "kinchaku/2-payment", sizeof DOMAIN - 1);
            }
        }
        assert_int_equal(
            verify(bytes, &key_of(suite, "sign")->public_key, &keys.realm, "kinchaku/2-payment"),
            KC_BAD_SIGNATURE);
    }
}

static void another_bank_or_currency_is_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view bytes = make(suite, TIME_MS);
        const struct kc_public_key *key = &key_of(suite, "sign")->public_key;
        struct kc_realm realm = keys.realm;
        realm.bank += 1;
        assert_int_equal(verify(bytes, key, &realm, DOMAIN), KC_BAD_SIGNATURE);
        assert_ok(kc_realm_set(&realm, keys.realm.bank, "EUR"));
        assert_int_equal(verify(bytes, key, &realm, DOMAIN), KC_BAD_SIGNATURE);
    }
}

static void another_key_is_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view bytes = make(suite, TIME_MS);
        for (size_t other = 0; other < SUITE_COUNT; other++) {
            enum kc_error error =
                verify(bytes, &key_of(other, "other")->public_key, &keys.realm, DOMAIN);
            bool same_family = (suite == 0) == (other == 0);
            assert_int_equal(error, same_family ? KC_BAD_SIGNATURE : KC_WRONG_ALGORITHM);
        }
        struct kc_public_key none = {.type = KC_KEY_NONE};
        assert_int_equal(verify(bytes, &none, &keys.realm, DOMAIN), KC_WRONG_ALGORITHM);
    }
}

static void a_point_off_the_curve_verifies_nothing(void **state)
{
    struct kc_public_key key = key_of(0, "sign")->public_key;
    struct kc_view bytes = make(0, TIME_MS);
    (void)state;
    key.p256.y[31] ^= 1;
    assert_int_equal(verify(bytes, &key, &keys.realm, DOMAIN), KC_BAD_SIGNATURE);
    memset(&key.p256, 0, sizeof key.p256);
    assert_int_equal(verify(bytes, &key, &keys.realm, DOMAIN), KC_BAD_SIGNATURE);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view bytes = make(suite, TIME_MS);
        const struct kc_public_key *key = &key_of(suite, "sign")->public_key;
        for (size_t bit = 0; bit < 8 * bytes.size; bit++) {
            signed_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (verify(bytes, key, &keys.realm, DOMAIN) == KC_OK) {
                fail_msg("%s verifies with bit %zu flipped", suites[suite], bit);
            }
            signed_bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        assert_int_equal(verify(bytes, key, &keys.realm, DOMAIN), KC_OK);
    }
}

static void every_cut_and_every_byte_more_is_refused(void **state)
{
    struct kc_signed parsed;
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view bytes = make(suite, TIME_MS);
        for (size_t cut = 0; cut < bytes.size; cut++) {
            assert_int_equal(kc_signed_parse(&parsed, kc_view(bytes.data, cut)).code, KC_MALFORMED);
        }
        signed_bytes[bytes.size] = 0;
        assert_int_equal(kc_signed_parse(&parsed, kc_view(bytes.data, bytes.size + 1)).code,
                         KC_TRAILING);
        assert_int_equal(parsed.payload.size, 0);
    }
}

static void a_small_buffer_is_an_error_and_stays_untouched_beyond(void **state)
{
    struct kc_signer signer = signer_of(key_of(0, "sign"));
    size_t whole = make(0, TIME_MS).size;
    (void)state;
    for (size_t capacity = 0; capacity < whole; capacity += 7) {
        struct kc_buffer out = {.data = signed_bytes, .capacity = capacity};
        signed_bytes[capacity] = 0xee;
        assert_int_equal(
            kc_sign(&out, &crypto, &signer, &keys.realm, DOMAIN, TIME_MS, payload()).code,
            KC_BUFFER_SMALL);
        assert_int_equal(out.size, 0);
        assert_int_equal(signed_bytes[capacity], 0xee);
    }
}

/* With s also n - s verifies under ES256 (FIPS 186-5 §6.4), so anybody could make other bytes of one signature. */
static void the_other_half_of_an_ecdsa_signature_is_refused(void **state)
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                      0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    const struct kc_public_key *key = &key_of(0, "sign")->public_key;
    (void)state;
    for (uint64_t i = 1; i <= 16; i++) {
        struct kc_view bytes = make(0, i);
        assert_int_equal(verify(bytes, key, &keys.realm, DOMAIN), KC_OK);
        uint8_t *s = signed_bytes + bytes.size - 32;
        assert_true(s[0] < 0x80);
        for (size_t at = 32, borrow = 0; at > 0; at--) {
            unsigned difference = 256u + order[at - 1] - s[at - 1] - (unsigned)borrow;
            s[at - 1] = (uint8_t)difference;
            borrow = difference < 256 ? 1 : 0;
        }
        assert_true(s[0] >= 0x7f);
        assert_int_equal(verify(bytes, key, &keys.realm, DOMAIN), KC_BAD_SIGNATURE);
    }
}

/* RFC 9052 §3.1: a content type of text is `<type>/<subtype>` of the characters that RFC 6838 §4.2 allows. */
static void every_domain_word_is_a_media_type(void **state)
{
    (void)state;
    for (size_t i = 0; i <= KC_SHAPE_COUNT; i++) {
        const char *word = i < KC_SHAPE_COUNT ? kc_shapes[i]->domain : KC_IDENTITY_DOMAIN;
        if (word == NULL) {
            continue;
        }
        assert_true(strncmp(word, "kinchaku/", 9) == 0 && strlen(word) <= 40);
        assert_int_equal(strspn(word + 9, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                         strlen(word) - 9);
        assert_true(word[9] >= '0' && word[9] <= '9');
    }
}

/* Headers that a signer of ours never writes. */
static void other_headers_are_refused(void **state)
{
    static const struct {
        const char *header;
        size_t size;
        enum kc_error error;
    } cases[] = {
        {"\xa0", 1, KC_MALFORMED},
        {"\xa3\x01\x26\x03\x61\x61\x04\x40", 8, KC_MALFORMED},       /* an empty key id */
        {"\xa3\x01\x27\x03\x61\x61\x04\x40", 8, KC_WRONG_ALGORITHM}, /* EdDSA */
        {"\xa3\x01\x05\x03\x61\x61\x04\x40", 8, KC_WRONG_ALGORITHM}, /* an HMAC */
        {"\xa3\x03\x61\x61\x01\x26\x04\x40", 8, KC_MALFORMED},       /* another order */
        {"\xa3\x01\x26\x03\x00\x04\x40", 7, KC_MALFORMED},           /* a number as content type */
        {"\xa4\x01\x26\x03\x61\x61\x04\x50"
         "0123456789abcdef"
         "\x3a\x00\x01\x00\x00\x00",
         30, KC_MALFORMED}, /* time 0 */
        {"\xa4\x01\x26\x03\x61\x61\x04\x50"
         "0123456789abcdef"
         "\x3a\x00\x01\x00\x00\x1b\x80\x00\x00\x00\x00\x00\x00\x00",
         38, KC_MALFORMED},
        {"\xa4\x01\x26\x03\x61\x61\x04\x50"
         "0123456789abcdef"
         "\x3a\x00\x01\x00\x00\x01\x00",
         31, KC_TRAILING},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[128];
        struct kc_writer writer;
        struct kc_signed parsed;
        kc_writer_init(&writer, bytes, sizeof bytes);
        kc_write_array(&writer, 4);
        kc_write_bytes(&writer, kc_view(cases[i].header, cases[i].size));
        kc_write_map(&writer, 0);
        kc_write_bytes(&writer, payload());
        kc_write_bytes(&writer, kc_view(cases[i].header, 1));
        assert_int_equal(kc_signed_parse(&parsed, kc_writer_view(&writer)).code, cases[i].error);
    }
}

static void an_unprotected_header_is_refused(void **state)
{
    struct kc_view bytes = make(0, TIME_MS);
    struct kc_signed parsed;
    struct kc_writer writer;
    uint8_t out[512];
    (void)state;
    assert_ok(kc_signed_parse(&parsed, bytes));
    kc_writer_init(&writer, out, sizeof out);
    kc_write_array(&writer, 4);
    kc_write_bytes(&writer, parsed.protected_header);
    kc_write_map(&writer, 1);
    kc_write_uint(&writer, 4);
    kc_write_bytes(&writer, kc_view("x", 1));
    kc_write_bytes(&writer, parsed.payload);
    kc_write_bytes(&writer, parsed.signature);
    assert_int_equal(kc_signed_parse(&parsed, kc_writer_view(&writer)).code, KC_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_signs_and_says_who_and_when),
        cmocka_unit_test(another_purpose_or_version_is_refused),
        cmocka_unit_test(a_rewritten_domain_is_refused),
        cmocka_unit_test(another_bank_or_currency_is_refused),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(a_point_off_the_curve_verifies_nothing),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_cut_and_every_byte_more_is_refused),
        cmocka_unit_test(a_small_buffer_is_an_error_and_stays_untouched_beyond),
        cmocka_unit_test(the_other_half_of_an_ecdsa_signature_is_refused),
        cmocka_unit_test(every_domain_word_is_a_media_type),
        cmocka_unit_test(other_headers_are_refused),
        cmocka_unit_test(an_unprotected_header_is_refused),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
