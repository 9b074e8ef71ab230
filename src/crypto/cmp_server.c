#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cmp_parts.h"

/* A transaction: from the first message to its last answer. libcrypto's context holds the transaction's number, the nonce that
 * the next message has to repeat, and the certificate that it has to be signed with. */
struct transaction {
    struct kc_cmp_server *server;
    OSSL_CMP_SRV_CTX *context;
    struct kc_cmp_facts facts;
    struct kc_cmp_ask ask;
    enum kc_error outcome;
    bool fresh;   /* its time is right and its number was not seen before */
    bool reached; /* libcrypto took the message */
    bool granted;
    uint64_t number; /* in the order of their beginning */
    uint8_t name[KC_DIGEST_SIZE];
    size_t der_size;
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
};

struct kc_cmp_server {
    struct kc_cmp_answerer answerer;
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * issuers;
    STACK_OF(X509) * crosses;
    struct transaction *open[KC_CMP_OPEN_MAX];
    uint64_t begun;
    uint8_t seen[KC_CMP_SEEN_MAX][KC_DIGEST_SIZE];
    size_t seen_count;
};

static int failure_of(enum kc_error error)
{
    static const struct {
        enum kc_error error;
        int bit;
    } table[] = {
        {KC_EXPIRED, OSSL_CMP_PKIFAILUREINFO_badTime},
        {KC_REPLAYED, OSSL_CMP_PKIFAILUREINFO_transactionIdInUse},
        {KC_NOT_ALLOWED, OSSL_CMP_PKIFAILUREINFO_notAuthorized},
        {KC_ALREADY_EXISTS, OSSL_CMP_PKIFAILUREINFO_duplicateCertReq},
        {KC_CERT_REVOKED, OSSL_CMP_PKIFAILUREINFO_certRevoked},
        {KC_NOT_FOUND, OSSL_CMP_PKIFAILUREINFO_badCertId},
        {KC_MALFORMED, OSSL_CMP_PKIFAILUREINFO_badCertTemplate},
        {KC_WRONG_ALGORITHM, OSSL_CMP_PKIFAILUREINFO_badAlg},
        {KC_DIRECTORY_DOWN, OSSL_CMP_PKIFAILUREINFO_systemUnavail},
        {KC_TOKEN_UNAVAILABLE, OSSL_CMP_PKIFAILUREINFO_systemUnavail},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].error == error) {
            return 1 << table[i].bit;
        }
    }
    return 1 << OSSL_CMP_PKIFAILUREINFO_systemFailure;
}

/* The status that says what became of a request; a refusal has our name for it as its text. */
static OSSL_CMP_PKISI *status_of(struct transaction *transaction, struct kc_result result)
{
    transaction->outcome = result.code;
    if (!kc_failed(result)) {
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
    }
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, failure_of(result.code),
                                   kc_error_name(result.code));
}

static struct transaction *of_context(const OSSL_CMP_SRV_CTX *context)
{
    struct transaction *transaction = OSSL_CMP_SRV_CTX_get0_custom_ctx(context);
    transaction->reached = true;
    return transaction;
}

static struct kc_result certify(struct transaction *transaction, const OSSL_CRMF_MSG *wish,
                                const X509_REQ *request)
{
    const struct kc_cmp_answerer *answerer = &transaction->server->answerer;
    struct kc_cmp_ask *ask = &transaction->ask;
    struct kc_buffer der = KC_BUFFER(transaction->der);
    if (!transaction->fresh) {
        return kc_result(transaction->outcome);
    }
    struct kc_result result = request != NULL
                                  ? kc_cmp_request_read(ask, request)
                                  : kc_cmp_template_read(ask, OSSL_CRMF_MSG_get0_tmpl(wish));
    if (!kc_failed(result)) {
        result = answerer->certify(answerer->owner, &der, ask);
    }
    transaction->der_size = kc_failed(result) ? 0 : der.size;
    return result;
}

