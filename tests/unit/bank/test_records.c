/* Question: does the bank take a reported record for what it shows only when the right keys signed all of it, for this bank,
 * and is everything else an objection that says why? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bank/records.h"
#include "base/assert.h"
#include "crypto/libcrypto.h"

#define EXPECT(result, expected)                                                                   \
    assert_string_equal(kc_error_name((result).code), kc_error_name(expected))
#define EXPECT_CODE(code, expected)                                                                \
    assert_string_equal(kc_error_name(code), kc_error_name(expected))

static const struct kc_realm realm = {.bank = 7, .currency = "JPY"};
static const struct kc_realm other_bank = {.bank = 8, .currency = "JPY"};
static const struct kc_realm other_currency = {.bank = 7, .currency = "EUR"};

/* A purse with its keys, and the records it reports. */
struct holder {
    struct kc_account_id account;
    struct kc_purse_id purse;
    struct kc_private_key key;
    struct kc_public_key public_key;
};

struct piece {
    uint8_t bytes[1632];
    size_t size;
};

struct setting {
    struct kc_crypto crypto;
    struct holder holders[3];
    unsigned cards; /* bit n: holder n is a card without keys */
    struct kc_ledger_information information;
    struct kc_view_list list;
    struct piece pieces[KC_LIST_COUNT_MAX];
    struct kc_records records;
    /* holder 0 renewed its key: the one before, and how it stands to the counter */
    bool renewed;
    const struct kc_public_key *left; /* a key that it left for another, or NULL */
    struct kc_public_key old;
    enum kc_partner_term term;
    bool late;
    struct kc_known known; /* as in the bank: what verified once is not verified again */
};

static struct kc_amount amount(uint64_t minor)
{
    struct kc_amount out;
    struct kc_result result = kc_amount_from_minor(&out, minor);
    KC_ASSERT(!kc_failed(result));
    return out;
}

static int set_up_with(void **state, enum kc_key_type type)
{
    struct setting *setting = calloc(1, sizeof *setting);
    if (setting == NULL || kc_failed(kc_libcrypto_open(&setting->crypto, 8)) ||
        kc_failed(kc_known_open(&setting->known, 1024))) {
        return -1;
    }
    for (unsigned i = 0; i < 3; i++) {
        struct holder *holder = &setting->holders[i];
        holder->account = kc_account_nth(1000 + 2 * i);
        holder->purse = kc_purse_nth(1001 + 2 * i);
        if (kc_failed(setting->crypto.generate(setting->crypto.context, &holder->key,
                                               &holder->public_key, type))) {
            return -1;
        }
    }
    *state = setting;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, KC_KEY_P256);
}

static int set_up_rsa(void **state)
{
    return set_up_with(state, KC_KEY_RSA2048);
}

static int tear_down(void **state)
{
    struct setting *setting = *state;
    kc_known_close(&setting->known);
    kc_libcrypto_close(&setting->crypto);
    free(setting);
    return 0;
}

static struct kc_payment_order order_of(const struct setting *setting, unsigned payer,
                                        unsigned payee)
{
    return (struct kc_payment_order){.payee = setting->holders[payee].account,
                                     .payee_purse = setting->holders[payee].purse,
                                     .payer = setting->holders[payer].account,
                                     .payer_purse = setting->holders[payer].purse,
                                     .amount = amount(40),
                                     .time_ms = 1800000000000,
                                     .payer_counter = 1,
                                     .payee_counter = 1};
}

static void sign_as(struct piece *out, struct setting *setting, unsigned signer,
                    const struct kc_realm *where, const struct kc_shape *shape, const char *domain,
                    const void *message)
{
    uint8_t plain[512];
    struct kc_buffer payload = KC_BUFFER(plain);
    struct kc_buffer bytes = KC_BUFFER(out->bytes);
    EXPECT(kc_shape_encode(&payload, shape, message), KC_OK);
    EXPECT(kc_sign_brief(&bytes, &setting->crypto, &setting->holders[signer].key, where, domain,
                         kc_buffer_view(&payload)),
           KC_OK);
    out->size = bytes.size;
}

/* The secret of the card with this number. */
static void secret_of(uint8_t out[KC_MAC_SECRET_SIZE], uint64_t number)
{
    memset(out, 0x5e, KC_MAC_SECRET_SIZE);
    kc_be64_store(out, number);
}

static void mark(struct piece *out, struct setting *setting, uint64_t number,
                 const struct kc_payment_order *order)
{
    uint8_t secret[KC_MAC_SECRET_SIZE];
    uint8_t plain[512];
    struct kc_buffer payload = KC_BUFFER(plain);
    struct kc_buffer bytes = KC_BUFFER(out->bytes);
    EXPECT(kc_shape_encode(&payload, &kc_payment_order_shape, order), KC_OK);
    secret_of(secret, number);
    EXPECT(kc_brief_mac(&bytes, &setting->crypto, secret, &realm, kc_payment_order_shape.domain,
                        kc_buffer_view(&payload)),
           KC_OK);
    out->size = bytes.size;
}

