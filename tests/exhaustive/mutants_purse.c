/* Functions of the purse that misbehave while their mutant is on. */
#include "mutants.h"
#include "purse/inside.h"

static struct kc_amount sum_of(struct kc_amount a, struct kc_amount b)
{
    struct kc_amount sum = a;
    (void)kc_failed(kc_amount_add(&sum, a, b));
    return sum;
}

struct kc_result __real_kc_purse_add_entry(struct kc_purse *purse, struct kc_purse_state *next,
                                           struct kc_entry *entry, struct kc_view order,
                                           struct kc_view answer);
struct kc_result __wrap_kc_purse_add_entry(struct kc_purse *purse, struct kc_purse_state *next,
                                           struct kc_entry *entry, struct kc_view order,
                                           struct kc_view answer);

struct kc_result __wrap_kc_purse_add_entry(struct kc_purse *purse, struct kc_purse_state *next,
                                           struct kc_entry *entry, struct kc_view order,
                                           struct kc_view answer)
{
    struct kc_result result = __real_kc_purse_add_entry(purse, next, entry, order, answer);
    bool keeps = mutant_on == MUTANT_NO_RESERVE && entry->kind == KC_ENTRY_KIND_PAY;
    bool twice = mutant_on == MUTANT_CREDIT_TWICE && entry->kind == KC_ENTRY_KIND_RECEIVE;
    if (!kc_failed(result) && (keeps || twice)) {
        next->value = sum_of(next->value, entry->amount);
    }
    return result;
}

/* The log's sync, and the check of it. */
static _Thread_local bool in_log;

struct kc_result __real_kc_purse_log_put(struct kc_purse *purse, uint64_t counter,
                                         const struct kc_log_slot *content);
struct kc_result __wrap_kc_purse_log_put(struct kc_purse *purse, uint64_t counter,
                                         const struct kc_log_slot *content);

struct kc_result __wrap_kc_purse_log_put(struct kc_purse *purse, uint64_t counter,
                                         const struct kc_log_slot *content)
{
    in_log = true;
    struct kc_result result = __real_kc_purse_log_put(purse, counter, content);
    in_log = false;
    return result;
}

struct kc_result __real_kc_purse_nvm_sync(struct kc_purse *purse);
struct kc_result __wrap_kc_purse_nvm_sync(struct kc_purse *purse);

struct kc_result __wrap_kc_purse_nvm_sync(struct kc_purse *purse)
{
    bool lazy = mutant_on == MUTANT_LOG_UNSYNCED || mutant_on == MUTANT_LOG_UNSYNCED_UNCHECKED;
    return lazy && in_log ? kc_ok() : __real_kc_purse_nvm_sync(purse);
}

struct kc_result __real_kc_purse_check_log(struct kc_purse *purse);
struct kc_result __wrap_kc_purse_check_log(struct kc_purse *purse);

struct kc_result __wrap_kc_purse_check_log(struct kc_purse *purse)
{
    return mutant_on == MUTANT_LOG_UNSYNCED_UNCHECKED ? kc_ok() : __real_kc_purse_check_log(purse);
}

struct kc_result __real_kc_purse_stamp(uint64_t *out, const struct kc_purse *purse,
                                       struct kc_view host_time);
struct kc_result __wrap_kc_purse_stamp(uint64_t *out, const struct kc_purse *purse,
                                       struct kc_view host_time);

struct kc_result __wrap_kc_purse_stamp(uint64_t *out, const struct kc_purse *purse,
                                       struct kc_view host_time)
{
    struct kc_result result = __real_kc_purse_stamp(out, purse, host_time);
    if (mutant_on == MUTANT_STAMP_REPEATED && *out == purse->state.stamp_ms + 1) {
        *out = purse->state.stamp_ms;
    }
    return result;
}

bool __real_kc_purse_answers(const uint8_t given[KC_DIGEST_SIZE],
                             const uint8_t own[KC_DIGEST_SIZE]);
bool __wrap_kc_purse_answers(const uint8_t given[KC_DIGEST_SIZE],
                             const uint8_t own[KC_DIGEST_SIZE]);

bool __wrap_kc_purse_answers(const uint8_t given[KC_DIGEST_SIZE], const uint8_t own[KC_DIGEST_SIZE])
{
    return mutant_on == MUTANT_ANY_REPLY || __real_kc_purse_answers(given, own);
}

struct kc_result __real_kc_purse_apply(struct kc_purse *purse, struct kc_purse_state *next,
                                       const struct kc_certified *certified, struct kc_view bytes);
struct kc_result __wrap_kc_purse_apply(struct kc_purse *purse, struct kc_purse_state *next,
                                       const struct kc_certified *certified, struct kc_view bytes);

struct kc_result __wrap_kc_purse_apply(struct kc_purse *purse, struct kc_purse_state *next,
                                       const struct kc_certified *certified, struct kc_view bytes)
{
    struct kc_result result = __real_kc_purse_apply(purse, next, certified, bytes);
    if (mutant_on == MUTANT_OWN_ENTRIES_FORGOTTEN && !kc_failed(result)) {
        next->value = certified->purse_amount;
    }
    return result;
}

struct kc_result __real_kc_purse_open_heard(struct kc_purse *purse, struct kc_purse_state *next);
struct kc_result __wrap_kc_purse_open_heard(struct kc_purse *purse, struct kc_purse_state *next);

struct kc_result __wrap_kc_purse_open_heard(struct kc_purse *purse, struct kc_purse_state *next)
{
    return mutant_on == MUTANT_RECEIPT_LEFT ? kc_ok() : __real_kc_purse_open_heard(purse, next);
}

void __real_kc_purse_open_remove(struct kc_purse_state *next, size_t index);
void __wrap_kc_purse_open_remove(struct kc_purse_state *next, size_t index);

void __wrap_kc_purse_open_remove(struct kc_purse_state *next, size_t index)
{
    if (mutant_on != MUTANT_WORD_UNHEARD) {
        __real_kc_purse_open_remove(next, index);
    }
}
