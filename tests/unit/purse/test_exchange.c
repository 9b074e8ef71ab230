/* Does value pass from purse to purse once, whoever asks again, whatever is lost on the way, in messages of the size aimed at? */
#include "exchange_world.h"

#include <stdio.h>

static struct side a;
static struct side b;
static struct side c;
static struct kept first;
static struct kept second;
static struct kept third;

struct sizes {
    size_t identify;
    size_t offer;
    size_t payment;
    size_t answer;
};

/* One whole exchange; the sizes of its messages. */
static struct sizes measure(struct side *payer, struct side *payee, uint64_t amount)
{
    struct sizes sizes = {0};
    assert_error(side_run(payer, KC_INS_IDENTIFY, 0, 0, NULL, kc_view(NULL, 0)), OK);
    sizes.identify = payer->out.size;
    assert_error(offer(&first, payer, payee, false, amount), OK);
    sizes.offer = first.size;
    assert_error(pay_offer(&first, payer, amount, kept_view(&first)), OK);
    sizes.payment = first.size;
    assert_error(answer(&second, payee, kept_view(&first), KC_ANSWER_OK), OK);
    sizes.answer = second.size;
    assert_error(conclude(payer, kept_view(&second)), OK);
    return sizes;
}

static void say(const char *what, const struct sizes *sizes)
{
    printf("# %s: identify %zu, payee-identity %zu, payment %zu, payment-answer %zu bytes\n", what,
           sizes->identify, sizes->offer, sizes->payment, sizes->answer);
}

static struct making plain(unsigned nth, enum kc_suite suite, uint64_t value)
{
    return (struct making){.nth = nth,
                           .suite = suite,
                           .value = value,
                           .expires_s = EXPIRES_S,
                           .type = KC_PURSE_TYPE_UIM};
}

/* Numbers and amounts as they are in life, so that the sizes are. */
#define NTH UINT32_C(1000000)
#define MUCH UINT64_C(50000000)
#define SOME UINT64_C(1000000)

/* Exchanges twice; gives the sizes of the first and the second. */
static void exchange_twice(struct sizes sizes[2], enum kc_suite payer, enum kc_suite payee,
                           bool bearssl)
{
    struct making making = plain(NTH, payer, MUCH);
    making.bearssl = bearssl;
    side_make(&a, &making);
    making = plain(NTH + 1, payee, 7);
    side_make(&b, &making);
    sizes[0] = measure(&a, &b, SOME);
    assert_int_equal(value_of(&a), MUCH - SOME);
    assert_int_equal(value_of(&b), 7 + SOME);
    sizes[1] = measure(&a, &b, SOME + 1);
    assert_int_equal(value_of(&a), MUCH - 2 * SOME - 1);
    assert_int_equal(value_of(&b), 7 + 2 * SOME + 1);
}

/* shows: R-XCHG-1 R-XCHG-2 R-XCHG-3 R-XCHG-4 */
static void value_passes_with_every_kind_of_key(void **state)
{
    static const struct {
        enum kc_suite payer;
        enum kc_suite payee;
        const char *words;
    } pairs[] = {{KC_SUITE_ES256, KC_SUITE_ES256, "ES256 to ES256"},
                 {KC_SUITE_RS2048, KC_SUITE_RS2048, "RS2048 to RS2048"},
                 {KC_SUITE_ES256, KC_SUITE_RS2048, "ES256 to RS2048"},
                 {KC_SUITE_RS2048, KC_SUITE_ES256, "RS2048 to ES256"}};
    struct sizes sizes[2];
    char words[64];
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        exchange_twice(sizes, pairs[i].payer, pairs[i].payee, false);
        (void)snprintf(words, sizeof words, "%s, first contact", pairs[i].words);
        say(words, &sizes[0]);
        (void)snprintf(words, sizeof words, "%s, later contact", pairs[i].words);
        say(words, &sizes[1]);
        assert_int_equal(a.purse.state.open.count, 0);
        if (pairs[i].payer == KC_SUITE_ES256) {
            assert_in_range(sizes[0].payment, 1, 400);
            assert_in_range(sizes[1].payment, 1, 180);
        }
    }
}

