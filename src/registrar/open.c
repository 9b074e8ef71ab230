/* Opening one account: SZ1 to SZ9 (EP1221669 Fig 12), and taking everything back when a step fails. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/password.h"
#include "registrar/target.h"
#include "service/message_client.h"
#include "service/trace.h"

/* Reasons of revocation (RFC 5280 section 5.3.1). */

/* One step of the opening in the trace; the account is known from SZ3 on. */
static void trace(const struct kc_registrar *registrar, const char *step, const char *from,
                  const char *to, const char *what, size_t bytes, uint64_t account)
{
    kc_trace_step(&registrar->trace, &(struct kc_step){.step = step,
                                                       .from = from,
                                                       .to = to,
                                                       .what = what,
                                                       .bytes = bytes,
                                                       .account = account});
}

/* A refusal by its reason; then *reply holds only the digest of the request that it answers. */
static struct kc_result open_reply(void *reply, bool *refused, const struct kc_shape *shape,
                                   struct kc_registrar *registrar, const struct kc_person *server,
                                   struct kc_view bytes)
{
    struct kc_signed envelope;
    struct kc_buffer plain = {.data = registrar->plain, .capacity = sizeof registrar->plain};
    struct kc_refusal refusal;
    struct kc_result result = kc_signed_parse(&envelope, bytes);
    if (kc_failed(result)) {
        return result;
    }
    if (kc_signed_shape(&envelope) == &kc_refusal_shape) {
        result =
            kc_envelope_open(&refusal, &plain, &envelope, &registrar->crypto, &server->sign_key,
                             &registrar->encrypt_key, &registrar->realm, &kc_refusal_shape);
        if (!kc_failed(result)) {
            *refused = true;
            memcpy(reply, refusal.request, KC_DIGEST_SIZE);
            registrar->due_ms = refusal.has_due ? refusal.due_ms : 0;
            result = kc_result(kc_error_from_number(refusal.reason));
            result = kc_failed(result) ? result : kc_result(KC_INTERNAL);
        }
        return result;
    }
    return kc_envelope_open(reply, &plain, &envelope, &registrar->crypto, &server->sign_key,
                            &registrar->encrypt_key, &registrar->realm, shape);
}

struct kc_result kc_registrar_ask(void *reply, const struct kc_shape *reply_shape,
                                  struct kc_registrar *registrar, const struct kc_person *server,
                                  const char *url, uint64_t time_ms, const struct kc_shape *shape,
                                  const void *message)
{
    struct kc_buffer request = {.data = registrar->request, .capacity = sizeof registrar->request};
    struct kc_buffer answer = {.data = registrar->reply, .capacity = sizeof registrar->reply};
    struct kc_signer signer = {.key = &registrar->sign_key, .id = registrar->signer_id};
    uint8_t digest[KC_DIGEST_SIZE];
    bool refused = false;
    struct kc_result result =
        kc_envelope_make(&request, &registrar->work, &registrar->crypto, &signer,
                         &server->encrypt_key, &registrar->realm, time_ms, shape, message);
    registrar->request_size = request.size;
    if (!kc_failed(result)) {
        kc_digest(&registrar->crypto, digest, kc_buffer_view(&request));
        result = kc_message_post(&answer, registrar->client, url, kc_buffer_view(&request));
        result = server == &registrar->authority ? kc_message_of_authority(result) : result;
        registrar->reply_size = answer.size;
    }
    if (!kc_failed(result)) {
        result =
            open_reply(reply, &refused, reply_shape, registrar, server, kc_buffer_view(&answer));
    }
    /* Every reply begins with the digest of the request that it answers. */
    if ((!kc_failed(result) || refused) && memcmp(reply, digest, KC_DIGEST_SIZE) != 0) {
        result = kc_result(KC_MISMATCH);
    }
    return result;
}

/* An application in progress: how far it got decides what has to be taken back. */
struct progress {
    struct kc_open_reply opened;
    struct kc_certify_reply certificates;
    struct kc_confirm_reply confirmed;
    uint8_t certificate_bytes[2][KC_CERTIFICATE_SIZE_MAX];
    bool has_account;
    bool has_certificates;
};

