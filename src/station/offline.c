#include "station/offline.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "station/show.h"

#define WAIT_MS 120000u
#define WAIT_MS_MAX 3600000u
/* Under the policy "report": a payment makes up to two entries, and without room for them the bank is told before it; after a
 * payment it is told in good time. */
#define ROOM_NEEDED 2u
#define ROOM_LOW 8u

/* ---- what the user reads ---- */

static const char *end_word(const struct kc_exchange_end *end)
{
    if (end->end == KC_OK) {
        return end->received ? "received" : "paid";
    }
    return end->end == KC_OUT_OF_ORDER ? "too-late" : kc_error_name(end->end);
}

static void print_end(const struct kc_offline *offline, const struct kc_exchange_end *end,
                      const char *amount)
{
    const char *currency = offline->station->currency;
    uint64_t partner = end->partner.number;
    const char *which = end->again ? "the earlier payment of " : "";
    if (end->received) {
        (void)fprintf(stderr, "%s%s %s from account %" PRIu64 ": %s\n", which, amount, currency,
                      partner, end_word(end));
    } else {
        (void)fprintf(stderr, "%s%s %s to account %" PRIu64 ": %s%s\n", which, amount, currency,
                      partner, end_word(end),
                      end->end == KC_OK ? "" : ", the amount is back in the UIM");
    }
    if (end->unanswered) {
        (void)fprintf(stderr, "the payer does not know it yet and will ask again; that is safe\n");
    }
}

void kc_offline_tell(void *owner, const struct kc_exchange_end *end)
{
    const struct kc_offline *offline = owner;
    char amount[KC_AMOUNT_TEXT_SIZE];
    struct kc_json_out json;
    kc_amount_format(amount, end->amount, offline->station->decimals);
    if (offline->command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "payment", end_word(end));
        kc_json_text(&json, "amount", amount);
        kc_json_number(&json, "partner", end->partner.number);
        kc_json_bool(&json, "again", end->again);
        if (end->received) {
            kc_json_bool(&json, "delivered", !end->unanswered);
        }
        kc_json_close(&json);
        (void)fflush(stdout);
    }
    print_end(offline, end, amount);
}

static void meet(void *owner, const struct kc_payee_identity *payee)
{
    const struct kc_offline *offline = owner;
    char amount[KC_AMOUNT_TEXT_SIZE];
    (void)fprintf(stderr, "the payee is account %" PRIu64, payee->account.number);
    if (payee->has_asked) {
        kc_amount_format(amount, payee->asked, offline->station->decimals);
        (void)fprintf(stderr, " and asks for %s %s", amount, offline->station->currency);
    }
    (void)fprintf(stderr, "\n");
}

/* --yes takes what was asked for, or anything when no amount was. */
static bool ask(void *owner, const struct kc_payment_order *order)
{
    const struct kc_offline *offline = owner;
    char amount[KC_AMOUNT_TEXT_SIZE];
    bool other = !kc_amount_is_zero(offline->amount) &&
                 kc_amount_compare(offline->amount, order->amount) != 0;
    kc_amount_format(amount, order->amount, offline->station->decimals);
    (void)fprintf(stderr, "account %" PRIu64 " pays %s %s%s\n", order->payer.number, amount,
                  offline->station->currency, other ? ", which is not what was asked for" : "");
    if (kc_command_value(offline->command, "no") != NULL) {
        return false;
    }
    if (kc_command_value(offline->command, "yes") != NULL) {
        return !other;
    }
    return kc_ask_ok();
}

/* ---- options ---- */

static struct kc_result read_wait(unsigned *out, const struct kc_command *command)
{
    const char *text = kc_command_value(command, "wait");
    *out = WAIT_MS;
    if (text == NULL) {
        return kc_ok();
    }
    size_t digits = strspn(text, "0123456789");
    unsigned long wait_ms = digits > 0 && digits < 9 && text[digits] == '\0'
                                ? strtoul(text, NULL, 10)
                                : WAIT_MS_MAX + 1ul;
    *out = (unsigned)wait_ms;
    return kc_result(wait_ms > 0 && wait_ms <= WAIT_MS_MAX ? KC_OK : KC_USAGE);
}

struct kc_result kc_offline_read(struct kc_offline *out, struct kc_station *station,
                                 const struct kc_command *command, unsigned link_ms)
{
    const char *place = kc_command_value(command, "link");
    const char *amount = kc_command_value(command, "amount");
    memset(out, 0, sizeof *out);
    out->station = station;
    out->command = command;
    out->exchange = (struct kc_exchange){.station = station,
                                         .link = &out->link,
                                         .link_ms = link_ms,
                                         .owner = out,
                                         .ask = ask,
                                         .tell = kc_offline_tell,
                                         .meet = meet};
    out->timeout_ms = link_ms;
    out->reader = place != NULL && kc_purse_place_reader(place) != NULL ? place : NULL;
    struct kc_result result = place == NULL         ? kc_result(KC_USAGE)
                              : out->reader != NULL ? kc_ok()
                                                    : kc_link_place_parse(&out->place, place);
    if (!kc_failed(result)) {
        result = read_wait(&out->exchange.user_ms, command);
    }
    if (!kc_failed(result) && amount != NULL) {
        result = kc_amount_parse(&out->amount, amount, station->decimals);
        if (!kc_failed(result) && kc_amount_is_zero(out->amount)) {
            result = kc_result(KC_AMOUNT_ZERO);
        }
    }
    return result;
}

