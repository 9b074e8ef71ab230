#include "vendor/sell.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "message/cose.h"
#include "message/roll.h"

/* A buyer looks at the shelf, chooses, finishes an older payment and pays; whoever talks longer wants something else. */
#define MESSAGES_MAX 32u
#define NOTICE_MS 2000u
/* Records of the bank's new keys that a purse holds. */
#define ROLLS_PASSED 2u
#define SHELF_ITEMS 8u
#define ITEM_SIZE_MAX 80u

/* ---- messages ---- */

struct kc_result kc_talk_put(struct kc_talk *talk, struct kc_view message)
{
    return message.size > KC_LINK_PAYLOAD_MAX
               ? kc_result(KC_TOO_LARGE)
               : kc_link_send(talk->link, message, (unsigned)talk->machine->ini.talk_ms);
}

struct kc_result kc_talk_shape(struct kc_talk *talk, const struct kc_shape *shape,
                               const void *message)
{
    uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_result result = kc_shape_encode(&out, shape, message);
    return kc_failed(result) ? result : kc_talk_put(talk, kc_buffer_view(&out));
}

static bool is_roll(struct kc_view message)
{
    struct kc_signed parsed;
    return !kc_failed(kc_signed_parse(&parsed, message)) &&
           kc_signed_shape(&parsed) == &kc_rolled_keys_shape;
}

static struct kc_result get_one(struct kc_view *out, struct kc_talk *talk)
{
    struct kc_view view;
    struct kc_notice notice;
    struct kc_result result =
        kc_link_receive(&view, talk->link, (unsigned)talk->machine->ini.talk_ms);
    if (kc_failed(result)) {
        return result;
    }
    KC_ASSERT(view.size <= sizeof talk->message);
    memcpy(talk->message, view.data, view.size);
    *out = kc_view(talk->message, view.size);
    if (kc_shape_number(*out) != kc_notice_shape.number) {
        return kc_ok();
    }
    talk->heard = true;
    result = kc_shape_decode(&notice, &kc_notice_shape, *out);
    enum kc_error reason = kc_failed(result) ? result.code : kc_error_from_number(notice.reason);
    return kc_result(reason == KC_OK ? KC_MALFORMED : reason);
}

/* The bank's new keys and a hotlist are its word whoever brings them; what is refused changes nothing. */
struct kc_result kc_talk_get(struct kc_view *out, struct kc_talk *talk)
{
    struct kc_result result = get_one(out, talk);
    for (unsigned i = 0; i < ROLLS_PASSED && !kc_failed(result) && is_roll(*out); i++) {
        (void)kc_failed(kc_slot_take_roll(&talk->machine->slot, *out));
        result = get_one(out, talk);
    }
    for (unsigned parts = 0;
         parts < KC_HOTLIST_PARTS_MAX && !kc_failed(result) && kc_slot_is_hotlist(*out); parts++) {
        (void)kc_failed(kc_slot_take_hotlist(&talk->machine->slot, *out));
        result = get_one(out, talk);
    }
    return result;
}

void kc_talk_tell(struct kc_talk *talk, enum kc_error reason)
{
    uint8_t bytes[32];
    struct kc_buffer out = KC_BUFFER(bytes);
    const struct kc_notice notice = {.reason = (uint64_t)reason};
    if (talk->link != NULL && !kc_failed(kc_shape_encode(&out, &kc_notice_shape, &notice))) {
        (void)kc_failed(kc_link_send(talk->link, kc_buffer_view(&out), NOTICE_MS));
    }
}

/* ---- the shelf ---- */

