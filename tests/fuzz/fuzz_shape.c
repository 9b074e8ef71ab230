/* Does any message decode that does not encode to the same bytes, or decode as two kinds, or break its printed form? */
#include <jansson.h>
#include <string.h>

#include "fuzz.h"
#include "message/print.h"
#include "sample.h"

#define STRUCT_MAX 4096
#define TEXT_MAX (8 * KC_FUZZ_SIZE_MAX)

static uint64_t message[STRUCT_MAX / sizeof(uint64_t)];
static uint64_t zeros[STRUCT_MAX / sizeof(uint64_t)];

/* A short sample of each shape and a full one as far as it fits. */
size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    struct kc_buffer buffer = {.data = out, .capacity = KC_FUZZ_SIZE_MAX};
    if (index >= 2 * KC_SHAPE_COUNT) {
        return 0;
    }
    const struct kc_shape *shape = kc_shapes[index / 2];
    KC_FUZZ_CHECK(shape->struct_size <= sizeof message);
    kc_sample_fill(message, shape, index % 2 == 1, UINT64_C(1795478400000));
    if (kc_failed(kc_shape_encode(&buffer, shape, message))) {
        kc_sample_fill(message, shape, false, 1);
        KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(&buffer, shape, message)));
    }
    return buffer.size;
}

static void check_print(const struct kc_shape *shape)
{
    static uint8_t text[TEXT_MAX];
    struct kc_buffer out = KC_BUFFER(text);
    KC_FUZZ_CHECK(!kc_failed(kc_message_print(&out, shape, message, false)));
    KC_FUZZ_CHECK(strlen((const char *)text) == out.size);
    KC_FUZZ_CHECK(!kc_failed(kc_message_print(&out, shape, message, true)));
    KC_FUZZ_CHECK(strlen((const char *)text) == out.size);
    json_t *json = json_loads((const char *)text, JSON_REJECT_DUPLICATES, NULL);
    KC_FUZZ_CHECK(json_object_size(json) == (size_t)shape->field_count + 1);
    json_decref(json);
}

static void check_accepted(const struct kc_shape *shape, struct kc_view input)
{
    uint8_t again[KC_FUZZ_SIZE_MAX];
    struct kc_buffer buffer = KC_BUFFER(again);
    KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(&buffer, shape, message)));
    KC_FUZZ_CHECK(kc_view_equal(kc_buffer_view(&buffer), input));
    check_print(shape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kc_view input = kc_view(data, size);
    if (size > KC_FUZZ_SIZE_MAX) {
        return 0;
    }
    uint64_t number = kc_shape_number(input);
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i];
        struct kc_result result = kc_shape_decode(message, shape, input);
        if (kc_failed(result)) {
            KC_FUZZ_CHECK(memcmp(message, zeros, shape->struct_size) == 0);
            continue;
        }
        kc_fuzz_accepted++;
        KC_FUZZ_CHECK(number == shape->number);
        check_accepted(shape, input);
    }
    return 0;
}
