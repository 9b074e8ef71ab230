/* The BearSSL backend of the crypto port: constant time, no heap. It belongs to the purse core.
 *
 * Signatures with P-256 are deterministic (RFC 6979). One difference from other implementations: a digest that is zero
 * modulo the order of P-256 never verifies. No message with such a digest is known. */
#ifndef KC_CRYPTO_BEARSSL_H
#define KC_CRYPTO_BEARSSL_H

#include <bearssl.h>

#include "crypto/port.h"

struct kc_bearssl {
    br_hmac_drbg_context drbg;
};

/* Sets up the port over memory lent by the caller, seeded with at least 32 bytes of entropy; `state` must
 * live as long as `out` is used. KC_CRYPTO_FAILED when the seed is shorter. */
KC_MUST_USE struct kc_result kc_bearssl_open(struct kc_crypto *out, struct kc_bearssl *state,
                                             struct kc_view seed);

/* The same, seeded by the operating system. KC_CRYPTO_FAILED when it has no entropy source. */
KC_MUST_USE struct kc_result kc_bearssl_open_system(struct kc_crypto *out,
                                                    struct kc_bearssl *state);

#endif
