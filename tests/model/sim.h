/* What the files of the simulation share. */
#ifndef KC_TESTS_SIM_H
#define KC_TESTS_SIM_H

#include "../unit/store/rng.h"
#include "model.h"
#include "simulate.h"

#define POOL_MAX 24

struct purse_state {
    struct toy toy;
    bool quoted;
    bool must_sync;
    struct kc_cash_quote quote;
    char name[KC_NAME_SIZE_MAX + 1];
    struct letter last;
};

struct actor {
    struct purse_state now;
    struct purse_state saved;
    bool has_saved;
    bool restored;
    bool dead;
};

struct sim {
    struct world world;
    struct model model;
    struct model before;
    struct rng rng;
    struct actor actors[MODEL_PURSES];
    struct letter pool[POOL_MAX];
    size_t pool_count;
    uint64_t next_id;
    struct tally_of_run *run;
    char *why;
};

/* Notes the first difference; always false. */
bool sim_wrong(struct sim *sim, const char *what, uint64_t number, uint64_t found,
               uint64_t expected);
/* The ledger's rows are those of this model, and all value in them is accounted for (invariant 2).
 */
bool sim_agrees(struct sim *sim, struct model *model);
/* All that must hold after a step. */
bool sim_is_sound(struct sim *sim);

#endif
