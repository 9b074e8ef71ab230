/* Does a key in a PKCS#11 token do what a key of bytes does, and is each way in which it can fail told by its name? SoftHSM is
 * the token, behind a module that fails to order. */
#include <dlfcn.h>
#include <fcntl.h>
#include <ftw.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends.h"
#include "base/log.h"
#include "crypto/pkcs11.h"
#include "crypto/x509.h"

#define PIN "473829"
#define THREADS 24
#define ROUNDS 20

static char folder[64];
static char shim_file[96];
static struct kc_crypto libcrypto;
static struct kc_crypto bearssl;
static struct kc_bearssl bearssl_state;
static CK_FUNCTION_LIST *module;
static CK_SLOT_ID slot;

static void write_file(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static size_t login_count(void)
{
    char path[128];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s.logins", shim_file);
    return stat(path, &status) == 0 ? (size_t)status.st_size : 0;
}

static struct kc_result read_secret(struct kc_buffer *out, const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return kc_result(KC_FILE_MISSING);
    }
    assert_int_equal(fstat(fd, &status), 0);
    ssize_t size = (status.st_mode & 077) != 0 ? -1 : read(fd, out->data, out->capacity);
    assert_int_equal(close(fd), 0);
    out->size = size < 0 ? 0 : (size_t)size;
    return kc_result(size < 0 ? KC_KEY_PERMISSIONS : KC_OK);
}

static struct kc_token_place place_of(const char *uri)
{
    return (struct kc_token_place){.uri = uri,
                                   .module = TOKEN_SHIM,
                                   .pin_file = "pin",
                                   .folder = folder,
                                   .read_secret = read_secret};
}

static void expect_open(const char *uri, enum kc_error wanted)
{
    struct kc_private_key key;
    struct kc_token_place place = place_of(uri);
    assert_code(kc_token_key_open(&key, &place), wanted);
    kc_token_key_close(&key);
}

static void ensure(struct kc_private_key *out, const char *uri, enum kc_key_type type,
                   enum kc_token_use use)
{
    struct kc_token_place place = place_of(uri);
    assert_ok(kc_token_key_ensure(out, &place, type, use));
    assert_int_equal(out->type, type);
}

/* The module itself, for what a key of ours never does. */
static CK_SESSION_HANDLE own_session(CK_USER_TYPE user, const char *pin)
{
    CK_SESSION_HANDLE session = 0;
    CK_UTF8CHAR copy[16];
    memcpy(copy, pin, strlen(pin));
    assert_int_equal(
        module->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        CKR_OK);
    CK_RV rv = module->C_Login(session, user, copy, strlen(pin));
    assert_true(rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN);
    return session;
}

static void make_token(void)
{
    CK_UTF8CHAR label[32];
    CK_UTF8CHAR officer[] = "87654321";
    CK_UTF8CHAR pin[] = PIN;
    CK_SLOT_ID slots[4];
    CK_ULONG count = 4;
    memset(label, ' ', sizeof label);
    memcpy(label, "kc", 2);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_true(count > 0);
    assert_int_equal(module->C_InitToken(slots[count - 1], officer, sizeof officer - 1, label),
                     CKR_OK);
    count = 4;
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    slot = slots[0];
    CK_SESSION_HANDLE session = own_session(CKU_SO, "87654321");
    assert_int_equal(module->C_InitPIN(session, pin, sizeof pin - 1), CKR_OK);
    assert_int_equal(module->C_CloseSession(session), CKR_OK);
}

