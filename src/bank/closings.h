/* Closed accounts as an operator sees them. */
#ifndef KC_BANK_CLOSINGS_H
#define KC_BANK_CLOSINGS_H

#include <stdio.h>

#include "bank/config.h"
#include "ledger/store.h"

/* Every account that was closed, or the one of that number when it is not 0: since when, by whom, until when late records are
 * waited for, and its pay-outs. */
KC_MUST_USE struct kc_result kc_closings_show(FILE *out, const struct kc_store *store,
                                              uint64_t account, bool json,
                                              const struct kc_bank_config *config);

#endif
