/* The management charge: the scheduler's turn in the writer, orders to the ordinary bank, and the clerk's word. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bank/bank.h"
#include "bank/charges.h"
#include "base/log.h"
#include "message/generated/names.h"

/* ---- orders ---- */

static struct kc_result ask(struct kc_bank *bank, struct kc_bank_thread *thread,
                            struct kc_bank_item *item)
{
    const struct kc_charge_debit *order = &item->charge;
    char key[KC_ORDINARY_KEY_SIZE];
    (void)snprintf(key, sizeof key, "%" PRIu64 "-c%" PRIu64 "-%" PRIu64 "-%" PRIu64,
                   bank->realm.bank, order->account.number, order->period, order->attempt);
    kc_bank_ask_ordinary(item, thread, key, KC_FUND_KIND_FUND, order->bank_account, order->amount);
    return kc_ok();
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
    .steps = {{KC_LANE_ORDINARY, ask, kc_bank_leave_in_doubt}, {KC_LANE_WRITE, settle, NULL}},
};

static struct kc_charge_debit orders[KC_ROUND_MAX]; /* of this round; the writer's */

static struct kc_result list(size_t *count, size_t most, struct kc_bank *bank,
                             const struct kc_bank_place *after)
{
    return kc_ledger_charge_orders(orders, count, most, &bank->ledger, after->number);
}

static struct kc_bank_place put(struct kc_bank_item *item, size_t index)
{
    item->charge = orders[index];
    return (struct kc_bank_place){.number = item->charge.account.number};
}

void kc_bank_charge(struct kc_bank *bank, uint64_t now_ms)
{
    static const struct kc_bank_asking asking = {.kind = &kc_bank_ask_charge,
                                                 .every_ms = 2000,
                                                 .part = 8,
                                                 .most = KC_ROUND_MAX,
                                                 .list = list,
                                                 .put = put};
    if (!bank->ledger.charging) {
        return;
    }
    kc_bank_run_due(bank, now_ms, "charges", kc_ledger_charge);
    kc_bank_ask_round(bank, &bank->charges, &asking, now_ms);
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
    const struct kc_bank_charge_word *word = &item->message.charge_word;
    (void)bank;
    (void)thread;
    kc_log(KC_LOG_INFO, "charge account=%" PRIu64 " word=%s", word->account.number,
           word->included ? "paid" : kc_charge_source_word(word->source));
    return kc_bank_answer_ok(item);
}

const struct kc_bank_kind kc_bank_set_charge = {
    .steps = {{KC_LANE_WRITE, apply, NULL}, {KC_LANE_WORK, answer, NULL}},
};
