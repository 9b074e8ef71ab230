/* Does a branch or an address depend on a secret where the purse core handles it itself?
 *
 * Runs under valgrind. Private keys, PINs and what the port draws or agrees on are marked as undefined, and memcheck reports each
 * branch and address that depends on them. Secrets are followed through commands, images, power-ups and messages; what becomes
 * public on purpose is named by kc_purse_declassify in src/purse, and by secret_port.c where cryptography makes it public. Every
 * response must be defined as it stands: so nothing of a secret is in it. Cases that begin with "control" must be reported. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "purse/inside.h"
#include "secret_port.h"
#include "vector_keys.h"
#include "world.h"

static struct world world;
static struct secret_port port;
static struct kc_vector_keys keys;
static volatile unsigned sink;

void kc_purse_declassify(const void *data, size_t size)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(data, size);
}

/* ---- secrets ---- */

static const char *const suites[] = {"es256", "rs2048", "rs3072"};

static struct world_party party(const char *suite, const char *use)
{
    char name[40];
    (void)snprintf(name, sizeof name, "%s-%s", suite, use);
    const struct kc_vector_key *key = kc_vector_key_find(&keys, name);
    WORLD_CHECK(key != NULL);
    return (struct world_party){.private_key = key->private_key, .public_key = key->public_key};
}

static void cast(unsigned suite)
{
    world.crypto = secret_port_open(&port);
    world.realm = keys.realm;
    world.suite = (enum kc_suite)(KC_SUITE_ES256 + suite);
    world.own_sign = party(suites[suite], "sign");
    world.own_encrypt = party(suites[suite], "encrypt");
    world.bank_sign = party(suites[suite], "other");
    world.bank_encrypt = party(suites[suite], "other");
    WORLD_CHECK(!kc_failed(world.crypto.generate(world.crypto.context, &world.partner.private_key,
                                                 &world.partner.public_key, KC_KEY_P256)));
    secret_key(&world.own_sign.private_key);
    secret_key(&world.own_encrypt.private_key);
}

/* Sends digits that are secret; their count is not. */
static enum kc_error send_pin(uint8_t ins, uint8_t p1, const char *digits)
{
    uint8_t pin[KC_PIN_SIZE_MAX];
    size_t size = strlen(digits);
    memcpy(pin, digits, size);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(pin, size);
    bool put = ins == KC_INS_PUT_DATA;
    return world_send(&world, put ? KC_CLA_KINCHAKU : KC_CLA_STANDARD, ins, p1, 0,
                      kc_view(pin, size));
}

static enum kc_error verify_pin(const char *digits)
{
    return send_pin(KC_INS_VERIFY_PIN, 0, digits);
}

/* Every command's response is public as it stands. */
static void check_response(void)
{
    (void)VALGRIND_CHECK_MEM_IS_DEFINED(world.response, world.response_size);
}

static void expect(enum kc_error found, enum kc_error wanted)
{
    check_response();
    if (found != wanted) {
        (void)printf("# %s instead of %s\n", kc_error_name(found), kc_error_name(wanted));
    }
    WORLD_CHECK(found == wanted);
}

/* True when every bit of it is undefined: a secret that came defined would show nothing. */
static bool is_secret(const void *data, size_t size)
{
    uint8_t bits[KC_RSA_FACTOR_SIZE_MAX];
    bool all = size <= sizeof bits && VALGRIND_GET_VBITS(data, bits, size) == 1;
    for (size_t i = 0; i < size && all; i++) {
        all = bits[i] == 0xff;
    }
    return all;
}

static void check_secrets_are_marked(void)
{
    const struct kc_private_key *sign = &world.purse.sign_key;
    const struct kc_private_key *encrypt = &world.purse.encrypt_key;
    bool is_p256 = sign->type == KC_KEY_P256;
    WORLD_CHECK(is_secret(is_p256 ? sign->p256.d : sign->rsa.p, 32));
    WORLD_CHECK(is_secret(is_p256 ? encrypt->p256.d : encrypt->rsa.iq, 32));
    WORLD_CHECK(is_secret(world.purse.state.pin_check, KC_DIGEST_SIZE));
}

/* ---- cases ---- */

static void ready(bool made_inside)
{
    world_start(&world);
    world_personalise(&world, WORLD_PUT_PIN, made_inside);
    expect(send_pin(KC_INS_PUT_DATA, KC_TAG_PIN, WORLD_PIN), KC_OK);
    expect(world_personalise_step(&world, WORLD_ACTIVATE, made_inside), KC_OK);
    check_secrets_are_marked();
    world_power(&world);
    WORLD_CHECK(!world.purse.locked);
    check_secrets_are_marked();
    expect(world_select(&world), KC_OK);
}

