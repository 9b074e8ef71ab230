/* Does a purse become ready only with everything it needs, of one suite, its own, and signed by the bank? And do keys made inside
 * and keys brought in do the same? */
#define _GNU_SOURCE
#include "cast.h"

static const struct kc_view nothing = {.data = NULL, .size = 0};

static enum kc_error get(unsigned tag)
{
    return world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, (uint8_t)tag, 0, nothing);
}

static enum kc_error put(unsigned tag, struct kc_view data)
{
    return world_send(&world, KC_CLA_KINCHAKU, KC_INS_PUT_DATA, (uint8_t)tag, 0, data);
}

static enum kc_error put_key(uint8_t use, struct kc_view record)
{
    return world_send(&world, KC_CLA_KINCHAKU, KC_INS_PUT_KEY, use, 0, record);
}

static enum kc_error step(enum world_step which)
{
    return world_personalise_step(&world, which, false);
}

/* The bank seals to the key that the purse made. */
static void learn_keys_made_inside(void)
{
    world.own_sign.public_key = world.purse.sign_public;
    assert_false(kc_failed(crypto.derive_public(crypto.context, &world.own_encrypt.public_key,
                                                &world.purse.encrypt_key)));
}

static void withdraw_100(void)
{
    EXPECT(world_select(&world), KC_OK);
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_WITHDRAW);
    EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE + 100), KC_OK);
    assert_int_equal(world_value(&world), WORLD_VALUE + 100);
}

/* shows: R-OPEN-7 R-DATA-4 R-SEC-3 R-NODE-7 */
static void keys_brought_in_of_every_suite_work_through_a_power_cycle(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        cast_suite(suite);
        world_start(&world);
        world_personalise(&world, WORLD_STEP_COUNT, false);
        EXPECT(step(WORLD_ACTIVATE), KC_OK);
        assert_memory_equal(&world.purse.sign_key, &world.own_sign.private_key,
                            sizeof world.purse.sign_key);
        assert_memory_equal(&world.purse.encrypt_key, &world.own_encrypt.private_key,
                            sizeof world.purse.encrypt_key);
        world_power(&world);
        assert_int_equal(world.purse.state.suite, suites[suite]);
        withdraw_100();
    }
}

/* shows: R-OPEN-7 R-OPEN-3 R-DATA-4 R-SEC-3 */
static void keys_made_inside_of_every_suite_work_through_a_power_cycle(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        cast_suite(suite);
        world_start(&world);
        world_personalise(&world, WORLD_STEP_COUNT, true);
        EXPECT(step(WORLD_ACTIVATE), KC_OK);
        learn_keys_made_inside();
        world_power(&world);
        assert_int_equal(world.purse.state.suite, suites[suite]);
        withdraw_100();
    }
}

/* The proof of possession names both keys, is signed by the first, and is refused under the second. */
static void the_proof_shows_both_keys(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_signed proof;
        struct kc_key_proof content;
        struct kc_public_key sign;
        struct kc_public_key encrypt;
        cast_suite(suite);
        world_start(&world);
        world_personalise(&world, WORLD_STEP_COUNT, true);
        learn_keys_made_inside();
        EXPECT(world_send(&world, KC_CLA_KINCHAKU, KC_INS_PROVE, 0, 0, nothing), KC_OK);
        assert_false(kc_failed(kc_signed_parse(&proof, world_data(&world))));
        assert_false(kc_failed(kc_signed_verify(&proof, &crypto, &world.own_sign.public_key,
                                                &world.realm, kc_key_proof_shape.domain)));
        assert_false(kc_failed(kc_shape_decode(&content, &kc_key_proof_shape, proof.payload)));
        assert_false(kc_failed(kc_key_decode(&sign, content.sign_key)));
        assert_false(kc_failed(kc_key_decode(&encrypt, content.encrypt_key)));
        assert_memory_equal(&sign, &world.own_sign.public_key, sizeof sign);
        assert_memory_equal(&encrypt, &world.own_encrypt.public_key, sizeof encrypt);
        assert_memory_not_equal(&sign, &encrypt, sizeof sign);
        EXPECT(kc_signed_verify(&proof, &crypto, &encrypt, &world.realm, kc_key_proof_shape.domain)
                   .code,
               KC_BAD_SIGNATURE);
        assert_int_equal(kc_signer_id_holder(&proof.signer), world_settings(&world).account.number);
    }
}

