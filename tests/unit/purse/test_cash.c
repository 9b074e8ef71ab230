/* Does a purse take exactly the bank's answer to its own last request, and does its value follow from the bank's word and its own
 * entries alone? */
#include "cast.h"

static int ready(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    return 0;
}

static enum kc_error take(const struct world_saying *saying, const struct kc_shape *shape,
                          const void *message)
{
    return world_take(&world, world_say(&world, saying, shape, message));
}

static enum kc_error take_as_bank(const struct kc_shape *shape, const void *message)
{
    struct world_saying saying = world_saying(&world);
    return take(&saying, shape, message);
}

/* What the purse last sent, opened as the bank does. */
static void open_sent(void *message, const struct kc_shape *shape)
{
    static uint8_t plain_bytes[KC_PLAIN_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signed envelope;
    assert_false(kc_failed(kc_signed_parse(&envelope, world_data(&world))));
    assert_false(
        kc_failed(kc_envelope_open(message, &plain, &envelope, &crypto, &world.own_sign.public_key,
                                   &world.bank_encrypt.private_key, &world.realm, shape)));
}

/* ---- whole transactions, every suite ---- */

/* shows: R-CASH-1 R-CASH-2 R-CASH-4 R-CASH-6 R-SEC-2 R-SEC-3 R-DATA-9 */
static void a_withdrawal_is_spendable_after_the_completion_only(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_cash_request request;
        struct kc_cash_answer answer;
        cast_suite(suite);
        world_ready(&world);
        EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 100), KC_OK);
        open_sent(&request, &kc_cash_request_shape);
        assert_int_equal(request.kind, KC_CASH_KIND_WITHDRAW);
        assert_int_equal(kc_amount_minor(request.amount), 100);
        assert_true(request.time_ms > WORLD_TIME_MS);
        EXPECT(world_take_quote(&world), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        EXPECT(world_answer(&world, KC_ANSWER_OK), KC_OK);
        open_sent(&answer, &kc_cash_answer_shape);
        assert_true(answer.answer == KC_ANSWER_OK && !answer.has_entry);
        assert_true(answer.transaction_ms == request.time_ms && answer.time_ms > request.time_ms);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE + 100), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE + 100);
        assert_int_equal(world.purse.state.life, KC_LIFE_READY);
        assert_int_equal(world.purse.state.counter, 0);
    }
}

/* shows: R-CASH-6 R-DATA-6 R-DATA-9 */
static void a_deposit_is_gone_at_ok(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        struct kc_cash_answer answer;
        struct kc_entry entry;
        cast_suite(suite);
        world_ready(&world);
        world_go(&world, KC_LIFE_QUOTED, KC_CASH_KIND_DEPOSIT);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        EXPECT(world_answer(&world, KC_ANSWER_OK), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE - 100);
        open_sent(&answer, &kc_cash_answer_shape);
        assert_true(answer.has_entry);
        assert_false(kc_failed(kc_shape_decode(&entry, &kc_entry_shape, answer.entry)));
        assert_int_equal(entry.kind, KC_ENTRY_KIND_CASH_OUT);
        assert_int_equal(entry.counter, 1);
        assert_int_equal(kc_amount_minor(entry.amount), 100);
        assert_true(entry.has_transaction && entry.transaction_ms == answer.transaction_ms);
        assert_memory_equal(entry.partner, answer.quote, KC_DIGEST_SIZE);
        EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 100), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE - 100);
        assert_int_equal(kc_amount_minor(world.purse.state.paid), 100);
        assert_int_equal(world_uncovered(&world), 0);
    }
}

/* shows: R-CASH-7 */
static void ng_changes_nothing_and_is_said_under_the_signature(void **state)
{
    (void)state;
    for (unsigned kind = KC_CASH_KIND_WITHDRAW; kind <= KC_CASH_KIND_DEPOSIT; kind++) {
        struct kc_cash_answer answer;
        (void)ready(NULL);
        world_go(&world, KC_LIFE_QUOTED, (enum kc_cash_kind)kind);
        EXPECT(world_answer(&world, KC_ANSWER_NG), KC_OK);
        open_sent(&answer, &kc_cash_answer_shape);
        assert_true(answer.answer == KC_ANSWER_NG && !answer.has_entry);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        assert_int_equal(world.purse.state.counter, 0);
        assert_int_equal(world.purse.state.life, KC_LIFE_READY);
        assert_int_equal(world.purse.state.pending_ms, 0);
        EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 0, 9999), KC_OUT_OF_ORDER);
    }
}

