/* Does a purse change its keys only for what the bank signed over the new ones, whole, and with nothing of the old ones open? */
#include "cast.h"
#include "purse/inside.h"

static int ready(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    return 0;
}

static uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];

/* The envelope in world_data, which that key must have signed. */
static void open_sent(void *message, const struct kc_shape *shape, const struct kc_public_key *key)
{
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signed envelope;
    assert_false(kc_failed(kc_signed_parse(&envelope, world_data(&world))));
    assert_false(kc_failed(kc_envelope_open(message, &plain, &envelope, &crypto, key,
                                            &world.bank_encrypt.private_key, &world.realm, shape)));
}

static struct kc_entry newest_entry(void)
{
    struct kc_log_slot slot;
    struct kc_entry entry;
    assert_false(
        kc_failed(kc_purse_log_entry(&entry, &slot, &world.purse, world.purse.state.counter)));
    return entry;
}

/* The bank's reply with another identity, from somebody else, or to somebody else. */
static enum kc_error take_reply(const struct kc_renew_reply *reply, const struct world_party *from)
{
    struct world_saying saying = world_saying(&world);
    saying.from = from;
    return world_take(&world, world_say(&world, &saying, &kc_renew_reply_shape, reply));
}

/* shows: R-RENEW-6 R-RENEW-5 R-SEC-2 */
static void new_keys_come_into_force_in_one_step(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_renew_request request;
        struct kc_settle_request report;
        struct kc_log_record record;
        struct kc_entry entry;
        cast_suite(suite);
        world_ready(&world);
        const struct kc_public_key old = world.purse.sign_public;
        EXPECT(world_renew_request(&world), KC_OK);
        open_sent(&request, &kc_renew_request_shape, &old);
        struct kc_identity identity = world_new_identity(&world);
        EXPECT(world_take_renew(&world), KC_OK);
        assert_int_equal(world.purse.state.key_set, 1);
        assert_false(world.purse.state.renewing);
        assert_int_equal(newest_entry().kind, KC_ENTRY_KIND_CLOSE);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        EXPECT(world_settle_request(&world), KC_OK);
        open_sent(&report, &kc_settle_request_shape, &identity.key);
        assert_int_equal(report.records.count, 1);
        assert_false(
            kc_failed(kc_shape_decode(&record, &kc_log_record_shape, report.records.items[0])));
        assert_false(kc_failed(kc_shape_decode(&entry, &kc_entry_shape, record.entry)));
        assert_int_equal(entry.kind, KC_ENTRY_KIND_CLOSE);
        /* Until the bank has heard of it no transaction begins. */
        EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 10), KC_PENDING);
        EXPECT(world_renew_request(&world), KC_PENDING);
        EXPECT(world_take_settle(&world, 1, WORLD_VALUE, NULL), KC_OK);
        EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 10), KC_OK);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        assert_int_equal(world.purse.state.key_set, 1);
    }
}

/* shows: R-RENEW-7 */
static void the_same_keys_are_asked_for_until_they_are_certified(void **state)
{
    (void)state;
    EXPECT(world_renew_request(&world), KC_OK);
    struct kc_identity first = world_new_identity(&world);
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    EXPECT(world_renew_request(&world), KC_OK);
    struct kc_identity second = world_new_identity(&world);
    assert_memory_equal(&first.key.p256, &second.key.p256, sizeof first.key.p256);
    /* A reply to the request before the last one comes too late. */
    struct kc_renew_reply reply = world_renew_reply(&world, world_sign_identity(&world, &second));
    reply.request[0] ^= 1;
    EXPECT(take_reply(&reply, &world.bank_sign), KC_MISMATCH);
    EXPECT(world_take_renew(&world), KC_OK);
    /* Nor does one come twice. */
    EXPECT(world_take_renew(&world), KC_MISMATCH);
}

