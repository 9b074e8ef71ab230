/* The world that is simulated: what its parts promise, and that value goes its way through all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "whole.h"

static const struct whole_options options = {
    .seed = 5, .holders = 3, .account_amount = 1000, .purse_amount = 300};

static struct kc_amount amount(uint64_t minor)
{
    struct kc_amount out = kc_amount_zero();
    assert_false(kc_failed(kc_amount_from_minor(&out, minor)));
    return out;
}

static uint64_t value_of(struct whole *whole, unsigned place)
{
    struct kc_purse_info info;
    assert_int_equal(kc_slot_info(&info, whole_slot(whole, place)).code, KC_OK);
    return kc_amount_minor(info.value);
}

static uint64_t shadow_of(struct whole *whole, unsigned place)
{
    struct kc_purse_row row;
    const struct kc_store *store = &whole->bank.store;
    uint64_t number = whole->base->holders[place].purse.number;
    assert_int_equal(store->purse_get(store->context, &row, number).code, KC_OK);
    return kc_amount_minor(kc_shadow_of(&row).amount);
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

static struct kc_view order_payment(struct bytes *out, struct whole *whole, unsigned payer,
                                    unsigned payee, uint64_t minor)
{
    struct kc_view view;
    assert_int_equal(kc_slot_identify(&view, whole_slot(whole, payer), true).code, KC_OK);
    view = keep(out, view);
    assert_int_equal(kc_slot_offer(&view, whole_slot(whole, payee), kc_amount_zero(), view).code,
                     KC_OK);
    view = keep(out, view);
    assert_int_equal(
        kc_slot_pay(&view, whole_slot(whole, payer), amount(minor), ++whole->now_ms, view).code,
        KC_OK);
    return keep(out, view);
}

static void pay(struct whole *whole, unsigned payer, unsigned payee, uint64_t minor)
{
    struct bytes message;
    struct kc_payment_order order;
    bool answered = true;
    struct kc_view view = order_payment(&message, whole, payer, payee, minor);
    struct kc_slot *slot = whole_slot(whole, payee);
    assert_int_equal(kc_slot_examine(&order, &answered, slot, ++whole->now_ms, view).code, KC_OK);
    assert_false(answered);
    assert_int_equal(kc_slot_decide(&view, slot, KC_ANSWER_OK, ++whole->now_ms).code, KC_OK);
    view = keep(&message, view);
    assert_int_equal(kc_slot_conclude(&view, whole_slot(whole, payer), view).code, KC_OK);
}

static void settle(struct whole *whole, unsigned place)
{
    struct kc_view view;
    assert_int_equal(kc_slot_settle_request(&view, whole_slot(whole, place), ++whole->now_ms).code,
                     KC_OK);
    assert_int_equal(whole_bank_serve(&view, whole, view).code, KC_OK);
    assert_int_equal(kc_slot_take(&view, whole_slot(whole, place), view).code, KC_OK);
}

static void test_value_goes_its_way(void **state)
{
    char what[160];
    struct whole_base *base = whole_base_make(&options);
    struct whole *whole = whole_make(base);
    (void)state;
    pay(whole, 0, 1, 100);
    pay(whole, 1, 2, 40);
    assert_int_equal(value_of(whole, 0), 200);
    assert_int_equal(value_of(whole, 1), 360);
    assert_int_equal(value_of(whole, 2), 340);
    settle(whole, 2);
    assert_int_equal(shadow_of(whole, 2), 340);
    assert_int_equal(shadow_of(whole, 1), 260);
    settle(whole, 1);
    settle(whole, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(shadow_of(whole, i), value_of(whole, i));
    }
    assert_true(whole_bank_audit(whole, what));
    whole_reset(whole);
    assert_int_equal(value_of(whole, 1), 300);
    free(whole);
    free(base);
}

static void test_a_state_is_taken_up_again(void **state)
{
    struct bytes first;
    struct bytes second;
    struct whole_base *base = whole_base_make(&options);
    struct whole *whole = whole_make(base);
    struct whole_state *saved = whole_state_make();
    (void)state;
    pay(whole, 0, 1, 100);
    whole_save(saved, whole);
    (void)order_payment(&first, whole, 0, 2, 50);
    settle(whole, 1);
    whole_restore(whole, saved);
    assert_int_equal(value_of(whole, 0), 200);
    assert_int_equal(shadow_of(whole, 1), 300);
    (void)order_payment(&second, whole, 0, 2, 50);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    free(saved);
    free(whole);
    free(base);
}

/* Every cut of a payment, with every subset of what was not synced lost: the amount is reserved or it is not. */
static void test_power_is_cut(void **state)
{
    struct whole_base *base = whole_base_make(&options);
    struct whole *whole = whole_make(base);
    unsigned cuts = 0;
    (void)state;
    for (unsigned write = 1; write < 12; write++) {
        for (uint32_t lost = 0; lost < 8; lost++) {
            struct kc_view view;
            struct bytes message;
            const struct nvm_cut cut = {.write = write, .byte = 9, .lost = lost};
            whole_reset(whole);
            (void)order_payment(&message, whole, 1, 0, 1);
            assert_int_equal(kc_slot_identify(&view, whole_slot(whole, 0), true).code, KC_OK);
            view = keep(&message, view);
            assert_int_equal(
                kc_slot_offer(&view, whole_slot(whole, 1), kc_amount_zero(), view).code, KC_OK);
            view = keep(&message, view);
            nvm_arm(&whole->purses[0].nvm, &cut);
            struct kc_result result =
                kc_slot_pay(&view, whole_slot(whole, 0), amount(70), ++whole->now_ms, view);
            cuts += kc_failed(result) ? 1 : 0;
            whole_power_cycle(whole, 0);
            uint64_t value = value_of(whole, 0);
            assert_true(value == 300 || value == 230);
            assert_true(kc_failed(result) || value == 230);
        }
    }
    /* Its entry, its partner, three parts of the image, the mark. */
    assert_int_equal(cuts, 6 * 8);
    free(whole);
    free(base);
}

