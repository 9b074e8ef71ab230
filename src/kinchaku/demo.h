/* The demonstration: some people's first hours with a system that is up, step by step, each balance checked. demo.c is one
 * person with the bank, demo_exchange.c three people without it. */
#ifndef KC_KINCHAKU_DEMO_H
#define KC_KINCHAKU_DEMO_H

#include "kinchaku/watch.h"

/* Prints each step with who sends what to whom and the balances after it. UIMs are written below the system's folder.
 * KC_INTERNAL when a balance or an ending was not what it must be; KC_NOT_COMPLETED when a signal asked to stop. */
KC_MUST_USE struct kc_result kc_demo_run(const struct kc_system *system, bool json);

/* Payments between purses while the bank is away, its finding the truth afterwards, a torn payment, a copied purse. Adds two
 * people, and leaves the bank running. */
KC_MUST_USE struct kc_result kc_demo_exchange(struct kc_watch *watch);

/* ---- what the parts share ---- */

/* Begins a part. */
void kc_demo_announce(struct kc_watch *watch, const char *part, const char *words);

/* Whether two texts are the same amount. */
bool kc_demo_same(const char *text, const char *expected, unsigned decimals);

/* Registers one more person and opens an account; the UIM's file is named after the letter. */
KC_MUST_USE struct kc_result kc_demo_join(struct kc_watch *watch, const char *letter,
                                          const char *name);

/* What the UIM itself says now. */
KC_MUST_USE struct kc_result kc_demo_look_into_uim(struct kc_watch *watch,
                                                   struct kc_person_watched *person);

#endif
