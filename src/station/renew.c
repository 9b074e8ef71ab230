/* Renewal of the UIM's keys (EP1221669 [0113] to [0124], D2): Sr1 to Sr6. */
#include <string.h>

#include "base/clock.h"
#include "station/inside.h"
#include "station/roll.h"

bool kc_station_is_unconfirmed(struct kc_station *station)
{
    struct kc_purse_info info;
    struct kc_entry entry;
    if (kc_failed(kc_slot_info(&info, &station->uim))) {
        return false;
    }
    uint64_t count = info.uncovered < KC_LIST_COUNT_MAX * 8u ? info.uncovered : 0;
    for (uint64_t back = 0; back < count; back++) {
        if (kc_failed(kc_slot_history(&entry, &station->uim, (uint8_t)back))) {
            return false;
        }
        if (entry.kind == KC_ENTRY_KIND_CLOSE) {
            return true;
        }
    }
    return false;
}

static struct kc_result ask(struct kc_station *station)
{
    struct kc_view envelope;
    struct kc_view message;
    static const struct kc_station_leg there = {
        "Sr1", "renew-request", "Sr2-Sr3", "certified, found in the directory", KC_LOSE_REQUEST};
    static const struct kc_station_leg back = {"Sr4", "renew-reply", "Sr4",
                                               "verified, the keys changed over", KC_LOSE_QUOTE};
    struct kc_result result = kc_slot_renew_request(&envelope, &station->uim, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = kc_station_carry(&message, station, envelope, &there, &back);
    }
    return kc_failed(result) ? result : kc_station_check_refusal(message);
}

/* The report under the new key is the confirmation. */
static struct kc_result confirm(struct kc_station *station)
{
    enum kc_station_loss lose = station->lose;
    if (lose == KC_LOSE_ANSWER) {
        station->lose = KC_LOSE_REQUEST;
    }
    struct kc_result result = kc_station_report(station);
    station->lose = lose;
    return result;
}

struct kc_result kc_station_renew(struct kc_station *station)
{
    enum kc_outcome outcome = KC_OUTCOME_NONE;
    (void)kc_station_learn_keys(station);
    if (kc_station_is_unconfirmed(station)) {
        return confirm(station);
    }
    enum kc_station_loss lose = station->lose;
    /* What is lost on purpose belongs to the renewal. */
    station->lose = KC_LOSE_NOTHING;
    struct kc_result result = kc_station_sync(station, &outcome);
    station->lose = lose;
    if (!kc_failed(result)) {
        result = ask(station);
    }
    return kc_failed(result) ? result : confirm(station);
}
