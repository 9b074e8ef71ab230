/* The sums of the books, as the checker adds them up from rows and from what the ordinary bank did. Internal to it. */
#ifndef KC_TESTS_WHOLE_BOOKS_H
#define KC_TESTS_WHOLE_BOOKS_H

#include "whole_truth.h"

/* What the ordinary bank did under the key of a transaction: -1 when it has not decided. */
int books_ordinary_did(const struct truth *truth, const struct kc_transaction_row *row);
/* After the bank did something: outside + claims = accounts + shadows + in flight + fees, and each is the sum of its rows. */
bool books_compare(struct truth *truth);

#endif
