/* Key pairs and agreement on P-256 by libcrypto's arithmetic of curves. In each seal one key is used once: to import it into the
 * EVP interface and to export it costs as much as the work itself. The arithmetic below is the one that EVP uses, in constant
 * time for P-256. Internal to this room. */
#ifndef KC_CRYPTO_LIBCRYPTO_P256_H
#define KC_CRYPTO_LIBCRYPTO_P256_H

#include <openssl/ec.h>

#include "crypto/port.h"

struct kc_p256 {
    EC_GROUP *group;
    BN_CTX *numbers;
};

KC_MUST_USE struct kc_result kc_p256_open(struct kc_p256 *out);
void kc_p256_close(struct kc_p256 *p256);

/* KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_p256_generate(struct kc_p256 *p256,
                                              struct kc_private_key *private_key,
                                              struct kc_public_key *public_key);

/* Whether the coordinates are a point of the curve. */
bool kc_p256_is_point(struct kc_p256 *p256, const struct kc_public_key *key);

/* The x coordinate. KC_CANNOT_UNSEAL for a peer that is no point of the curve and a private key out of range. */
KC_MUST_USE struct kc_result kc_p256_agree(struct kc_p256 *p256,
                                           uint8_t shared[KC_P256_COORDINATE_SIZE],
                                           const struct kc_private_key *key,
                                           const struct kc_public_key *peer);

#endif
