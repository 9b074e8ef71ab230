#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "crypto/libcrypto_keys.h"
#include "crypto/x509.h"

static bool set_serial(ASN1_INTEGER *out, const uint8_t serial[KC_SERIAL_SIZE])
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
    case KC_PROFILE_ISSUER:
        return "critical,keyCertSign,cRLSign";
    case KC_PROFILE_SIGN:
        return "critical,digitalSignature,nonRepudiation";
    case KC_PROFILE_ENCRYPT:
        break;
    }
    return order->key->type == KC_KEY_P256 ? "critical,keyAgreement" : "critical,keyEncipherment";
}

static const char *constraints_of(enum kc_profile profile)
{
    return profile == KC_PROFILE_ROOT     ? "critical,CA:TRUE,pathlen:1"
           : profile == KC_PROFILE_ISSUER ? "critical,CA:TRUE,pathlen:0"
                                          : "critical,CA:FALSE";
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
           add_extension(certificate, &context, NID_authority_key_identifier, "keyid:always");
}

static X509 *parse_issuer(const struct kc_view *der)
{
    const unsigned char *at = der->data;
    return d2i_X509(NULL, &at, (long)der->size);
}

static bool set_times(X509 *certificate, const struct kc_certificate_order *order)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate),
                         (time_t)(order->not_before_ms / 1000u)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(order->not_after_ms / 1000u)) !=
               NULL;
}

static bool fill(X509 *certificate, X509 *issuer, const struct kc_certificate_order *order,
                 EVP_PKEY *key, EVP_PKEY *issuer_key)
{
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           set_serial(X509_get_serialNumber(certificate), order->serial) &&
           set_times(certificate, order) &&
           set_name(X509_get_subject_name(certificate), order->subject) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
           X509_set_pubkey(certificate, key) == 1 && add_extensions(certificate, issuer, order) &&
           X509_sign(certificate, issuer_key, EVP_sha256()) > 0;
}

struct kc_result kc_certificate_make(struct kc_buffer *out,
                                     const struct kc_certificate_order *order,
                                     const struct kc_view *issuer,
                                     const struct kc_private_key *issuer_key)
{
    X509 *certificate = X509_new();
    X509 *parent = issuer == NULL ? NULL : parse_issuer(issuer);
    EVP_PKEY *key = kc_pkey_from_public(order->key);
    EVP_PKEY *signing = kc_pkey_from_private(issuer_key);
    unsigned char *der = NULL;
    struct kc_result result = kc_result(KC_CRYPTO_FAILED);
    bool have =
        certificate != NULL && key != NULL && signing != NULL && (issuer == NULL || parent != NULL);
    out->size = 0;
    if (have && fill(certificate, parent == NULL ? certificate : parent, order, key, signing)) {
        int size = i2d_X509(certificate, &der);
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
                set_serial(serial, revoked->serial) &&
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
    X509_CRL *list = X509_CRL_new();
    X509 *parent = parse_issuer(&issuer);
    EVP_PKEY *signing = kc_pkey_from_private(issuer_key);
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
    int size = good ? i2d_X509_CRL(list, &der) : -1;
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
