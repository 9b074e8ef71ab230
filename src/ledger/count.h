/* What the files that count records share (count.c, count_back.c). Internal to this room. */
#ifndef KC_LEDGER_COUNT_H
#define KC_LEDGER_COUNT_H

#include "ledger/inside.h"

/* The objection to the record that is being counted. */
struct kc_verdict {
    enum kc_error objection;
    enum kc_record_state state;
};

bool kc_count_same_digest(const uint8_t a[KC_DIGEST_SIZE], const uint8_t b[KC_DIGEST_SIZE]);
struct kc_shown kc_count_record_shown(const struct kc_record_row *row);
/* Saves the partner; what it lacks and cannot have any more, because it is out of use, is claimed. */
KC_MUST_USE struct kc_result kc_count_save_partner(struct kc_report *report,
                                                   struct kc_purse_row *partner);
KC_MUST_USE struct kc_result kc_count_save_payment(struct kc_report *report,
                                                   const struct kc_payment_row *payment);
KC_MUST_USE struct kc_result kc_count_step(struct kc_report *report, struct kc_payment_sides *sides,
                                           enum kc_payment_step which, enum kc_error reason);
/* The reporter's own signatures exclude each other: the report's, and those of what is kept as `against`, NULL for itself. */
KC_MUST_USE struct kc_result kc_count_accuse_reporter(struct kc_report *report,
                                                      const struct kc_ledger_record *record,
                                                      enum kc_error reason,
                                                      const struct kc_shown *against);
/* The partner's do, as the record at hand shows. It is out of use; the report goes on. A card without keys signed nothing, and
 * its alert accuses nobody. */
KC_MUST_USE struct kc_result kc_count_accuse_partner(struct kc_report *report,
                                                     struct kc_purse_row *partner,
                                                     const struct kc_ledger_record *record,
                                                     uint64_t counter,
                                                     const struct kc_shown *against);
/* The entry pays more than the value: KC_OVERSPENT, or KC_PENDING where records that could not be verified would make it reach.
 * sides NULL: no payment. */
KC_MUST_USE struct kc_result kc_count_overspend(struct kc_report *report,
                                                const struct kc_ledger_record *record,
                                                struct kc_payment_sides *sides, bool is_new);
/* Entries of these kinds; KC_PENDING: not yet. */
KC_MUST_USE struct kc_result kc_count_void(struct kc_verdict *verdict, struct kc_report *report,
                                           const struct kc_ledger_record *record);
KC_MUST_USE struct kc_result kc_count_cash_out(struct kc_verdict *verdict, struct kc_report *report,
                                               const struct kc_ledger_record *record);
/* Whether a counted void of the payer has given back a payment whose pay entry it lost: the payee's decline of it stands in that
 * void. Then the gap of the entry has nothing more to give for it. */
KC_MUST_USE struct kc_result kc_count_given_back(bool *given_back, struct kc_ledger *ledger,
                                                 const struct kc_purse_row *payer,
                                                 const struct kc_payment_row *payment);
/* Whether a counted void of the payer holds the payee's decline of this order: the only trace of it where the payer lost its pay
 * entry. *shown is that void, kept as evidence against the reporter. */
KC_MUST_USE struct kc_result kc_count_denied(bool *denied, struct kc_shown *shown,
                                             struct kc_report *report,
                                             const struct kc_purse_row *payer,
                                             const struct kc_ledger_record *record);
/* What was taken from a card without keys, before it is booked (bearer.c): beyond what is left of what was loaded it is objected
 * to as KC_CARD_EXHAUSTED, and the card is put on the hotlist. */
KC_MUST_USE struct kc_result kc_count_bearer(struct kc_verdict *verdict, struct kc_report *report,
                                             struct kc_payment_sides *sides,
                                             const struct kc_ledger_record *record);
/* Whether the totals in the order of such a card contradict those of a payment before or after it, which *against then shows. */
KC_MUST_USE struct kc_result kc_count_bearer_totals(bool *contradicts, struct kc_shown *against,
                                                    struct kc_report *report,
                                                    const struct kc_payment_sides *sides,
                                                    const struct kc_ledger_record *record);
/* Whether the purse counted an entry at this counter that is not about the order, and what shows it. Of an entry in a gap, which
 * is then in *gap, nothing is known; else gap->last is 0. */
KC_MUST_USE struct kc_result kc_count_other(bool *other, struct kc_shown *shown,
                                            struct kc_gap_row *gap, struct kc_report *report,
                                            const struct kc_purse_row *purse, uint64_t counter,
                                            const uint8_t order[KC_DIGEST_SIZE]);
/* Loads partner and payment of an order. The reporter is the payer for `as_payer`. A partner that the bank does not know so, or
 * an amount that cannot be counted, is an objection, in *objection. *is_new when nobody reported the payment before. */
KC_MUST_USE struct kc_result kc_count_load_sides(struct kc_payment_sides *sides,
                                                 struct kc_purse_row *partner, bool *is_new,
                                                 enum kc_error *objection, struct kc_report *report,
                                                 const struct kc_ledger_record *record,
                                                 bool as_payer);
/* Saves the partner where it differs from *before. */
KC_MUST_USE struct kc_result kc_count_save_changed(struct kc_report *report,
                                                   const struct kc_purse_row *before,
                                                   struct kc_purse_row *partner);
/* A noted payment, with the answer that the record holds, against what its payee's chain has at its counter. */
KC_MUST_USE struct kc_result kc_count_decide_noted(struct kc_report *report,
                                                   const struct kc_ledger_record *record,
                                                   struct kc_payment_sides *sides);
/* The payee signed a receipt, and refused the payment: the payer's purse knows it as taken, and so it is. `first` makes it noted.
 */
KC_MUST_USE struct kc_result kc_count_book_refused(struct kc_report *report,
                                                   struct kc_payment_sides *sides,
                                                   enum kc_payment_step first);
/* The payee's answer contradicts what it answered or reported before. */
KC_MUST_USE struct kc_result kc_count_accuse_answerer(struct kc_report *report,
                                                      const struct kc_ledger_record *record,
                                                      struct kc_payment_sides *sides);

#endif