static void sign_order(struct piece *out, struct setting *setting, unsigned signer,
                       const struct kc_payment_order *order)
{
    sign_as(out, setting, signer, &realm, &kc_payment_order_shape, kc_payment_order_shape.domain,
            order);
}

static struct kc_entry entry_of(struct setting *setting, enum kc_entry_kind kind,
                                const struct piece *order)
{
    struct kc_entry entry = {.kind = kind,
                             .counter = setting->list.count + 1,
                             .time_ms = 1800000000000,
                             .amount = amount(40)};
    if (order != NULL) {
        kc_digest(&setting->crypto, entry.partner, kc_view(order->bytes, order->size));
    }
    return entry;
}

/* Adds a record to the report; the chain goes on with it. */
static void report(struct setting *setting, const struct kc_entry *entry, const struct piece *order,
                   const struct piece *answer)
{
    uint8_t encoded[320];
    struct kc_sha256 hash;
    const struct kc_crypto *crypto = &setting->crypto;
    struct kc_value_information *told = &setting->information.information;
    struct kc_buffer bytes = KC_BUFFER(encoded);
    struct piece *piece = &setting->pieces[setting->list.count];
    struct kc_buffer out = KC_BUFFER(piece->bytes);
    EXPECT(kc_shape_encode(&bytes, &kc_entry_shape, entry), KC_OK);
    struct kc_log_record record = {
        .entry = kc_buffer_view(&bytes), .has_order = order != NULL, .has_answer = answer != NULL};
    if (order != NULL) {
        record.order = kc_view(order->bytes, order->size);
    }
    if (answer != NULL) {
        record.answer = kc_view(answer->bytes, answer->size);
    }
    EXPECT(kc_shape_encode(&out, &kc_log_record_shape, &record), KC_OK);
    setting->list.items[setting->list.count++] = kc_buffer_view(&out);
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(told->head, KC_DIGEST_SIZE));
    crypto->sha256_add(crypto->context, &hash, kc_buffer_view(&bytes));
    crypto->sha256_end(crypto->context, &hash, told->head);
    told->counter = entry->counter;
}

static void start(struct setting *setting, unsigned reporter)
{
    memset(&setting->information, 0, sizeof setting->information);
    memset(&setting->list, 0, sizeof setting->list);
    setting->information.information.account = setting->holders[reporter].account;
    setting->information.information.purse = setting->holders[reporter].purse;
}

/* Reads and verifies with the keys of those that the records name. */
static void judge(struct setting *setting, unsigned reporter)
{
    EXPECT(
        kc_records_read(&setting->records, &setting->information, &setting->list, &setting->crypto),
        KC_OK);
    for (size_t i = 0; i < setting->records.partner_count; i++) {
        struct kc_partner *partner = &setting->records.partners[i];
        EXPECT_CODE(partner->error, KC_NOT_FOUND);
        partner->error = KC_UNKNOWN_SIGNER;
        for (unsigned j = 0; j < 3; j++) {
            if (setting->holders[j].purse.number == partner->number) {
                partner->error = KC_OK;
                partner->account = setting->holders[j].account.number;
                partner->key = setting->holders[j].public_key;
                partner->bearer = (setting->cards & 1u << j) != 0;
                secret_of(partner->secret, partner->number);
            }
        }
        for (size_t j = 0; j < setting->records.count && setting->renewed; j++) {
            if (kc_records_counter(&setting->records, j, setting->holders[0].purse.number) > 0) {
                setting->records.old[j] = (struct kc_partner_old){
                    .term = setting->term, .late = setting->late, .key = setting->old};
                setting->records.left[j] =
                    setting->left != NULL && kc_records_signed(&setting->records, j, setting->left,
                                                               &setting->crypto, &realm);
            }
        }
    }
    setting->records.known = &setting->known;
    kc_records_verify(&setting->records, &setting->crypto, &realm,
                      &setting->holders[reporter].public_key);
}

static void receipt_of(struct piece *out, struct setting *setting, unsigned signer,
                       const struct piece *order, unsigned payee)
{
    struct kc_receipt receipt = {
        .payee_purse = setting->holders[payee].purse, .counter = 1, .time_ms = 1800000000001};
    kc_digest(&setting->crypto, receipt.payment, kc_view(order->bytes, order->size));
    sign_as(out, setting, signer, &realm, &kc_receipt_shape, kc_receipt_shape.domain, &receipt);
}

