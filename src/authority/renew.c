/* A renewal: certificates of new keys beside good ones, then the end of the old ones. Both at the bank's word alone.
 *
 * The directory shows the pair that ends last, so the new one from the first answer on; the bank knows the old keys by itself.
 * Nothing is revoked before the bank says that the purse confirmed the new pair, and that pair never. */
#include <inttypes.h>
#include <string.h>

#include "authority/request.h"

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

struct kc_result kc_authority_retire(struct kc_buffer *reply, struct kc_authority_request *request,
                                     struct kc_authority *authority)
{
    const struct kc_retire_request *order = &request->message.retire;
    const struct kc_pair *pair = &request->pair;
    uint8_t digest[KC_DIGEST_SIZE];
    size_t count = 0;
    if (request->sender != KC_SERVER_BANK) {
        return kc_result(KC_NOT_ALLOWED);
    }
    struct kc_result result = kc_authority_pair(&request->pair, authority, order->account.number);
    if (!kc_failed(result)) {
        kc_digest(&authority->crypto, digest, kc_view(pair->sign.der, pair->sign.der_size));
        bool newest = pair->sign_count > 0 && pair->encrypt_count > 0 &&
                      memcmp(digest, order->certificate, KC_DIGEST_SIZE) == 0;
        result = kc_result(newest ? KC_OK : KC_MISMATCH);
    }
    if (!kc_failed(result)) {
        result = kc_authority_end_old(&count, authority, order->account.number, pair->sign.serial,
                                      pair->encrypt.serial);
    }
    return kc_failed(result) ? result
                             : kc_authority_answer_ended(reply, authority, request, "retired",
                                                         order->account.number, count);
}
