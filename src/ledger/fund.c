/* Funding and redeeming (docs/protocol.md "Funding and redeeming"): two writes with the ordinary bank asked in between. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

/* False when the ordinary bank's money would make the sum of everything uncountable: several orders
 * that each fitted when they were sent. Such an order waits until value has left. */
static bool fits(const struct kc_ledger *ledger, const struct kc_transaction_row *row)
{
    struct kc_amount after;
    return row->kind == KC_TRANSACTION_REDEEM ||
           (!kc_failed(kc_amount_add(&after, ledger->totals.outside, ledger->totals.claims)) &&
            !kc_failed(kc_amount_add(&after, after, row->amount)));
}

static struct kc_result check_request(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                      struct kc_account_row *account,
                                      const struct kc_ledger_information *information,
                                      const struct kc_transaction_row *row)
{
    uint64_t pending_entry = 0;
    struct kc_amount after;
    struct kc_result result = kc_ledger_match(ledger, purse, account, information, &pending_entry);
    if (kc_failed(result)) {
        return result;
    }
    /* A card or machine has no account to move value from or to. */
    if (account->type != KC_PURSE_TYPE_UIM) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (pending_entry != 0 || information->certified.sequence != purse->sequence) {
        return kc_result(KC_PENDING);
    }
    result = kc_ledger_check_amount(row->amount);
    if (kc_failed(result)) {
        return result;
    }
    if (row->kind == KC_TRANSACTION_REDEEM) {
        if (!kc_amount_is_zero(purse->owed)) {
            return kc_result(KC_DEBT);
        }
        result = kc_amount_sub(&after, account->balance, row->amount);
        if (kc_failed(result)) {
            return kc_result(KC_INSUFFICIENT_ACCOUNT);
        }
        /* Without claims this always holds. With them the ordinary bank may have been given less than is in the books, and
         * what is in flight to it already counts. */
        result = kc_amount_add(&after, ledger->totals.in_flight, row->amount);
        bool can_pay = !kc_failed(result) && kc_amount_compare(after, ledger->totals.outside) <= 0;
        return kc_result(can_pay ? KC_OK : KC_NO_ABILITY_TO_PAY);
    }
    /* The sum of everything must stay countable, not only this account. */
    return kc_result(fits(ledger, row) ? KC_OK : KC_AMOUNT_TOO_LARGE);
}

/* Takes or gives back what a redemption moves out of the account. */
static struct kc_result move_account(struct kc_ledger *ledger, struct kc_account_row *account,
                                     const struct kc_transaction_row *row, uint64_t debit,
                                     uint64_t credit)
{
    bool out = debit == account->account.number;
    struct kc_result result = out ? kc_amount_sub(&account->balance, account->balance, row->amount)
                                  : kc_amount_add(&account->balance, account->balance, row->amount);
    if (!kc_failed(result)) {
        result = kc_ledger_post(ledger, debit, credit, row->amount, row, NULL);
    }
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, result);
    }
    return kc_ledger_note(ledger, ledger->store->account_balance_put(ledger->store->context,
                                                                     account->account.number,
                                                                     account->balance));
}

static void fill_order(struct kc_ledger_order *out, const struct kc_transaction_row *row,
                       const struct kc_account_row *account)
{
    *out = (struct kc_ledger_order){.ask = true,
                                    .purse = row->purse,
                                    .time_ms = row->time_ms,
                                    .kind = row->kind == KC_TRANSACTION_FUND ? KC_FUND_KIND_FUND
                                                                             : KC_FUND_KIND_REDEEM,
                                    .amount = row->amount};
    memcpy(out->bank_account, account->bank_account, sizeof out->bank_account);
}

static struct kc_result repeat(struct kc_ledger_order *order, struct kc_ledger_outcome *out,
                               struct kc_ledger *ledger, const struct kc_ledger_arrival *arrival)
{
    const struct kc_transaction_row *row = &arrival->transaction;
    struct kc_account_row account;
    bool fund = arrival->has_transaction &&
                (row->kind == KC_TRANSACTION_FUND || row->kind == KC_TRANSACTION_REDEEM);
    if (!fund) {
        return kc_result(arrival->has_transaction ? KC_MISMATCH : KC_REPLAYED);
    }
    if (row->state != KC_STATE_SENT) {
        return kc_ledger_stored(out, ledger, row, &arrival->purse);
    }
    struct kc_result result =
        kc_ledger_note(ledger, ledger->store->account_get(ledger->store->context, &account,
                                                          arrival->purse.account.number));
    if (!kc_failed(result)) {
        fill_order(order, row, &account);
    }
    return result;
}

struct kc_result kc_ledger_fund_begin(struct kc_ledger_order *order, struct kc_ledger_outcome *out,
                                      struct kc_ledger *ledger,
                                      const struct kc_fund_request *request,
                                      const struct kc_ledger_information *information,
                                      const struct kc_ledger_source *source)
{
    struct kc_ledger_arrival arrival;
    struct kc_account_row account;
    struct kc_transaction_row row;
    enum kc_transaction_kind kind =
        request->kind == KC_FUND_KIND_FUND ? KC_TRANSACTION_FUND : KC_TRANSACTION_REDEEM;
    memset(order, 0, sizeof *order);
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_ledger_arrive(&arrival, ledger, &information->information,
                                               request->time_ms, KC_EVIDENCE_FUND, source);
    if (kc_failed(result)) {
        return result;
    }
    if (arrival.repeat) {
        return repeat(order, out, ledger, &arrival);
    }
    struct kc_purse_row before = arrival.purse;
    kc_ledger_new_transaction(&row, ledger, &before, request->time_ms, kind, request->amount,
                              source);
    result = check_request(ledger, &arrival.purse, &account, information, &row);
    if (!kc_failed(result)) {
        result = kc_ledger_passed(ledger, &arrival.purse, before.counter);
    }
    if (kc_failed(result)) {
        kc_purse_copy_out(&before, &arrival.purse);
        return kc_ledger_refuse(ledger, &before, &row, result.code);
    }
    result = kc_ledger_end_open(ledger, &arrival.purse);
    row.state = KC_STATE_SENT;
    row.account_before = account.balance;
    row.purse_before = arrival.purse.value;
    row.counter = arrival.purse.counter;
    if (!kc_failed(result) && kind == KC_TRANSACTION_REDEEM) {
        arrival.purse.value_ms = ledger->now_ms;
        result = move_account(ledger, &account, &row, account.account.number, KC_BOOK_IN_FLIGHT);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_save_transaction(ledger, &row);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_save_purse(ledger, &arrival.purse);
    }
    fill_order(order, &row, &account);
    return result;
}

