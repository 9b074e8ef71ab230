#include "station/buy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "message/generated/names.h"
#include "station/show.h"
#include "station/talk.h"

/* A machine tells of at most 48 places, 8 at a time. */
#define PAGES_MAX 8u

struct buying {
    struct kc_offline *offline;
    struct kc_exchange *exchange;
    uint64_t slot;
    uint64_t dealer;
    struct kc_purse_id machine;
    struct kc_amount price;
    struct kc_amount amount;
    struct kc_amount back; /* what the machine said it would pay back, less what came */
    bool paid;
};

static const struct kc_station_line line_to_machine = {"VM", KC_STATION_PAYER, "machine",
                                                       "to machine", KC_LOSE_NEVER};

/* Asks the machine, and reads the answer into `out`; its views lie in the station until the next message. */
static struct kc_result ask(void *out, const struct kc_shape *answer, struct buying *buying,
                            const struct kc_shape *shape, const void *message)
{
    uint8_t bytes[64];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_view view;
    bool heard = false;
    struct kc_station_line line = line_to_machine;
    struct kc_result result = kc_shape_encode(&buffer, shape, message);
    if (!kc_failed(result)) {
        result = kc_talk_send(buying->exchange, &line, kc_buffer_view(&buffer));
    }
    if (!kc_failed(result)) {
        result = kc_talk_receive(&view, buying->exchange, &heard, buying->exchange->link_ms);
    }
    return kc_failed(result) ? result : kc_shape_decode(out, answer, view);
}

/* ---- the shelf ---- */

static void print_item(const struct buying *buying, const struct kc_shelf_item *item)
{
    char price[KC_AMOUNT_TEXT_SIZE];
    char name[KC_NAME_SIZE_MAX + 1];
    struct kc_json_out json;
    const struct kc_station *station = buying->offline->station;
    kc_amount_format(price, item->price, station->decimals);
    KC_ASSERT(item->name.size < sizeof name);
    memcpy(name, item->name.data, item->name.size);
    name[item->name.size] = '\0';
    if (buying->offline->command->json) {
        kc_json_open(&json, stdout);
        kc_json_number(&json, "slot", item->slot);
        kc_json_text(&json, "name", name);
        kc_json_text(&json, "price", price);
        kc_json_text(&json, "state", kc_slot_state_word(item->state));
        kc_json_close(&json);
        return;
    }
    (void)printf("%3" PRIu64 "  %10s %s  %s%s\n", item->slot, price, station->currency, name,
                 item->state == KC_SLOT_STATE_READY   ? ""
                 : item->state == KC_SLOT_STATE_EMPTY ? "  (sold out)"
                                                      : "  (stuck)");
}

static void print_machine(const struct buying *buying, const struct kc_shelf *shelf)
{
    struct kc_json_out json;
    char name[KC_NAME_SIZE_MAX + 1];
    KC_ASSERT(shelf->name.size < sizeof name);
    memcpy(name, shelf->name.data, shelf->name.size);
    name[shelf->name.size] = '\0';
    if (buying->offline->command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "machine", name);
        kc_json_number(&json, "dealer", shelf->dealer.number);
        kc_json_number(&json, "purse", shelf->purse.number);
        kc_json_close(&json);
        return;
    }
    (void)printf("%s, dealer's account %" PRIu64 "\n", name, shelf->dealer.number);
}

/* Walks the shelf; `wanted` 0 prints it, else *found is that place. */
static struct kc_result walk_shelf(struct buying *buying, uint64_t wanted,
                                   struct kc_shelf_item *found)
{
    struct kc_shelf_request request = {.from_slot = wanted == 0 ? 1 : wanted};
    for (unsigned page = 0; page < PAGES_MAX; page++) {
        struct kc_shelf shelf;
        struct kc_result result =
            ask(&shelf, &kc_shelf_shape, buying, &kc_shelf_request_shape, &request);
        if (kc_failed(result)) {
            return result;
        }
        buying->dealer = shelf.dealer.number;
        buying->machine = shelf.purse;
        if (wanted == 0 && page == 0) {
            print_machine(buying, &shelf);
        }
        for (size_t i = 0; i < shelf.items.count; i++) {
            struct kc_shelf_item item;
            result = kc_shape_decode(&item, &kc_shelf_item_shape, shelf.items.items[i]);
            if (kc_failed(result)) {
                return result;
            }
            if (wanted == 0) {
                print_item(buying, &item);
            } else if (item.slot == wanted) {
                *found = item;
                found->name = kc_view(NULL, 0);
                return kc_ok();
            }
        }
        if (wanted != 0 || !shelf.has_next || shelf.next <= request.from_slot) {
            return kc_result(wanted == 0 ? KC_OK : KC_NOT_FOUND);
        }
        request.from_slot = shelf.next;
    }
    return kc_ok();
}

