#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "message/offline_limits.h"
#include "purse/apdu.h"
#include "registrar/letter.h"
#include "service/command.h"
#include "service/files.h"
#include "service/json_out.h"
#include "station/pin.h"
#include "station/station.h"

static const struct kc_option options[] = {
    {"dir", "D", "folder of the system (default .kinchaku)"},
    {"name", "N", "open: name; card, machine: what others see (default prepaid card, machine)"},
    {"address", "A", "open: address"},
    {"phone", "T", "open: telephone number"},
    {"bank-account", "B", "open: ordinary bank account"},
    {"uim", "FILE",
     "open, card, machine, reissue, move: where to write the purse: a file, or pcsc:READER; renew: "
     "where it is"},
    {"letter", "FILE",
     "open, reissue, move: where to write PIN and password (default: FILE.letter of --uim)"},
    {"suite", "S", "open, card, machine, reissue, move: es256 (default), rs2048 or rs3072"},
    {"log-policy", "P",
     "open, card, machine, reissue, move: refuse (default), overwrite or report"},
    {"password-file", "F",
     "open, machine, identify, lost, reissue, move, charge, close, renew: file with the password "
     "(none for a card)"},
    {"owner", "N", "machine: account number of the dealer"},
    {"grade", "G", "card: keyed (default), or bearer: without keys, for small amounts"},
    {"pin-file", "F",
     "open, reissue, move: file with the UIM's PIN; renew: the same (default: $KINCHAKU_PIN, "
     "FILE.letter, the terminal)"},
    {"bring-keys", NULL, "open, reissue, move: make the keys here instead of in the UIM"},
    {"keys", "FOLDER",
     "open, reissue, move: bring in sign.key and encrypt.key, made elsewhere before"},
    {"file", "CSV",
     "bulk: name,address,phone,bank account,UIM file[,suite[,policy]] a line; "
     "card: card file[,suite[,policy]] a line"},
    {"account", "N", "identify, lost, reissue, move, charge, close: account number"},
    {"from", "W", "charge: account, ordinary or included: where it comes from"},
    {"paid", NULL, "charge, move: the price of a UIM or key paid the next one"},
    {"purse", "ID", "lost: purse number"},
    {"write-off", NULL, "close: also when there is value in the purse; it is waited for"},
    {"trace", "PLACE", "write every protocol step to a file, or to unix:PATH"},
    {"bank", "ID", "init: bank id (default 1)"},
    {"currency", "C", "init: currency code (default JPY)"},
    {"decimals", "N", "init: decimals of the currency (default 0)"},
    {"bank-url", "URL", "init: where the bank answers"},
    {"authority-url", "URL", "init: where the authority answers"},
    {"directory-url", "URL", "init: where the directory is"},
};

