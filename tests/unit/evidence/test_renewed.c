/* Do two things that one purse signed before and after a renewal prove it, and nothing that its older key signed when it may have
 * been in other hands? Does a file prove whose identities, close or items are not the ones? */
#include "evidence_world.h"

/* One purse with three keys, one after the other; the first two ended with entries 6 and 9. */
#define FIRST_END 6u
#define SECOND_END 9u

static struct side a;
static struct side b;
static struct side c;
static struct side other;
static struct forgery forgery;
static struct said first;
static struct said second;
static struct said close_a;
static struct said close_b;
static struct kc_evidence_finding finding;
static uint8_t file_bytes[KC_EVIDENCE_SIZE_MAX];

/* The first report under a key, which begins where the one before ended. */
static void close_report(struct said *out, struct side *side, uint64_t end)
{
    forge(&forgery, side);
    forgery.request.has_gap = end > 1;
    struct kc_gap gap = {.counter = end - 1, .head = {(uint8_t)end}, .paid = amount(1000)};
    struct kc_buffer bytes = KC_BUFFER(forgery.gap);
    must(kc_shape_encode(&bytes, &kc_gap_shape, &gap));
    forgery.request.gap = kc_buffer_view(&bytes);
    forgery.counter = end - 1;
    memcpy(forgery.head, gap.head, KC_DIGEST_SIZE);
    forgery.request.time_ms = NOW_MS + end;
    forgery.paid = amount(1000);
    forge_close(&forgery);
    forge_report(out, &forgery);
}

static int renewed_twice(void **state)
{
    (void)state;
    side_plain(&a, 1, 500);
    side_plain(&other, 2, 70);
    side_renew(&b, &a);
    side_renew(&c, &b);
    close_report(&close_a, &b, FIRST_END);
    close_report(&close_b, &c, SECOND_END);
    return 0;
}

/* A payment to the other purse with this counter. */
static struct kc_view sign_order(struct kept *out, const struct side *side, uint64_t counter,
                                 uint64_t minor)
{
    const struct kc_payment_order order = {.payee = other.account,
                                           .payee_purse = other.number,
                                           .payer = side->account,
                                           .payer_purse = side->number,
                                           .amount = amount(minor),
                                           .time_ms = NOW_MS,
                                           .payer_counter = counter,
                                           .payee_counter = 1,
                                           .head = {(uint8_t)counter}};
    return sign_payment(out, &order, &side->sign, exchange_realm(), kc_view(NULL, 0));
}

static void order(struct said *out, const struct side *side, uint64_t counter, uint64_t minor)
{
    struct kept payment;
    said_order(out, sign_order(&payment, side, counter, minor));
}

static void receipt(struct said *out, const struct side *side, uint64_t counter, uint8_t payment)
{
    struct kept answer;
    const struct kc_receipt record = {.payment = {payment},
                                      .payee_purse = side->number,
                                      .counter = counter,
                                      .head = {(uint8_t)counter},
                                      .time_ms = NOW_MS};
    said_answer(out, sign_answer(&answer, true, &record, &side->sign));
}

static void decline(struct said *out, const struct side *side, uint64_t counter, uint8_t payment)
{
    struct kept answer;
    const struct kc_decline record = {.payment = {payment},
                                      .payee_purse = side->number,
                                      .counter = counter,
                                      .reason = (uint64_t)KC_DECLINED,
                                      .time_ms = NOW_MS};
    said_answer(out, sign_answer(&answer, false, &record, &side->sign));
}

/* A report that tells only how far it has come. */
static void report(struct said *out, struct side *side, uint64_t counter, uint64_t time_ms,
                   uint64_t paid)
{
    forge(&forgery, side);
    forgery.counter = counter;
    forgery.request.time_ms = time_ms;
    forgery.paid = amount(paid);
    memset(forgery.head, 0, KC_DIGEST_SIZE);
    forgery.head[0] = (uint8_t)(counter + 1);
    forge_report(out, &forgery);
}

static enum kc_error verdict_of_last(struct kc_evidence_verdict *verdict)
{
    struct kc_buffer file = KC_BUFFER(file_bytes);
    return verify_file(verdict, make_file(&file, &finding));
}

