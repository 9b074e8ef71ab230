/* Do two things that a copied purse signed prove it, each kind with each, and nothing else? Does a changed file prove? */
#include "evidence_world.h"

static struct side a;
static struct side b;
static struct side c;
static struct side copy;
static struct kept message;
static struct kept reply;
static struct said first;
static struct said second;
static struct kc_evidence_finding finding;
static struct kc_evidence_finding proven;
static uint8_t file_bytes[KC_EVIDENCE_SIZE_MAX];

static int three(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&b, 2, 70);
    side_plain(&c, 3, 70);
    return 0;
}

/* Both readings of a pair find the rule, and so does a file of it. */
static void expect(const struct side *accused, enum kc_proof_rule rule, uint64_t counter)
{
    static struct kc_evidence_verdict verdict;
    struct kc_buffer file = KC_BUFFER(file_bytes);
    assert_error(accuse(&finding, accused, &second, &first), OK);
    assert_int_equal(finding.rule, rule);
    assert_error(accuse(&finding, accused, &first, &second), OK);
    assert_int_equal(finding.rule, rule);
    assert_int_equal(finding.counter, counter);
    assert_int_equal(finding.part_count, 2);
    proven = finding;
    assert_error(verify_file(&verdict, make_file(&file, &finding)), OK);
    assert_int_equal(verdict.file.rule, rule);
    assert_int_equal(verdict.file.counter, counter);
    assert_int_equal(verdict.file.purse.number, accused->number.number);
    assert_error(accuse(&finding, accused, &first, NULL), NOT_PROVEN);
    assert_error(accuse(&finding, accused, &second, NULL), NOT_PROVEN);
}

/* A payment from one to the other with OK; what either of them signed. */
static void transfer(struct said *order, struct said *receipt, struct side *payer,
                     struct side *payee, uint64_t minor)
{
    assert_error(pay(&message, payer, payee, minor), OK);
    if (order != NULL) {
        said_order(order, kept_view(&message));
    }
    assert_error(answer(&reply, payee, kept_view(&message), KC_ANSWER_OK), OK);
    if (receipt != NULL) {
        said_answer(receipt, kept_view(&reply));
    }
    assert_error(conclude(payer, kept_view(&reply)), OK);
}

/* shows: R-SEC-1 */
static void two_payments_with_one_counter(void **state)
{
    (void)state;
    side_copy(&copy, &a);
    transfer(&first, NULL, &a, &b, 100);
    transfer(&second, NULL, &copy, &c, 250);
    expect(&a, KC_PROOF_RULE_TWO_ORDERS, 1);
    assert_int_equal(kc_amount_minor(proven.first.amount), 100);
    assert_int_equal(proven.second.purse.number, c.number.number);
}

/* shows: R-SEC-1 */
static void two_payments_taken_with_one_counter(void **state)
{
    (void)state;
    side_copy(&copy, &a);
    transfer(NULL, &first, &b, &a, 1);
    transfer(NULL, &second, &c, &copy, 2);
    expect(&a, KC_PROOF_RULE_TWO_RECEIPTS, 1);
}

/* shows: R-SEC-1 */
static void a_counter_that_pays_and_takes(void **state)
{
    (void)state;
    side_copy(&copy, &a);
    transfer(&first, NULL, &a, &b, 5);
    transfer(NULL, &second, &c, &copy, 2);
    expect(&a, KC_PROOF_RULE_ORDER_AND_RECEIPT, 1);
}

/* shows: R-SEC-1 */
static void a_payment_and_a_report_without_it(void **state)
{
    (void)state;
    transfer(NULL, NULL, &a, &b, 3);
    side_copy(&copy, &a);
    transfer(&first, NULL, &a, &b, 5);
    transfer(NULL, NULL, &c, &copy, 2);
    said_report(&second, &copy);
    expect(&a, KC_PROOF_RULE_ORDER_AND_ENTRY, 2);
    /* The other way round it is a receipt that the report does not have. */
    transfer(NULL, NULL, &a, &b, 1);
    said_report(&second, &a);
    side_plain(&b, 2, 70);
    side_plain(&a, 1, 500);
    side_copy(&copy, &a);
    transfer(NULL, &first, &c, &a, 2);
    transfer(NULL, NULL, &copy, &b, 2);
    said_report(&second, &copy);
    expect(&a, KC_PROOF_RULE_RECEIPT_AND_ENTRY, 1);
}

