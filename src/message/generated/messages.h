/* Every message and record as a struct; made by tools/messages.py from protocol/messages.table; do not edit. */
#ifndef KC_MESSAGE_GENERATED_MESSAGES_H
#define KC_MESSAGE_GENERATED_MESSAGES_H

#include "message/shape.h"

#define KC_SHAPE_COUNT 92
extern const struct kc_shape *const kc_shapes[KC_SHAPE_COUNT];

/* What stores the value. */
enum kc_purse_type {
    KC_PURSE_TYPE_UIM = 1, /* the user's secure module */
    KC_PURSE_TYPE_CARD = 2, /* a prepaid card */
    KC_PURSE_TYPE_MACHINE = 3, /* a vending machine or point of sale */
    KC_PURSE_TYPE_BEARER = 4, /* a prepaid card without keys */
};
/* The word for a value, such as "uim"; "?" for none of them. */
const char *kc_purse_type_word(uint64_t value);

/* The kind of key, which decides the algorithms. */
enum kc_suite {
    KC_SUITE_ES256 = 1, /* P-256: ES256, ECDH-ES + HKDF-256 */
    KC_SUITE_RS2048 = 2, /* RSA 2048: PS256, RSAES-OAEP */
    KC_SUITE_RS3072 = 3, /* RSA 3072: PS256, RSAES-OAEP */
};
/* The word for a value, such as "es256"; "?" for none of them. */
const char *kc_suite_word(uint64_t value);

/* The two directions between account and purse. */
enum kc_cash_kind {
    KC_CASH_KIND_WITHDRAW = 1, /* from the account into the purse */
    KC_CASH_KIND_DEPOSIT = 2, /* from the purse into the account */
};
/* The word for a value, such as "withdraw"; "?" for none of them. */
const char *kc_cash_kind_word(uint64_t value);

/* What a transfer to somebody's account is taken from. */
enum kc_transfer_source {
    KC_TRANSFER_SOURCE_PURSE = 1, /* the purse that asks */
    KC_TRANSFER_SOURCE_ACCOUNT = 2, /* the account of the purse that asks */
};
/* The word for a value, such as "purse"; "?" for none of them. */
const char *kc_transfer_source_word(uint64_t value);

/* The two directions between the ordinary bank and the account. */
enum kc_fund_kind {
    KC_FUND_KIND_FUND = 1, /* ordinary bank account to electronic account */
    KC_FUND_KIND_REDEEM = 2, /* electronic account to ordinary bank account */
};
/* The word for a value, such as "fund"; "?" for none of them. */
const char *kc_fund_kind_word(uint64_t value);

/* What the user said to a quote. */
enum kc_answer {
    KC_ANSWER_OK = 1, /* carry it out */
    KC_ANSWER_NG = 2, /* leave everything as it is */
};
/* The word for a value, such as "ok"; "?" for none of them. */
const char *kc_answer_word(uint64_t value);

/* How a transaction stands at the bank. */
enum kc_outcome {
    KC_OUTCOME_NONE = 1, /* the bank knows no such transaction, or none was asked about */
    KC_OUTCOME_COMPLETED = 2, /* carried out */
    KC_OUTCOME_DECLINED = 3, /* the user said NG; nothing changed */
    KC_OUTCOME_NOT_COMPLETED = 4, /* the OK did not arrive in time or a newer request ended it; nothing changed */
    KC_OUTCOME_IN_DOUBT = 5, /* the ordinary bank has not told its outcome yet */
    KC_OUTCOME_REFUSED = 6, /* it was refused; the reason says why */
};
/* The word for a value, such as "none"; "?" for none of them. */
const char *kc_outcome_word(uint64_t value);

/* Kinds of entry in a purse's update history. */
enum kc_entry_kind {
    KC_ENTRY_KIND_PAY = 1, /* an offline payment, written when its amount is reserved */
    KC_ENTRY_KIND_RECEIVE = 2, /* an offline payment received */
    KC_ENTRY_KIND_REFUSE = 3, /* an offline payment declined by its payee */
    KC_ENTRY_KIND_CASH_OUT = 4, /* value given to the bank: a deposit or transfer the user said OK to */
    KC_ENTRY_KIND_VOID = 5, /* gives back an earlier pay or cash-out */
    KC_ENTRY_KIND_CLOSE = 6, /* the last act of a key */
};
/* The word for a value, such as "pay"; "?" for none of them. */
const char *kc_entry_kind_word(uint64_t value);

/* How far a purse is with keys that the authority made for it. */
enum kc_handover {
    KC_HANDOVER_NONE = 1, /* nothing is on its way */
    KC_HANDOVER_CLAIMED = 2, /* it asked the bank what was made */
    KC_HANDOVER_WAITING = 3, /* it knows, and may ask for the private keys */
    KC_HANDOVER_CHANGED = 4, /* the new keys are in force, and the authority has not said that it knows */
};
/* The word for a value, such as "none"; "?" for none of them. */
const char *kc_handover_word(uint64_t value);

/* How far the renewal of a purse's keys is at the bank. */
enum kc_renewal_step {
    KC_RENEWAL_STEP_NONE = 1, /* nothing is under way */
    KC_RENEWAL_STEP_ORDERED = 2, /* the authority is to make keys for it */
    KC_RENEWAL_STEP_READY = 3, /* keys that the authority made wait for the purse */
    KC_RENEWAL_STEP_ASKED = 4, /* the purse asked for new keys, which are not certified yet */
    KC_RENEWAL_STEP_CERTIFIED = 5, /* they are; the purse is to change over to them and to report */
    KC_RENEWAL_STEP_CONFIRMED = 6, /* they are in force; the old certificates are to be revoked */
};
/* The word for a value, such as "none"; "?" for none of them. */
const char *kc_renewal_step_word(uint64_t value);

/* What a purse does when its history is full of entries that no certified value covers. */
enum kc_log_policy {
    KC_LOG_POLICY_REFUSE = 1, /* no further exchange until it has reported */
    KC_LOG_POLICY_OVERWRITE = 2, /* the oldest entry goes; its sums stay */
    KC_LOG_POLICY_REPORT = 3, /* as refuse, and the station reports by itself before the history is full */
};
/* The word for a value, such as "refuse"; "?" for none of them. */
const char *kc_log_policy_word(uint64_t value);

/* The state of a purse. */
enum kc_life {
    KC_LIFE_BLANK = 1, /* nothing written yet */
    KC_LIFE_PERSONALISING = 2, /* keys are made, the rest is being written */
    KC_LIFE_READY = 3, /* may start a transaction */
    KC_LIFE_REQUESTED = 4, /* a request left, its quote or reply has not come */
    KC_LIFE_QUOTED = 5, /* a quote is shown, the user has not answered */
    KC_LIFE_ANSWERED = 6, /* the answer left, the completion has not come */
    KC_LIFE_BLOCKED = 7, /* out of use for good */
};
/* The word for a value, such as "blank"; "?" for none of them. */
const char *kc_life_word(uint64_t value);

/* Where the account management charge of an account stands. */
enum kc_charge_state {
    KC_CHARGE_STATE_NOTIFIED = 1, /* it will be taken on the day */
    KC_CHARGE_STATE_GRACE = 2, /* it is due and could not be taken; it is tried again */
    KC_CHARGE_STATE_SUSPENDED = 3, /* the grace time ran out: no withdrawal and no transfer leaves the account until it is paid */
};
/* The word for a value, such as "notified"; "?" for none of them. */
const char *kc_charge_state_word(uint64_t value);

/* Where the account management charge comes from (S1). */
enum kc_charge_source {
    KC_CHARGE_SOURCE_ACCOUNT = 1, /* the electronic account (A1) */
    KC_CHARGE_SOURCE_ORDINARY = 2, /* the ordinary bank account (B1) */
    KC_CHARGE_SOURCE_INCLUDED = 3, /* part of the price of a UIM or key (C1-E1) */
};
/* The word for a value, such as "account"; "?" for none of them. */
const char *kc_charge_source_word(uint64_t value);

/* How an account is closed. */
enum kc_close_kind {
    KC_CLOSE_KIND_EMPTY = 1, /* only when its purse holds nothing */
    KC_CLOSE_KIND_WRITE_OFF = 2, /* what its purse holds is waited for, as late records tell */
    KC_CLOSE_KIND_FOLLOW = 3, /* it was closed before; nothing is closed by this */
};
/* The word for a value, such as "empty"; "?" for none of them. */
const char *kc_close_kind_word(uint64_t value);

/* What an item of an evidence file is. */
enum kc_proof_kind {
    KC_PROOF_KIND_ORDER = 1, /* a payment-order that the accused purse signed */
    KC_PROOF_KIND_RECEIPT = 2, /* a receipt that it signed */
    KC_PROOF_KIND_DECLINE = 3, /* a decline that it signed */
    KC_PROOF_KIND_ENVELOPE = 4, /* a whole message that it signed and sealed for the bank, with the content key that opens the seal */
};
/* The word for a value, such as "order"; "?" for none of them. */
const char *kc_proof_kind_word(uint64_t value);

