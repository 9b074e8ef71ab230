/* Renewal at the counter (EP1221669 [0114] B2, D2; docs/protocol.md "Renewal at the counter"). A key whose certificate has ended
 * signs as ever, and the bank has it in its books; what no longer holds is that somebody vouches for who uses it. That is the
 * registrar's word, for one message at a time: it made sure of the holder, and names the message by its digest. */
#include "bank/counter.h"

#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

/* A message follows at once. */
#define VOUCHED_NS UINT64_C(120000000000)

struct kc_result kc_counter_open(struct kc_counter *counter)
{
    memset(counter, 0, sizeof *counter);
    counter->opened = pthread_mutex_init(&counter->lock, NULL) == 0;
    return kc_result(counter->opened ? KC_OK : KC_NO_MEMORY);
}

void kc_counter_close(struct kc_counter *counter)
{
    if (counter->opened) {
        (void)pthread_mutex_destroy(&counter->lock);
    }
    counter->opened = false;
}

void kc_counter_add(struct kc_counter *counter, const uint8_t request[KC_DIGEST_SIZE],
                    uint64_t purse, uint64_t now_ns)
{
    (void)pthread_mutex_lock(&counter->lock);
    struct kc_counter_place *place = &counter->places[counter->next];
    counter->next = (counter->next + 1) % KC_COUNTER_PLACES;
    memcpy(place->request, request, KC_DIGEST_SIZE);
    place->purse = purse;
    place->until_ns = now_ns + VOUCHED_NS;
    (void)pthread_mutex_unlock(&counter->lock);
}

bool kc_counter_has(struct kc_counter *counter, const uint8_t request[KC_DIGEST_SIZE],
                    uint64_t purse, uint64_t now_ns)
{
    bool has = false;
    (void)pthread_mutex_lock(&counter->lock);
    for (size_t i = 0; i < KC_COUNTER_PLACES && !has; i++) {
        const struct kc_counter_place *place = &counter->places[i];
        has = purse != 0 && place->purse == purse && now_ns <= place->until_ns &&
              memcmp(place->request, request, KC_DIGEST_SIZE) == 0;
    }
    (void)pthread_mutex_unlock(&counter->lock);
    return has;
}

/* Only what a renewal is made of, and only for a key that ended by itself: whose certificate was revoked gets no new one. */
bool kc_bank_at_counter(struct kc_bank *bank, const struct kc_bank_item *item,
                        const struct kc_purse_key_row *keys, bool ended)
{
    bool renews = item->kind == &kc_bank_state_request || item->kind == &kc_bank_settle_request ||
                  item->kind == &kc_bank_renew_request;
    return renews && ended &&
           kc_counter_has(&bank->counter, item->digest, keys->purse.number,
                          kc_clock_monotonic_ns());
}

static struct kc_result check_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.counter_request.time_ms);
}

static struct kc_result apply_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_counter(&bank->ledger, &item->message.counter_request, &source);
}

/* After the commit: nothing counts of which there is no evidence. */
static struct kc_result answer_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    const struct kc_counter_request *request = &item->message.counter_request;
    kc_counter_add(&bank->counter, request->request, request->purse.number,
                   kc_clock_monotonic_ns());
    return kc_bank_answer_done(bank, thread, item);
}

const struct kc_bank_kind kc_bank_counter_request = {
    .shape = &kc_counter_request_shape,
    .steps = {{KC_LANE_WORK, check_request, NULL},
              {KC_LANE_WRITE, apply_request, NULL},
              {KC_LANE_WORK, answer_request, NULL}},
};