static int open_all(void **state)
{
    char text[256];
    char tokens[96];
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_C_GetFunctionList list = NULL;
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kinchaku-token-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(tokens, sizeof tokens, "%s/tokens", folder);
    assert_int_equal(mkdir(tokens, 0700), 0);
    (void)snprintf(text, sizeof text, "directories.tokendir = %s\nlog.level = ERROR\n", tokens);
    write_file("conf", text);
    write_file("shim", "");
    write_file("pin", PIN "\n");
    (void)snprintf(text, sizeof text, "%s/conf", folder);
    assert_int_equal(setenv("SOFTHSM2_CONF", text, 1), 0);
    (void)snprintf(shim_file, sizeof shim_file, "%s/shim", folder);
    assert_int_equal(setenv("KC_TOKEN_SHIM", shim_file, 1), 0);
    assert_ok(kc_libcrypto_open(&libcrypto, 16));
    assert_ok(kc_bearssl_open_system(&bearssl, &bearssl_state));
    kc_log_open("test", KC_LOG_ERROR);
    void *library = dlopen(TOKEN_SHIM, RTLD_NOW);
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    memcpy(&list, &symbol, sizeof list);
    assert_non_null(list);
    assert_int_equal(list(&module), CKR_OK);
    assert_int_equal(module->C_Initialize(&arguments), CKR_OK);
    make_token();
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static int close_all(void **state)
{
    (void)state;
    assert_int_equal(module->C_Finalize(NULL), CKR_OK);
    kc_libcrypto_close(&libcrypto);
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- what a key does ---- */

static const enum kc_key_type types[] = {KC_KEY_P256, KC_KEY_RSA2048, KC_KEY_RSA3072};
static const char *const sign_uris[] = {"pkcs11:token=kc;object=sign-p",
                                        "pkcs11:token=kc;object=sign-r",
                                        "pkcs11:token=kc;object=sign-r3"};
static const char *const open_uris[] = {"pkcs11:token=kc;object=open-p",
                                        "pkcs11:token=kc;object=open-r",
                                        "pkcs11:token=kc;object=open-r3"};

static enum kc_error try_sign(const struct kc_private_key *key)
{
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE] = {5};
    size_t size = 0;
    return libcrypto.sign(libcrypto.context, signature, &size, key, digest).code;
}

static void check_signs(const struct kc_private_key *key, const struct kc_public_key *public_key)
{
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE] = {1, 2, 3};
    size_t size = 0;
    assert_ok(libcrypto.sign(libcrypto.context, signature, &size, key, digest));
    assert_int_equal(size, kc_signature_size(key->type));
    struct kc_view view = kc_view(signature, size);
    assert_ok(libcrypto.verify(libcrypto.context, public_key, digest, view));
    assert_ok(bearssl.verify(bearssl.context, public_key, digest, view));
    digest[0] ^= 1;
    assert_code(libcrypto.verify(libcrypto.context, public_key, digest, view), KC_BAD_SIGNATURE);
}

/* shows: R-SEC-2 */
static void test_sign_in_every_suite(void **state)
{
    (void)state;
    for (size_t i = 0; i < KEY_TYPES; i++) {
        struct kc_private_key key;
        struct kc_private_key again;
        struct kc_public_key made;
        struct kc_public_key found;
        struct kc_token_place place = place_of(sign_uris[i]);
        ensure(&key, sign_uris[i], types[i], KC_TOKEN_SIGN);
        assert_ok(libcrypto.derive_public(libcrypto.context, &made, &key));
        check_signs(&key, &made);
        assert_ok(kc_key_ready(&key));
        /* A second time nothing is made: it is the same key. */
        assert_ok(kc_token_key_ensure(&again, &place, types[i], KC_TOKEN_SIGN));
        assert_ok(libcrypto.derive_public(libcrypto.context, &found, &again));
        check_signs(&again, &made);
        check_signs(&key, &found);
        kc_token_key_close(&again);
        kc_token_key_close(&key);
        assert_null(key.held);
    }
}

/* shows: R-SEC-2 */
static void test_agree(void **state)
{
    struct kc_private_key key;
    struct kc_private_key other;
    struct kc_public_key own;
    struct kc_public_key peer;
    uint8_t a[KC_P256_COORDINATE_SIZE];
    uint8_t b[KC_P256_COORDINATE_SIZE];
    (void)state;
    ensure(&key, open_uris[0], KC_KEY_P256, KC_TOKEN_DECRYPT);
    assert_ok(libcrypto.derive_public(libcrypto.context, &own, &key));
    for (int i = 0; i < 20; i++) {
        assert_ok(bearssl.generate(bearssl.context, &other, &peer, KC_KEY_P256));
        assert_ok(libcrypto.agree(libcrypto.context, a, &key, &peer));
        assert_ok(bearssl.agree(bearssl.context, b, &other, &own));
        assert_memory_equal(a, b, sizeof a);
    }
    /* A point that is none is the peer's fault, and the token has not been asked. */
    peer.p256.y[5] ^= 1;
    assert_code(libcrypto.agree(libcrypto.context, a, &key, &peer), KC_CANNOT_UNSEAL);
    assert_ok(kc_key_ready(&key));
    kc_token_key_close(&key);
}

