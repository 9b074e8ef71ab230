/* The authority's own two keys, by which others speak with it. They roll over with the issuing key, under the same number:
 *
 *   sign.key encrypt.key          sign.crt encrypt.crt        the first
 *   sign-N.pub encrypt-N.pub      sign-N.crt encrypt-N.crt    beside issuing-N; the keys in files, or in the token planned
 *
 * They are made before issuing-N.crt, which puts all three in force, and certified by the new issuer at the next start. Who
 * knows the former ones yet, a request under way or a purse that the bank told of them, is answered by them, for as long as
 * private keys that were made here wait for a purse (`keys_ms`); after that their certificates are revoked. */
#ifndef KC_AUTHORITY_OWN_H
#define KC_AUTHORITY_OWN_H

#include "authority/authority.h"

/* Makes the pair of that number where `places` has it, as far as it is not there. As kc_key_pair_ensure. */
KC_MUST_USE struct kc_result kc_own_make(const struct kc_crypto *crypto, const char *folder,
                                         const struct kc_key_places *places, uint64_t number);

/* Opens the newest pair, not above the newest issuing key, and those before it that still count, into the authority. A key
 * that has no certificate yet is made when it is missing; former keys may have been destroyed, and those that ended in an
 * emergency are opened if they can be. As kc_key_pair_open; what was opened is closed by kc_own_close in any case. */
KC_MUST_USE struct kc_result kc_own_open(struct kc_authority *authority, const char *folder);
void kc_own_close(struct kc_authority *authority);

/* Has the keys in force certified, unless they are, and writes their certificates down. The store's errors, KC_CERT_EXPIRED. */
KC_MUST_USE struct kc_result kc_own_certify(struct kc_authority *authority, const char *dir);

/* The certificates of former keys whose time is over go on the list; with the authority's lock held. The store's errors. */
KC_MUST_USE struct kc_result kc_own_retire(struct kc_authority *authority);

/* As kc_envelope_open and kc_unseal, with the keys in force or a former pair that still counts; *by is that pair, or NULL. */
KC_MUST_USE struct kc_result
kc_own_open_request(const struct kc_own_keys **by, void *message, struct kc_buffer *plain,
                    struct kc_authority *authority, const struct kc_signed *envelope,
                    const struct kc_public_key *sender, const struct kc_shape *shape);
KC_MUST_USE struct kc_result kc_own_unseal(struct kc_buffer *plain, struct kc_authority *authority,
                                           const char *domain, struct kc_view sealed);

#endif
