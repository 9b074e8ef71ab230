/* The payee's side of an exchange: a payment is looked at, and answered once by an entry of its counter (EP1221669 Fig 16, Sb6 to
 * Sb10). */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* How a payment stands at this purse. */
enum standing {
    STANDING_NEW,      /* its counter is the next one */
    STANDING_ANSWERED, /* the entry of its counter is about this payment */
    STANDING_PASSED,   /* its counter has another entry */
};

/* A payment taken apart. */
struct offer {
    struct kc_view bytes; /* as signed */
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_signed parsed;
    struct kc_payment_order order;
};

static struct kc_result read_offer(struct offer *out, struct kc_purse *purse, struct kc_view bytes)
{
    out->bytes = bytes;
    kc_digest(&purse->crypto, out->digest, bytes);
    struct kc_result result = kc_brief_parse(&out->parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&out->order, &kc_payment_order_shape, out->parsed.payload);
    }
    return result;
}

/* Where the payment stands; for one that was answered, the slot of its entry as well. */
static struct kc_result find_standing(enum standing *out, struct kc_log_slot *slot,
                                      struct kc_purse *purse, const struct offer *offer)
{
    struct kc_entry entry;
    uint64_t counter = offer->order.payee_counter;
    uint64_t next = purse->state.counter + 1;
    *out = STANDING_NEW;
    if (counter == next) {
        return kc_ok();
    }
    if (counter == 0 || counter > next) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    if (kc_failed(kc_purse_log_entry(&entry, slot, purse, counter))) {
        return kc_result(KC_ASK_BANK);
    }
    bool about = (entry.kind == KC_ENTRY_KIND_RECEIVE || entry.kind == KC_ENTRY_KIND_REFUSE) &&
                 memcmp(entry.partner, offer->digest, KC_DIGEST_SIZE) == 0;
    *out = about ? STANDING_ANSWERED : STANDING_PASSED;
    return kc_ok();
}

static struct kc_result check_names(const struct kc_purse *purse,
                                    const struct kc_payment_order *order)
{
    if (order->payee_purse.number != purse->settings.purse.number ||
        order->payee.number != purse->settings.account.number) {
        return kc_result(KC_MISMATCH);
    }
    if (order->has_card) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (order->payer_counter == 0) {
        return kc_result(KC_MALFORMED);
    }
    return kc_result(kc_amount_is_zero(order->amount) ? KC_AMOUNT_ZERO : KC_OK);
}

/* Why this purse will not take a payment that is good and new; KC_OK when only the user has to say. Its payer can be told so by a
 * signed decline. */
static enum kc_error find_reason(struct kc_purse *purse, const struct kc_payment_order *order,
                                 uint64_t time_ms)
{
    if (kc_purse_is_listed(purse, order->payer_purse) ||
        kc_purse_is_listed(purse, purse->settings.purse)) {
        return KC_HOTLISTED;
    }
    return kc_purse_check_take(purse, order->amount, time_ms).code;
}

/* The entry of either answer must find a place. */
static struct kc_result check_place(const struct kc_purse *purse)
{
    static const struct kc_entry entry = {.kind = KC_ENTRY_KIND_RECEIVE};
    return kc_purse_check_makes_room(purse, &entry);
}

/* Whose payment it is, verified. With time_ms 0 its identity may have run out, or be the one before a newer one: a payment whose
 * counter has passed is only declined, and its payer needs that. The newer one stays what this purse knows. */
static struct kc_result verify_payer(struct kc_purse *purse, const struct offer *offer,
                                     const struct kc_payment *payment, uint64_t time_ms)
{
    struct kc_partner payer;
    struct kc_result result =
        kc_purse_meet(&payer, purse, offer->order.payer, offer->order.payer_purse,
                      payment->has_identity, payment->identity, time_ms);
    bool former = result.code == KC_KEY_RENEWED && time_ms == 0;
    result = former ? kc_ok() : result;
    if (!kc_failed(result) && payer.key.type == KC_KEY_NONE) {
        return kc_purse_verify_bearer(purse, &payer, payment, &offer->parsed, &offer->order,
                                      time_ms);
    }
    if (!kc_failed(result) && payment->has_certified) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result)) {
        result =
            kc_purse_verify_partner(purse, &offer->parsed, &payer.key, &kc_payment_order_shape);
    }
    if (!kc_failed(result) && payment->has_identity && !former) {
        result = kc_purse_partner_keep(purse, &payer);
    }
    /* It answers an offer, which came with the identity in force as long as the payer might not have had that. */
    bool shown = !kc_failed(result) && offer->order.payee_counter > purse->state.closed;
    return shown ? kc_purse_partner_shown(purse, payer.account, payer.purse) : result;
}

