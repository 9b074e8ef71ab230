/* Does a server believe only who the authority vouches for, however the directory lies? The directory is one in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/libcrypto.h"
#include "directory/people.h"
#include "directory/slapd_conf.h"

#define NOW_MS UINT64_C(1795478400000)
#define DAY_MS UINT64_C(86400000)
#define ACCOUNT UINT64_C(18)
#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))

struct party {
    struct kc_private_key private_key;
    struct kc_public_key public_key;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der;
    uint8_t serial[KC_SERIAL_SIZE];
};

static struct kc_crypto crypto;
static struct party root, issuer, other_root, other_issuer, sign, encrypt, stranger;
static struct kc_people people;

/* ---- the directory in memory ---- */

static struct {
    bool down;
    bool empty;
    size_t count;
    struct kc_view certificates[4];
    struct kc_view issuer;
    struct kc_view list;
    struct kc_view second_issuer;
    struct kc_view second_list;
} directory;

static struct kc_view copy_of(struct kc_view view)
{
    void *copy = malloc(view.size + 1);
    assert_non_null(copy);
    memcpy(copy, view.data, view.size);
    return kc_view(copy, view.size);
}

static struct kc_result answer(struct kc_directory_entry *out)
{
    *out = (struct kc_directory_entry){.count = 0};
    if (directory.down || directory.empty) {
        return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_NOT_FOUND);
    }
    for (size_t i = 0; i < directory.count; i++) {
        out->certificates[out->count++] = copy_of(directory.certificates[i]);
    }
    return kc_ok();
}

struct kc_result kc_directory_account(struct kc_directory_entry *out, struct kc_directory *unused,
                                      uint64_t account)
{
    (void)unused;
    (void)account;
    return answer(out);
}

struct kc_result kc_directory_server(struct kc_directory_entry *out, struct kc_directory *unused,
                                     const char *name)
{
    (void)unused;
    (void)name;
    return answer(out);
}

void kc_directory_free_view(struct kc_view view)
{
    union {
        const uint8_t *in;
        void *out;
    } memory = {.in = view.data};
    free(memory.out);
}

void kc_directory_entry_free(struct kc_directory_entry *entry)
{
    for (size_t i = 0; i < entry->count; i++) {
        kc_directory_free_view(entry->certificates[i]);
    }
}

struct kc_result kc_directory_issuers(struct kc_directory_issuers *out, struct kc_directory *unused)
{
    (void)unused;
    *out = (struct kc_directory_issuers){.certificate_count = 0};
    if (directory.down || directory.empty) {
        return kc_result(directory.down ? KC_DIRECTORY_DOWN : KC_NOT_FOUND);
    }
    out->certificates[out->certificate_count++] = copy_of(directory.issuer);
    out->lists[out->list_count++] = copy_of(directory.list);
    if (directory.second_issuer.size > 0) {
        out->certificates[out->certificate_count++] = copy_of(directory.second_issuer);
    }
    if (directory.second_list.size > 0) {
        out->lists[out->list_count++] = copy_of(directory.second_list);
    }
    return kc_ok();
}

void kc_directory_issuers_free(struct kc_directory_issuers *issuers)
{
    for (size_t i = 0; i < issuers->certificate_count; i++) {
        kc_directory_free_view(issuers->certificates[i]);
    }
    for (size_t i = 0; i < issuers->list_count; i++) {
        kc_directory_free_view(issuers->lists[i]);
    }
}

/* ---- certificates and lists ---- */

static void certify(struct party *out, enum kc_profile profile, const char *subject,
                    uint64_t end_ms, const struct party *by)
{
    static uint8_t next;
    struct kc_view parent = by == NULL ? kc_view(NULL, 0) : kc_buffer_view(&by->der);
    memset(out->serial, 0x41, sizeof out->serial);
    out->serial[1] = ++next;
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = out->serial,
                                               .subject = subject,
                                               .key = &out->public_key,
                                               .not_before_ms = NOW_MS - DAY_MS,
                                               .not_after_ms = end_ms};
    out->der = (struct kc_buffer){.data = out->bytes, .capacity = sizeof out->bytes};
    EXPECT(kc_certificate_make(&out->der, &order, by == NULL ? NULL : &parent,
                               by == NULL ? &out->private_key : &by->private_key),
           KC_OK);
}

