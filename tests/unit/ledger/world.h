/* A bank in a folder for tests: the real ledger over the real SQLite store, and toy purses that
 * speak to it without signatures, because the ledger gets messages that were verified already. Time
 * stands still unless a test moves it. */
#ifndef KC_TESTS_WORLD_H
#define KC_TESTS_WORLD_H

#include "ledger/ledger.h"

#define WORLD_START_MS UINT64_C(1800000000000)
#define WORLD_QUOTE_MS UINT64_C(60000)
#define WORLD_TEMPORARY_MS UINT64_C(600000)
#define WORLD_ACCOUNT_MS UINT64_C(10000000000)
#define WORLD_SETTLE_MS UINT64_C(1000000000)

struct world {
    char folder[128];
    char path[160];
    struct kc_store store;
    struct kc_store
        spoiled; /* when `spoil` is set the ledger works through this copy, changed by the test */
    void (*spoil)(struct world *world);
    struct kc_crypto crypto;
    struct kc_ledger ledger;
    uint64_t now_ms;
    uint64_t page_count_max;
};

/* A fresh folder with an empty database; false with a line on stderr when that fails. */
bool world_make(struct world *world);
/* Removes the folder. */
void world_remove(struct world *world);
/* Opens the database and the ledger over it, and closes both. */
struct kc_result world_open(struct world *world);
void world_close(struct world *world);
/* Only the database, without a ledger over it: also when its totals do not balance. */
struct kc_result world_open_store(struct world *world);
/* A copy of a closed world's database beside it, as a world of its own that shares the folder; and
 * its end. */
bool world_copy(struct world *copy, const struct world *world);
void world_unlink(const struct world *world);
/* SQL statements over a connection of its own; false when it fails or changes nothing. The store
 * must be closed. */
bool world_plant(const struct world *world, const char *sql);
/* A number out of the database over a connection of its own; UINT64_MAX when there is none. */
uint64_t world_ask(const struct world *world, const char *sql);
/* The audit's result; *faults as it counted and the first fault's words. */
struct kc_result world_audit(struct world *world, uint64_t *faults, char first[160]);

enum toy_life { TOY_READY, TOY_REQUESTED, TOY_ANSWERED };

/* So many entries of a toy may be uncovered. */
#define TOY_LOG 24

/* A toy makes so many entries at most. */
#define TOY_COUNTERS 512

/* What a toy knows of its chain after an entry. */
struct toy_totals {
    uint64_t paid;
    uint64_t received;
    uint64_t returned;
    uint8_t head[KC_DIGEST_SIZE];
};

/* What shows an entry, as the bank has verified it. */
struct toy_slot {
    struct kc_ledger_record record;
    uint8_t bytes[1024];
};

/* A purse that follows docs/protocol.md. */
struct toy {
    enum kc_purse_type type;
    struct kc_account_id account;
    struct kc_purse_id purse;
    uint8_t identity_digest[KC_DIGEST_SIZE];
    uint8_t signer[KC_SIGNER_SIZE]; /* by which key it signs; zeros where no test asks */
    struct kc_certified certified;
    size_t entry_count;
    struct kc_ledger_entry entries[TOY_LOG];
    struct toy_slot slots[TOY_LOG];         /* beside the entries */
    struct toy_totals totals[TOY_COUNTERS]; /* by counter */
    bool voided[TOY_COUNTERS];              /* entries that came back, by counter */
    uint64_t gap; /* the newest entry that it lost and no certified value covers, or 0 */
    uint64_t counter;
    uint8_t head[KC_DIGEST_SIZE];
    uint64_t value;
    uint64_t paid;
    uint64_t received;
    uint64_t returned;
    uint64_t last_ms;
    enum toy_life life;
    uint64_t pending_ms;
    uint64_t pending_entry; /* counter of its cash-out, or 0 */
};

enum toy_kind { TOY_CASH, TOY_ANSWER, TOY_STATE, TOY_FUND, TOY_SETTLE };

struct toy_message {
    enum toy_kind kind;
    struct kc_account_id holder;
    uint8_t signer[KC_SIGNER_SIZE];
    struct kc_ledger_information information;
    struct kc_cash_request cash;
    struct kc_cash_answer answer;
    struct kc_state_request state;
    struct kc_fund_request fund;
    uint64_t settle_ms;
    size_t slot_count;
    struct toy_slot slots[KC_LIST_COUNT_MAX];
    struct kc_entry entry;
    uint8_t entry_bytes[256];
    size_t entry_size;
    uint8_t bytes[128];
    size_t size;
    uint8_t digest[KC_DIGEST_SIZE];
};

