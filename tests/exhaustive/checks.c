/* What must hold. The truth is read from the logs of the purses alone; then every purse, every message and the books of
 * the bank are held against it.
 *
 *  1. No value is created or lost: what the purses hold, with what was paid and neither taken nor given back, is what
 *     was funded.
 *  2. A payment is taken once at most, by an entry of exactly its counter, for its amount; and given back once at most,
 *     and never when it was taken.
 *  3. What the bank certified of a purse is what it held at that counter; the shadow follows from that and from payments
 *     that are booked and not counted. What the bank says of a payment is true, and of a release that it will stay so.
 *  4. Nobody is accused, blocked or locked.
 *  5. Endings: all that was on its way is lost. When all have met again and reported, nothing is open and every amount
 *     everywhere is the true one. When they have only reported, a payment is open exactly when its payee can still take
 *     it. */
#include "small.h"

#include <string.h>

#include "base/assert.h"
#include "view.h"

#define ROUNDS_MAX 8u

static bool same(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, KC_DIGEST_SIZE) == 0;
}

/* ---- the truth ---- */

static void read_history(struct run *run, unsigned at)
{
    struct kc_purse *core = &run->whole->purses[at].core;
    struct history *history = &run->histories[at];
    uint64_t value = run->endowed[at] + run->pool.drawn[at][0];
    history->count = core->state.counter;
    KC_ASSERT(history->count <= ENTRIES_MAX);
    for (uint64_t i = 0; i < history->count; i++) {
        struct slot_view slot;
        struct kc_sha256 hash;
        struct fact *fact = &history->facts[i];
        const struct kc_crypto *crypto = &run->whole->bank.crypto;
        if (!view_slot(&slot, core, i + 1)) {
            run_trouble(run, "an entry is not in the log", at, KC_NOT_FOUND);
            return;
        }
        bool out =
            slot.entry.kind == KC_ENTRY_KIND_PAY || slot.entry.kind == KC_ENTRY_KIND_CASH_OUT;
        bool in = slot.entry.kind == KC_ENTRY_KIND_RECEIVE || slot.entry.kind == KC_ENTRY_KIND_VOID;
        *fact = (struct fact){.kind = slot.entry.kind,
                              .amount = kc_amount_minor(slot.entry.amount),
                              .voids = slot.entry.has_voids ? slot.entry.voids : 0};
        value += in ? fact->amount : 0;
        value -= out ? fact->amount : 0;
        value += run->pool.drawn[at][i + 1];
        fact->value = value;
        memcpy(fact->partner, slot.entry.partner, KC_DIGEST_SIZE);
        /* head(n) = digest of head(n-1) and entry n; the head before the first entry is zeros. */
        static const uint8_t zeros[KC_DIGEST_SIZE];
        crypto->sha256_start(crypto->context, &hash);
        crypto->sha256_add(crypto->context, &hash,
                           kc_view(i == 0 ? zeros : history->facts[i - 1].head, KC_DIGEST_SIZE));
        crypto->sha256_add(crypto->context, &hash, slot.bytes);
        crypto->sha256_end(crypto->context, &hash, fact->head);
    }
}

static uint64_t value_at(const struct run *run, unsigned purse, uint64_t counter)
{
    return counter == 0 ? run->endowed[purse] + run->pool.drawn[purse][0]
                        : run->histories[purse].facts[counter - 1].value;
}

/* What came from accounts to purses, less what went back. */
static uint64_t held(const struct run *run)
{
    uint64_t sum = PURSES;
    for (unsigned i = 0; i < PURSES; i++) {
        const struct history *history = &run->histories[i];
        for (unsigned n = 0; n <= ENTRIES_MAX; n++) {
            sum += run->pool.drawn[i][n];
        }
        for (uint64_t n = 0; n < history->count; n++) {
            const struct fact *fact = &history->facts[n];
            sum -= fact->kind == KC_ENTRY_KIND_CASH_OUT ? fact->amount : 0;
        }
    }
    return sum;
}

/* How a payment stands in truth. */
struct truth {
    unsigned payer;
    uint64_t amount;
    unsigned taken;
    unsigned refused;
    unsigned given_back;
    unsigned payee; /* who took or refused it; PURSES when nobody did */
    uint64_t payee_counter;
};

