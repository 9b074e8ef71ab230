/* Gaps: entries of a purse that nobody can report any more, of which only its totals tell (docs/protocol.md "Gaps").
 *
 *  1. The value follows the totals at once: the purse goes on from what it says it had after the gap.
 *  2. What the totals say was paid and nobody showed is held in flight. What they say came in and nobody showed is an advance:
 *     in the value, and ahead_out. Both only as far as one does not pay for the other (netted).
 *  3. What a partner shows for a counter in the gap explains that much: held value goes to the payee, an advance falls.
 *  4. netted + advance <= unexplained_in + unexplained_back, and netted <= unexplained_out, at every step.
 *  5. After the settlement time nothing is held or advanced: what nobody showed was never made. What is shown later is owed. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"
#include "ledger/sums.h"

#define COLLECTED_MAX 16
/* A void stands in the gap of its payment or in one of the next, of which so many are looked at. */
#define NEXT_MAX 8

static struct kc_result check(struct kc_ledger *ledger, bool good)
{
    return good ? kc_ok() : kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
}

struct kc_result kc_gap_find(struct kc_gap_row *out, struct kc_ledger *ledger, uint64_t purse,
                             uint64_t counter)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->gap_get(store->context, out, purse, counter));
    return kc_failed(result) || out->first <= counter ? result : kc_result(KC_NOT_FOUND);
}

struct kc_shown kc_gap_shown(const struct kc_gap_row *gap)
{
    struct kc_shown shown = {.time_ms = gap->shown_ms};
    memcpy(shown.digest, gap->shown_digest, KC_DIGEST_SIZE);
    return shown;
}

struct kc_result kc_gap_save(struct kc_ledger *ledger, const struct kc_gap_row *gap)
{
    return kc_ledger_note(ledger, ledger->store->gap_put(ledger->store->context, gap));
}

struct kc_result kc_gap_post(struct kc_ledger *ledger, struct kc_shadow before,
                             const struct kc_purse_row *purse, struct kc_amount amount, bool held)
{
    const struct kc_transaction_row transaction = {.purse = purse->purse};
    uint64_t number = purse->purse.number;
    return kc_amount_is_zero(amount)
               ? kc_ok()
               : kc_ledger_post(ledger, held ? number : KC_BOOK_IN_FLIGHT,
                                held ? KC_BOOK_IN_FLIGHT : number, amount, &transaction, &before);
}

/* What was netted is held again, and what paid for it becomes an advance; or is owed, once the time is over. */
static struct kc_result unnet(struct kc_ledger *ledger, struct kc_gap_row *gap,
                              struct kc_purse_row *purse, struct kc_amount amount)
{
    bool good = true;
    struct kc_shadow before = kc_shadow_of(purse);
    kc_lower(&good, &gap->netted, amount);
    kc_raise(&good, &purse->ahead_out, amount);
    kc_raise(&good, gap->state == KC_GAP_OPEN ? &gap->advance : &purse->owed, amount);
    struct kc_result result = check(ledger, good);
    return kc_failed(result) ? result : kc_gap_post(ledger, before, purse, amount, true);
}

/* Puts an amount that the gap holds back into the value, for whoever shows what it was for. What was given back before is
 * owed. */
static struct kc_result explain_out(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                    struct kc_purse_row *purse, struct kc_amount amount)
{
    bool good = true;
    struct kc_amount there = kc_least(amount, gap->unexplained_out);
    struct kc_amount gone = kc_beyond(amount, there);
    struct kc_amount held = kc_beyond(gap->unexplained_out, gap->netted);
    struct kc_result result = unnet(ledger, gap, purse, kc_beyond(there, held));
    struct kc_shadow before = kc_shadow_of(purse);
    kc_raise(&good, &purse->value, there);
    kc_lower(&good, &gap->unexplained_out, there);
    if (!kc_failed(result)) {
        result = kc_gap_post(ledger, before, purse, there, false);
    }
    kc_lower(&good, &gap->given_back, gone);
    good = kc_claim_owe(purse, gone) && good;
    return kc_failed(result) ? result : check(ledger, good);
}

/* An amount that was received or came back is shown, and in the value: what was advanced for it falls, and what it paid for
 * is held. */
