/* Writes one JSON object to stdout, member by member; text is escaped, and what is no UTF-8 (a path may be anything) replaced. */
#ifndef KC_SERVICE_JSON_OUT_H
#define KC_SERVICE_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct kc_json_out {
    FILE *file;
    bool first;
};

static inline void kc_json_name(struct kc_json_out *out, const char *name)
{
    (void)fprintf(out->file, "%s\"%s\": ", out->first ? "" : ", ", name);
    out->first = false;
}

static inline void kc_json_open(struct kc_json_out *out, FILE *file)
{
    out->file = file;
    out->first = true;
    (void)fputc('{', file);
}

/* The length of the UTF-8 character at `text`, or 0 when there is none (RFC 3629 section 4). */
static inline size_t kc_json_character(const unsigned char *text)
{
    size_t size = text[0] < 0x80                      ? 1
                  : text[0] >= 0xc2 && text[0] < 0xe0 ? 2
                  : text[0] >= 0xe0 && text[0] < 0xf0 ? 3
                  : text[0] >= 0xf0 && text[0] < 0xf5 ? 4
                                                      : 0;
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0u) != 0x80) {
            return 0;
        }
    }
    bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
    bool beyond = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
    return size > 1 && (overlong || beyond) ? 0 : size;
}

static inline void kc_json_text(struct kc_json_out *out, const char *name, const char *value)
{
    kc_json_name(out, name);
    (void)fputc('"', out->file);
    const unsigned char *at = (const unsigned char *)value;
    while (*at != '\0') {
        size_t size = kc_json_character(at);
        if (*at == '"' || *at == '\\') {
            (void)fprintf(out->file, "\\%c", *at);
        } else if (*at < 0x20 || *at == 0x7f) {
            (void)fprintf(out->file, "\\u%04x", *at);
        } else if (size == 0) {
            (void)fputs("\\ufffd", out->file);
        } else {
            (void)fwrite(at, 1, size, out->file);
        }
        at += size == 0 ? 1 : size;
    }
    (void)fputc('"', out->file);
}

static inline void kc_json_number(struct kc_json_out *out, const char *name, uint64_t value)
{
    kc_json_name(out, name);
    (void)fprintf(out->file, "%llu", (unsigned long long)value);
}

static inline void kc_json_bool(struct kc_json_out *out, const char *name, bool value)
{
    kc_json_name(out, name);
    (void)fputs(value ? "true" : "false", out->file);
}

static inline void kc_json_close(struct kc_json_out *out)
{
    (void)fputs("}\n", out->file);
}

#endif
