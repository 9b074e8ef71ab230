/* Is every command in every life carried out as the headers promise, or refused by name with nothing changed? And what does
 * a purse make of commands that are cut, too long, in pieces, or not of its own? */
#include "cast.h"

static const struct kc_view nothing = {.data = NULL, .size = 0};

/* ---- every command in every life ---- */

struct command {
    const char *name;
    uint8_t cla;
    uint8_t ins;
    uint8_t p1;
    uint8_t p2;
    enum {
        NO_DATA,
        PIN_DATA,
        NEW_PIN,
        TIME_DATA,
        ORDER_DATA,
        TRANSFER_DATA,
        BLANK_TAKE,
        SETTINGS,
        KEY,
        REPORTED,
        IDENTIFY,
        OFFER,
        PAYMENT,
        RECEIPT,
        DECLINE,
        HOTLIST,
        ROLL,
        NOTICE,
        SALE
    } data;
    /* What it answers in blank, personalising, ready, requested, quoted, answered, blocked; the PIN was given where it can be. */
    enum kc_error wanted[7];
};

#define EARLY_ONLY                                                                                 \
    {                                                                                              \
        KC_OK, KC_OK, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_PENDING,               \
            KC_PURSE_BLOCKED                                                                       \
    }
#define WORKING_ONLY                                                                               \
    {                                                                                              \
        KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_OK, KC_OK, KC_OK, KC_PURSE_BLOCKED             \
    }
#define ALWAYS_OK                                                                                  \
    {                                                                                              \
        KC_OK, KC_OK, KC_OK, KC_OK, KC_OK, KC_OK, KC_OK                                            \
    }
#define ONCE_PUT                                                                                   \
    {                                                                                              \
        KC_NOT_FOUND, KC_OK, KC_OK, KC_OK, KC_OK, KC_OK, KC_OK                                     \
    }

