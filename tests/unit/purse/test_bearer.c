/* Does a card without keys pay what it holds and nothing else, and does a payee believe of it only what the bank signed and what
 * does not contradict what it took before? */
#include "exchange_world.h"

#define LOADED 100u

static struct side card;
static struct side copy;
static struct side a;
static struct side b;
static struct kept first;
static struct kept second;

static struct kc_offline_limits card_limits(uint64_t holds, uint64_t pays)
{
    return kc_offline_limits_bearer(amount(holds), amount(pays), UINT64_C(1000000));
}

static void make_card(struct side *side, unsigned nth, uint64_t value,
                      const struct kc_offline_limits *limits)
{
    struct making making = {.nth = nth,
                            .suite = KC_SUITE_ES256,
                            .value = value,
                            .expires_s = EXPIRES_S,
                            .type = KC_PURSE_TYPE_BEARER,
                            .log_policy = KC_LOG_POLICY_OVERWRITE,
                            .limits = limits};
    side_make(side, &making);
}

static int card_and_two(void **state)
{
    (void)state;
    static struct kc_offline_limits limits;
    limits = card_limits(500, 80);
    make_card(&card, 9, LOADED, &limits);
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 7);
    return 0;
}

static enum kc_error load(struct side *side, uint64_t value)
{
    struct kc_view certified = bank_certifies(&first, side, 0, value);
    return side_run(side, KC_INS_TAKE_CERTIFIED, 0, 0, NULL, certified);
}

/* A payment with another order, marked with a secret. */
static struct kc_view marked_by(struct kept *out, struct kc_view payment,
                                const struct kc_payment_order *order,
                                const uint8_t secret[KC_MAC_SECRET_SIZE], const char *domain)
{
    struct kc_payment decoded;
    const struct kc_realm *realm = exchange_realm();
    uint8_t plain_bytes[KC_ORDER_SIZE_MAX];
    uint8_t order_bytes[KC_ORDER_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer marked = KC_BUFFER(order_bytes);
    struct kc_buffer buffer = KC_BUFFER(out->bytes);
    must(kc_shape_decode(&decoded, &kc_payment_shape, payment));
    must(kc_shape_encode(&plain, &kc_payment_order_shape, order));
    must(kc_brief_mac(&marked, &a.crypto, secret, realm, domain, kc_buffer_view(&plain)));
    decoded.order = kc_buffer_view(&marked);
    must(kc_shape_encode(&buffer, &kc_payment_shape, &decoded));
    out->size = buffer.size;
    return kept_view(out);
}

/* A payment of the card as it came, with its order changed as only somebody can who met the card. */
static struct kc_view with_order(struct kept *out, struct kc_view payment,
                                 const struct kc_payment_order *order)
{
    struct kc_identity known = identity_of(&card);
    return marked_by(out, payment, order, known.secret, kc_payment_order_shape.domain);
}

/* shows: R-NODE-8 R-DATA-7 R-DATA-8 R-XCHG-10 */
static void a_card_without_keys_pays_and_its_payee_signs_for_it(void **state)
{
    (void)state;
    bool answered = true;
    assert_error(pay(&first, &card, &a, 60), OK);
    assert_int_equal(value_of(&card), 40);
    assert_int_equal(kc_amount_minor(info_of(&card).open), 60);
    assert_error(examine(&answered, &a, kept_view(&first)), OK);
    assert_false(answered);
    assert_error(decide(&second, &a, KC_ANSWER_OK), OK);
    assert_error(conclude(&card, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 560);
    assert_int_equal(kc_amount_minor(info_of(&card).open), 0);
    /* Once more the same bytes: the stored receipt, and nothing more. */
    assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_OK), OK);
    assert_int_equal(value_of(&a), 560);
    /* And again after power went, and with what is left. */
    side_power(&card);
    side_power(&a);
    exchange(&card, &a, 40);
    assert_int_equal(value_of(&card), 0);
    assert_int_equal(value_of(&a), 600);
    assert_error(pay(&first, &card, &b, 1), INSUFFICIENT_VALUE);
}

