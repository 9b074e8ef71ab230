/* Put before a server with LD_PRELOAD: its wall clock is off by the milliseconds in the file $KINCHAKU_TEST_CLOCK, which are read
 * anew at every look at the clock. So a clock jumps while the server runs. */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long read_offset_ms(void)
{
    const char *path = getenv("KINCHAKU_TEST_CLOCK");
    long offset_ms = 0;
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    if (file != NULL) {
        char text[32] = "";
        offset_ms = fgets(text, sizeof text, file) == NULL ? 0 : strtol(text, NULL, 10);
        (void)fclose(file);
    }
    return offset_ms;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    union {
        void *found;
        int (*call)(clockid_t, struct timespec *);
    } real = {.found = dlsym(RTLD_NEXT, "clock_gettime")};
    int status = real.call(id, out);
    if (status == 0 && id == CLOCK_REALTIME) {
        long offset_ms = read_offset_ms();
        out->tv_sec += offset_ms / 1000;
    }
    return status;
}

/* libcrypto looks at this one. slapd does too, and counts time by it: it keeps the real one. */
time_t time(time_t *out)
{
    struct timespec now;
    union {
        void *found;
        time_t (*call)(time_t *);
    } real = {.found = dlsym(RTLD_NEXT, "time")};
    if (strcmp(program_invocation_short_name, "slapd") == 0) {
        return real.call(out);
    }
    time_t seconds = clock_gettime(CLOCK_REALTIME, &now) == 0 ? now.tv_sec : (time_t)-1;
    if (out != NULL) {
        *out = seconds;
    }
    return seconds;
}
