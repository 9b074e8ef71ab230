/* Does a message print as JSON that means the same, whatever its texts hold? */
#include <jansson.h>

#include "message/print.h"
#include "parties.h"
#include "sample.h"

static uint64_t message[STRUCT_WORDS];
static char text[100000];

static json_t *print_json(const struct kc_shape *shape)
{
    struct kc_buffer out = {.data = (uint8_t *)text, .capacity = sizeof text};
    assert_ok(kc_message_print(&out, shape, message, true));
    assert_int_equal(strlen(text), out.size);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void every_message_prints_with_every_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * KC_SHAPE_COUNT; i++) {
        const struct kc_shape *shape = kc_shapes[i / 2];
        kc_sample_fill(message, shape, i % 2 == 1, TIME_MS);
        json_t *json = print_json(shape);
        assert_string_equal(json_string_value(json_object_get(json, "message")),
                            kc_shape_name_of(shape));
        assert_int_equal(json_object_size(json), shape->field_count + 1);
        for (size_t f = 0; f < shape->field_count; f++) {
            const json_t *value = json_object_get(json, kc_shape_names[i / 2].fields[f].name);
            assert_non_null(value);
            assert_int_equal(json_is_null(value), shape->fields[f].presence != 0 && i % 2 == 0);
            assert_true(!json_is_string(value) || strcmp(json_string_value(value), "?") != 0);
        }
        json_decref(json);
    }
}

static void texts_are_escaped(void **state)
{
    struct kc_purse_settings settings;
    (void)state;
    kc_sample_fill(&settings, &kc_purse_settings_shape, false, TIME_MS);
    settings.user_id = kc_view_text("\"\\\", \"life\": \"\xe5\xb7\xbe\xe7\x9d\x80\\");
    memcpy(message, &settings, sizeof settings);
    json_t *json = print_json(&kc_purse_settings_shape);
    assert_string_equal(json_string_value(json_object_get(json, "user-id")),
                        "\"\\\", \"life\": \"\xe5\xb7\xbe\xe7\x9d\x80\\");
    assert_null(json_object_get(json, "life"));
    json_decref(json);
}

static void small_buffers_are_errors(void **state)
{
    (void)state;
    kc_sample_fill(message, &kc_entry_shape, true, TIME_MS);
    for (unsigned json = 0; json < 2; json++) {
        struct kc_buffer out = {.data = (uint8_t *)text, .capacity = sizeof text};
        assert_ok(kc_message_print(&out, &kc_entry_shape, message, json == 1));
        size_t whole = out.size;
        for (size_t capacity = 0; capacity <= whole; capacity++) {
            out.capacity = capacity;
            text[capacity] = '#';
            assert_int_equal(kc_message_print(&out, &kc_entry_shape, message, json == 1).code,
                             KC_BUFFER_SMALL);
            assert_int_equal(text[capacity], '#');
        }
    }
}

static void a_shape_of_elsewhere_is_not_printed(void **state)
{
    struct kc_shape other = kc_entry_shape;
    struct kc_buffer out = {.data = (uint8_t *)text, .capacity = sizeof text};
    (void)state;
    assert_int_equal(kc_message_print(&out, &other, message, true).code, KC_WRONG_TYPE);
    assert_string_equal(kc_shape_name_of(&other), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_prints_with_every_field),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(small_buffers_are_errors),
        cmocka_unit_test(a_shape_of_elsewhere_is_not_printed),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
