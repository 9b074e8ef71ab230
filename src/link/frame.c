#include "link/frame.h"

#include <string.h>
#include <zlib.h>

#include "base/assert.h"

#define FLAG 0x7eu
#define ESCAPE 0x7du
#define FLIP 0x20u
#define XON 0x11u
#define XOFF 0x13u

static bool must_escape(uint8_t byte)
{
    return byte == FLAG || byte == ESCAPE || byte == XON || byte == XOFF;
}

static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    return (uint32_t)crc32(crc32(0, NULL, 0), bytes, (uInt)size);
}

/* ---- writing ---- */

static void put(struct kc_buffer *out, uint8_t byte)
{
    if (must_escape(byte)) {
        out->data[out->size++] = ESCAPE;
        byte ^= FLIP;
    }
    out->data[out->size++] = byte;
}

struct kc_result kc_link_frame_write(struct kc_buffer *out, const struct kc_link_frame *frame)
{
    uint8_t plain[KC_LINK_FRAME_MAX];
    size_t size = KC_LINK_HEAD_SIZE;
    KC_ASSERT(frame->payload.size <= KC_LINK_PAYLOAD_MAX);
    KC_ASSERT((frame->kind == KC_LINK_DATA) == (frame->payload.size > 0));
    plain[0] = (uint8_t)frame->kind;
    plain[1] = frame->sequence;
    plain[2] = frame->acknowledged;
    kc_be32_store(plain + 3, frame->session);
    if (frame->payload.size > 0) {
        memcpy(plain + size, frame->payload.data, frame->payload.size);
        size += frame->payload.size;
    }
    kc_be32_store(plain + size, checksum(plain, size));
    size += KC_LINK_CRC_SIZE;
    if (out->capacity - out->size < 2 * size + 2) {
        return kc_result(KC_BUFFER_SMALL);
    }
    out->data[out->size++] = FLAG;
    for (size_t i = 0; i < size; i++) {
        put(out, plain[i]);
    }
    out->data[out->size++] = FLAG;
    return kc_ok();
}

/* ---- reading ---- */

void kc_link_decoder_init(struct kc_link_decoder *decoder)
{
    decoder->size = 0;
    decoder->escaped = false;
    decoder->spoiled = false;
    decoder->overlong = false;
}

static bool read_frame(struct kc_link_frame *frame, const struct kc_link_decoder *decoder)
{
    const uint8_t *bytes = decoder->bytes;
    if (decoder->size < KC_LINK_HEAD_SIZE + KC_LINK_CRC_SIZE) {
        return false;
    }
    size_t size = decoder->size - KC_LINK_CRC_SIZE;
    if (kc_be32_load(bytes + size) != checksum(bytes, size) || bytes[0] < KC_LINK_HELLO ||
        bytes[0] > KC_LINK_BYE) {
        return false;
    }
    *frame = (struct kc_link_frame){
        .kind = (enum kc_link_kind_of_frame)bytes[0],
        .sequence = bytes[1],
        .acknowledged = bytes[2],
        .session = kc_be32_load(bytes + 3),
        .payload = kc_view(bytes + KC_LINK_HEAD_SIZE, size - KC_LINK_HEAD_SIZE),
    };
    return (frame->kind == KC_LINK_DATA) == (frame->payload.size > 0);
}

/* A flag ends what came before it and begins the next frame. Two flags in a row, or an end already told, are nothing. */
static enum kc_link_found take_flag(struct kc_link_frame *frame, struct kc_link_decoder *decoder)
{
    bool empty = decoder->size == 0 && !decoder->escaped && !decoder->spoiled;
    bool told = decoder->overlong;
    bool good = !decoder->spoiled && !decoder->escaped && read_frame(frame, decoder);
    kc_link_decoder_init(decoder);
    if (good) {
        return KC_LINK_FOUND_FRAME;
    }
    return empty || told ? KC_LINK_FOUND_NOTHING : KC_LINK_FOUND_DAMAGE;
}

static enum kc_link_found keep(struct kc_link_decoder *decoder, uint8_t byte)
{
    KC_ASSERT(decoder->size <= KC_LINK_FRAME_MAX);
    if (decoder->size == KC_LINK_FRAME_MAX) {
        decoder->size = 0;
        decoder->spoiled = true;
        decoder->overlong = true;
        return KC_LINK_FOUND_OVERLONG;
    }
    decoder->bytes[decoder->size++] = byte;
    return KC_LINK_FOUND_NOTHING;
}

enum kc_link_found kc_link_decoder_take(struct kc_link_frame *frame,
                                        struct kc_link_decoder *decoder, uint8_t byte)
{
    if (byte == FLAG) {
        return take_flag(frame, decoder);
    }
    if (decoder->escaped) {
        decoder->escaped = false;
        byte ^= FLIP;
        decoder->spoiled = decoder->spoiled || !must_escape(byte);
    } else if (byte == ESCAPE) {
        decoder->escaped = true;
        return KC_LINK_FOUND_NOTHING;
    } else if (must_escape(byte)) {
        decoder->spoiled = true;
    }
    return keep(decoder, byte);
}
