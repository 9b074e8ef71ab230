/* The store in RAM is asked what the SQLite store is asked, in a random order that a seed decides, and has to say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "../unit/store/rng.h"
#include "store/sqlite.h"
#include "whole_store.h"

#define ROUNDS 12u
#define CALLS 700u

struct pair {
    struct rng rng;
    struct ram_store *ram;
    struct kc_store a;
    struct kc_store b;
    bool in_batch;
    uint64_t next_id;
    unsigned moves;
    unsigned give_backs;
};

static uint64_t number(struct pair *pair, uint64_t below)
{
    return rng_below(&pair->rng, below);
}

static struct kc_amount some_amount(struct pair *pair)
{
    struct kc_amount amount = kc_amount_zero();
    assert_false(kc_failed(kc_amount_from_minor(&amount, number(pair, 100000))));
    return amount;
}

static void some_digest(uint8_t out[KC_DIGEST_SIZE], struct pair *pair)
{
    memset(out, 0, KC_DIGEST_SIZE);
    out[number(pair, 2) * 31] = (uint8_t)number(pair, 3);
}

static void same(struct kc_result a, struct kc_result b)
{
    if (a.code != b.code) {
        (void)fprintf(stderr, "SQLite says %s, RAM says %s\n", kc_error_name(a.code),
                      kc_error_name(b.code));
    }
    assert_int_equal(a.code, b.code);
}

/* ---- rows ---- */

static struct kc_account_row an_account(struct pair *pair)
{
    struct kc_account_row row;
    memset(&row, 0, sizeof row);
    row.account.number = 1 + number(pair, 5);
    row.state = (enum kc_account_state)(1 + number(pair, 3));
    row.suite = KC_SUITE_ES256;
    row.type = (enum kc_purse_type)(1 + number(pair, 4));
    row.owner.number = row.type == KC_PURSE_TYPE_MACHINE ? 1 + number(pair, 5) : 0;
    (void)snprintf(row.name, sizeof row.name, "n%d", (int)number(pair, 9));
    row.open_id[3] = (uint8_t)(number(pair, 10) == 0 ? number(pair, 7) : row.account.number);
    row.temporary_until_ms = number(pair, 50) * 8 + row.account.number;
    row.balance = some_amount(pair);
    return row;
}

static struct kc_purse_row a_purse(struct pair *pair)
{
    struct kc_purse_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 5);
    row.account.number = 1 + number(pair, 5);
    row.type = KC_PURSE_TYPE_UIM;
    row.state = (enum kc_purse_standing)(1 + number(pair, 3));
    row.value = some_amount(pair);
    row.sequence = number(pair, 100);
    row.counter = number(pair, 100);
    some_digest(row.head, pair);
    row.certified_size = number(pair, KC_CERTIFIED_SIZE_MAX);
    memset(row.certified, (int)number(pair, 256), row.certified_size);
    row.ahead_in = some_amount(pair);
    row.ahead_out = some_amount(pair);
    row.objected = some_amount(pair);
    row.owed = some_amount(pair);
    row.claimed = some_amount(pair);
    row.withheld = some_amount(pair);
    row.withheld_sequence = number(pair, 100);
    row.log_policy = (enum kc_log_policy)(1 + number(pair, 3));
    row.out_reason = number(pair, 2) == 0 ? KC_OK : KC_OVERSPENT;
    row.out_ms = number(pair, 100);
    return row;
}

static struct kc_transaction_row a_transaction(struct pair *pair)
{
    struct kc_transaction_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 3);
    row.time_ms = 1 + number(pair, 12);
    row.kind = (enum kc_transaction_kind)(1 + number(pair, 4));
    row.state = (enum kc_transaction_state)(1 + number(pair, 6));
    row.reason = number(pair, 2) == 0 ? KC_OK : KC_EXPIRED;
    row.amount = some_amount(pair);
    row.expires_ms = number(pair, 50);
    some_digest(row.request_digest, pair);
    row.certified_size = number(pair, 4);
    if (number(pair, 2) == 0) {
        row.machine.number = 11 + number(pair, 3);
        some_digest(row.reference, pair);
    }
    return row;
}

