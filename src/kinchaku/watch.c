#include "kinchaku/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "service/json_out.h"

#define SILENCE_MS 60000

struct kc_result kc_watch_open(struct kc_watch *watch, const struct kc_system *system, bool json)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memset(watch, 0, sizeof *watch);
    *watch = (struct kc_watch){.system = system, .json = json, .listener = -1};
    (void)snprintf(watch->folder, sizeof watch->folder, "/tmp/kinchaku-steps-XXXXXX");
    if (mkdtemp(watch->folder) == NULL) {
        watch->folder[0] = '\0';
        return kc_result(KC_IO_FAILED);
    }
    (void)snprintf(watch->place, sizeof watch->place, "unix:%s/s", watch->folder);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/s", watch->folder);
    watch->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = watch->listener >= 0 &&
                bind(watch->listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
                listen(watch->listener, 1) == 0;
    return kc_result(good ? KC_OK : KC_IO_FAILED);
}

void kc_watch_close(struct kc_watch *watch)
{
    char path[96];
    if (watch->listener >= 0) {
        (void)close(watch->listener);
    }
    if (watch->folder[0] != '\0') {
        (void)snprintf(path, sizeof path, "%s/s", watch->folder);
        (void)unlink(path);
        (void)rmdir(watch->folder);
    }
}

/* ---- running ---- */

/* argv of one of our programs. */
struct line {
    char program[KC_PATH_SIZE];
    char *argv[KC_WATCH_ARGUMENTS_MAX + 4];
    size_t count;
};

static void line_add(struct line *line, const char *text)
{
    if (line->count < KC_WATCH_ARGUMENTS_MAX + 3) {
        line->argv[line->count++] = kc_process_word(text);
    }
}

static struct kc_result line_make(struct line *line, const struct kc_watch *watch, const char *name,
                                  const char *const *arguments, bool traced)
{
    memset(line, 0, sizeof *line);
    struct kc_result result = kc_system_program(line->program, watch->system, name);
    line->argv[line->count++] = line->program;
    for (size_t i = 0; arguments[i] != NULL && i < KC_WATCH_ARGUMENTS_MAX - 4; i++) {
        line_add(line, arguments[i]);
    }
    if (traced) {
        line_add(line, "--trace");
        line_add(line, watch->place);
    }
    if (strcmp(name, "station") != 0) {
        line_add(line, "--dir");
        line_add(line, watch->system->dir);
    }
    return result;
}

struct kc_result kc_watch_tool(struct kc_watch *watch, struct kc_buffer *out, const char *name,
                               const char *const *arguments)
{
    struct line line;
    int status = 0;
    struct kc_result result = line_make(&line, watch, name, arguments, false);
    if (!kc_failed(result)) {
        result = kc_process_run(&status, out, line.argv, false);
    }
    return !kc_failed(result) && status != 0 ? kc_result(KC_INTERNAL) : result;
}

/* ---- looking ---- */

static void copy_member(char *out, size_t capacity, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text != NULL) {
        (void)snprintf(out, capacity, "%s", text);
    }
}

struct kc_result kc_watch_look(struct kc_watch *watch)
{
    char number[24];
    uint8_t bytes[4096];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const arguments[] = {"account", number, "--json", NULL};
    if (watch->account == 0) {
        return kc_ok();
    }
    (void)snprintf(number, sizeof number, "%" PRIu64, watch->account);
    struct kc_result result = kc_watch_tool(watch, &out, "bank", arguments);
    if (kc_failed(result)) {
        return result;
    }
    size_t at = 0;
    for (char *member = watch->account_amount; member != NULL && at < out.size;) {
        json_error_t error;
        json_t *object =
            json_loadb((const char *)bytes + at, out.size - at, JSON_DISABLE_EOF_CHECK, &error);
        if (object == NULL) {
            return kc_result(KC_MALFORMED);
        }
        at += (size_t)error.position;
        bool first = member == watch->account_amount;
        copy_member(member, sizeof watch->account_amount, object, first ? "balance" : "value");
        json_decref(object);
        member = first ? watch->shadow_amount : NULL;
    }
    return kc_ok();
}

/* ---- printing ---- */

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

static void print_json(const struct kc_watch *watch, const json_t *step)
{
    struct kc_json_out json;
    static const char *const texts[] = {"step", "from", "to", "what"};
    kc_json_open(&json, stdout);
    kc_json_text(&json, "part", watch->part);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = json_string_value(json_object_get(step, texts[i]));
        kc_json_text(&json, texts[i], text == NULL ? "" : text);
    }
    kc_json_number(&json, "bytes", (uint64_t)json_integer_value(json_object_get(step, "bytes")));
    if (watch->account != 0) {
        kc_json_text(&json, "account", watch->account_amount);
        kc_json_text(&json, "shadow", watch->shadow_amount);
        kc_json_text(&json, "uim", watch->uim_amount);
    }
    kc_json_close(&json);
}

