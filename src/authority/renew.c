/* A renewal: certificates of new keys beside good ones, then the end of the old ones. Both at the bank's word alone.
 *
 * The directory shows the pair that ends last, so the new one from the first answer on; the bank knows the old keys by itself.
 * Nothing is revoked before the bank says that the purse confirmed the new pair, and that pair never. */
#include <inttypes.h>
#include <string.h>

#include "authority/request.h"
#include "base/clock.h"
#include "base/log.h"

/* The keys in use, and two pairs beside them that nobody confirmed. */
#define BESIDE_MAX 3u
#define OLDER_MAX 32u

struct beside {
    size_t count;
    uint64_t now_ms;
};

static bool count_good(void *owner, const struct kc_issued *issued)
{
    struct beside *beside = owner;
    bool good = issued->use == KC_PROFILE_SIGN && issued->revoked_ms == 0 &&
                issued->expires_ms > beside->now_ms;
    beside->count += good ? 1 : 0;
    return true;
}

struct kc_result kc_authority_check_beside(struct kc_authority *authority, uint64_t account)
{
    struct beside beside = {.now_ms = kc_clock_now_ms()};
    struct kc_result result =
        kc_authority_store_of_holder(authority->store, account, count_good, &beside);
    return kc_failed(result) ? result : kc_result(beside.count >= BESIDE_MAX ? KC_PENDING : KC_OK);
}

static bool see_one(void *owner, const struct kc_issued *issued)
{
    bool *unrevoked = owner;
    *unrevoked = issued->use == KC_PROFILE_SIGN && issued->revoked_ms == 0;
    return !*unrevoked;
}

struct kc_result kc_authority_renew(struct kc_buffer *reply, struct kc_authority_request *request,
                                    struct kc_authority *authority)
{
    const struct kc_renew_certify_request *renew = &request->message.renew;
    if (request->sender != KC_SERVER_BANK) {
        return kc_result(KC_NOT_ALLOWED);
    }
    const struct kc_certify_request certify = {.account = renew->account,
                                               .expires_ms = renew->expires_ms,
                                               .proof = renew->proof,
                                               .time_ms = renew->time_ms};
    struct kc_result result = kc_authority_pair(&request->pair, authority, renew->account.number);
    /* Whose certificates were revoked meanwhile, as for a lost purse, gets none by this way. One that only ended does: the bank
     * has the registrar's word on who asks. */
    if (!kc_failed(result) && request->pair.sign_count == 0) {
        bool unrevoked = false;
        result = kc_authority_store_of_holder(authority->store, renew->account.number, see_one,
                                              &unrevoked);
        if (!kc_failed(result) && !unrevoked) {
            result = kc_result(KC_CERT_REVOKED);
        }
    }
    if (!kc_failed(result)) {
        result = kc_authority_issue_or_find(request, authority, &certify, true);
    }
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, renew->account.number);
    }
    return kc_failed(result) ? result : kc_authority_give_pair(reply, authority, request);
}

/* Certificates of an account beside one that was named. */
struct others {
    const struct kc_crypto *crypto;
    const uint8_t *digest;
    uint64_t now_ms;
    bool found; /* the named one, which is good no more */
    struct kc_issued named;
    size_t count; /* those that it outlasts */
    uint8_t serials[OLDER_MAX][KC_SERIAL_SIZE];
};

static bool find_named(void *owner, const struct kc_issued *issued)
{
    struct others *others = owner;
    uint8_t digest[KC_DIGEST_SIZE];
    kc_digest(others->crypto, digest, kc_view(issued->der, issued->der_size));
    if (memcmp(digest, others->digest, KC_DIGEST_SIZE) != 0) {
        return true;
    }
    others->found = issued->revoked_ms != 0 || issued->expires_ms <= others->now_ms;
    others->named = *issued;
    return false;
}

static bool take_older(void *owner, const struct kc_issued *issued)
{
    struct others *others = owner;
    if (issued->revoked_ms == 0 && kc_authority_outlasts(&others->named, issued)) {
        memcpy(others->serials[others->count++], issued->serial, KC_SERIAL_SIZE);
    }
    return others->count < OLDER_MAX;
}

/* The pair that the bank names was revoked itself, as when its purse went out of use, or it ended. Those that it took the place
 * of end all the same, and newer ones go on: they are another purse's. KC_MISMATCH: it is good, or none of the account's. */
static struct kc_result end_older(size_t *count, struct kc_authority *authority, uint64_t account,
                                  const uint8_t digest[KC_DIGEST_SIZE])
{
    struct kc_authority_store *store = authority->store;
    struct others others = {
        .crypto = &authority->crypto, .digest = digest, .now_ms = kc_clock_now_ms()};
    struct kc_result result = kc_authority_store_of_holder(store, account, find_named, &others);
    if (!kc_failed(result)) {
        result = others.found ? kc_authority_store_of_holder(store, account, take_older, &others)
                              : kc_result(KC_MISMATCH);
    }
    for (size_t i = 0; i < others.count && !kc_failed(result); i++) {
        result = kc_authority_store_revoke_one(store, others.serials[i], others.now_ms,
                                               REVOKE_SUPERSEDED);
    }
    *count = others.count;
    return result;
}

struct kc_result kc_authority_retire(struct kc_buffer *reply, struct kc_authority_request *request,
                                     struct kc_authority *authority)
{
    const struct kc_retire_request *order = &request->message.retire;
    const struct kc_pair *pair = &request->pair;
    uint8_t digest[KC_DIGEST_SIZE];
    size_t count = 0;
    bool newest = false;
    if (request->sender != KC_SERVER_BANK) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result = kc_authority_pair(&request->pair, authority, order->account.number);
    if (!kc_failed(result)) {
        kc_digest(&authority->crypto, digest, kc_view(pair->sign.der, pair->sign.der_size));
        newest = pair->sign_count > 0 && pair->encrypt_count > 0 &&
                 memcmp(digest, order->certificate, KC_DIGEST_SIZE) == 0;
        result = newest ? kc_authority_end_old(&count, authority, order->account.number,
                                               pair->sign.serial, pair->encrypt.serial)
                        : end_older(&count, authority, order->account.number, order->certificate);
    }
    if (!kc_failed(result)) {
        result = kc_authority_publish_crl(authority);
    }
    if (!kc_failed(result)) {
        result = kc_authority_publish(authority, order->account.number);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_log(KC_LOG_INFO, "retired account=%" PRIu64 " certificates=%zu", order->account.number,
           count);
    struct kc_done done = {.time_ms = kc_clock_now_ms()};
    memcpy(done.request, request->digest, KC_DIGEST_SIZE);
    return kc_authority_reply(reply, authority, request, done.time_ms, &kc_done_shape, &done);
}
