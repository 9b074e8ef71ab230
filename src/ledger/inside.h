/* What the files of the ledger share. Internal to this room. */
#ifndef KC_LEDGER_INSIDE_H
#define KC_LEDGER_INSIDE_H

#include "ledger/ledger.h"

/* Keeps the first store error of a batch, so that nothing of the batch is committed; returns the result. */
struct kc_result kc_ledger_note(struct kc_ledger *ledger, struct kc_result result);

/* Books `amount` from one book to another and changes the totals; balances are the caller's. */
KC_MUST_USE struct kc_result kc_ledger_post(struct kc_ledger *ledger, uint64_t debit,
                                            uint64_t credit, struct kc_amount amount,
                                            const struct kc_transaction_row *transaction);

/* The digest of one posting chained to the one before. */
void kc_ledger_chain(uint8_t chain[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                     const struct kc_posting_row *posting);

/* Moves an amount between the totals that two books belong to. KC_OVERFLOW leaves them as they were. */
KC_MUST_USE struct kc_result kc_totals_move(struct kc_totals_row *totals, bool debit_is_purse,
                                            bool credit_is_purse, uint64_t debit, uint64_t credit,
                                            struct kc_amount amount);

/* A fresh certified value for the purse: sequence + 1, amounts as the rows say, kept in the row. */
KC_MUST_USE struct kc_result kc_ledger_certify(struct kc_certified *out, struct kc_ledger *ledger,
                                               const struct kc_account_row *account,
                                               struct kc_purse_row *purse);

/* Decodes a kept certified value. KC_STORE_CORRUPT. */
KC_MUST_USE struct kc_result kc_ledger_recall(struct kc_certified *out, const uint8_t *bytes,
                                              size_t size);

/* Loads purse and account of a request and matches them with what the purse says of itself; moves the row's counter and
 * head over entries that settle among themselves. *pending_entry is the counter of a cash-out without its void, or 0. */
KC_MUST_USE struct kc_result kc_ledger_match(struct kc_ledger *ledger, struct kc_purse_row *purse,
                                             struct kc_account_row *account,
                                             const struct kc_ledger_information *information,
                                             uint64_t *pending_entry);

/* Keeps a signed message as evidence under the time stamp of the transaction it belongs to, and the key that verifies it. */
KC_MUST_USE struct kc_result kc_ledger_keep(struct kc_ledger *ledger, struct kc_purse_id purse,
                                            uint64_t time_ms, enum kc_evidence_kind kind,
                                            const struct kc_ledger_source *source);

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

/* The stored outcome of a final transaction. */
KC_MUST_USE struct kc_result kc_ledger_stored(struct kc_ledger_outcome *out,
                                              const struct kc_transaction_row *transaction,
                                              const struct kc_purse_row *purse);

/* The quote that a quoted transaction stands for; its content is the same every time. */
void kc_ledger_quote(struct kc_cash_quote *out, char name[KC_NAME_SIZE_MAX + 1],
                     const struct kc_transaction_row *transaction, const struct kc_purse_row *purse,
                     const struct kc_account_row *account);

#endif
