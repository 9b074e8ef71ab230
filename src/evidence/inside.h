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
    struct kc_identity accused;
    struct kc_evidence_part parts[KC_EVIDENCE_ITEMS_MAX];
};

/* Verifies an item and adds what it states. */
KC_MUST_USE struct kc_result kc_evidence_read_item(struct kc_evidence_case *about, size_t item);

/* Whether the one report pays more than the purse held, and where. KC_NOT_PROVEN. Errors of partners' identities. */
KC_MUST_USE struct kc_result kc_evidence_overspent(struct kc_evidence_finding *out,
                                                   struct kc_evidence_case *about);

#endif
