/* Does a purse whose policy is "overwrite" go on with a full history, lose attribution and never a sum, and come back from every
 * power cut? Do the other policies stop it by name? */
#include "exchange_world.h"

#include <stdio.h>

static struct side a;
static struct side b;
static struct side c;
static struct side before;
static struct kept first;
static struct kept second;
static struct kept third;

static void make_with(struct side *side, unsigned nth, uint64_t value, enum kc_log_policy policy)
{
    struct making making = {.nth = nth,
                            .suite = KC_SUITE_ES256,
                            .value = value,
                            .expires_s = EXPIRES_S,
                            .type = KC_PURSE_TYPE_UIM,
                            .log_policy = policy};
    side_make(side, &making);
}

/* `side` pays a fresh purse 2, `times` times, and takes 1 from it in between: its counter grows by two each time. */
static void go_round(struct side *side, unsigned nth, unsigned times)
{
    static struct side other;
    side_plain(&other, nth, 500);
    for (unsigned i = 0; i < times; i++) {
        assert_error(offer(&first, side, &other, true, 0), OK);
        assert_error(pay_offer(&first, side, 2, kept_view(&first)), OK);
        assert_error(answer(&second, &other, kept_view(&first), KC_ANSWER_OK), OK);
        assert_error(conclude(side, kept_view(&second)), OK);
        assert_error(offer(&first, &other, side, true, 0), OK);
        assert_error(pay_offer(&first, &other, 1, kept_view(&first)), OK);
        assert_error(answer(&second, side, kept_view(&first), KC_ANSWER_OK), OK);
        assert_error(conclude(&other, kept_view(&second)), OK);
    }
}

/* The report that the purse makes, and its gap. */
static struct kc_settle_request reported(struct side *side, struct kc_gap *gap)
{
    static struct kept plain;
    struct kc_settle_request request;
    assert_error(settle_request(&third, side), OK);
    bank_opens(&request, &plain, side, kept_view(&third), &kc_settle_request_shape);
    memset(gap, 0, sizeof *gap);
    if (request.has_gap) {
        must(kc_shape_decode(gap, &kc_gap_shape, request.gap));
    }
    return request;
}

static uint64_t counter_of(struct kc_view record_bytes)
{
    struct kc_log_record record;
    struct kc_entry entry;
    must(kc_shape_decode(&record, &kc_log_record_shape, record_bytes));
    must(kc_shape_decode(&entry, &kc_entry_shape, record.entry));
    return entry.counter;
}

static bool is_corrupt(const struct side *side)
{
    static const uint8_t aid[] = KC_AID;
    struct side *copy = &before;
    memcpy(copy, side, sizeof *copy);
    struct kc_nvm nvm = side->purse.nvm;
    nvm.context = copy;
    kc_purse_open(&copy->purse, &nvm, &copy->crypto);
    return side_send(copy, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid)) ==
           KC_PURSE_CORRUPT;
}

/* ---- overwriting ---- */

/* shows: R-LOG-2 */
static void a_full_history_gives_its_oldest_up_and_no_sum(void **state)
{
    struct kc_gap gap;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 20);
    go_round(&a, 11, 4);
    assert_int_equal(info_of(&a).log_room, 0);
    assert_int_equal(info_of(&a).overwritten, 0);
    assert_false(reported(&a, &gap).has_gap);
    /* Eleven payments out and ten in more: as many go. */
    go_round(&a, 12, 10);
    side_plain(&b, 2, 0);
    exchange(&a, &b, 5);
    struct kc_purse_info info = info_of(&a);
    assert_int_equal(info.counter, 69);
    assert_int_equal(info.uncovered, 69);
    assert_int_equal(info.overwritten, 21);
    assert_int_equal(value_of(&a), 500 - 34 - 5);
    /* What the bank is shown: eleven payments of 2 and ten of 1, and the records after them. */
    struct kc_settle_request request = reported(&a, &gap);
    assert_true(request.has_gap);
    assert_int_equal(gap.counter, 21);
    assert_int_equal(kc_amount_minor(gap.paid), 22);
    assert_int_equal(kc_amount_minor(gap.received), 10);
    assert_int_equal(kc_amount_minor(gap.returned), 0);
    assert_int_equal(request.records.count, KC_LIST_COUNT_MAX);
    for (size_t i = 0; i < request.records.count; i++) {
        assert_int_equal(counter_of(request.records.items[i]), 22 + i);
    }
    assert_int_equal(kc_amount_minor(info_of(&a).spend_left), KC_AMOUNT_MAX - 68 - 5);
    side_power(&a);
    assert_int_equal(value_of(&a), 500 - 34 - 5);
}

