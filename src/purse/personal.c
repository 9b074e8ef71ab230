/* Personalisation: keys made here or brought in, certificates, the bank's keys, the PIN; then nothing of it changes. */
#include <string.h>

#include "base/assert.h"
#include "message/identity.h"
#include "purse/inside.h"

static enum kc_key_type type_of_suite(enum kc_suite suite)
{
    switch (suite) {
    case KC_SUITE_ES256:
        return KC_KEY_P256;
    case KC_SUITE_RS2048:
        return KC_KEY_RSA2048;
    case KC_SUITE_RS3072:
        return KC_KEY_RSA3072;
    }
    return KC_KEY_NONE;
}

static size_t part_size(enum kc_key_type type)
{
    return type == KC_KEY_P256 ? KC_P256_COORDINATE_SIZE : kc_rsa_size(type) / 2;
}

/* The parts of a private key in the order of the record. */
static size_t key_parts(uint8_t *parts[5], struct kc_private_key *key)
{
    if (key->type == KC_KEY_P256) {
        parts[0] = key->p256.d;
        return 1;
    }
    parts[0] = key->rsa.p;
    parts[1] = key->rsa.q;
    parts[2] = key->rsa.dp;
    parts[3] = key->rsa.dq;
    parts[4] = key->rsa.iq;
    return 5;
}

struct kc_result kc_purse_decode_private(struct kc_private_key *out, struct kc_view encoded)
{
    struct kc_private_key_record record;
    uint8_t *parts[5];
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_shape_decode(&record, &kc_private_key_record_shape, encoded);
    if (kc_failed(result)) {
        return result;
    }
    out->type = type_of_suite(record.suite);
    size_t count = key_parts(parts, out);
    if (record.parts.count != count) {
        return kc_result(KC_MALFORMED);
    }
    for (size_t i = 0; i < count; i++) {
        if (record.parts.items[i].size != part_size(out->type)) {
            return kc_result(KC_MALFORMED);
        }
        memcpy(parts[i], record.parts.items[i].data, record.parts.items[i].size);
    }
    return kc_ok();
}

static struct kc_result store_private(struct kc_purse *purse, unsigned place,
                                      const struct kc_private_key *key)
{
    struct kc_private_key copy = *key;
    struct kc_private_key_record record = {.suite = purse->state.suite};
    uint8_t *parts[5];
    struct kc_buffer buffer = KC_BUFFER(purse->scratch);
    record.parts.count = key_parts(parts, &copy);
    for (size_t i = 0; i < record.parts.count; i++) {
        record.parts.items[i] = kc_view(parts[i], part_size(copy.type));
    }
    record.suite = copy.type == KC_KEY_P256      ? KC_SUITE_ES256
                   : copy.type == KC_KEY_RSA2048 ? KC_SUITE_RS2048
                                                 : KC_SUITE_RS3072;
    struct kc_result result = kc_shape_encode(&buffer, &kc_private_key_record_shape, &record);
    if (!kc_failed(result)) {
        result = kc_purse_static_put(purse, place, kc_buffer_view(&buffer));
    }
    kc_wipe(&copy, sizeof copy);
    kc_wipe(purse->scratch, buffer.size);
    return result;
}

static struct kc_result load_public(struct kc_public_key *out, struct kc_purse *purse,
                                    unsigned item)
{
    struct kc_view content;
    struct kc_result result = kc_purse_static_get(&content, purse, item);
    return kc_failed(result) ? result : kc_key_decode(out, content);
}

struct kc_result kc_purse_load_private(struct kc_private_key *out, struct kc_purse *purse,
                                       unsigned place)
{
    struct kc_view content;
    struct kc_result result = kc_purse_static_get(&content, purse, place);
    if (!kc_failed(result)) {
        result = kc_purse_decode_private(out, content);
    }
    kc_wipe(purse->scratch, sizeof purse->scratch);
    return result;
}

static bool may_spend(enum kc_life life)
{
    return life == KC_LIFE_READY || life == KC_LIFE_REQUESTED || life == KC_LIFE_QUOTED ||
           life == KC_LIFE_ANSWERED;
}

