/* The commands for payments without the bank: their options, what they ask and print. */
#ifndef KC_STATION_OFFLINE_H
#define KC_STATION_OFFLINE_H

#include "service/command.h"
#include "station/exchange.h"

/* A command with its options read. */
struct kc_offline {
    struct kc_station *station;
    const struct kc_command *command;
    struct kc_link_place place;
    const char *reader; /* pcsc:READER, whose card is the partner; else NULL */
    unsigned timeout_ms;
    struct kc_amount amount; /* of `receive`: asked for, or zero */
    struct kc_exchange exchange;
    struct kc_link link;
};

/* Reads --link, --amount and --wait; link_ms is for what machines answer by themselves. KC_USAGE and the errors of amounts. */
KC_MUST_USE struct kc_result kc_offline_read(struct kc_offline *out, struct kc_station *station,
                                             const struct kc_command *command, unsigned link_ms);

/* Each prints how payments ended and, when it went well, the state. The PIN was given. */
KC_MUST_USE struct kc_result kc_offline_receive(struct kc_offline *offline);
KC_MUST_USE struct kc_result kc_offline_pay(struct kc_offline *offline);
KC_MUST_USE struct kc_result kc_offline_resume(struct kc_offline *offline);

/* Prints how a payment ended; `owner` is the struct kc_offline. */
void kc_offline_tell(void *owner, const struct kc_exchange_end *end);

/* What the user can do next; NULL when there is nothing to say. `pays`: the command was the payer's. */
const char *kc_offline_advice(struct kc_station *station, enum kc_error error, bool pays);

#endif
