/* RSA_padding_check_PKCS1_OAEP_mgf1 is deprecated in OpenSSL 3 together with the rest of the RSA interface; it is the only
 * constant-time reader of that padding that takes the block apart from its key. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "crypto/pkcs11_inside.h"

#define POINT_SIZE (1 + 2 * KC_P256_COORDINATE_SIZE)
#define ID_SIZE_MAX 64u
#define LABEL_SIZE_MAX 128u

static const CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
static const CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
/* The object identifier of P-256 in DER. */
static const uint8_t p256_params[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

/* Cryptoki's templates take no const. */
static CK_ATTRIBUTE attribute(CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
    union {
        const void *in;
        void *out;
    } memory = {.in = value};
    return (CK_ATTRIBUTE){.type = type, .pValue = memory.out, .ulValueLen = size};
}

/* Reads one attribute of at most `capacity` bytes. */
static bool read_attribute(const struct kc_token_key *key, CK_SESSION_HANDLE session,
                           CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *out,
                           size_t capacity, size_t *size)
{
    CK_ATTRIBUTE wanted = {.type = type, .pValue = out, .ulValueLen = capacity};
    bool good = key->module->C_GetAttributeValue(session, object, &wanted, 1) == CKR_OK &&
                wanted.ulValueLen <= capacity;
    *size = good ? wanted.ulValueLen : 0;
    return good;
}

/* The objects of a class that the URI names: how many of the first two there are. */
static CK_RV find_two(CK_OBJECT_HANDLE out[2], CK_ULONG *count, const struct kc_token_key *key,
                      CK_SESSION_HANDLE session, const CK_OBJECT_CLASS *class)
{
    static const CK_ATTRIBUTE_TYPE names[] = {CKA_LABEL, CKA_ID};
    CK_ATTRIBUTE template[3] = {attribute(CKA_CLASS, class, sizeof *class)};
    CK_ULONG used = 1;
    *count = 0;
    for (size_t i = 0; i < 2; i++) {
        const CK_ATTRIBUTE *named = p11_kit_uri_get_attribute(key->uri, names[i]);
        if (named != NULL) {
            template[used++] = *named;
        }
    }
    CK_RV rv = key->module->C_FindObjectsInit(session, template, used);
    if (rv == CKR_OK) {
        rv = key->module->C_FindObjects(session, out, 2, count);
        (void)key->module->C_FindObjectsFinal(session);
    }
    return rv;
}

static bool is_kept(const struct kc_token_key *key, CK_SESSION_HANDLE session,
                    CK_OBJECT_HANDLE object)
{
    CK_BBOOL sensitive = CK_FALSE;
    CK_BBOOL extractable = CK_TRUE;
    size_t size = 0;
    return read_attribute(key, session, object, CKA_SENSITIVE, &sensitive, sizeof sensitive,
                          &size) &&
           read_attribute(key, session, object, CKA_EXTRACTABLE, &extractable, sizeof extractable,
                          &size) &&
           sensitive == CK_TRUE && extractable == CK_FALSE;
}

/* The modulus stands beside an RSA private key. */
static bool read_rsa(struct kc_token_found *found, const struct kc_token_key *key,
                     CK_SESSION_HANDLE session)
{
    struct kc_public_key *out = &found->public_key;
    uint8_t exponent[8];
    size_t size = 0;
    if (!read_attribute(key, session, found->object, CKA_MODULUS, out->rsa.n, sizeof out->rsa.n,
                        &size)) {
        return false;
    }
    out->type = size == 256 ? KC_KEY_RSA2048 : size == 384 ? KC_KEY_RSA3072 : KC_KEY_NONE;
    if (out->type == KC_KEY_NONE || (out->rsa.n[0] & 0x80u) == 0 ||
        !read_attribute(key, session, found->object, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent,
                        &size)) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | exponent[i];
    }
    found->type = out->type;
    return number == KC_RSA_EXPONENT;
}

