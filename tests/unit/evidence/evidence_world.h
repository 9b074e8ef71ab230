/* What purses signed, as items of an evidence file; and reports that no purse would write. */
#ifndef KC_TESTS_EVIDENCE_WORLD_H
#define KC_TESTS_EVIDENCE_WORLD_H

#include "evidence/evidence.h"
#include "exchange_world.h"

/* An item with its bytes. */
struct said {
    struct kc_evidence_item item;
    uint8_t bytes[KC_MESSAGE_SIZE_MAX];
};

/* The order inside a payment, the receipt or decline inside an answer, an envelope with its content key. */
void said_order(struct said *out, struct kc_view payment);
void said_answer(struct said *out, struct kc_view answer);
void said_envelope(struct said *out, struct kc_view envelope);
/* The purse's next report. */
void said_report(struct said *out, struct side *side);

/* Looks for a proof against a purse in one item, or two. */
enum kc_error accuse(struct kc_evidence_finding *out, const struct side *side,
                     const struct said *first, const struct said *second);
/* The same with identities of payers. */
enum kc_error accuse_with(struct kc_evidence_finding *out, const struct side *side,
                          const struct said *report, const struct kc_view_list *partners);

/* The same of two keys of one purse: `closer` and `close` may be NULL, the key that reported where the older one ended, and that
 * report. */
enum kc_error accuse_over(struct kc_evidence_finding *out, const struct side *older,
                          const struct side *newer, const struct said *first,
                          const struct said *second, const struct said *close,
                          const struct side *closer);

/* The purse with its next keys and the identity of them. */
void side_renew(struct side *to, const struct side *from);

/* The file of what was found last. */
struct kc_view make_file(struct kc_buffer *out, const struct kc_evidence_finding *finding);
enum kc_error verify_file(struct kc_evidence_verdict *out, struct kc_view file);
/* The content that was looked at last; a test may change it before it makes a file. */
struct kc_evidence_content *last_content(void);

/* A report written by hand with the purse's key. */
struct forgery {
    struct side *side;
    struct kc_settle_request request;
    uint64_t counter;
    uint8_t head[KC_DIGEST_SIZE];
    uint8_t records[KC_LIST_COUNT_MAX][1632];
    uint8_t gap[96];
    struct kc_amount paid; /* the total it claims */
    struct kc_view about; /* what the entries say that they rest on, when that is not their order */
};

void forge(struct forgery *out, struct side *side);
/* The next entry; `order` may be empty, and so may `voids`. */
void forge_entry(struct forgery *forgery, enum kc_entry_kind kind, uint64_t minor,
                 struct kc_view order, uint64_t voids);
/* The close entry that names the identity of the forger. */
void forge_close(struct forgery *forgery);
void forge_report(struct said *out, struct forgery *forgery);

/* An order to the forger for its next entry, signed with these keys. */
struct kc_view forge_order(struct kept *out, const struct forgery *forgery,
                           const struct side *payer, uint64_t minor, const struct keys *keys);

#endif
