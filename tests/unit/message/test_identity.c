/* Does a purse's identity hold for another purse, another bank, or with another key in it? */
#include "message/identity.h"
#include "parties.h"

static struct kc_identity make(size_t suite)
{
    return (struct kc_identity){.bank = keys.realm.bank,
                                .purse_type = KC_PURSE_TYPE_UIM,
                                .account = kc_account_nth(1234),
                                .purse = kc_purse_nth(99),
                                .issued_s = 1795478400,
                                .expires_s = 1895478400,
                                .key = key_of(suite, "sign")->public_key};
}

static enum kc_error open(struct kc_identity *out, struct kc_view bytes,
                          const struct kc_public_key *key)
{
    return kc_identity_open(out, &crypto, key, &keys.realm, bytes).code;
}

/* shows: R-DATA-5 R-SEC-3 */
static void every_suite_of_purse_under_every_suite_of_bank(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT * SUITE_COUNT; suite++) {
        uint8_t bytes[KC_RECORD_SIZE_MAX];
        struct kc_buffer out = KC_BUFFER(bytes);
        const struct kc_vector_key *bank = key_of(suite / SUITE_COUNT, "other");
        struct kc_identity identity = make(suite % SUITE_COUNT);
        struct kc_identity read;
        assert_ok(kc_identity_sign(&out, &crypto, &bank->private_key, &keys.realm, &identity));
        assert_int_equal(open(&read, kc_buffer_view(&out), &bank->public_key), KC_OK);
        assert_true(read.bank == identity.bank && read.purse_type == identity.purse_type);
        assert_true(read.account.number == identity.account.number);
        assert_true(read.purse.number == identity.purse.number);
        assert_true(read.issued_s == identity.issued_s && read.expires_s == identity.expires_s);
        assert_int_equal(read.key.type, identity.key.type);
        assert_int_equal(
            open(&read, kc_buffer_view(&out), &key_of(suite / SUITE_COUNT, "sign")->public_key),
            KC_BAD_SIGNATURE);
    }
}

static void another_banks_identity_is_refused(void **state)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    const struct kc_vector_key *bank = key_of(0, "other");
    struct kc_identity identity = make(0);
    struct kc_identity read;
    struct kc_realm elsewhere = keys.realm;
    (void)state;
    identity.bank += 1;
    assert_ok(kc_identity_sign(&out, &crypto, &bank->private_key, &keys.realm, &identity));
    assert_int_equal(open(&read, kc_buffer_view(&out), &bank->public_key), KC_WRONG_DOMAIN);
    elsewhere.bank += 1;
    assert_ok(kc_identity_sign(&out, &crypto, &bank->private_key, &elsewhere, &identity));
    assert_int_equal(open(&read, kc_buffer_view(&out), &bank->public_key), KC_BAD_SIGNATURE);
}

/* A certified value or a message is no identity, whoever signed it. */
static void another_domain_is_refused(void **state)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    uint8_t claims_bytes[512];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_buffer claims = KC_BUFFER(claims_bytes);
    const struct kc_vector_key *bank = key_of(0, "other");
    struct kc_signer signer = signer_of(bank);
    struct kc_identity identity = make(0);
    (void)state;
    assert_ok(kc_identity_encode(&claims, &identity));
    static const char *const domains[] = {"kinchaku/3-certified", "kinchaku/1-identity"};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(kc_sign_brief(&out, &crypto, &bank->private_key, &keys.realm, domains[i],
                                kc_buffer_view(&claims)));
        assert_int_equal(open(&identity, kc_buffer_view(&out), &bank->public_key),
                         KC_BAD_SIGNATURE);
        assert_ok(
            kc_sign(&out, &crypto, &signer, &keys.realm, domains[i], 0, kc_buffer_view(&claims)));
        assert_int_equal(open(&identity, kc_buffer_view(&out), &bank->public_key), KC_MALFORMED);
    }
}

