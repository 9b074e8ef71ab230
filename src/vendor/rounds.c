/* The rounds of the vendor server: workers take the machine whose turn it is until the server is told to stop. One machine that
 * is away, hangs or talks without end keeps one worker, for a time that is bounded, and not the other machines. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/json_out.h"
#include "vendor/server.h"

#define TIMEOUT_MS 15000u
#define TIMEOUT_MS_MAX 600000u
#define NEVER UINT64_MAX

/* When it is a machine's turn. */
struct turn {
    uint64_t due_ms; /* NEVER: a worker is with it, or it is not called */
    struct kc_result result;
};

struct rounds {
    const struct kc_server *server;
    const struct kc_command *command;
    bool once;
    pthread_mutex_t mutex; /* of turns and standard output */
    struct turn *turns;
    size_t worker_count;
    struct kc_round_worker *workers[KC_WORKERS_MAX];
};

struct work {
    struct rounds *rounds;
    struct kc_round_worker *worker;
    pthread_t thread;
};

static uint64_t now_ms(void)
{
    return kc_clock_monotonic_ns() / 1000000u;
}

/* The machine that waits longest. Its place, or how long until it is the next one's turn, NEVER when there is none. */
static bool take_turn(size_t *which, uint64_t *wait_ms, struct rounds *rounds)
{
    uint64_t first = NEVER;
    (void)pthread_mutex_lock(&rounds->mutex);
    for (size_t i = 0; i < rounds->server->machine_count; i++) {
        if (rounds->turns[i].due_ms < first) {
            first = rounds->turns[i].due_ms;
            *which = i;
        }
    }
    uint64_t now = now_ms();
    bool due = first <= now;
    if (due) {
        rounds->turns[*which].due_ms = NEVER;
    }
    (void)pthread_mutex_unlock(&rounds->mutex);
    *wait_ms = due ? 0 : first == NEVER ? NEVER : first - now;
    return due;
}

static void tell(const struct kc_command *command, const struct kc_round_machine *machine,
                 struct kc_result result)
{
    struct kc_json_out json;
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "machine", machine->name);
        kc_json_text(&json, "end", kc_error_name(result.code));
        kc_json_close(&json);
    } else {
        (void)printf("%s: %s\n", machine->name,
                     kc_failed(result) ? kc_error_words(result.code) : "collected and settled");
    }
    (void)fflush(stdout);
}

static void end_turn(struct rounds *rounds, size_t which, struct kc_result result)
{
    (void)pthread_mutex_lock(&rounds->mutex);
    tell(rounds->command, &rounds->server->machines[which], result);
    rounds->turns[which].result = result;
    rounds->turns[which].due_ms = rounds->once ? NEVER : now_ms() + rounds->server->every_ms;
    (void)pthread_mutex_unlock(&rounds->mutex);
}

/* Waits for a turn or for being told to stop. Machines whose workers are with them come back after every_ms at the earliest. */
static void wait_a_while(const struct rounds *rounds, uint64_t wait_ms)
{
    struct pollfd one = {.fd = rounds->server->round.signals, .events = POLLIN};
    uint64_t most = rounds->server->every_ms;
    (void)poll(&one, 1, (int)(wait_ms < most ? wait_ms : most));
}

static void *work(void *argument)
{
    struct work *work = argument;
    struct rounds *rounds = work->rounds;
    while (!kc_round_is_over(&rounds->server->round)) {
        size_t which = 0;
        uint64_t wait_ms = 0;
        if (take_turn(&which, &wait_ms, rounds)) {
            end_turn(rounds, which,
                     kc_round_machine_once(work->worker, &rounds->server->machines[which]));
        } else if (rounds->once) {
            break;
        } else {
            wait_a_while(rounds, wait_ms);
        }
    }
    return NULL;
}

