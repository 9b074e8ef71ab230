#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "message/generated/names.h"
#include "reader/file_purse.h"
#include "service/files.h"
#include "station/buy.h"
#include "station/empty.h"
#include "station/offline.h"
#include "station/pin.h"
#include "station/roll.h"
#include "station/show.h"

#define TIMEOUT_MS 15000u
#define TIMEOUT_MS_MAX 600000u

static const struct kc_option options[] = {
    {"uim", "FILE",
     "the UIM: a file, or pcsc:READER for the card in that reader; required, except with --card"},
    {"card", "FILE",
     "a prepaid card, a file or pcsc:READER: in the place of the UIM; withdraw: loads it, deposit: "
     "empties it"},
    {"by", "WHO", "renew: uim (default), the keys are made in it, or authority"},
    {"yes", NULL, "say OK to the quote or payment without asking"},
    {"no", NULL, "say NG to the quote or payment without asking"},
    {"to", "ACCOUNT", "transfer: the account that receives it"},
    {"from", "WHAT",
     "transfer: from uim (default), account, or card with --card; buy: from uim or account"},
    {"keep", "DIR",
     "buy --from account, claim: the folder that keeps what was paid (default: that of the UIM)"},
    {"link", "L",
     "where the other UIM is: unix:PATH, tcp:ADDRESS:PORT, tty:DEVICE, or pcsc:READER for a card"},
    {"amount", "A", "receive: ask for this amount; --yes takes no other; buy: pay this"},
    {"wait", "MS", "how long to wait for a payer, or for the payee's user (default 120000)"},
    {"pin-file", "F", "file with the PIN (default: $KINCHAKU_PIN, FILE.letter, the terminal)"},
    {"bank", "URL", "the bank, instead of the one that the UIM names"},
    {"timeout", "MS", "how long to wait for the bank or the other station (default 15000)"},
    {"trace", "PLACE", "write every protocol step to a file, or to unix:PATH"},
    {"lose", "WHAT",
     "for demonstrations: lose request, quote, answer, completion, identify, identity, payment or "
     "hotlist"},
};

static const struct kc_program program = {
    .name = "kinchaku-station",
    .summary = "the user's station: shows and moves the value in a UIM",
    .usage =
        "usage: kinchaku-station --uim FILE show | history | sync\n"
        "       kinchaku-station [--uim FILE] --card FILE show | history | sync\n"
        "       kinchaku-station [--uim FILE] --card FILE pay AMOUNT --link L\n"
        "       kinchaku-station --card FILE resume | claim | shelf --link L\n"
        "       kinchaku-station --card FILE buy SLOT --link L [--amount A] [--yes|--no]\n"
        "       kinchaku-station --uim FILE withdraw|deposit AMOUNT [--card FILE] [--yes|--no]\n"
        "       kinchaku-station --uim FILE transfer AMOUNT --to ACCOUNT [--from uim|account] "
        "[--yes|--no]\n"
        "       kinchaku-station [--uim FILE] --card FILE transfer AMOUNT --to ACCOUNT [--from "
        "card] "
        "[--yes|--no]\n"
        "       kinchaku-station --uim FILE fund|redeem AMOUNT\n"
        "       kinchaku-station --uim FILE receive --link L [--amount A] [--yes|--no]\n"
        "       kinchaku-station --uim FILE pay AMOUNT --link L\n"
        "       kinchaku-station --uim FILE resume --link L\n"
        "       kinchaku-station --uim FILE shelf --link L\n"
        "       kinchaku-station --uim FILE buy SLOT --link L [--amount A] [--yes|--no]\n"
        "       kinchaku-station --uim FILE buy SLOT --from account --link L [--keep DIR] "
        "[--yes|--no]\n"
        "       kinchaku-station --uim FILE claim --link L [--keep DIR]\n"
        "       kinchaku-station --uim FILE renew [--by uim|authority] | pin NEW-PIN-FILE",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* The file that was read last: named when it is missing or open to others. */
static struct kc_pin_trail trail;

static struct kc_result unlock(struct kc_station *station, const struct kc_command *command)
{
    return kc_pin_unlock(&trail, station, command);
}

/* A UIM is no card: it has a PIN, and an account of its own. */
static struct kc_result check_card(struct kc_station *station, const struct kc_purse_info *info)
{
    if (info->purse_type != KC_PURSE_TYPE_UIM) {
        return kc_ok();
    }
    (void)snprintf(station->place.words, sizeof station->place.words,
                   "--card names a UIM, which is no card");
    return kc_result(KC_NOT_ALLOWED);
}

/* ---- asking ---- */

struct asking {
    const struct kc_command *command;
    const struct kc_station *station;
};

static bool answer_of(const struct kc_command *command)
{
    if (kc_command_value(command, "yes") != NULL) {
        return true;
    }
    return kc_command_value(command, "no") == NULL && kc_ask_ok();
}

static const char *purse_word(const struct asking *asking)
{
    return asking->station->is_card ? "card" : "UIM";
}

static bool ask_user(void *owner, const struct kc_cash_quote *quote)
{
    const struct asking *asking = owner;
    char texts[5][KC_AMOUNT_TEXT_SIZE];
    const struct kc_amount amounts[5] = {quote->amount, quote->account_before, quote->account_after,
                                         quote->purse_before, quote->purse_after};
    for (size_t i = 0; i < 5; i++) {
        kc_amount_format(texts[i], amounts[i], asking->station->decimals);
    }
    (void)fprintf(stderr, "%.*s, %s %s %s:\n  account %" PRIu64 "  %s -> %s\n  %-16s  %s -> %s\n",
                  (int)quote->user_name.size, (const char *)quote->user_name.data,
                  kc_cash_kind_word(quote->kind), texts[0], asking->station->currency,
                  quote->account.number, texts[1], texts[2], purse_word(asking), texts[3],
                  texts[4]);
    return answer_of(asking->command);
}

/* Somebody else chose this name: no control character of it comes to the terminal. */
static void clean_name(char out[KC_NAME_SIZE_MAX + 1], struct kc_view name)
{
    size_t size = name.size < KC_NAME_SIZE_MAX ? name.size : KC_NAME_SIZE_MAX;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = name.data[i];
        bool after_c2 = i > 0 && name.data[i - 1] == 0xc2;
        bool control = byte < 0x20 || byte == 0x7f || (after_c2 && byte < 0xa0);
        out[i] = (char)(control ? '?' : byte);
    }
    out[size] = '\0';
}

