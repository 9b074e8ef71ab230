/* Clock: milliseconds since 1970-01-01T00:00:00Z for time stamps, and a monotonic clock for waiting. */
#ifndef KC_BASE_CLOCK_H
#define KC_BASE_CLOCK_H

#include <stdint.h>

#define KC_CLOCK_TEXT_SIZE 25

uint64_t kc_clock_now_ms(void);
uint64_t kc_clock_monotonic_ns(void);

/* Writes such as 2026-11-23T10:00:00.000Z and a final NUL. */
void kc_clock_format(char out[KC_CLOCK_TEXT_SIZE], uint64_t time_ms);

#endif
