/* What the files of the ledger share. Internal to this room. */
#ifndef KC_LEDGER_INSIDE_H
#define KC_LEDGER_INSIDE_H

#include "ledger/ledger.h"

/* Keeps the first store error of a batch, so that nothing of the batch is committed; returns the result. */
struct kc_result kc_ledger_note(struct kc_ledger *ledger, struct kc_result result);

/* Books `amount` from one book to another and changes the totals; balances are the caller's. *shadow is that of the purse that
 * is one of the books, before, and then after; NULL when none is. */
KC_MUST_USE struct kc_result kc_ledger_post(struct kc_ledger *ledger, uint64_t debit,
                                            uint64_t credit, struct kc_amount amount,
                                            const struct kc_transaction_row *transaction,
                                            struct kc_shadow *shadow);

/* A signed sum plus and minus an amount. KC_OVERFLOW leaves it as it was. */
KC_MUST_USE struct kc_result kc_shadow_add(struct kc_shadow *shadow, struct kc_amount amount);
KC_MUST_USE struct kc_result kc_shadow_sub(struct kc_shadow *shadow, struct kc_amount amount);

/* The digest of one posting chained to the one before. */
void kc_ledger_chain(uint8_t chain[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                     const struct kc_posting_row *posting);

/* Moves an amount between two books in the totals. `debit_shadow` or `credit_shadow` is set where that book is a purse, and
 * moves with it. KC_OVERFLOW leaves everything as it was. */
KC_MUST_USE struct kc_result kc_totals_move(struct kc_totals_row *totals,
                                            struct kc_shadow *debit_shadow,
                                            struct kc_shadow *credit_shadow, uint64_t debit,
                                            uint64_t credit, struct kc_amount amount);

/* A fresh certified value for the purse: sequence + 1, amounts as the rows say, kept in the row. */
KC_MUST_USE struct kc_result kc_ledger_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                               const struct kc_account_row *account,
                                               struct kc_purse_row *purse);

/* Decodes a kept certified value. KC_STORE_CORRUPT. */
KC_MUST_USE struct kc_result kc_ledger_recall(struct kc_certified *out, const uint8_t *bytes,
                                              size_t size);

/* Loads purse and account of a request and matches them with what the purse says of itself; moves the row's counter and
 * head over entries that settle among themselves, up to the first that only a report of records can decide. *pending_entry is
 * the counter of a cash-out without its void, or 0. */
KC_MUST_USE struct kc_result kc_ledger_match(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                             struct kc_account_row *account,
                                             const struct kc_ledger_information *information,
                                             uint64_t *pending_entry);

/* Keeps a signed message as evidence under the time stamp of the transaction it belongs to, and the key that verifies it. */
KC_MUST_USE struct kc_result kc_ledger_keep(struct kc_ledger *ledger, struct kc_purse_id purse,
                                            uint64_t time_ms, enum kc_evidence_kind kind,
                                            const struct kc_ledger_source *source);

/* A message as it stands in the evidence of a purse. */
struct kc_shown {
    uint64_t time_ms;
    uint8_t digest[KC_DIGEST_SIZE];
};

/* The message that came last from a purse, and the one that showed its counted counter. */
struct kc_shown kc_shown_last(const struct kc_purse_row *purse);
struct kc_shown kc_shown_counted(const struct kc_purse_row *purse);

/* Proof against a purse: an alert that names the two messages which show it together, one of which may be both, and the counter
 * it is about (0 for none); and the purse is out of use. The row is saved. Gives `reason`, or the store's error. */
KC_MUST_USE struct kc_result kc_ledger_accuse(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                              enum kc_error reason, uint64_t counter,
                                              const struct kc_shown *evidence,
                                              const struct kc_shown *against);

/* Puts a purse out of use for this reason and on the hotlist, once; the row is the caller's to save. */
KC_MUST_USE struct kc_result kc_ledger_put_out(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                               enum kc_error reason);