static struct kc_result apply(struct progress *progress, struct kc_registrar *registrar,
                              const struct kc_application *application)
{
    char hash[KC_SECRET_HASH_SIZE_MAX];
    struct kc_open_request request = {.name = kc_view_text(application->name),
                                      .address = kc_view_text(application->address),
                                      .phone = kc_view_text(application->phone),
                                      .bank_account = kc_view_text(application->bank_account),
                                      .suite = application->suite,
                                      .log_policy = application->log_policy,
                                      .purse_type = application->type,
                                      .has_owner = application->owner.number != 0,
                                      .owner = application->owner,
                                      .time_ms = kc_clock_now_ms()};
    hash[0] = '\0';
    struct kc_result result = application->type == KC_PURSE_TYPE_UIM
                                  ? kc_password_hash(hash, kc_view_text(application->password))
                                  : kc_ok();
    if (!kc_failed(result)) {
        result = registrar->crypto.random(registrar->crypto.context, request.id, sizeof request.id);
    }
    if (kc_failed(result)) {
        return result;
    }
    request.password_hash = kc_view_text(hash);
    result = kc_registrar_ask(&progress->opened, &kc_open_reply_shape, registrar, &registrar->bank,
                              registrar->config.bank_url, request.time_ms, &kc_open_request_shape,
                              &request);
    trace(registrar, "SZ1", "registrar", "bank", "open-request", registrar->request_size, 0);
    if (!kc_failed(result)) {
        uint64_t account = progress->opened.account.number;
        trace(registrar, "SZ2", "bank", "ordinary bank", "exists and can pay?", 0, account);
        trace(registrar, "SZ3", "bank", "registrar", "open-reply", registrar->reply_size, account);
        progress->has_account = true;
    }
    return result;
}

struct kc_result kc_registrar_revoke(struct kc_registrar *registrar, struct kc_account_id account,
                                     uint64_t reason, const struct kc_view *known)
{
    struct kc_done done;
    struct kc_revoke_request request = {
        .account = account, .reason = reason, .time_ms = kc_clock_now_ms()};
    if (kc_cmp_place_speaks(&registrar->config.authority)) {
        return kc_registrar_cmp_revoke(registrar, account, reason, known);
    }
    return kc_registrar_ask(&done, &kc_done_shape, registrar, &registrar->authority,
                            registrar->config.authority_url, request.time_ms,
                            &kc_revoke_request_shape, &request);
}

static struct kc_result ask_again(struct progress *progress, struct kc_registrar *registrar,
                                  const struct kc_application *application,
                                  struct kc_account_id account)
{
    struct kc_reissue_request request = {.account = account,
                                         .suite = application->suite,
                                         .log_policy = application->log_policy,
                                         .time_ms = kc_clock_now_ms()};
    struct kc_result result =
        registrar->crypto.random(registrar->crypto.context, request.id, sizeof request.id);
    if (!kc_failed(result)) {
        result = kc_registrar_ask(&progress->opened, &kc_open_reply_shape, registrar,
                                  &registrar->bank, registrar->config.bank_url, request.time_ms,
                                  &kc_reissue_request_shape, &request);
    }
    return result;
}

static struct kc_result ask_move(struct progress *progress, struct kc_registrar *registrar,
                                 const struct kc_application *application,
                                 struct kc_account_id account)
{
    struct kc_move_request request = {.account = account,
                                      .suite = application->suite,
                                      .log_policy = application->log_policy,
                                      .paid = application->paid,
                                      .time_ms = kc_clock_now_ms()};
    struct kc_result result =
        registrar->crypto.random(registrar->crypto.context, request.id, sizeof request.id);
    return kc_failed(result) ? result
                             : kc_registrar_ask(&progress->opened, &kc_open_reply_shape, registrar,
                                                &registrar->bank, registrar->config.bank_url,
                                                request.time_ms, &kc_move_request_shape, &request);
}

/* A new purse for an account that is there. The old one's certificates go first: the authority issues no second pair beside a
 * good one. */
static struct kc_result apply_again(struct progress *progress, struct kc_registrar *registrar,
                                    const struct kc_application *application,
                                    struct kc_account_id account)
{
    struct kc_result result =
        (application->moves ? ask_move : ask_again)(progress, registrar, application, account);
    if (!kc_failed(result)) {
        progress->has_account = true;
        result = kc_registrar_revoke(registrar, account, KC_CRL_SUPERSEDED, NULL);
    }
    /* By CMP: those of the purse before were revoked when it was reported. */
    return result.code == KC_NOT_FOUND && progress->has_account ? kc_ok() : result;
}

