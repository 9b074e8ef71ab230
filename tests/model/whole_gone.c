#include "whole_gone.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "whole_closed.h"
#include "whole_kinds.h"
#include "whole_renewed.h"
#include "whole_settled.h"

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

static const struct kc_account_row *account_of(const struct truth *truth, unsigned i)
{
    uint64_t number = truth->whole->holders[i].account.number;
    const struct ram_store *store = &truth->whole->store;
    size_t j = 0;
    while (j < store->counts[RAM_TABLE_ACCOUNTS] && store->accounts[j].account.number != number) {
        j++;
    }
    KC_ASSERT(j < store->counts[RAM_TABLE_ACCOUNTS]);
    return &store->accounts[j];
}

/* ---- who ---- */

void gone_begin(struct truth *truth)
{
    memset(&truth->losses, 0, sizeof truth->losses);
    for (unsigned i = 0; i < truth->holders; i++) {
        truth->losses.purses[i] =
            (struct truth_loss){.brought = truth->places[i].value, .first_cash = truth->cash_count};
    }
}

bool gone_is_replaced(const struct truth *truth, unsigned holder)
{
    return truth->losses.purses[holder].replaced;
}

bool gone_is_out(const struct truth *truth, unsigned holder)
{
    const struct truth_loss *loss = &truth->losses.purses[holder];
    return loss->lost || loss->replaced || closed_is_out(truth, holder);
}

bool gone_is_over(const struct truth *truth, unsigned holder)
{
    return gone_is_replaced(truth, holder) || closed_is_over(truth, holder);
}

int64_t gone_late(const struct truth *truth, unsigned holder)
{
    return truth->losses.purses[holder].late;
}

/* ---- words ---- */

void gone_word(struct truth *truth, unsigned holder)
{
    truth->losses.asked = holder + 1;
}

bool gone_told(struct truth *truth, unsigned holder, struct kc_result result)
{
    enum kc_error expected = gone_is_replaced(truth, holder) ? KC_PURSE_BLOCKED : KC_OK;
    bool good = truth_bank(truth);
    truth->losses.asked = 0;
    if (!good) {
        return false;
    }
    if (result.code != expected && result.code != KC_STORE_FAILED) {
        return truth_wrong(truth, "the bank's word on a lost purse", holder, result.code, expected);
    }
    return kc_failed(result) || truth_row(truth, holder)->state == KC_PURSE_OUT ||
           truth_wrong(truth, "a lost purse stays in use", holder, 1, 0);
}

void gone_follows(struct truth *truth, unsigned holder)
{
    truth->losses.followed = holder + 1;
}

/* ---- after each step ---- */

static bool see_lost(struct truth *truth, unsigned i)
{
    struct truth_loss *loss = &truth->losses.purses[i];
    const struct kc_purse_row *row = truth_row(truth, i);
    bool out = row->state == KC_PURSE_OUT && row->out_reason == KC_REPORTED_LOST;
    if (out && !loss->lost) {
        loss->lost = true;
        truth->losses.count += 1;
        if (truth->losses.asked != i + 1) {
            return truth_wrong(truth, "a purse that nobody lost is out of use", i, 1, 0);
        }
    }
    uint64_t number = account_of(truth, i)->purse.number;
    if (number == row->purse.number || loss->replaced) {
        return true;
    }
    loss->replaced = true;
    truth->losses.replaced += loss->lost ? 1 : 0;
    return truth->losses.followed == i + 1 ||
           truth_wrong(truth, "a purse takes the place of one that nobody replaced", i,
                       (int64_t)number, 0);
}

/* What comes to the account for it, or is taken from there; of a machine's the owner's, who pays the fee. */
static bool see_late(struct truth *truth, unsigned i, const struct kc_move_row *row, size_t left,
                     size_t *used)
{
    bool credit = row->kind == KC_MOVE_CREDIT;
    bool machine = kinds_type(truth, i) == KC_PURSE_TYPE_MACHINE;
    unsigned payer = machine ? WHOLE_OWNER : truth_live(truth, i);
    int64_t amount = credit ? minor_of(row->amount) : -minor_of(row->amount);
    if (!gone_is_over(truth, i) || row->other != truth->whole->holders[payer].account.number) {
        return truth_wrong(truth, "what a purse held goes to an account too early", i, row->kind,
                           0);
    }
    truth->losses.purses[i].late += amount;
    truth->accounts[payer] += amount;
    truth->closings.late += 1;
    *used = machine && credit ? 2 : 1;
    return *used == 1 || kinds_fee(truth, row, left);
}

