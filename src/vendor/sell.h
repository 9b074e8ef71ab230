/* A conversation with a buyer's station on the machine's link (EP1221669 [0214]-[0221]). The machine decides by itself. */
#ifndef KC_VENDOR_SELL_H
#define KC_VENDOR_SELL_H

#include "link/link.h"
#include "vendor/machine.h"

/* What happened in it, for whoever shows it. */
struct kc_sold {
    uint64_t sale; /* 0: nothing was sold */
    uint64_t slot;
    struct kc_amount amount;
    struct kc_account_id account;
    bool stuck;
    uint64_t returned; /* how many payments back were taken */
};

/* Talks with one station until it leaves. The error is why it went no further; the machine is ready for the next one unless
 * *fatal: then purse or journal failed and nothing may be sold until it is opened again. */
KC_MUST_USE struct kc_result kc_sell_talk(struct kc_sold *sold, bool *fatal,
                                          struct kc_machine *machine, struct kc_link *link);

/* A card in the machine's own slot buys: its purse is driven by APDUs. `asked`: what the card is made to pay. */
KC_MUST_USE struct kc_result kc_sell_card(struct kc_sold *sold, bool *fatal,
                                          struct kc_machine *machine, struct kc_slot *card,
                                          uint64_t slot, struct kc_amount asked);

/* ---- shared with back.c ---- */

struct kc_talk {
    struct kc_machine *machine;
    struct kc_link *link;
    struct kc_slot *card; /* instead of a link */
    struct kc_sold *sold;
    bool fatal;
    bool heard;    /* the other side said why it goes no further */
    bool selected; /* the machine waits for the payment of `slot` */
    uint64_t slot;
    struct kc_amount price;
    enum kc_sale_end outcome;
    uint64_t sale;
    uint8_t message[KC_LINK_PAYLOAD_MAX];
};

/* What the machine owes to this account goes back, payment by payment. */
KC_MUST_USE struct kc_result kc_back_pay(struct kc_talk *talk, struct kc_account_id account);

/* A buyer who pays from his account (voucher.c; EP1221669 [0211]): gives him the machine's identity and its word on a place;
 * takes the bank's word that it was paid. KC_WRONG_MACHINE, KC_MISMATCH, KC_STALE_STATE (an offer of a lost journal),
 * KC_HISTORY_FULL, errors of signatures: nothing was taken. */
KC_MUST_USE struct kc_result kc_voucher_offer(struct kc_talk *talk, struct kc_view message);
KC_MUST_USE struct kc_result kc_voucher_sell(struct kc_talk *talk, struct kc_view message);

KC_MUST_USE struct kc_result kc_talk_put(struct kc_talk *talk, struct kc_view message);
KC_MUST_USE struct kc_result kc_talk_shape(struct kc_talk *talk, const struct kc_shape *shape,
                                           const void *message);
/* The next message, copied; a notice is its reason and *heard. A hotlist is taken on the way. */
KC_MUST_USE struct kc_result kc_talk_get(struct kc_view *out, struct kc_talk *talk);
void kc_talk_tell(struct kc_talk *talk, enum kc_error reason);

#endif