static void decline_of(struct piece *out, struct setting *setting, unsigned signer,
                       const struct piece *order, unsigned payee)
{
    struct kc_decline decline = {.payee_purse = setting->holders[payee].purse,
                                 .counter = 1,
                                 .reason = KC_DECLINED,
                                 .time_ms = 1800000000001};
    kc_digest(&setting->crypto, decline.payment, kc_view(order->bytes, order->size));
    sign_as(out, setting, signer, &realm, &kc_decline_shape, kc_decline_shape.domain, &decline);
}

/* ---- what is good ---- */

/* shows: R-XCHG-6 */
static void good_records_verify(void **state)
{
    struct setting *setting = *state;
    struct piece paid;
    struct piece taken;
    struct piece receipt;
    struct kc_payment_order order = order_of(setting, 0, 1);
    start(setting, 0);
    sign_order(&paid, setting, 0, &order);
    receipt_of(&receipt, setting, 1, &paid, 1);
    struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_PAY, &paid);
    report(setting, &entry, &paid, &receipt);
    order = order_of(setting, 2, 0);
    order.payee_counter = 2;
    sign_order(&taken, setting, 2, &order);
    entry = entry_of(setting, KC_ENTRY_KIND_RECEIVE, &taken);
    report(setting, &entry, &taken, NULL);
    judge(setting, 0);
    const struct kc_ledger_record *records = setting->records.items;
    assert_int_equal(setting->records.partner_count, 2);
    EXPECT_CODE(records[0].objection, KC_OK);
    EXPECT_CODE(records[0].answer_objection, KC_OK);
    assert_int_equal(records[0].answer, KC_ANSWER_RECEIPT);
    assert_int_equal(records[0].partner, setting->holders[1].account.number);
    assert_int_equal(records[0].answerer.number, setting->holders[1].purse.number);
    EXPECT_CODE(records[1].objection, KC_OK);
    assert_int_equal(records[1].answer, KC_ANSWER_NONE);
    assert_memory_equal(records[1].head_after, setting->information.information.head,
                        KC_DIGEST_SIZE);
    assert_memory_equal(records[1].order_digest, entry.partner, KC_DIGEST_SIZE);
}

/* A decline stands beside the payment, or beside its void with or without the payment in view. */
static void a_decline_is_verified_wherever_it_stands(void **state)
{
    struct setting *setting = *state;
    for (unsigned where = 0; where < 3; where++) {
        struct piece paid;
        struct piece decline;
        struct kc_payment_order order = order_of(setting, 0, 1);
        start(setting, 0);
        sign_order(&paid, setting, 0, &order);
        decline_of(&decline, setting, 1, &paid, 1);
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_PAY, &paid);
        report(setting, &entry, &paid, where == 0 ? &decline : NULL);
        if (where == 2) {
            start(setting, 0);
        }
        entry = entry_of(setting, KC_ENTRY_KIND_VOID, &decline);
        entry.has_voids = true;
        entry.voids = 1;
        report(setting, &entry, NULL, where > 0 ? &decline : NULL);
        judge(setting, 0);
        const struct kc_ledger_record *record = &setting->records.items[where == 1 ? 1 : 0];
        EXPECT_CODE(record->objection, KC_OK);
        EXPECT_CODE(record->answer_objection, KC_OK);
        assert_int_equal(record->answer, KC_ANSWER_DECLINE);
        assert_int_equal(record->partner, setting->holders[1].account.number);
        assert_int_equal(record->answerer.number, setting->holders[1].purse.number);
        assert_memory_equal(record->answered,
                            setting->records.items[0].has_order
                                ? setting->records.items[0].order_digest
                                : record->answered,
                            KC_DIGEST_SIZE);
    }
}

/* Payments without an answer need nobody's certificate. */
static void only_what_is_wanted_is_looked_up(void **state)
{
    struct setting *setting = *state;
    struct piece paid;
    struct kc_payment_order order = order_of(setting, 0, 1);
    start(setting, 0);
    sign_order(&paid, setting, 0, &order);
    struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_PAY, &paid);
    report(setting, &entry, &paid, NULL);
    entry = entry_of(setting, KC_ENTRY_KIND_CASH_OUT, NULL);
    report(setting, &entry, NULL, NULL);
    judge(setting, 0);
    assert_int_equal(setting->records.partner_count, 0);
    EXPECT_CODE(setting->records.items[0].objection, KC_OK);
    EXPECT_CODE(setting->records.items[1].objection, KC_OK);
}

/* ---- what is not ---- */

struct wrong {
    const char *what;
    enum kc_error expected;
};

