/* Question: is every signed message kept that reached the ledger, whatever became of it, each once,
 * and byte for byte? */
#include "expect.h"

#include <string.h>

struct kept {
    struct kc_view bytes;
    enum kc_evidence_kind kind;
    uint64_t time_ms;
    size_t count; /* of that message */
    size_t all;
};

static bool look_at(void *owner, const struct kc_evidence_row *row)
{
    struct kept *kept = owner;
    bool same = row->kind == kept->kind && row->time_ms == kept->time_ms &&
                kc_view_equal(kc_view(row->bytes, row->size), kept->bytes);
    kept->count += same;
    kept->all += 1;
    return true;
}

static struct kept look(struct world *world, uint64_t purse, struct kc_view bytes,
                        enum kc_evidence_kind kind, uint64_t time_ms)
{
    struct kept kept = {.bytes = bytes, .kind = kind, .time_ms = time_ms};
    struct kc_store_scan scan = {.owner = &kept, .evidence = look_at};
    EXPECT(world->store.scan_evidence(world->store.context, &scan, purse), KC_OK);
    return kept;
}

static size_t times_kept(struct world *world, const struct toy *toy,
                         const struct toy_message *message, enum kc_evidence_kind kind,
                         uint64_t time_ms)
{
    struct kc_view bytes = kc_view(message->bytes, message->size);
    return look(world, toy->purse.number, bytes, kind, time_ms).count;
}

static void quote_for(struct toy_reply *reply, struct toy *toy, struct world *world,
                      struct toy_message *request)
{
    toy_cash(request, toy, world, KC_CASH_KIND_WITHDRAW, 10);
    EXPECT(world_send(world, reply, request), KC_OK);
}

/* shows: R-CASH-7 R-CASH-8 */
static void an_ok_that_comes_too_late_is_kept(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply reply;
    size_t count = 0;
    toy_rich(&toy, world, 1, 100, 0);
    quote_for(&reply, &toy, world, &request);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    world->now_ms = reply.quote.expires_ms + 1;
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    EXPECT(kc_ledger_end_late(&world->ledger, &count), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    assert_int_equal(count, 1);
    for (int i = 0; i < 2; i++) {
        EXPECT(world_send(world, &reply, &answer), KC_OK);
        assert_int_equal(reply.outcome.outcome, KC_OUTCOME_NOT_COMPLETED);
        assert_int_equal(times_kept(world, &toy, &answer, KC_EVIDENCE_ANSWER, request.cash.time_ms),
                         1);
    }
}

/* shows: R-CASH-7 */
static void both_of_two_answers_are_kept(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message ok;
    struct toy_message ng;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 0);
    quote_for(&reply, &toy, world, &request);
    toy_answer(&ok, &toy, world, &reply.quote, KC_ANSWER_OK);
    toy_answer(&ng, &toy, world, &reply.quote, KC_ANSWER_NG);
    EXPECT(world_send(world, &reply, &ok), KC_OK);
    EXPECT(world_send(world, &reply, &ng), KC_OK);
    assert_int_equal(reply.outcome.outcome, KC_OUTCOME_COMPLETED);
    assert_int_equal(times_kept(world, &toy, &ok, KC_EVIDENCE_ANSWER, request.cash.time_ms), 1);
    assert_int_equal(times_kept(world, &toy, &ng, KC_EVIDENCE_ANSWER, request.cash.time_ms), 1);
}

/* shows: R-CASH-7 R-CASH-3 */
static void what_is_refused_is_kept(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_message other;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 0);
    quote_for(&reply, &toy, world, &request);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    other = answer;
    other.answer.quote[0] ^= 1;
    toy_stamp(&other, world, "of another quote");
    EXPECT(world_send(world, &reply, &other), KC_MISMATCH);
    assert_int_equal(times_kept(world, &toy, &other, KC_EVIDENCE_ANSWER, request.cash.time_ms), 1);
    other = answer;
    other.answer.time_ms = request.cash.time_ms;
    toy_stamp(&other, world, "with an old time stamp");
    EXPECT(world_send(world, &reply, &other), KC_REPLAYED);
    assert_int_equal(times_kept(world, &toy, &other, KC_EVIDENCE_ANSWER, request.cash.time_ms), 1);
    other = request;
    other.cash.amount = world_amount(11);
    toy_stamp(&other, world, "of another amount");
    EXPECT(world_send(world, &reply, &other), KC_REPLAYED);
    assert_int_equal(times_kept(world, &toy, &other, KC_EVIDENCE_REQUEST, request.cash.time_ms), 1);
    assert_int_equal(times_kept(world, &toy, &request, KC_EVIDENCE_REQUEST, request.cash.time_ms),
                     1);
    expect_amounts(world, &toy, 100, 0);
}

/* Somebody else's purse has no place for it, so that nobody can be laden with messages that he did
 * not sign. */
static void an_answer_of_a_stranger_is_not_kept_with_the_purse(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy other;
    struct toy_message request;
    struct toy_message answer;
    struct toy_reply reply;
    toy_rich(&other, world, 2, 0, 0);
    toy_rich(&toy, world, 1, 100, 0);
    quote_for(&reply, &toy, world, &request);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    answer.holder = other.account;
    EXPECT(world_send(world, &reply, &answer), KC_NOT_ALLOWED);
    assert_int_equal(times_kept(world, &toy, &answer, KC_EVIDENCE_ANSWER, request.cash.time_ms), 0);
}

