/* Are certificates and revocation lists taken only as their profiles say, at their time, under their root? */
#include "backends.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/libcrypto_keys.h"
#include "crypto/x509.h"

#define DAY_MS (UINT64_C(86400) * 1000u)
#define NOW_MS (UINT64_C(1750000000) * 1000u)

struct issued {
    struct test_key key;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der;
};

struct chain {
    struct kc_crypto crypto;
    struct issued root, issuer, stranger_root, stranger;
    struct issued sign[KEY_TYPES], encrypt[KEY_TYPES];
};

static const uint8_t serial[KC_SERIAL_SIZE] = {0x12, 0x34, 0x56};

static struct kc_result issue(struct issued *out, enum kc_profile profile, const char *subject,
                              uint64_t from_ms, uint64_t to_ms, const struct issued *issuer)
{
    struct kc_certificate_order order = {.profile = profile,
                                         .serial = serial,
                                         .subject = subject,
                                         .key = &out->key.public_key,
                                         .not_before_ms = from_ms,
                                         .not_after_ms = to_ms};
    out->der = KC_BUFFER(out->bytes);
    if (issuer == NULL) {
        return kc_certificate_make(&out->der, &order, NULL, &out->key.private_key);
    }
    struct kc_view parent = kc_buffer_view(&issuer->der);
    return kc_certificate_make(&out->der, &order, &parent, &issuer->key.private_key);
}

static void make(struct issued *out, struct chain *chain, enum kc_key_type type,
                 enum kc_profile profile, const char *subject, const struct issued *issuer)
{
    assert_ok(chain->crypto.generate(chain->crypto.context, &out->key.private_key,
                                     &out->key.public_key, type));
    assert_ok(issue(out, profile, subject, NOW_MS - DAY_MS, NOW_MS + DAY_MS, issuer));
}

static int make_chain(void **state)
{
    static struct chain chain;
    assert_ok(kc_libcrypto_open(&chain.crypto, 16));
    make(&chain.root, &chain, KC_KEY_P256, KC_PROFILE_ROOT, "root", NULL);
    make(&chain.issuer, &chain, KC_KEY_P256, KC_PROFILE_ISSUER, "issuer", &chain.root);
    make(&chain.stranger_root, &chain, KC_KEY_P256, KC_PROFILE_ROOT, "root", NULL);
    make(&chain.stranger, &chain, KC_KEY_P256, KC_PROFILE_ISSUER, "issuer", &chain.stranger_root);
    for (size_t t = 0; t < KEY_TYPES; t++) {
        enum kc_key_type type = (enum kc_key_type)(t + 1);
        make(&chain.sign[t], &chain, type, KC_PROFILE_SIGN, "1000017", &chain.issuer);
        make(&chain.encrypt[t], &chain, type, KC_PROFILE_ENCRYPT, "1000017", &chain.issuer);
    }
    *state = &chain;
    return 0;
}

static int close_chain(void **state)
{
    struct chain *chain = *state;
    kc_libcrypto_close(&chain->crypto);
    return 0;
}

static struct kc_result verify_at(struct kc_certificate *out, const struct chain *chain,
                                  const struct issued *leaf, uint64_t now_ms)
{
    return kc_certificate_verify(out, kc_buffer_view(&leaf->der),
                                 kc_buffer_view(&chain->issuer.der),
                                 kc_buffer_view(&chain->root.der), now_ms);
}

