/* The audit trusts nothing but the journal: it adds every posting up again and compares.
 *
 * Transactions and postings come in different orders and are too many to be held in memory, so each purse has two sums of
 * digests: of the postings that stand in the journal, and of those that its transactions should have made. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/audit.h"
#include "ledger/sums.h"
#include "message/cose.h"

void kc_audit_fault(struct kc_auditor *auditor, const char *what, uint64_t number)
{
    char text[160];
    auditor->audit->faults += 1;
    (void)snprintf(text, sizeof text, "%s %" PRIu64, what, number);
    if (auditor->audit->fault != NULL) {
        auditor->audit->fault(auditor->audit->owner, text);
    }
}

static struct kc_audit_book *find(struct kc_audit_book *books, size_t capacity, uint64_t number)
{
    size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15)) & (capacity - 1);
    while (books[at].number != 0 && books[at].number != number) {
        at = (at + 1) & (capacity - 1);
    }
    return &books[at];
}

static bool grow(struct kc_auditor *auditor)
{
    size_t capacity = auditor->capacity == 0 ? 1024 : auditor->capacity * 2;
    struct kc_audit_book *books = calloc(capacity, sizeof *books);
    if (books == NULL) {
        auditor->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < auditor->capacity; i++) {
        if (auditor->books[i].number != 0) {
            *find(books, capacity, auditor->books[i].number) = auditor->books[i];
        }
    }
    free(auditor->books);
    auditor->books = books;
    auditor->capacity = capacity;
    return true;
}

struct kc_audit_book *kc_audit_book_of(struct kc_auditor *auditor, uint64_t number)
{
    if (auditor->used * 4 >= auditor->capacity * 3 && !grow(auditor)) {
        return NULL;
    }
    struct kc_audit_book *book = find(auditor->books, auditor->capacity, number);
    if (book->number == 0) {
        book->number = number;
        auditor->used += 1;
    }
    return book;
}

bool kc_audit_books_of(struct kc_audit_book **first, struct kc_audit_book **second,
                       struct kc_auditor *auditor, uint64_t first_number, uint64_t second_number)
{
    /* Both are made before either is held, because making one may move the other. */
    if (kc_audit_book_of(auditor, first_number) == NULL ||
        kc_audit_book_of(auditor, second_number) == NULL) {
        return false;
    }
    *first = find(auditor->books, auditor->capacity, first_number);
    *second = find(auditor->books, auditor->capacity, second_number);
    return true;
}

static bool take_batch(void *owner, const struct kc_batch_row *row)
{
    struct kc_auditor *auditor = owner;
    if (auditor->batch_count == auditor->batch_capacity) {
        size_t capacity = auditor->batch_capacity == 0 ? 256 : auditor->batch_capacity * 2;
        struct kc_batch_row *grown = realloc(auditor->batches, capacity * sizeof *grown);
        if (grown == NULL) {
            auditor->no_memory = true;
            return false;
        }
        auditor->batches = grown;
        auditor->batch_capacity = capacity;
    }
    auditor->batches[auditor->batch_count++] = *row;
    return true;
}

static void move(struct kc_auditor *auditor, const struct kc_posting_row *row, bool debit_is_purse,
                 bool credit_is_purse)
{
    struct kc_audit_book *debit;
    struct kc_audit_book *credit;
    if (!kc_audit_books_of(&debit, &credit, auditor, row->debit, row->credit)) {
        return;
    }
    struct kc_shadow from = debit->balance;
    struct kc_shadow to = credit->balance;
    if (row->debit != KC_BOOK_OUTSIDE && (kc_failed(kc_shadow_sub(&debit->balance, row->amount)) ||
                                          (debit->balance.below && !debit_is_purse))) {
        kc_audit_fault(auditor, "a book falls below zero at posting", row->id);
    }
    if (row->credit != KC_BOOK_OUTSIDE && kc_failed(kc_shadow_add(&credit->balance, row->amount))) {
        kc_audit_fault(auditor, "a book overflows at posting", row->id);
    }
    credit->is_purse = credit->is_purse || credit_is_purse;
    debit = find(auditor->books, auditor->capacity, row->debit);
    debit->is_purse = debit->is_purse || debit_is_purse;
    if (kc_failed(kc_totals_move(&auditor->totals, debit_is_purse ? &from : NULL,
                                 credit_is_purse ? &to : NULL, row->debit, row->credit,
                                 row->amount))) {
        kc_audit_fault(auditor, "the totals do not allow posting", row->id);
    }
}

