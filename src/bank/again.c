/* Orders whose outcome the ordinary bank has not told are asked again, for as long as it takes, also after a restart. */
#include "bank/bank.h"

#define ROUND_MAX 32u
/* A round takes at most one in so many items, for all of it may wait for an ordinary bank that is silent. */
#define ROUND_PART 4u
#define ROUND_EVERY_MS 2000u

void kc_bank_asked_again(struct kc_bank *bank)
{
    atomic_fetch_sub(&bank->again.asking, 1);
}

/* False when no item is left for it. */
static bool send(struct kc_bank *bank, const struct kc_ledger_order *order)
{
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)kc_pipeline_take(&bank->pipeline);
    if (item == NULL) {
        return false;
    }
    item->exchange = NULL;
    item->kind = &kc_bank_fund_again;
    item->step = KC_AT_OWN;
    item->error = KC_OK;
    item->authenticated = false;
    item->order = *order;
    item->head.lane = kc_bank_fund_again.steps[0].lane;
    atomic_fetch_add(&bank->again.asking, 1);
    kc_pipeline_send(&bank->pipeline, &item->head);
    return true;
}

static size_t round_size(const struct kc_bank *bank)
{
    size_t part = bank->pipeline.item_count / ROUND_PART;
    return part == 0 ? 1 : part < ROUND_MAX ? part : ROUND_MAX;
}

void kc_bank_ask_again(struct kc_bank *bank, uint64_t now_ms)
{
    static struct kc_ledger_order orders[ROUND_MAX];
    struct kc_bank_again *again = &bank->again;
    size_t most = round_size(bank);
    size_t count = 0;
    size_t sent = 0;
    if (atomic_load(&again->asking) > 0 || now_ms - again->begun_ms < ROUND_EVERY_MS) {
        return;
    }
    again->begun_ms = now_ms;
    struct kc_result result =
        kc_ledger_in_doubt(orders, &count, most, &bank->ledger, again->last_purse, again->last_ms);
    if (kc_failed(result)) {
        return;
    }
    while (sent < count && send(bank, &orders[sent])) {
        sent++;
    }
    /* A round that was not full came to the end of the orders: the next one begins with the first. */
    bool more = sent > 0 && (sent < count || count == most);
    again->last_purse = more ? orders[sent - 1].purse : (struct kc_purse_id){.number = 0};
    again->last_ms = more ? orders[sent - 1].time_ms : 0;
}
