/* Counting voids and cash-outs: what leaves for an account, and what comes back. */
#include <string.h>

#include "base/assert.h"
#include "ledger/count.h"
#include "ledger/sums.h"
#include "message/cose.h"

static bool keep_counted(void *owner, const struct kc_payment_row *row)
{
    struct kc_payment_row *payment = owner;
    if (row->payer_counted) {
        *payment = *row;
    }
    return !row->payer_counted;
}

/* The payee's signed decline, by the key of that very purse: an older one of its account may be in other hands. */
static bool shows_decline(const struct kc_ledger_record *record, const struct kc_payment_row *row,
                          const struct kc_purse_row *payee)
{
    return record->answer == KC_ANSWER_DECLINE &&
           kc_count_same_digest(record->answered, row->digest) &&
           record->partner == payee->account.number &&
           record->answerer.number == payee->purse.number;
}

struct others {
    const struct kc_payment_row *than;
    size_t count;
    struct kc_payment_row rows[KC_LIST_COUNT_MAX];
};

static bool collect_other(void *owner, const struct kc_payment_row *row)
{
    struct others *others = owner;
    if (row->state == KC_PAYMENT_RELEASED && row->payer_counted && !row->returned &&
        !kc_count_same_digest(row->digest, others->than->digest)) {
        others->rows[others->count++] = *row;
    }
    return others->count < KC_LIST_COUNT_MAX;
}

/* The void in the gap was not for this payment: it may be for others that wait for theirs. */
static struct kc_result return_others(struct kc_report *report,
                                      const struct kc_payment_sides *sides)
{
    struct others others = {.than = &sides->payment};
    const struct kc_store *store = report->ledger->store;
    const struct kc_store_scan scan = {.owner = &others, .payment = collect_other};
    struct kc_result result = kc_ledger_note(
        report->ledger, store->scan_open(store->context, &scan, report->purse->purse.number));
    for (size_t i = 0; i < others.count && !kc_failed(result); i++) {
        struct kc_purse_row payee = {.purse = others.rows[i].payee};
        struct kc_payment_sides other = {
            .payment = others.rows[i], .payer = report->purse, .payee = &payee};
        result = kc_gap_back(report->ledger, &other);
        if (!kc_failed(result)) {
            result = kc_count_save_payment(report, &other.payment);
        }
    }
    return result;
}

/* The payer's void shows what a gap let the bank only infer: that the payment was taken, or returned already. */
static struct kc_result undo_inferred(enum kc_error *objection, struct kc_report *report,
                                      struct kc_payment_sides *sides)
{
    struct kc_gap_row gap;
    struct kc_result result;
    if (sides->payment.state == KC_PAYMENT_BOOKED) {
        result = kc_gap_find(&gap, report->ledger, sides->payee->purse.number,
                             sides->payment.payee_counter);
        sides->payment.open = true;
        sides->payment.told_sequence = 0;
        return kc_failed(result) ? result : kc_gap_unguess(report->ledger, &gap, sides);
    }
    result = kc_gap_unreturn(report->ledger, sides);
    if (result.code != KC_NOT_FOUND) {
        return kc_failed(result) ? result : return_others(report, sides);
    }
    *objection = KC_DEBT;
    /* It had it back without a void, and may have spent it twice: that is a debt. */
    return kc_claim_owe(report->purse, sides->payment.amount) ? kc_ok() : kc_result(KC_PENDING);
}

static struct kc_result void_pay(struct kc_verdict *verdict, struct kc_report *report,
                                 const struct kc_ledger_record *record,
                                 const struct kc_payment_row *payment)
{
    struct kc_purse_row payee;
    const struct kc_store *store = report->ledger->store;
    struct kc_payment_sides sides = {.payment = *payment, .payer = report->purse, .payee = &payee};
    struct kc_result result = kc_ledger_note(
        report->ledger, store->purse_get(store->context, &payee, payment->payee.number));
    if (kc_failed(result)) {
        return kc_ledger_note(report->ledger, kc_result(KC_STORE_CORRUPT));
    }
    struct kc_shown against = kc_shown_counted(&payee);
    bool declined = shows_decline(record, payment, &payee);
    bool waits = payment->state == KC_PAYMENT_NOTED && !declined;
    if (waits || !kc_payment_fits(report->ledger, &sides)) {
        return kc_result(KC_PENDING);
    }
    if (payment->inferred && (declined || payment->returned)) {
        result = undo_inferred(&verdict->objection, report, &sides);
        payment = &sides.payment;
        if (kc_failed(result) || verdict->objection != KC_OK) {
            return result;
        }
    }
    if (payment->returned || (payment->state == KC_PAYMENT_BOOKED && !declined)) {
        verdict->objection = KC_MISMATCH;
        return kc_ok();
    }
    if (payment->state == KC_PAYMENT_NOTED) {
        result = kc_count_step(report, &sides, KC_STEP_RELEASE, KC_DECLINED);
    } else if (payment->state == KC_PAYMENT_BOOKED) {
        result = kc_count_step(report, &sides, KC_STEP_TAKE_BACK, KC_DECLINED);
        if (!kc_failed(result)) {
            result = kc_payment_keep_proof(&against, report->ledger, payee.purse.number, payment,
                                           KC_EVIDENCE_OTHER_RECORD);
        }
        if (!kc_failed(result)) {
            result =
                kc_count_accuse_partner(report, &payee, record, payment->payee_counter, &against);
        }
    }
    if (!kc_failed(result)) {
        result = kc_count_step(report, &sides, KC_STEP_RETURN, KC_OK);
    }
    if (!kc_failed(result)) {
        result = kc_count_save_payment(report, &sides.payment);
    }
    return kc_failed(result) ? result : kc_count_save_partner(report, &payee);
}

