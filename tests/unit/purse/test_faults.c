/* Does a purse whose memory fails while the power is on say and write nothing more, until it has powered up and knows again what
 * it holds? */
#include "cast.h"

static const struct kc_view nothing = {.data = NULL, .size = 0};

/* ---- commands that read the log, the partners, or what never changes, and some that write ---- */

/* What the partner said last. */
static struct kc_view payment;

static enum kc_error pay_10(void)
{
    return world_pay(&world, 10);
}

static enum kc_error pay_10_and_lose(void)
{
    EXPECT(world_pay(&world, 10), KC_OK);
    EXPECT(world_settle_request(&world), KC_OK);
    return world_take_settle(&world, 1, WORLD_VALUE - 10, NULL);
}

static enum kc_error examine_10(void)
{
    uint64_t next = world.purse.state.counter + 1;
    payment = world_partner_payment(&world, next, 10);
    return world_examine(&world, payment);
}

static enum kc_error take_10(void)
{
    EXPECT(examine_10(), KC_OK);
    return world_decide(&world, KC_ANSWER_OK);
}

static enum kc_error examine_again(void)
{
    return world_examine(&world, payment);
}

static enum kc_error decide_ok(void)
{
    return world_decide(&world, KC_ANSWER_OK);
}

static enum kc_error decide_ng(void)
{
    return world_decide(&world, KC_ANSWER_NG);
}

static enum kc_error conclude_receipt(void)
{
    return world_conclude(&world, world_partner_answer(&world, 1, true));
}

static enum kc_error conclude_decline(void)
{
    return world_conclude(&world, world_partner_answer(&world, 1, false));
}

static enum kc_error open_payment(void)
{
    return world_open_payment(&world, 0);
}

static enum kc_error report(void)
{
    return world_settle_request(&world);
}

static enum kc_error pay_and_report(void)
{
    EXPECT(pay_10(), KC_OK);
    return report();
}

static enum kc_error take_report(void)
{
    const struct kc_release release = {
        .counter = 1, .amount = world_amount(10), .reason = KC_OUT_OF_ORDER};
    return world_take_settle(&world, 1, WORLD_VALUE - 10, &release);
}

static enum kc_error deposit_and_back(void)
{
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    return world_take_completion(&world, KC_OUTCOME_NOT_COMPLETED, 0, WORLD_VALUE);
}

static enum kc_error ask_deposit(void)
{
    return world_order(&world, KC_INS_CASH_REQUEST, KC_CASH_KIND_DEPOSIT, 10);
}

static enum kc_error quoted(void)
{
    world_go(&world, KC_LIFE_QUOTED, KC_CASH_KIND_DEPOSIT);
    return KC_OK;
}

static enum kc_error answer_ok(void)
{
    return world_answer(&world, KC_ANSWER_OK);
}

static enum kc_error answered(void)
{
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    return KC_OK;
}

static enum kc_error completed(void)
{
    return world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 100);
}

static enum kc_error get_history(void)
{
    return world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HISTORY, 0, nothing);
}

static enum kc_error get_certificate(void)
{
    return world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_SIGN_CERTIFICATE, 0,
                      nothing);
}

static enum kc_error verify(void)
{
    return world_pin(&world, WORLD_PIN);
}

static enum kc_error change_pin(void)
{
    return world_send(&world, KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, kc_view_text("5555"));
}

static enum kc_error offer(void)
{
    return world_offer(&world, 5);
}

static enum kc_error take_list(void)
{
    static const uint64_t numbers[] = {5, 6};
    return world_take_hotlist(&world,
                              world_hotlist(&world, world.purse.hotlist.version + 1, numbers, 2));
}

static enum kc_error get_list(void)
{
    return world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HOTLIST, 0, nothing);
}

static enum kc_error examine_with_list(void)
{
    EXPECT(take_list(), KC_OK);
    return examine_10();
}

/* The next entry overwrites one. */
static enum kc_error fill(void)
{
    world.log_policy = KC_LOG_POLICY_OVERWRITE;
    world_ready(&world);
    world.log_policy = KC_LOG_POLICY_REFUSE;
    for (unsigned i = 0; i < KC_LOG_COUNT; i++) {
        EXPECT(take_10(), KC_OK);
    }
    return KC_OK;
}

static enum kc_error overwrite(void)
{
    EXPECT(fill(), KC_OK);
    return pay_10();
}

