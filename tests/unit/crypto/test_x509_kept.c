/* Is a certificate that stays parsed taken for itself alone, also by many at a time, and does one say who issued it without its
 * key being read? */
#include "backends.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "crypto/x509.h"

#define DAY_MS (UINT64_C(86400) * 1000u)
#define NOW_MS (UINT64_C(1750000000) * 1000u)
#define MANY 100u /* more than stay parsed */
#define THREADS 4u

struct issued {
    struct test_key key;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der;
};

static struct place {
    struct kc_crypto crypto;
    struct issued root, issuer, other, user, renamed, many[MANY];
} place;

static void issue(struct issued *out, enum kc_profile profile, const char *subject,
                  const struct issued *issuer)
{
    static const uint8_t serial[KC_SERIAL_SIZE] = {0x12, 0x34, 0x56};
    const struct kc_certificate_order order = {.profile = profile,
                                               .serial = serial,
                                               .subject = subject,
                                               .key = &out->key.public_key,
                                               .not_before_ms = NOW_MS - DAY_MS,
                                               .not_after_ms = NOW_MS + DAY_MS};
    out->der = KC_BUFFER(out->bytes);
    struct kc_view parent = issuer == NULL ? kc_view(NULL, 0) : kc_buffer_view(&issuer->der);
    assert_ok(
        kc_certificate_make(&out->der, &order, issuer == NULL ? NULL : &parent,
                            issuer == NULL ? &out->key.private_key : &issuer->key.private_key));
}

static void name_of(char out[16], size_t index)
{
    (void)snprintf(out, 16, "%zu", 1000 + index);
}

/* Two issuers of the same name; of many leaves each has another subject, and all are as long as each other or nearly. */
static int make_place(void **state)
{
    char subject[16];
    struct issued *keyed[] = {&place.root, &place.issuer, &place.other, &place.many[0]};
    (void)state;
    assert_ok(kc_libcrypto_open(&place.crypto, 16));
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++) {
        assert_ok(place.crypto.generate(place.crypto.context, &keyed[i]->key.private_key,
                                        &keyed[i]->key.public_key, KC_KEY_P256));
    }
    issue(&place.root, KC_PROFILE_ROOT, "root", NULL);
    issue(&place.issuer, KC_PROFILE_ISSUER, "issuer", &place.root);
    issue(&place.other, KC_PROFILE_ISSUER, "issuer", &place.root);
    place.user.key = place.issuer.key;
    place.renamed.key = place.issuer.key;
    issue(&place.renamed, KC_PROFILE_ISSUER, "renamed", &place.root);
    issue(&place.user, KC_PROFILE_SIGN, "issuer", &place.root);
    for (size_t i = 0; i < MANY; i++) {
        name_of(subject, i);
        place.many[i].key = place.many[0].key;
        issue(&place.many[i], i % 2 == 0 ? KC_PROFILE_SIGN : KC_PROFILE_ENCRYPT, subject,
              &place.issuer);
    }
    return 0;
}

static int close_place(void **state)
{
    (void)state;
    kc_libcrypto_close(&place.crypto);
    return 0;
}

/* Whether every leaf is read, and verified, as the one that it is; in an order of its own. */
static void *read_many(void *owner)
{
    const size_t *step = owner;
    struct kc_certificate read, verified;
    char subject[16];
    for (size_t round = 0, i = 0; round < 3 * MANY; round++, i = (i + *step) % MANY) {
        const struct issued *one = &place.many[i];
        name_of(subject, i);
        if (kc_failed(kc_certificate_read(&read, kc_buffer_view(&one->der))) ||
            kc_failed(kc_certificate_verify(&verified, kc_buffer_view(&one->der),
                                            kc_buffer_view(&place.issuer.der),
                                            kc_buffer_view(&place.root.der), NOW_MS)) ||
            strcmp(read.subject, subject) != 0 || memcmp(&read, &verified, sizeof read) != 0) {
            return NULL;
        }
    }
    return owner;
}

static void test_each_is_itself(void **state)
{
    size_t steps[] = {1, 3, 0}; /* forward, across, and the same one again and again */
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_ptr_equal(read_many(&steps[i]), &steps[i]);
    }
}

static void test_many_at_a_time(void **state)
{
    pthread_t threads[THREADS];
    size_t steps[THREADS] = {1, 3, 7, 99};
    void *found = NULL;
    (void)state;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, read_many, &steps[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &found), 0);
        assert_ptr_equal(found, &steps[i]);
    }
}

