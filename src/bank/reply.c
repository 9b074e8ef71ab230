/* Answers: sealed for the one who asked, signed by the bank. */
#include <string.h>

#include "bank/bank.h"
#include "base/clock.h"

_Static_assert(KC_SIGNER_SIZE == KC_SIGNER_ID_SIZE, "the ledger keeps signer ids whole");

struct kc_ledger_source kc_bank_source(const struct kc_bank_item *item)
{
    struct kc_ledger_source source = {.bytes = item->bytes,
                                      .key = kc_view(item->signer_key, item->signer_key_size)};
    memcpy(source.digest, item->digest, KC_DIGEST_SIZE);
    memcpy(source.signer, item->signer.id.bytes, KC_SIGNER_SIZE);
    return source;
}

static struct kc_signer signer_of(const struct kc_bank *bank)
{
    return (struct kc_signer){.key = &bank->sign_key, .id = bank->signer_id};
}

struct kc_result kc_bank_reply(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item, uint64_t time_ms,
                               const struct kc_shape *shape, const void *message)
{
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    struct kc_signer signer = signer_of(bank);
    struct kc_result result =
        kc_envelope_make(&out, &thread->work, &thread->crypto, &signer, &item->signer.encrypt_key,
                         &bank->realm, time_ms, shape, message);
    item->reply_size = out.size;
    item->status = 200;
    return result;
}

struct kc_result kc_bank_vouch(struct kc_buffer *out, const struct kc_bank *bank,
                               struct kc_bank_thread *thread, const struct kc_voucher *voucher)
{
    uint8_t encoded[KC_CERTIFIED_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(encoded);
    struct kc_signer signer = signer_of(bank);
    struct kc_result result = kc_shape_encode(&plain, &kc_voucher_shape, voucher);
    return kc_failed(result) ? result
                             : kc_sign(out, &thread->crypto, &signer, &bank->realm,
                                       kc_voucher_shape.domain, 0, kc_buffer_view(&plain));
}

struct kc_result kc_bank_certify(struct kc_buffer *out, struct kc_bank *bank,
                                 struct kc_bank_thread *thread,
                                 const struct kc_certified *certified)
{
    uint8_t encoded[KC_CERTIFIED_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(encoded);
    struct kc_signer signer = signer_of(bank);
    struct kc_result result = kc_shape_encode(&plain, &kc_certified_shape, certified);
    if (kc_failed(result)) {
        return result;
    }
    result = kc_sign(out, &thread->crypto, &signer, &bank->realm, kc_certified_shape.domain, 0,
                     kc_buffer_view(&plain));
    if (!kc_failed(result)) {
        uint8_t name[KC_DIGEST_SIZE];
        kc_known_name(name, &thread->crypto, &bank->realm, kc_certified_shape.domain,
                      &bank->sign_public, kc_buffer_view(out));
        kc_known_add(&bank->known, name);
    }
    return result;
}
