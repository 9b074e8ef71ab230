#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "crypto/ocsp.h"
#include "crypto/x509_inside.h"

static bool add_serial(OCSP_REQUEST *request, const uint8_t serial[KC_SERIAL_SIZE], X509 *issuer)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    OCSP_CERTID *id = NULL;
    if (number != NULL && kc_x509_set_serial(number, serial)) {
        id = OCSP_cert_id_new(EVP_sha256(), X509_get_subject_name(issuer),
                              X509_get0_pubkey_bitstr(issuer), number);
    }
    ASN1_INTEGER_free(number);
    if (id == NULL || OCSP_request_add0_id(request, id) == NULL) {
        OCSP_CERTID_free(id);
        return false;
    }
    return true;
}

static bool add_nonce(OCSP_REQUEST *request, const uint8_t nonce[KC_OCSP_NONCE_SIZE])
{
    unsigned char bytes[KC_OCSP_NONCE_SIZE];
    memcpy(bytes, nonce, sizeof bytes);
    return OCSP_request_add1_nonce(request, bytes, (int)sizeof bytes) == 1;
}

struct kc_result kc_ocsp_ask(struct kc_buffer *out, struct kc_view serials,
                             const uint8_t nonce[KC_OCSP_NONCE_SIZE], struct kc_view issuer)
{
    X509 *certificate = kc_x509_parse(issuer);
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    unsigned char *der = NULL;
    struct kc_result result = kc_result(certificate == NULL ? KC_CERT_INVALID : KC_CRYPTO_FAILED);
    size_t count = serials.size / KC_SERIAL_SIZE;
    bool good = certificate != NULL && request != NULL && count > 0 &&
                count <= KC_OCSP_SERIALS_MAX && serials.size % KC_SERIAL_SIZE == 0;
    for (size_t i = 0; good && i < count; i++) {
        good = add_serial(request, serials.data + i * KC_SERIAL_SIZE, certificate);
    }
    out->size = 0;
    if (good && add_nonce(request, nonce)) {
        int size = i2d_OCSP_REQUEST(request, &der);
        result = size <= 0 ? result : kc_buffer_append(out, kc_view(der, (size_t)size));
    }
    OPENSSL_free(der);
    OCSP_REQUEST_free(request);
    X509_free(certificate);
    ERR_clear_error();
    return result;
}

/* Whether the issuer, under its root, or whom it certified for answers, signed. Never who merely has a certificate of the
 * same issuer, and never somebody the root certified: that is what OCSP_basic_verify looks at with these flags. */
static struct kc_result check_signature(OCSP_BASICRESP *basic,
                                        const struct kc_ocsp_expected *expected)
{
    X509 *issuer = kc_x509_parse(expected->issuer);
    X509 *root = kc_x509_parse(expected->root);
    X509_STORE *store = X509_STORE_new();
    X509_VERIFY_PARAM *param = X509_VERIFY_PARAM_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    bool good = false;
    if (issuer != NULL && root != NULL && store != NULL && param != NULL && others != NULL &&
        X509_STORE_add_cert(store, root) == 1 && sk_X509_push(others, issuer) > 0) {
        X509_VERIFY_PARAM_set_time(param, (time_t)(expected->now_ms / 1000u));
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
        good = X509_STORE_set1_param(store, param) == 1 &&
               OCSP_basic_verify(basic, others, store, OCSP_NOEXPLICIT) == 1;
    }
    sk_X509_free(others);
    X509_VERIFY_PARAM_free(param);
    X509_STORE_free(store);
    X509_free(root);
    X509_free(issuer);
    return kc_result(good ? KC_OK : KC_CERT_INVALID);
}

static struct kc_result check_times(const ASN1_GENERALIZEDTIME *this_update,
                                    const ASN1_GENERALIZEDTIME *next_update,
                                    const struct kc_ocsp_expected *expected)
{
    uint64_t from_ms;
    uint64_t until_ms;
    if (this_update == NULL || next_update == NULL || !kc_x509_time(&from_ms, this_update) ||
        !kc_x509_time(&until_ms, next_update)) {
        return kc_result(KC_MALFORMED);
    }
    bool now = from_ms <= expected->now_ms + expected->clock_ms &&
               until_ms + expected->clock_ms >= expected->now_ms && from_ms <= until_ms;
    return kc_result(now ? KC_OK : KC_EXPIRED);
}