static void check_opens(const struct kc_private_key *key)
{
    static const uint8_t secret[32] = {7, 8, 9};
    uint8_t wrapped[KC_RSA_SIZE_MAX];
    uint8_t opened[KC_RSA_SIZE_MAX];
    size_t wrapped_size = 0;
    size_t size = 0;
    struct kc_public_key own;
    assert_ok(libcrypto.derive_public(libcrypto.context, &own, key));
    assert_ok(bearssl.wrap(bearssl.context, wrapped, &wrapped_size, &own,
                           kc_view(secret, sizeof secret)));
    struct kc_view view = kc_view(wrapped, wrapped_size);
    assert_ok(libcrypto.unwrap(libcrypto.context, opened, &size, sizeof opened, key, view));
    assert_int_equal(size, sizeof secret);
    assert_memory_equal(opened, secret, sizeof secret);
    assert_code(libcrypto.unwrap(libcrypto.context, opened, &size, 31, key, view),
                KC_CANNOT_UNSEAL);
    /* Bits that were changed, and a number beyond the modulus: the sender's fault, not the token's. */
    wrapped[wrapped_size - 1] ^= 1;
    assert_code(libcrypto.unwrap(libcrypto.context, opened, &size, sizeof opened, key, view),
                KC_CANNOT_UNSEAL);
    memset(wrapped, 0xff, sizeof wrapped);
    assert_code(libcrypto.unwrap(libcrypto.context, opened, &size, sizeof opened, key, view),
                KC_CANNOT_UNSEAL);
    assert_code(libcrypto.unwrap(libcrypto.context, opened, &size, sizeof opened, key,
                                 kc_view(wrapped, wrapped_size - 1)),
                KC_CANNOT_UNSEAL);
    assert_ok(kc_key_ready(key));
}

/* shows: R-SEC-2 */
static void test_unwrap(void **state)
{
    (void)state;
    for (size_t i = 1; i < KEY_TYPES; i++) {
        struct kc_private_key key;
        ensure(&key, open_uris[i], types[i], KC_TOKEN_DECRYPT);
        check_opens(&key);
        kc_token_key_close(&key);
    }
}

