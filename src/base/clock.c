#define _POSIX_C_SOURCE 200809L

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

static struct timespec read_clock(clockid_t id)
{
    struct timespec now;
    int status = clock_gettime(id, &now);
    KC_ASSERT(status == 0);
    return now;
}

uint64_t kc_clock_now_ms(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

uint64_t kc_clock_monotonic_ns(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void kc_clock_format(char out[KC_CLOCK_TEXT_SIZE], uint64_t time_ms)
{
    /* Years past 9999 do not fit the text; such a time comes only from a hostile message. */
    if (time_ms > UINT64_C(253402300799999)) {
        memcpy(out, "9999-12-31T23:59:59.999Z", KC_CLOCK_TEXT_SIZE);
        return;
    }
    time_t seconds = (time_t)(time_ms / 1000u);
    struct tm parts;
    KC_ASSERT(gmtime_r(&seconds, &parts) != NULL);
    size_t size = strftime(out, KC_CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    KC_ASSERT(size == 19);
    (void)snprintf(out + size, KC_CLOCK_TEXT_SIZE - size, ".%03uZ", (unsigned)(time_ms % 1000u));
}
