/* Does a server follow the authority to its next root, and nobody else to any other? The directory is one in memory. */
#include "people_world.h"

/* The roots of some roll-overs, each an hour after the one before, what the one at [i] and the next certified of each other, and
 * an issuer and an account's pair below each but the first. */
#define ROOTS 4
static struct {
    struct party roots[ROOTS];
    struct party to[ROOTS];
    struct party by[ROOTS];
    uint8_t pairs[ROOTS][KC_CERTIFICATE_PAIR_SIZE_MAX];
    struct kc_view pair_views[ROOTS];
    struct party issuers[ROOTS];
    struct party signs[ROOTS];
    struct party encrypts[ROOTS];
} rolled;

static struct {
    struct kc_result answer;
    size_t count;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_view kept;
} folder;

static struct kc_result keep(void *owner, struct kc_view root_der)
{
    assert_ptr_equal(owner, &folder);
    if (!kc_failed(folder.answer)) {
        memcpy(folder.bytes, root_der.data, root_der.size);
        folder.kept = kc_view(folder.bytes, root_der.size);
        folder.count += 1;
    }
    return folder.answer;
}

/* What `by` certifies of a key that it has not, until then. */
static void cross(struct party *out, const struct party *of, uint64_t until_ms,
                  const struct party *by)
{
    out->private_key = of->private_key;
    out->public_key = of->public_key;
    certify_from(out, KC_PROFILE_CROSS, "root", NOW_MS - DAY_MS, until_ms, by);
}

static struct kc_view pair_of(uint8_t bytes[KC_CERTIFICATE_PAIR_SIZE_MAX], const struct party *to,
                              const struct party *by)
{
    struct kc_buffer pair = {.data = bytes, .capacity = KC_CERTIFICATE_PAIR_SIZE_MAX};
    EXPECT(kc_certificate_pair_write(&pair, kc_buffer_view(&to->der), kc_buffer_view(&by->der)),
           KC_OK);
    return kc_buffer_view(&pair);
}

static void make_root(struct party *out, uint64_t hours)
{
    make(out, KC_PROFILE_ROOT, "root", NULL);
    certify_from(out, KC_PROFILE_ROOT, "root", NOW_MS - DAY_MS + hours * 3600000,
                 NOW_MS + 10 * DAY_MS, NULL);
}

/* The first root counts below the next one for two days, the others for one. */
static void make_rolled(void)
{
    folder.answer = kc_ok();
    folder.count = 0;
    rolled.roots[0] = root;
    rolled.roots[0].der.data = rolled.roots[0].bytes;
    for (size_t i = 1; i < ROOTS; i++) {
        const struct party *above = &rolled.roots[i];
        make_root(&rolled.roots[i], i);
        cross(&rolled.to[i - 1], above, NOW_MS + 9 * DAY_MS, &rolled.roots[i - 1]);
        cross(&rolled.by[i - 1], &rolled.roots[i - 1], NOW_MS + (i == 1 ? 2 : 1) * DAY_MS, above);
        rolled.pair_views[i - 1] =
            pair_of(rolled.pairs[i - 1], &rolled.to[i - 1], &rolled.by[i - 1]);
        make(&rolled.issuers[i], KC_PROFILE_ISSUER, "issuer 2", above);
        do {
            make(&rolled.signs[i], KC_PROFILE_SIGN, "26", &rolled.issuers[i]);
        } while (on_one_place(&sign, &rolled.signs[i]));
        make(&rolled.encrypts[i], KC_PROFILE_ENCRYPT, "26", &rolled.issuers[i]);
    }
}

/* The directory shows the roots from one on to another, with their pairs, and the issuer below the last. */
static void show_roots(size_t first, size_t last)
{
    directory.root_count = 0;
    directory.pair_count = 0;
    for (size_t i = first; i <= last; i++) {
        directory.roots[directory.root_count++] = kc_buffer_view(&rolled.roots[i].der);
        if (i < last) {
            directory.pairs[directory.pair_count++] = rolled.pair_views[i];
        }
    }
    if (last > 0) {
        put_second(7 + last, NULL, NOW_MS + 5 * DAY_MS, &rolled.issuers[last]);
    }
}

