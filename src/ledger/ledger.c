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

/* outside + claims = accounts + shadows + in flight + fees. */
static bool totals_balance(const struct kc_totals_row *totals)
{
    struct kc_amount sum = totals->accounts;
    struct kc_amount all = totals->outside;
    return !kc_failed(kc_amount_add(&all, all, totals->claims)) &&
           !kc_failed(kc_amount_add(&sum, sum, totals->shadows)) &&
           !kc_failed(kc_amount_add(&sum, sum, totals->in_flight)) &&
           !kc_failed(kc_amount_add(&sum, sum, totals->fees)) && kc_amount_compare(sum, all) == 0;
}

static bool same_totals(const struct kc_totals_row *a, const struct kc_totals_row *b)
{
    return a->next_account == b->next_account && a->next_posting == b->next_posting &&
           kc_amount_compare(a->outside, b->outside) == 0 &&
           kc_amount_compare(a->accounts, b->accounts) == 0 &&
           kc_amount_compare(a->shadows, b->shadows) == 0 &&
           kc_amount_compare(a->in_flight, b->in_flight) == 0 &&
           kc_amount_compare(a->fees, b->fees) == 0 && kc_amount_compare(a->claims, b->claims) == 0;
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
    if (!kc_failed(result) || result.code == KC_NOT_FOUND) {
        result = ledger->store->hotlist_version(ledger->store->context, &ledger->hotlist_version);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_charge_load(ledger);
    if (kc_failed(result)) {
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

struct kc_result kc_shadow_add(struct kc_shadow *shadow, struct kc_amount amount)
{
    if (!shadow->below) {
        return kc_amount_add(&shadow->amount, shadow->amount, amount);
    }
    if (kc_failed(kc_amount_sub(&shadow->amount, shadow->amount, amount))) {
        shadow->below = false;
        return kc_amount_sub(&shadow->amount, amount, shadow->amount);
    }
    shadow->below = !kc_amount_is_zero(shadow->amount);
    return kc_ok();
}

struct kc_result kc_shadow_sub(struct kc_shadow *shadow, struct kc_amount amount)
{
    struct kc_shadow turned = {.amount = shadow->amount,
                               .below = !shadow->below && !kc_amount_is_zero(shadow->amount)};
    struct kc_result result = kc_shadow_add(&turned, amount);
    if (!kc_failed(result)) {
        shadow->amount = turned.amount;
        shadow->below = !turned.below && !kc_amount_is_zero(turned.amount);
    }
    return result;
}

struct kc_shadow kc_shadow_of(const struct kc_purse_row *row)
{
    struct kc_shadow shadow = {.amount = row->value};
    struct kc_result result = kc_shadow_add(&shadow, row->ahead_in);
    KC_ASSERT(!kc_failed(result));
    result = kc_shadow_sub(&shadow, row->ahead_out);
    KC_ASSERT(!kc_failed(result));
    return shadow;
}

static struct kc_amount *total_of(struct kc_totals_row *totals, uint64_t book)
{
    return book == KC_BOOK_IN_FLIGHT ? &totals->in_flight
           : book == KC_BOOK_FEES    ? &totals->fees
                                     : &totals->accounts;
}

/* A shadow stands among the shadows or, below zero, among the claims. */
static struct kc_amount *total_of_shadow(struct kc_totals_row *totals,
                                         const struct kc_shadow *shadow)
{
    return shadow->below ? &totals->claims : &totals->shadows;
}

static struct kc_result move_shadow(struct kc_totals_row *totals, struct kc_shadow *shadow,
                                    bool out, struct kc_amount amount)
{
    struct kc_amount *total = total_of_shadow(totals, shadow);
    struct kc_result result = kc_amount_sub(total, *total, shadow->amount);
    if (!kc_failed(result)) {
        result = out ? kc_shadow_sub(shadow, amount) : kc_shadow_add(shadow, amount);
    }
    if (!kc_failed(result)) {
        total = total_of_shadow(totals, shadow);
        result = kc_amount_add(total, *total, shadow->amount);
    }
    return result;
}

/* Value that comes from outside raises the counterweight; value that leaves lowers it. */
static struct kc_result move_side(struct kc_totals_row *totals, struct kc_shadow *shadow,
                                  uint64_t book, bool out, struct kc_amount amount)
{
    if (shadow != NULL) {
        return move_shadow(totals, shadow, out, amount);
    }
    if (book == KC_BOOK_OUTSIDE) {
        return out ? kc_amount_add(&totals->outside, totals->outside, amount)
                   : kc_amount_sub(&totals->outside, totals->outside, amount);
    }
    struct kc_amount *total = total_of(totals, book);
    return out ? kc_amount_sub(total, *total, amount) : kc_amount_add(total, *total, amount);
}

struct kc_result kc_totals_move(struct kc_totals_row *totals, struct kc_shadow *debit_shadow,
                                struct kc_shadow *credit_shadow, uint64_t debit, uint64_t credit,
                                struct kc_amount amount)
{
    struct kc_totals_row moved = *totals;
    struct kc_shadow from;
    struct kc_shadow to;
    if (debit_shadow != NULL) {
        from = *debit_shadow;
    }
    if (credit_shadow != NULL) {
        to = *credit_shadow;
    }
    struct kc_result result =
        move_side(&moved, debit_shadow == NULL ? NULL : &from, debit, true, amount);
    if (!kc_failed(result)) {
        result = move_side(&moved, credit_shadow == NULL ? NULL : &to, credit, false, amount);
    }
    if (kc_failed(result)) {
        return result;
    }
    *totals = moved;
    if (debit_shadow != NULL) {
        *debit_shadow = from;
    }
    if (credit_shadow != NULL) {
        *credit_shadow = to;
    }
    return result;
}

struct kc_result kc_ledger_post(struct kc_ledger *ledger, uint64_t debit, uint64_t credit,
                                struct kc_amount amount,
                                const struct kc_transaction_row *transaction,
                                struct kc_shadow *shadow)
{
    uint64_t purse = transaction->purse.number;
    KC_ASSERT(debit != credit && !kc_amount_is_zero(amount));
    KC_ASSERT((shadow != NULL) == (debit == purse || credit == purse));
    struct kc_result result =
        kc_totals_move(&ledger->totals, debit == purse ? shadow : NULL,
                       credit == purse ? shadow : NULL, debit, credit, amount);
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
    struct kc_account_row owner;
    struct kc_amount balance = account->balance;
    if (purse->type == KC_PURSE_TYPE_MACHINE) {
        struct kc_result found = kc_merchant_payer(&owner, ledger, account->account.number);
        if (kc_failed(found)) {
            return found;
        }
        balance = owner.balance;
    }
    purse->sequence += 1;
    purse->account_at_access = balance;
    purse->purse_at_access = purse->value;
    purse->access_ms = ledger->now_ms;
    purse->value_ms = ledger->now_ms;
    *out = (struct kc_certified){.bank = ledger->options.realm.bank,
                                 .purse_type = purse->type,
                                 .account = purse->account,
                                 .purse = purse->purse,
                                 .account_amount = balance,
                                 .purse_amount = purse->value,
                                 .time_ms = ledger->now_ms,
                                 .sequence = purse->sequence,
                                 .counter = purse->counter};
    memcpy(out->head, purse->head, KC_DIGEST_SIZE);
    out->log_policy = purse->log_policy;
    bool bearer = purse->type == KC_PURSE_TYPE_BEARER;
    kc_offline_limits_certify(out, bearer ? &ledger->options.bearer : &ledger->options.limits,
                              account->expires_ms);
    if (!kc_amount_is_zero(purse->owed)) {
        out->payment_most = kc_amount_zero();
        out->spend_most = kc_amount_zero();
        out->spend_count = 0;
    }
    struct kc_result result = kc_charge_certify(out, ledger, account);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&buffer, &kc_certified_shape, out);
    }
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
