#include "base/bytes.h"

#include <string.h>

struct kc_view kc_view_text(const char *text)
{
    return kc_view(text, strlen(text));
}

void kc_wipe(void *data, size_t size)
{
    volatile uint8_t *bytes = (volatile uint8_t *)data;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = 0;
    }
}

bool kc_equal_secret(const void *a, const void *b, size_t size)
{
    const volatile uint8_t *left = (const volatile uint8_t *)a;
    const volatile uint8_t *right = (const volatile uint8_t *)b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference |= (uint8_t)(left[i] ^ right[i]);
    }
    return difference == 0;
}

bool kc_view_equal(struct kc_view a, struct kc_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

struct kc_result kc_buffer_append(struct kc_buffer *buffer, struct kc_view bytes)
{
    if (bytes.size > buffer->capacity - buffer->size) {
        return kc_result(KC_BUFFER_SMALL);
    }
    if (bytes.size > 0) {
        memcpy(buffer->data + buffer->size, bytes.data, bytes.size);
    }
    buffer->size += bytes.size;
    return kc_ok();
}

void kc_be32_store(uint8_t out[4], uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

uint32_t kc_be32_load(const uint8_t in[4])
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        value = (value << 8) | in[i];
    }
    return value;
}

void kc_be64_store(uint8_t out[8], uint64_t value)
{
    for (size_t i = 0; i < 8; i++) {
        out[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

uint64_t kc_be64_load(const uint8_t in[8])
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++) {
        value = (value << 8) | in[i];
    }
    return value;
}

void kc_hex_write(char *out, struct kc_view bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        out[2 * i] = digits[bytes.data[i] >> 4];
        out[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    out[2 * bytes.size] = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return -1;
}

struct kc_result kc_hex_read(uint8_t *out, size_t size, const char *text)
{
    if (strlen(text) != 2 * size) {
        return kc_result(KC_MALFORMED);
    }
    for (size_t i = 0; i < size; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return kc_result(KC_MALFORMED);
        }
        out[i] = (uint8_t)(high * 16 + low);
    }
    return kc_ok();
}
