/* Payments between purses: what each step of a payment does to both rows and to the journal.
 *
 * Every payment passes the book in flight, so that a posting has one purse at most. The rows change first, and what is posted
 * is the difference of their shadows: so the journal and the rows cannot say different things. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

#define COLLECTED_MAX 16

static bool countable(const struct kc_purse_row *row, struct kc_amount amount)
{
    struct kc_amount sum;
    return kc_ledger_can_hold(row, amount) &&
           !kc_failed(kc_amount_add(&sum, row->ahead_out, amount));
}

bool kc_ledger_can_hold(const struct kc_purse_row *purse, struct kc_amount amount)
{
    struct kc_amount sum;
    return !kc_failed(kc_amount_add(&sum, purse->value, purse->ahead_in)) &&
           !kc_failed(kc_amount_add(&sum, sum, amount));
}

bool kc_ledger_can_give(const struct kc_purse_row *purse, struct kc_amount amount)
{
    struct kc_shadow shadow = kc_shadow_of(purse);
    return !shadow.below && kc_amount_compare(shadow.amount, amount) >= 0 &&
           kc_amount_compare(purse->value, amount) >= 0;
}

bool kc_payment_fits(const struct kc_ledger *ledger, const struct kc_payment_sides *sides)
{
    const struct kc_totals_row *totals = &ledger->totals;
    struct kc_amount amount = sides->payment.amount;
    struct kc_amount sum;
    return !kc_amount_is_zero(amount) && countable(sides->payer, amount) &&
           countable(sides->payee, amount) &&
           !kc_failed(kc_amount_add(&sum, totals->outside, totals->claims)) &&
           !kc_failed(kc_amount_add(&sum, sum, amount));
}

/* What does not fit here was checked to fit, or follows from rows that were changed in the store. */
static void raise(bool *good, struct kc_amount *to, struct kc_amount amount)
{
    *good = !kc_failed(kc_amount_add(to, *to, amount)) && *good;
}

static void lower(bool *good, struct kc_amount *from, struct kc_amount amount)
{
    *good = !kc_failed(kc_amount_sub(from, *from, amount)) && *good;
}

static bool count_pay(struct kc_payment_row *payment, struct kc_purse_row *payer)
{
    bool good = !payment->payer_counted;
    lower(&good, &payer->value, payment->amount);
    if (payment->state == KC_PAYMENT_BOOKED) {
        lower(&good, &payer->ahead_out, payment->amount);
    }
    payment->payer_counted = true;
    return good;
}

static bool note(struct kc_payment_sides *sides)
{
    bool good = count_pay(&sides->payment, sides->payer);
    sides->payment.state = KC_PAYMENT_NOTED;
    sides->payment.open = true;
    return good;
}

static bool book(struct kc_payment_sides *sides)
{
    struct kc_payment_row *payment = &sides->payment;
    bool good = true;
    raise(&good, &sides->payee->ahead_in, payment->amount);
    if (!payment->payer_counted) {
        raise(&good, &sides->payer->ahead_out, payment->amount);
    }
    payment->state = KC_PAYMENT_BOOKED;
    payment->taken = true;
    return good;
}

static bool count_taken(struct kc_payment_sides *sides)
{
    struct kc_payment_row *payment = &sides->payment;
    bool good = payment->state == KC_PAYMENT_BOOKED && !payment->payee_counted;
    lower(&good, &sides->payee->ahead_in, payment->amount);
    raise(&good, &sides->payee->value, payment->amount);
    payment->payee_counted = true;
    return good;
}

static bool release_payment(struct kc_payment_sides *sides)
{
    struct kc_payment_row *payment = &sides->payment;
    bool good = payment->state == KC_PAYMENT_NOTED;
    raise(&good, &sides->payer->ahead_in, payment->amount);
    payment->state = KC_PAYMENT_RELEASED;
    payment->open = true;
    return good;
}

static bool return_payment(struct kc_payment_sides *sides)
{
    struct kc_payment_row *payment = &sides->payment;
    bool good = payment->state == KC_PAYMENT_RELEASED && !payment->returned;
    lower(&good, &sides->payer->ahead_in, payment->amount);
    raise(&good, &sides->payer->value, payment->amount);
    payment->returned = true;
    payment->open = false;
    return good;
}

