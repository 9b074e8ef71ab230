/* Renewal by the authority (EP1221669 Fig 13): the user's action after the bank's word that keys wait, S6 to S10.
 *
 *   lost                   what stands                          `renew --by authority` again
 *   claim, its answer      the old keys                         claims again: the same keys
 *   S6, S7                 the old keys                         claims, and asks the authority again: the same keys
 *   S10, S11               the new keys; the report under       tells the authority again
 *                          them tells the bank, which tells it
 *   the report             the new keys                         tells the authority, and reports
 */
#include <string.h>

#include "base/clock.h"
#include "station/inside.h"
#include "station/roll.h"

/* Where the authority answers, as the bank told the UIM. */
static struct kc_result find_authority(char url[KC_URL_SIZE_MAX + 1], struct kc_station *station)
{
    struct kc_view content;
    struct kc_next_keys keys;
    struct kc_result result = kc_slot_next_keys(&content, &station->uim);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&keys, &kc_next_keys_shape, content);
    }
    if (kc_failed(result) || keys.url.size == 0 || keys.url.size > KC_URL_SIZE_MAX) {
        return kc_failed(result) ? result : kc_result(KC_MALFORMED);
    }
    memcpy(url, keys.url.data, keys.url.size);
    url[keys.url.size] = '\0';
    return result;
}

static struct kc_result claim(struct kc_station *station)
{
    struct kc_view envelope;
    struct kc_view message;
    static const struct kc_station_leg there = {
        "S5-1", "claim-request", "S4", "verified, found in the directory", KC_LOSE_IDENTIFY};
    static const struct kc_station_leg back = {"S5-2", "claim-reply", "S5-2", "verified, kept",
                                               KC_LOSE_IDENTITY};
    struct kc_result result =
        kc_slot_handover(&envelope, &station->uim, KC_HANDOVER_STEP_CLAIM, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = kc_station_carry(&message, station, envelope, &there, &back);
    }
    return kc_failed(result) ? result : kc_station_check_refusal(message);
}

static struct kc_result ask(struct kc_station *station, const char *url)
{
    struct kc_view envelope;
    struct kc_view message;
    static const struct kc_station_leg there = {
        "S6", "key-request", "S6", "verified, the keys noted as given", KC_LOSE_REQUEST};
    static const struct kc_station_leg back = {
        "S7", "key-reply", "S8-S9", "verified, opened, the keys changed over", KC_LOSE_QUOTE};
    struct kc_result result =
        kc_slot_handover(&envelope, &station->uim, KC_HANDOVER_STEP_REQUEST, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = kc_station_carry_to(&message, station, "authority", url, envelope, &there, &back);
    }
    return kc_failed(result) ? result : kc_station_check_refusal(message);
}

static struct kc_result confirm(struct kc_station *station, const char *url)
{
    struct kc_view envelope;
    struct kc_view message;
    static const struct kc_station_leg there = {"S10", "key-confirm", "S11",
                                                "the old certificates on the list, the keys gone",
                                                KC_LOSE_ANSWER};
    static const struct kc_station_leg back = {"S11", "done", "S11", "noted", KC_LOSE_COMPLETION};
    struct kc_result result =
        kc_slot_handover(&envelope, &station->uim, KC_HANDOVER_STEP_CONFIRM, kc_clock_now_ms());
    if (!kc_failed(result)) {
        result = kc_station_carry_to(&message, station, "authority", url, envelope, &there, &back);
    }
    return kc_failed(result) ? result : kc_station_check_refusal(message);
}

/* The report under the new key. Where the authority has not heard of the change, the bank tells it. */
static struct kc_result finish(struct kc_station *station)
{
    char url[KC_URL_SIZE_MAX + 1];
    enum kc_station_loss lose = station->lose;
    struct kc_result told = find_authority(url, station);
    if (!kc_failed(told)) {
        told = confirm(station, url);
    }
    station->lose = lose == KC_LOSE_PAYMENT   ? KC_LOSE_REQUEST
                    : lose == KC_LOSE_HOTLIST ? KC_LOSE_COMPLETION
                                              : KC_LOSE_NOTHING;
    struct kc_result result = kc_station_report(station);
    station->lose = lose;
    return result;
}

static struct kc_result handover_of(enum kc_handover *out, struct kc_station *station)
{
    struct kc_purse_info info;
    struct kc_result result = kc_slot_info(&info, &station->uim);
    *out = kc_failed(result) ? KC_HANDOVER_NONE : info.handover;
    return result;
}

struct kc_result kc_station_take_over(struct kc_station *station)
{
    char url[KC_URL_SIZE_MAX + 1];
    enum kc_outcome outcome = KC_OUTCOME_NONE;
    enum kc_handover handover;
    enum kc_station_loss lose = station->lose;
    struct kc_result result = handover_of(&handover, station);
    if (kc_failed(result)) {
        return result;
    }
    /* Whatever goes to the authority is sealed for the key that the bank names last. */
    (void)kc_station_learn_keys(station);
    if (handover == KC_HANDOVER_CHANGED || kc_station_is_unconfirmed(station)) {
        return finish(station);
    }
    /* What is lost on purpose belongs to the renewal. */
    station->lose = KC_LOSE_NOTHING;
    result = kc_station_sync(station, &outcome);
    station->lose = lose;
    if (!kc_failed(result)) {
        result = claim(station);
    }
    if (!kc_failed(result)) {
        result = find_authority(url, station);
    }
    if (!kc_failed(result)) {
        result = ask(station, url);
    }
    return kc_failed(result) ? result : finish(station);
}
