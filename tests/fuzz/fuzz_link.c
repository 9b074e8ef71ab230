/* Does a serial line ever yield a frame with two forms, or one that nobody sent? */
#include <string.h>

#include "fuzz.h"
#include "link/frame.h"

#define FLAG 0x7eu

/* What stood between the last two flags, flags included, to compare with the frame found there. */
struct wire {
    uint8_t bytes[KC_LINK_STUFFED_MAX];
    size_t size;
};

static void seed_frame(uint8_t *out, size_t *size, enum kc_link_kind_of_frame kind,
                       struct kc_view payload)
{
    struct kc_buffer buffer = {.data = out + *size, .capacity = KC_FUZZ_SIZE_MAX - *size};
    const struct kc_link_frame frame = {.kind = kind,
                                        .sequence = 0x11,
                                        .acknowledged = 0x7d,
                                        .session = 0x7e137d11,
                                        .payload = payload};
    KC_FUZZ_CHECK(!kc_failed(kc_link_frame_write(&buffer, &frame)));
    *size += buffer.size;
}

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    static uint8_t payload[KC_LINK_PAYLOAD_MAX];
    size_t size = 0;
    memset(payload, index % 2 == 0 ? 'a' : 0x7e, sizeof payload);
    switch (index) {
    case 0:
        seed_frame(out, &size, KC_LINK_HELLO, kc_view(NULL, 0));
        seed_frame(out, &size, KC_LINK_ACK, kc_view(NULL, 0));
        seed_frame(out, &size, KC_LINK_DATA, kc_view(payload, 40));
        seed_frame(out, &size, KC_LINK_BYE, kc_view(NULL, 0));
        return size;
    case 1:
        seed_frame(out, &size, KC_LINK_DATA, kc_view(payload, 300));
        return size;
    case 2:
        seed_frame(out, &size, KC_LINK_DATA,
                   kc_view(payload, 4000)); /* half of the driver's room */
        return size;
    default:
        return 0;
    }
}

static void keep(struct wire *wire, uint8_t byte)
{
    if (byte == FLAG && wire->size == 1) {
        wire->size = 0; /* two flags in a row */
    }
    if (wire->size < sizeof wire->bytes) {
        wire->bytes[wire->size++] = byte;
    }
}

/* A frame has one form: writing it again gives what stood on the line. */
static void check_form(const struct kc_link_frame *frame, const struct wire *wire)
{
    static uint8_t again[KC_LINK_STUFFED_MAX];
    struct kc_buffer buffer = KC_BUFFER(again);
    KC_FUZZ_CHECK(!kc_failed(kc_link_frame_write(&buffer, frame)));
    KC_FUZZ_CHECK(kc_view_equal(kc_buffer_view(&buffer), kc_view(wire->bytes, wire->size)));
}

static void read_line(const uint8_t *data, size_t size)
{
    static struct kc_link_decoder decoder;
    static struct wire wire;
    kc_link_decoder_init(&decoder);
    wire.bytes[0] = FLAG; /* a line begins as if a flag had just come */
    wire.size = 1;
    for (size_t i = 0; i < size; i++) {
        struct kc_link_frame frame;
        keep(&wire, data[i]);
        enum kc_link_found found = kc_link_decoder_take(&frame, &decoder, data[i]);
        KC_FUZZ_CHECK(decoder.size <= sizeof decoder.bytes);
        if (found == KC_LINK_FOUND_FRAME) {
            kc_fuzz_accepted++;
            KC_FUZZ_CHECK(frame.payload.size <= KC_LINK_PAYLOAD_MAX);
            check_form(&frame, &wire);
        }
        if (data[i] == FLAG) {
            wire.bytes[0] = FLAG;
            wire.size = 1;
        }
    }
}

/* The input as a payload: whatever it holds, it comes out as it went in, and nothing else does. */
static void carry(const uint8_t *data, size_t size)
{
    static uint8_t line[KC_LINK_STUFFED_MAX];
    static struct kc_link_decoder decoder;
    struct kc_buffer buffer = KC_BUFFER(line);
    const struct kc_link_frame sent = {.kind = KC_LINK_DATA,
                                       .sequence = data[0],
                                       .acknowledged = data[size - 1],
                                       .session = (uint32_t)size * 0x01010101u,
                                       .payload = kc_view(data, size)};
    size_t frames = 0;
    KC_FUZZ_CHECK(!kc_failed(kc_link_frame_write(&buffer, &sent)));
    kc_link_decoder_init(&decoder);
    for (size_t i = 0; i < buffer.size; i++) {
        struct kc_link_frame got;
        if (kc_link_decoder_take(&got, &decoder, line[i]) == KC_LINK_FOUND_FRAME) {
            frames++;
            KC_FUZZ_CHECK(kc_view_equal(got.payload, sent.payload));
            KC_FUZZ_CHECK(got.sequence == sent.sequence && got.session == sent.session);
            KC_FUZZ_CHECK(got.acknowledged == sent.acknowledged && got.kind == sent.kind);
        }
    }
    KC_FUZZ_CHECK(frames == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_line(data, size);
    if (size > 0 && size <= KC_LINK_PAYLOAD_MAX) {
        carry(data, size);
    }
    return 0;
}
