/* The signatures of the evidence: what the audit asks of the bank, because the ledger knows no signatures. */
#include "bank/audit.h"

#include <string.h>

/* The message that evidence of a kind is. */
static const struct kc_shape *shape_of(enum kc_evidence_kind kind)
{
    switch (kind) {
    case KC_EVIDENCE_REQUEST:
        return &kc_cash_request_shape;
    case KC_EVIDENCE_ANSWER:
        return &kc_cash_answer_shape;
    case KC_EVIDENCE_STATE:
        return &kc_state_request_shape;
    case KC_EVIDENCE_FUND:
        return &kc_fund_request_shape;
    case KC_EVIDENCE_OPEN:
        return &kc_open_request_shape;
    case KC_EVIDENCE_CONFIRM:
        return &kc_confirm_request_shape;
    case KC_EVIDENCE_CANCEL:
        return &kc_cancel_request_shape;
    case KC_EVIDENCE_IDENTIFY:
        return &kc_identify_request_shape;
    }
    return NULL;
}

static bool is_registrars(enum kc_evidence_kind kind)
{
    return kind == KC_EVIDENCE_OPEN || kind == KC_EVIDENCE_CONFIRM || kind == KC_EVIDENCE_CANCEL ||
           kind == KC_EVIDENCE_IDENTIFY;
}

/* The key kept for a signer id, which must be the one that the id was made of. */
static struct kc_result load_key(struct kc_public_key *out, const struct kc_evidence_verifier *by,
                                 const struct kc_signer_id *id)
{
    struct kc_signer_row row;
    struct kc_signer_id made;
    struct kc_result result = by->store->signer_get(by->store->context, &row, id->bytes);
    if (!kc_failed(result)) {
        result = kc_key_decode(out, kc_view(row.key, row.size));
    }
    if (kc_failed(result)) {
        return result;
    }
    kc_signer_id_make(&made, by->crypto, kc_signer_id_holder(id), out);
    return kc_result(memcmp(&made, id, sizeof made) == 0 ? KC_OK : KC_UNKNOWN_SIGNER);
}

bool kc_bank_verify_evidence(const struct kc_evidence_verifier *by,
                             const struct kc_evidence_row *row, struct kc_account_id account)
{
    struct kc_signed message;
    struct kc_public_key key;
    const struct kc_shape *shape = shape_of(row->kind);
    uint64_t holder = is_registrars(row->kind) ? KC_SERVER_REGISTRAR : account.number;
    struct kc_result result = kc_signed_parse(&message, kc_view(row->bytes, row->size));
    if (kc_failed(result) || shape == NULL || kc_signer_id_holder(&message.signer) != holder) {
        return false;
    }
    result = load_key(&key, by, &message.signer);
    return !kc_failed(result) &&
           !kc_failed(kc_signed_verify(&message, by->crypto, &key, by->realm, shape->domain));
}
