/* What the registrar vouches for: purses at the counter whose keys' certificates have ended. */
#ifndef KC_BANK_COUNTER_H
#define KC_BANK_COUNTER_H

#include <pthread.h>

#include "crypto/port.h"

/* As many may stand at all counters together; the next one takes the place of the oldest, whose registrar says it again. */
#define KC_COUNTER_PLACES 64u

struct kc_counter_place {
    uint8_t request[KC_DIGEST_SIZE];
    uint64_t purse; /* 0: nobody */
    uint64_t until_ns;
};

/* In memory alone: after a restart of the bank the registrar says it again. Its word stands in the evidence. */
struct kc_counter {
    pthread_mutex_t lock;
    bool opened;
    size_t next;
    struct kc_counter_place places[KC_COUNTER_PLACES];
};

/* KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_counter_open(struct kc_counter *counter);
void kc_counter_close(struct kc_counter *counter);

/* From now on, for a while, the signed request of this digest counts when it comes from this purse. Times are monotonic. */
void kc_counter_add(struct kc_counter *counter, const uint8_t request[KC_DIGEST_SIZE],
                    uint64_t purse, uint64_t now_ns);
/* Whether it does. */
bool kc_counter_has(struct kc_counter *counter, const uint8_t request[KC_DIGEST_SIZE],
                    uint64_t purse, uint64_t now_ns);

#endif
