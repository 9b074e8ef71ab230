/* COSE (RFC 9052, RFC 9053, RFC 8230): keys, signatures and seals as Kinchaku uses them, and the envelope
 * that most messages travel in.
 *
 * Signed bytes:  COSE_Sign1 array (no tag) [protected, {}, payload, signature], protected =
 *                {1: alg, 3: domain word, 4: signer id, -65537: signing time}; the time only in envelopes.
 *                The domain word has the syntax of a media type, as RFC 9052 §3.1 wants of a content type.
 *                ES256 with s <= n / 2, so that nobody can make other bytes of somebody's signature.
 *                External data: CBOR [domain word, bank id, currency]. A verifier names the one domain it accepts.
 * Brief bytes:   the same with protected = {1: alg} alone, for what two purses give each other over slow links: who signed
 *                is known from the content, and the domain stands in the external data only.
 * Sealed bytes:  COSE_Encrypt array (no tag), A256GCM, one recipient: ECDH-ES + HKDF-256 (alg -25) for a P-256
 *                key, RSAES-OAEP with SHA-256 (alg -41) for an RSA key. External data as above.
 * Envelope:      signed bytes whose payload is the sealed bytes: sealed first, then signed (EP1221669 Sa2).
 *
 * No function allocates. Errors leave outputs unspecified but wiped of secrets. */
#ifndef KC_MESSAGE_COSE_H
#define KC_MESSAGE_COSE_H

#include "base/ids.h"
#include "base/limits.h"
#include "crypto/port.h"
#include "message/shape.h"

/* Who signed: account number (or server number, below) and the first 8 bytes of SHA-256 of the encoded key. */
#define KC_SIGNER_ID_SIZE 16

#define KC_SERVER_BANK 1u
#define KC_SERVER_AUTHORITY 2u
#define KC_SERVER_REGISTRAR 3u

struct kc_signer_id {
    uint8_t bytes[KC_SIGNER_ID_SIZE];
};

/* What a signer needs: its key and its id. The key stays the caller's. */
struct kc_signer {
    const struct kc_private_key *key;
    struct kc_signer_id id;
};

/* Signed bytes taken apart; views point into them. */
struct kc_signed {
    struct kc_view protected_header;
    struct kc_view domain;
    struct kc_view payload;
    struct kc_view signature;
    struct kc_signer_id signer;
    enum kc_key_type
        alg_family; /* KC_KEY_P256 for ES256, KC_KEY_RSA2048 for PS256 of any size, KC_KEY_NONE for a
                                    brief record with a MAC */
    bool brief;     /* taken apart by kc_brief_parse: no domain, signer or time */
    bool has_time;
    uint64_t time_ms;
};

/* ---- keys ---- */

/* Encodes a public key as COSE_Key (RFC 9053 §7.1.1, RFC 8230 §4); KC_BUFFER_SMALL. */
KC_MUST_USE struct kc_result kc_key_encode(struct kc_buffer *out, const struct kc_public_key *key);

/* Decodes one; KC_MALFORMED and the cursor's errors. A point off the curve is found when it is first used. */
KC_MUST_USE struct kc_result kc_key_decode(struct kc_public_key *out, struct kc_view encoded);

/* Whether two keys are one; two of no type are. */
bool kc_key_equal(const struct kc_public_key *a, const struct kc_public_key *b);

/* The same inside a larger item: appends to a writer, reads from a reader (which fails on a bad key). */
KC_MUST_USE struct kc_result kc_key_write(struct kc_writer *writer,
                                          const struct kc_public_key *key);
void kc_key_read(struct kc_reader *reader, struct kc_public_key *out);

/* The signer id of a key held by account or server `holder`. */
void kc_signer_id_make(struct kc_signer_id *out, const struct kc_crypto *crypto, uint64_t holder,
                       const struct kc_public_key *key);

/* The account or server number in a signer id. */
uint64_t kc_signer_id_holder(const struct kc_signer_id *id);

/* ---- signatures ---- */

/* Signs `payload` under the domain of `shape` in `realm`. With time_ms 0 no time is put in. Appends nothing: *out is
 * filled from its start. KC_BUFFER_SMALL, KC_CRYPTO_FAILED. `payload` must not overlap *out. */
KC_MUST_USE struct kc_result kc_sign(struct kc_buffer *out, const struct kc_crypto *crypto,
                                     const struct kc_signer *signer, const struct kc_realm *realm,
                                     const char *domain, uint64_t time_ms, struct kc_view payload);

/* Takes signed bytes apart without verifying anything. KC_MALFORMED and the cursor's errors, KC_WRONG_ALGORITHM. */
KC_MUST_USE struct kc_result kc_signed_parse(struct kc_signed *out, struct kc_view bytes);

/* Verifies what kc_signed_parse gave. KC_WRONG_DOMAIN, KC_WRONG_ALGORITHM (the key's type does not fit),
 * KC_BAD_SIGNATURE. */
KC_MUST_USE struct kc_result kc_signed_verify(const struct kc_signed *message,
                                              const struct kc_crypto *crypto,
                                              const struct kc_public_key *key,
                                              const struct kc_realm *realm, const char *domain);

/* The brief form. Errors as above; kc_brief_parse refuses the long form and kc_signed_parse this one, and each verifier wants
 * what its own parser gave (KC_WRONG_DOMAIN). A brief signature of another domain is KC_BAD_SIGNATURE. */
