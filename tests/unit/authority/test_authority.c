/* Question: does the authority issue what it should and nothing else, once, with the root key out
 * of the way? The directory is one in memory, which can be told to be down. */
#include "authority_place.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/files.h"
#include "service/keys.h"

/* ---- keys and certificates ---- */

/* shows: R-NODE-2 */
static void the_root_key_is_apart_and_not_needed_again(void **state)
{
    struct place *place = *state;
    char path[KC_PATH_SIZE_MAX];
    struct stat status;
    struct kc_private_key root;
    struct pair_of_keys keys;
    struct kc_pair pair;
    EXPECT(kc_path_join(path, place->dir, "root/root.key", NULL), KC_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    EXPECT(kc_path_join(path, place->dir, "root", NULL), KC_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    EXPECT(kc_key_file_load(&root, path, "root.key"), KC_OK);
    assert_memory_not_equal(root.p256.d, place->authority.issuers[0].key.p256.d,
                            KC_P256_COORDINATE_SIZE);
    EXPECT(kc_path_join(path, place->dir, "authority/root.key", NULL), KC_OK);
    assert_false(kc_file_exists(path));
    EXPECT(kc_path_join(path, place->dir, "root/root.key", NULL), KC_OK);
    assert_int_equal(unlink(path), 0);
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    make_keys(&keys, place, KC_KEY_P256);
    issue(&pair, place, 18, "18", &keys, kc_clock_now_ms() + YEAR_MS);
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    assert_false(kc_file_exists(path));
}

static void check_pair(struct place *place, enum kc_key_type type, uint64_t holder)
{
    struct pair_of_keys keys;
    struct kc_pair pair;
    struct kc_certificate sign;
    struct kc_certificate encrypt;
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t end_ms = now_ms + YEAR_MS;
    make_keys(&keys, place, type);
    issue(&pair, place, holder, "18", &keys, end_ms);
    struct kc_view root = kc_view(place->root, place->root_size);
    struct kc_view sign_der = kc_view(pair.sign.der, pair.sign.der_size);
    struct kc_view encrypt_der = kc_view(pair.encrypt.der, pair.encrypt.der_size);
    EXPECT(kc_certificate_verify(&sign, sign_der, issuer_of(place), root, now_ms), KC_OK);
    EXPECT(kc_certificate_verify(&encrypt, encrypt_der, issuer_of(place), root, now_ms), KC_OK);
    assert_int_equal(sign.profile, KC_PROFILE_SIGN);
    assert_int_equal(encrypt.profile, KC_PROFILE_ENCRYPT);
    assert_string_equal(sign.subject, "18");
    assert_int_equal(sign.key.type, type);
    assert_memory_equal(sign.key.rsa.n, keys.sign_public.rsa.n, 64);
    assert_memory_equal(encrypt.key.rsa.n, keys.encrypt_public.rsa.n, 64);
    assert_memory_equal(sign.serial, pair.sign.serial, KC_SERIAL_SIZE);
    assert_memory_not_equal(sign.serial, encrypt.serial, KC_SERIAL_SIZE);
    assert_int_equal(sign.serial[0] & 0x80, 0);
    assert_int_equal(sign.not_after_ms / 1000, end_ms / 1000);
    assert_int_equal(encrypt.not_after_ms, sign.not_after_ms);
    EXPECT(kc_certificate_verify(&sign, sign_der, issuer_of(place), root, end_ms + 2000),
           KC_CERT_EXPIRED);
    EXPECT(kc_certificate_verify(&sign, sign_der, issuer_of(place), root, now_ms - YEAR_MS),
           KC_CERT_EXPIRED);
    EXPECT(kc_certificate_verify(&sign, sign_der, root, root, now_ms), KC_CERT_INVALID);
}

/* shows: R-NODE-2 R-OPEN-3 R-OPEN-4 R-SEC-3 */
static void two_certificates_a_user_each_for_its_use(void **state)
{
    struct place *place = *state;
    check_pair(place, KC_KEY_P256, 18);
    check_pair(place, KC_KEY_RSA2048, 26);
    check_pair(place, KC_KEY_RSA3072, 34);
}

static void no_certificate_outlives_its_issuer(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct kc_pair pair;
    struct kc_certificate sign;
    make_keys(&keys, place, KC_KEY_P256);
    issue(&pair, place, 18, "18", &keys, place->authority.issuers[0].expires_ms + YEAR_MS);
    EXPECT(kc_certificate_read(&sign, kc_view(pair.sign.der, pair.sign.der_size)), KC_OK);
    assert_int_equal(sign.not_after_ms / 1000, place->authority.issuers[0].expires_ms / 1000);
}

/* shows: R-NODE-2 R-SEC-4 */
static void the_list_names_what_was_revoked_and_nothing_else(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct kc_pair gone;
    struct kc_pair stays;
    uint64_t number = 0;
    size_t count = 0;
    make_keys(&keys, place, KC_KEY_P256);
    issue(&gone, place, 18, "18", &keys, kc_clock_now_ms() + YEAR_MS);
    issue(&stays, place, 26, "26", &keys, kc_clock_now_ms() + YEAR_MS);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, &gone, false, &number);
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, 18, kc_clock_now_ms(), 1),
           KC_OK);
    assert_int_equal(count, 2);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, &gone, true, &number);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, &stays, false, &number);
    EXPECT(kc_authority_publish(&place->authority, 18), KC_OK);
    assert_int_equal(directory.count, 0);
    EXPECT(kc_authority_publish(&place->authority, 26), KC_OK);
    assert_int_equal(directory.count, 2);
    directory.down = true;
    EXPECT(kc_authority_publish_crl(&place->authority), KC_DIRECTORY_DOWN);
}

