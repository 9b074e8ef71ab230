#include "station/roll.h"

#include <string.h>

#include "message/identity.h"
#include "message/roll.h"
#include "service/message_client.h"
#include "station/inside.h"
#include "station/notice.h"

/* As many records as a bank has, and one that it does not have. */
#define ROLLS_MAX 33u

/* The number of a record that the UIM holds, the newest or the one before; 0 when there is none. */
static uint64_t number_of(struct kc_slot *uim, unsigned back)
{
    struct kc_view bytes;
    struct kc_roll roll;
    return kc_failed(kc_slot_roll(&bytes, uim, back)) || kc_failed(kc_roll_read(&roll, bytes))
               ? 0
               : roll.number;
}

/* ---- from the bank ---- */

/* A purse that was personalised after some roll-overs holds none of their records and takes none but the one that leads to
 * its own keys, so those before it are passed over. */
static bool take_all(struct kc_station *station)
{
    uint64_t after = number_of(&station->uim, 0);
    bool taken = false;
    for (unsigned i = 0; i < ROLLS_MAX; i++, after++) {
        uint8_t bytes[KC_ROLL_SIZE_MAX];
        struct kc_buffer roll = KC_BUFFER(bytes);
        if (kc_failed(
                kc_message_get_after(&roll, station->client, station->url, "/v1/roll", after))) {
            break;
        }
        struct kc_result result = kc_slot_take_roll(&station->uim, kc_buffer_view(&roll));
        if (!kc_failed(result)) {
            taken = true;
            kc_station_trace(station, "roll", "bank", "UIM", "the bank's new keys taken",
                             roll.size);
        } else if (result.code != KC_UNKNOWN_SIGNER) {
            break;
        }
    }
    return taken;
}

struct kc_result kc_station_bank(struct kc_realm *realm, struct kc_public_key *key,
                                 struct kc_station *station)
{
    struct kc_purse_info info;
    struct kc_view encoded;
    char currency[4] = "";
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (!kc_failed(result)) {
        memcpy(currency, info.currency.data, info.currency.size < 3 ? info.currency.size : 3);
        result = kc_realm_set(realm, info.bank, currency);
    }
    if (!kc_failed(result)) {
        result = kc_slot_bank_key(&encoded, &station->uim, 0);
    }
    return kc_failed(result) ? result : kc_key_decode(key, encoded);
}

/* Whether the UIM's identity is signed by the bank's key in force. */
static bool is_current(struct kc_station *station, struct kc_view identity)
{
    struct kc_realm realm;
    struct kc_public_key bank;
    struct kc_identity opened;
    struct kc_result result = kc_station_bank(&realm, &bank, station);
    if (!kc_failed(result)) {
        result = kc_identity_open(&opened, &station->crypto, &bank, &realm, identity);
        kc_wipe(opened.secret, sizeof opened.secret);
    }
    return !kc_failed(result);
}

/* Partners who know the bank's old key no more need the identity under the new one. */
static void renew_identity(struct kc_station *station)
{
    uint8_t held[KC_RECORD_SIZE_MAX];
    uint8_t anew[KC_RECORD_SIZE_MAX];
    struct kc_buffer out = KC_BUFFER(anew);
    struct kc_view identity;
    if (number_of(&station->uim, 0) == 0 || kc_failed(kc_slot_identity(&identity, &station->uim)) ||
        identity.size > sizeof held) {
        return;
    }
    size_t size = identity.size;
    memcpy(held, identity.data, size);
    identity = kc_view(held, size);
    if (is_current(station, identity) ||
        kc_failed(
            kc_message_post_to(&out, station->client, station->url, "/v1/identity", identity))) {
        return;
    }
    if (!kc_failed(kc_slot_take_identity(&station->uim, kc_buffer_view(&out)))) {
        kc_station_trace(station, "roll", "bank", "UIM", "identity signed anew", out.size);
    }
}

bool kc_station_learn_keys(struct kc_station *station)
{
    bool taken = take_all(station);
    renew_identity(station);
    /* After those, for the bank's newest key may have signed it. */
    return kc_station_learn_notice(station) || taken;
}

/* ---- between purses ---- */

struct kc_result kc_roll_pass(const struct kc_exchange *exchange, const char *from, const char *to,
                              uint64_t theirs)
{
    const struct kc_station_line line = {"roll", from, to, "the bank's new keys", KC_LOSE_HOTLIST};
    struct kc_slot *uim = &exchange->station->uim;
    struct kc_result result = kc_ok();
    for (unsigned back = KC_ROLLS_PASSED; back > 0 && !kc_failed(result); back--) {
        struct kc_view roll;
        uint64_t number = number_of(uim, back - 1);
        if (number > theirs && !kc_failed(kc_slot_roll(&roll, uim, back - 1))) {
            result = kc_talk_send(exchange, &line, roll);
        }
    }
    return result;
}

bool kc_roll_is(struct kc_view message)
{
    struct kc_signed parsed;
    return !kc_failed(kc_signed_parse(&parsed, message)) &&
           kc_signed_shape(&parsed) == &kc_rolled_keys_shape;
}

void kc_roll_take(const struct kc_exchange *exchange, const char *to, struct kc_view message)
{
    struct kc_result result = kc_slot_take_roll(&exchange->station->uim, message);
    kc_station_trace(exchange->station, "roll", to, to,
                     kc_failed(result) ? kc_error_name(result.code) : "the bank's new keys taken",
                     0);
}
