/* Does a purse report exactly what the bank has not covered, and take from its answer exactly what it allows? */
#include "exchange_world.h"

static struct side a;
static struct side b;
static struct side c;
static struct kept message;
static struct kept plain;
static struct kept first;
static struct kept second;

static int two(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 7);
    return 0;
}

/* The next settle request of a purse, opened. */
static struct kc_settle_request request_of(struct side *side)
{
    struct kc_settle_request request;
    assert_error(settle_request(&message, side), OK);
    bank_opens(&request, &plain, side, kept_view(&message), &kc_settle_request_shape);
    return request;
}

static struct kc_entry record_entry(struct kc_log_record *record, struct kc_view bytes)
{
    struct kc_entry entry;
    must(kc_shape_decode(record, &kc_log_record_shape, bytes));
    must(kc_shape_decode(&entry, &kc_entry_shape, record->entry));
    return entry;
}

/* shows: R-DATA-6 */
static void a_report_holds_each_entry_with_what_shows_it(void **state)
{
    struct kc_log_record record;
    struct kc_value_information information;
    struct kc_signed parsed;
    (void)state;
    exchange(&a, &b, 100);
    assert_error(pay(&first, &a, &b, 50), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_NG), OK);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_error(pay(&first, &a, &b, 9), OK);
    struct kc_settle_request request = request_of(&a);
    must(kc_shape_decode(&information, &kc_value_information_shape, request.information));
    assert_int_equal(information.counter, 4);
    assert_int_equal(information.entries.count, 0);
    assert_int_equal(kc_amount_minor(information.value), 391);
    assert_int_equal(request.records.count, 4);
    static const enum kc_entry_kind kinds[] = {KC_ENTRY_KIND_PAY, KC_ENTRY_KIND_PAY,
                                               KC_ENTRY_KIND_VOID, KC_ENTRY_KIND_PAY};
    static const bool has_order[] = {true, true, false, true};
    static const bool has_answer[] = {true, true, true, false};
    for (size_t i = 0; i < 4; i++) {
        struct kc_entry entry = record_entry(&record, request.records.items[i]);
        assert_int_equal(entry.kind, kinds[i]);
        assert_int_equal(entry.counter, i + 1);
        assert_int_equal(record.has_order, has_order[i]);
        assert_int_equal(record.has_answer, has_answer[i]);
        if (record.has_answer) {
            must(kc_brief_parse(&parsed, record.answer));
            const struct kc_shape *shape = i == 0 ? &kc_receipt_shape : &kc_decline_shape;
            must(kc_brief_verify(&parsed, exchange_crypto(), &b.sign.public_key, exchange_realm(),
                                 shape->domain));
        }
    }
    request = request_of(&b);
    assert_int_equal(request.records.count, 2);
    struct kc_entry entry = record_entry(&record, request.records.items[1]);
    assert_int_equal(entry.kind, KC_ENTRY_KIND_REFUSE);
    must(kc_brief_parse(&parsed, record.order));
    must(kc_brief_verify(&parsed, exchange_crypto(), &a.sign.public_key, exchange_realm(),
                         kc_payment_order_shape.domain));
}

/* shows: R-XCHG-8 R-XCHG-11 */
static void a_receipt_that_power_cut_from_its_state_ends_the_payment(void **state)
{
    struct kc_log_record record;
    (void)state;
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    /* The receipt is written and synced, the image is not begun. */
    a.steps_left = 3;
    a.mode = CUT_NOTHING;
    assert_true(conclude(&a, kept_view(&second)) != KC_OK);
    side_power(&a);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 100);
    struct kc_settle_request request = request_of(&a);
    (void)record_entry(&record, request.records.items[0]);
    assert_true(record.has_answer);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 0);
    assert_int_equal(value_of(&a), 400);
    side_power(&a);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 0);
}

