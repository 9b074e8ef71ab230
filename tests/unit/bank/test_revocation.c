/* What does the bank's memory of answers about revocation say, as they age, cross and stop coming, in each mode? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "bank/revocation.h"
#include "crypto/libcrypto.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))
#define NOW_MS (UINT64_C(1750000000) * 1000u)
#define DAY_MS UINT64_C(86400000)
#define SECOND_NS UINT64_C(1000000000)
#define FRESH_MS UINT64_C(2000)
#define BEGIN_NS (100 * SECOND_NS)

struct party {
    struct kc_private_key key;
    struct kc_public_key public_key;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der;
};

static struct {
    struct kc_crypto crypto;
    struct party root, issuer, status;
    struct kc_ocsp_signer *signer;
    struct kc_revocation revocation;
    enum kc_ocsp_status sign, encrypt; /* what the responder says of the two */
} world;

/* The second falls on the place of the first. */
static const struct kc_person person = {.sign_serial = {0x41}, .encrypt_serial = {0x42}};
static const struct kc_person other = {.sign_serial = {0x51}, .encrypt_serial = {0x52}};
static const struct kc_person renewed = {.sign_serial = {0x41}, .encrypt_serial = {0x43}};

static void make(struct party *party, enum kc_profile profile, const struct party *issuer)
{
    static const uint8_t serial[KC_SERIAL_SIZE] = {0x44};
    struct kc_view parent = issuer == NULL ? kc_view(NULL, 0) : kc_buffer_view(&issuer->der);
    EXPECT(
        world.crypto.generate(world.crypto.context, &party->key, &party->public_key, KC_KEY_P256),
        KC_OK);
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = serial,
                                               .subject = profile == KC_PROFILE_ROOT ? "r" : "i",
                                               .key = &party->public_key,
                                               .not_before_ms = NOW_MS - DAY_MS,
                                               .not_after_ms = NOW_MS + DAY_MS};
    party->der = KC_BUFFER(party->bytes);
    EXPECT(kc_certificate_make(&party->der, &order, issuer == NULL ? NULL : &parent,
                               issuer == NULL ? &party->key : &issuer->key),
           KC_OK);
}

static int set_up(void **state)
{
    (void)state;
    EXPECT(kc_libcrypto_open(&world.crypto, 16), KC_OK);
    make(&world.root, KC_PROFILE_ROOT, NULL);
    make(&world.issuer, KC_PROFILE_ISSUER, &world.root);
    make(&world.status, KC_PROFILE_STATUS, &world.issuer);
    EXPECT(kc_ocsp_signer_open(&world.signer, kc_buffer_view(&world.status.der),
                               kc_buffer_view(&world.issuer.der), &world.status.key),
           KC_OK);
    world.sign = world.encrypt = KC_OCSP_GOOD;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kc_revocation_close(&world.revocation);
    kc_ocsp_signer_free(world.signer);
    kc_libcrypto_close(&world.crypto);
    return 0;
}

static void open_mode(enum kc_revocation_mode mode, uint64_t fresh_ms)
{
    EXPECT(kc_revocation_open(&world.revocation, mode, "http://x/ocsp", "", fresh_ms, 5000, 1),
           KC_OK);
}

static struct kc_result look(void *owner, struct kc_ocsp_word *out,
                             const uint8_t serial[KC_SERIAL_SIZE])
{
    const struct kc_person *who = owner;
    bool sign = memcmp(serial, who->sign_serial, KC_SERIAL_SIZE) == 0;
    *out = (struct kc_ocsp_word){.status = sign ? world.sign : world.encrypt, .revoked_ms = NOW_MS};
    return kc_ok();
}

/* A question about somebody and its answer, to a question asked at a time. */
static struct kc_result hear(const struct kc_person *who, uint64_t asked_ns, bool damaged)
{
    static const uint8_t nonce[KC_OCSP_NONCE_SIZE] = {5};
    uint8_t serials[2 * KC_SERIAL_SIZE];
    uint8_t question_bytes[KC_OCSP_REQUEST_SIZE_MAX];
    uint8_t answer_bytes[KC_OCSP_REPLY_SIZE_MAX];
    struct kc_buffer question = KC_BUFFER(question_bytes);
    struct kc_buffer answer = KC_BUFFER(answer_bytes);
    struct kc_person asked = *who;
    struct kc_result word = kc_result(KC_INTERNAL);
    memcpy(serials, who->sign_serial, KC_SERIAL_SIZE);
    memcpy(serials + KC_SERIAL_SIZE, who->encrypt_serial, KC_SERIAL_SIZE);
    EXPECT(kc_ocsp_ask(&question, kc_view(serials, sizeof serials), nonce,
                       kc_buffer_view(&world.issuer.der)),
           KC_OK);
    EXPECT(kc_ocsp_answer(&answer, world.signer, kc_buffer_view(&question), NOW_MS, 60000, look,
                          &asked),
           KC_OK);
    answer_bytes[answer.size - 1] ^= damaged ? 1 : 0;
    const struct kc_ocsp_expected expected = {.question = kc_buffer_view(&question),
                                              .issuer = kc_buffer_view(&world.issuer.der),
                                              .root = kc_buffer_view(&world.root.der),
                                              .now_ms = NOW_MS,
                                              .clock_ms = 5000};
    struct kc_result result = kc_revocation_take(&world.revocation, who, kc_buffer_view(&answer),
                                                 &expected, asked_ns, &word);
    return kc_failed(result) ? result : word;
}