static bool ask_transfer(void *owner, const struct kc_transfer_quote *quote)
{
    const struct asking *asking = owner;
    char texts[5][KC_AMOUNT_TEXT_SIZE];
    char name[KC_NAME_SIZE_MAX + 1];
    const struct kc_amount amounts[5] = {quote->amount, quote->account_before, quote->account_after,
                                         quote->purse_before, quote->purse_after};
    for (size_t i = 0; i < 5; i++) {
        kc_amount_format(texts[i], amounts[i], asking->station->decimals);
    }
    clean_name(name, quote->to_name);
    bool from_purse = quote->source == KC_TRANSFER_SOURCE_PURSE;
    (void)fprintf(stderr, "transfer %s %s from the %s to account %" PRIu64 ", %s:\n", texts[0],
                  asking->station->currency, from_purse ? purse_word(asking) : "account",
                  quote->to.number, name);
    (void)fprintf(stderr, "  account %" PRIu64 "  %s -> %s\n  %-16s  %s -> %s\n",
                  quote->account.number, texts[1], texts[2], purse_word(asking), texts[3],
                  texts[4]);
    return answer_of(asking->command);
}

/* The same for new keys. */
static const char *advice_to_renew(enum kc_error error)
{
    switch ((unsigned)error) {
    case KC_PENDING:
        return "'sync' ends what is open; else the renewal before is not ended at the bank, again "
               "in a moment";
    case KC_TIMEOUT:
    case KC_UNREACHABLE:
    case KC_AUTHORITY_DOWN:
        return "not completed; the same command goes on when bank and authority answer again";
    case KC_NOT_ALLOWED:
        return "this bank has no keys renewed in this way; ask the registrar";
    default:
        return NULL;
    }
}

