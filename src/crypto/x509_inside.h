/* Parts of certificates in libcrypto's own form. Internal to this room. */
#ifndef KC_CRYPTO_X509_INSIDE_H
#define KC_CRYPTO_X509_INSIDE_H

#include <openssl/x509.h>

#include "crypto/x509.h"

/* A certificate without anything behind it, NULL when the bytes are none. It is the caller's to free, and nobody's to change:
 * others may have the same one. */
X509 *kc_x509_parse(struct kc_view der);
/* A time from 1970 on. */
bool kc_x509_time(uint64_t *out_ms, const ASN1_TIME *time);
/* A serial that is not negative and fits, with zeros before it. */
bool kc_x509_serial(uint8_t out[KC_SERIAL_SIZE], const ASN1_INTEGER *serial);
bool kc_x509_set_serial(ASN1_INTEGER *out, const uint8_t serial[KC_SERIAL_SIZE]);

#endif
