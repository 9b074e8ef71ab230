/* An account that moves to a new UIM when an episode has come to its end. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_MOVE_H
#define KC_TESTS_WHOLE_MOVE_H

#include "whole_play.h"

/* Where a new purse lies. */
#define MOVE_NEW_PLACE (WHOLE_PLACES_MAX - 1u)

/* One envelope of the new purse to the bank and the answer back. */
struct kc_result move_carry(struct whole *whole, struct kc_view envelope);

/* One of the honest moves, with what may happen meanwhile; looks at all of it. */
bool move_finish(struct play *play);
/* In the middle of an episode: asked for at one step, confirmed at a later one, whatever came between. Whoever has moved goes on
 * with the new purse. */
bool move_act(struct play *play);
/* At the end: nothing more is waited for of the purse that was given away, and its holder has what it held. */
bool move_settle(struct play *play);

#endif
