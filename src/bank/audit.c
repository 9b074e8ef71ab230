/* The signatures of the evidence: what the audit asks of the bank, because the ledger knows no signatures. */
#include "bank/audit.h"

#include <string.h>

#include "bank/pairs.h"

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
    case KC_EVIDENCE_LOST:
        return &kc_lost_request_shape;
    case KC_EVIDENCE_REISSUE:
        return &kc_reissue_request_shape;
    case KC_EVIDENCE_TRANSFER:
        return &kc_transfer_request_shape;
    case KC_EVIDENCE_CHARGE:
        return &kc_charge_order_shape;
    case KC_EVIDENCE_CLOSE:
        return &kc_close_request_shape;
    case KC_EVIDENCE_MOVE:
        return &kc_move_request_shape;
    case KC_EVIDENCE_COUNTER:
        return &kc_counter_request_shape;
    case KC_EVIDENCE_RENEW:
        return &kc_renew_request_shape;
    case KC_EVIDENCE_CLAIM:
        return &kc_claim_request_shape;
    case KC_EVIDENCE_SETTLE:
        return &kc_settle_request_shape;
    case KC_EVIDENCE_GIVE_BACK:
    case KC_EVIDENCE_RECORD:
    case KC_EVIDENCE_OTHER_RECORD:
        break;
    }
    return NULL;
}

