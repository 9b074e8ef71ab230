/* Does a slip of the hand in a number get through, and is every number the bank gives out read back? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ids.h"

/* Luhn by the textbook: from the right, every second digit doubled, digit sums added. */
static bool luhn(const char *text)
{
    unsigned sum = 0;
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(text[size - 1 - i] - '0') * (i % 2 == 1 ? 2u : 1u);
        sum += digit / 10 + digit % 10;
    }
    return sum % 10 == 0;
}

static void known_numbers(void **state)
{
    (void)state;
    assert_true(kc_account_nth(1).number == 18);
    assert_true(kc_purse_nth(7992739871).number == UINT64_C(79927398713));
    assert_true(kc_number_checks(UINT64_C(4111111111111111)));
    assert_false(kc_number_checks(UINT64_C(4111111111111112)));
    assert_false(kc_number_checks(0));
    assert_false(kc_number_checks(8));
    assert_false(kc_number_checks(UINT64_MAX));
}

static void every_given_number_reads_back(void **state)
{
    static const uint64_t far[] = {UINT64_C(99999999999999999), UINT64_C(12345678901234567)};
    (void)state;
    for (uint64_t n = 1; n < 20000; n++) {
        uint64_t nth = n < 19998 ? n : far[n - 19998];
        char text[KC_ID_TEXT_SIZE];
        struct kc_account_id account = {0};
        struct kc_purse_id purse = {0};
        kc_account_format(text, kc_account_nth(nth));
        assert_true(luhn(text));
        assert_int_equal(kc_account_parse(&account, text).code, KC_OK);
        assert_true(account.number == kc_account_nth(nth).number);
        kc_purse_format(text, kc_purse_nth(nth));
        assert_int_equal(kc_purse_parse(&purse, text).code, KC_OK);
        assert_true(purse.number == account.number);
    }
}

static void assert_refused(const char *text)
{
    struct kc_account_id account = {77};
    struct kc_purse_id purse = {78};
    if (kc_account_parse(&account, text).code != KC_MALFORMED ||
        kc_purse_parse(&purse, text).code != KC_MALFORMED) {
        fail_msg("\"%s\" was read", text);
    }
    assert_true(account.number == 77 && purse.number == 78);
}

static void one_wrong_digit_is_refused(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 3000; n += 7) {
        char text[KC_ID_TEXT_SIZE];
        kc_account_format(text, kc_account_nth(n));
        for (size_t i = 0; text[i] != '\0'; i++) {
            char right = text[i];
            for (char wrong = '0'; wrong <= '9'; wrong++) {
                text[i] = wrong;
                if (wrong != right) {
                    assert_refused(text);
                }
            }
            text[i] = right;
        }
    }
}

/* Luhn finds every swap of neighbours except 09 and 90. */
static void swapped_neighbours_are_refused(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 5000; n += 3) {
        char text[KC_ID_TEXT_SIZE];
        kc_account_format(text, kc_account_nth(n));
        for (size_t i = 0; text[i + 1] != '\0'; i++) {
            char left = text[i];
            char right = text[i + 1];
            bool blind = (left == '0' && right == '9') || (left == '9' && right == '0');
            text[i] = right;
            text[i + 1] = left;
            if (left != right && !blind) {
                assert_refused(text);
            }
            text[i] = left;
            text[i + 1] = right;
        }
    }
}

static void other_texts_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "00",
                                      "1",
                                      "9",
                                      "018",
                                      " 18",
                                      "18 ",
                                      "-18",
                                      "+18",
                                      "18a",
                                      "0x12",
                                      "1.8",
                                      "999999999999999999999999999",
                                      "18446744073709551634",
                                      "18446744073709551616",
                                      "1000000000000000009"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(bad[i]);
    }
}

static void numbers_without_check_are_written(void **state)
{
    char text[KC_ID_TEXT_SIZE];
    (void)state;
    kc_account_format(text, (struct kc_account_id){0});
    assert_string_equal(text, "0");
    kc_purse_format(text, (struct kc_purse_id){UINT64_MAX});
    assert_string_equal(text, "18446744073709551615");
}

static void realm_takes_three_capitals(void **state)
{
    static const char *const bad[] = {"",    "J",   "JP",        "JPYX", "jpy",
                                      "JP1", "JP ", "J\xc3\x84", "@AZ",  "[AZ"};
    struct kc_realm realm = {.bank = 5, .currency = "EUR"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(kc_realm_set(&realm, 9, bad[i]).code, KC_MALFORMED);
        assert_true(realm.bank == 5);
        assert_string_equal(realm.currency, "EUR");
    }
    assert_int_equal(kc_realm_set(&realm, 9, "AZM").code, KC_OK);
    assert_true(realm.bank == 9);
    assert_string_equal(realm.currency, "AZM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_numbers),
        cmocka_unit_test(every_given_number_reads_back),
        cmocka_unit_test(one_wrong_digit_is_refused),
        cmocka_unit_test(swapped_neighbours_are_refused),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(numbers_without_check_are_written),
        cmocka_unit_test(realm_takes_three_capitals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
