/* Question: do old and new root certify each other, is everything new below the new one, and is a roll-over of the root that was
 * cut gone on with, wherever that was? */
#include "authority_place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "service/files.h"
#include "service/keys.h"

#define DAY_MS (YEAR_MS / 365)

static void roll(struct place *place, uint64_t days, uint64_t expected)
{
    uint64_t number = 0;
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll_root(&number, place->dir, days, NULL), KC_OK);
    assert_int_equal(number, expected);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.root_count, expected + 1);
    assert_int_equal(place->authority.issuer_count, expected + 1);
}

static struct kc_view shown_root(size_t place)
{
    return kc_view(directory.roots[place], directory.root_sizes[place]);
}

/* shows: R-RENEW-8 R-NODE-2 */
static void both_roots_certify_each_other_and_the_new_one_the_issuer(void **state)
{
    struct place *place = *state;
    struct kc_certificate old;
    struct kc_certificate new;
    struct kc_certificate read;
    struct kc_view cross[2];
    struct kc_pair pair;
    struct pair_of_keys keys;
    uint64_t until_ms = 0;
    uint64_t now_ms = kc_clock_now_ms();
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    assert_int_equal(directory.root_count, 1);
    assert_int_equal(directory.pair_count, 0);
    roll(place, 30, 1);
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    assert_int_equal(directory.root_count, 2);
    assert_int_equal(directory.pair_count, 1);
    EXPECT(kc_certificate_read(&new, shown_root(0)), KC_OK);
    EXPECT(kc_certificate_read(&old, shown_root(1)), KC_OK);
    assert_string_equal(new.subject, old.subject);
    assert_true(new.not_before_ms > old.not_before_ms);
    assert_memory_equal(place->root, shown_root(1).data, place->root_size);
    EXPECT(kc_certificate_pair_read(&cross[0], &cross[1],
                                    kc_view(directory.pairs[0], directory.pair_sizes[0])),
           KC_OK);
    EXPECT(kc_certificate_verify_cross(&until_ms, shown_root(0), cross[0], shown_root(1), now_ms),
           KC_OK);
    assert_true(until_ms == old.not_after_ms);
    EXPECT(kc_certificate_verify_cross(&until_ms, shown_root(1), cross[1], shown_root(0), now_ms),
           KC_OK);
    assert_true(until_ms > now_ms + 29 * DAY_MS && until_ms < now_ms + 31 * DAY_MS);
    /* RFC 4210 section 4.4.1: what the new one says of the old one begins with that one. */
    EXPECT(kc_certificate_read(&read, cross[1]), KC_OK);
    assert_true(read.not_before_ms == old.not_before_ms);
    struct kc_view old_issuer =
        kc_view(place->authority.issuers[1].der, place->authority.issuers[1].der_size);
    EXPECT(kc_certificate_verify_issuer(issuer_of(place), shown_root(0), now_ms), KC_OK);
    EXPECT(kc_certificate_verify_issuer(old_issuer, shown_root(1), now_ms), KC_OK);
    EXPECT(kc_certificate_verify_issuer(issuer_of(place), shown_root(1), now_ms), KC_CERT_INVALID);
    /* What was issued before is not below the new root, and what is issued now is. */
    EXPECT(kc_authority_pair(&pair, &place->authority, KC_SERVER_BANK), KC_OK);
    assert_false(kc_authority_is_below_root(&place->authority, &pair));
    make_keys(&keys, place, KC_KEY_P256);
    issue(&pair, place, 18, "18", &keys, now_ms + YEAR_MS);
    assert_true(kc_authority_is_below_root(&place->authority, &pair));
}

/* Of keys that are rolled over one right after the other the newest can be told.
 * shows: R-RENEW-8 */
static void each_begins_after_the_one_before_and_there_are_few_at_a_time(void **state)
{
    struct place *place = *state;
    struct kc_roll_ends ends;
    uint64_t number = 0;
    roll(place, 0, 1);
    roll(place, 0, 2);
    roll(place, 0, 3);
    for (size_t i = 0; i < 3; i++) {
        struct kc_certificate later;
        struct kc_certificate earlier;
        const struct kc_authority_root *roots = &place->authority.roots[i];
        assert_true(place->authority.issuers[i].from_ms > place->authority.issuers[i + 1].from_ms);
        EXPECT(kc_certificate_read(&later, kc_view(roots[0].der, roots[0].der_size)), KC_OK);
        EXPECT(kc_certificate_read(&earlier, kc_view(roots[1].der, roots[1].der_size)), KC_OK);
        assert_true(later.not_before_ms > earlier.not_before_ms);
    }
    EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
    assert_int_equal(directory.root_count, KC_ROOTS_MAX);
    assert_int_equal(directory.pair_count, KC_ROOTS_MAX - 1);
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll_root(&number, place->dir, 0, NULL), KC_PENDING);
    EXPECT(kc_authority_roll_ends(&ends, place->dir, true), KC_OK);
    assert_true(ends.most == KC_ISSUERS_MAX && ends.next_ms > ends.from_ms);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
}

