/* Shared by the files of this room only. */
#ifndef KC_EVIDENCE_INSIDE_H
#define KC_EVIDENCE_INSIDE_H

#include "evidence/evidence.h"
#include "message/identity.h"

/* One proof being examined. */
struct kc_evidence_case {
    struct kc_evidence_work *work;
    const struct kc_crypto *crypto;
    const struct kc_public_key *bank;
    const struct kc_evidence_content *content;
    struct kc_identity accused; /* with the key of the item that is being read */
    struct kc_evidence_part parts[KC_EVIDENCE_ITEMS_MAX + 1];
    /* Over a renewal: the entry that ended the older key; 0 when nothing shows it. */
    uint64_t close_counter;
    uint64_t close_ms;
};

/* The place of the report that shows where the older key ended, behind the items. */
#define KC_EVIDENCE_CLOSE_AT KC_EVIDENCE_ITEMS_MAX

/* Opens an identity of the accused purse. KC_MISMATCH for another's. */
KC_MUST_USE struct kc_result kc_evidence_open_own(struct kc_identity *out,
                                                  const struct kc_evidence_case *about,
                                                  struct kc_view identity);

/* Verifies an item and adds what it states. */
KC_MUST_USE struct kc_result kc_evidence_read_item(struct kc_evidence_case *about, size_t item,
                                                   const struct kc_evidence_item *given);

/* Verifies identities, items and close of what was signed before and after a renewal. */
KC_MUST_USE struct kc_result kc_evidence_read_renewed(struct kc_evidence_case *about);

/* Whether the statement may be held against others: not when it is of the older key and not shown to be before its end. */
bool kc_evidence_counts(const struct kc_evidence_case *about, const struct kc_statement *statement);

/* Verifies all of the content and looks for the proof that the file names, and for nothing else. */
KC_MUST_USE struct kc_result
kc_evidence_check(struct kc_evidence_finding *out, struct kc_evidence_work *work,
                  const struct kc_crypto *crypto, const struct kc_public_key *bank,
                  const struct kc_evidence_content *content, const struct kc_evidence_file *file);

/* Whether the one report pays more than the purse held, and where. KC_NOT_PROVEN. Errors of partners' identities. */
KC_MUST_USE struct kc_result kc_evidence_overspent(struct kc_evidence_finding *out,
                                                   struct kc_evidence_case *about);

#endif
