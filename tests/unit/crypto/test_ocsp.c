/* Is an answer about revocation believed only from who may give it, to the question that was asked, at its time - and does a
 * responder answer what it can read, and nothing else? */
#include "backends.h"

#include <stdio.h>

#include "crypto/ocsp.h"

#define DAY_MS (UINT64_C(86400) * 1000u)
#define NOW_MS (UINT64_C(1750000000) * 1000u)
#define LIFE_MS UINT64_C(60000)
#define CLOCK_MS UINT64_C(5000)
#define COUNT 3u

struct party {
    struct test_key key;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der;
};

enum who { ROOT, ISSUER, STATUS, LEAF, OTHER_ROOT, OTHER_ISSUER, OTHER_STATUS, ROOTED, WHOS };

static struct {
    struct kc_crypto crypto;
    struct party parties[WHOS];
    struct kc_result look; /* what looking something up ends with */
    uint8_t question_bytes[KC_OCSP_REQUEST_SIZE_MAX];
    uint8_t answer_bytes[KC_OCSP_REPLY_SIZE_MAX];
    struct kc_buffer question;
    struct kc_buffer answer;
    enum kc_ocsp_status statuses[KC_OCSP_SERIALS_MAX];
} world;

static const uint8_t serials[COUNT][KC_SERIAL_SIZE] = {{0x41, 1}, {0x42, 2}, {0x43, 3}};
static const uint8_t nonces[2][KC_OCSP_NONCE_SIZE] = {{1, 2, 3}, {9, 8, 7}};

static struct kc_view der_of(enum who who)
{
    return kc_buffer_view(&world.parties[who].der);
}

static void make(enum who who, enum kc_profile profile, const char *subject, enum who issuer,
                 uint64_t until_ms)
{
    static const uint8_t serial[KC_SERIAL_SIZE] = {0x44, 4};
    struct party *party = &world.parties[who];
    struct kc_view parent = der_of(issuer);
    assert_ok(world.crypto.generate(world.crypto.context, &party->key.private_key,
                                    &party->key.public_key, KC_KEY_P256));
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = serial,
                                               .subject = subject,
                                               .key = &party->key.public_key,
                                               .not_before_ms = NOW_MS - DAY_MS,
                                               .not_after_ms = until_ms};
    party->der = KC_BUFFER(party->bytes);
    assert_ok(kc_certificate_make(&party->der, &order, who == issuer ? NULL : &parent,
                                  &world.parties[issuer].key.private_key));
}

static int open_world(void **state)
{
    (void)state;
    assert_ok(kc_libcrypto_open(&world.crypto, 16));
    make(ROOT, KC_PROFILE_ROOT, "root", ROOT, NOW_MS + 9 * DAY_MS);
    make(ISSUER, KC_PROFILE_ISSUER, "issuer", ROOT, NOW_MS + 9 * DAY_MS);
    make(STATUS, KC_PROFILE_STATUS, "authority", ISSUER, NOW_MS + DAY_MS);
    make(LEAF, KC_PROFILE_SIGN, "1000017", ISSUER, NOW_MS + DAY_MS);
    make(OTHER_ROOT, KC_PROFILE_ROOT, "root", OTHER_ROOT, NOW_MS + 9 * DAY_MS);
    make(OTHER_ISSUER, KC_PROFILE_ISSUER, "issuer", OTHER_ROOT, NOW_MS + 9 * DAY_MS);
    make(OTHER_STATUS, KC_PROFILE_STATUS, "authority", OTHER_ISSUER, NOW_MS + DAY_MS);
    make(ROOTED, KC_PROFILE_STATUS, "authority", ROOT, NOW_MS + DAY_MS);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    kc_libcrypto_close(&world.crypto);
    return 0;
}

/* ---- asking and answering ---- */

/* The first is good, the second revoked, any other unknown. */
static struct kc_result look(void *owner, struct kc_ocsp_word *out,
                             const uint8_t serial[KC_SERIAL_SIZE])
{
    size_t *looked = owner;
    *looked += 1;
    for (size_t i = 0; i < 2; i++) {
        if (memcmp(serial, serials[i], KC_SERIAL_SIZE) == 0) {
            *out = (struct kc_ocsp_word){.status = i == 0 ? KC_OCSP_GOOD : KC_OCSP_REVOKED,
                                         .revoked_ms = NOW_MS - DAY_MS,
                                         .reason = 1};
        }
    }
    return world.look;
}