/* The chain head in the report is the one that the bank gets by hashing what it has of those entries from elsewhere.
 * shows: R-LOG-2 */
static void the_head_of_a_gap_is_that_of_its_entries(void **state)
{
    static struct side twin;
    struct kc_gap gap;
    uint8_t head[KC_DIGEST_SIZE] = {0};
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 24);
    side_copy(&twin, &a);
    go_round(&a, 11, 2);
    (void)reported(&a, &gap);
    assert_int_equal(gap.counter, 4);
    for (uint64_t at = 1; at <= 4; at++) {
        struct kc_sha256 hash;
        struct kc_log_slot slot;
        const struct kc_crypto *crypto = exchange_crypto();
        must(kc_purse_log_get(&slot, &twin.purse, at));
        crypto->sha256_start(crypto->context, &hash);
        crypto->sha256_add(crypto->context, &hash, kc_view(head, sizeof head));
        crypto->sha256_add(crypto->context, &hash, slot.entry);
        crypto->sha256_end(crypto->context, &hash, head);
    }
    assert_memory_equal(gap.head, head, sizeof head);
}

/* A report of what lies behind the gap comes back as a certified value over it, and everything is as ever.
 * shows: R-LOG-2 R-XCHG-8 */
static void a_report_ends_the_gap(void **state)
{
    struct kc_gap gap;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 20);
    go_round(&a, 11, 10);
    assert_int_equal(info_of(&a).overwritten, 12);
    assert_true(reported(&a, &gap).has_gap);
    /* Twelve entries are gone, eight came with the report: 500 - 10. */
    assert_error(take(&a, bank_settles(&second, &a, 20, 490, NULL, 0)), OK);
    struct kc_purse_info info = info_of(&a);
    assert_int_equal(info.overwritten, 0);
    assert_int_equal(info.uncovered, 40);
    assert_int_equal(info.log_room, 8);
    assert_int_equal(value_of(&a), 470);
    assert_int_equal(a.purse.state.gap_counter, 0);
    assert_int_equal(kc_amount_minor(a.purse.state.gap_paid), 0);
    assert_false(reported(&a, &gap).has_gap);
    side_power(&a);
    assert_int_equal(value_of(&a), 470);
    assert_int_equal(kc_amount_minor(a.purse.state.spent), 40);
    assert_int_equal(a.purse.state.spent_count, 20);
    /* It goes round again, over another gap. */
    go_round(&a, 12, 10);
    assert_int_equal(info_of(&a).overwritten, 12);
    (void)reported(&a, &gap);
    assert_int_equal(gap.counter, 32);
    assert_int_equal(kc_amount_minor(gap.paid), 32);
    assert_int_equal(kc_amount_minor(gap.received), 16);
    side_power(&a);
}

/* The bank conforms the purse across a gap that only its partners could explain: what it holds then is the bank's amount and its
 * own entries since.
 * shows: R-LOG-2 R-LOG-4 */
static void the_bank_conforms_a_purse_across_its_gap(void **state)
{
    struct kc_gap gap;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 20);
    go_round(&a, 11, 10);
    (void)reported(&a, &gap);
    assert_error(take(&a, bank_settles(&second, &a, 12, 300, NULL, 0)), OK);
    assert_int_equal(value_of(&a), 300 - 24);
    side_power(&a);
    assert_int_equal(value_of(&a), 300 - 24);
}

