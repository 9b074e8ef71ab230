/* Orders whose outcome the ordinary bank has not told are asked again, for as long as it takes, also after a restart. */
#include "bank/bank.h"

static struct kc_ledger_order orders[KC_ROUND_MAX]; /* of this round; the writer's */

static struct kc_result list(size_t *count, size_t most, struct kc_bank *bank,
                             const struct kc_bank_place *after)
{
    const struct kc_purse_id purse = {.number = after->number};
    return kc_ledger_in_doubt(orders, count, most, &bank->ledger, purse, after->time_ms);
}

static struct kc_bank_place put(struct kc_bank_item *item, size_t index)
{
    item->order = orders[index];
    return (struct kc_bank_place){.number = item->order.purse.number,
                                  .time_ms = item->order.time_ms};
}

void kc_bank_ask_again(struct kc_bank *bank, uint64_t now_ms)
{
    static const struct kc_bank_asking asking = {.kind = &kc_bank_fund_again,
                                                 .every_ms = 2000,
                                                 .part = 4,
                                                 .most = KC_ROUND_MAX,
                                                 .list = list,
                                                 .put = put};
    kc_bank_ask_round(bank, &bank->again, &asking, now_ms);
}
