/* The small world that is tried completely: three purses with 2, 1 and 0 that have met, and the bank, all of it the
 * shipped code (tests/model/whole.h). What its files share.
 *
 * A step is one command of a purse or one message at the bank; or a whole exchange or report, which as such is nothing
 * new, but brings longer histories into reach. Everything that was ever sent may arrive at any later time, any number of
 * times, or never; so losing a message is no step of its own. A power cut is a step where it leads to another memory
 * than the command as a whole does or than no command does. */
#ifndef KC_TESTS_EXHAUSTIVE_SMALL_H
#define KC_TESTS_EXHAUSTIVE_SMALL_H

#include <stdio.h>

#include "whole.h"

#define PURSES 3u
#define LEVELS_MAX 20u
#define PAYMENTS_MAX 12u
#define KEPT_MAX 2u /* requests and replies of a purse that may still arrive, the newest first */
#define ENTRIES_MAX 32u
#define STEPS_MAX 128u
#define CUTS_MAX 60u
#define ARENA_SIZE (4u << 20)
#define TROUBLE_SIZE 200u

/* Beside single commands and messages these are steps too. */
#define EXTRA_WHOLE 1u /* undisturbed exchanges and reports */
#define EXTRA_CASH 2u  /* undisturbed withdrawals and deposits */

struct key {
    uint64_t words[2];
};

enum step_kind {
    STEP_PAY,      /* IDENTIFY, OFFER, PAY */
    STEP_PAY_OLD,  /* PAY on the offer that the payee made before the first step */
    STEP_OK,       /* EXAMINE, DECIDE: the user says OK */
    STEP_NG,       /* the same, and NG */
    STEP_CONCLUDE, /* CONCLUDE */
    STEP_REQUEST,  /* SETTLE REQUEST */
    STEP_SERVE,    /* a request reaches the bank */
    STEP_TAKE,     /* a reply reaches the purse */
    STEP_EXCHANGE, /* STEP_PAY, STEP_OK and STEP_CONCLUDE of one payment, undisturbed */
    STEP_SYNC,     /* STEP_REQUEST, STEP_SERVE and STEP_TAKE, undisturbed */
    STEP_WITHDRAW, /* a withdrawal of 1, from the request to the completion, undisturbed */
    STEP_DEPOSIT,  /* a deposit of 1 */
};

/* One step; `cut` is 0, or one more than the number of the power cut that it ends in. */
struct step {
    uint8_t kind;
    uint8_t purse; /* whose command, or whose request; the payer for STEP_PAY */
    uint8_t
        at; /* a payment's or a message's place in the pool; the payee and the amount for STEP_PAY */
    uint8_t cut;
};

/* A payment that was made, with its answer. */
struct sent {
    uint8_t payer;
    uint8_t payee;
    bool answered;
    bool taken;
    uint8_t digest[KC_DIGEST_SIZE]; /* of the order */
    struct kc_view payment;
    struct kc_view answer;
};

struct asked {
    uint64_t stamp_ms;
    uint8_t digest[KC_DIGEST_SIZE];
    struct key made_of; /* the purse that made it */
    struct kc_view bytes;
};

struct told {
    uint8_t request[KC_DIGEST_SIZE];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_view bytes;
};

/* All that is on its way, and what was withdrawn. Bytes lie in the arena of the run. */
struct pool {
    uint8_t drawn[PURSES][ENTRIES_MAX + 1]; /* while the purse had that counter */
    unsigned payments;
    unsigned requests[PURSES];
    unsigned replies[PURSES];
    struct sent payment[PAYMENTS_MAX];
    struct asked request[PURSES][KEPT_MAX];
    struct told reply[PURSES][KEPT_MAX];
};

/* An entry of a purse as its log shows it; what the purse held after it. */
struct fact {
    enum kc_entry_kind kind;
    uint64_t amount;
    uint64_t voids;
    uint64_t value;
    uint8_t partner[KC_DIGEST_SIZE];
    uint8_t head[KC_DIGEST_SIZE];
};

/* The history of a purse since the beginning: entry n of it stands at facts[n - 1]. */
struct history {
    uint64_t count;
    struct fact facts[ENTRIES_MAX];
};

/* A state on the path to where the search stands. A part that the step did not change is that of an earlier level, and is
 * found by its serial there. */
struct level {
    uint64_t purse_serial[PURSES];
    unsigned purse_home[PURSES];
    uint64_t bank_serial;
    unsigned bank_home;
    size_t arena_used;
    struct pool pool;
    struct nvm_copy nvm[PURSES];
    struct kc_purse core[PURSES];
    struct ideal ideal;
    struct kc_ledger ledger;
    struct ram_store store;
};

