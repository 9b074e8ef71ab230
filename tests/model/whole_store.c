/* Rows stand in tables in the order in which they came. A batch may add rows and replace old ones: what it replaces goes to
 * `undo`, what it adds is cut off again by a rollback. Tables are small, so they are searched from their ends. */
#include "whole_store.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "whole_store_inside.h"

_Static_assert(RAM_TABLE_ENDINGS + 1 == RAM_TABLES, "every table has a count");

struct table {
    size_t at;
    size_t row_size;
    size_t max;
};

#define TABLE(member, count)                                                                       \
    {                                                                                              \
        offsetof(struct ram_store, member), sizeof(((struct ram_store *)NULL)->member[0]), count   \
    }

static const struct table tables[RAM_TABLES] = {
    [RAM_TABLE_ACCOUNTS] = TABLE(accounts, RAM_ACCOUNTS),
    [RAM_TABLE_PURSES] = TABLE(purses, RAM_PURSES),
    [RAM_TABLE_TRANSACTIONS] = TABLE(transactions, RAM_TRANSACTIONS),
    [RAM_TABLE_POSTINGS] = TABLE(postings, RAM_POSTINGS),
    [RAM_TABLE_BATCHES] = TABLE(batches, RAM_BATCHES),
    [RAM_TABLE_ALERTS] = TABLE(alerts, RAM_ALERTS),
    [RAM_TABLE_EVIDENCE] = TABLE(evidence, RAM_EVIDENCE),
    [RAM_TABLE_PAYMENTS] = TABLE(payments, RAM_PAYMENTS),
    [RAM_TABLE_RECORDS] = TABLE(records, RAM_RECORDS),
    [RAM_TABLE_SIGNERS] = TABLE(signers, RAM_SIGNERS),
    [RAM_TABLE_GAPS] = TABLE(gaps, RAM_GAPS),
    [RAM_TABLE_HOTLIST] = TABLE(hotlist, RAM_HOTLIST),
    [RAM_TABLE_REISSUES] = TABLE(reissues, RAM_REISSUES),
    [RAM_TABLE_PURSE_KEYS] = TABLE(purse_keys, RAM_PURSE_KEYS),
    [RAM_TABLE_RENEWALS] = TABLE(renewals, RAM_RENEWALS),
    [RAM_TABLE_KEY_OFFERS] = TABLE(key_offers, RAM_KEY_OFFERS),
    [RAM_TABLE_MOVES] = TABLE(moves, RAM_MOVES),
    [RAM_TABLE_GIVE_BACKS] = TABLE(give_backs, RAM_GIVE_BACKS),
    [RAM_TABLE_CHARGING] = TABLE(charging, RAM_CHARGING),
    [RAM_TABLE_CHARGES] = TABLE(charges, RAM_CHARGES),
    [RAM_TABLE_CLOSINGS] = TABLE(closings, RAM_CLOSINGS),
    [RAM_TABLE_PAYOUTS] = TABLE(payouts, RAM_PAYOUTS),
    [RAM_TABLE_ENDINGS] = TABLE(endings, RAM_ENDINGS),
};

static uint8_t *row_at(struct ram_store *store, enum ram_table name, size_t index)
{
    return (uint8_t *)store + tables[name].at + index * tables[name].row_size;
}

struct kc_result ram_add(struct ram_store *store, enum ram_table name, const void *row)
{
    if (store->counts[name] == tables[name].max) {
        return kc_result(KC_DISK_FULL);
    }
    memcpy(row_at(store, name, store->counts[name]), row, tables[name].row_size);
    store->counts[name] += 1;
    return kc_ok();
}

/* An undo step: the row as it was, its index, its table. */
struct undo_end {
    size_t index;
    size_t table;
};

static struct kc_result keep_old(struct ram_store *store, enum ram_table name, size_t index)
{
    size_t size = tables[name].row_size;
    struct undo_end end = {.index = index, .table = name};
    if (!store->in_batch || index >= store->begun[name]) {
        return kc_ok();
    }
    if (size + sizeof end > sizeof store->undo - store->undo_used) {
        return kc_result(KC_DISK_FULL);
    }
    memcpy(store->undo + store->undo_used, row_at(store, name, index), size);
    memcpy(store->undo + store->undo_used + size, &end, sizeof end);
    store->undo_used += size + sizeof end;
    return kc_ok();
}

