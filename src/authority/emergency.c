#include "authority/emergency.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "authority/issuers.h"
#include "authority/own.h"
#include "authority/record.h"
#include "authority/roots.h"
#include "base/clock.h"
#include "base/log.h"

#define BASE "issuing"
#define BATCH_MAX 256u

struct kc_result kc_emergency_list(const struct kc_crypto *crypto, const char *root_folder,
                                   const char *folder)
{
    struct kc_revoked ended[KC_ENDED_MAX];
    uint64_t newest = kc_roots_newest(folder);
    bool with_key = kc_file_numbered_exists(root_folder, KC_ROOT_BASE, newest, ".key");
    if (with_key) {
        kc_record_add_all(root_folder, folder);
    }
    size_t count = kc_record_ended(ended, kc_issuers_ended(ended, folder), root_folder, folder);
    if (!kc_roots_list_names(folder, ended, count)) {
        return kc_roots_list_make(crypto, root_folder, folder, ended, count);
    }
    if (with_key) {
        kc_roots_list_keep(root_folder, folder);
    }
    return kc_ok();
}

static bool lacks(const char *folder, const char *end)
{
    uint64_t number = kc_issuers_emergency(folder);
    return number > 0 && !kc_file_numbered_exists(folder, BASE, number, end);
}

/* What a mark says is when it was made. */
static struct kc_result note(const char *folder, const char *end)
{
    char text[24];
    char path[KC_PATH_SIZE_MAX];
    int size = snprintf(text, sizeof text, "%" PRIu64 "\n", kc_clock_now_ms());
    uint64_t number = kc_issuers_emergency(folder);
    struct kc_result result = kc_path_numbered(path, folder, BASE, number, end);
    if (kc_failed(result) || number == 0) {
        return result;
    }
    return kc_file_write_text(path, text, size, sizeof text);
}

/* 0: it says nothing, and is older than such words. */
static uint64_t noted_ms(const char *folder, const char *end)
{
    uint8_t bytes[24];
    struct kc_buffer text = KC_BUFFER(bytes);
    char path[KC_PATH_SIZE_MAX];
    uint64_t ms = 0;
    if (kc_failed(kc_path_numbered(path, folder, BASE, kc_issuers_emergency(folder), end)) ||
        kc_failed(kc_file_read(&text, path))) {
        return 0;
    }
    /* As many digits as a time has. */
    for (size_t i = 0; i < text.size && i < 15 && bytes[i] >= '0' && bytes[i] <= '9'; i++) {
        ms = ms * 10u + (uint64_t)(bytes[i] - '0');
    }
    return ms;
}

bool kc_emergency_is_open(const char *folder)
{
    return lacks(folder, ".taken");
}

bool kc_emergency_is_owed(const char *folder)
{
    return lacks(folder, ".shown");
}

struct kc_result kc_emergency_told(const char *folder)
{
    return note(folder, ".shown");
}

bool kc_emergency_is_listed(const char *folder)
{
    struct kc_revoked ended[KC_ISSUER_ROLLS_MAX];
    size_t count = kc_issuers_ended(ended, folder);
    return kc_roots_list_names(folder, ended, count);
}

bool kc_emergency_is_fresh(const char *folder, uint64_t now_ms, uint64_t life_ms)
{
    if (kc_issuers_emergency(folder) == 0) {
        return false;
    }
    uint64_t told_ms = noted_ms(folder, ".shown");
    return kc_emergency_is_owed(folder) ||
           (told_ms < now_ms ? now_ms - told_ms < life_ms : told_ms - now_ms < life_ms);
}

/* Written by an earlier end, or told too early: what is made anew now is not shown yet. */
static struct kc_result forget_told(const char *folder)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result =
        kc_path_numbered(path, folder, BASE, kc_issuers_emergency(folder), ".shown");
    bool gone = kc_failed(result) || unlink(path) == 0 || errno == ENOENT;
    return gone ? result : kc_result(KC_IO_FAILED);
}

/* ---- made anew ---- */

