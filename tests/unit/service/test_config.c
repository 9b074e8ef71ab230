/* Is a configuration that says something else than its table refused, with nothing guessed? */
#include "base/log.h"
#include "folder.h"
#include "service/config.h"

struct settings {
    char url[17];
    uint64_t port;
    bool open;
    char note[9];
};

static const struct kc_config_key keys[] = {
    {"server", "url", KC_CONFIG_TEXT, offsetof(struct settings, url), 1, 16, NULL},
    {"server", "port", KC_CONFIG_UINT, offsetof(struct settings, port), 1, 65535, NULL},
    {"limits", "open", KC_CONFIG_BOOL, offsetof(struct settings, open), 0, 0, "no"},
    {"limits", "note", KC_CONFIG_TEXT, offsetof(struct settings, note), 0, 8, "none"},
};

static enum kc_error read_bytes(struct settings *out, const void *text, size_t size)
{
    kc_log_open("test", (enum kc_log_level)(KC_LOG_ERROR + 1));
    put_file("test.ini", text, size, 0644);
    memset(out, 0, sizeof *out);
    return kc_config_read(out, keys, sizeof keys / sizeof keys[0], in_folder("test.ini")).code;
}

static enum kc_error read_text(struct settings *out, const char *text)
{
    return read_bytes(out, text, strlen(text));
}

static void a_whole_file_is_read(void **state)
{
    struct settings settings;
    (void)state;
    assert_int_equal(
        read_text(
            &settings,
            "; words\n[server]\nurl = http://x/\nport=8080\n\n[limits]\nopen = yes\nnote =\n"),
        KC_OK);
    assert_string_equal(settings.url, "http://x/");
    assert_true(settings.port == 8080 && settings.open);
    assert_string_equal(settings.note, "");
}

static void what_is_left_out_has_its_fallback(void **state)
{
    struct settings settings;
    (void)state;
    assert_int_equal(read_text(&settings, "[server]\nurl = x\nport = 1"), KC_OK);
    assert_false(settings.open);
    assert_string_equal(settings.note, "none");
}

static void limits_are_part_of_the_range(void **state)
{
    struct settings settings;
    (void)state;
    assert_int_equal(read_text(&settings, "[server]\nurl = 0123456789abcdef\nport = 65535\n"),
                     KC_OK);
    assert_string_equal(settings.url, "0123456789abcdef");
    assert_true(settings.port == 65535);
}

static void everything_else_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[server]\nurl = x\n", /* required key missing */
        "[server]\nport = 1\n",
        "[server]\nurl = x\nport = 1\nuser = y\n",       /* unknown key */
        "[server]\nurl = x\nport = 1\n[other]\na = b\n", /* unknown section */
        "[limits]\nurl = x\n[server]\nport = 1\n",       /* in another section */
        "url = x\nport = 1\n",                           /* in none */
        "[Server]\nurl = x\nport = 1\n",
        "[server]\nurl = x\nport = 1\nport = 1\n", /* twice */
        "[server]\nurl = x\nport = 1\n[server]\nurl = x\n",
        "[server]\nurl = x\nurl = x\nport = 1\n",
        "[server]\nurl = x\nport = 0\n", /* out of range */
        "[server]\nurl = x\nport = 65536\n",
        "[server]\nurl = x\nport = 18446744073709551617\n",
        "[server]\nurl = x\nport = -1\n",
        "[server]\nurl = x\nport = +1\n",
        "[server]\nurl = x\nport = 0x10\n",
        "[server]\nurl = x\nport = 1 2\n",
        "[server]\nurl = x\nport = 1.0\n",
        "[server]\nurl = x\nport =\n",
        "[server]\nurl =\nport = 1\n",
        "[server]\nurl = 0123456789abcdefg\nport = 1\n",
        "[server]\nurl = x\nport = 1\n[limits]\nopen = true\n", /* yes or no */
        "[server]\nurl = x\nport = 1\n[limits]\nopen = YES\n",
        "[server]\nurl = x\nport = 1\n[limits]\nopen =\n",
        "[server]\nurl = x\nport = 1\nnonsense\n", /* no line of the format */
        "[server\nurl = x\nport = 1\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct settings settings;
        if (read_text(&settings, bad[i]) != KC_CONFIG_INVALID) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}

static void a_nul_ends_nothing(void **state)
{
    static const char text[] = "[server]\nurl = x\nport = 1\n\0[limits]\nopen = yes\n";
    struct settings settings;
    (void)state;
    assert_int_equal(read_bytes(&settings, text, sizeof text - 1), KC_CONFIG_INVALID);
}

/* A line longer than the reader's own must not come out as two. */
static void a_line_too_long_is_refused(void **state)
{
    char text[4096];
    struct settings settings;
    (void)state;
    for (size_t length = 150; length < 3000; length += 50) {
        int head = snprintf(text, sizeof text, "[server]\nurl = x\nport = 1\n[limits]\nnote = %*s",
                            (int)length, "a");
        (void)snprintf(text + head, sizeof text - (size_t)head, "\nopen = yes\n");
        enum kc_error error = read_text(&settings, text);
        assert_true(error == KC_CONFIG_INVALID ||
                    (error == KC_OK && strcmp(settings.note, "a") == 0 && settings.open));
        memset(text + head - length, 'b', length);
        assert_int_equal(read_text(&settings, text), KC_CONFIG_INVALID);
    }
}

static void a_file_too_large_is_refused(void **state)
{
    static char text[20000];
    struct settings settings;
    (void)state;
    memset(text, '\n', sizeof text);
    memcpy(text, "[server]\nurl = x\nport = 1", 25);
    assert_int_equal(read_bytes(&settings, text, 16384), KC_OK);
    assert_int_equal(read_bytes(&settings, text, 16385), KC_CONFIG_INVALID);
}

static void a_file_that_is_missing_or_cannot_be_read_is_named_as_such(void **state)
{
    struct settings settings;
    (void)state;
    assert_int_equal(kc_config_read(&settings, keys, 4, in_folder("none.ini")).code,
                     KC_FILE_MISSING);
    assert_int_equal(kc_config_read(&settings, keys, 4, folder).code, KC_IO_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_read),
        cmocka_unit_test(what_is_left_out_has_its_fallback),
        cmocka_unit_test(limits_are_part_of_the_range),
        cmocka_unit_test(everything_else_is_refused),
        cmocka_unit_test(a_nul_ends_nothing),
        cmocka_unit_test(a_line_too_long_is_refused),
        cmocka_unit_test(a_file_too_large_is_refused),
        cmocka_unit_test(a_file_that_is_missing_or_cannot_be_read_is_named_as_such),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
