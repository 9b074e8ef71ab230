/* How far the renewal of the UIM's keys is at the bank, by its signed word. */
#ifndef KC_STATION_RENEWAL_H
#define KC_STATION_RENEWAL_H

#include "station/station.h"

/* Asks the bank and waits for at most `timeout_ms`; nothing changes by it. KC_NOT_ALLOWED: a card without keys has none to renew.
 * KC_BAD_SIGNATURE, KC_MISMATCH: it is not the bank's word on this question. KC_UNREACHABLE, KC_TIMEOUT, the bank's reason. */
KC_MUST_USE struct kc_result kc_station_renewal(struct kc_renewal_word *out,
                                                struct kc_station *station, unsigned timeout_ms);

#endif
