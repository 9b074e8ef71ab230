#define _GNU_SOURCE

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/libcrypto_keys.h"
#include "crypto/x509.h"
#include "crypto/x509_inside.h"

#define USAGE_SIGN (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)
#define USAGE_CA (KU_KEY_CERT_SIGN | KU_CRL_SIGN)

bool kc_x509_time(uint64_t *out_ms, const ASN1_TIME *time)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    time_t seconds = timegm(&parts);
    *out_ms = (uint64_t)seconds * 1000u;
    return seconds >= 0;
}

static bool read_profile(enum kc_profile *out, X509 *certificate, enum kc_key_type type)
{
    uint32_t usage = X509_get_key_usage(certificate);
    uint32_t encrypt = type == KC_KEY_P256 ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT;
    bool is_ca = X509_check_ca(certificate) == 1;
    if (is_ca && usage == USAGE_CA) {
        bool self = X509_NAME_cmp(X509_get_subject_name(certificate),
                                  X509_get_issuer_name(certificate)) == 0;
        bool own = (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;
        *out = !self ? KC_PROFILE_ISSUER : own ? KC_PROFILE_ROOT : KC_PROFILE_CROSS;
        return true;
    }
    *out = usage == USAGE_SIGN ? KC_PROFILE_SIGN : KC_PROFILE_ENCRYPT;
    return !is_ca && (usage == USAGE_SIGN || usage == encrypt);
}

bool kc_x509_serial(uint8_t out[KC_SERIAL_SIZE], const ASN1_INTEGER *serial)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(serial, NULL);
    bool good = number != NULL && !BN_is_negative(number) &&
                BN_bn2binpad(number, out, KC_SERIAL_SIZE) == KC_SERIAL_SIZE;
    BN_free(number);
    return good;
}

static bool read_subject(char out[KC_SUBJECT_SIZE], X509 *certificate)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    int size = X509_NAME_get_text_by_NID(name, NID_commonName, out, KC_SUBJECT_SIZE);
    return size > 0 && size < KC_SUBJECT_SIZE - 1 && strlen(out) == (size_t)size &&
           X509_NAME_entry_count(name) == 1;
}

static struct kc_result read_certificate(struct kc_certificate *out, X509 *certificate)
{
    memset(out, 0, sizeof *out);
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    bool good = key != NULL && !kc_failed(kc_pkey_to_public(&out->key, key)) &&
                read_profile(&out->profile, certificate, out->key.type) &&
                kc_x509_serial(out->serial, X509_get0_serialNumber(certificate)) &&
                read_subject(out->subject, certificate) &&
                kc_x509_time(&out->not_before_ms, X509_get0_notBefore(certificate)) &&
                kc_x509_time(&out->not_after_ms, X509_get0_notAfter(certificate));
    ERR_clear_error();
    return kc_result(good ? KC_OK : KC_CERT_INVALID);
}

struct kc_result kc_certificate_read(struct kc_certificate *out, struct kc_view der)
{
    X509 *certificate = kc_x509_parse(der);
    if (certificate == NULL) {
        ERR_clear_error();
        return kc_result(KC_CERT_INVALID);
    }
    struct kc_result result = read_certificate(out, certificate);
    X509_free(certificate);
    return result;
}

static struct kc_result from_verify_error(int error)
{
    bool time = error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
    return kc_result(time ? KC_CERT_EXPIRED : KC_CERT_INVALID);
}

/* As a root and what is of its name are: nothing below the issuers is signed by such a key. */
static bool is_self_issued(X509 *certificate)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) ==
           0;
}

/* Verifies a path of exactly `length` certificates, so that nothing the root signed passes for what the issuer did. */
static struct kc_result verify_chain(X509 *leaf, X509 *issuer, X509 *root, int length,
                                     uint64_t now_ms)
{
    struct kc_result result = kc_result(KC_NO_MEMORY);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *untrusted = sk_X509_new_null();
    if (store != NULL && context != NULL && untrusted != NULL &&
        X509_STORE_add_cert(store, root) == 1 && sk_X509_push(untrusted, issuer) > 0 &&
        X509_STORE_CTX_init(context, store, leaf, untrusted) == 1) {
        X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
        X509_VERIFY_PARAM_set_time(param, (time_t)(now_ms / 1000u));
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
        X509_VERIFY_PARAM_set_depth(param, 2);
        result = X509_verify_cert(context) == 1
                     ? kc_ok()
                     : from_verify_error(X509_STORE_CTX_get_error(context));
        if (!kc_failed(result) && sk_X509_num(X509_STORE_CTX_get0_chain(context)) != length) {
            result = kc_result(KC_CERT_INVALID);
        }
    }
    sk_X509_free(untrusted);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return result;
}