static bool take_back(struct kc_payment_sides *sides)
{
    struct kc_payment_row *payment = &sides->payment;
    bool good = payment->state == KC_PAYMENT_BOOKED && payment->payer_counted;
    if (payment->payee_counted) {
        raise(&good, &sides->payee->ahead_out, payment->amount);
    } else {
        lower(&good, &sides->payee->ahead_in, payment->amount);
    }
    raise(&good, &sides->payer->ahead_in, payment->amount);
    payment->state = KC_PAYMENT_RELEASED;
    payment->open = true;
    payment->told_sequence = 0;
    return good;
}

static bool hold_again(struct kc_payment_sides *sides)
{
    struct kc_payment_row *payment = &sides->payment;
    bool good = payment->state == KC_PAYMENT_RELEASED && payment->payer_counted &&
                !payment->payee_counted && !payment->returned && payment->again == KC_AGAIN_NOT;
    lower(&good, &sides->payer->ahead_in, payment->amount);
    payment->state = KC_PAYMENT_NOTED;
    payment->told_sequence = 0;
    payment->again = payment->taken ? KC_AGAIN_TAKEN : KC_AGAIN_HELD;
    payment->taken = false;
    return good;
}

static bool apply(struct kc_payment_sides *sides, enum kc_payment_step step)
{
    switch (step) {
    case KC_STEP_NOTE:
        return note(sides);
    case KC_STEP_BOOK:
        return book(sides);
    case KC_STEP_COUNT_PAY:
        return count_pay(&sides->payment, sides->payer);
    case KC_STEP_COUNT_TAKEN:
        return count_taken(sides);
    case KC_STEP_REFUSE:
        sides->payment.state = KC_PAYMENT_REFUSED;
        return true;
    case KC_STEP_RELEASE:
        return release_payment(sides);
    case KC_STEP_RETURN:
        return return_payment(sides);
    case KC_STEP_TAKE_BACK:
        return take_back(sides);
    case KC_STEP_HOLD_AGAIN:
        return hold_again(sides);
    }
    return false;
}

/* Posts what a purse's shadow lost to the book in flight, or what it gained from there. */
static struct kc_result post_difference(struct kc_ledger *ledger, struct kc_shadow before,
                                        const struct kc_purse_row *row,
                                        const struct kc_payment_row *payment, bool lost)
{
    struct kc_shadow after = kc_shadow_of(row);
    struct kc_shadow moved = before;
    const struct kc_transaction_row transaction = {.purse = row->purse,
                                                   .time_ms = payment->time_ms};
    struct kc_result result =
        lost ? kc_shadow_sub(&moved, payment->amount) : kc_shadow_add(&moved, payment->amount);
    bool so = !kc_failed(result) && moved.below == after.below &&
              kc_amount_compare(moved.amount, after.amount) == 0;
    if (!so) {
        return kc_ok();
    }
    uint64_t purse = row->purse.number;
    return kc_ledger_post(ledger, lost ? purse : KC_BOOK_IN_FLIGHT,
                          lost ? KC_BOOK_IN_FLIGHT : purse, payment->amount, &transaction, &before);
}

struct kc_result kc_payment_step(struct kc_ledger *ledger, struct kc_payment_sides *sides,
                                 enum kc_payment_step step, enum kc_error reason)
{
    struct kc_shadow payer = kc_shadow_of(sides->payer);
    struct kc_shadow payee = kc_shadow_of(sides->payee);
    const struct kc_payment_row *payment = &sides->payment;
    if (!apply(sides, step)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    if (reason != KC_OK) {
        sides->payment.reason = reason;
    }
    /* Losses first: the book in flight never gives what it has not got. */
    struct kc_result result = post_difference(ledger, payer, sides->payer, payment, true);
    if (!kc_failed(result)) {
        result = post_difference(ledger, payee, sides->payee, payment, true);
    }
    if (!kc_failed(result)) {
        result = post_difference(ledger, payer, sides->payer, payment, false);
    }
    return kc_failed(result) ? result
                             : post_difference(ledger, payee, sides->payee, payment, false);
}

/* ---- looking up ---- */

struct collected {
    size_t count;
    bool (*wanted)(const struct kc_payment_row *row);
    struct kc_payment_row rows[COLLECTED_MAX];
};

static bool collect(void *owner, const struct kc_payment_row *row)
{
    struct collected *collected = owner;
    if (collected->wanted == NULL || collected->wanted(row)) {
        collected->rows[collected->count++] = *row;
    }
    return collected->count < COLLECTED_MAX;
}

static struct kc_result scan(struct collected *out, struct kc_ledger *ledger, bool paid,
                             uint64_t purse, uint64_t first, uint64_t last)
{
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = out, .payment = collect};
    out->count = 0;
    return kc_ledger_note(ledger,
                          paid ? store->scan_paid(store->context, &scan, purse, first, last)
                               : store->scan_taken(store->context, &scan, purse, first, last));
}

