/* Question: does a withdrawal or deposit move value exactly once, and only when the user's OK
 * arrived in time? */
#include "expect.h"

#include <string.h>

static struct kc_transaction_row transaction_of(struct world *world, const struct toy *toy,
                                                uint64_t time_ms)
{
    struct kc_transaction_row row;
    EXPECT(world->store.transaction_get(world->store.context, &row, toy->purse.number, time_ms),
           KC_OK);
    return row;
}

/* shows: R-CASH-1 R-CASH-4 R-CASH-6 R-DATA-2 */
static void a_withdrawal_moves_value_at_the_ok(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    uint64_t before = postings(world);
    uint64_t sequence = toy.certified.sequence;
    toy_cash(&request, &toy, world, KC_CASH_KIND_WITHDRAW, 100);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    assert_int_equal(kc_amount_minor(reply.quote.account_before), 1000);
    assert_int_equal(kc_amount_minor(reply.quote.account_after), 900);
    assert_int_equal(kc_amount_minor(reply.quote.purse_before), 0);
    assert_int_equal(kc_amount_minor(reply.quote.purse_after), 100);
    assert_string_equal(reply.name, "Hanako Example");
    assert_memory_equal(reply.quote.request, request.digest, KC_DIGEST_SIZE);
    assert_int_equal(reply.quote.expires_ms, world->now_ms + WORLD_QUOTE_MS);
    expect_amounts(world, &toy, 1000, 0);
    assert_int_equal(postings(world), before);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    assert_int_equal(reply.outcome.certified.sequence, sequence + 1);
    assert_int_equal(kc_amount_minor(reply.outcome.certified.purse_amount), 100);
    assert_int_equal(kc_amount_minor(reply.outcome.certified.account_amount), 900);
    expect_amounts(world, &toy, 900, 100);
    assert_int_equal(postings(world), before + 1);
}

/* shows: R-CASH-1 R-CASH-6 */
static void a_deposit_moves_it_back_and_counts_the_entry(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    struct kc_purse_row row;
    toy_rich(&toy, world, 1, 900, 100);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 30, &reply), KC_OK);
    expect_amounts(world, &toy, 930, 70);
    assert_int_equal(toy.value, 70);
    assert_int_equal(toy.entry_count, 0);
    EXPECT(world->store.purse_get(world->store.context, &row, toy.purse.number), KC_OK);
    assert_int_equal(row.counter, 1);
    assert_memory_equal(row.head, toy.head, KC_DIGEST_SIZE);
    assert_int_equal(kc_amount_minor(row.paid), 30);
    assert_int_equal(row.open_ms, 0);
}

/* shows: R-CASH-7 */
static void ng_changes_nothing_and_is_kept_as_evidence(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 50);
    uint64_t before = postings(world);
    toy_cash(&request, &toy, world, KC_CASH_KIND_DEPOSIT, 20);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_NG);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_DECLINED);
    expect_amounts(world, &toy, 1000, 50);
    assert_int_equal(postings(world), before);
    toy_take(&toy, world, &reply.outcome);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 20, &reply), KC_OK);
    expect_amounts(world, &toy, 1020, 30);
}

struct kept {
    const struct toy_message *message;
    enum kc_evidence_kind kind;
    bool found;
};

static bool look_for(void *owner, const struct kc_evidence_row *row)
{
    struct kept *kept = owner;
    kept->found = kept->found || (row->kind == kept->kind && row->size == kept->message->size &&
                                  memcmp(row->bytes, kept->message->bytes, row->size) == 0);
    return true;
}

static bool is_kept(struct world *world, const struct toy *toy, const struct toy_message *message,
                    enum kc_evidence_kind kind)
{
    struct kept kept = {.message = message, .kind = kind};
    struct kc_store_scan scan = {.owner = &kept, .evidence = look_for};
    EXPECT(world->store.scan_evidence(world->store.context, &scan, toy->purse.number), KC_OK);
    return kept.found;
}

