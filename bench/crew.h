/* The same work on several threads for so many seconds: what the benchmarks of bare operations share. */
#ifndef KC_BENCH_CREW_H
#define KC_BENCH_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/port.h"

#define CREW_MAX 64u

/* As many as the machine has cores, 1 when that is not known or more than CREW_MAX. */
size_t crew_cores(void);

/* es256, rs2048, rs3072; KC_KEY_NONE for other words. */
enum kc_key_type crew_suite(const char *word);

/* `one` again and again on each of `count` workers (of `size` bytes, one behind the other), each on a thread of its own. Gives
 * how often a second in all; 0 when one failed or a thread could not be had. */
double crew_run(void *workers, size_t size, size_t count, unsigned seconds,
                bool (*one)(void *worker));

#endif
