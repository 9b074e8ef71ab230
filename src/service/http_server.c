#define _GNU_SOURCE

#include "service/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "service/http_guard.h"

/* Each connection takes a page for its headers; longer headers are refused by the library with 431. */
#define CONNECTION_MEMORY 16384u

enum phase { PHASE_RECEIVING, PHASE_REFUSED, PHASE_HANDLED, PHASE_ANSWERED };

struct kc_http_server {
    struct MHD_Daemon *daemon;
    struct kc_http_options options;
    struct kc_http_guard guard;
    unsigned port;
    pthread_mutex_t lock;
    pthread_cond_t quiet;
    size_t pending; /* handed over and not answered yet */
    atomic_bool stopping;
};

struct kc_http_exchange {
    struct kc_http_server *server;
    struct MHD_Connection *connection;
    enum phase phase;
    enum kc_error refusal;
    int status;
    struct MHD_Response *response;
    pthread_mutex_t lock;
    bool suspended;
    size_t size;
    uint8_t body[];
};

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value == NULL ? "" : value;
}

/* A value with a NUL in it would read as a shorter one, down to none: it is nothing that any path knows. */
static const char *argument(struct MHD_Connection *connection, const char *name)
{
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value,
                                      &size) != MHD_YES ||
        value == NULL) {
        return "";
    }
    return strlen(value) == size ? value : "?";
}

static void begin_pending(struct kc_http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->pending += 1;
    (void)pthread_mutex_unlock(&server->lock);
}

static void end_pending(struct kc_http_server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    KC_ASSERT(server->pending > 0);
    server->pending -= 1;
    (void)pthread_cond_broadcast(&server->quiet);
    (void)pthread_mutex_unlock(&server->lock);
}

static struct MHD_Response *make_response(const char *content_type, struct kc_view content)
{
    /* The library's parameter lacks the const that it honours with MUST_COPY. */
    union {
        const void *in;
        void *out;
    } body = {.in = content.data};
    struct MHD_Response *response =
        MHD_create_response_from_buffer(content.size, body.out, MHD_RESPMEM_MUST_COPY);
    if (response != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    }
    return response;
}

void kc_http_answer(struct kc_http_exchange *exchange, int status, const char *content_type,
                    struct kc_view content)
{
    struct MHD_Response *response = make_response(content_type, content);
    (void)pthread_mutex_lock(&exchange->lock);
    KC_ASSERT(exchange->phase == PHASE_HANDLED);
    exchange->response = response;
    exchange->status = status;
    exchange->phase = PHASE_ANSWERED;
    bool resume = exchange->suspended;
    struct kc_http_server *server = exchange->server;
    (void)pthread_mutex_unlock(&exchange->lock);
    if (resume) {
        MHD_resume_connection(exchange->connection);
    }
    end_pending(server);
}

void kc_http_answer_error(struct kc_http_exchange *exchange, enum kc_error error)
{
    char text[256];
    int size = snprintf(text, sizeof text, "{\"error\": \"%s\", \"words\": \"%s\"}\n",
                        kc_error_name(error), kc_error_words(error));
    kc_http_answer(exchange, kc_error_http_status(error), KC_CONTENT_JSON,
                   kc_view(text, size > 0 ? (size_t)size : 0));
}

struct kc_result kc_http_expect(const struct kc_http_request *request, const char *method,
                                const char *content_type)
{
    if (strcmp(request->method, method) != 0) {
        return kc_result(KC_INSTRUCTION);
    }
    if (content_type != NULL && strcasecmp(request->content_type, content_type) != 0) {
        return kc_result(KC_CONTENT_TYPE);
    }
    return kc_ok();
}

static void wait_for_client(struct kc_http_server *server, struct MHD_Connection *connection,
                            bool waiting)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info != NULL) {
        kc_http_guard_wait(&server->guard, info->socket_context, waiting);
    }
}

static struct kc_http_exchange *open_exchange(struct kc_http_server *server,
                                              struct MHD_Connection *connection)
{
    struct kc_http_exchange *exchange = malloc(sizeof *exchange + server->options.body_size_max);
    if (exchange == NULL) {
        return NULL;
    }
    memset(exchange, 0, sizeof *exchange);
    exchange->server = server;
    exchange->connection = connection;
    (void)pthread_mutex_init(&exchange->lock, NULL);
    return exchange;
}

static void receive(struct kc_http_exchange *exchange, const char *data, size_t size)
{
    size_t room = exchange->server->options.body_size_max - exchange->size;
    if (exchange->phase == PHASE_REFUSED || size > room) {
        exchange->phase = PHASE_REFUSED;
        exchange->refusal = KC_TOO_LARGE;
        return;
    }
    memcpy(exchange->body + exchange->size, data, size);
    exchange->size += size;
}

/* Hands the request over. True when the answer is there at return; else the connection sleeps until it is, and the
 * library calls again. */
