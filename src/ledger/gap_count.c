/* Counting a gap of a report: all that partners showed of it before is explained at once. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"
#include "ledger/sums.h"

#define COLLECTED_MAX 16

static struct kc_result check(struct kc_ledger *ledger, bool good)
{
    return good ? kc_ok() : kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
}

/* ---- what is known of the entries in the gap ---- */

struct known {
    struct kc_report *report;
    const struct kc_gap_row *gap;
    bool as_payer;
    struct kc_amount in;
    struct kc_amount out;
    size_t count;
    bool (*wanted)(const struct kc_payment_row *row);
    struct kc_payment_row rows[COLLECTED_MAX];
    size_t record_count;
    struct kc_record_row records[2];
};

static bool is_signed_out(const struct kc_payment_row *row)
{
    return !row->payer_counted;
}

static bool is_signed_in(const struct kc_payment_row *row)
{
    return row->state == KC_PAYMENT_BOOKED && !row->payee_counted;
}

static bool is_noted(const struct kc_payment_row *row)
{
    return row->state == KC_PAYMENT_NOTED;
}

static bool is_released(const struct kc_payment_row *row)
{
    return row->state == KC_PAYMENT_RELEASED && row->payer_counted && !row->returned;
}

/* What a purse signed beyond all that can be counted is beyond its totals as well. */
static void add_known(struct kc_amount *sum, struct kc_amount amount)
{
    if (kc_failed(kc_amount_add(sum, *sum, amount))) {
        struct kc_result result = kc_amount_from_minor(sum, KC_AMOUNT_MAX);
        KC_ASSERT(!kc_failed(result));
    }
}

static bool sum_payment(void *owner, const struct kc_payment_row *row)
{
    struct known *known = owner;
    if (known->as_payer && is_signed_out(row)) {
        add_known(&known->out, row->amount);
    }
    if (!known->as_payer && is_signed_in(row)) {
        add_known(&known->in, row->amount);
    }
    return true;
}

static bool is_ahead(const struct kc_gap_row *gap, const struct kc_record_row *row)
{
    return row->state == KC_RECORD_AHEAD && row->counter <= gap->last;
}

static bool sum_record(void *owner, const struct kc_record_row *row)
{
    struct known *known = owner;
    if (is_ahead(known->gap, row)) {
        add_known(&known->out, row->amount);
    }
    return true;
}

static struct kc_result scan_known(struct known *known, const struct kc_store_scan *scan,
                                   uint64_t first)
{
    const struct kc_gap_row *gap = known->gap;
    struct kc_ledger *ledger = known->report->ledger;
    const struct kc_store *store = ledger->store;
    uint64_t purse = gap->purse.number;
    return kc_ledger_note(
        ledger, known->as_payer ? store->scan_paid(store->context, scan, purse, first, gap->last)
                                : store->scan_taken(store->context, scan, purse, first, gap->last));
}

static struct kc_result sum_known(struct known *known)
{
    struct kc_ledger *ledger = known->report->ledger;
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {
        .owner = known, .payment = sum_payment, .record = sum_record};
    known->as_payer = true;
    struct kc_result result = scan_known(known, &scan, known->gap->first);
    known->as_payer = false;
    if (!kc_failed(result)) {
        result = scan_known(known, &scan, known->gap->first);
    }
    if (!kc_failed(result) && !kc_amount_is_zero(known->report->purse->ahead_out)) {
        result = kc_ledger_note(
            ledger, store->scan_records(store->context, &scan, known->gap->purse.number));
    }
    return result;
}

static bool collect(void *owner, const struct kc_payment_row *row)
{
    struct known *known = owner;
    if (known->wanted(row)) {
        known->rows[known->count++] = *row;
    }
    return known->count < COLLECTED_MAX;
}

/* ---- contradictions ---- */

/* The purse signed more for counters in the gap than its totals hold: the report against each of those orders and receipts. */
static struct kc_result accuse(struct known *known, bool as_payer)
{
    struct kc_report *report = known->report;
    struct kc_ledger *ledger = report->ledger;
    uint64_t purse = report->purse->purse.number;
    const struct kc_shown last = kc_shown_last(report->purse);
    struct kc_shown against = last;
    const struct kc_store_scan scan = {.owner = known, .payment = collect};
    known->count = 0;
    known->as_payer = as_payer;
    known->wanted = as_payer ? is_signed_out : is_signed_in;
    struct kc_result result = scan_known(known, &scan, known->gap->first);
    for (size_t i = 0; i < known->count && !kc_failed(result); i++) {
        result = kc_payment_keep_proof(&against, ledger, purse, &known->rows[i],
                                       KC_EVIDENCE_OTHER_RECORD);
    }
    return kc_failed(result) ? result
                             : kc_ledger_accuse(ledger, report->purse, KC_COPIED_OR_RESTORED,
                                                known->gap->last, &last, &against);
}

