/* Question: does the stand-in ordinary bank carry each transfer out exactly once, also when it is
 * killed or its answer is lost? Usage: test-sandbank PROGRAM, where PROGRAM is kinchaku-sandbank.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../store/rng.h"
#include "base/bytes.h"
#include "sandbank/book.h"
#include "service/http_client.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))
#define SEED UINT64_C(20261124)

static const char *program;

struct place {
    char dir[64];
    char path[128];
    struct kc_book *book;
};

static struct kc_amount amount(uint64_t minor)
{
    struct kc_amount out = kc_amount_zero();
    EXPECT(kc_amount_from_minor(&out, minor), KC_OK);
    return out;
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    *state = place;
    (void)snprintf(place->dir, sizeof place->dir, "%s/kinchaku-test-XXXXXX", base);
    if (mkdtemp(place->dir) == NULL) {
        return -1;
    }
    (void)snprintf(place->path, sizeof place->path, "%s/book.db", place->dir);
    EXPECT(kc_book_open(&place->book, place->path), KC_OK);
    EXPECT(kc_book_add(place->book, "A", "Hanako", amount(1000)), KC_OK);
    EXPECT(kc_book_add(place->book, "B", "Taro", amount(500)), KC_OK);
    return 0;
}

static void remove_file(const struct place *place, const char *name)
{
    char path[192];
    (void)snprintf(path, sizeof path, "%s/%s", place->dir, name);
    if (unlink(path) != 0) {
        (void)rmdir(path);
    }
}

static int teardown(void **state)
{
    static const char *const names[] = {"book.db",
                                        "book.db-wal",
                                        "book.db-shm",
                                        "sandbank/lock",
                                        "sandbank/sandbank.ini",
                                        "sandbank/access.token",
                                        "sandbank/sandbank.db",
                                        "sandbank/sandbank.db.made",
                                        "sandbank/sandbank.db-wal",
                                        "sandbank/sandbank.db-shm",
                                        "sandbank"};
    struct place *place = *state;
    kc_book_close(place->book);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        remove_file(place, names[i]);
    }
    int status = rmdir(place->dir);
    free(place);
    return status;
}

static uint64_t balance(const struct place *place, const char *account)
{
    struct kc_amount out = kc_amount_zero();
    EXPECT(kc_book_balance(place->book, &out, account), KC_OK);
    return kc_amount_minor(out);
}

/* The settlement account, after checking that the books balance. */
static uint64_t settlement(const struct place *place)
{
    struct kc_amount held;
    struct kc_amount accounts;
    struct kc_amount paid_in;
    EXPECT(kc_book_totals(place->book, &held, &accounts, &paid_in), KC_OK);
    assert_int_equal(kc_amount_minor(held) + kc_amount_minor(accounts), kc_amount_minor(paid_in));
    return kc_amount_minor(held);
}

static struct kc_result transfer(struct place *place, const char *key, const char *account,
                                 bool fund, uint64_t minor, enum kc_error *outcome)
{
    struct kc_transfer order = {.fund = fund, .amount = amount(minor)};
    (void)snprintf(order.key, sizeof order.key, "%s", key);
    (void)snprintf(order.account, sizeof order.account, "%s", account);
    struct kc_result result = kc_book_transfer(place->book, &order);
    *outcome = order.outcome;
    return result;
}

/* shows: R-NODE-5 R-CASH-11 */
static void a_transfer_is_carried_out_once(void **state)
{
    struct place *place = *state;
    enum kc_error outcome;
    for (int i = 0; i < 3; i++) {
        EXPECT(transfer(place, "k1", "A", true, 300, &outcome), KC_OK);
        assert_int_equal(outcome, KC_OK);
        assert_int_equal(balance(place, "A"), 700);
        assert_int_equal(settlement(place), 300);
    }
    EXPECT(transfer(place, "k1", "A", true, 301, &outcome), KC_MISMATCH);
    EXPECT(transfer(place, "k1", "A", false, 300, &outcome), KC_MISMATCH);
    EXPECT(transfer(place, "k1", "B", true, 300, &outcome), KC_MISMATCH);
    EXPECT(transfer(place, "k2", "A", false, 100, &outcome), KC_OK);
    EXPECT(transfer(place, "k2", "A", false, 100, &outcome), KC_OK);
    assert_int_equal(balance(place, "A"), 800);
    assert_int_equal(settlement(place), 200);
    kc_book_close(place->book);
    place->book = NULL;
    EXPECT(kc_book_open(&place->book, place->path), KC_OK);
    EXPECT(transfer(place, "k1", "A", true, 300, &outcome), KC_OK);
    assert_int_equal(settlement(place), 200);
}

