#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "kinchaku/demo.h"
#include "kinchaku/verify.h"
#include "service/command.h"
#include "service/files.h"
#include "service/json_out.h"
#include "service/keys.h"

#define ROLL_DAYS 90u
#define ROLL_DAYS_MAX 3660u
#define ROOT_DAYS_MAX 7300u
#define ISSUERS_MAX 33u /* as many as an authority ever has; and no more roots */

static const struct kc_option options[] = {
    {"dir", "D", "folder of the system (default .kinchaku; demo: a new one)"},
    {"store", "S", "first up: where the bank keeps its ledger: sqlite (default)"},
    {"bank", "ID", "first up: bank id (default 1)"},
    {"currency", "C", "first up: currency code (default JPY)"},
    {"decimals", "N", "first up: decimals of the currency (default 0)"},
    {"faults", NULL, "first up: let tests order faults from the sandbank"},
    {"token", "URI", "first up, roll: PKCS#11 token for the keys of bank and authority"},
    {"days", "N", "roll: how long the old ones still count (bank: default 90; root: to its end)"},
    {"emergency", NULL,
     "roll: even while the keys before the old ones still count; with --authority: those are "
     "stolen"},
    {"authority", NULL, "roll: the authority's issuing key instead of the bank's keys"},
    {"root", NULL, "roll: the authority's root and issuing key instead of the bank's keys"},
    {"keep", NULL, "demo: keep the new folder"},
    {"certificate", "FILE", "verify-evidence: the bank's signature certificate (PEM)"},
    {"roll", "FILE",
     "verify-evidence: the bank's record of a roll-over of its keys since or before"},
};

static const struct kc_program program = {
    .name = "kinchaku",
    .summary = "starts, stops and shows a whole system in one folder; runs the demonstration",
    .usage = "usage: kinchaku up | init [--dir D] [--store sqlite] [--bank ID] [--currency C]\n"
             "                          [--decimals N] [--faults] [--token URI]\n"
             "       kinchaku status | down [--dir D]\n"
             "       kinchaku roll [--days N] [--token URI] [--emergency] [--dir D]\n"
             "       kinchaku roll --authority [--emergency] | --root [--days N] [--token URI]\n"
             "                     [--dir D]\n"
             "       kinchaku demo [--dir D] [--keep]\n"
             "       kinchaku verify-evidence FILE --certificate FILE [--roll FILE]",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
};

/* Whether a roll-over was of the authority's. */
static bool of_authority;
/* Whether there was no system to be rolled over. */
static bool no_system;

static bool token_fits(const struct kc_command *command, const char *token)
{
    return kc_command_right(command, token == NULL || kc_token_uri_fits(token), "token",
                            "a PKCS#11 URI without a PIN");
}

static bool take_config(struct kc_system_config *out, const struct kc_command *command)
{
    const char *currency = kc_command_value(command, "currency");
    const char *store = kc_command_value(command, "store");
    currency = currency == NULL ? "JPY" : currency;
    *out = (struct kc_system_config){0};
    out->faults = kc_command_value(command, "faults") != NULL;
    out->token = kc_command_value(command, "token");
    out->fees = strcmp(command->arguments[0], "demo") == 0;
    if (!token_fits(command, out->token) ||
        !kc_command_right(command, kc_command_currency(currency), "currency",
                          "three capital letters") ||
        !kc_command_right(command, store == NULL || strcmp(store, "sqlite") == 0, "store",
                          "sqlite")) {
        return false;
    }
    memcpy(out->currency, currency, 4);
    return kc_command_right(command,
                            kc_command_number(&out->bank, command, "bank", 1, UINT32_MAX, 1),
                            "bank", "a number from 1") &&
           kc_command_right(command,
                            kc_command_number(&out->decimals, command, "decimals", 0, 8, 0),
                            "decimals", "0 to 8");
}

/* What is asked for on a system that is there already and says otherwise. */
static void tell_kept(const struct kc_command *command, const struct kc_system_config *asked,
                      const struct kc_system_config *kept)
{
    bool differs =
        (kc_command_value(command, "bank") != NULL && asked->bank != kept->bank) ||
        (asked->faults && !kept->faults) ||
        (kc_command_value(command, "decimals") != NULL && asked->decimals != kept->decimals) ||
        (kc_command_value(command, "currency") != NULL &&
         strcmp(asked->currency, kept->currency) != 0);
    if (differs) {
        (void)fprintf(stderr,
                      "kinchaku: this system was made before and stays as it is: bank %" PRIu64
                      ", %s with %" PRIu64 " decimals, %s\n",
                      kept->bank, kept->currency, kept->decimals,
                      kept->faults ? "faults on order" : "no faults on order");
    }
}

