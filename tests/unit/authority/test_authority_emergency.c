/* Question: do stolen issuing keys end with the next one, and is everything good that they certified there by that one, for the
 * same keys and under the same names and numbers, wherever it was cut? */
#include "authority_place.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "authority/emergency.h"
#include "authority/issuers.h"
#include "authority/own.h"
#include "base/clock.h"
#include "crypto/x509.h"
#include "service/files.h"

static void end_keys(struct place *place, uint64_t expected)
{
    uint64_t number = 0;
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll_emergency(&number, place->dir, NULL), KC_OK);
    assert_int_equal(number, expected);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
}

static bool on_list(struct kc_view list, struct kc_view issuer,
                    const uint8_t serial[KC_SERIAL_SIZE])
{
    struct kc_crl *crl = NULL;
    EXPECT(kc_crl_read(&crl, list, issuer), KC_OK);
    bool has = kc_crl_has(crl, serial);
    kc_crl_free(crl);
    return has;
}

static struct kc_view list_of_root(void)
{
    return kc_view(directory.root_list, directory.root_list_size);
}

static size_t count_ended(struct kc_view root)
{
    struct kc_crl *crl = NULL;
    EXPECT(kc_crl_read(&crl, list_of_root(), root), KC_OK);
    size_t count = kc_crl_count(crl);
    kc_crl_free(crl);
    return count;
}

static void expect_same(const struct kc_issued *now, const struct kc_issued *was)
{
    struct kc_certificate a;
    struct kc_certificate b;
    EXPECT(kc_certificate_read(&a, kc_view(now->der, now->der_size)), KC_OK);
    EXPECT(kc_certificate_read(&b, kc_view(was->der, was->der_size)), KC_OK);
    assert_true(kc_key_equal(&a.key, &b.key) && a.profile == b.profile);
    assert_memory_equal(a.serial, b.serial, KC_SERIAL_SIZE);
    assert_memory_equal(now->serial, was->serial, KC_SERIAL_SIZE);
    assert_string_equal(a.subject, b.subject);
    assert_true(a.not_before_ms == b.not_before_ms && a.not_after_ms == b.not_after_ms);
    assert_true(now->expires_ms == was->expires_ms && now->revoked_ms == was->revoked_ms);
    assert_false(kc_view_equal(kc_view(now->der, now->der_size), kc_view(was->der, was->der_size)));
}

/* shows: R-RENEW-8 R-SEC-2 R-SEC-4 */
static void what_is_good_is_made_anew_and_the_rest_stays_revoked(void **state)
{
    struct place *place = *state;
    struct pair_of_keys keys[2];
    struct kc_pair before[2];
    struct kc_certificate read;
    uint8_t old[KC_CERTIFICATE_SIZE_MAX];
    size_t count = 0;
    uint64_t now_ms = kc_clock_now_ms();
    struct kc_view root = kc_view(place->root, place->root_size);
    struct kc_view old_issuer = kc_view(old, place->authority.issuers[0].der_size);
    memcpy(old, place->authority.issuers[0].der, old_issuer.size);
    for (uint64_t i = 0; i < 2; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "%u", i == 0 ? 18u : 26u);
        make_keys(&keys[i], place, i == 0 ? KC_KEY_P256 : KC_KEY_RSA2048);
        issue(&before[i], place, i == 0 ? 18 : 26, name, &keys[i], now_ms + YEAR_MS);
    }
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, 18, now_ms, 1), KC_OK);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    assert_int_equal(count_ended(root), 0);
    end_keys(place, 1);
    assert_int_equal(place->authority.issuer_count, 2);
    assert_true(place->authority.issuers[1].ended && !place->authority.issuers[0].ended);
    const struct kc_pair after = pair_of(place, (struct kc_account_id){26});
    expect_same(&after.sign, &before[1].sign);
    expect_same(&after.encrypt, &before[1].encrypt);
    EXPECT(kc_certificate_verify(&read, kc_view(after.sign.der, after.sign.der_size),
                                 issuer_of(place), root, now_ms),
           KC_OK);
    assert_int_equal(pair_of(place, (struct kc_account_id){18}).sign_count, 0);
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    assert_int_equal(directory.issuer_count, 2);
    assert_int_equal(count_ended(root), 1);
    EXPECT(kc_certificate_read(&read, old_issuer), KC_OK);
    assert_true(on_list(list_of_root(), root, read.serial));
    struct kc_view list = kc_view(directory.crl, directory.crl_size);
    struct kc_view old_list = kc_view(directory.old_crl, directory.old_crl_size);
    assert_true(on_list(list, issuer_of(place), before[0].sign.serial));
    assert_false(on_list(list, issuer_of(place), after.sign.serial));
    assert_true(on_list(old_list, old_issuer, before[0].sign.serial));
    /* That the old one is over the root's list says of all that it made: there may be as many as holders. */
    assert_false(on_list(old_list, old_issuer, after.sign.serial));
    /* Whose certificate is revoked later is on the list of the one that counts. */
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, 26, now_ms, 1), KC_OK);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    list = kc_view(directory.crl, directory.crl_size);
    assert_true(on_list(list, issuer_of(place), after.sign.serial));
}

