/* Bank and authority in a renewal by the authority, for the world. */
#include <string.h>

#include "purse/inside.h"
#include "world.h"

/* Made once for each kind of key, so that a world that is played again meets the same. */
static const struct world_party *party(struct world *world, enum world_made which)
{
    static struct world_party parties[3][WORLD_MADE_COUNT];
    enum kc_key_type type = world->purse.sign_public.type;
    struct world_party *made = &parties[type - KC_KEY_P256][which];
    if (made->public_key.type == KC_KEY_NONE) {
        WORLD_CHECK(!kc_failed(world->crypto.generate(world->crypto.context, &made->private_key,
                                                      &made->public_key, type)));
    }
    return made;
}

const struct world_party *world_made(struct world *world, enum world_made which)
{
    return party(world, which);
}

enum kc_error world_handover(struct world *world, unsigned step)
{
    uint8_t data[8];
    kc_be64_store(data, world->clock_ms += 1000);
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_HANDOVER, (uint8_t)step, 0,
                      kc_view(data, sizeof data));
}

static struct kc_view encode_key(uint8_t bytes[KC_COSE_KEY_SIZE_MAX],
                                 const struct world_party *named)
{
    struct kc_buffer out = {.data = bytes, .capacity = KC_COSE_KEY_SIZE_MAX};
    WORLD_CHECK(!kc_failed(kc_key_encode(&out, &named->public_key)));
    return kc_buffer_view(&out);
}

struct kc_claim_reply world_claim_reply(struct world *world)
{
    static uint8_t bytes[3][KC_COSE_KEY_SIZE_MAX];
    struct kc_identity identity = world_identity(world);
    identity.key = party(world, WORLD_MADE_SIGN)->public_key;
    identity.issued_s += 1000;
    struct kc_claim_reply reply = {
        .purse = world->purse.settings.purse,
        .identity = world_sign_identity(world, &identity),
        .encrypt_key = encode_key(bytes[0], party(world, WORLD_MADE_ENCRYPT)),
        .sign_certificate = world_certificate(KC_TAG_SIGN_CERTIFICATE),
        .encrypt_certificate = world_certificate(KC_TAG_ENCRYPT_CERTIFICATE),
        .authority_verify = encode_key(bytes[1], party(world, WORLD_AUTHORITY_SIGN)),
        .authority_encrypt = encode_key(bytes[2], party(world, WORLD_AUTHORITY_ENCRYPT)),
        .url = kc_view_text("http://authority.example"),
        .time_ms = WORLD_TIME_MS};
    memcpy(reply.request, world->purse.state.renew_request, KC_DIGEST_SIZE);
    return reply;
}

enum kc_error world_take_claimed(struct world *world)
{
    struct kc_claim_reply reply = world_claim_reply(world);
    struct world_saying saying = world_saying(world);
    return world_take(world, world_say(world, &saying, &kc_claim_reply_shape, &reply));
}

static void encode_private(struct kc_buffer *out, const struct kc_private_key *key)
{
    struct kc_private_key_record record = {.suite = key->type == KC_KEY_P256 ? KC_SUITE_ES256
                                                    : key->type == KC_KEY_RSA2048
                                                        ? KC_SUITE_RS2048
                                                        : KC_SUITE_RS3072};
    const uint8_t *parts[] = {key->rsa.p, key->rsa.q, key->rsa.dp, key->rsa.dq, key->rsa.iq};
    if (key->type == KC_KEY_P256) {
        record.parts.items[record.parts.count++] = kc_view(key->p256.d, KC_P256_COORDINATE_SIZE);
    }
    for (size_t i = 0; i < 5 && key->type != KC_KEY_P256; i++) {
        record.parts.items[record.parts.count++] = kc_view(parts[i], kc_rsa_size(key->type) / 2);
    }
    WORLD_CHECK(!kc_failed(kc_shape_encode(out, &kc_private_key_record_shape, &record)));
}

struct kc_view world_key_pair(const struct world_party *sign, const struct world_party *encrypt)
{
    static uint8_t bytes[3][2 * KC_RECORD_SIZE_MAX];
    struct kc_buffer first = KC_BUFFER(bytes[0]);
    struct kc_buffer second = KC_BUFFER(bytes[1]);
    struct kc_buffer out = KC_BUFFER(bytes[2]);
    encode_private(&first, &sign->private_key);
    encode_private(&second, &encrypt->private_key);
    const struct kc_key_pair pair = {.sign_key = kc_buffer_view(&first),
                                     .encrypt_key = kc_buffer_view(&second)};
    WORLD_CHECK(!kc_failed(kc_shape_encode(&out, &kc_key_pair_shape, &pair)));
    return kc_buffer_view(&out);
}

struct kc_view world_authority_says(struct world *world, const struct world_party *from,
                                    const struct kc_shape *shape, const void *message)
{
    struct kc_buffer out = KC_BUFFER(world->envelope);
    struct world_saying saying = world_saying(world);
    struct kc_signer signer = {.key = &from->private_key};
    kc_signer_id_make(&signer.id, &world->crypto, KC_SERVER_AUTHORITY, &from->public_key);
    WORLD_CHECK(!kc_failed(kc_envelope_make(&out, &world->work, &world->crypto, &signer,
                                            &saying.to->public_key, &world->realm, WORLD_TIME_MS,
                                            shape, message)));
    return kc_buffer_view(&out);
}

struct kc_key_reply world_key_reply(struct world *world)
{
    struct kc_key_reply reply = {
        .purse = world->purse.settings.purse,
        .keys = world_key_pair(party(world, WORLD_MADE_SIGN), party(world, WORLD_MADE_ENCRYPT)),
        .time_ms = WORLD_TIME_MS};
    memcpy(reply.request, world->purse.state.renew_request, KC_DIGEST_SIZE);
    return reply;
}

enum kc_error world_take_keys_by(struct world *world, enum world_made authority)
{
    struct kc_key_reply reply = world_key_reply(world);
    return world_take(
        world, world_authority_says(world, party(world, authority), &kc_key_reply_shape, &reply));
}

enum kc_error world_take_keys(struct world *world)
{
    return world_take_keys_by(world, WORLD_AUTHORITY_SIGN);
}

enum kc_error world_take_done_by(struct world *world, enum world_made authority)
{
    struct kc_done done = {.time_ms = WORLD_TIME_MS};
    memcpy(done.request, world->purse.state.renew_request, KC_DIGEST_SIZE);
    return world_take(world,
                      world_authority_says(world, party(world, authority), &kc_done_shape, &done));
}

enum kc_error world_take_done(struct world *world)
{
    return world_take_done_by(world, WORLD_AUTHORITY_SIGN);
}
