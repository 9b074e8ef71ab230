#include "burst.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

#define TIMEOUT_S 30

struct connection {
    int fd;
    struct burst_request *request; /* under way, or NULL */
};

struct burst {
    int poll;
    size_t count;
    struct connection connections[BURST_CONNECTIONS_MAX];
};

static int connect_to(const char *url)
{
    char address[64];
    unsigned port = 0;
    int on = 1;
    const struct timeval patience = {.tv_sec = TIMEOUT_S};
    struct sockaddr_in to = {.sin_family = AF_INET};
    if (sscanf(url, "http://%63[0-9.]:%u", address, &port) != 2 || port > UINT16_MAX ||
        inet_pton(AF_INET, address, &to.sin_addr) != 1) {
        return -1;
    }
    to.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        (void)close(fd);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

struct burst *burst_open(const char *url, size_t connections)
{
    struct burst *burst = calloc(1, sizeof *burst);
    if (burst == NULL || connections > BURST_CONNECTIONS_MAX) {
        free(burst);
        return NULL;
    }
    burst->poll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < connections && burst->poll >= 0; i++) {
        struct connection *connection = &burst->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = connection}};
        connection->fd = connect_to(url);
        if (connection->fd < 0) {
            break;
        }
        burst->count += 1;
        (void)epoll_ctl(burst->poll, EPOLL_CTL_ADD, connection->fd, &event);
    }
    if (burst->count < connections) {
        burst_close(burst);
        return NULL;
    }
    return burst;
}

void burst_close(struct burst *burst)
{
    if (burst == NULL) {
        return;
    }
    for (size_t i = 0; i < burst->count; i++) {
        (void)close(burst->connections[i].fd);
    }
    if (burst->poll >= 0) {
        (void)close(burst->poll);
    }
    free(burst);
}

bool burst_fill(struct burst_request *request, struct kc_view envelope)
{
    int head =
        snprintf((char *)request->request, sizeof request->request,
                 "POST /v1/message HTTP/1.1\r\nHost: bank\r\nContent-Type: application/cose\r\n"
                 "Content-Length: %zu\r\n\r\n",
                 envelope.size);
    if (head < 0 || (size_t)head + envelope.size > sizeof request->request) {
        return false;
    }
    memcpy(request->request + head, envelope.data, envelope.size);
    request->request_size = (size_t)head + envelope.size;
    request->reply_size = 0;
    request->good = false;
    return true;
}

/* The requests are smaller than what a socket takes at once. */
static bool start(struct connection *connection, struct burst_request *request)
{
    connection->request = request;
    return send(connection->fd, request->request, request->request_size, MSG_NOSIGNAL) ==
           (ssize_t)request->request_size;
}

/* Whether the reply is whole; then its body is known. */
static bool is_whole(struct burst_request *request)
{
    static const char length[] = "\r\nContent-Length: ";
    char *text = (char *)request->reply;
    text[request->reply_size] = '\0';
    char *end = strstr(text, "\r\n\r\n");
    const char *size = strstr(text, length);
    if (end == NULL || size == NULL || size > end) {
        return false;
    }
    size_t head = (size_t)(end + 4 - text);
    size_t body = strtoul(size + sizeof length - 1, NULL, 10);
    if (request->reply_size < head + body) {
        return false;
    }
    request->body = kc_view(request->reply + head, body);
    request->good = strncmp(text, "HTTP/1.1 200 ", 13) == 0;
    return true;
}

/* 1: the answer is whole; 0: more has to come; -1: broken. */
static int take(struct connection *connection, int flags)
{
    struct burst_request *request = connection->request;
    if (request == NULL) {
        return -1;
    }
    size_t room = sizeof request->reply - 1 - request->reply_size;
    ssize_t got = recv(connection->fd, request->reply + request->reply_size, room, flags);
    if (got <= 0) {
        bool later = got < 0 && (errno == EINTR || (errno == EAGAIN && flags == MSG_DONTWAIT));
        return later ? 0 : -1;
    }
    request->reply_size += (size_t)got;
    return is_whole(request) ? 1 : 0;
}

uint64_t burst_run(struct burst *burst, struct burst_request **requests, size_t count)
{
    struct epoll_event events[BURST_CONNECTIONS_MAX];
    size_t sent = 0;
    size_t done = 0;
    bool good = true;
    uint64_t start_ns = kc_clock_monotonic_ns();
    for (; sent < burst->count && sent < count && good; sent++) {
        good = start(&burst->connections[sent], requests[sent]);
    }
    while (done < count && good) {
        int ready = epoll_wait(burst->poll, events, (int)burst->count, TIMEOUT_S * 1000);
        good = ready > 0 || (ready < 0 && errno == EINTR);
        for (int i = 0; i < ready && good; i++) {
            struct connection *connection = events[i].data.ptr;
            int taken = take(connection, MSG_DONTWAIT);
            good = taken >= 0;
            if (taken != 1) {
                continue;
            }
            done += 1;
            connection->request = NULL;
            if (sent < count) {
                good = start(connection, requests[sent++]);
            }
        }
    }
    return good ? kc_clock_monotonic_ns() - start_ns : 0;
}

bool burst_call(struct burst *burst, struct burst_request *request)
{
    struct connection *connection = &burst->connections[0];
    int taken = start(connection, request) ? 0 : -1;
    while (taken == 0) {
        taken = take(connection, 0);
    }
    connection->request = NULL;
    return taken == 1;
}