static const struct command commands[] = {
    {"VERIFY", KC_CLA_STANDARD, KC_INS_VERIFY_PIN, 0, 1, PIN_DATA, WORKING_ONLY},
    {"CHANGE PIN", KC_CLA_STANDARD, KC_INS_CHANGE_PIN, 0, 1, NEW_PIN, WORKING_ONLY},
    {"GET info", KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFO, 0, NO_DATA, ALWAYS_OK},
    {"GET identity", KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_IDENTITY, 0, NO_DATA, ONCE_PUT},
    {"GET certified", KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_CERTIFIED, 0, NO_DATA, ONCE_PUT},
    {"GET certificate", KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_AUTHORITY_CERTIFICATE, 0, NO_DATA,
     ONCE_PUT},
    {"GET information",
     KC_CLA_STANDARD,
     KC_INS_GET_DATA,
     KC_TAG_INFORMATION,
     0,
     NO_DATA,
     {KC_PIN_REQUIRED, KC_PIN_REQUIRED, KC_OK, KC_OK, KC_OK, KC_OK, KC_OK}},
    {"GET history",
     KC_CLA_STANDARD,
     KC_INS_GET_DATA,
     KC_TAG_HISTORY,
     0,
     NO_DATA,
     {KC_PIN_REQUIRED, KC_PIN_REQUIRED, KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND, KC_OK,
      KC_NOT_FOUND}},
    {"PUT settings", KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_SETTINGS, 0, SETTINGS, EARLY_ONLY},
    {"PUT PIN", KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_PIN, 0, PIN_DATA, EARLY_ONLY},
    {"PUT certificate", KC_CLA_KINCHAKU, KC_INS_PUT_DATA, KC_TAG_SIGN_CERTIFICATE, 0, PIN_DATA,
     EARLY_ONLY},
    {"PUT KEY", KC_CLA_KINCHAKU, KC_INS_PUT_KEY, KC_KEY_USE_SIGN, 0, KEY, EARLY_ONLY},
    {"GENERATE", KC_CLA_KINCHAKU, KC_INS_GENERATE, KC_SUITE_ES256, 0, NO_DATA, EARLY_ONLY},
    {"PROVE",
     KC_CLA_KINCHAKU,
     KC_INS_PROVE,
     0,
     0,
     NO_DATA,
     {KC_OUT_OF_ORDER, KC_OK, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_PENDING,
      KC_PURSE_BLOCKED}},
    {"ACTIVATE",
     KC_CLA_KINCHAKU,
     KC_INS_ACTIVATE,
     0,
     0,
     NO_DATA,
     {KC_OUT_OF_ORDER, KC_OK, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_PENDING,
      KC_PURSE_BLOCKED}},
    {"CASH REQUEST",
     KC_CLA_KINCHAKU,
     KC_INS_CASH_REQUEST,
     0,
     0,
     ORDER_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_OK, KC_OK, KC_PENDING, KC_PURSE_BLOCKED}},
    {"TRANSFER REQUEST",
     KC_CLA_KINCHAKU,
     KC_INS_TRANSFER_REQUEST,
     0,
     0,
     TRANSFER_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_OK, KC_OK, KC_PENDING, KC_PURSE_BLOCKED}},
    {"FUND REQUEST",
     KC_CLA_KINCHAKU,
     KC_INS_FUND_REQUEST,
     0,
     0,
     ORDER_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_OK, KC_OK, KC_PENDING, KC_PURSE_BLOCKED}},
    {"ANSWER ok",
     KC_CLA_KINCHAKU,
     KC_INS_ANSWER,
     KC_ANSWER_OK,
     0,
     TIME_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_PENDING,
      KC_PURSE_BLOCKED}},
    {"ANSWER ng",
     KC_CLA_KINCHAKU,
     KC_INS_ANSWER,
     KC_ANSWER_NG,
     0,
     TIME_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_PENDING,
      KC_PURSE_BLOCKED}},
    {"STATE REQUEST", KC_CLA_KINCHAKU, KC_INS_STATE_REQUEST, 0, 0, TIME_DATA, WORKING_ONLY},
    {"REPEAT",
     KC_CLA_KINCHAKU,
     KC_INS_REPEAT,
     0,
     0,
     NO_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_NOT_FOUND, KC_OK, KC_NOT_FOUND, KC_OK,
      KC_PURSE_BLOCKED}},
    {"TAKE",
     KC_CLA_KINCHAKU,
     KC_INS_TAKE,
     0,
     0,
     BLANK_TAKE,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_MALFORMED, KC_MALFORMED, KC_MALFORMED, KC_MALFORMED,
      KC_PURSE_BLOCKED}},
    {"TAKE settle-reply", KC_CLA_KINCHAKU, KC_INS_TAKE, 0, 0, REPORTED, WORKING_ONLY},
    {"IDENTIFY", KC_CLA_KINCHAKU, KC_INS_IDENTIFY, 0, 0, NO_DATA, WORKING_ONLY},
    {"IDENTIFY in full", KC_CLA_KINCHAKU, KC_INS_IDENTIFY, 1, 0, NO_DATA, WORKING_ONLY},
    {"OFFER", KC_CLA_KINCHAKU, KC_INS_OFFER, 0, 0, IDENTIFY, WORKING_ONLY},
    {"PAY", KC_CLA_KINCHAKU, KC_INS_PAY, 0, 0, OFFER, WORKING_ONLY},
    {"EXAMINE", KC_CLA_KINCHAKU, KC_INS_EXAMINE, 0, 0, PAYMENT, WORKING_ONLY},
    {"DECIDE ok", KC_CLA_KINCHAKU, KC_INS_DECIDE, KC_ANSWER_OK, 0, TIME_DATA, WORKING_ONLY},
    {"DECIDE ng", KC_CLA_KINCHAKU, KC_INS_DECIDE, KC_ANSWER_NG, 0, TIME_DATA, WORKING_ONLY},
    {"CONCLUDE receipt", KC_CLA_KINCHAKU, KC_INS_CONCLUDE, 0, 0, RECEIPT, WORKING_ONLY},
    {"CONCLUDE decline", KC_CLA_KINCHAKU, KC_INS_CONCLUDE, 0, 0, DECLINE, WORKING_ONLY},
    {"OPEN PAYMENT", KC_CLA_KINCHAKU, KC_INS_OPEN_PAYMENT, 0, 0, NO_DATA, WORKING_ONLY},
    {"SETTLE REQUEST",
     KC_CLA_KINCHAKU,
     KC_INS_SETTLE_REQUEST,
     0,
     0,
     TIME_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_OK, KC_OK, KC_PENDING, KC_PURSE_BLOCKED}},
    {"TAKE ROLL", KC_CLA_KINCHAKU, KC_INS_TAKE_ROLL, 0, 0, ROLL, WORKING_ONLY},
    {"TAKE NOTICE", KC_CLA_KINCHAKU, KC_INS_TAKE_NOTICE, 0, 0, NOTICE, WORKING_ONLY},
    {"TAKE HOTLIST", KC_CLA_KINCHAKU, KC_INS_TAKE_HOTLIST, 0, 0, HOTLIST, WORKING_ONLY},
    {"TAKE CERTIFIED",
     KC_CLA_KINCHAKU,
     KC_INS_TAKE_CERTIFIED,
     0,
     0,
     HOTLIST,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_NOT_ALLOWED, KC_NOT_ALLOWED, KC_NOT_ALLOWED,
      KC_NOT_ALLOWED, KC_PURSE_BLOCKED}},
    {"SIGN SALE", KC_CLA_KINCHAKU, KC_INS_SIGN_SALE, 0, 0, SALE, WORKING_ONLY},
    {"RENEW REQUEST",
     KC_CLA_KINCHAKU,
     KC_INS_RENEW_REQUEST,
     0,
     0,
     TIME_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_PENDING, KC_PENDING, KC_PENDING,
      KC_PURSE_BLOCKED}},
    {"HANDOVER claim",
     KC_CLA_KINCHAKU,
     KC_INS_HANDOVER,
     1,
     0,
     TIME_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OK, KC_PENDING, KC_PENDING, KC_PENDING,
      KC_PURSE_BLOCKED}},
    {"HANDOVER key request",
     KC_CLA_KINCHAKU,
     KC_INS_HANDOVER,
     2,
     0,
     TIME_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER,
      KC_PENDING, KC_PURSE_BLOCKED}},
    {"HANDOVER key confirm",
     KC_CLA_KINCHAKU,
     KC_INS_HANDOVER,
     3,
     0,
     TIME_DATA,
     {KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER, KC_OUT_OF_ORDER,
      KC_PENDING, KC_PURSE_BLOCKED}},
    {"GET next keys",
     KC_CLA_STANDARD,
     KC_INS_GET_DATA,
     KC_TAG_NEXT_KEYS,
     0,
     NO_DATA,
     {KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND,
      KC_NOT_FOUND}},
    {"GET hotlist",
     KC_CLA_STANDARD,
     KC_INS_GET_DATA,
     KC_TAG_HOTLIST,
     0,
     NO_DATA,
     {KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND, KC_NOT_FOUND,
      KC_NOT_FOUND}},
};

