/* Question: over random exchanges whose messages are lost, late, repeated and refused, with reports in any order over several
 * hops, crashes in between and a copied purse among the payers, does every unit end with its true owner, and is nobody honest
 * ever accused?
 *
 * The checker knows who truly owns what: value moves when a payee takes a payment, and when the bank moves cash. It knows
 * nothing of notes, bookings ahead or releases.
 *
 * In every second episode nobody copies, but purses lose the oldest entries of their histories, and the settlement time passes:
 * what neither side can show was never made, what one side shows was, however late, and what was spent of the one or got back of
 * the other is claimed from purse and account, or a debt.
 *
 * sim-settle [--seed S] [--seconds T]    episodes from seed S on; ends with 1 and the seed at the first fault
 * sim-settle --teeth [--seed S]          every mutant; ends with 1 when one of them is not found */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/ledger/exchange.h"
#include "../unit/store/rng.h"
#include "base/assert.h"
#include "base/clock.h"
#include "settle_mutants.h"

#define PURSES 4
/* The purse that may be copied; the others are honest. */
#define COPIED 3
#define DEALS 96
#define STEPS 160u
#define TEETH_EPISODES 60u
#define LOG_FULL 18
#define STATUS_FOUND 3

enum deal_state { DEAL_SENT, DEAL_TAKEN, DEAL_DENIED };

/* One payment, as the two purses know it. */
struct deal {
    unsigned payer;
    unsigned payee;
    struct toy_order order;
    enum deal_state state;
    struct toy_word word;
    bool closed; /* the payer knows the end */
    bool proven; /* the bank counted the payee's record, or the payer's with the receipt */
    bool noted;  /* it counted the payer's record without */
};

struct sim {
    struct world world;
    struct rng rng;
    struct toy toys[PURSES];
    struct toy copy;
    bool has_copy;
    bool copy_paid;
    bool original_paid;
    bool out; /* the copied purse was found */
    bool forgetful;
    unsigned jumps;
    bool owed; /* somebody, at some time */
    int64_t cash[PURSES];
    int64_t truth[PURSES];
    int64_t accounts[PURSES];
    struct deal deals[DEALS];
    size_t deal_count;
    struct toy_message last[PURSES];
    bool has_last[PURSES];
    char *why;
};

struct tally {
    uint64_t episodes;
    uint64_t payments;
    uint64_t reports;
    uint64_t copies;
    uint64_t gaps;
    uint64_t debts;
};

static bool wrong(struct sim *sim, const char *what, uint64_t number, int64_t found,
                  int64_t expected)
{
    if (sim->why[0] == '\0') {
        (void)snprintf(sim->why, 256, "%s of %" PRIu64 ": found %" PRId64 ", expected %" PRId64,
                       what, number, found, expected);
    }
    return false;
}

/* ---- what the checker knows ---- */

static void take_truth(struct sim *sim, unsigned payer, unsigned payee, uint64_t minor)
{
    sim->truth[payer] -= (int64_t)minor;
    sim->truth[payee] += (int64_t)minor;
}

static bool count_accusation(void *owner, const struct kc_alert_row *row)
{
    uint64_t *count = owner;
    *count += row->reason == KC_COPIED_OR_RESTORED || row->reason == KC_OVERSPENT;
    return true;
}

static int64_t claimed_of(struct sim *sim, unsigned i)
{
    return (int64_t)kc_amount_minor(world_purse(&sim->world, sim->toys[i].purse).claimed);
}

