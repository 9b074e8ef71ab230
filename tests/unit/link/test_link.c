/* Do messages of every size arrive once over every kind of link, and does every bad partner end in a stable error in time? */
#include "line.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static const enum kc_link_kind kinds[] = {KC_LINK_UNIX, KC_LINK_TCP, KC_LINK_TTY};

static struct line line;
static struct echo echo;
static struct kc_link own;
static uint8_t bytes[KC_LINK_PAYLOAD_MAX + 1];

static uint64_t started_ns;

static void start_clock(void)
{
    started_ns = kc_clock_monotonic_ns();
}

static void assert_in_time(unsigned timeout_ms)
{
    uint64_t took_ms = (kc_clock_monotonic_ns() - started_ns) / 1000000u;
    assert_in_range(took_ms, 0, timeout_ms + SLACK_MS);
}

static void begin(enum kc_link_kind kind, unsigned timeout_ms)
{
    line_make(&line, kind);
    echo_listen(&echo, &line.listener, 0, timeout_ms);
    line_start(&line, kc_link_where(&echo.link));
    echo_start(&echo);
    memset(&own, 0, sizeof own);
}

static void finish(void)
{
    kc_link_close(&own);
    echo_join(&echo);
    line_stop(&line);
}

/* ---- what works ---- */

static void ask(size_t size, unsigned pattern)
{
    struct kc_view answer;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = pattern < 256 ? (uint8_t)pattern : (uint8_t)(i * 31 + pattern);
    }
    assert_int_equal(kc_link_send(&own, kc_view(bytes, size), LONG_MS).code, KC_OK);
    assert_int_equal(kc_link_receive(&answer, &own, LONG_MS).code, KC_OK);
    assert_int_equal(answer.size, size);
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(answer.data[i], bytes[size - 1 - i]);
    }
}

/* shows: R-NODE-10 */
static void test_messages_over_every_kind(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 3; kind++) {
        begin(kinds[kind], LONG_MS);
        assert_int_equal(kc_link_connect(&own, &line.connector, LONG_MS).code, KC_OK);
        for (size_t size = 1; size <= KC_LINK_PAYLOAD_MAX; size *= 8) {
            ask(size, 256);
            ask(size, 0x7e);
        }
        ask(KC_LINK_PAYLOAD_MAX - 1, 0x7d);
        ask(KC_LINK_PAYLOAD_MAX, 0x11);
        assert_int_equal(kc_link_send(&own, kc_view(bytes, KC_LINK_PAYLOAD_MAX + 1), LONG_MS).code,
                         KC_TOO_LARGE);
        for (unsigned i = 0; i < 300; i++) { /* more than there are sequence numbers */
            ask(3, 1000 + i);
        }
        kc_link_close(&own);
        echo_join(&echo);
        assert_int_equal(echo.ended.code, KC_UNREACHABLE);
        assert_true(echo.orderly);
        assert_int_equal(echo.messages, 312);
        line_stop(&line);
    }
}

static void test_a_line_that_drips(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 3; kind++) {
        line_make(&line, kinds[kind]);
        line.drip = true;
        echo_listen(&echo, &line.listener, 0, LONG_MS);
        line_start(&line, kc_link_where(&echo.link));
        echo_start(&echo);
        memset(&own, 0, sizeof own);
        assert_int_equal(kc_link_connect(&own, &line.connector, LONG_MS).code, KC_OK);
        ask(700, 256);
        finish();
        assert_true(echo.orderly);
    }
}

/* Both send at once: each keeps the other's message while it waits for its own acknowledgement. */
static void test_both_speak_at_once(void **state)
{
    struct kc_view answer;
    (void)state;
    begin(KC_LINK_UNIX, LONG_MS);
    assert_int_equal(kc_link_connect(&own, &line.connector, LONG_MS).code, KC_OK);
    own.retry_ms = 5;
    for (unsigned i = 0; i < 20; i++) {
        bytes[0] = (uint8_t)i;
        assert_int_equal(kc_link_send(&own, kc_view(bytes, 1), LONG_MS).code, KC_OK);
        bytes[0] = (uint8_t)(i + 100);
        assert_int_equal(kc_link_send(&own, kc_view(bytes, 1), LONG_MS).code, KC_OK);
        assert_int_equal(kc_link_receive(&answer, &own, LONG_MS).code, KC_OK);
        assert_int_equal(answer.data[0], i);
        assert_int_equal(kc_link_receive(&answer, &own, LONG_MS).code, KC_OK);
        assert_int_equal(answer.data[0], i + 100);
    }
    finish();
}

/* ---- partners that do not play ---- */

static void test_nobody_comes(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < 3; kind++) {
        line_make(&line, kinds[kind]);
        echo_listen(&echo, &line.listener, 0, SHORT_MS);
        start_clock();
        assert_int_equal(kc_link_accept(&echo.link, SHORT_MS).code, KC_TIMEOUT);
        assert_in_time(SHORT_MS);
        kc_link_close(&echo.link);
        line_stop(&line);
    }
}

