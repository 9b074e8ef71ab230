/* The audit trusts nothing but the journal: it adds every posting up again and compares. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/inside.h"

/* An open-addressed table from book to balance; grows by doubling. */
struct book {
    uint64_t number; /* 0: free */
    struct kc_shadow balance;
    /* Of a purse: what payments and records say is booked and not counted. */
    struct kc_amount ahead_in;
    struct kc_amount ahead_out;
    bool is_purse;
    bool has_row;
};

struct auditor {
    struct kc_audit *audit;
    const struct kc_store *store;
    const struct kc_crypto *crypto;
    struct book *books;
    size_t capacity; /* a power of two */
    size_t used;
    uint8_t chain[KC_DIGEST_SIZE];
    struct kc_batch_row *batches;
    size_t batch_count;
    size_t batch_capacity;
    size_t batch_at;
    uint64_t next_posting;
    struct kc_totals_row totals;
    struct kc_amount in_flight; /* what waits, by payments and orders to the ordinary bank */
    bool no_memory;
};

static void fault(struct auditor *auditor, const char *what, uint64_t number)
{
    char text[160];
    auditor->audit->faults += 1;
    (void)snprintf(text, sizeof text, "%s %" PRIu64, what, number);
    if (auditor->audit->fault != NULL) {
        auditor->audit->fault(auditor->audit->owner, text);
    }
}

static struct book *find(struct book *books, size_t capacity, uint64_t number)
{
    size_t at = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15)) & (capacity - 1);
    while (books[at].number != 0 && books[at].number != number) {
        at = (at + 1) & (capacity - 1);
    }
    return &books[at];
}

