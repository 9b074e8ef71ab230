/* Value: entries, certified values, what the purse tells of itself. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define TIME_MAX (UINT64_C(1) << 53)

struct kc_result kc_purse_stamp(uint64_t *out, const struct kc_purse *purse,
                                struct kc_view host_time)
{
    if (host_time.size != 8) {
        return kc_result(KC_MALFORMED);
    }
    uint64_t time_ms = kc_be64_load(host_time.data);
    if (time_ms == 0 || time_ms > TIME_MAX || purse->state.stamp_ms >= TIME_MAX) {
        return kc_result(KC_MALFORMED);
    }
    *out = time_ms > purse->state.stamp_ms ? time_ms : purse->state.stamp_ms + 1;
    return kc_ok();
}

struct kc_result kc_purse_open_certified(struct kc_certified *out, struct kc_purse *purse,
                                         struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_purse_verify_bank(purse, &parsed, kc_certified_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(out, &kc_certified_shape, parsed.payload);
    }
    return result;
}

struct kc_result kc_purse_read_certified(struct kc_certified *out, struct kc_purse *purse,
                                         struct kc_view bytes)
{
    struct kc_result result = kc_purse_open_certified(out, purse, bytes);
    if (kc_failed(result)) {
        return result;
    }
    bool own = out->bank == purse->settings.bank && out->purse_type == purse->settings.purse_type &&
               out->account.number == purse->settings.account.number &&
               out->purse.number == purse->settings.purse.number;
    return kc_result(own ? KC_OK : KC_MISMATCH);
}

uint64_t kc_purse_uncovered(const struct kc_purse *purse)
{
    uint64_t covered = purse->certified.counter;
    return purse->state.counter > covered ? purse->state.counter - covered : 0;
}

/* The first entries that no certified value covers, into purse->scratch. */
static struct kc_result list_entries(struct kc_view_list *out, struct kc_purse *purse)
{
    /* Some were given up: the chain cannot be shown from the certified value on, and a report has to come first. */
    uint64_t count = kc_purse_has_gap(purse) ? 0 : kc_purse_uncovered(purse);
    size_t at = 0;
    out->count = count < KC_LIST_COUNT_MAX ? (size_t)count : KC_LIST_COUNT_MAX;
    for (size_t i = 0; i < out->count; i++) {
        struct kc_log_slot slot;
        struct kc_result result = kc_purse_log_get(&slot, purse, purse->certified.counter + 1 + i);
        if (kc_failed(result)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        KC_ASSERT(slot.entry.size <= sizeof purse->scratch - at);
        memcpy(purse->scratch + at, slot.entry.data, slot.entry.size);
        out->items[i] = kc_view(purse->scratch + at, slot.entry.size);
        at += slot.entry.size;
    }
    return kc_ok();
}

struct kc_result kc_purse_information(struct kc_view *out, struct kc_purse *purse,
                                      bool with_entries)
{
    const struct kc_purse_state *state = &purse->state;
    struct kc_buffer buffer = KC_BUFFER(purse->information);
    struct kc_value_information information = {.purse_type = purse->settings.purse_type,
                                               .account = purse->settings.account,
                                               .purse = purse->settings.purse,
                                               .identity = state->identity,
                                               .certified = state->certified,
                                               .value = state->value,
                                               .counter = state->counter,
                                               .paid = state->paid,
                                               .received = state->received,
                                               .returned = state->returned};
    memcpy(information.head, state->head, KC_DIGEST_SIZE);
    struct kc_result result = with_entries ? list_entries(&information.entries, purse) : kc_ok();
    if (!kc_failed(result)) {
        result = kc_shape_encode(&buffer, &kc_value_information_shape, &information);
    }
    *out = kc_buffer_view(&buffer);
    return result;
}

/* head(n) = SHA-256(head(n-1) || body of entry n). */
static void chain(uint8_t head[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                  struct kc_view entry)
{
    struct kc_sha256 hash;
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, entry);
    crypto->sha256_end(crypto->context, &hash, head);
}

static struct kc_result grow(struct kc_amount *sum, struct kc_amount by)
{
    struct kc_result result = kc_amount_add(sum, *sum, by);
    return kc_failed(result) ? kc_result(KC_AMOUNT_TOO_LARGE) : result;
}

static struct kc_result pay_out(struct kc_purse_state *next, struct kc_amount amount)
{
    struct kc_result result = kc_amount_sub(&next->value, next->value, amount);
    return kc_failed(result) ? kc_result(KC_INSUFFICIENT_VALUE) : grow(&next->paid, amount);
}

/* Totals, value and what was spent, as an entry changes them. */
static struct kc_result count_entry(struct kc_purse_state *next, const struct kc_entry *entry)
{
    struct kc_result result;
    switch (entry->kind) {
    case KC_ENTRY_KIND_PAY:
        result = pay_out(next, entry->amount);
        next->spent_count += 1;
        return kc_failed(result) ? result : grow(&next->spent, entry->amount);
    case KC_ENTRY_KIND_CASH_OUT:
        return pay_out(next, entry->amount);
    case KC_ENTRY_KIND_VOID:
        result = grow(&next->value, entry->amount);
        return kc_failed(result) ? result : grow(&next->returned, entry->amount);
    case KC_ENTRY_KIND_RECEIVE:
        result = grow(&next->value, entry->amount);
        return kc_failed(result) ? result : grow(&next->received, entry->amount);
    case KC_ENTRY_KIND_REFUSE:
    case KC_ENTRY_KIND_CLOSE:
        return kc_ok();
    }
    return kc_result(KC_INTERNAL);
}

struct kc_result kc_purse_add_entry(struct kc_purse *purse, struct kc_purse_state *next,
                                    struct kc_entry *entry, struct kc_view order,
                                    struct kc_view answer)
{
    struct kc_buffer buffer = KC_BUFFER(purse->entry);
    struct kc_purse_state changed = *next;
    struct kc_result result = kc_purse_check_room(purse, next, entry);
    changed.counter += 1;
    entry->counter = changed.counter;
    if (!kc_failed(result)) {
        result = count_entry(&changed, entry);
    }
    if (!kc_failed(result)) {
        result = kc_shape_encode(&buffer, &kc_entry_shape, entry);
    }
    if (kc_failed(result)) {
        return result;
    }
    struct kc_log_slot content = {
        .entry = kc_buffer_view(&buffer), .order = order, .answer = answer};
    chain(changed.head, &purse->crypto, content.entry);
    result = kc_purse_log_put(purse, entry->counter, &content);
    if (!kc_failed(result)) {
        *next = changed;
    }
    return result;
}

struct kc_result kc_purse_walk_log(struct kc_purse_state *walk, struct kc_purse *purse,
                                   uint64_t counter, uint64_t last)
{
    KC_ASSERT(last >= counter && last - counter <= KC_LOG_COUNT);
    for (uint64_t at = counter + 1; at <= last; at++) {
        struct kc_log_slot slot;
        struct kc_entry entry;
        struct kc_result result = kc_purse_log_entry(&entry, &slot, purse, at);
        if (kc_failed(result)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        result = count_entry(walk, &entry);
        if (kc_failed(result)) {
            return result;
        }
        chain(walk->head, &purse->crypto, slot.entry);
    }
    return kc_ok();
}

static bool same_amount(struct kc_amount a, struct kc_amount b)
{
    return kc_amount_compare(a, b) == 0;
}

/* Whether totals and what was spent lead to those of the state: from a gap, whose totals are kept, exactly; else the walk began
 * with nothing, and the totals before it are not known. */
static bool totals_agree(const struct kc_purse *purse, const struct kc_purse_state *walk)
{
    const struct kc_purse_state *state = &purse->state;
    if (kc_purse_has_gap(purse)) {
        return same_amount(walk->paid, state->paid) &&
               same_amount(walk->received, state->received) &&
               same_amount(walk->returned, state->returned) &&
               kc_amount_compare(walk->spent, state->spent) <= 0 &&
               walk->spent_count <= state->spent_count;
    }
    return kc_amount_compare(walk->paid, state->paid) <= 0 &&
           kc_amount_compare(walk->received, state->received) <= 0 &&
           kc_amount_compare(walk->returned, state->returned) <= 0 &&
           same_amount(walk->spent, state->spent) && walk->spent_count == state->spent_count;
}

struct kc_result kc_purse_check_log(struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    struct kc_purse_state walk = {.value = purse->certified.purse_amount};
    bool counts = state->life != KC_LIFE_BLANK && state->life != KC_LIFE_PERSONALISING;
    uint64_t base = kc_purse_log_base(purse);
    if (!counts) {
        return kc_ok();
    }
    if (state->counter < base || state->counter - base > KC_LOG_COUNT) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    memcpy(walk.head, purse->certified.head, KC_DIGEST_SIZE);
    if (kc_purse_has_gap(purse)) {
        walk.value = state->gap_value;
        walk.paid = state->gap_paid;
        walk.received = state->gap_received;
        walk.returned = state->gap_returned;
        memcpy(walk.head, state->gap_head, KC_DIGEST_SIZE);
    }
    struct kc_result result = kc_purse_walk_log(&walk, purse, base, state->counter);
    bool agrees = !kc_failed(result) && memcmp(walk.head, state->head, KC_DIGEST_SIZE) == 0 &&
                  same_amount(walk.value, state->value) && totals_agree(purse, &walk);
    return kc_result(agrees ? KC_OK : KC_PURSE_CORRUPT);
}

/* The chain from the certified value held, or from what was given up, to the one that comes must lead to its head. */
static struct kc_result check_chain(struct kc_purse *purse, const struct kc_purse_state *next,
                                    const struct kc_certified *certified)
{
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t base = kc_purse_log_base(purse);
    if (certified->counter < base || certified->counter > next->counter) {
        return kc_result(KC_MISMATCH);
    }
    memcpy(head, kc_purse_has_gap(purse) ? purse->state.gap_head : purse->certified.head,
           KC_DIGEST_SIZE);
    for (uint64_t at = base + 1; at <= certified->counter; at++) {
        struct kc_log_slot slot;
        struct kc_result result = kc_purse_log_get(&slot, purse, at);
        if (kc_failed(result)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        chain(head, &purse->crypto, slot.entry);
    }
    return kc_result(memcmp(head, certified->head, KC_DIGEST_SIZE) == 0 ? KC_OK : KC_MISMATCH);
}

/* Adds to *sum what lies between two amounts. */
static struct kc_result move(struct kc_amount *sum, struct kc_amount from, struct kc_amount to)
{
    struct kc_amount by = kc_amount_zero();
    bool up = kc_amount_compare(to, from) >= 0;
    struct kc_result result = up ? kc_amount_sub(&by, to, from) : kc_amount_sub(&by, from, to);
    if (!kc_failed(result)) {
        result = up ? kc_amount_add(sum, *sum, by) : kc_amount_sub(sum, *sum, by);
    }
    return kc_failed(result) ? kc_result(KC_MISMATCH) : result;
}

/* A certified value that counts what the one held counts: the sums of what was given up stay on top of it. */
static struct kc_result apply_below_gap(struct kc_purse *purse, struct kc_purse_state *next,
                                        const struct kc_certified *certified)
{
    const struct kc_certified *held = &purse->certified;
    if (certified->counter > held->counter) {
        return kc_result(KC_STALE_STATE);
    }
    if (certified->counter < held->counter ||
        memcmp(certified->head, held->head, KC_DIGEST_SIZE) != 0) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = move(&next->value, held->purse_amount, certified->purse_amount);
    return kc_failed(result) ? result
                             : move(&next->gap_value, held->purse_amount, certified->purse_amount);
}

static struct kc_result apply_above_gap(struct kc_purse *purse, struct kc_purse_state *next,
                                        const struct kc_certified *certified)
{
    struct kc_purse_state walk = {.value = certified->purse_amount};
    struct kc_result result = check_chain(purse, next, certified);
    if (kc_failed(result)) {
        return result;
    }
    memcpy(walk.head, certified->head, KC_DIGEST_SIZE);
    result = kc_purse_walk_log(&walk, purse, certified->counter, next->counter);
    if (kc_failed(result)) {
        return result.code == KC_PURSE_CORRUPT ? result : kc_result(KC_MISMATCH);
    }
    KC_ASSERT(memcmp(walk.head, next->head, KC_DIGEST_SIZE) == 0);
    /* The totals of a purse never shrink; only value and what counts since the contact come from the walk. */
    next->value = walk.value;
    next->spent = walk.spent;
    next->spent_count = walk.spent_count;
    next->gap_counter = 0;
    memset(next->gap_head, 0, KC_DIGEST_SIZE);
    next->gap_value = kc_amount_zero();
    next->gap_paid = kc_amount_zero();
    next->gap_received = kc_amount_zero();
    next->gap_returned = kc_amount_zero();
    return kc_ok();
}

struct kc_result kc_purse_apply(struct kc_purse *purse, struct kc_purse_state *next,
                                const struct kc_certified *certified, struct kc_view bytes)
{
    if (certified->sequence <= purse->certified.sequence) {
        return kc_ok();
    }
    bool below = kc_purse_has_gap(purse) && certified->counter < purse->state.gap_counter;
    struct kc_result result =
        below ? apply_below_gap(purse, next, certified) : apply_above_gap(purse, next, certified);
    if (!kc_failed(result)) {
        next->certified = bytes;
    }
    return result;
}
