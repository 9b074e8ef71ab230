/* Does the counter of PIN tries hold against guessing, whatever the host does and whenever the power goes? */
#include "cast.h"

static uint64_t tries(void)
{
    return world.purse.state.pin_tries;
}

static void power_and_select(void)
{
    world_memory_keep_none(&world.memory);
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
}

static int ready(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    power_and_select();
    return 0;
}

/* shows: R-SEC-2 */
static void three_wrong_pins_block_it_for_good(void **state)
{
    (void)state;
    EXPECT(world_pin(&world, WORLD_WRONG_PIN), KC_PIN_WRONG);
    assert_int_equal(world_status(&world), 0x63c2);
    EXPECT(world_pin(&world, "123"), KC_MALFORMED);
    assert_int_equal(tries(), 2);
    EXPECT(world_pin(&world, "12340"), KC_PIN_WRONG);
    assert_int_equal(world_status(&world), 0x63c1);
    EXPECT(world_pin(&world, WORLD_WRONG_PIN), KC_PIN_BLOCKED);
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_REFUSED(world_pin(&world, WORLD_PIN), KC_PIN_BLOCKED);
        EXPECT(world_state_request(&world), KC_PIN_REQUIRED);
        EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text("1111")),
               KC_PIN_REQUIRED);
        power_and_select();
    }
}

static void the_right_pin_gives_back_all_tries(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        EXPECT(world_pin(&world, WORLD_WRONG_PIN), KC_PIN_WRONG);
        power_and_select();
        EXPECT(world_pin(&world, WORLD_WRONG_PIN), KC_PIN_WRONG);
        power_and_select();
        assert_int_equal(tries(), 1);
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
        assert_int_equal(tries(), KC_PIN_TRIES);
    }
}

/* A wrong PIN ends what an earlier right one allowed, and so does one that is none. */
static void a_wrong_pin_ends_the_session_of_a_right_one(void **state)
{
    static const char *const others[] = {WORLD_WRONG_PIN, "12", "12345678901234", "12a4", ""};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
        EXPECT(world_state_request(&world), KC_OK);
        assert_int_not_equal(world_pin(&world, others[i]), KC_OK);
        EXPECT(world_state_request(&world), KC_PIN_REQUIRED);
    }
}

static void what_is_no_pin_costs_no_try(void **state)
{
    static const char *const none[] = {"",      "1",    "12",   "123",        "1234567890123",
                                       "123a",  "/234", ":234", "12 4",       "123\x80",
                                       "123\n", "-123", "12.4", "1234567890/"};
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        EXPECT_REFUSED(world_pin(&world, none[i]), KC_MALFORMED);
    }
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        EXPECT_REFUSED(
            world_send(&world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text(none[i])),
            KC_MALFORMED);
    }
}

static void pins_of_every_allowed_size_work(void **state)
{
    static const char digits[] = "901234567890";
    (void)state;
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    for (size_t size = KC_PIN_SIZE_MIN; size <= KC_PIN_SIZE_MAX; size++) {
        char pin[KC_PIN_SIZE_MAX + 1] = {0};
        memcpy(pin, digits, size);
        EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text(pin)),
               KC_OK);
        power_and_select();
        pin[size - 1] ^= 1;
        EXPECT(world_pin(&world, pin), KC_PIN_WRONG);
        pin[size - 1] ^= 1;
        EXPECT(world_pin(&world, pin), KC_OK);
    }
}

static void the_old_pin_is_none_after_a_change(void **state)
{
    (void)state;
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text("000000")),
           KC_OK);
    power_and_select();
    EXPECT(world_pin(&world, WORLD_PIN), KC_PIN_WRONG);
    EXPECT(world_pin(&world, "000000"), KC_OK);
}

/* The same PIN put twice leaves no two equal records of it. */
static void every_pin_has_a_salt_of_its_own(void **state)
{
    uint8_t salt[16];
    uint8_t check[KC_DIGEST_SIZE];
    (void)state;
    memcpy(salt, world.purse.state.pin_salt, sizeof salt);
    memcpy(check, world.purse.state.pin_check, sizeof check);
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text(WORLD_PIN)),
           KC_OK);
    assert_memory_not_equal(salt, world.purse.state.pin_salt, sizeof salt);
    assert_memory_not_equal(check, world.purse.state.pin_check, sizeof check);
}

/* ---- with the power cut ---- */

/* Does the world's crypto compute the HMAC of a PIN? That is the moment in which a guess is compared. */
static unsigned compared;

static void watch_hmac(void *context, uint8_t mac[KC_DIGEST_SIZE], struct kc_view key,
                       struct kc_view message)
{
    compared += key.size == sizeof world.purse.state.pin_salt ? 1 : 0;
    crypto.hmac_sha256(context, mac, key, message);
}