/* What the items of an evidence file show; protocol.md "Evidence files" has the rules. */
enum kc_proof_rule {
    KC_PROOF_RULE_TWO_ORDERS = 1, /* two payments with one counter */
    KC_PROOF_RULE_ORDER_AND_ENTRY = 2, /* a payment, and another entry with its counter */
    KC_PROOF_RULE_ORDER_AND_RECEIPT = 3, /* one counter both pays and receives */
    KC_PROOF_RULE_TWO_RECEIPTS = 4, /* two payments taken with one counter */
    KC_PROOF_RULE_RECEIPT_AND_ENTRY = 5, /* a payment taken, and another entry with its counter */
    KC_PROOF_RULE_TWO_ENTRIES = 6, /* two entries with one counter */
    KC_PROOF_RULE_TWO_HEADS = 7, /* two histories up to one counter */
    KC_PROOF_RULE_DECLINE_AND_TAKING = 8, /* a payment both declined and taken */
    KC_PROOF_RULE_COUNTER_FELL = 9, /* a lower counter at a later time stamp */
    KC_PROOF_RULE_OVERSPENT = 10, /* a complete history that pays more than the purse held */
    KC_PROOF_RULE_TOTALS_FELL = 11, /* totals that are lower at a later counter */
    KC_PROOF_RULE_SIGNED_AFTER_CLOSE = 12, /* the older key signed where the newer one was in force already */
};
/* The word for a value, such as "two-orders"; "?" for none of them. */
const char *kc_proof_rule_word(uint64_t value);

/* How a place in a vending machine stands. */
enum kc_slot_state {
    KC_SLOT_STATE_READY = 1, /* it can be sold */
    KC_SLOT_STATE_EMPTY = 2, /* sold out */
    KC_SLOT_STATE_STUCK = 3, /* an item did not come out; nothing is sold from it until somebody looked */
};
/* The word for a value, such as "ready"; "?" for none of them. */
const char *kc_slot_state_word(uint64_t value);

/* What a line of a machine's sale journal tells. */
enum kc_sale_kind {
    KC_SALE_KIND_OPENED = 1, /* the journal begins here; the counter is the purse's newest one */
    KC_SALE_KIND_SALE = 2, /* a payment was taken; written before the item is let go */
    KC_SALE_KIND_RELEASED = 3, /* the item of a sale came out */
    KC_SALE_KIND_STUCK = 4, /* it did not: the machine owes the amount */
    KC_SALE_KIND_LOST = 5, /* the purse took a payment of which no sale was written: the machine owes the amount */
    KC_SALE_KIND_REFUND = 6, /* the cashier gives back a sale, wholly or in part: the machine owes the amount */
    KC_SALE_KIND_PAYING = 7, /* what is owed goes back by the pay entry of this counter */
    KC_SALE_KIND_RETURNED = 8, /* that payment was taken: nothing is owed any more */
    KC_SALE_KIND_IMPROPER = 9, /* something that did not verify; nothing was taken */
    KC_SALE_KIND_CLOSED = 10, /* the cashier's closing: sums since the one before */
    KC_SALE_KIND_VOUCHER = 11, /* a sale that was paid to the dealer's account by the bank's word; written before the item is let go */
    KC_SALE_KIND_UNSOLD = 12, /* so paid, and the item can no longer be sold at that price: the machine owes the amount */
    KC_SALE_KIND_ASKED = 14, /* the bank is asked to pay what is owed; with a reason: it said no, for this reason, and is asked again */
    KC_SALE_KIND_GIVEN_BACK = 15, /* the bank paid it from the dealer's account: nothing is owed any more */
    KC_SALE_KIND_SETTLED = 16, /* the dealer repaid it otherwise, by hand: nothing is owed any more */
};
/* The word for a value, such as "opened"; "?" for none of them. */
const char *kc_sale_kind_word(uint64_t value);

/* How a sale ended for its buyer. */
enum kc_sale_end {
    KC_SALE_END_NONE = 1, /* there was none in this conversation */
    KC_SALE_END_RELEASED = 2, /* the item came out */
    KC_SALE_END_STUCK = 3, /* it did not; the amount comes back */
};
/* The word for a value, such as "none"; "?" for none of them. */
const char *kc_sale_end_word(uint64_t value);

/* What a vendor server wants of a machine. */
enum kc_collect_want {
    KC_COLLECT_WANT_STATE = 1, /* how it stands */
    KC_COLLECT_WANT_RECORDS = 2, /* lines of the journal from a number on */
    KC_COLLECT_WANT_REPORT = 3, /* a piece of the report for the bank */
    KC_COLLECT_WANT_ANSWER = 4, /* hands in a piece of the bank's answer */
    KC_COLLECT_WANT_GIVE_BACK = 5, /* the machine's word on the next sale after a number whose payer only the bank can pay */
    KC_COLLECT_WANT_GIVEN_BACK = 6, /* hands in the bank's word on it */
    KC_COLLECT_WANT_NOT_GIVEN_BACK = 7, /* tells of a sale that the bank said no, and why */
    KC_COLLECT_WANT_ROLL = 8, /* hands in the bank's record of new keys */
    KC_COLLECT_WANT_SIGNED_ANEW = 9, /* hands in the identity of the machine's purse as the bank signed it anew */
    KC_COLLECT_WANT_NOTICE = 10, /* which word of the bank on the authority's keys its purse holds, or, with a piece, hands one in */
};
/* The word for a value, such as "state"; "?" for none of them. */
const char *kc_collect_want_word(uint64_t value);

/* The state of a purse certified by the bank (SGN2).
 * signed: certified
 * source: EP1221669 Fig 8 [0080]-[0083] */
struct kc_certified {
    uint64_t bank; /* bank id */
    enum kc_purse_type purse_type; /* kind of purse */
    struct kc_account_id account; /* whose account */
    struct kc_purse_id purse; /* which purse */
    struct kc_amount account_amount; /* amount in the account */
    struct kc_amount purse_amount; /* amount in the purse, with every entry up to the counter */
    uint64_t time_ms; /* when the bank certified it */
    uint64_t sequence; /* the bank's sequence for this purse; a purse takes only a higher one */
    uint64_t counter; /* highest purse counter included */
    uint8_t head[32]; /* chain head after the entry of that counter; zeros before the first */
    struct kc_amount purse_most; /* the most the purse may hold by payments it takes */
    struct kc_amount payment_most; /* the most it may pay at once without the bank */
    struct kc_amount spend_most; /* the most it may pay in all before it meets the bank again */
    uint64_t spend_count; /* how many payments it may make before it meets the bank again */
    uint64_t valid_until_ms; /* until when it may pay and be paid without meeting the bank */
    enum kc_log_policy log_policy; /* what it does when its history is full */
    enum kc_charge_state charge; /* the account management charge that was notified, if one is ahead or due (S1) */
    bool has_charge;
    uint64_t charge_due_ms; /* the day on which it is taken */
    bool has_charge_due;
    struct kc_amount charge_amount; /* how much */
    bool has_charge_amount;
};
extern const struct kc_shape kc_certified_shape;

/* What a purse tells about itself in every request to the bank.
 * source: EP1221669 Fig 8 [0075]-[0085], [0127] */
struct kc_value_information {
    enum kc_purse_type purse_type; /* kind of purse */
    struct kc_account_id account; /* whose account */
    struct kc_purse_id purse; /* which purse */
    struct kc_view identity; /* SGN1: the purse's identity as the bank signed it */
    struct kc_view certified; /* SGN2: the newest certified value the purse holds */
    struct kc_amount value; /* current amount */
    uint64_t counter; /* counter of the newest entry, 0 when there is none */
    uint8_t head[32]; /* chain head after that entry */
    struct kc_amount paid; /* total of pay and cash-out entries ever */
    struct kc_amount received; /* total of receive entries ever */
    struct kc_amount returned; /* total of void entries ever */
    struct kc_view_list entries; /* the first of the entries after the certified counter, oldest first */
};
extern const struct kc_shape kc_value_information_shape;

/* One entry of a purse's update history.
 * source: EP1221669 Fig 9 [0086]-[0090] */
