/* The payee's side of an exchange. */
#include <string.h>

#include "base/clock.h"
#include "station/hotlist.h"
#include "station/inside.h"
#include "station/roll.h"
#include "station/talk.h"

/* A payer asks who is there at most four times and pays at most twice; whoever talks longer wants something else. */
#define MESSAGES_MAX 16u

/* Sb1, Sb2. Before the identity go the bank's new keys and the hotlist, when the payer's are older: a payer of this bank,
 * which the offer finds out. */
static struct kc_result answer_identify(struct kc_payee *payee, struct kc_view identify)
{
    static const struct kc_station_line line = {"Sb2", KC_STATION_PAYEE, KC_STATION_PAYER,
                                                "payee-identity", KC_LOSE_IDENTITY};
    struct kc_view offer;
    struct kc_identify said;
    struct kc_slot *uim = &payee->station->uim;
    struct kc_result result = kc_slot_offer(&offer, uim, payee->asked, identify);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&said, &kc_identify_shape, identify);
    }
    if (!kc_failed(result)) {
        result = kc_roll_pass(payee->exchange, KC_STATION_PAYEE, KC_STATION_PAYER, said.roll);
    }
    if (!kc_failed(result)) {
        const struct kc_hotlist_told theirs = {said.hotlist, said.hotlist_base};
        result = kc_hotlist_pass(payee->exchange, KC_STATION_PAYEE, KC_STATION_PAYER, theirs);
    }
    /* Again, because it lay in the memory of the slot; nothing changes with it. */
    if (!kc_failed(result)) {
        result = kc_slot_offer(&offer, uim, payee->asked, identify);
    }
    return kc_failed(result) ? result : kc_talk_send(payee->exchange, &line, offer);
}

/* Sb8: the user's word; for a payment that was decided before there is nothing to say. */
static enum kc_answer get_word(struct kc_payee *payee, const struct kc_payment_order *order,
                               bool answered)
{
    if (answered) {
        return KC_ANSWER_OK;
    }
    bool yes = payee->exchange->ask(payee->exchange->owner, order);
    kc_station_trace(payee->station, "Sb8", "user", KC_STATION_PAYEE, yes ? "OK" : "NG", 0);
    return yes ? KC_ANSWER_OK : KC_ANSWER_NG;
}

/* Sb10. The purse has decided: when the answer does not arrive, the payer asks again at the next contact. */
static void send_answer(struct kc_payee *payee, struct kc_exchange_end *end, struct kc_view answer)
{
    static const struct kc_station_line receipt = {"Sb10", KC_STATION_PAYEE, KC_STATION_PAYER,
                                                   "receipt", KC_LOSE_ANSWER};
    static const struct kc_station_line decline = {"Sb10", KC_STATION_PAYEE, KC_STATION_PAYER,
                                                   "decline", KC_LOSE_ANSWER};
    struct kc_result sent =
        kc_talk_send(payee->exchange, end->end == KC_OK ? &receipt : &decline, answer);
    end->unanswered = kc_failed(sent);
    payee->exchange->tell(payee->exchange->owner, end);
}

/* Reasons of the purse that its payer is told by a signed decline, without asking anybody. */
static bool is_declined_for(enum kc_error reason)
{
    return reason == KC_HOTLISTED || reason == KC_LIMIT_EXCEEDED || reason == KC_AMOUNT_TOO_LARGE ||
           reason == KC_CONTACT_NEEDED;
}

/* Sb6 to Sb8: *word is what the purse is to answer. */
static struct kc_result examine(struct kc_payee *payee, struct kc_payment_order *order,
                                bool *answered, enum kc_answer *word, struct kc_view payment)
{
    struct kc_result result =
        kc_slot_examine(order, answered, &payee->station->uim, kc_clock_now_ms(), payment);
    bool declined = is_declined_for(result.code);
    if (kc_failed(result) && !declined) {
        return result;
    }
    kc_station_trace(payee->station, "Sb6-Sb7", KC_STATION_PAYEE, KC_STATION_PAYEE,
                     declined    ? kc_error_name(result.code)
                     : *answered ? "verified, decided before"
                                 : "verified",
                     0);
    *word = declined ? KC_ANSWER_NG : get_word(payee, order, *answered);
    return declined ? kc_talk_order(order, payment) : result;
}

