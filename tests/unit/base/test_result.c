/* Does every error have one number, one name and one meaning at each surface, and do those of old stay? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/result.h"

struct pinned {
    unsigned number;
    const char *name;
    unsigned status_word;
    int http;
    int exit;
};

/* What has been published. Rows are added at the end of their group; none of these may change or go. */
static const struct pinned pins[] = {
    {0x00, "ok", 0x9000, 200, 0},
    {0x01, "malformed", 0x6a80, 400, 1},
    {0x02, "trailing-bytes", 0x9e02, 400, 1},
    {0x03, "not-canonical", 0x9e03, 400, 1},
    {0x04, "too-large", 0x6700, 413, 1},
    {0x05, "wrong-version", 0x9e05, 400, 1},
    {0x06, "wrong-type", 0x9e06, 400, 1},
    {0x07, "wrong-domain", 0x9e07, 400, 1},
    {0x08, "bad-signature", 0x9e08, 403, 1},
    {0x09, "unknown-signer", 0x9e09, 403, 1},
    {0x0a, "certificate-expired", 0x9e0a, 403, 1},
    {0x0b, "certificate-revoked", 0x9e0b, 403, 1},
    {0x0c, "certificate-invalid", 0x9e0c, 403, 1},
    {0x0d, "cannot-unseal", 0x9e0d, 400, 1},
    {0x0e, "replayed", 0x9e0e, 409, 1},
    {0x0f, "wrong-content-type", 0x9e0f, 415, 1},
    {0x10, "out-of-order", 0x6985, 409, 1},
    {0x11, "unknown-transaction", 0x9e11, 404, 1},
    {0x12, "wrong-algorithm", 0x9e12, 400, 1},
    {0x13, "mismatch", 0x9e13, 409, 1},
    {0x14, "not-allowed", 0x9e14, 403, 1},
    {0x15, "not-found", 0x6a88, 404, 1},
    {0x16, "unknown-instruction", 0x6d00, 405, 1},
    {0x17, "stale-state", 0x9e17, 409, 1},
    {0x18, "identity-needed", 0x9e18, 409, 1},
    {0x19, "ask-the-bank", 0x9e19, 409, 1},
    {0x1a, "not-proven", 0x9e1a, 409, 1},
    {0x22, "root-not-certified", 0x9e22, 409, 1},
    {0x23, "root-older", 0x9e23, 409, 1},
    {0x20, "base-needed", 0x9e20, 409, 1},
    {0x21, "bank-key-ended", 0x9e21, 409, 1},
    {0x40, "insufficient-value", 0x9e40, 409, 1},
    {0x41, "insufficient-account", 0x9e41, 409, 1},
    {0x42, "amount-zero", 0x9e42, 400, 1},
    {0x43, "amount-too-large", 0x9e43, 400, 1},
    {0x44, "pin-required", 0x6982, 403, 1},
    {0x45, "pin-wrong", 0x63c0, 403, 1},
    {0x46, "pin-blocked", 0x6983, 403, 1},
    {0x47, "declined", 0x9e47, 409, 1},
    {0x48, "unknown-account", 0x9e48, 404, 1},
    {0x49, "account-not-open", 0x9e49, 409, 1},
    {0x4a, "account-expired", 0x9e4a, 409, 1},
    {0x4b, "no-bank-account", 0x9e4b, 404, 1},
    {0x4c, "no-ability-to-pay", 0x9e4c, 409, 1},
    {0x4d, "purse-blocked", 0x9e4d, 403, 1},
    {0x4e, "already-exists", 0x9e4e, 409, 1},
    {0x4f, "wrong-password", 0x9e4f, 403, 1},
    {0x50, "copied-or-restored", 0x9e50, 409, 1},
    {0x51, "amount-malformed", 0x9e51, 400, 2},
    {0x52, "unknown-purse", 0x9e52, 404, 1},
    {0x53, "pending", 0x9e53, 409, 1},
    {0x54, "history-full", 0x9e54, 409, 1},
    {0x55, "identity-expired", 0x9e55, 403, 1},
    {0x56, "hotlisted", 0x9e56, 403, 1},
    {0x57, "limit-exceeded", 0x9e57, 409, 1},
    {0x58, "overspent", 0x9e58, 409, 1},
    {0x59, "contact-needed", 0x9e59, 409, 1},
    {0x5a, "debt", 0x9e5a, 409, 1},
    {0x5b, "reported-lost", 0x9e5b, 403, 1},
    {0x5e, "sold-out", 0x9e5e, 409, 1},
    {0x5f, "item-stuck", 0x9e5f, 409, 1},
    {0x60, "amount-short", 0x9e60, 409, 1},
    {0x62, "wrong-price", 0x9e62, 409, 1},
    {0x66, "reference-used", 0x9e66, 409, 1},
    {0x67, "wrong-machine", 0x9e67, 409, 1},
    {0x70, "busy", 0x9e70, 503, 3},
    {0x71, "not-reachable", 0x9e71, 502, 3},
    {0x72, "timeout", 0x9e72, 504, 3},
    {0x73, "not-completed", 0x9e73, 504, 3},
    {0x74, "expired", 0x9e74, 409, 3},
    {0x75, "directory-unavailable", 0x9e75, 503, 3},
    {0x76, "ordinary-bank-unavailable", 0x9e76, 503, 3},
    {0x77, "in-doubt", 0x9e77, 503, 3},
    {0x78, "authority-unavailable", 0x9e78, 503, 3},
    {0x79, "settlement-time-runs", 0x9e79, 409, 3},
    {0x90, "disk-full", 0x9e90, 507, 4},
    {0x91, "store-corrupt", 0x9e91, 500, 4},
    {0x92, "purse-corrupt", 0x6f92, 500, 4},
    {0x93, "config-invalid", 0x9e93, 500, 4},
    {0x94, "key-permissions", 0x9e94, 500, 4},
    {0x95, "io-failed", 0x6581, 500, 4},
    {0x96, "store-failed", 0x9e96, 500, 4},
    {0x97, "file-missing", 0x9e97, 500, 4},
    {0x98, "address-in-use", 0x9e98, 500, 4},
    {0x99, "in-use", 0x9e99, 409, 3},
    {0xb0, "internal", 0x6f00, 500, 4},
    {0xb1, "overflow", 0x9eb1, 500, 4},
    {0xb2, "buffer-small", 0x9eb2, 500, 4},
    {0xb3, "crypto-failed", 0x9eb3, 500, 4},
    {0xb4, "no-memory", 0x9eb4, 500, 4},
    {0xb5, "usage", 0x9eb5, 400, 2},
};
#define PIN_COUNT (sizeof pins / sizeof pins[0])

