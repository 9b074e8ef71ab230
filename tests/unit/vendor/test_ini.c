/* Question: is a machine's configuration read as it is written, and is everything else refused instead of guessed at? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vendor/ini.h"

#define TEXT_MAX 8192u

static char folder[] = "/tmp/kc-ini-XXXXXX";
static char path[64];
static struct kc_machine_ini ini;
static char text[TEXT_MAX];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "%s/machine.ini", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static enum kc_error read_text(const char *content, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return kc_machine_ini_read(&ini, path).code;
}

static void expect_error(enum kc_error wanted)
{
    assert_string_equal(kc_error_name(read_text(text, strlen(text))), kc_error_name(wanted));
}

/* A good file with `machine` and `slots` in their sections. */
static void write_text(const char *machine, const char *slots, const char *end)
{
    char dealer[KC_ID_TEXT_SIZE];
    kc_account_format(dealer, kc_account_nth(5));
    (void)snprintf(text, sizeof text, "[machine]\nname = Corner\ndealer = %s\n%s%s[end]\n%s",
                   dealer, machine, slots, end);
}

static const char two_slots[] = "[slot-1]\nname = tea\nprice = 1.50\ncount = 3\n"
                                "[slot-2]\nname = gum\nprice = 2\nstate = jam\n";

static void what_is_written_is_read(void **state)
{
    (void)state;
    write_text("journal_most = 64\ntalk_ms = 100\nlink = tcp:127.0.0.1:1\n", two_slots,
               "slots = 2\n");
    expect_error(KC_OK);
    assert_string_equal(ini.name, "Corner");
    assert_int_equal(ini.dealer.number, kc_account_nth(5).number);
    assert_string_equal(ini.purse_file, "machine.purse");
    assert_string_equal(ini.server_key, "server.pub");
    assert_string_equal(ini.link, "tcp:127.0.0.1:1");
    assert_string_equal(ini.collect, "");
    assert_int_equal(ini.journal_most, 64);
    assert_int_equal(ini.talk_ms, 100);
    assert_int_equal(ini.slot_count, 2);
    assert_string_equal(ini.slots[1].name, "gum");
    assert_string_equal(ini.slots[1].state, "jam");
    assert_int_equal(ini.slots[0].count, 3);
    assert_int_equal(ini.slots[1].count, 0);
    assert_int_equal(kc_machine_ini_prices(&ini, 2).code, KC_OK);
    assert_int_equal(kc_amount_minor(ini.slots[0].price), 150);
    assert_int_equal(kc_amount_minor(ini.slots[1].price), 200);
    /* A currency without decimals has no half. */
    assert_int_equal(kc_machine_ini_prices(&ini, 0).code, KC_CONFIG_INVALID);
    write_text("", "", "slots = 0\n");
    expect_error(KC_OK);
    assert_int_equal(ini.journal_most, 10000);
    assert_int_equal(ini.talk_ms, 15000);
}

static void no_beginning_of_it_is_taken(void **state)
{
    (void)state;
    write_text("talk_ms = 1000\n", two_slots, "slots = 2\n");
    size_t size = strlen(text);
    for (size_t cut = 0; cut < size - 1; cut++) {
        assert_int_equal(read_text(text, cut), KC_CONFIG_INVALID);
    }
    assert_int_equal(read_text(text, size), KC_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kc_machine_ini_read(&ini, path).code, KC_FILE_MISSING);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const machines[] = {
        "journal_most = 63\n", "talk_ms = 99\n", "talk_ms = 120001\n", "talk_ms = -1\n",
        "talk_ms = 1000x\n",   "unknown = 1\n",  "name = again\n",     "journal_most = 1e3\n"};
    static const char *const slots[][2] = {
        {"[slot-1]\nname = tea\nprice = 1\n", "slots = 0\n"},
        {"[slot-1]\nname = tea\nprice = 1\n", "slots = 2\n"},
        {"[slot-2]\nname = tea\nprice = 1\n", "slots = 1\n"},
        {"[slot-1]\nname = tea\n", "slots = 1\n"},
        {"[slot-1]\nprice = 1\n", "slots = 1\n"},
        {"[slot-1]\nname = tea\nprice = 1\ncount = 100001\n", "slots = 1\n"},
        {"[slot-1]\nname = tea\nprice = 1\nstate = open\n", "slots = 1\n"},
        {"[slot-1]\nname = tea\nprice = 1\n[slot-3]\ncount = 1\n", "slots = 1\n"},
        {"[slot-0]\nname = tea\nprice = 1\n", "slots = 0\n"},
        {"[slot-49]\nname = tea\nprice = 1\n", "slots = 0\n"},
        {"", "slots = 49\n"},
        {"", ""}};
    for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
        write_text(machines[i], two_slots, "slots = 2\n");
        expect_error(KC_CONFIG_INVALID);
    }
    for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++) {
        write_text("", slots[i][0], slots[i][1]);
        expect_error(KC_CONFIG_INVALID);
    }
    (void)snprintf(text, sizeof text, "[machine]\nname = Corner\ndealer = 19\n[end]\nslots = 0\n");
    expect_error(KC_CONFIG_INVALID);
}

static void prices_are_amounts(void **state)
{
    (void)state;
    static const char *const prices[] = {"0",  "-1", "x",   "1.001",
                                         "1 ", "+1", "0x1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof prices / sizeof prices[0]; i++) {
        char slot[128];
        (void)snprintf(slot, sizeof slot, "[slot-1]\nname = tea\nprice = \"%s\"\n", prices[i]);
        write_text("", slot, "slots = 1\n");
        if (read_text(text, strlen(text)) == KC_OK) {
            assert_int_equal(kc_machine_ini_prices(&ini, 2).code, KC_CONFIG_INVALID);
        }
    }
}

int main(void)
{
    const struct CMUnitTest configuration[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(no_beginning_of_it_is_taken),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(prices_are_amounts),
    };
    return cmocka_run_group_tests(configuration, make_folder, remove_folder);
}
