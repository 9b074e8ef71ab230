/* The pairs of certificates that a purse has and that have not ended, by the books. Whatever protocol the authority speaks: it is
 * told of them where they are to end. */
#ifndef KC_BANK_PAIRS_H
#define KC_BANK_PAIRS_H

#include "ledger/store.h"

/* The pair of a purse's keys, and those that were certified beside it for keys that it never confirmed. */
#define KC_BANK_PAIRS_MAX 8u
struct kc_bank_pairs {
    size_t size;
    uint8_t bytes[KC_BANK_PAIRS_MAX * KC_PAIR_SIZE];
};

/* Confirmed renewals of one purse are looked through up to this many: one a day would take more than a century. */
#define KC_BANK_RENEWALS_MAX 65536u

/* Adds one that has not ended, while there is room. */
void kc_bank_add_pair(struct kc_bank_pairs *out, const uint8_t pair[KC_PAIR_SIZE],
                      uint64_t expires_ms, uint64_t now_ms);

/* Renewals of a purse, newest first, whose pair waits, or was left for another, before the one of this number: those beside the
 * key `old_signer`, at most KC_BANK_PAIRS_MAX, and as long as the call gives true. Errors of the store. */
KC_MUST_USE struct kc_result
kc_bank_each_left(const struct kc_store *store, uint64_t purse, uint64_t number,
                  const uint8_t old_signer[KC_SIGNER_SIZE], void *owner,
                  bool (*each)(void *owner, const struct kc_renewal_row *row));
/* Adds their pairs. */
KC_MUST_USE struct kc_result
kc_bank_list_left(struct kc_bank_pairs *out, const struct kc_store *store, uint64_t purse,
                  uint64_t number, const uint8_t old_signer[KC_SIGNER_SIZE], uint64_t now_ms);

/* All of a purse's: none for one without keys. Errors of the store. */
KC_MUST_USE struct kc_result kc_bank_list_pairs(struct kc_bank_pairs *out,
                                                const struct kc_store *store, uint64_t purse,
                                                uint64_t now_ms);

#endif