/* A certified value that ends inside the gap cannot be checked; the report with the gap brings one that can. */
static void a_certified_value_inside_the_gap_is_stale(void **state)
{
    struct kc_gap gap;
    static struct kept late;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 20);
    assert_error(settle_request(&third, &a), OK);
    bank_settles(&late, &a, 8, 496, NULL, 0);
    go_round(&a, 11, 9);
    assert_int_equal(info_of(&a).overwritten, 10);
    uint64_t sequence = a.purse.image_sequence;
    assert_error(take(&a, kept_view(&late)), STALE_STATE);
    assert_int_equal(a.purse.image_sequence, sequence);
    assert_int_equal(value_of(&a), 471);
    assert_true(reported(&a, &gap).has_gap);
    assert_int_equal(gap.counter, 10);
    assert_error(take(&a, bank_settles(&second, &a, 18, 491, NULL, 0)), OK);
    assert_int_equal(value_of(&a), 471);
    assert_error(take(&a, kept_view(&late)), MISMATCH);
}

/* One that covers the whole gap although its report came before it. */
static void a_reply_from_before_that_covers_the_gap_is_taken(void **state)
{
    static struct kept late;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 20);
    assert_error(settle_request(&third, &a), OK);
    bank_settles(&late, &a, 8, 496, NULL, 0);
    go_round(&a, 11, 5);
    assert_int_equal(info_of(&a).overwritten, 2);
    assert_error(take(&a, kept_view(&late)), OK);
    assert_int_equal(info_of(&a).overwritten, 0);
    assert_int_equal(value_of(&a), 475);
    side_power(&a);
    assert_int_equal(value_of(&a), 475);
}

/* A withdrawal that was answered before the history went round: its completion counts nothing new, and the gap stays on top. */
static void a_withdrawal_completes_below_a_gap(void **state)
{
    struct kc_gap gap;
    static struct kept certified;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 20);
    go_round(&a, 11, 10);
    const uint64_t now = NOW_MS + 9;
    assert_error(side_run(&a, KC_INS_STATE_REQUEST, 0, 1, &now, kc_view(NULL, 0)), OK);
    struct kc_state_request request;
    struct kc_value_information information;
    bank_opens(&request, &first, &a, a.out, &kc_state_request_shape);
    must(kc_shape_decode(&information, &kc_value_information_shape, request.information));
    assert_int_equal(information.entries.count, 0);
    assert_int_equal(information.counter, 60);
    struct kc_state_reply reply = {
        .purse = a.number, .outcome = KC_OUTCOME_NONE, .time_ms = NOW_MS};
    memcpy(reply.request, a.purse.state.state_request, KC_DIGEST_SIZE);
    reply.certified = bank_certifies(&certified, &a, 0, 600);
    assert_error(take(&a, bank_seals(&second, &a, &kc_state_reply_shape, &reply)), OK);
    assert_int_equal(value_of(&a), 570);
    assert_int_equal(info_of(&a).overwritten, 12);
    side_power(&a);
    assert_int_equal(value_of(&a), 570);
    (void)reported(&a, &gap);
    assert_int_equal(gap.counter, 12);
    assert_int_equal(kc_amount_minor(gap.paid), 12);
    assert_error(take(&a, bank_settles(&second, &a, 60, 570, NULL, 0)), OK);
    assert_int_equal(info_of(&a).uncovered, 0);
}

static void a_wrong_head_below_a_gap_is_refused(void **state)
{
    static struct kept certified;
    const uint64_t now = NOW_MS + 9;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 20);
    go_round(&a, 11, 10);
    assert_error(side_run(&a, KC_INS_STATE_REQUEST, 0, 1, &now, kc_view(NULL, 0)), OK);
    struct kc_state_reply reply = {
        .purse = a.number, .outcome = KC_OUTCOME_NONE, .time_ms = NOW_MS};
    memcpy(reply.request, a.purse.state.state_request, KC_DIGEST_SIZE);
    a.purse.certified.head[3] ^= 1;
    reply.certified = bank_certifies(&certified, &a, 0, 600);
    a.purse.certified.head[3] ^= 1;
    assert_error(take(&a, bank_seals(&second, &a, &kc_state_reply_shape, &reply)), MISMATCH);
    /* And an amount that the sums of the gap would take below zero. */
    reply.certified = bank_certifies(&certified, &a, 0, 29);
    assert_error(take(&a, bank_seals(&second, &a, &kc_state_reply_shape, &reply)), MISMATCH);
    assert_int_equal(value_of(&a), 470);
}

