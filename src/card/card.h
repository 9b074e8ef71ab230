/* A purse in a file as a smart card in a virtual reader. It is a card to the letter: with each power-up the purse starts anew
 * from its file, and nothing but the file outlives power-off, reset, or that the reader goes away. */
#ifndef KC_CARD_CARD_H
#define KC_CARD_CARD_H

#include <signal.h>

#include "card/vpcd.h"
#include "link/place.h"
#include "reader/file_purse.h"

/* Where the card is taken out of the reader on purpose, for tests and demonstrations. */
enum kc_card_removal { KC_REMOVE_NEVER, KC_REMOVE_BEFORE_COMMAND, KC_REMOVE_BEFORE_ANSWER };

/* The caller zeroes it and fills in the first part; the rest is this room's. */
struct kc_card {
    struct kc_file_purse *file;
    struct kc_slot_port port;
    enum kc_card_removal removal;
    uint64_t removal_at;                /* which command, from 1 */
    const volatile sig_atomic_t *stop;  /* becomes true when a signal asked for the end */
    const sigset_t *signals;            /* let through only while the card waits */
    void (*tell)(void *owner, bool in); /* it is in the reader, or was put out */
    void *owner;

    int fd; /* -1: none */
    bool powered;
    uint64_t commands;
    struct kc_vpcd_decoder decoder;
    uint8_t answer[KC_VPCD_HEAD_SIZE + KC_RESPONSE_SIZE_MAX];
};

/* Puts the card into the reader at `place` and answers it, again and again as the reader comes back, until asked to stop (KC_OK)
 * or taken out by `removal` (KC_CARD_REMOVED). The purse has power only while the reader gives it. */
KC_MUST_USE struct kc_result kc_card_run(struct kc_card *card, const struct kc_link_place *place);

/* One session over a connected socket, for as long as the reader is there: KC_UNREACHABLE when it left, KC_OK when asked to stop,
 * KC_CARD_REMOVED. The socket stays the caller's. */
KC_MUST_USE struct kc_result kc_card_serve(struct kc_card *card, int fd);

#endif
