/* Withdrawals, deposits and the recovery call: Sa3-Sa8, Sa13-Sa16, [0148]-[0150]. */
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

static struct kc_result prepare_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                        struct kc_bank_item *item)
{
    return kc_bank_read_information(bank, thread, item, item->message.cash_request.information);
}

static struct kc_result apply_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_cash_request(&item->quote, item->name, &bank->ledger,
                                  &item->message.cash_request, &item->information, &source);
}

static struct kc_result answer_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    /* The quote's content never changes, so it carries the time at which it was first made. */
    return kc_bank_reply(bank, thread, item, item->quote.time_ms, &kc_cash_quote_shape,
                         &item->quote);
}

const struct kc_bank_kind kc_bank_cash_request = {
    .shape = &kc_cash_request_shape,
    .from_purse = true,
    .steps = {{KC_LANE_WORK, prepare_request, NULL},
              {KC_LANE_WRITE, apply_request, NULL},
              {KC_LANE_WORK, answer_request, NULL}},
};

static struct kc_result prepare_answer(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    const struct kc_cash_answer *answer = &item->message.cash_answer;
    (void)bank;
    (void)thread;
    return answer->has_entry ? kc_shape_decode(&item->entry, &kc_entry_shape, answer->entry)
                             : kc_ok();
}

static struct kc_result apply_answer(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    const struct kc_cash_answer *answer = &item->message.cash_answer;
    struct kc_ledger_source source = kc_bank_source(item);
    struct kc_account_id account = {.number = item->signer.number};
    (void)thread;
    return kc_ledger_cash_answer(&item->outcome, &bank->ledger, account, answer,
                                 answer->has_entry ? &item->entry : NULL, answer->entry, &source);
}

static struct kc_result answer_answer(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes);
    struct kc_completion completion = {.transaction_ms = item->outcome.transaction_ms,
                                       .purse = item->message.cash_answer.purse,
                                       .outcome = item->outcome.outcome,
                                       .time_ms = kc_clock_now_ms()};
    memcpy(completion.answers, item->digest, KC_DIGEST_SIZE);
    struct kc_result result = kc_bank_certify(&certified, bank, thread, &item->outcome.certified);
    completion.certified = kc_buffer_view(&certified);
    return kc_failed(result) ? result
                             : kc_bank_reply(bank, thread, item, completion.time_ms,
                                             &kc_completion_shape, &completion);
}

const struct kc_bank_kind kc_bank_cash_answer = {
    .shape = &kc_cash_answer_shape,
    .from_purse = true,
    .steps = {{KC_LANE_WORK, prepare_answer, NULL},
              {KC_LANE_WRITE, apply_answer, NULL},
              {KC_LANE_WORK, answer_answer, NULL}},
};

static struct kc_result prepare_state(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    return kc_bank_read_information(bank, thread, item, item->message.state_request.information);
}

static struct kc_result apply_state(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    struct kc_result result = kc_ledger_state(
        &item->outcome, &bank->ledger, &item->message.state_request, &item->information, &source);
    return kc_failed(result) ? result
                             : kc_ledger_key_ready(&item->key_ready_ms, &bank->ledger,
                                                   item->information.information.purse);
}

static struct kc_result answer_state(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer certified = KC_BUFFER(bytes);
    const struct kc_state_request *request = &item->message.state_request;
    struct kc_state_reply reply = {.has_transaction = request->has_pending,
                                   .transaction_ms = request->pending_ms,
                                   .purse = item->information.information.purse,
                                   .outcome = item->outcome.outcome,
                                   .has_key_ready = item->key_ready_ms != 0,
                                   .key_ready_ms = item->key_ready_ms,
                                   .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    struct kc_result result = kc_bank_certify(&certified, bank, thread, &item->outcome.certified);
    reply.certified = kc_buffer_view(&certified);
    return kc_failed(result)
               ? result
               : kc_bank_reply(bank, thread, item, reply.time_ms, &kc_state_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_state_request = {
    .shape = &kc_state_request_shape,
    .from_purse = true,
    .steps = {{KC_LANE_WORK, prepare_state, NULL},
              {KC_LANE_WRITE, apply_state, NULL},
              {KC_LANE_WORK, answer_state, NULL}},
};
