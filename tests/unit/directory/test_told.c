/* Does the bank tell purses only of an authority below the root that it has pinned, whatever else counts? The directory is one in
 * memory. */
#include <stdio.h>
#include <unistd.h>

#include "people_world.h"

#include "bank/notice.h"

/* The bank's own former keys, of which there are none here. */
const struct kc_public_key *kc_bank_keys_former(const struct kc_bank_keys *keys,
                                                const struct kc_signer_id *id)
{
    (void)keys;
    (void)id;
    return NULL;
}

static struct {
    struct kc_bank_notice notice;
    struct kc_notice_maker maker;
    struct kc_realm realm;
    struct kc_bank_keys keys;
    char folder[64];
} bank;

/* Another root that counts, because the pinned one certified it, an issuer below, and both authorities. */
static struct {
    struct party root;
    struct party to;
    struct party by;
    uint8_t pair[KC_CERTIFICATE_PAIR_SIZE_MAX];
    struct party issuer;
    struct party sign[2];
    struct party encrypt[2];
} other;

static void cross(struct party *out, const struct party *of, const struct party *by)
{
    out->private_key = of->private_key;
    out->public_key = of->public_key;
    certify(out, KC_PROFILE_CROSS, "root", NOW_MS + 9 * DAY_MS, by);
}

static void make_other(void)
{
    struct kc_buffer pair = KC_BUFFER(other.pair);
    make(&other.root, KC_PROFILE_ROOT, "root", NULL);
    certify_from(&other.root, KC_PROFILE_ROOT, "root", NOW_MS - DAY_MS + 3600000,
                 NOW_MS + 10 * DAY_MS, NULL);
    cross(&other.to, &other.root, &root);
    cross(&other.by, &root, &other.root);
    EXPECT(kc_certificate_pair_write(&pair, kc_buffer_view(&other.to.der),
                                     kc_buffer_view(&other.by.der)),
           KC_OK);
    directory.roots[0] = kc_buffer_view(&root.der);
    directory.roots[1] = kc_buffer_view(&other.root.der);
    directory.root_count = 2;
    directory.pairs[0] = kc_buffer_view(&pair);
    directory.pair_count = 1;
    make(&other.issuer, KC_PROFILE_ISSUER, "issuer 2", &other.root);
    for (size_t i = 0; i < 2; i++) {
        const struct party *by = i == 0 ? &issuer : &other.issuer;
        make(&other.sign[i], KC_PROFILE_SIGN, "authority", by);
        make(&other.encrypt[i], KC_PROFILE_ENCRYPT, "authority", by);
    }
}

static int begin(void **state)
{
    (void)setup(state);
    (void)snprintf(bank.folder, sizeof bank.folder, "/tmp/kinchaku-told-XXXXXX");
    assert_non_null(mkdtemp(bank.folder));
    EXPECT(kc_realm_set(&bank.realm, 7, "JPY"), KC_OK);
    EXPECT(
        crypto.generate(crypto.context, &bank.keys.sign_key, &bank.keys.sign_public, KC_KEY_P256),
        KC_OK);
    bank.maker =
        (struct kc_notice_maker){.crypto = &crypto, .realm = &bank.realm, .keys = &bank.keys};
    EXPECT(kc_bank_notice_open(&bank.notice, &bank.maker, bank.folder), KC_OK);
    make_other();
    return 0;
}

static int end(void **state)
{
    (void)unlink(bank.notice.path);
    kc_bank_notice_close(&bank.notice);
    (void)teardown(state);
    return rmdir(bank.folder);
}

/* With that authority in the directory. */
static void look(size_t authority, enum kc_error expected)
{
    bool made = false;
    show(&other.sign[authority], &other.encrypt[authority]);
    EXPECT(kc_bank_notice_look(&made, &bank.notice, &bank.maker, &people, NULL, NOW_MS), expected);
    assert_int_equal(made, expected == KC_OK);
}