/* This thread is the first worker. With fewer threads than wished it is slower and no less right. */
static void run_workers(struct rounds *rounds)
{
    struct work works[KC_WORKERS_MAX];
    size_t count = 1;
    for (size_t i = 0; i < rounds->worker_count; i++) {
        works[i] = (struct work){.rounds = rounds, .worker = rounds->workers[i]};
    }
    while (count < rounds->worker_count &&
           pthread_create(&works[count].thread, NULL, work, &works[count]) == 0) {
        count++;
    }
    if (count < rounds->worker_count) {
        kc_log(KC_LOG_WARN, "only %zu of %zu workers began", count, rounds->worker_count);
    }
    (void)work(&works[0]);
    for (size_t i = 1; i < count; i++) {
        (void)pthread_join(works[i].thread, NULL);
    }
}

/* KC_NOT_FOUND: no machine has that name. */
static struct kc_result open_rounds(struct rounds *rounds)
{
    const struct kc_server *server = rounds->server;
    const char *only = kc_command_value(rounds->command, "machine");
    size_t called = 0;
    rounds->turns = calloc(server->machine_count + 1, sizeof *rounds->turns);
    if (rounds->turns == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    for (size_t i = 0; i < server->machine_count; i++) {
        bool calls = only == NULL || strcmp(only, server->machines[i].name) == 0;
        rounds->turns[i].due_ms = calls ? 0 : NEVER;
        called += calls ? 1 : 0;
    }
    if (only != NULL && called == 0) {
        return kc_result(KC_NOT_FOUND);
    }
    size_t most = called == 0 ? 1 : called;
    size_t wished = server->worker_count < most ? server->worker_count : most;
    struct kc_result result = kc_ok();
    while (rounds->worker_count < wished && !kc_failed(result)) {
        result = kc_round_worker_open(&rounds->workers[rounds->worker_count], &server->round);
        rounds->worker_count += kc_failed(result) ? 0 : 1;
    }
    return result;
}

static void close_rounds(struct rounds *rounds)
{
    for (size_t i = 0; i < rounds->worker_count; i++) {
        kc_round_worker_close(rounds->workers[i]);
    }
    free(rounds->turns);
    (void)pthread_mutex_destroy(&rounds->mutex);
}

/* The failure of the machine that stands first in the list is the result of a single round. */
static struct kc_result run_rounds(const struct kc_server *server, const struct kc_command *command)
{
    struct rounds rounds = {
        .server = server, .command = command, .once = kc_command_value(command, "once") != NULL};
    if (pthread_mutex_init(&rounds.mutex, NULL) != 0) {
        return kc_result(KC_NO_MEMORY);
    }
    struct kc_result result = open_rounds(&rounds);
    if (!kc_failed(result)) {
        run_workers(&rounds);
        for (size_t i = 0; rounds.once && i < server->machine_count && !kc_failed(result); i++) {
            result = rounds.turns[i].result;
        }
    }
    close_rounds(&rounds);
    return result;
}

/* Blocked before there are threads, so that every thread looks for it where it can wait. */
static struct kc_result watch_signals(int *out)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    *out = signalfd(-1, &set, SFD_CLOEXEC);
    return kc_result(*out < 0 ? KC_IO_FAILED : KC_OK);
}

struct kc_result kc_server_command(const struct kc_command *command)
{
    static struct kc_server server;
    uint64_t timeout_ms = TIMEOUT_MS;
    int signals = -1;
    if (!kc_command_number(&timeout_ms, command, "timeout", 1, TIMEOUT_MS_MAX, TIMEOUT_MS)) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = kc_server_open(&server, kc_command_value(command, "dir"), true);
    server.round.timeout_ms = (unsigned)timeout_ms;
    server.round.stop_after = kc_command_value(command, "stop-after");
    if (!kc_failed(result)) {
        result = watch_signals(&signals);
        server.round.signals = signals;
    }
    if (!kc_failed(result)) {
        result = run_rounds(&server, command);
    }
    if (signals >= 0) {
        (void)close(signals);
    }
    kc_server_close(&server);
    return result;
}
