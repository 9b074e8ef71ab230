/* Question: is exactly one key a purse's at any time, the old one until the new one is confirmed, and does what the old one did
 * stay as it was? */
#include "keys.h"

#include <stdio.h>

#include "exchange.h"

/* Sr3: certified, with an identity that is named by its letter, too. */
static struct kc_result certified(struct kc_renewal_row *row, struct world *world)
{
    name_certified(row);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_renew_certified(&world->ledger, row);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static void ask_and_change(struct toy *toy, struct world *world, char letter)
{
    struct kc_renewal_row row;
    EXPECT(ask(&row, toy, world, letter), KC_OK);
    EXPECT(certified(&row, world), KC_OK);
    change_over(toy, world, &row);
}

static void renew(struct toy *toy, struct world *world, char letter)
{
    struct toy_reply reply;
    ask_and_change(toy, world, letter);
    EXPECT(toy_report(toy, world, &reply), KC_OK);
}

static struct kc_renewal_row last_of(struct world *world, const struct toy *toy)
{
    struct kc_renewal_row row;
    EXPECT(world->store.renewal_last(world->store.context, &row, toy->purse.number), KC_OK);
    return row;
}

/* Every message that a purse can send, under a key; none of them leaves a trace. */
static void expect_all(struct world *world, const struct toy *toy, const uint8_t *signer,
                       enum kc_error error)
{
    struct toy_message message;
    struct toy_reply reply;
    struct toy copy = *toy;
    struct kc_renewal_row row;
    memcpy(copy.signer, signer, KC_SIGNER_SIZE);
    const struct kc_purse_row before = world_purse(world, toy->purse);
    uint64_t booked = postings(world);
    toy_cash(&message, &copy, world, KC_CASH_KIND_WITHDRAW, 5);
    EXPECT(world_send(world, &reply, &message), error);
    toy_cash(&message, &copy, world, KC_CASH_KIND_DEPOSIT, 5);
    EXPECT(world_send(world, &reply, &message), error);
    toy_state(&message, &copy, world);
    EXPECT(world_send(world, &reply, &message), error);
    toy_fund(&message, &copy, world, KC_FUND_KIND_FUND, 5);
    EXPECT(world_send(world, &reply, &message), error);
    EXPECT(ask(&row, &copy, world, 'z'), error);
    const struct kc_purse_row after = world_purse(world, toy->purse);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(postings(world), booked);
}

/* shows: R-RENEW-5 R-RENEW-6 R-RENEW-7 */
static void the_report_with_the_close_entry_makes_the_new_key_the_purses(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_account_row account;
    uint8_t old[KC_SIGNER_SIZE];
    begin(&toy, world, 1);
    memcpy(old, toy.signer, sizeof old);
    world->now_ms += WORLD_ACCOUNT_MS / 2;
    ask_and_change(&toy, world, 'b');
    assert_int_equal(last_of(world, &toy).state, KC_RENEWAL_WAITING);
    assert_int_equal(key_of(world, &toy), 'a');
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    const struct kc_renewal_row row = last_of(world, &toy);
    assert_int_equal(row.state, KC_RENEWAL_DONE);
    assert_int_equal(row.counter + 1, toy.counter);
    assert_int_equal(key_of(world, &toy), 'b');
    assert_int_equal(toy.certified.counter, toy.counter);
    /* The account ends with its keys. */
    EXPECT(world->store.account_get(world->store.context, &account, toy.account.number), KC_OK);
    assert_int_equal(account.expires_ms, world->now_ms + WORLD_ACCOUNT_MS);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 10, &reply), KC_OK);
    expect_amounts(world, &toy, 90, 50);
    expect_all(world, &toy, old, KC_KEY_RENEWED);
    /* Nor does a report come under it. */
    struct toy copy = toy;
    memcpy(copy.signer, old, sizeof old);
    EXPECT(toy_report(&copy, world, &reply), KC_KEY_RENEWED);
    expect_clean(world);
}