/* By its own totals the purse paid more than it held. */
static struct kc_result check_value(struct kc_report *report, const struct kc_gap_row *gap)
{
    bool good = true;
    struct kc_purse_row *purse = report->purse;
    const struct kc_shown last = kc_shown_last(purse);
    struct kc_amount most = purse->value;
    kc_raise(&good, &most, gap->in);
    kc_raise(&good, &most, gap->back);
    struct kc_amount lacking = kc_beyond(gap->out, most);
    if (!good || kc_amount_is_zero(lacking)) {
        return check(report->ledger, good);
    }
    return kc_is_less(purse->objected, lacking)
               ? kc_ledger_accuse(report->ledger, purse, KC_OVERSPENT, gap->last, &last, &last)
               : kc_result(KC_PENDING);
}

/* ---- explaining what is known ---- */

static struct kc_result save_payment(struct kc_report *report, const struct kc_payment_row *row)
{
    const struct kc_store *store = report->ledger->store;
    return kc_ledger_note(report->ledger, store->payment_put(store->context, row));
}

/* The payer of a payment to the gap, which is another purse than the reporter. */
static struct kc_result explain_taken(struct kc_report *report, struct kc_gap_row *gap,
                                      const struct kc_payment_row *row)
{
    struct kc_purse_row payer;
    const struct kc_store *store = report->ledger->store;
    struct kc_payment_sides sides = {.payment = *row, .payer = &payer, .payee = report->purse};
    struct kc_result result =
        kc_ledger_note(report->ledger, store->purse_get(store->context, &payer, row->payer.number));
    if (kc_failed(result)) {
        return check(report->ledger, false);
    }
    result = is_noted(row) ? kc_gap_guess(report->ledger, gap, &sides)
                           : kc_gap_take(report->ledger, gap, &sides);
    if (!kc_failed(result)) {
        result = save_payment(report, &sides.payment);
    }
    return kc_failed(result) ? result : kc_ledger_save_ahead(report->ledger, &payer);
}

/* Of the payee nothing changes here. */
static struct kc_result explain_paid(struct kc_report *report, struct kc_gap_row *gap,
                                     const struct kc_payment_row *row)
{
    struct kc_purse_row payee = {.purse = row->payee};
    struct kc_payment_sides sides = {.payment = *row, .payer = report->purse, .payee = &payee};
    const struct kc_shown shown = kc_shown_last(report->purse);
    struct kc_result result;
    if (is_released(row)) {
        result = kc_gap_back(report->ledger, &sides);
    } else if (row->state == KC_PAYMENT_BOOKED) {
        result = kc_gap_pay(report->ledger, gap, &sides, &shown);
    } else {
        result = kc_gap_refused(report->ledger, gap, &sides);
    }
    struct kc_gap_row now;
    if (!kc_failed(result)) {
        result = kc_gap_find(&now, report->ledger, gap->purse.number, gap->last);
    }
    if (!kc_failed(result)) {
        *gap = now;
    }
    return kc_failed(result) ? result : save_payment(report, &sides.payment);
}

/* Each round decides what it finds, so the next finds others or none. */
static struct kc_result explain_payments(struct known *known, struct kc_gap_row *gap, bool as_payer,
                                         bool (*wanted)(const struct kc_payment_row *))
{
    struct kc_report *report = known->report;
    const struct kc_store_scan scan = {.owner = known, .payment = collect};
    uint64_t first = gap->first;
    struct kc_result result;
    uint64_t before;
    known->as_payer = as_payer;
    known->wanted = wanted;
    do {
        before = first;
        known->count = 0;
        result = scan_known(known, &scan, first);
        for (size_t i = 0; i < known->count && !kc_failed(result); i++) {
            const struct kc_payment_row *row = &known->rows[i];
            result = as_payer ? explain_paid(report, gap, row) : explain_taken(report, gap, row);
            first = as_payer ? row->payer_counter : row->payee_counter;
        }
    } while (known->count == COLLECTED_MAX && first > before && !kc_failed(result));
    return result;
}

