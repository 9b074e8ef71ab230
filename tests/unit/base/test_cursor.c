/* Does the reader take exactly what the writer makes: one encoding for one content, whole, and nothing after it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"

static const uint64_t edges[] = {0,
                                 1,
                                 10,
                                 23,
                                 24,
                                 25,
                                 100,
                                 255,
                                 256,
                                 1000,
                                 65535,
                                 65536,
                                 1000000,
                                 UINT32_MAX,
                                 UINT64_C(1) << 32,
                                 UINT64_C(1000000000000),
                                 UINT64_MAX};
#define EDGE_COUNT (sizeof edges / sizeof edges[0])

enum { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, MAJOR_COUNT };

/* Reads one item head of a major type the way callers do. */
static uint64_t read_as(struct kc_reader *reader, unsigned major)
{
    switch (major) {
    case UINT:
        return kc_read_uint(reader);
    case NEGATIVE:
        return kc_read_negative(reader);
    case BYTES:
        return kc_read_bytes(reader).size;
    case TEXT:
        return kc_read_text(reader).size;
    case ARRAY:
        return kc_read_array(reader);
    default:
        return kc_read_map(reader);
    }
}

/* A head with its argument in `width` bytes (0: in the first byte), shortest or not. */
static size_t put_head(uint8_t *out, unsigned major, uint64_t argument, size_t width)
{
    static const uint8_t infos[] = {[1] = 24, [2] = 25, [4] = 26, [8] = 27};
    out[0] = (uint8_t)(major << 5 | (width == 0 ? (unsigned)argument : infos[width]));
    for (size_t i = 0; i < width; i++) {
        out[1 + i] = (uint8_t)(argument >> (8 * (width - 1 - i)));
    }
    return 1 + width;
}

static void examples_of_the_standard(void **state)
{
    /* RFC 8949 appendix A. */
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t size;
    } cases[] = {
        {0, "\x00", 1},
        {23, "\x17", 1},
        {24, "\x18\x18", 2},
        {100, "\x18\x64", 2},
        {1000, "\x19\x03\xe8", 3},
        {1000000, "\x1a\x00\x0f\x42\x40", 5},
        {UINT64_C(1000000000000), "\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00", 9},
        {UINT64_MAX, "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t out[16];
        struct kc_writer writer;
        struct kc_reader reader;
        kc_writer_init(&writer, out, sizeof out);
        kc_write_uint(&writer, cases[i].value);
        assert_int_equal(writer.size, cases[i].size);
        assert_memory_equal(out, cases[i].bytes, cases[i].size);
        assert_int_equal(kc_cbor_head_size(cases[i].value), cases[i].size);
        kc_reader_init(&reader, kc_writer_view(&writer));
        assert_true(kc_read_uint(&reader) == cases[i].value);
        assert_int_equal(kc_reader_finish(&reader).code, KC_OK);
    }
}

static void only_the_shortest_head_is_read(void **state)
{
    static const size_t widths[] = {0, 1, 2, 4, 8};
    (void)state;
    for (unsigned major = 0; major < MAJOR_COUNT; major++) {
        for (size_t i = 0; i < EDGE_COUNT; i++) {
            size_t shortest = kc_cbor_head_size(edges[i]) - 1;
            for (size_t w = 0; w < 5; w++) {
                static uint8_t bytes[9 + 70000];
                memset(bytes, 'a', sizeof bytes);
                if (widths[w] < shortest) {
                    continue;
                }
                size_t head = put_head(bytes, major, edges[i], widths[w]);
                bool has_body = major >= BYTES && edges[i] <= 65536;
                struct kc_reader reader;
                kc_reader_init(&reader, kc_view(bytes, head + (has_body ? edges[i] : 0)));
                uint64_t value = read_as(&reader, major);
                enum kc_error expected = widths[w] != shortest                ? KC_NOT_CANONICAL
                                         : major >= BYTES && edges[i] > 65536 ? KC_MALFORMED
                                                                              : KC_OK;
                assert_int_equal(reader.error, expected);
                assert_true(value == (expected == KC_OK ? edges[i] : 0));
            }
        }
    }
}

