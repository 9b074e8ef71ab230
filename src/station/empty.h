/* Taking value out of a card without keys, which signs nothing for the bank: the UIM beside it is paid by the card and
 * goes to the bank itself.
 *
 * | cut after                    | card           | UIM              | the same command again                        |
 * |------------------------------|----------------|------------------|-----------------------------------------------|
 * | the card's PAY               | reserved, open | as before        | takes that payment, and what is missing        |
 * | the UIM's DECIDE             | reserved, open | has the value    | the card hears of it, and what is missing      |
 * | the card's CONCLUDE          | has paid       | has the value    | takes the amount anew: leave out the card      | */
#ifndef KC_STATION_EMPTY_H
#define KC_STATION_EMPTY_H

#include "service/command.h"
#include "station/station.h"

/* The UIM is paid `amount` by the card; payments of the card to it that were cut off are brought to their end first and count.
 * The UIM's PIN was given. *taken is in the UIM at return, also after an error. Each payment is printed. Errors of
 * kc_station_charge_card. */
KC_MUST_USE struct kc_result kc_take_from_card(struct kc_amount *taken, struct kc_station *uim,
                                               struct kc_station *card,
                                               const struct kc_command *command,
                                               struct kc_amount amount);

/* The UIM went no further: tells whoever holds both where the value is now, and how to go on. */
void kc_tell_taken(const struct kc_station *uim, const struct kc_command *command,
                   struct kc_amount taken);

#endif
