/* What the bank was shown of what a holder signed, read by the checker itself. Internal to the simulation. */
#ifndef KC_TESTS_WHOLE_SHOWN_H
#define KC_TESTS_WHOLE_SHOWN_H

#include "whole_truth.h"

/* A receipt or a decline, its signature not verified. */
struct shown_answer {
    struct kc_signed parsed;
    bool taken;
    uint8_t payment[KC_DIGEST_SIZE];
    uint64_t payee_purse;
    uint64_t counter;
};

bool shown_read_answer(struct shown_answer *out, struct kc_view bytes);

/* Whether the report that the bank just took goes on, after what was counted, with a payment of more than `value`. */
bool shown_overspends(const struct truth *truth, unsigned reporter, uint64_t counted,
                      uint64_t value);

/* Adds what the report that the bank just took shows, up to the counter counted of the reporter. `copied`: the reporter is out by
 * it, for another chain than was counted. False when it cannot be read. */
bool shown_collect(struct truth *truth, unsigned reporter, uint64_t counted, bool copied);

#endif
