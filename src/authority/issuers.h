/* The authority's issuing keys. The first is made with the authority; each roll-over makes another, whose certificate is by the
 * newest root, and which issues everything from then on. An older one goes on signing its own revocation list, and certifies who
 * answers about what it issued, until its certificate ends.
 *
 *   issuing.key     issuing.crt       the first
 *   issuing-N.plan                    written first: the roll-over is wanted, where its key is to be, and whether those before
 *                                     it are stolen (emergency.h)
 *   issuing-N.key                     made next, unless it is in a token, and with it the authority's own next keys (own.h)
 *   issuing-N.crt                     last: from here on it is in force
 *
 * Whatever is there is gone on with by a repeat, and by kc_authority_init as long as the root's key is at hand. */
#ifndef KC_AUTHORITY_ISSUERS_H
#define KC_AUTHORITY_ISSUERS_H

#include "authority/authority.h"

/* Roll-overs in the life of an authority. */
#define KC_ISSUER_ROLLS_MAX 32u

/* The number of the newest issuing key that is in force. */
uint64_t kc_issuers_newest(const char *folder);

/* The newest in force that was made in an emergency: those before it have ended. 0: none was. */
uint64_t kc_issuers_emergency(const char *folder);
/* Whether one was planned in an emergency. */
bool kc_issuers_is_emergency(const char *folder, uint64_t number);
/* The certificate of one and its times. KC_FILE_MISSING, KC_CERT_INVALID. */
KC_MUST_USE struct kc_result kc_issuers_load(struct kc_issuer *out, const char *folder,
                                             uint64_t number);
/* Those that have ended so, before their time, for a root's list; how many. */
size_t kc_issuers_ended(struct kc_revoked out[KC_ISSUER_ROLLS_MAX], const char *folder);

/* Where the keys of that number are, issuing key and own ones: as configured those of 0, as planned any other's. */
KC_MUST_USE struct kc_result kc_issuers_places(struct kc_key_places *out,
                                               const struct kc_key_places *configured,
                                               const char *folder, uint64_t number);

/* Opens the newest issuer and those before it that have not ended into authority->issuers, then those that ended in an emergency
 * as far as their keys are kept and there is room, else into authority->ended. As kc_key_pair_open; what was opened is closed by
 * kc_issuers_close in any case. */
KC_MUST_USE struct kc_result kc_issuers_open(struct kc_authority *authority, const char *folder);
void kc_issuers_close(struct kc_authority *authority);

/* Rolls the issuing key over; with the authority's lock held. `token` is a PKCS#11 URI for the new key or NULL, a file; a plan
 * that is there already is not changed. *number is that of the new key. KC_PENDING while KC_ISSUERS_MAX issuers have not ended,
 * but for an emergency; KC_TOO_LARGE after KC_ISSUER_ROLLS_MAX, KC_CERT_EXPIRED when the root has ended, KC_FILE_MISSING without
 * the root's key. */
KC_MUST_USE struct kc_result kc_issuers_roll(uint64_t *number, const struct kc_crypto *crypto,
                                             const struct kc_key_places *configured,
                                             const char *root_folder, const char *folder,
                                             const char *token, bool emergency);

/* Begin of the newest issuer, end of the one before it, and the end that comes next. As kc_issuers_open. */
KC_MUST_USE struct kc_result kc_issuers_ends(struct kc_roll_ends *out, const char *folder);
/* Whether there may be one more issuer. */
bool kc_issuers_have_room(const char *folder);
/* Whether a roll-over is planned, and not at its end. */
bool kc_issuers_are_planned(const char *folder);
/* Plans the one that is planned for an emergency, and its key elsewhere: in `token` or, with NULL, a file. What was made in the
 * token that it was planned in is in force nowhere. As kc_file_write. */
KC_MUST_USE struct kc_result kc_issuers_plan_anew(const char *folder, const char *token);
/* Whether the newest root in force has no issuer yet: its roll-over is not at its end. */
bool kc_issuers_wait_for_root(const char *folder);

/* Goes on with a roll-over that was cut, of the issuing key or of the root, if there is one and the root's key is there.
 * KC_PENDING while a newer root's issuer has no room. */
KC_MUST_USE struct kc_result kc_issuers_finish(const struct kc_crypto *crypto,
                                               const struct kc_key_places *configured,
                                               const char *root_folder, const char *folder);

#endif