static void indefinite_and_reserved_lengths_are_refused(void **state)
{
    (void)state;
    for (unsigned major = 0; major < MAJOR_COUNT; major++) {
        for (unsigned info = 28; info < 32; info++) {
            uint8_t bytes[16] = {(uint8_t)(major << 5 | info), 0x41, 0x00, 0xff};
            struct kc_reader reader;
            kc_reader_init(&reader, kc_view(bytes, sizeof bytes));
            assert_true(read_as(&reader, major) == 0);
            assert_int_equal(reader.error, info == 31 ? KC_NOT_CANONICAL : KC_MALFORMED);
        }
    }
}

static void each_read_takes_its_own_major_type(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        uint8_t bytes[64] = {(uint8_t)first, 0};
        memset(bytes + 1, 'a', sizeof bytes - 1);
        for (unsigned major = 0; major < MAJOR_COUNT; major++) {
            struct kc_reader reader;
            kc_reader_init(&reader, kc_view(bytes, sizeof bytes));
            (void)read_as(&reader, major);
            if (first >> 5 != major) {
                assert_int_equal(reader.error, KC_MALFORMED);
            } else if ((first & 31u) < 24) {
                assert_int_equal(reader.error, KC_OK);
            }
        }
        struct kc_reader reader;
        kc_reader_init(&reader, kc_view(bytes, 1));
        bool value = kc_read_bool(&reader);
        assert_int_equal(reader.error == KC_OK, first == 0xf4 || first == 0xf5);
        assert_int_equal(value, first == 0xf5);
        kc_reader_init(&reader, kc_view(bytes, 1));
        assert_int_equal(kc_read_null_if_next(&reader), first == 0xf6);
        assert_int_equal(reader.error, KC_OK);
        assert_int_equal(reader.at, first == 0xf6 ? 1 : 0);
    }
}

/* All inputs of up to three bytes: what reads as an integer is what writing that integer gives. */
static void short_inputs_have_one_reading(void **state)
{
    (void)state;
    for (uint32_t input = 0; input < 1u << 24; input += input < 1u << 22 ? 1 : 257) {
        uint8_t bytes[3] = {(uint8_t)(input >> 16), (uint8_t)(input >> 8), (uint8_t)input};
        uint8_t again[9];
        struct kc_reader reader;
        struct kc_writer writer;
        unsigned major = bytes[0] >> 5;
        if (major > NEGATIVE) {
            continue;
        }
        kc_reader_init(&reader, kc_view(bytes, 3));
        uint64_t value = read_as(&reader, major);
        if (reader.error != KC_OK) {
            continue;
        }
        kc_writer_init(&writer, again, sizeof again);
        if (major == UINT) {
            kc_write_uint(&writer, value);
        } else {
            kc_write_negative(&writer, value);
        }
        if (writer.size != reader.at || memcmp(again, bytes, reader.at) != 0) {
            fail_msg("%06x reads as something else", (unsigned)input);
        }
    }
}

static size_t write_sample(uint8_t *out, size_t capacity, enum kc_error *error)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out, capacity);
    kc_write_array(&writer, 9);
    kc_write_uint(&writer, 70000);
    kc_write_negative(&writer, 499);
    kc_write_bytes(&writer, kc_view("\x00\x01\xff", 3));
    kc_write_text(&writer, kc_view_text("na\xc3\xafve \xe5\xb7\xbe\xe7\x9d\x80 \xf0\x9f\x91\x9b"));
    kc_write_null(&writer);
    kc_write_bool(&writer, true);
    kc_write_bool(&writer, false);
    kc_write_map(&writer, 1);
    kc_write_uint(&writer, 1);
    kc_write_bytes_head(&writer, 2);
    kc_write_raw(&writer, kc_view("xy", 2));
    kc_write_uint(&writer, UINT64_MAX);
    *error = kc_writer_finish(&writer).code;
    return writer.size;
}

