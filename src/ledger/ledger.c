#include "ledger/ledger.h"

#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

struct kc_result kc_ledger_note(struct kc_ledger *ledger, struct kc_result result)
{
    if (kc_failed(result) && result.code != KC_NOT_FOUND && ledger->broken == KC_OK) {
        ledger->broken = result.code;
    }
    return result;
}

/* outside = accounts + shadows + in flight + fees. */
static bool totals_balance(const struct kc_totals_row *totals)
{
    struct kc_amount sum = totals->accounts;
    return !kc_failed(kc_amount_add(&sum, sum, totals->shadows)) &&
           !kc_failed(kc_amount_add(&sum, sum, totals->in_flight)) &&
           !kc_failed(kc_amount_add(&sum, sum, totals->fees)) &&
           kc_amount_compare(sum, totals->outside) == 0;
}

static bool same_totals(const struct kc_totals_row *a, const struct kc_totals_row *b)
{
    return a->next_account == b->next_account && a->next_posting == b->next_posting &&
           kc_amount_compare(a->outside, b->outside) == 0 &&
           kc_amount_compare(a->accounts, b->accounts) == 0 &&
           kc_amount_compare(a->shadows, b->shadows) == 0 &&
           kc_amount_compare(a->in_flight, b->in_flight) == 0 &&
           kc_amount_compare(a->fees, b->fees) == 0;
}

static struct kc_result load(struct kc_ledger *ledger)
{
    struct kc_result result = ledger->store->totals_get(ledger->store->context, &ledger->totals);
    if (kc_failed(result)) {
        return result;
    }
    ledger->stored = ledger->totals;
    memset(&ledger->batch, 0, sizeof ledger->batch);
    result = ledger->store->batch_last(ledger->store->context, &ledger->batch);
    if (kc_failed(result) && result.code != KC_NOT_FOUND) {
        return result;
    }
    bool whole = totals_balance(&ledger->totals) &&
                 ledger->totals.next_posting == ledger->batch.last_posting + 1;
    return kc_result(whole ? KC_OK : KC_STORE_CORRUPT);
}

struct kc_result kc_ledger_open(struct kc_ledger *ledger, const struct kc_store *store,
                                const struct kc_crypto *crypto,
                                const struct kc_ledger_options *options)
{
    *ledger = (struct kc_ledger){.store = store, .crypto = crypto, .options = *options};
    return load(ledger);
}

struct kc_result kc_ledger_begin(struct kc_ledger *ledger, uint64_t now_ms)
{
    KC_ASSERT(!ledger->in_batch);
    struct kc_result result = ledger->lost ? load(ledger) : kc_ok();
    ledger->lost = kc_failed(result);
    if (!kc_failed(result)) {
        result = ledger->store->begin(ledger->store->context);
    }
    if (kc_failed(result)) {
        return result;
    }
    ledger->in_batch = true;
    ledger->broken = KC_OK;
    ledger->now_ms = now_ms;
    ledger->batch.id += 1;
    return kc_ok();
}

static struct kc_result write_end(struct kc_ledger *ledger)
{
    void *context = ledger->store->context;
    uint64_t last = ledger->totals.next_posting - 1;
    KC_ASSERT(totals_balance(&ledger->totals));
    struct kc_result result = kc_result(ledger->broken);
    if (!kc_failed(result) && last != ledger->batch.last_posting) {
        ledger->batch.last_posting = last;
        result = ledger->store->batch_add(context, &ledger->batch);
    }
    /* A batch that changed nothing must not make the disk work: there is one every second. */
    if (!kc_failed(result) && !same_totals(&ledger->totals, &ledger->stored)) {
        result = ledger->store->totals_put(context, &ledger->totals);
    }
    if (!kc_failed(result)) {
        result = ledger->store->commit(context);
    }
    if (!kc_failed(result)) {
        ledger->stored = ledger->totals;
    }
    return result;
}

struct kc_result kc_ledger_commit(struct kc_ledger *ledger)
{
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = write_end(ledger);
    ledger->in_batch = false;
    if (kc_failed(result)) {
        ledger->store->rollback(ledger->store->context);
        struct kc_result loaded = load(ledger);
        ledger->lost = kc_failed(loaded);
        return kc_failed(loaded) && loaded.code == KC_STORE_CORRUPT ? loaded : result;
    }
    return result;
}

struct kc_result kc_ledger_keep(struct kc_ledger *ledger, struct kc_purse_id purse,
                                uint64_t time_ms, enum kc_evidence_kind kind,
                                const struct kc_ledger_source *source)
{
    const struct kc_store *store = ledger->store;
    struct kc_result result = store->evidence_add(store->context, purse.number, time_ms, kind,
                                                  source->digest, source->bytes);
    if (!kc_failed(result) && source->key.size > 0) {
        result = store->signer_add(store->context, source->signer, source->key);
    }
    return kc_ledger_note(ledger, result);
}

