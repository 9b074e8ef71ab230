/* What an operator may order of a running bank, in JSON over HTTP with the token from the bank's folder: what all such orders
 * have in common, and the log policy of a purse. */
#include <jansson.h>
#include <string.h>

#include "bank/bank.h"
#include "base/log.h"

bool kc_bank_has_token(const struct kc_bank *bank, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    size_t size = strlen(bank->admin_token);
    return strncmp(authorization, scheme, sizeof scheme - 1) == 0 &&
           strlen(authorization) == sizeof scheme - 1 + size &&
           kc_equal_secret(authorization + sizeof scheme - 1, bank->admin_token, size);
}

struct kc_result kc_bank_read_account(struct kc_account_id *out,
                                      const struct kc_http_request *request)
{
    json_t *order = json_loadb((const char *)request->body.data, request->body.size,
                               JSON_REJECT_DUPLICATES, NULL);
    const char *account = json_string_value(json_object_get(order, "account"));
    bool good = account != NULL && json_object_size(order) == 1 &&
                !kc_failed(kc_account_parse(out, account));
    json_decref(order);
    return kc_result(good ? KC_OK : KC_MALFORMED);
}

struct kc_result kc_bank_answer_ok(struct kc_bank_item *item)
{
    static const char done[] = "{\"result\": \"ok\"}\n";
    memcpy(item->reply, done, sizeof done - 1);
    item->reply_size = sizeof done - 1;
    item->content_type = KC_CONTENT_JSON;
    item->status = 200;
    return kc_ok();
}

struct kc_result kc_bank_read_policy(struct kc_bank_item *item, const struct kc_bank *bank,
                                     const struct kc_http_request *request)
{
    struct kc_bank_policy *policy = &item->message.policy;
    if (!kc_bank_has_token(bank, request->authorization)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    json_t *order = json_loadb((const char *)request->body.data, request->body.size,
                               JSON_REJECT_DUPLICATES, NULL);
    const char *purse = json_string_value(json_object_get(order, "purse"));
    const char *word = json_string_value(json_object_get(order, "log-policy"));
    bool good = purse != NULL && word != NULL && json_object_size(order) == 2 &&
                !kc_failed(kc_purse_parse(&policy->purse, purse)) &&
                kc_log_policy_take(&policy->policy, word);
    json_decref(order);
    return kc_result(good ? KC_OK : KC_MALFORMED);
}

static struct kc_result apply(struct kc_bank *bank, struct kc_bank_thread *thread,
                              struct kc_bank_item *item)
{
    const struct kc_bank_policy *policy = &item->message.policy;
    (void)thread;
    return kc_ledger_set_policy(&bank->ledger, policy->purse, policy->policy);
}

static struct kc_result answer(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item)
{
    const struct kc_bank_policy *policy = &item->message.policy;
    (void)bank;
    (void)thread;
    kc_log(KC_LOG_INFO, "log policy purse=%llu policy=%s", (unsigned long long)policy->purse.number,
           kc_log_policy_word(policy->policy));
    return kc_bank_answer_ok(item);
}

const struct kc_bank_kind kc_bank_set_policy = {
    .steps = {{KC_LANE_WRITE, apply, NULL}, {KC_LANE_WORK, answer, NULL}},
};