/* What to do next, for the errors that a user can do something about. */
static const char *advice(enum kc_error error)
{
    static const struct {
        enum kc_error error;
        const char *words;
    } rows[] = {
        {KC_TIMEOUT, "not completed here; 'sync' asks the bank how it ended"},
        {KC_UNREACHABLE, "not completed; run 'sync' when the bank can be reached again"},
        {KC_NOT_COMPLETED, "nothing was changed; try again"},
        {KC_EXPIRED, "nothing was changed; try again and answer sooner"},
        {KC_IN_DOUBT, "the bank goes on asking; run 'sync' later"},
        {KC_ORDINARY_BANK_DOWN, "try again later"},
        {KC_DIRECTORY_DOWN, "try again later"},
        {KC_AUTHORITY_DOWN, "try again later"},
        {KC_REVOCATION_UNKNOWN, "try again later"},
        {KC_BANK_KEY_ENDED, "the bank has new keys: do it again, with them; the purse follows"},
        {KC_PENDING, "run 'sync'"},
        {KC_STALE_STATE, "run 'sync'"},
        {KC_DEBT, "'fund' pays what is owed"},
        {KC_CARD_EXHAUSTED, "the card that paid this was copied; its taker bears the loss"},
        {KC_PIN_REQUIRED, "4 to 12 digits, with --pin-file, in KINCHAKU_PIN or at the terminal"},
        {KC_PIN_WRONG, "it is blocked after three wrong ones in a row; 'show --json' counts"},
        {KC_PIN_BLOCKED, "take the UIM to the registrar"},
        {KC_COPIED_OR_RESTORED, "it is out of use; take it to the registrar"},
        {KC_PURSE_BLOCKED, "take it to the registrar"},
        {KC_PURSE_CORRUPT, "take it to the registrar"},
        {KC_CERT_REVOKED, "take it to the registrar"},
        {KC_CERT_EXPIRED, "take it to the registrar"},
        {KC_INSUFFICIENT_ACCOUNT, "'show' tells how much there is; 'fund' brings more"},
        {KC_INSUFFICIENT_VALUE, "'show' tells how much there is"},
        {KC_NO_ABILITY_TO_PAY, "the account there holds less than this"},
        {KC_AMOUNT_MALFORMED, "digits, and a point with no more decimals than the currency has"},
        {KC_IN_USE, "wait until the other station is done with this UIM"},
        {KC_WRONG_NUMBER, "nothing was sent; compare the number with what the receiver gave you"},
        {KC_UNKNOWN_ACCOUNT, "compare the number with what the receiver gave you"},
        {KC_SAME_ACCOUNT, "that is the account of this UIM"},
        {KC_NOT_ALLOWED, "a card or machine neither funds, redeems, withdraws nor deposits by "
                         "itself, and nobody transfers to a machine"},
        {KC_IO_FAILED, "this user has to be able to read and write the file and its folder"},
        {KC_LIMIT_EXCEEDED, "'show' of the purse or card tells how much it may hold and pay"},
        {KC_REPORTED_LOST, "whoever has it, or was to pay into it, asks the registrar"},
        {KC_BUSY, "try again in a moment"},
        {KC_CARD_BLANK, "the registrar writes it"},
        {KC_CARD_REMOVED, "put it in again and run 'sync'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error == error) {
            return rows[i].words;
        }
    }
    return NULL;
}

/* The file that the error is about, or NULL. */
static const char *file_of(enum kc_error error)
{
    static char words[KC_PATH_SIZE_MAX + 128];
    const char *before = "";
    const char *then = NULL;
    if (error == KC_FILE_MISSING) {
        then = "";
    } else if (error == KC_KEY_PERMISSIONS) {
        then = "; 'chmod 600' closes it";
    } else if (error == KC_PURSE_CORRUPT && kc_file_is_no_purse(trail.file)) {
        then = " is no UIM and no card";
    } else if (error == KC_PIN_WRONG && trail.letter) {
        before = "it came from ";
        then = "; delete that file and give the right one, three wrong ones block the UIM";
    }
    if (then == NULL) {
        return NULL;
    }
    (void)snprintf(words, sizeof words, "%s%s%s", before, trail.file, then);
    return words;
}

/* ---- commands ---- */

static struct kc_result read_amount(struct kc_amount *out, const struct kc_station *station,
                                    const struct kc_command *command)
{
    struct kc_result result = kc_amount_parse(out, command->arguments[1], station->decimals);
    bool zero = !kc_failed(result) && kc_amount_is_zero(*out);
    return zero ? kc_result(KC_AMOUNT_ZERO) : result;
}

/* The user's own NG leaves everything as it was, and is shown. */
static struct kc_result show_declined(struct kc_station *station, const struct kc_command *command,
                                      struct kc_result result)
{
    if (result.code != KC_DECLINED) {
        return result;
    }
    struct kc_result shown = kc_show_state(station, command, "declined");
    return kc_failed(shown) ? shown : result;
}

static struct kc_result run_cash(struct kc_station *station, const struct kc_command *command,
                                 enum kc_cash_kind kind)
{
    struct asking asking = {.command = command, .station = station};
    struct kc_amount amount;
    struct kc_result result = read_amount(&amount, station, command);
    if (!kc_failed(result)) {
        result = unlock(station, command);
    }
    if (!kc_failed(result)) {
        result = kc_station_settle(station);
    }
    if (!kc_failed(result)) {
        result = kc_station_cash(station, kind, amount, ask_user, &asking);
    }
    result = show_declined(station, command, result);
    return kc_failed(result) ? result : kc_show_state(station, command, "completed");
}