/* shows: R-SEC-2 R-NODE-3 */
static void test_certificates_and_lists(void **state)
{
    static const uint8_t serial[KC_SERIAL_SIZE] = {0x41};
    const uint64_t now_ms = UINT64_C(1800000000000);
    struct kc_private_key root;
    struct kc_private_key issuing;
    struct kc_public_key root_public;
    struct kc_public_key issuing_public;
    struct kc_certificate leaf;
    uint8_t bytes[3][KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der[3] = {KC_BUFFER(bytes[0]), KC_BUFFER(bytes[1]), KC_BUFFER(bytes[2])};
    struct kc_certificate_order order = {.profile = KC_PROFILE_ROOT,
                                         .serial = serial,
                                         .subject = "root",
                                         .key = &root_public,
                                         .not_before_ms = now_ms - 1000,
                                         .not_after_ms = now_ms + 1000000};
    (void)state;
    assert_ok(libcrypto.generate(libcrypto.context, &root, &root_public, KC_KEY_P256));
    ensure(&issuing, "pkcs11:token=kc;object=issuing", KC_KEY_P256, KC_TOKEN_SIGN);
    assert_ok(libcrypto.derive_public(libcrypto.context, &issuing_public, &issuing));
    assert_ok(kc_certificate_make(&der[0], &order, NULL, &root));
    struct kc_view root_view = kc_buffer_view(&der[0]);
    order.profile = KC_PROFILE_ISSUER;
    order.subject = "issuer";
    order.key = &issuing_public;
    assert_ok(kc_certificate_make(&der[1], &order, &root_view, &root));
    struct kc_view issuer_view = kc_buffer_view(&der[1]);
    order.profile = KC_PROFILE_SIGN;
    order.subject = "18";
    order.key = &root_public;
    /* Numbers of a signature have one length or another. */
    for (int i = 0; i < 50; i++) {
        der[2].size = 0;
        assert_ok(kc_certificate_make(&der[2], &order, &issuer_view, &issuing));
        assert_ok(
            kc_certificate_verify(&leaf, kc_buffer_view(&der[2]), issuer_view, root_view, now_ms));
        assert_string_equal(leaf.subject, "18");
    }
    for (size_t count = 0; count <= 3000; count += 1500) {
        struct kc_revoked *revoked = calloc(count + 1, sizeof *revoked);
        struct kc_view list;
        struct kc_crl *crl = NULL;
        for (size_t i = 0; i < count; i++) {
            revoked[i] = (struct kc_revoked){
                .serial = {0x42, (uint8_t)(i >> 8), (uint8_t)i}, .time_ms = now_ms, .reason = 1};
        }
        assert_ok(
            kc_crl_make(&list, revoked, count, 7, now_ms, now_ms + 1000, issuer_view, &issuing));
        assert_ok(kc_crl_read(&crl, list, issuer_view));
        assert_int_equal(kc_crl_count(crl), count);
        kc_crl_free(crl);
        kc_der_free(list);
        free(revoked);
    }
    kc_token_key_close(&issuing);
}

/* ---- what is refused ---- */

/* shows: R-SEC-2 */
static void test_names(void **state)
{
    struct kc_private_key key;
    (void)state;
    expect_open("pkcs11:token=kc;object=nobody", KC_TOKEN_KEY_MISSING);
    expect_open("pkcs11:token=nothing;object=sign-p", KC_TOKEN_UNAVAILABLE);
    expect_open("pkcs11:token=kc", KC_CONFIG_INVALID);
    expect_open("pkcs11:token=kc;object=sign-p?pin-value=" PIN, KC_CONFIG_INVALID);
    expect_open("pkcs11:token=kc;object=sign-p;colour=red", KC_CONFIG_INVALID);
    expect_open("file:sign.key", KC_CONFIG_INVALID);
    expect_open("", KC_CONFIG_INVALID);
    expect_open("pkcs11:token=kc;object=sign-p?module-path=/nowhere.so", KC_CONFIG_INVALID);
    expect_open("pkcs11:token=kc;object=sign-p?module-path=relative.so", KC_CONFIG_INVALID);
    expect_open("pkcs11:token=kc;object=sign-p?module-path=/usr/lib/x86_64-linux-gnu/libz.so.1",
                KC_CONFIG_INVALID);
    ensure(&key, "pkcs11:token=kc;object=twice;id=%01", KC_KEY_P256, KC_TOKEN_SIGN);
    kc_token_key_close(&key);
    ensure(&key, "pkcs11:token=kc;object=twice;id=%02", KC_KEY_P256, KC_TOKEN_SIGN);
    kc_token_key_close(&key);
    expect_open("pkcs11:token=kc;object=twice;id=%01", KC_OK);
    expect_open("pkcs11:token=kc;id=%02", KC_OK);
    expect_open("pkcs11:token=kc;object=twice", KC_TOKEN_AMBIGUOUS);
}

static void generate_by_hand(const char *name, const uint8_t *curve, size_t curve_size,
                             CK_BBOOL sensitive)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL loose = sensitive ? CK_FALSE : CK_TRUE;
    CK_OBJECT_HANDLE made[2];
    uint8_t params[16];
    char label[32];
    CK_MECHANISM mechanism = {.mechanism = CKM_EC_KEY_PAIR_GEN};
    memcpy(params, curve, curve_size);
    size_t size = (size_t)snprintf(label, sizeof label, "%s", name);
    CK_ATTRIBUTE public_template[] = {{CKA_LABEL, label, size},
                                      {CKA_TOKEN, &yes, sizeof yes},
                                      {CKA_EC_PARAMS, params, curve_size}};
    CK_ATTRIBUTE private_template[] = {{CKA_LABEL, label, size},
                                       {CKA_TOKEN, &yes, sizeof yes},
                                       {CKA_SIGN, &yes, sizeof yes},
                                       {CKA_SENSITIVE, &sensitive, sizeof sensitive},
                                       {CKA_EXTRACTABLE, &loose, sizeof loose}};
    CK_SESSION_HANDLE session = own_session(CKU_USER, PIN);
    assert_int_equal(module->C_GenerateKeyPair(session, &mechanism, public_template, 3,
                                               private_template, 5, &made[0], &made[1]),
                     CKR_OK);
    assert_int_equal(module->C_CloseSession(session), CKR_OK);
}

/* shows: R-SEC-2 */
static void test_keys_that_are_not_ours(void **state)
{
    static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
    (void)state;
    generate_by_hand("loose", p256, sizeof p256, CK_FALSE);
    generate_by_hand("kept", p256, sizeof p256, CK_TRUE);
    generate_by_hand("other-curve", p384, sizeof p384, CK_TRUE);
    expect_open("pkcs11:token=kc;object=loose", KC_TOKEN_KEY_LOOSE);
    expect_open("pkcs11:token=kc;object=kept", KC_OK);
    expect_open("pkcs11:token=kc;object=other-curve", KC_WRONG_ALGORITHM);
}