/* Adds the digest of a posting to a sum; the order does not matter. */
void kc_audit_add_digest(struct kc_auditor *auditor, uint64_t sum[2], uint64_t purse,
                         uint64_t time_ms, uint64_t debit, uint64_t credit, struct kc_amount amount)
{
    const uint64_t numbers[] = {purse, time_ms, debit, credit, kc_amount_minor(amount)};
    uint8_t bytes[sizeof numbers];
    uint8_t digest[KC_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        kc_be64_store(bytes + 8 * i, numbers[i]);
    }
    kc_digest(auditor->crypto, digest, kc_view(bytes, sizeof bytes));
    sum[0] += kc_be64_load(digest);
    sum[1] += kc_be64_load(digest + 8);
}

/* What belongs to no transaction and no payment: what gaps hold in flight, and claims on an account. */
static void count_act(struct kc_auditor *auditor, struct kc_audit_book *purse,
                      const struct kc_posting_row *row)
{
    bool out = row->debit == purse->number && row->credit == KC_BOOK_IN_FLIGHT;
    bool back = row->debit == KC_BOOK_IN_FLIGHT && row->credit == purse->number;
    bool good = true;
    if (out) {
        kc_raise(&good, &purse->held, row->amount);
    } else if (back) {
        kc_lower(&good, &purse->held, row->amount);
    } else {
        good = row->credit == purse->number && row->debit > KC_BOOK_FEES &&
               (purse->claimed_from == 0 || purse->claimed_from == row->debit);
        kc_raise(&good, &purse->claimed, row->amount);
        purse->claimed_from = row->debit;
    }
    if (!good) {
        kc_audit_fault(auditor, "a gap or a claim does not allow posting", row->id);
    }
}

static void count_posting(struct kc_auditor *auditor, const struct kc_posting_row *row)
{
    struct kc_audit_book *purse = kc_audit_book_of(auditor, row->purse.number);
    if (purse != NULL && row->transaction_ms == 0) {
        purse->is_purse = true;
        count_act(auditor, purse, row);
    } else if (purse != NULL) {
        purse->is_purse = true;
        kc_audit_add_digest(auditor, purse->posted, row->purse.number, row->transaction_ms,
                            row->debit, row->credit, row->amount);
    }
}

static bool take_posting(void *owner, const struct kc_posting_row *row)
{
    struct kc_auditor *auditor = owner;
    auditor->audit->postings += 1;
    if (row->id != auditor->next_posting) {
        kc_audit_fault(auditor, "the journal lacks a posting before", row->id);
    }
    auditor->next_posting = row->id + 1;
    kc_ledger_chain(auditor->chain, auditor->crypto, row);
    move(auditor, row, row->debit == row->purse.number, row->credit == row->purse.number);
    count_posting(auditor, row);
    struct kc_batch_row *batch =
        auditor->batch_at < auditor->batch_count ? &auditor->batches[auditor->batch_at] : NULL;
    if (batch == NULL || row->batch != batch->id) {
        kc_audit_fault(auditor, "no batch closes posting", row->id);
    } else if (row->id == batch->last_posting) {
        if (memcmp(batch->chain, auditor->chain, KC_DIGEST_SIZE) != 0) {
            kc_audit_fault(auditor, "the chain breaks in batch", batch->id);
        }
        auditor->batch_at += 1;
    }
    return !auditor->no_memory;
}