static bool read_timeout(unsigned *out, const struct kc_command *command);
static struct kc_result withdraw_to_card(struct kc_station *station,
                                         const struct kc_command *command, unsigned timeout_ms);
static struct kc_result deposit_from_card(struct kc_station *station,
                                          const struct kc_command *command, unsigned timeout_ms);

static struct kc_result withdraw(struct kc_station *station, const struct kc_command *command)
{
    unsigned timeout_ms = 0;
    if (kc_command_value(command, "card") != NULL) {
        return read_timeout(&timeout_ms, command) ? withdraw_to_card(station, command, timeout_ms)
                                                  : kc_result(KC_USAGE);
    }
    return run_cash(station, command, KC_CASH_KIND_WITHDRAW);
}

static struct kc_result deposit(struct kc_station *station, const struct kc_command *command)
{
    unsigned timeout_ms = 0;
    if (kc_command_value(command, "card") != NULL) {
        return read_timeout(&timeout_ms, command) ? deposit_from_card(station, command, timeout_ms)
                                                  : kc_result(KC_USAGE);
    }
    return run_cash(station, command, KC_CASH_KIND_DEPOSIT);
}

struct transfer {
    struct kc_amount amount;
    struct kc_account_id to;
    enum kc_transfer_source source;
};

/* A slip in the number is found before anything is sent. */
static struct kc_result read_transfer(struct transfer *out, const struct kc_station *station,
                                      const struct kc_command *command)
{
    const char *to = kc_command_value(command, "to");
    const char *from = kc_command_value(command, "from");
    bool account = from != NULL && strcmp(from, "account") == 0;
    bool card = from != NULL && strcmp(from, "card") == 0;
    bool with_card = kc_command_value(command, "card") != NULL;
    bool both = with_card && kc_command_value(command, "uim") != NULL;
    bool known = from == NULL ? !both : account || card || strcmp(from, "uim") == 0;
    if (to == NULL || !known || (card && !with_card)) {
        return kc_result(KC_USAGE);
    }
    out->source = account ? KC_TRANSFER_SOURCE_ACCOUNT : KC_TRANSFER_SOURCE_PURSE;
    struct kc_result result = read_amount(&out->amount, station, command);
    if (!kc_failed(result) && kc_failed(kc_account_parse(&out->to, to))) {
        result = kc_result(KC_WRONG_NUMBER);
    }
    return result;
}

static struct kc_result transfer_by_way(struct kc_station *card, const struct kc_command *command,
                                        const struct transfer *order);

/* Asks the bank, then the user. */
static struct kc_result carry_out(struct kc_station *station, const struct kc_command *command,
                                  const struct transfer *order)
{
    struct asking asking = {.command = command, .station = station};
    struct kc_result result = unlock(station, command);
    if (!kc_failed(result)) {
        result = kc_station_settle(station);
    }
    if (!kc_failed(result)) {
        result = kc_station_transfer(station, order->source, order->to, order->amount, ask_transfer,
                                     &asking);
    }
    return show_declined(station, command, result);
}

static struct kc_result transfer(struct kc_station *station, const struct kc_command *command)
{
    struct transfer order;
    struct kc_purse_info info;
    struct kc_result result = read_transfer(&order, station, command);
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &station->uim);
    }
    if (!kc_failed(result) && info.purse_type == KC_PURSE_TYPE_BEARER) {
        return transfer_by_way(station, command, &order);
    }
    if (!kc_failed(result)) {
        result = carry_out(station, command, &order);
    }
    return kc_failed(result) ? result : kc_show_state(station, command, "completed");
}

/* Numbers of accounts mean something at their own bank only: at another one they are somebody else's. */
static struct kc_result check_bank(struct kc_station *station, const struct kc_purse_info *other)
{
    struct kc_purse_info own;
    struct kc_result result = kc_slot_info(&own, &station->uim);
    return kc_failed(result) || own.bank == other->bank ? result : kc_result(KC_WRONG_DOMAIN);
}

/* A card in the hand of the UIM's holder: the UIM is open, and each of them in its turn. */
static struct kc_result read_info(struct kc_purse_info *out, const struct kc_command *command,
                                  const char *option, unsigned timeout_ms)
{
    static struct kc_station other;
    const char *before = trail.file;
    trail.file = kc_command_value(command, option);
    struct kc_result result =
        kc_station_open(&other, trail.file, kc_command_value(command, "bank"), timeout_ms);
    if (!kc_failed(result)) {
        trail.file = before;
        result = kc_slot_info(out, &other.uim);
    }
    kc_station_close(&other);
    return result;
}