/* Key, name, use, times and serial number as they are; the issuer is another, and nothing outlasts it. */
static struct kc_result make_anew(struct kc_issued *out, const struct kc_issuer *by,
                                  const struct kc_issued *old, const struct kc_certificate *read)
{
    struct kc_view issuer = kc_view(by->der, by->der_size);
    struct kc_buffer der = {.data = out->der, .capacity = sizeof out->der};
    const struct kc_certificate_order order = {
        .profile = read->profile,
        .serial = old->serial,
        .subject = read->subject,
        .key = &read->key,
        .not_before_ms = read->not_before_ms,
        .not_after_ms = read->not_after_ms < by->expires_ms ? read->not_after_ms : by->expires_ms};
    memcpy(out->serial, old->serial, KC_SERIAL_SIZE);
    out->holder = old->holder;
    out->use = old->use;
    out->revoked_ms = 0;
    out->reason = 0;
    out->expires_ms = old->expires_ms < by->expires_ms ? old->expires_ms : by->expires_ms;
    struct kc_result result = kc_certificate_make(&der, &order, &issuer, &by->key);
    out->der_size = der.size;
    return result;
}

/* *done counts those that were made. Certificates of responders are made at each start, and need no other. */
static struct kc_result take_over(size_t *done, struct kc_authority *authority,
                                  const struct kc_issuer *by, const struct kc_issued *old)
{
    struct kc_issued anew;
    struct kc_certificate read;
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_view der = kc_view(old->der, old->der_size);
    if ((old->use != KC_PROFILE_SIGN && old->use != KC_PROFILE_ENCRYPT) ||
        !kc_authority_is_by_ended(authority, der)) {
        return kc_ok();
    }
    if (kc_failed(kc_certificate_read(&read, der)) || read.profile != old->use) {
        kc_log(KC_LOG_ERROR, "a certificate cannot be read, and is not made anew holder=%llu",
               (unsigned long long)old->holder);
        return kc_ok();
    }
    struct kc_result result = make_anew(&anew, by, old, &read);
    if (!kc_failed(result)) {
        kc_digest(&authority->crypto, digest, der);
        result = kc_authority_store_replace(authority->store, &anew, old, digest, kc_clock_now_ms(),
                                            KC_CRL_SUPERSEDED);
    }
    *done += kc_failed(result) ? 0 : 1;
    return result;
}

/* Some, in one transaction; KC_NOT_FOUND when none is left behind `after`. */
static struct kc_result take_over_some(size_t *done, uint8_t after[KC_SERIAL_SIZE],
                                       struct kc_authority *authority, const struct kc_issuer *by,
                                       uint64_t now_ms)
{
    struct kc_issued old;
    struct kc_authority_store *store = authority->store;
    struct kc_result result = kc_authority_store_begin(store);
    bool more = !kc_failed(result);
    for (size_t i = 0; i < BATCH_MAX && more; i++) {
        result = kc_authority_store_next(store, &old, after, now_ms);
        if (!kc_failed(result)) {
            memcpy(after, old.serial, KC_SERIAL_SIZE);
            result = take_over(done, authority, by, &old);
        }
        more = !kc_failed(result);
    }
    if (!kc_failed(result) || result.code == KC_NOT_FOUND) {
        struct kc_result committed = kc_authority_store_commit(store);
        result = kc_failed(committed) ? committed : result;
    }
    kc_authority_store_rollback(store);
    return result;
}

/* The database says it too: it may be one of before, put back beside the file that says it. */
static struct kc_result is_all_taken(bool *out, struct kc_authority *authority,
                                     const struct kc_certificate *by)
{
    *out = kc_issuers_emergency(authority->folder) == 0;
    struct kc_result result =
        *out ? kc_ok() : kc_authority_store_taken(authority->store, out, by->serial);
    *out = *out && !kc_emergency_is_open(authority->folder);
    return result;
}

struct kc_result kc_emergency_take_over(struct kc_authority *authority)
{
    uint8_t after[KC_SERIAL_SIZE] = {0};
    uint64_t now_ms = kc_clock_now_ms();
    size_t done = 0;
    bool all = false;
    struct kc_certificate read;
    const struct kc_issuer *by = kc_authority_first_issuer(authority);
    struct kc_result result = kc_certificate_read(&read, kc_view(by->der, by->der_size));
    if (!kc_failed(result)) {
        result = is_all_taken(&all, authority, &read);
    }
    if (kc_failed(result) || all) {
        return result;
    }
    result = forget_told(authority->folder);
    /* Every certificate is looked at once. */
    while (!kc_failed(result)) {
        result = take_over_some(&done, after, authority, by, now_ms);
    }
    result = result.code == KC_NOT_FOUND ? kc_own_retire(authority) : result;
    if (!kc_failed(result)) {
        result = kc_authority_store_take(authority->store, read.serial);
    }
    kc_log(kc_failed(result) ? KC_LOG_ERROR : KC_LOG_INFO,
           "certificates of ended issuers made anew count=%zu result=%s", done,
           kc_error_name(result.code));
    return kc_failed(result) ? result : note(authority->folder, ".taken");
}