/* shows: R-CASH-7 */
static void request_and_answer_are_kept_byte_for_byte(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    for (int i = 0; i < 2; i++) {
        toy_cash(&request, &toy, world, KC_CASH_KIND_WITHDRAW, 10);
        EXPECT(world_send(world, &reply, &request), KC_OK);
        toy_answer(&answer, &toy, world, &reply.quote, i == 0 ? KC_ANSWER_OK : KC_ANSWER_NG);
        assert_false(is_kept(world, &toy, &answer, KC_EVIDENCE_ANSWER));
        EXPECT(world_send(world, &reply, &answer), KC_OK);
        toy_take(&toy, world, &reply.outcome);
        assert_true(is_kept(world, &toy, &request, KC_EVIDENCE_REQUEST));
        assert_true(is_kept(world, &toy, &answer, KC_EVIDENCE_ANSWER));
    }
}

/* shows: R-CASH-3 */
static void an_exact_repeat_gets_the_stored_answer_and_books_nothing(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply first;
    struct toy_reply again;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_cash(&request, &toy, world, KC_CASH_KIND_WITHDRAW, 100);
    EXPECT(world_send(world, &first, &request), KC_OK);
    world->now_ms += 100;
    EXPECT(world_send(world, &again, &request), KC_OK);
    again.quote.user_name = first.quote.user_name;
    assert_memory_equal(&first.quote, &again.quote, sizeof first.quote);
    toy_answer(&answer, &toy, world, &first.quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &first, &answer), KC_OK);
    uint64_t booked = postings(world);
    for (int i = 0; i < 3; i++) {
        world->now_ms += WORLD_QUOTE_MS;
        EXPECT(world_send(world, &again, &answer), KC_OK);
        assert_memory_equal(&first.outcome, &again.outcome, sizeof first.outcome);
        EXPECT(world_send(world, &again, &request), KC_OK);
        assert_int_equal(postings(world), booked);
        expect_amounts(world, &toy, 900, 100);
    }
    /* It stays so after later transactions and after a restart. */
    toy_take(&toy, world, &first.outcome);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1, &again), KC_OK);
    world_close(world);
    EXPECT(world_open(world), KC_OK);
    EXPECT(world_send(world, &again, &answer), KC_OK);
    assert_memory_equal(&first.outcome, &again.outcome, sizeof first.outcome);
    expect_amounts(world, &toy, 899, 101);
}

/* shows: R-CASH-3 */
static void another_request_with_an_old_time_stamp_is_replayed(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message other;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    uint64_t before = postings(world);
    toy_cash(&request, &toy, world, KC_CASH_KIND_WITHDRAW, 100);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    for (uint64_t back = 0; back < 3; back++) {
        other = request;
        other.cash.time_ms -= back;
        other.cash.amount = world_amount(999);
        toy_stamp(&other, world, "other");
        EXPECT(world_send(world, &reply, &other), KC_REPLAYED);
    }
    struct toy_message early = request;
    early.kind = TOY_STATE;
    early.state = (struct kc_state_request){.time_ms = request.cash.time_ms};
    toy_stamp(&early, world, "other");
    EXPECT(world_send(world, &reply, &early), KC_REPLAYED);
    assert_int_equal(transaction_of(world, &toy, request.cash.time_ms).state, KC_STATE_QUOTED);
    assert_int_equal(postings(world), before);
    expect_amounts(world, &toy, 1000, 0);
}

/* shows: R-CASH-8 */
static void ok_after_the_expiry_gets_not_completed(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 50);
    uint64_t before = postings(world);
    toy_cash(&message, &toy, world, KC_CASH_KIND_DEPOSIT, 20);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&message, &toy, world, &reply.quote, KC_ANSWER_OK);
    assert_int_equal(toy.value, 30);
    world->now_ms = reply.quote.expires_ms + 1;
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    assert_int_equal(reply.outcome.reason, KC_EXPIRED);
    assert_int_equal(kc_amount_minor(reply.outcome.certified.purse_amount), 50);
    assert_int_equal(postings(world), before);
    toy_take(&toy, world, &reply.outcome);
    assert_int_equal(toy.value, 50);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    /* The void entry counts with the next request, and the value can be moved again. */
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 50, &reply), KC_OK);
    expect_amounts(world, &toy, 1050, 0);
}

