#include "base/cursor.h"

#include <string.h>

enum major { MAJOR_UINT, MAJOR_NEGATIVE, MAJOR_BYTES, MAJOR_TEXT, MAJOR_ARRAY, MAJOR_MAP };

#define SIMPLE_FALSE 0xf4u
#define SIMPLE_TRUE 0xf5u
#define SIMPLE_NULL 0xf6u

void kc_reader_init(struct kc_reader *reader, struct kc_view input)
{
    *reader = (struct kc_reader){.input = input, .at = 0, .error = KC_OK};
}

void kc_reader_fail(struct kc_reader *reader, enum kc_error error)
{
    if (reader->error == KC_OK) {
        reader->error = error;
    }
}

static size_t left(const struct kc_reader *reader)
{
    return reader->input.size - reader->at;
}

static const uint8_t *take(struct kc_reader *reader, size_t size)
{
    if (reader->error == KC_OK && size > left(reader)) {
        kc_reader_fail(reader, KC_MALFORMED);
    }
    if (reader->error != KC_OK) {
        return NULL;
    }
    const uint8_t *bytes = reader->input.data + reader->at;
    reader->at += size;
    return bytes;
}

/* Reads the argument that follows the first byte, `size` bytes long, and wants it to need them all. */
static uint64_t read_argument(struct kc_reader *reader, size_t size)
{
    const uint8_t *bytes = take(reader, size);
    if (bytes == NULL) {
        return 0;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = (value << 8) | bytes[i];
    }
    if (kc_cbor_head_size(value) != size + 1) {
        kc_reader_fail(reader, KC_NOT_CANONICAL);
        return 0;
    }
    return value;
}

static uint64_t read_head(struct kc_reader *reader, enum major major)
{
    const uint8_t *first = take(reader, 1);
    if (first == NULL) {
        return 0;
    }
    unsigned info = *first & 0x1fu;
    if ((unsigned)(*first >> 5) != (unsigned)major || info > 27) {
        /* An indefinite length (31) is a known form that deterministic encoding forbids. */
        bool indefinite = (unsigned)(*first >> 5) == (unsigned)major && info == 31;
        kc_reader_fail(reader, indefinite ? KC_NOT_CANONICAL : KC_MALFORMED);
        return 0;
    }
    return info < 24 ? info : read_argument(reader, (size_t)1 << (info - 24));
}

uint64_t kc_read_uint(struct kc_reader *reader)
{
    return read_head(reader, MAJOR_UINT);
}

uint64_t kc_read_negative(struct kc_reader *reader)
{
    return read_head(reader, MAJOR_NEGATIVE);
}

static struct kc_view read_string(struct kc_reader *reader, enum major major)
{
    uint64_t size = read_head(reader, major);
    if (size > left(reader)) {
        kc_reader_fail(reader, KC_MALFORMED);
        return kc_view(NULL, 0);
    }
    const uint8_t *bytes = take(reader, (size_t)size);
    return kc_view(bytes, bytes == NULL ? 0 : (size_t)size);
}

struct kc_view kc_read_bytes(struct kc_reader *reader)
{
    return read_string(reader, MAJOR_BYTES);
}