static void examine_a_payment(void)
{
    uint64_t next = world.purse.state.counter + 1;
    EXPECT(world_examine(&world, world_partner_payment(&world, next, 10)), KC_OK);
}

/* What a command needs beside its life. An open payment is one that was reported, so that a request for cash may follow. */
static void prepare(const struct command *command)
{
    bool wants_open = command->ins == KC_INS_CONCLUDE || command->ins == KC_INS_OPEN_PAYMENT;
    if (wants_open) {
        EXPECT(world_pay(&world, 10), KC_OK);
    }
    if (wants_open || command->data == REPORTED) {
        EXPECT(world_settle_request(&world), KC_OK);
    }
    if (wants_open) {
        EXPECT(world_take_settle(&world, 1, WORLD_VALUE - 10, NULL), KC_OK);
    }
}

static void go_to(enum kc_life life, const struct command *command)
{
    if (life == KC_LIFE_BLANK) {
        world_start(&world);
        EXPECT(world_select(&world), KC_OK);
    } else if (life == KC_LIFE_PERSONALISING) {
        world_start(&world);
        world_personalise(&world, WORLD_STEP_COUNT, false);
    } else {
        world_ready(&world);
        prepare(command);
        world_go(&world, life, KC_CASH_KIND_DEPOSIT);
    }
    if (command->ins == KC_INS_DECIDE && life >= KC_LIFE_READY && life <= KC_LIFE_ANSWERED) {
        examine_a_payment();
    }
    assert_int_equal(world.purse.state.life, life);
}

/* A number or two before what the partner says. */
static struct kc_view after_numbers(uint8_t out[1024], size_t count, uint64_t first,
                                    struct kc_view said)
{
    const uint64_t numbers[] = {first, WORLD_TIME_MS + 1};
    assert_true(8 * count + said.size <= 1024);
    for (size_t i = 0; i < count; i++) {
        kc_be64_store(out + 8 * i, numbers[i]);
    }
    memcpy(out + 8 * count, said.data, said.size);
    return kc_view(out, 8 * count + said.size);
}

/* What another purse or the bank says to one that is there. */
static struct kc_view said_to_it(uint8_t out[1024], const struct command *command)
{
    static const uint64_t listed[] = {77};
    const struct kc_purse_state *now = &world.purse.state;
    if (now->life < KC_LIFE_READY || (command->ins == KC_INS_CONCLUDE && now->open.count == 0)) {
        return kc_view_text("x");
    }
    if (command->data == REPORTED) {
        return world_say_settle(&world, 0, WORLD_VALUE, NULL);
    }
    if (command->data == ROLL) {
        return world_roll(&world, 1);
    }
    if (command->data == NOTICE) {
        return world_honest_notice(&world, 1);
    }
    if (command->data == HOTLIST) {
        return world_hotlist(&world, 1, listed, 1);
    }
    if (command->data == SALE) {
        struct kc_buffer sale = {.data = out, .capacity = 1024};
        const struct kc_sale line = {
            .purse = world.purse.settings.purse, .number = 1, .kind = KC_SALE_KIND_SALE};
        assert_false(kc_failed(kc_shape_encode(&sale, &kc_sale_shape, &line)));
        return kc_buffer_view(&sale);
    }
    if (command->data == IDENTIFY) {
        return after_numbers(out, 1, 0, world_partner_identify(&world));
    }
    if (command->data == OFFER) {
        return after_numbers(out, 2, 10, world_partner_offer(&world));
    }
    if (command->data == PAYMENT) {
        return after_numbers(out, 1, WORLD_TIME_MS + 1,
                             world_partner_payment(&world, now->counter + 1, 10));
    }
    return world_partner_answer(&world, 1, command->data == RECEIPT);
}

