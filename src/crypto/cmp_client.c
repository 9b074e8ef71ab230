#include <openssl/err.h>
#include <string.h>
#include <time.h>

#include "crypto/cmp_parts.h"
#include "crypto/libcrypto_keys.h"

#define FIRST_REQUEST 0

/* One transaction on the asking side. */
struct asking {
    const struct kc_cmp_asker *asker;
    const struct kc_cmp_order *order; /* NULL for a revocation */
    struct kc_buffer *der;
    struct kc_view revoked; /* the certificate, or, with a serial, its issuer's */
    const uint8_t *serial;
    unsigned reason;
    OSSL_CMP_CTX *context;
    bool tried;
    struct kc_result sent;     /* the last failure on the way */
    struct kc_result accepted; /* what the certificate was found to be */
};

static OSSL_CMP_MSG *on_transfer(OSSL_CMP_CTX *context, const OSSL_CMP_MSG *message)
{
    struct asking *asking = OSSL_CMP_CTX_get_transfer_cb_arg(context);
    uint8_t request_bytes[KC_MESSAGE_SIZE_MAX];
    uint8_t reply_bytes[KC_MESSAGE_SIZE_MAX];
    struct kc_buffer request = KC_BUFFER(request_bytes);
    struct kc_buffer reply = KC_BUFFER(reply_bytes);
    asking->tried = true;
    asking->sent = kc_cmp_message_write(&request, message);
    if (!kc_failed(asking->sent)) {
        asking->sent = asking->asker->send(asking->asker->owner, &reply, kc_buffer_view(&request));
    }
    if (kc_failed(asking->sent)) {
        return NULL;
    }
    struct kc_cmp_facts facts;
    OSSL_CMP_MSG *answer = kc_cmp_message_read(kc_buffer_view(&reply));
    asking->sent = answer == NULL ? kc_result(KC_MALFORMED)
                                  : kc_cmp_facts_read(&facts, kc_buffer_view(&reply));
    if (!kc_failed(asking->sent) && !facts.is_signed) {
        asking->sent = kc_result(KC_BAD_SIGNATURE);
    }
    if (kc_failed(asking->sent)) {
        OSSL_CMP_MSG_free(answer);
        return NULL;
    }
    return answer;
}

static bool same_key(const struct kc_public_key *a, const struct kc_public_key *b)
{
    return a->type == b->type &&
           (a->type == KC_KEY_P256 ? memcmp(&a->p256, &b->p256, sizeof a->p256) == 0
                                   : memcmp(a->rsa.n, b->rsa.n, kc_rsa_size(a->type)) == 0);
}

static struct kc_result accept(struct asking *asking, X509 *made)
{
    const struct kc_cmp_order *order = asking->order;
    struct kc_certificate certificate;
    unsigned char *bytes = NULL;
    int size = i2d_X509(made, &bytes);
    struct kc_view der = kc_view(bytes, size > 0 ? (size_t)size : 0);
    uint64_t now_ms = (uint64_t)time(NULL) * 1000u;
    struct kc_result result = kc_result(KC_CERT_INVALID);
    for (size_t i = 0; i < asking->asker->issuer_count && kc_failed(result); i++) {
        result = kc_certificate_verify(&certificate, der, asking->asker->issuers[i],
                                       asking->asker->roots[i], now_ms);
    }
    if (!kc_failed(result) &&
        (certificate.profile != order->profile ||
         strcmp(certificate.subject, order->subject) != 0 ||
         !same_key(&certificate.key, order->key) || certificate.not_after_ms > order->expires_ms)) {
        result = kc_result(KC_CERT_INVALID);
    }
    if (!kc_failed(result)) {
        asking->der->size = 0;
        result = kc_buffer_append(asking->der, der);
    }
    OPENSSL_free(bytes);
    return result;
}

static int on_certificate(OSSL_CMP_CTX *context, X509 *certificate, int failure, const char **text)
{
    struct asking *asking = OSSL_CMP_CTX_get_certConf_cb_arg(context);
    asking->accepted = failure != 0 ? kc_result(KC_CERT_INVALID) : accept(asking, certificate);
    if (kc_failed(asking->accepted)) {
        *text = kc_error_name(asking->accepted.code);
        return failure != 0 ? failure : 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
    }
    return 0;
}

