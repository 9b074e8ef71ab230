#include "service/message_client.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "base/limits.h"

static struct kc_result read_error(struct kc_view content)
{
    json_t *object = json_loadb((const char *)content.data, content.size, 0, NULL);
    const char *name = json_string_value(json_object_get(object, "error"));
    enum kc_error error = name == NULL ? KC_CONTENT_TYPE : kc_error_from_name(name);
    json_decref(object);
    return kc_result(error == KC_OK ? KC_INTERNAL : error);
}

struct kc_result kc_message_post(struct kc_buffer *reply, struct kc_http_client *client,
                                 const char *url, struct kc_view envelope)
{
    return kc_message_post_to(reply, client, url, "/v1/message", envelope);
}

struct kc_result kc_message_post_to(struct kc_buffer *reply, struct kc_http_client *client,
                                    const char *url, const char *path, struct kc_view message)
{
    char full[KC_URL_SIZE_MAX + 16];
    struct kc_http_reply answer = {.content = reply};
    int size = snprintf(full, sizeof full, "%s%s", url, path);
    if (size < 0 || (size_t)size >= sizeof full) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_http_call call = {.url = full, .content_type = "application/cose", .body = message};
    struct kc_result result = kc_http_client_call(client, &answer, &call);
    if (kc_failed(result)) {
        return result;
    }
    if (kc_http_reply_is(&answer, "application/cose")) {
        return kc_ok();
    }
    if (kc_http_reply_is(&answer, "application/json")) {
        return read_error(kc_buffer_view(reply));
    }
    return kc_result(KC_CONTENT_TYPE);
}

struct kc_result kc_message_get(struct kc_buffer *reply, struct kc_http_client *client,
                                const char *url)
{
    struct kc_http_reply answer = {.content = reply};
    const struct kc_http_call call = {.url = url};
    struct kc_result result = kc_http_client_call(client, &answer, &call);
    if (kc_failed(result) || kc_http_reply_is(&answer, "application/cose")) {
        return result;
    }
    return kc_http_reply_is(&answer, "application/json") ? read_error(kc_buffer_view(reply))
                                                         : kc_result(KC_CONTENT_TYPE);
}

struct kc_result kc_message_get_after(struct kc_buffer *reply, struct kc_http_client *client,
                                      const char *url, const char *path, uint64_t after)
{
    char full[KC_URL_SIZE_MAX + 48];
    int size = snprintf(full, sizeof full, "%s%s?after=%" PRIu64, url, path, after);
    return size < 0 || (size_t)size >= sizeof full ? kc_result(KC_TOO_LARGE)
                                                   : kc_message_get(reply, client, full);
}

struct kc_result kc_message_of_authority(struct kc_result result)
{
    bool away = result.code == KC_UNREACHABLE || result.code == KC_TIMEOUT;
    return away ? kc_result(KC_AUTHORITY_DOWN) : result;
}
