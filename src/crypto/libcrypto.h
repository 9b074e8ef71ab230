/* The libcrypto (OpenSSL 3) backend of the crypto port. */
#ifndef KC_CRYPTO_LIBCRYPTO_H
#define KC_CRYPTO_LIBCRYPTO_H

#include "crypto/port.h"

/* Opens a backend for one thread. Turning key bytes into libcrypto's own form is slow, so the context keeps
 * the last `key_slots` keys it used (a power of two, at least 8). KC_NO_MEMORY, KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_libcrypto_open(struct kc_crypto *out, size_t key_slots);

/* Wipes and frees what kc_libcrypto_open made; safe on a zeroed struct. */
void kc_libcrypto_close(struct kc_crypto *crypto);

#endif
