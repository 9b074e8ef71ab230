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
    uint8_t digest[KC_DIGEST_SIZE];
    struct kc_pair pair;
    union {
        struct kc_certify_request certify;
        struct kc_revoke_request revoke;
        struct kc_renew_certify_request renew;
        struct kc_retire_request retire;
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

/* renew.c: the bank's requests in a renewal. */
KC_MUST_USE struct kc_result kc_authority_renew(struct kc_buffer *reply,
                                                struct kc_authority_request *request,
                                                struct kc_authority *authority);
KC_MUST_USE struct kc_result kc_authority_retire(struct kc_buffer *reply,
                                                 struct kc_authority_request *request,
                                                 struct kc_authority *authority);

#endif
