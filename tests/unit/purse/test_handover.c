/* Does a purse take keys that the authority made only from it, whole, as the bank named them, and at the right moment? */
#include "cast.h"
#include "purse/inside.h"

static int ready(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    return 0;
}

static enum kc_error take_claimed(const struct kc_claim_reply *reply,
                                  const struct world_party *from)
{
    struct world_saying saying = world_saying(&world);
    saying.from = from;
    return world_take(&world, world_say(&world, &saying, &kc_claim_reply_shape, reply));
}

static enum kc_error take_keys(const struct kc_key_reply *reply, const struct world_party *from)
{
    return world_take(&world, world_authority_says(&world, from, &kc_key_reply_shape, reply));
}

static void come_to_key_request(void)
{
    EXPECT(world_handover(&world, 1), KC_OK);
    EXPECT(world_take_claimed(&world), KC_OK);
    EXPECT(world_handover(&world, 2), KC_OK);
}

/* shows: R-RENEW-4 R-RENEW-5 */
static void the_keys_come_into_force_in_one_step(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        cast_suite(suite);
        world_ready(&world);
        come_to_key_request();
        assert_int_equal(world.purse.state.key_set, 0);
        EXPECT(world_take_keys(&world), KC_OK);
        /* The host hears that it went well, and nothing of what was in it. */
        assert_int_equal(world_data(&world).size, 0);
        assert_int_equal(world.purse.state.key_set, 1);
        assert_int_equal(world.purse.state.handover, KC_HANDOVER_CHANGED);
        assert_int_equal(world.purse.state.closed, 1);
        assert_memory_equal(&world.purse.sign_public.p256,
                            &world_made(&world, WORLD_MADE_SIGN)->public_key.p256,
                            sizeof world.purse.sign_public.p256);
        EXPECT(world_handover(&world, 2), KC_OUT_OF_ORDER);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
        EXPECT(world_handover(&world, 3), KC_OK);
        EXPECT(world_take_done(&world), KC_OK);
        EXPECT(world_take_done(&world), KC_UNKNOWN_SIGNER);
        assert_int_equal(world.purse.state.handover, KC_HANDOVER_NONE);
        EXPECT(world_settle_request(&world), KC_OK);
        EXPECT(world_take_settle(&world, 1, WORLD_VALUE, NULL), KC_OK);
        EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 10), KC_OK);
    }
}

/* shows: R-RENEW-5 */
static void nobody_else_names_keys(void **state)
{
    (void)state;
    EXPECT(world_take_claimed(&world), KC_MISMATCH);
    EXPECT(world_handover(&world, 2), KC_OUT_OF_ORDER);
    EXPECT(world_handover(&world, 3), KC_OUT_OF_ORDER);
    EXPECT(world_handover(&world, 4), KC_MALFORMED);
    EXPECT(world_handover(&world, 1), KC_OK);
    struct kc_claim_reply reply = world_claim_reply(&world);
    EXPECT(take_claimed(&reply, &world.partner), KC_BAD_SIGNATURE);
    /* Not even the authority, which no bank named yet. */
    EXPECT(world_take(&world, world_authority_says(&world, world_made(&world, WORLD_AUTHORITY_SIGN),
                                                   &kc_claim_reply_shape, &reply)),
           KC_WRONG_TYPE);
    reply.request[0] ^= 1;
    EXPECT(take_claimed(&reply, &world.bank_sign), KC_MISMATCH);
    reply = world_claim_reply(&world);
    reply.purse = kc_purse_nth(777);
    EXPECT(take_claimed(&reply, &world.bank_sign), KC_MISMATCH);
    reply = world_claim_reply(&world);
    struct kc_identity other = world_identity(&world);
    other.purse = kc_purse_nth(777);
    reply.identity = world_sign_identity(&world, &other);
    EXPECT(take_claimed(&reply, &world.bank_sign), KC_MISMATCH);
    EXPECT(world_take_keys(&world), KC_UNKNOWN_SIGNER);
    EXPECT(world_take_claimed(&world), KC_OK);
    assert_int_equal(world.purse.state.handover, KC_HANDOVER_WAITING);
    assert_int_equal(world.purse.state.key_set, 0);
}

