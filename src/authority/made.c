#include "authority/made.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/own.h"
#include "base/clock.h"
#include "base/log.h"

#define WIPES_MAX 64u

/* ---- private keys as records ---- */

static enum kc_suite suite_of(enum kc_key_type type)
{
    return type == KC_KEY_P256      ? KC_SUITE_ES256
           : type == KC_KEY_RSA2048 ? KC_SUITE_RS2048
                                    : KC_SUITE_RS3072;
}

static struct kc_result encode_private(struct kc_buffer *out, const struct kc_private_key *key)
{
    struct kc_private_key_record record = {.suite = suite_of(key->type)};
    size_t half = kc_rsa_size(key->type) / 2;
    if (key->type == KC_KEY_P256) {
        record.parts.items[record.parts.count++] = kc_view(key->p256.d, KC_P256_COORDINATE_SIZE);
    } else {
        const uint8_t *parts[] = {key->rsa.p, key->rsa.q, key->rsa.dp, key->rsa.dq, key->rsa.iq};
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            record.parts.items[record.parts.count++] = kc_view(parts[i], half);
        }
    }
    return kc_shape_encode(out, &kc_private_key_record_shape, &record);
}

/* Seals them for the authority itself, under the domain of the message in which they will travel. */
static struct kc_result seal_pair(struct kc_made *made, struct kc_authority *authority,
                                  const struct kc_private_key *sign,
                                  const struct kc_private_key *encrypt)
{
    uint8_t bytes[2][KC_RECORD_SIZE_MAX];
    uint8_t pair_bytes[2 * KC_RECORD_SIZE_MAX];
    struct kc_buffer first = KC_BUFFER(bytes[0]);
    struct kc_buffer second = KC_BUFFER(bytes[1]);
    struct kc_buffer plain = KC_BUFFER(pair_bytes);
    struct kc_buffer sealed = KC_BUFFER(made->keys);
    struct kc_public_key own;
    const struct kc_crypto *crypto = &authority->crypto;
    struct kc_result result = encode_private(&first, sign);
    if (!kc_failed(result)) {
        result = encode_private(&second, encrypt);
    }
    if (!kc_failed(result)) {
        const struct kc_key_pair pair = {.sign_key = kc_buffer_view(&first),
                                         .encrypt_key = kc_buffer_view(&second)};
        result = kc_shape_encode(&plain, &kc_key_pair_shape, &pair);
    }
    if (!kc_failed(result)) {
        result = crypto->derive_public(crypto->context, &own, &authority->encrypt_key);
    }
    if (!kc_failed(result)) {
        result = kc_seal(&sealed, crypto, &own, &authority->realm, kc_key_reply_shape.domain,
                         kc_buffer_view(&plain));
    }
    made->keys_size = sealed.size;
    kc_wipe(bytes, sizeof bytes);
    kc_wipe(pair_bytes, sizeof pair_bytes);
    return result;
}

/* ---- S2, S3 ---- */

/* Whether the newest certificates of the account are over the keys that were made. */
static bool is_newest(const struct kc_pair *pair, const struct kc_made *made)
{
    return memcmp(pair->sign.serial, made->sign_serial, KC_SERIAL_SIZE) == 0 &&
           memcmp(pair->encrypt.serial, made->encrypt_serial, KC_SERIAL_SIZE) == 0;
}

/* Keys that a purse may hold are not made anew, unless it signed a claim with its old ones since. */
static bool still_good(const struct kc_pair *pair, const struct kc_made *made,
                       const struct kc_keys_request *order)
{
    bool taken =
        made->given_ms != 0 && (!order->has_claimed || order->claimed_ms <= made->given_ms);
    return is_newest(pair, made) && (made->keys_size > 0 || taken);
}

static struct kc_result make(struct kc_authority_request *request, struct kc_authority *authority)
{
    const struct kc_keys_request *order = &request->message.keys;
    struct kc_made made = {.account = order->account.number, .made_ms = kc_clock_now_ms()};
    struct kc_certificate old;
    struct kc_private_key privates[2];
    struct kc_public_key publics[2];
    const struct kc_crypto *crypto = &authority->crypto;
    char subject[24];
    struct kc_result result =
        kc_certificate_read(&old, kc_view(request->pair.sign.der, request->pair.sign.der_size));
    memset(privates, 0, sizeof privates);
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        result = crypto->generate(crypto->context, &privates[i], &publics[i], old.key.type);
    }
    if (!kc_failed(result)) {
        result = seal_pair(&made, authority, &privates[0], &privates[1]);
    }
    kc_wipe(privates, sizeof privates);
    (void)snprintf(subject, sizeof subject, "%" PRIu64, order->account.number);
    if (!kc_failed(result)) {
        result = kc_authority_issue_made(&request->pair.sign, &request->pair.encrypt, authority,
                                         order->account.number, subject, &publics[0], &publics[1],
                                         order->expires_ms, request->digest, &made);
    }
    return result;
}

