/* The payer's side of an exchange: the amount is reserved by an entry before the payment leaves, and stays so until the payee's
 * signed answer or the bank's word (EP1221669 Fig 16, Sb3 to Sb5, Sb11, Sb12). */
#include <string.h>

#include "base/assert.h"
#include "message/identity.h"
#include "purse/inside.h"

/* ---- open payments ---- */

struct kc_result kc_purse_open_get(struct kc_open_payment *out, const struct kc_purse_state *state,
                                   size_t index)
{
    if (index >= state->open.count) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result =
        kc_shape_decode(out, &kc_open_payment_shape, state->open.items[index]);
    return kc_failed(result) ? kc_result(KC_PURSE_CORRUPT) : result;
}

void kc_purse_open_remove(struct kc_purse_state *next, size_t index)
{
    KC_ASSERT(index < next->open.count);
    next->open.count -= 1;
    for (size_t i = index; i < next->open.count; i++) {
        next->open.items[i] = next->open.items[i + 1];
    }
}

struct kc_result kc_purse_open_sum(struct kc_amount *out, const struct kc_purse_state *state)
{
    *out = kc_amount_zero();
    for (size_t i = 0; i < state->open.count; i++) {
        struct kc_open_payment payment;
        struct kc_result result = kc_purse_open_get(&payment, state, i);
        if (!kc_failed(result)) {
            result = kc_amount_add(out, *out, payment.amount);
        }
        if (kc_failed(result)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
    }
    return kc_ok();
}

static struct kc_result add_open(struct kc_purse *purse, struct kc_purse_state *next,
                                 const struct kc_payment_order *order)
{
    struct kc_buffer buffer = KC_BUFFER(purse->open_payment);
    struct kc_open_payment payment = {.counter = order->payer_counter,
                                      .payee_purse = order->payee_purse,
                                      .payee_counter = order->payee_counter,
                                      .amount = order->amount};
    KC_ASSERT(next->open.count < KC_LIST_COUNT_MAX);
    struct kc_result result = kc_shape_encode(&buffer, &kc_open_payment_shape, &payment);
    next->open.items[next->open.count++] = kc_buffer_view(&buffer);
    return result;
}

struct kc_result kc_purse_open_void(struct kc_purse *purse, struct kc_purse_state *next,
                                    size_t index, const uint8_t word[KC_DIGEST_SIZE],
                                    struct kc_view answer)
{
    struct kc_open_payment payment;
    struct kc_result result = kc_purse_open_get(&payment, next, index);
    if (kc_failed(result)) {
        return result;
    }
    struct kc_entry entry = {.kind = KC_ENTRY_KIND_VOID,
                             .time_ms = next->stamp_ms,
                             .amount = payment.amount,
                             .has_voids = true,
                             .voids = payment.counter};
    memcpy(entry.partner, word, KC_DIGEST_SIZE);
    result = kc_purse_add_entry(purse, next, &entry, kc_view(NULL, 0), answer);
    if (!kc_failed(result)) {
        kc_purse_open_remove(next, index);
        kc_purse_drop_quote(next);
    }
    return result;
}

static bool is_receipt(struct kc_view answer)
{
    struct kc_signed parsed;
    return !kc_failed(kc_brief_parse(&parsed, answer)) &&
           kc_shape_number(parsed.payload) == kc_receipt_shape.number;
}

struct kc_result kc_purse_open_heard(struct kc_purse *purse, struct kc_purse_state *next)
{
    size_t i = 0;
    while (i < next->open.count) {
        struct kc_open_payment payment;
        struct kc_log_slot slot;
        struct kc_result result = kc_purse_open_get(&payment, next, i);
        if (kc_failed(result)) {
            return result;
        }
        if (!kc_failed(kc_purse_log_get(&slot, purse, payment.counter)) &&
            is_receipt(slot.answer)) {
            kc_purse_open_remove(next, i);
        } else {
            i++;
        }
    }
    return kc_ok();
}

/* ---- PAY ---- */

struct wish {
    struct kc_amount amount;
    uint64_t time_ms;
    struct kc_payee_identity payee;
    struct kc_partner partner;
};

static struct kc_result read_wish(struct wish *out, struct kc_purse *purse, struct kc_view data)
{
    if (data.size < 16) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_amount_from_minor(&out->amount, kc_be64_load(data.data));
    if (!kc_failed(result)) {
        result = kc_purse_stamp(&out->time_ms, purse, kc_view(data.data + 8, 8));
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&out->payee, &kc_payee_identity_shape,
                                 kc_view(data.data + 16, data.size - 16));
    }
    return result;
}