/* shows: R-CASH-8 */
static void a_quote_nobody_answers_ends_by_itself(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply reply;
    size_t count = 0;
    toy_rich(&toy, world, 1, 1000, 50);
    toy_cash(&request, &toy, world, KC_CASH_KIND_DEPOSIT, 20);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    uint64_t time_ms = request.cash.time_ms;
    for (uint64_t late = 0; late < 2; late++) {
        world->now_ms = reply.quote.expires_ms + late;
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_end_late(&world->ledger, &count), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
        assert_int_equal(count, late);
    }
    assert_int_equal(transaction_of(world, &toy, time_ms).state, KC_STATE_NOT_COMPLETED);
    assert_int_equal(transaction_of(world, &toy, time_ms).reason, KC_EXPIRED);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    toy_take(&toy, world, &reply.outcome);
    assert_int_equal(toy.value, 50);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 50, &reply), KC_OK);
    expect_amounts(world, &toy, 1050, 0);
}

static void ok_at_the_last_moment_is_taken(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 20);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&message, &toy, world, &reply.quote, KC_ANSWER_OK);
    world->now_ms = reply.quote.expires_ms;
    EXPECT(world_send(world, &reply, &message), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_amounts(world, &toy, 980, 20);
}

/* shows: R-CASH-8 */
static void a_newer_request_ends_the_older_quote(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message first;
    struct toy_message answer;
    struct toy_message second;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 0);
    toy_cash(&first, &toy, world, KC_CASH_KIND_WITHDRAW, 20);
    EXPECT(world_send(world, &reply, &first), KC_OK);
    struct toy copy = toy;
    toy_answer(&answer, &copy, world, &reply.quote, KC_ANSWER_OK);
    toy.last_ms = copy.last_ms;
    toy_cash(&second, &toy, world, KC_CASH_KIND_WITHDRAW, 30);
    EXPECT(world_send(world, &reply, &second), KC_OK);
    assert_int_equal(kc_amount_minor(reply.quote.account_before), 1000);
    struct toy_reply late;
    EXPECT(world_send(world, &late, &answer), KC_OK);
    assert_int_equal(late.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    expect_amounts(world, &toy, 1000, 0);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    EXPECT(world_send(world, &late, &answer), KC_OK);
    assert_int_equal(late.outcome.outcome, KC_OUTCOME_COMPLETED);
    expect_amounts(world, &toy, 970, 30);
}

/* ---- every order of three further messages ---- */

enum event { EVENT_REQUEST, EVENT_OK, EVENT_NG, EVENT_STATE, EVENT_EXPIRY, EVENT_COUNT };

struct script {
    struct toy_message messages[EVENT_COUNT];
    struct kc_cash_quote quote;
    enum kc_outcome decided; /* KC_OUTCOME_NONE while the quote is open */
    bool expired;
};

/* What the first word that ends the quote makes of it. */
static enum kc_outcome decide(const struct script *script, enum event event)
{
    if (event == EVENT_STATE || script->expired) {
        return KC_OUTCOME_NOT_COMPLETED;
    }
    return event == EVENT_OK ? KC_OUTCOME_COMPLETED : KC_OUTCOME_DECLINED;
}

static void play(struct world *world, struct script *script, enum event event)
{
    struct toy_reply reply;
    if (event == EVENT_EXPIRY) {
        world->now_ms = script->quote.expires_ms + 1;
        script->expired = true;
        return;
    }
    EXPECT(world_send(world, &reply, &script->messages[event]), KC_OK);
    if (event == EVENT_REQUEST) {
        reply.quote.user_name = script->quote.user_name;
        assert_memory_equal(&reply.quote, &script->quote, sizeof script->quote);
        return;
    }
    if (script->decided == KC_OUTCOME_NONE) {
        script->decided = decide(script, event);
    }
    assert_int_equal(reply.outcome.outcome, script->decided);
    assert_true(reply.outcome.has_certified);
}

