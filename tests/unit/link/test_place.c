/* Which texts name a place, and which only look like one? */
#include "line.h"

static void check_good(const char *text, enum kc_link_kind kind, const char *path, unsigned port,
                       const char *again)
{
    struct kc_link_place place;
    char back[KC_LINK_PLACE_TEXT_SIZE];
    assert_int_equal(kc_link_place_parse(&place, text).code, KC_OK);
    assert_int_equal(place.kind, kind);
    assert_string_equal(place.path, path);
    assert_int_equal(place.port, port);
    kc_link_place_format(back, &place);
    assert_string_equal(back, again);
}

/* shows: R-NODE-10 */
static void test_good_places(void **state)
{
    (void)state;
    check_good("unix:/run/a b/s", KC_LINK_UNIX, "/run/a b/s", 0, "unix:/run/a b/s");
    check_good("unix:here", KC_LINK_UNIX, "here", 0, "unix:here");
    check_good("unix:a:b", KC_LINK_UNIX, "a:b", 0, "unix:a:b");
    check_good("tcp:127.0.0.1:7000", KC_LINK_TCP, "127.0.0.1", 7000, "tcp:127.0.0.1:7000");
    check_good("tcp:localhost:0", KC_LINK_TCP, "127.0.0.1", 0, "tcp:127.0.0.1:0");
    check_good("tcp:0.0.0.0:65535", KC_LINK_TCP, "0.0.0.0", 65535, "tcp:0.0.0.0:65535");
    check_good("tcp:[::1]:80", KC_LINK_TCP, "::1", 80, "tcp:[::1]:80");
    check_good("tty:/dev/rfcomm0", KC_LINK_TTY, "/dev/rfcomm0", 0, "tty:/dev/rfcomm0");
}

static void test_bad_places(void **state)
{
    static const char *const bad[] = {
        "",
        "unix",
        "unix:",
        "UNIX:/a",
        " unix:/a",
        "/a",
        "tty:",
        "usb:/dev/x",
        "pcsc:reader",
        "tcp:",
        "tcp::80",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:",
        "tcp:127.0.0.1:x",
        "tcp:127.0.0.1:-1",
        "tcp:127.0.0.1:65536",
        "tcp:127.0.0.1:99999",
        "tcp:127.0.0.1:123456",
        "tcp:127.0.0.1:80 ",
        "tcp:127.0.0.1: 80",
        "tcp:example.org:80",
        "tcp:1.2.3:80",
        "tcp:::1:80",
        "tcp:[::1:80",
        "tcp:[]:80",
        "tcp:[127.0.0.1]:80",
        "tcp:[localhost]:80",
    };
    struct kc_link_place place;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (kc_link_place_parse(&place, bad[i]).code != KC_USAGE) {
            fail_msg("'%s' is taken for a place", bad[i]);
        }
    }
}

static void test_longest_path(void **state)
{
    char text[KC_LINK_PATH_MAX + 8] = "unix:";
    char back[KC_LINK_PLACE_TEXT_SIZE];
    struct kc_link_place place;
    (void)state;
    memset(text + 5, 'x', KC_LINK_PATH_MAX);
    assert_int_equal(kc_link_place_parse(&place, text).code, KC_OK);
    kc_link_place_format(back, &place);
    assert_string_equal(back, text);
    text[5 + KC_LINK_PATH_MAX] = 'x';
    assert_int_equal(kc_link_place_parse(&place, text).code, KC_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_places),
        cmocka_unit_test(test_bad_places),
        cmocka_unit_test(test_longest_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
