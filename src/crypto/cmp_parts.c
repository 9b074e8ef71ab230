#define _GNU_SOURCE

#include "crypto/cmp_parts.h"

#include <openssl/asn1t.h>
#include <openssl/bio.h>
#include <openssl/crmf.h>
#include <openssl/err.h>
#include <string.h>
#include <time.h>

#include "crypto/libcrypto_keys.h"

struct header {
    ASN1_INTEGER *version;
    GENERAL_NAME *sender;
    GENERAL_NAME *recipient;
    ASN1_GENERALIZEDTIME *time;
    ASN1_TYPE *rest[8];
};

struct message {
    struct header *header;
    ASN1_TYPE *body;
    ASN1_TYPE *protection;
    ASN1_TYPE *extra;
};

struct validity {
    ASN1_TIME *begin;
    ASN1_TIME *end;
};

struct form {
    ASN1_INTEGER *version;
    ASN1_INTEGER *serial;
    X509_ALGOR *algorithm;
    X509_NAME *issuer;
    struct validity *validity;
    X509_NAME *subject;
    X509_PUBKEY *key;
    ASN1_BIT_STRING *issuer_id;
    ASN1_BIT_STRING *subject_id;
    STACK_OF(X509_EXTENSION) * extensions;
};

struct revocation {
    struct form *form;
    STACK_OF(X509_EXTENSION) * extensions;
};

struct revocations {
    struct revocation *first;
};

/* clang-format off */
ASN1_SEQUENCE(HEADER) = {
    ASN1_SIMPLE(struct header, version, ASN1_INTEGER),
    ASN1_SIMPLE(struct header, sender, GENERAL_NAME),
    ASN1_SIMPLE(struct header, recipient, GENERAL_NAME),
    ASN1_EXP_OPT(struct header, time, ASN1_GENERALIZEDTIME, 0),
    ASN1_EXP_OPT(struct header, rest[0], ASN1_ANY, 1),
    ASN1_EXP_OPT(struct header, rest[1], ASN1_ANY, 2),
    ASN1_EXP_OPT(struct header, rest[2], ASN1_ANY, 3),
    ASN1_EXP_OPT(struct header, rest[3], ASN1_ANY, 4),
    ASN1_EXP_OPT(struct header, rest[4], ASN1_ANY, 5),
    ASN1_EXP_OPT(struct header, rest[5], ASN1_ANY, 6),
    ASN1_EXP_OPT(struct header, rest[6], ASN1_ANY, 7),
    ASN1_EXP_OPT(struct header, rest[7], ASN1_ANY, 8),
} static_ASN1_SEQUENCE_END_name(struct header, HEADER)

ASN1_SEQUENCE(MESSAGE) = {
    ASN1_SIMPLE(struct message, header, HEADER),
    ASN1_SIMPLE(struct message, body, ASN1_ANY),
    ASN1_EXP_OPT(struct message, protection, ASN1_ANY, 0),
    ASN1_EXP_OPT(struct message, extra, ASN1_ANY, 1),
} static_ASN1_SEQUENCE_END_name(struct message, MESSAGE)

ASN1_SEQUENCE(VALIDITY) = {
    ASN1_EXP_OPT(struct validity, begin, ASN1_TIME, 0),
    ASN1_EXP_OPT(struct validity, end, ASN1_TIME, 1),
} static_ASN1_SEQUENCE_END_name(struct validity, VALIDITY)

ASN1_SEQUENCE(FORM) = {
    ASN1_IMP_OPT(struct form, version, ASN1_INTEGER, 0),
    ASN1_IMP_OPT(struct form, serial, ASN1_INTEGER, 1),
    ASN1_IMP_OPT(struct form, algorithm, X509_ALGOR, 2),
    ASN1_EXP_OPT(struct form, issuer, X509_NAME, 3),
    ASN1_IMP_OPT(struct form, validity, VALIDITY, 4),
    ASN1_EXP_OPT(struct form, subject, X509_NAME, 5),
    ASN1_IMP_OPT(struct form, key, X509_PUBKEY, 6),
    ASN1_IMP_OPT(struct form, issuer_id, ASN1_BIT_STRING, 7),
    ASN1_IMP_OPT(struct form, subject_id, ASN1_BIT_STRING, 8),
    ASN1_IMP_SEQUENCE_OF_OPT(struct form, extensions, X509_EXTENSION, 9),
} static_ASN1_SEQUENCE_END_name(struct form, FORM)

