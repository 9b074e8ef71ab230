/* Question: are keys that the authority makes ordered, offered and given to the right purse only, and is none of them a purse's
 * before it confirmed them? */
#include "keys.h"

#include "exchange.h"

static struct kc_result order(struct world *world, struct kc_account_id account)
{
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_key_offer(&world->ledger, account);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result wanted(uint64_t *after, struct world *world, uint64_t until_ms)
{
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_key_offer_wanted(&world->ledger, after, until_ms);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* The purse's offer; state 0 when there is none. */
static struct kc_key_offer_row offer_of(struct world *world, const struct toy *toy)
{
    struct kc_key_offer_row row = {.state = 0};
    struct kc_result result =
        world->store.key_offer_get(world->store.context, &row, toy->purse.number);
    assert_true(!kc_failed(result) || result.code == KC_NOT_FOUND);
    return row;
}

/* S3 of that order, with keys that are a letter. */
static struct kc_result made(struct world *world, const struct toy *toy, uint64_t ordered_ms,
                             char letter)
{
    const struct kc_purse_key_row keys = keys_of(toy, letter);
    struct kc_key_offer_row row = {.purse = toy->purse,
                                   .account = toy->account,
                                   .state = KC_KEY_OFFER_ORDERED,
                                   .ordered_ms = ordered_ms,
                                   .sign_size = keys.sign_size,
                                   .encrypt_size = keys.encrypt_size};
    memcpy(row.signer, keys.signer, sizeof row.signer);
    memcpy(row.sign_key, keys.sign_key, keys.sign_size);
    memcpy(row.encrypt_key, keys.encrypt_key, keys.encrypt_size);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_key_offer_ready(&world->ledger, &row);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* The claim, signed by the old key. */
static struct kc_result claim(struct kc_renewal_row *row, struct toy *toy, struct world *world)
{
    struct toy_message message;
    toy_settle(&message, toy, world);
    const struct kc_ledger_source source = toy_source(&message);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_claim(row, &world->ledger, message.settle_ms, &message.information, &source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* The bank knows the certificates, those of the claim or of keys that are made since. */
static struct kc_result claimed(struct kc_renewal_row *row, struct world *world)
{
    name_certified(row);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_claimed(&world->ledger, row);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* S8 in the purse, and its report. */
static struct kc_result confirm(struct toy *toy, struct world *world,
                                const struct kc_renewal_row *row)
{
    struct toy_reply reply;
    change_over(toy, world, row);
    return toy_report(toy, world, &reply);
}

static uint64_t ready_since(struct world *world, const struct toy *toy)
{
    uint64_t ready_ms = 77;
    EXPECT(kc_ledger_key_ready(&ready_ms, &world->ledger, toy->purse), KC_OK);
    return ready_ms;
}

/* shows: R-RENEW-2 R-RENEW-3 R-RENEW-5 */
static void ordered_ready_claimed_and_confirmed(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    struct kc_key_offer_row due;
    begin(&toy, world, 1);
    EXPECT(claim(&row, &toy, world), KC_NO_KEY_READY);
    EXPECT(kc_ledger_key_offer_due(&due, &world->ledger, 0), KC_NOT_FOUND);
    EXPECT(order(world, toy.account), KC_OK);
    const uint64_t ordered_ms = world->now_ms;
    world->now_ms += 1000;
    /* Ordered again is the same order, also after a start of the bank. */
    EXPECT(order(world, toy.account), KC_OK);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    EXPECT(kc_ledger_key_offer_due(&due, &world->ledger, 0), KC_OK);
    assert_int_equal(due.purse.number, toy.purse.number);
    assert_int_equal(due.ordered_ms, ordered_ms);
    EXPECT(kc_ledger_key_offer_due(&due, &world->ledger, toy.purse.number), KC_NOT_FOUND);
    assert_int_equal(ready_since(world, &toy), 0);
    EXPECT(claim(&row, &toy, world), KC_NO_KEY_READY);
    EXPECT(made(world, &toy, ordered_ms, 'b'), KC_OK);
    assert_int_equal(ready_since(world, &toy), world->now_ms);
    EXPECT(kc_ledger_key_offer_due(&due, &world->ledger, 0), KC_NOT_FOUND);
    EXPECT(order(world, toy.account), KC_OK);
    assert_int_equal(offer_of(world, &toy).state, KC_KEY_OFFER_READY);
    EXPECT(claim(&row, &toy, world), KC_OK);
    assert_int_equal(row.sign_key[0], 'b');
    EXPECT(claimed(&row, world), KC_OK);
    assert_int_equal(key_of(world, &toy), 'a');
    assert_int_equal(offer_of(world, &toy).state, KC_KEY_OFFER_READY);
    EXPECT(confirm(&toy, world, &row), KC_OK);
    assert_int_equal(key_of(world, &toy), 'b');
    assert_int_equal(offer_of(world, &toy).state, KC_KEY_OFFER_ENDED);
    assert_int_equal(ready_since(world, &toy), 0);
    EXPECT(claim(&row, &toy, world), KC_NO_KEY_READY);
    expect_clean(world);
    /* The next time is an order of its own. */
    world->now_ms += 1000;
    EXPECT(order(world, toy.account), KC_OK);
    assert_int_equal(offer_of(world, &toy).ordered_ms, world->now_ms);
}

/* shows: R-RENEW-2 R-SEC-4 */
static void who_may_have_none_gets_none(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy lost;
    struct toy card;
    struct kc_renewal_row row;
    struct kc_key_offer_row due;
    begin(&toy, world, 1);
    begin(&lost, world, 2);
    EXPECT(toy_open_kind(&card, world, 3, KC_PURSE_TYPE_BEARER, NULL), KC_OK);
    EXPECT(order(world, kc_account_nth(999)), KC_UNKNOWN_ACCOUNT);
    EXPECT(order(world, card.account), KC_NOT_ALLOWED);
    /* Ordered before it was lost: the authority is not asked. */
    EXPECT(order(world, lost.account), KC_OK);
    EXPECT(kc_ledger_key_offer_due(&due, &world->ledger, 0), KC_OK);
    toy_lose(&lost, world);
    EXPECT(kc_ledger_key_offer_due(&due, &world->ledger, 0), KC_NOT_FOUND);
    /* While the purse's own renewal is on its way. */
    EXPECT(ask(&row, &toy, world, 'c'), KC_OK);
    EXPECT(order(world, toy.account), KC_PENDING);
    assert_int_equal(offer_of(world, &toy).state, 0);
    assert_int_equal(offer_of(world, &card).state, 0);
    world->now_ms += WORLD_ACCOUNT_MS;
    EXPECT(order(world, toy.account), KC_ACCOUNT_EXPIRED);
}

/* shows: R-RENEW-2 R-SEC-4 */
static void a_lost_purse_neither_orders_nor_claims(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy late;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    begin(&late, world, 2);
    EXPECT(order(world, toy.account), KC_OK);
    EXPECT(made(world, &toy, world->now_ms, 'b'), KC_OK);
    toy_lose(&toy, world);
    toy_lose(&late, world);
    EXPECT(claim(&row, &toy, world), KC_REPORTED_LOST);
    EXPECT(order(world, late.account), KC_PURSE_BLOCKED);
    assert_int_equal(key_of(world, &toy), 'a');
}

/* shows: R-RENEW-5 */
static void a_purse_lost_between_claim_and_answer_gets_nothing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(order(world, toy.account), KC_OK);
    EXPECT(made(world, &toy, world->now_ms, 'b'), KC_OK);
    EXPECT(claim(&row, &toy, world), KC_OK);
    toy_lose(&toy, world);
    EXPECT(claimed(&row, world), KC_PURSE_BLOCKED);
    assert_int_equal(key_of(world, &toy), 'a');
}

/* shows: R-RENEW-3 */
static void an_answer_belongs_to_its_order(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    begin(&toy, world, 1);
    begin(&other, world, 2);
    EXPECT(made(world, &toy, world->now_ms, 'b'), KC_OUT_OF_ORDER);
    EXPECT(order(world, toy.account), KC_OK);
    const uint64_t ordered_ms = world->now_ms;
    EXPECT(made(world, &toy, ordered_ms - 1, 'b'), KC_OUT_OF_ORDER);
    EXPECT(made(world, &other, ordered_ms, 'b'), KC_OUT_OF_ORDER);
    assert_int_equal(offer_of(world, &toy).state, KC_KEY_OFFER_ORDERED);
    EXPECT(made(world, &toy, ordered_ms, 'b'), KC_OK);
    world->now_ms += 5;
    EXPECT(made(world, &toy, ordered_ms, 'c'), KC_OUT_OF_ORDER);
    assert_int_equal(offer_of(world, &toy).sign_key[0], 'b');
    assert_int_equal(ready_since(world, &toy), world->now_ms - 5);
    assert_int_equal(offer_of(world, &other).state, 0);
}

/* shows: R-RENEW-3 R-RENEW-5 */
static void keys_made_anew_take_the_place_of_the_offer(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    struct kc_renewal_row first;
    begin(&toy, world, 1);
    EXPECT(order(world, toy.account), KC_OK);
    EXPECT(made(world, &toy, world->now_ms, 'b'), KC_OK);
    EXPECT(claim(&row, &toy, world), KC_OK);
    first = row;
    const struct kc_purse_key_row anew = keys_of(&toy, 'd');
    memcpy(row.signer, anew.signer, sizeof row.signer);
    memcpy(row.sign_key, anew.sign_key, anew.sign_size);
    memcpy(row.encrypt_key, anew.encrypt_key, anew.encrypt_size);
    EXPECT(claimed(&row, world), KC_OK);
    assert_int_equal(offer_of(world, &toy).sign_key[0], 'd');
    /* The old key of the purse is nobody's new one. */
    struct kc_renewal_row back = row;
    const struct kc_purse_key_row old = keys_of(&toy, 'a');
    memcpy(back.signer, old.signer, sizeof back.signer);
    memcpy(back.sign_key, old.sign_key, old.sign_size);
    EXPECT(claimed(&back, world), KC_ALREADY_EXISTS);
    assert_int_equal(offer_of(world, &toy).sign_key[0], 'd');
    /* Neither does the first claim's answer come again over a claim that stands on more entries. */
    struct toy_reply reply;
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 10, &reply), KC_OK);
    EXPECT(claim(&row, &toy, world), KC_OK);
    assert_int_equal(row.sign_key[0], 'd');
    EXPECT(claimed(&first, world), KC_OUT_OF_ORDER);
    EXPECT(claimed(&row, world), KC_OK);
    EXPECT(confirm(&toy, world, &row), KC_OK);
    assert_int_equal(key_of(world, &toy), 'd');
    EXPECT(claimed(&row, world), KC_NO_KEY_READY);
}

static void make_anew(struct kc_renewal_row *row, const struct toy *toy, char letter)
{
    const struct kc_purse_key_row anew = keys_of(toy, letter);
    memcpy(row->signer, anew.signer, sizeof row->signer);
    memcpy(row->sign_key, anew.sign_key, anew.sign_size);
    memcpy(row->encrypt_key, anew.encrypt_key, anew.encrypt_size);
}

/* shows: R-RENEW-3 R-RENEW-5 R-RENEW-7 */
static void a_slow_claim_takes_nothing_from_a_later_one(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row slow;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(order(world, toy.account), KC_OK);
    EXPECT(made(world, &toy, world->now_ms, 'b'), KC_OK);
    EXPECT(claim(&slow, &toy, world), KC_OK);
    world->now_ms += 5;
    EXPECT(claim(&row, &toy, world), KC_OK);
    make_anew(&row, &toy, 'd');
    EXPECT(claimed(&row, world), KC_OK);
    EXPECT(claimed(&slow, world), KC_OUT_OF_ORDER);
    assert_int_equal(offer_of(world, &toy).sign_key[0], 'd');
    /* Nor do keys made once more take the place of those that the purse may have by now: they stand beside them. */
    struct kc_renewal_row last;
    EXPECT(claim(&last, &toy, world), KC_OK);
    make_anew(&last, &toy, 'e');
    EXPECT(claimed(&last, world), KC_OK);
    EXPECT(world->store.renewal_last(world->store.context, &last, toy.purse.number), KC_OK);
    assert_int_equal(last.sign_key[0], 'e');
    assert_int_equal(last.number, row.number + 1);
    EXPECT(confirm(&toy, world, &last), KC_OK);
    assert_int_equal(key_of(world, &toy), 'e');
}

/* shows: R-RENEW-2 */
static void the_calendar_orders_for_those_whose_keys_end(void **state)
{
    struct world *world = *state;
    struct toy toys[4];
    struct kc_renewal_row row;
    uint64_t after = 0;
    size_t seen = 0;
    const uint64_t end_ms = WORLD_START_MS + WORLD_ACCOUNT_MS;
    for (unsigned i = 0; i < 4; i++) {
        begin(&toys[i], world, 1 + i);
    }
    EXPECT(wanted(&after, world, end_ms), KC_NOT_FOUND);
    EXPECT(order(world, toys[0].account), KC_OK);
    EXPECT(ask(&row, &toys[1], world, 'c'), KC_OK);
    toy_lose(&toys[2], world);
    while (!kc_failed(wanted(&after, world, end_ms + 1))) {
        assert_true(after == toys[1].purse.number || after == toys[3].purse.number);
        seen += 1;
        assert_true(seen <= 2);
    }
    assert_int_equal(seen, 2);
    assert_int_equal(offer_of(world, &toys[1]).state, 0);
    assert_int_equal(offer_of(world, &toys[2]).state, 0);
    assert_int_equal(offer_of(world, &toys[3]).state, KC_KEY_OFFER_ORDERED);
}

/* Its certificate is in the directory, so whoever has the key is known for who it is. */
/* shows: R-RENEW-5 R-SEC-2 */
static void a_key_that_waits_says_nothing_before_the_claim(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(order(world, toy.account), KC_OK);
    EXPECT(made(world, &toy, world->now_ms, 'b'), KC_OK);
    struct toy early = toy;
    const struct kc_purse_key_row keys = keys_of(&toy, 'b');
    memcpy(early.signer, keys.signer, sizeof early.signer);
    const struct kc_purse_row before = world_purse(world, toy.purse);
    toy_cash(&message, &early, world, KC_CASH_KIND_WITHDRAW, 5);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    toy_state(&message, &early, world);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    EXPECT(toy_report(&early, world, &reply), KC_PENDING);
    EXPECT(claim(&row, &early, world), KC_PENDING);
    EXPECT(ask(&row, &early, world, 'c'), KC_PENDING);
    const struct kc_purse_row after = world_purse(world, toy.purse);
    assert_memory_equal(&before, &after, sizeof before);
    /* Nor does it answer what the old one asked. */
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 5);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    struct kc_cash_quote quote = reply.quote;
    quote.user_name = kc_view_text(reply.name);
    toy_answer(&message, &toy, world, &quote, KC_ANSWER_OK);
    memcpy(message.signer, keys.signer, sizeof message.signer);
    EXPECT(world_send(world, &reply, &message), KC_PENDING);
    memcpy(message.signer, toy.signer, sizeof message.signer);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(&toy, world, &reply.outcome);
    EXPECT(claim(&row, &toy, world), KC_OK);
    EXPECT(claimed(&row, world), KC_OK);
    EXPECT(confirm(&toy, world, &row), KC_OK);
}

/* shows: R-RENEW-5 */
static void the_purses_own_renewal_ends_the_offer(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct kc_renewal_row row;
    begin(&toy, world, 1);
    EXPECT(order(world, toy.account), KC_OK);
    EXPECT(made(world, &toy, world->now_ms, 'b'), KC_OK);
    EXPECT(ask(&row, &toy, world, 'c'), KC_OK);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    memset(row.identity_digest, 99, KC_DIGEST_SIZE);
    EXPECT(kc_ledger_renew_certified(&world->ledger, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(offer_of(world, &toy).state, KC_KEY_OFFER_READY);
    EXPECT(confirm(&toy, world, &row), KC_OK);
    assert_int_equal(key_of(world, &toy), 'c');
    assert_int_equal(offer_of(world, &toy).state, KC_KEY_OFFER_ENDED);
    EXPECT(claim(&row, &toy, world), KC_NO_KEY_READY);
    expect_clean(world);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ordered_ready_claimed_and_confirmed),
        TEST(who_may_have_none_gets_none),
        TEST(a_lost_purse_neither_orders_nor_claims),
        TEST(a_purse_lost_between_claim_and_answer_gets_nothing),
        TEST(an_answer_belongs_to_its_order),
        TEST(keys_made_anew_take_the_place_of_the_offer),
        TEST(a_slow_claim_takes_nothing_from_a_later_one),
        TEST(the_calendar_orders_for_those_whose_keys_end),
        TEST(a_key_that_waits_says_nothing_before_the_claim),
        TEST(the_purses_own_renewal_ends_the_offer),
    };
    return cmocka_run_group_tests_name("ledger: keys that the authority makes", tests, NULL, NULL);
}