/* shows: R-NODE-2 R-OPEN-3 R-SEC-3 */
static void test_made_is_read_and_verified(void **state)
{
    struct chain *chain = *state;
    for (size_t i = 0; i < 2 * KEY_TYPES; i++) {
        struct issued *leaf = i % 2 == 0 ? &chain->sign[i / 2] : &chain->encrypt[i / 2];
        struct kc_certificate read, verified;
        assert_ok(kc_certificate_read(&read, kc_buffer_view(&leaf->der)));
        assert_int_equal(read.profile, i % 2 == 0 ? KC_PROFILE_SIGN : KC_PROFILE_ENCRYPT);
        assert_memory_equal(read.serial, serial, sizeof serial);
        assert_string_equal(read.subject, "1000017");
        assert_true(read.not_before_ms == NOW_MS - DAY_MS && read.not_after_ms == NOW_MS + DAY_MS);
        assert_memory_equal(&read.key, &leaf->key.public_key, sizeof read.key);
        assert_ok(verify_at(&verified, chain, leaf, NOW_MS));
        assert_memory_equal(&verified, &read, sizeof read);
    }
    struct kc_certificate read;
    assert_ok(kc_certificate_read(&read, kc_buffer_view(&chain->root.der)));
    assert_int_equal(read.profile, KC_PROFILE_ROOT);
    assert_ok(kc_certificate_read(&read, kc_buffer_view(&chain->issuer.der)));
    assert_int_equal(read.profile, KC_PROFILE_ISSUER);
}

/* shows: R-SEC-4 */
static void test_time(void **state)
{
    struct chain *chain = *state;
    struct kc_certificate out;
    const struct issued *leaf = &chain->sign[0];
    assert_ok(verify_at(&out, chain, leaf, NOW_MS - DAY_MS));
    assert_ok(verify_at(&out, chain, leaf, NOW_MS + DAY_MS - 1000));
    assert_code(verify_at(&out, chain, leaf, NOW_MS - DAY_MS - 1000), KC_CERT_EXPIRED);
    assert_code(verify_at(&out, chain, leaf, NOW_MS + DAY_MS + 1000), KC_CERT_EXPIRED);
}

/* shows: R-SEC-4 */
static void test_issuer_expired(void **state)
{
    struct chain *chain = *state;
    static struct issued old, leaf;
    struct kc_certificate out;
    old.key = chain->issuer.key;
    leaf.key = chain->sign[0].key;
    assert_ok(issue(&old, KC_PROFILE_ISSUER, "issuer", NOW_MS - 2 * DAY_MS, NOW_MS - DAY_MS,
                    &chain->root));
    assert_ok(issue(&leaf, KC_PROFILE_SIGN, "1000017", NOW_MS - DAY_MS, NOW_MS + DAY_MS, &old));
    assert_code(kc_certificate_verify(&out, kc_buffer_view(&leaf.der), kc_buffer_view(&old.der),
                                      kc_buffer_view(&chain->root.der), NOW_MS),
                KC_CERT_EXPIRED);
}

/* Another root of the same name, another issuer of the same name, a leaf as issuer, a CA as leaf. */
static void test_wrong_chain(void **state)
{
    struct chain *chain = *state;
    struct kc_certificate out;
    struct kc_view leaf = kc_buffer_view(&chain->sign[0].der);
    struct kc_view issuer = kc_buffer_view(&chain->issuer.der);
    struct kc_view root = kc_buffer_view(&chain->root.der);
    struct kc_view other_root = kc_buffer_view(&chain->stranger_root.der);
    struct kc_view other = kc_buffer_view(&chain->stranger.der);
    assert_code(kc_certificate_verify(&out, leaf, issuer, other_root, NOW_MS), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&out, leaf, other, root, NOW_MS), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&out, leaf, other, other_root, NOW_MS), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&out, issuer, issuer, root, NOW_MS), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&out, root, issuer, root, NOW_MS), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&out, leaf, leaf, root, NOW_MS), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&out, leaf, kc_view(NULL, 0), root, NOW_MS), KC_CERT_INVALID);
}

/* The root vouches for issuers only: a leaf that it signed itself has no issuer. */
static void test_leaf_of_the_root(void **state)
{
    struct chain *chain = *state;
    static struct issued direct;
    struct kc_certificate out;
    direct.key = chain->sign[0].key;
    assert_ok(
        issue(&direct, KC_PROFILE_SIGN, "1000017", NOW_MS - DAY_MS, NOW_MS + DAY_MS, &chain->root));
    assert_code(verify_at(&out, chain, &direct, NOW_MS), KC_CERT_INVALID);
    assert_code(kc_certificate_verify(&out, kc_buffer_view(&direct.der),
                                      kc_buffer_view(&chain->root.der),
                                      kc_buffer_view(&chain->root.der), NOW_MS),
                KC_CERT_INVALID);
}