/* Certificates are copied because the reply's memory is used again. */
static struct kc_result certify(struct progress *progress, struct kc_registrar *registrar,
                                struct kc_view proof)
{
    struct kc_certify_request request = {.account = progress->opened.account,
                                         .expires_ms = progress->opened.expires_ms,
                                         .proof = proof,
                                         .time_ms = kc_clock_now_ms()};
    struct kc_view *views[] = {&progress->certificates.sign_certificate,
                               &progress->certificates.encrypt_certificate};
    progress->has_certificates = true;
    struct kc_result result =
        kc_cmp_place_speaks(&registrar->config.authority)
            ? kc_registrar_cmp_certify(&progress->certificates, registrar, &request)
            : kc_registrar_ask(&progress->certificates, &kc_certify_reply_shape, registrar,
                               &registrar->authority, registrar->config.authority_url,
                               request.time_ms, &kc_certify_request_shape, &request);
    uint64_t account = progress->opened.account.number;
    trace(registrar, "SZ4", "registrar", "authority", "certify-request", registrar->request_size,
          account);
    if (result.code == KC_ALREADY_EXISTS) {
        (void)snprintf(registrar->words, sizeof registrar->words,
                       "the authority has certificates of account %" PRIu64
                       " for other keys; nothing was opened, try again",
                       account);
    }
    if (kc_failed(result)) {
        return result;
    }
    trace(registrar, "SZ5", "authority", "directory", "both certificates",
          views[0]->size + views[1]->size, account);
    for (size_t i = 0; i < 2; i++) {
        if (views[i]->size > 0) {
            memcpy(progress->certificate_bytes[i], views[i]->data, views[i]->size);
        }
        *views[i] = kc_view(progress->certificate_bytes[i], views[i]->size);
    }
    return result;
}

static struct kc_result confirm(struct progress *progress, struct kc_registrar *registrar)
{
    struct kc_confirm_request request = {.account = progress->opened.account,
                                         .purse = progress->opened.purse,
                                         .time_ms = kc_clock_now_ms()};
    if (progress->has_certificates) {
        kc_digest(&registrar->crypto, request.sign_digest, progress->certificates.sign_certificate);
        kc_digest(&registrar->crypto, request.encrypt_digest,
                  progress->certificates.encrypt_certificate);
    }
    struct kc_result result = kc_registrar_ask(
        &progress->confirmed, &kc_confirm_reply_shape, registrar, &registrar->bank,
        registrar->config.bank_url, request.time_ms, &kc_confirm_request_shape, &request);
    uint64_t account = progress->opened.account.number;
    trace(registrar, "SZ6", "bank", "directory", "both certificates there?", 0, account);
    if (!kc_failed(result)) {
        trace(registrar, "SZ7", "bank", "registrar", "confirm-reply", registrar->reply_size,
              account);
    }
    return result;
}

static struct kc_result write_uim(struct progress *progress, struct kc_registrar *registrar,
                                  const struct kc_application *application,
                                  struct kc_target *target)
{
    struct kc_view proof;
    struct kc_slot *uim = &target->uim;
    struct kc_result result = kc_target_make(target, registrar);
    if (!kc_failed(result)) {
        result = kc_personalise_keys(&proof, registrar, uim, application, &progress->opened,
                                     registrar->config.bank_url, registrar->config.decimals);
    }
    if (!kc_failed(result) && application->type != KC_PURSE_TYPE_BEARER) {
        result = certify(progress, registrar, proof);
    }
    if (!kc_failed(result)) {
        result = confirm(progress, registrar);
    }
    if (!kc_failed(result)) {
        trace(registrar, "SZ8", "directory", "registrar", "bank and authority certificates", 0,
              progress->opened.account.number);
        result = kc_personalise_rest(registrar, uim, application, &progress->certificates,
                                     &progress->confirmed);
    }
    if (!kc_failed(result)) {
        trace(registrar, "SZ9", "registrar", "UIM", "keys, certificates, account", 0,
              progress->opened.account.number);
    }
    return result;
}

/* Nothing half-open stays: certificates are revoked, the temporary account is given up, the file is removed. The authority
 * revokes whatever an account has, so after a re-issue it is not asked: the good pair may be that of another registrar, which
 * issued the purse meanwhile. The keys of this one are gone with the file, and the next re-issue revokes what was left. */
static void take_back(struct progress *progress, struct kc_registrar *registrar,
                      struct kc_target *target, bool again)
{
    struct kc_done done;
    kc_target_drop(target);
    if (progress->has_certificates && !again) {
        struct kc_result result =
            kc_registrar_revoke(registrar, progress->opened.account, KC_CRL_CESSATION, NULL);
        if (kc_failed(result)) {
            kc_log(KC_LOG_WARN, "certificates not revoked reason=%s", kc_error_name(result.code));
        }
    }
    if (progress->has_account) {
        struct kc_cancel_request request = {.account = progress->opened.account,
                                            .purse = progress->opened.purse,
                                            .time_ms = kc_clock_now_ms()};
        struct kc_result result = kc_registrar_ask(
            &done, &kc_done_shape, registrar, &registrar->bank, registrar->config.bank_url,
            request.time_ms, &kc_cancel_request_shape, &request);
        if (kc_failed(result)) {
            kc_log(KC_LOG_WARN, "application not cancelled reason=%s", kc_error_name(result.code));
        }
    }
}

