/* Does a purse sign lines of a journal and what a machine owes, and those alone; and may a seller name why it says no? */
#include "exchange_world.h"
#include "message/cose.h"

static struct side a;
static struct side b;
static struct kept payment;
static struct kept answered;

static struct kc_view encode(uint8_t *out, size_t capacity, const struct kc_sale *sale)
{
    struct kc_buffer buffer = {.data = out, .capacity = capacity};
    assert_false(kc_failed(kc_shape_encode(&buffer, &kc_sale_shape, sale)));
    return kc_buffer_view(&buffer);
}

static struct kc_sale line_of(const struct side *side)
{
    return (struct kc_sale){.purse = side->purse.settings.purse,
                            .number = 1,
                            .kind = KC_SALE_KIND_SALE,
                            .amount = amount(120)};
}

/* shows: R-VEND-4 */
static void a_line_is_signed_in_its_own_domain(void **state)
{
    uint8_t bytes[256];
    struct kc_signed parsed;
    (void)state;
    side_plain(&a, 1, 500);
    struct kc_sale sale = line_of(&a);
    unsigned writes = a.writes;
    struct kc_view plain = encode(bytes, sizeof bytes, &sale);
    assert_int_equal(side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, plain), KC_OK);
    struct kc_view out = a.out;
    assert_int_equal(kc_brief_parse(&parsed, out).code, KC_OK);
    assert_true(kc_view_equal(parsed.payload, plain));
    const struct kc_public_key copy = identity_of(&a).key;
    assert_int_equal(
        kc_brief_verify(&parsed, exchange_crypto(), &copy, exchange_realm(), kc_sale_shape.domain)
            .code,
        KC_OK);
    assert_int_equal(kc_brief_verify(&parsed, exchange_crypto(), &copy, exchange_realm(),
                                     kc_receipt_shape.domain)
                         .code,
                     KC_BAD_SIGNATURE);
    assert_int_equal(a.writes, writes);
}

static void nothing_else_is_signed(void **state)
{
    uint8_t bytes[256];
    (void)state;
    side_plain(&a, 1, 500);
    struct kc_sale sale = line_of(&a);
    struct kc_view plain = encode(bytes, sizeof bytes, &sale);
    for (size_t size = 0; size < plain.size; size++) {
        assert_int_not_equal(
            side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, kc_view(bytes, size)), KC_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        bytes[i] ^= 1;
        assert_int_not_equal(side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, plain), KC_OK);
        bytes[i] ^= 1;
    }
    sale.purse.number += 1;
    plain = encode(bytes, sizeof bytes, &sale);
    assert_int_equal(side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, plain), KC_MISMATCH);
}

/* shows: R-VEND-6 */
static void only_a_machine_says_what_it_owes(void **state)
{
    uint8_t bytes[256];
    struct kc_signed parsed;
    (void)state;
    side_plain(&a, 1, 500);
    struct kc_give_back word = {.bank = a.purse.settings.bank,
                                .purse = a.purse.settings.purse,
                                .sale = 1,
                                .counter = 1,
                                .to = a.purse.settings.account,
                                .amount = amount(20)};
    struct kc_buffer plain = KC_BUFFER(bytes);
    assert_false(kc_failed(kc_shape_encode(&plain, &kc_give_back_shape, &word)));
    struct kc_view view = kc_buffer_view(&plain);
    assert_int_equal(side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, view), KC_NOT_ALLOWED);
    a.purse.settings.purse_type = KC_PURSE_TYPE_MACHINE;
    assert_int_equal(side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, view), KC_OK);
    const struct kc_public_key copy = identity_of(&a).key;
    assert_int_equal(kc_brief_parse(&parsed, a.out).code, KC_OK);
    assert_int_equal(kc_brief_verify(&parsed, exchange_crypto(), &copy, exchange_realm(),
                                     kc_give_back_shape.domain)
                         .code,
                     KC_OK);
    assert_int_equal(
        kc_brief_verify(&parsed, exchange_crypto(), &copy, exchange_realm(), kc_sale_shape.domain)
            .code,
        KC_BAD_SIGNATURE);
    for (unsigned i = 0; i < 2; i++) {
        struct kc_give_back other = word;
        other.bank += i;
        other.purse.number += 1 - i;
        plain.size = 0;
        assert_false(kc_failed(kc_shape_encode(&plain, &kc_give_back_shape, &other)));
        assert_int_equal(
            side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, kc_buffer_view(&plain)),
            KC_MISMATCH);
    }
}