/* One command at a time works on a folder, also while there is no system in it yet. */
static struct kc_result lock(int *fd, const char *dir)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_join(path, dir, "lock", NULL);
    return kc_failed(result) ? result : kc_file_lock(fd, path);
}

/* Locks `dir` and opens the system in it or makes one; then makes whatever is missing in it. */
static struct kc_result ensure(int *fd, struct kc_system *system, const char *dir,
                               const struct kc_command *command)
{
    *fd = -1;
    memset(system, 0, sizeof *system);
    struct kc_system_config config;
    if (!take_config(&config, command)) {
        return kc_result(KC_USAGE);
    }
    struct kc_result result = kc_folder_make(dir);
    if (!kc_failed(result)) {
        result = lock(fd, dir);
    }
    if (kc_failed(result)) {
        return result;
    }
    result = kc_system_open(system, dir);
    if (result.code == KC_FILE_MISSING) {
        result = kc_system_create(system, dir, &config);
    } else if (!kc_failed(result)) {
        tell_kept(command, &config, &system->config);
    }
    return kc_failed(result) ? result : kc_system_prepare(system);
}

/* The root that a process goes by: the one pinned in its folder, of the authority the newest one in force; and its issuer. */
static bool find_certificate(struct kc_root_words *out, const struct kc_system *system,
                             enum kc_node node, const char *base)
{
    char folder[KC_PATH_SIZE_MAX];
    char name[24];
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    bool has = node == KC_NODE_BANK || node == KC_NODE_AUTHORITY;
    (void)snprintf(name, sizeof name, "%s.crt", base);
    if (!has || kc_failed(kc_path_join(folder, system->dir, kc_node_name(node), NULL))) {
        return false;
    }
    bool found = false;
    for (unsigned number = 1; number <= ISSUERS_MAX; number++) {
        struct kc_buffer der = KC_BUFFER(bytes);
        if (kc_failed(kc_certificate_file_load(&der, folder, name)) ||
            kc_failed(kc_root_words(out, kc_buffer_view(&der)))) {
            break;
        }
        found = true;
        if (node != KC_NODE_AUTHORITY) {
            break;
        }
        (void)snprintf(name, sizeof name, "%s-%u.crt", base, number);
    }
    return found;
}

/* In words, or with `json` as NAME, NAME_from, NAME_until. */
static void show_certificate(struct kc_json_out *json, const char *name,
                             const struct kc_root_words *words)
{
    char from[24];
    char until[24];
    if (json == NULL) {
        (void)printf("%-10s %s %.16s, from %s until %s\n", "", name, words->fingerprint,
                     words->from, words->until);
        return;
    }
    (void)snprintf(from, sizeof from, "%s_from", name);
    (void)snprintf(until, sizeof until, "%s_until", name);
    kc_json_text(json, name, words->fingerprint);
    kc_json_text(json, from, words->from);
    kc_json_text(json, until, words->until);
}

static void show_node(const struct kc_command *command, const struct kc_system *system,
                      enum kc_node node, const char *state)
{
    struct kc_json_out json;
    const char *name = kc_node_name(node);
    pid_t pid = kc_process_find(system->dir, name);
    struct kc_root_words root;
    struct kc_root_words issuer;
    bool has_root = find_certificate(&root, system, node, "root");
    bool has_issuer =
        node == KC_NODE_AUTHORITY && find_certificate(&issuer, system, node, "issuing");
    if (!command->json) {
        char number[16] = "-";
        if (pid != 0) {
            (void)snprintf(number, sizeof number, "%d", (int)pid);
        }
        (void)printf("%-10s %-16s pid %-8s port %" PRIu64 "\n", name, state, number,
                     system->config.ports[node]);
        if (has_root) {
            show_certificate(NULL, "root", &root);
        }
        if (has_issuer) {
            show_certificate(NULL, "issuer", &issuer);
        }
        return;
    }
    kc_json_open(&json, stdout);
    kc_json_text(&json, "process", name);
    kc_json_text(&json, "state", state);
    kc_json_number(&json, "pid", (uint64_t)pid);
    kc_json_number(&json, "port", system->config.ports[node]);
    if (has_root) {
        show_certificate(&json, "root", &root);
    }
    if (has_issuer) {
        show_certificate(&json, "issuer", &issuer);
    }
    kc_json_close(&json);
}

/* True when every process answers. */
static bool show_status(const struct kc_command *command, const struct kc_system *system)
{
    bool all = true;
    for (int i = 0; i < KC_NODES; i++) {
        enum kc_node node = (enum kc_node)i;
        bool answers = kc_system_answers(system, node);
        bool runs = kc_process_find(system->dir, kc_node_name(node)) != 0;
        show_node(command, system, node, answers ? "up" : runs ? "does not answer" : "stopped");
        all = all && answers;
    }
    return all;
}

