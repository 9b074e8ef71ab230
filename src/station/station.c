#include "station/station.h"

#include <string.h>

#include "base/clock.h"
#include "service/message_client.h"
#include "station/inside.h"
#include "station/roll.h"

struct kc_result kc_station_open(struct kc_station *station, const char *place, const char *url,
                                 unsigned timeout_ms)
{
    struct kc_slot_port port;
    struct kc_purse_info info;
    memset(station, 0, sizeof *station);
    station->trace.fd = -1;
    struct kc_result result = kc_bearssl_open_system(&station->crypto, &station->crypto_state);
    if (!kc_failed(result)) {
        result = kc_purse_place_open(&station->place, &port, place, &station->crypto);
    }
    if (!kc_failed(result)) {
        result = kc_slot_open(&station->uim, &port);
    }
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &station->uim);
        station->opened = !kc_failed(result);
    }
    if (!kc_failed(result) && (info.life == KC_LIFE_BLANK || info.life == KC_LIFE_PERSONALISING)) {
        result = kc_result(KC_CARD_BLANK);
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
    kc_trace_close(&station->trace);
    kc_http_client_close(station->client);
    kc_purse_place_close(&station->place);
    kc_wipe(station, sizeof *station);
}

struct kc_result kc_station_verify_pin(struct kc_station *station, struct kc_view pin)
{
    return kc_slot_verify_pin(&station->uim, pin);
}

void kc_station_trace(struct kc_station *station, const char *step, const char *from,
                      const char *to, const char *what, size_t bytes)
{
    struct kc_purse_info info;
    char value[KC_AMOUNT_TEXT_SIZE];
    if (station->trace.fd < 0 || kc_failed(kc_slot_info(&info, &station->uim))) {
        return;
    }
    kc_amount_format(value, info.value, station->decimals);
    kc_trace_step(&station->trace, &(struct kc_step){.step = step,
                                                     .from = from,
                                                     .to = to,
                                                     .what = what,
                                                     .bytes = bytes,
                                                     .account = info.account.number,
                                                     .uim = value});
}

/* Bank and authority may have new keys, which the UIM learns before it takes what they signed. */
static struct kc_result take(struct kc_view *message, struct kc_station *station,
                             struct kc_view reply)
{
    struct kc_result result = kc_slot_take(message, &station->uim, reply);
    bool unknown = result.code == KC_BAD_SIGNATURE || result.code == KC_WRONG_ALGORITHM;
    return unknown && kc_station_learn_keys(station) ? kc_slot_take(message, &station->uim, reply)
                                                     : result;
}

struct kc_result kc_station_carry_to(struct kc_view *message, struct kc_station *station,
                                     const char *server, const char *url, struct kc_view out,
                                     const struct kc_station_leg *there,
                                     const struct kc_station_leg *back)
{
    struct kc_buffer reply = KC_BUFFER(station->reply);
    size_t size = out.size;
    memmove(station->envelope, out.data, size);
    kc_station_trace(station, there->step, "UIM", server, there->what, size);
    if (station->lose == there->loss) {
        kc_station_trace(station, there->step, "UIM", "nobody", "lost on the way", size);
        return kc_result(KC_TIMEOUT);
    }
    struct kc_result result =
        kc_message_post(&reply, station->client, url, kc_view(station->envelope, size));
    if (kc_failed(result)) {
        return result;
    }
    size = reply.size;
    kc_station_trace(station, there->then, server, server, there->done, 0);
    if (station->lose == back->loss) {
        kc_station_trace(station, back->step, server, "nobody", "lost on the way", size);
        return kc_result(KC_TIMEOUT);
    }
    kc_station_trace(station, back->step, server, "UIM", back->what, size);
    result = take(message, station, kc_buffer_view(&reply));
    if (!kc_failed(result)) {
        memcpy(station->reply, message->data, message->size);
        *message = kc_view(station->reply, message->size);
        kc_station_trace(station, back->then, "UIM", "UIM", back->done, 0);
    }
    return result;
}