ASN1_SEQUENCE(REVOCATION) = {
    ASN1_SIMPLE(struct revocation, form, FORM),
    ASN1_SEQUENCE_OF_OPT(struct revocation, extensions, X509_EXTENSION),
} static_ASN1_SEQUENCE_END_name(struct revocation, REVOCATION)

ASN1_SEQUENCE(REVOCATIONS) = {
    ASN1_SIMPLE(struct revocations, first, REVOCATION),
} static_ASN1_SEQUENCE_END_name(struct revocations, REVOCATIONS)
                                            /* clang-format on */

                                            OSSL_CMP_MSG
                                            * kc_cmp_message_read(struct kc_view bytes)
{
    BIO *bio = BIO_new_mem_buf(bytes.data, (int)bytes.size);
    OSSL_CMP_MSG *message = bio == NULL ? NULL : d2i_OSSL_CMP_MSG_bio(bio, NULL);
    if (message != NULL && BIO_pending(bio) != 0) {
        OSSL_CMP_MSG_free(message);
        message = NULL;
    }
    BIO_free(bio);
    return message;
}

struct kc_result kc_cmp_message_write(struct kc_buffer *out, const OSSL_CMP_MSG *message)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    struct kc_result result = kc_result(KC_CRYPTO_FAILED);
    out->size = 0;
    if (bio != NULL && i2d_OSSL_CMP_MSG_bio(bio, message) > 0) {
        long size = BIO_get_mem_data(bio, &data);
        result = size <= 0 ? result : kc_buffer_append(out, kc_view(data, (size_t)size));
    }
    BIO_free(bio);
    return result;
}

static bool read_time(uint64_t *out_ms, const ASN1_TIME *time)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    time_t seconds = timegm(&parts);
    *out_ms = (uint64_t)seconds * 1000u;
    return seconds > 0;
}

/* A name that is one common name and nothing else. */
static bool read_name(char out[KC_SUBJECT_SIZE], const X509_NAME *name)
{
    X509_NAME *copy = name == NULL ? NULL : X509_NAME_dup(name);
    int size = -1;
    if (copy != NULL && X509_NAME_entry_count(copy) == 1) {
        size = X509_NAME_get_text_by_NID(copy, NID_commonName, out, KC_SUBJECT_SIZE);
    }
    X509_NAME_free(copy);
    bool good = size > 0 && size < KC_SUBJECT_SIZE - 1 && strlen(out) == (size_t)size;
    if (!good) {
        out[0] = '\0';
    }
    return good;
}

bool kc_cmp_serial_read(uint8_t out[KC_SERIAL_SIZE], const ASN1_INTEGER *serial)
{
    BIGNUM *number = serial == NULL ? NULL : ASN1_INTEGER_to_BN(serial, NULL);
    bool good = number != NULL && !BN_is_negative(number) &&
                BN_bn2binpad(number, out, KC_SERIAL_SIZE) == KC_SERIAL_SIZE;
    BN_free(number);
    return good;
}