/* A payee refuses a payer whose identity ran out, so nothing is reserved under one. */
static struct kc_result check_own_identity(const struct kc_purse *purse, uint64_t time_ms)
{
    struct kc_signed parsed;
    struct kc_identity own;
    struct kc_result result = kc_brief_parse(&parsed, purse->state.identity);
    if (!kc_failed(result)) {
        result = kc_identity_decode(&own, parsed.payload);
    }
    if (kc_failed(result)) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    return kc_result(time_ms / 1000 < own.expires_s ? KC_OK : KC_IDENTITY_EXPIRED);
}

static struct kc_result check_open(const struct kc_purse_state *state, struct kc_purse_id payee)
{
    for (size_t i = 0; i < state->open.count; i++) {
        struct kc_open_payment payment;
        struct kc_result result = kc_purse_open_get(&payment, state, i);
        if (kc_failed(result)) {
            return result;
        }
        if (payment.payee_purse.number == payee.number) {
            return kc_result(KC_PENDING);
        }
    }
    return kc_result(state->open.count < KC_LIST_COUNT_MAX ? KC_OK : KC_PENDING);
}

static struct kc_result check_wish(struct kc_purse *purse, const struct wish *wish)
{
    if (kc_amount_is_zero(wish->amount)) {
        return kc_result(KC_AMOUNT_ZERO);
    }
    if (wish->payee.counter == 0) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = check_own_identity(purse, wish->time_ms);
    if (!kc_failed(result)) {
        result = check_open(&purse->state, wish->payee.purse);
    }
    if (!kc_failed(result)) {
        result = kc_purse_check_pay(purse, wish->amount, wish->payee.most, wish->time_ms);
    }
    return result;
}

/* Nothing is paid to a purse on the hotlist, nor by one that finds itself there. A payment of nothing only makes the payee known,
 * whose word on an earlier payment may still be waiting. */
static struct kc_result check_listed(struct kc_purse *purse, const struct wish *wish)
{
    bool listed =
        !kc_amount_is_zero(wish->amount) && (kc_purse_is_listed(purse, wish->payee.purse) ||
                                             kc_purse_is_listed(purse, purse->settings.purse));
    return kc_result(listed ? KC_HOTLISTED : KC_OK);
}

/* The signed order into purse->order, the entry and the open payment into `next` and the log. */
static struct kc_result reserve(struct kc_buffer *order_bytes, struct kc_purse *purse,
                                struct kc_purse_state *next, const struct wish *wish)
{
    struct kc_payment_order order = {.payee = wish->payee.account,
                                     .payee_purse = wish->payee.purse,
                                     .payer = purse->settings.account,
                                     .payer_purse = purse->settings.purse,
                                     .amount = wish->amount,
                                     .time_ms = wish->time_ms,
                                     .payer_counter = next->counter + 1,
                                     .payee_counter = wish->payee.counter,
                                     .paid = next->paid,
                                     .received = next->received,
                                     .returned = next->returned};
    struct kc_entry entry = {.kind = KC_ENTRY_KIND_PAY,
                             .time_ms = wish->time_ms,
                             .amount = wish->amount,
                             .has_recipient = true,
                             .recipient = wish->payee.account,
                             .has_payer = true,
                             .payer = purse->settings.account};
    memcpy(order.head, next->head, KC_DIGEST_SIZE);
    /* Asked before the signing, so that a full log makes no signed order at all. */
    struct kc_result result = kc_purse_make_room(purse, next);
    if (!kc_failed(result)) {
        result = kc_purse_check_room(purse, next, &entry);
    }
    if (!kc_failed(result)) {
        result = kc_purse_sign_record(order_bytes, purse, &kc_payment_order_shape, &order);
    }
    if (!kc_failed(result)) {
        kc_digest(&purse->crypto, entry.partner, kc_buffer_view(order_bytes));
        result =
            kc_purse_add_entry(purse, next, &entry, kc_buffer_view(order_bytes), kc_view(NULL, 0));
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_purse_drop_quote(next);
    next->stamp_ms = wish->time_ms;
    return add_open(purse, next, &order);
}

static struct kc_result respond_payment(struct kc_purse *purse, bool with_identity,
                                        struct kc_view order)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    bool bearer = kc_purse_is_bearer(purse);
    struct kc_payment payment = {.has_identity = with_identity || bearer,
                                 .identity = purse->state.identity,
                                 .has_certified = bearer,
                                 .certified = purse->state.certified,
                                 .order = order};
    struct kc_result result = kc_shape_encode(&out, &kc_payment_shape, &payment);
    purse->output_size = out.size;
    return result;
}

