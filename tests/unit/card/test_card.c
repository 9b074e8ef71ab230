/* Does the card keep to the virtual reader's protocol, whatever the reader sends, and forget all without power? */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "card/card.h"
#include "crypto/bearssl.h"

static const uint8_t select_purse[] = {0x00, 0xa4, 0x04, 0x00, 0x09, 0xf0, 'K',
                                       'C',  'P',  'U',  'R',  'S',  'E',  0x01};
static const uint8_t get_info[] = {0x00, 0xca, KC_TAG_INFO, 0x00, 0x00};

/* ---- the decoder ---- */

static enum kc_vpcd_event take(struct kc_vpcd_decoder *decoder, const uint8_t *bytes, size_t size,
                               size_t step)
{
    enum kc_vpcd_event event = KC_VPCD_NOTHING;
    for (size_t at = 0; at < size; at += step) {
        struct kc_view view = kc_view(bytes + at, step < size - at ? step : size - at);
        while (view.size > 0) {
            assert_int_equal(event, KC_VPCD_NOTHING);
            event = kc_vpcd_take(decoder, &view);
        }
    }
    return event;
}

/* shows: R-NODE-10 */
static void every_frame_is_read_in_any_pieces(void **state)
{
    static struct kc_vpcd_decoder decoder;
    static const struct {
        uint8_t bytes[8];
        size_t size;
        enum kc_vpcd_event event;
    } rows[] = {
        {{0, 1, 0}, 3, KC_VPCD_POWER_OFF},
        {{0, 1, 1}, 3, KC_VPCD_POWER_ON},
        {{0, 1, 2}, 3, KC_VPCD_RESET},
        {{0, 1, 4}, 3, KC_VPCD_ASK_ATR},
        {{0, 1, 3}, 3, KC_VPCD_UNKNOWN},
        {{0, 1, 255}, 3, KC_VPCD_UNKNOWN},
        {{0, 0}, 2, KC_VPCD_UNKNOWN},
        {{0, 2, 1, 1}, 4, KC_VPCD_COMMAND},
        {{0, 5, 0, 0xca, 12, 0, 0}, 7, KC_VPCD_COMMAND},
    };
    (void)state;
    for (size_t step = 1; step < 8; step++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            assert_int_equal(take(&decoder, rows[i].bytes, rows[i].size, step), rows[i].event);
            if (rows[i].event == KC_VPCD_COMMAND) {
                assert_int_equal(decoder.size, rows[i].size - 2);
                assert_memory_equal(decoder.frame, rows[i].bytes + 2, decoder.size);
            }
        }
    }
}

static void a_frame_as_large_as_can_be_named_is_passed_over(void **state)
{
    static struct kc_vpcd_decoder decoder;
    static uint8_t bytes[2 + 65535];
    (void)state;
    for (size_t size = KC_COMMAND_SIZE_MAX - 1; size <= 65535; size += 7919) {
        bytes[0] = (uint8_t)(size >> 8);
        bytes[1] = (uint8_t)size;
        memset(bytes + 2, 0x5a, size);
        assert_int_equal(take(&decoder, bytes, 2 + size, 1021),
                         size <= KC_COMMAND_SIZE_MAX ? KC_VPCD_COMMAND : KC_VPCD_TOO_LARGE);
        const uint8_t next[] = {0, 1, 4};
        assert_int_equal(take(&decoder, next, sizeof next, 3), KC_VPCD_ASK_ATR);
    }
}

static void any_bytes_are_some_frames(void **state)
{
    static struct kc_vpcd_decoder decoder;
    uint32_t dice = 1;
    uint8_t bytes[333];
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            dice = dice * 1664525u + 1013904223u;
            bytes[i] = (uint8_t)(dice >> 24 & (round % 3 == 0 ? 3u : 255u));
        }
        struct kc_view view = kc_view(bytes, sizeof bytes);
        while (view.size > 0) {
            size_t before = view.size;
            if (kc_vpcd_take(&decoder, &view) == KC_VPCD_NOTHING) {
                assert_int_equal(view.size, 0);
            }
            assert_true(view.size < before);
        }
    }
}

/* As ISO 7816-3 wants it: T=1 alone, historical bytes as many as said, and the check byte right. */
static void the_atr_is_well_formed(void **state)
{
    struct kc_view atr = kc_vpcd_atr();
    uint8_t check = 0;
    (void)state;
    assert_int_equal(atr.data[0], 0x3b);
    assert_int_equal(atr.data[1] >> 4, 8);
    assert_int_equal(atr.data[2], 0x01);
    assert_int_equal(atr.size, 3 + (atr.data[1] & 15u) + 1);
    for (size_t i = 1; i < atr.size; i++) {
        check ^= atr.data[i];
    }
    assert_int_equal(check, 0);
}

/* ---- a card and its reader ---- */

static struct kc_crypto crypto;
static struct kc_bearssl crypto_state;
static struct kc_card card;
static char path[64];
static int reader;
static int far_end;
static pthread_t thread;
static struct kc_result ended;

