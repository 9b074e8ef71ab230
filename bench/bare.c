/* The bare cryptographic operations of one withdrawal, or of one renewal of keys made inside, all sides of it, on all cores: what
 * the protocol would reach if everything else cost nothing.
 *
 *   bare [--seconds T] [--renew] es256|rs2048|rs3072
 *
 * What each side does, from src/message/envelope.c, src/bank and src/purse/cash.c (the bank's own keys are P-256):
 *
 *   purse: seals and signs request and answer; verifies and opens quote and completion; verifies the certified value
 *   bank:  verifies and opens request and answer; verifies the certified value it was shown; signs a certified value;
 *          seals and signs quote and completion
 *
 * A renewal, up to the confirmation (the bank's and the authority's keys are P-256):
 *
 *   purse:     makes two key pairs and signs their proof; seals and signs request and report; verifies and opens both answers;
 *              verifies the new identity and the certified value
 *   bank:      verifies and opens request and report; verifies the proof; one message there and one back with the authority;
 *              verifies both certificates, and again where the new key speaks first; signs identity and certified value;
 *              seals and signs both answers
 *   authority: its end of those two messages; verifies the proof; signs two certificates
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

/* One message: sealed and signed, verified and opened. */
static bool carry(struct worker *worker, const struct keys *from, const struct keys *to)
{
    struct kc_public_key sent;
    return seal(worker, &sent, to) && sign(worker, from) && verify(worker, from) &&
           unseal(worker, to, &sent);
}

static bool to_bank_and_back(struct worker *worker)
{
    return carry(worker, &worker->user_sign, &worker->bank) &&
           carry(worker, &worker->bank, &worker->user_encrypt);
}

static bool one_withdrawal(void *owner)
{
    struct worker *worker = owner;
    return to_bank_and_back(worker) && to_bank_and_back(worker) && sign(worker, &worker->bank) &&
           verify(worker, &worker->bank) && verify(worker, &worker->bank);
}

static bool make_pairs(struct worker *worker)
{
    const struct kc_crypto *crypto = &worker->crypto;
    struct kc_private_key private_key;
    struct kc_public_key public_key;
    bool good = true;
    for (int i = 0; i < 2 && good; i++) {
        good = !kc_failed(crypto->generate(crypto->context, &private_key, &public_key,
                                           worker->user_sign.public_key.type));
    }
    return good;
}

static bool one_renewal(void *owner)
{
    struct worker *worker = owner;
    const struct keys *server = &worker->bank;
    bool good = make_pairs(worker) && sign(worker, &worker->user_sign) &&
                verify(worker, &worker->user_sign) && verify(worker, &worker->user_sign) &&
                carry(worker, server, server) && carry(worker, server, server) &&
                to_bank_and_back(worker) && to_bank_and_back(worker);
    for (int i = 0; i < 4 && good; i++) {
        /* Two certificates, the identity and the certified value. */
        good = sign(worker, server) && verify(worker, server);
    }
    /* The certificates again. */
    return good && verify(worker, server) && verify(worker, server);
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
    unsigned seconds = 3;
    bool (*one)(void *worker) = one_withdrawal;
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--renew") == 0) {
            one = one_renewal;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            seconds = (unsigned)strtoul(argv[++i], NULL, 10);
        } else {
            return 2;
        }
    }
    enum kc_key_type type = argc > 1 ? crew_suite(argv[argc - 1]) : KC_KEY_NONE;
    size_t count = crew_cores();
    bool good = type != KC_KEY_NONE;
    for (size_t i = 0; i < count && good; i++) {
        good = open_worker(&workers[i], type);
    }
    double per_second = good ? crew_run(workers, sizeof workers[0], count, seconds, one) : 0;
    for (size_t i = 0; i < count && good; i++) {
        kc_libcrypto_close(&workers[i].crypto);
    }
    (void)printf("{\"threads\": %zu, \"per_second\": %.3f}\n", count, per_second);
    return per_second > 0 ? 0 : 4;
}