/* shows: R-SEC-1 */
static void two_reports_of_one_counter(void **state)
{
    (void)state;
    transfer(NULL, NULL, &a, &b, 3);
    side_copy(&copy, &a);
    transfer(NULL, NULL, &b, &a, 5);
    transfer(NULL, NULL, &c, &copy, 2);
    said_report(&first, &a);
    said_report(&second, &copy);
    expect(&a, KC_PROOF_RULE_TWO_ENTRIES, 2);
}

/* shows: R-SEC-1 */
static void two_histories_before_a_payment(void **state)
{
    (void)state;
    side_copy(&copy, &a);
    transfer(NULL, NULL, &a, &b, 3);
    said_report(&first, &a);
    transfer(NULL, NULL, &copy, &c, 3);
    transfer(&second, NULL, &copy, &c, 3);
    expect(&a, KC_PROOF_RULE_TWO_HEADS, 1);
}

/* shows: R-SEC-1 R-XCHG-7 */
static void a_decline_of_what_was_taken(void **state)
{
    struct kept payment;
    (void)state;
    side_copy(&copy, &a);
    assert_error(pay(&payment, &b, &a, 5), OK);
    assert_error(answer(&reply, &a, kept_view(&payment), KC_ANSWER_NG), OK);
    said_answer(&first, kept_view(&reply));
    assert_error(answer(&reply, &copy, kept_view(&payment), KC_ANSWER_OK), OK);
    said_answer(&second, kept_view(&reply));
    expect(&a, KC_PROOF_RULE_DECLINE_AND_TAKING, 1);
    said_report(&second, &copy);
    expect(&a, KC_PROOF_RULE_DECLINE_AND_TAKING, 1);
}

/* shows: R-SEC-1 R-CASH-6 */
static void an_older_copy_that_speaks_later(void **state)
{
    (void)state;
    side_copy(&copy, &a);
    transfer(NULL, NULL, &a, &b, 3);
    transfer(NULL, NULL, &a, &b, 4);
    said_report(&first, &a);
    /* Its time stamps only rise: at some time it is later than the other. */
    said_report(&second, &copy);
    assert_error(accuse(&finding, &a, &first, &second), NOT_PROVEN);
    for (unsigned i = 0; i < 8; i++) {
        said_report(&second, &copy);
    }
    expect(&a, KC_PROOF_RULE_COUNTER_FELL, 2);
}

/* shows: R-SEC-1 */
static void what_is_not_the_accused_s_is_refused(void **state)
{
    (void)state;
    side_copy(&copy, &a);
    transfer(&first, NULL, &a, &b, 5);
    transfer(NULL, NULL, &b, &c, 1);
    transfer(&second, NULL, &c, &b, 5);
    assert_error(accuse(&finding, &a, &first, &second), BAD_SIGNATURE);
    said_report(&second, &b);
    assert_error(accuse(&finding, &a, &first, &second), UNKNOWN_SIGNER);
    /* The same key in another purse of the same bank: the content names the purse. */
    struct kc_identity identity = identity_of(&a);
    struct kept other;
    identity.purse = b.number;
    struct kc_view bytes = sign_identity(&other, &identity, exchange_bank(), exchange_realm());
    struct kc_evidence_content *content = last_content();
    transfer(&second, NULL, &copy, &c, 5);
    assert_error(accuse(&finding, &a, &first, &second), OK);
    content->identity = bytes;
    struct kc_buffer file = KC_BUFFER(file_bytes);
    struct kc_evidence_verdict verdict;
    assert_error(verify_file(&verdict, make_file(&file, &finding)), MISMATCH);
    content->purse = b.number;
    file.size = 0;
    assert_error(verify_file(&verdict, make_file(&file, &finding)), MISMATCH);
    assert_error(accuse(&finding, &a, &first, &second), OK);
    content->purse = b.number;
    assert_error(verify_file(&verdict, make_file(&file, &finding)), MISMATCH);
    /* An identity that another key signed. */
    identity = identity_of(&a);
    assert_error(accuse(&finding, &a, &first, &second), OK);
    content->identity = sign_identity(&other, &identity, &b.sign, exchange_realm());
    assert_error(verify_file(&verdict, make_file(&file, &finding)), BAD_SIGNATURE);
}

