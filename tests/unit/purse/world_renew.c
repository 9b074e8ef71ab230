/* The bank's side of a renewal, for the world. */
#include <string.h>

#include "purse/inside.h"
#include "world.h"

enum kc_error world_renew_request(struct world *world)
{
    uint8_t data[8];
    kc_be64_store(data, world->clock_ms += 1000);
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_RENEW_REQUEST, 0, 0,
                      kc_view(data, sizeof data));
}

struct kc_identity world_new_identity(struct world *world)
{
    struct kc_private_key key;
    struct kc_identity identity = world_identity(world);
    unsigned place = kc_purse_static_place(KC_STATIC_SIGN_KEY, world->purse.state.key_set ^ 1u);
    WORLD_CHECK(!kc_failed(kc_purse_load_private(&key, &world->purse, place)));
    WORLD_CHECK(
        !kc_failed(world->crypto.derive_public(world->crypto.context, &identity.key, &key)));
    identity.issued_s += 1000;
    return identity;
}

struct kc_view world_sign_identity(struct world *world, const struct kc_identity *identity)
{
    struct kc_buffer out = KC_BUFFER(world->record);
    WORLD_CHECK(!kc_failed(kc_identity_sign(&out, &world->crypto, &world->bank_sign.private_key,
                                            &world->realm, identity)));
    return kc_buffer_view(&out);
}

struct kc_renew_reply world_renew_reply(const struct world *world, struct kc_view identity)
{
    struct kc_renew_reply reply = {.purse = world->purse.settings.purse,
                                   .identity = identity,
                                   .sign_certificate = world_certificate(KC_TAG_SIGN_CERTIFICATE),
                                   .encrypt_certificate =
                                       world_certificate(KC_TAG_ENCRYPT_CERTIFICATE),
                                   .time_ms = WORLD_TIME_MS};
    memcpy(reply.request, world->purse.state.renew_request, KC_DIGEST_SIZE);
    return reply;
}

enum kc_error world_take_renew(struct world *world)
{
    struct kc_identity identity = world_identity(world);
    if (world->purse.state.renewing) {
        identity = world_new_identity(world);
    }
    struct kc_renew_reply reply = world_renew_reply(world, world_sign_identity(world, &identity));
    struct world_saying saying = world_saying(world);
    return world_take(world, world_say(world, &saying, &kc_renew_reply_shape, &reply));
}