static X509 *open_x509(const struct issued *issued)
{
    const unsigned char *at = issued->bytes;
    X509 *certificate = d2i_X509(NULL, &at, (long)issued->der.size);
    assert_non_null(certificate);
    return certificate;
}

static bool is_critical(X509 *certificate, int nid)
{
    int place = X509_get_ext_by_NID(certificate, nid, -1);
    assert_true(place >= 0);
    return X509_EXTENSION_get_critical(X509_get_ext(certificate, place)) == 1;
}

static void check_letter(const struct issued *issued, const struct issued *issuer, long path_length,
                         uint32_t usage)
{
    X509 *certificate = open_x509(issued);
    X509 *parent = open_x509(issuer);
    assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
    assert_int_equal(X509_get_ext_count(certificate), 4);
    assert_true(is_critical(certificate, NID_basic_constraints));
    assert_true(is_critical(certificate, NID_key_usage));
    assert_false(is_critical(certificate, NID_subject_key_identifier));
    assert_false(is_critical(certificate, NID_authority_key_identifier));
    assert_int_equal(X509_get_pathlen(certificate), path_length);
    assert_int_equal(X509_get_key_usage(certificate), usage);
    assert_int_equal(X509_get_extended_key_usage(certificate), UINT32_MAX);
    assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(certificate),
                                           X509_get0_subject_key_id(parent)),
                     0);
    assert_int_equal(ASN1_STRING_length(X509_get0_subject_key_id(certificate)), 20);
    assert_int_equal(
        X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(parent)), 0);
    assert_int_equal(X509_get_signature_nid(certificate), NID_ecdsa_with_SHA256);
    assert_int_equal(ASN1_STRING_type(X509_get0_notAfter(certificate)), V_ASN1_UTCTIME);
    X509_free(parent);
    X509_free(certificate);
}

/* RFC 5280 §4.1, §4.2: version 3, critical usage and constraints, path lengths, key identifiers that link. */
/* shows: R-NODE-2 */
static void test_profiles_to_the_letter(void **state)
{
    struct chain *chain = *state;
    const uint32_t authority = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
    check_letter(&chain->root, &chain->root, 1, authority);
    check_letter(&chain->issuer, &chain->root, 0, authority);
    for (size_t t = 0; t < KEY_TYPES; t++) {
        check_letter(&chain->sign[t], &chain->issuer, -1,
                     KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION);
        check_letter(&chain->encrypt[t], &chain->issuer, -1,
                     t == 0 ? KU_KEY_AGREEMENT : KU_KEY_ENCIPHERMENT);
    }
}

/* A leaf signs a certificate of its own, and an issuer makes another issuer (path length 0). */
static void test_no_authority_of_their_own(void **state)
{
    struct chain *chain = *state;
    static struct issued forged, sub, below;
    struct kc_certificate out;
    forged.key = chain->sign[1].key;
    assert_ok(issue(&forged, KC_PROFILE_SIGN, "2000025", NOW_MS - DAY_MS, NOW_MS + DAY_MS,
                    &chain->sign[0]));
    assert_code(kc_certificate_verify(&out, kc_buffer_view(&forged.der),
                                      kc_buffer_view(&chain->sign[0].der),
                                      kc_buffer_view(&chain->issuer.der), NOW_MS),
                KC_CERT_INVALID);
    sub.key = chain->stranger.key;
    below.key = chain->sign[1].key;
    assert_ok(
        issue(&sub, KC_PROFILE_ISSUER, "sub", NOW_MS - DAY_MS, NOW_MS + DAY_MS, &chain->issuer));
    assert_ok(issue(&below, KC_PROFILE_SIGN, "2000025", NOW_MS - DAY_MS, NOW_MS + DAY_MS, &sub));
    assert_code(kc_certificate_verify(&out, kc_buffer_view(&below.der), kc_buffer_view(&sub.der),
                                      kc_buffer_view(&chain->root.der), NOW_MS),
                KC_CERT_INVALID);
}

