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

struct kc_result kc_purse_read_certified(struct kc_certified *out, struct kc_purse *purse,
                                         struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_signed_verify(&parsed, &purse->crypto, &purse->bank_verify, &purse->realm,
                                  kc_certified_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(out, &kc_certified_shape, parsed.payload);
    }
    if (kc_failed(result)) {
        return result;
    }
    bool own = out->bank == purse->settings.bank && out->purse_type == purse->settings.purse_type &&
               out->account.number == purse->settings.account.number &&
               out->purse.number == purse->settings.purse.number;
    return kc_result(own ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_purse_information(struct kc_view *out, struct kc_purse *purse)
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
                                               .returned = state->returned,
                                               .entries = state->entries};
    memcpy(information.head, state->head, KC_DIGEST_SIZE);
    struct kc_result result = kc_shape_encode(&buffer, &kc_value_information_shape, &information);
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

/* Totals and value as an entry changes them. */
static struct kc_result count_entry(struct kc_purse_state *next, const struct kc_entry *entry)
{
    struct kc_result result;
    switch (entry->kind) {
    case KC_ENTRY_KIND_PAY:
    case KC_ENTRY_KIND_CASH_OUT:
        result = kc_amount_sub(&next->value, next->value, entry->amount);
        if (kc_failed(result)) {
            return kc_result(KC_INSUFFICIENT_VALUE);
        }
        return kc_amount_add(&next->paid, next->paid, entry->amount);
    case KC_ENTRY_KIND_VOID:
        result = kc_amount_add(&next->value, next->value, entry->amount);
        return kc_failed(result) ? result
                                 : kc_amount_add(&next->returned, next->returned, entry->amount);
    case KC_ENTRY_KIND_RECEIVE:
        result = kc_amount_add(&next->value, next->value, entry->amount);
        return kc_failed(result) ? result
                                 : kc_amount_add(&next->received, next->received, entry->amount);
    case KC_ENTRY_KIND_REFUSE:
    case KC_ENTRY_KIND_CLOSE:
        return kc_ok();
    }
    return kc_result(KC_INTERNAL);
}

struct kc_result kc_purse_add_entry(struct kc_purse *purse, struct kc_purse_state *next,
                                    struct kc_entry *entry)
{
    struct kc_buffer buffer = KC_BUFFER(purse->entry);
    struct kc_purse_state changed = *next;
    if (changed.entries.count == KC_LIST_COUNT_MAX) {
        return kc_result(KC_PENDING);
    }
    changed.counter += 1;
    entry->counter = changed.counter;
    struct kc_result result = count_entry(&changed, entry);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&buffer, &kc_entry_shape, entry);
    }
    if (kc_failed(result)) {
        return result;
    }
    chain(changed.head, &purse->crypto, kc_buffer_view(&buffer));
    changed.entries.items[changed.entries.count++] = kc_buffer_view(&buffer);
    *next = changed;
    return kc_purse_history_put(purse, entry->counter, kc_buffer_view(&buffer));
}

/* The place in the list of the first entry after `counter`, once the heads agree. */
static struct kc_result find_rest(size_t *first, struct kc_purse *purse,
                                  const struct kc_purse_state *next,
                                  const struct kc_certified *certified)
{
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t counter = purse->certified.counter;
    size_t at = 0;
    memcpy(head, purse->certified.head, KC_DIGEST_SIZE);
    while (counter < certified->counter && at < next->entries.count) {
        chain(head, &purse->crypto, next->entries.items[at]);
        at += 1;
        counter += 1;
    }
    bool agrees =
        counter == certified->counter && memcmp(head, certified->head, KC_DIGEST_SIZE) == 0;
    *first = at;
    return kc_result(agrees ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_purse_apply(struct kc_purse *purse, struct kc_purse_state *next,
                                const struct kc_certified *certified, struct kc_view bytes)
{
    struct kc_purse_state changed = *next;
    struct kc_amount value = certified->purse_amount;
    size_t first = 0;
    if (certified->sequence <= purse->certified.sequence) {
        return kc_ok();
    }
    struct kc_result result = find_rest(&first, purse, next, certified);
    if (kc_failed(result)) {
        return result;
    }
    changed.entries.count = 0;
    changed.value = value;
    changed.paid = changed.received = changed.returned = kc_amount_zero();
    for (size_t i = first; i < next->entries.count; i++) {
        struct kc_entry entry;
        result = kc_shape_decode(&entry, &kc_entry_shape, next->entries.items[i]);
        if (!kc_failed(result)) {
            result = count_entry(&changed, &entry);
        }
        if (kc_failed(result)) {
            return kc_result(KC_MISMATCH);
        }
        changed.entries.items[changed.entries.count++] = next->entries.items[i];
    }
    /* The loop above counted only to get the value; the totals of a purse never shrink. */
    changed.paid = next->paid;
    changed.received = next->received;
    changed.returned = next->returned;
    changed.certified = bytes;
    *next = changed;
    return kc_ok();
}
