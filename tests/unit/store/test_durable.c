/* Question: is everything that was acknowledged there after the writer was killed, or after the log
 * was cut anywhere? Usage: test-store-durable [SEED [ROUNDS]] */
#include "expect.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "await.h"
#include "rng.h"

#define PURSES 12
#define ACKS_MAX 60000
/* A writer that was not killed by then ends itself. */
#define BATCHES_MAX 400

static uint64_t seed = 20261124;
static unsigned rounds = 40;

struct ack {
    uint64_t purse;
    uint64_t time_ms;
    uint64_t minor;
    uint64_t sequence;
};

struct crowd {
    struct toy toys[PURSES];
    struct ack acks[ACKS_MAX];
    size_t ack_count;
};

/* A purse as its bank knows it, after a crash took the rest. */
static void refresh(struct toy *toy, struct world *world)
{
    struct kc_purse_row row;
    EXPECT(world->store.purse_get(world->store.context, &row, toy->purse.number), KC_OK);
    EXPECT(kc_shape_decode(&toy->certified, &kc_certified_shape,
                           kc_view(row.certified, row.certified_size)),
           KC_OK);
    toy->last_ms = row.last_ms;
    toy->value = kc_amount_minor(toy->certified.purse_amount);
    toy->life = TOY_READY;
    toy->pending_ms = 0;
}

/* One group: funding for some purses in one batch, its settlement in a second one; then the
 * acknowledgements. */
static bool run_group(struct world *world, struct crowd *crowd, struct rng *rng, int pipe_fd)
{
    struct kc_ledger_order orders[PURSES];
    struct ack acks[PURSES];
    struct toy_message message;
    struct toy_reply reply;
    size_t count = 1 + (size_t)rng_below(rng, PURSES);
    bool good = !kc_failed(kc_ledger_begin(&world->ledger, world->now_ms));
    for (size_t i = 0; i < count && good; i++) {
        toy_fund(&message, &crowd->toys[i], world, KC_FUND_KIND_FUND, 1 + rng_below(rng, 1000));
        world_item(world, &reply, &message);
        good = !kc_failed(reply.result);
        orders[i] = reply.order;
    }
    good = good && !kc_failed(kc_ledger_commit(&world->ledger)) &&
           !kc_failed(kc_ledger_begin(&world->ledger, world->now_ms));
    for (size_t i = 0; i < count && good; i++) {
        good = !kc_failed(kc_ledger_fund_settle(&reply.outcome, &world->ledger, orders[i].purse,
                                                orders[i].time_ms, KC_OK));
        toy_take(&crowd->toys[i], world, &reply.outcome);
        acks[i] = (struct ack){.purse = orders[i].purse.number,
                               .time_ms = orders[i].time_ms,
                               .minor = kc_amount_minor(orders[i].amount),
                               .sequence = reply.outcome.certified.sequence};
    }
    good = good && !kc_failed(kc_ledger_commit(&world->ledger));
    ssize_t size = (ssize_t)(count * sizeof acks[0]);
    return good && write(pipe_fd, acks, (size_t)size) == size;
}

static _Noreturn void writer(struct world *world, struct crowd *crowd, uint64_t own_seed, int fd)
{
    struct rng rng = {.state = own_seed};
    bool good = !kc_failed(world_open(world));
    for (int i = 0; i < BATCHES_MAX && good; i++) {
        good = run_group(world, crowd, &rng, fd);
    }
    _exit(good ? 0 : 1);
}

static void read_acks(struct crowd *crowd, int fd)
{
    struct ack ack;
    while (read(fd, &ack, sizeof ack) == (ssize_t)sizeof ack) {
        assert_true(crowd->ack_count < ACKS_MAX);
        crowd->acks[crowd->ack_count++] = ack;
    }
}

/* Starts a writer, kills it at a random moment and collects what it acknowledged. */
static void kill_a_writer(struct world *world, struct crowd *crowd, struct rng *rng)
{
    int fds[2];
    int status = 0;
    uint64_t own_seed = rng_next(rng);
    uint64_t after_us = rng_below(rng, 25000);
    assert_int_equal(pipe(fds), 0);
    (void)fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fds[0]);
        writer(world, crowd, own_seed, fds[1]);
    }
    (void)close(fds[1]);
    assert_true(own_seed % 4 == 0 || await_then(fds[0], 0));
    (void)usleep((useconds_t)after_us);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    read_acks(crowd, fds[0]);
    (void)close(fds[0]);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

