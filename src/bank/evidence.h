/* Evidence files at the bank: from an alert to a file that a stranger can check (docs/protocol.md "Evidence files"). */
#ifndef KC_BANK_EVIDENCE_H
#define KC_BANK_EVIDENCE_H

#include "bank/rolls.h"
#include "evidence/evidence.h"
#include "ledger/store.h"

/* What the bank needs to make one: the kept messages, and the keys that open and sign. */
struct kc_prover {
    const struct kc_store *store;
    const struct kc_crypto *crypto;
    struct kc_realm realm;
    uint64_t decimals;
    const struct kc_bank_keys *keys; /* all that the bank ever had, as far as they are kept */
};

struct kc_proof {
    struct kc_alert_row alert;
    struct kc_account_id account;
    struct kc_evidence_finding finding;
    size_t size;
    uint8_t bytes[KC_EVIDENCE_SIZE_MAX];
};

/* The alert of this number. KC_NOT_FOUND and the store's errors. */
KC_MUST_USE struct kc_result kc_bank_find_alert(struct kc_alert_row *out,
                                                const struct kc_store *store, uint64_t number);

/* How a kind of evidence is called. */
const char *kc_bank_evidence_word(enum kc_evidence_kind kind);

/* Makes the file of out->alert. Looks first at the two messages that the alert names, then for whatever else is kept of the
 * accused purse's signatures that excludes one of them; the content keys of at most two messages get into the file. What was
 * made is verified again as a stranger would. KC_NOT_PROVEN for an alert that accuses nobody, or a card without keys, for which
 * nobody signed, and when nothing kept proves it to a stranger; KC_NO_MEMORY and the store's errors. Nothing is changed. */
KC_MUST_USE struct kc_result kc_bank_prove(struct kc_proof *out, const struct kc_prover *prover,
                                           uint64_t now_ms);

#endif
