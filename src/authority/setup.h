/* What setting up has that rolling over needs. Internal to this room. */
#ifndef KC_AUTHORITY_SETUP_H
#define KC_AUTHORITY_SETUP_H

#include "authority/authority.h"

/* An issuing certificate by the root, which it does not outlast; it begins a second or more after `after_ms`, the beginning of
 * the one before, so that the newest can be told. As kc_certificate_make; KC_CERT_EXPIRED also when that is yet to come. */
KC_MUST_USE struct kc_result
kc_authority_make_issuer(struct kc_buffer *der, const struct kc_crypto *crypto, const char *subject,
                         const struct kc_public_key *key, struct kc_view root,
                         const struct kc_private_key *root_key, uint64_t after_ms);
/* A self-signed root, in the same way. */
KC_MUST_USE struct kc_result
kc_authority_make_root(struct kc_buffer *der, const struct kc_crypto *crypto, const char *subject,
                       const struct kc_public_key *key, const struct kc_private_key *private_key,
                       uint64_t after_ms);
/* A random serial number. KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_authority_make_serial(uint8_t out[KC_SERIAL_SIZE],
                                                      const struct kc_crypto *crypto);

#endif
