#include "card/card.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#define RETRY_MS 250
#define CONNECT_MS 5000
/* A reader that does not read an answer for so long is broken. */
#define SEND_MS 5000

/* ---- waiting ---- */

static bool stopped(const struct kc_card *card)
{
    return card->stop != NULL && *card->stop != 0;
}

/* Waits for an event on fd; a negative time-out: as long as it takes. Only here a signal gets through. */
static struct kc_result wait_for(const struct kc_card *card, int fd, short events, int timeout_ms)
{
    struct pollfd poll = {.fd = fd, .events = events};
    const struct timespec limit = {.tv_sec = timeout_ms / 1000,
                                   .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    if (stopped(card)) {
        return kc_result(KC_TIMEOUT);
    }
    int count = ppoll(&poll, 1, timeout_ms < 0 ? NULL : &limit, card->signals);
    if (count < 0 && errno != EINTR) {
        return kc_result(KC_IO_FAILED);
    }
    return kc_result(count > 0 ? KC_OK : KC_TIMEOUT);
}

/* ---- the card's side ---- */

static void power(struct kc_card *card, bool on)
{
    if (card->powered) {
        kc_file_purse_power_off(card->file);
    }
    if (on) {
        kc_file_purse_power_on(card->file);
    }
    card->powered = on;
}

static struct kc_result send_all(struct kc_card *card, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t done = send(card->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (kc_failed(wait_for(card, card->fd, POLLOUT, SEND_MS))) {
                return kc_result(KC_UNREACHABLE);
            }
        } else if (done <= 0 && errno != EINTR) {
            return kc_result(KC_UNREACHABLE);
        } else if (done > 0) {
            data += done;
            size -= (size_t)done;
        }
    }
    return kc_ok();
}

/* Size and content go out as one: a reader that waits for either sees both. */
static struct kc_result send_frame(struct kc_card *card, size_t size)
{
    KC_ASSERT(size <= KC_RESPONSE_SIZE_MAX);
    card->answer[0] = (uint8_t)(size >> 8);
    card->answer[1] = (uint8_t)size;
    struct kc_result result = send_all(card, card->answer, KC_VPCD_HEAD_SIZE + size);
    kc_wipe(card->answer, KC_VPCD_HEAD_SIZE + size);
    return result;
}

static struct kc_result send_status(struct kc_card *card, enum kc_error code)
{
    uint16_t status = kc_error_status_word(code);
    card->answer[KC_VPCD_HEAD_SIZE] = (uint8_t)(status >> 8);
    card->answer[KC_VPCD_HEAD_SIZE + 1] = (uint8_t)status;
    return send_frame(card, 2);
}

static struct kc_result run_command(struct kc_card *card)
{
    struct kc_buffer response = {.data = card->answer + KC_VPCD_HEAD_SIZE,
                                 .capacity = sizeof card->answer - KC_VPCD_HEAD_SIZE};
    struct kc_view command = kc_view(card->decoder.frame, card->decoder.size);
    bool here = ++card->commands == card->removal_at;
    if (here && card->removal == KC_REMOVE_BEFORE_COMMAND) {
        return kc_result(KC_CARD_REMOVED);
    }
    if (!card->powered) {
        return send_status(card, KC_OUT_OF_ORDER);
    }
    struct kc_result result = card->port.transmit(card->port.context, &response, command);
    kc_wipe(card->decoder.frame, card->decoder.size);
    if (here && card->removal == KC_REMOVE_BEFORE_ANSWER) {
        return kc_result(KC_CARD_REMOVED);
    }
    return kc_failed(result) ? send_status(card, result.code) : send_frame(card, response.size);
}