/* After every step: the books are sound, nobody honest is accused, and what the accounts hold is what the checker says. */
static bool is_sound(struct sim *sim)
{
    char first[160];
    uint64_t faults = 0;
    uint64_t accused = 0;
    struct kc_store_scan scan = {.owner = &accused, .alert = count_accusation};
    if (kc_failed(world_audit(&sim->world, &faults, first))) {
        (void)snprintf(sim->why, 256, "audit: %s (%" PRIu64 " faults)", first, faults);
        return false;
    }
    if (kc_failed(sim->world.store.scan_alerts(sim->world.store.context, &scan))) {
        return wrong(sim, "alerts", 0, 0, 1);
    }
    sim->out = world_purse(&sim->world, sim->toys[COPIED].purse).state == KC_PURSE_OUT;
    if ((int64_t)accused != (int64_t)sim->out) {
        return wrong(sim, "accusations", 0, (int64_t)accused, sim->out);
    }
    for (unsigned i = 0; i < PURSES; i++) {
        struct kc_purse_row row = world_purse(&sim->world, sim->toys[i].purse);
        bool out = row.state == KC_PURSE_OUT;
        sim->owed = sim->owed || !kc_amount_is_zero(row.owed);
        if (out && (i != COPIED || !sim->has_copy)) {
            return wrong(sim, "an honest purse accused", i, 1, 0);
        }
        int64_t balance = (int64_t)world_balance(&sim->world, sim->toys[i].account);
        int64_t claimed = claimed_of(sim, i);
        if (balance != sim->accounts[i] - claimed) {
            return wrong(sim, "account", i, balance, sim->accounts[i] - claimed);
        }
        if (claimed > 0 && !out && !sim->forgetful) {
            return wrong(sim, "a claim on somebody who lost nothing", i, claimed, 0);
        }
    }
    return true;
}

/* ---- the bank ---- */

static struct deal *deal_of(struct sim *sim, unsigned payer, uint64_t counter)
{
    for (size_t i = 0; i < sim->deal_count; i++) {
        struct deal *deal = &sim->deals[i];
        if (deal->payer == payer && deal->order.order.payer_counter == counter) {
            return deal;
        }
    }
    return NULL;
}

static bool in_gap(struct sim *sim, const struct deal *deal)
{
    struct kc_gap_row gap;
    uint64_t counter = deal->order.order.payee_counter;
    const struct kc_store *store = &sim->world.store;
    return !kc_failed(store->gap_get(store->context, &gap, sim->toys[deal->payee].purse.number,
                                     counter)) &&
           gap.first <= counter;
}

/* What the bank counted of a report: it keeps the record with the digest of the report. */
static void see_counted(struct sim *sim, unsigned i, const struct toy_message *message)
{
    const struct kc_store *store = &sim->world.store;
    for (size_t j = 0; j < message->slot_count; j++) {
        struct kc_record_row row;
        const struct kc_ledger_record *record = &message->slots[j].record;
        bool counted = !kc_failed(store->record_get(store->context, &row, sim->toys[i].purse.number,
                                                    record->entry.counter)) &&
                       memcmp(row.shown_digest, message->digest, KC_DIGEST_SIZE) == 0;
        for (size_t k = 0; k < sim->deal_count && counted && record->has_order; k++) {
            struct deal *deal = &sim->deals[k];
            bool its = memcmp(deal->order.digest, record->order_digest, KC_DIGEST_SIZE) == 0;
            bool pays = record->entry.kind == KC_ENTRY_KIND_PAY;
            bool shows = pays ? record->answer == KC_ANSWER_RECEIPT
                              : record->entry.kind == KC_ENTRY_KIND_RECEIVE;
            deal->proven = deal->proven || (its && shows);
            deal->noted = deal->noted || (its && pays && record->answer == KC_ANSWER_NONE);
        }
    }
}

