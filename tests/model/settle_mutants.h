/* Mutants between ledger and store that the settlement simulator must find, and commits that fail. */
#ifndef KC_TESTS_SETTLE_MUTANTS_H
#define KC_TESTS_SETTLE_MUTANTS_H

#include "../unit/ledger/world.h"

#define MUTANTS(X)                                                                                 \
    X(NONE, "none")                                                                                \
    X(PAYMENT_LOST, "a payment is not written")                                                    \
    X(PAYMENT_FORGOTTEN, "a payment is sometimes not found")                                       \
    X(AHEAD_LOST, "what is booked on the partner's side is not written")                           \
    X(AHEAD_TWICE, "what is booked on the partner's side is booked twice")                         \
    X(OTHERS_UNSEEN, "payments of a payer are not looked up")                                      \
    X(PASSED_UNSEEN, "payments to a payee's counters are not looked up")                           \
    X(OPEN_UNTOLD, "releases are not told")                                                        \
    X(ALERT_LOST, "an alert is not kept")                                                          \
    X(COUNTER_LOST, "a purse's counter is not kept")                                               \
    X(POSTING_LOST, "a posting is not written")                                                    \
    X(GAP_LOST, "a gap is sometimes not written")                                                  \
    X(GAP_FORGOTTEN, "a gap is sometimes not found")                                               \
    X(GAP_UNENDED, "gaps are not ended")                                                           \
    X(GAP_UNSEEN, "open gaps are not looked up")                                                   \
    X(OWED_LOST, "what a purse owes is not written")                                               \
    X(BALANCE_LOST, "what was claimed stays in the account")

enum mutant {
#define MUTANT_MEMBER(name, words) MUTANT_##name,
    MUTANTS(MUTANT_MEMBER)
#undef MUTANT_MEMBER
        MUTANT_COUNT
};

extern const char *const settle_mutant_words[MUTANT_COUNT];
extern enum mutant settle_mutant;
extern bool settle_commit_fails;

/* For struct world's `spoil`. */
void settle_spoil(struct world *world);

#endif
