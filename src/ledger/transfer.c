/* Transfers from a purse or its account to an account (EP1221669 Fig 18; docs/protocol.md "Transfer"). The request is quoted, and
 * the answer booked, as cash is (cash.c); here is what the receiver adds.
 *
 * Invariants:
 *  1. The receiver is credited in the same commit that debits the source: an account by the same posting, a card by a second one,
 *     so that nothing of it is left in flight.
 *  2. What may refuse a transfer at the receiver's is looked at twice: for the quote, and again at the OK.
 *  3. The quote is made from the row and the receiver's name alone, so it is the same every time. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

static bool is_own(const struct kc_purse_row *purse, const struct kc_transaction_row *row)
{
    return row->other.number == purse->account.number;
}

static struct kc_result check_standing(const struct kc_ledger *ledger,
                                       const struct kc_account_row *receiver)
{
    if (receiver->state != KC_ACCOUNT_OPEN) {
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    return kc_result(receiver->expires_ms < ledger->now_ms ? KC_ACCOUNT_EXPIRED : KC_OK);
}

/* A card receives in the place of its account, as much as it may hold. */
static struct kc_result load_card(struct kc_receiver *out, struct kc_ledger *ledger,
                                  struct kc_amount amount)
{
    struct kc_amount after;
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ledger_note(
        ledger, store->purse_get(store->context, &out->card, out->account.purse.number));
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT));
    }
    if (out->card.state != KC_PURSE_ACTIVE) {
        /* Not the reason why: a purse that hears "reported-lost" or "purse-blocked" takes it for its own. */
        return kc_result(KC_ACCOUNT_NOT_OPEN);
    }
    if (!kc_ledger_can_hold(&out->card, amount) ||
        kc_failed(kc_amount_add(&after, out->card.value, amount))) {
        return kc_result(KC_AMOUNT_TOO_LARGE);
    }
    bool over = kc_amount_compare(after, ledger->options.limits.purse_most) > 0;
    if (out->card.type == KC_PURSE_TYPE_BEARER) {
        /* Its certified amount is all that was ever loaded; what it holds is its shadow. */
        struct kc_shadow shadow = kc_shadow_of(&out->card);
        struct kc_result sum = kc_shadow_add(&shadow, amount);
        over = kc_failed(sum) ||
               (!shadow.below &&
                kc_amount_compare(shadow.amount, ledger->options.bearer.purse_most) > 0);
    }
    return kc_result(over ? KC_LIMIT_EXCEEDED : KC_OK);
}

static struct kc_result load_receiver(struct kc_receiver *out, struct kc_ledger *ledger,
                                      const struct kc_transaction_row *row)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result = store->account_get(store->context, &out->account, row->other.number);
    if (result.code == KC_NOT_FOUND) {
        return kc_result(KC_UNKNOWN_ACCOUNT);
    }
    result = kc_ledger_note(ledger, result);
    if (!kc_failed(result)) {
        result = check_standing(ledger, &out->account);
    }
    if (!kc_failed(result) && out->account.type == KC_PURSE_TYPE_MACHINE) {
        result = kc_result(KC_NOT_ALLOWED);
    }
    out->is_card = out->account.type != KC_PURSE_TYPE_UIM;
    return result;
}

/* Whether the transfer pays a machine that sells for the receiver, and an offer that nobody paid yet. */
static struct kc_result check_offer(struct kc_ledger *ledger, const struct kc_transaction_row *row)
{
    struct kc_purse_row machine;
    struct kc_account_row account;
    struct kc_transaction_row before;
    const struct kc_store *store = ledger->store;
    if (row->machine.number == 0) {
        return kc_ok();
    }
    if (row->kind != KC_TRANSACTION_TRANSFER_ACCOUNT) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &machine, row->machine.number));
    if (!kc_failed(result)) {
        result = kc_ledger_note(
            ledger, store->account_get(store->context, &account, machine.account.number));
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_WRONG_MACHINE) : result;
    }
    /* A till's purse may be the dealer's own. */
    bool sells =
        account.owner.number == row->other.number || account.account.number == row->other.number;
    if (!sells || machine.state != KC_PURSE_ACTIVE) {
        return kc_result(KC_WRONG_MACHINE);
    }
    result = kc_ledger_note(
        ledger, store->transaction_by_reference(store->context, &before, row->reference));
    return result.code == KC_NOT_FOUND ? kc_ok()
           : kc_failed(result)         ? result
                                       : kc_result(KC_REFERENCE_USED);
}