/* ---- what comes back ---- */

/* From that machine and no more than it announced: nobody is asked. */
static bool take_back(void *owner, const struct kc_payment_order *order)
{
    struct buying *buying = owner;
    struct kc_amount rest;
    if (order->payer_purse.number != buying->machine.number ||
        kc_failed(kc_amount_sub(&rest, buying->back, order->amount))) {
        return false;
    }
    return true;
}

static void tell(void *owner, const struct kc_exchange_end *end)
{
    struct buying *buying = owner;
    if (end->received && end->end == KC_OK) {
        (void)kc_failed(kc_amount_sub(&buying->back, buying->back, end->amount));
    }
    buying->paid = buying->paid || (!end->received && end->end == KC_OK && !end->again);
    kc_offline_tell(buying->offline, end);
}

/* How the sale ended, and what comes back with it. */
static struct kc_result hear_end(struct buying *buying, enum kc_sale_end *end)
{
    struct kc_sale_outcome outcome;
    struct kc_purse_info info;
    struct kc_result result = kc_slot_info(&info, &buying->offline->station->uim);
    const struct kc_outcome_request request = {.account = info.account};
    if (!kc_failed(result)) {
        result = ask(&outcome, &kc_sale_outcome_shape, buying, &kc_outcome_request_shape, &request);
    }
    if (kc_failed(result)) {
        return result;
    }
    *end = outcome.outcome;
    buying->back = outcome.back;
    if (kc_amount_is_zero(outcome.back)) {
        return kc_ok();
    }
    result = kc_station_receive(buying->exchange, kc_amount_zero());
    return kc_amount_is_zero(buying->back) ? kc_ok()
           : kc_failed(result)             ? result
                                           : kc_result(KC_NOT_COMPLETED);
}

/* ---- commands ---- */

static struct kc_result begin(struct buying *buying, struct kc_offline *offline)
{
    memset(buying, 0, sizeof *buying);
    buying->offline = offline;
    buying->exchange = &offline->exchange;
    offline->exchange.owner = buying;
    offline->exchange.ask = take_back;
    offline->exchange.tell = tell;
    offline->exchange.meet = NULL;
    return kc_link_connect(&offline->link, &offline->place, offline->exchange.link_ms);
}

struct kc_result kc_buy_shelf(struct kc_offline *offline)
{
    static struct buying buying;
    struct kc_result result = begin(&buying, offline);
    if (!kc_failed(result)) {
        result = walk_shelf(&buying, 0, NULL);
    }
    kc_link_close(&offline->link);
    return result;
}

/* Price and dealer, and the user's word. */
static bool confirm(const struct buying *buying)
{
    char price[KC_AMOUNT_TEXT_SIZE];
    char amount[KC_AMOUNT_TEXT_SIZE];
    const struct kc_command *command = buying->offline->command;
    const char *currency = buying->offline->station->currency;
    kc_amount_format(price, buying->price, buying->offline->station->decimals);
    kc_amount_format(amount, buying->amount, buying->offline->station->decimals);
    (void)fprintf(stderr,
                  "place %" PRIu64 " costs %s %s; to pay: %s %s to the machine of account %" PRIu64
                  "\n",
                  buying->slot, price, currency, amount, currency, buying->dealer);
    if (kc_command_value(command, "no") != NULL) {
        return false;
    }
    return kc_command_value(command, "yes") != NULL || kc_ask_ok();
}

