/* Bytes: views into memory lent by the caller, secrets wiped and compared, big-endian integers. */
#ifndef KC_BASE_BYTES_H
#define KC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* Bytes that belong to somebody else; valid as long as their owner keeps them. data may be NULL when
 * size is 0. */
struct kc_view {
    const uint8_t *data;
    size_t size;
};

/* Memory lent for writing: capacity bytes at data, of which size are used. */
struct kc_buffer {
    uint8_t *data;
    size_t capacity;
    size_t size;
};

static inline struct kc_view kc_view(const void *data, size_t size)
{
    return (struct kc_view){.data = (const uint8_t *)data, .size = size};
}

/* A view of a text that ends with NUL, without the NUL. */
struct kc_view kc_view_text(const char *text);

static inline struct kc_view kc_buffer_view(const struct kc_buffer *buffer)
{
    return kc_view(buffer->data, buffer->size);
}

#define KC_BUFFER(array) ((struct kc_buffer){.data = (array), .capacity = sizeof(array), .size = 0})

/* Overwrites memory so that the compiler may not leave it out. */
void kc_wipe(void *data, size_t size);

/* Compares without a branch or an address that depends on the content. */
bool kc_equal_secret(const void *a, const void *b, size_t size);

/* Compares public bytes. */
bool kc_view_equal(struct kc_view a, struct kc_view b);

/* Appends; KC_BUFFER_SMALL leaves the buffer as it was. */
KC_MUST_USE struct kc_result kc_buffer_append(struct kc_buffer *buffer, struct kc_view bytes);

void kc_be32_store(uint8_t out[4], uint32_t value);
uint32_t kc_be32_load(const uint8_t in[4]);
void kc_be64_store(uint8_t out[8], uint64_t value);
uint64_t kc_be64_load(const uint8_t in[8]);

/* Lower-case hexadecimal with a final NUL; out has 2 * size + 1 bytes. */
void kc_hex_write(char *out, struct kc_view bytes);

/* Reads exactly `size` bytes from `2 * size` digits that end with NUL; KC_MALFORMED otherwise. */
KC_MUST_USE struct kc_result kc_hex_read(uint8_t *out, size_t size, const char *text);

#endif
