/* The hotlist: purses that the bank put out of use, as far as room allows, told by the bank or passed on by another purse. Two
 * places, written in turn: one that a power cut left torn does not count, and the list before it stands in the other.
 *
 * Place: size (4), the list as the bank signed it, SHA-256 over these cut to 8 bytes. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define CHECK_SIZE 8u
#define HEAD 4u
#define NUMBER_SIZE_MAX 10u /* of 64 bits, 7 a byte */

static size_t place_at(unsigned place)
{
    KC_ASSERT(place < KC_HOTLIST_COUNT);
    return KC_NVM_HOTLISTS_AT + (size_t)place * KC_HOTLIST_ROOM;
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
    if (size == 0 || size > KC_HOTLIST_SIZE_MAX) {
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

static struct kc_result decode(struct kc_hotlist *out, struct kc_signed *parsed,
                               struct kc_view bytes)
{
    struct kc_result result = kc_signed_parse(parsed, bytes);
    return kc_failed(result) ? result : kc_shape_decode(out, &kc_hotlist_shape, parsed->payload);
}

struct kc_result kc_purse_hotlist_load(struct kc_purse *purse)
{
    purse->hotlist_version = 0;
    purse->hotlist_place = 0;
    for (unsigned place = 0; place < KC_HOTLIST_COUNT; place++) {
        struct kc_view bytes;
        struct kc_signed parsed;
        struct kc_hotlist list;
        struct kc_result result = read_place(&bytes, purse, place);
        if (kc_failed(result) && result.code != KC_NOT_FOUND) {
            return result;
        }
        if (!kc_failed(result) && !kc_failed(decode(&list, &parsed, bytes)) &&
            list.version > purse->hotlist_version) {
            purse->hotlist_version = list.version;
            purse->hotlist_place = place;
        }
    }
    return kc_ok();
}

struct kc_result kc_purse_hotlist_get(struct kc_view *out, struct kc_purse *purse)
{
    /* When the list was damaged since the power-up, the one before it still tells something. */
    for (unsigned tries = 0; tries < KC_HOTLIST_COUNT && purse->hotlist_version > 0; tries++) {
        struct kc_result result = read_place(out, purse, purse->hotlist_place);
        if (result.code != KC_NOT_FOUND) {
            return result;
        }
        result = kc_purse_hotlist_load(purse);
        if (kc_failed(result)) {
            return result;
        }
    }
    return kc_result(KC_NOT_FOUND);
}

/* ---- the numbers: each as the difference to the one before, lowest 7 bits first ---- */

/* Reads the next number of the list. KC_MALFORMED: it is not greater than the one before, not in its shortest form, or cut. */
static struct kc_result next_number(uint64_t *number, size_t *at, struct kc_view listed)
{
    uint64_t step = 0;
    for (size_t i = 0; i < NUMBER_SIZE_MAX && *at < listed.size; i++) {
        uint8_t byte = listed.data[(*at)++];
        bool fits = i < NUMBER_SIZE_MAX - 1 || byte <= 1;
        step |= (uint64_t)(byte & 0x7fu) << (7 * i);
        if ((byte & 0x80u) != 0 && fits) {
            continue;
        }
        if (!fits || byte == 0 || step > UINT64_MAX - *number) {
            return kc_result(KC_MALFORMED);
        }
        *number += step;
        return kc_ok();
    }
    return kc_result(KC_MALFORMED);
}

static struct kc_result check_numbers(const struct kc_hotlist *list)
{
    uint64_t number = 0;
    uint64_t count = 0;
    size_t at = 0;
    while (at < list->listed.size) {
        struct kc_result result = next_number(&number, &at, list->listed);
        if (kc_failed(result)) {
            return result;
        }
        count++;
    }
    return kc_result(count == list->count ? KC_OK : KC_MALFORMED);
}

bool kc_purse_is_listed(struct kc_purse *purse, struct kc_purse_id number)
{
    struct kc_view bytes;
    struct kc_signed parsed;
    struct kc_hotlist list;
    uint64_t listed = 0;
    size_t at = 0;
    if (kc_failed(kc_purse_hotlist_get(&bytes, purse)) ||
        kc_failed(decode(&list, &parsed, bytes))) {
        return false;
    }
    while (at < list.listed.size && listed < number.number) {
        if (kc_failed(next_number(&listed, &at, list.listed))) {
            return false;
        }
    }
    return listed != 0 && listed == number.number;
}

/* ---- TAKE HOTLIST ---- */

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

/* It comes from anybody, so everything in it is the bank's signed word or refused. */
static struct kc_result verify(struct kc_hotlist *out, struct kc_purse *purse, struct kc_view bytes)
{
    struct kc_signed parsed;
    if (bytes.size > KC_HOTLIST_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_purse_verify_bank(purse, &parsed, kc_hotlist_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(out, &kc_hotlist_shape, parsed.payload);
    }
    if (!kc_failed(result) && out->bank != purse->settings.bank) {
        result = kc_result(KC_WRONG_DOMAIN);
    }
    return kc_failed(result) ? result : check_numbers(out);
}

struct kc_result kc_purse_take_hotlist(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_hotlist list;
    struct kc_result result = verify(&list, purse, apdu->data);
    if (kc_failed(result)) {
        return result;
    }
    if (list.version <= purse->hotlist_version) {
        return kc_result(KC_STALE_STATE);
    }
    unsigned place = purse->hotlist_version == 0 ? 0 : purse->hotlist_place ^ 1u;
    result = write_place(purse, place, apdu->data);
    if (!kc_failed(result)) {
        purse->hotlist_version = list.version;
        purse->hotlist_place = place;
    }
    return result;
}