static struct kc_result fetch_below(size_t place, uint64_t now_ms)
{
    return fetch_of(&rolled.signs[place], &rolled.encrypts[place], 26, now_ms);
}

static bool is_pinned(const struct party *party)
{
    return kc_view_equal(kc_roots_view(&people.roots, people.roots.pinned),
                         kc_buffer_view(&party->der));
}

static void expect_word(enum kc_error word)
{
    EXPECT(kc_result(kc_people_root_word(&people)), word);
}

/* shows: R-RENEW-8 R-SEC-3 R-SEC-4 */
static void the_next_root_is_pinned_and_the_old_one_counts_for_its_time(void **state)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found = KC_BUFFER(bytes);
    struct kc_people_issuers issuers;
    (void)state;
    make_rolled();
    put_list(7, NULL, NOW_MS + 5 * DAY_MS, &issuer);
    kc_people_follow_roots(&people, keep, &folder);
    show_roots(0, 1);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    expect_word(KC_OK);
    assert_int_equal(folder.count, 1);
    assert_true(is_pinned(&rolled.roots[1]));
    assert_true(kc_view_equal(folder.kept, kc_buffer_view(&rolled.roots[1].der)));
    EXPECT(fetch_below(1, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    struct kc_view old_der = kc_buffer_view(&root.der);
    struct kc_view new_der = kc_buffer_view(&rolled.roots[1].der);
    kc_people_issuers(&issuers, &people, NOW_MS + 2 * DAY_MS - 1000);
    assert_int_equal(issuers.count, 2);
    for (size_t i = 0; i < 2; i++) {
        bool old = kc_view_equal(issuers.ders[i], kc_buffer_view(&issuer.der));
        assert_true(kc_view_equal(issuers.roots[i], old ? old_der : new_der));
    }
    kc_people_issuers(&issuers, &people, NOW_MS + 2 * DAY_MS);
    assert_int_equal(issuers.count, 1);
    assert_true(kc_view_equal(issuers.roots[0], new_der));
    EXPECT(kc_people_pinned(&found, &people), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&found), new_der));
    /* Asked again, it is kept no second time; the old one ends as the new one said, for who is known too. */
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + DAY_MS), KC_OK);
    assert_int_equal(folder.count, 1);
    EXPECT(find(NOW_MS + 2 * DAY_MS - 1000), KC_OK);
    EXPECT(find(NOW_MS + 2 * DAY_MS), KC_CERT_EXPIRED);
    /* That it was revoked is the better word: at the counter the other one is mended. */
    put_list(8, &sign, NOW_MS + 5 * DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + DAY_MS), KC_OK);
    EXPECT(find(NOW_MS + 2 * DAY_MS), KC_CERT_REVOKED);
    put_list(9, NULL, NOW_MS + 5 * DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + DAY_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS + 2 * DAY_MS), KC_CERT_EXPIRED);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + 3 * DAY_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS + 3 * DAY_MS), KC_CERT_EXPIRED);
    EXPECT(fetch_below(1, NOW_MS + 3 * DAY_MS), KC_OK);
    expect_word(KC_OK);
    /* Who starts then is told the same. */
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&rolled.roots[1].der)), KC_OK);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + 3 * DAY_MS), KC_OK);
    expect_word(KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS + 3 * DAY_MS), KC_CERT_EXPIRED);
    EXPECT(fetch_below(1, NOW_MS + 3 * DAY_MS), KC_OK);
    kc_people_issuers(&issuers, &people, NOW_MS + 3 * DAY_MS);
    assert_int_equal(issuers.count, 1);
    directory.issuer = directory.second_issuer;
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + 3 * DAY_MS), KC_OK);
    directory.issuer = directory.second_issuer = kc_buffer_view(&issuer.der);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS + 3 * DAY_MS), KC_CERT_EXPIRED);
}

/* Who was away for several roll-overs goes on from root to root, and knows them all.
 * shows: R-RENEW-8 */
