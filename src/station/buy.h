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

#endif