/* Everything a ready purse works with; while personalising, what is there already. */
struct kc_result kc_purse_load_keys(struct kc_purse *purse)
{
    uint8_t digest[KC_DIGEST_SIZE];
    bool whole = may_spend(purse->state.life);
    uint64_t key_set = purse->state.key_set;
    if (whole) {
        struct kc_result checked = kc_purse_static_digest(digest, purse, key_set);
        if (kc_failed(checked) || !kc_purse_outcome(kc_equal_secret(
                                      digest, purse->state.static_digest, KC_DIGEST_SIZE))) {
            return kc_result(KC_PURSE_CORRUPT);
        }
    }
    unsigned sign = kc_purse_static_place(KC_STATIC_SIGN_KEY, key_set);
    unsigned encrypt = kc_purse_static_place(KC_STATIC_ENCRYPT_KEY, key_set);
    struct kc_result results[] = {kc_purse_load_private(&purse->sign_key, purse, sign),
                                  kc_purse_load_private(&purse->encrypt_key, purse, encrypt),
                                  load_public(&purse->bank_verify, purse, KC_STATIC_BANK_VERIFY),
                                  load_public(&purse->bank_encrypt, purse, KC_STATIC_BANK_ENCRYPT)};
    bool bearer = kc_purse_is_bearer(purse);
    /* Before the purse is ready any of them may not be there yet; a card without keys never has the first two. */
    for (size_t i = 0; i < 4; i++) {
        bool may_lack = !whole || (bearer && i < 2);
        if (kc_failed(results[i]) && (!may_lack || results[i].code != KC_NOT_FOUND)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
    }
    if (bearer && (!kc_failed(results[0]) || !kc_failed(results[1]))) {
        return kc_result(KC_PURSE_CORRUPT);
    }
    if (!kc_failed(results[0])) {
        struct kc_result derived = purse->crypto.derive_public(
            purse->crypto.context, &purse->sign_public, &purse->sign_key);
        if (kc_failed(derived)) {
            return kc_result(KC_PURSE_CORRUPT);
        }
        kc_signer_id_make(&purse->signer_id, &purse->crypto, purse->settings.account.number,
                          &purse->sign_public);
    }
    return whole ? kc_purse_rolls_load(purse) : kc_ok();
}

/* ---- keys ---- */

static struct kc_result begin_personalising(struct kc_purse *purse, enum kc_suite suite)
{
    struct kc_purse_state next = purse->state;
    next.life = KC_LIFE_PERSONALISING;
    next.suite = suite;
    struct kc_result result = kc_purse_commit(purse, &next);
    return kc_failed(result) ? result : kc_purse_load_keys(purse);
}

static struct kc_result generate_one(struct kc_purse *purse, unsigned place, enum kc_key_type type)
{
    struct kc_private_key private_key;
    struct kc_public_key public_key;
    struct kc_result result =
        purse->crypto.generate(purse->crypto.context, &private_key, &public_key, type);
    if (!kc_failed(result)) {
        result = store_private(purse, place, &private_key);
    }
    kc_wipe(&private_key, sizeof private_key);
    return result;
}

struct kc_result kc_purse_make_keys(struct kc_purse *purse, enum kc_suite suite, uint64_t key_set)
{
    enum kc_key_type type = type_of_suite(suite);
    if (type == KC_KEY_NONE) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result =
        generate_one(purse, kc_purse_static_place(KC_STATIC_SIGN_KEY, key_set), type);
    return kc_failed(result)
               ? result
               : generate_one(purse, kc_purse_static_place(KC_STATIC_ENCRYPT_KEY, key_set), type);
}

struct kc_result kc_purse_generate(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    enum kc_suite suite = (enum kc_suite)apdu->p1;
    struct kc_result result = kc_purse_make_keys(purse, suite, purse->state.key_set);
    return kc_failed(result) ? result : begin_personalising(purse, suite);
}

struct kc_result kc_purse_put_key(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_private_key key;
    struct kc_public_key public_key;
    bool sign = apdu->p1 == KC_KEY_USE_SIGN;
    if (!sign && apdu->p1 != KC_KEY_USE_ENCRYPT) {
        return kc_result(KC_MALFORMED);
    }
    struct kc_result result = kc_purse_decode_private(&key, apdu->data);
    if (!kc_failed(result)) {
        result = purse->crypto.derive_public(purse->crypto.context, &public_key, &key);
    }
    if (!kc_failed(result)) {
        result = store_private(purse, sign ? KC_STATIC_SIGN_KEY : KC_STATIC_ENCRYPT_KEY, &key);
    }
    enum kc_suite suite = key.type == KC_KEY_P256      ? KC_SUITE_ES256
                          : key.type == KC_KEY_RSA2048 ? KC_SUITE_RS2048
                                                       : KC_SUITE_RS3072;
    kc_wipe(&key, sizeof key);
    return kc_failed(result) ? result : begin_personalising(purse, suite);
}

/* Both keys are there, and of the purse's suite; of a card without keys neither. */
static bool has_keys(const struct kc_purse *purse)
{
    if (kc_purse_is_bearer(purse)) {
        return purse->sign_key.type == KC_KEY_NONE && purse->encrypt_key.type == KC_KEY_NONE;
    }
    enum kc_key_type type = type_of_suite(purse->state.suite);
    return purse->sign_key.type == type && purse->encrypt_key.type == type;
}

struct kc_result kc_purse_make_proof(struct kc_buffer *out, struct kc_purse *purse,
                                     const struct kc_private_key *sign,
                                     const struct kc_private_key *encrypt)
{
    struct kc_public_key publics[2];
    uint8_t bytes[2][KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer keys[2] = {KC_BUFFER(bytes[0]), KC_BUFFER(bytes[1])};
    const struct kc_private_key *privates[2] = {sign, encrypt};
    struct kc_buffer plain = KC_BUFFER(purse->work.plain);
    struct kc_result result = kc_ok();
    for (size_t i = 0; i < 2 && !kc_failed(result); i++) {
        result = purse->crypto.derive_public(purse->crypto.context, &publics[i], privates[i]);
        if (!kc_failed(result)) {
            result = kc_key_encode(&keys[i], &publics[i]);
        }
    }
    struct kc_key_proof proof = {.sign_key = kc_buffer_view(&keys[0]),
                                 .encrypt_key = kc_buffer_view(&keys[1])};
    if (!kc_failed(result)) {
        result = kc_shape_encode(&plain, &kc_key_proof_shape, &proof);
    }
    if (!kc_failed(result)) {
        struct kc_signer signer = {.key = sign};
        kc_signer_id_make(&signer.id, &purse->crypto, purse->settings.account.number, &publics[0]);
        result = kc_sign(out, &purse->crypto, &signer, &purse->realm, kc_key_proof_shape.domain, 0,
                         kc_buffer_view(&plain));
    }
    return result;
}

struct kc_result kc_purse_prove(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_buffer out = KC_BUFFER(purse->output);
    (void)apdu;
    if (!has_keys(purse) || purse->state.settings.size == 0) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    struct kc_result result =
        kc_purse_make_proof(&out, purse, &purse->sign_key, &purse->encrypt_key);
    purse->output_size = kc_failed(result) ? 0 : out.size;
    return result;
}

/* ---- data ---- */

static struct kc_result put_settings(struct kc_purse *purse, struct kc_view data)
{
    struct kc_purse_settings settings;
    struct kc_realm realm;
    char currency[4] = {0};
    struct kc_result result = kc_shape_decode(&settings, &kc_purse_settings_shape, data);
    if (kc_failed(result)) {
        return result;
    }
    if (settings.currency.size != 3 || settings.decimals > KC_AMOUNT_DECIMALS_MAX ||
        !kc_number_checks(settings.account.number) || !kc_number_checks(settings.purse.number)) {
        return kc_result(KC_MALFORMED);
    }
    memcpy(currency, settings.currency.data, 3);
    result = kc_realm_set(&realm, settings.bank, currency);
    if (kc_failed(result)) {
        return result;
    }
    struct kc_purse_state next = purse->state;
    bool has_key = purse->sign_key.type != KC_KEY_NONE || purse->encrypt_key.type != KC_KEY_NONE;
    if (settings.purse_type == KC_PURSE_TYPE_BEARER) {
        if (has_key) {
            return kc_result(KC_NOT_ALLOWED);
        }
        /* There are no keys to begin with. */
        next.life = KC_LIFE_PERSONALISING;
    }
    next.settings = data;
    result = kc_purse_commit(purse, &next);
    return kc_failed(result) ? result : kc_purse_load_keys(purse);
}

static struct kc_result put_record(struct kc_purse *purse, uint8_t tag, struct kc_view data)
{
    struct kc_purse_state next = purse->state;
    if (data.size == 0 || data.size > KC_RECORD_SIZE_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    if (tag == KC_TAG_IDENTITY) {
        next.identity = data;
    } else {
        /* Parsed at every power-up, so it must at least be one. It is verified at activation. */
        struct kc_signed parsed;
        struct kc_certified certified;
        struct kc_result result = kc_signed_parse(&parsed, data);
        if (!kc_failed(result)) {
            result = kc_shape_decode(&certified, &kc_certified_shape, parsed.payload);
        }
        if (kc_failed(result)) {
            return result;
        }
        next.certified = data;
    }
    return kc_purse_commit(purse, &next);
}

static struct kc_result put_pin(struct kc_purse *purse, struct kc_view data)
{
    struct kc_purse_state next = purse->state;
    struct kc_result result = kc_purse_set_pin(purse, &next, data);
    return kc_failed(result) ? result : kc_purse_commit(purse, &next);
}

static struct kc_result put_bank_key(struct kc_purse *purse, unsigned item, struct kc_view data)
{
    struct kc_public_key key;
    struct kc_result result = kc_key_decode(&key, data);
    if (!kc_failed(result)) {
        result = kc_purse_static_put(purse, item, data);
    }
    return kc_failed(result) ? result : kc_purse_load_keys(purse);
}

struct kc_result kc_purse_put_data(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    switch (apdu->p1) {
    case KC_TAG_SETTINGS:
        return put_settings(purse, apdu->data);
    case KC_TAG_BANK_VERIFY_KEY:
        return put_bank_key(purse, KC_STATIC_BANK_VERIFY, apdu->data);
    case KC_TAG_BANK_ENCRYPT_KEY:
        return put_bank_key(purse, KC_STATIC_BANK_ENCRYPT, apdu->data);
    case KC_TAG_SIGN_CERTIFICATE:
    case KC_TAG_ENCRYPT_CERTIFICATE:
    case KC_TAG_BANK_SIGN_CERTIFICATE:
    case KC_TAG_BANK_ENCRYPT_CERTIFICATE:
    case KC_TAG_AUTHORITY_CERTIFICATE:
        return kc_purse_static_put(
            purse, KC_STATIC_SIGN_CERTIFICATE + (apdu->p1 - (unsigned)KC_TAG_SIGN_CERTIFICATE),
            apdu->data);
    case KC_TAG_PIN:
        return put_pin(purse, apdu->data);
    case KC_TAG_IDENTITY:
    case KC_TAG_CERTIFIED:
        return put_record(purse, apdu->p1, apdu->data);
    default:
        return kc_result(KC_NOT_FOUND);
    }
}

/* ---- activation ---- */

bool kc_purse_same_key(const struct kc_public_key *a, const struct kc_public_key *b)
{
    if (a->type == KC_KEY_NONE || b->type == KC_KEY_NONE) {
        return a->type == b->type;
    }
    uint8_t first_bytes[KC_COSE_KEY_SIZE_MAX];
    uint8_t second_bytes[KC_COSE_KEY_SIZE_MAX];
    struct kc_buffer first = KC_BUFFER(first_bytes);
    struct kc_buffer second = KC_BUFFER(second_bytes);
    return !kc_failed(kc_key_encode(&first, a)) && !kc_failed(kc_key_encode(&second, b)) &&
           kc_view_equal(kc_buffer_view(&first), kc_buffer_view(&second));
}

struct kc_result kc_purse_check_identity(struct kc_purse *purse, struct kc_view bytes,
                                         const struct kc_public_key *key)
{
    struct kc_identity identity;
    struct kc_result result =
        kc_identity_open(&identity, &purse->crypto, &purse->bank_verify, &purse->realm, bytes);
    if (kc_failed(result)) {
        return result;
    }
    bool own = identity.account.number == purse->settings.account.number &&
               identity.purse.number == purse->settings.purse.number &&
               identity.purse_type == purse->settings.purse_type &&
               kc_purse_same_key(&identity.key, key);
    return kc_result(own ? KC_OK : KC_MISMATCH);
}

struct kc_result kc_purse_activate(struct kc_purse *purse, const struct kc_apdu *apdu)
{
    struct kc_certified certified;
    (void)apdu;
    static const uint8_t no_head[KC_DIGEST_SIZE] = {0};
    bool complete = purse->state.settings.size > 0 && purse->state.identity.size > 0 &&
                    purse->state.certified.size > 0 &&
                    (purse->state.pin_tries > 0) == kc_purse_has_pin(purse) && has_keys(purse) &&
                    purse->bank_verify.type != KC_KEY_NONE &&
                    purse->bank_encrypt.type != KC_KEY_NONE;
    if (!complete) {
        return kc_result(KC_OUT_OF_ORDER);
    }
    struct kc_result result =
        kc_purse_check_identity(purse, purse->state.identity, &purse->sign_public);
    if (!kc_failed(result)) {
        result = kc_purse_read_certified(&certified, purse, purse->state.certified);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (certified.counter != 0 || memcmp(certified.head, no_head, KC_DIGEST_SIZE) != 0) {
        return kc_result(KC_MISMATCH);
    }
    struct kc_purse_state next = purse->state;
    result = kc_purse_static_digest(next.static_digest, purse, next.key_set);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_OUT_OF_ORDER) : result;
    }
    next.life = KC_LIFE_READY;
    next.value = certified.purse_amount;
    return kc_purse_commit(purse, &next);
}
