/* A link between two terminals that are near each other: messages over a local socket, TCP or a serial line, one interface.
 *
 * One side listens and takes one partner, the other connects. Then either side sends and receives messages of 1 to 4,096
 * bytes. A message is sent again until the partner acknowledges it, and given to its receiver once: a line that damages, loses
 * or repeats bytes only costs time. A link that breaks is told, never repaired: what a message meant is settled by the purses
 * at their next contact. Nothing here is secret or authentic; the purses sign what has to be.
 *
 *   closed --listen--> listening --accept--> open --close--> closed
 *   closed -------------connect------------> open      (after the partner's BYE or a broken line only close helps)
 *
 * 1. Every call but close ends at its time-out; close ends after KC_LINK_CLOSE_MS.
 * 2. At most one message of this side is under way: send returns when it is acknowledged.
 * 3. A message is acknowledged when it lies in the partner's memory. That the partner acted on it, only its answer shows.
 * 4. A frame of another session changes nothing, except that a new HELLO ends the session of the listening side: its partner
 *    began anew.
 * 5. A line on which KC_LINK_STRIKES_MAX frames in a row were useless is given up.
 *
 * No call raises SIGPIPE. One thread uses a link. */
#ifndef KC_LINK_LINK_H
#define KC_LINK_LINK_H

#include <sys/types.h>
#include <termios.h>

#include "link/frame.h"
#include "link/place.h"

/* How long a frame waits for its acknowledgement at first; twice as long each time up to eight times as long. */
#define KC_LINK_RETRY_MS 1000u
#define KC_LINK_TRIES_MAX 64u
#define KC_LINK_STRIKES_MAX 256u
/* How long one caller on a socket may take to say HELLO before the next one gets a turn. */
#define KC_LINK_GREETING_MS 3000u
#define KC_LINK_CLOSE_MS 500u
/* Links that kc_link_wait takes at once. */
#define KC_LINK_WAIT_MAX 4u

/* The caller zeroes it before it is opened, and may set retry_ms; every other member belongs to this room. */
struct kc_link {
    struct kc_link_place place;
    int listener; /* -1: none */
    int fd;       /* of the line to the partner, -1: none */
    bool listens;
    bool open;         /* the partner was greeted */
    bool ended;        /* the partner said BYE */
    bool mute;         /* writing failed; the partner's last words may still be there to read */
    unsigned retry_ms; /* 0: KC_LINK_RETRY_MS */
    bool has_terminal;
    struct termios terminal; /* as it was before */
    dev_t device;            /* of the local socket that this side made */
    ino_t inode;
    uint32_t session;
    uint8_t next_out; /* sequence of the next message sent */
    uint8_t next_in;  /* sequence of the next message expected */
    bool acknowledged;
    bool has_message;
    size_t message_size;
    unsigned strikes;
    size_t in_at;
    size_t in_size;
    uint8_t in[512];
    uint8_t message[KC_LINK_PAYLOAD_MAX];
    uint8_t out[KC_LINK_STUFFED_MAX];
    struct kc_link_decoder decoder;
};

/* Opens the place for one partner. A local socket is made 0600; one that nobody listens on any more is replaced. A terminal is
 * set to raw, 115,200 baud, 8N1, no flow control. After an error the link is closed.
 * KC_IN_USE (somebody listens there, or holds the device), KC_ADDRESS_IN_USE (tcp), KC_ALREADY_EXISTS (a file that is no socket),
 * KC_UNREACHABLE (no such device, or no terminal), KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_link_listen(struct kc_link *link,
                                            const struct kc_link_place *place);

/* Where it listens, with the port that was chosen for 0. */
const struct kc_link_place *kc_link_where(const struct kc_link *link);

/* Waits for a partner. Callers that do not greet are turned away and others awaited until the time-out. KC_TIMEOUT when nobody
 * came; else the last caller's fault: KC_MALFORMED, KC_TOO_LARGE, KC_UNREACHABLE (it left), KC_TIMEOUT (it said nothing).
 * After an error it may be called again. */
KC_MUST_USE struct kc_result kc_link_accept(struct kc_link *link, unsigned timeout_ms);

/* Waits until somebody calls on one of these listening links, or `other` can be read (-1: nothing else). *which is its place, or
 * `count` for the other. KC_TIMEOUT. */
KC_MUST_USE struct kc_result kc_link_wait(size_t *which, const struct kc_link *const *links,
                                          size_t count, int other, unsigned timeout_ms);

/* Connects to who listens there. KC_UNREACHABLE (nobody does), KC_TIMEOUT, KC_IN_USE (the device), KC_MALFORMED, KC_TOO_LARGE;
 * after an error the link is closed. */
KC_MUST_USE struct kc_result
kc_link_connect(struct kc_link *link, const struct kc_link_place *place, unsigned timeout_ms);

/* Sends one message and waits until the partner has it. KC_TOO_LARGE (nothing was sent). KC_TIMEOUT, KC_UNREACHABLE,
 * KC_MALFORMED: the partner may have it or not. */
KC_MUST_USE struct kc_result kc_link_send(struct kc_link *link, struct kc_view message,
                                          unsigned timeout_ms);

/* Waits for the next message; *out lies in the link until the next call. KC_TIMEOUT (may be called again), KC_UNREACHABLE,
 * KC_MALFORMED, KC_TOO_LARGE (a flood of bytes that are no frames). */
KC_MUST_USE struct kc_result kc_link_receive(struct kc_view *out, struct kc_link *link,
                                             unsigned timeout_ms);

/* True when the partner said that it is done, rather than vanished. */
bool kc_link_ended(const struct kc_link *link);

/* Says BYE to the partner and goes on listening: kc_link_accept takes the next one, who may wait already. */
void kc_link_dismiss(struct kc_link *link);

/* Says BYE, restores the terminal, removes the socket. Also after an error, and on a link of zeros. Repeating it does nothing. */
void kc_link_close(struct kc_link *link);

#endif