/* shows: R-XCHG-10 */
static void what_was_taken_from_a_card_is_paid_on_and_reported(void **state)
{
    (void)state;
    struct kc_settle_request request;
    struct kc_log_record record;
    struct kc_signed order;
    exchange(&card, &a, 60);
    exchange(&a, &b, 555);
    assert_int_equal(value_of(&b), 562);
    assert_error(settle_request(&first, &a), OK);
    bank_opens(&request, &second, &a, kept_view(&first), &kc_settle_request_shape);
    must(kc_shape_decode(&record, &kc_log_record_shape, request.records.items[0]));
    must(kc_brief_parse(&order, record.order));
    struct kc_identity known = identity_of(&card);
    const struct kc_realm *realm = exchange_realm();
    must(
        kc_brief_verify_mac(&order, &a.crypto, known.secret, realm, kc_payment_order_shape.domain));
    assert_true(record.has_answer);
}

static void a_declined_payment_comes_back_to_the_card(void **state)
{
    (void)state;
    assert_error(pay(&first, &card, &a, 60), OK);
    assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_NG), OK);
    assert_error(conclude(&card, kept_view(&second)), OK);
    assert_int_equal(value_of(&card), LOADED);
    exchange(&card, &a, 80);
    exchange(&card, &b, 20);
    assert_int_equal(value_of(&card), 0);
}

/* shows: R-NODE-8 */
static void a_card_has_no_commands_that_want_a_key(void **state)
{
    (void)state;
    static const uint8_t inss[] = {KC_INS_CASH_REQUEST, KC_INS_FUND_REQUEST, KC_INS_STATE_REQUEST,
                                   KC_INS_TAKE,         KC_INS_REPEAT,       KC_INS_OFFER,
                                   KC_INS_EXAMINE,      KC_INS_DECIDE,       KC_INS_SETTLE_REQUEST};
    for (size_t i = 0; i < sizeof inss; i++) {
        assert_error(side_run(&card, inss[i], 0, 0, NULL, kc_view(NULL, 0)), NOT_ALLOWED);
    }
    assert_error(side_run(&a, KC_INS_TAKE_CERTIFIED, 0, 0, NULL, kc_view(NULL, 0)), NOT_ALLOWED);
}

/* It could not sign that it took anything. */
static void nobody_pays_to_a_card_without_keys(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_payee_identity offered = {.account = card.account,
                                        .purse = card.number,
                                        .has_identity = true,
                                        .identity = card.identity,
                                        .counter = 1,
                                        .most = amount(1000)};
    must(kc_shape_encode(&buffer, &kc_payee_identity_shape, &offered));
    assert_error(pay_offer(&first, &a, 10, kc_buffer_view(&buffer)), NOT_ALLOWED);
    assert_int_equal(value_of(&a), 500);
}

static void a_keyed_card_takes_nothing_from_one_without(void **state)
{
    (void)state;
    struct making making = {.nth = 5,
                            .suite = KC_SUITE_ES256,
                            .value = 1,
                            .expires_s = EXPIRES_S,
                            .type = KC_PURSE_TYPE_UIM};
    bool answered = false;
    side_make(&b, &making);
    assert_error(pay(&first, &card, &b, 10), OK);
    making.type = KC_PURSE_TYPE_CARD;
    side_make(&b, &making);
    assert_error(examine(&answered, &b, kept_view(&first)), NOT_ALLOWED);
    assert_int_equal(value_of(&b), 1);
}

/* Nobody could decline it, so it would be open, and its value gone, for ever. */
/* shows: R-NODE-8 */
static void a_card_without_keys_pays_to_no_keyed_card(void **state)
{
    (void)state;
    struct making making = {.nth = 5,
                            .suite = KC_SUITE_ES256,
                            .value = 1,
                            .expires_s = EXPIRES_S,
                            .type = KC_PURSE_TYPE_CARD};
    side_make(&b, &making);
    assert_error(pay(&first, &card, &b, 10), NOT_ALLOWED);
    assert_error(pay(&first, &card, &b, 10), NOT_ALLOWED);
    assert_int_equal(value_of(&card), LOADED);
    exchange(&card, &a, 60);
}