/* shows: R-RENEW-5 R-RENEW-7 */
static void until_then_the_old_key_is_the_purses(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_renewal_row row;
    uint8_t fresh[KC_SIGNER_SIZE];
    begin(&toy, world, 1);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    name_key(fresh, &toy, 'b');
    expect_all(world, &toy, fresh, KC_PENDING);
    EXPECT(certified(&row, world), KC_OK);
    expect_all(world, &toy, fresh, KC_PENDING);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 10, &reply), KC_OK);
    expect_amounts(world, &toy, 110, 30);
    /* What came in between is the old key's; the purse asks again, for the same keys. */
    uint64_t asked_at = row.counter;
    struct kc_renewal_row again;
    EXPECT(ask(&again, &toy, world, 'b'), KC_OK);
    EXPECT(certified(&row, world), KC_OUT_OF_ORDER);
    EXPECT(certified(&again, world), KC_OK);
    change_over(&toy, world, &again);
    assert_int_equal(last_of(world, &toy).number, 1);
    assert_true(last_of(world, &toy).counter > asked_at);
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    assert_int_equal(key_of(world, &toy), 'b');
    /* Stored after the new ones had been confirmed: the purse asked twice, and the authority was slow once. */
    EXPECT(certified(&row, world), KC_OUT_OF_ORDER);
    assert_int_equal(last_of(world, &toy).state, KC_RENEWAL_DONE);
}

/* shows: R-RENEW-5 */
static void everything_open_comes_first(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    toy_rich(&other, world, 2, 100, 40);
    /* An open quote ends, as it does with any other request. */
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 5);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    quote.user_name = kc_view_text(reply.name);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    assert_int_equal(world_purse(world, toy.purse).open_ms, 0);
    toy_answer(&message, &toy, world, &quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    toy_take(&toy, world, &reply.outcome);
    expect_amounts(world, &toy, 100, 40);
    /* An order to the ordinary bank is the account's: it has its end whatever key the purse has by then. */
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 7);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_ledger_order order = reply.order;
    EXPECT(world_settle(world, &reply, &order, KC_IN_DOUBT), KC_OK);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    EXPECT(world_settle(world, &reply, &order, KC_OK), KC_OK);
    assert_int_equal(world_balance(world, toy.account), 107);
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&toy, world, &reply.outcome);
    /* Entries that no certified value covers are to be reported before. */
    (void)toy_exchange(&toy, &other, world, 3);
    EXPECT(ask(&row, &toy, world, 'b'), KC_PENDING);
    EXPECT(toy_report_all(&toy, world), KC_OK);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
}

/* shows: R-RENEW-7 */
static void the_same_keys_go_on_and_others_begin_again(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    struct kc_renewal_row again;
    begin(&toy, world, 1);
    /* Nobody got anything for the first pair yet: another one takes its place. */
    EXPECT(ask(&row, &toy, world, 'x'), KC_OK);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    assert_int_equal(row.number, 1);
    world->now_ms += 5000;
    EXPECT(ask(&again, &toy, world, 'b'), KC_OK);
    assert_int_equal(again.number, row.number);
    assert_int_equal(again.expires_ms, row.expires_ms);
    EXPECT(certified(&again, world), KC_OK);
    /* A purse that lost its pair makes another one, and what was certified for the first is no purse's. */
    EXPECT(ask(&again, &toy, world, 'c'), KC_OK);
    assert_int_equal(again.number, row.number + 1);
    assert_int_equal(again.expires_ms, world->now_ms + WORLD_ACCOUNT_MS);
    assert_int_equal(last_of(world, &toy).state, KC_RENEWAL_ASKED);
    EXPECT(certified(&row, world), KC_OUT_OF_ORDER);
    EXPECT(certified(&again, world), KC_OK);
}

