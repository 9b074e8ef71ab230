#include "service/key_proof.h"

#include "message/generated/messages.h"

/* The signature shows that the signing key is one; nothing has used the other yet. A point that is not on the curve becomes no
 * certificate, by the sender's fault and not by ours. */
static struct kc_result try_encryption_key(const struct kc_crypto *crypto,
                                           const struct kc_private_key *own,
                                           const struct kc_public_key *encrypt)
{
    uint8_t shared[KC_P256_COORDINATE_SIZE];
    if (encrypt->type != KC_KEY_P256) {
        return kc_ok();
    }
    struct kc_result result = crypto->agree(crypto->context, shared, own, encrypt);
    kc_wipe(shared, sizeof shared);
    return result.code == KC_CANNOT_UNSEAL ? kc_result(KC_MALFORMED) : result;
}

struct kc_result kc_key_proof_read(struct kc_public_key *sign, struct kc_public_key *encrypt,
                                   const struct kc_crypto *crypto, const struct kc_realm *realm,
                                   const struct kc_private_key *own, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_key_proof proof;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&proof, &kc_key_proof_shape, parsed.payload);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(sign, proof.sign_key);
    }
    if (!kc_failed(result)) {
        result = kc_key_decode(encrypt, proof.encrypt_key);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (kc_view_equal(proof.sign_key, proof.encrypt_key) || sign->type != encrypt->type) {
        return kc_result(KC_WRONG_ALGORITHM);
    }
    result = kc_signed_verify(&parsed, crypto, sign, realm, kc_key_proof_shape.domain);
    return kc_failed(result) ? result : try_encryption_key(crypto, own, encrypt);
}
