/* Withdrawals and deposits, the answer that ends them and transfers, and the recovery call (EP1221669 Fig 14, 15, 18;
 * docs/protocol.md "Cash", "Transfer"). */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

static enum kc_cash_kind cash_kind(enum kc_transaction_kind kind)
{
    KC_ASSERT(kind == KC_TRANSACTION_WITHDRAW || kind == KC_TRANSACTION_DEPOSIT);
    return kind == KC_TRANSACTION_WITHDRAW ? KC_CASH_KIND_WITHDRAW : KC_CASH_KIND_DEPOSIT;
}

static bool is_cash(const struct kc_transaction_row *row)
{
    return row->kind == KC_TRANSACTION_WITHDRAW || row->kind == KC_TRANSACTION_DEPOSIT;
}

/* What somebody else receives is in neither of them. */
struct kc_result kc_quote_amounts(struct kc_amount *account, struct kc_amount *purse,
                                  const struct kc_transaction_row *row, struct kc_account_id own)
{
    struct kc_result result = kc_ok();
    bool out = kc_is_cash_out(row->kind);
    *account = row->account_before;
    *purse = row->purse_before;
    if (out && kc_failed(kc_amount_sub(purse, row->purse_before, row->amount))) {
        return kc_result(KC_INSUFFICIENT_VALUE);
    }
    if (!out && kc_failed(kc_amount_sub(account, row->account_before, row->amount))) {
        return kc_result(KC_INSUFFICIENT_ACCOUNT);
    }
    if (row->kind == KC_TRANSACTION_WITHDRAW) {
        result = kc_amount_add(purse, row->purse_before, row->amount);
    } else if (out && (!kc_is_transfer(row->kind) || row->other.number == own.number)) {
        result = kc_amount_add(account, row->account_before, row->amount);
    }
    return kc_failed(result) ? kc_result(KC_AMOUNT_TOO_LARGE) : result;
}

struct kc_result kc_quote_check(const struct kc_transaction_row *row, struct kc_account_id own)
{
    struct kc_amount account;
    struct kc_amount purse;
    bool transfer = kc_is_transfer(row->kind);
    bool good = (is_cash(row) || transfer) && transfer == (row->other.number != 0) &&
                !kc_amount_is_zero(row->amount) &&
                !kc_failed(kc_quote_amounts(&account, &purse, row, own));
    return kc_result(good ? KC_OK : KC_STORE_CORRUPT);
}

/* What others reported counts too: a payment that somebody took is gone from the purse before its own report says so. */
static struct kc_result check_purse(const struct kc_purse_row *purse,
                                    const struct kc_transaction_row *row)
{
    if (row->kind == KC_TRANSACTION_WITHDRAW) {
        return kc_result(kc_ledger_can_hold(purse, row->amount) ? KC_OK : KC_AMOUNT_TOO_LARGE);
    }
    bool can = !kc_is_cash_out(row->kind) || kc_ledger_can_give(purse, row->amount);
    return kc_result(can ? KC_OK : KC_INSUFFICIENT_VALUE);
}

void kc_ledger_quote(struct kc_cash_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                     const struct kc_transaction_row *row, const struct kc_purse_row *purse,
                     const struct kc_account_row *account)
{
    memcpy(name, account->name, sizeof account->name);
    memset(out, 0, sizeof *out);
    memcpy(out->request, row->request_digest, KC_DIGEST_SIZE);
    out->transaction_ms = row->time_ms;
    out->account = account->account;
    out->user_name = kc_view_text(name);
    out->purse_type = purse->type;
    out->purse = purse->purse;
    out->kind = cash_kind(row->kind);
    out->amount = row->amount;
    out->account_before = row->account_before;
    out->purse_before = row->purse_before;
    struct kc_result result =
        kc_quote_amounts(&out->account_after, &out->purse_after, row, account->account);
    KC_ASSERT(!kc_failed(result));
    out->counter = row->counter;
    out->expires_ms = row->expires_ms;
    out->time_ms = row->quoted_ms;
}

/* A card or machine has no account to move value from or to; what a card holds may go to somebody's. */
static bool may_ask(const struct kc_account_row *account, const struct kc_transaction_row *row)
{
    return account->type == KC_PURSE_TYPE_UIM ||
           (account->type != KC_PURSE_TYPE_MACHINE && row->kind == KC_TRANSACTION_TRANSFER_PURSE);
}

