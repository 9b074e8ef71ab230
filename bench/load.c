/* Withdrawals at a running bank, or renewals of keys made inside, by many purses at once: one thread and one connection a purse.
 *
 *   load [--seconds T] [--every-us N] UIM...
 *   load --renew UIM...                     each renews once
 *
 * Each purse is a real one, in its file (put the files where writing is cheap, the bank is what is measured), with libcrypto
 * inside. Every transaction is both round trips: request and quote, answer and completion; of a renewal, request and reply with
 * the new certificates, report under the new key and its answer. Prints one JSON object. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "burst.h"
#include "crypto/libcrypto.h"
#include "reader/file_purse.h"

#define PURSES_MAX 512
#define TIMES_MAX 200000

struct worker {
    pthread_t thread;
    const char *path;
    const atomic_bool *stop;
    uint64_t start_ns; /* so that the purses do not all begin at once */
    uint64_t every_us;
    bool renews; /* else it withdraws */
    struct kc_crypto crypto;
    struct kc_file_purse *file;
    struct kc_slot uim;
    struct burst *bank;
    char url[KC_URL_SIZE_MAX + 1];
    struct burst_request request;
    uint64_t done;
    uint64_t failed;
    struct kc_result last;
    uint32_t *times_us;
    size_t time_count;
};

static struct kc_result unlock(struct worker *worker)
{
    char path[4096];
    char line[64] = "";
    (void)snprintf(path, sizeof path, "%s.letter", worker->path);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return kc_result(KC_FILE_MISSING);
    }
    bool read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    return read && strncmp(line, "PIN ", 4) == 0
               ? kc_slot_verify_pin(&worker->uim, kc_view_text(line + 4))
               : kc_result(KC_MALFORMED);
}

static struct kc_result open_worker(struct worker *worker)
{
    struct kc_slot_port port;
    struct kc_purse_info info;
    struct kc_result result = kc_libcrypto_open(&worker->crypto, 16);
    if (!kc_failed(result)) {
        result = kc_file_purse_open(&worker->file, &port, worker->path, &worker->crypto);
    }
    if (!kc_failed(result)) {
        result = kc_slot_open(&worker->uim, &port);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &worker->uim);
    }
    if (!kc_failed(result)) {
        memcpy(worker->url, info.url.data, info.url.size);
        result = unlock(worker);
    }
    if (!kc_failed(result)) {
        worker->bank = burst_open(worker->url, 1);
        result = kc_result(worker->bank == NULL ? KC_UNREACHABLE : KC_OK);
    }
    return result;
}

static struct kc_result exchange(struct worker *worker, struct kc_view envelope)
{
    struct kc_view message;
    if (!burst_fill(&worker->request, envelope)) {
        return kc_result(KC_TOO_LARGE);
    }
    if (!burst_call(worker->bank, &worker->request)) {
        return kc_result(KC_UNREACHABLE);
    }
    return kc_slot_take(&message, &worker->uim, worker->request.body);
}

static struct kc_result transact(struct worker *worker, enum kc_cash_kind kind)
{
    struct kc_amount amount;
    struct kc_view envelope;
    struct kc_purse_info info;
    struct kc_result result = kc_amount_from_minor(&amount, 1);
    if (!kc_failed(result)) {
        result = kc_slot_cash_request(&envelope, &worker->uim, kind, amount, kc_clock_now_ms());
    }
    if (!kc_failed(result)) {
        result = exchange(worker, envelope);
    }
    if (!kc_failed(result)) {
        result = kc_slot_answer(&envelope, &worker->uim, KC_ANSWER_OK, kc_clock_now_ms());
    }
    if (!kc_failed(result)) {
        result = exchange(worker, envelope);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &worker->uim);
    }
    return !kc_failed(result) && info.life != KC_LIFE_READY ? kc_result(KC_NOT_COMPLETED) : result;
}

/* Until no entry waits that the bank has not counted. */
static struct kc_result report_all(struct worker *worker)
{
    struct kc_view envelope;
    struct kc_purse_info info = {.uncovered = 1};
    struct kc_result result = kc_ok();
    while (!kc_failed(result) && info.uncovered > 0) {
        uint64_t before = info.uncovered;
        result = kc_slot_settle_request(&envelope, &worker->uim, kc_clock_now_ms());
        if (!kc_failed(result)) {
            result = exchange(worker, envelope);
        }
        if (!kc_failed(result)) {
            result = kc_slot_info(&info, &worker->uim);
        }
        if (!kc_failed(result) && info.uncovered > before) {
            result = kc_result(KC_PENDING);
        }
    }
    return result;
}

/* As a station does for every errand; the bank closes what is silent while a purse makes keys. */
static struct kc_result connect_again(struct worker *worker)
{
    burst_close(worker->bank);
    worker->bank = burst_open(worker->url, 1);
    return kc_result(worker->bank == NULL ? KC_UNREACHABLE : KC_OK);
}

/* Sr1 to Sr6. The bank's word must have changed the keys over: else nothing would be left to report. */
static struct kc_result renew(struct worker *worker)
{
    struct kc_view envelope;
    struct kc_purse_info info;
    struct kc_result result = kc_slot_renew_request(&envelope, &worker->uim, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = connect_again(worker);
    }
    if (!kc_failed(result)) {
        result = exchange(worker, envelope);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &worker->uim);
    }
    if (!kc_failed(result) && info.uncovered != 1) {
        result = kc_result(KC_NOT_COMPLETED);
    }
    return kc_failed(result) ? result : report_all(worker);
}

