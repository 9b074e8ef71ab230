/* Many applicants from a CSV file (RFC 4180 without line breaks inside fields), a line for each:
 * name,address,phone,bank account,UIM file[,suite[,log policy]]. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message/offline_limits.h"
#include "registrar/letter.h"
#include "service/json_out.h"

#define LINE_SIZE 1024
#define FIELDS_MAX 7
#define BAR_WIDTH 40u

/* The end of a quoted field, which begins at `at` after its quote; its text goes to `out`. NULL when it has no end. */
static char *take_quoted(char *out, char *at)
{
    for (; *at != '\0'; at++) {
        if (*at == '"' && *++at != '"') {
            *out = '\0';
            return at;
        }
        *out++ = *at;
    }
    return NULL;
}

/* Splits a line in place; the number of fields, or 0 when it cannot be read. A quote stands around a whole field only. */
static size_t split(char *fields[FIELDS_MAX], char *line)
{
    size_t count = 0;
    char *at = line;
    while (count < FIELDS_MAX) {
        fields[count++] = at;
        char *end = *at == '"' ? take_quoted(at, at + 1) : at + strcspn(at, ",\"");
        if (end == NULL || (*end != '\0' && *end != ',')) {
            return 0;
        }
        bool last = *end == '\0';
        *end = '\0';
        if (last) {
            return count;
        }
        at = end + 1;
    }
    return 0;
}

static bool copy(char *out, size_t capacity, const char *text)
{
    size_t size = strlen(text);
    if (size == 0 || size >= capacity) {
        return false;
    }
    memcpy(out, text, size + 1);
    return true;
}

bool kc_registrar_take_suite(enum kc_suite *out, const char *name)
{
    static const struct {
        const char *name;
        enum kc_suite suite;
    } suites[] = {
        {"es256", KC_SUITE_ES256}, {"rs2048", KC_SUITE_RS2048}, {"rs3072", KC_SUITE_RS3072}};
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        if (strcmp(suites[i].name, name) == 0) {
            *out = suites[i].suite;
            return true;
        }
    }
    return false;
}

static struct kc_result read_row(struct kc_application *out, char *fields[FIELDS_MAX], size_t count)
{
    memset(out, 0, sizeof *out);
    out->type = KC_PURSE_TYPE_UIM;
    if (count < 5 || count > FIELDS_MAX) {
        return kc_result(KC_MALFORMED);
    }
    bool good = kc_registrar_take_suite(&out->suite, count > 5 ? fields[5] : "es256") &&
                kc_log_policy_take(&out->log_policy, count > 6 ? fields[6] : "refuse") &&
                copy(out->name, sizeof out->name, fields[0]) &&
                copy(out->address, sizeof out->address, fields[1]) &&
                copy(out->phone, sizeof out->phone, fields[2]) &&
                copy(out->bank_account, sizeof out->bank_account, fields[3]) &&
                fields[4][0] != '\0';
    return kc_result(good ? KC_OK : KC_MALFORMED);
}

static void show_result(size_t row, const char *path, struct kc_result result,
                        const struct kc_opened_account *opened, bool json)
{
    struct kc_json_out out;
    if (!json) {
        (void)printf("%zu %s %s", row, path, kc_error_name(result.code));
        if (!kc_failed(result)) {
            (void)printf(" account %llu\n", (unsigned long long)opened->account.number);
        } else if (result.code == KC_MALFORMED) {
            (void)printf(" (five to seven fields in UTF-8, none empty or too long, the sixth "
                         "es256, rs2048 or rs3072, the seventh refuse, overwrite or report)\n");
        } else {
            (void)printf(" (%s)\n", kc_error_words(result.code));
        }
        return;
    }
    kc_json_open(&out, stdout);
    kc_json_number(&out, "row", row);
    kc_json_text(&out, "uim", path);
    kc_json_text(&out, "result", kc_error_name(result.code));
    if (!kc_failed(result)) {
        kc_json_number(&out, "account", opened->account.number);
        kc_json_number(&out, "purse", opened->purse.number);
    }
    kc_json_close(&out);
}

