/* The audit trusts nothing but the journal: it adds every posting up again and compares.
 *
 * Transactions and postings come in different orders and are too many to be held in memory, so each purse has two sums of
 * digests: of the postings that stand in the journal, and of those that its transactions should have made. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/inside.h"
#include "message/cose.h"

/* An open-addressed table from book to balance; grows by doubling. */
struct book {
    uint64_t number; /* 0: free */
    struct kc_shadow balance;
    /* Of a purse: what payments and records say is booked and not counted. */
    struct kc_amount ahead_in;
    struct kc_amount ahead_out;
    bool is_purse;
    bool has_row;
    uint64_t purse; /* of an account: the one it has now */
    /* Of a purse: */
    bool listed; /* on the hotlist */
    struct kc_account_id account;
    uint64_t sequence;
    uint64_t open_ms;
    struct kc_shadow
        unshown; /* paid less returned by its row, less what deposits and records show */
    struct kc_amount received; /* by its records */
    uint64_t counter;          /* of its last record that is counted, and the chain's head there */
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t posted[2]; /* sums of digests */
    uint64_t expected[2];
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
    uint64_t highest_number; /* of accounts and purses, without the check digit */
    struct kc_totals_row totals;
    struct kc_amount in_flight; /* what waits, by payments and orders to the ordinary bank */
    bool no_memory;
    struct kc_result looked; /* the first error of a look-up during a scan */
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
    if (auditor->used * 4 >= auditor->capacity * 3 && !grow(auditor)) {
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
    debit = find(auditor->books, auditor->capacity, row->debit);
    debit->is_purse = debit->is_purse || debit_is_purse;
    if (kc_failed(kc_totals_move(&auditor->totals, debit_is_purse ? &from : NULL,
                                 credit_is_purse ? &to : NULL, row->debit, row->credit,
                                 row->amount))) {
        fault(auditor, "the totals do not allow posting", row->id);
    }
}

/* Adds the digest of a posting to a sum; the order does not matter. */
static void add_digest(struct auditor *auditor, uint64_t sum[2], uint64_t purse, uint64_t time_ms,
                       uint64_t debit, uint64_t credit, struct kc_amount amount)
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

static void count_posting(struct auditor *auditor, const struct kc_posting_row *row)
{
    struct book *purse = book_of(auditor, row->purse.number);
    if (purse != NULL) {
        purse->is_purse = true;
        add_digest(auditor, purse->posted, row->purse.number, row->transaction_ms, row->debit,
                   row->credit, row->amount);
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
    count_posting(auditor, row);
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

/* The book of a row, with the balance that the journal gives it; NULL when there is no memory. */
static struct book *compare_balance(struct auditor *auditor, const char *what, uint64_t number,
                                    struct kc_shadow stored, bool is_purse)
{
    struct book *book = book_of(auditor, number);
    if (book == NULL) {
        return NULL;
    }
    if (book->balance.below != stored.below ||
        kc_amount_compare(book->balance.amount, stored.amount) != 0) {
        fault(auditor, what, number);
    }
    if (book->has_row || (book->is_purse && !is_purse)) {
        fault(auditor, "an account and a purse have one number:", number);
    }
    book->is_purse = is_purse;
    book->has_row = true;
    if (number / 10 > auditor->highest_number) {
        auditor->highest_number = number / 10;
    }
    return book;
}

static bool take_account(void *owner, const struct kc_account_row *row)
{
    struct auditor *auditor = owner;
    auditor->audit->accounts += 1;
    struct book *book =
        compare_balance(auditor, "the journal gives another balance for account",
                        row->account.number, (struct kc_shadow){.amount = row->balance}, false);
    if (book != NULL) {
        book->purse = row->purse.number;
    }
    return !auditor->no_memory;
}

/* Whether a message that something rests on is kept. */
static void want_evidence(struct auditor *auditor, const char *what, uint64_t purse,
                          uint64_t time_ms, const uint8_t digest[KC_DIGEST_SIZE])
{
    const struct kc_store *store = auditor->store;
    struct kc_result result = store->evidence_find(store->context, purse, time_ms, digest);
    if (result.code == KC_NOT_FOUND) {
        fault(auditor, what, purse);
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

/* ---- payments: what is booked ahead of the chains, and what is in flight ---- */

static void add(struct auditor *auditor, struct kc_amount *sum, struct kc_amount amount,
                uint64_t number)
{
    if (kc_failed(kc_amount_add(sum, *sum, amount))) {
        fault(auditor, "a sum of payments and records overflows of purse", number);
    }
}

/* Something shows an amount that the purse paid, or one that came back. */
static void show(struct auditor *auditor, struct book *book, struct kc_amount amount, bool paid)
{
    struct kc_result result =
        paid ? kc_shadow_sub(&book->unshown, amount) : kc_shadow_add(&book->unshown, amount);
    if (kc_failed(result)) {
        fault(auditor, "its totals overflow of purse", book->number);
    }
}

static void add_ahead(struct auditor *auditor, uint64_t number, struct kc_amount amount, bool out)
{
    struct book *book = book_of(auditor, number);
    if (book != NULL) {
        add(auditor, out ? &book->ahead_out : &book->ahead_in, amount, number);
    }
}

static void add_in_flight(struct auditor *auditor, struct kc_amount amount)
{
    if (kc_failed(kc_amount_add(&auditor->in_flight, auditor->in_flight, amount))) {
        fault(auditor, "what is in flight overflows at", kc_amount_minor(amount));
    }
}

/* The postings between a purse and the book in flight that a payment made, on one side. */
static void expect_moved(struct auditor *auditor, const struct kc_payment_row *row, uint64_t purse,
                         bool out)
{
    struct book *book = book_of(auditor, purse);
    if (book != NULL) {
        add_digest(auditor, book->expected, purse, row->time_ms, out ? purse : KC_BOOK_IN_FLIGHT,
                   out ? KC_BOOK_IN_FLIGHT : purse, row->amount);
    }
}

static void expect_payment(struct auditor *auditor, const struct kc_payment_row *row)
{
    uint64_t payer = row->payer.number;
    uint64_t payee = row->payee.number;
    bool back = row->state == KC_PAYMENT_RELEASED;
    if (row->state != KC_PAYMENT_REFUSED) {
        expect_moved(auditor, row, payer, true);
    }
    if (row->taken) {
        expect_moved(auditor, row, payee, false);
    }
    if (back && row->taken) {
        expect_moved(auditor, row, payee, true);
    }
    if (back) {
        expect_moved(auditor, row, payer, false);
    }
}

static void sum_payment(struct auditor *auditor, const struct kc_payment_row *row)
{
    uint64_t payer = row->payer.number;
    uint64_t payee = row->payee.number;
    switch (row->state) {
    case KC_PAYMENT_NOTED:
        add_in_flight(auditor, row->amount);
        break;
    case KC_PAYMENT_BOOKED:
        if (!row->payer_counted) {
            add_ahead(auditor, payer, row->amount, true);
        }
        if (!row->payee_counted) {
            add_ahead(auditor, payee, row->amount, false);
        }
        break;
    case KC_PAYMENT_RELEASED:
        if (!row->returned) {
            add_ahead(auditor, payer, row->amount, false);
        }
        if (row->payee_counted) {
            add_ahead(auditor, payee, row->amount, true);
        }
        break;
    case KC_PAYMENT_REFUSED:
        break;
    }
}

static bool fits_state(const struct kc_payment_row *row)
{
    bool booked = row->state == KC_PAYMENT_BOOKED;
    bool released = row->state == KC_PAYMENT_RELEASED;
    bool counted = booked || row->state == KC_PAYMENT_REFUSED || row->payer_counted;
    bool taken = row->taken == booked || (released && row->taken);
    return counted && taken && (!row->payee_counted || row->taken) && (!row->returned || released);
}

/* A payment is what its payer's signed order says. */
static bool fits_order(const struct kc_payment_row *row, const struct kc_payment_order *order)
{
    return order->payer_purse.number == row->payer.number &&
           order->payer_counter == row->payer_counter &&
           order->payee_purse.number == row->payee.number &&
           order->payee_counter == row->payee_counter && order->time_ms == row->time_ms &&
           kc_amount_compare(order->amount, row->amount) == 0;
}

/* The order of a payment, out of the record that shows it. */
static bool check_order(struct auditor *auditor, const struct kc_payment_row *row,
                        const struct kc_record_row *record)
{
    struct kc_log_record log;
    struct kc_signed parsed;
    struct kc_payment_order order;
    uint8_t digest[KC_DIGEST_SIZE];
    const struct kc_audit *audit = auditor->audit;
    struct kc_result result =
        kc_shape_decode(&log, &kc_log_record_shape, kc_view(record->bytes, record->size));
    if (kc_failed(result) || !log.has_order) {
        return false;
    }
    kc_digest(auditor->crypto, digest, log.order);
    result = kc_brief_parse(&parsed, log.order);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload);
    }
    return !kc_failed(result) && memcmp(digest, row->digest, KC_DIGEST_SIZE) == 0 &&
           fits_order(row, &order) &&
           (audit->verify_order == NULL ||
            audit->verify_order(audit->owner, log.order, order.payer));
}

/* The record of a payment: of its payee's report, or its payer's. */
static struct kc_result find_record(struct kc_record_row *out, const struct kc_store *store,
                                    const struct kc_payment_row *row)
{
    struct kc_result result =
        store->record_get(store->context, out, row->payee.number, row->payee_counter);
    bool other = !kc_failed(result) && memcmp(out->order, row->digest, KC_DIGEST_SIZE) != 0;
    return other || result.code == KC_NOT_FOUND
               ? store->record_get(store->context, out, row->payer.number, row->payer_counter)
               : result;
}

static bool take_payment(void *owner, const struct kc_payment_row *row)
{
    struct auditor *auditor = owner;
    struct kc_record_row record;
    auditor->audit->payments += 1;
    sum_payment(auditor, row);
    expect_payment(auditor, row);
    if (!fits_state(row)) {
        fault(auditor, "a payment does not fit its state, of purse", row->payer.number);
    }
    struct kc_result result = find_record(&record, auditor->store, row);
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        auditor->looked = kc_failed(auditor->looked) ? auditor->looked : result;
    } else if (kc_failed(result) || !check_order(auditor, row, &record)) {
        fault(auditor, "no signed order shows a payment of purse", row->payer.number);
    }
    return !auditor->no_memory;
}

/* ---- purses that were replaced, and the hotlist ---- */

/* The postings of a move, and what it books ahead of the old purse's chain, which stands still. Between two purses value passes
 * the book in flight. */
static bool take_move(void *owner, const struct kc_move_row *row)
{
    struct auditor *auditor = owner;
    uint64_t purse = row->purse.number;
    bool out = row->kind == KC_MOVE_REMAINDER || row->kind == KC_MOVE_CREDIT;
    bool between = row->kind == KC_MOVE_REMAINDER || row->kind == KC_MOVE_OWED;
    uint64_t other = between ? KC_BOOK_IN_FLIGHT : row->other;
    struct book *book = book_of(auditor, purse);
    if (book != NULL) {
        add_digest(auditor, book->expected, purse, row->time_ms, out ? purse : other,
                   out ? other : purse, row->amount);
        add_ahead(auditor, purse, row->amount, out);
    }
    book = between ? book_of(auditor, row->other) : NULL;
    if (book != NULL) {
        add_digest(auditor, book->expected, row->other, row->time_ms, out ? other : row->other,
                   out ? row->other : other, row->amount);
    }
    if (row->kind == KC_MOVE_OWED) {
        add_ahead(auditor, row->other, row->amount, true);
    }
    return !auditor->no_memory;
}

static bool take_listed(void *owner, const struct kc_hotlist_row *row)
{
    struct auditor *auditor = owner;
    struct book *book = book_of(auditor, row->purse.number);
    if (book != NULL) {
        book->listed = true;
    }
    return !auditor->no_memory;
}

/* A purse is out of use by a proof or by its holder's word when it is listed, and the only one in use of its account. */
static void compare_standing(struct auditor *auditor, const struct book *book,
                             const struct book *account, const struct kc_purse_row *row)
{
    bool out = row->state == KC_PURSE_OUT && row->out_ms != 0;
    if (out != book->listed) {
        fault(auditor, "the hotlist says otherwise of purse", row->purse.number);
    }
    if (row->state == KC_PURSE_ACTIVE && account->purse != row->purse.number) {
        fault(auditor, "its account has another purse than", row->purse.number);
    }
}

/* What a counted cash-out drew is among the deposits, unless the bank took none or takes it later. */
static void sum_cash_out(struct auditor *auditor, struct book *book,
                         const struct kc_record_row *row)
{
    uint64_t purse = row->purse.number;
    switch (row->state) {
    case KC_RECORD_AHEAD:
        add(auditor, &book->ahead_out, row->amount, purse);
        show(auditor, book, row->amount, false);
        break;
    case KC_RECORD_TO_RETURN:
        add(auditor, &book->ahead_in, row->amount, purse);
        show(auditor, book, row->amount, true);
        break;
    case KC_RECORD_COUNTED:
        if (row->objection != KC_OK) {
            show(auditor, book, row->amount, true);
        }
        break;
    case KC_RECORD_RETURNED:
        show(auditor, book, row->amount, true);
        break;
    case KC_RECORD_SHOWN:
        break;
    }
}

static void sum_record(struct auditor *auditor, struct book *book, const struct kc_record_row *row)
{
    uint64_t purse = row->purse.number;
    if (row->state == KC_RECORD_SHOWN) {
        return;
    }
    switch (row->kind) {
    case KC_ENTRY_KIND_PAY:
        show(auditor, book, row->amount, true);
        break;
    case KC_ENTRY_KIND_VOID:
        show(auditor, book, row->amount, false);
        break;
    case KC_ENTRY_KIND_RECEIVE:
        add(auditor, &book->received, row->amount, purse);
        break;
    case KC_ENTRY_KIND_CASH_OUT:
        sum_cash_out(auditor, book, row);
        break;
    case KC_ENTRY_KIND_REFUSE:
    case KC_ENTRY_KIND_CLOSE:
        break;
    }
}

/* A record is what its entry says, and follows the one before it where that is a record too. What is ahead is a bare entry. */
static bool fits_entry(const struct auditor *auditor, const struct book *book,
                       const struct kc_record_row *row)
{
    struct kc_log_record log = {.entry = kc_view(row->bytes, row->size)};
    struct kc_entry entry;
    struct kc_sha256 hash;
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t head[KC_DIGEST_SIZE];
    const struct kc_crypto *crypto = auditor->crypto;
    bool ahead = row->state == KC_RECORD_AHEAD;
    if ((!ahead && kc_failed(kc_shape_decode(&log, &kc_log_record_shape, log.entry))) ||
        kc_failed(kc_shape_decode(&entry, &kc_entry_shape, log.entry))) {
        return false;
    }
    kc_digest(crypto, digest, log.entry);
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(book->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, log.entry);
    crypto->sha256_end(crypto->context, &hash, head);
    bool follows =
        ahead || row->counter != book->counter + 1 || memcmp(head, row->head, KC_DIGEST_SIZE) == 0;
    return follows && memcmp(digest, row->digest, KC_DIGEST_SIZE) == 0 && entry.kind == row->kind &&
           entry.counter == row->counter && kc_amount_compare(entry.amount, row->amount) == 0;
}

static bool take_record(void *owner, const struct kc_record_row *row)
{
    struct auditor *auditor = owner;
    struct book *book = book_of(auditor, row->purse.number);
    auditor->audit->records += 1;
    if (book == NULL) {
        return false;
    }
    sum_record(auditor, book, row);
    if (!fits_entry(auditor, book, row)) {
        fault(auditor, "a record does not fit its entry or its place, of purse", row->purse.number);
    }
    if (row->state != KC_RECORD_AHEAD && row->state != KC_RECORD_SHOWN) {
        book->counter = row->counter;
        memcpy(book->head, row->head, KC_DIGEST_SIZE);
    }
    want_evidence(auditor, "no report is kept of a record of purse", row->purse.number,
                  row->shown_ms, row->shown_digest);
    return !auditor->no_memory;
}

static void compare_ahead(struct auditor *auditor, const struct book *book,
                          const struct kc_purse_row *row)
{
    if (kc_amount_compare(book->ahead_in, row->ahead_in) != 0 ||
        kc_amount_compare(book->ahead_out, row->ahead_out) != 0) {
        fault(auditor, "payments give other amounts ahead for purse", row->purse.number);
    }
}

/* The totals, and the end of the chain where a record is its end. */
static void compare_history(struct auditor *auditor, struct book *book,
                            const struct kc_purse_row *row)
{
    uint64_t number = row->purse.number;
    if (kc_amount_compare(book->received, row->received) != 0) {
        fault(auditor, "records give another sum that was received by purse", number);
    }
    if (book->counter > row->counter ||
        (book->counter == row->counter && memcmp(book->head, row->head, KC_DIGEST_SIZE) != 0)) {
        fault(auditor, "records give another end of the chain of purse", number);
    }
    show(auditor, book, row->paid, false);
    show(auditor, book, row->returned, true);
}

static bool take_purse(void *owner, const struct kc_purse_row *row)
{
    struct auditor *auditor = owner;
    uint64_t number = row->purse.number;
    auditor->audit->purses += 1;
    struct book *account = book_of(auditor, row->account.number);
    if (account != NULL && (!account->has_row || account->is_purse)) {
        fault(auditor, "there is no account of purse", number);
    }
    struct book *book = compare_balance(auditor, "the journal gives another value for purse",
                                        number, kc_shadow_of(row), true);
    if (book == NULL) {
        return false;
    }
    compare_ahead(auditor, book, row);
    compare_history(auditor, book, row);
    compare_standing(auditor, book, find(auditor->books, auditor->capacity, row->account.number),
                     row);
    book->account = row->account;
    book->sequence = row->sequence;
    book->open_ms = row->open_ms;
    if (!fits_certified(row)) {
        fault(auditor, "the kept certified value does not fit purse", number);
    }
    if (row->counter > 0) {
        want_evidence(auditor, "no message shows the counter of purse", number, row->counted_ms,
                      row->counted_digest);
    }
    return !auditor->no_memory;
}

/* The postings that a transaction made, by its state. */
static void expect_postings(struct auditor *auditor, struct book *book,
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
            add_digest(auditor, book->expected, purse, row->time_ms, out ? account : purse,
                       out ? purse : account, row->amount);
        }
        break;
    }
    case KC_TRANSACTION_FUND:
        if (done) {
            add_digest(auditor, book->expected, purse, row->time_ms, KC_BOOK_OUTSIDE, account,
                       row->amount);
        }
        break;
    case KC_TRANSACTION_REDEEM:
        if (done || back || row->state == KC_STATE_SENT) {
            add_digest(auditor, book->expected, purse, row->time_ms, account, KC_BOOK_IN_FLIGHT,
                       row->amount);
        }
        if (done || back) {
            add_digest(auditor, book->expected, purse, row->time_ms, KC_BOOK_IN_FLIGHT,
                       done ? KC_BOOK_OUTSIDE : account, row->amount);
        }
        break;
    }
}

