/* Buying from the account (EP1221669 [0211]): the machine's offer is paid at the bank, whose word on it the machine takes.
 *
 * | cut after            | the file       | `claim` at the machine                                          |
 * |----------------------|----------------|-----------------------------------------------------------------|
 * | offer                | none           | nothing was paid                                                |
 * | offer kept           | offer          | the bank knows no payment: put aside, `not-completed`           |
 * | OK sent              | offer          | the bank says how it ended; its word is fetched, and presented  |
 * | voucher kept         | offer, voucher | presented; the machine gives the same outcome however often     |
 * | outcome heard        | gone           | nothing                                                         |
 *
 * The offer is in the file, durably, before the bank hears of it, and leaves it only by the machine's word on how the sale ended
 * or the bank's that somebody else paid it. That nobody paid it is said without a signature: then every pending transaction was
 * ended at the bank before, and the file is put aside as `unpaid-…`, not removed, for whoever lies between station and bank. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "message/cose.h"
#include "message/identity.h"
#include "service/files.h"
#include "service/message_client.h"
#include "station/buy.h"
#include "station/inside.h"
#include "station/show.h"
#include "station/talk.h"

#define OFFER_SIZE_MAX 608u
#define VOUCHER_SIZE_MAX KC_RECORD_SIZE_MAX
#define TEXT_SIZE_MAX (2u * (OFFER_SIZE_MAX + VOUCHER_SIZE_MAX) + 64u)

struct paying {
    struct kc_offline *offline;
    char path[KC_PATH_SIZE_MAX];
    struct kc_purse_info info;
    struct kc_bank_verifier bank;
    struct kc_realm realm;
    struct kc_sale_offer offer;
    struct kc_slot_offered offered;
    bool said_ok;
    bool paid;    /* the bank's signed word came that it was carried out */
    bool another; /* the bank's voucher says that somebody else paid the offer */
    size_t offer_size;
    size_t voucher_size; /* 0: not fetched yet */
    uint8_t offer_bytes[OFFER_SIZE_MAX];
    uint8_t voucher_bytes[VOUCHER_SIZE_MAX];
};

static const struct kc_station_line choosing = {"VM2", KC_STATION_PAYER, "machine", "offer-request",
                                                KC_LOSE_NEVER};
static const struct kc_station_line presenting = {"VM3", KC_STATION_PAYER, "machine",
                                                  "voucher-sale", KC_LOSE_PAYMENT};

/* ---- what stands in the file ---- */

/* Beside the UIM's file, or in the folder of --keep. */
static struct kc_result find_path(struct paying *paying, struct kc_purse_id machine)
{
    char folder[KC_PATH_SIZE_MAX] = ".";
    char name[64];
    const struct kc_command *command = paying->offline->command;
    const char *keep = kc_command_value(command, "keep");
    const char *uim = kc_command_value(command, "uim");
    if (keep == NULL && (uim == NULL || kc_purse_place_reader(uim) != NULL)) {
        return kc_result(KC_USAGE);
    }
    const char *from = keep != NULL ? keep : uim;
    const char *slash = strrchr(from, '/');
    size_t size = keep != NULL ? strlen(from) : slash == NULL ? 0 : (size_t)(slash - from) + 1;
    if (size >= sizeof folder) {
        return kc_result(KC_TOO_LARGE);
    }
    if (size > 0) {
        memcpy(folder, from, size);
        folder[size] = '\0';
    }
    (void)snprintf(name, sizeof name, "voucher-%" PRIu64 "-%" PRIu64, paying->info.account.number,
                   machine.number);
    return kc_path_join(paying->path, folder, name, NULL);
}

