/* Is everything refused by its name, with value where it was, that is not a good step of an exchange? */
#include "exchange_world.h"

static struct side a;
static struct side b;
static struct side c;
static struct kept first;
static struct kept second;
static struct kept third;

/* What no refusal may change. */
struct memory {
    uint64_t sequence;
    uint64_t value;
    uint64_t counter;
};

static struct memory memory_of(const struct side *side)
{
    return (struct memory){.sequence = side->purse.image_sequence,
                           .value = value_of(side),
                           .counter = side->purse.state.counter};
}

static void assert_unchanged(const struct side *side, const struct memory *was)
{
    assert_int_equal(side->purse.image_sequence, was->sequence);
    assert_int_equal(value_of(side), was->value);
    assert_int_equal(side->purse.state.counter, was->counter);
}

static struct making plain(unsigned nth, uint64_t value)
{
    return (struct making){.nth = nth,
                           .suite = KC_SUITE_ES256,
                           .value = value,
                           .expires_s = EXPIRES_S,
                           .type = KC_PURSE_TYPE_UIM};
}

static int two(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 7);
    return 0;
}

/* A good offer of B to A, changed by a test. */
static struct kc_payee_identity good_offer(void)
{
    struct kc_payee_identity said;
    assert_error(offer(&first, &a, &b, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    return said;
}

static enum kc_error pay_said(uint64_t minor, const struct kc_payee_identity *said)
{
    uint8_t bytes[2048];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    must(kc_shape_encode(&buffer, &kc_payee_identity_shape, said));
    return pay_offer(&second, &a, minor, kc_buffer_view(&buffer));
}

/* shows: R-XCHG-1 */
static void a_payee_that_is_not_what_it_says_is_not_paid(void **state)
{
    struct kc_payee_identity said = good_offer();
    struct kc_payee_identity good = said;
    struct memory was = memory_of(&a);
    struct kc_identity identity = identity_of(&b);
    struct kc_realm realm = *exchange_realm();
    (void)state;
    said.account = c.account.number == 0 ? kc_account_nth(77) : c.account;
    assert_error(pay_said(10, &said), MISMATCH);
    said = good;
    said.purse = kc_purse_nth(77);
    assert_error(pay_said(10, &said), MISMATCH);
    said = good;
    said.counter = 0;
    assert_error(pay_said(10, &said), MALFORMED);
    said = good;
    said.has_identity = false;
    side_power(&a);
    memset(a.nvm + KC_NVM_PARTNERS_AT, 0, KC_PARTNER_COUNT * KC_PARTNER_ROOM);
    assert_error(pay_said(10, &said), IDENTITY_NEEDED);
    was = memory_of(&a);
    said = good;
    identity.purse_type = (enum kc_purse_type)(KC_PURSE_TYPE_BEARER + 1);
    said.identity = sign_identity(&third, &identity, exchange_bank(), &realm);
    assert_error(pay_said(10, &said), MALFORMED);
    identity = identity_of(&b);
    identity.expires_s = NOW_MS / 1000;
    said.identity = sign_identity(&third, &identity, exchange_bank(), &realm);
    assert_error(pay_said(10, &said), IDENTITY_EXPIRED);
    identity = identity_of(&b);
    said.identity = sign_identity(&third, &identity, &b.sign, &realm);
    assert_error(pay_said(10, &said), BAD_SIGNATURE);
    memcpy(realm.currency, "KCJ", 4);
    said.identity = sign_identity(&third, &identity, exchange_bank(), &realm);
    assert_error(pay_said(10, &said), BAD_SIGNATURE);
    assert_unchanged(&a, &was);
    assert_error(pay_said(10, &good), OK);
}

/* shows: R-XCHG-2 */
static void amounts_that_cannot_be_paid_are_refused(void **state)
{
    struct kc_payee_identity said = good_offer();
    struct memory was = memory_of(&a);
    (void)state;
    assert_error(pay_said(0, &said), AMOUNT_ZERO);
    assert_error(pay_said(501, &said), INSUFFICIENT_VALUE);
    assert_error(pay_said(KC_AMOUNT_MAX, &said), INSUFFICIENT_VALUE);
    assert_error(pay_said(KC_AMOUNT_MAX + 1, &said), AMOUNT_TOO_LARGE);
    assert_error(pay_said(UINT64_MAX, &said), AMOUNT_TOO_LARGE);
    assert_unchanged(&a, &was);
    assert_error(offer(&first, &a, &b, false, KC_AMOUNT_MAX), AMOUNT_TOO_LARGE);
    assert_error(offer(&first, &a, &b, false, UINT64_MAX), AMOUNT_TOO_LARGE);
    assert_error(pay_said(500, &said), OK);
}

static void nobody_pays_itself(void **state)
{
    struct kc_payee_identity said = {.account = a.account,
                                     .purse = a.number,
                                     .has_identity = true,
                                     .identity = a.identity,
                                     .counter = 1};
    struct memory was = memory_of(&a);
    (void)state;
    assert_error(offer(&first, &a, &a, false, 0), NOT_ALLOWED);
    assert_error(pay_said(10, &said), NOT_ALLOWED);
    assert_unchanged(&a, &was);
}

/* shows: R-SEC-4 */
static void an_expired_purse_neither_pays_nor_is_paid(void **state)
{
    struct making making = plain(3, 100);
    struct kc_payment_order order;
    (void)state;
    making.expires_s = NOW_MS / 1000;
    side_make(&c, &making);
    assert_error(pay(&first, &c, &b, 10), IDENTITY_EXPIRED);
    assert_error(pay(&first, &a, &c, 10), IDENTITY_EXPIRED);
    assert_int_equal(value_of(&a) + value_of(&c), 600);
    /* Nor is it taken from, should it sign all the same. */
    assert_error(pay(&first, &a, &b, 10), OK);
    order = order_of(kept_view(&first));
    order.payer = c.account;
    order.payer_purse = c.number;
    sign_payment(&second, &order, &c.sign, exchange_realm(), c.identity);
    assert_error(answer(&third, &b, kept_view(&second), KC_ANSWER_OK), IDENTITY_EXPIRED);
    assert_int_equal(value_of(&b), 7);
}

static void another_bank_or_currency_is_refused(void **state)
{
    struct making making = plain(3, 100);
    (void)state;
    making.other_bank = true;
    side_make(&c, &making);
    assert_error(offer(&first, &c, &b, false, 0), WRONG_DOMAIN);
    assert_error(side_run(&b, KC_INS_OFFER, 0, 0, NULL, kc_view("", 0)), MALFORMED);
    /* Even when its offers come some other way. */
    struct kc_payee_identity said = good_offer();
    said.account = c.account;
    said.purse = c.number;
    said.identity = c.identity;
    assert_error(pay_said(10, &said), BAD_SIGNATURE);
    making.other_bank = false;
    making.other_currency = true;
    side_make(&c, &making);
    said.identity = c.identity;
    assert_error(pay_said(10, &said), BAD_SIGNATURE);
    assert_error(pay(&first, &a, &b, 10), OK);
    struct kc_payment_order order = order_of(kept_view(&first));
    order.payer = c.account;
    order.payer_purse = c.number;
    sign_payment(&second, &order, &c.sign, exchange_realm(), c.identity);
    assert_error(answer(&third, &b, kept_view(&second), KC_ANSWER_OK), BAD_SIGNATURE);
    assert_int_equal(value_of(&b), 7);
}

/* A payment by A of `order`, signed anew by A. */
static enum kc_error examine_order(const struct kc_payment_order *order)
{
    bool answered = false;
    sign_payment(&second, order, &a.sign, exchange_realm(), a.identity);
    return examine(&answered, &b, kept_view(&second));
}

/* shows: R-XCHG-3 */
static void a_payment_with_a_wrong_field_is_refused(void **state)
{
    struct kc_realm realm = *exchange_realm();
    struct memory was = memory_of(&b);
    bool answered = false;
    (void)state;
    assert_error(pay(&first, &a, &b, 10), OK);
    struct kc_payment_order good = order_of(kept_view(&first));
    struct kc_payment_order order = good;
    order.payee_purse = kc_purse_nth(77);
    assert_error(examine_order(&order), MISMATCH);
    order = good;
    order.payee = a.account;
    assert_error(examine_order(&order), MISMATCH);
    order = good;
    order.payer = kc_account_nth(77);
    assert_error(examine_order(&order), MISMATCH);
    order = good;
    order.payer_purse = kc_purse_nth(77);
    assert_error(examine_order(&order), MISMATCH);
    order = good;
    order.payer_purse = b.number;
    assert_error(examine_order(&order), NOT_ALLOWED);
    order = good;
    order.has_card = true;
    order.card = kc_purse_nth(78);
    assert_error(examine_order(&order), NOT_ALLOWED);
    order = good;
    order.amount = kc_amount_zero();
    assert_error(examine_order(&order), AMOUNT_ZERO);
    order.amount = amount(KC_AMOUNT_MAX - 6);
    assert_error(examine_order(&order), AMOUNT_TOO_LARGE);
    order = good;
    order.payer_counter = 0;
    assert_error(examine_order(&order), MALFORMED);
    order = good;
    order.payee_counter = 0;
    assert_error(examine_order(&order), OUT_OF_ORDER);
    order.payee_counter = 2;
    assert_error(examine_order(&order), OUT_OF_ORDER);
    order = good;
    sign_payment(&second, &order, &b.sign, &realm, a.identity);
    assert_error(examine(&answered, &b, kept_view(&second)), BAD_SIGNATURE);
    realm.bank = 2;
    sign_payment(&second, &order, &a.sign, &realm, a.identity);
    assert_error(examine(&answered, &b, kept_view(&second)), BAD_SIGNATURE);
    assert_unchanged(&b, &was);
    /* Nothing that was refused can be decided. */
    assert_error(decide(&third, &b, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_error(examine_order(&good), OK);
    assert_error(decide(&third, &b, 3), MALFORMED);
    assert_error(decide(&third, &b, 0), MALFORMED);
    assert_error(decide(&third, &b, KC_ANSWER_OK), OK);
    assert_int_equal(value_of(&b), 17);
}

/* shows: R-XCHG-3 */
static void a_payment_to_one_payee_is_nothing_to_another(void **state)
{
    bool answered = false;
    (void)state;
    side_plain(&c, 3, 0);
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(examine(&answered, &c, kept_view(&first)), MISMATCH);
    assert_error(decide(&second, &c, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_int_equal(value_of(&c), 0);
}

/* Every byte of a payment and of its answer, changed: never taken, never a fault.
 * shows: R-XCHG-3 R-XCHG-4 */
static void no_byte_of_a_message_can_be_changed(void **state)
{
    bool answered = false;
    struct kept changed;
    (void)state;
    assert_error(pay(&first, &a, &b, 10), OK);
    struct memory was = memory_of(&b);
    for (size_t i = 0; i < first.size; i++) {
        keep(&changed, kept_view(&first));
        changed.bytes[i] ^= (uint8_t)(1u << i % 8);
        enum kc_error error = examine(&answered, &b, kept_view(&changed));
        assert_true(error != KC_OK && error != KC_INTERNAL && error != KC_OVERFLOW);
        error = examine(&answered, &b, kc_view(first.bytes, i));
        assert_true(error != KC_OK);
    }
    assert_unchanged(&b, &was);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    was = memory_of(&a);
    for (size_t i = 0; i < second.size; i++) {
        keep(&changed, kept_view(&second));
        changed.bytes[i] ^= (uint8_t)(1u << i % 8);
        enum kc_error error = conclude(&a, kept_view(&changed));
        assert_true(error != KC_OK && error != KC_INTERNAL && error != KC_OVERFLOW);
        error = conclude(&a, kc_view(second.bytes, i));
        assert_true(error != KC_OK);
    }
    assert_unchanged(&a, &was);
    assert_error(conclude(&a, kept_view(&second)), OK);
}

/* All value of A and B, in both purses and under way between them. */
static uint64_t total(void)
{
    return value_of(&a) + kc_amount_minor(info_of(&a).open) + value_of(&b);
}

/* What is open at A ends: by B's answer, or once B has moved on to the counter that a changed offer named. */
static bool end_open(void)
{
    while (open_payment(&first, &a, 0) != KC_NOT_FOUND) {
        if (answer(&second, &b, kept_view(&first), KC_ANSWER_OK) != KC_OK ||
            conclude(&a, kept_view(&second)) != KC_OK) {
            return false;
        }
    }
    return true;
}

/* Nobody signs the messages that open an exchange. Changed or cut anywhere, they lead to a refusal by name, or to a payment that
 * ends as any other; value is where it was, or under way.
 * shows: R-XCHG-1 R-XCHG-2 */
static void opening_messages_can_be_changed_without_harm(void **state)
{
    static struct side a_before;
    static struct side b_before;
    static struct kept said;
    struct kept changed;
    unsigned paid = 0;
    (void)state;
    assert_error(offer(&said, &a, &b, true, 0), OK);
    side_copy(&a_before, &a);
    side_copy(&b_before, &b);
    for (size_t i = 0; i < 2 * said.size; i++) {
        size_t place = i % said.size;
        side_copy(&a, &a_before);
        side_copy(&b, &b_before);
        keep(&changed, kept_view(&said));
        changed.bytes[place] ^= (uint8_t)(1u << (i / said.size * 4 + place % 4));
        assert_true(pay_offer(&third, &a, 10, kc_view(said.bytes, place)) != KC_OK);
        enum kc_error error = pay_offer(&third, &a, 10, kept_view(&changed));
        assert_true(error != KC_INTERNAL && error != KC_OVERFLOW && error != KC_PURSE_CORRUPT);
        paid += error == KC_OK ? 1 : 0;
        assert_int_equal(total(), 507);
        assert_int_equal(value_of(&a), error == KC_OK ? 490 : 500);
        /* A counter that B has not reached yet is reached by other payments, or passed. */
        bool ended = end_open();
        assert_true(ended || a.purse.state.open.count == 1);
        assert_int_equal(total(), 507);
        assert_true(!ended || value_of(&a) == 500 || value_of(&a) == 490);
    }
    assert_in_range(paid, 1, 2 * said.size - 1);
    assert_error(side_run(&a, KC_INS_IDENTIFY, 0, 0, NULL, kc_view(NULL, 0)), OK);
    keep(&said, a.out);
    for (size_t i = 0; i < said.size; i++) {
        const uint64_t asked = 0;
        keep(&changed, kept_view(&said));
        changed.bytes[i] ^= 1;
        enum kc_error error = side_run(&b, KC_INS_OFFER, 0, 1, &asked, kept_view(&changed));
        assert_true(error != KC_INTERNAL && error != KC_OVERFLOW && error != KC_PURSE_CORRUPT);
        error = side_run(&b, KC_INS_OFFER, 0, 1, &asked, kc_view(said.bytes, i));
        assert_true(error != KC_OK);
    }
    assert_int_equal(value_of(&b), b.purse.state.counter == 0 ? 7 : 17);
}

/* Every message of an exchange in the place of its like in a later one.
 * shows: R-XCHG-3 R-XCHG-4 R-XCHG-11 */
static void messages_of_another_session_do_nothing(void **state)
{
    static struct kept old_offer;
    static struct kept old_payment;
    static struct kept old_answer;
    (void)state;
    assert_error(offer(&old_offer, &a, &b, true, 0), OK);
    assert_error(pay_offer(&old_payment, &a, 10, kept_view(&old_offer)), OK);
    assert_error(answer(&old_answer, &b, kept_view(&old_payment), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&old_answer)), OK);
    /* An old offer: its counter has passed, which the payee's decline says. */
    assert_error(pay_offer(&first, &a, 20, kept_view(&old_offer)), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 490);
    assert_int_equal(value_of(&b), 17);
    /* An old payment instead of the new one: the old answer, which ends nothing. */
    assert_error(pay(&first, &a, &b, 30), OK);
    assert_error(answer(&second, &b, kept_view(&old_payment), KC_ANSWER_OK), OK);
    assert_true(kc_view_equal(kept_view(&second), kept_view(&old_answer)));
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(a.purse.state.open.count, 1);
    assert_int_equal(value_of(&b), 17);
    /* An old answer instead of the new one: the same. */
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_NG), OK);
    assert_error(conclude(&a, kept_view(&old_answer)), OK);
    assert_int_equal(a.purse.state.open.count, 1);
    assert_int_equal(value_of(&a), 460);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 490);
    assert_int_equal(total(), 507);
}

/* The bytes that A gave: what a receipt and a decline of B for it would say. */
static struct kc_receipt receipt_for(struct kc_view payment)
{
    struct kc_payment decoded;
    struct kc_receipt receipt = {.payee_purse = b.number, .counter = 1, .time_ms = NOW_MS};
    must(kc_shape_decode(&decoded, &kc_payment_shape, payment));
    kc_digest(exchange_crypto(), receipt.payment, decoded.order);
    return receipt;
}

/* shows: R-XCHG-4 */
static void an_answer_that_is_not_the_payees_ends_nothing(void **state)
{
    (void)state;
    assert_error(pay(&first, &a, &b, 100), OK);
    struct memory was = memory_of(&a);
    struct kc_receipt good = receipt_for(kept_view(&first));
    struct kc_receipt receipt = good;
    struct kc_decline decline = {
        .payee_purse = b.number, .counter = 1, .reason = KC_DECLINED, .time_ms = NOW_MS};
    memcpy(decline.payment, good.payment, KC_DIGEST_SIZE);
    assert_error(conclude(&a, sign_answer(&second, false, &decline, &a.sign)), BAD_SIGNATURE);
    assert_error(conclude(&a, sign_answer(&second, true, &good, exchange_bank())), BAD_SIGNATURE);
    receipt.payment[3] ^= 1;
    assert_error(conclude(&a, sign_answer(&second, true, &receipt, &b.sign)), ASK_BANK);
    receipt.counter = 2;
    assert_error(conclude(&a, sign_answer(&second, true, &receipt, &b.sign)), UNKNOWN_TRANSACTION);
    receipt = good;
    receipt.counter = 2;
    assert_error(conclude(&a, sign_answer(&second, true, &receipt, &b.sign)), MISMATCH);
    receipt = good;
    receipt.payee_purse = kc_purse_nth(77);
    assert_error(conclude(&a, sign_answer(&second, true, &receipt, &b.sign)), MISMATCH);
    /* A decline dressed up as a receipt, and the other way round. */
    assert_error(conclude(&a, sign_answer(&second, false, &decline, &b.sign)), OK);
    assert_int_equal(value_of(&a), 500);
    assert_int_equal(was.value, 400);
    /* A payee that says both, after it: nothing moves again. */
    was = memory_of(&a);
    assert_error(conclude(&a, sign_answer(&second, true, &good, &b.sign)), MISMATCH);
    assert_unchanged(&a, &was);
}

static void a_decline_in_the_place_of_a_receipt_is_refused(void **state)
{
    struct kc_payment_answer answer_message;
    uint8_t bytes[1024];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    (void)state;
    assert_error(pay(&first, &a, &b, 100), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    must(kc_shape_decode(&answer_message, &kc_payment_answer_shape, kept_view(&second)));
    answer_message.taken = false;
    must(kc_shape_encode(&buffer, &kc_payment_answer_shape, &answer_message));
    assert_error(conclude(&a, kc_buffer_view(&buffer)), WRONG_TYPE);
    assert_int_equal(value_of(&a), 400);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_error(conclude(&b, kept_view(&second)), UNKNOWN_TRANSACTION);
}

/* One payment to a payee at a time, eight in all. */
static void open_payments_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KC_LIST_COUNT_MAX; i++) {
        side_plain(&c, 10 + i, 0);
        assert_error(pay(&first, &a, &c, 10), OK);
        assert_error(pay(&second, &a, &c, 10), PENDING);
    }
    assert_error(pay(&second, &a, &b, 10), PENDING);
    assert_int_equal(kc_amount_minor(info_of(&a).open), 80);
    assert_int_equal(value_of(&a), 420);
    assert_error(answer(&second, &c, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_error(pay(&first, &a, &b, 10), OK);
}

static void without_the_pin_nothing_leaves_but_the_name(void **state)
{
    static const uint8_t with_pin[] = {KC_INS_OFFER,         KC_INS_PAY,      KC_INS_EXAMINE,
                                       KC_INS_DECIDE,        KC_INS_CONCLUDE, KC_INS_OPEN_PAYMENT,
                                       KC_INS_SETTLE_REQUEST};
    static const uint8_t aid[] = KC_AID;
    (void)state;
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(side_send(&a, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid)), OK);
    struct memory was = memory_of(&a);
    for (size_t i = 0; i < sizeof with_pin; i++) {
        assert_error(side_run(&a, with_pin[i], 0, 0, NULL, kc_view(NULL, 0)), PIN_REQUIRED);
    }
    assert_error(side_run(&a, KC_INS_IDENTIFY, 0, 0, NULL, kc_view(NULL, 0)), OK);
    assert_error(side_run(&a, KC_INS_IDENTIFY, 2, 0, NULL, kc_view(NULL, 0)), MALFORMED);
    assert_unchanged(&a, &was);
    assert_error(side_send(&a, KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, kc_view_text("1235")),
                 PIN_WRONG);
    assert_error(open_payment(&second, &a, 0), PIN_REQUIRED);
    assert_error(side_send(&a, KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, kc_view_text(PIN)), OK);
    assert_error(open_payment(&second, &a, 0), OK);
}

/* What was examined is forgotten with the session: the user decides on what was shown to it. */
static void only_what_was_just_examined_can_be_decided(void **state)
{
    bool answered = false;
    (void)state;
    assert_error(decide(&third, &b, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(examine(&answered, &b, kept_view(&first)), OK);
    side_power(&b);
    assert_error(decide(&third, &b, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_error(examine(&answered, &b, kept_view(&first)), OK);
    /* Another payment gets in between: what was examined for that counter is declined. */
    side_plain(&c, 3, 50);
    assert_error(pay(&second, &c, &b, 5), OK);
    assert_error(examine(&answered, &b, kept_view(&second)), OK);
    assert_error(decide(&third, &b, KC_ANSWER_OK), OK);
    assert_int_equal(value_of(&b), 12);
    assert_error(conclude(&c, kept_view(&third)), OK);
}

static void garbage_is_refused(void **state)
{
    static const uint8_t instructions[] = {KC_INS_OFFER,    KC_INS_PAY,    KC_INS_EXAMINE,
                                           KC_INS_CONCLUDE, KC_INS_DECIDE, KC_INS_SETTLE_REQUEST};
    uint8_t bytes[64];
    struct memory was = memory_of(&a);
    (void)state;
    memset(bytes, 0x83, sizeof bytes);
    for (size_t i = 0; i < sizeof instructions; i++) {
        for (size_t size = 0; size <= sizeof bytes; size++) {
            enum kc_error error = side_run(&a, instructions[i], 1, 0, NULL, kc_view(bytes, size));
            assert_true(error != KC_OK && error != KC_INTERNAL && error != KC_PURSE_CORRUPT);
        }
    }
    assert_unchanged(&a, &was);
}

/* shows: R-LOG-1 */
static void a_full_history_takes_no_more_and_says_so(void **state)
{
    bool answered = false;
    (void)state;
    side_plain(&c, 3, 500);
    for (unsigned i = 0; i < KC_LOG_COUNT / 2; i++) {
        exchange(&a, &b, 2);
        assert_error(pay(&first, &b, &a, 1), OK);
        assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_OK), OK);
        assert_error(conclude(&b, kept_view(&second)), OK);
    }
    assert_int_equal(info_of(&a).uncovered, KC_LOG_COUNT);
    assert_int_equal(value_of(&a), 500 - KC_LOG_COUNT / 2);
    side_power(&a);
    struct memory was = memory_of(&a);
    /* What was answered before is still answered. */
    assert_error(examine(&answered, &a, kept_view(&first)), OK);
    assert_true(answered);
    assert_error(decide(&third, &a, KC_ANSWER_OK), OK);
    assert_true(kc_view_equal(kept_view(&third), kept_view(&second)));
    assert_error(pay(&first, &a, &c, 1), HISTORY_FULL);
    /* It says that it takes nothing, and a payer that pays all the same is refused. */
    struct kc_payee_identity said;
    uint8_t bytes[2048];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    assert_error(offer(&first, &c, &a, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_true(kc_amount_is_zero(said.most));
    assert_error(pay_offer(&second, &c, 1, kept_view(&first)), LIMIT_EXCEEDED);
    assert_int_equal(value_of(&c), 500);
    said.most = amount(1);
    must(kc_shape_encode(&buffer, &kc_payee_identity_shape, &said));
    assert_error(pay_offer(&first, &c, 1, kc_buffer_view(&buffer)), OK);
    assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_OK), HISTORY_FULL);
    assert_error(decide(&second, &a, KC_ANSWER_OK), OUT_OF_ORDER);
    assert_unchanged(&a, &was);
    /* A report makes room, and the payment is taken as if nothing had been. */
    assert_error(settle_request(&third, &a), OK);
    assert_error(take(&a, bank_settles(&third, &a, 8, 500 - 4, NULL, 0)), OK);
    assert_int_equal(value_of(&a), was.value);
    assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(conclude(&c, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), was.value + 1);
}

/* A payee whose log went round once cannot say any more what became of an old payment. */
static void an_overwritten_answer_is_for_the_bank_to_say(void **state)
{
    bool answered = false;
    (void)state;
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(settle_request(&third, &b), OK);
    assert_error(take(&b, bank_settles(&third, &b, 1, 17, NULL, 0)), OK);
    side_plain(&c, 3, 500);
    for (unsigned i = 0; i < KC_LOG_COUNT; i++) {
        exchange(&c, &b, 1);
    }
    assert_error(settle_request(&third, &b), OK);
    assert_error(take(&b, bank_settles(&third, &b, 1, 18, NULL, 0)), OK);
    side_plain(&c, 4, 1);
    exchange(&c, &b, 1);
    assert_error(examine(&answered, &b, kept_view(&first)), ASK_BANK);
    assert_error(decide(&second, &b, KC_ANSWER_OK), OUT_OF_ORDER);
}

#define WITH_TWO(test) cmocka_unit_test_setup(test, two)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TWO(a_payee_that_is_not_what_it_says_is_not_paid),
        WITH_TWO(amounts_that_cannot_be_paid_are_refused),
        WITH_TWO(nobody_pays_itself),
        WITH_TWO(an_expired_purse_neither_pays_nor_is_paid),
        WITH_TWO(another_bank_or_currency_is_refused),
        WITH_TWO(a_payment_with_a_wrong_field_is_refused),
        WITH_TWO(a_payment_to_one_payee_is_nothing_to_another),
        WITH_TWO(no_byte_of_a_message_can_be_changed),
        WITH_TWO(opening_messages_can_be_changed_without_harm),
        WITH_TWO(messages_of_another_session_do_nothing),
        WITH_TWO(an_answer_that_is_not_the_payees_ends_nothing),
        WITH_TWO(a_decline_in_the_place_of_a_receipt_is_refused),
        WITH_TWO(open_payments_are_bounded),
        WITH_TWO(without_the_pin_nothing_leaves_but_the_name),
        WITH_TWO(only_what_was_just_examined_can_be_decided),
        WITH_TWO(garbage_is_refused),
        WITH_TWO(a_full_history_takes_no_more_and_says_so),
        WITH_TWO(an_overwritten_answer_is_for_the_bank_to_say),
    };
    return cmocka_run_group_tests_name("refuse", tests, exchange_open, exchange_close);
}
