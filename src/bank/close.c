/* Closing accounts: at the registrar's word or the operator's; the scheduler's turn in the writer, pay-outs and revocations. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank/bank.h"
#include "bank/cmp.h"
#include "base/clock.h"
#include "base/log.h"

#define REVOKE_MAX 4u

/* ---- the registrar's word ---- */

static struct kc_result check_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.close_request.time_ms);
}

static struct kc_result apply_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    struct kc_account_row account;
    const struct kc_store *store = &bank->store;
    struct kc_result result = kc_ledger_close_request(&item->closed, &bank->ledger,
                                                      &item->message.close_request, &source);
    if (!kc_failed(result)) {
        result = store->account_get(store->context, &account,
                                    item->message.close_request.account.number);
    }
    return kc_failed(result)
               ? result
               : kc_bank_list_pairs(&item->pairs, store, account.purse.number, kc_clock_now_ms());
}

static struct kc_result answer_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    struct kc_close_reply reply = {.account = item->message.close_request.account,
                                   .amount = item->closed.amount,
                                   .purse_amount = item->closed.purse_amount,
                                   .due_ms = item->closed.due_ms,
                                   .certificates = kc_view(item->pairs.bytes, item->pairs.size),
                                   .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    return kc_bank_reply(bank, thread, item, reply.time_ms, &kc_close_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_close_request = {
    .shape = &kc_close_request_shape,
    .steps = {{KC_LANE_WORK, check_request, NULL},
              {KC_LANE_WRITE, apply_request, NULL},
              {KC_LANE_WORK, answer_request, NULL}},
};

/* ---- the operator's ---- */

struct kc_result kc_bank_read_close(struct kc_bank_item *item, const struct kc_bank *bank,
                                    const struct kc_http_request *request)
{
    if (!kc_bank_has_token(bank, request->authorization)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    return kc_bank_read_account(&item->message.close, request);
}

static struct kc_result apply_order(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    (void)thread;
    return kc_ledger_close_account(&item->closed, &bank->ledger, item->message.close);
}

static struct kc_result answer_order(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    (void)bank;
    (void)thread;
    kc_log(KC_LOG_INFO, "closed account=%" PRIu64 " by=operator", item->message.close.number);
    return kc_bank_answer_ok(item);
}

const struct kc_bank_kind kc_bank_close_order = {
    .steps = {{KC_LANE_WRITE, apply_order, NULL}, {KC_LANE_WORK, answer_order, NULL}},
};

/* ---- pay-outs ---- */

static struct kc_result ask(struct kc_bank *bank, struct kc_bank_thread *thread,
                            struct kc_bank_item *item)
{
    const struct kc_payout *payout = &item->payout;
    char key[KC_ORDINARY_KEY_SIZE];
    (void)snprintf(key, sizeof key, "%" PRIu64 "-o%" PRIu64 "-%" PRIu64, bank->realm.bank,
                   payout->account.number, payout->number);
    kc_bank_ask_ordinary(item, thread, key, KC_FUND_KIND_REDEEM, payout->bank_account,
                         payout->amount);
    return kc_ok();
}

static struct kc_result settle(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item)
{
    (void)thread;
    if (item->order_answer != KC_OK) {
        kc_log(KC_LOG_WARN, "pay-out account=%" PRIu64 " number=%" PRIu64 " reason=%s",
               item->payout.account.number, item->payout.number, kc_error_name(item->order_answer));
    }
    return kc_ledger_payout_settle(&bank->ledger, &item->payout, item->order_answer);
}

const struct kc_bank_kind kc_bank_ask_payout = {
    .steps = {{KC_LANE_ORDINARY, ask, kc_bank_leave_in_doubt}, {KC_LANE_WRITE, settle, NULL}},
};

static struct kc_payout payouts[KC_ROUND_MAX]; /* of this round; the writer's */

static struct kc_result list_payouts(size_t *count, size_t most, struct kc_bank *bank,
                                     const struct kc_bank_place *after)
{
    return kc_ledger_payouts(payouts, count, most, &bank->ledger, after->number);
}

static struct kc_bank_place put_payout(struct kc_bank_item *item, size_t index)
{
    item->payout = payouts[index];
    return (struct kc_bank_place){.number = item->payout.account.number};
}

static const struct kc_bank_asking asking_payouts = {.kind = &kc_bank_ask_payout,
                                                     .every_ms = 2000,
                                                     .part = 8,
                                                     .most = KC_ROUND_MAX,
                                                     .list = list_payouts,
                                                     .put = put_payout};

/* ---- certificates ---- */

static struct kc_result ask_revoke(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_done done;
    const struct kc_revoke_request request = {
        .account = item->message.close, .reason = KC_CRL_CESSATION, .time_ms = kc_clock_now_ms()};
    if (kc_cmp_place_speaks(&bank->config.authority)) {
        return kc_bank_cmp_end_account(bank, thread, item->message.close);
    }
    return kc_bank_ask_authority(&done, &kc_done_shape, bank, thread, request.time_ms,
                                 &kc_revoke_request_shape, &request);
}

static struct kc_result apply_revoked(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    (void)thread;
    return kc_ledger_closed_revoked(&bank->ledger, item->message.close);
}

const struct kc_bank_kind kc_bank_revoke_closed = {
    .steps = {{KC_LANE_DIRECTORY, ask_revoke, NULL}, {KC_LANE_WRITE, apply_revoked, NULL}},
};

static struct kc_account_id unrevoked[REVOKE_MAX]; /* of this round; the writer's */

static struct kc_result list_unrevoked(size_t *count, size_t most, struct kc_bank *bank,
                                       const struct kc_bank_place *after)
{
    return kc_ledger_unrevoked(unrevoked, count, most, &bank->ledger, after->number);
}

static struct kc_bank_place put_unrevoked(struct kc_bank_item *item, size_t index)
{
    item->message.close = unrevoked[index];
    return (struct kc_bank_place){.number = item->message.close.number};
}

/* What the registrar had revoked is asked for once more, which changes nothing. */
static const struct kc_bank_asking asking_revocation = {.kind = &kc_bank_revoke_closed,
                                                        .every_ms = 2000,
                                                        .most = REVOKE_MAX,
                                                        .list = list_unrevoked,
                                                        .put = put_unrevoked};

/* ---- the scheduler ---- */

void kc_bank_closings(struct kc_bank *bank, uint64_t now_ms)
{
    kc_bank_run_due(bank, now_ms, "closings", kc_ledger_closings);
    kc_bank_ask_round(bank, &bank->payouts, &asking_payouts, now_ms);
    if (bank->config.authority_url[0] != '\0') {
        kc_bank_ask_round(bank, &bank->revoking, &asking_revocation, now_ms);
    }
}