/* The book of a row, with the balance that the journal gives it; NULL when there is no memory. */
static struct kc_audit_book *compare_balance(struct kc_auditor *auditor, const char *what,
                                             uint64_t number, struct kc_shadow stored,
                                             bool is_purse)
{
    struct kc_audit_book *book = kc_audit_book_of(auditor, number);
    if (book == NULL) {
        return NULL;
    }
    if (book->balance.below != stored.below ||
        kc_amount_compare(book->balance.amount, stored.amount) != 0) {
        kc_audit_fault(auditor, what, number);
    }
    if (book->has_row || (book->is_purse && !is_purse)) {
        kc_audit_fault(auditor, "an account and a purse have one number:", number);
    }
    book->is_purse = is_purse;
    book->has_row = true;
    if (number / 10 > auditor->highest_number) {
        auditor->highest_number = number / 10;
    }
    return book;
}

/* Only a person holds value in an account, and a machine's owner is one; owners have lower numbers, so that they came before. */
static void check_holder(struct kc_auditor *auditor, const struct kc_account_row *row)
{
    bool machine = row->type == KC_PURSE_TYPE_MACHINE;
    if (row->type != KC_PURSE_TYPE_UIM && !kc_amount_is_zero(row->balance)) {
        kc_audit_fault(auditor, "a card or machine holds value in account", row->account.number);
    }
    const struct kc_audit_book *owner =
        machine ? kc_audit_book_of(auditor, row->owner.number) : NULL;
    bool good = machine ? owner != NULL && owner->has_row && !owner->is_purse &&
                              owner->type == KC_PURSE_TYPE_UIM
                        : row->owner.number == 0;
    if (!good) {
        kc_audit_fault(auditor, "its owner is none of account", row->account.number);
    }
}

static bool take_account(void *owner, const struct kc_account_row *row)
{
    struct kc_auditor *auditor = owner;
    auditor->audit->accounts += 1;
    struct kc_audit_book *book =
        compare_balance(auditor, "the journal gives another balance for account",
                        row->account.number, (struct kc_shadow){.amount = row->balance}, false);
    if (book != NULL) {
        book->purse = row->purse.number;
        book->type = row->type;
        book->owner = row->owner.number;
        book->state = row->state;
        check_holder(auditor, row);
    }
    return !auditor->no_memory;
}

/* Whether a message that something rests on is kept. */
void kc_audit_want_evidence(struct kc_auditor *auditor, const char *what, uint64_t purse,
                            uint64_t time_ms, const uint8_t digest[KC_DIGEST_SIZE])
{
    const struct kc_store *store = auditor->store;
    struct kc_result result = store->evidence_find(store->context, purse, time_ms, digest);
    if (result.code == KC_NOT_FOUND) {
        kc_audit_fault(auditor, what, purse);
    } else if (kc_failed(result) && !kc_failed(auditor->looked)) {
        auditor->looked = result;
    }
}

/* The newest certified value says what the row says of the last access. */
static bool fits_certified(const struct kc_purse_row *row)
{
    struct kc_certified certified;
    if (row->certified_size == 0) {
        return row->sequence == 0 && row->state != KC_PURSE_ACTIVE;
    }
    return !kc_failed(kc_ledger_recall(&certified, row->certified, row->certified_size)) &&
           certified.sequence == row->sequence && certified.purse.number == row->purse.number &&
           certified.account.number == row->account.number && certified.purse_type == row->type &&
           kc_amount_compare(certified.purse_amount, row->purse_at_access) == 0 &&
           kc_amount_compare(certified.account_amount, row->account_at_access) == 0 &&
           certified.time_ms == row->access_ms && certified.counter <= row->counter &&
           (certified.counter != row->counter ||
            memcmp(certified.head, row->head, KC_DIGEST_SIZE) == 0);
}

static bool take_listed(void *owner, const struct kc_hotlist_row *row)
{
    struct kc_auditor *auditor = owner;
    struct kc_audit_book *book = kc_audit_book_of(auditor, row->purse.number);
    if (book != NULL) {
        book->listed = true;
    }
    return !auditor->no_memory;
}

/* A purse is out of use by a proof or by its holder's word when it is listed, and the only one in use of its account. */
static void compare_standing(struct kc_auditor *auditor, const struct kc_audit_book *book,
                             const struct kc_audit_book *account, const struct kc_purse_row *row)
{
    bool out = row->state == KC_PURSE_OUT && row->out_ms != 0;
    if (out != book->listed) {
        kc_audit_fault(auditor, "the hotlist says otherwise of purse", row->purse.number);
    }
    if (row->state == KC_PURSE_ACTIVE && account->purse != row->purse.number) {
        kc_audit_fault(auditor, "its account has another purse than", row->purse.number);
    }
}

