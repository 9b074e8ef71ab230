/* A purse that is out of use, and the one that replaces it (docs/protocol.md "Lost purse and re-issue"); or one that is at hand
 * and empty ("Moving to a new purse"), which goes out of use when the new one is confirmed.
 *
 *            lost, or a proof         settlement time over: reissue           confirm
 *    active ─────────────────> out ─────────────────────────────────> out ─────────────> out, replaced
 *                                   new purse: waiting ──────────────────────────────────> active
 *
 *  1. Until the new purse is confirmed the old one keeps its books, and late records are booked as those of any purse.
 *  2. Then what is left of it becomes the first value of the new purse. What it lacks comes from the account as far as that
 *     reaches; the new purse owes the rest.
 *     What waits for the word of the old purse goes back to the payers: it can report no more.
 *  3. From then on the shadow of the old purse is zero after every report: what a late record credits goes to the account, what
 *     it costs comes from there, or is owed. The account of a machine is its owner's, who pays the dealer's fee (merchant.c). A
 *     card has none: what credits it waits for the next report of its successor.
 *
 *  4. The same holds where the account is closed (close.c), and no purse follows: what then is owed stays a claim.
 *
 * The counted chain of the old purse stands still, so what moves is booked ahead of it: ahead_out, and ahead_in. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

/* ---- moves ---- */

static bool raise(struct kc_amount *to, struct kc_amount amount)
{
    return !kc_failed(kc_amount_add(to, *to, amount));
}

static struct kc_result post(struct kc_ledger *ledger, struct kc_purse_id purse, uint64_t debit,
                             uint64_t credit, struct kc_amount amount, struct kc_shadow shadow)
{
    const struct kc_transaction_row transaction = {.purse = purse, .time_ms = ledger->now_ms};
    return kc_ledger_post(ledger, debit, credit, amount, &transaction, &shadow);
}

static struct kc_result keep_move(struct kc_ledger *ledger, struct kc_purse_id purse,
                                  uint64_t other, enum kc_move_kind kind, struct kc_amount amount)
{
    const struct kc_store *store = ledger->store;
    const struct kc_move_row row = {
        .purse = purse, .other = other, .kind = kind, .amount = amount, .time_ms = ledger->now_ms};
    return kc_ledger_note(ledger, store->move_add(store->context, &row));
}

/* Between two purses value passes the book in flight, so that a posting has one purse at most. */
static struct kc_result post_between(struct kc_ledger *ledger, const struct kc_purse_row *from,
                                     struct kc_shadow from_before, const struct kc_purse_row *to,
                                     struct kc_shadow to_before, struct kc_amount amount)
{
    struct kc_result result =
        post(ledger, from->purse, from->purse.number, KC_BOOK_IN_FLIGHT, amount, from_before);
    return kc_failed(result)
               ? result
               : post(ledger, to->purse, KC_BOOK_IN_FLIGHT, to->purse.number, amount, to_before);
}

/* What does not fit stays where it is: in the shadow of the old purse. */
static struct kc_result credit_account(struct kc_ledger *ledger, struct kc_purse_row *old,
                                       struct kc_account_row *account, struct kc_amount amount)
{
    struct kc_shadow before = kc_shadow_of(old);
    struct kc_amount balance = account->balance;
    struct kc_amount ahead = old->ahead_out;
    if (!raise(&balance, amount) || !raise(&ahead, amount)) {
        return kc_ok();
    }
    old->ahead_out = ahead;
    if (old->type == KC_PURSE_TYPE_MACHINE) {
        return kc_merchant_credit(ledger, old, account, amount, &before);
    }
    account->balance = balance;
    uint64_t number = account->account.number;
    struct kc_result result = post(ledger, old->purse, old->purse.number, number, amount, before);
    return kc_failed(result) ? result
                             : keep_move(ledger, old->purse, number, KC_MOVE_CREDIT, amount);
}

/* From the account as far as it reaches; *amount is then what is missing. */
static struct kc_result debit_account(struct kc_ledger *ledger, struct kc_purse_row *old,
                                      struct kc_account_row *account, struct kc_amount *amount)
{
    struct kc_shadow before = kc_shadow_of(old);
    bool reaches = kc_amount_compare(account->balance, *amount) >= 0;
    struct kc_amount part = reaches ? *amount : account->balance;
    if (kc_amount_is_zero(part) || !kc_ledger_can_hold(old, part)) {
        return kc_ok();
    }
    struct kc_result result = kc_amount_sub(&account->balance, account->balance, part);
    KC_ASSERT(!kc_failed(result));
    result = kc_amount_sub(amount, *amount, part);
    KC_ASSERT(!kc_failed(result));
    result = kc_amount_add(&old->ahead_in, old->ahead_in, part);
    KC_ASSERT(!kc_failed(result));
    uint64_t number = account->account.number;
    result = post(ledger, old->purse, number, old->purse.number, part, before);
    return kc_failed(result) ? result : keep_move(ledger, old->purse, number, KC_MOVE_DEBIT, part);
}