/* What its payees released before: a void for it may stand in the gap. */
static struct kc_result explain_voids(struct known *known, struct kc_gap_row *gap)
{
    struct kc_report *report = known->report;
    const struct kc_store *store = report->ledger->store;
    const struct kc_store_scan scan = {.owner = known, .payment = collect};
    known->count = 0;
    known->wanted = is_released;
    struct kc_result result =
        kc_ledger_note(report->ledger, store->scan_open(store->context, &scan, gap->purse.number));
    for (size_t i = 0; i < known->count && !kc_failed(result); i++) {
        result = explain_paid(report, gap, &known->rows[i]);
    }
    return result;
}

/* ---- cash-outs in the gap, and voids of cash-outs before it ---- */

static bool collect_record(void *owner, const struct kc_record_row *row)
{
    struct known *known = owner;
    if (is_ahead(known->gap, row) || row->state == KC_RECORD_TO_RETURN) {
        known->records[known->record_count++] = *row;
    }
    return known->record_count < sizeof known->records / sizeof known->records[0];
}

static struct kc_result explain_record(struct kc_report *report, struct kc_gap_row *gap,
                                       struct kc_record_row *row)
{
    bool good = true;
    struct kc_purse_row *purse = report->purse;
    const struct kc_store *store = report->ledger->store;
    struct kc_result result;
    if (row->state == KC_RECORD_AHEAD) {
        result = kc_gap_cash_out(report->ledger, gap, purse, row->amount);
        row->state = KC_RECORD_PASSED;
    } else if (kc_is_less(gap->unexplained_back, row->amount)) {
        return kc_ok();
    } else {
        kc_lower(&good, &purse->ahead_in, row->amount);
        kc_raise(&good, &purse->value, row->amount);
        result = check(report->ledger, good);
        if (!kc_failed(result)) {
            result = kc_gap_void_seen(report->ledger, gap, purse, row->amount);
        }
        row->state = KC_RECORD_RETURNED;
    }
    return kc_failed(result)
               ? result
               : kc_ledger_note(report->ledger, store->record_put(store->context, row));
}

/* A purse has one deposit at a time, so there are few of these. */
static struct kc_result explain_records(struct known *known, struct kc_gap_row *gap)
{
    struct kc_report *report = known->report;
    const struct kc_purse_row *purse = report->purse;
    const struct kc_store *store = report->ledger->store;
    const struct kc_store_scan scan = {.owner = known, .record = collect_record};
    if (kc_amount_is_zero(purse->ahead_out) && kc_amount_is_zero(purse->ahead_in)) {
        return kc_ok();
    }
    known->record_count = 0;
    struct kc_result result = kc_ledger_note(
        report->ledger, store->scan_records(store->context, &scan, gap->purse.number));
    for (size_t i = 0; i < known->record_count && !kc_failed(result); i++) {
        result = explain_record(report, gap, &known->records[i]);
    }
    return result;
}

/* ---- one gap ---- */

/* What the totals say of the gap. The sums have to stay countable, with room for payments. */
static struct kc_result claims(struct kc_gap_row *gap, const struct kc_purse_row *purse,
                               const struct kc_gap *given)
{
    struct kc_amount sum;
    struct kc_amount most;
    if (kc_failed(kc_amount_sub(&gap->in, given->received, purse->received)) ||
        kc_failed(kc_amount_sub(&gap->out, given->paid, purse->paid)) ||
        kc_failed(kc_amount_sub(&gap->back, given->returned, purse->returned))) {
        return kc_result(KC_STALE_STATE);
    }
    struct kc_result result = kc_amount_from_minor(&most, KC_AMOUNT_MAX / 4);
    if (kc_failed(result) || kc_failed(kc_amount_add(&sum, gap->in, gap->back)) ||
        kc_is_less(most, sum) || kc_is_less(most, purse->value) || kc_is_less(most, gap->out) ||
        kc_is_less(most, purse->ahead_in) || kc_is_less(most, purse->ahead_out)) {
        return kc_result(KC_AMOUNT_TOO_LARGE);
    }
    return kc_ok();
}

static struct kc_result start(struct kc_gap_row *gap, struct kc_report *report,
                              const struct kc_gap *given)
{
    struct kc_purse_row *purse = report->purse;
    const struct kc_shown last = kc_shown_last(purse);
    *gap = (struct kc_gap_row){.purse = purse->purse,
                               .first = purse->counter + 1,
                               .last = given->counter,
                               .state = KC_GAP_OPEN,
                               .reported_ms = report->ledger->now_ms,
                               .due_ms = report->ledger->now_ms + report->ledger->options.settle_ms,
                               .shown_ms = last.time_ms};
    memcpy(gap->before, purse->head, KC_DIGEST_SIZE);
    memcpy(gap->after, given->head, KC_DIGEST_SIZE);
    memcpy(gap->shown_digest, last.digest, KC_DIGEST_SIZE);
    return claims(gap, purse, given);
}

