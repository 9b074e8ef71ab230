/* The station (MS): drives a UIM and carries its envelopes to the bank. It sees no key and decides nothing about value. */
#ifndef KC_STATION_STATION_H
#define KC_STATION_STATION_H

#include "crypto/bearssl.h"
#include "reader/place.h"
#include "service/http_client.h"
#include "service/trace.h"

/* Faults on purpose, for demonstrations and tests: which message is lost on the way. */
enum kc_station_loss {
    KC_LOSE_NOTHING,
    KC_LOSE_REQUEST,
    KC_LOSE_QUOTE,
    KC_LOSE_ANSWER,
    KC_LOSE_COMPLETION,
    KC_LOSE_IDENTIFY,
    KC_LOSE_IDENTITY,
    KC_LOSE_PAYMENT,
    KC_LOSE_HOTLIST,
    KC_LOSE_NEVER /* of a line that cannot be lost on purpose */
};

/* What the word of --lose names; false when it is none. */
KC_MUST_USE bool kc_station_take_loss(enum kc_station_loss *out, const char *word);

/* The bank's objections to reported records that are kept to be told. */
#define KC_STATION_OBJECTIONS_MAX 48u

/* Somebody who says a word to the bank about a message before it goes there, as the registrar at the counter does. */
typedef struct kc_result (*kc_station_vouch)(void *owner, struct kc_view envelope);

struct kc_station {
    struct kc_crypto crypto; /* the backend inside the purse, over the state below */
    struct kc_bearssl crypto_state;
    struct kc_purse_place place;
    bool opened;  /* the UIM answers */
    bool is_card; /* a prepaid card stands in its place */
    struct kc_slot uim;
    struct kc_http_client *client;
    char url[KC_URL_SIZE_MAX + 1];
    char currency[4];
    unsigned decimals;
    struct kc_trace trace;
    enum kc_station_loss lose;
    kc_station_vouch vouch; /* NULL: nobody */
    void *vouch_owner;
    size_t objection_count;
    struct kc_objection objections[KC_STATION_OBJECTIONS_MAX];
    uint8_t envelope[KC_MESSAGE_SIZE_MAX];
    uint8_t reply[KC_MESSAGE_SIZE_MAX];
};

/* Opens the UIM at `place`, a file or pcsc:READER; url NULL: the bank that the UIM names. KC_CARD_BLANK; errors of
 * kc_purse_place_open, which leave their words in `place`. */
KC_MUST_USE struct kc_result kc_station_open(struct kc_station *station, const char *place,
                                             const char *url, unsigned timeout_ms);
void kc_station_close(struct kc_station *station);

KC_MUST_USE struct kc_result kc_station_verify_pin(struct kc_station *station, struct kc_view pin);

/* Asks the user; true for OK. */
typedef bool (*kc_station_ask)(void *owner, const struct kc_cash_quote *quote);

/* Sa1-Sa17. *outcome says how it ended when the result is KC_OK. KC_DECLINED for NG, KC_NOT_COMPLETED when the bank says so,
 * KC_TIMEOUT and KC_UNREACHABLE when no word came (then sync), the bank's refusal by its reason. */
KC_MUST_USE struct kc_result kc_station_cash(struct kc_station *station, enum kc_cash_kind kind,
                                             struct kc_amount amount, kc_station_ask ask,
                                             void *owner);

typedef bool (*kc_station_ask_transfer)(void *owner, const struct kc_transfer_quote *quote);

/* Sd1-Sd10: as kc_station_cash. */
KC_MUST_USE struct kc_result kc_station_transfer(struct kc_station *station,
                                                 enum kc_transfer_source source,
                                                 struct kc_account_id to, struct kc_amount amount,
                                                 kc_station_ask_transfer ask, void *owner);

/* The same, to pay a machine's offer. */
KC_MUST_USE struct kc_result kc_station_transfer_for(struct kc_station *station,
                                                     enum kc_transfer_source source,
                                                     struct kc_account_id to,
                                                     struct kc_amount amount,
                                                     const struct kc_slot_offered *offered,
                                                     kc_station_ask_transfer ask, void *owner);

/* Funds or redeems. KC_IN_DOUBT when the ordinary bank's outcome is not known yet (then sync). */
KC_MUST_USE struct kc_result kc_station_fund(struct kc_station *station, enum kc_fund_kind kind,
                                             struct kc_amount amount);

/* The recovery call if a transaction with the bank is pending or nothing else is to be asked, then reports until every entry is
 * certified. *outcome is about the transaction that was pending; the bank's objections to records are added to `objections`. */
KC_MUST_USE struct kc_result kc_station_sync(struct kc_station *station, enum kc_outcome *outcome);

/* Sr1-Sr6: reports, makes new keys in the UIM, has them certified, changes over to them and confirms; or goes on where an earlier
 * call stood. KC_PENDING: a payment is open since before the last renewal, or the bank cannot cover everything yet. */
KC_MUST_USE struct kc_result kc_station_renew(struct kc_station *station);

/* S6-S11: reports, claims the keys that the authority made, has the UIM change over to them, and confirms; or goes on where an
 * earlier call stood. KC_NO_KEY_READY, KC_KEY_GONE; KC_PENDING as above. */
KC_MUST_USE struct kc_result kc_station_take_over(struct kc_station *station);

/* Fetches the bank's newest hotlist, which is public, and gives it to the UIM. Nothing rests on it: a bank that has none or is
 * away leaves the UIM the one it has. */
void kc_station_fetch_hotlist(struct kc_station *station);

/* Fetches SGN4 of the card without keys that stands in the place of the UIM, which is public, and gives it to the card: what the
 * bank loaded on it since. KC_MISMATCH when it is none of this card, the bank's refusal by its reason. */
KC_MUST_USE struct kc_result kc_station_load_card(struct kc_station *station);

/* Under the policy "report": syncs by itself when the history has room for fewer entries than that. When the bank is away, the
 * history goes on filling. */
void kc_station_report_when_low(struct kc_station *station, uint64_t room);

/* Before a new transaction: finishes what is pending, so that it cannot stand in the way. */
KC_MUST_USE struct kc_result kc_station_settle(struct kc_station *station);

#endif