/* shows: R-XCHG-7 R-SEC-4 */
static void an_order_that_does_not_fit_is_an_objection(void **state)
{
    static const struct wrong wrongs[] = {
        {"signed by somebody else", KC_BAD_SIGNATURE},
        {"signed for another bank", KC_BAD_SIGNATURE},
        {"signed for another currency", KC_BAD_SIGNATURE},
        {"signed as something else", KC_BAD_SIGNATURE},
        {"changed after signing", KC_BAD_SIGNATURE},
        {"for another purse", KC_MISMATCH},
        {"for another account", KC_MISMATCH},
        {"for another counter", KC_MISMATCH},
        {"another amount", KC_MISMATCH},
        {"another order than the entry's", KC_MISMATCH},
        {"paying oneself", KC_MISMATCH},
        {"of a purse that nobody holds", KC_UNKNOWN_SIGNER},
        {"of an account that does not hold the purse", KC_MISMATCH},
        {"no order", KC_MISMATCH},
        {"no signed bytes", KC_MALFORMED},
    };
    struct setting *setting = *state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct piece taken;
        struct kc_payment_order order = order_of(setting, 0, 1);
        const struct kc_realm *where = i == 1 ? &other_bank : i == 2 ? &other_currency : &realm;
        start(setting, 1);
        order.payee_purse = i == 5 ? setting->holders[2].purse : order.payee_purse;
        order.payee = i == 6 ? setting->holders[2].account : order.payee;
        order.payee_counter = i == 7 ? 2 : 1;
        order.amount = amount(i == 8 ? 41 : 40);
        order.payer = i == 10 ? order.payee : order.payer;
        order.payer_purse = i == 11 ? kc_purse_nth(5001) : order.payer_purse;
        order.payer = i == 12 ? kc_account_nth(5000) : order.payer;
        sign_as(&taken, setting, i == 0 ? 2 : 0, where, &kc_payment_order_shape,
                i == 3 ? kc_receipt_shape.domain : kc_payment_order_shape.domain, &order);
        if (i == 4) {
            taken.bytes[taken.size - 1] ^= 1;
        }
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_RECEIVE, &taken);
        entry.partner[0] ^= i == 9 ? 1 : 0;
        if (i == 14) {
            taken.size -= 1;
        }
        report(setting, &entry, i == 13 ? NULL : &taken, NULL);
        judge(setting, 1);
        if (setting->records.items[0].objection != wrongs[i].expected) {
            print_error("%s\n", wrongs[i].what);
        }
        EXPECT_CODE(setting->records.items[0].objection, wrongs[i].expected);
    }
}

/* shows: R-XCHG-7 */
static void a_payers_own_order_is_verified_too(void **state)
{
    struct setting *setting = *state;
    struct piece paid;
    struct kc_payment_order order = order_of(setting, 0, 1);
    start(setting, 0);
    sign_order(&paid, setting, 1, &order);
    struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_PAY, &paid);
    report(setting, &entry, &paid, NULL);
    judge(setting, 0);
    EXPECT_CODE(setting->records.items[0].objection, KC_BAD_SIGNATURE);
}

/* Only a card without keys pays by a mark: nobody who has a key is charged by an order without its signature. */
/* shows: R-XCHG-7 R-SEC-4 R-NODE-8 */
static void a_marked_order_of_a_purse_with_keys_is_an_objection(void **state)
{
    static const enum kc_entry_kind kinds[] = {KC_ENTRY_KIND_RECEIVE, KC_ENTRY_KIND_REFUSE,
                                               KC_ENTRY_KIND_PAY};
    struct setting *setting = *state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct piece order_bytes;
        unsigned reporter = kinds[i] == KC_ENTRY_KIND_PAY ? 0 : 1;
        struct kc_payment_order order = order_of(setting, 0, 1);
        start(setting, reporter);
        mark(&order_bytes, setting, order.payer_purse.number, &order);
        struct kc_entry entry = entry_of(setting, kinds[i], &order_bytes);
        report(setting, &entry, &order_bytes, NULL);
        judge(setting, reporter);
        EXPECT_CODE(setting->records.items[0].objection, KC_WRONG_ALGORITHM);
    }
}

