#include "whole_kinds.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "whole_gone.h"
#include "whole_renewed.h"
#include "whole_settled.h"

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

enum kc_purse_type kinds_type(const struct truth *truth, unsigned holder)
{
    return truth->whole->holders[holder].type;
}

void kinds_begin(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    truth->fees = 0;
    truth->records_seen = store->counts[RAM_TABLE_RECORDS];
    truth->moves_seen = store->counts[RAM_TABLE_MOVES];
    for (unsigned i = 0; i < truth->holders; i++) {
        bool bearer = kinds_type(truth, i) == KC_PURSE_TYPE_BEARER;
        memset(&truth->kinds[i], 0, offsetof(struct truth_kind, counters));
        truth->kinds[i].loaded = bearer ? (int64_t)WHOLE_BEARER_AMOUNT : 0;
    }
}

bool kinds_tracks(const struct truth *truth)
{
    return truth->whole->base->options.mixed || truth->renewals.on;
}

void kinds_load(struct truth *truth, struct truth_cash *cash, unsigned card, uint64_t amount)
{
    cash->card_sequence = truth_row(truth, card)->sequence;
    truth->kinds[card].loaded += (int64_t)amount;
}

/* ---- orders of cards without keys ---- */

static bool read_order(struct kc_payment_order *order, struct kc_signed *parsed,
                       const struct truth *truth, const struct ram_record *kept)
{
    struct kc_log_record record;
    const struct kc_view bytes = kc_view(truth->whole->store.bytes + kept->at, kept->size);
    return !kc_failed(kc_shape_decode(&record, &kc_log_record_shape, bytes)) && record.has_order &&
           !kc_failed(kc_brief_parse(parsed, record.order)) &&
           !kc_failed(kc_shape_decode(order, &kc_payment_order_shape, parsed->payload));
}

/* What rogues took of the card and showed the bank, and told the card that they declined: that it paid again. */
static int64_t denied_to(const struct truth *truth, unsigned card)
{
    int64_t sum = 0;
    for (size_t i = 0; i < truth->payment_count; i++) {
        const struct truth_payment *payment = &truth->payments[i];
        bool denied =
            payment->payer == card && payment->given_back && truth->rogue[payment->payee] &&
            settled_was_taken(truth, payment->payee, payment->payee_counter, payment->digest);
        sum += denied ? (int64_t)payment->amount : 0;
    }
    return sum;
}

bool kinds_was_denied(const struct truth *truth, unsigned holder)
{
    return truth->kinds[holder].denied > 0;
}

/* Two orders of one counter, or more than was loaded: a copy is about, and the card is out of use. Nobody tells the bank that a
 * card without keys was denied what was taken of it; beyond its load by no more than that much it may be honest. */
static bool see_copies(struct truth *truth, unsigned card, uint64_t counter, int64_t lost)
{
    struct truth_kind *kind = &truth->kinds[card];
    bool again = false;
    kind->unbooked += lost;
    for (size_t i = 0; i < kind->counter_count; i++) {
        again = again || kind->counters[i] == counter;
    }
    KC_ASSERT(kind->counter_count < TRUTH_CARD_ORDERS_MAX);
    kind->counters[kind->counter_count++] = counter;
    bool out = truth_row(truth, card)->state == KC_PURSE_OUT;
    kind->denied = lost > 0 && !truth->rogue[card] ? denied_to(truth, card) : kind->denied;
    if (!truth->rogue[card] &&
        (again || kind->booked + kind->unbooked - kind->loaded > kind->denied)) {
        return truth_wrong(truth, "an honest card paid more than it had", card, (int64_t)counter,
                           0);
    }
    return !(again || lost > 0) || out ||
           truth_wrong(truth, "a copied card is in use", card, (int64_t)counter, 0);
}

/* A counted entry that answers an order. One that took it is booked up to what was loaded on the card, and no further. */
static bool see_taken(struct truth *truth, const struct kc_record_row *row, unsigned taker,
                      const struct kc_payment_order *order, const struct kc_signed *parsed)
{
    unsigned card = truth_purse_holder(truth, order->payer_purse.number);
    if (card == TRUTH_NOBODY) {
        return true;
    }
    if (kinds_type(truth, card) != KC_PURSE_TYPE_BEARER) {
        return renewed_counted(truth, row, taker, card, order, parsed);
    }
    if (row->kind != KC_ENTRY_KIND_RECEIVE) {
        return true;
    }
    int64_t amount = minor_of(order->amount);
    struct truth_kind *kind = &truth->kinds[card];
    bool booked = row->objection == KC_OK;
    bool reaches = kind->booked + amount <= kind->loaded;
    if (!booked && row->objection != KC_CARD_EXHAUSTED) {
        return truth->rogue[taker] || truth_wrong(truth, "a payment of a card is objected to",
                                                  taker, row->objection, KC_OK);
    }
    if (booked != reaches) {
        return truth_wrong(truth, "what is booked of a card", card, kind->booked + amount,
                           kind->loaded);
    }
    kind->booked += booked ? amount : 0;
    truth->kinds[taker].lost += booked ? 0 : amount;
    truth->lost += booked ? 0 : 1;
    return see_copies(truth, card, order->payer_counter, booked ? 0 : amount);
}

