/* Question: does a root's list end an issuer, for good, for everything that it certified, and by nobody else's word than a root's
 * that counts? */
#include "people_world.h"

#include <stdio.h>

static struct party next;

/* Lists of roots in the directory. */
static void show_list(uint64_t number, const struct party *ended, uint64_t next_ms,
                      const struct party *by)
{
    struct kc_revoked entry = {.time_ms = NOW_MS, .reason = KC_CRL_CA_COMPROMISE};
    if (ended != NULL) {
        memcpy(entry.serial, ended->serial, sizeof entry.serial);
    }
    assert_true(directory.root_list_count < KC_ENTRY_CERTIFICATES_MAX);
    EXPECT(kc_crl_make(&directory.root_lists[directory.root_list_count++], &entry,
                       ended == NULL ? 0 : 1, number, NOW_MS, next_ms, kc_buffer_view(&by->der),
                       &by->private_key),
           KC_OK);
    directory.roots[0] = kc_buffer_view(&root.der);
    directory.root_count = 1;
}

static void hide_lists(void)
{
    for (size_t i = 0; i < directory.root_list_count; i++) {
        kc_der_free(directory.root_lists[i]);
    }
    directory.root_list_count = 0;
}

/* The same key by the next issuer, with the same times and number, as an authority makes it. */
static void certify_anew(struct party *out, const struct party *old, enum kc_profile profile,
                         const struct party *by)
{
    struct kc_view issuer_der = kc_buffer_view(&by->der);
    struct kc_certificate read;
    EXPECT(kc_certificate_read(&read, kc_buffer_view(&old->der)), KC_OK);
    *out = *old;
    out->der = (struct kc_buffer){.data = out->bytes, .capacity = sizeof out->bytes};
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = old->serial,
                                               .subject = read.subject,
                                               .key = &read.key,
                                               .not_before_ms = read.not_before_ms,
                                               .not_after_ms = read.not_after_ms};
    EXPECT(kc_certificate_make(&out->der, &order, &issuer_der, &by->private_key), KC_OK);
}

static void make_next(void)
{
    EXPECT(crypto.generate(crypto.context, &next.private_key, &next.public_key, KC_KEY_P256),
           KC_OK);
    certify_from(&next, KC_PROFILE_ISSUER, "issuer 2", NOW_MS - DAY_MS + 5000, NOW_MS + 10 * DAY_MS,
                 &root);
    put_second(6, NULL, NOW_MS + DAY_MS, &next);
}

static int begin(void **state)
{
    int status = setup(state);
    memset(&next, 0, sizeof next);
    make_next();
    return status;
}

static int end(void **state)
{
    hide_lists();
    return teardown(state);
}

static struct kc_result check(const uint8_t pair[KC_PEOPLE_PAIR_SIZE])
{
    struct kc_person person;
    return kc_people_check_pair(&person, &people, &crypto, pair, NOW_MS + DAY_MS, NOW_MS);
}

/* shows: R-SEC-2 R-SEC-4 R-RENEW-8 */
static void what_an_ended_issuer_signed_counts_no_more(void **state)
{
    uint8_t pair[KC_PEOPLE_PAIR_SIZE];
    uint8_t anew[KC_PEOPLE_PAIR_SIZE];
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer newest = KC_BUFFER(der);
    struct kc_person person;
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    struct party again[2];
    struct party thief;
    struct party second = encrypt;
    static struct kc_people_issuers all;
    (void)state;
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_OK);
    EXPECT(check(pair), KC_OK);
    assert_false(kc_people_is_of_ended(&people, &crypto, pair));
    /* An empty list, as there is from the beginning, ends nobody. */
    show_list(100, NULL, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS), KC_OK);
    show_list(101, &issuer, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    /* Neither who is known, nor who is shown, nor what a thief of its key makes; not for CMP, not for a notice. */
    EXPECT(find(NOW_MS), KC_NOT_FOUND);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
    make(&thief, KC_PROFILE_SIGN, "18", &issuer);
    EXPECT(fetch_of(&thief, &encrypt, ACCOUNT, NOW_MS), KC_CERT_REVOKED);
    assert_true(kc_people_is_revoked(&people, kc_buffer_view(&thief.der)));
    assert_int_equal(kc_people_endings(&people), 1);
    /* Nor what he says had ended by itself; and its numbers speak for nobody. */
    certify(&thief, KC_PROFILE_SIGN, "18", NOW_MS - 2000, &issuer);
    EXPECT(fetch_of(&thief, &encrypt, ACCOUNT, NOW_MS), KC_CERT_REVOKED);
    certify(&second, KC_PROFILE_ENCRYPT, "18", NOW_MS - 2000, &issuer);
    EXPECT(fetch_of(&thief, &second, ACCOUNT, NOW_MS), KC_CERT_REVOKED);
    assert_true(kc_people_is_of_ended(&people, &crypto, pair));
    kc_people_issuers(&all, &people, NOW_MS);
    assert_int_equal(all.count, 1);
    assert_true(kc_view_equal(all.ders[0], kc_buffer_view(&next.der)));
    EXPECT(kc_people_issuer(&newest, &people), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&newest), kc_buffer_view(&next.der)));
    /* The next issuer certified the same keys; the pair that is kept is theirs, and revoked by that issuer's list. */
    certify_anew(&again[0], &sign, KC_PROFILE_SIGN, &next);
    certify_anew(&again[1], &encrypt, KC_PROFILE_ENCRYPT, &next);
    EXPECT(fetch_of(&again[0], &again[1], ACCOUNT, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS), KC_OK);
    EXPECT(check(pair), KC_OK);
    EXPECT(kc_people_pair(anew, &people, &crypto, &person), KC_OK);
    assert_true(kc_people_is_of_ended(&people, &crypto, anew));
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(anew, &people, &crypto, &person), KC_OK);
    assert_false(kc_people_is_of_ended(&people, &crypto, anew));
    /* What a thief adds to an entry shuts nobody out. */
    directory.certificates[2] = directory.certificates[1];
    directory.certificates[1] = directory.certificates[0];
    directory.certificates[0] = kc_buffer_view(&thief.der);
    directory.count = 3;
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    put_second(7, &encrypt, NOW_MS + DAY_MS, &next);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(check(pair), KC_CERT_REVOKED);
    EXPECT(find(NOW_MS), KC_CERT_REVOKED);
    /* When that one ends as well, nobody is left. */
    show_list(102, &next, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_CERT_REVOKED);
    EXPECT(kc_people_issuer(&newest, &people), KC_DIRECTORY_DOWN);
    EXPECT(check(pair), KC_DIRECTORY_DOWN);
}

