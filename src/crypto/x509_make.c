#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "crypto/libcrypto_keys.h"
#include "crypto/x509.h"
#include "crypto/x509_inside.h"

bool kc_x509_set_serial(ASN1_INTEGER *out, const uint8_t serial[KC_SERIAL_SIZE])
{
    BIGNUM *number = BN_bin2bn(serial, KC_SERIAL_SIZE, NULL);
    bool good = number != NULL && BN_to_ASN1_INTEGER(number, out) != NULL;
    BN_free(number);
    return good;
}

static bool set_name(X509_NAME *name, const char *subject)
{
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject, -1,
                                      -1, 0) == 1;
}

static bool add_extension(X509 *certificate, X509V3_CTX *context, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
    bool good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static const char *usage_of(const struct kc_certificate_order *order)
{
    switch (order->profile) {
    case KC_PROFILE_ROOT:
    case KC_PROFILE_CROSS:
    case KC_PROFILE_ISSUER:
        return "critical,keyCertSign,cRLSign";
    case KC_PROFILE_SIGN:
        return "critical,digitalSignature,nonRepudiation";
    case KC_PROFILE_STATUS:
        return "critical,digitalSignature";
    case KC_PROFILE_ENCRYPT:
        break;
    }
    return order->key->type == KC_KEY_P256 ? "critical,keyAgreement" : "critical,keyEncipherment";
}

static const char *constraints_of(enum kc_profile profile)
{
    bool root = profile == KC_PROFILE_ROOT || profile == KC_PROFILE_CROSS;
    return root                           ? "critical,CA:TRUE,pathlen:1"
           : profile == KC_PROFILE_ISSUER ? "critical,CA:TRUE,pathlen:0"
                                          : "critical,CA:FALSE";
}

/* RFC 6960 section 4.2.2.2: for answers about revocation, and itself good until its end, which is near. */
static bool add_status_use(X509 *certificate, X509V3_CTX *context)
{
    return add_extension(certificate, context, NID_ext_key_usage, "critical,OCSPSigning") &&
           add_extension(certificate, context, NID_id_pkix_OCSP_noCheck, "ignored");
}

static bool add_extensions(X509 *certificate, X509 *issuer,
                           const struct kc_certificate_order *order)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    return add_extension(certificate, &context, NID_basic_constraints,
                         constraints_of(order->profile)) &&
           add_extension(certificate, &context, NID_key_usage, usage_of(order)) &&
           add_extension(certificate, &context, NID_subject_key_identifier, "hash") &&
           add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always") &&
           (order->profile != KC_PROFILE_STATUS || add_status_use(certificate, &context));
}

static bool set_times(X509 *certificate, const struct kc_certificate_order *order)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate),
                         (time_t)(order->not_before_ms / 1000u)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(order->not_after_ms / 1000u)) !=
               NULL;
}

/* ---- by a key in a token ----
 *
 * libcrypto signs with keys of its own only. So a throw-away key signs first, which puts the algorithm in its places; then the
 * part that is signed is signed again where the key is, and the whole is written anew around it. P-256 only. */

#define ECDSA_PART_SIZE_MAX 35u
#define DER_HEAD_SIZE_MAX 6u

static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

/* The key that signs in libcrypto's form: its own, or the throw-away one. */
static EVP_PKEY *signing_key(const struct kc_private_key *key)
{
    if (key->held == NULL) {
        return kc_pkey_from_private(key);
    }
    return key->type == KC_KEY_P256 ? EVP_EC_gen("P-256") : NULL;
}

/* Tag and length (X.690 §8.1.3) of at most KC_CRL_SIZE_MAX bytes. */
static size_t write_head(uint8_t out[DER_HEAD_SIZE_MAX], uint8_t tag, size_t size)
{
    size_t bytes = size < 0x80        ? 0
                   : size <= 0xff     ? 1
                   : size <= 0xffff   ? 2
                   : size <= 0xffffff ? 3
                                      : 4;
    out[0] = tag;
    out[1] = (uint8_t)(bytes == 0 ? size : 0x80u + bytes);
    for (size_t i = 0; i < bytes; i++) {
        out[2 + i] = (uint8_t)(size >> (8 * (bytes - 1 - i)));
    }
    return 2 + bytes;
}

