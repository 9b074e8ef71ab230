/* What is broken on purpose: the shipped code, linked with functions of it that misbehave. */
#ifndef KC_TESTS_EXHAUSTIVE_MUTANTS_H
#define KC_TESTS_EXHAUSTIVE_MUTANTS_H

enum mutant {
    MUTANT_NONE,
    MUTANT_NO_RESERVE,
    MUTANT_CREDIT_TWICE,
    MUTANT_ANY_COUNTER,
    MUTANT_LOG_UNSYNCED,
    MUTANT_LOG_UNSYNCED_UNCHECKED,
    MUTANT_STAMP_REPEATED,
    MUTANT_ANY_REPLY,
    MUTANT_OWN_ENTRIES_FORGOTTEN,
    MUTANT_RECEIPT_LEFT,
    MUTANT_WORD_UNHEARD,
    MUTANT_RELEASED_EARLY,
    MUTANT_COUNTED_TWICE,
    MUTANT_BOOKED_TWICE,
    MUTANT_NEVER_RELEASED,
    MUTANT_CERTIFIES_MORE,
    MUTANT_REPEAT_ACCUSED,
    MUTANTS,
};

extern enum mutant mutant_on;

/* Stands in the copy of payee.c for the comparison of counters. */
#define MUTANT_TAKES(counter, next)                                                                \
    ((counter) == (next) ||                                                                        \
     (mutant_on == MUTANT_ANY_COUNTER && (counter) != 0 && (counter) < (next)))

#endif
