/* The bank's keys as they roll over in an episode: records that purses fetch, get from one another, late, again or forged, and
 * identities signed anew. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_ROLL_H
#define KC_TESTS_WHOLE_ROLL_H

#include "whole_play.h"

/* In this episode the bank's keys roll over. */
void roll_begin(struct play *play);
bool roll_act(struct play *play);
/* A purse fetches all records, and its identity under the key in force. */
bool roll_learn(struct play *play, unsigned place);
/* One purse gives another the records that it has. */
bool roll_pass(struct play *play, unsigned from, unsigned to);
/* At the end, when all have learnt: each pays another at first contact. */
bool roll_finish(struct play *play);

#endif