static void wait_until(uint64_t time_ns)
{
    uint64_t now_ns = kc_clock_monotonic_ns();
    if (now_ns < time_ns) {
        (void)usleep((useconds_t)((time_ns - now_ns) / 1000u));
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    wait_until(worker->start_ns);
    /* A purse renews once, as it would in a year. */
    while (!atomic_load(worker->stop) && !(worker->renews && worker->done > 0)) {
        uint64_t start_ns = kc_clock_monotonic_ns();
        struct kc_result result =
            worker->renews ? renew(worker) : transact(worker, KC_CASH_KIND_WITHDRAW);
        if (kc_failed(result)) {
            worker->last = result;
            worker->failed += 1;
            break;
        }
        worker->done += 1;
        if (worker->time_count < TIMES_MAX) {
            worker->times_us[worker->time_count++] =
                (uint32_t)((kc_clock_monotonic_ns() - start_ns) / 1000u);
        }
        wait_until(start_ns + worker->every_us * 1000u);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint32_t left;
    uint32_t right;
    memcpy(&left, a, sizeof left);
    memcpy(&right, b, sizeof right);
    return left < right ? -1 : left > right;
}

static void report(struct worker *workers, size_t count, uint64_t elapsed_ns)
{
    size_t total = 0;
    uint64_t done = 0;
    uint64_t failed = 0;
    for (size_t i = 0; i < count; i++) {
        total += workers[i].time_count;
        done += workers[i].done;
        failed += workers[i].failed;
        if (workers[i].failed > 0) {
            (void)fprintf(stderr, "%s: %s\n", workers[i].path, kc_error_name(workers[i].last.code));
        }
    }
    uint32_t *all = calloc(total + 1, sizeof *all);
    size_t at = 0;
    for (size_t i = 0; i < count && all != NULL; i++) {
        memcpy(all + at, workers[i].times_us, workers[i].time_count * sizeof *all);
        at += workers[i].time_count;
    }
    if (all != NULL) {
        qsort(all, total, sizeof *all, compare);
        (void)printf("{\"purses\": %zu, \"done\": %" PRIu64 ", \"failed\": %" PRIu64
                     ", \"per_second\": %.3f, \"p50_us\": %u, \"p99_us\": %u}\n",
                     count, done, failed, (double)done * 1e9 / (double)elapsed_ns, all[total / 2],
                     all[total * 99 / 100]);
    }
    free(all);
}

static int run(struct worker *workers, size_t count, unsigned seconds, uint64_t every_us,
               bool renews)
{
    atomic_bool stop = false;
    for (size_t i = 0; i < count; i++) {
        workers[i].stop = &stop;
        workers[i].every_us = every_us;
        workers[i].renews = renews;
        workers[i].times_us = calloc(TIMES_MAX, sizeof *workers[i].times_us);
        struct kc_result result =
            workers[i].times_us == NULL ? kc_result(KC_NO_MEMORY) : open_worker(&workers[i]);
        if (!kc_failed(result) && renews) {
            result = report_all(&workers[i]);
        }
        if (kc_failed(result)) {
            (void)fprintf(stderr, "%s: %s\n", workers[i].path, kc_error_name(result.code));
            return 4;
        }
    }
    uint64_t start_ns = kc_clock_monotonic_ns();
    for (size_t i = 0; i < count; i++) {
        workers[i].start_ns = start_ns + every_us * 1000u * i / count;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            return 4;
        }
    }
    if (!renews) {
        (void)sleep(seconds);
        atomic_store(&stop, true);
    }
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(workers[i].thread, NULL);
    }
    report(workers, count, kc_clock_monotonic_ns() - start_ns);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned seconds = 5;
    uint64_t every_us = 0;
    bool renews = false;
    int at = 1;
    for (; at + 1 < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--renew") == 0) {
            renews = true;
        } else if (strcmp(argv[at], "--seconds") == 0) {
            seconds = (unsigned)strtoul(argv[++at], NULL, 10);
        } else if (strcmp(argv[at], "--every-us") == 0) {
            every_us = strtoull(argv[++at], NULL, 10);
        } else {
            return 2;
        }
    }
    size_t count = (size_t)(argc - at);
    if (count == 0 || count > PURSES_MAX) {
        (void)fprintf(stderr, "usage: load [--seconds T] [--every-us N] [--renew] UIM...\n");
        return 2;
    }
    struct worker *workers = calloc(count, sizeof *workers);
    for (size_t i = 0; i < count && workers != NULL; i++) {
        workers[i].path = argv[at + (int)i];
    }
    int status = workers == NULL ? 4 : run(workers, count, seconds, every_us, renews);
    for (size_t i = 0; i < count && workers != NULL; i++) {
        burst_close(workers[i].bank);
        kc_file_purse_close(workers[i].file);
        kc_libcrypto_close(&workers[i].crypto);
        free(workers[i].times_us);
    }
    free(workers);
    return status;
}
