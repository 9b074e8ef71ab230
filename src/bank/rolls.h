/* The bank's keys over time (docs/protocol.md "New keys of the bank"): generation 0 is sign and encrypt in the bank's folder,
 * generation N sign-N and encrypt-N, and roll-N.cose the record that leads to it. The newest record there decides which keys
 * are in force: it is written last, whole, and nothing else has to change with it.
 *
 * Making new ones, each step of which may be cut and repeated:
 *   step                        in the folder                 after a cut
 *   plan                        roll-N.plan                   the same plan goes on
 *   keys                        sign-N.pub, encrypt-N.pub     keys that are there stay
 *   the authority certifies     sign-N.crt, encrypt-N.crt     the same keys get what was issued
 *   the record                  roll-N.cose                   old keys, or new ones: never half
 */
#ifndef KC_BANK_ROLLS_H
#define KC_BANK_ROLLS_H

#include "bank/config.h"
#include "message/roll.h"

#define KC_ROLLS_MAX 32u

/* A generation whose time ended, or ends. */
struct kc_former_keys {
    struct kc_public_key sign_public;
    struct kc_signer_id id;
    struct kc_private_key encrypt_key; /* of no type when it is kept no more */
    uint64_t
        until_ms; /* 0 when another key followed the next one: that ended it, whatever its own record says */
};

struct kc_bank_keys {
    uint64_t generation; /* how often they rolled over */
    struct kc_private_key sign_key;
    struct kc_private_key encrypt_key;
    struct kc_public_key sign_public;
    struct kc_former_keys formers[KC_ROLLS_MAX]; /* by generation; the first `generation` */
    size_t roll_sizes[KC_ROLLS_MAX];
    uint8_t rolls[KC_ROLLS_MAX][KC_ROLL_SIZE_MAX];
};

/* Opens all generations, and checks that each record leads from one to the next. With `all` the encryption keys of formers whose
 * time is over are opened, too, as far as they are kept. Errors of kc_key_pair_open and kc_roll_open; KC_CONFIG_INVALID when a
 * record does not fit its keys. Closed by kc_bank_keys_close in any case. */
KC_MUST_USE struct kc_result kc_bank_keys_open(struct kc_bank_keys *out,
                                               const struct kc_crypto *crypto,
                                               const struct kc_realm *realm, const char *folder,
                                               const struct kc_key_places *places, bool all);
void kc_bank_keys_close(struct kc_bank_keys *keys);

/* The record of a number, 0 for the newest. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_bank_keys_roll(struct kc_view *out, const struct kc_bank_keys *keys,
                                               uint64_t number);

/* The former public key that a signer id names, or NULL. */
const struct kc_public_key *kc_bank_keys_former(const struct kc_bank_keys *keys,
                                                const struct kc_signer_id *id);

/* Opens what was sealed for the bank. KC_BANK_KEY_ENDED: for an old key, whose time is over. Errors of kc_unseal. */
KC_MUST_USE struct kc_result kc_bank_keys_unseal(struct kc_buffer *plain,
                                                 const struct kc_bank_keys *keys,
                                                 const struct kc_crypto *crypto,
                                                 const struct kc_realm *realm, const char *domain,
                                                 struct kc_view sealed, uint64_t now_ms);

/* What the operator wants of a roll-over. */
struct kc_roll_wish {
    uint64_t days;     /* the old keys' time from now on */
    const char *token; /* a PKCS#11 URI for the new keys, or NULL: files */
    bool emergency; /* even while the keys before the old ones are still in force: those end now */
};

/* How far it came. */
struct kc_roll_state {
    uint64_t number;
    bool planned; /* keys are there, and wait for their certificates */
    bool done;    /* the record is written: they are in force */
    uint64_t until_ms;
};

/* Makes whatever step comes next; with `wish` NULL only for a roll-over that was begun. KC_PENDING: the keys before the old
 * ones are still in force. KC_TOO_LARGE: KC_ROLLS_MAX generations are there. Errors of each step; what was done stays, and is
 * gone on with. */
KC_MUST_USE struct kc_result kc_bank_roll(struct kc_roll_state *out, const struct kc_crypto *crypto,
                                          const struct kc_bank_config *config, const char *folder,
                                          const struct kc_roll_wish *wish);

#endif
