#include "service/config.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "service/files.h"

#define KEYS_MAX 256
#define FILE_SIZE_MAX 16384

struct reading {
    void *out;
    const struct kc_config_key *keys;
    size_t count;
    const char *path;
    bool seen[KEYS_MAX];
    bool failed;
};

static bool store_uint(void *out, const struct kc_config_key *key, const char *value)
{
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || number < key->min ||
        number > key->max) {
        return false;
    }
    memcpy((char *)out + key->offset, &number, sizeof number);
    return true;
}

static bool store_bool(void *out, const struct kc_config_key *key, const char *value)
{
    bool flag = strcmp(value, "yes") == 0;
    if (!flag && strcmp(value, "no") != 0) {
        return false;
    }
    memcpy((char *)out + key->offset, &flag, sizeof flag);
    return true;
}

static bool store(void *out, const struct kc_config_key *key, const char *value)
{
    size_t size = strlen(value);
    switch (key->type) {
    case KC_CONFIG_UINT:
        return store_uint(out, key, value);
    case KC_CONFIG_BOOL:
        return store_bool(out, key, value);
    case KC_CONFIG_TEXT:
        break;
    }
    if (size < key->min || size > key->max) {
        return false;
    }
    memcpy((char *)out + key->offset, value, size + 1);
    return true;
}

/* inih's callback: 1 goes on, 0 is an error on this line. */
static int take(void *user, const char *section, const char *name, const char *value)
{
    struct reading *reading = user;
    for (size_t i = 0; i < reading->count; i++) {
        const struct kc_config_key *key = &reading->keys[i];
        if (strcmp(key->section, section) != 0 || strcmp(key->name, name) != 0) {
            continue;
        }
        if (reading->seen[i] || !store(reading->out, key, value)) {
            kc_log(KC_LOG_ERROR, "config %s: [%s] %s is %s", reading->path, section, name,
                   reading->seen[i] ? "given twice" : "out of range");
            return 0;
        }
        reading->seen[i] = true;
        return 1;
    }
    kc_log(KC_LOG_ERROR, "config %s: [%s] %s is not known", reading->path, section, name);
    return 0;
}

static struct kc_result fill_rest(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct kc_config_key *key = &reading->keys[i];
        if (reading->seen[i]) {
            continue;
        }
        if (key->fallback == NULL || !store(reading->out, key, key->fallback)) {
            kc_log(KC_LOG_ERROR, "config %s: [%s] %s is missing", reading->path, key->section,
                   key->name);
            return kc_result(KC_CONFIG_INVALID);
        }
    }
    return kc_ok();
}

struct kc_result kc_config_read(void *out, const struct kc_config_key *keys, size_t count,
                                const char *path)
{
    static const size_t most = KEYS_MAX;
    uint8_t content[FILE_SIZE_MAX + 1];
    struct kc_buffer buffer = {.data = content, .capacity = FILE_SIZE_MAX};
    struct reading reading = {.out = out, .keys = keys, .count = count, .path = path};
    if (count > most) {
        return kc_result(KC_INTERNAL);
    }
    struct kc_result result = kc_file_read(&buffer, path);
    if (kc_failed(result)) {
        kc_log(KC_LOG_ERROR, "config %s: %s", path, kc_error_name(result.code));
        /* A file that may not be read is not a wrong one. */
        return result.code == KC_TOO_LARGE ? kc_result(KC_CONFIG_INVALID) : result;
    }
    content[buffer.size] = '\0';
    int line = strlen((const char *)content) == buffer.size
                   ? ini_parse_string((const char *)content, take, &reading)
                   : 1;
    if (line != 0) {
        kc_log(KC_LOG_ERROR, "config %s: line %d is not valid", path, line);
        return kc_result(KC_CONFIG_INVALID);
    }
    return fill_rest(&reading);
}
