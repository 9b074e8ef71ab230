/* What a machine owes to somebody whom its purse cannot pay, by its signed word (docs/protocol.md "What a machine owes").
 *
 *  1. A machine's word on a sale is carried out at most once; the same word, or one that says the same, has the same answer.
 *  2. It goes to the account that made the payment, and no more goes there than was paid.
 *  3. It is paid from the account of the machine's owner, which the report that showed the payment credited, and to the receiver
 *     in the same commit, as a transfer is. What cannot be paid leaves nothing behind. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"
#include "ledger/sums.h"

/* A payment to a machine, as far as something can be given back of it. */
struct paid {
    struct kc_account_id payer;
    struct kc_amount amount;
};

struct booked {
    bool found;
    bool settled;
    struct kc_payment_row row;
};

static bool see_payment(void *owner, const struct kc_payment_row *row)
{
    struct booked *booked = owner;
    if (row->state == KC_PAYMENT_BOOKED) {
        booked->found = true;
        booked->row = *row;
        booked->settled = row->payee_counted && row->taken && !row->inferred;
    }
    return !booked->settled;
}

/* Why there is no such payment: it was objected to, there is none, or it is not reported yet. */
static struct kc_result explain_none(struct kc_ledger *ledger, const struct kc_purse_row *machine,
                                     uint64_t counter)
{
    struct kc_record_row record;
    const struct kc_store *store = ledger->store;
    if (counter > machine->counter) {
        return kc_result(KC_NOT_SETTLED);
    }
    struct kc_result result = kc_ledger_note(
        ledger, store->record_get(store->context, &record, machine->purse.number, counter));
    if (kc_failed(result)) {
        return result;
    }
    return kc_result(record.objection != KC_OK ? record.objection : KC_NOT_FOUND);
}

/* What came to the owner's account for an offer of the machine. */
static struct kc_result find_voucher(struct paid *out, struct kc_ledger *ledger,
                                     const struct kc_purse_row *machine,
                                     const struct kc_give_back *word)
{
    struct kc_voucher voucher;
    struct kc_result result = kc_ledger_voucher(&voucher, ledger, word->reference);
    if (result.code == KC_UNKNOWN_TRANSACTION) {
        return kc_result(KC_NOT_FOUND);
    }
    if (!kc_failed(result) && voucher.machine.number != machine->purse.number) {
        return kc_result(KC_WRONG_MACHINE);
    }
    if (!kc_failed(result)) {
        out->payer = voucher.payer;
        out->amount = voucher.amount;
    }
    return result;
}

/* Who paid that, and how much: the one place that knows what can be given back. KC_NOT_SETTLED, KC_NOT_FOUND, KC_WRONG_MACHINE,
 * what was objected to the payment. */
static struct kc_result find_paid(struct paid *out, struct kc_ledger *ledger,
                                  const struct kc_purse_row *machine,
                                  const struct kc_give_back *word)
{
    struct booked booked = {.found = false};
    struct kc_purse_row payer;
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &booked, .payment = see_payment};
    if (word->counter == 0 && word->has_reference) {
        return find_voucher(out, ledger, machine, word);
    }
    if (word->counter == 0 || word->has_reference || word->counter > KC_AMOUNT_MAX) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result =
        kc_ledger_note(ledger, store->scan_taken(store->context, &scan, machine->purse.number,
                                                 word->counter, word->counter));
    if (!kc_failed(result) && !booked.settled) {
        return booked.found ? kc_result(KC_NOT_SETTLED)
                            : explain_none(ledger, machine, word->counter);
    }
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger,
                                store->purse_get(store->context, &payer, booked.row.payer.number));
        out->payer = payer.account;
        out->amount = booked.row.amount;
    }
    return result.code == KC_NOT_FOUND ? kc_ledger_note(ledger, kc_result(KC_STORE_CORRUPT))
                                       : result;
}

/* What was given back of that payment by other sales. */
struct given {
    const struct kc_give_back *word;
    bool good;
    struct kc_amount sum;
};

static const uint8_t none[KC_DIGEST_SIZE] = {0};

