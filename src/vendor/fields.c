#include "vendor/fields.h"

#include <string.h>

void kc_fields_word(struct kc_fields *fields, const char *word)
{
    size_t size = strlen(word);
    fields->good = fields->good && strncmp(fields->at, word, size) == 0;
    fields->at += fields->good ? size : 0;
}

uint64_t kc_fields_number(struct kc_fields *fields)
{
    uint64_t value = 0;
    const char *at = fields->at;
    bool good = fields->good && *at >= '0' && *at <= '9';
    while (good && *at >= '0' && *at <= '9') {
        uint64_t digit = (uint64_t)(*at - '0');
        good = value <= (UINT64_MAX - digit) / 10u;
        value = good ? value * 10u + digit : 0;
        at += good ? 1 : 0;
    }
    fields->good = good;
    fields->at = good ? at : fields->at;
    return good ? value : 0;
}

void kc_fields_text(struct kc_fields *fields, char *out, size_t capacity)
{
    size_t size = fields->good ? strcspn(fields->at, " \n") : 0;
    fields->good = size > 0 && size < capacity;
    out[0] = '\0';
    if (fields->good) {
        memcpy(out, fields->at, size);
        out[size] = '\0';
        fields->at += size;
    }
}

bool kc_fields_end(const struct kc_fields *fields)
{
    return fields->good && *fields->at == '\0';
}
