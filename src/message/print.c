#include "message/print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct printer {
    struct kc_buffer *out;
    bool json;
    struct kc_result result;
};

static void put(struct printer *printer, struct kc_view bytes)
{
    if (!kc_failed(printer->result)) {
        printer->result = kc_buffer_append(printer->out, bytes);
    }
}

static void put_text(struct printer *printer, const char *text)
{
    put(printer, kc_view_text(text));
}

static void put_number(struct printer *printer, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put_text(printer, text);
}

static void put_hex(struct printer *printer, struct kc_view bytes)
{
    if (printer->json) {
        put_text(printer, "\"");
    }
    for (size_t i = 0; i < bytes.size; i++) {
        char pair[3];
        kc_hex_write(pair, kc_view(bytes.data + i, 1));
        put_text(printer, pair);
    }
    if (printer->json) {
        put_text(printer, "\"");
    }
}

/* Decoded text holds no control characters, so JSON needs only the quote and the backslash escaped. */
static void put_string(struct printer *printer, struct kc_view text)
{
    if (!printer->json) {
        put(printer, text);
        return;
    }
    put_text(printer, "\"");
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            put_text(printer, "\\");
        }
        put(printer, kc_view(text.data + i, 1));
    }
    put_text(printer, "\"");
}

static void put_list(struct printer *printer, const uint8_t *at)
{
    struct kc_view_list list;
    memcpy(&list, at, sizeof list);
    put_text(printer, "[");
    for (size_t i = 0; i < list.count; i++) {
        put_text(printer, i == 0 ? "" : ", ");
        put_hex(printer, list.items[i]);
    }
    put_text(printer, "]");
}

static void put_value(struct printer *printer, const struct kc_field *field,
                      const struct kc_field_name *name, const uint8_t *at)
{
    uint64_t number;
    uint32_t value;
    struct kc_view view;
    switch ((enum kc_field_type)field->type) {
    case KC_FIELD_UINT:
    case KC_FIELD_AMOUNT:
    case KC_FIELD_TIME:
    case KC_FIELD_ACCOUNT:
    case KC_FIELD_PURSE:
        memcpy(&number, at, sizeof number);
        put_number(printer, number);
        break;
    case KC_FIELD_BOOL:
        put_text(printer, *at != 0 ? "true" : "false");
        break;
    case KC_FIELD_FIXED:
        put_hex(printer, kc_view(at, field->max));
        break;
    case KC_FIELD_BYTES:
        memcpy(&view, at, sizeof view);
        put_hex(printer, view);
        break;
    case KC_FIELD_TEXT:
        memcpy(&view, at, sizeof view);
        put_string(printer, view);
        break;
    case KC_FIELD_ENUM:
        memcpy(&value, at, sizeof value);
        put_string(printer, kc_view_text(name->word(value)));
        break;
    case KC_FIELD_LIST:
        put_list(printer, at);
        break;
    }
}

static void put_field(struct printer *printer, const struct kc_field *field,
                      const struct kc_field_name *name, const void *message)
{
    const uint8_t *base = (const uint8_t *)message;
    bool present = field->presence == 0 || base[field->presence] != 0;
    put_text(printer, printer->json ? ", \"" : "");
    put_text(printer, name->name);
    put_text(printer, printer->json ? "\": " : ": ");
    if (present) {
        put_value(printer, field, name, base + field->offset);
    } else {
        put_text(printer, printer->json ? "null" : "-");
    }
    put_text(printer, printer->json ? "" : "\n");
}

static const struct kc_shape_name *name_of(const struct kc_shape *shape)
{
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        if (kc_shapes[i] == shape) {
            return &kc_shape_names[i];
        }
    }
    return NULL;
}

const char *kc_shape_name_of(const struct kc_shape *shape)
{
    const struct kc_shape_name *name = name_of(shape);
    return name == NULL ? "?" : name->name;
}

struct kc_result kc_message_print(struct kc_buffer *out, const struct kc_shape *shape,
                                  const void *message, bool json)
{
    const struct kc_shape_name *names = name_of(shape);
    struct printer printer = {.out = out, .json = json, .result = kc_ok()};
    out->size = 0;
    if (names == NULL) {
        return kc_result(KC_WRONG_TYPE);
    }
    put_text(&printer, json ? "{\"message\": \"" : "message: ");
    put_text(&printer, names->name);
    put_text(&printer, json ? "\"" : "\n");
    for (size_t i = 0; i < shape->field_count; i++) {
        put_field(&printer, &shape->fields[i], &names->fields[i], message);
    }
    put_text(&printer, json ? "}" : "");
    put(&printer, kc_view("", 1));
    if (!kc_failed(printer.result)) {
        out->size -= 1;
    }
    return printer.result;
}
