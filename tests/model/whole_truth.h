/* The checker: who truly owns what, known from what purses wrote and from what the ordinary bank did, and never from what the
 * ledger computes. After every step it compares; at the first difference it says what is wrong.
 *
 * It knows: value leaves a purse with its pay or cash-out entry, comes with a receive entry, comes back with a void; a payment is
 * taken at most once, and either taken or given back; cash moves when the bank ends a transaction that its user said OK to; money
 * moves in and out when the ordinary bank does it. Rogues are holders whose purses are copied, rolled back or whose keys forge:
 * of them it knows only what they signed, and that the bank has to be shown two signed things that exclude each other at most
 * once. Everybody else is honest, is never accused, and has at the end what is truly theirs. */
#ifndef KC_TESTS_WHOLE_TRUTH_H
#define KC_TESTS_WHOLE_TRUTH_H

#include "whole.h"

#define TRUTH_PAYMENTS_MAX 512u
#define TRUTH_CASH_MAX RAM_TRANSACTIONS
#define TRUTH_STATEMENTS_MAX 1024u
/* Whose purse is no player's. */
#define TRUTH_NOBODY WHOLE_PLACES_MAX
#define TRUTH_WHY_SIZE 200u
#define TRUTH_TOLD_MAX 512u
#define TRUTH_CARD_ORDERS_MAX 512u
#define TRUTH_KEYS_MAX 64u

/* The commands that may write entries; each may write only its own. */
enum truth_command {
    COMMAND_OTHER,
    COMMAND_PAY,
    COMMAND_DECIDE,
    COMMAND_CONCLUDE,
    COMMAND_TAKE,
    COMMAND_ANSWER
};

struct truth_payment {
    uint8_t digest[KC_DIGEST_SIZE];
    unsigned payer;
    unsigned payee;
    uint64_t payer_counter;
    uint64_t payee_counter; /* 0 until the order was seen */
    uint64_t amount;
    bool taken;
    bool refused;
    bool given_back;
};

/* A transaction with the bank, beside the row of the same index in the store. */
struct truth_cash {
    enum kc_transaction_state state;
    bool said_ok;
    bool said_no;
    bool cash_out;   /* the purse wrote its entry */
    bool given_back; /* and its void */
    bool came;       /* the withdrawn, or loaded, value is in the purse */
    uint64_t
        card_sequence; /* of the certified value that brings what was loaded on a card; else 0 */
};

/* A transfer as the user asked for it, by the time stamp that the purse gave it. */
struct truth_wish {
    unsigned holder;
    uint64_t time_ms;
    uint64_t to;
    uint64_t amount;
    bool from_purse;
};

struct truth_place {
    uint64_t counter;
    int64_t value; /* that the purse has */
    int64_t own;   /* that it would have if the bank had never given or taken for lost entries */
    uint64_t hotlist;
    uint64_t roll; /* the record of the bank's keys that it has */
};

/* With the certified value of that sequence the bank had taken so much off the value of a purse, over all. */
struct truth_told {
    uint64_t sequence;
    int64_t off;
};

/* Of cards, machines and who was paid by a copied card; in mixed worlds. */
struct truth_kind {
    int64_t loaded; /* on a card without keys, ever, and what of it others have shown */
    int64_t booked;
    int64_t lost;     /* taken from a card that had nothing left */
    int64_t swept;    /* from a machine to its owner, the fee included */
    int64_t unbooked; /* of a card: shown when nothing of its load was left */
    int64_t denied;   /* to the card by rogues who took and showed it */
    size_t counter_count;
    size_t told_count;
    uint64_t counters[TRUTH_CARD_ORDERS_MAX]; /* of the card's orders that were counted */
    struct truth_told told[TRUTH_TOLD_MAX];
};