/* shows: R-XCHG-4 */
static void the_shipped_backend_understands_the_other(void **state)
{
    struct sizes sizes[2];
    (void)state;
    exchange_twice(sizes, KC_SUITE_ES256, KC_SUITE_RS2048, true);
    exchange(&b, &a, 5);
    assert_int_equal(value_of(&a), MUCH - 2 * SOME + 4);
}

/* shows: R-DATA-6 R-DATA-9 R-XCHG-4 */
static void both_histories_tell_who_paid_whom(void **state)
{
    struct kc_entry entry;
    struct kc_log_slot slot;
    struct kc_receipt receipt;
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_int_equal(order_of(kept_view(&first)).time_ms, NOW_MS);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&second)), OK);
    must(kc_shape_decode(&receipt, &kc_receipt_shape, a.out));
    assert_int_equal(receipt.time_ms, NOW_MS);
    entry = entry_of(&a, 1);
    assert_int_equal(entry.kind, KC_ENTRY_KIND_PAY);
    assert_int_equal(kc_amount_minor(entry.amount), 100);
    assert_true(entry.has_recipient && entry.recipient.number == b.account.number);
    assert_true(entry.has_payer && entry.payer.number == a.account.number);
    entry = entry_of(&b, 1);
    assert_int_equal(entry.kind, KC_ENTRY_KIND_RECEIVE);
    assert_true(entry.has_payer && entry.payer.number == a.account.number);
    assert_int_equal(entry.time_ms, NOW_MS);
    /* The partner's signature stays with each. */
    must(kc_purse_log_get(&slot, &a.purse, 1));
    keep(&first, slot.order);
    assert_true(slot.answer.size > 0);
    must(kc_purse_log_get(&slot, &b.purse, 1));
    assert_true(kc_view_equal(slot.order, kept_view(&first)) && slot.answer.size > 0);
    assert_error(side_send(&b, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HISTORY, kc_view(NULL, 0)),
                 OK);
    must(kc_shape_decode(&entry, &kc_entry_shape, b.out));
    assert_int_equal(entry.kind, KC_ENTRY_KIND_RECEIVE);
}

