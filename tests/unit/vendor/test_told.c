/* Question: does a server of machines keep the bank's newest word on the authority's keys, and nobody else's, through restarts
 * and roll-overs of the bank's keys? */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/libcrypto.h"
#include "service/files.h"
#include "vendor/told.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))

static struct kc_crypto crypto;
static struct kc_realm realm;
static struct kc_bank_chain chain;
static struct kc_private_key bank_keys[2];
static struct kc_private_key other_key;
static struct kc_public_key other_public;
static struct kc_told told;
static struct kc_told_place place;
static char folder[64];

struct notice {
    size_t size;
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
};

static struct notice notice_by(const struct kc_private_key *key, const struct kc_public_key *id_of,
                               uint64_t bank, uint64_t number)
{
    static const uint8_t der[16] = {0x30, 0x0e};
    struct notice out;
    struct kc_buffer buffer = KC_BUFFER(out.bytes);
    struct kc_signer signer = {.key = key};
    const struct kc_noticed_keys keys = {.bank = bank,
                                         .number = number,
                                         .time_ms = number,
                                         .issuer = kc_view(der, sizeof der),
                                         .from_ms = 1,
                                         .verify_key = other_public,
                                         .encrypt_key = other_public};
    kc_signer_id_make(&signer.id, &crypto, KC_SERVER_BANK, id_of);
    EXPECT(kc_notice_make(&buffer, &crypto, &signer, &realm, &keys), KC_OK);
    out.size = buffer.size;
    return out;
}

static struct notice notice_of(size_t generation, uint64_t number)
{
    return notice_by(&bank_keys[generation], &chain.keys[generation], 1, number);
}

static struct kc_result take(const struct notice *notice)
{
    return kc_told_take(&told, &place, &chain, kc_view(notice->bytes, notice->size));
}

static void generate(struct kc_private_key *private_key, struct kc_public_key *public_key)
{
    EXPECT(crypto.generate(crypto.context, private_key, public_key, KC_KEY_P256), KC_OK);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kc-told-XXXXXX");
    assert_non_null(mkdtemp(folder));
    EXPECT(kc_libcrypto_open(&crypto, 4), KC_OK);
    EXPECT(kc_realm_set(&realm, 1, "JPY"), KC_OK);
    generate(&bank_keys[0], &chain.keys[0]);
    generate(&bank_keys[1], &chain.keys[1]);
    generate(&other_key, &other_public);
    chain.count = 1;
    place = (struct kc_told_place){
        .dir = folder, .url = "http://127.0.0.1:1", .crypto = &crypto, .realm = &realm};
    kc_told_load(&told, &place, &chain);
    assert_int_equal(told.number, 0);
    return 0;
}

static int teardown(void **state)
{
    char path[KC_PATH_SIZE_MAX];
    (void)state;
    EXPECT(kc_path_join(path, folder, "notice.cose", NULL), KC_OK);
    (void)unlink(path);
    (void)chmod(folder, 0700);
    (void)rmdir(folder);
    kc_libcrypto_close(&crypto);
    return 0;
}

/* What is held, and what a server that begins anew holds, is this one. */
static void expect_held(const struct notice *expected, uint64_t number)
{
    struct kc_told again;
    kc_told_load(&again, &place, &chain);
    const struct kc_told *both[] = {&told, &again};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(both[i]->number, number);
        assert_int_equal(both[i]->size, expected->size);
        assert_memory_equal(both[i]->bytes, expected->bytes, expected->size);
    }
}

/* shows: R-RENEW-8 R-SEC-2 R-VEND-5 */
static void the_newest_one_is_kept(void **state)
{
    (void)state;
    struct notice first = notice_of(0, 5);
    struct notice second = notice_of(0, 9);
    EXPECT(take(&first), KC_OK);
    expect_held(&first, 5);
    EXPECT(take(&first), KC_STALE_STATE);
    EXPECT(take(&second), KC_OK);
    expect_held(&second, 9);
    EXPECT(take(&first), KC_STALE_STATE);
    expect_held(&second, 9);
}

