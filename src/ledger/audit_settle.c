/* The audit of settlement: payments, records and gaps; what is booked ahead of the chains, and what is in flight. */
#include <string.h>

#include "ledger/audit.h"
#include "ledger/sums.h"
#include "message/cose.h"

static void add(struct kc_auditor *auditor, struct kc_amount *sum, struct kc_amount amount,
                uint64_t number)
{
    if (kc_failed(kc_amount_add(sum, *sum, amount))) {
        kc_audit_fault(auditor, "a sum of payments and records overflows of purse", number);
    }
}

/* Something shows an amount that the purse paid, or one that came back. */
void kc_audit_show(struct kc_auditor *auditor, struct kc_audit_book *book, struct kc_amount amount,
                   bool paid)
{
    struct kc_result result =
        paid ? kc_shadow_sub(&book->unshown, amount) : kc_shadow_add(&book->unshown, amount);
    if (kc_failed(result)) {
        kc_audit_fault(auditor, "its totals overflow of purse", book->number);
    }
}

static void add_ahead(struct kc_auditor *auditor, uint64_t number, struct kc_amount amount,
                      bool out)
{
    struct kc_audit_book *book = kc_audit_book_of(auditor, number);
    if (book != NULL) {
        add(auditor, out ? &book->ahead_out : &book->ahead_in, amount, number);
    }
}

void kc_audit_add_in_flight(struct kc_auditor *auditor, struct kc_amount amount)
{
    if (kc_failed(kc_amount_add(&auditor->in_flight, auditor->in_flight, amount))) {
        kc_audit_fault(auditor, "what is in flight overflows at", kc_amount_minor(amount));
    }
}

/* The postings between a purse and the book in flight that a payment made, on one side. */
static void expect_moved(struct kc_auditor *auditor, const struct kc_payment_row *row,
                         uint64_t purse, bool out)
{
    struct kc_audit_book *book = kc_audit_book_of(auditor, purse);
    if (book != NULL) {
        kc_audit_add_digest(auditor, book->expected, purse, row->time_ms,
                            out ? purse : KC_BOOK_IN_FLIGHT, out ? KC_BOOK_IN_FLIGHT : purse,
                            row->amount);
    }
}

static void expect_payment(struct kc_auditor *auditor, const struct kc_payment_row *row)
{
    uint64_t payer = row->payer.number;
    uint64_t payee = row->payee.number;
    bool back = row->state == KC_PAYMENT_RELEASED;
    if (row->state != KC_PAYMENT_REFUSED) {
        expect_moved(auditor, row, payer, true);
    }
    if (row->again != KC_AGAIN_NOT) {
        expect_moved(auditor, row, payer, false);
        expect_moved(auditor, row, payer, true);
    }
    if (row->again == KC_AGAIN_TAKEN) {
        expect_moved(auditor, row, payee, false);
        expect_moved(auditor, row, payee, true);
    }
    if (row->taken) {
        expect_moved(auditor, row, payee, false);
    }
    if (back && row->taken) {
        expect_moved(auditor, row, payee, true);
    }
    if (back) {
        expect_moved(auditor, row, payer, false);
    }
}

static void sum_payment(struct kc_auditor *auditor, const struct kc_payment_row *row)
{
    uint64_t payer = row->payer.number;
    uint64_t payee = row->payee.number;
    switch (row->state) {
    case KC_PAYMENT_NOTED:
        kc_audit_add_in_flight(auditor, row->amount);
        break;
    case KC_PAYMENT_BOOKED:
        if (!row->payer_counted) {
            add_ahead(auditor, payer, row->amount, true);
        }
        if (!row->payee_counted) {
            add_ahead(auditor, payee, row->amount, false);
        }
        break;
    case KC_PAYMENT_RELEASED:
        if (!row->returned) {
            add_ahead(auditor, payer, row->amount, false);
        }
        if (row->payee_counted) {
            add_ahead(auditor, payee, row->amount, true);
        }
        break;
    case KC_PAYMENT_REFUSED:
        break;
    }
}

static bool fits_state(const struct kc_payment_row *row)
{
    bool booked = row->state == KC_PAYMENT_BOOKED;
    bool released = row->state == KC_PAYMENT_RELEASED;
    bool counted = booked || row->state == KC_PAYMENT_REFUSED || row->payer_counted;
    bool taken = row->taken == booked || (released && row->taken);
    return counted && taken && (!row->payee_counted || row->taken) && (!row->returned || released);
}

