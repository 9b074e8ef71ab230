/* Payments between two UIMs without the bank (EP1221669 Fig 16, Sb1 to Sb12): the station carries the purses' messages over a
 * link, shows its user what the purse read in them, and hands over the user's OK or NG.
 *
 *   payer                                       payee
 *   identify -------- Sb1 ------------------->  offers itself
 *             <------ Sb2 ----- payee-identity
 *   reserves, Sb3, Sb4
 *   payment  -------- Sb5 ------------------->  examines, Sb6, Sb7; the user says OK or NG, Sb8; records it, Sb9
 *             <------ Sb10 ----- payment-answer
 *   concludes, Sb11, Sb12
 *
 * 1. What the payer's purse reserved stays so until the payee's signed answer or the bank's word, whatever happens to the link.
 * 2. A payment without answer is sent again, the same bytes, before anything new is paid to the same payee.
 * 3. The payee's purse decides a payment once; a payment it decided before gets the same answer, and nobody is asked.
 * 4. A side that goes no further says why in a notice. A notice is nobody's word: it ends the conversation, not a payment. */
#ifndef KC_STATION_EXCHANGE_H
#define KC_STATION_EXCHANGE_H

#include "link/link.h"
#include "station/station.h"

/* How one payment ended, or stands. */
struct kc_exchange_end {
    bool received; /* this side is the payee */
    bool again;    /* it was sent, or answered, in an earlier conversation */
    bool
        unanswered; /* the answer was not delivered: the payer does not know yet and will ask again */
    enum kc_error
        end; /* KC_OK: paid; KC_DECLINED: NG; KC_OUT_OF_ORDER: too late, its value came back */
    struct kc_account_id partner;
    struct kc_amount amount;
};

/* A way to the other side that is no link, because the station drives both sides. Contracts as for kc_link_send and _receive. */
struct kc_line {
    void *context;
    struct kc_result (*send)(void *context, struct kc_view message);
    struct kc_result (*receive)(struct kc_view *out, void *context);
};

struct kc_exchange {
    struct kc_station *station;
    struct kc_link *link;       /* open; not looked at when there is a line */
    const struct kc_line *line; /* NULL: there is a link */
    unsigned link_ms;           /* for whatever a machine answers by itself */
    unsigned user_ms;           /* for the other side's user */
    void *owner;
    /* Payee: asks the user; true for OK. */
    bool (*ask)(void *owner, const struct kc_payment_order *order);
    /* Told once for each payment that ended, in order. */
    void (*tell)(void *owner, const struct kc_exchange_end *end);
    /* Payer: told whom it has before it, before anything is paid. May be NULL. */
    void (*meet)(void *owner, const struct kc_payee_identity *payee);
};

/* Payer. Sends again what this payee has not answered, then pays `amount`; with NULL only the first. The error is the purse's,
 * the link's, or what the other side gave as its reason; KC_DECLINED and KC_OUT_OF_ORDER by the payee's signed word.
 * KC_TIMEOUT and KC_UNREACHABLE: the UIM's open amount says whether a payment is under way.
 * KC_NOT_FOUND: `amount` is NULL and nothing is open to this payee. */
KC_MUST_USE struct kc_result kc_station_pay(struct kc_exchange *exchange,
                                            const struct kc_amount *amount);

/* Payee. Answers one payer until it leaves; `asked` zero: any amount. KC_OK when a payment was taken last, KC_DECLINED when the
 * user said NG last; an error when it went no further and no payment was decided since. */
KC_MUST_USE struct kc_result kc_station_receive(struct kc_exchange *exchange,
                                                struct kc_amount asked);

/* Payee, for a payer that the same station drives: what it answers to one message goes out by its line. The caller fills in the
 * first three and zeroes the rest. An error that kc_station_receive would end with: the payer was told, or told it. */
struct kc_payee {
    struct kc_exchange *exchange;
    struct kc_station *station;
    struct kc_amount asked;
    bool heard;            /* the payer said why it goes no further */
    bool decided;          /* a payment was, and nothing has failed since */
    struct kc_result last; /* how it was decided */
};
KC_MUST_USE struct kc_result kc_payee_hear(struct kc_payee *payee, struct kc_view message);

/* A payment between the UIM and the purse on a card, both in this station's hands, in either direction: exactly the messages of
 * an exchange over a link, and each purse checks what it checks there. `card` is open and has no PIN. `exchange` is the UIM's,
 * without link and line. Pays `amount` after what is open; with NULL only what is open. Errors of kc_station_pay. */
KC_MUST_USE struct kc_result kc_station_pay_card(struct kc_exchange *exchange,
                                                 struct kc_station *card,
                                                 const struct kc_amount *amount);
KC_MUST_USE struct kc_result kc_station_charge_card(struct kc_exchange *exchange,
                                                    struct kc_station *card,
                                                    const struct kc_amount *amount);

#endif
