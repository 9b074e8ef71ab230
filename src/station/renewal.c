#include "station/renewal.h"

#include <string.h>

#include "message/cose.h"
#include "service/message_client.h"
#include "station/inside.h"

/* The question, and what the answer has to name. */
static struct kc_result make_query(struct kc_buffer *out, uint8_t digest[KC_DIGEST_SIZE],
                                   struct kc_station *station)
{
    struct kc_renewal_query query;
    memset(&query, 0, sizeof query);
    struct kc_result result =
        station->crypto.random(station->crypto.context, query.nonce, sizeof query.nonce);
    if (!kc_failed(result)) {
        result = kc_slot_identity(&query.identity, &station->uim);
    }
    if (!kc_failed(result)) {
        result = kc_shape_encode(out, &kc_renewal_query_shape, &query);
    }
    kc_digest(&station->crypto, digest, kc_buffer_view(out));
    return result;
}

static struct kc_result read_word(struct kc_renewal_word *out, struct kc_station *station,
                                  struct kc_view answer)
{
    struct kc_realm realm;
    struct kc_public_key bank;
    struct kc_signed parsed;
    struct kc_result result = kc_station_bank(&realm, &bank, station);
    if (!kc_failed(result)) {
        result = kc_signed_parse(&parsed, answer);
    }
    if (!kc_failed(result)) {
        result = kc_signed_verify(&parsed, &station->crypto, &bank, &realm,
                                  kc_renewal_word_shape.domain);
    }
    return kc_failed(result) ? result
                             : kc_shape_decode(out, &kc_renewal_word_shape, parsed.payload);
}

/* A client of its own: whoever looks at a purse waits for a bank that is away no longer than that. */
static struct kc_result ask(struct kc_buffer *answer, const struct kc_station *station,
                            struct kc_view query, unsigned timeout_ms)
{
    struct kc_http_client *client = NULL;
    struct kc_result result = kc_http_client_open(&client, timeout_ms);
    if (!kc_failed(result)) {
        result = kc_message_post_to(answer, client, station->url, "/v1/renewal", query);
    }
    kc_http_client_close(client);
    return result;
}

struct kc_result kc_station_renewal(struct kc_renewal_word *out, struct kc_station *station,
                                    unsigned timeout_ms)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX + 64];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_purse_info info;
    struct kc_buffer query = KC_BUFFER(bytes);
    struct kc_buffer answer = KC_BUFFER(station->reply);
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (!kc_failed(result) && info.purse_type == KC_PURSE_TYPE_BEARER) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (!kc_failed(result)) {
        result = make_query(&query, digest, station);
    }
    if (!kc_failed(result)) {
        result = ask(&answer, station, kc_buffer_view(&query), timeout_ms);
    }
    if (!kc_failed(result)) {
        result = read_word(out, station, kc_buffer_view(&answer));
    }
    if (kc_failed(result)) {
        return result;
    }
    bool fits = memcmp(out->query, digest, KC_DIGEST_SIZE) == 0 && out->bank == info.bank &&
                out->purse.number == info.purse.number;
    return kc_result(fits ? KC_OK : KC_MISMATCH);
}