/* The rest of an item's work on a row is dropped, but not that the purse went out of use meanwhile. */
void kc_purse_copy_out(struct kc_purse_row *to, const struct kc_purse_row *from);

/* What is left of `old` goes to the new purse that replaces it, whose row is the caller's to save; what it lacks comes from the
 * account as far as that reaches, and else the new purse owes it. Saves the row of `old`; the account's is the caller's to
 * save. */
KC_MUST_USE struct kc_result kc_ledger_succeed(struct kc_ledger *ledger,
                                               struct kc_account_row *account,
                                               struct kc_purse_row *old,
                                               struct kc_purse_row *successor);

/* What late records left to the card that this one replaced is this one's. Its row is the caller's to save. Nothing for any other
 * purse. */
KC_MUST_USE struct kc_result kc_ledger_inherit(struct kc_ledger *ledger,
                                               struct kc_purse_row *purse);

/* After a report changed the books of a purse: when another one has taken its place, what it gained goes to the account, and
 * what it lacks comes from there, or else is owed by the new purse. The row of `purse` is the caller's to save. */
KC_MUST_USE struct kc_result kc_ledger_late(struct kc_ledger *ledger, struct kc_purse_row *purse);

/* Saves what the reports of others move, after kc_ledger_late. */
KC_MUST_USE struct kc_result kc_ledger_save_ahead(struct kc_ledger *ledger,
                                                  struct kc_purse_row *purse);

/* What a new purse of this type does when its history is full. No certified value ever covers what a bearer card paid, so
 * that its history goes on by overwriting, whatever is asked for. */
static inline enum kc_log_policy kc_ledger_policy(enum kc_purse_type type,
                                                  enum kc_log_policy wanted)
{
    return type == KC_PURSE_TYPE_BEARER ? KC_LOG_POLICY_OVERWRITE : wanted;
}

/* A number for a purse that is free. */
KC_MUST_USE struct kc_result kc_ledger_next_number(uint64_t *out, struct kc_ledger *ledger);

/* After the purse's counted chain moved on from `before`: payments to a counter that it passed without them are released to
 * their payers. What it signed for one of those counters and did not count contradicts the chain: KC_COPIED_OR_RESTORED. */
KC_MUST_USE struct kc_result kc_ledger_passed(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                              uint64_t before);

/* ---- renewed keys (renew.c) ---- */

/* Whether what this key signed for the purse may come now: KC_KEY_RENEWED when a newer one was confirmed, or asked for after this
 * one was certified; KC_PENDING when it waits for its own confirmation and this is no report, or when nobody claimed it yet;
 * KC_UNKNOWN_SIGNER when it never was this purse's. */
KC_MUST_USE struct kc_result kc_ledger_check_key(struct kc_ledger *ledger, struct kc_purse_id purse,
                                                 const uint8_t signer[KC_SIGNER_SIZE],
                                                 bool reports);
/* key_offer.c: KC_PENDING when this key waits for the purse to claim it. */
KC_MUST_USE struct kc_result kc_ledger_check_unclaimed(struct kc_ledger *ledger,
                                                       struct kc_purse_id purse,
                                                       const uint8_t signer[KC_SIGNER_SIZE]);

/* A report that is signed by a key that waits confirms it: from here on it is the purse's. The row is the caller's to save.
 * KC_MISMATCH when the close entry is not there or does not name the new identity. */
KC_MUST_USE struct kc_result kc_ledger_renewed(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                               const struct kc_ledger_information *information,
                                               const struct kc_ledger_record *records, size_t count,
                                               const struct kc_ledger_source *source);

/* kc_ledger_renew, with the message kept as this kind of evidence. */
KC_MUST_USE struct kc_result
kc_ledger_renew_as(struct kc_renewal_row *row, struct kc_ledger *ledger, enum kc_evidence_kind kind,
                   uint64_t time_ms, const struct kc_ledger_information *information,
                   const struct kc_purse_key_row *keys, const struct kc_ledger_source *source);
/* kc_ledger_renew_certified, where the keys may have been made anew: then KC_OUT_OF_ORDER also when the purse claimed again
 * since. */
