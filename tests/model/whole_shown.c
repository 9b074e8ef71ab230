#include "whole_shown.h"

#include <string.h>

#include "whole_renewed.h"
#include "whole_settled.h"

bool shown_read_answer(struct shown_answer *out, struct kc_view bytes)
{
    struct kc_receipt receipt;
    struct kc_decline decline;
    memset(out, 0, sizeof *out);
    if (kc_failed(kc_brief_parse(&out->parsed, bytes))) {
        return false;
    }
    out->taken = kc_shape_number(out->parsed.payload) == kc_receipt_shape.number;
    if (out->taken) {
        if (kc_failed(kc_shape_decode(&receipt, &kc_receipt_shape, out->parsed.payload))) {
            return false;
        }
        memcpy(out->payment, receipt.payment, KC_DIGEST_SIZE);
        out->payee_purse = receipt.payee_purse.number;
        out->counter = receipt.counter;
        return true;
    }
    if (kc_failed(kc_shape_decode(&decline, &kc_decline_shape, out->parsed.payload))) {
        return false;
    }
    memcpy(out->payment, decline.payment, KC_DIGEST_SIZE);
    out->payee_purse = decline.payee_purse.number;
    out->counter = decline.counter;
    return true;
}

/* Two statements of one holder that exclude each other. */
static bool contradict(const struct statement *first, const struct statement *second)
{
    const struct statement *a = first->kind <= second->kind ? first : second;
    const struct statement *b = a == first ? second : first;
    bool same = memcmp(a->about, b->about, KC_DIGEST_SIZE) == 0;
    bool beside = a->counter == b->counter;
    switch (a->kind) {
    case SIGNED_ORDER:
        return beside && ((b->kind == SIGNED_ORDER && !same) ||
                          (b->kind == OWN_ENTRY && (b->entry != KC_ENTRY_KIND_PAY || !same)));
    case SIGNED_RECEIPT:
        return (b->kind == SIGNED_DECLINE && same) ||
               (beside && b->kind == OWN_ENTRY && (b->entry != KC_ENTRY_KIND_RECEIVE || !same));
    case SIGNED_DECLINE:
        return b->kind == OWN_ENTRY && b->entry == KC_ENTRY_KIND_RECEIVE && same;
    case OWN_ENTRY:
        break;
    }
    return beside && (a->entry != b->entry || !same);
}

static void state(struct truth *truth, const struct statement *statement)
{
    bool contradicted = false;
    for (size_t i = 0; i < truth->statement_count; i++) {
        struct statement *other = &truth->statements[i];
        if (other->holder != statement->holder) {
            continue;
        }
        if (other->kind == statement->kind && other->counter == statement->counter &&
            other->entry == statement->entry &&
            memcmp(other->about, statement->about, KC_DIGEST_SIZE) == 0) {
            return;
        }
        contradicted = contradicted || contradict(other, statement);
    }
    if (truth->statement_count < TRUTH_STATEMENTS_MAX) {
        truth->statements[truth->statement_count] = *statement;
        truth->statements[truth->statement_count++].contradicted = contradicted;
    }
}

static const struct whole_holder *find_holder(unsigned *index, const struct truth *truth,
                                              uint64_t purse)
{
    *index = truth_purse_holder(truth, purse);
    return *index == TRUTH_NOBODY ? NULL : &truth->whole->holders[*index];
}

/* The order of an entry, when it is signed by its payer and fits the entry. */
static bool read_order(struct kc_payment_order *order, unsigned *payer, const struct truth *truth,
                       unsigned reporter, const struct kc_entry *entry, struct kc_view bytes)
{
    struct kc_signed parsed;
    uint8_t digest[KC_DIGEST_SIZE];
    if (kc_failed(kc_brief_parse(&parsed, bytes)) ||
        kc_failed(kc_shape_decode(order, &kc_payment_order_shape, parsed.payload))) {
        return false;
    }
    const struct whole_holder *holder = find_holder(payer, truth, order->payer_purse.number);
    uint64_t own = truth->whole->holders[reporter].purse.number;
    bool pays = entry->kind == KC_ENTRY_KIND_PAY;
    kc_digest(&truth->whole->bank.crypto, digest, bytes);
    return holder != NULL &&
           renewed_verifies(truth, *payer, &parsed, &kc_payment_order_shape, order->payer_counter,
                            false) &&
           holder->account.number == order->payer.number &&
           (pays ? order->payer_purse.number : order->payee_purse.number) == own &&
           (pays ? order->payer_counter : order->payee_counter) == entry->counter &&
           kc_amount_compare(order->amount, entry->amount) == 0 &&
           memcmp(digest, entry->partner, KC_DIGEST_SIZE) == 0;
}

