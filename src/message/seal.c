#include <string.h>

#include "base/assert.h"
#include "message/cose.h"
#include "message/external.h"

/* RFC 9052 §3.1 labels; RFC 9053 §4.1 A256GCM, §6.3.1 ECDH-ES + HKDF-256; RFC 8230 §3 RSAES-OAEP with SHA-256.
 * Negative numbers as the n of -1-n. */
#define HEADER_ALG 1u
#define HEADER_IV 5u
#define HEADER_EPHEMERAL_N 0u
#define ALG_A256GCM 3u
#define ALG_ECDH_ES_HKDF_256_N 24u
#define ALG_RSAES_OAEP_SHA256_N 40u

/* {1: 3} and {1: -25} as the protected byte strings they become. */
static const uint8_t protected_gcm[] = {0xa1, 0x01, 0x03};
static const uint8_t protected_ecdh[] = {0xa1, 0x01, 0x38, 0x18};

/* The one recipient of a sealed message, as read or as written. */
struct recipient {
    struct kc_public_key ephemeral; /* P-256 */
    struct kc_view wrapped;         /* RSA */
    bool is_rsa;
};

/* Enc_structure = ["Encrypt", protected, external] (RFC 9052 §5.3). */
static struct kc_view write_aad(uint8_t *out, size_t capacity, struct kc_view external)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out, capacity);
    kc_write_array(&writer, 3);
    kc_write_text(&writer, kc_view_text("Encrypt"));
    kc_write_bytes(&writer, kc_view(protected_gcm, sizeof protected_gcm));
    kc_write_bytes(&writer, external);
    KC_ASSERT(writer.error == KC_OK);
    return kc_writer_view(&writer);
}

static void write_no_party(struct kc_writer *writer)
{
    kc_write_array(writer, 3);
    kc_write_null(writer);
    kc_write_null(writer);
    kc_write_null(writer);
}

/* The content key from the shared secret: HKDF with SHA-256 and no salt over COSE_KDF_Context (RFC 9053 §5.1, §5.2;
 * RFC 5869 §2.2, §2.3). 32 bytes need one round of the expansion. */
static void derive_content_key(uint8_t key[KC_GCM_KEY_SIZE], const struct kc_crypto *crypto,
                               const uint8_t shared[KC_P256_COORDINATE_SIZE])
{
    static const uint8_t no_salt[KC_DIGEST_SIZE] = {0};
    uint8_t prk[KC_DIGEST_SIZE];
    uint8_t info[48];
    struct kc_writer writer;
    kc_writer_init(&writer, info, sizeof info - 1);
    kc_write_array(&writer, 4);
    kc_write_uint(&writer, ALG_A256GCM);
    write_no_party(&writer);
    write_no_party(&writer);
    kc_write_array(&writer, 2);
    kc_write_uint(&writer, 8 * KC_GCM_KEY_SIZE);
    kc_write_bytes(&writer, kc_view(protected_ecdh, sizeof protected_ecdh));
    KC_ASSERT(writer.error == KC_OK);
    info[writer.size] = 0x01;
    crypto->hmac_sha256(crypto->context, prk, kc_view(no_salt, sizeof no_salt),
                        kc_view(shared, KC_P256_COORDINATE_SIZE));
    crypto->hmac_sha256(crypto->context, key, kc_view(prk, sizeof prk),
                        kc_view(info, writer.size + 1));
    kc_wipe(prk, sizeof prk);
}

static struct kc_result make_ecdh(uint8_t key[KC_GCM_KEY_SIZE], struct recipient *recipient,
                                  const struct kc_crypto *crypto, const struct kc_public_key *to)
{
    struct kc_private_key ephemeral;
    uint8_t shared[KC_P256_COORDINATE_SIZE];
    struct kc_result result =
        crypto->generate(crypto->context, &ephemeral, &recipient->ephemeral, KC_KEY_P256);
    if (!kc_failed(result)) {
        result = crypto->agree(crypto->context, shared, &ephemeral, to);
    }
    if (!kc_failed(result)) {
        derive_content_key(key, crypto, shared);
    }
    kc_wipe(&ephemeral, sizeof ephemeral);
    kc_wipe(shared, sizeof shared);
    return result;
}

static struct kc_result make_oaep(uint8_t key[KC_GCM_KEY_SIZE], struct recipient *recipient,
                                  uint8_t wrapped[KC_RSA_SIZE_MAX], const struct kc_crypto *crypto,
                                  const struct kc_public_key *to)
{
    size_t size = 0;
    struct kc_result result = crypto->random(crypto->context, key, KC_GCM_KEY_SIZE);
    if (!kc_failed(result)) {
        result = crypto->wrap(crypto->context, wrapped, &size, to, kc_view(key, KC_GCM_KEY_SIZE));
    }
    recipient->is_rsa = true;
    recipient->wrapped = kc_view(wrapped, size);
    return result;
}

