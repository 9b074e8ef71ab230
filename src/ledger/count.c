/* Counting one record of a report: what its kind of entry moves, on both sides, and what contradicts it. */
#include <string.h>

#include "base/assert.h"
#include "ledger/count.h"
#include "ledger/sums.h"

void kc_report_object(struct kc_ledger_settled *out, uint64_t counter, enum kc_error reason)
{
    KC_ASSERT(out->objection_count < KC_LIST_COUNT_MAX);
    out->objections[out->objection_count++] =
        (struct kc_objection){.counter = counter, .reason = (uint64_t)reason};
}

/* An entry that stops the counting, unless a better reason was told already. */
void kc_report_stop(struct kc_ledger_settled *out, uint64_t counter)
{
    size_t count = out->objection_count;
    if (count == 0 || out->objections[count - 1].counter != counter) {
        kc_report_object(out, counter, KC_PENDING);
    }
}

struct kc_result kc_count_save_partner(struct kc_report *report, struct kc_purse_row *partner)
{
    struct kc_result result = kc_ledger_save_ahead(report->ledger, partner);
    return kc_failed(result) || partner->state != KC_PURSE_OUT
               ? result
               : kc_claim_out(report->ledger, partner);
}

/* What the partner reported before its report moves nothing of it: then its row is left alone. */
struct kc_result kc_count_save_changed(struct kc_report *report, const struct kc_purse_row *before,
                                       struct kc_purse_row *partner)
{
    bool same = before->state == partner->state &&
                kc_amount_compare(before->value, partner->value) == 0 &&
                kc_amount_compare(before->ahead_in, partner->ahead_in) == 0 &&
                kc_amount_compare(before->ahead_out, partner->ahead_out) == 0 &&
                kc_amount_compare(before->objected, partner->objected) == 0 &&
                kc_amount_compare(before->owed, partner->owed) == 0;
    return same ? kc_ok() : kc_count_save_partner(report, partner);
}

struct kc_result kc_count_save_payment(struct kc_report *report,
                                       const struct kc_payment_row *payment)
{
    const struct kc_store *store = report->ledger->store;
    return kc_ledger_note(report->ledger, store->payment_put(store->context, payment));
}

bool kc_count_same_digest(const uint8_t a[KC_DIGEST_SIZE], const uint8_t b[KC_DIGEST_SIZE])
{
    return memcmp(a, b, KC_DIGEST_SIZE) == 0;
}

/* ---- proofs ---- */

/* The report that is being counted. */
static struct kc_shown report_shown(const struct kc_report *report)
{
    KC_ASSERT(report->purse->last_ms == report->time_ms);
    return kc_shown_last(report->purse);
}

static struct kc_result save_record(struct kc_report *report, const struct kc_ledger_record *record,
                                    const struct kc_verdict *verdict)
{
    const struct kc_store *store = report->ledger->store;
    const struct kc_shown shown = report_shown(report);
    struct kc_record_row row = {.purse = report->purse->purse,
                                .counter = record->entry.counter,
                                .kind = record->entry.kind,
                                .state = verdict->state,
                                .objection = verdict->objection,
                                .amount = record->entry.amount,
                                .shown_ms = shown.time_ms,
                                .size = record->bytes.size};
    KC_ASSERT(record->bytes.size <= sizeof row.bytes);
    memcpy(row.digest, record->digest, KC_DIGEST_SIZE);
    if (record->has_order) {
        memcpy(row.order, record->order_digest, KC_DIGEST_SIZE);
    }
    memcpy(row.head, record->head_after, KC_DIGEST_SIZE);
    memcpy(row.shown_digest, shown.digest, KC_DIGEST_SIZE);
    memcpy(row.bytes, record->bytes.data, record->bytes.size);
    return kc_ledger_note(report->ledger, store->record_put(store->context, &row));
}

/* The reporter's own signatures exclude each other: the report's, and those of what is kept as `against`. */
struct kc_result kc_count_accuse_reporter(struct kc_report *report,
                                          const struct kc_ledger_record *record,
                                          enum kc_error reason, const struct kc_shown *against)
{
    const struct kc_shown evidence = report_shown(report);
    return kc_ledger_accuse(report->ledger, report->purse, reason, record->entry.counter, &evidence,
                            against == NULL ? &evidence : against);
}