static const struct kc_program program = {
    .name = "kinchaku-registrar",
    .summary = "opens accounts and writes UIMs",
    .usage =
        "usage: kinchaku-registrar open --name N --address A --phone T --bank-account B --uim "
        "FILE\n"
        "                          [--suite S] [--log-policy P] [--password-file F] [--pin-file "
        "F]\n"
        "                          [--bring-keys | --keys FOLDER] [--dir D]\n"
        "       kinchaku-registrar card --uim FILE [--grade keyed|bearer] [--name N] [--suite S] "
        "[--dir "
        "D]\n"
        "       kinchaku-registrar card --file CSV [--grade keyed|bearer] [--dir D]\n"
        "       kinchaku-registrar machine --owner N --uim FILE --password-file F [--name N]\n"
        "                          [--suite S] [--dir D]\n"
        "       kinchaku-registrar bulk --file CSV [--dir D]\n"
        "       kinchaku-registrar identify --account N --password-file F [--dir D]\n"
        "       kinchaku-registrar lost --account N --purse ID [--password-file F] [--dir D]\n"
        "       kinchaku-registrar charge --account N --paid | --from W [--password-file F] [--dir "
        "D]\n"
        "       kinchaku-registrar close --account N --password-file F [--write-off] [--dir D]\n"
        "       kinchaku-registrar reissue --account N --uim FILE [--password-file F] [--suite S]\n"
        "                          [--log-policy P] [--pin-file F] [--bring-keys | --keys FOLDER]\n"
        "                          [--dir D]\n"
        "       kinchaku-registrar move --account N --uim FILE --password-file F [--paid] [as "
        "reissue]\n"
        "       kinchaku-registrar renew --uim FILE [--password-file F] [--pin-file F] [--dir D]\n"
        "       kinchaku-registrar init --bank-url U --authority-url U --directory-url U [--dir D]",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* What is wrong when a verb gives KC_USAGE, and which file a missing one is. */
static const char *wrong = "an option is missing or not valid";
static const char *last_file;
/* What a verb says of its own failure, and what it had done already by then, each or NULL. */
static const char *told;
static const char *done_yet;
/* When a new purse can be issued, as the bank said. */
static char due[KC_CLOCK_TEXT_SIZE];

static struct kc_result usage(const char *what)
{
    wrong = what;
    return kc_result(KC_USAGE);
}

static bool take_text(char *out, size_t capacity, const struct kc_command *command,
                      const char *option)
{
    const char *text = kc_command_value(command, option);
    if (text == NULL || text[0] == '\0' || strlen(text) >= capacity) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

/* The first line of a secret file. */
static struct kc_result read_secret(char *out, size_t capacity, const char *path)
{
    uint8_t bytes[128];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    last_file = path;
    struct kc_result result = kc_file_read_secret(&buffer, path);
    if (!kc_failed(result)) {
        size_t size = 0;
        while (size < buffer.size && bytes[size] != '\n' && bytes[size] != '\r') {
            size++;
        }
        if (size == 0 || size >= capacity) {
            result = usage("the first line of a password or PIN file is empty or too long");
        } else {
            memcpy(out, bytes, size);
            out[size] = '\0';
        }
    }
    kc_wipe(bytes, sizeof bytes);
    return result;
}

/* Keys made before are looked at first: an application that cannot be finished is not begun. */
static struct kc_result check_keys(const char *folder)
{
    static char path[KC_PATH_SIZE_MAX];
    static const char *const names[] = {"sign.key", "encrypt.key"};
    struct kc_result result = kc_ok();
    for (size_t i = 0; folder != NULL && i < 2 && !kc_failed(result); i++) {
        result = kc_path_join(path, folder, names[i], NULL);
        if (!kc_failed(result) && !kc_file_exists(path)) {
            last_file = path;
            result = kc_result(KC_FILE_MISSING);
        }
    }
    return result;
}

static struct kc_result read_secrets(struct kc_application *out, const struct kc_command *command)
{
    const char *password_file = kc_command_value(command, "password-file");
    const char *pin_file = kc_command_value(command, "pin-file");
    struct kc_result result = kc_ok();
    if (password_file != NULL) {
        result = read_secret(out->password, sizeof out->password, password_file);
    }
    if (!kc_failed(result) && pin_file != NULL) {
        result = read_secret(out->pin, sizeof out->pin, pin_file);
        size_t digits = strspn(out->pin, "0123456789");
        bool good =
            out->pin[digits] == '\0' && digits >= KC_PIN_SIZE_MIN && digits <= KC_PIN_SIZE_MAX;
        if (!kc_failed(result) && !good) {
            result = usage("a PIN has 4 to 12 digits");
        }
    }
    return result;
}

/* What a purse is made with, whatever it is. */
static struct kc_result read_make(struct kc_application *out, const struct kc_command *command)
{
    const char *suite = kc_command_value(command, "suite");
    const char *policy = kc_command_value(command, "log-policy");
    if (!kc_registrar_take_suite(&out->suite, suite == NULL ? "es256" : suite)) {
        return usage("--suite is es256, rs2048 or rs3072");
    }
    if (!kc_log_policy_take(&out->log_policy, policy == NULL ? "refuse" : policy)) {
        return usage("--log-policy is refuse, overwrite or report");
    }
    out->letter = kc_command_value(command, "letter");
    out->keys_folder = kc_command_value(command, "keys");
    out->bring_keys = kc_command_value(command, "bring-keys") != NULL || out->keys_folder != NULL;
    return check_keys(out->keys_folder);
}

static struct kc_result read_uim(struct kc_application *out, const struct kc_command *command)
{
    struct kc_result result = read_make(out, command);
    return kc_failed(result) ? result : read_secrets(out, command);
}

static struct kc_result read_form(struct kc_application *out, const struct kc_command *command)
{
    memset(out, 0, sizeof *out);
    out->type = KC_PURSE_TYPE_UIM;
    bool good = take_text(out->name, sizeof out->name, command, "name") &&
                take_text(out->address, sizeof out->address, command, "address") &&
                take_text(out->phone, sizeof out->phone, command, "phone") &&
                take_text(out->bank_account, sizeof out->bank_account, command, "bank-account") &&
                kc_command_value(command, "uim") != NULL;
    if (!good) {
        return usage("--name, --address, --phone, --bank-account or --uim is missing or too long");
    }
    return read_uim(out, command);
}

static struct kc_result check_letter(struct kc_result result)
{
    return result.code == KC_USAGE
               ? usage("a card needs --letter, or a PIN and a password in files")
               : result;
}

static const char *purse_word(enum kc_purse_type type)
{
    switch (type) {
    case KC_PURSE_TYPE_UIM:
        return "UIM";
    case KC_PURSE_TYPE_CARD:
    case KC_PURSE_TYPE_BEARER:
        return "card";
    case KC_PURSE_TYPE_MACHINE:
        return "machine";
    }
    return "purse";
}

static void show_opened(const struct kc_command *command, const struct kc_opened_account *opened,
                        enum kc_purse_type type, bool letter, bool again)
{
    char expires[KC_CLOCK_TEXT_SIZE];
    struct kc_json_out json;
    const char *uim = kc_command_value(command, "uim");
    kc_clock_format(expires, opened->expires_ms);
    if (!command->json) {
        (void)printf("account %llu %s, %s written to %s (purse %llu, until %s)\n",
                     (unsigned long long)opened->account.number,
                     again ? "has a new purse" : "opened", purse_word(type), uim,
                     (unsigned long long)opened->purse.number, expires);
        if (letter) {
            const char *file = kc_command_value(command, "letter");
            (void)printf("%s in %s%s; hand it over and delete it\n",
                         again ? "the PIN is" : "PIN and password are", file == NULL ? uim : file,
                         file == NULL ? ".letter" : "");
        }
        return;
    }
    kc_json_open(&json, stdout);
    kc_json_number(&json, "account", opened->account.number);
    kc_json_number(&json, "purse", opened->purse.number);
    kc_json_text(&json, "uim", uim);
    kc_json_text(&json, "type", kc_purse_type_word(type));
    kc_json_text(&json, "expires", expires);
    kc_json_bool(&json, "letter", letter);
    kc_json_close(&json);
}

static struct kc_result open_account(struct kc_registrar *registrar,
                                     const struct kc_command *command)
{
    static struct kc_application application;
    struct kc_opened_account opened = {.expires_ms = 0};
    const char *uim = kc_command_value(command, "uim");
    bool letter = false;
    struct kc_result result = read_form(&application, command);
    if (!kc_failed(result)) {
        last_file = uim;
        result = kc_letter_open_account(&opened, &letter, registrar, &application, uim);
        result = check_letter(result);
    }
    if (!kc_failed(result)) {
        show_opened(command, &opened, application.type, letter, false);
    }
    kc_wipe(&application, sizeof application);
    return result;
}

/* Opens what a card or machine needs, and writes it. The application says which. */
static struct kc_result issue_purse(struct kc_registrar *registrar,
                                    const struct kc_command *command,
                                    struct kc_application *application)
{
    struct kc_opened_account opened = {.expires_ms = 0};
    const char *uim = kc_command_value(command, "uim");
    const char *name = kc_command_value(command, "name");
    bool letter = false;
    if (uim == NULL) {
        return usage("--uim is missing");
    }
    if (name != NULL && !take_text(application->name, sizeof application->name, command, "name")) {
        return usage("--name is empty or too long");
    }
    struct kc_result result = read_make(application, command);
    if (!kc_failed(result)) {
        last_file = uim;
        result = kc_letter_open_account(&opened, &letter, registrar, application, uim);
    }
    if (!kc_failed(result)) {
        show_opened(command, &opened, application->type, letter, false);
    }
    return result;
}

/* Whoever stands at the counter is the holder by the password; of a card nobody is, and there is none. */
static struct kc_result check_holder(char name[KC_NAME_SIZE_MAX + 1], enum kc_purse_type *type,
                                     struct kc_registrar *registrar,
                                     const struct kc_command *command, struct kc_account_id account)
{
    char password[KC_NAME_SIZE_MAX + 1] = "";
    const char *file = kc_command_value(command, "password-file");
    struct kc_result result = kc_ok();
    if (file != NULL) {
        result = read_secret(password, sizeof password, file);
    }
    if (!kc_failed(result)) {
        result = kc_registrar_identify(name, type, registrar, account, kc_view_text(password));
    }
    kc_wipe(password, sizeof password);
    if (result.code == KC_WRONG_PASSWORD && file == NULL) {
        return usage("--password-file is missing");
    }
    return result;
}

/* The same, of the account that an option names. */
static struct kc_result identify_holder(struct kc_account_id *account,
                                        char name[KC_NAME_SIZE_MAX + 1], enum kc_purse_type *type,
                                        struct kc_registrar *registrar,
                                        const struct kc_command *command, const char *option)
{
    const char *number = kc_command_value(command, option);
    if (number == NULL) {
        return usage("--account or --owner is missing");
    }
    if (kc_failed(kc_account_parse(account, number))) {
        return usage("this is no account number");
    }
    return check_holder(name, type, registrar, command, *account);
}
/* A card for whoever holds it. */
static struct kc_result issue_card(struct kc_registrar *registrar, const struct kc_command *command)
{
    static struct kc_application application;
    const char *grade = kc_command_value(command, "grade");
    memset(&application, 0, sizeof application);
    application.type = KC_PURSE_TYPE_CARD;
    if (grade != NULL && strcmp(grade, "bearer") == 0) {
        application.type = KC_PURSE_TYPE_BEARER;
    } else if (grade != NULL && strcmp(grade, "keyed") != 0) {
        return usage("--grade is keyed or bearer");
    }
    return issue_purse(registrar, command, &application);
}

/* A machine of a dealer, who says so with the password. */
static struct kc_result issue_machine(struct kc_registrar *registrar,
                                      const struct kc_command *command)
{
    static struct kc_application application;
    char dealer[KC_NAME_SIZE_MAX + 1];
    enum kc_purse_type type = KC_PURSE_TYPE_UIM;
    memset(&application, 0, sizeof application);
    application.type = KC_PURSE_TYPE_MACHINE;
    struct kc_result result =
        identify_holder(&application.owner, dealer, &type, registrar, command, "owner");
    if (!kc_failed(result) && type != KC_PURSE_TYPE_UIM) {
        result = kc_result(KC_NOT_ALLOWED);
    }
    return kc_failed(result) ? result : issue_purse(registrar, command, &application);
}

/* What no card has: somebody who is known to hold it. */
static struct kc_result identify_person(struct kc_account_id *account,
                                        struct kc_registrar *registrar,
                                        const struct kc_command *command)
{
    char name[KC_NAME_SIZE_MAX + 1];
    enum kc_purse_type type = KC_PURSE_TYPE_UIM;
    struct kc_result result = identify_holder(account, name, &type, registrar, command, "account");
    bool card = type == KC_PURSE_TYPE_CARD || type == KC_PURSE_TYPE_BEARER;
    return card && (!kc_failed(result) || result.code == KC_WRONG_PASSWORD)
               ? kc_result(KC_NOT_ALLOWED)
               : result;
}

static struct kc_result identify(struct kc_registrar *registrar, const struct kc_command *command)
{
    char name[KC_NAME_SIZE_MAX + 1];
    struct kc_account_id account = {.number = 0};
    struct kc_json_out json;
    const char *number = kc_command_value(command, "account");
    enum kc_purse_type type = KC_PURSE_TYPE_UIM;
    struct kc_result result = identify_holder(&account, name, &type, registrar, command, "account");
    if (kc_failed(result)) {
        return result;
    }
    if (type == KC_PURSE_TYPE_CARD || type == KC_PURSE_TYPE_BEARER) {
        /* Without a password there is nobody whom it could show to be the holder. */
        return kc_result(KC_NOT_ALLOWED);
    }
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_text(&json, "account", number);
        kc_json_text(&json, "name", name);
        kc_json_close(&json);
    } else {
        (void)printf("account %s belongs to %s; the password is right\n", number, name);
    }
    return result;
}

/* Where the charge comes from is its holder's to say, who is asked for the password; a sale anybody may have paid. */
static struct kc_result charge(struct kc_registrar *registrar, const struct kc_command *command)
{
    struct kc_account_id account = {.number = 0};
    enum kc_charge_source source = KC_CHARGE_SOURCE_INCLUDED;
    struct kc_json_out json;
    const char *number = kc_command_value(command, "account");
    const char *from = kc_command_value(command, "from");
    bool paid = kc_command_value(command, "paid") != NULL;
    if (paid == (from != NULL) || (from != NULL && !kc_charge_source_take(&source, from))) {
        return usage("charge needs --paid, or --from account, ordinary or included");
    }
    if (number == NULL || kc_failed(kc_account_parse(&account, number))) {
        return usage("--account is missing or no account number");
    }
    struct kc_result result = paid ? kc_ok() : identify_person(&account, registrar, command);
    if (!kc_failed(result)) {
        result = kc_registrar_charge(registrar, account, paid ? NULL : &source);
    }
    if (!kc_failed(result) && command->json) {
        kc_json_open(&json, stdout);
        kc_json_number(&json, "account", account.number);
        kc_json_text(&json, "charge", paid ? "paid" : from);
        kc_json_close(&json);
    } else if (!kc_failed(result)) {
        (void)printf("account %llu: charge %s\n", (unsigned long long)account.number,
                     paid ? "paid" : from);
    }
    return result;
}

static struct kc_result lost(struct kc_registrar *registrar, const struct kc_command *command)
{
    char name[KC_NAME_SIZE_MAX + 1];
    struct kc_account_id account = {.number = 0};
    struct kc_purse_id purse;
    struct kc_json_out json;
    const char *number = kc_command_value(command, "purse");
    if (number == NULL || kc_failed(kc_purse_parse(&purse, number))) {
        return usage("--purse is missing or no purse number");
    }
    enum kc_purse_type type = KC_PURSE_TYPE_UIM;
    bool out = false;
    struct kc_result result = identify_holder(&account, name, &type, registrar, command, "account");
    if (!kc_failed(result)) {
        result = kc_registrar_lost(&out, registrar, account, purse);
        told = result.code == KC_UNKNOWN_ACCOUNT ? "the purse is not of this account" : NULL;
    }
    if (kc_failed(result) && out) {
        told = "the purse is out of use already; the bank goes on with the revocation by itself "
               "('kinchaku-bank purse' tells how far it is), or say it again";
        done_yet = "out";
    }
    if (kc_failed(result)) {
        return result;
    }
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_number(&json, "account", account.number);
        kc_json_number(&json, "purse", purse.number);
        kc_json_text(&json, "state", "blocked");
        kc_json_close(&json);
    } else {
        (void)printf("purse %s is out of use and its certificates are revoked\n", number);
    }
    return result;
}

