/* Renewal of the purse's own keys (EP1221669 [0113], [0114] D2; docs/protocol.md "Renewal").
 *
 *             RENEW REQUEST: a new pair in       TAKE renew-reply: new certificates beside it,
 *             the key set that is not in use     entry `close`, then one image       settle-reply
 *    old key ─────────────────────────────> renewing ────────────────────────────> new key ───────> confirmed
 *
 *  1. Exactly one key set is in force: the one that the state names. What a renewal writes lies in the other until the image that
 *     changes over, and that image is one commit.
 *  2. Nothing is open and nothing uncovered when the old key ends, and no entry was added since it signed the request: so that
 *     request says where its chain ends, and the close entry after it names the new identity. Else KC_PENDING, and the station
 *     reports and asks again, with the same new keys. */
#include <string.h>

#include "purse/inside.h"

struct kc_result kc_purse_check_settled(const struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    bool settled = state->life == KC_LIFE_READY && state->pending_ms == 0 &&
                   state->open.count == 0 && !kc_purse_has_gap(purse) &&
                   kc_purse_uncovered(purse) == 0;
    return kc_result(settled ? KC_OK : KC_PENDING);
}

uint64_t kc_purse_other_set(const struct kc_purse *purse)
{
    return purse->state.key_set ^ 1u;
}

/* The proof of the new pair, into purse->slot. */
static struct kc_result prove_new(struct kc_view *out, struct kc_purse *purse)
{
    struct kc_private_key sign;
    struct kc_private_key encrypt;
    struct kc_buffer proof = KC_BUFFER(purse->slot);
    uint64_t set = kc_purse_other_set(purse);
    memset(&encrypt, 0, sizeof encrypt);
    struct kc_result result =
        kc_purse_load_private(&sign, purse, kc_purse_static_place(KC_STATIC_SIGN_KEY, set));
    if (!kc_failed(result)) {
        result = kc_purse_load_private(&encrypt, purse,
                                       kc_purse_static_place(KC_STATIC_ENCRYPT_KEY, set));
    }
    if (!kc_failed(result)) {
        result = kc_purse_make_proof(&proof, purse, &sign, &encrypt);
    }
    kc_wipe(&sign, sizeof sign);
    kc_wipe(&encrypt, sizeof encrypt);
    *out = kc_buffer_view(&proof);
    return result;
}

/* A pair that an earlier request made stays, so that the bank and its authority see the same keys again. */
struct kc_result kc_purse_renew_request(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_renew_request request = {.time_ms = 0};
    struct kc_purse_state next = purse->state;
    struct kc_result result = kc_purse_stamp(&request.time_ms, purse, apdu->data);
    if (!kc_failed(result)) {
        result = kc_purse_check_settled(purse);
    }
    if (!kc_failed(result) && !next.renewing) {
        result = kc_purse_make_keys(purse, next.suite, kc_purse_other_set(purse));
    }
    if (!kc_failed(result)) {
        result = prove_new(&request.proof, purse);
    }
    if (!kc_failed(result)) {
        result = kc_purse_information(&request.information, purse, false);
    }
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next.renew_request, request.time_ms,
                                        &kc_renew_request_shape, &request);
    }
    if (kc_failed(result)) {
        return result;
    }
    next.renewing = true;
    next.handover = KC_HANDOVER_NONE;
    next.renew_counter = next.counter;
    next.stamp_ms = request.time_ms;
    return kc_purse_release(purse, &next);
}

/* The identity must be this purse's, with the key that waits. */
static struct kc_result check_reply(struct kc_purse *purse, const struct kc_renew_reply *reply)
{
    struct kc_private_key sign;
    struct kc_public_key key;
    unsigned place = kc_purse_static_place(KC_STATIC_SIGN_KEY, kc_purse_other_set(purse));
    struct kc_result result = kc_purse_load_private(&sign, purse, place);
    if (!kc_failed(result)) {
        result = purse->crypto.derive_public(purse->crypto.context, &key, &sign);
    }
    kc_wipe(&sign, sizeof sign);
    return kc_failed(result) ? result : kc_purse_check_identity(purse, reply->identity, &key);
}

/* The last act of the old key: its partner is the identity that comes after it, as the bank counts it, by its claims. */
static struct kc_result close_chain(struct kc_purse *purse, struct kc_purse_state *next,
                                    struct kc_view identity)
{
    struct kc_signed parsed;
    struct kc_entry entry = {
        .kind = KC_ENTRY_KIND_CLOSE, .time_ms = next->stamp_ms, .amount = kc_amount_zero()};
    struct kc_result result = kc_brief_parse(&parsed, identity);
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(&purse->crypto, entry.partner, parsed.payload);
    result = kc_purse_add_entry(purse, next, &entry, kc_view(NULL, 0), kc_view(NULL, 0));
    next->closed = next->counter;
    return result;
}

struct kc_result kc_purse_change_over(struct kc_purse *purse, struct kc_purse_state *next,
                                      struct kc_view identity)
{
    uint64_t set = kc_purse_other_set(purse);
    struct kc_result result = kc_purse_static_digest(next->static_digest, purse, set);
    if (!kc_failed(result)) {
        result = close_chain(purse, next, identity);
    }
    if (kc_failed(result)) {
        return result;
    }
    next->identity = identity;
    next->key_set = set;
    next->renewing = false;
    memset(next->renew_request, 0, KC_DIGEST_SIZE);
    return kc_ok();
}

struct kc_result kc_purse_take_renew(struct kc_purse *purse, struct kc_purse_state *next,
                                     const void *message, struct kc_view plain)
{
    const struct kc_renew_reply *reply = message;
    uint64_t set = kc_purse_other_set(purse);
    (void)plain;
    if (!next->renewing || !kc_purse_answers(reply->request, next->renew_request) ||
        reply->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    if (kc_failed(kc_purse_check_settled(purse)) || next->counter != next->renew_counter) {
        return kc_result(KC_PENDING);
    }
    struct kc_result result = check_reply(purse, reply);
    if (!kc_failed(result)) {
        result = kc_purse_static_put(purse, kc_purse_static_place(KC_STATIC_SIGN_CERTIFICATE, set),
                                     reply->sign_certificate);
    }
    if (!kc_failed(result)) {
        result =
            kc_purse_static_put(purse, kc_purse_static_place(KC_STATIC_ENCRYPT_CERTIFICATE, set),
                                reply->encrypt_certificate);
    }
    return kc_failed(result) ? result : kc_purse_change_over(purse, next, reply->identity);
}
