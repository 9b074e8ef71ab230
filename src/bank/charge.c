/* The management charge: the scheduler's turn in the writer, orders to the ordinary bank, and the clerk's word. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bank/bank.h"
#include "bank/charges.h"
#include "base/log.h"
#include "message/generated/names.h"

/* Batches in a row before the writer looks after its queue again. */
#define BATCHES_MAX 16u
#define ROUND_MAX 32u
/* A round takes at most one in so many items, for all of it may wait for an ordinary bank that is silent. */
#define ROUND_PART 8u
#define ROUND_EVERY_MS 2000u

/* ---- what is due ---- */

static size_t run_batch(struct kc_bank *bank, uint64_t now_ms)
{
    size_t count = 0;
    struct kc_result result = kc_ledger_begin(&bank->ledger, now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_charge(&bank->ledger, &count);
        struct kc_result committed = kc_ledger_commit(&bank->ledger);
        result = kc_failed(committed) ? committed : result;
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "charges failed reason=%s", kc_error_name(result.code));
        return 0;
    }
    if (count > 0) {
        kc_log(KC_LOG_INFO, "charges accounts=%zu", count);
    }
    return count;
}

/* ---- orders ---- */

static struct kc_result ask(struct kc_bank *bank, struct kc_bank_thread *thread,
                            struct kc_bank_item *item)
{
    const struct kc_charge_debit *order = &item->charge;
    char key[KC_ORDINARY_KEY_SIZE];
    (void)snprintf(key, sizeof key, "%" PRIu64 "-c%" PRIu64 "-%" PRIu64 "-%" PRIu64,
                   bank->realm.bank, order->account.number, order->period, order->attempt);
    struct kc_result answer = thread->ordinary.transfer(
        thread->ordinary.context, key, KC_FUND_KIND_FUND, order->bank_account, order->amount);
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
        kc_log(KC_LOG_WARN, "charge account=%" PRIu64 " period=%" PRIu64 " reason=%s",
               item->charge.account.number, item->charge.period, kc_error_name(item->order_answer));
    }
    return kc_ledger_charge_settle(&bank->ledger, &item->charge, item->order_answer);
}

const struct kc_bank_kind kc_bank_ask_charge = {
    .steps = {{KC_LANE_ORDINARY, ask, leave_in_doubt}, {KC_LANE_WRITE, settle, NULL}},
};

void kc_bank_charge_asked(struct kc_bank *bank)
{
    atomic_fetch_sub(&bank->charges.asking, 1);
}

/* False when no item is left for it. */
static bool send(struct kc_bank *bank, const struct kc_charge_debit *order)
{
    struct kc_bank_item *item = (struct kc_bank_item *)(void *)kc_pipeline_take(&bank->pipeline);
    if (item == NULL) {
        return false;
    }
    item->exchange = NULL;
    item->kind = &kc_bank_ask_charge;
    item->step = KC_AT_OWN;
    item->error = KC_OK;
    item->authenticated = false;
    item->charge = *order;
    item->head.lane = kc_bank_ask_charge.steps[0].lane;
    atomic_fetch_add(&bank->charges.asking, 1);
    kc_pipeline_send(&bank->pipeline, &item->head);
    return true;
}

/* A round begins when the last one has ended, behind its last account, as for funding (again.c). */
static void ask_round(struct kc_bank *bank, uint64_t now_ms)
{
    static struct kc_charge_debit orders[ROUND_MAX];
    struct kc_bank_again *round = &bank->charges;
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
    if (kc_failed(kc_ledger_charge_orders(orders, &count, most, &bank->ledger, round->last_ms))) {
        return;
    }
    while (sent < count && send(bank, &orders[sent])) {
        sent++;
    }
    bool more = sent > 0 && (sent < count || count == most);
    round->last_ms = more ? orders[sent - 1].account.number : 0;
}

void kc_bank_charge(struct kc_bank *bank, uint64_t now_ms)
{
    if (!bank->ledger.charging) {
        return;
    }
    for (unsigned i = 0; i < BATCHES_MAX && run_batch(bank, now_ms) > 0; i++) {
    }
    ask_round(bank, now_ms);
}

/* ---- the clerk's word ---- */

struct kc_result kc_bank_read_charge(struct kc_bank_item *item, const struct kc_bank *bank,
                                     const struct kc_http_request *request)
{
    struct kc_bank_charge_word *order = &item->message.charge_word;
    if (!kc_bank_has_token(bank, request->authorization)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    json_t *body = json_loadb((const char *)request->body.data, request->body.size,
                              JSON_REJECT_DUPLICATES, NULL);
    const char *account = json_string_value(json_object_get(body, "account"));
    const char *word = json_string_value(json_object_get(body, "charge"));
    order->included = word != NULL && strcmp(word, "paid") == 0;
    bool good = account != NULL && word != NULL && json_object_size(body) == 2 &&
                !kc_failed(kc_account_parse(&order->account, account)) &&
                kc_charge_word_take(&order->source, word);
    json_decref(body);
    return kc_result(good ? KC_OK : KC_MALFORMED);
}

static struct kc_result check_order(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_check_clock(bank, item->message.charge_order.time_ms);
}

static struct kc_result apply_order(struct kc_bank *bank, struct kc_bank_thread *thread,
                                    struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_charge_order(&bank->ledger, &item->message.charge_order, &source);
}

/* The registrar's, with the signed message kept. */
const struct kc_bank_kind kc_bank_charge_order = {
    .shape = &kc_charge_order_shape,
    .steps = {{KC_LANE_WORK, check_order, NULL},
              {KC_LANE_WRITE, apply_order, NULL},
              {KC_LANE_WORK, kc_bank_answer_done, NULL}},
};

static struct kc_result apply(struct kc_bank *bank, struct kc_bank_thread *thread,
                              struct kc_bank_item *item)
{
    const struct kc_bank_charge_word *word = &item->message.charge_word;
    (void)thread;
    return word->included ? kc_ledger_charge_included(&bank->ledger, word->account)
                          : kc_ledger_charge_from(&bank->ledger, word->account, word->source);
}

static struct kc_result answer(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item)
{
    static const char done[] = "{\"result\": \"ok\"}\n";
    const struct kc_bank_charge_word *word = &item->message.charge_word;
    (void)bank;
    (void)thread;
    kc_log(KC_LOG_INFO, "charge account=%" PRIu64 " word=%s", word->account.number,
           word->included ? "paid" : kc_charge_source_word(word->source));
    memcpy(item->reply, done, sizeof done - 1);
    item->reply_size = sizeof done - 1;
    item->content_type = KC_CONTENT_JSON;
    item->status = 200;
    return kc_ok();
}

const struct kc_bank_kind kc_bank_set_charge = {
    .steps = {{KC_LANE_WRITE, apply, NULL}, {KC_LANE_WORK, answer, NULL}},
};