static const struct {
    const char *name;
    enum kc_error (*before)(void);
    enum kc_error (*run)(void);
} commands[] = {
    {"GET certificate", report, get_certificate},
    {"GET history", pay_10, get_history},
    {"OFFER", take_10, offer},
    {"PAY", report, pay_10},
    {"EXAMINE", report, examine_10},
    {"EXAMINE of a known one", take_10, examine_10},
    {"EXAMINE again", take_10, examine_again},
    {"DECIDE ok", examine_10, decide_ok},
    {"DECIDE ng", examine_10, decide_ng},
    {"CONCLUDE receipt", pay_10, conclude_receipt},
    {"CONCLUDE decline", pay_10, conclude_decline},
    {"CONCLUDE what is covered", pay_10_and_lose, conclude_receipt},
    {"OPEN PAYMENT", pay_10, open_payment},
    {"SETTLE REQUEST", pay_10, report},
    {"TAKE settle-reply", pay_and_report, take_report},
    {"CASH REQUEST", deposit_and_back, ask_deposit},
    {"ANSWER", quoted, answer_ok},
    {"TAKE completion", answered, completed},
    {"VERIFY", report, verify},
    {"CHANGE PIN", report, change_pin},
    {"TAKE HOTLIST", report, take_list},
    {"TAKE another HOTLIST", take_list, take_list},
    {"GET hotlist", take_list, get_list},
    {"PAY with a hotlist", take_list, pay_10},
    {"EXAMINE with a hotlist", take_list, examine_10},
    {"DECIDE with a hotlist", examine_with_list, decide_ok},
    {"PAY over a full log", fill, pay_10},
    {"SETTLE REQUEST with a gap", overwrite, report},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static struct cast_before before;

static void prepare(size_t command)
{
    cast_suite(0);
    world_ready(&world);
    EXPECT(commands[command].before(), KC_OK);
    assert_int_equal(world.memory.write_count, 0);
    cast_remember(&before);
    world.memory.steps = 0;
    world.memory.reads = 0;
}

/* Nothing was said, nothing is said any more, and nothing is written. */
static void expect_silence(const char *name)
{
    world.memory.bad_read = WORLD_NEVER;
    world.memory.bad_step = WORLD_NEVER;
    size_t steps = world.memory.steps;
    if (!world.purse.locked || world_data(&world).size > 0) {
        fail_msg("%s went on", name);
    }
    EXPECT(world_select(&world), KC_PURSE_CORRUPT);
    EXPECT(verify(), KC_PURSE_CORRUPT);
    EXPECT(world_repeat(&world), KC_PURSE_CORRUPT);
    EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_GET_RESPONSE, 0, 0, nothing),
           KC_OUT_OF_ORDER);
    assert_int_equal(world.memory.steps, steps);
}

/* Powers up; the state is the one before, or a whole one after it. */
static void expect_whole(void)
{
    static uint8_t state[KC_IMAGE_SIZE_MAX];
    world_power(&world);
    assert_false(world.purse.locked);
    if (world.purse.image_sequence == before.image_sequence) {
        assert_int_equal(world_state_bytes(&world, state), before.state_size);
        assert_memory_equal(state, before.state, before.state_size);
    }
    EXPECT(world_select(&world), KC_OK);
}

static void a_failed_read_stops_the_purse_until_power_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        for (size_t number = 0;; number++) {
            prepare(i);
            world.memory.bad_read = number;
            enum kc_error error = commands[i].run();
            if (world.memory.reads <= number) {
                EXPECT(error, KC_OK);
                break;
            }
            assert_int_not_equal(error, KC_OK);
            expect_silence(commands[i].name);
            expect_whole();
            assert_int_equal(world.purse.image_sequence, before.image_sequence);
        }
    }
}

/* A write that fails may have got through all the same, and the next ones would work. */
static void a_failed_write_stops_the_purse_until_power_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        for (unsigned way = 0; way < 4; way++) {
            for (size_t number = 0;; number++) {
                prepare(i);
                world.memory.bad_step = number;
                world.memory.bad_gets_through = way % 2 == 1;
                enum kc_error error = commands[i].run();
                if (world.memory.steps <= number) {
                    EXPECT(error, KC_OK);
                    break;
                }
                assert_int_not_equal(error, KC_OK);
                expect_silence(commands[i].name);
                if (way < 2) {
                    world_memory_keep_all(&world.memory);
                } else {
                    world_memory_keep_none(&world.memory);
                }
                expect_whole();
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_read_stops_the_purse_until_power_up),
        cmocka_unit_test(a_failed_write_stops_the_purse_until_power_up),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