static void play_order(struct world *world, enum kc_cash_kind kind, unsigned n, unsigned order)
{
    struct toy toy;
    struct toy_reply reply;
    struct script script = {.decided = KC_OUTCOME_NONE};
    toy_rich(&toy, world, n, 500, 100);
    toy_cash(&script.messages[EVENT_REQUEST], &toy, world, kind, 40);
    EXPECT(world_send(world, &reply, &script.messages[EVENT_REQUEST]), KC_OK);
    script.quote = reply.quote;
    struct toy declining = toy;
    toy_answer(&script.messages[EVENT_NG], &declining, world, &reply.quote, KC_ANSWER_NG);
    toy_answer(&script.messages[EVENT_OK], &toy, world, &reply.quote, KC_ANSWER_OK);
    toy_state(&script.messages[EVENT_STATE], &toy, world);
    for (unsigned i = 0; i < 3; i++, order /= EVENT_COUNT) {
        play(world, &script, (enum event)(order % EVENT_COUNT));
    }
    bool moved = script.decided == KC_OUTCOME_COMPLETED;
    bool out = kind == KC_CASH_KIND_WITHDRAW;
    expect_amounts(world, &toy, moved ? (out ? 460 : 540) : 500, moved ? (out ? 140 : 60) : 100);
}

/* shows: R-CASH-6 R-CASH-7 R-CASH-8 R-CASH-9 */
static void the_first_word_decides_in_every_order(void **state)
{
    struct world *world = *state;
    unsigned orders = EVENT_COUNT * EVENT_COUNT * EVENT_COUNT;
    for (unsigned order = 0; order < orders; order++) {
        play_order(world, KC_CASH_KIND_WITHDRAW, 2 * order, order);
        play_order(world, KC_CASH_KIND_DEPOSIT, 2 * order + 1, order);
    }
}

/* ---- refusals ---- */

static void an_answer_must_fit_its_quote(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&other, world, 2, 0, 0);
    toy_rich(&toy, world, 1, 1000, 50);
    toy_cash(&message, &toy, world, KC_CASH_KIND_DEPOSIT, 20);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    message = answer;
    message.answer.quote[0] ^= 1;
    EXPECT(world_send(world, &reply, &message), KC_MISMATCH);
    message = answer;
    message.holder = other.account;
    EXPECT(world_send(world, &reply, &message), KC_NOT_ALLOWED);
    message = answer;
    message.answer.purse = kc_purse_nth(1);
    EXPECT(world_send(world, &reply, &message), KC_UNKNOWN_PURSE);
    message = answer;
    message.answer.transaction_ms += 1;
    EXPECT(world_send(world, &reply, &message), KC_UNKNOWN_TRANSACTION);
    message = answer;
    message.answer.time_ms = answer.answer.transaction_ms;
    EXPECT(world_send(world, &reply, &message), KC_REPLAYED);
    expect_amounts(world, &toy, 1000, 50);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    expect_amounts(world, &toy, 1020, 30);
}

/* shows: R-CASH-6 */
static void a_deposit_needs_its_cash_out_entry(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 1000, 50);
    toy_cash(&message, &toy, world, KC_CASH_KIND_DEPOSIT, 20);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    for (int wrong = 0; wrong < 6; wrong++) {
        message = answer;
        message.entry_size = wrong == 0 ? 0 : message.entry_size;
        message.entry.amount = wrong == 1 ? world_amount(19) : message.entry.amount;
        message.entry.counter -= wrong == 2 ? 1 : 0;
        message.entry.transaction_ms += wrong == 3 ? 1 : 0;
        message.entry.kind = wrong == 4 ? KC_ENTRY_KIND_PAY : message.entry.kind;
        message.entry.has_voids = wrong == 5;
        EXPECT(world_send(world, &reply, &message), KC_MISMATCH);
        expect_amounts(world, &toy, 1000, 50);
    }
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    toy_take(&toy, world, &reply.outcome);
    struct kc_entry entry = answer.entry;
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 20);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    answer.entry = entry;
    answer.entry_size = 1;
    EXPECT(world_send(world, &reply, &answer), KC_MISMATCH);
    expect_amounts(world, &toy, 1020, 30);
}