/* ---- what goes with an entry that was given up ---- */

/* An open payment stays open; only the bank can end it.
 * shows: R-LOG-2 */
static void an_open_payment_outlives_its_record(void **state)
{
    struct kc_release release = release_of(1, 100, KC_OUT_OF_ORDER);
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    side_plain(&c, 3, 0);
    assert_error(pay(&third, &a, &c, 100), OK);
    static struct kept payment;
    keep(&payment, kept_view(&third));
    go_round(&a, 10, 23);
    go_round(&a, 11, 1);
    assert_int_equal(info_of(&a).overwritten, 1);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 100);
    go_round(&a, 12, 1);
    assert_error(open_payment(&first, &a, 0), ASK_BANK);
    assert_error(answer(&second, &c, kept_view(&payment), KC_ANSWER_NG), OK);
    assert_error(conclude(&a, kept_view(&second)), ASK_BANK);
    assert_int_equal(value_of(&a), 375);
    assert_error(settle_request(&third, &a), OK);
    assert_error(take(&a, bank_settles(&second, &a, 51, 375, &release, 1)), OK);
    /* The log was full when the reply came, so the release is heard in the next one. */
    assert_int_equal(kc_amount_minor(info_of(&a).open), 100);
    assert_error(settle_request(&third, &a), OK);
    assert_error(take(&a, bank_settles(&second, &a, 0, 375, &release, 1)), OK);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 0);
    assert_int_equal(value_of(&a), 475);
}

/* A decline that comes for the oldest entry takes its place: the void holds the payee's word. */
static void a_decline_of_the_oldest_payment_takes_its_place(void **state)
{
    struct kc_log_slot slot;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    side_plain(&c, 3, 0);
    assert_error(pay(&third, &a, &c, 100), OK);
    static struct kept payment;
    keep(&payment, kept_view(&third));
    assert_error(answer(&third, &c, kept_view(&payment), KC_ANSWER_NG), OK);
    static struct kept word;
    keep(&word, kept_view(&third));
    go_round(&a, 10, 23);
    side_plain(&b, 2, 0);
    exchange(&a, &b, 1);
    assert_int_equal(info_of(&a).log_room, 0);
    assert_error(conclude(&a, kept_view(&word)), OK);
    assert_int_equal(value_of(&a), 500 - 23 - 1);
    assert_int_equal(info_of(&a).overwritten, 1);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 0);
    must(kc_purse_log_get(&slot, &a.purse, 49));
    assert_true(slot.answer.size > 0);
    side_power(&a);
    assert_int_equal(value_of(&a), 500 - 23 - 1);
    assert_int_equal(kc_amount_minor(a.purse.state.returned), 100);
}

/* What was answered before and given up since is the bank's to say; nobody is credited twice.
 * shows: R-LOG-2 R-XCHG-11 */
static void a_payment_that_was_taken_and_given_up_is_not_taken_again(void **state)
{
    bool answered = false;
    static struct kept payment;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    side_plain(&c, 3, 100);
    assert_error(pay(&payment, &c, &a, 60), OK);
    assert_error(answer(&second, &a, kept_view(&payment), KC_ANSWER_OK), OK);
    go_round(&a, 10, 24);
    go_round(&a, 11, 1);
    uint64_t value = value_of(&a);
    assert_error(examine(&answered, &a, kept_view(&payment)), ASK_BANK);
    assert_error(decide(&third, &a, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_int_equal(value_of(&a), value);
}

/* Online requests about value wait for the report. */
static void cash_waits_until_the_gap_is_reported(void **state)
{
    uint8_t data[17] = {KC_CASH_KIND_WITHDRAW};
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 24);
    go_round(&a, 11, 1);
    kc_be64_store(data + 1, 10);
    kc_be64_store(data + 9, NOW_MS);
    assert_error(side_run(&a, KC_INS_CASH_REQUEST, 0, 0, NULL, kc_view(data, sizeof data)),
                 PENDING);
    assert_error(side_run(&a, KC_INS_FUND_REQUEST, 0, 0, NULL, kc_view(data, sizeof data)),
                 PENDING);
}

/* ---- the other policies ---- */

/* shows: R-LOG-1 R-LOG-3 */
static void without_overwriting_a_full_history_stops(void **state)
{
    static const enum kc_log_policy policies[] = {KC_LOG_POLICY_REFUSE, KC_LOG_POLICY_REPORT};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        make_with(&a, 1, 500, policies[i]);
        go_round(&a, 10, 24);
        side_plain(&b, 2, 10);
        struct kc_purse_info info = info_of(&a);
        assert_int_equal(info.log_policy, policies[i]);
        assert_int_equal(info.log_room, 0);
        assert_error(pay(&first, &a, &b, 1), HISTORY_FULL);
        assert_error(offer(&first, &b, &a, true, 0), OK);
        assert_error(pay_offer(&second, &b, 1, kept_view(&first)), LIMIT_EXCEEDED);
        assert_int_equal(value_of(&a), 476);
        assert_int_equal(value_of(&b), 10);
    }
}