/* Two pairs at once, as at a renewal: the one that ends last counts, whatever order the serials give. */
static void the_pair_that_ends_last_counts(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct kc_pair made;
    struct kc_pair found;
    uint64_t end_ms = kc_clock_now_ms() + YEAR_MS;
    make_keys(&keys, place, KC_KEY_P256);
    for (unsigned i = 0; i < 12; i++) {
        issue(&made, place, 18, "18", &keys, end_ms - (i == 5 ? 0 : 100000));
        if (i >= 5) {
            EXPECT(kc_authority_pair(&found, &place->authority, 18), KC_OK);
            assert_true(found.sign.expires_ms == end_ms && found.encrypt.expires_ms == end_ms);
        }
    }
}

/* Pairs of one second that end together: what begins later is the newer, for whoever sees only the certificates. */
/* shows: R-NODE-2 R-RENEW-5 */
static void the_order_of_pairs_can_be_seen(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct kc_pair made;
    struct kc_pair found;
    struct kc_certificate read;
    uint64_t before_ms = 0;
    uint64_t end_ms = kc_clock_now_ms() + YEAR_MS;
    make_keys(&keys, place, KC_KEY_P256);
    for (unsigned i = 0; i < 12; i++) {
        issue(&made, place, 18, "18", &keys, end_ms);
        EXPECT(kc_certificate_read(&read, kc_view(made.sign.der, made.sign.der_size)), KC_OK);
        assert_true(read.not_before_ms > before_ms && read.not_before_ms <= kc_clock_now_ms());
        before_ms = read.not_before_ms;
        EXPECT(kc_authority_pair(&found, &place->authority, 18), KC_OK);
        assert_memory_equal(found.sign.serial, made.sign.serial, KC_SERIAL_SIZE);
        assert_memory_equal(found.encrypt.serial, made.encrypt.serial, KC_SERIAL_SIZE);
    }
}

/* shows: R-NODE-2 R-NODE-3 */
static void an_empty_directory_is_filled_again(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct kc_pair pair;
    size_t count = 0;
    make_keys(&keys, place, KC_KEY_P256);
    for (uint64_t i = 1; i <= 5; i++) {
        struct kc_account_id account = kc_account_nth(i);
        issue(&pair, place, account.number, "18", &keys, kc_clock_now_ms() + YEAR_MS);
    }
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, kc_account_nth(5).number,
                                     kc_clock_now_ms(), 1),
           KC_OK);
    directory.puts = 0;
    EXPECT(kc_authority_publish_holders(&place->authority), KC_OK);
    assert_int_equal(directory.puts, 5);
    assert_int_equal(directory.account, kc_account_nth(5).number);
    assert_int_equal(directory.count, 0);
    directory.down = true;
    EXPECT(kc_authority_publish_holders(&place->authority), KC_DIRECTORY_DOWN);
}

static void an_issuer_that_ended_issues_nothing(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    static struct kc_pair pair;
    static const uint8_t request[KC_DIGEST_SIZE] = {0};
    make_keys(&keys, place, KC_KEY_P256);
    place->authority.issuers[0].expires_ms = kc_clock_now_ms() - 1;
    EXPECT(kc_authority_issue(&pair.sign, &pair.encrypt, &place->authority, 18, "18",
                              &keys.sign_public, &keys.encrypt_public, kc_clock_now_ms() + YEAR_MS,
                              request),
           KC_CERT_EXPIRED);
    EXPECT(kc_authority_pair(&pair, &place->authority, 18), KC_OK);
    assert_int_equal(pair.sign_count + pair.encrypt_count, 0);
}

