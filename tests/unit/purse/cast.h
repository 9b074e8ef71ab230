/* What the tests of this room share: cmocka, the published test keys, a backend, and worlds by suite. */
#ifndef KC_TESTS_PURSE_CAST_H
#define KC_TESTS_PURSE_CAST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/libcrypto.h"
#include "vector_keys.h"
#include "world.h"

#define EXPECT(error, expected) assert_string_equal(kc_error_name(error), kc_error_name(expected))

static struct kc_crypto crypto;
static struct kc_vector_keys keys;
static struct world world;

static const enum kc_suite suites[] = {KC_SUITE_ES256, KC_SUITE_RS2048, KC_SUITE_RS3072};
static const char *const suite_names[] = {"es256", "rs2048", "rs3072"};
#define SUITE_COUNT (sizeof suites / sizeof suites[0])

static inline int cast_open(void **state)
{
    (void)state;
    return kc_failed(kc_libcrypto_open(&crypto, 32)) ||
           !kc_vector_keys_load(&keys, KC_VECTORS_FOLDER);
}

static inline int cast_close(void **state)
{
    (void)state;
    kc_purse_close(&world.purse);
    kc_libcrypto_close(&crypto);
    return 0;
}

static inline struct world_party cast_party(const char *suite, const char *use)
{
    char name[40];
    (void)snprintf(name, sizeof name, "%s-%s", suite, use);
    const struct kc_vector_key *key = kc_vector_key_find(&keys, name);
    assert_non_null(key);
    return (struct world_party){.private_key = key->private_key, .public_key = key->public_key};
}

/* The purse's keys are of this suite. The bank's two keys differ from each other: with P-256 the second one is made fresh,
 * with RSA it has the other size. */
static inline void cast_suite(size_t suite)
{
    world.crypto = crypto;
    world.realm = keys.realm;
    world.suite = suites[suite];
    world.own_sign = cast_party(suite_names[suite], "sign");
    world.own_encrypt = cast_party(suite_names[suite], "encrypt");
    world.bank_sign = cast_party(suite_names[suite], "other");
    assert_false(kc_failed(crypto.generate(crypto.context, &world.partner.private_key,
                                           &world.partner.public_key, KC_KEY_P256)));
    if (suite == 0) {
        assert_false(kc_failed(crypto.generate(crypto.context, &world.bank_encrypt.private_key,
                                               &world.bank_encrypt.public_key, KC_KEY_P256)));
    } else {
        world.bank_encrypt = cast_party(suite_names[3 - suite], "other");
    }
}

/* What a refused command must not touch, in memory and in storage. */
struct cast_before {
    uint8_t nvm[KC_NVM_SIZE];
    uint8_t state[KC_IMAGE_SIZE_MAX];
    size_t state_size;
    uint64_t image_sequence;
    bool pin_verified;
};

static inline void cast_remember(struct cast_before *out)
{
    memcpy(out->nvm, world.memory.now, sizeof out->nvm);
    out->state_size = world_state_bytes(&world, out->state);
    out->image_sequence = world.purse.image_sequence;
    out->pin_verified = world.purse.pin_verified;
}

static inline void cast_expect_same(const struct cast_before *before)
{
    static uint8_t state[KC_IMAGE_SIZE_MAX];
    assert_memory_equal(world.memory.now, before->nvm, sizeof before->nvm);
    assert_int_equal(world_state_bytes(&world, state), before->state_size);
    assert_memory_equal(state, before->state, before->state_size);
    assert_int_equal(world.purse.image_sequence, before->image_sequence);
    assert_int_equal(world.purse.pin_verified, before->pin_verified);
    assert_int_equal(world_data(&world).size, 0);
}

/* Runs a command that must be refused for this reason, with nothing changed and nothing said. */
#define EXPECT_REFUSED(command, expected)                                                          \
    do {                                                                                           \
        static struct cast_before before_;                                                         \
        cast_remember(&before_);                                                                   \
        EXPECT((command), (expected));                                                             \
        cast_expect_same(&before_);                                                                \
    } while (0)

#endif
