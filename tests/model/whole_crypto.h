/* Ideal cryptography behind the shipped port: fast, deterministic, with the lengths that the shipped code wants.
 *
 * A digest is a mixing of 256 bits. A signature is a tag that only the port's `sign` gives, and that only to whoever has the
 * private key: the tag is mixed with a secret that lies in this file and is read by nobody else, so that nothing in a simulation
 * can make one from a public key. A seal has a tag of the same sort and leaves the text as it is. Keys are P-256 in form. */
#ifndef KC_TESTS_WHOLE_CRYPTO_H
#define KC_TESTS_WHOLE_CRYPTO_H

#include "crypto/port.h"

/* The state of one party; the port's context. */
struct ideal {
    uint64_t seed;
    uint64_t draws;
    bool fixed; /* random bytes depend on the seed alone, not on how many were drawn */
};

/* The port over `state`, which the caller keeps where it is. */
struct kc_crypto ideal_open(struct ideal *state, uint64_t seed);

/* A key pair from a number. */
void ideal_key(struct kc_private_key *private_key, struct kc_public_key *public_key,
               uint64_t number);

#endif
