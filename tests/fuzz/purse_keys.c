#define _GNU_SOURCE

#include "purse_keys.h"

#include <string.h>

#include "message/identity.h"
#include "message/notice.h"
#include "message/roll.h"
#include "purse/inside.h"

struct made {
    struct kc_private_key private_key;
    struct kc_public_key public_key;
};

/* Of the bank after its first roll-over, of the authority, and what the authority makes for the purse. */
enum made_for { BANK, AUTHORITY, SIGN, ENCRYPT, STRANGER, MADE_COUNT };

static const struct made *made(enum made_for which)
{
    static struct made all[MADE_COUNT];
    struct made *out = &all[which];
    const struct kc_crypto *crypto = kc_fuzz_crypto();
    if (out->public_key.type == KC_KEY_NONE) {
        KC_FUZZ_CHECK(!kc_failed(
            crypto->generate(crypto->context, &out->private_key, &out->public_key, KC_KEY_P256)));
    }
    return out;
}

static bool stands_in(const struct kc_private_key *key, struct kc_view bytes)
{
    return key->type == KC_KEY_P256 &&
           memmem(bytes.data, bytes.size, key->p256.d, KC_P256_COORDINATE_SIZE) != NULL;
}

bool keys_in(const struct world *world, struct kc_view bytes)
{
    static const char *const names[] = {"es256-sign", "es256-encrypt"};
    bool found =
        stands_in(&world->purse.sign_key, bytes) || stands_in(&world->purse.encrypt_key, bytes) ||
        stands_in(&made(SIGN)->private_key, bytes) || stands_in(&made(ENCRYPT)->private_key, bytes);
    for (size_t i = 0; i < 2; i++) {
        found = found || stands_in(&kc_fuzz_key(names[i])->private_key, bytes);
    }
    return found;
}

static struct kc_signer signer_of(const struct kc_private_key *key,
                                  const struct kc_public_key *public_key, uint64_t holder)
{
    struct kc_signer signer = {.key = key};
    kc_signer_id_make(&signer.id, kc_fuzz_crypto(), holder, public_key);
    return signer;
}

/* By the newest key that the purse knows as the bank's. */
static struct kc_signer bank_signer(const struct world *world, uint8_t how)
{
    const struct kc_vector_key *first = kc_fuzz_key("es256-other");
    if ((how & KEYS_STRANGER) != 0) {
        return signer_of(&made(STRANGER)->private_key, &made(STRANGER)->public_key, KC_SERVER_BANK);
    }
    if (kc_key_equal(&world->purse.bank_verify, &made(BANK)->public_key)) {
        return signer_of(&made(BANK)->private_key, &made(BANK)->public_key, KC_SERVER_BANK);
    }
    return signer_of(&first->private_key, &first->public_key, KC_SERVER_BANK);
}

/* ---- new keys of the purse ---- */

/* The key that waits in the purse, or any when none does. */
static struct kc_public_key waiting_key(struct world *world)
{
    const struct kc_crypto *crypto = kc_fuzz_crypto();
    struct kc_private_key sign;
    struct kc_public_key key = made(SIGN)->public_key;
    unsigned place = kc_purse_static_place(KC_STATIC_SIGN_KEY, kc_purse_other_set(&world->purse));
    if (!world->purse.locked && world->purse.state.renewing &&
        !kc_failed(kc_purse_load_private(&sign, &world->purse, place))) {
        KC_FUZZ_CHECK(!kc_failed(crypto->derive_public(crypto->context, &key, &sign)));
    }
    return key;
}

static struct kc_view new_identity(struct world *world, const struct kc_public_key *key,
                                   uint8_t how)
{
    static uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_signer bank = bank_signer(world, 0);
    struct kc_identity identity = {.bank = kc_fuzz_keys()->realm.bank,
                                   .purse_type = KC_PURSE_TYPE_UIM,
                                   .account = world->purse.settings.account,
                                   .purse = world->purse.settings.purse,
                                   .issued_s = 2,
                                   .expires_s = WORLD_EXPIRES_S,
                                   .key = *key};
    if ((how & KEYS_ASTRAY) != 0) {
        identity.key = made(STRANGER)->public_key;
    }
    KC_FUZZ_CHECK(!kc_failed(
        kc_identity_sign(&out, kc_fuzz_crypto(), bank.key, &kc_fuzz_keys()->realm, &identity)));
    return kc_buffer_view(&out);
}

