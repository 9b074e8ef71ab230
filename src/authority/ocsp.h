/* The authority's responder: says at once, by OCSP (RFC 6960), whether a certificate was revoked. POST /ocsp, GET /ocsp/BASE64.
 *
 * Anybody may ask, so the issuing key has no part in an answer: it certifies a key that is made at every start, lives in memory
 * only and is replaced long before its certificate ends. And a question waits for nothing that the authority does otherwise, such
 * as a directory that is slow: the responder reads the database over a connection of its own. What it says is what is durable
 * there, so it says "revoked" from the commit on, before the list is published. */
#ifndef KC_AUTHORITY_OCSP_H
#define KC_AUTHORITY_OCSP_H

#include <pthread.h>

#include "authority/authority.h"
#include "crypto/ocsp.h"
#include "service/http_server.h"

struct kc_responder {
    pthread_mutex_t lock; /* around everything below */
    struct kc_authority_store *store;
    char folder[KC_PATH_SIZE_MAX]; /* the authority's */
    /* One for each issuer, for an answer has to be by whom the issuer in question certified. None yet: whoever asks is told to
     * come again. */
    struct kc_ocsp_signer *signers[KC_ISSUERS_MAX];
    size_t signer_count;
    struct kc_view issuers[KC_ISSUERS_MAX]; /* the authority's */
    uint64_t from_ms;                       /* when the signers' certificates are young enough */
    uint64_t until_ms;
    uint64_t life_ms; /* of an answer */
    uint64_t list_ms; /* of a list */
};

/* Opens D/authority's database a second time. The store's errors; close it in any case. */
KC_MUST_USE struct kc_result kc_responder_open(struct kc_responder *responder, const char *dir);
void kc_responder_close(struct kc_responder *responder);

/* Makes a key and a certificate for it by each issuer when that is due; with the authority's lock held. For one that ended, and
 * whose key cannot be reached, none: nobody answers for it. With an error everything is as before. As kc_certificate_make,
 * kc_authority_store_add. */
KC_MUST_USE struct kc_result kc_responder_certify(struct kc_responder *responder,
                                                  struct kc_authority *authority);

/* Answers a DER question into `out`, at `now_ms`; the result is for the log. */
struct kc_result kc_responder_answer(struct kc_buffer *out, struct kc_responder *responder,
                                     struct kc_view question, uint64_t now_ms);

/* Answers an exchange whose path is the responder's, and says whether it was. */
bool kc_responder_handle(struct kc_responder *responder, struct kc_http_exchange *exchange,
                         const struct kc_http_request *request);

#endif