static bool has_right_certified(const struct book *book, const struct kc_transaction_row *row)
{
    struct kc_certified certified;
    bool open = row->state == KC_STATE_QUOTED || row->state == KC_STATE_SENT;
    if (row->certified_size == 0) {
        return row->state != KC_STATE_COMPLETED;
    }
    return !open && !kc_failed(kc_ledger_recall(&certified, row->certified, row->certified_size)) &&
           certified.purse.number == row->purse.number && certified.sequence <= book->sequence;
}

static bool take_transaction(void *owner, const struct kc_transaction_row *row)
{
    static const uint8_t none[KC_DIGEST_SIZE] = {0};
    struct auditor *auditor = owner;
    uint64_t purse = row->purse.number;
    struct book *book = book_of(auditor, purse);
    if (book == NULL) {
        return false;
    }
    auditor->audit->transactions += 1;
    if (!book->has_row || !book->is_purse) {
        fault(auditor, "there are transactions of a purse that is not there:", purse);
        return true;
    }
    expect_postings(auditor, book, row);
    if (row->kind == KC_TRANSACTION_REDEEM && row->state == KC_STATE_SENT) {
        add_in_flight(auditor, row->amount);
    }
    if (row->kind == KC_TRANSACTION_DEPOSIT && row->state == KC_STATE_COMPLETED) {
        show(auditor, book, row->amount, true);
    }
    if (!has_right_certified(book, row)) {
        fault(auditor, "a transaction has a wrong certified value, purse", purse);
    }
    if (row->state == KC_STATE_QUOTED) {
        if (book->open_ms != row->time_ms) {
            fault(auditor, "a quote is open that its purse does not name:", purse);
        }
        book->open_ms = 0;
    }
    want_evidence(auditor, "a request is not kept of purse", purse, row->time_ms,
                  row->request_digest);
    if (memcmp(row->answer_digest, none, KC_DIGEST_SIZE) != 0) {
        want_evidence(auditor, "an answer is not kept of purse", purse, row->time_ms,
                      row->answer_digest);
    }
    return !auditor->no_memory;
}