/* A second root of the same name, and what each certified of the other. */
struct rolled {
    struct issued root, issuer, leaf, new_by_old, old_by_new, other_name, by_issuer;
};

static void make_rolled(struct rolled *out, struct chain *chain)
{
    make(&out->root, chain, KC_KEY_P256, KC_PROFILE_ROOT, "root", NULL);
    make(&out->issuer, chain, KC_KEY_P256, KC_PROFILE_ISSUER, "issuer 2", &out->root);
    make(&out->leaf, chain, KC_KEY_P256, KC_PROFILE_SIGN, "1000017", &out->issuer);
    out->new_by_old.key = out->other_name.key = out->by_issuer.key = out->root.key;
    out->old_by_new.key = chain->root.key;
    uint64_t from_ms = NOW_MS - DAY_MS;
    uint64_t until_ms = NOW_MS + DAY_MS / 2;
    assert_ok(issue(&out->new_by_old, KC_PROFILE_CROSS, "root", from_ms, until_ms, &chain->root));
    assert_ok(issue(&out->old_by_new, KC_PROFILE_CROSS, "root", from_ms, until_ms, &out->root));
    assert_ok(issue(&out->other_name, KC_PROFILE_CROSS, "boot", from_ms, until_ms, &chain->root));
    assert_ok(issue(&out->by_issuer, KC_PROFILE_CROSS, "root", from_ms, until_ms, &chain->issuer));
}

static struct kc_result cross_at(const struct issued *root, const struct issued *cross,
                                 const struct issued *above, uint64_t now_ms)
{
    uint64_t until_ms = 0;
    struct kc_result result = kc_certificate_verify_cross(&until_ms, kc_buffer_view(&root->der),
                                                          kc_buffer_view(&cross->der),
                                                          kc_buffer_view(&above->der), now_ms);
    assert_true(kc_failed(result) || until_ms == NOW_MS + DAY_MS / 2);
    return result;
}

/* shows: R-RENEW-8 R-SEC-3 */
static void test_roots_certify_each_other(void **state)
{
    struct chain *chain = *state;
    static struct rolled new;
    struct kc_certificate out;
    make_rolled(&new, chain);
    assert_ok(kc_certificate_read(&out, kc_buffer_view(&new.new_by_old.der)));
    assert_int_equal(out.profile, KC_PROFILE_CROSS);
    assert_ok(cross_at(&new.root, &new.new_by_old, &chain->root, NOW_MS));
    assert_ok(cross_at(&chain->root, &new.old_by_new, &new.root, NOW_MS));
    assert_code(cross_at(&new.root, &new.new_by_old, &chain->root, NOW_MS + DAY_MS / 2 + 1000),
                KC_CERT_EXPIRED);
    assert_code(cross_at(&new.root, &new.new_by_old, &chain->root, NOW_MS - DAY_MS - 1000),
                KC_CERT_EXPIRED);
    /* Of another key, the wrong way round, by a stranger of that name, of another name, by an issuer, and no root at all. */
    assert_code(cross_at(&chain->stranger_root, &new.new_by_old, &chain->root, NOW_MS),
                KC_CERT_INVALID);
    assert_code(cross_at(&new.root, &new.old_by_new, &chain->root, NOW_MS), KC_CERT_INVALID);
    assert_code(cross_at(&new.root, &new.new_by_old, &chain->stranger_root, NOW_MS),
                KC_CERT_INVALID);
    assert_code(cross_at(&new.root, &new.other_name, &chain->root, NOW_MS), KC_CERT_INVALID);
    assert_code(cross_at(&new.root, &new.by_issuer, &chain->root, NOW_MS), KC_CERT_INVALID);
    assert_code(cross_at(&new.root, &new.by_issuer, &chain->issuer, NOW_MS), KC_CERT_INVALID);
    assert_code(cross_at(&new.root, &new.root, &chain->root, NOW_MS), KC_CERT_INVALID);
    assert_code(cross_at(&new.new_by_old, &new.new_by_old, &chain->root, NOW_MS), KC_CERT_INVALID);
    assert_code(cross_at(&new.issuer, &new.new_by_old, &chain->root, NOW_MS), KC_CERT_INVALID);
    static struct issued renamed;
    renamed.key = new.root.key;
    assert_ok(issue(&renamed, KC_PROFILE_ROOT, "boot", NOW_MS - DAY_MS, NOW_MS + DAY_MS, NULL));
    assert_code(cross_at(&renamed, &new.new_by_old, &chain->root, NOW_MS), KC_CERT_INVALID);
    static struct issued altered;
    altered = new.root;
    altered.der.data = altered.bytes;
    altered.bytes[altered.der.size - 1] ^= 1;
    assert_code(cross_at(&altered, &new.new_by_old, &chain->root, NOW_MS), KC_CERT_INVALID);
    /* A root signs issuers only, whatever certificate of its key stands between. */
    static struct issued direct;
    make(&direct, chain, KC_KEY_P256, KC_PROFILE_SIGN, "1000017", &new.root);
    assert_code(kc_certificate_verify(&out, kc_buffer_view(&direct.der),
                                      kc_buffer_view(&new.new_by_old.der),
                                      kc_buffer_view(&chain->root.der), NOW_MS),
                KC_CERT_INVALID);
    assert_code(kc_certificate_verify_issuer(kc_buffer_view(&new.new_by_old.der),
                                             kc_buffer_view(&chain->root.der), NOW_MS),
                KC_CERT_INVALID);
}

