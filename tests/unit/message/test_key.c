/* Is there one encoding for a public key, and does a key that is none get in? */
#include "parties.h"

static size_t encode(uint8_t out[KC_COSE_KEY_SIZE_MAX], const struct kc_public_key *key)
{
    struct kc_buffer buffer = {.data = out, .capacity = KC_COSE_KEY_SIZE_MAX};
    assert_ok(kc_key_encode(&buffer, key));
    return buffer.size;
}

/* shows: R-SEC-3 */
static void every_kind_round_trips(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
        uint8_t again[KC_COSE_KEY_SIZE_MAX];
        struct kc_public_key key;
        size_t size = encode(bytes, &key_of(suite, "sign")->public_key);
        assert_ok(kc_key_decode(&key, kc_view(bytes, size)));
        assert_int_equal(key.type, key_of(suite, "sign")->public_key.type);
        assert_int_equal(encode(again, &key), size);
        assert_memory_equal(bytes, again, size);
    }
}

static void every_cut_and_every_byte_more_is_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        uint8_t bytes[KC_COSE_KEY_SIZE_MAX + 1] = {0};
        struct kc_public_key key;
        size_t size = encode(bytes, &key_of(suite, "sign")->public_key);
        for (size_t cut = 0; cut < size; cut++) {
            assert_int_equal(kc_key_decode(&key, kc_view(bytes, cut)).code, KC_MALFORMED);
            assert_int_equal(key.type, KC_KEY_NONE);
        }
        bytes[size] = 0;
        assert_int_equal(kc_key_decode(&key, kc_view(bytes, size + 1)).code, KC_TRAILING);
        assert_int_equal(key.type, KC_KEY_NONE);
    }
}

static void write_p256(struct kc_writer *writer, uint64_t kty, uint64_t crv, size_t x, size_t y)
{
    static const uint8_t fill[64] = {1};
    kc_write_map(writer, 4);
    kc_write_uint(writer, 1);
    kc_write_uint(writer, kty);
    kc_write_negative(writer, 0);
    kc_write_uint(writer, crv);
    kc_write_negative(writer, 1);
    kc_write_bytes(writer, kc_view(fill, x));
    kc_write_negative(writer, 2);
    kc_write_bytes(writer, kc_view(fill, y));
}

static enum kc_error decode(const struct kc_writer *writer)
{
    struct kc_public_key key;
    assert_int_equal(writer->error, KC_OK);
    enum kc_error error = kc_key_decode(&key, kc_writer_view(writer)).code;
    assert_true(error == KC_OK || key.type == KC_KEY_NONE);
    return error;
}

static void other_curves_and_sizes_are_refused(void **state)
{
    static const struct {
        uint64_t kty;
        uint64_t crv;
        size_t x;
        size_t y;
        enum kc_error error;
    } cases[] = {
        {2, 1, 32, 32, KC_OK},        {2, 1, 31, 32, KC_MALFORMED}, {2, 1, 33, 32, KC_MALFORMED},
        {2, 1, 32, 31, KC_MALFORMED}, {2, 1, 32, 33, KC_MALFORMED}, {2, 1, 0, 0, KC_MALFORMED},
        {2, 2, 32, 32, KC_MALFORMED}, {2, 8, 32, 32, KC_MALFORMED}, {1, 1, 32, 32, KC_MALFORMED},
        {3, 1, 32, 32, KC_MALFORMED}, {4, 1, 32, 32, KC_MALFORMED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[256];
        struct kc_writer writer;
        kc_writer_init(&writer, bytes, sizeof bytes);
        write_p256(&writer, cases[i].kty, cases[i].crv, cases[i].x, cases[i].y);
        assert_int_equal(decode(&writer), cases[i].error);
    }
}

static void write_rsa(struct kc_writer *writer, struct kc_view n, struct kc_view e)
{
    kc_write_map(writer, 3);
    kc_write_uint(writer, 1);
    kc_write_uint(writer, 3);
    kc_write_negative(writer, 0);
    kc_write_bytes(writer, n);
    kc_write_negative(writer, 1);
    kc_write_bytes(writer, e);
}

static enum kc_error decode_rsa(size_t size, uint8_t first, uint8_t last, struct kc_view e)
{
    uint8_t n[512];
    uint8_t bytes[600];
    struct kc_writer writer;
    memset(n, 0x55, sizeof n);
    n[0] = first;
    n[size == 0 ? 0 : size - 1] = last;
    kc_writer_init(&writer, bytes, sizeof bytes);
    write_rsa(&writer, kc_view(n, size), e);
    return decode(&writer);
}

static void other_moduli_and_exponents_are_refused(void **state)
{
    static const size_t sizes[] = {0, 1, 128, 255, 257, 383, 385, 512};
    struct kc_view good = kc_view("\x01\x00\x01", 3);
    (void)state;
    assert_int_equal(decode_rsa(256, 0x80, 0x01, good), KC_OK);
    assert_int_equal(decode_rsa(384, 0xff, 0xff, good), KC_OK);
    assert_int_equal(decode_rsa(256, 0x7f, 0x01, good), KC_MALFORMED);
    assert_int_equal(decode_rsa(256, 0x80, 0x02, good), KC_MALFORMED);
    assert_int_equal(decode_rsa(256, 0x80, 0x01, kc_view("\x03", 1)), KC_MALFORMED);
    assert_int_equal(decode_rsa(256, 0x80, 0x01, kc_view("\x00\x01\x00\x01", 4)), KC_MALFORMED);
    assert_int_equal(decode_rsa(256, 0x80, 0x01, kc_view("", 0)), KC_MALFORMED);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(decode_rsa(sizes[i], 0x81, sizes[i] == 1 ? 0x81 : 0x01, good),
                         KC_MALFORMED);
    }
}

static void no_key_has_no_encoding(void **state)
{
    uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_public_key none = {.type = KC_KEY_NONE};
    (void)state;
    assert_int_equal(kc_key_encode(&buffer, &none).code, KC_WRONG_ALGORITHM);
    assert_int_equal(buffer.size, 0);
    buffer.capacity = 20;
    assert_int_equal(kc_key_encode(&buffer, &key_of(0, "sign")->public_key).code, KC_BUFFER_SMALL);
}

static void signer_ids_tell_holders_and_keys_apart(void **state)
{
    struct kc_signer_id a;
    struct kc_signer_id b;
    (void)state;
    kc_signer_id_make(&a, &crypto, 18, &key_of(0, "sign")->public_key);
    kc_signer_id_make(&b, &crypto, 18, &key_of(0, "other")->public_key);
    assert_true(kc_signer_id_holder(&a) == 18 && kc_signer_id_holder(&b) == 18);
    assert_memory_not_equal(&a, &b, sizeof a);
    kc_signer_id_make(&b, &crypto, UINT64_MAX, &key_of(0, "sign")->public_key);
    assert_true(kc_signer_id_holder(&b) == UINT64_MAX);
    assert_memory_equal(a.bytes + 8, b.bytes + 8, KC_SIGNER_ID_SIZE - 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_round_trips),
        cmocka_unit_test(every_cut_and_every_byte_more_is_refused),
        cmocka_unit_test(other_curves_and_sizes_are_refused),
        cmocka_unit_test(other_moduli_and_exponents_are_refused),
        cmocka_unit_test(no_key_has_no_encoding),
        cmocka_unit_test(signer_ids_tell_holders_and_keys_apart),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
