/* Prints a decoded message as text for people or as one JSON object, field by field with its name. */
#ifndef KC_MESSAGE_PRINT_H
#define KC_MESSAGE_PRINT_H

#include "message/generated/names.h"

/* Writes `name: value` lines, or {"message": ..., fields} when json, with a final NUL that is not counted in
 * out->size. Byte strings are hexadecimal. Amounts and times are integers. KC_BUFFER_SMALL. */
KC_MUST_USE struct kc_result kc_message_print(struct kc_buffer *out, const struct kc_shape *shape,
                                              const void *message, bool json);

/* The name of a shape, such as "cash-request"; "?" when it is not in the table. */
const char *kc_shape_name_of(const struct kc_shape *shape);

#endif