static struct kc_result move_to(struct kc_station *station, const struct kc_command *command,
                                enum kc_transfer_source source, struct kc_account_id to)
{
    struct transfer order = {.to = to, .source = source};
    struct kc_result result = read_amount(&order.amount, station, command);
    return kc_failed(result) ? result : carry_out(station, command, &order);
}

/* The card fetches what was put on it. */
static struct kc_result fetch_loaded(const struct kc_command *command, unsigned timeout_ms)
{
    static struct kc_station card;
    struct kc_purse_info info;
    enum kc_outcome outcome = KC_OUTCOME_NONE;
    struct kc_result result = kc_station_open(&card, kc_command_value(command, "card"),
                                              kc_command_value(command, "bank"), timeout_ms);
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &card.uim);
    }
    if (!kc_failed(result)) {
        result = info.purse_type == KC_PURSE_TYPE_BEARER ? kc_station_load_card(&card)
                                                         : kc_station_sync(&card, &outcome);
    }
    if (!kc_failed(result)) {
        result = kc_show_state(&card, command, "completed");
    }
    kc_station_close(&card);
    return result;
}

/* From the account to a card: to its number, which the card then hears of. */
static struct kc_result withdraw_to_card(struct kc_station *station,
                                         const struct kc_command *command, unsigned timeout_ms)
{
    struct kc_purse_info card;
    struct kc_result result = read_info(&card, command, "card", timeout_ms);
    if (!kc_failed(result)) {
        result = check_card(station, &card);
    }
    if (!kc_failed(result)) {
        result = check_bank(station, &card);
    }
    if (!kc_failed(result)) {
        result = move_to(station, command, KC_TRANSFER_SOURCE_ACCOUNT, card.account);
    }
    return kc_failed(result) ? result : fetch_loaded(command, timeout_ms);
}

/* ---- a card without keys: the UIM beside it takes the value, and goes to the bank ---- */

static bool ask_take(const struct kc_station *uim, const struct kc_station *card,
                     const struct kc_command *command, struct kc_amount amount)
{
    char text[KC_AMOUNT_TEXT_SIZE];
    kc_amount_format(text, amount, uim->decimals);
    (void)fprintf(stderr, "take %s %s from the card in %s into the UIM, and then:\n", text,
                  card->currency, kc_command_value(command, "card"));
    return answer_of(command);
}

/* How the UIM goes on with what it took. */
struct onward {
    bool transfers;
    struct transfer order; /* its amount always */
};

static struct kc_result take_and_go_on(struct kc_station *uim, struct kc_station *card,
                                       const struct kc_command *command,
                                       const struct onward *onward, bool *stays)
{
    struct asking asking = {.command = command, .station = uim};
    struct kc_amount taken = kc_amount_zero();
    enum kc_outcome outcome;
    *stays = false;
    if (!ask_take(uim, card, command, onward->order.amount)) {
        return kc_result(KC_DECLINED);
    }
    struct kc_result result = kc_take_from_card(&taken, uim, card, command, onward->order.amount);
    if (!kc_failed(result)) {
        /* The bank hears of the payment first, and says whether the card still had what it paid. */
        result = kc_station_sync(uim, &outcome);
    }
    if (!kc_failed(result)) {
        result = onward->transfers
                     ? kc_station_transfer(uim, KC_TRANSFER_SOURCE_PURSE, onward->order.to,
                                           onward->order.amount, ask_transfer, &asking)
                     : kc_station_cash(uim, KC_CASH_KIND_DEPOSIT, onward->order.amount, ask_user,
                                       &asking);
    }
    *stays = kc_failed(result) && !kc_amount_is_zero(taken);
    if (*stays && uim->objection_count == 0) {
        kc_tell_taken(uim, command, taken);
    }
    return result;
}

/* `card` is open, and the UIM is opened beside it. */
static struct kc_result by_way_of_uim(struct kc_station *card, const struct kc_command *command,
                                      const struct onward *onward, unsigned timeout_ms)
{
    static struct kc_station uim;
    bool stays = false; /* in the UIM, for the bank did not get it */
    trail.file = kc_command_value(command, "uim");
    struct kc_result result =
        kc_station_open(&uim, trail.file, kc_command_value(command, "bank"), timeout_ms);
    uim.trace = card->trace;
    uim.lose = card->lose;
    card->trace.fd = -1;
    if (!kc_failed(result)) {
        result = unlock(&uim, command);
    }
    if (!kc_failed(result)) {
        result = kc_station_settle(&uim);
    }
    if (!kc_failed(result)) {
        kc_station_fetch_hotlist(&uim);
        result = take_and_go_on(&uim, card, command, onward, &stays);
    }
    if (!kc_failed(result) || result.code == KC_DECLINED) {
        /* An NG to the second question comes too late for the card: "nothing was changed" would not be true. */
        struct kc_result shown = kc_show_state(&uim, command,
                                               !kc_failed(result) ? "completed"
                                               : stays            ? "taken"
                                                                  : "declined");
        result = kc_failed(shown) ? shown : result;
    }
    kc_show_objections(&uim, command);
    memcpy(card->place.words, uim.place.words, sizeof card->place.words);
    kc_station_close(&uim);
    return result;
}