struct kc_result kc_transfer_receiver(struct kc_receiver *out, struct kc_ledger *ledger,
                                      const struct kc_purse_row *purse,
                                      const struct kc_transaction_row *row)
{
    struct kc_amount after;
    KC_ASSERT(kc_is_transfer(row->kind));
    if (!kc_number_checks(row->other.number)) {
        return kc_result(KC_WRONG_NUMBER);
    }
    bool deposits = purse->type == KC_PURSE_TYPE_UIM && row->kind == KC_TRANSACTION_TRANSFER_PURSE;
    if (is_own(purse, row) && !deposits) {
        return kc_result(KC_SAME_ACCOUNT);
    }
    struct kc_result result = load_receiver(out, ledger, row);
    if (!kc_failed(result)) {
        result = check_offer(ledger, row);
    }
    if (kc_failed(result) || is_own(purse, row)) {
        return result;
    }
    if (!kc_amount_is_zero(purse->owed)) {
        return kc_result(KC_DEBT);
    }
    if (out->is_card) {
        return load_card(out, ledger, row->amount);
    }
    bool fits = !kc_failed(kc_amount_add(&after, out->account.balance, row->amount));
    return kc_result(fits ? KC_OK : KC_AMOUNT_TOO_LARGE);
}

uint64_t kc_transfer_book(const struct kc_receiver *receiver)
{
    return receiver->is_card ? KC_BOOK_IN_FLIGHT : receiver->account.account.number;
}

/* The card learns of it by its next call: the sequence says that its own certified value is behind. */
static struct kc_result credit_card(struct kc_ledger *ledger, struct kc_receiver *receiver,
                                    const struct kc_transaction_row *row)
{
    struct kc_certified certified;
    struct kc_purse_row *card = &receiver->card;
    struct kc_shadow shadow = kc_shadow_of(card);
    struct kc_transaction_row theirs = *row;
    theirs.purse = card->purse;
    struct kc_result result = kc_amount_add(&card->value, card->value, row->amount);
    KC_ASSERT(!kc_failed(result));
    result = kc_ledger_post(ledger, KC_BOOK_IN_FLIGHT, card->purse.number, row->amount, &theirs,
                            &shadow);
    if (!kc_failed(result)) {
        result = kc_ledger_end_open(ledger, card);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_certify(&certified, ledger, &receiver->account, card);
    }
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, card);
}

/* What comes in pays what the receiver's purse owes, as funding does. */
static struct kc_result pay_debt(struct kc_ledger *ledger, struct kc_account_row *receiver)
{
    struct kc_purse_row purse;
    const struct kc_store *store = ledger->store;
    struct kc_result result =
        kc_ledger_note(ledger, store->purse_get(store->context, &purse, receiver->purse.number));
    if (kc_failed(result)) {
        return result;
    }
    if (purse.state == KC_PURSE_OUT) {
        result = kc_claim_out(ledger, &purse);
        /* Its row is read there anew: what is left is not what this one says. */
        return kc_failed(result)
                   ? result
                   : kc_ledger_note(ledger, store->account_get(store->context, receiver,
                                                               receiver->account.number));
    }
    if (kc_amount_is_zero(purse.owed)) {
        return kc_ok();
    }
    result = kc_claim_account(ledger, &purse, receiver);
    return kc_failed(result) ? result : kc_ledger_save_purse(ledger, &purse);
}

struct kc_result kc_transfer_credit(struct kc_ledger *ledger, struct kc_receiver *to,
                                    const struct kc_purse_row *purse,
                                    struct kc_transaction_row *row)
{
    const struct kc_store *store = ledger->store;
    struct kc_account_row *receiver = &to->account;
    if (is_own(purse, row)) {
        return kc_ok();
    }
    if (to->is_card) {
        row->other_purse = to->card.purse;
        return credit_card(ledger, to, row);
    }
    struct kc_result result = kc_amount_add(&receiver->balance, receiver->balance, row->amount);
    KC_ASSERT(!kc_failed(result));
    result =
        kc_ledger_note(ledger, store->account_balance_put(store->context, receiver->account.number,
                                                          receiver->balance));
    if (!kc_failed(result)) {
        result = pay_debt(ledger, receiver);
    }
    return kc_failed(result) ? result : kc_charge_incoming(ledger, receiver);
}

static void make_quote(struct kc_transfer_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                       const struct kc_ledger *ledger, const struct kc_transaction_row *row,
                       const struct kc_purse_row *purse, const struct kc_account_row *receiver)
{
    memcpy(name, receiver->name, sizeof receiver->name);
    memset(out, 0, sizeof *out);
    memcpy(out->request, row->request_digest, KC_DIGEST_SIZE);
    out->transaction_ms = row->time_ms;
    out->bank = ledger->options.realm.bank;
    out->account = purse->account;
    out->purse_type = purse->type;
    out->purse = purse->purse;
    out->source = kc_is_cash_out(row->kind) ? KC_TRANSFER_SOURCE_PURSE : KC_TRANSFER_SOURCE_ACCOUNT;
    out->to = row->other;
    out->to_name = kc_view_text(name);
    out->amount = row->amount;
    out->account_before = row->account_before;
    out->purse_before = row->purse_before;
    struct kc_result result =
        kc_quote_amounts(&out->account_after, &out->purse_after, row, purse->account);
    KC_ASSERT(!kc_failed(result));
    out->counter = row->counter;
    out->expires_ms = row->expires_ms;
    out->time_ms = row->quoted_ms;
}

