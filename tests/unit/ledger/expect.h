/* What the ledger's tests compare with, by name, so that a failure can be read. Includes cmocka in
 * the order it wants. */
#ifndef KC_TESTS_EXPECT_H
#define KC_TESTS_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exchange.h"
#include "world.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))

/* Every test starts with a bank of its own. */
static inline int world_setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    *state = world;
    return world != NULL && world_make(world) ? 0 : -1;
}

/* And ends with a clean audit unless it closed the store. */
static inline int world_teardown(void **state)
{
    struct world *world = *state;
    uint64_t faults = 0;
    char first[160] = "";
    bool clean = world->store.context == NULL || world_audit(world, &faults, first).code == KC_OK;
    if (!clean) {
        print_error("audit: %s\n", first);
    }
    world_remove(world);
    free(world);
    return clean ? 0 : -1;
}

/* An open account whose electronic account holds `account` and whose purse holds `purse`. */
static inline void toy_rich(struct toy *toy, struct world *world, unsigned n, uint64_t account,
                            uint64_t purse)
{
    struct toy_reply reply;
    EXPECT(toy_open(toy, world, n), KC_OK);
    if (account + purse > 0) {
        EXPECT(toy_fund_whole(toy, world, KC_FUND_KIND_FUND, account + purse, &reply), KC_OK);
    }
    if (purse > 0) {
        EXPECT(toy_cash_whole(toy, world, KC_CASH_KIND_WITHDRAW, purse, &reply), KC_OK);
    }
}

static inline void expect_amounts(struct world *world, const struct toy *toy, uint64_t account,
                                  uint64_t purse)
{
    assert_int_equal(world_balance(world, toy->account), account);
    assert_int_equal(world_shadow(world, toy->purse), purse);
}

static inline uint64_t postings(struct world *world)
{
    return world->ledger.totals.next_posting - 1;
}

/* The books are in order. */
static inline void expect_clean(struct world *world)
{
    uint64_t faults = 0;
    char first[160];
    struct kc_result result = world_audit(world, &faults, first);
    if (kc_failed(result)) {
        print_error("audit: %s\n", first);
    }
    EXPECT(result, KC_OK);
}

/* The audit finds each of these corruptions, planted alone into a copy of the world, which is closed by this. */
static inline void expect_found(struct world *world, const char *const *plants, size_t count)
{
    world_close(world);
    for (size_t i = 0; i < count; i++) {
        struct world copy = *world;
        uint64_t faults = 0;
        char first[160] = "";
        assert_true(world_copy(&copy, world));
        if (!world_plant(&copy, plants[i])) {
            fail_msg("%s", plants[i]);
        }
        EXPECT(world_open_store(&copy), KC_OK);
        struct kc_result result = world_audit(&copy, &faults, first);
        if (result.code != KC_STORE_CORRUPT) {
            fail_msg("not found: %s", plants[i]);
        }
        world_close(&copy);
        world_unlink(&copy);
    }
}

/* Its holder reports the purse lost. */
static inline void toy_lose(const struct toy *toy, struct world *world)
{
    struct world_letter letter;
    const struct kc_lost_request lost = {
        .account = toy->account, .purse = toy->purse, .time_ms = world->now_ms};
    world_write(&letter, world, "lost", (unsigned)(toy->purse.number % 100000), lost.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_lost(&world->ledger, &lost, &letter.source), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* How many alerts there are. */
static inline uint64_t alerts(const struct world *world)
{
    return world_ask(world, "SELECT count(*) FROM alerts");
}

/* What the bank knows of an order. */
static inline struct kc_payment_row payment_of(struct world *world, const struct toy_order *order)
{
    struct kc_payment_row row;
    EXPECT(world->store.payment_get(world->store.context, &row, order->order.payer_purse.number,
                                    order->order.payer_counter, order->digest),
           KC_OK);
    return row;
}

#endif
