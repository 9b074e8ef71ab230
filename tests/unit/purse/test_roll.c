/* Does a purse take the bank's next keys from the bank's old and new key together and from nothing less, keep them over power
 * cuts, pass them on, and does what the old key signed count for its time and no longer? */
#include "exchange_world.h"

#include "message/roll.h"

#define UNTIL_MS (NOW_MS + 500000)

static struct side a;
static struct side b;
static struct kept first;
static struct kept second;
static struct kept record;
static struct keys keys[4]; /* the bank's: as it was, and after each roll-over */
static struct keys encrypt;

static void make(struct keys *out, enum kc_key_type type)
{
    const struct kc_crypto *crypto = exchange_crypto();
    must(crypto->generate(crypto->context, &out->private_key, &out->public_key, type));
}

static int two(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 7);
    keys[0] = *exchange_bank();
    if (keys[1].private_key.type == KC_KEY_NONE) {
        make(&keys[1], KC_KEY_P256);
        make(&keys[2], KC_KEY_RSA2048);
        make(&keys[3], KC_KEY_P256);
        make(&encrypt, KC_KEY_P256);
    }
    return 0;
}

/* What leads from keys[number - 1] to keys[number]. */
static struct kc_roll rolling(uint64_t number)
{
    return (struct kc_roll){.bank = exchange_realm()->bank,
                            .number = number,
                            .from_ms = NOW_MS,
                            .until_ms = UNTIL_MS,
                            .former_key = keys[number - 1].public_key,
                            .sign_key = keys[number].public_key,
                            .encrypt_key = encrypt.public_key};
}

static struct kc_view signed_by(const struct kc_roll *roll, const struct kc_private_key *former,
                                const struct kc_private_key *next, const struct kc_realm *realm)
{
    static uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_roll_signers signers = {.former = {.key = former}, .signer = {.key = next}};
    kc_signer_id_make(&signers.former.id, exchange_crypto(), KC_SERVER_BANK, &roll->former_key);
    kc_signer_id_make(&signers.signer.id, exchange_crypto(), KC_SERVER_BANK, &roll->sign_key);
    must(kc_roll_make(&out, exchange_crypto(), &signers, realm, roll));
    return keep(&record, kc_buffer_view(&out));
}

static struct kc_view rolled(uint64_t number)
{
    const struct kc_roll roll = rolling(number);
    return signed_by(&roll, &keys[number - 1].private_key, &keys[number].private_key,
                     exchange_realm());
}

static enum kc_error take_roll(struct side *side, struct kc_view roll)
{
    return side_run(side, KC_INS_TAKE_ROLL, KC_ROLL_KEYS, 0, NULL, roll);
}

static enum kc_error get_roll(struct kept *out, struct side *side, uint8_t back)
{
    struct kc_view view;
    struct kc_result result = kc_purse_roll_get(&view, &side->purse, back);
    if (!kc_failed(result)) {
        keep(out, view);
    }
    return result.code;
}

static struct kc_view listed_by(const struct keys *by, uint64_t version)
{
    const uint8_t listed[] = {5};
    const struct kc_hotlist list = {.bank = exchange_realm()->bank,
                                    .version = version,
                                    .time_ms = NOW_MS,
                                    .complete = true,
                                    .count = 1,
                                    .listed = kc_view(listed, sizeof listed)};
    return bank_signs_list(&second, &list, by, exchange_realm(), kc_hotlist_shape.domain);
}

/* The identity of a purse as one of the bank's keys signs it. */
static enum kc_error sign_anew(struct side *side, const struct keys *by)
{
    static uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_signed held;
    must(kc_brief_parse(&held, side->purse.state.identity));
    must(kc_sign_brief(&out, exchange_crypto(), &by->private_key, exchange_realm(),
                       KC_IDENTITY_DOMAIN, held.payload));
    return side_run(side, KC_INS_TAKE_ROLL, KC_ROLL_IDENTITY, 0, NULL, kc_buffer_view(&out));
}

/* ---- what is taken ---- */