struct kc_result kc_station_carry(struct kc_view *message, struct kc_station *station,
                                  struct kc_view out, const struct kc_station_leg *there,
                                  const struct kc_station_leg *back)
{
    if (station->vouch != NULL) {
        memmove(station->envelope, out.data, out.size);
        out = kc_view(station->envelope, out.size);
        struct kc_result result = station->vouch(station->vouch_owner, out);
        if (kc_failed(result)) {
            return result;
        }
    }
    return kc_station_carry_to(message, station, "bank", station->url, out, there, back);
}

struct kc_result kc_station_check_refusal(struct kc_view message)
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
    static const struct kc_station_leg there = {"Sa2", "cash-request", "Sa3-Sa7",
                                                "verified, unsealed, computed", KC_LOSE_REQUEST};
    static const struct kc_station_leg back = {"Sa8", "cash-quote", "Sa9", "verified",
                                               KC_LOSE_QUOTE};
    kc_station_trace(station, "Sa1", "user", "station", kc_cash_kind_word(kind), 0);
    struct kc_result result =
        kc_slot_cash_request(&envelope, &station->uim, kind, amount, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = kc_station_carry(&message, station, envelope, &there, &back);
    }
    if (!kc_failed(result)) {
        result = kc_station_check_refusal(message);
    }
    return kc_failed(result) ? result : kc_shape_decode(quote, &kc_cash_quote_shape, message);
}

static struct kc_result read_completion(struct kc_view message)
{
    struct kc_completion completion;
    struct kc_result result = kc_station_check_refusal(message);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&completion, &kc_completion_shape, message);
    }
    if (kc_failed(result)) {
        return result;
    }
    return kc_result(completion.outcome == KC_OUTCOME_COMPLETED ? KC_OK : KC_NOT_COMPLETED);
}

/* The steps of an answer by the source's figure: Fig 14 for cash, Fig 18 for a transfer. */
struct answering {
    const char *asked;
    const char *updated;
    const char *shown;
    struct kc_station_leg yes[2];
    struct kc_station_leg no[2];
};

static const struct answering cash_answering = {
    .asked = "Sa10",
    .updated = "Sa11",
    .shown = "Sa17",
    .yes = {{"Sa12", "cash-answer OK", "Sa13-Sa15", "verified, booked", KC_LOSE_ANSWER},
            {"Sa16", "completion", "Sa16", "verified, certified value applied",
             KC_LOSE_COMPLETION}},
    .no = {{"Sa12", "cash-answer NG", "Sa13-Sa15", "verified, kept as evidence", KC_LOSE_ANSWER},
           {"Sa16", "completion: declined", "Sa17", "nothing changed", KC_LOSE_COMPLETION}},
};

static const struct answering transfer_answering = {
    .asked = "Sd7",
    .updated = "Sd7",
    .shown = "Sd10",
    .yes = {{"Sd8", "cash-answer OK", "Sd9", "verified, booked on both sides", KC_LOSE_ANSWER},
            {"Sd10", "completion", "Sd10", "verified, certified value applied",
             KC_LOSE_COMPLETION}},
    .no = {{"Sd8", "cash-answer NG", "Sd9", "verified, kept as evidence", KC_LOSE_ANSWER},
           {"Sd10", "completion: declined", "Sd10", "nothing changed", KC_LOSE_COMPLETION}},
};

