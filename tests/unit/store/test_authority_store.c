/* Question: does the authority's store keep every certificate it acknowledged, give no serial or
 * list number twice, and tell what is revoked? Usage: test-store-authority [SEED [ROUNDS]] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "await.h"
#include "rng.h"
#include "store/authority_store.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))
#define PER_WRITER_MAX 3000
#define SEEN_MAX 200000

static uint64_t seed = 20261124;
static unsigned rounds = 25;

struct place {
    char folder[64];
    char path[96];
    struct kc_authority_store *store;
};

static void remove_files(const struct place *place)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s%s", place->path, endings[i]);
        (void)unlink(path);
    }
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    *state = place;
    (void)snprintf(place->folder, sizeof place->folder, "%s/kinchaku-test-XXXXXX", base);
    if (mkdtemp(place->folder) == NULL) {
        return -1;
    }
    (void)snprintf(place->path, sizeof place->path, "%s/authority.db", place->folder);
    return kc_authority_store_open(&place->store, place->path).code == KC_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct place *place = *state;
    kc_authority_store_close(place->store);
    remove_files(place);
    (void)rmdir(place->folder);
    free(place);
    return 0;
}

static struct kc_issued sample(uint64_t number, uint64_t holder, uint64_t use, uint64_t expires_ms)
{
    struct kc_issued issued = {.holder = holder, .use = use, .expires_ms = expires_ms};
    kc_be64_store(issued.serial, number);
    issued.der_size = 100 + (size_t)(number % 400);
    memset(issued.der, (int)(number & 0xff), issued.der_size);
    return issued;
}

struct found {
    size_t count;
    struct kc_issued last;
};

static bool take(void *owner, const struct kc_issued *issued)
{
    struct found *found = owner;
    found->count += 1;
    found->last = *issued;
    return true;
}

static void what_was_added_is_found(void **state)
{
    struct place *place = *state;
    const uint8_t request[KC_DIGEST_SIZE] = {1};
    const uint8_t other[KC_DIGEST_SIZE] = {2};
    struct kc_issued issued = sample(1, 18, 2, 1000);
    struct found found = {.count = 0};
    EXPECT(kc_authority_store_add(place->store, &issued, request), KC_OK);
    EXPECT(kc_authority_store_of_request(place->store, request, take, &found), KC_OK);
    assert_int_equal(found.count, 1);
    assert_memory_equal(&found.last, &issued, sizeof issued);
    found.count = 0;
    EXPECT(kc_authority_store_of_request(place->store, other, take, &found), KC_OK);
    EXPECT(kc_authority_store_of_holder(place->store, 26, take, &found), KC_OK);
    assert_int_equal(found.count, 0);
    EXPECT(kc_authority_store_of_holder(place->store, 18, take, &found), KC_OK);
    assert_int_equal(found.count, 1);
}

/* shows: R-NODE-2 */
static void a_serial_is_taken_once(void **state)
{
    struct place *place = *state;
    const uint8_t request[KC_DIGEST_SIZE] = {1};
    struct kc_issued issued = sample(1, 18, 2, 1000);
    struct kc_issued same_serial = sample(1, 26, 3, 2000);
    struct found found = {.count = 0};
    EXPECT(kc_authority_store_add(place->store, &issued, request), KC_OK);
    assert_true(kc_failed(kc_authority_store_add(place->store, &same_serial, request)));
    EXPECT(kc_authority_store_all(place->store, take, &found), KC_OK);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.last.holder, 18);
}

static void a_rolled_back_addition_never_was(void **state)
{
    struct place *place = *state;
    const uint8_t request[KC_DIGEST_SIZE] = {1};
    struct kc_issued issued = sample(1, 18, 2, 1000);
    struct found found = {.count = 0};
    EXPECT(kc_authority_store_begin(place->store), KC_OK);
    EXPECT(kc_authority_store_add(place->store, &issued, request), KC_OK);
    kc_authority_store_rollback(place->store);
    kc_authority_store_rollback(place->store);
    EXPECT(kc_authority_store_all(place->store, take, &found), KC_OK);
    assert_int_equal(found.count, 0);
}