static void show_closed(const struct kc_registrar *registrar, const struct kc_command *command,
                        const struct kc_close_reply *reply)
{
    struct kc_json_out json;
    char amount[KC_AMOUNT_TEXT_SIZE];
    char purse[KC_AMOUNT_TEXT_SIZE];
    unsigned decimals = (unsigned)registrar->config.decimals;
    const char *currency = registrar->config.currency;
    kc_amount_format(amount, reply->amount, decimals);
    kc_amount_format(purse, reply->purse_amount, decimals);
    kc_clock_format(due, reply->due_ms);
    if (!command->json) {
        (void)printf(
            "account %llu is closed and its certificates are revoked\n"
            "%s %s of it and %s %s of its purse go to the ordinary bank account, on %s at the "
            "latest\n",
            (unsigned long long)reply->account.number, amount, currency, purse, currency, due);
        return;
    }
    kc_json_open(&json, stdout);
    kc_json_number(&json, "account", reply->account.number);
    kc_json_text(&json, "state", "closed");
    kc_json_text(&json, "amount", amount);
    kc_json_text(&json, "purse_amount", purse);
    kc_json_text(&json, "due", due);
    kc_json_close(&json);
}

/* Of an account that is closed already there is nobody to ask for a password: only what was not done is done. */
static struct kc_result close_account(struct kc_registrar *registrar,
                                      const struct kc_command *command)
{
    struct kc_account_id account = {.number = 0};
    struct kc_close_reply reply = {.due_ms = 0};
    bool write_off = kc_command_value(command, "write-off") != NULL;
    enum kc_close_kind kind = write_off ? KC_CLOSE_KIND_WRITE_OFF : KC_CLOSE_KIND_EMPTY;
    struct kc_result result = identify_person(&account, registrar, command);
    if (result.code == KC_CLOSED) {
        kind = KC_CLOSE_KIND_FOLLOW;
        result = kc_ok();
    }
    if (!kc_failed(result)) {
        result = kc_registrar_close_account(&reply, registrar, account, kind);
    }
    if (!kc_failed(result)) {
        show_closed(registrar, command, &reply);
    }
    return result;
}

