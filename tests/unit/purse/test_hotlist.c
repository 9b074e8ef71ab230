/* Is a hotlist taken only as the bank's newest word, kept over power cuts, given on byte for byte, and does nothing go to or come
 * from a purse on it, with value where it was? */
#include "exchange_world.h"

#include <stdio.h>

static struct side a;
static struct side b;
static struct side c;
static struct kept first;
static struct kept second;
static struct kept third;
static struct kept list;

static int three(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 7);
    side_plain(&c, 3, 50);
    return 0;
}

static struct kc_view listing(uint64_t version, const struct side *side)
{
    const uint64_t numbers[] = {side->number.number};
    return bank_lists(&list, version, numbers, 1);
}

static uint64_t version_of(struct side *side)
{
    return info_of(side).hotlist;
}

static enum kc_error get_list(struct kept *out, struct side *side)
{
    enum kc_error error =
        side_send(side, KC_CLA_STANDARD, KC_INS_GET_DATA, KC_TAG_HOTLIST, kc_view(NULL, 0));
    keep(out, side->out);
    return error;
}

static void remember(uint8_t out[KC_NVM_SIZE], const struct side *side)
{
    memcpy(out, side->nvm, KC_NVM_SIZE);
}

static uint64_t reason_of(struct kc_view answer_bytes)
{
    struct kc_payment_answer message;
    struct kc_signed parsed;
    struct kc_decline decline;
    must(kc_shape_decode(&message, &kc_payment_answer_shape, answer_bytes));
    assert_false(message.taken);
    must(kc_brief_parse(&parsed, message.answer));
    must(kc_shape_decode(&decline, &kc_decline_shape, parsed.payload));
    return decline.reason;
}

/* ---- who is on it ---- */

/* shows: R-SEC-4 */
static void nothing_is_paid_to_a_listed_purse(void **state)
{
    static uint8_t before[KC_NVM_SIZE];
    (void)state;
    assert_error(take_hotlist(&a, listing(1, &b)), OK);
    remember(before, &a);
    assert_error(pay(&first, &a, &b, 10), HOTLISTED);
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    assert_int_equal(value_of(&a), 500);
    exchange(&a, &c, 10);
    /* A purse that was met before is refused as well. */
    assert_error(take_hotlist(&a, listing(2, &c)), OK);
    assert_error(pay(&first, &a, &c, 10), HOTLISTED);
    side_power(&a);
    assert_error(pay(&first, &a, &c, 10), HOTLISTED);
    exchange(&a, &b, 10);
}

/* Its payer has reserved the amount by then, so the payee's decline gives it back.
 * shows: R-SEC-4 */
static void a_payment_of_a_listed_purse_is_declined(void **state)
{
    (void)state;
    assert_error(take_hotlist(&b, listing(1, &a)), OK);
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), HOTLISTED);
    assert_error(decide(&second, &b, KC_ANSWER_OK), HOTLISTED);
    assert_int_equal(value_of(&b), 7);
    assert_int_equal(b.purse.state.counter, 0);
    assert_error(decide(&second, &b, KC_ANSWER_NG), OK);
    assert_int_equal(reason_of(kept_view(&second)), KC_HOTLISTED);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 500);
    assert_int_equal(value_of(&b), 7);
}

/* A purse that finds itself on the list neither pays nor takes. */
static void a_purse_that_is_listed_itself_stops(void **state)
{
    (void)state;
    assert_error(take_hotlist(&a, listing(1, &a)), OK);
    assert_error(pay(&first, &a, &b, 10), HOTLISTED);
    assert_error(pay(&first, &c, &a, 10), OK);
    assert_error(answer(&second, &a, kept_view(&first), KC_ANSWER_OK), HOTLISTED);
    assert_error(decide(&second, &a, KC_ANSWER_NG), OK);
    assert_error(conclude(&c, kept_view(&second)), OK);
    assert_int_equal(value_of(&c), 50);
    assert_int_equal(value_of(&a), 500);
}

/* What was under way when the list came ends as it was decided. */
static void what_was_decided_before_the_list_stands(void **state)
{
    bool answered = false;
    (void)state;
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    assert_error(take_hotlist(&b, listing(1, &a)), OK);
    assert_error(take_hotlist(&a, listing(1, &b)), OK);
    assert_error(examine(&answered, &b, kept_view(&first)), OK);
    assert_true(answered);
    assert_error(decide(&third, &b, KC_ANSWER_OK), OK);
    assert_true(kc_view_equal(kept_view(&second), kept_view(&third)));
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 490);
    assert_int_equal(value_of(&b), 17);
}

