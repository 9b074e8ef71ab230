/* Question: is every item that was taken finished exactly once, after its commit and with its own
 * result, in order, and is everybody told "busy" when there is no room?
 *
 * The writer writes into the real ledger over the real store; nothing here waits for a time to pass
 * but for what is to happen. */
#include "expect.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "bank/pipeline.h"
#include "store/sqlite.h"

#define JOBS_MAX 400u

struct line;

/* A toy's message on its way: WRITE, then WORK, then done. */
struct job {
    struct kc_pipeline_item head;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_result committed;
    unsigned writes;
    unsigned finished;
    bool durable; /* another connection saw it when its answer could leave */
};

/* How the store under the ledger behaves. */
static struct {
    struct kc_store real;
    uint64_t refused_purse; /* postings of this purse fail */
    enum kc_error begin_fails;
    unsigned begins;
} fault;

struct line {
    struct world *world;
    struct kc_pipeline pipeline;
    struct job *jobs;
    struct kc_store reader;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool writer_waits; /* before its next batch */
    bool writer_is_there;
    bool ordinary_waits;
    size_t ordinary_inside;
    unsigned fail_open; /* which call of thread_open fails, from 1 */
    unsigned opened;
    unsigned closed;
    unsigned idles;
    size_t done_count;
    struct job *done[JOBS_MAX]; /* in the order of their end */
    size_t batch_count;
    size_t batch_sizes[JOBS_MAX];
};

static struct kc_result spoiled_begin(void *context)
{
    fault.begins += 1;
    return fault.begin_fails != KC_OK ? kc_result(fault.begin_fails) : fault.real.begin(context);
}

static struct kc_result spoiled_posting(void *context, const struct kc_posting_row *row)
{
    return row->purse.number == fault.refused_purse ? kc_result(KC_STORE_FAILED)
                                                    : fault.real.posting_add(context, row);
}

static void spoil(struct world *world)
{
    memset(&fault, 0, sizeof fault);
    fault.real = world->store;
    world->spoiled.begin = spoiled_begin;
    world->spoiled.posting_add = spoiled_posting;
}

static void lock(struct line *line)
{
    (void)pthread_mutex_lock(&line->lock);
}

static void unlock(struct line *line)
{
    (void)pthread_cond_broadcast(&line->changed);
    (void)pthread_mutex_unlock(&line->lock);
}

/* ---- what the pipeline calls ---- */

static void *thread_open(void *owner, enum kc_lane lane)
{
    struct line *line = owner;
    (void)lane;
    line->opened += 1;
    return line->opened == line->fail_open ? NULL : line;
}

static void thread_close(void *owner, enum kc_lane lane, void *thread)
{
    struct line *line = owner;
    (void)lane;
    assert_ptr_equal(thread, line);
    lock(line);
    line->closed += 1;
    unlock(line);
}

static bool step(void *owner, void *thread, struct kc_pipeline_item *item)
{
    struct line *line = owner;
    struct job *job = (struct job *)(void *)item;
    (void)thread;
    lock(line);
    if (item->lane == KC_LANE_ORDINARY) {
        line->ordinary_inside += 1;
        (void)pthread_cond_broadcast(&line->changed);
        while (line->ordinary_waits) {
            (void)pthread_cond_wait(&line->changed, &line->lock);
        }
        line->ordinary_inside -= 1;
    }
    job->finished += 1;
    line->done[line->done_count++] = job;
    unlock(line);
    return false;
}

static struct kc_result batch_begin(void *owner, void *thread)
{
    struct line *line = owner;
    (void)thread;
    lock(line);
    line->writer_is_there = true;
    (void)pthread_cond_broadcast(&line->changed);
    while (line->writer_waits) {
        (void)pthread_cond_wait(&line->changed, &line->lock);
    }
    line->batch_sizes[line->batch_count++] = 0;
    unlock(line);
    return kc_ledger_begin(&line->world->ledger, line->world->now_ms);
}