/* shows: R-CASH-8 */
static void a_deposit_that_was_not_completed_comes_back(void **state)
{
    static const enum kc_outcome outcomes[] = {KC_OUTCOME_NOT_COMPLETED, KC_OUTCOME_DECLINED,
                                               KC_OUTCOME_REFUSED};
    (void)state;
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        struct kc_entry entry;
        (void)ready(NULL);
        world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
        EXPECT(world_take_completion(&world, outcomes[i], 0, WORLD_VALUE), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        assert_int_equal(world.purse.state.counter, 2);
        assert_int_equal(kc_amount_minor(world.purse.state.returned), 100);
        EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HISTORY, 0,
                          kc_view(NULL, 0)),
               KC_OK);
        assert_false(kc_failed(kc_shape_decode(&entry, &kc_entry_shape, world_data(&world))));
        assert_true(entry.kind == KC_ENTRY_KIND_VOID && entry.voids == 1);
    }
}

/* shows: R-CASH-9 */
static void recovery_conforms_to_the_banks_word(void **state)
{
    static const struct {
        enum kc_cash_kind kind;
        enum kc_outcome outcome;
        uint64_t included;
        uint64_t certified;
        uint64_t value;
    } cases[] = {
        {KC_CASH_KIND_WITHDRAW, KC_OUTCOME_COMPLETED, 0, 600, 600},
        {KC_CASH_KIND_WITHDRAW, KC_OUTCOME_NOT_COMPLETED, 0, 500, 500},
        {KC_CASH_KIND_DEPOSIT, KC_OUTCOME_COMPLETED, 1, 400, 400},
        {KC_CASH_KIND_DEPOSIT, KC_OUTCOME_NOT_COMPLETED, 0, 500, 500},
        {KC_CASH_KIND_DEPOSIT, KC_OUTCOME_NONE, 0, 500, 500},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kc_state_request request;
        (void)ready(NULL);
        world_go(&world, KC_LIFE_ANSWERED, cases[i].kind);
        EXPECT(world_state_request(&world), KC_OK);
        open_sent(&request, &kc_state_request_shape);
        assert_true(request.has_pending && request.pending_ms == world.purse.state.pending_ms);
        EXPECT(world_take_state(&world, cases[i].outcome, cases[i].included, cases[i].certified),
               KC_OK);
        assert_int_equal(world_value(&world), cases[i].value);
        assert_int_equal(world.purse.state.life, KC_LIFE_READY);
        EXPECT(world_take_state(&world, KC_OUTCOME_NONE, 0, 9999), KC_MISMATCH);
    }
}

static void in_doubt_leaves_it_pending(void **state)
{
    (void)state;
    EXPECT(world_order(&world, KC_INS_FUND_REQUEST, KC_FUND_KIND_FUND, 70), KC_OK);
    EXPECT(world_take_fund(&world, KC_OUTCOME_IN_DOUBT, 0, WORLD_VALUE), KC_OK);
    assert_int_equal(world.purse.state.life, KC_LIFE_REQUESTED);
    EXPECT(world_state_request(&world), KC_OK);
    EXPECT(world_take_state(&world, KC_OUTCOME_IN_DOUBT, 0, WORLD_VALUE), KC_OK);
    assert_int_equal(world.purse.state.life, KC_LIFE_REQUESTED);
    EXPECT(world_take_fund(&world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE), KC_OK);
    assert_int_equal(world.purse.state.life, KC_LIFE_READY);
    (void)ready(NULL);
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    EXPECT_REFUSED(world_take_completion(&world, KC_OUTCOME_IN_DOUBT, 1, 400), KC_MISMATCH);
    EXPECT_REFUSED(world_take_completion(&world, KC_OUTCOME_NONE, 0, 500), KC_MISMATCH);
}

