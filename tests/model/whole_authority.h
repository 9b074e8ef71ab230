/* The authority and the directory of a world, played: what the bank's and the purses' requests come to is as in src/authority,
 * without X.509, a database or a network. A pair of certificates is a row here; its "certificate" is a few bytes that name it.
 * The directory shows at once what the authority publishes, and is away or not. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_AUTHORITY_H
#define KC_TESTS_WHOLE_AUTHORITY_H

#include "whole.h"

/* The world whose bank is at work on this thread; NULL when none is. */
extern _Thread_local struct whole *whole_served;

/* At the opening: the first pair of a holder, and the authority's keys. */
void whole_authority_open(struct whole *whole);
void whole_authority_first(struct whole *whole, unsigned holder);
/* A pair for the new purse of a holder's. */
void whole_authority_newcomer(struct whole *whole, unsigned holder);
/* What was certified for it is revoked, and the old one's counts again. */
void whole_authority_drop(struct whole *whole);
/* The new purse is the holder's, and what was certified for the old one is revoked. */
void whole_authority_succeed(struct whole *whole, unsigned holder);
/* The bank started again, or looks up others meanwhile: who is in its memory. */
void whole_authority_forget(struct whole *whole);

/* The pair with that signer; that signer's and the one that counts for a holder, or NULL. */
const struct whole_pair *whole_pair_of(const struct whole *whole, const struct kc_signer_id *id);
const struct whole_pair *whole_pair_newest(const struct whole *whole, unsigned holder);
/* As it is kept with the key. */
void whole_pair_number(uint8_t out[KC_PEOPLE_PAIR_SIZE], const struct whole *whole,
                       const struct whole_pair *pair);
struct kc_public_key whole_public(const uint8_t xy[2 * KC_P256_COORDINATE_SIZE]);
/* How many pairs of a holder are good. */
unsigned whole_pairs_good(const struct whole *whole, unsigned holder);

/* A purse's S6 or S10 in, the answer out: a view that holds until the next one, empty where only an unsigned word would come. */
struct kc_result whole_authority_serve(struct kc_view *reply, struct whole *whole,
                                       struct kc_view request);
/* The certificates of the key that the bank has of a holder's purse end. */
void whole_authority_expire(struct whole *whole, unsigned holder);
/* The time for private keys runs out. */
void whole_authority_wipe(struct whole *whole);

#endif
