/* What the root certified and said, kept beside its key. The authority's folder may be one that was put back from a copy of
 * before: an issuing certificate that it has forgotten, and whose key a thief may have, is known here yet, and so is the end of
 * one that it takes to be in force.
 *
 *   issued.crt issued-N.crt   every issuing certificate, in the order in which they were made
 *   root-R.crl                the last list of each root (roots.h)
 *
 * Nothing in force depends on it: what cannot be written is logged. */
#ifndef KC_AUTHORITY_RECORD_H
#define KC_AUTHORITY_RECORD_H

#include "authority/authority.h"
#include "authority/issuers.h"

/* Issuing certificates of one root's folder. */
#define KC_RECORD_MAX (2u * KC_ISSUER_ROLLS_MAX)
/* Places for those that a list names: of a folder and of its record. */
#define KC_ENDED_MAX (KC_ISSUER_ROLLS_MAX + KC_RECORD_MAX)

/* Adds an issuing certificate, DER, unless it is there. */
void kc_record_add(const char *root_folder, struct kc_view issuer);
/* Adds those of the authority's folder. */
void kc_record_add_all(const char *root_folder, const char *folder);

/* Behind the `count` that are in `out`, those that are not: certificates that the folder has forgotten and that were made before
 * an emergency, and any that a list of a root names already, here or in the folder. How many there are then. */
size_t kc_record_ended(struct kc_revoked out[KC_ENDED_MAX], size_t count, const char *root_folder,
                       const char *folder);

#endif