/* With --json in an object of its own before the error. */
static void show_due(const struct kc_command *command, struct kc_account_id account,
                     uint64_t due_ms)
{
    struct kc_json_out json;
    kc_clock_format(due, due_ms);
    if (command->json) {
        kc_json_open(&json, stdout);
        kc_json_number(&json, "account", account.number);
        kc_json_text(&json, "due", due);
        kc_json_close(&json);
    }
}

static struct kc_result issue_again(struct kc_account_id *account, struct kc_registrar *registrar,
                                    const struct kc_command *command, bool moves)
{
    static struct kc_application application;
    struct kc_opened_account opened = {.expires_ms = 0};
    const char *uim = kc_command_value(command, "uim");
    bool letter = false;
    memset(&application, 0, sizeof application);
    if (uim == NULL) {
        return usage("--uim is missing");
    }
    struct kc_result result = read_uim(&application, command);
    if (!kc_failed(result)) {
        application.moves = moves;
        application.paid = moves && kc_command_value(command, "paid") != NULL;
        result = identify_holder(account, application.name, &application.type, registrar, command,
                                 "account");
    }
    if (!kc_failed(result)) {
        last_file = uim;
        result = kc_letter_reissue(&opened, &letter, registrar, &application, *account, uim);
        result = check_letter(result);
    }
    if (!kc_failed(result)) {
        show_opened(command, &opened, application.type, letter, true);
    }
    if (result.code == KC_SETTLEMENT_RUNS && registrar->due_ms != 0) {
        show_due(command, *account, registrar->due_ms);
    }
    kc_wipe(&application, sizeof application);
    return result;
}