static struct kc_result answer_shelf(struct kc_talk *talk, struct kc_view message)
{
    struct kc_shelf_request request;
    const struct kc_machine *machine = talk->machine;
    uint8_t bytes[SHELF_ITEMS][ITEM_SIZE_MAX];
    uint64_t count = machine->pos ? 1 : machine->ini.slot_count;
    struct kc_shelf shelf = {.name = kc_view_text(machine->ini.name),
                             .dealer = machine->ini.dealer,
                             .purse = machine->purse};
    struct kc_result result = kc_shape_decode(&request, &kc_shelf_request_shape, message);
    uint64_t from = request.from_slot == 0 ? 1 : request.from_slot;
    for (uint64_t slot = from; !kc_failed(result) && slot <= count; slot++) {
        struct kc_slot_ini item;
        struct kc_shelf_item row = {.slot = slot};
        if (shelf.items.count == SHELF_ITEMS) {
            shelf.has_next = true;
            shelf.next = slot;
            break;
        }
        (void)kc_failed(kc_machine_item(&item, &row.state, machine, slot));
        row.price = item.price;
        row.name = kc_view_text(item.name);
        struct kc_buffer out = KC_BUFFER(bytes[shelf.items.count]);
        result = kc_shape_encode(&out, &kc_shelf_item_shape, &row);
        shelf.items.items[shelf.items.count++] = kc_buffer_view(&out);
    }
    return kc_failed(result) ? result : kc_talk_shape(talk, &kc_shelf_shape, &shelf);
}

static struct kc_result choose(struct kc_talk *talk, uint64_t slot)
{
    struct kc_slot_ini item;
    enum kc_slot_state state;
    talk->selected = false;
    struct kc_result result = kc_machine_item(&item, &state, talk->machine, slot);
    if (!kc_failed(result)) {
        result = kc_machine_check_room(talk->machine);
    }
    if (!kc_failed(result)) {
        talk->selected = true;
        talk->slot = slot;
        talk->price = item.price;
    }
    return result;
}

static struct kc_result answer_select(struct kc_talk *talk, struct kc_view message)
{
    struct kc_select select;
    struct kc_result result = kc_shape_decode(&select, &kc_select_shape, message);
    if (!kc_failed(result)) {
        result = choose(talk, select.slot);
    }
    const struct kc_selected selected = {.slot = talk->slot, .price = talk->price};
    return kc_failed(result) ? result : kc_talk_shape(talk, &kc_selected_shape, &selected);
}

/* ---- the payment ---- */

/* Before the identity go the bank's new keys that the payer does not know, older ones first. */
static struct kc_result pass_rolls(struct kc_talk *talk, uint64_t theirs)
{
    struct kc_result result = kc_ok();
    for (unsigned back = ROLLS_PASSED; back > 0 && !kc_failed(result); back--) {
        struct kc_view bytes;
        struct kc_roll roll;
        if (!kc_failed(kc_slot_roll(&bytes, &talk->machine->slot, back - 1)) &&
            !kc_failed(kc_roll_read(&roll, bytes)) && roll.number > theirs) {
            result = kc_talk_put(talk, bytes);
        }
    }
    return result;
}

/* Then the hotlist, when the payer's is older. */
static struct kc_result pass_hotlist(struct kc_talk *talk, const struct kc_hotlist_told *theirs)
{
    struct kc_view part;
    unsigned next = 0;
    struct kc_result result = kc_slot_hotlist(&part, &talk->machine->slot, theirs, &next);
    while (!kc_failed(result)) {
        result = kc_talk_put(talk, part);
        if (!kc_failed(result)) {
            result = kc_slot_hotlist(&part, &talk->machine->slot, theirs, &next);
        }
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

static struct kc_result answer_identify(struct kc_talk *talk, struct kc_view message)
{
    struct kc_identify identify;
    struct kc_view offer;
    struct kc_slot *purse = &talk->machine->slot;
    struct kc_amount asked = talk->selected ? talk->price : kc_amount_zero();
    struct kc_result result = kc_slot_offer(&offer, purse, asked, message);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&identify, &kc_identify_shape, message);
    }
    if (!kc_failed(result)) {
        result = pass_rolls(talk, identify.roll);
    }
    if (!kc_failed(result)) {
        const struct kc_hotlist_told theirs = {identify.hotlist, identify.hotlist_base};
        result = pass_hotlist(talk, &theirs);
    }
    if (!kc_failed(result)) {
        result = kc_slot_offer(&offer, purse, asked, message);
    }
    return kc_failed(result) ? result : kc_talk_put(talk, offer);
}