/* Everything that may refuse a request of a purse that matched. */
static struct kc_result check_request(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                      struct kc_account_row *account,
                                      const struct kc_ledger_information *information,
                                      struct kc_transaction_row *row)
{
    uint64_t pending_entry = 0;
    struct kc_amount after_account;
    struct kc_amount after_purse;
    struct kc_receiver receiver;
    struct kc_result result = kc_ledger_match(ledger, purse, account, information, &pending_entry);
    if (kc_failed(result)) {
        return result;
    }
    if (!may_ask(account, row)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (pending_entry != 0 || information->certified.sequence != purse->sequence ||
        information->information.counter != purse->counter) {
        return kc_result(KC_PENDING);
    }
    result = kc_ledger_check_amount(row->amount);
    if (kc_failed(result)) {
        return result;
    }
    bool leaves = row->kind == KC_TRANSACTION_WITHDRAW ||
                  (kc_is_transfer(row->kind) && row->other.number != account->account.number);
    if (leaves && !kc_amount_is_zero(purse->owed)) {
        return kc_result(KC_DEBT);
    }
    result = leaves ? kc_charge_check(ledger, account->account.number) : kc_ok();
    if (kc_failed(result)) {
        return result;
    }
    row->account_before = account->balance;
    row->purse_before = purse->value;
    row->counter = purse->counter;
    result = kc_quote_amounts(&after_account, &after_purse, row, account->account);
    if (!kc_failed(result) && kc_is_cash_out(row->kind)) {
        /* What the purse ever paid must stay countable too, for its totals have to agree. */
        result = kc_amount_add(&after_purse, purse->paid, row->amount);
        result = kc_result(kc_failed(result) ? KC_AMOUNT_TOO_LARGE : KC_OK);
    }
    if (!kc_failed(result)) {
        result = check_purse(purse, row);
    }
    if (!kc_failed(result) && kc_is_transfer(row->kind)) {
        result = kc_transfer_receiver(&receiver, ledger, purse, row);
    }
    return result;
}

static struct kc_result repeat_request(struct kc_cash_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                                       struct kc_ledger *ledger,
                                       const struct kc_ledger_arrival *arrival)
{
    struct kc_account_row account;
    const struct kc_transaction_row *row = &arrival->transaction;
    if (!arrival->has_transaction) {
        return kc_result(KC_REPLAYED);
    }
    if (row->state == KC_STATE_REFUSED) {
        return kc_result(row->reason);
    }
    if (!is_cash(row)) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = kc_quote_check(row, arrival->purse.account);
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, ledger->store->account_get(ledger->store->context, &account,
                                                                   arrival->purse.account.number));
    }
    if (!kc_failed(result)) {
        kc_ledger_quote(out, name, row, &arrival->purse, &account);
    }
    return result;
}

struct kc_result kc_quote_open(struct kc_ledger *ledger, struct kc_ledger_arrival *arrival,
                               struct kc_account_row *account,
                               const struct kc_ledger_information *information,
                               struct kc_transaction_row *row)
{
    struct kc_purse_row before = arrival->purse;
    struct kc_result result = check_request(ledger, &arrival->purse, account, information, row);
    if (!kc_failed(result)) {
        result = kc_ledger_passed(ledger, &arrival->purse, before.counter);
    }
    if (kc_failed(result)) {
        kc_purse_copy_out(&before, &arrival->purse);
        return kc_ledger_refuse(ledger, &before, row, result.code);
    }
    result = kc_ledger_end_open(ledger, &arrival->purse);
    row->state = KC_STATE_QUOTED;
    row->expires_ms = ledger->now_ms + ledger->options.quote_ms;
    arrival->purse.open_ms = row->time_ms;
    if (!kc_failed(result)) {
        result = kc_ledger_save_transaction(ledger, row);
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, &arrival->purse);
}

