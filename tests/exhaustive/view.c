#include "view.h"

#include "purse/inside.h"

bool view_slot(struct slot_view *out, struct kc_purse *purse, uint64_t counter)
{
    struct kc_log_slot slot;
    if (kc_failed(kc_purse_log_entry(&out->entry, &slot, purse, counter))) {
        return false;
    }
    out->bytes = slot.entry;
    out->order = slot.order;
    out->answer = slot.answer;
    return true;
}

bool view_open(struct kc_open_payment *out, const struct kc_purse *purse, size_t index)
{
    return !kc_failed(kc_purse_open_get(out, &purse->state, index));
}

uint64_t view_uncovered(const struct kc_purse *purse)
{
    return kc_purse_uncovered(purse);
}
