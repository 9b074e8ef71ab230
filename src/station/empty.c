#include "station/empty.h"

#include <stdio.h>

#include "service/json_out.h"
#include "station/offline.h"

struct taking {
    struct kc_offline offline;
    struct kc_purse_id card;
    struct kc_amount taken;
    struct kc_result sum;
};

/* The user said so before; nobody else can speak here. */
static bool take(void *owner, const struct kc_payment_order *order)
{
    const struct taking *taking = owner;
    return order->payer_purse.number == taking->card.number;
}

static void tell(void *owner, const struct kc_exchange_end *end)
{
    struct taking *taking = owner;
    if (end->received && end->end == KC_OK && !kc_failed(taking->sum)) {
        taking->sum = kc_amount_add(&taking->taken, taking->taken, end->amount);
    }
    kc_offline_tell(&taking->offline, end);
}

static struct kc_result take_all(struct taking *taking, struct kc_station *card,
                                 struct kc_amount amount)
{
    struct kc_amount missing;
    struct kc_exchange *exchange = &taking->offline.exchange;
    struct kc_result result = kc_station_charge_card(exchange, card, NULL);
    if (result.code == KC_NOT_FOUND || result.code == KC_DECLINED ||
        result.code == KC_OUT_OF_ORDER) {
        result = kc_ok();
    }
    result = kc_failed(result) ? result : taking->sum;
    if (kc_failed(result) || kc_amount_compare(taking->taken, amount) >= 0) {
        return result;
    }
    result = kc_amount_sub(&missing, amount, taking->taken);
    return kc_failed(result) ? result : kc_station_charge_card(exchange, card, &missing);
}

struct kc_result kc_take_from_card(struct kc_amount *taken, struct kc_station *uim,
                                   struct kc_station *card, const struct kc_command *command,
                                   struct kc_amount amount)
{
    static struct taking taking;
    struct kc_purse_info info;
    *taken = kc_amount_zero();
    struct kc_result result = kc_slot_info(&info, &card->uim);
    if (kc_failed(result)) {
        return result;
    }
    taking = (struct taking){.offline = {.station = uim, .command = command},
                             .card = info.purse,
                             .taken = kc_amount_zero(),
                             .sum = kc_ok()};
    taking.offline.exchange =
        (struct kc_exchange){.station = uim, .owner = &taking, .ask = take, .tell = tell};
    result = take_all(&taking, card, amount);
    *taken = taking.taken;
    return result;
}

void kc_tell_taken(const struct kc_station *uim, const struct kc_command *command,
                   struct kc_amount taken)
{
    char text[KC_AMOUNT_TEXT_SIZE];
    struct kc_json_out json;
    kc_amount_format(text, taken, uim->decimals);
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "taken", text);
        kc_json_text(&json, "now_in", "uim");
        kc_json_close(&json);
        (void)fflush(stdout);
    }
    const char *to = kc_command_value(command, "to");
    (void)fprintf(stderr,
                  "%s %s left the card and are in the UIM, not in the account: go on with '%s "
                  "%s%s%s' without --card\n",
                  text, uim->currency, command->arguments[0], text, to == NULL ? "" : " --to ",
                  to == NULL ? "" : to);
}
