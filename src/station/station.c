#include "station/station.h"

#include <string.h>

#include "base/clock.h"
#include "service/message_client.h"
#include "service/trace.h"

struct kc_result kc_station_open(struct kc_station *station, const char *path, const char *url,
                                 unsigned timeout_ms)
{
    struct kc_slot_port port;
    struct kc_purse_info info;
    memset(station, 0, sizeof *station);
    struct kc_result result = kc_bearssl_open_system(&station->crypto, &station->crypto_state);
    if (!kc_failed(result)) {
        result = kc_file_purse_open(&station->file, &port, path, &station->crypto);
    }
    if (!kc_failed(result)) {
        result = kc_slot_open(&station->uim, &port);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &station->uim);
    }
    if (!kc_failed(result)) {
        struct kc_view from = url == NULL ? info.url : kc_view_text(url);
        if (from.size > KC_URL_SIZE_MAX) {
            return kc_result(KC_TOO_LARGE);
        }
        memcpy(station->url, from.data, from.size);
        memcpy(station->currency, info.currency.data, info.currency.size);
        station->decimals = (unsigned)info.decimals;
        result = kc_http_client_open(&station->client, timeout_ms);
    }
    return result;
}

void kc_station_close(struct kc_station *station)
{
    kc_http_client_close(station->client);
    kc_file_purse_close(station->file);
    kc_wipe(station, sizeof *station);
}

struct kc_result kc_station_verify_pin(struct kc_station *station, struct kc_view pin)
{
    return kc_slot_verify_pin(&station->uim, pin);
}

/* Carries one envelope to the bank and the answer back into the UIM; *message is what the UIM read in it. A message that is lost on
 * purpose ends as a time-out, like one that was lost on the way. */
static struct kc_result exchange(struct kc_view *message, struct kc_station *station,
                                 struct kc_view out, enum kc_station_loss lost_there,
                                 enum kc_station_loss lost_back)
{
    struct kc_buffer reply = KC_BUFFER(station->reply);
    memcpy(station->envelope, out.data, out.size);
    if (lost_there != KC_LOSE_NOTHING && station->lose == lost_there) {
        return kc_result(KC_TIMEOUT);
    }
    struct kc_result result = kc_message_post(&reply, station->client, station->url,
                                              kc_view(station->envelope, out.size));
    if (!kc_failed(result) && lost_back != KC_LOSE_NOTHING && station->lose == lost_back) {
        return kc_result(KC_TIMEOUT);
    }
    return kc_failed(result) ? result
                             : kc_slot_take(message, &station->uim, kc_buffer_view(&reply));
}

/* The reason in a refusal, or KC_OK when the message is something else. */
static struct kc_result check_refusal(struct kc_view message)
{
    struct kc_refusal refusal;
    if (kc_shape_number(message) != kc_refusal_shape.number) {
        return kc_ok();
    }
    struct kc_result result = kc_shape_decode(&refusal, &kc_refusal_shape, message);
    return kc_failed(result) ? result : kc_result(kc_error_from_number(refusal.reason));
}

static struct kc_result get_quote(struct kc_cash_quote *quote, struct kc_station *station,
                                  enum kc_cash_kind kind, struct kc_amount amount)
{
    struct kc_view envelope;
    struct kc_view message;
    struct kc_result result =
        kc_slot_cash_request(&envelope, &station->uim, kind, amount, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    kc_trace(station->trace, "Sa2", "UIM", "bank", "cash-request", envelope.size);
    result = exchange(&message, station, envelope, KC_LOSE_REQUEST, KC_LOSE_QUOTE);
    if (!kc_failed(result)) {
        result = check_refusal(message);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(quote, &kc_cash_quote_shape, message);
        kc_trace(station->trace, "Sa8", "bank", "UIM", "cash-quote", message.size);
    }
    return result;
}

static struct kc_result read_completion(struct kc_view message)
{
    struct kc_completion completion;
    struct kc_result result = check_refusal(message);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&completion, &kc_completion_shape, message);
    }
    if (kc_failed(result)) {
        return result;
    }
    return kc_result(completion.outcome == KC_OUTCOME_COMPLETED ? KC_OK : KC_NOT_COMPLETED);
}