/* shows: R-RENEW-4 R-RENEW-5 R-RENEW-8 */
static void who_named_a_former_certificate_means_the_one_made_anew(void **state)
{
    struct place *place = *state;
    struct certify certify;
    struct pair_of_keys keys;
    struct kc_key_reply given;
    struct kc_done done;
    struct kc_account_id account = kc_account_nth(1000001);
    uint64_t now_ms = kc_clock_now_ms();
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(&certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, &certify), KC_OK);
    const struct kc_pair first = pair_of(place, account);
    const struct kc_keys_request order = {
        .account = account, .expires_ms = certify.request.expires_ms + 60000, .time_ms = now_ms};
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, now_ms, &kc_keys_request_shape, &order),
           KC_OK);
    const struct kc_pair made = pair_of(place, account);
    struct kc_key_request asked = {
        .account = account, .purse = kc_purse_nth(1), .time_ms = kc_clock_now_ms()};
    kc_digest(&place->crypto, asked.certificate, kc_view(made.sign.der, made.sign.der_size));
    end_keys(place, 1);
    const struct kc_pair anew = pair_of(place, account);
    expect_same(&anew.sign, &made.sign);
    /* Keys that waited are handed over for the digest that the purse was told, and by the key that it has. */
    EXPECT(send(place, &keys, account.number, asked.time_ms, &kc_key_request_shape, &asked), KC_OK);
    open_reply(&given, place, &keys, &kc_key_reply_shape);
    /* The bank's books have that digest, too: the older pair ends, and no other. */
    struct kc_retire_request retire = {.account = account, .time_ms = kc_clock_now_ms()};
    memcpy(retire.certificate, asked.certificate, KC_DIGEST_SIZE);
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, retire.time_ms, &kc_retire_request_shape,
                &retire),
           KC_OK);
    open_reply(&done, place, &place->bank, &kc_done_shape);
    assert_memory_equal(pair_of(place, account).sign.serial, made.sign.serial, KC_SERIAL_SIZE);
    uint64_t number = 0;
    expect_listed(place, &first, true, &number);
    number = 0;
    expect_listed(place, &made, false, &number);
    /* A digest of somebody else's is none of this account's. */
    const struct kc_pair bank = pair_of(place, (struct kc_account_id){KC_SERVER_BANK});
    kc_digest(&place->crypto, retire.certificate, kc_view(bank.sign.der, bank.sign.der_size));
    retire.time_ms = kc_clock_now_ms() + 1;
    EXPECT(send(place, &place->bank, KC_SERVER_BANK, retire.time_ms, &kc_retire_request_shape,
                &retire),
           KC_MISMATCH);
}

static void forget(const struct place *place, const char *file)
{
    char path[KC_PATH_SIZE_MAX];
    EXPECT(kc_path_join(path, place->dir, "authority", file), KC_OK);
    assert_int_equal(unlink(path), 0);
}

/* Puts certificates of before back, as where it was cut between two of them. */
static void put_back(struct place *place, const struct kc_issued *old)
{
    static const uint8_t digest[KC_DIGEST_SIZE] = {1};
    EXPECT(kc_authority_store_replace(place->authority.store, old, old, digest, 1, 4), KC_OK);
}

/* After a plain roll-over what was made anew is still the business of the one that made it. */
static void expect_of_the_second(struct place *place, const struct kc_issued *issued)
{
    size_t count = 0;
    uint64_t number = 0;
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_true(number == 3 &&
                kc_authority_first_issuer(&place->authority) == &place->authority.issuers[1]);
    EXPECT(kc_authority_store_revoke(place->authority.store, &count, 18, kc_clock_now_ms(), 1),
           KC_OK);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    const struct kc_issuer *second = &place->authority.issuers[1];
    assert_true(on_list(kc_view(directory.old_crl, directory.old_crl_size),
                        kc_view(second->der, second->der_size), issued->serial));
    assert_false(
        on_list(kc_view(directory.crl, directory.crl_size), issuer_of(place), issued->serial));
}