/* shows: R-DATA-4 */
static void without_any_one_item_it_does_not_become_ready(void **state)
{
    (void)state;
    cast_suite(0);
    for (unsigned without = 0; without < WORLD_ACTIVATE; without++) {
        if (without == WORLD_SETTINGS) {
            continue;
        }
        world_start(&world);
        world_personalise(&world, (enum world_step)without, false);
        EXPECT_REFUSED(step(WORLD_ACTIVATE), KC_OUT_OF_ORDER);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        EXPECT_REFUSED(step(WORLD_ACTIVATE), KC_OUT_OF_ORDER);
        EXPECT(step((enum world_step)without), KC_OK);
        EXPECT(step(WORLD_ACTIVATE), KC_OK);
    }
    world_start(&world);
    EXPECT(world_select(&world), KC_OK);
    for (unsigned i = WORLD_SIGN_KEY; i < WORLD_ACTIVATE; i++) {
        EXPECT(step((enum world_step)i), KC_OK);
    }
    EXPECT_REFUSED(world_send(&world, KC_CLA_KINCHAKU, KC_INS_PROVE, 0, 0, nothing),
                   KC_OUT_OF_ORDER);
    EXPECT_REFUSED(step(WORLD_ACTIVATE), KC_OUT_OF_ORDER);
}

/* An activation that is refused leaves no private key in the buffers of the purse. */
static void a_refused_activation_leaves_no_key_behind(void **state)
{
    (void)state;
    /* Keys of RSA are longer than what is read after them. */
    cast_suite(1);
    world_start(&world);
    world_personalise(&world, WORLD_AUTHORITY_CERTIFICATE, false);
    EXPECT(step(WORLD_ACTIVATE), KC_OUT_OF_ORDER);
    const struct kc_private_key *own[] = {&world.own_sign.private_key,
                                          &world.own_encrypt.private_key};
    for (size_t i = 0; i < 2; i++) {
        const void *part = own[i]->rsa.iq;
        const struct kc_purse *purse = &world.purse;
        assert_null(memmem(purse->scratch, sizeof purse->scratch, part, 64));
        assert_null(memmem(purse->output, sizeof purse->output, part, 64));
        assert_null(memmem(purse->input, sizeof purse->input, part, 64));
        assert_null(memmem(&purse->work, sizeof purse->work, part, 64));
        assert_null(memmem(world.response, sizeof world.response, part, 64));
    }
}

/* ---- keys ---- */

static void what_is_no_key_is_refused(void **state)
{
    uint8_t bytes[1024];
    struct kc_private_key bad;
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        cast_suite(suite);
        world_start(&world);
        EXPECT(world_select(&world), KC_OK);
        struct kc_view record = world_key_record(bytes, &world.own_sign.private_key);
        EXPECT_REFUSED(put_key(KC_KEY_USE_SIGN, kc_view(record.data, record.size - 1)),
                       KC_MALFORMED);
        EXPECT_REFUSED(put_key(3, record), KC_MALFORMED);
        EXPECT_REFUSED(put_key(0, record), KC_MALFORMED);
        bytes[record.size] = 0;
        EXPECT_REFUSED(put_key(KC_KEY_USE_SIGN, kc_view(record.data, record.size + 1)),
                       KC_TRAILING);
        memset(&bad, 0, sizeof bad);
        bad.type = world.own_sign.private_key.type;
        EXPECT_REFUSED(put_key(KC_KEY_USE_SIGN, world_key_record(bytes, &bad)), KC_CRYPTO_FAILED);
        memset(&bad, 0xff, sizeof bad);
        bad.type = KC_KEY_P256;
        EXPECT_REFUSED(put_key(KC_KEY_USE_ENCRYPT, world_key_record(bytes, &bad)),
                       KC_CRYPTO_FAILED);
    }
}

