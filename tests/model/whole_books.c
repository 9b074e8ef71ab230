#include "whole_books.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "whole_charged.h"
#include "whole_closed.h"
#include "whole_settled.h"

static int64_t minor_of(struct kc_amount amount)
{
    return (int64_t)kc_amount_minor(amount);
}

int books_ordinary_did(const struct truth *truth, const struct kc_transaction_row *row)
{
    char key[KC_ORDINARY_KEY_SIZE];
    const struct whole_ordinary *ordinary = &truth->whole->ordinary;
    (void)snprintf(key, sizeof key, "%" PRIu64 "-%" PRIu64 "-%" PRIu64,
                   truth->whole->base->realm.bank, row->purse.number, row->time_ms);
    for (size_t i = ordinary->count; i-- > 0;) {
        if (strcmp(ordinary->transfers[i].key, key) == 0) {
            return ordinary->transfers[i].done ? 1 : 0;
        }
    }
    return -1;
}

/* Sums over the rows, as the books have to show them. */
struct sums {
    int64_t accounts;
    int64_t shadows;
    int64_t claims;
    int64_t in_flight;
    int64_t outside;
};

int64_t truth_shadow(const struct kc_purse_row *row)
{
    return minor_of(row->value) + minor_of(row->ahead_in) - minor_of(row->ahead_out);
}

static struct sums add_up(const struct truth *truth)
{
    struct sums sums = {.accounts = 0};
    const struct ram_store *store = &truth->whole->store;
    const struct whole_ordinary *ordinary = &truth->whole->ordinary;
    for (size_t i = 0; i < store->counts[RAM_TABLE_ACCOUNTS]; i++) {
        sums.accounts += minor_of(store->accounts[i].balance);
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_PURSES]; i++) {
        int64_t shadow = truth_shadow(&store->purses[i]);
        sums.shadows += shadow > 0 ? shadow : 0;
        sums.claims += shadow < 0 ? -shadow : 0;
    }
    sums.outside = (int64_t)ordinary->funded - (int64_t)ordinary->redeemed;
    for (size_t i = 0; i < store->counts[RAM_TABLE_TRANSACTIONS]; i++) {
        const struct kc_transaction_row *row = &store->transactions[i];
        if (row->state != KC_STATE_SENT) {
            continue;
        }
        bool fund = row->kind == KC_TRANSACTION_FUND;
        bool done = books_ordinary_did(truth, row) == 1;
        sums.in_flight += fund ? 0 : minor_of(row->amount);
        sums.outside += !done ? 0 : fund ? -minor_of(row->amount) : minor_of(row->amount);
    }
    for (size_t i = 0; i < store->counts[RAM_TABLE_PAYMENTS]; i++) {
        bool noted = store->payments[i].state == KC_PAYMENT_NOTED;
        sums.in_flight += noted ? minor_of(store->payments[i].amount) : 0;
    }
    sums.in_flight += settled_held(truth) + closed_in_flight(truth);
    sums.outside += closed_unheard(truth) - charged_unheard(truth);
    return sums;
}

bool books_compare(struct truth *truth)
{
    const struct sums sums = add_up(truth);
    const struct kc_totals_row *totals = &truth->whole->store.totals;
    int64_t left = minor_of(totals->outside) + minor_of(totals->claims);
    int64_t right = minor_of(totals->accounts) + minor_of(totals->shadows) +
                    minor_of(totals->in_flight) + minor_of(totals->fees);
    if (left != right) {
        return truth_wrong(truth, "the books do not balance", 0, left, right);
    }
    if (minor_of(totals->outside) != sums.outside) {
        return truth_wrong(truth, "what came from outside", 0, minor_of(totals->outside),
                           sums.outside);
    }
    if (minor_of(totals->accounts) != sums.accounts) {
        return truth_wrong(truth, "the sum of the accounts", 0, minor_of(totals->accounts),
                           sums.accounts);
    }
    if (minor_of(totals->shadows) != sums.shadows || minor_of(totals->claims) != sums.claims) {
        return truth_wrong(truth, "the sum of the shadows", 0,
                           minor_of(totals->shadows) - minor_of(totals->claims),
                           sums.shadows - sums.claims);
    }
    if (minor_of(totals->fees) != truth->fees) {
        return truth_wrong(truth, "the fees", 0, minor_of(totals->fees), truth->fees);
    }
    return minor_of(totals->in_flight) == sums.in_flight ||
           truth_wrong(truth, "value in flight", 0, minor_of(totals->in_flight), sums.in_flight);
}