/* shows: R-NODE-2 R-SEC-4 */
static void revoking_takes_all_of_a_holder_once(void **state)
{
    struct place *place = *state;
    const uint8_t request[KC_DIGEST_SIZE] = {1};
    size_t count = 0;
    struct found found = {.count = 0};
    for (uint64_t i = 0; i < 4; i++) {
        struct kc_issued issued = sample(i, i < 2 ? 18 : 26, 2 + i % 2, 1000 + 1000 * (i % 2));
        EXPECT(kc_authority_store_add(place->store, &issued, request), KC_OK);
    }
    EXPECT(kc_authority_store_revoke(place->store, &count, 18, 500, 1), KC_OK);
    assert_int_equal(count, 2);
    EXPECT(kc_authority_store_revoke(place->store, &count, 18, 600, 4), KC_OK);
    assert_int_equal(count, 0);
    EXPECT(kc_authority_store_revoked(place->store, 700, take, &found), KC_OK);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.last.revoked_ms, 500);
    assert_int_equal(found.last.reason, 1);
    found.count = 0;
    EXPECT(kc_authority_store_revoked(place->store, 1500, take, &found), KC_OK);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.last.holder, 18);
}

/* ---- keys that were made ---- */

static struct kc_made sample_made(uint64_t account, uint64_t made_ms, uint64_t given_ms,
                                  size_t keys_size)
{
    struct kc_made made = {
        .account = account, .made_ms = made_ms, .given_ms = given_ms, .keys_size = keys_size};
    memset(made.sign_serial, (int)account, KC_SERIAL_SIZE);
    memset(made.encrypt_serial, (int)account + 1, KC_SERIAL_SIZE);
    for (size_t i = 0; i < keys_size; i++) {
        made.keys[i] = (uint8_t)(account + 7 * i + i / 256);
    }
    return made;
}

static void expect_made(struct place *place, const struct kc_made *wanted)
{
    struct kc_made got;
    EXPECT(kc_authority_store_made_get(place->store, &got, wanted->account), KC_OK);
    assert_true(got.account == wanted->account && got.made_ms == wanted->made_ms &&
                got.given_ms == wanted->given_ms);
    assert_memory_equal(got.sign_serial, wanted->sign_serial, KC_SERIAL_SIZE);
    assert_memory_equal(got.encrypt_serial, wanted->encrypt_serial, KC_SERIAL_SIZE);
    assert_int_equal(got.keys_size, wanted->keys_size);
    assert_memory_equal(got.keys, wanted->keys, wanted->keys_size);
}

/* shows: R-RENEW-4 */
static void made_keys_are_one_row_an_account(void **state)
{
    struct place *place = *state;
    struct kc_made got;
    struct kc_made one = sample_made(18, 1000, 0, KC_MADE_SIZE_MAX);
    struct kc_made two = sample_made(26, 2000, 5, 300);
    EXPECT(kc_authority_store_made_get(place->store, &got, 18), KC_NOT_FOUND);
    EXPECT(kc_authority_store_made_remove(place->store, 18), KC_OK);
    EXPECT(kc_authority_store_made_put(place->store, &one), KC_OK);
    EXPECT(kc_authority_store_made_put(place->store, &two), KC_OK);
    kc_authority_store_close(place->store);
    EXPECT(kc_authority_store_open(&place->store, place->path), KC_OK);
    expect_made(place, &one);
    expect_made(place, &two);
    one = sample_made(18, 3000, 9, 100);
    EXPECT(kc_authority_store_begin(place->store), KC_OK);
    EXPECT(kc_authority_store_made_put(place->store, &one), KC_OK);
    EXPECT(kc_authority_store_made_remove(place->store, 26), KC_OK);
    kc_authority_store_rollback(place->store);
    expect_made(place, &two);
    EXPECT(kc_authority_store_made_put(place->store, &one), KC_OK);
    expect_made(place, &one);
    EXPECT(kc_authority_store_made_remove(place->store, 18), KC_OK);
    EXPECT(kc_authority_store_made_get(place->store, &got, 18), KC_NOT_FOUND);
    expect_made(place, &two);
}