/* A file of the pair proves exactly this. */
static void expect(enum kc_proof_rule rule, uint64_t counter, const struct side *older,
                   const struct side *newer, const struct said *close, const struct side *closer)
{
    static struct kc_evidence_verdict verdict;
    assert_error(accuse_over(&finding, older, newer, &first, &second, close, closer), OK);
    assert_int_equal(finding.rule, rule);
    assert_int_equal(finding.counter, counter);
    assert_int_equal(finding.first.item, 0);
    assert_int_equal(finding.second.item, 1);
    assert_error(verdict_of_last(&verdict), OK);
    assert_true(verdict.renewed);
    assert_int_equal(verdict.file.rule, rule);
    assert_int_equal(verdict.finding.counter, counter);
    assert_int_equal(verdict.file.purse.number, a.number.number);
}

/* shows: R-SEC-1 R-RENEW-7 */
static void one_counter_under_two_keys(void **state)
{
    (void)state;
    order(&first, &a, 5, 100);
    order(&second, &b, 5, 100);
    expect(KC_PROOF_RULE_TWO_ORDERS, 5, &a, &b, &close_a, NULL);
    receipt(&second, &b, 5, 1);
    expect(KC_PROOF_RULE_ORDER_AND_RECEIPT, 5, &a, &b, &close_a, NULL);
    receipt(&first, &a, 5, 2);
    expect(KC_PROOF_RULE_TWO_RECEIPTS, 5, &a, &b, &close_a, NULL);
    order(&second, &b, 6, 1);
    report(&first, &a, 5, NOW_MS - 1, 0);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, NULL), NOT_PROVEN);
    report(&first, &a, 5, NOW_MS - 1, 1);
    expect(KC_PROOF_RULE_TOTALS_FELL, 5, &a, &b, &close_a, NULL);
}

/* shows: R-SEC-1 R-XCHG-7 R-RENEW-7 */
static void declined_by_the_newer_key_and_taken_by_the_older(void **state)
{
    (void)state;
    receipt(&first, &a, 5, 7);
    decline(&second, &b, 5, 7);
    expect(KC_PROOF_RULE_DECLINE_AND_TAKING, 5, &a, &b, &close_a, NULL);
    /* A payer that is in league with who has the older key makes no proof of what was declined honestly. */
    receipt(&first, &a, FIRST_END, 7);
    decline(&second, &b, FIRST_END, 7);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, NULL), NOT_PROVEN);
}

/* shows: R-SEC-1 R-RENEW-7 */
static void the_second_item_shows_the_close_itself(void **state)
{
    struct kept payment;
    struct kc_payment decoded;
    (void)state;
    order(&first, &a, 1, 5);
    forge(&forgery, &b);
    must(kc_shape_decode(&decoded, &kc_payment_shape, sign_order(&payment, &a, 1, 7)));
    forge_entry(&forgery, KC_ENTRY_KIND_PAY, 7, decoded.order, 0);
    forgery.paid = amount(7);
    forge_close(&forgery);
    forge_report(&second, &forgery);
    expect(KC_PROOF_RULE_ORDER_AND_ENTRY, 1, &a, &b, NULL, NULL);
    /* Behind the close entry it is no longer that. */
    order(&first, &a, 2, 5);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, 2, &a, &b, NULL, NULL);
    order(&first, &a, 3, 5);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, 3, &a, &b, NULL, NULL);
}

/* shows: R-SEC-1 R-RENEW-7 */
static void the_older_key_signs_behind_its_end(void **state)
{
    (void)state;
    second = close_a;
    order(&first, &a, FIRST_END + 4, 1);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, FIRST_END + 4, &a, &b, NULL, NULL);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, FIRST_END + 4, &a, &b, &close_a, NULL);
    receipt(&first, &a, FIRST_END, 1);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, FIRST_END, &a, &b, NULL, NULL);
    report(&first, &a, FIRST_END, NOW_MS + 100, 0);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, FIRST_END, &a, &b, NULL, NULL);
    order(&first, &a, FIRST_END - 2, 1);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), NOT_PROVEN);
    /* Where the newer key pays it is in force, also before anybody saw the close entry. */
    order(&first, &a, 8, 1);
    order(&second, &b, 8, 1);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, 8, &a, &b, NULL, NULL);
    order(&second, &b, 7, 1);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, 8, &a, &b, NULL, NULL);
    order(&second, &b, 9, 1);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), NOT_PROVEN);
    /* An answer of before the renewal is signed anew where it is asked for again. */
    receipt(&second, &b, 3, 1);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), NOT_PROVEN);
    /* The newer key may say of an older counter that nothing was taken there, or tell the history before it. */
    decline(&second, &b, 3, 1);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), NOT_PROVEN);
    report(&second, &b, 8, NOW_MS + 100, 0);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), NOT_PROVEN);
}

