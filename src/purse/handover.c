/* Renewal by the authority (EP1221669 Fig 13, C2; docs/protocol.md "Renewal by the authority"): S5 to S10.
 *
 *         CLAIM             TAKE claim-reply: certificates,      TAKE key-reply: private keys,
 *         to the bank       identity, the authority's keys       entry `close`, then one image         TAKE done
 *    none ──────────> claimed ───────────────────────> waiting ────────────────────────────> changed ───────────> none
 *                       ^                                  │ CLAIM
 *                       └──────────────────────────────────┘
 *
 *  1. As in renew.c: one key set is in force, what comes is written into the other one, and one image changes over.
 *  2. The private keys are taken only under the signature of the authority that the bank named in an answer to this purse's own
 *     request, and only when their public halves are the ones that the bank named.
 *     A notice that the bank made since then names the authority's keys in its place (notice.c).
 *  3. A claim ends what an earlier one brought, so that the bank and the authority know from its time stamp which keys this purse
 *     cannot have taken. */
#include <string.h>

#include "message/identity.h"
#include "purse/inside.h"

#define CLAIM 1u
#define KEY_REQUEST 2u
#define KEY_CONFIRM 3u

/* ---- what a claim-reply brought ---- */

struct waiting {
    struct kc_public_key encrypt_key;
    struct kc_public_key authority_verify;
    struct kc_public_key authority_encrypt;
};

/* The bank's later word on the authority's keys counts: a notice that it made after the claim-reply. */
static struct kc_result put_noticed(struct waiting *out, struct kc_purse *purse)
{
    struct kc_view bytes;
    struct kc_noticed_keys notice;
    struct kc_result result = kc_purse_notice_get(&bytes, &notice, purse);
    if (!kc_failed(result)) {
        out->authority_verify = notice.verify_key;
        out->authority_encrypt = notice.encrypt_key;
    }
    return result;
}

static struct kc_result load_waiting(struct waiting *out, struct kc_purse *purse)
{
    struct kc_view content;
    struct kc_next_keys keys;
    struct kc_result result = kc_purse_static_get(&content, purse, KC_STATIC_NEXT_KEYS);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&keys, &kc_next_keys_shape, content);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(&out->encrypt_key, keys.encrypt_key);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(&out->authority_verify, keys.authority_verify);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(&out->authority_encrypt, keys.authority_encrypt);
    }
    return !kc_failed(result) && kc_purse_notice_number(purse) > keys.notice
               ? put_noticed(out, purse)
               : result;
}

struct kc_result kc_purse_authority_key(struct kc_public_key *out, struct kc_purse *purse)
{
    struct waiting waiting;
    bool known = purse->state.handover == KC_HANDOVER_WAITING ||
                 purse->state.handover == KC_HANDOVER_CHANGED;
    struct kc_result result = known ? load_waiting(&waiting, purse) : kc_result(KC_UNKNOWN_SIGNER);
    if (!kc_failed(result)) {
        *out = waiting.authority_verify;
    }
    return result;
}

/* SHA-256 of a certificate of the signature key: of the key set in force, or the other. */
static struct kc_result digest_certificate(uint8_t out[KC_DIGEST_SIZE], struct kc_purse *purse,
                                           uint64_t set)
{
    struct kc_view content;
    struct kc_result result = kc_purse_static_get(
        &content, purse, kc_purse_static_place(KC_STATIC_SIGN_CERTIFICATE, set));
    if (!kc_failed(result)) {
        kc_digest(&purse->crypto, out, content);
    }
    return result;
}

/* ---- out ---- */

static struct kc_result claim(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_claim_request request = {.time_ms = 0};
    struct kc_purse_state next = purse->state;
    struct kc_result result = kc_purse_stamp(&request.time_ms, purse, apdu->data);
    if (!kc_failed(result)) {
        result = kc_purse_check_settled(purse);
    }
    next.handover = KC_HANDOVER_CLAIMED;
    next.renewing = false;
    return kc_failed(result)
               ? result
               : kc_purse_ask_keys(purse, &next, &request.information, request.time_ms,
                                   &kc_claim_request_shape, &request);
}