KC_MUST_USE struct kc_result kc_ledger_renew_certified_as(struct kc_ledger *ledger,
                                                          const struct kc_renewal_row *row,
                                                          bool made_anew);
/* KC_ALREADY_EXISTS: another purse has or had that key, or this one had it. */
KC_MUST_USE struct kc_result kc_ledger_check_fresh(struct kc_ledger *ledger,
                                                   struct kc_purse_id purse,
                                                   const struct kc_purse_key_row *keys);
/* key_offer.c: the purse has new keys, so none wait for it. */
KC_MUST_USE struct kc_result kc_ledger_end_key_offer(struct kc_ledger *ledger,
                                                     struct kc_purse_id purse);
/* ending.c: revocation is owed of the certificates of a purse that was reported lost, unless they were revoked since that was
 * owed before; and of those that were certified when it was out of use already. */
KC_MUST_USE struct kc_result kc_ledger_owe_lost(struct kc_ledger *ledger,
                                                const struct kc_purse_row *purse);
KC_MUST_USE struct kc_result kc_ledger_owe_certified(struct kc_ledger *ledger,
                                                     const struct kc_purse_row *purse);
/* Whether a confirmed renewal ended a key of the purse with the entry of this counter. */
KC_MUST_USE struct kc_result kc_ledger_closed(bool *closed, struct kc_ledger *ledger,
                                              const struct kc_purse_row *purse, uint64_t counter);

/* The purse will never speak again: what waits for its word is released to the payers, as expired. */
KC_MUST_USE struct kc_result kc_ledger_silenced(struct kc_ledger *ledger,
                                                struct kc_purse_row *purse);

/* ---- payments (payment.c) ---- */

/* A payment with the rows of both purses, one of which is the reporter's. */
struct kc_payment_sides {
    struct kc_payment_row payment;
    struct kc_purse_row *payer;
    struct kc_purse_row *payee;
};

/* Whether the purse can hold `amount` more, and give it, by all that the bank knows. */
bool kc_ledger_can_hold(const struct kc_purse_row *purse, struct kc_amount amount);
bool kc_ledger_can_give(const struct kc_purse_row *purse, struct kc_amount amount);

/* Whether anybody has reported a payment by the purse or to it. */
KC_MUST_USE struct kc_result kc_ledger_has_payments(bool *has, struct kc_ledger *ledger,
                                                    const struct kc_purse_row *purse);

/* Whether the purse signed something else with this counter: an order of a payment, or a receipt. Then *shown, unless it is
 * left as it was, is what shows that. */
KC_MUST_USE struct kc_result kc_ledger_signed_otherwise(bool *otherwise, struct kc_shown *shown,
                                                        struct kc_ledger *ledger,
                                                        const struct kc_purse_row *purse,
                                                        uint64_t counter);

enum kc_payment_step {
    KC_STEP_NOTE,        /* the payer's entry is counted, its payee has not spoken */
    KC_STEP_BOOK,        /* the payee took it */
    KC_STEP_COUNT_PAY,   /* the payer's entry is counted, the payment is known already */
    KC_STEP_COUNT_TAKEN, /* the payee's entry is counted, the payment is booked already */
    KC_STEP_REFUSE,      /* the payee refused what the payer has not reported */
    KC_STEP_RELEASE,     /* the payee will never take it */
    KC_STEP_RETURN,      /* the payer's void is counted */
    KC_STEP_TAKE_BACK,   /* the payee took it and denied it: the payer has it back */
    KC_STEP_HOLD_AGAIN, /* it was released, and a receipt says that it was taken: noted as before */
};

/* Whether `amount` more on either side can be counted at all. */
bool kc_payment_fits(const struct kc_ledger *ledger, const struct kc_payment_sides *sides);

/* Takes a step: the rows and the payment change, and the difference of the shadows is posted. The rows are the caller's to
 * save. */
