/* Do buffers keep to their memory, are secrets wiped and compared whole, and do integers and hexadecimal round-trip? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

static void appending_stops_at_the_capacity(void **state)
{
    uint8_t memory[9];
    struct kc_buffer buffer = {.data = memory, .capacity = 8, .size = 0};
    (void)state;
    memset(memory, 0xee, sizeof memory);
    assert_int_equal(kc_buffer_append(&buffer, kc_view("abcde", 5)).code, KC_OK);
    assert_int_equal(kc_buffer_append(&buffer, kc_view("fghi", 4)).code, KC_BUFFER_SMALL);
    assert_int_equal(buffer.size, 5);
    assert_int_equal(memory[5], 0xee);
    assert_int_equal(kc_buffer_append(&buffer, kc_view("fgh", 3)).code, KC_OK);
    assert_int_equal(kc_buffer_append(&buffer, kc_view(NULL, 0)).code, KC_OK);
    assert_int_equal(kc_buffer_append(&buffer, kc_view("i", 1)).code, KC_BUFFER_SMALL);
    assert_int_equal(kc_buffer_append(&buffer, kc_view("i", SIZE_MAX)).code, KC_BUFFER_SMALL);
    assert_memory_equal(memory, "abcdefgh\xee", 9);
    assert_true(kc_view_equal(kc_buffer_view(&buffer), kc_view_text("abcdefgh")));
}

static void views_are_equal_by_content(void **state)
{
    (void)state;
    assert_true(kc_view_equal(kc_view(NULL, 0), kc_view("", 0)));
    assert_true(kc_view_equal(kc_view("ab", 2), kc_view_text("ab")));
    assert_false(kc_view_equal(kc_view("ab", 2), kc_view("ab", 1)));
    assert_false(kc_view_equal(kc_view("ab", 2), kc_view("ac", 2)));
}

static void secrets_differ_at_any_bit(void **state)
{
    uint8_t a[33];
    uint8_t b[33];
    (void)state;
    memset(a, 0x5a, sizeof a);
    memset(b, 0x5a, sizeof b);
    assert_true(kc_equal_secret(a, b, sizeof a));
    assert_true(kc_equal_secret(a, b, 0));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(kc_equal_secret(a, b, sizeof a));
        b[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void wiping_clears_just_that(void **state)
{
    uint8_t memory[16];
    (void)state;
    for (size_t size = 0; size <= 14; size++) {
        memset(memory, 0xab, sizeof memory);
        kc_wipe(memory + 1, size);
        assert_int_equal(memory[0], 0xab);
        for (size_t i = 0; i < 15; i++) {
            assert_int_equal(memory[1 + i], i < size ? 0 : 0xab);
        }
    }
}

static void integers_are_big_endian(void **state)
{
    uint8_t four[4];
    uint8_t eight[8];
    (void)state;
    kc_be32_store(four, UINT32_C(0x01a2b3f4));
    assert_memory_equal(four, "\x01\xa2\xb3\xf4", 4);
    assert_true(kc_be32_load(four) == UINT32_C(0x01a2b3f4));
    kc_be64_store(eight, UINT64_C(0xf1e2d3c4b5a69788));
    assert_memory_equal(eight, "\xf1\xe2\xd3\xc4\xb5\xa6\x97\x88", 8);
    assert_true(kc_be64_load(eight) == UINT64_C(0xf1e2d3c4b5a69788));
    for (unsigned bit = 0; bit < 64; bit++) {
        kc_be64_store(eight, UINT64_C(1) << bit);
        assert_true(kc_be64_load(eight) == UINT64_C(1) << bit);
        kc_be32_store(four, UINT32_C(1) << bit % 32);
        assert_true(kc_be32_load(four) == UINT32_C(1) << bit % 32);
    }
}

static void hexadecimal_round_trips(void **state)
{
    uint8_t bytes[256];
    uint8_t back[256];
    char text[2 * sizeof bytes + 1];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    kc_hex_write(text, kc_view(bytes, sizeof bytes));
    assert_int_equal(strlen(text), 2 * sizeof bytes);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f10", 34);
    assert_int_equal(kc_hex_read(back, sizeof back, text).code, KC_OK);
    assert_memory_equal(back, bytes, sizeof bytes);
    kc_hex_write(text, kc_view(NULL, 0));
    assert_string_equal(text, "");
    assert_int_equal(kc_hex_read(back, 0, "").code, KC_OK);
}

static void other_hexadecimal_is_refused(void **state)
{
    static const char *const bad[] = {"",     "0",    "000",  "00000", "0g0a",
                                      "00 0", "AB01", "0x01", "-001",  "+001"};
    uint8_t out[2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(kc_hex_read(out, sizeof out, bad[i]).code, KC_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_stops_at_the_capacity),
        cmocka_unit_test(views_are_equal_by_content),
        cmocka_unit_test(secrets_differ_at_any_bit),
        cmocka_unit_test(wiping_clears_just_that),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(hexadecimal_round_trips),
        cmocka_unit_test(other_hexadecimal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
