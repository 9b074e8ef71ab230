/* Keys as PEM text: PKCS#8 for private keys (RFC 5208), SubjectPublicKeyInfo for public ones. P-256 and RSA 2048/3072 only. */
#ifndef KC_CRYPTO_PEM_H
#define KC_CRYPTO_PEM_H

#include "crypto/port.h"

#define KC_PEM_SIZE_MAX 4096

/* KC_MALFORMED for what is no such text, KC_WRONG_ALGORITHM for another kind of key. */
KC_MUST_USE struct kc_result kc_pem_read_private(struct kc_private_key *out, struct kc_view pem);
KC_MUST_USE struct kc_result kc_pem_read_public(struct kc_public_key *out, struct kc_view pem);

/* KC_BUFFER_SMALL, KC_CRYPTO_FAILED. The private text is secret: the caller wipes it. */
KC_MUST_USE struct kc_result kc_pem_write_private(struct kc_buffer *out,
                                                  const struct kc_private_key *key);
KC_MUST_USE struct kc_result kc_pem_write_public(struct kc_buffer *out,
                                                 const struct kc_public_key *key);

#endif
