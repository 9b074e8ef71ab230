#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "message/generated/names.h"
#include "service/command.h"
#include "service/files.h"
#include "service/json_out.h"
#include "station/station.h"

#define TIMEOUT_MS 15000u
/* What the purse takes as a PIN. */
#define PIN_SIZE_MIN 4u
#define PIN_SIZE_MAX 12u

static const struct kc_option options[] = {
    {"uim", "FILE", "the UIM (required)"},
    {"yes", NULL, "say OK to the quote without asking"},
    {"no", NULL, "say NG to the quote without asking"},
    {"pin-file", "F", "file with the PIN (default: $KINCHAKU_PIN, FILE.letter, the terminal)"},
    {"bank", "URL", "the bank, instead of the one that the UIM names"},
    {"timeout", "MS", "how long to wait for the bank (default 15000)"},
    {"trace", "PLACE", "write every protocol step to a file, or to unix:PATH"},
    {"lose", "WHAT", "for demonstrations: lose request, quote, answer or completion on the way"},
};

static const struct kc_program program = {
    .name = "kinchaku-station",
    .summary = "the user's station: shows and moves the value in a UIM",
    .usage = "usage: kinchaku-station --uim FILE show | history | sync\n"
             "       kinchaku-station --uim FILE withdraw|deposit AMOUNT [--yes|--no]\n"
             "       kinchaku-station --uim FILE fund|redeem AMOUNT\n"
             "       kinchaku-station --uim FILE pin NEW-PIN-FILE",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* The file that was read last: named when it is missing or open to others. */
static const char *last_file;
/* The PIN came from the letter beside the UIM, not from the user. */
static bool pin_from_letter;

/* ---- the PIN ---- */

static bool is_pin(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return text[digits] == '\0' && digits >= PIN_SIZE_MIN && digits <= PIN_SIZE_MAX;
}

static bool keep_line(char *out, size_t capacity, const char *text, size_t size)
{
    size_t line = 0;
    while (line < size && text[line] != '\n' && text[line] != '\r') {
        line++;
    }
    if (line == 0 || line >= capacity) {
        return false;
    }
    memcpy(out, text, line);
    out[line] = '\0';
    return true;
}

static struct kc_result pin_from_file(char *out, size_t capacity, const char *path,
                                      const char *prefix)
{
    uint8_t bytes[256];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    size_t skip = strlen(prefix);
    last_file = path;
    struct kc_result result = kc_file_read_secret(&buffer, path);
    if (!kc_failed(result)) {
        bool good = buffer.size > skip && memcmp(bytes, prefix, skip) == 0 &&
                    keep_line(out, capacity, (const char *)bytes + skip, buffer.size - skip);
        result = kc_result(good ? KC_OK : KC_PIN_REQUIRED);
    }
    kc_wipe(bytes, sizeof bytes);
    return result;
}

static struct kc_result pin_from_terminal(char *out, size_t capacity)
{
    struct termios before;
    if (isatty(STDIN_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before) != 0) {
        return kc_result(KC_PIN_REQUIRED);
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(stderr, "PIN: ");
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool read = fgets(out, (int)capacity, stdin) != NULL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fprintf(stderr, "\n");
    out[strcspn(out, "\r\n")] = '\0';
    return kc_result(read && out[0] != '\0' ? KC_OK : KC_PIN_REQUIRED);
}

/* The path of the letter that the registrar wrote beside the UIM; NULL when there is none. */
static const char *find_letter(const struct kc_command *command)
{
    static char path[KC_PATH_SIZE_MAX];
    int size = snprintf(path, sizeof path, "%s.letter", kc_command_value(command, "uim"));
    return size > 0 && (size_t)size < sizeof path && kc_file_exists(path) ? path : NULL;
}

static struct kc_result find_pin(char *out, size_t capacity, const struct kc_command *command)
{
    const char *letter = find_letter(command);
    const char *file = kc_command_value(command, "pin-file");
    const char *given = getenv("KINCHAKU_PIN");
    if (file != NULL) {
        return pin_from_file(out, capacity, file, "");
    }
    if (given != NULL) {
        return kc_result(keep_line(out, capacity, given, strlen(given)) ? KC_OK : KC_PIN_REQUIRED);
    }
    pin_from_letter = letter != NULL;
    if (letter != NULL) {
        return pin_from_file(out, capacity, letter, "PIN ");
    }
    return pin_from_terminal(out, capacity);
}

static struct kc_result unlock(struct kc_station *station, const struct kc_command *command)
{
    char pin[32];
    struct kc_result result = find_pin(pin, sizeof pin, command);
    if (!kc_failed(result) && !is_pin(pin)) {
        result = kc_result(KC_PIN_REQUIRED);
    }
    if (!kc_failed(result)) {
        result = kc_station_verify_pin(station, kc_view_text(pin));
    }
    kc_wipe(pin, sizeof pin);
    return result;
}

/* ---- showing ---- */

static void format(char out[KC_AMOUNT_TEXT_SIZE], const struct kc_station *station,
                   struct kc_amount amount)
{
    kc_amount_format(out, amount, station->decimals);
}

static void tell_result(const char *word)
{
    if (word == NULL) {
        return;
    }
    if (strcmp(word, "declined") == 0) {
        (void)printf("NG: nothing was changed\n");
    } else if (strcmp(word, kc_outcome_word(KC_OUTCOME_NONE)) == 0) {
        (void)printf("nothing was open\n");
    } else if (strcmp(word, kc_outcome_word(KC_OUTCOME_NOT_COMPLETED)) == 0) {
        (void)printf("not completed: nothing was changed\n");
    } else {
        (void)printf("%s\n", word);
    }
}

static struct kc_result show_state(struct kc_station *station, const struct kc_command *command,
                                   const char *result_word)
{
    struct kc_purse_info info;
    struct kc_json_out json;
    char value[KC_AMOUNT_TEXT_SIZE];
    char account[KC_AMOUNT_TEXT_SIZE];
    char pending[KC_AMOUNT_TEXT_SIZE];
    char when[KC_CLOCK_TEXT_SIZE];
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (kc_failed(result)) {
        return result;
    }
    format(value, station, info.value);
    format(account, station, info.account_amount);
    format(pending, station, info.pending_amount);
    kc_clock_format(when, info.time_ms);
    if (command->json) {
        kc_json_open(&json, stdout);
        if (result_word != NULL) {
            kc_json_text(&json, "result", result_word);
        }
        kc_json_number(&json, "account", info.account.number);
        kc_json_number(&json, "purse", info.purse.number);
        kc_json_text(&json, "uim_amount", value);
        kc_json_text(&json, "account_amount", account);
        kc_json_text(&json, "currency", station->currency);
        kc_json_text(&json, "certified", when);
        kc_json_text(&json, "state", kc_life_word(info.life));
        kc_json_text(&json, "pending_amount", pending);
        kc_json_number(&json, "counter", info.counter);
        kc_json_number(&json, "sequence", info.sequence);
        kc_json_number(&json, "pin_tries", info.pin_tries);
        kc_json_close(&json);
        return result;
    }
    tell_result(result_word);
    (void)printf("in the UIM   %s %s\nin account   %s %s (%s, account %" PRIu64 ")\n", value,
                 station->currency, account, station->currency, when, info.account.number);
    if (info.life == KC_LIFE_BLOCKED) {
        (void)printf("blocked      take the UIM to the registrar\n");
    } else if (info.has_pending) {
        (void)printf("not finished %s %s (%s): run 'sync'\n", pending, station->currency,
                     kc_life_word(info.life));
    }
    return result;
}

static struct kc_result show_history(struct kc_station *station, const struct kc_command *command)
{
    for (unsigned back = 0; back < 48; back++) {
        struct kc_entry entry;
        struct kc_json_out json;
        char amount[KC_AMOUNT_TEXT_SIZE];
        char when[KC_CLOCK_TEXT_SIZE];
        struct kc_result result = kc_slot_history(&entry, &station->uim, (uint8_t)back);
        if (result.code == KC_NOT_FOUND) {
            return kc_ok();
        }
        if (kc_failed(result)) {
            return result;
        }
        format(amount, station, entry.amount);
        kc_clock_format(when, entry.time_ms);
        if (command->json) {
            kc_json_open(&json, stdout);
            kc_json_number(&json, "counter", entry.counter);
            kc_json_text(&json, "kind", kc_entry_kind_word(entry.kind));
            kc_json_text(&json, "amount", amount);
            kc_json_text(&json, "time", when);
            kc_json_close(&json);
        } else {
            (void)printf("%-4" PRIu64 " %-9s %12s %s  %s\n", entry.counter,
                         kc_entry_kind_word(entry.kind), amount, station->currency, when);
        }
    }
    return kc_ok();
}

/* ---- asking ---- */

struct asking {
    const struct kc_command *command;
    const struct kc_station *station;
};

static bool ask_user(void *owner, const struct kc_cash_quote *quote)
{
    const struct asking *asking = owner;
    char texts[5][KC_AMOUNT_TEXT_SIZE];
    char line[16] = "";
    const struct kc_amount amounts[5] = {quote->amount, quote->account_before, quote->account_after,
                                         quote->purse_before, quote->purse_after};
    for (size_t i = 0; i < 5; i++) {
        format(texts[i], asking->station, amounts[i]);
    }
    (void)fprintf(
        stderr, "%.*s, %s %s %s:\n  account %" PRIu64 "  %s -> %s\n  UIM               %s -> %s\n",
        (int)quote->user_name.size, (const char *)quote->user_name.data,
        kc_cash_kind_word(quote->kind), texts[0], asking->station->currency, quote->account.number,
        texts[1], texts[2], texts[3], texts[4]);
    if (kc_command_value(asking->command, "yes") != NULL) {
        return true;
    }
    if (kc_command_value(asking->command, "no") != NULL) {
        return false;
    }
    (void)fprintf(stderr, "OK or NG? ");
    if (fgets(line, sizeof line, stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return strcasecmp(line, "ok") == 0 || strcasecmp(line, "y") == 0 ||
           strcasecmp(line, "yes") == 0;
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
        {KC_PENDING, "run 'sync'"},
        {KC_PIN_REQUIRED, "4 to 12 digits, with --pin-file, in KINCHAKU_PIN or at the terminal"},
        {KC_PIN_WRONG, "it is blocked after three wrong ones in a row; 'show --json' counts"},
        {KC_PIN_BLOCKED, "take the UIM to the registrar"},
        {KC_COPIED_OR_RESTORED, "this UIM is out of use; take it to the registrar"},
        {KC_PURSE_BLOCKED, "take the UIM to the registrar"},
        {KC_PURSE_CORRUPT, "take the UIM to the registrar"},
        {KC_CERT_REVOKED, "take the UIM to the registrar"},
        {KC_CERT_EXPIRED, "take the UIM to the registrar"},
        {KC_INSUFFICIENT_ACCOUNT, "'show' tells how much there is; 'fund' brings more"},
        {KC_INSUFFICIENT_VALUE, "'show' tells how much there is"},
        {KC_NO_ABILITY_TO_PAY, "the account there holds less than this"},
        {KC_AMOUNT_MALFORMED, "digits, and a point with no more decimals than the currency has"},
        {KC_IN_USE, "wait until the other station is done with this UIM"},
        {KC_BUSY, "try again in a moment"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error == error) {
            return rows[i].words;
        }
    }
    return NULL;
}

/* The advice, or the file that the error is about. */
static const char *detail_of(enum kc_error error)
{
    static char words[KC_PATH_SIZE_MAX + 128];
    const char *before = "";
    const char *then = NULL;
    if (error == KC_FILE_MISSING) {
        then = "";
    } else if (error == KC_KEY_PERMISSIONS) {
        then = "; 'chmod 600' closes it";
    } else if (error == KC_PIN_WRONG && pin_from_letter) {
        before = "it came from ";
        then = "; delete that file and give the right one, three wrong ones block the UIM";
    }
    if (then == NULL) {
        return advice(error);
    }
    (void)snprintf(words, sizeof words, "%s%s%s", before, last_file, then);
    return words;
}

/* ---- commands ---- */

static struct kc_result run_cash(struct kc_station *station, const struct kc_command *command,
                                 enum kc_cash_kind kind)
{
    struct asking asking = {.command = command, .station = station};
    struct kc_amount amount;
    struct kc_result result = kc_amount_parse(&amount, command->arguments[1], station->decimals);
    if (!kc_failed(result) && kc_amount_is_zero(amount)) {
        result = kc_result(KC_AMOUNT_ZERO);
    }
    if (!kc_failed(result)) {
        result = unlock(station, command);
    }
    if (!kc_failed(result)) {
        result = kc_station_settle(station);
    }
    if (!kc_failed(result)) {
        result = kc_station_cash(station, kind, amount, ask_user, &asking);
    }
    if (result.code == KC_DECLINED) {
        struct kc_result shown = show_state(station, command, "declined");
        return kc_failed(shown) ? shown : result;
    }
    return kc_failed(result) ? result : show_state(station, command, "completed");
}

static struct kc_result withdraw(struct kc_station *station, const struct kc_command *command)
{
    return run_cash(station, command, KC_CASH_KIND_WITHDRAW);
}

static struct kc_result deposit(struct kc_station *station, const struct kc_command *command)
{
    return run_cash(station, command, KC_CASH_KIND_DEPOSIT);
}

static struct kc_result run_fund(struct kc_station *station, const struct kc_command *command,
                                 enum kc_fund_kind kind)
{
    struct kc_amount amount;
    struct kc_result result = kc_amount_parse(&amount, command->arguments[1], station->decimals);
    if (!kc_failed(result) && kc_amount_is_zero(amount)) {
        result = kc_result(KC_AMOUNT_ZERO);
    }
    if (!kc_failed(result)) {
        result = unlock(station, command);
    }
    if (!kc_failed(result)) {
        result = kc_station_settle(station);
    }
    if (!kc_failed(result)) {
        result = kc_station_fund(station, kind, amount);
    }
    return kc_failed(result) ? result : show_state(station, command, "completed");
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
    return show_state(station, command, NULL);
}

static struct kc_result history(struct kc_station *station, const struct kc_command *command)
{
    struct kc_result result = unlock(station, command);
    return kc_failed(result) ? result : show_history(station, command);
}

static struct kc_result sync_uim(struct kc_station *station, const struct kc_command *command)
{
    enum kc_outcome outcome = KC_OUTCOME_NONE;
    struct kc_result result = unlock(station, command);
    if (!kc_failed(result)) {
        result = kc_station_sync(station, &outcome);
    }
    return kc_failed(result) ? result : show_state(station, command, kc_outcome_word(outcome));
}

/* The letter is where the next command would look for the PIN, and three old ones block the UIM. */
static void tell_new_pin(const struct kc_command *command)
{
    const char *letter = find_letter(command);
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
    struct kc_result result = pin_from_file(out, capacity, path, "");
    if (kc_failed(result)) {
        return result.code == KC_PIN_REQUIRED ? kc_result(KC_USAGE) : result;
    }
    return kc_result(is_pin(out) ? KC_OK : KC_USAGE);
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

struct verb {
    const char *name;
    size_t arguments;
    struct kc_result (*run)(struct kc_station *station, const struct kc_command *command);
};

static const struct verb verbs[] = {
    {"show", 1, show},         {"history", 1, history}, {"sync", 1, sync_uim},
    {"withdraw", 2, withdraw}, {"deposit", 2, deposit}, {"fund", 2, fund},
    {"redeem", 2, redeem},     {"pin", 2, change_pin},
};

static bool take_loss(enum kc_station_loss *out, const char *text)
{
    static const char *const words[] = {"nothing", "request", "quote", "answer", "completion"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = (enum kc_station_loss)i;
            return true;
        }
    }
    return false;
}

static int run(const struct verb *verb, const struct kc_command *command)
{
    static struct kc_station station;
    uint64_t timeout_ms = TIMEOUT_MS;
    const char *lose = kc_command_value(command, "lose");
    if (!kc_command_number(&timeout_ms, command, "timeout", 1, 600000, TIMEOUT_MS)) {
        return kc_command_usage(command, "--timeout is a number of milliseconds up to 600000");
    }
    last_file = kc_command_value(command, "uim");
    struct kc_result result =
        kc_station_open(&station, kc_command_value(command, "uim"),
                        kc_command_value(command, "bank"), (unsigned)timeout_ms);
    if (!kc_failed(result)) {
        result = kc_trace_open(&station.trace, kc_command_value(command, "trace"));
    }
    if (!take_loss(&station.lose, lose == NULL ? "nothing" : lose)) {
        kc_station_close(&station);
        return kc_command_usage(command, "--lose is request, quote, answer or completion");
    }
    if (!kc_failed(result)) {
        result = verb->run(&station, command);
    }
    kc_station_close(&station);
    if (result.code == KC_DECLINED) {
        return 0;
    }
    if (result.code == KC_USAGE) {
        return kc_command_usage(command, "NEW-PIN-FILE begins with a PIN of 4 to 12 digits");
    }
    return kc_failed(result) ? kc_command_fail(command, result, detail_of(result.code)) : 0;
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
    if (kc_command_value(&command, "uim") == NULL || command.argument_count == 0 || both) {
        return kc_command_usage(&command, both ? "--yes or --no, not both"
                                               : "--uim and a command are needed");
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, command.arguments[0]) == 0) {
            return command.argument_count == verbs[i].arguments
                       ? run(&verbs[i], &command)
                       : kc_command_usage(&command, "wrong number of arguments");
        }
    }
    return kc_command_usage(&command, "this command is not known");
}