/* shows: R-SEC-2 */
static void test_a_key_for_another_use(void **state)
{
    struct kc_private_key sign;
    struct kc_private_key opens;
    struct kc_private_key other;
    struct kc_public_key peer;
    uint8_t shared[KC_P256_COORDINATE_SIZE];
    (void)state;
    ensure(&sign, sign_uris[0], KC_KEY_P256, KC_TOKEN_SIGN);
    ensure(&opens, open_uris[0], KC_KEY_P256, KC_TOKEN_DECRYPT);
    assert_ok(libcrypto.generate(libcrypto.context, &other, &peer, KC_KEY_P256));
    assert_int_equal(try_sign(&opens), KC_CRYPTO_FAILED);
    assert_code(libcrypto.agree(libcrypto.context, shared, &sign, &peer), KC_CRYPTO_FAILED);
    assert_int_equal(try_sign(&sign), KC_OK);
    kc_token_key_close(&opens);
    kc_token_key_close(&sign);
}

/* shows: R-SEC-2 */
static void test_no_private_key_comes_out(void **state)
{
    struct kc_private_key key;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof class};
    CK_OBJECT_HANDLE found[32];
    CK_ULONG count = 0;
    uint8_t bytes[KC_RSA_SIZE_MAX];
    static const CK_ATTRIBUTE_TYPE secrets[] = {CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1};
    (void)state;
    ensure(&key, "pkcs11:token=kc;object=open-r", KC_KEY_RSA2048, KC_TOKEN_DECRYPT);
    CK_SESSION_HANDLE session = own_session(CKU_USER, PIN);
    CK_UTF8CHAR label[] = "open-r";
    CK_ATTRIBUTE named[] = {template, {CKA_LABEL, label, sizeof label - 1}};
    assert_int_equal(module->C_FindObjectsInit(session, named, 2), CKR_OK);
    assert_int_equal(module->C_FindObjects(session, found, 32, &count), CKR_OK);
    assert_int_equal(module->C_FindObjectsFinal(session), CKR_OK);
    assert_int_equal(count, 1);
    for (size_t i = 1; i < 3; i++) {
        CK_ATTRIBUTE wanted = {secrets[i], bytes, sizeof bytes};
        assert_int_equal(module->C_GetAttributeValue(session, found[0], &wanted, 1),
                         CKR_ATTRIBUTE_SENSITIVE);
    }
    assert_int_equal(module->C_CloseSession(session), CKR_OK);
    kc_token_key_close(&key);
}

/* ---- the PIN ---- */

/* shows: R-SEC-2 */
static void test_pin(void **state)
{
    struct kc_private_key key;
    char path[128];
    (void)state;
    assert_int_equal(module->C_CloseAllSessions(slot), CKR_OK);
    write_file("pin", "000000\n");
    size_t before = login_count();
    expect_open(sign_uris[0], KC_TOKEN_PIN);
    assert_int_equal(login_count(), before + 1);
    write_file("pin", "\n");
    expect_open(sign_uris[0], KC_CONFIG_INVALID);
    (void)snprintf(path, sizeof path, "%s/pin", folder);
    write_file("pin", PIN "\n");
    assert_int_equal(chmod(path, 0640), 0);
    expect_open(sign_uris[0], KC_KEY_PERMISSIONS);
    assert_int_equal(chmod(path, 0600), 0);
    expect_open("pkcs11:token=kc;object=sign-p?pin-source=file:nowhere", KC_FILE_MISSING);
    /* The last try is the operator's, who can type. */
    write_file("shim", "final-try");
    expect_open(sign_uris[0], KC_TOKEN_PIN);
    assert_int_equal(login_count(), before + 1);
    write_file("shim", "");
    expect_open(sign_uris[0], KC_OK);
    assert_int_equal(login_count(), before + 2);
    /* A PIN that is refused when the token comes back is not given again, however often somebody asks. */
    ensure(&key, sign_uris[0], KC_KEY_P256, KC_TOKEN_SIGN);
    before = login_count();
    write_file("pin", "000000\n");
    assert_int_equal(module->C_CloseAllSessions(slot), CKR_OK);
    for (int i = 0; i < 3; i++) {
        assert_code(kc_key_ready(&key), KC_TOKEN_UNAVAILABLE);
        assert_int_equal(usleep(1100000), 0);
    }
    assert_int_equal(login_count(), before + 1);
    write_file("pin", PIN "\n");
    kc_token_key_close(&key);
    expect_open(sign_uris[0], KC_OK);
}

