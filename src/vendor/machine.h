/* A vending machine (VM): its purse, its stock and its sale journal (EP1221669 Fig 19).
 *
 * 1. A payment is durable in the purse before its line is in the journal; that line is durable before the item is let go.
 * 2. Whatever was paid for and did not come out is owed, durably, until a payment back was taken by the account that paid.
 * 3. At most one payment can be in the purse without a line: more say that the journal lost its end, and the machine stops.
 * 4. What is owed is paid back by one pay entry at a time; its counter is in the journal before the payment leaves. So after any
 *    cut the purse's history tells whether it was taken.
 * 5. What the purse cannot pay, the bank pays (vendor/giveback.h), or the dealer by hand.
 * 6. A voucher (voucher.c) is taken once: its offer's digest is in the line `voucher` or `unsold`, durably, before anything else
 *    happens, and is looked for there before it is taken.
 *
 *   idle --select--> selected --payment--> taken --sale--> written --release--> released
 *                                                             └──── stuck ────> owed --paying--> under way --returned--> idle
 *
 * | cut after          | purse       | journal       | at the next start                                    |
 * |--------------------|-------------|---------------|------------------------------------------------------|
 * | payment examined   | as before   | as before     | the payer pays again                                 |
 * | DECIDE             | receive     | as before     | `lost`: owed; the payer's repeat gets its receipt     |
 * | line `sale`        | receive     | sale          | the stock tells: `released`, or `stuck` and owed     |
 * | item let go        | receive     | sale          | `released`                                           |
 * | PAY of what is owed| pay, open   | stuck         | `paying`, sent again when that account comes         |
 * | payment back taken | pay         | paying        | `returned`                                           | */
#ifndef KC_VENDOR_MACHINE_H
#define KC_VENDOR_MACHINE_H

#include "crypto/bearssl.h"
#include "reader/place.h"
#include "vendor/journal.h"
#include "vendor/stock.h"

/* Payments back that are owed at once; with all of them owed the machine sells nothing. */
#define KC_OWED_MAX 64u
/* Lines about improper accesses that no server has; more are only counted. */
#define KC_IMPROPER_MAX 64u
/* Lines that one sale may need, with its payment back. */
#define KC_SALE_LINES_MAX 8u
/* Entries that one sale may need in the purse: receive, pay, void. */
#define KC_SALE_ENTRIES_MAX 3u

struct kc_owed {
    uint64_t sale;
    struct kc_account_id account;
    struct kc_amount amount;
    uint64_t paying;  /* counter of the pay entry, 0: none yet */
    uint64_t counter; /* of the purse's entry that it was paid with, 0: not known, or none */
    /* The payer is a card without keys, paid from his account or is not known: the bank can pay it (vendor/giveback.h). */
    bool by_bank;
    bool only_bank; /* the first two: no purse can */
    /* Paid by a voucher, into the dealer's account: the purse never had it. */
    bool by_voucher;
    uint8_t reference[KC_DIGEST_SIZE];
    bool asked;            /* the bank is asked, and the purse pays it no more */
    enum kc_error refused; /* why the bank said no last */
};

/* Sums since the last closing. */
struct kc_till_sums {
    uint64_t count;
    struct kc_amount sum;
    struct kc_amount back;
    uint64_t by_bank; /* debts that the bank paid, and the dealer's hand */
    uint64_t by_hand;
};

/* A sale whose end is not written. */
struct kc_open_sale {
    uint64_t number;
    uint64_t slot;
    struct kc_account_id account;
    struct kc_amount amount;
    uint64_t counter;
    uint64_t payer; /* kind of the purse that paid, 0: not known */
    bool by_voucher;
    uint8_t reference[KC_DIGEST_SIZE];
};