/* What shows that somebody tries what an honest station does not. */
static bool is_improper(enum kc_error error)
{
    switch ((unsigned)error) {
    case KC_BAD_SIGNATURE:
    case KC_MISMATCH:
    case KC_WRONG_DOMAIN:
    case KC_WRONG_ALGORITHM:
    case KC_MALFORMED:
    case KC_NOT_CANONICAL:
    case KC_TRAILING:
    case KC_NOT_ALLOWED:
    case KC_IDENTITY_EXPIRED:
    case KC_UNKNOWN_SIGNER:
        return true;
    default:
        return false;
    }
}

static bool read_order(struct kc_payment_order *out, struct kc_view payment)
{
    struct kc_payment message;
    struct kc_signed parsed;
    return !kc_failed(kc_shape_decode(&message, &kc_payment_shape, payment)) &&
           !kc_failed(kc_brief_parse(&parsed, message.order)) &&
           !kc_failed(kc_shape_decode(out, &kc_payment_order_shape, parsed.payload));
}

/* Why the machine says no; KC_OK when the payment is what it waits for. */
static enum kc_error judge(const struct kc_talk *talk, const struct kc_payment_order *order)
{
    if (!talk->selected) {
        return KC_DECLINED;
    }
    int difference = kc_amount_compare(order->amount, talk->price);
    return difference < 0 ? KC_AMOUNT_SHORT : difference > 0 ? KC_WRONG_PRICE : KC_OK;
}

static struct kc_result say_no(struct kc_buffer *answer, struct kc_talk *talk, enum kc_error reason)
{
    struct kc_view view;
    struct kc_slot *purse = &talk->machine->slot;
    bool named = reason == KC_AMOUNT_SHORT || reason == KC_WRONG_PRICE;
    struct kc_result result = named ? kc_slot_decline_for(&view, purse, reason, kc_clock_now_ms())
                                    : kc_slot_decide(&view, purse, KC_ANSWER_NG, kc_clock_now_ms());
    answer->size = 0;
    return kc_failed(result) ? result : kc_buffer_append(answer, view);
}

/* A payment that was answered before gets its answer again. */
static struct kc_result say_again(struct kc_buffer *answer, struct kc_talk *talk)
{
    struct kc_view view;
    struct kc_result result =
        kc_slot_decide(&view, &talk->machine->slot, KC_ANSWER_OK, kc_clock_now_ms());
    answer->size = 0;
    return kc_failed(result) ? result : kc_buffer_append(answer, view);
}

/* A payment that the purse found good and new. *taken: it was what the machine waits for, and is in the journal. */
static struct kc_result decide(struct kc_buffer *answer, bool *taken, struct kc_talk *talk,
                               const struct kc_payment_order *order, struct kc_view payment)
{
    enum kc_error no = judge(talk, order);
    if (no == KC_OK) {
        /* The place may have been emptied, or the journal filled, since it was chosen. */
        no = choose(talk, talk->slot).code;
    }
    if (no != KC_OK) {
        return say_no(answer, talk, no);
    }
    struct kc_result result =
        kc_machine_take(answer, &talk->sale, talk->machine, talk->slot, order, payment);
    talk->fatal = kc_failed(result);
    *taken = !talk->fatal;
    return result;
}

/* The payment was taken, so the item goes whether its payer is still there or not. */
static struct kc_result let_go(struct kc_talk *talk, const struct kc_payment_order *order)
{
    struct kc_result result = kc_machine_release(talk->machine);
    talk->selected = false;
    talk->outcome = kc_failed(result) ? KC_SALE_END_STUCK : KC_SALE_END_RELEASED;
    talk->fatal = kc_failed(result) && result.code != KC_ITEM_STUCK;
    *talk->sold = (struct kc_sold){.sale = talk->sale,
                                   .slot = talk->slot,
                                   .amount = order->amount,
                                   .account = order->payer,
                                   .stuck = kc_failed(result)};
    return talk->fatal ? result : kc_ok();
}

static bool purse_says_no(enum kc_error error)
{
    return error == KC_HOTLISTED || error == KC_LIMIT_EXCEEDED || error == KC_AMOUNT_TOO_LARGE ||
           error == KC_CONTACT_NEEDED;
}

static struct kc_result refuse_improper(struct kc_talk *talk, struct kc_view payment,
                                        struct kc_result result)
{
    struct kc_payment_order order;
    if (is_improper(result.code)) {
        bool read = read_order(&order, payment);
        kc_machine_improper(talk->machine, result.code, payment, read ? &order.payer : NULL);
    }
    return result;
}

