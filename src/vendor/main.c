#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "message/generated/names.h"
#include "service/json_out.h"
#include "service/signals.h"
#include "vendor/giveback.h"
#include "vendor/serve.h"
#include "vendor/server.h"

static const struct kc_option options[] = {
    {"dir", "D", "folder of the machine or of the server (required)"},
    {"link", "L", "machine: where buyers come, instead of what machine.ini says"},
    {"collect", "L", "machine: where the server comes, instead of what machine.ini says"},
    {"pos", NULL,
     "machine: a point of sale; the cashier types amounts on stdin; buyers buy place 1"},
    {"card", "PLACE",
     "machine: a card lies in the machine's own slot, a file or pcsc:READER; it buys once"},
    {"slot", "N", "machine: what the card buys"},
    {"amount", "A", "machine: what the card is made to pay, instead of the price"},
    {"begin", NULL, "machine: begin a new journal for one that is lost"},
    {"jam", "N", "machine: for tests: nothing comes out of this place"},
    {"pin-file", "F",
     "machine, journal, settle: file with the PIN of its purse, or of the card, where it has one"},
    {"once", NULL, "server: one round, then end"},
    {"machine", "NAME", "server: this machine only"},
    {"timeout", "MS", "server: how long to wait for a machine or the bank (default 15000)"},
    {"bank-key", "FILE", "init: the bank's public signature key (PEM)"},
    {"stop-after", "WHAT", "for tests: end at once after this step, as a power cut would"},
};

