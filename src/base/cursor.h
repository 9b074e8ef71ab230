/* Cursors over deterministic CBOR (RFC 8949 §4.2.1): the shortest form, definite lengths, no tags, no
 * floats. A reader or writer that fails stays failed, so that callers check once at the end.
 *
 * The reader refuses everything that the writer cannot produce. Neither allocates. */
#ifndef KC_BASE_CURSOR_H
#define KC_BASE_CURSOR_H

#include "base/bytes.h"

struct kc_reader {
    struct kc_view input;
    size_t at;
    enum kc_error error;
};

struct kc_writer {
    uint8_t *data;
    size_t capacity;
    size_t size;
    enum kc_error error;
};

void kc_reader_init(struct kc_reader *reader, struct kc_view input);

/* Fails the reader with `error` unless it failed before. */
void kc_reader_fail(struct kc_reader *reader, enum kc_error error);

/* Each returns zero or an empty view once the reader failed. KC_MALFORMED for another major type or an
 * input that ends early, KC_NOT_CANONICAL for a longer form than needed. */
uint64_t kc_read_uint(struct kc_reader *reader);
/* A negative integer -1-n as n (major type 1). */
uint64_t kc_read_negative(struct kc_reader *reader);
struct kc_view kc_read_bytes(struct kc_reader *reader);
/* UTF-8 without control characters (RFC 3629); KC_MALFORMED otherwise. */
struct kc_view kc_read_text(struct kc_reader *reader);
size_t kc_read_array(struct kc_reader *reader);
size_t kc_read_map(struct kc_reader *reader);
bool kc_read_bool(struct kc_reader *reader);

/* Reads null when it is next and says whether it was. */
bool kc_read_null_if_next(struct kc_reader *reader);

/* Reads a required constant; KC_MALFORMED when something else is there. */
void kc_read_expect_uint(struct kc_reader *reader, uint64_t value);
void kc_read_expect_negative(struct kc_reader *reader, uint64_t n);
void kc_read_expect_array(struct kc_reader *reader, size_t count);
void kc_read_expect_map(struct kc_reader *reader, size_t count);

/* The result of all reads so far; KC_TRAILING when input is left. */
KC_MUST_USE struct kc_result kc_reader_finish(const struct kc_reader *reader);

void kc_writer_init(struct kc_writer *writer, uint8_t *data, size_t capacity);
void kc_write_uint(struct kc_writer *writer, uint64_t value);
void kc_write_negative(struct kc_writer *writer, uint64_t n);
void kc_write_bytes(struct kc_writer *writer, struct kc_view bytes);
void kc_write_text(struct kc_writer *writer, struct kc_view text);
void kc_write_array(struct kc_writer *writer, size_t count);
void kc_write_map(struct kc_writer *writer, size_t count);
void kc_write_null(struct kc_writer *writer);
void kc_write_bool(struct kc_writer *writer, bool value);
/* Only the head of a byte string; the caller writes `size` bytes with kc_write_raw. */
void kc_write_bytes_head(struct kc_writer *writer, size_t size);
void kc_write_raw(struct kc_writer *writer, struct kc_view encoded);

/* KC_BUFFER_SMALL when something did not fit. */
KC_MUST_USE struct kc_result kc_writer_finish(const struct kc_writer *writer);
struct kc_view kc_writer_view(const struct kc_writer *writer);

/* The number of bytes the head of an item with this argument takes. */
size_t kc_cbor_head_size(uint64_t argument);

#endif