/* shows: R-CASH-11 */
static void funding_and_redeeming_ask_and_take_the_answer(void **state)
{
    (void)state;
    for (unsigned kind = KC_FUND_KIND_FUND; kind <= KC_FUND_KIND_REDEEM; kind++) {
        for (unsigned outcome = KC_OUTCOME_COMPLETED; outcome <= KC_OUTCOME_REFUSED; outcome++) {
            struct kc_fund_request request;
            (void)ready(NULL);
            EXPECT(world_order(&world, KC_INS_FUND_REQUEST, kind, 100000), KC_OK);
            open_sent(&request, &kc_fund_request_shape);
            assert_true((unsigned)request.kind == kind);
            assert_int_equal(kc_amount_minor(request.amount), 100000);
            EXPECT(world_take_fund(&world, (enum kc_outcome)outcome, 0, WORLD_VALUE), KC_OK);
            assert_int_equal(world_value(&world), WORLD_VALUE);
            assert_int_equal(world.purse.state.life,
                             outcome == KC_OUTCOME_IN_DOUBT ? KC_LIFE_REQUESTED : KC_LIFE_READY);
        }
    }
}

/* ---- requests ---- */

static void amounts_that_cannot_be_are_refused(void **state)
{
    (void)state;
    for (unsigned kind = 1; kind <= 2; kind++) {
        EXPECT_REFUSED(world_order(&world, KC_INS_CASH_REQUEST, kind, 0), KC_AMOUNT_ZERO);
        EXPECT_REFUSED(world_order(&world, KC_INS_CASH_REQUEST, kind, KC_AMOUNT_MAX + 1),
                       KC_AMOUNT_TOO_LARGE);
        EXPECT_REFUSED(world_order(&world, KC_INS_FUND_REQUEST, kind, 0), KC_AMOUNT_ZERO);
        EXPECT_REFUSED(world_order(&world, KC_INS_FUND_REQUEST, kind, UINT64_MAX),
                       KC_AMOUNT_TOO_LARGE);
    }
    EXPECT_REFUSED(world_order(&world, KC_INS_CASH_REQUEST, 0, 1), KC_MALFORMED);
    EXPECT_REFUSED(world_order(&world, KC_INS_CASH_REQUEST, 3, 1), KC_MALFORMED);
    EXPECT_REFUSED(world_order(&world, KC_INS_CASH_REQUEST, 2, WORLD_VALUE + 1),
                   KC_INSUFFICIENT_VALUE);
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, 2, WORLD_VALUE), KC_OK);
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, 1, KC_AMOUNT_MAX), KC_OK);
}

static enum kc_error order_at(uint64_t time_ms)
{
    uint8_t data[17] = {KC_CASH_KIND_WITHDRAW};
    kc_be64_store(data + 1, 1);
    kc_be64_store(data + 9, time_ms);
    return world_send(&world, KC_CLA_KINCHAKU, KC_INS_CASH_REQUEST, 0, 0, kc_view(data, 17));
}

/* shows: R-CASH-3 R-DATA-9 */
static void no_time_stamp_is_used_twice_whatever_the_hosts_clock_says(void **state)
{
    static const uint64_t clocks[] = {WORLD_TIME_MS + 5,
                                      WORLD_TIME_MS + 5,
                                      WORLD_TIME_MS,
                                      1,
                                      WORLD_TIME_MS + 6,
                                      WORLD_TIME_MS + 900,
                                      2};
    uint64_t last = 0;
    (void)state;
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct kc_cash_request request;
        EXPECT(order_at(clocks[i]), KC_OK);
        open_sent(&request, &kc_cash_request_shape);
        assert_true(request.time_ms > last && request.time_ms >= clocks[i]);
        last = request.time_ms;
    }
    EXPECT_REFUSED(order_at(0), KC_MALFORMED);
    EXPECT_REFUSED(order_at((UINT64_C(1) << 53) + 1), KC_MALFORMED);
    EXPECT_REFUSED(order_at(UINT64_MAX), KC_MALFORMED);
}