static void make(struct party *out, enum kc_profile profile, const char *subject,
                 const struct party *by)
{
    EXPECT(crypto.generate(crypto.context, &out->private_key, &out->public_key, KC_KEY_P256),
           KC_OK);
    certify(out, profile, subject, NOW_MS + 10 * DAY_MS, by);
}

/* Puts a list there that names `revoked` (or nobody). */
static void put_list(uint64_t number, const struct party *revoked, uint64_t next_ms,
                     const struct party *by)
{
    struct kc_revoked entry = {.time_ms = NOW_MS, .reason = 1};
    if (revoked != NULL) {
        memcpy(entry.serial, revoked->serial, sizeof entry.serial);
    }
    kc_der_free(directory.list);
    EXPECT(kc_crl_make(&directory.list, &entry, revoked == NULL ? 0 : 1, number, NOW_MS, next_ms,
                       kc_buffer_view(&by->der), &by->private_key),
           KC_OK);
    directory.issuer = kc_buffer_view(&by->der);
}

/* The same beside what put_list put there. */
static void put_second(uint64_t number, const struct party *revoked, uint64_t next_ms,
                       const struct party *by)
{
    const struct kc_view first_issuer = directory.issuer;
    const struct kc_view first_list = directory.list;
    directory.list = directory.second_list;
    put_list(number, revoked, next_ms, by);
    directory.second_issuer = directory.issuer;
    directory.second_list = directory.list;
    directory.issuer = first_issuer;
    directory.list = first_list;
}

static void show(const struct party *a, const struct party *b)
{
    directory.certificates[0] = kc_buffer_view(&a->der);
    directory.certificates[1] = kc_buffer_view(&b->der);
    directory.count = 2;
}

static int setup(void **state)
{
    (void)state;
    memset(&directory, 0, sizeof directory);
    EXPECT(kc_libcrypto_open(&crypto, 16), KC_OK);
    make(&root, KC_PROFILE_ROOT, "root", NULL);
    make(&issuer, KC_PROFILE_ISSUER, "issuer", &root);
    make(&other_root, KC_PROFILE_ROOT, "root", NULL);
    make(&other_issuer, KC_PROFILE_ISSUER, "issuer", &other_root);
    make(&sign, KC_PROFILE_SIGN, "18", &issuer);
    make(&encrypt, KC_PROFILE_ENCRYPT, "18", &issuer);
    make(&stranger, KC_PROFILE_SIGN, "26", &issuer);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    put_list(5, NULL, NOW_MS + DAY_MS, &issuer);
    show(&sign, &encrypt);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kc_people_close(&people);
    kc_der_free(directory.list);
    kc_der_free(directory.second_list);
    kc_libcrypto_close(&crypto);
    return 0;
}

static struct kc_signer_id id_of(uint64_t number, const struct party *party)
{
    struct kc_signer_id id;
    kc_signer_id_make(&id, &crypto, number, &party->public_key);
    return id;
}

static struct kc_result fetch(uint64_t number, const struct party *party, uint64_t now_ms)
{
    struct kc_person person;
    struct kc_signer_id id = id_of(number, party);
    return kc_people_fetch(&person, &people, NULL, &crypto, &id, now_ms);
}

static struct kc_result find(uint64_t now_ms)
{
    struct kc_person person;
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    return kc_people_find(&person, &people, &id, now_ms);
}

/* ---- who is believed ---- */

/* shows: R-NODE-3 R-SEC-3 */
static void fetched_once_then_known(void **state)
{
    (void)state;
    EXPECT(find(NOW_MS), KC_NOT_FOUND);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    directory.down = true;
    EXPECT(find(NOW_MS), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_DIRECTORY_DOWN);
    directory.down = false;
    directory.empty = true;
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_UNKNOWN_SIGNER);
}

