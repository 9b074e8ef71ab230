/* Canonical forms: what of a state decides what can happen next. Two states with one key behave alike.
 *
 * Left out of a purse: the sequence of its image, the image before it, slots of the log that no committed entry uses,
 * the envelope kept for repeating (a repeat is in the pool), and its last time stamp: the next one is above all that it
 * gave out, and nothing asks for more. Left out of the bank: postings, batches, evidence and keys, which no decision
 * reads (the audit does, and is done); clocks, which stand still; which messages showed a counter, which only an
 * accusation names; the time stamp seen last, except for which of the requests on their way it makes too old. Left out
 * of the pool: what can only be refused. */
#include "small.h"

#include <string.h>

#include "base/assert.h"
#include "view.h"

bool key_equal(const struct key *a, const struct key *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

static void add(struct run *run, const void *bytes, size_t size)
{
    KC_ASSERT(size <= sizeof run->mix - run->mix_used);
    if (size > 0) {
        memcpy(run->mix + run->mix_used, bytes, size);
    }
    run->mix_used += size;
}

static void add_number(struct run *run, uint64_t number)
{
    add(run, &number, sizeof number);
}

static void add_amount(struct run *run, struct kc_amount amount)
{
    add_number(run, kc_amount_minor(amount));
}

static void add_view(struct run *run, struct kc_view view)
{
    add_number(run, view.size);
    add(run, view.data, view.size);
}

/* What was added from `from` on, as a key. */
static struct key end(struct run *run, size_t from)
{
    uint8_t digest[KC_DIGEST_SIZE];
    struct key key;
    kc_digest(&run->whole->bank.crypto, digest, kc_view(run->mix + from, run->mix_used - from));
    memcpy(&key, digest, sizeof key);
    run->mix_used = from;
    return key;
}

/* Rows whose order does not matter. */
static void sum(struct key *into, struct key key)
{
    into->words[0] += key.words[0];
    into->words[1] += key.words[1];
}

struct key canon_bytes(struct run *run, struct kc_view bytes)
{
    size_t from = run->mix_used;
    add_view(run, bytes);
    return end(run, from);
}

struct key canon_join(struct run *run, const struct key *keys, size_t count)
{
    size_t from = run->mix_used;
    add(run, keys, count * sizeof *keys);
    return end(run, from);
}

/* ---- a purse ---- */

static void add_log(struct run *run, struct kc_purse *purse)
{
    for (uint64_t counter = 1; counter <= purse->state.counter; counter++) {
        struct slot_view slot;
        if (!view_slot(&slot, purse, counter)) {
            add_number(run, 1);
            continue;
        }
        add_number(run, 2);
        add_view(run, slot.bytes);
        add_view(run, slot.order);
        add_view(run, slot.answer);
    }
}

struct key canon_purse(struct run *run, unsigned at, bool with_wait)
{
    struct kc_purse *purse = &run->whole->purses[at].core;
    const struct kc_purse_state *state = &purse->state;
    size_t from = run->mix_used;
    add_number(run, at);
    add_number(run, (uint64_t)purse->locked * 2 + purse->pin_verified);
    add_number(run, state->life);
    add_view(run, state->certified);
    add_number(run, state->counter);
    add(run, state->head, KC_DIGEST_SIZE);
    add_amount(run, state->value);
    add_amount(run, state->paid);
    add_amount(run, state->received);
    add_amount(run, state->returned);
    for (size_t i = 0; i < state->open.count; i++) {
        add_view(run, state->open.items[i]);
    }
    add_log(run, purse);
    if (with_wait) {
        add(run, state->settle_request, KC_DIGEST_SIZE);
    }
    return end(run, from);
}

/* ---- the bank ---- */

static struct key canon_row(struct run *run, const struct kc_purse_row *row)
{
    size_t from = run->mix_used;
    add_number(run, row->purse.number);
    add_number(run, row->state);
    add_amount(run, row->value);
    add_number(run, row->sequence);
    add_number(run, row->counter);
    add(run, row->head, KC_DIGEST_SIZE);
    add_number(run, row->open_ms);
    add_amount(run, row->paid);
    add_amount(run, row->received);
    add_amount(run, row->returned);
    add_view(run, kc_view(row->certified, row->certified_size));
    add_amount(run, row->ahead_in);
    add_amount(run, row->ahead_out);
    add_amount(run, row->objected);
    return end(run, from);
}

static struct key canon_payment(struct run *run, const struct kc_payment_row *row)
{
    size_t from = run->mix_used;
    add(run, row->digest, KC_DIGEST_SIZE);
    add_number(run, row->state);
    add_number(run, row->reason);
    add_number(run, row->payer.number);
    add_number(run, row->payer_counter);
    add_number(run, row->payee.number);
    add_number(run, row->payee_counter);
    add_amount(run, row->amount);
    add_number(run, (uint64_t)row->payer_counted | (uint64_t)row->payee_counted << 1 |
                        (uint64_t)row->taken << 2 | (uint64_t)row->returned << 3 |
                        (uint64_t)row->open << 4);
    add_number(run, row->told_sequence);
    return end(run, from);
}

static struct key canon_record(struct run *run, const struct ram_record *kept)
{
    struct kc_record_row row;
    size_t from = run->mix_used;
    memset(&row, 0, sizeof row);
    memcpy(&row, kept->head, sizeof kept->head);
    add_number(run, row.purse.number);
    add_number(run, row.counter);
    add_number(run, row.kind);
    add_number(run, row.state);
    add_number(run, row.objection);
    add_amount(run, row.amount);
    add(run, row.digest, KC_DIGEST_SIZE);
    add(run, row.order, KC_DIGEST_SIZE);
    add(run, row.head, KC_DIGEST_SIZE);
    return end(run, from);
}

struct key canon_bank(struct run *run)
{
    const struct ram_store *store = &run->whole->store;
    const struct kc_totals_row *totals = &store->totals;
    struct key rows = {.words = {0, 0}};
    size_t from = run->mix_used;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        sum(&rows, canon_row(run, &store->purses[i]));
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYMENTS]; i++) {
        sum(&rows, canon_payment(run, &store->payments[i]));
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_RECORDS]; i++) {
        sum(&rows, canon_record(run, &store->records[i]));
    }
    add(run, &rows, sizeof rows);
    for (size_t i = 0; i < store->counts[RAM_TABLE_ACCOUNTS]; i++) {
        add_amount(run, store->accounts[i].balance);
    }
    add_amount(run, totals->outside);
    add_amount(run, totals->accounts);
    add_amount(run, totals->shadows);
    add_amount(run, totals->in_flight);
    add_amount(run, totals->fees);
    add_amount(run, totals->claims);
    add_number(run, store->counts[RAM_TABLE_ALERTS]);
    return end(run, from);
}

