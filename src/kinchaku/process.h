/* The processes of one system: started in the background with a log each, found again by later commands, and stopped.
 *
 * D/run/<name>.pid holds the process id and the kernel's start time of the process, so that a number that was
 * given to another process since is never signalled. D/log/<name>.log is appended to. */
#ifndef KC_KINCHAKU_PROCESS_H
#define KC_KINCHAKU_PROCESS_H

#include <sys/types.h>

#include "base/bytes.h"

#define KC_PATH_SIZE 4096

/* Starts argv[0] (a path) as `name`, in a session of its own and, when we are root, without root's powers except that over
 * files; and records it. KC_IO_FAILED; KC_FILE_MISSING when the program
 * is not there. */
KC_MUST_USE struct kc_result kc_process_start(const char *dir, const char *name,
                                              char *const argv[]);

/* Runs argv[0] to its end with its stdout in `out` (what does not fit is dropped; a final NUL is added, NULL: to /dev/null) and
 * its stderr on ours, or dropped when `quiet`. *status is its exit status. KC_IO_FAILED, KC_INTERNAL when a signal ended it. */
KC_MUST_USE struct kc_result kc_process_run(int *status, struct kc_buffer *out, char *const argv[],
                                            bool quiet);

/* The same in two halves: `kc_process_begin` returns the process id, or a negative number. */
pid_t kc_process_begin(int *out_fd, char *const argv[], bool quiet);
KC_MUST_USE struct kc_result kc_process_end(int *status, struct kc_buffer *out, pid_t pid,
                                            int out_fd);

/* The process id of `name` when it runs, else 0. */
pid_t kc_process_find(const char *dir, const char *name);

/* Asks it to stop, waits at most `patience_ms`, then kills it; removes the record. KC_OK also when it was not
 * running; KC_TIMEOUT when even a kill did not end it. */
KC_MUST_USE struct kc_result kc_process_stop(const char *dir, const char *name,
                                             unsigned patience_ms);

/* From here on a signal that asks us to stop (SIGINT, SIGTERM, SIGHUP, SIGPIPE) is only noted, so that we can clear up; the
 * programs that we start take signals as ever. */
void kc_process_note_signals(void);

/* The signal that asked us to stop, or 0. */
int kc_process_stop_signal(void);

/* Ends this process by that signal, as if it had not been noted. Returns when there was none. */
void kc_process_end_by_signal(void);

/* execv(3) takes its words as not constant but changes none. */
static inline char *kc_process_word(const char *text)
{
    const union {
        const char *in;
        char *out;
    } word = {.in = text};
    return word.out;
}

/* Joins `dir`, `middle`, name and suffix to a path; false when it does not fit. */
bool kc_process_path(char out[KC_PATH_SIZE], const char *dir, const char *middle, const char *name,
                     const char *suffix);

#endif