static void the_list_is_published_on_schedule_and_soon_after_a_failure(void **state)
{
    (void)state;
    assert_true(kc_authority_next_ns(7, 60000, false) == 7 + UINT64_C(60000000000));
    assert_true(kc_authority_next_ns(7, 60000, true) == 7 + UINT64_C(1000000000));
    assert_true(kc_authority_next_ns(7, 500, true) == 7 + UINT64_C(500000000));
}

/* ---- requests ---- */

/* shows: R-OPEN-4 */
static void certify_issues_publishes_and_answers_once(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_certify_reply reply;
    struct kc_certificate sign;
    uint8_t first[KC_CERTIFICATE_SIZE_MAX];
    struct kc_account_id account = kc_account_nth(1000000);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    /* Cut between the database and the directory: the repeat finds what was issued. */
    directory.down = true;
    EXPECT(send_certify(place, &certify), KC_DIRECTORY_DOWN);
    directory.down = false;
    EXPECT(send_certify(place, &certify), KC_OK);
    open_reply(&reply, place, &place->registrar, &kc_certify_reply_shape);
    EXPECT(kc_certificate_read(&sign, reply.sign_certificate), KC_OK);
    assert_int_equal(sign.profile, KC_PROFILE_SIGN);
    assert_memory_equal(sign.key.p256.x, keys.sign_public.p256.x, KC_P256_COORDINATE_SIZE);
    assert_int_equal(directory.account, account.number);
    assert_int_equal(directory.count, 2);
    assert_true(kc_view_equal(kc_view(directory.certificates[0], directory.sizes[0]),
                              reply.sign_certificate));
    assert_true(kc_view_equal(kc_view(directory.certificates[1], directory.sizes[1]),
                              reply.encrypt_certificate));
    size_t size = reply.sign_certificate.size;
    memcpy(first, reply.sign_certificate.data, size);
    EXPECT(send_certify(place, &certify), KC_OK);
    open_reply(&reply, place, &place->registrar, &kc_certify_reply_shape);
    assert_true(kc_view_equal(kc_view(first, size), reply.sign_certificate));
}

/* shows: R-NODE-2 R-OPEN-4 */
static void what_may_not_be_certified_is_refused(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct pair_of_keys other;
    struct certify certify;
    struct kc_account_id account = kc_account_nth(1000000);
    const struct pair_of_keys *registrar = &place->registrar;
    make_keys(&keys, place, KC_KEY_P256);
    make_keys(&other, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &other.sign);
    EXPECT(send_certify(place, &certify), KC_BAD_SIGNATURE);
    expect_refusal(place, registrar, KC_BAD_SIGNATURE);
    make_certify(&certify, place, account, &keys, &keys.sign);
    certify.request.account.number += 1;
    EXPECT(send_certify(place, &certify), KC_MALFORMED);
    make_certify(&certify, place, account, &keys, &keys.sign);
    certify.request.expires_ms += 10 * YEAR_MS;
    EXPECT(send_certify(place, &certify), KC_MALFORMED);
    make_certify(&certify, place, account, &keys, &keys.sign);
    certify.request.time_ms -= place->authority.config.clock_ms + 60000;
    EXPECT(send_certify(place, &certify), KC_EXPIRED);
    expect_refusal(place, registrar, KC_EXPIRED);
    assert_int_equal(directory.puts, 0);
    struct pair_of_keys same = keys;
    same.encrypt_public = same.sign_public;
    make_certify(&certify, place, account, &same, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_WRONG_ALGORITHM);
    struct pair_of_keys off = keys;
    off.encrypt_public = other.encrypt_public;
    off.encrypt_public.p256.y[31] ^= 1;
    make_certify(&certify, place, account, &off, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_MALFORMED);
    expect_refusal(place, registrar, KC_MALFORMED);
    assert_int_equal(directory.puts, 0);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_OK);
    make_certify(&certify, place, account, &other, &other.sign);
    EXPECT(send_certify(place, &certify), KC_ALREADY_EXISTS);
    expect_refusal(place, registrar, KC_ALREADY_EXISTS);
}

/* shows: R-NODE-2 */
static void only_its_servers_are_heard(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_account_id account = kc_account_nth(1000000);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    const struct kc_certify_request *request = &certify.request;
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, request->time_ms, &kc_certify_request_shape,
                request),
           KC_NOT_ALLOWED);
    expect_refusal(place, &place->bank, KC_NOT_ALLOWED);
    EXPECT(send(place, &keys, account.number, request->time_ms, &kc_certify_request_shape, request),
           KC_NOT_ALLOWED);
    assert_int_equal(place->reply_buffer.size, 0);
    EXPECT(send(place, &keys, KC_SERVER_REGISTRAR, request->time_ms, &kc_certify_request_shape,
                request),
           KC_UNKNOWN_SIGNER);
    assert_int_equal(place->reply_buffer.size, 0);
    EXPECT(send(place, &place->registrar, KC_SERVER_REGISTRAR, request->time_ms + 1,
                &kc_certify_request_shape, request),
           KC_MISMATCH);
    place->reply_buffer.size = 1;
    EXPECT(kc_authority_handle(&place->reply_buffer, &place->authority, kc_view_text("nonsense")),
           KC_MALFORMED);
    assert_int_equal(place->reply_buffer.size, 0);
    assert_int_equal(directory.puts, 0);
}