static struct kc_result explain_in(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                   struct kc_purse_row *purse, struct kc_amount *unexplained,
                                   struct kc_amount amount)
{
    bool good = true;
    struct kc_amount fall = kc_least(amount, gap->advance);
    bool open = gap->state == KC_GAP_OPEN;
    kc_lower(&good, unexplained, amount);
    kc_lower(&good, &purse->value, fall);
    kc_lower(&good, &purse->ahead_out, fall);
    kc_lower(&good, &gap->advance, fall);
    struct kc_amount pool = gap->unexplained_in;
    kc_raise(&good, &pool, gap->unexplained_back);
    kc_lower(&good, &pool, gap->advance);
    struct kc_amount more = kc_beyond(gap->netted, pool);
    struct kc_shadow before = kc_shadow_of(purse);
    kc_lower(&good, &gap->netted, more);
    if (open) {
        kc_lower(&good, &purse->value, more);
    } else {
        kc_lower(&good, &gap->unexplained_out, more);
        kc_raise(&good, &gap->given_back, more);
    }
    struct kc_result result = check(ledger, good);
    return kc_failed(result) || !open ? result : kc_gap_post(ledger, before, purse, more, true);
}

/* ---- payments by the purse ---- */

static bool holds(struct kc_amount amount, struct kc_amount a, struct kc_amount b)
{
    struct kc_amount sum;
    return !kc_failed(kc_amount_add(&sum, a, b)) && !kc_is_less(sum, amount);
}

struct kc_result kc_gap_pay(struct kc_ledger *ledger, struct kc_gap_row *gap,
                            struct kc_payment_sides *sides, const struct kc_shown *shown)
{
    struct kc_amount amount = sides->payment.amount;
    struct kc_purse_row *payer = sides->payer;
    bool late = kc_is_less(gap->unexplained_out, amount);
    if (!holds(amount, gap->unexplained_out, gap->given_back)) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = explain_out(ledger, gap, payer, amount);
    if (!kc_failed(result)) {
        result = kc_payment_step(ledger, sides, KC_STEP_COUNT_PAY, KC_OK);
        sides->payment.open = true;
    }
    if (!kc_failed(result)) {
        result = kc_gap_save(ledger, gap);
    }
    struct kc_shown against = kc_gap_shown(gap);
    return kc_failed(result) || !late
               ? result
               : kc_claim_alert(ledger, payer, KC_DEBT, sides->payment.payer_counter, shown,
                                &against);
}

struct kc_result kc_gap_refused(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                struct kc_payment_sides *sides)
{
    struct kc_amount amount = sides->payment.amount;
    if (kc_is_less(gap->unexplained_out, amount)) {
        /* It came back with all that nobody showed. */
        return kc_result(holds(amount, gap->unexplained_out, gap->given_back) ? KC_OK
                                                                              : KC_MISMATCH);
    }
    struct kc_result result = explain_out(ledger, gap, sides->payer, amount);
    if (!kc_failed(result)) {
        result = kc_payment_step(ledger, sides, KC_STEP_NOTE, KC_OK);
    }
    if (!kc_failed(result)) {
        result = kc_payment_step(ledger, sides, KC_STEP_RELEASE, KC_DECLINED);
    }
    if (!kc_failed(result)) {
        result = kc_gap_save(ledger, gap);
    }
    return kc_failed(result) ? result : kc_gap_back(ledger, sides);
}

/* The payer is told of it all the same: where it writes a void only now, that one shows what the gap did not hold. */
static void set_inferred_return(struct kc_payment_row *payment)
{
    payment->inferred = true;
    payment->open = true;
    payment->told_sequence = 0;
}

/* The gaps in which a void may stand of an entry with that counter. */
struct void_gaps {
    size_t count;
    struct kc_gap_row rows[NEXT_MAX];
};

