/* Question: does a damaged, foreign, full or read-only database give a named error, and never a
 * crash or a half batch? Usage: test-store-damage [SEED [ROUNDS]] */
#include "expect.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rng.h"
#include "store/sqlite.h"

#define IMAGE_MAX (4u << 20)
#define PAGE_SIZE 4096u
#define PURSES 64u

static uint64_t seed = 20261124;
static unsigned rounds = 250;

/* A ledger with some of everything, as bytes of one file. */
static size_t make_image(unsigned char *out, struct world *world, struct toy toys[PURSES])
{
    struct toy_reply reply;
    struct toy_message message;
    for (unsigned i = 0; i < PURSES; i++) {
        toy_rich(&toys[i], world, i, 1000, 200);
        EXPECT(toy_cash_whole(&toys[i], world, KC_CASH_KIND_DEPOSIT, 30 + i, &reply), KC_OK);
        toy_fund(&message, &toys[i], world, KC_FUND_KIND_REDEEM, 7);
        EXPECT(world_send(world, &reply, &message), KC_OK);
        struct kc_ledger_order order = reply.order;
        EXPECT(world_settle(world, &reply, &order, i % 2 == 0 ? KC_OK : KC_IN_DOUBT), KC_OK);
        toy_take(&toys[i], world, &reply.outcome);
        toys[i].life = TOY_READY;
    }
    world_close(world);
    FILE *file = fopen(world->path, "rb");
    assert_non_null(file);
    size_t size = fread(out, 1, IMAGE_MAX, file);
    (void)fclose(file);
    assert_true(size >= 8 * PAGE_SIZE && size < IMAGE_MAX);
    return size;
}

static void write_image(const struct world *world, const unsigned char *image, size_t size)
{
    world_unlink(world);
    FILE *file = fopen(world->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(image, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* What a bank does with its database, in a process of its own: opens, audits, and serves. */
static enum kc_error use(struct world *world, struct toy toys[PURSES])
{
    struct toy_reply reply;
    struct kc_ledger_order orders[PURSES];
    uint64_t faults = 0;
    char first[160];
    size_t count = 0;
    struct kc_result result = world_open(world);
    if (kc_failed(result)) {
        return result.code;
    }
    enum kc_error found = world_audit(world, &faults, first).code;
    for (unsigned i = 0; i < PURSES; i++) {
        result = toy_cash_whole(&toys[i], world, KC_CASH_KIND_WITHDRAW, 5, &reply);
        found = found == KC_OK ? result.code : found;
    }
    result = kc_ledger_in_doubt(orders, &count, PURSES, &world->ledger, (struct kc_purse_id){0}, 0);
    for (size_t i = 0; i < count; i++) {
        struct kc_result settled = world_settle(world, &reply, &orders[i], KC_OK);
        result = kc_failed(result) ? result : settled;
    }
    world_close(world);
    return found == KC_OK ? result.code : found;
}

/* The error number that a process ends with; fails the test when it crashed. */
static enum kc_error use_apart(struct world *world, struct toy toys[PURSES])
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(20);
        _exit((int)use(world, toys));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status)) {
        print_error("ended by signal %d\n", WTERMSIG(status));
    }
    assert_true(WIFEXITED(status));
    return (enum kc_error)WEXITSTATUS(status);
}

/* Flips some bytes, mostly within one page. */
static void damage(unsigned char *image, size_t size, struct rng *rng)
{
    size_t page = (size_t)rng_below(rng, size / PAGE_SIZE) * PAGE_SIZE;
    uint64_t count = rng_below(rng, 4) == 0 ? 1 : 1 + rng_below(rng, 64);
    bool header = rng_below(rng, 3) == 0;
    for (uint64_t i = 0; i < count; i++) {
        size_t at = page + (size_t)rng_below(rng, header ? 120 : PAGE_SIZE);
        image[at] ^= (unsigned char)(1u << rng_below(rng, 8));
    }
}

/* A named error that tells the operator what to look at; or no error where the flipped bytes were
 * of no account. */
static bool is_named(enum kc_error code)
{
    return kc_error_from_name(kc_error_name(code)) == code && code != KC_INTERNAL;
}

struct damage_setting {
    struct toy toys[PURSES];
    unsigned char good[IMAGE_MAX];
    unsigned char bad[IMAGE_MAX];
};