struct kc_result kc_ledger_cash_request(struct kc_cash_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                                        struct kc_ledger *ledger,
                                        const struct kc_cash_request *request,
                                        const struct kc_ledger_information *information,
                                        const struct kc_ledger_source *source)
{
    struct kc_ledger_arrival arrival;
    struct kc_account_row account;
    struct kc_transaction_row row;
    enum kc_transaction_kind kind =
        request->kind == KC_CASH_KIND_WITHDRAW ? KC_TRANSACTION_WITHDRAW : KC_TRANSACTION_DEPOSIT;
    struct kc_result result = kc_ledger_arrive(&arrival, ledger, &information->information,
                                               request->time_ms, KC_EVIDENCE_REQUEST, source);
    if (kc_failed(result)) {
        return result;
    }
    if (arrival.repeat) {
        return repeat_request(out, name, ledger, &arrival);
    }
    kc_ledger_new_transaction(&row, ledger, &arrival.purse, request->time_ms, kind, request->amount,
                              source);
    result = kc_quote_open(ledger, &arrival, &account, information, &row);
    if (!kc_failed(result)) {
        kc_ledger_quote(out, name, &row, &arrival.purse, &account);
    }
    return result;
}

/* ---- the answer ---- */

/* The quote's digest is over its content, so that a quote signed twice is one quote. */
static struct kc_result check_quote_digest(struct kc_ledger *ledger,
                                           const struct kc_cash_answer *answer,
                                           const struct kc_transaction_row *row,
                                           const struct kc_purse_row *purse,
                                           const struct kc_account_row *account)
{
    struct kc_cash_quote quote;
    char name[KC_NAME_SIZE_MAX + 1];
    uint8_t encoded[512];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_buffer buffer = KC_BUFFER(encoded);
    struct kc_result result = kc_quote_check(row, account->account);
    if (!kc_failed(result) && kc_is_transfer(row->kind)) {
        result = kc_transfer_encode(&buffer, ledger, row, purse);
    } else if (!kc_failed(result)) {
        kc_ledger_quote(&quote, name, row, purse, account);
        result = kc_shape_encode(&buffer, &kc_cash_quote_shape, &quote);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(ledger->crypto, digest, kc_buffer_view(&buffer));
    return kc_result(memcmp(digest, answer->quote, KC_DIGEST_SIZE) == 0 ? KC_OK : KC_MISMATCH);
}

static struct kc_result check_entry(const struct kc_entry *entry,
                                    const struct kc_transaction_row *row,
                                    const struct kc_purse_row *purse)
{
    if (!kc_is_cash_out(row->kind)) {
        return kc_result(entry == NULL ? KC_OK : KC_MISMATCH);
    }
    bool fits = entry != NULL && entry->kind == KC_ENTRY_KIND_CASH_OUT &&
                entry->counter > purse->counter && entry->has_transaction &&
                entry->transaction_ms == row->time_ms && !entry->has_voids &&
                kc_amount_compare(entry->amount, row->amount) == 0;
    if (fits && kc_is_transfer(row->kind)) {
        fits = entry->has_recipient && entry->recipient.number == row->other.number;
    }
    return kc_result(fits ? KC_OK : KC_MISMATCH);
}

/* Moves the purse's chain over the cash-out entry: head(n) = SHA-256(head(n-1) || body). Nothing moves when it fails: an
 * entry that was counted and not booked would be lost to the purse, or given back twice. */
static struct kc_result count_entry(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                    struct kc_view entry_bytes,
                                    const struct kc_transaction_row *row)
{
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = ledger->crypto;
    struct kc_result result = kc_amount_add(&purse->paid, purse->paid, row->amount);
    if (kc_failed(result)) {
        return result;
    }
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(purse->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, entry_bytes);
    crypto->sha256_end(crypto->context, &hash, purse->head);
    purse->counter += 1;
    purse->counted_ms = row->time_ms;
    memcpy(purse->counted_digest, row->answer_digest, KC_DIGEST_SIZE);
    return result;
}

/* The purse made other entries between the request and its OK, which the bank has not seen: the cash-out is booked now and
 * counted when the chain comes to it. */
static struct kc_result book_ahead(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                   const struct kc_entry *entry, struct kc_view entry_bytes,
                                   const struct kc_transaction_row *transaction)
{
    struct kc_record_row row = {.purse = purse->purse,
                                .counter = entry->counter,
                                .kind = KC_ENTRY_KIND_CASH_OUT,
                                .state = KC_RECORD_AHEAD,
                                .amount = entry->amount,
                                .shown_ms = transaction->time_ms,
                                .size = entry_bytes.size};
    struct kc_amount ahead;
    if (entry_bytes.size > sizeof row.bytes ||
        kc_failed(kc_amount_add(&ahead, purse->ahead_out, entry->amount))) {
        return kc_result(KC_AMOUNT_TOO_LARGE);
    }
    purse->ahead_out = ahead;
    memcpy(row.shown_digest, transaction->answer_digest, KC_DIGEST_SIZE);
    memcpy(row.bytes, entry_bytes.data, entry_bytes.size);
    kc_digest(ledger->crypto, row.digest, entry_bytes);
    return kc_ledger_note(ledger, ledger->store->record_put(ledger->store->context, &row));
}

/* Books a confirmed transaction. Everything was checked when it was quoted and nothing of this purse moved since, but
 * the account may have. */
static struct kc_result book(struct kc_ledger *ledger, struct kc_purse_row *purse,
                             struct kc_account_row *account, struct kc_transaction_row *row,
                             const struct kc_entry *entry, struct kc_view entry_bytes)
{
    struct kc_amount account_after;
    struct kc_amount purse_after;
    struct kc_transaction_row now = *row;
    struct kc_receiver receiver;
    struct kc_shadow shadow = kc_shadow_of(purse);
    bool out = kc_is_cash_out(row->kind);
    bool transfer = kc_is_transfer(row->kind);
    KC_ASSERT(!out || entry != NULL);
    bool ahead = out && entry->counter != purse->counter + 1;
    now.account_before = account->balance;
    now.purse_before = purse->value;
    struct kc_result result =
        kc_quote_amounts(&account_after, &purse_after, &now, account->account);
    if (!kc_failed(result)) {
        result = check_purse(purse, &now);
    }
    if (!kc_failed(result) && transfer) {
        result = kc_transfer_receiver(&receiver, ledger, purse, row);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (ahead) {
        result = book_ahead(ledger, purse, entry, entry_bytes, row);
        purse_after = purse->value;
    } else if (out) {
        result = count_entry(ledger, purse, entry_bytes, row);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool comes_in = kc_amount_compare(account_after, account->balance) > 0;
    account->balance = account_after;
    purse->value = purse_after;
    uint64_t debit = out ? purse->purse.number : account->account.number;
    uint64_t credit = transfer ? kc_transfer_book(&receiver)
                      : out    ? account->account.number
                               : purse->purse.number;
    bool moves_purse = row->kind != KC_TRANSACTION_TRANSFER_ACCOUNT;
    result = kc_ledger_post(ledger, debit, credit, row->amount, row, moves_purse ? &shadow : NULL);
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, ledger->store->account_balance_put(ledger->store->context,
                                                                           account->account.number,
                                                                           account->balance));
    }
    if (!kc_failed(result) && comes_in) {
        result = kc_charge_incoming(ledger, account);
    }
    return kc_failed(result) || !transfer ? result
                                          : kc_transfer_credit(ledger, &receiver, purse, row);
}

/* Decides an answer to an open quote; the row's state and reason become final. */
static struct kc_result decide(struct kc_ledger *ledger, struct kc_purse_row *purse,
                               struct kc_account_row *account, struct kc_transaction_row *row,
                               const struct kc_cash_answer *answer, const struct kc_entry *entry,
                               struct kc_view entry_bytes)
{
    if (row->expires_ms < ledger->now_ms) {
        row->state = KC_STATE_NOT_COMPLETED;
        row->reason = KC_EXPIRED;
        return kc_ok();
    }
    if (answer->answer == KC_ANSWER_NG) {
        row->state = KC_STATE_DECLINED;
        row->reason = KC_DECLINED;
        return kc_ok();
    }
    struct kc_result result = book(ledger, purse, account, row, entry, entry_bytes);
    if (!kc_failed(result)) {
        row->state = KC_STATE_COMPLETED;
        return result;
    }
    if (ledger->broken != KC_OK) {
        return result;
    }
    row->state = KC_STATE_NOT_COMPLETED;
    row->reason = result.code;
    return kc_ok();
}

/* NG changed nothing, and the purse does not wait for its answer: there the newest certified value stays what it is. */
static struct kc_result finish(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                               struct kc_purse_row *purse, const struct kc_account_row *account,
                               struct kc_transaction_row *row, enum kc_answer answer)
{
    struct kc_result result = kc_ledger_newest(&out->certified, ledger, purse);
    if (!kc_failed(result) && answer == KC_ANSWER_OK) {
        result = kc_ledger_certify(&out->certified, ledger, account, purse);
    }
    purse->open_ms = 0;
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

static struct kc_result load_answered(struct kc_purse_row *purse, struct kc_account_row *account,
                                      struct kc_transaction_row *row, struct kc_ledger *ledger,
                                      const struct kc_cash_answer *answer)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, purse, answer->purse.number));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    result =
        kc_ledger_note(ledger, store->transaction_get(store->context, row, answer->purse.number,
                                                      answer->transaction_ms));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_TRANSACTION) : result;
    }
    return kc_ledger_note(ledger,
                          store->account_get(store->context, account, purse->account.number));
}

