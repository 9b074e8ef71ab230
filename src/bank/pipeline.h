/* The bank's pipeline: lanes with threads of their own, and items that travel between them.
 *
 *   WORK     as many threads as cores: parse, verify, unseal; sign and seal answers. No locks held, no waiting.
 *   WRITE    one thread: applies all waiting items to the ledger in one database transaction (group commit; it
 *            begins again as soon as the last commit returned). No cryptography, no network.
 *   DIRECTORY, ORDINARY  a few threads each that may wait for the directory and for the ordinary bank; apart, so that
 *            one that does not answer holds up nobody who needs the other.
 *
 * Invariants:
 *  1. The number of items is fixed at start; whoever gets none answers "busy". So no queue can overflow.
 *  2. An item is in exactly one place: free, in one queue, or in the hands of one thread.
 *  3. An item leaves the WRITE lane only after its batch was committed, or with the error of the batch. When a batch of
 *     several cannot be committed each of them is tried once more alone, so that an item which the store cannot
 *     take spoils no other.
 *  4. Every item that was taken is finished exactly once.
 *
 *        take             step                    last step
 *   free ----> queue(lane) ----> queue(next lane) ----> finish ----> free
 */
#ifndef KC_BANK_PIPELINE_H
#define KC_BANK_PIPELINE_H

#include <pthread.h>

#include "base/result.h"

enum kc_lane { KC_LANE_WORK, KC_LANE_WRITE, KC_LANE_DIRECTORY, KC_LANE_ORDINARY };
#define KC_LANE_COUNT 4
#define KC_BATCH_MAX 256
#define KC_THREADS_MAX 64

/* The head of every item; the owner embeds it first in its own struct. */
struct kc_pipeline_item {
    struct kc_pipeline_item *next;
    enum kc_lane lane;
};

/* What the pipeline calls. `thread` is the thread's own context, made by thread_open. */
struct kc_pipeline_calls {
    void *owner;
    /* Makes and frees the context of a thread of a lane (crypto, connections); NULL on failure. */
    void *(*thread_open)(void *owner, enum kc_lane lane);
    void (*thread_close)(void *owner, enum kc_lane lane, void *thread);
    /* One step of one item on any lane but WRITE. True: item->lane says where next; false: finished. */
    bool (*step)(void *owner, void *thread, struct kc_pipeline_item *item);
    /* WRITE: begin, each item, commit. batch_item may come twice for an item, with nothing of the first time in force. */
    struct kc_result (*batch_begin)(void *owner, void *thread);
    void (*batch_item)(void *owner, void *thread, struct kc_pipeline_item *item);
    struct kc_result (*batch_commit)(void *owner, void *thread);
    /* After the commit, with its result: true as for step. */
    bool (*batch_done)(void *owner, void *thread, struct kc_pipeline_item *item,
                       struct kc_result committed);
    /* Called by the WRITE thread about four times a second when it has time, for what is due. */
    void (*idle)(void *owner, void *thread);
};

struct kc_queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct kc_pipeline_item *first;
    struct kc_pipeline_item *last;
    size_t count;
    bool stopping;
};

struct kc_pipeline_counters {
    uint64_t items;
    uint64_t batches;
    uint64_t busy;
    uint64_t batch_largest;
};

struct kc_pipeline {
    struct kc_pipeline_calls calls;
    struct kc_queue free_items;
    struct kc_queue lanes[KC_LANE_COUNT];
    pthread_t threads[KC_THREADS_MAX];
    size_t thread_count;
    size_t item_count;
    struct kc_pipeline_counters counters; /* guarded by free_items.lock */
};

/* Starts `threads` of each lane (one for WRITE) over `count` items of `item_size` bytes at `items`, all lent until
 * kc_pipeline_stop. KC_NO_MEMORY or KC_INTERNAL when a thread cannot start; nothing runs then. */
KC_MUST_USE struct kc_result kc_pipeline_start(struct kc_pipeline *pipeline,
                                               const struct kc_pipeline_calls *calls, void *items,
                                               size_t count, size_t item_size,
                                               const unsigned threads[KC_LANE_COUNT]);

/* Takes a free item or returns NULL when there is none ("busy"). */
struct kc_pipeline_item *kc_pipeline_take(struct kc_pipeline *pipeline);

/* Puts an item that was taken into the queue of item->lane. */
void kc_pipeline_send(struct kc_pipeline *pipeline, struct kc_pipeline_item *item);

/* How many items wait for a thread of the lane. */
size_t kc_pipeline_waiting(struct kc_pipeline *pipeline, enum kc_lane lane);

/* Lets every queued item run to its end, then stops and joins the threads. */
void kc_pipeline_stop(struct kc_pipeline *pipeline);

struct kc_pipeline_counters kc_pipeline_read_counters(struct kc_pipeline *pipeline);

#endif
