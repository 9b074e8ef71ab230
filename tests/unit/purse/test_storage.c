/* Does a damaged or unreadable memory stop a purse, and never take it back to an older state? */
#include "cast.h"
#include "purse/inside.h"

static const struct kc_view nothing = {.data = NULL, .size = 0};

static bool answers_corrupt(void)
{
    return world_select(&world) == KC_PURSE_CORRUPT &&
           world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_INFO, 0, nothing) ==
               KC_PURSE_CORRUPT &&
           world_pin(&world, WORLD_PIN) == KC_PURSE_CORRUPT && world_data(&world).size == 0;
}

/* Powers up with one byte changed; the purse is as it was, or locked. True when it was locked. */
static bool locked_by(size_t at, uint8_t change, const struct cast_before *before)
{
    static uint8_t state[KC_IMAGE_SIZE_MAX];
    static uint8_t untouched[KC_NVM_SIZE];
    memcpy(untouched, world.memory.now, sizeof untouched);
    world.memory.now[at] ^= change;
    world_power(&world);
    bool locked = world.purse.locked;
    if (locked) {
        assert_true(answers_corrupt());
    } else {
        assert_int_equal(world_state_bytes(&world, state), before->state_size);
        assert_memory_equal(state, before->state, before->state_size);
    }
    memcpy(world.memory.now, untouched, sizeof untouched);
    memcpy(world.memory.durable, untouched, sizeof untouched);
    return locked;
}

/* Changes bytes of a room one by one; every one of the first `live` must lock the purse. */
static void damage_room(size_t at, size_t size, size_t live, size_t stride)
{
    static struct cast_before before;
    world_memory_keep_none(&world.memory);
    world_power(&world);
    cast_remember(&before);
    for (size_t i = 0; i < size; i += stride) {
        bool locked = locked_by(at + i, (uint8_t)(1u << i % 8), &before);
        assert_true(i >= live || locked);
        world_memory_keep_none(&world.memory);
    }
}

static size_t live_size(void)
{
    static uint8_t state[KC_IMAGE_SIZE_MAX];
    return world_state_bytes(&world, state) + 48;
}

static void damage_of_the_newest_image_never_brings_an_older_one_back(void **state)
{
    (void)state;
    cast_suite(0);
    for (unsigned more = 0; more < 2; more++) {
        world_ready(&world);
        EXPECT(more == 0 ? KC_OK : world_state_request(&world), KC_OK);
        size_t room = world.purse.live;
        size_t size = live_size();
        damage_room(KC_NVM_IMAGES_AT + room * KC_NVM_IMAGE_ROOM, size, size, 7);
        damage_room(KC_NVM_IMAGES_AT + (room ^ 1) * KC_NVM_IMAGE_ROOM, size, 0, 11);
    }
}

/* The older mark may be damaged; the newest then is written again, or the purse stops. */
static void damage_of_a_mark_never_brings_an_older_image_back(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    damage_room(KC_NVM_MARKS_AT, 2 * (size_t)KC_NVM_MARK_SIZE, 0, 1);
    memset(world.memory.now, 0, 2 * (size_t)KC_NVM_MARK_SIZE);
    world_power(&world);
    assert_true(answers_corrupt());
}

/* shows: R-DATA-4 */
static void damage_of_a_key_or_certificate_stops_a_ready_purse(void **state)
{
    static const size_t offsets[] = {3, 4, 10, 20};
    (void)state;
    cast_suite(0);
    world_ready(&world);
    for (size_t item = 0; item < KC_STATIC_COUNT; item++) {
        for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
            damage_room(KC_NVM_STATIC_AT + item * KC_STATIC_ROOM + offsets[i], 1, 1, 1);
        }
        /* Nothing of it is read beyond its end. */
        damage_room(KC_NVM_STATIC_AT + item * KC_STATIC_ROOM + KC_STATIC_ROOM - 1, 1, 0, 1);
    }
}

