/* Question: does a server of machines believe the bank's keys as long as a purse does, and no longer? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/libcrypto.h"
#include "vendor/bank_chain.h"

#define NOW UINT64_C(1795478400000)
#define DAY UINT64_C(86400000)

static struct kc_crypto crypto;
static struct kc_realm realm;
static struct kc_bank_chain chain;
static struct kc_private_key private_keys[3];

static enum kc_error read_of(unsigned generation)
{
    static uint8_t bytes[1024];
    struct kc_buffer out = KC_BUFFER(bytes);
    size_t at = 99;
    struct kc_identity read;
    const struct kc_identity identity = {.bank = realm.bank,
                                         .purse_type = KC_PURSE_TYPE_UIM,
                                         .account = kc_account_nth(1),
                                         .purse = kc_purse_nth(1),
                                         .issued_s = 1,
                                         .expires_s = 2,
                                         .key = chain.keys[0]};
    assert_false(
        kc_failed(kc_identity_sign(&out, &crypto, &private_keys[generation], &realm, &identity)));
    struct kc_result result =
        kc_bank_chain_open(&read, &at, &chain, &crypto, &realm, kc_buffer_view(&out), NOW);
    assert_int_equal(at, generation);
    return result.code;
}

/* shows: R-SEC-2 R-RENEW-8 */
static void a_key_before_the_last_one_counts_no_more(void **state)
{
    (void)state;
    assert_false(kc_failed(kc_libcrypto_open(&crypto, 4)));
    assert_false(kc_failed(kc_realm_set(&realm, 1, "JPY")));
    for (size_t i = 0; i < 3; i++) {
        assert_false(kc_failed(
            crypto.generate(crypto.context, &private_keys[i], &chain.keys[i], KC_KEY_P256)));
        chain.until_ms[i] = NOW + DAY;
    }
    chain.count = 2;
    assert_int_equal(read_of(0), KC_OK);
    assert_int_equal(read_of(1), KC_OK);
    chain.until_ms[0] = NOW;
    assert_int_equal(read_of(0), KC_BANK_KEY_ENDED);
    /* An emergency, in the time of the first key. */
    chain.until_ms[0] = NOW + DAY;
    chain.count = 3;
    assert_int_equal(read_of(0), KC_BANK_KEY_ENDED);
    assert_int_equal(read_of(1), KC_OK);
    assert_int_equal(read_of(2), KC_OK);
    kc_libcrypto_close(&crypto);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_before_the_last_one_counts_no_more),
    };
    return cmocka_run_group_tests_name("vendor: keys of the bank", tests, NULL, NULL);
}
