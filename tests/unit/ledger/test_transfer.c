/* Question: does a transfer reach its receiver exactly once, whoever that is by the time of the OK, and does it come to nothing,
 * with nothing moved, where the receiver cannot have it? */
#include "expect.h"

#include <string.h>

#include "ledger/inside.h"

/* A request as it was sent, and the quote that came. */
struct asked {
    struct toy_message message;
    struct kc_transfer_request request;
    struct kc_transfer_quote quote;
    char name[KC_NAME_SIZE_MAX + 1];
};

static struct kc_result send(struct asked *asked, struct world *world)
{
    struct kc_ledger_source from = {.bytes = kc_view(asked->message.bytes, asked->message.size)};
    memcpy(from.digest, asked->message.digest, KC_DIGEST_SIZE);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result =
        kc_ledger_transfer_request(&asked->quote, asked->name, &world->ledger, &asked->request,
                                   &asked->message.information, &from);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

static struct kc_result ask(struct asked *out, struct toy *toy, struct world *world,
                            enum kc_transfer_source source, struct kc_account_id to, uint64_t minor)
{
    memset(out, 0, sizeof *out);
    toy_cash(&out->message, toy, world, KC_CASH_KIND_WITHDRAW, minor);
    out->request = (struct kc_transfer_request){.source = source,
                                                .to = to,
                                                .amount = world_amount(minor),
                                                .time_ms = out->message.cash.time_ms};
    return send(out, world);
}

/* A transfer from the account for the offer that begins with this byte. */
static struct kc_result ask_for(struct asked *out, struct toy *toy, struct world *world,
                                struct kc_account_id to, uint8_t offer, struct kc_purse_id machine)
{
    memset(out, 0, sizeof *out);
    toy_cash(&out->message, toy, world, KC_CASH_KIND_WITHDRAW, 120);
    out->request = (struct kc_transfer_request){.source = KC_TRANSFER_SOURCE_ACCOUNT,
                                                .to = to,
                                                .amount = world_amount(120),
                                                .has_reference = true,
                                                .reference = {offer},
                                                .has_machine = true,
                                                .machine = machine,
                                                .time_ms = out->message.cash.time_ms};
    return send(out, world);
}

/* The cash-out entry of an OK names who receives. */
static void add_cash_out(struct toy_message *out, struct toy *toy, struct world *world,
                         const struct kc_transfer_quote *quote)
{
    struct kc_buffer bytes = KC_BUFFER(out->entry_bytes);
    out->entry = (struct kc_entry){.kind = KC_ENTRY_KIND_CASH_OUT,
                                   .counter = toy->counter + 1,
                                   .time_ms = out->answer.time_ms,
                                   .amount = quote->amount,
                                   .has_transaction = true,
                                   .transaction_ms = quote->transaction_ms,
                                   .has_recipient = true,
                                   .recipient = quote->to};
    (void)toy_add_entry(toy, world, &out->entry, &bytes);
    out->entry_size = bytes.size;
    toy->value -= kc_amount_minor(quote->amount);
    toy->paid += kc_amount_minor(quote->amount);
    toy->pending_entry = out->entry.counter;
}

static void write_answer(struct toy_message *out, struct toy *toy, struct world *world,
                         const struct asked *asked, enum kc_answer answer)
{
    uint8_t encoded[512];
    struct kc_buffer buffer = KC_BUFFER(encoded);
    memset(out, 0, sizeof *out);
    out->kind = TOY_ANSWER;
    out->holder = toy->account;
    out->answer.purse = toy->purse;
    out->answer.transaction_ms = asked->quote.transaction_ms;
    out->answer.answer = answer;
    out->answer.time_ms = toy_next_time(toy, world);
    EXPECT(kc_shape_encode(&buffer, &kc_transfer_quote_shape, &asked->quote), KC_OK);
    kc_digest(&world->crypto, out->answer.quote, kc_buffer_view(&buffer));
    if (answer == KC_ANSWER_OK && asked->request.source == KC_TRANSFER_SOURCE_PURSE) {
        add_cash_out(out, toy, world, &asked->quote);
    }
    toy->life = answer == KC_ANSWER_OK ? TOY_ANSWERED : TOY_READY;
    toy_stamp(out, world, "");
}

/* The OK, and what it came to; the purse hears it. */
static void expect_end(struct toy *toy, struct world *world, const struct asked *asked,
                       enum kc_outcome outcome, enum kc_error reason)
{
    struct toy_message message;
    struct toy_reply reply;
    write_answer(&message, toy, world, asked, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, outcome);
    assert_string_equal(kc_error_name(reply.outcome.reason), kc_error_name(reason));
    toy_take(toy, world, &reply.outcome);
    expect_clean(world);
}

static void sync(struct toy *toy, struct world *world)
{
    struct toy_message message;
    struct toy_reply reply;
    toy_state(&message, toy, world);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_take(toy, world, &reply.outcome);
}

static struct kc_result cancel(struct world *world, const struct toy *toy)
{
    struct world_letter letter;
    const struct kc_cancel_request request = {
        .account = toy->account, .purse = toy->purse, .time_ms = world->now_ms};
    world_write(&letter, world, "cancel", (unsigned)(toy->purse.number % 100000), world->now_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_cancel_account(&world->ledger, &request, &letter.source);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* A new purse for the account of a lost one, when the settlement time has passed. */
static void replace(struct toy *fresh, struct world *world, const struct toy *old)
{
    struct world_letter letter;
    struct kc_ledger_opened opened;
    uint64_t due_ms = 0;
    world->now_ms += WORLD_SETTLE_MS;
    struct kc_reissue_request request = {.account = old->account,
                                         .suite = KC_SUITE_ES256,
                                         .log_policy = KC_LOG_POLICY_REFUSE,
                                         .time_ms = world->now_ms};
    kc_be32_store(request.id, 900);
    world_write(&letter, world, "reissue", 900, request.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_reissue(&opened, &due_ms, &world->ledger, &request, &letter.source), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    memset(fresh, 0, sizeof *fresh);
    fresh->type = old->type;
    fresh->account = opened.account;
    fresh->purse = opened.purse;
    kc_be64_store(fresh->identity_digest, opened.purse.number);
    const struct kc_confirm_request confirm = {
        .account = opened.account, .purse = opened.purse, .time_ms = world->now_ms};
    world_write(&letter, world, "confirm", 900, confirm.time_ms);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_confirm_account(&fresh->certified, &world->ledger, &confirm,
                                     fresh->identity_digest, &letter.source),
           KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    fresh->value = kc_amount_minor(fresh->certified.purse_amount);
}

/* ---- to an account ---- */

/* shows: R-MOVE-1 R-MOVE-3 R-MOVE-4 */
static void from_the_purse_to_anothers_account(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct asked asked;
    toy_rich(&a, world, 1, 900, 100);
    toy_rich(&b, world, 2, 5, 7);
    uint64_t before = postings(world);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, b.account, 30), KC_OK);
    assert_int_equal(asked.quote.to.number, b.account.number);
    assert_string_equal(asked.name, "Hanako Example");
    assert_int_equal(kc_amount_minor(asked.quote.account_before), 900);
    assert_int_equal(kc_amount_minor(asked.quote.account_after), 900);
    assert_int_equal(kc_amount_minor(asked.quote.purse_before), 100);
    assert_int_equal(kc_amount_minor(asked.quote.purse_after), 70);
    assert_int_equal(postings(world), before);
    expect_amounts(world, &b, 5, 7);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    assert_int_equal(postings(world), before + 1);
    assert_int_equal(a.value, 70);
    assert_int_equal(a.entry_count, 0);
    expect_amounts(world, &a, 900, 70);
    expect_amounts(world, &b, 35, 7);
    /* And to the purse's own account, which is a deposit by another name. */
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, a.account, 20), KC_OK);
    assert_int_equal(kc_amount_minor(asked.quote.account_after), 920);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &a, 920, 50);
}