/* shows: R-VEND-7 */
static void an_offer_is_signed_in_a_domain_of_its_own(void **state)
{
    uint8_t bytes[256];
    struct kc_signed parsed;
    struct kc_buffer buffer = KC_BUFFER(bytes);
    (void)state;
    side_plain(&a, 1, 500);
    const struct kc_public_key key = identity_of(&a).key;
    struct kc_sale_offer offer = {.bank = a.purse.settings.bank,
                                  .machine = a.purse.settings.purse,
                                  .slot = 1,
                                  .price = amount(120)};
    assert_int_equal(kc_shape_encode(&buffer, &kc_sale_offer_shape, &offer).code, KC_OK);
    struct kc_view plain = kc_buffer_view(&buffer);
    assert_int_equal(side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, plain), KC_OK);
    assert_int_equal(kc_brief_parse(&parsed, a.out).code, KC_OK);
    assert_true(kc_view_equal(parsed.payload, plain));
    assert_int_equal(kc_brief_verify(&parsed, exchange_crypto(), &key, exchange_realm(),
                                     kc_sale_offer_shape.domain)
                         .code,
                     KC_OK);
    assert_int_equal(
        kc_brief_verify(&parsed, exchange_crypto(), &key, exchange_realm(), kc_sale_shape.domain)
            .code,
        KC_BAD_SIGNATURE);
    for (unsigned other = 0; other < 2; other++) {
        offer.bank = a.purse.settings.bank + (other == 0 ? 1u : 0u);
        offer.machine.number = a.purse.settings.purse.number + other;
        buffer.size = 0;
        assert_int_equal(kc_shape_encode(&buffer, &kc_sale_offer_shape, &offer).code, KC_OK);
        assert_int_equal(
            side_send(&a, KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, kc_buffer_view(&buffer)),
            KC_MISMATCH);
    }
}

/* shows: R-VEND-3 */
static void a_seller_names_its_reason(void **state)
{
    static const enum kc_error names[] = {KC_AMOUNT_SHORT, KC_WRONG_PRICE};
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 0);
    for (size_t i = 0; i < 2; i++) {
        struct kc_signed parsed;
        struct kc_payment_answer said;
        struct kc_decline decline;
        uint8_t now[8];
        bool again = false;
        size_t size = 0;
        const uint8_t head[] = {
            KC_CLA_KINCHAKU, KC_INS_DECIDE, KC_ANSWER_NG, (uint8_t)names[i], 0, 0, 8};
        uint8_t command[sizeof head + 8 + 2] = {0};
        kc_be64_store(now, NOW_MS);
        memcpy(command, head, sizeof head);
        memcpy(command + sizeof head, now, sizeof now);
        assert_int_equal(pay(&payment, &a, &b, 50), KC_OK);
        assert_int_equal(examine(&again, &b, kept_view(&payment)), KC_OK);
        command[2] = KC_ANSWER_OK;
        kc_purse_command(&b.purse, b.response, &size, kc_view(command, sizeof command));
        assert_int_equal(size, 2);
        command[2] = KC_ANSWER_NG;
        kc_purse_command(&b.purse, b.response, &size, kc_view(command, sizeof command));
        struct kc_view view = keep(&answered, kc_view(b.response, size - 2));
        assert_int_equal(kc_shape_decode(&said, &kc_payment_answer_shape, view).code, KC_OK);
        assert_int_equal(kc_brief_parse(&parsed, said.answer).code, KC_OK);
        assert_int_equal(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload).code, KC_OK);
        assert_int_equal(decline.reason, names[i]);
        assert_int_equal(conclude(&a, view), KC_OK);
        assert_int_equal(value_of(&a), 500);
        assert_int_equal(value_of(&b), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_signed_in_its_own_domain),
        cmocka_unit_test(nothing_else_is_signed),
        cmocka_unit_test(only_a_machine_says_what_it_owes),
        cmocka_unit_test(an_offer_is_signed_in_a_domain_of_its_own),
        cmocka_unit_test(a_seller_names_its_reason),
    };
    return cmocka_run_group_tests_name("sale", tests, exchange_open, exchange_close);
}
