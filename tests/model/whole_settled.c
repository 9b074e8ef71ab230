#include "whole_settled.h"

#include <string.h>

#include "base/assert.h"
#include "whole_gone.h"

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

/* ---- limits and hotlists ---- */

static bool is_listed(const struct truth *truth, unsigned holder, uint64_t version)
{
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->holders[holder].purse.number;
    for (size_t i = 0; i < store->counts[RAM_TABLE_HOTLIST] && i < version; i++) {
        if (store->hotlist[i].purse.number == purse) {
            return true;
        }
    }
    return false;
}

bool settled_may_pay(struct truth *truth, unsigned holder, unsigned payee,
                     const struct kc_entry *entry, const struct kc_purse_info *info)
{
    uint64_t covered = info->counter - info->uncovered;
    uint64_t sum = 0;
    uint64_t count = 0;
    if (is_listed(truth, payee, info->hotlist)) {
        return truth_wrong(truth, "a payment to a purse on the hotlist", holder, payee, 0);
    }
    if (!truth->whole->base->options.limited) {
        return true;
    }
    for (size_t i = 0; i < truth->payment_count; i++) {
        const struct truth_payment *payment = &truth->payments[i];
        bool since = payment->payer == holder && payment->payer_counter > covered;
        sum += since ? payment->amount : 0;
        count += since ? 1 : 0;
    }
    bool bearer = truth->whole->holders[holder].type == KC_PURSE_TYPE_BEARER;
    uint64_t most = bearer ? WHOLE_BEARER_PAYMENT_MOST : WHOLE_PAYMENT_MOST;
    bool within = minor_of(entry->amount) <= (int64_t)most &&
                  (bearer || (sum <= WHOLE_SPEND_MOST && count <= WHOLE_SPEND_COUNT)) &&
                  entry->time_ms <= info->valid_until_ms;
    return within ||
           truth_wrong(truth, "a payment beyond the limits", holder, (int64_t)sum, (int64_t)count);
}

bool settled_may_take(struct truth *truth, unsigned holder, unsigned payer,
                      const struct kc_entry *entry, const struct kc_purse_info *info)
{
    if (is_listed(truth, payer, info->hotlist)) {
        return truth_wrong(truth, "a payment from a purse on the hotlist", holder, payer, 0);
    }
    bool within = !truth->whole->base->options.limited ||
                  (minor_of(info->value) <= (int64_t)WHOLE_PURSE_MOST &&
                   entry->time_ms <= info->valid_until_ms);
    return within ||
           truth_wrong(truth, "value taken beyond the limits", holder, minor_of(info->value), 0);
}

bool settled_hotlist(struct truth *truth, unsigned place, const struct kc_purse_info *info)
{
    struct truth_place *known = &truth->places[place];
    uint64_t newest = truth->whole->store.counts[RAM_TABLE_HOTLIST];
    bool good = info->hotlist >= known->hotlist && info->hotlist <= newest;
    if (!good) {
        return truth_wrong(truth, "the hotlist of a purse", place, (int64_t)info->hotlist,
                           (int64_t)known->hotlist);
    }
    known->hotlist = info->hotlist;
    return true;
}

bool truth_took_hotlist(struct truth *truth, unsigned place, bool newest)
{
    uint64_t version = truth->whole->store.counts[RAM_TABLE_HOTLIST];
    bool rogue = truth->rogue[truth->whole->purses[place].holder];
    return rogue || !newest || truth->places[place].hotlist == version ||
           truth_wrong(truth, "a purse did not take the newest hotlist", place,
                       (int64_t)truth->places[place].hotlist, (int64_t)version);
}

bool truth_took_delta(struct truth *truth, unsigned place, uint64_t version)
{
    bool rogue = truth->rogue[truth->whole->purses[place].holder];
    return rogue || truth->places[place].hotlist == version ||
           truth_wrong(truth, "a purse took what adds to a hotlist that it has not", place,
                       (int64_t)truth->places[place].hotlist, (int64_t)version);
}