/* The bank's certified value changes the policy, also while there is a gap. */
static void a_certified_value_changes_the_policy(void **state)
{
    struct kc_gap gap;
    static struct kept reply;
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_REFUSE);
    go_round(&a, 10, 23);
    side_plain(&b, 2, 0);
    assert_error(settle_request(&third, &a), OK);
    a.purse.certified.log_policy = KC_LOG_POLICY_OVERWRITE;
    bank_settles(&reply, &a, 2, 499, NULL, 0);
    assert_error(take(&a, kept_view(&reply)), OK);
    assert_int_equal(info_of(&a).log_policy, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 11, 4);
    assert_int_equal(info_of(&a).overwritten, 4);
    (void)reported(&a, &gap);
    assert_int_equal(gap.counter, 6);
    assert_int_equal(kc_amount_minor(gap.paid), 6);
    /* Back, without anything counted: what was given up stays so, and no more is. */
    const uint64_t now = NOW_MS + 9;
    static struct kept certified;
    assert_error(side_run(&a, KC_INS_STATE_REQUEST, 0, 1, &now, kc_view(NULL, 0)), OK);
    struct kc_state_reply said = {.purse = a.number, .outcome = KC_OUTCOME_NONE, .time_ms = NOW_MS};
    memcpy(said.request, a.purse.state.state_request, KC_DIGEST_SIZE);
    a.purse.certified.log_policy = KC_LOG_POLICY_REFUSE;
    said.certified = bank_certifies(&certified, &a, 0, 499);
    a.purse.certified.log_policy = KC_LOG_POLICY_OVERWRITE;
    assert_error(take(&a, bank_seals(&second, &a, &kc_state_reply_shape, &said)), OK);
    assert_int_equal(info_of(&a).overwritten, 4);
    assert_error(pay(&first, &a, &b, 1), HISTORY_FULL);
    side_power(&a);
    assert_int_equal(value_of(&a), 473);
}

/* ---- power cuts and damage ---- */

typedef enum kc_error (*operation)(void);

static enum kc_error run_pay(void)
{
    return pay(&first, &a, &b, 10);
}

static struct kept sent;

static enum kc_error run_decide(void)
{
    return answer(&second, &a, kept_view(&sent), KC_ANSWER_OK);
}

static enum kc_error run_conclude(void)
{
    return conclude(&a, kept_view(&sent));
}

/* The purse before or after, with the sums of what went in the state after; then it goes on. */
static void cut_everywhere(const char *what, operation run, uint64_t change_up,
                           uint64_t change_down)
{
    static struct side start;
    unsigned cuts = 0;
    side_copy(&start, &a);
    uint64_t value = value_of(&a);
    uint64_t counter = a.purse.state.counter;
    uint64_t gap = a.purse.state.gap_counter;
    for (unsigned mode = 0; mode < CUT_MODES; mode++) {
        bool done = false;
        for (int steps = 1; !done; steps++) {
            side_copy(&a, &start);
            a.mode = (enum cut_mode)mode;
            a.steps_left = steps;
            done = run() == KC_OK;
            assert_true(done || a.steps_left == 0);
            side_power(&a);
            bool after = a.purse.state.counter == counter + 1;
            assert_true(after || (!done && a.purse.state.counter == counter));
            assert_int_equal(a.purse.state.gap_counter, after ? gap + 1 : gap);
            assert_int_equal(value_of(&a), after ? value + change_up - change_down : value);
            cuts += done ? 0 : 1;
            if (!after) {
                assert_error(run(), OK);
            }
            side_power(&a);
            assert_int_equal(value_of(&a), value + change_up - change_down);
        }
    }
    assert_in_range(cuts, 3 * CUT_MODES, 100000);
    printf("# %s over a full history: %u cuts\n", what, cuts);
}

