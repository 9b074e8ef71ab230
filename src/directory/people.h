/* People: who signs what a server receives, from certificates in the directory, kept in memory.
 *
 * A person is known by the signer id of a message: a number and the start of the digest of a key. The cache has a fixed
 * number of places; a place is taken over by whoever falls on it. Expiry is checked at every look-up, and the
 * revocation list too, which is fetched on schedule; when it is older than its own next update nobody new is believed.
 *
 * An authority whose issuing key rolled over has several issuers at a time, each with a list of its own: what an issuer that is
 * shown no more signed counts as long as the list of it that was fetched last. When its root rolled over too, issuers may be by
 * any root that counts (roots.h).
 *
 * An issuer that a root's list names (root_lists.h) has ended: nothing that it signed counts any more, and it stays so. What it
 * had certified, and was good, the authority certified anew by the next issuer: for the same keys, times and serial numbers, so
 * that a pair that is known by its numbers is looked for in that issuer's list from then on. */
#ifndef KC_DIRECTORY_PEOPLE_H
#define KC_DIRECTORY_PEOPLE_H

#include <pthread.h>

#include "crypto/x509.h"
#include "directory/directory.h"
#include "directory/root_lists.h"
#include "directory/roots.h"
#include "message/cose.h"

/* Which pair of certificates is meant, whoever shows it: the start of the SHA-256 of the issuer's key (COSE_Key), then the serial
 * numbers of the one for signing and the one for sealing. */
#define KC_PEOPLE_PAIR_SIZE (16 + 2 * KC_SERIAL_SIZE)

/* Places of issuers: of those that count, KC_ISSUERS_MAX at most, and of those that ended. */
#define KC_PEOPLE_ISSUERS_MAX (2 * KC_ISSUERS_MAX)

struct kc_person {
    struct kc_signer_id id;
    uint64_t number;
    struct kc_public_key sign_key;
    struct kc_public_key encrypt_key;
    uint8_t sign_serial[KC_SERIAL_SIZE];
    uint8_t encrypt_serial[KC_SERIAL_SIZE];
    uint64_t issued_ms;
    uint64_t expires_ms;
    size_t issuer; /* of both certificates: a place in the list of issuers */
};

/* An issuer that a root signed, and its list. */
struct kc_people_issuer {
    uint8_t der[KC_CERTIFICATE_SIZE_MAX];
    size_t size;
    uint8_t serial[KC_SERIAL_SIZE];
    bool ended; /* a root's list names it; it may have no list of its own then */
    uint64_t from_ms;
    uint64_t until_ms;
    size_t root; /* a place; KC_ROOTS_MAX when another has taken it */
    struct kc_crl *crl;
};

struct kc_people {
    pthread_rwlock_t lock;
    bool
        list_may_be_old; /* somebody else is asked about everybody: whom the list names is refused, and no more is wanted of it */
    size_t count;        /* a power of two */
    struct kc_person *places;
    uint64_t crl_fetched_ms;
    pthread_mutex_t roots_lock; /* around working out which roots count, which takes long */
    struct kc_roots roots;
    struct kc_root_lists root_lists;
    kc_root_keep keep;
    void *keep_owner;
    struct kc_people_issuer issuers[KC_PEOPLE_ISSUERS_MAX];
    size_t issuer_count;
    uint64_t endings;
};

/* `root` is the pinned root certificate (DER). KC_NO_MEMORY, KC_CERT_INVALID when it is none. */
KC_MUST_USE struct kc_result kc_people_open(struct kc_people *people, size_t places,
                                            struct kc_view root);
void kc_people_close(struct kc_people *people);

/* Lets the pinned root be replaced by the next one, once `keep` has kept that; before the first refresh. */
void kc_people_follow_roots(struct kc_people *people, kc_root_keep keep, void *owner);
/* Lets the newest list of each root be kept, and be known after a restart; before the first refresh. */
void kc_people_keep_lists(struct kc_people *people, kc_root_list_keep keep, kc_root_list_load load,
                          void *owner);
/* What kc_roots_update said last (struct kc_roots). */
enum kc_error kc_people_root_word(struct kc_people *people);

/* From memory. KC_NOT_FOUND (ask the directory), KC_CERT_EXPIRED, KC_CERT_REVOKED. */
KC_MUST_USE struct kc_result kc_people_find(struct kc_person *out, struct kc_people *people,
                                            const struct kc_signer_id *id, uint64_t now_ms);

/* From the directory, verified, then kept. KC_UNKNOWN_SIGNER, KC_CERT_..., KC_DIRECTORY_DOWN. Waits. */
KC_MUST_USE struct kc_result kc_people_fetch(struct kc_person *out, struct kc_people *people,
                                             struct kc_directory *directory,
                                             const struct kc_crypto *crypto,
                                             const struct kc_signer_id *id, uint64_t now_ms);

/* Keeps a person whose certificates were just looked up and found good, as if fetched; fills its id. */
void kc_people_keep(struct kc_people *people, const struct kc_crypto *crypto,
                    struct kc_person *person);

