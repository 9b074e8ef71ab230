/* What the files that answer requests share. Internal to this room. */
#ifndef KC_AUTHORITY_REQUEST_H
#define KC_AUTHORITY_REQUEST_H

#include "authority/authority.h"
#include "message/generated/messages.h"

/* A request being handled. */
struct kc_authority_request {
    struct kc_signed envelope;
    const struct kc_shape *shape;
    uint64_t sender;
    struct kc_public_key sender_sign;
    struct kc_public_key sender_encrypt;
    uint8_t sender_serial[KC_SERIAL_SIZE]; /* of the certificate that the signature verified by */
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_pair pair;
    const struct kc_own_keys
        *by; /* a former pair that it was sealed for, and that answers; NULL: the one in force */
    union {
        struct kc_certify_request certify;
        struct kc_revoke_request revoke;
        struct kc_renew_certify_request renew;
        struct kc_retire_request retire;
        struct kc_keys_request keys;
        struct kc_key_request key;
        struct kc_key_confirm confirm;
    } message;
};

KC_MUST_USE struct kc_result kc_authority_reply(struct kc_buffer *reply,
                                                struct kc_authority *authority,
                                                const struct kc_authority_request *request,
                                                uint64_t time_ms, const struct kc_shape *shape,
                                                const void *message);
/* New certificates into request->pair, or the ones that were issued for the same keys before. KC_ALREADY_EXISTS when the account
 * has good ones for other keys, unless these are to stand beside them. */
KC_MUST_USE struct kc_result kc_authority_issue_or_find(struct kc_authority_request *request,
                                                        struct kc_authority *authority,
                                                        const struct kc_certify_request *certify,
                                                        bool beside);
/* Answers with request->pair. */
KC_MUST_USE struct kc_result kc_authority_give_pair(struct kc_buffer *reply,
                                                    struct kc_authority *authority,
                                                    const struct kc_authority_request *request);

/* KC_MISMATCH unless the signer's certificate is the newest of its account, and this its digest. */
KC_MUST_USE struct kc_result kc_authority_check_newest(struct kc_authority_request *request,
                                                       struct kc_authority *authority,
                                                       const uint8_t certificate[KC_DIGEST_SIZE]);
/* made.c: every certificate of the account but these two is revoked, and what private keys wait for it go with that. */
KC_MUST_USE struct kc_result kc_authority_end_old(size_t *count, struct kc_authority *authority,
                                                  uint64_t account,
                                                  const uint8_t sign[KC_SERIAL_SIZE],
                                                  const uint8_t encrypt[KC_SERIAL_SIZE]);

/* Certificates of the account are revoked: publishes list and account, and answers that it is done. `word` is for the log. */
KC_MUST_USE struct kc_result kc_authority_answer_ended(struct kc_buffer *reply,
                                                       struct kc_authority *authority,
                                                       const struct kc_authority_request *request,
                                                       const char *word, uint64_t account,
                                                       size_t count);

/* renew.c: the bank's requests in a renewal. */
KC_MUST_USE struct kc_result kc_authority_renew(struct kc_buffer *reply,
                                                struct kc_authority_request *request,
                                                struct kc_authority *authority);
KC_MUST_USE struct kc_result kc_authority_retire(struct kc_buffer *reply,
                                                 struct kc_authority_request *request,
                                                 struct kc_authority *authority);

/* renew.c: KC_PENDING when an account has as many good pairs beside each other as it may. */
KC_MUST_USE struct kc_result kc_authority_check_beside(struct kc_authority *authority,
                                                       uint64_t account);

#endif