static struct kc_result transfer_by_way(struct kc_station *card, const struct kc_command *command,
                                        const struct transfer *order)
{
    const struct onward onward = {.transfers = true, .order = *order};
    unsigned timeout_ms = 0;
    bool good = kc_command_value(command, "uim") != NULL && read_timeout(&timeout_ms, command);
    return good ? by_way_of_uim(card, command, &onward, timeout_ms) : kc_result(KC_USAGE);
}

/* From a card to the account of the UIM; the card asks and answers for itself, if it can. */
static struct kc_result deposit_from_card(struct kc_station *station,
                                          const struct kc_command *command, unsigned timeout_ms)
{
    struct kc_purse_info card;
    struct kc_purse_info uim;
    struct onward onward = {.transfers = false};
    struct kc_result result = kc_slot_info(&card, &station->uim);
    if (!kc_failed(result) && card.purse_type == KC_PURSE_TYPE_BEARER) {
        result = read_amount(&onward.order.amount, station, command);
        return kc_failed(result) ? result : by_way_of_uim(station, command, &onward, timeout_ms);
    }
    if (!kc_failed(result)) {
        result = read_info(&uim, command, "uim", timeout_ms);
    }
    if (!kc_failed(result)) {
        result = check_bank(station, &uim);
    }
    if (!kc_failed(result)) {
        result = move_to(station, command, KC_TRANSFER_SOURCE_PURSE, uim.account);
    }
    return kc_failed(result) ? result : kc_show_state(station, command, "completed");
}

static struct kc_result run_fund(struct kc_station *station, const struct kc_command *command,
                                 enum kc_fund_kind kind)
{
    struct kc_amount amount;
    struct kc_result result = read_amount(&amount, station, command);
    if (!kc_failed(result)) {
        result = unlock(station, command);
    }
    if (!kc_failed(result)) {
        result = kc_station_settle(station);
    }
    if (!kc_failed(result)) {
        result = kc_station_fund(station, kind, amount);
    }
    return kc_failed(result) ? result : kc_show_state(station, command, "completed");
}

static struct kc_result fund(struct kc_station *station, const struct kc_command *command)
{
    return run_fund(station, command, KC_FUND_KIND_FUND);
}

static struct kc_result redeem(struct kc_station *station, const struct kc_command *command)
{
    return run_fund(station, command, KC_FUND_KIND_REDEEM);
}

static struct kc_result show(struct kc_station *station, const struct kc_command *command)
{
    return kc_show_all(station, command, NULL);
}

static struct kc_result history(struct kc_station *station, const struct kc_command *command)
{
    struct kc_result result = unlock(station, command);
    return kc_failed(result) ? result : kc_show_history(station, command);
}

static struct kc_result renew(struct kc_station *station, const struct kc_command *command)
{
    const char *by = kc_command_value(command, "by");
    bool authority = by != NULL && strcmp(by, "authority") == 0;
    if (by != NULL && !authority && strcmp(by, "uim") != 0) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = unlock(station, command);
    if (!kc_failed(result)) {
        result = authority ? kc_station_take_over(station) : kc_station_renew(station);
    }
    return kc_failed(result) ? result : kc_show_all(station, command, "completed");
}

static struct kc_result sync_uim(struct kc_station *station, const struct kc_command *command)
{
    enum kc_outcome outcome = KC_OUTCOME_NONE;
    struct kc_purse_info info;
    struct kc_result result = unlock(station, command);
    if (!kc_failed(result)) {
        result = kc_slot_info(&info, &station->uim);
    }
    if (!kc_failed(result)) {
        (void)kc_station_learn_keys(station);
        result = info.purse_type == KC_PURSE_TYPE_BEARER ? kc_station_load_card(station)
                                                         : kc_station_sync(station, &outcome);
    }
    if (!kc_failed(result) || result.code == KC_PURSE_BLOCKED) {
        /* A card that is out of use finds itself on the list, and pays nobody who has none. */
        kc_station_fetch_hotlist(station);
    }
    return kc_failed(result) ? result : kc_show_all(station, command, kc_outcome_word(outcome));
}

