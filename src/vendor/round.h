/* One round of the vendor server (VS) with one machine: its lines are gathered, its report goes to the bank, the bank's answer
 * goes back (EP1221669 [0222]-[0229]).
 *
 * For each machine a folder keeps:
 *   journal    the machine's lines, each verified; durable before the machine hears that they are safe, and before its report
 *              goes to the bank
 *   identity   the purse's identity as the bank signed it
 *   state      the newest time stamp used, and how the machine stood last
 *   notes      what its keeper should know: objections, refusals, failures; one line each
 *
 *   idle --lines durable--> lines --report fetched--> reported --bank--> answered --machine took it--> idle
 *
 * Report and answer are not kept here: the machine keeps its report durably and gives the same bytes until it took the answer,
 * and the bank keeps what it answered.
 *
 * | cut after             | what is there             | next round                                                      |
 * |-----------------------|---------------------------|-----------------------------------------------------------------|
 * | lines received        | part of them              | asks from the first one that is missing                         |
 * | report fetched        | report: at the machine    | the same bytes to the bank                                      |
 * | bank answered, lost   | report; answer: the bank  | the same bytes to the bank, which answers from its store        |
 * | machine took it, lost | nothing that is under way | the machine makes a new report if it needs one                  |
 *
 * Nothing is counted twice: the bank takes the machine's entries by their counters, and the machine its certified value by its
 * sequence. Two servers at one machine only do the same work twice.
 *
 * A worker is what one thread needs. Workers of one round share nothing that changes, and no two are with one machine at once. */
#ifndef KC_VENDOR_ROUND_H
#define KC_VENDOR_ROUND_H

#include "link/link.h"
#include "service/http_client.h"
#include "vendor/journal.h"

#define KC_MACHINE_NAME_MAX 32u

/* What is known of a machine between rounds. */
struct kc_round_state {
    uint64_t newest_ms; /* time stamp of the newest request */
    uint64_t seen_ms;   /* when it last answered, 0 never */
    uint64_t last;      /* its newest line then */
    uint64_t uncovered; /* entries that no certified value covered then */
    uint64_t owed;
    uint64_t unwritten;
    enum kc_error end; /* of the last round */
    uint64_t
        unread; /* the notice (told.h) that the machine did not know how to read: its program is older */
};

struct kc_round_machine {
    char name[KC_MACHINE_NAME_MAX + 1];
    char place[128];
    struct kc_purse_id purse;
};

/* What all workers read. */
struct kc_round {
    char dir[KC_PATH_SIZE_MAX];
    struct kc_crypto crypto; /* of the thread that opened it */
    struct kc_private_key key;
    struct kc_public_key bank;
    struct kc_realm realm;
    unsigned decimals;
    char url[129];
    unsigned timeout_ms;
    uint64_t contact_ms;    /* with one machine in one round */
    int signals;            /* readable when the server was told to stop; -1: never */
    const char *stop_after; /* for tests; NULL */
};

struct kc_round_worker;

/* Allocates all that a worker ever needs. KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_round_worker_open(struct kc_round_worker **out,
                                                  const struct kc_round *round);
void kc_round_worker_close(struct kc_round_worker *worker);

/* Whether the server was told to stop. A worker looks between two requests. */
bool kc_round_is_over(const struct kc_round *round);

/* KC_NOT_COMPLETED: the server was told to stop, or the machine's reports had no end within contact_ms. Lines are taken for half
 * of that; the next round goes on. KC_UNREACHABLE, KC_TIMEOUT: machine or bank is away; the notes say which. The bank's refusal
 * by its reason. KC_STALE_STATE: the machine lost lines. KC_BAD_SIGNATURE, KC_MISMATCH: what answers there is not the machine.
 * All are in state and notes. */
KC_MUST_USE struct kc_result kc_round_machine_once(struct kc_round_worker *worker,
                                                   const struct kc_round_machine *machine);

/* Reads the state; zeros when the machine never was seen. KC_STORE_CORRUPT. */
KC_MUST_USE struct kc_result kc_round_state_read(struct kc_round_state *out,
                                                 const struct kc_round *round,
                                                 const struct kc_round_machine *machine);

/* Whose lines they are, by the identity kept at the last contact. KC_FILE_MISSING, errors of verifying it. */
KC_MUST_USE struct kc_result kc_round_party(struct kc_journal_party *out,
                                            const struct kc_round *round,
                                            const struct kc_round_machine *machine);

/* The path of a file of the machine's folder. */
KC_MUST_USE struct kc_result kc_round_path(char out[KC_PATH_SIZE_MAX], const struct kc_round *round,
                                           const struct kc_round_machine *machine,
                                           const char *name);

#endif