/* shows: R-RENEW-4 R-RENEW-5 */
static void no_other_private_keys_are_taken(void **state)
{
    (void)state;
    come_to_key_request();
    const struct world_party *authority = world_made(&world, WORLD_AUTHORITY_SIGN);
    const struct world_party *sign = world_made(&world, WORLD_MADE_SIGN);
    const struct world_party *encrypt = world_made(&world, WORLD_MADE_ENCRYPT);
    struct kc_key_reply reply = world_key_reply(&world);
    EXPECT(take_keys(&reply, &world.partner), KC_BAD_SIGNATURE);
    EXPECT(take_keys(&reply, &world.bank_sign), KC_BAD_SIGNATURE);
    reply.request[0] ^= 1;
    EXPECT(take_keys(&reply, authority), KC_MISMATCH);
    reply = world_key_reply(&world);
    reply.purse = kc_purse_nth(777);
    EXPECT(take_keys(&reply, authority), KC_MISMATCH);
    reply = world_key_reply(&world);
    reply.keys = world_key_pair(encrypt, sign);
    EXPECT(take_keys(&reply, authority), KC_MISMATCH);
    reply.keys = world_key_pair(sign, sign);
    EXPECT(take_keys(&reply, authority), KC_MISMATCH);
    reply.keys = kc_view(reply.keys.data, reply.keys.size - 1);
    EXPECT(take_keys(&reply, authority), KC_MALFORMED);
    assert_int_equal(world.purse.state.key_set, 0);
    assert_int_equal(world.purse.state.counter, 0);
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 10), KC_OK);
    world_ready(&world);
    come_to_key_request();
    /* The authority's refusal ends its request, and blocks nobody. */
    struct kc_refusal refusal = {.reason = KC_REPORTED_LOST, .time_ms = WORLD_TIME_MS};
    memcpy(refusal.request, world.purse.state.renew_request, KC_DIGEST_SIZE);
    EXPECT(world_take(&world, world_authority_says(&world, authority, &kc_refusal_shape, &refusal)),
           KC_OK);
    assert_int_equal(world.purse.state.life, KC_LIFE_READY);
    EXPECT(world_take_keys(&world), KC_MISMATCH);
    EXPECT(world_handover(&world, 2), KC_OK);
    EXPECT(world_take_keys(&world), KC_OK);
}

/* shows: R-RENEW-5 R-RENEW-7 */
static void what_is_open_comes_first(void **state)
{
    (void)state;
    come_to_key_request();
    struct kc_key_reply reply = world_key_reply(&world);
    const struct world_party *authority = world_made(&world, WORLD_AUTHORITY_SIGN);
    EXPECT(world_pay(&world, 10), KC_OK);
    EXPECT(take_keys(&reply, authority), KC_PENDING);
    EXPECT(world_handover(&world, 1), KC_PENDING);
    EXPECT(world_handover(&world, 2), KC_PENDING);
    EXPECT(world_conclude(&world, world_partner_answer(&world, 1, true)), KC_OK);
    EXPECT(world_settle_request(&world), KC_OK);
    EXPECT(world_take_settle(&world, 1, WORLD_VALUE - 10, NULL), KC_OK);
    /* The bank was told another end of the chain. */
    EXPECT(take_keys(&reply, authority), KC_PENDING);
    EXPECT(world_handover(&world, 2), KC_PENDING);
    EXPECT(world_handover(&world, 1), KC_OK);
    /* A claim ends what the one before it brought. */
    EXPECT(take_keys(&reply, authority), KC_UNKNOWN_SIGNER);
    EXPECT(world_take_claimed(&world), KC_OK);
    EXPECT(take_keys(&reply, authority), KC_MISMATCH);
    /* And a renewal made inside ends that. */
    EXPECT(world_renew_request(&world), KC_OK);
    EXPECT(world_handover(&world, 2), KC_OUT_OF_ORDER);
    EXPECT(world_take_renew(&world), KC_OK);
    assert_int_equal(world.purse.state.handover, KC_HANDOVER_NONE);
}

/* shows: R-RENEW-5 R-RENEW-7 */
static void an_open_payment_goes_on_under_the_old_identity(void **state)
{
    (void)state;
    struct kc_payment payment;
    struct kc_identity identity;
    struct kc_public_key old = world.purse.sign_public;
    EXPECT(world_pay(&world, 10), KC_OK);
    EXPECT(world_handover(&world, 1), KC_PENDING);
    EXPECT(world_settle_request(&world), KC_OK);
    EXPECT(world_take_settle(&world, 1, WORLD_VALUE - 10, NULL), KC_OK);
    come_to_key_request();
    EXPECT(world_take_keys(&world), KC_OK);
    assert_int_equal(world.purse.state.key_set, 1);
    EXPECT(world_open_payment(&world, 0), KC_OK);
    assert_false(kc_failed(kc_shape_decode(&payment, &kc_payment_shape, world_data(&world))));
    assert_false(kc_failed(kc_identity_open(&identity, &crypto, &world.bank_sign.public_key,
                                            &world.realm, payment.identity)));
    assert_true(kc_purse_same_key(&identity.key, &old));
    EXPECT(world_conclude(&world, world_partner_answer(&world, 1, false)), KC_OK);
    assert_int_equal(world_value(&world), WORLD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_keys_come_into_force_in_one_step, ready),
        cmocka_unit_test_setup(nobody_else_names_keys, ready),
        cmocka_unit_test_setup(no_other_private_keys_are_taken, ready),
        cmocka_unit_test_setup(what_is_open_comes_first, ready),
        cmocka_unit_test_setup(an_open_payment_goes_on_under_the_old_identity, ready),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