/* Between a purse and the one that follows it. */
static bool see_handed(struct truth *truth, unsigned i, const struct kc_move_row *row)
{
    struct truth_loss *loss = &truth->losses.purses[i];
    bool remainder = row->kind == KC_MOVE_REMAINDER;
    if (!loss->replaced || row->other != account_of(truth, i)->purse.number) {
        return truth_wrong(truth, "what a purse held goes to another one", i, (int64_t)row->other,
                           0);
    }
    int64_t left = truth->accounts[i] - truth_claimed(truth, i);
    if (!remainder && left > 0 && kinds_type(truth, i) == KC_PURSE_TYPE_UIM) {
        return truth_wrong(truth, "a new purse owes what the account reaches for", i, left, 0);
    }
    loss->given += remainder ? minor_of(row->amount) : -minor_of(row->amount);
    return true;
}

static bool see_moves(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    size_t count = store->counts[RAM_TABLE_MOVES];
    bool good = true;
    while (truth->moves_seen < count && good) {
        const struct kc_move_row *row = &store->moves[truth->moves_seen];
        unsigned i = truth_purse_holder(truth, row->purse.number);
        size_t left = count - truth->moves_seen;
        size_t used = 1;
        if (i == TRUTH_NOBODY) {
            return truth_wrong(truth, "a move of nobody's", i, row->kind, 0);
        }
        switch (row->kind) {
        case KC_MOVE_CREDIT:
        case KC_MOVE_DEBIT:
            good = see_late(truth, i, row, left, &used);
            break;
        case KC_MOVE_REMAINDER:
        case KC_MOVE_OWED:
            good = see_handed(truth, i, row);
            break;
        case KC_MOVE_SWEEP:
        case KC_MOVE_FEE:
            good = kinds_sweep(truth, row, left, &used);
            break;
        }
        truth->moves_seen += used;
    }
    return good;
}

bool gone_bank(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->holders && good; i++) {
        good = see_lost(truth, i);
    }
    return good && see_moves(truth);
}

/* Only the outcome of what had ended before is told again. */
bool gone_served(struct truth *truth, unsigned holder, struct kc_result result)
{
    const struct kc_bank_item *item = &truth->whole->item;
    bool again =
        item->kind == &kc_bank_cash_answer || item->envelope.time_ms <= truth->stamp_before;
    return kc_failed(result) || !gone_is_out(truth, holder) || again ||
           truth_wrong(truth, "the bank serves a purse that is out of use", holder, result.code,
                       KC_CLOSED);
}

/* ---- payments with one that is out of use ---- */