/* shows: R-SEC-2 */
static void the_next_keys_are_taken_and_stay(void **state)
{
    (void)state;
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_int_equal(a.purse.roll_number, 1);
    assert_true(kc_key_equal(&a.purse.bank_verify, &keys[1].public_key));
    assert_true(kc_key_equal(&a.purse.bank_encrypt, &encrypt.public_key));
    side_power(&a);
    assert_int_equal(a.purse.roll_number, 1);
    assert_true(kc_key_equal(&a.purse.bank_verify, &keys[1].public_key));
    assert_true(kc_key_equal(&a.purse.bank_former, &keys[0].public_key));
    assert_error(take_roll(&a, rolled(2)), OK);
    assert_error(take_roll(&a, rolled(3)), OK);
    side_power(&a);
    assert_int_equal(a.purse.roll_number, 3);
    assert_true(kc_key_equal(&a.purse.bank_verify, &keys[3].public_key));
    assert_true(kc_key_equal(&a.purse.bank_former, &keys[2].public_key));
    assert_error(take_hotlist(&a, listed_by(&keys[3], 1)), OK);
    assert_int_equal(value_of(&a), 500);
}

/* shows: R-SEC-2 */
static void nothing_less_than_both_keys_is_taken(void **state)
{
    static uint8_t before[KC_NVM_SIZE];
    const struct kc_roll good = rolling(1);
    struct kc_roll roll = good;
    struct kc_realm realm = *exchange_realm();
    (void)state;
    memcpy(before, a.nvm, KC_NVM_SIZE);
    /* Only the old key, which a thief may have: nobody's new key consents. Only the new one, which is anybody's. */
    assert_error(
        take_roll(&a, signed_by(&good, &keys[0].private_key, &keys[0].private_key, &realm)),
        BAD_SIGNATURE);
    assert_error(
        take_roll(&a, signed_by(&good, &keys[1].private_key, &keys[1].private_key, &realm)),
        BAD_SIGNATURE);
    assert_error(
        take_roll(&a, signed_by(&good, &keys[1].private_key, &keys[0].private_key, &realm)),
        BAD_SIGNATURE);
    /* From a key that is not this bank's, to the letter. */
    roll.former_key = keys[3].public_key;
    assert_error(
        take_roll(&a, signed_by(&roll, &keys[3].private_key, &keys[1].private_key, &realm)),
        UNKNOWN_SIGNER);
    /* Another bank's, inside or outside; another currency's. */
    roll = good;
    roll.bank += 1;
    assert_error(
        take_roll(&a, signed_by(&roll, &keys[0].private_key, &keys[1].private_key, &realm)),
        WRONG_DOMAIN);
    realm.bank += 1;
    assert_error(
        take_roll(&a, signed_by(&good, &keys[0].private_key, &keys[1].private_key, &realm)),
        BAD_SIGNATURE);
    must(kc_realm_set(&realm, exchange_realm()->bank, "USD"));
    assert_error(
        take_roll(&a, signed_by(&good, &keys[0].private_key, &keys[1].private_key, &realm)),
        BAD_SIGNATURE);
    /* What the bank signed of another kind. */
    assert_error(take_roll(&a, listed_by(&keys[0], 1)), WRONG_TYPE);
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    assert_true(kc_key_equal(&a.purse.bank_verify, &keys[0].public_key));
    /* Every byte counts. */
    struct kc_view view = rolled(1);
    for (size_t i = 0; i < view.size; i += 7) {
        record.bytes[i] ^= 1;
        assert_true(take_roll(&a, kept_view(&record)) != KC_OK);
        record.bytes[i] ^= 1;
    }
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    assert_error(take_roll(&a, kept_view(&record)), OK);
}

/* shows: R-SEC-2 */
static void an_older_record_changes_nothing(void **state)
{
    struct kc_roll far = rolling(2);
    (void)state;
    assert_error(take_roll(&a, rolled(2)), UNKNOWN_SIGNER);
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_error(take_roll(&a, rolled(1)), STALE_STATE);
    far.number = 3;
    assert_error(take_roll(&a, signed_by(&far, &keys[1].private_key, &keys[2].private_key,
                                         exchange_realm())),
                 OUT_OF_ORDER);
    assert_error(take_roll(&a, rolled(2)), OK);
    assert_error(take_roll(&a, rolled(1)), STALE_STATE);
    side_power(&a);
    assert_error(take_roll(&a, rolled(1)), STALE_STATE);
    assert_int_equal(a.purse.roll_number, 2);
    /* The thief of the first key comes with a record of his own, late. */
    const struct kc_roll late = rolling(1);
    assert_error(take_roll(&a, signed_by(&late, &keys[0].private_key, &keys[1].private_key,
                                         exchange_realm())),
                 STALE_STATE);
}

/* ---- the old key's time ---- */

