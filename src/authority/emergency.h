/* The end of stolen issuing keys, before their time. Another issuing key is made by the newest root (issuers.h), and with it:
 *
 *   issuing-N.plan    it says `emergency = 1`: what was made before N counts no more from the moment that N does
 *   issuing-N.crt     N is in force
 *   root-R.crl        the newest root's list names every issuing certificate before N that has not ended by itself (RFC 5280
 *                     section 5); an empty one is there from the first start on, and one at each roll-over of the root
 *   the database      what the ended ones had certified, and is good, is there by N: for the same key, with the same times and
 *                     the same serial number, so that whoever knows a certificate by its number knows the new one; the old one is
 *                     among the former ones
 *   issuing-N.taken   all of that was done; the database says so too, as it may be put back from a copy of before
 *   issuing-N.shown   the directory shows it: first the issuer, then every holder, the root's list last; it says since when
 *
 * Cut between any two of these, the same command goes on with the rest, and so does every start. */
#ifndef KC_AUTHORITY_EMERGENCY_H
#define KC_AUTHORITY_EMERGENCY_H

#include "authority/authority.h"

/* Makes the newest root's list, unless the one that is there names all who ended. KC_FILE_MISSING without the root's key. */
KC_MUST_USE struct kc_result kc_emergency_list(const struct kc_crypto *crypto,
                                               const char *root_folder, const char *folder);
/* Whether certificates of ended issuers are still to be made anew. */
bool kc_emergency_is_open(const char *folder);
/* Makes them, unless file and database say that it was done; with the authority's lock held. Whatever the directory was told
 * before, it is told again then. A certificate that cannot be read is left out, and logged. The store's errors,
 * KC_CRYPTO_FAILED, KC_TOKEN_UNAVAILABLE, KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_emergency_take_over(struct kc_authority *authority);

/* Whether the directory is still to be told, and that it was. */
bool kc_emergency_is_owed(const char *folder);
KC_MUST_USE struct kc_result kc_emergency_told(const char *folder);
/* Whether the newest root's list names all who ended: without that it cannot be told. */
bool kc_emergency_is_listed(const char *folder);
/* Whether there may be such as do not know of it yet, because they read the directory at most `life_ms` ago, before it was
 * told. */
bool kc_emergency_is_fresh(const char *folder, uint64_t now_ms, uint64_t life_ms);

#endif