/* A payer that forgot the payee's key learns it again, although the payee is listed since: the receipt is owed. */
static void a_listed_payee_can_be_made_known_for_its_receipt(void **state)
{
    (void)state;
    assert_error(pay(&first, &a, &b, 10), OK);
    assert_error(answer(&second, &b, kept_view(&first), KC_ANSWER_OK), OK);
    memset(a.nvm + KC_NVM_PARTNERS_AT, 0, KC_PARTNER_COUNT * KC_PARTNER_ROOM);
    assert_error(take_hotlist(&a, listing(1, &b)), OK);
    assert_error(conclude(&a, kept_view(&second)), IDENTITY_NEEDED);
    assert_error(offer(&third, &a, &b, true, 0), OK);
    assert_error(pay_offer(&first, &a, 0, kept_view(&third)), AMOUNT_ZERO);
    assert_error(conclude(&a, kept_view(&second)), OK);
    assert_int_equal(value_of(&a), 490);
}

/* Every number of a long list, and none beside them. */
static void the_whole_list_is_looked_through(void **state)
{
    static uint64_t numbers[600];
    (void)state;
    for (size_t i = 0; i < 600; i++) {
        numbers[i] = kc_purse_nth((unsigned)(1000 + 3 * i)).number;
    }
    assert_error(take_hotlist(&a, bank_lists(&list, 1, numbers, 600)), OK);
    for (size_t i = 0; i < 600; i++) {
        struct kc_purse_id number = {.number = numbers[i]};
        assert_true(kc_purse_is_listed(&a.purse, number));
        assert_false(kc_purse_is_listed(&a.purse, kc_purse_nth((unsigned)(1001 + 3 * i))));
    }
    struct kc_purse_id zero = {.number = 0};
    assert_false(kc_purse_is_listed(&a.purse, zero));
    struct kc_purse_id past = {.number = UINT64_MAX};
    assert_false(kc_purse_is_listed(&a.purse, past));
}

/* ---- what is taken ---- */

/* shows: R-SEC-4 */
static void only_a_higher_version_is_taken(void **state)
{
    (void)state;
    assert_error(get_list(&first, &a), NOT_FOUND);
    assert_int_equal(version_of(&a), 0);
    assert_error(take_hotlist(&a, listing(5, &b)), OK);
    assert_int_equal(version_of(&a), 5);
    assert_error(take_hotlist(&a, listing(5, &c)), STALE_STATE);
    assert_error(take_hotlist(&a, listing(4, &c)), STALE_STATE);
    assert_error(pay(&first, &a, &b, 1), HOTLISTED);
    assert_error(take_hotlist(&a, bank_lists(&list, 6, NULL, 0)), OK);
    assert_int_equal(version_of(&a), 6);
    exchange(&a, &b, 1);
    assert_error(take_hotlist(&a, bank_lists(&list, UINT64_C(1) << 53, NULL, 0)), OK);
    /* An empty card takes none without being one: version 0 is no version. */
    assert_error(take_hotlist(&b, bank_lists(&list, 0, NULL, 0)), STALE_STATE);
}

static enum kc_error take_changed(const struct kc_hotlist *record)
{
    return take_hotlist(&a, bank_signs_list(&list, record, exchange_bank(), exchange_realm(),
                                            kc_hotlist_shape.domain));
}

/* shows: R-SEC-4 */
static void what_is_not_the_banks_list_is_refused(void **state)
{
    static uint8_t before[KC_NVM_SIZE];
    const uint8_t listed[] = {5, 3};
    struct kc_realm realm = *exchange_realm();
    const struct kc_hotlist good = {.bank = realm.bank,
                                    .version = 1,
                                    .time_ms = NOW_MS,
                                    .complete = true,
                                    .count = 2,
                                    .listed = kc_view(listed, sizeof listed)};
    struct kc_hotlist record = good;
    (void)state;
    remember(before, &a);
    /* Another signer, domain or bank. */
    assert_error(
        take_hotlist(&a, bank_signs_list(&list, &good, &b.sign, &realm, kc_hotlist_shape.domain)),
        BAD_SIGNATURE);
    assert_error(take_hotlist(&a, bank_signs_list(&list, &good, exchange_bank(), &realm,
                                                  kc_certified_shape.domain)),
                 WRONG_DOMAIN);
    realm.bank = 2;
    assert_true(take_hotlist(&a, bank_signs_list(&list, &good, exchange_bank(), &realm,
                                                 kc_hotlist_shape.domain)) != KC_OK);
    record.bank = 2;
    assert_error(take_changed(&record), WRONG_DOMAIN);
    /* Numbers that are not strictly ascending, or not in their shortest form, or fewer or more than it says. */
    static const struct {
        uint8_t bytes[12];
        size_t size;
        uint64_t count;
    } wrong[] = {{{5, 0}, 2, 2},
                 {{0, 5}, 2, 2},
                 {{5, 0x80, 0}, 3, 2},
                 {{0x85, 0x00, 3}, 3, 2},
                 {{5, 0x83}, 2, 2},
                 {{5, 3}, 2, 1},
                 {{5, 3}, 2, 3},
                 {{0}, 0, 1},
                 {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1}, 11, 2},
                 {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, 10, 1},
                 {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0}, 11, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        record = good;
        record.count = wrong[i].count;
        record.listed = kc_view(wrong[i].bytes, wrong[i].size);
        assert_error(take_changed(&record), MALFORMED);
    }
    assert_error(take_hotlist(&a, kc_view(NULL, 0)), MALFORMED);
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    assert_error(take_changed(&good), OK);
    /* The greatest number there is. */
    static const uint8_t greatest[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    record = good;
    record.version = 2;
    record.count = 1;
    record.listed = kc_view(greatest, sizeof greatest);
    assert_error(take_changed(&record), OK);
    struct kc_purse_id last = {.number = UINT64_MAX};
    assert_true(kc_purse_is_listed(&a.purse, last));
}

