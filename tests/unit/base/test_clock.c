/* Are time stamps written as RFC 3339 says, and do the clocks go forward? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static void known_times(void **state)
{
    static const struct {
        uint64_t time_ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {UINT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {UINT64_C(1795428000999), "2026-11-23T10:00:00.999Z"},
        {UINT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {UINT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {UINT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
        {UINT64_MAX, "9999-12-31T23:59:59.999Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[KC_CLOCK_TEXT_SIZE];
        memset(text, 'x', sizeof text);
        kc_clock_format(text, cases[i].time_ms);
        assert_string_equal(text, cases[i].text);
    }
}

static void clocks_go_forward(void **state)
{
    uint64_t first = kc_clock_monotonic_ns();
    uint64_t later = kc_clock_monotonic_ns();
    (void)state;
    for (unsigned i = 0; i < 1000000 && later == first; i++) {
        later = kc_clock_monotonic_ns();
    }
    assert_true(later > first);
    /* 2020-01-01: a clock read as seconds or microseconds would be far off. */
    assert_true(kc_clock_now_ms() > UINT64_C(1577836800000));
    assert_true(kc_clock_now_ms() < UINT64_C(253402300800000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times),
        cmocka_unit_test(clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
