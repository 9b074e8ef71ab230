/* The account management charge (EP1221669 [0112] [0116], docs/protocol.md "The management charge").
 *
 *  1. Nothing is taken but what a notice says: its amount, not before its day. The notice is a row of its own, durable before
 *     the first certified value that tells it; what is set otherwise since counts from the next notice on.
 *  2. One row an account and period, so that a period is charged once. The posting and the row that says "paid" are of one batch.
 *  3. A period whose day passes without a notice, as when the bank was away, is not charged. A notice that comes late puts its
 *     day off, so that it stands as long as any.
 *  4. An order to the ordinary bank is durable, with its number, before it leaves; there is never a second one beside it, and
 *     nothing is taken from the account meanwhile.
 *
 *                      ┌──────── value comes in, the next day's attempt, a sale ────────┐
 *   (none) ── notice ──> notified ── not enough ──> grace ── its time runs out ──> suspended
 *                           └── the day ──> paid <───┴──────────────────────────────────┘
 *  5. An account that stays suspended for the set time is closed (close.c); a notice that stands then is dropped. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"
#include "ledger/sums.h"

#define DAY_MS UINT64_C(86400000)
/* Accounts of one batch. */
#define ACCOUNTS_MAX 64u
/* The latest time there is, for what is never to be done. */
#define NEVER_MS ((uint64_t)KC_AMOUNT_MAX)

static uint64_t later(uint64_t time_ms, uint64_t by_ms)
{
    return by_ms > NEVER_MS - time_ms ? NEVER_MS : time_ms + by_ms;
}

static uint64_t earlier(uint64_t time_ms, uint64_t by_ms)
{
    return time_ms > by_ms ? time_ms - by_ms : 0;
}

static uint64_t grace_end(const struct kc_ledger *ledger, const struct kc_charge_row *charge)
{
    uint64_t from = charge->since_ms != 0 ? charge->since_ms : charge->due_ms;
    return later(from, ledger->options.charge.grace_ms);
}

/* When who does not pay is closed; never unless that is set. */
static uint64_t close_time(const struct kc_ledger *ledger, const struct kc_charge_row *charge)
{
    uint64_t after_ms = ledger->options.charge.close_ms;
    bool suspended = charge->step == KC_CHARGE_SUSPENDED && after_ms > 0;
    return suspended ? later(charge->suspended_ms, after_ms) : NEVER_MS;
}

/* ---- rows ---- */

/* How an account is charged and the notice that stands, if any. */
struct current {
    bool is_charged;
    bool has_notice;
    struct kc_charging_row charging;
    struct kc_charge_row charge;
};

static struct kc_result load(struct current *out, struct kc_ledger *ledger, uint64_t account)
{
    const struct kc_store *store = ledger->store;
    *out = (struct current){.is_charged = false};
    if (!ledger->charging) {
        return kc_ok();
    }
    struct kc_result result = store->charging_get(store->context, &out->charging, account);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : kc_ledger_note(ledger, result);
    }
    out->is_charged = true;
    result = store->charge_get(store->context, &out->charge, account, out->charging.period);
    out->has_notice = !kc_failed(result) && out->charge.step != KC_CHARGE_DROPPED;
    return result.code == KC_NOT_FOUND ? kc_ok() : kc_ledger_note(ledger, result);
}

static struct kc_result save_charging(struct kc_ledger *ledger, const struct kc_charging_row *row)
{
    return kc_ledger_note(ledger, ledger->store->charging_put(ledger->store->context, row));
}

static struct kc_result save(struct kc_ledger *ledger, const struct current *current)
{
    struct kc_result result =
        kc_ledger_note(ledger, ledger->store->charge_put(ledger->store->context, &current->charge));
    return kc_failed(result) ? result : save_charging(ledger, &current->charging);
}

static bool is_overdue(const struct current *current)
{
    return current->has_notice &&
           (current->charge.step == KC_CHARGE_GRACE || current->charge.step == KC_CHARGE_SUSPENDED);
}

static bool count_one(void *owner, const struct kc_charging_row *row)
{
    bool *found = owner;
    (void)row;
    *found = true;
    return false;
}