struct kc_result ram_put(struct ram_store *store, enum ram_table name, size_t index,
                         const void *row)
{
    if (index == NOWHERE) {
        return ram_add(store, name, row);
    }
    struct kc_result result = keep_old(store, name, index);
    if (!kc_failed(result)) {
        memcpy(row_at(store, name, index), row, tables[name].row_size);
    }
    return result;
}

static struct kc_result keep_bytes(size_t *at, struct ram_store *store, struct kc_view bytes)
{
    if (bytes.size > sizeof store->bytes - store->bytes_used) {
        return kc_result(KC_DISK_FULL);
    }
    *at = store->bytes_used;
    if (bytes.size > 0) {
        memcpy(store->bytes + *at, bytes.data, bytes.size);
    }
    store->bytes_used += bytes.size;
    return kc_ok();
}

/* ---- batches ---- */

static struct kc_result store_begin(void *context)
{
    struct ram_store *store = context;
    if (store->in_batch) {
        return kc_result(KC_STORE_FAILED);
    }
    store->in_batch = true;
    memcpy(store->begun, store->counts, sizeof store->begun);
    store->bytes_begun = store->bytes_used;
    store->totals_begun = store->totals;
    store->undo_used = 0;
    return kc_ok();
}

static void store_rollback(void *context)
{
    struct ram_store *store = context;
    if (!store->in_batch) {
        return;
    }
    while (store->undo_used > 0) {
        struct undo_end end;
        store->undo_used -= sizeof end;
        memcpy(&end, store->undo + store->undo_used, sizeof end);
        size_t size = tables[end.table].row_size;
        store->undo_used -= size;
        memcpy(row_at(store, (enum ram_table)end.table, end.index), store->undo + store->undo_used,
               size);
    }
    memcpy(store->counts, store->begun, sizeof store->counts);
    store->bytes_used = store->bytes_begun;
    store->totals = store->totals_begun;
    store->in_batch = false;
}

static struct kc_result store_commit(void *context)
{
    struct ram_store *store = context;
    enum ram_fault fault = store->fault;
    if (!store->in_batch) {
        return kc_result(KC_STORE_FAILED);
    }
    store->fault = RAM_GOOD;
    if (fault == RAM_COMMIT_FAILS) {
        store_rollback(store);
        return kc_result(KC_STORE_FAILED);
    }
    store->in_batch = false;
    store->undo_used = 0;
    return kc_result(fault == RAM_COMMIT_UNHEARD ? KC_STORE_FAILED : KC_OK);
}

/* ---- rows by their keys ---- */

static bool same_digest(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, KC_DIGEST_SIZE) == 0;
}

static size_t find_account(const struct ram_store *store, uint64_t account)
{
    FIND(RAM_TABLE_ACCOUNTS, store->accounts[i].account.number == account)
}

static size_t find_open_id(const struct ram_store *store, const uint8_t id[KC_OPEN_ID_SIZE])
{
    FIND(RAM_TABLE_ACCOUNTS, memcmp(store->accounts[i].open_id, id, KC_OPEN_ID_SIZE) == 0)
}

static size_t find_purse(const struct ram_store *store, uint64_t purse)
{
    FIND(RAM_TABLE_PURSES, store->purses[i].purse.number == purse)
}

static size_t find_transaction(const struct ram_store *store, uint64_t purse, uint64_t time_ms)
{
    FIND(RAM_TABLE_TRANSACTIONS,
         store->transactions[i].time_ms == time_ms && store->transactions[i].purse.number == purse)
}

static size_t find_payment(const struct ram_store *store, uint64_t payer, uint64_t counter,
                           const uint8_t digest[KC_DIGEST_SIZE])
{
    FIND(RAM_TABLE_PAYMENTS, store->payments[i].payer_counter == counter &&
                                 store->payments[i].payer.number == payer &&
                                 same_digest(store->payments[i].digest, digest))
}

static size_t find_record(const struct ram_store *store, uint64_t purse, uint64_t counter)
{
    FIND(RAM_TABLE_RECORDS,
         store->records[i].counter == counter && store->records[i].purse == purse)
}

