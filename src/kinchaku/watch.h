/* Watching a program of the system at work: it is run with a trace socket, waits after each protocol step, and we look at
 * the balances on both sides before it goes on. */
#ifndef KC_KINCHAKU_WATCH_H
#define KC_KINCHAKU_WATCH_H

#include "kinchaku/system.h"

#define KC_WATCH_ARGUMENTS_MAX 24

struct kc_watch {
    const struct kc_system *system;
    bool json;
    const char *part; /* what is being shown */
    char folder[64];  /* of the socket */
    char place[96];   /* unix:PATH */
    int listener;
    uint64_t account; /* 0 until it is known */
    char account_amount[32];
    char shadow_amount[32];
    char uim_amount[32];
};

/* KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_watch_open(struct kc_watch *watch, const struct kc_system *system,
                                           bool json);
void kc_watch_close(struct kc_watch *watch);

/* Runs kinchaku-`name` with `arguments` (ended by NULL) and the trace, prints every step. KC_INTERNAL when its exit status is not
 * `expected`; its stderr is dropped then only when `quiet`. */
KC_MUST_USE struct kc_result kc_watch_run(struct kc_watch *watch, const char *name,
                                          const char *const *arguments, int expected, bool quiet);

/* Runs kinchaku-`name` without a trace; its stdout goes to `out` when that is not NULL. */
KC_MUST_USE struct kc_result kc_watch_tool(struct kc_watch *watch, struct kc_buffer *out,
                                           const char *name, const char *const *arguments);

/* Asks the bank for what it holds now. */
KC_MUST_USE struct kc_result kc_watch_look(struct kc_watch *watch);

#endif
