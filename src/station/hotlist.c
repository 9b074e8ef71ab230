#include "station/hotlist.h"

#include <inttypes.h>
#include <stdio.h>

#include "message/cose.h"
#include "service/message_client.h"
#include "station/inside.h"
#include "station/roll.h"

#define STATUS_OK 200

void kc_station_fetch_hotlist(struct kc_station *station)
{
    char full[KC_URL_SIZE_MAX + 16];
    struct kc_buffer list = KC_BUFFER(station->reply);
    struct kc_http_reply reply = {.content = &list};
    int size = snprintf(full, sizeof full, "%s/v1/hotlist", station->url);
    const struct kc_http_call call = {.url = full};
    if (size < 0 || (size_t)size >= sizeof full ||
        kc_failed(kc_http_client_call(station->client, &reply, &call)) ||
        reply.status != STATUS_OK || list.size == 0) {
        return;
    }
    if (!kc_failed(kc_slot_take_hotlist(&station->uim, kc_buffer_view(&list)))) {
        kc_station_trace(station, "hotlist", "bank", "UIM", "hotlist taken", list.size);
    }
}

struct kc_result kc_station_load_card(struct kc_station *station)
{
    char full[KC_URL_SIZE_MAX + 48];
    struct kc_purse_info info;
    struct kc_buffer loaded = KC_BUFFER(station->reply);
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (kc_failed(result)) {
        return result;
    }
    int size =
        snprintf(full, sizeof full, "%s/v1/card?purse=%" PRIu64, station->url, info.purse.number);
    if (size < 0 || (size_t)size >= sizeof full) {
        return kc_result(KC_TOO_LARGE);
    }
    result = kc_message_get(&loaded, station->client, full);
    if (!kc_failed(result)) {
        result = kc_slot_take_certified(&station->uim, kc_buffer_view(&loaded));
    }
    if (!kc_failed(result)) {
        kc_station_trace(station, "card", "bank", "card", "SGN4 taken", loaded.size);
    }
    return result;
}

struct kc_result kc_hotlist_pass(const struct kc_exchange *exchange, const char *from,
                                 const char *to, uint64_t theirs)
{
    const struct kc_station_line line = {"hotlist", from, to, "hotlist", KC_LOSE_HOTLIST};
    struct kc_slot *uim = &exchange->station->uim;
    struct kc_purse_info info;
    struct kc_view list;
    struct kc_result result = kc_slot_info(&info, uim);
    if (kc_failed(result) || info.hotlist <= theirs) {
        return result;
    }
    result = kc_slot_hotlist(&list, uim);
    if (kc_failed(result)) {
        return result.code == KC_NOT_FOUND ? kc_ok() : result;
    }
    return kc_talk_send(exchange, &line, list);
}

bool kc_hotlist_is(struct kc_view message)
{
    struct kc_signed parsed;
    return !kc_failed(kc_signed_parse(&parsed, message)) &&
           kc_signed_shape(&parsed) == &kc_hotlist_shape;
}

void kc_hotlist_take(const struct kc_exchange *exchange, const char *to, struct kc_view message)
{
    struct kc_result result = kc_slot_take_hotlist(&exchange->station->uim, message);
    kc_station_trace(exchange->station, "hotlist", to, to,
                     kc_failed(result) ? kc_error_name(result.code) : "hotlist taken", 0);
}
