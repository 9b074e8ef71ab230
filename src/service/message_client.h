/* Posting envelopes: one call to a server's /v1/message. */
#ifndef KC_SERVICE_MESSAGE_CLIENT_H
#define KC_SERVICE_MESSAGE_CLIENT_H

#include "service/http_client.h"

/* Posts an envelope to `url`/v1/message. KC_OK: *reply holds the envelope that came back, whatever it says. The server's own
 * plain error (not signed), by its name; KC_UNREACHABLE, KC_TIMEOUT; KC_CONTENT_TYPE for anything else that came. */
KC_MUST_USE struct kc_result kc_message_post(struct kc_buffer *reply, struct kc_http_client *client,
                                             const char *url, struct kc_view envelope);

/* The same to another path of the server, such as "/v1/give-back". */
KC_MUST_USE struct kc_result kc_message_post_to(struct kc_buffer *reply,
                                                struct kc_http_client *client, const char *url,
                                                const char *path, struct kc_view message);

/* Fetches what a server signed for everybody. Errors as above. */
KC_MUST_USE struct kc_result kc_message_get(struct kc_buffer *reply, struct kc_http_client *client,
                                            const char *url);

/* The same for what has numbers: `url` `path`?after=N, such as "/v1/roll". KC_NOT_FOUND: there is none after that one. */
KC_MUST_USE struct kc_result kc_message_get_after(struct kc_buffer *reply,
                                                  struct kc_http_client *client, const char *url,
                                                  const char *path, uint64_t after);

/* How a call to the authority went, for whoever asked the caller to do something: KC_UNREACHABLE and KC_TIMEOUT, which would be
 * about the caller itself, become KC_AUTHORITY_DOWN. */
KC_MUST_USE struct kc_result kc_message_of_authority(struct kc_result result);

#endif
