#include "card/vpcd.h"

#include <string.h>

#include "base/assert.h"

/* The check byte at the end is the XOR of all but the first (ISO 7816-3 §8.2.5). */
static const uint8_t atr[] = {0x3b, 0x88, 0x01, 0x80, 0x73, 0x80, 0x01, 0xc0, 0x52, 'K', 'C', 0x61};

static enum kc_vpcd_event control(uint8_t byte)
{
    static const enum kc_vpcd_event events[] = {KC_VPCD_POWER_OFF, KC_VPCD_POWER_ON, KC_VPCD_RESET,
                                                KC_VPCD_UNKNOWN, KC_VPCD_ASK_ATR};
    return byte < sizeof events / sizeof events[0] ? events[byte] : KC_VPCD_UNKNOWN;
}

static enum kc_vpcd_event finish(struct kc_vpcd_decoder *decoder)
{
    decoder->head_size = 0;
    decoder->seen = 0;
    if (decoder->size <= 1) {
        return decoder->size == 0 ? KC_VPCD_UNKNOWN : control(decoder->frame[0]);
    }
    return decoder->size > sizeof decoder->frame ? KC_VPCD_TOO_LARGE : KC_VPCD_COMMAND;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void cut(struct kc_view *bytes, size_t size)
{
    bytes->data += size;
    bytes->size -= size;
}

enum kc_vpcd_event kc_vpcd_take(struct kc_vpcd_decoder *decoder, struct kc_view *bytes)
{
    while (decoder->head_size < KC_VPCD_HEAD_SIZE) {
        if (bytes->size == 0) {
            return KC_VPCD_NOTHING;
        }
        decoder->head[decoder->head_size++] = bytes->data[0];
        cut(bytes, 1);
    }
    decoder->size = (size_t)decoder->head[0] << 8 | decoder->head[1];
    KC_ASSERT(decoder->seen <= decoder->size);
    size_t now = least(decoder->size - decoder->seen, bytes->size);
    size_t kept = decoder->seen < sizeof decoder->frame
                      ? least(now, sizeof decoder->frame - decoder->seen)
                      : 0;
    if (kept > 0) {
        memcpy(decoder->frame + decoder->seen, bytes->data, kept);
    }
    decoder->seen += now;
    if (now > 0) {
        cut(bytes, now);
    }
    return decoder->seen < decoder->size ? KC_VPCD_NOTHING : finish(decoder);
}

struct kc_view kc_vpcd_atr(void)
{
    return kc_view(atr, sizeof atr);
}
