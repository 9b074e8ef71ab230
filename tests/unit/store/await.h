/* Tests that kill a process wait for its first acknowledgement, however slow the machine is, and kill it some moments later. */
#ifndef KC_TESTS_AWAIT_H
#define KC_TESTS_AWAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#define AWAIT_MS 30000

/* Waits until something can be read from `fd`, then `after_us` more; false when nothing came. */
static inline bool await_then(int fd, uint64_t after_us)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    bool came = poll(&poll_fd, 1, AWAIT_MS) == 1 && (poll_fd.revents & POLLIN) != 0;
    (void)usleep((useconds_t)after_us);
    return came;
}

#endif