static struct kc_view data_of(uint8_t out[1024], const struct command *command)
{
    struct kc_buffer buffer = {.data = out, .capacity = 1024};
    struct kc_purse_settings settings = world_settings(&world);
    switch (command->data) {
    case NO_DATA:
        return nothing;
    case PIN_DATA:
        return kc_view_text(WORLD_PIN);
    case NEW_PIN:
        return kc_view_text("98765432");
    case BLANK_TAKE:
        return kc_view_text("no envelope");
    case TIME_DATA:
        kc_be64_store(out, WORLD_TIME_MS + 1);
        return kc_view(out, 8);
    case ORDER_DATA:
        out[0] = 1;
        kc_be64_store(out + 1, 10);
        kc_be64_store(out + 9, WORLD_TIME_MS + 1);
        return kc_view(out, 17);
    case TRANSFER_DATA:
        out[0] = KC_TRANSFER_SOURCE_PURSE;
        kc_be64_store(out + 1, 10);
        kc_be64_store(out + 9, WORLD_TIME_MS + 1);
        kc_be64_store(out + 17, kc_account_nth(424242).number);
        return kc_view(out, 25);
    case SETTINGS:
        assert_false(kc_failed(kc_shape_encode(&buffer, &kc_purse_settings_shape, &settings)));
        return kc_buffer_view(&buffer);
    case KEY:
        return world_key_record(out, &world.own_sign.private_key);
    case REPORTED:
    case IDENTIFY:
    case OFFER:
    case PAYMENT:
    case RECEIPT:
    case DECLINE:
    case HOTLIST:
    case ROLL:
    case NOTICE:
    case SALE:
        return said_to_it(out, command);
    }
    return nothing;
}

static enum kc_error send(const struct command *command)
{
    uint8_t data[1024];
    return world_send(&world, command->cla, command->ins, command->p1, command->p2,
                      data_of(data, command));
}

/* VERIFY in the wrong PIN's place counts a try; every other refusal changes nothing. */
static void every_command_in_every_life(void **state)
{
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        for (unsigned life = KC_LIFE_BLANK; life <= KC_LIFE_BLOCKED; life++) {
            enum kc_error wanted = commands[i].wanted[life - KC_LIFE_BLANK];
            go_to((enum kc_life)life, &commands[i]);
            if (wanted == KC_OK) {
                EXPECT(send(&commands[i]), KC_OK);
            } else {
                EXPECT_REFUSED(send(&commands[i]), wanted);
            }
            assert_false(world.purse.locked);
        }
    }
}

/* The life that follows a command that was carried out; not named here: it stays. */
static void every_command_leads_to_its_life(void **state)
{
    static const struct {
        const char *name;
        enum kc_life from;
        enum kc_life to;
    } edges[] = {
        {"PUT KEY", KC_LIFE_BLANK, KC_LIFE_PERSONALISING},
        {"GENERATE", KC_LIFE_BLANK, KC_LIFE_PERSONALISING},
        {"ACTIVATE", KC_LIFE_PERSONALISING, KC_LIFE_READY},
        {"CASH REQUEST", KC_LIFE_READY, KC_LIFE_REQUESTED},
        {"CASH REQUEST", KC_LIFE_QUOTED, KC_LIFE_REQUESTED},
        {"TRANSFER REQUEST", KC_LIFE_READY, KC_LIFE_REQUESTED},
        {"TRANSFER REQUEST", KC_LIFE_QUOTED, KC_LIFE_REQUESTED},
        {"FUND REQUEST", KC_LIFE_READY, KC_LIFE_REQUESTED},
        {"FUND REQUEST", KC_LIFE_QUOTED, KC_LIFE_REQUESTED},
        {"TRANSFER REQUEST", KC_LIFE_READY, KC_LIFE_REQUESTED},
        {"TRANSFER REQUEST", KC_LIFE_QUOTED, KC_LIFE_REQUESTED},
        {"ANSWER ok", KC_LIFE_QUOTED, KC_LIFE_ANSWERED},
        {"ANSWER ng", KC_LIFE_QUOTED, KC_LIFE_READY},
        {"PAY", KC_LIFE_REQUESTED, KC_LIFE_READY},
        {"PAY", KC_LIFE_QUOTED, KC_LIFE_READY},
        {"DECIDE ok", KC_LIFE_REQUESTED, KC_LIFE_READY},
        {"DECIDE ok", KC_LIFE_QUOTED, KC_LIFE_READY},
        {"DECIDE ng", KC_LIFE_REQUESTED, KC_LIFE_READY},
        {"DECIDE ng", KC_LIFE_QUOTED, KC_LIFE_READY},
        {"CONCLUDE decline", KC_LIFE_REQUESTED, KC_LIFE_READY},
        {"CONCLUDE decline", KC_LIFE_QUOTED, KC_LIFE_READY},
    };
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        for (unsigned life = KC_LIFE_BLANK; life <= KC_LIFE_BLOCKED; life++) {
            enum kc_life to = (enum kc_life)life;
            for (size_t j = 0; j < sizeof edges / sizeof edges[0]; j++) {
                bool here = strcmp(edges[j].name, commands[i].name) == 0;
                to = here && edges[j].from == life ? edges[j].to : to;
            }
            if (commands[i].wanted[life - KC_LIFE_BLANK] == KC_OK) {
                go_to((enum kc_life)life, &commands[i]);
                EXPECT(send(&commands[i]), KC_OK);
                assert_int_equal(world.purse.state.life, to);
                world_power(&world);
                assert_false(world.purse.locked);
                assert_int_equal(world.purse.state.life, to);
            }
        }
    }
}

