/* The proof of new keys: signed by the key that is to be certified, naming both. */
#ifndef KC_SERVICE_KEY_PROOF_H
#define KC_SERVICE_KEY_PROOF_H

#include "message/cose.h"

/* Reads and checks a proof; `own` is any private key of the reader's, with which a P-256 encryption key is tried.
 * KC_MALFORMED (also for a point that is not on the curve), KC_WRONG_ALGORITHM (one key twice, or two kinds),
 * KC_BAD_SIGNATURE, KC_WRONG_DOMAIN. */
KC_MUST_USE struct kc_result
kc_key_proof_read(struct kc_public_key *sign, struct kc_public_key *encrypt,
                  const struct kc_crypto *crypto, const struct kc_realm *realm,
                  const struct kc_private_key *own, struct kc_view bytes);

#endif
