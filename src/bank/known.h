/* Signatures that need no second verification: those that verified, and those that this bank made. An order that both its purses
 * report, or a certified value that a purse shows again, costs a hash instead of a verification.
 *
 * A name is the SHA-256 over everything that a verification depends on: domain, realm, key and all signed bytes with their
 * signature. So what is found here would verify again. It says nothing of the key's holder: certificates are looked at as before.
 * A fixed number of places in memory only; a name takes the place of another that falls on it. Any thread may call. */
#ifndef KC_BANK_KNOWN_H
#define KC_BANK_KNOWN_H

#include <pthread.h>

#include "base/ids.h"
#include "crypto/port.h"

#define KC_KNOWN_LOCKS 64u

struct kc_known {
    size_t count; /* of places, a power of two */
    uint8_t (*places)[KC_DIGEST_SIZE];
    pthread_mutex_t locks[KC_KNOWN_LOCKS]; /* each guards the places of its numbers */
};

/* `count` is at least KC_KNOWN_LOCKS and a power of two. KC_NO_MEMORY. A zeroed one knows nothing and may be closed. */
KC_MUST_USE struct kc_result kc_known_open(struct kc_known *known, size_t count);
void kc_known_close(struct kc_known *known);

void kc_known_name(uint8_t out[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                   const struct kc_realm *realm, const char *domain,
                   const struct kc_public_key *key, struct kc_view bytes);
bool kc_known_has(struct kc_known *known, const uint8_t name[KC_DIGEST_SIZE]);
/* Only what verified, or was just signed. */
void kc_known_add(struct kc_known *known, const uint8_t name[KC_DIGEST_SIZE]);

#endif