/* Both whole, but another purse's: the digest over all of them shows it. */
static void a_key_that_was_exchanged_stops_a_ready_purse(void **state)
{
    static uint8_t item[KC_STATIC_ROOM];
    static const struct {
        unsigned a;
        unsigned b;
    } pairs[] = {{KC_STATIC_SIGN_KEY, KC_STATIC_ENCRYPT_KEY},
                 {KC_STATIC_BANK_VERIFY, KC_STATIC_BANK_ENCRYPT},
                 {KC_STATIC_SIGN_CERTIFICATE, KC_STATIC_AUTHORITY_CERTIFICATE}};
    (void)state;
    cast_suite(0);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        world_ready(&world);
        uint8_t *a = world.memory.now + KC_NVM_STATIC_AT + pairs[i].a * KC_STATIC_ROOM;
        uint8_t *b = world.memory.now + KC_NVM_STATIC_AT + pairs[i].b * KC_STATIC_ROOM;
        memcpy(item, a, sizeof item);
        memcpy(a, b, sizeof item);
        memcpy(b, item, sizeof item);
        world_power(&world);
        assert_true(answers_corrupt());
    }
}

/* ---- the log and the partners ---- */

static size_t slot_at(uint64_t counter)
{
    return KC_NVM_LOG_AT + (size_t)counter * KC_LOG_ROOM;
}

/* Where part B of a slot begins: after the most that part A can be. */
#define ANSWER_AT (16 + KC_ENTRY_SIZE_MAX + KC_ORDER_SIZE_MAX + 8)

/* Bytes of part A with its check. */
static size_t entry_size(uint64_t counter)
{
    struct kc_log_slot slot;
    assert_false(kc_failed(kc_purse_log_get(&slot, &world.purse, counter)));
    return 16 + slot.entry.size + slot.order.size + 8;
}

static void damage_of_an_entry_that_is_not_covered_stops_the_purse(void **state)
{
    (void)state;
    cast_suite(0);
    for (unsigned side = 0; side < 2; side++) {
        world_ready(&world);
        if (side == 0) {
            EXPECT(world_pay(&world, 10), KC_OK);
        } else {
            EXPECT(world_examine(&world, world_partner_payment(&world, 1, 10)), KC_OK);
            EXPECT(world_decide(&world, KC_ANSWER_OK), KC_OK);
        }
        size_t size = entry_size(1);
        damage_room(slot_at(1), size, size, 1);
        /* Neither what part A leaves free nor the answer holds value. */
        damage_room(slot_at(1) + size, KC_LOG_ROOM - size, 0, 7);
    }
}

static void pay_and_be_declined(uint64_t amount)
{
    world_ready(&world);
    EXPECT(world_pay(&world, amount), KC_OK);
    EXPECT(world_conclude(&world, world_partner_answer(&world, 1, false)), KC_OK);
    world_power(&world);
    assert_false(world.purse.locked);
}

/* Entries that are whole but not those of the state: another payment in the place of this one, and one in two places. */
static void an_entry_that_was_exchanged_stops_the_purse(void **state)
{
    static uint8_t other[KC_LOG_ROOM];
    (void)state;
    cast_suite(0);
    pay_and_be_declined(10);
    memcpy(other, world.memory.now + slot_at(1), sizeof other);
    pay_and_be_declined(20);
    memcpy(world.memory.now + slot_at(1), other, sizeof other);
    world_power(&world);
    assert_true(answers_corrupt());
    pay_and_be_declined(20);
    memcpy(world.memory.now + slot_at(2), world.memory.now + slot_at(1), KC_LOG_ROOM);
    world_power(&world);
    assert_true(answers_corrupt());
}