/* The point stands in the public object only, which need not be there: its certificate tells then. */
static bool read_p256(struct kc_token_found *out, const struct kc_token_key *key,
                      CK_SESSION_HANDLE session)
{
    uint8_t bytes[POINT_SIZE + 2];
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;
    size_t size = 0;
    if (!read_attribute(key, session, out->object, CKA_EC_PARAMS, bytes, sizeof bytes, &size) ||
        size != sizeof p256_params || memcmp(bytes, p256_params, size) != 0) {
        return false;
    }
    out->type = KC_KEY_P256;
    if (find_two(found, &count, key, session, &public_class) != CKR_OK || count != 1 ||
        !read_attribute(key, session, found[0], CKA_EC_POINT, bytes, sizeof bytes, &size)) {
        return true;
    }
    /* An OCTET STRING by the standard; some tokens give the point as it is. */
    bool wrapped = size == sizeof bytes && bytes[0] == 0x04 && bytes[1] == POINT_SIZE;
    const uint8_t *point = wrapped ? bytes + 2 : bytes;
    if ((wrapped || size == POINT_SIZE) && point[0] == 0x04) {
        out->public_key.type = KC_KEY_P256;
        memcpy(out->public_key.p256.x, point + 1, KC_P256_COORDINATE_SIZE);
        memcpy(out->public_key.p256.y, point + 1 + KC_P256_COORDINATE_SIZE,
               KC_P256_COORDINATE_SIZE);
    }
    return true;
}

