/* Question: does the bank sign a card's identity anew only as it signed it first? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bank/bank.h"
#include "crypto/libcrypto.h"
#include "expect.h"

static struct kc_bank bank;
static struct kc_bank_thread thread;
static struct kc_bank_item item;

/* What becomes of these claims. */
static enum kc_error match(const struct kc_identity *identity)
{
    struct kc_buffer claims = KC_BUFFER(item.identity);
    EXPECT(kc_identity_encode(&claims, identity), KC_OK);
    item.envelope.payload = kc_buffer_view(&claims);
    EXPECT(kc_identity_decode(&item.message.identity, item.envelope.payload), KC_OK);
    return kc_bank_sign_identity.steps[1].run(&bank, &thread, &item).code;
}

/* shows: R-SEC-2 R-RENEW-8 */
static void a_bearer_card_gets_the_claims_of_the_books(void **state)
{
    struct world *world = *state;
    struct toy card;
    struct kc_account_row account;
    EXPECT(toy_open_kind(&card, world, 1, KC_PURSE_TYPE_BEARER, NULL), KC_OK);
    EXPECT(world->store.account_get(world->store.context, &account, card.account.number), KC_OK);
    EXPECT(kc_libcrypto_open(&thread.crypto, 4), KC_OK);
    thread.store = world->store;
    bank.realm.bank = 1;
    struct kc_identity good = {.bank = 1,
                               .purse_type = KC_PURSE_TYPE_BEARER,
                               .account = card.account,
                               .purse = card.purse,
                               .issued_s = account.created_ms / 1000u,
                               .expires_s = account.expires_ms / 1000u,
                               .key = {.type = KC_KEY_NONE}};
    memcpy(good.secret, card.identity_digest, sizeof good.secret);
    assert_int_equal(match(&good), KC_OK);
    struct kc_identity changed = good;
    changed.expires_s += 1;
    assert_int_equal(match(&changed), KC_MISMATCH);
    changed = good;
    changed.issued_s -= 1;
    assert_int_equal(match(&changed), KC_MISMATCH);
    changed = good;
    changed.secret[KC_DIGEST_SIZE - 1] ^= 1u;
    assert_int_equal(match(&changed), KC_MISMATCH);
    changed = good;
    changed.account = kc_account_nth(77);
    assert_int_equal(match(&changed), KC_MISMATCH);
    changed = good;
    changed.bank = 2;
    assert_int_equal(match(&changed), KC_MISMATCH);
    changed = good;
    changed.purse = kc_purse_nth(4711);
    assert_int_equal(match(&changed), KC_UNKNOWN_PURSE);
    kc_libcrypto_close(&thread.crypto);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bearer_card_gets_the_claims_of_the_books, world_setup,
                                        world_teardown),
    };
    return cmocka_run_group_tests_name("bank: identities signed anew", tests, NULL, NULL);
}