union message {
    struct kc_renew_reply renewed;
    struct kc_claim_reply claimed;
    struct kc_key_reply given;
    struct kc_done done;
    struct kc_refusal refused;
};

static struct kc_view encode_key(uint8_t bytes[KC_COSE_KEY_SIZE_MAX], enum made_for which)
{
    struct kc_buffer out = {.data = bytes, .capacity = KC_COSE_KEY_SIZE_MAX};
    KC_FUZZ_CHECK(!kc_failed(kc_key_encode(&out, &made(which)->public_key)));
    return kc_buffer_view(&out);
}

static void say_claimed(struct kc_claim_reply *out, struct world *world)
{
    static uint8_t keys[2][KC_COSE_KEY_SIZE_MAX];
    const struct kc_view certificate = kc_view_text("a newer certificate");
    *out = (struct kc_claim_reply){.identity = new_identity(world, &made(SIGN)->public_key, 0),
                                   .encrypt_key = encode_key(keys[0], ENCRYPT),
                                   .sign_certificate = certificate,
                                   .encrypt_certificate = certificate,
                                   .authority_verify = encode_key(keys[1], AUTHORITY),
                                   .authority_encrypt = encode_key(keys[1], AUTHORITY),
                                   .url = kc_view_text("http://127.0.0.1:2"),
                                   .time_ms = WORLD_TIME_MS};
}

static struct kc_view private_record(struct kc_buffer *out, enum made_for which)
{
    struct kc_private_key_record record = {.suite = KC_SUITE_ES256};
    record.parts.count = 1;
    record.parts.items[0] = kc_view(made(which)->private_key.p256.d, KC_P256_COORDINATE_SIZE);
    KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(out, &kc_private_key_record_shape, &record)));
    return kc_buffer_view(out);
}

static void say_given(struct kc_key_reply *out, uint8_t how)
{
    static uint8_t bytes[3][256];
    struct kc_buffer sign = KC_BUFFER(bytes[0]);
    struct kc_buffer encrypt = KC_BUFFER(bytes[1]);
    struct kc_buffer pair_bytes = KC_BUFFER(bytes[2]);
    const struct kc_key_pair pair = {
        .sign_key = private_record(&sign, (how & KEYS_ASTRAY) != 0 ? STRANGER : SIGN),
        .encrypt_key = private_record(&encrypt, ENCRYPT)};
    KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(&pair_bytes, &kc_key_pair_shape, &pair)));
    *out = (struct kc_key_reply){.keys = kc_buffer_view(&pair_bytes), .time_ms = WORLD_TIME_MS};
}

static const struct kc_shape *fill(union message *out, struct world *world, enum keys_said kind,
                                   uint8_t how)
{
    const struct kc_public_key waiting = waiting_key(world);
    const struct kc_view certificate = kc_view_text("a new certificate");
    struct kc_purse_id purse = world->purse.settings.purse;
    uint8_t request[KC_DIGEST_SIZE];
    memcpy(request, world->purse.state.renew_request, KC_DIGEST_SIZE);
    request[0] ^= (how & KEYS_UNASKED) != 0 ? 1 : 0;
    purse.number ^= (how & KEYS_OTHER) != 0 ? 16 : 0;
    memset(out, 0, sizeof *out);
    switch (kind) {
    case KEYS_RENEWED:
        out->renewed = (struct kc_renew_reply){.purse = purse,
                                               .identity = new_identity(world, &waiting, how),
                                               .sign_certificate = certificate,
                                               .encrypt_certificate = certificate,
                                               .time_ms = WORLD_TIME_MS};
        memcpy(out->renewed.request, request, KC_DIGEST_SIZE);
        return &kc_renew_reply_shape;
    case KEYS_CLAIMED:
        say_claimed(&out->claimed, world);
        out->claimed.purse = purse;
        memcpy(out->claimed.request, request, KC_DIGEST_SIZE);
        return &kc_claim_reply_shape;
    case KEYS_GIVEN:
        say_given(&out->given, how);
        out->given.purse = purse;
        memcpy(out->given.request, request, KC_DIGEST_SIZE);
        return &kc_key_reply_shape;
    case KEYS_DONE:
        out->done.time_ms = WORLD_TIME_MS;
        memcpy(out->done.request, request, KC_DIGEST_SIZE);
        return &kc_done_shape;
    case KEYS_REFUSED:
    case KEYS_COUNT:
        break;
    }
    out->refused = (struct kc_refusal){.reason = KC_PENDING, .time_ms = WORLD_TIME_MS};
    memcpy(out->refused.request, request, KC_DIGEST_SIZE);
    return &kc_refusal_shape;
}