static bool see_records(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    for (; truth->records_seen < store->counts[RAM_TABLE_RECORDS]; truth->records_seen++) {
        struct kc_record_row row;
        struct kc_payment_order order;
        struct kc_signed parsed;
        const struct ram_record *kept = &store->records[truth->records_seen];
        unsigned taker = truth_purse_holder(truth, kept->purse);
        memcpy(&row, kept->head, sizeof kept->head);
        bool answers = row.kind == KC_ENTRY_KIND_RECEIVE || row.kind == KC_ENTRY_KIND_REFUSE;
        if (answers && row.state == KC_RECORD_COUNTED && taker != TRUTH_NOBODY &&
            read_order(&order, &parsed, truth, kept) &&
            !see_taken(truth, &row, taker, &order, &parsed)) {
            return false;
        }
    }
    return true;
}

/* ---- sweeps ---- */

static int64_t fee_of(int64_t amount)
{
    int64_t fee = (int64_t)WHOLE_FEE_FIXED + amount * (int64_t)WHOLE_FEE_PERMILLE / INT64_C(1000);
    return fee < amount ? fee : amount;
}

/* What the owner of a machine pays for what he was just given of it. */
bool kinds_fee(struct truth *truth, const struct kc_move_row *row, size_t left)
{
    int64_t fee = fee_of(minor_of(row->amount));
    if (left < 2 || row[1].kind != KC_MOVE_FEE || minor_of(row[1].amount) != fee ||
        row[1].purse.number != row->purse.number || row[1].other != row->other) {
        return truth_wrong(truth, "the fee of a sweep",
                           truth_purse_holder(truth, row->purse.number),
                           left > 1 ? minor_of(row[1].amount) : 0, fee);
    }
    truth->accounts[WHOLE_OWNER] -= fee;
    truth->fees += fee;
    return true;
}

/* A sweep and the fee for it, of a machine whose report was just taken. */
bool kinds_sweep(struct truth *truth, const struct kc_move_row *row, size_t left, size_t *used)
{
    int64_t amount = minor_of(row->amount);
    unsigned machine = truth_purse_holder(truth, row->purse.number);
    const struct kc_bank_item *item = &truth->whole->item;
    bool reports = item->kind == &kc_bank_settle_request &&
                   item->information.information.purse.number == row->purse.number;
    if (machine == TRUTH_NOBODY || kinds_type(truth, machine) != KC_PURSE_TYPE_MACHINE ||
        !reports || row->kind != KC_MOVE_SWEEP ||
        row->other != truth->whole->holders[WHOLE_OWNER].account.number) {
        return truth_wrong(truth, "a sweep of nobody's", machine, amount, row->kind);
    }
    if (minor_of(truth_row(truth, machine)->value) < (int64_t)WHOLE_MACHINE_KEEPS) {
        return truth_wrong(truth, "a machine keeps less than it should", machine,
                           minor_of(truth_row(truth, machine)->value), WHOLE_MACHINE_KEEPS);
    }
    truth->accounts[WHOLE_OWNER] += amount;
    truth->kinds[machine].swept += amount;
    truth->sweeps += 1;
    *used = 2;
    return kinds_fee(truth, row, left);
}

/* What the bank took off the value of a purse by the certified value it made last, over all. */
static bool note_told(struct truth *truth, unsigned holder)
{
    const struct kc_purse_row *row = truth_row(truth, holder);
    struct truth_kind *kind = &truth->kinds[holder];
    int64_t off = kind->lost + kind->swept - minor_of(row->owed) - minor_of(row->claimed);
    if (kind->told_count > 0 && kind->told[kind->told_count - 1].off == off) {
        return true;
    }
    if (kind->told_count > 0 && kind->told[kind->told_count - 1].sequence == row->sequence) {
        return truth_wrong(truth, "taken off a value without a certified one", holder, off,
                           kind->told[kind->told_count - 1].off);
    }
    KC_ASSERT(kind->told_count < TRUTH_TOLD_MAX);
    kind->told[kind->told_count++] = (struct truth_told){.sequence = row->sequence, .off = off};
    return true;
}

bool kinds_bank(struct truth *truth)
{
    if (!kinds_tracks(truth)) {
        return true;
    }
    bool good = see_records(truth);
    for (unsigned i = 0; i < truth->holders && good; i++) {
        /* What an account pays for a purse that is out of use no certified value tells. */
        good = truth->rogue[i] || gone_is_out(truth, i) || note_told(truth, i);
    }
    for (unsigned i = 0; i < truth->holders && good; i++) {
        bool bearer = kinds_type(truth, i) == KC_PURSE_TYPE_BEARER;
        int64_t left = truth->kinds[i].loaded - truth->kinds[i].booked;
        good =
            !bearer || truth_shadow(truth_row(truth, i)) == left ||
            truth_wrong(truth, "the shadow of a card", i, truth_shadow(truth_row(truth, i)), left);
    }
    return good;
}

