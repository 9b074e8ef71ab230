#include "whole_charged.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "whole_kinds.h"
#include "whole_settled.h"

#define DAY_MS UINT64_C(86400000)

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

static bool is_overdue(const struct kc_charge_row *row)
{
    return row->step == KC_CHARGE_GRACE || row->step == KC_CHARGE_SUSPENDED;
}

static unsigned index_of(const struct truth *truth, uint64_t account)
{
    const struct whole_base *base = truth->whole->base;
    unsigned i = 0;
    while (i < base->options.holders && base->holders[i].account.number != account) {
        i++;
    }
    KC_ASSERT(i < base->options.holders);
    return i;
}

static int64_t balance_of(const struct truth *truth, unsigned i)
{
    return truth->accounts[i] - (i < truth->holders ? truth_claimed(truth, i) : 0);
}

static bool wrong(struct truth *truth, const char *what, unsigned i, uint64_t found,
                  uint64_t expected)
{
    return truth_wrong(truth, what, i, (int64_t)found, (int64_t)expected);
}

/* ---- days ---- */

/* The day of a period, as it was planned when the account was first charged, and put off since by notices that came late. */
static uint64_t planned(const struct truth *truth, unsigned i, uint64_t period)
{
    const struct kc_charge_rule *rule = &truth->charges.rule;
    const struct truth_charging *known = &truth->charges.accounts[i];
    return known->begun_ms + known->put_off_ms + rule->first_ms + (period - 1) * rule->period_ms;
}

/* The first period after that one whose day is ahead. */
static uint64_t period_after(const struct truth *truth, unsigned i, uint64_t period)
{
    do {
        period += 1;
    } while (planned(truth, i, period) <= truth->whole->now_ms);
    return period;
}

/* The period that is notified now, of those from `next` on: when whole periods went by unnoticed, the last of them. */
static uint64_t period_now(const struct truth *truth, unsigned i)
{
    uint64_t period = truth->charges.accounts[i].next;
    while (planned(truth, i, period + 1) <= truth->whole->now_ms) {
        period += 1;
    }
    return period;
}

static bool notice_is_due(const struct truth *truth, unsigned i)
{
    const struct truth_charges *charges = &truth->charges;
    return !kc_amount_is_zero(charges->rule.amount) &&
           truth->whole->now_ms + charges->rule.notice_ms >=
               planned(truth, i, charges->accounts[i].next);
}

/* ---- the ordinary bank ---- */

/* Nothing was asked for but what a row had said before, with its number; and for one charge it is done once. */
static bool see_orders(struct truth *truth)
{
    struct truth_charges *charges = &truth->charges;
    const struct whole_ordinary *ordinary = &truth->whole->ordinary;
    for (; charges->transfers_seen < ordinary->count; charges->transfers_seen++) {
        const struct whole_transfer *transfer = &ordinary->transfers[charges->transfers_seen];
        const struct ram_store *store = &truth->whole->store;
        size_t i = store->counts[RAM_TABLE_CHARGES];
        uint64_t bank, account, period, attempt;
        if (sscanf(transfer->key, "%" SCNu64 "-c%" SCNu64 "-%" SCNu64 "-%" SCNu64, &bank, &account,
                   &period, &attempt) != 4) {
            continue;
        }
        while (i-- > 0 && (store->charges[i].account.number != account ||
                           store->charges[i].period != period)) {
        }
        if (i == SIZE_MAX || store->charges[i].attempt != attempt ||
            kc_amount_compare(store->charges[i].amount, transfer->amount) != 0 ||
            transfer->kind != KC_FUND_KIND_FUND) {
            return wrong(truth, "the ordinary bank was asked for what no charge says",
                         index_of(truth, account), attempt, period);
        }
        if (transfer->done && charges->orders_done[i] != 0) {
            return wrong(truth, "the ordinary bank was asked twice", index_of(truth, account),
                         attempt, charges->orders_done[i]);
        }
        charges->orders_done[i] = transfer->done ? attempt : charges->orders_done[i];
    }
    return true;
}

int64_t charged_unheard(const struct truth *truth)
{
    int64_t sum = 0;
    const struct ram_store *store = &truth->whole->store;
    for (size_t i = 0; i < store->counts[RAM_TABLE_CHARGES] && truth->charges.on; i++) {
        const struct kc_charge_row *row = &store->charges[i];
        bool unheard = row->sent && truth->charges.orders_done[i] == row->attempt;
        sum += unheard ? minor_of(row->amount) : 0;
    }
    return sum;
}

