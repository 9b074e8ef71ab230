/* A renewal: certificates of new keys beside good ones, then the end of the old ones. Both at the bank's word alone.
 *
 * The directory shows the pair that ends last, so the new one from the first answer on; the bank knows the old keys by itself.
 * Nothing is revoked before the bank says that the purse confirmed the new pair, and that pair and newer ones never. */
#include <string.h>

#include "authority/request.h"
#include "base/clock.h"

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

static bool see_newest(void *owner, const struct kc_issued *issued)
{
    if (issued->use == KC_PROFILE_SIGN) {
        kc_authority_take_newest(owner, issued);
    }
    return true;
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
    /* Whose newest certificate was revoked, as for a lost purse, gets none by this way, whatever older one only ended. Whose
     * newest only ended does: the bank has the registrar's word on who asks. */
    if (!kc_failed(result) && request->pair.sign_count == 0) {
        struct kc_newest newest = {.revoked = true};
        result = kc_authority_store_of_holder(authority->store, renew->account.number, see_newest,
                                              &newest);
        if (!kc_failed(result) && newest.revoked) {
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

/* Certificates of an account beside the pair that was named by its signature certificate. */
struct others {
    struct kc_authority *authority;
    const uint8_t *digest;
    uint64_t now_ms;
    bool found;
    bool good; /* the named one; then its other half stays, too */
    bool has_half;
    struct kc_issued named;
    struct kc_issued half;
    size_t count; /* those that it outlasts */
    uint8_t serials[OLDER_MAX][KC_SERIAL_SIZE];
};

static bool find_named(void *owner, const struct kc_issued *issued)
{
    struct others *others = owner;
    if (issued->use != KC_PROFILE_SIGN ||
        !kc_authority_is_named(others->authority, issued, others->digest)) {
        return true;
    }
    others->found = true;
    others->good = issued->revoked_ms == 0 && issued->expires_ms > others->now_ms;
    others->named = *issued;
    return false;
}

static bool find_half(void *owner, const struct kc_issued *issued)
{
    struct others *others = owner;
    if (issued->use == KC_PROFILE_ENCRYPT) {
        others->has_half = true;
        others->half = *issued;
    }
    return !others->has_half;
}

/* Of a good pair each half outlasts what is for the same use: they need not end, or begin, together. Where the other half was
 * asked for by itself, as by CMP, certificates for sealing stay. */
static bool take_older(void *owner, const struct kc_issued *issued)
{
    struct others *others = owner;
    bool by_half = others->good && issued->use != KC_PROFILE_SIGN;
    bool older = by_half ? others->has_half && kc_authority_outlasts(&others->half, issued)
                         : kc_authority_outlasts(&others->named, issued);
    if (issued->revoked_ms == 0 && older) {
        memcpy(others->serials[others->count++], issued->serial, KC_SERIAL_SIZE);
    }
    return others->count < OLDER_MAX;
}

/* The pair that the bank names is not the newest good one: others were made since, for its next renewal or for one that nobody
 * ever confirms; or it was revoked itself, as when its purse went out of use, or ended. Those that it took the place of end all
 * the same, and newer ones go on. KC_MISMATCH: it is none of the account's. */
static struct kc_result end_older(size_t *count, struct kc_authority *authority, uint64_t account,
                                  const uint8_t digest[KC_DIGEST_SIZE])
{
    struct kc_authority_store *store = authority->store;
    struct others others = {.authority = authority, .digest = digest, .now_ms = kc_clock_now_ms()};
    struct kc_result result = kc_authority_store_of_holder(store, account, find_named, &others);
    if (!kc_failed(result) && others.good) {
        result = kc_authority_store_with(store, account, others.named.serial, find_half, &others);
    }
    if (!kc_failed(result)) {
        result = others.found ? kc_authority_store_of_holder(store, account, take_older, &others)
                              : kc_result(KC_MISMATCH);
    }
    for (size_t i = 0; i < others.count && !kc_failed(result); i++) {
        result = kc_authority_store_revoke_one(store, others.serials[i], others.now_ms,
                                               KC_CRL_SUPERSEDED);
    }
    *count = others.count;
    return result;
}

/* The pair that the bank names was left by its purse for another, before anybody confirmed it. The last good one of an account
 * is none of that kind: KC_OUT_OF_ORDER. */
static struct kc_result end_left(size_t *count, struct kc_authority *authority, uint64_t account,
                                 const uint8_t digest[KC_DIGEST_SIZE])
{
    struct kc_authority_store *store = authority->store;
    struct kc_made made;
    struct others others = {.authority = authority, .digest = digest, .now_ms = kc_clock_now_ms()};
    struct beside beside = {.now_ms = others.now_ms};
    struct kc_result result = kc_authority_store_of_holder(store, account, find_named, &others);
    if (!kc_failed(result)) {
        result = others.found ? kc_authority_store_of_holder(store, account, count_good, &beside)
                              : kc_result(KC_MISMATCH);
    }
    if (kc_failed(result) || !others.good) {
        return result;
    }
    if (beside.count < 2) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    result = kc_authority_store_with(store, account, others.named.serial, find_half, &others);
    if (!kc_failed(result)) {
        const uint8_t *half = others.has_half ? others.half.serial : others.named.serial;
        *count = others.has_half ? 2 : 1;
        result = kc_authority_store_revoke_pair(store, others.named.serial, half, others.now_ms,
                                                KC_CRL_SUPERSEDED);
    }
    if (!kc_failed(result)) {
        result = kc_authority_store_made_get(store, &made, account);
        bool waits = !kc_failed(result) &&
                     memcmp(made.sign_serial, others.named.serial, KC_SERIAL_SIZE) == 0;
        kc_wipe(&made, sizeof made);
        result = waits ? kc_authority_store_made_remove(store, account)
                       : kc_result(result.code == KC_NOT_FOUND ? KC_OK : result.code);
        authority->unclean = authority->unclean || waits;
    }
    return result;
}

struct kc_result kc_authority_retire(struct kc_buffer *reply, struct kc_authority_request *request,
                                     struct kc_authority *authority)
{
    const struct kc_retire_request *order = &request->message.retire;
    const struct kc_pair *pair = &request->pair;
    size_t count = 0;
    bool newest = false;
    if (request->sender != KC_SERVER_BANK) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (order->left) {
        struct kc_result ended =
            end_left(&count, authority, order->account.number, order->certificate);
        return kc_failed(ended) ? ended
                                : kc_authority_answer_ended(reply, authority, request, "left",
                                                            order->account.number, count);
    }
    struct kc_result result = kc_authority_pair(&request->pair, authority, order->account.number);
    if (!kc_failed(result)) {
        newest = pair->sign_count > 0 && pair->encrypt_count > 0 &&
                 kc_authority_is_named(authority, &pair->sign, order->certificate);
        result = newest ? kc_authority_end_old(&count, authority, order->account.number,
                                               pair->sign.serial, pair->encrypt.serial)
                        : end_older(&count, authority, order->account.number, order->certificate);
    }
    return kc_failed(result) ? result
                             : kc_authority_answer_ended(reply, authority, request, "retired",
                                                         order->account.number, count);
}