static bool take_alert(void *owner, const struct kc_alert_row *row)
{
    struct auditor *auditor = owner;
    want_evidence(auditor, "no proof is kept for the alert of purse", row->purse.number,
                  row->evidence_ms, row->evidence_digest);
    want_evidence(auditor, "half the proof is missing for the alert of purse", row->purse.number,
                  row->against_ms, row->against_digest);
    return true;
}

static bool take_evidence(void *owner, const struct kc_evidence_row *row)
{
    struct auditor *auditor = owner;
    const struct kc_audit *audit = auditor->audit;
    uint64_t purse = row->purse.number;
    uint8_t digest[KC_DIGEST_SIZE];
    struct book *book = book_of(auditor, purse);
    if (book == NULL) {
        return false;
    }
    auditor->audit->evidence += 1;
    kc_digest(auditor->crypto, digest, kc_view(row->bytes, row->size));
    if (!book->has_row || !book->is_purse) {
        fault(auditor, "evidence is kept of a purse that is not there:", purse);
    } else if (memcmp(digest, row->digest, KC_DIGEST_SIZE) != 0) {
        fault(auditor, "the evidence was changed of purse", purse);
    } else if (audit->verify != NULL && !audit->verify(audit->owner, row, book->account)) {
        fault(auditor, "a signature does not verify in the evidence of purse", purse);
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

static struct kc_result scan_all(struct auditor *auditor)
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
                                 .payment = take_payment,
                                 .record = take_record,
                                 .hotlist = take_listed,
                                 .move = take_move};
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
        result = store->scan_moves(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_hotlist(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_accounts(store->context, &scan);
    }
    if (!kc_failed(result)) {
        result = store->scan_purses(store->context, &scan, 0);
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
static void compare_books(struct auditor *auditor)
{
    for (size_t i = 0; i < auditor->capacity; i++) {
        const struct book *book = &auditor->books[i];
        if (book->number > KC_BOOK_FEES && !book->has_row) {
            fault(auditor,
                  "the journal names an account or purse that is not there:", book->number);
        }
        if (book->posted[0] != book->expected[0] || book->posted[1] != book->expected[1]) {
            fault(auditor, "transactions and journal differ for purse", book->number);
        }
        if (!kc_amount_is_zero(book->unshown.amount)) {
            fault(auditor, "its totals differ from the deposits and payments of purse",
                  book->number);
        }
        if (book->open_ms != 0) {
            fault(auditor, "there is no open quote as it is named by purse", book->number);
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
    if (stored.next_account <= auditor->highest_number) {
        fault(auditor, "the next account would take a number that is in use:", stored.next_account);
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
        compare_books(&auditor);
        audit->batches = auditor.batch_count;
    }
    free(auditor.books);
    free(auditor.batches);
    return kc_failed(result) ? result : kc_result(audit->faults == 0 ? KC_OK : KC_STORE_CORRUPT);
}
