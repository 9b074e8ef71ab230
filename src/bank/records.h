/* Reported records, verified as far as it can be without the ledger: the chain, the orders and answers inside, and their
 * signatures with the keys of the purses that the orders name. No directory here: whoever calls gives the keys. */
#ifndef KC_BANK_RECORDS_H
#define KC_BANK_RECORDS_H

#include "bank/known.h"
#include "ledger/ledger.h"
#include "message/cose.h"

/* How the key that a partner renewed stands to one counter of its own. */
enum kc_partner_term {
    KC_TERM_NONE,   /* it renewed none */
    KC_TERM_ONLY,   /* it had this one: the counter is not behind the close entry */
    KC_TERM_EITHER, /* it has both: nobody knows yet whether it changed over */
    KC_TERM_ENDED,  /* it had no more than the newest one */
};

/* The renewed key that matters for one record. */
struct kc_partner_old {
    enum kc_partner_term term;
    bool late; /* what it signed is waited for no more */
    struct kc_public_key key;
    uint8_t encoded[KC_COSE_KEY_SIZE_MAX];
};

/* Whose key verifies a partner's signature. */
struct kc_partner {
    uint64_t number;  /* of the purse */
    uint64_t account; /* its account, once the key is here */
    enum kc_error
        error; /* KC_OK: the key is here; KC_NOT_FOUND: nobody looked yet; else why there is none */
    bool bearer;                        /* a card without keys: its orders carry a MAC */
    uint8_t secret[KC_MAC_SECRET_SIZE]; /* with this */
    struct kc_public_key key;
    uint8_t encoded[KC_COSE_KEY_SIZE_MAX]; /* it as COSE_Key, once something was verified with it */
};

struct kc_records {
    size_t count;
    struct kc_ledger_record items[KC_LIST_COUNT_MAX];
    struct kc_view answers[KC_LIST_COUNT_MAX];    /* as they came; empty where there is none */
    struct kc_partner_old old[KC_LIST_COUNT_MAX]; /* of the partner of each; set by the caller */
    /* it signed with a key of its that does not count there: one that it left for another before it confirmed it, one that had
     * ended, or had not begun; set by the caller */
    bool left[KC_LIST_COUNT_MAX];
    size_t partner_count;
    struct kc_partner partners[KC_LIST_COUNT_MAX];
    struct kc_known
        *known; /* set by the caller after kc_records_read, or NULL: verify each signature */
};

/* The key that the bank kept of a purse that is out of use, or whose certificate has ended: what it signed before holds for as
 * long after the certificate's end as late records are waited for. Then *partner has the error KC_EXPIRED. */
void kc_partner_take_kept(struct kc_partner *partner, const struct kc_purse_key_row *keys,
                          uint64_t now_ms, uint64_t settle_ms);

/* The gap of a report; one that its certified value covers is none. KC_MISMATCH when it ends after the purse's newest entry, and
 * the decoder's errors. */
KC_MUST_USE struct kc_result kc_records_read_gap(struct kc_ledger_information *information,
                                                 struct kc_view bytes);

/* Takes the records apart and follows the chain from the certified head, or that after the gap, to the newest entry, or up to
 * where the records end;
 * *out names the partners whose keys are wanted. An order or answer that cannot be read is an objection to its record. Views
 * point into `list`. KC_MISMATCH when they are no chain, and the decoder's errors. */
KC_MUST_USE struct kc_result kc_records_read(struct kc_records *out,
                                             const struct kc_ledger_information *information,
                                             const struct kc_view_list *list,
                                             const struct kc_crypto *crypto);

/* The counter of its own at which this partner signed for the record; 0 when the record wants none of its signatures. */
uint64_t kc_records_counter(const struct kc_records *records, size_t at, uint64_t partner);

/* Whether this key made the signature of its partner that the record wants. */
bool kc_records_signed(const struct kc_records *records, size_t at, const struct kc_public_key *key,
                       const struct kc_crypto *crypto, const struct kc_realm *realm);

/* Verifies every order and answer; what does not verify or fit becomes the objection of its record. `own` is the reporter's. */
void kc_records_verify(struct kc_records *records, const struct kc_crypto *crypto,
                       const struct kc_realm *realm, const struct kc_public_key *own);

#endif
