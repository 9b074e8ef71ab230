/* Purses out of use: by proof, or because their holder lost them or gave their account up. Nobody is listed for less. */
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

struct listing {
    uint64_t after;
    uint64_t upto;
    uint64_t *purses;
    size_t count;
    size_t max;
    bool complete;
};

static bool list(void *owner, const struct kc_hotlist_row *row)
{
    struct listing *listing = owner;
    if (row->version > listing->upto) {
        return true;
    }
    if (row->version <= listing->after) {
        return false;
    }
    listing->complete = listing->count < listing->max;
    if (listing->complete) {
        listing->purses[listing->count++] = row->purse.number;
    }
    return listing->complete;
}

struct kc_result kc_ledger_hotlist(uint64_t *purses, size_t *count, bool *complete,
                                   struct kc_ledger *ledger, uint64_t after, uint64_t upto,
                                   size_t max)
{
    struct listing listing = {
        .after = after, .upto = upto, .purses = purses, .max = max, .complete = true};
    const struct kc_store_scan scan = {.owner = &listing, .hotlist = list};
    struct kc_result result =
        kc_ledger_note(ledger, ledger->store->scan_hotlist(ledger->store->context, &scan));
    *count = listing.count;
    *complete = listing.complete;
    return result;
}