/* shows: R-RENEW-8 */
static void it_goes_on_wherever_it_was_cut(void **state)
{
    static const char *const cuts[][3] = {{"issuing-1.taken"},
                                          {"issuing-1.taken", "root.crl"},
                                          {"issuing-1.taken", "root.crl", "issuing-1.crt"}};
    struct place *place = *state;
    struct pair_of_keys keys;
    struct kc_pair before;
    struct kc_view root = kc_view(place->root, place->root_size);
    make_keys(&keys, place, KC_KEY_P256);
    issue(&before, place, 18, "18", &keys, kc_clock_now_ms() + YEAR_MS);
    end_keys(place, 1);
    for (size_t i = 0; i < 6; i++) {
        put_back(place, i % 2 == 0 ? &before.sign : &before.encrypt);
        for (size_t j = 0; j < 3 && cuts[i / 2][j] != NULL; j++) {
            forget(place, cuts[i / 2][j]);
        }
        if (i % 2 == 0) {
            end_keys(place, 1);
        } else {
            kc_authority_close(&place->authority);
            EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL),
                   KC_OK);
            EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
        }
        const struct kc_pair after = pair_of(place, (struct kc_account_id){18});
        expect_same(&after.sign, &before.sign);
        expect_same(&after.encrypt, &before.encrypt);
        assert_false(kc_emergency_is_open(place->authority.folder));
        assert_true(kc_emergency_is_listed(place->authority.folder));
    }
    /* The directory is told everything once, and again when it was away. */
    assert_true(kc_emergency_is_owed(place->authority.folder));
    directory.down = true;
    EXPECT(kc_authority_publish_all(&place->authority), KC_DIRECTORY_DOWN);
    assert_true(kc_emergency_is_owed(place->authority.folder));
    directory.down = false;
    size_t puts = directory.puts;
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
        assert_false(kc_emergency_is_owed(place->authority.folder));
        assert_int_equal(directory.puts, puts + 1);
    }
    /* A second emergency ends the first one's key as well; of a destroyed key the certificate is shown. */
    end_keys(place, 2);
    kc_authority_close(&place->authority);
    forget(place, "issuing.key");
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.issuer_count, 2);
    assert_int_equal(place->authority.ended_count, 1);
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    assert_int_equal(directory.issuer_count, 3);
    /* Two that the folder has forgotten had been certified before it was cut, for the key that has ended now. */
    assert_int_equal(count_ended(root), 4);
    /* Those that ended take nobody's place. */
    struct kc_roll_ends ends;
    EXPECT(kc_authority_roll_ends(&ends, place->dir, false), KC_OK);
    assert_true(ends.until_ms == ends.from_ms && kc_issuers_have_room(place->authority.folder));
    expect_of_the_second(place, &before.sign);
}

/* shows: R-RENEW-8 R-SEC-2 */
static void own_keys_beside_the_stolen_one_end_at_once(void **state)
{
    struct place *place = *state;
    const struct kc_account_id self = {KC_SERVER_AUTHORITY};
    const struct kc_pair before = pair_of(place, self);
    (void)usleep(1100000); /* the new pair begins a second later */
    end_keys(place, 1);
    const struct kc_pair after = pair_of(place, self);
    assert_memory_not_equal(after.sign.serial, before.sign.serial, KC_SERIAL_SIZE);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    struct kc_view list = kc_view(directory.crl, directory.crl_size);
    assert_true(on_list(list, issuer_of(place), before.sign.serial));
    assert_false(on_list(list, issuer_of(place), after.sign.serial));
    /* Who asks in the middle of a hand-over is answered yet. */
    assert_int_equal(place->authority.former_count, 1);
}

/* An emergency with one account opened before it. */
static void begin(struct place *place, struct kc_pair *before)
{
    struct pair_of_keys keys;
    make_keys(&keys, place, KC_KEY_P256);
    issue(before, place, 18, "18", &keys, kc_clock_now_ms() + YEAR_MS);
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    end_keys(place, 1);
}

