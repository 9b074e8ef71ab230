/* What the checker knows of transfers. Internal to it. */
#ifndef KC_TESTS_WHOLE_MOVED_H
#define KC_TESTS_WHOLE_MOVED_H

#include "whole_truth.h"

/* The holder of an account; truth->holders when it is nobody's. */
unsigned truth_holder(const struct truth *truth, uint64_t account);

bool moved_is_transfer(const struct kc_transaction_row *row);
/* A transfer that the bank did not have before: the user asked for it, in these words, and does not owe. */
bool moved_may_begin(struct truth *truth, unsigned holder, const struct kc_transaction_row *row,
                     bool owes);
/* It was booked: who sent it has less, who receives it more. */
void moved_end(struct truth *truth, unsigned holder, struct truth_cash *cash,
               const struct kc_transaction_row *row);
/* Whether the transaction of that index came to an end for its purse, and for a card that it loaded. */
bool moved_ended(struct truth *truth, size_t index);

#endif