/* KC_NOT_FOUND: somebody has to be asked. */
static struct kc_result known(const struct kc_person *who, uint64_t now_ns)
{
    struct kc_result word;
    return kc_revocation_must_ask(&word, &world.revocation, who, now_ns) ? kc_result(KC_NOT_FOUND)
                                                                         : word;
}

/* shows: R-SEC-4 */
static void by_the_list_alone_nobody_is_asked(void **state)
{
    (void)state;
    open_mode(KC_REVOCATION_CRL, FRESH_MS);
    EXPECT(known(&person, BEGIN_NS), KC_OK);
}

/* shows: R-SEC-4 */
static void an_answer_holds_as_long_as_it_is_fresh(void **state)
{
    (void)state;
    open_mode(KC_REVOCATION_BOTH, FRESH_MS);
    EXPECT(known(&person, BEGIN_NS), KC_NOT_FOUND);
    EXPECT(hear(&person, BEGIN_NS, false), KC_OK);
    EXPECT(known(&person, BEGIN_NS), KC_OK);
    EXPECT(known(&person, BEGIN_NS + 2 * SECOND_NS - 1), KC_OK);
    EXPECT(known(&person, BEGIN_NS + 2 * SECOND_NS), KC_NOT_FOUND);
    /* Somebody on the same place, and new certificates, are asked about anew. */
    EXPECT(known(&other, BEGIN_NS), KC_NOT_FOUND);
    EXPECT(known(&renewed, BEGIN_NS), KC_NOT_FOUND);
}

/* shows: R-SEC-4 R-RENEW-8 */
static void of_the_next_issuer_it_is_asked_anew(void **state)
{
    struct kc_person anew = person;
    (void)state;
    anew.issuer = person.issuer + 1;
    open_mode(KC_REVOCATION_BOTH, FRESH_MS);
    world.sign = KC_OCSP_REVOKED;
    EXPECT(hear(&person, BEGIN_NS + 1, false), KC_CERT_REVOKED);
    EXPECT(known(&person, BEGIN_NS + 1), KC_CERT_REVOKED);
    /* Certified anew, with the same numbers. */
    EXPECT(known(&anew, BEGIN_NS + 1), KC_NOT_FOUND);
    world.sign = KC_OCSP_GOOD;
    EXPECT(hear(&anew, BEGIN_NS, false), KC_OK);
    EXPECT(known(&anew, BEGIN_NS + 1), KC_OK);
    EXPECT(known(&person, BEGIN_NS + 1), KC_NOT_FOUND);
}

/* shows: R-SEC-4 */
static void nothing_is_fresh_where_every_message_asks(void **state)
{
    (void)state;
    open_mode(KC_REVOCATION_OCSP, 0);
    EXPECT(hear(&person, BEGIN_NS, false), KC_OK);
    EXPECT(known(&person, BEGIN_NS), KC_NOT_FOUND);
}

/* shows: R-SEC-4 */
static void either_certificate_is_enough(void **state)
{
    (void)state;
    open_mode(KC_REVOCATION_BOTH, FRESH_MS);
    world.encrypt = KC_OCSP_REVOKED;
    EXPECT(hear(&person, BEGIN_NS, false), KC_CERT_REVOKED);
    EXPECT(known(&person, BEGIN_NS), KC_CERT_REVOKED);
    world.encrypt = KC_OCSP_UNKNOWN;
    EXPECT(hear(&person, BEGIN_NS + 1, false), KC_UNKNOWN_SIGNER);
    world.sign = KC_OCSP_REVOKED;
    EXPECT(hear(&person, BEGIN_NS + 2, false), KC_CERT_REVOKED);
    /* Taken off hold again (RFC 5280 reason 6). */
    world.sign = world.encrypt = KC_OCSP_GOOD;
    EXPECT(hear(&person, BEGIN_NS + 3, false), KC_OK);
    EXPECT(known(&person, BEGIN_NS + 3), KC_OK);
}