static OSSL_CMP_PKISI *on_certify(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message, int id,
                                  const OSSL_CRMF_MSG *wish, const X509_REQ *request,
                                  X509 **certificate, STACK_OF(X509) * *chain,
                                  STACK_OF(X509) * *authorities)
{
    struct transaction *transaction = of_context(context);
    (void)id;
    *certificate = NULL;
    *chain = NULL;
    *authorities = NULL;
    transaction->ask.kind =
        OSSL_CMP_MSG_get_bodytype(message) == KC_CMP_KUR ? KC_CMP_UPDATE : KC_CMP_CERTIFY;
    struct kc_result result = certify(transaction, wish, request);
    if (!kc_failed(result)) {
        *certificate = kc_cmp_certificate(kc_view(transaction->der, transaction->der_size));
        *chain = sk_X509_new_null();
        transaction->granted =
            *certificate != NULL && *chain != NULL &&
            X509_add_certs(*chain, transaction->server->issuers, X509_ADD_FLAG_UP_REF) == 1;
        result = kc_result(transaction->granted ? KC_OK : KC_CRYPTO_FAILED);
    }
    return status_of(transaction, result);
}

static bool is_issuer(const struct kc_cmp_server *server, const X509_NAME *name)
{
    for (int i = 0; i < sk_X509_num(server->issuers); i++) {
        if (X509_NAME_cmp(name, X509_get_subject_name(sk_X509_value(server->issuers, i))) == 0) {
            return true;
        }
    }
    return false;
}

static OSSL_CMP_PKISI *on_revoke(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message,
                                 const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    struct transaction *transaction = of_context(context);
    const struct kc_cmp_answerer *answerer = &transaction->server->answerer;
    struct kc_cmp_ask *ask = &transaction->ask;
    struct kc_result result;
    (void)message;
    ask->kind = KC_CMP_REVOKE;
    ask->reason = transaction->facts.reason;
    if (!transaction->fresh) {
        result = kc_result(transaction->outcome);
    } else if (!transaction->facts.reason_valid) {
        result = kc_result(KC_MALFORMED);
    } else if (issuer == NULL || !kc_cmp_serial_read(ask->serial, serial) ||
               !is_issuer(transaction->server, issuer)) {
        result = kc_result(KC_NOT_FOUND);
    } else {
        result = answerer->revoke(answerer->owner, ask);
    }
    return status_of(transaction, result);
}

/* The digest is SHA-256, by the certificate's own signature (RFC 4210 section 5.3.18). */
static int on_confirm(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message, int id,
                      const ASN1_OCTET_STRING *digest, const OSSL_CMP_PKISI *status)
{
    struct transaction *transaction = of_context(context);
    const struct kc_cmp_answerer *answerer = &transaction->server->answerer;
    struct kc_view der = kc_view(transaction->der, transaction->der_size);
    uint8_t ours[KC_DIGEST_SIZE];
    char words[OSSL_CMP_PKISI_BUFLEN];
    (void)message;
    (void)id;
    bool same = transaction->granted &&
                EVP_Digest(der.data, der.size, ours, NULL, EVP_sha256(), NULL) == 1 &&
                ASN1_STRING_length(digest) == KC_DIGEST_SIZE &&
                memcmp(ASN1_STRING_get0_data(digest), ours, sizeof ours) == 0;
    if (!same) {
        transaction->outcome = KC_MISMATCH;
        return 0;
    }
    /* Only a status can say no; its text begins with the status's name. */
    bool refused = status != NULL &&
                   OSSL_CMP_snprint_PKIStatusInfo(status, words, sizeof words) != NULL &&
                   strncmp(words, "PKIStatus: accepted", 19) != 0;
    if (refused) {
        answerer->reject(answerer->owner, &transaction->ask, der);
    }
    transaction->outcome = refused ? KC_DECLINED : KC_OK;
    return 1;
}

static void on_error(OSSL_CMP_SRV_CTX *context, const OSSL_CMP_MSG *message,
                     const OSSL_CMP_PKISI *status, const ASN1_INTEGER *code,
                     const OSSL_CMP_PKIFREETEXT *text)
{
    (void)message;
    (void)status;
    (void)code;
    (void)text;
    of_context(context)->outcome = KC_OUT_OF_ORDER;
}

static void close_transaction(struct transaction *transaction)
{
    if (transaction != NULL) {
        OSSL_CMP_SRV_CTX_free(transaction->context);
        free(transaction);
    }
}

