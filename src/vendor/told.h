/* What the bank tells of the authority's newest keys (docs/protocol.md "The authority's new keys at the purses"), as a vendor
 * server keeps it for its machines, whose purses speak with nobody else: notice.cose in its folder, verified with the newest of
 * the bank's keys that the server knows. Each purse verifies it again. No worker writes an older one over a newer. */
#ifndef KC_VENDOR_TOLD_H
#define KC_VENDOR_TOLD_H

#include "message/notice.h"
#include "vendor/bank_chain.h"

struct kc_told {
    uint64_t number; /* 0: there is none */
    size_t size;
    uint8_t bytes[KC_NOTICE_SIZE_MAX];
};

/* Whose bank it is, and where what it says is kept. */
struct kc_told_place {
    const char *dir;
    const char *url;
    const struct kc_crypto *crypto;
    const struct kc_realm *realm;
};

/* From the folder. What the newest key of the chain did not sign counts as not there. */
void kc_told_load(struct kc_told *out, const struct kc_told_place *place,
                  const struct kc_bank_chain *chain);

/* Takes a notice as the bank gave it, when the newest key of the chain signed it and its number is higher, and keeps it. Errors
 * of verifying it; KC_STALE_STATE: it is no newer; KC_WRONG_DOMAIN: another bank's. *told is as before then. What cannot be
 * written is held all the same. */
KC_MUST_USE struct kc_result kc_told_take(struct kc_told *told, const struct kc_told_place *place,
                                          const struct kc_bank_chain *chain, struct kc_view bytes);

/* Asks the bank for its newest keys and for a newer notice; waits for it. A bank that is away, or has neither, changes nothing.
 * What it said that does not verify is in the log. */
void kc_told_ask(struct kc_told *told, const struct kc_told_place *place,
                 struct kc_bank_chain *chain, struct kc_http_client *client);

#endif
