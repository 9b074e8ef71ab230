/* Lines of bytes below a link: opening, accepting, connecting, closing. All file descriptors are non-blocking and closed at exec.
 * The errors are those of link.h. Deadlines are of the monotonic clock. */
#ifndef KC_LINK_STREAM_H
#define KC_LINK_STREAM_H

#include "link/link.h"

/* Sets link->listener, or link->fd of a terminal, and what belongs to it. */
KC_MUST_USE struct kc_result kc_stream_listen(struct kc_link *link);
/* Sets link->fd to the next caller on the listener. */
KC_MUST_USE struct kc_result kc_stream_accept(struct kc_link *link, uint64_t deadline_ns);
KC_MUST_USE struct kc_result kc_stream_connect(struct kc_link *link, uint64_t deadline_ns);

/* Reads what is there, at least one byte. KC_TIMEOUT at the deadline, KC_UNREACHABLE at the end. */
KC_MUST_USE struct kc_result kc_stream_read(struct kc_buffer *out, int fd, uint64_t deadline_ns);
KC_MUST_USE struct kc_result kc_stream_write(int fd, struct kc_view bytes, uint64_t deadline_ns);

/* Hangs up on the partner; the listener stays. */
void kc_stream_hang_up(struct kc_link *link);
void kc_stream_close(struct kc_link *link);

#endif