static struct kc_result ask(struct world *world, struct toy *toy, enum kc_cash_kind kind,
                            uint64_t minor, struct toy_message *message)
{
    struct toy_reply reply;
    toy_cash(message, toy, world, kind, minor);
    return world_send(world, &reply, message);
}

static void amounts_that_cannot_be_are_refused_for_good(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message zero;
    struct toy_message more;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 50);
    uint64_t before = postings(world);
    EXPECT(ask(world, &toy, KC_CASH_KIND_WITHDRAW, 0, &zero), KC_AMOUNT_ZERO);
    EXPECT(ask(world, &toy, KC_CASH_KIND_DEPOSIT, 0, &message), KC_AMOUNT_ZERO);
    EXPECT(ask(world, &toy, KC_CASH_KIND_WITHDRAW, 101, &more), KC_INSUFFICIENT_ACCOUNT);
    EXPECT(ask(world, &toy, KC_CASH_KIND_DEPOSIT, 51, &message), KC_INSUFFICIENT_VALUE);
    EXPECT(ask(world, &toy, KC_CASH_KIND_WITHDRAW, KC_AMOUNT_MAX, &message),
           KC_INSUFFICIENT_ACCOUNT);
    EXPECT(ask(world, &toy, KC_CASH_KIND_DEPOSIT, KC_AMOUNT_MAX, &message), KC_INSUFFICIENT_VALUE);
    assert_int_equal(postings(world), before);
    assert_int_equal(transaction_of(world, &toy, more.cash.time_ms).state, KC_STATE_REFUSED);
    EXPECT(toy_fund_whole(&toy, world, KC_FUND_KIND_FUND, 1000, &reply), KC_OK);
    EXPECT(world_send(world, &reply, &more), KC_INSUFFICIENT_ACCOUNT);
    EXPECT(world_send(world, &reply, &zero), KC_AMOUNT_ZERO);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 1100, &reply), KC_OK);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, 1150, &reply), KC_OK);
    expect_amounts(world, &toy, 1150, 0);
}

static void an_amount_beyond_63_bits_is_no_message(void **state)
{
    struct kc_cash_request request = {.information = kc_view_text("x"),
                                      .kind = KC_CASH_KIND_WITHDRAW,
                                      .amount = world_amount(KC_AMOUNT_MAX),
                                      .time_ms = 5};
    uint8_t bytes[256];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    static const uint8_t largest[] = {0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    (void)state;
    EXPECT(kc_shape_encode(&buffer, &kc_cash_request_shape, &request), KC_OK);
    EXPECT(kc_shape_decode(&request, &kc_cash_request_shape, kc_buffer_view(&buffer)), KC_OK);
    size_t at = 0;
    while (at + sizeof largest <= buffer.size && memcmp(bytes + at, largest, sizeof largest) != 0) {
        at++;
    }
    assert_true(at + sizeof largest <= buffer.size);
    for (size_t i = 2; i < sizeof largest; i++) {
        bytes[at + i] = 0x00;
    }
    bytes[at + 1] = 0x80;
    EXPECT(kc_shape_decode(&request, &kc_cash_request_shape, kc_buffer_view(&buffer)),
           KC_AMOUNT_TOO_LARGE);
}

static void the_largest_amount_moves_whole(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, KC_AMOUNT_MAX, 0);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, KC_AMOUNT_MAX, &reply), KC_OK);
    expect_amounts(world, &toy, 0, KC_AMOUNT_MAX);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, KC_AMOUNT_MAX - 1, &reply), KC_OK);
    expect_amounts(world, &toy, KC_AMOUNT_MAX - 1, 1);
}

