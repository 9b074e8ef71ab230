/* The authority's newest keys, as the bank tells of them. Two places, written in turn: a notice that a power cut left torn does
 * not count, and the one before it stands in the other.
 *
 *  1. In force is the newest whole notice: its issuing certificate, and its keys for what goes to the authority and comes from
 *     it.
 *  2. A notice is taken when the bank's key verifies it and its number is higher than that of the one in force.
 *  3. A claim-reply names keys of the authority, too. Of the two the bank's later word counts: a notice that was taken after the
 *     claim-reply, else the claim-reply.
 *
 * Place: size (4), the notice as the bank signed it, SHA-256 over these cut to 8 bytes. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define CHECK_SIZE 8u
#define HEAD 4u

static size_t place_at(unsigned place)
{
    KC_ASSERT(place < KC_NOTICE_COUNT);
    return KC_NVM_NOTICES_AT + (size_t)place * KC_NOTICE_ROOM;
}

static void check_of(uint8_t out[CHECK_SIZE], const struct kc_purse *purse, struct kc_view bytes)
{
    uint8_t digest[KC_DIGEST_SIZE];
    kc_digest(&purse->crypto, digest, bytes);
    memcpy(out, digest, CHECK_SIZE);
}

/* Reads a place into purse->scratch. KC_NOT_FOUND when nothing whole is there. */
static struct kc_result read_place(struct kc_view *out, struct kc_purse *purse, unsigned place)
{
    uint8_t check[CHECK_SIZE];
    uint8_t *bytes = purse->scratch;
    struct kc_result result = kc_purse_nvm_read(purse, place_at(place), bytes, HEAD);
    if (kc_failed(result)) {
        return result;
    }
    size_t size = kc_be32_load(bytes);
    if (size == 0 || size > KC_NOTICE_SIZE_MAX) {
        return kc_result(KC_NOT_FOUND);
    }
    result = kc_purse_nvm_read(purse, place_at(place) + HEAD, bytes + HEAD, size + CHECK_SIZE);
    if (kc_failed(result)) {
        return result;
    }
    check_of(check, purse, kc_view(bytes, HEAD + size));
    *out = kc_view(bytes + HEAD, size);
    return kc_result(memcmp(check, bytes + HEAD + size, CHECK_SIZE) == 0 ? KC_OK : KC_NOT_FOUND);
}

struct kc_result kc_purse_notices_load(struct kc_purse *purse)
{
    purse->notice_number = 0;
    purse->notice_place = 0;
    for (unsigned place = 0; place < KC_NOTICE_COUNT; place++) {
        struct kc_view bytes;
        struct kc_noticed_keys notice;
        struct kc_signed parsed;
        struct kc_result result = read_place(&bytes, purse, place);
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
    struct kc_result result = read_place(out, purse, purse->notice_place);
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

static struct kc_result write_place(struct kc_purse *purse, unsigned place, struct kc_view bytes)
{
    uint8_t *out = purse->scratch;
    kc_be32_store(out, (uint32_t)bytes.size);
    memcpy(out + HEAD, bytes.data, bytes.size);
    check_of(out + HEAD + bytes.size, purse, kc_view(out, HEAD + bytes.size));
    struct kc_result result =
        kc_purse_nvm_write(purse, place_at(place), out, HEAD + bytes.size + CHECK_SIZE);
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}

struct kc_result kc_purse_take_notice(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_noticed_keys notice;
    struct kc_result result = verify(&notice, purse, apdu->data);
    if (kc_failed(result)) {
        return result;
    }
    unsigned place = purse->notice_number == 0 ? 0 : purse->notice_place ^ 1u;
    result = write_place(purse, place, apdu->data);
    if (!kc_failed(result)) {
        purse->notice_number = notice.number;
        purse->notice_place = place;
    }
    return result;
}
