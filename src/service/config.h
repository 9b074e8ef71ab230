/* Configuration: INI files read strictly by a table. A section or key that is not in the table, a key given twice, a
 * value out of range and a required key that is missing are all errors that name file and line. */
#ifndef KC_SERVICE_CONFIG_H
#define KC_SERVICE_CONFIG_H

#include <stddef.h>

#include "base/result.h"

enum kc_config_type {
    KC_CONFIG_TEXT, /* char[max + 1] in the struct */
    KC_CONFIG_UINT, /* uint64_t, min to max */
    KC_CONFIG_BOOL, /* bool: yes or no */
};

struct kc_config_key {
    const char *section;
    const char *name;
    enum kc_config_type type;
    size_t offset;
    uint64_t min;
    uint64_t max;
    const char *fallback; /* NULL: the key is required */
};

/* Reads `path` into the struct at `out`. KC_CONFIG_INVALID, KC_FILE_MISSING, and
 * KC_IO_FAILED for a file that may not be read; the reason is logged with the name of the file. */
KC_MUST_USE struct kc_result kc_config_read(void *out, const struct kc_config_key *keys,
                                            size_t count, const char *path);

#endif
