/* What the checker knows of lost entries, limits and hotlists. Internal to it. */
#ifndef KC_TESTS_WHOLE_SETTLED_H
#define KC_TESTS_WHOLE_SETTLED_H

#include "whole_truth.h"

/* Notes the first thing that is wrong; false. */
bool truth_wrong(struct truth *truth, const char *what, uint64_t whose, int64_t found,
                 int64_t expected);
const struct kc_purse_row *truth_row(const struct truth *truth, unsigned holder);
/* Whose purse it is: WHOLE_RETIRED of one that he gave away, TRUTH_NOBODY for nobody's. And who he is. */
unsigned truth_purse_holder(const struct truth *truth, uint64_t purse);
unsigned truth_live(const struct truth *truth, unsigned holder);
int64_t truth_shadow(const struct kc_purse_row *row);
/* Whether the bank was told of lost entries of the holder's purse. */
bool truth_has_gap(const struct truth *truth, unsigned holder);

/* A pay or a receive entry against what the purse was certified, and against the hotlist that it holds. */
bool settled_may_pay(struct truth *truth, unsigned holder, unsigned payee,
                     const struct kc_entry *entry, const struct kc_purse_info *info);
bool settled_may_take(struct truth *truth, unsigned holder, unsigned payer,
                      const struct kc_entry *entry, const struct kc_purse_info *info);
/* The hotlist of a purse grows, and is one that the bank gave. */
bool settled_hotlist(struct truth *truth, unsigned place, const struct kc_purse_info *info);
/* After a certified value of a purse with lost entries: what the bank gave or took for them is the purse's from now on. */
bool settled_conforms(struct truth *truth, unsigned place, const struct kc_purse_info *info);
/* What was withdrawn, or loaded on a card, and has come with the certified value that the purse holds. */
void settled_arrivals(struct truth *truth, unsigned place, const struct kc_purse_info *info);
/* Whether a record of that purse with that counter came to the bank, and is about the order. */
bool settled_was_shown(const struct truth *truth, unsigned holder, uint64_t counter,
                       const uint8_t *order);
/* Whether the payee's own entry about it was counted, and booked. */
bool settled_was_taken(const struct truth *truth, unsigned holder, uint64_t counter,
                       const uint8_t *order);
/* Only a purse with nothing left owes something when all have synced, and then it may not pay. */
bool settled_debts_are_claimed(struct truth *truth, unsigned holder);
/* In flight for lost entries. */
int64_t settled_held(const struct truth *truth);
/* Of a purse's value what is advanced or owed. */
int64_t settled_unclear(const struct truth *truth, unsigned holder);
/* A noted payment whose payee lost the entry that would say more, while the settlement time runs. */
bool settled_waits(const struct truth *truth, const struct kc_payment_row *row);

#endif
