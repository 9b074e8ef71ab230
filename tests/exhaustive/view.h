/* A look into a purse, past its commands: what its log and its open payments say. Apart from the rest because the purse's
 * inside and the bank's do not share a file. */
#ifndef KC_TESTS_EXHAUSTIVE_VIEW_H
#define KC_TESTS_EXHAUSTIVE_VIEW_H

#include "purse/purse.h"

struct slot_view {
    struct kc_view bytes; /* the entry, encoded */
    struct kc_view order;
    struct kc_view answer;
    struct kc_entry entry;
};

/* False where the slot does not hold that entry whole. Views hold until the purse's next command or look. */
bool view_slot(struct slot_view *out, struct kc_purse *purse, uint64_t counter);
/* False past the last one. */
bool view_open(struct kc_open_payment *out, const struct kc_purse *purse, size_t index);
uint64_t view_uncovered(const struct kc_purse *purse);

#endif
