/* Purses met before, so that their identities need not travel again. A cache: whatever is torn or was displaced is not known, and
 * the identity is asked for again. Only what the bank's key verified is kept.
 *
 * Slot: order of keeping (8), purse (8), account (8), expiry in seconds (8), size of the key (4), issue in seconds (8), this
 * purse's close entry that it knows of (8), key (COSE_Key), SHA-256 over these cut to 8 bytes. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define HEAD 52u

_Static_assert(HEAD + KC_COSE_KEY_SIZE_MAX + KC_CHECK_SIZE <= KC_PARTNER_ROOM, "a partner fits");

static size_t partner_at(unsigned place)
{
    return KC_NVM_PARTNERS_AT + (size_t)place * KC_PARTNER_ROOM;
}

/* Reads a place; gives its order of keeping, 0 when nothing whole is there. */
static uint64_t read_partner(struct kc_partner *out, struct kc_purse *purse, unsigned place)
{
    uint8_t slot[KC_PARTNER_ROOM];
    uint8_t check[KC_CHECK_SIZE];
    if (kc_failed(kc_purse_nvm_read(purse, partner_at(place), slot, sizeof slot))) {
        return 0;
    }
    size_t size = kc_be32_load(slot + 32);
    if (kc_be64_load(slot) == 0 || size == 0 || size > KC_COSE_KEY_SIZE_MAX) {
        return 0;
    }
    kc_purse_check(check, purse, kc_view(slot, HEAD + size));
    if (memcmp(check, slot + HEAD + size, KC_CHECK_SIZE) != 0 ||
        kc_failed(kc_key_decode(&out->key, kc_view(slot + HEAD, size)))) {
        return 0;
    }
    out->purse.number = kc_be64_load(slot + 8);
    out->account.number = kc_be64_load(slot + 16);
    out->expires_s = kc_be64_load(slot + 24);
    out->issued_s = kc_be64_load(slot + 36);
    out->closed = kc_be64_load(slot + 44);
    return kc_be64_load(slot);
}

struct kc_result kc_purse_partner_find(struct kc_partner *out, struct kc_purse *purse,
                                       struct kc_account_id account, struct kc_purse_id number)
{
    for (unsigned place = 0; place < KC_PARTNER_COUNT; place++) {
        if (read_partner(out, purse, place) != 0 && out->purse.number == number.number &&
            out->account.number == account.number) {
            return kc_ok();
        }
    }
    return kc_result(KC_IDENTITY_NEEDED);
}

static struct kc_result write_partner(struct kc_purse *purse, unsigned place, uint64_t order,
                                      const struct kc_partner *partner)
{
    uint8_t slot[KC_PARTNER_ROOM];
    struct kc_buffer key = {.data = slot + HEAD, .capacity = KC_COSE_KEY_SIZE_MAX};
    struct kc_result result = kc_key_encode(&key, &partner->key);
    if (kc_failed(result)) {
        return result;
    }
    kc_be64_store(slot, order);
    kc_be64_store(slot + 8, partner->purse.number);
    kc_be64_store(slot + 16, partner->account.number);
    kc_be64_store(slot + 24, partner->expires_s);
    kc_be32_store(slot + 32, (uint32_t)key.size);
    kc_be64_store(slot + 36, partner->issued_s);
    kc_be64_store(slot + 44, partner->closed);
    kc_purse_check(slot + HEAD + key.size, purse, kc_view(slot, HEAD + key.size));
    result = kc_purse_nvm_write(purse, partner_at(place), slot, HEAD + key.size + KC_CHECK_SIZE);
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}

static bool same_key(const struct kc_public_key *a, const struct kc_public_key *b)
{
    if (a->type != b->type) {
        return false;
    }
    return a->type == KC_KEY_P256 ? memcmp(&a->p256, &b->p256, sizeof a->p256) == 0
                                  : memcmp(a->rsa.n, b->rsa.n, kc_rsa_size(a->type)) == 0;
}

struct kc_result kc_purse_partner_keep(struct kc_purse *purse, const struct kc_partner *partner)
{
    uint64_t newest = 0;
    uint64_t oldest = UINT64_MAX;
    unsigned victim = 0;
    struct kc_partner next = *partner;
    next.closed = 0;
    KC_ASSERT(partner->key.type != KC_KEY_NONE);
    for (unsigned place = 0; place < KC_PARTNER_COUNT; place++) {
        struct kc_partner kept;
        uint64_t order = read_partner(&kept, purse, place);
        bool same = order != 0 && kept.purse.number == partner->purse.number;
        if (same && kept.account.number == partner->account.number &&
            kept.expires_s == partner->expires_s && kept.issued_s == partner->issued_s &&
            same_key(&kept.key, &partner->key)) {
            return kc_ok();
        }
        newest = order > newest ? order : newest;
        next.closed = same ? kept.closed : next.closed;
        /* What was kept of this purse before is the first to go, so that a purse stands here once. */
        order = same ? 0 : order;
        if (order < oldest || same) {
            oldest = order;
            victim = place;
        }
    }
    return write_partner(purse, victim, newest + 1, &next);
}

bool kc_purse_partner_lacks(struct kc_purse *purse, struct kc_account_id account,
                            struct kc_purse_id number)
{
    struct kc_partner kept;
    return purse->state.closed != 0 &&
           (kc_failed(kc_purse_partner_find(&kept, purse, account, number)) ||
            kept.closed != purse->state.closed);
}

struct kc_result kc_purse_partner_shown(struct kc_purse *purse, struct kc_account_id account,
                                        struct kc_purse_id number)
{
    for (unsigned place = 0; place < KC_PARTNER_COUNT; place++) {
        struct kc_partner kept;
        uint64_t order = read_partner(&kept, purse, place);
        if (order != 0 && kept.purse.number == number.number &&
            kept.account.number == account.number) {
            bool known = kept.closed == purse->state.closed;
            kept.closed = purse->state.closed;
            return known ? kc_ok() : write_partner(purse, place, order, &kept);
        }
    }
    return kc_ok();
}