static struct kc_result reissue(struct kc_registrar *registrar, const struct kc_command *command)
{
    struct kc_account_id account = {.number = 0};
    return issue_again(&account, registrar, command, false);
}

/* To a new UIM, whose price may have paid the next charge: that is said when there is one. */
static struct kc_result move(struct kc_registrar *registrar, const struct kc_command *command)
{
    struct kc_account_id account = {.number = 0};
    struct kc_result result = issue_again(&account, registrar, command, true);
    bool paid = kc_command_value(command, "paid") != NULL;
    if (kc_failed(result) || !paid) {
        return result;
    }
    result = kc_registrar_charge(registrar, account, NULL);
    if (kc_failed(result)) {
        kc_log(
            KC_LOG_WARN,
            "the purse is written, the charge is not marked as paid: say it with 'charge --paid'");
    }
    return result;
}

static struct kc_pin_trail trail;

static void show_renewed(const struct kc_command *command, struct kc_account_id account)
{
    struct kc_json_out json;
    const char *uim = kc_command_value(command, "uim");
    if (!command->json) {
        (void)printf("account %llu: new keys in %s are in force\n",
                     (unsigned long long)account.number, uim);
        return;
    }
    kc_json_open(&json, stdout);
    kc_json_number(&json, "account", account.number);
    kc_json_text(&json, "uim", uim);
    kc_json_text(&json, "result", "completed");
    kc_json_close(&json);
}

