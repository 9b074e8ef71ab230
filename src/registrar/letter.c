#include "registrar/letter.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "service/files.h"

#define PIN_DIGITS 6u
#define RESERVE_TRIES 16u
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

/* A new UIM of an account, or NULL for a new account. */
typedef const struct kc_account_id *account_or_none;

static struct kc_result fill(bool *made, struct kc_registrar *registrar,
                             struct kc_application *application, account_or_none again)
{
    struct kc_result result = kc_ok();
    *made = false;
    if (application->type != KC_PURSE_TYPE_UIM) {
        return result;
    }
    if (application->pin[0] == '\0') {
        result = make_pin(application->pin, registrar);
        *made = true;
    }
    if (!kc_failed(result) && again == NULL && application->password[0] == '\0') {
        result = make_password(application->password, registrar);
        *made = true;
    }
    return result;
}

static struct kc_result write_letter(const char *path, const struct kc_application *application,
                                     account_or_none again)
{
    char text[160];
    int size = again != NULL ? snprintf(text, sizeof text, "PIN %s\n", application->pin)
                             : snprintf(text, sizeof text, "PIN %s\npassword %s\n",
                                        application->pin, application->password);
    KC_ASSERT(size > 0 && (size_t)size < sizeof text);
    struct kc_result result = kc_file_write(path, kc_view(text, (size_t)size), 0600);
    kc_wipe(text, sizeof text);
    return result;
}

/* Keeps other registrars away from a UIM's name for as long as this one works on it. The file of the lock goes with it, so
 * whoever got a lock on a file that is gone, or is not the one of that name any more, tries again. */
static struct kc_result reserve(int *fd, const char *path)
{
    for (unsigned tries = 0; tries < RESERVE_TRIES; tries++) {
        struct stat held;
        struct stat named;
        struct kc_result result = kc_file_lock(fd, path);
        if (kc_failed(result)) {
            return result;
        }
        if (fstat(*fd, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
            held.st_dev == named.st_dev) {
            return result;
        }
        kc_file_unlock(*fd);
    }
    return kc_result(KC_IN_USE);
}

static struct kc_result open_reserved(struct kc_opened_account *out, bool *made,
                                      struct kc_registrar *registrar,
                                      struct kc_application *application, account_or_none again,
                                      const char *uim, const char *letter)
{
    if (kc_file_exists(uim) || kc_file_exists(letter)) {
        return kc_result(KC_ALREADY_EXISTS);
    }
    struct kc_result result = fill(made, registrar, application, again);
    if (!kc_failed(result) && *made) {
        result = write_letter(letter, application, again);
    }
    if (!kc_failed(result)) {
        result = again == NULL ? kc_registrar_open_account(out, registrar, application, uim)
                               : kc_registrar_reissue(out, registrar, application, *again, uim);
    }
    if (kc_failed(result) && *made) {
        (void)unlink(letter);
    }
    return result;
}

static struct kc_result issue(struct kc_opened_account *out, bool *made,
                              struct kc_registrar *registrar, struct kc_application *application,
                              account_or_none again, const char *uim)
{
    char letter[KC_PATH_SIZE_MAX];
    char lock[KC_PATH_SIZE_MAX];
    int fd = -1;
    int size = snprintf(letter, sizeof letter, "%s.letter", uim);
    *made = false;
    if (size < 0 || (size_t)size >= sizeof letter) {
        return kc_result(KC_TOO_LARGE);
    }
    (void)snprintf(lock, sizeof lock, "%s.lock", uim);
    struct kc_result result = reserve(&fd, lock);
    if (kc_failed(result)) {
        return result;
    }
    result = open_reserved(out, made, registrar, application, again, uim, letter);
    (void)unlink(lock);
    kc_file_unlock(fd);
    return result;
}

struct kc_result kc_letter_open_account(struct kc_opened_account *out, bool *made,
                                        struct kc_registrar *registrar,
                                        struct kc_application *application, const char *uim)
{
    return issue(out, made, registrar, application, NULL, uim);
}

struct kc_result kc_letter_reissue(struct kc_opened_account *out, bool *made,
                                   struct kc_registrar *registrar,
                                   struct kc_application *application, struct kc_account_id account,
                                   const char *uim)
{
    return issue(out, made, registrar, application, &account, uim);
}
