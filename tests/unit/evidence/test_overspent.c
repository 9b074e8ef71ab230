/* Is exactly that history overspent which pays more than certified value, signed receipts and returns, and every doubt in its
 * favour? */
#include "evidence_world.h"

static struct side a;
static struct side b;
static struct said report;
static struct forgery forgery;
static struct kept kept[2];
static struct kept identities[2];
static struct kc_evidence_finding finding;
static struct kc_view_list partners;

static const struct kc_view none = {.data = NULL, .size = 0};

static int two(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 70);
    forge(&forgery, &a);
    partners.count = 0;
    return 0;
}

/* What the bank says of b. */
static void know_payer(const struct keys *keys, struct kc_account_id account)
{
    struct kc_identity identity = identity_of(&b);
    identity.key = keys->public_key;
    identity.account = account;
    partners.items[partners.count] =
        sign_identity(&identities[partners.count], &identity, exchange_bank(), exchange_realm());
    partners.count += 1;
}

static enum kc_error judge(void)
{
    forge_report(&report, &forgery);
    enum kc_error error = accuse_with(&finding, &a, &report, &partners);
    if (error == KC_OK) {
        static struct kc_evidence_verdict verdict;
        static uint8_t bytes[KC_EVIDENCE_SIZE_MAX];
        struct kc_buffer file = KC_BUFFER(bytes);
        assert_int_equal(finding.rule, KC_PROOF_RULE_OVERSPENT);
        assert_error(verify_file(&verdict, make_file(&file, &finding)), OK);
        assert_int_equal(verdict.file.counter, finding.counter);
    }
    return error;
}

static void enter(enum kc_entry_kind kind, uint64_t minor)
{
    forge_entry(&forgery, kind, minor, none, 0);
}

/* shows: R-SEC-1 */
static void to_the_last_unit(void **state)
{
    (void)state;
    enter(KC_ENTRY_KIND_PAY, 300);
    enter(KC_ENTRY_KIND_CASH_OUT, 200);
    assert_error(judge(), NOT_PROVEN);
    enter(KC_ENTRY_KIND_PAY, 1);
    assert_error(judge(), OK);
    assert_int_equal(finding.counter, 3);
    assert_int_equal(kc_amount_minor(finding.sums.certified), 500);
    assert_int_equal(kc_amount_minor(finding.sums.paid), 500);
    assert_int_equal(kc_amount_minor(finding.sums.left), 0);
    assert_int_equal(kc_amount_minor(finding.sums.amount), 1);
}

/* shows: R-SEC-1 */
static void a_receipt_counts_unless_its_payer_did_not_sign_it(void **state)
{
    (void)state;
    struct kc_view order = forge_order(&kept[0], &forgery, &b, 60, &b.sign);
    forge_entry(&forgery, KC_ENTRY_KIND_RECEIVE, 60, order, 0);
    enter(KC_ENTRY_KIND_PAY, 560);
    assert_error(judge(), NOT_PROVEN);
    know_payer(&b.sign, b.account);
    assert_error(judge(), NOT_PROVEN);
    /* Known by two keys, of which one signed. */
    know_payer(&a.sign, b.account);
    assert_error(judge(), NOT_PROVEN);
    partners.count = 0;
    know_payer(&a.sign, b.account);
    assert_error(judge(), OK);
    assert_int_equal(kc_amount_minor(finding.sums.uncounted), 60);
    partners.count = 0;
    know_payer(&b.sign, a.account);
    assert_error(judge(), OK);
}

static void an_order_must_be_for_this_entry(void **state)
{
    (void)state;
    for (unsigned wrong = 0; wrong < 6; wrong++) {
        forge(&forgery, &a);
        struct kc_view order = forge_order(&kept[0], &forgery, &b, 60, &b.sign);
        struct kc_view other = forge_order(&kept[1], &forgery, &b, 61, &b.sign);
        switch (wrong) {
        case 0: /* none at all */
            enter(KC_ENTRY_KIND_RECEIVE, 60);
            break;
        case 1: /* of another amount */
            forge_entry(&forgery, KC_ENTRY_KIND_RECEIVE, 60, other, 0);
            break;
        case 2: /* for another counter */
            enter(KC_ENTRY_KIND_REFUSE, 60);
            forge_entry(&forgery, KC_ENTRY_KIND_RECEIVE, 60, order, 0);
            break;
        case 3: /* to another purse */
            forgery.side = &b;
            order = forge_order(&kept[0], &forgery, &a, 60, &a.sign);
            forgery.side = &a;
            forge_entry(&forgery, KC_ENTRY_KIND_RECEIVE, 60, order, 0);
            break;
        case 4: /* another than the entry rests on */
            forgery.about = other;
            forge_entry(&forgery, KC_ENTRY_KIND_RECEIVE, 60, order, 0);
            break;
        default: /* nothing that can be read */
            forge_entry(&forgery, KC_ENTRY_KIND_RECEIVE, 60, kc_view(order.data, order.size - 1),
                        0);
            break;
        }
        enter(KC_ENTRY_KIND_PAY, 501);
        assert_error(judge(), OK);
        assert_int_equal(kc_amount_minor(finding.sums.uncounted), 60);
    }
}