/* Whose the UIM is says the UIM; that who brings it is its holder, password and PIN say. */
static struct kc_result renew(struct kc_registrar *registrar, const struct kc_command *command)
{
    static struct kc_station station;
    char name[KC_NAME_SIZE_MAX + 1];
    enum kc_purse_type type = KC_PURSE_TYPE_UIM;
    struct kc_account_id account = {.number = 0};
    const char *uim = kc_command_value(command, "uim");
    if (uim == NULL) {
        return usage("--uim is missing");
    }
    last_file = uim;
    struct kc_result result = kc_registrar_counter_open(&account, &station, registrar, uim);
    if (!kc_failed(result)) {
        result = check_holder(name, &type, registrar, command, account);
    }
    if (!kc_failed(result)) {
        result = kc_pin_unlock(&trail, &station, command);
    }
    if (!kc_failed(result)) {
        result = kc_registrar_counter_renew(&station, registrar, account);
    }
    kc_registrar_counter_close(&station);
    if (!kc_failed(result)) {
        show_renewed(command, account);
    }
    return result;
}

static struct kc_result init(const struct kc_command *command, const char *dir)
{
    uint64_t bank = 1;
    uint64_t decimals = 0;
    const char *currency = kc_command_value(command, "currency");
    const char *bank_url = kc_command_value(command, "bank-url");
    const char *authority_url = kc_command_value(command, "authority-url");
    const char *directory_url = kc_command_value(command, "directory-url");
    currency = currency == NULL ? "JPY" : currency;
    if (bank_url == NULL || authority_url == NULL || directory_url == NULL) {
        return usage("--bank-url, --authority-url and --directory-url are needed");
    }
    if (!kc_command_url(bank_url) || !kc_command_url(authority_url) ||
        !kc_command_url(directory_url) || !kc_command_currency(currency) ||
        !kc_command_number(&bank, command, "bank", 1, UINT32_MAX, 1) ||
        !kc_command_number(&decimals, command, "decimals", 0, 8, 0)) {
        return usage("a URL, the bank id, the currency or the decimals are not valid");
    }
    return kc_registrar_init(dir, bank, currency, (unsigned)decimals, bank_url, authority_url,
                             directory_url);
}

