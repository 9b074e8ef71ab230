/* Room in the log, and entries that were given up to make some: where they ended and what they came to (EP1221669 [0246],
 * [0247]).
 *
 * The log has one slot more than entries that count. So an entry is written beside all of them, and the one image that counts it
 * gives the oldest up: a power cut leaves the purse before or after both. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

bool kc_purse_has_gap(const struct kc_purse *purse)
{
    return purse->state.gap_counter > purse->certified.counter;
}

uint64_t kc_purse_log_base(const struct kc_purse *purse)
{
    return kc_purse_has_gap(purse) ? purse->state.gap_counter : purse->certified.counter;
}

/* An answered deposit, or transfer from the purse, keeps a place for its void, and what stands in the log: without them nothing
 * could end it, nor could the log be reported. */
static bool may_give_back(const struct kc_purse_state *state)
{
    return state->life == KC_LIFE_ANSWERED && kc_purse_pending_out(state);
}

static uint64_t capacity(const struct kc_purse_state *state, const struct kc_entry *entry)
{
    bool gives_cash_back = entry->kind == KC_ENTRY_KIND_VOID && entry->has_transaction;
    return may_give_back(state) && !gives_cash_back ? KC_LOG_COUNT - 1 : KC_LOG_COUNT;
}

uint64_t kc_purse_log_room(const struct kc_purse *purse)
{
    static const struct kc_entry entry = {.kind = KC_ENTRY_KIND_PAY};
    uint64_t most = capacity(&purse->state, &entry);
    uint64_t count = purse->state.counter - kc_purse_log_base(purse);
    return count < most ? most - count : 0;
}

struct kc_result kc_purse_check_room(const struct kc_purse *purse,
                                     const struct kc_purse_state *next,
                                     const struct kc_entry *entry)
{
    /* Against the certified value that is durable, not the one in `next`: a power cut may leave the former. */
    uint64_t base = kc_purse_log_base(purse);
    base = next->gap_counter > base ? next->gap_counter : base;
    KC_ASSERT(next->counter >= base);
    return kc_result(next->counter - base < capacity(next, entry) ? KC_OK : KC_HISTORY_FULL);
}

static bool gives_up(const struct kc_purse *purse)
{
    return purse->certified.log_policy == KC_LOG_POLICY_OVERWRITE && !may_give_back(&purse->state);
}

struct kc_result kc_purse_check_makes_room(const struct kc_purse *purse,
                                           const struct kc_entry *entry)
{
    return gives_up(purse) ? kc_ok() : kc_purse_check_room(purse, &purse->state, entry);
}

/* The totals after the certified counter's entry: those of now without what the entries since then added. */
static struct kc_result totals_at_certified(struct kc_purse_state *out, struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    struct kc_purse_state walk = {.value = purse->certified.purse_amount};
    struct kc_result result =
        kc_purse_walk_log(&walk, purse, purse->certified.counter, state->counter);
    if (!kc_failed(result)) {
        result = kc_amount_sub(&out->paid, state->paid, walk.paid);
    }
    if (!kc_failed(result)) {
        result = kc_amount_sub(&out->received, state->received, walk.received);
    }
    if (!kc_failed(result)) {
        result = kc_amount_sub(&out->returned, state->returned, walk.returned);
    }
    return result;
}

/* Head, value and totals where the entries of the log begin. */
static struct kc_result state_at_base(struct kc_purse_state *out, struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    *out = (struct kc_purse_state){.value = purse->certified.purse_amount};
    memcpy(out->head, purse->certified.head, KC_DIGEST_SIZE);
    if (!kc_purse_has_gap(purse)) {
        return totals_at_certified(out, purse);
    }
    out->value = state->gap_value;
    out->paid = state->gap_paid;
    out->received = state->gap_received;
    out->returned = state->gap_returned;
    memcpy(out->head, state->gap_head, KC_DIGEST_SIZE);
    return kc_ok();
}

struct kc_result kc_purse_make_room(struct kc_purse *purse, struct kc_purse_state *next)
{
    struct kc_purse_state walk;
    uint64_t oldest = kc_purse_log_base(purse) + 1;
    if (kc_purse_log_room(purse) > 0 || !gives_up(purse)) {
        return kc_ok();
    }
    KC_ASSERT(next->counter == purse->state.counter && next->counter >= oldest);
    struct kc_result result = state_at_base(&walk, purse);
    if (!kc_failed(result)) {
        result = kc_purse_walk_log(&walk, purse, oldest - 1, oldest);
    }
    if (kc_failed(result)) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    next->gap_counter = oldest;
    next->gap_value = walk.value;
    next->gap_paid = walk.paid;
    next->gap_received = walk.received;
    next->gap_returned = walk.returned;
    memcpy(next->gap_head, walk.head, KC_DIGEST_SIZE);
    return kc_ok();
}
