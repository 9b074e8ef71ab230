/* What the tests of this room share: cmocka, the published test keys, a backend, and signers by suite. */
#ifndef KC_TESTS_PARTIES_H
#define KC_TESTS_PARTIES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/libcrypto.h"
#include "message/cose.h"
#include "vector_keys.h"

#define TIME_MS UINT64_C(1795478400000)
#define STRUCT_WORDS 512

static struct kc_crypto crypto;
static struct kc_vector_keys keys;

static const char *const suites[] = {"es256", "rs2048", "rs3072"};
#define SUITE_COUNT (sizeof suites / sizeof suites[0])

static inline int parties_open(void **state)
{
    (void)state;
    return kc_failed(kc_libcrypto_open(&crypto, 16)) ||
           !kc_vector_keys_load(&keys, KC_VECTORS_FOLDER);
}

static inline int parties_close(void **state)
{
    (void)state;
    kc_libcrypto_close(&crypto);
    return 0;
}

/* The key of a suite for "sign", "encrypt" or "other". */
static inline const struct kc_vector_key *key_of(size_t suite, const char *use)
{
    char name[40];
    (void)snprintf(name, sizeof name, "%s-%s", suites[suite], use);
    const struct kc_vector_key *key = kc_vector_key_find(&keys, name);
    assert_non_null(key);
    return key;
}

static inline struct kc_signer signer_of(const struct kc_vector_key *key)
{
    struct kc_signer signer = {.key = &key->private_key};
    kc_signer_id_make(&signer.id, &crypto, key->holder, &key->public_key);
    return signer;
}

static inline void assert_ok(struct kc_result result)
{
    assert_string_equal(kc_error_name(result.code), "ok");
}

#endif