/* What the taker of a card's payment signed for has to name that card and its account, and has to carry the card's mark. */
/* shows: R-XCHG-7 R-SEC-4 R-NODE-8 */
static void what_is_shown_of_a_card_without_keys_has_to_fit_it(void **state)
{
    static const struct wrong wrongs[] = {
        {"as it should be", KC_OK},
        {"signed by its taker", KC_BAD_SIGNATURE},
        {"of an account that does not hold the card", KC_MISMATCH},
        {"of a purse that nobody holds", KC_UNKNOWN_SIGNER},
        {"another amount", KC_MISMATCH},
        {"the card of another account, with keys", KC_WRONG_ALGORITHM},
        {"marked by somebody who never met the card", KC_BAD_SIGNATURE},
    };
    struct setting *setting = *state;
    setting->cards = 1u << 0;
    for (size_t n = 0; n < 2 * (sizeof wrongs / sizeof wrongs[0]); n++) {
        struct piece taken;
        size_t i = n / 2;
        bool refused = n % 2 == 1;
        struct kc_payment_order order = order_of(setting, i == 5 ? 2 : 0, 1);
        start(setting, 1);
        order.payer = i == 2 ? setting->holders[2].account : order.payer;
        order.payer_purse = i == 3 ? kc_purse_nth(5001) : order.payer_purse;
        order.amount = amount(i == 4 ? 41 : 40);
        if (i == 1) {
            sign_order(&taken, setting, 1, &order);
        } else {
            mark(&taken, setting, order.payer_purse.number + (i == 6 ? 1 : 0), &order);
        }
        struct kc_entry entry =
            entry_of(setting, refused ? KC_ENTRY_KIND_REFUSE : KC_ENTRY_KIND_RECEIVE, &taken);
        report(setting, &entry, &taken, NULL);
        judge(setting, 1);
        if (setting->records.items[0].objection != wrongs[i].expected) {
            print_error("%s\n", wrongs[i].what);
        }
        EXPECT_CODE(setting->records.items[0].objection, wrongs[i].expected);
        assert_int_equal(setting->records.items[0].key.size, 0);
    }
}

/* shows: R-XCHG-7 */
static void an_answer_that_does_not_fit_is_none(void **state)
{
    static const enum kc_error expected[] = {KC_BAD_SIGNATURE, KC_BAD_SIGNATURE, KC_MISMATCH,
                                             KC_MISMATCH,      KC_MALFORMED,     KC_BAD_SIGNATURE};
    struct setting *setting = *state;
    for (unsigned i = 0; i < 6; i++) {
        struct piece paid;
        struct piece answer;
        struct kc_payment_order order = order_of(setting, 0, 1);
        start(setting, 0);
        sign_order(&paid, setting, 0, &order);
        receipt_of(&answer, setting, i == 0 ? 2 : 1, &paid, i == 2 ? 2 : 1);
        if (i == 1) {
            answer.bytes[answer.size - 2] ^= 4;
        } else if (i == 3) {
            struct piece other;
            order.amount = amount(41);
            sign_order(&other, setting, 0, &order);
            receipt_of(&answer, setting, 1, &other, 1);
        } else if (i == 4) {
            answer = paid;
        } else if (i == 5) {
            decline_of(&answer, setting, 0, &paid, 1);
        }
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_PAY, &paid);
        report(setting, &entry, &paid, &answer);
        judge(setting, 0);
        EXPECT_CODE(setting->records.items[0].objection, KC_OK);
        EXPECT_CODE(setting->records.items[0].answer_objection, expected[i]);
        assert_int_equal(setting->records.items[0].answer, KC_ANSWER_NONE);
    }
}

/* A partner whose certificate is revoked or expired vouches for nothing. */
/* shows: R-SEC-4 R-XCHG-7 */
static void a_certificate_that_is_no_more_is_the_objection(void **state)
{
    static const enum kc_error errors[] = {KC_CERT_REVOKED, KC_CERT_EXPIRED, KC_CERT_INVALID};
    struct setting *setting = *state;
    for (unsigned i = 0; i < 3; i++) {
        struct piece taken;
        struct kc_payment_order order = order_of(setting, 0, 1);
        start(setting, 1);
        sign_order(&taken, setting, 0, &order);
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_RECEIVE, &taken);
        report(setting, &entry, &taken, NULL);
        EXPECT(kc_records_read(&setting->records, &setting->information, &setting->list,
                               &setting->crypto),
               KC_OK);
        setting->records.partners[0].error = errors[i];
        setting->records.partners[0].key = setting->holders[0].public_key;
        kc_records_verify(&setting->records, &setting->crypto, &realm,
                          &setting->holders[1].public_key);
        EXPECT_CODE(setting->records.items[0].objection, errors[i]);
    }
}

