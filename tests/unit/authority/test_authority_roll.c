/* Question: does a new issuing key take over at once, while the old one still answers for what it issued, and is a roll-over
 * that was cut gone on with? */
#include "authority_place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "authority/own.h"
#include "base/clock.h"
#include "crypto/x509.h"
#include "service/files.h"
#include "service/keys.h"

static void roll(struct place *place, uint64_t expected)
{
    uint64_t number = 0;
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_OK);
    assert_int_equal(number, expected);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.issuer_count, expected + 1);
}

static bool listed(struct kc_view list, struct kc_view issuer, const struct kc_pair *pair)
{
    struct kc_crl *crl = NULL;
    EXPECT(kc_crl_read(&crl, list, issuer), KC_OK);
    bool sign = kc_crl_has(crl, pair->sign.serial);
    assert_int_equal(sign, kc_crl_has(crl, pair->encrypt.serial));
    kc_crl_free(crl);
    return sign;
}

/* shows: R-RENEW-8 R-SEC-4 */
static void a_new_issuing_key_issues_and_the_old_one_still_lists(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct kc_pair before;
    struct kc_pair after;
    struct kc_certificate read;
    uint8_t old[KC_CERTIFICATE_SIZE_MAX];
    size_t count = 0;
    uint64_t now_ms = kc_clock_now_ms();
    struct kc_view root = kc_view(place->root, place->root_size);
    struct kc_view old_issuer = kc_view(old, place->authority.issuers[0].der_size);
    memcpy(old, place->authority.issuers[0].der, old_issuer.size);
    make_keys(&keys, place, KC_KEY_P256);
    issue(&before, place, 18, "18", &keys, now_ms + YEAR_MS);
    roll(place, 1);
    make_keys(&keys, place, KC_KEY_P256);
    issue(&after, place, 26, "26", &keys, now_ms + YEAR_MS);
    struct kc_view before_der = kc_view(before.sign.der, before.sign.der_size);
    struct kc_view after_der = kc_view(after.sign.der, after.sign.der_size);
    EXPECT(kc_certificate_verify(&read, after_der, issuer_of(place), root, now_ms), KC_OK);
    EXPECT(kc_certificate_verify(&read, after_der, old_issuer, root, now_ms), KC_CERT_INVALID);
    EXPECT(kc_certificate_verify(&read, before_der, old_issuer, root, now_ms), KC_OK);
    EXPECT(kc_certificate_verify(&read, before_der, issuer_of(place), root, now_ms),
           KC_CERT_INVALID);
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, 18, now_ms, 1), KC_OK);
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, 26, now_ms, 1), KC_OK);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    assert_int_equal(directory.issuer_count, 2);
    struct kc_view list = kc_view(directory.crl, directory.crl_size);
    struct kc_view old_list = kc_view(directory.old_crl, directory.old_crl_size);
    assert_true(listed(list, issuer_of(place), &after));
    assert_false(listed(list, issuer_of(place), &before));
    assert_true(listed(old_list, old_issuer, &before));
    assert_false(listed(old_list, old_issuer, &after));
    /* One that has ended is opened and published no more: its key may be gone. */
    place->authority.issuers[1].expires_ms = now_ms - 1;
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    assert_int_equal(directory.issuer_count, 1);
}

static void forget(const struct place *place, const char *file)
{
    char path[KC_PATH_SIZE_MAX];
    EXPECT(kc_path_join(path, place->dir, file, NULL), KC_OK);
    assert_int_equal(unlink(path), 0);
}

