/* Orders of the operator's commands to the running bank. */
#ifndef KC_BANK_ORDER_H
#define KC_BANK_ORDER_H

#include "bank/config.h"

/* Posts a JSON body to `path` of the bank whose folder this is. Errors that the bank names; KC_UNREACHABLE, KC_TIMEOUT when it
 * does not run, errors of the token file. */
KC_MUST_USE struct kc_result kc_bank_order(const struct kc_bank_config *config, const char *folder,
                                           const char *path, const char *body);

#endif