/* Sb6 to Sb10. */
static struct kc_result answer_payment(struct kc_payee *payee, struct kc_view payment)
{
    uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_payment_order order;
    struct kc_view answer;
    enum kc_answer word = KC_ANSWER_NG;
    bool answered = false;
    struct kc_result result = examine(payee, &order, &answered, &word, payment);
    if (!kc_failed(result)) {
        result = kc_slot_decide(&answer, &payee->station->uim, word, kc_clock_now_ms());
    }
    if (kc_failed(result)) {
        return result;
    }
    if (answer.size > sizeof bytes) {
        return kc_result(KC_TOO_LARGE);
    }
    memcpy(bytes, answer.data, answer.size);
    answer = kc_view(bytes, answer.size);
    struct kc_exchange_end end = {.received = true,
                                  .again = answered,
                                  .end = kc_talk_answer(answer).code,
                                  .partner = order.payer,
                                  .amount = order.amount};
    kc_station_trace(payee->station, "Sb9", KC_STATION_PAYEE, KC_STATION_PAYEE,
                     end.end == KC_OK ? "added, recorded" : "refused, recorded", 0);
    send_answer(payee, &end, answer);
    payee->decided = true;
    payee->last = kc_result(end.end);
    return kc_result(end.unanswered ? KC_UNREACHABLE : KC_OK);
}

static struct kc_result answer_message(struct kc_payee *payee, struct kc_view message)
{
    uint64_t number = kc_shape_number(message);
    if (number == kc_identify_shape.number) {
        return answer_identify(payee, message);
    }
    if (number == kc_payment_shape.number) {
        return answer_payment(payee, message);
    }
    if (kc_roll_is(message)) {
        kc_roll_take(payee->exchange, KC_STATION_PAYEE, message);
        return kc_ok();
    }
    if (kc_slot_is_hotlist(message)) {
        kc_hotlist_take(payee->exchange, KC_STATION_PAYEE, message);
        return kc_ok();
    }
    return kc_result(number == 0 ? KC_MALFORMED : KC_WRONG_TYPE);
}

/* Only a payer that has to show its identity goes on after a refusal. */
static struct kc_result refuse(struct kc_payee *payee, struct kc_result result)
{
    payee->decided = false;
    if (result.code == KC_TIMEOUT || result.code == KC_UNREACHABLE) {
        return result;
    }
    kc_talk_notice(payee->exchange, result.code);
    return result.code == KC_IDENTITY_NEEDED ? kc_ok() : result;
}

/* A payer that finds no room here says that its amount is too much. Why there is none, this purse knows better. */
static struct kc_result explain(struct kc_payee *payee, struct kc_result heard)
{
    struct kc_purse_info info;
    if (heard.code != KC_LIMIT_EXCEEDED || kc_failed(kc_slot_info(&info, &payee->station->uim))) {
        return heard;
    }
    if (info.log_room == 0 && info.log_policy != KC_LOG_POLICY_OVERWRITE) {
        return kc_result(KC_HISTORY_FULL);
    }
    return kc_clock_now_ms() > info.valid_until_ms ? kc_result(KC_CONTACT_NEEDED) : heard;
}

struct kc_result kc_payee_hear(struct kc_payee *payee, struct kc_view message)
{
    struct kc_view own;
    struct kc_result result = kc_talk_read(&own, payee->exchange, &payee->heard, message);
    if (!kc_failed(result)) {
        result = answer_message(payee, own);
    }
    return kc_failed(result) && !payee->heard ? refuse(payee, result) : result;
}

struct kc_result kc_station_receive(struct kc_exchange *exchange, struct kc_amount asked)
{
    struct kc_payee payee = {.exchange = exchange, .station = exchange->station, .asked = asked};
    for (unsigned i = 0; i < MESSAGES_MAX; i++) {
        struct kc_view message;
        struct kc_result result =
            kc_talk_receive(&message, exchange, &payee.heard, exchange->link_ms);
        if (payee.heard) {
            return explain(&payee, result);
        }
        if (!kc_failed(result)) {
            result = answer_message(&payee, message);
        }
        bool broken = result.code == KC_TIMEOUT || result.code == KC_UNREACHABLE;
        if (broken && payee.decided) {
            /* The payer left, or vanished: what was decided stands. */
            return payee.last;
        }
        if (kc_failed(result)) {
            result = refuse(&payee, result);
        }
        if (kc_failed(result)) {
            return result;
        }
    }
    kc_talk_notice(exchange, KC_OUT_OF_ORDER);
    return kc_result(KC_OUT_OF_ORDER);
}