/* shows: R-RENEW-8 */
static void a_roll_over_that_was_cut_is_gone_on_with(void **state)
{
    struct place *place = *state;
    char path[KC_PATH_SIZE_MAX];
    struct kc_private_key made;
    struct kc_private_key again;
    struct kc_roll_ends ends;
    uint64_t number = 0;
    roll(place, 1);
    EXPECT(kc_path_join(path, place->dir, "authority", NULL), KC_OK);
    EXPECT(kc_key_file_load(&made, path, "issuing-1.key"), KC_OK);
    kc_authority_close(&place->authority);
    /* Before it was certified the old one issues; then by a repeat, and by the next init, over the key that is there. */
    for (int i = 0; i < 2; i++) {
        forget(place, "authority/issuing-1.crt");
        EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
        assert_int_equal(place->authority.issuer_count, 1);
        kc_authority_close(&place->authority);
        EXPECT(i == 0 ? kc_authority_roll(&number, place->dir, NULL)
                      : kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL),
               KC_OK);
        EXPECT(kc_key_file_load(&again, path, "issuing-1.key"), KC_OK);
        assert_memory_equal(&again, &made, sizeof made);
        EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
        assert_int_equal(place->authority.issuer_count, 2);
        kc_authority_close(&place->authority);
    }
    /* Before the key was made. */
    forget(place, "authority/issuing-1.crt");
    forget(place, "authority/issuing-1.key");
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.issuer_count, 2);
    /* Without the root's key nothing new comes, and a certified key that is gone is not made again. */
    roll(place, 2);
    roll(place, 3);
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_PENDING);
    EXPECT(kc_authority_roll_ends(&ends, place->dir, false), KC_OK);
    assert_int_equal(ends.most, KC_ISSUERS_MAX);
    assert_true(ends.next_ms <= ends.until_ms && ends.from_ms < ends.next_ms && !ends.roots);
    forget(place, "authority/issuing-3.crt");
    forget(place, "root/root.key");
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_FILE_MISSING);
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    forget(place, "authority/issuing-3.plan");
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_FILE_MISSING);
    EXPECT(kc_path_join(path, place->dir, "authority/issuing-3.plan", NULL), KC_OK);
    assert_false(kc_file_exists(path));
    forget(place, "authority/issuing-2.key");
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_FILE_MISSING);
}

/* ---- its own keys ---- */

static void read_own(struct place *place)
{
    const struct kc_crypto *crypto = &place->crypto;
    EXPECT(
        crypto->derive_public(crypto->context, &place->authority_sign, &place->authority.sign_key),
        KC_OK);
    EXPECT(crypto->derive_public(crypto->context, &place->authority_encrypt,
                                 &place->authority.encrypt_key),
           KC_OK);
}

static void expect_certified(struct place *place)
{
    struct kc_certificate read;
    const struct kc_pair pair = pair_of(place, (struct kc_account_id){KC_SERVER_AUTHORITY});
    EXPECT(kc_certificate_read(&read, kc_view(pair.sign.der, pair.sign.der_size)), KC_OK);
    assert_true(kc_key_equal(&read.key, &place->authority_sign));
    EXPECT(kc_certificate_read(&read, kc_view(pair.encrypt.der, pair.encrypt.der_size)), KC_OK);
    assert_true(kc_key_equal(&read.key, &place->authority_encrypt));
}

/* Keys that the bank has made for an account, and the account's request for them. */
static struct kc_result ask_for_keys(struct place *place, const struct pair_of_keys *from,
                                     struct kc_account_id account)
{
    struct kc_key_request request = {
        .account = account, .purse = kc_purse_nth(1), .time_ms = kc_clock_now_ms()};
    const struct kc_pair made = pair_of(place, account);
    kc_digest(&place->crypto, request.certificate, kc_view(made.sign.der, made.sign.der_size));
    return send(place, from, account.number, request.time_ms, &kc_key_request_shape, &request);
}

/* shows: R-RENEW-5 R-RENEW-8 */
static void its_own_keys_roll_over_and_the_former_ones_answer_for_a_time(void **state)
{
    struct place *place = *state;
    struct certify certify;
    struct pair_of_keys keys;
    struct kc_key_reply reply;
    struct kc_account_id account = kc_account_nth(1000001);
    const struct kc_public_key sign = place->authority_sign;
    const struct kc_public_key encrypt = place->authority_encrypt;
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_OK);
    const struct kc_keys_request order = {.account = account,
                                          .expires_ms = certify.request.expires_ms + 60000,
                                          .time_ms = kc_clock_now_ms()};
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, order.time_ms, &kc_keys_request_shape, &order),
           KC_OK);
    roll(place, 1);
    EXPECT(kc_own_certify(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.former_count, 1);
    /* Who knows the former ones is answered by them, also with keys that were made before. */
    EXPECT(ask_for_keys(place, &keys, account), KC_OK);
    open_reply(&reply, place, &keys, &kc_key_reply_shape);
    read_own(place);
    assert_false(kc_key_equal(&place->authority_sign, &sign));
    assert_false(kc_key_equal(&place->authority_encrypt, &encrypt));
    expect_certified(place);
    EXPECT(ask_for_keys(place, &keys, account), KC_OK);
    open_reply(&reply, place, &keys, &kc_key_reply_shape);
    /* The same after a restart; a second time certifies nothing more. */
    const struct kc_pair own = pair_of(place, (struct kc_account_id){KC_SERVER_AUTHORITY});
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    EXPECT(kc_own_certify(&place->authority, place->dir), KC_OK);
    assert_memory_equal(pair_of(place, (struct kc_account_id){KC_SERVER_AUTHORITY}).sign.serial,
                        own.sign.serial, KC_SERIAL_SIZE);
    EXPECT(ask_for_keys(place, &keys, account), KC_OK);
    open_reply(&reply, place, &keys, &kc_key_reply_shape);
    /* Their time is over. */
    assert_int_equal(place->authority.former_count, 1);
    place->authority.formers[0].until_ms = kc_clock_now_ms();
    place->authority_encrypt = encrypt;
    EXPECT(ask_for_keys(place, &keys, account), KC_CANNOT_UNSEAL);
    open_reply(&(struct kc_refusal){0}, place, &keys, &kc_refusal_shape);
}