/* shows: R-SEC-3 */
static void long_signatures_fit_the_file(void **state)
{
    struct making making = {.nth = 4,
                            .suite = KC_SUITE_RS2048,
                            .value = 500,
                            .expires_s = EXPIRES_S,
                            .type = KC_PURSE_TYPE_UIM};
    (void)state;
    side_make(&a, &making);
    side_copy(&copy, &a);
    making.nth = 5;
    side_make(&b, &making);
    for (unsigned i = 0; i < 6; i++) {
        transfer(NULL, NULL, &a, &b, 1);
        transfer(NULL, NULL, &c, &copy, 1);
    }
    said_report(&first, &a);
    said_report(&second, &copy);
    expect(&a, KC_PROOF_RULE_TWO_ENTRIES, 1);
    assert_true(first.item.bytes.size > 5000);
}

/* A report tells of entries that were overwritten only by their sums; an order from among them does not fit. */
static void an_order_that_the_sums_of_a_gap_do_not_hold(void **state)
{
    static struct forgery forgery;
    struct kc_gap gap = {.counter = 3, .paid = amount(99)};
    (void)state;
    side_copy(&copy, &a);
    transfer(&first, NULL, &copy, &c, 100);
    for (unsigned i = 0; i < 2; i++) {
        struct kc_buffer bytes = KC_BUFFER(forgery.gap);
        forge(&forgery, &a);
        must(kc_shape_encode(&bytes, &kc_gap_shape, &gap));
        forgery.request.has_gap = true;
        forgery.request.gap = kc_view(forgery.gap, bytes.size);
        forgery.counter = 3;
        memset(forgery.head, 0, KC_DIGEST_SIZE);
        forgery.paid = gap.paid;
        forge_report(&second, &forgery);
        if (i == 0) {
            expect(&a, KC_PROOF_RULE_TOTALS_FELL, 3);
        }
        gap.paid = amount(100);
    }
    assert_error(accuse(&finding, &a, &first, &second), NOT_PROVEN);
    /* Two sums at one counter. */
    gap.paid = amount(120);
    struct kc_buffer bytes = KC_BUFFER(forgery.gap);
    forge(&forgery, &a);
    must(kc_shape_encode(&bytes, &kc_gap_shape, &gap));
    forgery.request.has_gap = true;
    forgery.request.gap = kc_view(forgery.gap, bytes.size);
    forgery.counter = 3;
    forgery.paid = gap.paid;
    memset(forgery.head, 0, KC_DIGEST_SIZE);
    forge_report(&first, &forgery);
    expect(&a, KC_PROOF_RULE_TOTALS_FELL, 3);
}

/* One report may prove alone, by an order in it that names another history; then nothing else goes into the file. */
static void a_spare_item_is_refused(void **state)
{
    static struct forgery forgery;
    struct kc_payment payment;
    struct kc_payment_order order = {.payee = b.account,
                                     .payee_purse = b.number,
                                     .payer = a.account,
                                     .payer_purse = a.number,
                                     .amount = amount(5),
                                     .time_ms = NOW_MS,
                                     .payer_counter = 1,
                                     .payee_counter = 1,
                                     .head = {9}};
    (void)state;
    assert_error(pay(&message, &b, &a, 5), OK);
    assert_error(answer(&reply, &a, kept_view(&message), KC_ANSWER_NG), OK);
    said_answer(&second, kept_view(&reply));
    forge(&forgery, &a);
    sign_payment(&message, &order, &a.sign, exchange_realm(), kc_view(NULL, 0));
    must(kc_shape_decode(&payment, &kc_payment_shape, kept_view(&message)));
    forge_entry(&forgery, KC_ENTRY_KIND_PAY, 5, payment.order, 0);
    forge_report(&first, &forgery);
    assert_error(accuse(&finding, &a, &first, NULL), OK);
    assert_int_equal(finding.rule, KC_PROOF_RULE_TWO_HEADS);
    assert_int_equal(finding.counter, 0);
    assert_error(accuse(&finding, &a, &first, &second), NOT_PROVEN);
    assert_error(accuse(&finding, &a, &second, &first), NOT_PROVEN);
}