/* ---- commands ---- */

/* What is asked for has to fit what the UIM may hold; its own value may be more than that. */
static struct kc_result check_asked(const struct kc_offline *offline)
{
    struct kc_purse_info info;
    struct kc_amount sum;
    struct kc_result result = kc_slot_info(&info, &offline->station->uim);
    if (kc_failed(result) || kc_amount_is_zero(offline->amount)) {
        return result;
    }
    result = kc_amount_add(&sum, info.value, offline->amount);
    bool fits = !kc_failed(result) && kc_amount_compare(sum, info.purse_most) <= 0;
    return kc_result(fits ? KC_OK : KC_LIMIT_EXCEEDED);
}

static struct kc_result show_end(struct kc_offline *offline, const char *word)
{
    return kc_show_state(offline->station, offline->command, word);
}

static void print_place(const struct kc_offline *offline)
{
    char place[KC_LINK_PLACE_TEXT_SIZE];
    struct kc_json_out json;
    kc_link_place_format(place, kc_link_where(&offline->link));
    if (offline->command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "waiting", place);
        kc_json_close(&json);
        (void)fflush(stdout);
    }
    (void)fprintf(stderr, "waiting at %s\n", place);
}

/* The partner is a card in a reader here. Without an amount only what is open between the two is brought to its end. */
static struct kc_result meet_card(struct kc_offline *offline, bool receives,
                                  const struct kc_amount *amount)
{
    static struct kc_station card;
    struct kc_station *station = offline->station;
    kc_station_report_when_low(station, ROOM_NEEDED);
    struct kc_result result = receives ? check_asked(offline) : kc_ok();
    if (kc_failed(result)) {
        return result;
    }
    result = kc_station_open(&card, offline->reader, station->url, offline->timeout_ms);
    if (!kc_failed(result)) {
        result = receives ? kc_station_charge_card(&offline->exchange, &card, amount)
                          : kc_station_pay_card(&offline->exchange, &card, amount);
    }
    memcpy(station->place.words, card.place.words, sizeof station->place.words);
    kc_station_close(&card);
    kc_station_report_when_low(station, ROOM_LOW);
    if (result.code == KC_DECLINED && receives) {
        struct kc_result shown = show_end(offline, "declined");
        return kc_failed(shown) ? shown : result;
    }
    return kc_failed(result) ? result : show_end(offline, "completed");
}

struct kc_result kc_offline_receive(struct kc_offline *offline)
{
    if (offline->reader != NULL) {
        return meet_card(offline, true,
                         kc_amount_is_zero(offline->amount) ? NULL : &offline->amount);
    }
    kc_station_report_when_low(offline->station, ROOM_NEEDED);
    struct kc_result result = check_asked(offline);
    if (!kc_failed(result)) {
        result = kc_link_listen(&offline->link, &offline->place);
    }
    if (kc_failed(result)) {
        return result;
    }
    print_place(offline);
    result = kc_link_accept(&offline->link, offline->exchange.user_ms);
    if (!kc_failed(result)) {
        result = kc_station_receive(&offline->exchange, offline->amount);
    }
    kc_link_close(&offline->link);
    kc_station_report_when_low(offline->station, ROOM_LOW);
    if (result.code == KC_DECLINED) {
        struct kc_result shown = show_end(offline, "declined");
        return kc_failed(shown) ? shown : result;
    }
    return kc_failed(result) ? result : show_end(offline, "completed");
}

static struct kc_result pay(struct kc_offline *offline, const struct kc_amount *amount)
{
    if (offline->reader != NULL) {
        return meet_card(offline, false, amount);
    }
    kc_station_report_when_low(offline->station, ROOM_NEEDED);
    struct kc_result result =
        kc_link_connect(&offline->link, &offline->place, offline->exchange.link_ms);
    if (!kc_failed(result)) {
        result = kc_station_pay(&offline->exchange, amount);
    }
    kc_link_close(&offline->link);
    kc_station_report_when_low(offline->station, ROOM_LOW);
    return kc_failed(result) ? result : show_end(offline, "completed");
}

struct kc_result kc_offline_pay(struct kc_offline *offline)
{
    struct kc_amount amount;
    struct kc_result result =
        kc_amount_parse(&amount, offline->command->arguments[1], offline->station->decimals);
    if (!kc_failed(result) && kc_amount_is_zero(amount)) {
        result = kc_result(KC_AMOUNT_ZERO);
    }
    return kc_failed(result) ? result : pay(offline, &amount);
}

struct kc_result kc_offline_resume(struct kc_offline *offline)
{
    return pay(offline, NULL);
}

/* ---- advice ---- */

