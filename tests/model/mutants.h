/* Faults that a test puts between ledger and store: the crash points that every run has, and
 * mutants, which are bugs that the checks must find. Nothing of this exists outside the tests. */
#ifndef KC_TESTS_MUTANTS_H
#define KC_TESTS_MUTANTS_H

#include "world.h"

enum commit_fault { COMMIT_GOOD, COMMIT_FAILS, COMMIT_UNHEARD };

#define MUTANTS(X)                                                                                 \
    X(NONE, "none")                                                                                \
    X(POSTING_LOST, "a posting is not written")                                                    \
    X(BALANCE_LOST, "an account's new balance is not written")                                     \
    X(BALANCE_TWICE, "a change of a balance is booked twice")                                      \
    X(SHADOW_LOST, "a purse's new value is not written")                                           \
    X(SHADOW_TWICE, "a change of a shadow is booked twice")                                        \
    X(STAMP_LOST, "the time stamp last seen is not kept")                                          \
    X(COUNTER_LOST, "a purse's counter is not kept")                                               \
    X(BLOCK_LOST, "a purse that was taken out of use is still in use")                             \
    X(TRANSACTION_LOST, "the end of a transaction is not written")                                 \
    X(TRANSACTION_FORGOTTEN, "a transaction is sometimes not found")                               \
    X(TOTALS_LOST, "the totals are sometimes not written")                                         \
    X(BATCH_LOST, "a batch is not chained")                                                        \
    X(ALERT_LOST, "an alert is not kept")                                                          \
    X(EVIDENCE_LOST, "a signed message is not kept")                                               \
    X(COMMIT_LIES, "a commit is acknowledged and was not made")

enum mutant {
#define MUTANT_MEMBER(name, words) MUTANT_##name,
    MUTANTS(MUTANT_MEMBER)
#undef MUTANT_MEMBER
        MUTANT_COUNT
};

extern enum commit_fault mutants_commit;
extern enum mutant mutants_active;

const char *mutant_name(enum mutant mutant);
/* For struct world's `spoil`. */
void mutants_spoil(struct world *world);

#endif
