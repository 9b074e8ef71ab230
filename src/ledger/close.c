/* Accounts that are given up (docs/protocol.md "Closing an account").
 *
 *            asked, ordered, or not paid for       settlement time over
 *    open ──────────────────────────────> closing ─────────────────────> closed
 *            its purse: out of use, listed          what is left of the purse goes to the account
 *
 *  1. From the first step on the account takes part in nothing but what was begun before; what others report of its purse is
 *     booked as that of any purse.
 *  2. What is in the account goes to its ordinary bank account. A pay-out is durable, with its number, and out of the account
 *     before it leaves; there is one at a time. A refused one is in the account again and is tried a day later under the next
 *     number.
 *  3. It begins at once where the purse held nothing, else when the settlement time is over. What comes in later, as by a record
 *     that another purse reports late, is paid out like the rest, also when the account is closed.
 *  4. What the purse lacks comes from the account as far as that reaches; the rest stays a claim. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"
#include "ledger/sums.h"

#define DAY_MS UINT64_C(86400000)
/* Accounts of one batch. */
#define ACCOUNTS_MAX 64u
/* The latest time there is, for what is never to be done. */
#define NEVER_MS ((uint64_t)KC_AMOUNT_MAX)

struct kc_result kc_account_standing(const struct kc_account_row *account)
{
    switch (account->state) {
    case KC_ACCOUNT_OPEN:
        return kc_ok();
    case KC_ACCOUNT_CLOSING:
    case KC_ACCOUNT_CLOSED:
        return kc_result(KC_CLOSED);
    case KC_ACCOUNT_TEMPORARY:
    case KC_ACCOUNT_LAPSED:
        break;
    }
    return kc_result(KC_ACCOUNT_NOT_OPEN);
}

bool kc_purse_out_by_word(const struct kc_purse_row *purse)
{
    return purse->out_reason == KC_REPORTED_LOST || purse->out_reason == KC_CLOSED ||
           purse->out_reason == KC_KEY_RENEWED;
}

enum kc_error kc_purse_refusal(const struct kc_purse_row *purse)
{
    bool told = purse->out_reason == KC_REPORTED_LOST || purse->out_reason == KC_CLOSED;
    return told ? purse->out_reason : KC_PURSE_BLOCKED;
}

struct kc_result kc_account_alert(struct kc_ledger *ledger, struct kc_purse_id purse,
                                  enum kc_error reason)
{
    const struct kc_alert_row alert = {.purse = purse, .time_ms = ledger->now_ms, .reason = reason};
    return kc_ledger_note(ledger, ledger->store->alert_add(ledger->store->context, &alert));
}

static struct kc_result corrupt(struct kc_ledger *ledger, struct kc_result result)
{
    return result.code == KC_NOT_FOUND ? kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT))
                                       : kc_ledger_note(ledger, result);
}

static struct kc_result save(struct kc_ledger *ledger, const struct kc_closing_row *row)
{
    return kc_ledger_note(ledger, ledger->store->closing_put(ledger->store->context, row));
}

/* ---- giving up ---- */

bool kc_purse_is_empty(const struct kc_purse_row *purse)
{
    return kc_amount_is_zero(purse->value) && kc_amount_is_zero(kc_shadow_of(purse).amount) &&
           kc_amount_is_zero(purse->owed) && kc_amount_is_zero(purse->withheld);
}

static bool note_machine(void *owner, const struct kc_closing_row *row)
{
    bool *has = owner;
    (void)row;
    *has = true;
    return false;
}

static struct kc_result check(struct kc_ledger *ledger, const struct kc_account_row *account)
{
    bool has = false;
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &has, .closing = note_machine};
    if (account->state != KC_ACCOUNT_OPEN) {
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    if (account->type != KC_PURSE_TYPE_UIM && account->type != KC_PURSE_TYPE_MACHINE) {
        /* Who holds a card deposits what is on it. */
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_owned(store->context, &scan, account->account.number));
    return kc_failed(result) || !has ? result : kc_result(KC_NOT_EMPTY);
}

