#include "authority_place.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/libcrypto.h"
#include "service/files.h"
#include "service/keys.h"

void make_keys(struct pair_of_keys *out, struct place *place, enum kc_key_type type)
{
    const struct kc_crypto *crypto = &place->crypto;
    EXPECT(crypto->generate(crypto->context, &out->sign, &out->sign_public, type), KC_OK);
    EXPECT(crypto->generate(crypto->context, &out->encrypt, &out->encrypt_public, type), KC_OK);
}

void issue(struct kc_pair *out, struct place *place, uint64_t holder, const char *subject,
           const struct pair_of_keys *keys, uint64_t expires_ms)
{
    uint8_t request[KC_DIGEST_SIZE] = {0};
    kc_be64_store(request, holder);
    EXPECT(kc_authority_issue(&out->sign, &out->encrypt, &place->authority, holder, subject,
                              &keys->sign_public, &keys->encrypt_public, expires_ms, request),
           KC_OK);
}

int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    struct kc_pair pair;
    struct kc_buffer root;
    char folder[KC_PATH_SIZE_MAX];
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    *state = place;
    memset(&directory, 0, sizeof directory);
    (void)snprintf(place->dir, sizeof place->dir, "%s/kinchaku-test-XXXXXX", base);
    if (mkdtemp(place->dir) == NULL || kc_failed(kc_libcrypto_open(&place->crypto, 8))) {
        return -1;
    }
    kc_log_open("test", KC_LOG_ERROR);
    EXPECT(kc_authority_init(place->dir, 7, "JPY", 4711, "ldap://127.0.0.1:1", NULL), KC_OK);
    EXPECT(kc_authority_open(&place->authority, place->dir), KC_OK);
    EXPECT(kc_path_join(folder, place->dir, "authority", NULL), KC_OK);
    root = (struct kc_buffer){.data = place->root, .capacity = sizeof place->root};
    EXPECT(kc_certificate_file_load(&root, folder, "root.crt"), KC_OK);
    place->root_size = root.size;
    const struct kc_crypto *crypto = &place->crypto;
    EXPECT(
        crypto->derive_public(crypto->context, &place->authority_sign, &place->authority.sign_key),
        KC_OK);
    EXPECT(crypto->derive_public(crypto->context, &place->authority_encrypt,
                                 &place->authority.encrypt_key),
           KC_OK);
    make_keys(&place->registrar, place, KC_KEY_P256);
    make_keys(&place->bank, place, KC_KEY_P256);
    uint64_t end_ms = kc_clock_now_ms() + YEAR_MS;
    issue(&pair, place, KC_SERVER_REGISTRAR, "registrar", &place->registrar, end_ms);
    issue(&pair, place, KC_SERVER_BANK, "bank", &place->bank, end_ms);
    return 0;
}

static const char *const files[] = {"root/root.key",
                                    "root/away.key",
                                    "root/root.crt",
                                    "authority/issuing.key",
                                    "authority/issuing.crt",
                                    "authority/issuing-1.plan",
                                    "authority/issuing-1.key",
                                    "authority/issuing-1.crt",
                                    "authority/issuing-2.plan",
                                    "authority/issuing-2.key",
                                    "authority/issuing-2.crt",
                                    "authority/issuing-3.plan",
                                    "authority/issuing-3.key",
                                    "authority/issuing-3.crt",
                                    "root/root-1.key",
                                    "root/root-1.crt",
                                    "root/root-2.key",
                                    "root/root-2.crt",
                                    "root/root-3.key",
                                    "root/root-3.crt",
                                    "authority/root-1.plan",
                                    "authority/root-1.crt",
                                    "authority/root-1-by-0.crt",
                                    "authority/root-0-by-1.crt",
                                    "authority/root-2.plan",
                                    "authority/root-2.crt",
                                    "authority/root-2-by-1.crt",
                                    "authority/root-1-by-2.crt",
                                    "authority/root-3.plan",
                                    "authority/root-3.crt",
                                    "authority/root-3-by-2.crt",
                                    "authority/root-2-by-3.crt",
                                    "authority/sign.key",
                                    "authority/sign.crt",
                                    "authority/encrypt.key",
                                    "authority/encrypt.crt",
                                    "authority/root.crt",
                                    "authority/root.crl",
                                    "authority/root-1.crl",
                                    "authority/root-2.crl",
                                    "authority/root-3.crl",
                                    "authority/issuing-1.taken",
                                    "authority/issuing-1.shown",
                                    "authority/issuing-2.taken",
                                    "authority/issuing-2.shown",
                                    "authority/issuing-3.taken",
                                    "authority/issuing-3.shown",
                                    "authority/directory.secret",
                                    "authority/authority.ini",
                                    "authority/authority.db",
                                    "authority/authority.db.made",
                                    "authority/authority.db-wal",
                                    "authority/authority.db-shm",
                                    "authority/lock"};

int teardown(void **state)
{
    struct place *place = *state;
    char path[KC_PATH_SIZE_MAX];
    kc_authority_close(&place->authority);
    kc_libcrypto_close(&place->crypto);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)kc_failed(kc_path_join(path, place->dir, files[i], NULL));
        (void)unlink(path);
    }
    static const char *const own[] = {"sign", "encrypt"};
    static const char *const ends[] = {"key", "pub", "crt"};
    for (unsigned i = 0; i < 24; i++) {
        char file[32];
        (void)snprintf(file, sizeof file, "%s-%u.%s", own[i % 2], 1 + i / 6, ends[i / 2 % 3]);
        (void)kc_failed(kc_path_join(path, place->dir, "authority", file));
        (void)unlink(path);
    }
    (void)kc_failed(kc_path_join(path, place->dir, "root", NULL));
    for (unsigned i = 0; i < 36; i++) {
        char file[KC_PATH_SIZE_MAX];
        (void)kc_failed(kc_path_numbered(file, path, i < 32 ? "issued" : "root", i % 32,
                                         i < 32 ? ".crt" : ".crl"));
        (void)unlink(file);
    }
    (void)rmdir(path);
    (void)kc_failed(kc_path_join(path, place->dir, "authority", NULL));
    (void)rmdir(path);
    int status = rmdir(place->dir);
    free(place);
    return status;
}