/* ---- charges ---- */

static bool has_come_in(const struct truth *truth, unsigned i)
{
    const struct truth_charging *known = &truth->charges.accounts[i];
    return known->came_back || truth->accounts[i] > known->account_seen;
}

/* The period before was paid with a sale, and its day is ahead: said again, that is no news. */
static bool is_paid_ahead(const struct truth *truth, unsigned i)
{
    const struct truth_charges *charges = &truth->charges;
    const struct truth_charging *known = &charges->accounts[i];
    uint64_t period = known->open ? charges->seen[known->newest].period : known->next;
    for (size_t j = 0; j < charges->count; j++) {
        const struct kc_charge_row *row = &charges->seen[j];
        if (index_of(truth, row->account.number) == i && row->period + 1 == period) {
            return row->source == KC_CHARGE_SOURCE_INCLUDED && row->step == KC_CHARGE_PAID &&
                   row->due_ms > truth->whole->now_ms;
        }
    }
    return false;
}

/* A first row of a period: its notice, or the clerk's word that it is paid. */
static bool see_born(struct truth *truth, unsigned i, const struct kc_charge_row *row)
{
    struct truth_charges *charges = &truth->charges;
    struct truth_charging *known = &charges->accounts[i];
    uint64_t now = truth->whole->now_ms;
    uint64_t soonest = now + charges->rule.notice_ms;
    bool paid = row->step == KC_CHARGE_PAID;
    if (!known->begun || known->open || kc_amount_compare(row->amount, charges->rule.amount) != 0) {
        return wrong(truth, "a charge that is not next", i, row->period, known->next);
    }
    uint64_t period = paid ? known->next : period_now(truth, i);
    uint64_t day = planned(truth, i, period);
    if (row->period != period || row->due_ms != (paid || day > soonest ? day : soonest)) {
        return wrong(truth, "the day of a charge", i, row->due_ms, day);
    }
    if (paid) {
        bool said = charges->word == CLERK_PAID && charges->about == i && !is_paid_ahead(truth, i);
        known->next = period_after(truth, i, period);
        return (said && row->source == KC_CHARGE_SOURCE_INCLUDED) ||
               wrong(truth, "a charge paid by nobody", i, row->source, 0);
    }
    bool good = row->step == KC_CHARGE_NOTIFIED && !row->sent && row->attempt == 0 &&
                row->notified_ms == now && row->source == known->source && notice_is_due(truth, i);
    known->open = true;
    known->put_off_ms += row->due_ms - day;
    return good || wrong(truth, "a notice that is not due", i, row->notified_ms, day);
}

static bool see_paid(struct truth *truth, unsigned i, const struct kc_charge_row *before,
                     const struct kc_charge_row *row, size_t at)
{
    struct truth_charges *charges = &truth->charges;
    struct truth_charging *known = &charges->accounts[i];
    bool overdue = is_overdue(before);
    bool good = row->ended_ms == truth->whole->now_ms && !row->sent;
    bool came_in = has_come_in(truth, i);
    uint64_t done = charges->orders_done[at];
    switch (row->source) {
    case KC_CHARGE_SOURCE_ACCOUNT:
        truth->accounts[i] -= minor_of(row->amount);
        good = good && !before->sent && done == 0 && row->due_ms <= truth->whole->now_ms &&
               (before->source == KC_CHARGE_SOURCE_ACCOUNT ||
                (before->source == KC_CHARGE_SOURCE_ORDINARY && overdue && came_in));
        break;
    case KC_CHARGE_SOURCE_ORDINARY:
        good = good && before->source == KC_CHARGE_SOURCE_ORDINARY && done != 0 &&
               done == row->attempt && row->due_ms <= truth->whole->now_ms;
        break;
    case KC_CHARGE_SOURCE_INCLUDED:
        good = good && charges->word == CLERK_PAID && charges->about == i && done == 0 &&
               !before->sent;
        break;
    }
    truth->fees += row->source == KC_CHARGE_SOURCE_INCLUDED ? 0 : minor_of(row->amount);
    charges->paid += 1;
    charges->lifted += before->step == KC_CHARGE_SUSPENDED ? 1 : 0;
    known->open = false;
    known->next = period_after(truth, i, row->period);
    return (good && balance_of(truth, i) >= 0) ||
           wrong(truth, "a charge taken without a reason", i, row->source, before->source);
}