/* shows: R-SEC-4 */
static void of_answers_that_cross_the_later_question_counts(void **state)
{
    (void)state;
    open_mode(KC_REVOCATION_BOTH, FRESH_MS);
    world.sign = KC_OCSP_REVOKED;
    EXPECT(hear(&person, BEGIN_NS + 2, false), KC_CERT_REVOKED);
    world.sign = KC_OCSP_GOOD;
    EXPECT(hear(&person, BEGIN_NS + 1, false), KC_OK);
    EXPECT(known(&person, BEGIN_NS + 3), KC_CERT_REVOKED);
}

/* shows: R-SEC-4 */
static void without_an_answer_a_refusal_stays(void **state)
{
    static const enum kc_revocation_mode modes[] = {KC_REVOCATION_BOTH, KC_REVOCATION_OCSP};
    static const enum kc_error unseen[] = {KC_OK, KC_REVOCATION_UNKNOWN};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint64_t later_ns = BEGIN_NS + 100 * SECOND_NS;
        open_mode(modes[i], FRESH_MS);
        world.sign = KC_OCSP_REVOKED;
        EXPECT(hear(&person, BEGIN_NS, false), KC_CERT_REVOKED);
        atomic_store(&world.revocation.quiet_until_ns, later_ns + 1);
        EXPECT(known(&person, later_ns), KC_CERT_REVOKED);
        EXPECT(known(&other, later_ns), unseen[i]);
        EXPECT(known(&person, later_ns + 1), KC_NOT_FOUND);
        world.sign = KC_OCSP_GOOD;
        EXPECT(hear(&person, BEGIN_NS + 1, false), KC_OK);
        EXPECT(known(&person, later_ns), unseen[i]);
        kc_revocation_close(&world.revocation);
    }
}

/* shows: R-SEC-4 */
static void what_does_not_hold_changes_nothing(void **state)
{
    (void)state;
    open_mode(KC_REVOCATION_BOTH, FRESH_MS);
    EXPECT(hear(&person, BEGIN_NS, false), KC_OK);
    world.sign = KC_OCSP_REVOKED;
    EXPECT(hear(&person, BEGIN_NS + 1, true), KC_CERT_INVALID);
    EXPECT(known(&person, BEGIN_NS + 1), KC_OK);
    EXPECT(known(&person, BEGIN_NS + 2 * SECOND_NS), KC_NOT_FOUND);
}

static void who_is_asked(void **state)
{
    enum kc_revocation_mode mode;
    struct kc_revocation *revocation = &world.revocation;
    (void)state;
    EXPECT(kc_revocation_open(revocation, KC_REVOCATION_BOTH, "", "http://a:1", 0, 0, 1), KC_OK);
    assert_string_equal(revocation->url, "http://a:1/ocsp");
    kc_revocation_close(revocation);
    EXPECT(kc_revocation_open(revocation, KC_REVOCATION_BOTH, "http://b/x", "http://a:1", 0, 0, 1),
           KC_OK);
    assert_string_equal(revocation->url, "http://b/x");
    kc_revocation_close(revocation);
    EXPECT(kc_revocation_open(revocation, KC_REVOCATION_OCSP, "", "", 0, 0, 1), KC_CONFIG_INVALID);
    EXPECT(kc_revocation_open(revocation, KC_REVOCATION_CRL, "", "", 0, 0, 1), KC_OK);
    assert_true(kc_revocation_mode_read(&mode, "ocsp") && mode == KC_REVOCATION_OCSP);
    assert_true(kc_revocation_mode_read(&mode, "both") && mode == KC_REVOCATION_BOTH);
    assert_true(kc_revocation_mode_read(&mode, "crl") && mode == KC_REVOCATION_CRL);
    assert_false(kc_revocation_mode_read(&mode, "CRL") || kc_revocation_mode_read(&mode, ""));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(by_the_list_alone_nobody_is_asked),
        TEST(an_answer_holds_as_long_as_it_is_fresh),
        TEST(of_the_next_issuer_it_is_asked_anew),
        TEST(nothing_is_fresh_where_every_message_asks),
        TEST(either_certificate_is_enough),
        TEST(of_answers_that_cross_the_later_question_counts),
        TEST(without_an_answer_a_refusal_stays),
        TEST(what_does_not_hold_changes_nothing),
        TEST(who_is_asked),
    };
    return cmocka_run_group_tests_name("revocation", tests, NULL, NULL);
}