/* shows: R-SEC-2 R-SEC-4 */
static void the_old_key_counts_for_its_time_and_no_longer(void **state)
{
    (void)state;
    assert_error(take_hotlist(&a, listed_by(&keys[1], 1)), BAD_SIGNATURE);
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_error(take_hotlist(&a, listed_by(&keys[0], 1)), OK);
    assert_error(take_hotlist(&a, listed_by(&keys[1], 2)), OK);
    exchange(&a, &b, 1); /* b's identity is the old key's */
    /* The purse's own time stamps decide. */
    a.purse.state.stamp_ms = UNTIL_MS - 1;
    assert_error(take_hotlist(&a, listed_by(&keys[0], 3)), OK);
    a.purse.state.stamp_ms = UNTIL_MS;
    assert_error(take_hotlist(&a, listed_by(&keys[0], 4)), BANK_KEY_ENDED);
    assert_error(take_hotlist(&a, listed_by(&keys[1], 4)), OK);
    /* A key older than the old one counts for nothing, whatever the time. */
    assert_error(take_roll(&b, rolled(1)), OK);
    assert_error(take_roll(&b, rolled(2)), OK);
    assert_error(take_roll(&b, rolled(3)), OK);
    assert_error(take_hotlist(&b, listed_by(&keys[1], 1)), BAD_SIGNATURE);
    assert_error(take_hotlist(&b, listed_by(&keys[0], 1)), BAD_SIGNATURE);
    assert_error(take_hotlist(&b, listed_by(&keys[2], 1)), OK);
}

/* shows: R-SEC-2 */
static void a_partner_shows_an_identity_under_either_key(void **state)
{
    struct kc_payee_identity said;
    (void)state;
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_error(sign_anew(&a, &keys[1]), OK);
    /* b does not know the new key: it says so by the number it holds, and takes the record that a passes on. */
    assert_error(offer(&first, &a, &b, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_int_equal(said.roll, 0);
    assert_error(pay(&first, &a, &b, 5), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), BAD_SIGNATURE);
    assert_error(get_roll(&record, &a, 0), OK);
    assert_error(take_roll(&b, kept_view(&record)), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&second)), OK);
    exchange(&b, &a, 2);
    assert_int_equal(value_of(&a), 497);
    assert_int_equal(value_of(&b), 10);
}

/* shows: R-SEC-2 */
static void an_old_identity_is_refused_by_name_when_its_time_is_over(void **state)
{
    (void)state;
    assert_error(take_roll(&a, rolled(1)), OK);
    a.purse.state.stamp_ms = UNTIL_MS;
    assert_error(pay(&first, &a, &b, 5), BANK_KEY_ENDED);
    assert_int_equal(value_of(&a), 500);
    assert_error(take_roll(&b, rolled(1)), OK);
    assert_error(sign_anew(&b, &keys[1]), OK);
    assert_error(pay(&first, &a, &b, 5), OK);
}

/* Only the signature of an identity may change, and only to that of the key in force. */
static void an_identity_is_signed_anew_and_not_changed(void **state)
{
    static uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_signed other;
    (void)state;
    assert_error(sign_anew(&a, &keys[1]), BAD_SIGNATURE);
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_error(sign_anew(&a, &keys[0]), BAD_SIGNATURE);
    must(kc_brief_parse(&other, b.purse.state.identity));
    must(kc_sign_brief(&out, exchange_crypto(), &keys[1].private_key, exchange_realm(),
                       KC_IDENTITY_DOMAIN, other.payload));
    assert_error(side_run(&a, KC_INS_TAKE_ROLL, KC_ROLL_IDENTITY, 0, NULL, kc_buffer_view(&out)),
                 MISMATCH);
    assert_error(side_run(&a, KC_INS_TAKE_ROLL, 2, 0, NULL, kc_buffer_view(&out)), MALFORMED);
    assert_error(sign_anew(&a, &keys[1]), OK);
    /* Signed by the key in force once more it is taken, and nothing is written: whoever asks has it signed anew. */
    unsigned writes = a.writes;
    assert_error(sign_anew(&a, &keys[1]), OK);
    assert_int_equal(a.writes, writes);
    side_power(&a);
    assert_int_equal(value_of(&a), 500);
}

/* The certified value that a card without keys shows, as one of the bank's keys signs it. */
static enum kc_error certify_anew(struct side *side, const struct keys *by)
{
    static uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_signed held;
    struct kc_signer signer = {.key = &by->private_key};
    kc_signer_id_make(&signer.id, exchange_crypto(), KC_SERVER_BANK, &by->public_key);
    must(kc_signed_parse(&held, side->purse.state.certified));
    must(kc_sign(&out, exchange_crypto(), &signer, exchange_realm(), kc_certified_shape.domain, 0,
                 held.payload));
    return side_run(side, KC_INS_TAKE_CERTIFIED, 0, 0, NULL, kc_buffer_view(&out));
}