/* Sb6, Sb7: whether it was answered before, and the order to show. */
static struct kc_result respond_examined(struct kc_purse *purse, const struct offer *offer,
                                         enum standing standing)
{
    KC_ASSERT(offer->bytes.size <= sizeof purse->examined);
    memcpy(purse->examined, offer->bytes.data, offer->bytes.size);
    purse->examined_size = offer->bytes.size;
    purse->output[0] = standing == STANDING_NEW ? 0 : 1;
    memcpy(purse->output + 1, offer->parsed.payload.data, offer->parsed.payload.size);
    purse->output_size = 1 + offer->parsed.payload.size;
    return kc_ok();
}

struct kc_result kc_purse_examine(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_payment payment;
    struct offer offer;
    struct kc_log_slot slot;
    enum standing standing = STANDING_NEW;
    enum kc_error reason = KC_OK;
    uint64_t time_ms = 0;
    purse->examined_size = 0;
    if (apdu->data.size < 8) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_purse_stamp(&time_ms, purse, kc_view(apdu->data.data, 8));
    if (!kc_failed(result)) {
        result = kc_shape_decode(&payment, &kc_payment_shape,
                                 kc_view(apdu->data.data + 8, apdu->data.size - 8));
    }
    if (!kc_failed(result)) {
        result = read_offer(&offer, purse, payment.order);
    }
    if (!kc_failed(result)) {
        result = check_names(purse, &offer.order);
    }
    if (!kc_failed(result)) {
        result = find_standing(&standing, &slot, purse, &offer);
    }
    /* The very bytes that were answered before were verified then. */
    if (!kc_failed(result) && standing != STANDING_ANSWERED) {
        result = verify_payer(purse, &offer, &payment, standing == STANDING_NEW ? time_ms : 0);
    }
    if (!kc_failed(result) && standing == STANDING_NEW) {
        result = check_place(purse);
        reason = find_reason(purse, &offer.order, time_ms);
    }
    if (!kc_failed(result)) {
        result = respond_examined(purse, &offer, standing);
    }
    /* It stays examined: NG tells its payer the reason, and OK is refused for it. */
    return kc_failed(result) ? result : kc_result(reason);
}

/* ---- DECIDE ---- */

static struct kc_result respond_answer(struct kc_purse *purse, bool taken, struct kc_view answer)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    struct kc_payment_answer message = {.taken = taken, .answer = answer};
    struct kc_result result = kc_shape_encode(&out, &kc_payment_answer_shape, &message);
    purse->output_size = out.size;
    return result;
}

static struct kc_result sign_receipt(struct kc_buffer *out, struct kc_purse *purse,
                                     const struct offer *offer, uint64_t time_ms)
{
    const struct kc_purse_state *state = &purse->state;
    struct kc_receipt receipt = {.payee_purse = purse->settings.purse,
                                 .counter = offer->order.payee_counter,
                                 .paid = state->paid,
                                 .received = state->received,
                                 .returned = state->returned,
                                 .time_ms = time_ms};
    KC_ASSERT(receipt.counter == state->counter + 1);
    memcpy(receipt.payment, offer->digest, KC_DIGEST_SIZE);
    memcpy(receipt.head, state->head, KC_DIGEST_SIZE);
    return kc_purse_sign_record(out, purse, &kc_receipt_shape, &receipt);
}

static struct kc_result sign_decline(struct kc_buffer *out, struct kc_purse *purse,
                                     const struct offer *offer, enum kc_error reason,
                                     uint64_t time_ms)
{
    struct kc_decline decline = {.payee_purse = purse->settings.purse,
                                 .counter = offer->order.payee_counter,
                                 .reason = (uint64_t)reason,
                                 .time_ms = time_ms};
    memcpy(decline.payment, offer->digest, KC_DIGEST_SIZE);
    return kc_purse_sign_record(out, purse, &kc_decline_shape, &decline);
}

/* The reason that a decline names: without one of the purse it was the user's NG, or what a seller found. */
static enum kc_error spoken(enum kc_error reason, uint8_t named)
{
    if (reason == KC_OK) {
        return named == 0 ? KC_DECLINED : kc_error_from_number(named);
    }
    return reason == KC_AMOUNT_TOO_LARGE ? KC_LIMIT_EXCEEDED : reason;
}