/* ---- lost entries ---- */

static uint64_t sequence_of(const struct kc_transaction_row *row)
{
    struct kc_certified certified;
    const struct kc_view bytes = kc_view(row->certified, row->certified_size);
    struct kc_result result = kc_shape_decode(&certified, &kc_certified_shape, bytes);
    KC_ASSERT(!kc_failed(result));
    return certified.sequence;
}

void settled_arrivals(struct truth *truth, unsigned place, const struct kc_purse_info *info)
{
    const struct ram_store *store = &truth->whole->store;
    struct truth_place *known = &truth->places[place];
    const struct whole_holder *holder = &truth->whole->holders[truth->whole->purses[place].holder];
    for (size_t i = 0; i < truth->cash_count; i++) {
        const struct kc_transaction_row *row = &store->transactions[i];
        struct truth_cash *cash = &truth->cash[i];
        if (row->state != KC_STATE_COMPLETED || cash->came) {
            continue;
        }
        bool loaded = cash->card_sequence != 0 && row->other.number == holder->account.number;
        bool withdrawn =
            row->kind == KC_TRANSACTION_WITHDRAW && row->purse.number == holder->purse.number;
        if ((loaded && cash->card_sequence <= info->sequence) ||
            (withdrawn && sequence_of(row) <= info->sequence)) {
            cash->came = true;
            known->own += minor_of(row->amount);
        }
    }
}

bool settled_conforms(struct truth *truth, unsigned place, const struct kc_purse_info *info)
{
    settled_arrivals(truth, place, info);
    truth->places[place].value = minor_of(info->value);
    return true;
}

int64_t settled_held(const struct truth *truth)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_GAPS]; i++) {
        const struct kc_gap_row *gap = &store->gaps[i];
        sum += minor_of(gap->unexplained_out) - minor_of(gap->netted);
    }
    return sum;
}

int64_t settled_unclear(const struct truth *truth, unsigned holder)
{
    const struct kc_purse_row *row = truth_row(truth, holder);
    int64_t sum = minor_of(row->owed);
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_GAPS]; i++) {
        const struct kc_gap_row *gap = &store->gaps[i];
        sum += gap->purse.number == row->purse.number ? minor_of(gap->advance) : 0;
    }
    return sum;
}

static bool in_gap(const struct ram_store *store, uint64_t purse, uint64_t counter, bool open)
{
    for (size_t i = 0; i < store->counts[RAM_TABLE_GAPS]; i++) {
        const struct kc_gap_row *gap = &store->gaps[i];
        if (gap->purse.number == purse && gap->first <= counter && counter <= gap->last &&
            (!open || gap->state == KC_GAP_OPEN)) {
            return true;
        }
    }
    return false;
}

bool settled_waits(const struct truth *truth, const struct kc_payment_row *row)
{
    return in_gap(&truth->whole->store, row->payee.number, row->payee_counter, true);
}

/* The record of a holder's entry, when it is about that order. */
static bool find_record(struct kc_record_row *row, const struct truth *truth, unsigned holder,
                        uint64_t counter, const uint8_t *order)
{
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->holders[holder].purse.number;
    for (size_t i = 0; i < store->counts[RAM_TABLE_RECORDS]; i++) {
        if (store->records[i].purse == purse && store->records[i].counter == counter) {
            memcpy(row, store->records[i].head, sizeof store->records[i].head);
            return memcmp(row->order, order, KC_DIGEST_SIZE) == 0;
        }
    }
    return false;
}

bool settled_was_shown(const struct truth *truth, unsigned holder, uint64_t counter,
                       const uint8_t *order)
{
    struct kc_record_row row;
    return find_record(&row, truth, holder, counter, order);
}

bool settled_was_taken(const struct truth *truth, unsigned holder, uint64_t counter,
                       const uint8_t *order)
{
    struct kc_record_row row;
    return find_record(&row, truth, holder, counter, order) && row.kind == KC_ENTRY_KIND_RECEIVE &&
           row.state == KC_RECORD_COUNTED && row.objection == KC_OK;
}