/* One thread's. */
struct run {
    struct whole *whole;
    struct level *levels[LEVELS_MAX + 1];
    uint64_t
        purse_at[PURSES]; /* serial of what is in the world, 0 when it is in none of the levels */
    uint64_t bank_at;
    uint64_t next_serial;
    unsigned at; /* the level taken up last */
    size_t arena_used;
    uint8_t *arena;
    struct pool pool;
    struct history histories[PURSES];
    struct kc_view old_offers[PURSES][PURSES]; /* [payer][payee] */
    uint64_t endowed[PURSES];                  /* value before the first entry of all */
    uint64_t start_counter[PURSES];
    uint64_t outside; /* what the ordinary bank moved in */
    uint8_t mix[1u << 16];
    size_t mix_used;
    char trouble[TROUBLE_SIZE]; /* what is wrong, or empty */
};

/* Where the base is made; everybody has met, nothing is open. Exits when there is no memory. */
struct whole_base *small_base(void);
struct run *run_make(const struct whole_base *base);
void run_free(struct run *run);

/* The state that the run stands in becomes level `at`; it came by steps from the level that was taken up last. */
void run_push(struct run *run, unsigned at);
/* Back to level `at`. */
void run_back(struct run *run, unsigned at);
void run_touch_purse(struct run *run, unsigned purse);
void run_touch_bank(struct run *run);

/* Bytes into the arena. */
struct kc_view run_keep(struct run *run, struct kc_view bytes);

/* The first word stays. */
void run_trouble(struct run *run, const char *what, unsigned purse, enum kc_error error);

/* ---- canonical forms (canon.c) ---- */

/* What the purse will do, but for which report it waits an answer to; `with_wait` adds that. */
struct key canon_purse(struct run *run, unsigned purse, bool with_wait);
struct key canon_bank(struct run *run);
/* Purses and bank; `with_pool` adds what is on its way. */
struct key canon_state(struct run *run, bool with_pool);
struct key canon_bytes(struct run *run, struct kc_view bytes);
struct key canon_join(struct run *run, const struct key *keys, size_t count);
bool key_equal(const struct key *a, const struct key *b);
/* Whether the bank may still do something with the request: it is newer than the last one, or is the last one. */
bool canon_alive(const struct run *run, unsigned purse, const struct asked *asked);

const struct kc_purse_row *canon_row_of(const struct run *run, unsigned purse);

/* ---- steps (steps.c) ---- */

struct tables;

/* Steps that are possible in the state, power cuts among them; and what `extra` says. */
size_t steps_list(struct step steps[STEPS_MAX], struct run *run, struct tables *tables,
                  unsigned extra);
/* Takes a step. Where a message should have had another effect, that is trouble. */
void step_take(struct run *run, struct step step);
void step_print(FILE *out, struct step step);
/* For the endings: the payer meets its payees again, each of which says OK; a purse reports until nothing of it is left. */
void contact_again(struct run *run, unsigned payer);
void report_all(struct run *run, unsigned purse);

/* ---- checks (checks.c) ---- */

/* All that must hold in the state; the audit of the books too where they are new. */
void check_state(struct run *run, bool audit);
/* With everything on its way lost: once all have met again and reported, or only reported, all ends as it should. */
void check_endings(struct run *run);

/* ---- search (search.c) ---- */

/* Keys that were seen, shared by all threads. */
struct tables *tables_make(void);
void tables_free(struct tables *tables);
enum table_use { USE_STATE, USE_BOOKS, USE_CORE, USE_DEAD, USES };
/* True the first time. */
bool tables_add(struct tables *tables, enum table_use use, struct key key);
/* Where the power cuts of a command lead that is given to a purse in one state; *marks has a bit for each cut. */
bool tables_find_cuts(struct tables *tables, struct key key, uint64_t *marks);
/* True the first time. */
bool tables_put_cuts(struct tables *tables, struct key key, uint64_t marks, unsigned tried);

struct search_options {
    unsigned depth;
    unsigned threads;
    unsigned extra; /* EXTRA_... */
    bool quiet;
    void (*begin)(void); /* called before the first step, or NULL */
};

struct search_result {
    bool good;
    uint64_t states;
    uint64_t steps;
    uint64_t cuts; /* of power */
    uint64_t endings;
    unsigned violated_at; /* steps to the violation, and what it was */
    char trouble[TROUBLE_SIZE];
};

struct search_result search(const struct whole_base *base, const struct search_options *options);

#endif