KC_MUST_USE struct kc_result kc_payment_step(struct kc_ledger *ledger,
                                             struct kc_payment_sides *sides,
                                             enum kc_payment_step step, enum kc_error reason);

/* Another payment of the payer with the same counter, in *other. KC_NOT_FOUND when there is none. */
KC_MUST_USE struct kc_result kc_payment_other(struct kc_payment_row *other,
                                              struct kc_ledger *ledger,
                                              const struct kc_payment_row *payment);

/* Keeps the record that shows a payment as evidence against a purse that signed it, and says so in *shown; which stays as it
 * was when there is no such record. */
KC_MUST_USE struct kc_result kc_payment_keep_proof(struct kc_shown *shown, struct kc_ledger *ledger,
                                                   uint64_t accused,
                                                   const struct kc_payment_row *payment,
                                                   enum kc_evidence_kind kind);

/* The record that shows a payment, from its payee's report or else its payer's. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_payment_record(struct kc_record_row *out, struct kc_ledger *ledger,
                                               const struct kc_payment_row *payment);

/* ---- a report (settle.c) and its records (count.c) ---- */

struct kc_report {
    struct kc_ledger *ledger;
    struct kc_purse_row *purse;
    const struct kc_ledger_information *information;
    uint64_t time_ms;
    struct kc_ledger_settled *out;
    struct kc_amount left_out; /* of what the purse says it received, in this report */
    bool repeated;             /* it was taken before: nothing of the rows may change */
};

/* The purse has seen no certified value after `seen`, so the words that went out with later ones are told again. */
KC_MUST_USE struct kc_result kc_ledger_untell(struct kc_ledger *ledger,
                                              const struct kc_purse_row *purse, uint64_t seen);

/* Tells an objection; or that the counting stops at this entry, unless a better reason was told for it already. */
void kc_report_object(struct kc_ledger_settled *out, uint64_t counter, enum kc_error reason);
void kc_report_stop(struct kc_ledger_settled *out, uint64_t counter);

/* The purse's totals after an entry, whatever its effect. KC_OVERFLOW. */
KC_MUST_USE struct kc_result kc_report_totals(struct kc_purse_row *purse,
                                              const struct kc_entry *entry);

/* Counts the record with the next counter. KC_PENDING: it cannot be decided yet, and nothing changed. KC_COPIED_OR_RESTORED,
 * KC_OVERSPENT: the reporter is accused. */
KC_MUST_USE struct kc_result kc_report_count(struct kc_report *report,
                                             const struct kc_ledger_record *record);

/* A record that was counted before must be the same; an answer that it lacked is heard; what was objected to is told again.
 * KC_COPIED_OR_RESTORED. */
KC_MUST_USE struct kc_result kc_report_see_again(struct kc_report *report,
                                                 const struct kc_ledger_record *record);

/* The payee's answer beside a pay entry that was counted without it: the payment ends by it, and what it contradicts accuses the
 * payee. *row, the record as it is kept, has it then, and no objection. Nothing for any other record. */
KC_MUST_USE struct kc_result kc_report_hear(struct kc_record_row *row, struct kc_report *report,
                                            const struct kc_ledger_record *record);

/* ---- gaps (gap.c, gap_count.c); the gap's row is saved, rows of purses and payments are the caller's to save ---- */

/* The gap of a purse over a counter. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_gap_find(struct kc_gap_row *out, struct kc_ledger *ledger,
                                         uint64_t purse, uint64_t counter);
struct kc_shown kc_gap_shown(const struct kc_gap_row *gap);
KC_MUST_USE struct kc_result kc_gap_save(struct kc_ledger *ledger, const struct kc_gap_row *gap);

/* Posts what a purse's shadow lost to what its gaps hold in flight, or gained from there. */
KC_MUST_USE struct kc_result kc_gap_post(struct kc_ledger *ledger, struct kc_shadow before,
                                         const struct kc_purse_row *purse, struct kc_amount amount,
                                         bool held);

