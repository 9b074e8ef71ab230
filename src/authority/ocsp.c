#include "authority/ocsp.h"

#include <string.h>

#include "authority/emergency.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/files.h"

#define PATH "/ocsp"
#define DAY_MS UINT64_C(86400000)
/* The certificate says of itself that it needs no checking, so it is short, and replaced at half its life. */
#define CERTIFICATE_MS (7 * DAY_MS)
/* An answer is good as long as it takes to fetch the list, and a little: seconds are its unit. */
#define ANSWER_MORE_MS UINT64_C(10000)

struct kc_result kc_responder_open(struct kc_responder *responder, const char *dir)
{
    char path[KC_PATH_SIZE_MAX];
    memset(responder, 0, sizeof *responder);
    (void)pthread_mutex_init(&responder->lock, NULL);
    struct kc_result result = kc_path_join(responder->folder, dir, "authority", NULL);
    if (!kc_failed(result)) {
        result = kc_path_join(path, responder->folder, "authority.db", NULL);
    }
    return kc_failed(result) ? result : kc_authority_store_open(&responder->store, path);
}

void kc_responder_close(struct kc_responder *responder)
{
    for (size_t i = 0; i < responder->signer_count; i++) {
        kc_ocsp_signer_free(responder->signers[i]);
    }
    kc_authority_store_close(responder->store);
    (void)pthread_mutex_destroy(&responder->lock);
    memset(responder, 0, sizeof *responder);
}

/* A certificate for the key, in the authority's database as every other. */
static struct kc_result make_certificate(struct kc_issued *out, struct kc_authority *authority,
                                         const struct kc_issuer *by,
                                         const struct kc_public_key *key, uint64_t now_ms)
{
    static const uint8_t own[KC_DIGEST_SIZE] = {0};
    const struct kc_certificate_order order = {.profile = KC_PROFILE_STATUS,
                                               .subject = "authority",
                                               .key = key,
                                               .not_before_ms = now_ms - KC_BEFORE_MS,
                                               .not_after_ms = now_ms + CERTIFICATE_MS};
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_authority_make(out, authority, by, KC_SERVER_AUTHORITY, &order);
    return kc_failed(result) ? result : kc_authority_store_add(authority->store, out, own);
}

/* A key of its own for each issuer's signer. */
static struct kc_result make_signer(struct kc_ocsp_signer **out, uint64_t *expires_ms,
                                    struct kc_authority *authority, const struct kc_issuer *by,
                                    uint64_t now_ms)
{
    struct kc_private_key key;
    struct kc_public_key public_key;
    struct kc_issued issued;
    const struct kc_crypto *crypto = &authority->crypto;
    struct kc_result result = crypto->generate(crypto->context, &key, &public_key, KC_KEY_P256);
    if (!kc_failed(result)) {
        result = make_certificate(&issued, authority, by, &public_key, now_ms);
    }
    if (!kc_failed(result)) {
        result = kc_ocsp_signer_open(out, kc_view(issued.der, issued.der_size),
                                     kc_view(by->der, by->der_size), &key);
    }
    kc_wipe(&key, sizeof key);
    if (!kc_failed(result) && issued.expires_ms < *expires_ms) {
        *expires_ms = issued.expires_ms;
    }
    return result;
}

