/* A trace of protocol steps, for demonstrations and tests: one JSON object a line, to a file or to a local socket whose other end
 * answers each line with one byte before the program goes on. So an onlooker can look at both sides between two steps. */
#ifndef KC_SERVICE_TRACE_H
#define KC_SERVICE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* fd below 0: nothing is traced. */
struct kc_trace {
    int fd;
    bool waits;
};

struct kc_step {
    const char *step; /* the name in EP1221669, such as Sa2 */
    const char *from;
    const char *to;
    const char *what;
    size_t bytes;     /* of the message, 0 when nothing travels */
    uint64_t account; /* 0: not known yet */
    const char *uim;  /* what the UIM holds, as text; NULL: not known */
};

/* `place` is a file to append to, `unix:PATH`, or NULL for no trace. KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_trace_open(struct kc_trace *out, const char *place);
void kc_trace_close(struct kc_trace *trace);

/* Writes one line. A trace that cannot be written never disturbs the protocol. */
void kc_trace_step(const struct kc_trace *trace, const struct kc_step *step);

#endif
