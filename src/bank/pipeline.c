#include "bank/pipeline.h"

#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"

#define IDLE_INTERVAL_NS UINT64_C(250000000)

struct start {
    struct kc_pipeline *pipeline;
    enum kc_lane lane;
    void *thread;
};

static void queue_open(struct kc_queue *queue)
{
    pthread_condattr_t attributes;
    *queue = (struct kc_queue){.first = NULL};
    KC_ASSERT(pthread_condattr_init(&attributes) == 0);
    KC_ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    KC_ASSERT(pthread_mutex_init(&queue->lock, NULL) == 0);
    KC_ASSERT(pthread_cond_init(&queue->filled, &attributes) == 0);
    (void)pthread_condattr_destroy(&attributes);
}

static void queue_close(struct kc_queue *queue)
{
    (void)pthread_cond_destroy(&queue->filled);
    (void)pthread_mutex_destroy(&queue->lock);
}

static void append_locked(struct kc_queue *queue, struct kc_pipeline_item *item)
{
    item->next = NULL;
    if (queue->last == NULL) {
        queue->first = item;
    } else {
        queue->last->next = item;
    }
    queue->last = item;
    queue->count += 1;
}

static void prepend_locked(struct kc_queue *queue, struct kc_pipeline_item *item)
{
    item->next = queue->first;
    queue->first = item;
    if (queue->last == NULL) {
        queue->last = item;
    }
    queue->count += 1;
}

static struct kc_pipeline_item *take_locked(struct kc_queue *queue)
{
    struct kc_pipeline_item *item = queue->first;
    if (item != NULL) {
        queue->first = item->next;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
        item->next = NULL;
        queue->count -= 1;
    }
    return item;
}

static void queue_push(struct kc_queue *queue, struct kc_pipeline_item *item)
{
    (void)pthread_mutex_lock(&queue->lock);
    append_locked(queue, item);
    (void)pthread_cond_signal(&queue->filled);
    (void)pthread_mutex_unlock(&queue->lock);
}

/* Waits for an item; NULL once the queue is stopping and empty. */
static struct kc_pipeline_item *queue_pop(struct kc_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->stopping) {
        (void)pthread_cond_wait(&queue->filled, &queue->lock);
    }
    struct kc_pipeline_item *item = take_locked(queue);
    (void)pthread_mutex_unlock(&queue->lock);
    return item;
}

/* Waits until there is something or `deadline_ns` of the monotonic clock; then takes at most `max` items. Returns
 * false once the queue is stopping and empty. */
static bool queue_pop_batch(struct kc_queue *queue, struct kc_pipeline_item **items, size_t *count,
                            size_t max, uint64_t deadline_ns)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
                             .tv_nsec = (long)(deadline_ns % 1000000000u)};
    int status = 0;
    *count = 0;
    (void)pthread_mutex_lock(&queue->lock);
    while (queue->first == NULL && !queue->stopping && status == 0) {
        status = pthread_cond_timedwait(&queue->filled, &queue->lock, &until);
    }
    while (*count < max && queue->first != NULL) {
        items[(*count)++] = take_locked(queue);
    }
    bool more = *count > 0 || !queue->stopping;
    (void)pthread_mutex_unlock(&queue->lock);
    return more;
}

static void queue_stop(struct kc_queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->stopping = true;
    (void)pthread_cond_broadcast(&queue->filled);
    (void)pthread_mutex_unlock(&queue->lock);
}

/* The next request gets the item that was used last: its memory is in the processor's cache still, and what is never needed at
 * once is never touched. */
static void release(struct kc_pipeline *pipeline, struct kc_pipeline_item *item)
{
    struct kc_queue *queue = &pipeline->free_items;
    (void)pthread_mutex_lock(&queue->lock);
    prepend_locked(queue, item);
    pipeline->counters.items += 1;
    (void)pthread_cond_signal(&queue->filled);
    (void)pthread_mutex_unlock(&queue->lock);
}

void kc_pipeline_send(struct kc_pipeline *pipeline, struct kc_pipeline_item *item)
{
    KC_ASSERT((unsigned)item->lane < KC_LANE_COUNT);
    queue_push(&pipeline->lanes[item->lane], item);
}