/* What a purse signed verifies with the key that the bank kept, until late records are no longer waited for. */
/* shows: R-SEC-4 */
static void a_kept_key_holds_for_the_settlement_time(void **state)
{
    struct setting *setting = *state;
    struct kc_purse_key_row keys = {.purse = setting->holders[0].purse,
                                    .account = setting->holders[0].account,
                                    .expires_ms = 1000};
    struct kc_buffer key = KC_BUFFER(keys.sign_key);
    EXPECT(kc_key_encode(&key, &setting->holders[0].public_key), KC_OK);
    keys.sign_size = key.size;
    static const struct {
        uint64_t now_ms;
        enum kc_error expected;
    } moments[] = {
        {0, KC_OK}, {1000, KC_OK}, {1500, KC_OK}, {1501, KC_EXPIRED}, {9999, KC_EXPIRED}};
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        struct piece taken;
        struct kc_payment_order order = order_of(setting, 0, 1);
        start(setting, 1);
        sign_order(&taken, setting, 0, &order);
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_RECEIVE, &taken);
        report(setting, &entry, &taken, NULL);
        EXPECT(kc_records_read(&setting->records, &setting->information, &setting->list,
                               &setting->crypto),
               KC_OK);
        kc_partner_take_kept(&setting->records.partners[0], &keys, moments[i].now_ms, 500);
        kc_records_verify(&setting->records, &setting->crypto, &realm,
                          &setting->holders[1].public_key);
        EXPECT_CODE(setting->records.items[0].objection, moments[i].expected);
        /* What it did not sign is not taken for late, whatever the moment. */
        setting->records.items[0].objection = KC_OK;
        setting->records.partners[0].key = setting->holders[1].public_key;
        kc_records_verify(&setting->records, &setting->crypto, &realm,
                          &setting->holders[1].public_key);
        EXPECT_CODE(setting->records.items[0].objection, KC_BAD_SIGNATURE);
    }
    keys.sign_size = 3;
    struct kc_partner partner = {.number = 5};
    kc_partner_take_kept(&partner, &keys, 0, 500);
    assert_int_not_equal(partner.error, KC_OK);
}

/* Records that are no chain are no report. */
static void records_must_be_a_chain(void **state)
{
    struct setting *setting = *state;
    struct kc_value_information *told = &setting->information.information;
    start(setting, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_CASH_OUT, NULL);
        report(setting, &entry, NULL, NULL);
    }
    judge(setting, 0);
    told->head[0] ^= 1;
    EXPECT(
        kc_records_read(&setting->records, &setting->information, &setting->list, &setting->crypto),
        KC_MISMATCH);
    /* Only the first entries are reported, so the newest head is not in view. */
    told->counter += 1;
    EXPECT(
        kc_records_read(&setting->records, &setting->information, &setting->list, &setting->crypto),
        KC_OK);
    told->counter -= 2;
    EXPECT(
        kc_records_read(&setting->records, &setting->information, &setting->list, &setting->crypto),
        KC_MISMATCH);
    told->counter += 2;
    struct kc_view first = setting->list.items[0];
    setting->list.items[0] = setting->list.items[1];
    setting->list.items[1] = first;
    EXPECT(
        kc_records_read(&setting->records, &setting->information, &setting->list, &setting->crypto),
        KC_MISMATCH);
    setting->list.items[1].size -= 1;
    setting->list.items[0] = setting->list.items[1];
    assert_true(kc_failed(kc_records_read(&setting->records, &setting->information, &setting->list,
                                          &setting->crypto)));
}

/* Entries before the first record were overwritten: the chain begins where the purse says they ended. */
/* shows: R-LOG-2 */
static void a_gap_is_where_the_records_begin(void **state)
{
    struct setting *setting = *state;
    uint8_t bytes[128];
    struct kc_buffer encoded = KC_BUFFER(bytes);
    struct kc_ledger_information *information = &setting->information;
    struct kc_value_information *told = &information->information;
    start(setting, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_CASH_OUT, NULL);
        report(setting, &entry, NULL, NULL);
    }
    judge(setting, 0);
    struct kc_gap gap = {.counter = setting->records.items[0].entry.counter, .paid = amount(40)};
    memcpy(gap.head, setting->records.items[0].head_after, KC_DIGEST_SIZE);
    setting->list.items[0] = setting->list.items[1];
    setting->list.items[1] = setting->list.items[2];
    setting->list.count = 2;
    EXPECT(kc_records_read(&setting->records, information, &setting->list, &setting->crypto),
           KC_MISMATCH);
    EXPECT(kc_shape_encode(&encoded, &kc_gap_shape, &gap), KC_OK);
    EXPECT(kc_records_read_gap(information, kc_buffer_view(&encoded)), KC_OK);
    assert_true(information->has_gap);
    assert_int_equal(kc_amount_minor(information->gap.paid), 40);
    EXPECT(kc_records_read(&setting->records, information, &setting->list, &setting->crypto),
           KC_OK);
    information->gap.head[0] ^= 1;
    EXPECT(kc_records_read(&setting->records, information, &setting->list, &setting->crypto),
           KC_MISMATCH);
    /* Nothing after it: then it ends at the newest entry, with its head. */
    information->gap.counter = told->counter;
    memcpy(information->gap.head, told->head, KC_DIGEST_SIZE);
    setting->list.count = 0;
    EXPECT(kc_records_read(&setting->records, information, &setting->list, &setting->crypto),
           KC_OK);
    information->gap.head[0] ^= 1;
    EXPECT(kc_records_read(&setting->records, information, &setting->list, &setting->crypto),
           KC_MISMATCH);
}