/* shows: R-MOVE-1 R-MOVE-4 R-MOVE-5 */
static void from_the_account_to_anothers_account(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct asked asked;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&a, world, 1, 900, 100);
    toy_rich(&b, world, 2, 5, 0);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, b.account, 300), KC_OK);
    assert_int_equal(kc_amount_minor(asked.quote.account_after), 600);
    assert_int_equal(kc_amount_minor(asked.quote.purse_after), 100);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &a, 600, 100);
    expect_amounts(world, &b, 305, 0);
    /* NG moves nothing. */
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, b.account, 300), KC_OK);
    write_answer(&message, &a, world, &asked, KC_ANSWER_NG);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_DECLINED);
    toy_take(&a, world, &reply.outcome);
    expect_amounts(world, &a, 600, 100);
    expect_amounts(world, &b, 305, 0);
    /* Nor does an OK that is late, or more than there is. */
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, b.account, 100), KC_OK);
    world->now_ms += WORLD_QUOTE_MS + 1;
    expect_end(&a, world, &asked, KC_OUTCOME_NOT_COMPLETED, KC_EXPIRED);
    assert_int_equal(a.value, 100);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, b.account, 601),
           KC_INSUFFICIENT_ACCOUNT);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, b.account, 101), KC_INSUFFICIENT_VALUE);
    expect_amounts(world, &a, 600, 100);
    expect_amounts(world, &b, 305, 0);
}

