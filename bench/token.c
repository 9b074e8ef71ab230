/* Signatures and agreements a second of a key in a PKCS#11 token, beside the same of a key of bytes, on all cores.
 *
 *   bench-token --seconds N SUITE URI
 *
 * The URI names token, module and PIN; the keys bench-sign-SUITE and bench-open-SUITE are made there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "crypto/libcrypto.h"
#include "service/files.h"
#include "service/keys.h"

struct worker {
    struct kc_crypto crypto;
    const struct kc_private_key *key;
    struct kc_public_key peer;
    uint8_t wrapped[KC_RSA_SIZE_MAX];
    size_t wrapped_size; /* 0: agree */
    bool opens;
};

static bool one(void *owner)
{
    struct worker *worker = owner;
    const struct kc_crypto *crypto = &worker->crypto;
    uint8_t out[KC_SIGNATURE_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE] = {1};
    size_t size = 0;
    if (!worker->opens) {
        return !kc_failed(crypto->sign(crypto->context, out, &size, worker->key, digest));
    }
    if (worker->wrapped_size == 0) {
        return !kc_failed(crypto->agree(crypto->context, out, worker->key, &worker->peer));
    }
    return !kc_failed(crypto->unwrap(crypto->context, out, &size, sizeof out, worker->key,
                                     kc_view(worker->wrapped, worker->wrapped_size)));
}

static bool prepare(struct worker *worker, const struct kc_private_key *key,
                    const struct kc_public_key *public_key, bool opens)
{
    struct kc_private_key other;
    uint8_t secret[KC_GCM_KEY_SIZE] = {1};
    *worker = (struct worker){.key = key, .opens = opens};
    if (kc_failed(kc_libcrypto_open(&worker->crypto, 8)) ||
        kc_failed(
            worker->crypto.generate(worker->crypto.context, &other, &worker->peer, KC_KEY_P256))) {
        return false;
    }
    return !opens || key->type == KC_KEY_P256 ||
           !kc_failed(worker->crypto.wrap(worker->crypto.context, worker->wrapped,
                                          &worker->wrapped_size, public_key,
                                          kc_view(secret, sizeof secret)));
}

/* Operations a second on `count` threads; 0 when one failed. */
static double measure(const struct kc_private_key *key, const struct kc_public_key *public_key,
                      bool opens, size_t count, unsigned seconds)
{
    static struct worker workers[CREW_MAX];
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        good = prepare(&workers[i], key, public_key, opens);
    }
    double per_second = good ? crew_run(workers, sizeof workers[0], count, seconds, one) : 0;
    for (size_t i = 0; i < count && good; i++) {
        kc_libcrypto_close(&workers[i].crypto);
    }
    return per_second;
}

static bool compare(const char *suite, const char *uri, bool opens, unsigned seconds)
{
    struct kc_crypto crypto;
    char name[32];
    char object[KC_TOKEN_URI_SIZE_MAX + 1];
    struct kc_private_key held;
    struct kc_private_key bytes;
    struct kc_public_key held_public;
    struct kc_public_key bytes_public;
    const struct kc_token_place place = {.uri = object,
                                         .module = "",
                                         .pin_file = "token.pin",
                                         .folder = ".",
                                         .read_secret = kc_file_read_secret};
    size_t count = crew_cores();
    (void)snprintf(name, sizeof name, "bench-%s-%s", opens ? "open" : "sign", suite);
    if (kc_failed(kc_libcrypto_open(&crypto, 8)) ||
        kc_failed(kc_token_uri_object(object, uri, name)) ||
        kc_failed(kc_token_key_ensure(&held, &place, crew_suite(suite),
                                      opens ? KC_TOKEN_DECRYPT : KC_TOKEN_SIGN)) ||
        kc_failed(crypto.derive_public(crypto.context, &held_public, &held)) ||
        kc_failed(crypto.generate(crypto.context, &bytes, &bytes_public, crew_suite(suite)))) {
        return false;
    }
    double token = measure(&held, &held_public, opens, count, seconds);
    double libcrypto = measure(&bytes, &bytes_public, opens, count, seconds);
    (void)printf("{\"what\": \"%s\", \"suite\": \"%s\", \"threads\": %zu, \"token\": %.1f, "
                 "\"libcrypto\": %.1f}\n",
                 opens ? "open" : "sign", suite, count, token, libcrypto);
    kc_key_close(&held);
    kc_libcrypto_close(&crypto);
    return token > 0 && libcrypto > 0;
}

int main(int argc, char **argv)
{
    if (argc != 5 || strcmp(argv[1], "--seconds") != 0 || crew_suite(argv[3]) == KC_KEY_NONE ||
        !kc_token_uri_fits(argv[4])) {
        (void)fprintf(stderr, "usage: bench-token --seconds N es256|rs2048 URI\n");
        return 2;
    }
    unsigned seconds = (unsigned)strtoul(argv[2], NULL, 10);
    bool good = compare(argv[3], argv[4], false, seconds);
    return compare(argv[3], argv[4], true, seconds) && good ? 0 : 4;
}