/* shows: R-XCHG-8 */
static void a_long_history_goes_in_several_reports(void **state)
{
    struct kc_log_record record;
    uint64_t next = 1;
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        exchange(&a, &b, 1);
    }
    while (info_of(&b).uncovered > 0) {
        struct kc_settle_request request = request_of(&b);
        uint64_t count = request.records.count;
        assert_in_range(count, 1, 8);
        assert_int_equal(record_entry(&record, request.records.items[0]).counter, next);
        next += count;
        assert_error(take(&b, bank_settles(&message, &b, count, 7 + next - 1, NULL, 0)), OK);
        assert_int_equal(value_of(&b), 27);
    }
    assert_int_equal(next, 21);
    side_power(&b);
    assert_int_equal(value_of(&b), 27);
    /* Even with nothing left a purse may ask, to hear what became of open payments. */
    assert_int_equal(request_of(&b).records.count, 0);
}

/* RSA signatures are long: fewer records go into one message, and every one of them goes. */
static void long_signatures_fit_the_message(void **state)
{
    struct making making = {.nth = 4,
                            .suite = KC_SUITE_RS2048,
                            .value = 500,
                            .expires_s = EXPIRES_S,
                            .type = KC_PURSE_TYPE_UIM};
    (void)state;
    side_make(&a, &making);
    making.nth = 5;
    side_make(&b, &making);
    for (unsigned i = 0; i < 9; i++) {
        exchange(&a, &b, 1);
    }
    struct kc_settle_request request = request_of(&a);
    assert_in_range(request.records.count, 4, 7);
    assert_error(take(&a, bank_settles(&message, &a, request.records.count,
                                       500 - request.records.count, NULL, 0)),
                 OK);
    assert_int_equal(value_of(&a), 491);
}

/* shows: R-XCHG-8 */
static void what_the_bank_knows_was_never_taken_comes_back(void **state)
{
    struct kc_release releases[2];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kept certified;
    (void)state;
    side_plain(&c, 3, 0);
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_error(pay(&second, &a, &c, 20), OK);
    releases[0] = release_of(1, 100, KC_OUT_OF_ORDER);
    releases[1] = release_of(77, 5, KC_OUT_OF_ORDER);
    (void)request_of(&a);
    assert_error(take(&a, bank_settles(&message, &a, 2, 380, releases, 2)), OK);
    assert_int_equal(value_of(&a), 480);
    assert_int_equal(a.purse.state.open.count, 1);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 20);
    struct kc_entry entry = entry_of(&a, 3);
    assert_int_equal(entry.kind, KC_ENTRY_KIND_VOID);
    assert_int_equal(entry.voids, 1);
    keep(&certified, a.purse.state.certified);
    kc_digest(exchange_crypto(), digest, kept_view(&certified));
    assert_memory_equal(digest, entry.partner, KC_DIGEST_SIZE);
    /* Told once more, because the void is not counted yet: nothing more comes back. */
    (void)request_of(&a);
    assert_error(take(&a, bank_settles(&message, &a, 1, 480, releases, 1)), OK);
    assert_int_equal(value_of(&a), 480);
    assert_int_equal(a.purse.state.counter, 3);
    /* A receipt that turns up now is for the bank to judge. */
    struct kc_payment decoded;
    struct kc_receipt receipt = {.payee_purse = b.number, .counter = 1, .time_ms = NOW_MS};
    must(kc_shape_decode(&decoded, &kc_payment_shape, kept_view(&first)));
    kc_digest(exchange_crypto(), receipt.payment, decoded.order);
    assert_error(conclude(&a, sign_answer(&message, true, &receipt, &b.sign)), ASK_BANK);
    assert_int_equal(value_of(&a), 480);
}

/* The payee reported it, the receipt never came: the payment is over, and nothing comes back. */
static void what_the_bank_knows_was_taken_is_no_longer_open(void **state)
{
    struct kc_release release = release_of(1, 100, KC_OK);
    (void)state;
    assert_error(pay(&first, &a, &b, 100), OK);
    (void)request_of(&a);
    assert_error(take(&a, bank_settles(&message, &a, 1, 400, &release, 1)), OK);
    assert_int_equal(value_of(&a), 400);
    assert_int_equal(a.purse.state.open.count, 0);
    assert_int_equal(a.purse.state.counter, 1);
}