static void several_roots_are_gone_over_one_by_one(void **state)
{
    (void)state;
    make_rolled();
    kc_people_follow_roots(&people, keep, &folder);
    show_roots(0, ROOTS - 1);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    expect_word(KC_OK);
    assert_int_equal(folder.count, ROOTS - 1);
    assert_true(is_pinned(&rolled.roots[ROOTS - 1]));
    EXPECT(fetch_below(ROOTS - 1, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS - 1000), KC_OK);
    EXPECT(find(NOW_MS + DAY_MS), KC_CERT_EXPIRED);
    /* One that cannot be kept is not pinned, but counts; and is pinned once it can be. */
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    folder.answer = kc_result(KC_DISK_FULL);
    kc_people_follow_roots(&people, keep, &folder);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    expect_word(KC_DISK_FULL);
    assert_true(is_pinned(&root));
    EXPECT(fetch_below(ROOTS - 1, NOW_MS), KC_OK);
    folder.answer = kc_ok();
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    expect_word(KC_OK);
    assert_true(is_pinned(&rolled.roots[ROOTS - 1]));
    EXPECT(fetch_below(ROOTS - 1, NOW_MS), KC_OK);
}

/* What the directory shows in place of a root, or of what certifies it. */
static void refused(const struct party *shown, struct kc_view pair, const struct party *by,
                    enum kc_error word)
{
    struct party leaf_sign, leaf_encrypt, below;
    directory.roots[1] = kc_buffer_view(&shown->der);
    directory.root_count = 2;
    directory.pairs[0] = pair;
    directory.pair_count = pair.size > 0 ? 1 : 0;
    make(&below, KC_PROFILE_ISSUER, "issuer 2", by);
    make(&leaf_sign, KC_PROFILE_SIGN, "26", &below);
    make(&leaf_encrypt, KC_PROFILE_ENCRYPT, "26", &below);
    put_second(50, NULL, NOW_MS + 5 * DAY_MS, &below);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    expect_word(word);
    EXPECT(fetch_of(&leaf_sign, &leaf_encrypt, 26, NOW_MS), KC_CERT_INVALID);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
    assert_int_equal(folder.count, 0);
}

/* shows: R-SEC-2 R-SEC-3 R-RENEW-8 */
static void a_forged_root_is_refused_by_name(void **state)
{
    struct party forged, forged_cross, back, named;
    uint8_t bytes[KC_CERTIFICATE_PAIR_SIZE_MAX];
    (void)state;
    make_rolled();
    kc_people_follow_roots(&people, keep, &folder);
    show_roots(0, 1);
    make_root(&forged, 5);
    cross(&back, &rolled.roots[0], NOW_MS + 9 * DAY_MS, &forged);
    /* Signed by itself alone; certified by an issuer, by itself, by a root of that name. */
    refused(&forged, kc_view(NULL, 0), &forged, KC_ROOT_NOT_CERTIFIED);
    const struct party *by[] = {&issuer, &forged, &other_root, &sign};
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        cross(&forged_cross, &forged, NOW_MS + 9 * DAY_MS, by[i]);
        refused(&forged, pair_of(bytes, &forged_cross, &back), &forged, KC_ROOT_NOT_CERTIFIED);
    }
    /* With what the root certified of another key; what it certified is over. */
    refused(&forged, rolled.pair_views[0], &forged, KC_ROOT_NOT_CERTIFIED);
    cross(&forged_cross, &rolled.roots[1], NOW_MS - 1000, &root);
    refused(&rolled.roots[1], pair_of(bytes, &forged_cross, &rolled.by[0]), &rolled.roots[1],
            KC_ROOT_NOT_CERTIFIED);
    /* Of another name, whoever certified it; an issuer, and what the root certified, as if they were roots; no pair at all. */
    make(&named, KC_PROFILE_ROOT, "boot", NULL);
    certify_from(&named, KC_PROFILE_ROOT, "boot", NOW_MS - 3600000, NOW_MS + 9 * DAY_MS, NULL);
    forged_cross.private_key = named.private_key;
    forged_cross.public_key = named.public_key;
    certify(&forged_cross, KC_PROFILE_CROSS, "boot", NOW_MS + 9 * DAY_MS, &root);
    refused(&named, pair_of(bytes, &forged_cross, &back), &named, KC_ROOT_NOT_CERTIFIED);
    refused(&issuer, rolled.pair_views[0], &forged, KC_CERT_INVALID);
    refused(&rolled.to[0], rolled.pair_views[0], &forged, KC_CERT_INVALID);
    struct kc_view half = rolled.pair_views[0];
    half.size -= 1;
    refused(&rolled.roots[1], half, &rolled.roots[1], KC_ROOT_NOT_CERTIFIED);
}

