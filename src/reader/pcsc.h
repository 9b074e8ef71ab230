/* A purse on a smart card behind PC/SC: a real reader, or the virtual one that kinchaku-card serves.
 *
 * 1. The card is held alone from open to close, and reset at close: what a PIN allowed ends with it.
 * 2. A command that failed is not repeated: the card may have run it. After the first failure nothing more is sent.
 * 3. A command goes out extended where reader and card take that, and else in pieces of 255 bytes; its response comes whole
 *    either way (GET RESPONSE). Which of them is settled by SELECT, which changes nothing, before anything else is sent. */
#ifndef KC_READER_PCSC_H
#define KC_READER_PCSC_H

#include "reader/reader.h"

/* Room for a sentence about readers and cards, for people. */
#define KC_PCSC_WORDS_SIZE 512

struct kc_pcsc;

/* Opens the purse on the card in `reader`: the whole name of a reader or a part that only one has; empty: whichever reader has
 * the only card. *port reaches it. After an error there is nothing to close, and `words` says what was found, or is empty.
 *
 * KC_UNREACHABLE (pcscd does not run, or no such reader), KC_NO_CARD, KC_CARD_AMBIGUOUS (two readers of that name, or two
 * cards), KC_IN_USE (another program holds the card, and goes on for a second), KC_NO_PURSE (a card of another application),
 * KC_CARD_REMOVED, KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_pcsc_open(struct kc_pcsc **out, struct kc_slot_port *port,
                                          char words[KC_PCSC_WORDS_SIZE], const char *reader);
void kc_pcsc_close(struct kc_pcsc *card);

#endif
