#define _GNU_SOURCE

#include "link/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"

/* Others wait here while one caller is greeted. */
#define BACKLOG 4
#define NS_PER_MS 1000000u
#define POLL_MS_MAX 60000u

union address {
    struct sockaddr any;
    struct sockaddr_un local;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

/* ---- waiting ---- */

static struct kc_result wait_for(int fd, short events, uint64_t deadline_ns)
{
    for (;;) {
        uint64_t now = kc_clock_monotonic_ns();
        if (now >= deadline_ns) {
            return kc_result(KC_TIMEOUT);
        }
        uint64_t left_ms = (deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS;
        struct pollfd one = {.fd = fd, .events = events};
        int ready = poll(&one, 1, (int)(left_ms < POLL_MS_MAX ? left_ms : POLL_MS_MAX));
        if (ready > 0) {
            return kc_ok();
        }
        if (ready < 0 && errno != EINTR) {
            return kc_result(KC_IO_FAILED);
        }
    }
}

static bool try_again(int error)
{
    return error == EAGAIN || error == EINTR;
}

/* ---- addresses ---- */

static socklen_t make_address(union address *out, const struct kc_link_place *place)
{
    memset(out, 0, sizeof *out);
    if (place->kind == KC_LINK_UNIX) {
        _Static_assert(sizeof out->local.sun_path > KC_LINK_PATH_MAX, "a path fits");
        out->local.sun_family = AF_UNIX;
        memcpy(out->local.sun_path, place->path, strlen(place->path) + 1);
        return sizeof out->local;
    }
    if (inet_pton(AF_INET, place->path, &out->four.sin_addr) == 1) {
        out->four.sin_family = AF_INET;
        out->four.sin_port = htons(place->port);
        return sizeof out->four;
    }
    out->six.sin6_family = AF_INET6;
    out->six.sin6_port = htons(place->port);
    KC_ASSERT(inet_pton(AF_INET6, place->path, &out->six.sin6_addr) == 1);
    return sizeof out->six;
}

static int open_socket(const union address *address)
{
    return socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Messages are small and each waits for an answer; without this the system would hold them back. */
static void hurry(int fd, const struct kc_link *link)
{
    const int yes = 1;
    if (link->place.kind == KC_LINK_TCP) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
}

/* ---- a serial line ---- */

static bool set_raw(struct kc_link *link, int fd)
{
    struct termios raw;
    if (tcgetattr(fd, &link->terminal) != 0) {
        return false;
    }
    raw = link->terminal;
    cfmakeraw(&raw);
    raw.c_iflag &= ~(tcflag_t)(IXOFF | IXANY);
    raw.c_cflag |= (tcflag_t)(CREAD | CLOCAL);
    raw.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)cfsetspeed(&raw, B115200);
    if (tcsetattr(fd, TCSANOW, &raw) != 0) {
        return false;
    }
    link->has_terminal = true;
    (void)tcflush(fd, TCIOFLUSH);
    return true;
}

static struct kc_result open_terminal(struct kc_link *link)
{
    int fd = open(link->place.path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return kc_result(KC_UNREACHABLE);
    }
    if (isatty(fd) == 0) {
        (void)close(fd);
        return kc_result(KC_UNREACHABLE);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return kc_result(KC_IN_USE);
    }
    if (!set_raw(link, fd)) {
        (void)close(fd);
        return kc_result(KC_UNREACHABLE);
    }
    link->fd = fd;
    return kc_ok();
}

/* ---- listening ---- */

/* Makes room for a socket at the path: only a socket that nobody listens on any more is removed. */
static struct kc_result remove_stale(const union address *address, socklen_t size)
{
    struct stat status;
    if (lstat(address->local.sun_path, &status) != 0) {
        return kc_ok();
    }
    if (!S_ISSOCK(status.st_mode)) {
        return kc_result(KC_ALREADY_EXISTS);
    }
    int fd = open_socket(address);
    if (fd < 0) {
        return kc_result(KC_IO_FAILED);
    }
    bool refused = connect(fd, &address->any, size) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    if (!refused) {
        return kc_result(KC_IN_USE);
    }
    return kc_result(unlink(address->local.sun_path) == 0 ? KC_OK : KC_IO_FAILED);
}

/* Between bind and listen nobody can connect, so the mode is right in time. */
static bool close_to_others(struct kc_link *link)
{
    struct stat status;
    if (chmod(link->place.path, S_IRUSR | S_IWUSR) != 0 || lstat(link->place.path, &status) != 0) {
        return false;
    }
    link->device = status.st_dev;
    link->inode = status.st_ino;
    return true;
}

static bool learn_port(struct kc_link *link)
{
    union address address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(link->listener, &address.any, &size) != 0) {
        return false;
    }
    link->place.port =
        ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port : address.four.sin_port);
    return true;
}

