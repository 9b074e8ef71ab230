/* Does a purse change its keys only for what the bank signed over the new ones, and does an open payment go on under the old? */
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
    /* A payment that nobody reported, with an answer or without. */
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

/* ---- with a payment open ---- */

/* Pays, and reports that. */
static void pay_reported(uint64_t amount)
{
    EXPECT(world_pay(&world, amount), KC_OK);
    EXPECT(world_settle_request(&world), KC_OK);
    EXPECT(world_take_settle(&world, world_uncovered(&world), world_value(&world), NULL), KC_OK);
}

static void renew(void)
{
    EXPECT(world_renew_request(&world), KC_OK);
    EXPECT(world_take_renew(&world), KC_OK);
}

static void confirm(void)
{
    EXPECT(world_settle_request(&world), KC_OK);
    EXPECT(world_take_settle(&world, world_uncovered(&world), world_value(&world), NULL), KC_OK);
}

/* The open payment comes again under the identity with that key, which verifies it; so a payee can take it. */
static void open_is_signed_by(const struct kc_public_key *key)
{
    struct kc_payment payment;
    struct kc_identity identity;
    struct kc_signed order;
    EXPECT(world_open_payment(&world, 0), KC_OK);
    assert_false(kc_failed(kc_shape_decode(&payment, &kc_payment_shape, world_data(&world))));
    assert_true(payment.has_identity);
    assert_false(kc_failed(kc_identity_open(&identity, &crypto, &world.bank_sign.public_key,
                                            &world.realm, payment.identity)));
    assert_true(kc_purse_same_key(&identity.key, key));
    assert_false(kc_failed(kc_brief_parse(&order, payment.order)));
    assert_false(kc_failed(
        kc_brief_verify(&order, &crypto, key, &world.realm, kc_payment_order_shape.domain)));
}

/* shows: R-RENEW-5 R-RENEW-7 R-XCHG-4 */
static void an_open_payment_goes_on_under_the_identity_that_signed_it(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        cast_suite(suite);
        world_ready(&world);
        struct kc_public_key old = world.purse.sign_public;
        pay_reported(10);
        renew();
        assert_int_equal(world.purse.state.closed, 2);
        assert_int_equal(world.purse.state.open.count, 1);
        open_is_signed_by(&old);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
        open_is_signed_by(&old);
        confirm();
        EXPECT(world_conclude(&world, world_partner_answer(&world, 1, true)), KC_OK);
        assert_int_equal(world.purse.state.open.count, 0);
        assert_int_equal(world_value(&world), WORLD_VALUE - 10);
        /* The next one is the new key's, before another renewal and after it. */
        struct kc_public_key second = world.purse.sign_public;
        pay_reported(20);
        open_is_signed_by(&second);
        renew();
        open_is_signed_by(&second);
    }
}

/* shows: R-RENEW-5 R-XCHG-4 */
static void a_decline_after_the_renewal_gives_the_amount_back(void **state)
{
    (void)state;
    struct kc_settle_request report;
    pay_reported(10);
    renew();
    struct kc_public_key key = world.purse.sign_public;
    EXPECT(world_conclude(&world, world_partner_answer(&world, 1, false)), KC_OK);
    assert_int_equal(world.purse.state.open.count, 0);
    assert_int_equal(world_value(&world), WORLD_VALUE);
    struct kc_entry entry = newest_entry();
    assert_int_equal(entry.kind, KC_ENTRY_KIND_VOID);
    assert_int_equal(entry.counter, 3);
    assert_int_equal(entry.voids, 1);
    EXPECT(world_settle_request(&world), KC_OK);
    open_sent(&report, &kc_settle_request_shape, &key);
    assert_int_equal(report.records.count, 2);
    EXPECT(world_take_settle(&world, 2, WORLD_VALUE, NULL), KC_OK);
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 10), KC_OK);
}

/* shows: R-RENEW-5 R-XCHG-9 */
static void the_bank_ends_an_open_payment_after_the_renewal(void **state)
{
    static const enum kc_error words[] = {KC_OK, KC_OUT_OF_ORDER};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct kc_release release = {
            .counter = 1, .amount = world_amount(10), .reason = words[i]};
        world_ready(&world);
        pay_reported(10);
        renew();
        EXPECT(world_settle_request(&world), KC_OK);
        EXPECT(world_take_settle(&world, 1, WORLD_VALUE - 10, &release), KC_OK);
        assert_int_equal(world.purse.state.open.count, 0);
        assert_int_equal(world_value(&world), WORLD_VALUE - (words[i] == KC_OK ? 10 : 0));
        assert_int_equal(newest_entry().kind,
                         words[i] == KC_OK ? KC_ENTRY_KIND_CLOSE : KC_ENTRY_KIND_VOID);
    }
}