static void batch_item(void *owner, void *thread, struct kc_pipeline_item *item)
{
    struct line *line = owner;
    struct job *job = (struct job *)(void *)item;
    (void)thread;
    job->writes += 1;
    line->batch_sizes[line->batch_count - 1] += 1;
    world_item(line->world, &job->reply, &job->message);
}

static struct kc_result batch_commit(void *owner, void *thread)
{
    struct line *line = owner;
    (void)thread;
    return kc_ledger_commit(&line->world->ledger);
}

static bool batch_done(void *owner, void *thread, struct kc_pipeline_item *item,
                       struct kc_result committed)
{
    struct line *line = owner;
    struct job *job = (struct job *)(void *)item;
    struct kc_transaction_row row;
    (void)thread;
    job->committed = committed;
    struct kc_result seen =
        line->reader.transaction_get(line->reader.context, &row, job->message.answer.purse.number,
                                     job->message.answer.transaction_ms);
    job->durable = !kc_failed(seen) && row.state == KC_STATE_COMPLETED;
    item->lane = KC_LANE_WORK;
    return true;
}

static void idle(void *owner, void *thread)
{
    struct line *line = owner;
    (void)thread;
    lock(line);
    line->idles += 1;
    unlock(line);
}

/* ---- the setting ---- */

static struct kc_result start(struct line *line, size_t items, unsigned ordinary)
{
    const struct kc_pipeline_calls calls = {.owner = line,
                                            .thread_open = thread_open,
                                            .thread_close = thread_close,
                                            .step = step,
                                            .batch_begin = batch_begin,
                                            .batch_item = batch_item,
                                            .batch_commit = batch_commit,
                                            .batch_done = batch_done,
                                            .idle = idle};
    const unsigned threads[KC_LANE_COUNT] = {
        [KC_LANE_WORK] = 1, [KC_LANE_WRITE] = 1, [KC_LANE_ORDINARY] = ordinary};
    return kc_pipeline_start(&line->pipeline, &calls, line->jobs, items, sizeof line->jobs[0],
                             threads);
}

static int setup(void **state)
{
    struct line *line = calloc(1, sizeof *line);
    struct world *world = calloc(1, sizeof *world);
    *state = line;
    if (line == NULL || world == NULL || !world_make(world)) {
        return -1;
    }
    world_close(world);
    world->spoil = spoil;
    line->world = world;
    line->jobs = calloc(JOBS_MAX, sizeof *line->jobs);
    (void)pthread_mutex_init(&line->lock, NULL);
    (void)pthread_cond_init(&line->changed, NULL);
    return line->jobs == NULL || kc_failed(world_open(world)) ||
                   kc_failed(kc_sqlite_open(&line->reader, world->path, false, 0))
               ? -1
               : 0;
}

static int teardown(void **state)
{
    struct line *line = *state;
    uint64_t faults = 0;
    char first[160];
    kc_sqlite_close(&line->reader);
    struct kc_result clean = world_audit(line->world, &faults, first);
    world_remove(line->world);
    (void)pthread_cond_destroy(&line->changed);
    (void)pthread_mutex_destroy(&line->lock);
    free(line->jobs);
    free(line->world);
    free(line);
    return kc_failed(clean) ? -1 : 0;
}

/* An OK of purse `n`, ready to be booked. */
static void prepare_ok(struct toy_message *answer, struct toy *toy, struct world *world, unsigned n)
{
    struct toy_message request;
    struct toy_reply reply;
    toy_rich(toy, world, n, 100, 0);
    toy_cash(&request, toy, world, KC_CASH_KIND_WITHDRAW, 10);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    toy_answer(answer, toy, world, &reply.quote, KC_ANSWER_OK);
}

static struct job *take(struct line *line)
{
    return (struct job *)(void *)kc_pipeline_take(&line->pipeline);
}

