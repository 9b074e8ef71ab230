/* An account that moves to a new UIM when an episode has come to its end. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_MOVE_H
#define KC_TESTS_WHOLE_MOVE_H

#include "whole_play.h"

/* One of the honest moves, with what may happen meanwhile; looks at all of it. */
bool move_finish(struct play *play);

#endif
