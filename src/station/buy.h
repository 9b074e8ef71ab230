/* Buying from a machine: its shelf, a sale, and what it owes. */
#ifndef KC_STATION_BUY_H
#define KC_STATION_BUY_H

#include "station/offline.h"

/* Prints what the machine has. */
KC_MUST_USE struct kc_result kc_buy_shelf(struct kc_offline *offline);
/* Buys from the place named by the second argument, for its price or, with --amount, for that. KC_ITEM_STUCK: it did not come
 * out and the value is back; KC_NOT_COMPLETED: the machine still owes it. */
KC_MUST_USE struct kc_result kc_buy_item(struct kc_offline *offline);
/* Takes back what the machine owes. KC_NOT_FOUND: nothing. */
KC_MUST_USE struct kc_result kc_buy_claim(struct kc_offline *offline);

/* ---- from the account (voucher.c; EP1221669 [0211]) ---- */

/* Buys from that place for its price, which the bank takes from the account: the UIM needs no value. The offer, and the bank's
 * word that it was paid, stand in a file until the machine took them, so that whatever is cut off can be claimed.
 * KC_PENDING: an earlier one of this machine stands there. KC_ITEM_STUCK: it did not come out, and the machine owes it. */
KC_MUST_USE struct kc_result kc_voucher_buy(struct kc_offline *offline, uint64_t slot);
/* Brings what was paid to the machine at the other end of the link, whose purse this is. KC_NOT_FOUND: nothing stands there.
 * KC_NOT_COMPLETED: it was never paid, and is forgotten. */
KC_MUST_USE struct kc_result kc_voucher_claim(struct kc_offline *offline,
                                              struct kc_purse_id machine);

#endif
