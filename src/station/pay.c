/* The payer's side of an exchange. */
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "station/hotlist.h"
#include "station/inside.h"
#include "station/roll.h"
#include "station/talk.h"

/* As many payments as a purse keeps open. */
#define OPEN_MAX 8u

struct payer {
    struct kc_exchange *exchange;
    struct kc_station *station;
    bool heard;    /* the other side said why it goes no further */
    bool declined; /* it signed its reason, so that it knows it */
    struct kc_payee_identity payee;
    size_t payee_size;
    uint8_t payee_bytes[KC_LINK_PAYLOAD_MAX]; /* payee-identity as it came */
    size_t answer_size;
    uint8_t answer[KC_LINK_PAYLOAD_MAX];
};

/* The payee's identity, before which the bank's new keys and the hotlist, in parts, may come. */
static struct kc_result hear_payee(struct kc_view *message, struct payer *payer)
{
    struct kc_result result =
        kc_talk_receive(message, payer->exchange, &payer->heard, payer->exchange->link_ms);
    for (unsigned i = 0; i < KC_ROLLS_PASSED && !kc_failed(result) && kc_roll_is(*message); i++) {
        kc_roll_take(payer->exchange, KC_STATION_PAYER, *message);
        result = kc_talk_receive(message, payer->exchange, &payer->heard, payer->exchange->link_ms);
    }
    for (unsigned parts = 0;
         parts < KC_HOTLIST_PARTS_MAX && !kc_failed(result) && kc_slot_is_hotlist(*message);
         parts++) {
        kc_hotlist_take(payer->exchange, KC_STATION_PAYER, *message);
        result = kc_talk_receive(message, payer->exchange, &payer->heard, payer->exchange->link_ms);
    }
    return result;
}

/* Sb1, Sb2: who is there. With `full` it shows its identity even if the purses have met. */
static struct kc_result ask_who(struct payer *payer, bool full)
{
    static const struct kc_station_line line = {"Sb1", KC_STATION_PAYER, KC_STATION_PAYEE,
                                                "identify", KC_LOSE_IDENTIFY};
    struct kc_view message;
    struct kc_result result = kc_slot_identify(&message, &payer->station->uim, full);
    if (!kc_failed(result)) {
        result = kc_talk_send(payer->exchange, &line, message);
    }
    if (!kc_failed(result)) {
        result = hear_payee(&message, payer);
    }
    if (kc_failed(result)) {
        return result;
    }
    KC_ASSERT(message.size <= sizeof payer->payee_bytes);
    memcpy(payer->payee_bytes, message.data, message.size);
    payer->payee_size = message.size;
    return kc_shape_decode(&payer->payee, &kc_payee_identity_shape,
                           kc_view(payer->payee_bytes, payer->payee_size));
}

static struct kc_result slot_pay(struct kc_view *out, struct payer *payer, struct kc_amount amount)
{
    return kc_slot_pay(out, &payer->station->uim, amount, kc_clock_now_ms(),
                       kc_view(payer->payee_bytes, payer->payee_size));
}

/* ---- the answer ---- */

/* The purse forgot this payee's key meanwhile: the payee shows its identity once more. A payment of nothing only makes it
 * known. */
static struct kc_result learn_payee(struct payer *payer)
{
    struct kc_view ignored;
    struct kc_result result = ask_who(payer, true);
    if (!kc_failed(result)) {
        result = slot_pay(&ignored, payer, kc_amount_zero());
    }
    return result.code == KC_AMOUNT_ZERO ? kc_ok() : result;
}

/* Sb11, Sb12. */
static struct kc_result conclude(struct payer *payer)
{
    struct kc_view record;
    struct kc_view answer = kc_view(payer->answer, payer->answer_size);
    struct kc_result result = kc_slot_conclude(&record, &payer->station->uim, answer);
    if (result.code == KC_IDENTITY_NEEDED) {
        result = learn_payee(payer);
        if (!kc_failed(result)) {
            result = kc_slot_conclude(&record, &payer->station->uim, answer);
        }
    }
    if (!kc_failed(result)) {
        kc_station_trace(payer->station, "Sb11-Sb12", KC_STATION_PAYER, KC_STATION_PAYER,
                         "verified, recorded", 0);
    }
    return result;
}

static struct kc_result get_answer(struct payer *payer)
{
    struct kc_view message;
    struct kc_result result =
        kc_talk_receive(&message, payer->exchange, &payer->heard, payer->exchange->user_ms);
    if (!kc_failed(result)) {
        KC_ASSERT(message.size <= sizeof payer->answer);
        memcpy(payer->answer, message.data, message.size);
        payer->answer_size = message.size;
    }
    return result;
}

/* ---- a payment ---- */

/* Finds the payment that this payee has not answered; *out lies in the slot. KC_NOT_FOUND. */
static struct kc_result find_open(struct kc_view *out, struct kc_payment_order *order,
                                  struct payer *payer)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        struct kc_result result = kc_slot_open_payment(out, &payer->station->uim, (uint8_t)i);
        if (kc_failed(result)) {
            return result;
        }
        result = kc_talk_order(order, *out);
        if (kc_failed(result) || order->payee_purse.number == payer->payee.purse.number) {
            return result;
        }
    }
    return kc_result(KC_NOT_FOUND);
}

