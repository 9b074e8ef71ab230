/* The bank's word on the authority's keys, for the world. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "purse/inside.h"
#include "world.h"

struct kc_noticed_keys world_noticed(struct world *world, uint64_t number)
{
    static char issuer[64];
    (void)snprintf(issuer, sizeof issuer, "the issuing certificate of notice %" PRIu64, number);
    struct kc_noticed_keys told = {
        .bank = world->realm.bank,
        .number = number,
        .time_ms = WORLD_TIME_MS,
        .issuer = kc_view_text(issuer),
        .from_ms = WORLD_TIME_MS,
        .verify_key = world_made(world, WORLD_AUTHORITY_NEXT_SIGN)->public_key,
        .encrypt_key = world_made(world, WORLD_AUTHORITY_NEXT_ENCRYPT)->public_key};
    memset(told.root, 7, sizeof told.root);
    return told;
}

struct kc_view world_notice(struct world *world, const struct world_saying *saying,
                            const struct kc_noticed_keys *told)
{
    static uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_signer signer = {.key = &saying->from->private_key};
    kc_signer_id_make(&signer.id, &world->crypto, KC_SERVER_BANK, &saying->from->public_key);
    WORLD_CHECK(!kc_failed(kc_notice_make(&out, &world->crypto, &signer, &saying->realm, told)));
    return kc_buffer_view(&out);
}

enum kc_error world_take_notice(struct world *world, struct kc_view notice)
{
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_TAKE_NOTICE, 0, 0, notice);
}

struct kc_view world_honest_notice(struct world *world, uint64_t number)
{
    const struct kc_noticed_keys told = world_noticed(world, number);
    const struct world_saying saying = world_saying(world);
    return world_notice(world, &saying, &told);
}

enum kc_error world_tell(struct world *world, uint64_t number)
{
    return world_take_notice(world, world_honest_notice(world, number));
}
