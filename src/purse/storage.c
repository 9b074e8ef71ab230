/* Storage: two images written in turn, two marks that say which one was finished, static items.
 *
 * A commit writes image n into the room n mod 2, syncs, writes mark n, syncs. So at power-up:
 *   image n whole, mark n whole           state n
 *   image n whole, mark n-1               cut before the mark: state n, and the mark is written again
 *   image n torn,  mark n-1               cut in the image: state n-1
 *   image n torn,  mark n                 the finished image was damaged later: purse-corrupt, never state n-1
 * What a torn image left behind is wiped then: the next attempt's image has the same number, and what of that arrives before the
 * power goes again must not make the older one whole, whose entry the log does not have any more.
 * What an image counts on in the log was synced before the image was begun (log.c). */
#include <string.h>

#include "base/assert.h"
#include "purse/inside.h"

#define IMAGE_MAGIC UINT32_C(0x4b434931) /* "KCI1" */
#define MARK_MAGIC UINT32_C(0x4b434d31)  /* "KCM1" */
#define IMAGE_HEAD 16u /* magic, size, sequence; then the content, then its digest */

static size_t image_at(unsigned room)
{
    return KC_NVM_IMAGES_AT + (size_t)room * KC_NVM_IMAGE_ROOM;
}

static size_t mark_at(unsigned room)
{
    return KC_NVM_MARKS_AT + (size_t)room * KC_NVM_MARK_SIZE;
}

/* Whether a write that failed got through, and what could not be read, is known only at the next power-up. Until then nothing
 * more may leave, nor be written. */
static struct kc_result lock_on_failure(struct kc_purse *purse, struct kc_result result)
{
    purse->locked = purse->locked || kc_failed(result);
    return result;
}

struct kc_result kc_purse_nvm_read(struct kc_purse *purse, size_t at, uint8_t *out, size_t size)
{
    KC_ASSERT(at + size <= KC_NVM_SIZE);
    return lock_on_failure(purse, purse->nvm.read(purse->nvm.context, at, out, size));
}

struct kc_result kc_purse_nvm_write(struct kc_purse *purse, size_t at, const uint8_t *data,
                                    size_t size)
{
    KC_ASSERT(at + size <= KC_NVM_SIZE);
    if (purse->locked) {
        return kc_result(KC_IO_FAILED);
    }
    return lock_on_failure(purse, purse->nvm.write(purse->nvm.context, at, data, size));
}

struct kc_result kc_purse_nvm_sync(struct kc_purse *purse)
{
    if (purse->locked) {
        return kc_result(KC_IO_FAILED);
    }
    return lock_on_failure(purse, purse->nvm.sync(purse->nvm.context));
}

/* ---- marks ---- */

static struct kc_result write_mark(struct kc_purse *purse, uint64_t sequence)
{
    uint8_t mark[KC_NVM_MARK_SIZE];
    uint8_t digest[KC_DIGEST_SIZE];
    kc_be32_store(mark, MARK_MAGIC);
    kc_be64_store(mark + 4, sequence);
    kc_digest(&purse->crypto, digest, kc_view(mark, 12));
    memcpy(mark + 12, digest, KC_NVM_MARK_SIZE - 12);
    struct kc_result result =
        kc_purse_nvm_write(purse, mark_at((unsigned)(sequence % 2)), mark, sizeof mark);
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}

/* *sequence is that of a whole mark, else 0. */
static struct kc_result read_mark(uint64_t *sequence, struct kc_purse *purse, unsigned room)
{
    uint8_t mark[KC_NVM_MARK_SIZE];
    uint8_t digest[KC_DIGEST_SIZE];
    *sequence = 0;
    struct kc_result result = kc_purse_nvm_read(purse, mark_at(room), mark, sizeof mark);
    if (kc_failed(result) || kc_be32_load(mark) != MARK_MAGIC) {
        return result;
    }
    kc_digest(&purse->crypto, digest, kc_view(mark, 12));
    if (memcmp(digest, mark + 12, KC_NVM_MARK_SIZE - 12) == 0) {
        *sequence = kc_be64_load(mark + 4);
    }
    return kc_ok();
}

/* ---- images ---- */

static void image_digest(uint8_t out[KC_DIGEST_SIZE], struct kc_purse *purse,
                         const uint8_t head[IMAGE_HEAD], struct kc_view content)
{
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = &purse->crypto;
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(head, IMAGE_HEAD));
    crypto->sha256_add(crypto->context, &hash, content);
    crypto->sha256_end(crypto->context, &hash, out);
}

