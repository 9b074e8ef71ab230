/* Asking the authority, as the bank: over HTTP, on a lane that may wait. */
#include <stdlib.h>
#include <string.h>

#include "bank/bank.h"
#include "base/log.h"
#include "service/message_client.h"

/* Memory of one thread that asks. */
struct kc_bank_authority {
    struct kc_http_client *client;
    struct kc_envelope_work work;
    uint8_t request[KC_MESSAGE_SIZE_MAX];
    uint8_t reply[KC_MESSAGE_SIZE_MAX];
    uint8_t plain[KC_PLAIN_SIZE_MAX];
};

struct kc_result kc_bank_authority_open(struct kc_bank_authority **out, unsigned timeout_ms)
{
    *out = calloc(1, sizeof **out);
    return *out == NULL ? kc_result(KC_NO_MEMORY)
                        : kc_http_client_open(&(*out)->client, timeout_ms);
}

void kc_bank_authority_close(struct kc_bank_authority *authority)
{
    if (authority != NULL) {
        kc_http_client_close(authority->client);
        kc_wipe(authority, sizeof *authority);
        free(authority);
    }
}

struct kc_http_client *kc_bank_authority_http(struct kc_bank_authority *authority)
{
    return authority->client;
}

/* What nobody signed, or not as an answer to this, is no word of the authority's: by its name the bank would take it for one. The
 * directory tells where the authority's keys are, and no more. */
static struct kc_result not_heard(struct kc_result result)
{
    if (result.code == KC_AUTHORITY_DOWN || result.code == KC_DIRECTORY_DOWN) {
        return result;
    }
    kc_log(KC_LOG_WARN, "no word of the authority reason=%s", kc_error_name(result.code));
    return kc_result(KC_AUTHORITY_DOWN);
}

static struct kc_result open_reply(void *out, const struct kc_shape *shape, struct kc_bank *bank,
                                   struct kc_bank_thread *thread, const struct kc_person *server,
                                   struct kc_view bytes, const uint8_t digest[KC_DIGEST_SIZE])
{
    struct kc_signed envelope;
    struct kc_refusal refusal;
    struct kc_buffer plain = KC_BUFFER(thread->authority->plain);
    struct kc_result result = kc_signed_parse(&envelope, bytes);
    if (kc_failed(result)) {
        return not_heard(result);
    }
    bool refused = kc_signed_shape(&envelope) == &kc_refusal_shape;
    result = kc_envelope_open(refused ? &refusal : out, &plain, &envelope, &thread->crypto,
                              &server->sign_key, &bank->encrypt_key, &bank->realm,
                              refused ? &kc_refusal_shape : shape);
    /* Every reply begins with the digest of the request that it answers. */
    if (!kc_failed(result) &&
        memcmp(refused ? refusal.request : out, digest, KC_DIGEST_SIZE) != 0) {
        result = kc_result(KC_REPLAYED);
    }
    if (kc_failed(result)) {
        return not_heard(result);
    }
    if (refused) {
        enum kc_error reason = kc_error_from_number(refusal.reason);
        return kc_result(reason == KC_OK ? KC_INTERNAL : reason);
    }
    return result;
}

struct kc_result kc_bank_ask_authority(void *reply, const struct kc_shape *reply_shape,
                                       struct kc_bank *bank, struct kc_bank_thread *thread,
                                       uint64_t time_ms, const struct kc_shape *shape,
                                       const void *message)
{
    struct kc_person server;
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t other[KC_DIGEST_SIZE];
    struct kc_bank_authority *authority = thread->authority;
    struct kc_buffer request = KC_BUFFER(authority->request);
    struct kc_buffer answer = KC_BUFFER(authority->reply);
    struct kc_signer signer = {.key = &bank->sign_key, .id = bank->signer_id};
    if (bank->config.authority_url[0] == '\0' || kc_cmp_place_speaks(&bank->config.authority)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result =
        kc_people_certificates(&server, digest, other, &bank->people, thread->directory,
                               &thread->crypto, KC_SERVER_AUTHORITY, time_ms);
    if (kc_failed(result)) {
        return not_heard(result);
    }
    result = kc_envelope_make(&request, &authority->work, &thread->crypto, &signer,
                              &server.encrypt_key, &bank->realm, time_ms, shape, message);
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(&thread->crypto, digest, kc_buffer_view(&request));
    result = kc_message_of_authority(kc_message_post(
        &answer, authority->client, bank->config.authority_url, kc_buffer_view(&request)));
    return kc_failed(result) ? not_heard(result)
                             : open_reply(reply, reply_shape, bank, thread, &server,
                                          kc_buffer_view(&answer), digest);
}