static void test_nobody_answers_on_the_cable(void **state)
{
    (void)state;
    line_make(&line, KC_LINK_TTY);
    memset(&own, 0, sizeof own);
    start_clock();
    assert_int_equal(kc_link_connect(&own, &line.connector, SHORT_MS).code, KC_TIMEOUT);
    assert_in_time(SHORT_MS);
    line_stop(&line);
}

static int call(const struct kc_link_place *place)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    memcpy(local.sun_path, place->path, sizeof local.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&local, sizeof local), 0);
    return fd;
}

/* Writes until everything is out or the other side hangs up. */
static void pour(int fd, const void *data, size_t size, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) {
            return;
        }
    }
}

static struct kc_result accept_result;

static void *accept_now(void *argument)
{
    accept_result = kc_link_accept(&echo.link, *(const unsigned *)argument);
    return NULL;
}

/* A caller that pours bytes at a listener; what accept says at its time-out. */
static enum kc_error accept_with(const void *data, size_t size, size_t times, bool hang_up)
{
    pthread_t thread;
    unsigned timeout_ms = times > 1 ? 3000 : SHORT_MS;
    line_make(&line, KC_LINK_UNIX);
    echo_listen(&echo, &line.listener, 0, timeout_ms);
    int fd = call(&line.listener);
    start_clock();
    assert_int_equal(pthread_create(&thread, NULL, accept_now, &timeout_ms), 0);
    pour(fd, data, size, times);
    if (hang_up) {
        (void)close(fd);
    }
    (void)pthread_join(thread, NULL);
    assert_in_time(timeout_ms);
    if (!hang_up) {
        (void)close(fd);
    }
    kc_link_close(&echo.link);
    line_stop(&line);
    return accept_result.code;
}

