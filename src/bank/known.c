#include "bank/known.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct kc_result kc_known_open(struct kc_known *known, size_t count)
{
    KC_ASSERT(count >= KC_KNOWN_LOCKS && (count & (count - 1)) == 0);
    *known = (struct kc_known){.count = count};
    known->places = calloc(count, sizeof *known->places);
    if (known->places == NULL) {
        known->count = 0;
        return kc_result(KC_NO_MEMORY);
    }
    for (size_t i = 0; i < KC_KNOWN_LOCKS; i++) {
        (void)pthread_mutex_init(&known->locks[i], NULL);
    }
    return kc_ok();
}

void kc_known_close(struct kc_known *known)
{
    if (known->places == NULL) {
        return;
    }
    for (size_t i = 0; i < KC_KNOWN_LOCKS; i++) {
        (void)pthread_mutex_destroy(&known->locks[i]);
    }
    free(known->places);
    known->places = NULL;
    known->count = 0;
}

/* Every part has one length or is followed by what ends it, so that no two lists of parts give the same bytes. */
void kc_known_name(uint8_t out[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                   const struct kc_realm *realm, const char *domain,
                   const struct kc_public_key *key, struct kc_view bytes)
{
    uint8_t head[8 + 3 + 1];
    struct kc_sha256 hash;
    bool p256 = key->type == KC_KEY_P256;
    struct kc_view key_bytes =
        p256 ? kc_view(&key->p256, sizeof key->p256) : kc_view(key->rsa.n, kc_rsa_size(key->type));
    kc_be64_store(head, realm->bank);
    memcpy(head + 8, realm->currency, 3);
    head[11] = (uint8_t)key->type;
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, kc_view(head, sizeof head));
    crypto->sha256_add(crypto->context, &hash, key_bytes);
    crypto->sha256_add(crypto->context, &hash, kc_view(domain, strlen(domain) + 1));
    crypto->sha256_add(crypto->context, &hash, bytes);
    crypto->sha256_end(crypto->context, &hash, out);
}

static size_t place_of(const struct kc_known *known, const uint8_t name[KC_DIGEST_SIZE])
{
    return (size_t)kc_be64_load(name) & (known->count - 1);
}

bool kc_known_has(struct kc_known *known, const uint8_t name[KC_DIGEST_SIZE])
{
    if (known->count == 0) {
        return false;
    }
    size_t at = place_of(known, name);
    pthread_mutex_t *lock = &known->locks[at % KC_KNOWN_LOCKS];
    (void)pthread_mutex_lock(lock);
    bool has = memcmp(known->places[at], name, KC_DIGEST_SIZE) == 0;
    (void)pthread_mutex_unlock(lock);
    return has;
}

void kc_known_add(struct kc_known *known, const uint8_t name[KC_DIGEST_SIZE])
{
    if (known->count == 0) {
        return;
    }
    size_t at = place_of(known, name);
    pthread_mutex_t *lock = &known->locks[at % KC_KNOWN_LOCKS];
    (void)pthread_mutex_lock(lock);
    memcpy(known->places[at], name, KC_DIGEST_SIZE);
    (void)pthread_mutex_unlock(lock);
}
