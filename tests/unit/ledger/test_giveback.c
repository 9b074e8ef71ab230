/* Question: does what a machine owes go from its owner to who paid it, once and no more than was paid, and does whatever else is
 * asked in its name move nothing? */
#include "expect.h"

#include <string.h>

#include "ledger/inside.h"

/* A dealer with a machine that took 60 from a buyer and 30 from a card without keys, and reported both. */
struct shop {
    struct toy dealer;
    struct toy machine;
    struct toy buyer;
    struct toy card;
};

static struct shop shop;

/* Makes a purse the card of the tests, as the bank has it. */
static void make_card(struct world *world, struct toy *card)
{
    struct kc_certified certified;
    struct kc_account_row account;
    const struct kc_store *store = world->ledger.store;
    toy_rich(card, world, 4, 0, 100);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_purse_row row = world_purse(world, card->purse);
    EXPECT(store->account_get(store->context, &account, card->account.number), KC_OK);
    row.type = KC_PURSE_TYPE_BEARER;
    account.type = KC_PURSE_TYPE_BEARER;
    EXPECT(store->account_put(store->context, &account), KC_OK);
    EXPECT(kc_ledger_certify(&certified, &world->ledger, &account, &row), KC_OK);
    EXPECT(store->purse_put(store->context, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    card->received = 0;
}

static int shop_setup(void **state)
{
    if (world_setup(state) != 0) {
        return -1;
    }
    struct world *world = *state;
    memset(&shop, 0, sizeof shop);
    toy_rich(&shop.dealer, world, 1, 0, 0);
    toy_rich(&shop.buyer, world, 2, 0, 200);
    EXPECT(toy_open_kind(&shop.machine, world, 3, KC_PURSE_TYPE_MACHINE, &shop.dealer.account),
           KC_OK);
    make_card(world, &shop.card);
    (void)toy_exchange(&shop.buyer, &shop.machine, world, 60);
    (void)toy_exchange(&shop.card, &shop.machine, world, 30);
    EXPECT(toy_report_all(&shop.machine, world), KC_OK);
    assert_int_equal(world_balance(world, shop.dealer.account), 90);
    return 0;
}

static struct kc_give_back word_of(struct world *world, uint64_t sale, uint64_t counter,
                                   const struct toy *to, uint64_t minor)
{
    return (struct kc_give_back){.bank = world->ledger.options.realm.bank,
                                 .purse = shop.machine.purse,
                                 .sale = sale,
                                 .counter = counter,
                                 .to = to->account,
                                 .amount = world_amount(minor),
                                 .time_ms = world->now_ms};
}

static struct kc_result give(struct kc_given_back *out, struct world *world,
                             const struct kc_give_back *word)
{
    struct world_letter letter;
    struct kc_given_back ignored;
    world_write(&letter, world, "give-back", (unsigned)word->sale, world->now_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_give_back(out == NULL ? &ignored : out, &world->ledger, word, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* A refusal moves nothing and leaves nothing behind. */
static void refused(struct world *world, const struct kc_give_back *word, enum kc_error error)
{
    uint64_t before = postings(world);
    uint64_t kept = world_ask(world, "SELECT count(*) FROM evidence");
    EXPECT(give(NULL, world, word), error);
    assert_int_equal(postings(world), before);
    assert_int_equal(world_ask(world, "SELECT count(*) FROM evidence"), kept);
}

/* shows: R-VEND-6 R-NODE-8 */
static void a_card_without_keys_is_loaded_with_it(void **state)
{
    struct world *world = *state;
    struct kc_given_back said;
    struct kc_certified loaded;
    const struct kc_give_back word = word_of(world, 7, 2, &shop.card, 30);
    assert_int_equal(world_signed_shadow(world, shop.card.purse), 70);
    EXPECT(give(&said, world, &word), KC_OK);
    assert_int_equal(said.sale, 7);
    assert_int_equal(said.purse.number, shop.machine.purse.number);
    assert_int_equal(said.to.number, shop.card.account.number);
    assert_int_equal(kc_amount_minor(said.amount), 30);
    assert_int_equal(world_signed_shadow(world, shop.card.purse), 100);
    assert_int_equal(world_balance(world, shop.dealer.account), 60);
    /* SGN4 says what was ever loaded: the card may be told. */
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_card(&loaded, &world->ledger, shop.card.purse), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(kc_amount_minor(loaded.purse_amount), 130);
    expect_clean(world);
}

/* shows: R-VEND-6 */
static void the_same_sale_is_paid_once(void **state)
{
    struct world *world = *state;
    struct kc_given_back said[3];
    struct kc_give_back word = word_of(world, 7, 2, &shop.card, 30);
    EXPECT(give(&said[0], world, &word), KC_OK);
    uint64_t before = postings(world);
    EXPECT(give(&said[1], world, &word), KC_OK);
    /* The machine signs anew, at another time. */
    world->now_ms += 5000;
    word.time_ms = world->now_ms;
    EXPECT(give(&said[2], world, &word), KC_OK);
    assert_int_equal(postings(world), before);
    assert_memory_equal(&said[0], &said[1], sizeof said[0]);
    assert_memory_equal(&said[0], &said[2], sizeof said[0]);
    /* Nor is it another sale by another name. */
    word.amount = world_amount(29);
    refused(world, &word, KC_MISMATCH);
    word = word_of(world, 7, 1, &shop.buyer, 30);
    refused(world, &word, KC_MISMATCH);
    /* What was answered stays answered when the machine is out of use. */
    struct world_letter letter;
    const struct kc_lost_request lost = {
        .account = shop.machine.account, .purse = shop.machine.purse, .time_ms = world->now_ms};
    world_write(&letter, world, "lost", 9, world->now_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_lost(&world->ledger, &lost, &letter.source), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    word = word_of(world, 7, 2, &shop.card, 30);
    EXPECT(give(&said[1], world, &word), KC_OK);
    word = word_of(world, 8, 1, &shop.buyer, 10);
    refused(world, &word, KC_REPORTED_LOST);
    expect_clean(world);
}

/* shows: R-VEND-6 */
static void no_more_than_was_paid_goes_back(void **state)
{
    struct world *world = *state;
    struct kc_give_back word = word_of(world, 7, 1, &shop.buyer, 61);
    refused(world, &word, KC_AMOUNT_TOO_LARGE);
    word = word_of(world, 7, 1, &shop.buyer, 0);
    refused(world, &word, KC_AMOUNT_ZERO);
    word = word_of(world, 7, 1, &shop.buyer, 40);
    EXPECT(give(NULL, world, &word), KC_OK);
    word = word_of(world, 8, 1, &shop.buyer, 21);
    refused(world, &word, KC_GIVEN_BACK);
    word = word_of(world, 8, 1, &shop.buyer, 20);
    EXPECT(give(NULL, world, &word), KC_OK);
    word = word_of(world, 9, 1, &shop.buyer, 1);
    refused(world, &word, KC_GIVEN_BACK);
    expect_amounts(world, &shop.buyer, 60, 140);
    assert_int_equal(world_balance(world, shop.dealer.account), 30);
    expect_clean(world);
}

/* shows: R-VEND-6 R-SEC-4 */
static void nobody_else_is_paid(void **state)
{
    struct world *world = *state;
    struct kc_give_back word = word_of(world, 7, 2, &shop.buyer, 30);
    refused(world, &word, KC_NOT_ALLOWED);
    word = word_of(world, 7, 2, &shop.dealer, 30);
    refused(world, &word, KC_NOT_ALLOWED);
    word = word_of(world, 7, 3, &shop.card, 30);
    refused(world, &word, KC_NOT_SETTLED);
    word = word_of(world, 7, 0, &shop.card, 30);
    refused(world, &word, KC_NOT_FOUND);
    word = word_of(world, 0, 2, &shop.card, 30);
    refused(world, &word, KC_MALFORMED);
    word = word_of(world, 7, 2, &shop.card, 30);
    word.has_reference = true;
    refused(world, &word, KC_NOT_FOUND);
    word = word_of(world, 7, 2, &shop.card, 30);
    word.bank += 1;
    refused(world, &word, KC_MISMATCH);
    word = word_of(world, 7, 1, &shop.buyer, 30);
    word.purse = shop.buyer.purse;
    refused(world, &word, KC_NOT_ALLOWED);
    word.purse.number += 1;
    refused(world, &word, KC_MALFORMED);
    expect_clean(world);
}

/* A payment that only its payer showed, and one that the machine has not reported. */
static void what_the_machine_has_not_reported_waits(void **state)
{
    struct world *world = *state;
    (void)toy_exchange(&shop.buyer, &shop.machine, world, 20);
    EXPECT(toy_report_all(&shop.buyer, world), KC_OK);
    const struct kc_give_back word = word_of(world, 9, 3, &shop.buyer, 20);
    refused(world, &word, KC_NOT_SETTLED);
    EXPECT(toy_report_all(&shop.machine, world), KC_OK);
    EXPECT(give(NULL, world, &word), KC_OK);
    expect_clean(world);
}

/* shows: R-VEND-6 */
static void what_the_dealer_has_not_stays_owed(void **state)
{
    struct world *world = *state;
    struct toy_reply reply;
    const struct kc_give_back word = word_of(world, 7, 2, &shop.card, 30);
    EXPECT(toy_fund_whole(&shop.dealer, world, KC_FUND_KIND_REDEEM, 61, &reply), KC_OK);
    refused(world, &word, KC_INSUFFICIENT_ACCOUNT);
    EXPECT(toy_fund_whole(&shop.dealer, world, KC_FUND_KIND_FUND, 1, &reply), KC_OK);
    EXPECT(give(NULL, world, &word), KC_OK);
    assert_int_equal(world_balance(world, shop.dealer.account), 0);
    expect_clean(world);
}

/* shows: R-NODE-8 */
static void a_card_out_of_use_is_not_loaded(void **state)
{
    struct world *world = *state;
    const struct kc_give_back word = word_of(world, 7, 2, &shop.card, 30);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_purse_row row = world_purse(world, shop.card.purse);
    EXPECT(kc_ledger_put_out(&world->ledger, &row, KC_COPIED_OR_RESTORED), KC_OK);
    EXPECT(kc_ledger_save_purse(&world->ledger, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    refused(world, &word, KC_PURSE_BLOCKED);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    row.out_reason = KC_REPORTED_LOST;
    EXPECT(kc_ledger_save_purse(&world->ledger, &row), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    refused(world, &word, KC_REPORTED_LOST);
    expect_clean(world);
}

/* ---- what was paid from an account, for an offer of a machine ---- */

/* The buyer pays that from his account for the offer that begins with this byte. */
static void pay_offer(struct toy *buyer, struct world *world, struct kc_purse_id machine,
                      uint8_t offer, uint64_t minor)
{
    struct toy_message asks;
    struct toy_message ok;
    struct toy_reply reply;
    struct kc_transfer_quote quote;
    char name[KC_NAME_SIZE_MAX + 1];
    uint8_t encoded[512];
    struct kc_buffer buffer = KC_BUFFER(encoded);
    toy_cash(&asks, buyer, world, KC_CASH_KIND_WITHDRAW, minor);
    const struct kc_transfer_request request = {.source = KC_TRANSFER_SOURCE_ACCOUNT,
                                                .to = shop.dealer.account,
                                                .amount = world_amount(minor),
                                                .has_reference = true,
                                                .reference = {offer},
                                                .has_machine = true,
                                                .machine = machine,
                                                .time_ms = asks.cash.time_ms};
    struct kc_ledger_source from = {.bytes = kc_view(asks.bytes, asks.size)};
    memcpy(from.digest, asks.digest, KC_DIGEST_SIZE);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_transfer_request(&quote, name, &world->ledger, &request, &asks.information,
                                      &from),
           KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    memset(&ok, 0, sizeof ok);
    ok.kind = TOY_ANSWER;
    ok.holder = buyer->account;
    ok.answer = (struct kc_cash_answer){.purse = buyer->purse,
                                        .transaction_ms = quote.transaction_ms,
                                        .answer = KC_ANSWER_OK,
                                        .time_ms = toy_next_time(buyer, world)};
    EXPECT(kc_shape_encode(&buffer, &kc_transfer_quote_shape, &quote), KC_OK);
    kc_digest(&world->crypto, ok.answer.quote, kc_buffer_view(&buffer));
    buyer->life = TOY_ANSWERED;
    toy_stamp(&ok, world, "");
    EXPECT(world_send(world, &reply, &ok), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    toy_take(buyer, world, &reply.outcome);
}

static struct kc_give_back word_for(struct world *world, uint64_t sale, uint8_t offer,
                                    const struct toy *to, uint64_t minor)
{
    struct kc_give_back word = word_of(world, sale, 0, to, minor);
    word.has_reference = true;
    word.reference[0] = offer;
    return word;
}

/* A buyer who has his value in the account, and paid 120 for offer 7 and 50 for offer 8 of the machine. */
static void pay_two(struct toy *payer, struct world *world)
{
    toy_rich(payer, world, 5, 500, 0);
    pay_offer(payer, world, shop.machine.purse, 7, 120);
    pay_offer(payer, world, shop.machine.purse, 8, 50);
    expect_amounts(world, payer, 330, 0);
    assert_int_equal(world_balance(world, shop.dealer.account), 260);
}

/* shows: R-VEND-6 R-VEND-7 */
static void each_voucher_has_its_own_sum(void **state)
{
    struct world *world = *state;
    struct toy payer;
    pay_two(&payer, world);
    struct kc_give_back word = word_for(world, 11, 7, &payer, 121);
    refused(world, &word, KC_AMOUNT_TOO_LARGE);
    word = word_for(world, 11, 8, &payer, 51);
    refused(world, &word, KC_AMOUNT_TOO_LARGE);
    word = word_for(world, 11, 7, &payer, 100);
    EXPECT(give(NULL, world, &word), KC_OK);
    word = word_for(world, 12, 8, &payer, 50);
    EXPECT(give(NULL, world, &word), KC_OK);
    word = word_for(world, 13, 8, &payer, 1);
    refused(world, &word, KC_GIVEN_BACK);
    word = word_for(world, 13, 7, &payer, 21);
    refused(world, &word, KC_GIVEN_BACK);
    word = word_for(world, 13, 7, &payer, 20);
    EXPECT(give(NULL, world, &word), KC_OK);
    expect_amounts(world, &payer, 500, 0);
    assert_int_equal(world_balance(world, shop.dealer.account), 90);
    /* What a purse paid has a sum beside them. */
    word = word_of(world, 14, 1, &shop.buyer, 60);
    EXPECT(give(NULL, world, &word), KC_OK);
    expect_clean(world);
}

/* shows: R-VEND-6 R-VEND-7 */
static void a_voucher_is_given_back_once(void **state)
{
    struct world *world = *state;
    struct toy payer;
    struct kc_given_back said[2];
    pay_two(&payer, world);
    struct kc_give_back word = word_for(world, 11, 7, &payer, 120);
    EXPECT(give(&said[0], world, &word), KC_OK);
    uint64_t before = postings(world);
    world->now_ms += 5000;
    word.time_ms = world->now_ms;
    EXPECT(give(&said[1], world, &word), KC_OK);
    assert_memory_equal(&said[0], &said[1], sizeof said[0]);
    assert_int_equal(postings(world), before);
    /* The same sale is of no other offer, and not of the purse's payment. */
    word = word_for(world, 11, 8, &payer, 120);
    refused(world, &word, KC_MISMATCH);
    word = word_of(world, 11, 1, &payer, 120);
    refused(world, &word, KC_MISMATCH);
    expect_amounts(world, &payer, 450, 0);
    expect_clean(world);
}

/* shows: R-VEND-7 R-SEC-4 */
static void a_voucher_of_somebody_else_gives_nothing_back(void **state)
{
    struct world *world = *state;
    struct toy payer;
    struct toy other;
    pay_two(&payer, world);
    EXPECT(toy_open_kind(&other, world, 6, KC_PURSE_TYPE_MACHINE, &shop.dealer.account), KC_OK);
    pay_offer(&payer, world, other.purse, 9, 30);
    struct kc_give_back word = word_for(world, 11, 9, &payer, 30);
    refused(world, &word, KC_WRONG_MACHINE);
    word.purse = other.purse;
    EXPECT(give(NULL, world, &word), KC_OK);
    word = word_for(world, 12, 10, &payer, 30);
    refused(world, &word, KC_NOT_FOUND);
    word = word_for(world, 12, 0, &payer, 30);
    refused(world, &word, KC_NOT_FOUND);
    word = word_for(world, 12, 7, &shop.buyer, 120);
    refused(world, &word, KC_NOT_ALLOWED);
    word = word_for(world, 12, 7, &shop.dealer, 120);
    refused(world, &word, KC_NOT_ALLOWED);
    /* A counter and a reference are never of one payment. */
    word = word_for(world, 12, 7, &payer, 60);
    word.counter = 1;
    refused(world, &word, KC_NOT_FOUND);
    expect_amounts(world, &payer, 330, 0);
    expect_clean(world);
}

/* shows: R-VEND-7 */
static void the_audit_derives_what_a_voucher_gave_again(void **state)
{
    static const char *const acts[] = {
        "UPDATE give_backs SET amount = amount + 1 WHERE sale = 11",
        "UPDATE give_backs SET amount = 121 WHERE sale = 11",
        "UPDATE give_backs SET receiver = owner WHERE sale = 11",
        "UPDATE give_backs SET reference = (SELECT reference FROM give_backs WHERE sale = 12)",
        "UPDATE give_backs SET reference = zeroblob(32) WHERE sale = 11",
        "UPDATE give_backs SET counter = 1 WHERE sale = 11",
        "UPDATE give_backs SET owner = receiver WHERE sale = 11",
        "DELETE FROM give_backs WHERE sale = 11",
    };
    struct world *world = *state;
    struct toy payer;
    pay_two(&payer, world);
    struct kc_give_back word = word_for(world, 11, 7, &payer, 100);
    EXPECT(give(NULL, world, &word), KC_OK);
    word = word_for(world, 12, 8, &payer, 50);
    EXPECT(give(NULL, world, &word), KC_OK);
    expect_clean(world);
    expect_found(world, acts, sizeof acts / sizeof acts[0]);
    EXPECT(world_open(world), KC_OK);
}

/* What somebody changes in the store is found. */
static void the_audit_derives_it_again(void **state)
{
    static const char *const acts[] = {"UPDATE give_backs SET amount = 31",
                                       "UPDATE give_backs SET receiver = owner",
                                       "UPDATE give_backs SET counter = 1",
                                       "UPDATE give_backs SET counter = 9",
                                       "UPDATE give_backs SET card = 0",
                                       "UPDATE give_backs SET owner = receiver",
                                       "UPDATE give_backs SET time = time + 1",
                                       "UPDATE give_backs SET digest = zeroblob(32)",
                                       "DELETE FROM give_backs",
                                       "UPDATE give_backs SET card = purse"};
    struct world *world = *state;
    const struct kc_give_back word = word_of(world, 7, 2, &shop.card, 30);
    EXPECT(give(NULL, world, &word), KC_OK);
    expect_clean(world);
    expect_found(world, acts, sizeof acts / sizeof acts[0]);
    EXPECT(world_open(world), KC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, shop_setup, world_teardown)
        CASE(a_card_without_keys_is_loaded_with_it),
        CASE(the_same_sale_is_paid_once),
        CASE(no_more_than_was_paid_goes_back),
        CASE(nobody_else_is_paid),
        CASE(what_the_machine_has_not_reported_waits),
        CASE(what_the_dealer_has_not_stays_owed),
        CASE(a_card_out_of_use_is_not_loaded),
        CASE(the_audit_derives_it_again),
        CASE(each_voucher_has_its_own_sum),
        CASE(a_voucher_is_given_back_once),
        CASE(a_voucher_of_somebody_else_gives_nothing_back),
        CASE(the_audit_derives_what_a_voucher_gave_again),
    };
    return cmocka_run_group_tests_name("giveback", tests, NULL, NULL);
}
