/* Sums that were checked to fit, or follow from rows: what does not fit was changed in the store. Internal to this room. */
#ifndef KC_LEDGER_SUMS_H
#define KC_LEDGER_SUMS_H

#include "base/amount.h"

/* *good stays false once a sum failed. */
static inline void kc_raise(bool *good, struct kc_amount *to, struct kc_amount amount)
{
    *good = !kc_failed(kc_amount_add(to, *to, amount)) && *good;
}

static inline void kc_lower(bool *good, struct kc_amount *from, struct kc_amount amount)
{
    *good = !kc_failed(kc_amount_sub(from, *from, amount)) && *good;
}

static inline bool kc_is_less(struct kc_amount a, struct kc_amount b)
{
    return kc_amount_compare(a, b) < 0;
}

static inline struct kc_amount kc_least(struct kc_amount a, struct kc_amount b)
{
    return kc_is_less(a, b) ? a : b;
}

/* a - b, or nothing where b is more. */
static inline struct kc_amount kc_beyond(struct kc_amount a, struct kc_amount b)
{
    struct kc_amount out = kc_amount_zero();
    return kc_failed(kc_amount_sub(&out, a, b)) ? kc_amount_zero() : out;
}

#endif
