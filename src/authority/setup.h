/* What setting up has that rolling over needs. Internal to this room. */
#ifndef KC_AUTHORITY_SETUP_H
#define KC_AUTHORITY_SETUP_H

#include "authority/authority.h"

/* An issuing certificate by the root, which it does not outlast. As kc_certificate_make; KC_CERT_EXPIRED. */
KC_MUST_USE struct kc_result
kc_authority_make_issuer(struct kc_buffer *der, const struct kc_crypto *crypto, const char *subject,
                         const struct kc_public_key *key, struct kc_view root,
                         const struct kc_private_key *root_key);

#endif
