/* The ledger's store port: typed rows in a database that commits a batch as a whole.
 *
 * One writer uses begin, the puts and commit; a second connection opened read-only serves look-ups for operators.
 * Rows are copied in and out. A get that finds nothing says KC_NOT_FOUND. Other errors: KC_DISK_FULL, KC_STORE_CORRUPT,
 * KC_STORE_FAILED; after one of them inside a batch the caller rolls back. commit is durable at return. */
#ifndef KC_LEDGER_STORE_H
#define KC_LEDGER_STORE_H

#include "base/ids.h"
#include "base/limits.h"
#include "crypto/port.h"
#include "message/generated/messages.h"

/* Stored numbers: never renumbered. */
enum kc_account_state {
    KC_ACCOUNT_TEMPORARY = 1,
    KC_ACCOUNT_OPEN = 2,
    KC_ACCOUNT_LAPSED = 3,
    KC_ACCOUNT_CLOSING = 4, /* given up: late records are waited for */
    KC_ACCOUNT_CLOSED = 5,  /* and are not any more */
};
enum kc_purse_standing { KC_PURSE_WAITING = 1, KC_PURSE_ACTIVE = 2, KC_PURSE_OUT = 3 };
enum kc_transaction_kind {
    KC_TRANSACTION_WITHDRAW = 1,
    KC_TRANSACTION_DEPOSIT = 2,
    KC_TRANSACTION_FUND = 3,
    KC_TRANSACTION_REDEEM = 4,
    KC_TRANSACTION_TRANSFER_PURSE = 5,   /* from the purse to an account */
    KC_TRANSACTION_TRANSFER_ACCOUNT = 6, /* from the purse's account to another one */
};
/*            quoted ── OK in time ──> completed        sent ── done ────> completed
 *              │ │ └── NG ──────────> declined          └── refused ───> refused
 *              │ └──── too late, newer request, recovery ──> not-completed
 *   request ──> refused                                                                                     */
enum kc_transaction_state {
    KC_STATE_QUOTED = 1,
    KC_STATE_SENT = 2,
    KC_STATE_COMPLETED = 3,
    KC_STATE_DECLINED = 4,
    KC_STATE_NOT_COMPLETED = 5,
    KC_STATE_REFUSED = 6,
};
enum kc_evidence_kind {
    KC_EVIDENCE_REQUEST = 1,
    KC_EVIDENCE_ANSWER = 2,
    KC_EVIDENCE_STATE = 3,
    KC_EVIDENCE_FUND = 4,
    KC_EVIDENCE_OPEN = 5,
    KC_EVIDENCE_CONFIRM = 6,
    KC_EVIDENCE_CANCEL = 7,
    KC_EVIDENCE_IDENTIFY = 8,
    KC_EVIDENCE_LOST = 9,
    KC_EVIDENCE_REISSUE = 10,
    KC_EVIDENCE_TRANSFER = 11,
    KC_EVIDENCE_GIVE_BACK = 12,
    KC_EVIDENCE_RENEW = 13,
    KC_EVIDENCE_CLAIM = 14,
    KC_EVIDENCE_CHARGE = 15,
    KC_EVIDENCE_SETTLE = 16,
    /* Log records that contradict something else, kept under the purse whose signatures they carry. */
    KC_EVIDENCE_RECORD = 17,
    KC_EVIDENCE_OTHER_RECORD = 18,
    KC_EVIDENCE_CLOSE = 19,
    KC_EVIDENCE_MOVE = 20,
    KC_EVIDENCE_COUNTER = 21,
};
/* A payment between purses, by what the bank knows of it. Counted: the entry stands in the counted chain of that purse.
 *
 *   payer's entry, no answer ──> noted ── payee's entry or receipt ─────────────────────> booked
 *                                  └──── payee's other entry, refusal or decline ───────> released
 *   payee's entry, or payer's with a receipt ───────────────────────────────────────────> booked
 *   payee's refusal before the payer's word ──> refused ── payer's entry ───────────────> released
 *   booked ── decline of a payee that took it (a proof against the payee) ──────────────> released             */
enum kc_payment_state {
    KC_PAYMENT_NOTED = 1,
    KC_PAYMENT_BOOKED = 2,
    KC_PAYMENT_RELEASED = 3,
    KC_PAYMENT_REFUSED = 4,
};
enum kc_record_state {
    KC_RECORD_COUNTED = 1,
    KC_RECORD_AHEAD = 2,     /* a cash-out that was booked before its place in the chain came */
    KC_RECORD_TO_RETURN = 3, /* a cash-out that came to nothing, until its void is counted */
    KC_RECORD_RETURNED = 4,  /* the same, afterwards */
    KC_RECORD_SHOWN = 5,     /* not counted: it overspends, and shows that its payee was paid */
    KC_RECORD_PASSED = 6,    /* a cash-out that was booked ahead, and whose place a gap covers */
};
/* A gap: entries of a purse that only its totals tell of (docs/protocol.md "Gaps").
 *
 *   report ──> open ── settlement time ran out ──> closed ── the purse was told ──> ended
 *                └──── the same, all explained ─────────────────────────────────> ended               */
