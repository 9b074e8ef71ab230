/* Answers that come after their pay entry was counted: a reply was lost, and the payer met its payee before its next report. */
#include <string.h>

#include "base/assert.h"
#include "ledger/count.h"
#include "message/cose.h"

/* A receipt for what was released: its payee never took it by its own chain, or never spoke. Where its payer had it back already
 * it has, and the receipt is a proof or nothing. */
static struct kc_result take_anyway(struct kc_report *report, const struct kc_ledger_record *record,
                                    struct kc_payment_sides *sides)
{
    bool refused = sides->payment.reason == KC_DECLINED;
    bool back = sides->payment.returned || sides->payment.payee_counted ||
                sides->payment.again != KC_AGAIN_NOT;
    bool other = false;
    struct kc_gap_row gap;
    struct kc_shown against = {.time_ms = 0};
    struct kc_result result = kc_ok();
    if (back && !refused) {
        result = kc_count_other(&other, &against, &gap, report, sides->payee,
                                sides->payment.payee_counter, sides->payment.digest);
        return kc_failed(result) || !other
                   ? result
                   : kc_count_accuse_partner(report, sides->payee, record,
                                             sides->payment.payee_counter, &against);
    }
    if (!refused) {
        result = kc_count_step(report, sides, KC_STEP_HOLD_AGAIN, KC_OK);
        return kc_failed(result) ? result : kc_count_decide_noted(report, record, sides);
    }
    if (!back) {
        result = kc_count_book_refused(report, sides, KC_STEP_HOLD_AGAIN);
    }
    return kc_failed(result) ? result : kc_count_accuse_answerer(report, record, sides);
}

/* The same for a payment that is booked: what was only inferred waits for the void that comes with a decline. */
static struct kc_result hear_booked(struct kc_report *report, const struct kc_ledger_record *record,
                                    struct kc_payment_sides *sides)
{
    struct kc_gap_row gap;
    struct kc_payment_row *payment = &sides->payment;
    struct kc_result result;
    if (record->answer == KC_ANSWER_RECEIPT) {
        payment->open = false;
        result = payment->inferred ? kc_gap_find(&gap, report->ledger, sides->payee->purse.number,
                                                 payment->payee_counter)
                                   : kc_result(KC_NOT_FOUND);
        return kc_failed(result) ? kc_result(result.code == KC_NOT_FOUND ? KC_OK : result.code)
                                 : kc_gap_confirm(report->ledger, &gap, payment);
    }
    if (payment->inferred) {
        return kc_ok();
    }
    result = kc_count_step(report, sides, KC_STEP_TAKE_BACK, KC_DECLINED);
    return kc_failed(result) ? result : kc_count_accuse_answerer(report, record, sides);
}

static struct kc_result hear(struct kc_report *report, const struct kc_ledger_record *record,
                             struct kc_payment_sides *sides)
{
    bool receipt = record->answer == KC_ANSWER_RECEIPT;
    struct kc_result result;
    switch (sides->payment.state) {
    case KC_PAYMENT_NOTED:
        result = kc_count_decide_noted(report, record, sides);
        return kc_failed(result) || receipt ? result : kc_gap_back(report->ledger, sides);
    case KC_PAYMENT_BOOKED:
        return hear_booked(report, record, sides);
    case KC_PAYMENT_RELEASED:
        return receipt ? take_anyway(report, record, sides) : kc_ok();
    case KC_PAYMENT_REFUSED:
        break;
    }
    return kc_ok();
}

/* Whether the record as it is kept lacks the answer at hand, or has one that was not accepted, or one that says otherwise. */
static bool lacks_answer(const struct kc_record_row *row, enum kc_record_answer answer)
{
    struct kc_log_record kept;
    struct kc_signed parsed;
    uint64_t number =
        answer == KC_ANSWER_RECEIPT ? kc_receipt_shape.number : kc_decline_shape.number;
    if (row->kind != KC_ENTRY_KIND_PAY || row->state != KC_RECORD_COUNTED ||
        kc_failed(kc_shape_decode(&kept, &kc_log_record_shape, kc_view(row->bytes, row->size)))) {
        return false;
    }
    return row->objection != KC_OK || !kept.has_answer ||
           kc_failed(kc_brief_parse(&parsed, kept.answer)) ||
           kc_shape_number(parsed.payload) != number;
}

/* The record with its answer takes the place of the one without, so that it can be shown. */
static struct kc_result keep_answer(struct kc_report *report, const struct kc_ledger_record *record,
                                    struct kc_record_row *row)
{
    const struct kc_store *store = report->ledger->store;
    KC_ASSERT(record->bytes.size <= sizeof row->bytes);
    memcpy(row->bytes, record->bytes.data, record->bytes.size);
    row->size = record->bytes.size;
    row->objection = KC_OK;
    struct kc_result result =
        kc_ledger_note(report->ledger, store->record_put(store->context, row));
    return kc_failed(result) || record->key.size == 0
               ? result
               : kc_ledger_note(report->ledger,
                                store->signer_add(store->context, record->signer, record->key));
}

struct kc_result kc_report_hear(struct kc_record_row *row, struct kc_report *report,
                                const struct kc_ledger_record *record)
{
    struct kc_purse_row payee;
    struct kc_payment_sides sides;
    bool is_new = false;
    enum kc_error objection = record->objection;
    if (report->repeated || record->answer == KC_ANSWER_NONE ||
        record->entry.kind != KC_ENTRY_KIND_PAY || objection != KC_OK ||
        !lacks_answer(row, record->answer) ||
        !kc_count_same_digest(row->order, record->order_digest)) {
        return kc_ok();
    }
    struct kc_result result =
        kc_count_load_sides(&sides, &payee, &is_new, &objection, report, record, true);
    if (kc_failed(result) || objection != KC_OK || is_new || !sides.payment.payer_counted) {
        return result;
    }
    const struct kc_purse_row before = payee;
    result = hear(report, record, &sides);
    if (!kc_failed(result)) {
        result = keep_answer(report, record, row);
    }
    if (!kc_failed(result)) {
        result = kc_count_save_payment(report, &sides.payment);
    }
    return kc_failed(result) ? result : kc_count_save_changed(report, &before, &payee);
}