static void reopen(struct place *place, size_t formers)
{
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.former_count, formers);
}

/* shows: R-RENEW-8 R-SEC-4 */
static void certificates_of_former_own_keys_end(void **state)
{
    struct place *place = *state;
    const struct kc_account_id self = {KC_SERVER_AUTHORITY};
    const struct kc_pair before = pair_of(place, self);
    uint8_t old[KC_CERTIFICATE_SIZE_MAX];
    struct kc_view old_issuer = kc_view(old, place->authority.issuers[0].der_size);
    memcpy(old, place->authority.issuers[0].der, old_issuer.size);
    EXPECT(kc_own_retire(&place->authority), KC_OK);
    roll(place, 1);
    EXPECT(kc_own_certify(&place->authority, place->dir), KC_OK);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(kc_own_retire(&place->authority), KC_OK);
        EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
        assert_int_equal(
            listed(kc_view(directory.old_crl, directory.old_crl_size), old_issuer, &before),
            i == 1);
        place->authority.config.keys_ms = 0;
        (void)usleep(1100000); /* the new pair may begin a second later than a first one would */
    }
    read_own(place);
    expect_certified(place);
    /* A former key that somebody destroyed is missed by nobody; one whose time is over is not even opened. */
    reopen(place, 1);
    char path[2][KC_PATH_SIZE_MAX];
    EXPECT(kc_path_join(path[0], place->dir, "authority", "sign.key"), KC_OK);
    EXPECT(kc_path_join(path[1], place->dir, "authority", "sign-4.key"), KC_OK);
    assert_int_equal(rename(path[0], path[1]), 0);
    reopen(place, 0);
    assert_int_equal(rename(path[1], path[0]), 0);
    reopen(place, 1);
    EXPECT(kc_path_join(path[0], place->dir, "authority", "authority.ini"), KC_OK);
    FILE *file = fopen(path[0], "a");
    assert_non_null(file);
    assert_true(fputs("\n[times]\nkeys_ms = 100\n", file) > 0 && fclose(file) == 0);
    reopen(place, 0);
}

/* shows: R-RENEW-8 */
static void own_keys_come_into_force_with_the_issuing_key(void **state)
{
    struct place *place = *state;
    const struct kc_public_key sign = place->authority_sign;
    uint64_t number = 0;
    roll(place, 1);
    /* Cut before the certificate of the issuing key: the former ones, all three. */
    kc_authority_close(&place->authority);
    forget(place, "authority/issuing-1.crt");
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.own_generation, 0);
    read_own(place);
    assert_true(kc_key_equal(&place->authority_sign, &sign));
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_OK);
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.own_generation, 1);
    read_own(place);
    assert_false(kc_key_equal(&place->authority_sign, &sign));
    expect_certified(place);
    /* A certified key that is gone is not made again. */
    kc_authority_close(&place->authority);
    forget(place, "authority/encrypt-1.key");
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_FILE_MISSING);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_issuing_key_issues_and_the_old_one_still_lists),
        TEST(a_roll_over_that_was_cut_is_gone_on_with),
        TEST(its_own_keys_roll_over_and_the_former_ones_answer_for_a_time),
        TEST(certificates_of_former_own_keys_end),
        TEST(own_keys_come_into_force_with_the_issuing_key),
    };
    return cmocka_run_group_tests_name("authority-roll", tests, NULL, NULL);
}
