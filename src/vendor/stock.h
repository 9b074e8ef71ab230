/* What lies in a machine, and the one act that lets an item go. A real machine has a drop sensor behind this interface; here the
 * file `stock` counts.
 *
 * 1. An item goes for one sale, and that it did is durable with the count: after a power cut the sale whose item went last is
 *    known.
 * 2. A place from which an item did not come out sells nothing until its keeper fills it. */
#ifndef KC_VENDOR_STOCK_H
#define KC_VENDOR_STOCK_H

#include "message/generated/messages.h"
#include "vendor/ini.h"

struct kc_stock {
    char path[KC_PATH_SIZE_MAX];
    uint64_t sale; /* whose item went last */
    size_t count;
    struct {
        uint64_t left;
        bool stuck;
    } slots[KC_SLOTS_MAX];
};

/* Reads `stock` in the machine's folder, or makes it from machine.ini. Places that are new in machine.ini are added.
 * KC_STORE_CORRUPT for what is no such file (logged). */
KC_MUST_USE struct kc_result kc_stock_open(struct kc_stock *out, const char *dir,
                                           const struct kc_machine_ini *ini);

/* How place `slot`, from 1, stands. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_stock_state(enum kc_slot_state *out, const struct kc_stock *stock,
                                            uint64_t slot);

/* Lets an item go for a sale. KC_ITEM_STUCK: it did not come out (`jam`), and the place is stuck from now on. Durable at
 * return. */
KC_MUST_USE struct kc_result kc_stock_release(struct kc_stock *stock, uint64_t slot, uint64_t sale,
                                              bool jam);

/* The keeper was there: so many items lie in it, and nothing is stuck. */
KC_MUST_USE struct kc_result kc_stock_fill(struct kc_stock *stock, uint64_t slot, uint64_t count);

#endif
