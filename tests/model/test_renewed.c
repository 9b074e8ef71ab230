/* Purses whose keys were renewed more than once: what they signed, or sign once more, is still whose it is, and nobody else is
 * taken for a forger. In the simulated world, with the shipped purses and the shipped bank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "whole.h"
#include "whole_authority.h"

static const struct whole_options options = {
    .seed = 6, .holders = 3, .account_amount = 1000, .purse_amount = 300};

static struct whole_base *base;
static struct whole *whole;

static int begin(void **state)
{
    (void)state;
    base = whole_base_make(&options);
    whole = whole_make(base);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(whole);
    free(base);
    return 0;
}

static struct kc_amount amount(uint64_t minor)
{
    struct kc_amount out = kc_amount_zero();
    assert_false(kc_failed(kc_amount_from_minor(&out, minor)));
    return out;
}

/* A message as it lies on a link. */
struct bytes {
    size_t size;
    uint8_t data[KC_MESSAGE_SIZE_MAX];
};

static struct kc_view keep(struct bytes *out, struct kc_view view)
{
    out->size = view.size;
    memcpy(out->data, view.data, view.size);
    return kc_view(out->data, out->size);
}

/* What the payer says to the payee's whole offer, into `out` when it pays. */
static enum kc_error order(struct bytes *out, unsigned payer, unsigned payee, uint64_t minor)
{
    struct kc_view view;
    assert_int_equal(kc_slot_identify(&view, whole_slot(whole, payer), true).code, KC_OK);
    view = keep(out, view);
    assert_int_equal(kc_slot_offer(&view, whole_slot(whole, payee), kc_amount_zero(), view).code,
                     KC_OK);
    view = keep(out, view);
    struct kc_result result =
        kc_slot_pay(&view, whole_slot(whole, payer), amount(minor), ++whole->now_ms, view);
    if (!kc_failed(result)) {
        (void)keep(out, view);
    }
    return result.code;
}

/* The payee's answer, its user saying OK, in the place of the payment. */
static void answer(struct bytes *message, unsigned payee)
{
    struct kc_payment_order read;
    bool answered;
    struct kc_view view = kc_view(message->data, message->size);
    struct kc_slot *slot = whole_slot(whole, payee);
    assert_int_equal(kc_slot_examine(&read, &answered, slot, ++whole->now_ms, view).code, KC_OK);
    assert_int_equal(kc_slot_decide(&view, slot, KC_ANSWER_OK, ++whole->now_ms).code, KC_OK);
    (void)keep(message, view);
}

static enum kc_error conclude(const struct bytes *message, unsigned payer)
{
    struct kc_view view;
    return kc_slot_conclude(&view, whole_slot(whole, payer), kc_view(message->data, message->size))
        .code;
}

static void report(unsigned place)
{
    struct kc_view view;
    assert_int_equal(kc_slot_settle_request(&view, whole_slot(whole, place), ++whole->now_ms).code,
                     KC_OK);
    assert_int_equal(whole_bank_serve(&view, whole, view).code, KC_OK);
    assert_int_equal(kc_slot_take(&view, whole_slot(whole, place), view).code, KC_OK);
}

static struct kc_view ask(unsigned place)
{
    struct kc_view view;
    assert_int_equal(kc_slot_renew_request(&view, whole_slot(whole, place), ++whole->now_ms).code,
                     KC_OK);
    assert_int_equal(whole_bank_serve(&view, whole, view).code, KC_OK);
    return view;
}

static void renew(unsigned place)
{
    struct kc_view view;
    whole->now_ms += 5000;
    report(place);
    view = ask(place);
    assert_int_equal(kc_slot_take(&view, whole_slot(whole, place), view).code, KC_OK);
    report(place);
    whole_bank_retire(whole);
}

/* The n-th alert that there ever was, or KC_OK. */
static enum kc_error alert(size_t n)
{
    const struct ram_store *store = &whole->store;
    return n < store->counts[RAM_TABLE_ALERTS] ? store->alerts[n].reason : KC_OK;
}

