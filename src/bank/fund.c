/* Funding and redeeming: two writes with the ordinary bank asked in between. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

static struct kc_result prepare(struct kc_bank *bank, struct kc_bank_thread *thread,
                                struct kc_bank_item *item)
{
    return kc_bank_read_information(bank, thread, item, item->message.fund_request.information);
}

static struct kc_result begin(struct kc_bank *bank, struct kc_bank_thread *thread,
                              struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_fund_begin(&item->order, &item->outcome, &bank->ledger,
                                &item->message.fund_request, &item->information, &source);
}

static struct kc_result ask(struct kc_bank *bank, struct kc_bank_thread *thread,
                            struct kc_bank_item *item)
{
    const struct kc_ledger_order *order = &item->order;
    char key[KC_ORDINARY_KEY_SIZE];
    if (!order->ask) {
        return kc_ok();
    }
    (void)snprintf(key, sizeof key, "%" PRIu64 "-%" PRIu64 "-%" PRIu64, bank->realm.bank,
                   order->purse.number, order->time_ms);
    kc_bank_ask_ordinary(item, thread, key, order->kind, order->bank_account, order->amount);
    return kc_ok();
}

static struct kc_result settle(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item)
{
    const struct kc_ledger_order *order = &item->order;
    (void)thread;
    if (!order->ask) {
        return kc_ok();
    }
    return kc_ledger_fund_settle(&item->outcome, &bank->ledger, order->purse, order->time_ms,
                                 item->order_answer);
}

static struct kc_result answer(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes);
    struct kc_fund_reply reply = {.transaction_ms = item->message.fund_request.time_ms,
                                  .purse = item->information.information.purse,
                                  .outcome = item->outcome.outcome,
                                  .reason = item->outcome.reason,
                                  .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    struct kc_result result = kc_bank_certify(&certified, bank, thread, &item->outcome.certified);
    reply.certified = kc_buffer_view(&certified);
    return kc_failed(result)
               ? result
               : kc_bank_reply(bank, thread, item, reply.time_ms, &kc_fund_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_fund_request = {
    .shape = &kc_fund_request_shape,
    .from_purse = true,
    .steps =
        {{KC_LANE_WORK, prepare, NULL},
         {KC_LANE_WRITE, begin, NULL},
         /* Else the order is in the books, and is asked for later, with the others in doubt. */
         {KC_LANE_ORDINARY, ask, kc_bank_leave_in_doubt},
         {KC_LANE_WRITE, settle, NULL},
         {KC_LANE_WORK, answer, NULL}},
};

/* An order whose outcome was not known, asked again by the bank itself; nobody waits for a reply. */
const struct kc_bank_kind kc_bank_fund_again = {
    .steps = {{KC_LANE_ORDINARY, ask, kc_bank_leave_in_doubt}, {KC_LANE_WRITE, settle, NULL}},
};