struct kc_entry {
    enum kc_entry_kind kind; /* kind of entry */
    uint64_t counter; /* its place in the chain, from 1 without gaps */
    uint64_t time_ms; /* the purse's time stamp */
    struct kc_amount amount; /* how much */
    struct kc_account_id recipient; /* recipient account */
    bool has_recipient;
    struct kc_account_id payer; /* payer account */
    bool has_payer;
    struct kc_purse_id card; /* the payer's card where a card paid */
    bool has_card;
    uint64_t transaction_ms; /* the online transaction it belongs to, by the time stamp of its request */
    bool has_transaction;
    uint64_t voids; /* for void: the counter of the entry given back */
    bool has_voids;
    uint8_t partner[32]; /* SHA-256 of the partner's signed message that this entry rests on */
};
extern const struct kc_shape kc_entry_shape;

/* What a purse shows of itself to its host; neither signed nor secret. */
struct kc_purse_info {
    enum kc_life life; /* state */
    enum kc_suite suite; /* kind of its keys */
    uint64_t bank; /* bank id */
    struct kc_view currency; /* currency code */
    uint64_t decimals; /* decimals of the currency */
    enum kc_purse_type purse_type; /* kind of purse */
    struct kc_account_id account; /* whose account */
    struct kc_purse_id purse; /* which purse */
    struct kc_amount value; /* current amount in the purse */
    struct kc_amount account_amount; /* amount in the account when last certified */
    uint64_t time_ms; /* when that was */
    uint64_t sequence; /* the bank's sequence of that */
    uint64_t counter; /* counter of the newest entry */
    uint64_t pin_tries; /* tries left for the PIN */
    uint64_t pending_ms; /* the transaction that is not finished */
    bool has_pending;
    struct kc_amount pending_amount; /* its amount, 0 when there is none */
    struct kc_amount open; /* sum of the payments to other purses that have no answer yet; it is gone from the value */
    uint64_t uncovered; /* how many entries no certified value covers yet */
    uint64_t overwritten; /* how many of these were overwritten, so that only their sums are left */
    enum kc_log_policy log_policy; /* what happens when the history is full */
    uint64_t log_room; /* how many entries fit before it is full */
    struct kc_amount purse_most; /* the most it may hold by payments it takes */
    struct kc_amount payment_most; /* the most it may pay at once */
    struct kc_amount spend_left; /* how much it may still pay before it meets the bank */
    uint64_t count_left; /* how many payments it may still make before it meets the bank */
    uint64_t valid_until_ms; /* until when it may pay and be paid without meeting the bank */
    uint64_t hotlist; /* version of the hotlist it holds, 0 for none */
    struct kc_view url; /* where the bank answers */
    struct kc_view user_id; /* the user's id */
    enum kc_charge_state charge; /* the account management charge, as the bank last certified it */
    bool has_charge;
    uint64_t charge_due_ms; /* the day on which it is taken */
    bool has_charge_due;
    struct kc_amount charge_amount; /* how much */
    bool has_charge_amount;
    enum kc_handover handover; /* how far it is with keys that the authority made */
    uint64_t key_ready_ms; /* since when such keys wait for it (S5) */
    bool has_key_ready;
    uint64_t hotlist_base; /* version of the base of the hotlist it holds, 0 for none */
};
extern const struct kc_shape kc_purse_info_shape;

/* Shows that the purse holds the private keys to be certified.
 * signed: key-proof */
struct kc_key_proof {
    struct kc_view sign_key; /* public signature key (COSE_Key) */
    struct kc_view encrypt_key; /* public encryption key (COSE_Key) */
};
extern const struct kc_shape kc_key_proof_shape;

/* What the registrar writes into a purse before its keys are made. */
struct kc_purse_settings {
    uint64_t bank; /* bank id */
    struct kc_view currency; /* currency code */
    uint64_t decimals; /* decimals of the currency */
    enum kc_purse_type purse_type; /* kind of purse */
    struct kc_account_id account; /* whose account */
    struct kc_purse_id purse; /* which purse */
    struct kc_view url; /* where the bank answers */
    struct kc_view user_id; /* the user's id */
};
extern const struct kc_shape kc_purse_settings_shape;

/* A private key made outside the purse, brought in by the registrar. */
struct kc_private_key_record {
    enum kc_suite suite; /* kind of key */
    struct kc_view_list parts; /* P-256: d; RSA: p, q, dP, dQ, qInv; big-endian, each of its full length */
};
extern const struct kc_shape kc_private_key_record_shape;

/* What a purse keeps and changes as a whole; see docs/purse.md. */
struct kc_purse_state {
    enum kc_life life; /* state */
    enum kc_suite suite; /* kind of its keys */
    struct kc_view settings; /* purse-settings */
    uint8_t static_digest[32]; /* SHA-256 over keys and certificates, set when the purse becomes ready */
    struct kc_view identity; /* SGN1 */
    struct kc_view certified; /* SGN2, the newest taken */
    uint64_t pin_tries; /* tries left */
    uint8_t pin_salt[16]; /* salt of the PIN */
    uint8_t pin_check[32]; /* HMAC-SHA-256 of the PIN under the salt */
    uint64_t stamp_ms; /* the last time stamp issued */
    uint64_t counter; /* counter of the newest entry */
    uint8_t head[32]; /* chain head */
    struct kc_amount value; /* current amount */
    struct kc_amount paid; /* total of pay and cash-out entries ever */
    struct kc_amount received; /* total of receive entries ever */
    struct kc_amount returned; /* total of void entries ever */
    struct kc_view_list open; /* open-payment, oldest first */
    struct kc_amount spent; /* total of the pay entries after the certified counter */
    uint64_t spent_count; /* how many they are */
    uint64_t gap_counter; /* counter of the newest entry that was overwritten without being covered, or 0 */
    uint8_t gap_head[32]; /* chain head after it */
    struct kc_amount gap_value; /* the purse's value after it */
    struct kc_amount gap_paid; /* the totals after it: paid */
    struct kc_amount gap_received; /* received */
    struct kc_amount gap_returned; /* returned */
    uint64_t pending_ms; /* the transaction that is not finished, or 0 */
    bool pending_fund; /* it moves value between the ordinary bank and the account */
    uint64_t pending_kind; /* its direction: a cash-kind, fund-kind or transfer-source */
    struct kc_account_id pending_to; /* of a transfer: the account that receives it */
    bool has_pending_to;
    struct kc_amount pending_amount; /* its amount */
    uint8_t request[32]; /* SHA-256 of its signed request */
    uint8_t quote[32]; /* SHA-256 of the quote's encoding */
    uint8_t answer[32]; /* SHA-256 of the signed answer */
    uint8_t state_request[32]; /* SHA-256 of the signed recovery call, zeros when there is none */
    uint8_t settle_request[32]; /* SHA-256 of the signed report of entries, zeros when there is none */
    uint64_t key_set; /* which of the two places holds its own keys and certificates: 0 or 1 */
    bool renewing; /* the other place holds a new pair of keys, which waits for the bank's word */
    uint64_t renew_counter; /* counter of the newest entry when that word was last asked for */
    uint8_t renew_request[32]; /* SHA-256 of the signed request for it, zeros when there is none */
    uint64_t closed; /* counter of the newest close entry, 0 when there is none */
    enum kc_handover handover; /* how far it is with keys that the authority made */
    uint64_t key_ready_ms; /* since when such keys wait, as the bank said last */
    bool has_key_ready;
    struct kc_view last_message; /* the last envelope made, for repeating */
};
extern const struct kc_shape kc_purse_state_shape;

/* Asks for a withdrawal or deposit.
 * step: Sa2
 * from: purse
 * to: bank
 * sealed: cash-request
 * source: EP1221669 [0127] */
struct kc_cash_request {
    struct kc_view information; /* value-information */
    enum kc_cash_kind kind; /* direction */
    struct kc_amount amount; /* how much */
    uint64_t time_ms; /* the purse's time stamp; it names the transaction */
};
extern const struct kc_shape kc_cash_request_shape;

/* What the transaction would do. Never a certified value.
 * step: Sa8
 * from: bank
 * to: purse
 * sealed: cash-quote
 * source: EP1221669 [0132]-[0135] */
