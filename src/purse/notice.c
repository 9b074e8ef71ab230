/* The authority's newest keys, as the bank tells of them. Two places, written in turn: a notice that a power cut left torn does
 * not count, and the one before it stands in the other.
 *
 *  1. In force is the newest whole notice by a key of the bank that counts: its issuing certificate, and its keys for what goes
 *     to the authority and comes from it. When a roll-over ends the key that signed it, it counts as not there, whatever its
 *     number: the bank tells the same under its new key, and what a thief of the old one told blocks nothing.
 *  2. A notice is taken when the bank's key verifies it and its number is higher than that of the one in force.
 *  3. A claim-reply names keys of the authority, too. Of the two the bank's later word counts. A notice's number is the bank's
 *     clock: one that was made before the claim-reply and comes after it changes nothing (handover.c).
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
    memset(purse->notices, 0, sizeof purse->notices);
    for (unsigned place = 0; place < KC_NOTICE_COUNT; place++) {
        struct kc_view bytes;
        struct kc_noticed_keys notice;
        struct kc_signed parsed;
        struct kc_result result = kc_purse_place_read(&bytes, purse, place_of(place));
        if (kc_failed(result) && result.code != KC_NOT_FOUND) {
            return result;
        }
        if (!kc_failed(result) && !kc_failed(kc_notice_read(&notice, &parsed, bytes))) {
            purse->notices[place] =
                (struct kc_purse_notice){.number = notice.number, .signer = parsed.signer};
        }
    }
    return kc_ok();
}

/* Where the one in force stands; KC_NOTICE_COUNT when there is none. */
static unsigned find_newest(const struct kc_purse *purse)
{
    unsigned newest = KC_NOTICE_COUNT;
    for (unsigned place = 0; place < KC_NOTICE_COUNT; place++) {
        const struct kc_purse_notice *notice = &purse->notices[place];
        bool newer = notice->number > 0 &&
                     (newest == KC_NOTICE_COUNT || notice->number > purse->notices[newest].number);
        if (newer && kc_purse_is_bank_key(purse, &notice->signer)) {
            newest = place;
        }
    }
    return newest;
}

uint64_t kc_purse_notice_number(const struct kc_purse *purse)
{
    unsigned newest = find_newest(purse);
    return newest == KC_NOTICE_COUNT ? 0 : purse->notices[newest].number;
}

struct kc_result kc_purse_notice_get(struct kc_view *out, struct kc_noticed_keys *notice,
                                     struct kc_purse *purse)
{
    struct kc_signed parsed;
    unsigned newest = find_newest(purse);
    if (newest == KC_NOTICE_COUNT) {
        return kc_result(KC_NOT_FOUND);
    }
    struct kc_result result = kc_purse_place_read(out, purse, place_of(newest));
    return kc_failed(result) ? result : kc_notice_read(notice, &parsed, *out);
}

/* ---- TAKE NOTICE ---- */

/* It comes from anybody, so all of it is the bank's signed word or refused. The key that it says it is signed with must be the
 * one that verifies it: by that it counts later on. */
static struct kc_result verify(struct kc_noticed_keys *out, struct kc_signed *parsed,
                               const struct kc_purse *purse, struct kc_view bytes)
{
    struct kc_result result = kc_notice_read(out, parsed, bytes);
    if (!kc_failed(result) && out->number <= kc_purse_notice_number(purse)) {
        return kc_result(KC_STALE_STATE);
    }
    if (!kc_failed(result)) {
        result = kc_purse_verify_bank(purse, parsed, kc_authority_notice_shape.domain);
    }
    if (!kc_failed(result) && !kc_purse_is_bank_key(purse, &parsed->signer)) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    return !kc_failed(result) && out->bank != purse->realm.bank ? kc_result(KC_WRONG_DOMAIN)
                                                                : result;
}

struct kc_result kc_purse_take_notice(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_noticed_keys notice;
    struct kc_signed parsed;
    struct kc_result result = verify(&notice, &parsed, purse, apdu->data);
    if (kc_failed(result)) {
        return result;
    }
    unsigned newest = find_newest(purse);
    unsigned place = newest == KC_NOTICE_COUNT ? 0 : newest ^ 1u;
    purse->notices[place].number = 0;
    result = kc_purse_place_write(purse, place_of(place), apdu->data);
    if (!kc_failed(result)) {
        purse->notices[place] =
            (struct kc_purse_notice){.number = notice.number, .signer = parsed.signer};
    }
    return result;
}