/* shows: R-SEC-1 R-SEC-2 */
static void no_changed_file_proves(void **state)
{
    static uint8_t changed[KC_EVIDENCE_SIZE_MAX];
    struct kc_evidence_verdict verdict;
    struct kc_buffer out = KC_BUFFER(file_bytes);
    (void)state;
    side_copy(&copy, &a);
    transfer(NULL, NULL, &b, &a, 5);
    transfer(&first, NULL, &copy, &c, 2);
    said_report(&second, &a);
    assert_error(accuse(&finding, &a, &first, &second), OK);
    struct kc_view file = make_file(&out, &finding);
    memcpy(changed, file.data, file.size);
    assert_error(verify_file(&verdict, kc_view(changed, file.size)), OK);
    for (size_t at = 0; at < file.size; at++) {
        changed[at] ^= (uint8_t)(1u << at % 8);
        assert_true(verify_file(&verdict, kc_view(changed, file.size)) != KC_OK);
        changed[at] ^= (uint8_t)(1u << at % 8);
    }
    assert_error(verify_file(&verdict, kc_view(changed, file.size - 1)), MALFORMED);
    assert_error(verify_file(&verdict, kc_view(changed, file.size + 1)), TRAILING);
    assert_error(verify_file(&verdict, kc_view(changed, 0)), MALFORMED);
}

/* The bank may lie about rule and counter; the signatures do not. */
static void a_file_proves_what_it_says_or_nothing(void **state)
{
    struct kc_evidence_verdict verdict;
    (void)state;
    side_copy(&copy, &a);
    transfer(&first, NULL, &a, &b, 5);
    transfer(&second, NULL, &copy, &c, 2);
    assert_error(accuse(&finding, &a, &first, &second), OK);
    for (int rule = KC_PROOF_RULE_TWO_ORDERS; rule <= KC_PROOF_RULE_OVERSPENT; rule++) {
        struct kc_buffer out = KC_BUFFER(file_bytes);
        struct kc_evidence_finding lie = finding;
        lie.rule = (enum kc_proof_rule)rule;
        enum kc_error error = verify_file(&verdict, make_file(&out, &lie));
        assert_int_equal(error, rule == KC_PROOF_RULE_TWO_ORDERS ? KC_OK : KC_NOT_PROVEN);
        lie.counter += 1;
        error = verify_file(&verdict, make_file(&out, &lie));
        assert_error(error, NOT_PROVEN);
    }
    /* One payment twice is one payment. */
    struct kc_buffer out = KC_BUFFER(file_bytes);
    last_content()->items[1] = last_content()->items[0];
    assert_error(verify_file(&verdict, make_file(&out, &finding)), NOT_PROVEN);
    /* A key beside what needs none, and none beside what needs one. */
    last_content()->items[1].has_key = true;
    assert_error(verify_file(&verdict, make_file(&out, &finding)), MALFORMED);
    last_content()->item_count = 0;
    assert_error(verify_file(&verdict, make_file(&out, &finding)), MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_payments_with_one_counter, three),
        cmocka_unit_test_setup(two_payments_taken_with_one_counter, three),
        cmocka_unit_test_setup(a_counter_that_pays_and_takes, three),
        cmocka_unit_test_setup(a_payment_and_a_report_without_it, three),
        cmocka_unit_test_setup(two_reports_of_one_counter, three),
        cmocka_unit_test_setup(two_histories_before_a_payment, three),
        cmocka_unit_test_setup(a_decline_of_what_was_taken, three),
        cmocka_unit_test_setup(an_older_copy_that_speaks_later, three),
        cmocka_unit_test_setup(what_is_not_the_accused_s_is_refused, three),
        cmocka_unit_test_setup(long_signatures_fit_the_file, three),
        cmocka_unit_test_setup(an_order_that_the_sums_of_a_gap_do_not_hold, three),
        cmocka_unit_test_setup(a_spare_item_is_refused, three),
        cmocka_unit_test_setup(no_changed_file_proves, three),
        cmocka_unit_test_setup(a_file_proves_what_it_says_or_nothing, three),
    };
    return cmocka_run_group_tests_name("evidence: rules", tests, exchange_open, exchange_close);
}