static void check_acks(struct world *world, const struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->ack_count; i++) {
        const struct ack *ack = &crowd->acks[i];
        struct kc_transaction_row row;
        struct kc_certified certified;
        EXPECT(world->store.transaction_get(world->store.context, &row, ack->purse, ack->time_ms),
               KC_OK);
        assert_int_equal(row.state, KC_STATE_COMPLETED);
        assert_int_equal(kc_amount_minor(row.amount), ack->minor);
        EXPECT(kc_shape_decode(&certified, &kc_certified_shape,
                               kc_view(row.certified, row.certified_size)),
               KC_OK);
        assert_int_equal(certified.sequence, ack->sequence);
    }
}

static void check_ledger(struct world *world)
{
    uint64_t faults = 0;
    char first[160];
    EXPECT(world->store.check(world->store.context), KC_OK);
    struct kc_result result = world_audit(world, &faults, first);
    if (kc_failed(result)) {
        print_error("audit: %s\n", first);
    }
    EXPECT(result, KC_OK);
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    struct world *world = *state;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    struct rng rng = {.state = seed};
    assert_non_null(crowd);
    print_message("# seed %llu, %u rounds\n", (unsigned long long)seed, rounds);
    for (unsigned i = 0; i < PURSES; i++) {
        EXPECT(toy_open(&crowd->toys[i], world, i), KC_OK);
    }
    for (unsigned round = 0; round < rounds; round++) {
        world_close(world);
        kill_a_writer(world, crowd, &rng);
        EXPECT(world_open(world), KC_OK);
        check_ledger(world);
        for (unsigned i = 0; i < PURSES; i++) {
            refresh(&crowd->toys[i], world);
        }
        if (round % 8 == 7 || round + 1 == rounds) {
            check_acks(world, crowd);
        }
    }
    print_message("# %zu acknowledged\n", crowd->ack_count);
    assert_true(crowd->ack_count > rounds / 2);
    free(crowd);
}

/* ---- the log cut anywhere: what a power cut leaves of bytes that were not synchronised ---- */

static size_t read_all(const char *path, unsigned char *out, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(out, 1, capacity, file);
    (void)fclose(file);
    return size;
}

static void write_all(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

#define IMAGE_MAX (16u << 20)

struct images {
    unsigned char main[IMAGE_MAX];
    unsigned char log[IMAGE_MAX];
    size_t main_size;
    size_t log_size;
};

/* A database whose log still holds everything, because its writer was killed. */
static void make_images(struct images *images, struct world *world, struct crowd *crowd,
                        struct rng *rng)
{
    char log_path[200];
    for (unsigned i = 0; i < PURSES; i++) {
        EXPECT(toy_open(&crowd->toys[i], world, i), KC_OK);
    }
    world_close(world);
    kill_a_writer(world, crowd, rng);
    (void)snprintf(log_path, sizeof log_path, "%s-wal", world->path);
    images->main_size = read_all(world->path, images->main, IMAGE_MAX);
    images->log_size = read_all(log_path, images->log, IMAGE_MAX);
    assert_true(images->log_size > 0 && images->log_size < IMAGE_MAX);
}

static void a_log_cut_anywhere_gives_a_whole_earlier_state(void **state)
{
    struct world *world = *state;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    struct images *images = calloc(1, sizeof *images);
    struct rng rng = {.state = seed ^ 1};
    char log_path[200];
    assert_true(crowd != NULL && images != NULL);
    make_images(images, world, crowd, &rng);
    (void)snprintf(log_path, sizeof log_path, "%s-wal", world->path);
    uint64_t postings_before = UINT64_MAX;
    for (unsigned i = 0; i < rounds; i++) {
        /* From the whole log down to nothing of it: the ledger only gets shorter. */
        size_t keep = images->log_size - images->log_size * i / rounds;
        keep -= i == 0 ? 0 : (size_t)rng_below(&rng, images->log_size / rounds / 2);
        world_unlink(world);
        write_all(world->path, images->main, images->main_size);
        write_all(log_path, images->log, keep);
        EXPECT(world_open(world), KC_OK);
        check_ledger(world);
        assert_true(postings(world) <= postings_before);
        postings_before = postings(world);
        if (i == 0) {
            check_acks(world, crowd);
        }
        world_close(world);
    }
    free(images);
    free(crowd);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_acknowledged_survives_a_kill),
        TEST(a_log_cut_anywhere_gives_a_whole_earlier_state),
    };
    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : seed;
    rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : rounds;
    return cmocka_run_group_tests_name("store: durability", tests, NULL, NULL);
}