/* Keeps the record at hand as evidence that the partner signed. */
static struct kc_result keep_record(struct kc_shown *shown, struct kc_report *report,
                                    const struct kc_purse_row *partner,
                                    const struct kc_ledger_record *record)
{
    const struct kc_store *store = report->ledger->store;
    *shown =
        (struct kc_shown){.time_ms = record->has_order ? record->order.time_ms : report->time_ms};
    kc_digest(report->ledger->crypto, shown->digest, record->bytes);
    return kc_ledger_note(report->ledger,
                          store->evidence_add(store->context, partner->purse.number, shown->time_ms,
                                              KC_EVIDENCE_RECORD, shown->digest, record->bytes));
}

/* The partner's do, as the record at hand shows. It is out of use; the report goes on. One alert is enough for a purse that a
 * proof put out of use already. */
struct kc_result kc_count_accuse_partner(struct kc_report *report, struct kc_purse_row *partner,
                                         const struct kc_ledger_record *record, uint64_t counter,
                                         const struct kc_shown *against)
{
    struct kc_shown evidence;
    bool proved = partner->state == KC_PURSE_OUT && !kc_purse_out_by_word(partner);
    struct kc_result result = keep_record(&evidence, report, partner, record);
    if (kc_failed(result) || proved) {
        return result;
    }
    result = kc_ledger_accuse(report->ledger, partner, KC_COPIED_OR_RESTORED, counter, &evidence,
                              against->time_ms == 0 ? &evidence : against);
    if (result.code != KC_COPIED_OR_RESTORED) {
        return result;
    }
    return kc_claim_out(report->ledger, partner);
}

struct kc_shown kc_count_record_shown(const struct kc_record_row *row)
{
    struct kc_shown shown = {.time_ms = row->shown_ms};
    memcpy(shown.digest, row->shown_digest, KC_DIGEST_SIZE);
    return shown;
}

/* Whether the purse counted an entry at this counter that is not about the order, and what shows it. Of an entry in a gap, which
 * is then in *gap, nothing is known; else gap->last is 0. */
struct kc_result kc_count_other(bool *other, struct kc_shown *shown, struct kc_gap_row *gap,
                                struct kc_report *report, const struct kc_purse_row *purse,
                                uint64_t counter, const uint8_t order[KC_DIGEST_SIZE])
{
    struct kc_record_row row;
    const struct kc_store *store = report->ledger->store;
    *other = false;
    gap->last = 0;
    if (purse->counter < counter) {
        return kc_ok();
    }
    struct kc_result result = kc_ledger_note(
        report->ledger, store->record_get(store->context, &row, purse->purse.number, counter));
    if (result.code == KC_NOT_FOUND) {
        *shown = kc_shown_counted(purse);
        result = kc_gap_find(gap, report->ledger, purse->purse.number, counter);
        *other = result.code == KC_NOT_FOUND;
        gap->last = kc_failed(result) ? 0 : gap->last;
        return *other ? kc_ok() : result;
    }
    *other = kc_failed(result) || !kc_count_same_digest(row.order, order);
    *shown = kc_failed(result) ? kc_shown_counted(purse) : kc_count_record_shown(&row);
    return result;
}