static void a_release_of_another_amount_is_no_release(void **state)
{
    struct kc_release release = release_of(1, 101, KC_OUT_OF_ORDER);
    (void)state;
    assert_error(pay(&first, &a, &b, 100), OK);
    (void)request_of(&a);
    uint64_t sequence = a.purse.image_sequence;
    assert_error(take(&a, bank_settles(&message, &a, 1, 400, &release, 1)), MISMATCH);
    assert_int_equal(a.purse.image_sequence, sequence);
    assert_int_equal(a.purse.state.open.count, 1);
    assert_int_equal(value_of(&a), 400);
}

static void only_the_answer_to_the_last_report_is_taken(void **state)
{
    struct kept early;
    struct kept late;
    (void)state;
    exchange(&a, &b, 100);
    (void)request_of(&a);
    bank_settles(&early, &a, 1, 400, NULL, 0);
    (void)request_of(&a);
    assert_error(take(&a, kept_view(&early)), MISMATCH);
    bank_settles(&late, &a, 1, 400, NULL, 0);
    late.bytes[late.size / 2] ^= 1;
    assert_true(take(&a, kept_view(&late)) != KC_OK);
    late.bytes[late.size / 2] ^= 1;
    assert_error(take(&b, kept_view(&late)), MISMATCH);
    assert_int_equal(info_of(&a).uncovered, 1);
    assert_error(take(&a, kept_view(&late)), OK);
    assert_int_equal(info_of(&a).uncovered, 0);
    assert_error(take(&a, kept_view(&late)), MISMATCH);
}

/* Entries made while the report was on its way stay on top. */
static void later_entries_stay_on_top(void **state)
{
    struct kept reply;
    (void)state;
    exchange(&a, &b, 100);
    (void)request_of(&a);
    bank_settles(&reply, &a, 1, 400, NULL, 0);
    exchange(&a, &b, 30);
    assert_error(take(&a, kept_view(&reply)), OK);
    assert_int_equal(value_of(&a), 370);
    assert_int_equal(info_of(&a).uncovered, 1);
    side_power(&a);
    assert_int_equal(value_of(&a), 370);
}

static void a_certified_value_of_another_chain_is_refused(void **state)
{
    (void)state;
    exchange(&a, &b, 100);
    exchange(&b, &a, 1);
    (void)request_of(&a);
    /* What B's chain holds under the name of A cannot be: a certified value of the head before is made, with a later counter. */
    struct kc_certified held = a.purse.certified;
    a.purse.certified.head[0] ^= 1;
    struct kept reply;
    bank_settles(&reply, &a, 1, 400, NULL, 0);
    a.purse.certified = held;
    assert_error(take(&a, kept_view(&reply)), MISMATCH);
    assert_int_equal(value_of(&a), 401);
    /* Nor one that the later entries would overspend. */
    exchange(&a, &b, 301);
    bank_settles(&reply, &a, 2, 300, NULL, 0);
    assert_error(take(&a, kept_view(&reply)), MISMATCH);
    assert_int_equal(value_of(&a), 100);
}