/* shows: R-MOVE-2 */
static void numbers_that_are_nobodys(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy machine;
    struct asked asked;
    toy_rich(&a, world, 1, 900, 100);
    EXPECT(toy_open_kind(&machine, world, 2, KC_PURSE_TYPE_MACHINE, &a.account), KC_OK);
    struct kc_account_id wrong = a.account;
    wrong.number += 1;
    for (int i = 0; i < 2; i++) {
        enum kc_transfer_source source =
            i == 0 ? KC_TRANSFER_SOURCE_PURSE : KC_TRANSFER_SOURCE_ACCOUNT;
        EXPECT(ask(&asked, &a, world, source, wrong, 10), KC_WRONG_NUMBER);
        EXPECT(send(&asked, world), KC_WRONG_NUMBER);
        EXPECT(ask(&asked, &a, world, source, kc_account_nth(99999), 10), KC_UNKNOWN_ACCOUNT);
        EXPECT(ask(&asked, &a, world, source, machine.account, 10), KC_NOT_ALLOWED);
        expect_clean(world);
    }
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, a.account, 10), KC_SAME_ACCOUNT);
    expect_amounts(world, &a, 900, 100);
}

/* shows: R-MOVE-5 */
static void repeats_get_the_stored_answer(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct asked asked;
    struct toy_message message;
    struct toy_reply first;
    struct toy_reply again;
    toy_rich(&a, world, 1, 900, 100);
    toy_rich(&b, world, 2, 0, 0);
    for (int i = 0; i < 2; i++) {
        enum kc_transfer_source source =
            i == 0 ? KC_TRANSFER_SOURCE_PURSE : KC_TRANSFER_SOURCE_ACCOUNT;
        EXPECT(ask(&asked, &a, world, source, b.account, 40), KC_OK);
        const struct kc_transfer_quote quote = asked.quote;
        world->now_ms += 100;
        EXPECT(send(&asked, world), KC_OK);
        assert_memory_equal(&quote, &asked.quote, sizeof quote);
        write_answer(&message, &a, world, &asked, KC_ANSWER_OK);
        EXPECT(world_send(world, &first, &message), KC_OK);
        uint64_t booked = postings(world);
        EXPECT(world_send(world, &again, &message), KC_OK);
        assert_memory_equal(&first.outcome, &again.outcome, sizeof first.outcome);
        EXPECT(send(&asked, world), KC_OK);
        assert_memory_equal(&quote, &asked.quote, sizeof quote);
        toy_take(&a, world, &first.outcome);
        assert_int_equal(postings(world), booked);
        assert_int_equal(world_balance(world, b.account), 40 * (1 + (unsigned)i));
        expect_clean(world);
    }
    expect_amounts(world, &a, 860, 60);
}

