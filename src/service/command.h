/* The frame of every command line: --help, --version, --json, options by table, exit statuses by the result table. */
#ifndef KC_SERVICE_COMMAND_H
#define KC_SERVICE_COMMAND_H

#include <stddef.h>
#include <stdio.h>

#include "base/result.h"

#define KC_OPTIONS_MAX 32
#define KC_ARGUMENTS_MAX 8

/* An option `--name VALUE`, or a flag when `argument` is NULL. */
struct kc_option {
    const char *name;
    const char *argument;
    const char *help;
};

/* A program: what --help prints. `usage` has one line a form. */
struct kc_program {
    const char *name;
    const char *summary;
    const char *usage;
    const struct kc_option *options;
    size_t option_count;
};

/* What a verb found wrong when it gives KC_USAGE: an option's value, and what that is; or, without an option, other words. */
struct kc_command_wrong {
    const char *option;
    const char *is;
};

/* A parsed command line; texts point into argv, `wrong` into the command itself, so it is not to be copied. */
struct kc_command {
    const struct kc_program *program;
    bool json;
    const char *values
        [KC_OPTIONS_MAX]; /* by the option's place in the table; "" for a given flag, else NULL */
    const char *arguments[KC_ARGUMENTS_MAX];
    size_t argument_count;
    struct kc_command_wrong *wrong;
    struct kc_command_wrong found;
};

/* Parses argv. True: go on. False: end with *status (--help and --version print to stdout and end with 0; wrong usage
 * is explained on stderr and ends with 2). */
bool kc_command_parse(struct kc_command *out, const struct kc_program *program, int argc,
                      char **argv, int *status);

/* The value of an option, or NULL when it was not given. The name must be in the table. */
const char *kc_command_value(const struct kc_command *command, const char *name);

/* The value of --dir, which the program must have, or its default. */
const char *kc_command_dir(const struct kc_command *command);

/* A decimal number from an option; the fallback when it was not given. False when it is no number from min to max. */
KC_MUST_USE bool kc_command_number(uint64_t *out, const struct kc_command *command,
                                   const char *name, uint64_t min, uint64_t max, uint64_t fallback);

/* True for three capital letters. */
KC_MUST_USE bool kc_command_currency(const char *text);

/* True for a text that may stand as a URL in a configuration: not empty, not too long, no blanks or control characters. */
KC_MUST_USE bool kc_command_url(const char *text);

/* Reports an error (stderr, and with --json an object on stdout) and gives the exit status. `detail` may be NULL. */
int kc_command_fail(const struct kc_command *command, struct kc_result result, const char *detail);

/* The same where a part was done already: the object has that field, and it is true. `done` may be NULL. */
int kc_command_fail_after(const struct kc_command *command, struct kc_result result,
                          const char *detail, const char *done);

/* Explains wrong usage; gives 2. */
int kc_command_usage(const struct kc_command *command, const char *what);

/* The same about an option that was given with a wrong value: says what it is (such as "uim or authority"), and the value. */
int kc_command_usage_of(const struct kc_command *command, const char *option, const char *is);

/* For a verb that is to say KC_USAGE: gives `right`, and where it is not, keeps which option's value is wrong; the same for
 * a number, as kc_command_number; and what else is wrong, which gives KC_USAGE. */
bool kc_command_right(const struct kc_command *command, bool right, const char *option,
                      const char *is);
KC_MUST_USE bool kc_command_fits(uint64_t *out, const struct kc_command *command,
                                 const char *option, uint64_t min, uint64_t max, uint64_t fallback,
                                 const char *is);
struct kc_result kc_command_wrong(const struct kc_command *command, const char *words);
/* Explains what was kept; gives 2. */
int kc_command_explain(const struct kc_command *command);

#endif