static struct truth truth_of(const struct run *run, unsigned payer, uint64_t counter)
{
    const struct fact *pay = &run->histories[payer].facts[counter - 1];
    struct truth truth = {.payer = payer, .amount = pay->amount, .payee = PURSES};
    for (unsigned i = 0; i < PURSES; i++) {
        const struct history *history = &run->histories[i];
        for (uint64_t n = 0; n < history->count; n++) {
            const struct fact *fact = &history->facts[n];
            bool back = fact->kind == KC_ENTRY_KIND_VOID && i == payer && fact->voids == counter;
            bool about =
                (fact->kind == KC_ENTRY_KIND_RECEIVE || fact->kind == KC_ENTRY_KIND_REFUSE) &&
                same(fact->partner, pay->partner);
            truth.given_back += back ? 1 : 0;
            if (about) {
                truth.taken += fact->kind == KC_ENTRY_KIND_RECEIVE ? 1 : 0;
                truth.refused += fact->kind == KC_ENTRY_KIND_REFUSE ? 1 : 0;
                truth.payee = i;
                truth.payee_counter = n + 1;
            }
        }
    }
    return truth;
}

/* Finds the pay entry that an order's digest belongs to; 0 when there is none. */
static uint64_t find_pay(const struct run *run, unsigned *payer,
                         const uint8_t digest[KC_DIGEST_SIZE])
{
    for (unsigned i = 0; i < PURSES; i++) {
        const struct history *history = &run->histories[i];
        for (uint64_t n = 0; n < history->count; n++) {
            if (history->facts[n].kind == KC_ENTRY_KIND_PAY &&
                same(history->facts[n].partner, digest)) {
                *payer = i;
                return n + 1;
            }
        }
    }
    return 0;
}

static void check_entry(struct run *run, unsigned purse, uint64_t counter, uint64_t *in_flight)
{
    const struct fact *fact = &run->histories[purse].facts[counter - 1];
    unsigned payer = PURSES;
    switch (fact->kind) {
    case KC_ENTRY_KIND_PAY: {
        struct truth truth = truth_of(run, purse, counter);
        if (truth.taken + truth.given_back > 1 || truth.taken + truth.refused > 1) {
            run_trouble(run, "a payment ended twice", purse, KC_OK);
        }
        *in_flight += truth.taken + truth.given_back == 0 ? fact->amount : 0;
        break;
    }
    case KC_ENTRY_KIND_RECEIVE:
    case KC_ENTRY_KIND_REFUSE: {
        uint64_t pay = find_pay(run, &payer, fact->partner);
        if (pay == 0 || run->histories[payer].facts[pay - 1].amount != fact->amount) {
            run_trouble(run, "an entry without its payment", purse, KC_OK);
        }
        break;
    }
    case KC_ENTRY_KIND_VOID:
        if (fact->voids == 0 || fact->voids >= counter ||
            run->histories[purse].facts[fact->voids - 1].kind != KC_ENTRY_KIND_PAY ||
            run->histories[purse].facts[fact->voids - 1].amount != fact->amount) {
            run_trouble(run, "a void of nothing", purse, KC_OK);
        }
        break;
    case KC_ENTRY_KIND_CASH_OUT:
        break;
    case KC_ENTRY_KIND_CLOSE:
        run_trouble(run, "an entry that nobody asked for", purse, KC_OK);
        break;
    }
}

/* ---- purses ---- */

static void check_purse(struct run *run, unsigned at)
{
    const struct kc_purse *core = &run->whole->purses[at].core;
    const struct history *history = &run->histories[at];
    uint64_t covered = core->certified.counter;
    if (core->locked || core->state.life != KC_LIFE_READY) {
        run_trouble(run, "out of use", at, KC_PURSE_CORRUPT);
        return;
    }
    if (history->count > 0 && !same(core->state.head, history->facts[history->count - 1].head)) {
        run_trouble(run, "the head is not that of the log", at, KC_OK);
    }
    if (kc_amount_minor(core->state.value) != value_at(run, at, history->count)) {
        run_trouble(run, "the value does not follow from the log", at, KC_OK);
    }
    if (covered > history->count ||
        kc_amount_minor(core->certified.purse_amount) != value_at(run, at, covered)) {
        run_trouble(run, "the certified value is not true", at, KC_OK);
    }
}

static void check_purses(struct run *run)
{
    uint64_t sum = 0;
    uint64_t in_flight = 0;
    for (unsigned i = 0; i < PURSES && run->trouble[0] == '\0'; i++) {
        read_history(run, i);
    }
    for (unsigned i = 0; i < PURSES && run->trouble[0] == '\0'; i++) {
        check_purse(run, i);
        sum += kc_amount_minor(run->whole->purses[i].core.state.value);
        for (uint64_t n = 1; n <= run->histories[i].count; n++) {
            check_entry(run, i, n, &in_flight);
        }
    }
    if (run->trouble[0] == '\0' && sum + in_flight != held(run)) {
        run_trouble(run, "value was created or lost", 0, KC_OK);
    }
}

