/* A crypto port for tests of storage: the digests are SHA-256, the rest is fast, deterministic and safe against nobody. What
 * one port seals and signs it opens and verifies, so the purse core runs unchanged over it, thousands of times a second, and two
 * runs from the same count of draws give the same bytes. P-256 alone. */
#ifndef KC_TESTS_STAND_IN_H
#define KC_TESTS_STAND_IN_H

#include "crypto/port.h"

struct stand_in {
    struct kc_crypto real; /* for SHA-256 and HMAC */
    uint64_t draws;        /* of random bytes so far */
    unsigned compared;     /* HMACs under a key of the size of a PIN's salt so far */
};

/* `real` is open and outlives the port. */
struct kc_crypto stand_in_open(struct stand_in *state, const struct kc_crypto *real);

#endif