static void make_card(struct side *side)
{
    const struct kc_offline_limits limits =
        kc_offline_limits_bearer(amount(500), amount(80), UINT64_C(1000000));
    const struct making making = {.nth = 9,
                                  .suite = KC_SUITE_ES256,
                                  .value = 100,
                                  .expires_s = EXPIRES_S,
                                  .type = KC_PURSE_TYPE_BEARER,
                                  .log_policy = KC_LOG_POLICY_OVERWRITE,
                                  .limits = &limits};
    side_make(side, &making);
}

/* A card without keys that missed a roll-over or more has what it shows signed anew, and pays who knows the newest key alone. */
static void what_a_card_shows_is_signed_anew_however_many_keys_it_missed(void **state)
{
    (void)state;
    for (uint64_t missed = 1; missed <= 3; missed++) {
        make_card(&a);
        side_plain(&b, 2, 7);
        for (uint64_t number = 1; number <= missed; number++) {
            assert_error(take_roll(&a, rolled(number)), OK);
            assert_error(take_roll(&b, rolled(number)), OK);
        }
        assert_error(sign_anew(&a, &keys[missed]), OK);
        assert_error(sign_anew(&b, &keys[missed]), OK);
        assert_error(certify_anew(&a, &keys[missed]), OK);
        assert_error(pay(&first, &a, &b, 5), OK);
        assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
        /* The same once more writes nothing. */
        unsigned writes = a.writes;
        assert_error(certify_anew(&a, &keys[missed]), OK);
        assert_int_equal(a.writes, writes);
    }
}

/* ---- a purse that was made later ---- */

/* A purse whose first keys are the new ones takes the record that led to them, and knows the old key from then on. */
static void a_younger_purse_takes_the_record_that_led_to_its_keys(void **state)
{
    (void)state;
    /* Under the keys of number 0 it was made; the record from a key before them to these. */
    struct kc_roll roll = rolling(1);
    roll.number = 4;
    roll.former_key = keys[3].public_key;
    roll.sign_key = keys[0].public_key;
    roll.encrypt_key = exchange_encrypt()->public_key;
    assert_error(take_hotlist(&a, listed_by(&keys[3], 1)), BAD_SIGNATURE);
    assert_error(take_roll(&a, signed_by(&roll, &keys[3].private_key, &keys[3].private_key,
                                         exchange_realm())),
                 BAD_SIGNATURE);
    assert_error(take_roll(&a, signed_by(&roll, &keys[3].private_key, &keys[0].private_key,
                                         exchange_realm())),
                 OK);
    assert_int_equal(a.purse.roll_number, 4);
    assert_true(kc_key_equal(&a.purse.bank_verify, &keys[0].public_key));
    assert_error(take_hotlist(&a, listed_by(&keys[3], 1)), OK);
    assert_error(take_hotlist(&a, listed_by(&keys[0], 2)), OK);
    side_power(&a);
    assert_true(kc_key_equal(&a.purse.bank_verify, &keys[0].public_key));
    assert_true(kc_key_equal(&a.purse.bank_former, &keys[3].public_key));
}

/* ---- passing on ---- */

static void the_two_newest_are_given_byte_for_byte(void **state)
{
    struct kc_identify identify;
    (void)state;
    assert_error(get_roll(&first, &a, 0), NOT_FOUND);
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_error(get_roll(&first, &a, 1), NOT_FOUND);
    assert_error(take_roll(&a, rolled(2)), OK);
    struct kc_view view = kept_view(&record);
    assert_error(side_send(&a, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_ROLL, kc_view(NULL, 0)),
                 OK);
    assert_true(kc_view_equal(a.out, view));
    assert_error(get_roll(&first, &a, 1), OK);
    assert_error(take_roll(&b, kept_view(&first)), OK);
    assert_error(take_roll(&b, view), OK);
    assert_error(side_run(&b, KC_INS_IDENTIFY, 0, 0, NULL, kc_view(NULL, 0)), OK);
    must(kc_shape_decode(&identify, &kc_identify_shape, b.out));
    assert_int_equal(identify.roll, 2);
    assert_error(get_roll(&first, &a, 2), NOT_FOUND);
}

/* ---- power cuts ---- */