static struct kc_result load_gaps(struct void_gaps *out, struct kc_ledger *ledger,
                                  const struct kc_payment_row *payment)
{
    const struct kc_store *store = ledger->store;
    uint64_t counter = payment->payer_counter;
    struct kc_result result = kc_ok();
    out->count = 0;
    while (out->count < NEXT_MAX && !kc_failed(result)) {
        struct kc_gap_row *gap = &out->rows[out->count];
        result = kc_ledger_note(
            ledger, store->gap_get(store->context, gap, payment->payer.number, counter));
        if (!kc_failed(result)) {
            counter = gap->last + 1;
            out->count += 1;
        }
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

/* How much of a gap's voids is, or is not, known. */
static struct kc_amount backs(const struct kc_gap_row *gap, bool known)
{
    return known ? kc_beyond(gap->back, gap->unexplained_back) : gap->unexplained_back;
}

/* The parts of an amount that each gap holds: all of it where one fits exactly, else from the first on. False when they do not
 * hold so much. */
static bool share(struct kc_amount parts[NEXT_MAX], const struct void_gaps *gaps, bool known,
                  struct kc_amount amount)
{
    struct kc_amount rest = amount;
    for (size_t i = 0; i < NEXT_MAX; i++) {
        parts[i] = kc_amount_zero();
    }
    for (size_t i = 0; i < gaps->count; i++) {
        struct kc_amount has = backs(&gaps->rows[i], known);
        parts[i] = kc_least(has, rest);
        rest = kc_beyond(rest, parts[i]);
    }
    for (size_t i = 0; i < gaps->count; i++) {
        if (kc_amount_compare(backs(&gaps->rows[i], known), amount) == 0) {
            for (size_t j = 0; j < gaps->count; j++) {
                parts[j] = j == i ? amount : kc_amount_zero();
            }
            return true;
        }
    }
    return kc_amount_is_zero(rest);
}

static struct kc_result return_from(struct kc_ledger *ledger, struct void_gaps *gaps,
                                    const struct kc_amount parts[NEXT_MAX],
                                    struct kc_payment_sides *sides)
{
    struct kc_result result = kc_payment_step(ledger, sides, KC_STEP_RETURN, KC_OK);
    set_inferred_return(&sides->payment);
    for (size_t i = 0; i < gaps->count && !kc_failed(result); i++) {
        struct kc_gap_row *gap = &gaps->rows[i];
        if (!kc_amount_is_zero(parts[i])) {
            result = explain_in(ledger, gap, sides->payer, &gap->unexplained_back, parts[i]);
            result = kc_failed(result) ? result : kc_gap_save(ledger, gap);
        }
    }
    return result;
}

/* One void of several that came to nothing stands for another of the same sum, so what counts is the sum. */
struct kc_result kc_gap_back(struct kc_ledger *ledger, struct kc_payment_sides *sides)
{
    struct void_gaps gaps;
    struct kc_amount parts[NEXT_MAX];
    KC_ASSERT(sides->payment.state == KC_PAYMENT_RELEASED && sides->payment.payer_counted);
    struct kc_result result = load_gaps(&gaps, ledger, &sides->payment);
    if (kc_failed(result) || sides->payment.returned ||
        !share(parts, &gaps, false, sides->payment.amount)) {
        return result;
    }
    return return_from(ledger, &gaps, parts, sides);
}

struct told {
    uint64_t seen;
    size_t count;
    struct kc_payment_row rows[COLLECTED_MAX];
};

static bool collect_told(void *owner, const struct kc_payment_row *row)
{
    struct told *told = owner;
    if (row->state == KC_PAYMENT_RELEASED && row->payer_counted && !row->returned &&
        row->told_sequence != 0 && row->told_sequence <= told->seen) {
        told->rows[told->count++] = *row;
    }
    return told->count < COLLECTED_MAX;
}

struct kc_result kc_gap_return_told(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                    uint64_t seen)
{
    struct told told = {.seen = seen};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &told, .payment = collect_told};
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_open(store->context, &scan, purse->purse.number));
    for (size_t i = 0; i < told.count && !kc_failed(result); i++) {
        struct void_gaps gaps;
        struct kc_amount parts[NEXT_MAX];
        struct kc_purse_row payee = {.purse = told.rows[i].payee};
        struct kc_payment_sides sides = {.payment = told.rows[i], .payer = purse, .payee = &payee};
        result = load_gaps(&gaps, ledger, &sides.payment);
        if (kc_failed(result) || gaps.count == 0) {
            continue;
        }
        (void)share(parts, &gaps, false, sides.payment.amount);
        result = return_from(ledger, &gaps, parts, &sides);
        if (!kc_failed(result)) {
            result = kc_ledger_note(ledger, store->payment_put(store->context, &sides.payment));
        }
    }
    return result;
}

