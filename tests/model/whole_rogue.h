/* What rogues do. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_ROGUE_H
#define KC_TESTS_WHOLE_ROGUE_H

#include "whole_play.h"

/* Changes a message on its way, and hands it over: bytes, or parts of others in it. */
bool rogue_forge(struct play *play, size_t letter);

/* A rogue's purse is copied, for later or to be used beside it; or what was copied comes into its place. */
bool rogue_copy(struct play *play);

/* Signs with a rogue's own key what no purse of it made: an order, a receipt or a decline. */
bool rogue_sign(struct play *play);

#endif
