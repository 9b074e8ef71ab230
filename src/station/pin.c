#include "station/pin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "service/files.h"

/* What the purse takes as a PIN. */
#define PIN_SIZE_MIN 4u
#define PIN_SIZE_MAX 12u

bool kc_pin_is(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return text[digits] == '\0' && digits >= PIN_SIZE_MIN && digits <= PIN_SIZE_MAX;
}

static bool keep_line(char *out, size_t capacity, const char *text, size_t size)
{
    size_t line = 0;
    while (line < size && text[line] != '\n' && text[line] != '\r') {
        line++;
    }
    if (line == 0 || line >= capacity) {
        return false;
    }
    memcpy(out, text, line);
    out[line] = '\0';
    return true;
}

static struct kc_result from_file(struct kc_pin_trail *trail, char *out, size_t capacity,
                                  const char *path, const char *prefix)
{
    uint8_t bytes[256];
    struct kc_buffer buffer = KC_BUFFER(bytes);
    size_t skip = strlen(prefix);
    trail->file = path;
    struct kc_result result = kc_file_read_secret(&buffer, path);
    if (!kc_failed(result)) {
        bool good = buffer.size > skip && memcmp(bytes, prefix, skip) == 0 &&
                    keep_line(out, capacity, (const char *)bytes + skip, buffer.size - skip);
        result = kc_result(good ? KC_OK : KC_PIN_REQUIRED);
    }
    kc_wipe(bytes, sizeof bytes);
    return result;
}

struct kc_result kc_pin_from_file(struct kc_pin_trail *trail, char *out, size_t capacity,
                                  const char *path)
{
    return from_file(trail, out, capacity, path, "");
}

static struct kc_result from_terminal(char *out, size_t capacity)
{
    struct termios before;
    if (isatty(STDIN_FILENO) == 0 || tcgetattr(STDIN_FILENO, &before) != 0) {
        return kc_result(KC_PIN_REQUIRED);
    }
    struct termios quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(stderr, "PIN: ");
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool read = fgets(out, (int)capacity, stdin) != NULL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fprintf(stderr, "\n");
    out[strcspn(out, "\r\n")] = '\0';
    return kc_result(read && out[0] != '\0' ? KC_OK : KC_PIN_REQUIRED);
}

const char *kc_pin_letter(const struct kc_command *command)
{
    static char path[KC_PATH_SIZE_MAX];
    const char *uim = kc_command_value(command, "uim");
    if (uim == NULL || kc_purse_place_reader(uim) != NULL) {
        return NULL;
    }
    int size = snprintf(path, sizeof path, "%s.letter", uim);
    return size > 0 && (size_t)size < sizeof path && kc_file_exists(path) ? path : NULL;
}

static struct kc_result find_pin(struct kc_pin_trail *trail, char *out, size_t capacity,
                                 const struct kc_command *command)
{
    const char *letter = kc_pin_letter(command);
    const char *file = kc_command_value(command, "pin-file");
    const char *given = getenv("KINCHAKU_PIN");
    if (file != NULL) {
        return from_file(trail, out, capacity, file, "");
    }
    if (given != NULL) {
        return kc_result(keep_line(out, capacity, given, strlen(given)) ? KC_OK : KC_PIN_REQUIRED);
    }
    trail->letter = letter != NULL;
    if (letter != NULL) {
        return from_file(trail, out, capacity, letter, "PIN ");
    }
    return from_terminal(out, capacity);
}

struct kc_result kc_pin_unlock(struct kc_pin_trail *trail, struct kc_station *station,
                               const struct kc_command *command)
{
    char pin[32];
    struct kc_purse_info info;
    struct kc_result result = kc_slot_info(&info, &station->uim);
    if (!kc_failed(result) && info.purse_type != KC_PURSE_TYPE_UIM) {
        return result;
    }
    if (!kc_failed(result)) {
        result = find_pin(trail, pin, sizeof pin, command);
    }
    if (!kc_failed(result) && !kc_pin_is(pin)) {
        result = kc_result(KC_PIN_REQUIRED);
    }
    if (!kc_failed(result)) {
        result = kc_station_verify_pin(station, kc_view_text(pin));
    }
    kc_wipe(pin, sizeof pin);
    return result;
}