/* shows: R-CASH-7 */
static void a_blocked_purses_messages_are_kept(void **state)
{
    struct world *world = *state;
    struct toy toy;
    struct toy_message request;
    struct toy_message answer;
    struct toy_message state_request;
    struct toy_reply reply;
    toy_rich(&toy, world, 1, 100, 0);
    quote_for(&reply, &toy, world, &request);
    toy_answer(&answer, &toy, world, &reply.quote, KC_ANSWER_OK);
    world_close(world);
    assert_true(world_plant(world, "UPDATE purses SET state = 3"));
    EXPECT(world_open(world), KC_OK);
    EXPECT(world_send(world, &reply, &answer), KC_PURSE_BLOCKED);
    assert_int_equal(times_kept(world, &toy, &answer, KC_EVIDENCE_ANSWER, request.cash.time_ms), 1);
    toy_state(&state_request, &toy, world);
    EXPECT(world_send(world, &reply, &state_request), KC_PURSE_BLOCKED);
    assert_int_equal(
        times_kept(world, &toy, &state_request, KC_EVIDENCE_STATE, state_request.state.time_ms), 1);
}

/* ---- the registrar's ---- */

/* shows: R-OPEN-1 R-OPEN-5 */
static void the_registrars_letters_are_kept_with_the_purse(void **state)
{
    struct world *world = *state;
    struct world_letter letters[4];
    struct kc_ledger_opened opened;
    struct kc_certified certified;
    struct kc_account_row row;
    const uint8_t identity[KC_DIGEST_SIZE] = {7};
    struct kc_open_request request = world_application(1);
    static const char *const words[] = {"open", "confirm", "cancel", "identify"};
    static const enum kc_evidence_kind kinds[] = {KC_EVIDENCE_OPEN, KC_EVIDENCE_CONFIRM,
                                                  KC_EVIDENCE_CANCEL, KC_EVIDENCE_IDENTIFY};
    for (unsigned i = 0; i < 4; i++) {
        world_write(&letters[i], world, words[i], 1, WORLD_START_MS + i);
    }
    EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
    request.time_ms = WORLD_START_MS;
    for (int i = 0; i < 2; i++) {
        EXPECT(kc_ledger_open_account(&opened, &world->ledger, &request, &letters[0].source),
               KC_OK);
    }
    const struct kc_confirm_request confirm = {
        .account = opened.account, .purse = opened.purse, .time_ms = WORLD_START_MS + 1};
    EXPECT(kc_ledger_confirm_account(&certified, &world->ledger, &confirm, identity,
                                     &letters[1].source),
           KC_OK);
    const struct kc_identify_request identify = {.account = opened.account,
                                                 .time_ms = WORLD_START_MS + 3};
    EXPECT(kc_ledger_identify_account(&row, &world->ledger, &identify, &letters[3].source), KC_OK);
    const struct kc_cancel_request cancel = {
        .account = opened.account, .purse = opened.purse, .time_ms = WORLD_START_MS + 2};
    EXPECT(kc_ledger_cancel_account(&world->ledger, &cancel, &letters[2].source), KC_OK);
    EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    for (unsigned i = 0; i < 4; i++) {
        struct kept kept =
            look(world, opened.purse.number, letters[i].source.bytes, kinds[i], WORLD_START_MS + i);
        assert_int_equal(kept.count, 1);
        assert_int_equal(kept.all, 4);
    }
}

/* ---- the keys that verify it ---- */

static void the_key_of_a_signer_is_kept_with_the_first_message(void **state)
{
    struct world *world = *state;
    struct kc_signer_row row;
    static const uint8_t signer[KC_SIGNER_SIZE] = {1, 2, 3};
    static const uint8_t key[] = {4, 5, 6};
    static const uint8_t other[] = {7};
    struct world_letter letter;
    struct kc_ledger_opened opened;
    struct kc_open_request request = world_application(1);
    EXPECT(world->store.signer_get(world->store.context, &row, signer), KC_NOT_FOUND);
    world_write(&letter, world, "open", 1, request.time_ms);
    memcpy(letter.source.signer, signer, sizeof signer);
    for (int i = 0; i < 2; i++) {
        letter.source.key = i == 0 ? kc_view(key, sizeof key) : kc_view(other, sizeof other);
        EXPECT(kc_ledger_begin(&world->ledger, world->now_ms), KC_OK);
        EXPECT(kc_ledger_open_account(&opened, &world->ledger, &request, &letter.source), KC_OK);
        EXPECT(kc_ledger_commit(&world->ledger), KC_OK);
    }
    EXPECT(world->store.signer_get(world->store.context, &row, signer), KC_OK);
    assert_int_equal(row.size, sizeof key);
    assert_memory_equal(row.key, key, sizeof key);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_ok_that_comes_too_late_is_kept),
        TEST(both_of_two_answers_are_kept),
        TEST(what_is_refused_is_kept),
        TEST(an_answer_of_a_stranger_is_not_kept_with_the_purse),
        TEST(a_blocked_purses_messages_are_kept),
        TEST(the_registrars_letters_are_kept_with_the_purse),
        TEST(the_key_of_a_signer_is_kept_with_the_first_message),
    };
    return cmocka_run_group_tests_name("ledger: evidence", tests, NULL, NULL);
}