static struct kc_payment_row a_payment(struct pair *pair)
{
    struct kc_payment_row row;
    memset(&row, 0, sizeof row);
    row.payer.number = 11 + number(pair, 3);
    row.payer_counter = 1 + number(pair, 8);
    some_digest(row.digest, pair);
    row.state = (enum kc_payment_state)(1 + number(pair, 4));
    row.payee.number = 11 + number(pair, 3);
    row.payee_counter = 1 + number(pair, 8);
    row.amount = some_amount(pair);
    row.time_ms = number(pair, 100);
    row.payer_counted = number(pair, 2) == 0;
    row.open = number(pair, 2) == 0;
    row.told_sequence = number(pair, 5);
    row.due_ms = number(pair, 60);
    row.inferred = number(pair, 2) == 0;
    return row;
}

static struct kc_record_row a_record(struct pair *pair)
{
    struct kc_record_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 3);
    row.counter = 1 + number(pair, 12);
    row.kind = (enum kc_entry_kind)(1 + number(pair, 5));
    row.state = (enum kc_record_state)(1 + number(pair, 6));
    row.amount = some_amount(pair);
    some_digest(row.digest, pair);
    row.size = number(pair, KC_LOG_RECORD_SIZE_MAX);
    memset(row.bytes, (int)number(pair, 256), row.size);
    return row;
}

static struct kc_gap_row a_gap(struct pair *pair)
{
    struct kc_gap_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 3);
    row.last = 1 + number(pair, 12);
    row.first = 1 + number(pair, row.last);
    row.state = (enum kc_gap_state)(1 + number(pair, 3));
    some_digest(row.before, pair);
    some_digest(row.after, pair);
    row.in = some_amount(pair);
    row.out = some_amount(pair);
    row.back = some_amount(pair);
    row.unexplained_in = some_amount(pair);
    row.unexplained_out = some_amount(pair);
    row.unexplained_back = some_amount(pair);
    row.inferred_in = some_amount(pair);
    row.given_back = some_amount(pair);
    row.netted = some_amount(pair);
    row.advance = some_amount(pair);
    row.reported_ms = number(pair, 60);
    row.due_ms = number(pair, 60);
    row.told_sequence = number(pair, 60);
    row.shown_ms = number(pair, 60);
    some_digest(row.shown_digest, pair);
    return row;
}

static struct kc_reissue_row a_reissue(struct pair *pair)
{
    struct kc_reissue_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 6);
    row.id[1] = (uint8_t)number(pair, 6);
    row.account.number = 1 + number(pair, 3);
    row.old.number = 11 + number(pair, 6);
    row.suite = KC_SUITE_ES256;
    row.temporary_until_ms = number(pair, 60);
    return row;
}

static struct kc_purse_key_row some_keys(struct pair *pair)
{
    struct kc_purse_key_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 5);
    row.account.number = 1 + number(pair, 3);
    row.signer[2] = (uint8_t)number(pair, 6);
    row.expires_ms = number(pair, 60);
    row.sign_size = 1 + number(pair, 5);
    row.sign_key[0] = (uint8_t)number(pair, 256);
    row.encrypt_size = 1 + number(pair, 5);
    row.encrypt_key[0] = (uint8_t)number(pair, 256);
    row.pair[KC_PAIR_SIZE - 1] = (uint8_t)number(pair, 256);
    return row;
}

static struct kc_renewal_row a_renewal(struct pair *pair)
{
    struct kc_renewal_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 2);
    row.number = 1 + number(pair, 3);
    row.account.number = 1 + number(pair, 3);
    row.state = (enum kc_renewal_state)(1 + number(pair, 4));
    row.counter = number(pair, 12);
    row.asked_ms = number(pair, 60);
    row.done_ms = number(pair, 60);
    row.old_expires_ms = number(pair, 60);
    row.expires_ms = number(pair, 60);
    /* Two renewals of one number have no signer in common, so that the newest is one. */
    row.old_signer[2] = (uint8_t)(row.number + 8u * (row.purse.number & 1u));
    row.signer[2] = (uint8_t)(row.old_signer[2] + 1u);
    row.identity_digest[3] = (uint8_t)number(pair, 256);
    row.certificate[4] = (uint8_t)number(pair, 256);
    row.old_sign_size = 1 + number(pair, 5);
    row.old_sign_key[0] = (uint8_t)number(pair, 256);
    row.sign_size = 1 + number(pair, 5);
    row.sign_key[0] = (uint8_t)number(pair, 256);
    row.encrypt_size = 1 + number(pair, 5);
    row.encrypt_key[0] = (uint8_t)number(pair, 256);
    row.old_pair[0] = (uint8_t)number(pair, 256);
    row.pair[KC_PAIR_SIZE - 1] = (uint8_t)number(pair, 256);
    return row;
}

