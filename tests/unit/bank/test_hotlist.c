/* Question: does the list that the bank signs hold the purses that were listed last, in order, and as many as fit? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bank/bank.h"

#define PURSES 2048u

static size_t decode(uint64_t *out, size_t most, const struct kc_buffer *bytes)
{
    size_t count = 0;
    uint64_t number = 0;
    uint64_t last = 0;
    unsigned shift = 0;
    for (size_t i = 0; i < bytes->size; i++) {
        number |= (uint64_t)(bytes->data[i] & 0x7fu) << shift;
        shift += 7;
        if ((bytes->data[i] & 0x80u) == 0) {
            /* The shortest form: its last byte is not zero unless it is the only one. */
            assert_true(bytes->data[i] != 0 || shift == 7);
            assert_true(number > 0 && count < most);
            last += number;
            out[count++] = last;
            number = 0;
            shift = 0;
        }
    }
    assert_int_equal(shift, 0);
    return count;
}

static size_t encode(uint64_t *back, const uint64_t *purses, size_t count, size_t room)
{
    static uint8_t bytes[2048];
    struct kc_buffer out = {.data = bytes, .capacity = room};
    size_t listed = 99;
    struct kc_result result = kc_bank_hotlist_encode(&out, &listed, purses, count);
    assert_int_equal(result.code, KC_OK);
    assert_int_equal(decode(back, PURSES, &out), listed);
    for (size_t i = 1; i < listed; i++) {
        assert_true(back[i - 1] < back[i]);
    }
    return listed;
}

static bool has(const uint64_t *list, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == number) {
            return true;
        }
    }
    return false;
}

static void a_short_list_is_whole_and_in_order(void **state)
{
    uint64_t back[PURSES];
    const uint64_t purses[] = {10000040, UINT64_C(999999999999999992), 17, 10000016};
    (void)state;
    assert_int_equal(encode(back, purses, 0, 2048), 0);
    assert_int_equal(encode(back, purses, 4, 2048), 4);
    assert_int_equal(back[0], 17);
    assert_int_equal(back[1], 10000016);
    assert_int_equal(back[2], 10000040);
    assert_int_equal(back[3], UINT64_C(999999999999999992));
    assert_int_equal(encode(back, purses, 1, 2048), 1);
    assert_int_equal(back[0], 10000040);
}

/* With too little room the first ones stay, and not one fewer than fit. */
static void what_does_not_fit_is_left_out_from_the_end(void **state)
{
    static uint64_t purses[PURSES];
    static uint64_t back[PURSES];
    static uint64_t more[PURSES];
    uint64_t mix = 20261126;
    (void)state;
    for (size_t i = 0; i < PURSES; i++) {
        mix = mix * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        purses[i] = 10000000 + (mix >> 33) * PURSES + i;
    }
    for (size_t room = 0; room <= 2048; room += room < 40 ? 1 : 251) {
        size_t count = encode(back, purses, PURSES, room);
        assert_true(count < PURSES);
        for (size_t i = 0; i < count; i++) {
            assert_true(has(back, count, purses[i]));
        }
        /* One more would not have fitted. */
        assert_int_equal(encode(more, purses, count + 1, room), count);
    }
}

/* The short form: the first ones stay, and not one fewer than fit; none beside them is found. */
static void the_short_form_holds_the_first_that_fit(void **state)
{
    static uint64_t purses[PURSES];
    static uint8_t bytes[PURSES];
    uint64_t mix = 20261127;
    (void)state;
    for (size_t i = 0; i < PURSES; i++) {
        mix = mix * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        purses[i] = kc_purse_nth(1000000 + (mix >> 43) * PURSES + i).number;
    }
    for (size_t room = 0; room <= 2048; room += room < 40 ? 1 : 251) {
        struct kc_listed listed;
        struct kc_listed more;
        struct kc_buffer out = {.data = bytes, .capacity = room};
        assert_int_equal(kc_bank_hotlist_write(&listed, &out, purses, PURSES).code, KC_OK);
        assert_int_equal(kc_listed_check(&listed).code, KC_OK);
        assert_true(listed.count >= 1 && listed.count < PURSES);
        for (size_t i = 0; i < PURSES; i++) {
            struct kc_purse_id purse = {purses[i]};
            assert_int_equal(kc_listed_has(&listed, purse), i < listed.count);
        }
        assert_int_equal(kc_bank_hotlist_write(&more, &out, purses, (size_t)listed.count + 1).code,
                         KC_OK);
        assert_int_equal(more.count, listed.count);
    }
    struct kc_listed none;
    struct kc_buffer out = {.data = bytes, .capacity = 0};
    assert_int_equal(kc_bank_hotlist_write(&none, &out, purses, 0).code, KC_OK);
    assert_int_equal(none.count, 0);
    assert_int_equal(kc_listed_check(&none).code, KC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_short_list_is_whole_and_in_order),
        cmocka_unit_test(what_does_not_fit_is_left_out_from_the_end),
        cmocka_unit_test(the_short_form_holds_the_first_that_fit),
    };
    return cmocka_run_group_tests_name("bank: encoding of the hotlist", tests, NULL, NULL);
}
