#include "directory/roots.h"

#include <string.h>

#include "base/assert.h"

struct kc_result kc_roots_open(struct kc_roots *roots, struct kc_view pinned)
{
    struct kc_certificate read;
    struct kc_root *root = &roots->items[0];
    memset(roots, 0, sizeof *roots);
    struct kc_result result = pinned.size > sizeof root->der ? kc_result(KC_CERT_INVALID)
                                                             : kc_certificate_read(&read, pinned);
    if (kc_failed(result) || read.profile != KC_PROFILE_ROOT) {
        return kc_result(KC_CERT_INVALID);
    }
    memcpy(root->der, pinned.data, pinned.size);
    root->size = pinned.size;
    root->from_ms = read.not_before_ms;
    root->until_ms = read.not_after_ms;
    roots->count = 1;
    return kc_ok();
}

struct kc_view kc_roots_view(const struct kc_roots *roots, size_t place)
{
    KC_ASSERT(place < roots->count);
    return kc_view(roots->items[place].der, roots->items[place].size);
}

bool kc_roots_count(const struct kc_roots *roots, size_t place, uint64_t now_ms)
{
    return place < roots->count && roots->items[place].until_ms > now_ms;
}

/* Where it is, or may be put; KC_ROOTS_MAX when there is no place. */
static size_t place_of(const struct kc_roots *roots, struct kc_view der, uint64_t now_ms)
{
    size_t place = roots->count;
    for (size_t i = 0; i < roots->count; i++) {
        if (kc_view_equal(kc_roots_view(roots, i), der)) {
            return i;
        }
        bool free = i != roots->pinned && !kc_roots_count(roots, i, now_ms);
        place = free && roots->count == KC_ROOTS_MAX ? i : place;
    }
    return place;
}

static void put(struct kc_roots *roots, struct kc_view der, uint64_t from_ms, uint64_t until_ms,
                uint64_t now_ms)
{
    size_t place = place_of(roots, der, now_ms);
    if (place == KC_ROOTS_MAX) {
        return;
    }
    struct kc_root *root = &roots->items[place];
    memcpy(root->der, der.data, der.size);
    root->size = der.size;
    root->from_ms = from_ms;
    root->until_ms = until_ms;
    roots->count += place == roots->count ? 1 : 0;
}

static bool is_known(const struct kc_roots *roots, struct kc_view der, uint64_t now_ms)
{
    size_t place = place_of(roots, der, now_ms);
    return place < roots->count && kc_view_equal(kc_roots_view(roots, place), der) &&
           kc_roots_count(roots, place, now_ms);
}

/* Whether a root may vouch for one that began then. */
static bool may_vouch(const struct kc_roots *roots, size_t above, uint64_t from_ms)
{
    uint64_t above_ms = roots->items[above].from_ms;
    return from_ms < above_ms ||
           (from_ms > above_ms && above_ms >= roots->items[roots->pinned].from_ms);
}

/* Looks for a root that counts and certified this one, in any of the pairs. That a later one did for a time that is over is
 * remembered, so that it can be told, and counts for nothing else. */
static bool take(struct kc_roots *roots, const struct kc_directory_roots *shown, struct kc_view der,
                 uint64_t from_ms, uint64_t now_ms)
{
    struct kc_view crosses[2];
    for (size_t i = 0; i < shown->pair_count; i++) {
        if (kc_failed(kc_certificate_pair_read(&crosses[0], &crosses[1], shown->pairs[i]))) {
            continue;
        }
        for (size_t j = 0; j < 2 * roots->count; j++) {
            uint64_t above_ms = roots->items[j / 2].until_ms;
            uint64_t until_ms = 0;
            if (!kc_roots_count(roots, j / 2, now_ms) || !may_vouch(roots, j / 2, from_ms)) {
                continue;
            }
            struct kc_result result = kc_certificate_verify_cross(
                &until_ms, der, crosses[j % 2], kc_roots_view(roots, j / 2), now_ms);
            until_ms = until_ms < above_ms ? until_ms : above_ms;
            if (!kc_failed(result)) {
                put(roots, der, from_ms, until_ms, now_ms);
                return true;
            }
            bool earlier = from_ms < roots->items[j / 2].from_ms;
            if (result.code == KC_CERT_EXPIRED && earlier && until_ms != 0 && until_ms <= now_ms) {
                put(roots, der, from_ms, until_ms, now_ms);
            }
        }
    }
    return false;
}