static void path_in(char out[KC_PATH_SIZE_MAX], const struct place *place, const char *file)
{
    EXPECT(kc_path_join(out, place->dir, file, NULL), KC_OK);
}

static void forget(const struct place *place, const char *file)
{
    char path[KC_PATH_SIZE_MAX];
    path_in(path, place, file);
    assert_int_equal(unlink(path), 0);
}

/* What a roll-over writes, the last first, and what is in force without that and all before it here. */
static const struct {
    const char *file;
    size_t roots;
    size_t issuers;
} steps[] = {
    {"authority/issuing-1.crt", 2, 1},   {"authority/issuing-1.key", 2, 1},
    {"authority/issuing-1.plan", 2, 1},  {"authority/root-1.crt", 1, 1},
    {"authority/root-0-by-1.crt", 1, 1}, {"authority/root-1-by-0.crt", 1, 1},
    {"root/root-1.crt", 1, 1},           {"root/root-1.key", 1, 1},
};
#define STEPS (sizeof steps / sizeof steps[0])

static void load_root(struct kc_private_key *out, const struct place *place)
{
    char path[KC_PATH_SIZE_MAX];
    path_in(path, place, "root");
    EXPECT(kc_key_file_load(out, path, "root-1.key"), KC_OK);
}

/* shows: R-RENEW-8 */
static void a_roll_over_is_gone_on_with_wherever_it_was_cut(void **state)
{
    struct place *place = *state;
    struct kc_private_key made;
    struct kc_private_key again;
    uint64_t number = 0;
    roll(place, 30, 1);
    load_root(&made, place);
    kc_authority_close(&place->authority);
    for (size_t cut = 0; cut < 2 * STEPS; cut++) {
        for (size_t i = 0; i <= cut / 2; i++) {
            forget(place, steps[i].file);
        }
        EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
        assert_int_equal(place->authority.root_count, steps[cut / 2].roots);
        assert_int_equal(place->authority.issuer_count, steps[cut / 2].issuers);
        kc_authority_close(&place->authority);
        EXPECT(cut % 2 == 0
                   ? kc_authority_roll_root(&number, place->dir, 0, NULL)
                   : kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL),
               KC_OK);
        assert_int_equal(number, 1);
        load_root(&again, place);
        assert_int_equal(memcmp(&again, &made, sizeof made) == 0, cut / 2 + 1 < STEPS);
        EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
        assert_int_equal(place->authority.root_count, 2);
        assert_int_equal(place->authority.issuer_count, 2);
        EXPECT(kc_authority_publish_crl(&place->authority), KC_OK);
        kc_authority_close(&place->authority);
        made = again;
    }
    /* Nothing is half done when nothing was cut. */
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.root_count, 2);
}

/* shows: R-RENEW-8 */
static void without_the_old_roots_key_nothing_is_made(void **state)
{
    struct place *place = *state;
    char path[KC_PATH_SIZE_MAX];
    char away[KC_PATH_SIZE_MAX];
    char plan[KC_PATH_SIZE_MAX];
    static const char planned[] = "[roll]\nnumber = 1\n";
    uint64_t number = 0;
    kc_authority_close(&place->authority);
    path_in(path, place, "root/root.key");
    path_in(away, place, "authority/root-1-by-0.crt");
    path_in(plan, place, "authority/root-1.plan");
    assert_int_equal(rename(path, away), 0);
    EXPECT(kc_authority_roll_root(&number, place->dir, 0, NULL), KC_FILE_MISSING);
    assert_false(kc_file_exists(plan));
    /* What was planned while the key was there waits for it. */
    EXPECT(kc_file_write_text(plan, planned, sizeof planned - 1, sizeof planned), KC_OK);
    EXPECT(kc_authority_roll_root(&number, place->dir, 0, NULL), KC_FILE_MISSING);
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.root_count, 1);
    kc_authority_close(&place->authority);
    assert_int_equal(rename(away, path), 0);
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.root_count, 2);
    /* From then on the new one's is wanted for an issuing key, and the old one's for nothing. */
    forget(place, "root/root.key");
    kc_authority_close(&place->authority);
    EXPECT(kc_authority_roll(&number, place->dir, NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    assert_int_equal(place->authority.issuer_count, 3);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_roots_certify_each_other_and_the_new_one_the_issuer),
        TEST(each_begins_after_the_one_before_and_there_are_few_at_a_time),
        TEST(a_roll_over_is_gone_on_with_wherever_it_was_cut),
        TEST(without_the_old_roots_key_nothing_is_made),
    };
    return cmocka_run_group_tests_name("authority-root", tests, NULL, NULL);
}
