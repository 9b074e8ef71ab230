/* Does a seal open for anybody but its recipient, or with a single bit changed on the way? */
#include "parties.h"

#define DOMAIN "kinchaku/1-cash-request"

static uint8_t sealed_bytes[KC_MESSAGE_SIZE_MAX];
static uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];
static const char text[] = "what only the recipient reads";

static struct kc_view seal(size_t suite, struct kc_view plain)
{
    struct kc_buffer out = KC_BUFFER(sealed_bytes);
    assert_ok(
        kc_seal(&out, &crypto, &key_of(suite, "encrypt")->public_key, &keys.realm, DOMAIN, plain));
    return kc_buffer_view(&out);
}

static enum kc_error unseal(struct kc_view sealed, const struct kc_private_key *key,
                            const struct kc_realm *realm, const char *domain,
                            struct kc_view expected)
{
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_result result = kc_unseal(&plain, &crypto, key, realm, domain, sealed);
    if (kc_failed(result)) {
        assert_int_equal(plain.size, 0);
    } else {
        assert_true(kc_view_equal(kc_buffer_view(&plain), expected));
    }
    return result.code;
}

/* shows: R-SEC-2 R-SEC-3 */
static void every_size_opens_for_its_recipient(void **state)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 255, 256, 4096, KC_PLAIN_SIZE_MAX};
    static uint8_t plain[KC_PLAIN_SIZE_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof plain; i++) {
        plain[i] = (uint8_t)(i * 31);
    }
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct kc_view view = kc_view(plain, sizes[i]);
            assert_int_equal(unseal(seal(suite, view), &key_of(suite, "encrypt")->private_key,
                                    &keys.realm, DOMAIN, view),
                             KC_OK);
        }
    }
}

static void the_plain_text_does_not_show(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view sealed = seal(suite, kc_view_text(text));
        for (size_t i = 0; i + 8 <= sealed.size; i++) {
            for (size_t j = 0; j + 8 <= sizeof text; j++) {
                assert_int_not_equal(memcmp(sealed.data + i, text + j, 8), 0);
            }
        }
    }
}

static void two_seals_of_one_text_differ(void **state)
{
    static uint8_t first[KC_MESSAGE_SIZE_MAX];
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view sealed = seal(suite, kc_view_text(text));
        memcpy(first, sealed.data, sealed.size);
        struct kc_view again = seal(suite, kc_view_text(text));
        assert_int_equal(again.size, sealed.size);
        assert_int_not_equal(memcmp(first, again.data, again.size), 0);
    }
}

/* shows: R-SEC-3 */
static void a_content_key_opens_its_seal_and_no_other(void **state)
{
    uint8_t key[KC_GCM_KEY_SIZE];
    static const uint8_t zeros[KC_GCM_KEY_SIZE];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        const struct kc_private_key *own = &key_of(suite, "encrypt")->private_key;
        struct kc_view sealed = seal(suite, kc_view_text(text));
        assert_ok(kc_seal_content_key(key, &crypto, own, sealed));
        assert_ok(kc_unseal_with(&plain, &crypto, key, &keys.realm, DOMAIN, sealed));
        assert_true(kc_view_equal(kc_buffer_view(&plain), kc_view_text(text)));
        key[31] ^= 1;
        assert_int_equal(kc_unseal_with(&plain, &crypto, key, &keys.realm, DOMAIN, sealed).code,
                         KC_CANNOT_UNSEAL);
        assert_int_equal(plain.size, 0);
        key[31] ^= 1;
        assert_int_equal(
            kc_unseal_with(&plain, &crypto, key, &keys.realm, "kinchaku/1-other", sealed).code,
            KC_CANNOT_UNSEAL);
        struct kc_view again = seal(suite, kc_view_text(text));
        assert_int_equal(kc_unseal_with(&plain, &crypto, key, &keys.realm, DOMAIN, again).code,
                         KC_CANNOT_UNSEAL);
        size_t other = (suite + 1) % SUITE_COUNT;
        struct kc_result result =
            kc_seal_content_key(key, &crypto, &key_of(other, "encrypt")->private_key, again);
        assert_true(kc_failed(result));
        assert_memory_equal(key, zeros, sizeof key);
        assert_int_equal(
            kc_seal_content_key(key, &crypto, own, kc_view(again.data, again.size - 1)).code,
            KC_MALFORMED);
    }
}

static void another_recipient_cannot_open(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view sealed = seal(suite, kc_view_text(text));
        for (size_t other = 0; other < SUITE_COUNT; other++) {
            assert_int_equal(
                unseal(sealed, &key_of(other, "other")->private_key, &keys.realm, DOMAIN, sealed),
                KC_CANNOT_UNSEAL);
        }
    }
}

