/* The bank's word on the authority's newest keys (docs/protocol.md "The authority's new keys at the purses"): the record
 * authority-notice, signed by the bank's key in force. Its number only grows, and the newest one counts alone. */
#ifndef KC_MESSAGE_NOTICE_H
#define KC_MESSAGE_NOTICE_H

#include "message/cose.h"
#include "message/generated/messages.h"

/* The largest, signed: RSA of 3072 bits, the bank's and the authority's keys. */
#define KC_NOTICE_SIZE_MAX 2432u
/* Of the issuing certificate in it. */
#define KC_NOTICE_ISSUER_SIZE_MAX 1024u
/* The highest number, of 18 digits: the bank is asked for what comes after one (GET /v1/notice?after=N). */
#define KC_NOTICE_NUMBER_MAX UINT64_C(999999999999999999)

struct kc_noticed_keys {
    uint64_t bank;
    uint64_t number;
    uint64_t time_ms;
    struct kc_view issuer; /* DER, in the bytes that were read */
    uint64_t from_ms;
    struct kc_public_key verify_key;
    struct kc_public_key encrypt_key;
    uint8_t root[KC_DIGEST_SIZE];
};

/* Makes and signs it. KC_BUFFER_SMALL, KC_TOO_LARGE (the certificate), KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_notice_make(struct kc_buffer *out, const struct kc_crypto *crypto,
                                            const struct kc_signer *signer,
                                            const struct kc_realm *realm,
                                            const struct kc_noticed_keys *notice);

/* Takes it apart without verifying; *parsed is what a signature is verified over. KC_MALFORMED (also for number 0, one above
 * KC_NOTICE_NUMBER_MAX and an empty certificate), KC_TOO_LARGE and the decoder's errors. */
KC_MUST_USE struct kc_result kc_notice_read(struct kc_noticed_keys *out, struct kc_signed *parsed,
                                            struct kc_view bytes);

/* The number of it, not verified; 0 for what is none. */
uint64_t kc_notice_number(struct kc_view bytes);

#endif
