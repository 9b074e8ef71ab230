#include <string.h>

#include "base/assert.h"
#include "message/cose.h"
#include "message/external.h"
#include "message/generated/messages.h"

/* RFC 9052 §3.1 header labels, RFC 9053 §2 and RFC 8230 §2 algorithms; negative ones as the n of -1-n. */
#define HEADER_ALG 1u
#define HEADER_CONTENT_TYPE 3u
#define HEADER_KID 4u
#define HEADER_TIME_N 65536u
#define ALG_ES256_N 6u
#define ALG_PS256_N 36u
#define ALG_HMAC_256 5u

#define PROTECTED_SIZE_MAX 96
#define HEAD_SIZE_MAX (1 + 11 + 3 + PROTECTED_SIZE_MAX + 3 + KC_EXTERNAL_SIZE_MAX + 9)
#define MAC_PAYLOAD_MAX 320u

static uint64_t alg_of(enum kc_key_type type)
{
    return type == KC_KEY_P256 ? ALG_ES256_N : ALG_PS256_N;
}

static struct kc_view write_protected(uint8_t out[PROTECTED_SIZE_MAX],
                                      const struct kc_signer *signer, const char *domain,
                                      uint64_t time_ms)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out, PROTECTED_SIZE_MAX);
    kc_write_map(&writer, time_ms == 0 ? 3 : 4);
    kc_write_uint(&writer, HEADER_ALG);
    kc_write_negative(&writer, alg_of(signer->key->type));
    kc_write_uint(&writer, HEADER_CONTENT_TYPE);
    kc_write_text(&writer, kc_view_text(domain));
    kc_write_uint(&writer, HEADER_KID);
    kc_write_bytes(&writer, kc_view(signer->id.bytes, KC_SIGNER_ID_SIZE));
    if (time_ms != 0) {
        kc_write_negative(&writer, HEADER_TIME_N);
        kc_write_uint(&writer, time_ms);
    }
    KC_ASSERT(writer.error == KC_OK);
    return kc_writer_view(&writer);
}

/* What stands before the payload in [context, protected, external, payload] (RFC 9052 §4.4, §6.3). */
static struct kc_view write_head(uint8_t out[HEAD_SIZE_MAX], const char *context,
                                 struct kc_view protected_header, struct kc_view external,
                                 size_t payload_size)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out, HEAD_SIZE_MAX);
    kc_write_array(&writer, 4);
    kc_write_text(&writer, kc_view_text(context));
    kc_write_bytes(&writer, protected_header);
    kc_write_bytes(&writer, external);
    kc_write_bytes_head(&writer, payload_size);
    KC_ASSERT(writer.error == KC_OK);
    return kc_writer_view(&writer);
}

