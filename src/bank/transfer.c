/* Transfers to an account: Sd2-Sd5. The answer and the recovery call are those of cash.c. */
#include "bank/bank.h"

static struct kc_result prepare(struct kc_bank *bank, struct kc_bank_thread *thread,
                                struct kc_bank_item *item)
{
    return kc_bank_read_information(bank, thread, item, item->message.transfer_request.information);
}

static struct kc_result apply(struct kc_bank *bank, struct kc_bank_thread *thread,
                              struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_transfer_request(&item->transfer_quote, item->name, &bank->ledger,
                                      &item->message.transfer_request, &item->information, &source);
}

static struct kc_result answer(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item)
{
    /* The quote's content never changes, so it carries the time at which it was first made. */
    return kc_bank_reply(bank, thread, item, item->transfer_quote.time_ms, &kc_transfer_quote_shape,
                         &item->transfer_quote);
}

const struct kc_bank_kind kc_bank_transfer_request = {
    .shape = &kc_transfer_request_shape,
    .from_purse = true,
    .steps = {{KC_LANE_WORK, prepare, NULL},
              {KC_LANE_WRITE, apply, NULL},
              {KC_LANE_WORK, answer, NULL}},
};