static const struct kc_program program = {
    .name = "kinchaku-vendor",
    .summary = "machines that sell, and the server that gathers what they sold",
    .usage = "usage: kinchaku-vendor machine --dir D [--link L] [--collect L] [--pos] [--begin]\n"
             "       kinchaku-vendor machine --dir D --card PLACE --slot N [--amount A]\n"
             "       kinchaku-vendor fill SLOT COUNT --dir D\n"
             "       kinchaku-vendor journal --dir D [--pin-file F]\n"
             "       kinchaku-vendor settle SALE --dir D [--pin-file F]\n"
             "       kinchaku-vendor init --dir D --bank-key FILE\n"
             "       kinchaku-vendor server --dir D [--once] [--machine NAME] [--timeout MS]\n"
             "       kinchaku-vendor report --dir D",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* ---- the machine ---- */

/* The first line of a secret file. */
static struct kc_result read_pin(char *out, size_t capacity, const char *path)
{
    uint8_t bytes[128];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    struct kc_result result = kc_file_read_secret(&buffer, path);
    size_t size = 0;
    while (!kc_failed(result) && size < buffer.size && size + 1 < capacity && bytes[size] >= '0' &&
           bytes[size] <= '9') {
        out[size] = (char)bytes[size];
        size++;
    }
    out[size] = '\0';
    kc_wipe(bytes, sizeof bytes);
    return !kc_failed(result) && size == 0 ? kc_result(KC_PIN_REQUIRED) : result;
}

static struct kc_result open_machine(struct kc_machine *machine, const struct kc_command *command,
                                     const char *pin)
{
    uint64_t jam = 0;
    memset(machine, 0, sizeof *machine);
    machine->pos = kc_command_value(command, "pos") != NULL;
    if (!kc_command_number(&jam, command, "jam", 1, KC_SLOTS_MAX, 0)) {
        return kc_result(KC_USAGE);
    }
    machine->jam = jam;
    machine->stop_after = kc_command_value(command, "stop-after");
    return kc_machine_open(machine, kc_command_value(command, "dir"), pin,
                           kc_command_value(command, "begin") != NULL);
}

/* What was found in place of the card, or empty. */
static char found[KC_PCSC_WORDS_SIZE];

static struct kc_result open_card(struct kc_slot *card, struct kc_purse_place *where,
                                  struct kc_machine *machine, const char *place, const char *pin)
{
    struct kc_slot_port port;
    struct kc_result result = kc_purse_place_open(where, &port, place, &machine->crypto);
    if (!kc_failed(result)) {
        result = kc_slot_open(card, &port);
    }
    return kc_failed(result) || pin == NULL ? result : kc_slot_verify_pin(card, kc_view_text(pin));
}

/* Nobody can pay to a card without keys. */
static bool takes_nothing(struct kc_slot *card)
{
    struct kc_purse_info info;
    return !kc_failed(kc_slot_info(&info, card)) && info.purse_type == KC_PURSE_TYPE_BEARER;
}

static struct kc_result serve_card(struct kc_machine *machine, const struct kc_command *command,
                                   const char *place, const char *pin)
{
    static struct kc_slot card;
    struct kc_purse_place where = {.words = ""};
    struct kc_sold sold = {.sale = 0};
    struct kc_amount asked = kc_amount_zero();
    const char *amount = kc_command_value(command, "amount");
    uint64_t slot = 0;
    bool fatal = false;
    if (!kc_command_number(&slot, command, "slot", 1, KC_SLOTS_MAX, 0) || slot == 0) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result =
        amount == NULL ? kc_ok() : kc_amount_parse(&asked, amount, machine->decimals);
    if (!kc_failed(result)) {
        result = open_card(&card, &where, machine, place, pin);
    }
    if (!kc_failed(result)) {
        result = kc_sell_card(&sold, &fatal, machine, &card, slot, asked);
        if (sold.sale != 0 || sold.returned != 0) {
            kc_serve_tell(machine, command, &sold);
        }
        result = !kc_failed(result) && sold.stuck ? kc_result(KC_ITEM_STUCK) : result;
    }
    memcpy(found, where.words, sizeof found);
    if (sold.stuck && takes_nothing(&card)) {
        result = kc_result(KC_ITEM_STUCK);
        (void)snprintf(found, sizeof found,
                       "a card without keys takes nothing back: the bank pays what is owed to it "
                       "when the server has collected");
    }
    kc_purse_place_close(&where);
    return result;
}

static struct kc_result run_machine(const struct kc_command *command)
{
    static struct kc_machine machine;
    char pin_text[16] = "";
    const char *pin_file = kc_command_value(command, "pin-file");
    const char *card = kc_command_value(command, "card");
    struct kc_result result =
        pin_file == NULL ? kc_ok() : read_pin(pin_text, sizeof pin_text, pin_file);
    const char *pin = pin_file == NULL ? NULL : pin_text;
    if (kc_failed(result)) {
        return result;
    }
    result = open_machine(&machine, command, card == NULL ? pin : NULL);
    if (!kc_failed(result)) {
        result = card == NULL ? kc_serve_machine(&machine, command)
                              : serve_card(&machine, command, card, pin);
    }
    kc_machine_close(&machine);
    kc_wipe(pin_text, sizeof pin_text);
    return result;
}

static bool read_number(uint64_t *out, const char *text, uint64_t most)
{
    size_t digits = strspn(text, "0123456789");
    *out = digits > 0 && digits < 9 ? strtoull(text, NULL, 10) : most + 1;
    return text[digits] == '\0' && *out <= most;
}

static struct kc_result run_fill(const struct kc_command *command)
{
    static struct kc_machine_ini ini;
    static struct kc_stock stock;
    char path[KC_PATH_SIZE_MAX];
    const char *dir = kc_command_value(command, "dir");
    uint64_t slot = 0;
    uint64_t count = 0;
    int lock = -1;
    if (command->argument_count != 3 || !read_number(&slot, command->arguments[1], KC_SLOTS_MAX) ||
        !read_number(&count, command->arguments[2], 100000)) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = kc_path_join(path, dir, "lock", NULL);
    if (!kc_failed(result)) {
        result = kc_file_lock(&lock, path);
    }
    if (!kc_failed(result)) {
        result = kc_path_join(path, dir, "machine.ini", NULL);
    }
    if (!kc_failed(result)) {
        result = kc_machine_ini_read(&ini, path);
    }
    if (!kc_failed(result)) {
        result = kc_stock_open(&stock, dir, &ini);
    }
    if (!kc_failed(result)) {
        result = kc_stock_fill(&stock, slot, count);
    }
    kc_file_unlock(lock);
    return result;
}

/* ---- the journal as text ---- */

struct showing {
    const struct kc_command *command;
    unsigned decimals;
};

static struct kc_result show_line(void *owner, const struct kc_sale *line, struct kc_view bytes)
{
    const struct showing *showing = owner;
    char amount[KC_AMOUNT_TEXT_SIZE];
    char time[KC_CLOCK_TEXT_SIZE];
    const char *reason = line->reason == 0 ? "" : kc_error_name(kc_error_from_number(line->reason));
    struct kc_json_out json;
    (void)bytes;
    kc_amount_format(amount, line->amount, showing->decimals);
    kc_clock_format(time, line->time_ms);
    if (showing->command->json) {
        kc_json_open(&json, stdout);
        kc_json_number(&json, "number", line->number);
        kc_json_text(&json, "kind", kc_sale_kind_word(line->kind));
        kc_json_text(&json, "time", time);
        kc_json_number(&json, "sale", line->sale);
        kc_json_number(&json, "slot", line->slot);
        kc_json_text(&json, "amount", amount);
        kc_json_number(&json, "account", line->has_account ? line->account.number : 0);
        kc_json_number(&json, "counter", line->counter);
        kc_json_text(&json, "reason", reason);
        kc_json_number(&json, "count", line->count);
        if (kc_sale_by_voucher(line)) {
            char offer[2 * KC_DIGEST_SIZE + 1];
            kc_hex_write(offer, kc_view(line->about, KC_DIGEST_SIZE));
            kc_json_text(&json, "offer", offer);
        }
        kc_json_close(&json);
        return kc_ok();
    }
    (void)printf("%8" PRIu64 "  %s  %-9s sale %-6" PRIu64 " place %-3" PRIu64
                 " %10s  account %" PRIu64 "  %s\n",
                 line->number, time, kc_sale_kind_word(line->kind), line->sale, line->slot, amount,
                 line->has_account ? line->account.number : 0, reason);
    return kc_ok();
}

static struct kc_result run_journal(const struct kc_command *command)
{
    static struct kc_machine machine;
    char pin_text[16] = "";
    const char *pin_file = kc_command_value(command, "pin-file");
    struct kc_result result =
        pin_file == NULL ? kc_ok() : read_pin(pin_text, sizeof pin_text, pin_file);
    if (!kc_failed(result)) {
        result = open_machine(&machine, command, pin_file == NULL ? NULL : pin_text);
    }
    const struct showing showing = {.command = command, .decimals = machine.decimals};
    struct showing copy = showing;
    if (!kc_failed(result)) {
        result = kc_journal_read(&machine.journal, 1, show_line, &copy);
    }
    kc_machine_close(&machine);
    return result;
}

/* ---- what the dealer repaid by hand ---- */

static struct kc_result run_settle(const struct kc_command *command)
{
    static struct kc_machine machine;
    char pin_text[16] = "";
    uint64_t sale = 0;
    const char *pin_file = kc_command_value(command, "pin-file");
    if (command->argument_count != 2 || !read_number(&sale, command->arguments[1], 99999999)) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result =
        pin_file == NULL ? kc_ok() : read_pin(pin_text, sizeof pin_text, pin_file);
    if (!kc_failed(result)) {
        result = open_machine(&machine, command, pin_file == NULL ? NULL : pin_text);
    }
    if (!kc_failed(result)) {
        result = kc_giveback_settle(&machine, sale);
    }
    kc_machine_close(&machine);
    kc_wipe(pin_text, sizeof pin_text);
    return result;
}

/* ---- commands ---- */

struct verb {
    const char *name;
    struct kc_result (*run)(const struct kc_command *command);
};

static const struct verb verbs[] = {
    {"machine", run_machine},      {"fill", run_fill},
    {"journal", run_journal},      {"init", kc_server_init_command},
    {"server", kc_server_command}, {"report", kc_server_report_command},
    {"settle", run_settle},
};

static const char *advice(enum kc_error error)
{
    if (found[0] != '\0') {
        return found;
    }
    static const struct {
        enum kc_error error;
        const char *words;
    } rows[] = {
        {KC_IN_USE, "another process has this folder, its purse or its link"},
        {KC_STALE_STATE,
         "the journal lost its end: bring it back from a copy, or --begin a new one "
         "after moving this one away"},
        {KC_STORE_CORRUPT, "the log above names the file: move it away for whoever looks into it; "
                           "--begin starts a new journal"},
        {KC_FILE_MISSING, "a line above names the file; where none does, it is the folder of "
                          "--dir, or what --card or --pin-file names"},
        {KC_CONFIG_INVALID, "the line above says where"},
        {KC_IO_FAILED, "this user has to be able to read and write --dir and all that is in it"},
        {KC_KEY_PERMISSIONS, "'chmod 600' closes keys, purse and PIN, 'chmod 700' their folder"},
        {KC_NOT_FOUND, "machine.ini has no such place, 'machines' no such machine, or nothing is "
                       "owed for this sale"},
        {KC_INSUFFICIENT_VALUE, "the card holds less than this"},
        {KC_UNREACHABLE, "what was sold is kept, and goes with a later round"},
        {KC_PIN_REQUIRED, "--pin-file names the file with the PIN of a purse that has one"},
        {KC_HISTORY_FULL, "let the server collect"},
        {KC_AMOUNT_SHORT, "nothing was taken"},
        {KC_PENDING,
         "a payment back of it is under way: let the buyer come, or the server collect"},
        {KC_SOLD_OUT, "fill the place"},
        {KC_ITEM_STUCK, "look after the place, and fill it"},
        {KC_CARD_REMOVED,
         "put the card in again: what it paid, and nothing came for, is owed to it"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].error == error) {
            return rows[i].words;
        }
    }
    return NULL;
}

static int run(const struct verb *verb, const struct kc_command *command)
{
    struct kc_result result = verb->run(command);
    if (!kc_failed(result)) {
        return 0;
    }
    return result.code == KC_USAGE
               ? kc_command_usage(command, "options or arguments do not fit this command")
               : kc_command_fail(command, result, advice(result.code));
}

int main(int argc, char **argv)
{
    struct kc_command command;
    int status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &status)) {
        return status;
    }
    kc_log_open("vendor", KC_LOG_WARN);
    if (kc_command_value(&command, "dir") == NULL || command.argument_count == 0) {
        return kc_command_usage(&command, "--dir and a command are needed");
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, command.arguments[0]) == 0) {
            return run(&verbs[i], &command);
        }
    }
    return kc_command_usage(&command, "this command is not known");
}
