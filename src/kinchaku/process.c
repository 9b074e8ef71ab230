#include "kinchaku/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#define POLL_MS 20u
/* The field of /proc/<pid>/stat that holds the start time, counted after the name in parentheses (proc(5)). */
#define STAT_START_TIME 20

bool kc_process_path(char out[KC_PATH_SIZE], const char *dir, const char *middle, const char *name,
                     const char *suffix)
{
    int size = snprintf(out, KC_PATH_SIZE, "%s/%s/%s%s", dir, middle, name, suffix);
    return size > 0 && size < KC_PATH_SIZE;
}

static size_t read_small_file(const char *path, char *out, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t size = read(fd, out, capacity - 1);
    (void)close(fd);
    out[size > 0 ? size : 0] = '\0';
    return size > 0 ? (size_t)size : 0;
}

/* The kernel's start time of a process, or 0 when there is none or it is only waiting to be reaped. */
static uint64_t start_time(pid_t pid)
{
    char path[64];
    char text[1024];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_small_file(path, text, sizeof text) == 0) {
        return 0;
    }
    char *at = strrchr(text, ')');
    if (at == NULL || at[1] == '\0' || at[2] == 'Z') {
        return 0;
    }
    at += 2;
    for (int field = 1; field < STAT_START_TIME && at != NULL; field++) {
        at = strchr(at, ' ');
        at = at == NULL ? NULL : at + 1;
    }
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

static bool read_record(const char *dir, const char *name, pid_t *pid, uint64_t *started)
{
    char path[KC_PATH_SIZE];
    char text[64];
    if (!kc_process_path(path, dir, "run", name, ".pid") ||
        read_small_file(path, text, sizeof text) == 0) {
        return false;
    }
    char *end = NULL;
    long number = strtol(text, &end, 10);
    *started = strtoull(end, NULL, 10);
    if (number <= 1 || number > INT32_MAX || *started == 0) {
        return false;
    }
    *pid = (pid_t)number;
    return true;
}

/* A process writes its own record before it becomes the program, so that whatever becomes of its parent, no program runs without
 * one; and it gets its name whole, so that nobody reads a half. */
static bool write_record(const char *dir, const char *name)
{
    char path[KC_PATH_SIZE];
    char unnamed[KC_PATH_SIZE];
    char text[64];
    if (!kc_process_path(path, dir, "run", name, ".pid") ||
        !kc_process_path(unnamed, dir, "run", name, ".new")) {
        return false;
    }
    int size = snprintf(text, sizeof text, "%d %" PRIu64 "\n", (int)getpid(), start_time(getpid()));
    int fd = open(unnamed, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool good = size > 0 && write(fd, text, (size_t)size) == size;
    return close(fd) == 0 && good && rename(unnamed, path) == 0;
}

pid_t kc_process_find(const char *dir, const char *name)
{
    pid_t pid = 0;
    uint64_t started = 0;
    if (!read_record(dir, name, &pid, &started)) {
        return 0;
    }
    return start_time(pid) == started ? pid : 0;
}

/* A program that root starts gets no capability but the one that lets root enter other people's folders; it may live there. */
static bool drop_powers(void)
{
    bool good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    for (int power = 0; geteuid() == 0 && power <= CAP_LAST_CAP; power++) {
        if (power != CAP_DAC_OVERRIDE && prctl(PR_CAPBSET_READ, power, 0, 0, 0) == 1) {
            good = prctl(PR_CAPBSET_DROP, power, 0, 0, 0) == 0 && good;
        }
    }
    return good;
}

/* ---- signals ---- */

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
static volatile sig_atomic_t stop_signal;

static void note_signal(int number)
{
    stop_signal = stop_signal == 0 ? number : stop_signal;
}

void kc_process_note_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stop_signals / sizeof stop_signals[0]; i++) {
        (void)sigaction(stop_signals[i], &action, NULL);
    }
}

int kc_process_stop_signal(void)
{
    return (int)stop_signal;
}

void kc_process_end_by_signal(void)
{
    if (stop_signal != 0) {
        (void)signal((int)stop_signal, SIG_DFL);
        (void)raise((int)stop_signal);
    }
}

/* ---- starting and stopping ---- */

/* The child: its own session, nothing on stdin, stdout and stderr in the log, its record, then the program. `told` closes with
 * the start of the program; a byte on it says that it did not start. */
__attribute__((noreturn)) static void become(const char *dir, const char *name,
                                             const char *log_path, int told, char *const argv[])
{
    int in = open("/dev/null", O_RDONLY);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (!drop_powers() || setsid() < 0 || in < 0 || log < 0 || dup2(in, STDIN_FILENO) < 0 ||
        dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 || dup2(told, 3) < 0 ||
        fcntl(3, F_SETFD, FD_CLOEXEC) != 0 || !write_record(dir, name)) {
        (void)(write(told, "!", 1) < 0);
        _exit(126);
    }
    for (int fd = 4; fd < 256; fd++) {
        (void)close(fd);
    }
    (void)execv(argv[0], argv);
    (void)(write(3, "!", 1) < 0);
    _exit(127);
}