static struct kc_result put_out(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct kc_result result = kc_ok();
    if (purse->state == KC_PURSE_ACTIVE) {
        result = kc_ledger_end_open(ledger, purse);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_put_out(ledger, purse, KC_CLOSED);
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, purse);
}

static struct kc_result close_open(struct kc_ledger *ledger, struct kc_account_row *account,
                                   struct kc_purse_row *purse, enum kc_closing_by by)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_reissue_give_up(ledger, account->account);
    if (!kc_failed(result)) {
        result = put_out(ledger, purse);
    }
    if (!kc_failed(result)) {
        result = kc_charge_drop(ledger, account->account.number);
    }
    if (kc_failed(result)) {
        return result;
    }
    account->state = KC_ACCOUNT_CLOSING;
    result = kc_ledger_note(ledger, store->account_put(store->context, account));
    uint64_t since = purse->out_ms != 0 ? purse->out_ms : ledger->now_ms;
    struct kc_closing_row row = {.account = account->account,
                                 .purse = purse->purse,
                                 .by = by,
                                 .early = kc_purse_is_empty(purse),
                                 .begun_ms = ledger->now_ms,
                                 .due_ms = since + ledger->options.settle_ms};
    row.act_ms = row.early ? ledger->now_ms : row.due_ms;
    return kc_failed(result) ? result : save(ledger, &row);
}

static struct kc_result fill(struct kc_ledger_closed *out, struct kc_ledger *ledger,
                             const struct kc_account_row *account, const struct kc_purse_row *purse)
{
    struct kc_closing_row row;
    const struct kc_store *store = ledger->store;
    struct kc_shadow shadow = kc_shadow_of(purse);
    struct kc_result result =
        corrupt(ledger, store->closing_get(store->context, &row, account->account.number));
    if (kc_failed(result)) {
        return result;
    }
    *out =
        (struct kc_ledger_closed){.amount = account->balance,
                                  .purse_amount = shadow.below ? kc_amount_zero() : shadow.amount,
                                  .due_ms = row.due_ms};
    return result;
}

static struct kc_result give_up(struct kc_ledger_closed *out, struct kc_ledger *ledger,
                                struct kc_account_row *account, enum kc_close_kind kind,
                                enum kc_closing_by by)
{
    struct kc_purse_row purse;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        corrupt(ledger, store->purse_get(store->context, &purse, account->purse.number));
    if (kc_failed(result)) {
        return result;
    }
    if (kc_account_standing(account).code == KC_CLOSED) {
        return fill(out, ledger, account, &purse);
    }
    result = check(ledger, account);
    if (!kc_failed(result) && kind == KC_CLOSE_KIND_FOLLOW) {
        result = kc_result(KC_OUT_OF_ORDER);
    }
    if (!kc_failed(result) && kind == KC_CLOSE_KIND_EMPTY && !kc_purse_is_empty(&purse)) {
        result = kc_result(KC_NOT_EMPTY);
    }
    if (!kc_failed(result)) {
        result = close_open(ledger, account, &purse, by);
    }
    return kc_failed(result) ? result : fill(out, ledger, account, &purse);
}

static struct kc_result find(struct kc_account_row *out, struct kc_ledger *ledger,
                             struct kc_account_id account)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, out, account.number));
    return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
}

struct kc_result kc_ledger_close_request(struct kc_ledger_closed *out, struct kc_ledger *ledger,
                                         const struct kc_close_request *request,
                                         const struct kc_ledger_source *source)
{
    struct kc_account_row account;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = find(&account, ledger, request->account);
    if (!kc_failed(result)) {
        result = kc_ledger_keep(ledger, account.purse, request->time_ms, KC_EVIDENCE_CLOSE, source);
    }
    return kc_failed(result) ? result
                             : give_up(out, ledger, &account, request->kind, KC_CLOSING_BY_HOLDER);
}

