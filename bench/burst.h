/* Requests to one server with as little work on this side as can be, because what is measured is the server: one at a time, or
 * many as fast as it answers, from one thread. */
#ifndef KC_BENCH_BURST_H
#define KC_BENCH_BURST_H

#include "base/bytes.h"
#include "base/limits.h"

#define BURST_CONNECTIONS_MAX 256u
#define BURST_ROOM (KC_MESSAGE_SIZE_MAX + 1024u)

/* A request made beforehand, and what came back. */
struct burst_request {
    uint8_t request[BURST_ROOM];
    size_t request_size;
    uint8_t reply[BURST_ROOM];
    size_t reply_size;
    struct kc_view body; /* of the reply */
    bool good;           /* the status was 200 and the reply is whole */
};

struct burst;

/* Opens that many connections to http://ADDRESS:PORT, or NULL. */
struct burst *burst_open(const char *url, size_t connections);
void burst_close(struct burst *burst);

/* Makes the HTTP request around an envelope. */
bool burst_fill(struct burst_request *request, struct kc_view envelope);

/* Sends all and waits for every answer; the time that took, or 0 when a connection broke. */
uint64_t burst_run(struct burst *burst, struct burst_request **requests, size_t count);

/* Sends one over the first connection and waits for its answer; false when the connection broke. */
bool burst_call(struct burst *burst, struct burst_request *request);

#endif