/* shows: R-RENEW-6 R-SEC-4 */
static void keys_that_ended_are_renewed_and_those_revoked_are_not(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct pair_of_keys newer;
    struct pair_of_keys fresh;
    struct certify certify;
    struct kc_pair pair;
    size_t count = 0;
    const struct timespec wait = {.tv_sec = 2};
    struct kc_account_id account = kc_account_nth(1000000);
    make_keys(&keys, place, KC_KEY_P256);
    make_keys(&fresh, place, KC_KEY_P256);
    for (uint64_t i = 0; i < 4; i++) {
        account = kc_account_nth(1000000 + i);
        issue(&pair, place, account.number, "18", &keys, kc_clock_now_ms() + 1000);
        if (i >= 2) {
            /* Newer ones beside them, that were revoked: because another pair took their place, or because they were lost. */
            make_keys(&newer, place, KC_KEY_P256);
            issue(&pair, place, account.number, "18", &newer, kc_clock_now_ms() + YEAR_MS);
            EXPECT(kc_authority_store_revoke_pair(place->authority.store, pair.sign.serial,
                                                  pair.encrypt.serial, kc_clock_now_ms(),
                                                  i == 2 ? 4 : 1),
                   KC_OK);
        }
    }
    (void)nanosleep(&wait, NULL);
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, kc_account_nth(1000001).number,
                                     kc_clock_now_ms(), 1),
           KC_OK);
    for (uint64_t i = 0; i < 4; i++) {
        account = kc_account_nth(1000000 + i);
        make_certify(&certify, place, account, &fresh, &fresh.sign);
        const struct kc_renew_certify_request request = {.account = account,
                                                         .expires_ms = certify.request.expires_ms,
                                                         .proof = certify.request.proof,
                                                         .time_ms = certify.request.time_ms};
        EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
        assert_int_equal(pair.sign_count, 0);
        EXPECT(send(place, &place->bank, KC_SERVER_BANK, request.time_ms,
                    &kc_renew_certify_request_shape, &request),
               i % 2 == 0 ? KC_OK : KC_CERT_REVOKED);
        EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
        assert_int_equal(pair.sign_count, i % 2 == 0 ? 1 : 0);
    }
}

/* shows: R-NODE-2 R-SEC-4 */
static void revoking_on_request_lists_both_certificates(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_done done;
    struct kc_pair pair;
    uint64_t number = 0;
    struct kc_account_id account = kc_account_nth(1000000);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_OK);
    EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
    struct kc_revoke_request order = {
        .account = account, .reason = 7, .time_ms = kc_clock_now_ms()};
    EXPECT(
        send(place, &place->bank, KC_SERVER_BANK, order.time_ms, &kc_revoke_request_shape, &order),
        KC_MALFORMED);
    order.reason = 5;
    for (int i = 0; i < 2; i++) {
        EXPECT(send(place, &place->bank, KC_SERVER_BANK, order.time_ms, &kc_revoke_request_shape,
                    &order),
               KC_OK);
        open_reply(&done, place, &place->bank, &kc_done_shape);
        expect_listed(place, &pair, true, &number);
        assert_int_equal(directory.count, 0);
    }
    EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
    assert_int_equal(pair.sign_count + pair.encrypt_count, 0);
}

/* Somebody on the way sends an old revocation once more, after the account got new certificates. */
/* shows: R-SEC-4 */
static void a_repeated_revocation_spares_new_certificates(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_pair pair;
    uint8_t old[KC_MESSAGE_SIZE_MAX];
    struct kc_account_id account = kc_account_nth(1000000);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_OK);
    struct kc_revoke_request order = {
        .account = account, .reason = 4, .time_ms = kc_clock_now_ms()};
    EXPECT(
        send(place, &place->bank, KC_SERVER_BANK, order.time_ms, &kc_revoke_request_shape, &order),
        KC_OK);
    memcpy(old, place->envelope, sizeof old);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_OK);
    struct kc_signed parsed;
    size_t size = sizeof old;
    while (size > 0 && kc_failed(kc_signed_parse(&parsed, kc_view(old, size)))) {
        size--;
    }
    EXPECT(kc_authority_handle(&place->reply_buffer, &place->authority, kc_view(old, size)), KC_OK);
    EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
    assert_int_equal(pair.sign_count + pair.encrypt_count, 2);
}

