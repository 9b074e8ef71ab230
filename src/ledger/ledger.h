/* The ledger: accounts, shadows of purses, transactions and the journal; rules only, over a store port. No network and no
 * clock here: time is given. The one piece of cryptography is SHA-256, for chains.
 *
 * Invariants, at every commit:
 *  1. outside + claims = accounts + shadows + in flight + fees, where outside is what the ordinary bank funded minus what
 *     it redeemed, claims the sum of the shadows below zero and shadows the sum of the others.
 *  2. Each balance is the sum of its postings; a posting is never changed or removed.
 *  3. A transaction changes its state only along the edges drawn in ledger/store.h; a final state has its stored outcome.
 *  4. The sequence of a purse grows with every certified value; two with one sequence are the same.
 *
 *  5. Exactly one key is a purse's: the old one until a report under the new one shows its close entry (renew.c, key_offer.c).
 *  6. A charge is taken once a period, and not before its day (charge.c); an account is closed only when its purse is worth
 *     nothing more (close.c).
 *
 * Use: begin, any number of items, commit. An item checks everything before it writes; its own refusal leaves nothing
 * of it but what it says it keeps. A store error inside an item is remembered, and commit then rolls back and returns it. */
#ifndef KC_LEDGER_LEDGER_H
#define KC_LEDGER_LEDGER_H

#include "ledger/store.h"
#include "message/offline_limits.h"

/* Postings go between these and the numbers of accounts and purses, which never coincide. */
#define KC_BOOK_OUTSIDE 1u
#define KC_BOOK_IN_FLIGHT 2u
#define KC_BOOK_FEES 3u

#define KC_FEE_PERMILLE_MAX 1000u
#define KC_LEDGER_LISTED_MAX                                                                       \
    32768u /* numbers on the hotlist that are looked at for one part of it */

/* What the bank takes for bringing a machine's value to its owner: fee_fixed + floor(fee_permille * amount / 1000), at most the
 * amount; and how much stays in the machine. */
struct kc_merchant_rule {
    struct kc_amount fee_fixed;
    uint64_t fee_permille;
    struct kc_amount keep;
};

/* The account management charge ([0112] [0116]): amount 0, and none is notified. What stands in a notice is what is taken, also
 * after these were changed. */
struct kc_charge_rule {
    struct kc_amount amount;
    uint64_t first_ms;  /* after the opening */
    uint64_t period_ms; /* from one to the next; not 0 when there is an amount */
    uint64_t notice_ms; /* how long before the day it is notified */
    uint64_t grace_ms;  /* how long it is tried again before the account is suspended */
    uint64_t close_ms;  /* how long it is suspended before it is closed; 0: never closed */
};

struct kc_ledger_options {
    struct kc_realm realm;
    uint64_t quote_ms;     /* how long a quote waits for its answer */
    uint64_t temporary_ms; /* how long a temporary account waits for its confirmation */
    uint64_t account_ms;   /* how long an account and its keys live */
    uint64_t settle_ms;    /* how long records that come late are waited for */
    struct kc_offline_limits limits;
    struct kc_merchant_rule merchant;
    struct kc_offline_limits bearer; /* of cards without keys */
    struct kc_charge_rule charge;
    bool retire_each; /* the authority ends one pair at a time, and not whatever is older */
};

struct kc_ledger {
    const struct kc_store *store;
    const struct kc_crypto *crypto; /* for SHA-256 alone */
    struct kc_ledger_options options;
    struct kc_totals_row totals;
    struct kc_totals_row stored;  /* totals as the store has them */
    struct kc_batch_row batch;    /* the last one, or the one being written */
    struct kc_purse_row *at_work; /* of the purse whose report is counted: newer than the store's */
    uint64_t hotlist_version;     /* the newest one, with what this batch added */
    bool charging;                /* there are charges, or were */
    uint64_t charging_from;       /* accounts up to this one are charged, or closed */
    uint64_t now_ms;
    bool in_batch;
    bool lost; /* totals and batch are not what the store has: read again before the next batch */
    enum kc_error broken;
};

/* Loads totals and the end of the journal. Errors of the store; KC_STORE_CORRUPT when the totals do not balance or the
 * journal does not end where they say. */