static bool is_registrars(enum kc_evidence_kind kind)
{
    return kind == KC_EVIDENCE_OPEN || kind == KC_EVIDENCE_CONFIRM || kind == KC_EVIDENCE_CANCEL ||
           kind == KC_EVIDENCE_IDENTIFY || kind == KC_EVIDENCE_LOST ||
           kind == KC_EVIDENCE_REISSUE || kind == KC_EVIDENCE_CHARGE || kind == KC_EVIDENCE_CLOSE ||
           kind == KC_EVIDENCE_MOVE || kind == KC_EVIDENCE_COUNTER;
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

/* ---- orders and answers: they name their purse, and no key ---- */

struct trying {
    const struct kc_evidence_verifier *by;
    const struct kc_signed *message;
    const char *domain;
    bool good;
};

static bool try_key(void *owner, const struct kc_signer_row *row)
{
    struct trying *trying = owner;
    struct kc_public_key key;
    struct kc_signer_id id;
    memcpy(id.bytes, row->signer, sizeof id.bytes);
    trying->good = !kc_failed(load_key(&key, trying->by, &id)) &&
                   !kc_failed(kc_brief_verify(trying->message, trying->by->crypto, &key,
                                              trying->by->realm, trying->domain));
    return !trying->good;
}

/* The purse that says that it signed a message, or 0. */
static uint64_t purse_of(const struct kc_signed *message, const struct kc_shape *shape)
{
    struct kc_payment_order order;
    struct kc_receipt receipt;
    struct kc_decline decline;
    struct kc_give_back word;
    if (shape == &kc_give_back_shape) {
        return kc_failed(kc_shape_decode(&word, shape, message->payload)) ? 0 : word.purse.number;
    }
    if (shape == &kc_payment_order_shape) {
        return kc_failed(kc_shape_decode(&order, shape, message->payload))
                   ? 0
                   : order.payer_purse.number;
    }
    if (shape == &kc_receipt_shape) {
        return kc_failed(kc_shape_decode(&receipt, shape, message->payload))
                   ? 0
                   : receipt.payee_purse.number;
    }
    return kc_failed(kc_shape_decode(&decline, shape, message->payload))
               ? 0
               : decline.payee_purse.number;
}

static bool verify_kept(const struct kc_evidence_verifier *by, const struct kc_signed *message,
                        const uint8_t *bytes, size_t size, const struct kc_shape *shape)
{
    struct kc_public_key key;
    return !kc_failed(kc_key_decode(&key, kc_view(bytes, size))) &&
           !kc_failed(kc_brief_verify(message, by->crypto, &key, by->realm, shape->domain));
}

/* With a key that the purse renewed, or renews. Before it reported its close entry the bank took what either key had signed
 * (settle.c), for any later counter, and what was booked so stays booked. */
static bool verify_renewed(const struct kc_evidence_verifier *by, const struct kc_signed *message,
                           uint64_t account, const struct kc_shape *shape)
{
    struct kc_renewal_row row;
    const struct kc_store *store = by->store;
    uint64_t purse = purse_of(message, shape);
    uint64_t counter = 1;
    for (size_t i = 0; i < KC_BANK_RENEWALS_MAX; i++) {
        if (kc_failed(store->renewal_at(store->context, &row, purse, counter))) {
            break;
        }
        if (row.account.number == account &&
            verify_kept(by, message, row.old_sign_key, row.old_sign_size, shape)) {
            return true;
        }
        counter = row.counter + 2;
    }
    return !kc_failed(store->renewal_last(store->context, &row, purse)) &&
           row.account.number == account && row.state == KC_RENEWAL_WAITING &&
           verify_kept(by, message, row.sign_key, row.sign_size, shape);
}

/* With the key that is kept of the purse; where none is, with any that is kept of the account. */
static bool verify_brief(const struct kc_evidence_verifier *by, struct kc_view bytes,
                         uint64_t account, const struct kc_shape *shape)
{
    struct kc_signed message;
    struct kc_purse_key_row keys;
    struct kc_public_key key;
    const struct kc_store *store = by->store;
    if (kc_failed(kc_brief_parse(&message, bytes)) ||
        kc_shape_number(message.payload) != shape->number) {
        return false;
    }
    if (verify_renewed(by, &message, account, shape)) {
        return true;
    }
    struct kc_result result =
        store->purse_key_get(store->context, &keys, purse_of(&message, shape));
    if (result.code != KC_NOT_FOUND) {
        return !kc_failed(result) && keys.account.number == account &&
               !kc_failed(kc_key_decode(&key, kc_view(keys.sign_key, keys.sign_size))) &&
               !kc_failed(kc_brief_verify(&message, by->crypto, &key, by->realm, shape->domain));
    }
    struct trying trying = {.by = by, .message = &message, .domain = shape->domain};
    const struct kc_store_scan scan = {.owner = &trying, .signer = try_key};
    return !kc_failed(store->scan_signers(store->context, &scan, account)) && trying.good;
}

/* An order with a MAC is that of a card without keys, whose secret the books keep, or none. */
static bool is_of_card(const struct kc_evidence_verifier *by, const struct kc_signed *message,
                       struct kc_account_id payer)
{
    struct kc_purse_row card;
    uint64_t number = purse_of(message, &kc_payment_order_shape);
    return !kc_failed(by->store->purse_get(by->store->context, &card, number)) &&
           card.type == KC_PURSE_TYPE_BEARER && card.account.number == payer.number &&
           !kc_failed(kc_brief_verify_mac(message, by->crypto, card.identity_digest, by->realm,
                                          kc_payment_order_shape.domain));
}

bool kc_bank_verify_order(const struct kc_evidence_verifier *by, struct kc_view order,
                          struct kc_account_id payer)
{
    struct kc_signed message;
    if (!kc_failed(kc_brief_parse(&message, order)) && kc_brief_has_mac(&message)) {
        return is_of_card(by, &message, payer);
    }
    return verify_brief(by, order, payer.number, &kc_payment_order_shape);
}

static bool verify_answer(const struct kc_evidence_verifier *by, struct kc_view answer,
                          struct kc_account_id payee)
{
    return verify_brief(by, answer, payee.number, &kc_receipt_shape) ||
           verify_brief(by, answer, payee.number, &kc_decline_shape);
}

/* A record proves by the payer's order in it, or by the answer of the account that it is kept against. */
static bool verify_record(const struct kc_evidence_verifier *by, const struct kc_evidence_row *row,
                          struct kc_account_id account)
{
    struct kc_log_record record;
    struct kc_signed parsed;
    struct kc_payment_order order;
    if (kc_failed(kc_shape_decode(&record, &kc_log_record_shape, kc_view(row->bytes, row->size)))) {
        return false;
    }
    bool ordered = record.has_order && !kc_failed(kc_brief_parse(&parsed, record.order)) &&
                   !kc_failed(kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload)) &&
                   kc_bank_verify_order(by, record.order, order.payer);
    return ordered || (record.has_answer && verify_answer(by, record.answer, account));
}

bool kc_bank_verify_evidence(const struct kc_evidence_verifier *by,
                             const struct kc_evidence_row *row, struct kc_account_id account)
{
    struct kc_signed message;
    struct kc_public_key key;
    const struct kc_shape *shape = shape_of(row->kind);
    if (row->kind == KC_EVIDENCE_RECORD || row->kind == KC_EVIDENCE_OTHER_RECORD) {
        return verify_record(by, row, account);
    }
    if (row->kind == KC_EVIDENCE_GIVE_BACK) {
        return verify_brief(by, kc_view(row->bytes, row->size), account.number,
                            &kc_give_back_shape);
    }
    uint64_t holder = is_registrars(row->kind) ? KC_SERVER_REGISTRAR : account.number;
    struct kc_result result = kc_signed_parse(&message, kc_view(row->bytes, row->size));
    if (kc_failed(result) || shape == NULL || kc_signer_id_holder(&message.signer) != holder) {
        return false;
    }
    result = load_key(&key, by, &message.signer);
    return !kc_failed(result) &&
           !kc_failed(kc_signed_verify(&message, by->crypto, &key, by->realm, shape->domain));
}