/* shows: R-SEC-2 */
static void without_the_pin_nothing_is_sent_told_or_changed(void **state)
{
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *command = &commands[i];
        bool free_of_pin = command->ins == KC_INS_VERIFY_PIN || command->ins == KC_INS_TAKE ||
                           command->ins == KC_INS_IDENTIFY || command->ins == KC_INS_TAKE_HOTLIST ||
                           command->ins == KC_INS_TAKE_ROLL || command->ins == KC_INS_TAKE_NOTICE ||
                           (command->ins == KC_INS_GET_DATA && command->p1 != KC_TAG_INFORMATION &&
                            command->p1 != KC_TAG_HISTORY);
        for (unsigned life = KC_LIFE_READY; life <= KC_LIFE_ANSWERED; life++) {
            bool allowed = command->wanted[life - KC_LIFE_BLANK] == KC_OK ||
                           command->wanted[life - KC_LIFE_BLANK] == KC_NOT_FOUND;
            if (free_of_pin || !allowed) {
                continue;
            }
            go_to((enum kc_life)life, command);
            EXPECT(world_select(&world), KC_OK);
            EXPECT_REFUSED(send(command), KC_PIN_REQUIRED);
            world_power(&world);
            EXPECT_REFUSED(send(command), KC_OUT_OF_ORDER);
        }
    }
}

/* ---- wrong heads ---- */

static void other_classes_and_instructions_are_unknown(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    for (unsigned ins = 0; ins < 256; ins++) {
        for (unsigned cla = 0; cla < 256; cla++) {
            bool chained = (cla & KC_CLA_MORE) != 0;
            bool known = false;
            for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
                known = known || (commands[i].ins == ins && commands[i].cla == cla);
            }
            known = known || (cla == KC_CLA_STANDARD &&
                              (ins == KC_INS_SELECT || ins == KC_INS_GET_RESPONSE));
            if (!known && !chained) {
                enum kc_error error = world_send(&world, (uint8_t)cla, (uint8_t)ins, 0, 0, nothing);
                EXPECT(error, KC_INSTRUCTION);
            }
        }
    }
    assert_int_equal(world.purse.state.life, KC_LIFE_READY);
}

/* What a command has no use for must not be there, so that a later version can give it a meaning. */
static void parameters_without_a_meaning_are_refused(void **state)
{
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct command command = commands[i];
        bool has_p1 =
            command.p1 != 0 || command.ins == KC_INS_IDENTIFY || command.ins == KC_INS_OPEN_PAYMENT;
        bool history = command.p1 == KC_TAG_HISTORY;
        unsigned life = KC_LIFE_BLANK;
        while (command.wanted[life - KC_LIFE_BLANK] != KC_OK && life < KC_LIFE_ANSWERED) {
            life++;
        }
        if (life == KC_LIFE_ANSWERED) {
            continue; /* TAKE of what is no envelope, GET of what is not there */
        }
        go_to((enum kc_life)life, &command);
        command.p2 = 2;
        if (!history) {
            EXPECT_REFUSED(send(&command), KC_MALFORMED);
        }
        command.p2 = commands[i].p2;
        command.p1 = has_p1 ? 0xff : 1;
        bool names_one = command.ins == KC_INS_GET_DATA || command.ins == KC_INS_PUT_DATA ||
                         command.ins == KC_INS_OPEN_PAYMENT;
        EXPECT_REFUSED(send(&command), names_one ? KC_NOT_FOUND : KC_MALFORMED);
        command.p1 = commands[i].p1;
        if (command.data == NO_DATA) {
            EXPECT_REFUSED(world_send(&world, command.cla, command.ins, command.p1, command.p2,
                                      kc_view_text("x")),
                           KC_MALFORMED);
        }
    }
}

