/* After every step: the ledger's rows equal the model's, no value was created (invariant 1), all
 * value is accounted for (invariant 2), nobody honest is accused (invariant 6), and the audit is
 * clean. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

bool sim_wrong(struct sim *sim, const char *what, uint64_t number, uint64_t found,
               uint64_t expected)
{
    if (sim->why[0] == '\0') {
        (void)snprintf(sim->why, 256,
                       "%s of %" PRIu64 ": the ledger has %" PRIu64 ", the model %" PRIu64, what,
                       number, found, expected);
    }
    return false;
}

static bool same_numbers(struct sim *sim, const struct model *model, unsigned i)
{
    const struct model_purse *purse = &model->purses[i];
    const struct toy *toy = &sim->actors[i].now.toy;
    const struct kc_store *store = &sim->world.store;
    struct kc_account_row account;
    struct kc_purse_row row;
    if (kc_failed(store->account_get(store->context, &account, toy->account.number)) ||
        kc_failed(store->purse_get(store->context, &row, toy->purse.number))) {
        return sim_wrong(sim, "rows", i, 0, 1);
    }
    const struct {
        const char *what;
        uint64_t found;
        uint64_t expected;
    } pairs[] = {
        {"account", kc_amount_minor(account.balance), purse->account},
        {"shadow", kc_amount_minor(row.value), purse->shadow},
        {"sequence", row.sequence, purse->sequence},
        {"counter", row.counter, purse->counter},
        {"paid", kc_amount_minor(row.paid), purse->paid},
        {"returned", kc_amount_minor(row.returned), purse->returned},
        {"time stamp", row.last_ms, purse->last_ms},
        {"open transaction", row.open_ms, purse->open_ms},
        {"out of use", row.state == KC_PURSE_OUT, purse->out},
        {"head", (uint64_t)(memcmp(row.head, purse->head, KC_DIGEST_SIZE) == 0), 1},
    };
    for (size_t j = 0; j < sizeof pairs / sizeof pairs[0]; j++) {
        if (pairs[j].found != pairs[j].expected) {
            return sim_wrong(sim, pairs[j].what, i, pairs[j].found, pairs[j].expected);
        }
    }
    return true;
}

static bool same_transactions(struct sim *sim, struct model *model, unsigned i)
{
    struct model_purse *purse = &model->purses[i];
    const struct kc_store *store = &sim->world.store;
    uint64_t number = sim->actors[i].now.toy.purse.number;
    size_t first = purse->count > 6 ? purse->count - 6 : 0;
    for (size_t j = first; j < purse->count; j++) {
        const struct model_transaction *expected = &purse->transactions[j];
        struct kc_transaction_row row;
        if (kc_failed(store->transaction_get(store->context, &row, number, expected->time_ms))) {
            return sim_wrong(sim, "transaction", i, 0, expected->time_ms);
        }
        if (row.state != expected->state) {
            return sim_wrong(sim, "state of a transaction", i, row.state, expected->state);
        }
        if (row.reason != expected->reason) {
            return sim_wrong(sim, "reason of a transaction", i, row.reason, expected->reason);
        }
    }
    return true;
}

static bool count_alert(void *owner, const struct kc_alert_row *row)
{
    uint64_t *count = owner;
    *count += row->reason == KC_COPIED_OR_RESTORED;
    return true;
}

/* Invariant 2, from the rows themselves. */
static bool is_accounted(struct sim *sim, const struct model *model)
{
    const struct kc_store *store = &sim->world.store;
    struct kc_totals_row totals;
    uint64_t alerts = 0;
    uint64_t sum = model->in_flight;
    struct kc_store_scan scan = {.owner = &alerts, .alert = count_alert};
    if (kc_failed(store->totals_get(store->context, &totals)) ||
        kc_failed(store->scan_alerts(store->context, &scan))) {
        return sim_wrong(sim, "totals", 0, 0, 1);
    }
    for (unsigned i = 0; i < MODEL_PURSES; i++) {
        sum += world_balance(&sim->world, sim->actors[i].now.toy.account);
        sum += world_shadow(&sim->world, sim->actors[i].now.toy.purse);
    }
    if (kc_amount_minor(totals.outside) != model->outside || sum != model->outside) {
        return sim_wrong(sim, "sum outside", 0, kc_amount_minor(totals.outside), model->outside);
    }
    if (kc_amount_minor(totals.in_flight) != model->in_flight) {
        return sim_wrong(sim, "sum in flight", 0, kc_amount_minor(totals.in_flight),
                         model->in_flight);
    }
    return alerts == model->alerts ? true : sim_wrong(sim, "alerts", 0, alerts, model->alerts);
}

bool sim_agrees(struct sim *sim, struct model *model)
{
    for (unsigned i = 0; i < MODEL_PURSES; i++) {
        if (!same_numbers(sim, model, i) || !same_transactions(sim, model, i)) {
            return false;
        }
    }
    return is_accounted(sim, model);
}

/* Invariant 1 for purses that are what they were, invariant 6 for their users, and the audit. */
bool sim_is_sound(struct sim *sim)
{
    char first[160];
    uint64_t faults = 0;
    for (unsigned i = 0; i < MODEL_PURSES; i++) {
        const struct actor *actor = &sim->actors[i];
        const struct model_purse *purse = &sim->model.purses[i];
        if (!actor->restored && purse->out) {
            return sim_wrong(sim, "an honest user accused, purse", i, 1, 0);
        }
        if (!actor->restored && actor->now.toy.value > purse->shadow) {
            return sim_wrong(sim, "value in the purse above its shadow", i, actor->now.toy.value,
                             purse->shadow);
        }
    }
    if (!sim_agrees(sim, &sim->model)) {
        return false;
    }
    if (kc_failed(world_audit(&sim->world, &faults, first))) {
        (void)snprintf(sim->why, 256, "audit: %s (%" PRIu64 " faults)", first, faults);
        return false;
    }
    return true;
}