void kc_ledger_chain(uint8_t chain[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                     const struct kc_posting_row *posting)
{
    uint8_t bytes[KC_DIGEST_SIZE + 8 * 8];
    const uint64_t numbers[] = {posting->id,
                                posting->batch,
                                posting->debit,
                                posting->credit,
                                kc_amount_minor(posting->amount),
                                posting->purse.number,
                                posting->transaction_ms,
                                posting->time_ms};
    memcpy(bytes, chain, KC_DIGEST_SIZE);
    for (size_t i = 0; i < 8; i++) {
        kc_be64_store(bytes + KC_DIGEST_SIZE + 8 * i, numbers[i]);
    }
    kc_digest(crypto, chain, kc_view(bytes, sizeof bytes));
}

static struct kc_amount *total_of(struct kc_totals_row *totals, uint64_t book, bool is_purse)
{
    switch (book) {
    case KC_BOOK_OUTSIDE:
        return NULL;
    case KC_BOOK_IN_FLIGHT:
        return &totals->in_flight;
    case KC_BOOK_FEES:
        return &totals->fees;
    default:
        return is_purse ? &totals->shadows : &totals->accounts;
    }
}

struct kc_result kc_totals_move(struct kc_totals_row *totals, bool debit_is_purse,
                                bool credit_is_purse, uint64_t debit, uint64_t credit,
                                struct kc_amount amount)
{
    struct kc_totals_row moved = *totals;
    struct kc_amount *from = total_of(&moved, debit, debit_is_purse);
    struct kc_result result;
    /* Value that comes from outside raises the counterweight; value that leaves lowers it. */
    if (from == NULL) {
        result = kc_amount_add(&moved.outside, moved.outside, amount);
    } else {
        result = kc_amount_sub(from, *from, amount);
    }
    struct kc_amount *to = total_of(&moved, credit, credit_is_purse);
    if (!kc_failed(result) && to == NULL) {
        result = kc_amount_sub(&moved.outside, moved.outside, amount);
    } else if (!kc_failed(result)) {
        result = kc_amount_add(to, *to, amount);
    }
    if (!kc_failed(result)) {
        *totals = moved;
    }
    return result;
}

struct kc_result kc_ledger_post(struct kc_ledger *ledger, uint64_t debit, uint64_t credit,
                                struct kc_amount amount,
                                const struct kc_transaction_row *transaction)
{
    uint64_t purse = transaction->purse.number;
    KC_ASSERT(debit != credit && !kc_amount_is_zero(amount));
    struct kc_result result =
        kc_totals_move(&ledger->totals, debit == purse, credit == purse, debit, credit, amount);
    if (kc_failed(result)) {
        return kc_ledger_note(ledger, result);
    }
    struct kc_posting_row posting = {.id = ledger->totals.next_posting++,
                                     .batch = ledger->batch.id,
                                     .debit = debit,
                                     .credit = credit,
                                     .amount = amount,
                                     .purse = transaction->purse,
                                     .transaction_ms = transaction->time_ms,
                                     .time_ms = ledger->now_ms};
    kc_ledger_chain(ledger->batch.chain, ledger->crypto, &posting);
    return kc_ledger_note(ledger, ledger->store->posting_add(ledger->store->context, &posting));
}

struct kc_result kc_ledger_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                   const struct kc_account_row *account, struct kc_purse_row *purse)
{
    uint8_t bytes[KC_CERTIFIED_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    purse->sequence += 1;
    purse->account_at_access = account->balance;
    purse->purse_at_access = purse->value;
    purse->access_ms = ledger->now_ms;
    purse->value_ms = ledger->now_ms;
    *out = (struct kc_certified){.bank = ledger->options.realm.bank,
                                 .purse_type = purse->type,
                                 .account = purse->account,
                                 .purse = purse->purse,
                                 .account_amount = account->balance,
                                 .purse_amount = purse->value,
                                 .time_ms = ledger->now_ms,
                                 .sequence = purse->sequence,
                                 .counter = purse->counter};
    memcpy(out->head, purse->head, KC_DIGEST_SIZE);
    struct kc_result result = kc_shape_encode(&buffer, &kc_certified_shape, out);
    if (!kc_failed(result)) {
        memcpy(purse->certified, bytes, buffer.size);
        purse->certified_size = buffer.size;
    }
    return kc_ledger_note(ledger, result);
}

struct kc_result kc_ledger_recall(struct kc_certified *out, const uint8_t *bytes, size_t size)
{
    struct kc_result result = kc_shape_decode(out, &kc_certified_shape, kc_view(bytes, size));
    return kc_result(kc_failed(result) ? KC_STORE_CORRUPT : KC_OK);
}
