/* Both sides of an exchange in one station: the UIM's, and that of a card in a reader. The payer's side runs as over a link; each
 * message it sends is heard by the payee's side at once, whose answers wait here for the payer to read them. */
#include <string.h>

#include "station/talk.h"

/* What a payee says to one message: the bank's new keys, its hotlist in two parts, its answer, or a notice. */
#define ANSWERS_MAX 9u

struct pair {
    struct kc_payee payee;
    size_t first;
    size_t count;
    struct {
        size_t size;
        uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    } answers[ANSWERS_MAX];
};

static struct kc_result to_payee(void *context, struct kc_view message)
{
    struct pair *pair = context;
    /* What went wrong there, the payee's notice says. */
    (void)kc_failed(kc_payee_hear(&pair->payee, message));
    return kc_ok();
}

static struct kc_result to_payer(void *context, struct kc_view message)
{
    struct pair *pair = context;
    if (pair->count == ANSWERS_MAX || message.size > KC_LINK_PAYLOAD_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    size_t at = (pair->first + pair->count++) % ANSWERS_MAX;
    memcpy(pair->answers[at].bytes, message.data, message.size);
    pair->answers[at].size = message.size;
    return kc_ok();
}

static struct kc_result from_payee(struct kc_view *out, void *context)
{
    struct pair *pair = context;
    if (pair->count == 0) {
        return kc_result(KC_UNREACHABLE);
    }
    *out = kc_view(pair->answers[pair->first].bytes, pair->answers[pair->first].size);
    pair->first = (pair->first + 1) % ANSWERS_MAX;
    pair->count -= 1;
    return kc_ok();
}

/* A payee is never asked to read: it hears. */
static struct kc_result nothing(struct kc_view *out, void *context)
{
    (void)context;
    *out = kc_view(NULL, 0);
    return kc_result(KC_UNREACHABLE);
}

/* A card has no user of its own: whoever put it into the reader wants what this station does. */
static bool say_yes(void *owner, const struct kc_payment_order *order)
{
    (void)owner;
    (void)order;
    return true;
}

/* How it ended, the UIM's side tells. */
static void say_nothing(void *owner, const struct kc_exchange_end *end)
{
    (void)owner;
    (void)end;
}

static struct kc_result run(struct kc_exchange *payer, struct kc_exchange *payee,
                            struct kc_amount asked, const struct kc_amount *amount)
{
    static struct pair pair;
    const struct kc_line there = {.context = &pair, .send = to_payee, .receive = from_payee};
    const struct kc_line back = {.context = &pair, .send = to_payer, .receive = nothing};
    memset(&pair, 0, sizeof pair);
    pair.payee = (struct kc_payee){.exchange = payee, .station = payee->station, .asked = asked};
    payer->line = &there;
    payee->line = &back;
    struct kc_result result = kc_station_pay(payer, amount);
    payer->line = NULL;
    payee->line = NULL;
    return result;
}

/* The card's side, with the trace of the UIM's. */
static struct kc_exchange side_of(struct kc_exchange *exchange, struct kc_station *card)
{
    card->trace = exchange->station->trace;
    return (struct kc_exchange){.station = card,
                                .link_ms = exchange->link_ms,
                                .user_ms = exchange->user_ms,
                                .ask = say_yes,
                                .tell = say_nothing};
}

struct kc_result kc_station_pay_card(struct kc_exchange *exchange, struct kc_station *card,
                                     const struct kc_amount *amount)
{
    struct kc_exchange side = side_of(exchange, card);
    struct kc_result result = run(exchange, &side, kc_amount_zero(), amount);
    card->trace.fd = -1;
    return result;
}

struct kc_result kc_station_charge_card(struct kc_exchange *exchange, struct kc_station *card,
                                        const struct kc_amount *amount)
{
    struct kc_exchange side = side_of(exchange, card);
    struct kc_result result =
        run(&side, exchange, amount == NULL ? kc_amount_zero() : *amount, amount);
    card->trace.fd = -1;
    return result;
}
