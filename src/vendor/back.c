/* Paying back what is owed: the machine's purse is the payer now, and the buyer's the payee. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "message/cose.h"
#include "vendor/sell.h"

/* In one conversation; the rest waits for the next one. */
#define BACK_MOST 8u

struct back {
    struct kc_talk *talk;
    struct kc_slot *purse;
    struct kc_account_id account;
    struct kc_payee_identity payee;
    size_t payee_size;
    uint8_t payee_bytes[KC_LINK_PAYLOAD_MAX];
    size_t payment_size;
    uint8_t payment[KC_LINK_PAYLOAD_MAX];
};

static struct kc_result copy(uint8_t out[KC_LINK_PAYLOAD_MAX], size_t *size, struct kc_view view)
{
    if (view.size > KC_LINK_PAYLOAD_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    memcpy(out, view.data, view.size);
    *size = view.size;
    return kc_ok();
}

/* Who takes it: the buyer's purse, over the link or in the slot. */
static struct kc_result ask_who(struct back *back, bool full)
{
    struct kc_view view;
    struct kc_talk *talk = back->talk;
    struct kc_result result = kc_slot_identify(&view, back->purse, full);
    if (!kc_failed(result) && talk->card != NULL) {
        result = kc_slot_offer(&view, talk->card, kc_amount_zero(), view);
    } else if (!kc_failed(result)) {
        result = kc_talk_put(talk, view);
        if (!kc_failed(result)) {
            result = kc_talk_get(&view, talk);
        }
    }
    if (!kc_failed(result)) {
        result = copy(back->payee_bytes, &back->payee_size, view);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&back->payee, &kc_payee_identity_shape,
                                 kc_view(back->payee_bytes, back->payee_size));
    }
    bool other = !kc_failed(result) && back->payee.account.number != back->account.number;
    return other ? kc_result(KC_MISMATCH) : result;
}

static struct kc_result get_answer(struct kc_view *out, struct back *back)
{
    struct kc_payment_order order;
    bool answered = false;
    struct kc_talk *talk = back->talk;
    struct kc_view payment = kc_view(back->payment, back->payment_size);
    if (talk->card == NULL) {
        struct kc_result sent = kc_talk_put(talk, payment);
        return kc_failed(sent) ? sent : kc_talk_get(out, talk);
    }
    struct kc_result result =
        kc_slot_examine(&order, &answered, talk->card, kc_clock_now_ms(), payment);
    return kc_failed(result) ? result
                             : kc_slot_decide(out, talk->card, KC_ANSWER_OK, kc_clock_now_ms());
}

/* The payment under way again, with this purse's identity. */
static struct kc_result load_open(struct back *back, uint64_t counter)
{
    for (uint8_t i = 0; i < KC_LIST_COUNT_MAX; i++) {
        struct kc_view view;
        struct kc_payment payment;
        struct kc_signed parsed;
        struct kc_payment_order order;
        struct kc_result result = kc_slot_open_payment(&view, back->purse, i);
        if (result.code == KC_ASK_BANK) {
            continue;
        }
        if (!kc_failed(result)) {
            result = kc_shape_decode(&payment, &kc_payment_shape, view);
        }
        if (!kc_failed(result)) {
            result = kc_brief_parse(&parsed, payment.order);
        }
        if (!kc_failed(result)) {
            result = kc_shape_decode(&order, &kc_payment_order_shape, parsed.payload);
        }
        if (kc_failed(result) || order.payer_counter == counter) {
            return kc_failed(result) ? result : copy(back->payment, &back->payment_size, view);
        }
    }
    return kc_result(KC_NOT_FOUND);
}

static struct kc_result note(struct back *back, const struct kc_owed *owed, enum kc_sale_kind kind,
                             uint64_t counter, enum kc_error reason)
{
    struct kc_sale line = {.kind = kind,
                           .sale = owed->sale,
                           .amount = owed->amount,
                           .has_account = true,
                           .account = owed->account,
                           .counter = counter,
                           .reason = (uint64_t)reason};
    struct kc_result result = kc_machine_note(back->talk->machine, &line);
    back->talk->fatal = back->talk->fatal || kc_failed(result);
    return result;
}