static struct kc_result read_words(enum kc_ocsp_status *out, size_t count, OCSP_BASICRESP *basic,
                                   OCSP_REQUEST *request, const struct kc_ocsp_expected *expected)
{
    enum kc_ocsp_status words[KC_OCSP_SERIALS_MAX];
    if (count > KC_OCSP_SERIALS_MAX || OCSP_request_onereq_count(request) != (int)count) {
        return kc_result(KC_MISMATCH);
    }
    for (size_t i = 0; i < count; i++) {
        OCSP_CERTID *id = OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, (int)i));
        ASN1_GENERALIZEDTIME *from = NULL;
        ASN1_GENERALIZEDTIME *until = NULL;
        int status = V_OCSP_CERTSTATUS_UNKNOWN;
        if (OCSP_resp_find_status(basic, id, &status, NULL, NULL, &from, &until) != 1) {
            return kc_result(KC_MISMATCH);
        }
        struct kc_result result = check_times(from, until, expected);
        if (kc_failed(result)) {
            return result;
        }
        words[i] = status == V_OCSP_CERTSTATUS_GOOD      ? KC_OCSP_GOOD
                   : status == V_OCSP_CERTSTATUS_REVOKED ? KC_OCSP_REVOKED
                                                         : KC_OCSP_UNKNOWN;
    }
    memcpy(out, words, count * sizeof words[0]);
    return kc_ok();
}

static struct kc_result read_basic(enum kc_ocsp_status *out, size_t count, OCSP_BASICRESP *basic,
                                   const struct kc_ocsp_expected *expected)
{
    const unsigned char *at = expected->question.data;
    OCSP_REQUEST *request = d2i_OCSP_REQUEST(NULL, &at, (long)expected->question.size);
    if (request == NULL) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = check_signature(basic, expected);
    if (!kc_failed(result) && OCSP_check_nonce(request, basic) != 1) {
        result = kc_result(KC_REPLAYED);
    }
    if (!kc_failed(result)) {
        result = read_words(out, count, basic, request, expected);
    }
    OCSP_REQUEST_free(request);
    return result;
}

static struct kc_result from_status(int status)
{
    switch (status) {
    case OCSP_RESPONSE_STATUS_SUCCESSFUL:
        return kc_ok();
    case OCSP_RESPONSE_STATUS_INTERNALERROR:
    case OCSP_RESPONSE_STATUS_TRYLATER:
        return kc_result(KC_BUSY);
    case OCSP_RESPONSE_STATUS_SIGREQUIRED:
    case OCSP_RESPONSE_STATUS_UNAUTHORIZED:
        return kc_result(KC_NOT_ALLOWED);
    default:
        return kc_result(KC_MALFORMED);
    }
}

struct kc_result kc_ocsp_read(enum kc_ocsp_status *out, size_t count, struct kc_view answer,
                              const struct kc_ocsp_expected *expected)
{
    const unsigned char *at = answer.data;
    OCSP_RESPONSE *response = answer.size > KC_OCSP_REPLY_SIZE_MAX
                                  ? NULL
                                  : d2i_OCSP_RESPONSE(NULL, &at, (long)answer.size);
    for (size_t i = 0; i < count; i++) {
        out[i] = KC_OCSP_UNKNOWN;
    }
    bool whole = response != NULL && at == answer.data + answer.size;
    struct kc_result result =
        whole ? from_status(OCSP_response_status(response)) : kc_result(KC_MALFORMED);
    OCSP_BASICRESP *basic = kc_failed(result) ? NULL : OCSP_response_get1_basic(response);
    if (!kc_failed(result)) {
        result = basic == NULL ? kc_result(KC_MALFORMED) : read_basic(out, count, basic, expected);
    }
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return result;
}
