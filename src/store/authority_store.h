/* The authority's database: certificates that were issued, and the answers given, over SQLite (WAL, synchronous=FULL). */
#ifndef KC_STORE_AUTHORITY_STORE_H
#define KC_STORE_AUTHORITY_STORE_H

#include "base/limits.h"
#include "crypto/port.h"
#include "crypto/x509.h"

struct kc_authority_store;

struct kc_issued {
    uint8_t serial[KC_SERIAL_SIZE];
    uint64_t holder; /* account or server number */
    uint64_t use;    /* enum kc_profile */
    uint64_t expires_ms;
    uint64_t revoked_ms; /* 0: not revoked */
    uint64_t reason;
    size_t der_size;
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
};

KC_MUST_USE struct kc_result kc_authority_store_open(struct kc_authority_store **out,
                                                     const char *path);
void kc_authority_store_close(struct kc_authority_store *store);

KC_MUST_USE struct kc_result kc_authority_store_begin(struct kc_authority_store *store);
/* Durable at return. */
KC_MUST_USE struct kc_result kc_authority_store_commit(struct kc_authority_store *store);
void kc_authority_store_rollback(struct kc_authority_store *store);

KC_MUST_USE struct kc_result kc_authority_store_add(struct kc_authority_store *store,
                                                    const struct kc_issued *issued,
                                                    const uint8_t request[KC_DIGEST_SIZE]);

/* Calls back for certificates: of one request, of one holder, all that are revoked and not past their end, or all. */
typedef bool (*kc_issued_visit)(void *owner, const struct kc_issued *issued);
KC_MUST_USE struct kc_result kc_authority_store_of_request(struct kc_authority_store *store,
                                                           const uint8_t request[KC_DIGEST_SIZE],
                                                           kc_issued_visit visit, void *owner);
KC_MUST_USE struct kc_result kc_authority_store_of_holder(struct kc_authority_store *store,
                                                          uint64_t holder, kc_issued_visit visit,
                                                          void *owner);
KC_MUST_USE struct kc_result kc_authority_store_revoked(struct kc_authority_store *store,
                                                        uint64_t now_ms, kc_issued_visit visit,
                                                        void *owner);
/* The one with a serial, if there is one. */
KC_MUST_USE struct kc_result kc_authority_store_of_serial(struct kc_authority_store *store,
                                                          const uint8_t serial[KC_SERIAL_SIZE],
                                                          kc_issued_visit visit, void *owner);
/* All, by holders; and those of holders with a higher number than this one. */
KC_MUST_USE struct kc_result kc_authority_store_all(struct kc_authority_store *store,
                                                    kc_issued_visit visit, void *owner);
KC_MUST_USE struct kc_result kc_authority_store_behind(struct kc_authority_store *store,
                                                       uint64_t holder, kc_issued_visit visit,
                                                       void *owner);

/* Revokes every certificate of a holder that is not revoked yet; *count says how many. */
KC_MUST_USE struct kc_result kc_authority_store_revoke(struct kc_authority_store *store,
                                                       size_t *count, uint64_t holder,
                                                       uint64_t time_ms, uint64_t reason);

/* The same, but for the two with these serials. */
KC_MUST_USE struct kc_result kc_authority_store_retire(struct kc_authority_store *store,
                                                       size_t *count, uint64_t holder,
                                                       const uint8_t sign[KC_SERIAL_SIZE],
                                                       const uint8_t encrypt[KC_SERIAL_SIZE],
                                                       uint64_t time_ms, uint64_t reason);

/* Revokes these two, unless they are revoked. */
KC_MUST_USE struct kc_result kc_authority_store_revoke_pair(struct kc_authority_store *store,
                                                            const uint8_t sign[KC_SERIAL_SIZE],
                                                            const uint8_t encrypt[KC_SERIAL_SIZE],
                                                            uint64_t time_ms, uint64_t reason);