static bool grow(struct auditor *auditor)
{
    size_t capacity = auditor->capacity == 0 ? 1024 : auditor->capacity * 2;
    struct book *books = calloc(capacity, sizeof *books);
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

static struct book *book_of(struct auditor *auditor, uint64_t number)
{
    if (auditor->used * 2 >= auditor->capacity && !grow(auditor)) {
        return NULL;
    }
    struct book *book = find(auditor->books, auditor->capacity, number);
    if (book->number == 0) {
        book->number = number;
        auditor->used += 1;
    }
    return book;
}

static bool take_batch(void *owner, const struct kc_batch_row *row)
{
    struct auditor *auditor = owner;
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

static void move(struct auditor *auditor, const struct kc_posting_row *row, bool debit_is_purse,
                 bool credit_is_purse)
{
    /* Both are made before either is held, because making one may move the other. */
    if (book_of(auditor, row->debit) == NULL || book_of(auditor, row->credit) == NULL) {
        return;
    }
    struct book *debit = find(auditor->books, auditor->capacity, row->debit);
    struct book *credit = find(auditor->books, auditor->capacity, row->credit);
    struct kc_shadow from = debit->balance;
    struct kc_shadow to = credit->balance;
    if (row->debit != KC_BOOK_OUTSIDE && (kc_failed(kc_shadow_sub(&debit->balance, row->amount)) ||
                                          (debit->balance.below && !debit_is_purse))) {
        fault(auditor, "a book falls below zero at posting", row->id);
    }
    if (row->credit != KC_BOOK_OUTSIDE && kc_failed(kc_shadow_add(&credit->balance, row->amount))) {
        fault(auditor, "a book overflows at posting", row->id);
    }
    credit->is_purse = credit->is_purse || credit_is_purse;
    if (kc_failed(kc_totals_move(&auditor->totals, debit_is_purse ? &from : NULL,
                                 credit_is_purse ? &to : NULL, row->debit, row->credit,
                                 row->amount))) {
        fault(auditor, "the totals do not allow posting", row->id);
    }
}

static bool take_posting(void *owner, const struct kc_posting_row *row)
{
    struct auditor *auditor = owner;
    auditor->audit->postings += 1;
    if (row->id != auditor->next_posting) {
        fault(auditor, "the journal lacks a posting before", row->id);
    }
    auditor->next_posting = row->id + 1;
    kc_ledger_chain(auditor->chain, auditor->crypto, row);
    move(auditor, row, row->debit == row->purse.number, row->credit == row->purse.number);
    struct kc_batch_row *batch =
        auditor->batch_at < auditor->batch_count ? &auditor->batches[auditor->batch_at] : NULL;
    if (batch == NULL || row->batch != batch->id) {
        fault(auditor, "no batch closes posting", row->id);
    } else if (row->id == batch->last_posting) {
        if (memcmp(batch->chain, auditor->chain, KC_DIGEST_SIZE) != 0) {
            fault(auditor, "the chain breaks in batch", batch->id);
        }
        auditor->batch_at += 1;
    }
    return !auditor->no_memory;
}

static void compare_balance(struct auditor *auditor, const char *what, uint64_t number,
                            struct kc_shadow stored)
{
    struct kc_shadow derived = {.below = false};
    struct book *book =
        auditor->capacity > 0 ? find(auditor->books, auditor->capacity, number) : NULL;
    if (book != NULL && book->number != 0) {
        derived = book->balance;
        book->has_row = true;
    }
    if (derived.below != stored.below || kc_amount_compare(derived.amount, stored.amount) != 0) {
        fault(auditor, what, number);
    }
}

static bool take_account(void *owner, const struct kc_account_row *row)
{
    struct auditor *auditor = owner;
    auditor->audit->accounts += 1;
    compare_balance(auditor, "the journal gives another balance for account", row->account.number,
                    (struct kc_shadow){.amount = row->balance});
    return true;
}

/* ---- payments: what is booked ahead of the chains, and what is in flight ---- */

static void add(struct auditor *auditor, uint64_t number, struct kc_amount amount, bool out)
{
    struct book *book = book_of(auditor, number);
    if (book == NULL) {
        return;
    }
    struct kc_amount *ahead = out ? &book->ahead_out : &book->ahead_in;
    if (kc_failed(kc_amount_add(ahead, *ahead, amount))) {
        fault(auditor, "what is ahead overflows of purse", number);
    }
}

static void add_in_flight(struct auditor *auditor, struct kc_amount amount)
{
    if (kc_failed(kc_amount_add(&auditor->in_flight, auditor->in_flight, amount))) {
        fault(auditor, "what is in flight overflows at", kc_amount_minor(amount));
    }
}

static bool take_payment(void *owner, const struct kc_payment_row *row)
{
    struct auditor *auditor = owner;
    uint64_t payer = row->payer.number;
    uint64_t payee = row->payee.number;
    auditor->audit->payments += 1;
    switch (row->state) {
    case KC_PAYMENT_NOTED:
        add_in_flight(auditor, row->amount);
        break;
    case KC_PAYMENT_BOOKED:
        if (!row->payer_counted) {
            add(auditor, payer, row->amount, true);
        }
        if (!row->payee_counted) {
            add(auditor, payee, row->amount, false);
        }
        break;
    case KC_PAYMENT_RELEASED:
        if (!row->returned) {
            add(auditor, payer, row->amount, false);
        }
        if (row->payee_counted) {
            add(auditor, payee, row->amount, true);
        }
        break;
    case KC_PAYMENT_REFUSED:
        break;
    }
    bool counted =
        row->state == KC_PAYMENT_BOOKED || row->state == KC_PAYMENT_REFUSED || row->payer_counted;
    if (!counted || (row->returned && row->state != KC_PAYMENT_RELEASED)) {
        fault(auditor, "a payment does not fit its state, of purse", payer);
    }
    return !auditor->no_memory;
}

static bool take_record(void *owner, const struct kc_record_row *row)
{
    struct auditor *auditor = owner;
    auditor->audit->records += 1;
    switch (row->state) {
    case KC_RECORD_AHEAD:
        add(auditor, row->purse.number, row->amount, true);
        break;
    case KC_RECORD_TO_RETURN:
        add(auditor, row->purse.number, row->amount, false);
        break;
    case KC_RECORD_COUNTED:
        break;
    }
    return !auditor->no_memory;
}

static void compare_ahead(struct auditor *auditor, const struct kc_purse_row *row)
{
    static const struct book none;
    const struct book *book =
        auditor->capacity == 0 ? &none : find(auditor->books, auditor->capacity, row->purse.number);
    if (kc_amount_compare(book->ahead_in, row->ahead_in) != 0 ||
        kc_amount_compare(book->ahead_out, row->ahead_out) != 0) {
        fault(auditor, "payments give other amounts ahead for purse", row->purse.number);
    }
}

static bool take_purse(void *owner, const struct kc_purse_row *row)
{
    struct auditor *auditor = owner;
    auditor->audit->purses += 1;
    compare_balance(auditor, "the journal gives another value for purse", row->purse.number,
                    kc_shadow_of(row));
    compare_ahead(auditor, row);
    struct kc_certified certified;
    bool certified_good =
        row->certified_size == 0
            ? row->sequence == 0
            : !kc_failed(kc_ledger_recall(&certified, row->certified, row->certified_size)) &&
                  certified.sequence == row->sequence &&
                  certified.purse.number == row->purse.number;
    if (!certified_good) {
        fault(auditor, "the kept certified value does not fit purse", row->purse.number);
    }
    return true;
}

static bool take_transaction(void *owner, const struct kc_transaction_row *row)
{
    struct auditor *auditor = owner;
    auditor->audit->transactions += 1;
    bool open = row->state == KC_STATE_QUOTED || row->state == KC_STATE_SENT;
    if (open != (row->certified_size == 0) && row->state == KC_STATE_COMPLETED) {
        fault(auditor, "a completed transaction has no certified value, purse", row->purse.number);
    }
    if (row->kind == KC_TRANSACTION_REDEEM && row->state == KC_STATE_SENT) {
        add_in_flight(auditor, row->amount);
    }
    return true;
}

static bool same_totals(const struct kc_totals_row *a, const struct kc_totals_row *b)
{
    return kc_amount_compare(a->outside, b->outside) == 0 &&
           kc_amount_compare(a->accounts, b->accounts) == 0 &&
           kc_amount_compare(a->shadows, b->shadows) == 0 &&
           kc_amount_compare(a->in_flight, b->in_flight) == 0 &&
           kc_amount_compare(a->fees, b->fees) == 0 && kc_amount_compare(a->claims, b->claims) == 0;
}

static struct kc_result scan_all(struct auditor *auditor)
{
    const struct kc_store *store = auditor->store;
    struct kc_store_scan scan = {.owner = auditor,
                                 .account = take_account,
                                 .purse = take_purse,
                                 .transaction = take_transaction,
                                 .posting = take_posting,
                                 .batch = take_batch,
                                 .payment = take_payment,
                                 .record = take_record};
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
        result = store->scan_records(store->context, &scan, 0);
    }
    if (!kc_failed(result)) {
        result = store->scan_accounts(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_purses(store->context, &scan, 0);
    }
    return kc_failed(result) ? result : store->scan_transactions(store->context, &scan, 0);
}

/* Every book of the journal but the bank's own stands for an account or a purse. */
static void find_missing_rows(struct auditor *auditor)
{
    for (size_t i = 0; i < auditor->capacity; i++) {
        const struct book *book = &auditor->books[i];
        if (book->number > KC_BOOK_FEES && !book->has_row) {
            fault(auditor,
                  "the journal names an account or purse that is not there:", book->number);
        }
    }
}

static void compare_ends(struct auditor *auditor)
{
    struct kc_totals_row stored;
    if (kc_failed(auditor->store->totals_get(auditor->store->context, &stored))) {
        fault(auditor, "the totals cannot be read", 0);
        return;
    }
    auditor->audit->totals = stored;
    if (!same_totals(&stored, &auditor->totals)) {
        fault(auditor, "the journal gives other totals; outside is",
              kc_amount_minor(stored.outside));
    }
    if (kc_amount_compare(stored.in_flight, auditor->in_flight) != 0) {
        fault(auditor, "payments and orders give another sum in flight; it is",
              kc_amount_minor(stored.in_flight));
    }
    if (stored.next_posting != auditor->next_posting) {
        fault(auditor, "the journal ends early; next posting should be", stored.next_posting);
    }
    if (auditor->batch_at != auditor->batch_count) {
        fault(auditor, "a batch has no postings:", auditor->batches[auditor->batch_at].id);
    }
}

struct kc_result kc_ledger_audit(struct kc_audit *audit, const struct kc_store *store,
                                 const struct kc_crypto *crypto)
{
    struct auditor auditor = {.audit = audit, .store = store, .crypto = crypto, .next_posting = 1};
    struct kc_result result = scan_all(&auditor);
    if (!kc_failed(result) && auditor.no_memory) {
        result = kc_result(KC_NO_MEMORY);
    }
    if (!kc_failed(result)) {
        compare_ends(&auditor);
        find_missing_rows(&auditor);
        audit->batches = auditor.batch_count;
    }
    free(auditor.books);
    free(auditor.batches);
    return kc_failed(result) ? result : kc_result(audit->faults == 0 ? KC_OK : KC_STORE_CORRUPT);
}