static bool read_timeout(unsigned *out, const struct kc_command *command)
{
    uint64_t timeout_ms = TIMEOUT_MS;
    bool good = kc_command_number(&timeout_ms, command, "timeout", 1, TIMEOUT_MS_MAX, TIMEOUT_MS);
    *out = (unsigned)timeout_ms;
    return good;
}

static struct kc_result run_offline(struct kc_station *station, const struct kc_command *command,
                                    struct kc_result (*run)(struct kc_offline *offline))
{
    static struct kc_offline offline;
    unsigned timeout_ms = 0;
    struct kc_result result = kc_result(read_timeout(&timeout_ms, command) ? KC_OK : KC_USAGE);
    if (!kc_failed(result)) {
        result = kc_offline_read(&offline, station, command, timeout_ms);
    }
    if (!kc_failed(result)) {
        result = unlock(station, command);
    }
    return kc_failed(result) ? result : run(&offline);
}

static struct kc_result receive(struct kc_station *station, const struct kc_command *command)
{
    return run_offline(station, command, kc_offline_receive);
}

static struct kc_result pay(struct kc_station *station, const struct kc_command *command)
{
    return run_offline(station, command, kc_offline_pay);
}

static struct kc_result shelf(struct kc_station *station, const struct kc_command *command)
{
    static struct kc_offline offline;
    unsigned timeout_ms = 0;
    struct kc_result result = kc_result(read_timeout(&timeout_ms, command) ? KC_OK : KC_USAGE);
    if (!kc_failed(result)) {
        result = kc_offline_read(&offline, station, command, timeout_ms);
    }
    return kc_failed(result) ? result : kc_buy_shelf(&offline);
}

static struct kc_result buy(struct kc_station *station, const struct kc_command *command)
{
    return run_offline(station, command, kc_buy_item);
}

static struct kc_result claim(struct kc_station *station, const struct kc_command *command)
{
    return run_offline(station, command, kc_buy_claim);
}

static struct kc_result resume_payment(struct kc_station *station, const struct kc_command *command)
{
    return run_offline(station, command, kc_offline_resume);
}

/* The letter is where the next command would look for the PIN, and three old ones block the UIM. */
static void tell_new_pin(const struct kc_command *command)
{
    const char *letter = kc_pin_letter(command);
    if (!command->json) {
        (void)printf("the PIN is changed\n");
    }
    if (letter != NULL) {
        (void)fprintf(stderr, "%s has the old one: delete the letter, keep its password\n", letter);
    }
}

/* KC_USAGE when the first line of the file is no PIN. */
static struct kc_result read_new_pin(char *out, size_t capacity, const char *path)
{
    struct kc_result result = kc_pin_from_file(&trail, out, capacity, path);
    if (kc_failed(result)) {
        return result.code == KC_PIN_REQUIRED ? kc_result(KC_USAGE) : result;
    }
    return kc_result(kc_pin_is(out) ? KC_OK : KC_USAGE);
}

static struct kc_result change_pin(struct kc_station *station, const struct kc_command *command)
{
    char pin[32];
    struct kc_result result = unlock(station, command);
    if (!kc_failed(result)) {
        result = read_new_pin(pin, sizeof pin, command->arguments[1]);
    }
    if (!kc_failed(result)) {
        result = kc_slot_change_pin(&station->uim, kc_view_text(pin));
    }
    kc_wipe(pin, sizeof pin);
    if (!kc_failed(result)) {
        tell_new_pin(command);
    }
    return result;
}

/* Whose words of advice fit. */
enum role { ROLE_BANK, ROLE_PAYER, ROLE_PAYEE };

struct verb {
    const char *name;
    size_t arguments;
    struct kc_result (*run)(struct kc_station *station, const struct kc_command *command);
    enum role role;
    bool with_card; /* it can be about a card */
};

static const struct verb verbs[] = {
    {"show", 1, show, ROLE_BANK, true},
    {"history", 1, history, ROLE_BANK, true},
    {"sync", 1, sync_uim, ROLE_BANK, true},
    {"withdraw", 2, withdraw, ROLE_BANK, true},
    {"deposit", 2, deposit, ROLE_BANK, true},
    {"transfer", 2, transfer, ROLE_BANK, true},
    {"fund", 2, fund, ROLE_BANK, false},
    {"redeem", 2, redeem, ROLE_BANK, false},
    {"renew", 1, renew, ROLE_BANK, true},
    {"pin", 2, change_pin, ROLE_BANK, false},
    {"receive", 1, receive, ROLE_PAYEE, false},
    {"pay", 2, pay, ROLE_PAYER, true},
    {"resume", 1, resume_payment, ROLE_PAYER, true},
    {"shelf", 1, shelf, ROLE_PAYER, true},
    {"buy", 2, buy, ROLE_PAYER, true},
    {"claim", 1, claim, ROLE_PAYER, true},
};