/* Cuts `pin` in each of its writes and syncs, with everything or nothing of what was not synced surviving; whatever was compared
 * has cost its try. Ends when a try needs no cut. */
static void guess_with_cuts(const char *pin, bool keep)
{
    for (size_t step = 0;; step++) {
        cast_suite(0);
        world.crypto.hmac_sha256 = watch_hmac;
        world_ready(&world);
        world_memory_keep_none(&world.memory);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        compared = 0;
        world.memory.steps = 0;
        world.memory.cut_step = step;
        enum kc_error error = world_pin(&world, pin);
        if (!world.memory.off) {
            assert_int_equal(compared, 1);
            return;
        }
        assert_int_not_equal(error, KC_OK);
        assert_false(world.purse.pin_verified);
        if (keep) {
            world_memory_keep_all(&world.memory);
        }
        power_and_select();
        bool all = tries() == KC_PIN_TRIES;
        assert_true(all || tries() == KC_PIN_TRIES - 1);
        assert_true(!all || compared == 0 || strcmp(pin, WORLD_PIN) == 0);
        EXPECT(world_state_request(&world), KC_PIN_REQUIRED);
    }
}

/* shows: R-SEC-2 */
static void a_cut_never_gives_a_free_guess(void **state)
{
    (void)state;
    guess_with_cuts(WORLD_WRONG_PIN, false);
    guess_with_cuts(WORLD_WRONG_PIN, true);
    guess_with_cuts(WORLD_PIN, false);
    guess_with_cuts(WORLD_PIN, true);
}

/* Cut after cut: three guesses are compared at most, and then it is blocked. */
static void cuts_at_every_guess_lead_to_the_block(void **state)
{
    (void)state;
    for (size_t step = 0; step < 10; step++) {
        cast_suite(0);
        world.crypto.hmac_sha256 = watch_hmac;
        world_ready(&world);
        compared = 0;
        for (unsigned guess = 0; guess < 40 && tries() > 0; guess++) {
            world_memory_keep_none(&world.memory);
            world_power(&world);
            EXPECT(world_select(&world), KC_OK);
            world.memory.steps = 0;
            world.memory.cut_step = step;
            (void)world_pin(&world, WORLD_WRONG_PIN);
            world_memory_keep_all(&world.memory);
            world_power(&world);
        }
        assert_true(compared <= KC_PIN_TRIES);
        assert_true(compared == 0 || tries() == 0);
    }
}

static void a_cut_change_of_pin_leaves_the_old_or_the_new(void **state)
{
    (void)state;
    for (size_t step = 0;; step++) {
        cast_suite(0);
        world_ready(&world);
        world.memory.steps = 0;
        world.memory.cut_step = step;
        (void)world_send(&world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text("5555"));
        bool cut = world.memory.off;
        world_memory_keep_all(&world.memory);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        bool is_new = world_pin(&world, "5555") == KC_OK;
        assert_true(is_new || cut);
        EXPECT(world_pin(&world, is_new ? "5555" : WORLD_PIN), KC_OK);
        if (!cut) {
            break;
        }
    }
}

/* While the power stays on, a purse that does not know what it stored says no more. */
static void a_failed_write_stops_the_purse_until_power_up(void **state)
{
    (void)state;
    world.memory.steps = 0;
    world.memory.cut_step = 1;
    EXPECT(world_pin(&world, WORLD_PIN), KC_IO_FAILED);
    EXPECT(world_pin(&world, WORLD_PIN), KC_PURSE_CORRUPT);
    EXPECT(world_select(&world), KC_PURSE_CORRUPT);
    EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFO, 0, kc_view(NULL, 0)),
           KC_PURSE_CORRUPT);
    power_and_select();
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(three_wrong_pins_block_it_for_good, ready),
        cmocka_unit_test_setup(the_right_pin_gives_back_all_tries, ready),
        cmocka_unit_test_setup(a_wrong_pin_ends_the_session_of_a_right_one, ready),
        cmocka_unit_test_setup(what_is_no_pin_costs_no_try, ready),
        cmocka_unit_test_setup(pins_of_every_allowed_size_work, ready),
        cmocka_unit_test_setup(the_old_pin_is_none_after_a_change, ready),
        cmocka_unit_test_setup(every_pin_has_a_salt_of_its_own, ready),
        cmocka_unit_test(a_cut_never_gives_a_free_guess),
        cmocka_unit_test(cuts_at_every_guess_lead_to_the_block),
        cmocka_unit_test(a_cut_change_of_pin_leaves_the_old_or_the_new),
        cmocka_unit_test_setup(a_failed_write_stops_the_purse_until_power_up, ready),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
