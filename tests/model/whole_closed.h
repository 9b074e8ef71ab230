/* What the checker knows of accounts that are given up: who said so, when nothing more is waited for, what was paid out, and what
 * of the purse came to the account. Internal to it. */
#ifndef KC_TESTS_WHOLE_CLOSED_H
#define KC_TESTS_WHOLE_CLOSED_H

#include "whole_truth.h"

/* No account is closed. */
void closed_begin(struct truth *truth);
/* In this episode some may be. */
void closed_on(struct truth *truth);
/* Before somebody's word is told to the bank; and after it, with what came of it, or would have been heard of that. */
void closed_word(struct truth *truth, unsigned holder);
bool closed_told(struct truth *truth, unsigned holder, enum kc_close_kind kind,
                 struct kc_result result);
/* Before the bank looks after closed accounts; and after it did, in good order: nothing is left undone. */
void closed_turns(struct truth *truth);
bool closed_turned(struct truth *truth);

/* After the bank did something: who was given up, and what nothing more is waited for of. Then, when accounts follow from
 * transactions and from what came of those purses, and before they are compared, all else. */
bool closed_states(struct truth *truth);
bool closed_bank(struct truth *truth);
/* What is on its way to the ordinary bank; and what of that it did, and the bank has not heard of. */
int64_t closed_in_flight(const struct truth *truth);
int64_t closed_unheard(const struct truth *truth);
/* Whether the account was given up, so that its purse is out of use. */
bool closed_is_out(const struct truth *truth, unsigned holder);
/* And whether nothing more is waited for. */
bool closed_is_over(const struct truth *truth, unsigned holder);
/* When all others have synced and nothing more is waited for: each closed account is empty, and who had it has what was truly
 * his, as far as anybody told the bank. */
bool closed_end(struct truth *truth);

#endif
