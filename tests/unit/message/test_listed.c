/* Question: do purse numbers come back from their short form exactly, none more and none less, in as few bytes as the form
 * has; and is what nobody could have written refused? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "message/listed.h"

#define MANY 2048u
#define FIRST UINT64_C(1000000)

static uint64_t numbers[MANY];
static uint8_t bytes[MANY * 8];

static uint64_t mix = 20261127;

static uint64_t random_below(uint64_t end)
{
    mix = mix * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (mix >> 11) % end;
}

/* `count` of `among` purses that follow each other. */
static void choose(size_t count, uint64_t among)
{
    size_t chosen = 0;
    for (uint64_t i = 0; i < among && chosen < count; i++) {
        if (random_below(among - i) < count - chosen) {
            numbers[chosen++] = kc_purse_nth(FIRST + i).number;
        }
    }
    assert_int_equal(chosen, count);
}

static struct kc_listed written(size_t count, size_t room)
{
    struct kc_listed listed;
    struct kc_buffer buffer = {.data = bytes, .capacity = room};
    assert_int_equal(kc_listed_write(&listed, &buffer, numbers, count).code, KC_OK);
    assert_int_equal(kc_listed_check(&listed).code, KC_OK);
    assert_int_equal(listed.count, count);
    return listed;
}

static void expect_exactly(const struct kc_listed *listed, uint64_t among)
{
    size_t at = 0;
    for (uint64_t i = 0; i < among; i++) {
        struct kc_purse_id purse = kc_purse_nth(FIRST + i);
        bool wanted = at < listed->count && numbers[at] == purse.number;
        assert_int_equal(kc_listed_has(listed, purse), wanted);
        at += wanted ? 1 : 0;
    }
    assert_int_equal(at, listed->count);
}

/* Nobody beside them is found: an honest purse is never refused for the form's sake.
 * shows: R-SEC-4 */
static void exactly_these_are_found(void **state)
{
    static const size_t counts[] = {0, 1, 2, 3, 20, 199, 200};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        choose(counts[i], 200);
        struct kc_listed listed = written(counts[i], sizeof bytes);
        expect_exactly(&listed, 200);
    }
    choose(100, 20000);
    struct kc_listed listed = written(100, sizeof bytes);
    expect_exactly(&listed, 20000);
    /* Other check digits, and numbers that are none. */
    for (size_t i = 0; i < 100; i++) {
        for (uint64_t digit = 0; digit < 10; digit++) {
            struct kc_purse_id purse = {numbers[i] / 10 * 10 + digit};
            assert_int_equal(kc_listed_has(&listed, purse), purse.number == numbers[i]);
        }
    }
    assert_false(kc_listed_has(&listed, (struct kc_purse_id){0}));
    assert_false(kc_listed_has(&listed, (struct kc_purse_id){UINT64_MAX}));
}

static void the_lowest_and_the_highest_number_fit(void **state)
{
    (void)state;
    numbers[0] = kc_purse_nth(1).number;
    numbers[1] = kc_purse_nth(UINT64_C(99999999999999999)).number;
    struct kc_listed listed = written(2, 9);
    assert_true(kc_listed_has(&listed, (struct kc_purse_id){numbers[0]}));
    assert_true(kc_listed_has(&listed, (struct kc_purse_id){numbers[1]}));
    assert_false(kc_listed_has(&listed, kc_purse_nth(2)));
    assert_false(kc_listed_has(&listed, kc_purse_nth(UINT64_C(99999999999999998))));
}

/* Within two bytes in a hundred of the information that is in the set: log2 of (1,000,000 over 1,000) is 11,401 bits. */
static void a_thousand_of_a_million_are_small(void **state)
{
    (void)state;
    choose(1000, 1000000);
    struct kc_listed listed = written(1000, 2048);
    printf("# 1,000 of 1,000,000: %zu bytes\n", listed.bytes.size);
    assert_in_range(listed.bytes.size, 1400, 1456);
    choose(90, 1000000);
    listed = written(90, 512);
    printf("# 90 of 1,000,000: %zu bytes\n", listed.bytes.size);
    assert_in_range(listed.bytes.size, 150, 190);
}