/* It was good, and stays parsed; at another time, and under another issuer, it is as bad as one that nobody saw before. */
/* shows: R-SEC-4 */
static void test_kept_is_not_believed(void **state)
{
    struct kc_certificate out;
    struct kc_view leaf = kc_buffer_view(&place.many[0].der);
    struct kc_view issuer = kc_buffer_view(&place.issuer.der);
    struct kc_view root = kc_buffer_view(&place.root.der);
    (void)state;
    assert_ok(kc_certificate_verify(&out, leaf, issuer, root, NOW_MS));
    assert_code(kc_certificate_verify(&out, leaf, issuer, root, NOW_MS + 2 * DAY_MS),
                KC_CERT_EXPIRED);
    assert_code(kc_certificate_verify(&out, leaf, kc_buffer_view(&place.other.der), root, NOW_MS),
                KC_CERT_INVALID);
    assert_ok(kc_certificate_verify(&out, leaf, issuer, root, NOW_MS));
}

static void test_issuer(void **state)
{
    struct kc_view leaf = kc_buffer_view(&place.many[0].der);
    struct kc_view issuer = kc_buffer_view(&place.issuer.der);
    struct kc_view other = kc_buffer_view(&place.other.der);
    struct kc_view root = kc_buffer_view(&place.root.der);
    (void)state;
    assert_true(kc_certificate_is_by(leaf, issuer));
    assert_true(kc_certificate_is_by(issuer, root));
    assert_true(kc_certificate_is_by(root, root));
    assert_false(kc_certificate_is_by(leaf, other)); /* of that name, with another key */
    assert_false(kc_certificate_is_by(leaf, kc_buffer_view(&place.renamed.der)));
    /* Of that name and key, and for signing documents. */
    assert_false(kc_certificate_is_by(leaf, kc_buffer_view(&place.user.der)));
    assert_false(kc_certificate_is_by(leaf, root));
    assert_false(kc_certificate_is_by(leaf, leaf));
    assert_false(kc_certificate_is_by(issuer, leaf));
    assert_false(kc_certificate_is_by(leaf, kc_view(NULL, 0)));
    assert_false(kc_certificate_is_by(kc_view(NULL, 0), issuer));
}

/* What libcrypto says of the whole certificate. */
static bool whole_is_by(struct kc_view leaf, X509 *by, bool *reads)
{
    const unsigned char *at = leaf.data;
    X509 *one = d2i_X509(NULL, &at, (long)leaf.size);
    *reads = one != NULL && at == leaf.data + leaf.size;
    bool fits = *reads && X509_check_issued(by, one) == X509_V_OK;
    X509_free(one);
    ERR_clear_error();
    return fits;
}

/* Every bit of a leaf, turned over: as libcrypto says of what it still can read, but that it looks at the algorithm as well,
 * and takes a name that says that it has no parts (0x10 for 0x30). */
static void test_issuer_as_libcrypto(void **state)
{
    static struct issued copy;
    const unsigned char *at = place.issuer.bytes;
    X509 *by = d2i_X509(NULL, &at, (long)place.issuer.der.size);
    size_t differ = 0;
    (void)state;
    assert_non_null(by);
    for (size_t bit = 0; bit < 8 * place.many[0].der.size; bit++) {
        bool reads = false;
        copy = place.many[0];
        copy.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct kc_view leaf = kc_view(copy.bytes, copy.der.size);
        bool whole = whole_is_by(leaf, by, &reads);
        bool found = kc_certificate_is_by(leaf, kc_buffer_view(&place.issuer.der));
        assert_true(found || !whole || copy.bytes[bit / 8] == 0x10);
        differ += reads && found != whole ? 1 : 0;
    }
    X509_free(by);
    /* Two object identifiers of 8 bytes, and the heads of what holds them. */
    assert_true(differ <= 2 * 8 * 12);
}

static void test_issuer_of_a_part(void **state)
{
    static struct issued longer;
    struct kc_view issuer = kc_buffer_view(&place.issuer.der);
    const struct issued *leaf = &place.many[0];
    (void)state;
    for (size_t size = 0; size < leaf->der.size; size++) {
        assert_false(kc_certificate_is_by(kc_view(leaf->bytes, size), issuer));
    }
    longer = *leaf;
    assert_false(kc_certificate_is_by(kc_view(longer.bytes, leaf->der.size + 1), issuer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_itself),       cmocka_unit_test(test_many_at_a_time),
        cmocka_unit_test(test_kept_is_not_believed), cmocka_unit_test(test_issuer),
        cmocka_unit_test(test_issuer_as_libcrypto),  cmocka_unit_test(test_issuer_of_a_part),
    };
    return cmocka_run_group_tests(tests, make_place, close_place);
}