/* shows: R-RENEW-4 */
static void made_keys_are_due_oldest_first_and_while_something_is_left(void **state)
{
    struct place *place = *state;
    struct kc_made got;
    /* Given and wiped: nothing left. Never given and wiped: the certificates are left. */
    const struct kc_made rows[] = {sample_made(18, 500, 7, 0), sample_made(26, 1000, 0, 0),
                                   sample_made(34, 900, 7, 40), sample_made(42, 2000, 0, 40)};
    EXPECT(kc_authority_store_made_due(place->store, &got, UINT32_MAX), KC_NOT_FOUND);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        EXPECT(kc_authority_store_made_put(place->store, &rows[i]), KC_OK);
    }
    EXPECT(kc_authority_store_made_due(place->store, &got, 900), KC_NOT_FOUND);
    EXPECT(kc_authority_store_made_due(place->store, &got, 901), KC_OK);
    assert_int_equal(got.account, 34);
    EXPECT(kc_authority_store_made_due(place->store, &got, 2001), KC_OK);
    assert_int_equal(got.account, 34);
    EXPECT(kc_authority_store_made_remove(place->store, 34), KC_OK);
    EXPECT(kc_authority_store_made_due(place->store, &got, 2000), KC_OK);
    assert_int_equal(got.account, 26);
    EXPECT(kc_authority_store_made_remove(place->store, 26), KC_OK);
    EXPECT(kc_authority_store_made_due(place->store, &got, 2000), KC_NOT_FOUND);
    EXPECT(kc_authority_store_made_due(place->store, &got, 2001), KC_OK);
    assert_int_equal(got.account, 42);
}

static bool any_file_holds(const struct place *place, const uint8_t *bytes, size_t size)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    static uint8_t content[1 << 20];
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s%s", place->path, endings[i]);
        FILE *file = fopen(path, "rb");
        size_t got = file == NULL ? 0 : fread(content, 1, sizeof content, file);
        if (file != NULL) {
            assert_int_equal(fclose(file), 0);
        }
        assert_true(got < sizeof content);
        if (got >= size && memmem(content, got, bytes, size) != NULL) {
            return true;
        }
    }
    return false;
}

/* shows: R-RENEW-4 */
static void removed_or_overwritten_keys_leave_the_files(void **state)
{
    struct place *place = *state;
    for (int remove = 0; remove < 2; remove++) {
        struct kc_made made = sample_made(18, 1000, 0, 2900);
        EXPECT(kc_authority_store_made_put(place->store, &made), KC_OK);
        assert_true(any_file_holds(place, made.keys + 100, 24));
        struct kc_made wiped = made;
        memset(wiped.keys, 0, sizeof wiped.keys);
        wiped.keys_size = 0;
        EXPECT(remove ? kc_authority_store_made_remove(place->store, 18)
                      : kc_authority_store_made_put(place->store, &wiped),
               KC_OK);
        EXPECT(kc_authority_store_clean(place->store), KC_OK);
        for (size_t at = 0; at + 24 <= made.keys_size; at += 24) {
            assert_false(any_file_holds(place, made.keys + at, 24));
        }
    }
}

/* ---- killed between any two steps ---- */

struct ack {
    uint64_t serial;
    uint64_t list_number;
};

/* Serials come from a counter that knows nothing of earlier writers; a serial that is taken is
 * skipped. */
static _Noreturn void writer(const struct place *place, uint64_t first, int fd)
{
    struct kc_authority_store *store = NULL;
    const uint8_t request[KC_DIGEST_SIZE] = {3};
    bool good = !kc_failed(kc_authority_store_open(&store, place->path));
    for (uint64_t i = 0; i < PER_WRITER_MAX && good; i++) {
        struct ack ack = {.serial = first + i};
        struct kc_issued sign = sample(2 * ack.serial, 18, 2, 1000);
        struct kc_issued encrypt = sample(2 * ack.serial + 1, 18, 3, 1000);
        good = !kc_failed(kc_authority_store_begin(store)) &&
               !kc_failed(kc_authority_store_add(store, &sign, request)) &&
               !kc_failed(kc_authority_store_add(store, &encrypt, request)) &&
               !kc_failed(kc_authority_store_commit(store)) &&
               !kc_failed(kc_authority_store_crl_number(store, &ack.list_number)) &&
               write(fd, &ack, sizeof ack) == (ssize_t)sizeof ack;
    }
    _exit(good ? 0 : 1);
}

struct tally {
    uint8_t seen[SEEN_MAX];
    size_t count;
};

static bool tick(void *owner, const struct kc_issued *issued)
{
    struct tally *tally = owner;
    uint64_t number = kc_be64_load(issued->serial);
    assert_true(number < SEEN_MAX);
    tally->seen[number] += 1;
    tally->count += 1;
    return true;
}