/* Why it is not had, or not any longer waited for. */
static bool see_missed(struct truth *truth, unsigned i, const struct kc_charge_row *before,
                       const struct kc_charge_row *row)
{
    struct truth_charges *charges = &truth->charges;
    uint64_t now = truth->whole->now_ms;
    bool poor = balance_of(truth, i) < minor_of(row->amount);
    if (row->step == KC_CHARGE_GRACE && before->step == KC_CHARGE_NOTIFIED) {
        bool asked = row->source == KC_CHARGE_SOURCE_ORDINARY && row->attempt > 0;
        bool reason = row->source == KC_CHARGE_SOURCE_INCLUDED || asked ||
                      (row->source == KC_CHARGE_SOURCE_ACCOUNT && poor);
        return (row->since_ms == now && row->due_ms <= now && reason) ||
               wrong(truth, "a charge that could be had is overdue", i, row->due_ms, now);
    }
    if (row->step == KC_CHARGE_SUSPENDED && before->step == KC_CHARGE_GRACE) {
        charges->suspended += 1;
        charges->accounts[i].was_suspended = true;
        return (!before->sent && row->since_ms == before->since_ms &&
                now >= before->since_ms + charges->rule.grace_ms) ||
               wrong(truth, "an account suspended too early", i, row->since_ms, now);
    }
    return (row->step == before->step && row->since_ms == before->since_ms) ||
           wrong(truth, "a charge goes back", i, row->step, before->step);
}

static bool same_notice(const struct kc_charge_row *a, const struct kc_charge_row *b)
{
    return a->account.number == b->account.number && a->period == b->period &&
           a->purse.number == b->purse.number && a->due_ms == b->due_ms &&
           a->notified_ms == b->notified_ms && kc_amount_compare(a->amount, b->amount) == 0 &&
           (a->told_ms == b->told_ms || a->told_ms == 0);
}

static bool is_same(const struct kc_charge_row *a, const struct kc_charge_row *b)
{
    return same_notice(a, b) && a->step == b->step && a->source == b->source &&
           a->told_ms == b->told_ms && a->since_ms == b->since_ms && a->ended_ms == b->ended_ms &&
           a->attempt == b->attempt && a->sent == b->sent;
}

static bool see_changed(struct truth *truth, unsigned i, const struct kc_charge_row *before,
                        const struct kc_charge_row *row, size_t at)
{
    struct truth_charges *charges = &truth->charges;
    bool spoken = charges->word == CLERK_SOURCE && charges->about == i && !before->sent;
    if (before->step == KC_CHARGE_PAID || !same_notice(before, row)) {
        return wrong(truth, "a charge that stands is changed", i, row->period, row->step);
    }
    /* An order has an end of its own before there is another one. */
    uint64_t most = before->attempt + (before->sent ? 0 : 1);
    bool orders = row->attempt == before->attempt ||
                  (row->attempt == most && before->source == KC_CHARGE_SOURCE_ORDINARY &&
                   row->due_ms <= truth->whole->now_ms);
    if (!orders || (row->sent && row->source != KC_CHARGE_SOURCE_ORDINARY)) {
        return wrong(truth, "an order to the ordinary bank", i, row->attempt, before->attempt);
    }
    bool tried = (before->sent || row->attempt > before->attempt) && !row->sent;
    if (tried && row->step != KC_CHARGE_PAID && charges->orders_done[at] == row->attempt) {
        return wrong(truth, "what the ordinary bank gave is lost", i, row->attempt, 0);
    }
    tried = tried || row->since_ms != before->since_ms;
    charges->accounts[i].tried_ms = tried ? truth->whole->now_ms : charges->accounts[i].tried_ms;
    if (row->step == KC_CHARGE_PAID) {
        return see_paid(truth, i, before, row, at);
    }
    return ((row->source == before->source || spoken) && see_missed(truth, i, before, row)) ||
           wrong(truth, "where a charge comes from", i, row->source, before->source);
}

/* Of value that comes into the account an overdue charge is taken at once. */
static bool see_incoming(struct truth *truth, unsigned i)
{
    struct truth_charging *known = &truth->charges.accounts[i];
    bool came_in = has_come_in(truth, i);
    const struct kc_charge_row *row = &truth->charges.seen[known->newest];
    bool takes =
        known->open && is_overdue(row) && !row->sent && row->source != KC_CHARGE_SOURCE_INCLUDED;
    known->account_seen = truth->accounts[i];
    known->came_back = false;
    return !came_in || !takes || balance_of(truth, i) < minor_of(row->amount) ||
           wrong(truth, "an overdue charge is not taken from what came in", i, row->period, 0);
}