static struct kc_result owe(struct kc_ledger *ledger, struct kc_purse_row *old,
                            struct kc_purse_row *successor, struct kc_amount amount)
{
    struct kc_shadow old_before = kc_shadow_of(old);
    struct kc_shadow before = kc_shadow_of(successor);
    struct kc_amount ahead = successor->ahead_out;
    struct kc_amount owed = successor->owed;
    if (kc_amount_is_zero(amount) || !kc_ledger_can_hold(old, amount) || !raise(&ahead, amount) ||
        !raise(&owed, amount)) {
        return kc_ok();
    }
    struct kc_result result = kc_amount_add(&old->ahead_in, old->ahead_in, amount);
    KC_ASSERT(!kc_failed(result));
    successor->ahead_out = ahead;
    successor->owed = owed;
    result = post_between(ledger, successor, before, old, old_before, amount);
    return kc_failed(result)
               ? result
               : keep_move(ledger, old->purse, successor->purse.number, KC_MOVE_OWED, amount);
}

static struct kc_result give_remainder(struct kc_ledger *ledger, struct kc_purse_row *old,
                                       struct kc_purse_row *successor, struct kc_amount amount)
{
    struct kc_shadow old_before = kc_shadow_of(old);
    struct kc_shadow before = kc_shadow_of(successor);
    struct kc_amount ahead = old->ahead_out;
    struct kc_amount value = successor->value;
    if (!raise(&ahead, amount) || !raise(&value, amount)) {
        return kc_ok();
    }
    old->ahead_out = ahead;
    successor->value = value;
    successor->value_ms = ledger->now_ms;
    struct kc_result result = post_between(ledger, old, old_before, successor, before, amount);
    return kc_failed(result)
               ? result
               : keep_move(ledger, old->purse, successor->purse.number, KC_MOVE_REMAINDER, amount);
}

/* The row of a machine's owner is saved here; any other payer is the account at hand, which the caller saves. */
static struct kc_result debit_payer(struct kc_ledger *ledger, struct kc_purse_row *old,
                                    struct kc_account_row *account, struct kc_amount *amount)
{
    struct kc_account_row owner;
    const struct kc_store *store = ledger->store;
    if (account->type != KC_PURSE_TYPE_MACHINE) {
        return debit_account(ledger, old, account, amount);
    }
    struct kc_result result = kc_merchant_payer(&owner, ledger, account->account.number);
    if (!kc_failed(result)) {
        result = debit_account(ledger, old, &owner, amount);
    }
    return kc_failed(result)
               ? result
               : kc_ledger_note(ledger, store->account_balance_put(
                                            store->context, owner.account.number, owner.balance));
}

