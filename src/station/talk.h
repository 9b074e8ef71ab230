/* Messages of an exchange on the link, with their trace and the losses ordered for demonstrations. */
#ifndef KC_STATION_TALK_H
#define KC_STATION_TALK_H

#include "station/exchange.h"

#define KC_STATION_PAYER "payer"
#define KC_STATION_PAYEE "payee"

struct kc_station_line {
    const char *step;
    const char *from;
    const char *to;
    const char *what;
    enum kc_station_loss loss;
};

/* Sends a message of the purse, which may lie in the slot's memory. KC_TIMEOUT when it is to be lost; errors of the link. */
KC_MUST_USE struct kc_result kc_talk_send(const struct kc_exchange *exchange,
                                          const struct kc_station_line *line,
                                          struct kc_view message);

/* Receives a message into the station's memory, valid until the next message of any kind. When it is a notice the result is its
 * reason, never KC_OK, and *heard is true; then nothing has to be told to the other side. KC_TIMEOUT when a message of this
 * kind is to be lost. */
KC_MUST_USE struct kc_result kc_talk_receive(struct kc_view *message,
                                             const struct kc_exchange *exchange, bool *heard,
                                             unsigned timeout_ms);

/* The second half of that: what a message that has come is. */
KC_MUST_USE struct kc_result kc_talk_read(struct kc_view *message,
                                          const struct kc_exchange *exchange, bool *heard,
                                          struct kc_view arrived);

/* Tells the other side why this one goes no further. It may be gone. */
void kc_talk_notice(const struct kc_exchange *exchange, enum kc_error reason);

/* What a payment-answer says: KC_OK for a receipt, the reason of a decline, or an error of decoding. */
KC_MUST_USE struct kc_result kc_talk_answer(struct kc_view answer);

/* The order inside a payment, not verified: for finding out which payment it is. */
KC_MUST_USE struct kc_result kc_talk_order(struct kc_payment_order *out, struct kc_view payment);

#endif