static void what_does_not_fit_is_refused_and_fewer_are_never_longer(void **state)
{
    struct kc_listed listed;
    size_t before = 0;
    (void)state;
    choose(300, 9000);
    for (size_t count = 0; count <= 300; count++) {
        size_t size = written(count, sizeof bytes).bytes.size;
        struct kc_buffer room = {.data = bytes, .capacity = size};
        assert_int_equal(kc_listed_write(&listed, &room, numbers, count).code, KC_OK);
        room.capacity = size > 0 ? size - 1 : 0;
        room.size = 0;
        enum kc_error expected = size > 0 ? KC_BUFFER_SMALL : KC_OK;
        assert_int_equal(kc_listed_write(&listed, &room, numbers, count).code, expected);
        assert_true(size >= before);
        before = size;
    }
}

static void what_is_no_ascending_list_of_purses_is_not_written(void **state)
{
    struct kc_listed listed;
    struct kc_buffer buffer = {.data = bytes, .capacity = sizeof bytes};
    (void)state;
    choose(3, 100);
    uint64_t kept = numbers[1];
    numbers[1] = kept + 1;
    assert_int_equal(kc_listed_write(&listed, &buffer, numbers, 3).code, KC_MALFORMED);
    numbers[1] = numbers[0];
    assert_int_equal(kc_listed_write(&listed, &buffer, numbers, 3).code, KC_MALFORMED);
    numbers[1] = numbers[2];
    numbers[2] = kept;
    assert_int_equal(kc_listed_write(&listed, &buffer, numbers, 3).code, KC_MALFORMED);
}

static void expect_refused(struct kc_listed listed)
{
    assert_int_equal(kc_listed_check(&listed).code, KC_MALFORMED);
    /* Whatever it is, looking something up ends. */
    (void)kc_listed_has(&listed, kc_purse_nth(FIRST));
    (void)kc_listed_has(&listed, kc_purse_nth(UINT64_C(99999999999999999)));
}

/* shows: R-SEC-4 */
static void what_nobody_writes_is_refused(void **state)
{
    (void)state;
    choose(50, 100000);
    const struct kc_listed good = written(50, sizeof bytes);
    for (uint64_t count = 0; count < 200; count++) {
        struct kc_listed changed = good;
        changed.count = count;
        if (count != 50) {
            expect_refused(changed);
        }
    }
    struct kc_listed changed = good;
    changed.count = UINT64_MAX;
    expect_refused(changed);
    changed = good;
    changed.least = 0;
    expect_refused(changed);
    changed.least = UINT64_MAX;
    expect_refused(changed);
    changed.least = UINT64_C(99999999999999999);
    expect_refused(changed);
    changed = good;
    for (changed.bits = KC_LISTED_BITS_MAX + 1; changed.bits > KC_LISTED_BITS_MAX;
         changed.bits *= 2) {
        expect_refused(changed);
    }
    for (size_t size = 0; size < good.bytes.size; size++) {
        changed = good;
        changed.bytes.size = size;
        expect_refused(changed);
    }
    bytes[good.bytes.size] = 0;
    changed = good;
    changed.bytes.size += 1;
    expect_refused(changed);
    /* None of them, with something. */
    expect_refused((struct kc_listed){.least = 1});
    expect_refused((struct kc_listed){.bits = 1});
    expect_refused((struct kc_listed){.bytes = kc_view(bytes, 1)});
    /* The last byte's rest: three numbers, no low bits, steps of nothing. */
    const uint8_t zero = 0;
    const uint8_t one = 1;
    struct kc_listed short_one = {.count = 3, .least = 7, .bytes = kc_view(&zero, 1)};
    assert_int_equal(kc_listed_check(&short_one).code, KC_OK);
    short_one.bytes = kc_view(&one, 1);
    expect_refused(short_one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_these_are_found),
        cmocka_unit_test(the_lowest_and_the_highest_number_fit),
        cmocka_unit_test(a_thousand_of_a_million_are_small),
        cmocka_unit_test(what_does_not_fit_is_refused_and_fewer_are_never_longer),
        cmocka_unit_test(what_is_no_ascending_list_of_purses_is_not_written),
        cmocka_unit_test(what_nobody_writes_is_refused),
    };
    return cmocka_run_group_tests_name("message: purse numbers in few bytes", tests, NULL, NULL);
}