struct kc_result kc_charge_load(struct kc_ledger *ledger)
{
    bool found = false;
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &found, .charging = count_one};
    struct kc_result result = store->scan_charging(store->context, &scan, NEVER_MS);
    KC_ASSERT(kc_amount_is_zero(ledger->options.charge.amount) ||
              ledger->options.charge.period_ms > 0);
    ledger->charging = found || !kc_amount_is_zero(ledger->options.charge.amount);
    ledger->charging_from = 0;
    return result;
}

/* ---- periods ---- */

/* On to the next period whose day has not passed. */
static void advance(const struct kc_ledger *ledger, struct kc_charging_row *charging)
{
    const struct kc_charge_rule *rule = &ledger->options.charge;
    uint64_t period_ms = rule->period_ms > 0 ? rule->period_ms : DAY_MS;
    uint64_t passed =
        charging->due_ms < ledger->now_ms ? (ledger->now_ms - charging->due_ms) / period_ms : 0;
    charging->period += passed + 1;
    charging->due_ms = later(charging->due_ms + passed * period_ms, period_ms);
    charging->act_ms = earlier(charging->due_ms, rule->notice_ms);
}

static struct kc_result begin(struct kc_ledger *ledger, struct kc_account_id account)
{
    const struct kc_charge_rule *rule = &ledger->options.charge;
    struct kc_charging_row row = {.account = account,
                                  .source = KC_CHARGE_SOURCE_ACCOUNT,
                                  .period = 1,
                                  .due_ms = later(ledger->now_ms, rule->first_ms)};
    row.act_ms = earlier(row.due_ms, rule->notice_ms);
    return save_charging(ledger, &row);
}

struct kc_result kc_charge_open(struct kc_ledger *ledger, const struct kc_account_row *account)
{
    struct current current;
    if (account->type != KC_PURSE_TYPE_UIM || kc_amount_is_zero(ledger->options.charge.amount)) {
        return kc_ok();
    }
    struct kc_result result = load(&current, ledger, account->account.number);
    return kc_failed(result) || current.is_charged ? result : begin(ledger, account->account);
}

static struct kc_result notify(struct kc_ledger *ledger, struct current *current,
                               const struct kc_account_row *account)
{
    const struct kc_charge_rule *rule = &ledger->options.charge;
    struct kc_charging_row *charging = &current->charging;
    uint64_t soonest = later(ledger->now_ms, rule->notice_ms);
    if (kc_amount_is_zero(rule->amount)) {
        advance(ledger, charging);
        return save_charging(ledger, charging);
    }
    if (ledger->now_ms >= charging->due_ms &&
        ledger->now_ms - charging->due_ms >= rule->period_ms) {
        /* Whole periods went by without a notice: the last of them is the one that is put off. */
        uint64_t passed = (ledger->now_ms - charging->due_ms) / rule->period_ms;
        charging->period += passed;
        charging->due_ms += passed * rule->period_ms;
    }
    current->charge =
        (struct kc_charge_row){.account = charging->account,
                               .period = charging->period,
                               .purse = account->purse,
                               .step = KC_CHARGE_NOTIFIED,
                               .source = charging->source,
                               .amount = rule->amount,
                               .due_ms = charging->due_ms > soonest ? charging->due_ms : soonest,
                               .notified_ms = ledger->now_ms};
    current->has_notice = true;
    /* What comes after a day that was put off is counted from there: no period is shorter than it ought to be. */
    charging->due_ms = current->charge.due_ms;
    charging->act_ms = current->charge.due_ms;
    return save(ledger, current);
}

/* ---- taking it ---- */

static struct kc_result paid(struct kc_ledger *ledger, struct current *current,
                             enum kc_charge_source by)
{
    current->charge.step = KC_CHARGE_PAID;
    current->charge.source = by;
    current->charge.sent = false;
    current->charge.ended_ms = ledger->now_ms;
    advance(ledger, &current->charging);
    return save(ledger, current);
}

static struct kc_result post(struct kc_ledger *ledger, const struct kc_charge_row *charge,
                             uint64_t from)
{
    const struct kc_transaction_row posting = {.purse = charge->purse, .time_ms = ledger->now_ms};
    return kc_ledger_post(ledger, from, KC_BOOK_FEES, charge->amount, &posting, NULL);
}

