/* Closing accounts: at the registrar's word or the operator's; the scheduler's turn in the writer, pay-outs and revocations. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"
#include "base/log.h"

/* Batches in a row before the writer looks after its queue again. */
#define BATCHES_MAX 16u
#define ROUND_MAX 32u
/* A round takes at most one in so many items, for all of it may wait for an ordinary bank that is silent. */
#define ROUND_PART 8u
#define ROUND_EVERY_MS 2000u
#define REVOKE_MAX 4u
/* RFC 5280 section 5.3.1. */
#define REVOKE_CESSATION 5u

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
    return kc_ledger_close_request(&item->closed, &bank->ledger, &item->message.close_request,
                                   &source);
}

static struct kc_result answer_request(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    struct kc_close_reply reply = {.account = item->message.close_request.account,
                                   .amount = item->closed.amount,
                                   .purse_amount = item->closed.purse_amount,
                                   .due_ms = item->closed.due_ms,
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
    json_t *body = json_loadb((const char *)request->body.data, request->body.size,
                              JSON_REJECT_DUPLICATES, NULL);
    const char *account = json_string_value(json_object_get(body, "account"));
    bool good = account != NULL && json_object_size(body) == 1 &&
                !kc_failed(kc_account_parse(&item->message.close, account));
    json_decref(body);
    return kc_result(good ? KC_OK : KC_MALFORMED);
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
    static const char done[] = "{\"result\": \"ok\"}\n";
    (void)bank;
    (void)thread;
    kc_log(KC_LOG_INFO, "closed account=%" PRIu64 " by=operator", item->message.close.number);
    memcpy(item->reply, done, sizeof done - 1);
    item->reply_size = sizeof done - 1;
    item->content_type = KC_CONTENT_JSON;
    item->status = 200;
    return kc_ok();
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
    struct kc_result answer = thread->ordinary.transfer(
        thread->ordinary.context, key, KC_FUND_KIND_REDEEM, payout->bank_account, payout->amount);
    item->order_answer = answer.code;
    return kc_ok();
}

static void leave_in_doubt(struct kc_bank_item *item)
{
    item->order_answer = KC_IN_DOUBT;
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
    .steps = {{KC_LANE_ORDINARY, ask, leave_in_doubt}, {KC_LANE_WRITE, settle, NULL}},
};

void kc_bank_payout_asked(struct kc_bank *bank)
{
    atomic_fetch_sub(&bank->payouts.asking, 1);
}

/* False when no item is left for it. */
static bool send(struct kc_bank *bank, const struct kc_payout *payout)
{
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)kc_pipeline_take(&bank->pipeline);
    if (item == NULL) {
        return false;
    }
    item->exchange = NULL;
    item->kind = &kc_bank_ask_payout;
    item->step = KC_AT_OWN;
    item->error = KC_OK;
    item->authenticated = false;
    item->payout = *payout;
    item->head.lane = kc_bank_ask_payout.steps[0].lane;
    atomic_fetch_add(&bank->payouts.asking, 1);
    kc_pipeline_send(&bank->pipeline, &item->head);
    return true;
}

/* A round begins when the last one has ended, behind its last account, as for charges (charge.c). */
static void ask_round(struct kc_bank *bank, uint64_t now_ms)
{
    static struct kc_payout payouts[ROUND_MAX];
    struct kc_bank_again *round = &bank->payouts;
    size_t part = bank->pipeline.item_count / ROUND_PART;
    size_t most = part == 0 ? 1 : part < ROUND_MAX ? part : ROUND_MAX;
    size_t count = 0;
    size_t sent = 0;
    /* A clock that was set back begins a round as well. */
    bool soon = now_ms >= round->begun_ms && now_ms - round->begun_ms < ROUND_EVERY_MS;
    if (atomic_load(&round->asking) > 0 || soon) {
        return;
    }
    round->begun_ms = now_ms;
    if (kc_failed(kc_ledger_payouts(payouts, &count, most, &bank->ledger, round->last_ms))) {
        return;
    }
    while (sent < count && send(bank, &payouts[sent])) {
        sent++;
    }
    bool more = sent > 0 && (sent < count || count == most);
    round->last_ms = more ? payouts[sent - 1].account.number : 0;
}

/* ---- certificates ---- */

static struct kc_result ask_revoke(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_done done;
    const struct kc_revoke_request request = {
        .account = item->message.close, .reason = REVOKE_CESSATION, .time_ms = kc_clock_now_ms()};
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

void kc_bank_revoke_ended(struct kc_bank *bank)
{
    atomic_fetch_sub(&bank->revoking.asking, 1);
}

static bool send_revoke(struct kc_bank *bank, struct kc_account_id account)
{
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)kc_pipeline_take(&bank->pipeline);
    if (item == NULL) {
        return false;
    }
    item->exchange = NULL;
    item->kind = &kc_bank_revoke_closed;
    item->step = KC_AT_OWN;
    item->error = KC_OK;
    item->authenticated = false;
    item->message.close = account;
    item->head.lane = kc_bank_revoke_closed.steps[0].lane;
    atomic_fetch_add(&bank->revoking.asking, 1);
    kc_pipeline_send(&bank->pipeline, &item->head);
    return true;
}

/* What the registrar had revoked is asked for once more, which changes nothing. */
static void revoke_round(struct kc_bank *bank, uint64_t now_ms)
{
    struct kc_account_id accounts[REVOKE_MAX];
    struct kc_bank_again *round = &bank->revoking;
    size_t count = 0;
    size_t sent = 0;
    bool soon = now_ms >= round->begun_ms && now_ms - round->begun_ms < ROUND_EVERY_MS;
    if (bank->config.authority_url[0] == '\0' || atomic_load(&round->asking) > 0 || soon) {
        return;
    }
    round->begun_ms = now_ms;
    if (kc_failed(
            kc_ledger_unrevoked(accounts, &count, REVOKE_MAX, &bank->ledger, round->last_ms))) {
        return;
    }
    while (sent < count && send_revoke(bank, accounts[sent])) {
        sent++;
    }
    bool more = sent > 0 && (sent < count || count == REVOKE_MAX);
    round->last_ms = more ? accounts[sent - 1].number : 0;
}

/* ---- the scheduler ---- */

static size_t run_batch(struct kc_bank *bank, uint64_t now_ms)
{
    size_t count = 0;
    struct kc_result result = kc_ledger_begin(&bank->ledger, now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_closings(&bank->ledger, &count);
        struct kc_result committed = kc_ledger_commit(&bank->ledger);
        result = kc_failed(committed) ? committed : result;
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "closings failed reason=%s", kc_error_name(result.code));
        return 0;
    }
    if (count > 0) {
        kc_log(KC_LOG_INFO, "closings accounts=%zu", count);
    }
    return count;
}

void kc_bank_closings(struct kc_bank *bank, uint64_t now_ms)
{
    for (unsigned i = 0; i < BATCHES_MAX && run_batch(bank, now_ms) > 0; i++) {
    }
    ask_round(bank, now_ms);
    revoke_round(bank, now_ms);
}
