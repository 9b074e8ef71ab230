#include "kinchaku/watch.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
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
                listen(watch->listener, (int)KC_PEOPLE_MAX) == 0;
    return kc_result(good ? KC_OK : KC_IO_FAILED);
}

void kc_watch_close(struct kc_watch *watch)
{
    static const char *const names[] = {"s", "link", "sales", "collect"};
    char path[96];
    if (watch->listener >= 0) {
        (void)close(watch->listener);
    }
    if (watch->folder[0] != '\0') {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            (void)snprintf(path, sizeof path, "%s/%s", watch->folder, names[i]);
            (void)unlink(path);
        }
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
    struct kc_result result = kc_ok();
    if (name != NULL) {
        result = kc_system_program(line->program, watch->system, name);
    } else if (!kc_process_path(line->program, watch->system->programs, ".", "kinchaku", "")) {
        result = kc_result(KC_TOO_LARGE);
    }
    line->argv[line->count++] = line->program;
    for (size_t i = 0; arguments[i] != NULL && i < KC_WATCH_ARGUMENTS_MAX - 4; i++) {
        line_add(line, arguments[i]);
    }
    if (traced) {
        line_add(line, "--trace");
        line_add(line, watch->place);
    }
    if (name != NULL && strcmp(name, "station") != 0 && strcmp(name, "vendor") != 0) {
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

struct kc_result kc_watch_begin(pid_t *pid, int *out_fd, const struct kc_watch *watch,
                                const char *name, const char *const *arguments)
{
    struct line line;
    struct kc_result result = line_make(&line, watch, name, arguments, false);
    *pid = kc_failed(result) ? -1 : kc_process_begin(out_fd, line.argv, false);
    return kc_failed(result) || *pid > 0 ? result : kc_result(KC_IO_FAILED);
}

/* ---- looking ---- */

static void copy_member(char *out, size_t capacity, const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text != NULL) {
        (void)snprintf(out, capacity, "%s", text);
    }
}

/* An account and its purses come as one object each; the last purse is the one in use. */
static struct kc_result read_objects(struct kc_person_watched *person, const uint8_t *bytes,
                                     size_t size)
{
    bool first = true;
    for (size_t at = 0; at < size;) {
        json_error_t error;
        json_t *object =
            json_loadb((const char *)bytes + at, size - at, JSON_DISABLE_EOF_CHECK, &error);
        if (object == NULL) {
            return first ? kc_result(KC_MALFORMED) : kc_ok();
        }
        at += (size_t)error.position;
        copy_member(person->account_amount, sizeof person->account_amount, object, "balance");
        copy_member(person->shadow_amount, sizeof person->shadow_amount, object, "value");
        json_int_t purse = json_integer_value(json_object_get(object, "purse"));
        person->purse = purse > 0 ? (uint64_t)purse : person->purse;
        json_decref(object);
        first = false;
    }
    return kc_ok();
}

static struct kc_result look_at(struct kc_watch *watch, struct kc_person_watched *person)
{
    char number[24];
    uint8_t bytes[4096];
    struct kc_buffer out = KC_BUFFER(bytes);
    const char *const arguments[] = {"account", number, "--json", NULL};
    if (person->account == 0) {
        return kc_ok();
    }
    (void)snprintf(number, sizeof number, "%" PRIu64, person->account);
    struct kc_result result = kc_watch_tool(watch, &out, "bank", arguments);
    return kc_failed(result) ? result : read_objects(person, bytes, out.size);
}

struct kc_result kc_watch_look(struct kc_watch *watch)
{
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < watch->count && !kc_failed(result); i++) {
        result = look_at(watch, &watch->people[i]);
    }
    return result;
}

/* ---- printing ---- */

static const char *or_dash(const char *text)
{
    return text[0] == '\0' ? "-" : text;
}

/* With one person the names stand alone, else as uim_a. */
static void print_member(struct kc_json_out *json, const struct kc_watch *watch, const char *what,
                         const struct kc_person_watched *person, const char *value)
{
    char name[32];
    int letter = tolower((unsigned char)person->name[0]);
    (void)snprintf(name, sizeof name, watch->count == 1 ? "%s" : "%s_%c", what, letter);
    kc_json_text(json, name, value);
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
    for (size_t i = 0; i < watch->count; i++) {
        const struct kc_person_watched *person = &watch->people[i];
        if (person->account != 0) {
            print_member(&json, watch, "account", person, person->account_amount);
            print_member(&json, watch, "shadow", person, person->shadow_amount);
            print_member(&json, watch, "uim", person, person->uim_amount);
        }
    }
    kc_json_close(&json);
}