static void flipped_bytes_give_a_named_error(void **state)
{
    struct world *world = *state;
    struct damage_setting *setting = calloc(1, sizeof *setting);
    struct rng rng = {.state = seed};
    unsigned corrupt = 0;
    assert_non_null(setting);
    size_t size = make_image(setting->good, world, setting->toys);
    write_image(world, setting->good, size);
    EXPECT(kc_result(use_apart(world, setting->toys)), KC_OK);
    print_message("# seed %llu, %u rounds\n", (unsigned long long)seed, rounds);
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(setting->bad, setting->good, size);
        damage(setting->bad, size, &rng);
        write_image(world, setting->bad, size);
        enum kc_error first = use_apart(world, setting->toys);
        write_image(world, setting->bad, size);
        enum kc_error second = use_apart(world, setting->toys);
        if (!is_named(first) || first != second) {
            print_error("round %u: %s, then %s\n", round, kc_error_name(first),
                        kc_error_name(second));
        }
        assert_true(is_named(first));
        assert_int_equal(first, second);
        corrupt += first == KC_STORE_CORRUPT;
    }
    print_message("# %u of %u found corrupt\n", corrupt, rounds);
    assert_true(corrupt > rounds / 2);
    free(setting);
}

static void a_short_file_is_corrupt(void **state)
{
    struct world *world = *state;
    struct damage_setting *setting = calloc(1, sizeof *setting);
    struct rng rng = {.state = seed};
    assert_non_null(setting);
    size_t size = make_image(setting->good, world, setting->toys);
    for (unsigned i = 0; i < 40; i++) {
        size_t keep = 1 + (size_t)rng_below(&rng, size - PAGE_SIZE);
        write_image(world, setting->good, keep);
        EXPECT(kc_result(use_apart(world, setting->toys)), KC_STORE_CORRUPT);
    }
    free(setting);
}

static void a_page_of_noise_is_corrupt(void **state)
{
    struct world *world = *state;
    struct damage_setting *setting = calloc(1, sizeof *setting);
    struct rng rng = {.state = seed};
    assert_non_null(setting);
    size_t size = make_image(setting->good, world, setting->toys);
    for (size_t page = 0; page < size / PAGE_SIZE; page++) {
        memcpy(setting->bad, setting->good, size);
        for (size_t i = 0; i < PAGE_SIZE; i++) {
            setting->bad[page * PAGE_SIZE + i] = (unsigned char)rng_next(&rng);
        }
        write_image(world, setting->bad, size);
        EXPECT(kc_result(use_apart(world, setting->toys)), KC_STORE_CORRUPT);
    }
    free(setting);
}

static void what_is_no_database_is_corrupt(void **state)
{
    struct world *world = *state;
    struct kc_store store;
    static const char text[] = "This is a letter to the bank, and not its database. It is long "
                               "enough to have a header of a hundred bytes, and then some more.";
    world_close(world);
    write_image(world, (const unsigned char *)text, sizeof text);
    EXPECT(world_open(world), KC_STORE_CORRUPT);
    EXPECT(kc_sqlite_open(&store, world->path, false, 0), KC_STORE_CORRUPT);
    world_unlink(world);
    EXPECT(kc_sqlite_open(&store, world->path, false, 0), KC_FILE_MISSING);
    EXPECT(kc_sqlite_open(&store, "/nonexistent/bank.db", true, 0), KC_FILE_MISSING);
    EXPECT(kc_sqlite_open(&store, world->folder, true, 0), KC_FILE_MISSING);
}

/* ---- read-only ---- */

static void a_reader_sees_one_state_and_writes_nothing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_store reader;
    struct kc_account_row row;
    struct kc_totals_row totals;
    toy_rich(&toy, world, 1, 100, 0);
    EXPECT(kc_sqlite_open(&reader, world->path, false, 0), KC_OK);
    EXPECT(reader.begin(reader.context), KC_OK);
    EXPECT(reader.account_get(reader.context, &row, toy.account.number), KC_OK);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 50, &reply), KC_OK);
    EXPECT(reader.totals_get(reader.context, &totals), KC_OK);
    assert_int_equal(kc_amount_minor(totals.outside), 100);
    EXPECT(reader.account_put(reader.context, &row), KC_STORE_FAILED);
    EXPECT(reader.totals_put(reader.context, &totals), KC_STORE_FAILED);
    reader.rollback(reader.context);
    EXPECT(reader.totals_get(reader.context, &totals), KC_OK);
    assert_int_equal(kc_amount_minor(totals.outside), 150);
    struct kc_audit audit = {.fault = NULL};
    EXPECT(kc_ledger_audit(&audit, &reader, &world->crypto), KC_OK);
    kc_sqlite_close(&reader);
    expect_amounts(world, &toy, 150, 0);
}

