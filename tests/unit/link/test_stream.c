/* Does opening and closing a place leave it as it was, and is every place that cannot be used refused by its name? */
#include "line.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct kc_link first;
static struct kc_link second;
static char folder[32];

static int set_up(void **state)
{
    (void)state;
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    (void)snprintf(folder, sizeof folder, "/tmp/kinchaku-link-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    kc_link_close(&first);
    kc_link_close(&second);
    return rmdir(folder);
}

static struct kc_link_place place_of(const char *head, const char *word, const char *tail)
{
    char text[KC_LINK_PLACE_TEXT_SIZE];
    struct kc_link_place place;
    assert_true(snprintf(text, sizeof text, "%s%s%s", head, word, tail) < (int)sizeof text);
    assert_int_equal(kc_link_place_parse(&place, text).code, KC_OK);
    return place;
}

/* shows: R-NODE-10 */
static void test_a_local_socket_is_ours_alone_and_goes_away(void **state)
{
    struct kc_link_place place = place_of("unix:", folder, "/s");
    struct stat status;
    (void)state;
    assert_int_equal(kc_link_listen(&first, &place).code, KC_OK);
    assert_int_equal(stat(place.path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(kc_link_listen(&second, &place).code, KC_IN_USE);
    assert_int_equal(stat(place.path, &status), 0);
    kc_link_close(&first);
    assert_int_equal(stat(place.path, &status), -1);
    kc_link_close(&first);
    assert_int_equal(kc_link_listen(&second, &place).code, KC_OK);
}

static void test_a_socket_that_was_left_behind_is_replaced(void **state)
{
    struct kc_link_place place = place_of("unix:", folder, "/s");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    memcpy(address.sun_path, place.path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
    assert_int_equal(kc_link_connect(&second, &place, LONG_MS).code, KC_UNREACHABLE);
    assert_int_equal(kc_link_listen(&first, &place).code, KC_OK);
}

static void test_what_is_no_socket_stays(void **state)
{
    struct kc_link_place place = place_of("unix:", folder, "/s");
    struct stat status;
    (void)state;
    FILE *file = fopen(place.path, "w");
    assert_non_null(file);
    assert_int_equal(fputs("precious", file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(kc_link_listen(&first, &place).code, KC_ALREADY_EXISTS);
    assert_int_equal(kc_link_connect(&second, &place, LONG_MS).code, KC_UNREACHABLE);
    assert_int_equal(stat(place.path, &status), 0);
    assert_int_equal(status.st_size, 8);
    assert_int_equal(unlink(place.path), 0);
}

static void test_somebody_else_s_socket_stays(void **state)
{
    struct kc_link_place place = place_of("unix:", folder, "/s");
    struct stat status;
    (void)state;
    assert_int_equal(kc_link_listen(&first, &place).code, KC_OK);
    assert_int_equal(unlink(place.path), 0);
    assert_int_equal(kc_link_listen(&second, &place).code, KC_OK);
    kc_link_close(&first);
    assert_int_equal(stat(place.path, &status), 0);
}

static void test_places_that_are_not_there(void **state)
{
    struct kc_link_place nowhere = place_of("unix:", folder, "/no/s");
    struct kc_link_place nobody = place_of("unix:", folder, "/nobody");
    struct kc_link_place device = place_of("tty:", folder, "/no");
    struct kc_link_place null = place_of("tty:", "/dev/null", "");
    struct kc_link_place zero = place_of("tcp:", "127.0.0.1", ":0");
    struct kc_link_place foreign = place_of("tcp:", "192.0.2.1", ":0");
    (void)state;
    assert_int_equal(kc_link_listen(&first, &nowhere).code, KC_IO_FAILED);
    assert_int_equal(kc_link_connect(&first, &nobody, LONG_MS).code, KC_UNREACHABLE);
    assert_int_equal(kc_link_listen(&first, &device).code, KC_UNREACHABLE);
    assert_int_equal(kc_link_connect(&first, &device, LONG_MS).code, KC_UNREACHABLE);
    assert_int_equal(kc_link_listen(&first, &null).code, KC_UNREACHABLE);
    assert_int_equal(kc_link_connect(&first, &zero, LONG_MS).code, KC_UNREACHABLE);
    assert_int_equal(kc_link_listen(&first, &foreign).code, KC_IO_FAILED);
}

static void test_a_port_is_chosen_told_and_taken(void **state)
{
    struct kc_link_place place = place_of("tcp:", "127.0.0.1", ":0");
    (void)state;
    assert_int_equal(kc_link_listen(&first, &place).code, KC_OK);
    assert_true(kc_link_where(&first)->port != 0);
    assert_int_equal(kc_link_listen(&second, kc_link_where(&first)).code, KC_ADDRESS_IN_USE);
    place = *kc_link_where(&first);
    kc_link_close(&first);
    assert_int_equal(kc_link_connect(&second, &place, LONG_MS).code, KC_UNREACHABLE);
}

static void test_a_terminal_is_raw_and_then_as_before(void **state)
{
    int master = -1;
    int slave = -1;
    char name[64];
    struct termios before;
    struct termios now;
    (void)state;
    assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
    struct kc_link_place place = place_of("tty:", name, "");
    assert_int_equal(tcgetattr(slave, &before), 0);
    assert_true((before.c_lflag & ICANON) != 0 && (before.c_lflag & ECHO) != 0);
    assert_int_equal(kc_link_listen(&first, &place).code, KC_OK);
    assert_int_equal(tcgetattr(slave, &now), 0);
    assert_true((now.c_lflag & (ICANON | ECHO | ISIG)) == 0 && (now.c_oflag & OPOST) == 0);
    assert_true((now.c_iflag & (IXON | IXOFF | ICRNL | ISTRIP)) == 0);
    assert_int_equal(cfgetospeed(&now), B115200);
    assert_int_equal(kc_link_listen(&second, &place).code, KC_IN_USE);
    assert_int_equal(kc_link_connect(&second, &place, LONG_MS).code, KC_IN_USE);
    assert_int_equal(kc_link_accept(&first, SHORT_MS).code, KC_TIMEOUT);
    kc_link_close(&first);
    assert_int_equal(tcgetattr(slave, &now), 0);
    assert_int_equal(now.c_lflag, before.c_lflag);
    assert_int_equal(now.c_iflag, before.c_iflag);
    assert_int_equal(now.c_oflag, before.c_oflag);
    assert_int_equal(now.c_cflag, before.c_cflag);
    assert_int_equal(cfgetospeed(&now), cfgetospeed(&before));
    (void)close(master);
    (void)close(slave);
}

static void test_a_terminal_that_hangs_up(void **state)
{
    int master = -1;
    int slave = -1;
    char name[64];
    (void)state;
    assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
    struct kc_link_place place = place_of("tty:", name, "");
    assert_int_equal(kc_link_listen(&first, &place).code, KC_OK);
    (void)close(master);
    assert_int_equal(kc_link_accept(&first, LONG_MS).code, KC_UNREACHABLE);
    (void)close(slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_local_socket_is_ours_alone_and_goes_away, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_socket_that_was_left_behind_is_replaced, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_socket_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_somebody_else_s_socket_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_places_that_are_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_port_is_chosen_told_and_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_terminal_is_raw_and_then_as_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_terminal_that_hangs_up, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
