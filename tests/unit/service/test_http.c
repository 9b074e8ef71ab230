/* Does the HTTP server keep its limits against every kind of client, and does every refusal look the same? */
#include <arpa/inet.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "folder.h"
#include "service/http_server.h"

#define BODY_MAX 1000u
#define CONNECTIONS_MAX 40u
#define TIMEOUT_S 1u
#define REPLY_MAX 65536u

static struct kc_http_server *server;

struct reply {
    int status;
    char text[REPLY_MAX];
    const char *body;
    size_t size;
};

/* ---- the server's side ---- */

static void *answer_later(void *argument)
{
    struct kc_http_exchange *exchange = argument;
    (void)usleep(200000);
    kc_http_answer(exchange, 200, "text/plain", kc_view_text("later"));
    return NULL;
}

static void handle(void *owner, struct kc_http_exchange *exchange,
                   const struct kc_http_request *request)
{
    pthread_t thread;
    assert_ptr_equal(owner, &server);
    if (strcmp(request->path, "/later") == 0) {
        assert_int_equal(pthread_create(&thread, NULL, answer_later, exchange), 0);
        (void)pthread_detach(thread);
        return;
    }
    if (strcmp(request->path, "/who") == 0) {
        kc_http_answer(exchange, 200, "text/plain", kc_view_text(request->authorization));
        return;
    }
    struct kc_result result = kc_http_expect(request, "POST", KC_CONTENT_COSE);
    if (kc_failed(result)) {
        kc_http_answer_error(exchange, result.code);
    } else {
        kc_http_answer(exchange, 200, KC_CONTENT_COSE, request->body);
    }
}

static struct kc_http_options make_options(unsigned port)
{
    return (struct kc_http_options){.address = "127.0.0.1",
                                    .port = port,
                                    .threads = 2,
                                    .body_size_max = BODY_MAX,
                                    .connections_max = CONNECTIONS_MAX,
                                    .timeout_s = TIMEOUT_S,
                                    .owner = &server,
                                    .handle = handle};
}

static int start(void **state)
{
    struct kc_http_options options = make_options(0);
    (void)state;
    return kc_failed(kc_http_server_start(&server, &options));
}

static int stop(void **state)
{
    (void)state;
    kc_http_server_stop(server);
    return 0;
}