/* Whether an order names another chain head than the one that its payer's chain had there, where the bank knows that. */
static struct kc_result other_head(bool *other, struct kc_report *report,
                                   const struct kc_purse_row *payer,
                                   const struct kc_payment_order *order)
{
    struct kc_record_row row;
    struct kc_gap_row gap;
    const struct kc_store *store = report->ledger->store;
    *other = false;
    if (order->payer_counter == payer->counter + 1) {
        *other = !kc_count_same_digest(order->head, payer->head);
        return kc_ok();
    }
    if (order->payer_counter > payer->counter || order->payer_counter < 2) {
        return kc_ok();
    }
    struct kc_result result =
        kc_ledger_note(report->ledger, store->record_get(store->context, &row, payer->purse.number,
                                                         order->payer_counter - 1));
    if (!kc_failed(result) && row.state == KC_RECORD_PASSED) {
        return kc_ok();
    }
    *other = !kc_failed(result) && !kc_count_same_digest(order->head, row.head);
    if (result.code == KC_NOT_FOUND) {
        result = kc_gap_find(&gap, report->ledger, payer->purse.number, order->payer_counter - 1);
        *other = !kc_failed(result) && gap.last + 1 == order->payer_counter &&
                 !kc_count_same_digest(order->head, gap.after);
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* An order whose pay entry is in its payer's gap. KC_MISMATCH: the gap's totals do not hold it. */
static struct kc_result explain_order(struct kc_report *report, struct kc_gap_row *gap,
                                      struct kc_payment_sides *sides,
                                      const struct kc_ledger_record *record)
{
    struct kc_shown shown;
    bool booked = sides->payment.state == KC_PAYMENT_BOOKED;
    bool given_back = false;
    struct kc_result result = keep_record(&shown, report, sides->payer, record);
    if (!kc_failed(result) && !booked) {
        result = kc_count_given_back(&given_back, report->ledger, sides->payer, &sides->payment);
    }
    if (kc_failed(result) || given_back) {
        return result;
    }
    result = booked ? kc_gap_pay(report->ledger, gap, sides, &shown)
                    : kc_gap_refused(report->ledger, gap, sides);
    if (!kc_failed(result)) {
        result = kc_count_save_payment(report, &sides->payment);
    }
    return kc_failed(result) ? result : kc_count_save_partner(report, sides->payer);
}

/* An order that its payee shows, against all that its payer signed: another order with its counter, a counted entry that is not
 * this payment, another history before it. */
static struct kc_result check_payer(struct kc_report *report, struct kc_payment_sides *sides,
                                    const struct kc_ledger_record *record)
{
    struct kc_payment_row other;
    struct kc_gap_row gap = {.last = 0};
    struct kc_shown against = kc_shown_counted(sides->payer);
    bool contradicts = false;
    struct kc_result result = kc_payment_other(&other, report->ledger, &sides->payment);
    if (!kc_failed(result)) {
        result = kc_payment_keep_proof(&against, report->ledger, sides->payer->purse.number, &other,
                                       KC_EVIDENCE_OTHER_RECORD);
        contradicts = true;
    } else if (result.code == KC_NOT_FOUND) {
        result = kc_count_other(&contradicts, &against, &gap, report, sides->payer,
                                sides->payment.payer_counter, sides->payment.digest);
    }
    if (!kc_failed(result) && !contradicts) {
        result = other_head(&contradicts, report, sides->payer, &record->order);
    }
    if (!kc_failed(result) && !contradicts && sides->payer->type == KC_PURSE_TYPE_BEARER) {
        result = kc_count_bearer_totals(&contradicts, &against, report, sides, record);
    }
    if (!kc_failed(result) && !contradicts && gap.last != 0) {
        result = explain_order(report, &gap, sides, record);
        contradicts = result.code == KC_MISMATCH;
        against = kc_gap_shown(&gap);
        result = contradicts ? kc_ok() : result;
    }
    return kc_failed(result) || !contradicts
               ? result
               : kc_count_accuse_partner(report, sides->payer, record, sides->payment.payer_counter,
                                         &against);
}

/* ---- both sides of a payment ---- */

/* What nobody has reported yet still stands in the books, with those it came from: so no honest purse sinks further below zero
 * than all that stands there with others, which is what was funded and what others lack. Without a bound that leaves out what
 * the payer lacks itself, one that is not honest could double the claims with every order. */
static bool is_possible(const struct kc_ledger *ledger, const struct kc_purse_row *payer,
                        struct kc_amount amount)
{
    struct kc_amount all;
    struct kc_shadow before = kc_shadow_of(payer);
    struct kc_shadow after = before;
    if (kc_failed(kc_amount_add(&all, ledger->totals.outside, ledger->totals.claims)) ||
        kc_failed(kc_shadow_sub(&after, amount)) || kc_amount_compare(amount, all) > 0) {
        return false;
    }
    struct kc_amount others = before.below ? kc_beyond(all, before.amount) : all;
    return !after.below || kc_amount_compare(after.amount, others) <= 0;
}

/* Loads partner and payment of an order. The reporter is the payer for `as_payer`. A partner that the bank does not know so
 * is an objection, in *objection. *is_new when nobody reported the payment before. */
struct kc_result kc_count_load_sides(struct kc_payment_sides *sides, struct kc_purse_row *partner,
                                     bool *is_new, enum kc_error *objection,
                                     struct kc_report *report,
                                     const struct kc_ledger_record *record, bool as_payer)
{
    const struct kc_store *store = report->ledger->store;
    const struct kc_payment_order *order = &record->order;
    struct kc_purse_id purse = as_payer ? order->payee_purse : order->payer_purse;
    struct kc_account_id account = as_payer ? order->payee : order->payer;
    struct kc_result result =
        kc_ledger_note(report->ledger, store->purse_get(store->context, partner, purse.number));
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    if (kc_failed(result) || partner->state == KC_PURSE_WAITING) {
        *objection = KC_UNKNOWN_PURSE;
        return kc_ok();
    }
    if (partner->account.number != account.number) {
        *objection = KC_MISMATCH;
        return kc_ok();
    }
    sides->payer = as_payer ? report->purse : partner;
    sides->payee = as_payer ? partner : report->purse;
    result = kc_ledger_note(report->ledger,
                            store->payment_get(store->context, &sides->payment,
                                               order->payer_purse.number, order->payer_counter,
                                               record->order_digest));
    *is_new = result.code == KC_NOT_FOUND;
    if (*is_new) {
        sides->payment = (struct kc_payment_row){.payer = order->payer_purse,
                                                 .payer_counter = order->payer_counter,
                                                 .payee = order->payee_purse,
                                                 .payee_counter = order->payee_counter,
                                                 .amount = order->amount,
                                                 .time_ms = order->time_ms};
        memcpy(sides->payment.digest, record->order_digest, KC_DIGEST_SIZE);
        result = kc_ok();
    }
    bool fits = kc_payment_fits(report->ledger, sides) &&
                (!*is_new || is_possible(report->ledger, sides->payer, order->amount));
    if (!kc_failed(result) && !fits) {
        *objection = KC_AMOUNT_TOO_LARGE;
    }
    return result;
}

struct kc_result kc_count_step(struct kc_report *report, struct kc_payment_sides *sides,
                               enum kc_payment_step which, enum kc_error reason)
{
    return kc_payment_step(report->ledger, sides, which, reason);
}

static struct kc_result two_steps(struct kc_report *report, struct kc_payment_sides *sides,
                                  enum kc_payment_step first, enum kc_payment_step second,
                                  enum kc_error reason)
{
    struct kc_result result = kc_count_step(report, sides, first, reason);
    return kc_failed(result) ? result : kc_count_step(report, sides, second, reason);
}

/* ---- pay ---- */

/* The chain is complete up to here and the value does not reach: proof, unless records that could not be verified would make
 * it reach. The payee is paid; what the purse cannot pay is a claim. */
struct kc_result kc_count_overspend(struct kc_report *report, const struct kc_ledger_record *record,
                                    struct kc_payment_sides *sides, bool is_new)
{
    struct kc_amount most;
    struct kc_purse_row *purse = report->purse;
    struct kc_result result = kc_amount_add(&most, purse->value, purse->objected);
    if (kc_failed(result) || kc_amount_compare(most, record->entry.amount) >= 0) {
        return kc_result(KC_PENDING);
    }
    result = kc_ok();
    if (sides != NULL && is_new && record->answer == KC_ANSWER_RECEIPT) {
        result = kc_count_step(report, sides, KC_STEP_BOOK, KC_OK);
        if (!kc_failed(result)) {
            result = kc_count_save_payment(report, &sides->payment);
        }
        if (!kc_failed(result)) {
            result = kc_count_save_partner(report, sides->payee);
        }
        if (!kc_failed(result)) {
            result = save_record(report, record, &(struct kc_verdict){.state = KC_RECORD_SHOWN});
        }
    }
    return kc_failed(result) ? result
                             : kc_count_accuse_reporter(report, record, KC_OVERSPENT, NULL);
}

/* A noted payment is given up when its payee's identity and the settlement time have run out; or that time since its purse went
 * out of use, which reports nothing any more. */
static struct kc_result set_due(struct kc_report *report, struct kc_payment_sides *sides)
{
    struct kc_account_row account;
    const struct kc_store *store = report->ledger->store;
    struct kc_result result = kc_ledger_note(
        report->ledger, store->account_get(store->context, &account, sides->payee->account.number));
    if (!kc_failed(result)) {
        const struct kc_purse_row *payee = sides->payee;
        bool silent = payee->state == KC_PURSE_OUT && payee->out_ms != 0 &&
                      payee->out_ms < account.expires_ms;
        sides->payment.due_ms =
            (silent ? payee->out_ms : account.expires_ms) + report->ledger->options.settle_ms;
    }
    return result;
}

/* A payment to a counter in its payee's gap. */
static struct kc_result count_pay_to_gap(struct kc_report *report,
                                         const struct kc_ledger_record *record,
                                         struct kc_payment_sides *sides, struct kc_gap_row *gap)
{
    if (record->answer != KC_ANSWER_RECEIPT) {
        return kc_gap_guess(report->ledger, gap, sides);
    }
    sides->payment.open = false;
    struct kc_result result = kc_count_step(report, sides, KC_STEP_BOOK, KC_OK);
    if (!kc_failed(result)) {
        result = kc_gap_take(report->ledger, gap, sides);
    }
    if (result.code != KC_MISMATCH) {
        return result;
    }
    const struct kc_shown against = kc_gap_shown(gap);
    return kc_count_accuse_partner(report, sides->payee, record, sides->payment.payee_counter,
                                   &against);
}

/* A noted payment, with the answer that the record holds, against what its payee's chain has at its counter. */
struct kc_result kc_count_decide_noted(struct kc_report *report,
                                       const struct kc_ledger_record *record,
                                       struct kc_payment_sides *sides)
{
    bool taken = record->answer == KC_ANSWER_RECEIPT;
    bool passed = sides->payee->counter >= sides->payment.payee_counter;
    bool other = false;
    struct kc_gap_row gap;
    struct kc_shown against = {.time_ms = 0};
    struct kc_result result = kc_count_other(&other, &against, &gap, report, sides->payee,
                                             sides->payment.payee_counter, sides->payment.digest);
    if (kc_failed(result)) {
        return result;
    }
    if (record->answer == KC_ANSWER_DECLINE) {
        return kc_count_step(report, sides, KC_STEP_RELEASE, KC_DECLINED);
    }
    if (gap.last != 0) {
        return count_pay_to_gap(report, record, sides, &gap);
    }
    if (taken) {
        sides->payment.open = false;
        result = kc_count_step(report, sides, KC_STEP_BOOK, KC_OK);
        if (!kc_failed(result) && other) {
            /* It signed a receipt for a counter that it gave to something else. */
            return kc_count_accuse_partner(report, sides->payee, record,
                                           sides->payment.payee_counter, &against);
        }
    } else if (passed) {
        result = other ? kc_count_step(report, sides, KC_STEP_RELEASE, KC_OUT_OF_ORDER)
                       : kc_count_step(report, sides, KC_STEP_BOOK, KC_OK);
    }
    if (!kc_failed(result) && passed && !other) {
        /* The payee reported it when its payer could not be verified. */
        struct kc_amount *objected = &sides->payee->objected;
        result = kc_count_step(report, sides, KC_STEP_COUNT_TAKEN, KC_OK);
        if (kc_failed(kc_amount_sub(objected, *objected, sides->payment.amount))) {
            *objected = kc_amount_zero();
        }
    }
    return result;
}

/* A payment that nobody reported before. */
static struct kc_result count_new_pay(struct kc_report *report,
                                      const struct kc_ledger_record *record,
                                      struct kc_payment_sides *sides)
{
    struct kc_result result = kc_count_step(report, sides, KC_STEP_NOTE, KC_OK);
    if (!kc_failed(result) && record->answer != KC_ANSWER_RECEIPT) {
        result = set_due(report, sides);
    }
    return kc_failed(result) ? result : kc_count_decide_noted(report, record, sides);
}

/* The payee's answer contradicts what it answered or reported before. */
struct kc_result kc_count_accuse_answerer(struct kc_report *report,
                                          const struct kc_ledger_record *record,
                                          struct kc_payment_sides *sides)
{
    struct kc_shown against = kc_shown_counted(sides->payee);
    struct kc_result result =
        kc_payment_keep_proof(&against, report->ledger, sides->payee->purse.number, &sides->payment,
                              KC_EVIDENCE_OTHER_RECORD);
    return kc_failed(result) ? result
                             : kc_count_accuse_partner(report, sides->payee, record,
                                                       sides->payment.payee_counter, &against);
}

/* The payee signed a receipt, and refused the payment: the payer's purse knows it as taken, and so it is. */
struct kc_result kc_count_book_refused(struct kc_report *report, struct kc_payment_sides *sides,
                                       enum kc_payment_step first)
{
    struct kc_result result = two_steps(report, sides, first, KC_STEP_BOOK, KC_OK);
    sides->payment.reason = KC_OK;
    sides->payment.open = false;
    return result;
}

/* A payment that its payee reported before. */
static struct kc_result count_known_pay(struct kc_report *report,
                                        const struct kc_ledger_record *record,
                                        struct kc_payment_sides *sides)
{
    bool booked = sides->payment.state == KC_PAYMENT_BOOKED;
    enum kc_record_answer lie = booked ? KC_ANSWER_DECLINE : KC_ANSWER_RECEIPT;
    struct kc_result result;
    if (booked) {
        result = kc_count_step(report, sides, KC_STEP_COUNT_PAY, KC_OK);
        sides->payment.open = record->answer == KC_ANSWER_NONE;
        if (!kc_failed(result) && record->answer == KC_ANSWER_DECLINE) {
            result = kc_count_step(report, sides, KC_STEP_TAKE_BACK, KC_DECLINED);
        }
    } else if (record->answer == KC_ANSWER_RECEIPT) {
        result = kc_count_book_refused(report, sides, KC_STEP_NOTE);
    } else {
        result = two_steps(report, sides, KC_STEP_NOTE, KC_STEP_RELEASE, KC_DECLINED);
    }
    return kc_failed(result) || record->answer != lie
               ? result
               : kc_count_accuse_answerer(report, record, sides);
}

static struct kc_result count_pay(struct kc_verdict *verdict, struct kc_report *report,
                                  const struct kc_ledger_record *record)
{
    struct kc_payment_sides sides;
    struct kc_purse_row payee;
    bool is_new = false;
    struct kc_result result =
        kc_count_load_sides(&sides, &payee, &is_new, &verdict->objection, report, record, true);
    if (kc_failed(result) || verdict->objection != KC_OK) {
        return result;
    }
    if (!kc_count_same_digest(record->order.head, report->purse->head)) {
        return kc_count_accuse_reporter(report, record, KC_COPIED_OR_RESTORED, NULL);
    }
    if (kc_amount_compare(report->purse->value, record->entry.amount) < 0) {
        return kc_count_overspend(report, record, &sides, is_new);
    }
    if (!is_new && sides.payment.payer_counted) {
        verdict->objection = KC_MISMATCH;
        return kc_ok();
    }
    verdict->objection = record->answer_objection;
    const struct kc_purse_row before = payee;
    result =
        is_new ? count_new_pay(report, record, &sides) : count_known_pay(report, record, &sides);
    if (!kc_failed(result)) {
        result = kc_count_save_payment(report, &sides.payment);
    }
    return kc_failed(result) ? result : kc_count_save_changed(report, &before, &payee);
}

/* ---- receive and refuse ---- */

/* The payee signed that it would never take the payment, and reports that it took it. */
static bool denied(const struct kc_payment_row *payment)
{
    return payment->state == KC_PAYMENT_RELEASED;
}

static struct kc_result count_receive(struct kc_verdict *verdict, struct kc_report *report,
                                      const struct kc_ledger_record *record)
{
    struct kc_payment_sides sides;
    struct kc_purse_row payer;
    bool is_new = false;
    struct kc_result result =
        kc_count_load_sides(&sides, &payer, &is_new, &verdict->objection, report, record, false);
    if (kc_failed(result) || verdict->objection != KC_OK) {
        return result;
    }
    if (!is_new && sides.payment.reason == KC_EXPIRED && denied(&sides.payment)) {
        verdict->objection = KC_EXPIRED;
        return kc_ok();
    }
    if (!is_new && denied(&sides.payment)) {
        struct kc_shown against = kc_shown_counted(report->purse);
        result = kc_payment_keep_proof(&against, report->ledger, report->purse->purse.number,
                                       &sides.payment, KC_EVIDENCE_OTHER_RECORD);
        return kc_failed(result)
                   ? result
                   : kc_count_accuse_reporter(report, record, KC_COPIED_OR_RESTORED, &against);
    }
    if (sides.payment.payee_counted || sides.payment.state == KC_PAYMENT_REFUSED) {
        verdict->objection = KC_MISMATCH;
        return kc_ok();
    }
    if (is_new) {
        bool refused = false;
        struct kc_shown against;
        result = kc_count_denied(&refused, &against, report, &payer, record);
        if (kc_failed(result) || refused) {
            return kc_failed(result)
                       ? result
                       : kc_count_accuse_reporter(report, record, KC_COPIED_OR_RESTORED, &against);
        }
    }
    if (is_new && payer.type == KC_PURSE_TYPE_BEARER) {
        result = kc_count_bearer(verdict, report, &sides, record);
        if (kc_failed(result) || verdict->objection != KC_OK) {
            return result;
        }
    }
    const struct kc_purse_row before = payer;
    if (sides.payment.state == KC_PAYMENT_BOOKED) {
        result = kc_count_step(report, &sides, KC_STEP_COUNT_TAKEN, KC_OK);
    } else {
        result = two_steps(report, &sides, KC_STEP_BOOK, KC_STEP_COUNT_TAKEN, KC_OK);
    }
    if (!kc_failed(result)) {
        result = kc_count_save_payment(report, &sides.payment);
    }
    if (!kc_failed(result)) {
        result = kc_count_save_changed(report, &before, &payer);
    }
    return kc_failed(result) || !is_new ? result : check_payer(report, &sides, record);
}

static struct kc_result count_refuse(struct kc_verdict *verdict, struct kc_report *report,
                                     const struct kc_ledger_record *record)
{
    struct kc_payment_sides sides;
    struct kc_purse_row payer;
    bool is_new = false;
    struct kc_result result =
        kc_count_load_sides(&sides, &payer, &is_new, &verdict->objection, report, record, false);
    if (kc_failed(result) || verdict->objection != KC_OK) {
        return result;
    }
    if (is_new) {
        result = kc_count_step(report, &sides, KC_STEP_REFUSE, KC_DECLINED);
    } else if (sides.payment.state == KC_PAYMENT_NOTED) {
        result = kc_count_step(report, &sides, KC_STEP_RELEASE, KC_DECLINED);
        if (!kc_failed(result)) {
            result = kc_gap_back(report->ledger, &sides);
        }
    } else {
        /* Released already; or booked by a receipt, and then kc_ledger_passed finds the contradiction. */
        return kc_ok();
    }
    if (!kc_failed(result)) {
        result = kc_count_save_payment(report, &sides.payment);
    }
    if (!kc_failed(result)) {
        result = kc_count_save_partner(report, &payer);
    }
    return kc_failed(result) || !is_new ? result : check_payer(report, &sides, record);
}

/* ---- one record ---- */

/* The totals are what the purse says of itself, with or without effect. */
struct kc_result kc_report_totals(struct kc_purse_row *purse, const struct kc_entry *entry)
{
    struct kc_amount *total = NULL;
    switch (entry->kind) {
    case KC_ENTRY_KIND_PAY:
    case KC_ENTRY_KIND_CASH_OUT:
        total = &purse->paid;
        break;
    case KC_ENTRY_KIND_RECEIVE:
        total = &purse->received;
        break;
    case KC_ENTRY_KIND_VOID:
        total = &purse->returned;
        break;
    case KC_ENTRY_KIND_REFUSE:
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
    return total == NULL ? kc_ok() : kc_amount_add(total, *total, entry->amount);
}

/* Objections that say only that the bank could not verify, not that anything is wrong. */
static bool is_unproven(enum kc_error objection)
{
    return objection != KC_OK && objection != KC_BAD_SIGNATURE && objection != KC_MISMATCH &&
           objection != KC_MALFORMED;
}

/* What could not be verified is left out only while the purse still has it: the certified value of a purse that spent it would
 * not reach for its own entries. */
static bool leave_out(struct kc_report *report, struct kc_amount amount)
{
    struct kc_amount sum;
    struct kc_amount objected;
    struct kc_purse_row *purse = report->purse;
    bool has = !kc_failed(kc_amount_add(&sum, report->left_out, amount)) &&
               kc_amount_compare(sum, report->information->information.value) <= 0 &&
               !kc_failed(kc_amount_add(&objected, purse->objected, amount));
    if (has) {
        report->left_out = sum;
        purse->objected = objected;
    }
    return has;
}

static struct kc_result raise_objection(struct kc_report *report,
                                        const struct kc_ledger_record *record,
                                        enum kc_error objection)
{
    struct kc_purse_row *purse = report->purse;
    const struct kc_store *store = report->ledger->store;
    const struct kc_shown shown = report_shown(report);
    struct kc_alert_row alert = {.purse = purse->purse,
                                 .time_ms = report->ledger->now_ms,
                                 .reason = objection,
                                 .evidence_ms = shown.time_ms,
                                 .against_ms = shown.time_ms,
                                 .counter = record->entry.counter};
    memcpy(alert.evidence_digest, shown.digest, KC_DIGEST_SIZE);
    memcpy(alert.against_digest, shown.digest, KC_DIGEST_SIZE);
    kc_report_object(report->out, record->entry.counter, objection);
    return kc_ledger_note(report->ledger, store->alert_add(store->context, &alert));
}

static struct kc_result advance(struct kc_report *report, const struct kc_ledger_record *record,
                                const struct kc_verdict *verdict)
{
    struct kc_purse_row *purse = report->purse;
    const struct kc_store *store = report->ledger->store;
    const struct kc_shown shown = report_shown(report);
    purse->counter = record->entry.counter;
    memcpy(purse->head, record->head_after, KC_DIGEST_SIZE);
    purse->counted_ms = shown.time_ms;
    memcpy(purse->counted_digest, shown.digest, KC_DIGEST_SIZE);
    struct kc_result result = save_record(report, record, verdict);
    if (!kc_failed(result) && record->key.size > 0) {
        result = kc_ledger_note(report->ledger,
                                store->signer_add(store->context, record->signer, record->key));
    }
    return kc_failed(result) || verdict->objection == KC_OK
               ? result
               : raise_objection(report, record, verdict->objection);
}

static struct kc_result decide(struct kc_verdict *verdict, struct kc_report *report,
                               const struct kc_ledger_record *record)
{
    if (record->objection != KC_OK) {
        verdict->objection = record->objection;
        return kc_ok();
    }
    switch (record->entry.kind) {
    case KC_ENTRY_KIND_PAY:
        return count_pay(verdict, report, record);
    case KC_ENTRY_KIND_RECEIVE:
        return count_receive(verdict, report, record);
    case KC_ENTRY_KIND_REFUSE:
        return count_refuse(verdict, report, record);
    case KC_ENTRY_KIND_VOID:
        return kc_count_void(verdict, report, record);
    case KC_ENTRY_KIND_CASH_OUT:
        return kc_count_cash_out(verdict, report, record);
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
    bool closed = false;
    struct kc_result result =
        kc_ledger_closed(&closed, report->ledger, report->purse, record->entry.counter);
    verdict->objection = closed ? KC_OK : KC_NOT_ALLOWED;
    return result;
}

struct kc_result kc_report_count(struct kc_report *report, const struct kc_ledger_record *record)
{
    struct kc_verdict verdict = {.state = KC_RECORD_COUNTED};
    struct kc_purse_row totals = *report->purse;
    if (record->entry.counter != report->purse->counter + 1) {
        /* The records begin after a certified value, which never covers more than what was counted. */
        return kc_ledger_note(report->ledger, kc_result(KC_STORE_CORRUPT));
    }
    if (kc_failed(kc_report_totals(&totals, &record->entry))) {
        return kc_result(KC_PENDING);
    }
    struct kc_result result = decide(&verdict, report, record);
    if (kc_failed(result)) {
        return result;
    }
    bool lost = verdict.objection == KC_EXPIRED || verdict.objection == KC_CARD_EXHAUSTED ||
                verdict.objection == KC_KEY_RENEWED;
    if (record->entry.kind == KC_ENTRY_KIND_RECEIVE && is_unproven(verdict.objection) &&
        (lost || !leave_out(report, record->entry.amount))) {
        if (lost) {
            /* It came too late, from a copied card, or by a key that had ended, and may be spent in good faith, here or
             * meanwhile: it is owed, and taken from the value when a report comes to the newest entry. */
            result =
                kc_claim_owe(report->purse, record->entry.amount) ? kc_ok() : kc_result(KC_PENDING);
        }
        if (!lost || kc_failed(result)) {
            /* Told and alerted each time, until the bank can verify it. */
            result = raise_objection(report, record, verdict.objection);
            return kc_failed(result) ? result : kc_result(KC_PENDING);
        }
    }
    report->purse->paid = totals.paid;
    report->purse->received = totals.received;
    report->purse->returned = totals.returned;
    return advance(report, record, &verdict);
}

/* A record that was counted before must be the same; what was objected to is told again. */
struct kc_result kc_report_see_again(struct kc_report *report,
                                     const struct kc_ledger_record *record)
{
    struct kc_record_row row;
    struct kc_purse_row *purse = report->purse;
    const struct kc_store *store = report->ledger->store;
    uint64_t counter = record->entry.counter;
    bool other =
        counter == purse->counter && !kc_count_same_digest(record->head_after, purse->head);
    struct kc_result result = kc_ledger_note(
        report->ledger, store->record_get(store->context, &row, purse->purse.number, counter));
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    bool known = !kc_failed(result);
    if (other || (known && !kc_count_same_digest(record->head_after, row.head))) {
        const struct kc_shown against =
            known ? kc_count_record_shown(&row) : kc_shown_counted(purse);
        return kc_count_accuse_reporter(report, record, KC_COPIED_OR_RESTORED, &against);
    }
    result = known ? kc_report_hear(&row, report, record) : kc_ok();
    if (!kc_failed(result) && known && row.objection != KC_OK) {
        kc_report_object(report->out, counter, row.objection);
    }
    return result;
}
