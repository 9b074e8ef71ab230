/* What the checker knows of keys: which of them a purse has in force, by the purse's own word; which the bank was told are its,
 * and up to which counter each signs; and which certificates are good. Internal to it. */
#ifndef KC_TESTS_WHOLE_RENEWED_H
#define KC_TESTS_WHOLE_RENEWED_H

#include "whole_truth.h"

/* Every purse with keys has its first ones. `on`: they may be renewed. */
void renewed_begin(struct truth *truth, bool on);
/* Whether the certificates of the key that the purse signs with ended by themselves. */
bool renewed_has_expired(const struct truth *truth, unsigned holder);
/* A purse has the keys that it was personalised with. */
void renewed_first(struct truth *truth, unsigned holder);

/* A close entry that the purse wrote, for the identity that it has now. */
bool renewed_close(struct truth *truth, unsigned place, const struct kc_entry *entry,
                   const struct kc_purse_info *info);
/* After every command: one working key set. */
bool renewed_purse(struct truth *truth, unsigned place);
/* After the bank did something: whose keys are in force there, and which certificates are good. */
bool renewed_bank(struct truth *truth);
/* The bank's word on a request. */
bool renewed_served(struct truth *truth, unsigned holder, struct kc_result result);
/* A counted entry of who took or refused an order, and the order. */
bool renewed_counted(struct truth *truth, const struct kc_record_row *row, unsigned taker,
                     unsigned payer, const struct kc_payment_order *order,
                     const struct kc_signed *parsed);
/* Whether what is signed is the holder's word for the bank, at that counter of its purse. `newer`: also the newest key's word on
 * a counter before it counts. */
bool renewed_verifies(const struct truth *truth, unsigned holder, const struct kc_signed *parsed,
                      const struct kc_shape *shape, uint64_t counter, bool newer);
/* Whether the payer has other keys now than when it paid. */
bool renewed_since(const struct truth *truth, const struct truth_payment *payment);
/* Whether the purse gave back what a rogue declined under a key of its that had ended: the bank waits for better. */
bool renewed_waits(const struct truth *truth, unsigned holder);
/* Whether the holder's purse could renew its keys now; and that it did. */
bool renewed_may(struct truth *truth, unsigned holder);
bool renewed_worked(struct truth *truth, unsigned holder, uint64_t before);
uint64_t renewed_count(const struct truth *truth, unsigned holder);
/* When the authority has answered everything: nothing but the keys in force is good of what was confirmed or came before it. */
bool renewed_retired(struct truth *truth);

#endif