static bool take_purse(void *owner, const struct kc_purse_row *row)
{
    struct kc_auditor *auditor = owner;
    uint64_t number = row->purse.number;
    auditor->audit->purses += 1;
    struct kc_audit_book *account = kc_audit_book_of(auditor, row->account.number);
    if (account != NULL && (!account->has_row || account->is_purse)) {
        kc_audit_fault(auditor, "there is no account of purse", number);
    }
    struct kc_audit_book *book = compare_balance(
        auditor, "the journal gives another value for purse", number, kc_shadow_of(row), true);
    if (book == NULL) {
        return false;
    }
    account = find(auditor->books, auditor->capacity, row->account.number);
    book->payer = row->type == KC_PURSE_TYPE_MACHINE ? account->owner : row->account.number;
    if (account->has_row && account->type != row->type) {
        kc_audit_fault(auditor, "its account is of another kind than purse", number);
    }
    if (book->swept_to != 0 &&
        (row->type != KC_PURSE_TYPE_MACHINE || book->swept_to != book->payer)) {
        kc_audit_fault(auditor, "a sweep went to another than the owner of purse", number);
    }
    kc_audit_compare_ahead(auditor, book, row);
    kc_audit_compare_history(auditor, book, row);
    compare_standing(auditor, book, find(auditor->books, auditor->capacity, row->account.number),
                     row);
    book->account = row->account;
    book->in_use = row->state != KC_PURSE_OUT;
    book->sequence = row->sequence;
    book->open_ms = row->open_ms;
    if (!fits_certified(row)) {
        kc_audit_fault(auditor, "the kept certified value does not fit purse", number);
    }
    if (row->counter > 0) {
        kc_audit_want_evidence(auditor, "no message shows the counter of purse", number,
                               row->counted_ms, row->counted_digest);
    }
    return !auditor->no_memory;
}

/* What a card receives comes by a posting of its own. */
static void expect_transfer(struct kc_auditor *auditor, struct kc_audit_book *book,
                            const struct kc_transaction_row *row)
{
    uint64_t purse = row->purse.number;
    uint64_t card = row->other_purse.number;
    uint64_t from = kc_is_cash_out(row->kind) ? purse : book->account.number;
    kc_audit_add_digest(auditor, book->expected, purse, row->time_ms, from,
                        card != 0 ? KC_BOOK_IN_FLIGHT : row->other.number, row->amount);
    struct kc_audit_book *to = find(auditor->books, auditor->capacity, card);
    if (card != 0 && to->number == card) {
        kc_audit_add_digest(auditor, to->expected, card, row->time_ms, KC_BOOK_IN_FLIGHT, card,
                            row->amount);
    }
}

/* The postings that a transaction made, by its state. */
static void expect_postings(struct kc_auditor *auditor, struct kc_audit_book *book,
                            const struct kc_transaction_row *row)
{
    uint64_t purse = row->purse.number;
    uint64_t account = book->account.number;
    bool done = row->state == KC_STATE_COMPLETED;
    /* Only an order that was sent and then refused has a certified value. */
    bool back = row->state == KC_STATE_REFUSED && row->certified_size > 0;
    switch (row->kind) {
    case KC_TRANSACTION_WITHDRAW:
    case KC_TRANSACTION_DEPOSIT: {
        bool out = row->kind == KC_TRANSACTION_WITHDRAW;
        if (done) {
            kc_audit_add_digest(auditor, book->expected, purse, row->time_ms, out ? account : purse,
                                out ? purse : account, row->amount);
        }
        break;
    }
    case KC_TRANSACTION_TRANSFER_PURSE:
    case KC_TRANSACTION_TRANSFER_ACCOUNT:
        if (done) {
            expect_transfer(auditor, book, row);
        }
        break;
    case KC_TRANSACTION_FUND:
        if (done) {
            kc_audit_add_digest(auditor, book->expected, purse, row->time_ms, KC_BOOK_OUTSIDE,
                                account, row->amount);
        }
        break;
    case KC_TRANSACTION_REDEEM:
        if (done || back || row->state == KC_STATE_SENT) {
            kc_audit_add_digest(auditor, book->expected, purse, row->time_ms, account,
                                KC_BOOK_IN_FLIGHT, row->amount);
        }
        if (done || back) {
            kc_audit_add_digest(auditor, book->expected, purse, row->time_ms, KC_BOOK_IN_FLIGHT,
                                done ? KC_BOOK_OUTSIDE : account, row->amount);
        }
        break;
    }
}

