/* The bank's new keys, from the bank and from purse to purse. The station only carries the records: the purse verifies that
 * the old key and the new one signed them. */
#ifndef KC_STATION_ROLL_H
#define KC_STATION_ROLL_H

#include "station/talk.h"

/* As many records as a purse holds. */
#define KC_ROLLS_PASSED 2u

/* Fetches the records that the UIM does not hold yet, has its identity signed anew where an old key signed it, and fetches what
 * the bank tells of the authority's keys. True when the UIM took new keys. What does not arrive changes nothing. */
bool kc_station_learn_keys(struct kc_station *station);

/* Sends the records that the UIM holds and the other side, whose newest is number `theirs`, does not. Errors of the link. */
KC_MUST_USE struct kc_result kc_roll_pass(const struct kc_exchange *exchange, const char *from,
                                          const char *to, uint64_t theirs);

/* True when that message of the other side is such a record. */
bool kc_roll_is(struct kc_view message);

/* Gives it to the UIM. One that is refused changes nothing, and is no reason to go no further. */
void kc_roll_take(const struct kc_exchange *exchange, const char *to, struct kc_view message);

#endif