static void every_cut_and_flip_of_the_claims_is_another_or_none(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        uint8_t bytes[1024];
        uint8_t again[1024];
        struct kc_buffer claims = KC_BUFFER(bytes);
        struct kc_identity identity = make(suite);
        assert_ok(kc_identity_encode(&claims, &identity));
        for (size_t cut = 0; cut < claims.size; cut++) {
            assert_int_equal(kc_identity_decode(&identity, kc_view(bytes, cut)).code, KC_MALFORMED);
        }
        bytes[claims.size] = 0;
        assert_int_equal(kc_identity_decode(&identity, kc_view(bytes, claims.size + 1)).code,
                         KC_TRAILING);
        for (size_t bit = 0; bit < 8 * claims.size; bit++) {
            struct kc_buffer back = KC_BUFFER(again);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (!kc_failed(kc_identity_decode(&identity, kc_buffer_view(&claims)))) {
                assert_ok(kc_identity_encode(&back, &identity));
                assert_true(kc_view_equal(kc_buffer_view(&back), kc_buffer_view(&claims)));
            }
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static enum kc_error decode_changed(void (*change)(struct kc_identity *))
{
    uint8_t bytes[1024];
    struct kc_buffer claims = KC_BUFFER(bytes);
    struct kc_identity identity = make(0);
    struct kc_identity read;
    change(&identity);
    assert_ok(kc_identity_encode(&claims, &identity));
    return kc_identity_decode(&read, kc_buffer_view(&claims)).code;
}

static void wrong_account(struct kc_identity *identity)
{
    identity->account.number += 1;
}

static void no_account(struct kc_identity *identity)
{
    identity->account.number = 0;
}

static void wrong_purse(struct kc_identity *identity)
{
    identity->purse.number += 1;
}

static void no_type(struct kc_identity *identity)
{
    identity->purse_type = (enum kc_purse_type)0;
}

static void type_beyond(struct kc_identity *identity)
{
    identity->purse_type = (enum kc_purse_type)5;
}

static void a_card(struct kc_identity *identity)
{
    identity->purse_type = KC_PURSE_TYPE_CARD;
}

static void a_bearer_card(struct kc_identity *identity)
{
    identity->purse_type = KC_PURSE_TYPE_BEARER;
    identity->key.type = KC_KEY_NONE;
    memset(identity->secret, 0x5e, sizeof identity->secret);
}

static void a_bearer_card_with_a_key(struct kc_identity *identity)
{
    identity->purse_type = KC_PURSE_TYPE_BEARER;
}

static void a_user_without_a_key(struct kc_identity *identity)
{
    identity->key.type = KC_KEY_NONE;
}

static void no_life(struct kc_identity *identity)
{
    identity->expires_s = identity->issued_s;
}

static void life_beyond_milliseconds(struct kc_identity *identity)
{
    identity->expires_s = KC_AMOUNT_MAX / 1000 + 1;
}

static void life_to_the_end(struct kc_identity *identity)
{
    identity->expires_s = KC_AMOUNT_MAX / 1000;
}

/* shows: R-DATA-8 */
static void numbers_and_types_are_checked(void **state)
{
    (void)state;
    assert_int_equal(decode_changed(wrong_account), KC_MALFORMED);
    assert_int_equal(decode_changed(no_account), KC_MALFORMED);
    assert_int_equal(decode_changed(wrong_purse), KC_MALFORMED);
    assert_int_equal(decode_changed(no_type), KC_MALFORMED);
    assert_int_equal(decode_changed(type_beyond), KC_MALFORMED);
    assert_int_equal(decode_changed(a_card), KC_OK);
    assert_int_equal(decode_changed(a_bearer_card), KC_OK);
    assert_int_equal(decode_changed(a_bearer_card_with_a_key), KC_MALFORMED);
    assert_int_equal(decode_changed(a_user_without_a_key), KC_MALFORMED);
    assert_int_equal(decode_changed(no_life), KC_MALFORMED);
    assert_int_equal(decode_changed(life_beyond_milliseconds), KC_MALFORMED);
    assert_int_equal(decode_changed(life_to_the_end), KC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_suite_of_purse_under_every_suite_of_bank),
        cmocka_unit_test(another_banks_identity_is_refused),
        cmocka_unit_test(another_domain_is_refused),
        cmocka_unit_test(every_cut_and_flip_of_the_claims_is_another_or_none),
        cmocka_unit_test(numbers_and_types_are_checked),
    };
    return cmocka_run_group_tests(tests, parties_open, parties_close);
}
