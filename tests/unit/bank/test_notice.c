/* Question: does the bank tell what is newer of the authority's keys and nothing older, with a number that only grows, and is
 * what it told the same after every restart, cut and roll-over of its own keys? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bank/notice.h"
#include "crypto/libcrypto.h"
#include "crypto/x509.h"
#include "service/files.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))
#define NOW_MS UINT64_C(1795478400000)
#define HOUR_MS UINT64_C(3600000)

struct made {
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    size_t size;
};

static struct kc_crypto crypto;
static struct kc_realm realm;
static struct kc_bank_keys keys;
static struct kc_bank_notice notice;
static struct kc_notice_maker maker;
static struct kc_private_key root_key;
static struct made root;
static char folder[64];

static void generate(struct kc_private_key *private_key, struct kc_public_key *public_key)
{
    EXPECT(crypto.generate(crypto.context, private_key, public_key, KC_KEY_P256), KC_OK);
}

static void certify(struct made *out, const struct kc_public_key *key, uint64_t from_ms)
{
    static const uint8_t serial[KC_SERIAL_SIZE] = {0x41};
    struct kc_buffer der = KC_BUFFER(out->der);
    const struct kc_certificate_order order = {.profile = root.size == 0 ? KC_PROFILE_ROOT
                                                                         : KC_PROFILE_ISSUER,
                                               .serial = serial,
                                               .subject = "issuer",
                                               .key = key,
                                               .not_before_ms = from_ms,
                                               .not_after_ms = from_ms + 1000 * HOUR_MS};
    const struct kc_view above = kc_view(root.der, root.size);
    EXPECT(kc_certificate_make(&der, &order, root.size == 0 ? NULL : &above, &root_key), KC_OK);
    out->size = der.size;
}

static struct made issuer_from(uint64_t from_ms)
{
    struct made made;
    struct kc_private_key private_key;
    struct kc_public_key public_key;
    generate(&private_key, &public_key);
    certify(&made, &public_key, from_ms);
    return made;
}

static struct kc_person authority_from(uint64_t from_ms)
{
    struct kc_private_key private_key;
    struct kc_person person = {.number = KC_SERVER_AUTHORITY, .issued_ms = from_ms};
    generate(&private_key, &person.sign_key);
    generate(&private_key, &person.encrypt_key);
    return person;
}

static int begin(void **state)
{
    struct kc_public_key public_key;
    (void)state;
    memset(&keys, 0, sizeof keys);
    memset(&notice, 0, sizeof notice);
    root.size = 0;
    (void)snprintf(folder, sizeof folder, "/tmp/kinchaku-notice-XXXXXX");
    assert_non_null(mkdtemp(folder));
    EXPECT(kc_libcrypto_open(&crypto, 8), KC_OK);
    EXPECT(kc_realm_set(&realm, 7, "JPY"), KC_OK);
    generate(&root_key, &public_key);
    certify(&root, &public_key, NOW_MS - 9 * HOUR_MS);
    generate(&keys.sign_key, &keys.sign_public);
    maker = (struct kc_notice_maker){.crypto = &crypto, .realm = &realm, .keys = &keys};
    EXPECT(kc_bank_notice_open(&notice, &maker, folder), KC_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(notice.path);
    kc_bank_notice_close(&notice);
    kc_libcrypto_close(&crypto);
    return rmdir(folder);
}

static void reopen(enum kc_error expected)
{
    kc_bank_notice_close(&notice);
    EXPECT(kc_bank_notice_open(&notice, &maker, folder), expected);
}

static bool tell(const struct made *issuer, const struct kc_person *authority, uint8_t root_byte,
                 uint64_t now_ms)
{
    bool made = false;
    struct kc_notice_shown shown = {.issuer = kc_view(issuer->der, issuer->size),
                                    .authority = authority};
    memset(shown.root, root_byte, sizeof shown.root);
    EXPECT(kc_bank_notice_tell(&made, &notice, &maker, &shown, now_ms), KC_OK);
    return made;
}

/* What is told now, verified with the bank's key in force. */
static struct kc_noticed_keys told(void)
{
    static uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_noticed_keys read;
    struct kc_signed parsed;
    EXPECT(kc_bank_notice_get(&out, &notice, 0), KC_OK);
    EXPECT(kc_notice_read(&read, &parsed, kc_buffer_view(&out)), KC_OK);
    EXPECT(kc_signed_verify(&parsed, &crypto, &keys.sign_public, &realm,
                            kc_authority_notice_shape.domain),
           KC_OK);
    assert_int_equal(read.bank, 7);
    return read;
}