static struct kc_result answer(struct kc_card *card, enum kc_vpcd_event event)
{
    struct kc_view atr = kc_vpcd_atr();
    switch (event) {
    case KC_VPCD_NOTHING:
    case KC_VPCD_UNKNOWN:
        break;
    case KC_VPCD_POWER_OFF:
        power(card, false);
        break;
    case KC_VPCD_POWER_ON:
    case KC_VPCD_RESET:
        power(card, true);
        break;
    case KC_VPCD_ASK_ATR:
        memcpy(card->answer + KC_VPCD_HEAD_SIZE, atr.data, atr.size);
        return send_frame(card, atr.size);
    case KC_VPCD_COMMAND:
        return run_command(card);
    case KC_VPCD_TOO_LARGE:
        return send_status(card, KC_TOO_LARGE);
    }
    return kc_ok();
}

/* ---- the reader ---- */

/* Without it the kernel keeps acknowledgements back, and a reader that waits for them before it sends the rest of a frame makes
 * 21 commands a second instead of thousands. It does not last, so it is asked for before every read. */
static ssize_t read_some(int fd, uint8_t *out, size_t size)
{
    const int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
    return recv(fd, out, size, MSG_DONTWAIT);
}

static struct kc_result serve(struct kc_card *card)
{
    uint8_t bytes[4096];
    while (!stopped(card)) {
        struct kc_result ready = wait_for(card, card->fd, POLLIN, -1);
        if (ready.code == KC_TIMEOUT) {
            continue; /* a signal */
        }
        ssize_t size = kc_failed(ready) ? -1 : read_some(card->fd, bytes, sizeof bytes);
        if (size < 0 && !kc_failed(ready) && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (size <= 0) {
            return kc_result(KC_UNREACHABLE);
        }
        struct kc_view view = kc_view(bytes, (size_t)size);
        while (view.size > 0) {
            struct kc_result result = answer(card, kc_vpcd_take(&card->decoder, &view));
            if (kc_failed(result)) {
                return result;
            }
        }
    }
    return kc_ok();
}

struct kc_result kc_card_serve(struct kc_card *card, int fd)
{
    const int yes = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    card->fd = fd;
    memset(&card->decoder, 0, sizeof card->decoder);
    struct kc_result result = serve(card);
    power(card, false);
    kc_wipe(&card->decoder, sizeof card->decoder);
    card->fd = -1;
    return result;
}

static socklen_t fill_address(struct sockaddr_storage *out, const struct kc_link_place *place)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(place->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(place->port)};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, place->path, &four.sin_addr) == 1) {
        memcpy(out, &four, sizeof four);
        return sizeof four;
    }
    int good = inet_pton(AF_INET6, place->path, &six.sin6_addr);
    KC_ASSERT(good == 1);
    memcpy(out, &six, sizeof six);
    return sizeof six;
}

/* A connected socket, or -1. */
static int connect_to(const struct kc_card *card, const struct kc_link_place *place)
{
    struct sockaddr_storage address;
    socklen_t size = fill_address(&address, place);
    int error = 0;
    socklen_t error_size = sizeof error;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    bool there = connect(fd, (struct sockaddr *)&address, size) == 0;
    if (!there && errno == EINPROGRESS && !kc_failed(wait_for(card, fd, POLLOUT, CONNECT_MS))) {
        there = getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) == 0 && error == 0;
    }
    if (!there) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

struct kc_result kc_card_run(struct kc_card *card, const struct kc_link_place *place)
{
    bool told = false;
    card->powered = true; /* as the file was opened */
    power(card, false);
    while (!stopped(card)) {
        int fd = connect_to(card, place);
        if (fd < 0) {
            if (!told && !stopped(card)) {
                card->tell(card->owner, false);
                told = true;
            }
            (void)kc_failed(wait_for(card, -1, 0, RETRY_MS));
            continue;
        }
        card->tell(card->owner, true);
        told = false;
        struct kc_result result = kc_card_serve(card, fd);
        (void)close(fd);
        if (result.code != KC_UNREACHABLE) {
            return result;
        }
        (void)kc_failed(wait_for(card, -1, 0, RETRY_MS));
    }
    return kc_ok();
}