/* The purse's own encryption key as it is now. */
static struct kc_public_key sealing_key(const struct world *world)
{
    const struct kc_crypto *crypto = kc_fuzz_crypto();
    struct kc_public_key key = kc_fuzz_key("es256-encrypt")->public_key;
    if (world->purse.encrypt_key.type == KC_KEY_P256) {
        KC_FUZZ_CHECK(
            !kc_failed(crypto->derive_public(crypto->context, &key, &world->purse.encrypt_key)));
    }
    return key;
}

struct kc_view keys_say(struct world *world, enum keys_said kind, uint8_t how)
{
    static uint8_t bytes[KC_MESSAGE_SIZE_MAX];
    static struct kc_envelope_work work;
    struct kc_buffer out = KC_BUFFER(bytes);
    union message message;
    struct kc_signer signer = bank_signer(world, how);
    const struct kc_public_key to = sealing_key(world);
    const struct kc_shape *shape = fill(&message, world, kind, how);
    if ((kind == KEYS_GIVEN || kind == KEYS_DONE) && (how & KEYS_STRANGER) == 0) {
        signer = signer_of(&made(AUTHORITY)->private_key, &made(AUTHORITY)->public_key,
                           KC_SERVER_AUTHORITY);
    }
    KC_FUZZ_CHECK(
        !kc_failed(kc_envelope_make(&out, &work, kc_fuzz_crypto(), &signer, &to,
                                    &kc_fuzz_keys()->realm, WORLD_TIME_MS, shape, &message)));
    return kc_buffer_view(&out);
}

/* ---- new keys of the bank ---- */

/* Odd numbers lead from the bank's first key to its other one, even ones back. */
struct kc_view keys_roll(uint64_t number, uint64_t until_ms, uint8_t how)
{
    static uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    const struct kc_vector_key *first = kc_fuzz_key("es256-other");
    const bool odd = number % 2 == 1;
    struct kc_realm realm = kc_fuzz_keys()->realm;
    realm.bank += (how & KEYS_OTHER) != 0 ? 1 : 0;
    const struct kc_roll roll = {.bank = realm.bank,
                                 .number = number,
                                 .from_ms = WORLD_TIME_MS,
                                 .until_ms = until_ms < WORLD_TIME_MS ? WORLD_TIME_MS : until_ms,
                                 .former_key = odd ? first->public_key : made(BANK)->public_key,
                                 .sign_key = odd ? made(BANK)->public_key : first->public_key,
                                 .encrypt_key = first->public_key};
    const struct kc_private_key *keys[2] = {odd ? &first->private_key : &made(BANK)->private_key,
                                            odd ? &made(BANK)->private_key : &first->private_key};
    if ((how & (KEYS_STRANGER | KEYS_ASTRAY)) != 0) {
        keys[(how & KEYS_ASTRAY) != 0 ? 1 : 0] = &made(STRANGER)->private_key;
    }
    struct kc_roll_signers signers = {.former =
                                          signer_of(keys[0], &roll.former_key, KC_SERVER_BANK),
                                      .signer = signer_of(keys[1], &roll.sign_key, KC_SERVER_BANK)};
    KC_FUZZ_CHECK(!kc_failed(kc_roll_make(&out, kc_fuzz_crypto(), &signers, &realm, &roll)));
    return kc_buffer_view(&out);
}