/* A purse that was copied, and spent ten more than it had. */
static void overspend(struct toy *old, struct world *world)
{
    struct toy shops[2];
    toy_rich(old, world, 11, 0, 40);
    toy_rich(&shops[0], world, 12, 0, 0);
    toy_rich(&shops[1], world, 13, 0, 0);
    struct toy copy = *old;
    (void)toy_exchange(old, &shops[0], world, 35);
    (void)toy_exchange(&copy, &shops[1], world, 15);
    EXPECT(toy_report_all(&shops[0], world), KC_OK);
    EXPECT(toy_report_all(&shops[1], world), KC_OK);
}

/* Its successor, which owes them. */
static void make_debtor(struct toy *fresh, struct world *world)
{
    struct toy old;
    overspend(&old, world);
    replace(fresh, world, &old);
    assert_int_equal(kc_amount_minor(world_purse(world, fresh->purse).owed), 10);
}

/* shows: R-MOVE-4 */
static void what_comes_in_pays_a_debt_first(void **state)
{
    struct world *world = *state;
    struct toy debtor;
    struct toy a;
    struct asked asked;
    make_debtor(&debtor, world);
    toy_rich(&a, world, 1, 900, 100);
    EXPECT(ask(&asked, &debtor, world, KC_TRANSFER_SOURCE_ACCOUNT, a.account, 1), KC_DEBT);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, debtor.account, 4), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    assert_int_equal(kc_amount_minor(world_purse(world, debtor.purse).owed), 6);
    assert_int_equal(world_balance(world, debtor.account), 0);
    assert_int_equal(world_signed_shadow(world, debtor.purse), -6);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, debtor.account, 50), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    assert_int_equal(kc_amount_minor(world_purse(world, debtor.purse).owed), 0);
    expect_amounts(world, &debtor, 44, 0);
    sync(&debtor, world);
    EXPECT(ask(&asked, &debtor, world, KC_TRANSFER_SOURCE_ACCOUNT, a.account, 44), KC_OK);
    expect_end(&debtor, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &debtor, 0, 0);
}

static struct kc_result voucher(struct kc_voucher *out, struct world *world, uint8_t offer)
{
    const uint8_t reference[KC_DIGEST_SIZE] = {offer};
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    struct kc_result result = kc_ledger_voucher(out, &world->ledger, reference);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    return result;
}

/* shows: R-VEND-7 */
static void an_offer_is_paid_once_and_vouched_for(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy a;
    struct toy b;
    struct toy machine;
    struct asked first;
    struct asked second;
    struct kc_voucher said;
    struct kc_voucher again;
    toy_rich(&dealer, world, 1, 0, 0);
    toy_rich(&a, world, 2, 500, 0);
    toy_rich(&b, world, 3, 500, 0);
    EXPECT(toy_open_kind(&machine, world, 4, KC_PURSE_TYPE_MACHINE, &dealer.account), KC_OK);
    EXPECT(ask_for(&first, &a, world, dealer.account, 7, machine.purse), KC_OK);
    EXPECT(ask_for(&second, &b, world, dealer.account, 7, machine.purse), KC_OK);
    EXPECT(voucher(&said, world, 7), KC_UNKNOWN_TRANSACTION);
    expect_end(&a, world, &first, KC_OUTCOME_COMPLETED, KC_OK);
    EXPECT(voucher(&said, world, 7), KC_OK);
    assert_true(said.payer.number == a.account.number && said.to.number == dealer.account.number &&
                said.machine.number == machine.purse.number && said.reference[0] == 7 &&
                kc_amount_minor(said.amount) == 120 && said.time_ms == world->now_ms);
    world->now_ms += 5;
    expect_end(&b, world, &second, KC_OUTCOME_NOT_COMPLETED, KC_REFERENCE_USED);
    EXPECT(voucher(&again, world, 7), KC_OK);
    assert_true(again.payer.number == a.account.number && again.time_ms == said.time_ms);
    sync(&b, world);
    EXPECT(ask_for(&second, &b, world, dealer.account, 7, machine.purse), KC_REFERENCE_USED);
    EXPECT(send(&second, world), KC_REFERENCE_USED);
    expect_amounts(world, &a, 380, 0);
    expect_amounts(world, &b, 500, 0);
    expect_amounts(world, &dealer, 120, 0);
}