static void write_recipient(struct kc_writer *writer, const struct recipient *recipient)
{
    kc_write_array(writer, 1);
    kc_write_array(writer, 3);
    if (recipient->is_rsa) {
        kc_write_bytes(writer, kc_view(NULL, 0));
        kc_write_map(writer, 1);
        kc_write_uint(writer, HEADER_ALG);
        kc_write_negative(writer, ALG_RSAES_OAEP_SHA256_N);
        kc_write_bytes(writer, recipient->wrapped);
        return;
    }
    kc_write_bytes(writer, kc_view(protected_ecdh, sizeof protected_ecdh));
    kc_write_map(writer, 1);
    kc_write_negative(writer, HEADER_EPHEMERAL_N);
    /* The key was just generated, so writing it fails only when the buffer is full: the writer knows. */
    (void)kc_failed(kc_key_write(writer, &recipient->ephemeral));
    kc_write_bytes(writer, kc_view(NULL, 0));
}

/* Writes the whole seal with the plain text in place of the ciphertext, then encrypts it where it lies. */
static struct kc_result write_sealed(struct kc_buffer *out, const struct kc_crypto *crypto,
                                     const struct recipient *recipient,
                                     const uint8_t key[KC_GCM_KEY_SIZE], struct kc_view external,
                                     struct kc_view plain)
{
    static const uint8_t no_tag[KC_GCM_TAG_SIZE] = {0};
    uint8_t aad[1 + 8 + 1 + sizeof protected_gcm + 2 + KC_EXTERNAL_SIZE_MAX];
    uint8_t iv[KC_GCM_IV_SIZE];
    struct kc_result result = crypto->random(crypto->context, iv, sizeof iv);
    if (kc_failed(result)) {
        return result;
    }
    struct kc_writer writer;
    kc_writer_init(&writer, out->data, out->capacity);
    kc_write_array(&writer, 4);
    kc_write_bytes(&writer, kc_view(protected_gcm, sizeof protected_gcm));
    kc_write_map(&writer, 1);
    kc_write_uint(&writer, HEADER_IV);
    kc_write_bytes(&writer, kc_view(iv, sizeof iv));
    kc_write_bytes_head(&writer, plain.size + KC_GCM_TAG_SIZE);
    size_t text_at = writer.size;
    kc_write_raw(&writer, plain);
    kc_write_raw(&writer, kc_view(no_tag, sizeof no_tag));
    write_recipient(&writer, recipient);
    if (writer.error == KC_OK) {
        uint8_t *text = out->data + text_at;
        result = crypto->gcm_seal(crypto->context, text + plain.size, text, plain.size, key, iv,
                                  write_aad(aad, sizeof aad, external));
    } else {
        result = kc_writer_finish(&writer);
    }
    if (kc_failed(result)) {
        kc_wipe(out->data, writer.size);
        return result;
    }
    out->size = writer.size;
    return result;
}

struct kc_result kc_seal(struct kc_buffer *out, const struct kc_crypto *crypto,
                         const struct kc_public_key *recipient_key, const struct kc_realm *realm,
                         const char *domain, struct kc_view plain)
{
    uint8_t key[KC_GCM_KEY_SIZE];
    uint8_t wrapped[KC_RSA_SIZE_MAX];
    uint8_t external_bytes[KC_EXTERNAL_SIZE_MAX];
    struct recipient recipient = {.is_rsa = false};
    struct kc_result result;
    KC_ASSERT(strlen(domain) <= KC_DOMAIN_SIZE_MAX);
    out->size = 0;
    if (recipient_key->type == KC_KEY_P256) {
        result = make_ecdh(key, &recipient, crypto, recipient_key);
    } else {
        result = make_oaep(key, &recipient, wrapped, crypto, recipient_key);
    }
    if (!kc_failed(result)) {
        struct kc_view external = kc_external_make(external_bytes, realm, domain);
        result = write_sealed(out, crypto, &recipient, key, external, plain);
    }
    kc_wipe(key, sizeof key);
    return result;
}

static void expect_bytes(struct kc_reader *reader, struct kc_view wanted)
{
    if (!kc_view_equal(kc_read_bytes(reader), wanted)) {
        kc_reader_fail(reader, KC_MALFORMED);
    }
}

static void read_recipient(struct kc_reader *reader, struct recipient *out)
{
    kc_read_expect_array(reader, 1);
    kc_read_expect_array(reader, 3);
    struct kc_view protected_header = kc_read_bytes(reader);
    kc_read_expect_map(reader, 1);
    out->is_rsa = protected_header.size == 0;
    if (out->is_rsa) {
        kc_read_expect_uint(reader, HEADER_ALG);
        kc_read_expect_negative(reader, ALG_RSAES_OAEP_SHA256_N);
        out->wrapped = kc_read_bytes(reader);
        return;
    }
    if (!kc_view_equal(protected_header, kc_view(protected_ecdh, sizeof protected_ecdh))) {
        kc_reader_fail(reader, KC_WRONG_ALGORITHM);
    }
    kc_read_expect_negative(reader, HEADER_EPHEMERAL_N);
    kc_key_read(reader, &out->ephemeral);
    expect_bytes(reader, kc_view(NULL, 0));
}