/* shows: R-XCHG-1 */
static void identities_travel_until_they_are_known(void **state)
{
    struct kc_payee_identity said;
    struct kc_payment payment;
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    assert_error(offer(&first, &a, &b, false, 40), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_true(said.has_identity && !said.knows && said.counter == 1);
    assert_true(said.has_asked && kc_amount_minor(said.asked) == 40);
    exchange(&a, &b, 10);
    assert_error(offer(&first, &a, &b, false, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_true(!said.has_identity && said.knows && said.counter == 2 && !said.has_asked);
    assert_error(offer(&second, &a, &b, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&second)));
    assert_true(said.has_identity && said.knows);
    assert_error(pay_offer(&third, &a, 10, kept_view(&first)), OK);
    must(kc_shape_decode(&payment, &kc_payment_shape, kept_view(&third)));
    assert_false(payment.has_identity);
}

/* A purse that no longer knows the other asks for its identity, and then goes on.
 * shows: R-XCHG-1 R-XCHG-3 */
static void a_forgotten_partner_is_asked_for_again(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    exchange(&a, &b, 10);
    assert_error(offer(&first, &a, &b, false, 0), OK);
    /* The payer forgot: it wants the payee's identity. */
    memset(a.nvm + KC_NVM_PARTNERS_AT, 0xff, KC_PARTNER_COUNT * KC_PARTNER_ROOM);
    assert_error(pay_offer(&second, &a, 10, kept_view(&first)), IDENTITY_NEEDED);
    assert_int_equal(value_of(&a), 490);
    assert_error(offer(&first, &a, &b, true, 0), OK);
    assert_error(pay_offer(&second, &a, 10, kept_view(&first)), OK);
    /* The payee forgot: the payment comes again with the payer's. */
    memset(b.nvm + KC_NVM_PARTNERS_AT, 0xff, KC_PARTNER_COUNT * KC_PARTNER_ROOM);
    assert_error(answer(&third, &b, kept_view(&second), KC_ANSWER_OK), IDENTITY_NEEDED);
    assert_error(open_payment(&second, &a, 0), OK);
    assert_error(answer(&third, &b, kept_view(&second), KC_ANSWER_OK), OK);
    /* The payer forgot once more: it learns it from an offer, though no other payment may begin. */
    memset(a.nvm + KC_NVM_PARTNERS_AT, 0xff, KC_PARTNER_COUNT * KC_PARTNER_ROOM);
    assert_error(conclude(&a, kept_view(&third)), IDENTITY_NEEDED);
    assert_error(offer(&first, &a, &b, true, 0), OK);
    assert_error(pay_offer(&second, &a, 10, kept_view(&first)), PENDING);
    assert_error(conclude(&a, kept_view(&third)), OK);
    assert_int_equal(value_of(&a), 480);
    assert_int_equal(value_of(&b), 20);
}

/* The cache holds sixteen: the seventeenth takes the place of the first. */
static void the_partner_met_first_makes_room(void **state)
{
    struct kc_payee_identity said;
    (void)state;
    side_plain(&a, 1, 500);
    for (unsigned nth = 10; nth < 10 + KC_PARTNER_COUNT + 1; nth++) {
        side_plain(&b, nth, 0);
        exchange(&a, &b, 1);
        if (nth == 10) {
            side_copy(&c, &b);
        }
    }
    assert_error(offer(&first, &b, &a, false, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_true(said.knows);
    assert_error(offer(&first, &c, &a, false, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_false(said.knows);
}

/* shows: R-XCHG-5 */
static void received_value_is_paid_on_at_once(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    side_plain(&c, 3, 0);
    exchange(&a, &b, 100);
    assert_error(pay(&first, &b, &c, 101), INSUFFICIENT_VALUE);
    exchange(&b, &c, 40);
    exchange(&c, &a, 40);
    assert_int_equal(value_of(&a), 440);
    assert_int_equal(value_of(&b), 60);
    assert_int_equal(value_of(&c), 0);
    side_power(&b);
    assert_int_equal(value_of(&b), 60);
}

/* shows: R-XCHG-3 */
static void ng_leaves_value_where_it_was(void **state)
{
    struct kc_entry entry;
    struct kc_decline decline;
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_log_slot slot;
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 7);
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_NG), OK);
    assert_int_equal(value_of(&b), 7);
    assert_int_equal(entry_of(&b, 1).kind, KC_ENTRY_KIND_REFUSE);
    assert_error(conclude(&a, kept_view(&second)), OK);
    must(kc_shape_decode(&decline, &kc_decline_shape, a.out));
    assert_int_equal(decline.reason, KC_DECLINED);
    assert_int_equal(value_of(&a), 500);
    assert_int_equal(a.purse.state.open.count, 0);
    entry = entry_of(&a, 2);
    assert_int_equal(entry.kind, KC_ENTRY_KIND_VOID);
    assert_true(entry.has_voids && entry.voids == 1);
    must(kc_purse_log_get(&slot, &a.purse, 2));
    kc_digest(exchange_crypto(), digest, slot.answer);
    assert_memory_equal(digest, entry.partner, KC_DIGEST_SIZE);
    /* Declined is for good: nothing makes it taken afterwards. */
    assert_error(answer(&third, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_true(kc_view_equal(kept_view(&third), kept_view(&second)));
    assert_int_equal(value_of(&b), 7);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 500);
    assert_int_equal(a.purse.state.counter, 2);
}

/* shows: R-XCHG-4 */
static void a_payment_that_comes_again_is_credited_once(void **state)
{
    bool answered = false;
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_error(examine(&answered, &b, kept_view(&first)), OK);
    assert_false(answered);
    assert_error(decide(&second, &b, KC_ANSWER_OK), OK);
    for (unsigned i = 0; i < 3; i++) {
        side_power(&b);
        assert_error(examine(&answered, &b, kept_view(&first)), OK);
        assert_true(answered);
        assert_error(decide(&third, &b, 0), MALFORMED);
        assert_error(decide(&third, &b, i == 0 ? KC_ANSWER_NG : KC_ANSWER_OK), OK);
        assert_true(kc_view_equal(kept_view(&third), kept_view(&second)));
        assert_int_equal(value_of(&b), 100);
        assert_int_equal(b.purse.state.counter, 1);
    }
    assert_error(conclude(&a, kept_view(&third)), OK);
    assert_error(conclude(&a, kept_view(&third)), OK);
    assert_int_equal(value_of(&a), 400);
    assert_int_equal(a.purse.state.counter, 1);
}

/* The payee moved on before the payment came: it can never be taken, and both know.
 * shows: R-XCHG-4 */
static void a_payment_whose_counter_passed_is_declined(void **state)
{
    struct kc_decline decline;
    bool answered = false;
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 50);
    side_plain(&c, 3, 50);
    assert_error(pay(&first, &a, &b, 100), OK);
    exchange(&c, &b, 20);
    assert_error(examine(&answered, &b, kept_view(&first)), OK);
    assert_true(answered);
    assert_error(decide(&second, &b, KC_ANSWER_OK), OK);
    assert_int_equal(value_of(&b), 70);
    assert_int_equal(b.purse.state.counter, 1);
    assert_error(conclude(&a, kept_view(&second)), OK);
    must(kc_shape_decode(&decline, &kc_decline_shape, a.out));
    assert_int_equal(decline.reason, KC_OUT_OF_ORDER);
    assert_int_equal(value_of(&a), 500);
    /* Another decline of the same has another time, and changes nothing. */
    assert_error(answer(&third, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_false(kc_view_equal(kept_view(&third), kept_view(&second)));
    assert_error(conclude(&a, kept_view(&third)), OK);
    assert_int_equal(value_of(&a), 500);
    assert_int_equal(a.purse.state.counter, 2);
    /* The payer goes on with a new payment. */
    exchange(&a, &b, 100);
    assert_int_equal(value_of(&b), 170);
}

/* The counter's own entry is a payment of the payee: neither is that mistaken for an answer. */
static void a_payment_that_crosses_another_is_declined(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 50);
    assert_error(pay(&first, &a, &b, 100), OK);
    /* A knows B from its offer and so leaves its identity out; B has never seen it, and asks. */
    assert_error(pay(&second, &b, &a, 20), IDENTITY_NEEDED);
    assert_error(offer(&second, &b, &a, true, 0), OK);
    assert_error(pay_offer(&second, &b, 20, kept_view(&second)), OK);
    assert_error(answer(&third, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&third)), OK);
    assert_error(answer(&third, &a, kept_view(&second), KC_ANSWER_OK), OK);
    assert_error(conclude(&b, kept_view(&third)), OK);
    assert_int_equal(value_of(&a) + value_of(&b), 550);
    assert_int_equal(info_of(&a).uncovered, 2);
}

/* shows: R-XCHG-4 */
static void a_lost_payment_is_sent_again(void **state)
{
    struct kc_purse_info info;
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    assert_error(open_payment(&first, &a, 0), NOT_FOUND);
    assert_error(pay(&first, &a, &b, 100), OK);
    side_power(&a);
    info = info_of(&a);
    assert_int_equal(kc_amount_minor(info.value), 400);
    assert_int_equal(kc_amount_minor(info.open), 100);
    assert_int_equal(info.uncovered, 1);
    assert_error(pay(&third, &a, &b, 100), PENDING);
    assert_error(open_payment(&second, &a, 0), OK);
    assert_true(kc_view_equal(kept_view(&first), kept_view(&second)));
    assert_error(open_payment(&third, &a, 1), NOT_FOUND);
    assert_error(answer(&third, &b, kept_view(&second), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&third)), OK);
    assert_error(open_payment(&third, &a, 0), NOT_FOUND);
    info = info_of(&a);
    assert_int_equal(kc_amount_minor(info.open), 0);
    assert_int_equal(value_of(&a) + value_of(&b), 500);
}

/* shows: R-XCHG-4 */
static void a_lost_answer_is_given_again(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    /* Both go on with others meanwhile. */
    side_plain(&c, 3, 10);
    exchange(&c, &b, 5);
    exchange(&a, &c, 5);
    side_power(&a);
    side_power(&b);
    assert_error(open_payment(&first, &a, 0), OK);
    assert_error(answer(&third, &b, kept_view(&first), KC_ANSWER_NG), OK);
    assert_true(kc_view_equal(kept_view(&third), kept_view(&second)));
    assert_error(conclude(&a, kept_view(&third)), OK);
    assert_int_equal(value_of(&a), 395);
    assert_int_equal(value_of(&b), 105);
}

/* Several payments open at once, ended in another order. */
static void open_payments_end_in_any_order(void **state)
{
    struct kept answers[2];
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    side_plain(&c, 3, 0);
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_error(pay(&second, &a, &c, 30), OK);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 130);
    assert_error(answer(&answers[0], &b, kept_view(&first), KC_ANSWER_NG), OK);
    assert_error(answer(&answers[1], &c, kept_view(&second), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&answers[1])), OK);
    assert_error(open_payment(&third, &a, 0), OK);
    assert_true(kc_view_equal(kept_view(&third), kept_view(&first)));
    assert_error(conclude(&a, kept_view(&answers[0])), OK);
    assert_int_equal(value_of(&a), 470);
    assert_int_equal(a.purse.state.open.count, 0);
}