/* ---- what purses are told ---- */

static bool says(const struct kc_charge_row *row, bool has, enum kc_charge_state state,
                 uint64_t due_ms, struct kc_amount amount)
{
    enum kc_charge_state expected = row == NULL                       ? state
                                    : row->step == KC_CHARGE_NOTIFIED ? KC_CHARGE_STATE_NOTIFIED
                                    : row->step == KC_CHARGE_GRACE    ? KC_CHARGE_STATE_GRACE
                                                                      : KC_CHARGE_STATE_SUSPENDED;
    return has == (row != NULL) && (row == NULL || (state == expected && due_ms == row->due_ms &&
                                                    kc_amount_compare(amount, row->amount) == 0));
}

/* A new certified value tells the notice, and ends with the grace time. */
static bool see_certified(struct truth *truth, unsigned i)
{
    struct kc_certified certified;
    struct truth_charges *charges = &truth->charges;
    struct truth_charging *known = &charges->accounts[i];
    const struct kc_charge_row *row = known->open ? &charges->seen[known->newest] : NULL;
    const struct kc_purse_row *purse = truth_row(truth, i);
    if (purse->sequence == known->sequence_seen) {
        return true;
    }
    known->sequence_seen = purse->sequence;
    struct kc_result result = kc_shape_decode(&certified, &kc_certified_shape,
                                              kc_view(purse->certified, purse->certified_size));
    if (kc_failed(result) || !says(row, certified.has_charge, certified.charge,
                                   certified.charge_due_ms, certified.charge_amount)) {
        return wrong(truth, "a certified value does not tell the charge", i, certified.has_charge,
                     row != NULL);
    }
    if (row == NULL) {
        return true;
    }
    uint64_t end = (row->since_ms != 0 ? row->since_ms : row->due_ms) + charges->rule.grace_ms;
    return (row->told_ms != 0 && certified.valid_until_ms <= end) ||
           wrong(truth, "a certified value is good beyond the grace time", i,
                 certified.valid_until_ms, end);
}

bool charged_shown(struct truth *truth, unsigned holder, const struct kc_purse_info *info)
{
    struct kc_certified certified;
    const struct kc_purse_row *purse = truth_row(truth, holder);
    if (!truth->charges.on || info->sequence != purse->sequence ||
        kc_failed(kc_shape_decode(&certified, &kc_certified_shape,
                                  kc_view(purse->certified, purse->certified_size)))) {
        return true;
    }
    return (info->has_charge == certified.has_charge &&
            (!info->has_charge || (info->charge == certified.charge &&
                                   info->charge_due_ms == certified.charge_due_ms))) ||
           wrong(truth, "a purse does not say that a charge is ahead", holder, info->has_charge,
                 certified.has_charge);
}

/* ---- after each step ---- */

static bool see_begun(struct truth *truth)
{
    const struct ram_store *store = &truth->whole->store;
    const struct truth_charges *charges = &truth->charges;
    for (size_t j = 0; j < store->counts[RAM_TABLE_CHARGING]; j++) {
        unsigned i = index_of(truth, store->charging[j].account.number);
        struct truth_charging *known = &truth->charges.accounts[i];
        if (known->begun) {
            continue;
        }
        known->begun = true;
        known->begun_ms = truth->whole->now_ms;
        if (kinds_type(truth, i) != KC_PURSE_TYPE_UIM || kc_amount_is_zero(charges->rule.amount)) {
            return wrong(truth, "an account that is not to be charged", i, 1, 0);
        }
    }
    return true;
}

