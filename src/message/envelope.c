#include "base/assert.h"
#include "message/cose.h"

struct kc_result kc_envelope_make(struct kc_buffer *out, struct kc_envelope_work *work,
                                  const struct kc_crypto *crypto, const struct kc_signer *signer,
                                  const struct kc_public_key *recipient,
                                  const struct kc_realm *realm, uint64_t time_ms,
                                  const struct kc_shape *shape, const void *message)
{
    struct kc_buffer plain = KC_BUFFER(work->plain);
    struct kc_buffer sealed = KC_BUFFER(work->sealed);
    KC_ASSERT(shape->domain != NULL && time_ms != 0);
    out->size = 0;
    struct kc_result result = kc_shape_encode(&plain, shape, message);
    if (!kc_failed(result)) {
        result = kc_seal(&sealed, crypto, recipient, realm, shape->domain, kc_buffer_view(&plain));
    }
    if (!kc_failed(result)) {
        result =
            kc_sign(out, crypto, signer, realm, shape->domain, time_ms, kc_buffer_view(&sealed));
    }
    kc_wipe(work->plain, plain.size);
    return result;
}

struct kc_result kc_envelope_open(void *message, struct kc_buffer *plain,
                                  const struct kc_signed *envelope, const struct kc_crypto *crypto,
                                  const struct kc_public_key *signer_key,
                                  const struct kc_private_key *own_key,
                                  const struct kc_realm *realm, const struct kc_shape *shape)
{
    KC_ASSERT(shape->domain != NULL);
    plain->size = 0;
    if (!envelope->has_time) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_signed_verify(envelope, crypto, signer_key, realm, shape->domain);
    if (!kc_failed(result)) {
        result = kc_unseal(plain, crypto, own_key, realm, shape->domain, envelope->payload);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(message, shape, kc_buffer_view(plain));
    }
    return result;
}