/* What libcrypto needs to sign answers and to check requests, by the pinned certificate and no other. */
static bool prepare(struct transaction *transaction, X509 *pinned, bool vouches)
{
    const struct kc_cmp_server *server = transaction->server;
    OSSL_CMP_SRV_CTX *context = transaction->context;
    OSSL_CMP_CTX *inner = OSSL_CMP_SRV_CTX_get0_cmp_ctx(context);
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool good = chain != NULL &&
                X509_add_certs(chain, server->issuers, X509_ADD_FLAG_UP_REF) == 1 &&
                X509_add_certs(chain, server->crosses, X509_ADD_FLAG_UP_REF) == 1 &&
                OSSL_CMP_SRV_CTX_init(context, transaction, on_certify, on_revoke, NULL, on_error,
                                      on_confirm, NULL) == 1 &&
                OSSL_CMP_CTX_set_log_cb(inner, kc_cmp_say_nothing) == 1 &&
                OSSL_CMP_CTX_set1_cert(inner, server->certificate) == 1 &&
                OSSL_CMP_CTX_set1_pkey(inner, server->key) == 1 &&
                OSSL_CMP_CTX_set1_extraCertsOut(inner, chain) == 1 &&
                OSSL_CMP_SRV_CTX_set_accept_unprotected(context, 0) == 1 &&
                OSSL_CMP_SRV_CTX_set_accept_raverified(context, vouches ? 1 : 0) == 1 &&
                OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(context, 1) == 1 &&
                OSSL_CMP_CTX_set1_srvCert(inner, pinned) == 1;
    sk_X509_pop_free(chain, X509_free);
    return good;
}

static bool has_key_id(X509 *certificate, const struct kc_cmp_facts *facts)
{
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(certificate);
    return facts->key_id_size == 0 ||
           (id != NULL && ASN1_STRING_length(id) == (int)facts->key_id_size &&
            memcmp(ASN1_STRING_get0_data(id), facts->key_id, facts->key_id_size) == 0);
}

/* The one certificate that a message has to be signed with; NULL when its sender has none. */
static X509 *pin(bool *vouches, const struct kc_cmp_answerer *answerer,
                 const struct kc_cmp_facts *facts)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    *vouches = false;
    for (size_t i = 0; i < KC_CMP_SENDER_CERTIFICATES_MAX && facts->sender[0] != '\0'; i++) {
        struct kc_buffer der = KC_BUFFER(bytes);
        if (kc_failed(answerer->find(answerer->owner, &der, vouches, facts->sender, i))) {
            break;
        }
        X509 *certificate = kc_cmp_certificate(kc_buffer_view(&der));
        if (certificate != NULL && has_key_id(certificate, facts)) {
            return certificate;
        }
        X509_free(certificate);
    }
    *vouches = false;
    return NULL;
}

static struct kc_result begin(struct transaction **out, struct kc_cmp_server *server,
                              const struct kc_cmp_facts *facts)
{
    bool vouches = false;
    X509 *pinned = pin(&vouches, &server->answerer, facts);
    *out = NULL;
    if (pinned == NULL) {
        return kc_result(KC_UNKNOWN_SIGNER);
    }
    struct transaction *transaction = calloc(1, sizeof *transaction);
    bool good = transaction != NULL;
    if (good) {
        *transaction = (struct transaction){.server = server, .facts = *facts};
        memcpy(transaction->ask.sender, facts->sender, sizeof facts->sender);
        transaction->context = OSSL_CMP_SRV_CTX_new(NULL, NULL);
        good = transaction->context != NULL && prepare(transaction, pinned, vouches);
    }
    X509_free(pinned);
    if (!good) {
        close_transaction(transaction);
        return kc_result(KC_NO_MEMORY);
    }
    *out = transaction;
    return kc_ok();
}

/* Of a transaction's number and its beginner, so that nobody can use up another's number. */
static bool name_transaction(uint8_t out[KC_DIGEST_SIZE], const OSSL_CMP_MSG *message,
                             const char *sender)
{
    const ASN1_OCTET_STRING *id =
        OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(message));
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool good =
        id != NULL && hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
        EVP_DigestUpdate(hash, sender, strlen(sender) + 1) == 1 &&
        EVP_DigestUpdate(hash, ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)) == 1 &&
        EVP_DigestFinal_ex(hash, out, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return good;
}