/* shows: R-RENEW-5 R-RENEW-7 R-SEC-2 */
static void a_pair_that_another_took_the_place_of_is_kept_and_says_nothing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy copy;
    struct toy_reply reply;
    struct kc_renewal_row first;
    struct kc_renewal_row row;
    uint8_t left[KC_SIGNER_SIZE];
    begin(&toy, world, 1);
    EXPECT(ask(&first, &toy, world, 'b'), KC_OK);
    EXPECT(certified(&first, world), KC_OK);
    EXPECT(ask(&row, &toy, world, 'c'), KC_OK);
    copy = toy;
    change_over(&copy, world, &first);
    name_key(left, &toy, 'b');
    for (int i = 0; i < 2; i++) {
        expect_all(world, &toy, left, KC_KEY_RENEWED);
        EXPECT(toy_report(&copy, world, &reply), KC_KEY_RENEWED);
        EXPECT(ask(&first, &toy, world, 'b'), KC_ALREADY_EXISTS);
        EXPECT(certified(&row, world), KC_OK);
    }
    EXPECT(world->store.renewal_left(world->store.context, &first, toy.purse.number, row.number),
           KC_OK);
    assert_int_equal(first.sign_key[0], 'b');
    EXPECT(world->store.renewal_left(world->store.context, &first, toy.purse.number, first.number),
           KC_NOT_FOUND);
    toy.last_ms = copy.last_ms;
    change_over(&toy, world, &row);
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    assert_int_equal(key_of(world, &toy), 'c');
    expect_all(world, &toy, left, KC_KEY_RENEWED);
    expect_clean(world);
}

/* shows: R-RENEW-7 */
static void a_request_carried_twice_takes_nothing_back(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_renewal_row row;
    struct kc_renewal_row again;
    begin(&toy, world, 1);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    EXPECT(certified(&row, world), KC_OK);
    /* The authority is away from now on. */
    EXPECT(ask(&again, &toy, world, 'b'), KC_OK);
    assert_int_equal(again.state, KC_RENEWAL_WAITING);
    assert_memory_equal(again.identity_digest, row.identity_digest, KC_DIGEST_SIZE);
    assert_memory_equal(again.certificate, row.certificate, KC_DIGEST_SIZE);
    change_over(&toy, world, &row);
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    assert_int_equal(key_of(world, &toy), 'b');
}

/* shows: R-SEC-2 R-SEC-4 */
static void a_key_that_was_never_the_purses_is_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    uint8_t stranger[KC_SIGNER_SIZE];
    begin(&toy, world, 1);
    name_key(stranger, &toy, 'q');
    struct toy copy = toy;
    memcpy(copy.signer, stranger, sizeof stranger);
    expect_all(world, &toy, stranger, KC_UNKNOWN_SIGNER);
    EXPECT(toy_report(&copy, world, &reply), KC_UNKNOWN_SIGNER);
    toy.last_ms = copy.last_ms;
    renew(&toy, world, 'b');
    expect_all(world, &toy, stranger, KC_KEY_RENEWED);
}

/* shows: R-RENEW-5 R-SEC-2 */
static void a_key_is_one_purses_for_good(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(ask(&row, &toy, world, 'a'), KC_ALREADY_EXISTS);
    renew(&toy, world, 'b');
    EXPECT(ask(&row, &toy, world, 'a'), KC_ALREADY_EXISTS);
    EXPECT(ask(&row, &toy, world, 'b'), KC_ALREADY_EXISTS);
    assert_int_equal(last_of(world, &toy).number, 1);
    assert_int_equal(key_of(world, &toy), 'b');
}

/* Changes over with a close entry that is not what it has to be, reports, and goes back. */
static void expect_unconfirmed(struct toy *toy, struct world *world, void (*spoil)(struct toy *toy))
{
    struct kc_renewal_row row = last_of(world, toy);
    struct toy_reply reply;
    struct toy copy = *toy;
    change_over(&copy, world, &row);
    spoil(&copy);
    EXPECT(toy_report(&copy, world, &reply), KC_MISMATCH);
    toy->last_ms = copy.last_ms;
    assert_int_equal(last_of(world, toy).state, KC_RENEWAL_WAITING);
    assert_int_equal(key_of(world, toy), 'a');
}

static void name_another(struct toy *toy)
{
    toy->slots[0].record.entry.partner[0] ^= 1;
}

static void make_it_a_refusal(struct toy *toy)
{
    toy->slots[0].record.entry.kind = KC_ENTRY_KIND_REFUSE;
}

static void show_another_identity(struct toy *toy)
{
    toy->identity_digest[0] ^= 1;
}

static void leave_it_out(struct toy *toy)
{
    toy->entry_count = 0;
}

