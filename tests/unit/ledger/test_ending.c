/* Question: is what the authority has not revoked yet remembered until it said so, of each pair that a purse out of use may have,
 * and asked for ever more seldom; and does it end once it did, or knows none of it? */
#include "keys.h"

#include "ledger/inside.h"

#define FIRST_MS 2000u
#define MOST_MS 600000u

/* The rows that are due. */
static size_t due(struct kc_ending_row *out, struct world *world)
{
    size_t count = 0;
    EXPECT(kc_ledger_endings_due(out, &count, 2, &world->ledger, world->now_ms), KC_OK);
    return count;
}

static bool is_due(struct world *world)
{
    struct kc_ending_row rows[2];
    return due(rows, world) > 0;
}

static void tell(struct world *world, const struct kc_ending_row *asked, enum kc_error answer)
{
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_ending_told(&world->ledger, asked, answer), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

static struct kc_ending_row row_of(struct world *world, const struct toy *toy)
{
    struct kc_ending_row row;
    EXPECT(world->store.ending_get(world->store.context, &row, toy->purse.number), KC_OK);
    return row;
}

static uint64_t owed(struct world *world)
{
    uint64_t count = 99;
    EXPECT(kc_ledger_endings_owed(&count, &world->store), KC_OK);
    return count;
}

static void certify(struct world *world, struct kc_renewal_row *row)
{
    name_certified(row);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_renew_certified(&world->ledger, row), KC_PURSE_BLOCKED);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* shows: R-SEC-4 R-RENEW-5 */
static void a_lost_purse_is_asked_for_until_the_authority_says_yes(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_ending_row rows[2];
    begin(&toy, world, 1);
    assert_false(is_due(world));
    toy_lose(&toy, world);
    uint64_t lost_ms = world->now_ms;
    uint64_t booked = postings(world);
    /* Whoever reported it asks at once. */
    assert_false(is_due(world));
    assert_int_equal(owed(world), 1);
    world->now_ms += FIRST_MS;
    uint64_t wait_ms = FIRST_MS;
    for (unsigned i = 0; i < 70; i++) {
        assert_int_equal(due(rows, world), 1);
        assert_int_equal(rows[0].purse.number, toy.purse.number);
        assert_int_equal(rows[0].account.number, toy.account.number);
        assert_int_equal(rows[0].owed_ms, lost_ms);
        assert_int_equal(rows[0].tries, i);
        tell(world, &rows[0], KC_AUTHORITY_DOWN);
        world->now_ms += wait_ms - 1;
        assert_false(is_due(world));
        world->now_ms += 1;
        wait_ms = 2 * wait_ms > MOST_MS ? MOST_MS : 2 * wait_ms;
    }
    assert_int_equal(row_of(world, &toy).reason, KC_AUTHORITY_DOWN);
    assert_int_equal(due(rows, world), 1);
    tell(world, &rows[0], KC_OK);
    const struct kc_ending_row ended = row_of(world, &toy);
    assert_int_equal(ended.ended_ms, world->now_ms);
    assert_int_equal(ended.reason, KC_OK);
    assert_int_equal(owed(world), 0);
    /* Reported again, and told again: there is nothing more to do. */
    world->now_ms += FIRST_MS;
    toy_lose(&toy, world);
    tell(world, &rows[0], KC_AUTHORITY_DOWN);
    world->now_ms += WORLD_ACCOUNT_MS;
    assert_false(is_due(world));
    assert_int_equal(row_of(world, &toy).ended_ms, ended.ended_ms);
    assert_int_equal(postings(world), booked);
    expect_clean(world);
}

/* shows: R-SEC-4 R-RENEW-5 */
static void a_pair_that_was_certified_too_late_is_owed_at_once(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_ending_row rows[2];
    struct kc_ending_row later[2];
    struct kc_renewal_row renewal;
    begin(&toy, world, 1);
    EXPECT(ask(&renewal, &toy, world, 'b'), KC_OK);
    toy_lose(&toy, world);
    uint64_t lost_ms = world->now_ms;
    world->now_ms += FIRST_MS;
    assert_int_equal(due(rows, world), 1);
    /* The authority is asked, and makes the pair only then: its answer says nothing of that. */
    certify(world, &renewal);
    tell(world, &rows[0], KC_OK);
    assert_int_equal(due(later, world), 1);
    assert_int_equal(later[0].owed_ms, lost_ms);
    assert_int_equal(later[0].number, rows[0].number + 1);
    tell(world, &later[0], KC_OK);
    assert_int_equal(owed(world), 0);
    /* And one that comes when all had ended. */
    world->now_ms += 5000;
    certify(world, &renewal);
    assert_int_equal(due(rows, world), 1);
    assert_int_equal(rows[0].owed_ms, world->now_ms);
    expect_clean(world);
}

/* shows: R-SEC-4 */
static void what_the_authority_does_not_know_is_asked_for_once_a_report(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_ending_row rows[2];
    begin(&toy, world, 1);
    toy_lose(&toy, world);
    world->now_ms += FIRST_MS;
    assert_int_equal(due(rows, world), 1);
    tell(world, &rows[0], KC_NOT_FOUND);
    world->now_ms += WORLD_ACCOUNT_MS;
    assert_false(is_due(world));
    assert_int_equal(owed(world), 0);
    assert_int_equal(row_of(world, &toy).reason, KC_NOT_FOUND);
    /* Reported again: once more. */
    toy_lose(&toy, world);
    world->now_ms += FIRST_MS;
    assert_int_equal(due(rows, world), 1);
    assert_int_equal(rows[0].number, 2);
    assert_int_equal(rows[0].owed_ms, world->now_ms - FIRST_MS);
    tell(world, &rows[0], KC_OK);
    assert_int_equal(row_of(world, &toy).reason, KC_OK);
    assert_int_equal(owed(world), 0);
}

/* Bounded rounds: nobody who was put off stands before those who were not asked yet. */
static void who_waits_longest_is_asked_first(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct kc_ending_row rows[2];
    for (unsigned i = 0; i < 3; i++) {
        begin(&toys[i], world, i);
        toy_lose(&toys[i], world);
        world->now_ms += 1;
    }
    world->now_ms += FIRST_MS;
    assert_int_equal(due(rows, world), 2);
    assert_int_equal(rows[0].purse.number, toys[0].purse.number);
    assert_int_equal(rows[1].purse.number, toys[1].purse.number);
    tell(world, &rows[0], KC_TIMEOUT);
    tell(world, &rows[1], KC_TIMEOUT);
    assert_int_equal(due(rows, world), 1);
    assert_int_equal(rows[0].purse.number, toys[2].purse.number);
    assert_int_equal(owed(world), 3);
}

/* What was put off by a clock that was a year ahead is not put off for a year. */
static void a_clock_that_was_ahead_puts_nothing_off(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct kc_ending_row rows[2];
    size_t count = 9;
    for (unsigned i = 0; i < 3; i++) {
        begin(&toys[i], world, i);
    }
    uint64_t right_ms = world->now_ms;
    world->now_ms += WORLD_ACCOUNT_MS / 2;
    toy_lose(&toys[0], world);
    world->now_ms = right_ms;
    toy_lose(&toys[1], world);
    world->now_ms += FIRST_MS;
    assert_int_equal(due(rows, world), 1);
    tell(world, &rows[0], KC_OK);
    assert_false(is_due(world));
    EXPECT(kc_ledger_endings_ahead(rows, &count, 2, &world->ledger, world->now_ms), KC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].purse.number, toys[0].purse.number);
    /* Asked then, it goes on by the right clock. */
    tell(world, &rows[0], KC_AUTHORITY_DOWN);
    EXPECT(kc_ledger_endings_ahead(rows, &count, 2, &world->ledger, world->now_ms), KC_OK);
    assert_int_equal(count, 0);
    world->now_ms += FIRST_MS;
    assert_int_equal(due(rows, world), 1);
    /* What waits as long as anything does, and what has ended, is none of them. */
    toy_lose(&toys[2], world);
    for (unsigned i = 0; i < 20; i++) {
        tell(world, &rows[0], KC_AUTHORITY_DOWN);
    }
    assert_int_equal(row_of(world, &toys[0]).act_ms, world->now_ms + MOST_MS);
    EXPECT(kc_ledger_endings_ahead(rows, &count, 2, &world->ledger, world->now_ms), KC_OK);
    assert_int_equal(count, 0);
}

static void what_was_not_committed_is_not_owed(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct world_letter letter;
    struct kc_ending_row row;
    begin(&toy, world, 1);
    const struct kc_lost_request request = {.account = toy.account, .purse = toy.purse};
    world_write(&letter, world, "lost", 9, 9);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_lost(&world->ledger, &request, &letter.source), KC_OK);
    world->ledger.broken = KC_DISK_FULL;
    EXPECT(kc_ledger_commit(&world->ledger), KC_DISK_FULL);
    EXPECT(world->store.ending_get(world->store.context, &row, toy.purse.number), KC_NOT_FOUND);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lost_purse_is_asked_for_until_the_authority_says_yes),
        TEST(a_pair_that_was_certified_too_late_is_owed_at_once),
        TEST(what_the_authority_does_not_know_is_asked_for_once_a_report),
        TEST(who_waits_longest_is_asked_first),
        TEST(a_clock_that_was_ahead_puts_nothing_off),
        TEST(what_was_not_committed_is_not_owed),
    };
    return cmocka_run_group_tests_name("ledger: certificates of purses out of use", tests, NULL,
                                       NULL);
}