/* shows: R-NODE-5 */
static void a_refusal_is_kept_and_moves_nothing(void **state)
{
    struct place *place = *state;
    enum kc_error outcome;
    struct kc_amount unknown;
    struct kc_transfer found;
    EXPECT(transfer(place, "r1", "A", true, 1001, &outcome), KC_OK);
    assert_int_equal(outcome, KC_NO_ABILITY_TO_PAY);
    EXPECT(transfer(place, "r2", "C", true, 1, &outcome), KC_OK);
    assert_int_equal(outcome, KC_NO_BANK_ACCOUNT);
    EXPECT(transfer(place, "r3", "A", true, 0, &outcome), KC_OK);
    assert_int_equal(outcome, KC_AMOUNT_ZERO);
    EXPECT(transfer(place, "r4", "A", false, 1, &outcome), KC_OK);
    assert_int_equal(outcome, KC_NO_ABILITY_TO_PAY);
    assert_int_equal(balance(place, "A"), 1000);
    assert_int_equal(settlement(place), 0);
    /* A refusal stays one when the money is there later. */
    EXPECT(kc_book_add(place->book, "C", "Jiro", amount(10)), KC_OK);
    EXPECT(transfer(place, "r2", "C", true, 1, &outcome), KC_OK);
    assert_int_equal(outcome, KC_NO_BANK_ACCOUNT);
    EXPECT(kc_book_find(place->book, &found, "r1"), KC_OK);
    assert_int_equal(found.outcome, KC_NO_ABILITY_TO_PAY);
    assert_int_equal(kc_amount_minor(found.amount), 1001);
    EXPECT(kc_book_find(place->book, &found, "never"), KC_NOT_FOUND);
    EXPECT(kc_book_balance(place->book, &unknown, "never"), KC_NOT_FOUND);
    EXPECT(kc_book_add(place->book, "A", "Hanako", amount(5)), KC_ALREADY_EXISTS);
    assert_int_equal(settlement(place), 0);
}

static void the_largest_amounts_do_not_overflow(void **state)
{
    struct place *place = *state;
    enum kc_error outcome;
    EXPECT(kc_book_add(place->book, "L", "Large", amount(KC_AMOUNT_MAX - 1500)), KC_OK);
    assert_true(kc_failed(kc_book_add(place->book, "M", "More", amount(1))));
    EXPECT(transfer(place, "l1", "L", true, KC_AMOUNT_MAX - 1500, &outcome), KC_OK);
    assert_int_equal(outcome, KC_OK);
    EXPECT(transfer(place, "l2", "B", false, KC_AMOUNT_MAX - 1500, &outcome), KC_OK);
    assert_int_equal(outcome, KC_OK);
    assert_int_equal(balance(place, "B"), KC_AMOUNT_MAX - 1000);
    assert_int_equal(settlement(place), 0);
}

/* ---- killed between any two steps ---- */

static _Noreturn void transfer_until_killed(struct place *place, unsigned round, int fd)
{
    bool good = !kc_failed(kc_book_open(&place->book, place->path));
    for (unsigned i = 0; i < 2000 && good; i++) {
        enum kc_error outcome;
        char key[32];
        (void)snprintf(key, sizeof key, "%u-%u", round, i);
        good = !kc_failed(transfer(place, key, "A", i % 2 == 0, 1 + i % 3, &outcome)) &&
               write(fd, key, sizeof key) == (ssize_t)sizeof key;
    }
    _exit(good ? 0 : 1);
}

