#include "whole_closed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "whole_moved.h"
#include "whole_settled.h"

#define DAY_MS UINT64_C(86400000)

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

static bool wrong(struct truth *truth, const char *what, unsigned i, uint64_t found,
                  uint64_t expected)
{
    return truth_wrong(truth, what, i, (int64_t)found, (int64_t)expected);
}

static struct truth_closing *known_of(struct truth *truth, unsigned i)
{
    return &truth->closings.accounts[i];
}

static const struct kc_account_row *account_of(const struct truth *truth, unsigned i)
{
    uint64_t number = truth->whole->base->holders[i].account.number;
    const struct ram_store *store = &truth->whole->store;
    size_t j = 0;
    while (j < store->counts[RAM_TABLE_ACCOUNTS] && store->accounts[j].account.number != number) {
        j++;
    }
    KC_ASSERT(j < store->counts[RAM_TABLE_ACCOUNTS]);
    return &store->accounts[j];
}

static const struct kc_closing_row *closing_of(const struct truth *truth, unsigned i)
{
    uint64_t number = truth->whole->base->holders[i].account.number;
    const struct ram_store *store = &truth->whole->store;
    for (size_t j = 0; j < store->counts[RAM_TABLE_CLOSINGS]; j++) {
        if (store->closings[j].account.number == number) {
            return &store->closings[j];
        }
    }
    return NULL;
}

bool closed_is_out(const struct truth *truth, unsigned holder)
{
    return truth->closings.on && truth->closings.accounts[holder].state != KC_ACCOUNT_OPEN;
}

bool closed_is_over(const struct truth *truth, unsigned holder)
{
    return truth->closings.on && truth->closings.accounts[holder].state == KC_ACCOUNT_CLOSED;
}

/* ---- the ordinary bank ---- */

/* Nothing was asked for but what a row had said before, under its number. */
static bool see_orders(struct truth *truth)
{
    struct truth_closings *closings = &truth->closings;
    const struct whole_ordinary *ordinary = &truth->whole->ordinary;
    const struct ram_store *store = &truth->whole->store;
    for (; closings->transfers_seen < ordinary->count; closings->transfers_seen++) {
        const struct whole_transfer *transfer = &ordinary->transfers[closings->transfers_seen];
        uint64_t bank, account, number;
        size_t i = store->counts[RAM_TABLE_PAYOUTS];
        if (sscanf(transfer->key, "%" SCNu64 "-o%" SCNu64 "-%" SCNu64, &bank, &account, &number) !=
            3) {
            continue;
        }
        while (i-- > 0 && (store->payouts[i].account.number != account ||
                           store->payouts[i].number != number)) {
        }
        if (i == SIZE_MAX || kc_amount_compare(store->payouts[i].amount, transfer->amount) != 0 ||
            transfer->kind != KC_FUND_KIND_REDEEM) {
            return wrong(truth, "the ordinary bank was asked for what no pay-out says",
                         truth_holder(truth, account), number, 0);
        }
    }
    return true;
}

/* What it did under the number of a pay-out: 1 done, 0 refused, -1 it has not heard of it. */
static int ordinary_did(const struct truth *truth, const struct kc_payout_row *row)
{
    char key[KC_ORDINARY_KEY_SIZE];
    const struct whole_ordinary *ordinary = &truth->whole->ordinary;
    (void)snprintf(key, sizeof key, "%" PRIu64 "-o%" PRIu64 "-%" PRIu64,
                   truth->whole->base->realm.bank, row->account.number, row->number);
    for (size_t i = ordinary->count; i-- > 0;) {
        if (strcmp(ordinary->transfers[i].key, key) == 0) {
            return ordinary->transfers[i].done ? 1 : 0;
        }
    }
    return -1;
}

int64_t closed_in_flight(const struct truth *truth)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYOUTS]; i++) {
        const struct kc_payout_row *row = &store->payouts[i];
        sum += row->state == KC_PAYOUT_SENT ? minor_of(row->amount) : 0;
    }
    return sum;
}

int64_t closed_unheard(const struct truth *truth)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYOUTS]; i++) {
        const struct kc_payout_row *row = &store->payouts[i];
        bool unheard = row->state == KC_PAYOUT_SENT && ordinary_did(truth, row) == 1;
        sum += unheard ? minor_of(row->amount) : 0;
    }
    return sum;
}

/* ---- pay-outs ---- */