enum kc_gap_state {
    KC_GAP_OPEN = 1,
    KC_GAP_CLOSED = 2,
    KC_GAP_ENDED = 3,
};

/* A charge that was notified (ledger/charge.c has the diagram). */
enum kc_charge_step {
    KC_CHARGE_NOTIFIED = 1,
    KC_CHARGE_GRACE = 2,
    KC_CHARGE_SUSPENDED = 3,
    KC_CHARGE_PAID = 4,
    KC_CHARGE_DROPPED = 5, /* the account was closed before */
};

/* Who closed an account. */
enum kc_closing_by {
    KC_CLOSING_BY_HOLDER = 1,   /* at the counter */
    KC_CLOSING_BY_OPERATOR = 2, /* the bank's */
    KC_CLOSING_BY_CHARGE = 3,   /* nobody paid what the account costs */
};
/*  sent ── done ────> paid
 *    └── refused ───> refused: the amount is in the account again, and the next one is tried a day later */
enum kc_payout_state {
    KC_PAYOUT_SENT = 1,
    KC_PAYOUT_PAID = 2,
    KC_PAYOUT_REFUSED = 3,
};

#define KC_CERTIFIED_SIZE_MAX 256
#define KC_OPEN_ID_SIZE 16
#define KC_SIGNER_SIZE 16
#define KC_LOG_RECORD_SIZE_MAX 1632
/* Which two certificates are meant: the start of the digest of their issuer's key, and a serial number each. The ledger keeps
 * them and does not look into them (directory/people.h); zeros: not known. */
#define KC_PAIR_SIZE 48

struct kc_account_row {
    struct kc_account_id account;
    struct kc_purse_id purse;   /* the one it has now; older ones are out of use */
    enum kc_purse_type type;    /* of its purses: only that of a UIM is somebody's account */
    struct kc_account_id owner; /* of a machine: the dealer's account; else 0 */
    enum kc_account_state state;
    enum kc_suite suite;
    char name[KC_NAME_SIZE_MAX + 1];
    char address[KC_ADDRESS_SIZE_MAX + 1];
    char phone[KC_PHONE_SIZE_MAX + 1];
    char bank_account[KC_BANK_ACCOUNT_SIZE_MAX + 1];
    char password_hash[KC_SECRET_HASH_SIZE_MAX + 1];
    uint8_t open_id[KC_OPEN_ID_SIZE];
    uint64_t created_ms;
    uint64_t temporary_until_ms;
    uint64_t expires_ms;
    struct kc_amount balance;
};

/* The management record of a purse (EP1221669 Fig 4): amounts at the last access and now. */
struct kc_purse_row {
    struct kc_purse_id purse;
    struct kc_account_id account;
    enum kc_purse_type type;
    enum kc_purse_standing state;
    struct kc_amount account_at_access;
    struct kc_amount purse_at_access;
    uint64_t access_ms;
    /* What the purse should hold at its counted counter; certified values say this. */
    struct kc_amount value;
    uint64_t value_ms;
    uint64_t sequence;
    uint64_t counter;
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t counted_ms; /* the evidence that showed this counter, 0 at the beginning */
    uint8_t counted_digest[KC_DIGEST_SIZE];
    uint64_t last_ms; /* highest time stamp seen from it */
    uint8_t last_digest[KC_DIGEST_SIZE];
    uint64_t open_ms; /* its open transaction, or 0 */
    struct kc_amount paid;
    struct kc_amount received;
    struct kc_amount returned;
    uint8_t identity_digest[KC_DIGEST_SIZE]; /* of a bearer card: the secret in SGN3 instead */
    size_t certified_size;                   /* newest certified value, encoded */
    uint8_t certified[KC_CERTIFIED_SIZE_MAX];
    /* Booked already, but not in the counted chain yet. The shadow is value + ahead_in - ahead_out; records arrive in any
     * order, so it may be below zero for a while. */
    struct kc_amount ahead_in;
    struct kc_amount ahead_out;
    struct kc_amount objected; /* received, as it says, by records that the bank could not verify */
    struct kc_amount owed; /* of ahead_out: what is claimed back from the purse, then the account */
    struct kc_amount claimed; /* ever taken from the account for what the purse owed */
    /* What the bank took off the value that the purse does not know of yet, and may have spent; the certified value with this
     * sequence tells it. */
    struct kc_amount withheld;
    uint64_t withheld_sequence;
    enum kc_log_policy log_policy;
    enum kc_error out_reason; /* why it is out of use, and since when */
    uint64_t out_ms;
};

/* A purse's shadow or another signed sum. */
struct kc_shadow {
    struct kc_amount amount;
    bool below; /* zero: the amount is a claim against the purse; never with amount zero */
};