KC_MUST_USE struct kc_result kc_ledger_open(struct kc_ledger *ledger, const struct kc_store *store,
                                            const struct kc_crypto *crypto,
                                            const struct kc_ledger_options *options);

KC_MUST_USE struct kc_result kc_ledger_begin(struct kc_ledger *ledger, uint64_t now_ms);
/* Durable at return with KC_OK. Otherwise nothing of the batch happened, unless the store did commit
 * and could not say so; the ledger goes on from what the store has. */
KC_MUST_USE struct kc_result kc_ledger_commit(struct kc_ledger *ledger);

/* The signed message an item comes from. Whoever verified it says by which key. */
struct kc_ledger_source {
    struct kc_view bytes;
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t signer[KC_SIGNER_SIZE];
    struct kc_view key; /* COSE_Key */
};

/* ---- opening accounts: what the registrar asks is kept as evidence with the purse ---- */

struct kc_ledger_opened {
    struct kc_account_id account;
    struct kc_purse_id purse;
    uint64_t temporary_until_ms;
    uint64_t expires_ms;
};

/* A temporary account (SZ2), which a card or machine has too. The same open id gives the same account again; KC_MISMATCH when the
 * particulars differ. KC_MALFORMED (an owner, and no machine, or the other way round), and of the owner KC_UNKNOWN_ACCOUNT,
 * KC_NOT_ALLOWED (a card or machine), KC_ACCOUNT_NOT_OPEN, KC_ACCOUNT_EXPIRED. */
KC_MUST_USE struct kc_result kc_ledger_open_account(struct kc_ledger_opened *out,
                                                    struct kc_ledger *ledger,
                                                    const struct kc_open_request *request,
                                                    const struct kc_ledger_source *source);

/* Makes it permanent (SZ6): stores the digest of the purse's identity claims (of a bearer card: its secret) and gives the first
 * certified value. Repeats with the same digest give the same again. A purse that replaces another one gets what was left of
 * that one. KC_UNKNOWN_ACCOUNT, KC_ACCOUNT_EXPIRED (lapsed), KC_ALREADY_EXISTS. */
KC_MUST_USE struct kc_result kc_ledger_confirm_account(
    struct kc_certified *out, struct kc_ledger *ledger, const struct kc_confirm_request *request,
    const uint8_t identity_digest[KC_DIGEST_SIZE], const struct kc_ledger_source *source);

/* Keeps the public keys of a purse, so that what it signed verifies also after its certificates have left the directory. */
KC_MUST_USE struct kc_result kc_ledger_keep_keys(struct kc_ledger *ledger,
                                                 const struct kc_purse_key_row *keys);

/* Gives up an account whose purse never spoke, temporary or open, as when its UIM could not be written; fine when it lapsed
 * already. Of an account with older purses only the new purse goes: another one can be issued at once. KC_NOT_ALLOWED once the
 * purse was used, also when only its payers say so. */
KC_MUST_USE struct kc_result kc_ledger_cancel_account(struct kc_ledger *ledger,
                                                      const struct kc_cancel_request *request,
                                                      const struct kc_ledger_source *source);

/* The account of somebody at the counter, for a machine with the name and password of its owner; that it was asked for is kept.
 * KC_UNKNOWN_ACCOUNT, KC_ACCOUNT_NOT_OPEN. */
KC_MUST_USE struct kc_result kc_ledger_identify_account(struct kc_account_row *out,
                                                        struct kc_ledger *ledger,
                                                        const struct kc_identify_request *request,
                                                        const struct kc_ledger_source *source);

/* Lets temporary accounts lapse whose time ran out; *count says how many. */
KC_MUST_USE struct kc_result kc_ledger_sweep(struct kc_ledger *ledger, size_t *count);

/* ---- lost purses, and the ones that replace them (reissue.c) ---- */

/* The holder says that the purse is lost, broken or blocked: it is out of use from now on and on the hotlist, its open quote
 * ends. Again is fine, and so is a purse that a proof put out of use, until another one takes its place. KC_UNKNOWN_ACCOUNT,
 * KC_ACCOUNT_NOT_OPEN, KC_PURSE_BLOCKED (it was out of use before, and another one takes or took its place). */