/* S6, or S10: of one content, by different keys. */
static struct kc_result ask_authority(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_key_request request = {.account = purse->settings.account,
                                     .purse = purse->settings.purse};
    struct kc_key_confirm confirm = {.account = request.account, .purse = request.purse};
    struct waiting waiting;
    struct kc_purse_state next = purse->state;
    bool asks = apdu->p1 == KEY_REQUEST;
    if (next.handover != (asks ? KC_HANDOVER_WAITING : KC_HANDOVER_CHANGED)) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    struct kc_result result = asks ? kc_purse_check_unchanged(purse, &next) : kc_ok();
    if (!kc_failed(result)) {
        result = kc_purse_stamp(&request.time_ms, purse, apdu->data);
    }
    if (!kc_failed(result)) {
        result = load_waiting(&waiting, purse);
    }
    if (!kc_failed(result)) {
        result = digest_certificate(request.certificate, purse,
                                    asks ? kc_purse_other_set(purse) : next.key_set);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(confirm.certificate, request.certificate, KC_DIGEST_SIZE);
    confirm.time_ms = request.time_ms;
    result = kc_purse_make_envelope_for(purse, &waiting.authority_encrypt, next.renew_request,
                                        request.time_ms,
                                        asks ? &kc_key_request_shape : &kc_key_confirm_shape,
                                        asks ? (const void *)&request : (const void *)&confirm);
    next.stamp_ms = request.time_ms;
    return kc_failed(result) ? result : kc_purse_release(purse, &next);
}

struct kc_result kc_purse_handover(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    switch (apdu->p1) {
    case CLAIM:
        return claim(purse, apdu);
    case KEY_REQUEST:
    case KEY_CONFIRM:
        return ask_authority(purse, apdu);
    default:
        return kc_result(KC_MALFORMED);
    }
}

/* ---- in ---- */

/* The identity must be this purse's, whatever key it names: that key has yet to come. */
static struct kc_result check_claimed(struct kc_purse *purse, const struct kc_claim_reply *reply)
{
    struct kc_identity identity;
    struct kc_public_key key;
    struct kc_result result = kc_identity_open(&identity, &purse->crypto, &purse->bank_verify,
                                               &purse->realm, reply->identity);
    if (!kc_failed(result)) {
        result = kc_purse_check_identity(purse, reply->identity, &identity.key);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(&key, reply->encrypt_key);
    }
    if (!kc_failed(result) &&
        (key.type != purse->sign_public.type || identity.key.type != key.type)) {
        result = kc_result(KC_WRONG_ALGORITHM);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(&key, reply->authority_verify);
    }
    return kc_failed(result) ? result : kc_key_decode(&key, reply->authority_encrypt);
}

static struct kc_result put_waiting(struct kc_purse *purse, const struct kc_claim_reply *reply)
{
    /* Notices up to that number are older than the reply, also those that the network held back until now. */
    uint64_t held = kc_purse_notice_number(purse);
    const struct kc_next_keys keys = {.encrypt_key = reply->encrypt_key,
                                      .authority_verify = reply->authority_verify,
                                      .authority_encrypt = reply->authority_encrypt,
                                      .url = reply->url,
                                      .notice = held > reply->time_ms ? held : reply->time_ms};
    struct kc_buffer buffer = KC_BUFFER(purse->scratch);
    struct kc_result result = kc_shape_encode(&buffer, &kc_next_keys_shape, &keys);
    if (!kc_failed(result)) {
        result = kc_purse_static_put(purse, KC_STATIC_NEXT_KEYS, kc_buffer_view(&buffer));
    }
    if (!kc_failed(result)) {
        result = kc_purse_static_put(purse, KC_STATIC_NEXT_IDENTITY, reply->identity);
    }
    return kc_failed(result) ? result
                             : kc_purse_put_certificates(purse, reply->sign_certificate,
                                                         reply->encrypt_certificate);
}

struct kc_result kc_purse_take_claimed(struct kc_purse *purse, struct kc_purse_state *next,
                                       const void *message, struct kc_view plain)
{
    const struct kc_claim_reply *reply = message;
    (void)plain;
    if (next->handover != KC_HANDOVER_CLAIMED ||
        !kc_purse_answers(reply->request, next->renew_request) ||
        reply->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = check_claimed(purse, reply);
    if (!kc_failed(result)) {
        result = put_waiting(purse, reply);
    }
    if (!kc_failed(result)) {
        next->handover = KC_HANDOVER_WAITING;
        memset(next->renew_request, 0, KC_DIGEST_SIZE);
    }
    return result;
}

/* One private key into its place in the other set, when it is the one that was named. */
static struct kc_result put_private(struct kc_purse *purse, unsigned item, struct kc_view record,
                                    const struct kc_public_key *named)
{
    struct kc_private_key key;
    struct kc_public_key public_key;
    struct kc_result result = kc_purse_decode_private(&key, record);
    if (!kc_failed(result)) {
        result = purse->crypto.derive_public(purse->crypto.context, &public_key, &key);
        result = kc_failed(result) ? kc_result(KC_MALFORMED) : result;
    }
    if (!kc_failed(result)) {
        bool same = kc_purse_same_key(&public_key, named);
        result = kc_result(kc_purse_outcome(same) ? KC_OK : KC_MISMATCH);
    }
    if (!kc_failed(result)) {
        result = kc_purse_static_put(purse, kc_purse_static_place(item, kc_purse_other_set(purse)),
                                     record);
    }
    kc_wipe(&key, sizeof key);
    return result;
}

static struct kc_result put_pair(struct kc_purse *purse, const struct kc_public_key *sign,
                                 struct kc_view bytes)
{
    struct kc_key_pair pair;
    struct waiting waiting;
    struct kc_result result = kc_shape_decode(&pair, &kc_key_pair_shape, bytes);
    if (!kc_failed(result)) {
        result = load_waiting(&waiting, purse);
    }
    if (!kc_failed(result)) {
        result = put_private(purse, KC_STATIC_SIGN_KEY, pair.sign_key, sign);
    }
    return kc_failed(result)
               ? result
               : put_private(purse, KC_STATIC_ENCRYPT_KEY, pair.encrypt_key, &waiting.encrypt_key);
}

/* S8, S9. */
struct kc_result kc_purse_take_keys(struct kc_purse *purse, struct kc_purse_state *next,
                                    const void *message, struct kc_view plain)
{
    const struct kc_key_reply *reply = message;
    struct kc_identity identity;
    struct kc_view bytes;
    (void)plain;
    if (next->handover != KC_HANDOVER_WAITING ||
        !kc_purse_answers(reply->request, next->renew_request) ||
        reply->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = kc_purse_check_unchanged(purse, next);
    if (!kc_failed(result)) {
        result = kc_purse_static_get(&bytes, purse, KC_STATIC_NEXT_IDENTITY);
    }
    if (!kc_failed(result)) {
        memcpy(purse->information, bytes.data, bytes.size);
        bytes = kc_view(purse->information, bytes.size);
        result =
            kc_identity_open(&identity, &purse->crypto, &purse->bank_verify, &purse->realm, bytes);
    }
    if (!kc_failed(result)) {
        result = put_pair(purse, &identity.key, reply->keys);
    }
    if (!kc_failed(result)) {
        result = kc_purse_change_over(purse, next, bytes);
    }
    if (!kc_failed(result)) {
        next->handover = KC_HANDOVER_CHANGED;
    }
    return result;
}

/* S11: the old certificates are on the list. */
struct kc_result kc_purse_take_done(struct kc_purse *purse, struct kc_purse_state *next,
                                    const void *message, struct kc_view plain)
{
    const struct kc_done *done = message;
    (void)purse;
    (void)plain;
    if (next->handover != KC_HANDOVER_CHANGED ||
        !kc_purse_answers(done->request, next->renew_request)) {
        return kc_result(KC_MISMATCH);
    }
    next->handover = KC_HANDOVER_NONE;
    memset(next->renew_request, 0, KC_DIGEST_SIZE);
    return kc_ok();
}

/* The authority's word on its own request, and no more: it blocks no purse. */
struct kc_result kc_purse_take_authority_refusal(struct kc_purse *purse,
                                                 struct kc_purse_state *next, const void *message,
                                                 struct kc_view plain)
{
    const struct kc_refusal *refusal = message;
    (void)purse;
    (void)plain;
    bool asked = next->handover == KC_HANDOVER_WAITING || next->handover == KC_HANDOVER_CHANGED;
    if (!asked || !kc_purse_answers(refusal->request, next->renew_request)) {
        return kc_result(KC_MISMATCH);
    }
    memset(next->renew_request, 0, KC_DIGEST_SIZE);
    return kc_ok();
}
