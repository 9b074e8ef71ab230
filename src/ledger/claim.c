/* What a purse owes, and what the settlement time ends.
 *
 *  1. What is owed is part of ahead_out: gone from the shadow, and still in the value. Paying it lowers both.
 *  2. It is taken from the value when a report has come to the purse's newest entry, then from the account; what is left is a
 *     debt, with which certified values allow no payment.
 *  3. What is taken off the value is withheld until the purse has shown a certified value that says so. A report that does not
 *     show one puts it back, as an advance or as owed: the purse may have spent it meanwhile, which accuses nobody. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"
#include "ledger/sums.h"

#define GAPS_MAX 16
#define LATE_MAX 64

static struct kc_result check(struct kc_ledger *ledger, bool good)
{
    return good ? kc_ok() : kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
}

bool kc_claim_owe(struct kc_purse_row *purse, struct kc_amount amount)
{
    bool good = true;
    struct kc_purse_row after = *purse;
    kc_raise(&good, &after.value, amount);
    kc_raise(&good, &after.ahead_out, amount);
    kc_raise(&good, &after.owed, amount);
    if (good) {
        *purse = after;
    }
    return good;
}

struct kc_result kc_claim_alert(struct kc_ledger *ledger, const struct kc_purse_row *purse,
                                enum kc_error reason, uint64_t counter,
                                const struct kc_shown *evidence, const struct kc_shown *against)
{
    struct kc_alert_row alert = {.purse = purse->purse,
                                 .time_ms = ledger->now_ms,
                                 .reason = reason,
                                 .evidence_ms = evidence->time_ms,
                                 .against_ms = against->time_ms,
                                 .counter = counter};
    memcpy(alert.evidence_digest, evidence->digest, KC_DIGEST_SIZE);
    memcpy(alert.against_digest, against->digest, KC_DIGEST_SIZE);
    return kc_ledger_note(ledger, ledger->store->alert_add(ledger->store->context, &alert));
}

struct open_gaps {
    size_t count;
    struct kc_gap_row rows[GAPS_MAX];
};

static bool collect_gap(void *owner, const struct kc_gap_row *row)
{
    struct open_gaps *gaps = owner;
    if (row->state == KC_GAP_OPEN) {
        gaps->rows[gaps->count++] = *row;
    }
    return gaps->count < GAPS_MAX;
}

static struct kc_result load_open(struct open_gaps *out, struct kc_ledger *ledger,
                                  const struct kc_purse_row *purse)
{
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = out, .gap = collect_gap};
    out->count = 0;
    return kc_ledger_note(ledger,
                          store->scan_gaps_open(store->context, &scan, purse->purse.number));
}

/* ---- what was taken off the value, and the purse never heard ---- */

struct kc_result kc_claim_restore(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                  uint64_t seen)
{
    struct open_gaps gaps;
    bool good = true;
    struct kc_amount rest = purse->withheld;
    purse->withheld = kc_amount_zero();
    if (seen >= purse->withheld_sequence || kc_amount_is_zero(rest)) {
        return kc_ok();
    }
    struct kc_result result = load_open(&gaps, ledger, purse);
    good = kc_claim_owe(purse, rest);
    for (size_t i = 0; i < gaps.count && !kc_failed(result); i++) {
        struct kc_gap_row *gap = &gaps.rows[i];
        struct kc_amount pool = gap->unexplained_in;
        kc_raise(&good, &pool, gap->unexplained_back);
        pool = kc_beyond(kc_beyond(pool, gap->netted), gap->advance);
        struct kc_amount again = kc_least(pool, rest);
        kc_raise(&good, &gap->advance, again);
        kc_lower(&good, &purse->owed, again);
        kc_lower(&good, &rest, again);
        result = kc_gap_save(ledger, gap);
    }
    return kc_failed(result) ? result : check(ledger, good);
}

/* ---- claiming ---- */

static void withhold(bool *good, struct kc_purse_row *purse, struct kc_amount amount)
{
    if (kc_amount_is_zero(amount)) {
        return;
    }
    kc_lower(good, &purse->value, amount);
    kc_lower(good, &purse->ahead_out, amount);
    kc_raise(good, &purse->withheld, amount);
    purse->withheld_sequence = purse->sequence + 1;
}