static struct kc_result choose(struct buying *buying)
{
    struct kc_shelf_item item;
    struct kc_selected selected;
    const struct kc_select select = {.slot = buying->slot};
    struct kc_result result = walk_shelf(buying, buying->slot, &item);
    if (!kc_failed(result)) {
        result = ask(&selected, &kc_selected_shape, buying, &kc_select_shape, &select);
    }
    if (!kc_failed(result) && selected.slot != buying->slot) {
        result = kc_result(KC_MISMATCH);
    }
    if (kc_failed(result)) {
        return result;
    }
    buying->price = selected.price;
    buying->amount =
        kc_amount_is_zero(buying->offline->amount) ? selected.price : buying->offline->amount;
    return kc_result(confirm(buying) ? KC_OK : KC_DECLINED);
}

/* What was paid is told whatever happens afterwards. */
static struct kc_result finish(struct buying *buying)
{
    enum kc_sale_end end = KC_SALE_END_NONE;
    struct kc_result result = hear_end(buying, &end);
    if (end == KC_SALE_END_RELEASED) {
        return kc_ok();
    }
    if (end != KC_SALE_END_STUCK) {
        return kc_failed(result) ? result : kc_result(KC_NOT_COMPLETED);
    }
    return kc_failed(result) ? kc_result(KC_NOT_COMPLETED) : kc_result(KC_ITEM_STUCK);
}

struct kc_result kc_buy_item(struct kc_offline *offline)
{
    static struct buying buying;
    const char *text = offline->command->arguments[1];
    const char *from = kc_command_value(offline->command, "from");
    size_t digits = strspn(text, "0123456789");
    kc_station_report_when_low(offline->station, 2);
    if (digits == 0 || digits > 4 || text[digits] != '\0') {
        return kc_result(KC_USAGE);
    }
    if (from != NULL && strcmp(from, "account") != 0 && strcmp(from, "uim") != 0) {
        return kc_result(KC_USAGE);
    }
    if (from != NULL && strcmp(from, "account") == 0) {
        struct kc_result bought = begin(&buying, offline);
        bought = kc_failed(bought) ? bought : kc_voucher_buy(offline, strtoull(text, NULL, 10));
        kc_link_close(&offline->link);
        return bought;
    }
    struct kc_result result = begin(&buying, offline);
    buying.slot = strtoull(text, NULL, 10);
    if (!kc_failed(result)) {
        result = choose(&buying);
    }
    if (result.code == KC_DECLINED) {
        /* The user's own NG, before anything was paid. */
        kc_link_close(&offline->link);
        return kc_show_state(offline->station, offline->command, "declined");
    }
    if (!kc_failed(result)) {
        result = kc_station_pay(&offline->exchange, &buying.amount);
        result = kc_failed(result) ? result : finish(&buying);
    }
    kc_link_close(&offline->link);
    if (!kc_failed(result) || result.code == KC_ITEM_STUCK || result.code == KC_NOT_COMPLETED) {
        struct kc_result shown =
            kc_show_state(offline->station, offline->command,
                          !kc_failed(result) ? "completed" : kc_error_name(result.code));
        result = kc_failed(result) ? result : shown;
    }
    return result;
}

struct kc_result kc_buy_claim(struct kc_offline *offline)
{
    static struct buying buying;
    enum kc_sale_end end = KC_SALE_END_NONE;
    struct kc_result result = begin(&buying, offline);
    if (!kc_failed(result)) {
        struct kc_shelf_item item;
        result = walk_shelf(&buying, UINT32_MAX, &item);
        result = result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    if (!kc_failed(result)) {
        result = kc_voucher_claim(offline, buying.machine);
        if (result.code != KC_NOT_FOUND) {
            kc_link_close(&offline->link);
            return result;
        }
        result = kc_ok();
    }
    kc_station_report_when_low(offline->station, 2);
    if (!kc_failed(result)) {
        result = hear_end(&buying, &end);
    }
    kc_link_close(&offline->link);
    return kc_failed(result) ? result
                             : kc_show_state(offline->station, offline->command, "completed");
}
