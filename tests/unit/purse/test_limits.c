/* Do the limits of the certified value hold in every payment, on both sides, by the name of the one that was reached, and does
 * the payer get back by the payee's word what the payee may not take? */
#include "exchange_world.h"

static struct side a;
static struct side b;
static struct side c;
static struct kept first;
static struct kept second;
static struct kept third;

static struct kc_offline_limits limits_of(uint64_t purse_most, uint64_t payment_most,
                                          uint64_t spend_most, uint64_t spend_count)
{
    return (struct kc_offline_limits){.purse_most = amount(purse_most),
                                      .payment_most = amount(payment_most),
                                      .spend_most = amount(spend_most),
                                      .spend_count = spend_count,
                                      .valid_ms = 1000000};
}

static void make_limited(struct side *side, unsigned nth, uint64_t value,
                         const struct kc_offline_limits *limits)
{
    struct making making = {.nth = nth,
                            .suite = KC_SUITE_ES256,
                            .value = value,
                            .expires_s = EXPIRES_S + 1000000,
                            .type = KC_PURSE_TYPE_UIM,
                            .limits = limits};
    side_make(side, &making);
}

/* What no refusal may change. */
struct memory {
    uint8_t nvm[KC_NVM_SIZE];
};

static const struct memory *remember(const struct side *side)
{
    static struct memory memory;
    memcpy(memory.nvm, side->nvm, KC_NVM_SIZE);
    return &memory;
}

static void assert_unchanged(const struct side *side, const struct memory *was)
{
    assert_memory_equal(side->nvm, was->nvm, KC_NVM_SIZE);
}

/* A payment for which the payee's offer promises room that it does not have. */
static enum kc_error pay_anyway(struct kept *out, struct side *payer, struct side *payee,
                                uint64_t minor)
{
    struct kc_payee_identity said;
    uint8_t bytes[2048];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    assert_error(offer(out, payer, payee, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(out)));
    said.most = amount(KC_AMOUNT_MAX);
    must(kc_shape_encode(&buffer, &kc_payee_identity_shape, &said));
    return pay_offer(out, payer, minor, kc_buffer_view(&buffer));
}

static uint64_t most_of(struct side *payee, struct side *payer)
{
    struct kc_payee_identity said;
    assert_error(offer(&third, payer, payee, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&third)));
    return kc_amount_minor(said.most);
}

static uint64_t reason_of(struct kc_view answer_bytes)
{
    struct kc_payment_answer message;
    struct kc_signed parsed;
    struct kc_decline decline;
    must(kc_shape_decode(&message, &kc_payment_answer_shape, answer_bytes));
    assert_false(message.taken);
    must(kc_brief_parse(&parsed, message.answer));
    must(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload));
    return decline.reason;
}

/* ---- paying ---- */

static void no_payment_is_larger_than_the_largest(void **state)
{
    const struct kc_offline_limits limits = limits_of(10000, 100, 10000, 100);
    (void)state;
    make_limited(&a, 1, 500, &limits);
    side_plain(&b, 2, 0);
    exchange(&a, &b, 100);
    const struct memory *was = remember(&a);
    assert_error(pay(&first, &a, &b, 101), LIMIT_EXCEEDED);
    /* More than it has is said first. */
    assert_error(pay(&first, &a, &b, 401), INSUFFICIENT_VALUE);
    assert_error(pay(&first, &a, &b, 0), AMOUNT_ZERO);
    assert_unchanged(&a, was);
    exchange(&a, &b, 100);
    assert_int_equal(value_of(&a), 300);
}

static void the_sum_since_the_last_contact_is_limited(void **state)
{
    const struct kc_offline_limits limits = limits_of(10000, 100, 150, 100);
    (void)state;
    make_limited(&a, 1, 500, &limits);
    side_plain(&b, 2, 0);
    exchange(&a, &b, 100);
    assert_int_equal(kc_amount_minor(info_of(&a).spend_left), 50);
    assert_error(pay(&first, &a, &b, 51), CONTACT_NEEDED);
    /* What came back was paid all the same. */
    assert_error(pay(&first, &a, &b, 50), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_NG), OK);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 400);
    side_power(&a);
    assert_int_equal(kc_amount_minor(info_of(&a).spend_left), 0);
    assert_error(pay(&first, &a, &b, 1), CONTACT_NEEDED);
    /* A report that covers the first payment gives its part back, and one that covers all gives all. */
    assert_error(settle_request(&third, &a), OK);
    assert_error(take(&a, bank_settles(&third, &a, 1, 400, NULL, 0)), OK);
    assert_int_equal(kc_amount_minor(info_of(&a).spend_left), 100);
    assert_error(settle_request(&third, &a), OK);
    assert_error(take(&a, bank_settles(&third, &a, 2, 400, NULL, 0)), OK);
    assert_int_equal(kc_amount_minor(info_of(&a).spend_left), 150);
    assert_int_equal(value_of(&a), 400);
    side_power(&a);
    exchange(&a, &b, 100);
}