void kc_watch_print(const struct kc_watch *watch)
{
    json_t *step = json_pack("{s:s}", "step", "=");
    print_json(watch, step);
    json_decref(step);
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
    const struct kc_person_watched *first = &watch->people[0];
    if (watch->count == 1 && first->account != 0) {
        (void)printf("   account %6s   UIM %5s   (bank's record of it %s)",
                     or_dash(first->account_amount), or_dash(first->uim_amount),
                     or_dash(first->shadow_amount));
    }
    for (size_t i = 0; watch->count > 1 && i < watch->count; i++) {
        const struct kc_person_watched *person = &watch->people[i];
        (void)printf("   %s %4s | %-4s", person->name, or_dash(person->uim_amount),
                     or_dash(person->shadow_amount));
    }
    (void)printf("\n");
}

/* Whose step it is: by the account, or that of the person who gets one. */
static struct kc_person_watched *whose(struct kc_watch *watch, const json_t *account)
{
    json_int_t number = json_integer_value(account);
    for (size_t i = 0; i < watch->count; i++) {
        struct kc_person_watched *person = &watch->people[i];
        if (person->account == 0 && number > 0) {
            person->account = (uint64_t)number;
        }
        if (person->account == (uint64_t)number || i + 1 == watch->count) {
            return person;
        }
    }
    return &watch->people[0];
}

/* Only a step of the bank's changes what the bank holds. */
static bool is_of_bank(const json_t *step)
{
    const char *from = json_string_value(json_object_get(step, "from"));
    const char *to = json_string_value(json_object_get(step, "to"));
    return from == NULL || to == NULL || strcmp(from, "bank") == 0 || strcmp(to, "bank") == 0;
}

