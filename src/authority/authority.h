/* The authority (CA): certificates for users and servers, the revocation list, both published in the directory. Renewal is in
 * renew.c (the bank's requests) and made.h (keys that are made here), the responder in ocsp.h, certificates by CMP in cmp.c.
 *
 * The root key makes one issuing certificate at `init`, another one at each roll-over, certifies the next root and is certified
 * by it, and is read for nothing else; the issuing key signs everything else. A certificate is durable in the authority's
 * database before it is published, and published before it is answered:
 *
 *   cut after        database   directory   who recovers
 *   issue            both       -           the registrar's repeat finds the same keys, publishes, answers
 *   publish          both       both        the registrar's repeat finds the same keys, answers
 *
 * Requests are taken one at a time: of an account there are few, when it opens, renews, moves or ends. The responder alone, which
 * everybody may ask, waits for none of them. */
#ifndef KC_AUTHORITY_AUTHORITY_H
#define KC_AUTHORITY_AUTHORITY_H

#include <pthread.h>
#include <stdatomic.h>

#include "crypto/cmp.h"
#include "crypto/x509.h"
#include "directory/directory.h"
#include "message/cose.h"
#include "service/files.h"
#include "service/keys.h"
#include "store/authority_store.h"

#define KC_REVOCATIONS_KEPT 64u
/* How long a server's certificates are good, if the issuing one is. */
#define KC_SERVER_LIFE_MS (UINT64_C(3650) * 86400000)
/* Certificates begin that long before they are made, for clocks that are behind. */
#define KC_BEFORE_MS UINT64_C(300000)

struct kc_authority_config {
    uint64_t bank;
    char currency[4];
    char address[64];
    uint64_t port;
    char directory_url[KC_URL_SIZE_MAX + 1];
    uint64_t crl_ms;
    uint64_t clock_ms;
    uint64_t outside_ms;
    uint64_t account_ms; /* the longest life of a user's certificate */
    uint64_t keys_ms;    /* how long private keys that were made here wait for their purse */
    struct kc_key_places keys;
    uint64_t cmp;       /* whether CMP is spoken */
    uint64_t cmp_users; /* whether holders may ask for themselves */
    char capture[256];  /* a folder for a copy of every message; empty: none */
};

struct kc_responder;

struct kc_issuer {
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    size_t der_size;
    uint64_t from_ms;
    uint64_t expires_ms;
    bool
        ended; /* a root's list names it (emergency.h): what it issued counts no more, and is on its list */
    bool mute; /* it ended, and its list could not be made: that is in the log once */
    struct kc_private_key key;
};

/* One of those whose key is kept no more. */
struct kc_ended_issuer {
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    size_t der_size;
};

/* A root, its list, and for all but the newest what it and the next one certified of each other, as a pair. */
struct kc_authority_root {
    uint64_t number;
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    size_t der_size;
    uint8_t pair[KC_CERTIFICATE_PAIR_SIZE_MAX];
    size_t pair_size;
    uint8_t list[KC_ROOT_LIST_SIZE_MAX]; /* of issuers that it ended */
    size_t list_size;
};

/* The authority's own keys of an earlier generation (own.h). */
#define KC_OWN_FORMERS_MAX 4u
struct kc_own_keys {
    struct kc_private_key sign_key;
    struct kc_private_key encrypt_key;
    struct kc_signer_id signer_id;
    uint64_t until_ms;
};

struct kc_authority {
    struct kc_authority_config config;
    char folder[KC_PATH_SIZE_MAX];
    struct kc_responder *responder; /* while it serves */
    struct kc_realm realm;
    struct kc_crypto crypto;
    struct kc_authority_store *store;
    struct kc_directory *directory;
    pthread_mutex_t lock; /* around everything below a request or a publication */
    atomic_bool stopping;
    struct kc_private_key sign_key;
    struct kc_private_key encrypt_key;
    struct kc_signer_id signer_id;
    uint64_t own_generation; /* of those three */
    struct kc_own_keys formers[KC_OWN_FORMERS_MAX];
    size_t former_count;
    /* The first is the newest and issues; the others have not ended, and sign their lists. */
    struct kc_issuer issuers[KC_ISSUERS_MAX];
    size_t issuer_count;
    struct kc_ended_issuer ended[KC_ISSUERS_MAX];
    size_t ended_count;
    /* The newest first. */
    struct kc_authority_root roots[KC_ROOTS_MAX];
    size_t root_count;
    uint64_t shown_to; /* after an emergency the directory shows holders up to this one anew */
    struct kc_envelope_work work;
    uint8_t plain[KC_PLAIN_SIZE_MAX];
    /* Digests of the revocations carried out last. A repeat is answered and published again, but revokes nothing: the account may
     * have got new certificates since. */
    uint8_t revocations[KC_REVOCATIONS_KEPT][KC_DIGEST_SIZE];
    size_t revocation_count;
    bool unclean;              /* a private key that is gone may still stand in the files */
    struct kc_cmp_server *cmp; /* NULL when CMP is not spoken */
};