static void what_comes_back_counts_once(void **state)
{
    (void)state;
    enter(KC_ENTRY_KIND_PAY, 500);
    forge_entry(&forgery, KC_ENTRY_KIND_VOID, 500, none, 1);
    enter(KC_ENTRY_KIND_PAY, 500);
    assert_error(judge(), NOT_PROVEN);
    forge_entry(&forgery, KC_ENTRY_KIND_VOID, 500, none, 1);
    enter(KC_ENTRY_KIND_PAY, 1);
    assert_error(judge(), OK);
    assert_int_equal(finding.counter, 5);
    static const struct {
        uint64_t minor;
        uint64_t voids;
    } wrongs[] = {{499, 1}, {500, 2}, {500, 3}, {500, 0}};
    for (size_t i = 0; i < 4; i++) {
        forge(&forgery, &a);
        enter(KC_ENTRY_KIND_PAY, 500);
        forge_entry(&forgery, KC_ENTRY_KIND_VOID, wrongs[i].minor, none, wrongs[i].voids);
        enter(KC_ENTRY_KIND_PAY, 1);
        assert_error(judge(), OK);
        assert_int_equal(finding.counter, 3);
    }
}

/* A history with a hole may have received in it. */
static void a_gap_is_no_whole_history(void **state)
{
    struct kc_gap gap = {.counter = 4};
    struct kc_buffer bytes = KC_BUFFER(forgery.gap);
    (void)state;
    must(kc_shape_encode(&bytes, &kc_gap_shape, &gap));
    forgery.request.has_gap = true;
    forgery.request.gap = kc_buffer_view(&bytes);
    forgery.counter = 4;
    enter(KC_ENTRY_KIND_PAY, 501);
    assert_error(judge(), NOT_PROVEN);
    /* A gap that ends before the certified value begins is none. */
    forge(&forgery, &a);
    gap.counter = 0;
    bytes.size = 0;
    must(kc_shape_encode(&bytes, &kc_gap_shape, &gap));
    forgery.request.has_gap = true;
    forgery.request.gap = kc_buffer_view(&bytes);
    enter(KC_ENTRY_KIND_PAY, 501);
    assert_error(judge(), MISMATCH);
}

static void sums_beyond_all_amounts_prove_nothing(void **state)
{
    (void)state;
    struct kc_view order = forge_order(&kept[0], &forgery, &b, KC_AMOUNT_MAX, &b.sign);
    forge_entry(&forgery, KC_ENTRY_KIND_RECEIVE, KC_AMOUNT_MAX, order, 0);
    enter(KC_ENTRY_KIND_PAY, 501);
    assert_error(judge(), NOT_PROVEN);
}

/* Entries that are no chain say nothing. */
static void a_broken_report_is_refused(void **state)
{
    (void)state;
    enter(KC_ENTRY_KIND_PAY, 501);
    forgery.head[0] ^= 1;
    assert_error(judge(), MISMATCH);
    forge(&forgery, &a);
    forgery.counter += 1;
    enter(KC_ENTRY_KIND_PAY, 501);
    assert_error(judge(), MISMATCH);
    /* A certified value of somebody else, or of nobody. */
    forge(&forgery, &a);
    enter(KC_ENTRY_KIND_PAY, 501);
    struct kc_view own = a.purse.state.certified;
    a.purse.state.certified = b.purse.state.certified;
    assert_error(judge(), MISMATCH);
    a.purse.state.certified = own;
    assert_error(judge(), OK);
    a.identity = b.identity;
    assert_error(accuse(&finding, &a, &report, NULL), MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(to_the_last_unit, two),
        cmocka_unit_test_setup(a_receipt_counts_unless_its_payer_did_not_sign_it, two),
        cmocka_unit_test_setup(an_order_must_be_for_this_entry, two),
        cmocka_unit_test_setup(what_comes_back_counts_once, two),
        cmocka_unit_test_setup(a_gap_is_no_whole_history, two),
        cmocka_unit_test_setup(sums_beyond_all_amounts_prove_nothing, two),
        cmocka_unit_test_setup(a_broken_report_is_refused, two),
    };
    return cmocka_run_group_tests_name("evidence: overspent", tests, exchange_open, exchange_close);
}
