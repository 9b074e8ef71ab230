/* Rows of the store in RAM, as the files that make it up see them. */
#ifndef KC_TESTS_WHOLE_STORE_INSIDE_H
#define KC_TESTS_WHOLE_STORE_INSIDE_H

#include "whole_store.h"

#define NOWHERE SIZE_MAX

struct kc_result ram_add(struct ram_store *store, enum ram_table name, const void *row);
/* In the place of the row at `index`, or added for NOWHERE. */
struct kc_result ram_put(struct ram_store *store, enum ram_table name, size_t index,
                         const void *row);

/* Payments that are due, gaps, hotlist, re-issues, kept keys and moves: whole_store_back.c. */
void ram_store_back_port(struct kc_store *port);
/* Management charges, closings and certificates that are to end: whole_store_charge.c. */
void ram_store_charge_port(struct kc_store *port);

/* The newest row for which the condition on `i` holds, or NOWHERE. */
#define FIND(NAME, condition)                                                                      \
    for (size_t i = store->counts[NAME]; i-- > 0;) {                                               \
        if (condition) {                                                                           \
            return i;                                                                              \
        }                                                                                          \
    }                                                                                              \
    return NOWHERE;

#define SCAN_ROWS_MAX 1536

/* Rows chosen for a scan, sorted by numbers, a digest and a last number. */
struct ram_sort_key {
    uint64_t numbers[4];
    const uint8_t *digest;
    size_t digest_size;
    uint64_t last; /* after the digest */
    size_t index;
};

struct ram_chosen {
    size_t count;
    struct ram_sort_key keys[SCAN_ROWS_MAX];
};

void ram_choose(struct ram_chosen *chosen, const struct ram_sort_key *key);

#define SCAN(NAME, condition, n0, n1, n2, n3, digest_or_null, digest_bytes)                        \
    struct ram_chosen chosen;                                                                      \
    chosen.count = 0;                                                                              \
    for (size_t i = 0; i < store->counts[NAME]; i++) {                                             \
        if (condition) {                                                                           \
            ram_choose(&chosen, &(struct ram_sort_key){.numbers = {n0, n1, n2, n3},                \
                                                       .digest = digest_or_null,                   \
                                                       .digest_size = digest_bytes,                \
                                                       .index = i});                               \
        }                                                                                          \
    }

#define GIVE(member, call)                                                                         \
    for (size_t i = 0; i < chosen.count; i++) {                                                    \
        __typeof__(store->member[0]) row = store->member[chosen.keys[i].index];                    \
        if (!scan->call(scan->owner, &row)) {                                                      \
            break;                                                                                 \
        }                                                                                          \
    }                                                                                              \
    return kc_ok();

#endif
