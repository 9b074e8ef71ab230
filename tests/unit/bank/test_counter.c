/* Question: does the registrar's word hold for exactly the message and purse that it names, for a while, and for many at once? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bank/counter.h"

#define SECOND_NS UINT64_C(1000000000)

static void name(uint8_t out[KC_DIGEST_SIZE], unsigned n)
{
    memset(out, 0, KC_DIGEST_SIZE);
    out[0] = (uint8_t)n;
    out[KC_DIGEST_SIZE - 1] = (uint8_t)(n >> 8);
}

/* shows: R-RENEW-6 */
static void a_word_is_for_one_message_of_one_purse(void **state)
{
    struct kc_counter counter;
    uint8_t request[KC_DIGEST_SIZE];
    uint8_t other[KC_DIGEST_SIZE];
    (void)state;
    assert_false(kc_failed(kc_counter_open(&counter)));
    name(request, 1);
    name(other, 257);
    assert_false(kc_counter_has(&counter, request, 18, 0));
    kc_counter_add(&counter, request, 18, 5 * SECOND_NS);
    assert_true(kc_counter_has(&counter, request, 18, 6 * SECOND_NS));
    /* A repeat of the same message is the same message. */
    assert_true(kc_counter_has(&counter, request, 18, 100 * SECOND_NS));
    assert_false(kc_counter_has(&counter, other, 18, 6 * SECOND_NS));
    assert_false(kc_counter_has(&counter, request, 26, 6 * SECOND_NS));
    assert_false(kc_counter_has(&counter, request, 18, 1000 * SECOND_NS));
    /* Nobody is vouched for by a place that is free. */
    memset(request, 0, sizeof request);
    assert_false(kc_counter_has(&counter, request, 0, 0));
    kc_counter_close(&counter);
}

/* shows: R-RENEW-6 */
static void the_oldest_makes_room(void **state)
{
    struct kc_counter counter;
    uint8_t request[KC_DIGEST_SIZE];
    (void)state;
    assert_false(kc_failed(kc_counter_open(&counter)));
    for (unsigned i = 0; i <= KC_COUNTER_PLACES; i++) {
        name(request, i);
        kc_counter_add(&counter, request, 18 + i, SECOND_NS);
    }
    for (unsigned i = 0; i <= KC_COUNTER_PLACES; i++) {
        name(request, i);
        assert_int_equal(kc_counter_has(&counter, request, 18 + i, SECOND_NS), i > 0);
    }
    kc_counter_close(&counter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_for_one_message_of_one_purse),
        cmocka_unit_test(the_oldest_makes_room),
    };
    return cmocka_run_group_tests_name("bank: purses at the counter", tests, NULL, NULL);
}
