/* Do base and delta together say what the bank said last, whatever order they come in, whoever brings them again, and wherever
 * the power goes? */
#include "exchange_world.h"

#include <stdio.h>

static struct side a;
static struct side b;
static struct side c;
static struct kept base;
static struct kept delta;
static struct kept first;
static struct kept second;

static int three(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 7);
    side_plain(&c, 3, 50);
    return 0;
}

/* The purses of this test are far from those of the sides. */
static uint64_t nth(uint64_t i)
{
    return kc_purse_nth(1000 + 3 * i).number;
}

static bool listed(struct side *side, uint64_t number)
{
    return kc_purse_is_listed(&side->purse, (struct kc_purse_id){number});
}

static struct kc_view base_of_one(uint64_t version, uint64_t number)
{
    return bank_base(&base, version, &number, 1);
}

static struct kc_view delta_of_one(uint64_t on, uint64_t version, uint64_t number)
{
    return bank_delta(&delta, on, version, &number, 1);
}

static void expect_versions(struct side *side, uint64_t version, uint64_t on)
{
    struct kc_purse_info info = info_of(side);
    assert_int_equal(info.hotlist, version);
    assert_int_equal(info.hotlist_base, on);
}

static enum kc_error get_part(struct kept *out, struct side *side, uint8_t tag)
{
    enum kc_error error = side_send(side, KC_CLA_STANDARD, KC_INS_GET_DATA, tag, kc_view(NULL, 0));
    keep(out, side->out);
    return error;
}

/* ---- what they say ---- */

