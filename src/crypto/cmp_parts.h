/* The parts of CMP and CRMF messages that libcrypto reads and does not tell (RFC 4210 section 5.1, RFC 4211 section 5). Internal
 * to this room. */
#ifndef KC_CRYPTO_CMP_PARTS_H
#define KC_CRYPTO_CMP_PARTS_H

#include <openssl/asn1.h>
#include <openssl/cmp.h>
#include <openssl/x509v3.h>

#include "crypto/cmp.h"

/* Kinds of bodies (RFC 4210 section 5.1.2). */
enum {
    KC_CMP_IR = 0,
    KC_CMP_IP = 1,
    KC_CMP_CR = 2,
    KC_CMP_CP = 3,
    KC_CMP_P10CR = 4,
    KC_CMP_KUR = 7,
    KC_CMP_KUP = 8,
    KC_CMP_RR = 11,
};

/* SHA-1, as a certificate's subject key identifier is. */
#define KC_CMP_KEY_ID_SIZE 20u

/* What stands in a message's header and around its body. */
struct kc_cmp_facts {
    char sender[KC_SUBJECT_SIZE]; /* the common name, when that is all of the name; else empty */
    uint8_t key_id[KC_CMP_KEY_ID_SIZE]; /* of the sender's key */
    size_t key_id_size;                 /* 0: none */
    uint64_t time_ms;                   /* 0: none */
    bool
        is_signed; /* by its header it is protected by a signature: not by a password, and not unprotected */
    unsigned reason; /* of a revocation; 0 when none is given */
    bool reason_valid;
};

/* libcrypto's form of a message of exactly these bytes, or NULL. */
OSSL_CMP_MSG *kc_cmp_message_read(struct kc_view bytes);
KC_MUST_USE struct kc_result kc_cmp_message_write(struct kc_buffer *out,
                                                  const OSSL_CMP_MSG *message);

/* KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_cmp_facts_read(struct kc_cmp_facts *out, struct kc_view message);

/* Fills subject, profile, key and end from a template or a PKCS#10 request. KC_MALFORMED, KC_WRONG_ALGORITHM. */
KC_MUST_USE struct kc_result kc_cmp_template_read(struct kc_cmp_ask *out,
                                                  const OSSL_CRMF_CERTTEMPLATE *form);
KC_MUST_USE struct kc_result kc_cmp_request_read(struct kc_cmp_ask *out, const X509_REQ *request);

/* The serial as our certificates have it; false for any other number. */
bool kc_cmp_serial_read(uint8_t out[KC_SERIAL_SIZE], const ASN1_INTEGER *serial);

/* libcrypto's form of a key that may be held elsewhere (P-256 only); NULL when that fails. */
EVP_PKEY *kc_cmp_key(const struct kc_private_key *key);

X509 *kc_cmp_certificate(struct kc_view der);

/* What libcrypto would write to stderr is written nowhere. */
int kc_cmp_say_nothing(const char *function, const char *file, int line, OSSL_CMP_severity level,
                       const char *text);

#endif