/* The account reaches for it. */
static struct kc_result take(struct kc_ledger *ledger, struct current *current,
                             struct kc_account_row *account)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_amount_sub(&account->balance, account->balance, current->charge.amount);
    KC_ASSERT(!kc_failed(result));
    result = post(ledger, &current->charge, account->account.number);
    if (!kc_failed(result)) {
        result = kc_ledger_note(
            ledger,
            store->account_balance_put(store->context, account->account.number, account->balance));
    }
    return kc_failed(result) ? result : paid(ledger, current, KC_CHARGE_SOURCE_ACCOUNT);
}

static bool reaches(const struct kc_account_row *account, const struct kc_charge_row *charge)
{
    return kc_amount_compare(account->balance, charge->amount) >= 0;
}

/* It was not to be had: again tomorrow, and at the end of the grace time. */
static struct kc_result miss(struct kc_ledger *ledger, struct current *current,
                             enum kc_error reason)
{
    struct kc_charge_row *charge = &current->charge;
    charge->sent = false;
    charge->reason = reason;
    if (charge->step == KC_CHARGE_NOTIFIED) {
        charge->step = KC_CHARGE_GRACE;
        charge->since_ms = ledger->now_ms;
    }
    uint64_t end =
        charge->step == KC_CHARGE_GRACE ? grace_end(ledger, charge) : close_time(ledger, charge);
    uint64_t tomorrow = later(ledger->now_ms, DAY_MS);
    /* An order may have waited beyond the end of the grace time: that is looked at now. */
    bool runs = end < tomorrow && (charge->step == KC_CHARGE_GRACE || end > ledger->now_ms);
    current->charging.act_ms = runs ? end : tomorrow;
    return save(ledger, current);
}

static struct kc_result order(struct kc_ledger *ledger, struct current *current)
{
    current->charge.sent = true;
    current->charge.attempt += 1;
    current->charging.act_ms = later(ledger->now_ms, DAY_MS);
    return save(ledger, current);
}

/* It is suspended for so long that it is closed; what its holder has is paid out. */
static struct kc_result give_up(struct kc_ledger *ledger, struct current *current,
                                struct kc_account_row *account, enum kc_error reason)
{
    struct kc_result result = kc_close_unpaid(ledger, account);
    return kc_failed(result) || account->state != KC_ACCOUNT_OPEN ? result
                                                                  : miss(ledger, current, reason);
}

static struct kc_result suspend(struct kc_ledger *ledger, struct kc_charge_row *charge)
{
    charge->step = KC_CHARGE_SUSPENDED;
    charge->suspended_ms = ledger->now_ms;
    return kc_account_alert(ledger, charge->purse, KC_SUSPENDED);
}