/* shows: R-RENEW-5 R-RENEW-7 */
static void nothing_but_the_close_entry_confirms(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    EXPECT(certified(&row, world), KC_OK);
    expect_unconfirmed(&toy, world, name_another);
    expect_unconfirmed(&toy, world, make_it_a_refusal);
    expect_unconfirmed(&toy, world, show_another_identity);
    expect_unconfirmed(&toy, world, leave_it_out);
    change_over(&toy, world, &row);
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    assert_int_equal(key_of(world, &toy), 'b');
}

/* shows: R-RENEW-5 */
static void a_close_entry_without_a_renewal_is_objected_to(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    begin(&toy, world, 1);
    struct kc_entry entry = {.kind = KC_ENTRY_KIND_CLOSE,
                             .counter = toy.counter + 1,
                             .time_ms = toy_next_time(&toy, world),
                             .amount = kc_amount_zero()};
    (void)toy_add_entry(&toy, world, &entry, NULL);
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    assert_int_equal(reply.settled.objection_count, 1);
    assert_int_equal(reply.settled.objections[0].reason, KC_NOT_ALLOWED);
    assert_int_equal(key_of(world, &toy), 'a');
}

/* shows: R-RENEW-5 R-RENEW-7 */
static void what_it_did_before_and_since_is_booked_whoever_reports(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    begin(&a, world, 1);
    toy_rich(&b, world, 2, 100, 40);
    (void)toy_exchange(&a, &b, world, 7);
    EXPECT(toy_report_all(&a, world), KC_OK);
    ask_and_change(&a, world, 'b');
    /* In one report with the close entry: what the new key made before the bank heard of it. */
    (void)toy_exchange(&a, &b, world, 5);
    (void)toy_exchange(&b, &a, world, 2);
    /* The partner is first, and reports payments under either key. */
    EXPECT(toy_report_all(&b, world), KC_OK);
    assert_int_equal(world_shadow(world, b.purse), 40 + 7 + 5 - 2);
    EXPECT(toy_report_all(&a, world), KC_OK);
    assert_int_equal(world_shadow(world, a.purse), 40 - 7 - 5 + 2);
    assert_int_equal(key_of(world, &a), 'b');
    assert_int_equal(alerts(world), 0);
    renew(&a, world, 'c');
    assert_int_equal(last_of(world, &a).number, 2);
    expect_clean(world);
}

/* shows: R-RENEW-5 R-SEC-4 */
static void a_purse_out_of_use_gets_no_new_keys(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    EXPECT(certified(&row, world), KC_OK);
    toy_lose(&toy, world);
    EXPECT(ask(&row, &toy, world, 'b'), KC_REPORTED_LOST);
    row = last_of(world, &toy);
    change_over(&toy, world, &row);
    /* It hears why, and locks itself. */
    EXPECT(toy_report(&toy, world, &reply), KC_REPORTED_LOST);
    assert_int_equal(key_of(world, &toy), 'a');
    assert_int_equal(last_of(world, &toy).state, KC_RENEWAL_WAITING);
}

/* shows: R-RENEW-4 R-RENEW-5 */
static void the_old_certificates_are_retired_once_each_and_after_the_confirmation(void **state)
{
    struct world *world = *state;
    struct toy toys[3];
    struct kc_renewal_row row;
    uint64_t seen = 0;
    for (unsigned i = 0; i < 3; i++) {
        begin(&toys[i], world, 1 + i);
    }
    ask_and_change(&toys[0], world, 'b');
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, 0), KC_NOT_FOUND);
    renew(&toys[1], world, 'c');
    renew(&toys[2], world, 'd');
    for (uint64_t after = 0; !kc_failed(kc_ledger_renew_due(&row, &world->ledger, after));
         after = row.purse.number) {
        assert_true(row.purse.number > after && row.state == KC_RENEWAL_DONE);
        assert_memory_not_equal(row.old_signer, row.signer, KC_SIGNER_SIZE);
        seen += 1;
    }
    assert_int_equal(seen, 2);
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, 0), KC_OK);
    const struct kc_purse_id first = row.purse;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_renew_retired(&world->ledger, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, 0), KC_OK);
    assert_int_not_equal(row.purse.number, first.number);
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, row.purse.number), KC_NOT_FOUND);
    for (unsigned i = 1; i < 3; i++) {
        uint8_t old[KC_SIGNER_SIZE];
        name_key(old, &toys[i], 'a');
        expect_all(world, &toys[i], old, KC_KEY_RENEWED);
    }
}

