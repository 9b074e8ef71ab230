/* Requests to the authority: certify (SZ4, SZ5) and revoke; signed by registrar or bank, sealed for the authority. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/made.h"
#include "authority/own.h"
#include "authority/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "message/generated/messages.h"
#include "service/key_proof.h"

/* Who signed: the authority knows its servers from its own database. */
static struct kc_result find_sender(struct kc_authority_request *request,
                                    struct kc_authority *authority)
{
    struct kc_certificate sign;
    struct kc_certificate encrypt;
    struct kc_signer_id id;
    request->sender = kc_signer_id_holder(&request->envelope.signer);
    if (request->sender != KC_SERVER_BANK && request->sender != KC_SERVER_REGISTRAR) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result = kc_authority_pair(&request->pair, authority, request->sender);
    if (!kc_failed(result) && (request->pair.sign_count == 0 || request->pair.encrypt_count == 0)) {
        result = kc_result(KC_UNKNOWN_SIGNER);
    }
    if (!kc_failed(result)) {
        result = kc_certificate_read(&sign,
                                     kc_view(request->pair.sign.der, request->pair.sign.der_size));
    }
    if (!kc_failed(result)) {
        result = kc_certificate_read(
            &encrypt, kc_view(request->pair.encrypt.der, request->pair.encrypt.der_size));
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_signer_id_make(&id, &authority->crypto, request->sender, &sign.key);
    request->sender_sign = sign.key;
    request->sender_encrypt = encrypt.key;
    bool same = memcmp(&id, &request->envelope.signer, sizeof id) == 0;
    return kc_result(same ? KC_OK : KC_UNKNOWN_SIGNER);
}

/* The certificate of an account that a signature is by. */
struct signer_search {
    struct kc_authority_request *request;
    const struct kc_crypto *crypto;
    struct kc_result found;
};

static bool match_signer(void *owner, const struct kc_issued *issued)
{
    struct signer_search *search = owner;
    struct kc_authority_request *request = search->request;
    struct kc_certificate certificate;
    struct kc_signer_id id;
    if (issued->use != KC_PROFILE_SIGN ||
        kc_failed(kc_certificate_read(&certificate, kc_view(issued->der, issued->der_size)))) {
        return true;
    }
    kc_signer_id_make(&id, search->crypto, request->sender, &certificate.key);
    if (memcmp(&id, &request->envelope.signer, sizeof id) != 0) {
        return true;
    }
    request->sender_sign = certificate.key;
    memcpy(request->sender_serial, issued->serial, KC_SERIAL_SIZE);
    search->found = kc_result(issued->revoked_ms != 0                   ? KC_CERT_REVOKED
                              : issued->expires_ms <= kc_clock_now_ms() ? KC_CERT_EXPIRED
                                                                        : KC_OK);
    return false;
}

/* A purse signs with the key that it has in force, which need not be the newest that was certified. */
static struct kc_result find_purse(struct kc_authority_request *request,
                                   struct kc_authority *authority)
{
    struct kc_certificate encrypt;
    struct signer_search search = {
        .request = request, .crypto = &authority->crypto, .found = kc_result(KC_UNKNOWN_SIGNER)};
    request->sender = kc_signer_id_holder(&request->envelope.signer);
    if (request->sender < 10 || !kc_number_checks(request->sender)) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result =
        kc_authority_store_of_holder(authority->store, request->sender, match_signer, &search);
    if (!kc_failed(result)) {
        result = search.found;
    }
    if (!kc_failed(result)) {
        result = kc_authority_pair_with(&request->pair, authority, request->sender,
                                        request->sender_serial);
    }
    if (!kc_failed(result) && request->pair.encrypt_count == 0) {
        result = kc_result(KC_CERT_REVOKED);
    }
    if (!kc_failed(result)) {
        result = kc_certificate_read(
            &encrypt, kc_view(request->pair.encrypt.der, request->pair.encrypt.der_size));
    }
    if (!kc_failed(result)) {
        request->sender_encrypt = encrypt.key;
    }
    return result;
}

struct kc_result kc_authority_check_newest(struct kc_authority_request *request,
                                           struct kc_authority *authority,
                                           const uint8_t certificate[KC_DIGEST_SIZE])
{
    const struct kc_issued *sign = &request->pair.sign;
    struct kc_result result = kc_authority_pair(&request->pair, authority, request->sender);
    if (kc_failed(result)) {
        return result;
    }
    bool newest = request->pair.sign_count > 0 &&
                  memcmp(sign->serial, request->sender_serial, KC_SERIAL_SIZE) == 0 &&
                  kc_authority_is_named(authority, sign, certificate);
    return kc_result(newest ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_authority_reply(struct kc_buffer *reply, struct kc_authority *authority,
                                    const struct kc_authority_request *request, uint64_t time_ms,
                                    const struct kc_shape *shape, const void *message)
{
    struct kc_signer signer = {.key = &authority->sign_key, .id = authority->signer_id};
    if (request->by != NULL) {
        signer = (struct kc_signer){.key = &request->by->sign_key, .id = request->by->signer_id};
    }
    return kc_envelope_make(reply, &authority->work, &authority->crypto, &signer,
                            &request->sender_encrypt, &authority->realm, time_ms, shape, message);
}

static bool certifies(const struct kc_issued *issued, const struct kc_public_key *key,
                      const struct kc_crypto *crypto)
{
    struct kc_certificate certificate;
    struct kc_signer_id a;
    struct kc_signer_id b;
    if (kc_failed(kc_certificate_read(&certificate, kc_view(issued->der, issued->der_size)))) {
        return false;
    }
    kc_signer_id_make(&a, crypto, 0, &certificate.key);
    kc_signer_id_make(&b, crypto, 0, key);
    return memcmp(&a, &b, sizeof a) == 0;
}

/* New certificates, or the ones that were issued for the same keys before. */
struct kc_result kc_authority_issue_or_find(struct kc_authority_request *request,
                                            struct kc_authority *authority,
                                            const struct kc_certify_request *certify, bool beside)
{
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    char subject[24];
    uint64_t account = certify->account.number;
    uint64_t now_ms = kc_clock_now_ms();
    struct kc_result result =
        kc_key_proof_read(&sign, &encrypt, &authority->crypto, &authority->realm,
                          &authority->encrypt_key, certify->proof);
    if (kc_failed(result)) {
        return result;
    }
    if (!kc_number_checks(account) || certify->expires_ms <= now_ms ||
        certify->expires_ms > now_ms + authority->config.account_ms) {
        return kc_result(KC_MALFORMED);
    }
    result = kc_authority_pair(&request->pair, authority, account);
    if (kc_failed(result)) {
        return result;
    }
    if (request->pair.sign_count > 0 || request->pair.encrypt_count > 0) {
        bool same = request->pair.sign_count > 0 && request->pair.encrypt_count > 0 &&
                    certifies(&request->pair.sign, &sign, &authority->crypto) &&
                    certifies(&request->pair.encrypt, &encrypt, &authority->crypto);
        if (same || !beside) {
            return kc_result(same ? KC_OK : KC_ALREADY_EXISTS);
        }
        /* The pair that ends last is the one that counts. */
        if (certify->expires_ms <= request->pair.sign.expires_ms) {
            return kc_result(KC_MALFORMED);
        }
        result = kc_authority_check_beside(authority, account);
        if (kc_failed(result)) {
            return result;
        }
    }
    (void)snprintf(subject, sizeof subject, "%" PRIu64, account);
    return kc_authority_issue(&request->pair.sign, &request->pair.encrypt, authority, account,
                              subject, &sign, &encrypt, certify->expires_ms, request->digest);
}

struct kc_result kc_authority_give_pair(struct kc_buffer *reply, struct kc_authority *authority,
                                        const struct kc_authority_request *request)
{
    struct kc_certify_reply answer = {
        .sign_certificate = kc_view(request->pair.sign.der, request->pair.sign.der_size),
        .encrypt_certificate = kc_view(request->pair.encrypt.der, request->pair.encrypt.der_size),
        .time_ms = kc_clock_now_ms()};
    memcpy(answer.request, request->digest, KC_DIGEST_SIZE);
    return kc_authority_reply(reply, authority, request, answer.time_ms, &kc_certify_reply_shape,
                              &answer);
}

static struct kc_result certify(struct kc_buffer *reply, struct kc_authority_request *request,
                                struct kc_authority *authority)
{
    if (request->sender != KC_SERVER_REGISTRAR) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result =
        kc_authority_issue_or_find(request, authority, &request->message.certify, false);
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, request->message.certify.account.number);
    }
    if (kc_failed(result)) {
        return result;
    }
    return kc_authority_give_pair(reply, authority, request);
}

static uint64_t made_ms(const struct kc_issued *issued)
{
    struct kc_certificate read;
    struct kc_result result = kc_certificate_read(&read, kc_view(issued->der, issued->der_size));
    return kc_failed(result) ? 0 : read.not_before_ms + KC_BEFORE_MS;
}

/* The bank stops waiting long before what it asked for is too old, and lets the next purse begin then. So what it asked before
 * the keys of that were certified does not mean them, whenever it comes; it asks again. The registrar certifies none before it
 * heard what became of its own request. */
static struct kc_result check_order_is_newer(struct kc_authority_request *request,
                                             struct kc_authority *authority)
{
    const struct kc_revoke_request *order = &request->message.revoke;
    const struct kc_pair *pair = &request->pair;
    if (request->sender != KC_SERVER_BANK) {
        return kc_ok();
    }
    struct kc_result result = kc_authority_pair(&request->pair, authority, order->account.number);
    if (kc_failed(result)) {
        return result;
    }
    bool older = (pair->sign_count > 0 && order->time_ms < made_ms(&pair->sign)) ||
                 (pair->encrypt_count > 0 && order->time_ms < made_ms(&pair->encrypt));
    return kc_result(older ? KC_EXPIRED : KC_OK);
}

/* Revokes unless this very request was carried out before. */
static struct kc_result revoke_once(size_t *count, struct kc_authority_request *request,
                                    struct kc_authority *authority)
{
    const struct kc_revoke_request *order = &request->message.revoke;
    *count = 0;
    for (size_t i = 0; i < KC_REVOCATIONS_KEPT && i < authority->revocation_count; i++) {
        if (memcmp(authority->revocations[i], request->digest, KC_DIGEST_SIZE) == 0) {
            return kc_ok();
        }
    }
    struct kc_result result = check_order_is_newer(request, authority);
    if (!kc_failed(result)) {
        result = kc_authority_store_revoke(authority->store, count, order->account.number,
                                           kc_clock_now_ms(), order->reason);
    }
    if (!kc_failed(result)) {
        /* Private keys that wait for a purse out of use wait for nobody. */
        result = kc_authority_store_made_remove(authority->store, order->account.number);
        authority->unclean = true;
    }
    if (!kc_failed(result)) {
        size_t place = authority->revocation_count++ % KC_REVOCATIONS_KEPT;
        memcpy(authority->revocations[place], request->digest, KC_DIGEST_SIZE);
    }
    return result;
}

struct kc_result kc_authority_answer_ended(struct kc_buffer *reply, struct kc_authority *authority,
                                           const struct kc_authority_request *request,
                                           const char *word, uint64_t account, size_t count)
{
    struct kc_result result = kc_authority_publish_crl(authority);
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, account);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_log(KC_LOG_INFO, "%s account=%" PRIu64 " certificates=%zu", word, account, count);
    struct kc_done done = {.time_ms = kc_clock_now_ms()};
    memcpy(done.request, request->digest, KC_DIGEST_SIZE);
    return kc_authority_reply(reply, authority, request, done.time_ms, &kc_done_shape, &done);
}