/* The directory shows somebody else's, an incomplete, a foreign or a damaged entry. */
static void the_directory_is_not_trusted(void **state)
{
    struct party forged;
    (void)state;
    EXPECT(fetch(ACCOUNT, &stranger, NOW_MS), KC_UNKNOWN_SIGNER);
    show(&stranger, &encrypt);
    EXPECT(fetch(ACCOUNT, &stranger, NOW_MS), KC_CERT_INVALID);
    show(&sign, &sign);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_UNKNOWN_SIGNER);
    show(&encrypt, &encrypt);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_UNKNOWN_SIGNER);
    memset(&forged, 0, sizeof forged);
    make(&forged, KC_PROFILE_SIGN, "18", &other_issuer);
    show(&forged, &encrypt);
    EXPECT(fetch(ACCOUNT, &forged, NOW_MS), KC_CERT_INVALID);
    make(&forged, KC_PROFILE_SIGN, "18", &root);
    show(&forged, &encrypt);
    EXPECT(fetch(ACCOUNT, &forged, NOW_MS), KC_CERT_INVALID);
    make(&forged, KC_PROFILE_SIGN, "18", &issuer);
    forged.bytes[forged.der.size - 1] ^= 1;
    show(&forged, &encrypt);
    EXPECT(fetch(ACCOUNT, &forged, NOW_MS), KC_CERT_INVALID);
    show(&sign, &encrypt);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
}

/* shows: R-SEC-4 */
static void expiry_is_checked_at_every_look(void **state)
{
    (void)state;
    certify(&encrypt, KC_PROFILE_ENCRYPT, "18", NOW_MS + DAY_MS / 4, &issuer);
    show(&sign, &encrypt);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS / 4 - 1000), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS / 4 + 1000), KC_CERT_EXPIRED);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS + DAY_MS / 4 + 1000), KC_CERT_EXPIRED);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS - 2 * DAY_MS), KC_CERT_EXPIRED);
}

/* shows: R-SEC-4 */
static void revoking_either_certificate_ends_the_belief(void **state)
{
    const struct party *each[] = {&sign, &encrypt};
    (void)state;
    for (uint64_t i = 0; i < 2; i++) {
        put_list(6 + 2 * i, NULL, NOW_MS + DAY_MS, &issuer);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
        put_list(7 + 2 * i, each[i], NOW_MS + DAY_MS, &issuer);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        EXPECT(find(NOW_MS), KC_CERT_REVOKED);
        EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
    }
}

/* ---- which list is believed ---- */

/* shows: R-SEC-4 */
static void an_older_list_does_not_come_back(void **state)
{
    (void)state;
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    put_list(9, &sign, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    put_list(8, NULL, NOW_MS + 2 * DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS), KC_CERT_REVOKED);
}

static void a_list_past_its_end_vouches_for_nobody(void **state)
{
    (void)state;
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS - 1000), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS + 1000), KC_DIRECTORY_DOWN);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS + DAY_MS + 1000), KC_DIRECTORY_DOWN);
    put_list(6, NULL, NOW_MS + 3 * DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + DAY_MS + 1000), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS + 1000), KC_OK);
}

/* shows: R-SEC-4 */
static void where_somebody_else_is_asked_an_old_list_still_refuses(void **state)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found = KC_BUFFER(bytes);
    (void)state;
    people.list_may_be_old = true;
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + 2 * DAY_MS), KC_OK);
    put_list(6, &encrypt, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + 2 * DAY_MS), KC_CERT_REVOKED);
    EXPECT(kc_people_issuer(&found, &people), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&found), kc_buffer_view(&issuer.der)));
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    EXPECT(kc_people_issuer(&found, &people), KC_DIRECTORY_DOWN);
}

static void lists_and_issuers_of_others_change_nothing(void **state)
{
    (void)state;
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_OK);
    put_list(20, &sign, NOW_MS + DAY_MS, &other_issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_CERT_INVALID);
    directory.issuer = kc_buffer_view(&issuer.der);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_CERT_INVALID);
    put_list(21, &sign, NOW_MS + DAY_MS, &sign);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_CERT_INVALID);
    put_list(22, &sign, NOW_MS + DAY_MS, &root);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_CERT_INVALID);
    directory.down = true;
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_DIRECTORY_DOWN);
    directory.down = false;
    directory.empty = true;
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_DIRECTORY_DOWN);
    EXPECT(find(NOW_MS), KC_OK);
}

