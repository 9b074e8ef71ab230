/* Question: does the audit pass settled payments in every state, and find every corruption of them that we plant in the
 * database? */
#include "exchange.h"
#include "expect.h"

#include <stdio.h>
#include <string.h>

enum { A, B, C, D, TOYS };

/* A deposit of A that it said OK to behind a payment that the bank had not seen. */
static void deposit_ahead(struct world *world, struct toy toys[TOYS])
{
    struct toy_message message;
    struct toy_reply reply;
    toy_cash(&message, &toys[A], world, KC_CASH_KIND_DEPOSIT, 30);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    quote.user_name = kc_view_text(reply.name);
    (void)toy_exchange(&toys[A], &toys[C], world, 2);
    toy_answer(&message, &toys[A], world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
}

/* A deposit of B that was too late, counted by a report and not given back yet. */
static void deposit_late(struct world *world, struct toy toys[TOYS])
{
    struct toy_message message;
    struct toy_reply reply;
    toy_cash(&message, &toys[B], world, KC_CASH_KIND_DEPOSIT, 3);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    quote.user_name = kc_view_text(reply.name);
    world->now_ms += 2 * WORLD_QUOTE_MS;
    toy_answer(&message, &toys[B], world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    EXPECT(toy_report(&toys[B], world, &reply), KC_OK);
}

static void fill(struct world *world)
{
    struct toy toys[TOYS];
    struct toy_reply reply;
    for (unsigned i = 0; i < TOYS; i++) {
        toy_rich(&toys[i], world, i, 1000, 100);
    }
    /* Booked and counted on both sides; refused and given back; refused before the payer speaks; declined and denied. */
    (void)toy_exchange(&toys[A], &toys[B], world, 11);
    struct toy_order order = toy_pay(&toys[A], world, &toys[B], 12);
    struct toy_word word = toy_refuse(&toys[B], world, &order);
    toy_hear(&toys[A], world, &order, &word);
    EXPECT(toy_report_all(&toys[A], world), KC_OK);
    EXPECT(toy_report_all(&toys[B], world), KC_OK);
    order = toy_pay(&toys[C], world, &toys[B], 13);
    (void)toy_refuse(&toys[B], world, &order);
    EXPECT(toy_report_all(&toys[B], world), KC_OK);
    order = toy_pay(&toys[A], world, &toys[D], 14);
    (void)toy_receive(&toys[D], world, &order);
    word = toy_moved_on(&toys[D], &order);
    EXPECT(toy_report_all(&toys[D], world), KC_OK);
    toy_hear(&toys[A], world, &order, &word);
    EXPECT(toy_report_all(&toys[A], world), KC_OK);
    /* Noted; booked and counted by one side only, each way; what shows nothing. */
    (void)toy_pay(&toys[A], world, &toys[C], 15);
    EXPECT(toy_report_all(&toys[A], world), KC_OK);
    (void)toy_exchange(&toys[A], &toys[C], world, 16);
    EXPECT(toy_report_all(&toys[A], world), KC_OK);
    (void)toy_exchange(&toys[C], &toys[B], world, 17);
    EXPECT(toy_report_all(&toys[B], world), KC_OK);
    order = toy_pay(&toys[C], world, &toys[B], 1);
    (void)toy_receive(&toys[B], world, &order);
    toy_slot_of(&toys[B], toys[B].counter)->record.objection = KC_BAD_SIGNATURE;
    EXPECT(toy_report(&toys[B], world, &reply), KC_OK);
    deposit_late(world, toys);
    deposit_ahead(world, toys);
}

static bool refuse_orders(void *owner, struct kc_view order, struct kc_account_id payer)
{
    uint64_t *asked = owner;
    *asked += 1;
    return order.size == 0 && payer.number == 0;
}

/* shows: R-SEC-1 R-XCHG-8 */
static void settled_payments_are_clean(void **state)
{
    struct world *world = *state;
    uint64_t asked = 0;
    fill(world);
    struct kc_audit audit = {.fault = NULL};
    EXPECT(kc_ledger_audit(&audit, &world->store, &world->crypto), KC_OK);
    assert_int_equal(audit.payments, 7);
    assert_int_equal(audit.records, 15);
    assert_int_equal(audit.postings, postings(world));
    for (unsigned state_of = KC_PAYMENT_NOTED; state_of <= KC_PAYMENT_REFUSED; state_of++) {
        char sql[80];
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM payments WHERE state = %u", state_of);
        assert_true(world_ask(world, sql) > 0);
    }
    /* Who can verify is asked for the order of every payment. */
    audit = (struct kc_audit){.owner = &asked, .verify_order = refuse_orders};
    EXPECT(kc_ledger_audit(&audit, &world->store, &world->crypto), KC_STORE_CORRUPT);
    assert_int_equal(asked, audit.payments);
    assert_int_equal(audit.faults, audit.payments);
}

struct plant {
    const char *name;
    const char *sql;
};

static const struct plant plants[] = {
    {"report gone", "DELETE FROM evidence WHERE kind = 16 AND purse ="
                    " (SELECT min(purse) FROM purses)"},
    {"every report gone", "DELETE FROM evidence WHERE kind = 16"},
    {"answer of a deposit ahead gone", "DELETE FROM evidence WHERE digest IN"
                                       " (SELECT shown_digest FROM records WHERE state = 2)"},
    {"record shown by nothing", "UPDATE records SET shown = shown + 1 WHERE kind = 1"},
    {"record gone", "DELETE FROM records WHERE kind = 2 AND amount = 17"},
    {"record of a payment's payer gone", "DELETE FROM records WHERE kind = 1 AND amount = 16"},
    {"record ahead gone", "DELETE FROM records WHERE state = 2"},
    {"record that waits for its void gone", "DELETE FROM records WHERE state = 3"},
    {"record of a refusal gone", "DELETE FROM records WHERE kind = 3 AND amount = 13"},
    {"amount of a record", "UPDATE records SET amount = amount + 1 WHERE amount = 16"},
    {"kind of a record", "UPDATE records SET kind = 5 WHERE kind = 2 AND amount = 17"},
    {"bytes of a record", "UPDATE records SET bytes = CAST(bytes || x'00' AS BLOB)"
                          " WHERE amount = 11 AND kind = 2"},
    {"digest of a record", "UPDATE records SET digest = zeroblob(32) WHERE amount = 12"},
    {"order of a record", "UPDATE records SET order_digest = zeroblob(32) WHERE amount = 17"},
    {"head of a record", "UPDATE records SET head = zeroblob(32) WHERE amount = 12 AND kind = 1"},
    {"record counted that is ahead", "UPDATE records SET state = 1 WHERE state = 2"},
    {"record returned that is not", "UPDATE records SET state = 4 WHERE state = 3"},
    {"payment gone", "DELETE FROM payments WHERE amount = 11"},
    {"payment noted gone", "DELETE FROM payments WHERE state = 1"},
    {"payment invented", "INSERT INTO payments SELECT payer, payer_counter + 90, digest, state,"
                         " reason, payee, payee_counter, amount, time, payer_counted,"
                         " payee_counted, taken, returned, open, told, due, inferred, again FROM "
                         "payments WHERE state = 4"},
    {"amount of a payment", "UPDATE payments SET amount = amount + 1 WHERE amount = 11"},
    {"payee of a payment", "UPDATE payments SET payee = payer WHERE amount = 16"},
    {"time of a payment", "UPDATE payments SET time = time + 1 WHERE amount = 11"},
    {"payment booked that was noted", "UPDATE payments SET state = 2, taken = 1 WHERE state = 1"},
    {"payment noted that was booked", "UPDATE payments SET state = 1, taken = 0 WHERE amount = 16"},
    {"payment released that was noted", "UPDATE payments SET state = 3 WHERE state = 1"},
    {"payment booked that came back",
     "UPDATE payments SET state = 2, returned = 0 WHERE amount = 14"},
    {"payment refused that was noted", "UPDATE payments SET state = 4 WHERE state = 1"},
    {"payment never taken that was", "UPDATE payments SET taken = 0 WHERE amount = 14"},
    {"payment taken that was not", "UPDATE payments SET taken = 1 WHERE amount = 12"},
    {"payment counted by its payee", "UPDATE payments SET payee_counted = 1 WHERE amount = 16"},
    {"payment counted by its payer", "UPDATE payments SET payer_counted = 1 WHERE amount = 17"},
    {"payment not given back that was", "UPDATE payments SET returned = 0 WHERE amount = 12"},
    {"what is ahead on both sides", "UPDATE purses SET ahead_in = ahead_in + 1,"
                                    " ahead_out = ahead_out + 1"},
    {"what is ahead instead of counted",
     "UPDATE purses SET value = value - 1, ahead_in = ahead_in + 1"},
    {"what a purse received", "UPDATE purses SET received = received + 1 WHERE received > 0"},
    {"what a purse paid and got back", "UPDATE purses SET paid = paid + 1 WHERE paid > 0"},
    {"counter of a purse set back by one",
     "UPDATE purses SET counter = counter - 1 WHERE received > 0"},
    {"claims raised", "UPDATE totals SET claims = claims + 1, shadows = shadows + 1"},
    {"in flight moved", "UPDATE totals SET in_flight = in_flight - 1, shadows = shadows + 1"},
    {"proof gone", "DELETE FROM evidence WHERE kind IN (17, 18)"},
    {"message of an objection", "UPDATE alerts SET evidence = evidence + 1"},
    {"state of a payment out of range", "UPDATE payments SET state = 5 WHERE amount = 11"},
    {"state of a record out of range", "UPDATE records SET state = 7 WHERE amount = 11"},
};

/* shows: R-SEC-1 */
static void every_planted_corruption_is_found(void **state)
{
    struct world *world = *state;
    fill(world);
    world_close(world);
    size_t missed = 0;
    for (size_t i = 0; i < sizeof plants / sizeof plants[0]; i++) {
        struct world spoiled = {.crypto = world->crypto};
        struct kc_audit audit = {.fault = NULL};
        assert_true(world_copy(&spoiled, world));
        assert_true(world_plant(&spoiled, plants[i].sql));
        EXPECT(world_open_store(&spoiled), KC_OK);
        struct kc_result result = kc_ledger_audit(&audit, &spoiled.store, &world->crypto);
        if (result.code != KC_STORE_CORRUPT) {
            print_error("the audit missed: %s (%s)\n", plants[i].name, kc_error_name(result.code));
            missed += 1;
        }
        world_close(&spoiled);
        world_unlink(&spoiled);
    }
    assert_int_equal(missed, 0);
    EXPECT(world_open(world), KC_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(settled_payments_are_clean),
        TEST(every_planted_corruption_is_found),
    };
    return cmocka_run_group_tests_name("ledger: audit of settlement", tests, NULL, NULL);
}