static bool see_born(struct truth *truth, unsigned i, const struct kc_payout_row *row)
{
    struct truth_closing *known = known_of(truth, i);
    bool may =
        known->state == KC_ACCOUNT_CLOSED || (known->state == KC_ACCOUNT_CLOSING && known->early);
    /* What comes in meanwhile is paid out at once, and with it what was refused. */
    bool waits = known->refused_ms != 0 && row->ordered_ms < known->refused_ms + DAY_MS &&
                 known->state != KC_ACCOUNT_CLOSED &&
                 kc_amount_minor(row->amount) <= known->sent_amount;
    if (!may || waits) {
        return wrong(truth, "a pay-out before its time", i, row->number, known->state);
    }
    if (known->sent || row->number != known->payouts + 1) {
        return wrong(truth, "a pay-out beside another one", i, row->number, known->payouts);
    }
    known->payouts = row->number;
    known->sent = true;
    known->sent_amount = kc_amount_minor(row->amount);
    truth->accounts[i] -= minor_of(row->amount);
    return (truth->accounts[i] - truth_claimed(truth, i) >= 0 && known->sent_amount > 0) ||
           wrong(truth, "more is paid out than there is", i, known->sent_amount, 0);
}

static bool see_ended(struct truth *truth, unsigned i, const struct kc_payout_row *row)
{
    struct truth_closing *known = known_of(truth, i);
    bool paid = row->state == KC_PAYOUT_PAID;
    if (ordinary_did(truth, row) != (paid ? 1 : 0)) {
        return wrong(truth, "a pay-out ends otherwise than at the ordinary bank", i, row->number,
                     row->state);
    }
    known->sent = false;
    known->refused_ms = paid ? 0 : row->ended_ms;
    truth->accounts[i] += paid ? 0 : minor_of(row->amount);
    truth->closings.paid += paid ? 1 : 0;
    truth->closings.refused += paid ? 0 : 1;
    return true;
}

static bool see_payouts(struct truth *truth, unsigned i)
{
    const struct ram_store *store = &truth->whole->store;
    uint64_t number = truth->whole->base->holders[i].account.number;
    struct truth_closing *known = known_of(truth, i);
    for (size_t j = 0; j < store->counts[RAM_TABLE_PAYOUTS]; j++) {
        const struct kc_payout_row *row = &store->payouts[j];
        bool newest = row->number >= known->payouts;
        if (row->account.number != number || !newest) {
            continue;
        }
        if (row->number > known->payouts && !see_born(truth, i, row)) {
            return false;
        }
        if ((uint64_t)minor_of(row->amount) != known->sent_amount) {
            return wrong(truth, "a pay-out is changed", i, kc_amount_minor(row->amount),
                         known->sent_amount);
        }
        if (known->sent && row->state != KC_PAYOUT_SENT && !see_ended(truth, i, row)) {
            return false;
        }
    }
    return true;
}

/* ---- an account's way ---- */

static bool see_given_up(struct truth *truth, unsigned i)
{
    struct truth_closing *known = known_of(truth, i);
    const struct kc_closing_row *row = closing_of(truth, i);
    const struct kc_purse_row *purse = truth_row(truth, i);
    if (!known->asked || row == NULL) {
        return wrong(truth, "an account closed by nobody", i, row != NULL, known->asked);
    }
    if (purse->state != KC_PURSE_OUT || (purse->out_reason != KC_CLOSED && !truth->rogue[i])) {
        return wrong(truth, "the purse of a closed account is in use", i, purse->out_reason, 0);
    }
    known->early = known->empty;
    known->due_ms = purse->out_ms + WHOLE_SETTLE_MS;
    truth->closings.given_up += 1;
    return true;
}

static bool see_state(struct truth *truth, unsigned i)
{
    struct truth_closing *known = known_of(truth, i);
    enum kc_account_state state = account_of(truth, i)->state;
    uint64_t now = truth->whole->now_ms;
    if (state == known->state) {
        return true;
    }
    if (known->state == KC_ACCOUNT_OPEN && !see_given_up(truth, i)) {
        return false;
    }
    known->state = state;
    if (state == KC_ACCOUNT_CLOSED && now < known->due_ms) {
        return wrong(truth, "an account closed before the settlement time", i, now, known->due_ms);
    }
    truth->closings.closed += state == KC_ACCOUNT_CLOSED ? 1 : 0;
    return state == KC_ACCOUNT_CLOSING || state == KC_ACCOUNT_CLOSED ||
           wrong(truth, "an account that was given up goes back", i, state, 0);
}