/* One that ends where nothing is, that is covered, or that cannot be read. */
static void a_gap_has_to_fit_its_purse(void **state)
{
    struct setting *setting = *state;
    uint8_t bytes[128];
    struct kc_buffer encoded = KC_BUFFER(bytes);
    struct kc_ledger_information *information = &setting->information;
    start(setting, 0);
    struct kc_gap gap = {.counter = 1};
    EXPECT(kc_shape_encode(&encoded, &kc_gap_shape, &gap), KC_OK);
    EXPECT(kc_records_read_gap(information, kc_buffer_view(&encoded)), KC_MISMATCH);
    information->information.counter = 1;
    EXPECT(kc_records_read_gap(information, kc_buffer_view(&encoded)), KC_OK);
    assert_true(information->has_gap);
    information->certified.counter = 1;
    EXPECT(kc_records_read_gap(information, kc_buffer_view(&encoded)), KC_OK);
    assert_false(information->has_gap);
    for (size_t size = 0; size < encoded.size; size++) {
        assert_true(kc_failed(kc_records_read_gap(information, kc_view(bytes, size))));
        assert_false(information->has_gap);
    }
}

/* Every byte of a report counts: whichever is changed, the record shows nothing any more or the report is none. */
/* shows: R-XCHG-7 */
static void any_changed_byte_is_found(void **state)
{
    struct setting *setting = *state;
    struct piece paid;
    struct piece receipt;
    struct kc_payment_order order = order_of(setting, 0, 1);
    start(setting, 0);
    sign_order(&paid, setting, 0, &order);
    receipt_of(&receipt, setting, 1, &paid, 1);
    struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_PAY, &paid);
    report(setting, &entry, &paid, &receipt);
    size_t size = setting->list.items[0].size;
    for (size_t at = 0; at < size; at++) {
        setting->pieces[0].bytes[at] ^= 4;
        struct kc_result read = kc_records_read(&setting->records, &setting->information,
                                                &setting->list, &setting->crypto);
        for (size_t i = 0; i < setting->records.partner_count; i++) {
            setting->records.partners[i].error = KC_OK;
            setting->records.partners[i].key = setting->holders[1].public_key;
        }
        if (!kc_failed(read)) {
            kc_records_verify(&setting->records, &setting->crypto, &realm,
                              &setting->holders[0].public_key);
        }
        const struct kc_ledger_record *record = &setting->records.items[0];
        bool found =
            kc_failed(read) || record->objection != KC_OK || record->answer_objection != KC_OK;
        if (!found) {
            print_error("byte %zu of %zu\n", at, size);
        }
        assert_true(found);
        setting->pieces[0].bytes[at] ^= 4;
        setting->list.items[0].size = at;
        read = kc_records_read(&setting->records, &setting->information, &setting->list,
                               &setting->crypto);
        assert_true(kc_failed(read));
        setting->list.items[0].size = size;
    }
}

/* Holder 0 gets a new key; *before is what it was. */
static void renew_key(struct setting *setting, struct holder *before)
{
    struct holder *holder = &setting->holders[0];
    *before = *holder;
    setting->renewed = true;
    setting->old = holder->public_key;
    EXPECT(setting->crypto.generate(setting->crypto.context, &holder->key, &holder->public_key,
                                    holder->public_key.type),
           KC_OK);
}

/* What the reporter, holder 1, hears of a payment by holder 0. */
static void expect_order(struct setting *setting, enum kc_partner_term term, bool late,
                         const struct piece *order, enum kc_error wanted,
                         const struct kc_public_key *by)
{
    uint8_t bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer key = KC_BUFFER(bytes);
    start(setting, 1);
    setting->term = term;
    setting->late = late;
    struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_RECEIVE, order);
    report(setting, &entry, order, NULL);
    judge(setting, 1);
    const struct kc_ledger_record *record = &setting->records.items[0];
    EXPECT_CODE(record->objection, wanted);
    if (by != NULL) {
        EXPECT(kc_key_encode(&key, by), KC_OK);
        assert_true(kc_view_equal(record->key, kc_buffer_view(&key)));
    }
}