/* What the transfers found in the book add up to, asked key by key. */
static int64_t sum_of(struct place *place, unsigned rounds)
{
    int64_t sum = 0;
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned i = 0; i < 2000; i++) {
            struct kc_transfer found;
            char key[32];
            (void)snprintf(key, sizeof key, "%u-%u", round, i);
            if (kc_failed(kc_book_find(place->book, &found, key))) {
                break;
            }
            int64_t minor = (int64_t)kc_amount_minor(found.amount);
            sum += found.outcome != KC_OK ? 0 : found.fund ? minor : -minor;
        }
    }
    return sum;
}

#define ANSWERED_MAX 4000

/* shows: R-NODE-5 */
static void what_was_answered_survives_a_kill(void **state)
{
    struct place *place = *state;
    static char keys[ANSWERED_MAX][32];
    struct rng rng = {.state = SEED};
    size_t answered = 0;
    for (unsigned round = 0; round < 20; round++) {
        int fds[2];
        int status = 0;
        char key[32];
        struct kc_transfer found;
        kc_book_close(place->book);
        place->book = NULL;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            transfer_until_killed(place, round, fds[1]);
        }
        (void)close(fds[1]);
        size_t wanted = answered + 1 + rng_below(&rng, 6);
        while (answered < wanted && read(fds[0], key, sizeof key) == (ssize_t)sizeof key) {
            (void)snprintf(keys[answered++], sizeof keys[0], "%s", key);
        }
        assert_int_equal(answered, wanted);
        (void)usleep((useconds_t)rng_below(&rng, 2000));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_false(WIFEXITED(status) && WEXITSTATUS(status) != 0);
        EXPECT(kc_book_open(&place->book, place->path), KC_OK);
        while (answered < ANSWERED_MAX && read(fds[0], key, sizeof key) == (ssize_t)sizeof key) {
            (void)snprintf(keys[answered++], sizeof keys[0], "%s", key);
        }
        for (size_t i = 0; i < answered; i++) {
            EXPECT(kc_book_find(place->book, &found, keys[i]), KC_OK);
        }
        (void)close(fds[0]);
        assert_int_equal((int64_t)settlement(place), sum_of(place, round + 1));
    }
    print_message("# seed %llu: %zu answered\n", (unsigned long long)SEED, answered);
}

/* ---- the program: faults asked for, and a kill between request and answer ---- */

struct server {
    pid_t pid;
    char url[64];
    char token[80];
    struct kc_http_client *client;
    uint8_t content[4096];
};

