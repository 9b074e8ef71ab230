/* The words that an operator reads for the states and kinds in the ledger's rows. All are constants. */
#ifndef KC_BANK_WORDS_H
#define KC_BANK_WORDS_H

#include "ledger/store.h"

const char *kc_bank_account_state_word(enum kc_account_state state);
const char *kc_bank_purse_state_word(enum kc_purse_standing state);
const char *kc_bank_kind_word(enum kc_transaction_kind kind);
const char *kc_bank_payment_state_word(enum kc_payment_state state);
const char *kc_bank_gap_state_word(enum kc_gap_state state);
const char *kc_bank_move_word(enum kc_move_kind kind);

/* Of a row that was looked for with that result; `asks`: the bank knows where the authority is. */
const char *kc_bank_ending_word(struct kc_result found, const struct kc_ending_row *row, bool asks);

#endif