/* ---- loading ---- */

/* shows: R-CASH-10 R-DATA-8 */
static void a_card_is_loaded_by_the_bank_alone_and_keeps_what_it_spent(void **state)
{
    (void)state;
    exchange(&card, &a, 60);
    assert_error(load(&card, LOADED + 200), OK);
    assert_int_equal(value_of(&card), 240);
    /* The same once more, and one that came before it. */
    struct kept newest;
    keep(&newest, kept_view(&first));
    assert_error(side_run(&card, KC_INS_TAKE_CERTIFIED, 0, 0, NULL, kept_view(&newest)), OK);
    assert_int_equal(value_of(&card), 240);
    assert_error(load(&card, LOADED + 300), OK);
    assert_error(side_run(&card, KC_INS_TAKE_CERTIFIED, 0, 0, NULL, kept_view(&newest)),
                 STALE_STATE);
    assert_int_equal(value_of(&card), 340);
    /* No more than the bank signed, and for this card alone. */
    for (size_t i = 0; i < newest.size; i++) {
        newest.bytes[i] ^= 1;
        assert_int_not_equal(
            KC_OK, side_run(&card, KC_INS_TAKE_CERTIFIED, 0, 0, NULL, kept_view(&newest)));
        newest.bytes[i] ^= 1;
    }
    make_card(&copy, 10, LOADED, NULL);
    struct kc_view others = bank_certifies(&first, &copy, 0, 1000);
    assert_error(side_run(&card, KC_INS_TAKE_CERTIFIED, 0, 0, NULL, others), MISMATCH);
    assert_int_equal(value_of(&card), 340);
    exchange(&card, &b, 80);
    assert_int_equal(value_of(&card), 260);
}

/* The log of such a card is never covered: it gives up its oldest entries, and loading goes on. */
static void a_card_outlives_its_log(void **state)
{
    (void)state;
    assert_error(load(&card, 400), OK);
    for (unsigned i = 0; i < 2 * KC_LOG_COUNT; i++) {
        exchange(&card, i % 2 == 0 ? &a : &b, 2);
        if (i % 20 == 19) {
            /* Payees whose logs are empty again. */
            side_plain(&a, 1, 500);
            side_plain(&b, 2, 7);
        }
    }
    side_power(&card);
    assert_int_equal(value_of(&card), 400 - 4 * KC_LOG_COUNT);
    assert_error(load(&card, 450), OK);
    assert_int_equal(value_of(&card), 450 - 4 * KC_LOG_COUNT);
    exchange(&card, &a, 50);
}

/* ---- what a payee does not believe ---- */

/* Neither what the bank signed nor what the card marked. */
static void no_changed_bit_of_a_payment_is_taken(void **state)
{
    (void)state;
    assert_error(pay(&first, &card, &a, 60), OK);
    for (size_t i = 0; i < first.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bool answered = false;
            first.bytes[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(KC_OK, examine(&answered, &a, kept_view(&first)));
            first.bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
    assert_int_equal(value_of(&a), 500);
    assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_OK), OK);
}

