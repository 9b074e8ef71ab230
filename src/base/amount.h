/* Amounts: counts of minor units of the bank's one currency, and nothing else.
 *
 * Only this file and amount.c touch the member `minor`. An amount that travels or is stored is at most
 * KC_AMOUNT_MAX = 2^63 - 1, so that it fits the signed integers of databases. Every sum is checked.
 */
#ifndef KC_BASE_AMOUNT_H
#define KC_BASE_AMOUNT_H

#include <stddef.h>

#include "base/result.h"

struct kc_amount {
    uint64_t minor;
};

#define KC_AMOUNT_MAX UINT64_C(0x7fffffffffffffff)
/* Most decimals a currency may have, and the longest text of an amount with its final NUL. */
#define KC_AMOUNT_DECIMALS_MAX 8
#define KC_AMOUNT_TEXT_SIZE 24

static inline struct kc_amount kc_amount_zero(void)
{
    return (struct kc_amount){0};
}

/* From minor units. KC_AMOUNT_TOO_LARGE above KC_AMOUNT_MAX leaves *out untouched. */
KC_MUST_USE struct kc_result kc_amount_from_minor(struct kc_amount *out, uint64_t minor);

/* The count of minor units, for encoders, databases and tests. */
uint64_t kc_amount_minor(struct kc_amount amount);

/* *out = a + b. KC_OVERFLOW above KC_AMOUNT_MAX leaves *out untouched. out may alias. */
KC_MUST_USE struct kc_result kc_amount_add(struct kc_amount *out, struct kc_amount a,
                                           struct kc_amount b);

/* *out = a - b. KC_OVERFLOW when b > a leaves *out untouched. out may alias. */
KC_MUST_USE struct kc_result kc_amount_sub(struct kc_amount *out, struct kc_amount a,
                                           struct kc_amount b);

/* Less than 0, 0 or more than 0 as a is less than, equal to or more than b. */
int kc_amount_compare(struct kc_amount a, struct kc_amount b);
bool kc_amount_is_zero(struct kc_amount amount);

/* Reads a decimal text that ends with NUL: digits, and with decimals > 0 optionally '.' and at most
 * `decimals` digits. No sign, no blanks, no leading '.' or final '.'. KC_AMOUNT_MALFORMED, or
 * KC_AMOUNT_TOO_LARGE above KC_AMOUNT_MAX minor units; *out untouched then. */
KC_MUST_USE struct kc_result kc_amount_parse(struct kc_amount *out, const char *text,
                                             unsigned decimals);

/* Writes the decimal text with exactly `decimals` decimals; always ends with NUL. */
void kc_amount_format(char out[KC_AMOUNT_TEXT_SIZE], struct kc_amount amount, unsigned decimals);

#endif
