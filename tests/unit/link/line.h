/* A line between two stations that does what the test orders to its bytes: two pseudo terminals for a cable, or a go-between for
 * sockets. */
#ifndef KC_TESTS_LINK_LINE_H
#define KC_TESTS_LINK_LINE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "link/link.h"

/* What must work may take this long; what must fail gets its own, short time. */
#define LONG_MS 60000u
#define SHORT_MS 150u
/* A call that must end at its time-out ends at most this much later, however busy the machine is. */
#define SLACK_MS 20000u

enum fault_kind { FAULT_NONE, FAULT_LOSE, FAULT_DAMAGE, FAULT_REPEAT, FAULT_CUT };

/* What happens to the byte of that number in one direction. */
struct fault {
    enum fault_kind kind;
    bool to_listener; /* the direction */
    size_t at;
};

struct line {
    struct kc_link_place listener;  /* where the listening side listens */
    struct kc_link_place connector; /* where the connecting side connects */
    struct fault fault;
    bool drip;         /* one byte at a time */
    bool everything;   /* the fault befalls every byte from its place on */
    size_t carried[2]; /* [1]: to the listener */
    int ends[2];       /* [1]: of the listening side */
    int slaves[2];
    int door; /* of a go-between */
    int stop[2];
    pthread_t thread;
    char folder[32];
};

/* The place of a kind for a listening side, in a new folder or on a free port; of a cable: the slave side of the line. */
void line_make(struct line *line, enum kc_link_kind kind);
/* Starts to carry; for sockets the listening side must listen already, at `where`. */
void line_start(struct line *line, const struct kc_link_place *where);
void line_stop(struct line *line);

/* The partner: accepts, sends every message back with its bytes reversed, until the end of the link. */
struct echo {
    struct kc_link link;
    struct kc_result accepted;
    struct kc_result ended;
    bool orderly;
    size_t messages;
    unsigned timeout_ms;
    pthread_t thread;
};

void echo_listen(struct echo *echo, const struct kc_link_place *place, unsigned retry_ms,
                 unsigned timeout_ms);
void echo_start(struct echo *echo);
void echo_join(struct echo *echo);

/* Connects, has one message echoed, closes; the first error. *had says how far it came: 1 connected, 2 sent, 3 answered. */
struct kc_result ask_once(const struct kc_link_place *place, struct kc_view message,
                          unsigned retry_ms, unsigned timeout_ms, int *had);

#endif
