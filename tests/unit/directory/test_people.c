/* Does a server believe only who the authority vouches for, however the directory lies? The directory is one in memory. */
#include "people_world.h"

#include "directory/slapd_conf.h"

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

/* shows: R-SEC-4 R-RENEW-8 */
static void both_issuers_count_each_with_its_own_list(void **state)
{
    struct party second, new_sign, new_encrypt;
    struct kc_person person;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found = KC_BUFFER(bytes);
    uint8_t root_bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found_root = KC_BUFFER(root_bytes);
    (void)state;
    roll_over(&second, &new_sign, &new_encrypt);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    EXPECT(fetch_of(&new_sign, &new_encrypt, 26, NOW_MS), KC_OK);
    struct kc_people_issuers known;
    kc_people_issuers(&known, &people, NOW_MS);
    assert_int_equal(known.count, 2);
    assert_true(kc_view_equal(known.ders[0], kc_buffer_view(&issuer.der)) !=
                kc_view_equal(known.ders[1], kc_buffer_view(&issuer.der)));
    assert_true(kc_view_equal(known.ders[0], kc_buffer_view(&second.der)) !=
                kc_view_equal(known.ders[1], kc_buffer_view(&second.der)));
    struct kc_signer_id id = id_of(26, &new_sign);
    EXPECT(kc_people_find(&person, &people, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_issuer_of(&found, &found_root, &people, &person), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&found), kc_buffer_view(&second.der)));
    assert_true(kc_view_equal(kc_buffer_view(&found_root), kc_buffer_view(&root.der)));
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

/* What was looked at last decides nothing, nor does an issuer that is not this one's.
 * shows: R-SEC-4 */
static void a_pair_of_an_unknown_issuer_has_none(void **state)
{
    struct kc_person person, found;
    uint8_t pair[KC_PEOPLE_PAIR_SIZE];
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    (void)state;
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_OK);
    pair[0] ^= 1;
    EXPECT(check_pair(&found, pair, NOW_MS), KC_DIRECTORY_DOWN);
    EXPECT(kc_people_issuer_of(&der, NULL, &people, &found), KC_DIRECTORY_DOWN);
    assert_memory_equal(found.sign_serial, sign.serial, KC_SERIAL_SIZE);
}

/* ---- what has ended ---- */

/* Who was revoked is not heard as one that ended, by somebody else's certificates that did.
 * shows: R-SEC-4 R-NODE-3 */
static void that_another_s_certificates_ended_is_no_word(void **state)
{
    struct party old_sign, old_encrypt;
    (void)state;
    put_list(20, &sign, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_REVOKED);
    make(&old_sign, KC_PROFILE_SIGN, "34", &issuer);
    certify(&old_sign, KC_PROFILE_SIGN, "34", NOW_MS - 1000, &issuer);
    make(&old_encrypt, KC_PROFILE_ENCRYPT, "34", &issuer);
    certify(&old_encrypt, KC_PROFILE_ENCRYPT, "34", NOW_MS - 1000, &issuer);
    show(&old_sign, &old_encrypt);
    EXPECT(fetch(ACCOUNT, &sign, NOW_MS), KC_CERT_INVALID);
}

/* shows: R-SEC-4 */
static void who_was_revoked_before_the_end_is_revoked_after_it(void **state)
{
    struct kc_person person, found;
    uint8_t pair[KC_PEOPLE_PAIR_SIZE];
    struct kc_signer_id id = id_of(ACCOUNT, &sign);
    (void)state;
    EXPECT(kc_people_fetch(&person, &people, NULL, &crypto, &id, NOW_MS), KC_OK);
    EXPECT(kc_people_pair(pair, &people, &crypto, &person), KC_OK);
    EXPECT(find(NOW_MS + 11 * DAY_MS), KC_CERT_EXPIRED);
    put_list(20, &encrypt, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + 11 * DAY_MS), KC_CERT_REVOKED);
    EXPECT(check_pair(&found, pair, NOW_MS + 11 * DAY_MS), KC_CERT_REVOKED);
    /* Lists do not name for ever who has ended. */
    put_list(21, NULL, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(check_pair(&found, pair, NOW_MS + 11 * DAY_MS), KC_CERT_EXPIRED);
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
        TEST(a_pair_of_an_unknown_issuer_has_none),
        TEST(that_another_s_certificates_ended_is_no_word),
        TEST(who_was_revoked_before_the_end_is_revoked_after_it),
        cmocka_unit_test(the_configuration_takes_no_second_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
