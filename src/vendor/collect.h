/* The machine's side of collecting (EP1221669 [0222]): it answers the one server whose key its keeper pinned.
 *
 * 1. A request that the pinned key did not sign, for this machine, with a time stamp later than any before, changes nothing.
 * 2. A report for the bank is made once and given as the same bytes until its answer was taken. The machine goes on selling
 *    meanwhile: the purse's entries after the report stay on top of the certified value that comes back, as they do in a UIM.
 * 3. A server says up to which line it has them durably. They stay in the journal all the same. */
#ifndef KC_VENDOR_COLLECT_H
#define KC_VENDOR_COLLECT_H

#include "link/link.h"
#include "vendor/machine.h"

/* As many lines as a reply may name; they go as far as they fit into one message. */
#define KC_COLLECT_LINES_MOST 8u

struct kc_collect_batch {
    size_t count;
    size_t size; /* of all */
    size_t sizes[KC_COLLECT_LINES_MOST];
    uint8_t bytes[KC_COLLECT_LINES_MOST][KC_SALE_SIGNED_MAX];
};

/* The pieces of an answer as they come in, and lines as they go out. */
struct kc_collect {
    struct kc_machine *machine;
    struct kc_public_key server;
    bool pinned;
    unsigned replays; /* requests in this conversation that were heard before */
    uint64_t kept_ms; /* the newest time stamp that is durable */
    size_t answer_size;
    uint8_t answer[KC_MESSAGE_SIZE_MAX];
    size_t report_size;
    uint8_t report[KC_MESSAGE_SIZE_MAX];
    size_t told_size;
    uint8_t told[3072];
    struct kc_collect_batch batch;
};

/* Reads the pinned key. KC_FILE_MISSING, KC_MALFORMED, KC_WRONG_ALGORITHM; logged. */
KC_MUST_USE struct kc_result kc_collect_open(struct kc_collect *collect,
                                             struct kc_machine *machine);

/* Answers a server until it leaves, or only repeats itself. *fatal as in a sale. */
KC_MUST_USE struct kc_result kc_collect_talk(bool *fatal, struct kc_collect *collect,
                                             struct kc_link *link);

#endif