/* Makes root, issuing and own keys, certificates, configuration and the directory's password in D/root and D/authority, as far
 * as they are missing. With `token`, a PKCS#11 URI or NULL, a new configuration has every key but the root's in that token. */
KC_MUST_USE struct kc_result kc_authority_init(const char *dir, uint64_t bank, const char *currency,
                                               unsigned port, const char *directory_url,
                                               const char *token);

/* Makes another issuing key and its certificate by the newest root, or goes on with that; *number is its number. `token` is a
 * PKCS#11 URI, or NULL for a file. KC_IN_USE while the authority serves; as kc_issuers_roll (authority/issuers.h). */
KC_MUST_USE struct kc_result kc_authority_roll(uint64_t *number, const char *dir,
                                               const char *token);
/* Makes another issuing key in an emergency, because those before it are stolen, or goes on with that: they count no more, and
 * whatever they had certified and is good is certified anew, and shown by the next start. As kc_authority_roll, but never
 * KC_PENDING; also the store's errors. */
KC_MUST_USE struct kc_result kc_authority_roll_emergency(uint64_t *number, const char *dir,
                                                         const char *token);
/* Makes another root, what it and the present one certify of each other, and an issuing key below it, or goes on with that;
 * *number is the root's. The present root counts below the next one for that many days, 0: to its end. KC_IN_USE while the
 * authority serves; as kc_roots_roll (authority/roots.h) and kc_issuers_roll. */
KC_MUST_USE struct kc_result kc_authority_roll_root(uint64_t *number, const char *dir,
                                                    uint64_t days, const char *token);

/* The newest issuing key or root, and how long others count. */
struct kc_roll_ends {
    uint64_t from_ms; /* the newest begins */
    uint64_t
        until_ms; /* the one before it counts; of the first, its own end; not past from_ms: it ended */
    uint64_t next_ms; /* when the next of those that count ends: of the roots, or of the issuers */
    unsigned most;    /* so many count at a time */
    bool
        roots; /* next_ms and most are the roots', which are as many as may count; else the issuers' */
};
/* KC_FILE_MISSING, KC_CERT_INVALID. */
KC_MUST_USE struct kc_result kc_authority_roll_ends(struct kc_roll_ends *out, const char *dir,
                                                    bool root);

/* Whether the newest root's certificate or key, which every roll-over wants, is not in its folder; its path then. */
bool kc_authority_lacks_root(char path[KC_PATH_SIZE_MAX], const char *dir);

/* Opens what init made. KC_FILE_MISSING, KC_CONFIG_INVALID, KC_KEY_PERMISSIONS, the store's errors; close it in any case. */
KC_MUST_USE struct kc_result kc_authority_open(struct kc_authority *authority, const char *dir);
/* The database alone, to read it: no key and no password has to be there. As kc_authority_open. */
KC_MUST_USE struct kc_result kc_authority_open_database(struct kc_authority *authority,
                                                        const char *dir);
void kc_authority_close(struct kc_authority *authority);

/* Makes one certificate, which is stored nowhere yet, as ordered but with a serial of its own and no longer than the issuing one.
 * KC_CERT_EXPIRED when that time is past, KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_authority_make(struct kc_issued *out,
                                               struct kc_authority *authority,
                                               const struct kc_issuer *by, uint64_t holder,
                                               const struct kc_certificate_order *wanted);

/* Issues both certificates of a holder into the database. *sign and *encrypt are filled. KC_CERT_EXPIRED when the issuing
 * certificate has ended, KC_CRYPTO_FAILED, the store's errors: nothing is issued then. */
KC_MUST_USE struct kc_result
kc_authority_issue(struct kc_issued *sign, struct kc_issued *encrypt,
                   struct kc_authority *authority, uint64_t holder, const char *subject,
                   const struct kc_public_key *sign_key, const struct kc_public_key *encrypt_key,
                   uint64_t expires_ms, const uint8_t request[KC_DIGEST_SIZE]);

/* The same, with keys that were made here; their serials are put into *made, and both are durable together. */
KC_MUST_USE struct kc_result
kc_authority_issue_made(struct kc_issued *sign, struct kc_issued *encrypt,
                        struct kc_authority *authority, uint64_t holder, const char *subject,
                        const struct kc_public_key *sign_key,
                        const struct kc_public_key *encrypt_key, uint64_t expires_ms,
                        const uint8_t request[KC_DIGEST_SIZE], struct kc_made *made);
/* One of the two, as CMP asks for them, by an issuer of the authority. */
KC_MUST_USE struct kc_result
kc_authority_issue_one(struct kc_issued *out, struct kc_authority *authority,
                       const struct kc_issuer *by, enum kc_profile profile, uint64_t holder,
                       const char *subject, const struct kc_public_key *key, uint64_t expires_ms,
                       const uint8_t request[KC_DIGEST_SIZE]);