/* Under a name of its own offer, beside the file. */
static struct kc_result put_aside(const struct paying *paying)
{
    char aside[KC_PATH_SIZE_MAX];
    char digits[17];
    const char *slash = strrchr(paying->path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - paying->path) + 1;
    kc_hex_write(digits, kc_view(paying->offered.reference, 8));
    int size =
        snprintf(aside, sizeof aside, "%.*sunpaid-%" PRIu64 "-%" PRIu64 "-%s", folder, paying->path,
                 paying->info.account.number, paying->offer.machine.number, digits);
    if (size < 0 || (size_t)size >= sizeof aside) {
        return kc_result(KC_TOO_LARGE);
    }
    return kc_result(rename(paying->path, aside) == 0 ? KC_NOT_COMPLETED : KC_IO_FAILED);
}

static struct kc_result keep(const struct paying *paying)
{
    static char text[TEXT_SIZE_MAX];
    static char offer[2 * OFFER_SIZE_MAX + 1];
    static char voucher[2 * VOUCHER_SIZE_MAX + 1];
    kc_hex_write(offer, kc_view(paying->offer_bytes, paying->offer_size));
    kc_hex_write(voucher, kc_view(paying->voucher_bytes, paying->voucher_size));
    int size = snprintf(text, sizeof text, "offer %s voucher %s end\n", offer, voucher);
    return kc_file_write_text(paying->path, text, size, sizeof text);
}

static bool read_hex(uint8_t *out, size_t *size, size_t max, char *text)
{
    *size = strlen(text) / 2;
    return *size <= max && !kc_failed(kc_hex_read(out, *size, text));
}

/* KC_FILE_MISSING: nothing stands there. KC_MALFORMED: a file that is none of ours. */
static struct kc_result recall(struct paying *paying)
{
    static char text[TEXT_SIZE_MAX];
    struct kc_buffer buffer = {.data = (uint8_t *)text, .capacity = sizeof text - 1};
    struct kc_result result = kc_file_read(&buffer, paying->path);
    if (kc_failed(result)) {
        return result;
    }
    text[buffer.size] = '\0';
    char *voucher = strstr(text, " voucher ");
    char *end = strstr(text, " end\n");
    if (strncmp(text, "offer ", 6) != 0 || voucher == NULL || end == NULL || end < voucher + 8) {
        return kc_result(KC_MALFORMED);
    }
    *voucher = '\0';
    *end = '\0';
    char *digits = end < voucher + 9 ? end : voucher + 9;
    bool good = read_hex(paying->offer_bytes, &paying->offer_size, OFFER_SIZE_MAX, text + 6) &&
                read_hex(paying->voucher_bytes, &paying->voucher_size, VOUCHER_SIZE_MAX, digits);
    return kc_result(good ? KC_OK : KC_MALFORMED);
}

/* ---- what was signed ---- */

static struct kc_result read_uim(struct paying *paying)
{
    char currency[4] = "";
    struct kc_slot *uim = &paying->offline->station->uim;
    struct kc_result result = kc_slot_info(&paying->info, uim);
    if (!kc_failed(result)) {
        KC_ASSERT(paying->info.currency.size < sizeof currency);
        memcpy(currency, paying->info.currency.data, paying->info.currency.size);
        result = kc_realm_set(&paying->realm, paying->info.bank, currency);
    }
    if (!kc_failed(result)) {
        result = kc_slot_bank_keys(&paying->bank, uim);
    }
    return result;
}

/* What an offer says, and its digest. Who signed it is the caller's to check. */
static struct kc_result read_offer(struct kc_signed *parsed, struct paying *paying)
{
    struct kc_view bytes = kc_view(paying->offer_bytes, paying->offer_size);
    struct kc_result result = kc_brief_parse(parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_shape_decode(&paying->offer, &kc_sale_offer_shape, parsed->payload);
    }
    kc_digest(&paying->offline->station->crypto, paying->offered.reference, bytes);
    paying->offered.machine = paying->offer.machine;
    return result;
}

