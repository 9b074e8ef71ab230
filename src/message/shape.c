#include "message/shape.h"

#include <string.h>

#include "base/assert.h"
#include "message/generated/messages.h"

static const uint8_t *field_at(const void *message, const struct kc_field *field)
{
    return (const uint8_t *)message + field->offset;
}

static struct kc_view load_view(const uint8_t *at)
{
    struct kc_view view;
    memcpy(&view, at, sizeof view);
    return view;
}

static uint64_t load_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void write_view(struct kc_writer *writer, const struct kc_field *field, struct kc_view view)
{
    if (view.size > field->max && writer->error == KC_OK) {
        writer->error = KC_TOO_LARGE;
    }
    if (field->type == KC_FIELD_TEXT) {
        kc_write_text(writer, view);
    } else {
        kc_write_bytes(writer, view);
    }
}

static void write_list(struct kc_writer *writer, const struct kc_field *field, const uint8_t *at)
{
    struct kc_view_list list;
    memcpy(&list, at, sizeof list);
    KC_ASSERT(list.count <= field->count);
    kc_write_array(writer, list.count);
    for (size_t i = 0; i < list.count; i++) {
        write_view(writer, field, list.items[i]);
    }
}

static void write_field(struct kc_writer *writer, const struct kc_field *field, const uint8_t *at)
{
    uint32_t value;
    bool flag;
    switch ((enum kc_field_type)field->type) {
    case KC_FIELD_UINT:
    case KC_FIELD_AMOUNT:
    case KC_FIELD_TIME:
    case KC_FIELD_ACCOUNT:
    case KC_FIELD_PURSE:
        KC_ASSERT(load_u64(at) <= KC_AMOUNT_MAX);
        kc_write_uint(writer, load_u64(at));
        break;
    case KC_FIELD_BOOL:
        memcpy(&flag, at, sizeof flag);
        kc_write_bool(writer, flag);
        break;
    case KC_FIELD_FIXED:
        kc_write_bytes(writer, kc_view(at, field->max));
        break;
    case KC_FIELD_BYTES:
    case KC_FIELD_TEXT:
        write_view(writer, field, load_view(at));
        break;
    case KC_FIELD_ENUM:
        memcpy(&value, at, sizeof value);
        KC_ASSERT(value < 32 && (field->max >> value & 1u) != 0);
        kc_write_uint(writer, value);
        break;
    case KC_FIELD_LIST:
        write_list(writer, field, at);
        break;
    }
}

static bool is_present(const void *message, const struct kc_field *field)
{
    return field->presence == 0 || *((const uint8_t *)message + field->presence) != 0;
}

void kc_shape_write(struct kc_writer *writer, const struct kc_shape *shape, const void *message)
{
    kc_write_array(writer, (size_t)shape->field_count + 2);
    kc_write_uint(writer, shape->version);
    kc_write_uint(writer, shape->number);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct kc_field *field = &shape->fields[i];
        if (is_present(message, field)) {
            write_field(writer, field, field_at(message, field));
        } else {
            kc_write_null(writer);
        }
    }
}

struct kc_result kc_shape_encode(struct kc_buffer *out, const struct kc_shape *shape,
                                 const void *message)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out->data, out->capacity);
    kc_shape_write(&writer, shape, message);
    struct kc_result result = kc_writer_finish(&writer);
    out->size = kc_failed(result) ? 0 : writer.size;
    return result;
}

static void read_number(struct kc_reader *reader, uint8_t *at)
{
    uint64_t value = kc_read_uint(reader);
    if (value > KC_AMOUNT_MAX) {
        kc_reader_fail(reader, KC_AMOUNT_TOO_LARGE);
    }
    memcpy(at, &value, sizeof value);
}

static void read_enum(struct kc_reader *reader, const struct kc_field *field, uint8_t *at)
{
    uint64_t value = kc_read_uint(reader);
    if (value >= 32 || (field->max >> value & 1u) == 0) {
        kc_reader_fail(reader, KC_MALFORMED);
        return;
    }
    uint32_t number = (uint32_t)value;
    memcpy(at, &number, sizeof number);
}