/* A booked payment whose pay entry is in the payer's gap is counted; what had come back to the payer is owed, and *shown, what
 * shows the payment, goes to the alert. KC_MISMATCH when the gap's totals do not hold it: nothing changed. */
KC_MUST_USE struct kc_result kc_gap_pay(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                        struct kc_payment_sides *sides,
                                        const struct kc_shown *shown);
/* The same for a payment that its payee refused: the payer has it back, unless it has it back already. KC_MISMATCH. */
KC_MUST_USE struct kc_result kc_gap_refused(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                            struct kc_payment_sides *sides);
/* A booked payment whose receive entry is in the payee's gap is counted. KC_MISMATCH as above. */
KC_MUST_USE struct kc_result kc_gap_take(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                         struct kc_payment_sides *sides);
/* A noted payment to a counter in the payee's gap: made when the totals hold a receipt that nobody showed of that amount, never
 * made when they cannot; what cannot be said waits for the settlement time. */
KC_MUST_USE struct kc_result kc_gap_guess(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                          struct kc_payment_sides *sides);
/* The payee's receipt for a payment that was inferred: nothing takes it back any more. */
KC_MUST_USE struct kc_result kc_gap_confirm(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                            struct kc_payment_row *payment);
/* Such a payment was not made after all. */
KC_MUST_USE struct kc_result kc_gap_unguess(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                            struct kc_payment_sides *sides);
/* A released payment whose void may be in a gap of the payer is returned then; and that was wrong (KC_NOT_FOUND when no gap
 * has it). */
KC_MUST_USE struct kc_result kc_gap_back(struct kc_ledger *ledger, struct kc_payment_sides *sides);
KC_MUST_USE struct kc_result kc_gap_unreturn(struct kc_ledger *ledger,
                                             struct kc_payment_sides *sides);
/* The purse has reported all, was told of a release before, and wrote no void for it since: then it wrote one that it lost, even
 * where what its gaps hold was taken for others. */
KC_MUST_USE struct kc_result kc_gap_return_told(struct kc_ledger *ledger,
                                                struct kc_purse_row *purse, uint64_t seen);
/* A void after the gap of an entry in it. KC_MISMATCH. */
KC_MUST_USE struct kc_result kc_gap_void(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                         struct kc_purse_row *purse, struct kc_amount amount);
/* A cash-out in the gap that was booked ahead; a void in the gap of a cash-out before it, which is in the value already. */
KC_MUST_USE struct kc_result kc_gap_cash_out(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                             struct kc_purse_row *purse, struct kc_amount amount);
KC_MUST_USE struct kc_result kc_gap_void_seen(struct kc_ledger *ledger, struct kc_gap_row *gap,
                                              struct kc_purse_row *purse, struct kc_amount amount);

/* Counts the gap of a report. KC_STALE_STATE: its totals fall; KC_AMOUNT_TOO_LARGE; KC_PENDING as for a record;
 * KC_COPIED_OR_RESTORED, KC_OVERSPENT: it contradicts what the purse signed, or itself. Only an accusation changed then. */
KC_MUST_USE struct kc_result kc_gap_count(struct kc_report *report, const struct kc_gap *given);
/* A gap that was counted before. KC_COPIED_OR_RESTORED. */
KC_MUST_USE struct kc_result kc_gap_see_again(struct kc_report *report, const struct kc_gap *given);

/* ---- what a purse owes (claim.c) ---- */

/* Puts an amount into the value that the bank does not vouch for: the purse owes it. False when it does not fit; then nothing
 * changed. */
KC_MUST_USE bool kc_claim_owe(struct kc_purse_row *purse, struct kc_amount amount);
/* An alert that accuses nobody. */
KC_MUST_USE struct kc_result kc_claim_alert(struct kc_ledger *ledger,
                                            const struct kc_purse_row *purse, enum kc_error reason,
                                            uint64_t counter, const struct kc_shown *evidence,
                                            const struct kc_shown *against);
/* Puts back into the value what was taken off it, unless the purse has seen a certified value that says so; `seen` is the
 * sequence of the one that it shows. */