static bool has_right_certified(const struct kc_audit_book *book,
                                const struct kc_transaction_row *row)
{
    struct kc_certified certified;
    bool open = row->state == KC_STATE_QUOTED || row->state == KC_STATE_SENT;
    if (row->certified_size == 0) {
        return row->state != KC_STATE_COMPLETED;
    }
    return !open && !kc_failed(kc_ledger_recall(&certified, row->certified, row->certified_size)) &&
           certified.purse.number == row->purse.number && certified.sequence <= book->sequence;
}

/* A transfer names an account, another one unless it comes from the purse; a refused one may have named none. The card that was
 * credited is one of that account. */
static bool has_right_receiver(struct kc_auditor *auditor, const struct kc_audit_book *book,
                               const struct kc_transaction_row *row)
{
    bool own = row->other.number == book->account.number;
    const struct kc_audit_book *card =
        find(auditor->books, auditor->capacity, row->other_purse.number);
    if (!kc_is_transfer(row->kind) || row->state == KC_STATE_REFUSED) {
        return row->other_purse.number == 0 &&
               (kc_is_transfer(row->kind) || row->other.number == 0);
    }
    bool good_card = row->other_purse.number == 0 ||
                     (row->state == KC_STATE_COMPLETED && card != NULL && card->has_row &&
                      card->is_purse && card->account.number == row->other.number);
    return good_card && kc_number_checks(row->other.number) &&
           (!own || row->kind == KC_TRANSACTION_TRANSFER_PURSE);
}

/* Only a transfer from an account pays a machine's offer, each of them once. */
static bool has_right_offer(struct kc_auditor *auditor, const struct kc_transaction_row *row)
{
    struct kc_transaction_row first;
    const struct kc_store *store = auditor->store;
    if (row->machine.number == 0 || row->state != KC_STATE_COMPLETED) {
        return row->machine.number == 0 || kc_is_transfer(row->kind);
    }
    struct kc_result result =
        store->transaction_by_reference(store->context, &first, row->reference);
    return !kc_failed(result) && row->kind == KC_TRANSACTION_TRANSFER_ACCOUNT &&
           first.purse.number == row->purse.number && first.time_ms == row->time_ms;
}

static bool take_transaction(void *owner, const struct kc_transaction_row *row)
{
    static const uint8_t none[KC_DIGEST_SIZE] = {0};
    struct kc_auditor *auditor = owner;
    uint64_t purse = row->purse.number;
    struct kc_audit_book *book = kc_audit_book_of(auditor, purse);
    if (book == NULL) {
        return false;
    }
    auditor->audit->transactions += 1;
    if (!book->has_row || !book->is_purse) {
        kc_audit_fault(auditor, "there are transactions of a purse that is not there:", purse);
        return true;
    }
    expect_postings(auditor, book, row);
    if (row->kind == KC_TRANSACTION_REDEEM && row->state == KC_STATE_SENT) {
        kc_audit_add_in_flight(auditor, row->amount);
    }
    if (kc_is_cash_out(row->kind) && row->state == KC_STATE_COMPLETED) {
        kc_audit_show(auditor, book, row->amount, true);
    }
    if (!has_right_receiver(auditor, book, row)) {
        kc_audit_fault(auditor, "a transaction has a wrong receiver, purse", purse);
    }
    if (!has_right_offer(auditor, row)) {
        kc_audit_fault(auditor, "a transaction pays a machine's offer wrongly, purse", purse);
    }
    if (!has_right_certified(book, row)) {
        kc_audit_fault(auditor, "a transaction has a wrong certified value, purse", purse);
    }
    if (row->state == KC_STATE_QUOTED) {
        if (book->open_ms != row->time_ms) {
            kc_audit_fault(auditor, "a quote is open that its purse does not name:", purse);
        }
        book->open_ms = 0;
    }
    kc_audit_want_evidence(auditor, "a request is not kept of purse", purse, row->time_ms,
                           row->request_digest);
    if (memcmp(row->answer_digest, none, KC_DIGEST_SIZE) != 0) {
        kc_audit_want_evidence(auditor, "an answer is not kept of purse", purse, row->time_ms,
                               row->answer_digest);
    }
    return !auditor->no_memory;
}

