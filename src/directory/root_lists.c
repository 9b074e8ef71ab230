#include "directory/root_lists.h"

#include "base/bytes.h"
#include "base/log.h"

void kc_root_lists_close(struct kc_root_lists *lists)
{
    for (size_t i = 0; i < KC_ROOTS_MAX; i++) {
        kc_root_lists_drop(lists, i);
    }
}

void kc_root_lists_drop(struct kc_root_lists *lists, size_t place)
{
    kc_crl_free(lists->items[place]);
    lists->items[place] = NULL;
}

/* The newest of the lists that this root signed, above the one that is known; *at is its place. */
static struct kc_crl *pick(size_t *at, const struct kc_directory_roots *shown, struct kc_view root,
                           const struct kc_crl *above)
{
    struct kc_crl *best = NULL;
    for (size_t i = 0; i < shown->list_count; i++) {
        struct kc_crl *crl = NULL;
        if (shown->lists[i].size > KC_ROOT_LIST_SIZE_MAX ||
            kc_failed(kc_crl_read(&crl, shown->lists[i], root))) {
            continue;
        }
        const struct kc_crl *over = best != NULL ? best : above;
        bool newer = over == NULL || kc_crl_number(crl) > kc_crl_number(over);
        kc_crl_free(newer ? best : crl);
        best = newer ? crl : best;
        *at = newer ? i : *at;
    }
    return best;
}

/* One that is there and cannot be read, or that this root did not sign, ends nobody: whoever was ended may be shown as if he
 * counted until the directory shows a list. */
static struct kc_crl *load(const struct kc_root_lists *lists, const uint8_t serial[KC_SERIAL_SIZE],
                           struct kc_view root)
{
    uint8_t bytes[KC_ROOT_LIST_SIZE_MAX];
    struct kc_buffer list = KC_BUFFER(bytes);
    struct kc_crl *crl = NULL;
    char name[2 * KC_SERIAL_SIZE + 1];
    if (lists->load == NULL) {
        return NULL;
    }
    struct kc_result result = lists->load(lists->owner, serial, &list);
    if (!kc_failed(result)) {
        result = kc_crl_read(&crl, kc_buffer_view(&list), root);
    }
    if (kc_failed(result) && result.code != KC_FILE_MISSING) {
        kc_hex_write(name, kc_view(serial, KC_SERIAL_SIZE));
        kc_log(KC_LOG_ERROR,
               "the kept list of a root's, of issuers that ended, is none root=%s reason=%s", name,
               kc_error_name(result.code));
    }
    return kc_failed(result) ? NULL : crl;
}

static struct kc_crl *find(const struct kc_root_lists *lists, const struct kc_crl *held,
                           struct kc_view root, const struct kc_directory_roots *shown)
{
    struct kc_certificate read;
    size_t at = 0;
    if (kc_failed(kc_certificate_read(&read, root))) {
        return NULL;
    }
    struct kc_crl *kept = held == NULL ? load(lists, read.serial, root) : NULL;
    struct kc_crl *newer = pick(&at, shown, root, held == NULL ? kept : held);
    if (newer == NULL) {
        return kept;
    }
    if (lists->keep != NULL) {
        /* Whoever keeps it says so when that fails; here it counts all the same. */
        (void)kc_failed(
            lists->keep(lists->owner, read.serial, shown->lists[at], kc_crl_count(newer)));
    }
    kc_crl_free(kept);
    return newer;
}

void kc_root_lists_find(struct kc_crl *newer[KC_ROOTS_MAX], const struct kc_root_lists *lists,
                        const struct kc_roots *roots, const struct kc_directory_roots *shown,
                        uint64_t now_ms)
{
    for (size_t i = 0; i < KC_ROOTS_MAX; i++) {
        newer[i] = kc_roots_count(roots, i, now_ms)
                       ? find(lists, lists->items[i], kc_roots_view(roots, i), shown)
                       : NULL;
    }
}

void kc_root_lists_swap(struct kc_root_lists *lists, struct kc_crl *newer[KC_ROOTS_MAX])
{
    for (size_t i = 0; i < KC_ROOTS_MAX; i++) {
        struct kc_crl *old = lists->items[i];
        if (newer[i] != NULL) {
            lists->items[i] = newer[i];
            newer[i] = old;
        }
    }
}

bool kc_root_lists_name(const struct kc_root_lists *lists, const struct kc_roots *roots,
                        size_t root, const uint8_t serial[KC_SERIAL_SIZE], uint64_t now_ms)
{
    for (size_t i = 0; i < KC_ROOTS_MAX && root < roots->count; i++) {
        if (lists->items[i] != NULL && kc_roots_count(roots, i, now_ms) &&
            roots->items[i].from_ms >= roots->items[root].from_ms &&
            kc_crl_has(lists->items[i], serial)) {
            return true;
        }
    }
    return false;
}

bool kc_root_lists_is_old(const struct kc_root_lists *lists, size_t root, uint64_t now_ms)
{
    return root < KC_ROOTS_MAX && lists->items[root] != NULL &&
           kc_crl_next_update_ms(lists->items[root]) < now_ms;
}