/* What the purse answered is lost with its answer; the value is not, and it is the bank's to say. */
static void damage_of_an_answer_is_for_the_bank(void **state)
{
    static uint8_t untouched[KC_NVM_SIZE];
    struct kc_log_slot slot;
    (void)state;
    cast_suite(0);
    world_ready(&world);
    struct kc_view payment = world_partner_payment(&world, 1, 10);
    EXPECT(world_examine(&world, payment), KC_OK);
    EXPECT(world_decide(&world, KC_ANSWER_OK), KC_OK);
    assert_false(kc_failed(kc_purse_log_get(&slot, &world.purse, 1)));
    size_t size = 12 + slot.answer.size + 8;
    memcpy(untouched, world.memory.now, sizeof untouched);
    for (size_t i = 0; i < size; i++) {
        memcpy(world.memory.now, untouched, sizeof untouched);
        world.memory.now[slot_at(1) + ANSWER_AT + i] ^= (uint8_t)(1u << i % 8);
        world_power(&world);
        EXPECT(world_select(&world), KC_OK);
        EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
        EXPECT(world_examine(&world, payment), KC_OK);
        EXPECT(world_decide(&world, KC_ANSWER_OK), KC_ASK_BANK);
        assert_int_equal(world_value(&world), WORLD_VALUE + 10);
    }
    EXPECT(world_settle_request(&world), KC_OK);
}

/* A partner that is not whole is not known; nobody stands in its place. */
static void damage_of_a_partner_makes_it_unknown(void **state)
{
    static uint8_t untouched[KC_NVM_SIZE];
    struct kc_payee_identity said;
    (void)state;
    cast_suite(0);
    world_ready(&world);
    EXPECT(world_examine(&world, world_partner_payment(&world, 1, 10)), KC_OK);
    size_t size = 52 + kc_be32_load(world.memory.now + KC_NVM_PARTNERS_AT + 32) + 8;
    assert_true(size > 60 + 64 && size < KC_PARTNER_ROOM);
    memcpy(untouched, world.memory.now, sizeof untouched);
    for (size_t i = 0; i <= size; i++) {
        memcpy(world.memory.now, untouched, sizeof untouched);
        world.memory.now[KC_NVM_PARTNERS_AT + i] ^= (uint8_t)(1u << i % 8);
        EXPECT(world_offer(&world, 0), KC_OK);
        assert_false(
            kc_failed(kc_shape_decode(&said, &kc_payee_identity_shape, world_data(&world))));
        assert_true(said.knows == (i == size) && said.has_identity == !said.knows);
    }
}

static void damage_of_the_history_loses_a_line_and_nothing_else(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    EXPECT(world_take_completion(&world, KC_OUTCOME_COMPLETED, 1, WORLD_VALUE - 100), KC_OK);
    world.memory.now[KC_NVM_LOG_AT + KC_LOG_ROOM + 20] ^= 1;
    world_power(&world);
    EXPECT(world_select(&world), KC_OK);
    EXPECT(world_pin(&world, WORLD_PIN), KC_OK);
    EXPECT(world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HISTORY, 0, nothing),
           KC_NOT_FOUND);
    world_go(&world, KC_LIFE_ANSWERED, KC_CASH_KIND_DEPOSIT);
    EXPECT(world_state_request(&world), KC_OK);
    EXPECT(world_take_state(&world, KC_OUTCOME_NOT_COMPLETED, 0, WORLD_VALUE - 100), KC_OK);
    assert_int_equal(world_value(&world), WORLD_VALUE - 100);
}

/* What cannot be read is not what is not there: a purse whose newest image and mark cannot be read stops, and does not go on with
 * the older ones. */