/* Calls back for the certificates that were issued by the same request as this one, to this holder. */
KC_MUST_USE struct kc_result kc_authority_store_with(struct kc_authority_store *store,
                                                     uint64_t holder,
                                                     const uint8_t serial[KC_SERIAL_SIZE],
                                                     kc_issued_visit visit, void *owner);

/* ---- certificates made anew by the next issuer, after a root's list ended theirs ---- */

/* The first certificate behind a serial number that is neither revoked nor past its end. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_authority_store_next(struct kc_authority_store *store,
                                                     struct kc_issued *out,
                                                     const uint8_t after[KC_SERIAL_SIZE],
                                                     uint64_t now_ms);
/* Puts `anew` in the place of `old`, whose serial number it has; that is kept among the former ones, by its digest, as revoked at
 * this time. Within a transaction of the caller's. */
KC_MUST_USE struct kc_result kc_authority_store_replace(struct kc_authority_store *store,
                                                        const struct kc_issued *anew,
                                                        const struct kc_issued *old,
                                                        const uint8_t digest[KC_DIGEST_SIZE],
                                                        uint64_t time_ms, uint64_t reason);
/* Calls back for the former one with this digest, for those with a serial number. */
KC_MUST_USE struct kc_result kc_authority_store_former_by(struct kc_authority_store *store,
                                                          const uint8_t digest[KC_DIGEST_SIZE],
                                                          kc_issued_visit visit, void *owner);
KC_MUST_USE struct kc_result
kc_authority_store_former_of_serial(struct kc_authority_store *store,
                                    const uint8_t serial[KC_SERIAL_SIZE], kc_issued_visit visit,
                                    void *owner);

/* ---- keys that the authority made for an account; one row an account ---- */

#define KC_MADE_SIZE_MAX 3072u

struct kc_made {
    uint64_t account;
    uint8_t sign_serial[KC_SERIAL_SIZE]; /* of their certificates */
    uint8_t encrypt_serial[KC_SERIAL_SIZE];
    uint64_t made_ms;
    uint64_t
        given_ms; /* time stamp of the last request that was answered with them, by its purse; 0: none */
    size_t keys_size;               /* 0: the private keys are gone */
    uint8_t keys[KC_MADE_SIZE_MAX]; /* the private keys, sealed */
};

/* Replaces the account's row. */
KC_MUST_USE struct kc_result kc_authority_store_made_put(struct kc_authority_store *store,
                                                         const struct kc_made *made);
/* KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_authority_store_made_get(struct kc_authority_store *store,
                                                         struct kc_made *out, uint64_t account);
KC_MUST_USE struct kc_result kc_authority_store_made_remove(struct kc_authority_store *store,
                                                            uint64_t account);
/* The first one made before that time whose private keys are there, or which no purse got. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_authority_store_made_due(struct kc_authority_store *store,
                                                         struct kc_made *out, uint64_t before_ms);
/* What was removed or written over leaves the files as well: pages are zeroed as they are freed, and here the log goes. Again
 * later when a reader holds it: KC_BUSY. */
KC_MUST_USE struct kc_result kc_authority_store_clean(struct kc_authority_store *store);
/* Revokes the certificate of that serial, unless it is revoked already. */
KC_MUST_USE struct kc_result kc_authority_store_revoke_one(struct kc_authority_store *store,
                                                           const uint8_t serial[KC_SERIAL_SIZE],
                                                           uint64_t time_ms, uint64_t reason);

/* Notes that everything was certified anew by this issuer, by its certificate's number, and whether that was noted. Durable. */
KC_MUST_USE struct kc_result kc_authority_store_take(struct kc_authority_store *store,
                                                     const uint8_t issuer[KC_SERIAL_SIZE]);
KC_MUST_USE struct kc_result kc_authority_store_taken(struct kc_authority_store *store, bool *out,
                                                      const uint8_t issuer[KC_SERIAL_SIZE]);

/* The next number of a revocation list; grows with every call. Durable. */
KC_MUST_USE struct kc_result kc_authority_store_crl_number(struct kc_authority_store *store,
                                                           uint64_t *out);

#endif