/* An old root's key is stolen, or what the directory showed then comes again.
 * shows: R-SEC-2 R-RENEW-8 */
static void an_older_root_leads_nobody_back(void **state)
{
    struct party forged, forged_cross, back, leaf_sign, leaf_encrypt, below;
    uint8_t bytes[KC_CERTIFICATE_PAIR_SIZE_MAX];
    (void)state;
    make_rolled();
    kc_people_follow_roots(&people, keep, &folder);
    show_roots(0, 2);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    assert_true(is_pinned(&rolled.roots[2]));
    folder.count = 0;
    /* The first root, which still counts, certifies a later one than all. */
    make_root(&forged, 9);
    cross(&forged_cross, &forged, NOW_MS + 9 * DAY_MS, &root);
    cross(&back, &root, NOW_MS + 9 * DAY_MS, &forged);
    directory.roots[directory.root_count++] = kc_buffer_view(&forged.der);
    directory.pairs[directory.pair_count++] = pair_of(bytes, &forged_cross, &back);
    make(&below, KC_PROFILE_ISSUER, "issuer 9", &forged);
    make(&leaf_sign, KC_PROFILE_SIGN, "26", &below);
    make(&leaf_encrypt, KC_PROFILE_ENCRYPT, "26", &below);
    put_second(50, NULL, NOW_MS + 5 * DAY_MS, &below);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    expect_word(KC_ROOT_NOT_CERTIFIED);
    assert_true(is_pinned(&rolled.roots[2]));
    EXPECT(fetch_of(&leaf_sign, &leaf_encrypt, 26, NOW_MS), KC_CERT_INVALID);
    /* It still makes issuers, but never the newest. */
    uint8_t found_bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found = KC_BUFFER(found_bytes);
    put_second(51, NULL, NOW_MS + 5 * DAY_MS, &rolled.issuers[2]);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    certify_from(&below, KC_PROFILE_ISSUER, "issuer 9", NOW_MS - 1000, NOW_MS + 9 * DAY_MS, &root);
    put_second(52, NULL, NOW_MS + 5 * DAY_MS, &below);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(kc_people_issuer(&found, &people), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&found), kc_buffer_view(&rolled.issuers[2].der)));
    /* After a restart, with what the directory showed before the last roll-over. */
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&rolled.roots[2].der)), KC_OK);
    kc_people_follow_roots(&people, keep, &folder);
    show_roots(0, 1);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_CERT_INVALID);
    expect_word(KC_ROOT_OLDER);
    assert_true(is_pinned(&rolled.roots[2]));
    assert_int_equal(folder.count, 0);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_CERT_INVALID);
    /* With the pair that leads from the old one to the new one, the old one counts, and only it. */
    show_roots(0, 2);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_OK);
}

/* shows: R-RENEW-8 */
static void of_two_issuers_the_later_one_is_the_newest(void **state)
{
    struct party second;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found = KC_BUFFER(bytes);
    (void)state;
    make(&second, KC_PROFILE_ISSUER, "issuer 2", &root);
    certify_from(&second, KC_PROFILE_ISSUER, "issuer 2", NOW_MS - DAY_MS + 1000,
                 NOW_MS + 10 * DAY_MS, &root);
    put_second(6, NULL, NOW_MS + DAY_MS, &second);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(kc_people_issuer(&found, &people), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&found), kc_buffer_view(&second.der)));
}

/* A pinned root, the first root's key in somebody's hands, and what he makes with it. */
static void begin_below_the_last(struct party below[], size_t count)
{
    make_rolled();
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&rolled.roots[2].der)), KC_OK);
    kc_people_follow_roots(&people, keep, &folder);
    show_roots(0, 2);
    for (size_t i = 0; i < count; i++) {
        make(&below[i], KC_PROFILE_ISSUER, "issuer 9", &root);
        certify_from(&below[i], KC_PROFILE_ISSUER, "issuer 9", NOW_MS - 1000, NOW_MS + 9 * DAY_MS,
                     &root);
    }
}