static struct kc_result collect(struct kc_ledger *ledger, struct current *current,
                                struct kc_account_row *account)
{
    struct kc_charge_row *charge = &current->charge;
    if (charge->sent) {
        current->charging.act_ms = later(ledger->now_ms, DAY_MS);
        return save_charging(ledger, &current->charging);
    }
    struct kc_result result = kc_ok();
    if (charge->step == KC_CHARGE_GRACE && ledger->now_ms >= grace_end(ledger, charge)) {
        result = suspend(ledger, charge);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool last = ledger->now_ms >= close_time(ledger, charge);
    switch (charge->source) {
    case KC_CHARGE_SOURCE_ACCOUNT:
        if (reaches(account, charge)) {
            return take(ledger, current, account);
        }
        return (last ? give_up(ledger, current, account, KC_INSUFFICIENT_ACCOUNT)
                     : miss(ledger, current, KC_INSUFFICIENT_ACCOUNT));
    case KC_CHARGE_SOURCE_ORDINARY:
        /* The ordinary bank was asked since, and refused. */
        return last && charge->reason != KC_OK ? give_up(ledger, current, account, charge->reason)
                                               : order(ledger, current);
    case KC_CHARGE_SOURCE_INCLUDED:
        return last ? give_up(ledger, current, account, KC_PENDING)
                    : miss(ledger, current, KC_PENDING);
    }
    return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
}

/* Of a closed account nothing is asked any more; what the ordinary bank was asked is waited for. */
static struct kc_result drop(struct kc_ledger *ledger, struct current *current)
{
    current->charging.act_ms = NEVER_MS;
    if (!current->has_notice || current->charge.sent) {
        return save_charging(ledger, &current->charging);
    }
    current->charge.step = KC_CHARGE_DROPPED;
    return save(ledger, current);
}

struct kc_result kc_charge_drop(struct kc_ledger *ledger, uint64_t account)
{
    struct current current;
    struct kc_result result = load(&current, ledger, account);
    return kc_failed(result) || !current.is_charged ? result : drop(ledger, &current);
}

static struct kc_result act(struct kc_ledger *ledger, uint64_t number)
{
    struct current current;
    struct kc_account_row account;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &account, number));
    if (!kc_failed(result)) {
        result = load(&current, ledger, number);
    }
    if (kc_failed(result)) {
        return result;
    }
    KC_ASSERT(current.is_charged);
    if (account.state != KC_ACCOUNT_OPEN || account.expires_ms < ledger->now_ms) {
        /* An account that has come to its end is not used on; a renewed one goes on where it was. */
        if (account.state != KC_ACCOUNT_OPEN) {
            return drop(ledger, &current);
        }
        current.charging.act_ms = later(ledger->now_ms, DAY_MS);
        return save_charging(ledger, &current.charging);
    }
    return current.has_notice ? collect(ledger, &current, &account)
                              : notify(ledger, &current, &account);
}

/* ---- the scheduler's batches ---- */

struct due {
    size_t count;
    struct kc_account_id accounts[ACCOUNTS_MAX];
};

static bool note_due(void *owner, const struct kc_charging_row *row)
{
    struct due *due = owner;
    due->accounts[due->count++] = row->account;
    return due->count < ACCOUNTS_MAX;
}

/* Accounts that were there before there were charges. */
static struct kc_result take_up(struct kc_ledger *ledger, struct due *due)
{
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = due, .charging = note_due};
    if (ledger->charging_from == NEVER_MS || kc_amount_is_zero(ledger->options.charge.amount)) {
        return kc_ok();
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_uncharged(store->context, &scan, ledger->charging_from));
    for (size_t i = 0; i < due->count && !kc_failed(result); i++) {
        result = begin(ledger, due->accounts[i]);
    }
    ledger->charging_from = due->count == 0 ? NEVER_MS : due->accounts[due->count - 1].number;
    return result;
}

struct kc_result kc_ledger_charge(struct kc_ledger *ledger, size_t *count)
{
    const struct kc_store *store = ledger->store;
    struct due due = {.count = 0};
    const struct kc_store_scan scan = {.owner = &due, .charging = note_due};
    KC_ASSERT(ledger->in_batch);
    *count = 0;
    if (!ledger->charging) {
        return kc_ok();
    }
    struct kc_result result = take_up(ledger, &due);
    if (kc_failed(result) || due.count > 0) {
        *count = due.count;
        return result;
    }
    result = kc_ledger_note(ledger, store->scan_charging(store->context, &scan, ledger->now_ms));
    for (size_t i = 0; i < due.count && !kc_failed(result); i++) {
        result = act(ledger, due.accounts[i].number);
    }
    *count = kc_failed(result) ? 0 : due.count;
    return result;
}

/* ---- the ordinary bank ---- */

struct orders {
    struct kc_charge_debit *out;
    size_t count;
    size_t max;
};

static bool note_order(void *owner, const struct kc_charge_row *row)
{
    struct orders *orders = owner;
    orders->out[orders->count++] = (struct kc_charge_debit){.account = row->account,
                                                            .period = row->period,
                                                            .attempt = row->attempt,
                                                            .amount = row->amount};
    return orders->count < orders->max;
}