static void move_on(struct kc_pipeline *pipeline, struct kc_pipeline_item *item, bool again)
{
    if (again) {
        kc_pipeline_send(pipeline, item);
    } else {
        release(pipeline, item);
    }
}

static void run_steps(struct kc_pipeline *pipeline, enum kc_lane lane, void *thread)
{
    struct kc_pipeline_item *item;
    while ((item = queue_pop(&pipeline->lanes[lane])) != NULL) {
        bool again = pipeline->calls.step(pipeline->calls.owner, thread, item);
        move_on(pipeline, item, again);
    }
}

static void count_batch(struct kc_pipeline *pipeline, size_t count)
{
    (void)pthread_mutex_lock(&pipeline->free_items.lock);
    pipeline->counters.batches += 1;
    if (count > pipeline->counters.batch_largest) {
        pipeline->counters.batch_largest = count;
    }
    (void)pthread_mutex_unlock(&pipeline->free_items.lock);
}

/* One transaction; *begun says whether it came as far as its items. */
static struct kc_result apply(const struct kc_pipeline_calls *calls, void *thread,
                              struct kc_pipeline_item **items, size_t count, bool *begun)
{
    struct kc_result result = calls->batch_begin(calls->owner, thread);
    *begun = !kc_failed(result);
    if (!*begun) {
        return result;
    }
    for (size_t i = 0; i < count; i++) {
        calls->batch_item(calls->owner, thread, items[i]);
    }
    return calls->batch_commit(calls->owner, thread);
}

static void finish_batch(struct kc_pipeline *pipeline, void *thread,
                         struct kc_pipeline_item **items, size_t count, struct kc_result result)
{
    const struct kc_pipeline_calls *calls = &pipeline->calls;
    count_batch(pipeline, count);
    for (size_t i = 0; i < count; i++) {
        move_on(pipeline, items[i], calls->batch_done(calls->owner, thread, items[i], result));
    }
}

/* A store that cannot even begin would only make each item wait for the same error: then none is tried alone. */
static void write_batch(struct kc_pipeline *pipeline, void *thread, struct kc_pipeline_item **items,
                        size_t count)
{
    const struct kc_pipeline_calls *calls = &pipeline->calls;
    bool begun = false;
    struct kc_result result = apply(calls, thread, items, count, &begun);
    if (!kc_failed(result) || count == 1) {
        finish_batch(pipeline, thread, items, count, result);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (begun) {
            result = apply(calls, thread, &items[i], 1, &begun);
        }
        finish_batch(pipeline, thread, &items[i], 1, result);
    }
}

static void run_writer(struct kc_pipeline *pipeline, void *thread)
{
    struct kc_pipeline_item *items[KC_BATCH_MAX];
    struct kc_queue *queue = &pipeline->lanes[KC_LANE_WRITE];
    uint64_t idle_at = kc_clock_monotonic_ns() + IDLE_INTERVAL_NS;
    size_t count;
    while (queue_pop_batch(queue, items, &count, KC_BATCH_MAX, idle_at)) {
        if (count > 0) {
            write_batch(pipeline, thread, items, count);
        }
        if (kc_clock_monotonic_ns() >= idle_at) {
            pipeline->calls.idle(pipeline->calls.owner, thread);
            idle_at = kc_clock_monotonic_ns() + IDLE_INTERVAL_NS;
        }
    }
}

static void *thread_main(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    if (start.lane == KC_LANE_WRITE) {
        run_writer(start.pipeline, start.thread);
    } else {
        run_steps(start.pipeline, start.lane, start.thread);
    }
    const struct kc_pipeline_calls *calls = &start.pipeline->calls;
    calls->thread_close(calls->owner, start.lane, start.thread);
    return NULL;
}