struct search {
    struct kc_amount amount;
    bool found;
};

static bool is_given_back(void *owner, const struct kc_transaction_row *row)
{
    struct search *search = owner;
    search->found = kc_is_cash_out(row->kind) &&
                    (row->state == KC_STATE_NOT_COMPLETED || row->state == KC_STATE_DECLINED) &&
                    kc_amount_compare(row->amount, search->amount) == 0;
    return !search->found;
}

/* A void of an entry in a gap: a payment whose decline stands beside the void, or a deposit that came to nothing. */
static struct kc_result void_in_gap(struct kc_verdict *verdict, struct kc_report *report,
                                    const struct kc_ledger_record *record)
{
    struct kc_gap_row gap;
    struct search search = {.amount = record->entry.amount};
    const struct kc_store *store = report->ledger->store;
    const struct kc_store_scan scan = {.owner = &search, .transaction = is_given_back};
    uint64_t purse = report->purse->purse.number;
    struct kc_result result = kc_gap_find(&gap, report->ledger, purse, record->entry.voids);
    if (!kc_failed(result) && record->answer != KC_ANSWER_DECLINE) {
        result =
            kc_ledger_note(report->ledger, store->scan_transactions(store->context, &scan, purse));
        result = kc_failed(result) || search.found ? result : kc_result(KC_MISMATCH);
    }
    if (!kc_failed(result)) {
        result = kc_gap_void(report->ledger, &gap, report->purse, record->entry.amount);
    }
    bool unknown = result.code == KC_NOT_FOUND || result.code == KC_MISMATCH;
    verdict->objection = unknown ? KC_MISMATCH : KC_OK;
    return unknown ? kc_ok() : result;
}

/* A cash-out that was counted when its deposit had come to nothing. */
static struct kc_result void_cash_out(struct kc_verdict *verdict, struct kc_report *report,
                                      const struct kc_ledger_record *record)
{
    struct kc_record_row row;
    struct kc_purse_row *purse = report->purse;
    const struct kc_store *store = report->ledger->store;
    struct kc_result result =
        kc_ledger_note(report->ledger, store->record_get(store->context, &row, purse->purse.number,
                                                         record->entry.voids));
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    if (result.code == KC_NOT_FOUND) {
        return void_in_gap(verdict, report, record);
    }
    bool fits = !kc_failed(result) && row.state == KC_RECORD_TO_RETURN &&
                kc_amount_compare(row.amount, record->entry.amount) == 0 &&
                !kc_failed(kc_amount_add(&purse->value, purse->value, row.amount));
    if (!fits) {
        verdict->objection = KC_MISMATCH;
        return kc_ok();
    }
    result = kc_amount_sub(&purse->ahead_in, purse->ahead_in, row.amount);
    KC_ASSERT(!kc_failed(result));
    row.state = KC_RECORD_RETURNED;
    return kc_ledger_note(report->ledger, store->record_put(store->context, &row));
}

struct kc_result kc_count_void(struct kc_verdict *verdict, struct kc_report *report,
                               const struct kc_ledger_record *record)
{
    const struct kc_store *store = report->ledger->store;
    struct kc_payment_row payment = {.payer_counter = 0};
    const struct kc_store_scan scan = {.owner = &payment, .payment = keep_counted};
    uint64_t voids = record->entry.voids;
    if (!record->entry.has_voids || voids == 0 || voids >= record->entry.counter) {
        verdict->objection = KC_MISMATCH;
        return kc_ok();
    }
    struct kc_result result =
        kc_ledger_note(report->ledger, store->scan_paid(store->context, &scan,
                                                        report->purse->purse.number, voids, voids));
    if (kc_failed(result)) {
        return result;
    }
    if (payment.payer_counter == 0) {
        return void_cash_out(verdict, report, record);
    }
    if (kc_amount_compare(payment.amount, record->entry.amount) != 0) {
        verdict->objection = KC_MISMATCH;
        return kc_ok();
    }
    return void_pay(verdict, report, record, &payment);
}

/* The cash-out leaves the value and its counterpart what was booked when the bank took it, or what waits for the void. */
static struct kc_result move_cash_out(struct kc_report *report,
                                      const struct kc_ledger_record *record,
                                      struct kc_amount *ahead, bool taken)
{
    struct kc_amount value;
    struct kc_purse_row *purse = report->purse;
    struct kc_amount amount = record->entry.amount;
    if (kc_failed(kc_amount_sub(&value, purse->value, amount))) {
        return kc_count_overspend(report, record, NULL, false);
    }
    struct kc_result result =
        taken ? kc_amount_sub(ahead, *ahead, amount) : kc_amount_add(ahead, *ahead, amount);
    if (kc_failed(result)) {
        return kc_ledger_note(report->ledger, kc_result(KC_STORE_CORRUPT));
    }
    purse->value = value;
    return result;
}

