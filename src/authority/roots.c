#include "authority/roots.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "authority/setup.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/config.h"
#include "service/files.h"

static const struct kc_config_key plan_keys[] = {
    {"roll", "number", KC_CONFIG_UINT, offsetof(struct kc_root_plan, number), 1, KC_ROOT_ROLLS_MAX,
     NULL},
    {"roll", "until_ms", KC_CONFIG_UINT, offsetof(struct kc_root_plan, until_ms), 0, INT64_MAX,
     "0"},
    {"roll", "token", KC_CONFIG_TEXT, offsetof(struct kc_root_plan, token), 0,
     KC_TOKEN_URI_SIZE_MAX, ""},
};

/* Of what one root certified of another's key. */
static void cross_file(char out[KC_FILE_NAME_SIZE], uint64_t of, uint64_t by)
{
    (void)snprintf(out, KC_FILE_NAME_SIZE, "root-%" PRIu64 "-by-%" PRIu64 ".crt", of, by);
}

uint64_t kc_roots_newest(const char *folder)
{
    uint64_t number = 0;
    while (number < KC_ROOT_ROLLS_MAX &&
           kc_file_numbered_exists(folder, KC_ROOT_BASE, number + 1, ".crt")) {
        number++;
    }
    return number;
}

static struct kc_result load(struct kc_buffer *der, struct kc_certificate *read, const char *folder,
                             uint64_t number)
{
    char file[KC_FILE_NAME_SIZE];
    kc_file_numbered(file, KC_ROOT_BASE, number, ".crt");
    struct kc_result result = kc_certificate_file_load(der, folder, file);
    return kc_failed(result) ? result : kc_certificate_read(read, kc_buffer_view(der));
}

bool kc_roots_is_by_newest(const char *folder, struct kc_view certificate)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer root = KC_BUFFER(bytes);
    struct kc_certificate read;
    return !kc_failed(load(&root, &read, folder, kc_roots_newest(folder))) &&
           kc_certificate_is_by(certificate, kc_buffer_view(&root));
}

/* ---- opening ---- */

/* What a root and the one before it certified of each other; until_ms is the end of what the newer one says of the older. */
static struct kc_result load_pair(struct kc_authority_root *out, uint64_t *until_ms,
                                  const char *folder, uint64_t number)
{
    uint8_t bytes[2][KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer to = KC_BUFFER(bytes[0]);
    struct kc_buffer by = KC_BUFFER(bytes[1]);
    struct kc_buffer pair = KC_BUFFER(out->pair);
    struct kc_certificate read;
    char file[KC_FILE_NAME_SIZE];
    cross_file(file, number, number - 1);
    struct kc_result result = kc_certificate_file_load(&to, folder, file);
    cross_file(file, number - 1, number);
    if (!kc_failed(result)) {
        result = kc_certificate_file_load(&by, folder, file);
    }
    if (!kc_failed(result)) {
        result = kc_certificate_read(&read, kc_buffer_view(&by));
    }
    if (!kc_failed(result)) {
        *until_ms = read.not_after_ms;
        result = kc_certificate_pair_write(&pair, kc_buffer_view(&to), kc_buffer_view(&by));
        out->pair_size = pair.size;
    }
    return result;
}

/* One that was not made yet is empty. */
static struct kc_result load_list(struct kc_buffer *out, const char *folder, uint64_t number)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_numbered(path, folder, KC_ROOT_BASE, number, ".crl");
    out->size = 0;
    if (!kc_failed(result)) {
        result = kc_file_read(out, path);
    }
    return result.code == KC_FILE_MISSING ? kc_ok() : result;
}

struct kc_result kc_roots_load(struct kc_authority *authority, const char *folder)
{
    uint64_t newest = kc_roots_newest(folder);
    authority->root_count = 0;
    for (uint64_t i = 0; i <= newest && authority->root_count < KC_ROOTS_MAX; i++) {
        struct kc_authority_root *root = &authority->roots[authority->root_count];
        struct kc_buffer der = {.data = root->der, .capacity = sizeof root->der};
        struct kc_buffer list = {.data = root->list, .capacity = sizeof root->list};
        struct kc_certificate read;
        uint64_t until_ms = UINT64_MAX;
        root->pair_size = 0;
        struct kc_result result =
            i == 0 ? kc_ok() : load_pair(root, &until_ms, folder, newest - i + 1);
        if (!kc_failed(result)) {
            result = load(&der, &read, folder, newest - i);
        }
        if (!kc_failed(result)) {
            result = load_list(&list, folder, newest - i);
            root->list_size = list.size;
        }
        if (kc_failed(result)) {
            kc_log(KC_LOG_ERROR, "root %" PRIu64 ": %s", newest - i, kc_error_name(result.code));
            return result;
        }
        root->der_size = der.size;
        root->number = newest - i;
        authority->root_count += 1;
    }
    return kc_ok();
}

