/* Question: is a purse's key found under its own number alone, also when others take places? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bank/holders.h"
#include "base/bytes.h"

#define PURSES 400u

static struct kc_signer_id signer_of(uint64_t purse)
{
    struct kc_signer_id id = {{0}};
    kc_be64_store(id.bytes, purse + 1);
    return id;
}

static void each_is_found_as_itself_or_not_at_all(void **state)
{
    struct kc_holders holders;
    struct kc_signer_id found;
    size_t there = 0;
    (void)state;
    assert_false(kc_failed(kc_holders_open(&holders, 20)));
    assert_int_equal(holders.count, 32);
    assert_false(kc_holders_find(&found, &holders, 0));
    for (uint64_t i = 1; i <= PURSES; i++) {
        uint64_t purse = kc_purse_nth(i).number;
        const struct kc_signer_id id = signer_of(purse);
        assert_false(kc_holders_find(&found, &holders, purse));
        kc_holders_keep(&holders, purse, &id);
        assert_true(kc_holders_find(&found, &holders, purse));
        assert_memory_equal(&found, &id, sizeof id);
    }
    for (uint64_t i = 1; i <= PURSES; i++) {
        uint64_t purse = kc_purse_nth(i).number;
        const struct kc_signer_id id = signer_of(purse);
        if (kc_holders_find(&found, &holders, purse)) {
            assert_memory_equal(&found, &id, sizeof id);
            there += 1;
        }
    }
    assert_true(there >= 16 && there <= 32);
    kc_holders_close(&holders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_found_as_itself_or_not_at_all)};
    return cmocka_run_group_tests_name("bank: keys of purses in memory", tests, NULL, NULL);
}
