/* Question: does an honest purse always come back to the bank's value, and is a copied one found
 * with proof? */
#include "expect.h"

#include <string.h>

static struct kc_purse_row purse_of(struct world *world, const struct toy *toy)
{
    struct kc_purse_row row;
    EXPECT(world->store.purse_get(world->store.context, &row, toy->purse.number), KC_OK);
    return row;
}

/* Asks for a quote and says OK; the answer is made but not sent. */
static void prepare_answer(struct toy_message *answer, struct toy *toy, struct world *world,
                           enum kc_cash_kind kind, uint64_t minor)
{
    struct toy_message request;
    struct toy_reply reply;
    toy_cash(&request, toy, world, kind, minor);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    toy_answer(answer, toy, world, &reply.quote, KC_ANSWER_OK);
}

static struct kc_ledger_outcome recover(struct toy *toy, struct world *world)
{
    struct toy_message message;
    struct toy_reply reply;
    toy_state(&message, toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(toy, world, &reply.outcome);
    return reply.outcome;
}

/* shows: R-CASH-8 R-CASH-9 */
static void recovery_ends_an_open_withdrawal(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    uint64_t sequence = toy.certified.sequence;
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_WITHDRAW, 100);
    struct kc_ledger_outcome outcome = recover(&toy, world);
    assert_int_equal(outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    assert_int_equal(outcome.certified.sequence, sequence + 1);
    assert_int_equal(toy.life, TOY_READY);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    expect_amounts(world, &toy, 1000, 0);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 100, &reply), KC_OK);
    expect_amounts(world, &toy, 900, 100);
    assert_int_equal(toy.value, 100);
}

/* shows: R-CASH-9 */
static void recovery_brings_a_lost_completion(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_WITHDRAW, 100);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(toy.value, 0);
    assert_int_equal(recover(&toy, world).outcome, KC_OUTCOME_COMPLETED);
    assert_int_equal(toy.value, 100);
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_DEPOSIT, 60);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(recover(&toy, world).outcome, KC_OUTCOME_COMPLETED);
    assert_int_equal(toy.value, 40);
    assert_int_equal(toy.entry_count, 0);
    expect_amounts(world, &toy, 960, 40);
    assert_int_equal(alerts(world), 0);
}

/* shows: R-CASH-8 R-CASH-9 */
static void a_deposit_that_came_to_nothing_is_voided_and_counted(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    for (uint64_t round = 1; round <= 5; round++) {
        prepare_answer(&answer, &toy, world, KC_CASH_KIND_DEPOSIT, 70);
        assert_int_equal(toy.value, 30);
        assert_int_equal(recover(&toy, world).outcome, KC_OUTCOME_NOT_COMPLETED);
        assert_int_equal(toy.value, 100);
        EXPECT(world_send(world, &reply, &answer), KC_OK);
        assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
        assert_int_equal(purse_of(world, &toy).counter, 2 * (round - 1));
    }
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 100, &reply), KC_OK);
    struct kc_purse_row row = purse_of(world, &toy);
    assert_int_equal(row.counter, 11);
    assert_int_equal(kc_amount_minor(row.paid), 5 * 70 + 100);
    assert_int_equal(kc_amount_minor(row.returned), 5 * 70);
    assert_memory_equal(row.head, toy.head, KC_DIGEST_SIZE);
    expect_amounts(world, &toy, 1000, 0);
    assert_int_equal(alerts(world), 0);
}

/* shows: R-CASH-9 */
static void recovery_asked_twice_gives_the_same(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply first;
    struct toy_reply again;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 10);
    EXPECT(world_send(world, &first, &message), KC_OK);
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &first, &message), KC_OK);
    world->now_ms += 1000;
    EXPECT(world_send(world, &again, &message), KC_OK);
    assert_int_equal(again.outcome.outcome, first.outcome.outcome);
    assert_memory_equal(&first.outcome.certified, &again.outcome.certified,
                        sizeof first.outcome.certified);
    toy.pending_ms = 12345;
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &again, &message), KC_OK);
    assert_int_equal(again.outcome.outcome, KC_OUTCOME_NONE);
    assert_int_equal(again.outcome.certified.sequence, first.outcome.certified.sequence + 1);
    EXPECT(world_send(world, &again, &message), KC_OK);
}