static void print_text(const struct kc_watch *watch, const json_t *step)
{
    char way[48];
    char size[40] = "";
    json_int_t bytes = json_integer_value(json_object_get(step, "bytes"));
    (void)snprintf(way, sizeof way, "%s > %s", json_string_value(json_object_get(step, "from")),
                   json_string_value(json_object_get(step, "to")));
    if (bytes > 0) {
        (void)snprintf(size, sizeof size, "%" JSON_INTEGER_FORMAT " bytes", bytes);
    }
    (void)printf("  %-9s %-24s %-32s %11s", json_string_value(json_object_get(step, "step")), way,
                 json_string_value(json_object_get(step, "what")), size);
    if (watch->account != 0) {
        (void)printf("   account %6s   UIM %5s   (bank's record of it %s)",
                     or_dash(watch->account_amount), or_dash(watch->uim_amount),
                     or_dash(watch->shadow_amount));
    }
    (void)printf("\n");
}

/* One line from the traced program. */
static struct kc_result take_step(struct kc_watch *watch, const char *line, size_t size)
{
    json_t *step = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    struct kc_result result = kc_result(step == NULL ? KC_MALFORMED : KC_OK);
    if (!kc_failed(result)) {
        json_int_t account = json_integer_value(json_object_get(step, "account"));
        watch->account = account > 0 ? (uint64_t)account : watch->account;
        copy_member(watch->uim_amount, sizeof watch->uim_amount, step, "uim");
        result = kc_watch_look(watch);
    }
    if (!kc_failed(result)) {
        if (watch->json) {
            print_json(watch, step);
        } else {
            print_text(watch, step);
        }
        (void)fflush(stdout);
    }
    json_decref(step);
    return result;
}

/* ---- the traced program ---- */

struct tail {
    char text[2048];
    size_t size;
};

/* Reads what the program wrote and answers each whole line. False when it closed the connection. */
static bool serve_trace(struct kc_watch *watch, struct tail *tail, int connection,
                        struct kc_result *result)
{
    ssize_t size = read(connection, tail->text + tail->size, sizeof tail->text - tail->size);
    if (size <= 0) {
        return false;
    }
    tail->size += (size_t)size;
    for (char *end = memchr(tail->text, '\n', tail->size); end != NULL;
         end = memchr(tail->text, '\n', tail->size)) {
        size_t line = (size_t)(end - tail->text) + 1;
        struct kc_result taken = take_step(watch, tail->text, line);
        *result = kc_failed(taken) ? taken : *result;
        memmove(tail->text, tail->text + line, tail->size - line);
        tail->size -= line;
        if (write(connection, "\n", 1) != 1) {
            return false;
        }
    }
    return tail->size < sizeof tail->text;
}

/* Until the program closes its stdout. */
static struct kc_result watch_until_end(struct kc_watch *watch, int out_fd)
{
    struct tail tail = {.size = 0};
    struct kc_result result = kc_ok();
    int connection = -1;
    char ignored[256];
    for (bool running = true; running;) {
        struct pollfd polls[2] = {
            {.fd = out_fd, .events = POLLIN},
            {.fd = connection >= 0 ? connection : watch->listener, .events = POLLIN}};
        if (poll(polls, 2, SILENCE_MS) <= 0) {
            result = kc_result(KC_TIMEOUT);
            break;
        }
        if (connection < 0 && (polls[1].revents & POLLIN) != 0) {
            connection = accept4(watch->listener, NULL, NULL, SOCK_CLOEXEC);
        } else if (connection >= 0 && polls[1].revents != 0 &&
                   !serve_trace(watch, &tail, connection, &result)) {
            (void)close(connection);
            connection = -1;
        }
        if (polls[0].revents != 0) {
            running = read(out_fd, ignored, sizeof ignored) > 0;
        }
    }
    if (connection >= 0) {
        (void)close(connection);
    }
    return result;
}

struct kc_result kc_watch_run(struct kc_watch *watch, const char *name,
                              const char *const *arguments, int expected, bool quiet)
{
    struct line line;
    int status = 0;
    int out_fd = -1;
    struct kc_result result = line_make(&line, watch, name, arguments, true);
    pid_t pid = kc_failed(result) ? -1 : kc_process_begin(&out_fd, line.argv, quiet);
    if (pid > 0) {
        result = watch_until_end(watch, out_fd);
        struct kc_result ended = kc_process_end(&status, NULL, pid, out_fd);
        result = kc_failed(result) ? result : ended;
    } else if (!kc_failed(result)) {
        result = kc_result(KC_IO_FAILED);
    }
    if (!kc_failed(result) && status != expected && kc_process_stop_signal() == 0) {
        kc_log(KC_LOG_ERROR, "kinchaku-%s ended with status %d instead of %d", name, status,
               expected);
        result = kc_result(KC_INTERNAL);
    }
    return result;
}
