/* What the station's files share: a step carried to the bank and back, and its trace. */
#ifndef KC_STATION_INSIDE_H
#define KC_STATION_INSIDE_H

#include "station/station.h"

/* One half of a round trip as the trace names it, with what its receiver did. */
struct kc_station_leg {
    const char *step;
    const char *what;
    const char *then;
    const char *done;
    enum kc_station_loss loss;
};

/* One step in the trace, with what the UIM holds after it. Uses the slot's memory: nothing may point into it. */
void kc_station_trace(struct kc_station *station, const char *step, const char *from,
                      const char *to, const char *what, size_t bytes);

/* Carries one envelope to the bank and the answer back into the UIM; *message is what the UIM read in it. A message that is lost
 * on purpose ends as a time-out, like one that was lost on the way. */
KC_MUST_USE struct kc_result kc_station_carry(struct kc_view *message, struct kc_station *station,
                                              struct kc_view out,
                                              const struct kc_station_leg *there,
                                              const struct kc_station_leg *back);

/* The same to another server, which the trace names. */
KC_MUST_USE struct kc_result kc_station_carry_to(struct kc_view *message,
                                                 struct kc_station *station, const char *server,
                                                 const char *url, struct kc_view out,
                                                 const struct kc_station_leg *there,
                                                 const struct kc_station_leg *back);

/* The bank's key in force as the UIM knows it, and the realm in which it signs. */
KC_MUST_USE struct kc_result kc_station_bank(struct kc_realm *realm, struct kc_public_key *key,
                                             struct kc_station *station);

/* The reason in a refusal, or KC_OK when the message is something else. */
KC_MUST_USE struct kc_result kc_station_check_refusal(struct kc_view message);

/* True while the close entry of a key is not certified: the new key is in force, and only the bank's word on it is missing. */
bool kc_station_is_unconfirmed(struct kc_station *station);

/* Reports entries until the bank has certified all of them (Sc1 to Sc4), at least once. */
KC_MUST_USE struct kc_result kc_station_report(struct kc_station *station);

#endif
