/* Can an amount ever wrap, lose a unit, or be read from a text that means something else? */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/amount.h"

static struct kc_amount of(uint64_t minor)
{
    struct kc_amount amount = kc_amount_zero();
    assert_int_equal(kc_amount_from_minor(&amount, minor).code, KC_OK);
    return amount;
}

static const uint64_t edges[] = {0,
                                 1,
                                 2,
                                 9,
                                 10,
                                 99,
                                 UINT32_MAX - UINT64_C(1),
                                 UINT32_MAX,
                                 UINT64_C(1) << 32,
                                 UINT64_C(1) << 62,
                                 (UINT64_C(1) << 62) - 1,
                                 KC_AMOUNT_MAX - 1,
                                 KC_AMOUNT_MAX};
#define EDGE_COUNT (sizeof edges / sizeof edges[0])

static void from_minor_stops_at_the_limit(void **state)
{
    static const uint64_t over[] = {KC_AMOUNT_MAX + 1, KC_AMOUNT_MAX + 2, UINT64_MAX - 1,
                                    UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        assert_true(kc_amount_minor(of(edges[i])) == edges[i]);
    }
    for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
        struct kc_amount amount = of(7);
        assert_int_equal(kc_amount_from_minor(&amount, over[i]).code, KC_AMOUNT_TOO_LARGE);
        assert_true(kc_amount_minor(amount) == 7);
    }
}

/* Neither sum can pass 2^64 unseen: both operands are below 2^63. */
static void sums_are_exact_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        for (size_t j = 0; j < EDGE_COUNT; j++) {
            struct kc_amount out = of(5);
            bool fits = edges[i] + edges[j] <= KC_AMOUNT_MAX;
            struct kc_result result = kc_amount_add(&out, of(edges[i]), of(edges[j]));
            assert_int_equal(result.code, fits ? KC_OK : KC_OVERFLOW);
            assert_true(kc_amount_minor(out) == (fits ? edges[i] + edges[j] : 5));
        }
    }
}

static void differences_are_exact_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        for (size_t j = 0; j < EDGE_COUNT; j++) {
            struct kc_amount out = of(5);
            bool fits = edges[i] >= edges[j];
            struct kc_result result = kc_amount_sub(&out, of(edges[i]), of(edges[j]));
            assert_int_equal(result.code, fits ? KC_OK : KC_OVERFLOW);
            assert_true(kc_amount_minor(out) == (fits ? edges[i] - edges[j] : 5));
        }
    }
}

static void results_may_lie_over_operands(void **state)
{
    struct kc_amount a = of(30);
    struct kc_amount b = of(12);
    (void)state;
    assert_int_equal(kc_amount_add(&a, a, b).code, KC_OK);
    assert_true(kc_amount_minor(a) == 42);
    assert_int_equal(kc_amount_sub(&b, a, b).code, KC_OK);
    assert_true(kc_amount_minor(b) == 30);
    assert_int_equal(kc_amount_sub(&a, a, a).code, KC_OK);
    assert_true(kc_amount_is_zero(a));
}

static void order_is_that_of_the_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        assert_int_equal(kc_amount_is_zero(of(edges[i])), edges[i] == 0);
        for (size_t j = 0; j < EDGE_COUNT; j++) {
            int order = kc_amount_compare(of(edges[i]), of(edges[j]));
            assert_int_equal(order > 0, edges[i] > edges[j]);
            assert_int_equal(order < 0, edges[i] < edges[j]);
        }
    }
}

struct text_case {
    const char *text;
    unsigned decimals;
    enum kc_error error;
    uint64_t minor;
};