static void *serve(void *context)
{
    (void)context;
    ended = kc_card_serve(&card, far_end);
    (void)shutdown(far_end, SHUT_RDWR);
    return NULL;
}

static void begin(enum kc_card_removal removal, uint64_t at)
{
    int ends[2];
    (void)snprintf(path, sizeof path, "/tmp/kc-card-%ld", (long)getpid());
    (void)unlink(path);
    assert_int_equal(kc_bearssl_open_system(&crypto, &crypto_state).code, KC_OK);
    assert_int_equal(kc_file_purse_create(path).code, KC_OK);
    memset(&card, 0, sizeof card);
    assert_int_equal(kc_file_purse_open(&card.file, &card.port, path, &crypto).code, KC_OK);
    card.removal = removal;
    card.removal_at = at;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    reader = ends[0];
    far_end = ends[1];
    assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void end(enum kc_error error)
{
    (void)close(reader);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(ended.code, error);
    assert_false(card.powered);
    (void)close(far_end);
    kc_file_purse_close(card.file);
    (void)unlink(path);
}

static void put(const uint8_t *content, size_t size)
{
    static uint8_t frame[2 + 65535];
    frame[0] = (uint8_t)(size >> 8);
    frame[1] = (uint8_t)size;
    memcpy(frame + 2, content, size);
    assert_int_equal(send(reader, frame, 2 + size, MSG_NOSIGNAL), (ssize_t)(2 + size));
}

static void control(uint8_t byte)
{
    put(&byte, 1);
}

/* The next answer; -1 when the card is gone. */
static int get(uint8_t *out, size_t capacity)
{
    uint8_t head[2];
    if (recv(reader, head, 2, MSG_WAITALL) != 2) {
        return -1;
    }
    size_t size = (size_t)head[0] << 8 | head[1];
    assert_true(size <= capacity);
    assert_int_equal(recv(reader, out, size, MSG_WAITALL), (ssize_t)size);
    return (int)size;
}

static unsigned status_of(const uint8_t *command, size_t size)
{
    uint8_t answer[512];
    put(command, size);
    int got = get(answer, sizeof answer);
    assert_true(got >= 2);
    return (unsigned)answer[got - 2] << 8 | answer[got - 1];
}

static void power_ends_what_was_selected(void **state)
{
    const uint8_t offs[] = {0, 2};
    (void)state;
    begin(KC_REMOVE_NEVER, 0);
    assert_int_equal(status_of(select_purse, sizeof select_purse), 0x6985);
    for (size_t i = 0; i < sizeof offs; i++) {
        control(1);
        assert_int_equal(status_of(get_info, sizeof get_info), 0x6985);
        assert_int_equal(status_of(select_purse, sizeof select_purse), 0x9000);
        assert_int_equal(status_of(get_info, sizeof get_info), 0x9000);
        control(offs[i]);
        assert_int_equal(status_of(get_info, sizeof get_info), 0x6985);
    }
    /* What a reset began has power. */
    assert_int_equal(status_of(select_purse, sizeof select_purse), 0x9000);
    end(KC_UNREACHABLE);
}

static void nonsense_is_answered_or_passed_over(void **state)
{
    static uint8_t large[65535];
    uint8_t answer[64];
    const uint8_t nothing = 0;
    (void)state;
    begin(KC_REMOVE_NEVER, 0);
    control(1);
    control(3);
    control(200);
    put(&nothing, 0);
    assert_int_equal(status_of(large, sizeof large), 0x6700);
    assert_int_equal(status_of(large, 2), 0x6700);
    assert_int_equal(status_of(large, KC_COMMAND_SIZE_MAX), 0x6700);
    control(4);
    assert_int_equal(get(answer, sizeof answer), (int)kc_vpcd_atr().size);
    assert_memory_equal(answer, kc_vpcd_atr().data, kc_vpcd_atr().size);
    assert_int_equal(status_of(select_purse, sizeof select_purse), 0x9000);
    /* Half a frame, and the reader goes away. */
    assert_int_equal(send(reader, "\0", 1, MSG_NOSIGNAL), 1);
    end(KC_UNREACHABLE);
}

static void it_can_be_taken_out_at_a_command(void **state)
{
    uint8_t answer[512];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin(i == 0 ? KC_REMOVE_BEFORE_COMMAND : KC_REMOVE_BEFORE_ANSWER, 2);
        control(1);
        assert_int_equal(status_of(select_purse, sizeof select_purse), 0x9000);
        put(get_info, sizeof get_info);
        assert_int_equal(get(answer, sizeof answer), -1);
        end(KC_CARD_REMOVED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_is_read_in_any_pieces),
        cmocka_unit_test(a_frame_as_large_as_can_be_named_is_passed_over),
        cmocka_unit_test(any_bytes_are_some_frames),
        cmocka_unit_test(the_atr_is_well_formed),
        cmocka_unit_test(power_ends_what_was_selected),
        cmocka_unit_test(nonsense_is_answered_or_passed_over),
        cmocka_unit_test(it_can_be_taken_out_at_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