/* shows: R-NODE-2 */
static void test_pairs(void **state)
{
    struct chain *chain = *state;
    uint8_t bytes[KC_CERTIFICATE_PAIR_SIZE_MAX];
    struct kc_buffer pair = KC_BUFFER(bytes);
    struct kc_view to = kc_buffer_view(&chain->root.der);
    struct kc_view by = kc_buffer_view(&chain->issuer.der);
    struct kc_view read[2];
    assert_ok(kc_certificate_pair_write(&pair, to, by));
    assert_ok(kc_certificate_pair_read(&read[0], &read[1], kc_buffer_view(&pair)));
    assert_true(kc_view_equal(read[0], to) && kc_view_equal(read[1], by));
    for (size_t size = 0; size < pair.size; size++) {
        assert_code(kc_certificate_pair_read(&read[0], &read[1], kc_view(bytes, size)),
                    KC_CERT_INVALID);
    }
    for (size_t i = 0; i < 8; i++) {
        bytes[i] ^= 1;
        assert_code(kc_certificate_pair_read(&read[0], &read[1], kc_buffer_view(&pair)),
                    KC_CERT_INVALID);
        bytes[i] ^= 1;
    }
    struct kc_buffer small = {.data = bytes, .capacity = pair.size - 1};
    assert_code(kc_certificate_pair_write(&small, to, by), KC_BUFFER_SMALL);
    assert_code(kc_certificate_pair_write(&pair, to, kc_view(bytes, 200)), KC_CERT_INVALID);
}

/* Finds bytes in a certificate; fails when they are not there exactly once. */
static uint8_t *find(struct issued *in, const uint8_t *bytes, size_t size)
{
    uint8_t *found = NULL;
    for (size_t i = 0; i + size <= in->der.size; i++) {
        if (memcmp(in->bytes + i, bytes, size) == 0) {
            assert_null(found);
            found = in->bytes + i;
        }
    }
    assert_non_null(found);
    return found;
}

static struct kc_result read_with_usage(const struct issued *leaf, uint8_t bits)
{
    /* KeyUsage OCTET STRING { BIT STRING } of one byte (RFC 5280 §4.2.1.3): c0 for signing, 08 agreement, 20 encipherment. */
    static const uint8_t oid[] = {0x06, 0x03, 0x55, 0x1d, 0x0f, 0x01,
                                  0x01, 0xff, 0x04, 0x04, 0x03, 0x02};
    static struct issued copy;
    struct kc_certificate out;
    copy = *leaf;
    copy.der.data = copy.bytes;
    uint8_t *at = find(&copy, oid, sizeof oid) + sizeof oid;
    at[0] = 0; /* unused bits at the end */
    at[1] = bits;
    return kc_certificate_read(&out, kc_buffer_view(&copy.der));
}

