/* What a machine owes and its purse cannot pay: to a card without keys, to the account that a voucher came from, or for a
 * payment of which it is not known who made it. The bank pays that from the dealer's account, on the machine's signed word, which
 * its server carries.
 *
 *   owed --asked--> the bank is asked --its word--> given-back        the dealer, by hand --settled-->
 *                     └── it said no --asked, with the reason--> is asked again, or settled by hand
 *
 * 1. That the bank is asked is in the journal before the word leaves. From then on the purse pays it to nobody: only the bank's
 *    word or the dealer's hand end it.
 * 2. The bank pays each sale once, whoever brings the word, and however often. So nothing of it is kept at the server: after
 *    any cut it asks the machine again, and the bank gives the same word again.
 * 3. The dealer repays by hand only what the bank said no to last. A word that is out, without an answer, may still be paid: also
 *    one that goes out once more after a no, of which the file asked-SALE tells until the next answer.
 *
 * | cut after                 | machine    | bank       | next round                               |
 * |---------------------------|------------|------------|------------------------------------------|
 * | line `asked`              | asked      | nothing    | the machine gives its word                |
 * | word at the server        | asked      | nothing    | the same                                 |
 * | bank paid, answer lost    | asked      | paid       | the same; the bank says again that it did |
 * | machine took it, lost     | given-back | paid       | nothing is owed                          | */
#ifndef KC_VENDOR_GIVEBACK_H
#define KC_VENDOR_GIVEBACK_H

#include "vendor/machine.h"

/* ---- the machine ---- */

/* The machine's signed word on the first sale after number `after` that the bank has to pay; empty when there is none. It lies
 * in the slot. That it is asked for is durable at return. */
KC_MUST_USE struct kc_result kc_giveback_next(struct kc_view *out, struct kc_machine *machine,
                                              uint64_t after);

/* Takes the bank's word: the sale is owed no more. Again is fine. KC_BAD_SIGNATURE and whatever makes it no word of the bank;
 * KC_MISMATCH (another machine's, or not what is owed), KC_ALREADY_EXISTS (nothing is owed: it was repaid otherwise). */
KC_MUST_USE struct kc_result kc_giveback_take(struct kc_machine *machine, struct kc_view word);

/* The bank said no. *is_new: for the first time, or for another reason than before; then it is in the journal. KC_NOT_FOUND. */
KC_MUST_USE struct kc_result kc_giveback_refused(bool *is_new, struct kc_machine *machine,
                                                 uint64_t sale, enum kc_error reason);

/* The dealer repaid it otherwise. KC_NOT_FOUND (nothing is owed for that sale), KC_PENDING (it is under way: a payment of the
 * purse, or the bank is asked and its answer is not here). */
KC_MUST_USE struct kc_result kc_giveback_settle(struct kc_machine *machine, uint64_t sale);

/* ---- the server ---- */

/* How a round reaches its machine, its notes and its bank. */
struct kc_giveback_round {
    void *owner;
    /* The reply lies in *reply until the next call. A reason of the machine is the result. */
    struct kc_result (*ask)(void *owner, const struct kc_collect_reply **reply,
                            struct kc_collect_request *request);
    /* Posts the word to the bank. */
    struct kc_result (*post)(void *owner, struct kc_buffer *answer, struct kc_view word);
    void (*note)(void *owner, const char *kind, enum kc_error reason, const struct kc_sale *about);
    void (*stop_after)(void *owner, const char *what); /* for tests */
};

/* Has the bank pay what the machine says that it owes. What the bank refuses stays owed, is told to the machine and noted, and
 * is no failure of the round. KC_UNREACHABLE and the like, of machine or bank. */
KC_MUST_USE struct kc_result kc_giveback_round(const struct kc_giveback_round *round);

#endif