/* Between a purse and its account only when nothing more is waited for. */
static bool see_moves(struct truth *truth)
{
    struct truth_closings *closings = &truth->closings;
    const struct ram_store *store = &truth->whole->store;
    for (; closings->moves_seen < store->counts[RAM_TABLE_MOVES]; closings->moves_seen++) {
        const struct kc_move_row *row = &store->moves[closings->moves_seen];
        unsigned i = truth_purse_holder(truth, row->purse.number);
        bool credit = row->kind == KC_MOVE_CREDIT;
        int64_t amount = credit ? minor_of(row->amount) : -minor_of(row->amount);
        if (i >= truth->holders || (!credit && row->kind != KC_MOVE_DEBIT) ||
            known_of(truth, i)->state != KC_ACCOUNT_CLOSED ||
            row->other != truth->whole->base->holders[i].account.number) {
            return wrong(truth, "what a purse held goes to an account too early", i, row->kind, 0);
        }
        known_of(truth, i)->late += amount;
        truth->accounts[i] += amount;
        closings->late += 1;
    }
    return true;
}

/* Nothing is left in the purse of a closed account, and it lacks nothing while there is something in the account. */
static bool see_left(struct truth *truth, unsigned i)
{
    int64_t shadow = truth_shadow(truth_row(truth, i));
    int64_t balance = minor_of(account_of(truth, i)->balance);
    bool good = !closed_is_over(truth, i) || shadow == 0 || (shadow < 0 && balance == 0);
    return good || truth_wrong(truth, "what the purse of a closed account holds", i, shadow, 0);
}

bool closed_bank(struct truth *truth)
{
    bool good = !truth->closings.on || see_orders(truth);
    for (unsigned i = 0; i < truth->holders && good && truth->closings.on; i++) {
        good = see_state(truth, i);
    }
    good = good && (!truth->closings.on || see_moves(truth));
    for (unsigned i = 0; i < truth->holders && good && truth->closings.on; i++) {
        good = see_payouts(truth, i) && see_left(truth, i);
    }
    return good;
}

/* ---- words ---- */

static bool is_empty(const struct kc_purse_row *purse)
{
    return kc_amount_is_zero(purse->value) && truth_shadow(purse) == 0 &&
           kc_amount_is_zero(purse->owed) && kc_amount_is_zero(purse->withheld);
}

void closed_word(struct truth *truth, unsigned holder)
{
    struct truth_closing *known = known_of(truth, holder);
    known->asked = true;
    known->empty = known->state == KC_ACCOUNT_OPEN ? is_empty(truth_row(truth, holder)) : false;
}

bool closed_told(struct truth *truth, unsigned holder, enum kc_close_kind kind,
                 struct kc_result result)
{
    struct truth_closing *known = known_of(truth, holder);
    bool was_open = known->state == KC_ACCOUNT_OPEN;
    bool follows = kind == KC_CLOSE_KIND_FOLLOW;
    bool full = kind == KC_CLOSE_KIND_EMPTY && !known->empty;
    enum kc_error expected = !was_open ? KC_OK
                             : follows ? KC_OUT_OF_ORDER
                             : full    ? KC_NOT_EMPTY
                                       : KC_OK;
    known->asked = was_open && expected == KC_OK;
    bool good = truth_bank(truth);
    known->asked = false;
    good = good &&
           (result.code == expected || result.code == KC_STORE_FAILED ||
            wrong(truth, "the bank's word on closing an account", holder, result.code, expected));
    return good && (kc_failed(result) || known->state != KC_ACCOUNT_OPEN ||
                    wrong(truth, "an account stays open", holder, known->state, 0));
}

/* ---- the bank's turn ---- */

static bool turned(struct truth *truth, unsigned i)
{
    const struct truth_closing *known = known_of(truth, i);
    uint64_t now = truth->whole->now_ms;
    if (known->state == KC_ACCOUNT_CLOSING && now >= known->due_ms) {
        return wrong(truth, "an account is not closed when nothing more is waited for", i, now,
                     known->due_ms);
    }
    bool due =
        known->state == KC_ACCOUNT_CLOSED || (known->state == KC_ACCOUNT_CLOSING && known->early);
    /* What came in while a pay-out was under way is the next turn's. */
    bool waits = known->sent || known->was_sent || known->payouts > known->turned ||
                 (known->refused_ms != 0 && now < known->refused_ms + DAY_MS);
    int64_t balance = truth->accounts[i] - truth_claimed(truth, i);
    const struct kc_totals_row *totals = &truth->whole->store.totals;
    bool can = minor_of(totals->in_flight) + balance <= minor_of(totals->outside);
    return !due || waits || !can || balance == 0 ||
           truth_wrong(truth, "what is in a closed account is not paid out", i, balance, 0);
}

