/* What the checker knows of cards, machines and their owners. Internal to it. */
#ifndef KC_TESTS_WHOLE_KINDS_H
#define KC_TESTS_WHOLE_KINDS_H

#include "whole_truth.h"

enum kc_purse_type kinds_type(const struct truth *truth, unsigned holder);
void kinds_begin(struct truth *truth);
/* Whether the bank may take from a value what nobody's lost entries explain: where there are cards and machines, or keys that
 * end. */
bool kinds_tracks(const struct truth *truth);
/* A transfer to a card has ended well: it is loaded, and the certified value that the bank just made for it says so. */
void kinds_load(struct truth *truth, struct truth_cash *cash, unsigned card, uint64_t amount);
/* A move to a machine's owner, and the fee for it; *used rows of those that are left. */
bool kinds_sweep(struct truth *truth, const struct kc_move_row *row, size_t left, size_t *used);
bool kinds_fee(struct truth *truth, const struct kc_move_row *row, size_t left);
/* After the bank did something: what it counted of orders of cards without keys. */
bool kinds_bank(struct truth *truth);
/* After the bank took a report: a machine that showed all it has keeps no more than it is to keep. */
bool kinds_served(struct truth *truth, unsigned holder, struct kc_result result);
/* In a mixed world, after a command: what the purse has. */
bool kinds_value(struct truth *truth, unsigned place, const struct kc_purse_info *info,
                 enum truth_command command);
/* A receive entry: from one card without keys a purse takes no more than was ever loaded on it, whatever its copies say. */
bool kinds_may_take(struct truth *truth, unsigned holder, unsigned payer);
/* Whether it is a card without keys that paid again what a rogue took and denied, which the bank must take for a copied one. */
bool kinds_was_denied(const struct truth *truth, unsigned holder);
/* Whether its purse may come to owe something without having lost entries. */
bool kinds_may_owe(const struct truth *truth, unsigned holder);
/* What the bank took for its purses and its machines from the account. */
int64_t kinds_claimed(const struct truth *truth, unsigned holder);
/* When all has ended: a card without keys, and who still owes. */
bool kinds_card_ended(struct truth *truth, unsigned holder, const struct kc_purse_info *info);
bool kinds_end(struct truth *truth);

#endif
