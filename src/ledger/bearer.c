/* Prepaid cards without keys: whoever takes from one reports an order that nobody signed but the taker, by its receipt.
 *
 *  1. Of a card no more is booked than was loaded on it, so that no value is made. What is reported beyond that is objected
 *     to, and the loss is the taker's.
 *  2. The card's own chain is never counted: it cannot report. What was ever loaded is its certified amount, what is booked
 *     stands ahead of it, and the shadow is what is left.
 *  3. Orders that exclude each other, or that come to more than was loaded, show that a copy is about. The card is put on the
 *     hotlist. Nobody signed them, so they accuse nobody. */
#include <string.h>

#include "base/assert.h"
#include "ledger/count.h"
#include "message/cose.h"

struct kc_result kc_count_bearer(struct kc_verdict *verdict, struct kc_report *report,
                                 struct kc_payment_sides *sides,
                                 const struct kc_ledger_record *record)
{
    const struct kc_shown none = {.time_ms = 0};
    struct kc_shadow shadow = kc_shadow_of(sides->payer);
    KC_ASSERT(sides->payer->type == KC_PURSE_TYPE_BEARER);
    if (!shadow.below && kc_amount_compare(shadow.amount, record->order.amount) >= 0) {
        return kc_ok();
    }
    verdict->objection = KC_CARD_EXHAUSTED;
    return kc_count_accuse_partner(report, sides->payer, record, record->order.payer_counter,
                                   &none);
}

/* The payments of a card that stand next to an order in its history. */
struct neighbours {
    uint64_t counter;
    bool has_before;
    bool has_after;
    struct kc_payment_row before;
    struct kc_payment_row after;
};

static bool see(void *owner, const struct kc_payment_row *row)
{
    struct neighbours *seen = owner;
    if (row->payer_counter < seen->counter) {
        seen->has_before = true;
        seen->before = *row;
    } else if (row->payer_counter > seen->counter) {
        seen->has_after = true;
        seen->after = *row;
    }
    return !seen->has_after;
}

/* The order of a payment, out of the record that shows it. KC_NOT_FOUND. */
static struct kc_result order_of(struct kc_payment_order *out, struct kc_record_row *record,
                                 struct kc_ledger *ledger, const struct kc_payment_row *payment)
{
    struct kc_log_record log;
    struct kc_signed parsed;
    struct kc_result result = kc_payment_record(record, ledger, payment);
    if (kc_failed(result)) {
        return result;
    }
    bool good = !kc_failed(kc_shape_decode(&log, &kc_log_record_shape,
                                           kc_view(record->bytes, record->size))) &&
                log.has_order && !kc_failed(kc_brief_parse(&parsed, log.order)) &&
                !kc_failed(kc_shape_decode(out, &kc_payment_order_shape, parsed.payload));
    return kc_result(good ? KC_OK : KC_NOT_FOUND);
}

/* Totals only grow: after an order comes at least what it paid. */
static bool follows(const struct kc_payment_order *first, const struct kc_payment_order *second)
{
    struct kc_amount paid;
    return !kc_failed(kc_amount_add(&paid, first->paid, first->amount)) &&
           kc_amount_compare(paid, second->paid) <= 0 &&
           kc_amount_compare(first->returned, second->returned) <= 0 &&
           (second->payer_counter != first->payer_counter + 1 ||
            (kc_amount_compare(paid, second->paid) == 0 &&
             kc_amount_compare(first->returned, second->returned) == 0));
}

static struct kc_result compare(bool *contradicts, struct kc_shown *against,
                                struct kc_report *report, const struct kc_payment_row *other,
                                const struct kc_payment_order *order, bool before)
{
    struct kc_payment_order its;
    struct kc_record_row record;
    struct kc_result result = order_of(&its, &record, report->ledger, other);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    if (before ? follows(&its, order) : follows(order, &its)) {
        return kc_ok();
    }
    *contradicts = true;
    return kc_payment_keep_proof(against, report->ledger, order->payer_purse.number, other,
                                 KC_EVIDENCE_OTHER_RECORD);
}

struct kc_result kc_count_bearer_totals(bool *contradicts, struct kc_shown *against,
                                        struct kc_report *report,
                                        const struct kc_payment_sides *sides,
                                        const struct kc_ledger_record *record)
{
    struct neighbours seen = {.counter = record->order.payer_counter};
    const struct kc_store *store = report->ledger->store;
    const struct kc_store_scan scan = {.owner = &seen, .payment = see};
    struct kc_result result = kc_ledger_note(
        report->ledger,
        store->scan_paid(store->context, &scan, sides->payer->purse.number, 0, KC_AMOUNT_MAX));
    if (!kc_failed(result) && seen.has_before) {
        result = compare(contradicts, against, report, &seen.before, &record->order, true);
    }
    if (!kc_failed(result) && seen.has_after && !*contradicts) {
        result = compare(contradicts, against, report, &seen.after, &record->order, false);
    }
    return result;
}

/* ---- the card's certified value ---- */

static struct kc_result check_card(const struct kc_ledger *ledger,
                                   const struct kc_account_row *account,
                                   const struct kc_purse_row *card)
{
    if (card->type != KC_PURSE_TYPE_BEARER) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (card->state == KC_PURSE_OUT) {
        return kc_result(KC_PURSE_BLOCKED);
    }
    if (card->state != KC_PURSE_ACTIVE || account->state != KC_ACCOUNT_OPEN) {
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    return kc_result(account->expires_ms < ledger->now_ms ? KC_ACCOUNT_EXPIRED : KC_OK);
}

struct kc_result kc_ledger_card(struct kc_certified *out, struct kc_ledger *ledger,
                                struct kc_purse_id purse)
{
    struct kc_purse_row card;
    struct kc_account_row account;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &card, purse.number));
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger,
                                store->account_get(store->context, &account, card.account.number));
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    result = check_card(ledger, &account, &card);
    if (!kc_failed(result)) {
        result = kc_ledger_recall(out, card.certified, card.certified_size);
    }
    if (kc_failed(result)) {
        return result;
    }
    uint64_t half_ms = ledger->options.bearer.valid_ms / 2;
    uint64_t left_ms =
        out->valid_until_ms > ledger->now_ms ? out->valid_until_ms - ledger->now_ms : 0;
    bool ends = left_ms < half_ms && out->valid_until_ms < account.expires_ms;
    if (!ends && kc_amount_compare(out->purse_amount, card.value) == 0) {
        return kc_ok();
    }
    result = kc_ledger_certify(out, ledger, &account, &card);
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, &card);
}
