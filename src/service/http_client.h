/* HTTP client over libcurl: one per thread, connections kept open. Only http and https, no redirects, no proxies. */
#ifndef KC_SERVICE_HTTP_CLIENT_H
#define KC_SERVICE_HTTP_CLIENT_H

#include "base/bytes.h"

struct kc_http_client;

struct kc_http_call {
    const char *url;
    const char *content_type;    /* NULL: GET, else POST of `body` */
    const char *bearer;          /* NULL or a token */
    const char *idempotency_key; /* NULL or a key */
    struct kc_view body;
};

struct kc_http_reply {
    int status;
    char content_type[64];
    struct kc_buffer *content; /* lent by the caller */
};

/* KC_NO_MEMORY. timeout_ms bounds a whole call. */
KC_MUST_USE struct kc_result kc_http_client_open(struct kc_http_client **out, unsigned timeout_ms);
void kc_http_client_close(struct kc_http_client *client);

/* KC_UNREACHABLE (nothing was sent or the connection broke: whether the other side acted is unknown), KC_TIMEOUT,
 * KC_TOO_LARGE. Any HTTP status is a success here. */
KC_MUST_USE struct kc_result kc_http_client_call(struct kc_http_client *client,
                                                 struct kc_http_reply *reply,
                                                 const struct kc_http_call *call);

/* True when reply's content type is the given one, whatever parameters follow it. */
bool kc_http_reply_is(const struct kc_http_reply *reply, const char *content_type);

#endif