/* shows: R-VEND-7 */
static void an_offer_is_of_a_machine_of_the_receiver(void **state)
{
    struct world *world = *state;
    struct toy dealer;
    struct toy a;
    struct toy machine;
    struct asked asked;
    toy_rich(&dealer, world, 1, 500, 0);
    toy_rich(&a, world, 2, 500, 100);
    EXPECT(toy_open_kind(&machine, world, 4, KC_PURSE_TYPE_MACHINE, &dealer.account), KC_OK);
    const struct kc_purse_id none = {.number = 0};
    const struct kc_purse_id unknown = {.number = machine.purse.number + 80};
    const struct kc_purse_id beyond = {.number = UINT64_MAX};
    EXPECT(ask_for(&asked, &a, world, dealer.account, 1, none), KC_WRONG_MACHINE);
    EXPECT(ask_for(&asked, &a, world, dealer.account, 1, unknown), KC_WRONG_MACHINE);
    EXPECT(ask_for(&asked, &a, world, dealer.account, 1, beyond), KC_WRONG_MACHINE);
    EXPECT(ask_for(&asked, &a, world, dealer.account, 1, a.purse), KC_WRONG_MACHINE);
    EXPECT(ask_for(&asked, &dealer, world, a.account, 1, machine.purse), KC_WRONG_MACHINE);
    EXPECT(ask_for(&asked, &dealer, world, dealer.account, 1, machine.purse), KC_SAME_ACCOUNT);
    EXPECT(ask_for(&asked, &a, world, dealer.account, 1, dealer.purse), KC_OK);
    EXPECT(ask_for(&asked, &a, world, dealer.account, 1, machine.purse), KC_OK);
    EXPECT(cancel(world, &machine), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_NOT_COMPLETED, KC_WRONG_MACHINE);
    expect_amounts(world, &a, 500, 100);
}

/* All that the bank can ever owe ends in one account: so no transfer can be too much for its receiver. */
static void all_the_money_there_can_be(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct asked asked;
    struct toy_reply reply;
    toy_rich(&a, world, 1, 900, 100);
    toy_rich(&b, world, 2, 0, 0);
    EXPECT(toy_fund_whole(&b, world, KC_FUND_KIND_FUND, KC_AMOUNT_MAX - 999, &reply),
           KC_AMOUNT_TOO_LARGE);
    EXPECT(toy_fund_whole(&b, world, KC_FUND_KIND_FUND, KC_AMOUNT_MAX - 1000, &reply), KC_OK);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, b.account, 100), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, b.account, 900), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    assert_int_equal(world_balance(world, b.account), KC_AMOUNT_MAX);
    expect_amounts(world, &a, 0, 0);
}

/* shows: R-MOVE-2 */
static void an_account_that_closes_between_quote_and_ok(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct asked asked;
    toy_rich(&a, world, 1, 900, 100);
    for (unsigned i = 0; i < 2; i++) {
        struct toy b;
        toy_rich(&b, world, 2 + i, 0, 0);
        EXPECT(ask(&asked, &a, world,
                   i == 0 ? KC_TRANSFER_SOURCE_PURSE : KC_TRANSFER_SOURCE_ACCOUNT, b.account, 30),
               KC_OK);
        EXPECT(cancel(world, &b), KC_OK);
        expect_end(&a, world, &asked, KC_OUTCOME_NOT_COMPLETED, KC_ACCOUNT_NOT_OPEN);
        assert_int_equal(a.value, 100);
        expect_amounts(world, &a, 900, 100);
        assert_int_equal(world_balance(world, b.account), 0);
        EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, b.account, 30),
               KC_ACCOUNT_NOT_OPEN);
    }
}