static const char *advice_of(const struct verb *verb, struct kc_station *station,
                             enum kc_error error)
{
    static char found[KC_PCSC_WORDS_SIZE];
    const char *file = file_of(error);
    if (file != NULL) {
        return file;
    }
    if (station->place.words[0] != '\0') {
        memcpy(found, station->place.words, sizeof found);
        return found;
    }
    const char *words = strcmp(verb->name, "renew") == 0 ? advice_to_renew(error) : NULL;
    if (words != NULL) {
        return words;
    }
    return verb->role == ROLE_BANK ? advice(error)
                                   : kc_offline_advice(station, error, verb->role == ROLE_PAYER);
}

static int run(const struct verb *verb, const struct kc_command *command)
{
    static struct kc_station station;
    const char *lose = kc_command_value(command, "lose");
    unsigned timeout_ms = 0;
    if (!read_timeout(&timeout_ms, command)) {
        return kc_command_usage(command, "--timeout is a number of milliseconds up to 600000");
    }
    const char *card = kc_command_value(command, "card");
    const char *from = kc_command_value(command, "from");
    bool from_uim = verb->run == transfer && from != NULL && strcmp(from, "card") != 0 &&
                    kc_command_value(command, "uim") != NULL;
    /* For a withdrawal the UIM asks the bank; else the card stands in its place. */
    bool by_card = card != NULL && verb->run != withdraw && !from_uim;
    trail.file = by_card ? card : kc_command_value(command, "uim");
    struct kc_result result =
        kc_station_open(&station, trail.file, kc_command_value(command, "bank"), timeout_ms);
    if (!kc_failed(result)) {
        result = kc_trace_open(&station.trace, kc_command_value(command, "trace"));
    }
    if (lose != NULL && !kc_station_take_loss(&station.lose, lose)) {
        kc_station_close(&station);
        return kc_command_usage_of(command, "lose",
                                   "request, quote, answer, completion, identify, identity, "
                                   "payment or hotlist");
    }
    if (!kc_failed(result) && by_card) {
        struct kc_purse_info info;
        result = kc_slot_info(&info, &station.uim);
        result = kc_failed(result) ? result : check_card(&station, &info);
        station.is_card = !kc_failed(result);
    }
    if (!kc_failed(result)) {
        result = verb->run(&station, command);
    }
    kc_show_objections(&station, command);
    const char *words = kc_failed(result) ? advice_of(verb, &station, result.code) : NULL;
    kc_station_close(&station);
    /* The user's own NG is what was wanted; the payee's is not what the payer wanted. */
    if (!kc_failed(result) || (result.code == KC_DECLINED && verb->role != ROLE_PAYER)) {
        return 0;
    }
    if (result.code == KC_USAGE && verb->run == renew) {
        return kc_command_usage_of(command, "by", "uim or authority");
    }
    if (result.code == KC_USAGE && verb->role == ROLE_BANK) {
        return kc_command_usage(command,
                                verb->run == transfer
                                    ? "transfer needs --to ACCOUNT; --from is uim, account or card "
                                      "(needed where both are named); a card without keys "
                                      "needs --uim beside it"
                                    : "NEW-PIN-FILE begins with a PIN of 4 to 12 digits");
    }
    return kc_command_fail(command, result, words);
}

int main(int argc, char **argv)
{
    struct kc_command command;
    int status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &status)) {
        return status;
    }
    kc_log_open("station", KC_LOG_WARN);
    bool both =
        kc_command_value(&command, "yes") != NULL && kc_command_value(&command, "no") != NULL;
    const char *card = kc_command_value(&command, "card");
    if ((kc_command_value(&command, "uim") == NULL && card == NULL) ||
        command.argument_count == 0 || both) {
        return kc_command_usage(&command, both ? "--yes or --no, not both"
                                               : "--uim or --card, and a command, are needed");
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, command.arguments[0]) == 0) {
            bool both_needed = verbs[i].run == withdraw || verbs[i].run == deposit;
            if (card != NULL && both_needed && kc_command_value(&command, "uim") == NULL) {
                return kc_command_usage(&command, "--uim is missing");
            }
            if (card != NULL && !verbs[i].with_card) {
                return kc_command_usage(&command, "this command is not for a card");
            }
            return command.argument_count == verbs[i].arguments
                       ? run(&verbs[i], &command)
                       : kc_command_usage(&command, "wrong number of arguments");
        }
    }
    return kc_command_usage(&command, "this command is not known");
}
