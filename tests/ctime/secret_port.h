/* A crypto port that keeps secrets undefined. Digests, HMAC and the seals' cipher run over the undefined bytes themselves in
 * BearSSL; operations with public keys get a defined copy, since their own constant time is BearSSL's matter, and what they give
 * is marked here: private keys and shared secrets as undefined, signatures, public keys and ciphertext as public. */
#ifndef KC_TESTS_SECRET_PORT_H
#define KC_TESTS_SECRET_PORT_H

#include "crypto/bearssl.h"

struct secret_port {
    struct kc_crypto real;
    struct kc_bearssl bearssl;
};

struct kc_crypto secret_port_open(struct secret_port *state);

/* Marks the numbers of a private key, and not its type, as secret. */
void secret_key(struct kc_private_key *key);

#endif
