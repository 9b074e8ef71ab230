/* The keys that an accused purse had, one after the other, with where each ended; for evidence files. */
#ifndef KC_BANK_ACCUSED_H
#define KC_BANK_ACCUSED_H

#include "bank/evidence.h"

/* The newest ones of a purse; those before ended longer ago than anything waits. */
#define KC_ACCUSED_KEYS_MAX 8u

/* An item with the memory that it points into. */
struct kc_kept_item {
    struct kc_evidence_item item;
    size_t signer;   /* which of the accused's keys; KC_ACCUSED_KEYS_MAX: none */
    uint64_t newest; /* the newest counter that it speaks of */
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
};

struct kc_accused_key {
    struct kc_public_key key;
    size_t identity_size;
    uint8_t identity[KC_RECORD_SIZE_MAX]; /* as the bank signs it for the file */
    uint64_t close_counter;               /* of the entry that ended it; 0 for the one in force */
    bool has_close;
    struct kc_kept_item close; /* the report under the key after it that shows this entry */
};

struct kc_accused {
    bool
        in_order; /* else they are all keys that are known of the account, and which was when nobody knows */
    size_t count;
    struct kc_accused_key keys[KC_ACCUSED_KEYS_MAX];
};

void kc_kept_put(struct kc_kept_item *out, enum kc_proof_kind kind, struct kc_view bytes);

/* A purse's envelope with its content key; false when no key that the bank has opens it. */
bool kc_kept_envelope(struct kc_kept_item *out, const struct kc_prover *prover,
                      struct kc_view bytes);

/* The bank's word on who holds a key: the account and its times as the books have them. Errors of the store, KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_accused_identity(struct kc_buffer *out,
                                                 const struct kc_prover *prover,
                                                 const struct kc_purse_row *purse,
                                                 const struct kc_public_key *key);

/* Loads the keys of a purse. Errors of the store, KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_accused_load(struct kc_accused *out, const struct kc_prover *prover,
                                             const struct kc_purse_row *purse);

#endif