static struct kc_result open_content_key(uint8_t content_key[KC_GCM_KEY_SIZE],
                                         const struct recipient *recipient,
                                         const struct kc_crypto *crypto,
                                         const struct kc_private_key *key)
{
    if (recipient->is_rsa != (key->type != KC_KEY_P256)) {
        return kc_result(KC_CANNOT_UNSEAL);
    }
    if (recipient->is_rsa) {
        size_t size = 0;
        struct kc_result result = crypto->unwrap(crypto->context, content_key, &size,
                                                 KC_GCM_KEY_SIZE, key, recipient->wrapped);
        return !kc_failed(result) && size != KC_GCM_KEY_SIZE ? kc_result(KC_CANNOT_UNSEAL) : result;
    }
    uint8_t shared[KC_P256_COORDINATE_SIZE];
    struct kc_result result =
        recipient->ephemeral.type != KC_KEY_P256
            ? kc_result(KC_CANNOT_UNSEAL)
            : crypto->agree(crypto->context, shared, key, &recipient->ephemeral);
    if (kc_failed(result)) {
        return result;
    }
    derive_content_key(content_key, crypto, shared);
    kc_wipe(shared, sizeof shared);
    return kc_ok();
}

static struct kc_result decrypt(struct kc_buffer *plain, const struct kc_crypto *crypto,
                                const uint8_t key[KC_GCM_KEY_SIZE], struct kc_view iv,
                                struct kc_view external, struct kc_view text)
{
    uint8_t aad[1 + 8 + 1 + sizeof protected_gcm + 2 + KC_EXTERNAL_SIZE_MAX];
    size_t size = text.size - KC_GCM_TAG_SIZE;
    if (size > plain->capacity) {
        return kc_result(KC_BUFFER_SMALL);
    }
    memcpy(plain->data, text.data, size);
    struct kc_result result = crypto->gcm_open(crypto->context, plain->data, size, text.data + size,
                                               key, iv.data, write_aad(aad, sizeof aad, external));
    plain->size = kc_failed(result) ? 0 : size;
    return result;
}

/* Sealed bytes taken apart; views point into them. */
struct sealed {
    struct kc_view iv;
    struct kc_view text;
    struct recipient recipient;
};

static struct kc_result read_sealed(struct sealed *out, struct kc_view bytes)
{
    struct kc_reader reader;
    memset(out, 0, sizeof *out);
    kc_reader_init(&reader, bytes);
    kc_read_expect_array(&reader, 4);
    expect_bytes(&reader, kc_view(protected_gcm, sizeof protected_gcm));
    kc_read_expect_map(&reader, 1);
    kc_read_expect_uint(&reader, HEADER_IV);
    out->iv = kc_read_bytes(&reader);
    out->text = kc_read_bytes(&reader);
    read_recipient(&reader, &out->recipient);
    struct kc_result result = kc_reader_finish(&reader);
    if (!kc_failed(result) &&
        (out->iv.size != KC_GCM_IV_SIZE || out->text.size < KC_GCM_TAG_SIZE)) {
        result = kc_result(KC_MALFORMED);
    }
    return result;
}

static struct kc_result open_sealed(struct kc_buffer *plain, const struct kc_crypto *crypto,
                                    const uint8_t key[KC_GCM_KEY_SIZE],
                                    const struct kc_realm *realm, const char *domain,
                                    const struct sealed *sealed)
{
    uint8_t external_bytes[KC_EXTERNAL_SIZE_MAX];
    struct kc_view external = kc_external_make(external_bytes, realm, domain);
    return decrypt(plain, crypto, key, sealed->iv, external, sealed->text);
}

struct kc_result kc_unseal(struct kc_buffer *plain, const struct kc_crypto *crypto,
                           const struct kc_private_key *key, const struct kc_realm *realm,
                           const char *domain, struct kc_view sealed)
{
    struct sealed parts;
    uint8_t content_key[KC_GCM_KEY_SIZE];
    plain->size = 0;
    struct kc_result result = read_sealed(&parts, sealed);
    if (kc_failed(result)) {
        return result;
    }
    result = open_content_key(content_key, &parts.recipient, crypto, key);
    if (!kc_failed(result)) {
        result = open_sealed(plain, crypto, content_key, realm, domain, &parts);
    }
    kc_wipe(content_key, sizeof content_key);
    return result;
}

struct kc_result kc_seal_content_key(uint8_t out[KC_GCM_KEY_SIZE], const struct kc_crypto *crypto,
                                     const struct kc_private_key *key, struct kc_view sealed)
{
    struct sealed parts;
    struct kc_result result = read_sealed(&parts, sealed);
    if (!kc_failed(result)) {
        result = open_content_key(out, &parts.recipient, crypto, key);
    }
    if (kc_failed(result)) {
        kc_wipe(out, KC_GCM_KEY_SIZE);
    }
    return result;
}

struct kc_result kc_unseal_with(struct kc_buffer *plain, const struct kc_crypto *crypto,
                                const uint8_t key[KC_GCM_KEY_SIZE], const struct kc_realm *realm,
                                const char *domain, struct kc_view sealed)
{
    struct sealed parts;
    plain->size = 0;
    struct kc_result result = read_sealed(&parts, sealed);
    return kc_failed(result) ? result : open_sealed(plain, crypto, key, realm, domain, &parts);
}