/* It was held up on its way, or the bank did not wait for it, and the account has new certificates since. */
/* shows: R-SEC-4 R-OPEN-7 */
static void a_revocation_of_the_banks_that_comes_late_spares_new_certificates(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_refusal refusal;
    struct kc_pair pair;
    struct kc_account_id account = kc_account_nth(1000000);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_OK);
    struct kc_revoke_request order = {
        .account = account, .reason = 1, .time_ms = kc_clock_now_ms() - 2000};
    for (int i = 0; i < 2; i++) {
        EXPECT(send(place, &place->bank, KC_SERVER_BANK, order.time_ms, &kc_revoke_request_shape,
                    &order),
               KC_EXPIRED);
        open_reply(&refusal, place, &place->bank, &kc_refusal_shape);
        assert_int_equal(refusal.reason, KC_EXPIRED);
        EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
        assert_int_equal(pair.sign_count + pair.encrypt_count, 2);
    }
    /* The registrar's is carried out, whose clock may be behind: it asks for none before it has heard of this. */
    EXPECT(send(place, &place->registrar, KC_SERVER_REGISTRAR, order.time_ms,
                &kc_revoke_request_shape, &order),
           KC_OK);
    EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
    assert_int_equal(pair.sign_count + pair.encrypt_count, 0);
    /* Without a good one there is nothing to spare. */
    EXPECT(
        send(place, &place->bank, KC_SERVER_BANK, order.time_ms, &kc_revoke_request_shape, &order),
        KC_OK);
}

/* ---- renewals ---- */

/* The bank's request for new keys, whose certificates end that much later than those of an opening. */
static struct kc_result send_renew(struct place *place, const struct certify *certify,
                                   uint64_t later_ms)
{
    const struct kc_renew_certify_request request = {.account = certify->request.account,
                                                     .expires_ms =
                                                         certify->request.expires_ms + later_ms,
                                                     .proof = certify->request.proof,
                                                     .time_ms = kc_clock_now_ms()};
    return send(place, &place->bank, KC_SERVER_BANK, request.time_ms,
                &kc_renew_certify_request_shape, &request);
}

static struct kc_result send_retire(struct place *place, struct kc_account_id account,
                                    const struct kc_pair *pair)
{
    struct kc_retire_request request = {.account = account, .time_ms = kc_clock_now_ms()};
    kc_digest(&place->crypto, request.certificate, kc_view(pair->sign.der, pair->sign.der_size));
    return send(place, &place->bank, KC_SERVER_BANK, request.time_ms, &kc_retire_request_shape,
                &request);
}

static void expect_on_next_list(struct place *place, const struct kc_pair *pair, bool listed,
                                uint64_t *number)
{
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, pair, listed, number);
}

/* shows: R-RENEW-5 R-RENEW-7 R-NODE-2 */
static void new_keys_stand_beside_the_old_ones_until_these_are_retired(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_certify_reply reply;
    struct kc_done done;
    uint64_t number = 0;
    struct kc_account_id account = kc_account_nth(1000000);
    const struct kc_pair old = open_account(place, account, &certify);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    directory.down = true;
    EXPECT(send_renew(place, &certify, 5000), KC_DIRECTORY_DOWN);
    directory.down = false;
    EXPECT(send_renew(place, &certify, 5000), KC_OK);
    open_reply(&reply, place, &place->bank, &kc_certify_reply_shape);
    const struct kc_pair new = pair_of(place, account);
    assert_memory_not_equal(new.sign.serial, old.sign.serial, KC_SERIAL_SIZE);
    assert_true(kc_view_equal(reply.sign_certificate, kc_view(new.sign.der, new.sign.der_size)));
    assert_true(kc_view_equal(kc_view(directory.certificates[0], directory.sizes[0]),
                              reply.sign_certificate));
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, &old, false, &number);
    /* With the wrong certificate, or that of the oldest pair, nothing is revoked. */
    EXPECT(send_retire(place, kc_account_nth(1000001), &old), KC_MISMATCH);
    expect_refusal(place, &place->bank, KC_MISMATCH);
    EXPECT(send_retire(place, account, &old), KC_OK);
    expect_on_next_list(place, &old, false, &number);
    expect_on_next_list(place, &new, false, &number);
    for (int i = 0; i < 2; i++) {
        EXPECT(send_retire(place, account, &new), KC_OK);
        open_reply(&done, place, &place->bank, &kc_done_shape);
        expect_listed(place, &old, true, &number);
    }
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, &new, false, &number);
    const struct kc_pair left = pair_of(place, account);
    assert_memory_equal(left.sign.serial, new.sign.serial, KC_SERIAL_SIZE);
    /* After the next renewal that word is an old one. */
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_renew(place, &certify, 10000), KC_OK);
    EXPECT(send_retire(place, account, &new), KC_OK);
    expect_on_next_list(place, &new, false, &number);
    const struct kc_pair newest = pair_of(place, account);
    assert_memory_not_equal(newest.sign.serial, new.sign.serial, KC_SERIAL_SIZE);
    expect_on_next_list(place, &newest, false, &number);
}