static struct kc_result read_sample(struct kc_view input)
{
    struct kc_reader reader;
    kc_reader_init(&reader, input);
    kc_read_expect_array(&reader, 9);
    kc_read_expect_uint(&reader, 70000);
    kc_read_expect_negative(&reader, 499);
    (void)kc_read_bytes(&reader);
    (void)kc_read_text(&reader);
    if (!kc_read_null_if_next(&reader)) {
        kc_reader_fail(&reader, KC_MALFORMED);
    }
    (void)kc_read_bool(&reader);
    (void)kc_read_bool(&reader);
    kc_read_expect_map(&reader, 1);
    kc_read_expect_uint(&reader, 1);
    (void)kc_read_bytes(&reader);
    (void)kc_read_uint(&reader);
    return kc_reader_finish(&reader);
}

static void every_cut_is_refused_and_every_byte_more(void **state)
{
    uint8_t bytes[128] = {0};
    enum kc_error error;
    size_t size = write_sample(bytes, sizeof bytes, &error);
    (void)state;
    assert_int_equal(error, KC_OK);
    assert_int_equal(read_sample(kc_view(bytes, size)).code, KC_OK);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(read_sample(kc_view(bytes, cut)).code, KC_MALFORMED);
    }
    for (unsigned extra = 0; extra < 256; extra++) {
        bytes[size] = (uint8_t)extra;
        assert_int_equal(read_sample(kc_view(bytes, size + 1)).code, KC_TRAILING);
    }
}

static void writer_keeps_to_its_memory(void **state)
{
    uint8_t bytes[129];
    enum kc_error error;
    size_t whole = write_sample(bytes, 128, &error);
    (void)state;
    for (size_t capacity = 0; capacity <= whole; capacity++) {
        memset(bytes, 0xee, sizeof bytes);
        size_t size = write_sample(bytes, capacity, &error);
        assert_int_equal(error, capacity < whole ? KC_BUFFER_SMALL : KC_OK);
        assert_true(size <= capacity);
        assert_int_equal(bytes[capacity], 0xee);
    }
}

static void a_failed_reader_stays_failed(void **state)
{
    static const uint8_t bytes[] = {0x18, 0x17, 0x00, 0xf6, 0xf5, 0x40};
    struct kc_reader reader;
    (void)state;
    kc_reader_init(&reader, kc_view(bytes, sizeof bytes));
    assert_true(kc_read_uint(&reader) == 0);
    assert_int_equal(reader.error, KC_NOT_CANONICAL);
    for (unsigned major = 0; major < MAJOR_COUNT; major++) {
        assert_true(read_as(&reader, major) == 0);
    }
    reader.at = 3;
    assert_false(kc_read_null_if_next(&reader));
    assert_false(kc_read_bool(&reader));
    kc_read_expect_uint(&reader, 5);
    kc_reader_fail(&reader, KC_TOO_LARGE);
    assert_int_equal(kc_reader_finish(&reader).code, KC_NOT_CANONICAL);
    assert_int_equal(reader.at, 3);
}

static void expectations_fail_on_anything_else(void **state)
{
    static const uint8_t array_of_two[] = {0x82, 0x00, 0x00};
    static const uint8_t map_of_one[] = {0xa1, 0x00, 0x00};
    struct kc_reader reader;
    (void)state;
    kc_reader_init(&reader, kc_view(array_of_two, 3));
    kc_read_expect_array(&reader, 1);
    assert_int_equal(reader.error, KC_MALFORMED);
    kc_reader_init(&reader, kc_view(array_of_two, 3));
    kc_read_expect_map(&reader, 2);
    assert_int_equal(reader.error, KC_MALFORMED);
    kc_reader_init(&reader, kc_view(map_of_one, 3));
    kc_read_expect_map(&reader, 0);
    assert_int_equal(reader.error, KC_MALFORMED);
    kc_reader_init(&reader, kc_view("\x05", 1));
    kc_read_expect_uint(&reader, 4);
    assert_int_equal(reader.error, KC_MALFORMED);
    kc_reader_init(&reader, kc_view("\x25", 1));
    kc_read_expect_negative(&reader, 4);
    assert_int_equal(reader.error, KC_MALFORMED);
}