/* After any cut the keys before or after, and never none; the next try takes them. */
static void a_cut_leaves_the_keys_before_or_after(void **state)
{
    static struct side before;
    (void)state;
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_error(take_roll(&a, rolled(2)), OK);
    side_copy(&before, &a);
    for (int mode = 0; mode < CUT_MODES; mode++) {
        bool done = false;
        for (int steps = 0; !done; steps++) {
            assert_true(steps < 8);
            side_copy(&a, &before);
            side_power(&a);
            a.mode = (enum cut_mode)mode;
            a.steps_left = steps;
            done = take_roll(&a, rolled(3)) == KC_OK;
            a.steps_left = NO_CUT;
            side_power(&a);
            assert_true(a.purse.roll_number == 3 || (!done && a.purse.roll_number == 2));
            const struct keys *now = &keys[a.purse.roll_number];
            assert_true(kc_key_equal(&a.purse.bank_verify, &now->public_key));
            assert_int_equal(value_of(&a), 500);
            enum kc_error again = take_roll(&a, rolled(3));
            assert_true(again == KC_OK || again == KC_STALE_STATE);
            assert_true(kc_key_equal(&a.purse.bank_verify, &keys[3].public_key));
        }
    }
}

/* A record that was damaged later does not count; the one before it does. */
static void a_damaged_record_falls_back_to_the_one_before(void **state)
{
    (void)state;
    assert_error(take_roll(&a, rolled(1)), OK);
    assert_error(take_roll(&a, rolled(2)), OK);
    a.nvm[KC_NVM_ROLLS_AT + KC_ROLL_ROOM + 30] ^= 1;
    side_power(&a);
    assert_int_equal(a.purse.roll_number, 1);
    assert_error(take_roll(&a, rolled(2)), OK);
    memset(a.nvm + KC_NVM_ROLLS_AT, 0xff, 2 * KC_ROLL_ROOM);
    side_power(&a);
    assert_int_equal(a.purse.roll_number, 0);
    assert_true(kc_key_equal(&a.purse.bank_verify, &keys[0].public_key));
}

/* The largest keys on both sides. */
static void the_largest_record_fits(void **state)
{
    struct keys rsa[2];
    static uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_roll roll = rolling(1);
    struct kc_roll read;
    (void)state;
    make(&rsa[0], KC_KEY_RSA3072);
    make(&rsa[1], KC_KEY_RSA3072);
    roll.bank = UINT32_MAX;
    roll.number = UINT32_MAX;
    roll.former_key = rsa[0].public_key;
    roll.sign_key = rsa[1].public_key;
    roll.encrypt_key = rsa[1].public_key;
    struct kc_realm realm;
    must(kc_realm_set(&realm, UINT32_MAX, "KCH"));
    struct kc_roll_signers signers = {.former = {.key = &rsa[0].private_key},
                                      .signer = {.key = &rsa[1].private_key}};
    must(kc_roll_make(&out, exchange_crypto(), &signers, &realm, &roll));
    must(kc_roll_open(&read, exchange_crypto(), &realm, kc_buffer_view(&out)));
    assert_true(kc_key_equal(&read.sign_key, &rsa[1].public_key));
    roll.until_ms = roll.from_ms - 1;
    assert_error(kc_roll_make(&out, exchange_crypto(), &signers, &realm, &roll).code, MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_next_keys_are_taken_and_stay, two),
        cmocka_unit_test_setup(nothing_less_than_both_keys_is_taken, two),
        cmocka_unit_test_setup(an_older_record_changes_nothing, two),
        cmocka_unit_test_setup(the_old_key_counts_for_its_time_and_no_longer, two),
        cmocka_unit_test_setup(a_partner_shows_an_identity_under_either_key, two),
        cmocka_unit_test_setup(an_old_identity_is_refused_by_name_when_its_time_is_over, two),
        cmocka_unit_test_setup(an_identity_is_signed_anew_and_not_changed, two),
        cmocka_unit_test_setup(what_a_card_shows_is_signed_anew_however_many_keys_it_missed, two),
        cmocka_unit_test_setup(a_younger_purse_takes_the_record_that_led_to_its_keys, two),
        cmocka_unit_test_setup(the_two_newest_are_given_byte_for_byte, two),
        cmocka_unit_test_setup(a_cut_leaves_the_keys_before_or_after, two),
        cmocka_unit_test_setup(a_damaged_record_falls_back_to_the_one_before, two),
        cmocka_unit_test_setup(the_largest_record_fits, two),
    };
    return cmocka_run_group_tests_name("roll", tests, exchange_open, exchange_close);
}