static void ask(size_t nonce)
{
    world.question = KC_BUFFER(world.question_bytes);
    assert_ok(kc_ocsp_ask(&world.question, kc_view(serials, sizeof serials), nonces[nonce],
                          der_of(ISSUER)));
}

static struct kc_result answer_bytes(enum who who, enum who issuer, struct kc_view question,
                                     uint64_t now_ms, size_t *looked)
{
    struct kc_ocsp_signer *signer = NULL;
    *looked = 0;
    world.answer = KC_BUFFER(world.answer_bytes);
    assert_ok(kc_ocsp_signer_open(&signer, der_of(who), der_of(issuer),
                                  &world.parties[who].key.private_key));
    struct kc_result result =
        kc_ocsp_answer(&world.answer, signer, question, now_ms, LIFE_MS, look, looked);
    kc_ocsp_signer_free(signer);
    return result;
}

static void answer_as(enum who who, uint64_t now_ms)
{
    size_t looked;
    assert_ok(answer_bytes(who, ISSUER, kc_buffer_view(&world.question), now_ms, &looked));
    assert_int_equal(looked, COUNT);
}

static struct kc_result read_at(uint64_t now_ms)
{
    const struct kc_ocsp_expected expected = {.question = kc_buffer_view(&world.question),
                                              .issuer = der_of(ISSUER),
                                              .root = der_of(ROOT),
                                              .now_ms = now_ms,
                                              .clock_ms = CLOCK_MS};
    memset(world.statuses, 0, sizeof world.statuses);
    return kc_ocsp_read(world.statuses, COUNT, kc_buffer_view(&world.answer), &expected);
}

static void expect_nothing_said(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(world.statuses[i], KC_OCSP_UNKNOWN);
    }
}

/* shows: R-SEC-4 R-NODE-2 */
static void each_serial_gets_its_word(void **state)
{
    static const enum kc_ocsp_status wanted[COUNT] = {KC_OCSP_GOOD, KC_OCSP_REVOKED,
                                                      KC_OCSP_UNKNOWN};
    static const enum who signers[] = {STATUS, ISSUER};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ask(0);
        answer_as(signers[i], NOW_MS);
        assert_ok(read_at(NOW_MS));
        assert_memory_equal(world.statuses, wanted, sizeof wanted);
    }
}

/* shows: R-SEC-4 */
static void others_are_not_believed(void **state)
{
    static const enum who others[] = {LEAF, OTHER_ISSUER, OTHER_STATUS, ROOTED, ROOT, OTHER_ROOT};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ask(0);
        answer_as(others[i], NOW_MS);
        assert_code(read_at(NOW_MS), KC_CERT_INVALID);
        expect_nothing_said();
    }
    make(STATUS, KC_PROFILE_STATUS, "authority", ISSUER, NOW_MS + DAY_MS);
    answer_as(STATUS, NOW_MS);
    assert_code(read_at(NOW_MS + DAY_MS + 1000), KC_CERT_INVALID);
    assert_code(read_at(NOW_MS - DAY_MS - 1000), KC_CERT_INVALID);
}

/* shows: R-SEC-4 */
static void an_answer_fits_its_question(void **state)
{
    uint8_t kept_bytes[KC_OCSP_REPLY_SIZE_MAX];
    struct kc_buffer kept = KC_BUFFER(kept_bytes);
    (void)state;
    ask(0);
    answer_as(STATUS, NOW_MS);
    assert_ok(kc_buffer_append(&kept, kc_buffer_view(&world.answer)));
    ask(1);
    assert_code(read_at(NOW_MS), KC_REPLAYED);
    expect_nothing_said();
    answer_as(STATUS, NOW_MS);
    assert_ok(read_at(NOW_MS));
    /* Fewer certificates were asked about, under the same nonce. */
    world.question = KC_BUFFER(world.question_bytes);
    assert_ok(kc_ocsp_ask(&world.question, kc_view(serials, 2 * KC_SERIAL_SIZE), nonces[0],
                          der_of(ISSUER)));
    size_t looked;
    assert_ok(answer_bytes(STATUS, ISSUER, kc_buffer_view(&world.question), NOW_MS, &looked));
    ask(0);
    assert_code(read_at(NOW_MS), KC_MISMATCH);
    expect_nothing_said();
    /* Of another issuer, who has the same serials. */
    make(OTHER_STATUS, KC_PROFILE_STATUS, "authority", OTHER_ISSUER, NOW_MS + DAY_MS);
    assert_ok(answer_bytes(STATUS, OTHER_ISSUER, kc_buffer_view(&world.question), NOW_MS, &looked));
    assert_int_equal(looked, 0);
    assert_ok(read_at(NOW_MS));
    expect_nothing_said();
}