struct toy_reply {
    struct kc_result result;
    struct kc_cash_quote quote;
    char name[KC_NAME_SIZE_MAX + 1];
    struct kc_ledger_outcome outcome;
    struct kc_ledger_order order;
    struct kc_ledger_settled settled;
};

struct kc_amount world_amount(uint64_t minor);
/* The particulars of applicant `n`; views point into static text. */
struct kc_open_request world_application(unsigned n);
/* A message of the registrar about applicant `n`, as it is kept for evidence. */
struct world_letter {
    uint8_t bytes[128];
    struct kc_ledger_source source;
};
void world_write(struct world_letter *out, struct world *world, const char *what, unsigned n,
                 uint64_t time_ms);

/* Opens and confirms an account for applicant `n` in batches of their own. */
struct kc_result toy_open(struct toy *toy, struct world *world, unsigned n);
/* The same for a card, or for a machine of that owner. */
struct kc_result toy_open_kind(struct toy *toy, struct world *world, unsigned n,
                               enum kc_purse_type type, const struct kc_account_id *owner);
/* What the registrar sends for a card or machine. */
struct kc_open_request world_application_kind(unsigned n, enum kc_purse_type type,
                                              const struct kc_account_id *owner);

/* Messages of a purse. They change the purse as sending them does. */
void toy_cash(struct toy_message *out, struct toy *toy, struct world *world, enum kc_cash_kind kind,
              uint64_t minor);
void toy_answer(struct toy_message *out, struct toy *toy, struct world *world,
                const struct kc_cash_quote *quote, enum kc_answer answer);
void toy_state(struct toy_message *out, struct toy *toy, struct world *world);
void toy_fund(struct toy_message *out, struct toy *toy, struct world *world, enum kc_fund_kind kind,
              uint64_t minor);
/* An entry at the end of the purse's history, counter and head; sums are the caller's. `bytes` may be NULL. */
struct toy_slot *toy_add_entry(struct toy *toy, struct world *world, const struct kc_entry *entry,
                               struct kc_buffer *bytes);
/* The oldest uncovered entries are overwritten: at most `count`, and never a cash-out that waits for its answer. */
void toy_forget(struct toy *toy, size_t count);
/* The purse's next time stamp. */
uint64_t toy_next_time(struct toy *toy, const struct world *world);
/* A report of the oldest entries that no certified value covers. */
void toy_settle(struct toy_message *out, struct toy *toy, struct world *world);
/* Gives a changed message its own bytes and digest again. */
void toy_stamp(struct toy_message *message, struct world *world, const char *mark);

/* A message as it is kept for evidence. */
struct kc_ledger_source toy_source(const struct toy_message *message);
/* One item inside a batch; and with a batch of its own, whose failure is the result. */
void world_item(struct world *world, struct toy_reply *reply, const struct toy_message *message);
struct kc_result world_send(struct world *world, struct toy_reply *reply,
                            const struct toy_message *message);
struct kc_result world_settle(struct world *world, struct toy_reply *reply,
                              const struct kc_ledger_order *order, enum kc_error answer);

/* What the purse does with an outcome (Sa16, recovery): conforms, and voids a cash-out that came to
 * nothing. */
void toy_take(struct toy *toy, struct world *world, const struct kc_ledger_outcome *outcome);

/* Whole transactions, each step in a batch of its own. */
/* The bank's word on a transfer request to `to`; nobody answers the quote. */
struct kc_result toy_transfer_asked(struct toy *toy, struct world *world,
                                    enum kc_transfer_source source, struct kc_account_id to,
                                    uint64_t minor);
struct kc_result toy_cash_whole(struct toy *toy, struct world *world, enum kc_cash_kind kind,
                                uint64_t minor, struct toy_reply *reply);
struct kc_result toy_fund_whole(struct toy *toy, struct world *world, enum kc_fund_kind kind,
                                uint64_t minor, struct toy_reply *reply);

/* The slot of the entry with this counter, or NULL when a certified value covers it. */
struct toy_slot *toy_slot_of(struct toy *toy, uint64_t counter);
/* Takes a certified value, if it is newer and leaves enough for what the purse spent since. */
void toy_conform(struct toy *toy, const struct kc_certified *certified);

/* Rows as the store has them now; UINT64_MAX when there is none. */
uint64_t world_balance(struct world *world, struct kc_account_id account);
uint64_t world_shadow(struct world *world, struct kc_purse_id purse);
/* The shadow with its sign, and the whole row. */
int64_t world_signed_shadow(struct world *world, struct kc_purse_id purse);
struct kc_purse_row world_purse(struct world *world, struct kc_purse_id purse);

#endif
