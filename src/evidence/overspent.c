/* A complete history from a certified value that pays more than it can: funding, receipts and returns do not reach.
 *
 * What speaks for the accused counts unless the file shows that it is nothing. A receipt is nothing without its payer's order
 * for exactly this entry, or when the order is signed by no key that the bank knows of that payer; a payer of whom the file says
 * nothing is believed. A void is nothing when the entry it gives back is in view and is another, or was given back before. */
#include <string.h>

#include "base/assert.h"
#include "evidence/inside.h"

struct partners {
    size_t count;
    struct kc_identity items[KC_LIST_COUNT_MAX];
};

static struct kc_result open_partners(struct partners *out, const struct kc_evidence_case *about)
{
    const struct kc_view_list *list = &about->content->partners;
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < list->count && !kc_failed(result); i++) {
        result = kc_identity_open(&out->items[i], about->crypto, about->bank,
                                  &about->content->realm, list->items[i]);
    }
    out->count = list->count;
    return result;
}

/* Signed by a key of the payer, or by a payer of whom nothing is known. */
static bool is_signed(const struct kc_evidence_case *about, const struct partners *partners,
                      const struct kc_signed *parsed, const struct kc_payment_order *order)
{
    bool known = false;
    for (size_t i = 0; i < partners->count; i++) {
        const struct kc_identity *payer = &partners->items[i];
        if (payer->purse.number != order->payer_purse.number) {
            continue;
        }
        known = true;
        if (payer->account.number == order->payer.number &&
            !kc_failed(kc_brief_verify(parsed, about->crypto, &payer->key, &about->content->realm,
                                       kc_payment_order_shape.domain))) {
            return true;
        }
    }
    return !known;
}

static bool receipt_counts(const struct kc_evidence_case *about, const struct partners *partners,
                           const struct kc_log_record *record, const struct kc_entry *entry)
{
    struct kc_signed parsed;
    struct kc_payment_order order;
    uint8_t digest[KC_DIGEST_SIZE];
    if (!record->has_order || kc_failed(kc_brief_parse(&parsed, record->order)) ||
        kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload))) {
        return false;
    }
    kc_digest(about->crypto, digest, record->order);
    bool fits = order.payee.number == about->accused.account.number &&
                order.payee_purse.number == about->accused.purse.number &&
                order.payee_counter == entry->counter && order.payer_counter > 0 &&
                !order.has_card && kc_amount_compare(order.amount, entry->amount) == 0 &&
                memcmp(digest, entry->partner, KC_DIGEST_SIZE) == 0;
    return fits && is_signed(about, partners, &parsed, &order);
}

static bool void_counts(const struct kc_evidence_history *history, size_t at)
{
    const struct kc_entry *entry = &history->entries[at];
    if (!entry->has_voids || entry->voids == 0 || entry->voids >= entry->counter) {
        return false;
    }
    for (size_t i = 0; i < at; i++) {
        const struct kc_entry *other = &history->entries[i];
        bool again =
            other->kind == KC_ENTRY_KIND_VOID && other->has_voids && other->voids == entry->voids;
        bool paid = other->kind == KC_ENTRY_KIND_PAY || other->kind == KC_ENTRY_KIND_CASH_OUT;
        bool fits = paid && kc_amount_compare(other->amount, entry->amount) == 0;
        if (again || (other->counter == entry->voids && !fits)) {
            return false;
        }
    }
    return true;
}

/* Adds to a sum and to what is left. */
static struct kc_result gain(struct kc_evidence_sums *sums, struct kc_amount *sum,
                             struct kc_amount amount)
{
    struct kc_result result = kc_amount_add(sum, *sum, amount);
    return kc_failed(result) ? result : kc_amount_add(&sums->left, sums->left, amount);
}

/* *over when the entry pays more than what is left. */
static struct kc_result count(bool *over, struct kc_evidence_sums *sums,
                              const struct kc_evidence_case *about, const struct partners *partners,
                              size_t at)
{
    const struct kc_evidence_history *history = &about->work->history;
    const struct kc_entry *entry = &history->entries[at];
    switch (entry->kind) {
    case KC_ENTRY_KIND_PAY:
    case KC_ENTRY_KIND_CASH_OUT:
        if (kc_amount_compare(sums->left, entry->amount) < 0) {
            *over = true;
            sums->amount = entry->amount;
            return kc_ok();
        }
        return kc_failed(kc_amount_sub(&sums->left, sums->left, entry->amount))
                   ? kc_result(KC_OVERFLOW)
                   : kc_amount_add(&sums->paid, sums->paid, entry->amount);
    case KC_ENTRY_KIND_RECEIVE:
        if (receipt_counts(about, partners, &history->records[at], entry)) {
            return gain(sums, &sums->received, entry->amount);
        }
        return kc_amount_add(&sums->uncounted, sums->uncounted, entry->amount);
    case KC_ENTRY_KIND_VOID:
        return void_counts(history, at) ? gain(sums, &sums->returned, entry->amount) : kc_ok();
    case KC_ENTRY_KIND_REFUSE:
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
    return kc_ok();
}

struct kc_result kc_evidence_overspent(struct kc_evidence_finding *out,
                                       struct kc_evidence_case *about)
{
    struct partners partners = {.count = 0};
    const struct kc_evidence_history *history = &about->work->history;
    struct kc_evidence_sums sums = {.certified = history->certified.purse_amount,
                                    .counter = history->certified.counter,
                                    .left = history->certified.purse_amount};
    struct kc_result result = open_partners(&partners, about);
    if (kc_failed(result)) {
        return result;
    }
    if (about->content->item_count != 1 || !history->whole) {
        return kc_result(KC_NOT_PROVEN);
    }
    KC_ASSERT(history->count <= KC_LIST_COUNT_MAX);
    for (size_t i = 0; i < history->count; i++) {
        bool over = false;
        if (kc_failed(count(&over, &sums, about, &partners, i))) {
            /* Sums beyond all amounts prove nothing. */
            return kc_result(KC_NOT_PROVEN);
        }
        if (over) {
            out->rule = KC_PROOF_RULE_OVERSPENT;
            out->counter = history->entries[i].counter;
            out->sums = sums;
            return kc_ok();
        }
    }
    return kc_result(KC_NOT_PROVEN);
}