static bool dispatch(struct kc_http_exchange *exchange, const char *method, const char *path)
{
    struct kc_http_server *server = exchange->server;
    struct kc_http_request request = {
        .method = method,
        .path = path,
        .content_type = header(exchange->connection, MHD_HTTP_HEADER_CONTENT_TYPE),
        .authorization = header(exchange->connection, MHD_HTTP_HEADER_AUTHORIZATION),
        .purse = argument(exchange->connection, "purse"),
        .reference = argument(exchange->connection, "reference"),
        .after = argument(exchange->connection, "after"),
        .have = argument(exchange->connection, "have"),
        .body = kc_view(exchange->body, exchange->size)};
    bool refused = exchange->phase == PHASE_REFUSED;
    exchange->phase = PHASE_HANDLED;
    begin_pending(server);
    if (refused) {
        kc_http_answer_error(exchange, exchange->refusal);
    } else if (strcmp(path, "/v1/health") == 0) {
        kc_http_answer(exchange, 200, KC_CONTENT_JSON, kc_view_text("{\"status\": \"ok\"}\n"));
    } else if (server->stopping) {
        kc_http_answer_error(exchange, KC_BUSY);
    } else {
        server->options.handle(server->options.owner, exchange, &request);
    }
    (void)pthread_mutex_lock(&exchange->lock);
    bool answered = exchange->phase == PHASE_ANSWERED;
    if (!answered) {
        exchange->suspended = true;
        MHD_suspend_connection(exchange->connection);
    }
    (void)pthread_mutex_unlock(&exchange->lock);
    return answered;
}

static enum MHD_Result send_response(struct kc_http_exchange *exchange)
{
    if (exchange->response == NULL) {
        return MHD_NO;
    }
    return MHD_queue_response(exchange->connection, (unsigned)exchange->status, exchange->response);
}

/* The library calls this for the headers, for each piece of the body, for its end, and after a resume. */
static enum MHD_Result on_access(void *owner, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **state)
{
    struct kc_http_exchange *exchange = *state;
    (void)version;
    if (exchange == NULL) {
        /* The header is there; the body has a time of its own. */
        wait_for_client(owner, connection, true);
        exchange = open_exchange(owner, connection);
        *state = exchange;
        return exchange == NULL ? MHD_NO : MHD_YES;
    }
    if (*size > 0) {
        receive(exchange, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (exchange->phase == PHASE_RECEIVING || exchange->phase == PHASE_REFUSED) {
        wait_for_client(owner, connection, false);
        return dispatch(exchange, method, url) ? send_response(exchange) : MHD_YES;
    }
    return send_response(exchange);
}

static void on_completed(void *owner, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct kc_http_exchange *exchange = *state;
    (void)code;
    wait_for_client(owner, connection, true);
    if (exchange == NULL) {
        return;
    }
    if (exchange->response != NULL) {
        MHD_destroy_response(exchange->response);
    }
    (void)pthread_mutex_destroy(&exchange->lock);
    free(exchange);
    *state = NULL;
}

/* Without the option each small answer waits for the other side's delayed acknowledgement. */
static void on_connection(void *owner, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct kc_http_server *server = owner;
    if (code != MHD_CONNECTION_NOTIFY_STARTED) {
        kc_http_guard_leave(&server->guard, *state);
        *state = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int on = 1;
    if (info != NULL) {
        (void)setsockopt(info->connect_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        *state = kc_http_guard_enter(&server->guard, info->connect_fd);
    }
}

static struct MHD_Daemon *start_daemon(struct kc_http_server *server, struct sockaddr_in *address)
{
    const struct kc_http_options *options = &server->options;
    unsigned flags =
        MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    /* Nothing is said about the reuse of the address: then a server that was killed starts again at
     * once, and two at one port still exclude each other. */
    if (options->threads < 2) {
        return MHD_start_daemon(
            flags, 0, NULL, NULL, on_access, server, MHD_OPTION_SOCK_ADDR,
            (struct sockaddr *)address, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
            MHD_OPTION_CONNECTION_TIMEOUT, options->timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
            (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
    }
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)address,
        MHD_OPTION_THREAD_POOL_SIZE, options->threads, MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max, MHD_OPTION_CONNECTION_TIMEOUT, options->timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
}

struct kc_result kc_http_server_start(struct kc_http_server **out,
                                      const struct kc_http_options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    struct kc_http_server *server = calloc(1, sizeof *server);
    if (server == NULL || inet_pton(AF_INET, options->address, &address.sin_addr) != 1) {
        free(server);
        return kc_result(server == NULL ? KC_NO_MEMORY : KC_CONFIG_INVALID);
    }
    server->options = *options;
    server->options.connections_max = kc_http_guard_places(options->connections_max);
    struct kc_result result =
        kc_http_guard_start(&server->guard, server->options.connections_max, options->timeout_s);
    if (kc_failed(result)) {
        free(server);
        return result;
    }
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_cond_init(&server->quiet, NULL);
    server->daemon = start_daemon(server, &address);
    if (server->daemon == NULL) {
        kc_http_guard_stop(&server->guard);
        free(server);
        return kc_result(KC_ADDRESS_IN_USE);
    }
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info == NULL ? options->port : info->port;
    *out = server;
    return kc_ok();
}

unsigned kc_http_server_port(const struct kc_http_server *server)
{
    return server->port;
}

void kc_http_server_stop(struct kc_http_server *server)
{
    (void)MHD_quiesce_daemon(server->daemon);
    (void)pthread_mutex_lock(&server->lock);
    server->stopping = true;
    while (server->pending > 0) {
        (void)pthread_cond_wait(&server->quiet, &server->lock);
    }
    (void)pthread_mutex_unlock(&server->lock);
    MHD_stop_daemon(server->daemon);
    kc_http_guard_stop(&server->guard);
    (void)pthread_cond_destroy(&server->quiet);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}