static void a_repeat_gives_the_same_bytes(void **state)
{
    static uint8_t first[KC_MESSAGE_SIZE_MAX];
    (void)state;
    EXPECT_REFUSED(world_repeat(&world), KC_NOT_FOUND);
    for (unsigned life = KC_LIFE_REQUESTED; life <= KC_LIFE_ANSWERED; life += 2) {
        (void)ready(NULL);
        world_go(&world, (enum kc_life)life, KC_CASH_KIND_DEPOSIT);
        size_t size = world_data(&world).size;
        memcpy(first, world_data(&world).data, size);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        EXPECT_REFUSED(world_repeat(&world), KC_PIN_REQUIRED);
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
        EXPECT(world_repeat(&world), KC_OK);
        assert_true(kc_view_equal(world_data(&world), kc_view(first, size)));
    }
}

/* ---- quotes ---- */

static struct kc_cash_quote other;

static void q_request(void)
{
    other.request[0] ^= 1;
}
static void q_transaction(void)
{
    other.transaction_ms += 1;
}
static void q_account(void)
{
    other.account = kc_account_nth(7);
}
static void q_purse(void)
{
    other.purse = kc_purse_nth(7);
}
static void q_type(void)
{
    other.purse_type = KC_PURSE_TYPE_CARD;
}
/* What both amounts come to, so that nothing but the one changed field is wrong. */
static void q_settle(void)
{
    uint64_t amount = kc_amount_minor(other.amount);
    uint64_t account = kc_amount_minor(other.account_before);
    uint64_t purse = kc_amount_minor(other.purse_before);
    bool deposit = other.kind == KC_CASH_KIND_DEPOSIT;
    other.account_after = world_amount(deposit ? account + amount : account - amount);
    other.purse_after = world_amount(deposit ? purse - amount : purse + amount);
}
static void q_kind(void)
{
    other.kind = other.kind == KC_CASH_KIND_DEPOSIT ? KC_CASH_KIND_WITHDRAW : KC_CASH_KIND_DEPOSIT;
    q_settle();
}
static void q_amount(void)
{
    other.amount = world_amount(kc_amount_minor(other.amount) + 1);
    q_settle();
}
static void q_counter(void)
{
    other.counter += 1;
}
static void q_before(void)
{
    other.purse_before = world_amount(kc_amount_minor(other.purse_before) + 1);
    q_settle();
}
static void q_purse_after(void)
{
    other.purse_after = world_amount(kc_amount_minor(other.purse_after) + 1);
}
static void q_account_after(void)
{
    other.account_after = world_amount(kc_amount_minor(other.account_after) + 1);
}
static void q_account_before(void)
{
    other.account_before = kc_amount_zero();
}
static void q_time(void)
{
    other.time_ms += 1;
}

/* shows: R-CASH-4 */
static void a_quote_that_differs_from_the_request_is_refused(void **state)
{
    static void (*const changes[])(void) = {
        q_request,       q_transaction,    q_account, q_purse,  q_type,
        q_kind,          q_amount,         q_counter, q_before, q_purse_after,
        q_account_after, q_account_before, q_time};
    (void)state;
    for (unsigned kind = KC_CASH_KIND_WITHDRAW; kind <= KC_CASH_KIND_DEPOSIT; kind++) {
        (void)ready(NULL);
        world_go(&world, KC_LIFE_REQUESTED, (enum kc_cash_kind)kind);
        for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
            other = world_quote(&world);
            changes[i]();
            EXPECT_REFUSED(take_as_bank(&kc_cash_quote_shape, &other), KC_MISMATCH);
        }
        EXPECT(world_take_quote(&world), KC_OK);
    }
}