/* A row's result takes the place of the bar, which is drawn again below it. */
static void hide_bar(void)
{
    if (isatty(STDERR_FILENO) != 0 && isatty(STDOUT_FILENO) != 0) {
        (void)fprintf(stderr, "\r\033[K");
    }
}

static void show_bar(size_t done, size_t total)
{
    if (isatty(STDERR_FILENO) == 0 || total == 0) {
        return;
    }
    size_t full = done * BAR_WIDTH / total;
    (void)fprintf(stderr, "\r[");
    for (size_t i = 0; i < BAR_WIDTH; i++) {
        (void)fputc(i < full ? '#' : '.', stderr);
    }
    (void)fprintf(stderr, "] %zu/%zu%s", done, total, done == total ? "\n" : "");
}

/* One line without its end; in place of one that is too long or holds control characters a text that is no row. False at the
 * end. */
static bool next_line(char line[LINE_SIZE], FILE *file)
{
    size_t size = 0;
    bool bad = false;
    int c = fgetc(file);
    if (c == EOF) {
        return false;
    }
    for (; c != '\n' && c != EOF; c = fgetc(file)) {
        /* A carriage return is the end of a line when the line feed follows, and else a control character. */
        if (c == '\r') {
            c = fgetc(file);
            bad = bad || (c != '\n' && c != EOF);
            (void)ungetc(c, file);
            continue;
        }
        bad = bad || c < ' ' || c == 0x7f || size == LINE_SIZE - 1;
        if (!bad) {
            line[size++] = (char)c;
        }
    }
    line[size] = '\0';
    /* Some programs begin a file with the mark of UTF-8, which is no part of the first name. */
    if (size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        memmove(line, line + 3, size - 2);
    }
    if (bad) {
        (void)snprintf(line, LINE_SIZE, "\"");
    }
    return true;
}

/* The next line that is a row: not empty, no comment. */
static bool next_row(char line[LINE_SIZE], FILE *file)
{
    while (next_line(line, file)) {
        if (line[0] != '#' && line[0] != '\0') {
            return true;
        }
    }
    return false;
}

/* How many rows there are, or 0 for a pipe, which can be read only once. */
static size_t count_rows(FILE *file)
{
    size_t count = 0;
    char line[LINE_SIZE];
    if (fseek(file, 0, SEEK_SET) != 0) {
        return 0;
    }
    while (next_row(line, file)) {
        count += 1;
    }
    (void)fseek(file, 0, SEEK_SET);
    return count;
}

static struct kc_result open_row(struct kc_registrar *registrar, size_t row, char *line, bool json)
{
    static struct kc_application application;
    struct kc_opened_account opened = {.expires_ms = 0};
    char *fields[FIELDS_MAX] = {NULL};
    bool made = false;
    size_t count = split(fields, line);
    struct kc_result result = read_row(&application, fields, count);
    if (!kc_failed(result)) {
        result = kc_letter_open_account(&opened, &made, registrar, &application, fields[4]);
    }
    hide_bar();
    show_result(row, count > 4 ? fields[4] : "-", result, &opened, json);
    (void)fflush(stdout);
    kc_wipe(&application, sizeof application);
    return result;
}

static void open_rows(int *status, struct kc_registrar *registrar, FILE *file, bool json)
{
    char line[LINE_SIZE];
    size_t row = 0;
    size_t opened = 0;
    size_t total = count_rows(file);
    show_bar(0, total);
    while (next_row(line, file)) {
        struct kc_result result = open_row(registrar, ++row, line, json);
        *status = kc_failed(result) ? kc_error_exit_status(result.code) : *status;
        opened += kc_failed(result) ? 0 : 1;
        show_bar(row, total);
    }
    (void)fprintf(stderr, "%zu of %zu rows opened\n", opened, row);
}

struct kc_result kc_registrar_bulk(int *status, struct kc_registrar *registrar, const char *path,
                                   bool json)
{
    FILE *file = fopen(path, "r");
    *status = 0;
    if (file == NULL) {
        return kc_result(errno == ENOENT ? KC_FILE_MISSING : KC_IO_FAILED);
    }
    open_rows(status, registrar, file, json);
    bool whole = ferror(file) == 0;
    (void)fclose(file);
    return kc_result(whole ? KC_OK : KC_IO_FAILED);
}