/* How an account is charged, by what its clerk said and by the rule; whether or not its holder plays. */
struct truth_charging {
    bool begun;
    bool open; /* the newest charge has not come to its end */
    bool was_suspended;
    enum kc_charge_source source; /* of the next notice */
    uint64_t begun_ms;
    uint64_t put_off_ms; /* by notices that came late, over all */
    uint64_t next;       /* period, when no charge is open */
    uint64_t tried_ms;   /* when it was last tried to have what is overdue */
    bool spoken; /* the clerk said where it is to come from, since the bank looked after charges */
    size_t newest; /* charge */
    bool orders;   /* its charge comes by orders */
    bool tries;    /* the bank has to try it now */
    bool sent;     /* before that: its order waits, its orders, which charge it is */
    uint64_t attempt;
    size_t turned;
    int64_t account_seen;
    bool came_back; /* what was to go to the ordinary bank, since then */
    uint64_t sequence_seen;
};

/* What a clerk said that the bank is being told. */
enum clerk_word { CLERK_SILENT, CLERK_SOURCE, CLERK_PAID };

struct truth_charges {
    bool on;
    struct kc_charge_rule rule;
    enum clerk_word word;
    unsigned about; /* whose account */
    struct truth_charging accounts[WHOLE_SEATS];
    size_t count;
    struct kc_charge_row seen[RAM_CHARGES];
    uint64_t orders_done[RAM_CHARGES]; /* the attempt that the ordinary bank carried out, or 0 */
    size_t transfers_seen;
    uint64_t paid;
    uint64_t suspended;
    uint64_t lifted;
};

/* A key that the bank was told is a purse's, from a report under it. */
struct truth_key {
    uint8_t signer[KC_SIGNER_SIZE];
    uint64_t closed; /* the counter of its close entry; 0 while it is in force */
};

struct truth_keys {
    uint8_t own[KC_SIGNER_SIZE]; /* in force in the purse; of who is honest */
    uint64_t own_closed;         /* the counter at which that one began */
    size_t count;
    struct truth_key keys[TRUTH_KEYS_MAX];
};

struct truth_renewals {
    bool on;
    struct truth_keys holders[WHOLE_SEATS];
    uint64_t renewed;
    uint64_t refused; /* payments under keys that had ended */
    bool vouched;     /* the registrar's word stands behind the request that is being served */
};

/* An account that somebody said is to be closed. */
struct truth_closing {
    enum kc_account_state state;
    bool asked; /* somebody says so now */
    bool empty; /* and its purse was empty, as far as the bank knew, at that */
    bool early; /* its purse was empty when it was given up */
    uint64_t due_ms;
    uint64_t payouts;
    bool sent;     /* the last one has no end */
    bool was_sent; /* before the bank's turn; and the number of the last one then */
    uint64_t turned;
    uint64_t sent_amount;
    uint64_t refused_ms; /* when the last one was refused, or 0 */
};

struct truth_closings {
    bool on;
    bool quiet; /* all others have told the bank what they know, and it looked after that */
    struct truth_closing accounts[WHOLE_SEATS];
    size_t transfers_seen;
    uint64_t given_up;
    uint64_t closed;
    uint64_t paid; /* pay-outs */
    uint64_t refused;
    uint64_t late; /* records and orders that came to a closed account */
};

/* A purse that somebody says is lost, and what came of what it held. */
struct truth_loss {
    bool lost;
    bool replaced;     /* another purse has its place */
    int64_t brought;   /* in it when the world began */
    size_t first_cash; /* transaction after that */
    int64_t late;      /* to its account, over all */
    int64_t given;     /* to the purse that follows it, less what that one owes for it */
};

struct truth_losses {
    unsigned asked;    /* whose purse is said to be lost now, plus 1 */
    unsigned followed; /* whose place another purse may take, plus 1 */
    uint64_t count;
    uint64_t replaced;
    struct truth_loss purses[WHOLE_SEATS];
};

enum statement_kind { SIGNED_ORDER, SIGNED_RECEIPT, SIGNED_DECLINE, OWN_ENTRY };

