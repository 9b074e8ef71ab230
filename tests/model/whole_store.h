/* A store behind the ledger's port (ledger/store.h) that lies in RAM: bounded, copied as a whole, with begin, commit and
 * rollback. It does what the SQLite store does, which test_whole_store.c shows by asking both the same. */
#ifndef KC_TESTS_WHOLE_STORE_H
#define KC_TESTS_WHOLE_STORE_H

#include <stddef.h>

#include "ledger/store.h"

#define RAM_ACCOUNTS 16
#define RAM_PURSES 16
#define RAM_TRANSACTIONS 512
#define RAM_POSTINGS 1024
#define RAM_BATCHES 1536
#define RAM_ALERTS 512
#define RAM_EVIDENCE 1536
#define RAM_PAYMENTS 512
#define RAM_RECORDS 768
#define RAM_SIGNERS 96
#define RAM_GAPS 64
#define RAM_HOTLIST 16
#define RAM_REISSUES 8
#define RAM_PURSE_KEYS 16
#define RAM_MOVES 384
#define RAM_GIVE_BACKS 32
#define RAM_CHARGING 16
#define RAM_CHARGES 128
#define RAM_CLOSINGS 16
#define RAM_PAYOUTS 64
#define RAM_ENDINGS 16
#define RAM_RENEWALS 64
#define RAM_KEY_OFFERS 16
#define RAM_BYTES (3u << 20)
#define RAM_UNDO 65536u

enum ram_table {
    RAM_TABLE_ACCOUNTS,
    RAM_TABLE_PURSES,
    RAM_TABLE_TRANSACTIONS,
    RAM_TABLE_POSTINGS,
    RAM_TABLE_BATCHES,
    RAM_TABLE_ALERTS,
    RAM_TABLE_EVIDENCE,
    RAM_TABLE_PAYMENTS,
    RAM_TABLE_RECORDS,
    RAM_TABLE_SIGNERS,
    RAM_TABLE_GAPS,
    RAM_TABLE_HOTLIST,
    RAM_TABLE_REISSUES,
    RAM_TABLE_PURSE_KEYS,
    RAM_TABLE_RENEWALS,
    RAM_TABLE_KEY_OFFERS,
    RAM_TABLE_MOVES,
    RAM_TABLE_GIVE_BACKS,
    RAM_TABLE_CHARGING,
    RAM_TABLE_CHARGES,
    RAM_TABLE_CLOSINGS,
    RAM_TABLE_PAYOUTS,
    RAM_TABLE_ENDINGS,
};
#define RAM_TABLES 23

/* Rows whose bytes lie in the store's `bytes`. */
struct ram_evidence {
    uint64_t purse;
    uint64_t time_ms;
    enum kc_evidence_kind kind;
    uint8_t digest[KC_DIGEST_SIZE];
    size_t at;
    size_t size;
};

struct ram_record {
    uint64_t purse;
    uint64_t counter;
    size_t at;
    size_t size;
    uint8_t
        head[offsetof(struct kc_record_row, bytes)]; /* the row up to its bytes, which come last */
};

enum ram_fault {
    RAM_GOOD,
    RAM_COMMIT_FAILS,   /* the next commit comes to nothing, and says so */
    RAM_COMMIT_UNHEARD, /* the next commit is made, and says that it failed */
};

struct ram_store {
    bool in_batch;
    enum ram_fault fault;
    size_t counts[RAM_TABLES];
    size_t begun[RAM_TABLES]; /* counts at the beginning of the batch */
    size_t bytes_used;
    size_t bytes_begun;
    size_t undo_used;
    struct kc_totals_row totals;
    struct kc_totals_row totals_begun;
    struct kc_account_row accounts[RAM_ACCOUNTS];
    struct kc_purse_row purses[RAM_PURSES];
    struct kc_transaction_row transactions[RAM_TRANSACTIONS];
    struct kc_posting_row postings[RAM_POSTINGS];
    struct kc_batch_row batches[RAM_BATCHES];
    struct kc_alert_row alerts[RAM_ALERTS];
    struct ram_evidence evidence[RAM_EVIDENCE];
    struct kc_payment_row payments[RAM_PAYMENTS];
    struct ram_record records[RAM_RECORDS];
    struct kc_signer_row signers[RAM_SIGNERS];
    struct kc_gap_row gaps[RAM_GAPS];
    struct kc_hotlist_row hotlist[RAM_HOTLIST];
    struct kc_reissue_row reissues[RAM_REISSUES];
    struct kc_purse_key_row purse_keys[RAM_PURSE_KEYS];
    struct kc_renewal_row renewals[RAM_RENEWALS];
    struct kc_key_offer_row key_offers[RAM_KEY_OFFERS];
    struct kc_move_row moves[RAM_MOVES];
    struct kc_give_back_row give_backs[RAM_GIVE_BACKS];
    struct kc_charging_row charging[RAM_CHARGING];
    struct kc_charge_row charges[RAM_CHARGES];
    struct kc_closing_row closings[RAM_CLOSINGS];
    struct kc_payout_row payouts[RAM_PAYOUTS];
    struct kc_ending_row endings[RAM_ENDINGS];
    uint8_t undo[RAM_UNDO];
    uint8_t bytes[RAM_BYTES];
};

/* An empty store, as a new database is. */
void ram_store_make(struct ram_store *store);
struct kc_store ram_store_port(struct ram_store *store);
/* A whole state, at the cost of what is in it. Nothing may be in a batch. */
void ram_store_copy(struct ram_store *out, const struct ram_store *store);

#endif