static void hear_reply(struct sim *sim, unsigned i, const struct kc_ledger_settled *settled)
{
    struct toy *toy = &sim->toys[i];
    toy_conform(toy, &settled->certified);
    for (size_t j = 0; j < settled->release_count; j++) {
        const struct kc_release *release = &settled->releases[j];
        struct deal *deal = deal_of(sim, i, release->counter);
        bool told = deal != NULL && (release->reason == 0) != (deal->state == DEAL_TAKEN);
        /* What only its payer showed, and its payee lost, the bank has to guess. */
        bool guessed = told && deal->noted && in_gap(sim, deal);
        if (deal == NULL || deal->closed || (told && !guessed)) {
            if (deal == NULL || !deal->closed) {
                (void)wrong(sim, "a false word about a payment", i, (int64_t)release->counter, 0);
            }
            continue;
        }
        deal->closed = true;
        if (release->reason != 0) {
            toy_void(toy, &sim->world, release->counter, kc_amount_minor(release->amount));
        }
    }
}

/* Sends messages in one batch; some batches come to nothing, and some replies are lost. */
static bool send(struct sim *sim, const unsigned *who, struct toy_message *messages, size_t count,
                 bool calm)
{
    struct toy_reply replies[PURSES];
    uint64_t fate = calm ? 99 : rng_below(&sim->rng, 100);
    if (kc_failed(kc_ledger_begin(&sim->world.ledger, sim->world.now_ms))) {
        return wrong(sim, "begin", 0, 1, 0);
    }
    for (size_t i = 0; i < count; i++) {
        world_item(&sim->world, &replies[i], &messages[i]);
    }
    if (fate < 4) {
        world_close(&sim->world);
        return !kc_failed(world_open(&sim->world)) || wrong(sim, "opening again", 0, 1, 0);
    }
    settle_commit_fails = fate < 8;
    struct kc_result result = kc_ledger_commit(&sim->world.ledger);
    settle_commit_fails = false;
    if (kc_failed(result) != (fate < 8)) {
        return wrong(sim, "commit", 0, (int64_t)result.code, 0);
    }
    for (size_t i = 0; i < count && fate >= 8; i++) {
        enum kc_error code = replies[i].result.code;
        see_counted(sim, who[i], &messages[i]);
        bool expected = code == KC_OK || (who[i] == COPIED && sim->has_copy);
        if (!expected) {
            return wrong(sim, "the result of a report", who[i], (int64_t)code, KC_OK);
        }
        if (code == KC_OK && (calm || rng_below(&sim->rng, 100) < 80)) {
            hear_reply(sim, who[i], &replies[i].settled);
        }
    }
    return sim->why[0] == '\0';
}

static bool report(struct sim *sim, unsigned i, bool calm)
{
    toy_settle(&sim->last[i], &sim->toys[i], &sim->world);
    sim->has_last[i] = true;
    return send(sim, &i, &sim->last[i], 1, calm);
}

static bool report_some(struct sim *sim, struct tally *tally)
{
    unsigned who[PURSES];
    struct toy_message *messages = calloc(PURSES, sizeof *messages);
    size_t count = 0;
    if (messages == NULL) {
        return wrong(sim, "memory", 0, 0, 1);
    }
    for (unsigned i = 0; i < PURSES; i++) {
        if (rng_below(&sim->rng, 3) == 0 && !(i == COPIED && sim->out)) {
            toy_settle(&messages[count], &sim->toys[i], &sim->world);
            sim->last[i] = messages[count];
            sim->has_last[i] = true;
            who[count++] = i;
        }
    }
    tally->reports += count;
    bool good = count == 0 || send(sim, who, messages, count, false);
    free(messages);
    return good;
}

/* The very last report again: nothing may move. */
static bool repeat_last(struct sim *sim, unsigned i)
{
    struct toy_reply reply;
    if (!sim->has_last[i] || sim->has_copy) {
        return true;
    }
    struct kc_result result = world_send(&sim->world, &reply, &sim->last[i]);
    see_counted(sim, i, &sim->last[i]);
    uint64_t posted = sim->world.ledger.totals.next_posting;
    struct kc_result again = world_send(&sim->world, &reply, &sim->last[i]);
    if (sim->world.ledger.totals.next_posting != posted || again.code != result.code) {
        return wrong(sim, "a repeat moved something, purse", i, 1, 0);
    }
    return true;
}