/* Both certificates of a number; *sign and *encrypt are their SHA-256. KC_NOT_FOUND unless both are there and good. */
KC_MUST_USE struct kc_result
kc_people_certificates(struct kc_person *out, uint8_t sign[KC_DIGEST_SIZE],
                       uint8_t encrypt[KC_DIGEST_SIZE], struct kc_people *people,
                       struct kc_directory *directory, const struct kc_crypto *crypto,
                       uint64_t number, uint64_t now_ms);

/* The newest issuing certificate, verified: below the pinned root if there is one, else below the newest that counts, and of
 * these the one that began last. And that of a person who was found, with the root that it is by, unless `root` is NULL.
 * KC_DIRECTORY_DOWN before the first refresh. */
KC_MUST_USE struct kc_result kc_people_issuer(struct kc_buffer *out, struct kc_people *people);
KC_MUST_USE struct kc_result kc_people_issuer_of(struct kc_buffer *out, struct kc_buffer *root,
                                                 struct kc_people *people,
                                                 const struct kc_person *person);

/* The pinned root. KC_BUFFER_SMALL. */
KC_MUST_USE struct kc_result kc_people_pinned(struct kc_buffer *out, struct kc_people *people);
/* All issuers that count, by a root that does, each with that root; in any order. */
struct kc_people_issuers {
    size_t count;
    struct kc_view ders[KC_ISSUERS_MAX];
    struct kc_view roots[KC_ISSUERS_MAX];
    uint8_t bytes[KC_ISSUERS_MAX][KC_CERTIFICATE_SIZE_MAX];
    uint8_t root_bytes[KC_ISSUERS_MAX][KC_CERTIFICATE_SIZE_MAX];
};
void kc_people_issuers(struct kc_people_issuers *out, struct kc_people *people, uint64_t now_ms);
/* Whether a certificate stands on the last list of the issuer that it is by, or that has ended; also when it cannot be read.
 * `people` is a struct kc_people, as whoever calls back has it. */
bool kc_people_is_revoked(void *people, struct kc_view certificate);

/* The pair that a person was found by. KC_DIRECTORY_DOWN before the first refresh. */
KC_MUST_USE struct kc_result kc_people_pair(uint8_t out[KC_PEOPLE_PAIR_SIZE],
                                            struct kc_people *people,
                                            const struct kc_crypto *crypto,
                                            const struct kc_person *person);

/* How many issuers came to be known as ended since the opening: when it grows, what was taken from the directory before may be a
 * thief's. */
uint64_t kc_people_endings(struct kc_people *people);

/* Whether a pair that the directory may not show any more is on its issuer's list, or where that has ended on that of the next
 * one, which certified it anew; it ends at `expires_ms`. Fills what *out has
 * of certificates, but no key and no name, so that others can be asked. KC_CERT_EXPIRED, KC_CERT_REVOKED; KC_DIRECTORY_DOWN: the
 * issuer is not known, which is no place then, or its list is old. */
KC_MUST_USE struct kc_result kc_people_check_pair(struct kc_person *out, struct kc_people *people,
                                                  const struct kc_crypto *crypto,
                                                  const uint8_t pair[KC_PEOPLE_PAIR_SIZE],
                                                  uint64_t expires_ms, uint64_t now_ms);

/* Whether the issuer of such a pair has ended. Then its numbers may be a thief's, who is on nobody's list; or those of a good
 * pair, which anybody can read: what kc_people_check_pair says is too little to believe the key; somebody has to speak for it. */
bool kc_people_is_of_ended(struct kc_people *people, const struct kc_crypto *crypto,
                           const uint8_t pair[KC_PEOPLE_PAIR_SIZE]);

/* The issuer of such a pair, a certificate, whatever its list says; person->sign_serial and person->encrypt_serial are filled.
 * KC_DIRECTORY_DOWN: it is not known. KC_BUFFER_SMALL. */
KC_MUST_USE struct kc_result kc_people_name_pair(struct kc_buffer *issuer, struct kc_person *person,
                                                 struct kc_people *people,
                                                 const struct kc_crypto *crypto,
                                                 const uint8_t pair[KC_PEOPLE_PAIR_SIZE],
                                                 uint64_t now_ms);

/* Calls for each certificate that the directory shows of a number, and that an issuer of ours signed for it, as long as that
 * gives true, and says how many these are. None where it has no entry. Waits. KC_DIRECTORY_DOWN. */
KC_MUST_USE struct kc_result kc_people_each_shown(size_t *count, struct kc_people *people,
                                                  struct kc_directory *directory, uint64_t number,
                                                  uint64_t now_ms, void *owner,
                                                  bool (*each)(void *owner, struct kc_view der));

/* Fetches roots, issuers and revocation lists. Waits. An issuer that no root signed that counts, or without a list that it
 * signed, is passed over. When that is each, or it has ended: KC_CERT_INVALID, KC_CERT_EXPIRED, KC_CERT_REVOKED; also
 * KC_DIRECTORY_DOWN, and KC_TOO_LARGE with more than KC_ISSUERS_MAX issuers that have not ended. */
KC_MUST_USE struct kc_result kc_people_refresh(struct kc_people *people,
                                               struct kc_directory *directory, uint64_t now_ms);

#endif