static void a_quote_for_an_older_request_is_refused(void **state)
{
    static uint8_t old[KC_MESSAGE_SIZE_MAX];
    struct world_saying saying = world_saying(&world);
    (void)state;
    world_go(&world, KC_LIFE_REQUESTED, KC_CASH_KIND_WITHDRAW);
    struct kc_cash_quote quote = world_quote(&world);
    struct kc_view said = world_say(&world, &saying, &kc_cash_quote_shape, &quote);
    memcpy(old, said.data, said.size);
    EXPECT(world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_WITHDRAW, 100), KC_OK);
    EXPECT_REFUSED(world_take(&world, kc_view(old, said.size)), KC_MISMATCH);
    EXPECT(world_order(&world, KC_INS_FUND_REQUEST, KC_FUND_KIND_FUND, 100), KC_OK);
    EXPECT_REFUSED(world_take(&world, kc_view(old, said.size)), KC_MISMATCH);
    /* A quote is for cash: none answers a fund request. */
    EXPECT_REFUSED(world_take_quote(&world), KC_MISMATCH);
}

/* ---- what is not the bank's ---- */

/* shows: R-SEC-2 R-SEC-3 */
static void other_keys_realms_and_domains_are_refused(void **state)
{
    (void)state;
    for (size_t suite = 0; suite < SUITE_COUNT; suite++) {
        cast_suite(suite);
        world_ready(&world);
        world_go(&world, KC_LIFE_REQUESTED, KC_CASH_KIND_WITHDRAW);
        struct kc_cash_quote quote = world_quote(&world);
        const struct world_saying right = world_saying(&world);
        struct world_saying saying = right;
        saying.from = &world.own_sign;
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_BAD_SIGNATURE);
        saying.from = &world.bank_encrypt;
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_BAD_SIGNATURE);
        struct world_party other_suite = cast_party(suite_names[suite == 0 ? 1 : 0], "other");
        saying.from = &other_suite;
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_WRONG_ALGORITHM);
        saying = right;
        saying.to = &world.own_sign;
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_CANNOT_UNSEAL);
        saying.to = &other_suite;
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_CANNOT_UNSEAL);
        saying = right;
        saying.realm.bank += 1;
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_BAD_SIGNATURE);
        saying = right;
        assert_false(kc_failed(kc_realm_set(&saying.realm, world.realm.bank, "EUR")));
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_BAD_SIGNATURE);
        saying = right;
        saying.time_ms += 1;
        EXPECT_REFUSED(take(&saying, &kc_cash_quote_shape, &quote), KC_MISMATCH);
        EXPECT(take(&right, &kc_cash_quote_shape, &quote), KC_OK);
    }
}

static void messages_for_others_are_of_a_wrong_type(void **state)
{
    struct world_saying saying = world_saying(&world);
    struct kc_done done = {.time_ms = WORLD_TIME_MS};
    struct kc_certified certified = world_next_certified(&world, 0, 9999);
    (void)state;
    world_go(&world, KC_LIFE_REQUESTED, KC_CASH_KIND_WITHDRAW);
    EXPECT_REFUSED(take(&saying, &kc_done_shape, &done), KC_WRONG_TYPE);
    EXPECT_REFUSED(world_take(&world, world_certify(&world, &certified)), KC_WRONG_TYPE);
    static uint8_t echo[KC_MESSAGE_SIZE_MAX];
    struct kc_view sent = world.purse.state.last_message;
    memcpy(echo, sent.data, sent.size);
    EXPECT_REFUSED(world_take(&world, kc_view(echo, sent.size)), KC_WRONG_TYPE);
}

/* Every message in every life: what may not come then is out of order. */
static void messages_come_in_their_lives_only(void **state)
{
    (void)state;
    for (unsigned life = KC_LIFE_READY; life <= KC_LIFE_ANSWERED; life++) {
        (void)ready(NULL);
        world_go(&world, (enum kc_life)life, KC_CASH_KIND_DEPOSIT);
        if (life != KC_LIFE_REQUESTED) {
            other = world_quote(&world);
            EXPECT_REFUSED(take_as_bank(&kc_cash_quote_shape, &other), KC_OUT_OF_ORDER);
            EXPECT_REFUSED(world_take_fund(&world, KC_OUTCOME_COMPLETED, 0, 9999), KC_OUT_OF_ORDER);
        } else {
            EXPECT_REFUSED(world_take_fund(&world, KC_OUTCOME_COMPLETED, 0, 9999), KC_MISMATCH);
        }
        if (life != KC_LIFE_ANSWERED) {
            EXPECT_REFUSED(world_take_completion(&world, KC_OUTCOME_COMPLETED, 0, 9999),
                           KC_OUT_OF_ORDER);
        }
        /* No state was asked for, and no request or answer was refused. */
        EXPECT_REFUSED(world_take_state(&world, KC_OUTCOME_NONE, 0, 9999), KC_MISMATCH);
        EXPECT_REFUSED(
            world_take_refusal(&world, world.purse.state.state_request, KC_PURSE_BLOCKED),
            KC_MISMATCH);
    }
}