static void collect_answer(struct truth *truth, struct kc_view bytes)
{
    struct shown_answer answer;
    struct statement statement = {.entry = KC_ENTRY_KIND_PAY};
    if (!shown_read_answer(&answer, bytes)) {
        return;
    }
    const struct whole_holder *payee = find_holder(&statement.holder, truth, answer.payee_purse);
    const struct kc_shape *shape = answer.taken ? &kc_receipt_shape : &kc_decline_shape;
    if (payee == NULL ||
        !renewed_verifies(truth, statement.holder, &answer.parsed, shape, answer.counter, true)) {
        return;
    }
    statement.kind = answer.taken ? SIGNED_RECEIPT : SIGNED_DECLINE;
    statement.counter = answer.counter;
    memcpy(statement.about, answer.payment, KC_DIGEST_SIZE);
    state(truth, &statement);
}

static void collect_record(struct truth *truth, unsigned reporter,
                           const struct kc_log_record *record, const struct kc_entry *entry,
                           bool same)
{
    struct kc_payment_order order;
    struct statement own = {
        .kind = OWN_ENTRY, .holder = reporter, .counter = entry->counter, .entry = entry->kind};
    struct statement ordered = {.kind = SIGNED_ORDER, .entry = KC_ENTRY_KIND_PAY};
    memcpy(own.about, entry->partner, KC_DIGEST_SIZE);
    state(truth, &own);
    bool wants = entry->kind == KC_ENTRY_KIND_PAY || entry->kind == KC_ENTRY_KIND_RECEIVE ||
                 entry->kind == KC_ENTRY_KIND_REFUSE;
    if (!wants || !record->has_order || !same ||
        !read_order(&order, &ordered.holder, truth, reporter, entry, record->order)) {
        return;
    }
    ordered.counter = order.payer_counter;
    memcpy(ordered.about, entry->partner, KC_DIGEST_SIZE);
    state(truth, &ordered);
    if (entry->kind == KC_ENTRY_KIND_PAY && record->has_answer) {
        collect_answer(truth, record->answer);
    }
}

bool shown_collect(struct truth *truth, unsigned reporter, uint64_t counted, bool copied)
{
    const struct kc_settle_request *request = &truth->whole->item.message.settle_request;
    for (size_t i = 0; i < request->records.count; i++) {
        struct kc_log_record record;
        struct kc_entry entry;
        if (kc_failed(kc_shape_decode(&record, &kc_log_record_shape, request->records.items[i])) ||
            kc_failed(kc_shape_decode(&entry, &kc_entry_shape, record.entry))) {
            return false;
        }
        if (entry.counter <= counted) {
            /* Of a chain that differs from what was counted the bank takes the proof against the reporter, and no more. */
            bool same = !copied || entry.counter > truth->counted_before;
            collect_record(truth, reporter, &record, &entry, same);
        }
    }
    return true;
}

bool shown_overspends(const struct truth *truth, unsigned reporter, uint64_t counted,
                      uint64_t value)
{
    const struct kc_settle_request *request = &truth->whole->item.message.settle_request;
    for (size_t i = 0; i < request->records.count; i++) {
        struct kc_log_record record;
        struct kc_entry entry;
        struct kc_payment_order order;
        unsigned payer = 0;
        if (kc_failed(kc_shape_decode(&record, &kc_log_record_shape, request->records.items[i])) ||
            kc_failed(kc_shape_decode(&entry, &kc_entry_shape, record.entry)) ||
            entry.counter != counted + 1 || entry.kind != KC_ENTRY_KIND_PAY || !record.has_order) {
            continue;
        }
        return read_order(&order, &payer, truth, reporter, &entry, record.order) &&
               kc_amount_minor(entry.amount) > value;
    }
    return false;
}
