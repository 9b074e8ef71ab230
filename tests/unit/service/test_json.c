/* Is what a program prints with --json one JSON object, whatever its texts hold? */
#include <jansson.h>

#include "folder.h"
#include "service/json_out.h"
#include "service/trace.h"

static void members_come_back(void **state)
{
    char text[1024] = {0};
    FILE *file = fmemopen(text, sizeof text, "w");
    struct kc_json_out out;
    (void)state;
    assert_non_null(file);
    kc_json_open(&out, file);
    kc_json_text(&out, "name", "a \"b\" \\ c\n\t\x01\x1f \xe5\xb7\xbe");
    kc_json_number(&out, "most", INT64_MAX);
    kc_json_bool(&out, "yes", true);
    kc_json_bool(&out, "no", false);
    kc_json_text(&out, "empty", "");
    kc_json_close(&out);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(text[strlen(text) - 1], '\n');
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_object_size(json), 5);
    assert_string_equal(json_string_value(json_object_get(json, "name")),
                        "a \"b\" \\ c\n\t\x01\x1f \xe5\xb7\xbe");
    assert_true(json_integer_value(json_object_get(json, "most")) == INT64_MAX);
    assert_true(json_is_true(json_object_get(json, "yes")) &&
                json_is_false(json_object_get(json, "no")));
    json_decref(json);
}

static void an_empty_object_is_one(void **state)
{
    char text[16] = {0};
    FILE *file = fmemopen(text, sizeof text, "w");
    struct kc_json_out out;
    (void)state;
    assert_non_null(file);
    kc_json_open(&out, file);
    kc_json_close(&out);
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "{}\n");
}

/* What a path may be made of, bytes that are no UTF-8 included, comes out as JSON. */
static void any_bytes_come_out_as_json(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {{"\xff", "\xef\xbf\xbd"},
                {"a\xc3", "a\xef\xbf\xbd"},
                {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
                {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
                {"\xe6\x97\xa5\x1b\x7f\"\\", "\xe6\x97\xa5\x1b\x7f\"\\"},
                {"\xf0\x9f\x92\xb4", "\xf0\x9f\x92\xb4"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256] = "";
        struct kc_json_out json;
        FILE *file = fmemopen(text, sizeof text, "w");
        assert_non_null(file);
        kc_json_open(&json, file);
        kc_json_text(&json, "t", rows[i].in);
        kc_json_close(&json);
        assert_int_equal(fclose(file), 0);
        json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(object);
        assert_string_equal(json_string_value(json_object_get(object, "t")), rows[i].out);
        json_decref(object);
        assert_null(strchr(text, 0x1b));
    }
}

static void a_trace_has_one_object_a_line(void **state)
{
    (void)state;
    struct kc_trace trace;
    struct kc_step step = {
        .step = "Sa2", .from = "purse", .to = "bank", .what = "cash-request", .bytes = 400};
    assert_int_equal(kc_trace_open(&trace, NULL).code, KC_OK);
    kc_trace_step(&trace, &step);
    kc_trace_close(&trace);
    assert_int_equal(kc_trace_open(&trace, in_folder("no/such/folder")).code, KC_IO_FAILED);
    assert_int_equal(kc_trace_open(&trace, in_folder("trace")).code, KC_OK);
    kc_trace_step(&trace, &step);
    step.bytes = 500;
    kc_trace_step(&trace, &step);
    kc_trace_close(&trace);
    FILE *file = fopen(in_folder("trace"), "r");
    char line[256];
    size_t count = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_object_size(json), 5);
        assert_int_equal(json_integer_value(json_object_get(json, "bytes")), 400 + 100 * count);
        json_decref(json);
        count++;
    }
    (void)fclose(file);
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_back),
        cmocka_unit_test(an_empty_object_is_one),
        cmocka_unit_test(any_bytes_come_out_as_json),
        cmocka_unit_test(a_trace_has_one_object_a_line),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