struct kc_result kc_ledger_close_account(struct kc_ledger_closed *out, struct kc_ledger *ledger,
                                         struct kc_account_id account)
{
    struct kc_account_row row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = find(&row, ledger, account);
    return kc_failed(result)
               ? result
               : give_up(out, ledger, &row, KC_CLOSE_KIND_WRITE_OFF, KC_CLOSING_BY_OPERATOR);
}

struct kc_result kc_close_unpaid(struct kc_ledger *ledger, struct kc_account_row *account)
{
    struct kc_ledger_closed closed;
    struct kc_result result =
        give_up(&closed, ledger, account, KC_CLOSE_KIND_WRITE_OFF, KC_CLOSING_BY_CHARGE);
    if (!kc_failed(result)) {
        result = kc_account_alert(ledger, account->purse, KC_CLOSED);
    }
    return kc_result(result.code == KC_NOT_EMPTY ? KC_OK : result.code);
}

/* ---- paying out ---- */

struct kc_result kc_close_incoming(struct kc_ledger *ledger, const struct kc_account_row *account)
{
    struct kc_closing_row row;
    const struct kc_store *store = ledger->store;
    if (kc_account_standing(account).code != KC_CLOSED) {
        return kc_ok();
    }
    struct kc_result result =
        corrupt(ledger, store->closing_get(store->context, &row, account->account.number));
    if (kc_failed(result) || !(row.early || row.closed_ms != 0) || row.act_ms <= ledger->now_ms) {
        return result;
    }
    row.act_ms = ledger->now_ms;
    return save(ledger, &row);
}

/* Between the account and what is in flight to the ordinary bank. */
static struct kc_result post(struct kc_ledger *ledger, const struct kc_payout_row *payout,
                             uint64_t debit, uint64_t credit)
{
    const struct kc_transaction_row posting = {.purse = payout->purse, .time_ms = ledger->now_ms};
    return kc_ledger_post(ledger, debit, credit, payout->amount, &posting, NULL);
}

static struct kc_result put_payout(struct kc_ledger *ledger, const struct kc_payout_row *row)
{
    return kc_ledger_note(ledger, ledger->store->payout_put(ledger->store->context, row));
}

static struct kc_result save_balance(struct kc_ledger *ledger, const struct kc_account_row *account)
{
    const struct kc_store *store = ledger->store;
    return kc_ledger_note(ledger, store->account_balance_put(
                                      store->context, account->account.number, account->balance));
}

/* With claims the ordinary bank may have been given less than is in the books, and what is in flight to it already counts. */
static bool can_pay(const struct kc_ledger *ledger, struct kc_amount amount)
{
    struct kc_amount after;
    return !kc_failed(kc_amount_add(&after, ledger->totals.in_flight, amount)) &&
           kc_amount_compare(after, ledger->totals.outside) <= 0;
}

static struct kc_result order(struct kc_ledger *ledger, struct kc_closing_row *closing,
                              struct kc_account_row *account)
{
    struct kc_payout_row row = {.account = account->account,
                                .number = closing->payouts + 1,
                                .purse = closing->purse,
                                .state = KC_PAYOUT_SENT,
                                .amount = account->balance,
                                .ordered_ms = ledger->now_ms};
    if (!can_pay(ledger, row.amount)) {
        closing->act_ms = ledger->now_ms + DAY_MS;
        return kc_ok();
    }
    closing->payouts = row.number;
    account->balance = kc_amount_zero();
    struct kc_result result = post(ledger, &row, row.account.number, KC_BOOK_IN_FLIGHT);
    if (!kc_failed(result)) {
        result = save_balance(ledger, account);
    }
    return kc_failed(result) ? result : put_payout(ledger, &row);
}

