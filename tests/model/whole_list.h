/* The hotlist in its two parts, a base and what adds to it: fetched, passed on, late, again, forged, with power that may go.
 * Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_LIST_H
#define KC_TESTS_WHOLE_LIST_H

#include "whole_play.h"

/* In an episode that is about this: another purse goes out of use, or what list_act does. */
bool list_grow(struct play *play);
bool list_act(struct play *play, unsigned place);
/* What a station does: the part that the bank has for who holds that base, until nothing new comes. */
bool list_fetch(struct play *play, unsigned place);

#endif