/* ---- at the counter ---- */

static struct kc_result stand(struct world *world, struct kc_account_id account,
                              struct kc_purse_id purse)
{
    struct world_letter letter;
    const struct kc_counter_request request = {
        .account = account, .purse = purse, .time_ms = world->now_ms};
    world_write(&letter, world, "counter", (unsigned)(purse.number % 100000), request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_counter(&world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* shows: R-RENEW-6 */
static void an_account_that_ended_is_renewed_at_the_counter_alone(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_renewal_row row;
    struct kc_account_row account;
    begin(&toy, world, 1);
    world->now_ms += WORLD_ACCOUNT_MS + 1;
    EXPECT(ask(&row, &toy, world, 'b'), KC_ACCOUNT_EXPIRED);
    EXPECT(stand(world, toy.account, toy.purse), KC_OK);
    EXPECT(stand(world, toy.account, toy.purse), KC_OK);
    /* The word is for a message, not for the account. */
    EXPECT(ask(&row, &toy, world, 'b'), KC_ACCOUNT_EXPIRED);
    EXPECT(ask_from(&row, &toy, world, 'b', true), KC_OK);
    EXPECT(certified(&row, world), KC_OK);
    change_over(&toy, world, &row);
    assert_int_equal(key_of(world, &toy), 'a');
    EXPECT(world->store.account_get(world->store.context, &account, toy.account.number), KC_OK);
    assert_true(account.expires_ms < world->now_ms);
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    assert_int_equal(key_of(world, &toy), 'b');
    EXPECT(world->store.account_get(world->store.context, &account, toy.account.number), KC_OK);
    assert_int_equal(account.expires_ms, world->now_ms + WORLD_ACCOUNT_MS);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 10, &reply), KC_OK);
    expect_amounts(world, &toy, 90, 50);
    expect_clean(world);
}

/* shows: R-RENEW-6 R-SEC-4 */
static void the_word_is_for_a_purse_in_use_and_its_own_account(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    begin(&toy, world, 1);
    begin(&other, world, 2);
    EXPECT(stand(world, toy.account, other.purse), KC_UNKNOWN_PURSE);
    EXPECT(stand(world, toy.account, kc_purse_nth(99999)), KC_UNKNOWN_PURSE);
    EXPECT(stand(world, kc_account_nth(99999), toy.purse), KC_UNKNOWN_ACCOUNT);
    toy_lose(&toy, world);
    EXPECT(stand(world, toy.account, toy.purse), KC_REPORTED_LOST);
    EXPECT(stand(world, other.account, other.purse), KC_OK);
}

/* shows: R-RENEW-4 R-RENEW-5 */
static void a_purse_that_renews_again_first_has_its_newest_pair_stand_for_all(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    renew(&toy, world, 'b');
    renew(&toy, world, 'c');
    renew(&toy, world, 'd');
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, 0), KC_OK);
    assert_int_equal(row.sign_key[0], 'd');
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, row.purse.number), KC_NOT_FOUND);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_renew_retired(&world->ledger, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, 0), KC_NOT_FOUND);
    for (char letter = 'a'; letter < 'd'; letter++) {
        uint8_t old[KC_SIGNER_SIZE];
        name_key(old, &toy, letter);
        expect_all(world, &toy, old, KC_KEY_RENEWED);
    }
}

/* An authority that ends one pair at a time is told each, the newest first.
 * shows: R-RENEW-4 R-RENEW-5 */