bool kinds_served(struct truth *truth, unsigned holder, struct kc_result result)
{
    const struct kc_bank_item *item = &truth->whole->item;
    const struct kc_purse_row *row = truth_row(truth, holder);
    bool fresh = item->envelope.time_ms > truth->stamp_before;
    if (kc_failed(result) || !fresh || item->kind != &kc_bank_settle_request ||
        kinds_type(truth, holder) != KC_PURSE_TYPE_MACHINE ||
        row->counter != item->information.information.counter) {
        return true;
    }
    int64_t value = minor_of(row->value);
    int64_t shadow = truth_shadow(row);
    bool kept = value <= (int64_t)WHOLE_MACHINE_KEEPS || shadow <= (int64_t)WHOLE_MACHINE_KEEPS ||
                !kc_amount_is_zero(row->owed);
    return kept || gone_is_out(truth, WHOLE_OWNER) ||
           truth_wrong(truth, "a machine was not swept", holder, value, WHOLE_MACHINE_KEEPS);
}

/* ---- purses ---- */

static int64_t off_by(const struct truth_kind *kind, uint64_t sequence)
{
    for (size_t i = kind->told_count; i-- > 0;) {
        if (kind->told[i].sequence <= sequence) {
            return kind->told[i].off;
        }
    }
    return 0;
}

bool kinds_value(struct truth *truth, unsigned place, const struct kc_purse_info *info,
                 enum truth_command command)
{
    struct truth_place *known = &truth->places[place];
    unsigned holder = truth->whole->purses[place].holder;
    if (command == COMMAND_TAKE) {
        settled_arrivals(truth, place, info);
        known->value = known->own - off_by(&truth->kinds[holder], info->sequence);
    }
    return known->value == minor_of(info->value);
}

bool kinds_may_take(struct truth *truth, unsigned holder, unsigned payer)
{
    int64_t sum = 0;
    if (kinds_type(truth, payer) != KC_PURSE_TYPE_BEARER) {
        return true;
    }
    if (kinds_type(truth, holder) == KC_PURSE_TYPE_CARD) {
        return truth_wrong(truth, "a card took from a card without keys", holder, payer, 0);
    }
    for (size_t i = 0; i < truth->payment_count; i++) {
        const struct truth_payment *payment = &truth->payments[i];
        bool taken = payment->taken && payment->payer == payer && payment->payee == holder;
        sum += taken ? (int64_t)payment->amount : 0;
    }
    return sum <= truth->kinds[payer].loaded ||
           truth_wrong(truth, "more taken from a card than was loaded on it", holder, sum,
                       truth->kinds[payer].loaded);
}

bool kinds_may_owe(const struct truth *truth, unsigned holder)
{
    bool machine = kinds_type(truth, holder) == KC_PURSE_TYPE_MACHINE;
    return truth->kinds[holder].lost > 0 || (machine && truth->kinds[holder].swept > 0);
}

int64_t kinds_claimed(const struct truth *truth, unsigned holder)
{
    bool is_machine = kinds_type(truth, holder) == KC_PURSE_TYPE_MACHINE;
    int64_t sum = is_machine ? 0 : minor_of(truth_row(truth, holder)->claimed);
    for (unsigned i = 0; i < truth->holders && holder == WHOLE_OWNER; i++) {
        bool machine = kinds_type(truth, i) == KC_PURSE_TYPE_MACHINE;
        sum += machine ? minor_of(truth_row(truth, i)->claimed) : 0;
    }
    return sum;
}

/* ---- the end ---- */

/* It never reports. Of what it paid, the bank has not booked what a rogue took and did not show, or what reached further than
 * its load; and it has back, booked or not, what a rogue took, showed, and told it that it declined. */
bool kinds_card_ended(struct truth *truth, unsigned holder, const struct kc_purse_info *info)
{
    int64_t left = truth->kinds[holder].loaded - truth->kinds[holder].booked;
    for (size_t i = 0; i < truth->payment_count; i++) {
        const struct truth_payment *payment = &truth->payments[i];
        bool taken =
            payment->payer == holder &&
            settled_was_taken(truth, payment->payee, payment->payee_counter, payment->digest);
        if (payment->payer == holder && payment->given_back == taken) {
            left += taken ? (int64_t)payment->amount : -(int64_t)payment->amount;
        }
    }
    return left == minor_of(info->value) ||
           truth_wrong(truth, "what is left on a card", holder, minor_of(info->value), left);
}

bool kinds_end(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->holders && good && kinds_tracks(truth); i++) {
        good = settled_debts_are_claimed(truth, i);
    }
    return good;
}