/* A cash-out with a counter that the purse gave to somebody else already is the act of a copy. */
static struct kc_result check_counter(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                      const struct kc_entry *entry,
                                      const struct kc_ledger_source *source)
{
    bool otherwise = false;
    struct kc_shown evidence = {.time_ms = entry->transaction_ms};
    memcpy(evidence.digest, source->digest, KC_DIGEST_SIZE);
    struct kc_shown against = evidence;
    struct kc_result result =
        kc_ledger_signed_otherwise(&otherwise, &against, ledger, purse, entry->counter);
    if (kc_failed(result) || !otherwise) {
        return result;
    }
    return kc_ledger_accuse(ledger, purse, KC_COPIED_OR_RESTORED, entry->counter, &evidence,
                            &against);
}

struct kc_result kc_ledger_cash_answer(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                                       struct kc_account_id holder,
                                       const struct kc_cash_answer *answer,
                                       const struct kc_entry *entry, struct kc_view entry_bytes,
                                       const struct kc_ledger_source *source)
{
    struct kc_purse_row purse;
    struct kc_account_row account;
    struct kc_transaction_row row;
    memset(out, 0, sizeof *out);
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = load_answered(&purse, &account, &row, ledger, answer);
    if (kc_failed(result)) {
        return result;
    }
    if (purse.account.number != holder.number) {
        return kc_result(KC_NOT_ALLOWED);
    }
    result = kc_ledger_check_key(ledger, purse.purse, source->signer, false);
    if (!kc_failed(result)) {
        result = kc_ledger_keep(ledger, purse.purse, row.time_ms, KC_EVIDENCE_ANSWER, source);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (row.state != KC_STATE_QUOTED) {
        return is_cash(&row) || kc_is_transfer(row.kind)
                   ? kc_ledger_stored(out, ledger, &row, &purse)
                   : kc_result(KC_MISMATCH);
    }
    if (purse.state != KC_PURSE_ACTIVE) {
        return kc_result(kc_purse_refusal(&purse));
    }
    if (answer->time_ms <= purse.last_ms) {
        return kc_result(KC_REPLAYED);
    }
    result = check_quote_digest(ledger, answer, &row, &purse, &account);
    if (!kc_failed(result) && answer->answer == KC_ANSWER_OK) {
        result = check_entry(entry, &row, &purse);
    }
    if (!kc_failed(result) && entry != NULL) {
        result = check_counter(ledger, &purse, entry, source);
        struct kc_result claimed = kc_claim_out(ledger, &purse);
        result = kc_failed(claimed) ? claimed : result;
    }
    if (kc_failed(result)) {
        return result;
    }
    uint64_t counted = purse.counter;
    purse.last_ms = answer->time_ms;
    memcpy(purse.last_digest, source->digest, KC_DIGEST_SIZE);
    memcpy(row.answer_digest, source->digest, KC_DIGEST_SIZE);
    result = decide(ledger, &purse, &account, &row, answer, entry, entry_bytes);
    if (!kc_failed(result)) {
        result = kc_ledger_passed(ledger, &purse, counted);
    }
    return kc_failed(result) ? result : finish(out, ledger, &purse, &account, &row, answer->answer);
}

/* ---- quotes that nobody answered ---- */

#define LATE_MAX 64

struct late {
    size_t count;
    struct kc_purse_id purses[LATE_MAX];
};

static bool collect_late(void *owner, const struct kc_transaction_row *row)
{
    struct late *late = owner;
    late->purses[late->count++] = row->purse;
    return late->count < LATE_MAX;
}

struct kc_result kc_ledger_end_late(struct kc_ledger *ledger, size_t *count)
{
    struct late late = {.count = 0};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &late, .transaction = collect_late};
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_late(store->context, &scan, ledger->now_ms));
    for (size_t i = 0; i < late.count && !kc_failed(result); i++) {
        struct kc_purse_row purse;
        result =
            kc_ledger_note(ledger, store->purse_get(store->context, &purse, late.purses[i].number));
        if (!kc_failed(result)) {
            result = kc_ledger_end_open(ledger, &purse);
        }
        if (!kc_failed(result)) {
            result = kc_ledger_save_purse(ledger, &purse);
        }
    }
    *count = late.count;
    return result;
}