/* Sb10 to the station, or Sb11 by the card in the slot. */
static struct kc_result deliver(struct kc_talk *talk, struct kc_view answer)
{
    struct kc_view ignored;
    return talk->card == NULL ? kc_talk_put(talk, answer)
                              : kc_slot_conclude(&ignored, talk->card, answer);
}

static struct kc_result answer_payment(struct kc_talk *talk, struct kc_view payment)
{
    uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_buffer answer = KC_BUFFER(bytes);
    struct kc_payment_order order;
    bool answered = false;
    bool taken = false;
    struct kc_result sent = kc_ok();
    struct kc_result result =
        kc_slot_examine(&order, &answered, &talk->machine->slot, kc_clock_now_ms(), payment);
    if (purse_says_no(result.code)) {
        result = say_no(&answer, talk, result.code);
    } else if (kc_failed(result)) {
        return refuse_improper(talk, payment, result);
    } else if (answered) {
        result = say_again(&answer, talk);
    } else {
        result = decide(&answer, &taken, talk, &order, payment);
    }
    if (!kc_failed(result)) {
        sent = deliver(talk, kc_buffer_view(&answer));
    }
    if (taken) {
        result = let_go(talk, &order);
    }
    return kc_failed(result) ? result : sent;
}

static struct kc_result answer_outcome(struct kc_talk *talk, struct kc_view message)
{
    struct kc_outcome_request request;
    struct kc_result result = kc_shape_decode(&request, &kc_outcome_request_shape, message);
    if (kc_failed(result)) {
        return result;
    }
    const struct kc_sale_outcome outcome = {
        .outcome = talk->outcome == 0 ? KC_SALE_END_NONE : talk->outcome,
        .sale = talk->sale,
        .back = kc_machine_owes(talk->machine, request.account)};
    result = kc_talk_shape(talk, &kc_sale_outcome_shape, &outcome);
    if (!kc_failed(result) && !kc_amount_is_zero(outcome.back)) {
        result = kc_back_pay(talk, request.account);
    }
    return result;
}

static struct kc_result answer_voucher(struct kc_talk *talk, struct kc_view message)
{
    struct kc_result result = kc_voucher_sell(talk, message);
    if (is_improper(result.code) && !talk->fatal) {
        kc_machine_improper(talk->machine, result.code, message, NULL);
    }
    return result;
}

static struct kc_result answer_message(struct kc_talk *talk, struct kc_view message)
{
    uint64_t number = kc_shape_number(message);
    const struct {
        const struct kc_shape *shape;
        struct kc_result (*answer)(struct kc_talk *talk, struct kc_view message);
    } rows[] = {
        {&kc_shelf_request_shape, answer_shelf},     {&kc_select_shape, answer_select},
        {&kc_identify_shape, answer_identify},       {&kc_payment_shape, answer_payment},
        {&kc_offer_request_shape, kc_voucher_offer}, {&kc_voucher_sale_shape, answer_voucher},
        {&kc_outcome_request_shape, answer_outcome}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].shape->number == number) {
            return rows[i].answer(talk, message);
        }
    }
    return kc_result(number == 0 ? KC_MALFORMED : KC_WRONG_TYPE);
}

static bool may_go_on(enum kc_error error)
{
    return error == KC_IDENTITY_NEEDED || error == KC_SOLD_OUT || error == KC_ITEM_STUCK ||
           error == KC_NOT_FOUND || error == KC_HISTORY_FULL;
}

struct kc_result kc_sell_talk(struct kc_sold *sold, bool *fatal, struct kc_machine *machine,
                              struct kc_link *link)
{
    static struct kc_talk talk;
    struct kc_result result = kc_ok();
    memset(&talk, 0, sizeof talk);
    memset(sold, 0, sizeof *sold);
    talk.machine = machine;
    talk.link = link;
    talk.sold = sold;
    for (unsigned i = 0; i < MESSAGES_MAX && !kc_failed(result); i++) {
        struct kc_view message;
        result = kc_talk_get(&message, &talk);
        if (kc_failed(result)) {
            break;
        }
        result = answer_message(&talk, message);
        bool broken = result.code == KC_UNREACHABLE || result.code == KC_TIMEOUT;
        if (kc_failed(result) && !broken && !talk.heard) {
            kc_talk_tell(&talk, result.code);
        }
        if (!talk.fatal && may_go_on(result.code)) {
            result = kc_ok();
        }
    }
    *fatal = talk.fatal;
    bool left = result.code == KC_UNREACHABLE && kc_link_ended(link);
    return left ? kc_ok() : result;
}

