/* The patience of the HTTP server with connections that are open and say nothing, or say it byte by byte. The library's own
 * time-out starts anew with every byte, so somebody could hold a place for ever; here each wait for a whole header or a whole
 * body has one end. When most places are taken the patience is short, so that the next client gets in soon.
 *
 * A connection is `waiting` from its start, and from the end of each answer, until its next request is complete. */
#ifndef KC_SERVICE_HTTP_GUARD_H
#define KC_SERVICE_HTTP_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* The patience once more than half of the places are taken. */
#define KC_HTTP_CROWDED_MS 1000u

struct kc_http_place {
    struct kc_http_place *next;
    struct kc_http_place *previous;
    uint64_t since_ns;
    int fd;
    bool waiting;
};

struct kc_http_guard {
    pthread_mutex_t lock;
    pthread_cond_t stop;
    pthread_t thread;
    struct kc_http_place *first;
    size_t count;
    size_t count_max;
    uint64_t patience_ns;
    bool stopping;
};

/* Starts the thread that looks after the places. KC_INTERNAL. */
KC_MUST_USE struct kc_result kc_http_guard_start(struct kc_http_guard *guard, size_t count_max,
                                                 unsigned patience_s);
void kc_http_guard_stop(struct kc_http_guard *guard);

/* A connection begins; NULL when there is no memory, and then it is not looked after. */
struct kc_http_place *kc_http_guard_enter(struct kc_http_guard *guard, int fd);
/* It ends; its descriptor must still be open, so that no other connection has its number. */
void kc_http_guard_leave(struct kc_http_guard *guard, struct kc_http_place *place);

/* It waits for the client from now on, or no longer. `place` may be NULL. */
void kc_http_guard_wait(struct kc_http_guard *guard, struct kc_http_place *place, bool waiting);

/* Makes room for descriptors as far as the system allows, and gives how many connections may be open with some left for files,
 * databases and calls to others: at most `wanted`. */
unsigned kc_http_guard_places(unsigned wanted);

#endif