struct kc_result kc_token_find(struct kc_token_found *out, const struct kc_token_key *key,
                               CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ULONG count = 0;
    CK_KEY_TYPE kind = 0;
    size_t size = 0;
    memset(out, 0, sizeof *out);
    if (find_two(found, &count, key, session, &private_class) != CKR_OK) {
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    if (count != 1) {
        return kc_result(count == 0 ? KC_TOKEN_KEY_MISSING : KC_TOKEN_AMBIGUOUS);
    }
    out->object = found[0];
    if (!read_attribute(key, session, out->object, CKA_KEY_TYPE, &kind, sizeof kind, &size)) {
        return kc_result(KC_TOKEN_UNAVAILABLE);
    }
    if (!is_kept(key, session, out->object)) {
        return kc_result(KC_TOKEN_KEY_LOOSE);
    }
    bool ours = (kind == CKK_EC && read_p256(out, key, session)) ||
                (kind == CKK_RSA && read_rsa(out, key, session));
    return kc_result(ours ? KC_OK : KC_WRONG_ALGORITHM);
}

/* ---- making ---- */

struct names {
    CK_ATTRIBUTE label;
    CK_ATTRIBUTE id;
};

/* The label and the id of the URI; the label alone serves as id, too. */
static bool read_names(struct names *out, const struct kc_token_key *key)
{
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(key->uri, CKA_LABEL);
    const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(key->uri, CKA_ID);
    if (label == NULL || label->ulValueLen == 0 || label->ulValueLen > LABEL_SIZE_MAX) {
        return false;
    }
    out->label = *label;
    out->id = id != NULL ? *id : attribute(CKA_ID, label->pValue, label->ulValueLen);
    return out->id.ulValueLen <= ID_SIZE_MAX || id == NULL;
}

struct kc_result kc_token_generate(const struct kc_token_key *key, CK_SESSION_HANDLE session,
                                   enum kc_key_type type, enum kc_token_use use)
{
    static const CK_BBOOL yes = CK_TRUE;
    static const CK_BBOOL no = CK_FALSE;
    static const uint8_t exponent[] = {1, 0, 1};
    const CK_ULONG bits = 8 * kc_rsa_size(type);
    const bool p256 = type == KC_KEY_P256;
    struct names names;
    CK_OBJECT_HANDLE made[2] = {0};
    if (!read_names(&names, key)) {
        return kc_result(KC_CONFIG_INVALID);
    }
    CK_ATTRIBUTE_TYPE opens = p256 ? CKA_DERIVE : CKA_DECRYPT;
    CK_ATTRIBUTE_TYPE its_pair = p256 ? CKA_DERIVE : CKA_ENCRYPT;
    CK_ATTRIBUTE public_template[] = {
        names.label,
        names.id,
        attribute(CKA_TOKEN, &yes, sizeof yes),
        attribute(use == KC_TOKEN_SIGN ? CKA_VERIFY : its_pair, &yes, sizeof yes),
        p256 ? attribute(CKA_EC_PARAMS, p256_params, sizeof p256_params)
             : attribute(CKA_MODULUS_BITS, &bits, sizeof bits),
        attribute(CKA_PUBLIC_EXPONENT, exponent, sizeof exponent),
    };
    CK_ATTRIBUTE private_template[] = {
        names.label,
        names.id,
        attribute(CKA_TOKEN, &yes, sizeof yes),
        attribute(CKA_PRIVATE, &yes, sizeof yes),
        attribute(CKA_SENSITIVE, &yes, sizeof yes),
        attribute(CKA_EXTRACTABLE, &no, sizeof no),
        attribute(CKA_SIGN, use == KC_TOKEN_SIGN ? &yes : &no, sizeof yes),
        attribute(opens, use == KC_TOKEN_DECRYPT ? &yes : &no, sizeof yes),
    };
    CK_MECHANISM mechanism = {.mechanism = p256 ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN};
    CK_ULONG public_count = sizeof public_template / sizeof public_template[0] - (p256 ? 1 : 0);
    CK_RV rv = key->module->C_GenerateKeyPair(
        session, &mechanism, public_template, public_count, private_template,
        sizeof private_template / sizeof private_template[0], &made[0], &made[1]);
    return kc_result(rv == CKR_OK ? KC_OK : KC_CRYPTO_FAILED);
}

/* ---- operations ---- */

CK_RV kc_token_sign(const struct kc_token_key *key, const struct kc_token_lease *lease,
                    uint8_t *signature, size_t *size, const uint8_t digest[KC_DIGEST_SIZE])
{
    CK_RSA_PKCS_PSS_PARAMS pss = {
        .hashAlg = CKM_SHA256, .mgf = CKG_MGF1_SHA256, .sLen = KC_DIGEST_SIZE};
    CK_MECHANISM mechanism = {.mechanism = CKM_ECDSA};
    uint8_t copy[KC_DIGEST_SIZE];
    CK_ULONG made = KC_SIGNATURE_SIZE_MAX;
    if (key->type != KC_KEY_P256) {
        mechanism = (CK_MECHANISM){
            .mechanism = CKM_RSA_PKCS_PSS, .pParameter = &pss, .ulParameterLen = sizeof pss};
    }
    memcpy(copy, digest, sizeof copy);
    CK_RV rv = key->module->C_SignInit(lease->session, &mechanism, lease->object);
    if (rv == CKR_OK) {
        rv = key->module->C_Sign(lease->session, copy, sizeof copy, signature, &made);
    }
    if (rv == CKR_OK && made != kc_signature_size(key->type)) {
        rv = CKR_GENERAL_ERROR;
    }
    *size = rv == CKR_OK ? made : 0;
    return rv;
}

/* The agreed number is made as an object of the session that may be read, and is gone before the session is given back. */
CK_RV kc_token_agree(const struct kc_token_key *key, const struct kc_token_lease *lease,
                     uint8_t shared[KC_P256_COORDINATE_SIZE], const struct kc_public_key *peer)
{
    static const CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE kind = CKK_GENERIC_SECRET;
    static const CK_ULONG length = KC_P256_COORDINATE_SIZE;
    static const CK_BBOOL yes = CK_TRUE;
    static const CK_BBOOL no = CK_FALSE;
    uint8_t point[POINT_SIZE] = {0x04};
    CK_ECDH1_DERIVE_PARAMS ecdh = {
        .kdf = CKD_NULL, .ulPublicDataLen = sizeof point, .pPublicData = point};
    CK_MECHANISM mechanism = {
        .mechanism = CKM_ECDH1_DERIVE, .pParameter = &ecdh, .ulParameterLen = sizeof ecdh};
    CK_ATTRIBUTE template[] = {attribute(CKA_CLASS, &class, sizeof class),
                               attribute(CKA_KEY_TYPE, &kind, sizeof kind),
                               attribute(CKA_TOKEN, &no, sizeof no),
                               attribute(CKA_PRIVATE, &yes, sizeof yes),
                               attribute(CKA_SENSITIVE, &no, sizeof no),
                               attribute(CKA_EXTRACTABLE, &yes, sizeof yes),
                               attribute(CKA_VALUE_LEN, &length, sizeof length)};
    CK_OBJECT_HANDLE made = 0;
    size_t size = 0;
    memcpy(point + 1, peer->p256.x, KC_P256_COORDINATE_SIZE);
    memcpy(point + 1 + KC_P256_COORDINATE_SIZE, peer->p256.y, KC_P256_COORDINATE_SIZE);
    CK_RV rv = key->module->C_DeriveKey(lease->session, &mechanism, lease->object, template,
                                        sizeof template / sizeof template[0], &made);
    if (rv != CKR_OK) {
        return rv;
    }
    bool good = read_attribute(key, lease->session, made, CKA_VALUE, shared,
                               KC_P256_COORDINATE_SIZE, &size) &&
                size == KC_P256_COORDINATE_SIZE;
    (void)key->module->C_DestroyObject(lease->session, made);
    return good ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV decrypt(struct kc_token_key *key, const struct kc_token_lease *lease,
                     CK_MECHANISM *mechanism, uint8_t out[KC_RSA_SIZE_MAX], CK_ULONG *size,
                     struct kc_view wrapped)
{
    uint8_t copy[KC_RSA_SIZE_MAX];
    *size = KC_RSA_SIZE_MAX;
    memcpy(copy, wrapped.data, wrapped.size);
    CK_RV rv = key->module->C_DecryptInit(lease->session, mechanism, lease->object);
    return rv != CKR_OK ? rv
                        : key->module->C_Decrypt(lease->session, copy, wrapped.size, out, size);
}

/* The token raises to the power; the padding (RFC 8017 §7.1.2) is read here, in constant time. */
static CK_RV decrypt_raw(struct kc_token_key *key, const struct kc_token_lease *lease,
                         uint8_t out[KC_RSA_SIZE_MAX], CK_ULONG *size, struct kc_view wrapped)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_RSA_X_509};
    uint8_t block[KC_RSA_SIZE_MAX];
    int modulus = (int)wrapped.size;
    CK_RV rv = decrypt(key, lease, &mechanism, block, size, wrapped);
    if (rv == CKR_OK && *size != wrapped.size) {
        rv = CKR_GENERAL_ERROR;
    }
    if (rv == CKR_OK) {
        int made = RSA_padding_check_PKCS1_OAEP_mgf1(out, KC_RSA_SIZE_MAX, block, modulus, modulus,
                                                     NULL, 0, EVP_sha256(), EVP_sha256());
        ERR_clear_error();
        *size = made < 0 ? 0 : (CK_ULONG)made;
        rv = made < 0 ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK;
    }
    kc_wipe(block, sizeof block);
    return rv;
}