struct kc_result kc_gap_unreturn(struct kc_ledger *ledger, struct kc_payment_sides *sides)
{
    struct void_gaps gaps;
    struct kc_amount parts[NEXT_MAX];
    bool good = true;
    struct kc_payment_row *payment = &sides->payment;
    struct kc_purse_row *payer = sides->payer;
    struct kc_result result = load_gaps(&gaps, ledger, payment);
    if (kc_failed(result) || !share(parts, &gaps, true, payment->amount)) {
        return kc_failed(result) ? result : kc_result(KC_NOT_FOUND);
    }
    kc_raise(&good, &payer->ahead_in, payment->amount);
    kc_raise(&good, &payer->ahead_out, payment->amount);
    payment->returned = false;
    payment->inferred = false;
    for (size_t i = 0; i < gaps.count && !kc_failed(result); i++) {
        struct kc_gap_row *gap = &gaps.rows[i];
        if (!kc_amount_is_zero(parts[i])) {
            kc_raise(&good, &gap->unexplained_back, parts[i]);
            kc_raise(&good, gap->state == KC_GAP_OPEN ? &gap->advance : &payer->owed, parts[i]);
            result = kc_gap_save(ledger, gap);
        }
    }
    return kc_failed(result) ? result : check(ledger, good);
}

/* ---- payments to the purse ---- */

struct collected {
    size_t count;
    struct kc_payment_row rows[COLLECTED_MAX];
};

static bool collect_inferred(void *owner, const struct kc_payment_row *row)
{
    struct collected *collected = owner;
    if (row->inferred && row->state == KC_PAYMENT_BOOKED) {
        collected->rows[collected->count++] = *row;
    }
    return collected->count < COLLECTED_MAX;
}

struct kc_result kc_gap_confirm(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                struct kc_payment_row *payment)
{
    bool good = true;
    kc_lower(&good, &gap->inferred_in, payment->amount);
    payment->inferred = false;
    struct kc_result result = check(ledger, good);
    return kc_failed(result) ? result : kc_gap_save(ledger, gap);
}

struct kc_result kc_gap_unguess(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                struct kc_payment_sides *sides)
{
    bool good = true;
    struct kc_payment_row *payment = &sides->payment;
    struct kc_amount amount = payment->amount;
    bool waits = payment->open && payment->told_sequence == 0;
    struct kc_result result = kc_payment_step(ledger, sides, KC_STEP_TAKE_BACK, KC_OUT_OF_ORDER);
    payment->payee_counted = false;
    payment->inferred = false;
    kc_lower(&good, &gap->inferred_in, amount);
    kc_raise(&good, &gap->unexplained_in, amount);
    kc_raise(&good, gap->state == KC_GAP_OPEN ? &gap->advance : &sides->payee->owed, amount);
    if (!kc_failed(result)) {
        result = check(ledger, good);
    }
    if (!kc_failed(result) && !waits) {
        /* The payer was told that it was taken, and may write no void for it. */
        result = kc_payment_step(ledger, sides, KC_STEP_RETURN, KC_OK);
        set_inferred_return(payment);
    } else if (!kc_failed(result)) {
        result = kc_gap_back(ledger, sides);
    }
    return kc_failed(result) ? result : kc_gap_save(ledger, gap);
}

/* Takes back payments that were only inferred, to make room for one that its payee signed. `sides` are of that one. */
static struct kc_result make_room(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                  struct kc_payment_sides *sides)
{
    struct collected found = {.count = 0};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &found, .payment = collect_inferred};
    struct kc_result result = kc_ledger_note(
        ledger, store->scan_taken(store->context, &scan, gap->purse.number, gap->first, gap->last));
    for (size_t i = 0; i < found.count && !kc_failed(result) &&
                       kc_is_less(gap->unexplained_in, sides->payment.amount);
         i++) {
        struct kc_purse_row row;
        struct kc_payment_sides other = {
            .payment = found.rows[i], .payer = sides->payer, .payee = sides->payee};
        if (other.payment.payer.number != sides->payer->purse.number) {
            other.payer = &row;
            result = kc_ledger_note(
                ledger, store->purse_get(store->context, &row, other.payment.payer.number));
            result = result.code == KC_NOT_FOUND ? check(ledger, false) : result;
        }
        if (!kc_failed(result)) {
            result = kc_gap_unguess(ledger, gap, &other);
        }
        if (!kc_failed(result)) {
            result = kc_ledger_note(ledger, store->payment_put(store->context, &other.payment));
        }
        if (!kc_failed(result) && other.payer == &row) {
            result = kc_ledger_save_ahead(ledger, &row);
        }
    }
    return result;
}

