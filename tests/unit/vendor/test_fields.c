/* Question: is a line read as it was written, and refused when anything of it changed? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "vendor/fields.h"

static bool read_line(const char *line, uint64_t *number, char name[8])
{
    struct kc_fields fields = {.at = line, .good = true};
    kc_fields_word(&fields, "seen ");
    *number = kc_fields_number(&fields);
    kc_fields_word(&fields, " end ");
    kc_fields_text(&fields, name, 8);
    kc_fields_word(&fields, "\n");
    return kc_fields_end(&fields);
}

static void what_was_written_is_read(void **state)
{
    uint64_t number = 0;
    char name[8];
    (void)state;
    assert_true(read_line("seen 0 end a\n", &number, name));
    assert_true(number == 0 && strcmp(name, "a") == 0);
    assert_true(read_line("seen 18446744073709551615 end seven77\n", &number, name));
    assert_true(number == UINT64_MAX && strcmp(name, "seven77") == 0);
}

static void what_was_changed_is_refused(void **state)
{
    static const char *const lines[] = {"",
                                        "seen",
                                        "seen ",
                                        "seen 1",
                                        "seen 1 end a",
                                        "seen 1 end \n",
                                        "seen 1  end a\n",
                                        "seen  1 end a\n",
                                        " seen 1 end a\n",
                                        "seen 1 end a\n\n",
                                        "seen 1 end a b\n",
                                        "seen 1 end eight888\n",
                                        "seen -1 end a\n",
                                        "seen +1 end a\n",
                                        "seen 0x1 end a\n",
                                        "seen x end a\n",
                                        "seen 18446744073709551616 end a\n",
                                        "seen 99999999999999999999999999 end a\n",
                                        "Seen 1 end a\n"};
    uint64_t number = 0;
    char name[8];
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (read_line(lines[i], &number, name)) {
            fail_msg("taken: %s", lines[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_written_is_read),
                                       cmocka_unit_test(what_was_changed_is_refused)};
    return cmocka_run_group_tests_name("vendor: lines of its files", tests, NULL, NULL);
}
