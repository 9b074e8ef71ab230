/* Question: does an account come to life only when it is confirmed in time, once, and under one
 * number? */
#include "expect.h"

#include <stdio.h>
#include <string.h>

static struct kc_result open_once(struct world *world, struct kc_ledger_opened *out,
                                  const struct kc_open_request *request)
{
    struct world_letter letter;
    world_write(&letter, world, "open", kc_be32_load(request->id), request->time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_open_account(out, &world->ledger, request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result confirm(struct world *world, struct kc_certified *out,
                                const struct kc_ledger_opened *opened, uint8_t digest_byte)
{
    uint8_t digest[KC_DIGEST_SIZE] = {digest_byte};
    struct world_letter letter;
    const struct kc_confirm_request request = {
        .account = opened->account, .purse = opened->purse, .time_ms = world->now_ms};
    world_write(&letter, world, "confirm", digest_byte, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_confirm_account(out, &world->ledger, &request, digest, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result cancel(struct world *world, const struct kc_ledger_opened *opened)
{
    struct world_letter letter;
    const struct kc_cancel_request request = {
        .account = opened->account, .purse = opened->purse, .time_ms = world->now_ms};
    world_write(&letter, world, "cancel", 0, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_cancel_account(&world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_account_row account_of(struct world *world, struct kc_account_id account)
{
    struct kc_account_row row;
    EXPECT(world->store.account_get(world->store.context, &row, account.number), KC_OK);
    return row;
}

static struct kc_purse_row purse_of(struct world *world, struct kc_purse_id purse)
{
    struct kc_purse_row row;
    EXPECT(world->store.purse_get(world->store.context, &row, purse.number), KC_OK);
    return row;
}

/* shows: R-OPEN-2 */
static void a_temporary_account_has_number_and_expiry(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    assert_true(kc_number_checks(opened.account.number));
    assert_true(kc_number_checks(opened.purse.number));
    assert_int_not_equal(opened.account.number, opened.purse.number);
    assert_int_equal(opened.temporary_until_ms, WORLD_START_MS + WORLD_TEMPORARY_MS);
    assert_int_equal(opened.expires_ms, WORLD_START_MS + WORLD_ACCOUNT_MS);
    struct kc_account_row row = account_of(world, opened.account);
    assert_int_equal(row.state, KC_ACCOUNT_TEMPORARY);
    assert_string_equal(row.name, "Hanako Example");
    assert_string_equal(row.bank_account, "0001-1234567");
    assert_int_equal(purse_of(world, opened.purse).state, KC_PURSE_WAITING);
}

/* shows: R-OPEN-2 */
static void the_same_id_gives_the_same_account(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened first;
    struct kc_ledger_opened again;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &first, &request), KC_OK);
    world->now_ms += 5000;
    EXPECT(open_once(world, &again, &request), KC_OK);
    assert_memory_equal(&first, &again, sizeof first);
    request.phone = kc_view_text("+81 3 9999 9999");
    EXPECT(open_once(world, &again, &request), KC_MISMATCH);
    request = world_application(2);
    EXPECT(open_once(world, &again, &request), KC_OK);
    assert_int_not_equal(first.account.number, again.account.number);
    assert_int_not_equal(first.purse.number, again.purse.number);
}

/* As it is signed; the bytes between the members of a struct are nobody's. */
static void assert_same_certified(const struct kc_certified *a, const struct kc_certified *b)
{
    uint8_t bytes[2][KC_RECORD_SIZE_MAX];
    struct kc_buffer encoded[2] = {KC_BUFFER(bytes[0]), KC_BUFFER(bytes[1])};
    EXPECT(kc_shape_encode(&encoded[0], &kc_certified_shape, a), KC_OK);
    EXPECT(kc_shape_encode(&encoded[1], &kc_certified_shape, b), KC_OK);
    assert_true(kc_view_equal(kc_buffer_view(&encoded[0]), kc_buffer_view(&encoded[1])));
}

/* shows: R-NODE-1 R-DATA-2 */
static void confirmation_makes_it_permanent_with_a_first_certified_value(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_certified certified;
    struct kc_certified again;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    EXPECT(confirm(world, &certified, &opened, 9), KC_OK);
    assert_int_equal(account_of(world, opened.account).state, KC_ACCOUNT_OPEN);
    assert_int_equal(purse_of(world, opened.purse).state, KC_PURSE_ACTIVE);
    assert_int_equal(certified.bank, 7);
    assert_int_equal(certified.account.number, opened.account.number);
    assert_int_equal(certified.purse.number, opened.purse.number);
    assert_int_equal(certified.sequence, 1);
    assert_int_equal(kc_amount_minor(certified.account_amount), 0);
    assert_int_equal(kc_amount_minor(certified.purse_amount), 0);
    world->now_ms += WORLD_TEMPORARY_MS * 2;
    EXPECT(confirm(world, &again, &opened, 9), KC_OK);
    assert_same_certified(&certified, &again);
    EXPECT(confirm(world, &again, &opened, 8), KC_ALREADY_EXISTS);
    assert_int_equal(account_of(world, opened.account).state, KC_ACCOUNT_OPEN);
}

/* shows: R-OPEN-5 */
static void an_open_account_can_be_given_up_until_its_purse_speaks(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_certified certified;
    struct toy toy;
    struct toy_reply reply;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    EXPECT(confirm(world, &certified, &opened, 9), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    assert_int_equal(account_of(world, opened.account).state, KC_ACCOUNT_LAPSED);
    assert_int_equal(purse_of(world, opened.purse).state, KC_PURSE_OUT);
    EXPECT(confirm(world, &certified, &opened, 9), KC_ACCOUNT_EXPIRED);
    EXPECT(toy_open(&toy, world, 2), KC_OK);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 5, &reply), KC_OK);
    opened.account = toy.account;
    opened.purse = toy.purse;
    EXPECT(cancel(world, &opened), KC_NOT_ALLOWED);
    assert_int_equal(account_of(world, opened.account).state, KC_ACCOUNT_OPEN);
}

static void an_unknown_or_foreign_pair_is_refused(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened one;
    struct kc_ledger_opened two;
    struct kc_certified certified;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &one, &request), KC_OK);
    request = world_application(2);
    EXPECT(open_once(world, &two, &request), KC_OK);
    const struct kc_ledger_opened mixed = {.account = one.account, .purse = two.purse};
    EXPECT(confirm(world, &certified, &mixed, 1), KC_UNKNOWN_ACCOUNT);
    EXPECT(cancel(world, &mixed), KC_UNKNOWN_ACCOUNT);
    const struct kc_ledger_opened nobody = {.account = kc_account_nth(5), .purse = one.purse};
    EXPECT(confirm(world, &certified, &nobody, 1), KC_UNKNOWN_ACCOUNT);
    assert_int_equal(account_of(world, one.account).state, KC_ACCOUNT_TEMPORARY);
}

/* shows: R-OPEN-2 */
static void a_temporary_account_lapses(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_ledger_opened later;
    struct kc_certified certified;
    size_t count = 99;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    world->now_ms = opened.temporary_until_ms;
    request = world_application(2);
    EXPECT(open_once(world, &later, &request), KC_OK);
    world->now_ms += 1;
    EXPECT(confirm(world, &certified, &opened, 1), KC_ACCOUNT_EXPIRED);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_sweep(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(account_of(world, opened.account).state, KC_ACCOUNT_LAPSED);
    assert_int_equal(purse_of(world, opened.purse).state, KC_PURSE_OUT);
    assert_int_equal(account_of(world, later.account).state, KC_ACCOUNT_TEMPORARY);
    EXPECT(confirm(world, &certified, &opened, 1), KC_ACCOUNT_EXPIRED);
    EXPECT(cancel(world, &opened), KC_OK);
    EXPECT(confirm(world, &certified, &later, 1), KC_OK);
}

static void at_its_last_moment_it_can_be_confirmed(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_certified certified;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    world->now_ms = opened.temporary_until_ms;
    EXPECT(confirm(world, &certified, &opened, 1), KC_OK);
}

static void a_cancelled_account_stays_cancelled(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_ledger_opened again;
    struct kc_certified certified;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    EXPECT(cancel(world, &opened), KC_OK);
    EXPECT(confirm(world, &certified, &opened, 1), KC_ACCOUNT_EXPIRED);
    EXPECT(open_once(world, &again, &request), KC_OK);
    assert_int_equal(again.account.number, opened.account.number);
    EXPECT(confirm(world, &certified, &again, 1), KC_ACCOUNT_EXPIRED);
}

static void a_sweep_takes_all_in_bounded_parts(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    size_t total = 0;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    for (unsigned i = 0; i < 150; i++) {
        struct kc_open_request request = world_application(i);
        struct world_letter letter;
        world_write(&letter, world, "open", i, request.time_ms);
        EXPECT(kc_ledger_open_account(&opened, &world->ledger, &request, &letter.source), KC_OK);
    }
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    world->now_ms += WORLD_TEMPORARY_MS + 1;
    for (int i = 0; i < 3; i++) {
        size_t count = 0;
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_sweep(&world->ledger, &count), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
        total += count;
    }
    assert_int_equal(total, 150);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM accounts WHERE state = 3"), 150);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM purses WHERE state = 3"), 150);
}

/* Were the count of accounts set back, a new account would take the place of an old one with its money. */
static void a_number_in_use_is_not_given_again(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_ledger_opened opened;
    struct world_letter letter;
    char sql[96];
    uint64_t account = 0;
    toy_rich(&toy, world, 1, 100, 40);
    account = toy.account.number / 10;
    /* Its own number, its purse's, and the one whose purse would have its number. */
    for (uint64_t next = account - 1; next <= account + 1; next++) {
        struct kc_open_request request = world_application(2);
        world_close(world);
        (void)snprintf(sql, sizeof sql, "UPDATE totals SET next_account = %llu",
                       (unsigned long long)next);
        assert_true(world_plant(world, sql));
        EXPECT(world_open(world), KC_OK);
        world_write(&letter, world, "open", 2, request.time_ms);
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_open_account(&opened, &world->ledger, &request, &letter.source),
               KC_STORE_CORRUPT);
        EXPECT(kc_ledger_commit(&world->ledger), KC_STORE_CORRUPT);
        expect_amounts(world, &toy, 100, 40);
    }
    world_close(world);
}

static void an_account_with_money_does_not_lapse(void **state)
{
    struct world *world = *state;
    struct toy toy;
    size_t count = 0;
    toy_rich(&toy, world, 1, 100, 40);
    world_close(world);
    assert_true(world_plant(world, "UPDATE accounts SET state = 1"));
    EXPECT(world_open(world), KC_OK);
    world->now_ms += WORLD_TEMPORARY_MS + 1;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_sweep(&world->ledger, &count), KC_STORE_CORRUPT);
    EXPECT(kc_ledger_commit(&world->ledger), KC_STORE_CORRUPT);
    expect_amounts(world, &toy, 100, 40);
}

/* shows: R-OPEN-2 */
static void a_temporary_account_lapses_after_a_restart_too(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    size_t count = 0;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    world_close(world);
    world->now_ms = opened.temporary_until_ms + 1;
    EXPECT(world_open(world), KC_OK);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_sweep(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(count, 1);
    assert_int_equal(account_of(world, opened.account).state, KC_ACCOUNT_LAPSED);
}

/* shows: R-OPEN-1 */
static void only_an_open_account_identifies_its_holder(void **state)
{
    struct world *world = *state;
    struct kc_ledger_opened opened;
    struct kc_certified certified;
    struct kc_account_row row;
    struct world_letter letter;
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    for (int i = 0; i < 3; i++) {
        const struct kc_identify_request identify = {
            .account = i == 1 ? kc_account_nth(5) : opened.account, .time_ms = world->now_ms};
        static const enum kc_error expected[] = {KC_ACCOUNT_NOT_OPEN, KC_UNKNOWN_ACCOUNT, KC_OK};
        world_write(&letter, world, "identify", (unsigned)i, identify.time_ms);
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_identify_account(&row, &world->ledger, &identify, &letter.source),
               expected[i]);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
        if (i == 1) {
            EXPECT(confirm(world, &certified, &opened, 9), KC_OK);
        }
    }
    assert_string_equal(row.name, "Hanako Example");
    assert_string_equal(row.password_hash, "scrypt$hash");
}

static void what_was_opened_is_there_after_a_restart(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_ledger_opened opened;
    EXPECT(toy_open(&toy, world, 1), KC_OK);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    struct kc_open_request request = world_application(1);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    assert_int_equal(opened.account.number, toy.account.number);
    request = world_application(2);
    EXPECT(open_once(world, &opened, &request), KC_OK);
    assert_int_not_equal(opened.account.number, toy.account.number);
    assert_int_equal(account_of(world, toy.account).state, KC_ACCOUNT_OPEN);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_temporary_account_has_number_and_expiry),
        TEST(the_same_id_gives_the_same_account),
        TEST(confirmation_makes_it_permanent_with_a_first_certified_value),
        TEST(an_open_account_can_be_given_up_until_its_purse_speaks),
        TEST(an_unknown_or_foreign_pair_is_refused),
        TEST(a_temporary_account_lapses),
        TEST(at_its_last_moment_it_can_be_confirmed),
        TEST(a_cancelled_account_stays_cancelled),
        TEST(a_sweep_takes_all_in_bounded_parts),
        TEST(a_number_in_use_is_not_given_again),
        TEST(an_account_with_money_does_not_lapse),
        TEST(a_temporary_account_lapses_after_a_restart_too),
        TEST(only_an_open_account_identifies_its_holder),
        TEST(what_was_opened_is_there_after_a_restart),
    };
    return cmocka_run_group_tests_name("ledger: opening accounts", tests, NULL, NULL);
}