/* SHA-256 of Sig_structure. The payload is hashed where it lies. */
static void digest_to_sign(uint8_t digest[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                           struct kc_view protected_header, struct kc_view external,
                           struct kc_view payload)
{
    uint8_t head[HEAD_SIZE_MAX];
    struct kc_sha256 hash;
    struct kc_view before =
        write_head(head, "Signature1", protected_header, external, payload.size);
    crypto->sha256_start(crypto->context, &hash);
    crypto->sha256_add(crypto->context, &hash, before);
    crypto->sha256_add(crypto->context, &hash, payload);
    crypto->sha256_end(crypto->context, &hash, digest);
}

/* With (r, s) also (r, n - s) verifies under ES256, so a stranger could make other bytes, and so another digest, of a signed
 * message. Of the two only the one with s <= n / 2 is written and accepted. RFC 9053 §2.1 leaves the choice of s open. */
static bool s_is_low(const uint8_t s[KC_P256_COORDINATE_SIZE])
{
    static const uint8_t half_order[KC_P256_COORDINATE_SIZE] = {
        0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b,
        0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8};
    return memcmp(s, half_order, KC_P256_COORDINATE_SIZE) <= 0;
}

static void make_s_low(uint8_t s[KC_P256_COORDINATE_SIZE])
{
    static const uint8_t order[KC_P256_COORDINATE_SIZE] = {
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    unsigned borrow = 0;
    if (s_is_low(s)) {
        return;
    }
    for (size_t i = KC_P256_COORDINATE_SIZE; i > 0; i--) {
        unsigned difference = 0x100u + order[i - 1] - s[i - 1] - borrow;
        s[i - 1] = (uint8_t)difference;
        borrow = difference < 0x100u ? 1 : 0;
    }
}

static struct kc_result sign_under(struct kc_buffer *out, const struct kc_crypto *crypto,
                                   const struct kc_private_key *key, const struct kc_realm *realm,
                                   const char *domain, struct kc_view protected_header,
                                   struct kc_view payload)
{
    uint8_t external_bytes[KC_EXTERNAL_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE];
    uint8_t signature[KC_SIGNATURE_SIZE_MAX];
    size_t signature_size = 0;
    KC_ASSERT(key->type != KC_KEY_NONE);
    KC_ASSERT(strlen(domain) <= KC_DOMAIN_SIZE_MAX);

    struct kc_view external = kc_external_make(external_bytes, realm, domain);
    digest_to_sign(digest, crypto, protected_header, external, payload);
    struct kc_result result =
        crypto->sign(crypto->context, signature, &signature_size, key, digest);
    if (kc_failed(result)) {
        out->size = 0;
        return result;
    }
    if (key->type == KC_KEY_P256) {
        make_s_low(signature + KC_P256_COORDINATE_SIZE);
    }
    struct kc_writer writer;
    kc_writer_init(&writer, out->data, out->capacity);
    kc_write_array(&writer, 4);
    kc_write_bytes(&writer, protected_header);
    kc_write_map(&writer, 0);
    kc_write_bytes(&writer, payload);
    kc_write_bytes(&writer, kc_view(signature, signature_size));
    out->size = writer.error == KC_OK ? writer.size : 0;
    return kc_writer_finish(&writer);
}

struct kc_result kc_sign(struct kc_buffer *out, const struct kc_crypto *crypto,
                         const struct kc_signer *signer, const struct kc_realm *realm,
                         const char *domain, uint64_t time_ms, struct kc_view payload)
{
    uint8_t bytes[PROTECTED_SIZE_MAX];
    struct kc_view protected_header = write_protected(bytes, signer, domain, time_ms);
    return sign_under(out, crypto, signer->key, realm, domain, protected_header, payload);
}

struct kc_result kc_sign_brief(struct kc_buffer *out, const struct kc_crypto *crypto,
                               const struct kc_private_key *key, const struct kc_realm *realm,
                               const char *domain, struct kc_view payload)
{
    uint8_t bytes[PROTECTED_SIZE_MAX];
    struct kc_writer writer;
    kc_writer_init(&writer, bytes, sizeof bytes);
    kc_write_map(&writer, 1);
    kc_write_uint(&writer, HEADER_ALG);
    kc_write_negative(&writer, alg_of(key->type));
    return sign_under(out, crypto, key, realm, domain, kc_writer_view(&writer), payload);
}

/* HMAC over MAC_structure = ["MAC0", protected, external, payload] (RFC 9052 §6.3). */
static void mac_of(uint8_t mac[KC_DIGEST_SIZE], const struct kc_crypto *crypto,
                   const uint8_t secret[KC_MAC_SECRET_SIZE], const struct kc_realm *realm,
                   const char *domain, struct kc_view protected_header, struct kc_view payload)
{
    uint8_t bytes[HEAD_SIZE_MAX + MAC_PAYLOAD_MAX];
    uint8_t external_bytes[KC_EXTERNAL_SIZE_MAX];
    struct kc_view external = kc_external_make(external_bytes, realm, domain);
    struct kc_view head = write_head(bytes, "MAC0", protected_header, external, payload.size);
    KC_ASSERT(payload.size <= MAC_PAYLOAD_MAX);
    memcpy(bytes + head.size, payload.data, payload.size);
    crypto->hmac_sha256(crypto->context, mac, kc_view(secret, KC_MAC_SECRET_SIZE),
                        kc_view(bytes, head.size + payload.size));
}

struct kc_result kc_brief_mac(struct kc_buffer *out, const struct kc_crypto *crypto,
                              const uint8_t secret[KC_MAC_SECRET_SIZE],
                              const struct kc_realm *realm, const char *domain,
                              struct kc_view payload)
{
    uint8_t bytes[PROTECTED_SIZE_MAX];
    uint8_t mac[KC_DIGEST_SIZE];
    struct kc_writer protected_header;
    struct kc_writer writer;
    out->size = 0;
    if (payload.size > MAC_PAYLOAD_MAX) {
        return kc_result(KC_BUFFER_SMALL);
    }
    kc_writer_init(&protected_header, bytes, sizeof bytes);
    kc_write_map(&protected_header, 1);
    kc_write_uint(&protected_header, HEADER_ALG);
    kc_write_uint(&protected_header, ALG_HMAC_256);
    mac_of(mac, crypto, secret, realm, domain, kc_writer_view(&protected_header), payload);
    kc_writer_init(&writer, out->data, out->capacity);
    kc_write_array(&writer, 4);
    kc_write_bytes(&writer, kc_writer_view(&protected_header));
    kc_write_map(&writer, 0);
    kc_write_bytes(&writer, payload);
    kc_write_bytes(&writer, kc_view(mac, sizeof mac));
    out->size = writer.error == KC_OK ? writer.size : 0;
    return kc_writer_finish(&writer);
}

bool kc_brief_has_mac(const struct kc_signed *message)
{
    return message->brief && message->alg_family == KC_KEY_NONE;
}

struct kc_result kc_brief_verify_mac(const struct kc_signed *message,
                                     const struct kc_crypto *crypto,
                                     const uint8_t secret[KC_MAC_SECRET_SIZE],
                                     const struct kc_realm *realm, const char *domain)
{
    uint8_t mac[KC_DIGEST_SIZE];
    if (!kc_brief_has_mac(message) || message->signature.size != sizeof mac ||
        message->payload.size > MAC_PAYLOAD_MAX) {
        return kc_result(KC_BAD_SIGNATURE);
    }
    mac_of(mac, crypto, secret, realm, domain, message->protected_header, message->payload);
    bool good = kc_equal_secret(mac, message->signature.data, sizeof mac);
    kc_wipe(mac, sizeof mac);
    return kc_result(good ? KC_OK : KC_BAD_SIGNATURE);
}

static void parse_alg(struct kc_reader *reader, struct kc_signed *out)
{
    kc_read_expect_uint(reader, HEADER_ALG);
    /* Algorithms of other kinds have positive numbers (RFC 9053 §3, §4): known, and wrong here. */
    if (reader->error == KC_OK && reader->at < reader->input.size &&
        reader->input.data[reader->at] < 0x1c) {
        kc_reader_fail(reader, KC_WRONG_ALGORITHM);
    }
    uint64_t alg = kc_read_negative(reader);
    if (alg == ALG_ES256_N) {
        out->alg_family = KC_KEY_P256;
    } else if (alg == ALG_PS256_N) {
        out->alg_family = KC_KEY_RSA2048;
    } else {
        kc_reader_fail(reader, KC_WRONG_ALGORITHM);
    }
}

static struct kc_result parse_protected(struct kc_signed *out)
{
    struct kc_reader reader;
    kc_reader_init(&reader, out->protected_header);
    size_t count = kc_read_map(&reader);
    if (count != 3 && count != 4) {
        kc_reader_fail(&reader, KC_MALFORMED);
    }
    parse_alg(&reader, out);
    kc_read_expect_uint(&reader, HEADER_CONTENT_TYPE);
    out->domain = kc_read_text(&reader);
    kc_read_expect_uint(&reader, HEADER_KID);
    struct kc_view kid = kc_read_bytes(&reader);
    if (kid.size != KC_SIGNER_ID_SIZE || out->domain.size > KC_DOMAIN_SIZE_MAX) {
        kc_reader_fail(&reader, KC_MALFORMED);
    } else {
        memcpy(out->signer.bytes, kid.data, KC_SIGNER_ID_SIZE);
    }
    if (count == 4) {
        kc_read_expect_negative(&reader, HEADER_TIME_N);
        out->time_ms = kc_read_uint(&reader);
        out->has_time = true;
        if (out->time_ms == 0 || out->time_ms > KC_AMOUNT_MAX) {
            kc_reader_fail(&reader, KC_MALFORMED);
        }
    }
    return kc_reader_finish(&reader);
}

static struct kc_result parse_brief_protected(struct kc_signed *out)
{
    struct kc_reader reader;
    static const uint8_t with_mac[] = {0xa1, HEADER_ALG, ALG_HMAC_256};
    out->brief = true;
    if (kc_view_equal(out->protected_header, kc_view(with_mac, sizeof with_mac))) {
        out->alg_family = KC_KEY_NONE;
        return kc_ok();
    }
    kc_reader_init(&reader, out->protected_header);
    kc_read_expect_map(&reader, 1);
    parse_alg(&reader, out);
    return kc_reader_finish(&reader);
}

static struct kc_result parse_with(struct kc_signed *out, struct kc_view bytes,
                                   struct kc_result (*protected_part)(struct kc_signed *out))
{
    struct kc_reader reader;
    memset(out, 0, sizeof *out);
    kc_reader_init(&reader, bytes);
    kc_read_expect_array(&reader, 4);
    out->protected_header = kc_read_bytes(&reader);
    kc_read_expect_map(&reader, 0);
    out->payload = kc_read_bytes(&reader);
    out->signature = kc_read_bytes(&reader);
    struct kc_result result = kc_reader_finish(&reader);
    if (!kc_failed(result) && out->protected_header.size > PROTECTED_SIZE_MAX) {
        result = kc_result(KC_MALFORMED);
    }
    if (!kc_failed(result)) {
        result = protected_part(out);
    }
    if (kc_failed(result)) {
        memset(out, 0, sizeof *out);
    }
    return result;
}

struct kc_result kc_signed_parse(struct kc_signed *out, struct kc_view bytes)
{
    return parse_with(out, bytes, parse_protected);
}

struct kc_result kc_brief_parse(struct kc_signed *out, struct kc_view bytes)
{
    return parse_with(out, bytes, parse_brief_protected);
}

static struct kc_result verify_under(const struct kc_signed *message,
                                     const struct kc_crypto *crypto,
                                     const struct kc_public_key *key, const struct kc_realm *realm,
                                     const char *domain)
{
    uint8_t external_bytes[KC_EXTERNAL_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE];
    bool want_p256 = message->alg_family == KC_KEY_P256;
    if (key->type == KC_KEY_NONE || message->alg_family == KC_KEY_NONE ||
        want_p256 != (key->type == KC_KEY_P256)) {
        return kc_result(KC_WRONG_ALGORITHM);
    }
    if (message->signature.size != kc_signature_size(key->type)) {
        return kc_result(KC_BAD_SIGNATURE);
    }
    if (want_p256 && !s_is_low(message->signature.data + KC_P256_COORDINATE_SIZE)) {
        return kc_result(KC_BAD_SIGNATURE);
    }
    struct kc_view external = kc_external_make(external_bytes, realm, domain);
    digest_to_sign(digest, crypto, message->protected_header, external, message->payload);
    return crypto->verify(crypto->context, key, digest, message->signature);
}

struct kc_result kc_signed_verify(const struct kc_signed *message, const struct kc_crypto *crypto,
                                  const struct kc_public_key *key, const struct kc_realm *realm,
                                  const char *domain)
{
    bool named = !message->brief && kc_view_equal(message->domain, kc_view_text(domain));
    return named ? verify_under(message, crypto, key, realm, domain) : kc_result(KC_WRONG_DOMAIN);
}

struct kc_result kc_brief_verify(const struct kc_signed *message, const struct kc_crypto *crypto,
                                 const struct kc_public_key *key, const struct kc_realm *realm,
                                 const char *domain)
{
    return message->brief ? verify_under(message, crypto, key, realm, domain)
                          : kc_result(KC_WRONG_DOMAIN);
}

const struct kc_shape *kc_signed_shape(const struct kc_signed *envelope)
{
    for (size_t i = 0; i < KC_SHAPE_COUNT; i++) {
        const char *domain = kc_shapes[i]->domain;
        if (domain != NULL && kc_view_equal(envelope->domain, kc_view_text(domain))) {
            return kc_shapes[i];
        }
    }
    return NULL;
}