/* A payment is what its payer's signed order says. */
static bool fits_order(const struct kc_payment_row *row, const struct kc_payment_order *order)
{
    return order->payer_purse.number == row->payer.number &&
           order->payer_counter == row->payer_counter &&
           order->payee_purse.number == row->payee.number &&
           order->payee_counter == row->payee_counter && order->time_ms == row->time_ms &&
           kc_amount_compare(order->amount, row->amount) == 0;
}

/* The order of a payment, out of the record that shows it. */
static bool check_order(struct kc_auditor *auditor, const struct kc_payment_row *row,
                        const struct kc_record_row *record)
{
    struct kc_log_record log;
    struct kc_signed parsed;
    struct kc_payment_order order;
    uint8_t digest[KC_DIGEST_SIZE];
    const struct kc_audit *audit = auditor->audit;
    struct kc_result result =
        kc_shape_decode(&log, &kc_log_record_shape, kc_view(record->bytes, record->size));
    if (kc_failed(result) || !log.has_order) {
        return false;
    }
    kc_digest(auditor->crypto, digest, log.order);
    result = kc_brief_parse(&parsed, log.order);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload);
    }
    return !kc_failed(result) && memcmp(digest, row->digest, KC_DIGEST_SIZE) == 0 &&
           fits_order(row, &order) &&
           (audit->verify_order == NULL ||
            audit->verify_order(audit->owner, log.order, order.payer));
}

/* The record of a payment: of its payee's report, or its payer's. */
static struct kc_result find_record(struct kc_record_row *out, const struct kc_store *store,
                                    const struct kc_payment_row *row)
{
    struct kc_result result =
        store->record_get(store->context, out, row->payee.number, row->payee_counter);
    bool other = !kc_failed(result) && memcmp(out->order, row->digest, KC_DIGEST_SIZE) != 0;
    return other || result.code == KC_NOT_FOUND
               ? store->record_get(store->context, out, row->payer.number, row->payer_counter)
               : result;
}

bool kc_audit_payment(void *owner, const struct kc_payment_row *row)
{
    struct kc_auditor *auditor = owner;
    struct kc_record_row record;
    auditor->audit->payments += 1;
    sum_payment(auditor, row);
    expect_payment(auditor, row);
    if (!fits_state(row)) {
        kc_audit_fault(auditor, "a payment does not fit its state, of purse", row->payer.number);
    }
    struct kc_result result = find_record(&record, auditor->store, row);
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        auditor->looked = kc_failed(auditor->looked) ? auditor->looked : result;
    } else if (kc_failed(result) || !check_order(auditor, row, &record)) {
        kc_audit_fault(auditor, "no signed order shows a payment of purse", row->payer.number);
    }
    return !auditor->no_memory;
}

/* What a counted cash-out drew is among the deposits, unless the bank took none or takes it later. */
static void sum_cash_out(struct kc_auditor *auditor, struct kc_audit_book *book,
                         const struct kc_record_row *row)
{
    uint64_t purse = row->purse.number;
    switch (row->state) {
    case KC_RECORD_AHEAD:
        add(auditor, &book->ahead_out, row->amount, purse);
        kc_audit_show(auditor, book, row->amount, false);
        break;
    case KC_RECORD_PASSED:
        kc_audit_show(auditor, book, row->amount, false);
        break;
    case KC_RECORD_TO_RETURN:
        add(auditor, &book->ahead_in, row->amount, purse);
        kc_audit_show(auditor, book, row->amount, true);
        break;
    case KC_RECORD_COUNTED:
        if (row->objection != KC_OK) {
            kc_audit_show(auditor, book, row->amount, true);
        }
        break;
    case KC_RECORD_RETURNED:
        kc_audit_show(auditor, book, row->amount, true);
        break;
    case KC_RECORD_SHOWN:
        break;
    }
}