void kc_roots_load_lists(struct kc_authority *authority)
{
    uint8_t bytes[KC_ROOT_LIST_SIZE_MAX];
    for (size_t i = 0; i < authority->root_count; i++) {
        struct kc_authority_root *root = &authority->roots[i];
        struct kc_buffer list = KC_BUFFER(bytes);
        if (!kc_failed(load_list(&list, authority->folder, root->number)) && list.size > 0) {
            memcpy(root->list, list.data, list.size);
            root->list_size = list.size;
        }
    }
}

/* ---- rolling over ---- */

static struct kc_result read_plan(struct kc_root_plan *out, const char *folder, uint64_t number)
{
    char path[KC_PATH_SIZE_MAX];
    char file[KC_FILE_NAME_SIZE];
    kc_file_numbered(file, KC_ROOT_BASE, number, ".plan");
    struct kc_result result = kc_path_join(path, folder, file, NULL);
    if (!kc_failed(result)) {
        result = kc_config_read(out, plan_keys, sizeof plan_keys / sizeof plan_keys[0], path);
    }
    return !kc_failed(result) && out->number != number ? kc_result(KC_CONFIG_INVALID) : result;
}

struct kc_result kc_roots_plan(struct kc_root_plan *out, const char *folder)
{
    uint64_t number = kc_roots_newest(folder);
    memset(out, 0, sizeof *out);
    return number == 0 ? kc_ok() : read_plan(out, folder, number);
}

/* The oldest that counts is told by the chain of what the newer ones said. */
static size_t count_open(const char *folder, uint64_t newest)
{
    struct kc_authority_root root;
    uint64_t until_ms = UINT64_MAX;
    size_t count = 1;
    for (uint64_t i = newest; i > 0; i--) {
        if (kc_failed(load_pair(&root, &until_ms, folder, i)) || until_ms <= kc_clock_now_ms()) {
            break;
        }
        count += 1;
    }
    return count;
}

struct kc_result kc_roots_ends(struct kc_roll_ends *out, const char *folder)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    struct kc_authority_root root;
    struct kc_certificate read;
    uint64_t newest = kc_roots_newest(folder);
    struct kc_result result = load(&der, &read, folder, newest);
    if (kc_failed(result)) {
        return result;
    }
    out->from_ms = read.not_before_ms;
    out->until_ms = read.not_after_ms;
    out->next_ms = read.not_after_ms;
    for (uint64_t i = newest; i > 0 && !kc_failed(result); i--) {
        uint64_t until_ms = 0;
        result = load_pair(&root, &until_ms, folder, i);
        out->until_ms = i == newest ? until_ms : out->until_ms;
        if (until_ms <= kc_clock_now_ms()) {
            break;
        }
        out->next_ms = until_ms < out->next_ms ? until_ms : out->next_ms;
    }
    return result;
}

static struct kc_result plan(const char *folder, uint64_t number, uint64_t until_ms,
                             const char *token)
{
    char path[KC_PATH_SIZE_MAX];
    char file[KC_FILE_NAME_SIZE];
    char text[KC_TOKEN_URI_SIZE_MAX + 128];
    if (kc_file_numbered_exists(folder, KC_ROOT_BASE, number, ".plan")) {
        return kc_ok();
    }
    if (number > KC_ROOT_ROLLS_MAX) {
        return kc_result(KC_TOO_LARGE);
    }
    if (count_open(folder, number - 1) >= KC_ROOTS_MAX) {
        return kc_result(KC_PENDING);
    }
    int size =
        snprintf(text, sizeof text, "[roll]\nnumber = %" PRIu64 "\nuntil_ms = %" PRIu64 "\n%s%s%s",
                 number, until_ms, token == NULL ? "" : "token = ", token == NULL ? "" : token,
                 token == NULL ? "" : "\n");
    kc_file_numbered(file, KC_ROOT_BASE, number, ".plan");
    struct kc_result result = kc_path_join(path, folder, file, NULL);
    return kc_failed(result) ? result : kc_file_write_text(path, text, size, sizeof text);
}

/* One of the two roots of a roll-over. */
struct party {
    uint64_t number;
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der;
    struct kc_certificate read;
    struct kc_private_key key;
};

static struct kc_result open_old(struct party *old, const struct kc_crypto *crypto,
                                 const char *root_folder)
{
    char name[KC_FILE_NAME_SIZE];
    kc_file_numbered(name, KC_ROOT_BASE, old->number, "");
    old->der = KC_BUFFER(old->bytes);
    struct kc_result result = load(&old->der, &old->read, root_folder, old->number);
    if (!kc_failed(result)) {
        result = kc_key_pair_load(&old->key, NULL, crypto, root_folder, name);
    }
    if (!kc_failed(result) && old->read.not_after_ms <= kc_clock_now_ms()) {
        result = kc_result(KC_CERT_EXPIRED);
    }
    return result;
}