/* shows: R-RENEW-5 R-NODE-2 R-SEC-4 */
static void a_renewal_that_may_not_be_is_refused(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct pair_of_keys other;
    struct certify certify;
    struct kc_account_id account = kc_account_nth(1000000);
    const struct kc_pair old = open_account(place, account, &certify);
    make_keys(&keys, place, KC_KEY_P256);
    make_keys(&other, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    const struct kc_renew_certify_request request = {.account = account,
                                                     .expires_ms =
                                                         certify.request.expires_ms + 5000,
                                                     .proof = certify.request.proof,
                                                     .time_ms = kc_clock_now_ms()};
    EXPECT(send(place, &place->registrar, KC_SERVER_REGISTRAR, request.time_ms,
                &kc_renew_certify_request_shape, &request),
           KC_NOT_ALLOWED);
    EXPECT(send(place, &keys, account.number, request.time_ms, &kc_renew_certify_request_shape,
                &request),
           KC_NOT_ALLOWED);
    const struct kc_retire_request retire = {.account = account, .time_ms = kc_clock_now_ms()};
    EXPECT(send(place, &place->registrar, KC_SERVER_REGISTRAR, retire.time_ms,
                &kc_retire_request_shape, &retire),
           KC_NOT_ALLOWED);
    /* Of two good pairs the one that ends last counts, so the new one has to. */
    EXPECT(send_renew(place, &certify, 0), KC_OK);
    make_certify(&certify, place, account, &other, &other.sign);
    certify.request.expires_ms -= 60000;
    EXPECT(send_renew(place, &certify, 0), KC_MALFORMED);
    EXPECT(send_renew(place, &certify, 10 * YEAR_MS), KC_MALFORMED);
    make_certify(&certify, place, account, &other, &keys.sign);
    EXPECT(send_renew(place, &certify, 5000), KC_BAD_SIGNATURE);
    /* Whose certificates were revoked meanwhile, or who never had any, gets none by this way. */
    make_certify(&certify, place, kc_account_nth(1000001), &other, &other.sign);
    EXPECT(send_renew(place, &certify, 5000), KC_CERT_REVOKED);
    /* Those of the renewal begin a second later than the others. */
    const struct kc_revoke_request revoke = {
        .account = account, .reason = 4, .time_ms = kc_clock_now_ms() + 2000};
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, revoke.time_ms, &kc_revoke_request_shape,
                &revoke),
           KC_OK);
    make_certify(&certify, place, account, &other, &other.sign);
    EXPECT(send_renew(place, &certify, 5000), KC_CERT_REVOKED);
    /* Nothing is left to be ended, and nobody is asked for ever. */
    EXPECT(send_retire(place, account, &old), KC_OK);
}

/* The bank's request for new keys, and the pair that counts by then. */
static struct kc_pair renewed_pair(struct place *place, struct kc_account_id account,
                                   uint64_t later_ms)
{
    struct pair_of_keys keys;
    struct certify certify;
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_renew(place, &certify, later_ms), KC_OK);
    return pair_of(place, account);
}

/* shows: R-RENEW-5 R-NODE-2 */
static void a_pair_that_was_revoked_itself_ends_those_before_it_and_none_behind(void **state)
{
    struct place *place = *state;
    struct certify certify;
    struct kc_done done;
    uint64_t number = 0;
    struct kc_account_id account = kc_account_nth(1000000);
    const struct kc_pair old = open_account(place, account, &certify);
    const struct kc_pair named = renewed_pair(place, account, 5000);
    const struct kc_pair newer = renewed_pair(place, account, 10000);
    EXPECT(kc_authority_store_revoke_pair(place->authority.store, named.sign.serial,
                                          named.encrypt.serial, kc_clock_now_ms(), 1),
           KC_OK);
    /* Another account's word about it is none. */
    EXPECT(send_retire(place, kc_account_nth(1000001), &named), KC_MISMATCH);
    for (int i = 0; i < 2; i++) {
        EXPECT(send_retire(place, account, &named), KC_OK);
        open_reply(&done, place, &place->bank, &kc_done_shape);
        expect_listed(place, &old, true, &number);
    }
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    expect_listed(place, &newer, false, &number);
    const struct kc_pair left = pair_of(place, account);
    assert_memory_equal(left.sign.serial, newer.sign.serial, KC_SERIAL_SIZE);
}