struct kc_result kc_gap_take(struct kc_ledger *ledger, struct kc_gap_row *gap,
                             struct kc_payment_sides *sides)
{
    struct kc_amount amount = sides->payment.amount;
    if (!holds(amount, gap->unexplained_in, gap->inferred_in)) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = make_room(ledger, gap, sides);
    if (!kc_failed(result)) {
        result = kc_payment_step(ledger, sides, KC_STEP_COUNT_TAKEN, KC_OK);
    }
    if (!kc_failed(result)) {
        result = explain_in(ledger, gap, sides->payee, &gap->unexplained_in, amount);
    }
    return kc_failed(result) ? result : kc_gap_save(ledger, gap);
}

struct kc_result kc_gap_guess(struct kc_ledger *ledger, struct kc_gap_row *gap,
                              struct kc_payment_sides *sides)
{
    bool good = true;
    struct kc_amount amount = sides->payment.amount;
    KC_ASSERT(sides->payment.state == KC_PAYMENT_NOTED);
    if (!kc_payment_fits(ledger, sides)) {
        return kc_ok();
    }
    if (kc_is_less(gap->unexplained_in, amount)) {
        /* What was inferred may yet turn out to be this one. */
        bool may =
            gap->state == KC_GAP_OPEN && holds(amount, gap->unexplained_in, gap->inferred_in);
        if (may) {
            return kc_ok();
        }
        struct kc_result released =
            kc_payment_step(ledger, sides, KC_STEP_RELEASE, KC_OUT_OF_ORDER);
        return kc_failed(released) ? released : kc_gap_back(ledger, sides);
    }
    struct kc_result result = kc_payment_step(ledger, sides, KC_STEP_BOOK, KC_OK);
    if (!kc_failed(result)) {
        result = kc_payment_step(ledger, sides, KC_STEP_COUNT_TAKEN, KC_OK);
    }
    sides->payment.inferred = true;
    kc_raise(&good, &gap->inferred_in, amount);
    if (!kc_failed(result) && good) {
        result = explain_in(ledger, gap, sides->payee, &gap->unexplained_in, amount);
    }
    return kc_failed(result) || !good ? check(ledger, false) : kc_gap_save(ledger, gap);
}

/* ---- voids that come after the gap, of entries in it ---- */

struct kc_result kc_gap_void(struct kc_ledger *ledger, struct kc_gap_row *gap,
                             struct kc_purse_row *purse, struct kc_amount amount)
{
    bool good = true;
    struct kc_amount there = kc_least(amount, gap->unexplained_out);
    struct kc_amount gone = kc_beyond(amount, there);
    if (!holds(amount, gap->unexplained_out, gap->given_back)) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = explain_out(ledger, gap, purse, there);
    kc_raise(&good, &gap->given_back, there);
    /* What came back before comes back twice now; the purse may have spent it, so it is a debt. */
    good = kc_claim_owe(purse, gone) && good;
    if (!kc_failed(result)) {
        result = check(ledger, good);
    }
    return kc_failed(result) ? result : kc_gap_save(ledger, gap);
}

struct kc_result kc_gap_cash_out(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                 struct kc_purse_row *purse, struct kc_amount amount)
{
    bool good = true;
    struct kc_result result = explain_out(ledger, gap, purse, amount);
    kc_lower(&good, &purse->value, amount);
    kc_lower(&good, &purse->ahead_out, amount);
    if (!kc_failed(result)) {
        result = check(ledger, good);
    }
    return kc_failed(result) ? result : kc_gap_save(ledger, gap);
}

struct kc_result kc_gap_void_seen(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                  struct kc_purse_row *purse, struct kc_amount amount)
{
    struct kc_result result = explain_in(ledger, gap, purse, &gap->unexplained_back, amount);
    return kc_failed(result) ? result : kc_gap_save(ledger, gap);
}