static void data_of_a_wrong_size_is_refused(void **state)
{
    static const struct {
        uint8_t ins;
        uint8_t p1;
        size_t right;
        enum kc_life life;
    } fixed[] = {{KC_INS_CASH_REQUEST, 0, 17, KC_LIFE_READY},
                 {KC_INS_TRANSFER_REQUEST, 0, 25, KC_LIFE_READY},
                 {KC_INS_FUND_REQUEST, 0, 17, KC_LIFE_READY},
                 {KC_INS_ANSWER, KC_ANSWER_OK, 8, KC_LIFE_QUOTED},
                 {KC_INS_ANSWER, KC_ANSWER_NG, 8, KC_LIFE_QUOTED},
                 {KC_INS_STATE_REQUEST, 0, 8, KC_LIFE_READY},
                 {KC_INS_DECIDE, KC_ANSWER_OK, 8, KC_LIFE_READY},
                 {KC_INS_DECIDE, KC_ANSWER_NG, 8, KC_LIFE_READY},
                 {KC_INS_SETTLE_REQUEST, 0, 8, KC_LIFE_READY}};
    uint8_t data[20];
    (void)state;
    cast_suite(0);
    memset(data, 1, sizeof data);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        const struct command command = {.ins = fixed[i].ins};
        go_to(fixed[i].life, &command);
        for (size_t size = 0; size < sizeof data; size++) {
            if (size != fixed[i].right) {
                EXPECT_REFUSED(world_send(&world, KC_CLA_KINCHAKU, fixed[i].ins, fixed[i].p1, 0,
                                          kc_view(data, size)),
                               KC_MALFORMED);
            }
        }
    }
}

/* Cut anywhere, or with a byte too many, what a purse says to another is nothing. */
static void partners_messages_that_end_elsewhere_are_refused(void **state)
{
    uint8_t bytes[1025];
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const struct command *command = &commands[i];
        if (command->data < IDENTIFY || command->ins == KC_INS_TAKE_CERTIFIED) {
            continue;
        }
        go_to(KC_LIFE_READY, command);
        struct kc_view right = data_of(bytes, command);
        memmove(bytes, right.data, right.size);
        bytes[right.size] = 0;
        for (size_t size = 0; size < right.size; size++) {
            EXPECT_REFUSED(
                world_send(&world, command->cla, command->ins, 0, 0, kc_view(bytes, size)),
                KC_MALFORMED);
        }
        EXPECT_REFUSED(
            world_send(&world, command->cla, command->ins, 0, 0, kc_view(bytes, right.size + 1)),
            KC_TRAILING);
        EXPECT(world_send(&world, command->cla, command->ins, 0, 0, kc_view(bytes, right.size)),
               KC_OK);
    }
}

/* ---- lengths ---- */

/* A command of `size` bytes: head, then `tail`. */
static enum kc_error raw(const uint8_t *bytes, size_t size)
{
    return world_send_raw(&world, kc_view(bytes, size));
}

static void lengths_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t size;
    } wrong[] = {
        {{0}, 0},
        {{0x00}, 1},
        {{0x00, 0xca}, 2},
        {{0x00, 0xca, 12}, 3},
        {{0x00, 0x20, 0, 1, 4, '1', '2', '3'}, 8},               /* one short */
        {{0x00, 0x20, 0, 1, 4, '1', '2', '3', '4', 0, 0}, 11},   /* more than Le */
        {{0x00, 0x20, 0, 1, 0, 4}, 6},                           /* half an extended length */
        {{0x00, 0x20, 0, 1, 0, 0, 4, '1', '2', '3'}, 10},        /* one short, extended */
        {{0x00, 0x20, 0, 1, 0, 0, 4, '1', '2', '3', '4', 0}, 12} /* half an extended Le */
    };
    (void)state;
    cast_suite(0);
    world_ready(&world);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        EXPECT_REFUSED(raw(wrong[i].bytes, wrong[i].size), KC_TOO_LARGE);
    }
}

static void both_forms_of_length_are_understood(void **state)
{
    static const struct {
        uint8_t bytes[16];
        size_t size;
    } right[] = {{{0x00, 0x20, 0, 1, 4, '1', '2', '3', '4'}, 9},
                 {{0x00, 0x20, 0, 1, 4, '1', '2', '3', '4', 0}, 10},
                 {{0x00, 0x20, 0, 1, 0, 0, 4, '1', '2', '3', '4'}, 11},
                 {{0x00, 0x20, 0, 1, 0, 0, 4, '1', '2', '3', '4', 0, 0}, 13},
                 {{0x00, 0xca, 12, 0}, 4},
                 {{0x00, 0xca, 12, 0, 0}, 5},
                 {{0x00, 0xca, 12, 0, 0, 0, 0}, 7}};
    (void)state;
    cast_suite(0);
    world_ready(&world);
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        EXPECT(raw(right[i].bytes, right[i].size), KC_OK);
    }
}

static void a_command_over_the_limit_is_refused(void **state)
{
    static uint8_t bytes[7 + 65535];
    static const size_t sizes[] = {KC_MESSAGE_SIZE_MAX + 1, KC_MESSAGE_SIZE_MAX + 256, 65535};
    (void)state;
    cast_suite(0);
    world_ready(&world);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint8_t head[] = {
            0x80, KC_INS_TAKE, 0, 0, 0, (uint8_t)(sizes[i] >> 8), (uint8_t)sizes[i]};
        memcpy(bytes, head, sizeof head);
        EXPECT_REFUSED(raw(bytes, sizeof head + sizes[i]), KC_TOO_LARGE);
    }
}

/* ---- pieces ---- */

