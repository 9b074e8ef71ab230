#include "message/roll.h"

#define INNER_SIZE_MAX 1792u
#define PLAIN_SIZE_MAX 1344u

_Static_assert(PLAIN_SIZE_MAX >= 3u * (KC_COSE_KEY_SIZE_MAX + 3u) + 64u, "three keys fit");

/* What the new key signs. */
static struct kc_result sign_inner(struct kc_buffer *out, const struct kc_crypto *crypto,
                                   const struct kc_roll_signers *signers,
                                   const struct kc_realm *realm, const struct kc_roll *roll)
{
    uint8_t former_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t sign_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t encrypt_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t plain_bytes[PLAIN_SIZE_MAX];
    struct kc_buffer former = KC_BUFFER(former_bytes);
    struct kc_buffer sign = KC_BUFFER(sign_bytes);
    struct kc_buffer encrypt = KC_BUFFER(encrypt_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_key_roll record = {.bank = roll->bank,
                                 .number = roll->number,
                                 .from_ms = roll->from_ms,
                                 .until_ms = roll->until_ms};
    struct kc_result result = kc_key_encode(&former, &roll->former_key);
    if (!kc_failed(result)) {
        result = kc_key_encode(&sign, &roll->sign_key);
    }
    if (!kc_failed(result)) {
        result = kc_key_encode(&encrypt, &roll->encrypt_key);
    }
    record.former_key = kc_buffer_view(&former);
    record.sign_key = kc_buffer_view(&sign);
    record.encrypt_key = kc_buffer_view(&encrypt);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_key_roll_shape, &record);
    }
    return kc_failed(result) ? result
                             : kc_sign(out, crypto, &signers->signer, realm,
                                       kc_key_roll_shape.domain, 0, kc_buffer_view(&plain));
}

struct kc_result kc_roll_make(struct kc_buffer *out, const struct kc_crypto *crypto,
                              const struct kc_roll_signers *signers, const struct kc_realm *realm,
                              const struct kc_roll *roll)
{
    uint8_t inner_bytes[INNER_SIZE_MAX];
    uint8_t plain_bytes[INNER_SIZE_MAX + 16];
    struct kc_buffer inner = KC_BUFFER(inner_bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_rolled_keys outer;
    out->size = 0;
    if (roll->number == 0 || roll->until_ms < roll->from_ms) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_result result = sign_inner(&inner, crypto, signers, realm, roll);
    outer.roll = kc_buffer_view(&inner);
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_rolled_keys_shape, &outer);
    }
    return kc_failed(result) ? result
                             : kc_sign(out, crypto, &signers->former, realm,
                                       kc_rolled_keys_shape.domain, 0, kc_buffer_view(&plain));
}

/* The two signed parts and the record in them. */
struct taken_apart {
    struct kc_signed outer;
    struct kc_signed inner;
    struct kc_key_roll record;
};

static struct kc_result take_apart(struct taken_apart *parts, struct kc_roll *out,
                                   struct kc_view bytes)
{
    struct kc_rolled_keys outer;
    if (bytes.size > KC_ROLL_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_signed_parse(&parts->outer, bytes);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&outer, &kc_rolled_keys_shape, parts->outer.payload);
    }
    if (!kc_failed(result)) {
        result = kc_signed_parse(&parts->inner, outer.roll);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&parts->record, &kc_key_roll_shape, parts->inner.payload);
    }
    if (kc_failed(result)) {
        return result;
    }
    *out = (struct kc_roll){.bank = parts->record.bank,
                            .number = parts->record.number,
                            .from_ms = parts->record.from_ms,
                            .until_ms = parts->record.until_ms};
    result = kc_key_decode(&out->former_key, parts->record.former_key);
    if (!kc_failed(result)) {
        result = kc_key_decode(&out->sign_key, parts->record.sign_key);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(&out->encrypt_key, parts->record.encrypt_key);
    }
    return !kc_failed(result) && out->number == 0 ? kc_result(KC_MALFORMED) : result;
}

struct kc_result kc_roll_read(struct kc_roll *out, struct kc_view bytes)
{
    struct taken_apart parts;
    return take_apart(&parts, out, bytes);
}

struct kc_result kc_roll_open(struct kc_roll *out, const struct kc_crypto *crypto,
                              const struct kc_realm *realm, struct kc_view bytes)
{
    struct taken_apart parts;
    struct kc_result result = take_apart(&parts, out, bytes);
    if (!kc_failed(result)) {
        result = kc_signed_verify(&parts.outer, crypto, &out->former_key, realm,
                                  kc_rolled_keys_shape.domain);
    }
    if (!kc_failed(result)) {
        result =
            kc_signed_verify(&parts.inner, crypto, &out->sign_key, realm, kc_key_roll_shape.domain);
    }
    if (!kc_failed(result) && out->bank != realm->bank) {
        result = kc_result(KC_WRONG_DOMAIN);
    }
    return !kc_failed(result) && out->until_ms < out->from_ms ? kc_result(KC_MISMATCH) : result;
}
