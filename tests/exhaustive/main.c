/* exhaustive [--depth N] [--threads N] [--whole] [--cash] [--quiet]: tries every order, loss, repeat and tear of the small world
 * up to a depth. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "small.h"

#define DEPTH_DEFAULT 6u

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static unsigned number_of(const char *text, unsigned max)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number == 0 || number > max) {
        (void)fprintf(stderr, "a number from 1 to %u, not %s\n", max, text);
        exit(2);
    }
    return (unsigned)number;
}

int main(int argc, char **argv)
{
    struct search_options options = {.depth = DEPTH_DEFAULT, .threads = 2};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--depth") == 0 && i + 1 < argc) {
            options.depth = number_of(argv[++i], LEVELS_MAX - 1);
        } else if (strcmp(argv[i], "--threads") == 0 && i + 1 < argc) {
            options.threads = number_of(argv[++i], 64);
        } else if (strcmp(argv[i], "--whole") == 0) {
            options.extra |= EXTRA_WHOLE;
        } else if (strcmp(argv[i], "--cash") == 0) {
            options.extra |= EXTRA_CASH;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            options.quiet = true;
        } else {
            (void)fputs(
                "usage: exhaustive [--depth N] [--threads N] [--whole] [--cash] [--quiet]\n",
                stderr);
            return 2;
        }
    }
    double start_s = now_s();
    struct whole_base *base = small_base();
    struct search_result result = search(base, &options);
    printf("%s: depth %u%s%s, %llu states, %llu steps, %llu endings, %llu power cuts, %.1f s\n",
           result.good ? "no violation" : "VIOLATION", options.depth,
           (options.extra & EXTRA_WHOLE) != 0 ? ", whole exchanges and reports" : "",
           (options.extra & EXTRA_CASH) != 0 ? ", withdrawals and deposits" : "",
           (unsigned long long)result.states, (unsigned long long)result.steps,
           (unsigned long long)result.endings, (unsigned long long)result.cuts, now_s() - start_s);
    free(base);
    return result.good ? 0 : 1;
}
