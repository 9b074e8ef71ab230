/* The bank's part of the audit: signatures. */
#ifndef KC_BANK_AUDIT_H
#define KC_BANK_AUDIT_H

#include "ledger/ledger.h"
#include "message/cose.h"

struct kc_evidence_verifier {
    const struct kc_store *store;
    const struct kc_crypto *crypto;
    const struct kc_realm *realm;
};

/* Whether a kept message is of its kind and signed by who must have signed it, by the key that is kept for that signer:
 * for purses the holder of `account`, for the opening of accounts the registrar. */
bool kc_bank_verify_evidence(const struct kc_evidence_verifier *by,
                             const struct kc_evidence_row *row, struct kc_account_id account);

/* Whether a payment order is signed by its payer, with a key of that account which is kept. */
bool kc_bank_verify_order(const struct kc_evidence_verifier *by, struct kc_view order,
                          struct kc_account_id payer);

#endif