/* The reason in a revocation's extensions; a body of another kind has none. */
static bool read_reason(unsigned *out, const ASN1_TYPE *body)
{
    long length = 0;
    int tag = 0;
    int class = 0;
    bool good = true;
    *out = 0;
    if (body->type != V_ASN1_OTHER) {
        return true;
    }
    const unsigned char *at = body->value.sequence->data;
    if ((ASN1_get_object(&at, &length, &tag, &class, body->value.sequence->length) & 0x80) != 0 ||
        class != V_ASN1_CONTEXT_SPECIFIC || tag != KC_CMP_RR) {
        return true;
    }
    struct revocations *list =
        (struct revocations *)ASN1_item_d2i(NULL, &at, length, ASN1_ITEM_rptr(REVOCATIONS));
    if (list != NULL && list->first->extensions != NULL) {
        ASN1_ENUMERATED *reason =
            X509V3_get_d2i(list->first->extensions, NID_crl_reason, NULL, NULL);
        int64_t number = 0;
        good = reason == NULL ||
               (ASN1_ENUMERATED_get_int64(&number, reason) == 1 && number >= 0 && number <= 10);
        *out = (unsigned)number;
        ASN1_ENUMERATED_free(reason);
    }
    good = good && list != NULL;
    ASN1_item_free((ASN1_VALUE *)list, ASN1_ITEM_rptr(REVOCATIONS));
    return good;
}

/* A MAC's algorithm, as that of a password, is none of a signature. */
static bool read_signed(const struct message *parts)
{
    const ASN1_TYPE *any = parts->header->rest[0];
    const ASN1_OBJECT *name = NULL;
    if (parts->protection == NULL || any == NULL || any->type != V_ASN1_SEQUENCE) {
        return false;
    }
    const unsigned char *at = any->value.sequence->data;
    X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, any->value.sequence->length);
    if (algorithm != NULL) {
        X509_ALGOR_get0(&name, NULL, NULL, algorithm);
    }
    bool good = name != NULL && OBJ_find_sigid_algs(OBJ_obj2nid(name), NULL, NULL) == 1;
    X509_ALGOR_free(algorithm);
    return good;
}

struct kc_result kc_cmp_facts_read(struct kc_cmp_facts *out, struct kc_view message)
{
    const unsigned char *at = message.data;
    memset(out, 0, sizeof *out);
    struct message *parts =
        (struct message *)ASN1_item_d2i(NULL, &at, (long)message.size, ASN1_ITEM_rptr(MESSAGE));
    if (parts == NULL || at != message.data + message.size) {
        ASN1_item_free((ASN1_VALUE *)parts, ASN1_ITEM_rptr(MESSAGE));
        return kc_result(KC_MALFORMED);
    }
    const GENERAL_NAME *sender = parts->header->sender;
    if (sender->type == GEN_DIRNAME) {
        (void)read_name(out->sender, sender->d.directoryName);
    }
    const ASN1_TYPE *key_id = parts->header->rest[1];
    if (key_id != NULL && key_id->type == V_ASN1_OCTET_STRING &&
        ASN1_STRING_length(key_id->value.octet_string) == (int)KC_CMP_KEY_ID_SIZE) {
        memcpy(out->key_id, ASN1_STRING_get0_data(key_id->value.octet_string), KC_CMP_KEY_ID_SIZE);
        out->key_id_size = KC_CMP_KEY_ID_SIZE;
    }
    if (parts->header->time != NULL && !read_time(&out->time_ms, parts->header->time)) {
        out->time_ms = 0;
    }
    out->is_signed = read_signed(parts);
    out->reason_valid = read_reason(&out->reason, parts->body);
    ASN1_item_free((ASN1_VALUE *)parts, ASN1_ITEM_rptr(MESSAGE));
    return kc_ok();
}

/* What a key is for, as our profiles have it; a request that says nothing is for signing. */
static bool read_profile(enum kc_profile *out, const STACK_OF(X509_EXTENSION) * extensions,
                         enum kc_key_type type)
{
    int critical = 0;
    ASN1_BIT_STRING *usage = X509V3_get_d2i(extensions, NID_key_usage, &critical, NULL);
    uint32_t bits = 0;
    if (usage == NULL) {
        *out = KC_PROFILE_SIGN;
        return critical == -1;
    }
    for (int i = 0; i < 16; i++) {
        bits |= ASN1_BIT_STRING_get_bit(usage, i) != 0 ? UINT32_C(1) << i : 0;
    }
    ASN1_BIT_STRING_free(usage);
    /* digitalSignature 0, nonRepudiation 1, keyEncipherment 2, keyAgreement 4 */
    bool sign = (bits & 1u) != 0 && (bits & ~3u) == 0;
    bool encrypt = bits == (type == KC_KEY_P256 ? 16u : 4u);
    *out = sign ? KC_PROFILE_SIGN : KC_PROFILE_ENCRYPT;
    return sign || encrypt;
}