/* shows: R-RENEW-5 R-SEC-1 */
static void whoever_is_paid_under_a_key_that_ended_long_ago_is_not_accused(void **state)
{
    struct bytes message;
    struct kc_purse_row row;
    struct nvm_copy *old = calloc(1, sizeof *old);
    const struct kc_store *store = &whole->bank.store;
    (void)state;
    assert_non_null(old);
    nvm_save(old, &whole->purses[0].nvm);
    renew(0);
    renew(0);
    whole_place(whole, 7, 0, old);
    /* The copy has the first key, which the newest renewal does not name any more: for the counter of its close entry it counts,
     * and is proof against the purse; for the next one it had ended. */
    assert_int_equal(order(&message, 7, 1, 1), KC_OK);
    answer(&message, 1);
    assert_int_equal(conclude(&message, 7), KC_OK);
    assert_int_equal(order(&message, 7, 1, 50), KC_OK);
    answer(&message, 1);
    /* What came is spent in good faith. */
    assert_int_equal(order(&message, 1, 2, 351), KC_OK);
    report(1);
    unsigned told = 0;
    for (size_t i = 0; i < whole->store.counts[RAM_TABLE_ALERTS]; i++) {
        const struct kc_alert_row *about = &whole->store.alerts[i];
        bool its = about->purse.number == base->holders[1].purse.number;
        told += its && about->reason == KC_KEY_RENEWED ? 1 : 0;
        assert_true(!its || about->reason == KC_KEY_RENEWED || about->reason == KC_DEBT);
    }
    assert_int_equal(told, 1);
    assert_int_equal(store->purse_get(store->context, &row, base->holders[1].purse.number).code,
                     KC_OK);
    assert_int_equal(row.state, KC_PURSE_ACTIVE);
    free(old);
}

/* The same payment as a thief would sign it who has the key that its payer has now: of another counter of the payer's. */
static void sign_as(struct bytes *message, unsigned payer, uint64_t counter)
{
    struct bytes copy = *message;
    struct kc_payment payment;
    struct kc_payment_order order;
    struct kc_signed parsed;
    uint8_t plain_bytes[512];
    uint8_t order_bytes[KC_ORDER_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_buffer signed_order = KC_BUFFER(order_bytes);
    struct kc_buffer out = KC_BUFFER(message->data);
    assert_false(
        kc_failed(kc_shape_decode(&payment, &kc_payment_shape, kc_view(copy.data, copy.size))));
    assert_false(kc_failed(kc_brief_parse(&parsed, payment.order)));
    assert_false(kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload)));
    order.payer_counter = counter;
    assert_false(kc_failed(kc_shape_encode(&plain, &kc_payment_order_shape, &order)));
    assert_false(kc_failed(kc_sign_brief(&signed_order, &whole->bank.crypto,
                                         &whole->purses[payer].core.sign_key, &base->realm,
                                         kc_payment_order_shape.domain, kc_buffer_view(&plain))));
    payment.order = kc_buffer_view(&signed_order);
    assert_false(kc_failed(kc_shape_encode(&out, &kc_payment_shape, &payment)));
    message->size = out.size;
}

/* shows: R-RENEW-5 R-SEC-1 */
static void who_is_paid_before_the_key_in_force_hears_that_while_another_waits(void **state)
{
    struct bytes message;
    (void)state;
    renew(0);
    report(0);
    whole->now_ms += 5000;
    (void)ask(0);
    assert_int_equal(order(&message, 0, 1, 10), KC_OK);
    sign_as(&message, 0, 1);
    answer(&message, 1);
    report(1);
    assert_int_equal(alert(0), KC_KEY_RENEWED);
}

/* shows: R-RENEW-5 R-XCHG-4 */
static void a_decline_by_the_key_in_force_counts_while_another_waits(void **state)
{
    struct bytes message;
    struct bytes met;
    (void)state;
    assert_int_equal(order(&message, 1, 0, 10), KC_OK);
    renew(0);
    (void)ask(0);
    /* The close entry has the counter of the payment, which is declined under the second key; the third waits. */
    assert_int_equal(order(&met, 1, 0, 0), KC_AMOUNT_ZERO);
    answer(&message, 0);
    assert_int_equal(conclude(&message, 1), KC_OK);
    report(1);
    assert_int_equal(alert(0), KC_OK);
    renew(0);
    assert_int_equal(alert(0), KC_OK);
}

