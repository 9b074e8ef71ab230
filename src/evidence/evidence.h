/* Evidence files: a proof against a purse by its own signatures, which a stranger checks with the bank's certificate alone
 * (docs/protocol.md "Evidence files"); also where the purse renewed its keys between the two things that it signed.
 *
 * Items are taken apart into statements, each a thing that the purse signed: "the entry of counter 7 is this", "the history
 * up to counter 6 has this head". An honest purse never signs two statements that exclude each other, nor a history that pays
 * more than it held. A file names the rule and the counter; a reader looks for exactly that.
 *
 *  1. Every item verifies under the one key that the bank's signed identity gives the accused purse, and names that purse. Over a
 *     renewal there are two identities: the first item is of the older key, the second of the newer one.
 *  2. What nobody signed counts for nothing. What only the bank could know counts in favour of the accused.
 *  3. Both items of a file are needed: each holds one of the two statements.
 *  4. What an older key says holds up to the close entry that the newer one reported, and nothing behind it: by then it may be in
 *     other hands. That it signed behind is a rule of its own, which does not say whose hand it was.
 *
 * No heap, no clock: work memory is lent. Everything in a file is taken as hostile. */
#ifndef KC_EVIDENCE_EVIDENCE_H
#define KC_EVIDENCE_EVIDENCE_H

#include "base/limits.h"
#include "message/cose.h"
#include "message/generated/messages.h"

/* The largest evidence file: three messages, three identities and the bank's signature. */
#define KC_EVIDENCE_SIZE_MAX 32768
#define KC_EVIDENCE_ITEMS_MAX 2
#define KC_STATEMENTS_MAX 112
/* An item of a file, encoded. */
#define KC_EVIDENCE_ITEM_SIZE_MAX (KC_MESSAGE_SIZE_MAX + 64)

enum kc_statement_type {
    KC_STATEMENT_ORDER,   /* the entry of `counter` is a payment by this signed order */
    KC_STATEMENT_RECEIPT, /* the entry of `counter` takes the payment of this signed order */
    KC_STATEMENT_DECLINE, /* the payment of this signed order, for `counter`, is never taken */
    KC_STATEMENT_ENTRY,   /* the entry of `counter` has this digest */
    KC_STATEMENT_HEAD,    /* the history up to `counter` has this head */
    KC_STATEMENT_STAMP,   /* at this time stamp the newest entry was that of `counter` */
    KC_STATEMENT_TOTALS,  /* the purse's totals after the entry of `counter`; they only grow */
    KC_STATEMENT_CLOSE,   /* the entry of `counter` ended the key before this one */
};

struct kc_statement {
    enum kc_statement_type type;
    size_t item;
    uint64_t counter;
    /* Of the signed order, of the entry, or the head; unused for a stamp. */
    uint8_t digest[KC_DIGEST_SIZE];
    enum kc_entry_kind kind;       /* entry */
    uint8_t about[KC_DIGEST_SIZE]; /* entry: the partner's message that it rests on */
    struct kc_amount amount;       /* order, entry */
    struct kc_account_id account;  /* order: the payee */
    struct kc_purse_id purse;
    struct kc_amount paid; /* totals */
    struct kc_amount received;
    struct kc_amount returned;
    uint64_t reason;  /* decline */
    uint64_t time_ms; /* of the signed thing; 0 for head and totals */
};

/* What an overspent history adds up to, before the entry that it cannot pay. */
struct kc_evidence_sums {
    struct kc_amount certified; /* the bank's certified amount, at `counter` */
    uint64_t counter;
    struct kc_amount received;
    struct kc_amount returned;
    struct kc_amount paid;
    struct kc_amount uncounted; /* received by records that show nothing */
    struct kc_amount left;      /* certified + received + returned - paid */
    struct kc_amount amount;    /* what the entry pays; more than what is left */
};

/* What an item was. */
struct kc_evidence_part {
    enum kc_proof_kind kind;
    const struct kc_shape *shape;
    uint64_t time_ms;
};

struct kc_evidence_finding {
    enum kc_proof_rule rule;
    uint64_t counter;
    size_t part_count;
    struct kc_evidence_part parts[KC_EVIDENCE_ITEMS_MAX];
    /* The two statements that exclude each other; of overspent there are only the sums. */
    struct kc_statement first;
    struct kc_statement second;
    struct kc_evidence_sums sums;
};

