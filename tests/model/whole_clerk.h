/* What happens to accounts that are charged for being kept: days go by, the bank looks after charges or is away, clerks say where
 * they come from, the amount is changed, accounts are emptied. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_CLERK_H
#define KC_TESTS_WHOLE_CLERK_H

#include "whole_play.h"

/* From now on accounts are charged by a rule of this episode. */
bool clerk_begin(struct play *play);
bool clerk_act(struct play *play);
/* At the end: the bank is there, and who owes a charge pays it. */
bool clerk_finish(struct play *play);

#endif
