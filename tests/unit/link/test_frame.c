/* Does a line that loses, damages, repeats or adds bytes ever yield a frame nobody sent, and does a frame have one form? */
#include "line.h"

static uint8_t stuffed[KC_LINK_STUFFED_MAX];
static struct kc_link_decoder decoder;

static size_t write_frame(enum kc_link_kind_of_frame kind, struct kc_view payload)
{
    struct kc_buffer out = KC_BUFFER(stuffed);
    const struct kc_link_frame frame = {.kind = kind,
                                        .sequence = 0x7e,
                                        .acknowledged = 0x7d,
                                        .session = 0x11131f00,
                                        .payload = payload};
    assert_int_equal(kc_link_frame_write(&out, &frame).code, KC_OK);
    return out.size;
}

/* Counts what the decoder finds; the last frame stays in *frame. */
static size_t found[4];

static size_t take(struct kc_link_frame *frame, const uint8_t *bytes, size_t size)
{
    memset(found, 0, sizeof found);
    for (size_t i = 0; i < size; i++) {
        struct kc_link_frame one;
        enum kc_link_found what = kc_link_decoder_take(&one, &decoder, bytes[i]);
        found[what]++;
        if (what == KC_LINK_FOUND_FRAME) {
            *frame = one;
        }
    }
    return found[KC_LINK_FOUND_FRAME];
}

/* shows: R-NODE-10 */
static void test_every_size_and_every_byte(void **state)
{
    static uint8_t payload[KC_LINK_PAYLOAD_MAX];
    struct kc_link_frame frame;
    (void)state;
    kc_link_decoder_init(&decoder);
    for (unsigned byte = 0; byte < 256; byte++) {
        memset(payload, (int)byte, sizeof payload);
        for (size_t size = 1; size <= sizeof payload; size = size < 4 ? size + 1 : size * 4) {
            size_t wire = write_frame(KC_LINK_DATA, kc_view(payload, size));
            assert_int_equal(take(&frame, stuffed, wire), 1);
            assert_int_equal(frame.kind, KC_LINK_DATA);
            assert_int_equal(frame.sequence, 0x7e);
            assert_int_equal(frame.acknowledged, 0x7d);
            assert_int_equal(frame.session, 0x11131f00);
            assert_true(kc_view_equal(frame.payload, kc_view(payload, size)));
            for (size_t i = 1; i + 1 < wire; i++) {
                assert_true(stuffed[i] != 0x7e && stuffed[i] != 0x11 && stuffed[i] != 0x13);
            }
        }
    }
}

/* The published check value of CRC-32 (ITU-T V.42): over "123456789" it is cbf43926. */
static void test_the_checksum_is_the_usual_one(void **state)
{
    /* ACK, sequence 0, acknowledged 0, session 0: its CRC was computed by another program. */
    static const uint8_t known[] = {0x7e, 0x04, 0, 0, 0, 0, 0, 0, 0x69, 0x23, 0xfb, 0x6d, 0x7e};
    struct kc_buffer out = KC_BUFFER(stuffed);
    const struct kc_link_frame frame = {.kind = KC_LINK_ACK};
    (void)state;
    assert_int_equal(kc_link_frame_write(&out, &frame).code, KC_OK);
    assert_int_equal(out.size, sizeof known);
    assert_memory_equal(out.data, known, sizeof known);
}

static void check_others(const uint8_t *bytes, size_t size, struct kc_view payload)
{
    struct kc_link_frame frame;
    kc_link_decoder_init(&decoder);
    size_t frames = take(&frame, bytes, size);
    assert_true(frames <= 1);
    if (frames == 1) {
        assert_int_equal(frame.kind, KC_LINK_DATA);
        assert_true(kc_view_equal(frame.payload, payload));
    }
    /* Whatever it was, the next frame is found; its first flag may also end the one before. */
    size_t wire = write_frame(KC_LINK_BYE, kc_view(NULL, 0));
    assert_in_range(take(&frame, stuffed, wire), 1, 2 - frames);
    assert_int_equal(frame.kind, KC_LINK_BYE);
}