/* Sb5. The payee is remembered before anything but the hotlist can refuse the payment, so that its identity reaches the purse,
 * for CONCLUDE, even while an earlier payment to it is open. */
struct kc_result kc_purse_pay(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct wish wish;
    struct kc_purse_state next = purse->state;
    struct kc_buffer order = KC_BUFFER(purse->order);
    struct kc_result result = read_wish(&wish, purse, apdu->data);
    if (!kc_failed(result)) {
        result = check_listed(purse, &wish);
    }
    if (!kc_failed(result)) {
        result = kc_purse_meet(&wish.partner, purse, wish.payee.account, wish.payee.purse,
                               wish.payee.has_identity, wish.payee.identity, wish.time_ms);
    }
    if (!kc_failed(result) && wish.partner.key.type == KC_KEY_NONE) {
        /* A bearer card could not sign that it took anything. */
        result = kc_result(KC_NOT_ALLOWED);
    }
    if (!kc_failed(result) && wish.payee.has_identity) {
        result = kc_purse_partner_keep(purse, &wish.partner);
    }
    if (!kc_failed(result)) {
        result = check_wish(purse, &wish);
    }
    if (!kc_failed(result)) {
        result = reserve(&order, purse, &next, &wish);
    }
    if (!kc_failed(result)) {
        result = kc_purse_commit(purse, &next);
    }
    if (!kc_failed(result)) {
        bool needs = !wish.payee.knows ||
                     kc_purse_partner_lacks(purse, wish.payee.account, wish.payee.purse);
        result = respond_payment(purse, needs, kc_buffer_view(&order));
    }
    return result;
}

struct kc_result kc_purse_open_again(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_open_payment payment;
    struct kc_log_slot slot;
    struct kc_result result = kc_purse_open_get(&payment, &purse->state, apdu->p1);
    if (kc_failed(result)) {
        return result;
    }
    result = kc_purse_log_get(&slot, purse, payment.counter);
    if (kc_failed(result) || slot.order.size == 0) {
        return kc_result(KC_ASK_BANK);
    }
    return respond_payment(purse, true, slot.order);
}

/* ---- CONCLUDE ---- */

/* A payee's answer, taken apart; receipt and decline alike as far as they are. */
struct word {
    bool taken;
    struct kc_view bytes;
    struct kc_signed parsed;
    const struct kc_shape *shape;
    uint8_t payment[KC_DIGEST_SIZE];
    struct kc_purse_id payee_purse;
    uint64_t counter;
};

static struct kc_result read_receipt(struct word *out)
{
    struct kc_receipt receipt;
    struct kc_result result = kc_shape_decode(&receipt, &kc_receipt_shape, out->parsed.payload);
    memcpy(out->payment, receipt.payment, KC_DIGEST_SIZE);
    out->payee_purse = receipt.payee_purse;
    out->counter = receipt.counter;
    out->shape = &kc_receipt_shape;
    return result;
}

static struct kc_result read_decline(struct word *out)
{
    struct kc_decline decline;
    struct kc_result result = kc_shape_decode(&decline, &kc_decline_shape, out->parsed.payload);
    memcpy(out->payment, decline.payment, KC_DIGEST_SIZE);
    out->payee_purse = decline.payee_purse;
    out->counter = decline.counter;
    out->shape = &kc_decline_shape;
    return result;
}

static struct kc_result read_word(struct word *out, struct kc_view data)
{
    struct kc_payment_answer answer;
    struct kc_result result = kc_shape_decode(&answer, &kc_payment_answer_shape, data);
    if (!kc_failed(result)) {
        out->taken = answer.taken;
        out->bytes = answer.answer;
        result = kc_brief_parse(&out->parsed, answer.answer);
    }
    if (kc_failed(result)) {
        return result;
    }
    return out->taken ? read_receipt(out) : read_decline(out);
}

/* The payment that an answer is about: its counter, its order, what was answered before, its place among the open ones. */
struct about {
    uint64_t counter;
    struct kc_payment_order order;
    bool is_open;
    size_t open_index;
    bool answered;
    bool was_taken;
};