/* Cash moves only when nothing is uncovered. */
static bool move_cash(struct sim *sim, unsigned i)
{
    struct toy *toy = &sim->toys[i];
    struct toy_reply reply;
    bool out = rng_below(&sim->rng, 2) == 0;
    uint64_t available = out ? (uint64_t)(sim->accounts[i] - claimed_of(sim, i)) : toy->value;
    if (available == 0 || (i == COPIED && sim->has_copy)) {
        return true;
    }
    uint64_t minor = 1 + rng_below(&sim->rng, available);
    struct toy *before = calloc(1, sizeof *before);
    if (before == NULL) {
        return wrong(sim, "memory", 0, 0, 1);
    }
    *before = *toy;
    sim->has_last[i] = false;
    struct kc_result result = toy_cash_whole(
        toy, &sim->world, out ? KC_CASH_KIND_WITHDRAW : KC_CASH_KIND_DEPOSIT, minor, &reply);
    bool done = !kc_failed(result) && reply.outcome.outcome == KC_OUTCOME_COMPLETED;
    bool refused =
        result.code == KC_PENDING ||
        (sim->forgetful && (result.code == KC_DEBT || result.code == KC_INSUFFICIENT_VALUE));
    if (refused) {
        before->last_ms = toy->last_ms;
        *toy = *before;
    }
    free(before);
    if (done) {
        sim->accounts[i] += out ? -(int64_t)minor : (int64_t)minor;
        sim->truth[i] += out ? (int64_t)minor : -(int64_t)minor;
        sim->cash[i] += out ? (int64_t)minor : -(int64_t)minor;
    }
    return done || refused || (sim->forgetful && result.code == KC_OK) ||
           wrong(sim, "cash", i, (int64_t)result.code, KC_OK);
}

static bool recover(struct sim *sim, unsigned i)
{
    struct toy_message message;
    struct toy_reply reply;
    if (i == COPIED && sim->has_copy) {
        return true;
    }
    sim->has_last[i] = false;
    toy_state(&message, &sim->toys[i], &sim->world);
    struct kc_result result = world_send(&sim->world, &reply, &message);
    if (kc_failed(result)) {
        return wrong(sim, "recovery", i, (int64_t)result.code, KC_OK);
    }
    toy_take(&sim->toys[i], &sim->world, &reply.outcome);
    return true;
}

/* ---- the purses ---- */

static void start_deal(struct sim *sim, struct tally *tally)
{
    unsigned payer = (unsigned)rng_below(&sim->rng, PURSES);
    unsigned payee = (unsigned)rng_below(&sim->rng, PURSES);
    struct toy *from = &sim->toys[payer];
    bool copied = sim->has_copy && (payer == COPIED || payee == COPIED);
    if (payer == payee || copied || from->value == 0 || from->entry_count >= LOG_FULL ||
        sim->deal_count == DEALS) {
        return;
    }
    struct deal *deal = &sim->deals[sim->deal_count++];
    memset(deal, 0, sizeof *deal);
    deal->payer = payer;
    deal->payee = payee;
    deal->order =
        toy_pay(from, &sim->world, &sim->toys[payee], 1 + rng_below(&sim->rng, from->value));
    tally->payments += 1;
}

/* The payment reaches its payee, who takes it, refuses it, or has moved on; or it reached it before and is answered again. */
static void deliver(struct sim *sim, struct deal *deal, bool calm)
{
    struct toy *payee = &sim->toys[deal->payee];
    if (deal->state != DEAL_SENT || payee->entry_count >= LOG_FULL) {
        return;
    }
    if (deal->order.order.payee_counter != payee->counter + 1) {
        deal->word = toy_moved_on(payee, &deal->order);
        deal->state = DEAL_DENIED;
    } else if (!calm && rng_below(&sim->rng, 8) == 0) {
        deal->word = toy_refuse(payee, &sim->world, &deal->order);
        deal->state = DEAL_DENIED;
    } else {
        deal->word = toy_receive(payee, &sim->world, &deal->order);
        deal->state = DEAL_TAKEN;
        take_truth(sim, deal->payer, deal->payee, kc_amount_minor(deal->order.order.amount));
    }
}

