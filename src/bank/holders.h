/* Whose key a purse signs with, by the purse's number: what was looked up once in the bank's own database is kept in memory. A
 * purse keeps its key for life, so nothing here grows old; a place is taken over by whoever falls on it. */
#ifndef KC_BANK_HOLDERS_H
#define KC_BANK_HOLDERS_H

#include <pthread.h>

#include "base/result.h"
#include "message/cose.h"

struct kc_holder {
    uint64_t purse; /* 0: free */
    struct kc_signer_id signer;
};

struct kc_holders {
    pthread_rwlock_t lock;
    size_t count; /* a power of two */
    struct kc_holder *places;
};

/* KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_holders_open(struct kc_holders *holders, size_t places);
void kc_holders_close(struct kc_holders *holders);

/* False when the purse is not in memory. */
bool kc_holders_find(struct kc_signer_id *out, struct kc_holders *holders, uint64_t purse);
void kc_holders_keep(struct kc_holders *holders, uint64_t purse, const struct kc_signer_id *signer);

/* Its keys are being renewed: from now on it is looked up in the database. */
void kc_holders_forget(struct kc_holders *holders, uint64_t purse);

#endif
