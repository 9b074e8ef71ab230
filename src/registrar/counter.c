/* Renewal at the counter (EP1221669 [0114] B2, D2): the new keys are made in the UIM, and whatever of it goes to the bank has the
 * registrar's word with it. */
#include <string.h>

#include "base/clock.h"
#include "registrar/registrar.h"
#include "station/station.h"

/* Who vouches, and for which purse. */
struct word {
    struct kc_registrar *registrar;
    struct kc_account_id account;
    struct kc_purse_id purse;
};

struct kc_result kc_registrar_counter_open(struct kc_account_id *account,
                                           struct kc_station *station,
                                           struct kc_registrar *registrar, const char *place)
{
    struct kc_purse_info info;
    const struct kc_registrar_config *config = &registrar->config;
    struct kc_result result =
        kc_station_open(station, place, config->bank_url, (unsigned)config->timeout_ms);
    memcpy(registrar->words, station->place.words, sizeof registrar->words);
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &station->uim);
    }
    if (kc_failed(result)) {
        return result;
    }
    if (info.bank != registrar->realm.bank ||
        !kc_view_equal(info.currency, kc_view_text(config->currency))) {
        return kc_result(KC_WRONG_DOMAIN);
    }
    *account = info.account;
    return kc_ok();
}

static struct kc_result vouch(void *owner, struct kc_view envelope)
{
    struct kc_done done;
    const struct word *word = owner;
    struct kc_registrar *registrar = word->registrar;
    struct kc_counter_request request = {
        .account = word->account, .purse = word->purse, .time_ms = kc_clock_now_ms()};
    kc_digest(&registrar->crypto, request.request, envelope);
    return kc_registrar_ask(&done, &kc_done_shape, registrar, &registrar->bank,
                            registrar->config.bank_url, request.time_ms, &kc_counter_request_shape,
                            &request);
}

struct kc_result kc_registrar_counter_renew(struct kc_station *station,
                                            struct kc_registrar *registrar,
                                            struct kc_account_id account)
{
    struct kc_purse_info info;
    struct word word = {.registrar = registrar};
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (kc_failed(result)) {
        return result;
    }
    /* A thing that calls itself somebody else's now gets no word for that. */
    if (info.account.number != account.number) {
        return kc_result(KC_MISMATCH);
    }
    word.account = account;
    word.purse = info.purse;
    station->vouch = vouch;
    station->vouch_owner = &word;
    station->trace = registrar->trace;
    result = kc_station_renew(station);
    station->vouch = NULL;
    station->vouch_owner = NULL;
    station->trace.fd = -1;
    return result;
}

void kc_registrar_counter_close(struct kc_station *station)
{
    kc_station_close(station);
}
