/* Keys and certificates of a server as files in its folder: NAME.key (PKCS#8 PEM, 0600), NAME.crt (PEM). */
#ifndef KC_SERVICE_KEYS_H
#define KC_SERVICE_KEYS_H

#include "base/clock.h"
#include "base/limits.h"
#include "crypto/pkcs11.h"
#include "crypto/port.h"
#include "crypto/x509.h"

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

/* Where the keys of a server are that are not in its folder: its configuration's section [keys]. An empty `sign`, `encrypt` or
 * `issuing` is a file. */
struct kc_key_places {
    char sign[KC_TOKEN_URI_SIZE_MAX + 1];
    char encrypt[KC_TOKEN_URI_SIZE_MAX + 1];
    char issuing[KC_TOKEN_URI_SIZE_MAX + 1];
    char module[KC_TOKEN_URI_SIZE_MAX + 1];
    char pin[KC_TOKEN_URI_SIZE_MAX + 1]; /* a file, relative to the folder */
};

/* Whether a text may be the URI of a token: pkcs11:, without an object and a PIN, and short enough that an object's name fits. */
bool kc_token_uri_fits(const char *uri);

/* The URI of the object `name` in the token of such a URI. KC_CONFIG_INVALID. */
KC_MUST_USE struct kc_result kc_token_uri_object(char out[KC_TOKEN_URI_SIZE_MAX + 1],
                                                 const char *uri, const char *name);

/* As kc_key_pair_load, of a key that may be in a token; closed by kc_key_close. A key in a token has to show that it is the one
 * in NAME.crt by what it does. Also the errors of kc_token_key_open. */
KC_MUST_USE struct kc_result kc_key_pair_open(struct kc_private_key *private_key,
                                              struct kc_public_key *public_key,
                                              const struct kc_crypto *crypto, const char *folder,
                                              const char *name, const struct kc_key_places *places);

/* Opens a key, or makes one of the given type where it belongs, and gives its public part; closed by kc_key_close.
 * KC_CONFIG_INVALID when it is in a token that does not tell the public part. */
KC_MUST_USE struct kc_result
kc_key_place_ensure(struct kc_private_key *private_key, struct kc_public_key *public_key,
                    const struct kc_crypto *crypto, const char *folder, const char *name,
                    const struct kc_key_places *places, enum kc_key_type type);

/* Makes a P-256 key where it belongs and writes NAME.pub, unless NAME.crt is there: a certified key that is gone is nothing to be
 * replaced in silence. Names begin with sign, encrypt or issuing. */
KC_MUST_USE struct kc_result kc_key_pair_ensure(const struct kc_crypto *crypto, const char *folder,
                                                const char *name,
                                                const struct kc_key_places *places);

/* Wipes a key, and ends the sessions of one in a token. Safe on a zeroed one. */
void kc_key_close(struct kc_private_key *key);

/* A certificate as DER. KC_FILE_MISSING, KC_CERT_INVALID. */
KC_MUST_USE struct kc_result kc_certificate_file_load(struct kc_buffer *der, const char *folder,
                                                      const char *name);
KC_MUST_USE struct kc_result kc_certificate_file_save(const char *folder, const char *name,
                                                      struct kc_view der);

/* A root for people: two of one name are told apart by these. */
struct kc_root_words {
    char fingerprint[2 * KC_DIGEST_SIZE + 1]; /* SHA-256 of the certificate */
    char from[KC_CLOCK_TEXT_SIZE];
    char until[KC_CLOCK_TEXT_SIZE];
};
/* KC_CERT_INVALID, KC_CRYPTO_FAILED: all are empty. */
KC_MUST_USE struct kc_result kc_root_words(struct kc_root_words *out, struct kc_view der);

/* Puts the next root in place of the one that is pinned in a folder, its owner; as kc_file_write. A kc_root_keep. */
KC_MUST_USE struct kc_result kc_root_file_keep(void *folder, struct kc_view root);
/* The newest list of a root, by that root's serial number, in root-SERIAL.crl of the folder: keeps it, and logs that, with how
 * many issuers it names, as a warning when it names any; reads it, as kc_file_read. */
KC_MUST_USE struct kc_result kc_root_list_file_keep(void *folder,
                                                    const uint8_t root[KC_SERIAL_SIZE],
                                                    struct kc_view list, size_t ended);
KC_MUST_USE struct kc_result
kc_root_list_file_load(void *folder, const uint8_t root[KC_SERIAL_SIZE], struct kc_buffer *list);

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

/* The same with keys that may be in a token: those have the .pub alone. */
KC_MUST_USE struct kc_result kc_server_keys_ensure_at(const char *folder,
                                                      const struct kc_key_places *places);

#endif
