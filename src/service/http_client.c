#include "service/http_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_SIZE 512
/* All headers of a reply together; the library itself keeps no such count. */
#define HEADERS_SIZE_MAX 16384u

struct kc_http_client {
    CURL *curl;
    unsigned timeout_ms;
};

struct sink {
    struct kc_buffer *out;
    size_t headers_size;
    bool overflow;
};

struct kc_result kc_http_client_open(struct kc_http_client **out, unsigned timeout_ms)
{
    struct kc_http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    client->timeout_ms = timeout_ms;
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        free(client);
        return kc_result(KC_NO_MEMORY);
    }
    *out = client;
    return kc_ok();
}

void kc_http_client_close(struct kc_http_client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        free(client);
    }
}

static size_t on_data(char *data, size_t one, size_t size, void *owner)
{
    struct sink *sink = owner;
    (void)one;
    if (kc_failed(kc_buffer_append(sink->out, kc_view(data, size)))) {
        sink->overflow = true;
        return 0;
    }
    return size;
}

static size_t on_header(char *data, size_t one, size_t size, void *owner)
{
    struct sink *sink = owner;
    (void)data;
    (void)one;
    sink->headers_size += size;
    sink->overflow = sink->overflow || sink->headers_size > HEADERS_SIZE_MAX;
    return sink->overflow ? 0 : size;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char line[HEADER_SIZE];
    if (value == NULL) {
        return list;
    }
    (void)snprintf(line, sizeof line, "%s%s", name, value);
    return curl_slist_append(list, line);
}

static void prepare(struct kc_http_client *client, const struct kc_http_call *call,
                    struct curl_slist *headers, struct sink *sink)
{
    CURL *curl = client->curl;
    curl_easy_reset(curl);
    (void)curl_easy_setopt(curl, CURLOPT_URL, call->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)client->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)client->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, sink);
    (void)curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)sink->out->capacity);
    if (call->content_type != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)call->body.data);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)call->body.size);
    }
}

static struct kc_result outcome(CURLcode code, const struct sink *sink)
{
    if (sink->overflow || code == CURLE_FILESIZE_EXCEEDED) {
        return kc_result(KC_TOO_LARGE);
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return kc_result(KC_TIMEOUT);
    }
    return kc_result(code == CURLE_OK ? KC_OK : KC_UNREACHABLE);
}

struct kc_result kc_http_client_call(struct kc_http_client *client, struct kc_http_reply *reply,
                                     const struct kc_http_call *call)
{
    struct sink sink = {.out = reply->content};
    struct curl_slist *headers = add_header(NULL, "Content-Type: ", call->content_type);
    headers = add_header(headers, "Expect:", "");
    headers = add_header(headers, "Authorization: Bearer ", call->bearer);
    headers = add_header(headers, "Idempotency-Key: ", call->idempotency_key);
    reply->content->size = 0;
    reply->status = 0;
    reply->content_type[0] = '\0';
    prepare(client, call, headers, &sink);
    struct kc_result result = outcome(curl_easy_perform(client->curl), &sink);
    curl_slist_free_all(headers);
    if (!kc_failed(result)) {
        long status = 0;
        const char *type = NULL;
        (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(client->curl, CURLINFO_CONTENT_TYPE, &type);
        reply->status = (int)status;
        (void)snprintf(reply->content_type, sizeof reply->content_type, "%s",
                       type == NULL ? "" : type);
    }
    return result;
}

bool kc_http_reply_is(const struct kc_http_reply *reply, const char *content_type)
{
    size_t size = strlen(content_type);
    return strncasecmp(reply->content_type, content_type, size) == 0 &&
           (reply->content_type[size] == '\0' || reply->content_type[size] == ';');
}
