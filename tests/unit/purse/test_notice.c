/* Does a purse take the bank's newest word on the authority's keys, from the bank alone and never an older one, and does it go by
 * that where it speaks with the authority? */
#include "cast.h"
#include "purse/inside.h"

static int ready(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    return 0;
}

static enum kc_error get(uint8_t tag)
{
    return world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, tag, 0, kc_view(NULL, 0));
}

static void expect_issuer(const char *text)
{
    EXPECT(get(KC_TAG_AUTHORITY_CERTIFICATE), KC_OK);
    assert_true(kc_view_equal(world_data(&world), kc_view_text(text)));
}

static enum kc_error take(const struct world_party *from, const struct kc_realm *realm,
                          const struct kc_noticed_keys *told)
{
    struct world_saying saying = world_saying(&world);
    saying.from = from;
    saying.realm = *realm;
    return world_take_notice(&world, world_notice(&world, &saying, told));
}

/* shows: R-RENEW-8 */
static void the_newest_is_kept_and_given(void **state)
{
    struct kc_view told;
    struct kc_noticed_keys read;
    struct kc_signed parsed;
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        cast_suite(suite);
        world_ready(&world);
        EXPECT(get(KC_TAG_NOTICE), KC_NOT_FOUND);
        EXPECT(get(KC_TAG_AUTHORITY_CERTIFICATE), KC_OK);
        assert_true(
            kc_view_equal(world_data(&world), world_certificate(KC_TAG_AUTHORITY_CERTIFICATE)));
        for (uint64_t number = 7; number < 700; number += 300) {
            char issuer[40];
            EXPECT(world_tell(&world, number), KC_OK);
            (void)snprintf(issuer, sizeof issuer, "the issuing certificate of notice %u",
                           (unsigned)number);
            expect_issuer(issuer);
            world_power(&world);
            EXPECT(world_select(&world), KC_OK);
            expect_issuer(issuer);
            EXPECT(get(KC_TAG_NOTICE), KC_OK);
            told = world_data(&world);
            assert_false(kc_failed(kc_notice_read(&read, &parsed, told)));
            assert_int_equal(read.number, number);
            EXPECT_REFUSED(world_tell(&world, number), KC_STALE_STATE);
            EXPECT_REFUSED(world_tell(&world, number - 1), KC_STALE_STATE);
        }
    }
}

/* shows: R-RENEW-8 R-SEC-2 */
static void nobody_else_is_believed(void **state)
{
    static uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_noticed_keys told = world_noticed(&world, 5);
    const struct kc_noticed_keys good = told;
    struct kc_realm realm = world.realm;
    (void)state;
    EXPECT(world_tell(&world, 4), KC_OK);
    EXPECT_REFUSED(take(&world.partner, &realm, &good), KC_BAD_SIGNATURE);
    EXPECT_REFUSED(take(world_made(&world, WORLD_AUTHORITY_SIGN), &realm, &good), KC_BAD_SIGNATURE);
    /* A bank of another name or currency, on its outside and inside. */
    realm.bank += 1;
    EXPECT_REFUSED(take(&world.bank_sign, &realm, &good), KC_BAD_SIGNATURE);
    assert_false(kc_failed(kc_realm_set(&realm, world.realm.bank, "XTS")));
    EXPECT_REFUSED(take(&world.bank_sign, &realm, &good), KC_BAD_SIGNATURE);
    realm = world.realm;
    told.bank += 1;
    EXPECT_REFUSED(take(&world.bank_sign, &realm, &told), KC_WRONG_DOMAIN);
    told = good;
    told.issuer = kc_view(NULL, 0);
    EXPECT_REFUSED(take(&world.bank_sign, &realm, &told), KC_MALFORMED);
    told = good;
    told.number = 0;
    EXPECT_REFUSED(take(&world.bank_sign, &realm, &told), KC_MALFORMED);
    /* What the bank signed of another kind. */
    EXPECT_REFUSED(world_take_notice(&world, world_roll(&world, 1)), KC_WRONG_TYPE);
    EXPECT_REFUSED(world_send(&world, KC_CLA_KINCHAKU, KC_INS_TAKE_NOTICE, 1, 0, kc_view_text("x")),
                   KC_MALFORMED);
    /* Every byte counts. */
    const struct world_saying saying = world_saying(&world);
    struct kc_view view = world_notice(&world, &saying, &good);
    memcpy(bytes, view.data, view.size);
    for (size_t i = 0; i < view.size; i += 3) {
        bytes[i] ^= 1;
        assert_true(world_take_notice(&world, kc_view(bytes, view.size)) != KC_OK);
        bytes[i] ^= 1;
    }
    for (size_t size = 0; size < view.size; size += 11) {
        assert_true(world_take_notice(&world, kc_view(bytes, size)) != KC_OK);
    }
    expect_issuer("the issuing certificate of notice 4");
    EXPECT(world_take_notice(&world, kc_view(bytes, view.size)), KC_OK);
}

