/* Watching programs of the system at work: each is run with a trace socket, waits after each protocol step, and we look at
 * the balances on both sides before it goes on. */
#ifndef KC_KINCHAKU_WATCH_H
#define KC_KINCHAKU_WATCH_H

#include "kinchaku/system.h"

#define KC_WATCH_ARGUMENTS_MAX 24
#define KC_PEOPLE_MAX 6u

/* Somebody with an account and a UIM, and what is in both; a card or a machine, too, has an account that names it. */
struct kc_person_watched {
    const char *name;
    char uim[KC_PATH_SIZE];
    uint64_t account; /* 0 until it is known */
    uint64_t purse;   /* the same */
    char account_amount[32];
    char shadow_amount[32]; /* the bank's record of the UIM */
    char uim_amount[32];
};

struct kc_watch {
    const struct kc_system *system;
    bool json;
    const char *part; /* what is being shown */
    char folder[64];  /* of the sockets */
    char place[96];   /* unix:PATH */
    int listener;
    char said
        [2048]; /* what the program of the last kc_watch_run wrote, as far as it fits, ended by NUL */
    size_t count; /* of people; with one, the account is shown, too */
    struct kc_person_watched people[KC_PEOPLE_MAX];
};

/* KC_IO_FAILED. */
KC_MUST_USE struct kc_result kc_watch_open(struct kc_watch *watch, const struct kc_system *system,
                                           bool json);
void kc_watch_close(struct kc_watch *watch);

/* Runs kinchaku-`name` with `arguments` (ended by NULL) and the trace, prints every step. KC_INTERNAL when its exit status is not
 * `expected`; its stderr is dropped then only when `quiet`. */
KC_MUST_USE struct kc_result kc_watch_run(struct kc_watch *watch, const char *name,
                                          const char *const *arguments, int expected, bool quiet);

/* Two stations that meet over a link between them: `payee` waits, then `payer` connects. The words of either are those after
 * --uim FILE, with the link added. The first trace of a person without an account is its own. KC_INTERNAL as above. */
struct kc_watch_side {
    const char *uim;
    const char *const *words; /* ended by NULL */
    int expected;
};
KC_MUST_USE struct kc_result kc_watch_meet(struct kc_watch *watch,
                                           const struct kc_watch_side *payer,
                                           const struct kc_watch_side *payee);

/* Runs kinchaku-`name`, or for NULL this program itself, without a trace; its stdout goes to `out` when that is not NULL. */
KC_MUST_USE struct kc_result kc_watch_tool(struct kc_watch *watch, struct kc_buffer *out,
                                           const char *name, const char *const *arguments);

/* Begins kinchaku-`name` without a trace; it ends with us at the latest, else by a signal and kc_process_end. KC_IO_FAILED,
 * KC_FILE_MISSING. */
KC_MUST_USE struct kc_result kc_watch_begin(pid_t *pid, int *out_fd, const struct kc_watch *watch,
                                            const char *name, const char *const *arguments);

/* Asks the bank for what it holds of everybody now; its database is read, so that it need not run. */
KC_MUST_USE struct kc_result kc_watch_look(struct kc_watch *watch);

/* What everybody holds, as last seen, as a step of its own named "="; for --json. */
void kc_watch_print(const struct kc_watch *watch);

#endif
