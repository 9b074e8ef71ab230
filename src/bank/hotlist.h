/* Which purses fit a part of the hotlist, and in which bytes. */
#ifndef KC_BANK_HOTLIST_H
#define KC_BANK_HOTLIST_H

#include "message/listed.h"

/* Room for the numbers in a base or a list of the older form, and in a delta; and how many are ever tried. In the older form each
 * takes one byte at least; in the short one so many fit only of purses that stand close together. */
#define KC_BANK_BASE_SIZE_MAX 2048u
#define KC_BANK_DELTA_SIZE_MAX 512u
#define KC_BANK_LISTED_MAX KC_BANK_BASE_SIZE_MAX

/* Writes the purses, in any order, in the short form: as many as fit of those that stand first. */
KC_MUST_USE struct kc_result kc_bank_hotlist_write(struct kc_listed *out, struct kc_buffer *bytes,
                                                   const uint64_t *purses, size_t purse_count);
/* The same in the older form of the record. *count says how many. */
KC_MUST_USE struct kc_result kc_bank_hotlist_encode(struct kc_buffer *out, size_t *count,
                                                    const uint64_t *purses, size_t purse_count);

#endif