static X509_NAME *make_name(const char *common)
{
    X509_NAME *name = X509_NAME_new();
    if (name != NULL && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                   (const unsigned char *)common, -1, -1, 0) != 1) {
        X509_NAME_free(name);
        name = NULL;
    }
    return name;
}

static bool add_issuers(STACK_OF(X509) * chain, const struct kc_cmp_asker *asker)
{
    bool good = asker->issuer_count > 0;
    for (size_t i = 0; i < asker->issuer_count && good; i++) {
        X509 *issuer = kc_cmp_certificate(asker->issuers[i]);
        good = issuer != NULL && X509_add_cert(chain, issuer, X509_ADD_FLAG_UP_REF) == 1;
        X509_free(issuer);
    }
    return good;
}

static bool add_roots(X509_STORE *store, const struct kc_cmp_asker *asker)
{
    bool good = true;
    for (size_t i = 0; i < asker->issuer_count && good; i++) {
        X509 *root = kc_cmp_certificate(asker->roots[i]);
        good = root != NULL && X509_STORE_add_cert(store, root) == 1;
        X509_free(root);
    }
    return good;
}

/* Called for each certificate on the way up from the answerer's, which is at depth 0. */
static int on_verified(int good, X509_STORE_CTX *path)
{
    const struct kc_cmp_asker *asker = X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(path), 0);
    if (good != 1 || X509_STORE_CTX_get_error_depth(path) > 0) {
        return good;
    }
    unsigned char *bytes = NULL;
    int size = i2d_X509(X509_STORE_CTX_get_current_cert(path), &bytes);
    if (size <= 0 || asker->is_revoked(asker->lists, kc_view(bytes, (size_t)size))) {
        X509_STORE_CTX_set_error(path, X509_V_ERR_CERT_REVOKED);
        good = 0;
    }
    OPENSSL_free(bytes);
    return good;
}

/* The store keeps the asker until the transaction is over. */
static bool watch_lists(X509_STORE *store, const struct kc_cmp_asker *asker)
{
    union {
        const struct kc_cmp_asker *in;
        void *out;
    } kept = {.in = asker};
    X509_STORE_set_verify_cb(store, on_verified);
    return X509_STORE_set_ex_data(store, 0, kept.out) == 1;
}

static bool trust(OSSL_CMP_CTX *context, const struct kc_cmp_asker *asker)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_NAME *answerer = make_name(asker->answerer);
    bool good = store != NULL && chain != NULL && answerer != NULL && add_roots(store, asker) &&
                watch_lists(store, asker) && add_issuers(chain, asker) &&
                OSSL_CMP_CTX_set1_untrusted(context, chain) == 1 &&
                OSSL_CMP_CTX_set1_expected_sender(context, answerer) == 1 &&
                OSSL_CMP_CTX_set1_recipient(context, answerer) == 1 &&
                OSSL_CMP_CTX_set0_trustedStore(context, store) == 1;
    if (!good) {
        X509_STORE_free(store);
    }
    X509_NAME_free(answerer);
    sk_X509_pop_free(chain, X509_free);
    return good;
}

static bool prepare(struct asking *asking)
{
    const struct kc_cmp_asker *asker = asking->asker;
    OSSL_CMP_CTX *context = asking->context;
    X509 *certificate = kc_cmp_certificate(asker->certificate);
    EVP_PKEY *key = kc_cmp_key(asker->key);
    int seconds = (int)(asker->timeout_ms / 1000u);
    bool good = certificate != NULL && key != NULL &&
                OSSL_CMP_CTX_set_log_cb(context, kc_cmp_say_nothing) == 1 &&
                OSSL_CMP_CTX_set1_cert(context, certificate) == 1 &&
                OSSL_CMP_CTX_set1_pkey(context, key) == 1 && trust(context, asker) &&
                OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_TOTAL_TIMEOUT,
                                        seconds < 1 ? 1 : seconds) == 1 &&
                OSSL_CMP_CTX_set_transfer_cb(context, on_transfer) == 1 &&
                OSSL_CMP_CTX_set_transfer_cb_arg(context, asking) == 1;
    EVP_PKEY_free(key);
    X509_free(certificate);
    return good;
}