/* ---- to a card ---- */

/* shows: R-MOVE-1 R-NODE-8 R-DATA-3 R-DATA-8 R-CASH-10 */
static void a_card_is_loaded_and_emptied_by_transfers(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy card;
    struct asked asked;
    toy_rich(&a, world, 1, 900, 100);
    EXPECT(toy_open_kind(&card, world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 200), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, card.account, 50), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &a, 700, 50);
    expect_amounts(world, &card, 0, 250);
    /* It learns of it by its own call. */
    assert_int_equal(card.value, 0);
    EXPECT(ask(&asked, &card, world, KC_TRANSFER_SOURCE_PURSE, a.account, 10), KC_PENDING);
    sync(&card, world);
    assert_int_equal(card.value, 250);
    assert_int_equal(kc_amount_minor(card.certified.account_amount), 0);
    EXPECT(ask(&asked, &card, world, KC_TRANSFER_SOURCE_PURSE, card.account, 10), KC_SAME_ACCOUNT);
    EXPECT(ask(&asked, &card, world, KC_TRANSFER_SOURCE_ACCOUNT, a.account, 10), KC_NOT_ALLOWED);
    EXPECT(ask(&asked, &card, world, KC_TRANSFER_SOURCE_PURSE, a.account, 240), KC_OK);
    expect_end(&card, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    assert_int_equal(card.value, 10);
    expect_amounts(world, &card, 0, 10);
    expect_amounts(world, &a, 940, 50);
}

/* shows: R-MOVE-2 */
static void a_card_gets_no_more_than_it_may_hold(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy cards[2];
    struct asked first;
    struct asked second;
    struct asked asked;
    struct toy b;
    world->ledger.options.limits.purse_most = world_amount(500);
    world->ledger.options.bearer.purse_most = world_amount(100);
    toy_rich(&a, world, 1, 2000, 0);
    toy_rich(&b, world, 2, 2000, 0);
    for (unsigned i = 0; i < 2; i++) {
        struct toy *card = &cards[i];
        uint64_t most = i == 0 ? 500 : 100;
        EXPECT(toy_open_kind(card, world, 3 + i, i == 0 ? KC_PURSE_TYPE_CARD : KC_PURSE_TYPE_BEARER,
                             NULL),
               KC_OK);
        EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card->account, most + 1),
               KC_LIMIT_EXCEEDED);
        EXPECT(send(&asked, world), KC_LIMIT_EXCEEDED);
        /* Two quotes that each fit: the second OK finds no room. */
        EXPECT(ask(&first, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card->account, most), KC_OK);
        EXPECT(ask(&second, &b, world, KC_TRANSFER_SOURCE_ACCOUNT, card->account, 1), KC_OK);
        expect_end(&a, world, &first, KC_OUTCOME_COMPLETED, KC_OK);
        expect_end(&b, world, &second, KC_OUTCOME_NOT_COMPLETED, KC_LIMIT_EXCEEDED);
        assert_int_equal(world_shadow(world, card->purse), most);
        assert_int_equal(world_balance(world, b.account), 2000);
    }
}