static void transact(void)
{
    expect(verify_pin(WORLD_PIN), KC_OK);
    expect(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 100), KC_OK);
    expect(world_take_quote(&world), KC_OK);
    expect(world_answer(&world, KC_ANSWER_OK), KC_OK);
    expect(world_take_completion(&world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE + 100), KC_OK);
    expect(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_DEPOSIT, 100), KC_OK);
    expect(world_take_quote(&world), KC_OK);
    expect(world_answer(&world, KC_ANSWER_OK), KC_OK);
    expect(world_state_request(&world), KC_OK);
    expect(world_take_state(&world, KC_OUTCOME_NOT_COMPLETED, 0, WORLD_VALUE + 100), KC_OK);
    expect(world_repeat(&world), KC_NOT_FOUND);
    check_secrets_are_marked();
}

/* The log and what is known of partners hold nothing that is secret. */
static void check_log_is_public(void)
{
    (void)VALGRIND_CHECK_MEM_IS_DEFINED(world.memory.now + KC_NVM_LOG_AT,
                                        KC_NVM_SIZE - KC_NVM_LOG_AT);
}

static void pay_and_conclude(bool taken)
{
    expect(world_pay(&world, 10), KC_OK);
    expect(world_open_payment(&world, 0), KC_OK);
    uint64_t counter = world.purse.state.counter;
    expect(world_conclude(&world, world_partner_answer(&world, counter, taken)), KC_OK);
}

static void receive(enum kc_answer answer)
{
    uint64_t next = world.purse.state.counter + 1;
    struct kc_view payment = world_partner_payment(&world, next, 10);
    expect(world_examine(&world, payment), KC_OK);
    expect(world_decide(&world, answer), KC_OK);
    expect(world_examine(&world, payment), KC_OK);
    expect(world_decide(&world, answer), KC_OK);
}

/* A hotlist is public, whoever brings it, and so is what is found in it. */
static void take_list(void)
{
    static const uint64_t numbers[] = {5, 6, 70000};
    expect(world_take_hotlist(&world, world_hotlist(&world, 1, numbers, 3)), KC_OK);
    expect(
        world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HOTLIST, 0, kc_view(NULL, 0)),
        KC_OK);
}

/* Both sides of payments, and their report; one is forged. */
static void exchange(void)
{
    take_list();
    expect(world_send(&world, KC_CLA_KINCHAKU, KC_INS_IDENTIFY, 0, 0, kc_view(NULL, 0)), KC_OK);
    expect(world_offer(&world, 5), KC_OK);
    pay_and_conclude(true);
    pay_and_conclude(false);
    receive(KC_ANSWER_OK);
    receive(KC_ANSWER_NG);
    /* Its counter passed. */
    uint64_t next = world.purse.state.counter + 1;
    expect(world_examine(&world, world_partner_payment(&world, next - 1, 10)), KC_OK);
    expect(world_decide(&world, KC_ANSWER_OK), KC_OK);
    struct kc_view forged = world_partner_payment(&world, next, 10);
    world.partner_message[forged.size - 1] ^= 1;
    expect(world_examine(&world, forged), KC_BAD_SIGNATURE);
    check_log_is_public();
    expect(world_settle_request(&world), KC_OK);
    expect(world_take_settle(&world, world_uncovered(&world), world_value(&world), NULL), KC_OK);
    check_secrets_are_marked();
    world_power(&world);
    WORLD_CHECK(!world.purse.locked);
    expect(world_select(&world), KC_OK);
    expect(verify_pin(WORLD_PIN), KC_OK);
}

static void es256_brought_in(void)
{
    cast(0);
    ready(false);
    transact();
}

static void rs2048_brought_in(void)
{
    cast(1);
    ready(false);
    transact();
}

static void rs3072_brought_in(void)
{
    cast(2);
    ready(false);
    transact();
}

static void es256_exchange(void)
{
    cast(0);
    ready(false);
    expect(verify_pin(WORLD_PIN), KC_OK);
    exchange();
}

/* Entries are given up, and reported by their sums. */
static void es256_overwriting(void)
{
    cast(0);
    world.log_policy = KC_LOG_POLICY_OVERWRITE;
    ready(false);
    world.log_policy = KC_LOG_POLICY_REFUSE;
    expect(verify_pin(WORLD_PIN), KC_OK);
    for (unsigned i = 0; i < KC_LOG_COUNT / 2; i++) {
        pay_and_conclude(true);
        receive(KC_ANSWER_OK);
    }
    exchange();
}

static void rs2048_exchange(void)
{
    cast(1);
    ready(false);
    expect(verify_pin(WORLD_PIN), KC_OK);
    exchange();
}