static void expect_told(const struct made *issuer, const struct kc_person *authority,
                        uint64_t number)
{
    const struct kc_noticed_keys now = told();
    assert_true(kc_view_equal(now.issuer, kc_view(issuer->der, issuer->size)));
    assert_true(kc_key_equal(&now.verify_key, &authority->sign_key));
    assert_true(kc_key_equal(&now.encrypt_key, &authority->encrypt_key));
    assert_int_equal(now.from_ms, authority->issued_ms);
    assert_int_equal(now.number, number);
}

/* shows: R-RENEW-8 R-SEC-2 */
static void only_what_is_newer_is_told(void **state)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    const struct made old = issuer_from(NOW_MS - 2 * HOUR_MS);
    const struct made same_time = issuer_from(NOW_MS - 2 * HOUR_MS);
    const struct made new = issuer_from(NOW_MS - HOUR_MS);
    const struct kc_person first = authority_from(NOW_MS - 2 * HOUR_MS);
    const struct kc_person second = authority_from(NOW_MS - HOUR_MS);
    struct kc_person again = second;
    (void)state;
    EXPECT(kc_bank_notice_get(&out, &notice, 0), KC_NOT_FOUND);
    assert_true(tell(&old, &first, 1, NOW_MS));
    expect_told(&old, &first, NOW_MS);
    assert_false(tell(&old, &first, 1, NOW_MS + 5000));
    assert_false(tell(&same_time, &first, 1, NOW_MS + 5000));
    /* The number grows whatever the clock says. */
    assert_true(tell(&new, &first, 1, NOW_MS - 5000));
    expect_told(&new, &first, NOW_MS + 1);
    /* Older ones come back with newer ones: each part for itself. */
    assert_true(tell(&old, &second, 1, NOW_MS + 6000));
    expect_told(&new, &second, NOW_MS + 6000);
    assert_false(tell(&old, &first, 1, NOW_MS + 7000));
    assert_false(tell(&new, &first, 1, NOW_MS + 7000));
    /* The same keys, certified anew, are the same. */
    again.issued_ms = NOW_MS;
    assert_false(tell(&new, &again, 1, NOW_MS + 7000));
    assert_true(tell(&new, &second, 2, NOW_MS + 8000));
    expect_told(&new, &second, NOW_MS + 8000);
    assert_int_equal(told().root[31], 2);
    EXPECT(kc_bank_notice_get(&out, &notice, NOW_MS + 7999), KC_OK);
    EXPECT(kc_bank_notice_get(&out, &notice, NOW_MS + 8000), KC_NOT_FOUND);
    /* What no certificate is makes no difference. */
    struct made none = {.size = 3};
    assert_false(tell(&none, &second, 2, NOW_MS + 9000));
}