/* ---- an issuing key that rolled over ---- */

/* The cache's places, of which the tests open 16. */
static bool on_one_place(const struct party *a, const struct party *b)
{
    const struct kc_signer_id one = id_of(ACCOUNT, a);
    const struct kc_signer_id other = id_of(26, b);
    return (one.bytes[15] & 15) == (other.bytes[15] & 15);
}

/* The issuer, and what a second one made for another account, both in the directory; the account's key falls on a place of
 * its own. */
static void roll_over(struct party *second, struct party *new_sign, struct party *new_encrypt)
{
    make(second, KC_PROFILE_ISSUER, "issuer 2", &root);
    do {
        make(new_sign, KC_PROFILE_SIGN, "26", second);
    } while (on_one_place(&sign, new_sign));
    make(new_encrypt, KC_PROFILE_ENCRYPT, "26", second);
    put_second(6, NULL, NOW_MS + DAY_MS, second);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
}

static struct kc_result fetch_of(const struct party *a, const struct party *b, uint64_t number,
                                 uint64_t now_ms)
{
    show(a, b);
    return fetch(number, a, now_ms);
}

/* shows: R-SEC-4 R-RENEW-8 */
static void both_issuers_count_each_with_its_own_list(void **state)
{
    struct party second, new_sign, new_encrypt;
    struct kc_person person;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found = KC_BUFFER(bytes);
    (void)state;
    roll_over(&second, &new_sign, &new_encrypt);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    EXPECT(fetch_of(&new_sign, &new_encrypt, 26, NOW_MS), KC_OK);
    struct kc_people_issuers known;
    kc_people_issuers(&known, &people);
    assert_int_equal(known.count, 2);
    assert_true(kc_view_equal(known.ders[0], kc_buffer_view(&issuer.der)) !=
                kc_view_equal(known.ders[1], kc_buffer_view(&issuer.der)));
    assert_true(kc_view_equal(known.ders[0], kc_buffer_view(&second.der)) !=
                kc_view_equal(known.ders[1], kc_buffer_view(&second.der)));
    struct kc_signer_id id = id_of(26, &new_sign);
    EXPECT(kc_people_find(&person, &people, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_issuer_of(&found, &people, &person), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&found), kc_buffer_view(&second.der)));
    /* One's list says nothing of the other's certificates. */
    put_list(7, &new_sign, NOW_MS + DAY_MS, &issuer);
    put_second(7, &sign, NOW_MS + DAY_MS, &second);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    EXPECT(fetch_of(&new_sign, &new_encrypt, 26, NOW_MS), KC_OK);
    put_list(8, &sign, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS), KC_CERT_REVOKED);
    EXPECT(kc_people_find(&person, &people, &id, NOW_MS), KC_OK);
    put_second(8, &new_encrypt, NOW_MS + DAY_MS, &second);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(kc_people_find(&person, &people, &id, NOW_MS), KC_CERT_REVOKED);
    /* Certificates of two issuers are no pair. */
    put_list(9, NULL, NOW_MS + DAY_MS, &issuer);
    put_second(9, NULL, NOW_MS + DAY_MS, &second);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    make(&new_encrypt, KC_PROFILE_ENCRYPT, "18", &second);
    EXPECT(fetch_of(&sign, &new_encrypt, ACCOUNT, NOW_MS), KC_CERT_INVALID);
}

/* The directory keeps back one issuer, or its list: what was fetched counts until its end, and nobody gains by it.
 * shows: R-SEC-4 R-RENEW-8 */
static void an_issuer_that_is_kept_back_ends_with_its_list(void **state)
{
    struct party second, new_sign, new_encrypt;
    (void)state;
    roll_over(&second, &new_sign, &new_encrypt);
    put_list(7, &sign, NOW_MS + 3 * DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    put_list(8, NULL, NOW_MS + 3 * DAY_MS, &second);
    directory.second_issuer = kc_view(NULL, 0);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_CERT_REVOKED);
    EXPECT(fetch_of(&new_sign, &new_encrypt, 26, NOW_MS + 2 * DAY_MS), KC_OK);
    put_list(9, NULL, NOW_MS + 3 * DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS + 2 * DAY_MS), KC_OK);
    EXPECT(fetch_of(&new_sign, &new_encrypt, 26, NOW_MS + 4 * DAY_MS), KC_DIRECTORY_DOWN);
}