static void es256_made_inside(void)
{
    cast(0);
    world_start(&world);
    expect(world_select(&world), KC_OK);
    ready(true);
    WORLD_CHECK(!kc_failed(world.crypto.derive_public(
        world.crypto.context, &world.own_encrypt.public_key, &world.purse.encrypt_key)));
    transact();
}

static void pins(void)
{
    cast(0);
    ready(false);
    expect(verify_pin(WORLD_WRONG_PIN), KC_PIN_WRONG);
    expect(verify_pin("123"), KC_MALFORMED);
    expect(verify_pin("12a4"), KC_MALFORMED);
    expect(verify_pin("/:34"), KC_MALFORMED);
    expect(verify_pin("123456789012"), KC_PIN_WRONG);
    expect(verify_pin(WORLD_PIN), KC_OK);
    expect(send_pin(KC_INS_CHANGE_PIN, 0, "99990000"), KC_OK);
    world_power(&world);
    WORLD_CHECK(!world.purse.locked);
    expect(world_select(&world), KC_OK);
    expect(verify_pin("99990000"), KC_OK);
    for (unsigned i = 0; i < KC_PIN_TRIES - 1; i++) {
        expect(verify_pin(WORLD_PIN), KC_PIN_WRONG);
    }
    expect(verify_pin(WORLD_PIN), KC_PIN_BLOCKED);
}

/* A PIN in pieces of one digit, and a chain that breaks. */
static void pin_in_pieces(void)
{
    cast(0);
    ready(false);
    for (size_t i = 0; i < 4; i++) {
        uint8_t piece[] = {i < 3 ? KC_CLA_MORE : 0x00, KC_INS_VERIFY_PIN, 0, 0, 1,
                           (uint8_t)WORLD_PIN[i]};
        (void)VALGRIND_MAKE_MEM_UNDEFINED(piece + 5, 1);
        expect(world_send_raw(&world, kc_view(piece, sizeof piece)), KC_OK);
    }
    uint8_t piece[] = {KC_CLA_MORE, KC_INS_VERIFY_PIN, 0, 0, 1, '1'};
    (void)VALGRIND_MAKE_MEM_UNDEFINED(piece + 5, 1);
    expect(world_send_raw(&world, kc_view(piece, sizeof piece)), KC_OK);
    expect(world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFO, 0, kc_view(NULL, 0)),
           KC_OUT_OF_ORDER);
    WORLD_CHECK(!is_secret(world.purse.input, 1));
}

static void equal_secret(void)
{
    uint8_t a[KC_DIGEST_SIZE] = {1, 2, 3};
    uint8_t b[KC_DIGEST_SIZE] = {1, 2, 3};
    (void)VALGRIND_MAKE_MEM_UNDEFINED(a, sizeof a);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(b, sizeof b);
    for (size_t place = 0; place <= sizeof b; place++) {
        bool equal = kc_equal_secret(a, b, sizeof a);
        (void)VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal);
        WORLD_CHECK(equal == (place == 0));
        b[place % sizeof b] = (uint8_t)(b[place % sizeof b] ^ 0x80u);
        b[(place + sizeof b - 1) % sizeof b] ^= place == 0 ? 0 : 0x80u;
    }
    kc_wipe(a, sizeof a);
    WORLD_CHECK(!is_secret(a, 1) && a[0] == 0 && a[KC_DIGEST_SIZE - 1] == 0);
}