struct kc_view keys_notice(struct world *world, uint64_t number, uint8_t how)
{
    static uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_realm realm = kc_fuzz_keys()->realm;
    const struct kc_signer bank = bank_signer(world, how);
    const struct made *authority = made((how & KEYS_ASTRAY) != 0 ? STRANGER : AUTHORITY);
    realm.bank += (how & KEYS_OTHER) != 0 ? 1 : 0;
    const struct kc_noticed_keys told = {.bank = realm.bank,
                                         .number = number,
                                         .time_ms = WORLD_TIME_MS,
                                         .issuer = kc_view_text("a newer issuing certificate"),
                                         .from_ms = WORLD_TIME_MS,
                                         .verify_key = authority->public_key,
                                         .encrypt_key = authority->public_key};
    KC_FUZZ_CHECK(!kc_failed(kc_notice_make(&out, kc_fuzz_crypto(), &bank, &realm, &told)));
    return kc_buffer_view(&out);
}

struct kc_view keys_sign_identity(struct world *world, uint8_t how)
{
    static uint8_t bytes[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_signer bank = bank_signer(world, how);
    struct kc_signed held;
    if (kc_failed(kc_brief_parse(&held, world->purse.state.identity))) {
        return kc_view(bytes, 0);
    }
    if ((how & (KEYS_OTHER | KEYS_ASTRAY)) != 0) {
        return new_identity(world, &made(SIGN)->public_key, KEYS_ASTRAY);
    }
    KC_FUZZ_CHECK(!kc_failed(kc_sign_brief(&out, kc_fuzz_crypto(), bank.key, &kc_fuzz_keys()->realm,
                                           KC_IDENTITY_DOMAIN, held.payload)));
    return kc_buffer_view(&out);
}

/* ---- the hotlist ---- */

struct kc_view keys_list(struct world *world, bool is_delta, uint64_t base, uint64_t version,
                         const struct kc_listed *listed, uint8_t how)
{
    static uint8_t bytes[KC_HOTLIST_SIZE_MAX];
    uint8_t plain_bytes[1024];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_buffer plain = KC_BUFFER(plain_bytes);
    struct kc_signer bank = bank_signer(world, how);
    uint64_t of_bank = kc_fuzz_keys()->realm.bank + ((how & KEYS_OTHER) != 0 ? 1 : 0);
    const struct kc_hotlist_base as_base = {.bank = of_bank,
                                            .version = version,
                                            .time_ms = WORLD_TIME_MS,
                                            .complete = true,
                                            .count = listed->count,
                                            .least = listed->least,
                                            .bits = listed->bits,
                                            .listed = listed->bytes};
    const struct kc_hotlist_delta as_delta = {.bank = of_bank,
                                              .base = base,
                                              .version = version,
                                              .time_ms = WORLD_TIME_MS,
                                              .complete = true,
                                              .count = listed->count,
                                              .least = listed->least,
                                              .bits = listed->bits,
                                              .listed = listed->bytes};
    const struct kc_shape *shape = is_delta ? &kc_hotlist_delta_shape : &kc_hotlist_base_shape;
    const struct kc_shape *domain =
        ((how & KEYS_ASTRAY) != 0) == is_delta ? &kc_hotlist_base_shape : &kc_hotlist_delta_shape;
    const void *record = is_delta ? (const void *)&as_delta : (const void *)&as_base;
    KC_FUZZ_CHECK(!kc_failed(kc_shape_encode(&plain, shape, record)));
    KC_FUZZ_CHECK(!kc_failed(kc_sign(&out, kc_fuzz_crypto(), &bank, &kc_fuzz_keys()->realm,
                                     domain->domain, 0, kc_buffer_view(&plain))));
    return kc_buffer_view(&out);
}
