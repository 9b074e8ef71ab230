#define _GNU_SOURCE

#include "link/link.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/clock.h"
#include "link/stream.h"

#define NS_PER_MS UINT64_C(1000000)
#define BACK_OFF_MAX 8u

static uint64_t deadline_after(unsigned timeout_ms)
{
    return kc_clock_monotonic_ns() + timeout_ms * NS_PER_MS;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The try of that number, from 0, waits this long for its answer. */
static uint64_t try_until(const struct kc_link *link, unsigned number, uint64_t deadline_ns)
{
    unsigned factor = number < 3 ? 1u << number : BACK_OFF_MAX;
    return earlier(deadline_ns, deadline_after(link->retry_ms * factor));
}

/* ---- one frame out, one frame in ---- */

static struct kc_result put_frame(struct kc_link *link, enum kc_link_kind_of_frame kind,
                                  struct kc_view payload, uint64_t deadline_ns)
{
    struct kc_buffer out = KC_BUFFER(link->out);
    const struct kc_link_frame frame = {
        .kind = kind,
        .sequence = kind == KC_LINK_DATA ? link->next_out : 0,
        .acknowledged = link->next_in,
        .session = link->session,
        .payload = payload,
    };
    struct kc_result result = kc_link_frame_write(&out, &frame);
    KC_ASSERT(!kc_failed(result));
    if (!link->mute) {
        result = kc_stream_write(link->fd, kc_buffer_view(&out), deadline_ns);
        link->mute = result.code == KC_UNREACHABLE;
    }
    /* A partner that closed may have left its last words in our memory: read them before giving up. */
    return link->mute ? kc_ok() : result;
}

static struct kc_result put_control(struct kc_link *link, enum kc_link_kind_of_frame kind,
                                    uint64_t deadline_ns)
{
    return put_frame(link, kind, kc_view(NULL, 0), deadline_ns);
}

/* One more useless frame; `code` when there were too many in a row. */
static struct kc_result strike(struct kc_link *link, enum kc_error code)
{
    link->strikes++;
    return kc_result(link->strikes > KC_LINK_STRIKES_MAX ? code : KC_OK);
}

static struct kc_result get_frame(struct kc_link_frame *frame, struct kc_link *link,
                                  uint64_t deadline_ns)
{
    for (;;) {
        while (link->in_at < link->in_size) {
            struct kc_result result = kc_ok();
            switch (kc_link_decoder_take(frame, &link->decoder, link->in[link->in_at++])) {
            case KC_LINK_FOUND_FRAME:
                return kc_ok();
            case KC_LINK_FOUND_DAMAGE:
                result = strike(link, KC_MALFORMED);
                break;
            case KC_LINK_FOUND_OVERLONG:
                result = strike(link, KC_TOO_LARGE);
                break;
            case KC_LINK_FOUND_NOTHING:
                break;
            }
            if (kc_failed(result)) {
                return result;
            }
        }
        struct kc_buffer in = KC_BUFFER(link->in);
        struct kc_result result = kc_stream_read(&in, link->fd, deadline_ns);
        if (kc_failed(result)) {
            return result;
        }
        link->in_at = 0;
        link->in_size = in.size;
    }
}

/* ---- a session ---- */

static void begin_session(struct kc_link *link, uint32_t session)
{
    link->session = session;
    link->next_out = 0;
    link->next_in = 0;
    link->acknowledged = false;
    link->has_message = false;
    link->ended = false;
    link->strikes = 0;
}

static void begin_line(struct kc_link *link)
{
    link->in_at = 0;
    link->in_size = 0;
    link->mute = false;
    link->open = false;
    kc_link_decoder_init(&link->decoder);
    begin_session(link, 0);
}

/* A message: kept once, acknowledged each time. While the one before waits for kc_link_receive, its sender has to try again. */
static struct kc_result take_data(struct kc_link *link, const struct kc_link_frame *frame,
                                  uint64_t deadline_ns)
{
    bool next = frame->sequence == link->next_in;
    bool repeated = frame->sequence == (uint8_t)(link->next_in - 1u);
    if (next && link->has_message) {
        return kc_ok();
    }
    if (next) {
        memcpy(link->message, frame->payload.data, frame->payload.size);
        link->message_size = frame->payload.size;
        link->has_message = true;
        link->next_in++;
        link->strikes = 0;
    }
    struct kc_result result = next ? kc_ok() : strike(link, KC_MALFORMED);
    return kc_failed(result) || !(next || repeated) ? result
                                                    : put_control(link, KC_LINK_ACK, deadline_ns);
}

/* What a frame means on an open link. */
static struct kc_result take_frame(struct kc_link *link, const struct kc_link_frame *frame,
                                   uint64_t deadline_ns)
{
    if (frame->session != link->session) {
        bool anew = link->listens && frame->kind == KC_LINK_HELLO;
        return anew ? kc_result(KC_UNREACHABLE) : strike(link, KC_MALFORMED);
    }
    if (frame->acknowledged == (uint8_t)(link->next_out + 1u)) {
        link->acknowledged = true;
        link->strikes = 0;
    }
    switch (frame->kind) {
    case KC_LINK_DATA:
        return take_data(link, frame, deadline_ns);
    case KC_LINK_BYE:
        link->ended = true;
        return kc_ok();
    case KC_LINK_HELLO:
    case KC_LINK_WELCOME: {
        /* The partner did not hear our answer to its greeting. */
        struct kc_result result = strike(link, KC_MALFORMED);
        return kc_failed(result)
                   ? result
                   : put_control(link, link->listens ? KC_LINK_WELCOME : KC_LINK_ACK, deadline_ns);
    }
    case KC_LINK_ACK:
        return strike(link, KC_MALFORMED);
    }
    return kc_ok();
}

static struct kc_result step(struct kc_link *link, uint64_t deadline_ns)
{
    struct kc_link_frame frame;
    struct kc_result result = get_frame(&frame, link, deadline_ns);
    return kc_failed(result) ? result : take_frame(link, &frame, deadline_ns);
}

/* ---- greeting ---- */

/* Waits for the answer to one HELLO or WELCOME. KC_TIMEOUT: try again. */
static struct kc_result await_greeting(struct kc_link *link, uint64_t until_ns)
{
    for (;;) {
        struct kc_link_frame frame;
        struct kc_result result = get_frame(&frame, link, until_ns);
        if (kc_failed(result)) {
            return result;
        }
        bool hello = frame.kind == KC_LINK_HELLO;
        if (link->listens && hello) {
            if (frame.session != link->session) {
                begin_session(link, frame.session);
            }
            return kc_result(KC_TIMEOUT);
        }
        bool fits = link->listens ? frame.kind != KC_LINK_WELCOME : frame.kind == KC_LINK_WELCOME;
        if (frame.session == link->session && link->session != 0 && fits) {
            link->open = true;
            link->strikes = 0;
            return take_frame(link, &frame, until_ns);
        }
        result = strike(link, KC_MALFORMED);
        if (kc_failed(result)) {
            return result;
        }
    }
}

/* Sends the greeting until it is answered. The listening side has nothing to say before it heard a HELLO. */
static struct kc_result greet(struct kc_link *link, uint64_t deadline_ns)
{
    enum kc_link_kind_of_frame kind = link->listens ? KC_LINK_WELCOME : KC_LINK_HELLO;
    for (unsigned number = 0; number < KC_LINK_TRIES_MAX && !link->mute; number++) {
        struct kc_result result = kc_ok();
        uint64_t until = deadline_ns;
        if (link->session != 0) {
            until = try_until(link, number, deadline_ns);
            result = put_control(link, kind, deadline_ns);
        }
        if (!kc_failed(result)) {
            result = await_greeting(link, until);
        }
        if (!kc_failed(result) && link->ended) {
            return kc_result(KC_UNREACHABLE);
        }
        if (result.code != KC_TIMEOUT || kc_clock_monotonic_ns() >= deadline_ns) {
            return result;
        }
    }
    return kc_result(link->mute ? KC_UNREACHABLE : KC_TIMEOUT);
}

static uint32_t draw_session(void)
{
    uint32_t session = 0;
    if (getrandom(&session, sizeof session, GRND_NONBLOCK) != (ssize_t)sizeof session) {
        session = (uint32_t)kc_clock_monotonic_ns();
    }
    return session == 0 ? 1 : session;
}

/* ---- the interface ---- */

static void clear(struct kc_link *link, const struct kc_link_place *place)
{
    unsigned retry_ms = link->retry_ms;
    memset(link, 0, sizeof *link);
    link->place = *place;
    link->listener = -1;
    link->fd = -1;
    link->retry_ms = retry_ms == 0 ? KC_LINK_RETRY_MS : retry_ms;
}

struct kc_result kc_link_listen(struct kc_link *link, const struct kc_link_place *place)
{
    clear(link, place);
    link->listens = true;
    struct kc_result result = kc_stream_listen(link);
    if (kc_failed(result)) {
        kc_stream_close(link);
    }
    return result;
}

const struct kc_link_place *kc_link_where(const struct kc_link *link)
{
    return &link->place;
}

struct kc_result kc_link_accept(struct kc_link *link, unsigned timeout_ms)
{
    uint64_t deadline = deadline_after(timeout_ms);
    bool line = link->place.kind == KC_LINK_TTY;
    struct kc_result last = kc_result(KC_TIMEOUT);
    KC_ASSERT(link->listens && !link->open);
    for (;;) {
        struct kc_result result = line ? kc_ok() : kc_stream_accept(link, deadline);
        if (result.code == KC_TIMEOUT) {
            return last;
        }
        if (kc_failed(result)) {
            return result;
        }
        begin_line(link);
        result =
            greet(link, line ? deadline : earlier(deadline, deadline_after(KC_LINK_GREETING_MS)));
        if (!kc_failed(result)) {
            return result;
        }
        last = result.code == KC_TIMEOUT && line ? last : result;
        link->open = false;
        if (!line) {
            kc_stream_hang_up(link);
        }
        if (kc_clock_monotonic_ns() >= deadline || (line && result.code == KC_UNREACHABLE)) {
            return last;
        }
    }
}

struct kc_result kc_link_wait(size_t *which, const struct kc_link *const *links, size_t count,
                              int other, unsigned timeout_ms)
{
    struct pollfd fds[KC_LINK_WAIT_MAX + 1];
    KC_ASSERT(count <= KC_LINK_WAIT_MAX);
    for (size_t i = 0; i < count; i++) {
        int fd = links[i]->listener >= 0 ? links[i]->listener : links[i]->fd;
        fds[i] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
    fds[count] = (struct pollfd){.fd = other, .events = POLLIN};
    int ready = poll(fds, count + 1, (int)timeout_ms);
    if (ready < 0 && errno != EINTR) {
        return kc_result(KC_IO_FAILED);
    }
    for (size_t i = 0; ready > 0 && i <= count; i++) {
        if (fds[i].revents != 0) {
            *which = i;
            return kc_ok();
        }
    }
    return kc_result(KC_TIMEOUT);
}

struct kc_result kc_link_connect(struct kc_link *link, const struct kc_link_place *place,
                                 unsigned timeout_ms)
{
    uint64_t deadline = deadline_after(timeout_ms);
    clear(link, place);
    struct kc_result result = kc_result(KC_UNREACHABLE);
    if (place->kind != KC_LINK_TCP || place->port != 0) {
        result = kc_stream_connect(link, deadline);
    }
    if (!kc_failed(result)) {
        begin_line(link);
        begin_session(link, draw_session());
        result = greet(link, deadline);
    }
    if (kc_failed(result)) {
        link->open = false;
        kc_stream_close(link);
    }
    return result;
}

struct kc_result kc_link_send(struct kc_link *link, struct kc_view message, unsigned timeout_ms)
{
    uint64_t deadline = deadline_after(timeout_ms);
    KC_ASSERT(link->open && message.size > 0);
    if (message.size > KC_LINK_PAYLOAD_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    link->acknowledged = false;
    link->strikes = 0;
    for (unsigned number = 0; number < KC_LINK_TRIES_MAX && !link->ended; number++) {
        uint64_t until = try_until(link, number, deadline);
        struct kc_result result = put_frame(link, KC_LINK_DATA, message, deadline);
        while (!kc_failed(result) && !link->acknowledged && !link->ended) {
            result = step(link, until);
        }
        if (link->acknowledged) {
            link->acknowledged = false;
            link->next_out++;
            return kc_ok();
        }
        if (kc_failed(result) &&
            (result.code != KC_TIMEOUT || kc_clock_monotonic_ns() >= deadline)) {
            return result;
        }
    }
    return kc_result(link->ended ? KC_UNREACHABLE : KC_TIMEOUT);
}

struct kc_result kc_link_receive(struct kc_view *out, struct kc_link *link, unsigned timeout_ms)
{
    uint64_t deadline = deadline_after(timeout_ms);
    KC_ASSERT(link->open);
    *out = kc_view(NULL, 0);
    link->strikes = 0;
    while (!link->has_message) {
        struct kc_result result = link->ended ? kc_result(KC_UNREACHABLE) : step(link, deadline);
        if (kc_failed(result)) {
            return result;
        }
    }
    link->has_message = false;
    *out = kc_view(link->message, link->message_size);
    return kc_ok();
}

bool kc_link_ended(const struct kc_link *link)
{
    return link->ended;
}

/* Says BYE until the partner says it too, so that neither is left with a message whose acknowledgement was lost. Bounded. */
static void say_bye(struct kc_link *link)
{
    uint64_t deadline = deadline_after(KC_LINK_CLOSE_MS);
    bool first = true;
    struct kc_result result = kc_ok();
    link->strikes = 0;
    link->has_message = true; /* nobody will read another one, so none may be acknowledged */
    while (first || (!link->ended && kc_clock_monotonic_ns() < deadline &&
                     (!kc_failed(result) || result.code == KC_TIMEOUT))) {
        uint64_t until = try_until(link, 0, deadline);
        result = put_control(link, KC_LINK_BYE, deadline);
        while (!kc_failed(result) && !link->ended) {
            result = step(link, until);
        }
        first = false;
    }
}

void kc_link_dismiss(struct kc_link *link)
{
    KC_ASSERT(link->listens);
    if (link->open && link->fd >= 0) {
        say_bye(link);
    }
    link->open = false;
    if (link->place.kind != KC_LINK_TTY) {
        kc_stream_hang_up(link);
    }
}

void kc_link_close(struct kc_link *link)
{
    if (link->place.kind == 0) {
        return; /* never opened */
    }
    if (link->open && link->fd >= 0) {
        say_bye(link);
    }
    link->open = false;
    kc_stream_close(link);
}