struct kc_result kc_ledger_inherit(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct kc_reissue_row row;
    struct kc_purse_row old;
    const struct kc_store *store = ledger->store;
    if (purse->type != KC_PURSE_TYPE_CARD && purse->type != KC_PURSE_TYPE_BEARER) {
        return kc_ok();
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->reissue_of_purse(store->context, &row, purse->purse.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    result = kc_ledger_note(ledger, store->purse_get(store->context, &old, row.old.number));
    struct kc_shadow shadow = {.amount = kc_amount_zero()};
    if (!kc_failed(result)) {
        shadow = kc_shadow_of(&old);
    }
    if (kc_failed(result) || shadow.below || kc_amount_is_zero(shadow.amount)) {
        return result;
    }
    result = give_remainder(ledger, &old, purse, shadow.amount);
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, &old);
}

struct kc_result kc_ledger_succeed(struct kc_ledger *ledger, struct kc_account_row *account,
                                   struct kc_purse_row *old, struct kc_purse_row *successor)
{
    struct kc_shadow shadow = kc_shadow_of(old);
    struct kc_result result = kc_ok();
    KC_ASSERT(old->state == KC_PURSE_OUT && old->account.number == successor->account.number);
    if (shadow.below) {
        result = debit_payer(ledger, old, account, &shadow.amount);
        if (!kc_failed(result)) {
            result = owe(ledger, old, successor, shadow.amount);
        }
    } else if (!kc_amount_is_zero(shadow.amount)) {
        result = give_remainder(ledger, old, successor, shadow.amount);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_silenced(ledger, old);
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, old);
}

/* ---- late records ---- */

/* A late record costs: the account pays as far as it reaches, and the purse that the holder has now owes the rest. */
static struct kc_result late_debit(struct kc_ledger *ledger, struct kc_purse_row *old,
                                   struct kc_account_row *account, struct kc_amount amount)
{
    struct kc_purse_row successor;
    struct kc_purse_row *at_work = ledger->at_work;
    const struct kc_store *store = ledger->store;
    struct kc_result result = debit_account(ledger, old, account, &amount);
    /* Where the account is closed nobody is left who could owe: it stays a claim. */
    bool last = account->purse.number == old->purse.number;
    if (kc_failed(result) || kc_amount_is_zero(amount) || last) {
        return result;
    }
    if (at_work != NULL && at_work->purse.number == account->purse.number) {
        /* It is the one that reports, and its row is saved at the end of the report. */
        return owe(ledger, old, at_work, amount);
    }
    result =
        kc_ledger_note(ledger, store->purse_get(store->context, &successor, account->purse.number));
    if (!kc_failed(result)) {
        result = owe(ledger, old, &successor, amount);
    }
    return kc_failed(result)
               ? result
               : kc_ledger_note(ledger, store->purse_ahead_put(store->context, &successor));
}

struct kc_result kc_ledger_late(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct kc_account_row account;
    const struct kc_store *store = ledger->store;
    struct kc_shadow shadow = kc_shadow_of(purse);
    if (purse->state != KC_PURSE_OUT || kc_amount_is_zero(shadow.amount)) {
        return kc_ok();
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &account, purse->account.number));
    bool waits = account.purse.number == purse->purse.number && account.state != KC_ACCOUNT_CLOSED;
    if (kc_failed(result) || waits) {
        return result;
    }
    if (purse->type != KC_PURSE_TYPE_UIM && purse->type != KC_PURSE_TYPE_MACHINE && !shadow.below) {
        /* A card has no account to credit: its successor has it at its next report. */
        return kc_ok();
    }
    const struct kc_purse_id successor = account.purse;
    result = kc_merchant_payer(&account, ledger, purse->account.number);
    if (kc_failed(result)) {
        return result;
    }
    account.purse = successor;
    result = shadow.below ? late_debit(ledger, purse, &account, shadow.amount)
                          : credit_account(ledger, purse, &account, shadow.amount);
    if (!kc_failed(result)) {
        result = kc_ledger_note(
            ledger,
            store->account_balance_put(store->context, account.account.number, account.balance));
    }
    if (!kc_failed(result) && !shadow.below) {
        result = kc_charge_incoming(ledger, &account);
    }
    return kc_failed(result) ? result : kc_close_incoming(ledger, &account);
}

struct kc_result kc_ledger_save_ahead(struct kc_ledger *ledger, struct kc_purse_row *purse)
{
    struct kc_result result = kc_ledger_late(ledger, purse);
    return kc_failed(result)
               ? result
               : kc_ledger_note(ledger,
                                ledger->store->purse_ahead_put(ledger->store->context, purse));
}

/* ---- lost ---- */

/* Whether another purse waits to take the place of this one, or has it. */
static struct kc_result is_replaced(bool *replaced, struct kc_ledger *ledger,
                                    const struct kc_purse_row *purse)
{
    struct kc_account_row account;
    struct kc_reissue_row last;
    struct kc_purse_row successor = {.state = KC_PURSE_OUT};
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->account_get(store->context, &account, purse->account.number));
    *replaced = !kc_failed(result) && account.purse.number != purse->purse.number;
    if (kc_failed(result) || *replaced) {
        return result;
    }
    result =
        kc_ledger_note(ledger, store->reissue_last(store->context, &last, purse->account.number));
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->purse_get(store->context, &successor, last.purse.number));
    }
    *replaced = !kc_failed(result) && successor.state == KC_PURSE_WAITING;
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