struct kc_result kc_certificate_verify(struct kc_certificate *out, struct kc_view leaf,
                                       struct kc_view issuer, struct kc_view root, uint64_t now_ms)
{
    X509 *leaf_certificate = kc_x509_parse(leaf);
    X509 *issuer_certificate = kc_x509_parse(issuer);
    X509 *root_certificate = kc_x509_parse(root);
    struct kc_result result = kc_result(KC_CERT_INVALID);
    if (leaf_certificate != NULL && issuer_certificate != NULL && root_certificate != NULL) {
        result = verify_chain(leaf_certificate, issuer_certificate, root_certificate, 3, now_ms);
        if (!kc_failed(result) && is_self_issued(issuer_certificate)) {
            result = kc_result(KC_CERT_INVALID);
        }
        if (!kc_failed(result)) {
            result = read_certificate(out, leaf_certificate);
        }
        bool is_leaf = out->profile == KC_PROFILE_SIGN || out->profile == KC_PROFILE_ENCRYPT;
        if (!kc_failed(result) && !is_leaf) {
            result = kc_result(KC_CERT_INVALID);
        }
    }
    X509_free(leaf_certificate);
    X509_free(issuer_certificate);
    X509_free(root_certificate);
    ERR_clear_error();
    return result;
}

struct kc_result kc_certificate_verify_issuer(struct kc_view issuer, struct kc_view root,
                                              uint64_t now_ms)
{
    struct kc_certificate read;
    X509 *issuer_certificate = kc_x509_parse(issuer);
    X509 *root_certificate = kc_x509_parse(root);
    struct kc_result result = kc_result(KC_CERT_INVALID);
    if (issuer_certificate != NULL && root_certificate != NULL) {
        result = read_certificate(&read, issuer_certificate);
        if (!kc_failed(result) && read.profile != KC_PROFILE_ISSUER) {
            result = kc_result(KC_CERT_INVALID);
        }
        if (!kc_failed(result)) {
            result =
                verify_chain(issuer_certificate, issuer_certificate, root_certificate, 2, now_ms);
        }
    }
    X509_free(issuer_certificate);
    X509_free(root_certificate);
    ERR_clear_error();
    return result;
}

/* Whether one is a good certificate of that profile, of the same name as the root above. */
static bool is_of_root(struct kc_certificate *out, X509 *certificate, enum kc_profile profile,
                       X509 *above)
{
    return !kc_failed(read_certificate(out, certificate)) && out->profile == profile &&
           X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_subject_name(above)) == 0;
}

struct kc_result kc_certificate_verify_cross(uint64_t *until_ms, struct kc_view root,
                                             struct kc_view cross, struct kc_view above,
                                             uint64_t now_ms)
{
    struct kc_certificate self;
    struct kc_certificate crossed;
    X509 *certificates[3] = {kc_x509_parse(root), kc_x509_parse(cross), kc_x509_parse(above)};
    struct kc_result result = kc_result(KC_CERT_INVALID);
    if (certificates[0] != NULL && certificates[1] != NULL && certificates[2] != NULL &&
        is_of_root(&self, certificates[0], KC_PROFILE_ROOT, certificates[2]) &&
        is_of_root(&crossed, certificates[1], KC_PROFILE_CROSS, certificates[2]) &&
        EVP_PKEY_eq(X509_get0_pubkey(certificates[0]), X509_get0_pubkey(certificates[1])) == 1 &&
        X509_verify(certificates[0], X509_get0_pubkey(certificates[0])) == 1) {
        result = verify_chain(certificates[1], certificates[1], certificates[2], 2, now_ms);
        if (!kc_failed(result)) {
            result = verify_chain(certificates[0], certificates[0], certificates[0], 1, now_ms);
        }
        *until_ms =
            self.not_after_ms < crossed.not_after_ms ? self.not_after_ms : crossed.not_after_ms;
    }
    for (size_t i = 0; i < 3; i++) {
        X509_free(certificates[i]);
    }
    ERR_clear_error();
    return result;
}

/* ---- revocation lists ---- */

struct kc_crl {
    uint64_t next_update_ms;
    uint64_t number;
    size_t count;
    uint8_t (*serials)[KC_SERIAL_SIZE]; /* sorted */
};

static int compare_serials(const void *a, const void *b)
{
    return memcmp(a, b, KC_SERIAL_SIZE);
}

/* We make none, and RFC 5280 §5.2, §5.3 forbid to use a list with a critical extension that one does not process: it may cover a
 * part only, such as a delta. */
