#define _GNU_SOURCE

#include "service/command.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/limits.h"

#define CODE_HELP 1000
#define CODE_VERSION 1001
#define CODE_JSON 1002

static void print_help(const struct kc_program *program)
{
    (void)printf("%s: %s\n\n%s\n\nOptions:\n", program->name, program->summary, program->usage);
    for (size_t i = 0; i < program->option_count; i++) {
        const struct kc_option *option = &program->options[i];
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", option->name,
                       option->argument == NULL ? "" : " ",
                       option->argument == NULL ? "" : option->argument);
        (void)printf("  %-24s %s\n", left, option->help);
    }
    (void)printf("  %-24s %s\n  %-24s %s\n  %-24s %s\n", "--json",
                 "machine-readable results on stdout", "--help", "this text", "--version",
                 "the version");
    (void)printf(
        "\nExit status: 0 done, 1 refused, 2 wrong usage, 3 not completed or not reachable, "
        "4 internal error.\n");
}

static void fill_table(struct option table[KC_OPTIONS_MAX + 4], const struct kc_program *program)
{
    size_t i = 0;
    for (; i < program->option_count; i++) {
        int has = program->options[i].argument == NULL ? no_argument : required_argument;
        table[i] = (struct option){program->options[i].name, has, NULL, (int)i};
    }
    table[i++] = (struct option){"help", no_argument, NULL, CODE_HELP};
    table[i++] = (struct option){"version", no_argument, NULL, CODE_VERSION};
    table[i++] = (struct option){"json", no_argument, NULL, CODE_JSON};
    table[i] = (struct option){NULL, 0, NULL, 0};
}

/* One parsed option; false ends the parsing with *status. */
static bool take_option(struct kc_command *out, int code, int *status)
{
    const struct kc_program *program = out->program;
    *status = 0;
    if (code == CODE_HELP) {
        print_help(program);
        return false;
    }
    if (code == CODE_VERSION) {
        (void)printf("%s %s\n", program->name, KC_VERSION);
        return false;
    }
    if (code == CODE_JSON) {
        out->json = true;
        return true;
    }
    if (code < 0 || (size_t)code >= program->option_count) {
        *status = kc_command_usage(out, "an option is not known or lacks its value");
        return false;
    }
    if (out->values[code] != NULL) {
        *status = kc_command_usage(out, "an option is given twice");
        return false;
    }
    out->values[code] = optarg == NULL ? "" : optarg;
    return true;
}

bool kc_command_parse(struct kc_command *out, const struct kc_program *program, int argc,
                      char **argv, int *status)
{
    struct option table[KC_OPTIONS_MAX + 4];
    KC_ASSERT(program->option_count <= KC_OPTIONS_MAX);
    /* Whatever a program makes, databases and logs included, is for its own user only. */
    (void)umask(077);
    /* A limit of file sizes is a full disk, to be reported as one. */
    (void)signal(SIGXFSZ, SIG_IGN);
    *out = (struct kc_command){.program = program, .wrong = &out->found};
    fill_table(table, program);
    opterr = 0;
    optind = 0; /* with the GNU library: begin anew */
    for (;;) {
        int code = getopt_long(argc, argv, "", table, NULL);
        if (code == -1) {
            break;
        }
        if (!take_option(out, code == '?' ? -2 : code, status)) {
            return false;
        }
    }
    for (int i = optind; i < argc; i++) {
        if (out->argument_count == KC_ARGUMENTS_MAX) {
            *status = kc_command_usage(out, "too many arguments");
            return false;
        }
        out->arguments[out->argument_count++] = argv[i];
    }
    return true;
}

const char *kc_command_value(const struct kc_command *command, const char *name)
{
    for (size_t i = 0; i < command->program->option_count; i++) {
        if (strcmp(command->program->options[i].name, name) == 0) {
            return command->values[i];
        }
    }
    KC_ASSERT(false);
    return NULL;
}

const char *kc_command_dir(const struct kc_command *command)
{
    const char *dir = kc_command_value(command, "dir");
    return dir == NULL ? ".kinchaku" : dir;
}

bool kc_command_number(uint64_t *out, const struct kc_command *command, const char *name,
                       uint64_t min, uint64_t max, uint64_t fallback)
{
    const char *text = kc_command_value(command, name);
    char *end = NULL;
    *out = fallback;
    if (text == NULL) {
        return true;
    }
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0 && *out >= min && *out <= max;
}

bool kc_command_currency(const char *text)
{
    return strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

bool kc_command_url(const char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] > '~') {
            return false;
        }
    }
    return size > 0 && size <= KC_URL_SIZE_MAX;
}

int kc_command_fail(const struct kc_command *command, struct kc_result result, const char *detail)
{
    return kc_command_fail_after(command, result, detail, NULL);
}

int kc_command_fail_after(const struct kc_command *command, struct kc_result result,
                          const char *detail, const char *done)
{
    const char *name = kc_error_name(result.code);
    const char *words = kc_error_words(result.code);
    (void)fprintf(stderr, "%s: %s%s%s (%s)\n", command->program->name, words,
                  detail == NULL ? "" : ": ", detail == NULL ? "" : detail, name);
    if (command->json) {
        (void)printf("{\"error\": \"%s\", \"words\": \"%s\"%s%s%s}\n", name, words,
                     done == NULL ? "" : ", \"", done == NULL ? "" : done,
                     done == NULL ? "" : "\": true");
    }
    return kc_error_exit_status(result.code);
}

int kc_command_usage(const struct kc_command *command, const char *what)
{
    (void)fprintf(stderr, "%s: %s\n%s\nTry '%s --help'.\n", command->program->name, what,
                  command->program->usage, command->program->name);
    return kc_error_exit_status(KC_USAGE);
}

int kc_command_usage_of(const struct kc_command *command, const char *option, const char *is)
{
    char words[256];
    const char *value = kc_command_value(command, option);
    int size = snprintf(words, sizeof words, "--%s is %s, not '%.64s'", option, is,
                        value == NULL ? "" : value);
    for (int i = 0; i < size && words[i] != '\0'; i++) {
        bool control = (unsigned char)words[i] < 0x20 || words[i] == 0x7f;
        words[i] = control ? '?' : words[i];
    }
    return kc_command_usage(command, words);
}

bool kc_command_right(const struct kc_command *command, bool right, const char *option,
                      const char *is)
{
    if (!right) {
        *command->wrong = (struct kc_command_wrong){.option = option, .is = is};
    }
    return right;
}

bool kc_command_fits(uint64_t *out, const struct kc_command *command, const char *option,
                     uint64_t min, uint64_t max, uint64_t fallback, const char *is)
{
    return kc_command_right(command, kc_command_number(out, command, option, min, max, fallback),
                            option, is);
}

struct kc_result kc_command_wrong(const struct kc_command *command, const char *words)
{
    *command->wrong = (struct kc_command_wrong){.is = words};
    return kc_result(KC_USAGE);
}

int kc_command_explain(const struct kc_command *command)
{
    const struct kc_command_wrong *wrong = command->wrong;
    if (wrong->option != NULL) {
        return kc_command_usage_of(command, wrong->option, wrong->is);
    }
    return kc_command_usage(command, wrong->is == NULL ? "wrong usage" : wrong->is);
}