static void run(const struct place *place, const char *sql)
{
    char path[KC_PATH_SIZE_MAX];
    sqlite3 *database = NULL;
    EXPECT(kc_path_join(path, place->dir, "authority", "authority.db"), KC_OK);
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* shows: R-RENEW-8 */
static void nobody_is_told_before_all_is_made_anew(void **state)
{
    struct place *place = *state;
    struct kc_authority *authority = &place->authority;
    struct kc_pair before;
    struct kc_view root = kc_view(place->root, place->root_size);
    begin(place, &before);
    put_back(place, &before.sign);
    forget(place, "issuing-1.taken");
    EXPECT(kc_emergency_told(authority->folder), KC_OK);
    run(place, "CREATE TRIGGER full BEFORE UPDATE OF der ON certificates "
               "BEGIN SELECT RAISE(ABORT, 'full'); END");
    uint64_t number = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t shown = directory.crl_size;
        directory.crl_size = 0;
        assert_true(kc_failed(kc_authority_publish_all(authority)));
        /* The lists are young all the same, and what was told before is still to be told. */
        assert_true(shown > 0 && directory.crl_size > 0 && directory.root_list_size == 0);
        assert_true(kc_emergency_is_open(authority->folder) &&
                    kc_emergency_is_owed(authority->folder));
    }
    run(place, "DROP TRIGGER full");
    EXPECT(kc_authority_publish_all(authority), KC_OK);
    assert_int_equal(count_ended(root), 1);
    assert_false(kc_emergency_is_open(authority->folder) ||
                 kc_emergency_is_owed(authority->folder));
    const struct kc_pair after = pair_of(place, (struct kc_account_id){18});
    expect_same(&after.sign, &before.sign);
    expect_listed(place, &after, false, &number);
}

/* shows: R-RENEW-8 */
static void the_roots_list_is_the_last_that_is_shown(void **state)
{
    struct place *place = *state;
    struct kc_authority *authority = &place->authority;
    struct kc_pair before;
    struct kc_pair other;
    struct pair_of_keys keys;
    make_keys(&keys, place, KC_KEY_P256);
    issue(&other, place, 26, "26", &keys, kc_clock_now_ms() + YEAR_MS);
    begin(place, &before);
    /* One holder is shown, and the directory goes away: by whatever is published then nobody is told. */
    directory.most = directory.puts + 1;
    EXPECT(kc_authority_publish_all(authority), KC_DIRECTORY_DOWN);
    EXPECT(kc_authority_publish_crl(authority), KC_OK);
    assert_int_equal(directory.root_list_size, 0);
    /* It is gone on with where it was. */
    directory.most = 0;
    size_t puts = directory.puts;
    EXPECT(kc_authority_publish_all(authority), KC_OK);
    assert_true(directory.puts == puts + 1 && directory.account == 26);
    assert_int_equal(count_ended(kc_view(place->root, place->root_size)), 1);
    /* A directory that lost everything is filled from the first on. */
    forget(place, "issuing-1.shown");
    directory.most = directory.puts + 1;
    EXPECT(kc_authority_publish_all(authority), KC_DIRECTORY_DOWN);
    directory.most = 0;
    directory.crl_size = 0;
    puts = directory.puts;
    EXPECT(kc_authority_publish_all(authority), KC_OK);
    assert_int_equal(directory.puts, puts + 2);
    assert_false(kc_emergency_is_owed(authority->folder));
    /* Everybody takes a while, and requests do not wait for it. */
    forget(place, "issuing-1.shown");
    directory.slow_us = 1010000;
    EXPECT(kc_authority_publish_all(authority), KC_PENDING);
    assert_true(directory.account == 18 && kc_emergency_is_owed(authority->folder));
    EXPECT(kc_authority_publish_all(authority), KC_OK);
    assert_true(directory.account == 26 && directory.puts == puts + 4);
    directory.slow_us = 0;
}

static void move_root_key(const struct place *place, const char *from, const char *to)
{
    char old[KC_PATH_SIZE_MAX];
    char new[KC_PATH_SIZE_MAX];
    EXPECT(kc_path_join(old, place->dir, "root", from), KC_OK);
    EXPECT(kc_path_join(new, place->dir, "root", to), KC_OK);
    assert_int_equal(rename(old, new), 0);
}

/* shows: R-RENEW-8 R-SEC-2 */
static void nobody_is_told_without_the_roots_list(void **state)
{
    struct place *place = *state;
    struct kc_authority *authority = &place->authority;
    struct kc_pair before;
    begin(place, &before);
    kc_authority_close(authority);
    forget(place, "root.crl");
    move_root_key(place, "root.key", "away.key");
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(authority, place->dir), KC_OK);
    size_t puts = directory.puts;
    EXPECT(kc_authority_publish_all(authority), KC_OK);
    assert_true(kc_emergency_is_owed(authority->folder) && directory.puts == puts);
    /* The list is made beside an authority that serves. */
    move_root_key(place, "away.key", "root.key");
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_publish_all(authority), KC_OK);
    assert_int_equal(count_ended(kc_view(place->root, place->root_size)), 1);
    assert_true(!kc_emergency_is_owed(authority->folder) && directory.puts == puts + 1);
}