KC_MUST_USE struct kc_result kc_sign_brief(struct kc_buffer *out, const struct kc_crypto *crypto,
                                           const struct kc_private_key *key,
                                           const struct kc_realm *realm, const char *domain,
                                           struct kc_view payload);
KC_MUST_USE struct kc_result kc_brief_parse(struct kc_signed *out, struct kc_view bytes);
KC_MUST_USE struct kc_result kc_brief_verify(const struct kc_signed *message,
                                             const struct kc_crypto *crypto,
                                             const struct kc_public_key *key,
                                             const struct kc_realm *realm, const char *domain);

/* A record in the brief form of a card without keys: HMAC-SHA-256 with the card's secret stands where the signature would
 * (COSE_Mac0 without a tag, RFC 9052 §6.2, alg 5), and no key verifies it. KC_BUFFER_SMALL, also for a payload that no record
 * has. */
#define KC_MAC_SECRET_SIZE KC_DIGEST_SIZE
KC_MUST_USE struct kc_result kc_brief_mac(struct kc_buffer *out, const struct kc_crypto *crypto,
                                          const uint8_t secret[KC_MAC_SECRET_SIZE],
                                          const struct kc_realm *realm, const char *domain,
                                          struct kc_view payload);
/* Whether it is such a one; nothing is verified. */
bool kc_brief_has_mac(const struct kc_signed *message);
/* KC_BAD_SIGNATURE for another secret, another domain and for what is no such record. Compares in constant time. */
KC_MUST_USE struct kc_result kc_brief_verify_mac(const struct kc_signed *message,
                                                 const struct kc_crypto *crypto,
                                                 const uint8_t secret[KC_MAC_SECRET_SIZE],
                                                 const struct kc_realm *realm, const char *domain);

/* ---- seals ---- */

/* Seals `plain` for `recipient`. KC_BUFFER_SMALL, KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_seal(struct kc_buffer *out, const struct kc_crypto *crypto,
                                     const struct kc_public_key *recipient,
                                     const struct kc_realm *realm, const char *domain,
                                     struct kc_view plain);

/* Opens sealed bytes into lent memory. KC_CANNOT_UNSEAL for whatever does not open, without saying why;
 * KC_BUFFER_SMALL; KC_MALFORMED and the cursor's errors for what is no seal. */
KC_MUST_USE struct kc_result kc_unseal(struct kc_buffer *plain, const struct kc_crypto *crypto,
                                       const struct kc_private_key *key,
                                       const struct kc_realm *realm, const char *domain,
                                       struct kc_view sealed);

/* The content key of sealed bytes, from their recipient's private key. Who has it reads these bytes and no others: it is made
 * anew for each seal, and neither the private key nor another content key follows from it. KC_CANNOT_UNSEAL for another's seal;
 * KC_MALFORMED and the cursor's errors for what is no seal; *out is wiped then. That the key opens the seal is not checked. */
KC_MUST_USE struct kc_result kc_seal_content_key(uint8_t out[KC_GCM_KEY_SIZE],
                                                 const struct kc_crypto *crypto,
                                                 const struct kc_private_key *key,
                                                 struct kc_view sealed);

/* Opens sealed bytes with their content key. Errors as of kc_unseal. */
KC_MUST_USE struct kc_result kc_unseal_with(struct kc_buffer *plain, const struct kc_crypto *crypto,
                                            const uint8_t key[KC_GCM_KEY_SIZE],
                                            const struct kc_realm *realm, const char *domain,
                                            struct kc_view sealed);

/* ---- envelopes: encode, seal, sign in one call, and back ---- */

/* Encodes `message`, seals it for `recipient`, signs it at time_ms (not 0). The message's number stays inside the seal;
 * outside stands its domain word. Scratch memory for the plain and the sealed form is lent by the caller, at least
 * KC_PLAIN_SIZE_MAX and KC_MESSAGE_SIZE_MAX, and the plain one is wiped at return. */
struct kc_envelope_work {
    uint8_t plain[KC_PLAIN_SIZE_MAX];
    uint8_t sealed[KC_MESSAGE_SIZE_MAX];
};

KC_MUST_USE struct kc_result kc_envelope_make(struct kc_buffer *out, struct kc_envelope_work *work,
                                              const struct kc_crypto *crypto,
                                              const struct kc_signer *signer,
                                              const struct kc_public_key *recipient,
                                              const struct kc_realm *realm, uint64_t time_ms,
                                              const struct kc_shape *shape, const void *message);

/* Verifies, unseals and decodes an envelope that must be of this shape. `plain` keeps the bytes that the views
 * in `message` point into. Errors of kc_signed_verify, kc_unseal, kc_shape_decode; KC_MALFORMED without a time. */
KC_MUST_USE struct kc_result
kc_envelope_open(void *message, struct kc_buffer *plain, const struct kc_signed *envelope,
                 const struct kc_crypto *crypto, const struct kc_public_key *signer_key,
                 const struct kc_private_key *own_key, const struct kc_realm *realm,
                 const struct kc_shape *shape);

/* The shape whose domain word the envelope carries, or NULL: a hint for dispatch, not yet verified. */
const struct kc_shape *kc_signed_shape(const struct kc_signed *envelope);

#endif