/* ---- a card in the slot ---- */

static struct kc_result card_offer(struct kc_view *offer, struct kc_talk *talk, bool full)
{
    struct kc_view identify;
    struct kc_view view;
    struct kc_result result = kc_slot_identify(&identify, talk->card, full);
    if (!kc_failed(result)) {
        result = kc_slot_offer(&view, &talk->machine->slot, talk->price, identify);
    }
    if (!kc_failed(result) && view.size > sizeof talk->message) {
        result = kc_result(KC_TOO_LARGE);
    }
    if (!kc_failed(result)) {
        memcpy(talk->message, view.data, view.size);
        *offer = kc_view(talk->message, view.size);
    }
    return result;
}

static struct kc_result card_pay(struct kc_talk *talk, struct kc_amount asked)
{
    uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_view offer;
    struct kc_view payment;
    struct kc_result result = card_offer(&offer, talk, true);
    if (!kc_failed(result)) {
        result = kc_slot_pay(&payment, talk->card, asked, kc_clock_now_ms(), offer);
    }
    if (!kc_failed(result) && payment.size > sizeof bytes) {
        result = kc_result(KC_TOO_LARGE);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(bytes, payment.data, payment.size);
    return answer_payment(talk, kc_view(bytes, payment.size));
}

/* An earlier payment of this card to this machine that has no answer: it gets its answer again. */
static struct kc_result card_resume(struct kc_talk *talk)
{
    for (uint8_t i = 0; i < KC_LIST_COUNT_MAX; i++) {
        uint8_t bytes[KC_LINK_PAYLOAD_MAX];
        struct kc_view payment;
        struct kc_payment_order order;
        struct kc_result result = kc_slot_open_payment(&payment, talk->card, i);
        if (kc_failed(result)) {
            return result.code == KC_NOT_FOUND ? kc_ok() : result;
        }
        if (payment.size > sizeof bytes || !read_order(&order, payment) ||
            order.payee_purse.number != talk->machine->purse.number) {
            continue;
        }
        memcpy(bytes, payment.data, payment.size);
        return answer_payment(talk, kc_view(bytes, payment.size));
    }
    return kc_ok();
}

struct kc_result kc_sell_card(struct kc_sold *sold, bool *fatal, struct kc_machine *machine,
                              struct kc_slot *card, uint64_t slot, struct kc_amount asked)
{
    static struct kc_talk talk;
    struct kc_purse_info info = {.purse_type = KC_PURSE_TYPE_UIM};
    memset(&talk, 0, sizeof talk);
    memset(sold, 0, sizeof *sold);
    talk.machine = machine;
    talk.card = card;
    talk.sold = sold;
    struct kc_result result = kc_slot_info(&info, card);
    if (!kc_failed(result)) {
        result = card_resume(&talk);
    }
    if (!kc_failed(result)) {
        result = choose(&talk, slot);
    }
    if (!kc_failed(result)) {
        result = card_pay(&talk, kc_amount_is_zero(asked) ? talk.price : asked);
    }
    if (!kc_failed(result) && sold->sale == 0) {
        result = kc_result(KC_DECLINED);
    }
    /* Nobody can pay to a card without keys: what is owed to it stays written. */
    bool owes = !talk.fatal && info.purse_type != KC_PURSE_TYPE_BEARER &&
                !kc_amount_is_zero(kc_machine_owes(machine, info.account));
    if (owes) {
        /* What stays owed is in the log; it is not how this sale ended. */
        struct kc_result back = kc_back_pay(&talk, info.account);
        result = kc_failed(result) || !talk.fatal ? result : back;
    }
    *fatal = talk.fatal;
    return result;
}