/* shows: R-SEC-1 R-RENEW-7 */
static void nothing_else_that_it_signs_behind_its_end_counts(void **state)
{
    (void)state;
    /* An order of the next counter tells another history and other sums than the close report. */
    order(&first, &a, FIRST_END, 77);
    second = close_a;
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), OK);
    assert_int_equal(finding.rule, KC_PROOF_RULE_SIGNED_AFTER_CLOSE);
    /* A message that is later than the newer key's, with a lower counter. */
    report(&second, &b, 8, NOW_MS + 100, 0);
    report(&first, &a, 4, NOW_MS + 200, 0);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, NULL), NOT_PROVEN);
    /* A lower counter by the newer key, later: that is the purse's own. */
    report(&second, &b, 3, NOW_MS + 100, 0);
    report(&first, &a, 5, NOW_MS - 1, 0);
    expect(KC_PROOF_RULE_COUNTER_FELL, 5, &a, &b, &close_a, NULL);
    report(&first, &a, 5, NOW_MS, 0);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, NULL), NOT_PROVEN);
}

/* shows: R-SEC-1 R-RENEW-7 */
static void two_renewals_apart(void **state)
{
    (void)state;
    order(&first, &a, 5, 1);
    order(&second, &c, 5, 2);
    expect(KC_PROOF_RULE_TWO_ORDERS, 5, &a, &c, &close_a, &b);
    order(&first, &b, 8, 1);
    order(&second, &c, 8, 2);
    expect(KC_PROOF_RULE_TWO_ORDERS, 8, &b, &c, &close_b, NULL);
    order(&first, &a, 8, 1);
    expect(KC_PROOF_RULE_SIGNED_AFTER_CLOSE, 8, &a, &c, &close_a, &b);
    /* The report of the third key ends the second one; the first one ended before. */
    second = close_b;
    order(&first, &a, 7, 2000);
    assert_error(accuse_over(&finding, &a, &c, &first, &second, &close_a, &b), NOT_PROVEN);
    order(&first, &a, 5, 2000);
    expect(KC_PROOF_RULE_TOTALS_FELL, 8, &a, &c, &close_a, &b);
}

/* shows: R-SEC-2 R-RENEW-7 */
static void identities_and_close_must_be_the_ones(void **state)
{
    static struct said plain;
    struct kept bytes;
    struct side later;
    (void)state;
    order(&first, &a, 5, 1);
    order(&second, &b, 5, 2);
    expect(KC_PROOF_RULE_TWO_ORDERS, 5, &a, &b, &close_a, NULL);
    assert_error(accuse_over(&finding, &b, &a, &first, &second, &close_a, NULL), UNKNOWN_SIGNER);
    assert_error(accuse_over(&finding, &b, &a, &first, &second, NULL, NULL), BAD_SIGNATURE);
    assert_error(accuse_over(&finding, &a, &b, &second, &first, &close_a, NULL), BAD_SIGNATURE);
    /* Orders of one counter without the end of the older key: only that it signed where the newer one was in force. */
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), OK);
    assert_int_equal(finding.rule, KC_PROOF_RULE_SIGNED_AFTER_CLOSE);
    receipt(&first, &a, 5, 7);
    decline(&second, &b, 5, 7);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, NULL), NOT_PROVEN);
    /* A report that closes nothing, and one that ends another key. */
    report(&plain, &b, 8, NOW_MS + 100, 0);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &plain, NULL), MISMATCH);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_b, NULL), UNKNOWN_SIGNER);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, &c), UNKNOWN_SIGNER);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, NULL, &c), MALFORMED);
    assert_error(accuse_over(&finding, &a, &a, &first, &first, NULL, NULL), MISMATCH);
    assert_error(accuse_over(&finding, &a, &a, &first, &first, &close_a, &b), MISMATCH);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, &a), MISMATCH);
    assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, &b), MISMATCH);
    assert_error(accuse_over(&finding, &a, &other, &first, &second, NULL, NULL), MISMATCH);
    assert_error(accuse_over(&finding, &other, &b, &first, &second, NULL, NULL), MISMATCH);
    assert_error(accuse_over(&finding, &a, &c, &first, &second, &close_a, &other), MISMATCH);
    /* The same key under claims of a later time: the close entry names others. */
    later = b;
    struct kc_identity identity = identity_of(&b);
    identity.issued_s += 1;
    later.identity = sign_identity(&bytes, &identity, exchange_bank(), exchange_realm());
    assert_error(accuse_over(&finding, &a, &later, &first, &second, &close_a, NULL), MISMATCH);
    /* An identity that somebody else signed. */
    later.identity = sign_identity(&bytes, &identity, &other.sign, exchange_realm());
    assert_error(accuse_over(&finding, &a, &later, &first, &second, NULL, NULL), BAD_SIGNATURE);
    assert_error(accuse_over(&finding, &later, &b, &first, &second, NULL, NULL), BAD_SIGNATURE);
}