/* Who knows a card's numbers, SGN4 and even SGN3 of another card has not its secret. */
static void an_order_by_somebody_who_never_met_the_card_is_refused(void **state)
{
    (void)state;
    bool answered = false;
    make_card(&copy, 10, LOADED, NULL);
    const struct kc_identity own = identity_of(&card);
    const struct kc_identity others = identity_of(&copy);
    const uint8_t nothing[KC_MAC_SECRET_SIZE] = {0};
    const char *domain = kc_payment_order_shape.domain;
    assert_error(pay(&first, &card, &a, 60), OK);
    const struct kc_payment_order order = order_of(kept_view(&first));
    assert_error(examine(&answered, &a,
                         marked_by(&second, kept_view(&first), &order, others.secret, domain)),
                 BAD_SIGNATURE);
    assert_error(
        examine(&answered, &a, marked_by(&second, kept_view(&first), &order, nothing, domain)),
        BAD_SIGNATURE);
    /* Marked as another record. */
    assert_error(
        examine(&answered, &a,
                marked_by(&second, kept_view(&first), &order, own.secret, kc_receipt_shape.domain)),
        BAD_SIGNATURE);
    assert_error(decide(&second, &a, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_int_equal(value_of(&a), 500);
    assert_error(
        examine(&answered, &a, marked_by(&second, kept_view(&first), &order, own.secret, domain)),
        OK);
}

static void totals_that_do_not_follow_are_refused(void **state)
{
    (void)state;
    bool answered = false;
    assert_error(pay(&first, &card, &a, 60), OK);
    const struct kc_payment_order good = order_of(kept_view(&first));
    struct kc_payment_order order = good;
    order.amount = amount(LOADED + 1);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)),
                 INSUFFICIENT_VALUE);
    order = good;
    order.amount = amount(81);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)),
                 LIMIT_EXCEEDED);
    /* Nothing was spent before the first entry, and nothing is ever received. */
    order = good;
    order.paid = amount(1);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)), MISMATCH);
    order = good;
    order.received = amount(1);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)), MISMATCH);
    order = good;
    order.head[0] ^= 1;
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)), MISMATCH);
    order = good;
    order.payer_counter = 2;
    order.returned = amount(1);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)), MISMATCH);
    /* More spent than was ever loaded; and so much that the rest does not reach. */
    order.returned = amount(0);
    order.paid = amount(LOADED + 1);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)), MISMATCH);
    order.paid = amount(41);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)),
                 INSUFFICIENT_VALUE);
    order.payer_counter = 0;
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)), MALFORMED);
    assert_int_equal(value_of(&a), 500);
}

/* shows: R-NODE-8 */
static void a_copy_is_found_by_a_payee_that_knows_the_card(void **state)
{
    (void)state;
    bool answered = false;
    side_copy(&copy, &card);
    exchange(&card, &a, 60);
    assert_error(pay(&first, &copy, &a, 60), OK);
    assert_error(examine(&answered, &a, kept_view(&first)), COPIED_OR_RESTORED);
    assert_error(decide(&second, &a, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_int_equal(value_of(&a), 560);
    /* Nor with a higher counter, when it does not know of what the other one paid. */
    const struct kc_payment_order good = order_of(kept_view(&first));
    struct kc_payment_order order = good;
    order.payer_counter = 3;
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)),
                 COPIED_OR_RESTORED);
    /* Nor when it says that what this payee took came back to it. */
    order.paid = amount(60);
    order.returned = amount(30);
    assert_error(examine(&answered, &a, with_order(&second, kept_view(&first), &order)),
                 COPIED_OR_RESTORED);
    assert_int_equal(value_of(&a), 560);
    exchange(&card, &a, 40);
}

/* Two payees that never met know nothing of each other: each takes it, and the bank finds it (R-NODE-8). */
static void a_copy_at_another_payee_is_for_the_bank_to_find(void **state)
{
    (void)state;
    side_copy(&copy, &card);
    exchange(&card, &a, 60);
    exchange(&copy, &b, 60);
    assert_int_equal(value_of(&a), 560);
    assert_int_equal(value_of(&b), 67);
}

static void a_listed_card_pays_nothing_and_is_not_taken(void **state)
{
    (void)state;
    bool answered = false;
    const uint64_t number = card.number.number;
    assert_error(pay(&first, &card, &a, 10), OK);
    struct kc_view list = bank_lists(&second, 1, &number, 1);
    assert_error(take_hotlist(&a, list), OK);
    assert_error(take_hotlist(&card, list), OK);
    assert_error(examine(&answered, &a, kept_view(&first)), HOTLISTED);
    assert_error(decide(&second, &a, KC_ANSWER_OK), HOTLISTED);
    assert_error(decide(&second, &a, KC_ANSWER_NG), OK);
    assert_error(conclude(&card, kept_view(&second)), OK);
    assert_int_equal(value_of(&card), LOADED);
    assert_error(pay(&first, &card, &b, 10), HOTLISTED);
}