/* One line from a traced program. */
static struct kc_result take_step(struct kc_watch *watch, const char *line, size_t size)
{
    json_t *step = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    struct kc_result result = kc_result(step == NULL ? KC_MALFORMED : KC_OK);
    if (!kc_failed(result)) {
        struct kc_person_watched *person = whose(watch, json_object_get(step, "account"));
        copy_member(person->uim_amount, sizeof person->uim_amount, step, "uim");
    }
    if (!kc_failed(result) && is_of_bank(step)) {
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

/* ---- the traced programs ---- */

#define TRACED_MAX 2u

struct tail {
    char text[2048];
    size_t size;
};

/* Programs at work: their stdout, and the connections over which they tell their steps. */
struct stage {
    struct kc_watch *watch;
    struct kc_result result;
    int outs[TRACED_MAX];
    int connections[TRACED_MAX];
    struct tail tails[TRACED_MAX];
    bool
        waits; /* until the first has written a line, as a payee does when it waits for its payer */
};

static void stage_open(struct stage *stage, struct kc_watch *watch)
{
    memset(stage, 0, sizeof *stage);
    stage->watch = watch;
    memset(watch->said, 0, sizeof watch->said);
    for (size_t i = 0; i < TRACED_MAX; i++) {
        stage->outs[i] = -1;
        stage->connections[i] = -1;
    }
}

/* Reads what a program wrote and answers each whole line. False when it closed the connection. */
static bool serve_trace(struct stage *stage, size_t which)
{
    struct tail *tail = &stage->tails[which];
    int connection = stage->connections[which];
    ssize_t size = read(connection, tail->text + tail->size, sizeof tail->text - tail->size);
    if (size <= 0) {
        return false;
    }
    tail->size += (size_t)size;
    for (char *end = memchr(tail->text, '\n', tail->size); end != NULL;
         end = memchr(tail->text, '\n', tail->size)) {
        size_t line = (size_t)(end - tail->text) + 1;
        struct kc_result taken = take_step(stage->watch, tail->text, line);
        stage->result = kc_failed(taken) ? taken : stage->result;
        memmove(tail->text, tail->text + line, tail->size - line);
        tail->size -= line;
        if (write(connection, "\n", 1) != 1) {
            return false;
        }
    }
    return tail->size < sizeof tail->text;
}

static void drop_connection(struct stage *stage, size_t which)
{
    if (stage->connections[which] >= 0) {
        (void)close(stage->connections[which]);
    }
    stage->connections[which] = -1;
    stage->tails[which].size = 0;
}

static void take_connection(struct stage *stage)
{
    int connection = accept4(stage->watch->listener, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; i < TRACED_MAX && connection >= 0; i++) {
        if (stage->connections[i] < 0) {
            stage->connections[i] = connection;
            return;
        }
    }
    if (connection >= 0) {
        (void)close(connection);
    }
}

/* What is said on a stdout is kept of the first; its end is the end of the program. */
static void read_out(struct stage *stage, size_t which)
{
    char text[256];
    ssize_t size = read(stage->outs[which], text, sizeof text);
    size_t had = strlen(stage->watch->said);
    if (which == 0 && size > 0 && had + (size_t)size < sizeof stage->watch->said) {
        memcpy(stage->watch->said + had, text, (size_t)size);
        stage->watch->said[had + (size_t)size] = '\0';
    }
    if (which == 0 && size > 0 && memchr(text, '\n', (size_t)size) != NULL) {
        stage->waits = false;
    }
    if (size <= 0) {
        (void)close(stage->outs[which]);
        stage->outs[which] = -1;
        stage->waits = stage->waits && which != 0;
    }
}

static bool is_on(const struct stage *stage)
{
    return stage->waits || stage->outs[0] >= 0 || stage->outs[1] >= 0;
}

/* Until the programs closed their stdout, or the first said that it waits. */
static void stage_play(struct stage *stage)
{
    bool began_waiting = stage->waits;
    while (is_on(stage) && (!began_waiting || stage->waits)) {
        struct pollfd polls[2 * TRACED_MAX + 1] = {
            {.fd = stage->watch->listener, .events = POLLIN}};
        for (size_t i = 0; i < TRACED_MAX; i++) {
            polls[1 + i] = (struct pollfd){.fd = stage->connections[i], .events = POLLIN};
            polls[1 + TRACED_MAX + i] = (struct pollfd){.fd = stage->outs[i], .events = POLLIN};
        }
        if (poll(polls, 2 * TRACED_MAX + 1, SILENCE_MS) <= 0) {
            stage->result = kc_result(KC_TIMEOUT);
            return;
        }
        for (size_t i = 0; i < TRACED_MAX; i++) {
            if (polls[1 + i].revents != 0 && !serve_trace(stage, i)) {
                drop_connection(stage, i);
            }
        }
        if (polls[0].revents != 0) {
            take_connection(stage);
        }
        for (size_t i = 0; i < TRACED_MAX; i++) {
            if (polls[1 + TRACED_MAX + i].revents != 0) {
                read_out(stage, i);
            }
        }
    }
}

static struct kc_result begin(struct stage *stage, size_t which, pid_t *pid, struct line *line,
                              bool quiet)
{
    *pid = kc_process_begin(&stage->outs[which], line->argv, quiet);
    return kc_result(*pid > 0 ? KC_OK : KC_IO_FAILED);
}

/* Ends what was begun; KC_INTERNAL when it did not end as expected. */
static struct kc_result end(struct stage *stage, size_t which, pid_t pid, const char *name,
                            int expected)
{
    int status = 0;
    struct kc_result result = kc_process_end(&status, NULL, pid, stage->outs[which]);
    stage->outs[which] = -1;
    if (!kc_failed(result) && status != expected && kc_process_stop_signal() == 0) {
        kc_log(KC_LOG_ERROR, "kinchaku-%s ended with status %d instead of %d", name, status,
               expected);
        result = kc_result(KC_INTERNAL);
    }
    return result;
}

static void stage_close(struct stage *stage)
{
    for (size_t i = 0; i < TRACED_MAX; i++) {
        drop_connection(stage, i);
    }
}

struct kc_result kc_watch_run(struct kc_watch *watch, const char *name,
                              const char *const *arguments, int expected, bool quiet)
{
    struct line line;
    struct stage stage;
    pid_t pid = -1;
    stage_open(&stage, watch);
    struct kc_result result = line_make(&line, watch, name, arguments, true);
    if (!kc_failed(result)) {
        result = begin(&stage, 0, &pid, &line, quiet);
    }
    if (kc_failed(result)) {
        return result;
    }
    stage_play(&stage);
    result = end(&stage, 0, pid, name, expected);
    stage_close(&stage);
    return kc_failed(stage.result) ? stage.result : result;
}

static struct kc_result make_side(struct line *line, const struct kc_watch *watch,
                                  const struct kc_watch_side *side, const char *link)
{
    const char *words[12] = {"--uim", side->uim, "--json", "--link", link};
    for (size_t i = 0; i < 6 && side->words[i] != NULL; i++) {
        words[5 + i] = side->words[i];
    }
    return line_make(line, watch, "station", words, true);
}

struct kc_result kc_watch_meet(struct kc_watch *watch, const struct kc_watch_side *payer,
                               const struct kc_watch_side *payee)
{
    char link[96];
    struct line lines[2];
    struct stage stage;
    pid_t pids[2] = {-1, -1};
    struct kc_result ended = kc_ok();
    (void)snprintf(link, sizeof link, "unix:%s/link", watch->folder);
    stage_open(&stage, watch);
    struct kc_result result = make_side(&lines[0], watch, payee, link);
    if (!kc_failed(result)) {
        result = make_side(&lines[1], watch, payer, link);
    }
    if (!kc_failed(result)) {
        result = begin(&stage, 0, &pids[0], &lines[0], true);
    }
    if (!kc_failed(result)) {
        stage.waits = true;
        stage_play(&stage);
        result = begin(&stage, 1, &pids[1], &lines[1], true);
    }
    if (!kc_failed(result)) {
        stage_play(&stage);
    }
    for (size_t i = 0; i < 2; i++) {
        if (pids[i] > 0 && (kc_failed(result) || kc_failed(stage.result))) {
            /* The other one would wait for somebody who never comes. */
            (void)kill(pids[i], SIGTERM);
        }
        if (pids[i] > 0) {
            ended = end(&stage, i, pids[i], "station", i == 0 ? payee->expected : payer->expected);
            result = kc_failed(result) ? result : ended;
        }
    }
    stage_close(&stage);
    return kc_failed(stage.result) ? stage.result : result;
}