/* Whether a payment that had been released was held again, because a receipt for it came to light. */
enum kc_payment_again {
    KC_AGAIN_NOT = 0,
    KC_AGAIN_HELD = 1,
    KC_AGAIN_TAKEN = 2, /* it had been booked before it was released */
};

struct kc_payment_row {
    uint8_t digest[KC_DIGEST_SIZE]; /* of the signed order */
    enum kc_payment_state state;
    enum kc_error reason; /* why it was released or refused */
    struct kc_purse_id payer;
    uint64_t payer_counter;
    struct kc_purse_id payee;
    uint64_t payee_counter;
    struct kc_amount amount;
    uint64_t time_ms; /* the payer's time stamp */
    bool payer_counted;
    bool payee_counted;
    bool taken;             /* it was booked once, whatever came after */
    bool returned;          /* the payer's void is counted */
    bool open;              /* the payer waits for the payee's word, or for the bank's */
    uint64_t told_sequence; /* the certified value that came with the bank's word, or 0 */
    uint64_t due_ms;        /* when it is given up if the payee never speaks */
    enum kc_payment_again again;
    bool inferred; /* booked, or returned, because a gap's totals hold it; nobody signed that */
};

/* Entries first..last of a purse, of which only the totals are known. signed and matched parts follow: in - unexplained_in -
 * inferred_in, out - unexplained_out - given_back, back - unexplained_back. */
struct kc_gap_row {
    struct kc_purse_id purse;
    uint64_t first;
    uint64_t last;
    enum kc_gap_state state;
    uint8_t before[KC_DIGEST_SIZE]; /* chain head before the first entry, and after the last */
    uint8_t after[KC_DIGEST_SIZE];
    struct kc_amount in; /* by the purse's totals: received, paid, and given back by voids */
    struct kc_amount out;
    struct kc_amount back;
    struct kc_amount unexplained_in;
    struct kc_amount unexplained_out;
    struct kc_amount unexplained_back;
    struct kc_amount inferred_in; /* counted as payments that only their payers reported */
    struct kc_amount given_back;  /* of out: back in the value, because nobody showed it */
    /* Of unexplained_out what unexplained receipts and voids pay for; the rest is held in flight. */
    struct kc_amount netted;
    struct kc_amount advance; /* of unexplained receipts and voids: in the value, and ahead_out */
    uint64_t reported_ms;
    uint64_t due_ms;
    uint64_t told_sequence;
    uint64_t shown_ms; /* the report that showed it */
    uint8_t shown_digest[KC_DIGEST_SIZE];
};

/* One reported entry of a purse with what shows it. */
struct kc_record_row {
    struct kc_purse_id purse;
    uint64_t counter;
    enum kc_entry_kind kind;
    enum kc_record_state state;
    enum kc_error
        objection; /* counted without effect, or its answer was not taken, for this reason */
    struct kc_amount amount;
    uint8_t digest[KC_DIGEST_SIZE]; /* of the entry */
    uint8_t order[KC_DIGEST_SIZE];  /* of the signed order, or zeros */
    uint8_t head[KC_DIGEST_SIZE];   /* chain head after it; zeros while it is ahead */
    uint64_t shown_ms;              /* the evidence that it came with */
    uint8_t shown_digest[KC_DIGEST_SIZE];
    size_t size;
    uint8_t bytes[KC_LOG_RECORD_SIZE_MAX];
};

struct kc_transaction_row {
    struct kc_purse_id purse;
    uint64_t time_ms;
    enum kc_transaction_kind kind;
    enum kc_transaction_state state;
    enum kc_error reason;
    struct kc_amount amount;
    struct kc_amount account_before;
    struct kc_amount purse_before;
    uint64_t counter;
    uint64_t quoted_ms;
    uint64_t expires_ms;
    struct kc_account_id other;     /* of a transfer: the account that receives it; else 0 */
    struct kc_purse_id other_purse; /* the card that was credited in its place, or 0 */
    struct kc_purse_id machine; /* of a transfer that pays a machine's offer: its purse; else 0 */
    uint8_t reference[KC_DIGEST_SIZE]; /* of that offer; else zeros */
    uint8_t request_digest[KC_DIGEST_SIZE];
    uint8_t answer_digest[KC_DIGEST_SIZE];
    size_t certified_size; /* certified value that ended it, encoded */
    uint8_t certified[KC_CERTIFIED_SIZE_MAX];
};

struct kc_posting_row {
    uint64_t id;
    uint64_t batch;
    uint64_t debit;
    uint64_t credit;
    struct kc_amount amount;
    struct kc_purse_id purse;
    uint64_t transaction_ms;
    uint64_t time_ms;
};

struct kc_batch_row {
    uint64_t id;
    uint64_t last_posting;
    uint8_t chain[KC_DIGEST_SIZE];
};

struct kc_totals_row {
    uint64_t next_account;
    uint64_t next_posting;
    struct kc_amount outside;
    struct kc_amount accounts;
    struct kc_amount shadows;
    struct kc_amount in_flight;
    struct kc_amount fees;
    struct kc_amount
        claims; /* the sum of the shadows below zero; shadows is the sum of the others */
};