struct kc_cash_quote {
    uint8_t request[32]; /* SHA-256 of the signed request */
    uint64_t transaction_ms; /* time stamp of the request */
    struct kc_account_id account; /* whose account */
    struct kc_view user_name; /* the user's name */
    enum kc_purse_type purse_type; /* kind of purse */
    struct kc_purse_id purse; /* which purse */
    enum kc_cash_kind kind; /* direction */
    struct kc_amount amount; /* how much */
    struct kc_amount account_before; /* amount in the account now */
    struct kc_amount account_after; /* amount in the account afterwards */
    struct kc_amount purse_before; /* amount in the purse now */
    struct kc_amount purse_after; /* amount in the purse afterwards */
    uint64_t counter; /* purse counter included */
    uint64_t expires_ms; /* until when the answer is taken */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_cash_quote_shape;

/* The user's OK or NG.
 * step: Sa12
 * from: purse
 * to: bank
 * sealed: cash-answer
 * source: EP1221669 [0140] [0146] */
struct kc_cash_answer {
    struct kc_purse_id purse; /* which purse */
    uint64_t transaction_ms; /* time stamp of the request */
    uint8_t quote[32]; /* SHA-256 of the quote's encoding (the same however often it was signed) */
    enum kc_answer answer; /* OK or NG */
    struct kc_view entry; /* for a deposit with OK: the cash-out entry */
    bool has_entry;
    uint64_t time_ms; /* the purse's time stamp */
};
extern const struct kc_shape kc_cash_answer_shape;

/* How the transaction ended, with the certified value.
 * step: Sa16
 * from: bank
 * to: purse
 * sealed: completion
 * source: EP1221669 [0144] [0148] */
struct kc_completion {
    uint8_t answers[32]; /* SHA-256 of the signed answer */
    uint64_t transaction_ms; /* time stamp of the request */
    struct kc_purse_id purse; /* which purse */
    enum kc_outcome outcome; /* how it ended */
    struct kc_view certified; /* SGN2 over the state of the purse */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_completion_shape;

/* Recovery: asks for the authoritative state.
 * step: Sa17'
 * from: purse
 * to: bank
 * sealed: state-request
 * source: EP1221669 [0150] */
struct kc_state_request {
    struct kc_view information; /* value-information */
    uint64_t pending_ms; /* the transaction that the purse does not know the end of */
    bool has_pending;
    uint64_t time_ms; /* the purse's time stamp */
};
extern const struct kc_shape kc_state_request_shape;

/* The authoritative state.
 * step: Sa17'
 * from: bank
 * to: purse
 * sealed: state-reply
 * source: EP1221669 [0149] [0150] */
struct kc_state_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    uint64_t transaction_ms; /* the transaction asked about */
    bool has_transaction;
    struct kc_purse_id purse; /* which purse */
    enum kc_outcome outcome; /* how it ended */
    struct kc_view certified; /* SGN2 over the state of the purse */
    uint64_t key_ready_ms; /* since when keys that the authority made wait for it (S5) */
    bool has_key_ready;
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_state_reply_shape;

/* Funds the account from the ordinary bank account, or redeems to it.
 * step: Fund1
 * from: purse
 * to: bank
 * sealed: fund-request
 * source: EP1221669 [0036] */
struct kc_fund_request {
    struct kc_view information; /* value-information */
    enum kc_fund_kind kind; /* direction */
    struct kc_amount amount; /* how much */
    uint64_t time_ms; /* the purse's time stamp; it names the transaction */
};
extern const struct kc_shape kc_fund_request_shape;

/* How the funding or redeeming ended.
 * step: Fund2
 * from: bank
 * to: purse
 * sealed: fund-reply */
struct kc_fund_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    uint64_t transaction_ms; /* time stamp of the request */
    struct kc_purse_id purse; /* which purse */
    enum kc_outcome outcome; /* how it ended */
    uint64_t reason; /* number of the error when refused, else 0 */
    struct kc_view certified; /* SGN2 over the state of the purse */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_fund_reply_shape;

/* A request of a known signer that is not carried out.
 * from: bank
 * to: purse, registrar
 * sealed: refusal
 * source: EP1221669 [0131] */
struct kc_refusal {
    uint8_t request[32]; /* SHA-256 of the signed request */
    uint64_t reason; /* number of the error */
    struct kc_view certified; /* the present certified value where one fits */
    bool has_certified;
    uint64_t due_ms; /* when it may be asked again, where that is known */
    bool has_due;
    uint64_t time_ms; /* time stamp of the sender */
};
extern const struct kc_shape kc_refusal_shape;

/* Asks for a transfer to an account. The answer is a cash-answer, the end a completion.
 * step: Sd2
 * from: purse
 * to: bank
 * sealed: transfer-request
 * source: EP1221669 [0187]-[0190] */
struct kc_transfer_request {
    struct kc_view information; /* value-information */
    enum kc_transfer_source source; /* what it is taken from */
    struct kc_account_id to; /* the account that receives it */
    struct kc_amount amount; /* how much */
    uint8_t reference[32]; /* SHA-256 of the signed sale-offer that this pays for; from the account only */
    bool has_reference;
    struct kc_purse_id machine; /* the machine's purse that made the offer; there when the reference is */
    bool has_machine;
    uint64_t time_ms; /* the purse's time stamp; it names the transaction */
};
extern const struct kc_shape kc_transfer_request_shape;

/* What the transfer would do. Never a certified value.
 * step: Sd5
 * from: bank
 * to: purse
 * sealed: transfer-quote
 * source: EP1221669 [0194]-[0196] */
struct kc_transfer_quote {
    uint8_t request[32]; /* SHA-256 of the signed request */
    uint64_t transaction_ms; /* time stamp of the request */
    uint64_t bank; /* bank id */
    struct kc_account_id account; /* whose transfer it is */
    enum kc_purse_type purse_type; /* kind of purse */
    struct kc_purse_id purse; /* which purse */
    enum kc_transfer_source source; /* what it is taken from */
    struct kc_account_id to; /* the account that receives it */
    struct kc_view to_name; /* the name of its user */
    struct kc_amount amount; /* how much */
    struct kc_amount account_before; /* amount in the own account now */
    struct kc_amount account_after; /* amount in the own account afterwards */
    struct kc_amount purse_before; /* amount in the purse now */
    struct kc_amount purse_after; /* amount in the purse afterwards */
    uint64_t counter; /* purse counter included */
    uint64_t expires_ms; /* until when the answer is taken */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_transfer_quote_shape;

/* The application: for an account with its UIM, for a card, or for a machine.
 * step: SZ1
 * from: registrar
 * to: bank
 * sealed: open-request
 * source: EP1221669 [0101] [0102] */
struct kc_open_request {
    uint8_t id[16]; /* random id; a retry with the same id gets the stored answer */
    struct kc_view name; /* name; may be empty for a card or machine */
    struct kc_view address; /* address; may be empty for a card or machine */
    struct kc_view phone; /* telephone number; may be empty for a card or machine */
    struct kc_view bank_account; /* ordinary bank account; empty for a card or machine */
    struct kc_view password_hash; /* scrypt hash of the password; empty for a card or machine */
    enum kc_suite suite; /* kind of keys the purse will have */
    enum kc_log_policy log_policy; /* what the purse does when its history is full */
    enum kc_purse_type purse_type; /* kind of purse */
    struct kc_account_id owner; /* for a machine: the dealer's account */
    bool has_owner;
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_open_request_shape;

/* The temporary account.
 * step: SZ3
 * from: bank
 * to: registrar
 * sealed: open-reply
 * source: EP1221669 [0104] */
struct kc_open_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* purse number */
    uint64_t temporary_until_ms; /* when the temporary account lapses unless confirmed */
    uint64_t expires_ms; /* when the account and its keys expire */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_open_reply_shape;

/* The certificates stand in the directory: make the account permanent.
 * step: SZ6
 * from: registrar
 * to: bank
 * sealed: confirm-request
 * source: EP1221669 [0108] */
struct kc_confirm_request {
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* purse number */
    uint8_t sign_digest[32]; /* SHA-256 of the signature certificate */
    uint8_t encrypt_digest[32]; /* SHA-256 of the encryption certificate */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_confirm_request_shape;

/* The account is open; what goes into the UIM.
 * step: SZ7
 * from: bank
 * to: registrar
 * sealed: confirm-reply
 * source: EP1221669 [0109] */
struct kc_confirm_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* purse number */
    struct kc_view identity; /* SGN1 */
    struct kc_view certified; /* SGN2 over the empty purse */
    uint64_t decimals; /* decimals of the currency */
    struct kc_view url; /* where the bank answers */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_confirm_reply_shape;

/* Gives up an application that was not confirmed.
 * from: registrar
 * to: bank
 * sealed: cancel-request */
struct kc_cancel_request {
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* purse number */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_cancel_request_shape;

/* Says that a request without another answer was carried out.
 * from: bank, authority
 * to: registrar
 * sealed: done */
struct kc_done {
    uint8_t request[32]; /* SHA-256 of the signed request */
    uint64_t time_ms; /* time stamp of the sender */
};
extern const struct kc_shape kc_done_shape;

/* At the counter: who is the holder of this account?
 * from: registrar
 * to: bank
 * sealed: identify-request */
struct kc_identify_request {
    struct kc_account_id account; /* account number */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_identify_request_shape;

/* The holder's name and what to check the password against; of a machine those of its owner.
 * from: bank
 * to: registrar
 * sealed: identify-reply */
struct kc_identify_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_account_id account; /* account number */
    struct kc_view name; /* name */
    struct kc_view password_hash; /* scrypt hash of the password; empty for a card, which has no known holder */
    enum kc_purse_type purse_type; /* kind of the account's purse */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_identify_reply_shape;

/* The purse of an account was lost, broke or is blocked: out of use from now on; answered by lost-reply.
 * from: registrar
 * to: bank
 * sealed: lost-request */
struct kc_lost_request {
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* which purse */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_lost_request_shape;

/* The purse is out of use, and its certificates are to be revoked.
 * from: bank
 * to: registrar
 * sealed: lost-reply */
struct kc_lost_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_view certificates; /* those that have not ended, revoked or not, two in 48 bytes: start of the SHA-256 of the issuer's key, both serial numbers */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_lost_reply_shape;

/* The clerk's word on an account's management charge.
 * step: S1
 * from: registrar
 * to: bank
 * sealed: charge-order
 * source: EP1221669 [0112] */
struct kc_charge_order {
    struct kc_account_id account; /* account number */
    enum kc_charge_source source; /* from now on it comes from there; left out: a sale paid the next one */
    bool has_source;
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_charge_order_shape;

/* The holder gives an account up; answered by close-reply.
 * from: registrar
 * to: bank
 * sealed: close-request */
struct kc_close_request {
    struct kc_account_id account; /* account number */
    enum kc_close_kind kind; /* what becomes of its purse */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_close_request_shape;

/* The account is closed: what it holds goes to its ordinary bank account.
 * from: bank
 * to: registrar
 * sealed: close-reply */
struct kc_close_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_account_id account; /* account number */
    struct kc_amount amount; /* in the account now */
    struct kc_amount purse_amount; /* in its purse, as far as the bank knows */
    uint64_t due_ms; /* when the rest is paid out, and nothing more is waited for */
    struct kc_view certificates; /* of its purse, as in lost-reply */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_close_reply_shape;

/* A new purse for an account whose old one is out of use; answered by open-reply.
 * from: registrar
 * to: bank
 * sealed: reissue-request */
struct kc_reissue_request {
    uint8_t id[16]; /* random id; a retry with the same id gets the stored answer */
    struct kc_account_id account; /* account number */
    enum kc_suite suite; /* kind of keys the purse will have */
    enum kc_log_policy log_policy; /* what the purse does when its history is full */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_reissue_request_shape;

/* A new purse for an account whose old one is at hand and empty; answered by open-reply.
 * from: registrar
 * to: bank
 * sealed: move-request
 * source: EP1221669 [0114] */
struct kc_move_request {
    uint8_t id[16]; /* random id; a retry with the same id gets the stored answer */
    struct kc_account_id account; /* account number */
    enum kc_suite suite; /* kind of keys the purse will have */
    enum kc_log_policy log_policy; /* what the purse does when its history is full */
    bool paid; /* its price will have paid the next management charge: refused where a charge-order would be */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_move_request_shape;

/* The holder stands at the counter with the purse: what it asks in this one message counts although its key's certificate has ended; answered by done.
 * from: registrar
 * to: bank
 * sealed: counter-request
 * source: EP1221669 [0114] */
struct kc_counter_request {
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* which purse */
    uint8_t request[32]; /* SHA-256 of the purse's signed request, which comes by itself */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_counter_request_shape;

/* Public keys to be certified.
 * step: SZ4
 * from: registrar
 * to: authority
 * sealed: certify-request
 * source: EP1221669 [0106] */
struct kc_certify_request {
    struct kc_account_id account; /* account number */
    uint64_t expires_ms; /* when the certificates end */
    struct kc_view proof; /* key-proof signed by the new signature key */
    uint64_t time_ms; /* the registrar's time stamp */
};
extern const struct kc_shape kc_certify_request_shape;

/* Both certificates, which stand in the directory.
 * step: SZ5
 * from: authority
 * to: registrar
 * sealed: certify-reply
 * source: EP1221669 [0107] */
struct kc_certify_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_view sign_certificate; /* X.509 certificate of the signature key */
    struct kc_view encrypt_certificate; /* X.509 certificate of the encryption key */
    uint64_t time_ms; /* the authority's time stamp */
};
extern const struct kc_shape kc_certify_reply_shape;

/* Revokes every certificate of an account.
 * from: registrar, bank
 * to: authority
 * sealed: revoke-request
 * source: EP1221669 [0038] */
struct kc_revoke_request {
    struct kc_account_id account; /* account number */
    uint64_t reason; /* CRLReason (RFC 5280 §5.3.1) */
    uint64_t time_ms; /* time stamp of the sender */
};
extern const struct kc_shape kc_revoke_request_shape;

/* Asks for certificates of a new pair of keys. Signed by the old key: entries up to the counter are its.
 * step: Sr1
 * from: purse
 * to: bank
 * sealed: renew-request
 * source: EP1221669 [0113] [0114] */
struct kc_renew_request {
    struct kc_view information; /* value-information, without entries */
    struct kc_view proof; /* key-proof signed by the new signature key */
    uint64_t time_ms; /* the purse's time stamp */
};
extern const struct kc_shape kc_renew_request_shape;

/* The new certificates and the new identity. The old keys stay in force until the purse reports its close entry under the new ones.
 * step: Sr4
 * from: bank
 * to: purse
 * sealed: renew-reply
 * source: EP1221669 [0122] */
struct kc_renew_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_purse_id purse; /* which purse */
    struct kc_view identity; /* SGN1 over the new signature key */
    struct kc_view sign_certificate; /* X.509 certificate of the new signature key */
    struct kc_view encrypt_certificate; /* X.509 certificate of the new encryption key */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_renew_reply_shape;

/* New public keys of an account that has good ones; answered by certify-reply. Nothing is revoked.
 * step: Sr2
 * from: bank
 * to: authority
 * sealed: renew-certify-request
 * source: EP1221669 [0117] */
struct kc_renew_certify_request {
    struct kc_account_id account; /* account number */
    uint64_t expires_ms; /* when the certificates end */
    struct kc_view proof; /* key-proof signed by the new signature key */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_renew_certify_request_shape;

/* The purse confirmed its new keys: every older certificate of the account is revoked. Or it left these for others, and they alone are. Answered by done.
 * step: Sr7
 * from: bank
 * to: authority
 * sealed: retire-request
 * source: EP1221669 [0124] */
struct kc_retire_request {
    struct kc_account_id account; /* account number */
    uint8_t certificate[32]; /* SHA-256 of the new certificate of the signature key; it and its pair stay, unless they were left */
    bool left; /* nobody confirmed or will confirm that pair: it alone ends, to make room for another */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_retire_request_shape;

/* A new pair of keys for an account that has good ones; answered by certify-reply. Nothing is revoked.
 * step: S2
 * from: bank
 * to: authority
 * sealed: keys-request
 * source: EP1221669 [0117] [0118] */
struct kc_keys_request {
    struct kc_account_id account; /* account number */
    uint64_t expires_ms; /* when the certificates end */
    uint64_t claimed_ms; /* time stamp of the purse's claim, signed by the keys in force: keys that were not given since may be made anew */
    bool has_claimed;
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_keys_request_shape;

/* The purse is ready to take the keys that wait for it. Signed by the old key: entries up to the counter are its.
 * step: S5
 * from: purse
 * to: bank
 * sealed: claim-request
 * source: EP1221669 [0120] */
struct kc_claim_request {
    struct kc_view information; /* value-information, without entries */
    uint64_t time_ms; /* the purse's time stamp */
};
extern const struct kc_shape kc_claim_request_shape;

/* What the authority made, but for the private keys, and where to ask for these.
 * step: S5
 * from: bank
 * to: purse
 * sealed: claim-reply
 * source: EP1221669 [0119] */
struct kc_claim_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_purse_id purse; /* which purse */
    struct kc_view identity; /* SGN1 over the new signature key */
    struct kc_view encrypt_key; /* the new public encryption key (COSE_Key) */
    struct kc_view sign_certificate; /* X.509 certificate of the new signature key */
    struct kc_view encrypt_certificate; /* X.509 certificate of the new encryption key */
    struct kc_view authority_verify; /* the key that the authority signs messages with (COSE_Key) */
    struct kc_view authority_encrypt; /* the key that messages to it are sealed for (COSE_Key) */
    struct kc_view url; /* where it answers */
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_claim_reply_shape;

/* How far is the renewal of this purse's keys? Anybody may ask who was shown its identity; answered by renewal-word.
 * from: station
 * to: bank
 * source: EP1221669 [0123] [0124] */
struct kc_renewal_query {
    struct kc_view identity; /* SGN1: the purse's identity, as it is in force at the bank or certified for its new keys */
    uint8_t nonce[16]; /* random; no answer fits two questions */
};
extern const struct kc_shape kc_renewal_query_shape;

/* How far the renewal of a purse's keys is, by the bank's word.
 * signed: renewal-word
 * source: EP1221669 [0123] [0124] */
struct kc_renewal_word {
    uint64_t bank; /* bank id */
    uint8_t query[32]; /* SHA-256 of the renewal-query that this answers */
    struct kc_purse_id purse; /* which purse */
    enum kc_renewal_step step; /* what it waits for */
    bool by_authority; /* true: the authority makes the keys; false: the purse made them, or none are made */
    uint64_t since_ms; /* since when it waits for that */
    bool has_since;
    uint64_t until_ms; /* when the certificates of the keys in force end: it has to be over by then */
    bool has_until;
    uint64_t time_ms; /* when the bank said so */
};
extern const struct kc_shape kc_renewal_word_shape;

/* Asks for the private keys, at the user's word. Signed by the old key.
 * step: S6
 * from: purse
 * to: authority
 * sealed: key-request
 * source: EP1221669 [0120] */
struct kc_key_request {
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* which purse */
    uint8_t certificate[32]; /* SHA-256 of the new certificate of the signature key */
    uint64_t time_ms; /* the purse's time stamp */
};
extern const struct kc_shape kc_key_request_shape;

/* The private keys, sealed for the old encryption key and for nobody else.
 * step: S7
 * from: authority
 * to: purse
 * sealed: key-reply
 * source: EP1221669 [0121] */
struct kc_key_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_purse_id purse; /* which purse */
    struct kc_view keys; /* key-pair */
    uint64_t time_ms; /* the authority's time stamp */
};
extern const struct kc_shape kc_key_reply_shape;

/* The new keys are in force. Signed by the new key; answered by done, when the old ones are on the list.
 * step: S10
 * from: purse
 * to: authority
 * sealed: key-confirm
 * source: EP1221669 [0122] */
struct kc_key_confirm {
    struct kc_account_id account; /* account number */
    struct kc_purse_id purse; /* which purse */
    uint8_t certificate[32]; /* SHA-256 of the certificate of the new signature key */
    uint64_t time_ms; /* the purse's time stamp */
};
extern const struct kc_shape kc_key_confirm_shape;

/* Two private keys on their way into a purse; at the authority, sealed for itself, as long as they wait. */
struct kc_key_pair {
    struct kc_view sign_key; /* private-key-record of the signature key */
    struct kc_view encrypt_key; /* private-key-record of the encryption key */
};
extern const struct kc_shape kc_key_pair_shape;

/* What a purse keeps of a claim-reply until it has the private keys, and the authority has its confirmation. */
struct kc_next_keys {
    struct kc_view encrypt_key; /* the new public encryption key (COSE_Key) */
    struct kc_view authority_verify; /* the key that the authority signs messages with (COSE_Key) */
    struct kc_view authority_encrypt; /* the key that messages to it are sealed for (COSE_Key) */
    struct kc_view url; /* where it answers */
    uint64_t notice; /* the claim-reply's time, or the number of the authority-notice that the purse held then, if that is higher: a notice of a higher number takes the place of both keys */
};
extern const struct kc_shape kc_next_keys_shape;

/* Opens an exchange: the payer asks who the payee is.
 * step: Sb1
 * from: purse
 * to: purse
 * source: EP1221669 [0154] */
struct kc_identify {
    uint64_t bank; /* bank id */
    struct kc_account_id account; /* the payer's account */
    struct kc_purse_id purse; /* the payer's purse */
    uint64_t hotlist; /* version of the hotlist the payer holds, 0 for none */
    bool full; /* the payer wants the payee's identity even if they have met */
    uint64_t roll; /* number of the bank's newest key roll-over the payer knows, 0 for none */
    uint64_t hotlist_base; /* version of the base of the hotlist the payer holds, 0 for none */
};
extern const struct kc_shape kc_identify_shape;

/* Who the payee is, and what it will take.
 * step: Sb2
 * from: purse
 * to: purse
 * source: EP1221669 [0155] */
struct kc_payee_identity {
    struct kc_account_id account; /* the payee's account */
    struct kc_purse_id purse; /* the payee's purse */
    struct kc_view identity; /* SGN1; left out when the payee knows the payer, so that they have met */
    bool has_identity;
    bool knows; /* the payee holds the payer's identity, which the payment may leave out */
    uint64_t counter; /* the payee's next counter: a payment fits only this one */
    uint64_t hotlist; /* version of the hotlist the payee holds, 0 for none */
    struct kc_amount asked; /* the amount asked for */
    bool has_asked;
    struct kc_amount most; /* the most the payee's purse can take now */
    uint64_t roll; /* number of the bank's newest key roll-over the payee knows, 0 for none */
    uint64_t hotlist_base; /* version of the base of the hotlist the payee holds, 0 for none */
};
extern const struct kc_shape kc_payee_identity_shape;

/* What a payer signs. It is part of the payment.
 * brief: payment
 * source: EP1221669 [0157] [0158], Fig 9 */
struct kc_payment_order {
    struct kc_account_id payee; /* the payee's account */
    struct kc_purse_id payee_purse; /* the payee's purse */
    struct kc_account_id payer; /* the payer's account */
    struct kc_purse_id payer_purse; /* the payer's purse */
    struct kc_purse_id card; /* the payer's card where a card paid */
    bool has_card;
    struct kc_amount amount; /* how much */
    uint64_t time_ms; /* the payer's time stamp */
    uint64_t payer_counter; /* the payer's counter of the pay entry */
    uint64_t payee_counter; /* the payee's counter of the receive entry */
    uint8_t head[32]; /* the payer's chain head before the pay entry */
    struct kc_amount paid; /* the payer's totals before the pay entry: paid */
    struct kc_amount received; /* received */
    struct kc_amount returned; /* returned */
};
extern const struct kc_shape kc_payment_order_shape;

/* A payment: value that left the payer's purse.
 * step: Sb5
 * from: purse
 * to: purse
 * source: EP1221669 [0158] */
struct kc_payment {
    struct kc_view identity; /* the payer's SGN1, or SGN3 of a bearer card; left out when the payee holds it */
    bool has_identity;
    struct kc_view certified; /* SGN4 of a bearer card */
    bool has_certified;
    struct kc_view order; /* payment-order as the payer signed it; a bearer card's has a MAC by its secret in the signature's place */
};
extern const struct kc_shape kc_payment_shape;

/* What a payee signs when it took a payment.
 * brief: receipt
 * source: EP1221669 [0165] */
struct kc_receipt {
    uint8_t payment[32]; /* SHA-256 of the signed payment order */
    struct kc_purse_id payee_purse; /* the payee's purse */
    uint64_t counter; /* the payee's counter of the receive entry */
    uint8_t head[32]; /* the payee's chain head before it */
    struct kc_amount paid; /* the payee's totals before it: paid */
    struct kc_amount received; /* received */
    struct kc_amount returned; /* returned */
    uint64_t time_ms; /* the payee's time stamp */
};
extern const struct kc_shape kc_receipt_shape;

/* What a payee signs when it will never take a payment.
 * brief: decline
 * source: EP1221669 [0162] */
struct kc_decline {
    uint8_t payment[32]; /* SHA-256 of the signed payment order */
    struct kc_purse_id payee_purse; /* the payee's purse */
    uint64_t counter; /* the payee's counter that the payment was for, which another entry has */
    uint64_t reason; /* number of the error: declined; out-of-order when the payee had moved on; hotlisted, limit-exceeded or contact-needed */
    uint64_t time_ms; /* the payee's time stamp */
};
extern const struct kc_shape kc_decline_shape;

/* The payee's word on a payment.
 * step: Sb10
 * from: purse
 * to: purse
 * source: EP1221669 [0162] [0165] */
struct kc_payment_answer {
    bool taken; /* true: a receipt; false: a decline */
    struct kc_view answer; /* receipt or decline as the payee signed it */
};
extern const struct kc_shape kc_payment_answer_shape;

/* Why one side of an exchange goes no further. Nobody signs it, and it changes nothing in a purse.
 * step: Sb3 Sb7
 * from: station
 * to: station
 * source: EP1221669 [0156] [0159] */
struct kc_notice {
    uint64_t reason; /* number of the error */
};
extern const struct kc_shape kc_notice_shape;

/* One entry of a purse's history with what shows it.
 * source: EP1221669 Fig 9 [0086]-[0090] */
struct kc_log_record {
    struct kc_view entry; /* entry */
    struct kc_view order; /* for pay, receive and refuse: the signed payment order */
    bool has_order;
    struct kc_view answer; /* the payee's signed receipt or decline, where there is one */
    bool has_answer;
};
extern const struct kc_shape kc_log_record_shape;

/* What is left of entries that were overwritten: where they ended, and the purse's totals there.
 * source: EP1221669 [0246] */
struct kc_gap {
    uint64_t counter; /* counter of the newest entry that is gone */
    uint8_t head[32]; /* chain head after it */
    struct kc_amount paid; /* total of pay and cash-out entries up to there */
    struct kc_amount received; /* total of receive entries up to there */
    struct kc_amount returned; /* total of void entries up to there */
};
extern const struct kc_shape kc_gap_shape;

/* Purses out of use, as the bank signed it; passed on from purse to purse.
 * signed: hotlist */
struct kc_hotlist {
    uint64_t bank; /* bank id */
    uint64_t version; /* grows with every change; a purse takes only a higher one */
    uint64_t time_ms; /* when the bank signed it */
    bool complete; /* false: there are more, older ones */
    uint64_t count; /* how many purses are listed */
    struct kc_view listed; /* their numbers, ascending: each as the difference to the one before, 7 bits a byte, lowest first, high bit on all but the last byte */
};
extern const struct kc_shape kc_hotlist_shape;

/* Purses out of use up to a version, in the short form, as the bank signed it. Deltas add to it.
 * signed: hotlist-base */
struct kc_hotlist_base {
    uint64_t bank; /* bank id */
    uint64_t version; /* what the purses listed up to it are counted by */
    uint64_t time_ms; /* when the bank signed it */
    bool complete; /* false: there are more, older ones */
    uint64_t count; /* how many purses are listed */
    uint64_t least; /* the lowest of their numbers without its check digit; 0 when there is none */
    uint64_t bits; /* how many low bits of a step stand as they are */
    struct kc_view listed; /* the others, ascending, each by its step: what lies between it and the one before; Rice code, see docs/protocol.md */
};
extern const struct kc_shape kc_hotlist_base_shape;

/* All purses that went out of use after a base, as the bank signed it. It takes the place of every earlier one on that base.
 * signed: hotlist-delta */
struct kc_hotlist_delta {
    uint64_t bank; /* bank id */
    uint64_t base; /* version of the base, or of the list of the older form, that it adds to; 0: to none */
    uint64_t version; /* version of both together; a purse takes only a higher one */
    uint64_t time_ms; /* when the bank signed it */
    bool complete; /* false: there are more between base and version, older ones */
    uint64_t count; /* how many purses are listed */
    uint64_t least; /* as in the base */
    uint64_t bits; /* as in the base */
    struct kc_view listed; /* as in the base */
};
extern const struct kc_shape kc_hotlist_delta_shape;

/* New keys of the bank. The new signature key signs it, so that nobody gives out somebody else's key as the bank's.
 * signed: key-roll */
struct kc_key_roll {
    uint64_t bank; /* bank id */
    uint64_t number; /* 1 for the bank's first roll-over, then without gaps; a purse takes the next one only */
    uint64_t from_ms; /* from then on the bank signs with the new key */
    uint64_t until_ms; /* before that the old key verifies and opens too; not before `from` */
    struct kc_view former_key; /* old public signature key (COSE_Key) */
    struct kc_view sign_key; /* new public signature key (COSE_Key) */
    struct kc_view encrypt_key; /* new public encryption key (COSE_Key) */
};
extern const struct kc_shape kc_key_roll_shape;

/* The same with the old key's consent: what a purse keeps and passes on to other purses.
 * signed: rolled-keys */
struct kc_rolled_keys {
    struct kc_view roll; /* key-roll as the new signature key signed it; the old one signs this */
};
extern const struct kc_shape kc_rolled_keys_shape;

/* The authority's newest keys, as the bank found them in the directory under the root that it goes by.
 * signed: authority-notice */
struct kc_authority_notice {
    uint64_t bank; /* bank id */
    uint64_t number; /* grows, not always by one, to 18 digits at most; a purse takes a higher one only */
    uint64_t time_ms; /* when the bank made it */
    struct kc_view issuer; /* the issuing certificate that began last (X.509, DER) */
    uint64_t from_ms; /* when the certificates of the two keys began */
    struct kc_view verify_key; /* the key that the authority signs messages with (COSE_Key) */
    struct kc_view encrypt_key; /* the key that messages to it are sealed for (COSE_Key) */
    uint8_t root[32]; /* SHA-256 of the root certificate */
};
extern const struct kc_shape kc_authority_notice_shape;

/* Reports entries that no certified value covers yet, oldest first.
 * step: Sc1
 * from: purse
 * to: bank
 * sealed: settle-request
 * source: EP1221669 [0170] [0171] */
struct kc_settle_request {
    struct kc_view information; /* value-information, without entries */
    struct kc_view gap; /* gap, when entries before the first record were overwritten */
    bool has_gap;
    struct kc_view_list records; /* log-record */
    uint64_t time_ms; /* the purse's time stamp */
};
extern const struct kc_shape kc_settle_request_shape;

/* A payment of the purse whose end the bank knows. Never taken: the purse writes a void for it. */
struct kc_release {
    uint64_t counter; /* the purse's counter of the pay entry */
    struct kc_amount amount; /* how much it was */
    uint64_t reason; /* number of the error that says why it comes back; 0 when the payee took it, so that nothing does */
};
extern const struct kc_shape kc_release_shape;

/* A reported record that the bank did not accept, and why. */
struct kc_objection {
    uint64_t counter; /* the purse's counter of the entry */
    uint64_t reason; /* number of the error */
};
extern const struct kc_shape kc_objection_shape;

/* The certified value with everything accepted, and what was not.
 * step: Sc3
 * from: bank
 * to: purse
 * sealed: settle-reply
 * source: EP1221669 [0175] [0176] */
struct kc_settle_reply {
    uint8_t request[32]; /* SHA-256 of the signed request */
    struct kc_purse_id purse; /* which purse */
    struct kc_view certified; /* SGN2 over the state of the purse */
    struct kc_view_list released; /* release, oldest first */
    struct kc_view_list objections; /* objection */
    uint64_t key_ready_ms; /* since when keys that the authority made wait for it (S5) */
    bool has_key_ready;
    uint64_t time_ms; /* the bank's time stamp */
};
extern const struct kc_shape kc_settle_reply_shape;

/* A payment of this purse that has no answer yet; kept in its state. */
struct kc_open_payment {
    uint64_t counter; /* counter of the pay entry */
    struct kc_purse_id payee_purse; /* the payee's purse */
    uint64_t payee_counter; /* the payee's counter it is for */
    struct kc_amount amount; /* how much is reserved */
};
extern const struct kc_shape kc_open_payment_shape;

/* What is for sale?
 * step: VM1
 * from: station
 * to: machine
 * source: EP1221669 [0214] */
struct kc_shelf_request {
    uint64_t from_slot; /* the first place to tell of */
};
extern const struct kc_shape kc_shelf_request_shape;

/* What is for sale, and who sells it.
 * step: VM1
 * from: machine
 * to: station
 * source: EP1221669 [0214] */
struct kc_shelf {
    struct kc_view name; /* the machine's name */
    struct kc_account_id dealer; /* the dealer's account */
    struct kc_purse_id purse; /* the machine's purse */
    uint64_t next; /* there are more places, from this one on */
    bool has_next;
    struct kc_view_list items; /* shelf-item */
};
extern const struct kc_shape kc_shelf_shape;

/* One place in a machine. */
struct kc_shelf_item {
    uint64_t slot; /* its number */
    enum kc_slot_state state; /* how it stands */
    struct kc_amount price; /* what an item costs */
    struct kc_view name; /* what is in it */
};
extern const struct kc_shape kc_shelf_item_shape;

/* The user chose: the machine will ask for the price of this place.
 * step: VM2
 * from: station
 * to: machine
 * source: EP1221669 [0215] */
struct kc_select {
    uint64_t slot; /* the place */
};
extern const struct kc_shape kc_select_shape;

/* The machine waits for the payment. Nobody signs it; the payment names the payee.
 * step: VM2
 * from: machine
 * to: station */
struct kc_selected {
    uint64_t slot; /* the place */
    struct kc_amount price; /* what the machine will ask for */
};
extern const struct kc_shape kc_selected_shape;

/* How did the sale end, and does the machine owe this account something?
 * step: VM5
 * from: station
 * to: machine */
struct kc_outcome_request {
    struct kc_account_id account; /* the buyer's account */
};
extern const struct kc_shape kc_outcome_request_shape;

/* How the sale ended. What comes back is paid next, in the same conversation.
 * step: VM5
 * from: machine
 * to: station
 * source: EP1221669 [0220] */
struct kc_sale_outcome {
    enum kc_sale_end outcome; /* how it ended */
    uint64_t sale; /* the sale's number in the machine's journal, 0 without one */
    struct kc_amount back; /* what the machine now pays back to this account */
};
extern const struct kc_shape kc_sale_outcome_shape;

/* A line of a machine's sale journal, signed by its purse.
 * brief: sale
 * source: EP1221669 [0217] [0219] */
struct kc_sale {
    struct kc_purse_id purse; /* the machine's purse */
    uint64_t number; /* from 1 without gaps */
    uint8_t previous[32]; /* SHA-256 of the signed line before; zeros for the first */
    enum kc_sale_kind kind; /* what it tells */
    uint64_t time_ms; /* the machine's clock */
    uint64_t sale; /* number of the sale it is about, 0 when there is none */
    uint64_t slot; /* the place, 0 when there is none */
    struct kc_amount amount; /* how much */
    struct kc_account_id account; /* the other side's account; of improper: the one that was claimed */
    bool has_account;
    uint64_t counter; /* the purse's counter of the entry it is about, 0 when there is none */
    uint64_t reason; /* number of the error, 0 when there is none */
    uint64_t count; /* of closed: how many sales; of improper: how many more were not written since the last line; of sale and refund: the kind of the purse that paid, 0 when it is not known */
    struct kc_amount back; /* of closed: what was given back */
    uint8_t about[32]; /* SHA-256 of the order, or of what did not verify; zeros when there is none */
};
extern const struct kc_shape kc_sale_shape;

/* What a machine sells to somebody who pays from his account, signed by its purse.
 * brief: sale-offer
 * source: EP1221669 [0211] */
struct kc_sale_offer {
    uint64_t bank; /* bank id */
    struct kc_purse_id machine; /* the machine's purse */
    struct kc_account_id dealer; /* the account that is paid */
    uint64_t slot; /* the place */
    struct kc_amount price; /* what it costs */
    uint64_t line; /* number of the newest line in the machine's journal: whether the offer was used stands after it */
    uint8_t nonce[16]; /* no two offers are the same */
    uint64_t time_ms; /* the machine's clock */
};
extern const struct kc_shape kc_sale_offer_shape;

/* The bank's word that an offer was paid to the dealer's account.
 * signed: voucher
 * source: EP1221669 [0211] */
struct kc_voucher {
    uint64_t bank; /* bank id */
    uint8_t reference[32]; /* SHA-256 of the signed sale-offer */
    struct kc_purse_id machine; /* the machine's purse that made it */
    struct kc_account_id to; /* the account that received it */
    struct kc_amount amount; /* how much */
    struct kc_account_id payer; /* the account that paid */
    struct kc_purse_id purse; /* the purse that ordered the payment */
    uint64_t transaction_ms; /* time stamp of its request; with the purse it names the transaction */
    uint64_t time_ms; /* when the bank carried it out */
};
extern const struct kc_shape kc_voucher_shape;

/* The user chose, and pays from his account: what is the machine's word on it?
 * step: VM2
 * from: station
 * to: machine
 * source: EP1221669 [0211] */
struct kc_offer_request {
    uint64_t slot; /* the place */
};
extern const struct kc_shape kc_offer_request_shape;

/* It is paid: the machine lets the item go. Answered by sale-outcome, also when it comes again.
 * step: VM3
 * from: station
 * to: machine
 * source: EP1221669 [0211] */
struct kc_voucher_sale {
    struct kc_view offer; /* sale-offer as the machine signed it */
    struct kc_view voucher; /* voucher as the bank signed it */
};
extern const struct kc_shape kc_voucher_sale_shape;

/* A vendor server asks one machine. Signed by the server's key, which the machine's keeper pinned.
 * step: VS1
 * from: vendor-server
 * to: machine
 * signed: collect-request
 * source: EP1221669 [0222] */
struct kc_collect_request {
    struct kc_purse_id purse; /* the machine's purse */
    uint64_t time_ms; /* the server's time stamp; a machine takes only a later one */
    enum kc_collect_want want; /* what is wanted */
    uint64_t from_number; /* of records: the first one; of report and answer: the place of the piece; of give-back: the sale before; of not-given-back: the sale */
    uint64_t total; /* of answer: the size of the whole; of not-given-back: number of the error */
    struct kc_view piece; /* of answer; of roll: rolled-keys; of signed-anew: SGN1; of given-back: given-back, as the bank signed it; of notice: authority-notice, or nothing */
    uint64_t safe_number; /* of records: the lines up to this one are durable with the server; 0 when there are none */
};
extern const struct kc_shape kc_collect_request_shape;

/* What the machine gives. Records and reports are signed in themselves; the rest is nobody's word.
 * step: VS1
 * from: machine
 * to: vendor-server
 * source: EP1221669 [0222] */
struct kc_collect_reply {
    uint64_t reason; /* number of the error, 0 when it was carried out */
    uint64_t newest_ms; /* the latest time stamp of a server that it took */
    struct kc_purse_id purse; /* the machine's purse */
    uint64_t last; /* number of the newest line in the journal */
    uint64_t first; /* number of the oldest line that it still has */
    uint64_t owed; /* how many payments back are owed */
    uint64_t uncovered; /* how many entries of its purse no certified value covers */
    uint64_t unwritten; /* improper accesses beyond those in the journal */
    uint64_t total; /* of report: the size of the whole, 0 when there is nothing to report; of not-given-back: 1 when the reason is a new one; of notice: number of the authority-notice that its purse holds, 0 when it holds none */
    struct kc_view piece; /* of report: a piece; of state: the purse's identity (SGN1); of the last piece of an answer: what the purse read in it; of give-back: give-back, as the purse signed it, or nothing */
    struct kc_view_list records; /* sale, as the purse signed them, as many as a link's message holds */
};
extern const struct kc_shape kc_collect_reply_shape;

/* What a machine owes to somebody whom only the bank can pay. Signed by the machine's purse; its bearer can do no more with it than pay that debt.
 * brief: give-back
 * source: EP1221669 [0219] */
struct kc_give_back {
    uint64_t bank; /* bank id */
    struct kc_purse_id purse; /* the machine's purse */
    uint64_t sale; /* number of the sale in its journal; the bank pays each once */
    uint64_t counter; /* the purse's counter of the payment, 0 when it was not made purse to purse */
    struct kc_account_id to; /* the account of whoever paid */
    struct kc_amount amount; /* how much is owed */
    uint64_t time_ms; /* the machine's clock */
    uint8_t reference[32]; /* what else names the payment */
    bool has_reference;
};
extern const struct kc_shape kc_give_back_shape;

/* The bank paid what a machine owed, from the account of the machine's owner.
 * signed: given-back */
struct kc_given_back {
    uint64_t bank; /* bank id */
    struct kc_purse_id purse; /* the machine's purse */
    uint64_t sale; /* number of the sale in its journal */
    struct kc_account_id to; /* the account that was paid */
    struct kc_amount amount; /* how much */
    uint64_t time_ms; /* when the bank booked it */
};
extern const struct kc_shape kc_given_back_shape;

/* A proof against a purse, by its own signatures.
 * signed: evidence-file */
struct kc_evidence_file {
    uint64_t bank; /* bank id */
    struct kc_view currency; /* currency code */
    uint64_t decimals; /* decimals of the currency */
    uint64_t alert; /* the bank's number of the alert */
    enum kc_proof_rule rule; /* what the items show */
    uint64_t counter; /* the purse's counter that they show it about */
    struct kc_account_id account; /* the accused purse's account */
    struct kc_purse_id purse; /* the accused purse */
    struct kc_view identity; /* its identity as the bank signed it, with the key that verifies the items */
    struct kc_view_list partners; /* for overspent: identities of the payers in the history */
    struct kc_view_list items; /* evidence-item */
    uint64_t time_ms; /* when the bank made the file */
};
extern const struct kc_shape kc_evidence_file_shape;

/* An evidence file over a renewal: the older key signed the first item, the newer one the second.
 * signed: renewed-evidence */
struct kc_renewed_evidence {
    uint64_t bank; /* bank id */
    struct kc_view currency; /* currency code */
    uint64_t decimals; /* decimals of the currency */
    uint64_t alert; /* the bank's number of the alert */
    enum kc_proof_rule rule; /* what the items show */
    uint64_t counter; /* the purse's counter that they show it about */
    struct kc_account_id account; /* the accused purse's account */
    struct kc_purse_id purse; /* the accused purse */
    struct kc_view older; /* its identity with the key of the first item, as the bank signed it */
    struct kc_view newer; /* its identity with the key of the second item */
    struct kc_view_list items; /* evidence-item */
    struct kc_view close; /* evidence-item: the report that shows where the older key ended, when the second item does not */
    bool has_close;
    struct kc_view closer; /* its identity with the key of that report, when that is not the newer one */
    bool has_closer;
    uint64_t time_ms; /* when the bank made the file */
};
extern const struct kc_shape kc_renewed_evidence_shape;

/* Something that the accused purse signed, as it came. */
struct kc_evidence_item {
    enum kc_proof_kind kind; /* what it is */
    struct kc_view bytes; /* the signed bytes */
    uint8_t key[32]; /* for an envelope: the content key of its seal */
    bool has_key;
};
extern const struct kc_shape kc_evidence_item_shape;

#endif
