/* New keys of the bank (docs/protocol.md "New keys of the bank"): the record key-roll signed by the new signature key, and
 * rolled-keys, which holds it and is signed by the old one. Only who has both keys can make it, so nobody is led from the bank's
 * key to one that is not the bank's, and nobody claims somebody else's key.
 *
 * A chain: the record of number n leads from the keys of number n - 1 to those of number n. Two are in force at once for a
 * purse, the newest it knows and for its time the one before. */
#ifndef KC_MESSAGE_ROLL_H
#define KC_MESSAGE_ROLL_H

#include "message/cose.h"
#include "message/generated/messages.h"

/* The largest rolled-keys, signed: RSA of 3072 bits, old and new. */
#define KC_ROLL_SIZE_MAX 2304u

struct kc_roll {
    uint64_t bank;
    uint64_t number;
    uint64_t from_ms;
    uint64_t until_ms;
    struct kc_public_key former_key; /* the signature key that it ends */
    struct kc_public_key sign_key;
    struct kc_public_key encrypt_key;
};

/* What one needs to make it: the old signature key signs last. */
struct kc_roll_signers {
    struct kc_signer former;
    struct kc_signer signer;
};

/* Makes and signs it. KC_BUFFER_SMALL, KC_CRYPTO_FAILED, KC_MISMATCH (until before from). */
KC_MUST_USE struct kc_result kc_roll_make(struct kc_buffer *out, const struct kc_crypto *crypto,
                                          const struct kc_roll_signers *signers,
                                          const struct kc_realm *realm, const struct kc_roll *roll);

/* Reads it without verifying. KC_MALFORMED and the decoder's errors. */
KC_MUST_USE struct kc_result kc_roll_read(struct kc_roll *out, struct kc_view bytes);

/* Reads it and verifies both signatures with the keys in it. Errors of kc_roll_read and kc_signed_verify; KC_WRONG_DOMAIN for
 * another bank's, KC_MISMATCH when it ends before it begins. It says nothing before the caller knows one of the two keys as the
 * bank's; whether its number is the next one is the caller's to check, too. */
KC_MUST_USE struct kc_result kc_roll_open(struct kc_roll *out, const struct kc_crypto *crypto,
                                          const struct kc_realm *realm, struct kc_view bytes);

#endif