struct kc_alert_row {
    uint64_t id;
    struct kc_purse_id purse;
    uint64_t time_ms;
    enum kc_error reason;
    /* The two signed messages that show it together, as they stand in the evidence; one may be both. */
    uint64_t evidence_ms;
    uint8_t evidence_digest[KC_DIGEST_SIZE];
    uint64_t against_ms;
    uint8_t against_digest[KC_DIGEST_SIZE];
    uint64_t counter; /* the purse's counter that it is about, or 0 */
};

/* A signed message as it came. Its time stamp is that of the transaction it belongs to, and its own where it belongs to
 * none; the digest keeps different messages of one time stamp apart. */
struct kc_evidence_row {
    struct kc_purse_id purse;
    uint64_t time_ms;
    enum kc_evidence_kind kind;
    uint8_t digest[KC_DIGEST_SIZE];
    size_t size;
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
};

/* The key that verifies the evidence of a signer id, also after its certificate has left the directory. */
struct kc_signer_row {
    uint8_t signer[KC_SIGNER_SIZE];
    size_t size;
    uint8_t key[KC_COSE_KEY_SIZE_MAX]; /* COSE_Key */
};

/* A purse that was put out of use by proof or because its holder lost it or gave it up; `version` counts these acts. */
struct kc_hotlist_row {
    uint64_t version;
    struct kc_purse_id purse;
    uint64_t time_ms;
    /* As they are now: */
    enum kc_error reason; /* why the purse is out of use */
    uint64_t
        ends_ms; /* when the last of its identities ends, also of those never confirmed; 0 when nothing is known of any */
};

/* A new purse for an account whose old one is out of use. */
struct kc_reissue_row {
    uint8_t id[KC_OPEN_ID_SIZE];
    struct kc_account_id account;
    struct kc_purse_id purse; /* the new one */
    struct kc_purse_id old;
    enum kc_suite suite;
    uint64_t temporary_until_ms;
};

/* The public keys of a purse as they were when it was issued: what it signed verifies also after its certificates were revoked
 * and others took their place in the directory. */
struct kc_purse_key_row {
    struct kc_purse_id purse;
    struct kc_account_id account;
    uint8_t signer[KC_SIGNER_SIZE];
    uint64_t expires_ms;
    size_t sign_size;
    uint8_t sign_key[KC_COSE_KEY_SIZE_MAX]; /* COSE_Key */
    size_t encrypt_size;
    uint8_t encrypt_key[KC_COSE_KEY_SIZE_MAX];
    uint8_t pair[KC_PAIR_SIZE]; /* of the certificates of these keys */
};

/* A renewal of a purse's keys (ledger/renew.c). Stored numbers. */
enum kc_renewal_state {
    KC_RENEWAL_ASKED = 1, /* the purse asked, its new keys are not certified yet */
    KC_RENEWAL_WAITING =
        2,               /* they are, and the old ones are in force until the purse confirms; with a
                               newer row of the purse behind it: left, never confirmed */
    KC_RENEWAL_DONE = 3, /* confirmed; the old certificates are still to be revoked */
    KC_RENEWAL_RETIRED = 4,
};

struct kc_renewal_row {
    struct kc_purse_id purse;
    uint64_t number; /* of the purse's renewals, from 1 */
    struct kc_account_id account;
    enum kc_renewal_state state;
    uint64_t counter; /* where the old key ends, by its own word; the close entry is the next one */
    uint64_t asked_ms;
    uint64_t done_ms;
    uint64_t old_expires_ms;
    uint64_t expires_ms;
    uint8_t old_signer[KC_SIGNER_SIZE];
    uint8_t signer[KC_SIGNER_SIZE];
    uint8_t identity_digest[KC_DIGEST_SIZE]; /* of the claims of the new identity */
    uint8_t certificate[KC_DIGEST_SIZE]; /* SHA-256 of the new certificate of the signature key */
    size_t old_sign_size;
    uint8_t old_sign_key[KC_COSE_KEY_SIZE_MAX]; /* COSE_Key */
    size_t sign_size;
    uint8_t sign_key[KC_COSE_KEY_SIZE_MAX];
    size_t encrypt_size;
    uint8_t encrypt_key[KC_COSE_KEY_SIZE_MAX];
    uint8_t old_pair[KC_PAIR_SIZE]; /* of certificates: the old keys', and the new ones' */
    uint8_t pair[KC_PAIR_SIZE];
};

/* Keys that the authority makes for a purse, one row a purse (ledger/key_offer.c). Stored numbers. */
enum kc_key_offer_state {
    KC_KEY_OFFER_ORDERED = 1, /* the authority is to be asked */
    KC_KEY_OFFER_READY = 2,   /* their certificates are in the directory, and wait for the purse */
    KC_KEY_OFFER_ENDED = 3,   /* the purse has new keys: these, or others */
};