/* The value follows the totals; what comes in pays for what goes out, and the rest is advanced or held. */
static struct kc_result apply(struct kc_report *report, struct kc_gap_row *gap,
                              const struct kc_gap *given)
{
    bool good = true;
    struct kc_purse_row *purse = report->purse;
    struct kc_amount pool = gap->in;
    kc_raise(&good, &pool, gap->back);
    gap->unexplained_in = gap->in;
    gap->unexplained_out = gap->out;
    gap->unexplained_back = gap->back;
    gap->netted = kc_least(pool, gap->out);
    gap->advance = kc_beyond(pool, gap->netted);
    struct kc_amount held = kc_beyond(gap->out, gap->netted);
    kc_raise(&good, &purse->value, gap->advance);
    kc_raise(&good, &purse->ahead_out, gap->advance);
    struct kc_shadow before = kc_shadow_of(purse);
    kc_lower(&good, &purse->value, held);
    purse->paid = given->paid;
    purse->received = given->received;
    purse->returned = given->returned;
    purse->counter = given->counter;
    memcpy(purse->head, given->head, KC_DIGEST_SIZE);
    purse->counted_ms = gap->shown_ms;
    memcpy(purse->counted_digest, gap->shown_digest, KC_DIGEST_SIZE);
    struct kc_result result = check(report->ledger, good);
    if (!kc_failed(result)) {
        result = kc_gap_post(report->ledger, before, purse, held, true);
    }
    return kc_failed(result) ? result : kc_gap_save(report->ledger, gap);
}

static struct kc_result explain(struct known *known, struct kc_gap_row *gap)
{
    struct kc_result result = explain_payments(known, gap, false, is_signed_in);
    if (!kc_failed(result)) {
        result = explain_payments(known, gap, true, is_signed_out);
    }
    if (!kc_failed(result)) {
        result = explain_records(known, gap);
    }
    if (!kc_failed(result)) {
        result = explain_voids(known, gap);
    }
    return kc_failed(result) ? result : explain_payments(known, gap, false, is_noted);
}

struct kc_result kc_gap_count(struct kc_report *report, const struct kc_gap *given)
{
    struct kc_gap_row gap;
    struct known known = {.report = report, .gap = &gap};
    struct kc_result result = start(&gap, report, given);
    if (!kc_failed(result)) {
        result = sum_known(&known);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (kc_is_less(gap.out, known.out) || kc_is_less(gap.in, known.in)) {
        return accuse(&known, kc_is_less(gap.out, known.out));
    }
    result = check_value(report, &gap);
    if (!kc_failed(result)) {
        result = apply(report, &gap, given);
    }
    if (!kc_failed(result)) {
        result = explain(&known, &gap);
    }
    struct kc_shown shown = kc_gap_shown(&gap);
    return kc_failed(result) ? result
                             : kc_claim_alert(report->ledger, report->purse, KC_ASK_BANK, gap.last,
                                              &shown, &shown);
}

struct kc_result kc_gap_see_again(struct kc_report *report, const struct kc_gap *given)
{
    struct kc_gap_row gap;
    struct kc_record_row row;
    struct kc_purse_row *purse = report->purse;
    const struct kc_store *store = report->ledger->store;
    const struct kc_shown last = kc_shown_last(purse);
    struct kc_shown against = kc_shown_counted(purse);
    const uint8_t *head = given->counter == purse->counter ? purse->head : NULL;
    struct kc_result result =
        kc_gap_find(&gap, report->ledger, purse->purse.number, given->counter);
    if (!kc_failed(result) && gap.last == given->counter) {
        head = gap.after;
        against = kc_gap_shown(&gap);
    } else if (result.code == KC_NOT_FOUND) {
        result =
            kc_ledger_note(report->ledger, store->record_get(store->context, &row,
                                                             purse->purse.number, given->counter));
        if (!kc_failed(result) && row.state != KC_RECORD_AHEAD && row.state != KC_RECORD_SHOWN) {
            head = row.head;
            against.time_ms = row.shown_ms;
            memcpy(against.digest, row.shown_digest, KC_DIGEST_SIZE);
        }
    }
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    if (head == NULL || memcmp(head, given->head, KC_DIGEST_SIZE) == 0) {
        return kc_ok();
    }
    return kc_ledger_accuse(report->ledger, purse, KC_COPIED_OR_RESTORED, given->counter, &last,
                            &against);
}
