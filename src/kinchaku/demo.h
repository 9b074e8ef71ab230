/* The demonstration: a person's first hour with a system that is up, step by step, each balance checked. */
#ifndef KC_KINCHAKU_DEMO_H
#define KC_KINCHAKU_DEMO_H

#include "kinchaku/system.h"

/* Prints each step with who sends what to whom and the balances after it. The UIM is written below the system's folder.
 * KC_INTERNAL when a balance or an ending was not what it must be. */
KC_MUST_USE struct kc_result kc_demo_run(const struct kc_system *system, bool json);

#endif