static struct kc_result up(const struct kc_command *command, const char *dir)
{
    struct kc_system system;
    int fd = -1;
    struct kc_result result = ensure(&fd, &system, dir, command);
    if (!kc_failed(result)) {
        result = kc_system_up(&system);
    }
    if (!kc_failed(result)) {
        (void)show_status(command, &system);
    }
    kc_file_unlock(fd);
    return result;
}

static struct kc_result init(const struct kc_command *command, const char *dir)
{
    struct kc_system system;
    int fd = -1;
    struct kc_result result = ensure(&fd, &system, dir, command);
    kc_file_unlock(fd);
    return result;
}

static struct kc_result status(const struct kc_command *command, const char *dir)
{
    struct kc_system system;
    struct kc_result result = kc_system_open(&system, dir);
    if (!kc_failed(result) && !show_status(command, &system)) {
        result = kc_result(KC_UNREACHABLE);
    }
    return result;
}

static struct kc_result down(const struct kc_command *command, const char *dir)
{
    struct kc_system system;
    int fd = -1;
    (void)command;
    struct kc_result result = kc_system_open(&system, dir);
    if (!kc_failed(result)) {
        result = lock(&fd, system.dir);
    }
    if (!kc_failed(result)) {
        result = kc_system_down(&system);
    }
    kc_file_unlock(fd);
    return result;
}

static void tell_rolled(const struct kc_command *command, const char *what, bool ended,
                        const struct kc_system_rolled *rolled)
{
    struct kc_json_out json;
    if (!command->json && ended) {
        (void)printf("%s of number %" PRIu64 ": in force; those before it count no more, as the "
                     "next 'kinchaku up' tells everybody\n",
                     what, rolled->number);
        return;
    }
    if (!command->json) {
        (void)printf("%s of number %" PRIu64
                     ": in force from the next 'kinchaku up' on; the old count until %s\n",
                     what, rolled->number, rolled->until);
        return;
    }
    kc_json_open(&json, stdout);
    kc_json_text(&json, "roll", "done");
    kc_json_number(&json, "number", rolled->number);
    kc_json_text(&json, "until", rolled->until);
    kc_json_close(&json);
}

/* What must not run meanwhile: the bank would go on under its old keys, and the registrar seal for the new ones; after an
 * emergency of the authority's the directory would go by the password that lay beside the stolen key. */
static bool is_running(const struct kc_system *system, bool with_directory)
{
    static const enum kc_node nodes[] = {KC_NODE_BANK, KC_NODE_AUTHORITY, KC_NODE_DIRECTORY};
    bool runs = false;
    for (size_t i = 0; i < (with_directory ? 3 : 2) && !runs; i++) {
        runs = kc_process_find(system->dir, kc_node_name(nodes[i])) != 0;
    }
    return runs;
}

