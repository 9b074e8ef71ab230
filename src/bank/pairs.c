/* Which certificates a purse has, by the books: the pair of its keys, and those that were certified beside it. */
#include "bank/pairs.h"

#include <string.h>

/* Of pairs beyond those that find place here, as only an authority certifies that has more beside each other than ours, the
 * oldest end by themselves. */
void kc_bank_add_pair(struct kc_bank_pairs *out, const uint8_t pair[KC_PAIR_SIZE],
                      uint64_t expires_ms, uint64_t now_ms)
{
    if (expires_ms > now_ms && out->size < sizeof out->bytes) {
        memcpy(out->bytes + out->size, pair, KC_PAIR_SIZE);
        out->size += KC_PAIR_SIZE;
    }
}

struct kc_result kc_bank_each_left(const struct kc_store *store, uint64_t purse, uint64_t number,
                                   const uint8_t old_signer[KC_SIGNER_SIZE], void *owner,
                                   bool (*each)(void *owner, const struct kc_renewal_row *row))
{
    struct kc_renewal_row row = {.number = number};
    for (size_t i = 0; i < KC_BANK_PAIRS_MAX; i++) {
        struct kc_result result = store->renewal_left(store->context, &row, purse, row.number);
        if (kc_failed(result)) {
            return result.code == KC_NOT_FOUND ? kc_ok() : result;
        }
        if (memcmp(row.old_signer, old_signer, KC_SIGNER_SIZE) != 0 || !each(owner, &row)) {
            break;
        }
    }
    return kc_ok();
}

struct listing {
    struct kc_bank_pairs *out;
    uint64_t now_ms;
};

static bool list_one(void *owner, const struct kc_renewal_row *row)
{
    const struct listing *listing = owner;
    kc_bank_add_pair(listing->out, row->pair, row->expires_ms, listing->now_ms);
    return true;
}

struct kc_result kc_bank_list_left(struct kc_bank_pairs *out, const struct kc_store *store,
                                   uint64_t purse, uint64_t number,
                                   const uint8_t old_signer[KC_SIGNER_SIZE], uint64_t now_ms)
{
    struct listing listing = {.out = out, .now_ms = now_ms};
    return kc_bank_each_left(store, purse, number, old_signer, &listing, list_one);
}

struct kc_result kc_bank_list_pairs(struct kc_bank_pairs *out, const struct kc_store *store,
                                    uint64_t purse, uint64_t now_ms)
{
    struct kc_purse_key_row keys;
    out->size = 0;
    struct kc_result result = store->purse_key_get(store->context, &keys, purse);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    kc_bank_add_pair(out, keys.pair, keys.expires_ms, now_ms);
    return kc_bank_list_left(out, store, purse, KC_AMOUNT_MAX, keys.signer, now_ms);
}