KC_MUST_USE struct kc_result kc_ledger_lost(struct kc_ledger *ledger,
                                            const struct kc_lost_request *request,
                                            const struct kc_ledger_source *source);

/* A new purse for an account whose purse is out of use; it waits for its confirmation as at an opening. The same id gives the
 * same again; one that waits already is given up for another id. KC_UNKNOWN_ACCOUNT, KC_ACCOUNT_NOT_OPEN, KC_ACCOUNT_EXPIRED,
 * KC_OUT_OF_ORDER (the purse is in use), KC_MISMATCH, KC_SETTLEMENT_RUNS (then *due_ms says until when). */
KC_MUST_USE struct kc_result kc_ledger_reissue(struct kc_ledger_opened *out, uint64_t *due_ms,
                                               struct kc_ledger *ledger,
                                               const struct kc_reissue_request *request,
                                               const struct kc_ledger_source *source);

struct kc_ledger_information;

/* ---- new keys of a purse (renew.c) ---- */

/* A purse asks for certificates of new keys; `keys` are these, with the account's number. *row is the renewal as kept, whose
 * certificates are to end at row->expires_ms. The same keys go on where they stood; after others were certified the row is a new
 * one, and those are left for good. KC_PENDING: not everything of it is settled;
 * KC_DEBT; KC_ALREADY_EXISTS (a key that some purse has or had); errors of a request. */
KC_MUST_USE struct kc_result kc_ledger_renew(struct kc_renewal_row *row, struct kc_ledger *ledger,
                                             uint64_t time_ms,
                                             const struct kc_ledger_information *information,
                                             const struct kc_purse_key_row *keys,
                                             const struct kc_ledger_source *source);

/* They are certified, and the purse may confirm them: by a report, signed with the new key, that begins with its close entry.
 * KC_OUT_OF_ORDER: another request came in between. KC_PURSE_BLOCKED: the purse went out of use meanwhile, so that nothing comes
 * of them; the row is kept, and the certificates are to be revoked. */
KC_MUST_USE struct kc_result kc_ledger_renew_certified(struct kc_ledger *ledger,
                                                       const struct kc_renewal_row *row);

/* ---- keys that the authority makes (key_offer.c) ---- */

/* Orders them for the purse in use of an account. Again is fine. KC_UNKNOWN_ACCOUNT, KC_ACCOUNT_NOT_OPEN, KC_ACCOUNT_EXPIRED,
 * KC_PURSE_BLOCKED, KC_NOT_ALLOWED (a card without keys), KC_PENDING (a renewal is on its way). */
KC_MUST_USE struct kc_result kc_ledger_key_offer(struct kc_ledger *ledger,
                                                 struct kc_account_id account);
/* The same for the first purse behind *after, which becomes that one, whose certificates end before that time and that has none
 * ordered; one that may have none now is passed over. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_ledger_key_offer_wanted(struct kc_ledger *ledger, uint64_t *after,
                                                        uint64_t until_ms);
/* The first one that the authority is to be asked for, of a purse behind this one; KC_NOT_FOUND. Outside a batch. */
KC_MUST_USE struct kc_result kc_ledger_key_offer_due(struct kc_key_offer_row *row,
                                                     struct kc_ledger *ledger, uint64_t after);
/* Their certificates, over the keys in the row, stand in the directory. KC_OUT_OF_ORDER: it was not ordered, or ended. */
KC_MUST_USE struct kc_result kc_ledger_key_offer_ready(struct kc_ledger *ledger,
                                                       const struct kc_key_offer_row *row);
/* Since when keys wait for the purse, or 0. */
KC_MUST_USE struct kc_result kc_ledger_key_ready(uint64_t *ready_ms, struct kc_ledger *ledger,
                                                 struct kc_purse_id purse);
/* The purse claims them: as kc_ledger_renew. KC_NO_KEY_READY. */
KC_MUST_USE struct kc_result kc_ledger_claim(struct kc_renewal_row *row, struct kc_ledger *ledger,
                                             uint64_t time_ms,
                                             const struct kc_ledger_information *information,
                                             const struct kc_ledger_source *source);