static void answer(struct sim *sim, struct deal *deal)
{
    struct toy *payer = &sim->toys[deal->payer];
    if (deal->state != DEAL_SENT && !deal->closed && payer->entry_count < LOG_FULL) {
        toy_hear(payer, &sim->world, &deal->order, &deal->word);
        deal->closed = true;
    }
}

/* The oldest entries that no certified value covers are overwritten. */
static void forget(struct sim *sim, unsigned i, struct tally *tally)
{
    struct toy *toy = &sim->toys[i];
    if (sim->forgetful && toy->entry_count > 0) {
        toy_forget(toy, 1 + rng_below(&sim->rng, toy->entry_count));
        tally->gaps += 1;
    }
}

/* The settlement time passes. Accounts live for a few of them. */
static bool pass_time(struct sim *sim)
{
    size_t count = 0;
    if (!sim->forgetful || sim->jumps == 4) {
        return true;
    }
    sim->jumps += 1;
    sim->world.now_ms += WORLD_SETTLE_MS + 1;
    struct kc_result result = kc_ledger_begin(&sim->world.ledger, sim->world.now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_end_waiting(&sim->world.ledger, &count);
        struct kc_result committed = kc_ledger_commit(&sim->world.ledger);
        result = kc_failed(committed) ? committed : result;
    }
    return !kc_failed(result) ||
           wrong(sim, "the end of the settlement time", 0, (int64_t)result.code, KC_OK);
}

/* A copy is made of a purse that has nothing open; from then on both pay honest purses, face to face. */
static void copy_purse(struct sim *sim)
{
    struct toy *toy = &sim->toys[COPIED];
    bool open = toy->entry_count > 0 || toy->value < 2 || sim->forgetful;
    for (size_t i = 0; i < sim->deal_count; i++) {
        const struct deal *deal = &sim->deals[i];
        bool its = deal->payer == COPIED || deal->payee == COPIED;
        open = open || (its && (deal->state == DEAL_SENT || !deal->closed));
    }
    if (!open && !sim->has_copy) {
        sim->copy = *toy;
        sim->has_copy = true;
    }
}

static void pay_from_copy(struct sim *sim, struct tally *tally)
{
    bool copy = rng_below(&sim->rng, 2) == 0;
    unsigned payee = (unsigned)rng_below(&sim->rng, COPIED);
    struct toy *from = copy ? &sim->copy : &sim->toys[COPIED];
    if (!sim->has_copy || sim->out || from->value == 0 || from->entry_count >= LOG_FULL ||
        sim->toys[payee].entry_count >= LOG_FULL) {
        return;
    }
    uint64_t minor = 1 + rng_below(&sim->rng, from->value);
    (void)toy_exchange(from, &sim->toys[payee], &sim->world, minor);
    take_truth(sim, COPIED, payee, minor);
    sim->copy_paid = sim->copy_paid || copy;
    sim->original_paid = sim->original_paid || !copy;
    tally->payments += 1;
}

static bool step(struct sim *sim, struct tally *tally)
{
    uint64_t r = rng_below(&sim->rng, 1000);
    unsigned i = (unsigned)rng_below(&sim->rng, PURSES);
    sim->world.now_ms += rng_below(&sim->rng, 50);
    if (r < 300) {
        start_deal(sim, tally);
    } else if (r < 550 && sim->deal_count > 0) {
        deliver(sim, &sim->deals[rng_below(&sim->rng, sim->deal_count)], false);
    } else if (r < 700 && sim->deal_count > 0) {
        answer(sim, &sim->deals[rng_below(&sim->rng, sim->deal_count)]);
    } else if (r < 830) {
        return report_some(sim, tally);
    } else if (r < 860) {
        return repeat_last(sim, i);
    } else if (r < 910) {
        return move_cash(sim, i);
    } else if (r < 930) {
        return recover(sim, i);
    } else if (r < 945) {
        copy_purse(sim);
    } else if (sim->forgetful) {
        forget(sim, i, tally);
        return r < 985 || pass_time(sim);
    } else {
        pay_from_copy(sim, tally);
    }
    return true;
}