struct kc_result kc_ledger_charge_orders(struct kc_charge_debit *out, size_t *count, size_t max,
                                         struct kc_ledger *ledger, uint64_t account)
{
    const struct kc_store *store = ledger->store;
    struct orders orders = {.out = out, .max = max};
    const struct kc_store_scan scan = {.owner = &orders, .charge = note_order};
    *count = 0;
    struct kc_result result =
        ledger->charging ? store->scan_charges_sent(store->context, &scan, account) : kc_ok();
    for (size_t i = 0; i < orders.count && !kc_failed(result); i++) {
        struct kc_account_row row;
        result = store->account_get(store->context, &row, out[i].account.number);
        if (!kc_failed(result)) {
            memcpy(out[i].bank_account, row.bank_account, sizeof out[i].bank_account);
        }
    }
    *count = kc_failed(result) ? 0 : orders.count;
    return result;
}

/* False when the money would make the sum of everything uncountable; the order waits then, as funding does. */
static bool is_countable(const struct kc_ledger *ledger, struct kc_amount amount)
{
    struct kc_amount after;
    return !kc_failed(kc_amount_add(&after, ledger->totals.outside, ledger->totals.claims)) &&
           !kc_failed(kc_amount_add(&after, after, amount));
}

struct kc_result kc_ledger_charge_settle(struct kc_ledger *ledger,
                                         const struct kc_charge_debit *order, enum kc_error answer)
{
    struct current current;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = load(&current, ledger, order->account.number);
    if (kc_failed(result)) {
        return result;
    }
    if (!current.is_charged) {
        return kc_result(KC_UNKNOWN_TRANSACTION);
    }
    const struct kc_charge_row *charge = &current.charge;
    bool waits = current.has_notice && charge->sent && charge->period == order->period &&
                 charge->attempt == order->attempt;
    if (!waits || answer == KC_IN_DOUBT ||
        (answer == KC_OK && !is_countable(ledger, charge->amount))) {
        return kc_ok();
    }
    if (answer != KC_OK) {
        return miss(ledger, &current, answer);
    }
    result = post(ledger, charge, KC_BOOK_OUTSIDE);
    return kc_failed(result) ? result : paid(ledger, &current, KC_CHARGE_SOURCE_ORDINARY);
}

/* ---- the clerk ---- */

static struct kc_result load_known(struct current *out, struct kc_account_row *account,
                                   struct kc_ledger *ledger, struct kc_account_id number)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result = store->account_get(store->context, account, number.number);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT)
                                           : kc_ledger_note(ledger, result);
    }
    if (kc_account_standing(account).code == KC_CLOSED) {
        return kc_result(KC_CLOSED);
    }
    result = load(out, ledger, number.number);
    return kc_failed(result) || out->is_charged ? result : kc_result(KC_NOT_ALLOWED);
}

struct kc_result kc_ledger_charge_from(struct kc_ledger *ledger, struct kc_account_id account,
                                       enum kc_charge_source source)
{
    struct current current;
    struct kc_account_row row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = load_known(&current, &row, ledger, account);
    if (kc_failed(result)) {
        return result;
    }
    current.charging.source = source;
    if (!current.has_notice || current.charge.sent) {
        return save_charging(ledger, &current.charging);
    }
    /* The notice stands as it is; only where its amount comes from is the holder's to change. */
    current.charge.source = source;
    if (is_overdue(&current)) {
        current.charging.act_ms = ledger->now_ms;
    }
    return save(ledger, &current);
}

/* The period before was paid by a sale, and its day has not come. */
static struct kc_result is_paid_ahead(bool *is, struct kc_ledger *ledger,
                                      const struct kc_charging_row *charging)
{
    struct kc_charge_row before;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        store->charge_get(store->context, &before, charging->account.number, charging->period - 1);
    *is = !kc_failed(result) && before.step == KC_CHARGE_PAID &&
          before.source == KC_CHARGE_SOURCE_INCLUDED && before.due_ms > ledger->now_ms;
    return result.code == KC_NOT_FOUND ? kc_ok() : kc_ledger_note(ledger, result);
}