/* Whenever the others and their roots began.
 * shows: R-SEC-2 R-RENEW-8 */
static void no_issuer_is_newer_than_one_below_the_pinned_root(void **state)
{
    struct party below;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer found = KC_BUFFER(bytes);
    (void)state;
    make_rolled();
    kc_people_follow_roots(&people, NULL, NULL);
    show_roots(0, 1);
    make(&below, KC_PROFILE_ISSUER, "issuer 9", &rolled.roots[1]);
    put_second(52, NULL, NOW_MS + 5 * DAY_MS, &below);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    assert_true(is_pinned(&root));
    EXPECT(kc_people_issuer(&found, &people), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&found), kc_buffer_view(&issuer.der)));
}

/* shows: R-SEC-2 R-RENEW-8 */
static void issuers_below_an_older_root_give_way(void **state)
{
    struct party below[KC_ISSUERS_MAX];
    (void)state;
    begin_below_the_last(below, KC_ISSUERS_MAX);
    for (size_t i = 0; i < KC_ISSUERS_MAX; i++) {
        put_list(7, NULL, NOW_MS + 5 * DAY_MS, &below[i]);
        directory.second_issuer = kc_view(NULL, 0);
        EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    }
    assert_int_equal(people.issuer_count, KC_ISSUERS_MAX);
    put_second(9, NULL, NOW_MS + 5 * DAY_MS, &rolled.issuers[2]);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    EXPECT(fetch_below(2, NOW_MS), KC_OK);
    /* And come back for none. */
    put_second(10, NULL, NOW_MS + 5 * DAY_MS, &below[KC_ISSUERS_MAX - 1]);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_TOO_LARGE);
    EXPECT(fetch_below(2, NOW_MS), KC_OK);
}

/* A root's list with this issuer on it. */
static void list_of(size_t place, const struct party *by, const struct party *ended)
{
    struct kc_revoked entry = {.time_ms = NOW_MS, .reason = KC_CRL_COMPROMISE};
    memcpy(entry.serial, ended->serial, sizeof entry.serial);
    EXPECT(kc_crl_make(&directory.root_lists[place], &entry, 1, 100, NOW_MS, NOW_MS + 5 * DAY_MS,
                       kc_buffer_view(&by->der), &by->private_key),
           KC_OK);
    directory.root_list_count = place + 1;
}

static size_t count_ended(void)
{
    size_t count = 0;
    for (size_t i = 0; i < people.issuer_count; i++) {
        count += people.issuers[i].ended ? 1 : 0;
    }
    return count;
}

/* shows: R-SEC-2 R-RENEW-8 */
static void a_root_ends_issuers_of_earlier_ones_and_none_of_later_ones(void **state)
{
    (void)state;
    make_rolled();
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&rolled.roots[2].der)), KC_OK);
    show_roots(0, 2);
    put_second(52, NULL, NOW_MS + 5 * DAY_MS, &rolled.issuers[2]);
    list_of(0, &root, &rolled.issuers[2]);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    assert_int_equal(people.issuer_count, 2);
    assert_int_equal(count_ended(), 0);
    list_of(1, &rolled.roots[2], &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    assert_int_equal(count_ended(), 1);
    EXPECT(fetch_below(2, NOW_MS), KC_OK);
    EXPECT(fetch_of(&sign, &encrypt, ACCOUNT, NOW_MS), KC_CERT_REVOKED);
    for (size_t i = 0; i < 2; i++) {
        kc_der_free(directory.root_lists[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_root_is_pinned_and_the_old_one_counts_for_its_time),
        TEST(several_roots_are_gone_over_one_by_one),
        TEST(a_forged_root_is_refused_by_name),
        TEST(an_older_root_leads_nobody_back),
        TEST(of_two_issuers_the_later_one_is_the_newest),
        TEST(no_issuer_is_newer_than_one_below_the_pinned_root),
        TEST(issuers_below_an_older_root_give_way),
        TEST(a_root_ends_issuers_of_earlier_ones_and_none_of_later_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
