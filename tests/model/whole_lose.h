/* Purses that are lost in an episode, whoever holds them then goes on with them until they hear of it; and new purses in their
 * place when the settlement time is over. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_LOSE_H
#define KC_TESTS_WHOLE_LOSE_H

#include "whole_play.h"

/* The registrar says that somebody's purse is lost. */
bool lose_act(struct play *play);
/* Nothing more is waited for, and new purses are there, before the others have told what they know. */
bool lose_late(struct play *play);
/* At the end: new purses in the place of those that are lost, and what their holders have. */
bool lose_finish(struct play *play);

#endif
