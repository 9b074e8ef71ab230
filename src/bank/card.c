/* SGN4 of a card without keys, for whoever asks: the card cannot, and what the bank signs for it is no secret. */
#include <string.h>

#include "bank/bank.h"

struct kc_result kc_bank_read_card(struct kc_bank_item *item, const struct kc_bank *bank,
                                   const struct kc_http_request *request)
{
    (void)bank;
    struct kc_result result = kc_purse_parse(&item->message.card, request->purse);
    return kc_failed(result) ? kc_result(KC_MALFORMED) : result;
}

static struct kc_result find(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    (void)thread;
    return kc_ledger_card(&item->certified, &bank->ledger, item->message.card);
}

static struct kc_result sign(struct kc_bank *bank, struct kc_bank_thread *thread,
                             struct kc_bank_item *item)
{
    struct kc_buffer out = {.data = item->reply, .capacity = sizeof item->reply};
    struct kc_result result = kc_bank_certify(&out, bank, thread, &item->certified);
    item->reply_size = out.size;
    item->status = 200;
    return result;
}

const struct kc_bank_kind kc_bank_make_card = {
    .steps = {{KC_LANE_WRITE, find, NULL}, {KC_LANE_WORK, sign, NULL}},
};
