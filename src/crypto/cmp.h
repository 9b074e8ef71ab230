/* Certificate Management Protocol (RFC 4210, RFC 9480), signature-protected, over libcrypto's implementation of it.
 *
 * One message carries one request, about one certificate: a key pair for signing and one for sealing are two transactions.
 *
 *   requester                      answerer
 *   ir, cr, p10cr, kur  ───────>   certify    the certificate is there at return
 *              ip, cp, kup <────
 *   certConf            ───────>   reject     only when the requester does not take it
 *              pkiConf  <───────
 *   rr                  ───────>   revoke
 *              rp       <───────
 *
 * Who asks is known by the certificate that the answerer names for the sender's name, and by no other: no chain, no password, no
 * certificate that comes along with the message is believed. A certConf belongs to a transaction in memory, at most
 * KC_CMP_OPEN_MAX of them; when it is forgotten the certificate stays as it is and the requester asks anew. */
#ifndef KC_CRYPTO_CMP_H
#define KC_CRYPTO_CMP_H

#include "crypto/x509.h"

#define KC_CMP_OPEN_MAX 16u
#define KC_CMP_SEEN_MAX 256u
#define KC_CMP_SENDER_CERTIFICATES_MAX 4u

enum kc_cmp_kind { KC_CMP_CERTIFY, KC_CMP_UPDATE, KC_CMP_REVOKE };

/* What somebody asks for. */
struct kc_cmp_ask {
    enum kc_cmp_kind kind;
    char sender[KC_SUBJECT_SIZE];
    /* Certify and update. */
    char subject[KC_SUBJECT_SIZE];
    enum kc_profile profile; /* sign or encrypt */
    struct kc_public_key key;
    uint64_t expires_ms;            /* 0: nothing was said */
    uint8_t digest[KC_DIGEST_SIZE]; /* of the message */
    /* Revoke. */
    uint8_t serial[KC_SERIAL_SIZE];
    unsigned reason;
};

/* Who answers. Everything is lent. */
struct kc_cmp_answerer {
    struct kc_view certificate;
    const struct kc_private_key *key; /* of bytes, or a P-256 one that is held elsewhere */
    const struct kc_view *issuers; /* the newest first; each made certificates that may be named */
    size_t issuer_count;
    /* What leads from other roots to theirs, for who trusts those; it goes with every answer. */
    const struct kc_view *crosses;
    size_t cross_count;
    uint64_t clock_ms; /* how far the time in a request may be off */
    void *owner;
    /* A certificate that a message of this sender may be signed with: the one in use for index 0, then others that are good;
     * and whether the sender's word is enough that a holder has the private key. KC_UNKNOWN_SIGNER. */
    struct kc_result (*find)(void *owner, struct kc_buffer *der, bool *vouches, const char *sender,
                             size_t index);
    struct kc_result (*certify)(void *owner, struct kc_buffer *der, const struct kc_cmp_ask *ask);
    struct kc_result (*revoke)(void *owner, const struct kc_cmp_ask *ask);
    /* The requester does not take the certificate of this ask. */
    void (*reject)(void *owner, const struct kc_cmp_ask *ask, struct kc_view der);
};

struct kc_cmp_server;

/* KC_NO_MEMORY, KC_WRONG_ALGORITHM (a held key that is not P-256), KC_CERT_INVALID. `answerer` is copied. */
KC_MUST_USE struct kc_result kc_cmp_server_open(struct kc_cmp_server **out,
                                                const struct kc_cmp_answerer *answerer);
void kc_cmp_server_close(struct kc_cmp_server *server);

/* Answers one message; *reply is a message, and *outcome what became of the request: KC_OK, a refusal by name as the callbacks
 * gave it, KC_EXPIRED (its time is off), KC_REPLAYED (its transaction was seen), KC_BAD_SIGNATURE for whatever libcrypto refused.
 * Fails, with an empty reply, for bytes that are no message: KC_MALFORMED, KC_TOO_LARGE; and with KC_CRYPTO_FAILED. What is not
 * its sender's gets no more than that either: KC_UNKNOWN_SIGNER (no certificate may sign for that name), KC_BAD_SIGNATURE (it is
 * not protected by a signature, or goes on with a transaction whose beginner did not sign it, which stays open). */
KC_MUST_USE struct kc_result kc_cmp_server_answer(struct kc_buffer *reply, enum kc_error *outcome,
                                                  struct kc_cmp_server *server,
                                                  struct kc_view message, uint64_t now_ms);

/* ---- asking ---- */

/* Who asks, as registrar or bank: by its own certificate, for others, whose private keys it saw at work. Everything is lent. */
struct kc_cmp_asker {
    struct kc_view certificate;
    const struct kc_private_key *key; /* as an answerer's */
    /* What signs certificates, or signed them once: a key that is asked for again has the one that it got then. */
    const struct kc_view *issuers;
    size_t issuer_count;
    const struct kc_view *roots; /* of each, the one that it is by */
    const char *answerer;        /* the common name in the certificate that signs the answers */
    /* Whether a certificate stands on its issuer's list: whose key that is answers nothing (KC_BAD_SIGNATURE). */
    bool (*is_revoked)(void *lists, struct kc_view der);
    void *lists;
    unsigned
        timeout_ms; /* for everything together, also when the answerer wants to be asked again later */
    void *owner;
    /* Carries a message there and brings the answer. Its errors come back from the calls below. */
    struct kc_result (*send)(void *owner, struct kc_buffer *reply, struct kc_view message);
};

struct kc_cmp_order {
    const char *subject;
    enum kc_profile profile;
    const struct kc_public_key *key;
    uint64_t expires_ms;
};

/* Asks for a certificate (cr) and confirms it when it is what was asked for: of that subject, key and use, not longer than that,
 * under one of those issuers. Else it is declined there: KC_CERT_INVALID. KC_BAD_SIGNATURE: the answer is not the answerer's.
 * A refusal comes back by the name that its text or its failure gives, and as KC_AUTHORITY_REFUSED when neither is known.
 * KC_TIMEOUT, KC_CRYPTO_FAILED, KC_NO_MEMORY. After any failure of the way a certificate may have been issued: asking again
 * gets it. */
KC_MUST_USE struct kc_result kc_cmp_certify(struct kc_buffer *der, const struct kc_cmp_asker *asker,
                                            const struct kc_cmp_order *order);

/* Revokes one certificate (rr); the reason is RFC 5280's. Errors as above; KC_CERT_REVOKED: it was before. */
KC_MUST_USE struct kc_result kc_cmp_revoke(const struct kc_cmp_asker *asker, struct kc_view der,
                                           unsigned reason);

/* The same for a certificate that is not at hand, by its issuer's certificate and its number. */
KC_MUST_USE struct kc_result kc_cmp_revoke_number(const struct kc_cmp_asker *asker,
                                                  struct kc_view issuer,
                                                  const uint8_t serial[KC_SERIAL_SIZE],
                                                  unsigned reason);

#endif
