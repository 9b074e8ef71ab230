/* Purse numbers in few bytes, as a hotlist's base and delta carry them (docs/decisions/0024-hotlist.md).
 *
 * A number stands without its check digit, which follows from the rest. The lowest stands in `least`. Each of the others is a
 * step: how many numbers lie between it and the one before. A step is written, highest bit of a byte first, as its upper part in
 * unary (so many ones, then a zero) and its lowest `bits` bits. The last byte is filled with zeros. */
#ifndef KC_MESSAGE_LISTED_H
#define KC_MESSAGE_LISTED_H

#include "base/bytes.h"
#include "base/ids.h"

#define KC_LISTED_BITS_MAX 57u /* as many as a number without its check digit has */

struct kc_listed {
    uint64_t count;
    uint64_t least;
    uint64_t bits;
    struct kc_view bytes;
};

/* Writes ascending purse numbers, each once, with the `bits` that make them shortest; out->bytes points into *bytes. Leaving a
 * number out never makes them longer. KC_BUFFER_SMALL; KC_MALFORMED for a number whose check digit does not fit. */
KC_MUST_USE struct kc_result kc_listed_write(struct kc_listed *out, struct kc_buffer *bytes,
                                             const uint64_t *ascending, size_t count);

/* KC_OK when it is exactly what kc_listed_write could have written, with whatever `bits`; else KC_MALFORMED. */
KC_MUST_USE struct kc_result kc_listed_check(const struct kc_listed *listed);

/* Whether the purse is listed. Of a list that kc_listed_check refuses, whatever stands before the fault. */
bool kc_listed_has(const struct kc_listed *listed, struct kc_purse_id purse);

#endif