/* The bank says whose key it is, and the key who made the offer. */
static struct kc_result check_offer(struct paying *paying, struct kc_view machine, uint64_t slot)
{
    struct kc_signed parsed;
    struct kc_identity identity;
    const struct kc_crypto *crypto = &paying->offline->station->crypto;
    struct kc_result result =
        kc_bank_verifier_identity(&identity, &paying->bank, crypto, &paying->realm, machine);
    if (!kc_failed(result) && identity.expires_s < kc_clock_now_ms() / 1000) {
        result = kc_result(KC_IDENTITY_EXPIRED);
    }
    if (!kc_failed(result)) {
        result = read_offer(&parsed, paying);
    }
    if (!kc_failed(result)) {
        result = kc_brief_verify(&parsed, crypto, &identity.key, &paying->realm,
                                 kc_sale_offer_shape.domain);
    }
    bool fits = kc_failed(result) || (paying->offer.bank == paying->realm.bank &&
                                      paying->offer.machine.number == identity.purse.number &&
                                      paying->offer.slot == slot);
    return fits ? result : kc_result(KC_MISMATCH);
}

/* What is not the bank's word on this offer is not kept: the machine would refuse it. */
static struct kc_result check_voucher(struct paying *paying, struct kc_view bytes)
{
    struct kc_signed parsed;
    struct kc_voucher voucher;
    struct kc_result result = kc_signed_parse(&parsed, bytes);
    if (!kc_failed(result)) {
        result = kc_bank_verifier_signed(&paying->bank, &parsed, &paying->offline->station->crypto,
                                         &paying->realm, kc_voucher_shape.domain);
    }
    if (!kc_failed(result)) {
        result = kc_shape_decode(&voucher, &kc_voucher_shape, parsed.payload);
    }
    bool same = !kc_failed(result) &&
                memcmp(voucher.reference, paying->offered.reference, KC_DIGEST_SIZE) == 0;
    /* An offer is paid once: whoever did it, it was not this account. */
    paying->another = same && voucher.payer.number != paying->info.account.number;
    bool fits = kc_failed(result) || (same && !paying->another &&
                                      voucher.machine.number == paying->offer.machine.number &&
                                      voucher.to.number == paying->offer.dealer.number &&
                                      kc_amount_compare(voucher.amount, paying->offer.price) == 0);
    return fits ? result : kc_result(KC_MISMATCH);
}

/* ---- the machine ---- */

static struct kc_result say(struct paying *paying, const struct kc_station_line *line,
                            const struct kc_shape *shape, const void *message)
{
    static uint8_t bytes[KC_LINK_PAYLOAD_MAX];
    struct kc_buffer out = KC_BUFFER(bytes);
    struct kc_result result = kc_shape_encode(&out, shape, message);
    return kc_failed(result) ? result
                             : kc_talk_send(&paying->offline->exchange, line, kc_buffer_view(&out));
}

static struct kc_result hear(struct kc_view *out, struct paying *paying)
{
    bool heard = false;
    const struct kc_exchange *exchange = &paying->offline->exchange;
    return kc_talk_receive(out, exchange, &heard, exchange->link_ms);
}