/* shows: R-SEC-4 */
static void no_byte_of_a_list_can_be_changed(void **state)
{
    static uint8_t before[KC_NVM_SIZE];
    struct kept changed;
    (void)state;
    (void)listing(1, &b);
    remember(before, &a);
    for (size_t i = 0; i < list.size; i++) {
        keep(&changed, kept_view(&list));
        changed.bytes[i] ^= (uint8_t)(1u << i % 8);
        enum kc_error error = take_hotlist(&a, kept_view(&changed));
        assert_true(error != KC_OK && error != KC_INTERNAL && error != KC_PURSE_CORRUPT);
        assert_true(take_hotlist(&a, kc_view(list.bytes, i)) != KC_OK);
    }
    keep(&changed, kept_view(&list));
    changed.bytes[changed.size++] = 0;
    assert_true(take_hotlist(&a, kept_view(&changed)) != KC_OK);
    assert_memory_equal(a.nvm, before, KC_NVM_SIZE);
    assert_error(take_hotlist(&a, kept_view(&list)), OK);
}

/* ---- passing on ---- */

/* From the bank to one purse, to the next, to the next: the same bytes, and the version tells who has the newer one. */
static void a_list_goes_on_from_purse_to_purse(void **state)
{
    static const uint8_t aid[] = KC_AID;
    struct kc_identify identify;
    struct kc_payee_identity said;
    (void)state;
    (void)listing(9, &c);
    assert_error(take_hotlist(&a, kept_view(&list)), OK);
    assert_error(side_run(&a, KC_INS_IDENTIFY, 0, 0, NULL, kc_view(NULL, 0)), OK);
    must(kc_shape_decode(&identify, &kc_identify_shape, a.out));
    assert_int_equal(identify.hotlist, 9);
    assert_error(offer(&first, &a, &b, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_int_equal(said.hotlist, 0);
    /* Neither giving nor taking needs the PIN. */
    assert_error(side_send(&a, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid)), OK);
    assert_error(side_send(&b, KC_CLA_STANDARD, KC_INS_SELECT, 4, kc_view(aid, sizeof aid)), OK);
    assert_error(get_list(&second, &a), OK);
    assert_true(kc_view_equal(kept_view(&second), kept_view(&list)));
    assert_error(take_hotlist(&b, kept_view(&second)), OK);
    side_power(&a);
    side_power(&b);
    assert_error(offer(&first, &a, &b, true, 0), OK);
    must(kc_shape_decode(&said, &kc_payee_identity_shape, kept_view(&first)));
    assert_int_equal(said.hotlist, 9);
    assert_error(pay(&first, &b, &c, 1), HOTLISTED);
    assert_error(get_list(&second, &b), OK);
    assert_true(kc_view_equal(kept_view(&second), kept_view(&list)));
}

/* The largest list that a bank with the largest keys signs. */
static void the_largest_list_fits(void **state)
{
    static uint64_t numbers[2048];
    static uint8_t listed[2048];
    struct keys rsa;
    (void)state;
    for (size_t i = 0; i < 2048; i++) {
        numbers[i] = 7 * (i + 1);
        listed[i] = 7;
    }
    assert_error(take_hotlist(&a, bank_lists(&list, UINT64_C(1) << 53, numbers, 2000)), OK);
    struct kc_purse_id number = {.number = 14000};
    assert_true(kc_purse_is_listed(&a.purse, number));
    number.number = 14007;
    assert_false(kc_purse_is_listed(&a.purse, number));
    const struct kc_crypto *crypto = exchange_crypto();
    must(crypto->generate(crypto->context, &rsa.private_key, &rsa.public_key, KC_KEY_RSA3072));
    const struct kc_hotlist largest = {.bank = UINT32_MAX,
                                       .version = (UINT64_C(1) << 53) + 1,
                                       .time_ms = UINT64_C(1) << 53,
                                       .count = 2048,
                                       .listed = kc_view(listed, sizeof listed)};
    (void)bank_signs_list(&list, &largest, &rsa, exchange_realm(), kc_hotlist_shape.domain);
    assert_in_range(list.size, 2048, KC_HOTLIST_SIZE_MAX);
    printf("# the largest list: %zu bytes\n", list.size);
    list.size = KC_HOTLIST_SIZE_MAX + 1;
    assert_error(take_hotlist(&a, kept_view(&list)), TOO_LARGE);
}

/* ---- power cuts and damage ---- */

/* shows: R-SEC-4 */
static void a_cut_leaves_the_list_before_or_after(void **state)
{
    static struct side start;
    unsigned cuts = 0;
    (void)state;
    for (unsigned version = 0; version < 3; version++) {
        side_copy(&start, &a);
        const struct side *listed = version % 2 == 0 ? &b : &c;
        for (unsigned mode = 0; mode < CUT_MODES; mode++) {
            bool done = false;
            for (int steps = 1; !done; steps++) {
                side_copy(&a, &start);
                a.mode = (enum cut_mode)mode;
                a.steps_left = steps;
                done = take_hotlist(&a, listing(version + 1, listed)) == KC_OK;
                side_power(&a);
                assert_true(version_of(&a) == version + 1 || (!done && version_of(&a) == version));
                bool has_new = version_of(&a) == version + 1;
                assert_int_equal(get_list(&first, &a) == KC_OK, version > 0 || has_new);
                assert_int_equal(kc_purse_is_listed(&a.purse, b.number),
                                 has_new ? listed == &b : version > 0 && listed != &b);
                cuts += done ? 0 : 1;
            }
        }
        assert_int_equal(version_of(&a), version + 1);
    }
    printf("# TAKE HOTLIST: %u cuts\n", cuts);
    assert_in_range(cuts, 3 * CUT_MODES, 1000);
}

/* The newest is damaged later: the one before still counts, and the newest can be taken again. */
static void a_damaged_list_leaves_the_one_before(void **state)
{
    (void)state;
    assert_error(take_hotlist(&a, listing(1, &b)), OK);
    assert_error(take_hotlist(&a, listing(2, &c)), OK);
    static struct kept newest;
    keep(&newest, kept_view(&list));
    size_t at = KC_NVM_HOTLISTS_AT + KC_HOTLIST_ROOM + 100;
    a.nvm[at] ^= 1;
    /* With the power on, and after it. */
    assert_false(kc_purse_is_listed(&a.purse, c.number));
    assert_true(kc_purse_is_listed(&a.purse, b.number));
    assert_int_equal(version_of(&a), 1);
    side_power(&a);
    assert_int_equal(version_of(&a), 1);
    assert_error(pay(&first, &a, &b, 1), HOTLISTED);
    assert_error(take_hotlist(&a, kept_view(&newest)), OK);
    assert_error(pay(&first, &a, &c, 1), HOTLISTED);
    a.nvm[at] ^= 1;
    a.nvm[KC_NVM_HOTLISTS_AT + 100] ^= 1;
    side_power(&a);
    assert_int_equal(version_of(&a), 0);
    assert_error(get_list(&first, &a), NOT_FOUND);
    exchange(&a, &b, 1);
}

#define WITH_THREE(test) cmocka_unit_test_setup(test, three)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_THREE(nothing_is_paid_to_a_listed_purse),
        WITH_THREE(a_payment_of_a_listed_purse_is_declined),
        WITH_THREE(a_purse_that_is_listed_itself_stops),
        WITH_THREE(what_was_decided_before_the_list_stands),
        WITH_THREE(a_listed_payee_can_be_made_known_for_its_receipt),
        WITH_THREE(the_whole_list_is_looked_through),
        WITH_THREE(only_a_higher_version_is_taken),
        WITH_THREE(what_is_not_the_banks_list_is_refused),
        WITH_THREE(no_byte_of_a_list_can_be_changed),
        WITH_THREE(a_list_goes_on_from_purse_to_purse),
        WITH_THREE(the_largest_list_fits),
        WITH_THREE(a_cut_leaves_the_list_before_or_after),
        WITH_THREE(a_damaged_list_leaves_the_one_before),
    };
    return cmocka_run_group_tests_name("hotlist", tests, exchange_open, exchange_close);
}