/* Seals open with the right key and do not with another one or when they are torn; neither way tells more. */
static void seals(void)
{
    uint8_t sealed_bytes[1024];
    uint8_t plain_bytes[256];
    struct kc_buffer sealed = KC_BUFFER(sealed_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    for (unsigned suite = 0; suite < 2; suite++) {
        cast(suite);
        struct kc_view text = kc_view_text("a message");
        WORLD_CHECK(!kc_failed(kc_seal(&sealed, &world.crypto, &world.own_encrypt.public_key,
                                       &world.realm, "kinchaku/1 refusal", text)));
        (void)VALGRIND_CHECK_MEM_IS_DEFINED(sealed.data, sealed.size);
        WORLD_CHECK(
            !kc_failed(kc_unseal(&plain, &world.crypto, &world.own_encrypt.private_key,
                                 &world.realm, "kinchaku/1 refusal", kc_buffer_view(&sealed))));
        WORLD_CHECK(kc_view_equal(kc_buffer_view(&plain), text));
        WORLD_CHECK(kc_unseal(&plain, &world.crypto, &world.own_sign.private_key, &world.realm,
                              "kinchaku/1 refusal", kc_buffer_view(&sealed))
                        .code == KC_CANNOT_UNSEAL);
    }
}

/* Records of private keys, right ones and ones of a wrong form, which PUT KEY reads. */
static void key_records(void)
{
    uint8_t bytes[1024];
    cast(0);
    world_start(&world);
    expect(world_select(&world), KC_OK);
    for (unsigned suite = 0; suite < 3; suite++) {
        struct world_party one = party(suites[suite], "sign");
        secret_key(&one.private_key);
        struct kc_view record = world_key_record(bytes, &one.private_key);
        WORLD_CHECK(is_secret(record.data + record.size - 8, 8));
        expect(world_send(&world, KC_CLA_KINCHAKU, KC_INS_PUT_KEY, KC_KEY_USE_SIGN, 0, record),
               KC_OK);
        expect(world_send(&world, KC_CLA_KINCHAKU, KC_INS_PUT_KEY, KC_KEY_USE_SIGN, 0,
                          kc_view(record.data, record.size - 1)),
               KC_MALFORMED);
        world_power(&world);
        WORLD_CHECK(!world.purse.locked);
        expect(world_select(&world), KC_OK);
    }
}

/* ---- controls: what this test would have to find ---- */

static void control_compare(void)
{
    uint8_t a[8] = {1};
    uint8_t b[8] = {1};
    (void)VALGRIND_MAKE_MEM_UNDEFINED(a, sizeof a);
    for (size_t i = 0; i < sizeof a && a[i] == b[i]; i++) {
        sink++;
    }
}

static void control_index(void)
{
    static const uint8_t table[256] = {1, 2, 3};
    volatile uint8_t secret = 5;
    (void)VALGRIND_MAKE_MEM_UNDEFINED(&secret, sizeof secret);
    sink += table[secret];
}

/* The digits of a PIN checked one after the other, as a purse must not. */
static void control_digits(void)
{
    uint8_t pin[] = {'1', '2', 'x', '4'};
    (void)VALGRIND_MAKE_MEM_UNDEFINED(pin, sizeof pin);
    for (size_t i = 0; i < sizeof pin; i++) {
        if (pin[i] < '0' || pin[i] > '9') {
            break;
        }
        sink++;
    }
}

/* A key in a response. */
static void control_response(void)
{
    cast(0);
    ready(false);
    expect(world_select(&world), KC_OK);
    memcpy(world.response, world.purse.sign_key.p256.d, 16);
    world.response_size = 16;
    check_response();
}

/* The digest of a key compared with memcmp, as storage once did. */
static void control_digest(void)
{
    uint8_t digest[KC_DIGEST_SIZE];
    static const uint8_t stored[KC_DIGEST_SIZE] = {1};
    cast(0);
    kc_digest(&world.crypto, digest, kc_view(world.own_sign.private_key.p256.d, 32));
    sink += memcmp(digest, stored, sizeof digest) == 0 ? 1 : 2;
}

static const struct {
    const char *name;
    void (*run)(void);
    bool is_control;
} cases[] = {
    {"control: a comparison that ends early", control_compare, true},
    {"control: a table indexed by a secret", control_index, true},
    {"control: digits checked one by one", control_digits, true},
    {"control: the digest of a key in memcmp", control_digest, true},
    {"control: a key in a response", control_response, true},
    {"equal and wipe", equal_secret, false},
    {"seals", seals, false},
    {"records of private keys", key_records, false},
    {"pins", pins, false},
    {"a pin in pieces", pin_in_pieces, false},
    {"es256: keys brought in, a withdrawal, a deposit", es256_brought_in, false},
    {"es256: keys made inside, a withdrawal, a deposit", es256_made_inside, false},
    {"rs2048: keys brought in, a withdrawal, a deposit", rs2048_brought_in, false},
    {"rs3072: keys brought in, a withdrawal, a deposit", rs3072_brought_in, false},
    {"es256: payments on both sides, settlement", es256_exchange, false},
    {"es256: payments that overwrite, settlement of a gap", es256_overwriting, false},
    {"rs2048: payments on both sides, settlement", rs2048_exchange, false},
};
#define CASE_COUNT (sizeof cases / sizeof cases[0])

int main(void)
{
    bool all = true;
    if (RUNNING_ON_VALGRIND == 0) {
        (void)fprintf(stderr, "ctime shows nothing unless it runs under valgrind\n");
        return 1;
    }
    WORLD_CHECK(kc_vector_keys_load(&keys, KC_VECTORS_FOLDER));
    (void)printf("1..%zu\n", CASE_COUNT);
    for (size_t i = 0; i < CASE_COUNT; i++) {
        unsigned long before = VALGRIND_COUNT_ERRORS;
        cases[i].run();
        unsigned long found = VALGRIND_COUNT_ERRORS - before;
        bool good = cases[i].is_control == (found > 0);
        all = all && good;
        (void)printf("%s %zu - %s\n", good ? "ok" : "not ok", i + 1, cases[i].name);
        (void)fflush(stdout);
    }
    return all ? 0 : 1;
}