static size_t find_evidence(const struct ram_store *store, uint64_t purse, uint64_t time_ms,
                            const uint8_t digest[KC_DIGEST_SIZE])
{
    FIND(RAM_TABLE_EVIDENCE, store->evidence[i].time_ms == time_ms &&
                                 store->evidence[i].purse == purse &&
                                 same_digest(store->evidence[i].digest, digest))
}

static size_t find_signer(const struct ram_store *store, const uint8_t signer[KC_SIGNER_SIZE])
{
    FIND(RAM_TABLE_SIGNERS, memcmp(store->signers[i].signer, signer, KC_SIGNER_SIZE) == 0)
}

/* Their ids grow. */
static size_t find_posting(const struct ram_store *store, uint64_t id)
{
    size_t last = store->counts[RAM_TABLE_POSTINGS];
    if (last > 0 && store->postings[last - 1].id < id) {
        return NOWHERE;
    }
    FIND(RAM_TABLE_POSTINGS, store->postings[i].id == id)
}

static size_t find_batch(const struct ram_store *store, uint64_t id)
{
    size_t last = store->counts[RAM_TABLE_BATCHES];
    if (last > 0 && store->batches[last - 1].id < id) {
        return NOWHERE;
    }
    FIND(RAM_TABLE_BATCHES, store->batches[i].id == id)
}