/* The bank's word comes late, or others were made for a renewal that nobody ends: the one in use is not held up by them. */
/* shows: R-RENEW-5 R-NODE-2 R-SEC-4 */
static void a_confirmed_pair_ends_those_before_it_whatever_stands_behind(void **state)
{
    struct place *place = *state;
    struct certify certify;
    uint64_t number = 0;
    struct kc_account_id account = kc_account_nth(1000000);
    const struct kc_pair old = open_account(place, account, &certify);
    const struct kc_pair named = renewed_pair(place, account, 5000);
    const struct kc_pair newer = renewed_pair(place, account, 10000);
    for (int i = 0; i < 2; i++) {
        EXPECT(send_retire(place, account, &named), KC_OK);
        expect_on_next_list(place, &old, true, &number);
        expect_on_next_list(place, &named, false, &number);
        expect_on_next_list(place, &newer, false, &number);
    }
    /* There is room for another now, and the newest that is confirmed ends both. */
    const struct kc_pair last = renewed_pair(place, account, 15000);
    EXPECT(send_retire(place, account, &last), KC_OK);
    expect_on_next_list(place, &named, true, &number);
    expect_on_next_list(place, &newer, true, &number);
    expect_on_next_list(place, &last, false, &number);
}

static struct kc_result send_left(struct place *place, struct kc_account_id account,
                                  const struct kc_pair *pair)
{
    struct kc_retire_request request = {
        .account = account, .left = true, .time_ms = kc_clock_now_ms()};
    kc_digest(&place->crypto, request.certificate, kc_view(pair->sign.der, pair->sign.der_size));
    return send(place, &place->bank, KC_SERVER_BANK, request.time_ms, &kc_retire_request_shape,
                &request);
}

/* shows: R-RENEW-5 R-RENEW-7 R-NODE-2 */
static void a_pair_that_was_left_makes_room_and_the_last_good_one_never(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys;
    struct certify certify;
    uint64_t number = 0;
    struct kc_account_id account = kc_account_nth(1000000);
    const struct kc_pair old = open_account(place, account, &certify);
    const struct kc_pair first = renewed_pair(place, account, 5000);
    const struct kc_pair second = renewed_pair(place, account, 10000);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_renew(place, &certify, 15000), KC_PENDING);
    EXPECT(send_left(place, kc_account_nth(1000001), &first), KC_MISMATCH);
    for (int i = 0; i < 2; i++) {
        EXPECT(send_left(place, account, &first), KC_OK);
        expect_on_next_list(place, &first, true, &number);
        expect_on_next_list(place, &old, false, &number);
        expect_on_next_list(place, &second, false, &number);
    }
    EXPECT(send_renew(place, &certify, 15000), KC_OK);
    const struct kc_pair third = pair_of(place, account);
    EXPECT(send_left(place, account, &second), KC_OK);
    EXPECT(send_left(place, account, &third), KC_OK);
    EXPECT(send_left(place, account, &old), KC_OUT_OF_ORDER);
    expect_on_next_list(place, &third, true, &number);
    expect_on_next_list(place, &old, false, &number);
    assert_memory_equal(pair_of(place, account).sign.serial, old.sign.serial, KC_SERIAL_SIZE);
}

/* shows: R-RENEW-5 R-SEC-4 */
static void few_pairs_stand_beside_each_other(void **state)
{
    struct place *place = *state;
    struct pair_of_keys last;
    struct pair_of_keys keys;
    struct certify certify;
    struct kc_account_id account = kc_account_nth(1000000);
    (void)open_account(place, account, &certify);
    (void)renewed_pair(place, account, 5000);
    make_keys(&last, place, KC_KEY_P256);
    make_certify(&certify, place, account, &last, &last.sign);
    EXPECT(send_renew(place, &certify, 10000), KC_OK);
    const struct kc_pair third = pair_of(place, account);
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_renew(place, &certify, 15000), KC_PENDING);
    const struct kc_keys_request made = {.account = account,
                                         .expires_ms = certify.request.expires_ms + 15000,
                                         .time_ms = kc_clock_now_ms()};
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, made.time_ms, &kc_keys_request_shape, &made),
           KC_PENDING);
    /* The newest goes on, and once it stands alone others may come. */
    make_certify(&certify, place, account, &last, &last.sign);
    EXPECT(send_renew(place, &certify, 15000), KC_OK);
    EXPECT(send_retire(place, account, &third), KC_OK);
    (void)renewed_pair(place, account, 15000);
}