/* *done: a sale paid it before. Else *out has the charge that is paid by this one. */
static struct kc_result find_included(struct current *out, bool *done, struct kc_ledger *ledger,
                                      struct kc_account_id account)
{
    struct kc_account_row row;
    *done = false;
    struct kc_result result = load_known(out, &row, ledger, account);
    if (!kc_failed(result)) {
        result = is_paid_ahead(done, ledger, &out->charging);
    }
    if (kc_failed(result) || *done) {
        return result;
    }
    if (out->has_notice) {
        return kc_result(out->charge.sent ? KC_IN_DOUBT : KC_OK);
    }
    if (kc_amount_is_zero(ledger->options.charge.amount)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    out->charge = (struct kc_charge_row){.account = account,
                                         .period = out->charging.period,
                                         .purse = row.purse,
                                         .amount = ledger->options.charge.amount,
                                         .due_ms = out->charging.due_ms};
    return kc_ok();
}

struct kc_result kc_charge_check_included(struct kc_ledger *ledger, struct kc_account_id account)
{
    struct current current;
    bool done = false;
    return find_included(&current, &done, ledger, account);
}

struct kc_result kc_ledger_charge_included(struct kc_ledger *ledger, struct kc_account_id account)
{
    struct current current;
    bool done = false;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = find_included(&current, &done, ledger, account);
    return kc_failed(result) || done ? result : paid(ledger, &current, KC_CHARGE_SOURCE_INCLUDED);
}

struct kc_result kc_ledger_charge_order(struct kc_ledger *ledger,
                                        const struct kc_charge_order *order,
                                        const struct kc_ledger_source *source)
{
    struct kc_account_row row;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = store->account_get(store->context, &row, order->account.number);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT)
                                           : kc_ledger_note(ledger, result);
    }
    result = kc_ledger_keep(ledger, row.purse, order->time_ms, KC_EVIDENCE_CHARGE, source);
    if (kc_failed(result)) {
        return result;
    }
    return order->has_source ? kc_ledger_charge_from(ledger, order->account, order->source)
                             : kc_ledger_charge_included(ledger, order->account);
}

/* ---- what the rest of the ledger asks ---- */

struct kc_result kc_charge_check(struct kc_ledger *ledger, uint64_t account)
{
    struct current current;
    struct kc_result result = load(&current, ledger, account);
    if (kc_failed(result)) {
        return result;
    }
    bool stops = current.has_notice && current.charge.step == KC_CHARGE_SUSPENDED;
    return kc_result(stops ? KC_SUSPENDED : KC_OK);
}

struct kc_result kc_charge_incoming(struct kc_ledger *ledger, struct kc_account_row *account)
{
    struct current current;
    if (account->state != KC_ACCOUNT_OPEN) {
        return kc_ok();
    }
    struct kc_result result = load(&current, ledger, account->account.number);
    bool takes = !kc_failed(result) && is_overdue(&current) && !current.charge.sent &&
                 current.charge.source != KC_CHARGE_SOURCE_INCLUDED &&
                 current.charge.due_ms <= ledger->now_ms && reaches(account, &current.charge);
    return takes ? take(ledger, &current, account) : result;
}

static enum kc_charge_state state_of(enum kc_charge_step step)
{
    KC_ASSERT(step != KC_CHARGE_PAID && step != KC_CHARGE_DROPPED);
    return step == KC_CHARGE_NOTIFIED ? KC_CHARGE_STATE_NOTIFIED
           : step == KC_CHARGE_GRACE  ? KC_CHARGE_STATE_GRACE
                                      : KC_CHARGE_STATE_SUSPENDED;
}

struct kc_result kc_charge_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                   const struct kc_account_row *account)
{
    struct current current;
    if (account->type != KC_PURSE_TYPE_UIM) {
        return kc_ok();
    }
    struct kc_result result = load(&current, ledger, account->account.number);
    if (kc_failed(result) || !current.has_notice) {
        return result;
    }
    struct kc_charge_row *charge = &current.charge;
    uint64_t end = grace_end(ledger, charge);
    out->has_charge = true;
    out->charge = state_of(charge->step);
    out->has_charge_due = true;
    out->charge_due_ms = charge->due_ms;
    out->has_charge_amount = true;
    out->charge_amount = charge->amount;
    /* What a suspended account has in its purse is not spent offline for long either. */
    out->valid_until_ms = out->valid_until_ms < end ? out->valid_until_ms : end;
    if (charge->told_ms != 0) {
        return kc_ok();
    }
    charge->told_ms = ledger->now_ms;
    return kc_ledger_note(ledger, ledger->store->charge_put(ledger->store->context, charge));
}
