/* Writes one JSON object to stdout, member by member; text is escaped. */
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

static inline void kc_json_text(struct kc_json_out *out, const char *name, const char *value)
{
    kc_json_name(out, name);
    (void)fputc('"', out->file);
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\') {
            (void)fprintf(out->file, "\\%c", c);
        } else if (c < 0x20) {
            (void)fprintf(out->file, "\\u%04x", c);
        } else {
            (void)fputc(c, out->file);
        }
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
