/* An account's statement: every posting that touched it, oldest first, from the journal itself. */
#ifndef KC_BANK_STATEMENT_H
#define KC_BANK_STATEMENT_H

#include <stdio.h>

#include "ledger/store.h"

enum kc_statement_form { KC_STATEMENT_TEXT, KC_STATEMENT_CSV, KC_STATEMENT_JSON };

/* Writes it to `out` as the postings are read, whatever their number; all that is read is of one moment, also beside a running
 * bank. KC_UNKNOWN_ACCOUNT; KC_STORE_CORRUPT when the postings do not come to the balance that is kept; errors of the store,
 * KC_IO_FAILED. What was written before an error stays written. */
KC_MUST_USE struct kc_result kc_bank_statement(FILE *out, const struct kc_store *store,
                                               const char *account, enum kc_statement_form form,
                                               unsigned decimals);

#endif
