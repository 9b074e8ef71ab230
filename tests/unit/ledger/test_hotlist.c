/* Question: which purses does the bank name as out of use: all that could still harm anybody, those first from whom harm is to be
 * feared, and none for longer than what it signs counts? */
#include "expect.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "ledger/inside.h"

#define MOST 8u
/* How long what a purse of these tests signs counts, from the start. */
#define LIFE_MS (WORLD_ACCOUNT_MS + WORLD_SETTLE_MS)

/* What one look at the list gave. */
struct look {
    uint64_t purses[MOST];
    size_t count;
    bool complete;
};

static struct look between(struct world *world, uint64_t after, uint64_t upto, size_t max)
{
    struct look out = {.count = 0};
    EXPECT(
        kc_ledger_hotlist(out.purses, &out.count, &out.complete, &world->ledger, after, upto, max),
        KC_OK);
    return out;
}

static struct look all(struct world *world)
{
    struct look out = between(world, 0, UINT64_MAX, MOST);
    assert_true(out.complete);
    return out;
}

static bool has(const struct look *look, const struct toy *toy)
{
    for (size_t i = 0; i < look->count; i++) {
        if (look->purses[i] == toy->purse.number) {
            return true;
        }
    }
    return false;
}

static void put_out(struct world *world, const struct toy *toy, enum kc_error reason)
{
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_purse_row row = world_purse(world, toy->purse);
    EXPECT(kc_ledger_put_out(&world->ledger, &row, reason), KC_OK);
    EXPECT(kc_ledger_save_purse(&world->ledger, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* shows: R-SEC-4 */
static void a_number_is_left_out_when_nothing_it_signs_counts(void **state)
{
    struct world *world = *state;
    struct toy toys[4];
    struct look look;
    for (unsigned i = 0; i < 4; i++) {
        begin(&toys[i], world, i);
    }
    put_out(world, &toys[0], KC_REPORTED_LOST);
    look = all(world);
    assert_true(look.count == 1 && has(&look, &toys[0]));
    /* On the last moment that it counts, it is listed yet. */
    world->now_ms = WORLD_START_MS + LIFE_MS;
    put_out(world, &toys[1], KC_COPIED_OR_RESTORED);
    look = all(world);
    assert_true(look.count == 2 && has(&look, &toys[0]) && has(&look, &toys[1]));
    /* Time alone changes nothing: what was signed for a version is what is signed again. */
    world->now_ms += LIFE_MS;
    look = all(world);
    assert_int_equal(look.count, 2);
    /* With the next one listed, whoever is past goes, and he himself is past as well. */
    world->now_ms = WORLD_START_MS + LIFE_MS + 1;
    put_out(world, &toys[2], KC_REPORTED_LOST);
    look = all(world);
    assert_int_equal(look.count, 0);
    assert_int_equal(world->ledger.hotlist_version, 3);
    /* As it stood before that one, for whoever signs that version yet. */
    look = between(world, 0, 2, MOST);
    assert_true(look.complete && look.count == 2);
    look = between(world, 1, 2, MOST);
    assert_true(look.complete && look.count == 1 && has(&look, &toys[1]));
    /* The books keep all of them. */
    char first[160];
    uint64_t faults = 1;
    EXPECT(world_audit(world, &faults, first), KC_OK);
    assert_int_equal(faults, 0);
}

static void put_renewal(struct world *world, const struct toy *toy, enum kc_renewal_state state,
                        uint64_t old_expires_ms, uint64_t expires_ms)
{
    const struct kc_purse_key_row old = keys_of(toy, 'a');
    const struct kc_purse_key_row keys = keys_of(toy, 'b');
    struct kc_renewal_row row = {.purse = toy->purse,
                                 .number = 1,
                                 .account = toy->account,
                                 .state = state,
                                 .asked_ms = world->now_ms,
                                 .old_expires_ms = old_expires_ms,
                                 .expires_ms = expires_ms,
                                 .old_sign_size = old.sign_size,
                                 .sign_size = keys.sign_size,
                                 .encrypt_size = keys.encrypt_size};
    memcpy(row.old_signer, old.signer, KC_SIGNER_SIZE);
    memcpy(row.signer, keys.signer, KC_SIGNER_SIZE);
    memcpy(row.old_sign_key, old.sign_key, old.sign_size);
    memcpy(row.sign_key, keys.sign_key, keys.sign_size);
    memcpy(row.encrypt_key, keys.encrypt_key, keys.encrypt_size);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(world->store.renewal_put(world->store.context, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* All of its identities count, also one that it never confirmed, and one before that.
 * shows: R-SEC-4 */
static void the_last_identity_of_a_purse_decides(void **state)
{
    struct world *world = *state;
    struct toy asked;
    struct toy older;
    struct toy plain;
    struct toy late;
    struct look look;
    begin(&asked, world, 1);
    begin(&older, world, 2);
    begin(&plain, world, 3);
    begin(&late, world, 4);
    uint64_t ends_ms = WORLD_START_MS + WORLD_ACCOUNT_MS;
    put_renewal(world, &asked, KC_RENEWAL_ASKED, ends_ms, ends_ms + 1000);
    put_renewal(world, &older, KC_RENEWAL_DONE, ends_ms + 1000, ends_ms);
    put_out(world, &asked, KC_REPORTED_LOST);
    put_out(world, &older, KC_REPORTED_LOST);
    put_out(world, &plain, KC_REPORTED_LOST);
    world->now_ms = WORLD_START_MS + LIFE_MS + 1000;
    put_out(world, &late, KC_REPORTED_LOST);
    look = all(world);
    assert_true(look.count == 2 && has(&look, &asked) && has(&look, &older));
}

/* Without kept keys a card lives as long as its account; of what nothing is known, nothing is left out.
 * shows: R-SEC-4 */
static void without_keys_the_account_decides(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy stray;
    struct toy other;
    struct look look;
    toy_rich(&card, world, 1, 0, 0);
    toy_rich(&stray, world, 2, 0, 0);
    toy_rich(&other, world, 3, 0, 0);
    put_out(world, &card, KC_REPORTED_LOST);
    put_out(world, &stray, KC_REPORTED_LOST);
    world->now_ms = WORLD_START_MS + LIFE_MS;
    put_out(world, &other, KC_REPORTED_LOST);
    look = all(world);
    assert_int_equal(look.count, 3);
    world_close(world);
    assert_true(world_plant(world, "UPDATE hotlist SET time = time + 1 WHERE version = 3"));
    assert_true(world_plant(world,
                            "UPDATE accounts SET expires = 0 WHERE account ="
                            " (SELECT account FROM purses ORDER BY purse LIMIT 1 OFFSET 1)"));
    EXPECT(world_open(world), KC_OK);
    look = all(world);
    assert_true(look.count == 1 && has(&look, &stray));
}

/* shows: R-SEC-4 */
static void whoever_gave_a_purse_up_stands_behind_the_others(void **state)
{
    static const enum kc_error reasons[] = {KC_REPORTED_LOST, KC_CLOSED, KC_COPIED_OR_RESTORED,
                                            KC_KEY_RENEWED, KC_OVERSPENT};
    static const size_t order[] = {4, 2, 0, 3, 1};
    struct world *world = *state;
    struct toy toys[5];
    for (unsigned i = 0; i < 5; i++) {
        begin(&toys[i], world, i);
        put_out(world, &toys[i], reasons[i]);
    }
    for (size_t max = 0; max <= 5; max++) {
        struct look look = between(world, 0, UINT64_MAX, max);
        assert_int_equal(look.count, max);
        assert_int_equal(look.complete, max == 5);
        for (size_t i = 0; i < max; i++) {
            assert_int_equal(look.purses[i], toys[order[i]].purse.number);
        }
    }
    /* A proof against one that was given up brings it to the front. */
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_purse_row row = world_purse(world, toys[1].purse);
    EXPECT(kc_ledger_put_out(&world->ledger, &row, KC_OVERSPENT), KC_OK);
    EXPECT(kc_ledger_save_purse(&world->ledger, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(world->ledger.hotlist_version, 5);
    struct look look = between(world, 0, UINT64_MAX, 4);
    assert_true(look.count == 4 && has(&look, &toys[1]) && !has(&look, &toys[3]));
}

/* So many that have ended stand before the one that counts, and one more.
 * shows: R-SEC-4 */
static void no_more_than_a_bound_is_looked_at(void **state)
{
    struct world *world = *state;
    struct toy toy;
    char sql[512];
    begin(&toy, world, 1);
    put_out(world, &toy, KC_REPORTED_LOST);
    for (unsigned extra = 0; extra < 2; extra++) {
        unsigned first = extra == 0 ? 2 : KC_LEDGER_LISTED_MAX + 1;
        unsigned last = KC_LEDGER_LISTED_MAX + extra;
        world_close(world);
        (void)snprintf(
            sql, sizeof sql,
            "WITH RECURSIVE n(i) AS (SELECT %u UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
            " INSERT INTO hotlist SELECT i, i, %llu FROM n;"
            "INSERT INTO purse_keys SELECT purse, 1, CAST(purse AS BLOB), 1, x'00', x'00', x''"
            " FROM hotlist WHERE version BETWEEN %u AND %u",
            first, last, (unsigned long long)world->now_ms, first, last);
        assert_true(world_plant(world, sql));
        EXPECT(world_open(world), KC_OK);
        struct look look = between(world, 0, UINT64_MAX, MOST);
        assert_int_equal(look.complete, extra == 0);
        assert_int_equal(look.count, extra == 0 ? 1 : 0);
    }
    world_close(world);
    assert_true(world_plant(world, "DELETE FROM purse_keys WHERE purse IN"
                                   " (SELECT purse FROM hotlist WHERE version > 1);"
                                   "DELETE FROM hotlist WHERE version > 1"));
    EXPECT(world_open(world), KC_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_number_is_left_out_when_nothing_it_signs_counts),
        TEST(the_last_identity_of_a_purse_decides),
        TEST(without_keys_the_account_decides),
        TEST(whoever_gave_a_purse_up_stands_behind_the_others),
        TEST(no_more_than_a_bound_is_looked_at),
    };
    return cmocka_run_group_tests_name("ledger: who is listed as out of use", tests, NULL, NULL);
}