/* ---- completions ---- */

static enum kc_error complete_with(void (*change)(struct kc_completion *),
                                   const struct kc_certified *certified)
{
    struct kc_completion completion =
        world_completion(&world, KC_OUTCOME_COMPLETED, world_certify(&world, certified));
    change(&completion);
    return take_as_bank(&kc_completion_shape, &completion);
}

static void c_same(struct kc_completion *completion)
{
    (void)completion;
}
static void c_answers(struct kc_completion *completion)
{
    completion->answers[31] ^= 1;
}
static void c_no_answer(struct kc_completion *completion)
{
    memset(completion->answers, 0, sizeof completion->answers);
}
static void c_transaction(struct kc_completion *completion)
{
    completion->transaction_ms -= 1;
}
static void c_purse(struct kc_completion *completion)
{
    completion->purse = kc_purse_nth(7);
}
static void c_time(struct kc_completion *completion)
{
    completion->time_ms += 1;
}

static void a_completion_of_another_transaction_is_refused(void **state)
{
    static void (*const changes[])(struct kc_completion *) = {c_answers, c_no_answer, c_transaction,
                                                              c_purse, c_time};
    (void)state;
    for (unsigned kind = KC_CASH_KIND_WITHDRAW; kind <= KC_CASH_KIND_DEPOSIT; kind++) {
        (void)ready(NULL);
        world_go(&world, KC_LIFE_ANSWERED, (enum kc_cash_kind)kind);
        struct kc_certified certified = world_next_certified(&world, 0, 9999);
        for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
            EXPECT_REFUSED(complete_with(changes[i], &certified), KC_MISMATCH);
        }
    }
}

/* shows: R-DATA-5 */
static void a_certified_value_that_is_not_its_own_is_refused(void **state)
{
    (void)state;
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_WITHDRAW);
    for (unsigned i = 0; i < 6; i++) {
        struct kc_certified certified = world_next_certified(&world, 0, 9999);
        certified.bank += i == 0;
        certified.account = i == 1 ? kc_account_nth(7) : certified.account;
        certified.purse = i == 2 ? kc_purse_nth(7) : certified.purse;
        certified.purse_type = i == 3 ? KC_PURSE_TYPE_CARD : certified.purse_type;
        certified.counter += i == 4;
        certified.head[0] ^= i == 5;
        EXPECT_REFUSED(complete_with(c_same, &certified), KC_MISMATCH);
    }
    struct world_saying saying = world_saying(&world);
    struct kc_certified certified = world_next_certified(&world, 0, 9999);
    saying.from = &world.own_sign;
    struct kc_completion completion =
        world_completion(&world, KC_OUTCOME_COMPLETED,
                         world_sign_record(&world, &saying, &kc_certified_shape, &certified));
    EXPECT_REFUSED(take_as_bank(&kc_completion_shape, &completion), KC_BAD_SIGNATURE);
    saying = world_saying(&world);
    saying.domain = kc_cash_quote_shape.domain;
    completion.certified = world_sign_record(&world, &saying, &kc_certified_shape, &certified);
    EXPECT_REFUSED(take_as_bank(&kc_completion_shape, &completion), KC_WRONG_DOMAIN);
    completion.certified = kc_view(NULL, 0);
    EXPECT_REFUSED(take_as_bank(&kc_completion_shape, &completion), KC_MALFORMED);
}

