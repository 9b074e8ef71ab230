/* Fills the struct of any shape with sample values that its table allows; views point into static memory. */
#ifndef KC_TESTS_VECTORS_SAMPLE_H
#define KC_TESTS_VECTORS_SAMPLE_H

#include "message/shape.h"

/* `message` has shape->struct_size bytes. With full, lists and strings reach their limits and optional fields are
 * there; without, they are short and optional fields are left out. time_ms goes into every field named time. */
void kc_sample_fill(void *message, const struct kc_shape *shape, bool full, uint64_t time_ms);

#endif