struct kc_result kc_stream_listen(struct kc_link *link)
{
    union address address;
    const int yes = 1;
    bool local = link->place.kind == KC_LINK_UNIX;
    if (link->place.kind == KC_LINK_TTY) {
        return open_terminal(link);
    }
    socklen_t size = make_address(&address, &link->place);
    if (local) {
        struct kc_result room = remove_stale(&address, size);
        if (kc_failed(room)) {
            return room;
        }
    }
    link->listener = open_socket(&address);
    if (link->listener < 0) {
        return kc_result(KC_IO_FAILED);
    }
    if (!local) {
        (void)setsockopt(link->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    }
    if (bind(link->listener, &address.any, size) != 0) {
        return kc_result(errno != EADDRINUSE ? KC_IO_FAILED
                         : local             ? KC_IN_USE
                                             : KC_ADDRESS_IN_USE);
    }
    bool good = local ? close_to_others(link) : true;
    good = good && listen(link->listener, BACKLOG) == 0 && (local || learn_port(link));
    return kc_result(good ? KC_OK : KC_IO_FAILED);
}

struct kc_result kc_stream_accept(struct kc_link *link, uint64_t deadline_ns)
{
    for (;;) {
        struct kc_result result = wait_for(link->listener, POLLIN, deadline_ns);
        if (kc_failed(result)) {
            return result;
        }
        link->fd = accept4(link->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (link->fd >= 0) {
            hurry(link->fd, link);
            return kc_ok();
        }
        if (!try_again(errno) && errno != ECONNABORTED) {
            return kc_result(KC_IO_FAILED);
        }
    }
}

/* ---- connecting ---- */

static struct kc_result finish_connect(int fd, uint64_t deadline_ns)
{
    int error = 0;
    socklen_t size = sizeof error;
    struct kc_result result = wait_for(fd, POLLOUT, deadline_ns);
    if (kc_failed(result)) {
        return result;
    }
    bool good = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    return kc_result(good ? KC_OK : KC_UNREACHABLE);
}

struct kc_result kc_stream_connect(struct kc_link *link, uint64_t deadline_ns)
{
    union address address;
    if (link->place.kind == KC_LINK_TTY) {
        return open_terminal(link);
    }
    socklen_t size = make_address(&address, &link->place);
    link->fd = open_socket(&address);
    if (link->fd < 0) {
        return kc_result(KC_IO_FAILED);
    }
    hurry(link->fd, link);
    if (connect(link->fd, &address.any, size) == 0) {
        return kc_ok();
    }
    /* A local socket whose queue is full says EAGAIN: others are there before us. */
    return errno == EINPROGRESS || errno == EINTR ? finish_connect(link->fd, deadline_ns)
                                                  : kc_result(KC_UNREACHABLE);
}

/* ---- bytes ---- */

struct kc_result kc_stream_read(struct kc_buffer *out, int fd, uint64_t deadline_ns)
{
    for (;;) {
        struct kc_result result = wait_for(fd, POLLIN, deadline_ns);
        if (kc_failed(result)) {
            return result;
        }
        ssize_t size = read(fd, out->data, out->capacity);
        if (size > 0) {
            out->size = (size_t)size;
            return kc_ok();
        }
        if (size == 0 || !try_again(errno)) {
            return kc_result(KC_UNREACHABLE);
        }
    }
}

static ssize_t write_some(int fd, struct kc_view bytes)
{
    ssize_t size = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    return size < 0 && errno == ENOTSOCK ? write(fd, bytes.data, bytes.size) : size;
}

struct kc_result kc_stream_write(int fd, struct kc_view bytes, uint64_t deadline_ns)
{
    while (bytes.size > 0) {
        struct kc_result result = wait_for(fd, POLLOUT, deadline_ns);
        if (kc_failed(result)) {
            return result;
        }
        ssize_t size = write_some(fd, bytes);
        if (size >= 0) {
            bytes = kc_view(bytes.data + size, bytes.size - (size_t)size);
        } else if (!try_again(errno)) {
            return kc_result(KC_UNREACHABLE);
        }
    }
    return kc_ok();
}

/* ---- closing ---- */

void kc_stream_hang_up(struct kc_link *link)
{
    if (link->fd < 0) {
        return;
    }
    if (link->has_terminal) {
        (void)tcsetattr(link->fd, TCSANOW, &link->terminal);
        link->has_terminal = false;
    }
    (void)close(link->fd);
    link->fd = -1;
}

void kc_stream_close(struct kc_link *link)
{
    struct stat status;
    kc_stream_hang_up(link);
    if (link->listener < 0) {
        return;
    }
    /* Only our own socket: somebody may have put another there. */
    if (link->inode != 0 && lstat(link->place.path, &status) == 0 && status.st_ino == link->inode &&
        status.st_dev == link->device) {
        (void)unlink(link->place.path);
    }
    (void)close(link->listener);
    link->listener = -1;
}