struct kc_key_offer_row {
    struct kc_purse_id purse;
    struct kc_account_id account;
    enum kc_key_offer_state state;
    uint64_t ordered_ms;
    uint64_t ready_ms;
    uint8_t signer[KC_SIGNER_SIZE]; /* of the keys made last, as the following; sizes 0 before */
    size_t sign_size;
    uint8_t sign_key[KC_COSE_KEY_SIZE_MAX]; /* COSE_Key */
    size_t encrypt_size;
    uint8_t encrypt_key[KC_COSE_KEY_SIZE_MAX];
};

/* What left a purse that another one replaced, or was paid in for it (ledger/reissue.c); what a machine took for its
 * owner. Stored numbers. */
enum kc_move_kind {
    KC_MOVE_REMAINDER = 1, /* old purse -> new purse, when the new one is confirmed */
    KC_MOVE_CREDIT = 2,    /* old purse -> account: a late record that credits */
    KC_MOVE_DEBIT = 3,     /* account -> old purse: one that costs */
    KC_MOVE_OWED = 4,      /* new purse -> old purse: what the account did not reach for */
    /* Of a machine's value, to its owner (ledger/merchant.c): */
    KC_MOVE_SWEEP = 5, /* machine -> the owner's account */
    KC_MOVE_FEE = 6, /* the owner's account -> the bank's fees, for the sweep or credit before it */
};
struct kc_move_row {
    struct kc_purse_id purse; /* the old one, or the machine */
    uint64_t other;           /* the account or the new purse */
    enum kc_move_kind kind;
    struct kc_amount amount;
    struct kc_amount
        fee_fixed; /* of a machine's sweep or credit and its fee: the rule that was in force */
    uint64_t fee_permille;
    uint64_t time_ms;
};

/* What a machine owed for a sale and the bank paid (ledger/giveback.c). */
struct kc_give_back_row {
    struct kc_purse_id purse; /* the machine */
    uint64_t sale;            /* number in its journal */
    uint64_t counter;         /* its counter of the payment that it is given back for, or 0 */
    struct kc_account_id owner;
    struct kc_account_id to;
    struct kc_purse_id card; /* that was credited in the place of `to`, or 0 */
    struct kc_amount amount;
    uint64_t time_ms;                  /* of the postings */
    uint8_t reference[KC_DIGEST_SIZE]; /* of a payment without a counter; else zeros */
    uint8_t digest[KC_DIGEST_SIZE];    /* of the machine's word, which is kept as evidence */
};

/* How an account is charged, and when something is to be done about it next. */
struct kc_charging_row {
    struct kc_account_id account;
    enum kc_charge_source source;
    uint64_t period; /* the one that comes, from 1 */
    uint64_t due_ms; /* its day as planned; a notice may put it off */
    uint64_t act_ms;
};

/* One period's charge, from its notice on: one row an account and period, for ever. */
struct kc_charge_row {
    struct kc_account_id account;
    uint64_t period;
    struct kc_purse_id purse; /* the account's when it was notified; of the postings */
    enum kc_charge_step step;
    enum kc_charge_source source; /* by the notice; once it is paid: by what was taken */
    struct kc_amount amount;
    uint64_t due_ms;
    uint64_t notified_ms;
    uint64_t told_ms;      /* the first certified value that said so, or 0 */
    uint64_t since_ms;     /* of grace: the first attempt that failed; else 0 */
    uint64_t suspended_ms; /* when the account was suspended for it, or 0 */
    uint64_t ended_ms;     /* when it was paid, or 0 */
    uint64_t attempt;      /* orders to the ordinary bank so far */
    bool sent;             /* the last one has no outcome yet */
    enum kc_error reason;  /* of the last attempt that failed */
};

/* An account that is given up (ledger/close.c). */
struct kc_closing_row {
    struct kc_account_id account;
    struct kc_purse_id purse; /* the one it had */
    enum kc_closing_by by;
    bool early; /* its purse held nothing: what is in the account is not kept back */
    uint64_t begun_ms;
    uint64_t due_ms;     /* nothing more is waited for */
    uint64_t closed_ms;  /* when that was done, or 0 */
    uint64_t act_ms;     /* when something is to be done next */
    uint64_t payouts;    /* so far; the number of the last one */
    uint64_t revoked_ms; /* when the authority said that its certificates are, or 0 */
};

/* What went from such an account to its ordinary bank account: one row an order, for ever. */
struct kc_payout_row {
    struct kc_account_id account;
    uint64_t number; /* from 1 */
    struct kc_purse_id purse;
    enum kc_payout_state state;
    struct kc_amount amount;
    uint64_t ordered_ms;
    uint64_t ended_ms;    /* or 0 */
    enum kc_error reason; /* why it was refused */
};

/* A purse out of use whose certificates are to end (ledger/ending.c): one row a purse. */
struct kc_ending_row {
    struct kc_purse_id purse;
    struct kc_account_id account;
    uint64_t number;  /* how many times it was owed */
    uint64_t owed_ms; /* since when */
    uint64_t
        act_ms;     /* when the authority is asked next; the latest time there is when it is done */
    uint64_t tries; /* in vain */
    uint64_t ended_ms;    /* or 0 */
    enum kc_error reason; /* the last answer; KC_NOT_FOUND: the authority knows none of the rest */
};

