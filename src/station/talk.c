#include "station/talk.h"

#include <string.h>

#include "message/cose.h"
#include "station/inside.h"

/* A notice is a courtesy: nothing waits long for it. */
#define NOTICE_MS 2000u

static struct kc_result send_on(const struct kc_exchange *exchange, struct kc_view message,
                                unsigned timeout_ms)
{
    const struct kc_line *line = exchange->line;
    return line != NULL ? line->send(line->context, message)
                        : kc_link_send(exchange->link, message, timeout_ms);
}

struct kc_result kc_talk_send(const struct kc_exchange *exchange,
                              const struct kc_station_line *line, struct kc_view message)
{
    struct kc_station *station = exchange->station;
    size_t size = message.size;
    if (size > KC_LINK_PAYLOAD_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    memmove(station->envelope, message.data, size);
    kc_station_trace(station, line->step, line->from, line->to, line->what, size);
    if (station->lose == line->loss) {
        kc_station_trace(station, line->step, line->from, "nobody", "lost on the way", size);
        return kc_result(KC_TIMEOUT);
    }
    return send_on(exchange, kc_view(station->envelope, size), exchange->link_ms);
}

bool kc_station_take_loss(enum kc_station_loss *out, const char *word)
{
    static const char *const words[] = {"request",  "quote",    "answer",  "completion",
                                        "identify", "identity", "payment", "hotlist"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = (enum kc_station_loss)(KC_LOSE_REQUEST + i);
            return true;
        }
    }
    return false;
}

static enum kc_station_loss loss_of(uint64_t number)
{
    static const struct {
        const struct kc_shape *shape;
        enum kc_station_loss loss;
    } rows[] = {{&kc_identify_shape, KC_LOSE_IDENTIFY},
                {&kc_payee_identity_shape, KC_LOSE_IDENTITY},
                {&kc_payment_shape, KC_LOSE_PAYMENT},
                {&kc_payment_answer_shape, KC_LOSE_ANSWER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].shape->number == number) {
            return rows[i].loss;
        }
    }
    return KC_LOSE_NOTHING;
}

static struct kc_result read_notice(struct kc_view message)
{
    struct kc_notice notice;
    struct kc_result result = kc_shape_decode(&notice, &kc_notice_shape, message);
    if (kc_failed(result)) {
        return result;
    }
    enum kc_error reason = kc_error_from_number(notice.reason);
    return kc_result(reason == KC_OK ? KC_INTERNAL : reason);
}

struct kc_result kc_talk_receive(struct kc_view *message, const struct kc_exchange *exchange,
                                 bool *heard, unsigned timeout_ms)
{
    struct kc_view view;
    const struct kc_line *line = exchange->line;
    *heard = false;
    struct kc_result result = line != NULL ? line->receive(&view, line->context)
                                           : kc_link_receive(&view, exchange->link, timeout_ms);
    return kc_failed(result) ? result : kc_talk_read(message, exchange, heard, view);
}

struct kc_result kc_talk_read(struct kc_view *message, const struct kc_exchange *exchange,
                              bool *heard, struct kc_view arrived)
{
    struct kc_station *station = exchange->station;
    *heard = false;
    if (arrived.size > KC_LINK_PAYLOAD_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    memcpy(station->reply, arrived.data, arrived.size);
    *message = kc_view(station->reply, arrived.size);
    uint64_t number = kc_shape_number(*message);
    if (number == kc_notice_shape.number) {
        *heard = true;
        return read_notice(*message);
    }
    enum kc_station_loss loss = loss_of(number);
    return kc_result(loss != KC_LOSE_NOTHING && loss == station->lose ? KC_TIMEOUT : KC_OK);
}

void kc_talk_notice(const struct kc_exchange *exchange, enum kc_error reason)
{
    uint8_t bytes[32];
    struct kc_buffer out = KC_BUFFER(bytes);
    const struct kc_notice notice = {.reason = (uint64_t)reason};
    if (!kc_failed(kc_shape_encode(&out, &kc_notice_shape, &notice))) {
        (void)kc_failed(send_on(exchange, kc_buffer_view(&out), NOTICE_MS));
    }
}

struct kc_result kc_talk_answer(struct kc_view answer)
{
    struct kc_payment_answer message;
    struct kc_signed parsed;
    struct kc_decline decline;
    struct kc_result result = kc_shape_decode(&message, &kc_payment_answer_shape, answer);
    if (kc_failed(result) || message.taken) {
        return result;
    }
    result = kc_brief_parse(&parsed, message.answer);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&decline, &kc_decline_shape, parsed.payload);
    }
    if (kc_failed(result)) {
        return result;
    }
    enum kc_error reason = kc_error_from_number(decline.reason);
    bool of_purse = reason == KC_OUT_OF_ORDER || reason == KC_HOTLISTED ||
                    reason == KC_LIMIT_EXCEEDED || reason == KC_CONTACT_NEEDED ||
                    reason == KC_AMOUNT_SHORT || reason == KC_WRONG_PRICE;
    return kc_result(of_purse ? reason : KC_DECLINED);
}

struct kc_result kc_talk_order(struct kc_payment_order *out, struct kc_view payment)
{
    struct kc_payment message;
    struct kc_signed parsed;
    struct kc_result result = kc_shape_decode(&message, &kc_payment_shape, payment);
    if (!kc_failed(result)) {
        result = kc_brief_parse(&parsed, message.order);
    }
    return kc_failed(result) ? result
                             : kc_shape_decode(out, &kc_payment_order_shape, parsed.payload);
}