struct kc_result kc_ledger_has_payments(bool *has, struct kc_ledger *ledger,
                                        const struct kc_purse_row *purse)
{
    struct collected found = {.wanted = NULL};
    uint64_t number = purse->purse.number;
    struct kc_result result = scan(&found, ledger, true, number, 0, KC_AMOUNT_MAX);
    if (!kc_failed(result) && found.count == 0) {
        result = scan(&found, ledger, false, number, 0, KC_AMOUNT_MAX);
    }
    *has = found.count > 0;
    return result;
}

struct kc_result kc_payment_other(struct kc_payment_row *other, struct kc_ledger *ledger,
                                  const struct kc_payment_row *payment)
{
    struct collected found = {.wanted = NULL};
    struct kc_result result = scan(&found, ledger, true, payment->payer.number,
                                   payment->payer_counter, payment->payer_counter);
    for (size_t i = 0; i < found.count && !kc_failed(result); i++) {
        if (memcmp(found.rows[i].digest, payment->digest, KC_DIGEST_SIZE) != 0) {
            *other = found.rows[i];
            return kc_ok();
        }
    }
    return kc_failed(result) ? result : kc_result(KC_NOT_FOUND);
}

struct kc_result kc_payment_record(struct kc_record_row *out, struct kc_ledger *ledger,
                                   const struct kc_payment_row *payment)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->record_get(store->context, out, payment->payee.number,
                                                 payment->payee_counter));
    if (!kc_failed(result) && memcmp(out->order, payment->digest, KC_DIGEST_SIZE) == 0) {
        return result;
    }
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    result = kc_ledger_note(ledger, store->record_get(store->context, out, payment->payer.number,
                                                      payment->payer_counter));
    bool other = !kc_failed(result) && memcmp(out->order, payment->digest, KC_DIGEST_SIZE) != 0;
    return other ? kc_result(KC_NOT_FOUND) : result;
}

struct kc_result kc_payment_keep_proof(struct kc_shown *shown, struct kc_ledger *ledger,
                                       uint64_t accused, const struct kc_payment_row *payment,
                                       enum kc_evidence_kind kind)
{
    struct kc_record_row record;
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_payment_record(&record, ledger, payment);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    shown->time_ms = payment->time_ms;
    kc_digest(ledger->crypto, shown->digest, kc_view(record.bytes, record.size));
    return kc_ledger_note(ledger,
                          store->evidence_add(store->context, accused, payment->time_ms, kind,
                                              shown->digest, kc_view(record.bytes, record.size)));
}

/* ---- counters that a chain has passed ---- */

/* What its payee signed a receipt for, or what waits for its payee's word. */
static bool waits_for_payee(const struct kc_payment_row *row)
{
    return row->state == KC_PAYMENT_NOTED ||
           (row->state == KC_PAYMENT_BOOKED && !row->payee_counted);
}

static bool waits_for_payer(const struct kc_payment_row *row)
{
    return !row->payer_counted;
}

static bool is_receipt(const struct kc_payment_row *row)
{
    return row->state == KC_PAYMENT_BOOKED && !row->payee_counted;
}

struct kc_result kc_ledger_signed_otherwise(bool *otherwise, struct kc_shown *shown,
                                            struct kc_ledger *ledger,
                                            const struct kc_purse_row *purse, uint64_t counter)
{
    struct collected found = {.wanted = waits_for_payer};
    struct kc_result result = scan(&found, ledger, true, purse->purse.number, counter, counter);
    if (!kc_failed(result) && found.count == 0) {
        found.wanted = is_receipt;
        result = scan(&found, ledger, false, purse->purse.number, counter, counter);
    }
    *otherwise = found.count > 0;
    return kc_failed(result) || !*otherwise
               ? result
               : kc_payment_keep_proof(shown, ledger, purse->purse.number, &found.rows[0],
                                       KC_EVIDENCE_RECORD);
}