static bool take_alert(void *owner, const struct kc_alert_row *row)
{
    static const uint8_t none[KC_DIGEST_SIZE] = {0};
    struct kc_auditor *auditor = owner;
    /* That an account is not paid for is in its charges, and that it was closed in its closing; nobody signed it. */
    bool is_account = (row->reason == KC_SUSPENDED || row->reason == KC_CLOSED) &&
                      row->evidence_ms == 0 && row->against_ms == 0 && row->counter == 0 &&
                      memcmp(row->evidence_digest, none, KC_DIGEST_SIZE) == 0 &&
                      memcmp(row->against_digest, none, KC_DIGEST_SIZE) == 0;
    if (is_account) {
        return true;
    }
    kc_audit_want_evidence(auditor, "no proof is kept for the alert of purse", row->purse.number,
                           row->evidence_ms, row->evidence_digest);
    kc_audit_want_evidence(auditor, "half the proof is missing for the alert of purse",
                           row->purse.number, row->against_ms, row->against_digest);
    return true;
}

static bool take_evidence(void *owner, const struct kc_evidence_row *row)
{
    struct kc_auditor *auditor = owner;
    const struct kc_audit *audit = auditor->audit;
    uint64_t purse = row->purse.number;
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_audit_book *book = kc_audit_book_of(auditor, purse);
    if (book == NULL) {
        return false;
    }
    auditor->audit->evidence += 1;
    kc_digest(auditor->crypto, digest, kc_view(row->bytes, row->size));
    if (!book->has_row || !book->is_purse) {
        kc_audit_fault(auditor, "evidence is kept of a purse that is not there:", purse);
    } else if (memcmp(digest, row->digest, KC_DIGEST_SIZE) != 0) {
        kc_audit_fault(auditor, "the evidence was changed of purse", purse);
    } else if (audit->verify != NULL && !audit->verify(audit->owner, row, book->account)) {
        kc_audit_fault(auditor, "a signature does not verify in the evidence of purse", purse);
    }
    return !auditor->no_memory;
}

static bool same_totals(const struct kc_totals_row *a, const struct kc_totals_row *b)
{
    return kc_amount_compare(a->outside, b->outside) == 0 &&
           kc_amount_compare(a->accounts, b->accounts) == 0 &&
           kc_amount_compare(a->shadows, b->shadows) == 0 &&
           kc_amount_compare(a->in_flight, b->in_flight) == 0 &&
           kc_amount_compare(a->fees, b->fees) == 0 && kc_amount_compare(a->claims, b->claims) == 0;
}