static void a_second_writer_waits_and_is_told_busy(void **state)
{
    struct world *world = *state;
    struct kc_store other;
    EXPECT(kc_sqlite_open(&other, world->path, true, 0), KC_OK);
    EXPECT(world->store.begin(world->store.context), KC_OK);
    EXPECT(other.begin(other.context), KC_BUSY);
    world->store.rollback(world->store.context);
    EXPECT(other.begin(other.context), KC_OK);
    other.rollback(other.context);
    kc_sqlite_close(&other);
}

/* ---- a full disk ---- */

/* Funds until the store says no; returns what was acknowledged. */
static uint64_t fund_until_full(struct world *world, struct toy *toy, struct kc_result *end)
{
    struct toy_reply reply;
    uint64_t acknowledged = 0;
    for (int i = 0; i < 20000; i++) {
        *end = toy_fund_whole(toy, world, KC_FUND_KIND_FUND, 1, &reply);
        if (kc_failed(*end)) {
            return acknowledged;
        }
        acknowledged += 1;
    }
    return acknowledged;
}

static void a_full_database_refuses_and_stays_whole(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_result end = kc_ok();
    struct toy_reply reply;
    world_close(world);
    world_unlink(world);
    world->page_count_max = 60;
    EXPECT(world_open(world), KC_OK);
    toy_rich(&toy, world, 1, 0, 0);
    uint64_t acknowledged = fund_until_full(world, &toy, &end);
    EXPECT(end, KC_DISK_FULL);
    assert_true(acknowledged > 10);
    expect_amounts(world, &toy, acknowledged, 0);
    uint64_t faults = 0;
    char first[160];
    EXPECT(world_audit(world, &faults, first), KC_OK);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 1, &reply), KC_DISK_FULL);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    expect_amounts(world, &toy, acknowledged, 0);
    world_close(world);
    world->page_count_max = 0;
    EXPECT(world_open(world), KC_OK);
    struct kc_ledger_order orders[2];
    size_t count = 0;
    EXPECT(kc_ledger_in_doubt(orders, &count, 2, &world->ledger, (struct kc_purse_id){0}, 0),
           KC_OK);
    for (size_t i = 0; i < count; i++) {
        EXPECT(world_settle(world, &reply, &orders[i], KC_OK), KC_OK);
        acknowledged += 1;
    }
    struct toy_message message;
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&toy, world, &reply.outcome);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 1, &reply), KC_OK);
    expect_amounts(world, &toy, acknowledged + 1, 0);
}

/* A file that may not grow stands for a quota: the system says so with an error other than "no
 * space left". */
static void a_file_at_its_quota_is_a_full_disk(void **state)
{
    struct world *world = *state;
    struct toy toy;
    int status = 0;
    toy_rich(&toy, world, 1, 0, 0);
    world_close(world);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit limit = {.rlim_cur = 300000, .rlim_max = 300000};
        struct kc_result end = kc_ok();
        bool ready = signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0 &&
                     !kc_failed(world_open(world));
        uint64_t acknowledged = ready ? fund_until_full(world, &toy, &end) : 0;
        bool kept = ready && world_balance(world, toy.account) == acknowledged;
        _exit(kept ? (int)end.code : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    EXPECT(kc_result((enum kc_error)WEXITSTATUS(status)), KC_DISK_FULL);
    EXPECT(world_open(world), KC_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(flipped_bytes_give_a_named_error),
        TEST(a_short_file_is_corrupt),
        TEST(a_page_of_noise_is_corrupt),
        TEST(what_is_no_database_is_corrupt),
        TEST(a_reader_sees_one_state_and_writes_nothing),
        TEST(a_second_writer_waits_and_is_told_busy),
        TEST(a_full_database_refuses_and_stays_whole),
        TEST(a_file_at_its_quota_is_a_full_disk),
    };
    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : seed;
    rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : rounds;
    return cmocka_run_group_tests_name("store: damage and limits", tests, NULL, NULL);
}