/* The new root's key and self-signed certificate, made unless they are there. */
static struct kc_result open_new(struct party *new, const struct party *old,
                                 const struct kc_crypto *crypto, const char *root_folder)
{
    struct kc_public_key public_key;
    char file[KC_FILE_NAME_SIZE];
    new->der = KC_BUFFER(new->bytes);
    kc_file_numbered(file, KC_ROOT_BASE, new->number, ".key");
    struct kc_result result = load(&new->der, &new->read, root_folder, new->number);
    if (!kc_failed(result)) {
        char name[KC_FILE_NAME_SIZE];
        kc_file_numbered(name, KC_ROOT_BASE, new->number, "");
        return kc_key_pair_load(&new->key, NULL, crypto, root_folder, name);
    }
    if (result.code != KC_FILE_MISSING) {
        return result;
    }
    result = kc_key_file_ensure(&new->key, crypto, root_folder, file, KC_KEY_P256);
    if (!kc_failed(result)) {
        result = crypto->derive_public(crypto->context, &public_key, &new->key);
    }
    if (!kc_failed(result)) {
        result = kc_authority_make_root(&new->der, crypto, old->read.subject, &public_key,
                                        &new->key, old->read.not_before_ms);
    }
    if (!kc_failed(result)) {
        result = kc_certificate_read(&new->read, kc_buffer_view(&new->der));
    }
    kc_file_numbered(file, KC_ROOT_BASE, new->number, ".crt");
    return kc_failed(result)
               ? result
               : kc_certificate_file_save(root_folder, file, kc_buffer_view(&new->der));
}

/* What one certifies of the other's key, with the times that RFC 4210 section 4.4.1 wants: from that one's beginning, to the old
 * one's end or before. */
static struct kc_result cross(const struct party *of, const struct party *by, uint64_t until_ms,
                              const struct kc_crypto *crypto, const char *folder)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    struct kc_buffer der = KC_BUFFER(bytes);
    struct kc_view issuer = kc_buffer_view(&by->der);
    char file[KC_FILE_NAME_SIZE];
    uint8_t serial[KC_SERIAL_SIZE];
    const struct kc_certificate_order order = {.profile = KC_PROFILE_CROSS,
                                               .serial = serial,
                                               .subject = of->read.subject,
                                               .key = &of->read.key,
                                               .not_before_ms = of->read.not_before_ms,
                                               .not_after_ms = until_ms};
    struct kc_result result = kc_authority_make_serial(serial, crypto);
    if (!kc_failed(result)) {
        result = kc_certificate_make(&der, &order, &issuer, &by->key);
    }
    cross_file(file, of->number, by->number);
    return kc_failed(result) ? result
                             : kc_certificate_file_save(folder, file, kc_buffer_view(&der));
}

/* Both ways, and then the one file that decides. */
static struct kc_result certify(const struct party *old, const struct party *new,
                                const struct kc_root_plan *plan, const struct kc_crypto *crypto,
                                const char *folder)
{
    char file[KC_FILE_NAME_SIZE];
    uint64_t end_ms = old->read.not_after_ms < new->read.not_after_ms ? old->read.not_after_ms
                                                                      : new->read.not_after_ms;
    bool sooner = plan->until_ms != 0 && plan->until_ms < end_ms;
    struct kc_result result = cross(new, old, end_ms, crypto, folder);
    if (!kc_failed(result)) {
        result = cross(old, new, sooner ? plan->until_ms : end_ms, crypto, folder);
    }
    kc_file_numbered(file, KC_ROOT_BASE, new->number, ".crt");
    return kc_failed(result) ? result
                             : kc_certificate_file_save(folder, file, kc_buffer_view(&new->der));
}

struct kc_result kc_roots_roll(uint64_t *number, const struct kc_crypto *crypto,
                               const char *root_folder, const char *folder, uint64_t until_ms,
                               const char *token)
{
    struct party old = {.number = kc_roots_newest(folder)};
    struct party new = {.number = old.number + 1};
    struct kc_root_plan planned;
    *number = new.number;
    /* The key first: nothing is to be planned that a later start would go on with unasked. */
    struct kc_result result = open_old(&old, crypto, root_folder);
    if (!kc_failed(result)) {
        result = plan(folder, new.number, until_ms, token);
    }
    if (!kc_failed(result)) {
        result = read_plan(&planned, folder, new.number);
    }
    if (!kc_failed(result)) {
        result = open_new(&new, &old, crypto, root_folder);
    }
    if (!kc_failed(result)) {
        result = certify(&old, &new, &planned, crypto, folder);
    }
    kc_wipe(&old, sizeof old);
    kc_wipe(&new, sizeof new);
    return result;
}