void closed_turns(struct truth *truth)
{
    for (unsigned i = 0; i < truth->holders; i++) {
        known_of(truth, i)->was_sent = known_of(truth, i)->sent;
        known_of(truth, i)->turned = known_of(truth, i)->payouts;
    }
}

bool closed_turned(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->holders && good; i++) {
        good = turned(truth, i);
    }
    return good;
}

/* ---- requests, and payments with a closed one ---- */

/* Only the outcome of what had ended before is told again. */
bool closed_served(struct truth *truth, unsigned holder, struct kc_result result)
{
    const struct kc_bank_item *item = &truth->whole->item;
    bool again =
        item->kind == &kc_bank_cash_answer || item->envelope.time_ms <= truth->stamp_before;
    return kc_failed(result) || !closed_is_out(truth, holder) || again ||
           wrong(truth, "the bank serves the purse of a closed account", holder, result.code,
                 KC_CLOSED);
}

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

bool closed_may_give_back(const struct truth *truth, const struct truth_payment *payment)
{
    return closed_is_out(truth, payment->payee) &&
           truth->whole->now_ms >= truth->closings.accounts[payment->payee].due_ms &&
           !was_shown_taken(truth, payment);
}

bool closed_waits(const struct truth *truth, const struct kc_payment_row *row)
{
    unsigned payer = truth_purse_holder(truth, row->payer.number);
    unsigned payee = truth_purse_holder(truth, row->payee.number);
    return closed_is_out(truth, payer) &&
           (truth->rogue[payee] || truth->places[payee].counter < row->payee_counter);
}

/* ---- the end ---- */

/* What its purse paid, and may come back to the account if it is never taken. */
static int64_t on_its_way(const struct truth *truth, unsigned i)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->base->holders[i].purse.number;
    for (size_t j = 0; j < store->counts[RAM_TABLE_PAYMENTS]; j++) {
        const struct kc_payment_row *row = &store->payments[j];
        bool waits = row->payer.number == purse && row->state == KC_PAYMENT_NOTED;
        sum += waits ? minor_of(row->amount) : 0;
    }
    return sum;
}

/* What its purse truly held at last, as far as anybody told; what a rogue was paid or paid may be otherwise. */
static int64_t held_at_last(const struct truth *truth, unsigned i, int64_t *unclear)
{
    const struct ram_store *store = &truth->whole->store;
    uint64_t purse = truth->whole->base->holders[i].purse.number;
    int64_t sum = truth->closings.accounts[i].brought;
    for (size_t j = truth->closings.accounts[i].first_cash; j < truth->cash_count; j++) {
        const struct kc_transaction_row *row = &store->transactions[j];
        bool out =
            row->kind == KC_TRANSACTION_DEPOSIT || row->kind == KC_TRANSACTION_TRANSFER_PURSE;
        if (row->purse.number == purse && row->state == KC_STATE_COMPLETED) {
            sum -= out ? minor_of(row->amount) : 0;
            sum += row->kind == KC_TRANSACTION_WITHDRAW ? minor_of(row->amount) : 0;
        }
    }
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

static bool account_ended(struct truth *truth, unsigned i)
{
    const struct truth_closing *known = known_of(truth, i);
    int64_t balance = minor_of(account_of(truth, i)->balance);
    int64_t unclear = 0;
    if (known->state != KC_ACCOUNT_CLOSED || known->sent || balance != 0) {
        return truth_wrong(truth, "an account that was given up is not empty at the end", i,
                           balance, known->state);
    }
    int64_t held = held_at_last(truth, i, &unclear);
    int64_t has = truth_shadow(truth_row(truth, i)) + known->late + on_its_way(truth, i) -
                  truth_claimed(truth, i);
    bool good = has - held <= unclear && held - has <= unclear;
    return truth->rogue[i] || good ||
           truth_wrong(truth, "what a closed account got of its purse", i, has, held);
}

bool closed_end(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->holders && good; i++) {
        good = !closed_is_out(truth, i) || account_ended(truth, i);
    }
    return good;
}

/* ---- the beginning ---- */

void closed_begin(struct truth *truth)
{
    memset(&truth->closings, 0, sizeof truth->closings);
    truth->closings.transfers_seen = truth->whole->ordinary.count;
    truth->closings.moves_seen = truth->whole->store.counts[RAM_TABLE_MOVES];
    for (unsigned i = 0; i < truth->holders; i++) {
        truth->closings.accounts[i] = (struct truth_closing){.state = KC_ACCOUNT_OPEN,
                                                             .brought = truth->places[i].value,
                                                             .first_cash = truth->cash_count};
    }
}

void closed_on(struct truth *truth)
{
    truth->closings.on = true;
}
