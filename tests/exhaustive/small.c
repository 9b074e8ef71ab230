/* The world and the path of states that leads to where the search stands. */
#include "small.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static void *must_have(void *memory)
{
    if (memory == NULL) {
        fputs("no memory\n", stderr);
        exit(3);
    }
    return memory;
}

struct whole_base *small_base(void)
{
    const struct whole_options options = {.seed = 11,
                                          .holders = PURSES,
                                          .account_amount = 1,
                                          .purse_amount = 1,
                                          .fixed_random = true};
    return must_have(whole_base_make(&options));
}

void run_trouble(struct run *run, const char *what, unsigned purse, enum kc_error error)
{
    if (run->trouble[0] == '\0') {
        (void)snprintf(run->trouble, sizeof run->trouble, "%s (purse %c, %s)", what,
                       (int)('A' + purse), error == KC_OK ? "ok" : kc_error_name(error));
    }
}

struct kc_view run_keep(struct run *run, struct kc_view bytes)
{
    KC_ASSERT(bytes.size <= ARENA_SIZE - run->arena_used);
    uint8_t *at = run->arena + run->arena_used;
    memcpy(at, bytes.data, bytes.size);
    run->arena_used += bytes.size;
    return kc_view(at, bytes.size);
}

void run_touch_purse(struct run *run, unsigned purse)
{
    run->purse_at[purse] = 0;
}

void run_touch_bank(struct run *run)
{
    run->bank_at = 0;
}

static void save_purse(struct run *run, unsigned at, unsigned purse)
{
    struct level *level = run->levels[at];
    const struct whole_purse *from = &run->whole->purses[purse];
    nvm_save(&level->nvm[purse], &from->nvm);
    memcpy(&level->core[purse], &from->core, sizeof from->core);
    run->purse_at[purse] = ++run->next_serial;
    level->purse_serial[purse] = run->next_serial;
    level->purse_home[purse] = at;
}

static void save_bank(struct run *run, unsigned at)
{
    struct level *level = run->levels[at];
    level->ideal = run->whole->ideal;
    level->ledger = run->whole->bank.ledger;
    ram_store_copy(&level->store, &run->whole->store);
    run->bank_at = ++run->next_serial;
    level->bank_serial = run->next_serial;
    level->bank_home = at;
}

void run_push(struct run *run, unsigned at)
{
    KC_ASSERT(at <= LEVELS_MAX);
    if (run->levels[at] == NULL) {
        run->levels[at] = must_have(calloc(1, sizeof *run->levels[at]));
    }
    struct level *level = run->levels[at];
    const struct level *before = at == 0 ? NULL : run->levels[run->at];
    for (unsigned i = 0; i < PURSES; i++) {
        if (before != NULL && run->purse_at[i] == before->purse_serial[i]) {
            level->purse_serial[i] = before->purse_serial[i];
            level->purse_home[i] = before->purse_home[i];
        } else {
            save_purse(run, at, i);
        }
    }
    if (before != NULL && run->bank_at == before->bank_serial) {
        level->bank_serial = before->bank_serial;
        level->bank_home = before->bank_home;
    } else {
        save_bank(run, at);
    }
    level->pool = run->pool;
    level->arena_used = run->arena_used;
    run->at = at;
}

void run_back(struct run *run, unsigned at)
{
    const struct level *level = run->levels[at];
    struct whole *whole = run->whole;
    for (unsigned i = 0; i < PURSES; i++) {
        if (run->purse_at[i] != level->purse_serial[i]) {
            const struct level *home = run->levels[level->purse_home[i]];
            struct whole_purse *purse = &whole->purses[i];
            nvm_restore(&purse->nvm, &home->nvm[i]);
            /* Its views point into itself, and it lies where it lay. */
            memcpy(&purse->core, &home->core[i], sizeof purse->core);
            purse->on = true;
            run->purse_at[i] = level->purse_serial[i];
        }
    }
    if (run->bank_at != level->bank_serial) {
        const struct level *home = run->levels[level->bank_home];
        whole->ideal = home->ideal;
        whole->bank.ledger = home->ledger;
        ram_store_copy(&whole->store, &home->store);
        run->bank_at = level->bank_serial;
    }
    run->pool = level->pool;
    run->arena_used = level->arena_used;
    run->at = at;
}

/* ---- the beginning ---- */

static void must(struct kc_result result)
{
    KC_ASSERT(!kc_failed(result));
}

static struct kc_amount amount_of(uint64_t minor)
{
    struct kc_amount amount = kc_amount_zero();
    must(kc_amount_from_minor(&amount, minor));
    return amount;
}

/* The payer learns who the payee is: PAY remembers that also where it refuses the amount. */
static void meet(struct run *run, unsigned payer, unsigned payee)
{
    struct kc_view view;
    struct kc_slot *slot = whole_slot(run->whole, payer);
    must(kc_slot_identify(&view, slot, true));
    view = run_keep(run, view);
    must(kc_slot_offer(&view, whole_slot(run->whole, payee), amount_of(0), view));
    view = run_keep(run, view);
    struct kc_result result = kc_slot_pay(&view, slot, amount_of(0), run->whole->now_ms, view);
    KC_ASSERT(result.code == KC_AMOUNT_ZERO);
}

/* C pays its one to A, and both report: A 2, B 1, C 0. */
static void begin(struct run *run)
{
    for (unsigned i = 0; i < PURSES; i++) {
        for (unsigned j = 0; j < PURSES; j++) {
            if (i != j) {
                meet(run, i, j);
            }
        }
    }
    const struct step steps[] = {{.kind = STEP_PAY, .purse = 2, .at = 0 * 4 + 1},
                                 {.kind = STEP_OK, .purse = 0, .at = 0},
                                 {.kind = STEP_CONCLUDE, .purse = 2, .at = 0}};
    for (unsigned i = 0; i < PURSES; i++) {
        run->endowed[i] = 1;
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        step_take(run, steps[i]);
    }
    for (unsigned i = 0; i < PURSES; i++) {
        report_all(run, i);
    }
    for (unsigned i = 0; i < PURSES; i++) {
        for (unsigned j = 0; j < PURSES; j++) {
            struct kc_view view;
            if (i != j) {
                must(kc_slot_identify(&view, whole_slot(run->whole, i), false));
                view = run_keep(run, view);
                must(kc_slot_offer(&view, whole_slot(run->whole, j), amount_of(0), view));
                run->old_offers[i][j] = run_keep(run, view);
            }
        }
    }
    for (unsigned i = 0; i < PURSES; i++) {
        run->start_counter[i] = run->whole->purses[i].core.state.counter;
    }
    memset(&run->pool, 0, sizeof run->pool);
    run->outside = kc_amount_minor(run->whole->store.totals.outside);
    KC_ASSERT(run->outside == PURSES * 2);
}

struct run *run_make(const struct whole_base *base)
{
    struct run *run = must_have(calloc(1, sizeof *run));
    run->arena = must_have(malloc(ARENA_SIZE));
    run->whole = must_have(whole_make(base));
    /* The bank's clock stands still; purses count their time stamps from below it. */
    run->whole->now_ms += 3600000;
    begin(run);
    run_push(run, 0);
    return run;
}

void run_free(struct run *run)
{
    for (unsigned i = 0; i <= LEVELS_MAX; i++) {
        free(run->levels[i]);
    }
    free(run->whole);
    free(run->arena);
    free(run);
}