/* The number and size of a record's parts are those of its suite. */
static void parts_of_another_suite_are_refused(void **state)
{
    static const uint8_t part[192] = {0x80};
    static const size_t sizes[] = {0, 31, 32, 33, 127, 128, 129, 191, 192};
    (void)state;
    cast_suite(0);
    world_start(&world);
    EXPECT(world_select(&world), KC_OK);
    for (unsigned suite = KC_SUITE_ES256; suite <= KC_SUITE_RS3072; suite++) {
        for (size_t count = 0; count <= 5; count++) {
            for (size_t size = 0; size < sizeof sizes / sizeof sizes[0]; size++) {
                uint8_t bytes[1100];
                struct kc_buffer buffer = KC_BUFFER(bytes);
                struct kc_private_key_record record = {.suite = (enum kc_suite)suite};
                size_t wanted = suite == KC_SUITE_ES256 ? 32 : suite == KC_SUITE_RS2048 ? 128 : 192;
                bool fits = sizes[size] == wanted && count == (suite == KC_SUITE_ES256 ? 1u : 5u);
                record.parts.count = count;
                for (size_t i = 0; i < count; i++) {
                    record.parts.items[i] = kc_view(part, sizes[size]);
                }
                if (!fits) {
                    assert_false(
                        kc_failed(kc_shape_encode(&buffer, &kc_private_key_record_shape, &record)));
                    EXPECT_REFUSED(put_key(KC_KEY_USE_SIGN, kc_buffer_view(&buffer)), KC_MALFORMED);
                }
            }
        }
    }
}

static void a_suite_that_is_none_is_not_made(void **state)
{
    (void)state;
    cast_suite(0);
    world_start(&world);
    EXPECT(world_select(&world), KC_OK);
    for (unsigned suite = 0; suite < 256; suite++) {
        if (suite < KC_SUITE_ES256 || suite > KC_SUITE_RS3072) {
            EXPECT_REFUSED(
                world_send(&world, KC_CLA_KINCHAKU, KC_INS_GENERATE, (uint8_t)suite, 0, nothing),
                KC_MALFORMED);
        }
    }
}

/* A purse has one suite: two keys of different ones neither prove themselves nor become ready. */
static void two_suites_do_not_mix(void **state)
{
    uint8_t bytes[1024];
    (void)state;
    cast_suite(1);
    for (unsigned use = KC_KEY_USE_SIGN; use <= KC_KEY_USE_ENCRYPT; use++) {
        world_start(&world);
        world_personalise(&world, WORLD_STEP_COUNT, false);
        struct world_party other = cast_party("es256", "sign");
        EXPECT(put_key((uint8_t)use, world_key_record(bytes, &other.private_key)), KC_OK);
        EXPECT(step(WORLD_IDENTITY), KC_OK);
        EXPECT_REFUSED(world_send(&world, KC_CLA_KINCHAKU, KC_INS_PROVE, 0, 0, nothing),
                       KC_OUT_OF_ORDER);
        EXPECT_REFUSED(step(WORLD_ACTIVATE), KC_OUT_OF_ORDER);
    }
}

/* ---- what the bank signed ---- */

static void put_identity_changed(void (*change)(struct kc_identity *), const struct world_party *by)
{
    struct kc_buffer out = KC_BUFFER(world.record);
    struct kc_identity identity = world_identity(&world);
    change(&identity);
    assert_false(
        kc_failed(kc_identity_sign(&out, &crypto, &by->private_key, &world.realm, &identity)));
    EXPECT(put(KC_TAG_IDENTITY, kc_buffer_view(&out)), KC_OK);
}

static void same(struct kc_identity *identity)
{
    (void)identity;
}

static void other_account(struct kc_identity *identity)
{
    identity->account = kc_account_nth(1235);
}

static void other_purse(struct kc_identity *identity)
{
    identity->purse = kc_purse_nth(98);
}

static void other_bank(struct kc_identity *identity)
{
    identity->bank += 1;
}

static void other_type(struct kc_identity *identity)
{
    identity->purse_type = KC_PURSE_TYPE_MACHINE;
}

static void other_key(struct kc_identity *identity)
{
    identity->key = world.own_encrypt.public_key;
}