/* shows: R-SEC-2 R-RENEW-8 */
static void nothing_below_another_root_is_told(void **state)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_noticed_keys told;
    struct kc_signed parsed;
    (void)state;
    /* The issuer of the other is all that is known, as after a restart. */
    kc_people_close(&people);
    EXPECT(kc_people_open(&people, 16, kc_buffer_view(&root.der)), KC_OK);
    put_list(6, NULL, NOW_MS + DAY_MS, &other.issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    look(1, KC_NOT_FOUND);
    /* Beside the pinned one's. */
    put_list(6, NULL, NOW_MS + DAY_MS, &issuer);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    look(1, KC_NOT_FOUND);
    look(0, KC_OK);
    EXPECT(kc_bank_notice_get(&out, &bank.notice, 0), KC_OK);
    EXPECT(kc_notice_read(&told, &parsed, kc_buffer_view(&out)), KC_OK);
    assert_true(kc_view_equal(told.issuer, kc_buffer_view(&issuer.der)));
    assert_true(kc_key_equal(&told.verify_key, &other.sign[0].public_key));
    look(1, KC_NOT_FOUND);
}

static void end_issuer(uint64_t number)
{
    struct kc_revoked entry = {.time_ms = NOW_MS, .reason = KC_CRL_COMPROMISE};
    memcpy(entry.serial, issuer.serial, sizeof entry.serial);
    EXPECT(kc_crl_make(&directory.root_lists[0], &entry, 1, number, NOW_MS, NOW_MS + DAY_MS,
                       kc_buffer_view(&root.der), &root.private_key),
           KC_OK);
    directory.root_list_count = 1;
}

static bool is_told(const struct party *keys)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_noticed_keys told;
    struct kc_signed parsed;
    EXPECT(kc_bank_notice_get(&out, &bank.notice, 0), KC_OK);
    EXPECT(kc_notice_read(&told, &parsed, kc_buffer_view(&out)), KC_OK);
    return kc_key_equal(&told.verify_key, &keys->public_key);
}

static void look_at(const struct party *a, const struct party *b, enum kc_error expected,
                    bool tells)
{
    bool made = false;
    show(a, b);
    EXPECT(kc_bank_notice_look(&made, &bank.notice, &bank.maker, &people, NULL, NOW_MS), expected);
    assert_int_equal(made, tells);
}

/* shows: R-SEC-2 R-RENEW-8 */
static void a_thiefs_keys_are_told_no_longer_than_his_issuer_counts(void **state)
{
    static struct party next;
    static struct party thief[2];
    static struct party ours[2];
    (void)state;
    directory.pair_count = 0;
    directory.root_count = 1;
    /* He has them begin as late as may be. */
    for (size_t i = 0; i < 2; i++) {
        enum kc_profile profile = i == 0 ? KC_PROFILE_SIGN : KC_PROFILE_ENCRYPT;
        make(&thief[i], profile, "authority", &issuer);
        certify_from(&thief[i], profile, "authority", NOW_MS - 1000, NOW_MS + DAY_MS, &issuer);
    }
    look_at(&thief[0], &thief[1], KC_OK, true);
    make(&next, KC_PROFILE_ISSUER, "issuer 2", &root);
    certify_from(&next, KC_PROFILE_ISSUER, "issuer 2", NOW_MS - DAY_MS + 5000, NOW_MS + DAY_MS,
                 &root);
    put_second(6, NULL, NOW_MS + DAY_MS, &next);
    for (size_t i = 0; i < 2; i++) {
        make(&ours[i], i == 0 ? KC_PROFILE_SIGN : KC_PROFILE_ENCRYPT, "authority", &next);
    }
    /* Before the root's list is there the next issuer alone is told; afterwards the keys that its authority has. */
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    look_at(&ours[0], &ours[1], KC_OK, true);
    assert_true(is_told(&thief[0]));
    end_issuer(101);
    EXPECT(kc_people_refresh(&people, NULL, NOW_MS), KC_OK);
    look_at(&thief[0], &thief[1], KC_CERT_REVOKED, false);
    look_at(&ours[0], &ours[1], KC_OK, true);
    assert_true(is_told(&ours[0]));
    look_at(&ours[0], &ours[1], KC_OK, false);
    kc_der_free(directory.root_lists[0]);
    directory.root_list_count = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_below_another_root_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_thiefs_keys_are_told_no_longer_than_his_issuer_counts,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