/* Waits until the child became its program. */
static bool has_begun(int told)
{
    char byte;
    ssize_t size;
    do {
        size = read(told, &byte, 1);
    } while (size < 0 && errno == EINTR);
    return size == 0;
}

struct kc_result kc_process_start(const char *dir, const char *name, char *const argv[])
{
    char log_path[KC_PATH_SIZE];
    if (access(argv[0], X_OK) != 0) {
        return kc_result(KC_FILE_MISSING);
    }
    if (!kc_process_path(log_path, dir, "log", name, ".log")) {
        return kc_result(KC_IO_FAILED);
    }
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return kc_result(KC_IO_FAILED);
    }
    pid_t pid = fork();
    if (pid == 0) {
        become(dir, name, log_path, ends[1], argv);
    }
    (void)close(ends[1]);
    bool begun = pid > 0 && has_begun(ends[0]);
    (void)close(ends[0]);
    return kc_result(begun ? KC_OK : KC_IO_FAILED);
}

/* A tool works for its parent: it ends with it, and never writes beside the parent's successor. */
__attribute__((noreturn)) static void become_tool(pid_t parent, int out, char *const argv[],
                                                  bool quiet)
{
    int null = open("/dev/null", O_RDWR);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent) {
        _exit(126);
    }
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
        (quiet && dup2(null, STDERR_FILENO) < 0)) {
        _exit(126);
    }
    (void)execv(argv[0], argv);
    _exit(127);
}

pid_t kc_process_begin(int *out_fd, char *const argv[], bool quiet)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become_tool(parent, ends[1], argv, quiet);
    }
    (void)close(ends[1]);
    *out_fd = ends[0];
    if (pid < 0) {
        (void)close(ends[0]);
    }
    return pid;
}

/* Reads to the end, so that the program never waits for us; keeps what fits. */
static void drain(struct kc_buffer *out, int fd)
{
    char piece[512];
    for (ssize_t size = 1; size != 0;) {
        size = read(fd, piece, sizeof piece);
        if (size < 0 && errno != EINTR) {
            return;
        }
        for (ssize_t i = 0; i < size && out != NULL && out->size + 1 < out->capacity; i++) {
            out->data[out->size++] = (uint8_t)piece[i];
        }
    }
}

struct kc_result kc_process_end(int *status, struct kc_buffer *out, pid_t pid, int out_fd)
{
    int ended = 0;
    drain(out, out_fd);
    (void)close(out_fd);
    if (out != NULL) {
        KC_ASSERT(out->size < out->capacity);
        out->data[out->size] = '\0';
    }
    while (waitpid(pid, &ended, 0) != pid) {
        if (errno != EINTR) {
            return kc_result(KC_IO_FAILED);
        }
    }
    if (!WIFEXITED(ended)) {
        return kc_result(KC_INTERNAL);
    }
    *status = WEXITSTATUS(ended);
    return kc_ok();
}

struct kc_result kc_process_run(int *status, struct kc_buffer *out, char *const argv[], bool quiet)
{
    int out_fd = -1;
    if (out != NULL) {
        out->size = 0;
    }
    pid_t pid = kc_process_begin(&out_fd, argv, quiet);
    return pid < 0 ? kc_result(KC_IO_FAILED) : kc_process_end(status, out, pid, out_fd);
}

static void pause_ms(unsigned ms)
{
    struct timespec time = {.tv_sec = ms / 1000u, .tv_nsec = (long)(ms % 1000u) * 1000000};
    (void)nanosleep(&time, NULL);
}

static bool ended_within(const char *dir, const char *name, pid_t pid, unsigned patience_ms)
{
    for (unsigned waited = 0; waited <= patience_ms; waited += POLL_MS) {
        (void)waitpid(pid, NULL, WNOHANG);
        if (kc_process_find(dir, name) == 0) {
            return true;
        }
        pause_ms(POLL_MS);
    }
    return false;
}

struct kc_result kc_process_stop(const char *dir, const char *name, unsigned patience_ms)
{
    char path[KC_PATH_SIZE];
    pid_t pid = kc_process_find(dir, name);
    if (pid != 0) {
        (void)kill(pid, SIGTERM);
        if (!ended_within(dir, name, pid, patience_ms)) {
            (void)kill(pid, SIGKILL);
            if (!ended_within(dir, name, pid, patience_ms)) {
                return kc_result(KC_TIMEOUT);
            }
        }
    }
    if (kc_process_path(path, dir, "run", name, ".pid") && unlink(path) != 0 && errno != ENOENT) {
        return kc_result(KC_IO_FAILED);
    }
    return kc_ok();
}