/* ---- what is on its way ---- */

const struct kc_purse_row *canon_row_of(const struct run *run, unsigned purse)
{
    const struct ram_store *store = &run->whole->store;
    uint64_t number = run->whole->holders[purse].purse.number;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        if (store->purses[i].purse.number == number) {
            return &store->purses[i];
        }
    }
    KC_ASSERT(false);
    return NULL;
}

bool canon_alive(const struct run *run, unsigned purse, const struct asked *asked)
{
    const struct kc_purse_row *row = canon_row_of(run, purse);
    return asked->stamp_ms > row->last_ms ||
           memcmp(asked->digest, row->last_digest, KC_DIGEST_SIZE) == 0;
}

static struct key canon_sent(struct run *run, const struct sent *sent)
{
    size_t from = run->mix_used;
    add(run, sent->digest, KC_DIGEST_SIZE);
    add_number(run, (uint64_t)sent->answered * 2 + sent->taken);
    return end(run, from);
}

static void add_envelopes(struct run *run, unsigned purse)
{
    const struct pool *pool = &run->pool;
    const struct kc_purse_state *state = &run->whole->purses[purse].core.state;
    const struct kc_purse_row *row = canon_row_of(run, purse);
    for (unsigned i = 0; i < pool->requests[purse]; i++) {
        const struct asked *asked = &pool->request[purse][i];
        if (canon_alive(run, purse, asked)) {
            add_number(run, asked->stamp_ms > row->last_ms ? 1 : 2);
            add(run, asked->digest, KC_DIGEST_SIZE);
        }
    }
    add_number(run, 0);
    for (unsigned i = 0; i < pool->replies[purse]; i++) {
        const struct told *told = &pool->reply[purse][i];
        if (memcmp(told->request, state->settle_request, KC_DIGEST_SIZE) == 0) {
            add(run, told->digest, KC_DIGEST_SIZE);
        }
    }
    add_number(run, 0);
}

struct key canon_state(struct run *run, bool with_pool)
{
    struct key sent = {.words = {0, 0}};
    struct key key;
    size_t from = run->mix_used;
    for (unsigned i = 0; i < PURSES; i++) {
        key = canon_purse(run, i, with_pool);
        add(run, &key, sizeof key);
    }
    key = canon_bank(run);
    add(run, &key, sizeof key);
    if (with_pool) {
        for (unsigned i = 0; i < run->pool.payments; i++) {
            sum(&sent, canon_sent(run, &run->pool.payment[i]));
        }
        add(run, &sent, sizeof sent);
        for (unsigned i = 0; i < PURSES; i++) {
            add_envelopes(run, i);
        }
    }
    return end(run, from);
}