static struct kc_result conform(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct open_gaps gaps;
    bool good = true;
    struct kc_result result = load_open(&gaps, ledger, purse);
    for (size_t i = 0; i < gaps.count && !kc_failed(result) && good; i++) {
        struct kc_gap_row *gap = &gaps.rows[i];
        struct kc_amount taken = kc_least(gap->advance, purse->value);
        if (!kc_amount_is_zero(taken)) {
            withhold(&good, purse, taken);
            kc_lower(&good, &gap->advance, taken);
            result = kc_gap_save(ledger, gap);
        }
    }
    return kc_failed(result) ? result : check(ledger, good);
}

/* Moves value from the account to the purse. `lowers`: what it owed falls with it, so that its value stays. */
static struct kc_result move_account(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                     struct kc_account_row *account, struct kc_amount amount,
                                     bool lowers)
{
    bool good = true;
    const struct kc_store *store = ledger->store;
    const struct kc_transaction_row transaction = {.purse = purse->purse};
    struct kc_shadow before = kc_shadow_of(purse);
    kc_lower(&good, &account->balance, amount);
    if (lowers) {
        kc_lower(&good, &purse->ahead_out, amount);
        kc_lower(&good, &purse->owed, amount);
    } else {
        kc_raise(&good, &purse->value, amount);
    }
    kc_raise(&good, &purse->claimed, amount);
    struct kc_result result = check(ledger, good);
    if (!kc_failed(result)) {
        result = kc_ledger_post(ledger, account->account.number, purse->purse.number, amount,
                                &transaction, &before);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_note(
            ledger,
            store->account_balance_put(store->context, account->account.number, account->balance));
    }
    struct kc_shown shown = kc_shown_last(purse);
    bool usual = !lowers || purse->type == KC_PURSE_TYPE_MACHINE;
    /* Of a purse out of use the proof is alert enough, and a machine gives back what was swept already. */
    return kc_failed(result) || usual ? result
                                      : kc_claim_alert(ledger, purse, KC_DEBT, 0, &shown, &shown);
}

struct kc_result kc_claim_account(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                  struct kc_account_row *account)
{
    struct kc_amount amount = kc_least(purse->owed, account->balance);
    return kc_amount_is_zero(amount) ? kc_ok() : move_account(ledger, purse, account, amount, true);
}

struct kc_result kc_claim_all(struct kc_ledger *ledger, struct kc_purse_row *purse,
                              struct kc_account_row *account)
{
    bool good = true;
    struct kc_result result = conform(ledger, purse);
    if (kc_failed(result) || kc_amount_is_zero(purse->owed)) {
        return result;
    }
    struct kc_amount taken = kc_least(purse->owed, purse->value);
    withhold(&good, purse, taken);
    kc_lower(&good, &purse->owed, taken);
    result = check(ledger, good);
    return kc_failed(result) ? result : kc_claim_account(ledger, purse, account);
}

struct kc_result kc_claim_out(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct kc_account_row account;
    struct kc_shadow shadow = kc_shadow_of(purse);
    if (purse->state != KC_PURSE_OUT || !shadow.below) {
        return kc_ok();
    }
    struct kc_result result = kc_merchant_payer(&account, ledger, purse->account.number);
    if (kc_failed(result)) {
        return result;
    }
    struct kc_amount amount = kc_least(shadow.amount, account.balance);
    if (kc_amount_is_zero(amount)) {
        return kc_ok();
    }
    result = move_account(ledger, purse, &account, amount, false);
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, purse);
}

/* ---- what the settlement time ends ---- */

struct late {
    size_t count;
    struct kc_payment_row payments[LATE_MAX];
};

static bool collect_late(void *owner, const struct kc_payment_row *row)
{
    struct late *late = owner;
    if (row->state == KC_PAYMENT_NOTED) {
        late->payments[late->count++] = *row;
    }
    return late->count < LATE_MAX;
}