/* shows: R-SEC-4 */
static void times_hold_within_what_clocks_may_differ(void **state)
{
    (void)state;
    ask(0);
    answer_as(STATUS, NOW_MS);
    assert_ok(read_at(NOW_MS - CLOCK_MS));
    assert_ok(read_at(NOW_MS + LIFE_MS + CLOCK_MS));
    assert_code(read_at(NOW_MS - CLOCK_MS - 1000), KC_EXPIRED);
    expect_nothing_said();
    assert_code(read_at(NOW_MS + LIFE_MS + CLOCK_MS + 1000), KC_EXPIRED);
    expect_nothing_said();
}

/* Every bit of an answer counts, but for those outside of what is signed that say the same in another way. */
static void a_changed_answer_says_nothing_new(void **state)
{
    (void)state;
    size_t refused = 0;
    ask(0);
    answer_as(STATUS, NOW_MS);
    for (size_t i = 0; i < world.answer.size * 8; i++) {
        world.answer_bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        if (kc_failed(read_at(NOW_MS))) {
            refused++;
            expect_nothing_said();
        } else {
            assert_int_equal(world.statuses[0], KC_OCSP_GOOD);
            assert_int_equal(world.statuses[1], KC_OCSP_REVOKED);
        }
        world.answer_bytes[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_ok(read_at(NOW_MS));
    assert_true(refused > world.answer.size * 7);
    for (size_t size = 0; size < world.answer.size; size++) {
        struct kc_buffer whole = world.answer;
        world.answer.size = size;
        assert_true(kc_failed(read_at(NOW_MS)));
        world.answer = whole;
    }
    world.answer_bytes[world.answer.size++] = 0;
    assert_code(read_at(NOW_MS), KC_MALFORMED);
}

/* ---- questions ---- */

static void expect_kind(uint8_t status)
{
    const uint8_t wanted[] = {0x30, 0x03, 0x0a, 0x01, status};
    assert_int_equal(world.answer.size, sizeof wanted);
    assert_memory_equal(world.answer_bytes, wanted, sizeof wanted);
}

static void what_cannot_be_read_is_answered_so(void **state)
{
    uint8_t long_bytes[KC_OCSP_REQUEST_SIZE_MAX + 1] = {0};
    size_t looked;
    (void)state;
    ask(0);
    struct kc_view whole = kc_buffer_view(&world.question);
    for (size_t size = 0; size < whole.size; size++) {
        assert_code(answer_bytes(STATUS, ISSUER, kc_view(whole.data, size), NOW_MS, &looked),
                    KC_MALFORMED);
        expect_kind(1);
        assert_code(read_at(NOW_MS), KC_MALFORMED);
    }
    world.question_bytes[whole.size] = 0;
    assert_code(answer_bytes(STATUS, ISSUER, kc_view(whole.data, whole.size + 1), NOW_MS, &looked),
                KC_MALFORMED);
    assert_code(
        answer_bytes(STATUS, ISSUER, kc_view(long_bytes, sizeof long_bytes), NOW_MS, &looked),
        KC_MALFORMED);
    assert_int_equal(looked, 0);
}

static void a_failing_store_is_no_word(void **state)
{
    size_t looked;
    (void)state;
    ask(0);
    world.look = kc_result(KC_STORE_FAILED);
    assert_code(answer_bytes(STATUS, ISSUER, kc_buffer_view(&world.question), NOW_MS, &looked),
                KC_STORE_FAILED);
    world.look = kc_ok();
    expect_kind(2);
    assert_code(read_at(NOW_MS), KC_BUSY);
    expect_nothing_said();
    world.answer = KC_BUFFER(world.answer_bytes);
    assert_code(kc_ocsp_answer(&world.answer, NULL, kc_buffer_view(&world.question), NOW_MS,
                               LIFE_MS, look, &looked),
                KC_BUSY);
    expect_kind(3);
    assert_code(read_at(NOW_MS), KC_BUSY);
}

static void a_question_has_bounds(void **state)
{
    uint8_t many[(KC_OCSP_SERIALS_MAX + 1) * KC_SERIAL_SIZE] = {0x40};
    size_t looked;
    (void)state;
    world.question = KC_BUFFER(world.question_bytes);
    assert_ok(kc_ocsp_ask(&world.question, kc_view(many, sizeof many - KC_SERIAL_SIZE), nonces[0],
                          der_of(ISSUER)));
    assert_ok(answer_bytes(STATUS, ISSUER, kc_buffer_view(&world.question), NOW_MS, &looked));
    assert_int_equal(looked, KC_OCSP_SERIALS_MAX);
    const size_t bad[] = {0, 1, KC_SERIAL_SIZE - 1, sizeof many};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_code(kc_ocsp_ask(&world.question, kc_view(many, bad[i]), nonces[0], der_of(ISSUER)),
                    KC_CRYPTO_FAILED);
    }
    assert_code(kc_ocsp_ask(&world.question, kc_view(many, KC_SERIAL_SIZE), nonces[0],
                            kc_view(many, sizeof many)),
                KC_CERT_INVALID);
}

static void a_signer_needs_its_key(void **state)
{
    struct kc_ocsp_signer *signer = NULL;
    (void)state;
    assert_code(kc_ocsp_signer_open(&signer, der_of(STATUS), der_of(ISSUER),
                                    &world.parties[LEAF].key.private_key),
                KC_CERT_INVALID);
    assert_code(kc_ocsp_signer_open(&signer, kc_view("x", 1), der_of(ISSUER),
                                    &world.parties[STATUS].key.private_key),
                KC_CERT_INVALID);
    assert_null(signer);
}

/* It is for answers, and so never somebody's certificate. */
static void the_responder_is_nobody(void **state)
{
    struct kc_certificate read;
    (void)state;
    assert_code(kc_certificate_read(&read, der_of(STATUS)), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&read, der_of(STATUS), der_of(ISSUER), der_of(ROOT), NOW_MS),
                KC_CERT_INVALID);
    assert_ok(kc_certificate_verify(&read, der_of(LEAF), der_of(ISSUER), der_of(ROOT), NOW_MS));
}