static struct kc_result roll(const struct kc_command *command, const char *dir)
{
    struct kc_system system;
    struct kc_system_rolled rolled;
    uint64_t days = ROLL_DAYS;
    int fd = -1;
    const char *token = kc_command_value(command, "token");
    bool emergency = kc_command_value(command, "emergency") != NULL;
    bool authority = kc_command_value(command, "authority") != NULL;
    bool root = kc_command_value(command, "root") != NULL;
    bool days_fit = kc_command_number(&days, command, "days", root ? 1 : 0,
                                      root ? ROOT_DAYS_MAX : ROLL_DAYS_MAX, root ? 0 : ROLL_DAYS);
    bool days_given = kc_command_value(command, "days") != NULL;
    const char *pair = root && authority   ? "--root or --authority, not both"
                       : root && emergency ? "--root or --emergency, not both"
                       : authority && days_given
                           ? "--days is for the bank's keys or --root, not --authority"
                           : NULL;
    if (pair != NULL) {
        return kc_command_wrong(command, pair);
    }
    if (!kc_command_right(command, days_fit, "days", root ? "1 to 7300" : "0 to 3660") ||
        !token_fits(command, token)) {
        return kc_result(KC_USAGE);
    }
    of_authority = root || authority;
    struct kc_result result = kc_system_open(&system, dir);
    no_system = result.code == KC_FILE_MISSING;
    if (!kc_failed(result)) {
        result = lock(&fd, system.dir);
    }
    if (!kc_failed(result) && is_running(&system, authority && emergency)) {
        result = kc_result(KC_IN_USE);
    }
    if (!kc_failed(result)) {
        result = root        ? kc_system_roll_root(&rolled, &system, days, token)
                 : authority ? kc_system_roll_authority(&rolled, &system, token, emergency)
                             : kc_system_roll(&rolled, &system, days, token, emergency);
    }
    if (!kc_failed(result)) {
        tell_rolled(command,
                    root        ? "root"
                    : authority ? "issuing key"
                                : "bank's keys",
                    authority && emergency, &rolled);
    }
    kc_file_unlock(fd);
    return result;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

/* On a system of its own that is gone afterwards, or on the one in --dir, which is left as it was found. */
static struct kc_result demo(const struct kc_command *command, const char *dir)
{
    struct kc_system system;
    const char *base = getenv("TMPDIR");
    char folder[KC_PATH_SIZE_MAX];
    bool own = kc_command_value(command, "dir") == NULL;
    int fd = -1;
    kc_process_note_signals();
    int size = snprintf(folder, sizeof folder, "%s/kinchaku-demo-XXXXXX",
                        base == NULL || base[0] != '/' ? "/tmp" : base);
    if (own && (size < 0 || (size_t)size >= sizeof folder || mkdtemp(folder) == NULL)) {
        return kc_result(KC_IO_FAILED);
    }
    struct kc_result result = ensure(&fd, &system, own ? folder : dir, command);
    bool was_up = !kc_failed(result) && kc_system_answers(&system, KC_NODE_BANK);
    if (!kc_failed(result)) {
        result = kc_system_up(&system);
    }
    if (!kc_failed(result)) {
        if (!command->json) {
            (void)printf("A system in %s\n", system.dir);
            (void)show_status(command, &system);
        }
        result = kc_demo_run(&system, command->json);
    }
    bool cut = kc_process_stop_signal() != 0;
    if (!was_up && fd >= 0) {
        struct kc_result stopped = kc_system_down(&system);
        result = kc_failed(result) ? result : stopped;
    }
    kc_file_unlock(fd);
    if (own && (!kc_failed(result) || cut) && kc_command_value(command, "keep") == NULL) {
        (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    } else if (own) {
        (void)fprintf(stderr, "The system is kept in %s\n", folder);
    }
    if (cut) {
        (void)fflush(stdout);
        (void)fprintf(stderr, "Cut off: %s\n",
                      was_up ? "the system stays up" : "the system is stopped again");
        kc_process_end_by_signal();
    }
    return result;
}

/* What to do next, or the command that failed. */
static const char *detail_of(enum kc_error error, const char *verb)
{
    if (error == KC_FILE_MISSING &&
        (strcmp(verb, "status") == 0 || strcmp(verb, "down") == 0 || no_system)) {
        return "there is no system in this --dir; 'kinchaku up' makes one";
    }
    if (error == KC_UNREACHABLE && strcmp(verb, "status") == 0) {
        return "'kinchaku up' starts what is stopped; the logs are in log/ in the --dir";
    }
    if (error == KC_MALFORMED && strcmp(verb, "demo") != 0) {
        return "the path of --dir has a \", a \\ or a line break, which slapd cannot take";
    }
    if (error == KC_IN_USE && strcmp(verb, "roll") == 0) {
        return "the system has to be down: 'kinchaku down', roll, 'kinchaku up'";
    }
    if (error == KC_FILE_MISSING && strcmp(verb, "roll") == 0) {
        return "a key is not there; the authority's roll-overs want the root's in root/ in the "
               "--dir";
    }
    if (error == KC_PENDING && strcmp(verb, "roll") == 0) {
        return of_authority
                   ? "so many of the authority's count at a time; its own words above tell when "
                     "the next one ends"
                   : "keys of an earlier roll-over still count; --emergency ends them at once";
    }
    if (error == KC_IN_USE) {
        return "wait until the other kinchaku command on this system has ended";
    }
    return verb;
}

struct verb {
    const char *name;
    struct kc_result (*run)(const struct kc_command *command, const char *dir);
};

static const struct verb verbs[] = {{"up", up},     {"init", init}, {"status", status},
                                    {"down", down}, {"roll", roll}, {"demo", demo}};

int main(int argc, char **argv)
{
    struct kc_command command;
    int exit_status = 0;
    if (!kc_command_parse(&command, &program, argc, argv, &exit_status)) {
        return exit_status;
    }
    const char *dir = kc_command_dir(&command);
    kc_log_open("kinchaku", KC_LOG_INFO);
    if (command.argument_count == 2 && strcmp(command.arguments[0], "verify-evidence") == 0) {
        return kc_verify_evidence(&command, command.arguments[1]);
    }
    if (command.argument_count != 1) {
        return kc_command_usage(&command, "one command is needed");
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, command.arguments[0]) == 0) {
            struct kc_result result = verbs[i].run(&command, dir);
            if (result.code == KC_USAGE) {
                return kc_command_explain(&command);
            }
            return kc_failed(result)
                       ? kc_command_fail(&command, result, detail_of(result.code, verbs[i].name))
                       : 0;
        }
    }
    return kc_command_usage(&command, "this command is not known");
}