static const enum kc_error codes[] = {
#define CODE(id, number, name, sw, http, exit, words) KC_##id,
    KC_ERRORS(CODE)
#undef CODE
};
#define CODE_COUNT (sizeof codes / sizeof codes[0])

static void published_rows_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < PIN_COUNT; i++) {
        enum kc_error code = kc_error_from_number(pins[i].number);
        assert_int_equal(code, pins[i].number);
        assert_string_equal(kc_error_name(code), pins[i].name);
        assert_int_equal(kc_error_status_word(code), pins[i].status_word);
        assert_int_equal(kc_error_http_status(code), pins[i].http);
        assert_int_equal(kc_error_exit_status(code), pins[i].exit);
    }
}

static void every_way_back_finds_the_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        assert_int_equal(kc_error_from_name(kc_error_name(codes[i])), codes[i]);
        assert_int_equal(kc_error_from_number((uint64_t)codes[i]), codes[i]);
        assert_int_equal(kc_error_from_status_word(kc_error_status_word(codes[i])), codes[i]);
    }
}

static void nothing_is_shared(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        for (size_t j = i + 1; j < CODE_COUNT; j++) {
            assert_int_not_equal(codes[i], codes[j]);
            assert_string_not_equal(kc_error_name(codes[i]), kc_error_name(codes[j]));
            assert_string_not_equal(kc_error_words(codes[i]), kc_error_words(codes[j]));
            assert_int_not_equal(kc_error_status_word(codes[i]), kc_error_status_word(codes[j]));
        }
    }
}