static void a_receiving_side_that_would_overflow_is_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    toy_rich(&toy, world, 1, 100, 50);
    uint64_t before = postings(world);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET value = 9223372036854775807"));
    EXPECT(world_open(world), KC_OK);
    toy.value = KC_AMOUNT_MAX;
    toy.certified.purse_amount = world_amount(KC_AMOUNT_MAX);
    EXPECT(ask(world, &toy, KC_CASH_KIND_WITHDRAW, 1, &message), KC_AMOUNT_TOO_LARGE);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET value = 50"));
    assert_true(world_plant(world, "UPDATE accounts SET balance = 9223372036854775807"));
    EXPECT(world_open(world), KC_OK);
    toy.value = 50;
    toy.certified.purse_amount = world_amount(50);
    EXPECT(ask(world, &toy, KC_CASH_KIND_DEPOSIT, 1, &message), KC_AMOUNT_TOO_LARGE);
    assert_int_equal(postings(world), before);
    expect_amounts(world, &toy, KC_AMOUNT_MAX, 50);
    world_close(world);
}

/* What a purse ever paid is a sum too. Where it would not fit nothing may be counted: an entry counted
 * and not booked would be given back a second time. */
static void a_purse_that_paid_more_than_can_be_counted_is_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    struct kc_purse_row row;
    toy_rich(&toy, world, 1, KC_AMOUNT_MAX, 0);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, KC_AMOUNT_MAX, &reply), KC_OK);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_DEPOSIT, KC_AMOUNT_MAX - 10, &reply), KC_OK);
    EXPECT(toy_cash_whole(&toy, world, KC_CASH_KIND_WITHDRAW, 100, &reply), KC_OK);
    EXPECT(ask(world, &toy, KC_CASH_KIND_DEPOSIT, 11, &message), KC_AMOUNT_TOO_LARGE);
    toy_cash(&message, &toy, world, KC_CASH_KIND_DEPOSIT, 10);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET paid = paid + 1"));
    EXPECT(world_open(world), KC_OK);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    assert_int_equal(reply.outcome.certified.counter, 1);
    EXPECT(world->store.purse_get(world->store.context, &row, toy.purse.number), KC_OK);
    assert_int_equal(row.counter, 1);
    assert_memory_equal(row.head, reply.outcome.certified.head, KC_DIGEST_SIZE);
    expect_amounts(world, &toy, KC_AMOUNT_MAX - 110, 110);
    world_close(world);
}

static void an_account_that_emptied_since_the_quote_is_not_overdrawn(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message message;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 0);
    toy_cash(&message, &toy, world, KC_CASH_KIND_WITHDRAW, 100);
    EXPECT(world_send(world, &reply, &message), KC_OK);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    /* The account empties between quote and answer. */
    world_close(world);
    assert_true(world_plant(world, "UPDATE accounts SET balance = 99"));
    EXPECT(world_open(world), KC_OK);
    EXPECT(world_send(world, &reply, &answer), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
    assert_int_equal(reply.outcome.reason, KC_INSUFFICIENT_ACCOUNT);
    expect_amounts(world, &toy, 99, 0);
    world_close(world);
}

/* shows: R-SEC-4 */
static void purses_and_accounts_out_of_use_are_refused(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_message message;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 50);
    toy_cash(&request, &toy, world, KC_CASH_KIND_WITHDRAW, 10);
    EXPECT(world_send(world, &reply, &request), KC_OK);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET state = 3"));
    EXPECT(world_open(world), KC_OK);
    EXPECT(world_send(world, &reply, &answer), KC_PURSE_BLOCKED);
    EXPECT(ask(world, &toy, KC_CASH_KIND_WITHDRAW, 1, &message), KC_PURSE_BLOCKED);
    toy_fund(&message, &toy, world, KC_FUND_KIND_FUND, 1);
    EXPECT(world_send(world, &reply, &message), KC_PURSE_BLOCKED);
    toy_state(&message, &toy, world);
    EXPECT(world_send(world, &reply, &message), KC_PURSE_BLOCKED);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET state = 1"));
    EXPECT(world_open(world), KC_OK);
    EXPECT(ask(world, &toy, KC_CASH_KIND_WITHDRAW, 1, &message), KC_ACCOUNT_NOT_OPEN);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET state = 2"));
    EXPECT(world_open(world), KC_OK);
    world->now_ms = WORLD_START_MS + WORLD_ACCOUNT_MS + 1;
    EXPECT(ask(world, &toy, KC_CASH_KIND_WITHDRAW, 1, &message), KC_ACCOUNT_EXPIRED);
    expect_amounts(world, &toy, 100, 50);
}

