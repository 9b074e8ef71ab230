/* Settlement: the UIM's entries go to the bank, oldest first, and come back as a certified value (EP1221669 Fig 16, 17, Sc). */
#include <string.h>

#include "base/clock.h"
#include "station/inside.h"

/* 48 entries can wait in a UIM, at least one goes with each report, and each may bring an entry that gives a payment back. */
#define REPORTS_MAX 100u

static void keep_objections(struct kc_station *station, const struct kc_settle_reply *reply)
{
    for (size_t i = 0; i < reply->objections.count; i++) {
        struct kc_objection objection;
        if (station->objection_count < KC_STATION_OBJECTIONS_MAX &&
            !kc_failed(
                kc_shape_decode(&objection, &kc_objection_shape, reply->objections.items[i]))) {
            station->objections[station->objection_count++] = objection;
        }
    }
}

static struct kc_result report_once(struct kc_station *station)
{
    struct kc_view envelope;
    struct kc_view message;
    struct kc_settle_reply reply;
    static const struct kc_station_leg there = {"Sc1", "settle-request", "Sc2", "verified, booked",
                                                KC_LOSE_REQUEST};
    static const struct kc_station_leg back = {
        "Sc3", "settle-reply", "Sc4", "verified, certified value applied", KC_LOSE_COMPLETION};
    struct kc_result result = kc_slot_settle_request(&envelope, &station->uim, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = kc_station_carry(&message, station, envelope, &there, &back);
    }
    if (!kc_failed(result)) {
        result = kc_station_check_refusal(message);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&reply, &kc_settle_reply_shape, message);
    }
    if (!kc_failed(result)) {
        keep_objections(station, &reply);
    }
    return result;
}

struct kc_result kc_station_report(struct kc_station *station)
{
    for (unsigned i = 0; i < REPORTS_MAX; i++) {
        struct kc_purse_info info;
        struct kc_result result = report_once(station);
        if (!kc_failed(result)) {
            result = kc_slot_info(&info, &station->uim);
        }
        if (kc_failed(result) || info.uncovered == 0) {
            return result;
        }
    }
    return kc_result(KC_NOT_COMPLETED);
}