struct kc_view issuer_of(const struct place *place)
{
    return kc_view(place->authority.issuers[0].der, place->authority.issuers[0].der_size);
}

struct kc_result send(struct place *place, const struct pair_of_keys *from, uint64_t sender,
                      uint64_t time_ms, const struct kc_shape *shape, const void *message)
{
    static struct kc_envelope_work work;
    struct kc_signer signer = {.key = &from->sign};
    struct kc_buffer out = {.data = place->envelope, .capacity = sizeof place->envelope};
    kc_signer_id_make(&signer.id, &place->crypto, sender, &from->sign_public);
    EXPECT(kc_envelope_make(&out, &work, &place->crypto, &signer, &place->authority_encrypt,
                            &place->authority.realm, time_ms, shape, message),
           KC_OK);
    place->reply_buffer = (struct kc_buffer){.data = place->reply, .capacity = sizeof place->reply};
    return kc_authority_handle(&place->reply_buffer, &place->authority, kc_buffer_view(&out));
}

void open_reply(void *out, struct place *place, const struct pair_of_keys *to,
                const struct kc_shape *shape)
{
    struct kc_signed parsed;
    struct kc_buffer plain = {.data = place->plain, .capacity = sizeof place->plain};
    EXPECT(kc_signed_parse(&parsed, kc_buffer_view(&place->reply_buffer)), KC_OK);
    EXPECT(kc_envelope_open(out, &plain, &parsed, &place->crypto, &place->authority_sign,
                            &to->encrypt, &place->authority.realm, shape),
           KC_OK);
}

void make_certify(struct certify *out, struct place *place, struct kc_account_id account,
                  const struct pair_of_keys *keys, const struct kc_private_key *prover)
{
    uint8_t sign_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t encrypt_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t payload[1000];
    struct kc_buffer sign = KC_BUFFER(sign_bytes);
    struct kc_buffer encrypt = KC_BUFFER(encrypt_bytes);
    struct kc_buffer encoded = KC_BUFFER(payload);
    struct kc_buffer proof = KC_BUFFER(out->proof);
    struct kc_signer signer = {.key = prover};
    EXPECT(kc_key_encode(&sign, &keys->sign_public), KC_OK);
    EXPECT(kc_key_encode(&encrypt, &keys->encrypt_public), KC_OK);
    const struct kc_key_proof body = {.sign_key = kc_buffer_view(&sign),
                                      .encrypt_key = kc_buffer_view(&encrypt)};
    EXPECT(kc_shape_encode(&encoded, &kc_key_proof_shape, &body), KC_OK);
    kc_signer_id_make(&signer.id, &place->crypto, account.number, &keys->sign_public);
    EXPECT(kc_sign(&proof, &place->crypto, &signer, &place->authority.realm,
                   kc_key_proof_shape.domain, 0, kc_buffer_view(&encoded)),
           KC_OK);
    uint64_t now_ms = kc_clock_now_ms();
    out->request = (struct kc_certify_request){.account = account,
                                               .expires_ms = now_ms + YEAR_MS,
                                               .proof = kc_buffer_view(&proof),
                                               .time_ms = now_ms};
}

struct kc_result send_certify(struct place *place, const struct certify *certify)
{
    return send(place, &place->registrar, KC_SERVER_REGISTRAR, certify->request.time_ms,
                &kc_certify_request_shape, &certify->request);
}

void expect_refusal(struct place *place, const struct pair_of_keys *to, enum kc_error reason)
{
    struct kc_refusal refusal;
    open_reply(&refusal, place, to, &kc_refusal_shape);
    assert_int_equal(refusal.reason, reason);
}

void expect_listed(struct place *place, const struct kc_pair *pair, bool listed, uint64_t *number)
{
    struct kc_crl *crl = NULL;
    struct kc_view bytes = kc_view(directory.crl, directory.crl_size);
    EXPECT(kc_crl_read(&crl, bytes, issuer_of(place)), KC_OK);
    assert_int_equal(kc_crl_has(crl, pair->sign.serial), listed);
    assert_int_equal(kc_crl_has(crl, pair->encrypt.serial), listed);
    assert_true(kc_crl_number(crl) > *number);
    assert_true(kc_crl_next_update_ms(crl) > kc_clock_now_ms());
    *number = kc_crl_number(crl);
    kc_crl_free(crl);
    EXPECT(kc_crl_read(&crl, bytes, kc_view(place->root, place->root_size)), KC_CERT_INVALID);
}

struct kc_pair pair_of(struct place *place, struct kc_account_id account)
{
    struct kc_pair pair;
    EXPECT(kc_authority_pair(&pair, &place->authority, account.number), KC_OK);
    return pair;
}

struct kc_pair open_account(struct place *place, struct kc_account_id account,
                            struct certify *certify)
{
    struct pair_of_keys keys;
    make_keys(&keys, place, KC_KEY_P256);
    make_certify(certify, place, account, &keys, &keys.sign);
    EXPECT(send_certify(place, certify), KC_OK);
    return pair_of(place, account);
}