/* The length of the UTF-8 sequence at `at`, or 0 when it is not one (RFC 3629 §4). */
static size_t utf8_sequence(struct kc_view text, size_t at)
{
    uint8_t first = text.data[at];
    size_t size = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;
    if (size == 0 || size > text.size - at) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((text.data[at + i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    uint8_t second = size > 1 ? text.data[at + 1] : 0;
    bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool outside = (first == 0xed && second > 0x9f) || (first == 0xf4 && second > 0x8f);
    return overlong || outside ? 0 : size;
}

static bool text_is_clean(struct kc_view text)
{
    size_t at = 0;
    while (at < text.size) {
        size_t size = utf8_sequence(text, at);
        bool control = text.data[at] < 0x20 || text.data[at] == 0x7f ||
                       (text.data[at] == 0xc2 && size == 2 && text.data[at + 1] < 0xa0);
        if (size == 0 || control) {
            return false;
        }
        at += size;
    }
    return true;
}

struct kc_view kc_read_text(struct kc_reader *reader)
{
    struct kc_view text = read_string(reader, MAJOR_TEXT);
    if (!text_is_clean(text)) {
        kc_reader_fail(reader, KC_MALFORMED);
        return kc_view(NULL, 0);
    }
    return text;
}

static size_t read_count(struct kc_reader *reader, enum major major)
{
    uint64_t count = read_head(reader, major);
    if (count > left(reader)) {
        kc_reader_fail(reader, KC_MALFORMED);
        return 0;
    }
    return (size_t)count;
}

size_t kc_read_array(struct kc_reader *reader)
{
    return read_count(reader, MAJOR_ARRAY);
}

size_t kc_read_map(struct kc_reader *reader)
{
    return read_count(reader, MAJOR_MAP);
}

bool kc_read_bool(struct kc_reader *reader)
{
    const uint8_t *first = take(reader, 1);
    if (first == NULL) {
        return false;
    }
    if (*first != SIMPLE_FALSE && *first != SIMPLE_TRUE) {
        kc_reader_fail(reader, KC_MALFORMED);
        return false;
    }
    return *first == SIMPLE_TRUE;
}

bool kc_read_null_if_next(struct kc_reader *reader)
{
    if (reader->error != KC_OK || left(reader) == 0 ||
        reader->input.data[reader->at] != SIMPLE_NULL) {
        return false;
    }
    reader->at++;
    return true;
}

static void expect(struct kc_reader *reader, bool holds)
{
    if (!holds) {
        kc_reader_fail(reader, KC_MALFORMED);
    }
}

void kc_read_expect_uint(struct kc_reader *reader, uint64_t value)
{
    expect(reader, kc_read_uint(reader) == value);
}

void kc_read_expect_negative(struct kc_reader *reader, uint64_t n)
{
    expect(reader, kc_read_negative(reader) == n);
}

void kc_read_expect_array(struct kc_reader *reader, size_t count)
{
    expect(reader, kc_read_array(reader) == count);
}

void kc_read_expect_map(struct kc_reader *reader, size_t count)
{
    expect(reader, kc_read_map(reader) == count);
}

struct kc_result kc_reader_finish(const struct kc_reader *reader)
{
    if (reader->error != KC_OK) {
        return kc_result(reader->error);
    }
    return kc_result(left(reader) == 0 ? KC_OK : KC_TRAILING);
}

void kc_writer_init(struct kc_writer *writer, uint8_t *data, size_t capacity)
{
    *writer = (struct kc_writer){.data = data, .capacity = capacity, .size = 0, .error = KC_OK};
}

void kc_write_raw(struct kc_writer *writer, struct kc_view encoded)
{
    if (writer->error == KC_OK && encoded.size > writer->capacity - writer->size) {
        writer->error = KC_BUFFER_SMALL;
    }
    if (writer->error != KC_OK || encoded.size == 0) {
        return;
    }
    memcpy(writer->data + writer->size, encoded.data, encoded.size);
    writer->size += encoded.size;
}

size_t kc_cbor_head_size(uint64_t argument)
{
    if (argument < 24) {
        return 1;
    }
    if (argument <= UINT8_MAX) {
        return 2;
    }
    if (argument <= UINT16_MAX) {
        return 3;
    }
    return argument <= UINT32_MAX ? 5 : 9;
}

static void write_head(struct kc_writer *writer, enum major major, uint64_t argument)
{
    static const uint8_t infos[] = {[2] = 24, [3] = 25, [5] = 26, [9] = 27};
    uint8_t head[9];
    size_t size = kc_cbor_head_size(argument);
    uint8_t info = size == 1 ? (uint8_t)argument : infos[size];
    head[0] = (uint8_t)((unsigned)major << 5 | info);
    for (size_t i = 1; i < size; i++) {
        head[i] = (uint8_t)(argument >> (8 * (size - 1 - i)));
    }
    kc_write_raw(writer, kc_view(head, size));
}

void kc_write_uint(struct kc_writer *writer, uint64_t value)
{
    write_head(writer, MAJOR_UINT, value);
}

void kc_write_negative(struct kc_writer *writer, uint64_t n)
{
    write_head(writer, MAJOR_NEGATIVE, n);
}

void kc_write_bytes_head(struct kc_writer *writer, size_t size)
{
    write_head(writer, MAJOR_BYTES, size);
}

void kc_write_bytes(struct kc_writer *writer, struct kc_view bytes)
{
    write_head(writer, MAJOR_BYTES, bytes.size);
    kc_write_raw(writer, bytes);
}

void kc_write_text(struct kc_writer *writer, struct kc_view text)
{
    write_head(writer, MAJOR_TEXT, text.size);
    kc_write_raw(writer, text);
}

void kc_write_array(struct kc_writer *writer, size_t count)
{
    write_head(writer, MAJOR_ARRAY, count);
}

void kc_write_map(struct kc_writer *writer, size_t count)
{
    write_head(writer, MAJOR_MAP, count);
}

static void write_simple(struct kc_writer *writer, unsigned value)
{
    uint8_t byte = (uint8_t)value;
    kc_write_raw(writer, kc_view(&byte, 1));
}

void kc_write_null(struct kc_writer *writer)
{
    write_simple(writer, SIMPLE_NULL);
}

void kc_write_bool(struct kc_writer *writer, bool value)
{
    write_simple(writer, value ? SIMPLE_TRUE : SIMPLE_FALSE);
}

struct kc_result kc_writer_finish(const struct kc_writer *writer)
{
    return kc_result(writer->error);
}

struct kc_view kc_writer_view(const struct kc_writer *writer)
{
    return kc_view(writer->data, writer->size);
}
