/* Does a command line mean one thing, and does every program explain and end as the others do? */
#include "folder.h"
#include "service/command.h"

static const struct kc_option options[] = {
    {"dir", "D", "where"},
    {"yes", NULL, "say OK"},
    {"amount", "A", "how much"},
};

static const struct kc_program program = {"tester", "tests the frame", "tester [--dir D] WHAT",
                                          options, 3};

static struct kc_command command;
static int status;
static char out_text[4096];
static char err_text[4096];

/* Parses a line of words with stdout and stderr caught. */
static bool parse(const char *line)
{
    static char words[512];
    char *argv[40] = {words};
    int argc = 1;
    (void)snprintf(words, sizeof words, "tester %s", line);
    for (char *at = strchr(words, ' '); at != NULL; at = strchr(at, ' ')) {
        *at++ = '\0';
        if (*at != '\0') {
            argv[argc++] = at;
        }
    }
    status = -1;
    return kc_command_parse(&command, &program, argc, argv, &status);
}

static int begin_capture(FILE *stream, FILE *file)
{
    (void)fflush(stream);
    int saved = dup(fileno(stream));
    assert_true(saved >= 0 && dup2(fileno(file), fileno(stream)) >= 0);
    return saved;
}

static void end_capture(FILE *stream, FILE *file, int saved, char *text, size_t size)
{
    (void)fflush(stream);
    assert_true(dup2(saved, fileno(stream)) >= 0);
    (void)close(saved);
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

static int saved_out;
static int saved_err;
static FILE *file_out;
static FILE *file_err;

static void catch_output(void)
{
    file_out = tmpfile();
    file_err = tmpfile();
    assert_true(file_out != NULL && file_err != NULL);
    saved_out = begin_capture(stdout, file_out);
    saved_err = begin_capture(stderr, file_err);
}

static void release_output(void)
{
    end_capture(stdout, file_out, saved_out, out_text, sizeof out_text);
    end_capture(stderr, file_err, saved_err, err_text, sizeof err_text);
}

static bool parse_caught(const char *line)
{
    catch_output();
    bool goes_on = parse(line);
    release_output();
    return goes_on;
}

static void options_and_arguments_are_told_apart(void **state)
{
    (void)state;
    assert_true(parse("--dir /x show --yes now --amount=12.50 --json"));
    assert_string_equal(kc_command_value(&command, "dir"), "/x");
    assert_string_equal(kc_command_value(&command, "yes"), "");
    assert_string_equal(kc_command_value(&command, "amount"), "12.50");
    assert_true(command.json);
    assert_int_equal(command.argument_count, 2);
    assert_string_equal(command.arguments[0], "show");
    assert_string_equal(command.arguments[1], "now");
    assert_true(parse(""));
    assert_null(kc_command_value(&command, "dir"));
    assert_int_equal(command.argument_count, 0);
    assert_false(command.json);
    assert_true(parse("-- --dir"));
    assert_int_equal(command.argument_count, 1);
    assert_string_equal(command.arguments[0], "--dir");
}

static void wrong_usage_is_two_and_explained(void **state)
{
    static const char *const bad[] = {"--none",  "--dir",   "--dir a --dir b", "--yes --yes",
                                      "-x",      "--yes=1", "--json=1",        "a b c d e f g h i",
                                      "--amount"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(parse_caught(bad[i]));
        assert_int_equal(status, 2);
        assert_string_equal(out_text, "");
        assert_non_null(strstr(err_text, "tester [--dir D] WHAT"));
        assert_non_null(strstr(err_text, "--help"));
    }
}

static void eight_arguments_fit(void **state)
{
    (void)state;
    assert_true(parse("a b c d e f g h"));
    assert_int_equal(command.argument_count, KC_ARGUMENTS_MAX);
}

static void help_and_version_go_to_stdout(void **state)
{
    (void)state;
    assert_false(parse_caught("--help"));
    assert_int_equal(status, 0);
    assert_string_equal(err_text, "");
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(strstr(out_text, options[i].help));
    }
    assert_non_null(strstr(out_text, "Exit status: 0 done, 1 refused, 2 wrong usage"));
    assert_false(parse_caught("--version"));
    assert_int_equal(status, 0);
    assert_string_equal(out_text, "tester " KC_VERSION "\n");
}

static void failures_have_a_stable_name(void **state)
{
    (void)state;
    assert_true(parse("--json"));
    catch_output();
    status = kc_command_fail(&command, kc_result(KC_INSUFFICIENT_VALUE), "100");
    release_output();
    assert_int_equal(status, 1);
    assert_string_equal(
        out_text,
        "{\"error\": \"insufficient-value\", \"words\": \"not enough value in the purse\"}\n");
    assert_string_equal(err_text,
                        "tester: not enough value in the purse: 100 (insufficient-value)\n");
    assert_true(parse(""));
    catch_output();
    status = kc_command_fail(&command, kc_result(KC_UNREACHABLE), NULL);
    release_output();
    assert_int_equal(status, 3);
    assert_string_equal(out_text, "");
    assert_string_equal(err_text, "tester: the other side cannot be reached (not-reachable)\n");
    assert_true(parse("--json"));
    catch_output();
    status = kc_command_fail_after(&command, kc_result(KC_UNREACHABLE), "half of it", "out");
    release_output();
    assert_int_equal(status, 3);
    assert_string_equal(out_text,
                        "{\"error\": \"not-reachable\", \"words\": \"the other side cannot "
                        "be reached\", \"out\": true}\n");
}

static void a_wrong_value_is_named(void **state)
{
    (void)state;
    assert_true(parse("--dir a\ab"));
    catch_output();
    status = kc_command_usage_of(&command, "dir", "a folder");
    release_output();
    assert_int_equal(status, 2);
    assert_non_null(strstr(err_text, "tester: --dir is a folder, not 'a?b'\n"));
}

static void what_a_verb_found_wrong_is_explained(void **state)
{
    (void)state;
    uint64_t number = 0;
    assert_true(parse("--dir 12"));
    assert_true(kc_command_right(&command, true, "dir", "a folder"));
    assert_true(kc_command_fits(&number, &command, "dir", 1, 12, 3, "1 to 12"));
    assert_int_equal(number, 12);
    catch_output();
    status = kc_command_explain(&command);
    release_output();
    assert_int_equal(status, 2);
    assert_non_null(strstr(err_text, "tester: wrong usage\n"));
    assert_int_equal(kc_command_wrong(&command, "no more than this").code, KC_USAGE);
    catch_output();
    status = kc_command_explain(&command);
    release_output();
    assert_non_null(strstr(err_text, "tester: no more than this\n"));
    assert_false(kc_command_fits(&number, &command, "dir", 1, 11, 3, "1 to 11"));
    /* What is right takes nothing back. */
    assert_true(kc_command_right(&command, true, "dir", "a folder"));
    catch_output();
    status = kc_command_explain(&command);
    release_output();
    assert_int_equal(status, 2);
    assert_non_null(strstr(err_text, "tester: --dir is 1 to 11, not '12'\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_are_told_apart),
        cmocka_unit_test(wrong_usage_is_two_and_explained),
        cmocka_unit_test(eight_arguments_fit),
        cmocka_unit_test(help_and_version_go_to_stdout),
        cmocka_unit_test(failures_have_a_stable_name),
        cmocka_unit_test(a_wrong_value_is_named),
        cmocka_unit_test(what_a_verb_found_wrong_is_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