static void test_one_fault_at_every_byte(void **state)
{
    static const uint8_t payload[] = {1, 0x7e, 2, 0x7d, 0x11, 0x13, 0x5e, 0x5d, 0, 0xff, 0x20};
    uint8_t sent[64];
    uint8_t faulty[66];
    (void)state;
    size_t size = write_frame(KC_LINK_DATA, kc_view(payload, sizeof payload));
    assert_true(size < sizeof sent);
    memcpy(sent, stuffed, size);
    for (size_t at = 0; at < size; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            memcpy(faulty, sent, size);
            faulty[at] ^= (uint8_t)flip;
            check_others(faulty, size, kc_view(payload, sizeof payload));
            memcpy(faulty, sent, at);
            faulty[at] = (uint8_t)flip; /* one more byte */
            memcpy(faulty + at + 1, sent + at, size - at);
            check_others(faulty, size + 1, kc_view(payload, sizeof payload));
        }
        memcpy(faulty, sent, at);
        memcpy(faulty + at, sent + at + 1, size - at - 1); /* one less */
        check_others(faulty, size - 1, kc_view(payload, sizeof payload));
        memcpy(faulty, sent, at + 1);
        memcpy(faulty + at + 1, sent + at, size - at); /* one twice */
        check_others(faulty, size + 1, kc_view(payload, sizeof payload));
        check_others(sent, at, kc_view(payload, sizeof payload)); /* the end is missing */
    }
}

/* A body between flags with its right checksum, as a partner that talks another dialect would send it. */
static size_t take_body(const uint8_t *body, size_t size, bool stuffing)
{
    struct kc_link_frame frame;
    uint8_t line[128] = {0x7e};
    size_t at = 1;
    for (size_t i = 0; i < size; i++) {
        if (stuffing &&
            (body[i] == 0x7e || body[i] == 0x7d || body[i] == 0x11 || body[i] == 0x13)) {
            line[at++] = 0x7d;
            line[at++] = body[i] ^ 0x20;
        } else {
            line[at++] = body[i];
        }
    }
    line[at++] = 0x7e;
    kc_link_decoder_init(&decoder);
    return take(&frame, line, at);
}

static void test_other_forms_are_damage(void **state)
{
    /* The frame of test_the_checksum_is_the_usual_one, with 04 escaped although it need not be. */
    static const uint8_t escaped[] = {0x7e, 0x7d, 0x24, 0,    0,    0,    0,
                                      0,    0,    0x69, 0x23, 0xfb, 0x6d, 0x7e};
    static const uint8_t unknown_kind[] = {9, 0, 0, 0, 0, 0, 0, 0x08, 0xf4, 0x9a, 0xad};
    static const uint8_t short_one[] = {4, 0, 0, 0, 0};
    static const uint8_t payload_on_ack[] = {4, 0, 0, 0, 0, 0, 0, 1, 0x96, 0x6f, 0xe1, 0x05};
    static const uint8_t empty_data[] = {3, 0, 0, 0, 0, 0, 0, 0xac, 0x84, 0xc5, 0xe3};
    struct kc_link_frame frame;
    (void)state;
    kc_link_decoder_init(&decoder);
    assert_int_equal(take(&frame, escaped, sizeof escaped), 0);
    assert_int_equal(found[KC_LINK_FOUND_DAMAGE], 1);
    assert_int_equal(take_body(unknown_kind, sizeof unknown_kind, true), 0);
    assert_int_equal(take_body(short_one, sizeof short_one, true), 0);
    assert_int_equal(take_body(payload_on_ack, sizeof payload_on_ack, true), 0);
    assert_int_equal(take_body(empty_data, sizeof empty_data, true), 0);
    assert_int_equal(take_body(empty_data, 0, true), 0);
    assert_int_equal(found[KC_LINK_FOUND_DAMAGE], 0);
}

static void test_a_frame_that_never_ends(void **state)
{
    struct kc_link_frame frame;
    static uint8_t noise[10 * KC_LINK_FRAME_MAX];
    (void)state;
    memset(noise, 'a', sizeof noise);
    kc_link_decoder_init(&decoder);
    assert_int_equal(take(&frame, noise, KC_LINK_FRAME_MAX), 0);
    assert_int_equal(found[KC_LINK_FOUND_OVERLONG], 0);
    assert_int_equal(take(&frame, noise, sizeof noise), 0);
    assert_in_range(found[KC_LINK_FOUND_OVERLONG], 9, 10);
    size_t wire = write_frame(KC_LINK_ACK, kc_view(NULL, 0));
    assert_int_equal(take(&frame, stuffed, wire), 1);
    assert_int_equal(found[KC_LINK_FOUND_DAMAGE], 0);
}

static void test_no_room(void **state)
{
    uint8_t small[23];
    struct kc_buffer out = KC_BUFFER(small);
    const struct kc_link_frame frame = {.kind = KC_LINK_HELLO};
    (void)state;
    assert_int_equal(kc_link_frame_write(&out, &frame).code, KC_BUFFER_SMALL);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_and_every_byte),
        cmocka_unit_test(test_the_checksum_is_the_usual_one),
        cmocka_unit_test(test_one_fault_at_every_byte),
        cmocka_unit_test(test_other_forms_are_damage),
        cmocka_unit_test(test_a_frame_that_never_ends),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