/* What the bank was shown of a holder's signing. */
struct statement {
    enum statement_kind kind;
    unsigned holder;
    uint64_t counter;
    enum kc_entry_kind entry;
    uint8_t about[KC_DIGEST_SIZE]; /* the order it is, or is about */
    bool contradicted;             /* by an earlier one */
};

struct truth {
    struct whole *whole;
    unsigned holders;
    bool rogue[WHOLE_SEATS];
    int64_t accounts[WHOLE_SEATS]; /* without what the bank claimed for debts of purses */
    int64_t claimed[WHOLE_SEATS];
    int64_t fees;
    struct truth_kind kinds[WHOLE_SEATS];
    struct truth_charges charges;
    struct truth_renewals renewals;
    struct truth_closings closings;
    struct truth_losses losses;
    bool rolls; /* the bank's keys may roll over */
    size_t records_seen;
    size_t moves_seen;
    struct truth_place places[WHOLE_PLACES_MAX];
    size_t payment_count;
    struct truth_payment payments[TRUTH_PAYMENTS_MAX];
    size_t cash_count;
    struct truth_cash cash[TRUTH_CASH_MAX];
    size_t wish_count;
    struct truth_wish wishes[TRUTH_CASH_MAX];
    size_t alerts_seen;
    size_t statement_count;
    struct statement statements[TRUTH_STATEMENTS_MAX];
    uint64_t counted_before; /* of the signer of the request that is being served */
    uint64_t stamp_before;
    uint64_t proofs;
    uint64_t overspent;
    uint64_t lost; /* payments of copied cards */
    uint64_t sweeps;
    char why[TRUTH_WHY_SIZE];
};

/* The base of the world is true. `rogues` has a bit for each holder that is not honest. */
void truth_begin(struct truth *truth, struct whole *whole, unsigned holders, unsigned rogues);

/* Each false when something is wrong; then `why` says what. */

/* After a command to a purse, also one that power was cut in, once it is up again. */
bool truth_purse(struct truth *truth, unsigned place, enum truth_command command);
/* After PAY gave a payment: it is written. After DECIDE gave an answer: so is that. */
bool truth_gave_payment(struct truth *truth, unsigned place, struct kc_view payment);
bool truth_gave_answer(struct truth *truth, unsigned place, struct kc_view answer);
/* After the request for a transfer, whether or not power went: what the user asked for. */
void truth_wishes(struct truth *truth, unsigned place, struct truth_wish wish);
/* Before ANSWER: what the user says. */
void truth_says(struct truth *truth, unsigned place, bool ok);
/* Before and after the bank was given a request; after it did something by itself. */
void truth_asks(struct truth *truth, unsigned holder);
bool truth_served(struct truth *truth, unsigned holder, struct kc_result result);
bool truth_bank(struct truth *truth);
/* The purse took a hotlist, the newest one for `newest`. */
bool truth_took_hotlist(struct truth *truth, unsigned place, bool newest);
/* It took what adds to the hotlist up to that version. */
bool truth_took_delta(struct truth *truth, unsigned place, uint64_t version);
/* What the bank took from a holder's account for what its purse owed. */
int64_t truth_claimed(const struct truth *truth, unsigned holder);
/* Whether its purse owes something yet. */
bool truth_owes(const struct truth *truth, unsigned holder);
/* A rogue's place was filled anew. */
void truth_new_place(struct truth *truth, unsigned place);
/* When all honest purses have synced: what the bank can know, their purses have heard. */
bool truth_synced(struct truth *truth);
/* When they have met again, too, and synced. */
bool truth_end(struct truth *truth);
/* When besides the settlement time has run out for all that was lost: who has what. */
bool truth_settled(struct truth *truth);
/* A calm transaction or payment, by the time everything ended, came to nothing. */
bool truth_is_stuck(struct truth *truth, unsigned place, enum kc_error error);

#endif