static struct kc_result revoke(struct kc_buffer *reply, struct kc_authority_request *request,
                               struct kc_authority *authority)
{
    const struct kc_revoke_request *order = &request->message.revoke;
    size_t count = 0;
    if (!kc_number_checks(order->account.number) || order->reason > 10 || order->reason == 7 ||
        order->reason == 8) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = revoke_once(&count, request, authority);
    return kc_failed(result) ? result
                             : kc_authority_answer_ended(reply, authority, request, "revoked",
                                                         order->account.number, count);
}

struct kind {
    const struct kc_shape *shape;
    bool
        from_purse; /* by its clock, which may be off: what a repeat brings is of use to nobody else */
    size_t time_offset; /* of its time stamp in the message */
    struct kc_result (*run)(struct kc_buffer *reply, struct kc_authority_request *request,
                            struct kc_authority *authority);
};

#define AT(member) offsetof(struct kc_authority_request, message.member.time_ms)

static const struct kind *find_kind(const struct kc_shape *shape)
{
    static const struct kind kinds[] = {
        {&kc_certify_request_shape, false, AT(certify), certify},
        {&kc_revoke_request_shape, false, AT(revoke), revoke},
        {&kc_renew_certify_request_shape, false, AT(renew), kc_authority_renew},
        {&kc_retire_request_shape, false, AT(retire), kc_authority_retire},
        {&kc_keys_request_shape, false, AT(keys), kc_authority_make_keys},
        {&kc_key_request_shape, true, AT(key), kc_authority_give_keys},
        {&kc_key_confirm_shape, true, AT(confirm), kc_authority_confirm_keys},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].shape == shape) {
            return &kinds[i];
        }
    }
    return NULL;
}

