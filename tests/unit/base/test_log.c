/* Can a value that somebody else chose forge a second line in the log, or break one? */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static char captured[8192];

/* Sends stderr into a file for one call and reads it back. */
#define CAPTURE(call)                                                                              \
    do {                                                                                           \
        FILE *file = tmpfile();                                                                    \
        assert_non_null(file);                                                                     \
        int saved = dup(STDERR_FILENO);                                                            \
        assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);                         \
        call;                                                                                      \
        assert_true(dup2(saved, STDERR_FILENO) >= 0);                                              \
        (void)close(saved);                                                                        \
        rewind(file);                                                                              \
        captured[fread(captured, 1, sizeof captured - 1, file)] = '\0';                            \
        (void)fclose(file);                                                                        \
    } while (0)

static void line_has_time_process_and_level(void **state)
{
    (void)state;
    kc_log_open("tester", KC_LOG_INFO);
    CAPTURE(kc_log(KC_LOG_WARN, "refused reason=%s purse=%d", "replayed", 18));
    assert_int_equal(captured[4], '-');
    assert_int_equal(captured[10], 'T');
    assert_int_equal(captured[23], 'Z');
    assert_string_equal(captured + 24, " tester warn refused reason=replayed purse=18\n");
}

static void lower_levels_are_left_out(void **state)
{
    (void)state;
    kc_log_open("tester", KC_LOG_WARN);
    CAPTURE(kc_log(KC_LOG_DEBUG, "x"); kc_log(KC_LOG_INFO, "x"));
    assert_string_equal(captured, "");
    CAPTURE(kc_log(KC_LOG_ERROR, "x"));
    assert_string_equal(captured + 24, " tester error x\n");
}

static void control_characters_cannot_make_lines(void **state)
{
    (void)state;
    kc_log_open("tester", KC_LOG_INFO);
    CAPTURE(kc_log(KC_LOG_INFO, "name=%s", "a\n2026 tester warn b\r\t\x1b[31m\x7f\x01"));
    assert_string_equal(captured + 24, " tester info name=a?2026 tester warn b???[31m??\n");
}

static void long_lines_are_cut_and_still_end(void **state)
{
    static char text[4000];
    (void)state;
    memset(text, 'y', sizeof text - 1);
    kc_log_open("a-process-with-a-name-that-is-much-too-long", KC_LOG_INFO);
    CAPTURE(kc_log(KC_LOG_INFO, "%s", text));
    size_t size = strlen(captured);
    assert_true(size > 900 && size <= 1024);
    assert_int_equal(captured[size - 1], '\n');
    assert_ptr_equal(strchr(captured, '\n'), captured + size - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_time_process_and_level),
        cmocka_unit_test(lower_levels_are_left_out),
        cmocka_unit_test(control_characters_cannot_make_lines),
        cmocka_unit_test(long_lines_are_cut_and_still_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