/* A scan calls back for each row until it returns false. */
struct kc_store_scan {
    void *owner;
    bool (*account)(void *owner, const struct kc_account_row *row);
    bool (*purse)(void *owner, const struct kc_purse_row *row);
    bool (*transaction)(void *owner, const struct kc_transaction_row *row);
    bool (*posting)(void *owner, const struct kc_posting_row *row);
    bool (*batch)(void *owner, const struct kc_batch_row *row);
    bool (*alert)(void *owner, const struct kc_alert_row *row);
    bool (*evidence)(void *owner, const struct kc_evidence_row *row);
    bool (*payment)(void *owner, const struct kc_payment_row *row);
    bool (*record)(void *owner, const struct kc_record_row *row);
    bool (*signer)(void *owner, const struct kc_signer_row *row);
    bool (*hotlist)(void *owner, const struct kc_hotlist_row *row);
    bool (*move)(void *owner, const struct kc_move_row *row);
    bool (*gap)(void *owner, const struct kc_gap_row *row);
    bool (*give_back)(void *owner, const struct kc_give_back_row *row);
    bool (*charging)(void *owner, const struct kc_charging_row *row);
    bool (*charge)(void *owner, const struct kc_charge_row *row);
    bool (*closing)(void *owner, const struct kc_closing_row *row);
    bool (*payout)(void *owner, const struct kc_payout_row *row);
    bool (*ending)(void *owner, const struct kc_ending_row *row);
};