KC_MUST_USE struct kc_result kc_claim_restore(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                              uint64_t seen);
/* At the end of the purse's chain: advances leave the value, what is owed is taken from value and account. */
KC_MUST_USE struct kc_result kc_claim_all(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                          struct kc_account_row *account);
KC_MUST_USE struct kc_result kc_claim_account(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                              struct kc_account_row *account);
/* What a purse out of use lacks is taken from its account, and both rows are saved then. Nothing for any other purse. */
KC_MUST_USE struct kc_result kc_claim_out(struct kc_ledger *ledger, struct kc_purse_row *purse);

/* ---- machines and their owners (merchant.c) ---- */

/* The fee for an amount by this rule. */
struct kc_amount kc_merchant_fee(const struct kc_merchant_rule *rule, struct kc_amount amount);
/* The account that answers for the purses of `account`, as it is now: itself, or for a machine its owner's. */
KC_MUST_USE struct kc_result kc_merchant_payer(struct kc_account_row *out, struct kc_ledger *ledger,
                                               uint64_t account);
/* Books what a machine out of use brings to its owner's account, and the fee. The amount fits there; both rows are the caller's
 * to save. */
KC_MUST_USE struct kc_result kc_merchant_credit(struct kc_ledger *ledger,
                                                const struct kc_purse_row *machine,
                                                struct kc_account_row *owner,
                                                struct kc_amount amount, struct kc_shadow *before);
/* At the end of a machine's chain, after kc_claim_all: what it holds goes to its owner's account, less what it keeps and the
 * fee. Saves the owner's balance; the machine's row is the caller's to save. Nothing for any other purse. */
KC_MUST_USE struct kc_result kc_merchant_sweep(struct kc_ledger *ledger,
                                               struct kc_purse_row *machine,
                                               struct kc_account_row *owner);

/* ---- the management charge (charge.c) ---- */

/* Finds out whether there are charges. */
KC_MUST_USE struct kc_result kc_charge_load(struct kc_ledger *ledger);
/* A new account of a person gets its first day. */
KC_MUST_USE struct kc_result kc_charge_open(struct kc_ledger *ledger,
                                            const struct kc_account_row *account);
/* What a certified value of the account says of it; noted as told. */
KC_MUST_USE struct kc_result kc_charge_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                               const struct kc_account_row *account);
/* KC_SUSPENDED: nothing leaves the account or its purse for anybody else. */
KC_MUST_USE struct kc_result kc_charge_check(struct kc_ledger *ledger, uint64_t account);
/* Whether kc_ledger_charge_included would be done now: its errors. Changes nothing. */
KC_MUST_USE struct kc_result kc_charge_check_included(struct kc_ledger *ledger,
                                                      struct kc_account_id account);
/* Value came in, and the balance is saved: a charge that is overdue is taken from it at once; account->balance follows. */
KC_MUST_USE struct kc_result kc_charge_incoming(struct kc_ledger *ledger,
                                                struct kc_account_row *account);

/* Its account is closed: nothing is charged any more. */
KC_MUST_USE struct kc_result kc_charge_drop(struct kc_ledger *ledger, uint64_t account);

/* ---- accounts that are given up (close.c) ---- */

/* KC_OK when it is open, whatever its time; KC_CLOSED, KC_ACCOUNT_NOT_OPEN. */
KC_MUST_USE struct kc_result kc_account_standing(const struct kc_account_row *account);
/* Nothing that it could still spend, and nothing that it owes, as far as the bank knows. */
bool kc_purse_is_empty(const struct kc_purse_row *purse);
/* Whether a purse is out of use by somebody's word, and not by a proof. */
bool kc_purse_out_by_word(const struct kc_purse_row *purse);
/* Why a purse that is out of use is refused, as far as it may be told. */
enum kc_error kc_purse_refusal(const struct kc_purse_row *purse);
/* Closes the account, whatever its purse holds, because nobody pays for it; *account is as it is then. Nothing happens while it
 * has machines in use. */