/* Whether a word is about the payment of a row. */
static bool same_payment(const struct kc_give_back_row *row, const struct kc_give_back *word)
{
    const uint8_t *reference = word->has_reference ? word->reference : none;
    return row->counter == word->counter && memcmp(row->reference, reference, KC_DIGEST_SIZE) == 0;
}

static bool add_given(void *owner, const struct kc_give_back_row *row)
{
    struct given *given = owner;
    if (same_payment(row, given->word)) {
        kc_raise(&given->good, &given->sum, row->amount);
    }
    return true;
}

static struct kc_result check_paid(struct kc_ledger *ledger, const struct kc_purse_row *machine,
                                   const struct kc_give_back *word)
{
    struct paid paid = {.payer = {0}, .amount = kc_amount_zero()};
    struct given given = {.word = word, .good = true, .sum = kc_amount_zero()};
    const struct kc_store *store = ledger->store;
    const struct kc_store_scan scan = {.owner = &given, .give_back = add_given};
    struct kc_result result = find_paid(&paid, ledger, machine, word);
    if (!kc_failed(result) && paid.payer.number != word->to.number) {
        result = kc_result(KC_NOT_ALLOWED);
    }
    if (!kc_failed(result) && kc_amount_compare(word->amount, paid.amount) > 0) {
        result = kc_result(KC_AMOUNT_TOO_LARGE);
    }
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->scan_give_backs(store->context, &scan,
                                                          machine->purse.number, word->counter));
    }
    if (!kc_failed(result)) {
        kc_raise(&given.good, &given.sum, word->amount);
        bool over = !given.good || kc_amount_compare(given.sum, paid.amount) > 0;
        result = kc_result(over ? KC_GIVEN_BACK : KC_OK);
    }
    return result;
}

/* The machine is one in use, of an owner who can pay. */
static struct kc_result load_owner(struct kc_account_row *owner, struct kc_ledger *ledger,
                                   const struct kc_purse_row *machine)
{
    if (machine->type != KC_PURSE_TYPE_MACHINE) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (machine->state != KC_PURSE_ACTIVE) {
        return kc_result(kc_purse_refusal(machine));
    }
    struct kc_result result = kc_merchant_payer(owner, ledger, machine->account.number);
    return kc_failed(result) ? result : kc_account_standing(owner);
}

/* A card out of use says why it is: here nobody takes it for its own purse. */
static enum kc_error name_refusal(const struct kc_receiver *to, enum kc_error error)
{
    bool out = error == KC_ACCOUNT_NOT_OPEN && to->is_card &&
               to->account.state == KC_ACCOUNT_OPEN && to->card.state == KC_PURSE_OUT;
    return !out                                      ? error
           : to->card.out_reason == KC_REPORTED_LOST ? KC_REPORTED_LOST
                                                     : KC_PURSE_BLOCKED;
}

static struct kc_result pay(struct kc_give_back_row *row, struct kc_ledger *ledger,
                            const struct kc_purse_row *machine, struct kc_account_row *owner,
                            struct kc_receiver *to)
{
    bool good = true;
    const struct kc_store *store = ledger->store;
    struct kc_transaction_row posting = {.purse = machine->purse,
                                         .time_ms = ledger->now_ms,
                                         .kind = KC_TRANSACTION_TRANSFER_ACCOUNT,
                                         .amount = row->amount,
                                         .other = row->to};
    kc_lower(&good, &owner->balance, row->amount);
    KC_ASSERT(good);
    struct kc_result result = kc_ledger_post(ledger, owner->account.number, kc_transfer_book(to),
                                             row->amount, &posting, NULL);
    if (!kc_failed(result)) {
        result = kc_ledger_note(ledger, store->account_balance_put(
                                            store->context, owner->account.number, owner->balance));
    }
    if (!kc_failed(result)) {
        result = kc_transfer_credit(ledger, to, machine, &posting);
    }
    row->card = posting.other_purse;
    return kc_failed(result) ? result
                             : kc_ledger_note(ledger, store->give_back_add(store->context, row));
}