static void sum_record(struct kc_auditor *auditor, struct kc_audit_book *book,
                       const struct kc_record_row *row)
{
    uint64_t purse = row->purse.number;
    if (row->state == KC_RECORD_SHOWN) {
        return;
    }
    switch (row->kind) {
    case KC_ENTRY_KIND_PAY:
        kc_audit_show(auditor, book, row->amount, true);
        break;
    case KC_ENTRY_KIND_VOID:
        kc_audit_show(auditor, book, row->amount, false);
        break;
    case KC_ENTRY_KIND_RECEIVE:
        add(auditor, &book->received, row->amount, purse);
        break;
    case KC_ENTRY_KIND_CASH_OUT:
        sum_cash_out(auditor, book, row);
        break;
    case KC_ENTRY_KIND_REFUSE:
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
}

/* A record is what its entry says, and follows the one before it where that is a record too. What is ahead is a bare entry. */
static bool fits_entry(const struct kc_auditor *auditor, const struct kc_audit_book *book,
                       const struct kc_record_row *row)
{
    struct kc_log_record log = {.entry = kc_view(row->bytes, row->size)};
    struct kc_entry entry;
    struct kc_sha256 hash;
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t head[KC_DIGEST_SIZE];
    const struct kc_crypto *crypto = auditor->crypto;
    bool ahead = row->state == KC_RECORD_AHEAD || row->state == KC_RECORD_PASSED;
    if ((!ahead && kc_failed(kc_shape_decode(&log, &kc_log_record_shape, log.entry))) ||
        kc_failed(kc_shape_decode(&entry, &kc_entry_shape, log.entry))) {
        return false;
    }
    kc_digest(crypto, digest, log.entry);
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(book->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, log.entry);
    crypto->sha256_end(crypto->context, &hash, head);
    bool follows =
        ahead || row->counter != book->counter + 1 || memcmp(head, row->head, KC_DIGEST_SIZE) == 0;
    return follows && memcmp(digest, row->digest, KC_DIGEST_SIZE) == 0 && entry.kind == row->kind &&
           entry.counter == row->counter && kc_amount_compare(entry.amount, row->amount) == 0;
}

bool kc_audit_record(void *owner, const struct kc_record_row *row)
{
    struct kc_auditor *auditor = owner;
    struct kc_audit_book *book = kc_audit_book_of(auditor, row->purse.number);
    auditor->audit->records += 1;
    if (book == NULL) {
        return false;
    }
    sum_record(auditor, book, row);
    if (!fits_entry(auditor, book, row)) {
        kc_audit_fault(auditor, "a record does not fit its entry or its place, of purse",
                       row->purse.number);
    }
    if (row->state != KC_RECORD_AHEAD && row->state != KC_RECORD_PASSED &&
        row->state != KC_RECORD_SHOWN) {
        book->counter = row->counter;
        memcpy(book->head, row->head, KC_DIGEST_SIZE);
    }
    kc_audit_want_evidence(auditor, "no report is kept of a record of purse", row->purse.number,
                           row->shown_ms, row->shown_digest);
    return !auditor->no_memory;
}

/* What partners showed of a gap, by payments and by cash-outs that were booked ahead. */
struct shown {
    const struct kc_gap_row *gap;
    bool good;
    struct kc_amount in;
    struct kc_amount inferred;
    struct kc_amount out;
};

static bool sum_taken(void *owner, const struct kc_payment_row *row)
{
    struct shown *shown = owner;
    if (row->payee_counted) {
        bool inferred = row->inferred && row->state == KC_PAYMENT_BOOKED;
        kc_raise(&shown->good, inferred ? &shown->inferred : &shown->in, row->amount);
    }
    return true;
}

static bool sum_paid(void *owner, const struct kc_payment_row *row)
{
    struct shown *shown = owner;
    if (row->payer_counted) {
        kc_raise(&shown->good, &shown->out, row->amount);
    }
    return true;
}

static bool sum_passed(void *owner, const struct kc_record_row *row)
{
    struct shown *shown = owner;
    if (row->state == KC_RECORD_PASSED && row->counter >= shown->gap->first &&
        row->counter <= shown->gap->last) {
        kc_raise(&shown->good, &shown->out, row->amount);
    }
    return true;
}

static bool fits_shown(struct kc_auditor *auditor, const struct kc_gap_row *row)
{
    struct shown shown = {.gap = row, .good = true};
    const struct kc_store *store = auditor->store;
    struct kc_store_scan scan = {.owner = &shown, .payment = sum_taken, .record = sum_passed};
    uint64_t purse = row->purse.number;
    struct kc_result result =
        store->scan_taken(store->context, &scan, purse, row->first, row->last);
    scan.payment = sum_paid;
    if (!kc_failed(result)) {
        result = store->scan_paid(store->context, &scan, purse, row->first, row->last);
    }
    if (!kc_failed(result)) {
        result = store->scan_records(store->context, &scan, purse);
    }
    if (kc_failed(result)) {
        auditor->looked = kc_failed(auditor->looked) ? auditor->looked : result;
        return true;
    }
    kc_raise(&shown.good, &shown.in, row->unexplained_in);
    kc_raise(&shown.good, &shown.in, row->inferred_in);
    kc_raise(&shown.good, &shown.out, row->unexplained_out);
    kc_raise(&shown.good, &shown.out, row->given_back);
    return shown.good && kc_amount_compare(shown.in, row->in) == 0 &&
           kc_amount_compare(shown.out, row->out) == 0 &&
           kc_amount_compare(shown.inferred, row->inferred_in) == 0;
}

/* What the gap says of itself fits together, and its ends fit the records beside it. */
static bool fits_gap(struct kc_auditor *auditor, const struct kc_gap_row *row)
{
    bool good = true;
    struct kc_record_row record;
    const struct kc_store *store = auditor->store;
    struct kc_amount pool = row->unexplained_in;
    struct kc_amount used = row->netted;
    kc_raise(&good, &pool, row->unexplained_back);
    kc_raise(&good, &used, row->advance);
    good =
        good && row->first > 0 && row->first <= row->last && !kc_is_less(pool, used) &&
        !kc_is_less(row->back, row->unexplained_back) &&
        !kc_is_less(row->unexplained_out, row->netted) &&
        (row->state == KC_GAP_OPEN || (kc_amount_is_zero(row->advance) &&
                                       kc_amount_compare(row->unexplained_out, row->netted) == 0));
    struct kc_result result =
        store->record_get(store->context, &record, row->purse.number, row->first - 1);
    bool before = kc_failed(result) || record.state == KC_RECORD_PASSED ||
                  memcmp(record.head, row->before, KC_DIGEST_SIZE) == 0;
    return good && before;
}

bool kc_audit_gap(void *owner, const struct kc_gap_row *row)
{
    struct kc_auditor *auditor = owner;
    struct kc_audit_book *book = kc_audit_book_of(auditor, row->purse.number);
    if (book == NULL) {
        return false;
    }
    uint64_t number = row->purse.number;
    if (!fits_gap(auditor, row) || !fits_shown(auditor, row)) {
        kc_audit_fault(auditor, "a gap does not fit together, of purse", number);
    }
    struct kc_amount held = kc_beyond(row->unexplained_out, row->netted);
    add(auditor, &book->unshown_held, held, number);
    kc_audit_add_in_flight(auditor, held);
    add(auditor, &book->ahead_out, row->advance, number);
    add(auditor, &book->received, row->in, number);
    kc_audit_show(auditor, book, row->out, true);
    kc_audit_show(auditor, book, row->back, false);
    kc_audit_want_evidence(auditor, "no report is kept of a gap of purse", number, row->shown_ms,
                           row->shown_digest);
    return !auditor->no_memory;
}

/* ---- purses that were replaced, and the hotlist ---- */

/* The fee that its rule gives is the next move. */
static void expect_fee(struct kc_auditor *auditor, const struct kc_move_row *row)
{
    const struct kc_merchant_rule rule = {.fee_fixed = row->fee_fixed,
                                          .fee_permille = row->fee_permille};
    auditor->fee = *row;
    auditor->fee.amount = kc_merchant_fee(&rule, row->amount);
    auditor->fee_is_due = !kc_amount_is_zero(auditor->fee.amount);
}

/* A sweep, and the fee that its rule gives: in this order, and nothing in between. */
static void expect_sweep(struct kc_auditor *auditor, struct kc_audit_book *book,
                         const struct kc_move_row *row)
{
    bool is_fee = row->kind == KC_MOVE_FEE;
    const struct kc_move_row *due = &auditor->fee;
    bool good = auditor->fee_is_due == is_fee;
    if (is_fee && good) {
        good = due->purse.number == row->purse.number && due->other == row->other &&
               due->time_ms == row->time_ms && due->fee_permille == row->fee_permille &&
               kc_amount_compare(due->fee_fixed, row->fee_fixed) == 0 &&
               kc_amount_compare(due->amount, row->amount) == 0;
    }
    if (!good || (book->swept_to != 0 && book->swept_to != row->other)) {
        kc_audit_fault(auditor, "a sweep and its fee do not fit, of purse", row->purse.number);
    }
    book->swept_to = row->other;
    auditor->fee_is_due = false;
    if (!is_fee) {
        expect_fee(auditor, row);
    }
    kc_audit_add_digest(auditor, book->expected, row->purse.number, row->time_ms,
                        is_fee ? row->other : row->purse.number, is_fee ? KC_BOOK_FEES : row->other,
                        row->amount);
}

/* The postings of a move, and what it books ahead of the old purse's chain, which stands still. What
 * the new one owes is compared with its row. Between two purses value passes
 * the book in flight. */
bool kc_audit_move(void *owner, const struct kc_move_row *row)
{
    struct kc_auditor *auditor = owner;
    uint64_t purse = row->purse.number;
    bool out = row->kind == KC_MOVE_REMAINDER || row->kind == KC_MOVE_CREDIT;
    bool between = row->kind == KC_MOVE_REMAINDER || row->kind == KC_MOVE_OWED;
    uint64_t other = between ? KC_BOOK_IN_FLIGHT : row->other;
    struct kc_audit_book *book = kc_audit_book_of(auditor, purse);
    if (book != NULL && (row->kind == KC_MOVE_SWEEP || row->kind == KC_MOVE_FEE)) {
        expect_sweep(auditor, book, row);
        return true;
    }
    if (auditor->fee_is_due) {
        kc_audit_fault(auditor, "the fee of a sweep is missing of purse",
                       auditor->fee.purse.number);
        auditor->fee_is_due = false;
    }
    if (book != NULL) {
        kc_audit_add_digest(auditor, book->expected, purse, row->time_ms, out ? purse : other,
                            out ? other : purse, row->amount);
        add_ahead(auditor, purse, row->amount, out);
        if (row->kind == KC_MOVE_CREDIT) {
            expect_fee(auditor, row);
        }
    }
    book = between ? kc_audit_book_of(auditor, row->other) : NULL;
    if (book != NULL) {
        kc_audit_add_digest(auditor, book->expected, row->other, row->time_ms,
                            out ? other : row->other, out ? row->other : other, row->amount);
    }
    return !auditor->no_memory;
}

/* What is owed or claimed is ahead of the value too. */
void kc_audit_compare_ahead(struct kc_auditor *auditor, struct kc_audit_book *book,
                            const struct kc_purse_row *row)
{
    add(auditor, &book->ahead_out, row->owed, row->purse.number);
    if (kc_amount_compare(book->held, book->unshown_held) != 0) {
        kc_audit_fault(auditor, "its gaps give another sum in flight of purse", row->purse.number);
    }
    if (kc_amount_compare(book->claimed, row->claimed) != 0 ||
        (book->claimed_from != 0 && book->claimed_from != book->payer)) {
        kc_audit_fault(auditor, "the journal gives another sum that was claimed for purse",
                       row->purse.number);
    }
    if (kc_amount_compare(book->ahead_in, row->ahead_in) != 0 ||
        kc_amount_compare(book->ahead_out, row->ahead_out) != 0) {
        kc_audit_fault(auditor, "payments give other amounts ahead for purse", row->purse.number);
    }
}

/* The totals, and the end of the chain where a record is its end. */
void kc_audit_compare_history(struct kc_auditor *auditor, struct kc_audit_book *book,
                              const struct kc_purse_row *row)
{
    uint64_t number = row->purse.number;
    if (kc_amount_compare(book->received, row->received) != 0) {
        kc_audit_fault(auditor, "records give another sum that was received by purse", number);
    }
    if (book->counter > row->counter ||
        (book->counter == row->counter && memcmp(book->head, row->head, KC_DIGEST_SIZE) != 0)) {
        kc_audit_fault(auditor, "records give another end of the chain of purse", number);
    }
    kc_audit_show(auditor, book, row->paid, false);
    kc_audit_show(auditor, book, row->returned, true);
}