/* Nothing is waited for any more: what is left in the purse is the account's. */
static struct kc_result finish(struct kc_ledger *ledger, struct kc_closing_row *closing,
                               struct kc_account_row *account)
{
    struct kc_purse_row purse;
    const struct kc_store *store = ledger->store;
    account->state = KC_ACCOUNT_CLOSED;
    closing->closed_ms = ledger->now_ms;
    struct kc_result result = kc_ledger_note(ledger, store->account_put(store->context, account));
    if (!kc_failed(result)) {
        result = save(ledger, closing);
    }
    if (!kc_failed(result)) {
        result = corrupt(ledger, store->purse_get(store->context, &purse, closing->purse.number));
    }
    if (!kc_failed(result)) {
        result = kc_ledger_silenced(ledger, &purse);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_late(ledger, &purse);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_save_purse(ledger, &purse);
    }
    return kc_failed(result) ? result
                             : corrupt(ledger, store->account_get(store->context, account,
                                                                  account->account.number));
}

/* Whether the last pay-out has no outcome yet. */
static struct kc_result is_sent(bool *sent, struct kc_ledger *ledger,
                                const struct kc_closing_row *closing)
{
    struct kc_payout_row row;
    const struct kc_store *store = ledger->store;
    *sent = false;
    if (closing->payouts == 0) {
        return kc_ok();
    }
    struct kc_result result = corrupt(
        ledger, store->payout_get(store->context, &row, closing->account.number, closing->payouts));
    *sent = !kc_failed(result) && row.state == KC_PAYOUT_SENT;
    return result;
}

static struct kc_result act(struct kc_ledger *ledger, uint64_t number)
{
    struct kc_account_row account;
    struct kc_closing_row closing;
    bool sent = false;
    const struct kc_store *store = ledger->store;
    struct kc_result result = corrupt(ledger, store->account_get(store->context, &account, number));
    if (!kc_failed(result)) {
        result = corrupt(ledger, store->closing_get(store->context, &closing, number));
    }
    if (!kc_failed(result) && closing.closed_ms == 0 && ledger->now_ms >= closing.due_ms) {
        result = finish(ledger, &closing, &account);
    }
    if (!kc_failed(result)) {
        result = is_sent(&sent, ledger, &closing);
    }
    if (kc_failed(result)) {
        return result;
    }
    closing.act_ms = closing.closed_ms == 0 ? closing.due_ms : NEVER_MS;
    if ((closing.early || closing.closed_ms != 0) && !sent && !kc_amount_is_zero(account.balance)) {
        result = order(ledger, &closing, &account);
    }
    return kc_failed(result) ? result : save(ledger, &closing);
}

/* ---- the scheduler ---- */

struct due {
    size_t count;
    struct kc_account_id accounts[ACCOUNTS_MAX];
};

static bool note_due(void *owner, const struct kc_closing_row *row)
{
    struct due *due = owner;
    due->accounts[due->count++] = row->account;
    return due->count < ACCOUNTS_MAX;
}

struct kc_result kc_ledger_closings(struct kc_ledger *ledger, size_t *count)
{
    struct due due = {.count = 0};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &due, .closing = note_due};
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_closings(store->context, &scan, ledger->now_ms));
    for (size_t i = 0; i < due.count && !kc_failed(result); i++) {
        result = act(ledger, due.accounts[i].number);
    }
    *count = kc_failed(result) ? 0 : due.count;
    return result;
}

/* ---- the authority ---- */

struct unrevoked {
    struct kc_account_id *out;
    size_t count;
    size_t max;
};

static bool note_unrevoked(void *owner, const struct kc_closing_row *row)
{
    struct unrevoked *found = owner;
    found->out[found->count++] = row->account;
    return found->count < found->max;
}

struct kc_result kc_ledger_unrevoked(struct kc_account_id *out, size_t *count, size_t max,
                                     struct kc_ledger *ledger, uint64_t account)
{
    struct unrevoked found = {.out = out, .max = max};
    const struct kc_store_scan scan = {.owner = &found, .closing = note_unrevoked};
    struct kc_result result = ledger->store->scan_unrevoked(ledger->store->context, &scan, account);
    *count = kc_failed(result) ? 0 : found.count;
    return result;
}