/* A request may not be built on an older certified value or over an open cash-out. */
static void an_unfinished_purse_must_recover_first(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message answer;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_WITHDRAW, 100);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 1);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 1);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    assert_int_equal(recover(&toy, world).outcome, KC_OUTCOME_REFUSED);
    assert_int_equal(toy.value, 100);
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_DEPOSIT, 40);
    uint64_t pending_ms = toy.pending_ms;
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 1);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 1);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    toy.pending_ms = pending_ms;
    assert_int_equal(recover(&toy, world).outcome, KC_OUTCOME_NOT_COMPLETED);
    assert_int_equal(toy.value, 100);
    expect_amounts(world, &toy, 900, 100);
    assert_int_equal(alerts(world), 0);
}

/* ---- what does not fit ---- */

/* shows: R-SEC-1 */
static void a_purse_that_tells_otherwise_is_refused_without_effect(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy_message message;
    struct toy_reply reply;
    static const enum kc_error expected[] = {KC_STALE_STATE, KC_STALE_STATE,  KC_STALE_STATE,
                                             KC_STALE_STATE, KC_MISMATCH,     KC_MISMATCH,
                                             KC_MISMATCH,    KC_UNKNOWN_PURSE};
    toy_rich(&other, world, 2, 0, 0);
    toy_rich(&toy, world, 1, 900, 100);
    for (unsigned wrong = 0; wrong < 8; wrong++) {
        toy_cash(&message, &toy, world, KC_CASH_KIND_DEPOSIT, 10);
        struct kc_ledger_information *information = &message.information;
        information->information.value = world_amount(wrong == 0 ? 101 : 100);
        information->information.paid = world_amount(wrong == 1 ? 1 : 0);
        information->information.received = world_amount(wrong == 2 ? 1 : 0);
        information->information.returned = world_amount(wrong == 3 ? 1 : 0);
        information->identity_digest[0] ^= wrong == 4 ? 1 : 0;
        information->certified.sequence += wrong == 5 ? 1 : 0;
        information->certified.purse = wrong == 6 ? other.purse : toy.purse;
        information->information.account = wrong == 7 ? other.account : toy.account;
        EXPECT(world_send(world, &reply, &message), expected[wrong]);
        expect_amounts(world, &toy, 900, 100);
    }
    assert_int_equal(alerts(world), 0);
    assert_int_equal(purse_of(world, &toy).state, KC_PURSE_ACTIVE);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 10, &reply), KC_OK);
}

/* Adds a self-made entry to what a message tells. */
static void tell_entry(struct toy_message *message, enum kc_entry_kind kind, uint64_t minor,
                       uint64_t link)
{
    struct kc_ledger_information *information = &message->information;
    struct kc_ledger_entry *item = &information->entries[information->entry_count++];
    memset(item, 0, sizeof *item);
    item->entry = (struct kc_entry){.kind = kind,
                                    .counter = ++information->information.counter,
                                    .amount = world_amount(minor),
                                    .has_transaction = kind == KC_ENTRY_KIND_CASH_OUT,
                                    .transaction_ms = link,
                                    .has_voids = kind == KC_ENTRY_KIND_VOID,
                                    .voids = link};
    item->head_after[0] = (uint8_t)information->information.counter;
    memcpy(information->information.head, item->head_after, KC_DIGEST_SIZE);
}

/* shows: R-SEC-1 */
static void invented_entries_are_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    static const enum kc_entry_kind foreign[] = {KC_ENTRY_KIND_PAY, KC_ENTRY_KIND_RECEIVE,
                                                 KC_ENTRY_KIND_REFUSE, KC_ENTRY_KIND_CLOSE};
    toy_rich(&toy, world, 1, 900, 100);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 10, &reply), KC_OK);
    uint64_t done_ms = toy.last_ms - 1;
    for (size_t i = 0; i < 4; i++) {
        toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 1);
        tell_entry(&message, foreign[i], 10, 0);
        EXPECT(world_send(world, &reply, &message), KC_PENDING);
    }
    toy_state(&message, &toy, world);
    tell_entry(&message, KC_ENTRY_KIND_CASH_OUT, 10, 777);
    EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
    toy_state(&message, &toy, world);
    tell_entry(&message, KC_ENTRY_KIND_CASH_OUT, 10, done_ms);
    EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
    toy_state(&message, &toy, world);
    tell_entry(&message, KC_ENTRY_KIND_VOID, 10, toy.counter);
    message.information.information.value = world_amount(100);
    message.information.information.returned = world_amount(10);
    /* Only a report of records can decide a void of something else; nothing of it is certified. */
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.certified.counter, 1);
    assert_int_equal(kc_amount_minor(reply.outcome.certified.purse_amount), 90);
    expect_amounts(world, &toy, 910, 90);
    assert_int_equal(purse_of(world, &toy).counter, 1);
}

