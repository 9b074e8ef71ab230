/* Hotlists from the bank, and from purse to purse. The station only carries them: the purse verifies the bank's signature, and
 * takes one that is newer than its own. */
#ifndef KC_STATION_HOTLIST_H
#define KC_STATION_HOTLIST_H

#include "station/talk.h"

/* Sends what of the UIM's hotlist is newer than what the other side holds. Errors of the link. */
KC_MUST_USE struct kc_result kc_hotlist_pass(const struct kc_exchange *exchange, const char *from,
                                             const char *to, struct kc_hotlist_told theirs);

/* Gives a part to the UIM. One that is refused changes nothing, and is no reason to go no further. */
void kc_hotlist_take(const struct kc_exchange *exchange, const char *to, struct kc_view message);

#endif
