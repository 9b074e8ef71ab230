#include "base/result.h"

#include <stddef.h>

struct row {
    enum kc_error code;
    uint16_t status_word;
    int16_t http;
    int16_t exit;
    const char *name;
    const char *words;
};

static const struct row rows[] = {
#define KC_ERROR_ROW(id, number, name, sw, http, exit, words)                                      \
    {KC_##id, (sw), (http), (exit), (name), (words)},
    KC_ERRORS(KC_ERROR_ROW)
#undef KC_ERROR_ROW
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static const struct row *row_of(enum kc_error code)
{
    const struct row *internal = &rows[0];
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
        if (rows[i].code == KC_INTERNAL) {
            internal = &rows[i];
        }
    }
    return internal;
}

const char *kc_error_name(enum kc_error code)
{
    return row_of(code)->name;
}

const char *kc_error_words(enum kc_error code)
{
    return row_of(code)->words;
}

uint16_t kc_error_status_word(enum kc_error code)
{
    return row_of(code)->status_word;
}

enum kc_error kc_error_from_status_word(uint16_t status_word)
{
    if ((status_word & 0xfff0u) == 0x63c0u) {
        return KC_PIN_WRONG;
    }
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].status_word == status_word) {
            return rows[i].code;
        }
    }
    return KC_INTERNAL;
}

int kc_error_http_status(enum kc_error code)
{
    return row_of(code)->http;
}

int kc_error_exit_status(enum kc_error code)
{
    return row_of(code)->exit;
}

enum kc_error kc_error_from_number(uint64_t number)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if ((uint64_t)rows[i].code == number) {
            return rows[i].code;
        }
    }
    return KC_INTERNAL;
}

static bool same_text(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

enum kc_error kc_error_from_name(const char *name)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (same_text(rows[i].name, name)) {
            return rows[i].code;
        }
    }
    return KC_INTERNAL;
}