/* shows: R-RENEW-8 */
static void it_outlives_the_banks_keys(void **state)
{
    (void)state;
    EXPECT(world_tell(&world, 1), KC_OK);
    EXPECT(world_take_roll(&world, world_roll(&world, 1)), KC_OK);
    expect_issuer("the issuing certificate of notice 1");
    /* Of the old key as long as that counts, of the new one from now on. */
    const struct kc_noticed_keys told[] = {world_noticed(&world, 2), world_noticed(&world, 3),
                                           world_noticed(&world, 4)};
    EXPECT(take(&world.bank_sign, &world.realm, &told[0]), KC_OK);
    EXPECT(take(&world.partner, &world.realm, &told[1]), KC_OK);
    world.purse.state.stamp_ms = world.purse.roll_until_ms;
    EXPECT(take(&world.bank_sign, &world.realm, &told[2]), KC_BANK_KEY_ENDED);
    world_power(&world);
    assert_int_equal(kc_purse_notice_number(&world.purse), 3);
}

/* shows: R-RENEW-8 R-SEC-2 */
static void no_number_is_the_last_one(void **state)
{
    const uint64_t too_high[] = {KC_NOTICE_NUMBER_MAX + 1, KC_AMOUNT_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof too_high / sizeof too_high[0]; i++) {
        EXPECT_REFUSED(world_tell(&world, too_high[i]), KC_MALFORMED);
    }
    EXPECT(get(KC_TAG_NOTICE), KC_NOT_FOUND);
    EXPECT(world_tell(&world, KC_NOTICE_NUMBER_MAX), KC_OK);
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(get(KC_TAG_NOTICE), KC_OK);
}

static void expect_none(void)
{
    EXPECT(get(KC_TAG_NOTICE), KC_NOT_FOUND);
    EXPECT(get(KC_TAG_AUTHORITY_CERTIFICATE), KC_OK);
    assert_true(kc_view_equal(world_data(&world), world_certificate(KC_TAG_AUTHORITY_CERTIFICATE)));
}

/* A thief of the bank's key tells of his own authority with the highest number, before the roll-over that ends that key.
 * shows: R-RENEW-8 R-SEC-2 */
static void what_an_ended_key_told_counts_no_more(void **state)
{
    struct world_party liar = world.bank_sign;
    struct kc_noticed_keys good = world_noticed(&world, 2);
    (void)state;
    /* Under the name of the key that comes next it would outlive its own. */
    liar.public_key = world.partner.public_key;
    EXPECT_REFUSED(take(&liar, &world.realm, &good), KC_UNKNOWN_SIGNER);
    EXPECT(world_tell(&world, 1), KC_OK);
    EXPECT(world_tell(&world, KC_NOTICE_NUMBER_MAX), KC_OK);
    EXPECT_REFUSED(world_tell(&world, 2), KC_STALE_STATE);
    EXPECT(world_take_roll(&world, world_roll(&world, 1)), KC_OK);
    EXPECT(get(KC_TAG_NOTICE), KC_OK);
    world.purse.state.stamp_ms = world.purse.roll_until_ms;
    expect_none();
    EXPECT_REFUSED(world_tell(&world, KC_NOTICE_NUMBER_MAX), KC_BANK_KEY_ENDED);
    good = world_noticed(&world, 2);
    EXPECT(take(&world.partner, &world.realm, &good), KC_OK);
    expect_issuer("the issuing certificate of notice 2");
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    world.purse.state.stamp_ms = world.purse.roll_until_ms;
    expect_issuer("the issuing certificate of notice 2");
    EXPECT_REFUSED(take(&world.partner, &world.realm, &good), KC_STALE_STATE);
}

/* The key before the last one counts nowhere, whatever its time was. Its notice's place is as good as free.
 * shows: R-RENEW-8 */
static void a_second_roll_over_ends_it_at_once(void **state)
{
    (void)state;
    EXPECT(world_take_roll(&world, world_roll(&world, 1)), KC_OK);
    const struct kc_noticed_keys told[] = {world_noticed(&world, KC_NOTICE_NUMBER_MAX),
                                           world_noticed(&world, 3)};
    EXPECT(take(&world.partner, &world.realm, &told[0]), KC_OK);
    EXPECT(world_take_roll(&world, world_roll(&world, 2)), KC_OK);
    EXPECT(get(KC_TAG_NOTICE), KC_OK);
    /* As after one more: the partner's is neither the key in force nor the one before it. */
    world.purse.bank_former = world_made(&world, WORLD_AUTHORITY_SIGN)->public_key;
    kc_signer_id_make(&world.purse.bank_former_id, &crypto, KC_SERVER_BANK,
                      &world.purse.bank_former);
    expect_none();
    EXPECT(take(&world.bank_sign, &world.realm, &told[1]), KC_OK);
    EXPECT(get(KC_TAG_NOTICE), KC_OK);
    assert_int_equal(kc_purse_notice_number(&world.purse), 3);
}