/* One by another root, by the old issuer or by itself, and a list for it, beside the good one.
 * shows: R-SEC-2 R-RENEW-8 */
static void a_forged_issuer_is_passed_over(void **state)
{
    struct party forged, new_sign, new_encrypt;
    const struct party *each[] = {&other_root, &issuer, NULL};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        bool self = each[i] == NULL;
        make(&forged, self ? KC_PROFILE_ROOT : KC_PROFILE_ISSUER, "issuer 2", each[i]);
        make(&new_sign, KC_PROFILE_SIGN, "26", &forged);
        make(&new_encrypt, KC_PROFILE_ENCRYPT, "26", &forged);
        put_second(7, &sign, NOW_MS + DAY_MS, &forged);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        assert_int_equal(people.issuer_count, 1);
        EXPECT(fetch_of(&new_sign, &new_encrypt, 26, NOW_MS), KC_CERT_INVALID);
        EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    }
    /* A list in the issuer's name that it did not sign does not hide the one that it did. */
    make(&forged, KC_PROFILE_ISSUER, "issuer", &other_root);
    put_second(99, &sign, NOW_MS + DAY_MS, &forged);
    directory.second_issuer = kc_view(NULL, 0);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
}

/* shows: R-RENEW-8 */
static void an_issuer_that_ended_makes_room(void **state)
{
    struct party next[KC_ISSUERS_MAX];
    struct party new_sign, new_encrypt;
    (void)state;
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    for (size_t i = 0; i < KC_ISSUERS_MAX; i++) {
        bool fits = i + 1 < KC_ISSUERS_MAX;
        make(&next[i], KC_PROFILE_ISSUER, "issuer 2", &root);
        certify(&next[i], KC_PROFILE_ISSUER, "issuer 2", NOW_MS + (i == 1 ? 2 : 9) * DAY_MS, &root);
        put_list(7, NULL, NOW_MS + 4 * DAY_MS, &next[i]);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), fits ? KC_OK : KC_TOO_LARGE);
    }
    EXPECT(find(NOW_MS), KC_OK);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + 3 * DAY_MS), KC_OK);
    assert_int_equal(people.issuer_count, KC_ISSUERS_MAX);
    EXPECT(find(NOW_MS), KC_NOT_FOUND);
    make(&new_sign, KC_PROFILE_SIGN, "26", &next[KC_ISSUERS_MAX - 1]);
    make(&new_encrypt, KC_PROFILE_ENCRYPT, "26", &next[KC_ISSUERS_MAX - 1]);
    EXPECT(fetch_of(&new_sign, &new_encrypt, 26, NOW_MS + 3 * DAY_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
}

/* ---- a pair that is known by its numbers ---- */

static struct kc_result check_pair(struct kc_person *out, const uint8_t *pair, uint64_t now_ms)
{
    return kc_people_check_pair(out, &people, &crypto, pair, NOW_MS + 10 * DAY_MS, now_ms);
}

/* The directory shows the account's next certificates, or nothing.
 * shows: R-SEC-4 R-RENEW-5 */
static void a_pair_that_is_shown_no_more_is_looked_for_in_the_list(void **state)
{
    struct kc_person person, found;
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    uint8_t pair[KC_PEOPLE_PAIR_SIZE];
    const struct party *each[] = {&sign, &encrypt};
    (void)state;
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_OK);
    directory.count = 0;
    EXPECT(check_pair(&found, pair, NOW_MS), KC_OK);
    assert_memory_equal(found.sign_serial, sign.serial, KC_SERIAL_SIZE);
    assert_memory_equal(found.encrypt_serial, encrypt.serial, KC_SERIAL_SIZE);
    assert_int_equal(found.issuer, person.issuer);
    EXPECT(check_pair(&found, pair, NOW_MS + DAY_MS + 1000), KC_DIRECTORY_DOWN);
    EXPECT(check_pair(&found, pair, NOW_MS + 11 * DAY_MS), KC_CERT_EXPIRED);
    for (uint64_t i = 0; i < 2; i++) {
        put_list(6 + 2 * i, NULL, NOW_MS + DAY_MS, &issuer);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        EXPECT(check_pair(&found, pair, NOW_MS), KC_OK);
        put_list(7 + 2 * i, each[i], NOW_MS + DAY_MS, &issuer);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
        EXPECT(check_pair(&found, pair, NOW_MS), KC_CERT_REVOKED);
    }
    /* Of nobody's issuer, as when none was kept. */
    memset(pair, 0, sizeof pair);
    EXPECT(check_pair(&found, pair, NOW_MS), KC_DIRECTORY_DOWN);
    person.issuer = KC_ISSUERS_MAX;
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_DIRECTORY_DOWN);
}

