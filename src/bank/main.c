#include <string.h>

#include "bank/admin.h"
#include "bank/bank.h"

static const struct kc_option options[] = {
    {"dir", "D", "folder of the system (default .kinchaku)"},
    {"out", "FILE", "evidence of an alert: where the file goes (default evidence-ALERT.kce)"},
    {"statement", NULL, "account: every posting, oldest first, as text or with --json"},
    {"csv", NULL, "with --statement: as CSV"},
    {"charge", "C", "account: its charge from account, ordinary or included; paid: by a sale"},
    {"days", "N", "roll: how long the old keys still count (default 90)"},
    {"token", "URI", "roll: PKCS#11 token for the new keys (default: files)"},
    {"emergency", NULL, "roll: even while the keys before the old ones still count"},
    {"log-policy", "P", "purse: refuse, overwrite or report when its history is full"},
};

static const struct kc_program program = {
    .name = "kinchaku-bank",
    .summary = "the electronic bank server",
    .usage =
        "usage: kinchaku-bank serve | init [--dir D]\n"
        "       kinchaku-bank account N | purse ID | alerts | hotlist | audit | stats | charges |\n"
        "                     closings [--dir D]\n"
        "       kinchaku-bank close N [--dir D]\n"
        "       kinchaku-bank account N --statement [--csv] [--dir D]\n"
        "       kinchaku-bank evidence ALERT [--out FILE] | evidence PURSE [--dir D]\n"
        "       kinchaku-bank account N --charge account|ordinary|included|paid [--dir D]\n"
        "       kinchaku-bank purse ID --log-policy P [--dir D]\n"
        "       kinchaku-bank renew N [--dir D]\n"
        "       kinchaku-bank roll [--days N] [--token URI] [--emergency] [--dir D]",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

int main(int argc, char **argv)
{
    struct kc_command command;
    int status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &status)) {
        return status;
    }
    const char *dir = kc_command_value(&command, "dir");
    dir = dir == NULL ? ".kinchaku" : dir;
    if (command.argument_count == 0) {
        return kc_command_usage(&command, "no command given");
    }
    if (strcmp(command.arguments[0], "serve") == 0 && command.argument_count == 1) {
        return kc_bank_serve(dir);
    }
    if (strcmp(command.arguments[0], "init") == 0 && command.argument_count == 1) {
        struct kc_result result = kc_bank_init(dir);
        return kc_failed(result) ? kc_command_fail(&command, result, "init") : 0;
    }
    if (strcmp(command.arguments[0], "roll") == 0 && command.argument_count == 1) {
        return kc_bank_roll_command(&command, dir);
    }
    return kc_bank_admin(&command, dir);
}
