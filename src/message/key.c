#include <string.h>

#include "message/cose.h"

/* COSE_Key labels and values (RFC 9052 §7.1, RFC 9053 §7.1.1, RFC 8230 §4). Negative labels are given as the
 * n of -1-n. */
#define LABEL_KTY 1u
#define KTY_EC2 2u
#define KTY_RSA 3u
#define LABEL_CRV_N 0u
#define CRV_P256 1u
#define LABEL_X_N 1u
#define LABEL_Y_N 2u
#define LABEL_RSA_N_N 0u
#define LABEL_RSA_E_N 1u

static const uint8_t exponent[] = {0x01, 0x00, 0x01};

static void write_p256(struct kc_writer *writer, const struct kc_public_key *key)
{
    kc_write_map(writer, 4);
    kc_write_uint(writer, LABEL_KTY);
    kc_write_uint(writer, KTY_EC2);
    kc_write_negative(writer, LABEL_CRV_N);
    kc_write_uint(writer, CRV_P256);
    kc_write_negative(writer, LABEL_X_N);
    kc_write_bytes(writer, kc_view(key->p256.x, sizeof key->p256.x));
    kc_write_negative(writer, LABEL_Y_N);
    kc_write_bytes(writer, kc_view(key->p256.y, sizeof key->p256.y));
}

static void write_rsa(struct kc_writer *writer, const struct kc_public_key *key)
{
    kc_write_map(writer, 3);
    kc_write_uint(writer, LABEL_KTY);
    kc_write_uint(writer, KTY_RSA);
    kc_write_negative(writer, LABEL_RSA_N_N);
    kc_write_bytes(writer, kc_view(key->rsa.n, kc_rsa_size(key->type)));
    kc_write_negative(writer, LABEL_RSA_E_N);
    kc_write_bytes(writer, kc_view(exponent, sizeof exponent));
}

struct kc_result kc_key_write(struct kc_writer *writer, const struct kc_public_key *key)
{
    switch (key->type) {
    case KC_KEY_P256:
        write_p256(writer, key);
        break;
    case KC_KEY_RSA2048:
    case KC_KEY_RSA3072:
        write_rsa(writer, key);
        break;
    case KC_KEY_NONE:
        return kc_result(KC_WRONG_ALGORITHM);
    }
    return kc_writer_finish(writer);
}

struct kc_result kc_key_encode(struct kc_buffer *out, const struct kc_public_key *key)
{
    struct kc_writer writer;
    kc_writer_init(&writer, out->data, out->capacity);
    struct kc_result result = kc_key_write(&writer, key);
    out->size = kc_failed(result) ? 0 : writer.size;
    return result;
}

static void read_coordinate(struct kc_reader *reader, uint8_t out[KC_P256_COORDINATE_SIZE])
{
    struct kc_view bytes = kc_read_bytes(reader);
    if (bytes.size != KC_P256_COORDINATE_SIZE) {
        kc_reader_fail(reader, KC_MALFORMED);
        return;
    }
    memcpy(out, bytes.data, bytes.size);
}

static void read_p256(struct kc_reader *reader, struct kc_public_key *out)
{
    out->type = KC_KEY_P256;
    kc_read_expect_negative(reader, LABEL_CRV_N);
    kc_read_expect_uint(reader, CRV_P256);
    kc_read_expect_negative(reader, LABEL_X_N);
    read_coordinate(reader, out->p256.x);
    kc_read_expect_negative(reader, LABEL_Y_N);
    read_coordinate(reader, out->p256.y);
}

static void read_rsa(struct kc_reader *reader, struct kc_public_key *out)
{
    kc_read_expect_negative(reader, LABEL_RSA_N_N);
    struct kc_view n = kc_read_bytes(reader);
    kc_read_expect_negative(reader, LABEL_RSA_E_N);
    struct kc_view e = kc_read_bytes(reader);
    out->type = n.size == kc_rsa_size(KC_KEY_RSA2048)   ? KC_KEY_RSA2048
                : n.size == kc_rsa_size(KC_KEY_RSA3072) ? KC_KEY_RSA3072
                                                        : KC_KEY_NONE;
    bool good = out->type != KC_KEY_NONE && (n.data[0] & 0x80u) != 0 &&
                (n.data[n.size - 1] & 1u) != 0 &&
                kc_view_equal(e, kc_view(exponent, sizeof exponent));
    if (!good) {
        kc_reader_fail(reader, KC_MALFORMED);
        return;
    }
    memcpy(out->rsa.n, n.data, n.size);
}

void kc_key_read(struct kc_reader *reader, struct kc_public_key *out)
{
    memset(out, 0, sizeof *out);
    size_t count = kc_read_map(reader);
    kc_read_expect_uint(reader, LABEL_KTY);
    uint64_t kty = kc_read_uint(reader);
    if (kty == KTY_EC2 && count == 4) {
        read_p256(reader, out);
    } else if (kty == KTY_RSA && count == 3) {
        read_rsa(reader, out);
    } else {
        kc_reader_fail(reader, KC_MALFORMED);
    }
    if (reader->error != KC_OK) {
        memset(out, 0, sizeof *out);
    }
}

struct kc_result kc_key_decode(struct kc_public_key *out, struct kc_view encoded)
{
    struct kc_reader reader;
    kc_reader_init(&reader, encoded);
    kc_key_read(&reader, out);
    struct kc_result result = kc_reader_finish(&reader);
    if (kc_failed(result)) {
        memset(out, 0, sizeof *out);
    }
    return result;
}

void kc_signer_id_make(struct kc_signer_id *out, const struct kc_crypto *crypto, uint64_t holder,
                       const struct kc_public_key *key)
{
    uint8_t encoded[KC_COSE_KEY_SIZE_MAX];
    uint8_t digest[KC_DIGEST_SIZE] = {0};
    struct kc_buffer buffer = KC_BUFFER(encoded);
    if (!kc_failed(kc_key_encode(&buffer, key))) {
        kc_digest(crypto, digest, kc_buffer_view(&buffer));
    }
    kc_be64_store(out->bytes, holder);
    memcpy(out->bytes + 8, digest, KC_SIGNER_ID_SIZE - 8);
}

uint64_t kc_signer_id_holder(const struct kc_signer_id *id)
{
    return kc_be64_load(id->bytes);
}

bool kc_key_equal(const struct kc_public_key *a, const struct kc_public_key *b)
{
    uint8_t first_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t second_bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer first = KC_BUFFER(first_bytes);
    struct kc_buffer second = KC_BUFFER(second_bytes);
    if (a->type == KC_KEY_NONE || b->type == KC_KEY_NONE) {
        return a->type == b->type;
    }
    return !kc_failed(kc_key_encode(&first, a)) && !kc_failed(kc_key_encode(&second, b)) &&
           kc_view_equal(kc_buffer_view(&first), kc_buffer_view(&second));
}
