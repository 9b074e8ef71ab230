/* X.509 certificates and revocation lists (RFC 5280) in the few profiles that Kinchaku has:
 *
 *   root      self-signed CA, path length 1; its key stays apart from every server
 *   issuer    CA signed by the root, path length 0
 *   sign      leaf: digitalSignature, nonRepudiation
 *   encrypt   leaf: keyAgreement (P-256) or keyEncipherment (RSA)
 *   status    leaf: digitalSignature, for OCSP answers alone (crypto/ocsp.h); made here, and nowhere read as somebody's
 *   cross     CA of a root's key and name, signed by another key of that name (RFC 4210 section 4.4): what is self-issued does
 *             not count for a path length (RFC 5280 section 6.1.4), so a chain over it fits the root's
 *
 * The subject is CN=<account number or server name>. */
#ifndef KC_CRYPTO_X509_H
#define KC_CRYPTO_X509_H

#include "base/limits.h"
#include "crypto/port.h"

#define KC_SERIAL_SIZE 16
#define KC_SUBJECT_SIZE 64
#define KC_CRL_SIZE_MAX (8u * 1024u * 1024u)
#define KC_CERTIFICATE_PAIR_SIZE_MAX (2 * KC_CERTIFICATE_SIZE_MAX + 16)

enum kc_profile {
    KC_PROFILE_ROOT,
    KC_PROFILE_ISSUER,
    KC_PROFILE_SIGN,
    KC_PROFILE_ENCRYPT,
    KC_PROFILE_STATUS,
    KC_PROFILE_CROSS
};

struct kc_certificate {
    enum kc_profile profile;
    uint8_t serial[KC_SERIAL_SIZE];
    char subject[KC_SUBJECT_SIZE];
    uint64_t not_before_ms;
    uint64_t not_after_ms;
    struct kc_public_key key;
};

/* Reads a DER certificate that must fit a profile exactly. KC_CERT_INVALID. Nothing is verified. */
KC_MUST_USE struct kc_result kc_certificate_read(struct kc_certificate *out, struct kc_view der);

/* Verifies leaf ← issuer ← root at a time, and reads the leaf, which must be a sign or encrypt certificate.
 * KC_CERT_EXPIRED (or not yet valid), KC_CERT_INVALID (also when `issuer` is of another profile). */
KC_MUST_USE struct kc_result kc_certificate_verify(struct kc_certificate *out, struct kc_view leaf,
                                                   struct kc_view issuer, struct kc_view root,
                                                   uint64_t now_ms);

/* Verifies an issuing certificate ← root at a time. KC_CERT_EXPIRED, KC_CERT_INVALID (also for another profile). */
KC_MUST_USE struct kc_result kc_certificate_verify_issuer(struct kc_view issuer,
                                                          struct kc_view root, uint64_t now_ms);

/* Verifies that `above`, a root that counts, certified the key of `root`, a self-signed certificate of the same name, in `cross`;
 * all three at this time. *until_ms is the end of the one of the two that ends first. KC_CERT_EXPIRED, KC_CERT_INVALID. */
KC_MUST_USE struct kc_result kc_certificate_verify_cross(uint64_t *until_ms, struct kc_view root,
                                                         struct kc_view cross, struct kc_view above,
                                                         uint64_t now_ms);

/* A certificatePair (RFC 4523 section 2.3, X.509): a certificate issued to an authority, and the one that it issued to who issued
 * that. Reading wants both, and verifies nothing; the views point into `pair`. KC_BUFFER_SMALL, KC_CERT_INVALID. */
KC_MUST_USE struct kc_result kc_certificate_pair_write(struct kc_buffer *pair, struct kc_view to,
                                                       struct kc_view by);
KC_MUST_USE struct kc_result kc_certificate_pair_read(struct kc_view *to, struct kc_view *by,
                                                      struct kc_view pair);

/* Whether a certificate says that it is by this issuer: name, key and what the issuer may do fit. No signature is verified. */
bool kc_certificate_is_by(struct kc_view certificate, struct kc_view issuer);

/* What goes into a new certificate. */
struct kc_certificate_order {
    enum kc_profile profile;
    const uint8_t *serial; /* KC_SERIAL_SIZE bytes, the top bit clear */
    const char *subject;
    const struct kc_public_key *key;
    uint64_t not_before_ms;
    uint64_t not_after_ms;
};

/* Makes a DER certificate. `issuer` is NULL for the root. KC_CRYPTO_FAILED, KC_BUFFER_SMALL, and for a key
 * in a token, which must be a P-256 one, KC_TOKEN_UNAVAILABLE. */
KC_MUST_USE struct kc_result kc_certificate_make(struct kc_buffer *out,
                                                 const struct kc_certificate_order *order,
                                                 const struct kc_view *issuer,
                                                 const struct kc_private_key *issuer_key);

/* A revocation list ready for look-ups. */
struct kc_crl;

/* Why a certificate is revoked (RFC 5280 §5.3.1). */
#define KC_CRL_COMPROMISE 1u
#define KC_CRL_CA_COMPROMISE 2u /* the same, of a key that certifies */
#define KC_CRL_SUPERSEDED 4u
#define KC_CRL_CESSATION 5u

struct kc_revoked {
    uint8_t serial[KC_SERIAL_SIZE];
    uint64_t time_ms;
    unsigned reason; /* RFC 5280 §5.3.1 */
};

/* Reads a DER list and verifies it with the issuer's certificate. KC_CERT_INVALID. Freed by kc_crl_free. */
KC_MUST_USE struct kc_result kc_crl_read(struct kc_crl **out, struct kc_view der,
                                         struct kc_view issuer);
void kc_crl_free(struct kc_crl *crl);
bool kc_crl_has(const struct kc_crl *crl, const uint8_t serial[KC_SERIAL_SIZE]);
uint64_t kc_crl_next_update_ms(const struct kc_crl *crl);
uint64_t kc_crl_number(const struct kc_crl *crl);
size_t kc_crl_count(const struct kc_crl *crl);

/* Makes a DER list; *out is allocated and freed by kc_der_free. KC_CRYPTO_FAILED, KC_TOKEN_UNAVAILABLE. */
KC_MUST_USE struct kc_result kc_crl_make(struct kc_view *out, const struct kc_revoked *revoked,
                                         size_t count, uint64_t number, uint64_t this_update_ms,
                                         uint64_t next_update_ms, struct kc_view issuer,
                                         const struct kc_private_key *issuer_key);
void kc_der_free(struct kc_view der);

/* Certificates between DER and PEM. KC_CERT_INVALID, KC_BUFFER_SMALL. */
KC_MUST_USE struct kc_result kc_certificate_to_pem(struct kc_buffer *pem, struct kc_view der);
KC_MUST_USE struct kc_result kc_certificate_from_pem(struct kc_buffer *der, struct kc_view pem);

#endif