static struct kc_result pay_new(struct back *back, const struct kc_owed *owed)
{
    struct kc_view view;
    struct kc_purse_info info;
    struct kc_view offer = kc_view(back->payee_bytes, back->payee_size);
    struct kc_result result =
        kc_slot_pay(&view, back->purse, owed->amount, kc_clock_now_ms(), offer);
    if (result.code == KC_IDENTITY_NEEDED) {
        result = ask_who(back, true);
        if (!kc_failed(result)) {
            result = kc_slot_pay(&view, back->purse, owed->amount, kc_clock_now_ms(),
                                 kc_view(back->payee_bytes, back->payee_size));
        }
    }
    if (!kc_failed(result)) {
        kc_machine_stop_after(back->talk->machine, "reserved");
        result = copy(back->payment, &back->payment_size, view);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, back->purse);
    }
    return kc_failed(result) ? result : note(back, owed, KC_SALE_KIND_PAYING, info.counter, KC_OK);
}

/* Whether the payment that was sent is no longer open: an answer may have been about another one. */
static struct kc_result check_ended(struct back *back, const struct kc_owed *owed)
{
    struct kc_machine *machine = back->talk->machine;
    const struct kc_owed *now = kc_machine_owed_to(machine, owed->account);
    bool same = now != NULL && now->sale == owed->sale && now->paying != 0;
    struct kc_result result = same ? load_open(back, now->paying) : kc_ok();
    return !same || result.code == KC_NOT_FOUND ? kc_ok()
           : kc_failed(result)                  ? result
                                                : kc_result(KC_MISMATCH);
}

static struct kc_result end(struct back *back, const struct kc_owed *owed, struct kc_view answer)
{
    struct kc_payment_answer said;
    struct kc_view ignored;
    kc_machine_stop_after(back->talk->machine, "answered");
    struct kc_result result = kc_slot_conclude(&ignored, back->purse, answer);
    kc_machine_stop_after(back->talk->machine, "concluded");
    if (!kc_failed(result)) {
        result = check_ended(back, owed);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&said, &kc_payment_answer_shape, answer);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (!said.taken) {
        result = note(back, owed, KC_SALE_KIND_PAYING, 0, KC_DECLINED);
        return kc_failed(result) ? result : kc_result(KC_DECLINED);
    }
    back->talk->sold->returned += 1;
    return note(back, owed, KC_SALE_KIND_RETURNED, 0, KC_OK);
}

static struct kc_result pay_one(struct back *back, const struct kc_owed owed)
{
    uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    size_t size = 0;
    struct kc_view answer;
    struct kc_result result = ask_who(back, false);
    if (!kc_failed(result)) {
        result = owed.paying != 0 ? load_open(back, owed.paying) : pay_new(back, &owed);
    }
    if (!kc_failed(result)) {
        kc_machine_stop_after(back->talk->machine, "paying");
        result = get_answer(&answer, back);
    }
    if (result.code == KC_IDENTITY_NEEDED && back->talk->heard) {
        struct kc_purse_info info;
        back->talk->heard = false;
        result = kc_slot_info(&info, back->purse);
        if (!kc_failed(result)) {
            result = load_open(back, owed.paying != 0 ? owed.paying : info.counter);
        }
        if (!kc_failed(result)) {
            result = get_answer(&answer, back);
        }
    }
    if (!kc_failed(result)) {
        result = copy(bytes, &size, answer);
    }
    return kc_failed(result) ? result : end(back, &owed, kc_view(bytes, size));
}

struct kc_result kc_back_pay(struct kc_talk *talk, struct kc_account_id account)
{
    static struct back back;
    struct kc_result result = kc_ok();
    memset(&back, 0, sizeof back);
    back.talk = talk;
    back.purse = &talk->machine->slot;
    back.account = account;
    for (unsigned i = 0; i < BACK_MOST && !kc_failed(result); i++) {
        const struct kc_owed *owed = kc_machine_owed_to(talk->machine, account);
        if (owed == NULL) {
            return kc_ok();
        }
        result = pay_one(&back, *owed);
    }
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "owed and not paid back reason=%s", kc_error_name(result.code));
    }
    return result;
}
