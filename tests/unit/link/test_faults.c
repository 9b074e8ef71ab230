/* One byte of a conversation is lost, damaged or repeated, or the line is cut there: at every byte, in both directions. */
#include "line.h"

/* The conversation of ask_once: greeting, message, answer, farewell. */
#define MESSAGE "0123456789~}"
#define RETRY_MS 5u

static struct line line;
static struct echo echo;

/* One conversation with a fault; how many bytes went in its direction. */
static size_t converse(enum kc_link_kind kind, struct fault fault, unsigned timeout_ms,
                       struct kc_result *asked, int *had)
{
    size_t served = 0;
    line_make(&line, kind);
    line.fault = fault;
    echo_listen(&echo, &line.listener, RETRY_MS, timeout_ms);
    line_start(&line, kc_link_where(&echo.link));
    echo_start(&echo);
    *asked = ask_once(&line.connector, kc_view_text(MESSAGE), RETRY_MS, timeout_ms, had);
    if (kc_failed(*asked)) {
        /* The partner may not have been greeted yet: then it goes on waiting, and serves the next one. */
        int again = 0;
        struct kc_result next =
            ask_once(&line.listener, kc_view_text(MESSAGE), RETRY_MS, timeout_ms, &again);
        assert_true(next.code == KC_OK || next.code == KC_UNREACHABLE);
        served = again == 3 ? 1 : 0;
    }
    echo_join(&echo);
    echo.messages -= served;
    line_stop(&line);
    return line.carried[fault.to_listener];
}

static void try_every_byte(enum kc_link_kind kind, enum fault_kind what)
{
    struct kc_result asked;
    int had = 0;
    for (int direction = 0; direction < 2; direction++) {
        struct fault fault = {.kind = FAULT_NONE, .to_listener = direction == 1};
        size_t size = converse(kind, fault, LONG_MS, &asked, &had);
        assert_int_equal(had, 3);
        assert_in_range(size, 60, 200);
        for (fault.at = 0; fault.at < size; fault.at++) {
            fault.kind = what;
            (void)converse(kind, fault, LONG_MS, &asked, &had);
            if (kc_failed(asked) || had != 3 || echo.messages != 1) {
                fail_msg("kind %d, direction %d, byte %zu: %s after step %d, %zu messages",
                         (int)kind, direction, fault.at, kc_error_name(asked.code), had,
                         echo.messages);
            }
        }
    }
}

/* shows: R-NODE-10 */
static void test_a_byte_is_lost(void **state)
{
    (void)state;
    try_every_byte(KC_LINK_TTY, FAULT_LOSE);
    try_every_byte(KC_LINK_UNIX, FAULT_LOSE);
}

static void test_a_byte_is_damaged(void **state)
{
    (void)state;
    try_every_byte(KC_LINK_TTY, FAULT_DAMAGE);
    try_every_byte(KC_LINK_TCP, FAULT_DAMAGE);
}

static void test_a_byte_comes_twice(void **state)
{
    (void)state;
    try_every_byte(KC_LINK_TTY, FAULT_REPEAT);
    try_every_byte(KC_LINK_UNIX, FAULT_REPEAT);
}

/* Whatever was cut: told in time, and nothing that was said to be delivered is missing. */
static void test_the_line_is_cut(void **state)
{
    struct kc_result asked;
    int had = 0;
    (void)state;
    for (int direction = 0; direction < 2; direction++) {
        struct fault fault = {.kind = FAULT_NONE, .to_listener = direction == 1};
        size_t size = converse(KC_LINK_UNIX, fault, LONG_MS, &asked, &had);
        for (fault.at = 0; fault.at < size; fault.at++) {
            fault.kind = FAULT_CUT;
            uint64_t start = kc_clock_monotonic_ns();
            (void)converse(KC_LINK_UNIX, fault, LONG_MS, &asked, &had);
            assert_in_range((kc_clock_monotonic_ns() - start) / 1000000u, 0, LONG_MS - 1);
            assert_true(asked.code == KC_UNREACHABLE || (asked.code == KC_OK && had == 3));
            assert_true(echo.messages <= 1 && (had < 2 || echo.messages == 1));
        }
    }
}

/* From some byte on every byte is damaged: the partner is there but nothing arrives any more. */
static void test_a_line_that_goes_bad(void **state)
{
    struct kc_result asked;
    int had = 0;
    (void)state;
    for (size_t at = 0; at < 60; at += 7) {
        line_make(&line, KC_LINK_TTY);
        line.fault = (struct fault){.kind = FAULT_DAMAGE, .to_listener = true, .at = at};
        line.everything = true;
        echo_listen(&echo, &line.listener, RETRY_MS, SHORT_MS);
        line_start(&line, kc_link_where(&echo.link));
        echo_start(&echo);
        asked = ask_once(&line.connector, kc_view_text(MESSAGE), RETRY_MS, SHORT_MS, &had);
        echo_join(&echo);
        line_stop(&line);
        assert_true(kc_failed(asked) ? asked.code == KC_TIMEOUT || asked.code == KC_UNREACHABLE
                                     : had == 3);
        assert_true(had < 2 || echo.messages == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_byte_is_lost),       cmocka_unit_test(test_a_byte_is_damaged),
        cmocka_unit_test(test_a_byte_comes_twice),   cmocka_unit_test(test_the_line_is_cut),
        cmocka_unit_test(test_a_line_that_goes_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
