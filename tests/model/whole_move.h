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

#endif