/* NG is evidence for the bank; the purse changed nothing and waits for nothing. */
static struct kc_result say_no(struct kc_station *station)
{
    struct kc_view envelope;
    struct kc_buffer reply = KC_BUFFER(station->reply);
    struct kc_result result =
        kc_slot_answer(&envelope, &station->uim, KC_ANSWER_NG, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    kc_trace(station->trace, "Sa12", "UIM", "bank", "cash-answer NG", envelope.size);
    memcpy(station->envelope, envelope.data, envelope.size);
    if (station->lose != KC_LOSE_ANSWER) {
        (void)kc_failed(kc_message_post(&reply, station->client, station->url,
                                        kc_view(station->envelope, envelope.size)));
    }
    return kc_result(KC_DECLINED);
}

static struct kc_result say_yes(struct kc_station *station)
{
    struct kc_view envelope;
    struct kc_view message;
    struct kc_result result =
        kc_slot_answer(&envelope, &station->uim, KC_ANSWER_OK, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    kc_trace(station->trace, "Sa12", "UIM", "bank", "cash-answer OK", envelope.size);
    result = exchange(&message, station, envelope, KC_LOSE_ANSWER, KC_LOSE_COMPLETION);
    if (kc_failed(result)) {
        return result;
    }
    kc_trace(station->trace, "Sa16", "bank", "UIM", "completion", message.size);
    return read_completion(message);
}

struct kc_result kc_station_cash(struct kc_station *station, enum kc_cash_kind kind,
                                 struct kc_amount amount, kc_station_ask ask, void *owner)
{
    struct kc_cash_quote quote;
    struct kc_result result = get_quote(&quote, station, kind, amount);
    if (kc_failed(result)) {
        return result;
    }
    return ask(owner, &quote) ? say_yes(station) : say_no(station);
}

struct kc_result kc_station_fund(struct kc_station *station, enum kc_fund_kind kind,
                                 struct kc_amount amount)
{
    struct kc_view envelope;
    struct kc_view message;
    struct kc_fund_reply reply;
    struct kc_result result =
        kc_slot_fund_request(&envelope, &station->uim, kind, amount, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    kc_trace(station->trace, "Fund1", "UIM", "bank", "fund-request", envelope.size);
    result = exchange(&message, station, envelope, KC_LOSE_REQUEST, KC_LOSE_COMPLETION);
    if (!kc_failed(result)) {
        result = check_refusal(message);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&reply, &kc_fund_reply_shape, message);
        kc_trace(station->trace, "Fund2", "bank", "UIM", "fund-reply", message.size);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (reply.outcome == KC_OUTCOME_IN_DOUBT) {
        return kc_result(KC_IN_DOUBT);
    }
    return reply.outcome == KC_OUTCOME_COMPLETED ? kc_ok()
                                                 : kc_result(kc_error_from_number(reply.reason));
}

struct kc_result kc_station_sync(struct kc_station *station, enum kc_outcome *outcome)
{
    struct kc_view envelope;
    struct kc_view message;
    struct kc_state_reply reply;
    struct kc_result result = kc_slot_state_request(&envelope, &station->uim, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    kc_trace(station->trace, "Sa17'", "UIM", "bank", "state-request", envelope.size);
    result = exchange(&message, station, envelope, KC_LOSE_REQUEST, KC_LOSE_COMPLETION);
    if (!kc_failed(result)) {
        result = check_refusal(message);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&reply, &kc_state_reply_shape, message);
        kc_trace(station->trace, "Sa17'", "bank", "UIM", "state-reply", message.size);
        *outcome = reply.outcome;
    }
    return result;
}

/* In *answered* only the bank's word helps. A fund request without reply asks too: its value may have moved the sequence. */
struct kc_result kc_station_settle(struct kc_station *station)
{
    struct kc_purse_info info;
    enum kc_outcome outcome;
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (kc_failed(result) || info.life == KC_LIFE_READY) {
        return result;
    }
    return kc_station_sync(station, &outcome);
}