static struct kc_key_offer_row a_key_offer(struct pair *pair)
{
    struct kc_key_offer_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 7);
    row.account.number = 1 + number(pair, 3);
    row.state = (enum kc_key_offer_state)(1 + number(pair, 3));
    row.ordered_ms = number(pair, 60);
    row.ready_ms = number(pair, 60);
    row.signer[3] = (uint8_t)number(pair, 256);
    row.sign_size = number(pair, 5);
    row.sign_key[0] = row.sign_size == 0 ? 0 : (uint8_t)number(pair, 256);
    row.encrypt_size = number(pair, 5);
    row.encrypt_key[0] = row.encrypt_size == 0 ? 0 : (uint8_t)number(pair, 256);
    return row;
}

/* ---- scans: every row goes into one running text of bytes ---- */

struct seen {
    size_t rows;
    size_t most;
    uint64_t sum;
};

static bool look(struct seen *seen, const void *row, size_t size)
{
    const uint8_t *bytes = row;
    for (size_t i = 0; i < size; i++) {
        seen->sum = (seen->sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    seen->rows += 1;
    return seen->rows < seen->most;
}

#define LOOKER(name, type)                                                                         \
    static bool look_##name(void *owner, const struct type *row)                                   \
    {                                                                                              \
        return look(owner, row, sizeof *row);                                                      \
    }
LOOKER(account, kc_account_row)
LOOKER(purse, kc_purse_row)
LOOKER(transaction, kc_transaction_row)
LOOKER(posting, kc_posting_row)
LOOKER(batch, kc_batch_row)
LOOKER(alert, kc_alert_row)
LOOKER(payment, kc_payment_row)
LOOKER(record, kc_record_row)
LOOKER(gap, kc_gap_row)
LOOKER(give_back, kc_give_back_row)

/* Rows with padding. */
static bool look_hotlist(void *owner, const struct kc_hotlist_row *row)
{
    const uint64_t numbers[] = {row->version, row->purse.number, row->time_ms, row->reason,
                                row->ends_ms};
    return look(owner, numbers, sizeof numbers);
}

static bool look_move(void *owner, const struct kc_move_row *row)
{
    const uint64_t numbers[] = {row->purse.number, row->other, row->kind,
                                kc_amount_minor(row->amount), row->time_ms};
    return look(owner, numbers, sizeof numbers);
}

static bool look_charging(void *owner, const struct kc_charging_row *row)
{
    /* Of an account that is not charged only its number is told. */
    bool whole = row->act_ms != 0;
    const uint64_t numbers[] = {row->account.number, whole ? row->source : 0,
                                whole ? row->period : 0, row->due_ms, row->act_ms};
    return look(owner, numbers, sizeof numbers);
}

static bool look_charge(void *owner, const struct kc_charge_row *row)
{
    const uint64_t numbers[] = {row->account.number, row->period,   row->purse.number,
                                row->step,           row->source,   row->due_ms,
                                row->notified_ms,    row->told_ms,  row->since_ms,
                                row->suspended_ms,   row->ended_ms, row->attempt,
                                row->sent,           row->reason,   kc_amount_minor(row->amount)};
    return look(owner, numbers, sizeof numbers);
}

static bool look_closing(void *owner, const struct kc_closing_row *row)
{
    /* Of a machine only its numbers are told. */
    const uint64_t numbers[] = {
        row->account.number, row->purse.number, row->act_ms != 0 ? row->by : 0,
        row->early,          row->begun_ms,     row->due_ms,
        row->closed_ms,      row->act_ms,       row->payouts,
        row->revoked_ms};
    return look(owner, numbers, sizeof numbers);
}

static bool look_payout(void *owner, const struct kc_payout_row *row)
{
    const uint64_t numbers[] = {
        row->account.number, row->number,   row->purse.number, row->state,
        row->ordered_ms,     row->ended_ms, row->reason,       kc_amount_minor(row->amount)};
    return look(owner, numbers, sizeof numbers);
}

static bool look_ending(void *owner, const struct kc_ending_row *row)
{
    const uint64_t numbers[] = {row->purse.number, row->account.number, row->number,   row->owed_ms,
                                row->act_ms,       row->tries,          row->ended_ms, row->reason};
    return look(owner, numbers, sizeof numbers);
}

/* Rows of these two have unused bytes at their ends. */
static bool look_evidence(void *owner, const struct kc_evidence_row *row)
{
    (void)look(owner, row->digest, KC_DIGEST_SIZE);
    (void)look(owner, &row->time_ms, sizeof row->time_ms);
    return look(owner, row->bytes, row->size);
}

static bool look_signer(void *owner, const struct kc_signer_row *row)
{
    (void)look(owner, row->signer, KC_SIGNER_SIZE);
    return look(owner, row->key, row->size);
}

static struct kc_store_scan scan_into(struct seen *seen, size_t most)
{
    *seen = (struct seen){.most = most, .sum = UINT64_C(0xcbf29ce484222325)};
    return (struct kc_store_scan){.owner = seen,
                                  .account = look_account,
                                  .purse = look_purse,
                                  .transaction = look_transaction,
                                  .posting = look_posting,
                                  .batch = look_batch,
                                  .alert = look_alert,
                                  .evidence = look_evidence,
                                  .payment = look_payment,
                                  .record = look_record,
                                  .gap = look_gap,
                                  .hotlist = look_hotlist,
                                  .move = look_move,
                                  .give_back = look_give_back,
                                  .charging = look_charging,
                                  .charge = look_charge,
                                  .closing = look_closing,
                                  .payout = look_payout,
                                  .ending = look_ending,
                                  .signer = look_signer};
}

#define SCAN_BOTH(pair, most, call, ...)                                                           \
    do {                                                                                           \
        struct seen left;                                                                          \
        struct seen right;                                                                         \
        const struct kc_store_scan first = scan_into(&left, most);                                 \
        const struct kc_store_scan second = scan_into(&right, most);                               \
        same((pair)->a.call((pair)->a.context, &first __VA_ARGS__),                                \
             (pair)->b.call((pair)->b.context, &second __VA_ARGS__));                              \
        assert_int_equal(left.rows, right.rows);                                                   \
        assert_true(left.sum == right.sum);                                                        \
    } while (0)
#define WITH(...) , __VA_ARGS__

static void compare_scans(struct pair *pair)
{
    uint64_t purse = number(pair, 3) == 0 ? 0 : 11 + number(pair, 3);
    uint64_t low = 1 + number(pair, 8);
    uint64_t high = low + number(pair, 8);
    uint64_t time = number(pair, 60);
    size_t most = number(pair, 4) == 0 ? 1 + (size_t)number(pair, 3) : 100000;
    SCAN_BOTH(pair, most, scan_accounts, );
    SCAN_BOTH(pair, most, scan_temporary, WITH(time * 8));
    SCAN_BOTH(pair, most, scan_purses, WITH(number(pair, 1) + time % 6));
    SCAN_BOTH(pair, most, scan_transactions, WITH(purse));
    SCAN_BOTH(pair, most, scan_late, WITH(time));
    SCAN_BOTH(pair, most, scan_sent, WITH(purse, time % 13));
    SCAN_BOTH(pair, most, scan_postings, );
    SCAN_BOTH(pair, most, scan_batches, );
    SCAN_BOTH(pair, most, scan_alerts, );
    SCAN_BOTH(pair, most, scan_evidence, WITH(purse));
    SCAN_BOTH(pair, most, scan_paid, WITH(purse, low, high));
    SCAN_BOTH(pair, most, scan_taken, WITH(11 + time % 3, low, high));
    SCAN_BOTH(pair, most, scan_open, WITH(11 + time % 3));
    SCAN_BOTH(pair, most, scan_records, WITH(purse));
    SCAN_BOTH(pair, most, scan_signers, WITH(1 + time % 3));
    SCAN_BOTH(pair, most, scan_hotlist, );
    SCAN_BOTH(pair, most, scan_moves, );
    SCAN_BOTH(pair, most, scan_give_backs, WITH(purse, number(pair, 1) * low));
    SCAN_BOTH(pair, most, scan_due, WITH(time));
    SCAN_BOTH(pair, most, scan_gaps, WITH(purse));
    SCAN_BOTH(pair, most, scan_gaps_open, WITH(11 + time % 3));
    SCAN_BOTH(pair, most, scan_gaps_due, WITH(time));
    SCAN_BOTH(pair, most, scan_charging, WITH(time));
    SCAN_BOTH(pair, most, scan_uncharged, WITH(time % 5));
    SCAN_BOTH(pair, most, scan_charges, WITH(time % 5));
    SCAN_BOTH(pair, most, scan_charges_sent, WITH(time % 5));
    SCAN_BOTH(pair, most, scan_closings, WITH(time));
    SCAN_BOTH(pair, most, scan_unrevoked, WITH(time % 5));
    SCAN_BOTH(pair, most, scan_owned, WITH(time % 5));
    SCAN_BOTH(pair, most, scan_payouts, WITH(time % 5));
    SCAN_BOTH(pair, most, scan_payouts_sent, WITH(time % 5));
    SCAN_BOTH(pair, most, scan_endings, WITH(time));
}

/* ---- puts and gets ---- */

static struct kc_give_back_row a_give_back(struct pair *pair)
{
    struct kc_give_back_row row;
    memset(&row, 0, sizeof row);
    row.purse.number = 11 + number(pair, 3);
    row.sale = 1 + number(pair, 8);
    row.counter = number(pair, 4);
    row.to.number = 1 + number(pair, 5);
    row.owner.number = 1 + number(pair, 5);
    row.card.number = number(pair, 2);
    row.amount = some_amount(pair);
    row.time_ms = number(pair, 50);
    some_digest(row.reference, pair);
    some_digest(row.digest, pair);
    return row;
}

#define PUT_BOTH(pair, call, ...)                                                                  \
    same((pair)->a.call((pair)->a.context, __VA_ARGS__),                                           \
         (pair)->b.call((pair)->b.context, __VA_ARGS__))

static void put_first_half(struct pair *pair, uint64_t which)
{
    struct kc_account_row account = an_account(pair);
    struct kc_purse_row purse = a_purse(pair);
    struct kc_transaction_row transaction = a_transaction(pair);
    struct kc_payment_row payment = a_payment(pair);
    struct kc_record_row record = a_record(pair);
    switch (which) {
    case 0:
        PUT_BOTH(pair, account_put, &account);
        break;
    case 1:
        PUT_BOTH(pair, account_balance_put, account.account.number, account.balance);
        break;
    case 2:
        PUT_BOTH(pair, purse_put, &purse);
        break;
    case 3:
        PUT_BOTH(pair, purse_ahead_put, &purse);
        break;
    case 4:
        PUT_BOTH(pair, transaction_put, &transaction);
        break;
    case 5:
        PUT_BOTH(pair, payment_put, &payment);
        break;
    default:
        PUT_BOTH(pair, record_put, &record);
        break;
    }
}

static void put_second_half(struct pair *pair, uint64_t which)
{
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t signer[KC_SIGNER_SIZE] = {0};
    struct kc_posting_row posting;
    struct kc_batch_row batch;
    struct kc_totals_row totals;
    struct kc_alert_row alert;
    memset(&posting, 0, sizeof posting);
    memset(&batch, 0, sizeof batch);
    memset(&alert, 0, sizeof alert);
    some_digest(digest, pair);
    struct kc_view bytes = kc_view(digest, 1 + number(pair, 30));
    switch (which) {
    case 0:
        posting.id = pair->next_id++;
        posting.debit = number(pair, 9);
        posting.amount = some_amount(pair);
        PUT_BOTH(pair, posting_add, &posting);
        break;
    case 1:
        batch.id = pair->next_id++;
        some_digest(batch.chain, pair);
        PUT_BOTH(pair, batch_add, &batch);
        break;
    case 2:
        same(pair->a.totals_get(pair->a.context, &totals), kc_ok());
        totals.outside = some_amount(pair);
        totals.next_posting += number(pair, 4);
        PUT_BOTH(pair, totals_put, &totals);
        break;
    case 3:
        alert.purse.number = 11 + number(pair, 3);
        alert.reason = KC_OVERSPENT;
        PUT_BOTH(pair, alert_add, &alert);
        break;
    case 4:
        PUT_BOTH(pair, evidence_add, 11 + number(pair, 1), 1 + number(pair, 1), KC_EVIDENCE_REQUEST,
                 digest, bytes);
        break;
    default:
        kc_be64_store(signer, 1 + pair->next_id % 3);
        signer[9] = digest[0];
        PUT_BOTH(pair, signer_add, signer, bytes);
        break;
    }
}

static void put_third_half(struct pair *pair, uint64_t which)
{
    struct kc_gap_row gap = a_gap(pair);
    struct kc_reissue_row reissue = a_reissue(pair);
    struct kc_purse_key_row keys = some_keys(pair);
    struct kc_move_row move = {.purse.number = 11 + number(pair, 3),
                               .other = number(pair, 9),
                               .kind = (enum kc_move_kind)(1 + number(pair, 6)),
                               .amount = some_amount(pair),
                               .fee_fixed = some_amount(pair),
                               .fee_permille = number(pair, 1001)};
    struct kc_give_back_row give_back = a_give_back(pair);
    uint64_t purse = 11 + number(pair, 9);
    uint64_t versions[2] = {0, 0};
    struct kc_renewal_row renewal = a_renewal(pair);
    struct kc_key_offer_row offer = a_key_offer(pair);
    switch (which) {
    case 0:
        PUT_BOTH(pair, gap_put, &gap);
        break;
    case 1:
        PUT_BOTH(pair, reissue_add, &reissue);
        break;
    case 2:
        PUT_BOTH(pair, purse_key_add, &keys);
        break;
    case 3:
        if (pair->moves++ < RAM_MOVES) {
            PUT_BOTH(pair, move_add, &move);
        }
        break;
    case 4:
        if (pair->give_backs++ < RAM_GIVE_BACKS) {
            PUT_BOTH(pair, give_back_add, &give_back);
        }
        break;
    case 5:
        PUT_BOTH(pair, renewal_put, &renewal);
        PUT_BOTH(pair, key_offer_put, &offer);
        break;
    default:
        same(pair->a.hotlist_add(pair->a.context, &versions[0], purse, 1 + number(pair, 1)),
             pair->b.hotlist_add(pair->b.context, &versions[1], purse, 1));
        assert_int_equal(versions[0], versions[1]);
        break;
    }
}

static void put_charge(struct pair *pair)
{
    struct kc_charging_row charging;
    struct kc_charge_row charge;
    memset(&charging, 0, sizeof charging);
    memset(&charge, 0, sizeof charge);
    charging.account.number = 1 + number(pair, 5);
    charging.source = (enum kc_charge_source)(1 + number(pair, 3));
    charging.period = 1 + number(pair, 4);
    charging.due_ms = number(pair, 60);
    charging.act_ms = 1 + number(pair, 60);
    charge.account.number = 1 + number(pair, 5);
    charge.period = 1 + number(pair, 4);
    charge.purse.number = 11 + number(pair, 3);
    charge.step = (enum kc_charge_step)(1 + number(pair, 4));
    charge.source = charging.source;
    charge.amount = some_amount(pair);
    charge.due_ms = number(pair, 60);
    charge.told_ms = number(pair, 60);
    charge.suspended_ms = number(pair, 60);
    charge.attempt = number(pair, 3);
    charge.sent = number(pair, 2) == 0;
    charge.reason = number(pair, 2) == 0 ? KC_OK : KC_INSUFFICIENT_ACCOUNT;
    PUT_BOTH(pair, charging_put, &charging);
    if (!kc_amount_is_zero(charge.amount)) {
        PUT_BOTH(pair, charge_put, &charge);
    }
}

static void put_closing(struct pair *pair)
{
    struct kc_closing_row closing;
    struct kc_payout_row payout;
    memset(&closing, 0, sizeof closing);
    memset(&payout, 0, sizeof payout);
    closing.account.number = 1 + number(pair, 5);
    closing.purse.number = 11 + number(pair, 3);
    closing.by = (enum kc_closing_by)(1 + number(pair, 3));
    closing.early = number(pair, 2) == 0;
    closing.due_ms = number(pair, 60);
    closing.act_ms = 1 + number(pair, 60);
    closing.payouts = number(pair, 4);
    closing.revoked_ms = number(pair, 2) * number(pair, 60);
    payout.account.number = 1 + number(pair, 5);
    payout.number = 1 + number(pair, 4);
    payout.purse.number = closing.purse.number;
    payout.state = (enum kc_payout_state)(1 + number(pair, 3));
    payout.amount = some_amount(pair);
    payout.ordered_ms = number(pair, 60);
    payout.ended_ms = number(pair, 60);
    payout.reason = number(pair, 2) == 0 ? KC_OK : KC_NO_BANK_ACCOUNT;
    PUT_BOTH(pair, closing_put, &closing);
    if (!kc_amount_is_zero(payout.amount)) {
        PUT_BOTH(pair, payout_put, &payout);
    }
}

static void put_ending(struct pair *pair)
{
    struct kc_ending_row ending;
    memset(&ending, 0, sizeof ending);
    ending.purse.number = 11 + number(pair, 6);
    ending.account.number = 1 + number(pair, 5);
    ending.number = 1 + number(pair, 3);
    ending.owed_ms = number(pair, 60);
    ending.act_ms = number(pair, 60);
    ending.tries = number(pair, 4);
    ending.ended_ms = number(pair, 2) * number(pair, 60);
    ending.reason = number(pair, 2) == 0 ? KC_OK : KC_AUTHORITY_DOWN;
    PUT_BOTH(pair, ending_put, &ending);
}

#define GET_BOTH(pair, type, call, ...)                                                            \
    do {                                                                                           \
        struct type left;                                                                          \
        struct type right;                                                                         \
        memset(&left, 0, sizeof left);                                                             \
        memset(&right, 0, sizeof right);                                                           \
        same((pair)->a.call((pair)->a.context, &left __VA_ARGS__),                                 \
             (pair)->b.call((pair)->b.context, &right __VA_ARGS__));                               \
        assert_memory_equal(&left, &right, sizeof left);                                           \
    } while (0)

static void compare_more_gets(struct pair *pair)
{
    uint8_t id[KC_OPEN_ID_SIZE] = {0};
    uint8_t signer[KC_SIGNER_SIZE] = {0};
    uint64_t versions[2];
    uint64_t purse = 11 + number(pair, 7);
    id[1] = (uint8_t)number(pair, 7);
    signer[2] = (uint8_t)number(pair, 7);
    GET_BOTH(pair, kc_gap_row, gap_get, WITH(11 + number(pair, 1) + purse % 3, 1 + purse % 12));
    GET_BOTH(pair, kc_give_back_row, give_back_get, WITH(purse, 1 + purse % 5));
    GET_BOTH(pair, kc_reissue_row, reissue_by_id, WITH(id));
    GET_BOTH(pair, kc_reissue_row, reissue_of_purse, WITH(purse));
    GET_BOTH(pair, kc_reissue_row, reissue_last, WITH(1 + purse % 4));
    GET_BOTH(pair, kc_purse_key_row, purse_key_get, WITH(purse));
    GET_BOTH(pair, kc_purse_key_row, purse_key_by_signer, WITH(signer));
    GET_BOTH(pair, kc_charging_row, charging_get, WITH(1 + purse % 6));
    GET_BOTH(pair, kc_charge_row, charge_get, WITH(1 + purse % 6, 1 + purse % 4));
    GET_BOTH(pair, kc_closing_row, closing_get, WITH(1 + purse % 6));
    GET_BOTH(pair, kc_payout_row, payout_get, WITH(1 + purse % 6, 1 + purse % 4));
    GET_BOTH(pair, kc_ending_row, ending_get, WITH(purse));
    GET_BOTH(pair, kc_renewal_row, renewal_last, WITH(purse));
    signer[2] = (uint8_t)number(pair, 16);
    GET_BOTH(pair, kc_renewal_row, renewal_by_signer, WITH(signer));
    GET_BOTH(pair, kc_renewal_row, renewal_at, WITH(11 + purse % 2, 1 + purse % 12));
    GET_BOTH(pair, kc_renewal_row, renewal_left, WITH(11 + purse % 2, 1 + purse % 5));
    GET_BOTH(pair, kc_renewal_row, renewal_due, WITH(10 + purse % 3));
    GET_BOTH(pair, kc_key_offer_row, key_offer_get, WITH(purse));
    GET_BOTH(pair, kc_key_offer_row, key_offer_due, WITH(purse - 3));
    GET_BOTH(pair, kc_purse_id, key_offer_wanted, WITH(purse * 3, purse - 3));
    same(pair->a.hotlist_version(pair->a.context, &versions[0]),
         pair->b.hotlist_version(pair->b.context, &versions[1]));
    assert_int_equal(versions[0], versions[1]);
}

static void compare_gets(struct pair *pair)
{
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t id[KC_OPEN_ID_SIZE] = {0};
    uint64_t purse = 11 + number(pair, 4);
    uint64_t counter = 1 + number(pair, 12);
    some_digest(digest, pair);
    id[3] = (uint8_t)number(pair, 7);
    GET_BOTH(pair, kc_account_row, account_get, WITH(1 + counter % 6));
    GET_BOTH(pair, kc_account_row, account_by_open_id, WITH(id));
    GET_BOTH(pair, kc_purse_row, purse_get, WITH(purse));
    GET_BOTH(pair, kc_payment_row, payment_get, WITH(purse, counter, digest));
    GET_BOTH(pair, kc_record_row, record_get, WITH(purse, counter));
    GET_BOTH(pair, kc_transaction_row, transaction_get, WITH(purse, counter));
    GET_BOTH(pair, kc_transaction_row, transaction_by_reference, WITH(digest));
    GET_BOTH(pair, kc_batch_row, batch_last, );
    GET_BOTH(pair, kc_totals_row, totals_get, );
    PUT_BOTH(pair, evidence_find, 11, 1, digest);
    compare_more_gets(pair);
}

static void toggle_batch(struct pair *pair)
{
    if (!pair->in_batch) {
        same(pair->a.begin(pair->a.context), pair->b.begin(pair->b.context));
    } else if (number(pair, 2) == 0) {
        same(pair->a.commit(pair->a.context), pair->b.commit(pair->b.context));
    } else {
        pair->a.rollback(pair->a.context);
        pair->b.rollback(pair->b.context);
    }
    pair->in_batch = !pair->in_batch;
}

static void run_round(struct pair *pair)
{
    struct ram_store *copy = calloc(1, sizeof *copy);
    assert_non_null(copy);
    for (unsigned i = 0; i < CALLS; i++) {
        uint64_t what = number(pair, 29);
        if (what < 2) {
            toggle_batch(pair);
        } else if (what < 9) {
            put_first_half(pair, what - 2);
        } else if (what < 15) {
            put_second_half(pair, what - 9);
        } else if (what < 18) {
            compare_gets(pair);
        } else if (what < 19) {
            compare_scans(pair);
        } else if (what < 26) {
            put_third_half(pair, what - 19);
        } else if (what < 27) {
            put_charge(pair);
        } else if (what < 28) {
            put_closing(pair);
            put_ending(pair);
        } else if (!pair->in_batch) {
            /* A copy is as good as what it was made from. */
            ram_store_copy(copy, pair->ram);
            ram_store_make(pair->ram);
            ram_store_copy(pair->ram, copy);
        }
    }
    if (pair->in_batch) {
        toggle_batch(pair);
    }
    compare_scans(pair);
    free(copy);
}

static void remove_database(const char *folder, const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    char name[200];
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, endings[i]);
        (void)unlink(name);
    }
    (void)rmdir(folder);
}