/* Where nobody showed the payee's entry, the bank decides from sums. */
static bool is_clear(const struct truth *truth, const struct truth_payment *payment)
{
    bool payee = settled_was_shown(truth, payment->payee, payment->payee_counter, payment->digest);
    bool payer = settled_was_shown(truth, payment->payer, payment->payer_counter, payment->digest);
    bool passed = payment->payee_counter == 0 ||
                  truth->places[payment->payee].counter >= payment->payee_counter;
    uint64_t purse = truth->whole->holders[payment->payee].purse.number;
    bool lost = in_gap(&truth->whole->store, purse, payment->payee_counter, false);
    return payee || (payer && (!passed || !lost));
}

/* For a machine, its owner's. */
static int64_t account_of(const struct truth *truth, unsigned holder)
{
    bool machine = truth->whole->holders[holder].type == KC_PURSE_TYPE_MACHINE;
    unsigned payer = machine ? WHOLE_OWNER : holder;
    return truth->accounts[payer] - truth_claimed(truth, payer);
}

bool settled_debts_are_claimed(struct truth *truth, unsigned holder)
{
    struct kc_purse_info info;
    const struct kc_purse_row *row = truth_row(truth, holder);
    if (truth->rogue[holder] || gone_is_out(truth, holder) || kc_amount_is_zero(row->owed)) {
        return true;
    }
    if (minor_of(row->value) > minor_of(row->owed) || account_of(truth, holder) > 0) {
        return truth_wrong(truth, "a debt that was not claimed", holder, minor_of(row->owed),
                           minor_of(row->value));
    }
    return (!kc_failed(kc_slot_info(&info, whole_slot(truth->whole, holder))) &&
            kc_amount_is_zero(info.payment_most)) ||
           truth_wrong(truth, "who owes may pay", holder, minor_of(row->owed), 0);
}

/* Only purses that may lose entries do, and none waits for an explanation now. */
static bool gaps_ended(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_GAPS]; i++) {
        const struct kc_gap_row *gap = &store->gaps[i];
        for (unsigned j = 0; j < truth->holders; j++) {
            const struct kc_purse_row *row = truth_row(truth, j);
            if (row->purse.number == gap->purse.number && !truth->rogue[j] &&
                row->log_policy != KC_LOG_POLICY_OVERWRITE) {
                return truth_wrong(truth, "a purse lost what it may not lose", j,
                                   (int64_t)gap->last, row->log_policy);
            }
        }
        if (gap->state == KC_GAP_OPEN) {
            return truth_wrong(truth, "a gap is open after the settlement time", i, 1, 0);
        }
    }
    return true;
}

/* What is certain is as it truly is; for the rest a holder may have gained or lost that much. */
bool truth_settled(struct truth *truth)
{
    bool honest = true;
    for (unsigned i = 0; i < truth->holders; i++) {
        honest = honest && !truth->rogue[i];
    }
    for (unsigned i = 0; i < truth->holders; i++) {
        if (!settled_debts_are_claimed(truth, i)) {
            return false;
        }
    }
    for (unsigned i = 0; i < truth->holders && honest; i++) {
        int64_t slack = 0;
        const struct kc_purse_row *row = truth_row(truth, i);
        int64_t has = truth_shadow(row) - truth_claimed(truth, i);
        for (size_t j = 0; j < truth->payment_count; j++) {
            const struct truth_payment *payment = &truth->payments[j];
            bool concerns = payment->payer == i || payment->payee == i;
            slack += concerns && !is_clear(truth, payment) ? (int64_t)payment->amount : 0;
        }
        int64_t differs = has - truth->places[i].own;
        if (differs > slack || differs < -slack) {
            return truth_wrong(truth, "what a holder has when all is settled", i, has,
                               truth->places[i].own);
        }
    }
    return gaps_ended(truth);
}