/* As kc_ledger_renew_certified; the keys in the row may be others than those of the claim, made since. KC_NO_KEY_READY,
 * KC_ALREADY_EXISTS. */
KC_MUST_USE struct kc_result kc_ledger_claimed(struct kc_ledger *ledger,
                                               const struct kc_renewal_row *row);

/* The first confirmed renewal, of a purse behind this one, whose old certificates are not known to be revoked; KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_ledger_renew_due(struct kc_renewal_row *row,
                                                 struct kc_ledger *ledger, uint64_t after);
/* They are. */
KC_MUST_USE struct kc_result kc_ledger_renew_retired(struct kc_ledger *ledger,
                                                     const struct kc_renewal_row *row);

/* The same for an account whose purse is in use, at hand and empty; that goes out of use, and on the hotlist, when the new one is
 * confirmed. The confirmation is KC_NOT_EMPTY when there is value in it by then, and KC_SETTLEMENT_RUNS when it was lost
 * meanwhile. Where the purse is out of use already this is kc_ledger_reissue. Its errors but KC_OUT_OF_ORDER, and KC_NOT_EMPTY,
 * KC_NOT_ALLOWED (a card, which is deposited). With request->paid also those of kc_ledger_charge_included, which is said when
 * the new purse is there: before that nothing is paid. */
KC_MUST_USE struct kc_result kc_ledger_move(struct kc_ledger_opened *out, uint64_t *due_ms,
                                            struct kc_ledger *ledger,
                                            const struct kc_move_request *request,
                                            const struct kc_ledger_source *source);

/* From the next certified value on the purse follows this policy. KC_UNKNOWN_PURSE, KC_PURSE_BLOCKED, KC_NOT_ALLOWED (a bearer
 * card, which overwrites). */
KC_MUST_USE struct kc_result
kc_ledger_set_policy(struct kc_ledger *ledger, struct kc_purse_id purse, enum kc_log_policy policy);

/* Of the purses that were listed under the versions above `after` up to `upto`, at most `max`: first those that are out of use by
 * a proof or lost, then those that were given up, each newest first; *complete when these are all. A purse whose identities had
 * all ended, and the settlement time with them, when the newest of these was listed is none of them: nothing that it signs counts
 * any more. So the books alone say which those are. No more than KC_LEDGER_LISTED_MAX are looked at, the newest. */
KC_MUST_USE struct kc_result kc_ledger_hotlist(uint64_t *purses, size_t *count, bool *complete,
                                               struct kc_ledger *ledger, uint64_t after,
                                               uint64_t upto, size_t max);

/* ---- transactions of a purse ---- */

struct kc_ledger_entry {
    struct kc_entry entry;
    uint8_t head_after[KC_DIGEST_SIZE];
};

/* What a purse told about itself, with everything verified that can be without the ledger: the certified value's
 * signature, and the entries as a chain from its head to the head given. */
struct kc_ledger_information {
    bool at_counter; /* the registrar vouches for its holder: the account's end does not stop it */
    struct kc_value_information information;
    struct kc_certified certified;
    uint8_t identity_digest[KC_DIGEST_SIZE];
    bool
        has_gap; /* of a report: entries before its first record are gone, and this is what is left of them */
    struct kc_gap gap;
    size_t entry_count;
    struct kc_ledger_entry entries[KC_LIST_COUNT_MAX];
};

/* What an answer to the purse is made from. */
struct kc_ledger_outcome {
    enum kc_outcome outcome;
    enum kc_error reason;
    uint64_t transaction_ms;
    bool has_certified;
    struct kc_certified certified;
};

/* Sa3-Sa7. On KC_OK *out is the quote, all but its own time. A refusal of a purse that is known keeps the time stamp and
 * the refused transaction, so that a repeat gets the same. */
KC_MUST_USE struct kc_result kc_ledger_cash_request(struct kc_cash_quote *out,
                                                    char name[KC_NAME_SIZE_MAX + 1],
                                                    struct kc_ledger *ledger,
                                                    const struct kc_cash_request *request,
                                                    const struct kc_ledger_information *information,
                                                    const struct kc_ledger_source *source);