static void send(struct line *line, const struct toy_message *message)
{
    struct job *job = take(line);
    assert_non_null(job);
    memset(&job->reply, 0, sizeof job->reply);
    job->message = *message;
    job->writes = 0;
    job->finished = 0;
    job->head.lane = KC_LANE_WRITE;
    kc_pipeline_send(&line->pipeline, &job->head);
}

static void wait_for_done(struct line *line, size_t count)
{
    (void)pthread_mutex_lock(&line->lock);
    while (line->done_count < count) {
        (void)pthread_cond_wait(&line->changed, &line->lock);
    }
    (void)pthread_mutex_unlock(&line->lock);
}

/* Its counters once `count` items have come home; not after the stop. */
static struct kc_pipeline_counters wait_for_home(struct line *line, uint64_t count)
{
    struct kc_pipeline_counters counters = kc_pipeline_read_counters(&line->pipeline);
    while (counters.items < count) {
        (void)sched_yield();
        counters = kc_pipeline_read_counters(&line->pipeline);
    }
    return counters;
}

/* Sends one item and keeps the writer in the batch that it begins with it, so that whatever comes next
 * waits together. */
static void hold_writer(struct line *line, const struct toy_message *first)
{
    (void)pthread_mutex_lock(&line->lock);
    line->writer_waits = true;
    line->writer_is_there = false;
    (void)pthread_mutex_unlock(&line->lock);
    send(line, first);
    (void)pthread_mutex_lock(&line->lock);
    while (!line->writer_is_there) {
        (void)pthread_cond_wait(&line->changed, &line->lock);
    }
    (void)pthread_mutex_unlock(&line->lock);
}

static void release_writer(struct line *line)
{
    lock(line);
    line->writer_waits = false;
    unlock(line);
}

/* ---- one writer, many items ---- */

static void what_waits_is_committed_together_and_in_order(void **state)
{
    struct line *line = *state;
    static struct toy_message messages[9];
    static struct toy toys[9];
    for (unsigned i = 0; i < 9; i++) {
        prepare_ok(&messages[i], &toys[i], line->world, i);
    }
    fault.begins = 0;
    EXPECT(start(line, 16, 0), KC_OK);
    hold_writer(line, &messages[0]);
    for (unsigned i = 1; i < 9; i++) {
        send(line, &messages[i]);
    }
    assert_int_equal(kc_pipeline_waiting(&line->pipeline, KC_LANE_WRITE), 8);
    release_writer(line);
    struct kc_pipeline_counters counters = wait_for_home(line, 9);
    kc_pipeline_stop(&line->pipeline);
    assert_int_equal(fault.begins, 2);
    assert_int_equal(line->batch_count, 2);
    assert_int_equal(line->batch_sizes[0], 1);
    assert_int_equal(line->batch_sizes[1], 8);
    for (unsigned i = 0; i < 9; i++) {
        struct job *job = line->done[i];
        assert_int_equal(job->message.answer.purse.number, toys[i].purse.number);
        EXPECT(job->committed, KC_OK);
        EXPECT(job->reply.result, KC_OK);
        assert_int_equal(job->reply.outcome.outcome, KC_OUTCOME_COMPLETED);
        assert_int_equal(job->finished, 1);
        assert_int_equal(job->writes, 1);
        assert_true(job->durable);
        expect_amounts(line->world, &toys[i], 90, 10);
    }
    assert_int_equal(counters.items, 9);
    assert_int_equal(counters.batches, 2);
    assert_int_equal(counters.batch_largest, 8);
}