/* shows: R-SEC-2 R-SEC-3 */
static void nobody_but_a_root_that_counts_ends_an_issuer(void **state)
{
    (void)state;
    show_list(100, &issuer, NOW_MS + DAY_MS, &other_root);
    show_list(101, &issuer, NOW_MS + DAY_MS, &other_issuer);
    show_list(102, &issuer, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    /* Nor is one of another number meant, whoever signs. */
    show_list(103, &next, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS), KC_OK);
}

/* shows: R-SEC-2 R-SEC-3 R-RENEW-8 */
static void an_older_list_brings_no_issuer_back(void **state)
{
    (void)state;
    show_list(101, &issuer, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
    for (unsigned i = 0; i < 3; i++) {
        hide_lists();
        directory.root_count = i == 1 ? 0 : 1;
        if (i == 0) {
            show_list(100, NULL, NOW_MS + DAY_MS, &root);
        }
        if (i == 2) {
            /* Not even what the root itself takes back. */
            show_list(102, NULL, NOW_MS + DAY_MS, &root);
        }
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
    }
}

/* shows: R-SEC-4 */
static void a_list_whose_time_is_over_makes_its_issuers_wait(void **state)
{
    (void)state;
    show_list(100, NULL, NOW_MS + DAY_MS / 2, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS / 2 + 1000), KC_DIRECTORY_DOWN);
    /* Where somebody else is asked about everybody, as with the issuers' own. */
    people.list_may_be_old = true;
    EXPECT(find(NOW_MS + DAY_MS / 2 + 1000), KC_OK);
    people.list_may_be_old = false;
    show_list(101, NULL, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS / 2 + 1000), KC_OK);
}

/* shows: R-RENEW-8 R-SEC-4 */
static void an_ended_issuer_needs_no_list_of_its_own(void **state)
{
    uint8_t pair[KC_PEOPLE_PAIR_SIZE];
    struct kc_person person;
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    (void)state;
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_OK);
    /* Its key was destroyed; a server that starts now knows by its certificate what was certified anew. */
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    kc_der_free(directory.list);
    directory.list = kc_view(NULL, 0);
    show_list(101, &issuer, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    assert_int_equal(people.issuer_count, 2);
    EXPECT(check(pair), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
    /* One that counts has a list, or is passed over. */
    hide_lists();
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    assert_int_equal(people.issuer_count, 1);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_INVALID);
}

/* ---- what is kept ---- */

static struct {
    bool full;
    size_t count;
    uint8_t root[KC_SERIAL_SIZE];
    uint8_t list[KC_ROOT_LIST_SIZE_MAX];
    size_t size;
} kept;

static struct kc_result keep_list(void *owner, const uint8_t by[KC_SERIAL_SIZE],
                                  struct kc_view list, size_t ended)
{
    assert_ptr_equal(owner, &kept);
    assert_int_equal(ended, 1);
    if (kept.full) {
        return kc_result(KC_DISK_FULL);
    }
    memcpy(kept.root, by, KC_SERIAL_SIZE);
    memcpy(kept.list, list.data, list.size);
    kept.size = list.size;
    kept.count += 1;
    return kc_ok();
}

static struct kc_result load_list(void *owner, const uint8_t by[KC_SERIAL_SIZE],
                                  struct kc_buffer *list)
{
    assert_ptr_equal(owner, &kept);
    return kept.size > 0 && memcmp(kept.root, by, KC_SERIAL_SIZE) == 0
               ? kc_buffer_append(list, kc_view(kept.list, kept.size))
               : kc_result(KC_FILE_MISSING);
}

