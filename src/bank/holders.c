#include "bank/holders.h"

#include <stdlib.h>
#include <string.h>

struct kc_result kc_holders_open(struct kc_holders *holders, size_t places)
{
    size_t count = 16;
    memset(holders, 0, sizeof *holders);
    while (count < places) {
        count *= 2;
    }
    holders->count = count;
    holders->places = calloc(count, sizeof *holders->places);
    if (holders->places == NULL || pthread_rwlock_init(&holders->lock, NULL) != 0) {
        free(holders->places);
        holders->places = NULL;
        return kc_result(KC_NO_MEMORY);
    }
    return kc_ok();
}

void kc_holders_close(struct kc_holders *holders)
{
    if (holders->places != NULL) {
        (void)pthread_rwlock_destroy(&holders->lock);
    }
    free(holders->places);
    holders->places = NULL;
}

static struct kc_holder *place_of(struct kc_holders *holders, uint64_t purse)
{
    uint64_t spread = (purse / 10u) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    return &holders->places[(size_t)spread & (holders->count - 1)];
}

bool kc_holders_find(struct kc_signer_id *out, struct kc_holders *holders, uint64_t purse)
{
    (void)pthread_rwlock_rdlock(&holders->lock);
    const struct kc_holder *place = place_of(holders, purse);
    bool found = purse != 0 && place->purse == purse;
    if (found) {
        *out = place->signer;
    }
    (void)pthread_rwlock_unlock(&holders->lock);
    return found;
}

void kc_holders_forget(struct kc_holders *holders, uint64_t purse)
{
    (void)pthread_rwlock_wrlock(&holders->lock);
    struct kc_holder *place = place_of(holders, purse);
    if (place->purse == purse) {
        *place = (struct kc_holder){.purse = 0};
    }
    (void)pthread_rwlock_unlock(&holders->lock);
}

void kc_holders_keep(struct kc_holders *holders, uint64_t purse, const struct kc_signer_id *signer)
{
    (void)pthread_rwlock_wrlock(&holders->lock);
    *place_of(holders, purse) = (struct kc_holder){.purse = purse, .signer = *signer};
    (void)pthread_rwlock_unlock(&holders->lock);
}
