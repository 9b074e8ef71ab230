/* An account moved to a new purse, at the bank of a world: what the registrar asks for, and the new keys. */
#include <string.h>

#include "base/assert.h"
#include "whole_authority.h"
#include "whole_bank.h"

/* Where the numbers of new purses' keys begin. */
#define NEW_KEYS UINT64_C(0x200000000)

struct kc_result whole_bank_move(struct kc_purse_id *purse, struct whole *whole, unsigned holder,
                                 uint8_t id)
{
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    uint64_t due_ms = 0;
    struct kc_ledger_opened opened = {.purse = {0}};
    struct kc_move_request request;
    struct kc_ledger *ledger = &whole->bank.ledger;
    memset(&request, 0, sizeof request);
    memset(request.id, id, sizeof request.id);
    request.account = whole->holders[holder].account;
    request.suite = KC_SUITE_ES256;
    request.log_policy = KC_LOG_POLICY_REFUSE;
    request.time_ms = whole->now_ms;
    struct kc_ledger_source source =
        whole_bank_registrar(whole, kc_view(&request, sizeof request), key);
    struct kc_result result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_move(&opened, &due_ms, ledger, &request, &source);
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    *purse = opened.purse;
    return result;
}

void whole_bank_newcomer(struct whole *whole, unsigned holder, struct kc_purse_id purse)
{
    struct whole_holder *newcomer = &whole->newcomer;
    const struct whole_base *base = whole->base;
    struct kc_buffer identity = KC_BUFFER(newcomer->identity);
    *newcomer = (struct whole_holder){.type = whole->holders[holder].type,
                                      .account = whole->holders[holder].account,
                                      .purse = purse};
    uint64_t number = NEW_KEYS + base->options.seed * 64 + 2 * holder;
    ideal_key(&newcomer->sign_key, &newcomer->sign_public, number);
    ideal_key(&newcomer->encrypt_key, &newcomer->encrypt_public, number + 1);
    kc_signer_id_make(&newcomer->signer_id, &whole->bank.crypto, newcomer->account.number,
                      &newcomer->sign_public);
    whole->newcomer_claims = (struct kc_identity){.bank = base->realm.bank,
                                                  .purse_type = newcomer->type,
                                                  .account = newcomer->account,
                                                  .purse = purse,
                                                  .issued_s = whole->now_ms / 1000,
                                                  .expires_s = WHOLE_EXPIRES_MS / 1000,
                                                  .key = newcomer->sign_public};
    identity.size = 0;
    struct kc_result result = kc_identity_sign(&identity, &whole->bank.crypto, &base->bank_sign,
                                               &base->realm, &whole->newcomer_claims);
    KC_ASSERT(!kc_failed(result));
    newcomer->identity_size = identity.size;
    whole_authority_newcomer(whole, holder);
}

struct kc_result whole_bank_confirm_move(struct kc_buffer *out, struct whole *whole)
{
    uint8_t bytes[KC_RECORD_SIZE_MAX];
    uint8_t key[KC_COSE_KEY_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_buffer encoded = KC_BUFFER(bytes);
    struct kc_certified certified;
    struct kc_ledger *ledger = &whole->bank.ledger;
    struct kc_confirm_request request;
    memset(&request, 0, sizeof request);
    request.account = whole->newcomer.account;
    request.purse = whole->newcomer.purse;
    request.time_ms = whole->now_ms;
    struct kc_ledger_source source =
        whole_bank_registrar(whole, kc_view(&request, sizeof request), key);
    struct kc_result result = kc_identity_encode(&encoded, &whole->newcomer_claims);
    KC_ASSERT(!kc_failed(result));
    kc_digest(&whole->bank.crypto, digest, kc_buffer_view(&encoded));
    result = kc_ledger_begin(ledger, whole->now_ms);
    if (!kc_failed(result)) {
        result = kc_ledger_confirm_account(&certified, ledger, &request, digest, &source);
        if (!kc_failed(result)) {
            result = whole_bank_keep_keys(whole, &whole->newcomer);
        }
        struct kc_result committed = kc_ledger_commit(ledger);
        result = kc_failed(committed) ? committed : result;
    }
    return kc_failed(result) ? result
                             : kc_bank_certify(out, &whole->bank, &whole->thread, &certified);
}
