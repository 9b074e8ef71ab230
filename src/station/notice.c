#include "station/notice.h"

#include <string.h>

#include "message/notice.h"
#include "service/message_client.h"
#include "station/inside.h"

/* What the notice that the UIM holds says; number 0 when it holds none. */
static void held(uint64_t *number, uint64_t *told_ms, struct kc_slot *uim)
{
    struct kc_view bytes;
    struct kc_noticed_keys told;
    struct kc_signed parsed;
    bool there = !kc_failed(kc_slot_notice(&bytes, uim)) &&
                 !kc_failed(kc_notice_read(&told, &parsed, bytes));
    *number = there ? told.number : 0;
    *told_ms = there ? told.time_ms : 0;
}

bool kc_station_learn_notice(struct kc_station *station)
{
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
    struct kc_buffer notice = KC_BUFFER(bytes);
    uint64_t number = kc_slot_notice_number(&station->uim);
    if (kc_failed(
            kc_message_get_after(&notice, station->client, station->url, "/v1/notice", number))) {
        return false;
    }
    struct kc_result result = kc_slot_take_notice(&station->uim, kc_buffer_view(&notice));
    kc_station_trace(station, "notice", "bank", "UIM",
                     kc_failed(result) ? kc_error_name(result.code)
                                       : "the authority's newest keys taken",
                     notice.size);
    return !kc_failed(result);
}

struct kc_result kc_station_authority(struct kc_authority_known *out, struct kc_station *station)
{
    struct kc_view der;
    struct kc_certificate certificate;
    memset(out, 0, sizeof *out);
    struct kc_result result = kc_slot_issuer(&der, &station->uim);
    if (kc_failed(result)) {
        return result;
    }
    kc_digest(&station->crypto, out->certificate, der);
    if (!kc_failed(kc_certificate_read(&certificate, der))) {
        memcpy(out->name, certificate.subject, sizeof out->name);
    }
    held(&out->number, &out->told_ms, &station->uim);
    return result;
}
