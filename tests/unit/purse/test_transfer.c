/* Does a purse transfer exactly what its user saw, to the account that was asked for, and is it gone from the purse at the OK
 * only when it comes from there? */
#include "cast.h"

#define OTHER kc_account_nth(424242)

static int ready(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    return 0;
}

static enum kc_error ask(unsigned source, uint64_t amount)
{
    return world_transfer(&world, source, amount, OTHER.number);
}

static void open_sent(void *message, const struct kc_shape *shape)
{
    static uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signed envelope;
    assert_false(kc_failed(kc_signed_parse(&envelope, world_data(&world))));
    assert_false(
        kc_failed(kc_envelope_open(message, &plain, &envelope, &crypto, &world.own_sign.public_key,
                                   &world.bank_encrypt.private_key, &world.realm, shape)));
}

/* shows: R-MOVE-1 R-MOVE-3 R-MOVE-4 */
static void from_the_purse_it_is_gone_at_ok_with_the_receiver_in_its_entry(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_transfer_request request;
        struct kc_cash_answer answer;
        struct kc_entry entry;
        cast_suite(suite);
        world_ready(&world);
        EXPECT(ask(KC_TRANSFER_SOURCE_PURSE, 100), KC_OK);
        open_sent(&request, &kc_transfer_request_shape);
        assert_true(request.source == KC_TRANSFER_SOURCE_PURSE &&
                    request.to.number == OTHER.number && kc_amount_minor(request.amount) == 100);
        EXPECT(world_take_transfer_quote(&world), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        EXPECT(world_answer(&world, KC_ANSWER_OK), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE - 100);
        open_sent(&answer, &kc_cash_answer_shape);
        assert_true(answer.has_entry);
        assert_false(kc_failed(kc_shape_decode(&entry, &kc_entry_shape, answer.entry)));
        assert_true(entry.kind == KC_ENTRY_KIND_CASH_OUT && entry.recipient.number == OTHER.number);
        EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 100), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE - 100);
        assert_int_equal(world.purse.state.life, KC_LIFE_READY);
        assert_false(world.purse.state.has_pending_to);
    }
}

/* shows: R-MOVE-4 */
static void from_the_account_the_purse_changes_nothing(void **state)
{
    struct kc_cash_answer answer;
    (void)state;
    EXPECT(ask(KC_TRANSFER_SOURCE_ACCOUNT, 900), KC_OK);
    EXPECT(world_take_transfer_quote(&world), KC_OK);
    EXPECT(world_answer(&world, KC_ANSWER_OK), KC_OK);
    open_sent(&answer, &kc_cash_answer_shape);
    assert_false(answer.has_entry);
    EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE), KC_OK);
    assert_int_equal(world_value(&world), WORLD_VALUE);
    assert_int_equal(world.purse.state.counter, 0);
}

/* shows: R-MOVE-5 */
static void what_was_not_completed_comes_back(void **state)
{
    static const enum kc_outcome outcomes[] = {KC_OUTCOME_NOT_COMPLETED, KC_OUTCOME_NONE};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)ready(NULL);
        EXPECT(ask(KC_TRANSFER_SOURCE_PURSE, 100), KC_OK);
        EXPECT(world_take_transfer_quote(&world), KC_OK);
        EXPECT(world_answer(&world, KC_ANSWER_OK), KC_OK);
        EXPECT(world_state_request(&world), KC_OK);
        EXPECT(world_take_state(&world, outcomes[i], 0, WORLD_VALUE), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        assert_int_equal(world.purse.state.counter, 2);
    }
    (void)ready(NULL);
    EXPECT(ask(KC_TRANSFER_SOURCE_PURSE, 100), KC_OK);
    EXPECT(world_take_transfer_quote(&world), KC_OK);
    EXPECT(world_answer(&world, KC_ANSWER_NG), KC_OK);
    assert_int_equal(world_value(&world), WORLD_VALUE);
    assert_int_equal(world.purse.state.life, KC_LIFE_READY);
    assert_false(world.purse.state.has_pending_to);
}

