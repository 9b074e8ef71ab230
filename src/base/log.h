/* Log: one line an event on stderr, such as
 *   2026-11-23T10:00:00.000Z bank warn refused reason=replayed purse=18 from=127.0.0.1
 * Callers pass names, numbers and stable error names. They never pass keys, PINs, passwords or names of
 * people; control characters in text values are written as '?'. Lines are written whole (one write). */
#ifndef KC_BASE_LOG_H
#define KC_BASE_LOG_H

enum kc_log_level { KC_LOG_DEBUG, KC_LOG_INFO, KC_LOG_WARN, KC_LOG_ERROR };

/* Sets the name of this process for every line and the least level written. Call once at start. */
void kc_log_open(const char *process, enum kc_log_level least);

__attribute__((format(printf, 2, 3))) void kc_log(enum kc_log_level level, const char *format, ...);

#endif
