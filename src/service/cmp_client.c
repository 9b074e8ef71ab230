#include "service/cmp_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "service/http_server.h"
#include "service/message_client.h"

struct kc_result kc_cmp_place_check(const struct kc_cmp_place *place)
{
    bool good = strcmp(place->protocol, "kinchaku") == 0 || kc_cmp_place_speaks(place);
    return kc_result(good && place->path[0] == '/' ? KC_OK : KC_CONFIG_INVALID);
}

bool kc_cmp_place_speaks(const struct kc_cmp_place *place)
{
    return strcmp(place->protocol, "cmp") == 0;
}

static struct kc_result send_message(void *owner, struct kc_buffer *reply, struct kc_view message)
{
    const struct kc_cmp_client *client = owner;
    char full[KC_URL_SIZE_MAX + sizeof client->place->path];
    struct kc_http_reply answer = {.content = reply};
    (void)snprintf(full, sizeof full, "%s%s", client->url, client->place->path);
    const struct kc_http_call call = {.url = full, .content_type = KC_CONTENT_CMP, .body = message};
    struct kc_result result = kc_http_client_call(client->http, &answer, &call);
    if (kc_failed(result)) {
        return kc_message_of_authority(result);
    }
    /* A message may come with any status (RFC 6712 section 3.4). */
    return kc_result(kc_http_reply_is(&answer, KC_CONTENT_CMP) ? KC_OK
                     : answer.status >= 500                    ? KC_AUTHORITY_DOWN
                                                               : KC_CONTENT_TYPE);
}

static struct kc_cmp_asker asker_of(const struct kc_cmp_client *client)
{
    union {
        const struct kc_cmp_client *in;
        void *out;
    } owner = {.in = client};
    return (struct kc_cmp_asker){.certificate = client->certificate,
                                 .key = client->key,
                                 .issuers = client->issuers,
                                 .issuer_count = client->issuer_count,
                                 .roots = client->roots,
                                 .answerer = client->place->name,
                                 .is_revoked = client->is_revoked,
                                 .lists = client->lists,
                                 .timeout_ms = client->timeout_ms,
                                 .owner = owner.out,
                                 .send = send_message};
}

struct kc_result kc_cmp_client_certify(struct kc_buffer *sign, struct kc_buffer *encrypt,
                                       const struct kc_cmp_client *client, uint64_t account,
                                       const struct kc_public_key *sign_key,
                                       const struct kc_public_key *encrypt_key, uint64_t expires_ms)
{
    char subject[24];
    const struct kc_cmp_asker asker = asker_of(client);
    (void)snprintf(subject, sizeof subject, "%" PRIu64, account);
    struct kc_cmp_order order = {
        .subject = subject, .profile = KC_PROFILE_SIGN, .key = sign_key, .expires_ms = expires_ms};
    struct kc_result result = kc_cmp_certify(sign, &asker, &order);
    if (!kc_failed(result)) {
        order.profile = KC_PROFILE_ENCRYPT;
        order.key = encrypt_key;
        result = kc_cmp_certify(encrypt, &asker, &order);
    }
    return result;
}

struct kc_result kc_cmp_client_revoke(const struct kc_cmp_client *client,
                                      struct kc_view certificate, unsigned reason)
{
    const struct kc_cmp_asker asker = asker_of(client);
    struct kc_result result = kc_cmp_revoke(&asker, certificate, reason);
    return result.code == KC_CERT_REVOKED ? kc_ok() : result;
}

struct kc_result kc_cmp_client_both(struct kc_result first, struct kc_result then)
{
    bool mends = kc_failed(first) && first.code != KC_NOT_FOUND;
    return mends || !kc_failed(then) ? first : then;
}

static struct kc_result revoke_number(const struct kc_cmp_client *client, struct kc_view issuer,
                                      const uint8_t serial[KC_SERIAL_SIZE], unsigned reason)
{
    const struct kc_cmp_asker asker = asker_of(client);
    struct kc_result result = kc_cmp_revoke_number(&asker, issuer, serial, reason);
    return result.code == KC_CERT_REVOKED ? kc_ok() : result;
}

struct kc_result kc_cmp_client_revoke_pair(const struct kc_cmp_client *client,
                                           struct kc_view issuer,
                                           const uint8_t sign[KC_SERIAL_SIZE],
                                           const uint8_t encrypt[KC_SERIAL_SIZE], unsigned reason)
{
    struct kc_result result = revoke_number(client, issuer, sign, reason);
    /* Whoever is away is waited for once. */
    return result.code == KC_AUTHORITY_DOWN
               ? result
               : kc_cmp_client_both(result, revoke_number(client, issuer, encrypt, reason));
}
