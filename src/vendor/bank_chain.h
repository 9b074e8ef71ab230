/* The bank's keys as a vendor server knows them: the one that its keeper pinned, and those that records of the bank lead to
 * from there (docs/protocol.md "New keys of the bank"). The records stand in the server's folder as roll-N.cose; workers
 * write one after the other, and what is there already not again. */
#ifndef KC_VENDOR_BANK_CHAIN_H
#define KC_VENDOR_BANK_CHAIN_H

#include "message/identity.h"
#include "message/roll.h"
#include "service/http_client.h"

#define KC_BANK_CHAIN_MAX 33u

struct kc_bank_chain {
    size_t
        count; /* of keys, the pinned one first; each but the last has the record that ended it */
    struct kc_public_key keys[KC_BANK_CHAIN_MAX];
    uint64_t until_ms[KC_BANK_CHAIN_MAX];
    uint64_t numbers[KC_BANK_CHAIN_MAX];
};

/* From the folder. Records that do not fit are passed over: they are not the bank's. */
void kc_bank_chain_load(struct kc_bank_chain *out, const char *dir,
                        const struct kc_public_key *pinned, const struct kc_crypto *crypto,
                        const struct kc_realm *realm);

/* Asks the bank for records that go on from the newest key, and keeps them. True when there were some. */
bool kc_bank_chain_learn(struct kc_bank_chain *chain, const char *dir, const char *url,
                         struct kc_http_client *client, const struct kc_crypto *crypto,
                         const struct kc_realm *realm);

/* Opens an identity; *at is which key signed it. KC_BANK_KEY_ENDED: one whose time is over; *out is filled all the same.
 * Errors of kc_identity_open. */
KC_MUST_USE struct kc_result kc_bank_chain_open(struct kc_identity *out, size_t *at,
                                                const struct kc_bank_chain *chain,
                                                const struct kc_crypto *crypto,
                                                const struct kc_realm *realm, struct kc_view bytes,
                                                uint64_t now_ms);

/* Of the server's folder: taken by a worker that writes what the bank signed. All of them may ask at the same moment, and files
 * are replaced under one name of this process. */
void kc_bank_files_lock(void);
void kc_bank_files_unlock(void);

/* The record that ended key `at`. Errors of reading it. */
KC_MUST_USE struct kc_result kc_bank_chain_roll(struct kc_buffer *out,
                                                const struct kc_bank_chain *chain, const char *dir,
                                                size_t at);

#endif