/* Nothing that we would leave out of the certificate in silence. */
static bool asks_no_more(const STACK_OF(X509_EXTENSION) * extensions)
{
    for (int i = 0; i < X509v3_get_ext_count(extensions); i++) {
        X509_EXTENSION *extension = X509v3_get_ext(extensions, i);
        int nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (nid != NID_key_usage && nid != NID_subject_key_identifier &&
            nid != NID_basic_constraints && X509_EXTENSION_get_critical(extension) != 0) {
            return false;
        }
    }
    BASIC_CONSTRAINTS *constraints = X509V3_get_d2i(extensions, NID_basic_constraints, NULL, NULL);
    bool ca = constraints != NULL && constraints->ca != 0;
    BASIC_CONSTRAINTS_free(constraints);
    return !ca;
}

static struct kc_result read_wish(struct kc_cmp_ask *out, const X509_NAME *subject,
                                  const EVP_PKEY *key, const STACK_OF(X509_EXTENSION) * extensions)
{
    if (!read_name(out->subject, subject) || key == NULL) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_pkey_to_public(&out->key, key);
    if (!kc_failed(result) &&
        (!read_profile(&out->profile, extensions, out->key.type) || !asks_no_more(extensions))) {
        result = kc_result(KC_MALFORMED);
    }
    return result;
}

/* By way of its bytes, which libcrypto has just read. */
static struct form *read_form(const OSSL_CRMF_CERTTEMPLATE *from)
{
    unsigned char *der = NULL;
    int size = i2d_OSSL_CRMF_CERTTEMPLATE(from, &der);
    const unsigned char *at = der;
    struct form *form =
        size <= 0 ? NULL : (struct form *)ASN1_item_d2i(NULL, &at, size, ASN1_ITEM_rptr(FORM));
    OPENSSL_free(der);
    return form;
}

struct kc_result kc_cmp_template_read(struct kc_cmp_ask *out, const OSSL_CRMF_CERTTEMPLATE *from)
{
    struct form *form = read_form(from);
    struct kc_result result = kc_result(KC_MALFORMED);
    out->expires_ms = 0;
    if (form != NULL && form->key != NULL && form->subject != NULL) {
        result = read_wish(out, form->subject, X509_PUBKEY_get0(form->key), form->extensions);
    }
    if (!kc_failed(result) && form->validity != NULL && form->validity->end != NULL &&
        !read_time(&out->expires_ms, form->validity->end)) {
        result = kc_result(KC_MALFORMED);
    }
    ASN1_item_free((ASN1_VALUE *)form, ASN1_ITEM_rptr(FORM));
    return result;
}

struct kc_result kc_cmp_request_read(struct kc_cmp_ask *out, const X509_REQ *request)
{
    X509_REQ *copy = X509_REQ_dup(request);
    STACK_OF(X509_EXTENSION) *extensions = copy == NULL ? NULL : X509_REQ_get_extensions(copy);
    struct kc_result result = kc_result(KC_MALFORMED);
    out->expires_ms = 0;
    if (copy != NULL) {
        result =
            read_wish(out, X509_REQ_get_subject_name(copy), X509_REQ_get0_pubkey(copy), extensions);
    }
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(copy);
    return result;
}

X509 *kc_cmp_certificate(struct kc_view der)
{
    const unsigned char *at = der.data;
    X509 *certificate = der.size == 0 ? NULL : d2i_X509(NULL, &at, (long)der.size);
    if (certificate != NULL && at != der.data + der.size) {
        X509_free(certificate);
        certificate = NULL;
    }
    return certificate;
}

int kc_cmp_say_nothing(const char *function, const char *file, int line, OSSL_CMP_severity level,
                       const char *text)
{
    (void)function;
    (void)file;
    (void)line;
    (void)level;
    (void)text;
    return 1;
}