static struct kc_result get_offer(struct paying *paying, uint64_t slot)
{
    static uint8_t identity[KC_RECORD_SIZE_MAX];
    struct kc_buffer machine = KC_BUFFER(identity);
    struct kc_view view;
    const struct kc_offer_request request = {.slot = slot};
    struct kc_result result = say(paying, &choosing, &kc_offer_request_shape, &request);
    if (!kc_failed(result)) {
        result = hear(&view, paying);
    }
    if (!kc_failed(result)) {
        result = kc_failed(kc_buffer_append(&machine, view)) ? kc_result(KC_TOO_LARGE)
                                                             : hear(&view, paying);
    }
    if (!kc_failed(result) && view.size > sizeof paying->offer_bytes) {
        result = kc_result(KC_TOO_LARGE);
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(paying->offer_bytes, view.data, view.size);
    paying->offer_size = view.size;
    return check_offer(paying, kc_buffer_view(&machine), slot);
}

static struct kc_result present_once(struct kc_sale_outcome *out, struct paying *paying)
{
    struct kc_view view;
    const struct kc_voucher_sale sale = {.offer = kc_view(paying->offer_bytes, paying->offer_size),
                                         .voucher =
                                             kc_view(paying->voucher_bytes, paying->voucher_size)};
    struct kc_result result = say(paying, &presenting, &kc_voucher_sale_shape, &sale);
    if (!kc_failed(result)) {
        result = hear(&view, paying);
    }
    return kc_failed(result) ? result : kc_shape_decode(out, &kc_sale_outcome_shape, view);
}

/* The machine may have waited too long for the bank's word, and hung up: it is called again, once. */
static struct kc_result present(struct paying *paying)
{
    struct kc_sale_outcome outcome;
    struct kc_offline *offline = paying->offline;
    struct kc_result result = present_once(&outcome, paying);
    if (result.code == KC_UNREACHABLE) {
        kc_link_close(&offline->link);
        result = kc_link_connect(&offline->link, &offline->place, offline->exchange.link_ms);
        if (!kc_failed(result)) {
            result = present_once(&outcome, paying);
        }
    }
    if (kc_failed(result)) {
        return result;
    }
    (void)unlink(paying->path);
    return outcome.outcome == KC_SALE_END_RELEASED ? kc_ok() : kc_result(KC_ITEM_STUCK);
}

/* ---- the bank ---- */

static struct kc_result fetch(struct paying *paying)
{
    char url[KC_URL_SIZE_MAX + 2 * KC_DIGEST_SIZE + 32];
    char reference[2 * KC_DIGEST_SIZE + 1];
    struct kc_station *station = paying->offline->station;
    struct kc_buffer voucher = KC_BUFFER(station->reply);
    kc_hex_write(reference, kc_view(paying->offered.reference, KC_DIGEST_SIZE));
    int size = snprintf(url, sizeof url, "%s/v1/voucher?reference=%s", station->url, reference);
    if (size < 0 || (size_t)size >= sizeof url) {
        return kc_result(KC_TOO_LARGE);
    }
    struct kc_result result = kc_message_get(&voucher, station->client, url);
    if (!kc_failed(result) && voucher.size > sizeof paying->voucher_bytes) {
        result = kc_result(KC_TOO_LARGE);
    }
    if (!kc_failed(result)) {
        result = check_voucher(paying, kc_buffer_view(&voucher));
    }
    if (kc_failed(result)) {
        return result;
    }
    memcpy(paying->voucher_bytes, voucher.data, voucher.size);
    paying->voucher_size = voucher.size;
    kc_station_trace(station, "voucher", "bank", "station", "voucher", voucher.size);
    return keep(paying);
}

static bool ask_user(void *owner, const struct kc_transfer_quote *quote)
{
    struct paying *paying = owner;
    char texts[3][KC_AMOUNT_TEXT_SIZE];
    const struct kc_amount amounts[3] = {quote->amount, quote->account_before,
                                         quote->account_after};
    const struct kc_station *station = paying->offline->station;
    const struct kc_command *command = paying->offline->command;
    for (size_t i = 0; i < 3; i++) {
        kc_amount_format(texts[i], amounts[i], station->decimals);
    }
    (void)fprintf(stderr,
                  "place %" PRIu64
                  " costs %s %s; to pay from the account to the machine of account "
                  "%" PRIu64 ":\n  account %" PRIu64 "  %s -> %s\n",
                  paying->offer.slot, texts[0], station->currency, quote->to.number,
                  quote->account.number, texts[1], texts[2]);
    paying->said_ok = kc_command_value(command, "no") == NULL &&
                      (kc_command_value(command, "yes") != NULL || kc_ask_ok());
    return paying->said_ok;
}

/* What the bank did not carry out leaves the file; whatever may have been carried out stays there. */
static struct kc_result pay(struct paying *paying)
{
    struct kc_station *station = paying->offline->station;
    struct kc_result result = kc_station_settle(station);
    if (!kc_failed(result)) {
        result = keep(paying);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_station_transfer_for(station, KC_TRANSFER_SOURCE_ACCOUNT, paying->offer.dealer,
                                     paying->offer.price, &paying->offered, ask_user, paying);
    if (kc_failed(result) && !paying->said_ok) {
        (void)unlink(paying->path);
    }
    return result;
}

/* ---- commands ---- */

/* What the user can do next, where it is not what a buyer from the UIM would do. */
static void advise(struct paying *paying, enum kc_error error)
{
    const struct kc_station *station = paying->offline->station;
    char *words = paying->offline->station->place.words;
    const char *advice = NULL;
    bool waits = paying->path[0] != '\0' && kc_file_exists(paying->path);
    if (error == KC_ITEM_STUCK) {
        advice =
            paying->voucher_size == 0
                ? "nothing was paid; choose another place"
                : "the price comes back to the account when the machine's server has been there";
    } else if (error == KC_NOT_COMPLETED && !waits) {
        advice = "nothing was paid; try again";
    } else if (error == KC_USAGE) {
        advice = "--keep names a folder for what was paid, where the UIM is in a reader";
    } else if (error == KC_WRONG_MACHINE) {
        advice = "the bank knows no such machine of that dealer; nothing was paid";
    } else if (waits) {
        advice = "'claim' at this machine brings what was paid, or finds that nothing was";
    }
    if (advice != NULL && station->place.words[0] == '\0') {
        (void)snprintf(words, sizeof station->place.words, "%s", advice);
    }
}

static struct kc_result finish(struct paying *paying)
{
    struct kc_offline *offline = paying->offline;
    struct kc_result result = paying->voucher_size == 0 ? fetch(paying) : kc_ok();
    if (paying->another) {
        (void)unlink(paying->path);
        return kc_result(KC_NOT_COMPLETED);
    }
    if (result.code == KC_UNKNOWN_TRANSACTION) {
        return paying->paid ? kc_result(KC_NOT_COMPLETED) : put_aside(paying);
    }
    if (!kc_failed(result)) {
        result = present(paying);
    }
    if (!kc_failed(result) || result.code == KC_ITEM_STUCK) {
        struct kc_result shown =
            kc_show_state(offline->station, offline->command,
                          !kc_failed(result) ? "completed" : kc_error_name(result.code));
        result = kc_failed(result) ? result : shown;
    }
    return result;
}

struct kc_result kc_voucher_buy(struct kc_offline *offline, uint64_t slot)
{
    static struct paying paying;
    memset(&paying, 0, sizeof paying);
    paying.offline = offline;
    struct kc_result result = read_uim(&paying);
    if (!kc_failed(result)) {
        result = get_offer(&paying, slot);
    }
    if (!kc_failed(result)) {
        result = find_path(&paying, paying.offer.machine);
    }
    if (!kc_failed(result) && kc_file_exists(paying.path)) {
        result = kc_result(KC_PENDING);
    }
    if (!kc_failed(result)) {
        result = pay(&paying);
        paying.paid = !kc_failed(result);
    }
    if (result.code == KC_DECLINED) {
        return kc_show_state(offline->station, offline->command, "declined");
    }
    result = kc_failed(result) ? result : finish(&paying);
    advise(&paying, result.code);
    return result;
}

struct kc_result kc_voucher_claim(struct kc_offline *offline, struct kc_purse_id machine)
{
    static struct paying paying;
    struct kc_signed parsed;
    memset(&paying, 0, sizeof paying);
    paying.offline = offline;
    struct kc_result result = read_uim(&paying);
    if (!kc_failed(result)) {
        result = find_path(&paying, machine);
    }
    if (result.code == KC_USAGE) {
        return kc_result(KC_NOT_FOUND);
    }
    if (!kc_failed(result)) {
        result = recall(&paying);
    }
    if (kc_failed(result)) {
        return result.code == KC_FILE_MISSING ? kc_result(KC_NOT_FOUND) : result;
    }
    result = read_offer(&parsed, &paying);
    if (!kc_failed(result) && paying.voucher_size == 0) {
        result = kc_station_settle(offline->station);
    }
    result = kc_failed(result) ? result : finish(&paying);
    advise(&paying, result.code);
    return result;
}
