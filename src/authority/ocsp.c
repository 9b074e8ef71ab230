#include "authority/ocsp.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/files.h"

#define PATH "/ocsp"
#define DAY_MS UINT64_C(86400000)
#define BEFORE_MS UINT64_C(300000)
/* The certificate says of itself that it needs no checking, so it is short, and replaced at half its life. */
#define CERTIFICATE_MS (7 * DAY_MS)
/* An answer is good as long as it takes to fetch the list, and a little: seconds are its unit. */
#define ANSWER_MORE_MS UINT64_C(10000)

struct kc_result kc_responder_open(struct kc_responder *responder, const char *dir)
{
    char folder[KC_PATH_SIZE_MAX];
    char path[KC_PATH_SIZE_MAX];
    memset(responder, 0, sizeof *responder);
    (void)pthread_mutex_init(&responder->lock, NULL);
    struct kc_result result = kc_path_join(folder, dir, "authority", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(path, folder, "authority.db", NULL);
    }
    return kc_failed(result) ? result : kc_authority_store_open(&responder->store, path);
}

void kc_responder_close(struct kc_responder *responder)
{
    kc_ocsp_signer_free(responder->signer);
    kc_authority_store_close(responder->store);
    (void)pthread_mutex_destroy(&responder->lock);
    memset(responder, 0, sizeof *responder);
}

/* A certificate for the key, in the authority's database as every other. */
static struct kc_result make_certificate(struct kc_issued *out, struct kc_authority *authority,
                                         const struct kc_public_key *key, uint64_t now_ms)
{
    static const uint8_t own[KC_DIGEST_SIZE] = {0};
    const struct kc_certificate_order order = {.profile = KC_PROFILE_STATUS,
                                               .subject = "authority",
                                               .key = key,
                                               .not_before_ms = now_ms - BEFORE_MS,
                                               .not_after_ms = now_ms + CERTIFICATE_MS};
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_authority_make(out, authority, KC_SERVER_AUTHORITY, &order);
    return kc_failed(result) ? result : kc_authority_store_add(authority->store, out, own);
}

struct kc_result kc_responder_certify(struct kc_responder *responder,
                                      struct kc_authority *authority)
{
    struct kc_private_key key;
    struct kc_public_key public_key;
    struct kc_issued issued;
    struct kc_ocsp_signer *signer = NULL;
    uint64_t now_ms = kc_clock_now_ms();
    if (responder->signer != NULL && now_ms >= responder->from_ms && now_ms < responder->until_ms) {
        return kc_ok();
    }
    const struct kc_crypto *crypto = &authority->crypto;
    struct kc_result result = crypto->generate(crypto->context, &key, &public_key, KC_KEY_P256);
    if (!kc_failed(result)) {
        result = make_certificate(&issued, authority, &public_key, now_ms);
    }
    if (!kc_failed(result)) {
        result = kc_ocsp_signer_open(&signer, kc_view(issued.der, issued.der_size),
                                     kc_view(authority->issuer, authority->issuer_size), &key);
    }
    kc_wipe(&key, sizeof key);
    if (kc_failed(result)) {
        return result;
    }
    (void)pthread_mutex_lock(&responder->lock);
    struct kc_ocsp_signer *old = responder->signer;
    responder->signer = signer;
    responder->life_ms = authority->config.crl_ms + ANSWER_MORE_MS;
    responder->from_ms = now_ms - BEFORE_MS;
    responder->until_ms = now_ms + (issued.expires_ms - now_ms) / 2;
    (void)pthread_mutex_unlock(&responder->lock);
    kc_ocsp_signer_free(old);
    return result;
}

static bool take(void *owner, const struct kc_issued *issued)
{
    struct kc_ocsp_word *word = owner;
    bool revoked = issued->revoked_ms != 0;
    *word = (struct kc_ocsp_word){.status = revoked ? KC_OCSP_REVOKED : KC_OCSP_GOOD,
                                  .revoked_ms = issued->revoked_ms,
                                  .reason = (unsigned)issued->reason};
    return true;
}

static struct kc_result look(void *owner, struct kc_ocsp_word *out,
                             const uint8_t serial[KC_SERIAL_SIZE])
{
    struct kc_responder *responder = owner;
    return kc_authority_store_of_serial(responder->store, serial, take, out);
}

struct kc_result kc_responder_answer(struct kc_buffer *out, struct kc_responder *responder,
                                     struct kc_view question, uint64_t now_ms)
{
    (void)pthread_mutex_lock(&responder->lock);
    struct kc_result result = kc_ocsp_answer(out, responder->signer, question, now_ms,
                                             responder->life_ms, look, responder);
    (void)pthread_mutex_unlock(&responder->lock);
    return result;
}

bool kc_responder_handle(struct kc_responder *responder, struct kc_http_exchange *exchange,
                         const struct kc_http_request *request)
{
    uint8_t question_bytes[KC_OCSP_PATH_SIZE_MAX];
    uint8_t answer_bytes[KC_OCSP_REPLY_SIZE_MAX];
    struct kc_buffer decoded = KC_BUFFER(question_bytes);
    struct kc_buffer answer = KC_BUFFER(answer_bytes);
    struct kc_view question = request->body;
    bool path = strncmp(request->path, PATH "/", sizeof PATH) == 0;
    if (!path && strcmp(request->path, PATH) != 0) {
        return false;
    }
    struct kc_result result = path ? kc_http_expect(request, "GET", NULL)
                                   : kc_http_expect(request, "POST", KC_CONTENT_OCSP_REQUEST);
    if (!kc_failed(result) && path) {
        result = kc_ocsp_path_read(&decoded, request->path + sizeof PATH);
        question = kc_buffer_view(&decoded);
    }
    if (kc_failed(result)) {
        kc_http_answer_error(exchange, result.code);
        return true;
    }
    result = kc_responder_answer(&answer, responder, question, kc_clock_now_ms());
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "question about revocation refused reason=%s",
               kc_error_name(result.code));
    }
    if (answer.size > 0) {
        kc_http_answer(exchange, 200, KC_CONTENT_OCSP_REPLY, kc_buffer_view(&answer));
    } else {
        kc_http_answer_error(exchange, result.code);
    }
    return true;
}
