#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/libcrypto_keys.h"
#include "crypto/ocsp.h"
#include "crypto/x509_inside.h"

/* Tag and length of an OCTET STRING, where somebody puts the nonce into one as RFC 6960 wants it. */
#define NONCE_HEAD_SIZE 3u

struct kc_ocsp_signer {
    X509 *certificate;
    X509 *issuer;
    EVP_PKEY *key;
};

void kc_ocsp_signer_free(struct kc_ocsp_signer *signer)
{
    if (signer != NULL) {
        X509_free(signer->certificate);
        X509_free(signer->issuer);
        EVP_PKEY_free(signer->key);
        free(signer);
    }
}

struct kc_result kc_ocsp_signer_open(struct kc_ocsp_signer **out, struct kc_view certificate,
                                     struct kc_view issuer, const struct kc_private_key *key)
{
    struct kc_ocsp_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    signer->certificate = kc_x509_parse(certificate);
    signer->issuer = kc_x509_parse(issuer);
    signer->key = key->held == NULL ? kc_pkey_from_private(key) : NULL;
    struct kc_result result = kc_ok();
    if (signer->certificate == NULL || signer->issuer == NULL) {
        result = kc_result(KC_CERT_INVALID);
    } else if (signer->key == NULL) {
        result = kc_result(KC_CRYPTO_FAILED);
    } else if (X509_check_private_key(signer->certificate, signer->key) != 1) {
        result = kc_result(KC_CERT_INVALID);
    }
    ERR_clear_error();
    if (kc_failed(result)) {
        kc_ocsp_signer_free(signer);
        return result;
    }
    *out = signer;
    return result;
}

static bool nonce_fits(OCSP_REQUEST *request)
{
    int at = OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1);
    if (at < 0) {
        return true;
    }
    int size = ASN1_STRING_length(X509_EXTENSION_get_data(OCSP_REQUEST_get_ext(request, at)));
    return size > 0 && size <= (int)(KC_OCSP_NONCE_SIZE_MAX + NONCE_HEAD_SIZE) &&
           OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, at) < 0;
}

/* A critical extension is one that must not be passed over, and but for the nonce we know none. */
static bool is_plain(OCSP_REQUEST *request)
{
    for (int i = 0; i < OCSP_REQUEST_get_ext_count(request); i++) {
        X509_EXTENSION *extension = OCSP_REQUEST_get_ext(request, i);
        bool nonce = OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_id_pkix_OCSP_Nonce;
        if (X509_EXTENSION_get_critical(extension) != 0 && !nonce) {
            return false;
        }
    }
    for (int i = 0; i < OCSP_request_onereq_count(request); i++) {
        OCSP_ONEREQ *one = OCSP_request_onereq_get0(request, i);
        for (int j = 0; j < OCSP_ONEREQ_get_ext_count(one); j++) {
            if (X509_EXTENSION_get_critical(OCSP_ONEREQ_get_ext(one, j)) != 0) {
                return false;
            }
        }
    }
    return true;
}

static OCSP_REQUEST *read_question(struct kc_view der)
{
    const unsigned char *at = der.data;
    OCSP_REQUEST *request =
        der.size > KC_OCSP_REQUEST_SIZE_MAX ? NULL : d2i_OCSP_REQUEST(NULL, &at, (long)der.size);
    if (request == NULL) {
        return NULL;
    }
    int count = OCSP_request_onereq_count(request);
    if (at == der.data + der.size && count > 0 && count <= (int)KC_OCSP_SERIALS_MAX &&
        nonce_fits(request) && is_plain(request)) {
        return request;
    }
    OCSP_REQUEST_free(request);
    return NULL;
}

/* Whether an id names our issuer, by whatever digest of the usual ones. */
static bool is_ours(OCSP_CERTID *id, X509 *issuer)
{
    ASN1_OBJECT *digest = NULL;
    if (OCSP_id_get0_info(NULL, &digest, NULL, NULL, id) != 1) {
        return false;
    }
    int kind = OBJ_obj2nid(digest);
    const EVP_MD *md = kind == NID_sha1     ? EVP_sha1()
                       : kind == NID_sha256 ? EVP_sha256()
                       : kind == NID_sha384 ? EVP_sha384()
                       : kind == NID_sha512 ? EVP_sha512()
                                            : NULL;
    OCSP_CERTID *own = md == NULL ? NULL : OCSP_cert_to_id(md, NULL, issuer);
    bool ours = own != NULL && OCSP_id_issuer_cmp(own, id) == 0;
    OCSP_CERTID_free(own);
    return ours;
}

struct kc_ocsp_signer *kc_ocsp_signer_for(struct kc_ocsp_signer *const *signers, size_t count,
                                          struct kc_view question)
{
    OCSP_REQUEST *request = read_question(question);
    struct kc_ocsp_signer *found = NULL;
    for (size_t i = 0; request != NULL && found == NULL && i < count; i++) {
        OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0));
        found = signers[i] != NULL && is_ours(id, signers[i]->issuer) ? signers[i] : NULL;
    }
    OCSP_REQUEST_free(request);
    ERR_clear_error();
    return found;
}