/* shows: R-RENEW-5 */
static void one_former_identity_is_kept_and_no_more(void **state)
{
    (void)state;
    struct kc_public_key old = world.purse.sign_public;
    pay_reported(10);
    renew();
    confirm();
    EXPECT(world_renew_request(&world), KC_PENDING);
    EXPECT(world_handover(&world, 1), KC_PENDING);
    open_is_signed_by(&old);
    EXPECT(world_conclude(&world, world_partner_answer(&world, 1, true)), KC_OK);
    renew();
    confirm();
    assert_int_equal(world.purse.state.closed, 3);
}

/* shows: R-RENEW-7 */
static void a_damaged_former_identity_leaves_the_bank_to_ask(void **state)
{
    (void)state;
    size_t at =
        KC_NVM_NEXT_AT + (size_t)(KC_STATIC_FORMER_IDENTITY - KC_STATIC_NEXT_KEYS) * KC_STATIC_ROOM;
    pay_reported(10);
    renew();
    world.memory.now[at + 20] ^= 1;
    memcpy(world.memory.durable, world.memory.now, sizeof world.memory.now);
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    EXPECT(world_open_payment(&world, 0), KC_ASK_BANK);
    EXPECT(world_conclude(&world, world_partner_answer(&world, 1, false)), KC_OK);
    assert_int_equal(world_value(&world), WORLD_VALUE);
}

/* ---- a payee that knows the new identity ---- */

/* The purse learns of a newer identity of its partner. */
static struct kc_partner meet_newer(void)
{
    struct kc_payee_identity said;
    assert_false(
        kc_failed(kc_shape_decode(&said, &kc_payee_identity_shape, world_partner_offer(&world))));
    struct kc_partner newer = {.account = said.account,
                               .purse = said.purse,
                               .issued_s = 2,
                               .expires_s = WORLD_EXPIRES_S,
                               .key = world.bank_sign.public_key};
    assert_false(kc_failed(kc_purse_partner_keep(&world.purse, &newer)));
    return newer;
}

/* shows: R-RENEW-5 R-XCHG-4 */
static void an_old_identity_is_refused_by_name_and_only_declined(void **state)
{
    (void)state;
    struct kc_payment_answer answer;
    struct kc_partner kept;
    struct kc_partner newer = meet_newer();
    EXPECT(world_examine(&world, world_partner_payment(&world, 1, 20)), KC_KEY_RENEWED);
    EXPECT(world_decide(&world, KC_ANSWER_OK), KC_OUT_OF_ORDER);
    EXPECT(world_examine(&world, world_partner_payment(&world, 1, 20)), KC_KEY_RENEWED);
    /* Its counter passes: nothing takes it any more, and its payer may know. */
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_DEPOSIT, 10), KC_OK);
    EXPECT(world_take_quote(&world), KC_OK);
    EXPECT(world_answer(&world, KC_ANSWER_OK), KC_OK);
    EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 10), KC_OK);
    EXPECT(world_examine(&world, world_partner_payment(&world, 1, 20)), KC_OK);
    EXPECT(world_decide(&world, KC_ANSWER_OK), KC_OK);
    assert_false(kc_failed(kc_shape_decode(&answer, &kc_payment_answer_shape, world_data(&world))));
    assert_false(answer.taken);
    assert_int_equal(world_value(&world), WORLD_VALUE - 10);
    assert_false(kc_failed(kc_purse_partner_find(&kept, &world.purse, newer.account, newer.purse)));
    assert_int_equal(kept.issued_s, 2);
    assert_true(kc_purse_same_key(&kept.key, &newer.key));
    EXPECT(world_examine(&world, world_partner_payment(&world, 2, 20)), KC_KEY_RENEWED);
    /* What it did not sign is declined for nobody. */
    struct world_party real = world.partner;
    struct kc_payment payment;
    uint8_t forged[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(forged);
    assert_false(kc_failed(
        kc_shape_decode(&payment, &kc_payment_shape, world_partner_payment(&world, 1, 20))));
    uint8_t identity[KC_RECORD_SIZE_MAX];
    memcpy(identity, payment.identity.data, payment.identity.size);
    const struct kc_view honest = kc_view(identity, payment.identity.size);
    world.partner = world.bank_encrypt;
    assert_false(kc_failed(
        kc_shape_decode(&payment, &kc_payment_shape, world_partner_payment(&world, 1, 20))));
    payment.identity = honest;
    assert_false(kc_failed(kc_shape_encode(&out, &kc_payment_shape, &payment)));
    world.partner = real;
    EXPECT(world_examine(&world, kc_buffer_view(&out)), KC_BAD_SIGNATURE);
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
        cmocka_unit_test_setup(an_open_payment_goes_on_under_the_identity_that_signed_it, ready),
        cmocka_unit_test_setup(a_decline_after_the_renewal_gives_the_amount_back, ready),
        cmocka_unit_test_setup(the_bank_ends_an_open_payment_after_the_renewal, ready),
        cmocka_unit_test_setup(one_former_identity_is_kept_and_no_more, ready),
        cmocka_unit_test_setup(a_damaged_former_identity_leaves_the_bank_to_ask, ready),
        cmocka_unit_test_setup(an_old_identity_is_refused_by_name_and_only_declined, ready),
        cmocka_unit_test_setup(a_damaged_new_key_is_no_purse, ready),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
