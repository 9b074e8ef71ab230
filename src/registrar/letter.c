#include "registrar/letter.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "service/files.h"

#define PIN_DIGITS 6u
#define PASSWORD_LETTERS 12u

/* Letters that cannot be mistaken for one another; 32 of them, so that each takes five random bits evenly. */
static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789-";
_Static_assert(sizeof letters == 33, "five bits a letter");

static struct kc_result make_pin(char out[16], struct kc_registrar *registrar)
{
    size_t count = 0;
    while (count < PIN_DIGITS) {
        uint8_t byte;
        struct kc_result result = registrar->crypto.random(registrar->crypto.context, &byte, 1);
        if (kc_failed(result)) {
            return result;
        }
        if (byte < 250) {
            out[count++] = (char)('0' + byte % 10);
        }
    }
    out[count] = '\0';
    return kc_ok();
}

static struct kc_result make_password(char *out, struct kc_registrar *registrar)
{
    uint8_t bytes[PASSWORD_LETTERS];
    struct kc_result result =
        registrar->crypto.random(registrar->crypto.context, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[i] = letters[bytes[i] & 31u];
    }
    out[sizeof bytes] = '\0';
    kc_wipe(bytes, sizeof bytes);
    return result;
}

static struct kc_result fill(bool *made, struct kc_registrar *registrar,
                             struct kc_application *application)
{
    struct kc_result result = kc_ok();
    *made = false;
    if (application->pin[0] == '\0') {
        result = make_pin(application->pin, registrar);
        *made = true;
    }
    if (!kc_failed(result) && application->password[0] == '\0') {
        result = make_password(application->password, registrar);
        *made = true;
    }
    return result;
}

static struct kc_result write_letter(const char *path, const struct kc_application *application)
{
    char text[160];
    int size = snprintf(text, sizeof text, "PIN %s\npassword %s\n", application->pin,
                        application->password);
    KC_ASSERT(size > 0 && (size_t)size < sizeof text);
    struct kc_result result = kc_file_write(path, kc_view(text, (size_t)size), 0600);
    kc_wipe(text, sizeof text);
    return result;
}

struct kc_result kc_letter_open_account(struct kc_opened_account *out, bool *made,
                                        struct kc_registrar *registrar,
                                        struct kc_application *application, const char *uim)
{
    char path[KC_PATH_SIZE_MAX];
    int size = snprintf(path, sizeof path, "%s.letter", uim);
    *made = false;
    if (size < 0 || (size_t)size >= sizeof path) {
        return kc_result(KC_TOO_LARGE);
    }
    if (kc_file_exists(uim) || kc_file_exists(path)) {
        return kc_result(KC_ALREADY_EXISTS);
    }
    struct kc_result result = fill(made, registrar, application);
    if (!kc_failed(result) && *made) {
        result = write_letter(path, application);
    }
    if (!kc_failed(result)) {
        result = kc_registrar_open_account(out, registrar, application, uim);
    }
    if (kc_failed(result) && *made) {
        (void)unlink(path);
    }
    return result;
}
