#define _GNU_SOURCE

#include "service/http_guard.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define LOOK_EVERY_MS 250u
/* Descriptors that are not connections: files, databases, the directory, the ordinary bank. */
#define DESCRIPTORS_KEPT 96u

/* Ends the connections that waited too long: the library sees the end of the stream and closes them itself. */
static void look(struct kc_http_guard *guard)
{
    uint64_t now_ns = kc_clock_monotonic_ns();
    uint64_t crowded_ns = KC_HTTP_CROWDED_MS * NS_PER_MS;
    bool crowded = guard->count > guard->count_max / 2 && crowded_ns < guard->patience_ns;
    uint64_t patience_ns = crowded ? crowded_ns : guard->patience_ns;
    for (struct kc_http_place *place = guard->first; place != NULL; place = place->next) {
        if (place->waiting && now_ns - place->since_ns > patience_ns) {
            (void)shutdown(place->fd, SHUT_RDWR);
            place->waiting = false;
        }
    }
}

static void *guard_main(void *argument)
{
    struct kc_http_guard *guard = argument;
    (void)pthread_mutex_lock(&guard->lock);
    while (!guard->stopping) {
        uint64_t until_ns = kc_clock_monotonic_ns() + LOOK_EVERY_MS * NS_PER_MS;
        struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                 .tv_nsec = (long)(until_ns % NS_PER_S)};
        (void)pthread_cond_timedwait(&guard->stop, &guard->lock, &until);
        look(guard);
    }
    (void)pthread_mutex_unlock(&guard->lock);
    return NULL;
}

struct kc_result kc_http_guard_start(struct kc_http_guard *guard, size_t count_max,
                                     unsigned patience_s)
{
    pthread_condattr_t attributes;
    *guard = (struct kc_http_guard){.count_max = count_max, .patience_ns = NS_PER_S * patience_s};
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&guard->lock, NULL);
    (void)pthread_cond_init(&guard->stop, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return kc_result(pthread_create(&guard->thread, NULL, guard_main, guard) == 0 ? KC_OK
                                                                                  : KC_INTERNAL);
}

void kc_http_guard_stop(struct kc_http_guard *guard)
{
    (void)pthread_mutex_lock(&guard->lock);
    guard->stopping = true;
    (void)pthread_cond_signal(&guard->stop);
    (void)pthread_mutex_unlock(&guard->lock);
    (void)pthread_join(guard->thread, NULL);
    (void)pthread_cond_destroy(&guard->stop);
    (void)pthread_mutex_destroy(&guard->lock);
}

struct kc_http_place *kc_http_guard_enter(struct kc_http_guard *guard, int fd)
{
    struct kc_http_place *place = calloc(1, sizeof *place);
    if (place == NULL) {
        return NULL;
    }
    place->fd = fd;
    place->waiting = true;
    place->since_ns = kc_clock_monotonic_ns();
    (void)pthread_mutex_lock(&guard->lock);
    place->next = guard->first;
    if (guard->first != NULL) {
        guard->first->previous = place;
    }
    guard->first = place;
    guard->count += 1;
    (void)pthread_mutex_unlock(&guard->lock);
    return place;
}

void kc_http_guard_leave(struct kc_http_guard *guard, struct kc_http_place *place)
{
    if (place == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&guard->lock);
    if (place->previous != NULL) {
        place->previous->next = place->next;
    } else {
        guard->first = place->next;
    }
    if (place->next != NULL) {
        place->next->previous = place->previous;
    }
    guard->count -= 1;
    (void)pthread_mutex_unlock(&guard->lock);
    free(place);
}

void kc_http_guard_wait(struct kc_http_guard *guard, struct kc_http_place *place, bool waiting)
{
    if (place == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&guard->lock);
    place->waiting = waiting;
    place->since_ns = kc_clock_monotonic_ns();
    (void)pthread_mutex_unlock(&guard->lock);
}

unsigned kc_http_guard_places(unsigned wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return wanted;
    }
    rlim_t enough = (rlim_t)wanted + DESCRIPTORS_KEPT;
    if (limit.rlim_cur < enough) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < enough ? limit.rlim_max : enough;
        limit.rlim_cur = setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
    }
    if (limit.rlim_cur >= enough) {
        return wanted;
    }
    return limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? (unsigned)(limit.rlim_cur - DESCRIPTORS_KEPT)
                                                 : (unsigned)(limit.rlim_cur / 2);
}