struct kc_result kc_authority_make_keys(struct kc_buffer *reply,
                                        struct kc_authority_request *request,
                                        struct kc_authority *authority)
{
    const struct kc_keys_request *order = &request->message.keys;
    struct kc_made made;
    uint64_t now_ms = kc_clock_now_ms();
    if (request->sender != KC_SERVER_BANK) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (!kc_number_checks(order->account.number) || order->expires_ms <= now_ms ||
        order->expires_ms > now_ms + authority->config.account_ms) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_authority_pair(&request->pair, authority, order->account.number);
    if (!kc_failed(result) && request->pair.sign_count == 0) {
        result = kc_result(KC_CERT_REVOKED);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_authority_store_made_get(authority->store, &made, order->account.number);
    bool good = !kc_failed(result) && still_good(&request->pair, &made, order);
    if (!good && (!kc_failed(result) || result.code == KC_NOT_FOUND)) {
        /* The pair that ends last is the one that counts. */
        result = order->expires_ms > request->pair.sign.expires_ms
                     ? kc_authority_check_beside(authority, order->account.number)
                     : kc_result(KC_MALFORMED);
        if (!kc_failed(result)) {
            result = make(request, authority);
        }
        kc_log(KC_LOG_INFO, "keys made account=%" PRIu64 " result=%s", order->account.number,
               kc_error_name(result.code));
    }
    kc_wipe(&made, sizeof made);
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, order->account.number);
    }
    return kc_failed(result) ? result : kc_authority_give_pair(reply, authority, request);
}

/* ---- S6, S7 ---- */

/* What was made for the account of the request, and the certificate of its signature key as the request names it. */
static struct kc_result find_made(struct kc_made *out, struct kc_authority *authority,
                                  struct kc_authority_request *request,
                                  const uint8_t certificate[KC_DIGEST_SIZE])
{
    struct kc_result result = kc_authority_store_made_get(authority->store, out, request->sender);
    if (!kc_failed(result)) {
        result =
            kc_authority_pair_with(&request->pair, authority, request->sender, out->sign_serial);
    }
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_KEY_GONE) : result;
    }
    bool same = request->pair.sign_count > 0 &&
                kc_authority_is_named(authority, &request->pair.sign, certificate);
    return kc_result(same ? KC_OK : KC_MISMATCH);
}

/* Whether the request is signed by the key that was made. */
static bool by_made_key(const struct kc_authority_request *request, const struct kc_made *made)
{
    return memcmp(request->sender_serial, made->sign_serial, KC_SERIAL_SIZE) == 0;
}

static struct kc_result answer_keys(struct kc_buffer *reply, struct kc_authority *authority,
                                    const struct kc_authority_request *request,
                                    const struct kc_made *made)
{
    uint8_t bytes[2 * KC_RECORD_SIZE_MAX + KC_GCM_TAG_SIZE];
    struct kc_buffer plain = KC_BUFFER(bytes);
    struct kc_key_reply answer = {.purse = request->message.key.purse,
                                  .time_ms = kc_clock_now_ms()};
    struct kc_result result = kc_own_unseal(&plain, authority, kc_key_reply_shape.domain,
                                            kc_view(made->keys, made->keys_size));
    memcpy(answer.request, request->digest, KC_DIGEST_SIZE);
    answer.keys = kc_buffer_view(&plain);
    if (!kc_failed(result)) {
        result = kc_authority_reply(reply, authority, request, answer.time_ms, &kc_key_reply_shape,
                                    &answer);
    }
    kc_wipe(bytes, sizeof bytes);
    kc_wipe(&authority->work, sizeof authority->work);
    return result;
}

struct kc_result kc_authority_give_keys(struct kc_buffer *reply,
                                        struct kc_authority_request *request,
                                        struct kc_authority *authority)
{
    const struct kc_key_request *asked = &request->message.key;
    struct kc_made made;
    if (asked->account.number != request->sender) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result = find_made(&made, authority, request, asked->certificate);
    if (!kc_failed(result) && by_made_key(request, &made)) {
        result = kc_result(KC_OUT_OF_ORDER);
    }
    if (!kc_failed(result) && made.keys_size == 0) {
        result = kc_result(KC_KEY_GONE);
    }
    if (!kc_failed(result) && asked->time_ms > made.given_ms) {
        /* Noted before they leave: from here on a purse may have them. */
        made.given_ms = asked->time_ms;
        result = kc_authority_store_made_put(authority->store, &made);
    }
    if (!kc_failed(result)) {
        result = answer_keys(reply, authority, request, &made);
    }
    if (!kc_failed(result)) {
        kc_log(KC_LOG_INFO, "keys given account=%" PRIu64, request->sender);
    }
    kc_wipe(&made, sizeof made);
    return result;
}

