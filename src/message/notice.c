#include "message/notice.h"

#include <string.h>

#define PLAIN_SIZE_MAX 2000u

_Static_assert(PLAIN_SIZE_MAX >= KC_NOTICE_ISSUER_SIZE_MAX + 2u * (KC_COSE_KEY_SIZE_MAX + 3u) + 96u,
               "a certificate and two keys fit");
_Static_assert(KC_NOTICE_SIZE_MAX >= PLAIN_SIZE_MAX + KC_SIGNATURE_SIZE_MAX + 48u,
               "and the signature");

struct kc_result kc_notice_make(struct kc_buffer *out, const struct kc_crypto *crypto,
                                const struct kc_signer *signer, const struct kc_realm *realm,
                                const struct kc_noticed_keys *notice)
{
    uint8_t verify_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t encrypt_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t plain_bytes[PLAIN_SIZE_MAX];
    struct kc_buffer verify = KC_BUFFER(verify_bytes);
    struct kc_buffer encrypt = KC_BUFFER(encrypt_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    out->size = 0;
    if (notice->issuer.size > KC_NOTICE_ISSUER_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_key_encode(&verify, &notice->verify_key);
    if (!kc_failed(result)) {
        result = kc_key_encode(&encrypt, &notice->encrypt_key);
    }
    struct kc_authority_notice record = {.bank = notice->bank,
                                         .number = notice->number,
                                         .time_ms = notice->time_ms,
                                         .issuer = notice->issuer,
                                         .from_ms = notice->from_ms,
                                         .verify_key = kc_buffer_view(&verify),
                                         .encrypt_key = kc_buffer_view(&encrypt)};
    memcpy(record.root, notice->root, KC_DIGEST_SIZE);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_authority_notice_shape, &record);
    }
    return kc_failed(result) ? result
                             : kc_sign(out, crypto, signer, realm, kc_authority_notice_shape.domain,
                                       0, kc_buffer_view(&plain));
}

struct kc_result kc_notice_read(struct kc_noticed_keys *out, struct kc_signed *parsed,
                                struct kc_view bytes)
{
    struct kc_authority_notice record;
    if (bytes.size > KC_NOTICE_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_signed_parse(parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&record, &kc_authority_notice_shape, parsed->payload);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (record.number == 0 || record.number > KC_NOTICE_NUMBER_MAX || record.issuer.size == 0) {
        return kc_result(KC_MALFORMED);
    }
    *out = (struct kc_noticed_keys){.bank = record.bank,
                                    .number = record.number,
                                    .time_ms = record.time_ms,
                                    .issuer = record.issuer,
                                    .from_ms = record.from_ms};
    memcpy(out->root, record.root, KC_DIGEST_SIZE);
    result = kc_key_decode(&out->verify_key, record.verify_key);
    return kc_failed(result) ? result : kc_key_decode(&out->encrypt_key, record.encrypt_key);
}

uint64_t kc_notice_number(struct kc_view bytes)
{
    struct kc_noticed_keys told;
    struct kc_signed parsed;
    return kc_failed(kc_notice_read(&told, &parsed, bytes)) ? 0 : told.number;
}