/* The bank may lie about rule and counter, and leave out or add parts; the signatures do not. */
static void a_file_over_a_renewal_proves_what_it_says_or_nothing(void **state)
{
    struct kc_evidence_verdict verdict;
    (void)state;
    for (int rule = KC_PROOF_RULE_TWO_ORDERS; rule <= KC_PROOF_RULE_SIGNED_AFTER_CLOSE; rule++) {
        order(&first, &a, 5, 1);
        order(&second, &b, 5, 1);
        assert_error(accuse_over(&finding, &a, &b, &first, &second, &close_a, NULL), OK);
        finding.rule = (enum kc_proof_rule)rule;
        bool true_too =
            rule == KC_PROOF_RULE_TWO_ORDERS || rule == KC_PROOF_RULE_SIGNED_AFTER_CLOSE;
        assert_int_equal(verdict_of_last(&verdict), true_too ? KC_OK : KC_NOT_PROVEN);
        finding.counter += 1;
        assert_error(verdict_of_last(&verdict), NOT_PROVEN);
    }
    struct kc_evidence_content *content = last_content();
    finding.rule = KC_PROOF_RULE_TWO_ORDERS;
    finding.counter = 5;
    assert_error(verdict_of_last(&verdict), OK);
    content->item_count = 1;
    assert_error(verdict_of_last(&verdict), MALFORMED);
    content->item_count = 2;
    content->close.has_key = false;
    assert_error(verdict_of_last(&verdict), MALFORMED);
    content->close.has_key = true;
    content->close.kind = KC_PROOF_KIND_ORDER;
    assert_error(verdict_of_last(&verdict), MALFORMED);
    content->close.kind = KC_PROOF_KIND_ENVELOPE;
    content->has_close = false;
    assert_error(verdict_of_last(&verdict), NOT_PROVEN);
}

/* shows: R-SEC-1 R-SEC-2 */
static void no_changed_file_over_a_renewal_proves(void **state)
{
    static uint8_t changed[KC_EVIDENCE_SIZE_MAX];
    struct kc_evidence_verdict verdict;
    struct kc_buffer out = KC_BUFFER(file_bytes);
    (void)state;
    order(&first, &a, 5, 1);
    order(&second, &c, 5, 2);
    assert_error(accuse_over(&finding, &a, &c, &first, &second, &close_a, &b), OK);
    struct kc_view file = make_file(&out, &finding);
    memcpy(changed, file.data, file.size);
    assert_error(verify_file(&verdict, kc_view(changed, file.size)), OK);
    for (size_t at = 0; at < file.size; at++) {
        changed[at] ^= (uint8_t)(1u << at % 8);
        assert_true(verify_file(&verdict, kc_view(changed, file.size)) != KC_OK);
        changed[at] ^= (uint8_t)(1u << at % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_counter_under_two_keys, renewed_twice),
        cmocka_unit_test_setup(declined_by_the_newer_key_and_taken_by_the_older, renewed_twice),
        cmocka_unit_test_setup(the_second_item_shows_the_close_itself, renewed_twice),
        cmocka_unit_test_setup(the_older_key_signs_behind_its_end, renewed_twice),
        cmocka_unit_test_setup(nothing_else_that_it_signs_behind_its_end_counts, renewed_twice),
        cmocka_unit_test_setup(two_renewals_apart, renewed_twice),
        cmocka_unit_test_setup(identities_and_close_must_be_the_ones, renewed_twice),
        cmocka_unit_test_setup(a_file_over_a_renewal_proves_what_it_says_or_nothing, renewed_twice),
        cmocka_unit_test_setup(no_changed_file_over_a_renewal_proves, renewed_twice),
    };
    return cmocka_run_group_tests_name("evidence: over a renewal", tests, exchange_open,
                                       exchange_close);
}