/* What to do next, or the file that the error is about. */
static const char *detail_of(enum kc_error error, const char *name)
{
    static char words[KC_PATH_SIZE_MAX + 64];
    switch ((unsigned)error) {
    case KC_FILE_MISSING:
        return last_file == NULL ? "there is no system in this --dir; 'kinchaku up' makes one"
                                 : last_file;
    case KC_KEY_PERMISSIONS:
        (void)snprintf(words, sizeof words, "%s; 'chmod 600' closes it", last_file);
        return last_file == NULL ? name : words;
    case KC_ALREADY_EXISTS:
        (void)snprintf(words, sizeof words, "%s or %s.letter", last_file, last_file);
        return last_file == NULL ? name : words;
    case KC_DIRECTORY_DOWN:
    case KC_AUTHORITY_DOWN:
    case KC_UNREACHABLE:
        return "'kinchaku status' tells what runs, 'kinchaku up' starts the rest";
    case KC_MALFORMED:
        return "the form's texts are UTF-8 without control characters";
    case KC_SETTLEMENT_RUNS:
        return due[0] == '\0' ? name : due;
    case KC_OUT_OF_ORDER:
        return "the purse is in use; if it is lost or broken, say so first";
    case KC_NOT_EMPTY:
        return strcmp(name, "move") == 0
                   ? "'sync' and 'deposit' empty the old UIM first; a lost one is reported"
                   : "'sync' and 'deposit' empty a purse, --write-off closes it as it is; its "
                     "machines are closed first, to the end ('kinchaku-bank closings')";
    case KC_PIN_REQUIRED:
        return "with --pin-file, in KINCHAKU_PIN or at the terminal";
    case KC_WRONG_DOMAIN:
        return "the UIM is of another bank or currency";
    case KC_PENDING:
        return "a payment or transaction is open, or the renewal before is not ended at the bank: "
               "again in a moment";
    case KC_NO_ABILITY_TO_PAY:
    case KC_NO_BANK_ACCOUNT:
        return "nothing was opened";
    default:
        return name;
    }
}

