/* Renewal of the purse's own keys (EP1221669 [0113], [0114] D2; docs/protocol.md "Renewal").
 *
 *             RENEW REQUEST: a new pair in       TAKE renew-reply: new certificates beside it,
 *             the key set that is not in use     entry `close`, then one image       settle-reply
 *    old key ─────────────────────────────> renewing ────────────────────────────> new key ───────> confirmed
 *
 *  1. Exactly one key set is in force: the one that the state names. What a renewal writes lies in the other until the image that
 *     changes over, and that image is one commit.
 *  2. No transaction is open and nothing uncovered when the old key ends, and no entry was added since it signed the request: so
 *     that request says where its chain ends, and the close entry after it names the new identity. Else KC_PENDING, and the
 *     station reports and asks again, with the same new keys.
 *  3. A payment that is open then goes on under the identity that verifies its order, which is kept beside the new one until the
 *     next renewal. Only one is kept, so a payment open since before the last close entry comes first. */
#include <string.h>

#include "purse/inside.h"

/* Whether the key in force signed every open payment. */
static struct kc_result check_open(const struct kc_purse_state *state)
{
    for (size_t i = 0; i < state->open.count; i++) {
        struct kc_open_payment payment;
        struct kc_result result = kc_purse_open_get(&payment, state, i);
        if (kc_failed(result)) {
            return result;
        }
        if (payment.counter < state->closed) {
            return kc_result(KC_PENDING);
        }
    }
    return kc_ok();
}

struct kc_result kc_purse_check_settled(const struct kc_purse *purse)
{
    const struct kc_purse_state *state = &purse->state;
    bool settled = state->life == KC_LIFE_READY && state->pending_ms == 0 &&
                   !kc_purse_has_gap(purse) && kc_purse_uncovered(purse) == 0;
    return settled ? check_open(state) : kc_result(KC_PENDING);
}

uint64_t kc_purse_other_set(const struct kc_purse *purse)
{
    return purse->state.key_set ^ 1u;
}

struct kc_result kc_purse_ask_keys(struct kc_purse *purse, struct kc_purse_state *next,
                                   struct kc_view *information, uint64_t time_ms,
                                   const struct kc_shape *shape, const void *request)
{
    struct kc_result result = kc_purse_information(information, purse, false);
    if (!kc_failed(result)) {
        result = kc_purse_make_envelope(purse, next->renew_request, time_ms, shape, request);
    }
    if (kc_failed(result)) {
        return result;
    }
    next->renew_counter = next->counter;
    next->stamp_ms = time_ms;
    return kc_purse_release(purse, next);
}

struct kc_result kc_purse_check_unchanged(const struct kc_purse *purse,
                                          const struct kc_purse_state *next)
{
    struct kc_result result = kc_purse_check_settled(purse);
    bool same = !kc_failed(result) && next->counter == next->renew_counter;
    return kc_result(same ? KC_OK : KC_PENDING);
}

struct kc_result kc_purse_put_certificates(struct kc_purse *purse, struct kc_view sign,
                                           struct kc_view encrypt)
{
    uint64_t set = kc_purse_other_set(purse);
    struct kc_result result =
        kc_purse_static_put(purse, kc_purse_static_place(KC_STATIC_SIGN_CERTIFICATE, set), sign);
    return kc_failed(result)
               ? result
               : kc_purse_static_put(
                     purse, kc_purse_static_place(KC_STATIC_ENCRYPT_CERTIFICATE, set), encrypt);
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
    next.renewing = true;
    next.handover = KC_HANDOVER_NONE;
    return kc_failed(result)
               ? result
               : kc_purse_ask_keys(purse, &next, &request.information, request.time_ms,
                                   &kc_renew_request_shape, &request);
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
    if (!kc_failed(result) && next->open.count > 0) {
        result = kc_purse_static_put(purse, KC_STATIC_FORMER_IDENTITY, next->identity);
    }
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
    (void)plain;
    if (!next->renewing || !kc_purse_answers(reply->request, next->renew_request) ||
        reply->purse.number != purse->settings.purse.number) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = kc_purse_check_unchanged(purse, next);
    if (!kc_failed(result)) {
        result = check_reply(purse, reply);
    }
    if (!kc_failed(result)) {
        result =
            kc_purse_put_certificates(purse, reply->sign_certificate, reply->encrypt_certificate);
    }
    return kc_failed(result) ? result : kc_purse_change_over(purse, next, reply->identity);
}