static void test_nobody_else_signs(void **state)
{
    struct ideal ideal;
    struct kc_private_key own;
    struct kc_public_key own_public;
    struct kc_private_key other;
    struct kc_public_key other_public;
    uint8_t digest[KC_DIGEST_SIZE] = {1};
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    const struct kc_crypto crypto = ideal_open(&ideal, 1);
    (void)state;
    ideal_key(&own, &own_public, 1);
    ideal_key(&other, &other_public, 2);
    assert_int_equal(crypto.sign(crypto.context, signature, &size, &own, digest).code, KC_OK);
    struct kc_view view = kc_view(signature, size);
    assert_int_equal(crypto.verify(crypto.context, &own_public, digest, view).code, KC_OK);
    assert_int_equal(crypto.verify(crypto.context, &other_public, digest, view).code,
                     KC_BAD_SIGNATURE);
    for (size_t i = 0; i < size; i++) {
        signature[i] ^= 1;
        assert_true(kc_failed(crypto.verify(crypto.context, &own_public, digest, view)));
        signature[i] ^= 1;
    }
    digest[7] ^= 1;
    assert_true(kc_failed(crypto.verify(crypto.context, &own_public, digest, view)));
}

/* A digest does not depend on the pieces that it was fed. */
static void test_a_digest_in_pieces(void **state)
{
    struct ideal ideal;
    uint8_t bytes[200];
    uint8_t whole_digest[KC_DIGEST_SIZE];
    uint8_t digest[KC_DIGEST_SIZE];
    const struct kc_crypto crypto = ideal_open(&ideal, 1);
    (void)state;
    assert_int_equal(crypto.random(crypto.context, bytes, sizeof bytes).code, KC_OK);
    kc_digest(&crypto, whole_digest, kc_view(bytes, sizeof bytes));
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        struct kc_sha256 hash;
        crypto.sha256_start(crypto.context, &hash);
        crypto.sha256_add(crypto.context, &hash, kc_view(bytes, cut));
        crypto.sha256_add(crypto.context, &hash, kc_view(bytes + cut, sizeof bytes - cut));
        crypto.sha256_end(crypto.context, &hash, digest);
        assert_memory_equal(digest, whole_digest, sizeof digest);
        kc_digest(&crypto, digest, kc_view(bytes, cut));
        assert_int_equal(memcmp(digest, whole_digest, sizeof digest) == 0, cut == sizeof bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_goes_its_way), cmocka_unit_test(test_a_state_is_taken_up_again),
        cmocka_unit_test(test_power_is_cut),       cmocka_unit_test(test_nobody_else_signs),
        cmocka_unit_test(test_a_digest_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