/* shows: R-RENEW-5 */
static void a_renewed_key_holds_for_its_own_counters(void **state)
{
    struct setting *setting = *state;
    struct piece by_old;
    struct piece by_new;
    struct holder before;
    struct kc_payment_order order = order_of(setting, 0, 1);
    sign_order(&by_old, setting, 0, &order);
    renew_key(setting, &before);
    sign_order(&by_new, setting, 0, &order);
    const struct kc_public_key *old = &before.public_key;
    const struct kc_public_key *new = &setting->holders[0].public_key;
    /* Twice: the second time it is known already. */
    for (int i = 0; i < 2; i++) {
        expect_order(setting, KC_TERM_ONLY, false, &by_old, KC_OK, old);
        expect_order(setting, KC_TERM_ONLY, false, &by_new, KC_BAD_SIGNATURE, NULL);
        expect_order(setting, KC_TERM_ONLY, true, &by_old, KC_EXPIRED, NULL);
        expect_order(setting, KC_TERM_EITHER, false, &by_old, KC_OK, old);
        expect_order(setting, KC_TERM_EITHER, false, &by_new, KC_OK, new);
        expect_order(setting, KC_TERM_ENDED, false, &by_new, KC_OK, new);
        expect_order(setting, KC_TERM_ENDED, false, &by_old, KC_KEY_RENEWED, NULL);
        expect_order(setting, KC_TERM_NONE, false, &by_old, KC_BAD_SIGNATURE, NULL);
    }
    /* A stranger's is neither; unless holder 0 had it certified, and left it for another. */
    sign_order(&by_new, setting, 2, &order);
    for (int term = KC_TERM_NONE; term <= KC_TERM_ENDED; term++) {
        setting->left = NULL;
        expect_order(setting, (enum kc_partner_term)term, false, &by_new, KC_BAD_SIGNATURE, NULL);
        setting->left = &setting->holders[1].public_key;
        expect_order(setting, (enum kc_partner_term)term, false, &by_new, KC_BAD_SIGNATURE, NULL);
        setting->left = &setting->holders[2].public_key;
        expect_order(setting, (enum kc_partner_term)term, false, &by_new, KC_KEY_RENEWED, NULL);
    }
}

/* shows: R-RENEW-5 */
static void a_payee_answers_with_the_key_it_has(void **state)
{
    struct setting *setting = *state;
    struct piece paid;
    struct piece by_old;
    struct piece by_new;
    struct holder before;
    struct kc_payment_order order = order_of(setting, 1, 0);
    sign_order(&paid, setting, 1, &order);
    receipt_of(&by_old, setting, 0, &paid, 0);
    renew_key(setting, &before);
    receipt_of(&by_new, setting, 0, &paid, 0);
    const struct {
        enum kc_partner_term term;
        bool late;
        const struct piece *answer;
        enum kc_error wanted;
    } cases[] = {
        {KC_TERM_ONLY, false, &by_old, KC_OK},
        {KC_TERM_ONLY, true, &by_old, KC_EXPIRED},
        /* It said so after the renewal, of a counter before. */
        {KC_TERM_ONLY, false, &by_new, KC_OK},
        {KC_TERM_EITHER, false, &by_old, KC_OK},
        {KC_TERM_EITHER, false, &by_new, KC_OK},
        {KC_TERM_ENDED, false, &by_new, KC_OK},
        {KC_TERM_ENDED, false, &by_old, KC_KEY_RENEWED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(setting, 1);
        setting->term = cases[i].term;
        setting->late = cases[i].late;
        struct kc_entry entry = entry_of(setting, KC_ENTRY_KIND_PAY, &paid);
        report(setting, &entry, &paid, cases[i].answer);
        judge(setting, 1);
        const struct kc_ledger_record *record = &setting->records.items[0];
        EXPECT_CODE(record->objection, KC_OK);
        EXPECT_CODE(record->answer_objection, cases[i].wanted);
        assert_int_equal(record->answer,
                         cases[i].wanted == KC_OK ? KC_ANSWER_RECEIPT : KC_ANSWER_NONE);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_records_verify),
        cmocka_unit_test_setup_teardown(good_records_verify, set_up_rsa, tear_down),
        TEST(a_decline_is_verified_wherever_it_stands),
        TEST(only_what_is_wanted_is_looked_up),
        TEST(an_order_that_does_not_fit_is_an_objection),
        TEST(a_payers_own_order_is_verified_too),
        TEST(a_marked_order_of_a_purse_with_keys_is_an_objection),
        TEST(what_is_shown_of_a_card_without_keys_has_to_fit_it),
        TEST(an_answer_that_does_not_fit_is_none),
        TEST(a_certificate_that_is_no_more_is_the_objection),
        TEST(a_kept_key_holds_for_the_settlement_time),
        TEST(a_renewed_key_holds_for_its_own_counters),
        cmocka_unit_test_setup_teardown(a_renewed_key_holds_for_its_own_counters, set_up_rsa,
                                        tear_down),
        TEST(a_payee_answers_with_the_key_it_has),
        TEST(records_must_be_a_chain),
        TEST(a_gap_is_where_the_records_begin),
        TEST(a_gap_has_to_fit_its_purse),
        TEST(any_changed_byte_is_found),
    };
    return cmocka_run_group_tests_name("bank: records", tests, NULL, NULL);
}
