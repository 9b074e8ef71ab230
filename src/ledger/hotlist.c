/* Purses out of use: by proof, or because their holder lost them or gave their account up. Nobody is listed for less. */
#include <string.h>

#include "base/assert.h"
#include "ledger/inside.h"

struct kc_result kc_ledger_put_out(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                   enum kc_error reason)
{
    KC_ASSERT(ledger->in_batch && reason != KC_OK);
    if (purse->state == KC_PURSE_OUT) {
        /* A proof says more than the holder's word. */
        purse->out_reason = kc_purse_out_by_word(purse) ? reason : purse->out_reason;
        return kc_ok();
    }
    purse->state = KC_PURSE_OUT;
    purse->out_reason = reason;
    purse->out_ms = ledger->now_ms;
    const struct kc_store *store = ledger->store;
    return kc_ledger_note(ledger, store->hotlist_add(store->context, &ledger->hotlist_version,
                                                     purse->purse.number, ledger->now_ms));
}

void kc_purse_copy_out(struct kc_purse_row *to, const struct kc_purse_row *from)
{
    to->state = from->state;
    to->out_reason = from->out_reason;
    to->out_ms = from->out_ms;
}

/* A look through what is listed, newest first. Whoever is out of use by proof or lost stands from the front of `purses` on,
 * whoever was given up from its end backwards, so that where both meet the oldest of those gives way. */
struct listing {
    uint64_t after;
    uint64_t upto;
    uint64_t settle_ms;
    uint64_t at_ms; /* when the newest of them was listed */
    size_t looked;
    uint64_t *purses;
    size_t front; /* how many from the front */
    size_t back;  /* where those from the end begin */
    size_t max;
    bool complete;
};

/* Whoever holds it may have it closed, or moved to another one: that says nothing against it. */
static bool given_up(const struct kc_hotlist_row *row)
{
    return row->reason == KC_CLOSED || row->reason == KC_KEY_RENEWED;
}

/* What it signs is refused as expired by everybody, and settles no more. */
static bool ended(const struct listing *listing, const struct kc_hotlist_row *row)
{
    return row->ends_ms > 0 && listing->at_ms > row->ends_ms &&
           listing->at_ms - row->ends_ms > listing->settle_ms;
}

static void put(struct listing *listing, const struct kc_hotlist_row *row)
{
    bool full = listing->front == listing->back;
    bool last = given_up(row);
    listing->complete = listing->complete && !full;
    if (full && !last && listing->back < listing->max) {
        listing->back += 1;
        full = false;
    }
    if (!full) {
        listing->purses[last ? --listing->back : listing->front++] = row->purse.number;
    }
}

static bool list(void *owner, const struct kc_hotlist_row *row)
{
    struct listing *listing = owner;
    if (row->version > listing->upto) {
        return true;
    }
    if (row->version <= listing->after) {
        return false;
    }
    listing->at_ms = listing->looked == 0 ? row->time_ms : listing->at_ms;
    if (listing->looked++ == KC_LEDGER_LISTED_MAX) {
        listing->complete = false;
        return false;
    }
    if (!ended(listing, row)) {
        put(listing, row);
    }
    /* Nobody that comes now has a place. */
    return listing->complete || listing->front < listing->max;
}

/* Those from the end behind those from the front, newest first. */
static size_t join(struct listing *listing)
{
    uint64_t *purses = listing->purses;
    size_t count = listing->max - listing->back;
    for (size_t i = 0; i < count / 2; i++) {
        uint64_t older = purses[listing->back + i];
        purses[listing->back + i] = purses[listing->max - 1 - i];
        purses[listing->max - 1 - i] = older;
    }
    memmove(purses + listing->front, purses + listing->back, count * sizeof *purses);
    return listing->front + count;
}

struct kc_result kc_ledger_hotlist(uint64_t *purses, size_t *count, bool *complete,
                                   struct kc_ledger *ledger, uint64_t after, uint64_t upto,
                                   size_t max)
{
    struct listing listing = {.after = after,
                              .upto = upto,
                              .settle_ms = ledger->options.settle_ms,
                              .purses = purses,
                              .back = max,
                              .max = max,
                              .complete = true};
    const struct kc_store_scan scan = {.owner = &listing, .hotlist = list};
    const struct kc_store *store = ledger->store;
    struct kc_result result = kc_ledger_note(ledger, store->scan_hotlist(store->context, &scan));
    *count = join(&listing);
    *complete = listing.complete;
    return result;
}