/* An entry ends a quote that has no answer yet; a request for funding goes on. */
static void a_payment_ends_an_open_quote(void **state)
{
    const uint64_t now = NOW_MS;
    uint8_t order[17] = {KC_CASH_KIND_WITHDRAW};
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    kc_be64_store(order + 1, 20);
    kc_be64_store(order + 9, NOW_MS);
    struct kc_view data = kc_view(order, sizeof order);
    assert_error(side_run(&a, KC_INS_CASH_REQUEST, 0, 0, NULL, data), OK);
    assert_int_equal(a.purse.state.life, KC_LIFE_REQUESTED);
    exchange(&a, &b, 10);
    assert_int_equal(a.purse.state.life, KC_LIFE_READY);
    assert_int_equal(a.purse.state.pending_ms, 0);
    assert_error(side_run(&a, KC_INS_ANSWER, KC_ANSWER_OK, 1, &now, kc_view(NULL, 0)),
                 OUT_OF_ORDER);
    /* What happened offline is reported first. */
    assert_error(side_run(&a, KC_INS_CASH_REQUEST, 0, 0, NULL, data), PENDING);
    assert_error(side_run(&a, KC_INS_FUND_REQUEST, 0, 0, NULL, data), PENDING);
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    assert_error(side_run(&a, KC_INS_FUND_REQUEST, 0, 0, NULL, data), OK);
    exchange(&a, &b, 10);
    assert_int_equal(a.purse.state.life, KC_LIFE_REQUESTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_passes_with_every_kind_of_key),
        cmocka_unit_test(the_shipped_backend_understands_the_other),
        cmocka_unit_test(both_histories_tell_who_paid_whom),
        cmocka_unit_test(identities_travel_until_they_are_known),
        cmocka_unit_test(a_forgotten_partner_is_asked_for_again),
        cmocka_unit_test(the_partner_met_first_makes_room),
        cmocka_unit_test(received_value_is_paid_on_at_once),
        cmocka_unit_test(ng_leaves_value_where_it_was),
        cmocka_unit_test(a_payment_that_comes_again_is_credited_once),
        cmocka_unit_test(a_payment_whose_counter_passed_is_declined),
        cmocka_unit_test(a_payment_that_crosses_another_is_declined),
        cmocka_unit_test(a_lost_payment_is_sent_again),
        cmocka_unit_test(a_lost_answer_is_given_again),
        cmocka_unit_test(open_payments_end_in_any_order),
        cmocka_unit_test(a_payment_ends_an_open_quote),
    };
    return cmocka_run_group_tests_name("exchange", tests, exchange_open, exchange_close);
}