/* Sends data in short commands of at most `piece` bytes. */
static enum kc_error in_pieces(uint8_t cla, uint8_t ins, uint8_t p1, struct kc_view data,
                               size_t piece)
{
    enum kc_error error = KC_OK;
    for (size_t at = 0; at < data.size && error == KC_OK; at += piece) {
        uint8_t bytes[5 + 255];
        size_t size = data.size - at < piece ? data.size - at : piece;
        bool last = at + size == data.size;
        const uint8_t head[5] = {(uint8_t)(cla | (last ? 0 : KC_CLA_MORE)), ins, p1, 0,
                                 (uint8_t)size};
        memcpy(bytes, head, sizeof head);
        memcpy(bytes + 5, data.data + at, size);
        error = raw(bytes, 5 + size);
    }
    return error;
}

static void a_message_in_pieces_is_the_message(void **state)
{
    static uint8_t copy[KC_MESSAGE_SIZE_MAX];
    static const size_t pieces[] = {1, 100, 254, 255};
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        world_ready(&world);
        world_go(&world, KC_LIFE_REQUESTED, KC_CASH_KIND_WITHDRAW);
        struct world_saying saying = world_saying(&world);
        struct kc_cash_quote quote = world_quote(&world);
        struct kc_view said = world_say(&world, &saying, &kc_cash_quote_shape, &quote);
        memcpy(copy, said.data, said.size);
        EXPECT(in_pieces(KC_CLA_KINCHAKU, KC_INS_TAKE, 0, kc_view(copy, said.size), pieces[i]),
               KC_OK);
        assert_int_equal(world.purse.state.life, KC_LIFE_QUOTED);
    }
}

static void the_response_comes_in_pieces_to_a_short_command(void **state)
{
    static uint8_t whole[KC_MESSAGE_SIZE_MAX];
    static const uint8_t repeat[] = {0x80, KC_INS_REPEAT, 0, 0, 0};
    static const uint8_t more[] = {0x00, KC_INS_GET_RESPONSE, 0, 0, 0};
    (void)state;
    cast_suite(0);
    world_ready(&world);
    world_go(&world, KC_LIFE_REQUESTED, KC_CASH_KIND_WITHDRAW);
    size_t size = world_data(&world).size;
    memcpy(whole, world_data(&world).data, size);
    (void)raw(repeat, sizeof repeat);
    size_t at = 0;
    while (world_status(&world) >> 8 == 0x61) {
        struct kc_view piece = world_data(&world);
        assert_int_equal(piece.size, 255);
        assert_memory_equal(whole + at, piece.data, piece.size);
        at += piece.size;
        size_t left = size - at;
        assert_int_equal(world_status(&world) & 0xff, left > 255 ? 0 : left);
        (void)raw(more, sizeof more);
    }
    assert_int_equal(world_status(&world), 0x9000);
    assert_int_equal(at + world_data(&world).size, size);
    assert_memory_equal(whole + at, world_data(&world).data, size - at);
    EXPECT_REFUSED(raw(more, sizeof more), KC_OUT_OF_ORDER);
}

/* A response that waits is gone with the next command, whatever that is. */
static void no_response_outlives_the_next_command(void **state)
{
    static const uint8_t repeat[] = {0x80, KC_INS_REPEAT, 0, 0, 0};
    static const uint8_t more[] = {0x00, KC_INS_GET_RESPONSE, 0, 0, 0};
    (void)state;
    cast_suite(0);
    for (unsigned way = 0; way < 4; way++) {
        world_ready(&world);
        world_go(&world, KC_LIFE_REQUESTED, KC_CASH_KIND_WITHDRAW);
        (void)raw(repeat, sizeof repeat);
        assert_int_equal(world_status(&world) >> 8, 0x61);
        switch (way) {
        case 0:
            EXPECT(world_select(&world), KC_OK);
            break;
        case 1:
            EXPECT(world_pin(&world, WORLD_WRONG_PIN), KC_PIN_WRONG);
            break;
        case 2:
            EXPECT(raw(more, 2), KC_TOO_LARGE);
            break;
        default:
            EXPECT(raw((const uint8_t[]){0x10, 0x20, 0, 1, 1, '1'}, 6), KC_OK);
            break;
        }
        EXPECT(raw(more, sizeof more), KC_OUT_OF_ORDER);
    }
}

/* Pieces of two different commands never become one. */
static void a_chain_is_of_one_command(void **state)
{
    static const uint8_t first[] = {0x10, 0x20, 0, 1, 2, '1', '2'};
    static const struct {
        uint8_t bytes[8];
        size_t size;
    } others[] = {{{0x00, 0x24, 0, 1, 2, '3', '4'}, 7}, {{0x80, 0x20, 0, 1, 2, '3', '4'}, 7},
                  {{0x00, 0x20, 1, 1, 2, '3', '4'}, 7}, {{0x00, 0x20, 0, 0, 2, '3', '4'}, 7},
                  {{0x10, 0x20, 1, 1, 2, '3', '4'}, 7}, {{0x00, 0xca, 12, 0}, 4}};
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        world_ready(&world);
        EXPECT(raw(first, sizeof first), KC_OK);
        EXPECT_REFUSED(raw(others[i].bytes, others[i].size), KC_OUT_OF_ORDER);
        /* What was collected is dropped: the rest alone is no PIN. */
        EXPECT(raw((const uint8_t[]){0x00, 0x20, 0, 1, 2, '3', '4'}, 7), KC_MALFORMED);
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    }
}

