/* Names of messages, fields and values; made by tools/messages.py from protocol/messages.table; do not edit. */
#ifndef KC_MESSAGE_GENERATED_NAMES_H
#define KC_MESSAGE_GENERATED_NAMES_H

#include "message/generated/messages.h"

struct kc_field_name {
    const char *name;
    const char *(*word)(uint64_t value); /* for enums */
};

struct kc_shape_name {
    const char *name;
    const struct kc_field_name *fields;
};

/* In the order of kc_shapes. */
extern const struct kc_shape_name kc_shape_names[KC_SHAPE_COUNT];

#endif
