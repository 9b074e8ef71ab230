/* Proofs in words, for people. */
#ifndef KC_EVIDENCE_WORDS_H
#define KC_EVIDENCE_WORDS_H

#include "evidence/evidence.h"

#define KC_EVIDENCE_WORDS_SIZE 320

/* What a rule says of the purse, such as "two payments carry the same counter". Never NULL. */
const char *kc_evidence_rule_words(enum kc_proof_rule rule);

/* "copied-or-restored" or "overspent": the reason of the alert that the rule proves. */
enum kc_error kc_evidence_reason(enum kc_proof_rule rule);

/* One line on what a statement says, without a line break. */
void kc_evidence_statement_words(char out[KC_EVIDENCE_WORDS_SIZE],
                                 const struct kc_statement *statement,
                                 const struct kc_evidence_finding *finding, unsigned decimals);

/* One line on the sums of an overspent history. */
void kc_evidence_sums_words(char out[KC_EVIDENCE_WORDS_SIZE],
                            const struct kc_evidence_finding *finding, unsigned decimals);

#endif