static struct kc_result write_image(struct kc_purse *purse, uint64_t sequence,
                                    struct kc_view content)
{
    uint8_t head[IMAGE_HEAD];
    uint8_t digest[KC_DIGEST_SIZE];
    size_t at = image_at((unsigned)(sequence % 2));
    kc_be32_store(head, IMAGE_MAGIC);
    kc_be32_store(head + 4, (uint32_t)content.size);
    kc_be64_store(head + 8, sequence);
    image_digest(digest, purse, head, content);
    struct kc_result result = kc_purse_nvm_write(purse, at, head, sizeof head);
    if (!kc_failed(result)) {
        result = kc_purse_nvm_write(purse, at + IMAGE_HEAD, content.data, content.size);
    }
    if (!kc_failed(result)) {
        result = kc_purse_nvm_write(purse, at + IMAGE_HEAD + content.size, digest, sizeof digest);
    }
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}

/* What stands in a room of an image and in the mark of the same parity; sequence 0 for what is not whole. */
struct room {
    uint64_t sequence;
    size_t size;
    uint64_t mark;
};

static struct kc_result read_image(struct room *out, struct kc_purse *purse, unsigned room)
{
    uint8_t head[IMAGE_HEAD];
    uint8_t stored[KC_DIGEST_SIZE];
    uint8_t digest[KC_DIGEST_SIZE];
    size_t at = image_at(room);
    struct kc_result result = kc_purse_nvm_read(purse, at, head, sizeof head);
    if (kc_failed(result)) {
        return result;
    }
    size_t size = kc_be32_load(head + 4);
    if (kc_be32_load(head) != IMAGE_MAGIC || size > KC_IMAGE_SIZE_MAX) {
        return kc_ok();
    }
    result = kc_purse_nvm_read(purse, at + IMAGE_HEAD, purse->images[room], size);
    if (!kc_failed(result)) {
        result = kc_purse_nvm_read(purse, at + IMAGE_HEAD + size, stored, sizeof stored);
    }
    if (kc_failed(result)) {
        return result;
    }
    image_digest(digest, purse, head, kc_view(purse->images[room], size));
    if (kc_purse_outcome(kc_equal_secret(digest, stored, KC_DIGEST_SIZE))) {
        out->sequence = kc_be64_load(head + 8);
        out->size = size;
    }
    return kc_ok();
}

/* Reads an image into its buffer, and its mark. What cannot be read is not the same as what is not there: KC_IO_FAILED. */
static struct kc_result read_room(struct room *out, struct kc_purse *purse, unsigned room)
{
    *out = (struct room){.sequence = 0};
    struct kc_result result = read_image(out, purse, room);
    return kc_failed(result) ? result : read_mark(&out->mark, purse, room);
}

/* Decodes the image of a room; everything else in the purse that hangs on the state follows. */
static struct kc_result adopt(struct kc_purse *purse, unsigned room, size_t size)
{
    struct kc_view content = kc_view(purse->images[room], size);
    struct kc_result result = kc_shape_decode(&purse->state, &kc_purse_state_shape, content);
    purse->live = room;
    if (!kc_failed(result) && purse->state.key_set > 1) {
        result = kc_result(KC_PURSE_CORRUPT);
    }
    if (!kc_failed(result) && purse->state.settings.size > 0) {
        result = kc_shape_decode(&purse->settings, &kc_purse_settings_shape, purse->state.settings);
        if (!kc_failed(result) && purse->settings.currency.size == 3) {
            char currency[4] = {0};
            memcpy(currency, purse->settings.currency.data, 3);
            result = kc_realm_set(&purse->realm, purse->settings.bank, currency);
        }
    }
    if (!kc_failed(result) && purse->state.certified.size > 0) {
        struct kc_signed parsed;
        result = kc_signed_parse(&parsed, purse->state.certified);
        if (!kc_failed(result)) {
            result = kc_shape_decode(&purse->certified, &kc_certified_shape, parsed.payload);
        }
    }
    return kc_failed(result) ? kc_result(KC_PURSE_CORRUPT) : result;
}

struct kc_result kc_purse_commit(struct kc_purse *purse, const struct kc_purse_state *next)
{
    unsigned room = purse->live ^ 1u;
    uint64_t sequence = purse->image_sequence + 1;
    struct kc_buffer buffer = {.data = purse->images[room], .capacity = KC_IMAGE_SIZE_MAX};
    KC_ASSERT(sequence % 2 == room);
    struct kc_result result = kc_shape_encode(&buffer, &kc_purse_state_shape, next);
    if (!kc_failed(result)) {
        result = write_image(purse, sequence, kc_buffer_view(&buffer));
    }
    if (!kc_failed(result)) {
        result = write_mark(purse, sequence);
    }
    if (kc_failed(result)) {
        return result;
    }
    purse->image_sequence = sequence;
    return lock_on_failure(purse, adopt(purse, room, buffer.size));
}