/* Every set of key usages but those of the profiles. */
static void test_wrong_usage(void **state)
{
    struct chain *chain = *state;
    for (unsigned bits = 0; bits < 256; bits++) {
        bool signs = bits == 0xc0;
        struct kc_result ec = read_with_usage(&chain->sign[0], (uint8_t)bits);
        struct kc_result rsa = read_with_usage(&chain->sign[1], (uint8_t)bits);
        assert_code(ec, signs || bits == 0x08 ? KC_OK : KC_CERT_INVALID);
        assert_code(rsa, signs || bits == 0x20 ? KC_OK : KC_CERT_INVALID);
    }
}

/* shows: R-SEC-2 */
static void test_bad_signature(void **state)
{
    struct chain *chain = *state;
    struct kc_certificate out;
    static struct issued copy;
    copy = chain->sign[0];
    copy.der.data = copy.bytes;
    assert_ok(verify_at(&out, chain, &copy, NOW_MS));
    copy.bytes[copy.der.size - 1] ^= 1;
    assert_code(verify_at(&out, chain, &copy, NOW_MS), KC_CERT_INVALID);
    copy.bytes[copy.der.size - 1] ^= 1;
    *find(&copy, (const uint8_t *)"1000017", 7) = '2';
    assert_ok(kc_certificate_read(&out, kc_buffer_view(&copy.der)));
    assert_string_equal(out.subject, "2000017");
    assert_code(verify_at(&out, chain, &copy, NOW_MS), KC_CERT_INVALID);
}

/* One changed bit in any byte is never taken for a good certificate of somebody else. */
static void test_flipped_bits(void **state)
{
    struct chain *chain = *state;
    static struct issued copy;
    for (size_t i = 0; i < chain->sign[0].der.size; i++) {
        struct kc_certificate out;
        copy = chain->sign[0];
        copy.der.data = copy.bytes;
        copy.bytes[i] ^= (uint8_t)(1u << (i % 8));
        assert_true(kc_failed(verify_at(&out, chain, &copy, NOW_MS)));
    }
}

static void test_truncated(void **state)
{
    struct chain *chain = *state;
    struct kc_certificate out;
    static struct issued longer;
    const struct issued *leaf = &chain->sign[0];
    for (size_t size = 0; size < leaf->der.size; size++) {
        assert_code(kc_certificate_read(&out, kc_view(leaf->bytes, size)), KC_CERT_INVALID);
        assert_code(kc_certificate_verify(&out, kc_view(leaf->bytes, size),
                                          kc_buffer_view(&chain->issuer.der),
                                          kc_buffer_view(&chain->root.der), NOW_MS),
                    KC_CERT_INVALID);
    }
    longer = *leaf;
    assert_code(kc_certificate_read(&out, kc_view(longer.bytes, leaf->der.size + 1)),
                KC_CERT_INVALID);
}

static void test_make_refuses(void **state)
{
    struct chain *chain = *state;
    static struct issued out;
    struct kc_certificate_order order = {.profile = KC_PROFILE_SIGN,
                                         .serial = serial,
                                         .subject = "1000017",
                                         .key = &chain->sign[0].key.public_key,
                                         .not_before_ms = NOW_MS,
                                         .not_after_ms = NOW_MS + DAY_MS};
    struct kc_view parent = kc_buffer_view(&chain->issuer.der);
    struct kc_view cut = kc_view(chain->issuer.bytes, chain->issuer.der.size - 1);
    const struct kc_private_key none = {.type = KC_KEY_NONE};
    struct kc_public_key off = chain->sign[0].key.public_key;
    out.der = (struct kc_buffer){.data = out.bytes, .capacity = 100};
    assert_code(kc_certificate_make(&out.der, &order, &parent, &chain->issuer.key.private_key),
                KC_BUFFER_SMALL);
    out.der = KC_BUFFER(out.bytes);
    assert_code(kc_certificate_make(&out.der, &order, &cut, &chain->issuer.key.private_key),
                KC_CRYPTO_FAILED);
    assert_code(kc_certificate_make(&out.der, &order, &parent, &none), KC_CRYPTO_FAILED);
    off.p256.y[3] ^= 1;
    order.key = &off;
    assert_code(kc_certificate_make(&out.der, &order, &parent, &chain->issuer.key.private_key),
                KC_CRYPTO_FAILED);
}