/* Sd3-Sd5, in the same way. */
KC_MUST_USE struct kc_result
kc_ledger_transfer_request(struct kc_transfer_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                           struct kc_ledger *ledger, const struct kc_transfer_request *request,
                           const struct kc_ledger_information *information,
                           const struct kc_ledger_source *source);

/* What the bank says to the machine whose offer of this digest was paid; the same every time. KC_UNKNOWN_TRANSACTION: it was not
 * (yet). */
KC_MUST_USE struct kc_result kc_ledger_voucher(struct kc_voucher *out, struct kc_ledger *ledger,
                                               const uint8_t reference[KC_DIGEST_SIZE]);

/* Sa13-Sa15, Sd8-Sd9: to a quote of either kind. The answer must come from the holder of account `holder`, whose purse it is,
 * else KC_NOT_ALLOWED. It is kept as evidence even when it comes too late or does not fit.
 * `entry` is the decoded cash-out entry and `entry_bytes` its encoding, or NULL and empty. */
KC_MUST_USE struct kc_result
kc_ledger_cash_answer(struct kc_ledger_outcome *out, struct kc_ledger *ledger,
                      struct kc_account_id holder, const struct kc_cash_answer *answer,
                      const struct kc_entry *entry, struct kc_view entry_bytes,
                      const struct kc_ledger_source *source);

/* Ends quotes whose time ran out as not completed, a bounded number at a time; *count says how many. An answer that comes later
 * gets that outcome. */
KC_MUST_USE struct kc_result kc_ledger_end_late(struct kc_ledger *ledger, size_t *count);

/* The recovery call. */
KC_MUST_USE struct kc_result kc_ledger_state(struct kc_ledger_outcome *out,
                                             struct kc_ledger *ledger,
                                             const struct kc_state_request *request,
                                             const struct kc_ledger_information *information,
                                             const struct kc_ledger_source *source);

/* At most `max` purses out of use whose certificates are to be revoked, and that the authority is to be asked about by now; and
 * its answer to one of them: KC_OK, or KC_NOT_FOUND when it knows none of those that are left, ends it. After any other it is due
 * again, each time twice as late, up to ten minutes. An answer to what was owed before more was certified changes nothing. */
KC_MUST_USE struct kc_result kc_ledger_endings_due(struct kc_ending_row *out, size_t *count,
                                                   size_t max, struct kc_ledger *ledger,
                                                   uint64_t now_ms);
KC_MUST_USE struct kc_result kc_ledger_ending_told(struct kc_ledger *ledger,
                                                   const struct kc_ending_row *asked,
                                                   enum kc_error answer);
/* The same for those that are due later than anything is put off: it was done by a clock that was ahead. Looks at all that are
 * owed. */
KC_MUST_USE struct kc_result kc_ledger_endings_ahead(struct kc_ending_row *out, size_t *count,
                                                     size_t max, struct kc_ledger *ledger,
                                                     uint64_t now_ms);
/* Of how many purses revocation is owed. */
KC_MUST_USE struct kc_result kc_ledger_endings_owed(uint64_t *count, const struct kc_store *store);

/* What the ordinary bank is to be asked. */
struct kc_ledger_order {
    bool ask; /* false: the stored outcome stands already */
    struct kc_purse_id purse;
    uint64_t time_ms;
    enum kc_fund_kind kind;
    struct kc_amount amount;
    char bank_account[KC_BANK_ACCOUNT_SIZE_MAX + 1];
};

/* Funding and redeeming, first write: *order says what to ask, or *out holds the stored outcome. */
KC_MUST_USE struct kc_result kc_ledger_fund_begin(struct kc_ledger_order *order,
                                                  struct kc_ledger_outcome *out,
                                                  struct kc_ledger *ledger,
                                                  const struct kc_fund_request *request,
                                                  const struct kc_ledger_information *information,
                                                  const struct kc_ledger_source *source);