/* ---- S10, S11 ---- */

static struct kc_result answer_done(struct kc_buffer *reply, struct kc_authority *authority,
                                    const struct kc_authority_request *request)
{
    struct kc_done done = {.time_ms = kc_clock_now_ms()};
    memcpy(done.request, request->digest, KC_DIGEST_SIZE);
    return kc_authority_reply(reply, authority, request, done.time_ms, &kc_done_shape, &done);
}

struct kc_result kc_authority_confirm_keys(struct kc_buffer *reply,
                                           struct kc_authority_request *request,
                                           struct kc_authority *authority)
{
    const struct kc_key_confirm *confirm = &request->message.confirm;
    struct kc_made made;
    size_t count = 0;
    if (confirm->account.number != request->sender) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result = find_made(&made, authority, request, confirm->certificate);
    kc_wipe(made.keys, sizeof made.keys);
    if (result.code == KC_KEY_GONE) {
        /* The bank was first to say so, or this is a repeat: then the signer's is the newest pair, the rest on the list. */
        result = kc_authority_check_newest(request, authority, confirm->certificate);
        if (kc_failed(result)) {
            return result;
        }
    } else if (!kc_failed(result) && !by_made_key(request, &made)) {
        result = kc_result(KC_OUT_OF_ORDER);
    } else if (!kc_failed(result)) {
        result = kc_authority_end_old(&count, authority, request->sender, made.sign_serial,
                                      made.encrypt_serial);
    }
    if (!kc_failed(result)) {
        result = kc_authority_publish_crl(authority);
    }
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, request->sender);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_log(KC_LOG_INFO, "keys confirmed account=%" PRIu64 " certificates=%zu", request->sender,
           count);
    return answer_done(reply, authority, request);
}

struct kc_result kc_authority_end_old(size_t *count, struct kc_authority *authority,
                                      uint64_t account, const uint8_t sign[KC_SERIAL_SIZE],
                                      const uint8_t encrypt[KC_SERIAL_SIZE])
{
    struct kc_authority_store *store = authority->store;
    struct kc_made made;
    bool waits = false;
    struct kc_result result = kc_authority_store_begin(store);
    if (!kc_failed(result)) {
        result = kc_authority_store_made_get(store, &made, account);
        kc_wipe(made.keys, sizeof made.keys);
        waits = !kc_failed(result);
        result = result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_retire(store, count, account, sign, encrypt, kc_clock_now_ms(),
                                           KC_CRL_SUPERSEDED);
    }
    if (!kc_failed(result) && waits) {
        result = kc_authority_store_made_remove(store, account);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_commit(store);
    }
    if (kc_failed(result)) {
        kc_authority_store_rollback(store);
        return result;
    }
    /* Keys that the purse made itself leave nothing behind here, and writing out the log takes longer than all the rest. */
    if (waits || authority->unclean) {
        authority->unclean = kc_failed(kc_authority_store_clean(store));
    }
    return result;
}

/* ---- the time limit ---- */

static struct kc_result wipe(struct kc_authority *authority, struct kc_made *made)
{
    struct kc_authority_store *store = authority->store;
    kc_wipe(made->keys, sizeof made->keys);
    made->keys_size = 0;
    struct kc_result result = kc_authority_store_begin(store);
    if (!kc_failed(result)) {
        result = kc_authority_store_made_put(store, made);
    }
    if (!kc_failed(result) && made->given_ms == 0) {
        result = kc_authority_store_revoke_pair(store, made->sign_serial, made->encrypt_serial,
                                                kc_clock_now_ms(), KC_CRL_CESSATION);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_commit(store);
    }
    if (kc_failed(result)) {
        kc_authority_store_rollback(store);
        return result;
    }
    kc_log(KC_LOG_INFO, "keys wiped, their time ran out account=%" PRIu64, made->account);
    if (made->given_ms != 0) {
        return result;
    }
    /* The row stays, and is due again, until the directory shows the old pair. */
    result = kc_authority_publish_crl(authority);
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, made->account);
    }
    return kc_failed(result) ? result : kc_authority_store_made_remove(store, made->account);
}

struct kc_result kc_authority_wipe_due(size_t *count, struct kc_authority *authority)
{
    struct kc_made made;
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t keep_ms = authority->config.keys_ms;
    struct kc_result result = kc_ok();
    *count = 0;
    while (*count < WIPES_MAX && !kc_failed(result)) {
        result = kc_authority_store_made_due(authority->store, &made,
                                             now_ms > keep_ms ? now_ms - keep_ms : 0);
        if (kc_failed(result)) {
            break;
        }
        result = wipe(authority, &made);
        *count += 1;
    }
    kc_wipe(&made, sizeof made);
    if (*count > 0 || authority->unclean) {
        authority->unclean = kc_failed(kc_authority_store_clean(authority->store));
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}