static struct kc_result open_request(struct kc_authority_request *request,
                                     struct kc_authority *authority, const struct kind *kind)
{
    struct kc_buffer plain = {.data = authority->plain, .capacity = sizeof authority->plain};
    struct kc_result result =
        kc_own_open_request(&request->by, &request->message, &plain, authority, &request->envelope,
                            &request->sender_sign, request->shape);
    if (kc_failed(result)) {
        return result;
    }
    uint64_t time_ms;
    memcpy(&time_ms, (const uint8_t *)request + kind->time_offset, sizeof time_ms);
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t off = now_ms > time_ms ? now_ms - time_ms : time_ms - now_ms;
    if (time_ms != request->envelope.time_ms) {
        return kc_result(KC_MISMATCH);
    }
    return kc_result(!kind->from_purse && off > authority->config.clock_ms ? KC_EXPIRED : KC_OK);
}

static struct kc_result run(struct kc_buffer *reply, struct kc_authority_request *request,
                            bool *known, struct kc_authority *authority, struct kc_view bytes)
{
    struct kc_result result = kc_signed_parse(&request->envelope, bytes);
    if (kc_failed(result)) {
        return result;
    }
    request->shape = kc_signed_shape(&request->envelope);
    const struct kind *kind = find_kind(request->shape);
    if (kind == NULL) {
        return kc_result(KC_WRONG_TYPE);
    }
    kc_digest(&authority->crypto, request->digest, bytes);
    result = kind->from_purse ? find_purse(request, authority) : find_sender(request, authority);
    if (!kc_failed(result)) {
        result = kc_signed_verify(&request->envelope, &authority->crypto, &request->sender_sign,
                                  &authority->realm, request->shape->domain);
    }
    if (kc_failed(result)) {
        return result;
    }
    *known = true;
    result = open_request(request, authority, kind);
    if (kc_failed(result)) {
        return result;
    }
    return kind->run(reply, request, authority);
}

struct kc_result kc_authority_handle(struct kc_buffer *reply, struct kc_authority *authority,
                                     struct kc_view bytes)
{
    struct kc_authority_request *request = calloc(1, sizeof *request);
    bool known = false;
    reply->size = 0;
    if (request == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    struct kc_result result = run(reply, request, &known, authority, bytes);
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "refused reason=%s signer=%" PRIu64, kc_error_name(result.code),
               known ? request->sender : 0);
        reply->size = 0;
        struct kc_refusal refusal = {.reason = result.code, .time_ms = kc_clock_now_ms()};
        memcpy(refusal.request, request->digest, KC_DIGEST_SIZE);
        if (known && kc_failed(kc_authority_reply(reply, authority, request, refusal.time_ms,
                                                  &kc_refusal_shape, &refusal))) {
            reply->size = 0;
        }
    }
    kc_wipe(authority->plain, sizeof authority->plain);
    free(request);
    return result;
}
