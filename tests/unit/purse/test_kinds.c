/* Does a card or machine work for whoever holds it, without a PIN, and is it a partner like any other? */
#include "exchange_world.h"

static struct side a;
static struct side b;
static struct side c;
static struct kept first;

static void side_of_kind(struct side *side, unsigned nth, uint64_t value, enum kc_purse_type type)
{
    const struct making making = {
        .nth = nth, .suite = KC_SUITE_ES256, .value = value, .expires_s = EXPIRES_S, .type = type};
    side_make(side, &making);
}

static void select_anew(struct side *side)
{
    static const uint8_t aid[] = KC_AID;
    assert_error(side_send(side, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid)), OK);
}

/* shows: R-NODE-8 R-DATA-3 */
static void purses_of_every_kind_pay_each_other(void **state)
{
    (void)state;
    side_of_kind(&a, 1, 500, KC_PURSE_TYPE_UIM);
    side_of_kind(&b, 2, 300, KC_PURSE_TYPE_CARD);
    side_of_kind(&c, 3, 0, KC_PURSE_TYPE_MACHINE);
    exchange(&a, &b, 50);
    exchange(&b, &a, 20);
    exchange(&b, &c, 100);
    exchange(&a, &c, 10);
    exchange(&c, &b, 30);
    assert_int_equal(value_of(&a), 460);
    assert_int_equal(value_of(&b), 260);
    assert_int_equal(value_of(&c), 80);
}

/* shows: R-NODE-8 */
static void what_needs_the_pin_of_a_uim_needs_nothing_of_a_card(void **state)
{
    (void)state;
    side_of_kind(&a, 1, 500, KC_PURSE_TYPE_UIM);
    side_of_kind(&b, 2, 500, KC_PURSE_TYPE_CARD);
    side_of_kind(&c, 3, 500, KC_PURSE_TYPE_MACHINE);
    select_anew(&a);
    select_anew(&b);
    select_anew(&c);
    assert_error(
        side_send(&a, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFORMATION, kc_view(NULL, 0)),
        PIN_REQUIRED);
    assert_error(
        side_send(&b, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFORMATION, kc_view(NULL, 0)), OK);
    assert_error(
        side_send(&c, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFORMATION, kc_view(NULL, 0)), OK);
    assert_error(offer(&first, &b, &a, false, 0), PIN_REQUIRED);
    assert_error(offer(&first, &a, &b, false, 0), OK);
}

/* A PIN would give a card a secret that nobody knows, or that somebody sets to keep others out. */
static void a_card_takes_no_pin(void **state)
{
    static const enum kc_purse_type types[] = {KC_PURSE_TYPE_CARD, KC_PURSE_TYPE_MACHINE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        side_of_kind(&a, 1, 500, types[i]);
        unsigned writes = a.writes;
        assert_error(side_send(&a, KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, kc_view_text("1234")),
                     NOT_ALLOWED);
        assert_error(side_send(&a, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, kc_view_text("1234")),
                     NOT_ALLOWED);
        assert_int_equal(a.writes, writes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purses_of_every_kind_pay_each_other),
        cmocka_unit_test(what_needs_the_pin_of_a_uim_needs_nothing_of_a_card),
        cmocka_unit_test(a_card_takes_no_pin),
    };
    return cmocka_run_group_tests_name("kinds", tests, exchange_open, exchange_close);
}