/* shows: R-LOG-2 */
static void a_cut_while_overwriting_leaves_before_or_after(void **state)
{
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 24);
    side_plain(&b, 2, 500);
    cut_everywhere("PAY", run_pay, 0, 10);
    side_plain(&c, 3, 500);
    exchange(&a, &c, 1);
    assert_error(pay(&sent, &c, &a, 20), OK);
    cut_everywhere("DECIDE", run_decide, 20, 0);
    side_plain(&c, 4, 500);
    assert_error(pay(&first, &a, &c, 30), OK);
    assert_error(answer(&sent, &c, kept_view(&first), KC_ANSWER_NG), OK);
    cut_everywhere("CONCLUDE of a decline", run_conclude, 30, 0);
}

/* Sums that do not lead from the gap to the state, or an entry after it that is not there, stop the purse. */
static void damage_after_a_gap_stops_the_purse(void **state)
{
    (void)state;
    make_with(&a, 1, 500, KC_LOG_POLICY_OVERWRITE);
    go_round(&a, 10, 24);
    go_round(&a, 11, 2);
    for (uint64_t counter = 4; counter <= 6; counter++) {
        size_t at = KC_NVM_LOG_AT + (counter % KC_LOG_SLOT_COUNT) * KC_LOG_ROOM + 30;
        assert_false(is_corrupt(&a));
        a.nvm[at] ^= 1;
        /* The fourth was given up, and its slot is the spare one. */
        assert_int_equal(is_corrupt(&a), counter > 4);
        a.nvm[at] ^= 1;
    }
    static const struct {
        const char *what;
        size_t at;
    } sums[] = {{"paid", offsetof(struct kc_purse_state, gap_paid)},
                {"received", offsetof(struct kc_purse_state, gap_received)},
                {"returned", offsetof(struct kc_purse_state, gap_returned)},
                {"value", offsetof(struct kc_purse_state, gap_value)}};
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        struct kc_purse_state changed = a.purse.state;
        struct kc_amount *sum = (struct kc_amount *)(void *)((uint8_t *)&changed + sums[i].at);
        must(kc_amount_add(sum, *sum, amount(1)));
        side_copy(&c, &a);
        must(kc_purse_commit(&a.purse, &changed));
        assert_true(is_corrupt(&a));
        side_copy(&a, &c);
    }
    assert_false(is_corrupt(&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_history_gives_its_oldest_up_and_no_sum),
        cmocka_unit_test(the_head_of_a_gap_is_that_of_its_entries),
        cmocka_unit_test(a_report_ends_the_gap),
        cmocka_unit_test(the_bank_conforms_a_purse_across_its_gap),
        cmocka_unit_test(a_certified_value_inside_the_gap_is_stale),
        cmocka_unit_test(a_reply_from_before_that_covers_the_gap_is_taken),
        cmocka_unit_test(a_withdrawal_completes_below_a_gap),
        cmocka_unit_test(a_wrong_head_below_a_gap_is_refused),
        cmocka_unit_test(an_open_payment_outlives_its_record),
        cmocka_unit_test(a_decline_of_the_oldest_payment_takes_its_place),
        cmocka_unit_test(a_payment_that_was_taken_and_given_up_is_not_taken_again),
        cmocka_unit_test(cash_waits_until_the_gap_is_reported),
        cmocka_unit_test(without_overwriting_a_full_history_stops),
        cmocka_unit_test(a_certified_value_changes_the_policy),
        cmocka_unit_test(a_cut_while_overwriting_leaves_before_or_after),
        cmocka_unit_test(damage_after_a_gap_stops_the_purse),
    };
    return cmocka_run_group_tests_name("gap", tests, exchange_open, exchange_close);
}