/* ---- an episode ---- */

static bool open_bank(struct sim *sim)
{
    for (unsigned i = 0; i < PURSES; i++) {
        struct toy_reply reply;
        struct toy *toy = &sim->toys[i];
        uint64_t minor = 50 + rng_below(&sim->rng, 100);
        uint64_t all = sim->forgetful ? minor + rng_below(&sim->rng, 20) : 200;
        if (kc_failed(toy_open(toy, &sim->world, i)) ||
            kc_failed(toy_fund_whole(toy, &sim->world, KC_FUND_KIND_FUND, all, &reply)) ||
            kc_failed(toy_cash_whole(toy, &sim->world, KC_CASH_KIND_WITHDRAW, minor, &reply))) {
            return wrong(sim, "opening account", i, 1, 0);
        }
        sim->accounts[i] = (int64_t)(all - minor);
        sim->truth[i] = (int64_t)minor;
        sim->cash[i] = (int64_t)minor;
    }
    return true;
}

/* The network is good again: every payment meets its payee, and everybody reports until nothing is left. */
static bool report_rounds(struct sim *sim)
{
    for (unsigned round = 0; round < 16; round++) {
        for (size_t j = 0; j < sim->deal_count; j++) {
            deliver(sim, &sim->deals[j], true);
        }
        for (unsigned i = 0; i < PURSES; i++) {
            sim->out = world_purse(&sim->world, sim->toys[COPIED].purse).state == KC_PURSE_OUT;
            if (!(i == COPIED && sim->out) && !report(sim, i, true)) {
                return false;
            }
        }
    }
    return true;
}

struct left {
    struct sim *sim;
    bool ended;
    bool good;
};

/* What nobody showed has left the value of a purse that has reported all, as far as it still had it; and in the end each purse
 * knows what came of its gaps. */
static bool look_at_gap(void *owner, const struct kc_gap_row *row)
{
    struct left *left = owner;
    struct kc_purse_row purse = world_purse(&left->sim->world, row->purse);
    bool taken = kc_amount_is_zero(row->advance) || kc_amount_is_zero(purse.value);
    left->good = left->good && taken && (!left->ended || row->state == KC_GAP_ENDED);
    return true;
}

static bool look_at_gaps(struct sim *sim, bool ended)
{
    struct left left = {.sim = sim, .ended = ended, .good = true};
    const struct kc_store_scan scan = {.owner = &left, .gap = look_at_gap};
    const struct kc_store *store = &sim->world.store;
    left.good = !kc_failed(store->scan_gaps(store->context, &scan, 0)) && left.good;
    return left.good || wrong(sim, "gaps", ended, 1, 0);
}

static bool converge(struct sim *sim)
{
    bool good = report_rounds(sim) && look_at_gaps(sim, false);
    for (unsigned i = 0; i < 2 && sim->forgetful && good; i++) {
        sim->jumps = 0;
        good = pass_time(sim) && report_rounds(sim);
    }
    return good && look_at_gaps(sim, true);
}

/* Who owns what of a deal where purses lose entries: nobody can do better than the bank where only its payer showed it. *stuck is
 * what its payer paid and has a receipt for, and the bank gave back all the same. */