static bool was_seen(const struct kc_cmp_server *server, const uint8_t name[KC_DIGEST_SIZE])
{
    for (size_t i = 0; i < KC_CMP_SEEN_MAX && i < server->seen_count; i++) {
        if (memcmp(server->seen[i], name, KC_DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the place of the oldest. */
static void keep_open(struct kc_cmp_server *server, struct transaction *transaction)
{
    size_t place = 0;
    for (size_t i = 0; i < KC_CMP_OPEN_MAX; i++) {
        if (server->open[i] == NULL) {
            place = i;
            break;
        }
        if (server->open[i]->number < server->open[place]->number) {
            place = i;
        }
    }
    close_transaction(server->open[place]);
    server->open[place] = transaction;
}

/* The open transaction of this name, which leaves its place for a message that its beginner signed, and for no other: libcrypto
 * ends a transaction with any message that it refuses. Without one *out is NULL. */
static struct kc_result take_open(struct transaction **out, struct kc_cmp_server *server,
                                  const uint8_t name[KC_DIGEST_SIZE], const OSSL_CMP_MSG *message)
{
    *out = NULL;
    for (size_t i = 0; i < KC_CMP_OPEN_MAX; i++) {
        struct transaction *transaction = server->open[i];
        if (transaction == NULL || memcmp(transaction->name, name, KC_DIGEST_SIZE) != 0) {
            continue;
        }
        OSSL_CMP_CTX *inner = OSSL_CMP_SRV_CTX_get0_cmp_ctx(transaction->context);
        if (OSSL_CMP_validate_msg(inner, message) != 1) {
            return kc_result(KC_BAD_SIGNATURE);
        }
        server->open[i] = NULL;
        transaction->reached = false;
        *out = transaction;
        break;
    }
    return kc_ok();
}

static bool begins(int kind)
{
    return kind == KC_CMP_IR || kind == KC_CMP_CR || kind == KC_CMP_P10CR || kind == KC_CMP_KUR ||
           kind == KC_CMP_RR;
}

static struct kc_result begin_new(struct transaction **out, struct kc_cmp_server *server,
                                  const struct kc_cmp_facts *facts, const uint8_t *name,
                                  bool beginning, uint64_t now_ms)
{
    struct kc_result result = begin(out, server, facts);
    if (kc_failed(result)) {
        return result;
    }
    struct transaction *transaction = *out;
    uint64_t off = now_ms > facts->time_ms ? now_ms - facts->time_ms : facts->time_ms - now_ms;
    bool late = facts->time_ms == 0 || off > server->answerer.clock_ms;
    bool seen = name == NULL || was_seen(server, name);
    transaction->outcome = late ? KC_EXPIRED : seen ? KC_REPLAYED : KC_OK;
    transaction->fresh = beginning && !late && !seen;
    transaction->number = ++server->begun;
    if (name != NULL) {
        memcpy(transaction->name, name, KC_DIGEST_SIZE);
    }
    return result;
}

/* The transaction that a message belongs to: the one that it begins, or the one that is open. With any other message libcrypto
 * gets a new one, and refuses it. */
static struct kc_result find_transaction(struct transaction **out, struct kc_cmp_server *server,
                                         const OSSL_CMP_MSG *message,
                                         const struct kc_cmp_facts *facts, uint64_t now_ms)
{
    uint8_t name[KC_DIGEST_SIZE];
    bool named = name_transaction(name, message, facts->sender);
    bool beginning = begins(OSSL_CMP_MSG_get_bodytype(message));
    struct kc_result result = kc_ok();
    *out = NULL;
    if (!facts->is_signed) {
        return kc_result(KC_BAD_SIGNATURE);
    }
    if (named && !beginning) {
        result = take_open(out, server, name, message);
    }
    return kc_failed(result) || *out != NULL
               ? result
               : begin_new(out, server, facts, named ? name : NULL, beginning, now_ms);
}

/* An answer that waits for the requester's word. */
static bool stays_open(const struct transaction *transaction, const OSSL_CMP_MSG *answer)
{
    int kind = OSSL_CMP_MSG_get_bodytype(answer);
    OSSL_CMP_CTX *inner = OSSL_CMP_SRV_CTX_get0_cmp_ctx(transaction->context);
    return transaction->granted && (kind == KC_CMP_IP || kind == KC_CMP_CP || kind == KC_CMP_KUP) &&
           OSSL_CMP_CTX_get_option(inner, OSSL_CMP_OPT_IMPLICIT_CONFIRM) == 0;
}

static struct kc_result answer(struct kc_buffer *reply, enum kc_error *outcome,
                               struct kc_cmp_server *server, const OSSL_CMP_MSG *message,
                               struct transaction *transaction)
{
    OSSL_CMP_MSG *made = OSSL_CMP_SRV_process_request(transaction->context, message);
    struct kc_result result = kc_result(KC_CRYPTO_FAILED);
    if (made != NULL) {
        result = kc_cmp_message_write(reply, made);
    }
    *outcome = transaction->reached ? transaction->outcome : KC_BAD_SIGNATURE;
    if (transaction->reached && transaction->fresh) {
        memcpy(server->seen[server->seen_count++ % KC_CMP_SEEN_MAX], transaction->name,
               KC_DIGEST_SIZE);
        transaction->fresh = false;
    }
    if (!kc_failed(result) && stays_open(transaction, made)) {
        keep_open(server, transaction);
    } else {
        close_transaction(transaction);
    }
    OSSL_CMP_MSG_free(made);
    return result;
}

struct kc_result kc_cmp_server_answer(struct kc_buffer *reply, enum kc_error *outcome,
                                      struct kc_cmp_server *server, struct kc_view bytes,
                                      uint64_t now_ms)
{
    struct kc_cmp_facts facts;
    reply->size = 0;
    *outcome = KC_MALFORMED;
    if (bytes.size > KC_MESSAGE_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result ready = kc_key_ready(server->answerer.key);
    if (kc_failed(ready)) {
        return ready;
    }
    OSSL_CMP_MSG *message = kc_cmp_message_read(bytes);
    struct kc_result result =
        message == NULL ? kc_result(KC_MALFORMED) : kc_cmp_facts_read(&facts, bytes);
    if (!kc_failed(result)) {
        struct transaction *transaction = NULL;
        result = find_transaction(&transaction, server, message, &facts, now_ms);
        *outcome = result.code;
        if (!kc_failed(result)) {
            (void)EVP_Digest(bytes.data, bytes.size, transaction->ask.digest, NULL, EVP_sha256(),
                             NULL);
            result = answer(reply, outcome, server, message, transaction);
        }
    }
    OSSL_CMP_MSG_free(message);
    ERR_clear_error();
    return result;
}

static bool take_certificates(STACK_OF(X509) * *out, const struct kc_view *ders, size_t count)
{
    *out = sk_X509_new_null();
    for (size_t i = 0; *out != NULL && i < count; i++) {
        X509 *certificate = kc_cmp_certificate(ders[i]);
        if (certificate == NULL || sk_X509_push(*out, certificate) <= 0) {
            X509_free(certificate);
            return false;
        }
    }
    return *out != NULL;
}

struct kc_result kc_cmp_server_open(struct kc_cmp_server **out,
                                    const struct kc_cmp_answerer *answerer)
{
    struct kc_cmp_server *server = calloc(1, sizeof *server);
    *out = NULL;
    if (server == NULL) {
        return kc_result(KC_NO_MEMORY);
    }
    server->answerer = *answerer;
    server->key = kc_cmp_key(answerer->key);
    server->certificate = kc_cmp_certificate(answerer->certificate);
    bool good = answerer->issuer_count > 0 &&
                take_certificates(&server->issuers, answerer->issuers, answerer->issuer_count) &&
                take_certificates(&server->crosses, answerer->crosses, answerer->cross_count);
    if (server->key == NULL || server->certificate == NULL || !good) {
        struct kc_result result =
            kc_result(server->key == NULL ? KC_WRONG_ALGORITHM : KC_CERT_INVALID);
        kc_cmp_server_close(server);
        ERR_clear_error();
        return result;
    }
    *out = server;
    return kc_ok();
}

void kc_cmp_server_close(struct kc_cmp_server *server)
{
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < KC_CMP_OPEN_MAX; i++) {
        close_transaction(server->open[i]);
    }
    sk_X509_pop_free(server->issuers, X509_free);
    sk_X509_pop_free(server->crosses, X509_free);
    X509_free(server->certificate);
    EVP_PKEY_free(server->key);
    free(server);
}