KC_MUST_USE struct kc_result kc_close_unpaid(struct kc_ledger *ledger,
                                             struct kc_account_row *account);
/* Value came into the account, whose balance is saved: if it is closed it is to be paid out. */
KC_MUST_USE struct kc_result kc_close_incoming(struct kc_ledger *ledger,
                                               const struct kc_account_row *account);
/* The purse that waits to take the place of the account's one will not. */
KC_MUST_USE struct kc_result kc_reissue_give_up(struct kc_ledger *ledger,
                                                struct kc_account_id account);
/* The purse of the account gives way to the one that is confirmed now: out of use, if it was at hand, and empty still; *old is
 * the caller's to save. KC_NOT_EMPTY; KC_SETTLEMENT_RUNS: it went out of use meanwhile, and late records are waited for. */
KC_MUST_USE struct kc_result kc_reissue_release(struct kc_ledger *ledger, struct kc_purse_row *old);
/* Something about an account that the operator ought to know, and that accuses nobody: no message shows it. */
KC_MUST_USE struct kc_result kc_account_alert(struct kc_ledger *ledger, struct kc_purse_id purse,
                                              enum kc_error reason);

/* Ends the purse's open quote, if any, as not-completed. In-doubt orders stay. */
KC_MUST_USE struct kc_result kc_ledger_end_open(struct kc_ledger *ledger,
                                                struct kc_purse_row *purse);

/* What every request of a purse begins with (`from` is its own word, of the account that signed): the row is loaded, the
 * message kept as evidence whatever becomes of it, its time stamp noted. A message with a time stamp that is not above the
 * last one is KC_REPLAYED; *repeat says that it is the very message that was seen last or has a transaction of its own,
 * which is then in *transaction when has_transaction. */
struct kc_ledger_arrival {
    struct kc_purse_row purse;
    bool repeat;
    bool has_transaction;
    struct kc_transaction_row transaction;
};
KC_MUST_USE struct kc_result kc_ledger_arrive(struct kc_ledger_arrival *out,
                                              struct kc_ledger *ledger,
                                              const struct kc_value_information *from,
                                              uint64_t time_ms, enum kc_evidence_kind kind,
                                              const struct kc_ledger_source *source);

/* A transaction row for a request that just arrived. */
void kc_ledger_new_transaction(struct kc_transaction_row *out, const struct kc_ledger *ledger,
                               const struct kc_purse_row *purse, uint64_t time_ms,
                               enum kc_transaction_kind kind, struct kc_amount amount,
                               const struct kc_ledger_source *source);

/* Keeps a refused request: the row as it was, with the time stamp, and the transaction with its reason. Returns the reason. */
KC_MUST_USE struct kc_result kc_ledger_refuse(struct kc_ledger *ledger,
                                              const struct kc_purse_row *purse,
                                              struct kc_transaction_row *transaction,
                                              enum kc_error reason);

KC_MUST_USE struct kc_result kc_ledger_save_purse(struct kc_ledger *ledger,
                                                  const struct kc_purse_row *purse);
KC_MUST_USE struct kc_result
kc_ledger_save_transaction(struct kc_ledger *ledger, const struct kc_transaction_row *transaction);

/* KC_AMOUNT_ZERO. An amount over the largest one is no amount and does not come this far. */
KC_MUST_USE struct kc_result kc_ledger_check_amount(struct kc_amount amount);

/* The outcome a transaction's state stands for. */
enum kc_outcome kc_ledger_outcome_of(enum kc_transaction_state state);

/* A certified value is about to go out without words: the purse may take it in the place of the newest one, whose words are
 * then told again. */
KC_MUST_USE struct kc_result kc_ledger_bare(struct kc_ledger *ledger,
                                            const struct kc_purse_row *purse);
/* The newest certified value once more, without the words that went out with it. */
KC_MUST_USE struct kc_result kc_ledger_newest(struct kc_certified *out, struct kc_ledger *ledger,
                                              const struct kc_purse_row *purse);