/* shows: R-SEC-4 */
static void base_and_delta_say_it_together(void **state)
{
    struct kc_identify identify;
    struct kc_payee_identity said;
    (void)state;
    assert_error(take_hotlist(&a, base_of_one(128, b.number.number)), OK);
    expect_versions(&a, 128, 128);
    assert_error(pay(&first, &a, &b, 10), HOTLISTED);
    exchange(&a, &c, 10);
    assert_error(take_hotlist(&a, delta_of_one(128, 130, c.number.number)), OK);
    expect_versions(&a, 130, 128);
    for (unsigned i = 0; i < 2; i++) {
        assert_error(pay(&first, &a, &b, 10), HOTLISTED);
        assert_error(pay(&first, &a, &c, 10), HOTLISTED);
        assert_false(listed(&a, a.number.number));
        side_power(&a);
    }
    assert_error(side_run(&a, KC_INS_IDENTIFY, 0, 0, NULL, kc_view(NULL, 0)), OK);
    must(kc_shape_decode(&identify, &kc_identify_shape, a.out));
    assert_int_equal(identify.hotlist, 130);
    assert_int_equal(identify.hotlist_base, 128);
    assert_error(offer(&first, &c, &a, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_int_equal(said.hotlist, 130);
    assert_int_equal(said.hotlist_base, 128);
    /* Both go on as they came. */
    assert_error(get_part(&first, &a, KC_TAG_HOTLIST), OK);
    assert_true(kc_view_equal(kept_view(&first), kept_view(&base)));
    assert_error(get_part(&second, &a, KC_TAG_HOTLIST_DELTA), OK);
    assert_true(kc_view_equal(kept_view(&second), kept_view(&delta)));
    assert_error(take_hotlist(&b, kept_view(&first)), OK);
    assert_error(take_hotlist(&b, kept_view(&second)), OK);
    expect_versions(&b, 130, 128);
    assert_error(pay(&first, &b, &c, 1), HOTLISTED);
}

/* While the bank has listed few there is no base. */
static void a_delta_may_add_to_none(void **state)
{
    (void)state;
    assert_error(take_hotlist(&a, delta_of_one(0, 3, b.number.number)), OK);
    expect_versions(&a, 3, 0);
    assert_error(get_part(&first, &a, KC_TAG_HOTLIST), NOT_FOUND);
    assert_error(get_part(&first, &a, KC_TAG_HOTLIST_DELTA), OK);
    assert_error(pay(&first, &a, &b, 10), HOTLISTED);
    /* The base that comes takes its place. */
    assert_error(take_hotlist(&a, base_of_one(128, c.number.number)), OK);
    expect_versions(&a, 128, 128);
    assert_error(get_part(&first, &a, KC_TAG_HOTLIST_DELTA), NOT_FOUND);
    assert_error(pay(&first, &a, &c, 10), HOTLISTED);
    exchange(&a, &b, 10);
}

/* A purse that had a list of the older form goes on from there. */
static void a_list_of_the_older_form_is_a_base(void **state)
{
    const uint64_t numbers[] = {b.number.number};
    (void)state;
    assert_error(take_hotlist(&a, bank_lists(&base, 40, numbers, 1)), OK);
    expect_versions(&a, 40, 40);
    assert_error(take_hotlist(&a, delta_of_one(40, 41, c.number.number)), OK);
    side_power(&a);
    expect_versions(&a, 41, 40);
    assert_true(listed(&a, b.number.number));
    assert_true(listed(&a, c.number.number));
    assert_error(take_hotlist(&a, base_of_one(128, nth(1))), OK);
    expect_versions(&a, 128, 128);
    assert_error(take_hotlist(&a, bank_lists(&base, 127, numbers, 1)), STALE_STATE);
    assert_error(take_hotlist(&a, bank_lists(&base, 129, numbers, 1)), OK);
    expect_versions(&a, 129, 129);
    assert_true(listed(&a, b.number.number));
    assert_false(listed(&a, nth(1)));
}

/* ---- order, and what comes again ---- */

/* shows: R-SEC-4 */
static void what_is_older_or_has_no_base_is_refused_by_name(void **state)
{
    static uint8_t before[KC_NVM_SIZE];
    (void)state;
    /* The delta first. */
    assert_error(take_hotlist(&a, delta_of_one(128, 130, nth(1))), BASE_NEEDED);
    expect_versions(&a, 0, 0);
    assert_error(take_hotlist(&a, base_of_one(128, nth(0))), OK);
    assert_error(take_hotlist(&a, kept_view(&delta)), OK);
    memcpy(before, a.nvm, KC_NVM_SIZE);
    /* The same, an earlier one, the base again, an older base, deltas of bases that are not here. */
    assert_error(take_hotlist(&a, kept_view(&delta)), STALE_STATE);
    assert_error(take_hotlist(&a, kept_view(&base)), STALE_STATE);
    assert_error(take_hotlist(&a, delta_of_one(128, 129, nth(5))), STALE_STATE);
    assert_error(take_hotlist(&a, delta_of_one(128, 128, nth(5))), STALE_STATE);
    assert_error(take_hotlist(&a, base_of_one(127, nth(5))), STALE_STATE);
    assert_error(take_hotlist(&a, delta_of_one(0, 100, nth(5))), STALE_STATE);
    assert_error(take_hotlist(&a, delta_of_one(127, 140, nth(5))), BASE_NEEDED);
    assert_error(take_hotlist(&a, delta_of_one(256, 257, nth(5))), BASE_NEEDED);
    assert_error(take_hotlist(&a, base_of_one(0, nth(5))), STALE_STATE);
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    expect_versions(&a, 130, 128);
    assert_true(listed(&a, nth(0)));
    assert_true(listed(&a, nth(1)));
    assert_false(listed(&a, nth(5)));
}

/* A newer base says less than the older one with its delta: both stand until its own delta is here.
 * shows: R-SEC-4 */
static void a_base_waits_for_its_delta(void **state)
{
    (void)state;
    assert_error(take_hotlist(&a, base_of_one(100, nth(0))), OK);
    assert_error(take_hotlist(&a, delta_of_one(100, 150, nth(1))), OK);
    assert_error(take_hotlist(&a, base_of_one(128, nth(2))), OK);
    expect_versions(&a, 150, 100);
    assert_true(listed(&a, nth(1)));
    assert_false(listed(&a, nth(2)));
    assert_error(take_hotlist(&a, kept_view(&base)), STALE_STATE);
    side_power(&a);
    expect_versions(&a, 150, 100);
    /* Either may go on. */
    assert_error(take_hotlist(&a, delta_of_one(100, 151, nth(3))), OK);
    expect_versions(&a, 151, 100);
    assert_error(take_hotlist(&a, delta_of_one(128, 151, nth(4))), STALE_STATE);
    assert_error(take_hotlist(&a, delta_of_one(128, 152, nth(4))), OK);
    expect_versions(&a, 152, 128);
    assert_true(listed(&a, nth(2)));
    assert_true(listed(&a, nth(4)));
    assert_false(listed(&a, nth(0)));
    assert_error(take_hotlist(&a, delta_of_one(100, 200, nth(3))), OK);
    expect_versions(&a, 200, 100);
    /* The one that waits gives way, never the one in force. */
    assert_error(take_hotlist(&a, base_of_one(180, nth(6))), OK);
    expect_versions(&a, 200, 100);
    assert_error(take_hotlist(&a, base_of_one(190, nth(7))), OK);
    expect_versions(&a, 200, 100);
    assert_true(listed(&a, nth(3)));
    assert_error(take_hotlist(&a, delta_of_one(180, 300, nth(6))), BASE_NEEDED);
}

/* ---- what is not the bank's ---- */

static struct kc_hotlist_delta good_delta(void)
{
    static const uint8_t zero = 0;
    return (struct kc_hotlist_delta){.bank = exchange_realm()->bank,
                                     .base = 128,
                                     .version = 130,
                                     .time_ms = NOW_MS,
                                     .complete = true,
                                     .count = 3,
                                     .least = 1000,
                                     .listed = kc_view(&zero, 1)};
}

static enum kc_error take_changed(const struct kc_hotlist_delta *record)
{
    return take_hotlist(&a,
                        bank_signs_part(&delta, &kc_hotlist_delta_shape, record, exchange_bank(),
                                        exchange_realm(), kc_hotlist_delta_shape.domain));
}

/* shows: R-SEC-4 */
static void what_is_not_the_banks_delta_is_refused(void **state)
{
    static uint8_t before[KC_NVM_SIZE];
    const struct kc_hotlist_delta good = good_delta();
    struct kc_hotlist_delta record = good;
    struct kc_realm realm = *exchange_realm();
    const uint8_t one = 1;
    (void)state;
    assert_error(take_hotlist(&a, base_of_one(128, nth(0))), OK);
    memcpy(before, a.nvm, KC_NVM_SIZE);
    const struct kc_shape *shape = &kc_hotlist_delta_shape;
    assert_error(
        take_hotlist(&a, bank_signs_part(&delta, shape, &good, &b.sign, &realm, shape->domain)),
        BAD_SIGNATURE);
    /* In the domain of the base, and of something else. */
    assert_true(take_hotlist(&a, bank_signs_part(&delta, shape, &good, exchange_bank(), &realm,
                                                 kc_hotlist_base_shape.domain)) != KC_OK);
    assert_error(take_hotlist(&a, bank_signs_part(&delta, shape, &good, exchange_bank(), &realm,
                                                  kc_certified_shape.domain)),
                 WRONG_DOMAIN);
    realm.bank = 2;
    assert_error(take_hotlist(&a, bank_signs_part(&delta, shape, &good, exchange_bank(), &realm,
                                                  shape->domain)),
                 BAD_SIGNATURE);
    record.bank = 2;
    assert_error(take_changed(&record), WRONG_DOMAIN);
    record = good;
    record.count = 200;
    assert_error(take_changed(&record), MALFORMED);
    record = good;
    record.bits = 58;
    assert_error(take_changed(&record), MALFORMED);
    record = good;
    record.least = 0;
    assert_error(take_changed(&record), MALFORMED);
    record = good;
    record.listed = kc_view(&one, 1);
    assert_error(take_changed(&record), MALFORMED);
    record = good;
    record.listed = kc_view(NULL, 0);
    assert_error(take_changed(&record), MALFORMED);
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    assert_error(take_changed(&good), OK);
    for (uint64_t i = 1000; i < 1003; i++) {
        assert_true(listed(&a, kc_purse_nth(i).number));
    }
    assert_false(listed(&a, kc_purse_nth(1003).number));
}

/* shows: R-SEC-4 */
static void no_byte_of_a_part_can_be_changed(void **state)
{
    static uint8_t before[KC_NVM_SIZE];
    static struct kept parts[2];
    static struct kept changed;
    const uint64_t numbers[] = {nth(1), nth(9), nth(40)};
    (void)state;
    (void)bank_base(&parts[0], 128, numbers, 3);
    (void)bank_delta(&parts[1], 0, 130, numbers, 3);
    memcpy(before, a.nvm, KC_NVM_SIZE);
    for (size_t part = 0; part < 2; part++) {
        for (size_t i = 0; i < parts[part].size; i++) {
            keep(&changed, kept_view(&parts[part]));
            changed.bytes[i] ^= (uint8_t)(1u << i % 8);
            enum kc_error error = take_hotlist(&a, kept_view(&changed));
            assert_true(error != KC_OK && error != KC_INTERNAL && error != KC_PURSE_CORRUPT);
            assert_true(take_hotlist(&a, kc_view(parts[part].bytes, i)) != KC_OK);
        }
    }
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    assert_error(take_hotlist(&a, kept_view(&parts[0])), OK);
    assert_error(take_hotlist(&a, kept_view(&parts[1])), OK);
}

/* The largest base and delta that a bank with the largest keys signs; a larger delta is refused by name. */
static void the_largest_parts_fit(void **state)
{
    static const uint8_t zeros[2048];
    struct keys rsa;
    (void)state;
    const struct kc_crypto *crypto = exchange_crypto();
    must(crypto->generate(crypto->context, &rsa.private_key, &rsa.public_key, KC_KEY_RSA3072));
    const struct kc_hotlist_base largest = {.bank = UINT32_MAX,
                                            .version = (UINT64_C(1) << 53) + 1,
                                            .time_ms = UINT64_C(1) << 53,
                                            .count = 16385,
                                            .least = UINT64_C(99999999999),
                                            .listed = kc_view(zeros, 2048)};
    (void)bank_signs_part(&base, &kc_hotlist_base_shape, &largest, &rsa, exchange_realm(),
                          kc_hotlist_base_shape.domain);
    assert_in_range(base.size, 2048, KC_HOTLIST_SIZE_MAX);
    const struct kc_hotlist_delta most = {.bank = UINT32_MAX,
                                          .base = (UINT64_C(1) << 53) + 1,
                                          .version = (UINT64_C(1) << 53) + 2,
                                          .time_ms = UINT64_C(1) << 53,
                                          .count = 4097,
                                          .least = UINT64_C(99999999999),
                                          .listed = kc_view(zeros, 512)};
    (void)bank_signs_part(&delta, &kc_hotlist_delta_shape, &most, &rsa, exchange_realm(),
                          kc_hotlist_delta_shape.domain);
    assert_in_range(delta.size, 512, KC_HOTLIST_DELTA_SIZE_MAX);
    printf("# the largest parts: %zu and %zu bytes\n", base.size, delta.size);
    /* As large as they come from this world's bank. */
    struct kc_hotlist_base wide = largest;
    wide.bank = exchange_realm()->bank;
    assert_error(
        take_hotlist(&a, bank_signs_part(&base, &kc_hotlist_base_shape, &wide, exchange_bank(),
                                         exchange_realm(), kc_hotlist_base_shape.domain)),
        OK);
    struct kc_hotlist_delta long_one = most;
    long_one.bank = exchange_realm()->bank;
    assert_error(take_changed(&long_one), OK);
    assert_true(listed(&a, kc_purse_nth(UINT64_C(99999999999) + 16384).number));
    assert_false(listed(&a, kc_purse_nth(UINT64_C(99999999999) + 16385).number));
    base.size = KC_HOTLIST_SIZE_MAX + 1;
    assert_error(take_hotlist(&a, kept_view(&base)), TOO_LARGE);
}

/* ---- power cuts and damage ---- */

struct step {
    uint64_t on; /* of a delta */
    uint64_t version;
    bool is_base;
    uint64_t then; /* the version in force after it */
};

static struct kc_view step_bytes(const struct step *step)
{
    const uint64_t number = nth(1000 + step->version);
    return step->is_base ? base_of_one(step->version, nth(step->version))
                         : delta_of_one(step->on, step->version, number);
}

/* What is in force says all of its parts, and nothing of any other. */
static void expect_whole(struct side *side, const struct step *steps, size_t count)
{
    struct kc_purse_info info = info_of(side);
    for (size_t i = 0; i < count; i++) {
        uint64_t number = steps[i].is_base ? nth(steps[i].version) : nth(1000 + steps[i].version);
        bool wanted = steps[i].is_base ? steps[i].version == info.hotlist_base
                                       : steps[i].version == info.hotlist;
        assert_int_equal(listed(side, number), wanted);
    }
}

/* shows: R-SEC-4 */
static void a_cut_leaves_what_was_or_what_came(void **state)
{
    static const struct step steps[] = {
        {0, 2, false, 2},    {0, 3, false, 3},    {0, 10, true, 10}, {10, 12, false, 12},
        {10, 13, false, 13}, {10, 30, false, 30}, {0, 20, true, 30}, {20, 31, false, 31},
        {20, 32, false, 32}, {0, 40, true, 40},   {0, 50, true, 50}, {50, 51, false, 51},
    };
    static struct side start;
    uint64_t version = 0;
    unsigned cuts = 0;
    (void)state;
    for (size_t at = 0; at < sizeof steps / sizeof steps[0]; at++) {
        const struct step *step = &steps[at];
        (void)step_bytes(step);
        struct kc_view bytes = step->is_base ? kept_view(&base) : kept_view(&delta);
        side_copy(&start, &a);
        for (unsigned mode = 0; mode < CUT_MODES; mode++) {
            bool done = false;
            for (int writes = 1; !done; writes++) {
                side_copy(&a, &start);
                a.mode = (enum cut_mode)mode;
                a.steps_left = writes;
                done = take_hotlist(&a, bytes) == KC_OK;
                side_power(&a);
                uint64_t now = info_of(&a).hotlist;
                assert_true(now == step->then || (!done && now == version));
                expect_whole(&a, steps, at + 1);
                cuts += done ? 0 : 1;
                /* It can be taken now, unless it was. */
                enum kc_error again = take_hotlist(&a, bytes);
                assert_true(again == KC_OK || again == KC_STALE_STATE);
                assert_int_equal(info_of(&a).hotlist, step->then);
                expect_whole(&a, steps, at + 1);
            }
        }
        version = step->then;
    }
    printf("# parts of the hotlist: %u cuts\n", cuts);
    assert_in_range(cuts, 12 * CUT_MODES, 1000);
}

static void damage(struct side *side, bool of_delta, unsigned place)
{
    size_t at = of_delta ? KC_NVM_DELTAS_AT + place * KC_HOTLIST_DELTA_ROOM
                         : KC_NVM_HOTLISTS_AT + place * KC_HOTLIST_ROOM;
    side->nvm[at + 60] ^= 1;
}

/* What is left still counts, with the power on and after it, and what was lost can be taken again. */
static void damage_leaves_what_is_whole(void **state)
{
    (void)state;
    assert_error(take_hotlist(&a, base_of_one(10, nth(10))), OK);
    assert_error(take_hotlist(&a, delta_of_one(10, 12, nth(12))), OK);
    assert_error(take_hotlist(&a, delta_of_one(10, 13, nth(13))), OK);
    unsigned newest = a.purse.hotlist.delta_place;
    damage(&a, true, newest);
    assert_true(listed(&a, nth(12)));
    assert_false(listed(&a, nth(13)));
    expect_versions(&a, 12, 10);
    side_power(&a);
    expect_versions(&a, 12, 10);
    assert_error(take_hotlist(&a, kept_view(&delta)), OK);
    expect_versions(&a, 13, 10);
    /* Without its base no delta says anything. */
    damage(&a, false, a.purse.hotlist.base_place);
    assert_error(get_part(&first, &a, KC_TAG_HOTLIST), NOT_FOUND);
    expect_versions(&a, 0, 0);
    assert_false(listed(&a, nth(13)));
    assert_error(take_hotlist(&a, kept_view(&delta)), BASE_NEEDED);
    assert_error(take_hotlist(&a, kept_view(&base)), OK);
    expect_versions(&a, 13, 10);
    assert_true(listed(&a, nth(13)));
}

#define WITH_THREE(test) cmocka_unit_test_setup(test, three)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_THREE(base_and_delta_say_it_together),
        WITH_THREE(a_delta_may_add_to_none),
        WITH_THREE(a_list_of_the_older_form_is_a_base),
        WITH_THREE(what_is_older_or_has_no_base_is_refused_by_name),
        WITH_THREE(a_base_waits_for_its_delta),
        WITH_THREE(what_is_not_the_banks_delta_is_refused),
        WITH_THREE(no_byte_of_a_part_can_be_changed),
        WITH_THREE(the_largest_parts_fit),
        WITH_THREE(a_cut_leaves_what_was_or_what_came),
        WITH_THREE(damage_leaves_what_is_whole),
    };
    return cmocka_run_group_tests_name("parts of the hotlist", tests, exchange_open,
                                       exchange_close);
}