static X509_EXTENSIONS *make_extensions(const struct kc_cmp_order *order)
{
    const char *value = order->profile == KC_PROFILE_SIGN
                            ? "critical,digitalSignature,nonRepudiation"
                        : order->key->type == KC_KEY_P256 ? "critical,keyAgreement"
                                                          : "critical,keyEncipherment";
    X509_EXTENSION *usage = X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, value);
    X509_EXTENSIONS *list = sk_X509_EXTENSION_new_null();
    if (usage == NULL || list == NULL || sk_X509_EXTENSION_push(list, usage) <= 0) {
        X509_EXTENSION_free(usage);
        sk_X509_EXTENSION_free(list);
        return NULL;
    }
    return list;
}

/* What is wanted, into the context. */
static bool prepare_order(struct asking *asking)
{
    const struct kc_cmp_order *order = asking->order;
    OSSL_CMP_CTX *context = asking->context;
    X509_NAME *subject = make_name(order->subject);
    X509_EXTENSIONS *extensions = make_extensions(order);
    EVP_PKEY *key = kc_pkey_from_public(order->key);
    bool keyed = key != NULL && OSSL_CMP_CTX_set0_newPkey(context, 0, key) == 1;
    bool extended = extensions != NULL && OSSL_CMP_CTX_set0_reqExtensions(context, extensions) == 1;
    if (!keyed) {
        EVP_PKEY_free(key);
    }
    if (!extended) {
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    }
    bool good = keyed && extended && subject != NULL &&
                OSSL_CMP_CTX_set1_subjectName(context, subject) == 1 &&
                OSSL_CMP_CTX_set_option(context, OSSL_CMP_OPT_POPO_METHOD,
                                        OSSL_CRMF_POPO_RAVERIFIED) == 1 &&
                OSSL_CMP_CTX_set_certConf_cb(context, on_certificate) == 1 &&
                OSSL_CMP_CTX_set_certConf_cb_arg(context, asking) == 1;
    X509_NAME_free(subject);
    return good;
}

/* The private key is elsewhere, so that the asker vouches for it. */
static bool perform_order(struct asking *asking)
{
    OSSL_CRMF_MSG *wish = OSSL_CMP_CTX_setup_CRM(asking->context, 0, FIRST_REQUEST);
    ASN1_TIME *end = ASN1_TIME_set(NULL, (time_t)(asking->order->expires_ms / 1000u));
    bool timed = wish != NULL && end != NULL && OSSL_CRMF_MSG_set0_validity(wish, NULL, end) == 1;
    if (!timed) {
        ASN1_TIME_free(end);
    }
    bool good =
        timed &&
        OSSL_CRMF_MSG_create_popo(OSSL_CRMF_POPO_RAVERIFIED, wish, NULL, NULL, NULL, NULL) == 1 &&
        OSSL_CMP_exec_certreq(asking->context, OSSL_CMP_CR, wish) != NULL;
    OSSL_CRMF_MSG_free(wish);
    return good;
}

/* A refusal's text may be one of our names; else its first failure that has one. */
static struct kc_result refusal_of(const OSSL_CMP_CTX *context)
{
    static const struct {
        int bit;
        enum kc_error error;
    } table[] = {
        {OSSL_CMP_PKIFAILUREINFO_badTime, KC_EXPIRED},
        {OSSL_CMP_PKIFAILUREINFO_transactionIdInUse, KC_REPLAYED},
        {OSSL_CMP_PKIFAILUREINFO_notAuthorized, KC_NOT_ALLOWED},
        {OSSL_CMP_PKIFAILUREINFO_signerNotTrusted, KC_NOT_ALLOWED},
        {OSSL_CMP_PKIFAILUREINFO_duplicateCertReq, KC_ALREADY_EXISTS},
        {OSSL_CMP_PKIFAILUREINFO_certRevoked, KC_CERT_REVOKED},
        {OSSL_CMP_PKIFAILUREINFO_badCertId, KC_NOT_FOUND},
        {OSSL_CMP_PKIFAILUREINFO_systemUnavail, KC_AUTHORITY_DOWN},
    };
    OSSL_CMP_PKIFREETEXT *texts = OSSL_CMP_CTX_get0_statusString(context);
    char text[64] = "";
    if (sk_ASN1_UTF8STRING_num(texts) > 0) {
        const ASN1_UTF8STRING *first = sk_ASN1_UTF8STRING_value(texts, 0);
        size_t size = (size_t)ASN1_STRING_length(first);
        if (size < sizeof text) {
            memcpy(text, ASN1_STRING_get0_data(first), size);
            text[size] = '\0';
        }
    }
    enum kc_error named = text[0] == '\0' ? KC_OK : kc_error_from_name(text);
    if (named != KC_OK && named != KC_INTERNAL) {
        return kc_result(named);
    }
    int failures = OSSL_CMP_CTX_get_failInfoCode(context);
    for (size_t i = 0; failures > 0 && i < sizeof table / sizeof table[0]; i++) {
        if ((failures & 1 << table[i].bit) != 0) {
            return kc_result(table[i].error);
        }
    }
    return kc_result(KC_AUTHORITY_REFUSED);
}