/* The state of a purse that was never written. */
static void set_blank(struct kc_purse *purse)
{
    memset(&purse->state, 0, sizeof purse->state);
    purse->state.life = KC_LIFE_BLANK;
    purse->state.suite = KC_SUITE_ES256;
    purse->state.handover = KC_HANDOVER_NONE;
    purse->image_sequence = 0;
    purse->live = 0;
}

/* True when nothing but the very first image was ever begun: both marks and the room of image 2 are untouched. */
static bool is_untouched(struct kc_purse *purse)
{
    uint8_t bytes[2 * KC_NVM_MARK_SIZE + IMAGE_HEAD];
    uint8_t any = 0;
    if (kc_failed(kc_purse_nvm_read(purse, KC_NVM_MARKS_AT, bytes, 2 * KC_NVM_MARK_SIZE)) ||
        kc_failed(
            kc_purse_nvm_read(purse, image_at(0), bytes + 2 * KC_NVM_MARK_SIZE, IMAGE_HEAD))) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* One past the last byte of a room that is not zero. */
static struct kc_result find_end(size_t *end, struct kc_purse *purse, unsigned room)
{
    uint8_t bytes[64];
    *end = 0;
    for (size_t at = 0; at < KC_NVM_IMAGE_ROOM; at += sizeof bytes) {
        size_t left = KC_NVM_IMAGE_ROOM - at;
        size_t size = left < sizeof bytes ? left : sizeof bytes;
        struct kc_result result = kc_purse_nvm_read(purse, image_at(room) + at, bytes, size);
        if (kc_failed(result)) {
            return result;
        }
        for (size_t i = 0; i < size; i++) {
            *end = bytes[i] == 0 ? *end : at + i + 1;
        }
    }
    return kc_ok();
}

static struct kc_result wipe_torn(struct kc_purse *purse, unsigned room)
{
    size_t end = 0;
    struct kc_result result = find_end(&end, purse, room);
    memset(purse->images[room], 0, sizeof purse->images[room]);
    for (size_t at = 0; at < end && !kc_failed(result);) {
        size_t left = end - at;
        size_t size = left < KC_IMAGE_SIZE_MAX ? left : KC_IMAGE_SIZE_MAX;
        result = kc_purse_nvm_write(purse, image_at(room) + at, purse->images[room], size);
        at += size;
    }
    return kc_failed(result) || end == 0 ? result : kc_purse_nvm_sync(purse);
}

struct kc_result kc_purse_load(struct kc_purse *purse)
{
    struct room rooms[2];
    for (unsigned i = 0; i < 2; i++) {
        struct kc_result read = read_room(&rooms[i], purse, i);
        if (kc_failed(read)) {
            return read;
        }
    }
    unsigned newer = rooms[0].sequence > rooms[1].sequence ? 0u : 1u;
    uint64_t newest = rooms[newer].sequence;
    uint64_t mark = rooms[0].mark > rooms[1].mark ? rooms[0].mark : rooms[1].mark;
    if (newest == 0 && mark == 0) {
        if (!is_untouched(purse)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        set_blank(purse);
        return kc_ok();
    }
    if (newest < mark || newest > mark + 1 || newest % 2 != newer) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    purse->image_sequence = newest;
    struct kc_result result = adopt(purse, newer, rooms[newer].size);
    if (!kc_failed(result) && newest > mark) {
        result = write_mark(purse, newest);
    }
    if (!kc_failed(result) && rooms[newer ^ 1u].sequence == 0) {
        result = wipe_torn(purse, newer ^ 1u);
    }
    if (!kc_failed(result)) {
        result = kc_purse_load_keys(purse);
    }
    if (!kc_failed(result)) {
        result = kc_purse_hotlist_load(purse);
    }
    if (!kc_failed(result)) {
        result = kc_purse_notices_load(purse);
    }
    return kc_failed(result) ? result : kc_purse_check_log(purse);
}

/* ---- static items: size (4), content, SHA-256 cut to 8 bytes ---- */

unsigned kc_purse_static_place(unsigned item, uint64_t key_set)
{
    static const unsigned own[KC_STATIC_OWN_COUNT] = {KC_STATIC_SIGN_KEY, KC_STATIC_ENCRYPT_KEY,
                                                      KC_STATIC_SIGN_CERTIFICATE,
                                                      KC_STATIC_ENCRYPT_CERTIFICATE};
    for (unsigned i = 0; key_set != 0 && i < KC_STATIC_OWN_COUNT; i++) {
        if (own[i] == item) {
            return KC_STATIC_COUNT + i;
        }
    }
    return item;
}

static size_t static_at(unsigned place)
{
    KC_ASSERT(place < KC_STATIC_PLACES);
    if (place >= KC_STATIC_NEXT_KEYS) {
        return KC_NVM_NEXT_AT + (size_t)(place - KC_STATIC_NEXT_KEYS) * KC_STATIC_ROOM;
    }
    return place < KC_STATIC_COUNT
               ? KC_NVM_STATIC_AT + (size_t)place * KC_STATIC_ROOM
               : KC_NVM_SECOND_AT + (size_t)(place - KC_STATIC_COUNT) * KC_STATIC_ROOM;
}

struct kc_result kc_purse_static_put(struct kc_purse *purse, unsigned place, struct kc_view content)
{
    uint8_t head[4];
    uint8_t digest[KC_DIGEST_SIZE];
    size_t at = static_at(place);
    if (content.size == 0 || content.size > KC_STATIC_ROOM - 12) {
        return kc_result(KC_TOO_LARGE);
    }
    kc_be32_store(head, (uint32_t)content.size);
    kc_digest(&purse->crypto, digest, content);
    struct kc_result result = kc_purse_nvm_write(purse, at, head, sizeof head);
    if (!kc_failed(result)) {
        result = kc_purse_nvm_write(purse, at + 4, content.data, content.size);
    }
    if (!kc_failed(result)) {
        result = kc_purse_nvm_write(purse, at + 4 + content.size, digest, 8);
    }
    return kc_failed(result) ? result : kc_purse_nvm_sync(purse);
}

/* While personalising, an item that a power cut left torn counts as not written: it is put again. */
static struct kc_result torn(const struct kc_purse *purse)
{
    bool early = purse->state.life == KC_LIFE_BLANK || purse->state.life == KC_LIFE_PERSONALISING;
    return kc_result(early ? KC_NOT_FOUND : KC_PURSE_CORRUPT);
}

struct kc_result kc_purse_static_get(struct kc_view *out, struct kc_purse *purse, unsigned place)
{
    uint8_t head[4];
    uint8_t stored[8];
    uint8_t digest[KC_DIGEST_SIZE];
    size_t at = static_at(place);
    struct kc_result result = kc_purse_nvm_read(purse, at, head, sizeof head);
    if (kc_failed(result)) {
        return result;
    }
    size_t size = kc_be32_load(head);
    if (size == 0 || size > KC_STATIC_ROOM - 12) {
        return kc_result(KC_NOT_FOUND);
    }
    result = kc_purse_nvm_read(purse, at + 4, purse->scratch, size);
    if (!kc_failed(result)) {
        result = kc_purse_nvm_read(purse, at + 4 + size, stored, sizeof stored);
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(&purse->crypto, digest, kc_view(purse->scratch, size));
    *out = kc_view(purse->scratch, size);
    return kc_purse_outcome(kc_equal_secret(stored, digest, sizeof stored)) ? kc_ok() : torn(purse);
}

struct kc_result kc_purse_static_digest(uint8_t out[KC_DIGEST_SIZE], struct kc_purse *purse,
                                        uint64_t key_set)
{
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = &purse->crypto;
    struct kc_result result = kc_ok();
    crypto->sha256_start(crypto->context, &hash);
    for (unsigned item = 0; item < KC_STATIC_COUNT && !kc_failed(result); item++) {
        struct kc_view content;
        bool own = item == KC_STATIC_SIGN_KEY || item == KC_STATIC_ENCRYPT_KEY ||
                   item == KC_STATIC_SIGN_CERTIFICATE || item == KC_STATIC_ENCRYPT_CERTIFICATE;
        if (own && kc_purse_is_bearer(purse)) {
            continue;
        }
        result = kc_purse_static_get(&content, purse, kc_purse_static_place(item, key_set));
        if (!kc_failed(result)) {
            uint8_t size[4];
            kc_be32_store(size, (uint32_t)content.size);
            crypto->sha256_add(crypto->context, &hash, kc_view(size, sizeof size));
            crypto->sha256_add(crypto->context, &hash, content);
        }
    }
    crypto->sha256_end(crypto->context, &hash, out);
    kc_wipe(purse->scratch, sizeof purse->scratch);
    return result;
}
