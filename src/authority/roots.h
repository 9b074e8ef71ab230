/* The authority's roots. The first is made with the authority; each roll-over makes another of the same name. Old and new root
 * certify each other's key (RFC 4210 section 4.4), so that who has pinned the old one comes to know the new one, and who has
 * pinned the new one knows what is below the old one; and the next issuing key is certified by the new root (issuers.h).
 *
 *   root.key       root.crt             the first; in the root's folder, the certificate in the authority's too
 *   root-N.plan                         written first: the roll-over is wanted, and how long the old root is to count
 *   root-N.key                          made next, in the root's folder alone, and its certificate there
 *   root-N-by-M.crt root-M-by-N.crt     what the old root, M, and the new one certified of each other
 *   root-N.crt                          last, in the authority's folder: from here on it is in force
 *   root-N.crl                          its list of issuers that ended, DER, in the authority's folder (emergency.h), and kept
 *                                       beside its key (record.h)
 *
 * Whatever is there is gone on with by a repeat, and by kc_authority_init as long as both keys are at hand. */
#ifndef KC_AUTHORITY_ROOTS_H
#define KC_AUTHORITY_ROOTS_H

#include "authority/authority.h"

/* Roll-overs in the life of an authority. */
#define KC_ROOT_ROLLS_MAX 16u
#define KC_ROOT_BASE "root" /* of the names of its files */

/* What is wanted of a roll-over. */
struct kc_root_plan {
    uint64_t number;
    uint64_t until_ms; /* of the old root's counting below the new one; 0: to its end */
    char token[KC_TOKEN_URI_SIZE_MAX + 1]; /* where the issuing key is to be, or empty */
};

/* The number of the root in force. */
uint64_t kc_roots_newest(const char *folder);
/* What was planned with the root in force; zeros for the first. KC_CONFIG_INVALID. */
KC_MUST_USE struct kc_result kc_roots_plan(struct kc_root_plan *out, const char *folder);

/* Opens the newest roots into authority->roots, also such as count no more: so it can be told that they did. KC_FILE_MISSING,
 * KC_CERT_INVALID. */
KC_MUST_USE struct kc_result kc_roots_load(struct kc_authority *authority, const char *folder);

/* Takes their lists as they are in the files now; one that is not there, or cannot be read, stays as it was. */
void kc_roots_load_lists(struct kc_authority *authority);

/* Whether a certificate is by the root in force. */
bool kc_roots_is_by_newest(const char *folder, struct kc_view certificate);

/* Rolls the root over; with the authority's lock held. A plan that is there already is not changed. *number is that of the new
 * root. KC_PENDING while KC_ROOTS_MAX roots count, KC_TOO_LARGE after KC_ROOT_ROLLS_MAX, KC_CERT_EXPIRED when the old root has
 * ended, KC_FILE_MISSING without its key. */
KC_MUST_USE struct kc_result kc_roots_roll(uint64_t *number, const struct kc_crypto *crypto,
                                           const char *root_folder, const char *folder,
                                           uint64_t until_ms, const char *token);

/* Begin of the newest root, how long the one before it counts, and when the next of those that count ends. As kc_roots_load. */
KC_MUST_USE struct kc_result kc_roots_ends(struct kc_roll_ends *out, const char *folder);

/* Whether the list of the root in force is there, and names all these. */
bool kc_roots_list_names(const char *folder, const struct kc_revoked *ended, size_t count);
/* The list of that root which lies in `at`, the authority's folder or the root's; NULL when it is not there, or not good. Freed
 * by kc_crl_free. */
struct kc_crl *kc_roots_list_read(const char *at, uint64_t number);
/* Keeps the list of the root in force beside its key, unless that one is as new. What fails is logged. */
void kc_roots_list_keep(const char *root_folder, const char *folder);
/* Makes and writes it, with a higher number than the one before. It lasts as long as the root: nobody has the root's key at hand
 * to make another on a day. KC_FILE_MISSING without that key. */
KC_MUST_USE struct kc_result kc_roots_list_make(const struct kc_crypto *crypto,
                                                const char *root_folder, const char *folder,
                                                const struct kc_revoked *ended, size_t count);

/* Goes on with a roll-over that was cut, if there is one and the old root's key is there. */
KC_MUST_USE struct kc_result kc_roots_finish(const struct kc_crypto *crypto,
                                             const char *root_folder, const char *folder);

#endif