static bool was_made(struct sim *sim, const struct deal *deal, int64_t *stuck)
{
    struct kc_payment_row row;
    const struct kc_store *store = &sim->world.store;
    const struct kc_payment_order *order = &deal->order.order;
    bool known = !kc_failed(store->payment_get(store->context, &row, order->payer_purse.number,
                                               order->payer_counter, deal->order.digest));
    bool guessed = deal->noted && !deal->proven && in_gap(sim, deal);
    bool made = guessed ? known && row.state == KC_PAYMENT_BOOKED : deal->proven;
    if (guessed && known && row.state == KC_PAYMENT_RELEASED && !row.returned) {
        *stuck += (int64_t)kc_amount_minor(row.amount);
    }
    return made;
}

static bool is_settled_after_loss(struct sim *sim)
{
    int64_t stuck[PURSES] = {0};
    int64_t truth[PURSES];
    memcpy(truth, sim->cash, sizeof truth);
    for (size_t i = 0; i < sim->deal_count; i++) {
        const struct deal *deal = &sim->deals[i];
        int64_t minor = (int64_t)kc_amount_minor(deal->order.order.amount);
        if (was_made(sim, deal, &stuck[deal->payer])) {
            truth[deal->payer] -= minor;
            truth[deal->payee] += minor;
        }
    }
    for (unsigned i = 0; i < PURSES; i++) {
        const struct toy *toy = &sim->toys[i];
        struct kc_purse_row row = world_purse(&sim->world, toy->purse);
        int64_t shadow = world_signed_shadow(&sim->world, toy->purse);
        int64_t owed = (int64_t)kc_amount_minor(row.owed);
        int64_t value = (int64_t)kc_amount_minor(row.value);
        if (shadow != truth[i] + claimed_of(sim, i)) {
            return wrong(sim, "the shadow beside the true value", i, shadow,
                         truth[i] + claimed_of(sim, i));
        }
        if (value - owed + stuck[i] != shadow || (owed > 0 && value > 0) ||
            (owed > 0 && sim->accounts[i] > claimed_of(sim, i))) {
            return wrong(sim, "the certified value less what is owed", i, value - owed, shadow);
        }
        if ((int64_t)toy->value != value || toy->entry_count != 0 || toy->gap != 0 ||
            row.counter != toy->counter) {
            return wrong(sim, "the purse's value", i, (int64_t)toy->value, value);
        }
    }
    int64_t in_flight = (int64_t)kc_amount_minor(sim->world.ledger.totals.in_flight);
    return in_flight == 0 || wrong(sim, "in flight", 0, in_flight, 0);
}

static bool is_settled(struct sim *sim)
{
    if (sim->forgetful) {
        return is_settled_after_loss(sim);
    }
    for (unsigned i = 0; i < PURSES; i++) {
        const struct toy *toy = &sim->toys[i];
        struct kc_purse_row row = world_purse(&sim->world, toy->purse);
        int64_t shadow = world_signed_shadow(&sim->world, toy->purse);
        int64_t truth = sim->truth[i] + claimed_of(sim, i);
        if (shadow != truth) {
            return wrong(sim, "the shadow beside the true value", i, shadow, truth);
        }
        if (i == COPIED && sim->has_copy) {
            continue;
        }
        if ((int64_t)toy->value != sim->truth[i] ||
            (int64_t)kc_amount_minor(row.value) != sim->truth[i]) {
            return wrong(sim, "the certified value", i, (int64_t)kc_amount_minor(row.value),
                         sim->truth[i]);
        }
        if (toy->entry_count != 0 || row.counter != toy->counter) {
            return wrong(sim, "uncovered entries", i, (int64_t)toy->entry_count, 0);
        }
    }
    bool found = world_purse(&sim->world, sim->toys[COPIED].purse).state == KC_PURSE_OUT;
    bool forked = sim->copy_paid && sim->original_paid;
    int64_t in_flight = (int64_t)kc_amount_minor(sim->world.ledger.totals.in_flight);
    int64_t claims = (int64_t)kc_amount_minor(sim->world.ledger.totals.claims);
    int64_t lost = sim->truth[COPIED] + claimed_of(sim, COPIED);
    lost = lost < 0 ? -lost : 0;
    if (found != forked) {
        return wrong(sim, "a copy found", COPIED, found, forked);
    }
    if (in_flight != 0 || claims != lost) {
        return wrong(sim, "in flight, claims", (uint64_t)in_flight, claims, lost);
    }
    return true;
}