/* ---- recovery ---- */

/* How the transaction ended that the purse asks about; an open quote ends here. */
static struct kc_result settle_pending(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                                       struct kc_purse_row *purse,
                                       const struct kc_state_request *request)
{
    struct kc_transaction_row row;
    const struct kc_store *store = ledger->store;
    out->outcome = KC_OUTCOME_NONE;
    struct kc_result result = kc_ledger_end_open(ledger, purse);
    if (kc_failed(result) || !request->has_pending) {
        return result;
    }
    out->transaction_ms = request->pending_ms;
    result =
        kc_ledger_note(ledger, store->transaction_get(store->context, &row, purse->purse.number,
                                                      request->pending_ms));
    if (result.code == KC_NOT_FOUND) {
        return kc_ok();
    }
    out->outcome = kc_ledger_outcome_of(row.state);
    out->reason = row.reason;
    return result;
}

/* A call that was answered ended the open quote then, so nothing changes now. One that was refused
 * is refused again. */
static struct kc_result repeat_state(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                                     struct kc_ledger_arrival *arrival,
                                     const struct kc_state_request *request,
                                     const struct kc_ledger_information *information)
{
    struct kc_purse_row purse = arrival->purse;
    struct kc_account_row account;
    uint64_t pending_entry = 0;
    struct kc_result result =
        kc_ledger_match(ledger, &purse, &account, information, &pending_entry);
    if (kc_failed(result)) {
        return result;
    }
    result = settle_pending(out, ledger, &arrival->purse, request);
    out->has_certified = true;
    return kc_failed(result) ? result
                             : kc_ledger_recall(&out->certified, arrival->purse.certified,
                                                arrival->purse.certified_size);
}