static void start(void)
{
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    kc_people_keep_lists(&people, keep_list, load_list, &kept);
}

/* shows: R-SEC-2 R-SEC-3 R-RENEW-8 */
static void a_server_that_starts_knows_what_it_had_seen(void **state)
{
    (void)state;
    memset(&kept, 0, sizeof kept);
    start();
    show_list(101, &issuer, NOW_MS + DAY_MS, &root);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        assert_int_equal(kept.count, 1);
    }
    /* The older list, none, and no roots at all. */
    for (unsigned i = 0; i < 3; i++) {
        hide_lists();
        if (i == 0) {
            show_list(100, NULL, NOW_MS + DAY_MS, &root);
        }
        directory.root_count = i == 2 ? 0 : 1;
        start();
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
        assert_int_equal(kept.count, 1);
    }
    /* A list that cannot be kept counts all the same; what is kept, and is none, counts for nothing. */
    kept.full = true;
    kept.size = 3;
    hide_lists();
    start();
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    show_list(102, &issuer, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
    assert_int_equal(kept.count, 1);
}

/* shows: R-RENEW-8 R-SEC-4 */
static void ended_issuers_take_no_place_from_those_that_count(void **state)
{
    static struct party more[KC_PEOPLE_ISSUERS_MAX];
    struct kc_revoked entries[KC_PEOPLE_ISSUERS_MAX];
    char name[24];
    (void)state;
    /* One after another, each ended by the next. */
    for (size_t i = 0; i < KC_PEOPLE_ISSUERS_MAX; i++) {
        (void)snprintf(name, sizeof name, "issuer %zu", 3 + i);
        EXPECT(
            crypto.generate(crypto.context, &more[i].private_key, &more[i].public_key, KC_KEY_P256),
            KC_OK);
        certify_from(&more[i], KC_PROFILE_ISSUER, name, NOW_MS - DAY_MS + 10000 + 1000 * i,
                     NOW_MS + 10 * DAY_MS, &root);
        put_second(10 + i, NULL, NOW_MS + DAY_MS, &more[i]);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        make(&sign, KC_PROFILE_SIGN, "18", &more[i]);
        make(&encrypt, KC_PROFILE_ENCRYPT, "18", &more[i]);
        EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
        entries[i] = (struct kc_revoked){.time_ms = NOW_MS, .reason = KC_CRL_CA_COMPROMISE};
        memcpy(entries[i].serial, more[i].serial, KC_SERIAL_SIZE);
        hide_lists();
        directory.roots[0] = kc_buffer_view(&root.der);
        directory.root_count = 1;
        EXPECT(kc_crl_make(&directory.root_lists[0], entries, i + 1, 200 + i, NOW_MS,
                           NOW_MS + DAY_MS, kc_buffer_view(&root.der), &root.private_key),
               KC_OK);
        directory.root_list_count = 1;
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_CERT_REVOKED);
    }
    assert_int_equal(people.issuer_count, KC_PEOPLE_ISSUERS_MAX);
}

/* shows: R-RENEW-8 R-SEC-4 */
static void an_ended_issuer_is_known_beside_as_many_as_count(void **state)
{
    static struct party more[KC_ISSUERS_MAX];
    uint8_t pair[KC_PEOPLE_PAIR_SIZE];
    struct kc_person person;
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    (void)state;
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_OK);
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    show_list(101, &issuer, NOW_MS + DAY_MS, &root);
    const struct kc_view old = directory.issuer;
    for (size_t i = 0; i < KC_ISSUERS_MAX; i++) {
        EXPECT(
            crypto.generate(crypto.context, &more[i].private_key, &more[i].public_key, KC_KEY_P256),
            KC_OK);
        certify_from(&more[i], KC_PROFILE_ISSUER, "issuer 3", NOW_MS - DAY_MS + 10000 + 1000 * i,
                     NOW_MS + 10 * DAY_MS, &root);
        put_second(10 + i, NULL, NOW_MS + DAY_MS, &more[i]);
        directory.issuer = kc_buffer_view(&more[i].der);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    }
    EXPECT(check(pair), KC_DIRECTORY_DOWN);
    directory.issuer = old;
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    assert_int_equal(people.issuer_count, KC_ISSUERS_MAX + 1);
    EXPECT(check(pair), KC_OK);
}

#define ENDED(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENDED(what_an_ended_issuer_signed_counts_no_more),
        ENDED(nobody_but_a_root_that_counts_ends_an_issuer),
        ENDED(an_older_list_brings_no_issuer_back),
        ENDED(a_list_whose_time_is_over_makes_its_issuers_wait),
        ENDED(an_ended_issuer_needs_no_list_of_its_own),
        ENDED(a_server_that_starts_knows_what_it_had_seen),
        ENDED(ended_issuers_take_no_place_from_those_that_count),
        ENDED(an_ended_issuer_is_known_beside_as_many_as_count),
    };
    return cmocka_run_group_tests_name("ended", tests, NULL, NULL);
}
