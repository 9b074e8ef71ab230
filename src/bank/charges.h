/* Management charges as an operator sees them. */
#ifndef KC_BANK_CHARGES_H
#define KC_BANK_CHARGES_H

#include <stdio.h>

#include "bank/config.h"
#include "ledger/store.h"

/* All that was ever notified, in sums. */
struct kc_charges {
    struct kc_amount taken; /* from accounts and ordinary bank accounts */
    uint64_t notified;      /* how many wait for their day */
    uint64_t grace;
    uint64_t suspended;
};

/* account, ordinary or included, which also stands for "paid". False for any other word. */
bool kc_charge_word_take(enum kc_charge_source *out, const char *word);

KC_MUST_USE struct kc_result kc_charges_sum(struct kc_charges *out, const struct kc_store *store);
/* Every account that is charged, in the order in which something is to be done about it. */
KC_MUST_USE struct kc_result kc_charges_show(FILE *out, const struct kc_store *store, bool json,
                                             const struct kc_bank_config *config);
/* How one account is charged, and every charge that it was notified of. Nothing when it is not. */
KC_MUST_USE struct kc_result kc_charges_show_account(FILE *out, const struct kc_store *store,
                                                     struct kc_account_id account, bool json,
                                                     const struct kc_bank_config *config);

#endif
