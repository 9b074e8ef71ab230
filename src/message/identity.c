#include "message/identity.h"

#include <string.h>

#define CLAIM_SUB 2u
#define CLAIM_EXP 4u
#define CLAIM_IAT 6u
#define CLAIM_CNF 8u
#define CLAIM_PURSE_N 65537u
#define CLAIM_SECRET_N 65538u
#define CNF_COSE_KEY 1u

struct kc_result kc_identity_encode(struct kc_buffer *out, const struct kc_identity *identity)
{
    char account[KC_ID_TEXT_SIZE];
    struct kc_writer writer;
    kc_account_format(account, identity->account);
    kc_writer_init(&writer, out->data, out->capacity);
    bool keyed = identity->key.type != KC_KEY_NONE;
    struct kc_result result = kc_ok();
    kc_write_map(&writer, 5);
    kc_write_uint(&writer, CLAIM_SUB);
    kc_write_text(&writer, kc_view_text(account));
    kc_write_uint(&writer, CLAIM_EXP);
    kc_write_uint(&writer, identity->expires_s);
    kc_write_uint(&writer, CLAIM_IAT);
    kc_write_uint(&writer, identity->issued_s);
    if (keyed) {
        kc_write_uint(&writer, CLAIM_CNF);
        kc_write_map(&writer, 1);
        kc_write_uint(&writer, CNF_COSE_KEY);
        result = kc_key_write(&writer, &identity->key);
    }
    kc_write_negative(&writer, CLAIM_PURSE_N);
    kc_write_array(&writer, 3);
    kc_write_uint(&writer, (uint64_t)identity->purse_type);
    kc_write_uint(&writer, identity->purse.number);
    kc_write_uint(&writer, identity->bank);
    if (!keyed) {
        kc_write_negative(&writer, CLAIM_SECRET_N);
        kc_write_bytes(&writer, kc_view(identity->secret, sizeof identity->secret));
    }
    if (!kc_failed(result)) {
        result = kc_writer_finish(&writer);
    }
    out->size = kc_failed(result) ? 0 : writer.size;
    return result;
}

static void read_account(struct kc_reader *reader, struct kc_account_id *out)
{
    char text[KC_ID_TEXT_SIZE];
    struct kc_view view = kc_read_text(reader);
    if (view.size == 0 || view.size >= sizeof text) {
        kc_reader_fail(reader, KC_MALFORMED);
        return;
    }
    memcpy(text, view.data, view.size);
    text[view.size] = '\0';
    if (kc_failed(kc_account_parse(out, text))) {
        kc_reader_fail(reader, KC_MALFORMED);
    }
}

static void read_purse_claim(struct kc_reader *reader, struct kc_identity *out)
{
    kc_read_expect_array(reader, 3);
    uint64_t type = kc_read_uint(reader);
    out->purse.number = kc_read_uint(reader);
    out->bank = kc_read_uint(reader);
    if (type < KC_PURSE_TYPE_UIM || type > KC_PURSE_TYPE_BEARER ||
        !kc_number_checks(out->purse.number)) {
        kc_reader_fail(reader, KC_MALFORMED);
        return;
    }
    out->purse_type = (enum kc_purse_type)type;
}

static void read_key_claim(struct kc_reader *reader, struct kc_public_key *out)
{
    kc_read_expect_uint(reader, CLAIM_CNF);
    kc_read_expect_map(reader, 1);
    kc_read_expect_uint(reader, CNF_COSE_KEY);
    kc_key_read(reader, out);
}

static void read_secret_claim(struct kc_reader *reader, uint8_t out[KC_MAC_SECRET_SIZE])
{
    kc_read_expect_negative(reader, CLAIM_SECRET_N);
    struct kc_view secret = kc_read_bytes(reader);
    if (secret.size == KC_MAC_SECRET_SIZE) {
        memcpy(out, secret.data, KC_MAC_SECRET_SIZE);
    } else {
        kc_reader_fail(reader, KC_MALFORMED);
    }
}

/* Whether the claim of a key comes next. */
static bool key_is_next(const struct kc_reader *reader)
{
    return reader->error == KC_OK && reader->at < reader->input.size &&
           reader->input.data[reader->at] == CLAIM_CNF;
}

struct kc_result kc_identity_decode(struct kc_identity *out, struct kc_view claims)
{
    struct kc_reader reader;
    memset(out, 0, sizeof *out);
    kc_reader_init(&reader, claims);
    kc_read_expect_map(&reader, 5);
    kc_read_expect_uint(&reader, CLAIM_SUB);
    read_account(&reader, &out->account);
    kc_read_expect_uint(&reader, CLAIM_EXP);
    out->expires_s = kc_read_uint(&reader);
    kc_read_expect_uint(&reader, CLAIM_IAT);
    out->issued_s = kc_read_uint(&reader);
    /* Both become milliseconds where they are compared, so they have to fit as such. */
    if (out->expires_s > KC_AMOUNT_MAX / 1000u || out->issued_s >= out->expires_s) {
        kc_reader_fail(&reader, KC_MALFORMED);
    }
    bool keyed = key_is_next(&reader);
    if (keyed) {
        read_key_claim(&reader, &out->key);
    }
    kc_read_expect_negative(&reader, CLAIM_PURSE_N);
    read_purse_claim(&reader, out);
    if (!keyed) {
        read_secret_claim(&reader, out->secret);
    }
    if (keyed == (out->purse_type == KC_PURSE_TYPE_BEARER)) {
        kc_reader_fail(&reader, KC_MALFORMED);
    }
    struct kc_result result = kc_reader_finish(&reader);
    if (kc_failed(result)) {
        memset(out, 0, sizeof *out);
    }
    return result;
}

struct kc_result kc_identity_sign(struct kc_buffer *out, const struct kc_crypto *crypto,
                                  const struct kc_private_key *bank, const struct kc_realm *realm,
                                  const struct kc_identity *identity)
{
    uint8_t claims[KC_COSE_KEY_SIZE_MAX + 96];
    struct kc_buffer buffer = KC_BUFFER(claims);
    struct kc_result result = kc_identity_encode(&buffer, identity);
    if (kc_failed(result)) {
        return result;
    }
    return kc_sign_brief(out, crypto, bank, realm, KC_IDENTITY_DOMAIN, kc_buffer_view(&buffer));
}

struct kc_result kc_identity_open(struct kc_identity *out, const struct kc_crypto *crypto,
                                  const struct kc_public_key *bank_key,
                                  const struct kc_realm *realm, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_result result = kc_brief_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_brief_verify(&parsed, crypto, bank_key, realm, KC_IDENTITY_DOMAIN);
    }
    if (!kc_failed(result)) {
        result = kc_identity_decode(out, parsed.payload);
    }
    if (!kc_failed(result) && out->bank != realm->bank) {
        result = kc_result(KC_WRONG_DOMAIN);
    }
    return result;
}
