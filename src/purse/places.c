/* A place for one thing that somebody signed: size (4), the bytes as they were signed, SHA-256 over these cut to 8 bytes. What a
 * power cut left torn does not count, so whoever has two places and writes the one of which nothing is in force has what was, or
 * what came. */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define HEAD 4u

_Static_assert(HEAD + KC_CHECK_SIZE == KC_PLACE_EXTRA, "the room around what is signed");

void kc_purse_check(uint8_t out[KC_CHECK_SIZE], const struct kc_purse *purse, struct kc_view bytes)
{
    uint8_t digest[KC_DIGEST_SIZE];
    kc_digest(&purse->crypto, digest, bytes);
    memcpy(out, digest, KC_CHECK_SIZE);
}

struct kc_result kc_purse_place_read(struct kc_view *out, struct kc_purse *purse,
                                     struct kc_place place)
{
    uint8_t check[KC_CHECK_SIZE];
    uint8_t *bytes = purse->scratch;
    KC_ASSERT(place.max + KC_PLACE_EXTRA <= sizeof purse->scratch);
    struct kc_result result = kc_purse_nvm_read(purse, place.at, bytes, HEAD);
    if (kc_failed(result)) {
        return result;
    }
    size_t size = kc_be32_load(bytes);
    if (size == 0 || size > place.max) {
        return kc_result(KC_NOT_FOUND);
    }
    result = kc_purse_nvm_read(purse, place.at + HEAD, bytes + HEAD, size + KC_CHECK_SIZE);
    if (kc_failed(result)) {
        return result;
    }
    kc_purse_check(check, purse, kc_view(bytes, HEAD + size));
    *out = kc_view(bytes + HEAD, size);
    return kc_result(memcmp(check, bytes + HEAD + size, KC_CHECK_SIZE) == 0 ? KC_OK : KC_NOT_FOUND);
}

struct kc_result kc_purse_place_write(struct kc_purse *purse, struct kc_place place,
                                      struct kc_view bytes)
{
    uint8_t *out = purse->scratch;
    KC_ASSERT(place.max + KC_PLACE_EXTRA <= sizeof purse->scratch);
    if (bytes.size == 0 || bytes.size > place.max) {
        return kc_result(KC_TOO_LARGE);
    }
    kc_be32_store(out, (uint32_t)bytes.size);
    memcpy(out + HEAD, bytes.data, bytes.size);
    kc_purse_check(out + HEAD + bytes.size, purse, kc_view(out, HEAD + bytes.size));
    struct kc_result result =
        kc_purse_nvm_write(purse, place.at, out, HEAD + bytes.size + KC_CHECK_SIZE);
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}