bool charged_bank(struct truth *truth)
{
    struct truth_charges *charges = &truth->charges;
    const struct ram_store *store = &truth->whole->store;
    unsigned holders = truth->whole->base->options.holders;
    if (!charges->on) {
        return true;
    }
    bool good = see_begun(truth) && see_orders(truth);
    for (size_t j = 0; j < store->counts[RAM_TABLE_CHARGES] && good; j++) {
        const struct kc_charge_row *row = &store->charges[j];
        struct kc_charge_row before = charges->seen[j];
        unsigned i = index_of(truth, row->account.number);
        bool born = j >= charges->count;
        if (!born && is_same(&before, row)) {
            continue;
        }
        good = born ? see_born(truth, i, row) : see_changed(truth, i, &before, row, j);
        charges->seen[j] = *row;
        charges->accounts[i].newest = born ? j : charges->accounts[i].newest;
        charges->count = born ? j + 1 : charges->count;
    }
    for (unsigned i = 0; i < holders && good; i++) {
        good = kinds_type(truth, i) != KC_PURSE_TYPE_UIM ||
               (see_incoming(truth, i) && see_certified(truth, i));
    }
    for (unsigned i = truth->holders; i < holders && good; i++) {
        int64_t balance = minor_of(store->accounts[i].balance);
        good =
            balance == truth->accounts[i] ||
            truth_wrong(truth, "the account of who does nothing", i, balance, truth->accounts[i]);
    }
    return good;
}

bool charged_is_suspended(const struct truth *truth, unsigned holder)
{
    const struct truth_charging *known = &truth->charges.accounts[holder];
    return truth->charges.on && known->open &&
           truth->charges.seen[known->newest].step == KC_CHARGE_SUSPENDED;
}

bool charged_ran_out(const struct truth *truth, unsigned holder)
{
    const struct truth_charges *charges = &truth->charges;
    for (size_t i = 0; i < charges->count && charges->on; i++) {
        const struct kc_charge_row *row = &charges->seen[i];
        /* It may have been paid, and the next one notified, in the same turn. */
        if (index_of(truth, row->account.number) == holder && row->since_ms != 0 &&
            truth->whole->now_ms >= row->since_ms + charges->rule.grace_ms) {
            return true;
        }
    }
    return false;
}

int64_t charged_overdue(const struct truth *truth, unsigned holder)
{
    const struct truth_charging *known = &truth->charges.accounts[holder];
    const struct kc_charge_row *row = &truth->charges.seen[known->newest];
    return truth->charges.on && known->open && is_overdue(row) ? minor_of(row->amount) : 0;
}

/* Only what leaves the account for others is refused for a charge, also when it is asked for again later. */
bool charged_served(struct truth *truth, unsigned holder, struct kc_result result)
{
    const struct kc_bank_item *item = &truth->whole->item;
    bool withdraws = item->kind == &kc_bank_cash_request &&
                     item->message.cash_request.kind == KC_CASH_KIND_WITHDRAW;
    bool leaves = withdraws || item->kind == &kc_bank_transfer_request;
    return result.code != KC_SUSPENDED ||
           (leaves && truth->charges.accounts[holder].was_suspended) ||
           wrong(truth, "refused for a charge that does not forbid it", holder, leaves, 1);
}

/* ---- the clerk ---- */

void charged_word(struct truth *truth, unsigned index, enum clerk_word word)
{
    truth->charges.word = word;
    truth->charges.about = index;
}

bool charged_told(struct truth *truth, enum kc_charge_source source, struct kc_result result,
                  bool unheard)
{
    struct truth_charges *charges = &truth->charges;
    unsigned i = charges->about;
    struct truth_charging *known = &charges->accounts[i];
    const struct kc_charge_row *row = &charges->seen[known->newest];
    const struct kc_charge_row before = *row;
    bool was_open = known->open;
    bool ahead = is_paid_ahead(truth, i);
    bool good = truth_bank(truth);
    if (good && !kc_failed(result) && charges->word == CLERK_PAID && was_open) {
        good = known->open == ahead ||
               wrong(truth, "a charge stays open that was paid", i, before.step, ahead);
    }
    bool made = !kc_failed(result) || (unheard && known->begun);
    if (good && made && charges->word == CLERK_SOURCE) {
        known->source = source;
        known->spoken = known->spoken || (was_open && is_overdue(&before) && !before.sent);
        good = !was_open || before.sent || row->source == source ||
               wrong(truth, "the clerk's word does not count", i, row->source, source);
    }
    bool doubt = was_open && before.sent && result.code == KC_IN_DOUBT;
    bool none =
        result.code == KC_NOT_ALLOWED && (!known->begun || kc_amount_is_zero(charges->rule.amount));
    charges->word = CLERK_SILENT;
    return good && (!kc_failed(result) || result.code == KC_STORE_FAILED || doubt || none ||
                    wrong(truth, "a clerk's word is refused", i, result.code, KC_OK));
}

/* ---- the bank's turn ---- */