struct kc_result kc_count_cash_out(struct kc_verdict *verdict, struct kc_report *report,
                                   const struct kc_ledger_record *record)
{
    struct kc_record_row row;
    struct kc_transaction_row transaction;
    struct kc_purse_row *purse = report->purse;
    const struct kc_entry *entry = &record->entry;
    const struct kc_store *store = report->ledger->store;
    struct kc_result result =
        kc_ledger_note(report->ledger, store->record_get(store->context, &row, purse->purse.number,
                                                         entry->counter));
    if (!kc_failed(result)) {
        const struct kc_shown against = kc_count_record_shown(&row);
        return kc_count_same_digest(row.digest, record->digest)
                   ? move_cash_out(report, record, &purse->ahead_out, true)
                   : kc_count_accuse_reporter(report, record, KC_COPIED_OR_RESTORED, &against);
    }
    if (result.code == KC_NOT_FOUND) {
        result = kc_ledger_note(report->ledger,
                                store->transaction_get(store->context, &transaction,
                                                       purse->purse.number, entry->transaction_ms));
    }
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    bool known = !kc_failed(result) && entry->has_transaction && kc_is_cash_out(transaction.kind) &&
                 kc_amount_compare(transaction.amount, entry->amount) == 0;
    if (known && transaction.state == KC_STATE_QUOTED) {
        return kc_result(KC_PENDING);
    }
    if (!known ||
        (transaction.state != KC_STATE_NOT_COMPLETED && transaction.state != KC_STATE_DECLINED)) {
        verdict->objection = KC_UNKNOWN_TRANSACTION;
        return kc_ok();
    }
    verdict->state = KC_RECORD_TO_RETURN;
    return move_cash_out(report, record, &purse->ahead_in, false);
}

/* ---- declines that stand beside voids ---- */

struct decline_search {
    uint64_t counter;
    const uint8_t *order;
    bool found;
    struct kc_record_row row;
};

static bool is_decline_of(const struct kc_record_row *row, const struct decline_search *search)
{
    struct kc_log_record log;
    struct kc_entry entry;
    struct kc_signed parsed;
    struct kc_decline decline;
    return row->kind == KC_ENTRY_KIND_VOID && row->objection == KC_OK &&
           row->counter > search->counter &&
           !kc_failed(
               kc_shape_decode(&log, &kc_log_record_shape, kc_view(row->bytes, row->size))) &&
           log.has_answer && !kc_failed(kc_shape_decode(&entry, &kc_entry_shape, log.entry)) &&
           entry.has_voids && entry.voids == search->counter &&
           !kc_failed(kc_brief_parse(&parsed, log.answer)) &&
           !kc_failed(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload)) &&
           kc_count_same_digest(decline.payment, search->order);
}

static bool look_for_decline(void *owner, const struct kc_record_row *row)
{
    struct decline_search *search = owner;
    search->found = is_decline_of(row, search);
    if (search->found) {
        search->row = *row;
    }
    return !search->found;
}

/* Looks among the payer's records, where its pay entry of this counter is in a gap. */
static struct kc_result find_decline(struct decline_search *search, struct kc_ledger *ledger,
                                     const struct kc_purse_row *payer)
{
    struct kc_gap_row gap;
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = search, .record = look_for_decline};
    struct kc_result result = payer->counter < search->counter
                                  ? kc_result(KC_NOT_FOUND)
                                  : kc_gap_find(&gap, ledger, payer->purse.number, search->counter);
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->scan_records(store->context, &scan, payer->purse.number));
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

struct kc_result kc_count_given_back(bool *given_back, struct kc_ledger *ledger,
                                     const struct kc_purse_row *payer,
                                     const struct kc_payment_row *payment)
{
    struct decline_search search = {.counter = payment->payer_counter, .order = payment->digest};
    struct kc_result result = find_decline(&search, ledger, payer);
    *given_back = search.found;
    return result;
}

struct kc_result kc_count_denied(bool *denied, struct kc_shown *shown, struct kc_report *report,
                                 const struct kc_purse_row *payer,
                                 const struct kc_ledger_record *record)
{
    struct decline_search search = {.counter = record->order.payer_counter,
                                    .order = record->order_digest};
    const struct kc_store *store = report->ledger->store;
    struct kc_result result = find_decline(&search, report->ledger, payer);
    *denied = search.found;
    if (kc_failed(result) || !search.found) {
        return result;
    }
    const struct kc_view bytes = kc_view(search.row.bytes, search.row.size);
    shown->time_ms = record->order.time_ms;
    kc_digest(report->ledger->crypto, shown->digest, bytes);
    return kc_ledger_note(report->ledger,
                          store->evidence_add(store->context, report->purse->purse.number,
                                              shown->time_ms, KC_EVIDENCE_OTHER_RECORD,
                                              shown->digest, bytes));
}