static const struct text_case texts[] = {
    {"0", 0, KC_OK, 0},
    {"0", 2, KC_OK, 0},
    {"0.00", 2, KC_OK, 0},
    {"100", 0, KC_OK, 100},
    {"100", 2, KC_OK, 10000},
    {"12.5", 2, KC_OK, 1250},
    {"12.50", 2, KC_OK, 1250},
    {"12.05", 2, KC_OK, 1205},
    {"0.01", 2, KC_OK, 1},
    {"007", 0, KC_OK, 7},
    {"0.00000001", 8, KC_OK, 1},
    {"9223372036854775807", 0, KC_OK, KC_AMOUNT_MAX},
    {"92233720368547758.07", 2, KC_OK, KC_AMOUNT_MAX},
    {"000000000000000000000000000001", 0, KC_OK, 1},
    {"9223372036854775808", 0, KC_AMOUNT_TOO_LARGE, 0},
    {"92233720368547758.08", 2, KC_AMOUNT_TOO_LARGE, 0},
    {"92233720368547759", 2, KC_AMOUNT_TOO_LARGE, 0},
    {"18446744073709551615", 0, KC_AMOUNT_TOO_LARGE, 0},
    {"18446744073709551616", 0, KC_AMOUNT_TOO_LARGE, 0},
    {"18446744073709551617", 0, KC_AMOUNT_TOO_LARGE, 0},
    {"99999999999999999999999999999999999999", 0, KC_AMOUNT_TOO_LARGE, 0},
    {"", 0, KC_AMOUNT_MALFORMED, 0},
    {"", 2, KC_AMOUNT_MALFORMED, 0},
    {"-1", 0, KC_AMOUNT_MALFORMED, 0},
    {"-0", 0, KC_AMOUNT_MALFORMED, 0},
    {"+1", 0, KC_AMOUNT_MALFORMED, 0},
    {" 1", 0, KC_AMOUNT_MALFORMED, 0},
    {"1 ", 0, KC_AMOUNT_MALFORMED, 0},
    {"1\n", 0, KC_AMOUNT_MALFORMED, 0},
    {"1.0", 0, KC_AMOUNT_MALFORMED, 0},
    {"1.", 0, KC_AMOUNT_MALFORMED, 0},
    {"1.", 2, KC_AMOUNT_MALFORMED, 0},
    {".5", 2, KC_AMOUNT_MALFORMED, 0},
    {".", 2, KC_AMOUNT_MALFORMED, 0},
    {"1.005", 2, KC_AMOUNT_MALFORMED, 0},
    {"1.000", 2, KC_AMOUNT_MALFORMED, 0},
    {"1.0.0", 2, KC_AMOUNT_MALFORMED, 0},
    {"1,000", 2, KC_AMOUNT_MALFORMED, 0},
    {"1e3", 0, KC_AMOUNT_MALFORMED, 0},
    {"0x10", 0, KC_AMOUNT_MALFORMED, 0},
    {"nan", 0, KC_AMOUNT_MALFORMED, 0},
    {"\xd9\xa1", 0, KC_AMOUNT_MALFORMED, 0},
    /* What cannot be read is malformed, also when it is too long for any amount. */
    {"99999999999999999999999999999999999999x", 0, KC_AMOUNT_MALFORMED, 0},
};

static void texts_mean_one_thing_or_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct kc_amount amount = of(77);
        struct kc_result result = kc_amount_parse(&amount, texts[i].text, texts[i].decimals);
        if (result.code != texts[i].error) {
            fail_msg("\"%s\" gave %s", texts[i].text, kc_error_name(result.code));
        }
        assert_true(kc_amount_minor(amount) == (kc_failed(result) ? 77 : texts[i].minor));
    }
}

/* The text of a number by the C library, for comparison. */
static void library_text(char *out, size_t size, uint64_t minor, unsigned decimals)
{
    uint64_t unit = 1;
    for (unsigned i = 0; i < decimals; i++) {
        unit *= 10;
    }
    if (decimals == 0) {
        (void)snprintf(out, size, "%" PRIu64, minor);
    } else {
        (void)snprintf(out, size, "%" PRIu64 ".%0*" PRIu64, minor / unit, (int)decimals,
                       minor % unit);
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    for (unsigned decimals = 0; decimals <= KC_AMOUNT_DECIMALS_MAX; decimals++) {
        for (size_t i = 0; i < EDGE_COUNT; i++) {
            char text[KC_AMOUNT_TEXT_SIZE];
            char expected[64];
            struct kc_amount back = of(1);
            memset(text, 'x', sizeof text);
            kc_amount_format(text, of(edges[i]), decimals);
            library_text(expected, sizeof expected, edges[i], decimals);
            assert_string_equal(text, expected);
            assert_int_equal(kc_amount_parse(&back, text, decimals).code, KC_OK);
            assert_true(kc_amount_minor(back) == edges[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_minor_stops_at_the_limit),
        cmocka_unit_test(sums_are_exact_or_refused),
        cmocka_unit_test(differences_are_exact_or_refused),
        cmocka_unit_test(results_may_lie_over_operands),
        cmocka_unit_test(order_is_that_of_the_numbers),
        cmocka_unit_test(texts_mean_one_thing_or_are_refused),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