/* With a full log a release finds no place yet; it is heard with the next reply. */
static void a_release_waits_while_the_log_is_full(void **state)
{
    struct kc_release release = release_of(1, 100, KC_OUT_OF_ORDER);
    uint64_t value = 400;
    (void)state;
    side_plain(&c, 3, 0);
    assert_error(pay(&first, &a, &c, 100), OK);
    for (unsigned i = 1; i < KC_LOG_COUNT; i++) {
        exchange(&a, &b, 1);
    }
    assert_error(pay(&second, &a, &b, 1), HISTORY_FULL);
    (void)request_of(&a);
    value -= 7;
    assert_error(take(&a, bank_settles(&message, &a, 8, value, &release, 1)), OK);
    assert_int_equal(value_of(&a), 500 - 100 - 47);
    assert_int_equal(a.purse.state.open.count, 1);
    side_power(&a);
    (void)request_of(&a);
    value -= 8;
    assert_error(take(&a, bank_settles(&message, &a, 8, value, &release, 1)), OK);
    assert_int_equal(value_of(&a), 500 - 47);
    assert_int_equal(a.purse.state.open.count, 0);
    side_power(&a);
    assert_int_equal(value_of(&a), 500 - 47);
}

/* A payment whose slot was used again can only be ended by the bank. */
static void a_payment_that_left_the_log_is_the_banks(void **state)
{
    struct kc_release release = release_of(1, 100, KC_OUT_OF_ORDER);
    (void)state;
    side_plain(&c, 3, 0);
    assert_error(pay(&first, &a, &c, 100), OK);
    (void)request_of(&a);
    assert_error(take(&a, bank_settles(&message, &a, 1, 400, NULL, 0)), OK);
    for (unsigned i = 0; i < KC_LOG_COUNT; i++) {
        exchange(&a, &b, 1);
    }
    (void)request_of(&a);
    assert_error(take(&a, bank_settles(&message, &a, 8, 392, NULL, 0)), OK);
    side_plain(&b, 4, 0);
    exchange(&a, &b, 1);
    assert_error(open_payment(&second, &a, 0), ASK_BANK);
    assert_error(answer(&second, &c, kept_view(&first), KC_ANSWER_NG), OK);
    assert_error(conclude(&a, kept_view(&second)), ASK_BANK);
    assert_int_equal(value_of(&a), 351);
    (void)request_of(&a);
    assert_error(take(&a, bank_settles(&message, &a, 8, 384, &release, 1)), OK);
    assert_int_equal(value_of(&a), 451);
}

static void a_refused_report_changes_nothing_but_a_copy_is_blocked(void **state)
{
    struct kc_refusal refusal = {.reason = KC_STALE_STATE, .time_ms = NOW_MS};
    (void)state;
    exchange(&a, &b, 100);
    (void)request_of(&a);
    memcpy(refusal.request, a.purse.state.settle_request, KC_DIGEST_SIZE);
    assert_error(take(&a, bank_seals(&message, &a, &kc_refusal_shape, &refusal)), OK);
    assert_int_equal(info_of(&a).uncovered, 1);
    assert_int_equal(value_of(&a), 400);
    refusal.reason = KC_COPIED_OR_RESTORED;
    assert_error(take(&a, bank_seals(&message, &a, &kc_refusal_shape, &refusal)), OK);
    assert_error(pay(&first, &a, &b, 1), PURSE_BLOCKED);
    assert_error(settle_request(&message, &a), PURSE_BLOCKED);
    assert_int_equal(value_of(&a), 400);
}

/* ---- a deposit with payments on top ---- */

/* A deposit of 50 by A, quoted and said OK to. */
static void deposit(void)
{
    const uint64_t now = NOW_MS;
    uint8_t order[17] = {KC_CASH_KIND_DEPOSIT};
    kc_be64_store(order + 1, 50);
    kc_be64_store(order + 9, NOW_MS);
    assert_error(side_run(&a, KC_INS_CASH_REQUEST, 0, 0, NULL, kc_view(order, sizeof order)), OK);
    struct kc_cash_quote quote = {.transaction_ms = a.purse.state.pending_ms,
                                  .account = a.account,
                                  .purse_type = KC_PURSE_TYPE_UIM,
                                  .purse = a.number,
                                  .kind = KC_CASH_KIND_DEPOSIT,
                                  .amount = amount(50),
                                  .account_after = amount(50),
                                  .purse_before = a.purse.state.value,
                                  .purse_after = amount(value_of(&a) - 50),
                                  .counter = a.purse.state.counter,
                                  .expires_ms = NOW_MS + 60000,
                                  .time_ms = NOW_MS};
    memcpy(quote.request, a.purse.state.request, KC_DIGEST_SIZE);
    assert_error(take(&a, bank_seals(&message, &a, &kc_cash_quote_shape, &quote)), OK);
    assert_error(side_run(&a, KC_INS_ANSWER, KC_ANSWER_OK, 1, &now, kc_view(NULL, 0)), OK);
    assert_int_equal(value_of(&a), 450);
}