/* The same under a key that ended since. shows: R-RENEW-5 R-XCHG-4 */
static void a_decline_by_a_key_between_counts_when_it_comes_late(void **state)
{
    struct bytes message;
    struct bytes met;
    (void)state;
    assert_int_equal(order(&message, 1, 0, 10), KC_OK);
    renew(0);
    assert_int_equal(order(&met, 1, 0, 0), KC_AMOUNT_ZERO);
    answer(&message, 0);
    assert_int_equal(conclude(&message, 1), KC_OK);
    renew(0);
    renew(0);
    report(1);
    assert_int_equal(alert(0), KC_OK);
}

/* shows: R-RENEW-5 R-XCHG-4 */
static void an_answer_is_given_again_under_the_key_in_force(void **state)
{
    struct kc_view view;
    struct bytes message;
    struct bytes met;
    (void)state;
    assert_int_equal(order(&message, 1, 0, 10), KC_OK);
    answer(&message, 0);
    renew(0);
    renew(0);
    /* Its payer has seen the new identity, and knows no other. */
    assert_int_equal(order(&met, 1, 0, 0), KC_AMOUNT_ZERO);
    assert_int_equal(kc_slot_open_payment(&view, whole_slot(whole, 1), 0).code, KC_OK);
    (void)keep(&message, view);
    answer(&message, 0);
    assert_int_equal(conclude(&message, 1), KC_OK);
    report(1);
    assert_int_equal(alert(0), KC_OK);
    assert_int_equal(kc_slot_open_payment(&view, whole_slot(whole, 1), 0).code, KC_NOT_FOUND);
}

/* shows: R-RENEW-3 R-RENEW-7 */
static void own_keys_go_on_when_the_authority_made_others_behind_them(void **state)
{
    struct kc_view view;
    struct bytes reply;
    (void)state;
    report(0);
    assert_int_equal(whole_bank_order_keys(whole, 0).code, KC_OK);
    view = keep(&reply, ask(0));
    assert_int_equal(kc_slot_take(&view, whole_slot(whole, 0), view).code, KC_OK);
    /* The order is carried out only now: the directory shows keys that nobody claimed, and the bank starts again. */
    whole->now_ms += 5000;
    whole_bank_offer(whole);
    assert_true(whole_bank_restart(whole));
    report(0);
    assert_true(whole_bank_restart(whole));
    report(0);
    whole_bank_retire(whole);
    renew(0);
    report(0);
}

/* shows: R-RENEW-3 R-XCHG-4 */
static void who_was_paid_by_a_key_that_ended_behind_others_is_heard(void **state)
{
    struct bytes message;
    (void)state;
    report(0);
    assert_int_equal(order(&message, 0, 1, 10), KC_OK);
    answer(&message, 1);
    /* The authority made keys, which the directory shows, and its holder claims none before his certificates end. */
    assert_int_equal(whole_bank_order_keys(whole, 0).code, KC_OK);
    whole->now_ms += 5000;
    whole_bank_offer(whole);
    whole_authority_expire(whole, 0);
    assert_true(whole_bank_restart(whole));
    report(1);
    assert_int_equal(alert(0), KC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            whoever_is_paid_under_a_key_that_ended_long_ago_is_not_accused, begin, end),
        cmocka_unit_test_setup_teardown(
            who_is_paid_before_the_key_in_force_hears_that_while_another_waits, begin, end),
        cmocka_unit_test_setup_teardown(a_decline_by_the_key_in_force_counts_while_another_waits,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_decline_by_a_key_between_counts_when_it_comes_late, begin,
                                        end),
        cmocka_unit_test_setup_teardown(own_keys_go_on_when_the_authority_made_others_behind_them,
                                        begin, end),
        cmocka_unit_test_setup_teardown(who_was_paid_by_a_key_that_ended_behind_others_is_heard,
                                        begin, end),
        cmocka_unit_test_setup_teardown(an_answer_is_given_again_under_the_key_in_force, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