static void test_callers_that_talk_nonsense(void **state)
{
    static uint8_t noise[4096];
    static const char http[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    (void)state;
    memset(noise, 'n', sizeof noise);
    assert_int_equal(accept_with(noise, sizeof noise, 2 * KC_LINK_STRIKES_MAX, false),
                     KC_TOO_LARGE);
    for (size_t i = 0; i < sizeof noise; i += 4) {
        noise[i] = 0x7e;
    }
    assert_int_equal(accept_with(noise, sizeof noise, KC_LINK_STRIKES_MAX, false), KC_MALFORMED);
    assert_int_equal(accept_with(http, sizeof http - 1, 1, true), KC_UNREACHABLE);
    assert_int_equal(accept_with(http, sizeof http - 1, 1, false), KC_TIMEOUT);
    assert_int_equal(accept_with(http, 0, 0, true), KC_UNREACHABLE);
    assert_int_equal(accept_with(http, 0, 0, false), KC_TIMEOUT);
}

static size_t control(uint8_t out[32], enum kc_link_kind_of_frame kind, uint32_t session)
{
    struct kc_buffer buffer = {.data = out, .capacity = 32};
    const struct kc_link_frame frame = {.kind = kind, .session = session};
    assert_int_equal(kc_link_frame_write(&buffer, &frame).code, KC_OK);
    return buffer.size;
}

/* A caller that says nothing, or leaves after HELLO, keeps nobody else out. */
static void test_a_mute_caller_keeps_nobody_out(void **state)
{
    uint8_t hello[32];
    int had = 0;
    (void)state;
    line_make(&line, KC_LINK_UNIX);
    echo_listen(&echo, &line.listener, 20, LONG_MS);
    int mute = call(&line.listener);
    int hasty = call(&line.listener);
    size_t size = control(hello, KC_LINK_HELLO, 7);
    assert_int_equal(write(hasty, hello, size), (ssize_t)size);
    assert_int_equal(write(hasty, hello, control(hello, KC_LINK_BYE, 7)), (ssize_t)size);
    (void)close(hasty);
    echo_start(&echo);
    assert_int_equal(ask_once(&line.listener, kc_view(hello, 5), 20, LONG_MS, &had).code, KC_OK);
    assert_int_equal(had, 3);
    (void)close(mute);
    echo_join(&echo);
    line_stop(&line);
}

/* After the greeting the partner only floods with frames that say nothing. */
static void test_a_flood_of_good_frames(void **state)
{
    uint8_t frame[32];
    struct kc_view message;
    (void)state;
    for (int same = 0; same < 2; same++) {
        line_make(&line, KC_LINK_UNIX);
        echo_listen(&echo, &line.listener, 0, LONG_MS);
        int fd = call(&line.listener);
        size_t size = control(frame, KC_LINK_HELLO, 9);
        pour(fd, frame, size, 1);
        (void)control(frame, KC_LINK_ACK, 9);
        pour(fd, frame, size, 1);
        assert_int_equal(kc_link_accept(&echo.link, LONG_MS).code, KC_OK);
        (void)control(frame, KC_LINK_ACK, same ? 9 : 10);
        pour(fd, frame, size, KC_LINK_STRIKES_MAX + 2);
        assert_int_equal(kc_link_receive(&message, &echo.link, LONG_MS).code, KC_MALFORMED);
        (void)close(fd);
        kc_link_close(&echo.link);
        line_stop(&line);
    }
}

/* A partner that greets and then neither reads nor answers: sending ends in time, also when the line is full. */
static void test_a_partner_that_stops(void **state)
{
    uint8_t frame[32];
    struct kc_view message;
    (void)state;
    for (size_t kind = 0; kind < 3; kind += 2) {
        line_make(&line, kinds[kind]);
        echo_listen(&echo, &line.listener, 20, LONG_MS);
        int fd = kinds[kind] == KC_LINK_TTY ? line.ends[1] : call(&line.listener);
        size_t size = control(frame, KC_LINK_HELLO, 9);
        assert_int_equal(write(fd, frame, size), (ssize_t)size);
        (void)control(frame, KC_LINK_ACK, 9);
        assert_int_equal(write(fd, frame, size), (ssize_t)size);
        assert_int_equal(kc_link_accept(&echo.link, LONG_MS).code, KC_OK);
        start_clock();
        assert_int_equal(kc_link_receive(&message, &echo.link, SHORT_MS).code, KC_TIMEOUT);
        assert_in_time(SHORT_MS);
        for (unsigned i = 0; i < 4; i++) {
            start_clock();
            assert_int_equal(
                kc_link_send(&echo.link, kc_view(bytes, KC_LINK_PAYLOAD_MAX), SHORT_MS).code,
                KC_TIMEOUT);
            assert_in_time(SHORT_MS);
        }
        start_clock();
        kc_link_close(&echo.link);
        assert_in_time(KC_LINK_CLOSE_MS);
        if (kinds[kind] != KC_LINK_TTY) {
            (void)close(fd);
        }
        line_stop(&line);
    }
}

/* The partner's process dies: told at once, without SIGPIPE, whatever the time-out is. */
static void test_a_partner_that_vanishes(void **state)
{
    struct kc_view message;
    uint8_t frame[32];
    (void)state;
    for (int sending = 0; sending < 2; sending++) {
        line_make(&line, KC_LINK_UNIX);
        echo_listen(&echo, &line.listener, 0, LONG_MS);
        int fd = call(&line.listener);
        size_t size = control(frame, KC_LINK_HELLO, 9);
        pour(fd, frame, size, 1);
        (void)control(frame, KC_LINK_ACK, 9);
        pour(fd, frame, size, 1);
        assert_int_equal(kc_link_accept(&echo.link, LONG_MS).code, KC_OK);
        (void)close(fd);
        struct kc_result result = sending ? kc_link_send(&echo.link, kc_view(bytes, 100), LONG_MS)
                                          : kc_link_receive(&message, &echo.link, LONG_MS);
        assert_int_equal(result.code, KC_UNREACHABLE);
        assert_false(kc_link_ended(&echo.link));
        kc_link_close(&echo.link);
        line_stop(&line);
    }
}

/* On a cable nothing tells that the partner's process died, but its next HELLO does; then it may be greeted anew. */
static void test_a_partner_that_begins_anew(void **state)
{
    struct kc_view message;
    uint8_t frame[32];
    (void)state;
    line_make(&line, KC_LINK_TTY);
    echo_listen(&echo, &line.listener, 20, LONG_MS);
    int fd = line.ends[1];
    size_t size = control(frame, KC_LINK_HELLO, 9);
    assert_int_equal(write(fd, frame, size), (ssize_t)size);
    (void)control(frame, KC_LINK_HELLO, 10);
    assert_int_equal(write(fd, frame, size), (ssize_t)size);
    (void)control(frame, KC_LINK_ACK, 9); /* late, from the session before */
    assert_int_equal(write(fd, frame, size), (ssize_t)size);
    (void)control(frame, KC_LINK_ACK, 10);
    assert_int_equal(write(fd, frame, size), (ssize_t)size);
    assert_int_equal(kc_link_accept(&echo.link, LONG_MS).code, KC_OK);
    (void)control(frame, KC_LINK_HELLO, 11);
    assert_int_equal(write(fd, frame, size), (ssize_t)size);
    assert_int_equal(kc_link_receive(&message, &echo.link, LONG_MS).code, KC_UNREACHABLE);
    assert_false(kc_link_ended(&echo.link));
    kc_link_close(&echo.link);
    line_stop(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_over_every_kind),
        cmocka_unit_test(test_a_line_that_drips),
        cmocka_unit_test(test_both_speak_at_once),
        cmocka_unit_test(test_nobody_comes),
        cmocka_unit_test(test_nobody_answers_on_the_cable),
        cmocka_unit_test(test_callers_that_talk_nonsense),
        cmocka_unit_test(test_a_mute_caller_keeps_nobody_out),
        cmocka_unit_test(test_a_flood_of_good_frames),
        cmocka_unit_test(test_a_partner_that_stops),
        cmocka_unit_test(test_a_partner_that_vanishes),
        cmocka_unit_test(test_a_partner_that_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
