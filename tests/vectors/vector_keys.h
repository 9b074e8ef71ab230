/* The keys of the published vectors, in protocol/vectors/keys.json: for tests alone, their secrets are public. */
#ifndef KC_TESTS_VECTORS_KEYS_H
#define KC_TESTS_VECTORS_KEYS_H

#include <jansson.h>

#include "message/cose.h"

#define KC_VECTOR_KEYS_MAX 16

struct kc_vector_key {
    char name[40];
    uint64_t holder;
    struct kc_private_key private_key;
    struct kc_public_key public_key;
};

struct kc_vector_keys {
    struct kc_realm realm;
    size_t count;
    struct kc_vector_key keys[KC_VECTOR_KEYS_MAX];
};

/* Reads or writes keys.json in `folder`; false when it cannot. */
bool kc_vector_keys_load(struct kc_vector_keys *out, const char *folder);
bool kc_vector_keys_save(const struct kc_vector_keys *keys, const char *folder);

/* The key of that name or NULL. */
const struct kc_vector_key *kc_vector_key_find(const struct kc_vector_keys *keys, const char *name);

/* Hexadecimal to and from memory; the text is freed by the caller; false when it does not fit. */
char *kc_vector_hex(struct kc_view bytes);
bool kc_vector_unhex(struct kc_buffer *out, const char *text);

#endif
