/* The end of the certificates of a purse that went out of use at somebody's word (docs/protocol.md "Revocation that is owed").
 * Whoever gave that word asks the authority, too; when that is away, or was not heard, the bank asks until it says yes.
 *
 *             lost, or certified when it was out of use          the authority ended them, or knows none of them
 *    none ────────────────────────────────────────────> owed ──────────────────────────────────────────────────> ended
 *                                                      │  ^ │  ^                                                   │
 *                            asked in vain: later again └──┘ └──┴─────────── more were certified ───────────────────┘
 *
 *  1. It is owed in the commit that puts the purse out of use, or that keeps the pair which nobody may use any more.
 *  2. Which certificates those are is not kept here: they are what the books have of the purse when the authority is asked.
 *  3. Each time that it is owed has a number, and a word that answers an earlier one ends nothing.
 *  4. Nothing of it moves value. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

/* Whoever reported the loss is asking by then. */
#define FIRST_MS 2000u
#define MOST_MS UINT64_C(600000)
#define DOUBLINGS_MAX 16u
#define NEVER_MS ((uint64_t)KC_AMOUNT_MAX)

static struct kc_result find(struct kc_ending_row *out, struct kc_ledger *ledger, uint64_t purse)
{
    memset(out, 0, sizeof *out);
    struct kc_result result =
        kc_ledger_note(ledger, ledger->store->ending_get(ledger->store->context, out, purse));
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

static struct kc_result save(struct kc_ledger *ledger, const struct kc_ending_row *row)
{
    return kc_ledger_note(ledger, ledger->store->ending_put(ledger->store->context, row));
}

static struct kc_result owe(struct kc_ledger *ledger, const struct kc_purse_row *purse,
                            const struct kc_ending_row *last, uint64_t act_ms)
{
    bool goes_on = last->number > 0 && last->ended_ms == 0;
    const struct kc_ending_row row = {.purse = purse->purse,
                                      .account = purse->account,
                                      .number = last->number + 1,
                                      .owed_ms = goes_on ? last->owed_ms : ledger->now_ms,
                                      .act_ms = act_ms};
    return save(ledger, &row);
}

struct kc_result kc_ledger_owe_lost(struct kc_ledger *ledger, const struct kc_purse_row *purse)
{
    struct kc_ending_row last;
    KC_ASSERT(ledger->in_batch && purse->state == KC_PURSE_OUT);
    if (purse->type == KC_PURSE_TYPE_BEARER) {
        return kc_ok(); /* it has none */
    }
    struct kc_result result = find(&last, ledger, purse->purse.number);
    /* What was ended stays so, and nothing was certified since. What the authority did not know it may know by now. */
    bool ended = last.ended_ms != 0 && last.reason != KC_NOT_FOUND;
    return kc_failed(result) || ended ? result
                                      : owe(ledger, purse, &last, ledger->now_ms + FIRST_MS);
}

struct kc_result kc_ledger_owe_certified(struct kc_ledger *ledger, const struct kc_purse_row *purse)
{
    struct kc_ending_row last;
    KC_ASSERT(ledger->in_batch && purse->state != KC_PURSE_ACTIVE);
    struct kc_result result = find(&last, ledger, purse->purse.number);
    return kc_failed(result) ? result : owe(ledger, purse, &last, ledger->now_ms);
}

/* ---- asking ---- */

struct due {
    struct kc_ending_row *out;
    size_t count;
    size_t max;
    uint64_t after_ms; /* those before are passed over */
};

static bool note_due(void *owner, const struct kc_ending_row *row)
{
    struct due *due = owner;
    if (row->act_ms > due->after_ms || due->after_ms == 0) {
        due->out[due->count++] = *row;
    }
    return due->count < due->max;
}

struct kc_result kc_ledger_endings_due(struct kc_ending_row *out, size_t *count, size_t max,
                                       struct kc_ledger *ledger, uint64_t now_ms)
{
    struct due due = {.out = out, .max = max};
    const struct kc_store_scan scan = {.owner = &due, .ending = note_due};
    KC_ASSERT(max > 0 && now_ms < NEVER_MS);
    struct kc_result result = ledger->store->scan_endings(ledger->store->context, &scan, now_ms);
    *count = kc_failed(result) ? 0 : due.count;
    return result;
}

struct kc_result kc_ledger_endings_ahead(struct kc_ending_row *out, size_t *count, size_t max,
                                         struct kc_ledger *ledger, uint64_t now_ms)
{
    struct due due = {.out = out, .max = max, .after_ms = now_ms + MOST_MS};
    const struct kc_store_scan scan = {.owner = &due, .ending = note_due};
    KC_ASSERT(max > 0 && now_ms < NEVER_MS - MOST_MS);
    struct kc_result result =
        ledger->store->scan_endings(ledger->store->context, &scan, NEVER_MS - 1);
    *count = kc_failed(result) ? 0 : due.count;
    return result;
}

static uint64_t wait_ms(uint64_t tries)
{
    uint64_t doublings = tries < DOUBLINGS_MAX ? tries : DOUBLINGS_MAX;
    uint64_t wait = (uint64_t)FIRST_MS << doublings;
    return wait < MOST_MS ? wait : MOST_MS;
}

struct kc_result kc_ledger_ending_told(struct kc_ledger *ledger, const struct kc_ending_row *asked,
                                       enum kc_error answer)
{
    struct kc_ending_row row;
    KC_ASSERT(ledger->in_batch);
    struct kc_result result = find(&row, ledger, asked->purse.number);
    if (kc_failed(result) || row.number != asked->number || row.ended_ms != 0) {
        return result;
    }
    row.reason = answer;
    if (answer == KC_OK || answer == KC_NOT_FOUND) {
        row.ended_ms = ledger->now_ms;
        row.act_ms = NEVER_MS;
    } else {
        row.act_ms = ledger->now_ms + wait_ms(row.tries);
        row.tries += 1;
    }
    return save(ledger, &row);
}

static bool count_owed(void *owner, const struct kc_ending_row *row)
{
    (void)row;
    *(uint64_t *)owner += 1;
    return true;
}

struct kc_result kc_ledger_endings_owed(uint64_t *count, const struct kc_store *store)
{
    const struct kc_store_scan scan = {.owner = count, .ending = count_owed};
    *count = 0;
    return store->scan_endings(store->context, &scan, NEVER_MS - 1);
}
