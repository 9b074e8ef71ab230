/* Schedules of renewals: purses get new keys, the authority and the directory are away or answer unheard, the bank has old
 * certificates revoked and forgets whom it knew. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_RENEWING_H
#define KC_TESTS_WHOLE_RENEWING_H

#include "whole_play.h"

bool renewing_begin(struct play *play);
/* A step. */
bool renewing_act(struct play *play);
/* Everybody answers again. */
void renewing_calm(struct play *play);
/* At the end: whoever is honest and may renew does, and what is old is revoked. */
bool renewing_finish(struct play *play);

#endif