/* ---- the bank ---- */

/* The bank's word on a payment. */
static void check_payment(struct run *run, const struct kc_payment_row *row)
{
    unsigned payer = PURSES;
    uint64_t counter = find_pay(run, &payer, row->digest);
    unsigned payee = 0;
    while (payee < PURSES && run->whole->holders[payee].purse.number != row->payee.number) {
        payee += 1;
    }
    if (counter == 0 || payee == PURSES || counter != row->payer_counter) {
        run_trouble(run, "the bank knows a payment that was not made", payer % PURSES, KC_OK);
        return;
    }
    struct truth truth = truth_of(run, payer, counter);
    bool passed = run->histories[payee].count >= row->payee_counter;
    bool good = truth.amount == kc_amount_minor(row->amount);
    switch (row->state) {
    case KC_PAYMENT_NOTED:
        good = good && row->payer_counted;
        break;
    case KC_PAYMENT_BOOKED:
        good = good && truth.taken == 1 && truth.payee == payee &&
               truth.payee_counter == row->payee_counter;
        break;
    case KC_PAYMENT_RELEASED:
    case KC_PAYMENT_REFUSED:
        good = good && truth.taken == 0 && passed;
        break;
    }
    if (!good || (row->returned && truth.given_back != 1)) {
        run_trouble(run, "the bank is wrong on a payment of", payer, KC_OK);
    }
}

/* What the bank has booked for the purse and not counted in its chain, or the other way round. */
static int64_t ahead_of(const struct run *run, uint64_t number)
{
    const struct ram_store *store = &run->whole->store;
    int64_t ahead = 0;
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYMENTS]; i++) {
        const struct kc_payment_row *row = &store->payments[i];
        int64_t amount = (int64_t)kc_amount_minor(row->amount);
        bool booked = row->state == KC_PAYMENT_BOOKED;
        bool released = row->state == KC_PAYMENT_RELEASED;
        ahead += row->payee.number == number && booked && !row->payee_counted ? amount : 0;
        ahead -= row->payer.number == number && booked && !row->payer_counted ? amount : 0;
        ahead += row->payer.number == number && released && !row->returned ? amount : 0;
    }
    return ahead;
}

static int64_t check_row(struct run *run, unsigned at)
{
    const struct kc_purse_row *row = canon_row_of(run, at);
    const struct history *history = &run->histories[at];
    struct kc_shadow shadow = kc_shadow_of(row);
    int64_t value = (int64_t)kc_amount_minor(row->value);
    int64_t signed_shadow = (int64_t)kc_amount_minor(shadow.amount);
    signed_shadow = shadow.below ? -signed_shadow : signed_shadow;
    if (row->state != KC_PURSE_ACTIVE) {
        run_trouble(run, "an honest purse is out of use", at, KC_PURSE_BLOCKED);
    }
    if (row->counter > history->count ||
        (row->counter > 0 && !same(row->head, history->facts[row->counter - 1].head))) {
        run_trouble(run, "the bank counted another chain", at, KC_OK);
        return 0;
    }
    if (value != (int64_t)value_at(run, at, row->counter)) {
        run_trouble(run, "the bank certifies what is not true", at, KC_OK);
    }
    if (signed_shadow != value + ahead_of(run, row->purse.number)) {
        run_trouble(run, "the shadow does not follow from the payments", at, KC_OK);
    }
    if (!kc_amount_is_zero(row->objected)) {
        run_trouble(run, "an honest record met an objection", at, KC_OK);
    }
    return signed_shadow;
}

