/* The authority by CMP, in place of our own messages: SZ4 as two transactions, and revocation certificate by certificate. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "registrar/registrar.h"
#include "service/key_proof.h"

/* An account has two certificates, and at most two pairs more while its keys are being renewed; the directory shows the next pair
 * when the one that it shows is revoked. One round more sees that there is none. */
#define ROUNDS_MAX 4u
#define KNOWN_SIZE_MAX 384u

static struct kc_cmp_client client_of(struct kc_people_issuers *issuers,
                                      struct kc_registrar *registrar)
{
    kc_people_issuers(issuers, &registrar->people, kc_clock_now_ms());
    return (struct kc_cmp_client){.http = registrar->client,
                                  .url = registrar->config.authority_url,
                                  .place = &registrar->config.authority,
                                  .certificate =
                                      kc_view(registrar->certificate, registrar->certificate_size),
                                  .key = &registrar->sign_key,
                                  .issuers = issuers->ders,
                                  .issuer_count = issuers->count,
                                  .roots = issuers->roots,
                                  .is_revoked = kc_people_is_revoked,
                                  .lists = &registrar->people,
                                  .timeout_ms = (unsigned)registrar->config.timeout_ms};
}

struct kc_result kc_registrar_cmp_certify(struct kc_certify_reply *out,
                                          struct kc_registrar *registrar,
                                          const struct kc_certify_request *request)
{
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    struct kc_buffer certificates[2] = {
        {.data = registrar->request, .capacity = KC_CERTIFICATE_SIZE_MAX},
        {.data = registrar->reply, .capacity = KC_CERTIFICATE_SIZE_MAX}};
    struct kc_people_issuers issuers;
    const struct kc_cmp_client client = client_of(&issuers, registrar);
    struct kc_result result =
        kc_key_proof_read(&sign, &encrypt, &registrar->crypto, &registrar->realm,
                          &registrar->encrypt_key, request->proof);
    if (!kc_failed(result)) {
        result =
            kc_cmp_client_certify(&certificates[0], &certificates[1], &client,
                                  request->account.number, &sign, &encrypt, request->expires_ms);
    }
    *out = (struct kc_certify_reply){.sign_certificate = kc_buffer_view(&certificates[0]),
                                     .encrypt_certificate = kc_buffer_view(&certificates[1]),
                                     .time_ms = kc_clock_now_ms()};
    return result;
}

struct revoking {
    const struct kc_cmp_client *client;
    unsigned reason;
    struct kc_result result;
};

static bool revoke_one(void *owner, struct kc_view der)
{
    struct revoking *revoking = owner;
    revoking->result = kc_cmp_client_both(
        revoking->result, kc_cmp_client_revoke(revoking->client, der, revoking->reason));
    return true;
}

/* Revokes what the directory shows of an account. What is no good certificate of that account is left alone. *count: how many.
 * One that fails does not spare the others; its error is told. */
static struct kc_result revoke_shown(size_t *count, struct kc_registrar *registrar,
                                     uint64_t account, unsigned reason)
{
    struct kc_people_issuers issuers;
    const struct kc_cmp_client client = client_of(&issuers, registrar);
    struct revoking revoking = {.client = &client, .reason = reason, .result = kc_ok()};
    struct kc_result result =
        kc_people_each_shown(count, &registrar->people, registrar->directory, account,
                             kc_clock_now_ms(), &revoking, revoke_one);
    return kc_failed(result) ? result : revoking.result;
}

static struct kc_result revoke_pair(struct kc_registrar *registrar,
                                    const uint8_t pair[KC_PEOPLE_PAIR_SIZE], unsigned reason)
{
    struct kc_person person;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer issuer = KC_BUFFER(bytes);
    struct kc_people_issuers issuers;
    const struct kc_cmp_client client = client_of(&issuers, registrar);
    struct kc_result result = kc_people_name_pair(&issuer, &person, &registrar->people,
                                                  &registrar->crypto, pair, kc_clock_now_ms());
    return kc_failed(result)
               ? result
               : kc_cmp_client_revoke_pair(&client, kc_buffer_view(&issuer), person.sign_serial,
                                           person.encrypt_serial, reason);
}

/* Revokes what the bank names, whether or not it was revoked before, and whatever becomes of one. Copied, because the reply's
 * memory is used again. */
static struct kc_result revoke_known(struct kc_registrar *registrar, struct kc_view known,
                                     unsigned reason)
{
    uint8_t pairs[KNOWN_SIZE_MAX];
    struct kc_result result = kc_ok();
    if (known.size > sizeof pairs || known.size % KC_PEOPLE_PAIR_SIZE != 0) {
        return kc_result(KC_MALFORMED);
    }
    if (known.size > 0) {
        memcpy(pairs, known.data, known.size);
    }
    for (size_t at = 0; at < known.size && result.code != KC_AUTHORITY_DOWN;
         at += KC_PEOPLE_PAIR_SIZE) {
        result = kc_cmp_client_both(result, revoke_pair(registrar, pairs + at, reason));
    }
    return result;
}

struct kc_result kc_registrar_cmp_revoke(struct kc_registrar *registrar,
                                         struct kc_account_id account, uint64_t reason,
                                         const struct kc_view *known)
{
    size_t count = 1;
    size_t revoked = 0;
    struct kc_result result = kc_ok();
    struct kc_result named =
        known == NULL ? kc_ok() : revoke_known(registrar, *known, (unsigned)reason);
    for (unsigned round = 0; round < ROUNDS_MAX && count > 0 && !kc_failed(result); round++) {
        result = revoke_shown(&count, registrar, account.number, (unsigned)reason);
        revoked += count;
    }
    if (kc_failed(named) || kc_failed(result)) {
        return kc_cmp_client_both(named, result);
    }
    /* The last round has to have found nothing more. */
    bool done = revoked > 0 || known != NULL;
    return kc_result(count > 0 ? KC_PENDING : done ? KC_OK : KC_NOT_FOUND);
}