static const char *advice_when_broken(struct kc_station *station, bool pays)
{
    struct kc_purse_info info;
    bool known = station->opened && !kc_failed(kc_slot_info(&info, &station->uim));
    if (!pays) {
        return "nothing was received; begin again";
    }
    return known && kc_amount_is_zero(info.open)
               ? "nothing was paid; try again"
               : "a payment is on its way: 'resume' or 'pay' with the same payee, or 'sync'";
}

const char *kc_offline_advice(struct kc_station *station, enum kc_error error, bool pays)
{
    static const struct {
        enum kc_error error;
        const char *payer;
        const char *payee;
    } rows[] = {
        {KC_USAGE,
         "--link is unix:PATH, tcp:ADDRESS:PORT, tty:DEVICE or pcsc:READER; SLOT a number",
         "--link unix:PATH, tcp:ADDRESS:PORT, tty:DEVICE or pcsc:READER is needed"},
        {KC_DECLINED, "one of the two said no; the amount is in the UIM", NULL},
        {KC_OUT_OF_ORDER, "the payee had moved on; the amount is in the UIM: pay again",
         "the other side does not keep to the order; begin again"},
        {KC_NOT_FOUND, "nothing is open to this payee; of a machine, 'shelf' lists the places",
         "the card has nothing open to this UIM; --amount says what it is to pay"},
        {KC_INSUFFICIENT_VALUE, "'withdraw' first", "the payer has not enough in its UIM"},
        {KC_PENDING, "'resume' what is open, or 'sync', first",
         "the payer has to finish an earlier payment first"},
        {KC_HISTORY_FULL, "run 'sync' first", "run 'sync' first"},
        {KC_LIMIT_EXCEEDED, "more than may be paid at once, or than the payee may hold; pay less",
         "more than the payer may pay at once, or than this UIM may hold: take less, or 'deposit' "
         "first"},
        {KC_CONTACT_NEEDED, "the UIM of one side has to meet the bank first: run 'sync'",
         "the UIM of one side has to meet the bank first: run 'sync'"},
        {KC_AMOUNT_MALFORMED, "digits, and a point with no more decimals than the currency has",
         "digits, and a point with no more decimals than the currency has"},
        {KC_SOLD_OUT, "choose another place", NULL},
        {KC_ITEM_STUCK, "what was paid is back; a card without keys has it by a 'sync' later",
         NULL},
        {KC_AMOUNT_SHORT, "less than the price; the amount is in the UIM", NULL},
        {KC_WRONG_PRICE, "more than the price; the amount is in the UIM", NULL},
        {KC_NOT_COMPLETED, "the machine owes what was paid: 'claim' at this machine brings it back",
         NULL},
        {KC_HOTLISTED, "one of the UIMs is out of use; do not deal with it",
         "one of the UIMs is out of use; do not deal with it"},
        {KC_ASK_BANK, "run 'sync': the bank knows how the earlier payment ended",
         "the payer has to run 'sync'"},
        {KC_IDENTITY_EXPIRED, "one of the UIMs has to be renewed by the registrar",
         "one of the UIMs has to be renewed by the registrar"},
        {KC_WRONG_DOMAIN, "the other UIM is of another bank", "the other UIM is of another bank"},
        {KC_BAD_SIGNATURE, "the other side is not a UIM of this bank; do not deal with it",
         "the other side is not a UIM of this bank; do not deal with it"},
        {KC_MISMATCH, "the other side is not what it says; begin again",
         "the other side is not what it says; begin again"},
        {KC_NOT_ALLOWED, "a UIM deals with other UIMs only, not with itself",
         "a UIM deals with other UIMs only, not with itself"},
        {KC_AMOUNT_TOO_LARGE, "the payee cannot hold so much; pay less",
         "the UIM cannot hold so much"},
        {KC_MALFORMED, "what is at the other end speaks something else; check the link",
         "what is at the other end speaks something else; check the link"},
        {KC_TOO_LARGE, "what is at the other end speaks something else; check the link",
         "what is at the other end speaks something else; check the link"},
        {KC_IN_USE, "somebody else is using it", "somebody else is using it"},
        {KC_ADDRESS_IN_USE, NULL, "choose another port, or 0 for a free one"},
        {KC_ALREADY_EXISTS, NULL, "there is a file of that name, and it is no socket"},
        {KC_PIN_WRONG, "check the PIN; it is blocked after three wrong ones",
         "check the PIN; it is blocked after three wrong ones"},
        {KC_PIN_BLOCKED, "take the UIM to the registrar", "take the UIM to the registrar"},
        {KC_CARD_REMOVED, "put it in again, then 'resume' or 'sync'",
         "put it in again: the payer asks again, or 'sync'"},
        {KC_CARD_BLANK, "the registrar writes it", "the registrar writes it"},
        {KC_PURSE_BLOCKED, "take it to the registrar", "take it to the registrar"},
    };
    if (error == KC_TIMEOUT || error == KC_UNREACHABLE) {
        return advice_when_broken(station, pays);
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error == error) {
            return pays ? rows[i].payer : rows[i].payee;
        }
    }
    return NULL;
}