static enum kc_error complete(uint64_t covered, uint64_t value, enum kc_outcome outcome)
{
    struct kept certified;
    struct kc_completion completion = {.transaction_ms = a.purse.state.pending_ms,
                                       .purse = a.number,
                                       .outcome = outcome,
                                       .time_ms = NOW_MS};
    memcpy(completion.answers, a.purse.state.answer, KC_DIGEST_SIZE);
    completion.certified = bank_certifies(&certified, &a, covered, value);
    return take(&a, bank_seals(&message, &a, &kc_completion_shape, &completion));
}

static void payments_stand_on_top_of_a_deposit(void **state)
{
    (void)state;
    deposit();
    exchange(&a, &b, 100);
    exchange(&b, &a, 10);
    assert_int_equal(a.purse.state.life, KC_LIFE_ANSWERED);
    assert_int_equal(value_of(&a), 360);
    assert_error(settle_request(&message, &a), PENDING);
    assert_error(complete(1, 450, KC_OUTCOME_COMPLETED), OK);
    assert_int_equal(value_of(&a), 360);
    assert_int_equal(info_of(&a).uncovered, 2);
    assert_int_equal(request_of(&a).records.count, 2);
}

/* The last place of the log is kept for what gives an unsuccessful deposit back. */
static void a_deposit_comes_back_through_a_full_log(void **state)
{
    (void)state;
    deposit();
    for (unsigned i = 2; i < KC_LOG_COUNT; i++) {
        exchange(&a, &b, 1);
    }
    assert_error(pay(&first, &a, &b, 1), HISTORY_FULL);
    assert_int_equal(info_of(&a).uncovered, KC_LOG_COUNT - 1);
    assert_error(complete(0, 500, KC_OUTCOME_NOT_COMPLETED), OK);
    assert_int_equal(value_of(&a), 500 - 46);
    assert_int_equal(info_of(&a).uncovered, KC_LOG_COUNT);
    side_power(&a);
    assert_int_equal(value_of(&a), 500 - 46);
    assert_int_equal(request_of(&a).records.count, 8);
}

#define WITH_TWO(test) cmocka_unit_test_setup(test, two)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TWO(a_report_holds_each_entry_with_what_shows_it),
        WITH_TWO(a_receipt_that_power_cut_from_its_state_ends_the_payment),
        WITH_TWO(a_long_history_goes_in_several_reports),
        WITH_TWO(long_signatures_fit_the_message),
        WITH_TWO(what_the_bank_knows_was_never_taken_comes_back),
        WITH_TWO(what_the_bank_knows_was_taken_is_no_longer_open),
        WITH_TWO(a_release_of_another_amount_is_no_release),
        WITH_TWO(only_the_answer_to_the_last_report_is_taken),
        WITH_TWO(later_entries_stay_on_top),
        WITH_TWO(a_certified_value_of_another_chain_is_refused),
        WITH_TWO(a_release_waits_while_the_log_is_full),
        WITH_TWO(a_payment_that_left_the_log_is_the_banks),
        WITH_TWO(a_refused_report_changes_nothing_but_a_copy_is_blocked),
        WITH_TWO(payments_stand_on_top_of_a_deposit),
        WITH_TWO(a_deposit_comes_back_through_a_full_log),
    };
    return cmocka_run_group_tests_name("settle", tests, exchange_open, exchange_close);
}