static struct kc_result account_get(void *context, struct kc_account_row *out, uint64_t account)
{
    const struct ram_store *store = context;
    size_t i = find_account(store, account);
    if (i != NOWHERE) {
        *out = store->accounts[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result account_by_open_id(void *context, struct kc_account_row *out,
                                           const uint8_t id[KC_OPEN_ID_SIZE])
{
    const struct ram_store *store = context;
    size_t i = find_open_id(store, id);
    if (i != NOWHERE) {
        *out = store->accounts[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result account_put(void *context, const struct kc_account_row *row)
{
    struct ram_store *store = context;
    size_t other = find_open_id(store, row->open_id);
    if (other != NOWHERE && store->accounts[other].account.number != row->account.number) {
        return kc_result(KC_STORE_FAILED);
    }
    return ram_put(store, RAM_TABLE_ACCOUNTS, find_account(store, row->account.number), row);
}

static struct kc_result account_balance_put(void *context, uint64_t account,
                                            struct kc_amount balance)
{
    struct ram_store *store = context;
    size_t i = find_account(store, account);
    if (i == NOWHERE) {
        return kc_result(KC_STORE_CORRUPT);
    }
    struct kc_account_row row = store->accounts[i];
    row.balance = balance;
    return ram_put(store, RAM_TABLE_ACCOUNTS, i, &row);
}

static struct kc_result purse_get(void *context, struct kc_purse_row *out, uint64_t purse)
{
    const struct ram_store *store = context;
    size_t i = find_purse(store, purse);
    if (i != NOWHERE) {
        *out = store->purses[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static void clear_rest(uint8_t *bytes, size_t used, size_t size)
{
    memset(bytes + used, 0, size - used);
}

static struct kc_result purse_put(void *context, const struct kc_purse_row *row)
{
    struct ram_store *store = context;
    struct kc_purse_row clean = *row;
    clear_rest(clean.certified, clean.certified_size, sizeof clean.certified);
    return ram_put(store, RAM_TABLE_PURSES, find_purse(store, row->purse.number), &clean);
}

static struct kc_result purse_ahead_put(void *context, const struct kc_purse_row *row)
{
    struct ram_store *store = context;
    size_t i = find_purse(store, row->purse.number);
    if (i == NOWHERE) {
        return kc_result(KC_STORE_CORRUPT);
    }
    struct kc_purse_row changed = store->purses[i];
    changed.state = row->state;
    changed.value = row->value;
    changed.ahead_in = row->ahead_in;
    changed.ahead_out = row->ahead_out;
    changed.objected = row->objected;
    changed.owed = row->owed;
    changed.out_reason = row->out_reason;
    changed.out_ms = row->out_ms;
    return ram_put(store, RAM_TABLE_PURSES, i, &changed);
}

static struct kc_result payment_get(void *context, struct kc_payment_row *out, uint64_t payer,
                                    uint64_t payer_counter, const uint8_t digest[KC_DIGEST_SIZE])
{
    const struct ram_store *store = context;
    size_t i = find_payment(store, payer, payer_counter, digest);
    if (i != NOWHERE) {
        *out = store->payments[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result payment_put(void *context, const struct kc_payment_row *row)
{
    struct ram_store *store = context;
    struct kc_payment_row changed = *row;
    size_t i = find_payment(store, row->payer.number, row->payer_counter, row->digest);
    if (i != NOWHERE) {
        /* What an order says never changes. */
        changed.payee = store->payments[i].payee;
        changed.payee_counter = store->payments[i].payee_counter;
        changed.amount = store->payments[i].amount;
        changed.time_ms = store->payments[i].time_ms;
    }
    return ram_put(store, RAM_TABLE_PAYMENTS, i, &changed);
}

static void expand_record(struct kc_record_row *out, const struct ram_store *store,
                          const struct ram_record *kept)
{
    memcpy(out, kept->head, sizeof kept->head);
    memcpy(out->bytes, store->bytes + kept->at, kept->size);
    clear_rest(out->bytes, kept->size, sizeof out->bytes);
}

static struct kc_result record_get(void *context, struct kc_record_row *out, uint64_t purse,
                                   uint64_t counter)
{
    const struct ram_store *store = context;
    size_t i = find_record(store, purse, counter);
    if (i != NOWHERE) {
        expand_record(out, store, &store->records[i]);
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result record_put(void *context, const struct kc_record_row *row)
{
    struct ram_store *store = context;
    struct ram_record kept = {
        .purse = row->purse.number, .counter = row->counter, .size = row->size};
    size_t i = find_record(store, row->purse.number, row->counter);
    memcpy(kept.head, row, sizeof kept.head);
    bool same = i != NOWHERE && store->records[i].size == row->size &&
                memcmp(store->bytes + store->records[i].at, row->bytes, row->size) == 0;
    if (same) {
        kept.at = store->records[i].at;
        return ram_put(store, RAM_TABLE_RECORDS, i, &kept);
    }
    struct kc_result result = keep_bytes(&kept.at, store, kc_view(row->bytes, row->size));
    return kc_failed(result) ? result : ram_put(store, RAM_TABLE_RECORDS, i, &kept);
}

static struct kc_result transaction_get(void *context, struct kc_transaction_row *out,
                                        uint64_t purse, uint64_t time_ms)
{
    const struct ram_store *store = context;
    size_t i = find_transaction(store, purse, time_ms);
    if (i != NOWHERE) {
        *out = store->transactions[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result transaction_by_reference(void *context, struct kc_transaction_row *out,
                                                 const uint8_t reference[KC_DIGEST_SIZE])
{
    const struct ram_store *store = context;
    size_t found = NOWHERE;
    for (size_t i = 0; i < store->counts[RAM_TABLE_TRANSACTIONS]; i++) {
        const struct kc_transaction_row *row = &store->transactions[i];
        bool fits = row->state == KC_STATE_COMPLETED && row->machine.number != 0 &&
                    memcmp(row->reference, reference, KC_DIGEST_SIZE) == 0;
        bool before = found == NOWHERE ||
                      row->purse.number < store->transactions[found].purse.number ||
                      (row->purse.number == store->transactions[found].purse.number &&
                       row->time_ms < store->transactions[found].time_ms);
        found = fits && before ? i : found;
    }
    if (found != NOWHERE) {
        *out = store->transactions[found];
    }
    return kc_result(found == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result transaction_put(void *context, const struct kc_transaction_row *row)
{
    struct ram_store *store = context;
    struct kc_transaction_row clean = *row;
    clear_rest(clean.certified, clean.certified_size, sizeof clean.certified);
    size_t i = find_transaction(store, row->purse.number, row->time_ms);
    return ram_put(store, RAM_TABLE_TRANSACTIONS, i, &clean);
}

/* ---- rows that are only added ---- */

static struct kc_result posting_add(void *context, const struct kc_posting_row *row)
{
    struct ram_store *store = context;
    return find_posting(store, row->id) != NOWHERE ? kc_result(KC_STORE_FAILED)
                                                   : ram_add(store, RAM_TABLE_POSTINGS, row);
}

static struct kc_result batch_add(void *context, const struct kc_batch_row *row)
{
    struct ram_store *store = context;
    return find_batch(store, row->id) != NOWHERE ? kc_result(KC_STORE_FAILED)
                                                 : ram_add(store, RAM_TABLE_BATCHES, row);
}

static struct kc_result batch_last(void *context, struct kc_batch_row *out)
{
    const struct ram_store *store = context;
    if (store->counts[RAM_TABLE_BATCHES] == 0) {
        return kc_result(KC_NOT_FOUND);
    }
    *out = store->batches[store->counts[RAM_TABLE_BATCHES] - 1];
    return kc_ok();
}

static struct kc_result totals_get(void *context, struct kc_totals_row *out)
{
    const struct ram_store *store = context;
    *out = store->totals;
    return kc_ok();
}

static struct kc_result totals_put(void *context, const struct kc_totals_row *row)
{
    struct ram_store *store = context;
    store->totals = *row;
    return kc_ok();
}

static struct kc_result alert_add(void *context, const struct kc_alert_row *row)
{
    struct ram_store *store = context;
    struct kc_alert_row numbered = *row;
    numbered.id = store->counts[RAM_TABLE_ALERTS] + 1;
    return ram_add(store, RAM_TABLE_ALERTS, &numbered);
}

static struct kc_result evidence_add(void *context, uint64_t purse, uint64_t time_ms,
                                     enum kc_evidence_kind kind,
                                     const uint8_t digest[KC_DIGEST_SIZE], struct kc_view bytes)
{
    struct ram_store *store = context;
    struct ram_evidence row = {
        .purse = purse, .time_ms = time_ms, .kind = kind, .size = bytes.size};
    if (find_evidence(store, purse, time_ms, digest) != NOWHERE) {
        return kc_ok();
    }
    memcpy(row.digest, digest, KC_DIGEST_SIZE);
    struct kc_result result = keep_bytes(&row.at, store, bytes);
    return kc_failed(result) ? result : ram_add(store, RAM_TABLE_EVIDENCE, &row);
}

static struct kc_result evidence_find(void *context, uint64_t purse, uint64_t time_ms,
                                      const uint8_t digest[KC_DIGEST_SIZE])
{
    size_t i = find_evidence(context, purse, time_ms, digest);
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

static struct kc_result signer_add(void *context, const uint8_t signer[KC_SIGNER_SIZE],
                                   struct kc_view key)
{
    struct ram_store *store = context;
    struct kc_signer_row row = {.size = key.size};
    if (find_signer(store, signer) != NOWHERE) {
        return kc_ok();
    }
    KC_ASSERT(key.size <= sizeof row.key);
    memcpy(row.signer, signer, KC_SIGNER_SIZE);
    memcpy(row.key, key.data, key.size);
    return ram_add(store, RAM_TABLE_SIGNERS, &row);
}

static struct kc_result signer_get(void *context, struct kc_signer_row *out,
                                   const uint8_t signer[KC_SIGNER_SIZE])
{
    const struct ram_store *store = context;
    size_t i = find_signer(store, signer);
    if (i != NOWHERE) {
        *out = store->signers[i];
    }
    return kc_result(i == NOWHERE ? KC_NOT_FOUND : KC_OK);
}

/* ---- scans ---- */

static bool is_before(const struct ram_sort_key *a, const struct ram_sort_key *b)
{
    for (size_t i = 0; i < 4; i++) {
        if (a->numbers[i] != b->numbers[i]) {
            return a->numbers[i] < b->numbers[i];
        }
    }
    int order = a->digest == NULL ? 0 : memcmp(a->digest, b->digest, a->digest_size);
    return order != 0 ? order < 0 : a->last < b->last;
}

void ram_choose(struct ram_chosen *chosen, const struct ram_sort_key *key)
{
    size_t at = chosen->count++;
    KC_ASSERT(at < SCAN_ROWS_MAX);
    for (; at > 0 && is_before(key, &chosen->keys[at - 1]); at--) {
        chosen->keys[at] = chosen->keys[at - 1];
    }
    chosen->keys[at] = *key;
}

static struct kc_result scan_signers(void *context, const struct kc_store_scan *scan,
                                     uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_SIGNERS, kc_be64_load(store->signers[i].signer) == account, 0, 0, 0, 0,
         store->signers[i].signer, KC_SIGNER_SIZE)
    GIVE(signers, signer)
}

static struct kc_result scan_accounts(void *context, const struct kc_store_scan *scan)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_ACCOUNTS, true, store->accounts[i].account.number, 0, 0, 0, NULL, 0)
    GIVE(accounts, account)
}

static struct kc_result scan_temporary(void *context, const struct kc_store_scan *scan,
                                       uint64_t until_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_ACCOUNTS,
         store->accounts[i].state == KC_ACCOUNT_TEMPORARY &&
             store->accounts[i].temporary_until_ms < until_ms,
         store->accounts[i].temporary_until_ms, store->accounts[i].account.number, 0, 0, NULL, 0)
    GIVE(accounts, account)
}

static struct kc_result scan_purses(void *context, const struct kc_store_scan *scan,
                                    uint64_t account)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_PURSES, account == 0 || store->purses[i].account.number == account,
         store->purses[i].purse.number, 0, 0, 0, NULL, 0)
    GIVE(purses, purse)
}

static struct kc_result scan_transactions(void *context, const struct kc_store_scan *scan,
                                          uint64_t purse)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_TRANSACTIONS, purse == 0 || store->transactions[i].purse.number == purse,
         store->transactions[i].purse.number, store->transactions[i].time_ms, 0, 0, NULL, 0)
    GIVE(transactions, transaction)
}

static struct kc_result scan_late(void *context, const struct kc_store_scan *scan,
                                  uint64_t until_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_TRANSACTIONS,
         store->transactions[i].state == KC_STATE_QUOTED &&
             store->transactions[i].expires_ms < until_ms,
         store->transactions[i].expires_ms, store->transactions[i].purse.number,
         store->transactions[i].time_ms, 0, NULL, 0)
    GIVE(transactions, transaction)
}

static struct kc_result scan_sent(void *context, const struct kc_store_scan *scan, uint64_t purse,
                                  uint64_t time_ms)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_TRANSACTIONS,
         store->transactions[i].state == KC_STATE_SENT &&
             (store->transactions[i].purse.number > purse ||
              (store->transactions[i].purse.number == purse &&
               store->transactions[i].time_ms > time_ms)),
         store->transactions[i].purse.number, store->transactions[i].time_ms, 0, 0, NULL, 0)
    GIVE(transactions, transaction)
}

static struct kc_result scan_postings(void *context, const struct kc_store_scan *scan)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_POSTINGS, true, store->postings[i].id, 0, 0, 0, NULL, 0)
    GIVE(postings, posting)
}

static struct kc_result scan_batches(void *context, const struct kc_store_scan *scan)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_BATCHES, true, store->batches[i].id, 0, 0, 0, NULL, 0)
    GIVE(batches, batch)
}

static struct kc_result scan_alerts(void *context, const struct kc_store_scan *scan)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_ALERTS, true, store->alerts[i].id, 0, 0, 0, NULL, 0)
    GIVE(alerts, alert)
}

static struct kc_result scan_evidence(void *context, const struct kc_store_scan *scan,
                                      uint64_t purse)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_EVIDENCE, purse == 0 || store->evidence[i].purse == purse,
         store->evidence[i].purse, store->evidence[i].time_ms, 0, 0, store->evidence[i].digest,
         KC_DIGEST_SIZE)
    for (size_t i = 0; i < chosen.count; i++) {
        const struct ram_evidence *kept = &store->evidence[chosen.keys[i].index];
        struct kc_evidence_row row = {.purse.number = kept->purse,
                                      .time_ms = kept->time_ms,
                                      .kind = kept->kind,
                                      .size = kept->size};
        memcpy(row.digest, kept->digest, KC_DIGEST_SIZE);
        memcpy(row.bytes, store->bytes + kept->at, kept->size);
        if (!scan->evidence(scan->owner, &row)) {
            break;
        }
    }
    return kc_ok();
}

static struct kc_result scan_paid(void *context, const struct kc_store_scan *scan, uint64_t payer,
                                  uint64_t first, uint64_t last)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_PAYMENTS,
         (payer == 0 || store->payments[i].payer.number == payer) &&
             store->payments[i].payer_counter >= first && store->payments[i].payer_counter <= last,
         store->payments[i].payer.number, store->payments[i].payer_counter, 0, 0,
         store->payments[i].digest, KC_DIGEST_SIZE)
    GIVE(payments, payment)
}

