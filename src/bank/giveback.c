/* What a machine owes and cannot pay: its purse's word becomes a payment from its owner's account, and the bank's word that the
 * machine owes nothing any more. Whoever brings the word may do so: it pays whoever it names and nobody else, once. */
#include <string.h>

#include "bank/bank.h"

static struct kc_result read_word(struct kc_bank *bank, struct kc_bank_thread *thread,
                                  struct kc_bank_item *item)
{
    (void)bank;
    kc_digest(&thread->crypto, item->digest, item->bytes);
    struct kc_result result = kc_brief_parse(&item->envelope, item->bytes);
    return kc_failed(result) ? result
                             : kc_shape_decode(&item->message.give_back, &kc_give_back_shape,
                                               item->envelope.payload);
}

/* The key that the bank kept of the purse; whether the purse may still speak is the ledger's to say. */
static struct kc_result find_key(struct kc_bank *bank, struct kc_bank_thread *thread,
                                 struct kc_bank_item *item)
{
    struct kc_purse_key_row keys;
    const struct kc_store *store = &thread->store;
    uint64_t number = item->message.give_back.purse.number;
    (void)bank;
    if (!kc_number_checks(number)) {
        return kc_result(KC_UNKNOWN_PURSE);
    }
    struct kc_result result = store->purse_key_get(store->context, &keys, number);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_result(KC_UNKNOWN_PURSE) : result;
    }
    return kc_key_decode(&item->signer.sign_key, kc_view(keys.sign_key, keys.sign_size));
}

static struct kc_result verify(struct kc_bank *bank, struct kc_bank_thread *thread,
                               struct kc_bank_item *item)
{
    return kc_brief_verify(&item->envelope, &thread->crypto, &item->signer.sign_key, &bank->realm,
                           kc_give_back_shape.domain);
}

static struct kc_result apply(struct kc_bank *bank, struct kc_bank_thread *thread,
                              struct kc_bank_item *item)
{
    struct kc_ledger_source source = {.bytes = item->bytes};
    (void)thread;
    memcpy(source.digest, item->digest, KC_DIGEST_SIZE);
    return kc_ledger_give_back(&item->given_back, &bank->ledger, &item->message.give_back, &source);
}

static struct kc_result sign(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    uint8_t encoded[KC_CERTIFIED_SIZE_MAX];
    struct kc_buffer plain = KC_BUFFER(encoded);
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    const struct kc_signer signer = {.key = &bank->sign_key, .id = bank->signer_id};
    struct kc_result result = kc_shape_encode(&plain, &kc_given_back_shape, &item->given_back);
    if (!kc_failed(result)) {
        result = kc_sign(&out, &thread->crypto, &signer, &bank->realm, kc_given_back_shape.domain,
                         0, kc_buffer_view(&plain));
    }
    item->reply_size = kc_failed(result) ? 0 : out.size;
    item->status = 200;
    return result;
}

const struct kc_bank_kind kc_bank_give_back = {
    .shape = &kc_give_back_shape,
    .steps = {{KC_LANE_WORK, read_word, NULL},
              {KC_LANE_DIRECTORY, find_key, NULL},
              {KC_LANE_WORK, verify, NULL},
              {KC_LANE_WRITE, apply, NULL},
              {KC_LANE_WORK, sign, NULL}},
};