static bool simulate(struct tally *tally, uint64_t seed, char why[256])
{
    struct sim *sim = calloc(1, sizeof *sim);
    why[0] = '\0';
    if (sim == NULL || !world_make(&sim->world)) {
        free(sim);
        (void)snprintf(why, 256, "no memory or no folder");
        return false;
    }
    world_close(&sim->world);
    sim->world.spoil = settle_spoil;
    sim->rng.state = seed;
    sim->why = why;
    sim->forgetful = seed % 2 == 0;
    bool good = !kc_failed(world_open(&sim->world)) && open_bank(sim);
    for (unsigned i = 0; i < STEPS && good; i++) {
        good = step(sim, tally) && is_sound(sim);
    }
    good = good && converge(sim) && is_sound(sim) && is_settled(sim);
    tally->episodes += 1;
    tally->copies += sim->out;
    tally->debts += sim->owed;
    world_remove(&sim->world);
    free(sim);
    return good;
}

/* ---- the program ---- */

static int run(uint64_t seed, uint64_t seconds)
{
    struct tally tally = {.episodes = 0};
    char why[256];
    uint64_t end_ns = kc_clock_monotonic_ns() + seconds * UINT64_C(1000000000);
    (void)printf("seed %" PRIu64 "\n", seed);
    do {
        if (!simulate(&tally, seed, why)) {
            (void)printf("FAILED at seed %" PRIu64 ": %s\nrepeat: sim-settle --seed %" PRIu64
                         " --seconds 0\n",
                         seed, why, seed);
            return 1;
        }
        seed += 1;
    } while (kc_clock_monotonic_ns() < end_ns);
    (void)printf("%" PRIu64 " episodes: %" PRIu64 " payments, %" PRIu64 " reports, %" PRIu64
                 " copies found, %" PRIu64 " times entries lost, %" PRIu64 " with debts\n",
                 tally.episodes, tally.payments, tally.reports, tally.copies, tally.gaps,
                 tally.debts);
    return 0;
}

/* A mutant lives in a process of its own, because a failed assertion finds it too. */
static bool is_found(enum mutant mutant, uint64_t seed)
{
    int status = 0;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct tally tally = {.episodes = 0};
        char why[256] = "";
        bool good = true;
        settle_mutant = mutant;
        for (unsigned i = 0; i < TEETH_EPISODES && good; i++) {
            good = simulate(&tally, seed + i, why);
        }
        (void)printf("%-8s %s: %s\n", good ? "MISSED" : "found", settle_mutant_words[mutant], why);
        (void)fflush(stdout);
        _exit(good ? 0 : STATUS_FOUND);
    }
    (void)waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        (void)printf("%-8s %s: by an assertion\n", "found", settle_mutant_words[mutant]);
    }
    return WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_FOUND);
}

static int run_teeth(uint64_t seed)
{
    int missed = 0;
    for (int mutant = MUTANT_NONE + 1; mutant < MUTANT_COUNT; mutant++) {
        missed += is_found((enum mutant)mutant, seed) ? 0 : 1;
    }
    (void)printf("%d of %d mutants missed\n", missed, MUTANT_COUNT - 1);
    return missed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    uint64_t seconds = 5;
    bool teeth = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--teeth") == 0) {
            teeth = true;
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            seconds = strtoull(argv[++i], NULL, 10);
        } else {
            (void)fprintf(stderr, "usage: sim-settle [--seed S] [--seconds T] [--teeth]\n");
            return 2;
        }
    }
    return teeth ? run_teeth(seed) : run(seed, seconds);
}