static struct kc_result book(struct kc_ledger *ledger, struct kc_account_row *account,
                             const struct kc_transaction_row *row, bool done)
{
    uint64_t number = account->account.number;
    if (row->kind == KC_TRANSACTION_FUND) {
        return done ? move_account(ledger, account, row, KC_BOOK_OUTSIDE, number) : kc_ok();
    }
    if (done) {
        return kc_ledger_post(ledger, KC_BOOK_IN_FLIGHT, KC_BOOK_OUTSIDE, row->amount, row, NULL);
    }
    return move_account(ledger, account, row, KC_BOOK_IN_FLIGHT, number);
}

static struct kc_result settle(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                               struct kc_purse_row *purse, struct kc_account_row *account,
                               struct kc_transaction_row *row, enum kc_error answer)
{
    bool done = answer == KC_OK;
    bool comes_in = done == (row->kind == KC_TRANSACTION_FUND);
    struct kc_result result = book(ledger, account, row, done);
    if (!kc_failed(result) && purse->state == KC_PURSE_ACTIVE) {
        result = kc_claim_account(ledger, purse, account);
    }
    if (!kc_failed(result) && comes_in) {
        result = kc_charge_incoming(ledger, account);
    }
    if (!kc_failed(result) && comes_in) {
        result = kc_close_incoming(ledger, account);
    }
    if (kc_failed(result)) {
        return result;
    }
    row->state = done ? KC_STATE_COMPLETED : KC_STATE_REFUSED;
    row->reason = answer;
    result = kc_ledger_bare(ledger, purse);
    if (!kc_failed(result)) {
        result = kc_ledger_certify(&out->certified, ledger, account, purse);
    }
    row->certified_size = purse->certified_size;
    memcpy(row->certified, purse->certified, purse->certified_size);
    if (!kc_failed(result)) {
        result = kc_ledger_save_transaction(ledger, row);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_save_purse(ledger, purse);
    }
    out->outcome = kc_ledger_outcome_of(row->state);
    out->reason = row->reason;
    out->transaction_ms = row->time_ms;
    out->has_certified = true;
    return result;
}

struct kc_result kc_ledger_fund_settle(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                                       struct kc_purse_id purse, uint64_t time_ms,
                                       enum kc_error answer)
{
    const struct kc_store *store = ledger->store;
    struct kc_purse_row purse_row;
    struct kc_account_row account;
    struct kc_transaction_row row;
    memset(out, 0, sizeof *out);
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->transaction_get(store->context, &row, purse.number, time_ms));
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->purse_get(store->context, &purse_row, purse.number));
    }
    if (!kc_failed(result)) {
        result = kc_ledger_note(
            ledger, store->account_get(store->context, &account, purse_row.account.number));
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_TRANSACTION) : result;
    }
    if (kc_amount_is_zero(row.amount) ||
        (row.kind != KC_TRANSACTION_FUND && row.kind != KC_TRANSACTION_REDEEM)) {
        return kc_result(KC_STORE_CORRUPT);
    }
    bool waits = answer == KC_IN_DOUBT || (answer == KC_OK && !fits(ledger, &row));
    if (row.state != KC_STATE_SENT || waits) {
        return kc_ledger_stored(out, ledger, &row, &purse_row);
    }
    return settle(out, ledger, &purse_row, &account, &row, answer);
}

struct collecting {
    struct kc_ledger_order *out;
    size_t count;
    size_t max;
};

static bool collect(void *owner, const struct kc_transaction_row *row)
{
    struct collecting *collecting = owner;
    struct kc_account_row nobody = {.state = KC_ACCOUNT_OPEN};
    fill_order(&collecting->out[collecting->count++], row, &nobody);
    return collecting->count < collecting->max;
}

struct kc_result kc_ledger_in_doubt(struct kc_ledger_order *out, size_t *count, size_t max,
                                    struct kc_ledger *ledger, struct kc_purse_id purse,
                                    uint64_t time_ms)
{
    const struct kc_store *store = ledger->store;
    struct collecting collecting = {.out = out, .max = max};
    struct kc_store_scan scan = {.owner = &collecting, .transaction = collect};
    *count = 0;
    struct kc_result result = store->scan_sent(store->context, &scan, purse.number, time_ms);
    for (size_t i = 0; i < collecting.count && !kc_failed(result); i++) {
        struct kc_purse_row row;
        struct kc_account_row account;
        result = store->purse_get(store->context, &row, out[i].purse.number);
        if (!kc_failed(result)) {
            result = store->account_get(store->context, &account, row.account.number);
        }
        if (!kc_failed(result)) {
            memcpy(out[i].bank_account, account.bank_account, sizeof out[i].bank_account);
        }
    }
    *count = kc_failed(result) ? 0 : collecting.count;
    return result;
}
