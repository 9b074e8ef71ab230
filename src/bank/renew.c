/* Renewal of a purse's keys, made in the purse (docs/protocol.md "Renewal"): Sr1 to Sr4, and Sr7. The confirmation is the report
 * under the new key, Sr5 and Sr6 (settle.c). */
#include <string.h>

#include "bank/bank.h"
#include "bank/cmp.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/key_proof.h"

#define ROUND_MAX 8u
#define ROUND_EVERY_MS 1000u
#define ROUND_MORE_MS 200u /* behind a round that did not come to the end */

/* ---- Sr1 ---- */

/* The proof is signed by the new signature key, and names both. New keys are of the kind of the old ones. */
static struct kc_result read_proof(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_signed parsed;
    struct kc_key_proof proof;
    struct kc_public_key sign;
    struct kc_public_key encrypt;
    struct kc_signer_id id;
    struct kc_purse_key_row *keys = &item->renewal.keys;
    const struct kc_value_information *from = &item->information.information;
    struct kc_result result =
        kc_key_proof_decode(&parsed, &proof, &sign, &encrypt, item->message.renew_request.proof);
    if (kc_failed(result)) {
        return result;
    }
    if (sign.type != item->signer.sign_key.type || encrypt.type != sign.type ||
        kc_view_equal(proof.sign_key, proof.encrypt_key)) {
        return kc_result(KC_WRONG_ALGORITHM);
    }
    result =
        kc_signed_verify(&parsed, &thread->crypto, &sign, &bank->realm, kc_key_proof_shape.domain);
    *keys = (struct kc_purse_key_row){.purse = from->purse,
                                      .account = from->account,
                                      .sign_size = proof.sign_key.size,
                                      .encrypt_size = proof.encrypt_key.size};
    memcpy(keys->sign_key, proof.sign_key.data, proof.sign_key.size);
    memcpy(keys->encrypt_key, proof.encrypt_key.data, proof.encrypt_key.size);
    kc_signer_id_make(&id, &thread->crypto, from->account.number, &sign);
    memcpy(keys->signer, id.bytes, sizeof keys->signer);
    return result;
}

static struct kc_result read_renewal(struct kc_bank *bank, struct kc_bank_thread *thread,
                                     struct kc_bank_item *item)
{
    struct kc_result result =
        kc_bank_read_information(bank, thread, item, item->message.renew_request.information);
    if (!kc_failed(result) && item->information.entry_count > 0) {
        result = kc_result(KC_MALFORMED);
    }
    return kc_failed(result) ? result : read_proof(bank, thread, item);
}

static struct kc_result apply_ask(struct kc_bank *bank, struct kc_bank_thread *thread,
                                  struct kc_bank_item *item)
{
    struct kc_ledger_source source = kc_bank_source(item);
    (void)thread;
    return kc_ledger_renew(&item->renewal.row, &bank->ledger, item->message.renew_request.time_ms,
                           &item->information, &item->renewal.keys, &source);
}

/* ---- Sr2, Sr3 ---- */