static _Noreturn void become(const char *const arguments[])
{
    int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(quiet, STDOUT_FILENO);
    (void)dup2(quiet, STDERR_FILENO);
    (void)execv(program, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

static int run_program(const char *const arguments[])
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        become(arguments);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int call(struct server *server, const char *path, const char *body, const char *expected)
{
    char url[192];
    struct kc_buffer content = {.data = server->content, .capacity = sizeof server->content - 1};
    struct kc_http_reply reply = {.content = &content};
    struct kc_http_call request = {.url = url,
                                   .content_type = body == NULL ? NULL : "application/json",
                                   .bearer = server->token,
                                   .body = kc_view_text(body == NULL ? "" : body)};
    (void)snprintf(url, sizeof url, "%s%s", server->url, path);
    if (kc_failed(kc_http_client_call(server->client, &reply, &request))) {
        return 0;
    }
    server->content[content.size] = 0;
    bool fits = expected == NULL || strstr((char *)server->content, expected) != NULL;
    if (!fits) {
        print_error("%s: %s\n", path, (char *)server->content);
    }
    return fits ? reply.status : -reply.status;
}

static void start(struct server *server, const struct place *place)
{
    const char *const arguments[] = {program, "serve", "--dir", place->dir, NULL};
    server->pid = fork();
    if (server->pid == 0) {
        become(arguments);
    }
    int status = 0;
    for (int i = 0; i < 200 && status != 200; i++) {
        (void)usleep(20000);
        status = call(server, "/v1/accounts/A", NULL, NULL);
    }
    assert_int_equal(status, 200);
}

static void stop(struct server *server, int signal_number)
{
    assert_int_equal(kill(server->pid, signal_number), 0);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
}

static void prepare(struct server *server, const struct place *place)
{
    char port[16];
    char path[192];
    unsigned number = 20000u + (unsigned)(getpid() % 20000);
    (void)snprintf(port, sizeof port, "%u", number);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", number);
    const char *const init[] = {program,    "init",  "--port",   port,
                                "--faults", "--dir", place->dir, NULL};
    assert_int_equal(run_program(init), 0);
    const char *const add[] = {program,    "add-account", "--account", "A",
                               "--holder", "Hanako",      "--balance", "1000",
                               "--dir",    place->dir,    NULL};
    assert_int_equal(run_program(add), 0);
    (void)snprintf(path, sizeof path, "%s/sandbank/access.token", place->dir);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(server->token, sizeof server->token, file));
    (void)fclose(file);
    server->token[strcspn(server->token, "\n")] = '\0';
    EXPECT(kc_http_client_open(&server->client, 3000), KC_OK);
}

#define ORDER(key, kind, minor)                                                                    \
    "{\"key\":\"" key "\",\"account\":\"A\",\"kind\":\"" kind "\",\"amount\":\"" minor             \
    "\",\"currency\":\"JPY\"}"

static int settlement_command(const struct place *place)
{
    const char *const audit[] = {program, "audit", "--dir", place->dir, NULL};
    return run_program(audit);
}

/* shows: R-NODE-5 R-CASH-11 */
static void faults_and_kills_lose_no_transfer(void **state)
{
    struct place *place = *state;
    struct server server = {.pid = 0};
    prepare(&server, place);
    start(&server, place);
    assert_int_equal(call(&server, "/v1/accounts/A", NULL, "\"able_to_pay\":true"), 200);
    assert_int_equal(call(&server, "/v1/accounts/Z", NULL, "\"exists\":false"), 200);
    assert_int_equal(call(&server, "/v1/faults", "{\"lose_answers\":1}", "ok"), 200);
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k1", "fund", "400"), "timeout"), 504);
    assert_int_equal(call(&server, "/v1/transfers/k1", NULL, "\"status\":\"done\""), 200);
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k1", "fund", "400"), "done"), 200);
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k1", "fund", "401"), "mismatch"),
                     kc_error_http_status(KC_MISMATCH));
    assert_int_equal(call(&server, "/v1/faults", "{\"down\":true}", "ok"), 200);
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k2", "fund", "1"), "busy"), 503);
    assert_int_equal(call(&server, "/v1/faults", "{}", "ok"), 200);
    assert_int_equal(call(&server, "/v1/transfers/k2", NULL, "not-found"), 404);
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k2", "fund", "601"), "refused"), 200);
    stop(&server, SIGKILL);
    start(&server, place);
    /* Only one in a folder. */
    const char *const second[] = {program, "serve", "--dir", place->dir, NULL};
    assert_int_equal(run_program(second), kc_error_exit_status(KC_IN_USE));
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k1", "fund", "400"), "done"), 200);
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k2", "fund", "601"), "refused"), 200);
    assert_int_equal(call(&server, "/v1/transfers", ORDER("k3", "fund", "600"), "done"), 200);
    assert_int_equal(call(&server, "/v1/accounts/A", NULL, "\"able_to_pay\":false"), 200);
    server.token[0] = server.token[0] == '0' ? '1' : '0';
    assert_int_equal(call(&server, "/v1/accounts/A", NULL, "not-allowed"),
                     kc_error_http_status(KC_NOT_ALLOWED));
    stop(&server, SIGTERM);
    assert_int_equal(settlement_command(place), 0);
    kc_http_client_close(server.client);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_transfer_is_carried_out_once),      TEST(a_refusal_is_kept_and_moves_nothing),
        TEST(the_largest_amounts_do_not_overflow), TEST(what_was_answered_survives_a_kill),
        TEST(faults_and_kills_lose_no_transfer),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test-sandbank PROGRAM\n");
        return 2;
    }
    program = argv[1];
    return cmocka_run_group_tests_name("sandbank", tests, NULL, NULL);
}