/* Every root that counts, wherever in the chain: one more of it a round. */
static void derive(struct kc_roots *roots, const struct kc_directory_roots *shown, uint64_t now_ms)
{
    struct kc_certificate read;
    bool more = true;
    for (size_t round = 0; round < KC_ROOTS_MAX && more; round++) {
        more = false;
        for (size_t i = 0; i < shown->certificate_count; i++) {
            struct kc_view der = shown->certificates[i];
            if (!is_known(roots, der, now_ms) && der.size <= KC_CERTIFICATE_SIZE_MAX &&
                !kc_failed(kc_certificate_read(&read, der))) {
                more = take(roots, shown, der, read.not_before_ms, now_ms) || more;
            }
        }
    }
}

/* A later root, pinned from now on; what counted because of the one before has to be vouched for anew. */
static bool move_on(struct kc_roots *roots, kc_root_keep keep, void *owner, uint64_t now_ms)
{
    struct kc_certificate read;
    uint64_t pinned_ms = roots->items[roots->pinned].from_ms;
    for (size_t i = 0; i < roots->count && keep != NULL; i++) {
        const struct kc_root *root = &roots->items[i];
        if (i == roots->pinned || !kc_roots_count(roots, i, now_ms) || root->from_ms <= pinned_ms) {
            continue;
        }
        struct kc_result result = kc_certificate_read(&read, kc_roots_view(roots, i));
        if (!kc_failed(result)) {
            result = keep(owner, kc_roots_view(roots, i));
        }
        if (kc_failed(result)) {
            roots->word = result.code;
            return false;
        }
        roots->pinned = i;
        for (size_t j = 0; j < roots->count; j++) {
            roots->items[j].until_ms = j == i ? read.not_after_ms : 0;
        }
        return true;
    }
    return false;
}

/* Whether it counted once. */
static bool is_over(const struct kc_roots *roots, struct kc_view der, uint64_t now_ms)
{
    size_t place = place_of(roots, der, now_ms);
    return place < roots->count && kc_view_equal(kc_roots_view(roots, place), der) &&
           roots->items[place].until_ms != 0;
}

/* What is to be said of a root that does not count. */
static enum kc_error word_of(const struct kc_roots *roots, struct kc_view der, uint64_t now_ms)
{
    struct kc_certificate read;
    if (kc_failed(kc_certificate_read(&read, der)) || read.profile != KC_PROFILE_ROOT) {
        return KC_CERT_INVALID;
    }
    if (read.not_after_ms <= now_ms) {
        return KC_OK;
    }
    return read.not_before_ms <= roots->items[roots->pinned].from_ms ? KC_ROOT_OLDER
                                                                     : KC_ROOT_NOT_CERTIFIED;
}

void kc_roots_update(struct kc_roots *roots, const struct kc_directory_roots *shown,
                     kc_root_keep keep, void *owner, uint64_t now_ms)
{
    roots->word = KC_OK;
    derive(roots, shown, now_ms);
    for (size_t i = 0; i < KC_ROOTS_MAX && move_on(roots, keep, owner, now_ms); i++) {
        derive(roots, shown, now_ms);
    }
    for (size_t i = 0; i < shown->certificate_count && roots->word == KC_OK; i++) {
        if (!is_over(roots, shown->certificates[i], now_ms)) {
            roots->word = word_of(roots, shown->certificates[i], now_ms);
        }
    }
}