/* Everything that may refuse it, and then the books. */
static struct kc_result carry_out(struct kc_give_back_row *row, struct kc_ledger *ledger,
                                  const struct kc_purse_row *machine,
                                  const struct kc_give_back *word,
                                  const struct kc_ledger_source *source)
{
    struct kc_account_row owner;
    struct kc_receiver to = {.is_card = false};
    const struct kc_store *store = ledger->store;
    const struct kc_transaction_row transfer = {.purse = machine->purse,
                                                .kind = KC_TRANSACTION_TRANSFER_ACCOUNT,
                                                .amount = word->amount,
                                                .other = word->to};
    struct kc_result result = load_owner(&owner, ledger, machine);
    if (!kc_failed(result)) {
        result = check_paid(ledger, machine, word);
    }
    if (!kc_failed(result) && owner.account.number == word->to.number) {
        result = kc_result(KC_SAME_ACCOUNT);
    }
    if (!kc_failed(result)) {
        result = kc_transfer_receiver(&to, ledger, machine, &transfer);
        result.code = name_refusal(&to, result.code);
    }
    if (!kc_failed(result) && kc_is_less(owner.balance, word->amount)) {
        result = kc_result(KC_INSUFFICIENT_ACCOUNT);
    }
    if (kc_failed(result)) {
        return result;
    }
    row->owner = owner.account;
    result = kc_ledger_note(ledger, store->evidence_add(store->context, machine->purse.number,
                                                        row->time_ms, KC_EVIDENCE_GIVE_BACK,
                                                        source->digest, source->bytes));
    return kc_failed(result) ? result : pay(row, ledger, machine, &owner, &to);
}

/* A word on a sale that was paid back must say what that one said. */
static struct kc_result compare(const struct kc_give_back_row *row, const struct kc_give_back *word)
{
    bool same = same_payment(row, word) && row->to.number == word->to.number &&
                kc_amount_compare(row->amount, word->amount) == 0;
    return kc_result(same ? KC_OK : KC_MISMATCH);
}

static void answer(struct kc_given_back *out, const struct kc_ledger *ledger,
                   const struct kc_give_back_row *row)
{
    *out = (struct kc_given_back){.bank = ledger->options.realm.bank,
                                  .purse = row->purse,
                                  .sale = row->sale,
                                  .to = row->to,
                                  .amount = row->amount,
                                  .time_ms = row->time_ms};
}

struct kc_result kc_ledger_give_back(struct kc_given_back *out, struct kc_ledger *ledger,
                                     const struct kc_give_back *word,
                                     const struct kc_ledger_source *source)
{
    struct kc_purse_row machine;
    struct kc_give_back_row row;
    const struct kc_store *store = ledger->store;
    KC_ASSERT(ledger->in_batch);
    if (word->bank != ledger->options.realm.bank) {
        return kc_result(KC_MISMATCH);
    }
    if (word->sale == 0 || word->sale > KC_AMOUNT_MAX || !kc_number_checks(word->purse.number)) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_ledger_check_amount(word->amount);
    if (!kc_failed(result)) {
        result =
            kc_ledger_note(ledger, store->purse_get(store->context, &machine, word->purse.number));
        result = result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_ledger_note(
        ledger, store->give_back_get(store->context, &row, word->purse.number, word->sale));
    if (!kc_failed(result)) {
        result = compare(&row, word);
    } else if (result.code == KC_NOT_FOUND) {
        row = (struct kc_give_back_row){.purse = word->purse,
                                        .sale = word->sale,
                                        .counter = word->counter,
                                        .to = word->to,
                                        .amount = word->amount,
                                        .time_ms = ledger->now_ms};
        if (word->has_reference) {
            memcpy(row.reference, word->reference, KC_DIGEST_SIZE);
        }
        memcpy(row.digest, source->digest, KC_DIGEST_SIZE);
        result = carry_out(&row, ledger, &machine, word, source);
    }
    if (!kc_failed(result)) {
        answer(out, ledger, &row);
    }
    return result;
}
