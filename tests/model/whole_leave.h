/* Accounts that are given up in an episode: words of registrar and operator, days that go by, the bank that looks after closed
 * accounts or is away. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_LEAVE_H
#define KC_TESTS_WHOLE_LEAVE_H

#include "whole_play.h"

/* In this episode accounts are given up. */
void leave_begin(struct play *play);
bool leave_act(struct play *play);
/* Nothing more is waited for before the others have told what they know; the ordinary bank may be silent. */
bool leave_late(struct play *play);
/* At the end: the settlement time runs out, the others sync, and what is left is paid out. */
bool leave_finish(struct play *play);
/* Who asks with a purse that is out of use is told, and the purse locks itself. */
bool leave_hears(struct play *play, unsigned place);

#endif
