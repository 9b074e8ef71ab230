/* Passwords kept as scrypt hashes (RFC 7914): "$scrypt$ln=15,r=8,p=1$<salt>$<hash>", hexadecimal. */
#ifndef KC_CRYPTO_PASSWORD_H
#define KC_CRYPTO_PASSWORD_H

#include "base/limits.h"
#include "crypto/port.h"

/* Hashes with a fresh salt; `out` is a text with a final NUL. KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_password_hash(char out[KC_SECRET_HASH_SIZE_MAX],
                                              struct kc_view password);

/* KC_WRONG_PASSWORD; KC_MALFORMED when `stored` is no such hash. Compares in constant time. */
KC_MUST_USE struct kc_result kc_password_check(struct kc_view stored, struct kc_view password);

#endif
