#include "station/hotlist.h"

#include <inttypes.h>
#include <stdio.h>

#include "message/cose.h"
#include "service/message_client.h"
#include "station/inside.h"
#include "station/roll.h"

#define STATUS_OK 200
/* A base and a delta, or a base that became an older one meanwhile, a newer one and its delta. */
#define PARTS_MAX 3u
#define ASKING_SIZE_MAX 48

/* Asks for the list, or a part of it, and gives it to the UIM. False when nothing came. */
static bool fetch(struct kc_result *taken, struct kc_buffer *part, struct kc_station *station,
                  const char *asking)
{
    char full[KC_URL_SIZE_MAX + ASKING_SIZE_MAX];
    struct kc_http_reply reply = {.content = part};
    int size = snprintf(full, sizeof full, "%s/v1/hotlist%s", station->url, asking);
    const struct kc_http_call call = {.url = full};
    if (size < 0 || (size_t)size >= sizeof full ||
        kc_failed(kc_http_client_call(station->client, &reply, &call)) ||
        reply.status != STATUS_OK) {
        return false;
    }
    *taken = kc_slot_take_hotlist(&station->uim, kc_buffer_view(part));
    if (!kc_failed(*taken)) {
        kc_station_trace(station, "hotlist", "bank", "UIM", "hotlist taken", part->size);
    }
    return true;
}

/* What adds to a base. False when nothing more is to be had; *base becomes the version of a base that came, whether the UIM took
 * it or held it before. A UIM that was passed a list of the older form, newer than the newest base, takes neither that base nor
 * what adds to it, and gets the newest list of the older form. */
static bool fetch_part(struct kc_station *station, uint64_t *base)
{
    char asking[ASKING_SIZE_MAX];
    struct kc_buffer part = KC_BUFFER(station->reply);
    struct kc_result taken = kc_ok();
    struct kc_signed parsed;
    struct kc_hotlist_base record;
    (void)snprintf(asking, sizeof asking, "?have=%" PRIu64, *base);
    if (!fetch(&taken, &part, station, asking) ||
        kc_failed(kc_signed_parse(&parsed, kc_buffer_view(&part)))) {
        return false;
    }
    if (taken.code == KC_BASE_NEEDED) {
        (void)fetch(&taken, &part, station, "");
        return false;
    }
    bool more = kc_signed_shape(&parsed) == &kc_hotlist_base_shape &&
                !kc_failed(kc_shape_decode(&record, &kc_hotlist_base_shape, parsed.payload));
    *base = more ? record.version : *base;
    return more;
}

void kc_station_fetch_hotlist(struct kc_station *station)
{
    struct kc_purse_info info;
    if (kc_failed(kc_slot_info(&info, &station->uim))) {
        return;
    }
    for (unsigned parts = 0; parts < PARTS_MAX && fetch_part(station, &info.hotlist_base);
         parts++) {
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
                                 const char *to, struct kc_hotlist_told theirs)
{
    const struct kc_station_line line = {"hotlist", from, to, "hotlist", KC_LOSE_HOTLIST};
    struct kc_slot *uim = &exchange->station->uim;
    struct kc_view part;
    unsigned next = 0;
    struct kc_result result = kc_slot_hotlist(&part, uim, &theirs, &next);
    while (!kc_failed(result)) {
        result = kc_talk_send(exchange, &line, part);
        if (!kc_failed(result)) {
            result = kc_slot_hotlist(&part, uim, &theirs, &next);
        }
    }
    return result.code == KC_NOT_FOUND ? kc_ok() : result;
}

void kc_hotlist_take(const struct kc_exchange *exchange, const char *to, struct kc_view message)
{
    struct kc_result result = kc_slot_take_hotlist(&exchange->station->uim, message);
    kc_station_trace(exchange->station, "hotlist", to, to,
                     kc_failed(result) ? kc_error_name(result.code) : "hotlist taken", 0);
}