static void names_and_words_are_fit_to_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        const char *name = kc_error_name(codes[i]);
        const char *words = kc_error_words(codes[i]);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        assert_true(strlen(name) >= 2);
        assert_true(strlen(words) >= 4);
        /* They go into JSON as they are. */
        assert_null(strpbrk(words, "\"\\\n."));
    }
}

/* The group of a number says who must act; the exit status follows from it but for a few that are named here. */
static void groups_agree_with_the_surfaces(void **state)
{
    (void)state;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        enum kc_error code = codes[i];
        int http = kc_error_http_status(code);
        int status = kc_error_exit_status(code);
        bool is_try_again = (unsigned)code >= 0x70 && (unsigned)code <= 0x8f;
        assert_int_equal(code == KC_OK, status == 0);
        assert_int_equal(code == KC_OK, http == 200);
        assert_int_equal(code == KC_OK, kc_error_status_word(code) == 0x9000);
        if (code == KC_USAGE || code == KC_AMOUNT_MALFORMED) {
            assert_int_equal(status, 2);
        } else if (is_try_again || code == KC_IN_USE || code == KC_REVOCATION_UNKNOWN) {
            assert_int_equal(status, 3);
        } else if (code != KC_OK) {
            assert_int_equal(status, (unsigned)code < 0x70 ? 1 : 4);
        }
        assert_true(code == KC_OK || (http >= 400 && http < 600));
    }
}

static void unknown_ones_are_our_fault(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 512; number++) {
        bool known = false;
        for (size_t i = 0; i < CODE_COUNT; i++) {
            known = known || (uint64_t)codes[i] == number;
        }
        assert_int_equal(kc_error_from_number(number), known ? number : KC_INTERNAL);
    }
    assert_int_equal(kc_error_from_number(UINT64_C(0x100000000)), KC_INTERNAL);
    assert_int_equal(kc_error_from_number(UINT64_MAX), KC_INTERNAL);
    assert_int_equal(kc_error_from_name(""), KC_INTERNAL);
    assert_int_equal(kc_error_from_name("o"), KC_INTERNAL);
    assert_int_equal(kc_error_from_name("okk"), KC_INTERNAL);
    assert_int_equal(kc_error_from_name("OK"), KC_INTERNAL);
    assert_string_equal(kc_error_name((enum kc_error)0xff), "internal");
    assert_int_equal(kc_error_http_status((enum kc_error)0xff), 500);
    assert_int_equal(kc_error_from_status_word(0x6fff), KC_INTERNAL);
    assert_int_equal(kc_error_from_status_word(0), KC_INTERNAL);
}

static void every_count_of_tries_is_a_wrong_pin(void **state)
{
    (void)state;
    for (unsigned tries = 0; tries < 16; tries++) {
        assert_int_equal(kc_error_from_status_word((uint16_t)(0x63c0u | tries)), KC_PIN_WRONG);
    }
    assert_int_equal(kc_error_from_status_word(0x63b0), KC_INTERNAL);
    assert_int_equal(kc_error_from_status_word(0x63d0), KC_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_rows_stay),
        cmocka_unit_test(every_way_back_finds_the_code),
        cmocka_unit_test(nothing_is_shared),
        cmocka_unit_test(names_and_words_are_fit_to_show),
        cmocka_unit_test(groups_agree_with_the_surfaces),
        cmocka_unit_test(unknown_ones_are_our_fault),
        cmocka_unit_test(every_count_of_tries_is_a_wrong_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