static void a_batch_has_a_largest_size(void **state)
{
    struct line *line = *state;
    static struct toy_message message;
    static struct toy toy;
    size_t count = KC_BATCH_MAX + 20;
    prepare_ok(&message, &toy, line->world, 1);
    EXPECT(start(line, JOBS_MAX, 0), KC_OK);
    hold_writer(line, &message);
    for (size_t i = 0; i < count; i++) {
        send(line, &message);
    }
    release_writer(line);
    wait_for_done(line, count + 1);
    kc_pipeline_stop(&line->pipeline);
    assert_int_equal(line->batch_count, 3);
    assert_int_equal(line->batch_sizes[1], KC_BATCH_MAX);
    assert_int_equal(line->batch_sizes[2], 20);
    /* All of them were one message: it was booked once, and each got the stored answer. */
    for (size_t i = 0; i <= count; i++) {
        EXPECT(line->done[i]->reply.result, KC_OK);
        assert_int_equal(line->done[i]->reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    }
    expect_amounts(line->world, &toy, 90, 10);
}

static void an_item_that_the_store_cannot_take_spoils_no_other(void **state)
{
    struct line *line = *state;
    static struct toy_message messages[6];
    static struct toy toys[6];
    for (unsigned i = 0; i < 6; i++) {
        prepare_ok(&messages[i], &toys[i], line->world, i);
    }
    EXPECT(start(line, 16, 0), KC_OK);
    hold_writer(line, &messages[0]);
    for (unsigned i = 1; i < 6; i++) {
        send(line, &messages[i]);
    }
    fault.refused_purse = toys[3].purse.number;
    release_writer(line);
    wait_for_done(line, 6);
    kc_pipeline_stop(&line->pipeline);
    for (unsigned i = 0; i < 6; i++) {
        struct job *job = line->done[i];
        bool bad = i == 3;
        assert_int_equal(job->message.answer.purse.number, toys[i].purse.number);
        EXPECT(job->committed, bad ? KC_STORE_FAILED : KC_OK);
        assert_int_equal(job->durable, !bad);
        assert_int_equal(job->finished, 1);
        assert_int_equal(job->writes, i == 0 ? 1 : 2);
        expect_amounts(line->world, &toys[i], bad ? 100 : 90, bad ? 0 : 10);
    }
}

static void a_batch_that_cannot_begin_fails_as_a_whole_and_once(void **state)
{
    struct line *line = *state;
    static struct toy_message messages[4];
    static struct toy toys[4];
    for (unsigned i = 0; i < 4; i++) {
        prepare_ok(&messages[i], &toys[i], line->world, i);
    }
    EXPECT(start(line, 16, 0), KC_OK);
    hold_writer(line, &messages[0]);
    for (unsigned i = 1; i < 4; i++) {
        send(line, &messages[i]);
    }
    fault.begin_fails = KC_BUSY;
    fault.begins = 0;
    release_writer(line);
    wait_for_done(line, 4);
    kc_pipeline_stop(&line->pipeline);
    assert_int_equal(fault.begins, 2);
    for (unsigned i = 0; i < 4; i++) {
        EXPECT(line->done[i]->committed, KC_BUSY);
        assert_int_equal(line->done[i]->writes, 0);
        assert_int_equal(line->done[i]->finished, 1);
        expect_amounts(line->world, &toys[i], 100, 0);
    }
}

/* ---- room ---- */

static void whoever_finds_no_item_is_busy(void **state)
{
    struct line *line = *state;
    static struct toy_message message;
    static struct toy toy;
    prepare_ok(&message, &toy, line->world, 1);
    EXPECT(start(line, 4, 0), KC_OK);
    hold_writer(line, &message);
    for (unsigned i = 0; i < 3; i++) {
        send(line, &message);
    }
    for (unsigned i = 0; i < 5; i++) {
        assert_null(take(line));
    }
    assert_int_equal(kc_pipeline_read_counters(&line->pipeline).busy, 5);
    release_writer(line);
    assert_int_equal(wait_for_home(line, 4).items, 4);
    kc_pipeline_stop(&line->pipeline);
    assert_int_equal(line->done_count, 4);
}

static void a_lane_that_waits_holds_up_no_other(void **state)
{
    struct line *line = *state;
    static struct toy_message message;
    static struct toy toy;
    prepare_ok(&message, &toy, line->world, 1);
    EXPECT(start(line, 8, 2), KC_OK);
    line->ordinary_waits = true;
    for (unsigned i = 0; i < 5; i++) {
        struct job *job = take(line);
        assert_non_null(job);
        job->head.lane = KC_LANE_ORDINARY;
        kc_pipeline_send(&line->pipeline, &job->head);
    }
    (void)pthread_mutex_lock(&line->lock);
    while (line->ordinary_inside < 2) {
        (void)pthread_cond_wait(&line->changed, &line->lock);
    }
    (void)pthread_mutex_unlock(&line->lock);
    assert_int_equal(kc_pipeline_waiting(&line->pipeline, KC_LANE_ORDINARY), 3);
    send(line, &message);
    wait_for_done(line, 1);
    assert_int_equal(line->done[0]->reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    lock(line);
    line->ordinary_waits = false;
    unlock(line);
    kc_pipeline_stop(&line->pipeline);
    assert_int_equal(line->done_count, 6);
}

/* ---- beginning and end ---- */

static void stopping_lets_every_item_come_to_its_end(void **state)
{
    struct line *line = *state;
    static struct toy_message messages[20];
    static struct toy toys[20];
    for (unsigned i = 0; i < 20; i++) {
        prepare_ok(&messages[i], &toys[i], line->world, i);
    }
    EXPECT(start(line, 32, 0), KC_OK);
    for (unsigned i = 0; i < 20; i++) {
        send(line, &messages[i]);
    }
    kc_pipeline_stop(&line->pipeline);
    assert_int_equal(line->done_count, 20);
    assert_int_equal(line->closed, line->opened);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(line->done[i]->finished, 1);
        expect_amounts(line->world, &toys[i], 90, 10);
    }
}

static void what_cannot_start_whole_does_not_run(void **state)
{
    struct line *line = *state;
    for (unsigned i = 1; i <= 3; i++) {
        line->opened = 0;
        line->closed = 0;
        line->fail_open = i;
        EXPECT(start(line, 4, 1), KC_NO_MEMORY);
        assert_int_equal(line->opened, i);
        assert_int_equal(line->closed, i - 1);
    }
    line->fail_open = 0;
    EXPECT(start(line, 4, 1), KC_OK);
    kc_pipeline_stop(&line->pipeline);
}

/* Sweeps have their time both when nobody comes and when somebody always comes. */
static void the_writer_looks_after_what_waits(void **state)
{
    struct line *line = *state;
    static struct toy_message message;
    static struct toy toy;
    prepare_ok(&message, &toy, line->world, 1);
    EXPECT(start(line, 4, 0), KC_OK);
    (void)pthread_mutex_lock(&line->lock);
    while (line->idles < 1) {
        (void)pthread_cond_wait(&line->changed, &line->lock);
    }
    (void)pthread_mutex_unlock(&line->lock);
    unsigned idles = 0;
    while (idles < 2) {
        send(line, &message);
        wait_for_done(line, 1);
        lock(line);
        line->done_count = 0;
        line->batch_count = 0;
        idles = line->idles;
        unlock(line);
    }
    kc_pipeline_stop(&line->pipeline);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_waits_is_committed_together_and_in_order),
        TEST(a_batch_has_a_largest_size),
        TEST(an_item_that_the_store_cannot_take_spoils_no_other),
        TEST(a_batch_that_cannot_begin_fails_as_a_whole_and_once),
        TEST(whoever_finds_no_item_is_busy),
        TEST(a_lane_that_waits_holds_up_no_other),
        TEST(stopping_lets_every_item_come_to_its_end),
        TEST(what_cannot_start_whole_does_not_run),
        TEST(the_writer_looks_after_what_waits),
    };
    return cmocka_run_group_tests_name("bank: pipeline", tests, NULL, NULL);
}