/* shows: R-MOVE-5 */
static void a_card_with_an_open_quote(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy card;
    struct asked out;
    struct asked in;
    toy_rich(&a, world, 1, 900, 0);
    EXPECT(toy_open_kind(&card, world, 2, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(ask(&in, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 100), KC_OK);
    expect_end(&a, world, &in, KC_OUTCOME_COMPLETED, KC_OK);
    sync(&card, world);
    EXPECT(ask(&out, &card, world, KC_TRANSFER_SOURCE_PURSE, a.account, 60), KC_OK);
    EXPECT(ask(&in, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 50), KC_OK);
    expect_end(&a, world, &in, KC_OUTCOME_COMPLETED, KC_OK);
    /* The quote showed an amount that is no longer so. */
    struct toy_message message;
    struct toy_reply reply;
    write_answer(&message, &card, world, &out, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    toy_take(&card, world, &reply.outcome);
    expect_clean(world);
    sync(&card, world);
    assert_int_equal(card.value, 150);
    expect_amounts(world, &card, 0, 150);
    expect_amounts(world, &a, 750, 0);
}

/* shows: R-MOVE-4 R-XCHG-10 */
static void a_card_that_paid_meanwhile(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct toy card;
    struct asked in;
    toy_rich(&a, world, 1, 900, 0);
    toy_rich(&b, world, 2, 0, 0);
    EXPECT(toy_open_kind(&card, world, 3, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(ask(&in, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 100), KC_OK);
    expect_end(&a, world, &in, KC_OUTCOME_COMPLETED, KC_OK);
    sync(&card, world);
    (void)toy_exchange(&card, &b, world, 70);
    EXPECT(ask(&in, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 50), KC_OK);
    expect_end(&a, world, &in, KC_OUTCOME_COMPLETED, KC_OK);
    EXPECT(toy_report_all(&b, world), KC_OK);
    expect_clean(world);
    sync(&card, world);
    assert_int_equal(card.value, 80);
    EXPECT(toy_report_all(&card, world), KC_OK);
    assert_int_equal(card.value, 80);
    expect_amounts(world, &card, 0, 80);
    expect_amounts(world, &b, 0, 70);
    assert_int_equal(alerts(world), 0);
}

/* shows: R-MOVE-2 R-MOVE-4 */
static void a_card_that_is_lost_or_replaced_between_quote_and_ok(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy card;
    struct toy fresh;
    struct asked first;
    struct asked second;
    struct toy b;
    world->ledger.options.quote_ms = 2 * WORLD_SETTLE_MS;
    toy_rich(&a, world, 1, 900, 0);
    toy_rich(&b, world, 2, 900, 0);
    EXPECT(toy_open_kind(&card, world, 3, KC_PURSE_TYPE_CARD, NULL), KC_OK);
    EXPECT(ask(&first, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 100), KC_OK);
    EXPECT(ask(&second, &b, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 50), KC_OK);
    toy_lose(&card, world);
    expect_end(&a, world, &first, KC_OUTCOME_NOT_COMPLETED, KC_ACCOUNT_NOT_OPEN);
    expect_amounts(world, &a, 900, 0);
    /* Never by a reason that the asking purse would take for its own, and lock itself. */
    EXPECT(ask(&first, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, card.account, 100),
           KC_ACCOUNT_NOT_OPEN);
    /* Its successor stands in the account's place and gets it. */
    replace(&fresh, world, &card);
    expect_end(&b, world, &second, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &b, 850, 0);
    assert_int_equal(world_shadow(world, card.purse), 0);
    assert_int_equal(world_shadow(world, fresh.purse), 50);
    sync(&fresh, world);
    assert_int_equal(fresh.value, 50);
}

/* ---- the management charge ---- */

/* The bank's turns of a charge, from its notice to what the ordinary bank refused. */
static void turn(struct world *world)
{
    size_t count = 0;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_charge(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

/* This one account is charged; the ordinary bank, where that is asked, gives nothing. */
static void make_overdue(struct world *world, const struct toy *toy, enum kc_charge_source source)
{
    struct kc_charge_debit order;
    size_t count = 0;
    world->ledger.options.charge = (struct kc_charge_rule){.amount = world_amount(12),
                                                           .first_ms = 1000,
                                                           .period_ms = 30 * WORLD_SETTLE_MS,
                                                           .grace_ms = 20 * WORLD_SETTLE_MS};
    EXPECT(kc_charge_load(&world->ledger), KC_OK);
    turn(world);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_charge_from(&world->ledger, toy->account, source), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    world->now_ms += 1000;
    turn(world);
    turn(world);
    EXPECT(kc_ledger_charge_orders(&order, &count, 1, &world->ledger, 0), KC_OK);
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    if (count > 0) {
        EXPECT(kc_ledger_charge_settle(&world->ledger, &order, KC_NO_ABILITY_TO_PAY), KC_OK);
    }
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
}

static enum kc_charge_step step_of(struct world *world, const struct toy *toy)
{
    struct kc_charge_row row;
    EXPECT(world->store.charge_get(world->store.context, &row, toy->account.number, 1), KC_OK);
    return row.step;
}

/* shows: R-MOVE-1 R-RENEW-1 */
static void a_transfer_from_the_purse_pays_no_charge_of_its_own_account(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy b;
    struct asked asked;
    toy_rich(&a, world, 1, 100, 90);
    toy_rich(&b, world, 2, 50, 0);
    make_overdue(world, &a, KC_CHARGE_SOURCE_ORDINARY);
    assert_int_equal(step_of(world, &a), KC_CHARGE_GRACE);
    sync(&a, world);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, b.account, 30), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &a, 100, 60);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, b.account, 10), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &a, 90, 60);
    assert_int_equal(step_of(world, &a), KC_CHARGE_GRACE);
    /* What goes to the purse's own account does. */
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_PURSE, a.account, 20), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    expect_amounts(world, &a, 98, 40);
    assert_int_equal(step_of(world, &a), KC_CHARGE_PAID);
}

/* shows: R-MOVE-4 R-RENEW-1 */
static void what_a_purse_out_of_use_claimed_pays_no_charge(void **state)
{
    struct world *world = *state;
    struct toy a;
    struct toy debtor;
    struct asked asked;
    overspend(&debtor, world);
    assert_int_equal(world_purse(world, debtor.purse).state, KC_PURSE_OUT);
    assert_int_equal(world_signed_shadow(world, debtor.purse), -10);
    toy_rich(&a, world, 1, 100, 0);
    make_overdue(world, &debtor, KC_CHARGE_SOURCE_ACCOUNT);
    assert_int_equal(step_of(world, &debtor), KC_CHARGE_GRACE);
    uint64_t fees = kc_amount_minor(world->ledger.totals.fees);
    sync(&a, world);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, debtor.account, 15), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    assert_int_equal(world_signed_shadow(world, debtor.purse), 0);
    assert_int_equal(world_balance(world, debtor.account), 5);
    assert_int_equal(step_of(world, &debtor), KC_CHARGE_GRACE);
    EXPECT(ask(&asked, &a, world, KC_TRANSFER_SOURCE_ACCOUNT, debtor.account, 8), KC_OK);
    expect_end(&a, world, &asked, KC_OUTCOME_COMPLETED, KC_OK);
    assert_int_equal(world_balance(world, debtor.account), 1);
    assert_int_equal(step_of(world, &debtor), KC_CHARGE_PAID);
    assert_int_equal(kc_amount_minor(world->ledger.totals.fees), fees + 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest transfer[] = {
        TEST(from_the_purse_to_anothers_account),
        TEST(from_the_account_to_anothers_account),
        TEST(numbers_that_are_nobodys),
        TEST(repeats_get_the_stored_answer),
        TEST(what_comes_in_pays_a_debt_first),
        TEST(all_the_money_there_can_be),
        TEST(an_account_that_closes_between_quote_and_ok),
        TEST(a_card_is_loaded_and_emptied_by_transfers),
        TEST(a_card_gets_no_more_than_it_may_hold),
        TEST(a_card_with_an_open_quote),
        TEST(a_card_that_paid_meanwhile),
        TEST(an_offer_is_paid_once_and_vouched_for),
        TEST(an_offer_is_of_a_machine_of_the_receiver),
        TEST(a_card_that_is_lost_or_replaced_between_quote_and_ok),
        TEST(a_transfer_from_the_purse_pays_no_charge_of_its_own_account),
        TEST(what_a_purse_out_of_use_claimed_pays_no_charge),
    };
    return cmocka_run_group_tests(transfer, NULL, NULL);
}