static void a_path_is_base64_and_nothing_else(void **state)
{
    static const struct {
        const char *path;
        const char *bytes;
    } good[] = {{"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}};
    static const char *const bad[] = {"",     "Zg",       "Zg=",    "Zg===", "Z===",
                                      "====", "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm9v ",
                                      "Zm9-", "Zm_v",     "=m9v"};
    char long_path[KC_OCSP_PATH_SIZE_MAX + 5];
    uint8_t bytes[KC_OCSP_PATH_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(kc_ocsp_path_read(&out, good[i].path));
        assert_int_equal(out.size, strlen(good[i].bytes));
        assert_memory_equal(bytes, good[i].bytes, out.size);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_code(kc_ocsp_path_read(&out, bad[i]), KC_MALFORMED);
    }
    memset(long_path, 'A', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    assert_code(kc_ocsp_path_read(&out, long_path), KC_TOO_LARGE);
    long_path[KC_OCSP_PATH_SIZE_MAX] = '\0';
    assert_ok(kc_ocsp_path_read(&out, long_path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_serial_gets_its_word),
        cmocka_unit_test(others_are_not_believed),
        cmocka_unit_test(an_answer_fits_its_question),
        cmocka_unit_test(times_hold_within_what_clocks_may_differ),
        cmocka_unit_test(a_changed_answer_says_nothing_new),
        cmocka_unit_test(what_cannot_be_read_is_answered_so),
        cmocka_unit_test(a_failing_store_is_no_word),
        cmocka_unit_test(a_question_has_bounds),
        cmocka_unit_test(a_signer_needs_its_key),
        cmocka_unit_test(the_responder_is_nobody),
        cmocka_unit_test(a_path_is_base64_and_nothing_else),
    };
    return cmocka_run_group_tests_name("ocsp", tests, open_world, close_world);
}