static struct kc_result start_thread(struct kc_pipeline *pipeline, enum kc_lane lane)
{
    const struct kc_pipeline_calls *calls = &pipeline->calls;
    struct start *start = calloc(1, sizeof *start);
    void *thread = start == NULL ? NULL : calls->thread_open(calls->owner, lane);
    if (thread == NULL || pipeline->thread_count == KC_THREADS_MAX) {
        free(start);
        return kc_result(KC_NO_MEMORY);
    }
    *start = (struct start){.pipeline = pipeline, .lane = lane, .thread = thread};
    if (pthread_create(&pipeline->threads[pipeline->thread_count], NULL, thread_main, start) != 0) {
        calls->thread_close(calls->owner, lane, thread);
        free(start);
        return kc_result(KC_INTERNAL);
    }
    pipeline->thread_count += 1;
    return kc_ok();
}

static struct kc_result start_threads(struct kc_pipeline *pipeline,
                                      const unsigned threads[KC_LANE_COUNT])
{
    struct kc_result result = kc_ok();
    for (unsigned lane = 0; lane < KC_LANE_COUNT; lane++) {
        for (unsigned i = 0; i < threads[lane] && !kc_failed(result); i++) {
            result = start_thread(pipeline, (enum kc_lane)lane);
        }
    }
    return result;
}

struct kc_result kc_pipeline_start(struct kc_pipeline *pipeline,
                                   const struct kc_pipeline_calls *calls, void *items, size_t count,
                                   size_t item_size, const unsigned threads[KC_LANE_COUNT])
{
    KC_ASSERT(threads[KC_LANE_WRITE] == 1 && item_size >= sizeof(struct kc_pipeline_item));
    *pipeline = (struct kc_pipeline){.calls = *calls, .item_count = count};
    queue_open(&pipeline->free_items);
    for (size_t i = 0; i < KC_LANE_COUNT; i++) {
        queue_open(&pipeline->lanes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        void *item = (unsigned char *)items + i * item_size;
        append_locked(&pipeline->free_items, item);
    }
    struct kc_result result = start_threads(pipeline, threads);
    if (kc_failed(result)) {
        kc_pipeline_stop(pipeline);
    }
    return result;
}

struct kc_pipeline_item *kc_pipeline_take(struct kc_pipeline *pipeline)
{
    struct kc_queue *queue = &pipeline->free_items;
    (void)pthread_mutex_lock(&queue->lock);
    struct kc_pipeline_item *item = take_locked(queue);
    if (item == NULL) {
        pipeline->counters.busy += 1;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return item;
}

size_t kc_pipeline_waiting(struct kc_pipeline *pipeline, enum kc_lane lane)
{
    struct kc_queue *queue = &pipeline->lanes[lane];
    (void)pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

struct kc_pipeline_counters kc_pipeline_read_counters(struct kc_pipeline *pipeline)
{
    (void)pthread_mutex_lock(&pipeline->free_items.lock);
    struct kc_pipeline_counters counters = pipeline->counters;
    (void)pthread_mutex_unlock(&pipeline->free_items.lock);
    return counters;
}

/* Items in flight move between lanes, so a lane may stop only when no item is out: the caller has stopped taking
 * items, hence the free list fills up again. */
static void wait_until_all_free(struct kc_pipeline *pipeline, size_t total)
{
    struct kc_queue *queue = &pipeline->free_items;
    (void)pthread_mutex_lock(&queue->lock);
    for (;;) {
        if (queue->count >= total) {
            break;
        }
        (void)pthread_cond_wait(&queue->filled, &queue->lock);
    }
    (void)pthread_mutex_unlock(&queue->lock);
}

void kc_pipeline_stop(struct kc_pipeline *pipeline)
{
    if (pipeline->thread_count > 0) {
        wait_until_all_free(pipeline, pipeline->item_count);
    }
    for (size_t i = 0; i < KC_LANE_COUNT; i++) {
        queue_stop(&pipeline->lanes[i]);
    }
    for (size_t i = 0; i < pipeline->thread_count; i++) {
        (void)pthread_join(pipeline->threads[i], NULL);
    }
    pipeline->thread_count = 0;
    for (size_t i = 0; i < KC_LANE_COUNT; i++) {
        queue_close(&pipeline->lanes[i]);
    }
    queue_close(&pipeline->free_items);
}