static bool is_plain(const X509_CRL *list)
{
    for (int i = 0; i < X509_CRL_get_ext_count(list); i++) {
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(list, i)) != 0) {
            return false;
        }
    }
    return X509_CRL_get_ext_by_NID(list, NID_delta_crl, -1) < 0;
}

static bool is_plain_entry(const X509_REVOKED *entry)
{
    for (int i = 0; i < X509_REVOKED_get_ext_count(entry); i++) {
        if (X509_EXTENSION_get_critical(X509_REVOKED_get_ext(entry, i)) != 0) {
            return false;
        }
    }
    return true;
}

static bool collect(struct kc_crl *out, X509_CRL *list)
{
    STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(list);
    size_t count = revoked == NULL ? 0 : (size_t)sk_X509_REVOKED_num(revoked);
    out->serials = calloc(count + 1, sizeof *out->serials);
    if (out->serials == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const X509_REVOKED *entry = sk_X509_REVOKED_value(revoked, (int)i);
        if (!is_plain_entry(entry) ||
            !kc_x509_serial(out->serials[i], X509_REVOKED_get0_serialNumber(entry))) {
            return false;
        }
    }
    out->count = count;
    qsort(out->serials, count, sizeof *out->serials, compare_serials);
    return true;
}

static bool read_number(uint64_t *out, const X509_CRL *list)
{
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(list, NID_crl_number, NULL, NULL);
    bool good = number != NULL && ASN1_INTEGER_get_uint64(out, number) == 1;
    ASN1_INTEGER_free(number);
    return good;
}

struct kc_result kc_crl_read(struct kc_crl **out, struct kc_view der, struct kc_view issuer)
{
    const unsigned char *at = der.data;
    struct kc_crl *crl = calloc(1, sizeof *crl);
    X509 *certificate = kc_x509_parse(issuer);
    X509_CRL *list = der.size > KC_CRL_SIZE_MAX ? NULL : d2i_X509_CRL(NULL, &at, (long)der.size);
    EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    bool good = crl != NULL && list != NULL && key != NULL && at == der.data + der.size &&
                X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(certificate)) == 0 &&
                X509_CRL_verify(list, key) == 1 && is_plain(list) &&
                X509_CRL_get0_nextUpdate(list) != NULL &&
                kc_x509_time(&crl->next_update_ms, X509_CRL_get0_nextUpdate(list)) &&
                read_number(&crl->number, list) && collect(crl, list);
    X509_CRL_free(list);
    X509_free(certificate);
    ERR_clear_error();
    if (!good) {
        kc_crl_free(crl);
        return kc_result(KC_CERT_INVALID);
    }
    *out = crl;
    return kc_ok();
}

void kc_crl_free(struct kc_crl *crl)
{
    if (crl != NULL) {
        free(crl->serials);
        free(crl);
    }
}

bool kc_crl_has(const struct kc_crl *crl, const uint8_t serial[KC_SERIAL_SIZE])
{
    return bsearch(serial, crl->serials, crl->count, sizeof *crl->serials, compare_serials) != NULL;
}

uint64_t kc_crl_next_update_ms(const struct kc_crl *crl)
{
    return crl->next_update_ms;
}

uint64_t kc_crl_number(const struct kc_crl *crl)
{
    return crl->number;
}

size_t kc_crl_count(const struct kc_crl *crl)
{
    return crl->count;
}

/* ---- PEM ---- */

struct kc_result kc_certificate_from_pem(struct kc_buffer *der, struct kc_view pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    unsigned char *encoded = NULL;
    int size = certificate == NULL ? -1 : i2d_X509(certificate, &encoded);
    struct kc_result result = kc_result(KC_CERT_INVALID);
    der->size = 0;
    if (size > 0) {
        result = kc_buffer_append(der, kc_view(encoded, (size_t)size));
    }
    OPENSSL_free(encoded);
    X509_free(certificate);
    BIO_free(bio);
    ERR_clear_error();
    return result;
}

struct kc_result kc_certificate_to_pem(struct kc_buffer *pem, struct kc_view der)
{
    X509 *certificate = kc_x509_parse(der);
    BIO *bio = BIO_new(BIO_s_mem());
    struct kc_result result = kc_result(KC_CERT_INVALID);
    char *text = NULL;
    pem->size = 0;
    if (certificate != NULL && bio != NULL && PEM_write_bio_X509(bio, certificate) == 1) {
        long size = BIO_get_mem_data(bio, &text);
        result = kc_buffer_append(pem, kc_view(text, (size_t)size));
    }
    BIO_free(bio);
    X509_free(certificate);
    return result;
}