struct kc_result kc_roots_finish(const struct kc_crypto *crypto, const char *root_folder,
                                 const char *folder)
{
    uint64_t number = kc_roots_newest(folder);
    if (!kc_file_numbered_exists(folder, KC_ROOT_BASE, number + 1, ".plan")) {
        return kc_ok();
    }
    bool here = kc_file_numbered_exists(root_folder, KC_ROOT_BASE, number, ".key");
    kc_log(KC_LOG_WARN,
           here ? "root %" PRIu64 ": its roll-over was planned and is gone on with"
                : "root %" PRIu64 ": its roll-over is planned and waits for the old root's key",
           number + 1);
    if (!here) {
        return kc_ok();
    }
    return kc_roots_roll(&number, crypto, root_folder, folder, 0, NULL);
}

/* ---- the list ---- */

struct kc_crl *kc_roots_list_read(const char *at, uint64_t number)
{
    uint8_t bytes[KC_CERTIFICATE_SIZE_MAX];
    uint8_t list_bytes[KC_ROOT_LIST_SIZE_MAX];
    struct kc_buffer root = KC_BUFFER(bytes);
    struct kc_buffer list = KC_BUFFER(list_bytes);
    struct kc_certificate read;
    struct kc_crl *crl = NULL;
    bool good = !kc_failed(load_list(&list, at, number)) && list.size > 0 &&
                !kc_failed(load(&root, &read, at, number)) &&
                !kc_failed(kc_crl_read(&crl, kc_buffer_view(&list), kc_buffer_view(&root)));
    return good ? crl : NULL;
}

/* 0 when there is none. */
static uint64_t list_number(const char *at, uint64_t number)
{
    struct kc_crl *crl = kc_roots_list_read(at, number);
    uint64_t out = crl == NULL ? 0 : kc_crl_number(crl);
    kc_crl_free(crl);
    return out;
}

bool kc_roots_list_names(const char *folder, const struct kc_revoked *ended, size_t count)
{
    struct kc_crl *crl = kc_roots_list_read(folder, kc_roots_newest(folder));
    bool names = crl != NULL;
    for (size_t i = 0; i < count && names; i++) {
        names = kc_crl_has(crl, ended[i].serial);
    }
    kc_crl_free(crl);
    return names;
}

static struct kc_result write_list(const char *at, uint64_t number, struct kc_view list)
{
    char path[KC_PATH_SIZE_MAX];
    struct kc_result result = kc_path_numbered(path, at, KC_ROOT_BASE, number, ".crl");
    return kc_failed(result) ? result : kc_file_write(path, list, 0644);
}

/* Beside the root's key, so that one that is lost is followed by one with a higher number, whatever clocks said. */
static void keep_list(const char *root_folder, uint64_t number, struct kc_view list)
{
    struct kc_result result = write_list(root_folder, number, list);
    if (kc_failed(result)) {
        kc_log(KC_LOG_WARN, "the root's list is not kept beside its key: %s",
               kc_error_name(result.code));
    }
}

void kc_roots_list_keep(const char *root_folder, const char *folder)
{
    uint8_t bytes[KC_ROOT_LIST_SIZE_MAX];
    struct kc_buffer list = KC_BUFFER(bytes);
    uint64_t number = kc_roots_newest(folder);
    if (list_number(folder, number) > list_number(root_folder, number) &&
        !kc_failed(load_list(&list, folder, number))) {
        keep_list(root_folder, number, kc_buffer_view(&list));
    }
}

struct kc_result kc_roots_list_make(const struct kc_crypto *crypto, const char *root_folder,
                                    const char *folder, const struct kc_revoked *ended,
                                    size_t count)
{
    struct party root = {.number = kc_roots_newest(folder)};
    struct kc_view list = kc_view(NULL, 0);
    uint64_t now_ms = kc_clock_now_ms();
    uint64_t here = list_number(folder, root.number);
    uint64_t kept = list_number(root_folder, root.number);
    uint64_t before = here > kept ? here : kept;
    /* The clock's time, so that a list which was lost here and there is followed by a newer one; whatever the clock says, a later
     * one is newer. */
    uint64_t number = before >= now_ms ? before + 1 : now_ms;
    struct kc_result result = open_old(&root, crypto, root_folder);
    if (!kc_failed(result)) {
        result = kc_crl_make(&list, ended, count, number, now_ms, root.read.not_after_ms,
                             kc_buffer_view(&root.der), &root.key);
    }
    if (!kc_failed(result) && list.size > KC_ROOT_LIST_SIZE_MAX) {
        result = kc_result(KC_TOO_LARGE);
    }
    if (!kc_failed(result)) {
        keep_list(root_folder, root.number, list);
        result = write_list(folder, root.number, list);
    }
    kc_der_free(list);
    kc_wipe(&root, sizeof root);
    return result;
}