/* What a proof rests on; views are the caller's. */
struct kc_evidence_content {
    struct kc_realm realm;
    struct kc_account_id account;
    struct kc_purse_id purse;
    struct kc_view identity;      /* as the bank signed it; over a renewal that of the older key */
    struct kc_view_list partners; /* the same of payers; wanted for overspent only */
    bool renewed;                 /* the following count: the second item is of another key */
    struct kc_view newer;         /* its identity */
    bool has_close;               /* the report that ends the older key, where the item does not */
    struct kc_evidence_item close;
    struct kc_view
        closer; /* the identity of the key of that report, where it is not the newer one */
    size_t item_count;
    struct kc_evidence_item items[KC_EVIDENCE_ITEMS_MAX];
};

/* The records of a whole history, as far as one report shows it. */
struct kc_evidence_history {
    bool whole;
    struct kc_certified certified;
    size_t count;
    struct kc_entry entries[KC_LIST_COUNT_MAX];
    struct kc_log_record records[KC_LIST_COUNT_MAX];
};

/* Keys of the bank before the one that signs the file: for what it certified long ago. They say nothing for who holds a
 * purse's key. */
#define KC_EVIDENCE_FORMERS_MAX 32

struct kc_evidence_work {
    size_t former_count; /* zero, or set by the caller with `formers` */
    struct kc_public_key formers[KC_EVIDENCE_FORMERS_MAX];
    uint8_t plain[KC_EVIDENCE_ITEMS_MAX + 1][KC_EVIDENCE_ITEM_SIZE_MAX];
    uint8_t encoded[KC_EVIDENCE_SIZE_MAX];
    size_t statement_count;
    struct kc_statement statements[KC_STATEMENTS_MAX];
    struct kc_evidence_history history;
};

/* The rule by which two statements of one purse exclude each other, and the counter it is about; 0 when both may be true. */
unsigned kc_evidence_conflict(uint64_t *counter, const struct kc_statement *a,
                              const struct kc_statement *b);

/* The same of a statement of the older key and one of the newer. */
unsigned kc_evidence_after_close(uint64_t *counter, const struct kc_statement *older,
                                 const struct kc_statement *newer);

/* The newest counter that an item of what was looked at last speaks of. */
uint64_t kc_evidence_newest(const struct kc_evidence_work *work, size_t item);

/* Verifies all of the content and looks for a proof of KC_COPIED_OR_RESTORED or KC_OVERSPENT in it, or with KC_OK of either.
 * KC_NOT_PROVEN when there is none. An identity or an item that is not
 * what it has to be: errors of kc_identity_open, kc_signed_verify, kc_brief_verify, kc_unseal_with and kc_shape_decode;
 * KC_MISMATCH for what is about another purse or does not fit together, KC_UNKNOWN_SIGNER for a message of another key,
 * KC_WRONG_TYPE for one that shows nothing of this kind. */
KC_MUST_USE struct kc_result
kc_evidence_find(struct kc_evidence_finding *out, struct kc_evidence_work *work,
                 const struct kc_crypto *crypto, const struct kc_public_key *bank,
                 const struct kc_evidence_content *content, enum kc_error reason);

/* What the bank adds to a file. */
struct kc_evidence_label {
    uint64_t alert;
    uint64_t decimals;
    uint64_t time_ms;
};

/* Writes the file of what kc_evidence_find found. KC_BUFFER_SMALL, KC_TOO_LARGE, KC_CRYPTO_FAILED. */
KC_MUST_USE struct kc_result kc_evidence_make(struct kc_buffer *out, struct kc_evidence_work *work,
                                              const struct kc_crypto *crypto,
                                              const struct kc_signer *bank,
                                              const struct kc_evidence_content *content,
                                              const struct kc_evidence_finding *finding,
                                              const struct kc_evidence_label *label);

/* Whose file it says it is, before anything is verified. KC_MALFORMED and the decoder's errors. */
KC_MUST_USE struct kc_result kc_evidence_realm(struct kc_realm *out, struct kc_view bytes);

struct kc_evidence_verdict {
    struct kc_evidence_file file; /* views point into the file's bytes */
    bool renewed;                 /* it is over a renewal: `file` has what both kinds have */
    struct kc_renewed_evidence over;
    struct kc_realm realm;
    struct kc_evidence_finding finding;
};

/* Checks a file with the bank's signature key. KC_OK: proven, *out says what. KC_NOT_PROVEN: everything verifies and does not
 * show what the file says. Else the file is none: KC_TOO_LARGE, KC_MALFORMED and the decoder's errors, KC_UNKNOWN_SIGNER (not by
 * this bank's key), KC_BAD_SIGNATURE (changed since), and errors of kc_evidence_find. */
KC_MUST_USE struct kc_result kc_evidence_verify(struct kc_evidence_verdict *out,
                                                struct kc_evidence_work *work,
                                                const struct kc_crypto *crypto,
                                                const struct kc_public_key *bank,
                                                struct kc_view bytes);

#endif
