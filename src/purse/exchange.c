/* Who stands at the other end: the opening of an exchange, and partners' identities (EP1221669 Fig 16, Sb1 to Sb3). */
#include <string.h>

#include "base/assert.h"
#include "message/identity.h"
#include "purse/inside.h"

static bool is_expired(uint64_t expires_s, uint64_t time_ms)
{
    return time_ms / 1000 >= expires_s;
}

static struct kc_result open_identity(struct kc_partner *out, struct kc_purse *purse,
                                      struct kc_account_id account, struct kc_purse_id number,
                                      struct kc_view bytes, uint64_t time_ms)
{
    struct kc_identity identity;
    struct kc_result result = kc_purse_open_identity(&identity, purse, bytes, time_ms);
    if (kc_failed(result)) {
        return result;
    }
    if (identity.account.number != account.number || identity.purse.number != number.number) {
        return kc_result(KC_MISMATCH);
    }
    if (kc_purse_is_bearer(purse) && identity.purse_type == KC_PURSE_TYPE_CARD) {
        /* It takes nothing from a card like this, and says so by no decline: a payment would be open for ever. */
        return kc_result(KC_NOT_ALLOWED);
    }
    *out = (struct kc_partner){.account = identity.account,
                               .purse = identity.purse,
                               .issued_s = identity.issued_s,
                               .expires_s = identity.expires_s,
                               .key = identity.key};
    memcpy(out->secret, identity.secret, sizeof out->secret);
    kc_wipe(identity.secret, sizeof identity.secret);
    return kc_ok();
}

struct kc_result kc_purse_meet(struct kc_partner *out, struct kc_purse *purse,
                               struct kc_account_id account, struct kc_purse_id number,
                               bool has_identity, struct kc_view identity, uint64_t time_ms)
{
    if (number.number == purse->settings.purse.number) {
        return kc_result(KC_NOT_ALLOWED);
    }
    if (!has_identity) {
        struct kc_result result = kc_purse_partner_find(out, purse, account, number);
        /* An identity that ran out may have been renewed, so it is asked for before anything is refused. */
        bool known = !kc_failed(result) && !is_expired(out->expires_s, time_ms);
        return kc_result(known ? KC_OK : KC_IDENTITY_NEEDED);
    }
    struct kc_result result = open_identity(out, purse, account, number, identity, time_ms);
    if (!kc_failed(result) && is_expired(out->expires_s, time_ms)) {
        result = kc_result(KC_IDENTITY_EXPIRED);
    }
    struct kc_partner kept;
    if (!kc_failed(result) && out->key.type != KC_KEY_NONE &&
        !kc_failed(kc_purse_partner_find(&kept, purse, account, number)) &&
        kept.issued_s > out->issued_s) {
        /* Its keys were renewed, and this purse saw the new identity: the old one is never taken again. */
        result = kc_result(KC_KEY_RENEWED);
    }
    return result;
}

struct kc_result kc_purse_verify_partner(struct kc_purse *purse, const struct kc_signed *parsed,
                                         const struct kc_public_key *key,
                                         const struct kc_shape *shape)
{
    KC_ASSERT(shape->brief && shape->domain != NULL);
    return kc_brief_verify(parsed, &purse->crypto, key, &purse->realm, shape->domain);
}

/* With the secret of a card's own SGN3. */
static struct kc_result mark_record(struct kc_buffer *out, struct kc_purse *purse,
                                    const char *domain, struct kc_view plain)
{
    struct kc_signed parsed;
    struct kc_identity own;
    if (kc_failed(kc_brief_parse(&parsed, purse->state.identity)) ||
        kc_failed(kc_identity_decode(&own, parsed.payload))) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    struct kc_result result =
        kc_brief_mac(out, &purse->crypto, own.secret, &purse->realm, domain, plain);
    kc_wipe(own.secret, sizeof own.secret);
    return result;
}

struct kc_result kc_purse_sign_record(struct kc_buffer *out, struct kc_purse *purse,
                                      const struct kc_shape *shape, const void *record)
{
    uint8_t plain_bytes[KC_ENTRY_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    KC_ASSERT(shape->brief && shape->domain != NULL);
    struct kc_result result = kc_shape_encode(&plain, shape, record);
    if (!kc_failed(result) && kc_purse_is_bearer(purse)) {
        return mark_record(out, purse, shape->domain, kc_buffer_view(&plain));
    }
    return kc_failed(result) ? result
                             : kc_sign_brief(out, &purse->crypto, &purse->sign_key, &purse->realm,
                                             shape->domain, kc_buffer_view(&plain));
}

static struct kc_result respond_shape(struct kc_purse *purse, const struct kc_shape *shape,
                                      const void *message)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    struct kc_result result = kc_shape_encode(&out, shape, message);
    purse->output_size = out.size;
    return result;
}

struct kc_result kc_purse_identify(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_identify identify = {.bank = purse->settings.bank,
                                   .account = purse->settings.account,
                                   .purse = purse->settings.purse,
                                   .hotlist = purse->hotlist.version,
                                   .full = apdu->p1 == 1,
                                   .roll = purse->roll_number,
                                   .hotlist_base = purse->hotlist.base};
    if (apdu->p1 > 1 || apdu->data.size != 0) {
        return kc_result(KC_MALFORMED);
    }
    return respond_shape(purse, &kc_identify_shape, &identify);
}

/* The amount asked for; none when it is zero. It has to fit the purse. */
static struct kc_result read_asked(struct kc_payee_identity *out, const struct kc_purse *purse,
                                   struct kc_view data)
{
    struct kc_amount sum;
    struct kc_result result = kc_amount_from_minor(&out->asked, kc_be64_load(data.data));
    if (!kc_failed(result)) {
        result = kc_amount_add(&sum, purse->state.value, out->asked);
    }
    out->has_asked = !kc_failed(result) && !kc_amount_is_zero(out->asked);
    return kc_result(kc_failed(result) ? KC_AMOUNT_TOO_LARGE : KC_OK);
}

/* Sb2. Nothing changes: what is offered holds as long as the counter stands. */
struct kc_result kc_purse_offer(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_identify identify;
    struct kc_partner payer;
    struct kc_payee_identity offer = {.account = purse->settings.account,
                                      .purse = purse->settings.purse,
                                      .counter = purse->state.counter + 1,
                                      .hotlist = purse->hotlist.version,
                                      .most = kc_purse_take_most(purse, purse->state.stamp_ms),
                                      .roll = purse->roll_number,
                                      .hotlist_base = purse->hotlist.base};
    if (apdu->data.size < 8) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_view rest = kc_view(apdu->data.data + 8, apdu->data.size - 8);
    struct kc_result result = kc_shape_decode(&identify, &kc_identify_shape, rest);
    if (!kc_failed(result)) {
        result = read_asked(&offer, purse, apdu->data);
    }
    if (!kc_failed(result) && identify.bank != purse->settings.bank) {
        result = kc_result(KC_WRONG_DOMAIN);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_purse_meet(&payer, purse, identify.account, identify.purse, false, kc_view(NULL, 0),
                           purse->state.stamp_ms);
    if (kc_failed(result) && result.code != KC_IDENTITY_NEEDED) {
        return result;
    }
    offer.knows = !kc_failed(result);
    offer.has_identity = identify.full || !offer.knows ||
                         kc_purse_partner_lacks(purse, identify.account, identify.purse);
    offer.identity = purse->state.identity;
    return respond_shape(purse, &kc_payee_identity_shape, &offer);
}