/* Opens an account, or with `again` issues a new purse for that one. */
static struct kc_result issue(struct kc_opened_account *out, struct kc_registrar *registrar,
                              const struct kc_application *application,
                              const struct kc_account_id *again, const char *path)
{
    static struct progress progress;
    static struct kc_target target;
    memset(&progress, 0, sizeof progress);
    struct kc_result result = kc_target_begin(&target, registrar, path);
    if (kc_failed(result)) {
        return result;
    }
    result = again == NULL ? apply(&progress, registrar, application)
                           : apply_again(&progress, registrar, application, *again);
    if (!kc_failed(result)) {
        result = write_uim(&progress, registrar, application, &target);
    }
    if (!kc_failed(result)) {
        result = kc_target_finish(&target);
    }
    if (kc_failed(result)) {
        take_back(&progress, registrar, &target, again != NULL);
        return result;
    }
    *out = (struct kc_opened_account){.account = progress.opened.account,
                                      .purse = progress.opened.purse,
                                      .expires_ms = progress.opened.expires_ms};
    return result;
}

struct kc_result kc_registrar_open_account(struct kc_opened_account *out,
                                           struct kc_registrar *registrar,
                                           const struct kc_application *application,
                                           const char *path)
{
    return issue(out, registrar, application, NULL, path);
}

struct kc_result kc_registrar_reissue(struct kc_opened_account *out, struct kc_registrar *registrar,
                                      const struct kc_application *application,
                                      struct kc_account_id account, const char *path)
{
    return issue(out, registrar, application, &account, path);
}

struct kc_result kc_registrar_lost(bool *out, struct kc_registrar *registrar,
                                   struct kc_account_id account, struct kc_purse_id purse)
{
    struct kc_lost_reply reply;
    struct kc_lost_request request = {
        .account = account, .purse = purse, .time_ms = kc_clock_now_ms()};
    struct kc_result result = kc_registrar_ask(&reply, &kc_lost_reply_shape, registrar,
                                               &registrar->bank, registrar->config.bank_url,
                                               request.time_ms, &kc_lost_request_shape, &request);
    *out = !kc_failed(result);
    return kc_failed(result)
               ? result
               : kc_registrar_revoke(registrar, account, KC_CRL_COMPROMISE, &reply.certificates);
}

struct kc_result kc_registrar_close_account(struct kc_close_reply *out,
                                            struct kc_registrar *registrar,
                                            struct kc_account_id account, enum kc_close_kind kind)
{
    struct kc_close_request request = {
        .account = account, .kind = kind, .time_ms = kc_clock_now_ms()};
    struct kc_result result = kc_registrar_ask(out, &kc_close_reply_shape, registrar,
                                               &registrar->bank, registrar->config.bank_url,
                                               request.time_ms, &kc_close_request_shape, &request);
    return kc_failed(result)
               ? result
               : kc_registrar_revoke(registrar, account, KC_CRL_CESSATION, &out->certificates);
}

struct kc_result kc_registrar_charge(struct kc_registrar *registrar, struct kc_account_id account,
                                     const enum kc_charge_source *source)
{
    struct kc_done done;
    struct kc_charge_order order = {
        .account = account, .has_source = source != NULL, .time_ms = kc_clock_now_ms()};
    if (source != NULL) {
        order.source = *source;
    }
    return kc_registrar_ask(&done, &kc_done_shape, registrar, &registrar->bank,
                            registrar->config.bank_url, order.time_ms, &kc_charge_order_shape,
                            &order);
}

/* Of a card nobody is known to be the holder, so that there is nothing to check, and nothing that would be right. */
static struct kc_result check_password(const struct kc_identify_reply *reply,
                                       struct kc_view password)
{
    bool card =
        reply->purse_type == KC_PURSE_TYPE_CARD || reply->purse_type == KC_PURSE_TYPE_BEARER;
    if (card && reply->password_hash.size == 0) {
        return kc_result(password.size == 0 ? KC_OK : KC_WRONG_PASSWORD);
    }
    return kc_password_check(reply->password_hash, password);
}

struct kc_result kc_registrar_identify(char name[KC_NAME_SIZE_MAX + 1], enum kc_purse_type *type,
                                       struct kc_registrar *registrar, struct kc_account_id account,
                                       struct kc_view password)
{
    struct kc_identify_reply reply = {.name = kc_view(NULL, 0)};
    struct kc_identify_request request = {.account = account, .time_ms = kc_clock_now_ms()};
    struct kc_result result = kc_registrar_ask(
        &reply, &kc_identify_reply_shape, registrar, &registrar->bank, registrar->config.bank_url,
        request.time_ms, &kc_identify_request_shape, &request);
    if (!kc_failed(result)) {
        *type = reply.purse_type;
        result = check_password(&reply, password);
    }
    if (!kc_failed(result)) {
        (void)snprintf(name, KC_NAME_SIZE_MAX + 1, "%.*s", (int)reply.name.size,
                       (const char *)reply.name.data);
    }
    kc_wipe(registrar->plain, sizeof registrar->plain);
    return result;
}