static void limits_and_ends_of_a_card_hold_on_both_sides(void **state)
{
    (void)state;
    bool answered = false;
    struct kc_offline_limits limits = card_limits(500, 80);
    assert_error(pay(&first, &card, &a, 81), LIMIT_EXCEEDED);
    limits.valid_ms = 0;
    make_card(&copy, 10, LOADED, &limits);
    const uint64_t late[] = {10, NOW_MS + 1};
    assert_error(offer(&first, &copy, &a, false, 0), OK);
    assert_error(side_run(&copy, KC_INS_PAY, 0, 2, late, kept_view(&first)), CONTACT_NEEDED);
    assert_error(pay(&first, &copy, &a, 10), OK);
    assert_error(side_run(&a, KC_INS_EXAMINE, 0, 1, &late[1], kept_view(&first)), CONTACT_NEEDED);
    /* More than a card may hold is not believed of it. */
    limits = card_limits(50, 80);
    make_card(&copy, 11, LOADED, &limits);
    assert_error(pay(&first, &copy, &a, 10), OK);
    assert_error(examine(&answered, &a, kept_view(&first)), LIMIT_EXCEEDED);
    struct making making = card.making;
    making.expires_s = NOW_MS / 1000;
    side_make(&copy, &making);
    assert_error(pay(&first, &copy, &a, 10), IDENTITY_EXPIRED);
    assert_int_equal(value_of(&a), 500);
}

static void a_card_of_another_bank_is_refused(void **state)
{
    (void)state;
    bool answered = false;
    struct making making = card.making;
    making.other_bank = true;
    side_make(&copy, &making);
    assert_error(pay(&first, &card, &a, 10), OK);
    struct kc_payment payment;
    struct kc_buffer buffer = KC_BUFFER(second.bytes);
    must(kc_shape_decode(&payment, &kc_payment_shape, kept_view(&first)));
    payment.identity = copy.identity;
    must(kc_shape_encode(&buffer, &kc_payment_shape, &payment));
    assert_error(examine(&answered, &a, kc_buffer_view(&buffer)), BAD_SIGNATURE);
    /* SGN4 of another card of this bank. */
    make_card(&copy, 10, 1000, NULL);
    must(kc_shape_decode(&payment, &kc_payment_shape, kept_view(&first)));
    payment.certified = copy.purse.state.certified;
    buffer.size = 0;
    must(kc_shape_encode(&buffer, &kc_payment_shape, &payment));
    assert_error(examine(&answered, &a, kc_buffer_view(&buffer)), MISMATCH);
    /* None at all. */
    payment.has_certified = false;
    buffer.size = 0;
    must(kc_shape_encode(&buffer, &kc_payment_shape, &payment));
    assert_error(examine(&answered, &a, kc_buffer_view(&buffer)), MALFORMED);
}