/* ---- killed while issuing ---- */

#define ROUNDS 8
#define SERIALS_MAX 20000

static _Noreturn void issue_until_killed(struct place *place, int fd)
{
    struct pair_of_keys keys;
    struct kc_pair pair;
    make_keys(&keys, place, KC_KEY_P256);
    for (uint64_t i = 0; i < SERIALS_MAX / ROUNDS / 2; i++) {
        issue(&pair, place, kc_account_nth(1 + i).number, "18", &keys, kc_clock_now_ms() + YEAR_MS);
        uint8_t both[2 * KC_SERIAL_SIZE];
        memcpy(both, pair.sign.serial, KC_SERIAL_SIZE);
        memcpy(both + KC_SERIAL_SIZE, pair.encrypt.serial, KC_SERIAL_SIZE);
        if (write(fd, both, sizeof both) != (ssize_t)sizeof both) {
            break;
        }
    }
    _exit(0);
}

static bool count_serial(void *owner, const struct kc_issued *issued)
{
    uint8_t(*wanted)[KC_SERIAL_SIZE] = owner;
    for (size_t i = 0; i < 2; i++) {
        if (memcmp(wanted[i], issued->serial, KC_SERIAL_SIZE) == 0) {
            wanted[i][0] = 0xff;
        }
    }
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, KC_SERIAL_SIZE);
}

/* shows: R-NODE-2 */
static void what_was_issued_survives_a_kill_and_no_serial_comes_twice(void **state)
{
    struct place *place = *state;
    static uint8_t serials[SERIALS_MAX][KC_SERIAL_SIZE];
    size_t count = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        int fds[2];
        int status = 0;
        assert_int_equal(pipe(fds), 0);
        kc_authority_close(&place->authority);
        pid_t pid = fork();
        if (pid == 0) {
            if (kc_failed(kc_authority_open(&place->authority, place->dir))) {
                _exit(1);
            }
            issue_until_killed(place, fds[1]);
        }
        (void)close(fds[1]);
        /* Only once it issues: how long it takes to open is not the question. */
        uint8_t both[2][KC_SERIAL_SIZE];
        ssize_t got = read(fds[0], both, sizeof both);
        (void)usleep(1000u + 3000u * round);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
        while (count + 2 <= SERIALS_MAX && got == (ssize_t)sizeof both) {
            memcpy(serials[count], both, sizeof both);
            count += 2;
            EXPECT(kc_authority_store_all(place->authority.store, count_serial, both), KC_OK);
            assert_true(both[0][0] == 0xff && both[1][0] == 0xff);
            got = read(fds[0], both, sizeof both);
        }
        (void)close(fds[0]);
    }
    print_message("# %zu serials\n", count);
    assert_true(count >= 2 * ROUNDS);
    qsort(serials, count, KC_SERIAL_SIZE, by_bytes);
    for (size_t i = 1; i < count; i++) {
        assert_memory_not_equal(serials[i - 1], serials[i], KC_SERIAL_SIZE);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_root_key_is_apart_and_not_needed_again),
        TEST(two_certificates_a_user_each_for_its_use),
        TEST(no_certificate_outlives_its_issuer),
        TEST(the_list_names_what_was_revoked_and_nothing_else),
        TEST(the_pair_that_ends_last_counts),
        TEST(the_order_of_pairs_can_be_seen),
        TEST(an_empty_directory_is_filled_again),
        TEST(an_issuer_that_ended_issues_nothing),
        TEST(the_list_is_published_on_schedule_and_soon_after_a_failure),
        TEST(certify_issues_publishes_and_answers_once),
        TEST(what_may_not_be_certified_is_refused),
        TEST(only_its_servers_are_heard),
        TEST(keys_that_ended_are_renewed_and_those_revoked_are_not),
        TEST(revoking_on_request_lists_both_certificates),
        TEST(new_keys_stand_beside_the_old_ones_until_these_are_retired),
        TEST(a_renewal_that_may_not_be_is_refused),
        TEST(a_pair_that_was_revoked_itself_ends_those_before_it_and_none_behind),
        TEST(a_confirmed_pair_ends_those_before_it_whatever_stands_behind),
        TEST(a_pair_that_was_left_makes_room_and_the_last_good_one_never),
        TEST(few_pairs_stand_beside_each_other),
        TEST(a_repeated_revocation_spares_new_certificates),
        TEST(a_revocation_of_the_banks_that_comes_late_spares_new_certificates),
        TEST(what_was_issued_survives_a_kill_and_no_serial_comes_twice),
    };
    return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