static void keep_certificate(uint8_t bytes[KC_CERTIFICATE_SIZE_MAX], size_t *size,
                             uint8_t digest[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                             struct kc_view certificate)
{
    memcpy(bytes, certificate.data, certificate.size);
    *size = certificate.size;
    kc_digest(crypto, digest, certificate);
}

struct kc_result kc_bank_find_certified(struct kc_bank *bank, struct kc_bank_thread *thread,
                                        struct kc_bank_item *item,
                                        const struct kc_certify_reply *reply)
{
    uint8_t wanted[2][KC_DIGEST_SIZE];
    uint8_t found[2][KC_DIGEST_SIZE] = {{0}, {0}};
    struct kc_bank_renewal *renewal = &item->renewal;
    if (reply->sign_certificate.size == 0 || reply->encrypt_certificate.size == 0) {
        return kc_result(KC_CERT_INVALID);
    }
    keep_certificate(renewal->sign, &renewal->sign_size, wanted[0], &thread->crypto,
                     reply->sign_certificate);
    keep_certificate(renewal->encrypt, &renewal->encrypt_size, wanted[1], &thread->crypto,
                     reply->encrypt_certificate);
    struct kc_result result =
        kc_people_certificates(&item->holder, found[0], found[1], &bank->people, thread->directory,
                               &thread->crypto, renewal->row.account.number, kc_clock_now_ms());
    if (!kc_failed(result)) {
        /* The purse comes back under these keys: what was just looked up need not be fetched then. */
        kc_people_keep(&bank->people, &thread->crypto, &item->holder);
        result = kc_bank_check_revocation(bank, thread, &item->holder);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(renewal->row.certificate, found[0], KC_DIGEST_SIZE);
    renewal->row.expires_ms = item->holder.expires_ms;
    result = kc_people_pair(renewal->row.pair, &bank->people, &thread->crypto, &item->holder);
    if (kc_failed(result)) {
        return result;
    }
    return kc_result(memcmp(found, wanted, sizeof found) == 0 ? KC_OK : KC_MISMATCH);
}

/* They must be over the key that the purse named. */
static struct kc_result check_named(const struct kc_bank_item *item)
{
    uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer key = KC_BUFFER(bytes);
    const struct kc_renewal_row *row = &item->renewal.row;
    struct kc_result result = kc_key_encode(&key, &item->holder.sign_key);
    if (kc_failed(result)) {
        return result;
    }
    bool same = kc_view_equal(kc_buffer_view(&key), kc_view(row->sign_key, row->sign_size));
    return kc_result(same ? KC_OK : KC_MISMATCH);
}

/* Everything in the identity comes from the certificate, so that a repeat makes the same claims. */
struct kc_result kc_bank_identify_certified(struct kc_bank *bank, struct kc_bank_thread *thread,
                                            struct kc_bank_item *item)
{
    struct kc_buffer claims = KC_BUFFER(item->identity);
    const struct kc_value_information *from = &item->information.information;
    const struct kc_identity identity = {.bank = bank->realm.bank,
                                         .purse_type = from->purse_type,
                                         .account = from->account,
                                         .purse = from->purse,
                                         .issued_s = item->holder.issued_ms / 1000u,
                                         .expires_s = item->holder.expires_ms / 1000u,
                                         .key = item->holder.sign_key};
    struct kc_result result = kc_identity_encode(&claims, &identity);
    item->identity_size = claims.size;
    kc_digest(&thread->crypto, item->renewal.row.identity_digest, kc_buffer_view(&claims));
    return result;
}

struct kc_result kc_bank_ask_left(struct kc_bank *bank, struct kc_bank_thread *thread,
                                  const struct kc_renewal_row *row)
{
    struct kc_done done;
    struct kc_retire_request request = {
        .account = row->account, .left = true, .time_ms = kc_clock_now_ms()};
    memcpy(request.certificate, row->certificate, KC_DIGEST_SIZE);
    return kc_bank_ask_authority(&done, &kc_done_shape, bank, thread, request.time_ms,
                                 &kc_retire_request_shape, &request);
}

struct ending_left {
    struct kc_bank *bank;
    struct kc_bank_thread *thread;
    bool ended;
};

static bool end_one(void *owner, const struct kc_renewal_row *row)
{
    struct ending_left *ending = owner;
    bool gone = !kc_failed(kc_bank_ask_left(ending->bank, ending->thread, row));
    ending->ended = ending->ended || gone;
    return true;
}

/* Pairs that the purse had certified and then left for others (ledger/renew.c): nothing comes under them any more. True when the
 * authority ended one. */
static bool end_left(struct kc_bank *bank, struct kc_bank_thread *thread, struct kc_purse_id purse)
{
    struct kc_renewal_row row;
    struct ending_left ending = {.bank = bank, .thread = thread};
    const struct kc_store *store = &thread->store;
    struct kc_result result = store->renewal_last(store->context, &row, purse.number);
    if (!kc_failed(result)) {
        result =
            kc_bank_each_left(store, purse.number, row.number, row.old_signer, &ending, end_one);
    }
    return !kc_failed(result) && ending.ended;
}

struct kc_result kc_bank_ask_pair(struct kc_certify_reply *reply, struct kc_bank *bank,
                                  struct kc_bank_thread *thread, struct kc_purse_id purse,
                                  uint64_t time_ms, const struct kc_shape *shape,
                                  const void *message)
{
    struct kc_result result = kc_bank_ask_authority(reply, &kc_certify_reply_shape, bank, thread,
                                                    time_ms, shape, message);
    if (result.code == KC_PENDING && end_left(bank, thread, purse)) {
        result = kc_bank_ask_authority(reply, &kc_certify_reply_shape, bank, thread, time_ms, shape,
                                       message);
    }
    return result;
}

static struct kc_result certify(struct kc_bank *bank, struct kc_bank_thread *thread,
                                struct kc_bank_item *item)
{
    struct kc_certify_reply reply;
    uint64_t now_ms = kc_clock_now_ms();
    const struct kc_bank_renewal *renewal = &item->renewal;
    /* The pair that ends last counts, and others may have been certified since these keys were asked for first. A pair that these
     * keys have, and that counts, is found as it is. */
    const struct kc_renew_certify_request request = {.account = renewal->row.account,
                                                     .expires_ms =
                                                         now_ms + bank->ledger.options.account_ms,
                                                     .proof = item->message.renew_request.proof,
                                                     .time_ms = now_ms};
    uint8_t bytes[2][KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer sign = KC_BUFFER(bytes[0]);
    struct kc_buffer encrypt = KC_BUFFER(bytes[1]);
    struct kc_result result;
    if (kc_cmp_place_speaks(&bank->config.authority)) {
        result =
            kc_bank_cmp_certify(&sign, &encrypt, bank, thread, &renewal->row, request.expires_ms);
        reply = (struct kc_certify_reply){.sign_certificate = kc_buffer_view(&sign),
                                          .encrypt_certificate = kc_buffer_view(&encrypt)};
    } else {
        result = kc_bank_ask_pair(&reply, bank, thread, renewal->row.purse, request.time_ms,
                                  &kc_renew_certify_request_shape, &request);
    }
    if (!kc_failed(result)) {
        result = kc_bank_find_certified(bank, thread, item, &reply);
    }
    if (!kc_failed(result)) {
        result = check_named(item);
    }
    return kc_failed(result) ? result : kc_bank_identify_certified(bank, thread, item);
}

struct kc_result kc_bank_note_blocked(struct kc_bank_item *item, struct kc_result certified)
{
    item->renewal.blocked = certified.code == KC_PURSE_BLOCKED;
    return item->renewal.blocked ? kc_ok() : certified;
}

static struct kc_result apply_certified(struct kc_bank *bank, struct kc_bank_thread *thread,
                                        struct kc_bank_item *item)
{
    (void)thread;
    return kc_bank_note_blocked(item, kc_ledger_renew_certified(&bank->ledger, &item->renewal.row));
}

/* ---- Sr4 ---- */

static struct kc_result answer_renewal(struct kc_bank *bank, struct kc_bank_thread *thread,
                                       struct kc_bank_item *item)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer identity = KC_BUFFER(bytes);
    const struct kc_bank_renewal *renewal = &item->renewal;
    struct kc_renew_reply reply = {.purse = renewal->row.purse,
                                   .sign_certificate = kc_view(renewal->sign, renewal->sign_size),
                                   .encrypt_certificate =
                                       kc_view(renewal->encrypt, renewal->encrypt_size),
                                   .time_ms = kc_clock_now_ms()};
    memcpy(reply.request, item->digest, KC_DIGEST_SIZE);
    /* From here on this purse may sign with either key, and is looked up in the database (settle.c). */
    kc_holders_forget(&bank->holders, renewal->row.purse.number);
    struct kc_result result = kc_result(renewal->blocked ? KC_PURSE_BLOCKED : KC_OK);
    if (!kc_failed(result)) {
        result = kc_sign_brief(&identity, &thread->crypto, &bank->sign_key, &bank->realm,
                               KC_IDENTITY_DOMAIN, kc_view(item->identity, item->identity_size));
    }
    reply.identity = kc_buffer_view(&identity);
    return kc_failed(result)
               ? result
               : kc_bank_reply(bank, thread, item, reply.time_ms, &kc_renew_reply_shape, &reply);
}

const struct kc_bank_kind kc_bank_renew_request = {
    .shape = &kc_renew_request_shape,
    .from_purse = true,
    .steps = {{KC_LANE_WORK, read_renewal, NULL},
              {KC_LANE_WRITE, apply_ask, NULL},
              {KC_LANE_DIRECTORY, certify, NULL},
              {KC_LANE_WRITE, apply_certified, NULL},
              {KC_LANE_WORK, answer_renewal, NULL}},
};

/* ---- Sr7: the bank by itself, for as long as it takes ---- */

static struct kc_result ask_retire(struct kc_bank *bank, struct kc_bank_thread *thread,
                                   struct kc_bank_item *item)
{
    struct kc_done done;
    struct kc_retire_request request = {.account = item->renewal.row.account,
                                        .time_ms = kc_clock_now_ms()};
    memcpy(request.certificate, item->renewal.row.certificate, KC_DIGEST_SIZE);
    if (kc_cmp_place_speaks(&bank->config.authority)) {
        return kc_bank_cmp_retire(bank, thread, &item->renewal.row);
    }
    return kc_bank_ask_authority(&done, &kc_done_shape, bank, thread, request.time_ms,
                                 &kc_retire_request_shape, &request);
}

static struct kc_result apply_retired(struct kc_bank *bank, struct kc_bank_thread *thread,
                                      struct kc_bank_item *item)
{
    (void)thread;
    return kc_ledger_renew_retired(&bank->ledger, &item->renewal.row);
}

const struct kc_bank_kind kc_bank_retire = {
    .steps = {{KC_LANE_DIRECTORY, ask_retire, NULL}, {KC_LANE_WRITE, apply_retired, NULL}},
};

static bool send(struct kc_bank *bank, const struct kc_renewal_row *row)
{
    struct kc_bank_item *item = kc_bank_round_take(bank, &bank->retiring, &kc_bank_retire);
    if (item == NULL) {
        return false;
    }
    item->renewal.row = *row;
    kc_bank_round_send(bank, item);
    return true;
}

void kc_bank_retire_due(struct kc_bank *bank, uint64_t now_ms)
{
    struct kc_renewal_row row;
    struct kc_bank_place *last = &bank->retiring.last;
    uint64_t every_ms = last->number == 0 ? ROUND_EVERY_MS : ROUND_MORE_MS;
    if (!kc_bank_round_begin(&bank->retiring, now_ms, every_ms)) {
        return;
    }
    for (size_t i = 0; i < ROUND_MAX; i++) {
        struct kc_result result = kc_ledger_renew_due(&row, &bank->ledger, last->number);
        if (kc_failed(result)) {
            /* The next round begins with the first. */
            last->number = 0;
            return;
        }
        if (!send(bank, &row)) {
            return;
        }
        last->number = row.purse.number;
    }
}