static struct kc_view read_view(struct kc_reader *reader, const struct kc_field *field)
{
    struct kc_view view =
        field->type == KC_FIELD_TEXT ? kc_read_text(reader) : kc_read_bytes(reader);
    if (view.size > field->max) {
        kc_reader_fail(reader, KC_TOO_LARGE);
    }
    return view;
}

static void read_fixed(struct kc_reader *reader, const struct kc_field *field, uint8_t *at)
{
    struct kc_view view = kc_read_bytes(reader);
    if (reader->error == KC_OK && view.size != field->max) {
        kc_reader_fail(reader, KC_MALFORMED);
    }
    if (reader->error == KC_OK) {
        memcpy(at, view.data, field->max);
    }
}

static void read_list(struct kc_reader *reader, const struct kc_field *field, uint8_t *at)
{
    struct kc_view_list list = {0};
    size_t count = kc_read_array(reader);
    if (count > field->count) {
        kc_reader_fail(reader, KC_TOO_LARGE);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        list.items[i] = read_view(reader, field);
    }
    list.count = count;
    memcpy(at, &list, sizeof list);
}

static void read_field(struct kc_reader *reader, const struct kc_field *field, uint8_t *at)
{
    struct kc_view view;
    bool flag;
    switch ((enum kc_field_type)field->type) {
    case KC_FIELD_UINT:
    case KC_FIELD_AMOUNT:
    case KC_FIELD_TIME:
    case KC_FIELD_ACCOUNT:
    case KC_FIELD_PURSE:
        read_number(reader, at);
        break;
    case KC_FIELD_BOOL:
        flag = kc_read_bool(reader);
        memcpy(at, &flag, sizeof flag);
        break;
    case KC_FIELD_FIXED:
        read_fixed(reader, field, at);
        break;
    case KC_FIELD_BYTES:
    case KC_FIELD_TEXT:
        view = read_view(reader, field);
        memcpy(at, &view, sizeof view);
        break;
    case KC_FIELD_ENUM:
        read_enum(reader, field, at);
        break;
    case KC_FIELD_LIST:
        read_list(reader, field, at);
        break;
    }
}

/* Reads [version, number, ...] and wants them to be the shape's. */
static void read_opening(struct kc_reader *reader, const struct kc_shape *shape)
{
    size_t count = kc_read_array(reader);
    uint64_t version = kc_read_uint(reader);
    uint64_t number = kc_read_uint(reader);
    if (reader->error != KC_OK) {
        return;
    }
    if (number != shape->number) {
        kc_reader_fail(reader, KC_WRONG_TYPE);
    } else if (version != shape->version) {
        kc_reader_fail(reader, KC_WRONG_VERSION);
    } else if (count != (size_t)shape->field_count + 2) {
        kc_reader_fail(reader, KC_MALFORMED);
    }
}

struct kc_result kc_shape_decode(void *message, const struct kc_shape *shape,
                                 struct kc_view encoded)
{
    struct kc_reader reader;
    memset(message, 0, shape->struct_size);
    kc_reader_init(&reader, encoded);
    read_opening(&reader, shape);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct kc_field *field = &shape->fields[i];
        if (field->presence != 0) {
            if (kc_read_null_if_next(&reader)) {
                continue;
            }
            *((uint8_t *)message + field->presence) = 1;
        }
        read_field(&reader, field, (uint8_t *)message + field->offset);
    }
    struct kc_result result = kc_reader_finish(&reader);
    if (kc_failed(result)) {
        memset(message, 0, shape->struct_size);
    }
    return result;
}

const struct kc_shape *kc_shape_of_number(uint64_t number)
{
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        if (kc_shapes[i]->number == number) {
            return kc_shapes[i];
        }
    }
    return NULL;
}

uint64_t kc_shape_number(struct kc_view encoded)
{
    struct kc_reader reader;
    kc_reader_init(&reader, encoded);
    (void)kc_read_array(&reader);
    (void)kc_read_uint(&reader);
    uint64_t number = kc_read_uint(&reader);
    return reader.error == KC_OK ? number : 0;
}