static void selecting_begins_anew_in_the_middle_of_a_chain(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    EXPECT(raw((const uint8_t[]){0x10, 0x20, 0, 1, 2, '1', '2'}, 7), KC_OK);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
}

static void a_broken_chain_keeps_no_secret(void **state)
{
    static const uint8_t first[] = {0x10, 0x20, 0, 1, 6, '1', '2', '3', '4', '5', '6'};
    static const uint8_t broken[] = {0x00, 0x20, 0, 1, 9, '7'};
    static const uint8_t other[] = {0x00, 0xca, 12, 0};
    (void)state;
    cast_suite(0);
    for (unsigned way = 0; way < 3; way++) {
        world_ready(&world);
        EXPECT(raw(first, sizeof first), KC_OK);
        if (way == 0) {
            EXPECT(raw(broken, sizeof broken), KC_TOO_LARGE);
        } else if (way == 1) {
            EXPECT(raw(other, sizeof other), KC_OUT_OF_ORDER);
        } else {
            static uint8_t large[7 + KC_MESSAGE_SIZE_MAX];
            const uint8_t head[] = {0x00, 0x20, 0, 1, 0, KC_MESSAGE_SIZE_MAX >> 8, 0};
            memcpy(large, head, sizeof head);
            EXPECT(raw(large, sizeof large), KC_TOO_LARGE);
        }
        for (size_t i = 0; i < sizeof world.purse.input; i++) {
            assert_int_equal(world.purse.input[i], 0);
        }
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    }
}

static void a_chain_over_the_limit_is_dropped(void **state)
{
    static uint8_t piece[5 + 255];
    enum kc_error error = KC_OK;
    (void)state;
    cast_suite(0);
    world_ready(&world);
    memcpy(piece, (const uint8_t[]){0x90, KC_INS_TAKE, 0, 0, 255}, 5);
    size_t sent = 0;
    while (error == KC_OK && sent <= KC_MESSAGE_SIZE_MAX) {
        error = raw(piece, sizeof piece);
        sent += 255;
    }
    EXPECT(error, KC_TOO_LARGE);
    assert_true(sent > KC_MESSAGE_SIZE_MAX && sent <= KC_MESSAGE_SIZE_MAX + 255);
    assert_int_equal(world.purse.input_size, 0);
}

/* ---- selecting ---- */

static void nothing_works_before_the_purse_is_selected(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    world_power(&world);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        EXPECT_REFUSED(send(&commands[i]), KC_OUT_OF_ORDER);
    }
    EXPECT_REFUSED(
        world_send(&world, KC_CLA_STANDARD, KC_INS_SELECT, 4, 0, kc_view_text("\xf0KCPURSE\x02")),
        KC_NOT_FOUND);
    EXPECT_REFUSED(send(&commands[2]), KC_OUT_OF_ORDER);
    EXPECT_REFUSED(world_send(&world, KC_CLA_STANDARD, KC_INS_SELECT, 0, 0, nothing), KC_NOT_FOUND);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(send(&commands[2]), KC_OK);
}

static void closing_leaves_nothing_in_memory(void **state)
{
    const uint8_t *bytes = (const uint8_t *)&world.purse;
    (void)state;
    cast_suite(0);
    world_ready(&world);
    kc_purse_close(&world.purse);
    for (size_t i = 0; i < sizeof world.purse; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_in_every_life),
        cmocka_unit_test(every_command_leads_to_its_life),
        cmocka_unit_test(without_the_pin_nothing_is_sent_told_or_changed),
        cmocka_unit_test(other_classes_and_instructions_are_unknown),
        cmocka_unit_test(parameters_without_a_meaning_are_refused),
        cmocka_unit_test(data_of_a_wrong_size_is_refused),
        cmocka_unit_test(partners_messages_that_end_elsewhere_are_refused),
        cmocka_unit_test(lengths_that_do_not_fit_are_refused),
        cmocka_unit_test(both_forms_of_length_are_understood),
        cmocka_unit_test(a_command_over_the_limit_is_refused),
        cmocka_unit_test(a_message_in_pieces_is_the_message),
        cmocka_unit_test(the_response_comes_in_pieces_to_a_short_command),
        cmocka_unit_test(no_response_outlives_the_next_command),
        cmocka_unit_test(a_chain_is_of_one_command),
        cmocka_unit_test(selecting_begins_anew_in_the_middle_of_a_chain),
        cmocka_unit_test(a_broken_chain_keeps_no_secret),
        cmocka_unit_test(a_chain_over_the_limit_is_dropped),
        cmocka_unit_test(nothing_works_before_the_purse_is_selected),
        cmocka_unit_test(closing_leaves_nothing_in_memory),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
