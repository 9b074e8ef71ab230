/* Prepaid cards without keys (EP1221669 Fig 10, 11): what a payee checks of such a payer, and how such a card is loaded.
 *
 * A bearer card signs nothing. What the bank signed for it, SGN3 and SGN4, says that it exists and how much was ever loaded
 * on it; what of that is spent stands in the totals of its order, and is its own word. A MAC with the secret in SGN3 shows that
 * whoever wrote the order met the card: the card itself, its copy, or somebody it paid to. Whoever takes from it signs for that
 * by the receipt, and bears the loss when the card was copied: so a payee believes no more than SGN4 covers, and nothing that
 * contradicts what it took from the card before. The counter of SGN4 stays 0, because such a card never reports. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

/* SGN4 names the card of SGN3. */
static struct kc_result open_loaded(struct kc_certified *out, struct kc_purse *purse,
                                    const struct kc_partner *card, const struct kc_payment *payment)
{
    if (!payment->has_certified) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_purse_open_certified(out, purse, payment->certified);
    if (kc_failed(result)) {
        return result;
    }
    bool fits = out->bank == purse->settings.bank && out->purse_type == KC_PURSE_TYPE_BEARER &&
                out->account.number == card->account.number &&
                out->purse.number == card->purse.number && out->counter == 0;
    return kc_result(fits ? KC_OK : KC_MISMATCH);
}

/* What the card says it spent before this order. A card receives nothing, and at its beginning nothing is spent. */
static struct kc_result read_spent(struct kc_amount *spent, const struct kc_payment_order *order)
{
    static const uint8_t no_head[KC_DIGEST_SIZE] = {0};
    bool first = order->payer_counter == 1;
    bool begins =
        kc_amount_is_zero(order->paid) && memcmp(order->head, no_head, KC_DIGEST_SIZE) == 0;
    if (!kc_amount_is_zero(order->received) || (first && !begins) ||
        kc_failed(kc_amount_sub(spent, order->paid, order->returned))) {
        return kc_result(KC_MISMATCH);
    }
    return kc_ok();
}

/* An earlier order of the card that this purse took or refused must come before this one, counter and totals alike. *took grows
 * by what it took. */
static bool comes_before(struct kc_amount *took, const struct kc_entry *entry,
                         const struct kc_payment_order *earlier,
                         const struct kc_payment_order *order)
{
    struct kc_amount after;
    bool good = earlier->payer_counter < order->payer_counter &&
                !kc_failed(kc_amount_add(&after, earlier->paid, earlier->amount)) &&
                kc_amount_compare(after, order->paid) <= 0 &&
                kc_amount_compare(earlier->returned, order->returned) <= 0;
    return good && (entry->kind != KC_ENTRY_KIND_RECEIVE ||
                    !kc_failed(kc_amount_add(took, *took, entry->amount)));
}

/* Goes through the whole log. */
static struct kc_result check_before(struct kc_purse *purse, const struct kc_payment_order *order,
                                     struct kc_amount spent)
{
    struct kc_amount took = kc_amount_zero();
    uint64_t newest = purse->state.counter;
    for (uint64_t back = 0; back < KC_LOG_COUNT && back < newest; back++) {
        struct kc_log_slot slot;
        struct kc_entry entry;
        struct kc_signed parsed;
        struct kc_payment_order earlier;
        if (kc_failed(kc_purse_log_entry(&entry, &slot, purse, newest - back)) ||
            (entry.kind != KC_ENTRY_KIND_RECEIVE && entry.kind != KC_ENTRY_KIND_REFUSE) ||
            kc_failed(kc_brief_parse(&parsed, slot.order)) ||
            kc_failed(kc_shape_decode(&earlier, &kc_payment_order_shape, parsed.payload)) ||
            earlier.payer_purse.number != order->payer_purse.number) {
            continue;
        }
        if (!comes_before(&took, &entry, &earlier, order)) {
            return kc_result(KC_COPIED_OR_RESTORED);
        }
    }
    return kc_result(kc_amount_compare(took, spent) <= 0 ? KC_OK : KC_COPIED_OR_RESTORED);
}

static struct kc_result check_covered(const struct kc_certified *loaded, struct kc_amount spent,
                                      struct kc_amount amount, uint64_t time_ms)
{
    struct kc_amount left;
    if (kc_failed(kc_amount_sub(&left, loaded->purse_amount, spent))) {
        return kc_result(KC_MISMATCH);
    }
    if (kc_amount_compare(amount, left) > 0) {
        return kc_result(KC_INSUFFICIENT_VALUE);
    }
    if (kc_amount_compare(amount, loaded->payment_most) > 0 ||
        kc_amount_compare(left, loaded->purse_most) > 0) {
        return kc_result(KC_LIMIT_EXCEEDED);
    }
    return kc_result(time_ms > loaded->valid_until_ms ? KC_CONTACT_NEEDED : KC_OK);
}

struct kc_result kc_purse_verify_bearer(struct kc_purse *purse, const struct kc_partner *card,
                                        const struct kc_payment *payment,
                                        const struct kc_signed *parsed,
                                        const struct kc_payment_order *order, uint64_t time_ms)
{
    struct kc_certified loaded;
    struct kc_amount spent;
    KC_ASSERT(card->key.type == KC_KEY_NONE && card->purse.number == order->payer_purse.number);
    if (purse->settings.purse_type == KC_PURSE_TYPE_CARD) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result = kc_brief_verify_mac(parsed, &purse->crypto, card->secret,
                                                  &purse->realm, kc_payment_order_shape.domain);
    if (!kc_failed(result)) {
        result = open_loaded(&loaded, purse, card, payment);
    }
    if (!kc_failed(result)) {
        result = read_spent(&spent, order);
    }
    if (!kc_failed(result)) {
        result = check_covered(&loaded, spent, order->amount, time_ms);
    }
    /* A payment whose counter passed is only declined, in whatever order it came. */
    return kc_failed(result) || time_ms == 0 ? result : check_before(purse, order, spent);
}

/* The same word under the bank's new key, however many came since the last one: its takers may know that one no more. Anything
 * else of this sequence changes nothing. */
static struct kc_result take_signed_anew(struct kc_purse *purse, struct kc_view bytes)
{
    struct kc_signed given;
    struct kc_signed held;
    struct kc_purse_state next = purse->state;
    struct kc_result result = kc_signed_parse(&given, bytes);
    if (!kc_failed(result)) {
        result = kc_signed_parse(&held, purse->state.certified);
    }
    if (kc_failed(result) || purse->bank_former.type == KC_KEY_NONE ||
        !kc_view_equal(given.payload, held.payload) ||
        kc_purse_bank_key(purse, &given) != &purse->bank_verify ||
        memcmp(&given.signer, &held.signer, sizeof held.signer) == 0) {
        return result;
    }
    next.certified = bytes;
    return kc_purse_commit(purse, &next);
}

struct kc_result kc_purse_take_certified(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_certified certified;
    struct kc_purse_state next = purse->state;
    if (!kc_purse_is_bearer(purse)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result = kc_purse_read_certified(&certified, purse, apdu->data);
    if (kc_failed(result)) {
        return result;
    }
    if (certified.sequence == purse->certified.sequence) {
        return take_signed_anew(purse, apdu->data);
    }
    if (certified.sequence < purse->certified.sequence) {
        return kc_result(KC_STALE_STATE);
    }
    result = kc_purse_apply(purse, &next, &certified, apdu->data);
    return kc_failed(result) ? result : kc_purse_commit(purse, &next);
}