/* shows: R-SEC-1 */
static void a_void_needs_the_banks_word(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message answer;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_DEPOSIT, 10);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 1);
    tell_entry(&message, KC_ENTRY_KIND_VOID, 10, toy.counter);
    message.information.information.value = world_amount(100);
    message.information.information.returned = world_amount(10);
    EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
    assert_int_equal(purse_of(world, &toy).counter, 0);
    expect_amounts(world, &toy, 900, 100);
}

/* ---- copied or restored ---- */

struct seen_alert {
    size_t count;
    struct kc_alert_row row;
};

static bool take_alert(void *owner, const struct kc_alert_row *row)
{
    struct seen_alert *seen = owner;
    seen->count += 1;
    seen->row = *row;
    return true;
}

struct proof {
    const struct toy_message *message;
    uint64_t time_ms;
    const uint8_t *digest;
    bool found;
};

static bool take_proof(void *owner, const struct kc_evidence_row *row)
{
    struct proof *proof = owner;
    proof->found =
        proof->found || (row->time_ms == proof->time_ms && row->size == proof->message->size &&
                         memcmp(row->digest, proof->digest, KC_DIGEST_SIZE) == 0 &&
                         memcmp(row->bytes, proof->message->bytes, row->size) == 0);
    return true;
}

static void expect_kept(struct world *world, const struct toy *toy,
                        const struct toy_message *message, uint64_t time_ms, const uint8_t *digest)
{
    struct proof proof = {.message = message, .time_ms = time_ms, .digest = digest};
    struct kc_store_scan scan = {.owner = &proof, .evidence = take_proof};
    EXPECT(world->store.scan_evidence(world->store.context, &scan, toy->purse.number), KC_OK);
    assert_true(proof.found);
}

/* One alert that names both messages, the one that was caught and the one it contradicts, both kept;
 * the purse out of use, its value untouched. */
static void expect_accused(struct world *world, const struct toy *toy,
                           const struct toy_message *message, const struct toy_message *against)
{
    struct seen_alert seen = {.count = 0};
    struct kc_store_scan scan = {.owner = &seen, .alert = take_alert};
    EXPECT(world->store.scan_alerts(world->store.context, &scan), KC_OK);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.row.purse.number, toy->purse.number);
    assert_int_equal(seen.row.reason, KC_COPIED_OR_RESTORED);
    expect_kept(world, toy, message, seen.row.evidence_ms, seen.row.evidence_digest);
    expect_kept(world, toy, against, seen.row.against_ms, seen.row.against_digest);
    assert_int_equal(purse_of(world, toy).state, KC_PURSE_OUT);
}

