/* Revocation at once: the authority's responder (OCSP) beside its list, behind a memory of its answers.
 *
 *   mode   the list                                  the responder
 *   crl    must be there and not be old              is not asked
 *   both   must be there and not be old              asked; when it gives no answer that holds, the list decides
 *   ocsp   whom it names is refused; may be old      asked; without an answer that holds nobody is believed
 *
 * One "revoked" is enough, from either. A certificate that the responder does not know is nobody's, whoever signed it. An answer
 * is believed for `fresh_ms`, 0 being for the message it was asked for; a refusal also longer, as long as the responder does not
 * answer. A responder that could not be reached is left alone for a moment, so that one which hangs holds up no more than a few
 * messages. Times in here are the monotonic clock's, so that a clock that is set changes nothing. Any thread may call. */
#ifndef KC_BANK_REVOCATION_H
#define KC_BANK_REVOCATION_H

#include <pthread.h>
#include <stdatomic.h>

#include "crypto/ocsp.h"
#include "directory/people.h"
#include "service/http_client.h"

#define KC_REVOCATION_QUIET_NS UINT64_C(1000000000)

enum kc_revocation_mode { KC_REVOCATION_CRL, KC_REVOCATION_BOTH, KC_REVOCATION_OCSP };

/* What the responder said of a pair of certificates. The next issuer gives the numbers of one that ended again, and its word is
 * another. */
struct kc_revocation_place {
    size_t issuer; /* as struct kc_person has it */
    uint8_t serials[2][KC_SERIAL_SIZE];
    uint64_t asked_ns; /* 0: an empty place */
    enum kc_error word;
};

struct kc_revocation {
    enum kc_revocation_mode mode;
    char url[KC_URL_SIZE_MAX + 8];
    uint64_t fresh_ns;
    uint64_t clock_ms;
    atomic_ullong quiet_until_ns;
    atomic_int last; /* how the last question ended, so that a change is logged once */
    pthread_mutex_t lock;
    size_t count; /* of places, a power of two */
    struct kc_revocation_place *places;
};

/* "crl", "both" or "ocsp". */
bool kc_revocation_mode_read(enum kc_revocation_mode *out, const char *text);

/* `url` is whole; when it is empty the responder is /ocsp of `authority_url`. `places` is rounded up to a power of two.
 * KC_CONFIG_INVALID when somebody is to be asked and neither says who; KC_NO_MEMORY. A zeroed one is of mode crl and may be
 * closed. */
KC_MUST_USE struct kc_result kc_revocation_open(struct kc_revocation *revocation,
                                                enum kc_revocation_mode mode, const char *url,
                                                const char *authority_url, uint64_t fresh_ms,
                                                uint64_t clock_ms, size_t places);
void kc_revocation_close(struct kc_revocation *revocation);

/* From memory: whether the responder has to be asked about a person whom the list did not name. If not, *word says whether the
 * person is to be believed: KC_OK, KC_CERT_REVOKED, KC_UNKNOWN_SIGNER, KC_REVOCATION_UNKNOWN. */
bool kc_revocation_must_ask(struct kc_result *word, struct kc_revocation *revocation,
                            const struct kc_person *person, uint64_t now_ns);

/* Asks, and keeps the answer. Waits. As *word above. */
KC_MUST_USE struct kc_result kc_revocation_ask(struct kc_revocation *revocation,
                                               struct kc_http_client *client,
                                               const struct kc_crypto *crypto,
                                               struct kc_people *people,
                                               const struct kc_person *person, uint64_t now_ms);

/* Takes an answer to `question`, which was asked at `asked_ns`; the result is why it does not hold, and then nothing is kept.
 * What it says is what kc_revocation_must_ask finds. For kc_revocation_ask and its tests. */
KC_MUST_USE struct kc_result kc_revocation_take(struct kc_revocation *revocation,
                                                const struct kc_person *person,
                                                struct kc_view answer,
                                                const struct kc_ocsp_expected *expected,
                                                uint64_t asked_ns, struct kc_result *word);

#endif