static void test_says_what_sqlite_says(void **state)
{
    const char *base = getenv("TMPDIR");
    char folder[120];
    char path[160];
    struct pair pair = {.ram = calloc(1, sizeof(struct ram_store))};
    (void)state;
    assert_non_null(pair.ram);
    for (unsigned round = 0; round < ROUNDS; round++) {
        pair.rng.state = round;
        pair.in_batch = false;
        pair.next_id = 1;
        pair.moves = 0;
        pair.give_backs = 0;
        ram_store_make(pair.ram);
        pair.b = ram_store_port(pair.ram);
        base = base != NULL ? base : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        (void)snprintf(folder, sizeof folder, "%s/kinchaku-test-XXXXXX", base);
        assert_non_null(mkdtemp(folder));
        (void)snprintf(path, sizeof path, "%s/bank.db", folder);
        assert_int_equal(kc_sqlite_open(&pair.a, path, true, 0).code, KC_OK);
        run_round(&pair);
        kc_sqlite_close(&pair.a);
        remove_database(folder, path);
    }
    free(pair.ram);
}

static void test_is_bounded(void **state)
{
    struct ram_store *ram = calloc(1, sizeof *ram);
    struct kc_alert_row alert = {.reason = KC_OVERSPENT};
    (void)state;
    assert_non_null(ram);
    ram_store_make(ram);
    const struct kc_store store = ram_store_port(ram);
    for (unsigned i = 0; i < RAM_ALERTS; i++) {
        assert_int_equal(store.alert_add(store.context, &alert).code, KC_OK);
    }
    assert_int_equal(store.alert_add(store.context, &alert).code, KC_DISK_FULL);
    free(ram);
}

static void test_commits_fail_when_told(void **state)
{
    struct kc_purse_row found;
    struct ram_store *ram = calloc(1, sizeof *ram);
    struct kc_purse_row purse = {.purse.number = 11};
    (void)state;
    assert_non_null(ram);
    ram_store_make(ram);
    const struct kc_store store = ram_store_port(ram);
    ram->fault = RAM_COMMIT_FAILS;
    assert_int_equal(store.begin(store.context).code, KC_OK);
    assert_int_equal(store.purse_put(store.context, &purse).code, KC_OK);
    assert_int_equal(store.commit(store.context).code, KC_STORE_FAILED);
    assert_int_equal(store.purse_get(store.context, &found, 11).code, KC_NOT_FOUND);
    ram->fault = RAM_COMMIT_UNHEARD;
    assert_int_equal(store.begin(store.context).code, KC_OK);
    assert_int_equal(store.purse_put(store.context, &purse).code, KC_OK);
    assert_int_equal(store.commit(store.context).code, KC_STORE_FAILED);
    assert_int_equal(store.purse_get(store.context, &found, 11).code, KC_OK);
    free(ram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_says_what_sqlite_says),
        cmocka_unit_test(test_is_bounded),
        cmocka_unit_test(test_commits_fail_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