/* A whole deposit; *answer is what showed its entry to the bank. */
static void deposit(struct toy_message *answer, struct toy *toy, struct world *world,
                    uint64_t minor)
{
    struct toy_reply reply;
    prepare_answer(answer, toy, world, KC_CASH_KIND_DEPOSIT, minor);
    EXPECT(world_send(world, &reply, answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    toy_take(toy, world, &reply.outcome);
}

/* shows: R-SEC-1 R-SEC-4 */
static void a_counter_below_the_banks_is_a_copy(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy copy;
    struct toy_message answer;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    copy = toy;
    deposit(&answer, &toy, world, 60);
    world->now_ms += 1000;
    toy_cash(&message, &copy, world, KC_CASH_KIND_DEPOSIT, 100);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
    expect_accused(world, &toy, &message, &answer);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
    toy_cash(&message, &copy, world, KC_CASH_KIND_DEPOSIT, 100);
    EXPECT(world_send(world, &reply, &message), KC_PURSE_BLOCKED);
    toy.last_ms = copy.last_ms;
    toy_fund(&message, &toy, world, KC_FUND_KIND_REDEEM, 1);
    EXPECT(world_send(world, &reply, &message), KC_PURSE_BLOCKED);
    assert_int_equal(alerts(world), 1);
    expect_amounts(world, &toy, 960, 40);
}

/* shows: R-SEC-1 */
static void another_head_at_a_counted_counter_is_a_copy(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message answer;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_DEPOSIT, 60);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    struct toy copy = toy;
    copy.entries[0].head_after[5] ^= 1;
    copy.head[5] ^= 1;
    toy_state(&message, &copy, world);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
    expect_accused(world, &toy, &message, &answer);
    expect_amounts(world, &toy, 960, 40);
}

/* shows: R-SEC-1 */
static void a_funding_request_of_a_copy_is_found_too(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy copy;
    struct toy_message answer;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    copy = toy;
    deposit(&answer, &toy, world, 60);
    world->now_ms += 1000;
    toy_fund(&message, &copy, world, KC_FUND_KIND_REDEEM, 10);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
    expect_accused(world, &toy, &message, &answer);
    expect_amounts(world, &toy, 960, 40);
    assert_int_equal(kc_amount_minor(world->ledger.totals.in_flight), 0);
}

/* shows: R-SEC-1 R-SEC-4 */
static void a_refused_recovery_call_stays_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy copy;
    struct toy_message answer;
    struct toy_message request;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    copy = toy;
    toy_state(&message, &toy, world);
    message.information.information.paid = world_amount(1);
    EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
    EXPECT(world_send(world, &reply, &message), KC_STALE_STATE);
    deposit(&answer, &toy, world, 60);
    toy_cash(&request, &toy, world, KC_CASH_KIND_DEPOSIT, 10);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    world->now_ms += 1000;
    toy_state(&message, &copy, world);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
    for (int i = 0; i < 2; i++) {
        EXPECT(world_send(world, &reply, &message), KC_PURSE_BLOCKED);
        assert_false(reply.outcome.has_certified);
        assert_int_equal(purse_of(world, &toy).open_ms, request.cash.time_ms);
    }
    expect_accused(world, &toy, &message, &answer);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM transactions WHERE state = 1"), 1);
    expect_amounts(world, &toy, 960, 40);
}

/* Entries that came to nothing are counted from a request: then that request is the proof. */
static void a_counter_that_a_request_showed_is_proved_by_it(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy copy;
    struct toy_message answer;
    struct toy_message request;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    copy = toy;
    prepare_answer(&answer, &toy, world, KC_CASH_KIND_DEPOSIT, 70);
    assert_int_equal(recover(&toy, world).outcome, KC_OUTCOME_NOT_COMPLETED);
    toy_cash(&request, &toy, world, KC_CASH_KIND_WITHDRAW, 1);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    assert_int_equal(purse_of(world, &toy).counter, 2);
    world->now_ms += 1000;
    toy_state(&message, &copy, world);
    EXPECT(world_send(world, &reply, &message), KC_COPIED_OR_RESTORED);
    expect_accused(world, &toy, &message, &request);
}

/* A backup from before a withdrawal shows no contradiction: it is conformed, and gains nothing. */
static void a_backup_without_entries_is_conformed(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy backup;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 900, 100);
    backup = toy;
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 50, &reply), KC_OK);
    world->now_ms += 1000;
    assert_int_equal(recover(&backup, world).outcome, KC_OUTCOME_NONE);
    assert_int_equal(backup.value, 150);
    assert_int_equal(alerts(world), 0);
    expect_amounts(world, &toy, 850, 150);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recovery_ends_an_open_withdrawal),
        TEST(recovery_brings_a_lost_completion),
        TEST(a_deposit_that_came_to_nothing_is_voided_and_counted),
        TEST(recovery_asked_twice_gives_the_same),
        TEST(an_unfinished_purse_must_recover_first),
        TEST(a_purse_that_tells_otherwise_is_refused_without_effect),
        TEST(invented_entries_are_refused),
        TEST(a_void_needs_the_banks_word),
        TEST(a_counter_below_the_banks_is_a_copy),
        TEST(another_head_at_a_counted_counter_is_a_copy),
        TEST(a_funding_request_of_a_copy_is_found_too),
        TEST(a_refused_recovery_call_stays_refused),
        TEST(a_counter_that_a_request_showed_is_proved_by_it),
        TEST(a_backup_without_entries_is_conformed),
    };
    return cmocka_run_group_tests_name("ledger: recovery and copied purses", tests, NULL, NULL);
}