static void run_and_kill(struct place *place, struct rng *rng, uint64_t first, uint64_t *list,
                         uint8_t *acknowledged)
{
    int fds[2];
    int status = 0;
    struct ack ack;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fds[0]);
        writer(place, first, fds[1]);
    }
    (void)close(fds[1]);
    assert_true(await_then(fds[0], rng_below(rng, 15000)));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    while (read(fds[0], &ack, sizeof ack) == (ssize_t)sizeof ack) {
        assert_true(ack.list_number > *list);
        *list = ack.list_number;
        acknowledged[ack.serial] = 1;
    }
    (void)close(fds[0]);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

/* shows: R-NODE-2 */
static void no_kill_loses_a_certificate_or_repeats_a_number(void **state)
{
    struct place *place = *state;
    struct rng rng = {.state = seed};
    struct tally *tally = calloc(1, sizeof *tally);
    uint8_t *acknowledged = calloc(1, SEEN_MAX / 2);
    uint64_t list = 0;
    uint64_t number = 0;
    assert_true(tally != NULL && acknowledged != NULL);
    print_message("# seed %llu, %u rounds\n", (unsigned long long)seed, rounds);
    for (unsigned round = 0; round < rounds; round++) {
        kc_authority_store_close(place->store);
        place->store = NULL;
        run_and_kill(place, &rng, (uint64_t)round * PER_WRITER_MAX, &list, acknowledged);
        EXPECT(kc_authority_store_open(&place->store, place->path), KC_OK);
        EXPECT(kc_authority_store_crl_number(place->store, &number), KC_OK);
        assert_true(number > list);
        list = number;
        memset(tally, 0, sizeof *tally);
        EXPECT(kc_authority_store_all(place->store, tick, tally), KC_OK);
        for (size_t i = 0; i < SEEN_MAX / 2; i++) {
            assert_int_equal(tally->seen[2 * i], tally->seen[2 * i + 1]);
            assert_true(tally->seen[2 * i] >= acknowledged[i] && tally->seen[2 * i] <= 1);
        }
    }
    print_message("# %zu certificates\n", tally->count);
    assert_true(tally->count > rounds);
    free(acknowledged);
    free(tally);
}

/* shows: R-RENEW-8 */
static void an_issuer_that_took_over_is_known(void **state)
{
    struct place *place = *state;
    const uint8_t issuers[2][KC_SERIAL_SIZE] = {{1}, {2}};
    bool taken = true;
    EXPECT(kc_authority_store_taken(place->store, &taken, issuers[0]), KC_OK);
    assert_false(taken);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(kc_authority_store_take(place->store, issuers[0]), KC_OK);
    }
    kc_authority_store_close(place->store);
    place->store = NULL;
    EXPECT(kc_authority_store_open(&place->store, place->path), KC_OK);
    EXPECT(kc_authority_store_taken(place->store, &taken, issuers[0]), KC_OK);
    assert_true(taken);
    EXPECT(kc_authority_store_taken(place->store, &taken, issuers[1]), KC_OK);
    assert_false(taken);
}

static void what_is_no_database_is_corrupt(void **state)
{
    struct place *place = *state;
    kc_authority_store_close(place->store);
    place->store = NULL;
    remove_files(place);
    FILE *file = fopen(place->path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 100; i++) {
        assert_true(fputs("not a database ", file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
    EXPECT(kc_authority_store_open(&place->store, place->path), KC_STORE_CORRUPT);
    EXPECT(kc_authority_store_open(&place->store, "/nonexistent/authority.db"), KC_FILE_MISSING);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_added_is_found),
        TEST(a_serial_is_taken_once),
        TEST(a_rolled_back_addition_never_was),
        TEST(revoking_takes_all_of_a_holder_once),
        TEST(made_keys_are_one_row_an_account),
        TEST(made_keys_are_due_oldest_first_and_while_something_is_left),
        TEST(removed_or_overwritten_keys_leave_the_files),
        TEST(no_kill_loses_a_certificate_or_repeats_a_number),
        TEST(an_issuer_that_took_over_is_known),
        TEST(what_is_no_database_is_corrupt),
    };
    seed = argc > 1 ? strtoull(argv[1], NULL, 10) : seed;
    rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : rounds;
    rounds = rounds > 33 ? 33 : rounds;
    return cmocka_run_group_tests_name("store: the authority's", tests, NULL, NULL);
}