/* Second write, once the ordinary bank's answer is known: KC_OK done, KC_IN_DOUBT unknown, anything else refused. */
KC_MUST_USE struct kc_result kc_ledger_fund_settle(struct kc_ledger_outcome *out,
                                                   struct kc_ledger *ledger,
                                                   struct kc_purse_id purse, uint64_t time_ms,
                                                   enum kc_error answer);

/* Collects at most `max` orders whose outcome is not known, to ask again after a restart or a time-out. They come in a
 * fixed order, behind that of purse and time_ms (0, 0: from the first), so that all of them have their turn. */
KC_MUST_USE struct kc_result kc_ledger_in_doubt(struct kc_ledger_order *out, size_t *count,
                                                size_t max, struct kc_ledger *ledger,
                                                struct kc_purse_id purse, uint64_t time_ms);

/* ---- the account management charge (charge.c) ---- */

/* What is to be done by now, a bounded part of it; *count says how many accounts it was, 0 when nothing is left. */
KC_MUST_USE struct kc_result kc_ledger_charge(struct kc_ledger *ledger, size_t *count);

/* What the ordinary bank is to be asked. */
struct kc_charge_debit {
    struct kc_account_id account;
    uint64_t period;
    uint64_t attempt;
    struct kc_amount amount;
    char bank_account[KC_BANK_ACCOUNT_SIZE_MAX + 1];
};

/* At most `max` orders without an outcome, behind that of `account`, in the order of accounts. */
KC_MUST_USE struct kc_result kc_ledger_charge_orders(struct kc_charge_debit *out, size_t *count,
                                                     size_t max, struct kc_ledger *ledger,
                                                     uint64_t account);

/* The answer to an order: KC_OK done, KC_IN_DOUBT not known, anything else refused. One whose outcome is known already changes
 * nothing. KC_UNKNOWN_TRANSACTION. */
KC_MUST_USE struct kc_result kc_ledger_charge_settle(struct kc_ledger *ledger,
                                                     const struct kc_charge_debit *order,
                                                     enum kc_error answer);

/* From the next notice on the charge comes from there. KC_UNKNOWN_ACCOUNT, KC_NOT_ALLOWED (a card or machine, or no charges). */
KC_MUST_USE struct kc_result kc_ledger_charge_from(struct kc_ledger *ledger,
                                                   struct kc_account_id account,
                                                   enum kc_charge_source source);

/* One period is paid as part of a UIM or key sale: the one that was notified, or the next one. Until the day of what was so paid
 * the same word again changes nothing, so that it may be repeated. KC_UNKNOWN_ACCOUNT, KC_NOT_ALLOWED, KC_IN_DOUBT (the ordinary
 * bank is asked at the moment). */
KC_MUST_USE struct kc_result kc_ledger_charge_included(struct kc_ledger *ledger,
                                                       struct kc_account_id account);

/* Either of both at the registrar's signed word, which is kept with the account's purse. */
KC_MUST_USE struct kc_result kc_ledger_charge_order(struct kc_ledger *ledger,
                                                    const struct kc_charge_order *order,
                                                    const struct kc_ledger_source *source);

/* ---- accounts that are given up (close.c) ---- */

struct kc_ledger_closed {
    struct kc_amount amount;       /* in the account now */
    struct kc_amount purse_amount; /* in the purse, as far as the bank knows */
    uint64_t due_ms;               /* when the rest is paid out */
};

/* The registrar's word that the holder stands at the counter with this purse, for one message of it: kept as evidence, with the
 * purse. Again is fine. KC_UNKNOWN_ACCOUNT; KC_UNKNOWN_PURSE, also when it is another account's; KC_CLOSED, KC_ACCOUNT_NOT_OPEN;
 * the reason why the purse is out of use. */
KC_MUST_USE struct kc_result kc_ledger_counter(struct kc_ledger *ledger,
                                               const struct kc_counter_request *request,
                                               const struct kc_ledger_source *source);

/* The registrar's word, for a holder: kept with the account's purse. The account takes part in nothing from now on; its purse is
 * out of use and on the hotlist. What is in the account goes to its ordinary bank account, at once where the purse is empty; the
 * rest, and what was left in the purse, after the settlement time. Again is fine. KC_UNKNOWN_ACCOUNT; KC_ACCOUNT_NOT_OPEN;
 * KC_NOT_ALLOWED (a card); KC_NOT_EMPTY (there is value in the purse and it is not to be written off, or the account has
 * machines in use); KC_OUT_OF_ORDER (to follow what was not closed). */
