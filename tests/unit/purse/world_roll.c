/* The bank's keys rolling over, for the world: from the bank's to the partner's and back, so that no key has to be made. */
#include "message/roll.h"
#include "purse/inside.h"
#include "world.h"

struct kc_view world_roll(struct world *world, uint64_t number)
{
    struct kc_buffer out = KC_BUFFER(world->hotlist);
    const struct world_party *one = &world->bank_sign;
    const struct world_party *two = &world->partner;
    const struct world_party *former = number % 2 == 1 ? one : two;
    const struct world_party *next = number % 2 == 1 ? two : one;
    const struct kc_roll roll = {.bank = world->realm.bank,
                                 .number = number,
                                 .from_ms = WORLD_TIME_MS,
                                 .until_ms = WORLD_TIME_MS + 100000000u,
                                 .former_key = former->public_key,
                                 .sign_key = next->public_key,
                                 .encrypt_key = world->bank_encrypt.public_key};
    struct kc_roll_signers signers = {.former = {.key = &former->private_key},
                                      .signer = {.key = &next->private_key}};
    kc_signer_id_make(&signers.former.id, &world->crypto, KC_SERVER_BANK, &former->public_key);
    kc_signer_id_make(&signers.signer.id, &world->crypto, KC_SERVER_BANK, &next->public_key);
    WORLD_CHECK(!kc_failed(kc_roll_make(&out, &world->crypto, &signers, &world->realm, &roll)));
    return kc_buffer_view(&out);
}

enum kc_error world_take_roll(struct world *world, struct kc_view roll)
{
    return world_send(world, KC_CLA_KINCHAKU, KC_INS_TAKE_ROLL, KC_ROLL_KEYS, 0, roll);
}
