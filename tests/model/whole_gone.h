/* What the checker knows of purses that are out of use by somebody's word: lost, or of an account that was given up; of the purse
 * that takes the place of a lost one; and of what came to accounts and successors for them. Internal to it. */
#ifndef KC_TESTS_WHOLE_GONE_H
#define KC_TESTS_WHOLE_GONE_H

#include "whole_truth.h"

/* Nobody's purse is lost. */
void gone_begin(struct truth *truth);
/* Before the registrar says that a purse is lost; and after it, with what came of it. */
void gone_word(struct truth *truth, unsigned holder);
bool gone_told(struct truth *truth, unsigned holder, struct kc_result result);
/* From now on another purse may take the place of this one. */
void gone_follows(struct truth *truth, unsigned holder);

/* Another one has, and the holder of the old one goes on with it in the old one's place. */
void gone_retire(struct truth *truth, unsigned holder);

/* Whether the purse was lost or its account was given up; and whether another one has its place. */
bool gone_is_out(const struct truth *truth, unsigned holder);
bool gone_is_replaced(const struct truth *truth, unsigned holder);
/* Whether nothing more is waited for of what it signs. */
bool gone_is_over(const struct truth *truth, unsigned holder);
/* What came to the account for it, over all, or was taken from there. */
int64_t gone_late(const struct truth *truth, unsigned holder);

/* After the bank did something, when it is known which accounts are given up: who is out of use, and what moved for them. */
bool gone_bank(struct truth *truth);
/* The bank's word on a request. */
bool gone_served(struct truth *truth, unsigned holder, struct kc_result result);
/* What is given back to its payer though its payee took it: the purse of one that nobody told of. */
bool gone_may_give_back(const struct truth *truth, const struct truth_payment *payment);
/* Whether a payment out of its purse may still be taken: its payee has not come to its counter. */
bool gone_waits(const struct truth *truth, const struct kc_payment_row *row);
/* When all others have synced: who had it has what was truly his, as far as anybody told the bank. */
bool gone_ended(struct truth *truth, unsigned holder);
bool gone_end(struct truth *truth);

#endif
