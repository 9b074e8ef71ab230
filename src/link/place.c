#define _POSIX_C_SOURCE 200809L

#include "link/place.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

#define PORT_MAX 65535u

static bool copy(char out[KC_LINK_PATH_MAX + 1], const char *text, size_t size)
{
    if (size == 0 || size > KC_LINK_PATH_MAX) {
        return false;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return true;
}

static bool parse_port(uint16_t *out, const char *text)
{
    unsigned port = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 5 || text[digits] != '\0') {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *out = (uint16_t)port;
    return port <= PORT_MAX;
}

static bool is_address(const char *host, bool bracketed)
{
    struct in6_addr six;
    struct in_addr four;
    return bracketed ? inet_pton(AF_INET6, host, &six) == 1 : inet_pton(AF_INET, host, &four) == 1;
}

static bool parse_tcp(struct kc_link_place *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || !parse_port(&out->port, colon + 1)) {
        return false;
    }
    size_t size = (size_t)(colon - text);
    bool bracketed = size > 2 && text[0] == '[' && text[size - 1] == ']';
    if (bracketed) {
        text++;
        size -= 2;
    }
    if (!copy(out->path, text, size)) {
        return false;
    }
    if (!bracketed && strcmp(out->path, "localhost") == 0) {
        (void)copy(out->path, "127.0.0.1", 9);
    }
    return is_address(out->path, bracketed);
}

struct kc_result kc_link_place_parse(struct kc_link_place *out, const char *text)
{
    static const struct {
        const char *word;
        enum kc_link_kind kind;
    } rows[] = {{"unix:", KC_LINK_UNIX}, {"tcp:", KC_LINK_TCP}, {"tty:", KC_LINK_TTY}};
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = strlen(rows[i].word);
        if (strncmp(text, rows[i].word, size) == 0) {
            out->kind = rows[i].kind;
            bool good = out->kind == KC_LINK_TCP
                            ? parse_tcp(out, text + size)
                            : copy(out->path, text + size, strlen(text + size));
            return kc_result(good ? KC_OK : KC_USAGE);
        }
    }
    return kc_result(KC_USAGE);
}

void kc_link_place_format(char out[KC_LINK_PLACE_TEXT_SIZE], const struct kc_link_place *place)
{
    int size = 0;
    switch (place->kind) {
    case KC_LINK_UNIX:
        size = snprintf(out, KC_LINK_PLACE_TEXT_SIZE, "unix:%s", place->path);
        break;
    case KC_LINK_TCP:
        size = snprintf(out, KC_LINK_PLACE_TEXT_SIZE,
                        strchr(place->path, ':') != NULL ? "tcp:[%s]:%u" : "tcp:%s:%u", place->path,
                        (unsigned)place->port);
        break;
    case KC_LINK_TTY:
        size = snprintf(out, KC_LINK_PLACE_TEXT_SIZE, "tty:%s", place->path);
        break;
    }
    KC_ASSERT(size > 0 && (size_t)size < KC_LINK_PLACE_TEXT_SIZE);
}