/* Only a higher sequence is taken: an older word of the bank gives no value back, and none away. */
static void a_lower_or_equal_sequence_changes_no_value(void **state)
{
    (void)state;
    for (uint64_t back = 1; back <= 2; back++) {
        (void)ready(NULL);
        world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_WITHDRAW);
        struct kc_certified certified = world_next_certified(&world, 0, 9999);
        certified.sequence -= back;
        EXPECT(complete_with(c_same, &certified), KC_OK);
        assert_int_equal(world_value(&world), WORLD_VALUE);
        assert_int_equal(world_certified(&world).sequence, 1);
        (void)ready(NULL);
        world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
        certified = world_next_certified(&world, 1, 9999);
        certified.sequence -= back;
        /* A deposit cannot be completed by a word that does not know it. */
        EXPECT_REFUSED(complete_with(c_same, &certified), KC_MISMATCH);
    }
}

/* A word of before the deposit leaves it open, whatever outcome is told with it. */
static void a_completed_deposit_is_in_the_certified_value(void **state)
{
    (void)state;
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    EXPECT_REFUSED(world_take_completion(&world, KC_OUTCOME_COMPLETED, 0, WORLD_VALUE),
                   KC_MISMATCH);
    /* A sum that its own entries would make negative is none. */
    EXPECT_REFUSED(world_take_completion(&world, KC_OUTCOME_NOT_COMPLETED, 0, 99), KC_MISMATCH);
    EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 100), KC_OK);
}

/* ---- refusals ---- */

static void a_refusal_ends_a_request_and_leaves_an_answer_open(void **state)
{
    uint8_t none[KC_DIGEST_SIZE] = {1};
    (void)state;
    world_go(&world, KC_LIFE_REQUESTED, KC_CASH_KIND_DEPOSIT);
    EXPECT_REFUSED(world_take_refusal(&world, none, KC_PURSE_BLOCKED), KC_MISMATCH);
    EXPECT(world_take_refusal(&world, world.purse.state.request, KC_INSUFFICIENT_ACCOUNT), KC_OK);
    assert_int_equal(world.purse.state.life, KC_LIFE_READY);
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    EXPECT(world_take_refusal(&world, world.purse.state.answer, KC_BUSY), KC_OK);
    assert_int_equal(world.purse.state.life, KC_LIFE_ANSWERED);
    assert_int_equal(world_value(&world), WORLD_VALUE - 100);
    EXPECT(world_repeat(&world), KC_OK);
    EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 100), KC_OK);
}

/* shows: R-SEC-4 */
static void the_banks_word_blocks_for_good(void **state)
{
    static const enum kc_error reasons[] = {KC_COPIED_OR_RESTORED, KC_PURSE_BLOCKED,
                                            KC_REPORTED_LOST};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (unsigned way = 0; way < 3; way++) {
            (void)ready(NULL);
            world_go(&world, way == 1 ? KC_LIFE_ANSWERED : KC_LIFE_REQUESTED, KC_CASH_KIND_DEPOSIT);
            if (way == 2) {
                EXPECT(world_state_request(&world), KC_OK);
            }
            const struct kc_purse_state *state_now = &world.purse.state;
            const uint8_t *which = way == 0   ? state_now->request
                                   : way == 1 ? state_now->answer
                                              : state_now->state_request;
            EXPECT(world_take_refusal(&world, which, reasons[i]), KC_OK);
            assert_int_equal(world.purse.state.life, KC_LIFE_BLOCKED);
            world_power(&world);
            assert_int_equal(world.purse.state.life, KC_LIFE_BLOCKED);
            EXPECT(world_select(&world), KC_OK);
            EXPECT(world_pin(&world, WORLD_PIN), KC_PURSE_BLOCKED);
            EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFO, 0,
                              kc_view(NULL, 0)),
                   KC_OK);
        }
    }
}

/* ---- entries and history ---- */

static void deposit_not_completed(void)
{
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    EXPECT(world_take_completion(&world, KC_OUTCOME_NOT_COMPLETED, 0, WORLD_VALUE), KC_OK);
}