/* Why it failed. A status is in the context only when the answer's signature was good. */
static struct kc_result failure_of(const struct asking *asking)
{
    int status = OSSL_CMP_CTX_get_status(asking->context);
    if (!asking->tried || kc_failed(asking->sent)) {
        return asking->tried ? asking->sent : kc_result(KC_CRYPTO_FAILED);
    }
    if (kc_failed(asking->accepted)) {
        return asking->accepted;
    }
    if (status == OSSL_CMP_PKISTATUS_waiting) {
        return kc_result(KC_TIMEOUT);
    }
    return status == OSSL_CMP_PKISTATUS_rejection ? refusal_of(asking->context)
                                                  : kc_result(KC_BAD_SIGNATURE);
}

static struct kc_result run(struct asking *asking, bool (*prepare_more)(struct asking *asking),
                            bool (*perform)(struct asking *asking))
{
    struct kc_result result = kc_key_ready(asking->asker->key);
    if (kc_failed(result)) {
        return result;
    }
    asking->context = OSSL_CMP_CTX_new(NULL, NULL);
    result = kc_result(KC_NO_MEMORY);
    if (asking->context != NULL) {
        bool good = prepare(asking) && prepare_more(asking);
        result = !good             ? kc_result(KC_CRYPTO_FAILED)
                 : perform(asking) ? kc_ok()
                                   : failure_of(asking);
    }
    OSSL_CMP_CTX_free(asking->context);
    ERR_clear_error();
    return result;
}

struct kc_result kc_cmp_certify(struct kc_buffer *der, const struct kc_cmp_asker *asker,
                                const struct kc_cmp_order *order)
{
    struct asking asking = {.asker = asker, .order = order, .der = der};
    der->size = 0;
    struct kc_result result = run(&asking, prepare_order, perform_order);
    if (kc_failed(result)) {
        der->size = 0;
    }
    return result;
}

/* What a revocation is told by: issuer and number. libcrypto reads them from a certificate, which has to be whole, and nothing
 * else of it: so it gets the issuer's, under these two. */
static X509 *name_certificate(struct kc_view issuer, const uint8_t serial[KC_SERIAL_SIZE])
{
    X509 *named = kc_cmp_certificate(issuer);
    BIGNUM *number = BN_bin2bn(serial, KC_SERIAL_SIZE, NULL);
    bool good = named != NULL && number != NULL &&
                X509_set_issuer_name(named, X509_get_subject_name(named)) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(named)) != NULL;
    BN_free(number);
    if (!good) {
        X509_free(named);
        return NULL;
    }
    return named;
}

static bool prepare_revocation(struct asking *asking)
{
    X509 *certificate = asking->serial == NULL ? kc_cmp_certificate(asking->revoked)
                                               : name_certificate(asking->revoked, asking->serial);
    bool good = certificate != NULL &&
                OSSL_CMP_CTX_set1_oldCert(asking->context, certificate) == 1 &&
                OSSL_CMP_CTX_set_option(asking->context, OSSL_CMP_OPT_REVOCATION_REASON,
                                        (int)asking->reason) == 1;
    X509_free(certificate);
    return good;
}

static bool perform_revocation(struct asking *asking)
{
    return OSSL_CMP_exec_RR_ses(asking->context) == 1;
}

struct kc_result kc_cmp_revoke(const struct kc_cmp_asker *asker, struct kc_view der,
                               unsigned reason)
{
    struct asking asking = {.asker = asker, .revoked = der, .reason = reason};
    return run(&asking, prepare_revocation, perform_revocation);
}

struct kc_result kc_cmp_revoke_number(const struct kc_cmp_asker *asker, struct kc_view issuer,
                                      const uint8_t serial[KC_SERIAL_SIZE], unsigned reason)
{
    struct asking asking = {.asker = asker, .revoked = issuer, .serial = serial, .reason = reason};
    return run(&asking, prepare_revocation, perform_revocation);
}
