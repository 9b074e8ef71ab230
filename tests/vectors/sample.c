#include "sample.h"

#include <string.h>

#define FILL_SIZE 8448

static uint8_t byte_fill[FILL_SIZE];
static uint8_t text_fill[FILL_SIZE];

static void prepare(void)
{
    for (size_t i = 0; i < FILL_SIZE; i++) {
        byte_fill[i] = (uint8_t)(i * 7 + 1);
        text_fill[i] = (uint8_t)('a' + i % 26);
    }
}

static void store_u64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static void store_view(uint8_t *at, const struct kc_field *field, bool full)
{
    const uint8_t *fill = field->type == KC_FIELD_TEXT ? text_fill : byte_fill;
    struct kc_view view = kc_view(fill, full ? field->max : field->max < 3 ? field->max : 3);
    memcpy(at, &view, sizeof view);
}

static void store_list(uint8_t *at, const struct kc_field *field, bool full)
{
    struct kc_view_list list = {.count = full ? field->count : 0};
    for (size_t i = 0; i < list.count; i++) {
        list.items[i] = kc_view(byte_fill + i, full ? field->max : 3);
    }
    memcpy(at, &list, sizeof list);
}

static void store_enum(uint8_t *at, const struct kc_field *field, bool full)
{
    uint32_t value = 0;
    for (uint32_t bit = 0; bit < 32; bit++) {
        bool allowed = (field->max >> bit & 1u) != 0;
        if (allowed && (full || value == 0)) {
            value = bit;
        }
    }
    memcpy(at, &value, sizeof value);
}

static void store_field(uint8_t *at, const struct kc_field *field, size_t place, bool full,
                        uint64_t time_ms)
{
    bool flag = full;
    switch ((enum kc_field_type)field->type) {
    case KC_FIELD_UINT:
    case KC_FIELD_AMOUNT:
        store_u64(at, full ? KC_AMOUNT_MAX - place : place);
        break;
    case KC_FIELD_TIME:
        store_u64(at, time_ms);
        break;
    case KC_FIELD_ACCOUNT:
    case KC_FIELD_PURSE:
        store_u64(at, kc_account_nth(1000 + place).number);
        break;
    case KC_FIELD_BOOL:
        memcpy(at, &flag, sizeof flag);
        break;
    case KC_FIELD_FIXED:
        memcpy(at, byte_fill + place, field->max);
        break;
    case KC_FIELD_BYTES:
    case KC_FIELD_TEXT:
        store_view(at, field, full);
        break;
    case KC_FIELD_ENUM:
        store_enum(at, field, full);
        break;
    case KC_FIELD_LIST:
        store_list(at, field, full);
        break;
    }
}

void kc_sample_fill(void *message, const struct kc_shape *shape, bool full, uint64_t time_ms)
{
    prepare();
    memset(message, 0, shape->struct_size);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct kc_field *field = &shape->fields[i];
        if (field->presence != 0 && !full) {
            continue;
        }
        if (field->presence != 0) {
            *((uint8_t *)message + field->presence) = 1;
        }
        store_field((uint8_t *)message + field->offset, field, i, full, time_ms);
    }
}
