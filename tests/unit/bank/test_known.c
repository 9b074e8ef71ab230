/* Question: is a signature taken as known only when exactly it was verified before, by this key, for this purpose and bank? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bank/known.h"
#include "crypto/libcrypto.h"

#define COUNT 64u

static struct kc_crypto crypto;
static struct kc_known known;

/* All that a verification depends on. */
struct given {
    struct kc_realm realm;
    const char *domain;
    struct kc_public_key key;
    uint8_t bytes[80];
    size_t size;
};

static int set_up(void **state)
{
    (void)state;
    return kc_failed(kc_libcrypto_open(&crypto, 8)) || kc_failed(kc_known_open(&known, COUNT));
}

static int tear_down(void **state)
{
    (void)state;
    kc_known_close(&known);
    kc_libcrypto_close(&crypto);
    return 0;
}

static struct given given(void)
{
    struct given out = {.realm = {.bank = 7, .currency = "JPY"},
                        .domain = "kinchaku/1 payment",
                        .key = {.type = KC_KEY_P256},
                        .size = sizeof out.bytes};
    memset(&out.key.p256, 0x5a, sizeof out.key.p256);
    memset(out.bytes, 0x11, sizeof out.bytes);
    return out;
}

static void name_of(uint8_t out[KC_DIGEST_SIZE], const struct given *given)
{
    kc_known_name(out, &crypto, &given->realm, given->domain, &given->key,
                  kc_view(given->bytes, given->size));
}

static bool has(const struct given *given)
{
    uint8_t name[KC_DIGEST_SIZE];
    name_of(name, given);
    return kc_known_has(&known, name);
}

static void add(const struct given *given)
{
    uint8_t name[KC_DIGEST_SIZE];
    name_of(name, given);
    kc_known_add(&known, name);
}

/* shows: R-SEC-1 */
static void the_same_is_known_and_nothing_like_it(void **state)
{
    struct given others[9];
    const struct given one = given();
    (void)state;
    assert_false(has(&one));
    add(&one);
    assert_true(has(&one));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        others[i] = one;
    }
    others[0].realm.bank = 8;
    memcpy(others[1].realm.currency, "EUR", 4);
    others[2].domain = "kinchaku/1 receipt";
    others[3].key.p256.x[0] ^= 1;
    others[4].key.p256.y[31] ^= 1;
    others[5].bytes[0] ^= 1;
    others[6].bytes[sizeof one.bytes - 1] ^= 1;
    others[7].size -= 1;
    others[8].key.type = KC_KEY_RSA2048;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(has(&others[i]));
    }
    assert_true(has(&one));
}

/* Bytes that pass from one part to its neighbour give another name. */
static void parts_do_not_run_into_each_other(void **state)
{
    struct given one = given();
    struct given other = given();
    uint8_t names[2][KC_DIGEST_SIZE];
    (void)state;
    one.domain = "kinchaku/1 pay";
    memcpy(one.bytes, "ment", 4);
    other.domain = "kinchaku/1 payment";
    memcpy(other.bytes, one.bytes + 4, one.size - 4);
    other.size = one.size - 4;
    name_of(names[0], &one);
    name_of(names[1], &other);
    assert_memory_not_equal(names[0], names[1], KC_DIGEST_SIZE);
}

/* A full memory forgets; it never takes one for another. */
static void a_full_memory_forgets(void **state)
{
    size_t found = 0;
    struct given one = given();
    (void)state;
    for (unsigned i = 0; i < 16 * COUNT; i++) {
        one.bytes[0] = (uint8_t)i;
        one.bytes[1] = (uint8_t)(i >> 8);
        assert_false(has(&one));
        add(&one);
        assert_true(has(&one));
    }
    for (unsigned i = 0; i < 16 * COUNT; i++) {
        one.bytes[0] = (uint8_t)i;
        one.bytes[1] = (uint8_t)(i >> 8);
        found += has(&one);
    }
    assert_in_range(found, 1, COUNT);
}

static void one_that_was_never_opened_knows_nothing(void **state)
{
    struct kc_known none = {.count = 0};
    const uint8_t name[KC_DIGEST_SIZE] = {0};
    (void)state;
    kc_known_add(&none, name);
    assert_false(kc_known_has(&none, name));
    kc_known_close(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_is_known_and_nothing_like_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_do_not_run_into_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_memory_forgets, set_up, tear_down),
        cmocka_unit_test(one_that_was_never_opened_knows_nothing),
    };
    return cmocka_run_group_tests_name("bank: signatures known already", tests, NULL, NULL);
}