typedef struct kc_result (*verb_run)(struct kc_registrar *registrar,
                                     const struct kc_command *command);

static verb_run find_verb(const char *name)
{
    static const struct {
        const char *name;
        verb_run run;
    } verbs[] = {{"open", open_account}, {"card", issue_card},     {"machine", issue_machine},
                 {"identify", identify}, {"lost", lost},           {"reissue", reissue},
                 {"charge", charge},     {"close", close_account}, {"move", move},
                 {"renew", renew}};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, name) == 0) {
            return verbs[i].run;
        }
    }
    return NULL;
}

/* The exit status of a verb that needs the registrar open. */
static int run(const struct kc_command *command, const char *name, const char *dir)
{
    static struct kc_registrar registrar;
    int status = 0;
    struct kc_result result = kc_registrar_open(&registrar, dir);
    if (!kc_failed(result)) {
        result = kc_trace_open(&registrar.trace, kc_command_value(command, "trace"));
    }
    verb_run verb = find_verb(name);
    bool cards = verb == issue_card && kc_command_value(command, "file") != NULL;
    if (!kc_failed(result) && verb != NULL && !cards) {
        result = verb(&registrar, command);
    } else if (!kc_failed(result)) {
        const char *file = kc_command_value(command, "file");
        last_file = file;
        if (file == NULL) {
            status = kc_command_usage(command, "bulk needs --file");
        } else if (kc_command_value(command, "uim") != NULL) {
            status = kc_command_usage(command, "the file names the cards or UIMs: --uim is of one");
        } else {
            result = kc_registrar_bulk(&status, &registrar, file, command->json, cards);
        }
    }
    static char words[KC_PCSC_WORDS_SIZE];
    memcpy(words, registrar.words, sizeof words);
    kc_registrar_close(&registrar);
    if (result.code == KC_USAGE) {
        return kc_command_usage(command, wrong);
    }
    const char *detail = words[0] != '\0' ? words
                         : told != NULL   ? told
                                          : detail_of(result.code, name);
    return kc_failed(result) ? kc_command_fail_after(command, result, detail, done_yet) : status;
}

int main(int argc, char **argv)
{
    struct kc_command command;
    int status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &status)) {
        return status;
    }
    const char *dir = kc_command_dir(&command);
    if (command.argument_count != 1) {
        return kc_command_usage(&command, "one command is needed");
    }
    const char *name = command.arguments[0];
    kc_log_open("registrar", KC_LOG_WARN);
    if (strcmp(name, "init") == 0) {
        struct kc_result result = init(&command, dir);
        if (result.code == KC_USAGE) {
            return kc_command_usage(&command, wrong);
        }
        return kc_failed(result) ? kc_command_fail(&command, result, name) : 0;
    }
    if (find_verb(name) == NULL && strcmp(name, "bulk") != 0) {
        return kc_command_usage(&command, "this command is not known");
    }
    return run(&command, name, dir);
}