static struct kc_view make_list(struct chain *chain, size_t count)
{
    static struct kc_revoked revoked[300];
    struct kc_view der = {0};
    for (size_t i = 0; i < count; i++) {
        /* Not in order; reasons 0 (unspecified) and 1 (keyCompromise). */
        size_t place = (i * 7) % count;
        revoked[place] = (struct kc_revoked){.time_ms = NOW_MS, .reason = (unsigned)(i % 2)};
        revoked[place].serial[0] = 0x01;
        revoked[place].serial[KC_SERIAL_SIZE - 2] = (uint8_t)(i >> 8);
        revoked[place].serial[KC_SERIAL_SIZE - 1] = (uint8_t)i;
    }
    assert_ok(kc_crl_make(&der, revoked, count, 42, NOW_MS, NOW_MS + DAY_MS,
                          kc_buffer_view(&chain->issuer.der), &chain->issuer.key.private_key));
    return der;
}

/* shows: R-NODE-2 R-SEC-4 */
static void test_revocation_list(void **state)
{
    struct chain *chain = *state;
    struct kc_crl *crl = NULL;
    struct kc_view der = make_list(chain, 300);
    uint8_t wanted[KC_SERIAL_SIZE] = {0x01};
    assert_ok(kc_crl_read(&crl, der, kc_buffer_view(&chain->issuer.der)));
    assert_int_equal(kc_crl_count(crl), 300);
    assert_int_equal(kc_crl_number(crl), 42);
    assert_true(kc_crl_next_update_ms(crl) == NOW_MS + DAY_MS);
    for (size_t i = 0; i < 512; i++) {
        wanted[KC_SERIAL_SIZE - 2] = (uint8_t)(i >> 8);
        wanted[KC_SERIAL_SIZE - 1] = (uint8_t)i;
        assert_int_equal(kc_crl_has(crl, wanted), i < 300);
    }
    assert_false(kc_crl_has(crl, serial));
    kc_crl_free(crl);
    kc_der_free(der);
}

static void test_empty_revocation_list(void **state)
{
    struct chain *chain = *state;
    struct kc_crl *crl = NULL;
    struct kc_view der = {0};
    assert_ok(kc_crl_make(&der, NULL, 0, 1, NOW_MS, NOW_MS + DAY_MS,
                          kc_buffer_view(&chain->issuer.der), &chain->issuer.key.private_key));
    assert_ok(kc_crl_read(&crl, der, kc_buffer_view(&chain->issuer.der)));
    assert_int_equal(kc_crl_count(crl), 0);
    assert_false(kc_crl_has(crl, serial));
    kc_crl_free(crl);
    kc_der_free(der);
}

/* Another issuer of the same name, a changed byte anywhere, every cut. */
static void test_revocation_list_refused(void **state)
{
    struct chain *chain = *state;
    struct kc_crl *crl = NULL;
    struct kc_view der = make_list(chain, 3);
    struct kc_view issuer = kc_buffer_view(&chain->issuer.der);
    static uint8_t copy[1024];
    assert_true(der.size < sizeof copy);
    memcpy(copy, der.data, der.size);
    assert_code(kc_crl_read(&crl, der, kc_buffer_view(&chain->stranger.der)), KC_CERT_INVALID);
    assert_code(kc_crl_read(&crl, der, kc_view(NULL, 0)), KC_CERT_INVALID);
    assert_code(kc_crl_read(&crl, kc_view(copy, der.size + 1), issuer), KC_CERT_INVALID);
    for (size_t i = 0; i < der.size; i++) {
        assert_code(kc_crl_read(&crl, kc_view(copy, i), issuer), KC_CERT_INVALID);
        copy[i] ^= (uint8_t)(1u << (i % 8));
        assert_code(kc_crl_read(&crl, kc_view(copy, der.size), issuer), KC_CERT_INVALID);
        copy[i] ^= (uint8_t)(1u << (i % 8));
    }
    assert_ok(kc_crl_read(&crl, kc_view(copy, der.size), issuer));
    kc_crl_free(crl);
    kc_der_free(der);
}