/* shows: R-RENEW-8 */
static void a_plain_roll_that_goes_on_with_an_emergency_makes_the_list(void **state)
{
    static const char text[] = "[roll]\nnumber = 1\nemergency = 1\n";
    struct place *place = *state;
    char path[KC_PATH_SIZE_MAX];
    uint64_t number = 0;
    EXPECT(kc_path_join(path, place->dir, "authority", "issuing-1.plan"), KC_OK);
    EXPECT(kc_file_write_text(path, text, sizeof text - 1, sizeof text), KC_OK);
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_true(number == 1 && kc_emergency_is_listed(place->authority.folder));
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    assert_int_equal(count_ended(kc_view(place->root, place->root_size)), 1);
}

/* shows: R-RENEW-8 */
static void an_ended_key_out_of_reach_holds_nobody_up(void **state)
{
    struct place *place = *state;
    struct kc_pair before;
    begin(place, &before);
    kc_key_close(&place->authority.issuers[1].key);
    for (size_t i = 0; i < 2; i++) {
        EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
        assert_true(directory.issuer_count == 2 && directory.old_crl_size == 0);
    }
    assert_false(kc_emergency_is_owed(place->authority.folder));
    /* The one that counts is needed. */
    kc_key_close(&place->authority.issuers[0].key);
    assert_true(kc_failed(kc_authority_publish_all(&place->authority)));
}

/* shows: R-SEC-4 R-RENEW-8 */
static void it_is_fresh_as_long_as_somebody_may_have_read_before(void **state)
{
    struct place *place = *state;
    struct kc_pair before;
    char path[KC_PATH_SIZE_MAX];
    const char *folder = place->authority.folder;
    uint64_t now_ms = kc_clock_now_ms();
    assert_false(kc_emergency_is_fresh(folder, now_ms, 1000));
    begin(place, &before);
    assert_true(kc_emergency_is_fresh(folder, now_ms + YEAR_MS, 1000));
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    now_ms = kc_clock_now_ms();
    assert_true(kc_emergency_is_fresh(folder, now_ms, 60000));
    assert_true(kc_emergency_is_fresh(folder, now_ms + 30000, 60000));
    assert_false(kc_emergency_is_fresh(folder, now_ms + 61000, 60000));
    /* A clock that is set back a little changes nothing, one that stood far ahead is no time. */
    assert_true(kc_emergency_is_fresh(folder, now_ms - 1000, 60000));
    assert_false(kc_emergency_is_fresh(folder, now_ms - YEAR_MS, 60000));
    EXPECT(kc_path_join(path, place->dir, "authority", "issuing-1.shown"), KC_OK);
    EXPECT(kc_file_write_text(path, "done\n", 5, 6), KC_OK);
    assert_false(kc_emergency_is_fresh(folder, now_ms, 60000));
}

/* shows: R-RENEW-8 R-SEC-2 */
static void what_the_folder_forgot_ends_with_what_came_after_it(void **state)
{
    static const char *const second[] = {"issuing-2.crt", "issuing-2.plan", "issuing-2.key"};
    struct place *place = *state;
    struct kc_view root = kc_view(place->root, place->root_size);
    uint64_t number = 0;
    end_keys(place, 1);
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_OK);
    assert_int_equal(number, 2);
    /* A folder from between is put back. The second was made after the emergency: it is not stolen for that it is forgotten. */
    for (size_t i = 0; i < 3; i++) {
        forget(place, second[i]);
    }
    forget(place, "root.crl");
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    assert_int_equal(count_ended(root), 1);
    /* The next emergency ends it as well, and what a list named once stays there. */
    end_keys(place, 2);
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    assert_int_equal(count_ended(root), 3);
    forget(place, "root.crl");
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    EXPECT(kc_authority_publish_all(&place->authority), KC_OK);
    assert_int_equal(count_ended(root), 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_good_is_made_anew_and_the_rest_stays_revoked),
        TEST(who_named_a_former_certificate_means_the_one_made_anew),
        TEST(it_goes_on_wherever_it_was_cut),
        TEST(own_keys_beside_the_stolen_one_end_at_once),
        TEST(what_the_folder_forgot_ends_with_what_came_after_it),
        TEST(nobody_is_told_before_all_is_made_anew),
        TEST(the_roots_list_is_the_last_that_is_shown),
        TEST(nobody_is_told_without_the_roots_list),
        TEST(a_plain_roll_that_goes_on_with_an_emergency_makes_the_list),
        TEST(an_ended_key_out_of_reach_holds_nobody_up),
        TEST(it_is_fresh_as_long_as_somebody_may_have_read_before),
    };
    return cmocka_run_group_tests_name("authority-emergency", tests, NULL, NULL);
}