KC_MUST_USE struct kc_result kc_ledger_close_request(struct kc_ledger_closed *out,
                                                     struct kc_ledger *ledger,
                                                     const struct kc_close_request *request,
                                                     const struct kc_ledger_source *source);

/* The operator's, whatever its purse holds. The same errors. */
KC_MUST_USE struct kc_result kc_ledger_close_account(struct kc_ledger_closed *out,
                                                     struct kc_ledger *ledger,
                                                     struct kc_account_id account);

/* What is to be done by now about closed accounts, a bounded part of it; *count says how many it was. */
KC_MUST_USE struct kc_result kc_ledger_closings(struct kc_ledger *ledger, size_t *count);

/* At most `max` closed accounts whose certificates are not known to be revoked, behind `account`; and that those of one are. */
KC_MUST_USE struct kc_result kc_ledger_unrevoked(struct kc_account_id *out, size_t *count,
                                                 size_t max, struct kc_ledger *ledger,
                                                 uint64_t account);
KC_MUST_USE struct kc_result kc_ledger_closed_revoked(struct kc_ledger *ledger,
                                                      struct kc_account_id account);

/* What the ordinary bank is to be asked. */
struct kc_payout {
    struct kc_account_id account;
    uint64_t number;
    struct kc_amount amount;
    char bank_account[KC_BANK_ACCOUNT_SIZE_MAX + 1];
};

/* At most `max` pay-outs without an outcome, behind that of `account`, in the order of accounts. */
KC_MUST_USE struct kc_result kc_ledger_payouts(struct kc_payout *out, size_t *count, size_t max,
                                               struct kc_ledger *ledger, uint64_t account);

/* The answer to one: KC_OK done, KC_IN_DOUBT not known, anything else refused. One whose outcome is known already changes
 * nothing. KC_UNKNOWN_TRANSACTION. */
KC_MUST_USE struct kc_result kc_ledger_payout_settle(struct kc_ledger *ledger,
                                                     const struct kc_payout *payout,
                                                     enum kc_error answer);

/* The certified value of a card without keys (SGN4), for whoever asks: what was ever loaded on it. A fresh one where the newest
 * says less, or ends soon. KC_UNKNOWN_PURSE, KC_NOT_ALLOWED (a purse with keys asks itself), KC_PURSE_BLOCKED,
 * KC_ACCOUNT_NOT_OPEN, KC_ACCOUNT_EXPIRED. */
KC_MUST_USE struct kc_result kc_ledger_card(struct kc_certified *out, struct kc_ledger *ledger,
                                            struct kc_purse_id purse);

/* ---- what a machine owes to somebody whom its purse cannot pay (giveback.c) ---- */

/* Carries out the word of a machine's purse, which the caller verified with the key kept of that purse: what is owed for a sale
 * goes from its owner's account to who paid. The same again has the same answer. A refusal leaves nothing behind:
 * KC_UNKNOWN_PURSE; KC_NOT_ALLOWED (no machine, or `to` did not pay that); KC_PURSE_BLOCKED, KC_REPORTED_LOST (machine or
 * card); KC_NOT_SETTLED (the machine has not reported the payment: later); KC_NOT_FOUND (there is none) or what was objected
 * to it; KC_AMOUNT_TOO_LARGE (more than was paid); KC_GIVEN_BACK (more than is left of it); KC_MISMATCH (the sale was
 * given back with another word, or it is another bank's); KC_SAME_ACCOUNT; KC_INSUFFICIENT_ACCOUNT; those of a transfer's
 * receiver. */
KC_MUST_USE struct kc_result kc_ledger_give_back(struct kc_given_back *out,
                                                 struct kc_ledger *ledger,
                                                 const struct kc_give_back *word,
                                                 const struct kc_ledger_source *source);

/* ---- settlement: a purse reports its history (docs/protocol.md "Settlement") ---- */