/* From the row as it is kept. */
static struct kc_result quote(struct kc_transfer_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                              struct kc_ledger *ledger, const struct kc_transaction_row *row,
                              const struct kc_purse_row *purse)
{
    struct kc_account_row receiver;
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_quote_check(row, purse->account);
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger,
                                store->account_get(store->context, &receiver, row->other.number));
    }
    if (!kc_failed(result)) {
        make_quote(out, name, ledger, row, purse, &receiver);
    }
    return result.code == KC_NOT_FOUND ? kc_result(KC_STORE_CORRUPT) : result;
}

struct kc_result kc_transfer_encode(struct kc_buffer *out, struct kc_ledger *ledger,
                                    const struct kc_transaction_row *row,
                                    const struct kc_purse_row *purse)
{
    struct kc_transfer_quote made;
    char name[KC_NAME_SIZE_MAX + 1];
    struct kc_result result = quote(&made, name, ledger, row, purse);
    return kc_failed(result) ? result : kc_shape_encode(out, &kc_transfer_quote_shape, &made);
}

static struct kc_result repeat(struct kc_transfer_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                               struct kc_ledger *ledger, const struct kc_ledger_arrival *arrival)
{
    const struct kc_transaction_row *row = &arrival->transaction;
    if (!arrival->has_transaction) {
        return kc_result(KC_REPLAYED);
    }
    if (row->state == KC_STATE_REFUSED) {
        return kc_result(row->reason);
    }
    return kc_is_transfer(row->kind) ? quote(out, name, ledger, row, &arrival->purse)
                                     : kc_result(KC_MISMATCH);
}

struct kc_result kc_ledger_transfer_request(struct kc_transfer_quote *out,
                                            char name[KC_NAME_SIZE_MAX + 1],
                                            struct kc_ledger *ledger,
                                            const struct kc_transfer_request *request,
                                            const struct kc_ledger_information *information,
                                            const struct kc_ledger_source *source)
{
    struct kc_ledger_arrival arrival;
    struct kc_account_row account;
    struct kc_transaction_row row;
    enum kc_transaction_kind kind = request->source == KC_TRANSFER_SOURCE_PURSE
                                        ? KC_TRANSACTION_TRANSFER_PURSE
                                        : KC_TRANSACTION_TRANSFER_ACCOUNT;
    struct kc_result result = kc_ledger_arrive(&arrival, ledger, &information->information,
                                               request->time_ms, KC_EVIDENCE_TRANSFER, source);
    if (kc_failed(result)) {
        return result;
    }
    if (arrival.repeat) {
        return repeat(out, name, ledger, &arrival);
    }
    kc_ledger_new_transaction(&row, ledger, &arrival.purse, request->time_ms, kind, request->amount,
                              source);
    /* What is no account number is not kept: the store's numbers are smaller than those of the wire. */
    row.other.number = kc_number_checks(request->to.number) ? request->to.number : 0;
    if (request->has_reference && request->has_machine) {
        memcpy(row.reference, request->reference, KC_DIGEST_SIZE);
        /* As with accounts: a number that cannot be a purse's is not kept, and zero is nobody's. */
        bool kept = request->machine.number <= INT64_MAX;
        row.machine.number = kept ? request->machine.number : 0;
    }
    if (request->has_reference != request->has_machine ||
        (request->has_reference && row.machine.number == 0)) {
        return kc_ledger_refuse(ledger, &arrival.purse, &row, KC_WRONG_MACHINE);
    }
    result = kc_quote_open(ledger, &arrival, &account, information, &row);
    return kc_failed(result) ? result : quote(out, name, ledger, &row, &arrival.purse);
}

/* ---- the bank's word to a machine ---- */

struct kc_result kc_ledger_voucher(struct kc_voucher *out, struct kc_ledger *ledger,
                                   const uint8_t reference[KC_DIGEST_SIZE])
{
    struct kc_transaction_row row;
    struct kc_purse_row purse;
    struct kc_certified certified;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result =
        kc_ledger_note(ledger, store->transaction_by_reference(store->context, &row, reference));
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_TRANSACTION) : result;
    }
    result = kc_ledger_note(ledger, store->purse_get(store->context, &purse, row.purse.number));
    if (!kc_failed(result)) {
        result = kc_ledger_recall(&certified, row.certified, row.certified_size);
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_STORE_CORRUPT) : result;
    }
    *out = (struct kc_voucher){.bank = ledger->options.realm.bank,
                               .machine = row.machine,
                               .to = row.other,
                               .amount = row.amount,
                               .payer = purse.account,
                               .purse = row.purse,
                               .transaction_ms = row.time_ms,
                               .time_ms = certified.time_ms};
    memcpy(out->reference, reference, KC_DIGEST_SIZE);
    return result;
}