struct kc_result kc_ledger_lost(struct kc_ledger *ledger, const struct kc_lost_request *request,
                                const struct kc_ledger_source *source)
{
    struct kc_purse_row purse;
    const struct kc_store *store = ledger->store;
    bool replaced = false;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &purse, request->purse.number));
    if (result.code == KC_NOT_FOUND ||
        (!kc_failed(result) && purse.account.number != request->account.number)) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_keep(ledger, purse.purse, request->time_ms, KC_EVIDENCE_LOST, source);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (purse.state == KC_PURSE_OUT) {
        result = is_replaced(&replaced, ledger, &purse);
        if (kc_failed(result) || replaced) {
            return kc_failed(result) ? result : kc_result(KC_PURSE_BLOCKED);
        }
        return kc_ledger_owe_lost(ledger, &purse);
    }
    if (purse.state != KC_PURSE_ACTIVE) {
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    result = kc_ledger_end_open(ledger, &purse);
    if (!kc_failed(result)) {
        result = kc_ledger_put_out(ledger, &purse, KC_REPORTED_LOST);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_owe_lost(ledger, &purse);
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, &purse);
}

/* ---- re-issue ---- */

static void fill_opened(struct kc_ledger_opened *out, const struct kc_reissue_row *row,
                        const struct kc_account_row *account)
{
    *out = (struct kc_ledger_opened){.account = row->account,
                                     .purse = row->purse,
                                     .temporary_until_ms = row->temporary_until_ms,
                                     .expires_ms = account->expires_ms};
}

/* The one that waits already was never confirmed, and will not be. */
struct kc_result kc_reissue_give_up(struct kc_ledger *ledger, struct kc_account_id account)
{
    struct kc_reissue_row last;
    struct kc_purse_row purse;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->reissue_last(store->context, &last, account.number));
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->purse_get(store->context, &purse, last.purse.number));
    }
    if (kc_failed(result) || purse.state != KC_PURSE_WAITING) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    purse.state = KC_PURSE_OUT;
    purse.out_reason = KC_NOT_COMPLETED;
    return kc_ledger_save_purse(ledger, &purse);
}

static struct kc_result make_successor(struct kc_reissue_row *row, struct kc_ledger *ledger,
                                       const struct kc_purse_row *old,
                                       const struct kc_reissue_request *request)
{
    const struct kc_store *store = ledger->store;
    uint64_t number = 0;
    *row = (struct kc_reissue_row){.account = old->account,
                                   .old = old->purse,
                                   .suite = request->suite,
                                   .temporary_until_ms =
                                       ledger->now_ms + ledger->options.temporary_ms};
    memcpy(row->id, request->id, KC_OPEN_ID_SIZE);
    struct kc_result result = kc_reissue_give_up(ledger, old->account);
    if (!kc_failed(result)) {
        result = kc_ledger_next_number(&number, ledger);
    }
    if (kc_failed(result)) {
        return result;
    }
    row->purse.number = number;
    const struct kc_purse_row purse = {.purse = row->purse,
                                       .account = row->account,
                                       .type = old->type,
                                       .state = KC_PURSE_WAITING,
                                       .log_policy =
                                           kc_ledger_policy(old->type, request->log_policy)};
    result = kc_ledger_save_purse(ledger, &purse);
    return kc_failed(result) ? result
                             : kc_ledger_note(ledger, store->reissue_add(store->context, row));
}

/* Whether the purse of the account may be replaced now. */
static struct kc_result check_old(uint64_t *due_ms, const struct kc_ledger *ledger,
                                  const struct kc_account_row *account,
                                  const struct kc_purse_row *old)
{
    struct kc_result standing = kc_account_standing(account);
    if (kc_failed(standing)) {
        return standing;
    }
    if (account->expires_ms < ledger->now_ms) {
        return kc_result(KC_ACCOUNT_EXPIRED);
    }
    if (old->state != KC_PURSE_OUT) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    *due_ms = old->out_ms + ledger->options.settle_ms;
    return kc_result(ledger->now_ms < *due_ms ? KC_SETTLEMENT_RUNS : KC_OK);
}

static struct kc_result repeat(struct kc_ledger_opened *out, struct kc_ledger *ledger,
                               const struct kc_reissue_request *request,
                               const struct kc_reissue_row *row,
                               const struct kc_account_row *account)
{
    struct kc_purse_row purse;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &purse, row->purse.number));
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    fill_opened(out, row, account);
    bool same = row->account.number == request->account.number && row->suite == request->suite &&
                purse.log_policy == kc_ledger_policy(purse.type, request->log_policy);
    return kc_result(same ? KC_OK : KC_MISMATCH);
}