/* Whether `a` counts where both are good: of two that end together, as all do that outlast their issuer, the later one. */
bool kc_authority_outlasts(const struct kc_issued *a, const struct kc_issued *b);

/* Of certificates for one use the one that begins last, good or not: whether it was revoked says whether the holder may have
 * others. One that another took the place of, confirmed or not, says nothing. */
struct kc_newest {
    uint64_t begins_ms;
    uint64_t expires_ms;
    bool revoked;
};
void kc_authority_take_newest(struct kc_newest *newest, const struct kc_issued *issued);

/* The certificates of a holder that are neither revoked nor expired and end last; counts are 0 or 1. */
struct kc_pair {
    size_t sign_count;
    size_t encrypt_count;
    struct kc_issued sign;
    struct kc_issued encrypt;
};
KC_MUST_USE struct kc_result kc_authority_pair(struct kc_pair *out, struct kc_authority *authority,
                                               uint64_t holder);
/* Whether a pair is below the newest root: when not, a server's is made anew. */
bool kc_authority_is_below_root(const struct kc_authority *authority, const struct kc_pair *pair);

/* A server's pair over these keys, below the newest root, issued unless it is there; not made anew while the issuer below a new
 * root is still to be made. As kc_authority_issue. */
KC_MUST_USE struct kc_result
kc_authority_certify_server(struct kc_pair *pair, struct kc_authority *authority, uint64_t server,
                            const struct kc_public_key *sign, const struct kc_public_key *encrypt);

/* The pair of a holder that this serial belongs to, as far as it is neither revoked nor expired. */
KC_MUST_USE struct kc_result kc_authority_pair_with(struct kc_pair *out,
                                                    struct kc_authority *authority, uint64_t holder,
                                                    const uint8_t serial[KC_SERIAL_SIZE]);

/* Puts a holder's certificates into the directory as the database has them. KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_authority_publish(struct kc_authority *authority, uint64_t holder);
/* Puts the roots, every issuer and a fresh revocation list of each there; of an issuer that ended the certificate alone when its
 * list cannot be made, and no list of a root's as long as everybody is still to be shown anew (emergency.h). */
KC_MUST_USE struct kc_result kc_authority_publish_crl(struct kc_authority *authority);
/* How long such a list is good. */
uint64_t kc_authority_list_ms(const struct kc_authority *authority);
/* The tree, every holder, and last the issuer with its list, so that a directory filled half still counts as empty. */
KC_MUST_USE struct kc_result kc_authority_publish_everybody(struct kc_authority *authority);
/* The tree, the servers, the list; everybody when the directory is empty. After an emergency what is still to be made anew is
 * made first, and then everybody is shown, once the root's list is there: KC_PENDING when only some are shown yet, for the next
 * call to go on with. As kc_emergency_take_over. */
KC_MUST_USE struct kc_result kc_authority_publish_all(struct kc_authority *authority);
/* Every holder in the database: fills an empty directory, and takes out who has no valid certificate. Ends at the first error. */
KC_MUST_USE struct kc_result kc_authority_publish_holders(struct kc_authority *authority);

/* When to publish again, by the monotonic clock: on schedule, or soon after a failure. */
uint64_t kc_authority_next_ns(uint64_t now_ns, uint64_t crl_ms, bool failed);

/* Whether a digest is that of this certificate, or of one that it was made in the place of (emergency.h). */
bool kc_authority_is_named(struct kc_authority *authority, const struct kc_issued *issued,
                           const uint8_t digest[KC_DIGEST_SIZE]);
/* Whether a certificate is by none of the issuers that count: then one that ended made it. */
bool kc_authority_is_by_ended(const struct kc_authority *authority, struct kc_view der);
/* Of the issuers that count the one that began first: it certified anew what those that ended had certified. */
const struct kc_issuer *kc_authority_first_issuer(const struct kc_authority *authority);

/* The name of a server number, or NULL. */
const char *kc_authority_server_name(uint64_t number);

/* Handles one envelope; *reply is an envelope when its signer was known, else empty. The error for HTTP. */
struct kc_result kc_authority_handle(struct kc_buffer *reply, struct kc_authority *authority,
                                     struct kc_view bytes);

/* Certificates by CMP (cmp.c): opens what answers, with the authority's own certificate, unless the configuration wants none. The
 * errors of kc_cmp_server_open, KC_CERT_EXPIRED. Closed by kc_authority_close. */
KC_MUST_USE struct kc_result kc_authority_cmp_open(struct kc_authority *authority);
/* Answers one message; *reply is a message also when the request is refused. The error for HTTP when it is empty. */
KC_MUST_USE struct kc_result kc_authority_cmp_answer(struct kc_buffer *reply,
                                                     struct kc_authority *authority,
                                                     struct kc_view bytes);

int kc_authority_serve(const char *dir);

#endif