static struct kc_result accuse_of(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                  const struct kc_payment_row *payment, uint64_t counter)
{
    const struct kc_shown evidence = kc_shown_counted(purse);
    struct kc_shown against = evidence;
    struct kc_result result =
        kc_payment_keep_proof(&against, ledger, purse->purse.number, payment, KC_EVIDENCE_RECORD);
    return kc_failed(result) ? result
                             : kc_ledger_accuse(ledger, purse, KC_COPIED_OR_RESTORED, counter,
                                                &evidence, &against);
}

/* Gives a payment that its payee will never take back to the payer; the bank says so in the payer's next replies. */
static struct kc_result release(bool *done, struct kc_ledger *ledger, struct kc_purse_row *payee,
                                const struct kc_payment_row *payment, enum kc_error reason)
{
    const struct kc_store *store = ledger->store;
    struct kc_purse_row payer;
    struct kc_payment_sides sides = {.payment = *payment, .payer = &payer, .payee = payee};
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &payer, payment->payer.number));
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    if (!countable(&payer, payment->amount)) {
        /* It stays in flight until the payer's books have room for it. */
        return kc_ok();
    }
    *done = true;
    result = kc_payment_step(ledger, &sides, KC_STEP_RELEASE, reason);
    if (!kc_failed(result)) {
        result = kc_gap_back(ledger, &sides);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->payment_put(store->context, &sides.payment));
    }
    return kc_failed(result) ? result : kc_ledger_save_ahead(ledger, &payer);
}

/* Payments to the counters passed. Each round releases all that it finds, so the next finds others or none. */
static struct kc_result pass_as_payee(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                      uint64_t first)
{
    struct collected found = {.wanted = waits_for_payee};
    struct kc_result result;
    bool done;
    do {
        done = false;
        result = scan(&found, ledger, false, purse->purse.number, first, purse->counter);
        for (size_t i = 0; i < found.count && !kc_failed(result); i++) {
            const struct kc_payment_row *row = &found.rows[i];
            result = row->state == KC_PAYMENT_BOOKED
                         ? accuse_of(ledger, purse, row, row->payee_counter)
                         : release(&done, ledger, purse, row, KC_OUT_OF_ORDER);
            first = row->payee_counter;
        }
    } while (found.count == COLLECTED_MAX && done && !kc_failed(result));
    return result;
}

static bool is_noted(const struct kc_payment_row *row)
{
    return row->state == KC_PAYMENT_NOTED;
}

struct kc_result kc_ledger_silenced(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct collected found = {.wanted = is_noted};
    struct kc_result result;
    uint64_t first = 0;
    bool done;
    do {
        done = false;
        result = scan(&found, ledger, false, purse->purse.number, first, KC_AMOUNT_MAX);
        for (size_t i = 0; i < found.count && !kc_failed(result); i++) {
            first = found.rows[i].payee_counter;
            result = release(&done, ledger, purse, &found.rows[i], KC_EXPIRED);
        }
    } while (found.count == COLLECTED_MAX && done && !kc_failed(result));
    return result;
}

struct kc_result kc_ledger_passed(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                  uint64_t before)
{
    struct collected found = {.wanted = waits_for_payer};
    if (purse->counter == before) {
        return kc_ok();
    }
    KC_ASSERT(purse->counter > before);
    struct kc_result result = pass_as_payee(ledger, purse, before + 1);
    if (!kc_failed(result)) {
        result = scan(&found, ledger, true, purse->purse.number, before + 1, purse->counter);
    }
    for (size_t i = 0; i < found.count && !kc_failed(result); i++) {
        struct kc_record_row record;
        const struct kc_payment_row *row = &found.rows[i];
        const struct kc_store *store = ledger->store;
        result = kc_ledger_note(ledger, store->record_get(store->context, &record,
                                                          purse->purse.number, row->payer_counter));
        bool same = !kc_failed(result) && memcmp(record.order, row->digest, KC_DIGEST_SIZE) == 0;
        if (!kc_failed(result) || result.code == KC_NOT_FOUND) {
            result = same ? kc_ok() : accuse_of(ledger, purse, row, row->payer_counter);
        }
    }
    return result;
}