static struct kc_result scan_all(struct kc_auditor *auditor)
{
    const struct kc_store *store = auditor->store;
    struct kc_store_scan scan = {.owner = auditor,
                                 .account = take_account,
                                 .purse = take_purse,
                                 .transaction = take_transaction,
                                 .posting = take_posting,
                                 .batch = take_batch,
                                 .alert = take_alert,
                                 .evidence = take_evidence,
                                 .payment = kc_audit_payment,
                                 .record = kc_audit_record,
                                 .gap = kc_audit_gap,
                                 .hotlist = take_listed,
                                 .move = kc_audit_move,
                                 .give_back = kc_audit_give_back,
                                 .charge = kc_audit_charge,
                                 .closing = kc_audit_closing,
                                 .payout = kc_audit_payout};
    struct kc_result result = store->check(store->context);
    if (!kc_failed(result)) {
        result = store->scan_batches(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_postings(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_paid(store->context, &scan, 0, 0, KC_AMOUNT_MAX);
    }
    if (!kc_failed(result)) {
        result = store->scan_moves(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_give_backs(store->context, &scan, 0, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_hotlist(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_records(store->context, &scan, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_gaps(store->context, &scan, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_accounts(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_purses(store->context, &scan, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_charges(store->context, &scan, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_closings(store->context, &scan, KC_AMOUNT_MAX);
    }
    if (!kc_failed(result)) {
        result = store->scan_payouts(store->context, &scan, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_transactions(store->context, &scan, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_alerts(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_evidence(store->context, &scan, 0);
    }
    return kc_failed(result) ? result : auditor->looked;
}

/* Every book of the journal but the bank's own stands for an account or a purse, and each purse's transactions made the
 * postings that are there. A void takes back what an entry paid, so what is left was deposited or paid to somebody. */
static void compare_books(struct kc_auditor *auditor)
{
    for (size_t i = 0; i < auditor->capacity; i++) {
        const struct kc_audit_book *book = &auditor->books[i];
        if (book->number > KC_BOOK_FEES && !book->has_row) {
            kc_audit_fault(
                auditor, "the journal names an account or purse that is not there:", book->number);
        }
        if (book->posted[0] != book->expected[0] || book->posted[1] != book->expected[1]) {
            kc_audit_fault(auditor, "transactions and journal differ for purse", book->number);
        }
        if (!kc_amount_is_zero(book->unshown.amount)) {
            kc_audit_fault(auditor, "its totals differ from the deposits and payments of purse",
                           book->number);
        }
        if ((book->state == KC_ACCOUNT_CLOSING || book->state == KC_ACCOUNT_CLOSED) !=
            book->closing) {
            kc_audit_fault(auditor, "nothing says how it was closed, account", book->number);
        }
        if (book->open_ms != 0) {
            kc_audit_fault(auditor, "there is no open quote as it is named by purse", book->number);
        }
    }
}

static void compare_ends(struct kc_auditor *auditor)
{
    struct kc_totals_row stored;
    if (kc_failed(auditor->store->totals_get(auditor->store->context, &stored))) {
        kc_audit_fault(auditor, "the totals cannot be read", 0);
        return;
    }
    auditor->audit->totals = stored;
    if (!same_totals(&stored, &auditor->totals)) {
        kc_audit_fault(auditor, "the journal gives other totals; outside is",
                       kc_amount_minor(stored.outside));
    }
    if (kc_amount_compare(stored.in_flight, auditor->in_flight) != 0) {
        kc_audit_fault(auditor, "payments and orders give another sum in flight; it is",
                       kc_amount_minor(stored.in_flight));
    }
    if (stored.next_posting != auditor->next_posting) {
        kc_audit_fault(auditor, "the journal ends early; next posting should be",
                       stored.next_posting);
    }
    if (stored.next_account <= auditor->highest_number) {
        kc_audit_fault(auditor,
                       "the next account would take a number that is in use:", stored.next_account);
    }
    if (auditor->fee_is_due) {
        kc_audit_fault(auditor, "the fee of a sweep is missing of purse",
                       auditor->fee.purse.number);
    }
    if (auditor->batch_at != auditor->batch_count) {
        kc_audit_fault(auditor, "a batch has no postings:", auditor->batches[auditor->batch_at].id);
    }
}

struct kc_result kc_ledger_audit(struct kc_audit *audit, const struct kc_store *store,
                                 const struct kc_crypto *crypto)
{
    struct kc_auditor auditor = {
        .audit = audit, .store = store, .crypto = crypto, .next_posting = 1};
    struct kc_result result = scan_all(&auditor);
    if (!kc_failed(result) && auditor.no_memory) {
        result = kc_result(KC_NO_MEMORY);
    }
    if (!kc_failed(result)) {
        compare_ends(&auditor);
        compare_books(&auditor);
        audit->batches = auditor.batch_count;
    }
    free(auditor.books);
    free(auditor.batches);
    return kc_failed(result) ? result : kc_result(audit->faults == 0 ? KC_OK : KC_STORE_CORRUPT);
}