struct kc_result kc_responder_certify(struct kc_responder *responder,
                                      struct kc_authority *authority)
{
    struct kc_ocsp_signer *signers[KC_ISSUERS_MAX] = {NULL};
    struct kc_view issuers[KC_ISSUERS_MAX];
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t expires_ms = UINT64_MAX;
    size_t count = 0;
    struct kc_result result = kc_ok();
    if (responder->signer_count > 0 && now_ms >= responder->from_ms &&
        now_ms < responder->until_ms) {
        return result;
    }
    for (size_t i = 0; i < authority->issuer_count && !kc_failed(result); i++) {
        const struct kc_issuer *by = &authority->issuers[i];
        if (i > 0 && by->expires_ms <= now_ms) {
            continue;
        }
        result = make_signer(&signers[count], &expires_ms, authority, by, now_ms);
        issuers[count] = kc_view(by->der, by->der_size);
        count += kc_failed(result) ? 0 : 1;
        if (kc_failed(result) && by->ended) {
            kc_log(KC_LOG_WARN, "nobody answers for an issuer that ended reason=%s",
                   kc_error_name(result.code));
            result = kc_ok();
        }
    }
    if (!kc_failed(result)) {
        (void)pthread_mutex_lock(&responder->lock);
        size_t old_count = responder->signer_count;
        for (size_t i = 0; i < count || i < old_count; i++) {
            struct kc_ocsp_signer *old = i < old_count ? responder->signers[i] : NULL;
            responder->signers[i] = signers[i];
            signers[i] = old;
        }
        memcpy(responder->issuers, issuers, count * sizeof issuers[0]);
        responder->signer_count = count;
        responder->life_ms = authority->config.crl_ms + ANSWER_MORE_MS;
        responder->list_ms = kc_authority_list_ms(authority);
        responder->from_ms = now_ms - KC_BEFORE_MS;
        responder->until_ms = now_ms + (expires_ms - now_ms) / 2;
        (void)pthread_mutex_unlock(&responder->lock);
    }
    for (size_t i = 0; i < KC_ISSUERS_MAX; i++) {
        kc_ocsp_signer_free(signers[i]);
    }
    return result;
}

/* What is known of serials of one issuer. */
struct look {
    struct kc_responder *responder;
    uint64_t now_ms;
    struct kc_view issuer;
    struct kc_ocsp_word *word;
};

static void say(struct look *look, const struct kc_issued *issued)
{
    bool revoked = issued->revoked_ms != 0;
    *look->word = (struct kc_ocsp_word){.status = revoked ? KC_OCSP_REVOKED : KC_OCSP_GOOD,
                                        .revoked_ms = issued->revoked_ms,
                                        .reason = (unsigned)issued->reason};
}

/* A serial of another issuer's is one that this issuer never gave. */
static bool take(void *owner, const struct kc_issued *issued)
{
    struct look *look = owner;
    if (kc_certificate_is_by(kc_view(issued->der, issued->der_size), look->issuer)) {
        say(look, issued);
    }
    return true;
}

static bool take_anew(void *owner, const struct kc_issued *issued)
{
    say(owner, issued);
    return true;
}

/* What it had certified before it ended is by another now, and its own is revoked; but until whoever reads the directory has seen
 * that, or has only a list that is too old, he has to believe the old one, and then it is as the one made in its place. */
static bool take_former(void *owner, const struct kc_issued *issued)
{
    struct look *look = owner;
    if (!kc_certificate_is_by(kc_view(issued->der, issued->der_size), look->issuer)) {
        return true;
    }
    say(look, issued);
    if (kc_emergency_is_fresh(look->responder->folder, look->now_ms, look->responder->list_ms)) {
        (void)kc_failed(
            kc_authority_store_of_serial(look->responder->store, issued->serial, take_anew, look));
    }
    return false;
}

static struct kc_result look(void *owner, struct kc_ocsp_word *out,
                             const uint8_t serial[KC_SERIAL_SIZE])
{
    struct look *look = owner;
    look->word = out;
    struct kc_result result =
        kc_authority_store_of_serial(look->responder->store, serial, take, look);
    return kc_failed(result) ? result
                             : kc_authority_store_former_of_serial(look->responder->store, serial,
                                                                   take_former, look);
}

/* Who asks about nobody of ours is told so by the newest. */
struct kc_result kc_responder_answer(struct kc_buffer *out, struct kc_responder *responder,
                                     struct kc_view question, uint64_t now_ms)
{
    struct look owner = {.responder = responder, .now_ms = now_ms};
    (void)pthread_mutex_lock(&responder->lock);
    size_t count = responder->signer_count;
    struct kc_ocsp_signer *signer =
        count < 2 ? NULL : kc_ocsp_signer_for(responder->signers, count, question);
    size_t by = 0;
    while (signer != NULL && by < count && responder->signers[by] != signer) {
        by++;
    }
    owner.issuer = responder->issuers[by];
    struct kc_result result = kc_ocsp_answer(out, count == 0 ? NULL : responder->signers[by],
                                             question, now_ms, responder->life_ms, look, &owner);
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