/* The stored outcome of a final transaction. */
KC_MUST_USE struct kc_result kc_ledger_stored(struct kc_ledger_outcome *out,
                                              struct kc_ledger *ledger,
                                              const struct kc_transaction_row *transaction,
                                              const struct kc_purse_row *purse);

/* ---- quotes of cash and transfers (cash.c) ---- */

static inline bool kc_is_transfer(enum kc_transaction_kind kind)
{
    return kind == KC_TRANSACTION_TRANSFER_PURSE || kind == KC_TRANSACTION_TRANSFER_ACCOUNT;
}

/* Whether a cash-out entry of the purse gives the value: a deposit, or a transfer from the purse. */
static inline bool kc_is_cash_out(enum kc_transaction_kind kind)
{
    return kind == KC_TRANSACTION_DEPOSIT || kind == KC_TRANSACTION_TRANSFER_PURSE;
}

/* Amounts of the purse and of its account `own` afterwards, or the reason why it cannot be. */
KC_MUST_USE struct kc_result kc_quote_amounts(struct kc_amount *account, struct kc_amount *purse,
                                              const struct kc_transaction_row *row,
                                              struct kc_account_id own);

/* A row that was quoted could be quoted: what does not fit was changed in the store. KC_STORE_CORRUPT. */
KC_MUST_USE struct kc_result kc_quote_check(const struct kc_transaction_row *row,
                                            struct kc_account_id own);

/* Quotes a new transaction, whose row is saved, quoted or refused with the reason that this gives. *account is the purse's. */
KC_MUST_USE struct kc_result kc_quote_open(struct kc_ledger *ledger,
                                           struct kc_ledger_arrival *arrival,
                                           struct kc_account_row *account,
                                           const struct kc_ledger_information *information,
                                           struct kc_transaction_row *row);

/* ---- transfers (transfer.c) ---- */

/* Where a transfer goes: an account, or the card that stands behind its number. */
struct kc_receiver {
    struct kc_account_row account;
    bool is_card;
    struct kc_purse_row card;
};

/* Loads the receiver, after everything that may refuse the transfer there. KC_WRONG_NUMBER, KC_SAME_ACCOUNT, KC_UNKNOWN_ACCOUNT,
 * KC_ACCOUNT_NOT_OPEN, KC_ACCOUNT_EXPIRED, KC_NOT_ALLOWED (a machine), KC_PURSE_BLOCKED, KC_REPORTED_LOST and KC_LIMIT_EXCEEDED
 * (a card), KC_AMOUNT_TOO_LARGE, KC_DEBT (of the payer). */
KC_MUST_USE struct kc_result kc_transfer_receiver(struct kc_receiver *out, struct kc_ledger *ledger,
                                                  const struct kc_purse_row *purse,
                                                  const struct kc_transaction_row *row);

/* The book that the payer's posting credits: the receiver's account; what goes to a card goes through what is in flight, because
 * a posting has one purse. */
uint64_t kc_transfer_book(const struct kc_receiver *receiver);

/* After that posting: the receiver's balance, from which what its purse owes is taken at once; or the card's posting and a fresh
 * certified value. The row notes the card. Nothing when the receiver is the purse's own account, whose balance is the caller's to
 * save. */
KC_MUST_USE struct kc_result kc_transfer_credit(struct kc_ledger *ledger,
                                                struct kc_receiver *receiver,
                                                const struct kc_purse_row *purse,
                                                struct kc_transaction_row *row);

/* The encoding of the quote that a quoted transfer stands for. */
KC_MUST_USE struct kc_result kc_transfer_encode(struct kc_buffer *out, struct kc_ledger *ledger,
                                                const struct kc_transaction_row *row,
                                                const struct kc_purse_row *purse);

/* The quote that a quoted transaction stands for; its content is the same every time. */
void kc_ledger_quote(struct kc_cash_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                     const struct kc_transaction_row *transaction, const struct kc_purse_row *purse,
                     const struct kc_account_row *account);

#endif
