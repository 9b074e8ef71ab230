/* What the files of the audit share (audit.c, audit_settle.c). Internal to this room. */
#ifndef KC_LEDGER_AUDIT_H
#define KC_LEDGER_AUDIT_H

#include "ledger/inside.h"

/* An open-addressed table from book to balance; grows by doubling. */
struct kc_audit_book {
    uint64_t number; /* 0: free */
    struct kc_shadow balance;
    /* Of a purse: what payments and records say is booked and not counted. */
    struct kc_amount ahead_in;
    struct kc_amount ahead_out;
    bool is_purse;
    bool has_row;
    uint64_t purse;              /* of an account: the one it has now */
    enum kc_purse_type type;     /* of an account */
    uint64_t owner;              /* of a machine's account */
    enum kc_account_state state; /* of an account, and whether there is a row of its closing */
    bool closing;
    uint64_t swept_to; /* of a machine: whom its sweeps went to, 0 for none */
    uint64_t payer;    /* of a purse: the account that answers for it */
    /* Of a purse: */
    bool listed; /* on the hotlist */
    bool in_use;
    struct kc_account_id account;
    uint64_t sequence;
    uint64_t open_ms;
    struct kc_shadow
        unshown; /* paid less returned by its row, less what deposits and records show */
    struct kc_amount received; /* by its records */
    uint64_t counter;          /* of its last record that is counted, and the chain's head there */
    uint8_t head[KC_DIGEST_SIZE];
    struct kc_amount held; /* by its gaps: what the journal moved in flight, less what came back */
    struct kc_amount unshown_held; /* the same by its gaps */
    struct kc_amount claimed;      /* out of its account, by the journal */
    uint64_t claimed_from;
    uint64_t posted[2]; /* sums of digests */
    uint64_t expected[2];
};

struct kc_auditor {
    struct kc_audit *audit;
    const struct kc_store *store;
    const struct kc_crypto *crypto;
    struct kc_audit_book *books;
    size_t capacity; /* a power of two */
    size_t used;
    uint8_t chain[KC_DIGEST_SIZE];
    struct kc_batch_row *batches;
    size_t batch_count;
    size_t batch_capacity;
    size_t batch_at;
    uint64_t next_posting;
    uint64_t highest_number; /* of accounts and purses, without the check digit */
    struct kc_totals_row totals;
    struct kc_give_back_row
        given; /* the newest give-back seen, and what was given of its payment */
    struct kc_amount given_sum;
    bool fee_is_due; /* the sweep before gave a fee, whose move comes next */
    struct kc_move_row fee;
    struct kc_amount in_flight; /* what waits, by payments and orders to the ordinary bank */
    bool no_memory;
    struct kc_result looked; /* the first error of a look-up during a scan */
};

void kc_audit_fault(struct kc_auditor *auditor, const char *what, uint64_t number);
/* The book of a number, made where there is none; NULL when there is no memory. */
struct kc_audit_book *kc_audit_book_of(struct kc_auditor *auditor, uint64_t number);
/* The same for two numbers; false when there is no room. */
bool kc_audit_books_of(struct kc_audit_book **first, struct kc_audit_book **second,
                       struct kc_auditor *auditor, uint64_t first_number, uint64_t second_number);
/* Adds the digest of a posting to a sum; the order does not matter. */
void kc_audit_add_digest(struct kc_auditor *auditor, uint64_t sum[2], uint64_t purse,
                         uint64_t time_ms, uint64_t debit, uint64_t credit,
                         struct kc_amount amount);
/* Whether a message that something rests on is kept. */
void kc_audit_want_evidence(struct kc_auditor *auditor, const char *what, uint64_t purse,
                            uint64_t time_ms, const uint8_t digest[KC_DIGEST_SIZE]);
/* Something shows an amount that the purse paid, or one that came back. */
void kc_audit_show(struct kc_auditor *auditor, struct kc_audit_book *book, struct kc_amount amount,
                   bool paid);
void kc_audit_add_in_flight(struct kc_auditor *auditor, struct kc_amount amount);

/* Calls of a scan, and what they summed up beside the purse. */
bool kc_audit_payment(void *owner, const struct kc_payment_row *row);
bool kc_audit_record(void *owner, const struct kc_record_row *row);
bool kc_audit_gap(void *owner, const struct kc_gap_row *row);
bool kc_audit_move(void *owner, const struct kc_move_row *row);
bool kc_audit_give_back(void *owner, const struct kc_give_back_row *row);
bool kc_audit_charge(void *owner, const struct kc_charge_row *row);
bool kc_audit_closing(void *owner, const struct kc_closing_row *row);
bool kc_audit_payout(void *owner, const struct kc_payout_row *row);
void kc_audit_compare_ahead(struct kc_auditor *auditor, struct kc_audit_book *book,
                            const struct kc_purse_row *row);
void kc_audit_compare_history(struct kc_auditor *auditor, struct kc_audit_book *book,
                              const struct kc_purse_row *row);

#endif