static void check_bank(struct run *run)
{
    const struct ram_store *store = &run->whole->store;
    const struct kc_totals_row *totals = &store->totals;
    uint64_t shadows = 0;
    uint64_t claims = 0;
    uint64_t in_flight = 0;
    uint64_t accounts = 0;
    for (unsigned i = 0; i < PURSES && run->trouble[0] == '\0'; i++) {
        int64_t shadow = check_row(run, i);
        shadows += shadow > 0 ? (uint64_t)shadow : 0;
        claims += shadow < 0 ? (uint64_t)-shadow : 0;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYMENTS] && run->trouble[0] == '\0'; i++) {
        const struct kc_payment_row *row = &store->payments[i];
        check_payment(run, row);
        in_flight += row->state == KC_PAYMENT_NOTED ? kc_amount_minor(row->amount) : 0;
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_ACCOUNTS]; i++) {
        accounts += kc_amount_minor(store->accounts[i].balance);
    }
    bool books = kc_amount_minor(totals->shadows) == shadows &&
                 kc_amount_minor(totals->claims) == claims &&
                 kc_amount_minor(totals->in_flight) == in_flight &&
                 kc_amount_minor(totals->accounts) == accounts && kc_amount_is_zero(totals->fees) &&
                 kc_amount_minor(totals->outside) == run->outside &&
                 run->outside == held(run) + accounts && held(run) + claims == shadows + in_flight;
    if (!books) {
        run_trouble(run, "the books do not balance", 0, KC_OK);
    }
    if (store->counts[RAM_TABLE_ALERTS] != 0) {
        run_trouble(run, "an alert", 0, store->alerts[0].reason);
    }
}

void check_state(struct run *run, bool audit)
{
    char what[160];
    if (run->trouble[0] == '\0') {
        check_purses(run);
    }
    if (run->trouble[0] == '\0') {
        check_bank(run);
    }
    if (run->trouble[0] == '\0' && audit && !whole_bank_audit(run->whole, what)) {
        run_trouble(run, what, 0, KC_STORE_CORRUPT);
    }
}

/* ---- endings ---- */

static void check_rest(struct run *run, unsigned at, bool met)
{
    const struct kc_purse *core = &run->whole->purses[at].core;
    const struct kc_purse_row *row = canon_row_of(run, at);
    struct kc_shadow shadow = kc_shadow_of(row);
    uint64_t value = kc_amount_minor(core->state.value);
    if (core->certified.counter != core->state.counter || row->counter != core->state.counter ||
        core->certified.sequence != row->sequence) {
        run_trouble(run, "something stays unreported", at, KC_OK);
    }
    if (shadow.below || kc_amount_minor(shadow.amount) != value ||
        kc_amount_minor(row->value) != value ||
        kc_amount_minor(core->certified.purse_amount) != value) {
        run_trouble(run, "purse and shadow differ in the end", at, KC_OK);
    }
    if (met && core->state.open.count != 0) {
        run_trouble(run, "a payment stays open", at, KC_OK);
    }
    for (size_t i = 0; i < core->state.open.count; i++) {
        struct kc_open_payment open;
        KC_ASSERT(view_open(&open, core, i));
        unsigned payee = 0;
        while (run->whole->holders[payee].purse.number != open.payee_purse.number) {
            payee += 1;
            KC_ASSERT(payee < PURSES);
        }
        if (run->histories[payee].count >= open.payee_counter) {
            run_trouble(run, "a payment stays open though its payee has passed it", at, KC_OK);
        }
    }
}

/* Grows with every entry that is written or counted, and with every payment that ends. */
static uint64_t progress(const struct run *run)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < PURSES; i++) {
        const struct kc_purse_state *state = &run->whole->purses[i].core.state;
        sum += 2 * state->counter - state->open.count + canon_row_of(run, i)->counter;
    }
    return sum;
}

/* Rounds, until one moves nothing: a void takes a counter, too, for which another payment may be on its way, so in a ring of
 * payments one is given back after the other. */
static void end_all(struct run *run, bool met)
{
    uint64_t before = 0;
    /* What is on its way is lost. */
    memset(run->pool.requests, 0, sizeof run->pool.requests);
    memset(run->pool.replies, 0, sizeof run->pool.replies);
    run->pool.payments = 0;
    for (unsigned round = 0; before != progress(run) && run->trouble[0] == '\0'; round++) {
        before = progress(run);
        if (round == ROUNDS_MAX) {
            run_trouble(run, "the reports come to no end", 0, KC_OK);
        }
        for (unsigned i = 0; i < PURSES && met; i++) {
            contact_again(run, i);
        }
        for (unsigned i = 0; i < PURSES && run->trouble[0] == '\0'; i++) {
            report_all(run, i);
        }
    }
    check_state(run, true);
    for (unsigned i = 0; i < PURSES && run->trouble[0] == '\0'; i++) {
        check_rest(run, i, met);
    }
}

void check_endings(struct run *run)
{
    run_push(run, LEVELS_MAX);
    end_all(run, true);
    if (run->trouble[0] == '\0') {
        run_back(run, LEVELS_MAX);
        end_all(run, false);
    }
    if (run->trouble[0] != '\0') {
        size_t used = strlen(run->trouble);
        (void)snprintf(run->trouble + used, sizeof run->trouble - used, ", at the ending");
    }
}