/* Another's list says nothing of it; another certificate for the same issuer's key has a list that does.
 * shows: R-SEC-4 R-RENEW-8 */
static void a_pair_has_the_list_of_its_issuer_s_key(void **state)
{
    struct party second, new_sign, new_encrypt;
    struct kc_person person, found;
    uint8_t pair[KC_PEOPLE_PAIR_SIZE];
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    (void)state;
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_OK);
    roll_over(&second, &new_sign, &new_encrypt);
    put_second(7, &sign, NOW_MS + DAY_MS, &second);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(check_pair(&found, pair, NOW_MS), KC_OK);
    assert_int_equal(found.issuer, person.issuer);
    struct party again = issuer;
    certify(&again, KC_PROFILE_ISSUER, "issuer", NOW_MS + 9 * DAY_MS, &root);
    put_second(8, &sign, NOW_MS + DAY_MS, &again);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(check_pair(&found, pair, NOW_MS), KC_CERT_REVOKED);
}

/* ---- the configuration of slapd ---- */

static void the_configuration_takes_no_second_line(void **state)
{
    static const char *const bad[] = {"", "a\"b", "a\nb", "a\\b", "a\rb"};
    uint8_t bytes[2048];
    struct kc_buffer out = KC_BUFFER(bytes);
    (void)state;
    EXPECT(kc_slapd_conf_write(&out, "/a place", "secret"), KC_OK);
    bytes[out.size] = '\0';
    const char *text = (const char *)bytes;
    assert_non_null(strstr(text, "rootdn \"cn=authority,o=kinchaku\"\nrootpw \"secret\"\n"));
    assert_non_null(strstr(text, "directory \"/a place/data\"\n"));
    assert_non_null(strstr(text, "\nsizelimit 500\n"));
    assert_null(strstr(text, "update_anon"));
    const char *rule = strstr(text, "\naccess to ");
    assert_non_null(rule);
    assert_string_equal(rule,
                        "\naccess to * by dn.exact=\"cn=authority,o=kinchaku\" write by * read\n");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        EXPECT(kc_slapd_conf_write(&out, bad[i], "secret"), KC_MALFORMED);
        EXPECT(kc_slapd_conf_write(&out, "/a", bad[i]), KC_MALFORMED);
    }
    EXPECT(kc_slapd_conf_write(&out, "/a", "two words"), KC_MALFORMED);
    struct kc_buffer small = {.data = bytes, .capacity = 300};
    EXPECT(kc_slapd_conf_write(&small, "/a", "secret"), KC_BUFFER_SMALL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fetched_once_then_known),
        TEST(the_directory_is_not_trusted),
        TEST(expiry_is_checked_at_every_look),
        TEST(revoking_either_certificate_ends_the_belief),
        TEST(an_older_list_does_not_come_back),
        TEST(a_list_past_its_end_vouches_for_nobody),
        TEST(where_somebody_else_is_asked_an_old_list_still_refuses),
        TEST(lists_and_issuers_of_others_change_nothing),
        TEST(both_issuers_count_each_with_its_own_list),
        TEST(an_issuer_that_is_kept_back_ends_with_its_list),
        TEST(a_forged_issuer_is_passed_over),
        TEST(an_issuer_that_ended_makes_room),
        TEST(a_pair_that_is_shown_no_more_is_looked_for_in_the_list),
        TEST(a_pair_has_the_list_of_its_issuer_s_key),
        cmocka_unit_test(the_configuration_takes_no_second_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
