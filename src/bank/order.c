/* Orders of the operator's commands to the running bank, over HTTP with the token from its folder. */
#include "bank/order.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "bank/bank.h"
#include "service/files.h"
#include "service/http_client.h"
#include "service/keys.h"

#define ORDER_TIMEOUT_MS 10000u

/* The bank's answer: done, or the error that it names. */
static struct kc_result read_answer(int status, struct kc_view content)
{
    json_t *answer = json_loadb((const char *)content.data, content.size, 0, NULL);
    const char *name = json_string_value(json_object_get(answer, "error"));
    enum kc_error error = name == NULL ? KC_INTERNAL : kc_error_from_name(name);
    json_decref(answer);
    return kc_result(status == 200 ? KC_OK : error);
}

struct kc_result kc_bank_order(const struct kc_bank_config *config, const char *folder,
                               const char *path, const char *body)
{
    char url[128];
    char token[128];
    uint8_t content[1024];
    struct kc_buffer buffer = KC_BUFFER(content);
    struct kc_http_reply reply = {.content = &buffer};
    struct kc_http_client *client = NULL;
    (void)snprintf(url, sizeof url, "http://%s:%" PRIu64 "%s", config->address, config->port, path);
    const struct kc_http_call call = {
        .url = url, .content_type = KC_CONTENT_JSON, .bearer = token, .body = kc_view_text(body)};
    struct kc_result result = kc_token_file_load(token, sizeof token, folder, KC_ADMIN_TOKEN_FILE);
    if (!kc_failed(result)) {
        result = kc_http_client_open(&client, ORDER_TIMEOUT_MS);
    }
    if (!kc_failed(result)) {
        result = kc_http_client_call(client, &reply, &call);
    }
    if (!kc_failed(result)) {
        result = read_answer(reply.status, kc_buffer_view(&buffer));
    }
    kc_http_client_close(client);
    kc_wipe(token, sizeof token);
    return result;
}