/* The old purse is at hand, and holds nothing: it stays in use until the new one is confirmed. Where it is out of use it is as
 * for a re-issue. */
static struct kc_result check_move(uint64_t *due_ms, const struct kc_ledger *ledger,
                                   const struct kc_account_row *account,
                                   const struct kc_purse_row *old)
{
    struct kc_result result = check_old(due_ms, ledger, account, old);
    if (result.code != KC_OUT_OF_ORDER) {
        return result;
    }
    if (old->type != KC_PURSE_TYPE_UIM && old->type != KC_PURSE_TYPE_MACHINE) {
        return kc_result(KC_NOT_ALLOWED);
    }
    return kc_result(kc_purse_is_empty(old) ? KC_OK : KC_NOT_EMPTY);
}

typedef struct kc_result (*check)(uint64_t *due_ms, const struct kc_ledger *ledger,
                                  const struct kc_account_row *account,
                                  const struct kc_purse_row *old);

static struct kc_result issue(struct kc_ledger_opened *out, uint64_t *due_ms,
                              struct kc_ledger *ledger, const struct kc_reissue_request *request,
                              enum kc_evidence_kind kind, check may, bool paid,
                              const struct kc_ledger_source *source)
{
    struct kc_account_row account;
    struct kc_purse_row old;
    struct kc_reissue_row row;
    const struct kc_store *store = ledger->store;
    *due_ms = 0;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = kc_ledger_note(
        ledger, store->account_get(store->context, &account, request->account.number));
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->purse_get(store->context, &old, account.purse.number));
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_ACCOUNT) : result;
    }
    result = kc_ledger_keep(ledger, old.purse, request->time_ms, kind, source);
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->reissue_by_id(store->context, &row, request->id));
    }
    if (!kc_failed(result)) {
        return repeat(out, ledger, request, &row, &account);
    }
    if (result.code == KC_NOT_FOUND) {
        result = may(due_ms, ledger, &account, &old);
        result =
            kc_failed(result) || !paid ? result : kc_charge_check_included(ledger, account.account);
    }
    if (!kc_failed(result)) {
        result = make_successor(&row, ledger, &old, request);
    }
    if (!kc_failed(result)) {
        fill_opened(out, &row, &account);
    }
    return result;
}

struct kc_result kc_ledger_reissue(struct kc_ledger_opened *out, uint64_t *due_ms,
                                   struct kc_ledger *ledger,
                                   const struct kc_reissue_request *request,
                                   const struct kc_ledger_source *source)
{
    return issue(out, due_ms, ledger, request, KC_EVIDENCE_REISSUE, check_old, false, source);
}

struct kc_result kc_ledger_move(struct kc_ledger_opened *out, uint64_t *due_ms,
                                struct kc_ledger *ledger, const struct kc_move_request *request,
                                const struct kc_ledger_source *source)
{
    struct kc_reissue_request like = {.account = request->account,
                                      .suite = request->suite,
                                      .log_policy = request->log_policy,
                                      .time_ms = request->time_ms};
    memcpy(like.id, request->id, sizeof like.id);
    return issue(out, due_ms, ledger, &like, KC_EVIDENCE_MOVE, check_move, request->paid, source);
}

/* A pair that the old purse had certified may have come when the registrar had its others revoked already. */
static struct kc_result owe_waiting(struct kc_ledger *ledger, const struct kc_purse_row *old)
{
    struct kc_renewal_row row;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->renewal_last(store->context, &row, old->purse.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    return row.state == KC_RENEWAL_WAITING ? kc_ledger_owe_certified(ledger, old) : kc_ok();
}

struct kc_result kc_reissue_release(struct kc_ledger *ledger, struct kc_purse_row *old)
{
    if (old->state == KC_PURSE_OUT) {
        bool runs = old->out_ms != 0 && ledger->now_ms < old->out_ms + ledger->options.settle_ms;
        /* It was lost, or proved to be copied, while the new one was being written. */
        return kc_result(runs ? KC_SETTLEMENT_RUNS : KC_OK);
    }
    if (old->state != KC_PURSE_ACTIVE) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    if (!kc_purse_is_empty(old)) {
        return kc_result(KC_NOT_EMPTY);
    }
    struct kc_result result = kc_ledger_end_open(ledger, old);
    if (!kc_failed(result)) {
        result = kc_ledger_put_out(ledger, old, KC_KEY_RENEWED);
    }
    return kc_failed(result) ? result : owe_waiting(ledger, old);
}
