/* Whether certificates were revoked, asked and answered at once (OCSP, RFC 6960; nonce: RFC 9654).
 *
 * An answer is signed by the issuer itself or, as ours are, by a key that the issuer certified for that and for nothing else
 * (KC_PROFILE_STATUS). Every question of ours has a nonce, so an answer is good for one question: it proves what was so when it
 * was asked, whatever the clocks say. */
#ifndef KC_CRYPTO_OCSP_H
#define KC_CRYPTO_OCSP_H

#include "crypto/x509.h"

#define KC_CONTENT_OCSP_REQUEST "application/ocsp-request"
#define KC_CONTENT_OCSP_REPLY "application/ocsp-response"
#define KC_OCSP_REQUEST_SIZE_MAX 4096u
#define KC_OCSP_REPLY_SIZE_MAX 8192u
/* Of what one question may ask; another responder's client has to ask more than once then. */
#define KC_OCSP_SERIALS_MAX 16u
#define KC_OCSP_NONCE_SIZE 32u
/* The longest that is answered (RFC 9654 section 2.1). */
#define KC_OCSP_NONCE_SIZE_MAX 128u
/* A question in the path of a GET, as base64. */
#define KC_OCSP_PATH_SIZE_MAX 1024u

enum kc_ocsp_status { KC_OCSP_GOOD, KC_OCSP_REVOKED, KC_OCSP_UNKNOWN };

/* ---- the responder ---- */

struct kc_ocsp_word {
    enum kc_ocsp_status status;
    uint64_t revoked_ms; /* with KC_OCSP_REVOKED */
    unsigned reason;     /* RFC 5280 section 5.3.1 */
};

/* Says what is known of a serial. An error ends the whole question. */
typedef struct kc_result (*kc_ocsp_look)(void *owner, struct kc_ocsp_word *out,
                                         const uint8_t serial[KC_SERIAL_SIZE]);

/* Who signs answers: a certificate and its key, ready for use. For one thread. */
struct kc_ocsp_signer;

/* `key` must be here and not in a token. KC_CERT_INVALID, KC_CRYPTO_FAILED. Freed by kc_ocsp_signer_free. */
KC_MUST_USE struct kc_result kc_ocsp_signer_open(struct kc_ocsp_signer **out,
                                                 struct kc_view certificate, struct kc_view issuer,
                                                 const struct kc_private_key *key);
void kc_ocsp_signer_free(struct kc_ocsp_signer *signer);

/* The one among `count` signers whose issuer's certificate a question asks about first, or NULL. */
struct kc_ocsp_signer *kc_ocsp_signer_for(struct kc_ocsp_signer *const *signers, size_t count,
                                          struct kc_view question);

/* Answers a DER question; `out` gets an answer in any case for which there is room and memory. A certificate of another issuer is
 * unknown. The result says what kind of answer it is, for the log: KC_OK; KC_MALFORMED (answered malformedRequest: also too many
 * serials, a nonce of a wrong size, a critical extension); KC_BUSY (answered tryLater: no signer yet, NULL); the error of
 * `look` and KC_CRYPTO_FAILED (answered internalError). */
KC_MUST_USE struct kc_result kc_ocsp_answer(struct kc_buffer *out, struct kc_ocsp_signer *signer,
                                            struct kc_view question, uint64_t now_ms,
                                            uint64_t life_ms, kc_ocsp_look look, void *owner);

/* The question in the path of a GET: base64, with nothing else in it. KC_MALFORMED, KC_TOO_LARGE. */
KC_MUST_USE struct kc_result kc_ocsp_path_read(struct kc_buffer *out, const char *path);

/* ---- who asks ---- */

/* Makes a question about serials of one issuer, one behind the other. KC_CERT_INVALID, KC_BUFFER_SMALL, KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_ocsp_ask(struct kc_buffer *out, struct kc_view serials,
                                         const uint8_t nonce[KC_OCSP_NONCE_SIZE],
                                         struct kc_view issuer);

/* What an answer must fit. */
struct kc_ocsp_expected {
    struct kc_view question; /* as it was sent */
    struct kc_view issuer;
    struct kc_view root;
    uint64_t now_ms;
    uint64_t clock_ms; /* how far the responder's clock may be off */
};

/* Verifies an answer and reads what it says of each serial of the question, in its order. Nothing is said with an error:
 * KC_MALFORMED no answer at all; KC_BUSY the responder has none (tryLater, internalError); KC_NOT_ALLOWED it gives none;
 * KC_CERT_INVALID not signed by the issuer or whom it certified for that; KC_REPLAYED without the question's nonce;
 * KC_MISMATCH a serial is not in it; KC_EXPIRED its times do not hold now. */
KC_MUST_USE struct kc_result kc_ocsp_read(enum kc_ocsp_status *out, size_t count,
                                          struct kc_view answer,
                                          const struct kc_ocsp_expected *expected);

#endif
