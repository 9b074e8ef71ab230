/* Both backends of the crypto port side by side, and keys made by each of them. */
#ifndef KC_TEST_CRYPTO_BACKENDS_H
#define KC_TEST_CRYPTO_BACKENDS_H

/* cmocka.h wants these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "crypto/bearssl.h"
#include "crypto/libcrypto.h"

enum { LIBCRYPTO, BEARSSL, BACKENDS };

#define KEY_TYPES 3

struct test_key {
    struct kc_private_key private_key;
    struct kc_public_key public_key;
};

struct backends {
    struct kc_crypto port[BACKENDS];
    struct kc_bearssl bearssl;
    /* keys[t][m]: a key of type t + 1 made by backend m. */
    struct test_key keys[KEY_TYPES][BACKENDS];
};

/* cmocka group fixtures; *state becomes a struct backends. The second one makes the keys, too. */
int open_backends(void **state);
int open_backends_with_keys(void **state);
int close_backends(void **state);

/* Bytes of a hexadecimal text; fails the test when it has not exactly `size` bytes. */
void from_hex(uint8_t *out, size_t size, const char *text);

void p256_public_from(struct kc_public_key *out, const char *x, const char *y);
void p256_private_from(struct kc_private_key *out, const char *d);

#define assert_code(result, wanted) assert_int_equal((result).code, (wanted))
#define assert_ok(result) assert_code(result, KC_OK)

#endif
