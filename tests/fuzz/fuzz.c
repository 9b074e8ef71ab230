#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/libcrypto.h"

uint64_t kc_fuzz_accepted;

void kc_fuzz_fail(const char *what, const char *file, int line)
{
    (void)fprintf(stderr, "fuzz: does not hold: %s (%s:%d)\n", what, file, line);
    abort();
}

const struct kc_vector_keys *kc_fuzz_keys(void)
{
    static struct kc_vector_keys keys;
    if (keys.count == 0) {
        KC_FUZZ_CHECK(kc_vector_keys_load(&keys, KC_VECTORS_FOLDER));
    }
    return &keys;
}

const struct kc_crypto *kc_fuzz_crypto(void)
{
    static struct kc_crypto crypto;
    if (crypto.context == NULL) {
        KC_FUZZ_CHECK(!kc_failed(kc_libcrypto_open(&crypto, 16)));
    }
    return &crypto;
}

const struct kc_vector_key *kc_fuzz_key(const char *name)
{
    const struct kc_vector_key *key = kc_vector_key_find(kc_fuzz_keys(), name);
    KC_FUZZ_CHECK(key != NULL);
    return key;
}

struct kc_signer kc_fuzz_signer(const struct kc_vector_key *key)
{
    struct kc_signer signer = {.key = &key->private_key};
    kc_signer_id_make(&signer.id, kc_fuzz_crypto(), key->holder, &key->public_key);
    return signer;
}
