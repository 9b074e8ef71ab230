/* Question: is of a card without keys never more booked than was loaded on it, is a copy found, and does nobody but its taker
 * lose, whoever reports first? */
#include "exchange.h"
#include "expect.h"

#include <string.h>

#include "ledger/inside.h"

/* Makes a purse the card of the tests, as the bank has it. */
static void make_card_of(struct toy *card, struct world *world, unsigned n, uint64_t loaded)
{
    struct kc_certified certified;
    struct kc_account_row account;
    const struct kc_store *store = world->ledger.store;
    toy_rich(card, world, n, 0, loaded);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_purse_row row = world_purse(world, card->purse);
    EXPECT(store->account_get(store->context, &account, card->account.number), KC_OK);
    row.type = KC_PURSE_TYPE_BEARER;
    account.type = KC_PURSE_TYPE_BEARER;
    EXPECT(store->account_put(store->context, &account), KC_OK);
    EXPECT(kc_ledger_certify(&certified, &world->ledger, &account, &row), KC_OK);
    EXPECT(store->purse_put(store->context, &row), KC_OK);
    account.type = KC_PURSE_TYPE_BEARER;
    EXPECT(store->account_put(store->context, &account), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    card->received = 0;
}

static void make_card(struct toy *card, struct world *world, unsigned n)
{
    make_card_of(card, world, n, 100);
}

static void three(struct world *world, struct toy *card, struct toy *a, struct toy *b)
{
    make_card(card, world, 3);
    toy_rich(a, world, 1, 900, 0);
    toy_rich(b, world, 2, 900, 0);
}

static enum kc_purse_standing standing(struct world *world, const struct toy *toy)
{
    return world_purse(world, toy->purse).state;
}

/* shows: R-DATA-3 R-NODE-8 R-XCHG-10 */
static void takers_are_booked_up_to_what_was_loaded(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy a;
    struct toy b;
    three(world, &card, &a, &b);
    (void)toy_exchange(&card, &a, world, 60);
    (void)toy_exchange(&card, &b, world, 40);
    EXPECT(toy_report_all(&b, world), KC_OK);
    EXPECT(toy_report_all(&a, world), KC_OK);
    assert_int_equal(world_signed_shadow(world, card.purse), 0);
    assert_int_equal(world_signed_shadow(world, a.purse), 60);
    assert_int_equal(world_signed_shadow(world, b.purse), 40);
    assert_int_equal(standing(world, &card), KC_PURSE_ACTIVE);
    assert_int_equal(alerts(world), 0);
    expect_clean(world);
}

/* shows: R-NODE-8 */
static void what_a_copy_paid_beyond_that_is_the_takers_loss(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy copy;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    three(world, &card, &a, &b);
    copy = card;
    (void)toy_exchange(&card, &a, world, 70);
    (void)toy_exchange(&copy, &b, world, 60);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 0);
    EXPECT(toy_report(&b, world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(reply.settled.objections[0].reason, KC_CARD_EXHAUSTED);
    assert_int_equal(b.value, 0);
    assert_int_equal(world_signed_shadow(world, card.purse), 30);
    assert_int_equal(world_signed_shadow(world, a.purse), 70);
    assert_int_equal(world_signed_shadow(world, b.purse), 0);
    /* The card is out of use and nobody else is. */
    assert_int_equal(standing(world, &card), KC_PURSE_OUT);
    assert_int_equal(standing(world, &a), KC_PURSE_ACTIVE);
    assert_int_equal(standing(world, &b), KC_PURSE_ACTIVE);
    assert_int_equal(world->ledger.hotlist_version, 1);
    expect_clean(world);
}

/* Whoever shows an order of its own making, of a card that was never loaded, has nothing booked, whatever it says. */
/* shows: R-NODE-8 R-XCHG-7 */
static void a_card_that_was_never_loaded_pays_nobody(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy a;
    struct toy_reply reply;
    make_card_of(&card, world, 3, 0);
    toy_rich(&a, world, 1, 900, 0);
    card.value = 50;
    (void)toy_exchange(&card, &a, world, 50);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(reply.settled.objections[0].reason, KC_CARD_EXHAUSTED);
    assert_int_equal(world_signed_shadow(world, card.purse), 0);
    assert_int_equal(world_signed_shadow(world, a.purse), 0);
    assert_int_equal(a.value, 0);
    assert_int_equal(standing(world, &a), KC_PURSE_ACTIVE);
    expect_clean(world);
}

/* It has as much again at the end, but had not in between: its entries must be counted on all the same. */
/* shows: R-NODE-8 R-XCHG-9 */
static void a_taker_that_spent_it_and_earned_again_goes_on(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy copy;
    struct toy a;
    struct toy b;
    struct toy_reply reply;
    three(world, &card, &a, &b);
    copy = card;
    (void)toy_exchange(&card, &a, world, 70);
    (void)toy_exchange(&copy, &b, world, 60);
    (void)toy_exchange(&b, &a, world, 20);
    (void)toy_exchange(&a, &b, world, 30);
    EXPECT(toy_report(&a, world, &reply), KC_OK);
    EXPECT(toy_report(&b, world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(reply.settled.objections[0].reason, KC_CARD_EXHAUSTED);
    assert_int_equal(b.value, 10);
    assert_int_equal(world_signed_shadow(world, b.purse), 10);
    assert_int_equal(world_signed_shadow(world, a.purse), 60);
    expect_clean(world);
    (void)toy_exchange(&b, &a, world, 10);
    EXPECT(toy_report(&b, world, &reply), KC_OK);
    assert_int_equal(world_signed_shadow(world, b.purse), 0);
    expect_clean(world);
}

/* A taker that spent it meanwhile owes it: value is moved, and none is made. */
static void a_taker_that_spent_it_owes_it(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy copy;
    struct toy a;
    struct toy b;
    three(world, &card, &a, &b);
    copy = card;
    (void)toy_exchange(&card, &a, world, 70);
    (void)toy_exchange(&copy, &b, world, 60);
    (void)toy_exchange(&b, &a, world, 60);
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(toy_report_all(&b, world), KC_OK);
    assert_int_equal(world_signed_shadow(world, a.purse), 130);
    assert_int_equal(standing(world, &b), KC_PURSE_ACTIVE);
    assert_int_equal(standing(world, &a), KC_PURSE_ACTIVE);
    assert_int_equal(standing(world, &card), KC_PURSE_OUT);
    /* From its account, which had 900. */
    assert_int_equal(kc_amount_minor(world_purse(world, b.purse).claimed), 60);
    assert_int_equal(world_signed_shadow(world, b.purse), 0);
    expect_clean(world);
}

/* Two orders with one counter, within what was loaded: both takers are paid, the card is found out. */
static void a_copy_is_found_by_its_counters(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy copy;
    struct toy a;
    struct toy b;
    three(world, &card, &a, &b);
    copy = card;
    (void)toy_exchange(&card, &a, world, 30);
    (void)toy_exchange(&copy, &b, world, 40);
    EXPECT(toy_report_all(&a, world), KC_OK);
    assert_int_equal(standing(world, &card), KC_PURSE_ACTIVE);
    EXPECT(toy_report_all(&b, world), KC_OK);
    assert_int_equal(standing(world, &card), KC_PURSE_OUT);
    assert_int_equal(world_signed_shadow(world, card.purse), 30);
    assert_int_equal(b.value, 40);
    assert_int_equal(alerts(world), 1);
    expect_clean(world);
}

/* The same by totals: the second order does not know what the first one paid. */
static void a_copy_is_found_by_its_totals(void **state)
{
    struct world *world = *state;
    for (unsigned later = 0; later < 2; later++) {
        struct toy card;
        struct toy copy;
        struct toy a;
        struct toy b;
        make_card(&card, world, 10 + 3 * later);
        toy_rich(&a, world, 11 + 3 * later, 900, 0);
        toy_rich(&b, world, 12 + 3 * later, 900, 0);
        copy = card;
        (void)toy_exchange(&card, &a, world, 30);
        copy.counter = 1;
        (void)toy_exchange(&copy, &b, world, 10);
        EXPECT(toy_report_all(later == 0 ? &a : &b, world), KC_OK);
        assert_int_equal(standing(world, &card), KC_PURSE_ACTIVE);
        EXPECT(toy_report_all(later == 0 ? &b : &a, world), KC_OK);
        assert_int_equal(standing(world, &card), KC_PURSE_OUT);
        assert_int_equal(world_signed_shadow(world, card.purse), 60);
    }
    expect_clean(world);
}

/* A refused payment moves nothing, and what the card does next follows. */
static void what_a_taker_refused_moves_nothing(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy a;
    struct toy b;
    three(world, &card, &a, &b);
    struct toy_order order = toy_pay(&card, world, &a, 60);
    struct toy_word word = toy_refuse(&a, world, &order);
    toy_hear(&card, world, &order, &word);
    (void)toy_exchange(&card, &b, world, 100);
    EXPECT(toy_report_all(&b, world), KC_OK);
    EXPECT(toy_report_all(&a, world), KC_OK);
    assert_int_equal(world_signed_shadow(world, card.purse), 0);
    assert_int_equal(world_signed_shadow(world, b.purse), 100);
    assert_int_equal(standing(world, &card), KC_PURSE_ACTIVE);
    assert_int_equal(alerts(world), 0);
    expect_clean(world);
}

/* shows: R-DATA-8 */
static void what_the_bank_says_of_a_card_is_what_was_loaded(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct toy a;
    struct toy b;
    struct kc_certified certified;
    three(world, &card, &a, &b);
    (void)toy_exchange(&card, &a, world, 60);
    EXPECT(toy_report_all(&a, world), KC_OK);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_card(&certified, &world->ledger, card.purse), KC_OK);
    assert_int_equal(kc_amount_minor(certified.purse_amount), 100);
    assert_int_equal(certified.counter, 0);
    assert_int_equal(certified.purse_type, KC_PURSE_TYPE_BEARER);
    EXPECT(kc_ledger_card(&certified, &world->ledger, a.purse), KC_NOT_ALLOWED);
    EXPECT(kc_ledger_card(&certified, &world->ledger, kc_purse_nth(99999)), KC_UNKNOWN_PURSE);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    expect_clean(world);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takers_are_booked_up_to_what_was_loaded),
        TEST(what_a_copy_paid_beyond_that_is_the_takers_loss),
        TEST(a_card_that_was_never_loaded_pays_nobody),
        TEST(a_taker_that_spent_it_and_earned_again_goes_on),
        TEST(a_taker_that_spent_it_owes_it),
        TEST(a_copy_is_found_by_its_counters),
        TEST(a_copy_is_found_by_its_totals),
        TEST(what_a_taker_refused_moves_nothing),
        TEST(what_the_bank_says_of_a_card_is_what_was_loaded),
    };
    return cmocka_run_group_tests_name("bearer", tests, NULL, NULL);
}