/* shows: R-DATA-5 */
static void an_identity_that_is_not_its_own_is_refused(void **state)
{
    static const struct {
        void (*change)(struct kc_identity *);
        enum kc_error wanted;
    } cases[] = {{other_account, KC_MISMATCH},
                 {other_purse, KC_MISMATCH},
                 {other_bank, KC_WRONG_DOMAIN},
                 {other_type, KC_MISMATCH},
                 {other_key, KC_MISMATCH}};
    (void)state;
    cast_suite(0);
    world_start(&world);
    world_personalise(&world, WORLD_STEP_COUNT, false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put_identity_changed(cases[i].change, &world.bank_sign);
        EXPECT_REFUSED(step(WORLD_ACTIVATE), cases[i].wanted);
    }
    put_identity_changed(same, &world.bank_encrypt);
    EXPECT_REFUSED(step(WORLD_ACTIVATE), KC_BAD_SIGNATURE);
    put_identity_changed(same, &world.own_sign);
    EXPECT_REFUSED(step(WORLD_ACTIVATE), KC_BAD_SIGNATURE);
    EXPECT(put(KC_TAG_IDENTITY, kc_view_text("no identity")), KC_OK);
    assert_int_not_equal(step(WORLD_ACTIVATE), KC_OK);
    put_identity_changed(same, &world.bank_sign);
    EXPECT(step(WORLD_ACTIVATE), KC_OK);
}

static enum kc_error activate_with(const struct world_saying *saying,
                                   const struct kc_certified *certified)
{
    EXPECT(put(KC_TAG_CERTIFIED, world_sign_record(&world, saying, &kc_certified_shape, certified)),
           KC_OK);
    return step(WORLD_ACTIVATE);
}

/* shows: R-DATA-5 */
static void a_first_certified_value_that_is_not_its_own_is_refused(void **state)
{
    (void)state;
    cast_suite(0);
    world_start(&world);
    world_personalise(&world, WORLD_STEP_COUNT, false);
    struct world_saying saying = world_saying(&world);
    struct kc_certified certified = world_first_certified(&world);
    certified.account = kc_account_nth(5);
    EXPECT(activate_with(&saying, &certified), KC_MISMATCH);
    certified = world_first_certified(&world);
    certified.purse = kc_purse_nth(5);
    EXPECT(activate_with(&saying, &certified), KC_MISMATCH);
    certified = world_first_certified(&world);
    certified.bank += 1;
    EXPECT(activate_with(&saying, &certified), KC_MISMATCH);
    certified = world_first_certified(&world);
    certified.purse_type = KC_PURSE_TYPE_CARD;
    EXPECT(activate_with(&saying, &certified), KC_MISMATCH);
    certified = world_first_certified(&world);
    certified.counter = 1;
    EXPECT(activate_with(&saying, &certified), KC_MISMATCH);
    certified = world_first_certified(&world);
    certified.head[31] = 1;
    EXPECT(activate_with(&saying, &certified), KC_MISMATCH);
    certified = world_first_certified(&world);
    saying.from = &world.own_sign;
    EXPECT(activate_with(&saying, &certified), KC_BAD_SIGNATURE);
    saying = world_saying(&world);
    saying.realm.bank += 1;
    EXPECT(activate_with(&saying, &certified), KC_BAD_SIGNATURE);
    saying = world_saying(&world);
    saying.domain = "kinchaku/1-cash-quote";
    EXPECT(activate_with(&saying, &certified), KC_WRONG_DOMAIN);
    saying = world_saying(&world);
    EXPECT(activate_with(&saying, &certified), KC_OK);
    assert_int_equal(world_value(&world), WORLD_VALUE);
}

/* ---- other data ---- */

static enum kc_error put_settings_changed(void (*change)(struct kc_purse_settings *))
{
    uint8_t bytes[400];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_purse_settings settings = world_settings(&world);
    change(&settings);
    assert_false(kc_failed(kc_shape_encode(&buffer, &kc_purse_settings_shape, &settings)));
    return put(KC_TAG_SETTINGS, kc_buffer_view(&buffer));
}

static void no_currency(struct kc_purse_settings *settings)
{
    settings->currency = kc_view_text("JP");
}

static void lower_currency(struct kc_purse_settings *settings)
{
    settings->currency = kc_view_text("jpy");
}

static void many_decimals(struct kc_purse_settings *settings)
{
    settings->decimals = KC_AMOUNT_DECIMALS_MAX + 1;
}