/* shows: R-RENEW-8 */
static void it_is_the_same_after_a_restart(void **state)
{
    const struct made issuer = issuer_from(NOW_MS - 2 * HOUR_MS);
    const struct made later = issuer_from(NOW_MS - HOUR_MS);
    const struct kc_person authority = authority_from(NOW_MS - 2 * HOUR_MS);
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer file = KC_BUFFER(bytes);
    bool made = true;
    (void)state;
    assert_true(tell(&issuer, &authority, 1, NOW_MS));
    reopen(KC_OK);
    expect_told(&issuer, &authority, NOW_MS);
    assert_false(tell(&issuer, &authority, 1, NOW_MS + 1));
    /* What cannot be written down is not told. */
    char path[KC_PATH_SIZE_MAX];
    memcpy(path, notice.path, sizeof path);
    EXPECT(kc_path_join(notice.path, folder, "nowhere", "notice.cose"), KC_OK);
    const struct kc_notice_shown shown = {.issuer = kc_view(later.der, later.size),
                                          .authority = &authority};
    assert_true(kc_failed(kc_bank_notice_tell(&made, &notice, &maker, &shown, NOW_MS + 2)) &&
                !made);
    expect_told(&issuer, &authority, NOW_MS);
    memcpy(notice.path, path, sizeof path);
    /* A damaged file is nothing to go on from in silence, nor one of another bank's. */
    EXPECT(kc_file_read(&file, notice.path), KC_OK);
    bytes[file.size - 1] ^= 1;
    EXPECT(kc_file_write(notice.path, kc_buffer_view(&file), 0644), KC_OK);
    reopen(KC_BAD_SIGNATURE);
    EXPECT(kc_file_write(notice.path, kc_view(bytes, file.size / 2), 0644), KC_OK);
    reopen(KC_MALFORMED);
    bytes[file.size - 1] ^= 1;
    EXPECT(kc_file_write(notice.path, kc_buffer_view(&file), 0644), KC_OK);
    realm.bank = 8;
    reopen(KC_BAD_SIGNATURE);
    realm.bank = 7;
    reopen(KC_OK);
    expect_told(&issuer, &authority, NOW_MS);
}

/* shows: R-RENEW-8 */
static void the_banks_next_key_signs_it_anew(void **state)
{
    const struct made issuer = issuer_from(NOW_MS - 2 * HOUR_MS);
    const struct kc_person authority = authority_from(NOW_MS - 2 * HOUR_MS);
    struct kc_former_keys *former = &keys.formers[0];
    (void)state;
    assert_true(tell(&issuer, &authority, 1, NOW_MS));
    former->sign_public = keys.sign_public;
    kc_signer_id_make(&former->id, &crypto, KC_SERVER_BANK, &former->sign_public);
    generate(&keys.sign_key, &keys.sign_public);
    /* A key that the bank does not know as one of its former ones. */
    reopen(KC_BAD_SIGNATURE);
    keys.generation = 1;
    reopen(KC_OK);
    expect_told(&issuer, &authority, NOW_MS);
    keys.generation = 0;
    reopen(KC_OK);
    expect_told(&issuer, &authority, NOW_MS);
}

/* shows: R-RENEW-8 */
static void a_directory_leads_no_claim_back_to_older_keys(void **state)
{
    (void)state;
    const struct made issuer = issuer_from(NOW_MS - HOUR_MS);
    const struct kc_person newer = authority_from(NOW_MS - HOUR_MS);
    const struct kc_person newest = authority_from(NOW_MS);
    const struct kc_person older = authority_from(NOW_MS - 2 * HOUR_MS);
    struct kc_person shown = older;
    EXPECT(kc_bank_notice_prefer(&shown, &notice), KC_OK);
    assert_true(kc_key_equal(&shown.sign_key, &older.sign_key));
    assert_true(tell(&issuer, &newer, 1, NOW_MS));
    EXPECT(kc_bank_notice_prefer(&shown, &notice), KC_OK);
    assert_true(kc_key_equal(&shown.sign_key, &newer.sign_key));
    assert_true(kc_key_equal(&shown.encrypt_key, &newer.encrypt_key));
    shown = newest;
    EXPECT(kc_bank_notice_prefer(&shown, &notice), KC_OK);
    assert_true(kc_key_equal(&shown.sign_key, &newest.sign_key));
    assert_true(kc_key_equal(&shown.encrypt_key, &newest.encrypt_key));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_is_newer_is_told),
        TEST(it_is_the_same_after_a_restart),
        TEST(the_banks_next_key_signs_it_anew),
        TEST(a_directory_leads_no_claim_back_to_older_keys),
    };
    return cmocka_run_group_tests_name("bank-notice", tests, NULL, NULL);
}