/* A count that the bytes left could not hold would let a loop over it run away. */
static void counts_beyond_the_input_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < EDGE_COUNT; i++) {
        for (unsigned major = BYTES; major < MAJOR_COUNT; major++) {
            uint8_t bytes[9 + 30];
            struct kc_reader reader;
            memset(bytes, 'a', sizeof bytes);
            size_t head = put_head(bytes, major, edges[i], kc_cbor_head_size(edges[i]) - 1);
            kc_reader_init(&reader, kc_view(bytes, head + 30));
            (void)read_as(&reader, major);
            assert_int_equal(reader.error, edges[i] <= 30 ? KC_OK : KC_MALFORMED);
        }
    }
}

/* The reader does not recurse, so nesting costs it nothing. */
static void deep_nesting_needs_no_stack(void **state)
{
    static uint8_t bytes[1u << 20];
    struct kc_reader reader;
    (void)state;
    memset(bytes, 0x81, sizeof bytes);
    bytes[sizeof bytes - 1] = 0x00;
    kc_reader_init(&reader, kc_view(bytes, sizeof bytes));
    for (size_t depth = 0; depth < sizeof bytes - 1; depth++) {
        kc_read_expect_array(&reader, 1);
    }
    kc_read_expect_uint(&reader, 0);
    assert_int_equal(kc_reader_finish(&reader).code, KC_OK);
}

static enum kc_error text_error(const char *text, size_t size)
{
    uint8_t bytes[64];
    struct kc_writer writer;
    struct kc_reader reader;
    kc_writer_init(&writer, bytes, sizeof bytes);
    kc_write_text(&writer, kc_view(text, size));
    assert_int_equal(kc_writer_finish(&writer).code, KC_OK);
    kc_reader_init(&reader, kc_writer_view(&writer));
    struct kc_view read = kc_read_text(&reader);
    assert_int_equal(read.size, reader.error == KC_OK ? size : 0);
    return reader.error;
}

static void text_is_clean_utf8(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       " ~",
                                       "\xc2\xa0",
                                       "\xc3\xbf",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x7f",
                                      "\xc3\xc0",
                                      "\xe0\x9f\xbf",
                                      "\xe2\x82",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf0\x9f\x91",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xfe",
                                      "\xff",
                                      "\x01",
                                      "a\n",
                                      "\x1b[0m",
                                      "\x7f",
                                      "\xc2\x80",
                                      "\xc2\x9f"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(text_error(good[i], strlen(good[i])), KC_OK);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(text_error(bad[i], strlen(bad[i])), KC_MALFORMED);
    }
    assert_int_equal(text_error("a\0b", 3), KC_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_standard),
        cmocka_unit_test(only_the_shortest_head_is_read),
        cmocka_unit_test(indefinite_and_reserved_lengths_are_refused),
        cmocka_unit_test(each_read_takes_its_own_major_type),
        cmocka_unit_test(short_inputs_have_one_reading),
        cmocka_unit_test(every_cut_is_refused_and_every_byte_more),
        cmocka_unit_test(writer_keeps_to_its_memory),
        cmocka_unit_test(a_failed_reader_stays_failed),
        cmocka_unit_test(expectations_fail_on_anything_else),
        cmocka_unit_test(counts_beyond_the_input_are_refused),
        cmocka_unit_test(deep_nesting_needs_no_stack),
        cmocka_unit_test(text_is_clean_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