static void misspelt_account(struct kc_purse_settings *settings)
{
    settings->account.number += 1;
}

static void misspelt_purse(struct kc_purse_settings *settings)
{
    settings->purse.number += 1;
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    static void (*const changes[])(struct kc_purse_settings *) = {
        no_currency, lower_currency, many_decimals, misspelt_account, misspelt_purse};
    (void)state;
    cast_suite(0);
    world_start(&world);
    EXPECT(world_select(&world), KC_OK);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        EXPECT_REFUSED(put_settings_changed(changes[i]), KC_MALFORMED);
    }
    EXPECT_REFUSED(put(KC_TAG_SETTINGS, kc_view_text("x")), KC_MALFORMED);
    EXPECT_REFUSED(put(KC_TAG_SETTINGS, nothing), KC_MALFORMED);
    EXPECT(step(WORLD_SETTINGS), KC_OK);
}

static void items_of_a_wrong_size_are_refused(void **state)
{
    static const uint8_t large[KC_CERTIFICATE_SIZE_MAX + 5] = {0};
    (void)state;
    cast_suite(0);
    world_start(&world);
    EXPECT(world_select(&world), KC_OK);
    for (unsigned tag = KC_TAG_SIGN_CERTIFICATE; tag <= KC_TAG_AUTHORITY_CERTIFICATE; tag++) {
        EXPECT_REFUSED(put(tag, nothing), KC_TOO_LARGE);
        EXPECT_REFUSED(put(tag, kc_view(large, sizeof large)), KC_TOO_LARGE);
        EXPECT(put(tag, kc_view(large, KC_CERTIFICATE_SIZE_MAX)), KC_OK);
        EXPECT(get(tag), KC_OK);
        assert_int_equal(world_data(&world).size, KC_CERTIFICATE_SIZE_MAX);
    }
    EXPECT_REFUSED(put(KC_TAG_IDENTITY, nothing), KC_TOO_LARGE);
    EXPECT_REFUSED(put(KC_TAG_IDENTITY, kc_view(large, KC_RECORD_SIZE_MAX + 1)), KC_TOO_LARGE);
    EXPECT_REFUSED(put(KC_TAG_CERTIFIED, kc_view(large, KC_RECORD_SIZE_MAX + 1)), KC_TOO_LARGE);
    EXPECT_REFUSED(put(KC_TAG_CERTIFIED, kc_view(large, 100)), KC_MALFORMED);
    EXPECT_REFUSED(put(KC_TAG_BANK_VERIFY_KEY, kc_view(large, 100)), KC_MALFORMED);
    EXPECT_REFUSED(put(KC_TAG_BANK_ENCRYPT_KEY, nothing), KC_MALFORMED);
    EXPECT_REFUSED(put(KC_TAG_PIN, kc_view_text("12")), KC_MALFORMED);
    EXPECT_REFUSED(put(KC_TAG_INFO, kc_view_text("x")), KC_NOT_FOUND);
}

/* shows: R-DATA-4 */
static void what_was_put_can_be_read_back_but_for_the_secrets(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    for (unsigned tag = KC_TAG_SIGN_CERTIFICATE; tag <= KC_TAG_AUTHORITY_CERTIFICATE; tag++) {
        EXPECT(get(tag), KC_OK);
        assert_true(kc_view_equal(world_data(&world), world_certificate((enum kc_purse_tag)tag)));
    }
    for (unsigned tag = 0; tag < 256; tag++) {
        enum kc_error error = get(tag);
        bool has = tag == KC_TAG_BANK_VERIFY_KEY ||
                   (tag >= KC_TAG_SIGN_CERTIFICATE && tag <= KC_TAG_AUTHORITY_CERTIFICATE) ||
                   (tag >= KC_TAG_IDENTITY && tag <= KC_TAG_INFO);
        bool is_private = tag == KC_TAG_INFORMATION || tag == KC_TAG_HISTORY;
        EXPECT(error, has ? KC_OK : is_private ? KC_PIN_REQUIRED : KC_NOT_FOUND);
        assert_null(
            memmem(world.response, world.response_size, world.own_sign.private_key.p256.d, 32));
        assert_null(
            memmem(world.response, world.response_size, world.own_encrypt.private_key.p256.d, 32));
        assert_null(memmem(world.response, world.response_size, world.purse.state.pin_check, 32));
    }
}