static struct kc_result find_open(struct about *about, struct kc_purse *purse,
                                  const struct word *word)
{
    for (size_t i = 0; i < purse->state.open.count; i++) {
        struct kc_open_payment payment;
        struct kc_result result = kc_purse_open_get(&payment, &purse->state, i);
        if (kc_failed(result)) {
            return result;
        }
        if (about->counter == payment.counter) {
            about->is_open = true;
            about->open_index = i;
            return kc_ok();
        }
        bool names = payment.payee_purse.number == word->payee_purse.number &&
                     payment.payee_counter == word->counter;
        if (about->counter == 0 && names) {
            /* It is open, but what shows it was overwritten. */
            return kc_result(KC_ASK_BANK);
        }
    }
    return kc_result(about->counter == 0 ? KC_UNKNOWN_TRANSACTION : KC_OK);
}

/* Looks for the pay entry through the whole log. */
static struct kc_result find_about(struct about *out, struct kc_purse *purse,
                                   const struct word *word)
{
    uint64_t newest = purse->state.counter;
    *out = (struct about){.counter = 0};
    for (uint64_t back = 0; back < KC_LOG_COUNT && back < newest && out->counter == 0; back++) {
        struct kc_log_slot slot;
        struct kc_entry entry;
        struct kc_signed parsed;
        if (kc_failed(kc_purse_log_entry(&entry, &slot, purse, newest - back)) ||
            entry.kind != KC_ENTRY_KIND_PAY ||
            memcmp(entry.partner, word->payment, KC_DIGEST_SIZE) != 0) {
            continue;
        }
        if (kc_failed(kc_brief_parse(&parsed, slot.order)) ||
            kc_failed(kc_shape_decode(&out->order, &kc_payment_order_shape, parsed.payload))) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        out->counter = entry.counter;
        out->answered = slot.answer.size > 0;
        out->was_taken = out->answered && is_receipt(slot.answer);
    }
    return find_open(out, purse, word);
}

static struct kc_result verify_word(struct kc_purse *purse, const struct word *word,
                                    const struct about *about)
{
    struct kc_partner payee;
    const struct kc_payment_order *order = &about->order;
    if (word->payee_purse.number != order->payee_purse.number ||
        word->counter != order->payee_counter) {
        return kc_result(KC_MISMATCH);
    }
    /* Its identity may have run out since: the payment was made when it had not. */
    struct kc_result result =
        kc_purse_partner_find(&payee, purse, order->payee, order->payee_purse);
    if (!kc_failed(result)) {
        result = kc_purse_verify_partner(purse, &word->parsed, &payee.key, word->shape);
    }
    bool shown = !kc_failed(result) && about->counter > purse->state.closed;
    return shown ? kc_purse_partner_shown(purse, payee.account, payee.purse) : result;
}

static struct kc_result end_taken(struct kc_purse *purse, struct kc_purse_state *next,
                                  const struct word *word, const struct about *about)
{
    kc_purse_open_remove(next, about->open_index);
    return kc_purse_log_put_answer(purse, about->counter, word->bytes);
}

static struct kc_result end_declined(struct kc_purse *purse, struct kc_purse_state *next,
                                     const struct word *word, const struct about *about)
{
    uint8_t digest[KC_DIGEST_SIZE];
    kc_digest(&purse->crypto, digest, word->bytes);
    struct kc_result result = kc_purse_make_room(purse, next);
    if (!kc_failed(result)) {
        result = kc_purse_open_void(purse, next, about->open_index, digest, word->bytes);
    }
    if (!kc_failed(result) && next->counter - about->counter < KC_LOG_COUNT) {
        result = kc_purse_log_put_answer(purse, about->counter, word->bytes);
    }
    return result;
}

static struct kc_result end_payment(struct kc_purse *purse, const struct word *word,
                                    const struct about *about)
{
    struct kc_purse_state next = purse->state;
    struct kc_result result = word->taken ? end_taken(purse, &next, word, about)
                                          : end_declined(purse, &next, word, about);
    return kc_failed(result) ? result : kc_purse_commit(purse, &next);
}

/* Sb11, Sb12. */
struct kc_result kc_purse_conclude(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct word word;
    struct about about;
    struct kc_result result = read_word(&word, apdu->data);
    if (!kc_failed(result)) {
        result = find_about(&about, purse, &word);
    }
    if (!kc_failed(result)) {
        result = verify_word(purse, &word, &about);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (about.is_open) {
        result = end_payment(purse, &word, &about);
    } else if (!about.answered) {
        /* The bank ended it, and has the last word on what the payee says now. */
        result = kc_result(KC_ASK_BANK);
    } else if (about.was_taken != word.taken) {
        result = kc_result(KC_MISMATCH);
    }
    return kc_failed(result) ? result : kc_purse_respond(purse, word.parsed.payload);
}