static void a_failed_read_never_brings_an_older_state_back(void **state)
{
    static uint8_t expected[KC_IMAGE_SIZE_MAX];
    static uint8_t found[KC_IMAGE_SIZE_MAX];
    (void)state;
    cast_suite(0);
    for (unsigned more = 0; more < 2; more++) {
        world_ready(&world);
        EXPECT(world_pay(&world, 10), KC_OK);
        EXPECT(more == 0 ? KC_OK : world_state_request(&world), KC_OK);
        size_t size = world_state_bytes(&world, expected);
        size_t room = world.purse.live;
        const size_t places[] = {KC_NVM_MARKS_AT,
                                 KC_NVM_MARKS_AT + KC_NVM_MARK_SIZE,
                                 KC_NVM_IMAGES_AT,
                                 KC_NVM_IMAGES_AT + 16,
                                 KC_NVM_IMAGES_AT + 100,
                                 KC_NVM_IMAGES_AT + KC_NVM_IMAGE_ROOM,
                                 KC_NVM_IMAGES_AT + room * KC_NVM_IMAGE_ROOM + 16 + size,
                                 KC_NVM_STATIC_AT,
                                 KC_NVM_STATIC_AT + 4,
                                 KC_NVM_STATIC_AT + 8 * KC_STATIC_ROOM,
                                 slot_at(1),
                                 slot_at(1) + 100};
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
            world.memory.bad_at = places[i];
            world_power(&world);
            assert_true(answers_corrupt());
            world.memory.bad_at = WORLD_NEVER;
            world_power(&world);
            assert_int_equal(world_state_bytes(&world, found), size);
            assert_memory_equal(found, expected, size);
        }
        /* The newest image was torn from its mark, and the mark cannot be read: it is not known which state holds. */
        world.memory.now[KC_NVM_IMAGES_AT + room * KC_NVM_IMAGE_ROOM + 20] ^= 1;
        world.memory.bad_at = KC_NVM_MARKS_AT + room * KC_NVM_MARK_SIZE;
        world_power(&world);
        assert_true(answers_corrupt());
        world.memory.bad_at = WORLD_NEVER;
    }
}

/* A blank purse is one that was never written, not one that was wiped in places. */
static void a_purse_wiped_in_places_is_not_blank(void **state)
{
    (void)state;
    cast_suite(0);
    for (unsigned way = 0; way < 3; way++) {
        world_ready(&world);
        uint8_t *now = world.memory.now;
        memset(now + KC_NVM_MARKS_AT, 0, way == 0 ? 0 : 2 * (size_t)KC_NVM_MARK_SIZE);
        memset(now + KC_NVM_IMAGES_AT + KC_NVM_IMAGE_ROOM, 0, KC_NVM_IMAGE_ROOM);
        now[KC_NVM_IMAGES_AT + 8] ^= 1;
        memset(now + KC_NVM_IMAGES_AT, 0, way == 2 ? 0 : 16);
        world_power(&world);
        assert_true(way == 1 ? world.purse.state.life == KC_LIFE_BLANK : answers_corrupt());
    }
}

/* Commands that are refused write nothing; commands that tell write nothing either. */
static void looking_writes_nothing(void **state)
{
    (void)state;
    cast_suite(0);
    world_ready(&world);
    world.memory.steps = 0;
    for (unsigned tag = 0; tag < 16; tag++) {
        (void)world_send(&world, KC_CLA_STANDARD, KC_INS_GET_DATA, (uint8_t)tag, 0, nothing);
    }
    (void)world_repeat(&world);
    (void)world_select(&world);
    world_power(&world);
    assert_int_equal(world.memory.steps, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damage_of_the_newest_image_never_brings_an_older_one_back),
        cmocka_unit_test(damage_of_a_mark_never_brings_an_older_image_back),
        cmocka_unit_test(damage_of_a_key_or_certificate_stops_a_ready_purse),
        cmocka_unit_test(a_key_that_was_exchanged_stops_a_ready_purse),
        cmocka_unit_test(damage_of_an_entry_that_is_not_covered_stops_the_purse),
        cmocka_unit_test(an_entry_that_was_exchanged_stops_the_purse),
        cmocka_unit_test(damage_of_an_answer_is_for_the_bank),
        cmocka_unit_test(damage_of_a_partner_makes_it_unknown),
        cmocka_unit_test(damage_of_the_history_loses_a_line_and_nothing_else),
        cmocka_unit_test(a_failed_read_never_brings_an_older_state_back),
        cmocka_unit_test(a_purse_wiped_in_places_is_not_blank),
        cmocka_unit_test(looking_writes_nothing),
    };
    return cmocka_run_group_tests(tests, cast_open, cast_close);
}