struct kc_machine {
    struct kc_machine_ini ini;
    char dir[KC_PATH_SIZE_MAX];
    int lock;
    struct kc_crypto crypto;
    struct kc_bearssl crypto_state;
    struct kc_purse_place place;
    struct kc_slot slot;
    struct kc_realm realm;
    unsigned decimals;
    struct kc_account_id account;
    struct kc_purse_id purse;
    struct kc_journal_party party;
    struct kc_bank_verifier bank; /* verifies vouchers */
    struct kc_journal journal;
    struct kc_stock stock;
    uint64_t jam;           /* a place that jams, for tests; 0 none */
    const char *stop_after; /* for tests: where the power goes; NULL */
    uint64_t counter;       /* the newest of the purse that the journal tells of */
    struct kc_open_sale open;
    size_t owed_count;
    struct kc_owed owed[KC_OWED_MAX];
    struct kc_till_sums sums;
    uint64_t improper;  /* lines of improper accesses that no server has */
    uint64_t unwritten; /* improper accesses beyond these */
    uint64_t collected; /* lines up to here are safe with a server */
    uint64_t newest_ms; /* time stamp of the server's newest request */
    bool pos;
    struct kc_amount asked; /* pos: what the cashier typed; zero: nothing */
};

/* Opens the folder's machine: locks it, reads machine.ini, opens the purse, verifies the journal and brings it up to the purse.
 * `begin`: a journal that is gone is begun anew. `pin` may be NULL. KC_FILE_MISSING, KC_CONFIG_INVALID, KC_IN_USE,
 * KC_STORE_CORRUPT (journal or stock), KC_STALE_STATE (the journal lost its end), errors of the purse; all logged. */
KC_MUST_USE struct kc_result kc_machine_open(struct kc_machine *machine, const char *dir,
                                             const char *pin, bool begin);
void kc_machine_close(struct kc_machine *machine);

/* Signs and adds a line, durably, and counts it. Fills in purse, number, digest and time. After an error nothing may be sold
 * until the machine is opened again. */
KC_MUST_USE struct kc_result kc_machine_note(struct kc_machine *machine, struct kc_sale *line);

/* Something did not verify. Written as far as there is room for such lines, and counted. */
void kc_machine_improper(struct kc_machine *machine, enum kc_error reason, struct kc_view received,
                         const struct kc_account_id *claimed);

/* KC_HISTORY_FULL when purse or journal have no room for a sale and what may follow from it. */
KC_MUST_USE struct kc_result kc_machine_check_room(struct kc_machine *machine);

/* For tests: ends the process here, as a power cut would, when this is the point that was ordered. */
void kc_machine_stop_after(const struct kc_machine *machine, const char *point);

/* Price and name of a place; KC_NOT_FOUND, KC_SOLD_OUT, KC_ITEM_STUCK. */
KC_MUST_USE struct kc_result kc_machine_item(struct kc_slot_ini *out, enum kc_slot_state *state,
                                             const struct kc_machine *machine, uint64_t slot);

/* Takes a payment that EXAMINE found good: decides, writes the sale. *answer lies in `bytes`. */
KC_MUST_USE struct kc_result kc_machine_take(struct kc_buffer *answer, uint64_t *sale,
                                             struct kc_machine *machine, uint64_t slot,
                                             const struct kc_payment_order *order,
                                             struct kc_view payment);

/* Lets the item of the open sale go and writes how it ended. KC_ITEM_STUCK: it is owed now. */
KC_MUST_USE struct kc_result kc_machine_release(struct kc_machine *machine);

/* What is owed to an account in all that the purse can pay. */
struct kc_amount kc_machine_owes(const struct kc_machine *machine, struct kc_account_id account);

/* The oldest of that; one whose payment is under way comes first. NULL for none. */
struct kc_owed *kc_machine_owed_to(struct kc_machine *machine, struct kc_account_id account);

/* Writes how payments under way ended, as the purse's history shows it. */
KC_MUST_USE struct kc_result kc_machine_reconcile(struct kc_machine *machine);

/* Remembers how far the journal was collected and the server's newest time stamp, durably. */
KC_MUST_USE struct kc_result kc_machine_keep_marks(struct kc_machine *machine);

#endif
