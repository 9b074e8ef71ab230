/* What machines owed: every give-back rests on a payment to that machine, goes to who made it, and made its postings. */
#include <string.h>

#include "ledger/audit.h"
#include "ledger/sums.h"

struct payment {
    bool found;
    struct kc_payment_row row;
};

static bool take_booked(void *owner, const struct kc_payment_row *row)
{
    struct payment *payment = owner;
    if (row->taken) {
        payment->found = true;
        payment->row = *row;
    }
    return !payment->found;
}

static void looked(struct kc_auditor *auditor, struct kc_result result)
{
    if (kc_failed(result) && result.code != KC_NOT_FOUND && !kc_failed(auditor->looked)) {
        auditor->looked = result;
    }
}

/* The account of the purse is the one that was paid, no more than it paid. */
static bool was_paid_by(struct kc_auditor *auditor, const struct kc_give_back_row *row,
                        struct kc_purse_id purse, struct kc_amount amount)
{
    struct kc_purse_row payer;
    const struct kc_store *store = auditor->store;
    struct kc_result result = store->purse_get(store->context, &payer, purse.number);
    looked(auditor, result);
    return !kc_failed(result) && payer.account.number == row->to.number &&
           kc_amount_compare(auditor->given_sum, amount) <= 0;
}

/* The transfer that paid an offer of the machine. */
static bool rests_on_voucher(struct kc_auditor *auditor, const struct kc_give_back_row *row)
{
    struct kc_transaction_row transfer;
    const struct kc_store *store = auditor->store;
    struct kc_result result =
        store->transaction_by_reference(store->context, &transfer, row->reference);
    looked(auditor, result);
    return !kc_failed(result) && transfer.machine.number == row->purse.number &&
           was_paid_by(auditor, row, transfer.purse, transfer.amount);
}

/* The payment that it is given back for, and that its payer is the one that was paid. */
static bool rests_on_payment(struct kc_auditor *auditor, const struct kc_give_back_row *row)
{
    struct payment payment = {.found = false};
    const struct kc_store *store = auditor->store;
    const struct kc_store_scan scan = {.owner = &payment, .payment = take_booked};
    if (row->counter == 0) {
        return rests_on_voucher(auditor, row);
    }
    struct kc_result result =
        store->scan_taken(store->context, &scan, row->purse.number, row->counter, row->counter);
    looked(auditor, result);
    if (kc_failed(result) || !payment.found) {
        return false;
    }
    return was_paid_by(auditor, row, payment.row.payer, payment.row.amount);
}

static bool is_card_of(struct kc_auditor *auditor, const struct kc_give_back_row *row)
{
    struct kc_purse_row card;
    const struct kc_store *store = auditor->store;
    struct kc_result result = store->purse_get(store->context, &card, row->card.number);
    looked(auditor, result);
    return !kc_failed(result) && card.account.number == row->to.number;
}

/* Rows come by purse, counter and reference, so that those of one payment are together. */
static void add_up(struct kc_auditor *auditor, const struct kc_give_back_row *row)
{
    const struct kc_give_back_row *last = &auditor->given;
    bool good = true;
    bool same = last->purse.number == row->purse.number && last->counter == row->counter &&
                memcmp(last->reference, row->reference, KC_DIGEST_SIZE) == 0;
    auditor->given_sum = same ? auditor->given_sum : kc_amount_zero();
    kc_raise(&good, &auditor->given_sum, row->amount);
    if (!good) {
        kc_audit_fault(auditor, "what was given back overflows, of purse", row->purse.number);
    }
    auditor->given = *row;
}

bool kc_audit_give_back(void *owner, const struct kc_give_back_row *row)
{
    struct kc_auditor *auditor = owner;
    uint64_t purse = row->purse.number;
    uint64_t card = row->card.number;
    struct kc_audit_book *book = kc_audit_book_of(auditor, purse);
    add_up(auditor, row);
    if (!rests_on_payment(auditor, row) || (card != 0 && !is_card_of(auditor, row))) {
        kc_audit_fault(auditor, "no payment allows what was given back by purse", purse);
    }
    kc_audit_want_evidence(auditor, "no word is kept of what was given back by purse", purse,
                           row->time_ms, row->digest);
    if (book != NULL) {
        if (book->swept_to != 0 && book->swept_to != row->owner.number) {
            kc_audit_fault(auditor, "another than its owner gave back for purse", purse);
        }
        book->swept_to = row->owner.number;
        kc_audit_add_digest(auditor, book->expected, purse, row->time_ms, row->owner.number,
                            card != 0 ? KC_BOOK_IN_FLIGHT : row->to.number, row->amount);
    }
    book = card == 0 ? NULL : kc_audit_book_of(auditor, card);
    if (book != NULL) {
        kc_audit_add_digest(auditor, book->expected, card, row->time_ms, KC_BOOK_IN_FLIGHT, card,
                            row->amount);
    }
    return !auditor->no_memory;
}