static void another_purpose_or_bank_cannot_open(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view sealed = seal(suite, kc_view_text(text));
        const struct kc_private_key *key = &key_of(suite, "encrypt")->private_key;
        struct kc_realm realm = keys.realm;
        assert_int_equal(unseal(sealed, key, &realm, "kinchaku/2-cash-request", sealed),
                         KC_CANNOT_UNSEAL);
        assert_int_equal(unseal(sealed, key, &realm, "kinchaku/1-cash-answer", sealed),
                         KC_CANNOT_UNSEAL);
        realm.bank += 1;
        assert_int_equal(unseal(sealed, key, &realm, DOMAIN, sealed), KC_CANNOT_UNSEAL);
        assert_ok(kc_realm_set(&realm, keys.realm.bank, "EUR"));
        assert_int_equal(unseal(sealed, key, &realm, DOMAIN, sealed), KC_CANNOT_UNSEAL);
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view sealed = seal(suite, kc_view_text(text));
        const struct kc_private_key *key = &key_of(suite, "encrypt")->private_key;
        for (size_t i = 0; i < sealed.size; i++) {
            for (unsigned bit = 0; bit < 8; bit += suite == 0 ? 1 : 3) {
                sealed_bytes[i] ^= (uint8_t)(1u << bit);
                if (unseal(sealed, key, &keys.realm, DOMAIN, kc_view_text(text)) == KC_OK) {
                    fail_msg("%s opens with bit %u of byte %zu flipped", suites[suite], bit, i);
                }
                sealed_bytes[i] ^= (uint8_t)(1u << bit);
            }
        }
        assert_int_equal(unseal(sealed, key, &keys.realm, DOMAIN, kc_view_text(text)), KC_OK);
    }
}

static void every_cut_and_every_byte_more_is_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view sealed = seal(suite, kc_view_text(text));
        const struct kc_private_key *key = &key_of(suite, "encrypt")->private_key;
        for (size_t cut = 0; cut < sealed.size; cut++) {
            assert_int_equal(unseal(kc_view(sealed.data, cut), key, &keys.realm, DOMAIN, sealed),
                             KC_MALFORMED);
        }
        sealed_bytes[sealed.size] = 0;
        assert_int_equal(
            unseal(kc_view(sealed.data, sealed.size + 1), key, &keys.realm, DOMAIN, sealed),
            KC_TRAILING);
    }
}

static void small_buffers_are_errors(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_view sealed = seal(suite, kc_view_text(text));
        const struct kc_vector_key *key = key_of(suite, "encrypt");
        struct kc_buffer plain = {.data = plain_bytes, .capacity = sizeof text - 2};
        plain_bytes[sizeof text - 2] = 0xee;
        assert_int_equal(
            kc_unseal(&plain, &crypto, &key->private_key, &keys.realm, DOMAIN, sealed).code,
            KC_BUFFER_SMALL);
        assert_int_equal(plain_bytes[sizeof text - 2], 0xee);
        size_t whole = sealed.size;
        for (size_t capacity = 0; capacity < whole; capacity += 13) {
            struct kc_buffer out = {.data = sealed_bytes, .capacity = capacity};
            sealed_bytes[capacity] = 0xee;
            assert_int_equal(
                kc_seal(&out, &crypto, &key->public_key, &keys.realm, DOMAIN, kc_view_text(text))
                    .code,
                KC_BUFFER_SMALL);
            assert_int_equal(out.size, 0);
            assert_int_equal(sealed_bytes[capacity], 0xee);
        }
    }
}

static void a_point_off_the_curve_gets_no_seal(void **state)
{
    struct kc_buffer out = KC_BUFFER(sealed_bytes);
    struct kc_public_key key = key_of(0, "encrypt")->public_key;
    (void)state;
    key.p256.x[0] ^= 1;
    assert_true(kc_failed(kc_seal(&out, &crypto, &key, &keys.realm, DOMAIN, kc_view_text(text))));
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_opens_for_its_recipient),
        cmocka_unit_test(the_plain_text_does_not_show),
        cmocka_unit_test(two_seals_of_one_text_differ),
        cmocka_unit_test(a_content_key_opens_its_seal_and_no_other),
        cmocka_unit_test(another_recipient_cannot_open),
        cmocka_unit_test(another_purpose_or_bank_cannot_open),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_cut_and_every_byte_more_is_refused),
        cmocka_unit_test(small_buffers_are_errors),
        cmocka_unit_test(a_point_off_the_curve_gets_no_seal),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