/* shows: R-MOVE-2 */
static void what_the_purse_refuses_itself(void **state)
{
    uint64_t own = world.purse.settings.account.number;
    (void)state;
    for (unsigned source = 1; source <= 2; source++) {
        EXPECT(world_transfer(&world, source, 1, OTHER.number + 1), KC_WRONG_NUMBER);
        EXPECT(world_transfer(&world, source, 1, 0), KC_WRONG_NUMBER);
        EXPECT(world_transfer(&world, source, 1, UINT64_MAX), KC_WRONG_NUMBER);
        EXPECT(ask(source, 0), KC_AMOUNT_ZERO);
        EXPECT(ask(source, KC_AMOUNT_MAX + 1), KC_AMOUNT_TOO_LARGE);
    }
    EXPECT(ask(0, 1), KC_MALFORMED);
    EXPECT(ask(3, 1), KC_MALFORMED);
    EXPECT(world_order(&world, KC_INS_TRANSFER_REQUEST, 1, 1), KC_MALFORMED);
    EXPECT(ask(KC_TRANSFER_SOURCE_PURSE, WORLD_VALUE + 1), KC_INSUFFICIENT_VALUE);
    EXPECT(world_transfer(&world, KC_TRANSFER_SOURCE_ACCOUNT, 1, own), KC_SAME_ACCOUNT);
    assert_int_equal(world.purse.state.life, KC_LIFE_READY);
    EXPECT(world_transfer(&world, KC_TRANSFER_SOURCE_PURSE, WORLD_VALUE, own), KC_OK);
    EXPECT(world_take_transfer_quote(&world), KC_OK);
}

/* A quote that says anything else than was asked, or what this purse knows, is not shown. */
static void change(struct kc_transfer_quote *quote, unsigned how)
{
    struct kc_amount *const amounts[] = {&quote->amount, &quote->account_after,
                                         &quote->purse_before, &quote->purse_after};
    switch (how) {
    case 0:
        quote->request[0] ^= 1;
        return;
    case 1:
        quote->transaction_ms += 1;
        return;
    case 2:
        quote->bank += 1;
        return;
    case 3:
        quote->account = kc_account_nth(7);
        return;
    case 4:
        quote->purse = kc_purse_nth(7);
        return;
    case 5:
        quote->purse_type = KC_PURSE_TYPE_CARD;
        return;
    case 6:
        quote->source = quote->source == KC_TRANSFER_SOURCE_PURSE ? KC_TRANSFER_SOURCE_ACCOUNT
                                                                  : KC_TRANSFER_SOURCE_PURSE;
        return;
    case 7:
        quote->to = kc_account_nth(424243);
        return;
    case 8:
        quote->counter += 1;
        return;
    default:
        *amounts[how - 9] = world_amount(kc_amount_minor(*amounts[how - 9]) + 1);
    }
}

/* shows: R-MOVE-3 */
static void only_the_quote_of_this_request_is_taken(void **state)
{
    struct world_saying saying;
    (void)state;
    for (unsigned source = 1; source <= 2; source++) {
        (void)ready(NULL);
        EXPECT(ask(source, 100), KC_OK);
        saying = world_saying(&world);
        for (unsigned how = 0; how < 13; how++) {
            struct kc_transfer_quote quote = world_transfer_quote(&world);
            change(&quote, how);
            EXPECT(world_take(&world, world_say(&world, &saying, &kc_transfer_quote_shape, &quote)),
                   KC_MISMATCH);
        }
        struct kc_cash_quote cash = world_quote(&world);
        EXPECT(world_take(&world, world_say(&world, &saying, &kc_cash_quote_shape, &cash)),
               KC_MISMATCH);
        EXPECT(world_take_transfer_quote(&world), KC_OK);
        EXPECT(world_take_transfer_quote(&world), KC_OUT_OF_ORDER);
    }
    (void)ready(NULL);
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_DEPOSIT, 100), KC_OK);
    struct kc_transfer_quote quote = world_transfer_quote(&world);
    EXPECT(world_take(&world, world_say(&world, &saying, &kc_transfer_quote_shape, &quote)),
           KC_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_the_purse_it_is_gone_at_ok_with_the_receiver_in_its_entry),
        cmocka_unit_test_setup(from_the_account_the_purse_changes_nothing, ready),
        cmocka_unit_test_setup(what_was_not_completed_comes_back, ready),
        cmocka_unit_test_setup(what_the_purse_refuses_itself, ready),
        cmocka_unit_test_setup(only_the_quote_of_this_request_is_taken, ready),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
