#include "backends.h"

#include <stdlib.h>

int open_backends(void **state)
{
    struct backends *both = calloc(1, sizeof *both);
    assert_non_null(both);
    assert_ok(kc_libcrypto_open(&both->port[LIBCRYPTO], 16));
    assert_ok(kc_bearssl_open_system(&both->port[BEARSSL], &both->bearssl));
    *state = both;
    return 0;
}

int open_backends_with_keys(void **state)
{
    (void)open_backends(state);
    struct backends *both = *state;
    for (size_t type = 0; type < KEY_TYPES; type++) {
        for (size_t maker = 0; maker < BACKENDS; maker++) {
            const struct kc_crypto *crypto = &both->port[maker];
            struct test_key *key = &both->keys[type][maker];
            assert_ok(crypto->generate(crypto->context, &key->private_key, &key->public_key,
                                       (enum kc_key_type)(type + 1)));
        }
    }
    return 0;
}

int close_backends(void **state)
{
    struct backends *both = *state;
    kc_libcrypto_close(&both->port[LIBCRYPTO]);
    free(both);
    return 0;
}

void from_hex(uint8_t *out, size_t size, const char *text)
{
    assert_ok(kc_hex_read(out, size, text));
}

void p256_public_from(struct kc_public_key *out, const char *x, const char *y)
{
    memset(out, 0, sizeof *out);
    out->type = KC_KEY_P256;
    from_hex(out->p256.x, sizeof out->p256.x, x);
    from_hex(out->p256.y, sizeof out->p256.y, y);
}

void p256_private_from(struct kc_private_key *out, const char *d)
{
    memset(out, 0, sizeof *out);
    out->type = KC_KEY_P256;
    from_hex(out->p256.d, sizeof out->p256.d, d);
}