static void where_each_pair_is_told_none_stands_for_another(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    world->ledger.options.retire_each = true;
    begin(&toy, world, 1);
    renew(&toy, world, 'b');
    renew(&toy, world, 'c');
    for (char letter = 'c'; letter > 'a'; letter--) {
        EXPECT(kc_ledger_renew_due(&row, &world->ledger, 0), KC_OK);
        assert_int_equal(row.sign_key[0], letter);
        assert_int_equal(row.old_pair[0], letter - 1);
        assert_int_equal(row.pair[KC_PAIR_SIZE - 1], letter);
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_renew_retired(&world->ledger, &row), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    }
    EXPECT(kc_ledger_renew_due(&row, &world->ledger, 0), KC_NOT_FOUND);
}

/* shows: R-SEC-4 R-RENEW-5 */
static void the_numbers_of_certificates_go_with_their_keys(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    struct kc_purse_key_row keys;
    begin(&toy, world, 1);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    assert_int_equal(row.old_pair[0], 'a');
    assert_int_equal(row.pair[0], 0);
    EXPECT(certified(&row, world), KC_OK);
    /* Asked once more for the same keys, and for others. */
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    assert_int_equal(row.pair[0], 'b');
    EXPECT(ask(&row, &toy, world, 'c'), KC_OK);
    assert_int_equal(row.pair[0], 0);
    EXPECT(certified(&row, world), KC_OK);
    EXPECT(world->store.purse_key_get(world->store.context, &keys, toy.purse.number), KC_OK);
    assert_int_equal(keys.pair[0], 'a');
    change_over(&toy, world, &row);
    struct toy_reply reply;
    EXPECT(toy_report(&toy, world, &reply), KC_OK);
    EXPECT(world->store.purse_key_get(world->store.context, &keys, toy.purse.number), KC_OK);
    assert_int_equal(keys.pair[0], 'c');
    /* The pair that was left. */
    EXPECT(world->store.renewal_left(world->store.context, &row, toy.purse.number, 2), KC_OK);
    assert_int_equal(row.pair[0], 'b');
    assert_int_equal(row.old_pair[0], 'a');
}

/* shows: R-RENEW-5 */
static void a_purse_that_went_out_of_use_meanwhile_gets_no_new_keys(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(ask(&row, &toy, world, 'b'), KC_OK);
    toy_lose(&toy, world);
    EXPECT(certified(&row, world), KC_PURSE_BLOCKED);
    /* They are in the books, for whoever revokes what the purse has. */
    const struct kc_renewal_row kept = last_of(world, &toy);
    assert_int_equal(kept.state, KC_RENEWAL_WAITING);
    assert_memory_equal(kept.pair, row.pair, KC_PAIR_SIZE);
    /* Again, as when the answer was lost. */
    EXPECT(certified(&row, world), KC_PURSE_BLOCKED);
    change_over(&toy, world, &row);
    EXPECT(toy_report(&toy, world, &reply), KC_REPORTED_LOST);
    assert_int_equal(key_of(world, &toy), 'a');
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_report_with_the_close_entry_makes_the_new_key_the_purses),
        TEST(until_then_the_old_key_is_the_purses),
        TEST(a_purse_that_went_out_of_use_meanwhile_gets_no_new_keys),
        TEST(everything_open_comes_first),
        TEST(the_same_keys_go_on_and_others_begin_again),
        TEST(a_pair_that_another_took_the_place_of_is_kept_and_says_nothing),
        TEST(a_request_carried_twice_takes_nothing_back),
        TEST(a_key_that_was_never_the_purses_is_refused),
        TEST(a_key_is_one_purses_for_good),
        TEST(nothing_but_the_close_entry_confirms),
        TEST(a_close_entry_without_a_renewal_is_objected_to),
        TEST(what_it_did_before_and_since_is_booked_whoever_reports),
        TEST(a_purse_out_of_use_gets_no_new_keys),
        TEST(the_old_certificates_are_retired_once_each_and_after_the_confirmation),
        TEST(an_account_that_ended_is_renewed_at_the_counter_alone),
        TEST(the_word_is_for_a_purse_in_use_and_its_own_account),
        TEST(a_purse_that_renews_again_first_has_its_newest_pair_stand_for_all),
        TEST(where_each_pair_is_told_none_stands_for_another),
        TEST(the_numbers_of_certificates_go_with_their_keys),
    };
    return cmocka_run_group_tests_name("ledger: new keys of a purse", tests, NULL, NULL);
}
