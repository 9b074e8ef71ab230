#include "line.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/un.h>

static void must(bool condition, const char *what)
{
    if (!condition) {
        (void)fprintf(stderr, "line: %s: %s\n", what, strerror(errno));
        abort();
    }
}

/* ---- carrying ---- */

/* What comes out for one byte; false: the line is cut. */
static bool carry_byte(struct line *line, int direction, uint8_t byte)
{
    uint8_t out[2] = {byte, byte};
    size_t size = 1;
    size_t place = line->carried[direction]++;
    bool here = line->fault.to_listener == (direction == 1) &&
                (place == line->fault.at || (line->everything && place > line->fault.at));
    switch (here ? line->fault.kind : FAULT_NONE) {
    case FAULT_NONE:
        break;
    case FAULT_LOSE:
        size = 0;
        break;
    case FAULT_DAMAGE:
        out[0] ^= 0x41;
        break;
    case FAULT_REPEAT:
        size = 2;
        break;
    case FAULT_CUT:
        return false;
    }
    if (line->door < 0) {
        return size == 0 || write(line->ends[direction], out, size) == (ssize_t)size;
    }
    return size == 0 || send(line->ends[direction], out, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool carry(struct line *line, int direction)
{
    uint8_t bytes[256];
    ssize_t size = read(line->ends[1 - direction], bytes, line->drip ? 1 : sizeof bytes);
    for (ssize_t i = 0; i < size; i++) {
        if (!carry_byte(line, direction, bytes[i])) {
            return false;
        }
    }
    return size > 0;
}

static void carry_all(struct line *line)
{
    for (;;) {
        struct pollfd fds[3] = {{.fd = line->ends[0], .events = POLLIN},
                                {.fd = line->ends[1], .events = POLLIN},
                                {.fd = line->stop[0], .events = POLLIN}};
        if (poll(fds, 3, -1) < 0 || fds[2].revents != 0) {
            return;
        }
        for (int direction = 0; direction < 2; direction++) {
            if (fds[1 - direction].revents != 0 && !carry(line, direction)) {
                return;
            }
        }
    }
}

static bool wait_at_door(struct line *line)
{
    struct pollfd fds[2] = {{.fd = line->door, .events = POLLIN},
                            {.fd = line->stop[0], .events = POLLIN}};
    return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

static void call_listener(struct line *line)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(line->listener.port)};
    bool is_local = line->listener.kind == KC_LINK_UNIX;
    memcpy(local.sun_path, line->listener.path, sizeof local.sun_path - 1);
    (void)inet_pton(AF_INET, "127.0.0.1", &four.sin_addr);
    line->ends[1] = socket(is_local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    must(connect(line->ends[1],
                 is_local ? (const struct sockaddr *)&local : (const struct sockaddr *)&four,
                 is_local ? (socklen_t)sizeof local : (socklen_t)sizeof four) == 0,
         "connect");
}

static void *run_line(void *argument)
{
    struct line *line = argument;
    if (line->door >= 0) {
        if (!wait_at_door(line)) {
            return NULL;
        }
        const int yes = 1;
        line->ends[0] = accept(line->door, NULL, NULL);
        call_listener(line);
        for (int i = 0; i < 2; i++) { /* fails for a local socket, which never waits */
            (void)setsockopt(line->ends[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        }
    }
    carry_all(line);
    if (line->door >= 0) {
        (void)close(line->ends[0]);
        (void)close(line->ends[1]);
    }
    return NULL;
}

/* ---- making ---- */

static void make_place(struct kc_link_place *place, const char *head, const char *word,
                       const char *tail)
{
    char text[KC_LINK_PLACE_TEXT_SIZE];
    int size = snprintf(text, sizeof text, "%s%s%s", head, word, tail);
    must(size > 0 && (size_t)size < sizeof text, "a place");
    must(!kc_failed(kc_link_place_parse(place, text)), text);
}

static void make_cable(struct line *line)
{
    char name[64];
    for (int i = 0; i < 2; i++) {
        must(openpty(&line->ends[i], &line->slaves[i], name, NULL, NULL) == 0, "openpty");
        make_place(i == 1 ? &line->listener : &line->connector, "tty:", name, "");
    }
}

void line_make(struct line *line, enum kc_link_kind kind)
{
    memset(line, 0, sizeof *line);
    line->door = -1;
    must(pipe(line->stop) == 0, "pipe");
    (void)snprintf(line->folder, sizeof line->folder, "/tmp/kinchaku-link-XXXXXX");
    must(mkdtemp(line->folder) != NULL, "mkdtemp");
    switch (kind) {
    case KC_LINK_UNIX:
        make_place(&line->listener, "unix:", line->folder, "/listener");
        break;
    case KC_LINK_TCP:
        make_place(&line->listener, "tcp:", "127.0.0.1", ":0");
        break;
    case KC_LINK_TTY:
        make_cable(line);
        break;
    }
}

static void open_door(struct line *line)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in four = {.sin_family = AF_INET};
    socklen_t size = sizeof four;
    if (line->listener.kind == KC_LINK_UNIX) {
        make_place(&line->connector, "unix:", line->folder, "/door");
        memcpy(local.sun_path, line->connector.path, sizeof local.sun_path - 1);
        line->door = socket(AF_UNIX, SOCK_STREAM, 0);
        must(bind(line->door, (const struct sockaddr *)&local, sizeof local) == 0, "bind");
    } else {
        (void)inet_pton(AF_INET, "127.0.0.1", &four.sin_addr);
        line->door = socket(AF_INET, SOCK_STREAM, 0);
        must(bind(line->door, (const struct sockaddr *)&four, size) == 0, "bind");
        must(getsockname(line->door, (struct sockaddr *)&four, &size) == 0, "getsockname");
        line->connector = line->listener;
        line->connector.port = ntohs(four.sin_port);
    }
    must(listen(line->door, 1) == 0, "listen");
}

void line_start(struct line *line, const struct kc_link_place *where)
{
    line->listener = *where;
    if (where->kind != KC_LINK_TTY) {
        open_door(line);
    }
    must(pthread_create(&line->thread, NULL, run_line, line) == 0, "pthread_create");
}

void line_stop(struct line *line)
{
    must(write(line->stop[1], "x", 1) == 1, "write");
    if (line->thread != 0) {
        (void)pthread_join(line->thread, NULL);
    }
    if (line->listener.kind == KC_LINK_TTY) {
        for (int i = 0; i < 2; i++) {
            (void)close(line->ends[i]);
            (void)close(line->slaves[i]);
        }
    }
    if (line->door >= 0) {
        (void)close(line->door);
        if (line->connector.kind == KC_LINK_UNIX) {
            (void)unlink(line->connector.path);
        }
    }
    (void)close(line->stop[0]);
    (void)close(line->stop[1]);
    must(rmdir(line->folder) == 0, "the folder is not empty");
}

/* ---- the partner ---- */

void echo_listen(struct echo *echo, const struct kc_link_place *place, unsigned retry_ms,
                 unsigned timeout_ms)
{
    memset(echo, 0, sizeof *echo);
    echo->timeout_ms = timeout_ms;
    echo->link.retry_ms = retry_ms;
    must(!kc_failed(kc_link_listen(&echo->link, place)), "listen");
}

static void *run_echo(void *argument)
{
    struct echo *echo = argument;
    uint8_t answer[KC_LINK_PAYLOAD_MAX];
    struct kc_view message;
    echo->accepted = kc_link_accept(&echo->link, echo->timeout_ms);
    echo->ended = echo->accepted;
    while (!kc_failed(echo->ended)) {
        echo->ended = kc_link_receive(&message, &echo->link, echo->timeout_ms);
        if (!kc_failed(echo->ended)) {
            echo->messages++;
            for (size_t i = 0; i < message.size; i++) {
                answer[i] = message.data[message.size - 1 - i];
            }
            echo->ended =
                kc_link_send(&echo->link, kc_view(answer, message.size), echo->timeout_ms);
        }
    }
    echo->orderly = kc_link_ended(&echo->link);
    kc_link_close(&echo->link);
    return NULL;
}

void echo_start(struct echo *echo)
{
    must(pthread_create(&echo->thread, NULL, run_echo, echo) == 0, "pthread_create");
}

void echo_join(struct echo *echo)
{
    (void)pthread_join(echo->thread, NULL);
}

static bool is_reverse(struct kc_view a, struct kc_view b)
{
    bool same = a.size == b.size;
    for (size_t i = 0; same && i < a.size; i++) {
        same = a.data[i] == b.data[b.size - 1 - i];
    }
    return same;
}

struct kc_result ask_once(const struct kc_link_place *place, struct kc_view message,
                          unsigned retry_ms, unsigned timeout_ms, int *had)
{
    struct kc_link link = {.retry_ms = retry_ms};
    struct kc_view answer;
    *had = 0;
    struct kc_result result = kc_link_connect(&link, place, timeout_ms);
    if (!kc_failed(result)) {
        *had = 1;
        result = kc_link_send(&link, message, timeout_ms);
    }
    if (!kc_failed(result)) {
        *had = 2;
        result = kc_link_receive(&answer, &link, timeout_ms);
    }
    if (!kc_failed(result)) {
        must(is_reverse(message, answer), "another message came back");
        *had = 3;
    }
    kc_link_close(&link);
    return result;
}
