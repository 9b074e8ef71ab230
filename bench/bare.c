/* The bare cryptographic operations of one withdrawal, both sides of it, on all cores: what the protocol would reach if
 * everything else cost nothing.
 *
 *   bare [--seconds T] es256|rs2048|rs3072
 *
 * What each side does, from src/message/envelope.c, src/bank and src/purse/cash.c (the bank's own keys are P-256):
 *
 *   purse: seals and signs request and answer; verifies and opens quote and completion; verifies the certified value
 *   bank:  verifies and opens request and answer; verifies the certified value it was shown; signs a certified value;
 *          seals and signs quote and completion
 *
 * Hashes and AES-GCM over some hundred bytes are left out; they are below one per cent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "crypto/libcrypto.h"

struct keys {
    struct kc_private_key private_key;
    struct kc_public_key public_key;
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    size_t signature_size;
    uint8_t wrapped[KC_RSA_SIZE_MAX];
    size_t wrapped_size;
};

struct worker {
    struct kc_crypto crypto;
    struct keys user_sign;
    struct keys user_encrypt;
    struct keys bank;
};

static const uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
static const uint8_t content_key[KC_GCM_KEY_SIZE] = {4, 5, 6};

static bool make_keys(struct worker *worker, struct keys *keys, enum kc_key_type type)
{
    const struct kc_crypto *crypto = &worker->crypto;
    bool good =
        !kc_failed(crypto->generate(crypto->context, &keys->private_key, &keys->public_key, type));
    good = good && !kc_failed(crypto->sign(crypto->context, keys->signature, &keys->signature_size,
                                           &keys->private_key, digest));
    if (good && type != KC_KEY_P256) {
        good =
            !kc_failed(crypto->wrap(crypto->context, keys->wrapped, &keys->wrapped_size,
                                    &keys->public_key, kc_view(content_key, sizeof content_key)));
    }
    return good;
}

static bool sign(struct worker *worker, const struct keys *keys)
{
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    size_t size;
    return !kc_failed(
        worker->crypto.sign(worker->crypto.context, signature, &size, &keys->private_key, digest));
}

static bool verify(struct worker *worker, const struct keys *keys)
{
    return !kc_failed(worker->crypto.verify(worker->crypto.context, &keys->public_key, digest,
                                            kc_view(keys->signature, keys->signature_size)));
}

/* The content key of a seal, on the sender's side, who sends the ephemeral key along. */
static bool seal(struct worker *worker, struct kc_public_key *sent, const struct keys *to)
{
    const struct kc_crypto *crypto = &worker->crypto;
    struct kc_private_key ephemeral;
    uint8_t out[KC_RSA_SIZE_MAX];
    size_t size;
    if (to->public_key.type != KC_KEY_P256) {
        return !kc_failed(crypto->wrap(crypto->context, out, &size, &to->public_key,
                                       kc_view(content_key, sizeof content_key)));
    }
    return !kc_failed(crypto->generate(crypto->context, &ephemeral, sent, KC_KEY_P256)) &&
           !kc_failed(crypto->agree(crypto->context, out, &ephemeral, &to->public_key));
}

/* And on the receiver's, for whom the ephemeral key is a new one each time. */
static bool unseal(struct worker *worker, const struct keys *own, const struct kc_public_key *sent)
{
    const struct kc_crypto *crypto = &worker->crypto;
    uint8_t out[KC_RSA_SIZE_MAX];
    size_t size;
    if (own->public_key.type != KC_KEY_P256) {
        return !kc_failed(crypto->unwrap(crypto->context, out, &size, sizeof out, &own->private_key,
                                         kc_view(own->wrapped, own->wrapped_size)));
    }
    return !kc_failed(crypto->agree(crypto->context, out, &own->private_key, sent));
}

static bool one_withdrawal(void *owner)
{
    struct worker *worker = owner;
    struct kc_public_key sent;
    bool good = true;
    for (int i = 0; i < 2 && good; i++) {
        good = seal(worker, &sent, &worker->bank) && sign(worker, &worker->user_sign) &&
               verify(worker, &worker->user_sign) && unseal(worker, &worker->bank, &sent) &&
               seal(worker, &sent, &worker->user_encrypt) && sign(worker, &worker->bank) &&
               verify(worker, &worker->bank) && unseal(worker, &worker->user_encrypt, &sent);
    }
    return good && sign(worker, &worker->bank) && verify(worker, &worker->bank) &&
           verify(worker, &worker->bank);
}

static bool open_worker(struct worker *worker, enum kc_key_type type)
{
    return !kc_failed(kc_libcrypto_open(&worker->crypto, 16)) &&
           make_keys(worker, &worker->user_sign, type) &&
           make_keys(worker, &worker->user_encrypt, type) &&
           make_keys(worker, &worker->bank, KC_KEY_P256);
}

int main(int argc, char **argv)
{
    static struct worker workers[CREW_MAX];
    unsigned seconds = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;
    enum kc_key_type type = argc > 1 ? crew_suite(argv[argc - 1]) : KC_KEY_NONE;
    size_t count = crew_cores();
    bool good = type != KC_KEY_NONE;
    for (size_t i = 0; i < count && good; i++) {
        good = open_worker(&workers[i], type);
    }
    double per_second =
        good ? crew_run(workers, sizeof workers[0], count, seconds, one_withdrawal) : 0;
    for (size_t i = 0; i < count && good; i++) {
        kc_libcrypto_close(&workers[i].crypto);
    }
    (void)printf("{\"threads\": %zu, \"per_second\": %.1f}\n", count, per_second);
    return per_second > 0 ? 0 : 4;
}
