/* Does any text of a configuration put a value into the struct that its table does not allow, or overrun it? */
#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "fuzz.h"
#include "service/config.h"

#define GUARD UINT64_C(0x5a5a5a5a5a5a5a5a)

struct settings {
    char url[33];
    char name[9];
    bool open;
    uint64_t port;
    uint64_t guard;
};

static const struct kc_config_key keys[] = {
    {"server", "url", KC_CONFIG_TEXT, offsetof(struct settings, url), 1, 32, NULL},
    {"server", "port", KC_CONFIG_UINT, offsetof(struct settings, port), 1, 65535, NULL},
    {"", "name", KC_CONFIG_TEXT, offsetof(struct settings, name), 0, 8, ""},
    {"limits", "open", KC_CONFIG_BOOL, offsetof(struct settings, open), 0, 0, "no"},
};

static const char *const seeds[] = {
    "[server]\nurl = http://127.0.0.1:1/\nport = 8080\n",
    "name = a\n; words\n[server]\nurl=x\nport=1\n[limits]\nopen = yes\n",
    "[server]\r\nurl = x ; note\r\nport = 65535\r\n[limits]\r\nopen=no\r\n",
    "[server]\nurl = x\nurl = y\nport = 65536\n",
    "\xef\xbb\xbf[server]\nurl: y\n  more\nport = 0x10\n",
};

size_t kc_fuzz_seed(size_t index, uint8_t *out)
{
    if (index >= sizeof seeds / sizeof seeds[0]) {
        return 0;
    }
    memcpy(out, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}

/* A file in memory, and the path that reaches it. */
static int open_memory(char path[64])
{
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("config", 0);
        KC_FUZZ_CHECK(fd >= 0);
        kc_log_open("fuzz", (enum kc_log_level)(KC_LOG_ERROR + 1));
    }
    (void)snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static struct kc_result read_text(struct settings *out, const void *text, size_t size)
{
    char path[64];
    int fd = open_memory(path);
    KC_FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, text, size, 0) == (ssize_t)size);
    memset(out, 0, sizeof *out);
    out->guard = GUARD;
    struct kc_result result = kc_config_read(out, keys, sizeof keys / sizeof keys[0], path);
    KC_FUZZ_CHECK(out->guard == GUARD);
    KC_FUZZ_CHECK(memchr(out->url, '\0', sizeof out->url) != NULL);
    KC_FUZZ_CHECK(memchr(out->name, '\0', sizeof out->name) != NULL);
    return result;
}

/* True when a value means itself when it is written after "key = ": no note, no line end, no space around it. */
static bool is_plain(const char *value)
{
    size_t size = strlen(value);
    return strpbrk(value, ";#\r\n\t\v\f ") == NULL && size > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings;
    struct settings again;
    char text[256];
    if (kc_failed(read_text(&settings, data, size))) {
        return 0;
    }
    kc_fuzz_accepted++;
    KC_FUZZ_CHECK(memchr(data, '\0', size) == NULL);
    KC_FUZZ_CHECK(settings.port >= 1 && settings.port <= 65535 && settings.url[0] != '\0');
    if (is_plain(settings.url) && is_plain(settings.name)) {
        int length = snprintf(
            text, sizeof text, "name = %s\n[limits]\nopen = %s\n[server]\nport = %u\nurl = %s\n",
            settings.name, settings.open ? "yes" : "no", (unsigned)settings.port, settings.url);
        KC_FUZZ_CHECK(!kc_failed(read_text(&again, text, (size_t)length)));
        KC_FUZZ_CHECK(strcmp(again.url, settings.url) == 0 &&
                      strcmp(again.name, settings.name) == 0);
        KC_FUZZ_CHECK(again.port == settings.port && again.open == settings.open);
    }
    return 0;
}
