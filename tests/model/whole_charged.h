/* What the checker knows of management charges: for each account what day is next, what was notified, what the clerk said, and
 * what must follow from that. Internal to it. */
#ifndef KC_TESTS_WHOLE_CHARGED_H
#define KC_TESTS_WHOLE_CHARGED_H

#include "whole_truth.h"

/* No account is charged. */
void charged_begin(struct truth *truth);
/* By this rule from now on. */
void charged_rule(struct truth *truth, const struct kc_charge_rule *rule);
/* Before a clerk's word is told to the bank; and after it, with what came of it, or would have been heard of that. */
void charged_word(struct truth *truth, unsigned index, enum clerk_word word);
bool charged_told(struct truth *truth, enum kc_charge_source source, struct kc_result result,
                  bool unheard);
/* Before the bank looks after charges, in good order; and after it did: nothing is left undone. */
void charged_turns(struct truth *truth);
bool charged_turned(struct truth *truth);

/* After the bank did something, when accounts follow from transactions and sweeps, and before they are compared. */
bool charged_bank(struct truth *truth);
/* What the ordinary bank gave for charges and the bank has not heard of. */
int64_t charged_unheard(const struct truth *truth);
/* Whether nothing may leave the account for others. */
bool charged_is_suspended(const struct truth *truth, unsigned holder);
/* Whether the grace time of a charge of it ran out, also if that was paid since. */
bool charged_ran_out(const struct truth *truth, unsigned holder);
/* A charge that is overdue and that the account may be asked for; 0 when there is none. */
int64_t charged_overdue(const struct truth *truth, unsigned holder);
/* The bank's word on a request. */
bool charged_served(struct truth *truth, unsigned holder, struct kc_result result);
/* At the end: the purse says what its newest certified value does. */
bool charged_shown(struct truth *truth, unsigned holder, const struct kc_purse_info *info);

#endif