/* Entries that the bank has not counted yet fill the list; then nothing is asked for until the bank has. */
static void a_full_list_of_entries_waits_for_the_bank(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KC_LIST_COUNT_MAX / 2; i++) {
        deposit_not_completed();
    }
    assert_int_equal(world_uncovered(&world), KC_LIST_COUNT_MAX);
    for (unsigned kind = 1; kind <= 2; kind++) {
        EXPECT_REFUSED(world_order(&world, KC_INS_CASH_REQUEST, kind, 100), KC_PENDING);
        EXPECT_REFUSED(world_order(&world, KC_INS_FUND_REQUEST, kind, 100), KC_PENDING);
    }
    EXPECT(world_state_request(&world), KC_OK);
    EXPECT(world_take_state(&world, KC_OUTCOME_NOT_COMPLETED, KC_LIST_COUNT_MAX, WORLD_VALUE),
           KC_OK);
    assert_int_equal(world_uncovered(&world), 0);
    deposit_not_completed();
    assert_int_equal(world_value(&world), WORLD_VALUE);
}

static enum kc_error history(struct kc_entry *out, unsigned back)
{
    enum kc_error error = world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HISTORY,
                                     (uint8_t)back, kc_view(NULL, 0));
    assert_true(error != KC_OK ||
                !kc_failed(kc_shape_decode(out, &kc_entry_shape, world_data(&world))));
    return error;
}

/* shows: R-DATA-6 */
static void the_history_shows_the_newest_48_entries(void **state)
{
    struct kc_entry entry;
    (void)state;
    for (unsigned count = 1; count <= 60; count++) {
        world_go(&world, KC_LIFE_QUOTED, KC_CASH_KIND_DEPOSIT);
        EXPECT(world_answer(&world, KC_ANSWER_OK), KC_OK);
        EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE), KC_OK);
        assert_int_equal(world.purse.state.counter, count);
        for (unsigned back = 0; back < 64; back++) {
            EXPECT(history(&entry, back), back < count && back < 48 ? KC_OK : KC_NOT_FOUND);
            assert_true(back >= count || back >= 48 || entry.counter == count - back);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_withdrawal_is_spendable_after_the_completion_only),
        cmocka_unit_test(a_deposit_is_gone_at_ok),
        cmocka_unit_test(ng_changes_nothing_and_is_said_under_the_signature),
        cmocka_unit_test(a_deposit_that_was_not_completed_comes_back),
        cmocka_unit_test(recovery_conforms_to_the_banks_word),
        cmocka_unit_test_setup(in_doubt_leaves_it_pending, ready),
        cmocka_unit_test(funding_and_redeeming_ask_and_take_the_answer),
        cmocka_unit_test_setup(amounts_that_cannot_be_are_refused, ready),
        cmocka_unit_test_setup(no_time_stamp_is_used_twice_whatever_the_hosts_clock_says, ready),
        cmocka_unit_test_setup(a_repeat_gives_the_same_bytes, ready),
        cmocka_unit_test(a_quote_that_differs_from_the_request_is_refused),
        cmocka_unit_test_setup(a_quote_for_an_older_request_is_refused, ready),
        cmocka_unit_test(other_keys_realms_and_domains_are_refused),
        cmocka_unit_test_setup(messages_for_others_are_of_a_wrong_type, ready),
        cmocka_unit_test(messages_come_in_their_lives_only),
        cmocka_unit_test(a_completion_of_another_transaction_is_refused),
        cmocka_unit_test_setup(a_certified_value_that_is_not_its_own_is_refused, ready),
        cmocka_unit_test(a_lower_or_equal_sequence_changes_no_value),
        cmocka_unit_test_setup(a_completed_deposit_is_in_the_certified_value, ready),
        cmocka_unit_test_setup(a_refusal_ends_a_request_and_leaves_an_answer_open, ready),
        cmocka_unit_test(the_banks_word_blocks_for_good),
        cmocka_unit_test_setup(a_full_list_of_entries_waits_for_the_bank, ready),
        cmocka_unit_test_setup(the_history_shows_the_newest_48_entries, ready),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