/* A purse takes the answer to an earlier payment again without complaint; then this one is still open. */
static struct kc_result check_ended(struct payer *payer)
{
    struct kc_view payment;
    struct kc_payment_order order;
    struct kc_result result = find_open(&payment, &order, payer);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    return kc_result(KC_MISMATCH);
}

static const struct kc_station_line payment_line = {"Sb5", KC_STATION_PAYER, KC_STATION_PAYEE,
                                                    "payment", KC_LOSE_PAYMENT};

/* Sends a payment and concludes its answer; *end says how it ended when the result is KC_OK. A payee that forgot this payer
 * gets the same payment with the payer's identity. */
static struct kc_result deliver(struct payer *payer, struct kc_view payment)
{
    struct kc_payment_order order;
    struct kc_result result = kc_talk_send(payer->exchange, &payment_line, payment);
    if (!kc_failed(result)) {
        result = get_answer(payer);
    }
    if (result.code == KC_IDENTITY_NEEDED && payer->heard) {
        result = find_open(&payment, &order, payer);
        if (!kc_failed(result)) {
            result = kc_talk_send(payer->exchange, &payment_line, payment);
        }
        if (!kc_failed(result)) {
            result = get_answer(payer);
        }
    }
    if (!kc_failed(result)) {
        result = conclude(payer);
    }
    return kc_failed(result) ? result : check_ended(payer);
}

static struct kc_result tell_end(struct payer *payer, struct kc_amount amount, bool again)
{
    struct kc_result said = kc_talk_answer(kc_view(payer->answer, payer->answer_size));
    const struct kc_exchange_end end = {
        .again = again, .end = said.code, .partner = payer->payee.account, .amount = amount};
    payer->exchange->tell(payer->exchange->owner, &end);
    payer->declined = kc_failed(said);
    return said;
}

/* The payment that is open to this payee, again. *found: there was one, and its end was told. */
static struct kc_result finish_open(struct payer *payer, bool *found)
{
    struct kc_view payment;
    struct kc_payment_order order;
    struct kc_result result = find_open(&payment, &order, payer);
    *found = false;
    if (result.code == KC_NOT_FOUND) {
        return kc_ok();
    }
    if (!kc_failed(result)) {
        result = deliver(payer, payment);
    }
    if (!kc_failed(result)) {
        *found = true;
        result = tell_end(payer, order.amount, true);
    }
    return result;
}

static struct kc_result pay_new(struct payer *payer, struct kc_amount amount)
{
    struct kc_view payment;
    payer->declined = false;
    kc_station_trace(payer->station, "Sb4", "user", KC_STATION_PAYER, "amount chosen", 0);
    struct kc_result result = slot_pay(&payment, payer, amount);
    if (result.code == KC_IDENTITY_NEEDED) {
        result = ask_who(payer, true);
        if (!kc_failed(result)) {
            result = slot_pay(&payment, payer, amount);
        }
    }
    if (!kc_failed(result)) {
        result = deliver(payer, payment);
    }
    return kc_failed(result) ? result : tell_end(payer, amount, false);
}

/* The payee's counter moved with its answer, so it is asked anew before the next payment. What it declined came back: that is no
 * reason not to pay now. */
static struct kc_result pay_all(struct payer *payer, const struct kc_amount *amount)
{
    bool found = false;
    struct kc_result result = ask_who(payer, false);
    if (kc_failed(result)) {
        return result;
    }
    if (payer->exchange->meet != NULL) {
        payer->exchange->meet(payer->exchange->owner, &payer->payee);
    }
    const struct kc_hotlist_told theirs = {payer->payee.hotlist, payer->payee.hotlist_base};
    result = kc_roll_pass(payer->exchange, KC_STATION_PAYER, KC_STATION_PAYEE, payer->payee.roll);
    if (!kc_failed(result)) {
        result = kc_hotlist_pass(payer->exchange, KC_STATION_PAYER, KC_STATION_PAYEE, theirs);
    }
    if (!kc_failed(result)) {
        result = finish_open(payer, &found);
    }
    if (amount == NULL) {
        return found || kc_failed(result) ? result : kc_result(KC_NOT_FOUND);
    }
    if (kc_failed(result) && !found) {
        return result;
    }
    result = found ? ask_who(payer, false) : kc_ok();
    return kc_failed(result) ? result : pay_new(payer, *amount);
}

/* What the link says, the other side knows as well or cannot be told. */
static bool worth_telling(enum kc_error error)
{
    return error != KC_OK && error != KC_TIMEOUT && error != KC_UNREACHABLE &&
           error != KC_DECLINED && error != KC_OUT_OF_ORDER && error != KC_NOT_FOUND;
}

struct kc_result kc_station_pay(struct kc_exchange *exchange, const struct kc_amount *amount)
{
    static struct payer payer;
    memset(&payer, 0, sizeof payer);
    payer.exchange = exchange;
    payer.station = exchange->station;
    struct kc_result result = pay_all(&payer, amount);
    if (!payer.heard && !payer.declined && worth_telling(result.code)) {
        kc_talk_notice(exchange, result.code);
    }
    return result;
}
