/* Identity of a purse (SGN1, SGN3): a CWT (RFC 8392) signed by the bank, with the purse's public signature key in
 * the confirmation claim (RFC 8747), so that two purses verify each other without a directory.
 *
 * Claims, in deterministic order: 2 sub = account number as text, 4 exp, 6 iat (seconds), 8 cnf = {1: COSE_Key},
 * -65538: [purse type, purse number, bank id]. A bearer card has no key, and no cnf; last in its claims stands -65539, the secret
 * with which its orders are marked, so that only who met the card can write one.
 * Signed in the brief form under `kinchaku/2-identity`. */
#ifndef KC_MESSAGE_IDENTITY_H
#define KC_MESSAGE_IDENTITY_H

#include "message/cose.h"
#include "message/generated/messages.h"

#define KC_IDENTITY_DOMAIN "kinchaku/2-identity"

struct kc_identity {
    uint64_t bank;
    enum kc_purse_type purse_type;
    struct kc_account_id account;
    struct kc_purse_id purse;
    uint64_t issued_s;
    uint64_t expires_s;
    struct kc_public_key key;           /* of no type for a bearer card */
    uint8_t secret[KC_MAC_SECRET_SIZE]; /* of a bearer card; else zeros */
};

/* The CWT claims set, unsigned, with a key where there is one; KC_BUFFER_SMALL. */
KC_MUST_USE struct kc_result kc_identity_encode(struct kc_buffer *out,
                                                const struct kc_identity *identity);

/* Reads claims strictly: a bearer card has no key, any other purse has one. KC_MALFORMED and the cursor's errors. */
KC_MUST_USE struct kc_result kc_identity_decode(struct kc_identity *out, struct kc_view claims);

/* Signs an identity as the bank does. */
KC_MUST_USE struct kc_result kc_identity_sign(struct kc_buffer *out, const struct kc_crypto *crypto,
                                              const struct kc_private_key *bank,
                                              const struct kc_realm *realm,
                                              const struct kc_identity *identity);

/* Verifies and decodes with the bank's public key. Errors of kc_brief_verify; KC_WRONG_DOMAIN when the bank id
 * inside is another. Expiry is the caller's to check. */
KC_MUST_USE struct kc_result kc_identity_open(struct kc_identity *out,
                                              const struct kc_crypto *crypto,
                                              const struct kc_public_key *bank_key,
                                              const struct kc_realm *realm, struct kc_view bytes);

#endif