/* A list with one thing changed, signed again by the issuer's own key. */
static void refuse_changed(struct chain *chain, void (*change)(X509_CRL *list))
{
    struct kc_view der = make_list(chain, 3);
    struct kc_crl *crl = NULL;
    unsigned char *changed = NULL;
    const unsigned char *at = der.data;
    X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)der.size);
    EVP_PKEY *key = kc_pkey_from_private(&chain->issuer.key.private_key);
    assert_true(list != NULL && key != NULL);
    change(list);
    assert_true(X509_CRL_sign(list, key, EVP_sha256()) > 0);
    int size = i2d_X509_CRL(list, &changed);
    assert_true(size > 0);
    struct kc_result result =
        kc_crl_read(&crl, kc_view(changed, (size_t)size), kc_buffer_view(&chain->issuer.der));
    assert_code(result, KC_CERT_INVALID);
    OPENSSL_free(changed);
    EVP_PKEY_free(key);
    X509_CRL_free(list);
    kc_der_free(der);
}

static void make_delta(X509_CRL *list)
{
    ASN1_INTEGER *base = ASN1_INTEGER_new();
    assert_true(ASN1_INTEGER_set(base, 41) == 1);
    assert_int_equal(X509_CRL_add1_ext_i2d(list, NID_delta_crl, base, 1, 0), 1);
    ASN1_INTEGER_free(base);
}

static void make_partial(X509_CRL *list)
{
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, NULL, NID_issuing_distribution_point, "critical,onlyuser:TRUE");
    assert_non_null(extension);
    assert_int_equal(X509_CRL_add_ext(list, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void rename_issuer(X509_CRL *list)
{
    X509_NAME *name = X509_NAME_new();
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)"other", -1, -1, 0),
                     1);
    assert_int_equal(X509_CRL_set_issuer_name(list, name), 1);
    X509_NAME_free(name);
}

static void drop_number(X509_CRL *list)
{
    int place = X509_CRL_get_ext_by_NID(list, NID_crl_number, -1);
    X509_EXTENSION_free(X509_CRL_delete_ext(list, place));
}

static void add_removal(X509_CRL *list)
{
    X509_REVOKED *entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(list), 0);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    assert_int_equal(X509_REVOKED_add1_ext_i2d(entry, NID_certificate_issuer, names, 1, 0), 1);
    GENERAL_NAMES_free(names);
}

/* RFC 5280 §5.2, §5.3: a list that covers a part only, or says so in a critical extension, is not taken for the whole. */
static void test_partial_lists_are_refused(void **state)
{
    struct chain *chain = *state;
    refuse_changed(chain, make_delta);
    refuse_changed(chain, make_partial);
    refuse_changed(chain, rename_issuer);
    refuse_changed(chain, drop_number);
    refuse_changed(chain, add_removal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_is_read_and_verified),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_issuer_expired),
        cmocka_unit_test(test_wrong_chain),
        cmocka_unit_test(test_leaf_of_the_root),
        cmocka_unit_test(test_profiles_to_the_letter),
        cmocka_unit_test(test_no_authority_of_their_own),
        cmocka_unit_test(test_roots_certify_each_other),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_bad_signature),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_make_refuses),
        cmocka_unit_test(test_revocation_list),
        cmocka_unit_test(test_empty_revocation_list),
        cmocka_unit_test(test_revocation_list_refused),
        cmocka_unit_test(test_partial_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, make_chain, close_chain);
}