static struct kc_result scan_taken(void *context, const struct kc_store_scan *scan, uint64_t payee,
                                   uint64_t first, uint64_t last)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_PAYMENTS,
         store->payments[i].payee.number == payee && store->payments[i].payee_counter >= first &&
             store->payments[i].payee_counter <= last,
         store->payments[i].payee_counter, store->payments[i].payer.number,
         store->payments[i].payer_counter, 0, store->payments[i].digest, KC_DIGEST_SIZE)
    GIVE(payments, payment)
}

static struct kc_result scan_open(void *context, const struct kc_store_scan *scan, uint64_t payer)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_PAYMENTS,
         store->payments[i].open && store->payments[i].payer.number == payer &&
             (store->payments[i].state == KC_PAYMENT_BOOKED ||
              store->payments[i].state == KC_PAYMENT_RELEASED),
         store->payments[i].told_sequence, store->payments[i].payer_counter, 0, 0,
         store->payments[i].digest, KC_DIGEST_SIZE)
    GIVE(payments, payment)
}

static struct kc_result scan_records(void *context, const struct kc_store_scan *scan,
                                     uint64_t purse)
{
    const struct ram_store *store = context;
    SCAN(RAM_TABLE_RECORDS, purse == 0 || store->records[i].purse == purse, store->records[i].purse,
         store->records[i].counter, 0, 0, NULL, 0)
    for (size_t i = 0; i < chosen.count; i++) {
        struct kc_record_row row;
        expand_record(&row, store, &store->records[chosen.keys[i].index]);
        if (!scan->record(scan->owner, &row)) {
            break;
        }
    }
    return kc_ok();
}

