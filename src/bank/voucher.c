/* The bank's word that a machine's offer was paid, for whoever knows the offer: it names no secret, and gives nobody but the one
 * before that machine anything. */
#include <string.h>

#include "bank/bank.h"

struct kc_result kc_bank_read_reference(struct kc_bank_item *item, const struct kc_bank *bank,
                                        const struct kc_http_request *request)
{
    (void)bank;
    struct kc_result result =
        kc_hex_read(item->message.reference, KC_DIGEST_SIZE, request->reference);
    return kc_failed(result) ? kc_result(KC_MALFORMED) : result;
}

static struct kc_result find(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    uint8_t reference[KC_DIGEST_SIZE];
    (void)thread;
    memcpy(reference, item->message.reference, sizeof reference);
    return kc_ledger_voucher(&item->voucher, &bank->ledger, reference);
}

static struct kc_result sign(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    struct kc_result result = kc_bank_vouch(&out, bank, thread, &item->voucher);
    item->reply_size = out.size;
    item->status = 200;
    return result;
}

const struct kc_bank_kind kc_bank_make_voucher = {
    .steps = {{KC_LANE_WRITE, find, NULL}, {KC_LANE_WORK, sign, NULL}},
};
