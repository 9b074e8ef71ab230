/* HTTP server over libmicrohttpd: complete requests in, one answer out, at once or later from any thread.
 *
 * Limits: bodies up to body_size_max; `connections_max` connections, or fewer when the system gives fewer descriptors;
 * `timeout_s` for an idle, slow or half-open one, and much less when most connections are taken (http_guard.h).
 * `GET /v1/health` is answered here. */
#ifndef KC_SERVICE_HTTP_SERVER_H
#define KC_SERVICE_HTTP_SERVER_H

#include "base/bytes.h"

#define KC_CONTENT_COSE "application/cose"
#define KC_CONTENT_CMP "application/pkixcmp"
#define KC_CONTENT_JSON "application/json"

struct kc_http_server;
struct kc_http_exchange;

/* A request whose body has arrived; views are valid until the exchange is answered. Texts are "" when absent. */
struct kc_http_request {
    const char *method;
    const char *path;
    const char *content_type;
    const char *authorization;
    const char *purse; /* the argument of that name in the address, or empty */
    const char *reference;
    const char *after;
    struct kc_view body;
};

struct kc_http_options {
    const char *address; /* such as 127.0.0.1 */
    unsigned port;       /* 0: any free one */
    unsigned threads;
    size_t body_size_max;
    unsigned connections_max;
    unsigned timeout_s;
    void *owner;
    /* Must see to it that the exchange is answered exactly once. */
    void (*handle)(void *owner, struct kc_http_exchange *exchange,
                   const struct kc_http_request *request);
};

/* KC_ADDRESS_IN_USE, KC_NO_MEMORY. */
KC_MUST_USE struct kc_result kc_http_server_start(struct kc_http_server **out,
                                                  const struct kc_http_options *options);
unsigned kc_http_server_port(const struct kc_http_server *server);

/* Takes no more requests, waits until every exchange was answered, stops and frees. */
void kc_http_server_stop(struct kc_http_server *server);

/* Answers; the content is copied. From any thread, once. */
void kc_http_answer(struct kc_http_exchange *exchange, int status, const char *content_type,
                    struct kc_view content);

/* Answers with {"error": name, "words": sentence} and the error's HTTP status. */
void kc_http_answer_error(struct kc_http_exchange *exchange, enum kc_error error);

/* Checks method and content type of a request: KC_INSTRUCTION, KC_CONTENT_TYPE. content_type NULL: any. */
KC_MUST_USE struct kc_result kc_http_expect(const struct kc_http_request *request,
                                            const char *method, const char *content_type);

#endif
