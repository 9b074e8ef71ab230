#include "bank/ordinary.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "service/http_client.h"

#define REPLY_SIZE_MAX 4096
#define TOKEN_SIZE_MAX 128

struct adapter {
    struct kc_http_client *client;
    char url[KC_URL_SIZE_MAX + 1];
    char token[TOKEN_SIZE_MAX];
    char currency[4];
};

/* One call; the parsed object, or NULL when none came (then *result says how it failed). */
static json_t *call(struct adapter *adapter, struct kc_result *result, int *status,
                    const struct kc_http_call *call_with)
{
    uint8_t content[REPLY_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(content);
    struct kc_http_reply reply = {.content = &buffer};
    *result = kc_http_client_call(adapter->client, &reply, call_with);
    *status = reply.status;
    if (kc_failed(*result)) {
        return NULL;
    }
    return json_loadb((const char *)content, buffer.size, JSON_REJECT_DUPLICATES, NULL);
}

static bool says(const json_t *reply, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(reply, name));
    return text != NULL && strcmp(text, wanted) == 0;
}

/* Account numbers go into a URL, so only plain characters may. */
static bool is_plain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        bool good = (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
                    (*at >= 'A' && *at <= 'Z') || *at == '-';
        if (!good) {
            return false;
        }
    }
    return text[0] != '\0';
}

static struct kc_result check(void *context, const char *account)
{
    struct adapter *adapter = context;
    char url[KC_URL_SIZE_MAX + 80];
    struct kc_result result;
    int status = 0;
    if (!is_plain(account)) {
        return kc_result(KC_NO_BANK_ACCOUNT);
    }
    (void)snprintf(url, sizeof url, "%s/v1/accounts/%s", adapter->url, account);
    struct kc_http_call request = {.url = url, .bearer = adapter->token};
    json_t *reply = call(adapter, &result, &status, &request);
    bool known = says(reply, "account", account) &&
                 json_is_boolean(json_object_get(reply, "exists")) &&
                 json_is_boolean(json_object_get(reply, "able_to_pay"));
    bool exists = json_is_true(json_object_get(reply, "exists"));
    bool able = json_is_true(json_object_get(reply, "able_to_pay"));
    json_decref(reply);
    if (kc_failed(result) || status != 200 || !known) {
        return kc_result(KC_ORDINARY_BANK_DOWN);
    }
    return kc_result(!exists ? KC_NO_BANK_ACCOUNT : !able ? KC_NO_ABILITY_TO_PAY : KC_OK);
}

static json_t *make_transfer(const struct adapter *adapter, const char *key, enum kc_fund_kind kind,
                             const char *account, struct kc_amount amount)
{
    char minor[24];
    (void)snprintf(minor, sizeof minor, "%" PRIu64, kc_amount_minor(amount));
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", key, "kind",
                     kind == KC_FUND_KIND_FUND ? "fund" : "redeem", "account", account, "amount",
                     minor, "currency", adapter->currency);
}

/* An answer says again what was ordered; one that says anything else is not an answer to this order. */
static bool answers(json_t *order, const json_t *reply)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(order, name, value)
    {
        if (!says(reply, name, json_string_value(value))) {
            return false;
        }
    }
    return true;
}

/* Only a clear answer of the ordinary bank decides; everything else leaves the outcome open. */
static struct kc_result read_transfer(json_t *order, const json_t *reply, int status)
{
    const char *state = json_string_value(json_object_get(reply, "status"));
    const char *reason = json_string_value(json_object_get(reply, "reason"));
    if (status != 200 || state == NULL || !answers(order, reply)) {
        return kc_result(KC_IN_DOUBT);
    }
    if (strcmp(state, "done") == 0) {
        return kc_ok();
    }
    if (strcmp(state, "refused") != 0) {
        return kc_result(KC_IN_DOUBT);
    }
    enum kc_error error = kc_error_from_name(reason == NULL ? "" : reason);
    bool ours = error == KC_NO_BANK_ACCOUNT || error == KC_NO_ABILITY_TO_PAY;
    return kc_result(ours ? error : KC_NO_ABILITY_TO_PAY);
}

static struct kc_result transfer(void *context, const char *key, enum kc_fund_kind kind,
                                 const char *account, struct kc_amount amount)
{
    struct adapter *adapter = context;
    char url[KC_URL_SIZE_MAX + 80];
    struct kc_result result;
    int status = 0;
    json_t *order = make_transfer(adapter, key, kind, account, amount);
    char *text = order == NULL ? NULL : json_dumps(order, JSON_COMPACT);
    if (text == NULL) {
        json_decref(order);
        return kc_result(KC_IN_DOUBT);
    }
    (void)snprintf(url, sizeof url, "%s/v1/transfers", adapter->url);
    struct kc_http_call request = {.url = url,
                                   .content_type = "application/json",
                                   .bearer = adapter->token,
                                   .idempotency_key = key,
                                   .body = kc_view_text(text)};
    json_t *reply = call(adapter, &result, &status, &request);
    result = kc_failed(result) ? kc_result(KC_IN_DOUBT) : read_transfer(order, reply, status);
    json_decref(reply);
    json_decref(order);
    free(text);
    return result;
}

struct kc_result kc_ordinary_http_open(struct kc_ordinary_bank *out, const char *url,
                                       const char *token, const char *currency, unsigned timeout_ms)
{
    struct adapter *adapter = calloc(1, sizeof *adapter);
    if (adapter == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    (void)snprintf(adapter->url, sizeof adapter->url, "%s", url);
    (void)snprintf(adapter->token, sizeof adapter->token, "%s", token);
    (void)snprintf(adapter->currency, sizeof adapter->currency, "%s", currency);
    struct kc_result result = kc_http_client_open(&adapter->client, timeout_ms);
    if (kc_failed(result)) {
        free(adapter);
        return result;
    }
    *out = (struct kc_ordinary_bank){.context = adapter, .check = check, .transfer = transfer};
    return result;
}

void kc_ordinary_http_close(struct kc_ordinary_bank *bank)
{
    struct adapter *adapter = bank->context;
    if (adapter != NULL) {
        kc_http_client_close(adapter->client);
        kc_wipe(adapter, sizeof *adapter);
        free(adapter);
        bank->context = NULL;
    }
}