/* The signature as a BIT STRING around a SEQUENCE of two numbers. */
static size_t write_signature(uint8_t *out, const uint8_t raw[64])
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL);
    BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);
    unsigned char *der = NULL;
    int size = -1;
    if (signature != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = NULL;
        s = NULL;
        size = i2d_ECDSA_SIG(signature, &der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    size_t used = 0;
    if (size > 0 && (size_t)size <= 2 + 2 * ECDSA_PART_SIZE_MAX) {
        used = write_head(out, 0x03, (size_t)size + 1);
        out[used++] = 0; /* no unused bits */
        memcpy(out + used, der, (size_t)size);
        used += (size_t)size;
    }
    OPENSSL_free(der);
    return used;
}

/* Signs what is to be signed where the key is; *out is allocated, and NULL when that fails. */
static int wrap_signed(unsigned char **out, const unsigned char *part, int part_size,
                       const struct kc_held_key *held)
{
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t raw[KC_SIGNATURE_SIZE_MAX];
    uint8_t bits[2 * DER_HEAD_SIZE_MAX + 2 * ECDSA_PART_SIZE_MAX];
    uint8_t head[DER_HEAD_SIZE_MAX];
    size_t size = 0;
    *out = NULL;
    if (part_size <= 0 ||
        EVP_Digest(part, (size_t)part_size, digest, NULL, EVP_sha256(), NULL) != 1 ||
        kc_failed(held->sign(held->context, raw, &size, digest)) || size != 64) {
        return -1;
    }
    size_t bits_size = write_signature(bits, raw);
    size_t inner = (size_t)part_size + sizeof ecdsa_sha256 + bits_size;
    size_t head_size = write_head(head, 0x30, inner);
    *out = bits_size == 0 ? NULL : OPENSSL_malloc(head_size + inner);
    if (*out == NULL) {
        return -1;
    }
    unsigned char *at = *out;
    memcpy(at, head, head_size);
    memcpy(at + head_size, part, (size_t)part_size);
    memcpy(at + head_size + (size_t)part_size, ecdsa_sha256, sizeof ecdsa_sha256);
    memcpy(at + head_size + (size_t)part_size + sizeof ecdsa_sha256, bits, bits_size);
    return (int)(head_size + inner);
}

/* DER of a certificate and of a list that were signed by signing_key(). */
static int write_certificate(unsigned char **out, X509 *certificate,
                             const struct kc_private_key *issuer_key)
{
    unsigned char *part = NULL;
    if (issuer_key->held == NULL) {
        return i2d_X509(certificate, out);
    }
    int size = i2d_re_X509_tbs(certificate, &part);
    size = wrap_signed(out, part, size, issuer_key->held);
    OPENSSL_free(part);
    return size;
}

static int write_list(unsigned char **out, X509_CRL *list, const struct kc_private_key *issuer_key)
{
    unsigned char *part = NULL;
    if (issuer_key->held == NULL) {
        return i2d_X509_CRL(list, out);
    }
    int size = i2d_re_X509_CRL_tbs(list, &part);
    size = wrap_signed(out, part, size, issuer_key->held);
    OPENSSL_free(part);
    return size;
}

/* `made` is the key in libcrypto's form, by which it was checked. One on P-256 is written as it is (RFC 5480 section 2):
 * libcrypto would write it, and read that with a decoder that it looks for first. */
static bool set_key(X509 *certificate, const struct kc_public_key *key, EVP_PKEY *made)
{
    size_t size = 1 + 2 * KC_P256_COORDINATE_SIZE;
    if (key->type != KC_KEY_P256) {
        return X509_set_pubkey(certificate, made) == 1;
    }
    uint8_t *point = OPENSSL_malloc(size);
    if (point == NULL) {
        return false;
    }
    point[0] = 0x04;
    memcpy(point + 1, key->p256.x, KC_P256_COORDINATE_SIZE);
    memcpy(point + 1 + KC_P256_COORDINATE_SIZE, key->p256.y, KC_P256_COORDINATE_SIZE);
    bool good = X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(certificate),
                                       OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_OBJECT,
                                       OBJ_nid2obj(NID_X9_62_prime256v1), point, (int)size) == 1;
    if (!good) {
        OPENSSL_free(point);
    }
    return good;
}

static bool fill(X509 *certificate, X509 *issuer, const struct kc_certificate_order *order,
                 EVP_PKEY *key, EVP_PKEY *issuer_key)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           kc_x509_set_serial(X509_get_serialNumber(certificate), order->serial) &&
           set_times(certificate, order) &&
           set_name(X509_get_subject_name(certificate), order->subject) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           set_key(certificate, order->key, key) && add_extensions(certificate, issuer, order) &&
           X509_sign(certificate, issuer_key, EVP_sha256()) > 0;
}