/* The entry of that counter, with the order and the answer that go with it. */
static struct kc_result answer_new(struct kc_purse *purse, const struct offer *offer,
                                   const struct kc_apdu *apdu, uint64_t time_ms)
{
    bool taken = apdu->p1 == KC_ANSWER_OK;
    enum kc_error reason = find_reason(purse, &offer->order, time_ms);
    struct kc_purse_state next = purse->state;
    struct kc_buffer answer = KC_BUFFER(purse->reply);
    struct kc_entry entry = {.kind = taken ? KC_ENTRY_KIND_RECEIVE : KC_ENTRY_KIND_REFUSE,
                             .time_ms = time_ms,
                             .amount = offer->order.amount,
                             .has_recipient = true,
                             .recipient = purse->settings.account,
                             .has_payer = true,
                             .payer = offer->order.payer};
    memcpy(entry.partner, offer->digest, KC_DIGEST_SIZE);
    struct kc_result result = taken ? kc_result(reason) : kc_ok();
    if (!kc_failed(result)) {
        result = kc_purse_make_room(purse, &next);
    }
    if (!kc_failed(result)) {
        result = kc_purse_check_room(purse, &next, &entry);
    }
    if (!kc_failed(result)) {
        result = taken ? sign_receipt(&answer, purse, offer, time_ms)
                       : sign_decline(&answer, purse, offer, spoken(reason, apdu->p2), time_ms);
    }
    if (!kc_failed(result)) {
        result = kc_purse_add_entry(purse, &next, &entry, offer->bytes, kc_buffer_view(&answer));
    }
    if (kc_failed(result)) {
        return result;
    }
    KC_ASSERT(next.counter == offer->order.payee_counter);
    kc_purse_drop_quote(&next);
    next.stamp_ms = time_ms;
    result = kc_purse_commit(purse, &next);
    return kc_failed(result) ? result : respond_answer(purse, taken, kc_buffer_view(&answer));
}

/* Its counter has another entry, so it will never be taken: the payer may know. Only the time stamp is kept. */
static struct kc_result answer_passed(struct kc_purse *purse, const struct offer *offer,
                                      uint64_t time_ms)
{
    struct kc_purse_state next = purse->state;
    struct kc_buffer answer = KC_BUFFER(purse->reply);
    struct kc_result result = sign_decline(&answer, purse, offer, KC_OUT_OF_ORDER, time_ms);
    if (!kc_failed(result)) {
        next.stamp_ms = time_ms;
        result = kc_purse_commit(purse, &next);
    }
    return kc_failed(result) ? result : respond_answer(purse, false, kc_buffer_view(&answer));
}

/* What was said before; under the key in force, when the one that signed it has ended: its payer may have seen the new identity
 * already, and then knows no other. */
static struct kc_result answer_again(struct kc_purse *purse, const struct kc_log_slot *slot)
{
    struct kc_entry entry;
    struct kc_signed parsed;
    struct kc_buffer answer = KC_BUFFER(purse->reply);
    struct kc_result result = kc_shape_decode(&entry, &kc_entry_shape, slot->entry);
    if (kc_failed(result) || slot->answer.size == 0) {
        return kc_result(KC_ASK_BANK);
    }
    bool taken = entry.kind == KC_ENTRY_KIND_RECEIVE;
    if (entry.counter > purse->state.closed) {
        return respond_answer(purse, taken, slot->answer);
    }
    result = kc_brief_parse(&parsed, slot->answer);
    if (!kc_failed(result)) {
        const struct kc_shape *shape = taken ? &kc_receipt_shape : &kc_decline_shape;
        result = kc_sign_brief(&answer, &purse->crypto, &purse->sign_key, &purse->realm,
                               shape->domain, parsed.payload);
    }
    return kc_failed(result) ? result : respond_answer(purse, taken, kc_buffer_view(&answer));
}

/* What a seller may name beside its NG. */
static bool may_name(const struct kc_apdu *apdu)
{
    return apdu->p2 == 0 || (apdu->p1 == KC_ANSWER_NG &&
                             (apdu->p2 == KC_AMOUNT_SHORT || apdu->p2 == KC_WRONG_PRICE));
}

struct kc_result kc_purse_decide(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct offer offer;
    struct kc_log_slot slot;
    enum standing standing = STANDING_NEW;
    uint64_t time_ms = 0;
    if (purse->examined_size == 0) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    if ((apdu->p1 != KC_ANSWER_OK && apdu->p1 != KC_ANSWER_NG) || !may_name(apdu)) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_purse_stamp(&time_ms, purse, apdu->data);
    if (!kc_failed(result)) {
        result = read_offer(&offer, purse, kc_view(purse->examined, purse->examined_size));
    }
    if (!kc_failed(result)) {
        result = find_standing(&standing, &slot, purse, &offer);
    }
    if (kc_failed(result)) {
        return result;
    }
    switch (standing) {
    case STANDING_NEW:
        return answer_new(purse, &offer, apdu, time_ms);
    case STANDING_ANSWERED:
        return answer_again(purse, &slot);
    case STANDING_PASSED:
        return answer_passed(purse, &offer, time_ms);
    }
    return kc_result(KC_INTERNAL);
}