/* A purse with a key cannot pay without signing, whatever it shows beside the order. */
static void a_marked_order_is_nothing_of_a_purse_with_a_key(void **state)
{
    (void)state;
    bool answered = false;
    struct kc_payment payment;
    struct kc_buffer buffer = KC_BUFFER(second.bytes);
    assert_error(pay(&first, &a, &b, 10), OK);
    struct kc_payment_order order = order_of(kept_view(&first));
    assert_error(examine(&answered, &b, with_order(&second, kept_view(&first), &order)),
                 WRONG_ALGORITHM);
    must(kc_shape_decode(&payment, &kc_payment_shape, kept_view(&first)));
    payment.has_certified = true;
    payment.certified = a.purse.state.certified;
    must(kc_shape_encode(&buffer, &kc_payment_shape, &payment));
    assert_error(examine(&answered, &b, kc_buffer_view(&buffer)), MALFORMED);
    /* A signed order of a card that cannot sign. */
    assert_error(pay(&first, &card, &b, 10), OK);
    order = order_of(kept_view(&first));
    must(kc_shape_decode(&payment, &kc_payment_shape, kept_view(&first)));
    struct kept signed_payment;
    struct kc_payment with_signature;
    must(kc_shape_decode(
        &with_signature, &kc_payment_shape,
        sign_payment(&signed_payment, &order, &a.sign, exchange_realm(), card.identity)));
    payment.order = with_signature.order;
    buffer.size = 0;
    must(kc_shape_encode(&buffer, &kc_payment_shape, &payment));
    assert_error(examine(&answered, &b, kc_buffer_view(&buffer)), BAD_SIGNATURE);
}

/* ---- power ---- */

/* shows: R-NODE-8 */
static void a_card_torn_while_it_pays_or_is_loaded_is_before_or_after(void **state)
{
    (void)state;
    static struct side before;
    side_copy(&before, &card);
    for (unsigned mode = 0; mode < CUT_MODES; mode++) {
        for (unsigned what = 0; what < 2; what++) {
            bool done = false;
            for (int steps = 1; !done; steps++) {
                assert_in_range(steps, 1, 100);
                side_copy(&card, &before);
                side_plain(&a, 1, 500);
                card.mode = (enum cut_mode)mode;
                card.steps_left = steps;
                done = (what == 0 ? pay(&first, &card, &a, 60) : load(&card, 150)) == KC_OK;
                side_power(&card);
                uint64_t open = kc_amount_minor(info_of(&card).open);
                uint64_t after = value_of(&card) + open;
                assert_true(after == LOADED || (what == 1 && after == 150));
                assert_true(open == 0 || open == 60);
                assert_true(!done || (what == 0 ? open == 60 : after == 150));
                if (open == 60) {
                    assert_error(open_payment(&first, &card, 0), OK);
                    assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_OK), OK);
                    assert_error(conclude(&card, kept_view(&second)), OK);
                    assert_int_equal(value_of(&a) + value_of(&card), 600);
                }
            }
        }
    }
}

#define WITH_CARD(test) cmocka_unit_test_setup(test, card_and_two)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CARD(a_card_without_keys_pays_and_its_payee_signs_for_it),
        WITH_CARD(what_was_taken_from_a_card_is_paid_on_and_reported),
        WITH_CARD(a_declined_payment_comes_back_to_the_card),
        WITH_CARD(a_card_has_no_commands_that_want_a_key),
        WITH_CARD(nobody_pays_to_a_card_without_keys),
        WITH_CARD(a_card_without_keys_pays_to_no_keyed_card),
        WITH_CARD(a_keyed_card_takes_nothing_from_one_without),
        WITH_CARD(a_card_is_loaded_by_the_bank_alone_and_keeps_what_it_spent),
        WITH_CARD(a_card_outlives_its_log),
        WITH_CARD(no_changed_bit_of_a_payment_is_taken),
        WITH_CARD(an_order_by_somebody_who_never_met_the_card_is_refused),
        WITH_CARD(totals_that_do_not_follow_are_refused),
        WITH_CARD(a_copy_is_found_by_a_payee_that_knows_the_card),
        WITH_CARD(a_copy_at_another_payee_is_for_the_bank_to_find),
        WITH_CARD(a_listed_card_pays_nothing_and_is_not_taken),
        WITH_CARD(limits_and_ends_of_a_card_hold_on_both_sides),
        WITH_CARD(a_card_of_another_bank_is_refused),
        WITH_CARD(a_marked_order_is_nothing_of_a_purse_with_a_key),
        WITH_CARD(a_card_torn_while_it_pays_or_is_loaded_is_before_or_after),
    };
    return cmocka_run_group_tests_name("bearer", tests, exchange_open, exchange_close);
}
