#include "bank/rounds.h"

#include "bank/bank.h"
#include "base/assert.h"
#include "base/log.h"

/* Batches in a row before the writer looks after its queue again. */
#define BATCHES_MAX 16u

bool kc_bank_round_begin(struct kc_bank_round *round, uint64_t now_ms, uint64_t every_ms)
{
    /* A clock that was set back begins a round as well. */
    bool soon = now_ms >= round->begun_ms && now_ms - round->begun_ms < every_ms;
    if (atomic_load(&round->asking) > 0 || soon) {
        return false;
    }
    round->begun_ms = now_ms;
    return true;
}

struct kc_bank_item *kc_bank_round_take(struct kc_bank *bank, struct kc_bank_round *round,
                                        const struct kc_bank_kind *kind)
{
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)kc_pipeline_take(&bank->pipeline);
    if (item != NULL) {
        item->exchange = NULL;
        item->round = round;
        item->kind = kind;
        item->step = KC_AT_OWN;
        item->error = KC_OK;
        item->authenticated = false;
        item->head.lane = kind->steps[0].lane;
    }
    return item;
}

void kc_bank_round_send(struct kc_bank *bank, struct kc_bank_item *item)
{
    atomic_fetch_add(&item->round->asking, 1);
    kc_pipeline_send(&bank->pipeline, &item->head);
}

void kc_bank_round_ended(struct kc_bank_round *round)
{
    atomic_fetch_sub(&round->asking, 1);
}

static size_t round_size(const struct kc_bank *bank, const struct kc_bank_asking *asking)
{
    if (asking->part == 0) {
        return asking->most;
    }
    size_t part = bank->pipeline.item_count / asking->part;
    return part == 0 ? 1 : part < asking->most ? part : asking->most;
}

void kc_bank_ask_round(struct kc_bank *bank, struct kc_bank_round *round,
                       const struct kc_bank_asking *asking, uint64_t now_ms)
{
    struct kc_bank_item *item;
    struct kc_bank_place last = {.number = 0};
    size_t most = round_size(bank, asking);
    size_t count = 0;
    size_t sent = 0;
    KC_ASSERT(asking->most <= KC_ROUND_MAX);
    if (!kc_bank_round_begin(round, now_ms, asking->every_ms) ||
        kc_failed(asking->list(&count, most, bank, &round->last))) {
        return;
    }
    while (sent < count && (item = kc_bank_round_take(bank, round, asking->kind)) != NULL) {
        last = asking->put(item, sent);
        kc_bank_round_send(bank, item);
        sent++;
    }
    /* A round that was not full came to the end of them: the next one begins with the first. */
    bool more = sent > 0 && (sent < count || count == most);
    round->last = more ? last : (struct kc_bank_place){.number = 0};
}

/* ---- the ordinary bank ---- */

void kc_bank_ask_ordinary(struct kc_bank_item *item, struct kc_bank_thread *thread, const char *key,
                          enum kc_fund_kind kind, const char *bank_account, struct kc_amount amount)
{
    const struct kc_ordinary_bank *ordinary = &thread->ordinary;
    item->order_answer =
        ordinary->transfer(ordinary->context, key, kind, bank_account, amount).code;
}

void kc_bank_leave_in_doubt(struct kc_bank_item *item)
{
    item->order_answer = KC_IN_DOUBT;
}

/* ---- what is due ---- */

static size_t run_batch(struct kc_bank *bank, uint64_t now_ms, const char *name,
                        struct kc_result (*run)(struct kc_ledger *ledger, size_t *count))
{
    size_t count = 0;
    struct kc_result result = kc_ledger_begin(&bank->ledger, now_ms);
    if (!kc_failed(result)) {
        result = run(&bank->ledger, &count);
        struct kc_result committed = kc_ledger_commit(&bank->ledger);
        result = kc_failed(committed) ? committed : result;
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "%s failed reason=%s", name, kc_error_name(result.code));
        return 0;
    }
    if (count > 0) {
        kc_log(KC_LOG_INFO, "%s accounts=%zu", name, count);
    }
    return count;
}

void kc_bank_run_due(struct kc_bank *bank, uint64_t now_ms, const char *name,
                     struct kc_result (*run)(struct kc_ledger *ledger, size_t *count))
{
    for (unsigned i = 0; i < BATCHES_MAX && run_batch(bank, now_ms, name, run) > 0; i++) {
    }
}