/* ---- away and back ---- */

/* shows: R-SEC-2 R-NODE-2 */
static void test_taken_out_and_put_back(void **state)
{
    struct kc_private_key sign;
    struct kc_private_key opens;
    struct kc_private_key other;
    struct kc_public_key peer;
    uint8_t shared[KC_P256_COORDINATE_SIZE];
    (void)state;
    ensure(&sign, sign_uris[0], KC_KEY_P256, KC_TOKEN_SIGN);
    ensure(&opens, open_uris[0], KC_KEY_P256, KC_TOKEN_DECRYPT);
    assert_ok(libcrypto.generate(libcrypto.context, &other, &peer, KC_KEY_P256));
    write_file("shim", "lost-once");
    assert_int_equal(try_sign(&sign), KC_OK);
    assert_int_equal(usleep(1100000), 0);
    write_file("shim", "lost-once");
    assert_ok(libcrypto.agree(libcrypto.context, shared, &opens, &peer));
    write_file("shim", "gone");
    for (int i = 0; i < 3; i++) {
        assert_code(kc_key_ready(&sign), KC_TOKEN_UNAVAILABLE);
        assert_int_equal(try_sign(&sign), KC_TOKEN_UNAVAILABLE);
        /* Never taken for what does not open, which would be the sender's fault and final. */
        assert_code(libcrypto.agree(libcrypto.context, shared, &opens, &peer),
                    KC_TOKEN_UNAVAILABLE);
        assert_int_equal(usleep(600000), 0);
    }
    write_file("shim", "");
    assert_int_equal(usleep(1100000), 0);
    assert_int_equal(try_sign(&sign), KC_OK);
    assert_ok(kc_key_ready(&sign));
    assert_ok(libcrypto.agree(libcrypto.context, shared, &opens, &peer));
    kc_token_key_close(&opens);
    kc_token_key_close(&sign);
}

/* ---- threads ---- */

static void *sign_often(void *owner)
{
    const struct kc_private_key *key = owner;
    struct kc_crypto own;
    size_t good = 0;
    if (kc_failed(kc_libcrypto_open(&own, 8))) {
        return NULL;
    }
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t signature[KC_SIGNATURE_SIZE_MAX];
        uint8_t digest[KC_DIGEST_SIZE] = {(uint8_t)i};
        size_t size = 0;
        if (!kc_failed(own.sign(own.context, signature, &size, key, digest)) &&
            !kc_failed(own.verify(own.context, &key->held->public_key, digest,
                                  kc_view(signature, size)))) {
            good++;
        }
    }
    kc_libcrypto_close(&own);
    return good == ROUNDS ? owner : NULL;
}

/* More threads than sessions. */
static void test_threads(void **state)
{
    struct kc_private_key key;
    pthread_t threads[THREADS];
    CK_TOKEN_INFO info;
    (void)state;
    ensure(&key, sign_uris[0], KC_KEY_P256, KC_TOKEN_SIGN);
    assert_int_equal(module->C_GetTokenInfo(slot, &info), CKR_OK);
    CK_ULONG before = info.ulSessionCount;
    write_file("shim", "slow");
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sign_often, &key), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *outcome = NULL;
        assert_int_equal(pthread_join(threads[i], &outcome), 0);
        assert_ptr_equal(outcome, &key);
    }
    assert_int_equal(module->C_GetTokenInfo(slot, &info), CKR_OK);
    write_file("shim", "");
    /* All that there may be were in use; the key's first one was among those before. */
    assert_int_equal(info.ulMaxSessionCount, before + KC_TOKEN_SESSIONS_MAX - 1);
    kc_token_key_close(&key);
    assert_int_equal(module->C_GetTokenInfo(slot, &info), CKR_OK);
    assert_int_equal(info.ulSessionCount, before - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_in_every_suite),
        cmocka_unit_test(test_agree),
        cmocka_unit_test(test_unwrap),
        cmocka_unit_test(test_certificates_and_lists),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_keys_that_are_not_ours),
        cmocka_unit_test(test_a_key_for_another_use),
        cmocka_unit_test(test_no_private_key_comes_out),
        cmocka_unit_test(test_pin),
        cmocka_unit_test(test_taken_out_and_put_back),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