/* ---- cuts ---- */

/* Wherever the power goes while a registrar writes a purse, the step that was cut can be done again. */
static void personalise_with_a_cut_in(enum world_step which, bool made_inside, size_t cut)
{
    world_start(&world);
    EXPECT(world_select(&world), KC_OK);
    for (unsigned i = 0; i < WORLD_STEP_COUNT; i++) {
        if (i == which) {
            world.memory.steps = 0;
            world.memory.cut_step = cut;
            (void)world_personalise_step(&world, which, made_inside);
            world_memory_keep_all(&world.memory);
            world_power(&world);
            assert_false(world.purse.locked);
            EXPECT(world_select(&world), KC_OK);
            if (world.purse.state.life == KC_LIFE_READY) {
                assert_int_equal(which, WORLD_ACTIVATE);
                continue;
            }
        }
        EXPECT(world_personalise_step(&world, (enum world_step)i, made_inside), KC_OK);
    }
    assert_int_equal(world.purse.state.life, KC_LIFE_READY);
}

static void every_step_can_be_cut_and_done_again(void **state)
{
    (void)state;
    cast_suite(0);
    for (unsigned which = 0; which < WORLD_STEP_COUNT; which++) {
        for (size_t cut = 0; cut < 14; cut++) {
            personalise_with_a_cut_in((enum world_step)which, false, cut);
            personalise_with_a_cut_in((enum world_step)which, true, cut);
        }
    }
}

/* An item that the power cut in two counts as not written, and says so. */
static void a_torn_certificate_counts_as_not_written(void **state)
{
    (void)state;
    cast_suite(0);
    world_start(&world);
    world_personalise(&world, WORLD_STEP_COUNT, false);
    world.memory.steps = 0;
    world.memory.cut_step = 2;
    (void)put(KC_TAG_SIGN_CERTIFICATE, kc_view_text("another certificate, of another size"));
    struct world_survival survival = {.pieces = {{0, 4}, {0, 20}, {0, 0}}};
    world_memory_survive(&world.memory, &survival);
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(get(KC_TAG_SIGN_CERTIFICATE), KC_NOT_FOUND);
    EXPECT(step(WORLD_ACTIVATE), KC_OUT_OF_ORDER);
    EXPECT(step(WORLD_SIGN_CERTIFICATE), KC_OK);
    EXPECT(step(WORLD_ACTIVATE), KC_OK);
}

/* While the power stays on, a purse that does not know which item it holds says no more. */
static void a_failed_write_of_an_item_stops_the_purse(void **state)
{
    (void)state;
    cast_suite(0);
    world_start(&world);
    world_personalise(&world, WORLD_STEP_COUNT, false);
    world.memory.steps = 0;
    world.memory.cut_step = 3;
    EXPECT(step(WORLD_BANK_VERIFY), KC_IO_FAILED);
    world.memory.off = false;
    EXPECT(step(WORLD_ACTIVATE), KC_PURSE_CORRUPT);
    world_memory_keep_all(&world.memory);
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(step(WORLD_ACTIVATE), KC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_brought_in_of_every_suite_work_through_a_power_cycle),
        cmocka_unit_test(keys_made_inside_of_every_suite_work_through_a_power_cycle),
        cmocka_unit_test(the_proof_shows_both_keys),
        cmocka_unit_test(without_any_one_item_it_does_not_become_ready),
        cmocka_unit_test(a_refused_activation_leaves_no_key_behind),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(parts_of_another_suite_are_refused),
        cmocka_unit_test(a_suite_that_is_none_is_not_made),
        cmocka_unit_test(two_suites_do_not_mix),
        cmocka_unit_test(an_identity_that_is_not_its_own_is_refused),
        cmocka_unit_test(a_first_certified_value_that_is_not_its_own_is_refused),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(items_of_a_wrong_size_are_refused),
        cmocka_unit_test(what_was_put_can_be_read_back_but_for_the_secrets),
        cmocka_unit_test(every_step_can_be_cut_and_done_again),
        cmocka_unit_test(a_torn_certificate_counts_as_not_written),
        cmocka_unit_test(a_failed_write_of_an_item_stops_the_purse),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