static void the_number_of_payments_since_the_last_contact_is_limited(void **state)
{
    const struct kc_offline_limits limits = limits_of(10000, 100, 10000, 3);
    (void)state;
    make_limited(&a, 1, 500, &limits);
    side_plain(&b, 2, 500);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(info_of(&a).count_left, 3 - i);
        exchange(&a, &b, 1);
    }
    exchange(&b, &a, 5);
    assert_int_equal(info_of(&a).count_left, 0);
    assert_error(pay(&first, &a, &b, 1), CONTACT_NEEDED);
    side_power(&a);
    assert_error(pay(&first, &a, &b, 1), CONTACT_NEEDED);
    assert_error(settle_request(&third, &a), OK);
    assert_error(take(&a, bank_settles(&third, &a, 4, 502, NULL, 0)), OK);
    assert_int_equal(info_of(&a).count_left, 3);
    exchange(&a, &b, 1);
}

/* Zero everywhere is what a purse gets whose holder owes the bank: it pays nothing, and takes nothing it could. */
static void limits_of_zero_let_nothing_out(void **state)
{
    const struct kc_offline_limits limits = limits_of(10000, 0, 0, 0);
    (void)state;
    make_limited(&a, 1, 500, &limits);
    side_plain(&b, 2, 500);
    exchange(&b, &a, 7);
    assert_error(pay(&first, &a, &b, 1), LIMIT_EXCEEDED);
    assert_int_equal(value_of(&a), 507);
}

/* ---- too late ---- */

static enum kc_error run_at(struct side *side, uint8_t ins, uint8_t p1, uint64_t number_count,
                            uint64_t minor, uint64_t time_ms, struct kc_view data)
{
    const uint64_t two[] = {minor, time_ms};
    const uint64_t one[] = {time_ms};
    return side_run(side, ins, p1, (size_t)number_count, number_count == 2 ? two : one, data);
}

static void after_the_last_day_a_purse_has_to_meet_its_bank(void **state)
{
    const struct kc_offline_limits limits = limits_of(10000, 100, 10000, 100);
    const uint64_t last = NOW_MS + 1000000;
    (void)state;
    make_limited(&a, 1, 500, &limits);
    make_limited(&b, 2, 500, &limits);
    make_limited(&c, 3, 500, NULL);
    assert_error(offer(&first, &a, &c, true, 0), OK);
    assert_error(run_at(&a, KC_INS_PAY, 0, 2, 1, last + 1, kept_view(&first)), CONTACT_NEEDED);
    assert_error(run_at(&a, KC_INS_PAY, 0, 2, 1, last, kept_view(&first)), OK);
    assert_int_equal(value_of(&a), 499);
    /* The payee: OK is refused, NG tells the reason, and the amount is back. */
    assert_error(pay(&first, &c, &b, 20), OK);
    assert_error(run_at(&b, KC_INS_EXAMINE, 0, 1, 0, last + 1, kept_view(&first)), CONTACT_NEEDED);
    const struct memory *was = remember(&b);
    assert_error(run_at(&b, KC_INS_DECIDE, KC_ANSWER_OK, 1, 0, last + 1, kc_view(NULL, 0)),
                 CONTACT_NEEDED);
    assert_unchanged(&b, was);
    assert_error(run_at(&b, KC_INS_DECIDE, KC_ANSWER_NG, 1, 0, last + 1, kc_view(NULL, 0)), OK);
    keep(&second, b.out);
    assert_int_equal(reason_of(kept_view(&second)), KC_CONTACT_NEEDED);
    assert_error(conclude(&c, kept_view(&second)), OK);
    assert_int_equal(value_of(&c), 500);
    assert_int_equal(value_of(&b), 500);
    assert_int_equal(most_of(&b, &c), 0);
}

/* ---- taking ---- */

static void a_purse_takes_no_more_than_it_may_hold(void **state)
{
    const struct kc_offline_limits limits = limits_of(120, 100, 10000, 100);
    (void)state;
    side_plain(&a, 1, 500);
    make_limited(&b, 2, 50, &limits);
    assert_int_equal(most_of(&b, &a), 70);
    const struct memory *was = remember(&a);
    assert_error(pay(&first, &a, &b, 71), LIMIT_EXCEEDED);
    assert_int_equal(value_of(&a), 500);
    assert_true(a.purse.state.counter == 0);
    (void)was;
    exchange(&a, &b, 70);
    assert_int_equal(value_of(&b), 120);
    assert_int_equal(most_of(&b, &a), 0);
    /* A payer that does not listen gets its value back by the payee's word. */
    assert_error(pay_anyway(&first, &a, &b, 1), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), LIMIT_EXCEEDED);
    assert_error(decide(&second, &b, KC_ANSWER_OK), LIMIT_EXCEEDED);
    assert_int_equal(value_of(&b), 120);
    assert_error(decide(&second, &b, KC_ANSWER_NG), OK);
    assert_int_equal(reason_of(kept_view(&second)), KC_LIMIT_EXCEEDED);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 430);
    assert_int_equal(value_of(&b), 120);
    /* The same payment again gets the same word, and what is on the way is not lost. */
    assert_error(answer(&third, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_true(kc_view_equal(kept_view(&third), kept_view(&second)));
    /* More certified value than it may hold by payments is its own. */
    assert_error(settle_request(&third, &b), OK);
    assert_error(take(&b, bank_settles(&third, &b, 2, 1000, NULL, 0)), OK);
    assert_int_equal(value_of(&b), 1000);
    assert_int_equal(most_of(&b, &a), 0);
}

/* The user's own NG is told as such, whatever else would stand in the way of an OK. */
static void the_users_no_is_the_users(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_NG), OK);
    assert_int_equal(reason_of(kept_view(&second)), KC_DECLINED);
}