/* Whether the bank was shown that a payment was taken: its payee's entry, or a receipt. */
static bool was_shown_taken(const struct truth *truth, const struct truth_payment *payment)
{
    for (size_t i = 0; i < truth->statement_count; i++) {
        const struct statement *statement = &truth->statements[i];
        bool says = statement->kind == SIGNED_RECEIPT ||
                    (statement->kind == OWN_ENTRY && statement->entry == KC_ENTRY_KIND_RECEIVE);
        if (says && statement->holder == payment->payee &&
            memcmp(statement->about, payment->digest, KC_DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

bool gone_may_give_back(const struct truth *truth, const struct truth_payment *payment)
{
    unsigned payee = payment->payee;
    bool over = gone_is_replaced(truth, payee) ||
                truth->whole->now_ms >= truth_row(truth, payee)->out_ms + WHOLE_SETTLE_MS;
    return gone_is_out(truth, payee) && over && !was_shown_taken(truth, payment);
}

bool gone_waits(const struct truth *truth, const struct kc_payment_row *row)
{
    unsigned payer = truth_purse_holder(truth, row->payer.number);
    unsigned payee = truth_purse_holder(truth, row->payee.number);
    KC_ASSERT(payer != TRUTH_NOBODY && payee != TRUTH_NOBODY);
    if (!gone_is_out(truth, payer) || truth->rogue[payee]) {
        return gone_is_out(truth, payer);
    }
    return gone_is_out(truth, payee) ? !truth->closings.quiet || !gone_is_over(truth, payee)
                                     : truth->places[payee].counter < row->payee_counter;
}

/* ---- the end ---- */

/* What its purse paid, and may come back if it is never taken. */
static int64_t on_its_way(const struct truth *truth, unsigned i)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->holders[i].purse.number;
    for (size_t j = 0; j < store->counts[RAM_TABLE_PAYMENTS]; j++) {
        const struct kc_payment_row *row = &store->payments[j];
        bool waits = row->payer.number == purse && row->state == KC_PAYMENT_NOTED;
        sum += waits ? minor_of(row->amount) : 0;
    }
    return sum;
}

static int64_t by_cash(const struct truth *truth, unsigned i)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    const struct whole_holder *holder = &truth->whole->holders[i];
    for (size_t j = truth->losses.purses[i].first_cash; j < truth->cash_count; j++) {
        const struct kc_transaction_row *row = &store->transactions[j];
        bool own = row->purse.number == holder->purse.number;
        bool out =
            row->kind == KC_TRANSACTION_DEPOSIT || row->kind == KC_TRANSACTION_TRANSFER_PURSE;
        bool loaded =
            truth->cash[j].card_sequence != 0 && row->other.number == holder->account.number;
        if (row->state == KC_STATE_COMPLETED) {
            sum -= own && out ? minor_of(row->amount) : 0;
            sum += own && row->kind == KC_TRANSACTION_WITHDRAW ? minor_of(row->amount) : 0;
            sum += loaded ? minor_of(row->amount) : 0;
        }
    }
    return sum;
}

/* What its purse truly held at last, as far as anybody told; what a rogue was paid or paid may be otherwise. What was taken under
 * a key that had ended, or of a copied card, and what a machine's owner got is not its. */
static int64_t held_at_last(const struct truth *truth, unsigned i, int64_t *unclear)
{
    const struct truth_kind *kind = &truth->kinds[i];
    int64_t sum = truth->losses.purses[i].brought + by_cash(truth, i) - kind->lost - kind->swept;
    for (size_t j = 0; j < truth->payment_count; j++) {
        const struct truth_payment *payment = &truth->payments[j];
        bool pays = payment->payer == i;
        unsigned other = pays ? payment->payee : payment->payer;
        if (!pays && payment->payee != i) {
            continue;
        }
        *unclear += truth->rogue[other] ? (int64_t)payment->amount : 0;
        if (other != i && was_shown_taken(truth, payment)) {
            sum += pays ? -(int64_t)payment->amount : (int64_t)payment->amount;
        }
    }
    return sum;
}

/* ---- a purse that its holder gave away ---- */

void gone_retire(struct truth *truth, unsigned holder)
{
    struct truth_losses *losses = &truth->losses;
    KC_ASSERT(truth->whole->retired && losses->purses[holder].replaced);
    for (size_t i = 0; i < truth->payment_count; i++) {
        struct truth_payment *payment = &truth->payments[i];
        payment->payer = payment->payer == holder ? WHOLE_RETIRED : payment->payer;
        payment->payee = payment->payee == holder ? WHOLE_RETIRED : payment->payee;
    }
    for (size_t i = 0; i < truth->statement_count; i++) {
        struct statement *statement = &truth->statements[i];
        statement->holder = statement->holder == holder ? WHOLE_RETIRED : statement->holder;
    }
    truth->rogue[WHOLE_RETIRED] = false;
    truth->kinds[WHOLE_RETIRED] = truth->kinds[holder];
    truth->renewals.holders[WHOLE_RETIRED] = truth->renewals.holders[holder];
    truth->closings.accounts[WHOLE_RETIRED] = (struct truth_closing){.state = KC_ACCOUNT_OPEN};
    losses->purses[WHOLE_RETIRED] = losses->purses[holder];
    losses->purses[holder] = (struct truth_loss){.first_cash = truth->cash_count};
    memset(&truth->kinds[holder], 0, offsetof(struct truth_kind, counters));
    renewed_first(truth, holder);
    truth_new_place(truth, holder);
}

bool gone_ended(struct truth *truth, unsigned i)
{
    int64_t unclear = 0;
    const struct truth_loss *loss = &truth->losses.purses[i];
    const struct kc_purse_row *row = truth_row(truth, i);
    int64_t held = held_at_last(truth, i, &unclear);
    int64_t shadow = truth_shadow(row);
    int64_t has = shadow + loss->late + loss->given + on_its_way(truth, i) - minor_of(row->claimed);
    bool good = has - held <= unclear && held - has <= unclear;
    if (truth->rogue[i] || truth_has_gap(truth, i)) {
        return true;
    }
    /* A card's waits for the next report of the one that follows. */
    bool card = kinds_type(truth, i) == KC_PURSE_TYPE_CARD;
    if (loss->replaced && shadow != 0 && !(card && shadow > 0)) {
        return truth_wrong(truth, "what a purse that was replaced holds", i, shadow, 0);
    }
    return good || truth_wrong(truth, "what the holder of a lost purse has of it", i, has, held);
}

bool gone_end(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->holders && good; i++) {
        bool lost = truth->losses.purses[i].lost && !closed_is_out(truth, i) &&
                    kinds_type(truth, i) != KC_PURSE_TYPE_BEARER;
        good = !lost || gone_ended(truth, i);
    }
    return good && (!truth->whole->retired || gone_ended(truth, WHOLE_RETIRED));
}