static struct kc_result look_at(struct kc_ocsp_word *out, OCSP_CERTID *id, X509 *issuer,
                                kc_ocsp_look look, void *owner)
{
    ASN1_INTEGER *number = NULL;
    uint8_t serial[KC_SERIAL_SIZE];
    *out = (struct kc_ocsp_word){.status = KC_OCSP_UNKNOWN};
    if (!is_ours(id, issuer) || OCSP_id_get0_info(NULL, NULL, NULL, &number, id) != 1 ||
        !kc_x509_serial(serial, number)) {
        return kc_ok();
    }
    return look(owner, out, serial);
}

static bool add_word(OCSP_BASICRESP *answer, OCSP_CERTID *id, const struct kc_ocsp_word *word,
                     ASN1_TIME *this_update, ASN1_TIME *next_update)
{
    bool revoked = word->status == KC_OCSP_REVOKED;
    int status = revoked                        ? V_OCSP_CERTSTATUS_REVOKED
                 : word->status == KC_OCSP_GOOD ? V_OCSP_CERTSTATUS_GOOD
                                                : V_OCSP_CERTSTATUS_UNKNOWN;
    ASN1_TIME *time =
        revoked ? ASN1_GENERALIZEDTIME_set(NULL, (time_t)(word->revoked_ms / 1000u)) : NULL;
    /* A reason of 0 is said by leaving it out. */
    int reason = word->reason == 0 ? OCSP_REVOKED_STATUS_NOSTATUS : (int)word->reason;
    bool good =
        (!revoked || time != NULL) &&
        OCSP_basic_add1_status(answer, id, status, reason, time, this_update, next_update) != NULL;
    ASN1_TIME_free(time);
    return good;
}

static struct kc_result fill(OCSP_BASICRESP *answer, OCSP_REQUEST *request,
                             const struct kc_ocsp_signer *signer, ASN1_TIME *const times[2],
                             kc_ocsp_look look, void *owner)
{
    if (answer == NULL || times[0] == NULL || times[1] == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    for (int i = 0; i < OCSP_request_onereq_count(request); i++) {
        OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, i));
        struct kc_ocsp_word word;
        struct kc_result result = look_at(&word, id, signer->issuer, look, owner);
        if (!kc_failed(result) && !add_word(answer, id, &word, times[0], times[1])) {
            result = kc_result(KC_CRYPTO_FAILED);
        }
        if (kc_failed(result)) {
            return result;
        }
    }
    bool good = OCSP_copy_nonce(answer, request) > 0 &&
                OCSP_basic_sign(answer, signer->certificate, signer->key, EVP_sha256(), NULL,
                                OCSP_RESPID_KEY) == 1;
    return kc_result(good ? KC_OK : KC_CRYPTO_FAILED);
}

static struct kc_result write_answer(struct kc_buffer *out, int status, OCSP_BASICRESP *answer)
{
    OCSP_RESPONSE *response = OCSP_response_create(status, answer);
    unsigned char *der = NULL;
    int size = response == NULL ? -1 : i2d_OCSP_RESPONSE(response, &der);
    out->size = 0;
    struct kc_result result =
        size <= 0 ? kc_result(KC_CRYPTO_FAILED) : kc_buffer_append(out, kc_view(der, (size_t)size));
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    return result;
}

struct kc_result kc_ocsp_answer(struct kc_buffer *out, struct kc_ocsp_signer *signer,
                                struct kc_view question, uint64_t now_ms, uint64_t life_ms,
                                kc_ocsp_look look, void *owner)
{
    OCSP_REQUEST *request = read_question(question);
    OCSP_BASICRESP *answer = request == NULL ? NULL : OCSP_BASICRESP_new();
    ASN1_TIME *const times[2] = {
        ASN1_GENERALIZEDTIME_set(NULL, (time_t)(now_ms / 1000u)),
        ASN1_GENERALIZEDTIME_set(NULL, (time_t)((now_ms + life_ms) / 1000u))};
    struct kc_result result = request == NULL  ? kc_result(KC_MALFORMED)
                              : signer == NULL ? kc_result(KC_BUSY)
                                               : fill(answer, request, signer, times, look, owner);
    int status = request == NULL     ? OCSP_RESPONSE_STATUS_MALFORMEDREQUEST
                 : signer == NULL    ? OCSP_RESPONSE_STATUS_TRYLATER
                 : kc_failed(result) ? OCSP_RESPONSE_STATUS_INTERNALERROR
                                     : OCSP_RESPONSE_STATUS_SUCCESSFUL;
    struct kc_result written = write_answer(out, status, kc_failed(result) ? NULL : answer);
    ASN1_TIME_free(times[0]);
    ASN1_TIME_free(times[1]);
    OCSP_BASICRESP_free(answer);
    OCSP_REQUEST_free(request);
    ERR_clear_error();
    return kc_failed(result) ? result : written;
}

struct kc_result kc_ocsp_path_read(struct kc_buffer *out, const char *path)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = strlen(path);
    uint8_t bytes[KC_OCSP_PATH_SIZE_MAX / 4 * 3];
    size_t used = strspn(path, digits);
    size_t padding = size - used;
    out->size = 0;
    if (size > KC_OCSP_PATH_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    if (size == 0 || size % 4 != 0 || padding > 2 || strspn(path + used, "=") != padding ||
        EVP_DecodeBlock(bytes, (const unsigned char *)path, (int)size) != (int)(size / 4 * 3)) {
        ERR_clear_error();
        return kc_result(KC_MALFORMED);
    }
    return kc_buffer_append(out, kc_view(bytes, size / 4 * 3 - padding));
}