struct kc_result kc_ledger_closed_revoked(struct kc_ledger *ledger, struct kc_account_id account)
{
    struct kc_closing_row row;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->closing_get(store->context, &row, account.number));
    if (kc_failed(result) || row.revoked_ms != 0) {
        return result;
    }
    row.revoked_ms = ledger->now_ms;
    return save(ledger, &row);
}

/* ---- the ordinary bank ---- */

struct sent {
    struct kc_payout *out;
    size_t count;
    size_t max;
};

static bool note_sent(void *owner, const struct kc_payout_row *row)
{
    struct sent *sent = owner;
    sent->out[sent->count++] =
        (struct kc_payout){.account = row->account, .number = row->number, .amount = row->amount};
    return sent->count < sent->max;
}

struct kc_result kc_ledger_payouts(struct kc_payout *out, size_t *count, size_t max,
                                   struct kc_ledger *ledger, uint64_t account)
{
    const struct kc_store *store = ledger->store;
    struct sent sent = {.out = out, .max = max};
    const struct kc_store_scan scan = {.owner = &sent, .payout = note_sent};
    *count = 0;
    struct kc_result result = store->scan_payouts_sent(store->context, &scan, account);
    for (size_t i = 0; i < sent.count && !kc_failed(result); i++) {
        struct kc_account_row row;
        result = store->account_get(store->context, &row, out[i].account.number);
        if (!kc_failed(result)) {
            memcpy(out[i].bank_account, row.bank_account, sizeof out[i].bank_account);
        }
    }
    *count = kc_failed(result) ? 0 : sent.count;
    return result;
}

/* It is in the account again. The operator hears of it once, not every day. */
static struct kc_result take_back(struct kc_ledger *ledger, struct kc_payout_row *payout,
                                  struct kc_account_row *account, enum kc_error reason)
{
    struct kc_payout_row before = {.reason = KC_OK};
    const struct kc_store *store = ledger->store;
    payout->reason = reason;
    struct kc_result result = kc_amount_add(&account->balance, account->balance, payout->amount);
    KC_ASSERT(!kc_failed(result));
    result = post(ledger, payout, KC_BOOK_IN_FLIGHT, account->account.number);
    if (!kc_failed(result)) {
        result = save_balance(ledger, account);
    }
    if (!kc_failed(result) && payout->number > 1) {
        result = corrupt(ledger, store->payout_get(store->context, &before, payout->account.number,
                                                   payout->number - 1));
    }
    return kc_failed(result) || before.reason == reason
               ? result
               : kc_account_alert(ledger, payout->purse, KC_CLOSED);
}

struct kc_result kc_ledger_payout_settle(struct kc_ledger *ledger, const struct kc_payout *payout,
                                         enum kc_error answer)
{
    struct kc_payout_row row;
    struct kc_account_row account;
    struct kc_closing_row closing;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = kc_ledger_note(
        ledger, store->payout_get(store->context, &row, payout->account.number, payout->number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_TRANSACTION) : result;
    }
    if (row.state != KC_PAYOUT_SENT || answer == KC_IN_DOUBT) {
        return kc_ok();
    }
    result = corrupt(ledger, store->account_get(store->context, &account, row.account.number));
    if (!kc_failed(result)) {
        result = corrupt(ledger, store->closing_get(store->context, &closing, row.account.number));
    }
    if (kc_failed(result)) {
        return result;
    }
    row.ended_ms = ledger->now_ms;
    row.state = answer == KC_OK ? KC_PAYOUT_PAID : KC_PAYOUT_REFUSED;
    closing.act_ms = answer == KC_OK ? ledger->now_ms : ledger->now_ms + DAY_MS;
    if (closing.closed_ms == 0 && closing.act_ms > closing.due_ms) {
        closing.act_ms = closing.due_ms;
    }
    result = answer == KC_OK ? post(ledger, &row, KC_BOOK_IN_FLIGHT, KC_BOOK_OUTSIDE)
                             : take_back(ledger, &row, &account, answer);
    if (!kc_failed(result)) {
        result = put_payout(ledger, &row);
    }
    return kc_failed(result) ? result : save(ledger, &closing);
}
