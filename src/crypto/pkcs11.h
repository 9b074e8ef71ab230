/* Private keys in a PKCS#11 token (a hardware security module, a smart card, SoftHSM): signed and agreed with there, never read.
 *
 *             kc_token_key_open                   an operation fails as if the token were gone
 *   closed ───────────────────> up ──────────────────────────────────────────────> lost
 *                                ^                                                    │
 *                                └── at most once a second: token, PIN, key again ────┘
 *
 *   1. A PIN that the token refused is never given again by this process; one with its last try left is not given at all.
 *   2. The PIN is read from its file for each log-in and wiped behind it; it is neither kept nor logged.
 *   3. At most KC_TOKEN_SESSIONS_MAX sessions are open for a key; who finds none free waits for one.
 *   4. A key that is not sensitive, or may be extracted, is refused. */
#ifndef KC_CRYPTO_PKCS11_H
#define KC_CRYPTO_PKCS11_H

#include "crypto/port.h"

#define KC_TOKEN_SESSIONS_MAX 16u
/* A configuration's line holds it. */
#define KC_TOKEN_URI_SIZE_MAX 160
#define KC_TOKEN_PIN_SIZE_MAX 64

/* What a key is for. */
enum kc_token_use { KC_TOKEN_SIGN, KC_TOKEN_DECRYPT };

/* Where a key is. The URI (RFC 7512) names token and object and may name the module and the file of the PIN (module-path,
 * pin-source, relative to `folder`); `module` and `pin_file` are for a URI that names none. A PIN inside the URI is refused. */
struct kc_token_place {
    const char *uri;
    const char *module;
    const char *pin_file;
    const char *folder;
    /* Reads a secret file, such as kc_file_read_secret. */
    struct kc_result (*read_secret)(struct kc_buffer *out, const char *path);
};

/* Opens a key in its token; *out is closed by kc_token_key_close. KC_CONFIG_INVALID: no such URI, no module of that name.
 * KC_TOKEN_UNAVAILABLE: no token fits. KC_TOKEN_PIN, KC_TOKEN_KEY_MISSING, KC_TOKEN_AMBIGUOUS, KC_TOKEN_KEY_LOOSE,
 * KC_WRONG_ALGORITHM (neither P-256 nor RSA of 2048 or 3072 bits), KC_NO_MEMORY and the errors of reading the PIN. All are
 * logged. */
KC_MUST_USE struct kc_result kc_token_key_open(struct kc_private_key *out,
                                               const struct kc_token_place *place);

/* As kc_token_key_open, and makes the key pair in the token when there is none. KC_CRYPTO_FAILED when the token cannot. */
KC_MUST_USE struct kc_result kc_token_key_ensure(struct kc_private_key *out,
                                                 const struct kc_token_place *place,
                                                 enum kc_key_type type, enum kc_token_use use);

/* Ends the sessions and wipes the key; safe on a key of bytes and on a zeroed one. */
void kc_token_key_close(struct kc_private_key *key);

#endif
