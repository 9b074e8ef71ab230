/* What the checker knows of the bank's keys as they roll over: which of them each purse has, and what counts by them. Internal to
 * it. */
#ifndef KC_TESTS_WHOLE_ROLLED_H
#define KC_TESTS_WHOLE_ROLLED_H

#include "whole_truth.h"

/* A message that was forged, or never sent. */
#define ROLLED_UNKNOWN UINT64_MAX

/* After a command to a purse, also one that power was cut in: it has the bank's own records, and what it had or one more. */
bool rolled_purse(struct truth *truth, unsigned place);
/* The purse was given a record of the bank's and answered this. */
bool rolled_took(struct truth *truth, unsigned place, uint64_t number, struct kc_result result);
/* The two that follow are for honest purses: what was tampered with, or copied from that, may have a stranger's keys.
 * The purse was given a reply that the bank signed under the keys of that number, and answered this; `held` and `stamp_ms` are
 * what it had before. */
bool rolled_reply(struct truth *truth, unsigned place, uint64_t number, uint64_t held,
                  uint64_t stamp_ms, struct kc_result result);
/* The purse took an offer or a payment with that identity in it, at a time by its clock and its last stamp. */
bool rolled_identity(struct truth *truth, unsigned place, struct kc_view identity, uint64_t held,
                     uint64_t time_ms);
/* The bank was given a request that was sealed by what a purse knew then, and answered this. */
bool rolled_served(struct truth *truth, uint64_t number, struct kc_result result);

#endif
