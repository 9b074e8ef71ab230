/* What the two files of a token's key share. Internal to this room. */
#ifndef KC_CRYPTO_PKCS11_INSIDE_H
#define KC_CRYPTO_PKCS11_INSIDE_H

#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/pkcs11.h"

#define KC_TOKEN_PATH_SIZE_MAX 4096

struct kc_token_key {
    struct kc_held_key held; /* what others see; as it was when the key was opened */
    enum kc_key_type type;
    P11KitUri *uri;
    char uri_text[KC_TOKEN_URI_SIZE_MAX + 1];
    char pin_path[KC_TOKEN_PATH_SIZE_MAX];
    struct kc_result (*read_secret)(struct kc_buffer *out, const char *path);
    void *library;
    CK_FUNCTION_LIST *module;
    bool finalizes; /* this key started the module, and ends it */
    atomic_bool
        raw_rsa; /* the token knows no OAEP with SHA-256: it does the power, the padding is read here */

    pthread_mutex_t lock; /* around everything below */
    pthread_cond_t given_back;
    bool up;
    bool pin_refused;
    uint64_t tried_ns; /* when it was tried last to come up again */
    unsigned generation;
    CK_SLOT_ID slot;
    CK_OBJECT_HANDLE object;
    CK_SESSION_HANDLE idle[KC_TOKEN_SESSIONS_MAX];
    size_t idle_count;
    size_t out_count;
};

/* A private key as it stands in the token. */
struct kc_token_found {
    CK_OBJECT_HANDLE object;
    enum kc_key_type type;
    struct kc_public_key public_key; /* KC_KEY_NONE when the token does not tell */
};

/* Finds the key that the URI names; KC_TOKEN_KEY_MISSING, KC_TOKEN_AMBIGUOUS, KC_TOKEN_KEY_LOOSE, KC_WRONG_ALGORITHM,
 * KC_TOKEN_UNAVAILABLE. */
KC_MUST_USE struct kc_result kc_token_find(struct kc_token_found *out,
                                           const struct kc_token_key *key,
                                           CK_SESSION_HANDLE session);

/* Makes a pair under the name in the URI. KC_CRYPTO_FAILED; KC_CONFIG_INVALID when the URI names no object. */
KC_MUST_USE struct kc_result kc_token_generate(const struct kc_token_key *key,
                                               CK_SESSION_HANDLE session, enum kc_key_type type,
                                               enum kc_token_use use);

/* A session and the key in it; the key's handle is read under the lock, the operations run outside. */
struct kc_token_lease {
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE object;
    unsigned generation;
};

/* The operations, in one session. What the token said; data that it refused is CKR_ENCRYPTED_DATA_INVALID. */
CK_RV kc_token_sign(const struct kc_token_key *key, const struct kc_token_lease *lease,
                    uint8_t *signature, size_t *size, const uint8_t digest[KC_DIGEST_SIZE]);
CK_RV kc_token_agree(const struct kc_token_key *key, const struct kc_token_lease *lease,
                     uint8_t shared[KC_P256_COORDINATE_SIZE], const struct kc_public_key *peer);
CK_RV kc_token_unwrap(struct kc_token_key *key, const struct kc_token_lease *lease, uint8_t *secret,
                      size_t *size, size_t capacity, struct kc_view wrapped);

#endif
