/* Many applicants from a CSV file (RFC 4180 without line breaks inside fields), a line for each:
 * name,address,phone,bank account,UIM file[,suite]. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "registrar/letter.h"
#include "service/json_out.h"

#define LINE_SIZE 1024
#define FIELDS_MAX 6
#define BAR_WIDTH 40u

/* Splits a line in place; the number of fields, or 0 when it cannot be read. */
static size_t split(char *fields[FIELDS_MAX], char *line)
{
    size_t count = 0;
    char *at = line;
    for (;;) {
        if (count == FIELDS_MAX) {
            return 0;
        }
        char *out = at;
        fields[count++] = out;
        bool quoted = *at == '"';
        at += quoted ? 1 : 0;
        while (*at != '\0' && (quoted || *at != ',')) {
            if (quoted && *at == '"') {
                if (at[1] != '"') {
                    break;
                }
                at++;
            }
            *out++ = *at++;
        }
        if (quoted && *at++ != '"') {
            return 0;
        }
        char end = *at;
        *out = '\0';
        if (end == '\0') {
            return count;
        }
        if (end != ',') {
            return 0;
        }
        at++;
    }
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
    if (count != 5 && count != 6) {
        return kc_result(KC_MALFORMED);
    }
    bool good = kc_registrar_take_suite(&out->suite, count == 6 ? fields[5] : "es256") &&
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
            (void)printf(" (five or six fields in UTF-8, none empty or too long, the sixth es256, "
                         "rs2048 or rs3072)\n");
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

/* The next line that is a row, without its end; an empty text for one that is too long. False at the end. */
static bool next_row(char line[LINE_SIZE], FILE *file)
{
    while (fgets(line, LINE_SIZE, file) != NULL) {
        bool whole = strchr(line, '\n') != NULL || feof(file) != 0;
        if (!whole) {
            int c = 0;
            while (c != '\n' && c != EOF) {
                c = fgetc(file);
            }
            line[0] = '\0';
            return true;
        }
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#') {
            return true;
        }
    }
    return false;
}

/* To the first row, past the byte order mark that spreadsheets write. */
static void go_to_start(FILE *file)
{
    static const unsigned char mark[3] = {0xef, 0xbb, 0xbf};
    unsigned char first[3];
    rewind(file);
    if (fread(first, 1, sizeof first, file) != sizeof first ||
        memcmp(first, mark, sizeof mark) != 0) {
        rewind(file);
    }
}

static size_t count_rows(FILE *file)
{
    size_t count = 0;
    char line[LINE_SIZE];
    go_to_start(file);
    while (next_row(line, file)) {
        count += 1;
    }
    go_to_start(file);
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

struct kc_result kc_registrar_bulk(int *status, struct kc_registrar *registrar, const char *path,
                                   bool json)
{
    char line[LINE_SIZE];
    size_t row = 0;
    size_t opened = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return kc_result(KC_FILE_MISSING);
    }
    size_t total = count_rows(file);
    show_bar(0, total);
    while (next_row(line, file)) {
        struct kc_result result = open_row(registrar, ++row, line, json);
        *status = kc_failed(result) ? kc_error_exit_status(result.code) : *status;
        opened += kc_failed(result) ? 0 : 1;
        show_bar(row, total);
    }
    bool read = ferror(file) == 0;
    (void)fclose(file);
    if (!read) {
        return kc_result(KC_IO_FAILED);
    }
    (void)fprintf(stderr, "%zu of %zu rows opened\n", opened, total);
    return kc_ok();
}
