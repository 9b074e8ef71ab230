#define _POSIX_C_SOURCE 200809L

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_SIZE 1024

/* The one piece of state that is not a constant: it is written once, before any thread starts. */
static struct {
    char process[24];
    enum kc_log_level least;
} settings = {"kinchaku", KC_LOG_INFO};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void kc_log_open(const char *process, enum kc_log_level least)
{
    (void)snprintf(settings.process, sizeof settings.process, "%s", process);
    settings.least = least;
}

static void clean(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

void kc_log(enum kc_log_level level, const char *format, ...)
{
    if (level < settings.least) {
        return;
    }
    char line[LINE_SIZE];
    char when[KC_CLOCK_TEXT_SIZE];
    kc_clock_format(when, kc_clock_now_ms());
    int head =
        snprintf(line, sizeof line - 1, "%s %s %s ", when, settings.process, level_names[level]);
    if (head < 0) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line + head, sizeof line - 1 - (size_t)head, format, arguments);
    va_end(arguments);
    clean(line + head);
    size_t size = strlen(line);
    line[size++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, size);
    (void)written;
}