struct kc_result kc_certificate_make(struct kc_buffer *out,
                                     const struct kc_certificate_order *order,
                                     const struct kc_view *issuer,
                                     const struct kc_private_key *issuer_key)
{
    struct kc_result ready = kc_key_ready(issuer_key);
    out->size = 0;
    if (kc_failed(ready)) {
        return ready;
    }
    X509 *certificate = X509_new();
    X509 *parent = issuer == NULL ? NULL : kc_x509_parse(*issuer);
    EVP_PKEY *key = kc_pkey_from_public(order->key);
    EVP_PKEY *signing = signing_key(issuer_key);
    unsigned char *der = NULL;
    struct kc_result result = kc_result(KC_CRYPTO_FAILED);
    bool have =
        certificate != NULL && key != NULL && signing != NULL && (issuer == NULL || parent != NULL);
    if (have && fill(certificate, parent == NULL ? certificate : parent, order, key, signing)) {
        int size = write_certificate(&der, certificate, issuer_key);
        result = size <= 0 ? result : kc_buffer_append(out, kc_view(der, (size_t)size));
    }
    OPENSSL_free(der);
    EVP_PKEY_free(signing);
    EVP_PKEY_free(key);
    X509_free(parent);
    X509_free(certificate);
    ERR_clear_error();
    return result;
}

static bool add_revoked(X509_CRL *list, const struct kc_revoked *revoked)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)(revoked->time_ms / 1000u));
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
    bool good = entry != NULL && serial != NULL && time != NULL && reason != NULL &&
                kc_x509_set_serial(serial, revoked->serial) &&
                X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
                X509_REVOKED_set_revocationDate(entry, time) == 1 &&
                ASN1_ENUMERATED_set(reason, (long)revoked->reason) == 1 &&
                (revoked->reason == 0 ||
                 X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1);
    good = good && X509_CRL_add0_revoked(list, entry) == 1;
    if (!good) {
        X509_REVOKED_free(entry);
    }
    ASN1_ENUMERATED_free(reason);
    ASN1_TIME_free(time);
    ASN1_INTEGER_free(serial);
    return good;
}

static bool add_number(X509_CRL *list, uint64_t number)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();
    bool good = value != NULL && ASN1_INTEGER_set_uint64(value, number) == 1 &&
                X509_CRL_add1_ext_i2d(list, NID_crl_number, value, 0, 0) == 1;
    ASN1_INTEGER_free(value);
    return good;
}

static bool add_authority_key(X509_CRL *list, X509 *issuer)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, NULL, NULL, list, 0);
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
    bool good = extension != NULL && X509_CRL_add_ext(list, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool set_crl_times(X509_CRL *list, uint64_t this_update_ms, uint64_t next_update_ms)
{
    ASN1_TIME *this_update = ASN1_TIME_set(NULL, (time_t)(this_update_ms / 1000u));
    ASN1_TIME *next_update = ASN1_TIME_set(NULL, (time_t)(next_update_ms / 1000u));
    bool good = this_update != NULL && next_update != NULL &&
                X509_CRL_set1_lastUpdate(list, this_update) == 1 &&
                X509_CRL_set1_nextUpdate(list, next_update) == 1;
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    return good;
}

struct kc_result kc_crl_make(struct kc_view *out, const struct kc_revoked *revoked, size_t count,
                             uint64_t number, uint64_t this_update_ms, uint64_t next_update_ms,
                             struct kc_view issuer, const struct kc_private_key *issuer_key)
{
    struct kc_result ready = kc_key_ready(issuer_key);
    if (kc_failed(ready)) {
        return ready;
    }
    X509_CRL *list = X509_CRL_new();
    X509 *parent = kc_x509_parse(issuer);
    EVP_PKEY *signing = signing_key(issuer_key);
    unsigned char *der = NULL;
    bool good = list != NULL && parent != NULL && signing != NULL &&
                X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
                X509_CRL_set_issuer_name(list, X509_get_subject_name(parent)) == 1 &&
                set_crl_times(list, this_update_ms, next_update_ms) && add_number(list, number) &&
                add_authority_key(list, parent);
    for (size_t i = 0; good && i < count; i++) {
        good = add_revoked(list, &revoked[i]);
    }
    good = good && X509_CRL_sort(list) == 1 && X509_CRL_sign(list, signing, EVP_sha256()) > 0;
    int size = good ? write_list(&der, list, issuer_key) : -1;
    EVP_PKEY_free(signing);
    X509_free(parent);
    X509_CRL_free(list);
    ERR_clear_error();
    if (size <= 0) {
        return kc_result(KC_CRYPTO_FAILED);
    }
    *out = kc_view(der, (size_t)size);
    return kc_ok();
}

void kc_der_free(struct kc_view der)
{
    union {
        const uint8_t *in;
        void *out;
    } memory = {.in = der.data};
    OPENSSL_free(memory.out);
}