/* Rows that the store gives back changed are named corrupt, item by item; the bank goes on. */
static void a_quote_that_was_changed_in_the_store_is_corrupt(void **state)
{
    struct world *world = *state;
    struct toy toys[2];
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply reply;
    static const char *const changes[] = {
        "UPDATE transactions SET amount = 101 WHERE state = 1",
        "UPDATE transactions SET amount = 0 WHERE state = 1",
        "UPDATE transactions SET kind = 3 WHERE state = 1",
    };
    for (unsigned i = 0; i < 3; i++) {
        toy_rich(&toys[0], world, 2 * i, 100, 0);
        toy_rich(&toys[1], world, 2 * i + 1, 100, 0);
        toy_cash(&request, &toys[0], world, KC_CASH_KIND_WITHDRAW, 10);
        EXPECT(world_send(world, &reply, &request), KC_OK);
        toy_answer(&answer, &toys[0], world, &reply.quote, KC_ANSWER_OK);
        world_close(world);
        assert_true(world_plant(world, changes[i]));
        EXPECT(world_open(world), KC_OK);
        struct kc_result again = world_send(world, &reply, &request);
        assert_true(again.code == KC_STORE_CORRUPT || again.code == KC_MISMATCH);
        EXPECT(world_send(world, &reply, &answer), KC_STORE_CORRUPT);
        EXPECT(toy_cash_whole(&toys[1], world, KC_CASH_KIND_WITHDRAW, 5, &reply), KC_OK);
        expect_amounts(world, &toys[0], 100, 0);
        world_close(world);
        assert_true(world_plant(world, "UPDATE transactions SET kind = 1, state = 6, amount = 10"
                                       " WHERE state = 1"));
        EXPECT(world_open(world), KC_OK);
    }
    world_close(world);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_withdrawal_moves_value_at_the_ok),
        TEST(a_deposit_moves_it_back_and_counts_the_entry),
        TEST(ng_changes_nothing_and_is_kept_as_evidence),
        TEST(request_and_answer_are_kept_byte_for_byte),
        TEST(an_exact_repeat_gets_the_stored_answer_and_books_nothing),
        TEST(another_request_with_an_old_time_stamp_is_replayed),
        TEST(ok_after_the_expiry_gets_not_completed),
        TEST(a_quote_nobody_answers_ends_by_itself),
        TEST(ok_at_the_last_moment_is_taken),
        TEST(a_newer_request_ends_the_older_quote),
        TEST(the_first_word_decides_in_every_order),
        TEST(an_answer_must_fit_its_quote),
        TEST(a_deposit_needs_its_cash_out_entry),
        TEST(amounts_that_cannot_be_are_refused_for_good),
        TEST(an_amount_beyond_63_bits_is_no_message),
        TEST(the_largest_amount_moves_whole),
        TEST(a_receiving_side_that_would_overflow_is_refused),
        TEST(a_purse_that_paid_more_than_can_be_counted_is_refused),
        TEST(an_account_that_emptied_since_the_quote_is_not_overdrawn),
        TEST(purses_and_accounts_out_of_use_are_refused),
        TEST(a_quote_that_was_changed_in_the_store_is_corrupt),
    };
    return cmocka_run_group_tests_name("ledger: withdrawals and deposits", tests, NULL, NULL);
}
