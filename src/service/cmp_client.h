/* CMP over HTTP (RFC 6712): certificates and revocations from an authority that speaks it, as registrar or bank. */
#ifndef KC_SERVICE_CMP_CLIENT_H
#define KC_SERVICE_CMP_CLIENT_H

#include "crypto/cmp.h"
#include "service/http_client.h"

/* How a server reaches its authority: a configuration's section [authority]. */
struct kc_cmp_place {
    char protocol[16];               /* kinchaku or cmp */
    char path[64];                   /* where CMP is answered, behind the authority's address */
    char name[KC_SUBJECT_SIZE - 1u]; /* the common name that answers */
};

/* KC_CONFIG_INVALID for a protocol that is neither. */
KC_MUST_USE struct kc_result kc_cmp_place_check(const struct kc_cmp_place *place);
bool kc_cmp_place_speaks(const struct kc_cmp_place *place);

struct kc_cmp_client {
    struct kc_http_client *http;
    const char *url;
    const struct kc_cmp_place *place;
    struct kc_view certificate; /* of the key below */
    const struct kc_private_key *key;
    const struct kc_view *issuers;
    size_t issuer_count;
    const struct kc_view *roots; /* of each, the one that it is by */
    /* As kc_cmp_asker's. */
    bool (*is_revoked)(void *lists, struct kc_view der);
    void *lists;
    unsigned timeout_ms;
};

/* Both certificates of an account, for keys whose proof was checked; each into memory of KC_CERTIFICATE_SIZE_MAX bytes. As
 * kc_cmp_certify; the first may have been issued when the second fails. */
KC_MUST_USE struct kc_result
kc_cmp_client_certify(struct kc_buffer *sign, struct kc_buffer *encrypt,
                      const struct kc_cmp_client *client, uint64_t account,
                      const struct kc_public_key *sign_key, const struct kc_public_key *encrypt_key,
                      uint64_t expires_ms);

/* Revokes one; done too when it was revoked before. */
KC_MUST_USE struct kc_result kc_cmp_client_revoke(const struct kc_cmp_client *client,
                                                  struct kc_view certificate, unsigned reason);

/* Both certificates of a pair by their numbers, under the issuer (a certificate) that made them. One that fails does not spare
 * the other. KC_NOT_FOUND: the authority does not know both of these numbers, and one that it knows is revoked. */
KC_MUST_USE struct kc_result kc_cmp_client_revoke_pair(const struct kc_cmp_client *client,
                                                       struct kc_view issuer,
                                                       const uint8_t sign[KC_SERIAL_SIZE],
                                                       const uint8_t encrypt[KC_SERIAL_SIZE],
                                                       unsigned reason);

/* What is to be said of two revocations: the first error that asking again may mend; else KC_NOT_FOUND, which it does not. */
struct kc_result kc_cmp_client_both(struct kc_result first, struct kc_result then);

#endif