enum kc_record_answer { KC_ANSWER_NONE, KC_ANSWER_RECEIPT, KC_ANSWER_DECLINE };

/* One reported entry with everything verified that can be without the ledger: it is in the chain, and unless `objection` says
 * otherwise the order is signed by the payer, names the reporter, and fits the entry. `answer` is set only when it is signed
 * by the payee and about that order; when one was given that is not, `answer_objection` says why. */
struct kc_ledger_record {
    struct kc_entry entry;
    uint8_t digest[KC_DIGEST_SIZE]; /* of the entry */
    uint8_t head_after[KC_DIGEST_SIZE];
    struct kc_view bytes; /* the log-record as it came */
    enum kc_error objection;
    uint64_t partner;            /* the account whose key verified, or 0 */
    struct kc_purse_id answerer; /* the purse whose key verified the answer, or 0 */
    uint8_t signer[KC_SIGNER_SIZE];
    struct kc_view key; /* that key as COSE_Key; empty without a partner */
    bool has_order;
    struct kc_payment_order order;
    struct kc_view order_bytes;
    uint8_t order_digest[KC_DIGEST_SIZE];
    enum kc_record_answer answer;
    enum kc_error answer_objection;
    uint8_t answered[KC_DIGEST_SIZE]; /* digest of the order that the answer is about */
};

/* What the reply to a report is made from. */
struct kc_ledger_settled {
    struct kc_certified certified;
    size_t release_count;
    struct kc_release releases[KC_LIST_COUNT_MAX];
    size_t objection_count;
    struct kc_objection objections[KC_LIST_COUNT_MAX];
};

/* Counts the gap, if there is one, and the records in the order of the purse's chain, each once, moves what they move on both
 * sides, and certifies up to the last one that could be decided. A report that reaches the purse's newest entry pays what the
 * purse owes, and sweeps what a machine took to its owner. KC_COPIED_OR_RESTORED and KC_OVERSPENT: the report proves it,
 * an alert is kept, the purse is out of use; what was counted before the proof stays counted. KC_STALE_STATE: the purse's
 * own sums do not follow from its entries. The same report again gets the same word. */
KC_MUST_USE struct kc_result kc_ledger_settle(struct kc_ledger_settled *out,
                                              struct kc_ledger *ledger, uint64_t time_ms,
                                              const struct kc_ledger_information *information,
                                              const struct kc_ledger_record *records, size_t count,
                                              const struct kc_ledger_source *source);

/* Ends what the settlement time ran out for, a bounded number at a time; *count says how many: noted payments whose payee never
 * spoke, and gaps that nobody explained. */
KC_MUST_USE struct kc_result kc_ledger_end_waiting(struct kc_ledger *ledger, size_t *count);

/* value + ahead_in - ahead_out. */
struct kc_shadow kc_shadow_of(const struct kc_purse_row *row);

/* ---- audit ---- */

struct kc_audit {
    uint64_t accounts;
    uint64_t purses;
    uint64_t transactions;
    uint64_t postings;
    uint64_t batches;
    uint64_t evidence;
    uint64_t payments;
    uint64_t records;
    uint64_t faults;
    struct kc_totals_row totals;
    void *owner;
    /* Called for each fault found with a sentence; may be NULL. */
    void (*fault)(void *owner, const char *what);
    /* Whether the signature of a message that was kept verifies, as one of the account or of the registrar; the caller's,
     * because the ledger knows no signatures. NULL: not asked. */
    bool (*verify)(void *owner, const struct kc_evidence_row *row, struct kc_account_id account);
    /* The same for a payment order, which its payer's account signed. */
    bool (*verify_order)(void *owner, struct kc_view order, struct kc_account_id payer);
};

/* Derives everything again and compares: each balance and the totals from the journal, its chain, the postings of each
 * transaction and payment from its state, payments from signed orders, what is ahead and in flight from payments and records,
 * what purses were certified, and that every message which something rests on is kept.
 * KC_STORE_CORRUPT when audit->faults is not 0. */
KC_MUST_USE struct kc_result kc_ledger_audit(struct kc_audit *audit, const struct kc_store *store,
                                             const struct kc_crypto *crypto);

#endif