/* ---- the client's side: plain sockets ---- */

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)kc_http_server_port(server))};
    struct timeval limit = {.tv_sec = 10};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static bool send_all(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool send_text(int fd, const char *text)
{
    return send_all(fd, text, strlen(text));
}

/* Reads one response by its Content-Length. The status is 0 when the connection ends before. */
static void read_reply(int fd, struct reply *out)
{
    size_t size = 0;
    size_t whole = REPLY_MAX;
    memset(out, 0, sizeof *out);
    while (size < whole && size < REPLY_MAX - 1) {
        ssize_t got =
            recv(fd, out->text + size, (whole < REPLY_MAX ? whole : REPLY_MAX - 1) - size, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        const char *end = strstr(out->text, "\r\n\r\n");
        const char *length = strcasestr(out->text, "\r\nContent-Length: ");
        if (end != NULL && length != NULL) {
            out->body = end + 4;
            out->size = strtoul(length + 18, NULL, 10);
            whole = (size_t)(out->body - out->text) + out->size;
        }
    }
    if (size == whole) {
        out->status = (int)strtol(out->text + 9, NULL, 10);
    }
}

static void exchange_text(struct reply *out, const char *request)
{
    int fd = dial();
    assert_true(send_text(fd, request));
    read_reply(fd, out);
    (void)close(fd);
}

/* A POST with a body of that size, all 'b'. */
static void post(int fd, const char *path, const char *content_type, size_t size)
{
    static char body[8 * BODY_MAX];
    char head[256];
    memset(body, 'b', sizeof body);
    (void)snprintf(head, sizeof head,
                   "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                   path, content_type, size);
    assert_true(send_text(fd, head));
    (void)send_all(fd, body, size);
}

static void assert_error(const struct reply *reply, enum kc_error error)
{
    assert_int_equal(reply->status, kc_error_http_status(error));
    assert_non_null(strcasestr(reply->text, "\r\nContent-Type: application/json\r\n"));
    json_t *json = json_loadb(reply->body, reply->size, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_object_size(json), 2);
    assert_string_equal(json_string_value(json_object_get(json, "error")), kc_error_name(error));
    assert_string_equal(json_string_value(json_object_get(json, "words")), kc_error_words(error));
    json_decref(json);
}

static void assert_healthy(void)
{
    struct reply reply;
    exchange_text(&reply, "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_memory_equal(reply.body, "{\"status\": \"ok\"}", 16);
}

/* Milliseconds until the other side ends the connection; what it says before is dropped. */
static uint64_t wait_for_end(int fd)
{
    uint64_t start_ns = kc_clock_monotonic_ns();
    char drop[1024];
    while (recv(fd, drop, sizeof drop, 0) > 0) {
    }
    return (kc_clock_monotonic_ns() - start_ns) / 1000000;
}

/* ---- tests ---- */

static void health_is_answered(void **state)
{
    (void)state;
    assert_healthy();
}

static void bodies_up_to_the_limit_come_back(void **state)
{
    static const size_t sizes[] = {0, 1, 500, BODY_MAX - 1, BODY_MAX};
    struct reply reply;
    (void)state;
    int fd = dial();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        post(fd, "/v1/message", KC_CONTENT_COSE, sizes[i]);
        read_reply(fd, &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.size, sizes[i]);
        assert_int_equal(strspn(reply.body, "b"), sizes[i]);
    }
    (void)close(fd);
}

static void bodies_beyond_the_limit_are_refused(void **state)
{
    static const size_t sizes[] = {BODY_MAX + 1, 2 * BODY_MAX, 8 * BODY_MAX};
    struct reply reply;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int fd = dial();
        post(fd, "/v1/message", KC_CONTENT_COSE, sizes[i]);
        read_reply(fd, &reply);
        assert_error(&reply, KC_TOO_LARGE);
        (void)close(fd);
    }
    assert_healthy();
}

static void a_chunked_body_has_the_same_limit(void **state)
{
    struct reply reply;
    (void)state;
    for (unsigned chunks = 9; chunks <= 12; chunks++) {
        int fd = dial();
        char chunk[100 + 8];
        assert_true(send_text(
            fd, "POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n"
                "Transfer-Encoding: chunked\r\n\r\n"));
        memset(chunk, 'b', sizeof chunk);
        memcpy(chunk, "64\r\n", 4);
        memcpy(chunk + 104, "\r\n", 2);
        for (unsigned i = 0; i < chunks; i++) {
            (void)send_all(fd, chunk, 106);
        }
        (void)send_text(fd, "0\r\n\r\n");
        read_reply(fd, &reply);
        if (chunks * 100 <= BODY_MAX) {
            assert_int_equal(reply.status, 200);
            assert_int_equal(reply.size, chunks * 100);
        } else {
            assert_error(&reply, KC_TOO_LARGE);
        }
        (void)close(fd);
    }
}

static void wrong_methods_and_types_are_refused(void **state)
{
    static const char *const methods[] = {"GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"};
    static const char *const types[] = {"application/json", "text/plain", "application/cose; x=y",
                                        "application/cos", ""};
    struct reply reply;
    char request[256];
    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        (void)snprintf(request, sizeof request, "%s /v1/message HTTP/1.1\r\nHost: x\r\n\r\n",
                       methods[i]);
        exchange_text(&reply, request);
        assert_error(&reply, KC_INSTRUCTION);
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        int fd = dial();
        post(fd, "/v1/message", types[i], 10);
        read_reply(fd, &reply);
        assert_error(&reply, KC_CONTENT_TYPE);
        (void)close(fd);
    }
    exchange_text(&reply, "POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert_error(&reply, KC_CONTENT_TYPE);
    exchange_text(&reply, "POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: "
                          "APPLICATION/COSE\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(reply.status, 200);
}

static void headers_reach_the_handler(void **state)
{
    struct reply reply;
    (void)state;
    exchange_text(&reply, "GET /who HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_memory_equal(reply.body, "Bearer abc", 10);
    exchange_text(&reply, "GET /who HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(reply.size, 0);
}

static void what_is_no_http_ends_the_connection(void **state)
{
    static const char *const bad[] = {
        "\x16\x03\x01\x02\x01\x01\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n",
        "POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        "POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct reply reply;
        int fd = dial();
        assert_true(send_text(fd, bad[i]));
        read_reply(fd, &reply);
        assert_true(reply.status == 0 || reply.status >= 400);
        (void)close(fd);
    }
    assert_healthy();
}

static void long_headers_are_refused(void **state)
{
    static char filler[40000];
    struct reply reply;
    (void)state;
    int fd = dial();
    memset(filler, 'h', sizeof filler - 1);
    assert_true(send_text(fd, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "));
    (void)send_text(fd, filler);
    (void)send_text(fd, "\r\n\r\n");
    read_reply(fd, &reply);
    assert_true(reply.status == 431 || reply.status == 413 || reply.status == 0);
    (void)close(fd);
    assert_healthy();
}

static void half_open_connections_end(void **state)
{
    static const char *const begun[] = {"", "GET /v1/hea",
                                        ("POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                         "application/cose\r\nContent-Length: 50\r\n\r\nabc")};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int fd = dial();
        assert_true(send_text(fd, begun[i]));
        assert_healthy();
        uint64_t waited = wait_for_end(fd);
        assert_true(waited < 4000);
        (void)close(fd);
    }
}

/* After `begun`, one byte at a time, each in time, but never done. */
static void assert_ends_although_bytes_come(const char *begun)
{
    uint64_t start_ns = kc_clock_monotonic_ns();
    bool ended = false;
    int fd = dial();
    assert_true(send_text(fd, begun));
    for (unsigned i = 0; i < 100 && !ended; i++) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        char byte;
        ended = !send_text(fd, "s") || (poll(&wait, 1, 100) > 0 && recv(fd, &byte, 1, 0) <= 0);
    }
    (void)close(fd);
    assert_true(ended);
    assert_true(kc_clock_monotonic_ns() - start_ns < UINT64_C(8000000000));
    assert_healthy();
}

static void a_slow_body_ends_too(void **state)
{
    (void)state;
    assert_ends_although_bytes_come("POST /v1/message HTTP/1.1\r\nHost: x\r\nContent-Type: "
                                    "application/cose\r\nContent-Length: 900\r\n\r\n");
}

static void a_slow_header_ends_too(void **state)
{
    (void)state;
    assert_ends_although_bytes_come("POST /v1/message HTTP/1.1\r\nX-Slow: ");
}

/* With a patience of a minute, idle connections that hold every place make room within seconds. */
static void a_crowd_of_idle_connections_makes_room(void **state)
{
    struct kc_http_server *first = server;
    struct kc_http_options options = make_options(0);
    int fds[CONNECTIONS_MAX];
    (void)state;
    options.timeout_s = 60;
    assert_int_equal(kc_http_server_start(&server, &options).code, KC_OK);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = dial();
    }
    assert_true(wait_for_end(fds[0]) < 10000);
    assert_healthy();
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        (void)close(fds[i]);
    }
    kc_http_server_stop(server);
    server = first;
}

static void connections_beyond_the_limit_wait_outside(void **state)
{
    int fds[3 * CONNECTIONS_MAX];
    size_t answered = 0;
    (void)state;
    for (size_t i = 0; i < 3 * CONNECTIONS_MAX; i++) {
        fds[i] = dial();
        (void)send_text(fds[i], "GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    for (size_t i = 0; i < 3 * CONNECTIONS_MAX; i++) {
        struct pollfd wait = {.fd = fds[i], .events = POLLIN};
        char byte;
        answered += poll(&wait, 1, i == 0 ? 500 : 0) > 0 && recv(fds[i], &byte, 1, 0) == 1 ? 1 : 0;
    }
    assert_true(answered > 0 && answered <= CONNECTIONS_MAX);
    for (size_t i = 0; i < 3 * CONNECTIONS_MAX; i++) {
        (void)close(fds[i]);
    }
    assert_healthy();
}

static void *work(void *argument)
{
    uintptr_t good = 0;
    struct reply *reply = malloc(sizeof *reply);
    (void)argument;
    for (size_t i = 0; reply != NULL && i < 40; i++) {
        int fd = dial();
        post(fd, "/v1/message", KC_CONTENT_COSE, i * 20);
        read_reply(fd, reply);
        good += reply->status == 200 && reply->size == i * 20 ? 1 : 0;
        (void)close(fd);
    }
    free(reply);
    return (void *)good;
}

static void many_clients_get_their_own_answers(void **state)
{
    pthread_t threads[8];
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, NULL), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *good = NULL;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_int_equal((uintptr_t)good, 40);
    }
}

static void answers_may_come_later_and_clients_may_leave(void **state)
{
    struct reply reply;
    (void)state;
    for (size_t i = 0; i < 10; i++) {
        int fd = dial();
        assert_true(send_text(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
        (void)close(fd);
    }
    exchange_text(&reply, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_memory_equal(reply.body, "later", 5);
    assert_healthy();
}

static void a_taken_port_is_named_as_such(void **state)
{
    struct kc_http_options options = make_options(kc_http_server_port(server));
    struct kc_http_server *second = NULL;
    (void)state;
    assert_true(options.port != 0);
    assert_int_equal(kc_http_server_start(&second, &options).code, KC_ADDRESS_IN_USE);
    options.address = "not an address";
    assert_int_equal(kc_http_server_start(&second, &options).code, KC_CONFIG_INVALID);
    assert_null(second);
}

static void stopping_waits_for_open_answers(void **state)
{
    struct reply reply;
    (void)state;
    struct kc_http_server *first = server;
    assert_int_equal(start(NULL), 0);
    int fd = dial();
    assert_true(send_text(fd, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"));
    (void)usleep(100000);
    uint64_t start_ns = kc_clock_monotonic_ns();
    kc_http_server_stop(server);
    assert_true(kc_clock_monotonic_ns() - start_ns > UINT64_C(50000000));
    read_reply(fd, &reply);
    assert_true(reply.status == 200 || reply.status == 0);
    (void)close(fd);
    server = first;
    assert_healthy();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_is_answered),
        cmocka_unit_test(bodies_up_to_the_limit_come_back),
        cmocka_unit_test(bodies_beyond_the_limit_are_refused),
        cmocka_unit_test(a_chunked_body_has_the_same_limit),
        cmocka_unit_test(wrong_methods_and_types_are_refused),
        cmocka_unit_test(headers_reach_the_handler),
        cmocka_unit_test(what_is_no_http_ends_the_connection),
        cmocka_unit_test(long_headers_are_refused),
        cmocka_unit_test(half_open_connections_end),
        cmocka_unit_test(a_slow_body_ends_too),
        cmocka_unit_test(a_slow_header_ends_too),
        cmocka_unit_test(a_crowd_of_idle_connections_makes_room),
        cmocka_unit_test(connections_beyond_the_limit_wait_outside),
        cmocka_unit_test(many_clients_get_their_own_answers),
        cmocka_unit_test(answers_may_come_later_and_clients_may_leave),
        cmocka_unit_test(a_taken_port_is_named_as_such),
        cmocka_unit_test(stopping_waits_for_open_answers),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