static bool is_tried_now(const struct truth *truth, unsigned i)
{
    const struct truth_charging *known = &truth->charges.accounts[i];
    const struct kc_charge_row *row = &truth->charges.seen[known->newest];
    uint64_t now = truth->whole->now_ms;
    bool over = row->step == KC_CHARGE_GRACE && now >= row->since_ms + truth->charges.rule.grace_ms;
    bool fresh = row->step == KC_CHARGE_NOTIFIED && row->due_ms <= now;
    return known->open && !row->sent &&
           (fresh ||
            (is_overdue(row) && (over || known->spoken || now >= known->tried_ms + DAY_MS)));
}

void charged_turns(struct truth *truth)
{
    for (unsigned i = 0; i < truth->whole->base->options.holders; i++) {
        struct truth_charging *known = &truth->charges.accounts[i];
        known->tries = is_tried_now(truth, i);
        known->orders =
            known->open && truth->charges.seen[known->newest].source == KC_CHARGE_SOURCE_ORDINARY;
        known->sent = known->open && truth->charges.seen[known->newest].sent;
        known->attempt = known->open ? truth->charges.seen[known->newest].attempt : 0;
        known->turned = known->newest;
        known->spoken = known->spoken && !known->tries;
    }
}

static bool turned(struct truth *truth, unsigned i)
{
    struct truth_charges *charges = &truth->charges;
    struct truth_charging *known = &charges->accounts[i];
    const struct kc_charge_row *row = &charges->seen[known->newest];
    uint64_t now = truth->whole->now_ms;
    if (!known->begun) {
        return kc_amount_is_zero(charges->rule.amount) ||
               wrong(truth, "an account that nobody charges", i, 0, 1);
    }
    /* Orders come last: what is next after them is the next turn's. */
    if (!known->open && known->orders) {
        return true;
    }
    if (!known->open) {
        if (kc_amount_is_zero(charges->rule.amount)) {
            /* What would be notified now is let go by. */
            while (now + charges->rule.notice_ms >= planned(truth, i, known->next)) {
                known->next = period_after(truth, i, known->next);
            }
            return true;
        }
        return !notice_is_due(truth, i) || wrong(truth, "a notice that did not come", i, 0, now);
    }
    if (known->newest != known->turned || row->sent || known->sent) {
        return true;
    }
    if (row->step == KC_CHARGE_NOTIFIED ? row->due_ms <= now
        : row->step == KC_CHARGE_GRACE  ? row->since_ms + charges->rule.grace_ms <= now
                                        : false) {
        return wrong(truth, "a day passes and nothing is done", i, row->step, now);
    }
    if (!known->tries) {
        return true;
    }
    known->tried_ms = now;
    bool poor = balance_of(truth, i) < minor_of(row->amount);
    bool tried = row->source == KC_CHARGE_SOURCE_INCLUDED ||
                 (row->source == KC_CHARGE_SOURCE_ACCOUNT && poor) ||
                 (row->source == KC_CHARGE_SOURCE_ORDINARY && row->attempt > known->attempt);
    return tried || wrong(truth, "a charge is not tried again", i, row->source, row->attempt);
}

bool charged_turned(struct truth *truth)
{
    bool good = true;
    for (unsigned i = 0; i < truth->whole->base->options.holders && good; i++) {
        good = kinds_type(truth, i) != KC_PURSE_TYPE_UIM || turned(truth, i);
    }
    return good;
}

/* ---- the beginning ---- */

void charged_begin(struct truth *truth)
{
    struct truth_charges *charges = &truth->charges;
    const struct ram_store *store = &truth->whole->store;
    charges->on = false;
    charges->word = CLERK_SILENT;
    charges->count = 0;
    charges->transfers_seen = truth->whole->ordinary.count;
    charges->paid = 0;
    charges->suspended = 0;
    charges->lifted = 0;
    memset(charges->orders_done, 0, sizeof charges->orders_done);
    for (unsigned i = 0; i < truth->whole->base->options.holders; i++) {
        charges->accounts[i] =
            (struct truth_charging){.source = KC_CHARGE_SOURCE_ACCOUNT,
                                    .next = 1,
                                    .sequence_seen = truth_row(truth, i)->sequence};
        if (i >= truth->holders) {
            truth->accounts[i] = minor_of(store->accounts[i].balance);
        }
        charges->accounts[i].account_seen = truth->accounts[i];
    }
}

void charged_rule(struct truth *truth, const struct kc_charge_rule *rule)
{
    truth->charges.on = true;
    truth->charges.rule = *rule;
}
