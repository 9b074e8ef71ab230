/* Certificates that were parsed before, and what is read of one without parsing it.
 *
 * libcrypto decodes the key of every certificate that it parses, and looks for a decoder each time: that takes longer than a
 * verification. The same few come again and again: root, issuers, servers, and a holder's as often as a renewal looks it up. So
 * the last ones stay parsed, found by all of their bytes. Nothing is believed because it is kept: verifying, time and revocation
 * are as for any other. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>

#include "crypto/x509.h"
#include "crypto/x509_inside.h"

#define BUCKETS 16u
#define WAYS 4u
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)
#define HASH_TIMES UINT64_C(0x100000001b3)

/* The fields of a TBSCertificate (RFC 5280 section 4.1) that has a version, from its beginning. */
#define FIELD_VERSION 0
#define FIELD_ISSUER 3
#define FIELD_KEY 6
#define TAG_VERSION 0xa0u
#define TAG_EXTENSIONS 0xa3u

struct kept {
    X509 *certificate;
    size_t size;
    uint64_t used; /* when, by counting */
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
};

static struct {
    pthread_mutex_t lock;
    uint64_t count;
    struct kept places[BUCKETS][WAYS];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct kept *bucket_of(struct kc_view der)
{
    uint64_t hash = HASH_BEGIN;
    for (size_t i = 0; i < der.size; i++) {
        hash = (hash ^ der.data[i]) * HASH_TIMES;
    }
    return all.places[(hash >> 32) % BUCKETS];
}

/* Another reference to the one that is kept, or NULL. */
static X509 *find(struct kc_view der)
{
    X509 *found = NULL;
    (void)pthread_mutex_lock(&all.lock);
    struct kept *bucket = bucket_of(der);
    for (size_t i = 0; i < WAYS && found == NULL; i++) {
        struct kept *one = &bucket[i];
        if (one->certificate != NULL && kc_view_equal(kc_view(one->der, one->size), der) &&
            X509_up_ref(one->certificate) == 1) {
            one->used = ++all.count;
            found = one->certificate;
        }
    }
    (void)pthread_mutex_unlock(&all.lock);
    return found;
}

/* In the place of the one that was longest not asked for. */
static void keep(struct kc_view der, X509 *certificate)
{
    (void)pthread_mutex_lock(&all.lock);
    struct kept *bucket = bucket_of(der);
    struct kept *place = bucket;
    for (size_t i = 1; i < WAYS; i++) {
        place = bucket[i].used < place->used ? &bucket[i] : place;
    }
    X509 *old = place->certificate;
    place->certificate = X509_up_ref(certificate) == 1 ? certificate : NULL;
    place->size = der.size;
    place->used = ++all.count;
    memcpy(place->der, der.data, der.size);
    (void)pthread_mutex_unlock(&all.lock);
    X509_free(old);
}

X509 *kc_x509_parse(struct kc_view der)
{
    const unsigned char *at = der.data;
    bool fits = der.size <= KC_CERTIFICATE_SIZE_MAX;
    X509 *certificate = fits ? find(der) : NULL;
    if (certificate != NULL) {
        return certificate;
    }
    certificate = d2i_X509(NULL, &at, (long)der.size);
    if (certificate != NULL && at != der.data + der.size) {
        X509_free(certificate);
        certificate = NULL;
    }
    if (certificate != NULL && fits) {
        keep(der, certificate);
    }
    return certificate;
}

/* ---- who issued it, without its key ---- */

static void free_parts(ASN1_SEQUENCE_ANY *parts)
{
    sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
}

/* The parts of a sequence, each with tag and length; NULL when it is none, or when something follows it. */
static ASN1_SEQUENCE_ANY *split(struct kc_view der)
{
    const unsigned char *at = der.data;
    ASN1_SEQUENCE_ANY *parts = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)der.size);
    if (parts != NULL && at != der.data + der.size) {
        free_parts(parts);
        parts = NULL;
    }
    return parts;
}

/* A part that is itself a sequence, or has a tag of its context; empty when it is neither. */
static struct kc_view part_bytes(const ASN1_SEQUENCE_ANY *parts, int index)
{
    const ASN1_TYPE *part = sk_ASN1_TYPE_value(parts, index);
    if (part == NULL || (part->type != V_ASN1_SEQUENCE && part->type != V_ASN1_OTHER)) {
        return kc_view(NULL, 0);
    }
    return kc_view(ASN1_STRING_get0_data(part->value.asn1_string),
                   (size_t)ASN1_STRING_length(part->value.asn1_string));
}

static bool has_tag(struct kc_view part, unsigned tag)
{
    return part.size > 0 && part.data[0] == tag;
}

static bool is_named(struct kc_view name, X509 *issuer)
{
    const unsigned char *at = name.data;
    X509_NAME *read = name.size == 0 ? NULL : d2i_X509_NAME(NULL, &at, (long)name.size);
    bool same = read != NULL && X509_NAME_cmp(read, X509_get_subject_name(issuer)) == 0;
    X509_NAME_free(read);
    return same;
}

/* Whether the key that the extensions name is the issuer's; no name fits any. */
static bool is_keyed(struct kc_view part, X509 *issuer)
{
    const unsigned char *at = part.data;
    long size = 0;
    int tag = 0;
    int class = 0;
    if ((ASN1_get_object(&at, &size, &tag, &class, (long)part.size) & 0x80) != 0) {
        return false;
    }
    X509_EXTENSIONS *extensions = d2i_X509_EXTENSIONS(NULL, &at, size);
    if (extensions == NULL) {
        return false;
    }
    int critical = -1;
    AUTHORITY_KEYID *key =
        X509V3_get_d2i(extensions, NID_authority_key_identifier, &critical, NULL);
    /* -1: there is none. A second one, or one that is none, is nobody's. */
    bool fits = key == NULL ? critical == -1 : X509_check_akid(issuer, key) == X509_V_OK;
    AUTHORITY_KEYID_free(key);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return fits;
}

static bool is_by(struct kc_view certificate, X509 *issuer)
{
    bool fits = false;
    ASN1_SEQUENCE_ANY *outer = split(certificate);
    ASN1_SEQUENCE_ANY *inner = outer == NULL ? NULL : split(part_bytes(outer, 0));
    int last = sk_ASN1_TYPE_num(inner) - 1;
    if (last > FIELD_KEY && has_tag(part_bytes(inner, FIELD_VERSION), TAG_VERSION) &&
        has_tag(part_bytes(inner, last), TAG_EXTENSIONS)) {
        fits = is_named(part_bytes(inner, FIELD_ISSUER), issuer) &&
               is_keyed(part_bytes(inner, last), issuer);
    }
    free_parts(inner);
    free_parts(outer);
    return fits;
}

bool kc_certificate_is_by(struct kc_view certificate, struct kc_view issuer)
{
    X509 *by = kc_x509_parse(issuer);
    /* Asking for its use reads the identifier of its key as well. */
    bool fits =
        by != NULL && (X509_get_key_usage(by) & KU_KEY_CERT_SIGN) != 0 && is_by(certificate, by);
    X509_free(by);
    ERR_clear_error();
    return fits;
}
