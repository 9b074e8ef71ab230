#include "whole_closed.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "whole_gone.h"
#include "whole_kinds.h"
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
    uint64_t number = truth->whole->holders[i].account.number;
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
    uint64_t number = truth->whole->holders[i].account.number;
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
    uint64_t number = truth->whole->holders[i].account.number;
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

/* Nothing is left in the purse of a closed account, and it lacks nothing while there is something in the account. */
static bool see_left(struct truth *truth, unsigned i)
{
    int64_t shadow = truth_shadow(truth_row(truth, i));
    int64_t balance = minor_of(account_of(truth, i)->balance);
    bool good = !closed_is_over(truth, i) || shadow == 0 || (shadow < 0 && balance == 0);
    return good || truth_wrong(truth, "what the purse of a closed account holds", i, shadow, 0);
}

bool closed_states(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->holders && good && truth->closings.on; i++) {
        good = see_state(truth, i);
    }
    return good;
}

bool closed_bank(struct truth *truth)
{
    bool good = !truth->closings.on || see_orders(truth);
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

/* Whose machines have not come to their end. */
static bool has_machines(const struct truth *truth, unsigned holder)
{
    bool has = false;
    for (unsigned i = 0; i < truth->holders && holder == WHOLE_OWNER; i++) {
        has = has || (kinds_type(truth, i) == KC_PURSE_TYPE_MACHINE && !closed_is_over(truth, i));
    }
    return has;
}

static enum kc_error word_on(const struct truth *truth, unsigned holder, enum kc_close_kind kind)
{
    const struct truth_closing *known = &truth->closings.accounts[holder];
    enum kc_purse_type type = kinds_type(truth, holder);
    bool may = type == KC_PURSE_TYPE_UIM || type == KC_PURSE_TYPE_MACHINE;
    bool full = kind == KC_CLOSE_KIND_EMPTY && !known->empty;
    return known->state != KC_ACCOUNT_OPEN ? KC_OK
           : !may                          ? KC_NOT_ALLOWED
           : has_machines(truth, holder)   ? KC_NOT_EMPTY
           : kind == KC_CLOSE_KIND_FOLLOW  ? KC_OUT_OF_ORDER
           : full                          ? KC_NOT_EMPTY
                                           : KC_OK;
}

bool closed_told(struct truth *truth, unsigned holder, enum kc_close_kind kind,
                 struct kc_result result)
{
    struct truth_closing *known = known_of(truth, holder);
    bool was_open = known->state == KC_ACCOUNT_OPEN;
    enum kc_error expected = word_on(truth, holder, kind);
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

/* ---- the end ---- */

static bool account_ended(struct truth *truth, unsigned i)
{
    const struct truth_closing *known = known_of(truth, i);
    int64_t balance = minor_of(account_of(truth, i)->balance);
    if (known->state != KC_ACCOUNT_CLOSED || known->sent || balance != 0) {
        return truth_wrong(truth, "an account that was given up is not empty at the end", i,
                           balance, known->state);
    }
    return gone_ended(truth, i);
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
    for (unsigned i = 0; i < truth->holders; i++) {
        truth->closings.accounts[i] = (struct truth_closing){.state = KC_ACCOUNT_OPEN};
    }
}

void closed_on(struct truth *truth)
{
    truth->closings.on = true;
}