/* shows: R-RENEW-8 R-SEC-2 */
static void nobody_elses_is_taken(void **state)
{
    (void)state;
    struct notice good = notice_of(0, 5);
    struct notice forged = notice_by(&other_key, &chain.keys[0], 1, 6);
    struct notice elsewhere = notice_by(&bank_keys[0], &chain.keys[0], 2, 7);
    struct notice later_key = notice_of(1, 8);
    EXPECT(take(&good), KC_OK);
    EXPECT(take(&forged), KC_BAD_SIGNATURE);
    EXPECT(take(&elsewhere), KC_WRONG_DOMAIN);
    EXPECT(take(&later_key), KC_BAD_SIGNATURE);
    for (size_t at = 0; at < good.size; at++) {
        struct notice changed = notice_of(0, 6);
        changed.bytes[at % changed.size] ^= 0x20;
        assert_true(kc_failed(take(&changed)));
    }
    for (size_t size = 0; size < good.size; size += 7) {
        struct notice cut = notice_of(0, 6);
        cut.size = size;
        assert_true(kc_failed(take(&cut)));
    }
    expect_held(&good, 5);
}

/* shows: R-RENEW-8 */
static void what_an_old_key_told_counts_no_more(void **state)
{
    (void)state;
    struct kc_told anew;
    struct notice old = notice_of(0, 900);
    EXPECT(take(&old), KC_OK);
    chain.count = 2;
    kc_told_load(&anew, &place, &chain);
    assert_int_equal(anew.number, 0);
    /* The bank says the same, with the same number or any other; a thief's higher one blocks nothing. */
    struct notice same = notice_of(1, 7);
    EXPECT(kc_told_take(&anew, &place, &chain, kc_view(same.bytes, same.size)), KC_OK);
    told = anew;
    expect_held(&same, 7);
    EXPECT(take(&old), KC_BAD_SIGNATURE);
}

/* shows: R-RENEW-8 */
static void a_file_that_is_damaged_counts_as_none(void **state)
{
    (void)state;
    char path[KC_PATH_SIZE_MAX];
    struct notice good = notice_of(0, 5);
    struct notice damaged = good;
    damaged.bytes[damaged.size / 2] ^= 1;
    EXPECT(kc_path_join(path, folder, "notice.cose", NULL), KC_OK);
    EXPECT(kc_file_write(path, kc_view(damaged.bytes, damaged.size), 0644), KC_OK);
    kc_told_load(&told, &place, &chain);
    assert_int_equal(told.number, 0);
    EXPECT(take(&good), KC_OK);
    expect_held(&good, 5);
}

#define WORKERS 4u
#define EACH 12u
static struct notice many[WORKERS][EACH];

/* As a worker of its own, with its own crypto. */
static void *work(void *argument)
{
    struct kc_crypto own;
    struct kc_told held = {.number = 0};
    const struct notice *mine = argument;
    if (kc_failed(kc_libcrypto_open(&own, 2))) {
        return NULL;
    }
    const struct kc_told_place at = {
        .dir = folder, .url = place.url, .crypto = &own, .realm = &realm};
    bool good = true;
    for (size_t i = 0; i < EACH; i++) {
        struct kc_told there;
        good = !kc_failed(kc_told_take(&held, &at, &chain, kc_view(mine[i].bytes, mine[i].size))) &&
               good;
        kc_told_load(&there, &at, &chain);
        good = there.number >= held.number && good;
    }
    kc_libcrypto_close(&own);
    return good ? argument : NULL;
}

/* shows: R-RENEW-8 R-VEND-5 */
static void workers_that_ask_at_once_leave_the_newest_one_whole(void **state)
{
    (void)state;
    pthread_t threads[WORKERS];
    for (size_t i = 0; i < EACH; i++) {
        for (size_t j = 0; j < WORKERS; j++) {
            many[j][i] = notice_of(0, 100 + i * WORKERS + j);
        }
    }
    for (size_t j = 0; j < WORKERS; j++) {
        assert_int_equal(pthread_create(&threads[j], NULL, work, many[j]), 0);
    }
    for (size_t j = 0; j < WORKERS; j++) {
        void *end = NULL;
        assert_int_equal(pthread_join(threads[j], &end), 0);
        assert_ptr_equal(end, many[j]);
    }
    kc_told_load(&told, &place, &chain);
    expect_held(&many[WORKERS - 1][EACH - 1], 100 + EACH * WORKERS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_one_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_elses_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_old_key_told_counts_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_damaged_counts_as_none, setup, teardown),
        cmocka_unit_test_setup_teardown(workers_that_ask_at_once_leave_the_newest_one_whole, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("vendor: what the bank tells machines", tests, NULL, NULL);
}
