/* Shapes: how a message lies in its struct and on the wire, as tables made from protocol/messages.table.
 *
 * One small encoder, decoder and printer walk the tables, so that every message is treated alike and a purse
 * carries little code. Views in a decoded message point into the bytes it was decoded from. */
#ifndef KC_MESSAGE_SHAPE_H
#define KC_MESSAGE_SHAPE_H

#include "base/amount.h"
#include "base/bytes.h"
#include "base/cursor.h"
#include "base/ids.h"

enum kc_field_type {
    KC_FIELD_UINT,
    KC_FIELD_BOOL,
    KC_FIELD_AMOUNT,
    KC_FIELD_TIME,
    KC_FIELD_ACCOUNT,
    KC_FIELD_PURSE,
    KC_FIELD_FIXED, /* exactly `max` bytes, stored in the struct */
    KC_FIELD_BYTES, /* struct kc_view of at most `max` bytes */
    KC_FIELD_TEXT,  /* struct kc_view of at most `max` bytes of UTF-8 */
    KC_FIELD_ENUM,  /* values are the set bits of `max` */
    KC_FIELD_LIST,  /* struct kc_view_list; `max` bytes each, at most `count` */
};

#define KC_LIST_COUNT_MAX 8

struct kc_view_list {
    size_t count;
    struct kc_view items[KC_LIST_COUNT_MAX];
};

struct kc_field {
    uint16_t offset;
    uint8_t type;
    uint8_t count;
    uint32_t max;
    /* Offset of the bool that says whether an optional field is there; 0 for a required field. */
    uint16_t presence;
};

struct kc_shape {
    uint16_t number;
    uint8_t version;
    uint8_t field_count;
    uint16_t struct_size;
    /* The domain word it is signed under, or NULL. */
    const char *domain;
    const struct kc_field *fields;
};

/* Appends the encoding of `message` to the writer. A field out of its limits is a fault of the caller. */
void kc_shape_write(struct kc_writer *writer, const struct kc_shape *shape, const void *message);

/* Encodes into lent memory. KC_BUFFER_SMALL; KC_TOO_LARGE when a field is longer than the table allows. */
KC_MUST_USE struct kc_result kc_shape_encode(struct kc_buffer *out, const struct kc_shape *shape,
                                             const void *message);

/* Decodes the whole of `encoded` into the struct of the shape, which is zeroed first. KC_MALFORMED,
 * KC_NOT_CANONICAL, KC_TRAILING, KC_WRONG_VERSION, KC_WRONG_TYPE, KC_TOO_LARGE (a field over its limit);
 * the struct is zeroed again on error. */
KC_MUST_USE struct kc_result kc_shape_decode(void *message, const struct kc_shape *shape,
                                             struct kc_view encoded);

/* The shape of a message or record that has this number, or NULL. */
const struct kc_shape *kc_shape_of_number(uint64_t number);

/* The number of the message in `encoded`, or 0 when it is no message. */
uint64_t kc_shape_number(struct kc_view encoded);

#endif