static struct kc_result check(void *context)
{
    (void)context;
    return kc_ok();
}

/* ---- the whole ---- */

void ram_store_make(struct ram_store *store)
{
    memset(store, 0, sizeof *store);
    store->totals.next_account = 1000000;
    store->totals.next_posting = 1;
}

struct kc_store ram_store_port(struct ram_store *store)
{
    struct kc_store port = {.context = store,
                            .begin = store_begin,
                            .commit = store_commit,
                            .rollback = store_rollback,
                            .account_get = account_get,
                            .account_by_open_id = account_by_open_id,
                            .account_put = account_put,
                            .account_balance_put = account_balance_put,
                            .purse_get = purse_get,
                            .purse_put = purse_put,
                            .purse_ahead_put = purse_ahead_put,
                            .payment_get = payment_get,
                            .payment_put = payment_put,
                            .record_get = record_get,
                            .record_put = record_put,
                            .transaction_get = transaction_get,
                            .transaction_by_reference = transaction_by_reference,
                            .transaction_put = transaction_put,
                            .posting_add = posting_add,
                            .batch_add = batch_add,
                            .batch_last = batch_last,
                            .totals_get = totals_get,
                            .totals_put = totals_put,
                            .alert_add = alert_add,
                            .evidence_add = evidence_add,
                            .evidence_find = evidence_find,
                            .signer_add = signer_add,
                            .signer_get = signer_get,
                            .scan_signers = scan_signers,
                            .scan_accounts = scan_accounts,
                            .scan_temporary = scan_temporary,
                            .scan_purses = scan_purses,
                            .scan_transactions = scan_transactions,
                            .scan_late = scan_late,
                            .scan_sent = scan_sent,
                            .scan_postings = scan_postings,
                            .scan_batches = scan_batches,
                            .scan_alerts = scan_alerts,
                            .scan_evidence = scan_evidence,
                            .scan_paid = scan_paid,
                            .scan_taken = scan_taken,
                            .scan_open = scan_open,
                            .scan_records = scan_records,
                            .check = check};
    ram_store_back_port(&port);
    ram_store_charge_port(&port);
    return port;
}

void ram_store_copy(struct ram_store *out, const struct ram_store *store)
{
    KC_ASSERT(!store->in_batch);
    memcpy(out, store, offsetof(struct ram_store, accounts));
    for (size_t i = 0; i < RAM_TABLES; i++) {
        memcpy((uint8_t *)out + tables[i].at, (const uint8_t *)store + tables[i].at,
               store->counts[i] * tables[i].row_size);
    }
    memcpy(out->bytes, store->bytes, store->bytes_used);
}