/* NG is evidence for the bank; the purse changed nothing and waits for nothing, so its loss does no harm. */
static struct kc_result say_no(struct kc_station *station, const struct answering *steps)
{
    struct kc_view envelope;
    struct kc_view message;
    kc_station_trace(station, steps->asked, "user", "station", "NG", 0);
    struct kc_result result =
        kc_slot_answer(&envelope, &station->uim, KC_ANSWER_NG, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    (void)kc_failed(kc_station_carry(&message, station, envelope, &steps->no[0], &steps->no[1]));
    return kc_result(KC_DECLINED);
}

static struct kc_result say_yes(struct kc_station *station, const struct answering *steps)
{
    struct kc_view envelope;
    struct kc_view message;
    kc_station_trace(station, steps->asked, "user", "station", "OK", 0);
    struct kc_result result =
        kc_slot_answer(&envelope, &station->uim, KC_ANSWER_OK, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    memcpy(station->envelope, envelope.data, envelope.size);
    envelope = kc_view(station->envelope, envelope.size);
    kc_station_trace(station, steps->updated, "UIM", "UIM", "answered", 0);
    result = kc_station_carry(&message, station, envelope, &steps->yes[0], &steps->yes[1]);
    if (!kc_failed(result)) {
        result = read_completion(message);
        kc_station_trace(station, steps->shown, "station", "user",
                         kc_failed(result) ? "not completed" : "completed", 0);
    }
    return result;
}

/* The bank asks for a sync first when the purse missed its newest certified value, say in a reply that was lost. */
static bool sync_helps(struct kc_station *station, struct kc_result result)
{
    enum kc_outcome outcome;
    return result.code == KC_PENDING && !kc_failed(kc_station_sync(station, &outcome));
}

struct kc_result kc_station_cash(struct kc_station *station, enum kc_cash_kind kind,
                                 struct kc_amount amount, kc_station_ask ask, void *owner)
{
    struct kc_cash_quote quote;
    struct kc_result result = get_quote(&quote, station, kind, amount);
    if (kc_failed(result) && sync_helps(station, result)) {
        result = get_quote(&quote, station, kind, amount);
    }
    if (kc_failed(result)) {
        return result;
    }
    return ask(owner, &quote) ? say_yes(station, &cash_answering)
                              : say_no(station, &cash_answering);
}

static struct kc_result get_transfer_quote(struct kc_transfer_quote *quote,
                                           struct kc_station *station,
                                           enum kc_transfer_source source, struct kc_account_id to,
                                           struct kc_amount amount,
                                           const struct kc_slot_offered *offered)
{
    struct kc_view envelope;
    struct kc_view message;
    static const struct kc_station_leg there = {"Sd2", "transfer-request", "Sd3-Sd4",
                                                "verified, receiver found, computed",
                                                KC_LOSE_REQUEST};
    static const struct kc_station_leg back = {"Sd5", "transfer-quote", "Sd6", "verified",
                                               KC_LOSE_QUOTE};
    kc_station_trace(station, "Sd1", "user", "station", "transfer", 0);
    struct kc_result result = kc_slot_transfer_for(&envelope, &station->uim, source, to, amount,
                                                   kc_clock_now_ms(), offered);
    if (!kc_failed(result)) {
        result = kc_station_carry(&message, station, envelope, &there, &back);
    }
    if (!kc_failed(result)) {
        result = kc_station_check_refusal(message);
    }
    return kc_failed(result) ? result : kc_shape_decode(quote, &kc_transfer_quote_shape, message);
}

struct kc_result kc_station_transfer(struct kc_station *station, enum kc_transfer_source source,
                                     struct kc_account_id to, struct kc_amount amount,
                                     kc_station_ask_transfer ask, void *owner)
{
    return kc_station_transfer_for(station, source, to, amount, NULL, ask, owner);
}

struct kc_result kc_station_transfer_for(struct kc_station *station, enum kc_transfer_source source,
                                         struct kc_account_id to, struct kc_amount amount,
                                         const struct kc_slot_offered *offered,
                                         kc_station_ask_transfer ask, void *owner)
{
    struct kc_transfer_quote quote;
    struct kc_result result = get_transfer_quote(&quote, station, source, to, amount, offered);
    if (kc_failed(result) && sync_helps(station, result)) {
        result = get_transfer_quote(&quote, station, source, to, amount, offered);
    }
    if (kc_failed(result)) {
        return result;
    }
    return ask(owner, &quote) ? say_yes(station, &transfer_answering)
                              : say_no(station, &transfer_answering);
}

static struct kc_result ask_fund(struct kc_station *station, enum kc_fund_kind kind,
                                 struct kc_amount amount)
{
    struct kc_view envelope;
    struct kc_view message;
    struct kc_fund_reply reply;
    static const struct kc_station_leg there = {"fund-1", "fund-request", "fund-1",
                                                "asked the ordinary bank", KC_LOSE_REQUEST};
    static const struct kc_station_leg back = {
        "fund-2", "fund-reply", "fund-2", "verified, certified value applied", KC_LOSE_COMPLETION};
    struct kc_result result =
        kc_slot_fund_request(&envelope, &station->uim, kind, amount, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    result = kc_station_carry(&message, station, envelope, &there, &back);
    if (!kc_failed(result)) {
        result = kc_station_check_refusal(message);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&reply, &kc_fund_reply_shape, message);
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

struct kc_result kc_station_fund(struct kc_station *station, enum kc_fund_kind kind,
                                 struct kc_amount amount)
{
    struct kc_result result = ask_fund(station, kind, amount);
    return kc_failed(result) && sync_helps(station, result) ? ask_fund(station, kind, amount)
                                                            : result;
}

static struct kc_result recover(struct kc_station *station, enum kc_outcome *outcome)
{
    struct kc_view envelope;
    struct kc_view message;
    struct kc_state_reply reply;
    static const struct kc_station_leg there = {
        "sync-1", "state-request", "sync-1", "transaction ended, certified anew", KC_LOSE_REQUEST};
    static const struct kc_station_leg back = {"sync-2", "state-reply", "sync-2",
                                               "verified, conformed", KC_LOSE_COMPLETION};
    struct kc_result result = kc_slot_state_request(&envelope, &station->uim, kc_clock_now_ms());
    if (kc_failed(result)) {
        return result;
    }
    result = kc_station_carry(&message, station, envelope, &there, &back);
    if (!kc_failed(result)) {
        result = kc_station_check_refusal(message);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&reply, &kc_state_reply_shape, message);
        *outcome = reply.outcome;
    }
    return result;
}

/* A UIM that overwrote entries which the bank knows by an earlier report, whose reply was lost, reports what is left of them
 * first: only then can it follow what the bank says. */
static struct kc_result recover_over_gap(struct kc_station *station, enum kc_outcome *outcome)
{
    struct kc_result result = recover(station, outcome);
    if (result.code == KC_STALE_STATE) {
        result = kc_station_report(station);
        result = kc_failed(result) ? result : recover(station, outcome);
    }
    return result;
}

/* The recovery call ends what is pending at the bank, and is what remains to ask when there is nothing to report. */
struct kc_result kc_station_sync(struct kc_station *station, enum kc_outcome *outcome)
{
    struct kc_purse_info info;
    *outcome = KC_OUTCOME_NONE;
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (kc_failed(result)) {
        return result;
    }
    bool unreported = info.uncovered > 0 || !kc_amount_is_zero(info.open);
    if (info.life != KC_LIFE_READY || !unreported) {
        result = recover_over_gap(station, outcome);
        if (!kc_failed(result)) {
            result = kc_slot_info(&info, &station->uim);
        }
        unreported = info.uncovered > 0 || !kc_amount_is_zero(info.open);
    }
    return !kc_failed(result) && unreported ? kc_station_report(station) : result;
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

void kc_station_report_when_low(struct kc_station *station, uint64_t room)
{
    struct kc_purse_info info;
    enum kc_outcome outcome;
    if (kc_failed(kc_slot_info(&info, &station->uim)) || info.log_room >= room ||
        info.log_policy != KC_LOG_POLICY_REPORT) {
        return;
    }
    kc_station_trace(station, "report", "station", "station", "the history is nearly full", 0);
    (void)kc_failed(kc_station_sync(station, &outcome));
}