/* shows: R-RENEW-5 */
static void nothing_else_changes_the_keys(void **state)
{
    struct world_saying saying;
    (void)state;
    EXPECT(world_take_renew(&world), KC_MISMATCH);
    EXPECT(world_renew_request(&world), KC_OK);
    struct kc_identity good = world_new_identity(&world);
    struct kc_identity bad = good;
    bad.key = world.partner.public_key;
    struct kc_renew_reply reply = world_renew_reply(&world, world_sign_identity(&world, &bad));
    EXPECT(take_reply(&reply, &world.bank_sign), KC_MISMATCH);
    bad = good;
    bad.key = world.purse.sign_public;
    reply = world_renew_reply(&world, world_sign_identity(&world, &bad));
    EXPECT(take_reply(&reply, &world.bank_sign), KC_MISMATCH);
    bad = good;
    bad.purse.number = kc_purse_nth(777).number;
    reply = world_renew_reply(&world, world_sign_identity(&world, &bad));
    EXPECT(take_reply(&reply, &world.bank_sign), KC_MISMATCH);
    bad = good;
    bad.account = kc_account_nth(777);
    reply = world_renew_reply(&world, world_sign_identity(&world, &bad));
    EXPECT(take_reply(&reply, &world.bank_sign), KC_MISMATCH);
    reply = world_renew_reply(&world, world_sign_identity(&world, &good));
    EXPECT(take_reply(&reply, &world.partner), KC_BAD_SIGNATURE);
    reply.purse.number = kc_purse_nth(777).number;
    EXPECT(take_reply(&reply, &world.bank_sign), KC_MISMATCH);
    reply = world_renew_reply(&world, world_sign_identity(&world, &good));
    saying = world_saying(&world);
    saying.realm.bank += 1;
    EXPECT(world_take(&world, world_say(&world, &saying, &kc_renew_reply_shape, &reply)),
           KC_BAD_SIGNATURE);
    assert_int_equal(world.purse.state.key_set, 0);
    assert_int_equal(world.purse.state.counter, 0);
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 10), KC_OK);
}

/* shows: R-RENEW-5 R-RENEW-7 */
static void what_is_open_comes_first(void **state)
{
    (void)state;
    /* A payment without an answer, then one that nobody reported. */
    EXPECT(world_pay(&world, 10), KC_OK);
    EXPECT(world_renew_request(&world), KC_PENDING);
    EXPECT(world_conclude(&world, world_partner_answer(&world, 1, true)), KC_OK);
    EXPECT(world_renew_request(&world), KC_PENDING);
    EXPECT(world_settle_request(&world), KC_OK);
    EXPECT(world_take_settle(&world, 1, WORLD_VALUE - 10, NULL), KC_OK);
    EXPECT(world_renew_request(&world), KC_OK);
    struct kc_identity identity = world_new_identity(&world);
    struct kc_renew_reply reply = world_renew_reply(&world, world_sign_identity(&world, &identity));
    /* What comes between request and reply is the old key's, and its request did not say so. */
    EXPECT(world_pay(&world, 10), KC_OK);
    EXPECT(take_reply(&reply, &world.bank_sign), KC_PENDING);
    EXPECT(world_conclude(&world, world_partner_answer(&world, 2, true)), KC_OK);
    EXPECT(take_reply(&reply, &world.bank_sign), KC_PENDING);
    EXPECT(world_settle_request(&world), KC_OK);
    EXPECT(world_take_settle(&world, 1, WORLD_VALUE - 20, NULL), KC_OK);
    EXPECT(take_reply(&reply, &world.bank_sign), KC_PENDING);
    EXPECT(world_renew_request(&world), KC_OK);
    EXPECT(world_take_renew(&world), KC_OK);
    assert_int_equal(world.purse.state.closed, 3);
}

/* shows: R-RENEW-7 */
static void a_damaged_new_key_is_no_purse(void **state)
{
    (void)state;
    EXPECT(world_renew_request(&world), KC_OK);
    EXPECT(world_take_renew(&world), KC_OK);
    world.memory.now[KC_NVM_SECOND_AT + 20] ^= 1;
    memcpy(world.memory.durable, world.memory.now, sizeof world.memory.now);
    world_power(&world);
    EXPECT(world_select(&world), KC_PURSE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(new_keys_come_into_force_in_one_step, ready),
        cmocka_unit_test_setup(the_same_keys_are_asked_for_until_they_are_certified, ready),
        cmocka_unit_test_setup(nothing_else_changes_the_keys, ready),
        cmocka_unit_test_setup(what_is_open_comes_first, ready),
        cmocka_unit_test_setup(a_damaged_new_key_is_no_purse, ready),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
