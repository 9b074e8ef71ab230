/* A trace of protocol steps: one JSON object a line, appended to a file, for demonstrations and tests. */
#ifndef KC_SERVICE_TRACE_H
#define KC_SERVICE_TRACE_H

#include <stddef.h>
#include <stdio.h>

/* Appends {"step", "from", "to", "what", "bytes"} to `path`; nothing when path is NULL. */
static inline void kc_trace(const char *path, const char *step, const char *from, const char *to,
                            const char *what, size_t bytes)
{
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file != NULL) {
        (void)fprintf(file,
                      "{\"step\": \"%s\", \"from\": \"%s\", \"to\": \"%s\", \"what\": \"%s\", "
                      "\"bytes\": %zu}\n",
                      step, from, to, what, bytes);
        (void)fclose(file);
    }
}

#endif