struct kc_result kc_ledger_state(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                                 const struct kc_state_request *request,
                                 const struct kc_ledger_information *information,
                                 const struct kc_ledger_source *source)
{
    struct kc_ledger_arrival arrival;
    struct kc_account_row account;
    uint64_t pending_entry = 0;
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_ledger_arrive(&arrival, ledger, &information->information,
                                               request->time_ms, KC_EVIDENCE_STATE, source);
    if (kc_failed(result)) {
        return result;
    }
    if (arrival.repeat) {
        return arrival.has_transaction ? kc_result(KC_MISMATCH)
                                       : repeat_state(out, ledger, &arrival, request, information);
    }
    struct kc_purse_row before = arrival.purse;
    result = kc_ledger_match(ledger, &arrival.purse, &account, information, &pending_entry);
    if (!kc_failed(result)) {
        result = kc_ledger_passed(ledger, &arrival.purse, before.counter);
    }
    if (kc_failed(result)) {
        kc_purse_copy_out(&before, &arrival.purse);
        struct kc_result saved = kc_ledger_save_purse(ledger, &before);
        if (!kc_failed(saved)) {
            saved = kc_claim_out(ledger, &before);
        }
        return kc_failed(saved) ? saved : result;
    }
    result = settle_pending(out, ledger, &arrival.purse, request);
    if (!kc_failed(result) && information->information.counter > arrival.purse.counter) {
        result = kc_claim_restore(ledger, &arrival.purse, information->certified.sequence);
    }
    if (!kc_failed(result) && information->certified.sequence < arrival.purse.sequence) {
        result = kc_ledger_untell(ledger, &arrival.purse, information->certified.sequence);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_certify(&out->certified, ledger, &account, &arrival.purse);
        out->has_certified = true;
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, &arrival.purse);
}
