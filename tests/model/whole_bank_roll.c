/* New keys of the bank of a world: as src/bank/rolls.c and roll.c have them, without files. */
#include "whole_bank.h"

#include <string.h>

#include "base/assert.h"

/* Where the numbers of its keys begin, beside those of purses. */
#define NEW_KEYS UINT64_C(0x100000000)

void whole_bank_keys(struct whole *whole)
{
    struct kc_bank *bank = &whole->bank;
    const struct whole_base *base = whole->base;
    bank->keys.generation = 0;
    bank->keys.sign_key = base->bank_sign;
    bank->keys.encrypt_key = base->bank_encrypt;
    bank->keys.sign_public = base->bank_sign_public;
    bank->sign_key = base->bank_sign;
    bank->encrypt_key = base->bank_encrypt;
    bank->sign_public = base->bank_sign_public;
    kc_signer_id_make(&bank->signer_id, &bank->crypto, KC_SERVER_BANK, &bank->sign_public);
}

/* The new pair of a generation, with what is to be said about it. */
struct made {
    struct kc_private_key sign_key;
    struct kc_private_key encrypt_key;
    struct kc_roll roll;
};

static void make(struct made *out, const struct whole *whole, uint64_t until_ms)
{
    const struct kc_bank_keys *keys = &whole->bank.keys;
    uint64_t number = NEW_KEYS + whole->base->options.seed * 64 + 2 * keys->generation;
    out->roll = (struct kc_roll){.bank = whole->base->realm.bank,
                                 .number = keys->generation + 1,
                                 .from_ms = whole->now_ms,
                                 .until_ms = until_ms,
                                 .former_key = keys->sign_public};
    ideal_key(&out->sign_key, &out->roll.sign_key, number);
    ideal_key(&out->encrypt_key, &out->roll.encrypt_key, number + 1);
}

static void put_in_force(struct whole *whole, const struct made *made, struct kc_view record)
{
    struct kc_bank *bank = &whole->bank;
    struct kc_bank_keys *keys = &bank->keys;
    uint64_t last = keys->generation++;
    if (last > 0) {
        keys->formers[last - 1].until_ms = 0;
    }
    keys->formers[last] = (struct kc_former_keys){.sign_public = keys->sign_public,
                                                  .id = bank->signer_id,
                                                  .encrypt_key = keys->encrypt_key,
                                                  .until_ms = made->roll.until_ms};
    memcpy(keys->rolls[last], record.data, record.size);
    keys->roll_sizes[last] = record.size;
    keys->sign_key = made->sign_key;
    keys->encrypt_key = made->encrypt_key;
    keys->sign_public = made->roll.sign_key;
    bank->sign_key = keys->sign_key;
    bank->encrypt_key = keys->encrypt_key;
    bank->sign_public = keys->sign_public;
    kc_signer_id_make(&bank->signer_id, &bank->crypto, KC_SERVER_BANK, &bank->sign_public);
}

struct kc_result whole_bank_roll(struct whole *whole, uint64_t until_ms, bool emergency)
{
    struct made made;
    uint8_t bytes[KC_ROLL_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_bank *bank = &whole->bank;
    uint64_t generation = bank->keys.generation;
    if (generation == WHOLE_ROLLS_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    if (generation > 0 && !emergency &&
        whole->now_ms < bank->keys.formers[generation - 1].until_ms) {
        return kc_result(KC_PENDING);
    }
    make(&made, whole, until_ms);
    struct kc_roll_signers signers = {.former = {.key = &bank->sign_key, .id = bank->signer_id},
                                      .signer = {.key = &made.sign_key}};
    kc_signer_id_make(&signers.signer.id, &bank->crypto, KC_SERVER_BANK, &made.roll.sign_key);
    struct kc_result result = kc_roll_make(&out, &bank->crypto, &signers, &bank->realm, &made.roll);
    if (!kc_failed(result)) {
        put_in_force(whole, &made, kc_buffer_view(&out));
    }
    return result;
}

struct kc_result whole_bank_roll_record(struct kc_view *out, struct whole *whole, uint64_t number)
{
    struct kc_bank_item *item = &whole->item;
    item->kind = &kc_bank_give_roll;
    item->error = KC_OK;
    item->authenticated = false;
    item->message.roll = number;
    item->reply_size = 0;
    struct kc_result result = whole_bank_run(whole, item);
    *out = kc_view(item->reply, kc_failed(result) ? 0 : item->reply_size);
    return result;
}

struct kc_result whole_bank_identity(struct kc_view *out, struct whole *whole,
                                     struct kc_view identity)
{
    struct kc_bank_item *item = &whole->item;
    item->kind = &kc_bank_sign_identity;
    item->error = KC_OK;
    item->authenticated = false;
    item->bytes = identity;
    item->reply_size = 0;
    struct kc_result result = whole_bank_run(whole, item);
    *out = kc_view(item->reply, kc_failed(result) ? 0 : item->reply_size);
    return result;
}