/* ---- what it is of use for ---- */

/* Whether the last request is sealed for that key. */
static bool is_sealed_for(enum world_made which)
{
    struct kc_signed envelope;
    static uint8_t bytes[KC_PLAIN_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(bytes);
    assert_false(kc_failed(kc_signed_parse(&envelope, world_data(&world))));
    return !kc_failed(kc_unseal(&plain, &crypto, &world_made(&world, which)->private_key,
                                &world.realm, kc_key_request_shape.domain, envelope.payload));
}

/* shows: R-RENEW-5 R-RENEW-8 */
static void the_later_word_names_the_authoritys_keys(void **state)
{
    (void)state;
    /* Before the claim-reply: that is the later one. */
    EXPECT(world_tell(&world, WORLD_TIME_MS + 1), KC_OK);
    EXPECT(world_handover(&world, 1), KC_OK);
    EXPECT(world_take_claimed(&world), KC_OK);
    EXPECT(world_handover(&world, 2), KC_OK);
    assert_true(is_sealed_for(WORLD_AUTHORITY_ENCRYPT));
    EXPECT(world_take_keys_by(&world, WORLD_AUTHORITY_NEXT_SIGN), KC_BAD_SIGNATURE);
    /* After it: from now on the authority's new keys count, and no old one. */
    EXPECT(world_tell(&world, WORLD_TIME_MS + 2), KC_OK);
    EXPECT(world_take_keys_by(&world, WORLD_AUTHORITY_SIGN), KC_BAD_SIGNATURE);
    EXPECT(world_handover(&world, 2), KC_OK);
    assert_false(is_sealed_for(WORLD_AUTHORITY_ENCRYPT));
    assert_true(is_sealed_for(WORLD_AUTHORITY_NEXT_ENCRYPT));
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(world_take_keys_by(&world, WORLD_AUTHORITY_SIGN), KC_BAD_SIGNATURE);
    EXPECT(world_take_keys_by(&world, WORLD_AUTHORITY_NEXT_SIGN), KC_OK);
    assert_int_equal(world.purse.state.key_set, 1);
    /* And in the confirmation. */
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    EXPECT(world_handover(&world, 3), KC_OK);
    EXPECT(world_take_done(&world), KC_BAD_SIGNATURE);
    EXPECT(world_take_done_by(&world, WORLD_AUTHORITY_NEXT_SIGN), KC_OK);
    assert_int_equal(world.purse.state.handover, KC_HANDOVER_NONE);
}

/* The network lets the claim-reply through, and then what the bank told before it.
 * shows: R-RENEW-5 R-RENEW-8 R-SEC-2 */
static void one_held_back_changes_nothing(void **state)
{
    (void)state;
    EXPECT(world_handover(&world, 1), KC_OK);
    EXPECT(world_take_claimed(&world), KC_OK);
    for (uint64_t number = WORLD_TIME_MS - 1; number <= WORLD_TIME_MS; number++) {
        EXPECT(world_tell(&world, number), KC_OK);
        EXPECT(world_handover(&world, 2), KC_OK);
        assert_true(is_sealed_for(WORLD_AUTHORITY_ENCRYPT));
        EXPECT(world_take_keys_by(&world, WORLD_AUTHORITY_NEXT_SIGN), KC_BAD_SIGNATURE);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    }
    EXPECT(world_tell(&world, WORLD_TIME_MS + 1), KC_OK);
    EXPECT(world_handover(&world, 2), KC_OK);
    assert_true(is_sealed_for(WORLD_AUTHORITY_NEXT_ENCRYPT));
    EXPECT(world_take_keys_by(&world, WORLD_AUTHORITY_NEXT_SIGN), KC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_newest_is_kept_and_given, ready),
        cmocka_unit_test_setup(nobody_else_is_believed, ready),
        cmocka_unit_test_setup(it_outlives_the_banks_keys, ready),
        cmocka_unit_test_setup(no_number_is_the_last_one, ready),
        cmocka_unit_test_setup(what_an_ended_key_told_counts_no_more, ready),
        cmocka_unit_test_setup(a_second_roll_over_ends_it_at_once, ready),
        cmocka_unit_test_setup(the_later_word_names_the_authoritys_keys, ready),
        cmocka_unit_test_setup(one_held_back_changes_nothing, ready),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