/* A token that knows OAEP with SHA-1 only says so in several ways; the first secret that the raw way opens settles it. */
static CK_RV decrypt_either(struct kc_token_key *key, const struct kc_token_lease *lease,
                            uint8_t out[KC_RSA_SIZE_MAX], CK_ULONG *size, struct kc_view wrapped)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = {
        .hashAlg = CKM_SHA256, .mgf = CKG_MGF1_SHA256, .source = CKZ_DATA_SPECIFIED};
    CK_MECHANISM mechanism = {
        .mechanism = CKM_RSA_PKCS_OAEP, .pParameter = &oaep, .ulParameterLen = sizeof oaep};
    if (!atomic_load(&key->raw_rsa)) {
        CK_RV rv = decrypt(key, lease, &mechanism, out, size, wrapped);
        if (rv == CKR_OK) {
            return rv;
        }
        if (rv != CKR_ARGUMENTS_BAD && rv != CKR_MECHANISM_INVALID &&
            rv != CKR_MECHANISM_PARAM_INVALID) {
            return rv;
        }
    }
    CK_RV rv = decrypt_raw(key, lease, out, size, wrapped);
    if (rv == CKR_OK) {
        atomic_store(&key->raw_rsa, true);
    }
    return rv;
}

CK_RV kc_token_unwrap(struct kc_token_key *key, const struct kc_token_lease *lease, uint8_t *secret,
                      size_t *size, size_t capacity, struct kc_view wrapped)
{
    uint8_t out[KC_RSA_SIZE_MAX];
    CK_ULONG made = 0;
    *size = 0;
    /* A number beyond the modulus is the sender's fault; a token may take it for its own. */
    if (wrapped.size != kc_rsa_size(key->type) ||
        memcmp(wrapped.data, key->held.public_key.rsa.n, wrapped.size) >= 0) {
        return CKR_ENCRYPTED_DATA_INVALID;
    }
    CK_RV rv = decrypt_either(key, lease, out, &made, wrapped);
    if (rv == CKR_OK && made > capacity) {
        rv = CKR_ENCRYPTED_DATA_INVALID;
    }
    if (rv == CKR_OK) {
        memcpy(secret, out, made);
        *size = made;
    }
    kc_wipe(out, sizeof out);
    return rv;
}
