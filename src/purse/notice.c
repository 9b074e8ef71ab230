/* The authority's newest keys, as the bank tells of them. Two places, written in turn: a notice that a power cut left torn does
 * not count, and the one before it stands in the other.
 *
 *  1. In force is the newest whole notice: its issuing certificate, and its keys for what goes to the authority and comes from
 *     it.
 *  2. A notice is taken when the bank's key verifies it and its number is higher than that of the one in force.
 *  3. A claim-reply names keys of the authority, too. Of the two the bank's later word counts: a notice that was taken after the
 *     claim-reply, else the claim-reply.
 *
 * The places are those of places.c. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

static struct kc_place place_of(unsigned place)
{
    KC_ASSERT(place < KC_NOTICE_COUNT);
    return (struct kc_place){KC_NVM_NOTICES_AT + (size_t)place * KC_NOTICE_ROOM,
                             KC_NOTICE_SIZE_MAX};
}

struct kc_result kc_purse_notices_load(struct kc_purse *purse)
{
    purse->notice_number = 0;
    purse->notice_place = 0;
    for (unsigned place = 0; place < KC_NOTICE_COUNT; place++) {
        struct kc_view bytes;
        struct kc_noticed_keys notice;
        struct kc_signed parsed;
        struct kc_result result = kc_purse_place_read(&bytes, purse, place_of(place));
        if (kc_failed(result) && result.code != KC_NOT_FOUND) {
            return result;
        }
        if (!kc_failed(result) && !kc_failed(kc_notice_read(&notice, &parsed, bytes)) &&
            notice.number > purse->notice_number) {
            purse->notice_number = notice.number;
            purse->notice_place = place;
        }
    }
    return kc_ok();
}

struct kc_result kc_purse_notice_get(struct kc_view *out, struct kc_noticed_keys *notice,
                                     struct kc_purse *purse)
{
    struct kc_signed parsed;
    if (purse->notice_number == 0) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result = kc_purse_place_read(out, purse, place_of(purse->notice_place));
    return kc_failed(result) ? result : kc_notice_read(notice, &parsed, *out);
}

/* ---- TAKE NOTICE ---- */

/* It comes from anybody, so all of it is the bank's signed word or refused. */
static struct kc_result verify(struct kc_noticed_keys *out, const struct kc_purse *purse,
                               struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_notice_read(out, &parsed, bytes);
    if (!kc_failed(result) && out->number <= purse->notice_number) {
        return kc_result(KC_STALE_STATE);
    }
    if (!kc_failed(result)) {
        result = kc_purse_verify_bank(purse, &parsed, kc_authority_notice_shape.domain);
    }
    return !kc_failed(result) && out->bank != purse->realm.bank ? kc_result(KC_WRONG_DOMAIN)
                                                                : result;
}

struct kc_result kc_purse_take_notice(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_noticed_keys notice;
    struct kc_result result = verify(&notice, purse, apdu->data);
    if (kc_failed(result)) {
        return result;
    }
    unsigned place = purse->notice_number == 0 ? 0 : purse->notice_place ^ 1u;
    result = kc_purse_place_write(purse, place_of(place), apdu->data);
    if (!kc_failed(result)) {
        purse->notice_number = notice.number;
        purse->notice_place = place;
    }
    return result;
}