/* A noted payment whose payee did not speak in time, or with a gap where its entry would be. `gap` may be NULL. */
static struct kc_result end_payment(struct kc_ledger *ledger, const struct kc_payment_row *row,
                                    struct kc_purse_row *payee, struct kc_gap_row *gap)
{
    struct kc_purse_row payer;
    const struct kc_store *store = ledger->store;
    struct kc_payment_sides sides = {.payment = *row, .payer = &payer, .payee = payee};
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &payer, row->payer.number));
    if (kc_failed(result)) {
        return check(ledger, false);
    }
    if (gap != NULL) {
        result = kc_gap_guess(ledger, gap, &sides);
    } else if (kc_payment_fits(ledger, &sides)) {
        result = kc_payment_step(ledger, &sides, KC_STEP_RELEASE, KC_EXPIRED);
        if (!kc_failed(result)) {
            result = kc_gap_back(ledger, &sides);
        }
    } else {
        /* The payer's books have no room for it: it must not keep those that come after it waiting. */
        sides.payment.due_ms = ledger->now_ms + ledger->options.settle_ms + 1;
    }
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->payment_put(store->context, &sides.payment));
    }
    return kc_failed(result) ? result : kc_ledger_save_ahead(ledger, &payer);
}

static struct kc_result end_payments(struct kc_ledger *ledger, size_t *count)
{
    struct late late = {.count = 0};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &late, .payment = collect_late};
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_due(store->context, &scan, ledger->now_ms));
    for (size_t i = 0; i < late.count && !kc_failed(result); i++) {
        struct kc_purse_row payee;
        result = kc_ledger_note(
            ledger, store->purse_get(store->context, &payee, late.payments[i].payee.number));
        result = kc_failed(result) ? check(ledger, false)
                                   : end_payment(ledger, &late.payments[i], &payee, NULL);
    }
    *count += late.count;
    return result;
}

/* Payments that waited for a gap to be explained. */
static struct kc_result end_waiting(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                    struct kc_purse_row *purse)
{
    struct late late = {.count = 0};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &late, .payment = collect_late};
    struct kc_result result = kc_ledger_note(
        ledger, store->scan_taken(store->context, &scan, gap->purse.number, gap->first, gap->last));
    for (size_t i = 0; i < late.count && !kc_failed(result); i++) {
        result = end_payment(ledger, &late.payments[i], purse, gap);
    }
    return result;
}

/* What nobody showed was never made: what was held comes back, and what was advanced is owed. */
static struct kc_result close_gap(struct kc_ledger *ledger, struct kc_gap_row *gap)
{
    struct kc_purse_row purse;
    bool good = true;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &purse, gap->purse.number));
    if (kc_failed(result)) {
        return check(ledger, false);
    }
    bool explained = kc_amount_is_zero(gap->unexplained_in) &&
                     kc_amount_is_zero(gap->unexplained_out) &&
                     kc_amount_is_zero(gap->unexplained_back);
    struct kc_amount held = kc_beyond(gap->unexplained_out, gap->netted);
    struct kc_shadow before = kc_shadow_of(&purse);
    gap->state = explained ? KC_GAP_ENDED : KC_GAP_CLOSED;
    kc_raise(&good, &purse.value, held);
    kc_lower(&good, &gap->unexplained_out, held);
    kc_raise(&good, &gap->given_back, held);
    kc_raise(&good, &purse.owed, gap->advance);
    kc_lower(&good, &gap->advance, gap->advance);
    result = check(ledger, good);
    if (!kc_failed(result)) {
        result = kc_gap_post(ledger, before, &purse, held, false);
    }
    if (!kc_failed(result)) {
        result = end_waiting(ledger, gap, &purse);
    }
    if (!kc_failed(result)) {
        result = kc_gap_save(ledger, gap);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_late(ledger, &purse);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_save_purse(ledger, &purse);
    }
    struct kc_shown shown = kc_gap_shown(gap);
    return kc_failed(result) || explained
               ? result
               : kc_claim_alert(ledger, &purse, KC_EXPIRED, gap->last, &shown, &shown);
}

struct kc_result kc_ledger_end_waiting(struct kc_ledger *ledger, size_t *count)
{
    struct open_gaps gaps = {.count = 0};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &gaps, .gap = collect_gap};
    KC_ASSERT(ledger->in_batch);
    *count = 0;
    struct kc_result result = end_payments(ledger, count);
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->scan_gaps_due(store->context, &scan, ledger->now_ms));
    }
    for (size_t i = 0; i < gaps.count && !kc_failed(result); i++) {
        /* The end of another gap may have explained something of this one. */
        struct kc_gap_row gap;
        result = kc_gap_find(&gap, ledger, gaps.rows[i].purse.number, gaps.rows[i].last);
        result = kc_failed(result) ? check(ledger, false) : close_gap(ledger, &gap);
    }
    *count += gaps.count;
    return result;
}