/* Totals grow for ever: one that would not fit is declined, and nothing is lost. */
static void a_total_that_would_not_fit_is_declined(void **state)
{
    (void)state;
    side_plain(&a, 1, KC_AMOUNT_MAX);
    side_plain(&b, 2, 0);
    exchange(&a, &b, KC_AMOUNT_MAX - 5);
    assert_error(settle_request(&third, &b), OK);
    assert_error(take(&b, bank_settles(&third, &b, 1, 3, NULL, 0)), OK);
    /* It holds 3, and has received nearly all that can be counted. */
    assert_int_equal(most_of(&b, &a), 5);
    exchange(&a, &b, 4);
    side_plain(&c, 3, 500);
    assert_error(pay(&first, &c, &b, 2), LIMIT_EXCEEDED);
    assert_error(pay_anyway(&first, &c, &b, 2), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), AMOUNT_TOO_LARGE);
    assert_error(decide(&second, &b, KC_ANSWER_NG), OK);
    assert_int_equal(reason_of(kept_view(&second)), KC_LIMIT_EXCEEDED);
    assert_error(conclude(&c, kept_view(&second)), OK);
    assert_int_equal(value_of(&c), 500);
    assert_int_equal(value_of(&b), 7);
    exchange(&c, &b, 1);
}

/* ---- what a new certified value brings ---- */

/* Its limits are in force with it, also those that are lower. */
static void new_limits_are_in_force_with_their_certified_value(void **state)
{
    struct kept certified_bytes;
    const struct kc_offline_limits limits = limits_of(10000, 100, 10000, 100);
    (void)state;
    make_limited(&a, 1, 500, &limits);
    side_plain(&b, 2, 0);
    exchange(&a, &b, 60);
    assert_error(settle_request(&third, &a), OK);
    a.purse.certified.payment_most = amount(50);
    bank_settles(&certified_bytes, &a, 1, 440, NULL, 0);
    a.purse.certified.payment_most = amount(100);
    assert_error(take(&a, kept_view(&certified_bytes)), OK);
    assert_error(pay(&first, &a, &b, 51), LIMIT_EXCEEDED);
    side_power(&a);
    assert_error(pay(&first, &a, &b, 51), LIMIT_EXCEEDED);
    assert_int_equal(kc_amount_minor(info_of(&a).payment_most), 50);
    exchange(&a, &b, 50);
}

/* The state on the display. */
static void what_is_left_is_shown(void **state)
{
    const struct kc_offline_limits limits = limits_of(10000, 100, 150, 3);
    (void)state;
    make_limited(&a, 1, 500, &limits);
    side_plain(&b, 2, 0);
    exchange(&a, &b, 60);
    struct kc_purse_info info = info_of(&a);
    assert_int_equal(kc_amount_minor(info.purse_most), 10000);
    assert_int_equal(kc_amount_minor(info.payment_most), 100);
    assert_int_equal(kc_amount_minor(info.spend_left), 90);
    assert_int_equal(info.count_left, 2);
    assert_int_equal(info.valid_until_ms, NOW_MS + 1000000);
    assert_int_equal(info.log_policy, KC_LOG_POLICY_REFUSE);
    assert_int_equal(info.log_room, KC_LOG_COUNT - 1);
    assert_int_equal(info.overwritten, 0);
    assert_int_equal(info.hotlist, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_payment_is_larger_than_the_largest),
        cmocka_unit_test(the_sum_since_the_last_contact_is_limited),
        cmocka_unit_test(the_number_of_payments_since_the_last_contact_is_limited),
        cmocka_unit_test(limits_of_zero_let_nothing_out),
        cmocka_unit_test(after_the_last_day_a_purse_has_to_meet_its_bank),
        cmocka_unit_test(a_purse_takes_no_more_than_it_may_hold),
        cmocka_unit_test(the_users_no_is_the_users),
        cmocka_unit_test(a_total_that_would_not_fit_is_declined),
        cmocka_unit_test(new_limits_are_in_force_with_their_certified_value),
        cmocka_unit_test(what_is_left_is_shown),
    };
    return cmocka_run_group_tests_name("limits", tests, exchange_open, exchange_close);
}
