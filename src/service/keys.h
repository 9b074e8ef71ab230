/* Keys and certificates of a server as files in its folder: NAME.key (PKCS#8 PEM, 0600), NAME.crt (PEM). */
#ifndef KC_SERVICE_KEYS_H
#define KC_SERVICE_KEYS_H

#include "base/limits.h"
#include "crypto/port.h"

/* KC_FILE_MISSING, KC_KEY_PERMISSIONS, KC_MALFORMED, KC_WRONG_ALGORITHM. */
KC_MUST_USE struct kc_result kc_key_file_load(struct kc_private_key *out, const char *folder,
                                              const char *name);

/* Loads a key or, when the file is missing, makes one of the given type and saves it. */
KC_MUST_USE struct kc_result kc_key_file_ensure(struct kc_private_key *out,
                                                const struct kc_crypto *crypto, const char *folder,
                                                const char *name, enum kc_key_type type);

/* Loads NAME.key and checks that it is the key in NAME.crt. *public_key may be NULL. As kc_key_file_load; KC_FILE_MISSING and
 * KC_CERT_INVALID for the certificate; KC_CONFIG_INVALID when the two do not belong together (logged with the name). */
KC_MUST_USE struct kc_result kc_key_pair_load(struct kc_private_key *private_key,
                                              struct kc_public_key *public_key,
                                              const struct kc_crypto *crypto, const char *folder,
                                              const char *name);

/* A certificate as DER. KC_FILE_MISSING, KC_CERT_INVALID. */
KC_MUST_USE struct kc_result kc_certificate_file_load(struct kc_buffer *der, const char *folder,
                                                      const char *name);
KC_MUST_USE struct kc_result kc_certificate_file_save(const char *folder, const char *name,
                                                      struct kc_view der);

/* A token: one line of visible characters from a secret file, with a final NUL; an empty one would be none at all. As
 * kc_file_read_secret; KC_CONFIG_INVALID. */
KC_MUST_USE struct kc_result kc_token_file_load(char *out, size_t capacity, const char *folder,
                                                const char *name);

/* Makes a token of 32 random bytes in hexadecimal unless the file is there. */
KC_MUST_USE struct kc_result kc_token_file_ensure(const struct kc_crypto *crypto,
                                                  const char *folder, const char *name);

/* Makes a server's folder with its two P-256 key pairs as far as they are missing: sign.key, sign.pub, encrypt.key,
 * encrypt.pub. */
KC_MUST_USE struct kc_result kc_server_keys_ensure(const char *folder);

#endif