struct kc_store {
    void *context;
    struct kc_result (*begin)(void *context);
    struct kc_result (*commit)(void *context);
    void (*rollback)(void *context);
    struct kc_result (*account_get)(void *context, struct kc_account_row *out, uint64_t account);
    struct kc_result (*account_by_open_id)(void *context, struct kc_account_row *out,
                                           const uint8_t id[KC_OPEN_ID_SIZE]);
    struct kc_result (*account_put)(void *context, const struct kc_account_row *row);
    /* Only the balance, the hot part of an account; KC_STORE_CORRUPT when the account is not there. */
    struct kc_result (*account_balance_put)(void *context, uint64_t account,
                                            struct kc_amount balance);
    struct kc_result (*purse_get)(void *context, struct kc_purse_row *out, uint64_t purse);
    struct kc_result (*purse_put)(void *context, const struct kc_purse_row *row);
    /* Only what the reports of others move: state, value, ahead_in, ahead_out, objected, owed, out_reason and out_ms. */
    struct kc_result (*purse_ahead_put)(void *context, const struct kc_purse_row *row);
    struct kc_result (*payment_get)(void *context, struct kc_payment_row *out, uint64_t payer,
                                    uint64_t payer_counter, const uint8_t digest[KC_DIGEST_SIZE]);
    struct kc_result (*payment_put)(void *context, const struct kc_payment_row *row);
    struct kc_result (*record_get)(void *context, struct kc_record_row *out, uint64_t purse,
                                   uint64_t counter);
    struct kc_result (*record_put)(void *context, const struct kc_record_row *row);
    struct kc_result (*transaction_get)(void *context, struct kc_transaction_row *out,
                                        uint64_t purse, uint64_t time_ms);
    /* The completed transfer that paid the offer of this digest; the first one of several. */
    struct kc_result (*transaction_by_reference)(void *context, struct kc_transaction_row *out,
                                                 const uint8_t reference[KC_DIGEST_SIZE]);
    struct kc_result (*transaction_put)(void *context, const struct kc_transaction_row *row);
    struct kc_result (*posting_add)(void *context, const struct kc_posting_row *row);
    struct kc_result (*batch_add)(void *context, const struct kc_batch_row *row);
    struct kc_result (*batch_last)(void *context, struct kc_batch_row *out);
    struct kc_result (*totals_get)(void *context, struct kc_totals_row *out);
    struct kc_result (*totals_put)(void *context, const struct kc_totals_row *row);
    struct kc_result (*alert_add)(void *context, const struct kc_alert_row *row);
    /* The very same message again is fine and changes nothing. */
    struct kc_result (*evidence_add)(void *context, uint64_t purse, uint64_t time_ms,
                                     enum kc_evidence_kind kind,
                                     const uint8_t digest[KC_DIGEST_SIZE], struct kc_view bytes);
    /* Whether that message is kept: KC_OK or KC_NOT_FOUND. */
    struct kc_result (*evidence_find)(void *context, uint64_t purse, uint64_t time_ms,
                                      const uint8_t digest[KC_DIGEST_SIZE]);
    /* A signer that is known already is fine and changes nothing. */
    struct kc_result (*signer_add)(void *context, const uint8_t signer[KC_SIGNER_SIZE],
                                   struct kc_view key);
    struct kc_result (*signer_get)(void *context, struct kc_signer_row *out,
                                   const uint8_t signer[KC_SIGNER_SIZE]);
    /* The known signers of an account. */
    struct kc_result (*scan_signers)(void *context, const struct kc_store_scan *scan,
                                     uint64_t account);
    /* Scans in the order of keys. purse or account 0: of all. */
    struct kc_result (*scan_accounts)(void *context, const struct kc_store_scan *scan);
    struct kc_result (*scan_temporary)(void *context, const struct kc_store_scan *scan,
                                       uint64_t until_ms);
    struct kc_result (*scan_purses)(void *context, const struct kc_store_scan *scan,
                                    uint64_t account);
    struct kc_result (*scan_transactions)(void *context, const struct kc_store_scan *scan,
                                          uint64_t purse);
    /* Quotes whose time ran out before `until_ms`. */
    struct kc_result (*scan_late)(void *context, const struct kc_store_scan *scan,
                                  uint64_t until_ms);
    /* Orders without an outcome, behind that of `purse` and `time_ms`. */
    struct kc_result (*scan_sent)(void *context, const struct kc_store_scan *scan, uint64_t purse,
                                  uint64_t time_ms);
    struct kc_result (*scan_postings)(void *context, const struct kc_store_scan *scan);
    struct kc_result (*scan_batches)(void *context, const struct kc_store_scan *scan);
    struct kc_result (*scan_alerts)(void *context, const struct kc_store_scan *scan);
    struct kc_result (*scan_evidence)(void *context, const struct kc_store_scan *scan,
                                      uint64_t purse);
    /* Payments of a payer, or to a payee, with that purse's counter from `first` to `last`; of all for purse 0. */
    struct kc_result (*scan_paid)(void *context, const struct kc_store_scan *scan, uint64_t payer,
                                  uint64_t first, uint64_t last);
    struct kc_result (*scan_taken)(void *context, const struct kc_store_scan *scan, uint64_t payee,
                                   uint64_t first, uint64_t last);
    /* Payments of a payer that are open and booked or released: those never told first, then as they were told; oldest first. */
    struct kc_result (*scan_open)(void *context, const struct kc_store_scan *scan, uint64_t payer);
    struct kc_result (*scan_records)(void *context, const struct kc_store_scan *scan,
                                     uint64_t purse);
    /* Adds a purse to the hotlist under the next version, which *version gets. */
    struct kc_result (*hotlist_add)(void *context, uint64_t *version, uint64_t purse,
                                    uint64_t time_ms);
    /* The newest version, 0 when nothing was ever listed. */
    struct kc_result (*hotlist_version)(void *context, uint64_t *version);
    struct kc_result (*reissue_add)(void *context, const struct kc_reissue_row *row);
    struct kc_result (*reissue_by_id)(void *context, struct kc_reissue_row *out,
                                      const uint8_t id[KC_OPEN_ID_SIZE]);
    struct kc_result (*reissue_of_purse)(void *context, struct kc_reissue_row *out, uint64_t purse);
    /* The last one of an account. */
    struct kc_result (*reissue_last)(void *context, struct kc_reissue_row *out, uint64_t account);
    /* Keys that are kept already stay as they are. */
    struct kc_result (*purse_key_add)(void *context, const struct kc_purse_key_row *row);
    struct kc_result (*purse_key_get)(void *context, struct kc_purse_key_row *out, uint64_t purse);
    struct kc_result (*purse_key_by_signer)(void *context, struct kc_purse_key_row *out,
                                            const uint8_t signer[KC_SIGNER_SIZE]);
    /* Takes the place of the keys that are kept of that purse. */
    struct kc_result (*purse_key_put)(void *context, const struct kc_purse_key_row *row);
    /* Replaces the one of that purse and number. */
    struct kc_result (*renewal_put)(void *context, const struct kc_renewal_row *row);
    /* The newest one of a purse; the newest one with this signer, old or new. */
    struct kc_result (*renewal_last)(void *context, struct kc_renewal_row *out, uint64_t purse);
    struct kc_result (*renewal_by_signer)(void *context, struct kc_renewal_row *out,
                                          const uint8_t signer[KC_SIGNER_SIZE]);
    /* The confirmed one whose old key made the entry with this counter. */
    struct kc_result (*renewal_at)(void *context, struct kc_renewal_row *out, uint64_t purse,
                                   uint64_t counter);
    /* The newest one in the state KC_RENEWAL_WAITING of a purse with a lower number. */
    struct kc_result (*renewal_left)(void *context, struct kc_renewal_row *out, uint64_t purse,
                                     uint64_t number);
    /* The newest one in the state KC_RENEWAL_DONE of the first purse behind this one that has one. */
    struct kc_result (*renewal_due)(void *context, struct kc_renewal_row *out, uint64_t after);
    /* Replaces that purse's. */
    struct kc_result (*key_offer_put)(void *context, const struct kc_key_offer_row *row);
    struct kc_result (*key_offer_get)(void *context, struct kc_key_offer_row *out, uint64_t purse);
    /* The first one in the state KC_KEY_OFFER_ORDERED of a purse in use behind this one. */
    struct kc_result (*key_offer_due)(void *context, struct kc_key_offer_row *out, uint64_t after);
    /* The first purse in use behind this one whose keys end before that time, and that no keys are ordered or ready for. */
    struct kc_result (*key_offer_wanted)(void *context, struct kc_purse_id *out, uint64_t until_ms,
                                         uint64_t after);
    struct kc_result (*move_add)(void *context, const struct kc_move_row *row);
    /* Newest first. */
    struct kc_result (*scan_hotlist)(void *context, const struct kc_store_scan *scan);
    struct kc_result (*scan_moves)(void *context, const struct kc_store_scan *scan);
    /* Noted payments that are to be given up before `until_ms`. */
    struct kc_result (*scan_due)(void *context, const struct kc_store_scan *scan,
                                 uint64_t until_ms);
    /* The first gap of a purse that ends at `counter` or later. */
    struct kc_result (*gap_get)(void *context, struct kc_gap_row *out, uint64_t purse,
                                uint64_t counter);
    struct kc_result (*gap_put)(void *context, const struct kc_gap_row *row);
    /* Gaps of a purse, of all for 0; those of a purse that have not ended; open ones that are due before `until_ms`. */
    struct kc_result (*scan_gaps)(void *context, const struct kc_store_scan *scan, uint64_t purse);
    struct kc_result (*scan_gaps_open)(void *context, const struct kc_store_scan *scan,
                                       uint64_t purse);
    struct kc_result (*scan_gaps_due)(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms);
    struct kc_result (*give_back_get)(void *context, struct kc_give_back_row *out, uint64_t purse,
                                      uint64_t sale);
    struct kc_result (*give_back_add)(void *context, const struct kc_give_back_row *row);
    /* What a machine gave back, of all for 0; for the payment of one counter, or for any with 0. By purse, counter,
     * reference and sale. */
    struct kc_result (*scan_give_backs)(void *context, const struct kc_store_scan *scan,
                                        uint64_t purse, uint64_t counter);
    struct kc_result (*charging_get)(void *context, struct kc_charging_row *out, uint64_t account);
    struct kc_result (*charging_put)(void *context, const struct kc_charging_row *row);
    /* Those to act on until `until_ms`, in the order of that time. */
    struct kc_result (*scan_charging)(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms);
    /* Open accounts of people behind `account` that have no such row; only row->account is set. */
    struct kc_result (*scan_uncharged)(void *context, const struct kc_store_scan *scan,
                                       uint64_t account);
    struct kc_result (*charge_get)(void *context, struct kc_charge_row *out, uint64_t account,
                                   uint64_t period);
    struct kc_result (*charge_put)(void *context, const struct kc_charge_row *row);
    /* Of an account, or of all for 0. */
    struct kc_result (*scan_charges)(void *context, const struct kc_store_scan *scan,
                                     uint64_t account);
    /* Charges whose order to the ordinary bank has no outcome, of accounts behind `account`. */
    struct kc_result (*scan_charges_sent)(void *context, const struct kc_store_scan *scan,
                                          uint64_t account);
    struct kc_result (*closing_get)(void *context, struct kc_closing_row *out, uint64_t account);
    struct kc_result (*closing_put)(void *context, const struct kc_closing_row *row);
    /* Those to act on until `until_ms`, in the order of that time. */
    struct kc_result (*scan_closings)(void *context, const struct kc_store_scan *scan,
                                      uint64_t until_ms);
    /* Those whose certificates are not known to be revoked, behind `account`, in the order of accounts. */
    struct kc_result (*scan_unrevoked)(void *context, const struct kc_store_scan *scan,
                                       uint64_t account);
    /* Machines of an owner that are in use, being made, or closing; only row->account and row->purse are set. */
    struct kc_result (*scan_owned)(void *context, const struct kc_store_scan *scan, uint64_t owner);
    struct kc_result (*payout_get)(void *context, struct kc_payout_row *out, uint64_t account,
                                   uint64_t number);
    struct kc_result (*payout_put)(void *context, const struct kc_payout_row *row);
    /* Of an account, or of all for 0. */
    struct kc_result (*scan_payouts)(void *context, const struct kc_store_scan *scan,
                                     uint64_t account);
    /* Those without an outcome, of accounts behind `account`. */
    struct kc_result (*scan_payouts_sent)(void *context, const struct kc_store_scan *scan,
                                          uint64_t account);
    struct kc_result (*ending_get)(void *context, struct kc_ending_row *out, uint64_t purse);
    struct kc_result (*ending_put)(void *context, const struct kc_ending_row *row);
    /* Those to act on until `until_ms`, in the order of that time. */
    struct kc_result (*scan_endings)(void *context, const struct kc_store_scan *scan,
                                     uint64_t until_ms);
    /* The engine's own check of its file. */
    struct kc_result (*check)(void *context);
};

#endif
